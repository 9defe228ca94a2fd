"""Invoices to hospitals: what is not invoiced yet, what is owed and how old it is, one invoice with its payments."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import peewee as pw
from flask import Blueprint, Response, abort, flash, redirect, request, url_for
from flask_wtf import FlaskForm
from wtforms import DateField, SelectField, StringField, TextAreaField, ValidationError
from wtforms.validators import DataRequired, InputRequired, Length, Optional

import tasks
from actions import Refused, audit, invoices
from models import Case, Document, Facility, Invoice, InvoiceLine, InvoicePayment, Job, Person, Statement, Surgeon
from practice import money
from practice.invoices import AGES, WORDS, age, ageing
from practice.spreadsheet import Amount, csv_text
from views import actor, now, page, polled, roles, row_id
from views.reports import send

bp = Blueprint("invoices", __name__)
MAY = ("owner", "biller")
SEE = ("owner", "biller", "auditor")
MOST = 100
OWN_LINES = 2
"""Lines of a person's own that one form offers."""


def _amount(form: FlaskForm, field: StringField) -> None:
    try:
        money.cents(field.data or "")
    except ValueError as error:
        raise ValidationError(str(error)) from error


class PeriodForm(FlaskForm):
    facility = SelectField("Hospital", coerce=int)
    from_on = DateField("First day", [InputRequired("Type the first day.")])
    until_on = DateField("Last day", [InputRequired("Type the last day.")])

    def validate_until_on(self, field: DateField) -> None:
        if field.data and self.from_on.data and field.data < self.from_on.data:
            raise ValidationError("This is before the first day. Check both.")


class PaymentForm(FlaskForm):
    amount = StringField("Amount", [DataRequired("Type the amount that was paid."), Length(max=20), _amount])
    paid_on = DateField("Paid on", [InputRequired("Type the day it was paid.")])
    reference = StringField("Check or transfer number", [Optional(), Length(max=80)])


class VoidForm(FlaskForm):
    reason = TextAreaField("Why it is void", [DataRequired("Say why the invoice is void."), Length(max=400)])


def find_invoice(id: int) -> Invoice:
    row = (
        Invoice.select(Invoice, Facility, Document)
        .join(Facility)
        .switch(Invoice)
        .left_outer_join(Document)
        .where(Invoice.id == id)
        .first()
    )
    return row or abort(404)


def find_statement(id: int) -> Statement:
    row = (
        Statement.select(Statement, Facility, Document)
        .join(Facility)
        .switch(Statement)
        .left_outer_join(Document)
        .where(Statement.id == id)
        .first()
    )
    return row or abort(404)


def find_facility(id: int) -> Facility:
    return Facility.get_or_none(Facility.id == id) or abort(404)


# What is owed

SHOWN = {"open": "Open", "paid": "Paid", "void": "Void"}


@bp.get("/invoices")
@roles(*SEE)
def listing():
    show = request.args.get("show", "open")
    if show not in SHOWN:
        abort(404)
    return _listing(show)


def _listing(show: str = "open", status: int = 200, reasons: list[str] | None = None):
    today = invoices.today(now())
    owed, waiting = invoices.owed(), invoices.waiting(today)
    ages = ageing(invoices.as_owed(owed), today)
    totals = {name: sum(row[name] for row in ages.values()) for name in AGES}
    numbers = {row.facility.name: row.facility_id for row, _ in owed}
    return page(
        "invoices/listing.html", status, ages=ages, names=AGES, totals=totals, open_cents=sum(totals.values()), facilities=numbers,
        late_cents=sum(cents for name, cents in totals.items() if name != "current"), waiting=waiting, reasons=reasons or [], unagreed=invoices.unagreed(today),
        rows=_rows(show, today, owed), show=show, shown=SHOWN, most=MOST, count=sum(count for _, count, _ in waiting),
    )  # fmt: skip


def _rows(show: str, today: date, owed: list[tuple[Invoice, int]]) -> list[tuple[Invoice, int, str, str]]:
    """Invoices with what was paid, their state and its words."""
    if show == "open":
        return [(row, got, *_stand(row, got, today)) for row, got in owed]
    query = Invoice.select(Invoice, Facility).join(Facility).order_by(Invoice.id.desc()).limit(MOST)
    if show == "void":
        return [(row, 0, *_stand(row, 0, today)) for row in query.where(Invoice.void_at.is_null(False))]
    open_ones = [row.id for row, _ in owed]
    query = query.where(Invoice.void_at.is_null(), Invoice.id.not_in(open_ones))
    return [(row, row.total_cents, *_stand(row, row.total_cents, today)) for row in query]


def _stand(row: Invoice, got: int, today: date) -> tuple[str, str]:
    """The state of an invoice and its words."""
    if row.void_at:
        return "unknown", "void"
    if got >= row.total_cents:
        return "ok", "paid"
    name = age(row.due_on, today)
    return ("unknown", "not due yet") if name == "current" else ("due", f"{(today - row.due_on).days} days late")


