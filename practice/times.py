"""How times are shown: 24 hours, in the facility's zone, with the date on another day and the zone where it could be mistaken."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import astuple

from .cases import Facts


class Clock(Struct, frozen=True):
    """Shows instants of one case. `day` is its date of service; times of other days carry theirs."""

    zone: ZoneInfo
    day: date | None = None
    zoned: bool = False

    def time(self, at: datetime) -> str:
        """08:21, 01/23 00:37 on another day, 01:38 EDT on the night the clocks change."""
        local = at.astimezone(self.zone)
        shown = local.strftime("%H:%M")
        if self.day and local.date() != self.day:
            shown = local.strftime("%m/%d ") + shown
        return f"{shown} {local.tzname()}" if self.zoned else shown

    def span(self, start: datetime | None, end: datetime | None, gap: str = "[not recorded]") -> str:
        return f"{self.time(start) if start else gap}-{self.time(end) if end else gap}"

    def full(self, at: datetime) -> str:
        """2026-03-17 10:22 CDT, for signatures."""
        local = at.astimezone(self.zone)
        return f"{local:%Y-%m-%d %H:%M} {local.tzname()}"


def clock(facts: Facts) -> Clock:
    """The clock of a case. The zone is shown when the clocks change on a day the case touches (report-and-phone.md 1.1)."""
    zone = facts.zone
    days = {at.astimezone(zone).date() for at in instants(facts)}
    return Clock(zone, service_day(facts), any(clocks_change(day, zone) for day in days))


def service_day(facts: Facts) -> date | None:
    """The date of service: the local date on which monitoring began, where the header does not say."""
    starts = [segment.start for segment in facts.time.segments if segment.start]
    return facts.header.date_of_service or (min(starts).astimezone(facts.zone).date() if starts else None)


def clocks_change(day: date, zone: ZoneInfo) -> bool:
    """True when the zone's offset is not the same at both ends of the day."""
    ends = (datetime.combine(day + timedelta(days=more), time(), tzinfo=zone).utcoffset() for more in (0, 1))
    return len(set(ends)) > 1


def instants(value: Any) -> Iterator[datetime]:
    """Every time that the facts hold, in no order, the keying of late entries left out. Read several times for each page."""
    whole = isinstance(value, Struct)
    todo = (
        [getattr(value, name) for name in value.__struct_fields__ if name not in ("late", "header")]
        if whole
        else [value]
    )
    while todo:
        one = todo.pop()
        if isinstance(one, datetime):
            yield one
        elif isinstance(one, tuple):
            todo.extend(one)
        elif isinstance(one, Struct):
            todo.extend(astuple(one))


def age(born: date, on: date) -> int:
    """Full years of life on a day."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))
