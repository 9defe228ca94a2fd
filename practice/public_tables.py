"""Readers of the public files a practice imports: NCCI pairs, units a day, add-on codes, Medicare's fee schedule, ICD-10-CM.

Each takes the files as they are published (zip, text, csv, xlsx), finds its columns by their names and gives rows of
plain values. Descriptions that belong to the AMA are read past. A file is taken whole: one wrong row and `BadTable` says
which. Layouts: billing.md 10; the CMS record layout of icd10cm_order.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import BinaryIO

from msgspec import Struct

from . import coding
from .edits import TITLES, Kind

MOST_BYTES = 700_000_000
"""Of one file inside a zip; the largest published one has about 40 MB."""
MOST_ERRORS = 20
OURS = frozenset(coding.CODES) | coding.RELATED
"""The codes of neurophysiology: of the pairs, those with one of these on either side are kept."""
_CODE = re.compile(r"[0-9A-Z][0-9]{3}[0-9A-Z]")
_ICD = re.compile(r"[A-Z][0-9][0-9A-Z]{1,5}")
_PRICED = ("A", "R", "T")
"""Status of codes that Medicare pays by the fee schedule."""

Pair = tuple[str, str, str, str, str | None]
"""First, second, modifier indicator, from day, last day."""
Row = tuple[str | int | bool | None, ...]
Source = tuple[str, BinaryIO]
"""A file: its name and its bytes."""


class BadTable(Exception):
    """The file is refused whole. `errors` are full sentences for the person who sent it."""

    def __init__(self, *errors: str) -> None:
        super().__init__("; ".join(errors))
        self.errors = list(errors)


class Table(Struct, frozen=True, kw_only=True):
    """What a file says. Days in `rows` are text, YYYY-MM-DD; their columns by kind stand in `COLUMNS`."""

    kind: Kind
    names: tuple[str, ...]
    from_on: date | None
    """The first day it holds, told from the names of its files; None when they do not say."""
    read: int
    """Rows in the files; of pairs only some are kept."""
    rows: list[Row]


COLUMNS: dict[Kind, tuple[str, ...]] = {
    "ptp": ("first", "second", "modifier", "from_on", "until_on"),
    "mue": ("code", "units", "adjudication"),
    "addon": ("code", "primary_code", "from_on", "until_on"),
    "rvu": ("code", "modifier", "status", "pc_tc", "bilateral", "facility_hundredths", "factor_ten_thousandths"),
    "icd10": ("code", "words", "billable"),
}


def read(kind: Kind, files: Sequence[Source]) -> Table:
    """The table in these files: one file, or all parts of one. Raises `BadTable` with every reason."""
    if not files:
        raise BadTable("Choose the file.")
    names, count, found = [name for name, _ in files], 0, []
    parts = [part for file in files for part in _parts(kind, *file)]
    if kind == "ptp":
        _whole(parts)
    for name, opened in parts:
        names.append(name)
        rows, seen = _READERS[kind](name, opened)
        found += rows
        count += seen
    if not found:
        raise BadTable(f"{', '.join(names[: len(files)])}: no row of {TITLES[kind]} was found in it.")
    found = list(dict.fromkeys(found))
    keys = {"mue": 1, "rvu": 2, "icd10": 1}
    if kind in keys and len({row[: keys[kind]] for row in found}) < len(found):
        raise BadTable("A code stands twice with different values. Send one edition at a time.")
    return Table(
        kind=kind, names=tuple(names[: len(files)]), from_on=told_day(kind, names), read=count, rows=found
    )  # fmt: skip


def look(kind: Kind, files: Sequence[Source]) -> date | None:
    """The first day that the names of these files tell, without reading them. Raises `BadTable` when they are not whole."""
    if not files:
        raise BadTable("Choose the file.")
    parts = [part for file in files for part in _parts(kind, *file)]
    if kind == "ptp":
        _whole(parts)
    return told_day(kind, [name for name, _ in (*files, *parts)])


# Files and what is inside them


def _parts(kind: Kind, name: str, file: BinaryIO) -> list[tuple[str, BinaryIO]]:
    """The file itself, or those of its zip that hold the table: text before a spreadsheet of the same."""
    head = file.read(4)
    file.seek(0)
    if head[:2] != b"PK" or name.lower().endswith(".xlsx"):
        return [(name, file)]
    try:
        zipped = zipfile.ZipFile(file)
        members = [one for one in zipped.infolist() if not one.is_dir() and _wanted(kind, one.filename)]
        text = [one for one in members if one.filename.lower().endswith((".txt", ".csv"))]
        if kind == "addon":  # its text file has no header; a spreadsheet beside it has
            headed = [one for one in members if one.filename.lower().endswith((".csv", ".xlsx"))]
            text = headed or text
        chosen = text or [one for one in members if one.filename.lower().endswith(".xlsx")]
        if not chosen:
            raise BadTable(f"{name}: there is no file of {TITLES[kind]} in this zip.")
        if kind != "ptp" and len(chosen) > 1:
            chosen = _best(kind, chosen)
        if large := [one.filename for one in chosen if one.file_size > MOST_BYTES]:
            raise BadTable(f"{name}: {large[0]} is far larger than any such file. Nothing was read.")
        return [(one.filename, zipped.open(one)) for one in chosen]
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise BadTable(f"{name}: this zip cannot be opened. Download it again.") from error


_NAMED: dict[Kind, str] = {
    "ptp": r"", "mue": r"", "addon": r"", "rvu": r"pprrvu", "icd10": r"icd10cm[-_ ]?(order|codes)(?!.*addenda)",
}  # fmt: skip


def _wanted(kind: Kind, name: str) -> bool:
    low = name.lower()
    return not low.startswith("__macosx") and re.search(_NAMED[kind], low.rsplit("/", 1)[-1]) is not None


def _best(kind: Kind, members: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    """Of several that would do: the fee schedule of those outside of payment models, the ICD list with headers."""
    for sign in {"rvu": ("nonqpp",), "icd10": ("order",)}.get(kind, ()):
        if named := [one for one in members if sign in one.filename.lower()]:
            return named[:1]
    return members[:1]


def _whole(parts: Sequence[tuple[str, BinaryIO]]) -> None:
    """The pairs are published in numbered parts; one alone would silently drop the others."""
    if hospital := [name for name, _ in parts if "ccioph" in name.lower()]:
        raise BadTable(f"{hospital[0]}: these are the pairs of hospitals. Take the practitioner file (ccipra).")
    numbers = sorted({int(found[1]) for name, _ in parts if (found := re.search(r"-f(\d)\b", name.lower()))})
    if numbers and numbers != list(range(1, max(numbers[-1], 2) + 1)):
        had = ", ".join(f"f{one}" for one in numbers)
        raise BadTable(f"These are part {had} of the pairs. Send all the parts of the edition together, f1 to f4.")


def told_day(kind: Kind, names: Iterable[str]) -> date | None:
    """The first day of an edition by the names CMS gives its files; None when they do not tell."""
    text = " ".join(names).lower()
    if kind == "icd10":
        year = re.search(r"icd10cm[-_ ]?(?:order|codes|code)?\D{0,24}?(20\d\d)", text)
        if year is None:
            return None
        return date(int(year[1]), 4, 1) if "april" in text or "apr-" in text else date(int(year[1]) - 1, 10, 1)
    if found := re.search(r"eff[-_ ]?(\d\d)[-_](\d\d)[-_](20\d\d)", text):
        return _day(int(found[3]), int(found[1]), int(found[2]))
    if found := re.search(r"(20\d\d)[-_ ]?q([1-4])", text):
        return date(int(found[1]), 3 * int(found[2]) - 2, 1)
    if kind == "ptp" and (found := re.search(r"v(\d\d)([0-3])r\d", text)):
        return date(1994 + int(found[1]), 3 * int(found[2]) + 1, 1)
    if kind == "rvu":
        if found := re.search(r"pprrvu(?:20)?(\d\d)[-_ ]?(jan|apr|jul|oct)", text):
            return date(2000 + int(found[1]), {"jan": 1, "apr": 4, "jul": 7, "oct": 10}[found[2]], 1)
        if found := re.search(r"rvu(?:20)?(\d\d)([a-d])", text):
            return date(2000 + int(found[1]), {"a": 1, "b": 4, "c": 7, "d": 10}[found[2]], 1)
    return None


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


# Rows and columns


def _cells(name: str, file: BinaryIO) -> Iterator[tuple[int, list[str]]]:
    """The rows of a text or spreadsheet, each with its line."""
    if name.lower().endswith(".xlsx"):
        yield from _spreadsheet(name, file)
        return
    # Only copyright lines and descriptions hold anything beyond ASCII, and those are not kept.
    text = io.TextIOWrapper(file, encoding="cp1252", errors="replace", newline="")
    first = text.readline()
    if "\0" in first:
        raise BadTable(f"{name}: this is not a text file.")
    lines = [first, *(text.readline() for _ in range(30))]
    tabs = sum("\t" in line for line in lines) > sum("," in line for line in lines) // 2
    reader = csv.reader(_chain(lines, text), delimiter="\t" if tabs else ",")
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise BadTable(f"{name}, line {reader.line_num}: it cannot be read ({error}).") from error


def _chain(lines: Iterable[str], rest: Iterable[str]) -> Iterator[str]:
    yield from (line for line in lines if line)
    yield from rest


def _spreadsheet(name: str, file: BinaryIO) -> Iterator[tuple[int, list[str]]]:
    import openpyxl  # only here: it is slow to import and most files are text

    try:
        book = openpyxl.load_workbook(file if file.seekable() else io.BytesIO(file.read()), read_only=True)
        for number, row in enumerate(book.worksheets[0].iter_rows(values_only=True), 1):
            yield number, ["" if cell is None else str(cell) for cell in row]
    except (zipfile.BadZipFile, KeyError, ValueError, IndexError, OSError) as error:
        raise BadTable(f"{name}: this spreadsheet cannot be opened. Save it as CSV and send that.") from error


Wanted = dict[str, tuple[str, Callable[[str], bool]]]
"""By our name of a column, how a person calls it and what its heading must hold."""


def _body(name: str, file: BinaryIO, wanted: Wanted) -> tuple[dict[str, int], Iterator[tuple[int, list[str]]]]:
    """Where each column stands, and the rows below the header. A header may take several lines."""
    header: list[list[str]] = []
    rows = _cells(name, file)
    for number, row in rows:
        if row and _CODE.fullmatch(row[0].strip()) and len(row) > 2:
            return _places(name, header, wanted), _chained((number, row), rows)
        if sum(bool(cell.strip()) for cell in row) > 1:
            header.append(row)
        if number > 60:
            break
    raise BadTable(f"{name}: no row begins with a code. This is not the file that was chosen.")


def _values(name: str, file: BinaryIO, wanted: Wanted) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows below the header that hold anything, each with its line and its values by our names."""
    at, rows = _body(name, file, wanted)
    for line, row in rows:
        if any(row):
            row += [""] * (max(at.values()) + 1 - len(row))
            yield line, {ours: row[place].strip() for ours, place in at.items()}