@bp.get("/invoices/ageing.csv")
@roles(*SEE)
def ageing_csv() -> Response:
    """What is open, a line for each invoice, for a spreadsheet."""
    today = invoices.today(now())
    head = ("Hospital", "Invoice", "Issued", "Due", "Days late", "Age", "Total", "Paid", "Open")
    rows = [
        (row.facility.name, row.number, row.issued_on, row.due_on, max((today - row.due_on).days, 0), age(row.due_on, today),
         Amount(row.total_cents), Amount(got), Amount(row.total_cents - got))
        for row, got in invoices.owed()
    ]  # fmt: skip
    answer = Response(csv_text(head, rows), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="invoices-open-{today}.csv"'
    return answer


# A new one


@dataclass
class Typed:
    """What a person chose and typed on a proposal."""

    chosen: set[int]
    canceled: dict[int, str] = field(default_factory=dict)
    words: list[str] = field(default_factory=lambda: [""] * OWN_LINES)
    amounts: list[str] = field(default_factory=lambda: [""] * OWN_LINES)


@bp.get("/invoices/new")
@roles(*MAY)
def new():
    """The cases of a hospital and some days, each with its lines; asked for in the address, which names no patient."""
    form = _period(request.args or None)
    if request.args and not form.validate():
        return page("invoices/new.html", 422, form=form, facility=None, proposed=[], reasons=[])
    if form.facility.data is None or not form.facility.choices:
        return page("invoices/new.html", form=form, facility=None, proposed=[], reasons=[])
    return _proposal(form)


def _period(given: Any) -> PeriodForm:
    """The form, filled with the hospital that waits longest when nothing was asked for; a hospital alone gets its days."""
    today = invoices.today(now())
    waiting = sorted(invoices.waiting(today), key=lambda row: row[2])
    first = {facility.id: day for facility, _, day in waiting}
    asked = given.get("facility", type=row_id) if given else (waiting[0][0].id if waiting else None)
    if given and (given.get("from_on") or given.get("until_on")):
        form = PeriodForm(formdata=given, meta={"csrf": False})
    else:
        filled = {"facility": asked, "from_on": first.get(asked, today.replace(day=1)), "until_on": today}
        form = PeriodForm(formdata=None, data=filled, meta={"csrf": False})
        form.validate = lambda: asked in dict(form.facility.choices)
    form.facility.choices = list(Facility.select(Facility.id, Facility.name).order_by(Facility.name).tuples())
    return form


def _proposal(form: PeriodForm, status: int = 200, reasons: list[str] | None = None, typed: Typed | None = None):
    facility = find_facility(form.facility.data)
    proposed = invoices.proposal(facility, form.from_on.data, form.until_on.data, on=invoices.today(now()))
    audit.viewed(actor(), "invoice", listed=[one.case.id for one in proposed])
    typed = typed or Typed({one.case.id for one in proposed if one.charges})
    return page(
        "invoices/new.html", status, form=form, facility=facility, proposed=proposed, typed=typed, reasons=reasons or [],
        named=invoices.named, total=sum(one.cents for one in proposed if one.case.id in typed.chosen), own=OWN_LINES,
        most=invoices.MOST, prices={one.case.id: invoices.cancellation_price(one.case) for one in proposed if one.cancelable},
    )  # fmt: skip


@bp.post("/invoices")
@roles(*MAY)
def issue():
    form = _period(request.form)
    if not form.validate():
        return page("invoices/new.html", 422, form=form, facility=None, proposed=[], reasons=[])
    typed, others, reasons = _typed(), [], []
    for number, (words, amount) in enumerate(zip(typed.words, typed.amounts, strict=True), 1):
        if not words and not amount:
            continue
        try:
            others.append(invoices.Other(words, money.cents(amount)))
        except ValueError as error:
            reasons.append(f"Line {number} of your own: {error}")
    if reasons:
        return _proposal(form, 422, reasons, typed)
    try:
        invoice = invoices.issue(
            find_facility(form.facility.data), form.from_on.data, form.until_on.data, chosen=typed.chosen,
            canceled=typed.canceled, others=others, by=actor(), now=now(),
        )  # fmt: skip
    except Refused as refused:
        return _proposal(form, 422, refused.reasons, typed)
    tasks.wake()
    flash(f"Invoice {invoice.number} is issued.")
    return redirect(url_for("invoices.show", id=invoice.id), 303)


def _typed() -> Typed:
    canceled = {
        int(name.removeprefix("canceled-")): words.strip()[:200]
        for name, words in request.form.items()
        if name.startswith("canceled-") and name.removeprefix("canceled-").isdigit() and words.strip()
    }
    return Typed(
        {int(one) for one in request.form.getlist("case") if one.isdigit()},
        canceled,
        [request.form.get(f"words-{number}", "").strip()[:200] for number in range(OWN_LINES)],
        [request.form.get(f"amount-{number}", "").strip()[:20] for number in range(OWN_LINES)],
    )


# One invoice


@bp.get("/invoices/<row:id>")
@roles(*SEE)
def show(id: int):
    return _show(find_invoice(id))


def _show(invoice: Invoice, status: int = 200, form: PaymentForm | None = None, reasons: list[str] | None = None):
    today = invoices.today(now())
    lines = list(
        InvoiceLine.select(InvoiceLine, Case, Surgeon)
        .left_outer_join(Case)
        .left_outer_join(Surgeon)
        .where(InvoiceLine.invoice == invoice.id)
        .order_by(InvoiceLine.id)
    )
    payments = list(
        InvoicePayment.select(InvoicePayment, Person.name.alias("person"))
        .join(Person, pw.JOIN.LEFT_OUTER, on=(Person.id == InvoicePayment.by))
        .where(InvoicePayment.invoice == invoice.id)
        .order_by(InvoicePayment.id)
        .objects()
    )
    got = sum(row.cents for row in payments)
    audit.viewed(actor(), "invoice", row_id=invoice.id)
    names = dict(
        Person.select(Person.id, Person.name).where(Person.id.in_([invoice.issued_by, invoice.void_by or 0])).tuples()
    )
    return page(
        "invoices/show.html", status, invoice=invoice, lines=lines, payments=payments, got=got, named=invoices.named, names=names,
        stand=_stand(invoice, got, today), form=form or PaymentForm(formdata=None, data={"paid_on": today}), reasons=reasons or [],
        job=_job("invoice", invoice.id), kinds=WORDS,
    )  # fmt: skip


def _job(kind: str, id: int) -> Job | None:
    return Job.get_or_none(Job.key == f"{kind}/{id}")


@bp.get("/invoices/<row:id>/paper")
@roles(*SEE)
@polled
def paper(id: int):
    """The invoice's pages while they are made; it asks for itself until they are there."""
    invoice = find_invoice(id)
    return page("invoices/paper.html", invoice=invoice, job=_job("invoice", id))


@bp.get("/invoices/<row:id>/pdf")
@roles(*SEE)
def pdf(id: int):
    invoice = find_invoice(id)
    return _pages(invoice, "invoice", f"invoice-{invoice.number}.pdf", made_at="invoices.paper")


def _pages(row: Invoice | Statement, noun: str, name: str, *, made_at: str):
    """The printed pages, or the page that waits for them."""
    if row.document is None:
        flash(f"The {noun} is not printed yet.")
        return redirect(url_for(made_at, id=row.id), 303)
    audit.viewed(actor(), noun, row_id=row.id)
    return send(row.document, name)


@bp.post("/invoices/<row:id>/payments")
@roles(*MAY)
def pay(id: int):
    invoice, form = find_invoice(id), PaymentForm()
    if not form.validate():
        return _show(invoice, 422, form)
    try:
        invoices.pay(
            invoice, cents=money.cents(form.amount.data), on=form.paid_on.data, reference=form.reference.data or "",
            by=actor(), now=now(),
        )  # fmt: skip
    except Refused as refused:
        return _show(invoice, 422, form, refused.reasons)
    flash("The payment is written down.")
    return redirect(url_for("invoices.show", id=id), 303)


@bp.get("/invoices/<row:id>/voiding")
@roles(*MAY)
def ask_void(id: int):
    return page("invoices/void.html", invoice=find_invoice(id), form=VoidForm(formdata=None), reasons=[])


@bp.post("/invoices/<row:id>/voiding")
@roles(*MAY)
def void(id: int):
    invoice, form = find_invoice(id), VoidForm()
    if not form.validate():
        return page("invoices/void.html", 422, invoice=invoice, form=form, reasons=[])
    try:
        invoices.void(invoice, reason=form.reason.data, by=actor(), now=now())
    except Refused as refused:
        return page("invoices/void.html", 422, invoice=invoice, form=form, reasons=refused.reasons)
    flash(f"Invoice {invoice.number} is void. Its cases can be invoiced again.")
    return redirect(url_for("invoices.show", id=id), 303)


# Reminders


@bp.post("/statements")
@roles(*MAY)
def remind():
    """Ask for a letter to a hospital with all that it owes today."""
    facility = find_facility(request.form.get("facility", type=row_id) or 0)
    try:
        statement = invoices.remind(facility, by=actor(), now=now())
    except Refused as refused:
        return _listing(status=422, reasons=refused.reasons)
    tasks.wake()
    return redirect(url_for("invoices.statement", id=statement.id), 303)


@bp.get("/statements/<row:id>")
@roles(*SEE)
@polled
def statement(id: int):
    row = find_statement(id)
    return page("invoices/statement.html", statement=row, job=_job("statement", id))


@bp.get("/statements/<row:id>/pdf")
@roles(*SEE)
def statement_pdf(id: int):
    row = find_statement(id)
    return _pages(row, "statement", f"statement-{row.as_of}-{row.id}.pdf", made_at="invoices.statement")
