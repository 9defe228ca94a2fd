"""The working page of a record: what a case's next step is, and its entries as lines under headings."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from . import cases as c
from . import keying
from . import record as r
from .kinds import GROUPS, KINDS
from .telling import teller
from .times import Clock, clock

ACTS = ("struck", "signoff")
"""Kinds that are acts with pages of their own, not forms: striking, and closing the case."""
STEPS: tuple[tuple[str, str], ...] = (
    ("tech_arrive", "In the room"),
    ("setup_start", "Set-up start"),
    ("setup_end", "Set-up end"),
    ("baseline_start", "Baselines start"),
    ("baseline_end", "Baselines end"),
    ("monitoring_start", "Monitoring start"),
    ("incision", "Incision"),
    ("exposure", "Exposure"),
    ("decompression", "Decompression"),
    ("instrumentation", "Instrumentation"),
    ("corrective_maneuver", "Corrective maneuver"),
    ("closing", "Closing started"),
    ("monitoring_stop", "Monitoring stop"),
    ("electrodes_out", "Electrodes out"),
)
"""The taps of a case, in the order a case goes."""
NEGATIVES = (
    ("no_alerts", "No signal alerts"),
    ("no_breaks", "No breaks"),
    ("no_stim_tests", "No stimulation tests"),
)
LISTENERS = {"told-surgeon": "surgeon", "told-anesthesia": "anesthesia", "told-physician": "interpreting physician"}
CONNECTIONS = ("connect", "disconnect", "reviewed")
"""Taps of the physician: connection and the review of baselines."""
REPEATABLE = ("decompression", "instrumentation", "corrective_maneuver")
_MILESTONES = ("tech_arrive", "setup_start", "setup_end", "electrodes_out")
_EVENTS = ("incision", "exposure", "decompression", "instrumentation", "corrective_maneuver", "closing")
TAPS = (*(name for name, _ in STEPS), *(name for name, _ in NEGATIVES), *LISTENERS, "resolved", *CONNECTIONS)


def label(what: str) -> str:
    """A tap in words, for the line that says it was taken."""
    said = {**dict(STEPS), **dict(NEGATIVES), "resolved": "Resolved", "connect": "Connection", "disconnect": "End of the connection", "reviewed": "Review of the baselines"}  # fmt: skip
    return said.get(what) or f"Told {LISTENERS[what]}"


class CannotStamp(Exception):
    """The tap means nothing now; the message says why."""


Stamped = tuple[r.AnyData, "datetime | None", "str | None"]


def stamp(what: str, at: datetime, facts: c.Facts, *, alert: str = "", physician: c.Physician | None = None) -> Stamped:
    """What one tap says: the data, its time, and the entry it corrects when it ends or reviews one."""
    if what in LISTENERS or what == "resolved":
        if alert not in {one.src for one in facts.alerts}:
            raise CannotStamp("That signal alert is not in the record any more. Reload the page.")
        if what == "resolved":
            return r.Resolution(alert=alert, status="resolved"), at, None
        return r.Told(alert=alert, who=LISTENERS[what]), at, None
    if what in CONNECTIONS:
        return _connection(what, at, facts, physician)
    if what == "baseline_start":
        return r.BaselineSet(start=at), None, None
    if what == "baseline_end":
        for fact in reversed(facts.baselines.sets):
            if fact.end is None:
                return _data(r.BaselineSet, fact, end=at), None, fact.src
        raise CannotStamp("Baselines were not started. Stamp their start first.")
    return _moment(what, facts), at, None


def _moment(what: str, facts: c.Facts) -> r.AnyData:
    if what in _MILESTONES:
        return r.Milestone(what=what)
    if what in _EVENTS:
        return r.Event(type=what)
    if what == "monitoring_start":
        return r.MonitoringStart(mode=facts.time.segments[-1].mode if facts.time.segments else "remote")
    if what == "monitoring_stop":
        return r.MonitoringStop()
    return r.Statement(what=what)


def _connection(what: str, at: datetime, facts: c.Facts, physician: c.Physician) -> Stamped:
    if what == "connect":
        return r.Presence(physician=physician.src, connect=at), at, None
    if what == "disconnect":
        for fact in reversed(facts.physician_log):
            if fact.physician == physician.id and fact.disconnect is None:
                return _data(r.Presence, fact, physician=physician.src, disconnect=at), fact.connect, fact.src
        raise CannotStamp("You are not connected, so there is nothing to end.")
    for fact in reversed(facts.baselines.sets):
        if fact.reviewed_at is None:
            return _data(r.BaselineSet, fact, reviewed_by=physician.src, reviewed_at=at), None, fact.src
    raise CannotStamp("There is no set of baselines that waits for review.")


def _data(cls: type[r.Data], fact: c.Part, **given: Any) -> Any:
    names = {info.name for info in msgspec.structs.fields(cls)}
    same = {name: getattr(fact, name) for name in fact.__struct_fields__ if name in names}
    return cls(**{**same, **given})


class Tap(Struct, frozen=True):
    """A now button. `done` holds the times it was tapped at."""

    what: str
    label: str
    done: tuple[str, ...] = ()
    next: bool = False


def taps(facts: c.Facts) -> list[Tap]:
    """The steps of the case; the first one that was not made and has none made after it is the next."""
    times = clock(facts)
    made = [(what, label, _made(facts, what)) for what, label in STEPS]
    last = max((index for index, (_, _, at) in enumerate(made) if at), default=-1)
    found = []
    for index, (what, label, at) in enumerate(made):
        found.append(Tap(what, label, tuple(times.time(one) for one in at), index == last + 1))
    return found


def _made(facts: c.Facts, what: str) -> list[datetime]:
    time = facts.time
    if what in _MILESTONES:
        found = [getattr(time, what)]
    elif what in ("monitoring_start", "monitoring_stop"):
        found = [segment.start if what == "monitoring_start" else segment.end for segment in time.segments]
    elif what in ("baseline_start", "baseline_end"):
        found = [one.start if what == "baseline_start" else one.end for one in facts.baselines.sets]
    else:
        found = [event.t for event in facts.events if event.type == what]
    return [one for one in found if one]


class Line(Struct, frozen=True):
    """One entry as the page shows it."""

    entry: r.Entry
    words: str
    time: str
    marks: tuple[str, ...] = ()
    step: bool = False


class Group(Struct, frozen=True):
    """A heading with its lines and the kinds that may be added under it, as (name, title)."""

    name: str
    title: str
    lines: tuple[Line, ...]
    kinds: tuple[tuple[str, str], ...]


_STEPS_OF_ALERT = ("told", "alert_action", "resolution", "alert_note")


def groups(entries: Iterable[r.Entry], facts: c.Facts) -> list[Group]:
    """Everything that stands, under the headings of the page; the steps of a signal alert under their alert."""
    entries = list(entries)
    known, times = keying.standing(entries, facts), clock(facts)
    tell = teller(facts, known)
    replaced = {entry.client_id: entry for entry in entries}
    places = {alert.src: index for index, alert in enumerate(facts.alerts)}
    found: dict[str, list[tuple[Any, Line]]] = {name: [] for name, _ in GROUPS}
    for index, entry in enumerate(r.current(entries)):
        step = entry.kind in _STEPS_OF_ALERT
        alert = known.get(entry.data.alert, "") if step else entry.client_id
        at = entry.at.timestamp() if entry.at else 0
        group = KINDS[entry.kind].group
        order = (places.get(alert, len(places)) if group == "alerts" else 0, step, at, index)
        line = Line(
            entry,
            tell(entry),
            times.time(entry.at) if entry.at else "",
            marks(entry, facts, times, replaced.get(entry.replaces)),
            step,
        )
        found[group].append((order, line))
    return [
        Group(name, title, tuple(line for _, line in sorted(found[name], key=lambda pair: pair[0])), _kinds(name))
        for name, title in GROUPS
    ]


def _kinds(group: str) -> tuple[tuple[str, str], ...]:
    return tuple((kind.name, kind.title) for kind in KINDS.values() if kind.group == group and kind.name not in ACTS)


def marks(entry: r.Entry, facts: c.Facts, times: Clock, before: r.Entry | None = None) -> tuple[str, ...]:
    """Corrected, moved or late: what has to be seen beside an entry. `before` is the entry it replaces."""
    late = facts.late.get(entry.client_id)
    moved = f"time was {times.time(late.was)}" if late and late.was else ""
    corrected = "corrected" if entry.replaces and not moved and not _fills(entry, before) else ""
    keyed = f"late, keyed {times.time(entry.entered_at)}" if entry.late else ""
    return tuple(filter(None, (moved, corrected, keyed)))


def _fills(entry: r.Entry, before: r.Entry | None) -> bool:
    """Whether nothing that was said is said otherwise: a planned response was measured, a connection ended."""
    if before is None or before.kind != entry.kind:
        return False
    was, says = msgspec.structs.asdict(before.data), msgspec.structs.asdict(entry.data)
    return all(value in (None, "", ()) or value == says[name] for name, value in was.items())


def past(entries: Iterable[r.Entry], facts: c.Facts) -> list[Line]:
    """What was replaced or struck, and the strikes: nothing is ever taken out of a record."""
    entries = list(entries)
    known, times = keying.standing(entries, facts), clock(facts)
    tell = teller(facts, known)
    here = {entry.client_id for entry in r.current(entries)}
    return [
        Line(entry, tell(entry), times.time(entry.at) if entry.at else "")
        for entry in r.ordered(entries)
        if entry.client_id not in here
    ]


class Version(Struct, frozen=True):
    """One of two versions that did not see each other."""

    client_id: str
    words: str
    time: str
    by: int | None
    keyed: str


def disputes(entries: Iterable[r.Entry], facts: c.Facts) -> list[tuple[c.Conflict, list[Version]]]:
    """The corrections a person has to choose between."""
    entries = list(entries)
    known, times = keying.standing(entries, facts), clock(facts)
    tell = teller(facts, known)
    found = []
    for conflict in facts.conflicts:
        versions = []
        for client_id in conflict.versions:
            entry = r.tip(client_id, entries)
            shown = times.time(entry.at) if entry.at else ""
            versions.append(Version(client_id, tell(entry), shown, entry.by, times.time(entry.entered_at)))
        found.append((conflict, versions))
    return found


_JUMPS: tuple[tuple[str, str], ...] = (
    (r"conflicts\.", "#conflicts"),
    (r"header\.", "header"),
    (r"alerts\.[^.]+\.communicated\.[^.]+$", "told"),
    (r"alerts\.[^.]+\.actions$", "alert_action"),
    (r"alerts\.[^.]+\.resolution$", "resolution"),
    (r"alerts$", "#alerts"),
    (r"closing\.postop_exam$", "postop_exam"),
    (r"closing\.(t|overall)$", "closing_data"),
    (r"closing\.", "closing"),
    (r"closing$", "closing_data"),
    (r"baselines\.sets$", "baseline_set"),
    (r"baselines\.\w+\.quality$", "baselines"),
    (r"baselines\.[A-Za-z]+$", "baseline"),
    (r"stim_tests$", "#tests"),
    (r"physician_log(\.[^.\[]+)?$", "presence"),
    (r"time\.segments$", "monitoring_start"),
    (r"time\.segments\.[^.]+\.end$", "monitoring_stop"),
    (r"time\.", "milestone"),
    (r"anesthesia", "anesthesia"),
    (r"physiology\.\w+$", "physiology"),
    (r"staff\.", "staff"),
    (r"modalities$", "modality"),
    (r"alert_criteria\.", "criterion"),
)


def jump(field: str) -> str:
    """Where a missing value is filled in: a kind to add, a grid, a heading, or nothing for "edit its entry"."""
    return next((target for pattern, target in _JUMPS if re.match(pattern, field)), "")
