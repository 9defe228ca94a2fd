"""Every write. One action is one transaction with its audit entry; `by` says who, `at` or `now` says when."""

from __future__ import annotations

from dataclasses import dataclass

from models import Person


class Refused(Exception):
    """A rule says no. `reasons` are full sentences for the person who asked."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = list(reasons)


@dataclass(frozen=True)
class Actor:
    """Who does it, for the audit trail: a signed-in person, or the machine when `person` is None."""

    person: Person | None = None
    session: int | None = None
    address: str = ""

    @property
    def id(self) -> int | None:
        return self.person.id if self.person else None


MACHINE = Actor(address="machine")
