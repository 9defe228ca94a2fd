"""What a hospital owes for the technical part of its cases, and how old what it owes is.

Minutes are raw and whole, money is whole cents. The price of a case, of the hours after those it holds, of standing by
and of a late cancellation come from the agreement of the day (billing.md 2.3); a price of zero is not agreed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Literal

from msgspec import Struct

from . import cases as c
from .money import dollars, for_minutes
from .times import clock

What = Literal["case", "hours", "standby", "cancellation", "other"]
WORDS: dict[What, str] = {
    "case": "Case",
    "hours": "Hours beyond",
    "standby": "Standing by",
    "cancellation": "Late cancellation",
    "other": "Other",
}
AGES = ("current", "1-30", "31-60", "61-90", "over 90")
"""How many days past its due day an open invoice is."""


class Prices(Struct, frozen=True, kw_only=True):
    """What was agreed with a hospital, in cents."""

    case: int = 0
    hour: int = 0
    included_minutes: int = 0
    standby_hour: int = 0
    cancellation: int = 0


class Attendance(Struct, frozen=True, kw_only=True):
    """How long the technologists were there, and whether anything was monitored. `minutes` is None when not recorded."""

    minutes: int | None
    said: str
    """The stretches as they are read off the record, or what is missing."""
    monitored: int = 0
    begun: bool = False
    """Whether the record says that anybody came at all."""


class Charge(Struct, frozen=True, kw_only=True):
    """One line of an invoice, with its arithmetic in words."""

    what: What
    cents: int
    derivation: str
    minutes: int | None = None


def attendance(facts: c.Facts, monitored: int) -> Attendance:
    """The technologists' time at the hospital: what two of them share is counted once, breaks are not taken off.

    A missing arrival is that of the record's set-up, a missing leaving the moment the electrodes were out.
    """
    staff, time = facts.staff.technologists, facts.time
    stretches = [(one.on, one.off) for one in staff] or [(None, None)]
    stretches[0] = (stretches[0][0] or time.tech_arrive, stretches[0][1])
    stretches[-1] = (stretches[-1][0], stretches[-1][1] or time.electrodes_out)
    begun = any(start for start, _ in stretches) or bool(time.segments)
    if not begun:
        return Attendance(minutes=None, said="Nothing was recorded of this case.")
    if any(start is None or end is None or end < start for start, end in stretches):
        return Attendance(
            minutes=None, said="When the technologist came or left is not recorded.", monitored=monitored, begun=True
        )
    joined = _joined([(start, end) for start, end in stretches if start and end])
    minutes, shown = sum(c.minutes_between(start, end) for start, end in joined), clock(facts)
    spans = " and ".join(shown.span(start, end) for start, end in joined)
    return Attendance(
        minutes=minutes, said=f"technologist there {spans} = {minutes} min", monitored=monitored, begun=True
    )


def _joined(stretches: Sequence[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    joined: list[tuple[datetime, datetime]] = []
    for start, end in sorted(stretches):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def charges(prices: Prices, there: Attendance) -> tuple[list[Charge], str]:
    """The lines of one case, or none and why not."""
    if prices == Prices():
        return [], "The agreement of the day names no price."
    if not there.begun:
        return [], there.said
    if there.monitored == 0:
        return _standing_by(prices, there)
    if (prices.hour or not prices.case) and there.minutes is None:
        return (
            [],
            f"{there.said} The hours cannot be counted: add it to the record, or bill the case by a line of your own.",
        )
    found = []
    if prices.case:
        held = f", which holds {prices.included_minutes} min" if prices.hour and prices.included_minutes else ""
        found.append(Charge(what="case", cents=prices.case, derivation=f"price of a case{held}"))
    if prices.hour and there.minutes is not None and (over := there.minutes - prices.included_minutes) > 0:
        less = f"; {there.minutes} - {prices.included_minutes} included = {over} min" if prices.included_minutes else ""
        found.append(_by_the_hour("hours", over, prices.hour, f"{there.said}{less}"))
    return (found, "") if found else ([], "Nothing comes to be charged by the agreement of the day.")


def _standing_by(prices: Prices, there: Attendance) -> tuple[list[Charge], str]:
    if not prices.standby_hour:
        return [], "No minute was monitored, and the agreement has no price for standing by."
    if there.minutes is None:
        return [], f"{there.said} Standing by cannot be counted: add it to the record, or use a line of your own."
    return [_by_the_hour("standby", there.minutes, prices.standby_hour, f"nothing monitored; {there.said}")], ""


def _by_the_hour(what: What, minutes: int, price: int, said: str) -> Charge:
    cents, rounded = for_minutes(minutes, price)
    end = f"{dollars(cents)}{', rounded to the cent' if rounded else ''}"
    return Charge(
        what=what, minutes=minutes, cents=cents, derivation=f"{said}; {minutes} x {dollars(price)} / 60 = {end}"
    )


def cancellation(prices: Prices, words: str) -> Charge:
    """The price of a case that was called off too late, with who said so."""
    return Charge(what="cancellation", cents=prices.cancellation, derivation=f"canceled late: {words}")


# What is open


class Owed(Struct, frozen=True, kw_only=True):
    """An issued invoice that is not void, and what was paid on it."""

    facility: str
    number: str
    due_on: date
    total: int
    paid: int = 0

    @property
    def open(self) -> int:
        return self.total - self.paid


def age(due_on: date, today: date) -> str:
    """Which of the ages an invoice has: due today is current."""
    late = (today - due_on).days
    for name, most in zip(AGES, (0, 30, 60, 90), strict=False):
        if late <= most:
            return name
    return AGES[-1]


def ageing(owed: Iterable[Owed], today: date) -> dict[str, dict[str, int]]:
    """The open cents of each hospital by age, hospitals in order of name; what is paid is not there."""
    found: dict[str, dict[str, int]] = {}
    for one in sorted(owed, key=lambda one: (one.facility, one.number)):
        if one.open:
            row = found.setdefault(one.facility, dict.fromkeys(AGES, 0))
            row[age(one.due_on, today)] += one.open
    return found
