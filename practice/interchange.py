"""Read an `ionm-case/1` file into facts and entries, naming everything that is wrong with it.

A file is taken whole or not at all: `read` raises `BadCase` with one sentence for each mistake.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import available_timezones

import msgspec

from . import cases as c
from . import record as r

MAX_BYTES = 5_000_000
MAX_ENTRIES = 20_000
_NAMESPACE = uuid.UUID("6f3b1c0e-6f0a-4c39-9c0f-2b6f5d1a77aa")


class BadCase(Exception):
    """The file cannot be taken; `errors` are full sentences."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("; ".join(errors))
        self.errors = errors


def read(raw: bytes) -> c.CaseFile:
    """Decode and check a case file. Raises BadCase with every error that was found."""
    if len(raw) > MAX_BYTES:
        raise BadCase([f"The file has {len(raw):,} bytes; a case file has at most {MAX_BYTES:,}."])
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadCase([f"The file is not JSON that can be read: {error}."]) from error
    if not isinstance(body, dict) or body.get("schema") != c.SCHEMA:
        found = body.get("schema") if isinstance(body, dict) else None
        raise BadCase([f"The file does not say schema {c.SCHEMA} (it says {found!r}). Export it again as {c.SCHEMA}."])
    unknown = sorted(set(body) - {"schema", "synthetic", "case", "expected"})
    if unknown:
        raise BadCase([f"Unknown field {name!r} beside case." for name in unknown])
    case = body.get("case")
    if not isinstance(case, dict):
        raise BadCase(["The file holds no case object."])
    errors = list(_schema_errors(case))
    if errors:
        raise BadCase(errors)
    try:
        facts = msgspec.convert({**case, "synthetic": bool(body.get("synthetic"))}, c.Facts)
    except msgspec.ValidationError as error:
        raise BadCase([_sentence("case", case, str(error))]) from error
    problems = [problem.message for problem in r.impossible(facts)] + list(_minutes_errors(facts))
    if problems:
        raise BadCase(problems)
    return c.CaseFile(facts=facts, expected=body.get("expected"))


_PARTS: dict[str, Any] = {
    "header": c.Header,
    "anesthesia": c.Anesthesia | None,
    "closing": c.Closing | None,
    "signoff": c.Signoffs,
    "alert_criteria": dict[c.ModalityCode, str],
    "id": str,
    "tz": str,
    "status": c.Status,
    "record_rev": int,
}
_LISTS: dict[str, Any] = {
    "modalities": c.Modality,
    "physiology": c.Physiology,
    "events": c.Event,
    "stim_tests": c.StimTest,
    "alerts": c.Alert,
    "physician_log": c.Presence,
    "handovers": c.Handover,
}
_GROUPS: dict[str, dict[str, Any]] = {
    "staff": {"technologists": c.Technologist, "physicians": c.Physician},
    "baselines": {"sets": c.BaselineSet, "rows": c.Baseline},
    "time": {"segments": c.Segment, "breaks": c.Break},
}


def _schema_errors(case: dict[str, Any]) -> Iterator[str]:
    """Decode piece by piece, so that every bad piece is named and not the first alone."""
    for name in case:
        if name not in {*_PARTS, *_LISTS, *_GROUPS}:
            yield f"case.{name}: unknown field."
    for name in ("id", "tz", "header"):
        if not case.get(name):
            yield f"case.{name} is missing."
    tz = case.get("tz")
    if isinstance(tz, str) and tz and tz not in available_timezones():
        yield f"case.tz: {tz!r} is not a time zone name. Use an IANA name such as America/Chicago."
    for name, kind in _PARTS.items():
        if name in case:
            yield from _decode(case[name], kind, f"case.{name}")
    for name, kind in _LISTS.items():
        yield from _decode_list(case.get(name, []), kind, f"case.{name}")
    for group, lists in _GROUPS.items():
        body = case.get(group, {})
        if not isinstance(body, dict):
            yield f"case.{group}: should be an object."
            continue
        for name, kind in lists.items():
            yield from _decode_list(body.get(name, []), kind, f"case.{group}.{name}")
        rest = {key: value for key, value in body.items() if key not in lists}
        if rest and group == "time":
            yield from _decode(rest, c.Time, "case.time")
        elif rest:
            yield f"case.{group}: unknown field {sorted(rest)[0]!r}."


