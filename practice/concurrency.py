"""Intervals of time and what a case says about who watched how many cases, when.

Small pure algebra on half-open stretches (start, end) in UTC, so that midnight and clock changes do not
matter. Rules: billing.md 1.2 (what counts) and 1.5 (exclusive minutes, concurrent cases).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from .cases import Facts, Presence

Interval = tuple[datetime, datetime]
Intervals = tuple[Interval, ...]


def interval(start: datetime | None, end: datetime | None) -> Intervals:
    """The stretch between two instants, in UTC; empty when an end is missing or nothing lies between."""
    if start is None or end is None:
        return ()
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    return ((start, end),) if start < end else ()


def union(*groups: Iterable[Interval]) -> Intervals:
    """The time that lies in any of the stretches, in order, touching ones joined."""
    merged: list[Interval] = []
    for start, end in sorted(stretch for group in groups for stretch in group):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


def clip(stretches: Iterable[Interval], within: Iterable[Interval]) -> Intervals:
    """The time that lies in both."""
    walls = union(within)
    return tuple(
        (max(start, left), min(end, right))
        for start, end in union(stretches)
        for left, right in walls
        if max(start, left) < min(end, right)
    )


def subtract(stretches: Iterable[Interval], away: Iterable[Interval]) -> Intervals:
    """The time that lies in the first and not in the second."""
    left = list(union(stretches))
    for cut_start, cut_end in union(away):
        kept: list[Interval] = []
        for start, end in left:
            pieces = ((start, min(end, cut_start)), (max(start, cut_end), end))
            kept += [(a, b) for a, b in pieces if a < b]
        left = kept
    return tuple(left)


def total(stretches: Iterable[Interval]) -> timedelta:
    """Elapsed time of all stretches together, overlaps once."""
    return sum((end - start for start, end in union(stretches)), timedelta())


def minutes(stretches: Iterable[Interval]) -> int:
    """Whole minutes of all stretches together: seconds are added up first and cut off once (billing.md 1.3)."""
    return total(stretches) // timedelta(minutes=1)


def levels(stretches: Iterable[Interval]) -> tuple[tuple[datetime, datetime, int], ...]:
    """How many of the stretches run at the same time, piece by piece (a sweep line); stretches of zero are left out."""
    steps: dict[datetime, int] = {}
    for start, end in stretches:
        steps[start] = steps.get(start, 0) + 1
        steps[end] = steps.get(end, 0) - 1
    found, running = [], 0
    times = sorted(steps)
    for time, following in zip(times, times[1:], strict=False):
        running += steps[time]
        if running:
            found.append((time, following, running))
    return tuple(found)


class Attendance(Struct, frozen=True, kw_only=True):
    """The time in which one physician was connected. `assumed` is time after a connection nobody saw end."""

    physician: str
    known: Intervals = ()
    assumed: Intervals = ()

    @property
    def all(self) -> Intervals:
        return union(self.known, self.assumed)


def segments(facts: Facts) -> Intervals:
    """The monitored time of the case, by its segments that have a start and a stop."""
    return union(*(interval(segment.start, segment.end) for segment in facts.time.segments))


def pauses(facts: Facts) -> Intervals:
    """Breaks, and the time between a pause and the resume that follows it; an open one is not guessed at."""
    found = [interval(pause.start, pause.end) for pause in facts.time.breaks]
    paused: datetime | None = None
    for event in sorted((e for e in facts.events if e.t), key=lambda e: e.t):
        if event.type == "pause":
            paused = paused or event.t
        elif event.type == "resume":
            found.append(interval(paused, event.t))
            paused = None
    return union(*found)


def open_pauses(facts: Facts) -> tuple[datetime, ...]:
    """When a break or a pause began whose end is not recorded."""
    opened = [pause.start for pause in facts.time.breaks if pause.start and not pause.end]
    last: datetime | None = None
    for event in sorted((e for e in facts.events if e.t and e.type in ("pause", "resume")), key=lambda e: e.t):
        last = (last or event.t) if event.type == "pause" else None
    # A pause that is also kept as a break has its end there.
    ended = any(pause.start == last and pause.end for pause in facts.time.breaks)
    return tuple(opened) + ((last,) if last and not ended and last not in opened else ())


def attendances(facts: Facts) -> tuple[Attendance, ...]:
    """Who was connected when. A connection without its end is taken to last until the monitoring stops.

    That keeps the minutes of the segment counted, as the record says them; it is `assumed`, so that a line says
    so and a finding blocks the claim until somebody writes the end down.
    """
    monitored = segments(facts)
    if not monitored:
        return ()
    first, last = monitored[0][0], monitored[-1][1]
    order = dict.fromkeys(log.physician for log in sorted(facts.physician_log, key=_begins))
    found = []
    for physician in order:
        logs = [log for log in facts.physician_log if log.physician == physician]
        known = union(*(interval(log.connect, log.disconnect) for log in logs))
        opened = [_open(log, logs, first, last) for log in logs if (log.connect is None) != (log.disconnect is None)]
        found.append(Attendance(physician=physician, known=known, assumed=subtract(union(*opened), known)))
    return tuple(found)


def _begins(log: Presence) -> tuple[bool, datetime]:
    return log.connect is None, (log.connect or log.disconnect or datetime.max.replace(tzinfo=UTC)).astimezone(UTC)


def _open(log: Presence, logs: list[Presence], first: datetime, last: datetime) -> Intervals:
    """From the end that is known to the next connection of the same physician, or to the edge of the monitoring."""
    if log.connect:
        later = [other.connect for other in logs if other.connect and other.connect > log.connect]
        return interval(log.connect, min([*later, last]))
    earlier = [o.disconnect for o in logs if o.disconnect and log.disconnect and o.disconnect < log.disconnect]
    return interval(max([*earlier, first]), log.disconnect)


def presence_gaps(facts: Facts) -> Intervals:
    """Monitored time, pauses left out, in which no physician is recorded as connected."""
    connected = union(*(attendance.all for attendance in attendances(facts)))
    return subtract(segments(facts), union(connected, pauses(facts)))


def with_cases(facts: Facts, physician: str, at_least: int) -> Intervals:
    """The time in which the physician is recorded as watching at least so many cases, this one included."""
    rows = [row for log in facts.physician_log if log.physician == physician for row in log.concurrency]
    return union(*(interval(row.frm, row.to) for row in rows if row.n and row.n >= at_least))


def peak(facts: Facts) -> int | None:
    """The most cases one physician watched at once during the monitoring; None when nobody recorded it."""
    monitored = segments(facts)
    return max(
        (
            row.n
            for log in facts.physician_log
            for row in log.concurrency
            if row.n and clip(interval(row.frm, row.to), monitored)
        ),
        default=None,
    )


def exclusive(facts: Facts, physician: str) -> Intervals:
    """The time the physician documented as given to this case alone, less any in which more cases are recorded."""
    rows = [row for log in facts.physician_log if log.physician == physician for row in log.exclusive]
    stated = union(*(interval(row.frm, row.to) for row in rows))
    whole = [interval(s.start, s.end) for s in facts.time.segments if s.mode == "remote_exclusive"]
    return subtract(union(stated, *whole), with_cases(facts, physician, 2))


def exclusive_minutes(facts: Facts) -> int:
    """Documented exclusive minutes within monitoring and connection, over all physicians."""
    monitored = subtract(segments(facts), pauses(facts))
    return minutes(
        union(*(clip(clip(exclusive(facts, a.physician), a.all), monitored) for a in attendances(facts))),
    )
