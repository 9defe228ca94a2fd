"""A physician's day as it is shown and printed: cases as bars, how many at once as height, exclusive minutes by the hour.

Other patients have no name here: a case is what its label says. Places run from 0 to 1000 over the time shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Literal

from msgspec import Struct

from . import concurrency as conc
from .concurrency import Interval, Intervals
from .ledger import HOUR, SPLIT, UNITS_AN_HOUR, Block, Ledger, findings, hour_of
from .times import Clock

WIDE = 1000
CAPPED = "the minutes that would earn a fifth unit of G0453 in a clock hour are given to nobody"


class Bar(Struct, frozen=True):
    x: int
    width: int
    kind: Literal["live", "alone"]
    title: str


class Row(Struct, frozen=True):
    """One case: when it was live and which of it is billed for this patient alone."""

    case: int
    label: str
    span: str
    live: int
    alone: int
    units: int
    overlap: int
    bars: tuple[Bar, ...]
    may_choose: bool


class Step(Struct, frozen=True):
    x: int
    width: int
    count: int


class Hour(Struct, frozen=True):
    """One clock hour over all Medicare patients."""

    label: str
    minutes: int
    units: int
    peak: int


class Piece(Struct, frozen=True):
    """A block with more than one case, and how it was allotted."""

    span: str
    cases: str
    minutes: int
    given: str


class Proof(Struct, frozen=True, kw_only=True):
    """`said` are the findings in words with their numbers, `methods` how overlapping minutes were allotted."""

    who: str
    day: date
    zone: str
    rows: tuple[Row, ...]
    steps: tuple[Step, ...]
    ticks: tuple[tuple[int, str], ...]
    hours: tuple[Hour, ...]
    pieces: tuple[Piece, ...]
    methods: tuple[str, ...]
    said: tuple[tuple[str, str, str], ...]
    peak: int
    limit: int

    @property
    def description(self) -> str:
        """The drawing in words."""
        cases = "; ".join(f"{row.label} {row.span}" for row in self.rows)
        return f"{self.who} watched {len(self.rows)} case{'s' * (len(self.rows) != 1)}, at most {self.peak} at once: {cases}."


def proof(
    who: str, day: date, ledger: Ledger, labels: Mapping[int, str], shown: Clock, *, methods: tuple[str, ...] = ()
) -> Proof:
    """The cases that `labels` names, in the order in which they began; others of the ledger lie on other days."""
    cases = [case for case in ledger.shares if case in labels]
    live = {case: ledger.live(case) for case in cases}
    edges = [edge for time in live.values() for stretch in time for edge in stretch]
    first, last = hour_of(min(edges)), hour_of(max(edges) - timedelta.resolution) + HOUR
    axis = _Axis(first, last, shown)
    here = [block for block in ledger.blocks if set(block.cases) & set(cases)]
    limit = min(one.limit for one in ledger.stretches if one.case in labels)
    return Proof(
        who=who,
        day=day,
        zone=str(shown.zone),
        rows=tuple(_row(case, ledger, live[case], labels[case], axis) for case in cases),
        steps=tuple(_steps(here, axis)),
        ticks=tuple(axis.ticks()),
        hours=tuple(_hours(ledger, axis)),
        pieces=tuple(_piece(block, labels, shown) for block in here if len(block.cases) > 1),
        methods=(f"Overlapping minutes: {SPLIT}; {CAPPED}.", *methods),
        said=tuple(
            (one.id, one.severity, f"{shown.time(one.at)}, {_named(one.cases, labels)}: {one.message}")
            for one in findings(ledger)
            if set(one.cases) & set(cases)
        ),
        peak=max((len(block.cases) for block in here), default=0),
        limit=limit,
    )


def _steps(blocks: Iterable[Block], axis: _Axis) -> Iterator[Step]:
    """Blocks that follow each other with as many cases are one step."""
    runs: list[tuple[datetime, datetime, int]] = []
    for block in blocks:
        count = len(block.cases)
        if runs and runs[-1][1:] == (block.start, count):
            runs[-1] = (runs[-1][0], block.end, count)
        else:
            runs.append((block.start, block.end, count))
    for start, end, count in runs:
        yield Step(*axis.place((start, end)), count)


def _named(cases: tuple[int, ...], labels: Mapping[int, str]) -> str:
    return ", ".join(dict.fromkeys(labels.get(case, "a case of another day") for case in cases))


class _Axis:
    def __init__(self, first: datetime, last: datetime, shown: Clock) -> None:
        self.first, self.last, self.shown = first, last, shown

    def place(self, time: Interval) -> tuple[int, int]:
        """Where it begins and how wide it is, of a thousand; never nothing."""
        long = self.last - self.first
        x, end = ((min(max(edge, self.first), self.last) - self.first) * WIDE // long for edge in time)
        return x, max(end - x, 1)

    def hours(self) -> list[datetime]:
        return [self.first + n * HOUR for n in range((self.last - self.first) // HOUR)]

    def ticks(self) -> list[tuple[int, str]]:
        every = max(1, len(self.hours()) // 8)
        return [(self.place((at, at))[0], self.shown.time(at)) for at in self.hours()[::every]]


def _row(case: int, ledger: Ledger, live: Intervals, label: str, axis: _Axis) -> Row:
    share = ledger.shares[case]
    wants = {one.want for one in ledger.stretches if one.case == case}
    held = share.exclusive
    if "room" in wants:
        room = conc.union((o.start, o.end) for o in ledger.stretches if o.case == case and o.want == "room")
        held = conc.union(held, conc.clip(room, share.alone))
    bars = [Bar(*axis.place(one), "live", f"{label}, watched {axis.shown.span(*one)}") for one in live]
    bars += [Bar(*axis.place(one), "alone", f"{label}, this patient alone {axis.shown.span(*one)}") for one in held]
    overlap = conc.minutes(conc.subtract(live, share.alone))
    return Row(
        case, label, ", ".join(axis.shown.span(*one) for one in live), conc.minutes(live), conc.minutes(held),
        sum(one.case == case for one in ledger.earned), overlap, tuple(bars), bool(overlap) and "exclusive" in wants,
    )  # fmt: skip


def _hours(ledger: Ledger, axis: _Axis) -> list[Hour]:
    held = [time for share in ledger.shares.values() for time in share.exclusive]
    found = []
    for at in axis.hours():
        hour = (at, at + HOUR)
        minutes = sum(conc.minutes(conc.clip([time], [hour])) for time in held)
        units = sum(one.hour == at for one in ledger.earned)
        found.append(Hour(axis.shown.span(*hour), minutes, units, ledger.peak([hour])))
    return found


def _piece(block: Block, labels: Mapping[int, str], shown: Clock) -> Piece:
    given = [f"{labels.get(case, 'another day')} {conc.minutes(time)} min" for case, time in block.given]
    minutes = conc.minutes([(block.start, block.end)])
    told = "; ".join(given) or "to nobody alone"
    return Piece(shown.span(block.start, block.end), str(len(block.cases)), minutes, told)


def most() -> int:
    """Units of G0453 in a clock hour over all patients."""
    return UNITS_AN_HOUR
