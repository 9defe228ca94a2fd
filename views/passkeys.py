"""One's own passkeys: listing, adding, removing, and the challenge a device signs."""

from __future__ import annotations

from flask import Blueprint, Response, abort, flash, redirect, url_for
from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField, StringField
from wtforms.validators import DataRequired, Length

from actions import Refused, passkeys, reports
from models import Passkey
from views import actor, me, now, page, roles, site
from views.reports import find_for_signing

bp = Blueprint("passkeys", __name__)


class PasskeyForm(FlaskForm):
    name = StringField("Name of this device", [DataRequired("Name it, such as My phone."), Length(max=60)])
    password = PasswordField("Your password", [DataRequired("Type your password."), Length(max=200)])
    credential = HiddenField("Passkey", [DataRequired("Your device made no passkey. Try again."), Length(max=20_000)])


@bp.get("/me/passkeys")
@roles("physician")
def listing():
    return _listing(PasskeyForm(formdata=None))


def _listing(form: PasskeyForm, status: int = 200, reasons: list[str] | None = None) -> Response:
    return page("sessions/passkeys.html", status, keys=passkeys.of(me()), form=form, reasons=reasons or [])


@bp.post("/me/passkeys")
@roles("physician")
def add():
    form = PasskeyForm()
    reasons: list[str] = []
    if form.validate():
        try:
            passkeys.add(
                name=form.name.data, credential=form.credential.data, password=form.password.data, by=actor(),
                site=site(), now=now(),
            )  # fmt: skip
        except Refused as refused:
            reasons = refused.reasons
        else:
            flash("The passkey is added. You can sign reports with it.")
            return redirect(url_for("passkeys.listing"), 303)
    return _listing(form, 422, reasons)


@bp.post("/me/passkeys/challenges")
@roles("physician")
def challenge():
    return Response(passkeys.offer_to_add(by=actor(), site=site(), now=now()), mimetype="application/json")


@bp.post("/passkeys/<row:id>/removal")
@roles("physician")
def remove(id: int):
    key = Passkey.get_or_none(Passkey.id == id, Passkey.person == me().id)
    if key is None:
        abort(404)
    passkeys.remove(key, by=actor(), now=now())
    flash("That passkey signs nothing any more.")
    return redirect(url_for("passkeys.listing"), 303)


@bp.post("/reports/<row:id>/challenges")
@roles("physician")
def challenge_to_sign(id: int):
    report, _ = find_for_signing(id)
    options = passkeys.offer_to_sign(reports.signing_purpose(report), by=actor(), site=site(), now=now())
    return Response(options, mimetype="application/json")
