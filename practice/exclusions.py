"""Files of excluded parties: which list they are, whether they are whole, and their rows in one form.

A file is taken whole or not at all: its header, every row's width, its end and its number of rows are checked
first. Unknown NPIs and dates written as zeros are empty (billing.md 9.1).
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import re
from collections.abc import Iterator
from datetime import date
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from .names import TABLE, business_key, key

FIELDS = ("last", "first", "middle", "business", "npi", "dob", "state", "city", "kind", "from", "trade", "waiver")
SHRUNK = 0.9
"""A list smaller than this share of the last one was cut off, or is another file."""
LONGEST_CELL = 100_000


class Profile(Struct, frozen=True, kw_only=True):
    """One kind of list: how its file looks and what its columns are called."""

    title: str
    about: str
    least_rows: int
    columns: dict[str, list[str]]
    header: list[str] = []


PROFILES: dict[str, Profile] = {name: Profile(**one) for name, one in TABLE["list"].items()}


class Listed(NamedTuple):
    """One party of a list, as it is written there, with its names in comparable form."""

    last: str
    first: str
    middle: str
    business: str
    npi: str
    dob: str
    state: str
    city: str
    kind: str
    from_on: str
    trade: str
    waiver: str
    last_key: str
    first_key: str
    business_key: str

    @property
    def name(self) -> str:
        return (
            self.business
            if not self.last
            else ", ".join(filter(None, (self.last, f"{self.first} {self.middle}".strip())))
        )


class Survey(Struct, frozen=True, kw_only=True):
    """What a file is, read through once. `problems` keep it out whatever anybody says."""

    sha256: str
    rows: int = 0
    header: tuple[str, ...] = ()
    encoding: str = "utf-8-sig"
    newest_on: str = ""
    problems: tuple[str, ...] = ()


def profile(name: str) -> Profile:
    """The profile of a list: leie, sam, or a state's, such as state-tx. Raises KeyError for anything else."""
    if re.fullmatch(r"state-[a-z]{2}", name):
        return PROFILES["state"]
    if name == "state":
        raise KeyError(name)
    return PROFILES[name]


def title(name: str) -> str:
    """What people call the list."""
    return f"{name[-2:].upper()} state list" if name.startswith("state-") else PROFILES[name].title


def survey(path: Path, name: str) -> Survey:
    """Read the whole file and say what it is and what is wrong with it."""
    sha256, encoding, fault = _text(path)
    if fault:
        return Survey(sha256=sha256, problems=(fault,))
    kind, rows, newest, header = profile(name), 0, "", ()
    try:
        with path.open(encoding=encoding, newline="") as file:
            reader = _reader(file)
            header = tuple(cell.strip() for cell in next(reader, ()))
            if problem := _header_problem(header, kind):
                return Survey(sha256=sha256, header=header, encoding=encoding, problems=(problem,))
            width, at = len(header), _positions(header, kind).get("from", -1)
            for cells in reader:
                if len(cells) != width:
                    if not cells:
                        continue
                    problem = f"Line {reader.line_num} has {len(cells)} values instead of {width}: the file is cut off or damaged."
                    return Survey(sha256=sha256, rows=rows, header=header, encoding=encoding, problems=(problem,))
                rows += 1
                if at >= 0 and cells[at] > newest and cells[at].isdigit():
                    newest = cells[at]
    except csv.Error:
        problem = f"The file cannot be read as CSV near line {reader.line_num}: it is cut off or damaged."
        return Survey(sha256=sha256, rows=rows, header=header, encoding=encoding, problems=(problem,))
    problems = () if rows else ("There are no rows under the column names.",)
    return Survey(sha256=sha256, rows=rows, header=header, encoding=encoding, newest_on=day(newest), problems=problems)


