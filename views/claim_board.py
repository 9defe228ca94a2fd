"""What the claims board asks the database: a few indexed questions, whatever the number of cases and claims."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from typing import Any, NamedTuple

import peewee as pw

from actions import claim_files
from actions.terms import rule_of, terms
from models import Asked as Query
from models import Case, Claim, ClaimFile, Facility, FileAct, Patient, Payer, Unbilled, db, param
from practice import claim_states as states
from practice.cases import payer_class_words

UNCODED = "to-code"
"""In the place of a state: signed cases that no claim was made of yet."""
UNSIGNED = "unsigned"
"""In the place of a state: closed cases whose report is not signed."""
NEEDS: tuple[str, ...] = (UNCODED, "rejected", "denied", "held", "coded", "released", "submitted", "accepted", UNSIGNED)
"""What money waits for, what needs a person first."""
LABELS: dict[str, str] = {
    UNCODED: "To be coded", "rejected": "Rejected", "denied": "Denied", "held": "Held", "coded": "To release",
    "released": "To send", "submitted": "Sent, no answer", "accepted": "Accepted, not paid", UNSIGNED: "Report not signed",
    "paid": "Paid", "withdrawn": "Withdrawn", "replaced": "Corrected", "voided": "Voided",
}  # fmt: skip
PAGE = 50
NEAR = timedelta(days=14)
"""So long before a filing limit a claim is called near it."""


@dataclass(frozen=True)
class Asked:
    """What the board is asked to show."""

    state: str = ""
    payer: int | None = None
    facility: int | None = None
    after: tuple[str, int, int] | None = None

    def where(self, query: pw.ModelSelect, model: type[pw.Model]) -> pw.ModelSelect:
        """The query narrowed to one payer or hospital."""
        if self.payer:
            query = query.where(model.payer == self.payer)
        if self.facility:
            hospital = Unbilled.facility if model is Unbilled else Case.facility
            query = query if model is Unbilled else query.join(Case)
            query = query.where(hospital == self.facility)
        return query


@dataclass(frozen=True)
class Money:
    """How many cases or claims stand in a state, and what was charged for them; cases not counted yet add nothing."""

    count: int = 0
    cents: int = 0


@dataclass(frozen=True)
class Standing:
    """The money by state, and what is near or past its filing limit."""

    by_state: dict[str, Money] = field(default_factory=dict)
    near: Money = Money()
    overdue: Money = Money()

    def of(self, *names: str) -> Money:
        found = [self.by_state.get(name, Money()) for name in names]
        return Money(sum(one.count for one in found), sum(one.cents for one in found))


def standing(asked: Asked, today: date) -> Standing:
    """What waits where. Only what is outstanding is added up: that index is small, however long the practice works."""
    shape, values = _shape(asked), _values(asked)
    found = {state: Money(count, cents) for state, count, cents in _open_claims(*shape)(**values)}
    for signed, count, cents in _open_cases(*shape)(**values):
        found[UNCODED if signed else UNSIGNED] = Money(count, cents or 0)
    late = _late_claims(*shape)(**values, today=today.isoformat(), near=(today + NEAR).isoformat())
    limits = {bool(over): Money(count, cents) for over, count, cents in late}
    return Standing(found, near=limits.get(False, Money()), overdue=limits.get(True, Money()))


def unfiled() -> Money:
    """Released claims that go to a receiver and stand in no file."""
    return _money(_UNFILED)


def for_paper() -> Money:
    """Released claims of payers that are sent no files."""
    return _money(_FOR_PAPER)


def not_handed_in() -> Money:
    """Files of real claims that were made, and neither handed in nor given up. An answer says that one was handed in."""
    return _money(_NOT_HANDED_IN)


def _money(query: Query) -> Money:
    count, cents = query().fetchone()
    return Money(count, cents or 0)


def _sum(claims: pw.ModelSelect) -> pw.Select:
    of = claims.select(Claim.id, Claim.total_cents).order_by().alias("of")
    return pw.Select((of,), (pw.fn.COUNT(of.c.id), pw.fn.SUM(of.c.total_cents))).bind(db)


_UNFILED = Query(lambda: _sum(claim_files.waiting()))
_FOR_PAPER = Query(lambda: _sum(Claim.select().join(Payer).where(Claim.state == "released", Payer.receiver.is_null())))
_NOT_HANDED_IN = Query(
    lambda: ClaimFile.select(pw.fn.COUNT(ClaimFile.id), pw.fn.SUM(ClaimFile.cents)).where(
        ClaimFile.usage == "P", ClaimFile.id.not_in(FileAct.select(FileAct.file))
    )
)


# The queries, built once for each way in which the board is narrowed


def _shape(asked: Asked) -> tuple[bool, bool]:
    return bool(asked.payer), bool(asked.facility)


def _values(asked: Asked) -> dict[str, Any]:
    day, cents, id = asked.after or ("", 0, 0)
    return {"payer": asked.payer, "facility": asked.facility, "day": day, "cents": cents, "id": id}


def _narrowed(payer: bool, facility: bool, after: bool = False) -> Asked:
    """What is asked, with holes for its values."""
    last = (param("day"), param("cents"), param("id")) if after else None
    return Asked(payer=param("payer") if payer else None, facility=param("facility") if facility else None, after=last)  # type: ignore[arg-type]


@cache
def _open_claims(payer: bool, facility: bool) -> Query:
    rows = Claim.select(Claim.state, pw.fn.COUNT(Claim.id), pw.fn.SUM(Claim.total_cents))
    rows = _narrowed(payer, facility).where(rows.where(Claim.state.in_(states.OPEN)), Claim)
    return Query(lambda: rows.group_by(Claim.state))


@cache
def _open_cases(payer: bool, facility: bool) -> Query:
    rows = Unbilled.select(Unbilled.signed, pw.fn.COUNT(Unbilled.id), pw.fn.SUM(Unbilled.cents)).where(_worth_it())
    rows = _narrowed(payer, facility).where(rows, Unbilled)
    return Query(lambda: rows.group_by(Unbilled.signed))


@cache
def _late_claims(payer: bool, facility: bool) -> Query:
    rows = Claim.select(Claim.file_by < param("today"), pw.fn.COUNT(Claim.id), pw.fn.SUM(Claim.total_cents)).where(
        Claim.state.in_(states.UNSENT), Claim.file_by.is_null(False), Claim.file_by <= param("near")
    )
    rows = _narrowed(payer, facility).where(rows, Claim)
    return Query(lambda: rows.group_by(pw.SQL("1")))


def _worth_it() -> pw.Expression:
    """Cases with a line, or that were not counted yet."""
    return Unbilled.lines.is_null() | (Unbilled.lines > 0)


@dataclass(frozen=True)
class Row:
    """A line of the board: a claim, or a case without one."""

    id: int
    case: int
    number: str
    state: str
    date_of_service: date
    procedure: str
    patient: str
    facility: str
    payer: str
    cents: int | None
    file_by: date | None


def rows(asked: Asked, state: str, most: int = PAGE) -> list[Row]:
    """The claims of a state, or the cases without one: oldest and dearest first, and one more than a page."""
    return _cases(asked, state == UNCODED, most) if state in (UNCODED, UNSIGNED) else _claims(asked, state, most)


def _claims(asked: Asked, state: str, most: int) -> list[Row]:
    found = _claims_of(*_shape(asked), bool(asked.after))(**_values(asked), state=state, most=most + 1)
    return [_row(*columns) for columns in found]


def _row(
    id: int, case: int, number: str, state: str, on: str, procedure: str, patient: str, facility: str, payer: str,
    cents: int | None, file_by: str | None,
) -> Row:  # fmt: skip
    day = date.fromisoformat
    return Row(id, case, number, state, day(on), procedure, patient, facility, payer, cents, file_by and day(file_by))


@cache
def _claims_of(payer: bool, facility: bool, after: bool) -> Query:
    asked = _narrowed(payer, facility, after)
    order = (Claim.date_of_service, Claim.total_cents.desc(), Claim.id)
    numbers = asked.where(Claim.select(Claim.id).where(Claim.state == param("state")), Claim)
    if asked.after:
        numbers = numbers.where(_beyond(Claim.date_of_service, Claim.total_cents, Claim.id, asked.after))
    found = (
        Claim.select(
            Claim.id, Claim.case, Claim.number, Claim.state, Claim.date_of_service, Case.procedure, Patient.name, Facility.name,
            Payer.name, Claim.total_cents, Claim.file_by,
        )
        .join(Case).join(Patient).switch(Case).join(Facility).switch(Claim).join(Payer)
        .where(Claim.id.in_(numbers.order_by(*order).limit(param("most"))))
        .order_by(*order)
    )  # fmt: skip
    return Query(lambda: found)


class _Case(NamedTuple):
    """A case without a claim, as it is read."""

    id: int
    case: int
    on: str
    procedure: str
    booked: str
    patient: str
    facility: str
    payer: str | None
    payer_class: str | None
    payer_id: int | None
    cents: int | None

    @property
    def date_of_service(self) -> date:
        return date.fromisoformat(self.on)


def _cases(asked: Asked, signed: bool, most: int) -> list[Row]:
    found = _cases_of(*_shape(asked), bool(asked.after))(**_values(asked), signed=signed, most=most + 1)
    agreed = terms()
    return [
        Row(
            id=row.id, case=row.case, number="", state=UNCODED if signed else UNSIGNED,
            date_of_service=row.date_of_service, procedure=row.procedure, patient=row.patient, facility=row.facility,
            payer=row.payer or payer_class_words(row.booked), cents=row.cents, file_by=_file_by(row, agreed),
        )
        for row in map(_Case._make, found)
    ]  # fmt: skip


@cache
def _cases_of(payer: bool, facility: bool, after: bool) -> Query:
    asked = _narrowed(payer, facility, after)
    key = pw.fn.COALESCE(Unbilled.cents, 0)
    order = (Unbilled.date_of_service, key.desc(), Unbilled.id)
    numbers = asked.where(Unbilled.select(Unbilled.id).where(Unbilled.signed == param("signed"), _worth_it()), Unbilled)
    if asked.after:
        numbers = numbers.where(_beyond(Unbilled.date_of_service, key, Unbilled.id, asked.after))
    found = (
        Unbilled.select(
            Unbilled.id, Unbilled.case, Unbilled.date_of_service, Case.procedure, Case.payer_class, Patient.name, Facility.name,
            Payer.name, Payer.payer_class, Unbilled.payer, Unbilled.cents,
        )
        .join(Case).join(Patient).switch(Unbilled).join(Facility).switch(Unbilled).left_outer_join(Payer)
        .where(Unbilled.id.in_(numbers.order_by(*order).limit(param("most"))))
        .order_by(*order)
    )  # fmt: skip
    return Query(lambda: found)


def _file_by(row: Any, agreed: Any) -> date | None:
    rule = rule_of(row, agreed) if row.payer_class else None
    return row.date_of_service + timedelta(days=rule.filing_days) if rule and rule.filing_days else None


def _beyond(day: Any, cents: Any, id: Any, last: tuple[str, int, int]) -> pw.Expression:
    on, amount, number = last
    return (day > on) | ((day == on) & ((cents < amount) | ((cents == amount) & (id > number))))


def key(row: Row) -> str:
    """Where a row stands in its list, for the address of the next page."""
    return f"{row.date_of_service.isoformat()}_{row.cents or 0}_{row.id}"


def choices() -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    """The payers and hospitals that have something outstanding."""
    return list(_OWING()), list(_HOSPITALS())


_OWING = Query(
    lambda: (
        Payer.select(Payer.id, Payer.name)
        .where(
            Payer.id.in_(
                Claim.select(Claim.payer).where(Claim.state.in_(states.OPEN)) | Unbilled.select(Unbilled.payer)
            )
        )
        .order_by(Payer.name)
    )
)
_HOSPITALS = Query(
    lambda: Facility.select(Facility.id, Facility.name).where(Facility.archived_at.is_null()).order_by(Facility.name)
)


def bars(money: Standing) -> list[tuple[str, str, Money, int]]:
    """For the drawing: each state with its label, its money, and its share of the longest bar in thousandths."""
    most = max((money.of(name).cents for name in NEEDS), default=0)
    return [
        (name, LABELS[name], one, round(1000 * one.cents / most) if most else 0)
        for name in NEEDS
        if (one := money.of(name)).count
    ]


def soon(on: date | None, today: date) -> str:
    """How far a filing limit is: in 12 days, today, overdue since 3 days."""
    if on is None:
        return ""
    days = (on - today).days
    if days < 0:
        return f"filing limit passed {-days} day{'s' if days < -1 else ''} ago"
    return "file today" if days == 0 else f"file in {days} day{'s' if days > 1 else ''}"


def found(text: str) -> Sequence[Claim]:
    """The claims of this number, ours or the payer's."""
    plain = text.strip().upper()
    return list(
        Claim.select().where((Claim.number == plain) | ((Claim.payer_control == plain) & (plain != ""))).limit(PAGE)
    )
