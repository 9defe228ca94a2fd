"""The rows of a CSV text, each judged by the form that people use."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import MultiDict
from wtforms import SelectField

from actions import places
from views import place_forms
from views.place_forms import Noun

MOST = 5000


@dataclass(frozen=True)
class ReadRow:
    """One row of an import: what it says, and what is wrong with it."""

    number: int
    cells: dict[str, str]
    values: dict[str, Any] | None
    errors: list[str]


def columns(noun: Noun) -> list[str]:
    """The column names a file of this noun may have."""
    return [name for name in noun.form()._fields if name != "csrf_token"]


def read_csv(noun: Noun, text: str) -> tuple[list[ReadRow], list[str]]:
    """The rows, and what is wrong with the file as a whole."""
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey="", strict=True)
    try:
        names = [str(name or "").strip().lower() for name in reader.fieldnames or []]
        if problem := _heading_problem(names, columns(noun)):
            return [], [problem]
        reader.fieldnames = names
        raw = [(reader.line_num, cells) for cells in reader]
    except csv.Error as error:
        return [], [f"The file cannot be read as CSV near line {reader.line_num}: {error}."]
    if not raw:
        return [], ["There are no rows under the column names."]
    if len(raw) > MOST:
        return [], [f"The file has more than {MOST:,} rows. Split it."]
    seen: dict[tuple[Any, ...], int] = {}
    return [_read_row(noun, number, cells, seen) for number, cells in raw], []


def _heading_problem(names: list[str], known: list[str]) -> str | None:
    asked = f"The first line must name the columns, out of: {', '.join(known)}."
    if unknown := [name or "(empty)" for name in names if name not in known]:
        return f"{asked} Not known here: {', '.join(unknown)[:200]}."
    if "name" not in names:
        return f"{asked} The column name is needed."
    return f"{asked} One of them stands there twice." if len(set(names)) < len(names) else None


def _read_row(noun: Noun, number: int, cells: dict[str, Any], seen: dict[tuple[Any, ...], int]) -> ReadRow:
    extra = cells.pop("", None)
    cells = {name: (value or "").strip() for name, value in cells.items()}
    plain = noun.form(formdata=None, meta={"csrf": False})
    given = {name: str(field.default or "") for name, field in plain._fields.items()}
    given |= {name: value for name, value in cells.items() if value}
    form = noun.form(formdata=MultiDict(given), meta={"csrf": False})
    form.validate()
    errors = [_said(form[name], said[0]) for name, said in form.errors.items()]
    if extra:
        errors.append("The row has more cells than there are columns.")
    if errors:
        return ReadRow(number, cells, None, errors)
    values = place_forms.values(form)
    key = tuple(values[name] for name in places.ALIKE[noun.model])
    if key in seen:
        errors.append(f"The same as line {seen[key]}.")
    elif places.is_there(noun.model, values):
        errors.append("It is on file already.")
    seen.setdefault(key, number)
    return ReadRow(number, cells, values, errors)


def _said(field: Any, problem: str) -> str:
    if isinstance(field, SelectField):
        return f"{field.label.text}: one of {', '.join(value for value, _ in field.choices)}."
    return f"{field.label.text}: {problem}"
