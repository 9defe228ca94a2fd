"""The people of the practice: inviting them, their roles, their credentials; opening an invitation."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, request, url_for
from flask import session as cookie
from flask_login import login_user
from flask_wtf import FlaskForm
from wtforms import PasswordField, SelectMultipleField, StringField
from wtforms.validators import DataRequired, Length, Regexp, ValidationError

from actions import Refused, people, sessions
from models import ROLES, SETTINGS, Person
from practice.identifiers import npi_problem
from views import actor, now, page, public, roles
from views.credentials import held_by

bp = Blueprint("people", __name__)

TAXONOMY = Regexp(
    r"^([0-9A-Za-z]{9}[Xx])?$", message="A taxonomy code has ten characters and ends in X, such as 2084N0600X."
)
EMAIL = Regexp(r"^[^@\s]+@[^@\s]+\.[^@\s]+$", message="That is not an email address. It looks like name@practice.org.")


def stripped(value: str | None) -> str:
    """A text without the blanks around it; one that was not sent at all is empty."""
    return (value or "").strip()


class PersonForm(FlaskForm):
    name = StringField(
        "Name", [DataRequired("Type the name as it is printed on reports."), Length(max=120)], filters=[stripped]
    )
    roles = SelectMultipleField("Roles", [DataRequired("Choose at least one role.")], choices=[(r, r) for r in ROLES])
    credentials = StringField("Credentials", [Length(max=120)], filters=[stripped])
    npi = StringField("NPI", [Length(max=10)], filters=[stripped])
    taxonomy = StringField("Taxonomy", [TAXONOMY], filters=[stripped])
    phone = StringField("Phone", [Length(max=40)], filters=[stripped])

    def validate_npi(self, field: StringField) -> None:
        if field.data and (problem := npi_problem(field.data)):
            raise ValidationError(problem)


class InviteForm(PersonForm):
    email = StringField("Email", [DataRequired("Type an email."), Length(max=200), EMAIL], filters=[stripped])


class AcceptForm(FlaskForm):
    name = StringField("Your name", [Length(max=120)], filters=[stripped])
    email = StringField("Your email", [Length(max=200)], filters=[stripped])
    password = PasswordField("Password", [DataRequired("Choose a password."), Length(max=200)])


def find_person(id: int) -> Person:
    person = Person.get_or_none(Person.id == id)
    if person is None:
        abort(404)
    return person


def _show(person: Person, status: int = 200, link: str = ""):
    return page("people/show.html", status, person=person, link=link, current=held_by(person))


@bp.get("/people")
@roles("owner")
def listing():
    return page("people/listing.html", people=list(Person.select().order_by(Person.disabled_at, Person.name)))


@bp.get("/people/new")
@roles("owner")
def new():
    return _invite_page(InviteForm())


def _invite_page(form: InviteForm, status: int = 200):
    return page(
        "people/form.html", status, form=form, title="Invite a person", submit="Invite", url=url_for("people.create"),
        sentence="You get a one-time link to hand over.", back=url_for("people.listing"), back_to="People",
    )  # fmt: skip


@bp.post("/people")
@roles("owner")
def create():
    form = InviteForm()
    if not form.validate():
        return _invite_page(form, 422)
    try:
        person, token = people.invite(
            name=form.name.data, email=form.email.data, credentials=form.credentials.data, npi=form.npi.data,
            taxonomy=form.taxonomy.data.upper(), phone=form.phone.data, roles=form.roles.data, by=actor(), now=now(),
        )  # fmt: skip
    except Refused as refused:
        form.email.errors = refused.reasons
        return _invite_page(form, 422)
    # The token is shown in this one answer and kept nowhere, so this is a page and not a redirect.
    return _show(person, 201, SETTINGS.base_url + url_for("people.invitation", token=token))


@bp.get("/people/<row:id>")
@roles("owner")
def show(id: int):
    return _show(find_person(id))


@bp.get("/people/<row:id>/edit")
@roles("owner")
def edit(id: int):
    person = find_person(id)
    return _edit_page(person, PersonForm(obj=person))


def _edit_page(person: Person, form: PersonForm, status: int = 200):
    return page(
        "people/form.html", status, form=form, title=f"Change {person.name}", submit="Save", sentence=person.email,
        url=url_for("people.revise", id=person.id), back=url_for("people.show", id=person.id), back_to=person.name,
    )  # fmt: skip


@bp.post("/people/<row:id>")
@roles("owner")
def revise(id: int):
    person, form = find_person(id), PersonForm()
    if not form.validate():
        return _edit_page(person, form, 422)
    try:
        people.revise(
            person, name=form.name.data, credentials=form.credentials.data, npi=form.npi.data,
            taxonomy=form.taxonomy.data.upper(), phone=form.phone.data, roles=form.roles.data, by=actor(),
        )  # fmt: skip
    except Refused as refused:
        form.roles.errors = refused.reasons
        return _edit_page(person, form, 422)
    flash("Saved.")
    return redirect(url_for("people.show", id=id), 303)


@bp.post("/people/<row:id>/invitation")
@roles("owner")
def invite_again(id: int):
    person = find_person(id)
    token = people.invite_again(person, by=actor(), now=now())
    return _show(person, 201, SETTINGS.base_url + url_for("people.invitation", token=token))


@bp.post("/people/<row:id>/disabling")
@roles("owner")
def disable(id: int):
    person = find_person(id)
    people.disable(person, by=actor(), now=now())
    flash(f"{person.name} is shut out; all their devices are signed out.")
    return redirect(url_for("people.show", id=id), 303)


@bp.post("/people/<row:id>/enabling")
@roles("owner")
def enable(id: int):
    people.enable(find_person(id), by=actor())
    flash("The account works again.")
    return redirect(url_for("people.show", id=id), 303)


@bp.get("/invitations/<token>")
@public
def invitation(token: str):
    found = people.open_invitation(token, now=now())
    if found is None:
        return page("people/spent.html", 410)
    return page("people/accept.html", form=AcceptForm(), invitation=found)


@bp.post("/invitations/<token>")
@public
def accept(token: str):
    found = people.open_invitation(token, now=now())
    if found is None:
        return page("people/spent.html", 410)
    form = AcceptForm()
    if found.person is None:
        form.name.validators = [DataRequired("Type your name as it is printed on reports.")]
        form.email.validators = [DataRequired("Type your email."), EMAIL]
    if form.validate():
        try:
            person = people.accept(
                found, name=form.name.data or "", email=form.email.data or "", password=form.password.data,
                address=request.remote_addr or "", now=now(),
            )  # fmt: skip
        except Refused as refused:
            form.password.errors = refused.reasons
        else:
            return _welcome(person, form.password.data)
    return page("people/accept.html", 422, form=form, invitation=found)


def _welcome(person: Person, password: str):
    """Sign the person in who has just set a password."""
    try:
        session = sessions.sign_in(
            email=person.email, password=password, device=request.user_agent.string, keep=False,
            address=request.remote_addr or "", now=now(),
        )  # fmt: skip
    except Refused:
        flash("Your password is set. Sign in with it in 15 minutes: there were too many tries from here.")
        return redirect(url_for("sessions.sign_in"), 303)
    cookie.clear()
    login_user(session)
    return redirect(url_for("desk.today"), 303)
