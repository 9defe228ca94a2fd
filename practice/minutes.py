"""Which minutes of a case count for continuous monitoring, and why the others do not (billing.md 1.2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cached_property

from . import concurrency as conc
from .cases import Facts, Segment
from .concurrency import Intervals
from .times import Clock, clock


class Minutes:
    """The minutes of a case: what counts, what does not and why. Each minute stands in one place only."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.attended = conc.attendances(facts)
        monitored = conc.segments(facts)
        time = facts.time
        pauses = conc.pauses(facts)
        setup = conc.interval(time.setup_start, time.setup_end)
        baselines = conc.union(*(conc.interval(part.start, part.end) for part in facts.baselines.sets))
        connected = conc.union(*(attendance.all for attendance in self.attended))
        # Without any connection on record nobody can say which minutes were watched: they stay, and a finding blocks.
        away = conc.subtract(monitored, connected) if connected else ()
        self.counted = conc.subtract(monitored, conc.union(pauses, setup, baselines, away))
        first = monitored[0][0] if monitored else None
        last = monitored[-1][1] if monitored else None
        parts = [
            ("set-up", conc.subtract(setup, pauses)),
            *((_named(pause.reason, "break"), conc.interval(pause.start, pause.end)) for pause in time.breaks),
            ("pause", pauses),
            ("baselines", baselines),
            ("no physician connected", away),
            ("between monitored stretches", conc.interval(first, last)),
            ("waiting before monitoring", conc.interval(time.tech_arrive or time.setup_start, first)),
            ("after monitoring stopped, until electrodes were out", conc.interval(last, time.electrodes_out)),
        ]
        taken = self.counted
        self.excluded: list[tuple[str, Intervals]] = []
        for what, stretches in parts:
            rest = conc.subtract(stretches, taken)
            taken = conc.union(taken, rest)
            if conc.minutes(rest):
                self.excluded.append((what, rest))
        inside = conc.interval(first, last)
        self.gap = conc.subtract(inside, self.counted)

    @cached_property
    def shown(self) -> Clock:
        return clock(self.facts)

    @property
    def date_of_service(self) -> date | None:
        """The local day on which monitoring began (billing.md 1.2)."""
        starts = [segment.start for segment in self.facts.time.segments if segment.start]
        return min(starts).astimezone(self.facts.zone).date() if starts else self.facts.header.date_of_service

    @property
    def not_counted(self) -> list[tuple[int, str]]:
        """The minutes of each excluded part, with a sentence that says so."""
        return [
            (length := conc.minutes(stretches), f"{what} {length} min not counted: {self.spans(stretches)}")
            for what, stretches in self.excluded
        ]

    @property
    def warnings(self) -> tuple[str, ...]:
        found = [
            f"Monitoring segment {segment.id} has no {'start' if segment.start is None else 'stop'}; nothing is counted."
            for segment in self.facts.time.segments
            if segment.start is None or segment.end is None
        ]
        found += [
            f"A pause began at {self.shown.time(start)} and its end is not recorded; its minutes are still counted."
            for start in conc.open_pauses(self.facts)
        ]
        return tuple(found)

    def _before(self, segment: Segment) -> Sequence[Segment]:
        return self.facts.time.segments[: self.facts.time.segments.index(segment)]

    def own(self, segment: Segment) -> Intervals:
        """The counted time of this segment and of no earlier one, should two overlap."""
        before = conc.union(*(conc.interval(s.start, s.end) for s in self._before(segment)))
        return conc.subtract(conc.clip(conc.interval(segment.start, segment.end), self.counted), before)

    @property
    def clock_changes(self) -> bool:
        zone = self.facts.zone
        return len({edge.astimezone(zone).utcoffset() for stretch in self.counted for edge in stretch}) > 1

    def spans(self, stretches: Intervals) -> str:
        shown = [f"{self.shown.time(start)} to {self.shown.time(end)}" for start, end in stretches]
        if len(shown) > 1:
            lengths = [conc.minutes([stretch]) for stretch in stretches]
            shown = [f"{span} ({length})" for span, length in zip(shown, lengths, strict=True)]
        return ", ".join(shown)


def _named(reason: str | None, what: str) -> str:
    return f"{what} ({reason})" if reason else what


def owners(facts: Facts, log: Minutes) -> dict[str | None, Intervals]:
    """Whose each minute is: of two physicians connected at once, the one who was there first keeps it."""
    stretches = sorted(
        (start, end, attendance.physician) for attendance in log.attended for start, end in attendance.all
    )
    found: dict[str | None, Intervals] = {}
    taken: Intervals = ()
    for start, end, physician in stretches:
        own = conc.clip(conc.subtract([(start, end)], taken), log.counted)
        taken = conc.union(taken, own)
        if own:
            found[physician] = conc.union(found.get(physician, ()), own)
    return found or {only_physician(facts): log.counted}


def only_physician(facts: Facts) -> str | None:
    named = [p.physician for p in facts.physician_log] or [p.id for p in facts.staff.physicians]
    return named[0] if len(set(named)) == 1 else None
