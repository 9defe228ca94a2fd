"""Figures about the practice's own work: how long a case takes from closing to signature."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct


class Turnaround(Struct, frozen=True, kw_only=True):
    """When a case reached each step after its record was closed; None where it has not."""

    case: int
    closed_at: datetime
    drafted_at: datetime | None = None
    approved_at: datetime | None = None
    signed_at: datetime | None = None

    def steps(self) -> list[tuple[str, timedelta]]:
        """How long after closing each step was taken. A draft from before the closing took no time."""
        taken = (("draft", self.drafted_at), ("approval", self.approved_at), ("signature", self.signed_at))
        return [(word, max(at - self.closed_at, timedelta())) for word, at in taken if at]


class Spread(Struct, frozen=True, kw_only=True):
    """The middle and the worst of a step, and the case that was worst."""

    step: str
    median: timedelta
    worst: timedelta
    case: int
    count: int


def spreads(cases: Iterable[Turnaround]) -> list[Spread]:
    """Median and worst of each step. Of an even number the median is the slower of the two in the middle."""
    found: dict[str, list[tuple[timedelta, int]]] = {}
    for one in cases:
        for step, took in one.steps():
            found.setdefault(step, []).append((took, one.case))
    return [
        Spread(
            step=step, median=sorted(took)[len(took) // 2][0], worst=max(took)[0], case=max(took)[1], count=len(took)
        )
        for step, took in found.items()
    ]


def in_words(took: timedelta) -> str:
    """14 min, 3 h 05 min, 2 days 4 h: as exact as anybody wants it."""
    minutes = took // timedelta(minutes=1)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    days, rest = divmod(minutes, 24 * 60)
    return f"{days} day{'s' if days > 1 else ''} {rest // 60} h"