def _decode_list(items: Any, kind: Any, path: str) -> Iterator[str]:
    if not isinstance(items, list):
        yield f"{path}: should be a list."
        return
    if len(items) > MAX_ENTRIES:
        yield f"{path}: has {len(items):,} items; a case has at most {MAX_ENTRIES:,}."
        return
    for index, item in enumerate(items):
        name = f" ({item['id']})" if isinstance(item, dict) and isinstance(item.get("id"), str) else ""
        yield from _decode(item, kind, f"{path}[{index}]{name}")


def _decode(value: Any, kind: Any, path: str) -> Iterator[str]:
    if inner := next((name for name in ("src", "stop_src", "moments") if _holds(value, name)), None):
        yield f"{path}: unknown field {inner!r}."
        return
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        yield _sentence(path, value, str(error))


def _holds(value: Any, name: str) -> bool:
    if isinstance(value, dict):
        return name in value or any(_holds(item, name) for item in value.values())
    return isinstance(value, list) and any(_holds(item, name) for item in value)


def _sentence(path: str, value: Any, message: str) -> str:
    """A msgspec message as a sentence with the place and the value found there."""
    what, _, where = message.partition(" - at `")
    where = where.rstrip("`").removeprefix("$")
    found = value
    for step in re.findall(r"\.([^.\[]+)|\[(\d+)\]", where):
        name, index = step
        try:
            found = found[name] if name else found[int(index)]
        except (KeyError, IndexError, TypeError):
            break
    if found is value and where == "" or isinstance(found, (dict, list)):
        shown = ""
    else:
        shown = f" {str(found)[:60]!r}" if isinstance(found, str) else f" {found}"
    return f"{path}{where}:{shown} {explain(what)}"


def explain(what: str) -> str:
    """What msgspec says, in plain words."""
    rules = (
        (r"Expected `\w+(?: \| null)?` (<=|>=|<|>) (\S+)", lambda m: f"is not possible: it must be {_BOUND[m[1]]} {m[2]}."),
        (r"Invalid enum value", lambda m: "is not one of the values known here."),
        (r"Object contains unknown field `(.+)`", lambda m: f"has an unknown field {m[1]!r}."),
        (r"Object missing required field `(.+)`", lambda m: f"lacks the field {m[1]!r}."),
        (r"Invalid RFC3339|Expected `datetime` with a timezone", lambda m: "is not a time with its offset, such as 2026-03-17T07:41:00-05:00."),
        (r"Invalid .*date", lambda m: "is not a date, such as 2026-03-17."),
        (r"Expected `str` of length <= (\d+)", lambda m: f"is too long: at most {m[1]} characters."),
        (r"Expected `str` matching", lambda m: "does not have the form expected (such as 4/4)."),
        (r"Expected `(.+)`, got `(.+)`", lambda m: f"should be {m[1].replace(' | ', ' or ').replace('null', 'nothing')}, not {m[2]}."),
    )  # fmt: skip
    for pattern, words in rules:
        if match := re.search(pattern, what):
            return words(match)
    return what.rstrip(".") + "."


_BOUND = {"<=": "at most", ">=": "at least", "<": "below", ">": "above"}


def _minutes_errors(facts: c.Facts) -> Iterator[str]:
    for segment in facts.time.segments:
        if segment.minutes is not None and segment.start and segment.end:
            elapsed = c.minutes_between(segment.start, segment.end)
            if elapsed != segment.minutes:
                yield f"case.time.segments {segment.id}: says {segment.minutes} minutes, but its start and end are {elapsed} minutes apart."


