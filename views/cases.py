"""Cases: the list, one case with its record, booking and changing it, closing, files in and out."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any, get_args
from zoneinfo import ZoneInfo

import peewee as pw
from flask import Blueprint, Response, abort, flash, make_response, redirect, request, url_for
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import RadioField, SelectField
from wtforms.validators import DataRequired

import views
from actions import Refused, audit, cases, records, reviews, screenings
from actions.credentials import Ineligible
from models import (
    PAGE,
    SEE_ALL,
    Addendum,
    Approval,
    Asked,
    Assignment,
    Case,
    Obstacle,
    Person,
    Preset,
    Report,
    Signature,
    UtcField,
    param,
)
from practice import concurrency, history, signing, worksheet
from practice.cases import Facts, Status
from practice.completeness import Missing, missing
from practice.figures import Turnaround
from practice.interchange import MAX_BYTES, BadCase
from practice.kinds import GROUPS, KINDS
from practice.minutes import Minutes
from practice.timeline import timeline
from practice.times import clock
from views import actor, now, page, roles, signed_in
from views.case_forms import BookingForm, HeaderForm, active, data_of, filled, header_of
from views.credentials import ineligible, judged, overrides_of
from views.record import Record, jump
from views.tables import found_diagnoses, looked_up

bp = Blueprint("cases", __name__)
COUNTED = 500
"""How many cases a figure looks at; a count beyond it is "500 or more"."""

# The list

SHOWN = {"all": "All", "booked": "To do", "recording": "Recording", "closed": "Closed", "signed": "Signed"}


@bp.get("/cases")
@signed_in
def listing():
    shown = request.args.get("show", "all")
    mine = request.args.get("whose") == "mine"
    if shown not in SHOWN:
        abort(404)
    found = list(Case.page(views.me(), state=shown, mine=mine, after=_cursor(request.args.get("after", ""))))
    more = found[PAGE:] and url_for(
        "cases.listing", **_kept(shown, mine), after=f"{found[PAGE - 1].date_of_service}.{found[PAGE - 1].id}"
    )
    audit.viewed(actor(), "cases", shown=min(len(found), PAGE))
    return page(
        "cases/listing.html", rows=rows_of(found[:PAGE]), more=more, filters=_filters(shown, mine), query="",
        first=url_for("cases.listing", **_kept(shown, mine)) if "after" in request.args else "",
    )  # fmt: skip


def _kept(shown: str, mine: bool) -> dict[str, str]:
    return {**({"show": shown} if shown != "all" else {}), **({"whose": "mine"} if mine else {})}


def _cursor(text: str) -> tuple[str, int] | None:
    """The key of the last row that was seen, out of an address."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)\.(\d{1,18})", text)
    return (found[1], int(found[2])) if found else None


def _filters(shown: str, mine: bool) -> list[tuple[str, str, bool, None]]:
    """Which cases, and for people who see all of them: whose."""
    links = [(word, url_for("cases.listing", **_kept(name, mine)), name == shown, None) for name, word in SHOWN.items()]
    if views.me().has("owner", "biller", "auditor") and views.me().has("technologist", "physician"):
        links.append(("Mine only", url_for("cases.listing", **_kept(shown, not mine)), mine, None))
    return links


def rows_of(found: Sequence[Any]) -> list[tuple[str, str, str, str, str, str]]:
    """What the list says of each case: address, what and when, where and who, state, its word, how soon."""
    base, today = url_for("cases.listing"), now().astimezone(views.SETTINGS.zone).date()
    rows, stopped = [], _stopped(found)
    for case in found:
        time = f" {views.clock(case.starts_at, case.zone)}" if case.starts_at else ""
        place = f"{case.facility} {case.or_room}".strip()
        detail = " · ".join(filter(None, (place, case.patient, case.mrn, case.reference or f"Case {case.id}")))
        state, word = _standing(case, today)
        if word == "ready" and case.id in stopped:
            state, word = "blocked", "not cleared"
        aside = _soon(case.date_of_service, today) if word not in ("signed", "to sign") else ""
        rows.append(
            (
                f"{base}/{case.id}",
                f"{views.day(case.date_of_service)}{time}, {case.procedure}",
                detail,
                state,
                word,
                aside,
            )
        )
    return rows


def _stopped(found: Sequence[Any]) -> set[int]:
    """Of listed cases those on which somebody is not cleared to work."""
    coming = [case.id for case in found if not case.closed_at]
    standing = (Obstacle.case.in_(coming)) & Obstacle.cleared_at.is_null()
    return {id for (id,) in Obstacle.select(Obstacle.case).where(standing).tuples()} if coming else set()