def _chained(first: tuple[int, list[str]], rest: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    yield first
    yield from rest


def _places(name: str, header: list[list[str]], wanted: Wanted) -> dict[str, int]:
    width = max(map(len, header), default=0)
    heads = [
        " ".join(" ".join(row[at].replace("_", " ") for row in header if at < len(row)).lower().split())
        for at in range(width)
    ]
    found, missing = {}, []
    for ours, (called, fits) in wanted.items():
        at = [number for number, head in enumerate(heads) if fits(head)]
        if at:
            found[ours] = at[-1] if ours == "facility_na" else at[0]
        else:
            missing.append(called)
    if missing:
        had = "; ".join(head for head in heads if head)[:300] or "no header at all"
        raise BadTable(f"{name}: the header names no column for {', '.join(missing)}. It has: {had}.")
    return found


class _Faults:
    """Collects what is wrong, by line, up to a number a person can read."""

    def __init__(self, name: str) -> None:
        self.name, self.found = name, []

    def add(self, line: int, what: str) -> None:
        self.found.append(f"{self.name}, line {line}: {what}")
        if len(self.found) >= MOST_ERRORS:
            self.stop()

    def stop(self) -> None:
        if self.found:
            raise BadTable(*self.found)


def _date(text: str) -> str | None:
    """20240701, the day of a year 2024183, or 07/01/2024 as YYYY-MM-DD; None when it is none of them."""
    text = text.strip().removesuffix(".0")
    try:
        if re.fullmatch(r"\d{8}", text):
            return date(int(text[:4]), int(text[4:6]), int(text[6:])).isoformat()
        if re.fullmatch(r"\d{7}", text):
            day = date(int(text[:4]), 1, 1) + timedelta(int(text[4:]) - 1)
            return day.isoformat() if day.year == int(text[:4]) else None
        if found := re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", text):
            return date(int(found[3]), int(found[1]), int(found[2])).isoformat()
        return date.fromisoformat(text[:10]).isoformat()
    except ValueError:
        return None


# Each kind


def _ptp(name: str, file: BinaryIO) -> tuple[list[Row], int]:
    """Two million rows: what was checked once, a code or a day, is looked up and not checked again."""
    at, rows = _body(name, file, {
        "first": ("column 1", lambda h: h.endswith("column 1") or h == "column1"),
        "second": ("column 2", lambda h: h.endswith("column 2") or h == "column2"),
        "from": ("the effective date", lambda h: "effective" in h),
        "until": ("the deletion date", lambda h: "deletion" in h),
        "modifier": ("the modifier indicator", lambda h: h.startswith("modifier")),
    })  # fmt: skip
    first_at, second_at, from_at, until_at, modifier_at = (
        at[one] for one in ("first", "second", "from", "until", "modifier")
    )
    width, faults, kept, count = max(at.values()), _Faults(name), [], 0
    codes: set[str] = set()
    days: dict[str, str | None] = {"*": None}
    for line, row in rows:
        if not row or row == [""]:
            continue
        count += 1
        if len(row) <= width:
            faults.add(line, "the row is too short.")
            continue
        first, second, begins, ends = row[first_at], row[second_at], row[from_at], row[until_at]
        for code in (first, second):
            if code not in codes:
                if _CODE.fullmatch(code):
                    codes.add(code)
                else:
                    faults.add(line, f"“{code}” is not a code.")
        for text in (begins, ends):
            if text not in days:
                days[text] = _date(text)
                if days[text] is None:
                    faults.add(line, f"“{text}” is not a day.")
        if begins == "*":
            faults.add(line, "the day from which it holds is missing.")
        if row[modifier_at] not in ("0", "1", "9"):
            faults.add(line, f"the modifier indicator is “{row[modifier_at]}”; it must be 0, 1 or 9.")
        if first in OURS or second in OURS:
            kept.append((first, second, row[modifier_at], days[begins], days[ends]))
    faults.stop()
    return kept, count


def _mue(name: str, file: BinaryIO) -> tuple[list[Row], int]:
    rows = _values(name, file, {
        "code": ("the code", lambda h: "cpt code" in h or h == "hcpcs"),
        "units": ("the units of practitioners", lambda h: "mue values" in h and "practitioner" in h),
        "mai": ("the adjudication indicator", lambda h: "adjudication" in h),
    })  # fmt: skip
    faults, found = _Faults(name), []
    for line, value in rows:
        code, units, mai = value["code"], value["units"], value["mai"][:1]
        if not _CODE.fullmatch(code):
            faults.add(line, f"“{code}” is not a code.")
        elif not re.fullmatch(r"\d{1,6}", units):
            faults.add(line, f"{code}: “{units}” is not a number of units.")
        elif mai not in ("1", "2", "3"):
            faults.add(line, f"{code}: the adjudication indicator must be 1, 2 or 3.")
        else:
            found.append((code, int(units), int(mai)))
    faults.stop()
    return found, len(found)


def _addon(name: str, file: BinaryIO) -> tuple[list[Row], int]:
    """A spreadsheet with headings, or the text of the same that has none."""
    if not name.lower().endswith(".xlsx"):
        raw = file.read()
        first = _decoded(raw[:200]).lstrip().split("\n", 1)[0].rstrip()
        if _ADDON_LINE.fullmatch(first) or _CODE.fullmatch(first):
            return _addon_text(name, raw)
        file = io.BytesIO(raw)
    rows = _values(name, file, {
        "code": ("the add-on code", lambda h: h in ("add-on code", "add on code", "addon code")),
        "primary": ("the primary code", lambda h: h == "primary code"),
        "from": ("the day an edit begins", lambda h: h.startswith("aoc edit eff")),
        "until": ("the day an edit ends", lambda h: h.startswith("aoc edit del")),
        "code_until": ("the day the add-on code ends", lambda h: h.startswith("aoc del")),
        "primary_until": ("the day the primary code ends", lambda h: h.startswith("primary code del")),
    })  # fmt: skip
    faults, found, count = _Faults(name), [], 0
    for line, value in rows:
        count += 1
        code, primary = value["code"], value["primary"]
        if not _CODE.fullmatch(code) or not (primary == "CCCCC" or _CODE.fullmatch(primary)):
            faults.add(line, f"“{code}” and “{primary}” are not two codes.")
            continue
        begins = _date(value["from"])
        if begins is None:
            faults.add(line, f"{code}: “{value['from']}” is not a day.")
            continue
        ends = []
        for column in ("until", "code_until", "primary_until"):
            text = value[column]
            if text.strip("0"):
                if (day := _date(text)) is None:
                    faults.add(line, f"{code}: “{text}” is not a day.")
                ends.append(day or "")
        if primary != "CCCCC":  # each contractor names its own primaries, so there is nothing to check
            found.append((code, primary, begins, min(ends, default=None)))
    faults.stop()
    return found, count


_ADDON_LINE = re.compile(
    r"(?P<code>[0-9A-Z]\d{3}[0-9A-Z])\s*(?P<type>[123](?=\s|\d{7}|[0-9A-Z]\d{3}[0-9A-Z]\b))?\s*"
    r"(?P<code_until>\d{7})?\s*(?P<primary>[0-9A-Z]\d{3}[0-9A-Z]|CCCCC)(?P<days>(\s*\d{7}){0,3})(\s\D.*)?"
)
SINCE_EVER = "2013-01-01"
"""From when a pair of codes holds that comes without its day: as long as its edition does. Nothing older is coded here."""


def _addon_text(name: str, raw: bytes) -> tuple[list[Row], int]:
    """Lines of add-on code, type, days, primary code and days, in columns without headings; days may be left out."""
    faults, found, count = _Faults(name), [], 0
    for line, text in enumerate(_decoded(raw).splitlines(), 1):
        if not (text := text.strip()):
            continue
        count += 1
        match = _ADDON_LINE.fullmatch(text)
        if match is None:
            lone = _CODE.fullmatch(text)
            faults.add(line, f"{text} stands without the code it is added to." if lone else "these are not two codes.")
            continue
        ends = [match["code_until"]] if (match["code_until"] or "").strip("0") else []
        given = [day for day in re.findall(r"\d{7}", match["days"]) if day.strip("0")]
        # Of a line's days the first is when it begins; whatever ends it is a later one.
        days = [_date(day) for day in (*sorted(given), *ends)]
        if None in days:
            faults.add(line, f"{match['code']}: one of its days is none.")
        elif match["primary"] != "CCCCC":
            begins, until = (days[0], days[1:]) if given else (SINCE_EVER, days)
            found.append((match["code"], match["primary"], begins, min(until, default=None)))
    faults.stop()
    return found, count


def _rvu(name: str, file: BinaryIO) -> tuple[list[Row], int]:
    rows = _values(name, file, {
        "code": ("the code", lambda h: h.endswith("hcpcs")),
        "modifier": ("the modifier", lambda h: h.endswith("mod")),
        "status": ("the status", lambda h: "status" in h),
        "total": ("the total in a facility", lambda h: "total" in h and "facility" in h and "non-" not in h),
        "facility_na": ("what has no price in a facility", lambda h: "na indicator" in h),
        "pctc": ("the PC/TC indicator", lambda h: h.startswith(("pctc", "pc/tc"))),
        "bilateral": ("the bilateral indicator", lambda h: h.startswith("bilat")),
        "factor": ("the conversion factor", lambda h: h.startswith("conv")),
    })  # fmt: skip
    faults, found, count = _Faults(name), [], 0
    for line, value in rows:
        count += 1
        total, factor = _scaled(value["total"], 100), _scaled(value["factor"], 10_000)
        if not _CODE.fullmatch(value["code"]):
            faults.add(line, f"“{value['code']}” is not a code.")
        elif total is None or factor is None:
            faults.add(line, f"{value['code']}: the value or the conversion factor is not a number.")
        elif value["modifier"] in ("", "26", "TC"):
            priced = value["status"] in _PRICED and total > 0 and value["facility_na"] != "NA"
            found.append((
                value["code"], value["modifier"], value["status"], value["pctc"], value["bilateral"],
                total if priced else None, factor,
            ))  # fmt: skip
    faults.stop()
    return found, count


def _scaled(text: str, by: int) -> int | None:
    """A decimal number times `by` as a whole number, or None when it is not one exactly."""
    try:
        value = Decimal(text.replace(",", "")) * by
    except InvalidOperation:
        return None
    return int(value) if value.is_finite() and value == value.to_integral_value() and 0 <= value < 10**12 else None


def _icd10(name: str, file: BinaryIO) -> tuple[list[Row], int]:
    """icd10cm_order (codes and headers, fixed columns) or icd10cm_codes (billable codes alone)."""
    faults, found = _Faults(name), []
    for line, raw in enumerate(file, 1):
        text = _decoded(raw).rstrip()
        if not text:
            continue
        if ordered := re.match(r"\d{5} (\S{3,7}) +([01]) (.{60}) (.+)", text):
            code, billable, words = ordered[1], ordered[2] == "1", ordered[4].strip()
        elif listed := re.match(r"([A-Z]\S{2,6}) +(\S.*)", text):
            code, billable, words = listed[1], True, listed[2].strip()
        else:
            faults.add(line, "this is neither a row of icd10cm_order nor one of icd10cm_codes.")
            continue
        if _ICD.fullmatch(code):
            found.append((code, words[:300], billable))
        else:
            faults.add(line, f"“{code}” is not an ICD-10-CM code.")
    faults.stop()
    return found, len(found)


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


_READERS: dict[Kind, Callable[[str, BinaryIO], tuple[list[Row], int]]] = {
    "ptp": _ptp, "mue": _mue, "addon": _addon, "rvu": _rvu, "icd10": _icd10,
}  # fmt: skip


def plain_words(text: str) -> list[str]:
    """The words by which a description is found: small letters, no accents, none of the words that tell nothing."""
    plain = text.lower()
    if not plain.isascii():
        plain = "".join(one for one in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(one))
    return [word for word in re.findall(r"[a-z0-9]+", plain.replace("'s", "s")) if word not in _TELL_NOTHING]


_TELL_NOTHING = frozenset({
    "a", "an", "and", "as", "at", "by", "due", "for", "from", "in", "into", "is", "of", "on", "or", "other", "the", "to",
    "with", "without",
})  # fmt: skip
