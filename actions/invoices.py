"""What hospitals are asked to pay for the technical part: proposed by the agreements, issued once, paid, voided, reminded.

`proposal` reads; `issue` gives the number and writes all lines in one transaction, in which no case that stands on an
invoice already can get on another. The worker makes the pages.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import peewee as pw

from actions import MACHINE, Actor, Refused, audit, counters, documents, jobs, reports, weighing
from actions.terms import terms
from models import (
    SETTINGS,
    Agreement,
    Case,
    Document,
    Facility,
    Invoice,
    InvoiceLine,
    InvoicePayment,
    Statement,
    Surgeon,
    db,
)
from practice import invoices as trade
from practice.money import dollars

MOST = 200
"""Cases that one invoice may hold."""
TERMS_DAYS = 30


@dataclass(frozen=True)
class Proposed:
    """A case of a hospital that is not invoiced: its lines, or why it has none. `cancelable`: nothing was recorded."""

    case: Case
    charges: list[trade.Charge]
    reason: str = ""
    cancelable: bool = False

    @property
    def cents(self) -> int:
        return sum(one.cents for one in self.charges)


@dataclass(frozen=True)
class Other:
    """A line of a person's own, for what the agreement does not count by itself; a credit is negative."""

    words: str
    cents: int


# What could be invoiced


def today(now: datetime) -> date:
    return now.astimezone(SETTINGS.zone).date()


def _held(*more: pw.Expression) -> pw.Expression:
    """An agreement with the case's hospital holds on its day."""
    held = Agreement.select(pw.SQL("1")).where(
        Agreement.facility == Case.facility,
        Agreement.from_on <= Case.date_of_service,
        Agreement.until_on.is_null() | (Agreement.until_on >= Case.date_of_service),
        *more,
    )
    return pw.fn.EXISTS(held)


def open_cases(until: date) -> pw.ModelSelect:
    """The cases up to a day whose technical part the hospital pays by the agreement of their day, on no invoice yet."""
    standing = (
        InvoiceLine.select(InvoiceLine.case)
        .join(Invoice)
        .where(Invoice.void_at.is_null(), InvoiceLine.case.is_null(False))
    )
    pays = _held(Agreement.technical == "facility")
    return Case.select().where(Case.date_of_service <= until, pays, Case.id.not_in(standing))


def unagreed(on: date) -> int:
    """How many closed cases are at a hospital with which nothing was agreed for their day: nobody is asked to pay them."""
    return Case.select().where(Case.date_of_service <= on, Case.closed_at.is_null(False), ~_held()).count()


def waiting(on: date) -> list[tuple[Facility, int, date]]:
    """The hospitals with cases that are not invoiced: how many, and since when."""
    counted = (
        open_cases(on)
        .select(Case.facility, pw.fn.COUNT(Case.id), pw.fn.MIN(Case.date_of_service))
        .where((Case.date_of_service < on) | Case.closed_at.is_null(False))
        .group_by(Case.facility)
        .tuples()
    )
    names = {row.id: row for row in Facility.select()}
    found = [(names[facility], count, Case.date_of_service.python_value(first)) for facility, count, first in counted]
    return sorted(found, key=lambda row: row[0].name)


def proposal(facility: Facility, from_on: date, until_on: date, *, on: date) -> list[Proposed]:
    """Every case of the hospital in these days that is not invoiced, with its lines or the reason why it has none."""
    rows = (
        open_cases(min(until_on, on))
        .select_extend(Surgeon)
        .left_outer_join(Surgeon, on=(Case.surgeon == Surgeon.id))
        .where(Case.facility == facility.id, Case.date_of_service >= from_on)
        .order_by(Case.date_of_service, Case.starts_at, Case.id)
        .limit(MOST)
    )
    agreed = list(terms().agreements)
    return [_proposed(case, agreed, on) for case in rows]