def _standing(case: Any, today: date) -> tuple[str, str]:
    """The state of a listed case as one of the four shapes, and its word."""
    if case.signed_at:
        return "ok", "signed"
    if case.closed_at:
        return "due", "to sign"
    if case.begun:
        return "due", "recording"
    lacking = [role for role in ("technologist", "physician") if not getattr(case, role)]
    if lacking:
        return "due", f"needs {lacking[0]}"
    return ("due", "not recorded") if case.date_of_service < today else ("ok", "ready")


def _soon(on: date, today: date) -> str:
    days = (on - today).days
    return {0: "today", 1: "tomorrow", -1: "yesterday"}.get(days, f"in {days} days" if 1 < days < 15 else "")


@bp.post("/cases/searches")
@signed_in
def search():
    """Find cases. What is searched for is a patient's name or number, so it travels in the body, never in an address."""
    query = request.form.get("q", "").strip()[:100]
    found = list(Case.found(views.me(), query)) if len(query) > 1 or query.isdigit() else []
    audit.viewed(actor(), "cases", shown=len(found), searched=True)
    return page("cases/listing.html", rows=rows_of(found), more="", filters=_filters("", False), query=query, first="")


# Booking and changing


@bp.get("/cases/new")
@roles("owner")
def new():
    return page("cases/new.html", form=filled(BookingForm()), reasons=[], found=found_diagnoses())


@bp.post("/cases")
@roles("owner")
def create():
    form = filled(BookingForm())
    if found := looked_up(form):
        return page("cases/new.html", form=form, reasons=[], found=found)
    made = _accepted(form, lambda: cases.book(
        **header_of(form),
        preset=Preset.get_by_id(form.preset.data) if form.preset.data else None,
        technologist=Person.get_by_id(form.technologist.data) if form.technologist.data else None,
        physician=Person.get_by_id(form.physician.data) if form.physician.data else None,
        by=actor(), now=now(),
    ))  # fmt: skip
    if isinstance(made, Case):
        flash("The case is booked.")
        return redirect(url_for("cases.show", id=made.id), 303)
    return page("cases/new.html", 422, form=form, reasons=made, found=found_diagnoses())


def _accepted(form: HeaderForm, act: Callable[[], Case]) -> Case | list[str]:
    """What the act made of a form, or why it was not done, so that what was typed stays on the page."""
    if not form.validate():
        return []
    try:
        return act()
    except Refused as refused:
        return refused.reasons


@bp.get("/cases/<row:id>/edit")
@roles("owner", "technologist")
def edit(id: int):
    case = find_case(id)
    if case.signed_at:
        raise Refused(records.SIGNED)
    audit.viewed(actor(), "case", row_id=case.id, case_id=case.id)
    form = filled(HeaderForm(data=data_of(case)), case)
    return page("cases/edit.html", form=form, case=case, reasons=[], found=found_diagnoses())


@bp.post("/cases/<row:id>/edit")
@roles("owner", "technologist")
def revise(id: int):
    case = find_case(id)
    form = filled(HeaderForm(), case)
    if found := looked_up(form):
        return page("cases/edit.html", form=form, case=case, reasons=[], found=found)
    made = _accepted(form, lambda: cases.revise(case, **header_of(form), by=actor()))
    if isinstance(made, Case):
        flash("The case is changed. Drafts of its report are drafted again.")
        return redirect(url_for("cases.show", id=case.id), 303)
    return page("cases/edit.html", 422, form=form, case=case, reasons=made, found=found_diagnoses())


# One case


def find_case(id: int) -> Case:
    """The case with the rows of its header, if this person may see it."""
    return Case.seen_by(views.me(), id) or abort(404)


@bp.get("/cases/<row:id>")
@signed_in
def show(id: int):
    case = find_case(id)
    audit.viewed(actor(), "case", row_id=case.id, case_id=case.id)
    return _show(case)


def _show(case: Case, status: int = 200, **given: Any) -> Response:
    sheet = Record(case)
    facts = sheet.facts
    may, lacking = _may(sheet), missing(facts)
    gaps = signing.open_gaps(facts) if may["close"] else []
    allowed = {kind for kind in KINDS if kind not in worksheet.ACTS and sheet.may(kind)}
    people = list(
        Assignment.select(Assignment, Person)
        .join(Person)
        .where(Assignment.case == case.id)
        .order_by(Assignment.role.desc(), Person.name)
    )
    return page(
        "cases/show.html", status, **{"form": ClosingForm(formdata=None), "reasons": [], **given},
        case=case, facts=facts, clock=clock(facts), state=_state(sheet), may=may, gaps=gaps,
        when=_when(case), next=_next(sheet, may, gaps), figures=_figures(facts, lacking),
        drawings={"wide": timeline(facts), "narrow": timeline(facts, narrow=True)},
        screening=[] if case.signed_at else screenings.said_of(
            case, on=now().astimezone(views.SETTINGS.zone).date(), whole=views.me().has(*SEE_ALL)
        ),
        lines=history.lines(sheet.entries, facts), rows=sheet.rows, entries_url=url_for("record.edit", id=1).removesuffix("/1/edit"),
        allowed=allowed,
        disputes=worksheet.disputes(sheet.entries, facts) if facts.conflicts else [],
        names=_names(sheet), jumps=[(one, _jump(sheet, one)) for one in lacking], groups=_groups(sheet, allowed),
        turned=turnaround(case) if case.closed_at else None, reviewed=reviews.told(case),
        people=people, judged=judged(case, people), overrides=overrides_of(case),
        assignable=_assignable() if may["assign"] else [],
        signatures=list(Signature.select().where(Signature.case == case.id).order_by(Signature.at)) if case.signed_at else [],
        addenda=list(Addendum.select().where(Addendum.case == case.id).order_by(Addendum.number)) if case.signed_at else [],
    )  # fmt: skip


