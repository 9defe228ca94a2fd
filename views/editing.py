"""Putting a sentence of a draft in other words: the form, what the checker says while one types, and saving it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask_wtf import FlaskForm
from wtforms import TextAreaField
from wtforms.validators import DataRequired, Length

from actions import Refused, audit, editing, reports
from models import Case, Report
from practice.faithfulness import Finding
from views import actor, me, now, page, roles
from views.reports import find_for_signing, find_report

bp = Blueprint("editing", __name__)


class WordsForm(FlaskForm):
    text = TextAreaField(
        "The sentence", [DataRequired("Write the sentence, or take the built-in one."), Length(max=editing.LONGEST)]
    )


def _editable(report: Report, number: int) -> editing.Editable:
    one = editing.sentence(report, number)
    if one is None:
        raise Refused(editing.APP)
    return one


@bp.get("/reports/<row:id>/sentences/<row:number>/words")
@roles("owner", "technologist", "physician")
def words(id: int, number: int):
    report, case = find_report(id)
    one = _editable(report, number)
    audit.viewed(actor(), "report", row_id=report.id, case_id=case.id)
    return _words(report, case, one, WordsForm(formdata=None, text=one.said.text))


def _words(
    report: Report, case: Case, one: editing.Editable, form: WordsForm, status: int = 200, reasons: list[str] | None = None
) -> Response:  # fmt: skip
    text = editing.tidied(form.text.data or "", one.said)
    return page(
        "editing/words.html", status, case=case, report=report, one=one, number=one.number, form=form, reasons=reasons or [],
        may=editing.author(report, case, me()), history=editing.history(report, one),
        **_found(editing.weighed(report, one, text) if text else [], text),
    )  # fmt: skip


def _found(findings: list[Finding], text: str) -> dict[str, Any]:
    """What the part with the findings shows: each with the record's value, where there is one to take."""
    ordered = sorted(findings, key=lambda one: (one.grade != "red", one.start))
    return {
        "found": [(place, one, reports.told(one), editing.value(one, text)) for place, one in enumerate(ordered)],
        "red": any(one.grade == "red" for one in findings),
    }


@bp.post("/reports/<row:id>/sentences/<row:number>/findings")
@roles("owner", "technologist", "physician")
def weigh(id: int, number: int):
    """What the checker finds of what was typed; nothing is kept. A tap on a mend puts the record's value in."""
    report, case = find_report(id)
    one, form = _editable(report, number), WordsForm()
    text = editing.tidied((form.text.data or "")[: editing.LONGEST], one.said)
    shown = _found(editing.weighed(report, one, text) if text else [], text)
    if taken := request.form.get("mend", ""):
        mends = {str(place): finding for place, finding, _, value in shown["found"] if value}
        form.text.data = one.built_in if taken == "built-in" else text
        if taken in mends:
            form.text.data = editing.mended(mends[taken], text)
        return _words(report, case, one, form)
    return page("editing/findings.html", case=case, report=report, number=number, **shown)


@bp.post("/reports/<row:id>/sentences/<row:number>/words")
@roles("owner", "technologist", "physician")
def write(id: int, number: int):
    report, case = find_report(id)
    one, form = _editable(report, number), WordsForm()
    reasons: list[str] = []
    if form.validate():
        try:
            newer = editing.write(report, one, text=form.text.data, by=actor(), now=now())
        except Refused as refused:
            reasons = refused.reasons
        else:
            flash("The report was drafted with these words." if newer.id != report.id else "Nothing was changed.")
            return redirect(url_for("reports.show", id=case.id) + f"#s{number}", 303)
    return _words(report, case, one, form, 422, reasons)


@bp.post("/reports/<row:id>/impression/findings")
@roles("physician")
def weigh_impression(id: int):
    """What the checker finds of an impression as it is typed."""
    report, _ = find_for_signing(id)
    text = request.form.get("text", "")[:4000].strip().replace("\r\n", "\n")
    findings = reports.impression_findings(bytes(report.facts), text) if text else []
    return page("editing/impression.html", report=report, **_found(findings, text))