def smallness(found: Survey, name: str, before: int | None) -> str:
    """Why a whole file looks like only a part of the list; empty when it does not. A person may know better."""
    least = profile(name).least_rows
    if found.rows < least:
        return f"It has {found.rows:,} rows; {title(name)} has at least {least:,}. It may be cut off, or a supplement."
    if before and found.rows < before * SHRUNK:
        return f"It has {found.rows:,} rows and the list in use has {before:,}. It may be cut off."
    return ""


def parties(path: Path, name: str, found: Survey) -> Iterator[Listed]:
    """The rows of a file that was surveyed, names in comparable form."""
    at = _positions(found.header, profile(name))
    order = [at.get(field, -1) for field in FIELDS]
    with path.open(encoding=found.encoding, newline="") as file:
        for cells in islice(_reader(file), 1, None):
            if cells:
                yield _listed([cells[place].strip() if place >= 0 else "" for place in order])


def _listed(values: list[str]) -> Listed:
    last, first, middle, business, npi, dob, state, city, kind, begun, trade, waiver = values
    npi = npi if len(npi) == 10 and npi != "0000000000" else ""
    business = "" if last else business
    return Listed(
        last, first, middle, business, npi, day(dob), state.upper(), city, kind, day(begun), trade, waiver,
        key(last), key(first), business_key(business) if business else "",
    )  # fmt: skip


def day(text: str) -> str:
    """A date of a list as YYYY-MM-DD; empty when it is none, such as eight zeros."""
    if not text or text == "00000000":
        return ""
    if len(text) == 8 and text.isdigit():
        year, month, number = text[:4], text[4:6], text[6:]
    elif match := re.match(r"(\d{4})-(\d\d?)-(\d\d?)(?!\d)", text):
        year, month, number = match.groups()
    elif match := re.match(r"(\d\d?)[/-](\d\d?)[/-](\d{4})(?!\d)", text):
        month, number, year = match.groups()
    else:
        return ""
    try:
        return date(int(year), int(month), int(number)).isoformat()
    except ValueError:
        return ""


def _reader(file) -> Iterator[list[str]]:
    csv.field_size_limit(LONGEST_CELL)
    return csv.reader(file, strict=True)


def _text(path: Path) -> tuple[str, str, str]:
    """The file's SHA-256, its encoding, and why it is no text."""
    digest, utf8, decoder = hashlib.sha256(), True, codecs.getincrementaldecoder("utf-8")()
    zeros, last = False, b""
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
            zeros = zeros or b"\0" in chunk
            last = chunk
            if utf8:
                try:
                    decoder.decode(chunk)
                except UnicodeDecodeError:
                    utf8 = False
    if not last:
        return digest.hexdigest(), "", "The file is empty."
    if zeros:
        return digest.hexdigest(), "", "The file is not text. Send the CSV file itself, not a ZIP or a workbook."
    if not last.endswith((b"\n", b"\r")):
        return digest.hexdigest(), "", "The file ends in the middle of a line: it is cut off. Download it again."
    return digest.hexdigest(), "utf-8-sig" if utf8 else "cp1252", ""


def _header_problem(header: tuple[str, ...], kind: Profile) -> str:
    if kind.header:
        if list(header) == kind.header:
            return ""
        if sorted(header) == sorted(kind.header):
            return f"The columns of {kind.title} stand in another order than they should. Download the file again."
        return f"The first line is not that of {kind.title}. It must read: {','.join(kind.header)}."
    found = _positions(header, kind)
    if "last" in found and "first" in found or "business" in found:
        return ""
    known = ", ".join(name for field in ("last", "first", "business") for name in kind.columns[field])
    return f"No column holds a name. The first line must name the columns; names are found under: {known}."


def _positions(header: tuple[str, ...], kind: Profile) -> dict[str, int]:
    """Where each of our fields stands in the file."""
    there: dict[str, int] = {}
    for place, name in enumerate(header):
        there.setdefault(name.casefold(), place)
    return {
        field: next((there[name.casefold()] for name in names if name.casefold() in there), -1)
        for field, names in kind.columns.items()
        if any(name.casefold() in there for name in names)
    }
