"""Claims on paper: printed on red stock for a printer of ours, or as a file copy; the printers; what was mailed."""

from __future__ import annotations

from decimal import Decimal

from flask import Blueprint, Response, abort, flash, redirect, request, url_for
from flask_wtf import FlaskForm
from wtforms import DecimalField, StringField
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange

from actions import Refused, audit, paper_claims
from models import Case, Claim, Patient, Payer, Printer
from practice import claim_states as states
from views import actor, now, page, roles, row_id
from views.claim_files import READERS

bp = Blueprint("paper_claims", __name__)
NUDGE = [
    InputRequired("Type how far in points, such as 0 or 1.5."),
    NumberRange(-72, 72, "At most an inch, which is 72 points."),
]


class PrinterForm(FlaskForm):
    name = StringField("Name", [DataRequired("Name the printer, such as Front desk."), Length(max=80)])
    right = DecimalField("To the right", NUDGE, places=2, default=Decimal(0), description="Below zero: to the left.")
    down = DecimalField("Down", NUDGE, places=2, default=Decimal(0), description="Below zero: up.")


def find_claims() -> list[Claim]:
    """The claims that the address or the form names, each with its payer."""
    ids = set(request.values.getlist("claim", type=row_id))
    rows = list(
        Claim.select(Claim, Payer).join(Payer).where(Claim.id.in_(ids)).order_by(Claim.date_of_service, Claim.id)
    )
    if len(rows) != len(ids):
        abort(404)
    return rows


def find_printer(id: int | None) -> Printer:
    row = Printer.get_or_none(Printer.id == (id or 0))
    if row is None:
        abort(404)
    return row


@bp.get("/paper-claims")
@roles(*READERS)
def listing():
    return _listing()


def _listing(status: int = 200, reasons: list[str] | None = None):
    chosen = find_claims()
    rows = chosen or paper_claims.waiting()
    audit.viewed(actor(), "claim", listed=[row.id for row in rows])
    cases = {
        case.id: case
        for case in Case.select(Case, Patient).join(Patient).where(Case.id.in_([row.case_id for row in rows]))
    }
    printers = list(Printer.select().order_by(Printer.name))
    return page(
        "paper_claims/listing.html", status, rows=rows, cases=cases, chosen=bool(chosen), printers=printers, words=states.WORDS,
        reasons=reasons or [],
    )  # fmt: skip


@bp.get("/paper-claims/pdf")
@roles(*READERS)
def pdf():
    """The claims that were ticked: text alone for red stock, or the file copy."""
    rows = find_claims()
    kind = "copy" if request.args.get("kind") == "copy" else "overlay"
    printer = request.args.get("printer", type=row_id)
    try:
        made = paper_claims.printed(rows, kind, find_printer(printer) if printer else None, by=actor())
    except Refused as refused:
        return _listing(422, refused.reasons)
    return _pdf(made, "claim-forms.pdf" if kind == "overlay" else "file-copies.pdf")


def _pdf(content: bytes, name: str) -> Response:
    answer = Response(content, mimetype="application/pdf")
    answer.headers["Content-Disposition"] = f'inline; filename="{name}"'
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


@bp.post("/paper-claims/mailings")
@roles("owner", "biller")
def mail():
    """Say that the claims are in the mail."""
    rows = find_claims()
    try:
        paper_claims.mail(rows, words=request.form.get("words", "")[:200], by=actor(), now=now())
    except Refused as refused:
        return _listing(422, refused.reasons)
    flash(f"{len(rows)} claim{'s are' if len(rows) != 1 else ' is'} submitted.")
    return redirect(url_for("paper_claims.listing"), 303)


# Printers


@bp.get("/printers")
@roles("owner", "biller")
def printers():
    return page("printers/listing.html", rows=list(Printer.select().order_by(Printer.name)))


@bp.get("/printers/new")
@roles("owner", "biller")
def new_printer():
    return page("printers/form.html", row=None, form=PrinterForm(formdata=None))


@bp.post("/printers")
@roles("owner", "biller")
def add_printer():
    return _save(None)


@bp.get("/printers/<row:id>")
@roles("owner", "biller")
def printer(id: int):
    row = find_printer(id)
    data = {"name": row.name, "right": Decimal(row.right) / 100, "down": Decimal(row.down) / 100}
    return page("printers/form.html", row=row, form=PrinterForm(formdata=None, data=data))


@bp.post("/printers/<row:id>")
@roles("owner", "biller")
def revise_printer(id: int):
    return _save(find_printer(id))


def _save(row: Printer | None):
    form = PrinterForm()
    if not form.validate():
        return page("printers/form.html", 422, row=row, form=form)
    try:
        kept = paper_claims.save_printer(
            row, name=form.name.data.strip(), right=_hundredths(form.right), down=_hundredths(form.down), by=actor()
        )
    except Refused as refused:
        form.name.errors = refused.reasons
        return page("printers/form.html", 422, row=row, form=form)
    flash("The printer is kept. Print the test page and lay it over a red form.")
    return redirect(url_for("paper_claims.printer", id=kept.id), 303)


def _hundredths(field: DecimalField) -> int:
    return int((field.data * 100).to_integral_value())


@bp.post("/printers/<row:id>/removal")
@roles("owner", "biller")
def remove_printer(id: int):
    row = find_printer(id)
    paper_claims.remove_printer(row, by=actor())
    flash(f"{row.name} is removed.")
    return redirect(url_for("paper_claims.printers"), 303)


@bp.get("/printers/<row:id>/grid")
@roles("owner", "biller")
def grid(id: int):
    """A page that fills every cell of the form, set off as the printer is."""
    return _pdf(paper_claims.grid(find_printer(id)), "test-grid.pdf")
