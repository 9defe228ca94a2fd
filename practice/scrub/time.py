"""The minutes: who was connected when, what of it counts, and whether the units billed are those of the record."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

from .. import coding
from .. import concurrency as conc
from ..coding import CONTINUOUS
from .given import CaseForScrub
from .rules import HOUSE, S3, S7, S11, S12, Said, V, absent, incomplete, of_concurrency, rule, thin, unchecked

_MAPPING = ("95961", "95962")
_LOOKED = timedelta(minutes=60)


@rule("DOC-12", "block", "Is the physician recorded as connected in every counted minute?", f"{S3}; {S12}")
def _connected(case: CaseForScrub) -> Iterator[Said]:
    yield from incomplete(case, "physician_log")
    shown, gaps = case.clock, conc.presence_gaps(case.facts)
    counted = not any(attendance.all for attendance in conc.attendances(case.facts))
    for start, end in gaps if case.facts.physician_log else ():
        if end - start < timedelta(minutes=1):  # stamps have seconds, a time that is typed has none
            continue
        span = f"{shown.time(start)} to {shown.time(end)}"
        if counted:
            yield Said("block", f"No physician is recorded as connected from {span}: add the times.", "record#presence")
        else:
            yield Said(
                "error",
                f"No physician was connected from {span}; these minutes are not counted. "
                "Add the connection if there was one.",
                "record#presence",
            )


@rule("DOC-13", "info", "Was there a line to the operating room, and was it tried at the start?", f"{S3}; {S12}")
def _line(case: CaseForScrub) -> Iterator[Said]:
    if not case.facts.physician_log or not any(s.mode != "in_room" for s in case.facts.time.segments):
        return
    words = " ".join([case.words(), *((log.method or "").lower() for log in case.facts.physician_log)])
    if not any(
        word in words for word in ("chat", "phone", "voice", "audio", "call", "communication", "link", "two-way")
    ):
        mend = "Write at the connection or in a note how the physician reached the room, and that the line was tried."
        yield unchecked("whether the physician could speak with the operating room", mend, "record#presence")


@rule(
    "DOC-14", "block", "Is it recorded how many cases the physician watched at once?", f"CMS FAQ on G0453, 2012; {S11}"
)
def _concurrent(case: CaseForScrub) -> Iterator[Said]:
    severity = "block" if "G0453" in case.codes or (case.rule and case.rule.remote_code == "G0453") else "error"
    for item in case.missing:
        if of_concurrency(item):
            yield absent(item, severity)


@rule("DOC-18", "block", "Has every stretch of monitoring its start and its stop?", f"{S3}; {S7}")
def _times(case: CaseForScrub) -> Iterator[Said]:
    yield from incomplete(case, "time.segments")
    shown = case.clock
    monitored = conc.segments(case.facts)
    for start in conc.open_pauses(case.facts):
        if any(begin <= start < end for begin, end in monitored):
            yield Said("block", f"A pause began at {shown.time(start)} and its end is missing: add it.", "record#pause")


@rule("DOC-19", "warn", "Are the minutes that do not count recorded: set-up, pauses, removal?", f"{S7}; UHC policy")
def _left_out(case: CaseForScrub) -> Iterator[Said]:
    yield from thin(case, "Time that does not count", "time.setup", "time.electrodes", "time.breaks")


@rule("DOC-20", "block", "Are the units billed those that the record supports?", S3)
def _units(case: CaseForScrub) -> Iterator[Said]:
    if case.claim is None:
        return
    for code in CONTINUOUS:
        billed = sum(line.units for line in case.lines if line.code == code)
        lines = [line for line in case.coding.lines if line.code == code]
        supported, minutes = sum(line.units for line in lines), sum(line.minutes or 0 for line in lines)
        if billed != supported:
            said = f"{code}: {billed} units are billed and the record supports {supported} ({minutes} min): correct the claim."
            yield Said("block", said, "claim")


@rule(
    "DOC-25",
    "error",
    "Does the record show that the physician looked at it again and again?",
    f"{S11}; every 15 to 30 min by custom",
)
def _looked(case: CaseForScrub) -> Iterator[Said]:
    counted = case.coding.counted_minutes
    if counted < 30 or not case.facts.physician_log:
        return
    marks = [note.t for log in case.facts.physician_log for note in log.notes if note.t]
    marks += [note.t for alert in case.facts.alerts if (note := alert.md_note) and note.t]
    marks += [
        told.t for alert in case.facts.alerts for told in alert.communicated
        if told.t and told.who == "interpreting physician"
    ]  # fmt: skip
    if not marks:
        said = "Nothing in the record says that the physician looked at the signals: add the physician's notes, or give the reason."
        yield Said("error", said, "record#presence")
        return
    marks += [part.reviewed_at for part in case.facts.baselines.sets if part.reviewed_at]
    monitored = conc.segments(case.facts)
    edges = sorted([*marks, *(edge for stretch in monitored for edge in stretch)])
    shown = case.clock
    gaps = [
        f"{shown.time(start)} to {shown.time(end)}"
        for start, end in pairwise(edges)
        if end - start > _LOOKED and conc.clip([(start, end)], monitored)
    ]
    if gaps:
        said = f"No note of the physician for more than an hour: {', '.join(gaps)}. Add what was noted, as an addendum once it is signed."
        yield Said("warn", said, "record#presence")


@rule("V04", "block", "Was the physician in the room with this patient alone for every unit of 95940?", V)
def _in_room(case: CaseForScrub) -> Iterator[Said]:
    yield from _shared(case, "V04")
    remote = {log.physician for log in case.facts.physician_log if "remote" in (log.method or "").lower()}
    if any(line.code == "95940" and line.rendering in remote for line in case.lines):
        said = "95940 needs the physician in the room, and the record says that the connection was remote: mend one of them."
        yield Said("block", said, "record#presence")


@rule("V05", "block", "Has each physician the units that their own minutes come to?", V)
def _own_units(case: CaseForScrub) -> Iterator[Said]:
    """Of a claim whose units are right together: units moved from one physician to another, or split into lines."""
    if case.claim is None:
        return
    for code in CONTINUOUS:
        billed, supported = {}, {}
        for line in case.lines:
            if line.code == code:
                billed[line.rendering] = billed.get(line.rendering, 0) + line.units
        for line in case.coding.lines:
            if line.code == code:
                supported[line.rendering] = line
        if sum(billed.values()) != sum(line.units for line in supported.values()):
            continue
        for who, count in billed.items():
            own = supported.get(who)
            if count != (own.units if own else 0):
                name = case.facts.person_name(who) or "nobody named"
                said = f"{code} of {name}: units billed {count}, their minutes support {own.units if own else 0} ({own.minutes if own else 0} min): correct the claim."
                yield Said("block", said, "claim")


@rule("V06", "block", "Is no set-up, baseline, pause, mapping or removal counted as monitoring?", f"{V} and 1.2")
def _excluded(case: CaseForScrub) -> Iterator[Said]:
    if case.claim is None or case.rule is None:
        return
    monitored = conc.segments(case.facts)
    time = case.facts.time
    whole = conc.minutes(
        conc.union(monitored, conc.interval(time.setup_start or time.tech_arrive, time.electrodes_out))
    )
    for code in CONTINUOUS:
        billed = sum(line.units for line in case.lines if line.code == code)
        supported = sum(line.units for line in case.coding.lines if line.code == code)
        inside = conc.minutes(monitored)
        wrong = {coding.units(code, inside, case.rule), coding.units(code, whole, case.rule)} - {supported}
        if billed in wrong and billed > supported:
            said = f"{code}: {billed} units are those of the whole time; set-up, baselines, pauses and removal do not count: bill {supported}."
            yield Said("block", said, "claim")
    mapped = sum(line.units for line in case.lines if line.code in _MAPPING) * 60
    continuous = sum(line.minutes or 0 for line in case.coding.lines if line.code in CONTINUOUS)
    if mapped and mapped - 59 + continuous > conc.minutes(monitored):
        said = "Mapping and monitoring together are longer than the time monitored: the minutes of mapping do not count as monitoring too."
        yield Said("block", said, "claim")


@rule("V07", "block", "Is no hour and no minute of the physician billed twice to Medicare?", "CMS FAQ on G0453, 2012")
def _hours(case: CaseForScrub) -> Iterator[Said]:
    yield from _shared(case, "V07")


@rule("V08", "error", "Had the physician no more cases at once than the payer takes?", S12)
def _peak(case: CaseForScrub) -> Iterator[Said]:
    known = list(_shared(case, "V08"))
    yield from known
    limit, peak = (case.rule or coding.NO_RULE).max_concurrent, conc.peak(case.facts) or 0
    if peak > limit and not known:
        said = f"The record says {peak} cases at the same time; the limit is {limit}. Give the reason."
        yield Said("error", said, "record#presence")


@rule("V31", "block", "Is no minute billed under two codes?", "product reference C16, 7")
def _twice(case: CaseForScrub) -> Iterator[Said]:
    """Units whose least minutes add up to more than was monitored."""
    if case.claim is None or len({line.code for line in case.continuous}) < 2 or case.rule is None:
        return
    least = sum(_least(line.code, line.units) for line in case.continuous)
    if least > case.coding.counted_minutes:
        said = f"The units of both codes need at least {least} min, and {case.coding.counted_minutes} min were counted: a minute stands under one code only."
        yield Said("block", said, "claim")


def _least(code: str, units: int) -> int:
    """The fewest minutes that make so many units where the mid-point counts."""
    size, half = (60, 29) if code == "95941" else (15, 7)
    return max(units * size - half, 0)


@rule("V33", "block", "Is the day of service the one on which monitoring began?", S3)
def _day(case: CaseForScrub) -> Iterator[Said]:
    if case.claim is None or case.day is None:
        return
    for line in case.lines:
        if line.on and line.on != case.day:
            said = f"{line.code} is billed on {line.on:%m/%d/%Y}, and monitoring began on {case.day:%m/%d/%Y}: correct the day; past midnight it stays the first."
            yield Said("block", said, "claim")


@rule("V41", "block", "Was a physician attending, and not a device alone?", f"{S7}; {HOUSE}")
def _attended(case: CaseForScrub) -> Iterator[Said]:
    if case.continuous and not case.facts.physician_log and not case.facts.staff.physicians:
        said = "Monitoring is billed and no physician is recorded at all: a device alone cannot be billed. Add who read it, or take the line off."
        yield Said("block", said, "record#staff")


def _shared(case: CaseForScrub, id: str) -> Iterator[Said]:
    yield from (Said(one.severity, one.message, one.where) for one in case.shared if one.id == id)