def turnaround(case: Case) -> Turnaround:
    """When a closed case was first drafted, last approved and signed."""
    return _times(*_OF_CASE(case=case.id).fetchone())


def turnarounds(since: datetime) -> list[Turnaround]:
    """The same of the cases that were signed since then: the last COUNTED of them."""
    return [_times(*row) for row in _SIGNED_SINCE(since=UtcField().db_value(since))]


def _times(case: int, *ats: str | None) -> Turnaround:
    closed, drafted, approved, signed = (at and datetime.fromisoformat(at) for at in ats)
    return Turnaround(case=case, closed_at=closed, drafted_at=drafted, approved_at=approved, signed_at=signed)


def _steps(cases: Any) -> pw.ModelSelect:
    return (
        Case.select(Case.id, Case.closed_at, pw.fn.MIN(Report.drafted_at), pw.fn.MAX(Approval.at), Case.signed_at)
        .left_outer_join(Report)
        .left_outer_join(Approval)
        .where(cases)
        .group_by(Case.id)
    )


_OF_CASE = Asked(lambda: _steps(Case.id == param("case")))
_SIGNED_SINCE = Asked(
    lambda: _steps(
        Case.id.in_(
            Case.select(Case.id)
            .where(Case.closed_at.is_null(False), Case.signed_at > param("since"))
            .order_by(Case.signed_at.desc())
            .limit(COUNTED)
        )
    )
)


def _state(sheet: Record) -> str:
    """What `Case.state` says, read off the entries that are here already."""
    if sheet.case.signed_at or sheet.case.closed_at:
        return sheet.case.state
    return "recording" if any(entry.at for entry in sheet.entries) else "booked"


def _names(sheet: Record) -> dict[int, str]:
    keyed = {row.by_id for row in sheet.rows.values() if row.by_id}
    return dict(Person.select(Person.id, Person.name).where(Person.id.in_(keyed)).tuples()) if keyed else {}


def _assignable() -> list[tuple[Person, str]]:
    return [(one, role) for one in active() for role in ("technologist", "physician") if one.has(role)]


def _groups(sheet: Record, allowed: set[str]) -> list[tuple[str, list[Any]]]:
    """The kinds of entries this person may add, under the headings of the working page."""
    kinds = [one for one in KINDS.values() if one.name in allowed and not sheet.only(one.name)]
    found = [(title, [one for one in kinds if one.group == name]) for name, title in GROUPS]
    return [(title, some) for title, some in found if some]


def _jump(sheet: Record, item: Missing) -> str:
    """Where a missing value is put in; headings are those of the working page."""
    target = jump(sheet, item)
    return f"{url_for('record.show', id=sheet.case.id)}{target}" if target.startswith("#") else target


def _may(sheet: Record) -> dict[str, bool]:
    """What this person may do on this case now."""
    case, owner = sheet.case, views.me().has("owner")
    return {
        "revise": sheet.keeps,
        "enter": sheet.may("presence"),
        "assign": owner and not case.signed_at,
        "close": not case.signed_at and not case.closed_at and "technologist" in sheet.my_roles,
        "reopen": sheet.keeps and case.closed_at is not None,
        "export": views.me().has("owner", "technologist"),
    }


def _when(case: Case) -> str:
    """Tue Sep 1, 07:30 CDT"""
    if case.starts_at is None:
        return views.day(case.date_of_service)
    local = case.starts_at.astimezone(ZoneInfo(case.facility.zone))
    return f"{views.day(case.date_of_service)}, {local:%H:%M} {local.tzname()}"


