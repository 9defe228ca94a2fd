"""Whose each minute of a physician is, over all cases and all payers (billing.md 1.5, 12).

A minute billed for one patient alone (95940, G0453) is billed for nobody else, whoever pays. Where cases overlap,
each overlapped block is split equally and floored to whole minutes, in the order in which the cases began; what
cannot be split is given to nobody. What was signed stays, and a case that a person chose takes a block whole. At
most four units of G0453 are earned in a clock hour over all patients: the minute that would earn a fifth is not given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from . import concurrency as conc
from .cases import Facts
from .concurrency import Interval, Intervals
from .minutes import Minutes, owners

if TYPE_CHECKING:
    from .coding import PayerRule

Want = Literal["room", "exclusive", "shared"]
"""As 95940, in the room; as G0453, remote; as neither."""
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
UNITS_AN_HOUR = 4
SPLIT = "equal split of each overlapped block, floored to whole minutes, in the order in which the cases began"


class Watched(Struct, frozen=True):
    """A stretch in which a physician was connected to a case whose minutes counted, as the record says it."""

    who: str
    start: datetime
    end: datetime
    in_room: bool
    alone: bool
    """Documented as given to this patient alone, and the physician's own to bill."""


class Stretch(Struct, frozen=True):
    """The same with what its payer would pay for. `limit` is the most cases at once, `half` the minutes rounded up."""

    case: int
    start: datetime
    end: datetime
    want: Want
    limit: int = 3
    half: int = 7


class Kept(Struct, frozen=True):
    """What a signed case has billed; later cases do not change it."""

    exclusive: Intervals = ()
    open: Intervals = ()


class Share(Struct, frozen=True):
    """What one case may bill of the physician's time: with no other case live, as its own alone, not as its own."""

    alone: Intervals = ()
    exclusive: Intervals = ()
    open: Intervals = ()


class Block(Struct, frozen=True):
    """A stretch in which the same cases are live, and who was given how much of it alone."""

    start: datetime
    end: datetime
    cases: tuple[int, ...]
    given: tuple[tuple[int, Intervals], ...] = ()


class Earned(Struct, frozen=True):
    """One unit of G0453, in the clock hour in which its last needed minute lies."""

    case: int
    hour: datetime


class Ledger(Struct, frozen=True):
    """A physician's time, block by block, with each case's share of it and the units of G0453 as they were earned."""

    stretches: tuple[Stretch, ...]
    blocks: tuple[Block, ...]
    shares: dict[int, Share]
    earned: tuple[Earned, ...]

    def peak(self, within: Iterable[Interval]) -> int:
        """The most cases at once within this time."""
        walls = conc.union(within)
        return max((len(b.cases) for b in self.blocks if any(b.start < e and s < b.end for s, e in walls)), default=0)

    def live(self, case: int) -> Intervals:
        return conc.union((one.start, one.end) for one in self.stretches if one.case == case)


class Found(Struct, frozen=True):
    """What a rule says about a physician's time; `cases` are those it is about."""

    id: str
    severity: Literal["block", "error", "warn"]
    message: str
    cases: tuple[int, ...]
    at: datetime


def watched(facts: Facts) -> tuple[Watched, ...]:
    """Every stretch of a case by physician (the name in the record), from connections and counted monitoring."""
    log = Minutes(facts)
    own = owners(facts, log)
    found: list[Watched] = []
    for attendance in log.attended:
        who = facts.person_name(attendance.physician) or attendance.physician
        shared = conc.with_cases(facts, attendance.physician, 2)
        for segment in facts.time.segments:
            live = conc.clip(log.own(segment), attendance.all)
            room = segment.mode == "in_room"
            mine = conc.clip(live, own.get(attendance.physician, ()))
            stated = (
                conc.subtract(mine, shared) if room else conc.clip(mine, conc.exclusive(facts, attendance.physician))
            )
            found += [Watched(who, start, end, room, True) for start, end in stated]
            found += [Watched(who, start, end, room, False) for start, end in conc.subtract(live, stated)]
    return tuple(sorted(found, key=lambda one: (one.who, one.start, one.end)))


def stretch(case: int, seen: Watched, rule: PayerRule) -> Stretch:
    """The stretch with what the payer of the case would pay for it."""
    want: Want = "shared"
    if seen.alone and seen.in_room and "95940" in rule.accepts:
        want = "room"
    elif seen.alone and not seen.in_room and rule.remote_code == "G0453" and "G0453" in rule.accepts:
        want = "exclusive"
    half = 7 if rule.rounding == "midpoint" else 0
    return Stretch(case, seen.start, seen.end, want, rule.max_concurrent, half)


