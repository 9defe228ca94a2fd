"""When somebody is told, told again, or somebody else is; and when nobody is, because it is night.

An alert is about one thing (`what`) and one threshold or revision of it (its edition). It is told once; while nobody
acknowledges it, it is told again at its pace, then to the second person, then to the owner. Once acknowledged or
resolved there is silence until the next threshold.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

CHANNELS = ("push", "email", "sms")
"""In the order in which one that fails falls to the next."""
KINDS = {"credential": "Credentials", "case": "Cases, reports and packets", "device": "Devices that fail"}
DEFAULT: dict[str, tuple[str, ...]] = {"credential": ("push", "email"), "case": ("push",), "device": ("push", "email")}
TASK_DAYS = 30
"""From so many days before the end on, an alert is a task and goes on to others (issue 5, section 2)."""
URGENT_DAYS = 7
Whom = Literal["person", "second", "owner"]


class Alert(Struct, frozen=True, kw_only=True):
    """Something that people are to be told."""

    what: str
    edition: str
    people: tuple[int, ...]
    path: str
    pace: int
    """Days until it is told again."""
    escalates: bool = True


def kind_of(what: str) -> str:
    """Which of KINDS a notice is of."""
    word = what.split(":")[0]
    if word == "obstacle":
        return "credential"
    return word if word in ("credential", "device") else "case"


def base(edition: str) -> str:
    """The edition without what repeating it added: 30 of 30+2."""
    return edition.partition("+")[0]


def pace(threshold: int) -> int:
    """Days until a credential's alert is told again: weekly far off, daily in the last week."""
    if threshold > TASK_DAYS:
        return 7
    return 3 if threshold > URGENT_DAYS else 1


def is_urgent(what: str, edition: str) -> bool:
    """True in a credential's last week: that may break into quiet hours where the owner says so."""
    days = base(edition)
    return what.startswith("credential:") and days.isdigit() and int(days) <= URGENT_DAYS


def reminders(alert: Alert, days: int, *, has_second: bool) -> list[tuple[str, Whom]]:
    """What is due `days` after an alert that nobody acknowledged: the newest repetition alone, and who else is told."""
    times = days // alert.pace
    found: list[tuple[str, Whom]] = []
    if times:
        found.append((f"{alert.edition}+{times}", "person"))
    if alert.escalates and has_second and times >= 2:
        found.append((f"{alert.edition}+second", "second"))
    if alert.escalates and times >= (3 if has_second else 2):
        found.append((f"{alert.edition}+owner", "owner"))
    return found


# Quiet hours, by the clock on the wall


def is_quiet(at: datetime, zone: ZoneInfo, begin: time, end: time) -> bool:
    """True between the two times on the wall there, the first included; they may lie around midnight."""
    wall = at.astimezone(zone).time()
    return begin <= wall < end if begin <= end else wall >= begin or wall < end


def quiet_until(at: datetime, zone: ZoneInfo, begin: time, end: time) -> datetime | None:
    """The first minute that is not quiet any more; none when it is not quiet now.

    Minute by minute, for the wall skips an hour in spring and repeats one in fall.
    """
    if not is_quiet(at, zone, begin, end):
        return None
    moment = at.replace(second=0, microsecond=0)
    while is_quiet(moment, zone, begin, end):
        moment += timedelta(minutes=1)
    return moment
