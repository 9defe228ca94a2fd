"""A language model's part in reports: its proposals, the exact request, who wrote what, and the owner's switch."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Blueprint, Response, abort, flash, redirect, request, url_for
from flask_wtf import FlaskForm
from wtforms import DateField
from wtforms.validators import Optional

import tasks
from actions import Refused, audit, reports, reviews, wording
from models import SETTINGS, Case, Proposal, Report, Reworded
from practice import factsheet, placing
from practice.report import Draft
from practice.rewording import WORDED, runs
from views import actor, me, now, page, polled, roles, signed_in
from views.reports import find_report

bp = Blueprint("wording", __name__)


class SwitchForm(FlaskForm):
    baa_on = DateField("Date of the business associate agreement", [Optional()])


def find_proposal(id: int) -> tuple[Proposal, Case]:
    """A proposal for a report that the person may read."""
    proposal = Proposal.get_or_none(Proposal.id == id)
    if proposal is None:
        abort(404)
    return proposal, find_report(proposal.report_id)[1]


# Proposals


@bp.post("/reports/<row:id>/proposals")
@roles("owner", "technologist", "physician")
def propose(id: int):
    report, case = find_report(id)
    wording.propose(report, by=actor(), now=now())
    tasks.wake()
    return redirect(url_for("reports.show", id=case.id) + "#proposal", 303)


@bp.get("/proposals/<row:id>")
@signed_in
@polled
def proposal(id: int):
    asked, case = find_proposal(id)
    report = reports.current(case)
    if asked.state != "asked":  # what waits shows nothing of the record, and asks every second
        audit.viewed(actor(), "wording", row_id=asked.id, case_id=case.id)
    return page("wording/proposal.html", case=case, report=report, offer=wording.offer(report, case, now=now()))


@bp.post("/proposals/<row:id>/acceptance")
@roles("owner", "technologist", "physician")
def accept(id: int):
    asked, case = find_proposal(id)
    given = request.form.getlist("sentence")
    numbers = (
        None if "all" in given else {int(one) for one in given if one.isascii() and one.isdigit() and len(one) < 6}
    )
    wording.accept(asked, numbers, by=actor(), now=now())
    flash("The report was drafted with these words. They are approved and signed with it.")
    return redirect(url_for("reports.show", id=case.id) + "#proposal", 303)


@bp.post("/reports/<row:id>/built-in-words")
@roles("owner", "technologist", "physician")
def take_back(id: int):
    report, _ = find_report(id)
    newer = wording.take_back(
        report, request.form.get("section", ""), request.form.get("key", ""), by=actor(), now=now()
    )
    flash("The built-in words stand again.")
    return redirect(url_for("wording.provenance", id=newer.id), 303)


# What is sent, and who wrote what


@bp.get("/reports/<row:id>/request")
@roles("owner", "technologist", "physician", "auditor")
def request_(id: int):
    report, case = find_report(id)
    audit.viewed(actor(), "wording", row_id=report.id, case_id=case.id)
    facts = report.read_facts()
    sheet = factsheet.sheet(facts)
    body = factsheet.request(sheet, SETTINGS.model)
    return page(
        "wording/request.html", case=case, report=report, host=SETTINGS.model_host, model=SETTINGS.model,
        obstacles=wording.obstacles(), held=factsheet.held_back(facts, sheet), digest=factsheet.request_digest(body),
        said=factsheet.in_words(sheet), told=_pretty(msgspec.json.decode(body["messages"][1]["content"])), body=_pretty(body),
        instructions=body["messages"][0]["content"],
    )  # fmt: skip


def _pretty(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=1).decode()


@bp.get("/reports/<row:id>/provenance")
@signed_in
def provenance(id: int):
    report, case = find_report(id)
    audit.viewed(actor(), "report", row_id=report.id, case_id=case.id)
    rows = wording.standing_of(report)
    drafted = reports.drafted(report)
    by_text = {(row.section, row.text): row for row in rows.values()}
    said = [(run, one, by_text.get((run.section, one.text))) for run in runs(drafted) for one in run.sentences]
    elsewhere = [
        (label, one, by_text.get((section, one.text)))
        for (section, one), label in zip(placing.prose(drafted), _called(drafted), strict=True)
        if one.author != "built-in" and section not in WORDED
    ]
    facts = report.read_facts()
    asked = Proposal.select().join(Report).where(Report.case == case.id).order_by(Proposal.id)
    return page(
        "wording/provenance.html", case=case, report=report, said=said, elsewhere=elsewhere, asked=list(asked),
        history=list(Reworded.select().where(Reworded.case == case.id).order_by(Reworded.id)), reviewed=reviews.told(case), impression=facts.impression,
        by=facts.person_name(facts.impression.by) if facts.impression else "",
        may_change=case.signed_at is None
        and reports.current(case).id == report.id
        and me().has("owner", "technologist", "physician"),
    )  # fmt: skip


def _called(draft: Draft) -> list[str]:
    """What the sentences that people may word are called, in their order."""
    called = {id(one): label for one, label in placing.labels(draft)}
    return [called[id(one)] for _, one in placing.prose(draft)]


# The switch


@bp.get("/wording")
@roles("owner")
def settings():
    return _settings(SwitchForm(formdata=None))


def _settings(form: SwitchForm, status: int = 200, reasons: list[str] | None = None) -> Response:
    last = wording.switch()
    return page(
        "wording/settings.html", status, form=form, reasons=reasons or [], last=last, host=SETTINGS.model_host,
        model=SETTINGS.model, here=SETTINGS.model_is_here, obstacles=wording.obstacles(),
    )  # fmt: skip


@bp.post("/wording/switches")
@roles("owner")
def turn():
    form = SwitchForm()
    reasons: list[str] = []
    if form.validate():
        on = request.form.get("on") == "yes"
        today = now().astimezone(SETTINGS.zone).date()
        try:
            wording.turn(on=on, baa_on=form.baa_on.data, by=actor(), now=now(), today=today)
        except Refused as refused:
            reasons = refused.reasons
        else:
            flash("Wording by a language model is on." if on else "Wording by a language model is off.")
            return redirect(url_for("wording.settings"), 303)
    return _settings(form, 422, reasons)
