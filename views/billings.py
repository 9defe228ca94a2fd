"""The billing of a case: its form, what its claim still lacks, and its claims."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, url_for

from actions import Refused, audit, billings, claim_bodies, claims
from models import Case, Claim, Unbilled
from practice import claim_states as states
from views import actor, me, now, page, roles
from views.claim_forms import BillingForm, CodeForm, billing_form, billing_values, code_form
from views.mending import mended_at

bp = Blueprint("billings", __name__)


def find_case(id: int) -> Case:
    case = Case.seen_by(me(), id)
    if case is None:
        abort(404)
    return case


@bp.get("/cases/<row:id>/billing")
@roles("owner", "biller")
def show(id: int):
    case = find_case(id)
    return _show(case, *_forms(case))


def _forms(case: Case) -> tuple[BillingForm, dict[str, CodeForm], claim_bodies.Gathered]:
    row, gathered = claim_bodies.billing_of(case), claim_bodies.gather(case)
    codes = [one["icd10"] for one in case.diagnosis if one.get("icd10")]
    lines = dict.fromkeys(line.code for line in gathered.coding.lines)
    return billing_form(row, codes, case.payer), {code: code_form(row, code) for code in lines}, gathered


def _show(
    case: Case, form: BillingForm, codes: dict[str, CodeForm], gathered: claim_bodies.Gathered, status: int = 200,
    reasons: list[str] | None = None,
):  # fmt: skip
    audit.viewed(actor(), "billing", case_id=case.id)
    rows = list(Claim.select().where(Claim.case == case.id).order_by(Claim.id.desc()))
    counted = Unbilled.get_or_none(Unbilled.case == case.id)
    return page(
        "billings/show.html", status, case=case, form=form, codes=codes, reasons=reasons or [], claims=rows,
        lacks=[(lack.words, *mended_at(case, lack)) for lack in gathered.lacks], words=states.WORDS, counted=counted,
        coded=gathered.coding, claim=gathered.claim, makeable=not any(one.state not in states.GONE for one in rows),
    )  # fmt: skip


@bp.post("/cases/<row:id>/billing")
@roles("owner", "biller")
def keep(id: int):
    case = find_case(id)
    form, codes, gathered = _forms(case)
    good = [one.validate() for one in (form, *codes.values())]
    if not all(good):
        return _show(case, form, codes, gathered, 422)
    values = billing_values(form, codes)
    wrong = [code for code, places in values["pointers"].items() if max(places) > max(1, len(values["diagnosis"]))]
    for code in wrong:
        codes[code].pointers.errors = ["It points at a diagnosis that is not on the list."]
    if wrong:
        return _show(case, form, codes, gathered, 422)
    billings.keep(case, values=values, by=actor(), now=now())
    flash("Saved.")
    return redirect(url_for("billings.show", id=case.id), 303)


@bp.post("/cases/<row:id>/claims")
@roles("owner", "biller")
def make(id: int):
    """Make the claim of the case, in one tap."""
    case = find_case(id)
    try:
        claim = claims.make(case, by=actor(), now=now())
    except Refused as refused:
        return _show(case, *_forms(case), 422, refused.reasons)
    flash(f"Claim {claim.number} is made; look at it and release it.")
    return redirect(url_for("claims.show", id=claim.id), 303)
