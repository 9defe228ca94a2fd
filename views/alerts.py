"""How one is told, what there is to act on, and whether everybody can be told at all."""

from __future__ import annotations

from datetime import time
from zoneinfo import available_timezones

from flask import Blueprint, flash, redirect, url_for
from flask_wtf import FlaskForm
from wtforms import BooleanField, SelectField, SelectMultipleField, StringField
from wtforms.validators import Length, ValidationError

import tasks as worker
import views
from actions import Refused, alerts, preferences
from models import SETTINGS, Person
from practice.alerts import CHANNELS, DEFAULT
from views import actor, me, now, page, roles, signed_in
from views.people import find_person, stripped

bp = Blueprint("alerts", __name__)
CHANNEL_NAMES = {"push": "Devices", "email": "Email", "sms": "Text message"}
CHOICES = [(one, CHANNEL_NAMES[one]) for one in CHANNELS]
TIME = "Type a time such as 21:00."


def _clock(form: FlaskForm, field: StringField) -> None:
    if not field.data:
        return
    try:
        found = time.fromisoformat(field.data)
    except ValueError:
        raise ValidationError(TIME) from None
    if found.tzinfo or len(field.data) != 5:
        raise ValidationError(TIME)


class PreferenceForm(FlaskForm):
    credential = SelectMultipleField("Credentials that end, people not cleared", choices=CHOICES)
    case = SelectMultipleField("Cases, reports and packets", choices=CHOICES)
    device = SelectMultipleField("Somebody who cannot be told", choices=CHOICES)
    alert_days = StringField("Days before an end", [Length(max=60)], filters=[stripped])
    quiet_from = StringField("Quiet from", [_clock], filters=[stripped])
    quiet_until = StringField("Quiet until", [_clock], filters=[stripped])
    zone = StringField("Time zone", [Length(max=60)], filters=[stripped])
    second = SelectField("Second person", coerce=int, default=0)
    urgent_breaks = BooleanField("Urgent alerts break into quiet hours")

    def validate_alert_days(self, field: StringField) -> None:
        parts = [one.strip() for one in field.data.split(",")] if field.data else []
        if not all(one.isascii() and one.isdigit() and len(one) < 5 for one in parts) or len(parts) > 12:
            raise ValidationError("Type days with commas between, such as 90, 60, 30, 7, 0.")
        self.days = sorted({int(one) for one in parts}, reverse=True)

    def validate_zone(self, field: StringField) -> None:
        if field.data and field.data not in available_timezones():
            raise ValidationError("Type a time zone such as America/Chicago, or leave it empty.")


def _form(person: Person) -> PreferenceForm:
    row = preferences.of(person)
    chosen = {kind: row.channels.get(kind) or list(channels) for kind, channels in DEFAULT.items()}
    form = PreferenceForm(
        **chosen, alert_days=", ".join(str(one) for one in row.alert_days), quiet_from=row.quiet_from,
        quiet_until=row.quiet_until, zone=row.zone, second=row.second_id or 0, urgent_breaks=row.urgent_breaks,
    )  # fmt: skip
    others = Person.select(Person.id, Person.name).where(Person.id != person.id, Person.disabled_at.is_null())
    form.second.choices = [(0, "nobody"), *others.order_by(Person.name).tuples()]
    return form


# How one is told


@bp.get("/me/alerts")
@signed_in
def mine():
    return _page(me(), _form(me()))


@bp.post("/me/alerts")
@signed_in
def choose_mine():
    return _choose(me())


@bp.get("/people/<row:id>/alerts")
@roles("owner")
def of_person(id: int):
    person = find_person(id)
    return _page(person, _form(person))


@bp.post("/people/<row:id>/alerts")
@roles("owner")
def choose(id: int):
    return _choose(find_person(id))


def _page(person: Person, form: PreferenceForm, status: int = 200):
    missing = [text for channel, text in preferences.not_set_up().items()]
    if not preferences.digits(person.phone):
        missing.append(f"No phone number is on file for {person.name}, so no text message can be sent.")
    own = person.id == me().id
    here = url_for("alerts.choose_mine") if own else url_for("alerts.choose", id=person.id)
    back = url_for("sessions.me") if own else url_for("people.show", id=person.id)
    return page(
        "alerts/preferences.html", status, form=form, person=person, own=own, here=here, back=back, missing=missing,
        zone=SETTINGS.zone.key,
    )  # fmt: skip


def _choose(person: Person):
    form = _form(person)
    if not form.validate():
        return _page(person, form, 422)
    try:
        preferences.choose(
            person, channels={kind: form.data[kind] for kind in DEFAULT}, alert_days=form.days,
            quiet_from=form.quiet_from.data, quiet_until=form.quiet_until.data, zone=form.zone.data,
            second=form.second.data or None, urgent_breaks=form.urgent_breaks.data, by=actor(),
        )  # fmt: skip
    except Refused as refused:
        form.quiet_until.errors = refused.reasons
        return _page(person, form, 422)
    flash("Kept." if person.id == me().id else f"Kept for {person.name}.")
    mine = person.id == me().id
    return redirect(url_for("alerts.mine") if mine else url_for("alerts.of_person", id=person.id), 303)


# What there is to act on


@bp.get("/tasks")
@signed_in
def tasks():
    """One's own credentials to act on; the owner's page has everybody's."""
    return page("alerts/tasks.html", tasks=tasks_of(me()), all=me().has("owner"))


def tasks_of(person: Person) -> list[alerts.Task]:
    people = {person.id: person}
    if person.has("owner"):
        people = {one.id: one for one in Person.select().where(Person.disabled_at.is_null())}
    return alerts.tasks(people, now().astimezone(SETTINGS.zone).date())


# The fire drill


@bp.get("/drills")
@roles("owner")
def drills():
    """Who answered the last fire drill, whom nothing reaches, and what was not delivered."""
    last, people = alerts.last_drill(), Person.select().where(Person.disabled_at.is_null()).order_by(Person.name)
    everybody = {one.id: one for one in people}
    found = alerts.devices()
    without = [one for one in everybody.values() if one.id not in {row.person_id for row in found}]
    return page(
        "alerts/drills.html", last=last, devices=[(one, _answer(one, last)) for one in found], without=without,
        unreachable={one.id for one in alerts.unreachable(everybody)}, failures=alerts.failures(now=now()),
        channels=CHANNEL_NAMES, missing=list(preferences.not_set_up().values()),
    )  # fmt: skip


def _answer(device, last) -> tuple[str, str]:
    """Where a device stands, in a state and words."""
    if last is None or device.enrolled_at > last.asked_at:
        return ("ok", "Proved") if device.proved_at else ("due", "Never proved")
    if not alerts.is_silent(device, last):
        return "ok", "Answered"
    late = views.now() - last.asked_at >= alerts.ANSWER
    return ("due", "Silent") if late else ("unknown", "No answer yet")


@bp.post("/drills")
@roles("owner")
def start_drill():
    alerts.drill(by=actor(), now=now())
    worker.wake()
    flash("A test is on its way to every device. Whoever has one taps it, then the button on the page that opens.")
    return redirect(url_for("alerts.drills"), 303)
