"""The application: extensions, what happens before and after a request, error pages, commands."""

from __future__ import annotations

import gc
import logging
import secrets
from datetime import timedelta
from typing import Any

from flask import Flask, Response, current_app, redirect, request, url_for
from flask_login import LoginManager, current_user
from flask_wtf.csrf import CSRFError, CSRFProtect
from htmx_flask import Htmx
from peewee import IntegrityError
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter

import views
from actions import Refused, sessions
from models import SETTINGS, Session, db

log = logging.getLogger("evoked")

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), microphone=(), payment=(), usb=()",
}


class RowId(IntegerConverter):
    """A row's number in a path. Anything a database key cannot hold is simply not found."""

    def __init__(self, url_map: Any) -> None:
        super().__init__(url_map, min=1, max=2**63 - 1)


def create_app() -> Flask:
    """Build the app from the installation's settings."""
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=SETTINGS.secret_key,
        SESSION_COOKIE_NAME="__Host-evoked" if SETTINGS.https else "evoked",
        SESSION_COOKIE_SECURE=SETTINGS.https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=timedelta(days=90),
        MAX_CONTENT_LENGTH=SETTINGS.max_upload_mb * 1024 * 1024,
        MAX_FORM_PARTS=5000,
        TRUSTED_HOSTS=list(SETTINGS.trusted_hosts),
        WTF_CSRF_TIME_LIMIT=None,
        SEND_FILE_MAX_AGE_DEFAULT=timedelta(days=365),
    )
    app.url_map.converters["row"] = RowId
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    if SETTINGS.proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, SETTINGS.proxies, SETTINGS.proxies, SETTINGS.proxies, SETTINGS.proxies)
    Htmx(app)
    _sign_in(app)
    app.before_request(_open)
    app.before_request(views.make_room)
    CSRFProtect(app)
    app.before_request(views.admit)
    app.before_request(_keep_alive)
    app.after_request(_close)
    app.teardown_request(_let_go)
    app.context_processor(views.shared_context)
    _error_pages(app)
    views.register(app)
    gc.collect()
    gc.freeze()  # the web server forks now: memory that no collection touches stays shared
    return app


def _open() -> None:
    db.connect(reuse_if_open=True)


def _let_go(error: BaseException | None) -> None:
    """The connection stays for the next request of this process, unless something went wrong with it."""
    if error is not None and not db.is_closed():
        db.close()


def _sign_in(app: Flask) -> None:
    manager = LoginManager(app)
    manager.session_protection = None  # the session row decides; a phone changes its address all day

    @manager.user_loader
    def _load(token: str) -> Session | None:
        session = Session.live(token, views.now())
        if session:
            session.token = token
        return session

    @manager.unauthorized_handler
    def _unauthorized() -> Response:
        if request.is_json or request.path.startswith("/offline/"):
            return views.phone.ended()
        target = url_for("sessions.sign_in")
        if request.method == "GET" and request.path != "/":
            target = url_for("sessions.sign_in", next=request.full_path.rstrip("?"))
        if request.htmx:
            return Response(status=401, headers={"HX-Redirect": target})
        return redirect(target, 303)


def _keep_alive() -> None:
    """A page somebody asked for prolongs the session; a page that asks by itself does not."""
    view = current_app.view_functions.get(request.endpoint or "")
    if current_user.is_authenticated and not getattr(view, "polled", False):
        sessions.seen(current_user._get_current_object(), now=views.now())


def _close(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.add("Vary", "HX-Request")
    if request.endpoint == "static" and "v" in request.args:
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    elif request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    if SETTINGS.https:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    return response


def _error_pages(app: Flask) -> None:
    words = {
        400: ("That request could not be read", "Go back, reload the page and try again. What you typed is still there."),
        403: ("That is not open to you", "Your roles do not include this page. The owner of the practice can change them."),
        404: ("Nothing here", "This page does not exist, or it is not yours to see."),
        405: ("That cannot be done here", "Go back and use the buttons of the page."),
        413: ("The file is too large", ""),
    }  # fmt: skip

    @app.errorhandler(Refused)
    def _refused(error: Refused) -> Response:
        return views.page("error.html", 422, title="That cannot be done yet", reasons=error.reasons)

    @app.errorhandler(CSRFError)
    def _stale(error: CSRFError) -> Response:
        return views.page(
            "error.html", 400, title="The page was too old", reasons=["Go back, reload the page and send it again."]
        )

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Response:
        if error.code is None or error.code < 400:
            return error.get_response()
        title, what = words.get(error.code, (error.name, "Go back and try again."))
        if error.code == 413:
            most = (request.max_content_length or 0) // 1024 // 1024
            what = f"A file may have at most {most} MB. Make it smaller and send it again."
        return views.page("error.html", error.code, title=title, reasons=[what])

    @app.errorhandler(IntegrityError)
    def _guarded(error: IntegrityError) -> Response:
        if "guard:" not in str(error):
            return _bug(error)
        return views.page(
            "error.html",
            422,
            title="This is signed",
            reasons=["A signed case cannot be changed. Write an addendum instead."],
        )

    @app.errorhandler(Exception)
    def _bug(error: Exception) -> Response:
        reference = secrets.token_hex(4)
        # The message may hold a patient's data, so only its kind and place are logged.
        where = error.__traceback__
        while where and where.tb_next:
            where = where.tb_next
        place = f"{where.tb_frame.f_code.co_filename}:{where.tb_lineno}" if where else "?"
        log.error("bug %s: %s at %s in %s", reference, type(error).__name__, place, request.endpoint)
        if app.testing:
            raise error
        return views.page(
            "error.html",
            500,
            title="Something broke",
            reasons=[f"This is a fault of ours. Nothing was saved by this step. Reference {reference}."],
        )
