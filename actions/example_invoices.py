"""The example's invoices, old and new, paid and open, and a payer that waits for records."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from actions import Actor, invoices, records_requests
from models import Case, Facility, Person

EARLIER = (
    (100, "Cases of the quarter before this system, by the list sent with it", 412_500, 0),
    (68, "Cases of the month before this system, by the list sent with it", 287_000, 120_000),
    (38, "Stand-by over the holiday weekend, as agreed by letter", 76_000, 76_000),
)
"""Days ago, words, cents, and what was paid since."""


def fill(people: dict[str, Person], now: datetime) -> None:
    by, facilities = Actor(people["Bo Bell"]), list(Facility.select().order_by(Facility.id))
    for number, (days, words, cents, paid) in enumerate(EARLIER):
        then = now - timedelta(days=days)
        day = then.date()
        invoice = invoices.issue(
            facilities[number % len(facilities)], day - timedelta(days=30), day, chosen=(),
            others=(invoices.Other(words, cents),), by=by, now=then,
        )  # fmt: skip
        if paid:
            on = invoices.today(now) - timedelta(days=4)
            invoices.pay(invoice, cents=paid, on=on, reference="ACH 20418", by=by, now=now)
    _of_cases(facilities, by, now)
    _asked_for(by, now)


def _of_cases(facilities: list[Facility], by: Actor, now: datetime) -> None:
    """One hospital's cases are invoiced; the others wait."""
    today = invoices.today(now)
    start = date(today.year - 1, 1, 1)
    for facility in facilities:
        ready = [one.case.id for one in invoices.proposal(facility, start, today, on=today) if one.charges]
        if ready:
            invoices.issue(facility, start, today, chosen=ready, by=by, now=now)
            return


def _asked_for(by: Actor, now: datetime) -> None:
    case = Case.select().where(Case.signed_at.is_null(False)).order_by(Case.id.desc()).first()
    if case:
        today = invoices.today(now)
        records_requests.enter(
            case, purpose="records", requester="Acme PPO, clinical review (synthetic)", reference="R-2231",
            asked_on=today - timedelta(days=24), due_on=today + timedelta(days=6), by=by, now=now,
        )  # fmt: skip