def _proposed(case: Case, agreed: list[Agreement], on: date) -> Proposed:
    facts = case.facts()
    prices = prices_of(agreement_of(case, agreed))
    there = trade.attendance(facts, weighing.coded_by(case, facts).counted_minutes)
    if case.closed_at is None and case.signed_at is None:
        over = case.date_of_service < on and not there.begun
        return Proposed(case, [], there.said if over else "The record is not closed yet.", cancelable=over)
    lines, reason = trade.charges(prices, there)
    return Proposed(case, lines, reason, cancelable=not there.begun)


def agreement_of(case: Case, agreed: list[Agreement]) -> Agreement:
    """The agreement of the case's day; `open_cases` has only cases that have one."""
    on = case.date_of_service
    return next(
        one
        for one in agreed
        if one.facility_id == case.facility_id and one.from_on <= on and (one.until_on is None or one.until_on >= on)
    )


def prices_of(agreement: Agreement) -> trade.Prices:
    return trade.Prices(
        case=agreement.case_cents,
        hour=agreement.hour_cents,
        included_minutes=agreement.included_minutes,
        standby_hour=agreement.standby_hour_cents,
        cancellation=agreement.cancellation_cents,
    )


def cancellation_price(case: Case) -> int:
    """What the hospital pays for calling this case off late, in cents; 0 when nothing was agreed."""
    return agreement_of(case, list(terms().agreements)).cancellation_cents


# Issuing


def issue(
    facility: Facility, from_on: date, until_on: date, *, chosen: Collection[int], canceled: Mapping[int, str] | None = None,
    others: Collection[Other] = (), by: Actor, now: datetime,
) -> Invoice:  # fmt: skip
    """Make an invoice of the chosen cases, of those that were called off late (by case, in whose words) and other lines.

    The lines are those that the record says now. A case that got on another invoice meanwhile refuses all of it.
    """
    canceled = canceled or {}
    with db.atomic():
        there = {one.case.id: one for one in proposal(facility, from_on, until_on, on=today(now))}
        lines = _lines(facility, there, chosen, canceled, others)
        total = sum(charge.cents for _, charge in lines)
        if total <= 0:
            raise Refused(
                "The invoice comes to nothing. Choose at least one case with a line, or add a line of your own."
            )
        agreement = _newest(facility, until_on)
        issued_on = today(now)
        invoice = Invoice.create(
            facility=facility, number=f"{issued_on.year}-{counters.take('invoice'):04d}", from_on=from_on, until_on=until_on,
            issued_on=issued_on, due_on=issued_on + timedelta(days=agreement.terms_days if agreement else TERMS_DAYS),
            total_cents=total, bill_to=_bill_to(facility, agreement), issued_by=by.id,
        )  # fmt: skip
        for case, charge in lines:
            InvoiceLine.create(
                invoice=invoice, case=case, what=charge.what, minutes=charge.minutes, cents=charge.cents,
                derivation=charge.derivation,
            )  # fmt: skip
        jobs.ask("invoice", f"invoice/{invoice.id}", invoice.id, due_at=now)
        cases = sorted({case.id for case, _ in lines if case})
        audit.record(by, "issue", "invoice", row_id=invoice.id, cents=total, cases=cases)
    return invoice


def _lines(
    facility: Facility, there: Mapping[int, Proposed], chosen: Collection[int], canceled: Mapping[int, str],
    others: Collection[Other],
) -> list[tuple[Case | None, trade.Charge]]:  # fmt: skip
    """The lines in order of the cases. Raises Refused with every reason."""
    reasons, lines = [], []
    gone = [number for number in {*chosen, *canceled} if number not in there]
    if gone:
        reasons.append(
            f"{len(gone)} of the cases {'is' if len(gone) == 1 else 'are'} not to be invoiced any more, maybe because "
            "somebody just did. Look at the proposal again."
        )
    agreed = list(terms().agreements)
    for number, one in there.items():
        if number in canceled:
            prices = prices_of(agreement_of(one.case, agreed))
            if not one.cancelable:
                reasons.append(f"Case {named(one.case)} has a record, so it was not called off.")
            elif not prices.cancellation:
                reasons.append(
                    f"Case {named(one.case)}: the agreement of its day has no price for a late cancellation."
                )
            elif not canceled[number].strip():
                reasons.append(f"Case {named(one.case)}: say who called it off, and when.")
            lines.append((one.case, trade.cancellation(prices, canceled[number].strip())))
        elif number in chosen:
            if not one.charges:
                reasons.append(f"Case {named(one.case)}: {one.reason}")
            lines += [(one.case, charge) for charge in one.charges]
    for other in others:
        if not other.words.strip() or not other.cents:
            reasons.append("A line of your own needs both words and an amount.")
        lines.append((None, trade.Charge(what="other", cents=other.cents, derivation=other.words.strip())))
    if reasons:
        raise Refused(*reasons)
    return lines


