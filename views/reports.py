"""The report: drafting, reading it with its sources, approval, the physician's review and signature, addenda, print."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from flask import Blueprint, Response, abort, flash, redirect, request, url_for
from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, PasswordField, SelectField, SelectMultipleField, TextAreaField
from wtforms.validators import DataRequired, Length, Optional

import tasks
from actions import Refused, audit, documents, editing, passkeys, reports, reviews, weighing, wording
from actions.terms import Terms, terms
from models import Approval, Assignment, Case, Document, Entry, Facility, Job, Patient, Report, Signature, Surgeon
from practice import drafting, keying, signing, telling
from practice.cases import Facts
from practice.coding import CONTINUOUS
from practice.completeness import missing
from practice.report import impression
from practice.times import clock
from views import actor, me, now, page, phone, polled, roles, signed_in, site

bp = Blueprint("reports", __name__)
MOST = 50
"""Drafts on one page of the inbox; the oldest come first, so the rest move up."""


class ImpressionForm(FlaskForm):
    text = TextAreaField(
        "Impression", [DataRequired("Write the impression, or keep the drafted one."), Length(max=4000)]
    )


class SignForm(FlaskForm):
    confirmed = SelectMultipleField("Confirmed against the record")
    missing_read = BooleanField("I have read what is missing and how it limits this report")
    password = PasswordField("Your password", [Length(max=200)])
    credential = HiddenField("Passkey", [Length(max=20_000)])


class AddendumForm(FlaskForm):
    corrects = SelectField("What it corrects", [Optional()], default="")
    text = TextAreaField("What is to be added", [DataRequired("Write what is to be added."), Length(max=4000)])
    password = PasswordField("Your password", [DataRequired("Type your password to sign."), Length(max=200)])


def find_case(id: int) -> Case:
    """A case whose report the person may read: before it is signed, billing has no part in it."""
    case = (
        Case.visible_to(me())
        .select_extend(Facility, Patient)
        .join(Facility)
        .switch(Case)
        .join(Patient)
        .where(Case.id == id)
        .first()
    )
    if case is None or (case.signed_at is None and not me().has("owner", "technologist", "physician", "auditor")):
        abort(404)
    return case


def find_report(id: int) -> tuple[Report, Case]:
    report = Report.get_or_none(Report.id == id)
    if report is None:
        abort(404)
    return report, find_case(report.case_id)


def find_for_signing(id: int) -> tuple[Report, Case]:
    """A report that this person may sign; for everybody else it is not there."""
    report, case = find_report(id)
    if not reports.may_sign(case, me()):
        abort(404)
    return report, case


# The inbox


@dataclass(frozen=True)
class Waiting:
    """A report that somebody has to do something about."""

    case: Case
    report: Report | None
    group: str
    unresolved: bool
    alerts: int
    approval: Approval | None
    changed: bool
    news: str
    """Whether this person has not opened it, or not since it changed."""
    held: str

    @property
    def key_result(self) -> str:
        """The key result as it stands in the draft: the first thing to read."""
        lines = self.report.text.split("\n") if self.report else []
        return next((line.removeprefix("Key result: ") for line in lines if line.startswith("Key result: ")), "")

    @property
    def url(self) -> str:
        if self.group == "sign":
            return url_for("reports.review", id=self.report.id)
        return url_for("reports.show", id=self.case.id)


GROUPS = (
    ("sign", "To sign"),
    ("approve", "To approve"),
    ("draft", "To draft"),
    ("others", "Waiting on somebody else"),
)


@bp.get("/reports")
@roles("owner", "physician", "technologist")
def inbox():
    waiting = _inbox(terms())
    audit.viewed(actor(), "report", listed=[one.case.id for one in waiting])
    groups = [(title, [one for one in waiting if one.group == key]) for key, title in GROUPS]
    return page("reports/inbox.html", groups=groups, count=len(waiting))


def _inbox(agreed: Terms | None = None) -> list[Waiting]:
    """Everything that waits, in the order it is worked off; what is held only where the terms are given."""
    cases = _unsigned()
    drafts = reports.newest(cases)
    approvals = reports.approvals_of(list(drafts.values()))
    mine = set(Assignment.select(Assignment.case, Assignment.role).where(Assignment.person == me().id).tuples())
    looks, waiting = reports.last_looks(cases, me()), []
    said = Case.said_of(case for case in cases if case.id not in drafts)
    for case in cases:
        report = drafts.get(case.id)
        approval = approvals.get(report.id) if report else None
        facts = report.read_facts() if report else case.facts(said[case.id])
        waiting.append(_waiting(case, facts, report, approval, mine, looks.get(case.id), agreed))
    # What did not resolve comes first; within that, the oldest. report-and-phone.md 4.7
    return sorted(waiting, key=lambda one: (not one.unresolved, one.case.date_of_service, one.case.id))


def _unsigned() -> list[Case]:
    """The cases whose report waits: closed or drafted, and not signed by all whose signature it needs."""
    drafted = Report.select(Report.case)
    mine = Assignment.select(Assignment.case).where(Assignment.person == me().id, Assignment.role == "physician")
    mine_signed = Signature.select(Signature.case).where(Signature.by == me().id)
    open_ones = Case.signed_at.is_null() & (Case.closed_at.is_null(False) | Case.id.in_(drafted))
    second = Case.signed_at.is_null(False) & Case.id.in_(mine) & Case.id.not_in(mine_signed)
    return list(
        Case.visible_to(me())
        .select_extend(Facility, Patient, Surgeon)
        .join(Facility)
        .switch(Case)
        .join(Patient)
        .switch(Case)
        .left_outer_join(Surgeon)
        .where(open_ones | second)
        .order_by(Case.date_of_service, Case.id)
        .limit(MOST)
    )


def _waiting(
    case: Case, facts: Facts, report: Report | None, approval: Approval | None, mine: set[tuple[int, str]],
    look: int | None, agreed: Terms | None,
) -> Waiting:  # fmt: skip
    return Waiting(
        case=case,
        report=report,
        group=_group(case, report, approval, mine),
        unresolved=signing.unresolved(facts),
        alerts=len(facts.alerts),
        approval=approval,
        changed=bool(report and not case.signed_at and report.record_rev != case.record_rev),
        news=_news(report, look),
        held=_held(case, facts, agreed) if agreed else "",
    )


def _news(report: Report | None, look: int | None) -> str:
    if report is None or look == report.id or report.drafted_by == me().id:
        return ""
    return "changed since you looked" if look else "new to you"


def _group(case: Case, report: Report | None, approval: Approval | None, mine: set[tuple[int, str]]) -> str:
    approves = me().has("technologist") and (me().has("owner") or (case.id, "technologist") in mine)
    signs = me().has("physician") and (case.id, "physician") in mine
    if report is None:
        return "draft" if approves or me().has("owner") else "others"
    if approval and signs:
        return "sign"
    return "approve" if not approval and approves else "others"


def _held(case: Case, facts: Facts, agreed: Terms) -> str:
    """The units that cannot be billed before the signature. Practices without fees see units, never invented money."""
    try:
        lines = weighing.coded_by(case, facts, agreed).lines
    except Refused:
        return ""
    lines = sorted(lines, key=lambda line: line.code not in CONTINUOUS)
    return ", ".join(f"{line.units} x {line.code}" for line in lines[:3])


# Reading


@bp.get("/cases/<row:id>/report")
@signed_in
def show(id: int):
    case = find_case(id)
    report = reports.current(case)
    looked = reports.last_looks([case], me()).get(case.id)
    audit.viewed(actor(), "report", row_id=report.id if report else None, case_id=case.id)
    if report is None:
        return page("reports/none.html", case=case, may_draft=_may_draft(case))
    draft = reports.written(report)
    context = _standing(case, report)
    nearest = reports.alike(report) if context["may_approve"] and not context["approval"] else None
    return page(
        "reports/show.html", **context, **_read(case, report, draft, looked), draft=draft,
        offer=wording.offer(report, case, now=now()), alike=nearest,
    )  # fmt: skip


def _read(case: Case, report: Report, draft: drafting.Draft, looked: int | None) -> dict[str, Any]:
    """What a reader needs beside the text: where each sentence stands, what is found there, what is new."""
    found = [] if case.signed_at else editing.standing(report, draft)
    return {
        "number": Numbers(draft, found),
        "first_prose": Numbers(draft, [])(draft.key_result[0]) if draft.key_result else None,
        "found": found,
        "may_word": editing.author(report, case, me()),
        "changes": reports.changes_since(report, looked, me()),
    }


def _may_draft(case: Case) -> bool:
    return case.signed_at is None and me().has("owner", "technologist", "physician")


def _standing(case: Case, report: Report) -> dict[str, Any]:
    """How far the report has come and what this person can do about it."""
    return {
        "case": case,
        "report": report,
        "stale": reports.stale(report, case),
        "approval": reports.approval_of(report),
        "may_draft": _may_draft(case),
        "may_approve": reports.may_approve(case, me()) and case.signed_at is None,
        "may_sign": reports.may_sign(case, me()),
        "signed_by_me": Signature.select().where(Signature.case == case.id, Signature.by == me().id).exists(),
        "pdf": reports.kept(report),
        "printing": _job(report) is not None,
        "shown": clock(report.read_facts()),
    }


class Numbers:
    """Where each sentence and row stands in the report, from 1, and what was found there."""

    def __init__(self, draft: drafting.Draft, found: list[editing.Standing]) -> None:
        self.places = {id(one): place for place, (_, one) in enumerate(drafting.sentences(draft), 1)}
        self.found = found

    def __call__(self, one: object) -> int | None:
        return self.places.get(id(one))

    def at(self, number: int) -> list[editing.Standing]:
        return [one for one in self.found if one.number == number]


@bp.get("/reports/<row:id>/sentences/<row:number>")
@signed_in
def sentence(id: int, number: int):
    report, case = find_report(id)
    said = [one for _, one in drafting.sentences(reports.drafted(report))]
    if number > len(said):
        abort(404)
    one = said[number - 1]
    audit.viewed(actor(), "report", row_id=report.id, case_id=case.id)
    text = one.text if isinstance(one, drafting.Sentence) else " · ".join(one.cells)
    editable = editing.sentence(report, number) if editing.author(report, case, me()) else None
    return page(
        "reports/sentence.html", case=case, report=report, text=text, number=number, editable=editable,
        may_addend=bool(case.signed_at and reports.may_sign(case, me())), **_sources(case, report, one.sources),
    )  # fmt: skip


def _sources(case: Case, report: Report, sources: tuple[str, ...]) -> dict[str, Any]:
    """The entries behind a sentence, in the order of the record, with what they say."""
    rows = list(Entry.select().where(Entry.case == case.id, Entry.client_id.in_(sources)).order_by(Entry.entered_at))
    if "time" in sources:
        rows += Entry.select().where(Entry.case == case.id, Entry.kind == "milestone").order_by(Entry.at)
    facts = report.read_facts()
    known = keying.standing([row.as_entry() for row in Entry.select().where(Entry.case == case.id)], facts)
    tell, named = telling.teller(facts, known), telling.names(facts, known)
    return {
        "entries": [
            (row, tell(row.as_entry()), _fields(row, facts, named), facts.late.get(row.client_id)) for row in rows
        ],
        "header": "header" in sources,
        "record": "record" in sources,
        "shown": clock(facts),
    }


def _fields(row: Entry, facts: Facts, named: dict[str, str]) -> list[tuple[str, str]]:
    """Everything that an entry holds, field by field, as it was keyed; other entries by what they are called."""
    shown = clock(facts)

    def words(value: Any) -> str:
        if isinstance(value, dict):
            return ", ".join(
                f"{key.replace('_', ' ')} {words(item)}" for key, item in value.items() if item not in (None, "")
            )
        if isinstance(value, (list, tuple)):
            return "; ".join(words(item) for item in value)
        return shown.time(value) if isinstance(value, datetime) else named.get(value, str(value))

    fields = msgspec.to_builtins(row.as_entry().data, builtin_types=(datetime,))
    return [
        (key.replace("_", " "), words(value)) for key, value in fields.items() if key != "kind" and value is not None
    ]


@bp.get("/cases/<row:id>/report.txt")
@signed_in
def text(id: int):
    case = find_case(id)
    report = reports.current(case)
    if report is None:
        abort(404)
    audit.viewed(actor(), "report", row_id=report.id, case_id=case.id)
    return Response(drafting.as_text(reports.written(report)), mimetype="text/plain")


# Print


@bp.get("/cases/<row:id>/report.pdf")
@signed_in
def pdf(id: int):
    case = find_case(id)
    report = reports.current(case)
    if report is None:
        abort(404)
    document = reports.kept(report)
    if document is None:
        return _progress(report, case)
    audit.viewed(actor(), "document", row_id=document.id, case_id=case.id)
    return send(document, f"report-case-{case.id}.pdf")


def send(document: Document, name: str) -> Response:
    """A stored PDF as a download that can do nothing where it is opened. Its name says nothing of the patient."""
    answer = Response(documents.read(document), mimetype="application/pdf")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Content-Security-Policy"] = "sandbox"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


@bp.post("/reports/<row:id>/pdf")
@signed_in
def print_(id: int):
    report, _ = find_report(id)
    reports.print_again(report, by=actor(), now=now())
    tasks.wake()
    return redirect(url_for("reports.progress", id=report.id), 303)


@bp.get("/reports/<row:id>/pdf")
@signed_in
@polled
def progress(id: int):
    report, case = find_report(id)
    return _progress(report, case)


def _progress(report: Report, case: Case) -> Response:
    return page("reports/progress.html", case=case, report=report, document=reports.kept(report), job=_job(report))


def _job(report: Report) -> Job | None:
    return Job.get_or_none(Job.key == f"pdf:{reports.edition(report)}")


# Drafting and approval


@bp.post("/cases/<row:id>/drafts")
@roles("owner", "technologist", "physician")
def draft(id: int):
    case = find_case(id)
    reports.draft(case, by=actor(), now=now())
    return redirect(url_for("reports.show", id=case.id), 303)


@bp.post("/reports/<row:id>/approval")
@roles("technologist")
def approve(id: int):
    report, case = find_report(id)
    reports.approve(report, by=actor(), now=now())
    flash("Approved. The physician finds it in their inbox.")
    return redirect(url_for("reports.show", id=case.id), 303)


# Review and signature


@bp.get("/reports/<row:id>/review")
@roles("physician")
def review(id: int):
    report, case = find_for_signing(id)
    newest = reports.current(case)
    if newest.id != report.id:
        return redirect(url_for("reports.review", id=newest.id), 303)
    looked = reports.last_looks([case], me()).get(case.id)
    audit.viewed(actor(), "report", row_id=report.id, case_id=case.id)
    return _review(report, case, looked=looked)


def _review(report: Report, case: Case, status: int = 200, looked: int | None = None, **given: Any) -> Response:
    draft = reports.written(report)
    facts = report.read_facts()
    context = {
        **_standing(case, report),
        **_read(case, report, draft, looked),
        **_batch(report),
        "mine": _mine(case, facts),
        "draft": draft,
        "facts": facts,
        "objections": reports.objections_to_signing(report, case, me()),
        "unconnected": (who := reports.physician_of(case, facts, me())) is None or not signing.connected(facts, who.id),
        "confirmations": signing.confirmations(facts),
        "meaning": signing.MEANING,
        "has_passkey": bool(passkeys.of(me())),
        "impression": _impression_form(report, impression(draft)),
        "form": _sign_form(facts, formdata=None),
        "reasons": [],
        **given,
    }
    return page("reports/review.html", status, **context)


def _impression_form(report: Report, text: str) -> ImpressionForm:
    form = ImpressionForm(formdata=None, text=text)
    form.text.render_kw = {
        "hx-post": url_for("editing.weigh_impression", id=report.id), "hx-trigger": "input changed delay:300ms",
        "hx-target": "#found", "hx-swap": "outerHTML", "hx-sync": "this:replace",
    }  # fmt: skip
    return form


def _batch(report: Report) -> dict[str, Any]:
    """The reports before and after this one among those to sign: read one after the other, each signed by itself."""
    ids = [one.report.id for one in _inbox() if one.group == "sign"]
    at = ids.index(report.id) if report.id in ids else None
    return {
        "before": ids[at - 1] if at else None,
        "after": (ids[at + 1] if at + 1 < len(ids) else None) if at is not None else next(iter(ids), None),
        "batch": (at + 1, len(ids)) if at is not None and len(ids) > 1 else None,
    }


def _mine(case: Case, facts: Facts) -> list[str]:
    """After a hand-over, which minutes are this physician's to sign for."""
    who = reports.physician_of(case, facts, me())
    if who is None or len(facts.staff.physicians) < 2:
        return []
    shown = clock(facts)
    return [
        f"{shown.time(one.connect) if one.connect else '[not recorded]'} to "
        f"{shown.time(one.disconnect) if one.disconnect else '[not recorded]'}"
        for one in facts.physician_log
        if one.physician == who.id
    ]