def entries_from(facts: c.Facts, *, key: str, received_at: datetime) -> list[r.Entry]:
    """The entries that fold to these facts. `key` makes their client ids; the order of the file is kept."""
    made: list[r.Entry] = []

    def add(data: r.Data, at: datetime | None = None) -> str:
        number = len(made)
        client_id = str(uuid.uuid5(_NAMESPACE, f"{key}/{number}"))
        keyed = received_at + timedelta(microseconds=number)
        made.append(r.Entry(client_id=client_id, at=at, data=data, entered_at=keyed, device="import"))
        return client_id

    for person in facts.staff.technologists:
        add(_data(r.Staff, person, role="technologist", label=person.id))
    for person in facts.staff.physicians:
        add(_data(r.Staff, person, role="physician", label=person.id))
    for modality in facts.modalities:
        add(_data(r.Modality, modality))
    for code, text in facts.alert_criteria.items():
        add(r.Criterion(modality=code, text=text))
    if facts.anesthesia:
        add(_data(r.Anesthetic, facts.anesthesia))
        for reading in facts.anesthesia.tof:
            add(_data(r.Tof, reading), reading.t)
    for reading in facts.physiology:
        add(_data(r.Physiology, reading, label=reading.id), reading.t)
    for baseline_set in facts.baselines.sets:
        add(_data(r.BaselineSet, baseline_set))
    for row in facts.baselines.rows:
        add(_data(r.Baseline, row, label=row.id))
    for event in facts.events:
        add(_data(r.Event, event, label=event.id), event.t)
    for test in facts.stim_tests:
        add(_data(r.StimTest, test, label=test.id), test.t)
    for alert in facts.alerts:
        add(_data(r.Alert, alert, label=alert.id), alert.t)
        for told in alert.communicated:
            add(_data(r.Told, told, alert=alert.id), told.t)
        for action in alert.actions:
            add(_data(r.AlertAction, action, alert=alert.id), action.t)
        if alert.resolution:
            add(_data(r.Resolution, alert.resolution, alert=alert.id), alert.resolution.t)
        if alert.md_note:
            add(_data(r.AlertNote, alert.md_note, alert=alert.id), alert.md_note.t)
    _add_times(facts, add)
    for presence in facts.physician_log:
        client_id = add(_data(r.Presence, presence), presence.connect)
        for note in presence.notes:
            add(_data(r.PhysicianNote, note, presence=client_id), note.t)
    for handover in facts.handovers:
        add(_data(r.Handover, handover, label=handover.id, whose=handover.kind), handover.start)
    _add_ending(facts, add)
    return made


def _add_times(facts: c.Facts, add: Any) -> None:
    time = facts.time
    for what in ("tech_arrive", "setup_start", "setup_end", "electrodes_out"):
        if at := getattr(time, what):
            add(r.Milestone(what=what), at)
    for segment in time.segments:
        if segment.start:
            add(_data(r.MonitoringStart, segment, label=segment.id), segment.start)
        if segment.end:
            add(r.MonitoringStop(segment=segment.id), segment.end)
    for pause in time.breaks:
        add(_data(r.Break, pause), pause.start)


def _add_ending(facts: c.Facts, add: Any) -> None:
    if closing := facts.closing:
        add(_data(r.Closing, closing), closing.t)
        for row in closing.rows:
            add(_data(r.ClosingValue, row))
        if exam := closing.postop_exam:
            add(_data(r.PostopExam, exam), exam.t)
    add(r.Outcome(status=facts.status))
    if signed := facts.signoff.technologist:
        # A technologist who signed a record without alerts has said that there were none.
        if not facts.alerts:
            add(r.Statement(what="no_alerts"), signed.t)
        add(r.Signoff(role="technologist", staff=signed.id), signed.t)


def _data(cls: type[r.Data], part: c.Part, **given: Any) -> Any:
    names = {info.name for info in msgspec.structs.fields(cls)}
    shared = {info.name: getattr(part, info.name) for info in msgspec.structs.fields(part) if info.name in names}
    return cls(**{**shared, **given})
