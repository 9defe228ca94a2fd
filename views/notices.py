"""One's own devices and notices: turned on by a tap, proved by a reply, turned off at once."""

from __future__ import annotations

from flask import Blueprint, abort, flash, jsonify, redirect, request, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from wtforms import HiddenField
from wtforms.validators import DataRequired, Length

import tasks
import views
from actions import Refused, notices
from models import SETTINGS, Case, Credential, CredentialType, Device, Facility, Notice, Person, Session
from practice.alerts import base
from practice.notices import LONGEST_ENDPOINT, text_of
from views import actor, now, page, polled, signed_in

bp = Blueprint("notices", __name__)
MOST = 50
NOTHING = "The browser gave no subscription. Try again, or reload the page first."


class SubscriptionForm(FlaskForm):
    """What the browser's push service gave to the page. Filled in by static/push.js."""

    endpoint = HiddenField("Endpoint", [DataRequired(NOTHING), Length(max=LONGEST_ENDPOINT, message=NOTHING)])
    p256dh = HiddenField("Key", [DataRequired(NOTHING), Length(max=200, message=NOTHING)])
    auth = HiddenField("Secret", [DataRequired(NOTHING), Length(max=200, message=NOTHING)])
    by_tap = HiddenField("By a tap")


class ReplyForm(FlaskForm):
    reply = HiddenField("Reply", [DataRequired()])


def find_device(id: int) -> Device:
    device = Device.get_or_none(Device.id == id, Device.person == views.me().id)
    if device is None:
        abort(404)
    return device


def find_live(id: int) -> Device:
    device = Device.live(views.me()).where(Device.id == id).first()
    if device is None:
        abort(404)
    return device


# Devices


@bp.get("/me/devices")
@signed_in
def devices():
    return _devices(SubscriptionForm())


def _devices(form: SubscriptionForm, status: int = 200):
    found = list(Device.live(views.me()).select_extend(Session))
    tests = {device.id: notices.last_test(device) for device in found}
    return page(
        "notices/devices.html",
        status,
        form=form,
        devices=found,
        tests=tests,
        here=current_user.id,
        key=SETTINGS.vapid_public_key if SETTINGS.contact else "",
        not_set_up=notices.NOT_SET_UP,
    )


@bp.post("/me/devices")
@signed_in
def enroll():
    form = SubscriptionForm()
    if not form.validate():
        return _devices(form, 422)
    try:
        notices.enroll(
            current_user._get_current_object(),
            endpoint=form.endpoint.data,
            p256dh=form.p256dh.data,
            auth=form.auth.data,
            by=actor(),
            now=now(),
        )
    except Refused as refused:
        form.endpoint.errors = refused.reasons
        return _devices(form, 422)
    if form.by_tap.data:
        flash("Notices are on here. Send a test now: the reply to it proves that they arrive.")
    return redirect(url_for("notices.devices"), 303)


@bp.post("/me/devices/checks")
@signed_in
@polled
def check():
    """What this browser's subscription is to us, asked by the page at each opening."""
    endpoint = request.form.get("endpoint", "")[: LONGEST_ENDPOINT + 1]
    state = notices.check(current_user._get_current_object(), endpoint=endpoint, now=now())
    return jsonify(state=state, key=SETTINGS.vapid_public_key, waiting=notices.waiting(views.me().id))


@bp.post("/devices/<row:id>/revocation")
@signed_in
def revoke(id: int):
    device = find_live(id)
    notices.revoke(device, by=actor(), now=now())
    here = device.session_id == current_user.id
    flash("Notices are off here." if here else "That device gets no notices any more and is signed out.")
    return redirect(url_for("notices.devices"), 303)


# Proof


@bp.post("/devices/<row:id>/tests")
@signed_in
def test(id: int):
    notices.test(find_live(id), by=actor(), now=now())
    tasks.wake()
    flash("The test is on its way. Tap it when it shows, then tap the button on the page that opens.")
    return redirect(url_for("notices.devices"), 303)


@bp.get("/devices/<row:id>/proof")
@signed_in
def proof(id: int):
    """The page that a test notice opens: one button, so that opening it alone proves nothing."""
    device = find_device(id)
    notice, reply = notices.last_test(device), request.args.get("reply", "")
    fits = notice is not None and notices.fits(notice, reply)
    return page("notices/proof.html", 200 if fits else 410, device=device, reply=reply, fits=fits)


@bp.post("/devices/<row:id>/proof")
@signed_in
def prove(id: int):
    device, form = find_device(id), ReplyForm()
    if not form.validate():
        return page("notices/proof.html", 410, device=device, reply="", fits=False)
    notices.prove(device, reply=form.reply.data, by=actor(), now=now())
    flash("Proved: notices arrive on this device.")
    return redirect(url_for("notices.devices"), 303)


# Notices


@bp.get("/notices")
@signed_in
def listing():
    """What one was told, newest first, one line for all channels and repetitions; tests and what was taken back are not shown."""
    mine = Notice.select().where(
        Notice.person == views.me().id,
        Notice.device.is_null(),
        Notice.dropped_at.is_null() | Notice.sent_at.is_null(False),
    )
    rows: dict[tuple[str, str], Notice] = {}
    for row in mine.order_by(Notice.sent_at.is_null(), Notice.id.desc()).limit(4 * MOST):
        rows.setdefault((row.what, base(row.edition)), row)
    shown = sorted(rows.values(), key=lambda row: -row.id)[:MOST]
    return page("notices/listing.html", notices=shown, text_of=text_of, about=_about(shown), most=MOST)


def _about(rows: list[Notice]) -> dict[str, str]:
    """Whose it is, by `what`: the message itself names nobody, this page is read after signing in.

    A case is named by its place and day, so the list holds nothing of a patient.
    """
    ids = {row.what: (_kind(row.what), int(row.what.rpartition(":")[2])) for row in rows}

    def of(*kinds: str) -> list[int]:
        return [id for kind, id in ids.values() if kind in kinds]

    people = dict(Person.select(Person.id, Person.name).tuples())
    held = Credential.select(Credential, CredentialType).join(CredentialType)
    cases = Case.select(Case, Facility).join(Facility)
    words = {
        "person": people,
        "credential": {
            one.id: f"{one.type.name}, {people[one.person_id]}" for one in held.where(Credential.id << of("credential"))
        },
        "device": {one.id: people[one.person_id] for one in Device.select().where(Device.id << of("device"))},
    }
    of_cases = {
        one.id: f"{one.facility.name}, {views.day(one.date_of_service)}"
        for one in cases.where(Case.id << of("report", "record", "packet", "case"))
    }
    return {what: words.get(kind, of_cases).get(id, "") for what, (kind, id) in ids.items()}


def _kind(what: str) -> str:
    """Which table the number at the end of a `what` is of."""
    return "person" if what.startswith(("obstacle:", "device:person:")) else what.split(":")[0]


@bp.post("/notices/<row:id>/acknowledgement")
@signed_in
def acknowledge(id: int):
    notice = Notice.get_or_none(Notice.id == id, Notice.person == views.me().id)
    if notice is None:
        abort(404)
    notices.acknowledge(notice, by=actor(), now=now())
    return redirect(url_for("notices.listing"), 303)


# The app on the phone


@bp.get("/me/install")
@signed_in
def install():
    return page("notices/install.html")