def _sign_form(facts: Facts, **given: Any) -> SignForm:
    form = SignForm(**given)
    form.confirmed.choices = [(one.key, one.slot) for one in signing.confirmations(facts)]
    if not missing(facts):
        form.missing_read.label.text = "I have read what is missing in the record: nothing"
    return form


@bp.post("/reports/<row:id>/impression")
@roles("physician")
def impress(id: int):
    report, case = find_for_signing(id)
    form = ImpressionForm()
    if form.validate():
        try:
            newer = reports.impress(case, text=form.text.data, by=actor(), now=now())
        except Refused as refused:
            if case.signed_at:
                raise
            form.text.errors = refused.reasons
        else:
            flash("The impression is yours now. Review the rest and sign.")
            return redirect(url_for("reports.review", id=newer.id) + "#sign", 303)
    return _review(report, case, 422, impression=form)


@bp.post("/reports/<row:id>/signature")
@roles("physician")
def sign(id: int):
    report, case = find_for_signing(id)
    form = _sign_form(report.read_facts())
    reasons: list[str] = []
    valid = form.validate()
    if valid and not (form.password.data or form.credential.data):
        form.password.errors = ["Type your password to sign."]
    elif valid:
        given = (form.credential.data, site()) if form.credential.data else None
        try:
            reports.sign(
                report, password=form.password.data, passkey=given, confirmed=form.confirmed.data,
                missing_read=form.missing_read.data, by=actor(), now=now(),
            )  # fmt: skip
        except Refused as refused:
            reasons = refused.reasons
        else:
            tasks.wake()
            flash("Signed. The PDF is being made.")
            return redirect(url_for("reports.show", id=case.id), 303)
    return _review(report, case, 422, form=form, reasons=reasons)


