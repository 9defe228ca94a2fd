"""Credentials as a table somebody kept before: one row each, read whole or not at all."""

from __future__ import annotations

import csv
import io
import re
from datetime import date
from typing import Any

from msgspec import Struct

COLUMNS = ("person", "kind", "number", "issuer", "state", "facility", "from", "until")
NEEDED = ("person", "kind")
LONGEST = {"person": 200, "kind": 120, "number": 60, "issuer": 120, "state": 2, "facility": 200}
MOST = 5000


class Row(Struct, frozen=True, kw_only=True):
    """What one row says, the person, kind and facility by the names that it gives them."""

    line: int
    person: str
    kind: str
    number: str
    issuer: str
    state: str
    facility: str
    from_on: date | None
    until_on: date | None


def read(text: str) -> tuple[list[Row], list[str]]:
    """The rows of a CSV text and every error in it, each with its line. Where there are errors nothing is to be taken."""
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), restkey="", strict=True)
    rows, errors = [], []
    try:
        names = [(name or "").strip().lower() for name in reader.fieldnames or []]
        if wrong := _heading_fault(names):
            return [], [wrong]
        reader.fieldnames = names
        for cells in reader:
            row, wrong_cells = _row(reader.line_num, cells)
            rows += [row] if row else []
            errors += [f"Line {reader.line_num}: {one}" for one in wrong_cells]
    except csv.Error as error:
        return [], [f"The file cannot be read as CSV near line {reader.line_num}: {error}."]
    if len(rows) > MOST:
        return [], [f"The file has more than {MOST:,} rows. Split it."]
    return rows, errors or ([] if rows else ["There are no rows under the column names."])


def _heading_fault(names: list[str]) -> str:
    asked = f"The first line must name the columns: {', '.join(COLUMNS)}."
    if unknown := [name or "(empty)" for name in names if name not in COLUMNS]:
        return f"{asked} Not known here: {', '.join(unknown)[:200]}."
    if missing := [name for name in NEEDED if name not in names]:
        return f"{asked} Missing: {', '.join(missing)}."
    return f"{asked} One of them stands there twice." if len(set(names)) < len(names) else ""


def _row(line: int, cells: dict[str, Any]) -> tuple[Row | None, list[str]]:
    wrong = ["The row has more cells than there are columns."] if cells.pop("", None) else []
    told = {name: (cells.get(name) or "").strip() for name in COLUMNS}
    wrong += [f"The {name} is missing." for name in NEEDED if not told[name]]
    wrong += [
        f"The {name} is too long." for name, most in LONGEST.items() if name != "state" and len(told[name]) > most
    ]
    if not re.fullmatch(r"([A-Za-z]{2})?", told["state"]):
        wrong.append("A state has two letters, such as IL.")
    days = {}
    for name in ("from", "until"):
        try:
            days[name] = read_day(told[name])
        except ValueError:
            wrong.append(f"The {name} date is {told[name][:40]!r}; write it as 2026-06-30 or 6/30/2026.")
    if wrong:
        return None, wrong
    texts = {name: told[name] for name in ("person", "kind", "number", "issuer", "facility")}
    return Row(line=line, state=told["state"].upper(), from_on=days["from"], until_on=days["until"], **texts), []


def read_day(text: str) -> date | None:
    """A day as ISO or as US spreadsheets write it; none when empty. Raises ValueError: a year has four digits."""
    if not text:
        return None
    if found := re.fullmatch(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})", text):
        month, day, year = map(int, found.groups())
        return date(year, month, day)
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError(text)
    return date.fromisoformat(text)