def named(case: Case) -> str:
    """What a hospital is told a case by: our reference, never the patient."""
    return case.reference or f"C-{case.id:04d}"


def _newest(facility: Facility, on: date) -> Agreement | None:
    rows = Agreement.select().where(Agreement.facility == facility.id, Agreement.from_on <= on)
    return rows.order_by(Agreement.from_on.desc()).first()


def _bill_to(facility: Facility, agreement: Agreement | None) -> str:
    if agreement and agreement.bill_to:
        return agreement.bill_to
    town = " ".join(filter(None, (f"{facility.city}," if facility.city else "", facility.state, facility.zip)))
    return "\n".join(filter(None, (facility.name, "Accounts payable", facility.address, town)))


# Paying and voiding


def paid(invoice: Invoice) -> int:
    return (
        InvoicePayment.select(pw.fn.SUM(InvoicePayment.cents)).where(InvoicePayment.invoice == invoice.id).scalar() or 0
    )


def pay(invoice: Invoice, *, cents: int, on: date, reference: str, by: Actor, now: datetime) -> InvoicePayment:
    """Write down what came in, a part or all of it; a negative amount takes a payment back."""
    with db.atomic():
        invoice = Invoice.get_by_id(invoice.id)
        before = paid(invoice)
        reasons = []
        if invoice.void_at:
            reasons.append("This invoice is void: nothing is owed on it. Put the payment on the one that replaced it.")
        if cents == 0:
            reasons.append("Type the amount that was paid.")
        if before + cents > invoice.total_cents:
            reasons.append(
                f"That is more than the {dollars(invoice.total_cents - before)} still open. Check the amount, or put the rest "
                "on the invoice it is for."
            )
        if before + cents < 0:
            reasons.append(f"Only {dollars(before)} was paid, so no more than that can be taken back.")
        if on > today(now):
            reasons.append("The day of the payment is still to come. Check the date.")
        if reasons:
            raise Refused(*reasons)
        payment = InvoicePayment.create(
            invoice=invoice, paid_on=on, cents=cents, reference=reference.strip(), at=now, by=by.id
        )
        audit.record(by, "pay", "invoice", row_id=invoice.id, cents=cents)
    return payment


def void(invoice: Invoice, *, reason: str, by: Actor, now: datetime) -> None:
    """Take an invoice back: it is kept, its number is never used again, its cases can be invoiced anew."""
    with db.atomic():
        invoice = Invoice.get_by_id(invoice.id)
        if invoice.void_at:
            raise Refused("This invoice is void already.")
        if not reason.strip():
            raise Refused("Say why the invoice is void.")
        if got := paid(invoice):
            raise Refused(f"{dollars(got)} was paid on this invoice. Take the payment back first.")
        Invoice.update(void_at=now, void_by=by.id, void_reason=reason.strip()).where(Invoice.id == invoice.id).execute()
        audit.record(by, "void", "invoice", row_id=invoice.id)


# What is owed