def _next(sheet: Record, may: dict[str, bool], gaps: Sequence[str]) -> tuple[str, str] | None:
    """The one thing this person most likely came for: its words and address."""
    case = sheet.case
    report, packet = url_for("reports.show", id=case.id), url_for("packets.show", id=case.id)
    if case.signed_at:
        return ("Claim packet", packet) if views.me().has("biller") else ("Signed report", report)
    if case.closed_at:
        return "Review the report", report
    if may["close"] and not gaps:
        return "Close the record", "#closing"
    # The form for one hand is for the phone; a desk has room for the whole record.
    form = "phone.show" if sheet.may("milestone") and "Mobi" in request.user_agent.string else "record.show"
    return ("Keep the record", url_for(form, id=case.id)) if may["enter"] else None


def _figures(facts: Facts, lacking: Sequence[Missing]) -> list[tuple[str, str, str]]:
    """The numbers that are asked for first: label, value, what it means."""
    counted = concurrency.minutes(Minutes(facts).counted)
    open_alerts = sum(1 for one in facts.alerts if one.resolution is None or one.resolution.status != "resolved")
    stops = sum(1 for one in lacking if one.severity != "warn")
    alerts = f"{open_alerts} not resolved" if open_alerts else "all resolved" if facts.alerts else "none recorded"
    return [
        ("Counted", f"{counted} min", "of continuous monitoring"),
        ("Signal alerts", str(len(facts.alerts)), alerts),
        (
            "Missing",
            str(len(lacking)),
            f"{stops} of them stop the signature or the claim" if stops else "nothing stops it",
        ),
    ]


# Acts on a case


class AssignmentForm(FlaskForm):
    who = SelectField("Person and role", [DataRequired("Choose who works on the case.")])


class ClosingForm(FlaskForm):
    status = RadioField(
        "How the case ended",
        [DataRequired("Choose how the case ended.")],
        choices=[(one, one.capitalize()) for one in get_args(Status)],
    )


@bp.post("/cases/<row:id>/assignments")
@roles("owner")
def assign(id: int):
    case = find_case(id)
    form = AssignmentForm()
    form.who.choices = [f"{one.id}.{role}" for one in active() for role in one.roles]
    if not form.validate():
        raise Refused("Choose a person and a role of the list.")
    person, _, role = form.who.data.partition(".")
    try:
        cases.assign(case, Person.get_by_id(int(person)), role, by=actor(), now=now())
    except Ineligible as refused:
        return ineligible(case, Person.get_by_id(int(person)), role, refused.reasons)
    return redirect(url_for("cases.show", id=case.id, _anchor="people"), 303)


@bp.post("/cases/<row:id>/assignments/<row:assignment>/removal")
@roles("owner")
def unassign(id: int, assignment: int):
    case = find_case(id)
    row = Assignment.get_or_none(Assignment.id == assignment, Assignment.case == case.id) or abort(404)
    cases.unassign(case, row, by=actor(), now=now())
    return redirect(url_for("cases.show", id=case.id, _anchor="people"), 303)


@bp.post("/cases/<row:id>/closing")
@roles("owner", "technologist")
def close(id: int):
    case = find_case(id)
    form = ClosingForm()
    if not form.validate():
        return _show(find_case(id), 422, form=form)
    try:
        cases.close(case, status=form.status.data, by=actor(), now=now())
    except Refused as refused:
        return _show(find_case(id), 422, form=form, reasons=refused.reasons)
    flash("The record is closed. Read the draft of the report and approve it.")
    return redirect(url_for("cases.show", id=case.id), 303)


@bp.post("/cases/<row:id>/reopening")
@roles("owner", "technologist")
def reopen(id: int):
    case = find_case(id)
    cases.reopen(case, by=actor(), now=now())
    flash("The record is open again. Its sign-off is struck; close it again when it is right.")
    return redirect(url_for("cases.show", id=case.id), 303)


# Case files


class ImportForm(FlaskForm):
    file = FileField("Case file", [FileRequired("Choose a file.")], description="JSON of the form ionm-case/1.")


@bp.get("/cases/import")
@roles("owner")
def choose_file():
    return page("cases/import.html", form=ImportForm(), reasons=[])


@bp.post("/cases/imports")
@roles("owner")
def take_file():
    form, reasons = ImportForm(), []
    if form.validate():
        try:
            loaded = cases.load(form.file.data.read(MAX_BYTES + 1), by=actor(), now=now())
        except BadCase as bad:
            reasons = bad.errors
        else:
            flash(loaded.note or f"The file is loaded as case {loaded.case.id}.")
            return redirect(url_for("cases.show", id=loaded.case.id), 303)
    return page("cases/import.html", 422, form=form, reasons=reasons)


@bp.get("/cases/<row:id>/export")
@roles("owner", "technologist")
def export(id: int) -> Response:
    case = find_case(id)
    audit.record(actor(), "export", "case", row_id=case.id, case_id=case.id)
    answer = make_response(cases.export(case))
    answer.mimetype = "application/json"
    answer.headers["Content-Disposition"] = f'attachment; filename="case-{case.id}.json"'
    return answer