# Minutes in review


@bp.post("/reports/<row:id>/reviews")
@roles("technologist", "physician")
@polled
def beat(id: int):
    """The page says that it is in sight; that alone does not keep a session alive."""
    report, _ = find_report(id)
    reviews.beat(report, begins=request.form.get("begins") == "yes", by=actor(), now=now())
    return Response(status=204)


# Addenda


@bp.get("/cases/<row:id>/addenda")
@signed_in
def addenda(id: int):
    case = find_case(id)
    audit.viewed(actor(), "report", case_id=case.id)
    form = _addendum_form(case, formdata=None, corrects=request.args.get("corrects", ""))
    if form.corrects.data not in dict(form.corrects.choices):
        form.corrects.data = ""
    return _addenda(case, form)


def _addendum_form(case: Case, **given: Any) -> AddendumForm:
    report = reports.current(case)
    form = AddendumForm(**given)
    said = reports.correctable(report) if report else {}
    form.corrects.choices = [("", "Nothing; it only adds")] + [
        (str(number), f"{label}: {text if len(text) < 90 else text[:87] + '...'}")
        for number, (label, text) in said.items()
    ]
    return form


def _addenda(case: Case, form: AddendumForm, status: int = 200, reasons: list[str] | None = None) -> Response:
    report = reports.current(case)
    if case.signed_at is None or report is None:
        abort(404)
    may_add = reports.may_sign(case, me())
    draft = reports.written(report)
    return page(
        "reports/addenda.html", status, case=case, draft=draft, form=form, may_add=may_add, reasons=reasons or [],
        proposals=phone.waiting(case),
    )  # fmt: skip


@bp.post("/cases/<row:id>/addenda")
@roles("physician")
def addend(id: int):
    case = find_case(id)
    if not reports.may_sign(case, me()):
        abort(404)
    form = _addendum_form(case)
    reasons: list[str] = []
    if form.validate():
        number = int(form.corrects.data) if form.corrects.data else None
        try:
            reports.addend(
                case, text=form.text.data, password=form.password.data, corrects=number, by=actor(), now=now()
            )
        except Refused as refused:
            if case.signed_at is None:
                raise
            reasons = refused.reasons
        else:
            tasks.wake()
            flash("The addendum is signed. The PDF is being made anew; the old one is kept.")
            return redirect(url_for("reports.show", id=case.id), 303)
    return _addenda(case, form, 422, reasons)
