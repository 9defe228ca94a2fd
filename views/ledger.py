"""A physician's day over all cases: who was watched when, whose each minute is, and what stands against a rule."""

from __future__ import annotations

from datetime import date, timedelta

from flask import Blueprint, abort, redirect, url_for
from flask_wtf import FlaskForm
from wtforms import RadioField, SelectField, StringField
from wtforms.validators import InputRequired, Length

from actions import audit, ledger
from models import SEE_ALL, Case, Person
from practice.proof import Proof, most
from views import actor, me, now, page, roles

bp = Blueprint("ledger", __name__)


class AllotmentForm(FlaskForm):
    case = SelectField("Case", coerce=int)
    method = RadioField(
        "Blocks it shares with other cases",
        choices=[("equal", "Split equally"), ("whole", "Give them to this case")],
        validators=[InputRequired("Choose how the minutes are allotted.")],
    )
    reason = StringField("Why", validators=[InputRequired("Say why."), Length(max=300)])


def find_person(id: int) -> Person:
    """The physician; a physician sees the own day only."""
    person = Person.get_or_none(Person.id == id)
    if person is None or not (me().has("owner", "biller", "auditor") or me().id == person.id):
        abort(404)
    return person


def find_day(text: str) -> date:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        abort(404)
    if not 1990 <= found.year <= 2200:
        abort(404)
    return found


@bp.get("/ledger/<row:person>/<day>")
@roles("owner", "biller", "auditor", "physician")
def day(person: int, day: str):
    return _show(find_person(person), find_day(day), AllotmentForm())


def _show(person: Person, on: date, form: AllotmentForm, status: int = 200):
    made, cases = ledger.day(person, on)
    numbers = [row.id for row in cases]
    audit.viewed(actor(), "ledger", row_id=person.id, listed=numbers)
    seen = (
        set(numbers)
        if me().has(*SEE_ALL)
        else {case.id for case in Case.worked_on_by(me()).where(Case.id.in_(numbers))}
    )
    form.case.choices = _open(made, cases) if made else []
    return page(
        "ledger/day.html", status, person=person, on=on, day=made, cases={row.id: row for row in cases}, seen=seen, form=form,
        before=on - timedelta(days=1), after=on + timedelta(days=1), most=most(), may_allot=me().has("owner", "physician"),
    )  # fmt: skip


def _open(day: Proof, cases: list) -> list[tuple[int, str]]:
    """The cases whose overlapping minutes can still be allotted otherwise."""
    signed = {row.id for row in cases if row.signed_at}
    return [(row.case, row.label) for row in day.rows if row.may_choose and row.case not in signed]


@bp.post("/ledger/<row:person>/<day>/allotments")
@roles("owner", "physician")
def allot(person: int, day: str):
    someone, on, form = find_person(person), find_day(day), AllotmentForm()
    made, cases = ledger.day(someone, on)
    form.case.choices = _open(made, cases) if made else []
    if not form.validate_on_submit():
        return _show(someone, on, form, 422)
    case = Case.get_by_id(form.case.data)
    ledger.choose(
        case, someone, whole=form.method.data == "whole", reason=form.reason.data, by=actor(), now=now()
    )  # fmt: skip
    return redirect(url_for("ledger.day", person=someone.id, day=on.isoformat()), 303)