def together(times: Iterable[tuple[int, datetime, datetime]], first: datetime, last: datetime) -> set[int]:
    """The cases that share a minute or a clock hour with this time, or with a case that does, and so on."""
    ends: dict[int, Interval] = {}
    for case, start, end in times:
        known = ends.get(case, (start, end))
        ends[case] = (min(known[0], start), max(known[1], end))
    spans = {
        c: (hour_of(s), hour_of(e - timedelta.resolution) + HOUR - timedelta.resolution) for c, (s, e) in ends.items()
    }
    groups = [(s, e) for s, e in conc.union(spans.values()) if s <= last and first <= e]
    return {case for case, (start, _) in spans.items() if any(s <= start < e for s, e in groups)}


def ledger(stretches: Iterable[Stretch], kept: Mapping[int, Kept] | None = None, chosen: Sequence[int] = ()) -> Ledger:
    """Allot one physician's time. `chosen` are the cases that take overlapped blocks whole, the newest choice first."""
    kept = kept or {}
    ordered = tuple(sorted(stretches, key=lambda one: (one.start, one.end, one.case)))
    begun: dict[int, datetime] = {}
    for one in ordered:
        begun.setdefault(one.case, one.start)
    order = {case: place for place, case in enumerate(sorted(begun, key=lambda case: (begun[case], case)))}
    taken = conc.union(*(k.exclusive for k in kept.values()), *(k.open for k in kept.values()))
    blocks = tuple(_allotted(block, order, kept, taken, chosen) for block in _blocks(ordered))
    exclusive: dict[int, list[Interval]] = {case: [] for case in order}
    for block in blocks:
        for case, given in block.given:
            exclusive[case] += given
    halves = {one.case: one.half for one in ordered}
    held = {case: conc.union(pieces) for case, pieces in exclusive.items()}
    held, earned = _capped(held, halves, set(kept))
    shares = {case: _share(case, ordered, blocks, held, kept) for case in order}
    return Ledger(ordered, tuple(_as_capped(block, held) for block in blocks), shares, earned)


def _share(
    case: int,
    ordered: Sequence[Stretch],
    blocks: Sequence[Block],
    held: Mapping[int, Intervals],
    kept: Mapping[int, Kept],
) -> Share:
    live = conc.union((one.start, one.end) for one in ordered if one.case == case)
    alone = conc.union((block.start, block.end) for block in blocks if block.cases == (case,))
    others = conc.union(*(time for other, time in held.items() if other != case))
    left = conc.subtract(live, others)
    return Share(alone, held[case], conc.clip(left, kept[case].open) if case in kept and kept[case].open else left)


def _as_capped(block: Block, held: Mapping[int, Intervals]) -> Block:
    given = ((case, conc.clip(time, held[case])) for case, time in block.given)
    return Block(block.start, block.end, block.cases, tuple((case, time) for case, time in given if time))


def _blocks(ordered: Sequence[Stretch]) -> Iterator[tuple[datetime, datetime, dict[int, Want]]]:
    """Piece by piece, the cases that are live and what each wants (a sweep line)."""
    steps: dict[datetime, list[tuple[bool, Stretch]]] = {}
    for one in ordered:
        steps.setdefault(one.start, []).append((True, one))
        steps.setdefault(one.end, []).append((False, one))
    running: dict[int, list[Want]] = {}
    for at, after in pairwise(sorted(steps)):
        for begins, one in sorted(steps[at], key=lambda step: step[0]):
            wants = running.setdefault(one.case, [])
            wants.append(one.want) if begins else wants.remove(one.want)
        live = {case: min(wants, key=_STRONGEST.index) for case, wants in running.items() if wants}
        if live:
            yield at, after, live


_STRONGEST = ("room", "exclusive", "shared")


def _allotted(
    piece: tuple[datetime, datetime, dict[int, Want]],
    order: Mapping[int, int],
    kept: Mapping[int, Kept],
    taken: Intervals,
    chosen: Sequence[int],
) -> Block:
    start, end, live = piece
    whole, cases = ((start, end),), tuple(sorted(live, key=order.__getitem__))
    given = [(case, conc.clip(whole, kept[case].exclusive)) for case in cases if case in kept]
    given = [(case, time) for case, time in given if time]
    rest = [case for case in cases if case not in kept]
    free = whole if len(cases) == 1 else conc.subtract(whole, taken)
    claiming = [case for case in rest if live[case] == "exclusive"]
    first = next((case for case in chosen if case in claiming), None)
    if len(cases) == 1:
        given += [(case, free) for case in claiming]
    elif first is not None:
        given.append((first, free))
    elif claiming:
        given += [(case, time) for case, time in _slices(free, rest) if case in claiming and time]
    return Block(start, end, cases, tuple(given))