def owed(facility: Facility | None = None) -> list[tuple[Invoice, int]]:
    """The invoices that are not void and not paid in full, the oldest due first, with what was paid on each."""
    got = pw.fn.COALESCE(pw.fn.SUM(InvoicePayment.cents), 0)
    query = (
        Invoice.select(Invoice, Facility, got.alias("got"))
        .join(Facility)
        .switch(Invoice)
        .left_outer_join(InvoicePayment)
        .where(Invoice.void_at.is_null(), *([Invoice.facility == facility.id] if facility else []))
        .group_by(Invoice.id)
        .having(got < Invoice.total_cents)
        .order_by(Invoice.due_on, Invoice.id)
    )
    return [(row, row.got) for row in query]


def as_owed(rows: list[tuple[Invoice, int]]) -> list[trade.Owed]:
    return [
        trade.Owed(facility=row.facility.name, number=row.number, due_on=row.due_on, total=row.total_cents, paid=got)
        for row, got in rows
    ]


# Pages, by the worker


def assemble(invoice: Invoice) -> Callable[[], None]:
    """Make an invoice's pages and return what is to be written once the job is done."""
    from practice import pdf

    if invoice.made_at:
        return lambda: None
    lines = list(
        InvoiceLine.select(InvoiceLine, Case, Surgeon)
        .left_outer_join(Case)
        .left_outer_join(Surgeon)
        .where(InvoiceLine.invoice == invoice.id)
        .order_by(InvoiceLine.id)
    )
    context = {
        "letterhead": reports.letterhead(), "invoice": invoice, "lines": lines, "named": named, "dollars": dollars, "kinds": trade.WORDS,
    }  # fmt: skip
    made = pdf.render("invoice.html", "print.css", context)
    documents.put(made)

    def effect() -> None:
        document = _keep(made, "invoice", f"Invoice {invoice.number}", f"invoice:{invoice.id}")
        now = datetime.now(UTC)
        Invoice.update(document=document, made_at=now).where(
            Invoice.id == invoice.id, Invoice.void_at.is_null()
        ).execute()
        audit.record(MACHINE, "assemble", "invoice", row_id=invoice.id)

    return effect


def remind(facility: Facility, *, by: Actor, now: datetime) -> Statement:
    """Ask for a letter with all that a hospital owes today."""
    with db.atomic():
        if not owed(facility):
            raise Refused(f"{facility.name} owes nothing.")
        row = Statement.create(facility=facility, as_of=today(now), requested_at=now, requested_by=by.id)
        jobs.ask("statement", f"statement/{row.id}", row.id, due_at=now)
        audit.record(by, "request", "statement", row_id=row.id, facility=facility.id)
    return row


def assemble_statement(statement: Statement) -> Callable[[], None]:
    """Make the reminder's pages and return what is to be written once the job is done."""
    from practice import pdf

    if statement.made_at:
        return lambda: None
    rows = owed(statement.facility)
    ages = trade.ageing(as_owed(rows), statement.as_of).get(statement.facility.name, dict.fromkeys(trade.AGES, 0))
    agreement = _newest(statement.facility, statement.as_of)
    context = {
        "letterhead": reports.letterhead(), "statement": statement, "rows": rows, "ages": ages, "dollars": dollars,
        "age": trade.age, "bill_to": _bill_to(statement.facility, agreement), "total": sum(ages.values()),
    }  # fmt: skip
    made = pdf.render("statement.html", "print.css", context)
    documents.put(made)

    def effect() -> None:
        title = f"Statement of {statement.as_of} for {statement.facility.name}"
        document = _keep(made, "statement", title, f"statement:{statement.id}")
        now = datetime.now(UTC)
        Statement.update(document=document, made_at=now).where(Statement.id == statement.id).execute()
        audit.record(MACHINE, "assemble", "statement", row_id=statement.id)

    return effect


def _keep(made: bytes, kind: str, title: str, made_from: str) -> Document:
    from pypdf import PdfReader

    pages = len(PdfReader(io.BytesIO(made)).pages)
    return documents.store(
        made, case=None, kind=kind, title=title, pages=pages, made_from=made_from, by=MACHINE, now=datetime.now(UTC)
    )
