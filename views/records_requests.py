"""Requests for records: the open ones by the day they are due, entered on a case, closed when no packet is needed."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, abort, flash, redirect, url_for
from flask_wtf import FlaskForm
from wtforms import DateField, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length, Optional

from actions import Refused, audit, records_requests
from models import Case, RecordsRequest
from views import SETTINGS, actor, me, now, page, roles

bp = Blueprint("records_requests", __name__)
PURPOSES = [("records", "Records request"), ("audit", "Audit")]


class RequestForm(FlaskForm):
    purpose = SelectField("What it is", choices=PURPOSES)
    requester = StringField("Who asks", [DataRequired("Type who asks, as on the letter."), Length(max=200)])
    reference = StringField("Number on the letter", [Optional(), Length(max=80)])
    asked_on = DateField("Date of the letter", [InputRequired("Type the date of the letter.")])
    due_on = DateField("Due", [InputRequired("Type the day by which they want an answer.")])


class ClosingForm(FlaskForm):
    why = TextAreaField("Why no packet is sent", [DataRequired("Say why no packet is sent."), Length(max=400)])


def find_case(id: int) -> Case:
    return Case.visible_to(me()).where(Case.id == id).first() or abort(404)


def find_request(id: int) -> RecordsRequest:
    row = RecordsRequest.get_or_none(RecordsRequest.id == id) or abort(404)
    find_case(row.case_id)
    return row


@bp.get("/records-requests")
@roles("owner", "biller", "auditor")
def listing():
    rows = records_requests.open_ones()
    audit.viewed(actor(), "records_request", listed=[row.case_id for row in rows])
    return page("records_requests/listing.html", rows=rows, today=now().astimezone(SETTINGS.zone).date())


@bp.get("/cases/<row:id>/records-requests/new")
@roles("owner", "biller")
def new(id: int):
    today = now().astimezone(SETTINGS.zone).date()
    filled = {"asked_on": today, "due_on": today + timedelta(days=records_requests.DAYS)}
    return page(
        "records_requests/new.html", case=find_case(id), form=RequestForm(formdata=None, data=filled), reasons=[]
    )


@bp.post("/cases/<row:id>/records-requests")
@roles("owner", "biller")
def enter(id: int):
    case, form = find_case(id), RequestForm()
    if not form.validate():
        return page("records_requests/new.html", 422, case=case, form=form, reasons=[])
    try:
        row = records_requests.enter(
            case, purpose=form.purpose.data, requester=form.requester.data, reference=form.reference.data or "",
            asked_on=form.asked_on.data, due_on=form.due_on.data, by=actor(), now=now(),
        )  # fmt: skip
    except Refused as refused:
        return page("records_requests/new.html", 422, case=case, form=form, reasons=refused.reasons)
    flash("The request is written down. Look what the packet would hold.")
    return redirect(url_for("packets.new", id=id, purpose=row.purpose, request=row.id), 303)


@bp.get("/records-requests/<row:id>/closing")
@roles("owner", "biller")
def ask_close(id: int):
    return page("records_requests/closing.html", request=find_request(id), form=ClosingForm(formdata=None), reasons=[])


@bp.post("/records-requests/<row:id>/closing")
@roles("owner", "biller")
def close(id: int):
    row, form = find_request(id), ClosingForm()
    if not form.validate():
        return page("records_requests/closing.html", 422, request=row, form=form, reasons=[])
    try:
        records_requests.close(row, why=form.why.data, on=now().astimezone(SETTINGS.zone).date(), by=actor())
    except Refused as refused:
        return page("records_requests/closing.html", 422, request=row, form=form, reasons=refused.reasons)
    flash("The request is closed.")
    return redirect(url_for("packets.show", id=row.case_id), 303)