def _slices(free: Intervals, cases: Sequence[int]) -> Iterator[tuple[int, Intervals]]:
    """The same number of whole minutes for each case, one after the other."""
    each = conc.minutes(free) // len(cases) * MINUTE
    for case in cases:
        part, free = _cut(free, each)
        yield case, part


def _cut(time: Intervals, length: timedelta) -> tuple[Intervals, Intervals]:
    """The first so much of it, and the rest."""
    front: list[Interval] = []
    for number, (start, end) in enumerate(time):
        if end - start >= length:
            cut = start + length
            rest = ((cut, end), *time[number + 1 :]) if cut < end else time[number + 1 :]
            return (*front, (start, cut)) if length else tuple(front), rest
        front.append((start, end))
        length -= end - start
    return tuple(front), ()


# Units by the clock hour


def _capped(
    held: Mapping[int, Intervals], halves: Mapping[int, int], kept: set[int]
) -> tuple[dict[int, Intervals], tuple[Earned, ...]]:
    """The same time without the minutes that would earn a fifth unit in an hour; what was signed is counted first."""
    counts: dict[datetime, int] = {}
    earned: list[Earned] = []
    left: dict[int, list[Interval]] = {case: [] for case in held}
    run: dict[int, tuple[timedelta, int]] = dict.fromkeys(held, (timedelta(), 1))
    for fixed in (True, False):
        todo = sorted((s, e, case) for case, time in held.items() if (case in kept) == fixed for s, e in time)
        for start, end, case in todo:
            at = start
            while at < end:
                total, unit = run[case]
                reached = at + (unit * 15 - halves[case]) * MINUTE - total
                if reached > end:
                    left[case].append((at, end))
                    run[case] = (total + (end - at), unit)
                    break
                hour = hour_of(reached - timedelta.resolution)
                if fixed or counts.get(hour, 0) < UNITS_AN_HOUR:
                    counts[hour] = counts.get(hour, 0) + 1
                    earned.append(Earned(case, hour))
                    left[case].append((at, reached))
                    run[case], at = (total + (reached - at), unit + 1), reached
                else:
                    short = max(at, reached - MINUTE, hour)
                    left[case] += [(at, short)] if at < short else []
                    run[case], at = (total + (short - at), unit), min(end, hour + HOUR)
    return {case: conc.union(time) for case, time in left.items()}, tuple(earned)


def hour_of(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


# What the rules say


def findings(ledger: Ledger) -> tuple[Found, ...]:
    """V04, V07 and V08 of billing.md 12 over all cases of the physician, in order of time."""
    return tuple(sorted([*_in_room(ledger), *_hours(ledger), *_peaks(ledger)], key=lambda one: (one.at, one.id)))


def _in_room(ledger: Ledger) -> Iterator[Found]:
    """A case in the room whose physician was connected to another at the same time."""
    for case, share in ledger.shares.items():
        room = conc.union((o.start, o.end) for o in ledger.stretches if o.case == case and o.want == "room")
        shared = conc.subtract(room, share.alone)
        if left := conc.minutes(shared):
            said = (
                f"95940 needs the physician in the room with one patient: {left} min with another case are not billed."
            )
            yield Found("V04", "warn", said, (case,), shared[0][0])


def _hours(ledger: Ledger) -> Iterator[Found]:
    for hour in sorted({one.hour for one in ledger.earned}):
        cases = [one.case for one in ledger.earned if one.hour == hour]
        if len(cases) > UNITS_AN_HOUR:
            said = f"{len(cases)} units of G0453 in one clock hour over all Medicare patients; at most {UNITS_AN_HOUR}."
            yield Found("V07", "block", said, tuple(sorted(set(cases))), hour)
    for first, second in pairwise(sorted((s, e, case) for case, v in ledger.shares.items() for s, e in v.exclusive)):
        if second[0] < first[1]:
            said = "A minute is billed for two patients, each alone: withdraw one of the signed claims."
            yield Found("V07", "block", said, tuple(sorted({first[2], second[2]})), second[0])


def _peaks(ledger: Ledger) -> Iterator[Found]:
    """One for all cases that reached the same number: the most at once while each was live, against its payer's limit."""
    over: dict[tuple[int, int], list[tuple[datetime, int]]] = {}
    for case in ledger.shares:
        limit = min(one.limit for one in ledger.stretches if one.case == case)
        blocks = [block for block in ledger.blocks if case in block.cases and len(block.cases) > limit]
        if blocks:
            peak = max(len(block.cases) for block in blocks)
            over.setdefault((peak, limit), []).append((blocks[0].start, case))
    for (peak, limit), cases in over.items():
        said = f"The physician had {peak} cases at the same time; the limit is {limit}. Give the reason, or mend the times."
        yield Found("V08", "error", said, tuple(case for _, case in sorted(cases)), min(cases)[0])
