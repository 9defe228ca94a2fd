"""From what was typed to an entry, and back: the one reading of forms, for the desk and for the phone.

Every mistake of a form is named at once, each with what to do. What is impossible is refused; what is merely
unusual is a doubt that the person answers with "yes, that is right". Presets and the entry before fill
structure, never a measurement, a time or a negative.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from . import cases as c
from . import interchange
from . import record as r
from .kinds import KINDS, Field, Kind, length, limits
from .times import instants

MAX_ROWS = 60
AT_IS = {"presence": "connect", "break": "start", "handover": "start"}
"""Kinds whose time is one of the times they hold."""
_PAIRS = (("start", "end"), ("connect", "disconnect"), ("on", "off"), ("frm", "to"))
_ROWS: dict[str, type[c.Part]] = {
    "rows": c.AlertRow,
    "agents": c.Agent,
    "concurrency": c.Concurrency,
    "exclusive": c.Stretch,
}

Typed = Mapping[str, "str | list[str]"]


class BadFields(Exception):
    """The form cannot be taken: for each field what is wrong and what to do.
    `zones` names the fields whose time comes twice that night, with the two names to choose from."""

    def __init__(self, errors: dict[str, str], zones: dict[str, tuple[str, str]] | None = None) -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = errors
        self.zones = zones or {}


class Parsed(Struct, frozen=True):
    """`taken` says in words what was understood where it was not typed in full: the day of a time after midnight."""

    data: r.AnyData
    at: datetime | None
    doubts: list[str]
    taken: list[str]


def parse(
    kind: str,
    fields: Typed,
    *,
    zone: ZoneInfo,
    day: date,
    previous: r.Entry | None = None,
    began: datetime | None = None,
    now: datetime | None = None,
) -> Parsed:
    """Read one entry. `day` is the date of service and `began` the first time of the case, by which a time
    after midnight finds its day; fields that were not sent keep the value of `previous`."""
    reading = _Reading(fields, zone=zone, day=day, began=began, previous=previous)
    body = reading.body(KINDS[kind])
    if reading.errors:
        raise BadFields(reading.errors, reading.zones)
    at = reading.at(KINDS[kind], body)
    reading.check_order(body)
    data = reading.struct(kind, body, at)
    if reading.errors:
        raise BadFields(reading.errors, reading.zones)
    asked_before = r.doubts(previous.data) if previous else []
    doubts = [doubt for doubt in r.doubts(data) if doubt not in asked_before]
    known = set(instants(previous.data)) | {previous.at} if previous else set()
    for moment in {at, *instants(data)} - known - {None}:
        if now and moment > now + timedelta(minutes=2):
            doubts.append(f"{shown_time(moment, zone, day)} is still to come: is that right?")
    return Parsed(data, at, doubts, reading.taken)


class _Reading:
    """One form while it is read; mistakes are gathered, not raised."""

    def __init__(
        self, fields: Typed, *, zone: ZoneInfo, day: date, began: datetime | None, previous: r.Entry | None
    ) -> None:
        self.fields = fields
        self.zone, self.day, self.began = zone, day, began
        self.previous = previous
        self.errors: dict[str, str] = {}
        self.zones: dict[str, tuple[str, str]] = {}
        self.taken: list[str] = []
        old = [*instants(previous.data), *([previous.at] if previous.at else [])] if previous else []
        self.old_times = {shown_time(moment, zone, day): moment for moment in old}

    def typed(self, name: str) -> str:
        value = self.fields.get(name, "")
        value = "\n".join(value) if isinstance(value, list) else value
        value = value.replace("\r\n", "\n").replace("\r", "\n")
        return "".join(sign for sign in value if sign >= " " or sign in "\n\t").strip()

    def body(self, kind: Kind) -> dict[str, Any]:
        """The data as plain values. What was not sent stays as it was."""
        cls = r.KINDS[kind.name]
        body = {} if self.previous is None or self.previous.kind != kind.name else _plain(self.previous.data)
        filled = False
        for field in kind.fields:
            if field.name == "at":
                continue
            outer, _, inner = field.name.partition(".")
            sent = field.widget == "rows" or field.name in self.fields
            if sent:
                value = self._rows(field) if field.widget == "rows" else self._value(field, cls, field.name)
                place = body.setdefault(outer, {}) if inner else body
                _put(place, inner or outer, value)
                filled = filled or value not in (None, [])
            if field.required and not inner and body.get(outer) is None and field.name not in self.errors:
                self.errors[field.name] = f"{field.label} is missing. Fill it in."
        for name in [name for name, value in body.items() if value in ({}, [])]:
            del body[name]
        if not filled and self.previous is None and not any(f.required for f in kind.fields) and not self.errors:
            self.errors[next(f.name for f in kind.fields if f.name != "at")] = (
                "Nothing is filled in. Fill in at least one field, or cancel."
            )
        return body

    def _rows(self, field: Field) -> list[dict[str, Any]]:
        """The numbered rows of a list; a row left blank is no row."""
        numbers = {int(m[1]) for name in self.fields if (m := re.match(rf"{field.name}-(\d{{1,4}})-", name))}
        if not numbers and self.previous is not None and f"{field.name}-count" not in self.fields:
            return list(_plain(self.previous.data).get(field.name) or [])
        if len(numbers) > MAX_ROWS:
            self.errors[field.name] = f"{field.label}: at most {MAX_ROWS} rows fit in one entry. Make a second entry."
            return []
        rows = []
        for index in sorted(numbers):
            names = {column.name: f"{field.name}-{index}-{column.name}" for column in field.columns}
            if not any(self.typed(name) for name in names.values()):
                continue
            row: dict[str, Any] = {}
            for column in field.columns:
                name = names[column.name]
                _put(row, column.name, self._value(column, _ROWS[field.name], name))
                if column.required and column.name not in row and name not in self.errors:
                    self.errors[name] = f"{column.label} is missing. Fill it in, or clear the row."
            self._order(row, lambda part, names=names: names[part])
            rows.append(row)
        return rows

    def _value(self, field: Field, cls: type[Struct], name: str) -> Any:
        typed = self.typed(name)
        if not typed:
            return None
        try:
            return self._read(field, cls, typed, name)
        except _Wrong as wrong:
            self.errors[name] = str(wrong)
            return None

    def _read(self, field: Field, cls: type[Struct], typed: str, name: str) -> Any:
        match field.widget:
            case "number" | "whole":
                return _within(field, cls, read_number(typed, field), field.unit)
            case "numbers":
                return [_within(field, cls, number, field.unit) for number in read_numbers(typed, field)]
            case "time":
                return self._moment(typed, name)
            case "yesno":
                if typed not in ("yes", "no"):
                    raise _Wrong(f"{field.label}: choose yes or no.")
                return typed == "yes"
            case "choice":
                return _chosen(field, typed)
            case "list":
                items = [item.strip() for item in typed.split("\n") if item.strip()]
                return [_fitting(field, cls, item) for item in items]
        if field.name == "channels":
            return int(typed) if typed.isascii() and typed.isdigit() and len(typed) <= 3 else typed
        if field.widget == "text":
            typed = " ".join(typed.split())
        return _fitting(field, cls, typed)

    def _moment(self, typed: str, name: str, began: datetime | None = None) -> datetime:
        chosen = self.typed(f"{name}_zone")
        if typed in self.old_times and not chosen:
            return self.old_times[typed]
        try:
            moment, note = read_time(
                f"{typed} {chosen}" if chosen else typed, zone=self.zone, day=self.day, began=began or self.began
            )
        except _Twice as twice:
            self.zones[name] = twice.names
            raise
        if note:
            self.taken.append(note)
        return moment

    def at(self, kind: Kind, body: dict[str, Any]) -> datetime | None:
        """When it happened: the field of that name, or the one that stands for it."""
        if kind.name in AT_IS:
            return body.get(AT_IS[kind.name])
        if not any(field.name == "at" for field in kind.fields):
            return self.previous.at if self.previous else None
        if "at" not in self.fields and self.previous:
            return self.previous.at
        moment = self._value(kind.field("at"), r.Data, "at")
        if moment is None and kind.field("at").required and "at" not in self.errors:
            self.errors["at"] = "The time is missing. Type when it happened, such as 07:41."
        return moment

    def check_order(self, body: dict[str, Any]) -> None:
        self._order(body, lambda part: part)

    def _order(self, body: dict[str, Any], name: Any) -> None:
        """An end before its start is refused; one after midnight is read from its start."""
        for first, last in _PAIRS:
            start, end = body.get(first), body.get(last)
            if not isinstance(start, datetime) or not isinstance(end, datetime) or end >= start:
                continue
            typed = self.typed(name(last))
            if typed and typed not in self.old_times:
                end = self._moment(typed, name(last), began=start)
                body[last] = end
            if end < start:
                self.errors[name(last)] = (
                    f"It ends at {shown_time(end, self.zone, self.day)}, before it starts at "
                    f"{shown_time(start, self.zone, self.day)}. Check both times."
                )

    def struct(self, kind: str, body: dict[str, Any], at: datetime | None) -> r.AnyData:
        """The typed value, with the rules that take two fields to judge."""
        if kind == "baseline" and body.get("lat_ms") is not None:
            peak = (body.get("peak") or "").upper()
            low, high = r.LATENCY_LIMITS.get(peak, r.LATENCY_LIMITS[""])
            if not low <= body["lat_ms"] <= high:
                self.errors["lat_ms"] = _outside("Latency", body["lat_ms"], "ms", low, high, f" for {peak}")
        if kind == "baseline" and body.get("quality") == "absent" and body.get("amp_uv"):
            self.errors["amp_uv"] = (
                "An absent response has no amplitude. Clear the amplitude or choose another quality."
            )
        filters = body.get("filters_hz") or []
        if len(filters) == 2 and filters[0] >= filters[1]:
            self.errors["filters_hz"] = "The low filter must be below the high one. Type low, then high."
        try:
            return msgspec.convert({**_wire(body), "kind": kind}, r.KINDS[kind])
        except msgspec.ValidationError as error:
            _, _, where = str(error).partition(" - at `$.")
            name = re.split(r"[.\[`]", where)[0]
            label = next((field.label for field in KINDS[kind].fields if field.name == name), "The entry")
            self.errors.setdefault(name, f"{label} {interchange.explain(str(error))}")
            return r.Struck()


class _Wrong(Exception):
    """One field is wrong; the message says what to do."""


class _Twice(_Wrong):
    """The local time comes twice that night."""

    def __init__(self, message: str, names: tuple[str, str]) -> None:
        super().__init__(message)
        self.names = names


def _put(body: dict[str, Any], name: str, value: Any) -> None:
    if value is None:
        body.pop(name, None)
    else:
        body[name] = value


def _plain(value: Struct) -> dict[str, Any]:
    """The fields that hold something, times left as they are, without the tag and the source."""
    body: dict[str, Any] = {}
    for name in value.__struct_fields__:
        item = getattr(value, name)
        if item is None or item == () or name == "src":
            continue
        if isinstance(item, Struct):
            item = _plain(item)
        elif isinstance(item, tuple):
            item = [_plain(one) if isinstance(one, Struct) else one for one in item]
        body[name] = item
    return body


def _wire(body: dict[str, Any]) -> dict[str, Any]:
    """The same with the names of the interchange form, where a stretch says "from"."""
    wire = dict(body)
    for name in ("concurrency", "exclusive"):
        if name in wire:
            wire[name] = [{("from" if key == "frm" else key): item for key, item in row.items()} for row in wire[name]]
    return wire


# Numbers, choices, texts


def read_number(typed: str, field: Field) -> int | float:
    """17 stays whole, 17.0 stays a decimal, 17,5 is 17.5; 1,650 could be two numbers and is asked about."""
    plain = typed.replace("\N{MINUS SIGN}", "-").removesuffix(field.unit).strip() if field.unit else typed
    if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+", plain):
        whole, point = plain.replace(",", ""), plain.replace(",", ".", 1)
        raise _Wrong(f"{field.label} is {typed}, which can be read two ways. Type {whole} or {point}.")
    if not re.fullmatch(r"[+-]?\d{1,9}([.,]\d{1,9})?", plain, re.ASCII):
        raise _Wrong(f"{field.label} is {typed[:40]}, which is not a number. Type digits, such as 17 or 17.5.")
    plain = plain.replace(",", ".")
    if "." not in plain:
        return int(plain)
    if field.widget == "whole":
        raise _Wrong(f"{field.label} is {typed}; it must be a whole number.")
    return float(plain)


def read_numbers(typed: str, field: Field) -> list[int | float | None]:
    """Numbers with a space between them; a dash stands for one that is missing."""
    if re.search(r"\d,\d+,|,\d+,\d", typed.replace(", ", " ")):
        raise _Wrong(f"{field.label} is {typed[:40]}. Put a space between the numbers, such as 20, 22.")
    parts = [part for part in re.split(r",\s+|;\s*|\s+", typed.removesuffix(field.unit).strip()) if part]
    return [None if part in ("-", "–") else read_number(part, field) for part in parts]


def _within(field: Field, cls: type[Struct], value: int | float | None, unit: str) -> int | float | None:
    low, high = limits(cls, field.name)
    if value is not None and ((low is not None and value < low) or (high is not None and value > high)):
        raise _Wrong(_outside(field.label, value, unit, low, high))
    return value


def _outside(label: str, value: float, unit: str, low: float | None, high: float | None, which: str = "") -> str:
    said = f"{label} is {value} {unit}".rstrip()
    return f"{said}; it must be between {low} and {high}{which.rstrip()}."


def _chosen(field: Field, typed: str) -> str:
    if field.choices and typed not in dict(field.choices):
        offered = ", ".join(label for _, label in field.choices)
        raise _Wrong(f"{field.label}: {typed[:40]} is not one of the choices. Choose one of: {offered}.")
    if len(typed) > 100:
        raise _Wrong(f"{field.label}: choose one of those offered.")
    return typed


def _fitting(field: Field, cls: type[Struct], typed: str) -> str:
    most = length(cls, field.name.rpartition(".")[2]) or 400
    if len(typed) > most:
        raise _Wrong(f"{field.label} has {len(typed):,} characters; at most {most:,} fit. Shorten it.")
    return typed


# Times

_TIME = re.compile(
    r"(?:(?P<date>\d{4}-\d{2}-\d{2}|\d{1,2}/\d{1,2}(?:/\d{4})?)[ T,]+)?(?P<h>\d{1,2})[:.]?(?P<m>\d{2})"
    r"(?::(?P<s>\d{2})(?:\.\d{1,9})?)?\s*(?P<zone>Z|[A-Za-z]{2,5}|[+-]\d{2}:?\d{2}|[+-]\d{2})?",
    re.ASCII,
)
_FAR = timedelta(days=7)


def read_time(typed: str, *, zone: ZoneInfo, day: date, began: datetime | None = None) -> tuple[datetime, str]:
    """The instant of a local time, and in words which day was taken when it was not the day of service.
    Raises with a question where the clocks change."""
    match = _TIME.fullmatch(typed.strip())
    if not match or int(match["h"]) > 23 or int(match["m"]) > 59 or int(match["s"] or 0) > 59:
        raise _Wrong(f"{typed[:40]} is not a time. Type hours and minutes in 24 hours, such as 07:41 or 19:05.")
    named = match["zone"]
    if named and named.upper() in ("AM", "PM"):
        raise _Wrong(f"{typed[:40]} is in 12 hours. Type it in 24 hours, such as 07:41 or 19:05.")
    clock = clock_time(int(match["h"]), int(match["m"]), int(match["s"] or 0))
    on = _date(match["date"], day)
    if named and (named == "Z" or named[0] in "+-") and re.fullmatch(r"Z|[+-]\d{2}:\d{2}", named) and match["date"]:
        return _near(datetime.fromisoformat(f"{on}T{clock}{named}"), zone, day), ""
    if on:
        return _near(local(on, clock, zone, named), zone, day), ""
    moment = local(day, clock, zone, named)
    later = day + timedelta(days=1)
    if began and moment < began:
        next_day = datetime.combine(later, clock, tzinfo=zone)
        if began - moment > next_day - began:
            moment = local(later, clock, zone, named)
            return moment, f"{clock:%H:%M} was taken as {later:%m/%d}, the day after the date of service."
    return moment, ""


def _date(text: str | None, day: date) -> date | None:
    """A date as typed; without a year the one nearest to the day of service."""
    if text is None:
        return None
    try:
        if "-" in text:
            return date.fromisoformat(text)
        month, of_month, *year = (int(part) for part in text.split("/"))
        years = year or [day.year - 1, day.year, day.year + 1]
        return min((date(one, month, of_month) for one in years), key=lambda one: abs(one - day))
    except ValueError as error:
        raise _Wrong(f"{text} is not a date. Type month and day, such as 01/23, or leave it out.") from error


def _near(moment: datetime, zone: ZoneInfo, day: date) -> datetime:
    if abs(moment.astimezone(zone).date() - day) > _FAR:
        raise _Wrong(
            f"{moment.astimezone(zone):%m/%d/%Y} is more than a week from the date of service, {day:%m/%d/%Y}."
        )
    return moment


def local(on: date, clock: clock_time, zone: ZoneInfo, named: str | None = None) -> datetime:
    """The instant of a local time of a day. One that does not exist is refused, one that comes twice is asked about."""
    first, second = (datetime.combine(on, clock, tzinfo=zone).replace(fold=fold) for fold in (0, 1))
    twice = first.utcoffset() != second.utcoffset()
    exists = first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == first.replace(tzinfo=None)
    if twice and not exists:
        raise _Wrong(
            f"{clock:%H:%M} does not exist on {on:%m/%d/%Y}: the clocks were set forward that night. "
            "Type the time that the clock showed."
        )
    names = (first.tzname() or "", second.tzname() or "")
    if named:
        for moment, name in zip((first, second), names, strict=True):
            if named.upper() == name.upper():
                return moment.astimezone(UTC)
        raise _Wrong(f"{named} is not the zone of the facility on {on:%m/%d/%Y}. Leave it out, or type {names[0]}.")
    if twice:
        raise _Twice(f"{clock:%H:%M} comes twice on {on:%m/%d/%Y}. Choose {names[0]} or {names[1]}.", names)
    return first.astimezone(UTC)


def shown_time(at: datetime, zone: ZoneInfo, day: date) -> str:
    """A time as it stands in a form, such that reading it gives the time back: 07:41, 01/23 00:37, 01:38 EDT."""
    here = at.astimezone(zone)
    text = here.strftime("%H:%M:%S" if here.second else "%H:%M")
    if here.date() != day:
        text = f"{here:%m/%d} {text}"
    if here.replace(fold=0).utcoffset() != here.replace(fold=1).utcoffset():
        text = f"{text} {here.tzname()}"
    return text


# From an entry back to a form


def filled(entry: r.Entry, *, zone: ZoneInfo, day: date, standing: Mapping[str, str] | None = None) -> dict[str, str]:
    """The form that an entry would have been typed in; `standing` maps references to what is offered now."""
    known = standing or {}
    fields: dict[str, str] = {}
    for field in KINDS[entry.kind].fields:
        outer, _, inner = field.name.partition(".")
        value = entry.at if field.name == "at" else getattr(entry.data, outer)
        value = getattr(value, inner, None) if inner else value
        if field.widget != "rows":
            fields[field.name] = _shown(field, value, zone, day, known)
            continue
        fields[f"{field.name}-count"] = str(len(value))
        for index, row in enumerate(value):
            for column in field.columns:
                name = f"{field.name}-{index}-{column.name}"
                fields[name] = _shown(column, getattr(row, column.name), zone, day, known)
    return fields


def _shown(field: Field, value: Any, zone: ZoneInfo, day: date, standing: Mapping[str, str]) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return shown_time(value, zone, day)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        between = "\n" if field.widget == "list" else ", "
        return between.join("-" if item is None else str(item) for item in value)
    return standing.get(value, value) if field.source else str(value)


def empty(kind: str, facts: c.Facts, previous: r.Entry | None = None) -> dict[str, str]:
    """What a new form starts with: structure from the entry before and from the record, no value, time or negative."""
    fields: dict[str, str] = {}
    for field in KINDS[kind].fields:
        if field.carry and previous is not None and (value := getattr(previous.data, field.name, None)):
            fields[field.name] = str(value)
        elif field.source == "alerts" and facts.alerts:
            fields[field.name] = facts.alerts[-1].src
        elif field.source == "connections" and facts.physician_log:
            fields[field.name] = facts.physician_log[-1].src
        elif field.source == "physicians" and field.required and len(facts.staff.physicians) == 1:
            fields[field.name] = facts.staff.physicians[0].src
    return fields


def standing(entries: Iterable[r.Entry], facts: c.Facts) -> dict[str, str]:
    """For every client id and label that an entry may be called by, the client id of the version that stands."""
    known = {entry.client_id: entry for entry in entries}
    found: dict[str, str] = {}
    for src, label in _named(facts):
        if label:
            found[label] = src
        walk, seen = known.get(src), set()
        while walk and walk.client_id not in seen:
            seen.add(walk.client_id)
            found[walk.client_id] = src
            walk = known.get(walk.replaces or "")
    return found


def _named(facts: c.Facts) -> Iterator[tuple[str, str]]:
    groups = (
        facts.staff.technologists, facts.staff.physicians, facts.baselines.rows, facts.stim_tests, facts.alerts,
        facts.time.segments, facts.physiology, facts.events, facts.handovers, facts.physician_log,
    )  # fmt: skip
    for group in groups:
        for fact in group:
            yield fact.src, getattr(fact, "id", "")


def resolved(data: r.AnyData, standing: Mapping[str, str]) -> r.AnyData:
    """The same with every reference written as the client id that stands: AL1 and the id of the alert mean one thing."""
    changes: dict[str, Any] = {}
    for field in KINDS[data.__struct_config__.tag].fields:
        value = getattr(data, field.name, None)
        if field.source and value in standing:
            changes[field.name] = standing[value]
        elif field.widget == "rows" and value:
            names = [column.name for column in field.columns if column.source]
            changes[field.name] = tuple(
                msgspec.structs.replace(
                    row, **{name: standing[ref] for name in names if (ref := getattr(row, name)) in standing}
                )
                for row in value
            )
    return msgspec.structs.replace(data, **changes)


def computed(data: r.AnyData, facts: c.Facts, standing: Mapping[str, str]) -> r.AnyData:
    """The same with the percentages that follow from the baseline, where none was typed (report-and-phone.md 1.2 G)."""
    if not isinstance(data, (r.Alert, r.Resolution)):
        return data
    by_src = {row.src: row for row in facts.baselines.rows}
    rows = []
    for row in data.rows:
        baseline = by_src.get(standing.get(row.ref or "", row.ref or ""))
        typed = row.change_pct is not None or row.pct_of_baseline is not None
        if baseline and baseline.amp_uv and row.value_uv is not None and not typed:
            part = round(100 * row.value_uv / baseline.amp_uv)
            share = {"change_pct": part - 100} if isinstance(data, r.Alert) else {"pct_of_baseline": part}
            row = msgspec.structs.replace(row, **share)
        rows.append(row)
    return msgspec.structs.replace(data, rows=tuple(rows))
