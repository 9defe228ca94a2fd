"""Signing in, signing out, one's own devices and password."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, abort, flash, redirect, request, url_for
from flask import session as cookie
from flask_login import current_user, login_user, logout_user
from flask_wtf import FlaskForm
from wtforms import BooleanField, PasswordField, StringField
from wtforms.validators import DataRequired, Length

import views
from actions import Refused, people, sessions
from models import Session
from views import actor, now, page, public, signed_in
from views.credentials import held_by

bp = Blueprint("sessions", __name__)


class SignInForm(FlaskForm):
    email = StringField("Email", [DataRequired("Type your email."), Length(max=200)])
    password = PasswordField("Password", [DataRequired("Type your password."), Length(max=200)])
    keep = BooleanField("Keep me signed in on this device")


class PasswordForm(FlaskForm):
    current = PasswordField("Password now", [DataRequired("Type the password you use now."), Length(max=200)])
    password = PasswordField("New password", [DataRequired("Type a new password."), Length(max=200)])


def _inside(target: str | None) -> str:
    """Where to go after signing in: a path of this app, never another site."""
    parts = urlsplit(target or "")
    if target and target.startswith("/") and not target.startswith(("//", "/\\")) and not parts.netloc:
        return target
    return url_for("desk.today")


@bp.get("/sign-in")
@public
def sign_in():
    if current_user.is_authenticated:
        return redirect(_inside(request.args.get("next")), 303)
    return page("sessions/sign_in.html", form=SignInForm())


@bp.post("/sessions")
@public
def start():
    form = SignInForm()
    if form.validate():
        try:
            session = sessions.sign_in(
                email=form.email.data,
                password=form.password.data,
                device=request.user_agent.string,
                keep=form.keep.data,
                address=request.remote_addr or "",
                now=now(),
            )
        except Refused as refused:
            form.password.errors = refused.reasons
        else:
            # A cookie from before signing in is never carried over.
            cookie.clear()
            cookie.permanent = form.keep.data
            login_user(session)
            return redirect(_inside(request.args.get("next")), 303)
    return page("sessions/sign_in.html", 422, form=form)


@bp.post("/sign-out")
@signed_in
def sign_out():
    sessions.end(current_user._get_current_object(), by=actor(), now=now())
    logout_user()
    answer = redirect(url_for("sessions.sign_in"), 303)
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'
    return answer


@bp.get("/me")
@signed_in
def me():
    rows = Session.select().where(
        Session.person == views.me().id, Session.ended_at.is_null(), Session.expires_at > now()
    )
    return page(
        "sessions/me.html",
        devices=list(rows.order_by(Session.seen_at.desc())),
        here=current_user.id,
        current=held_by(views.me()),
    )


@bp.post("/sessions/<row:id>/end")
@signed_in
def end(id: int):
    session = Session.get_or_none(Session.id == id, Session.person == views.me().id)
    if session is None:
        abort(404)
    sessions.end(session, by=actor(), now=now())
    flash("That device is signed out.")
    return redirect(url_for("sessions.me"), 303)


@bp.get("/me/password")
@signed_in
def password():
    return page("sessions/password.html", form=PasswordForm())


@bp.post("/me/password")
@signed_in
def change_password():
    form = PasswordForm()
    if form.validate():
        try:
            sessions.confirm_password(by=actor(), password=form.current.data, now=now())
        except Refused:
            form.current.errors = ["That is not your password now, or there were too many tries. Nothing was changed."]
        else:
            try:
                people.change_password(views.me(), password=form.password.data, by=actor(), now=now())
            except Refused as refused:
                form.password.errors = refused.reasons
            else:
                flash("Your password is changed. Your other devices are signed out.")
                return redirect(url_for("sessions.me"), 303)
    return page("sessions/password.html", 422, form=form)
