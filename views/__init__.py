"""What every view shares: who may come in, how a page is rendered, who is asking."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cache
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from flask import Flask, Response, abort, current_app, make_response, render_template, request, url_for
from flask_login import current_user

from actions import Actor
from actions.passkeys import Site
from models import ROLES, SETTINGS, Person
from practice.cases import payer_class_words
from practice.figures import in_words
from practice.money import dollars
from practice.rewording import differing

F = TypeVar("F", bound=Callable[..., Any])


def roles(*names: str) -> Callable[[F], F]:
    """The route is for people who hold one of these roles."""
    unknown = set(names) - set(ROLES)
    if unknown or not names:
        raise ValueError(f"no such role: {unknown or 'none given'}")

    def mark(view: F) -> F:
        view.roles = names
        return view

    return mark


def signed_in(view: F) -> F:
    """The route is for everybody who is signed in."""
    view.roles = ROLES
    return view


def public(view: F) -> F:
    """The route is for anybody, signed in or not."""
    view.roles = ()
    return view


def polled(view: F) -> F:
    """The page asks for this by itself; asking does not keep the session alive."""
    view.polled = True
    return view


def takes(megabytes: int) -> Callable[[F], F]:
    """Files of the route may be larger than others, for whoever may open it."""

    def mark(view: F) -> F:
        view.takes = megabytes
        return view

    return mark


def make_room() -> None:
    """Before the form is read: how large it may be here."""
    view = current_app.view_functions.get(request.endpoint or "")
    most = getattr(view, "takes", 0)
    if most and current_user.is_authenticated and me().has(*view.roles):
        request.max_content_length = most * 1024 * 1024


def me() -> Person:
    """The person who is signed in."""
    return current_user.person


def actor() -> Actor:
    """Who is asking, for actions."""
    if current_user.is_authenticated:
        return Actor(person=current_user.person, session=current_user.id, address=request.remote_addr or "")
    return Actor(address=request.remote_addr or "")


def now() -> datetime:
    return datetime.now(UTC)


def row_id(text: str) -> int:
    """A row's number in a form or a query, for `type=`; what no database key can hold is no number."""
    number = int(text)
    if not 0 < number < 2**63:
        raise ValueError
    return number


def site() -> Site:
    """Where the browser is, as the request came in, for passkeys: the host is one of the trusted ones."""
    return Site(request.host.rsplit(":", 1)[0], request.host_url.rstrip("/"), SETTINGS.practice_name)


def admit() -> Response | None:
    """Default deny: a route that declares nothing is nobody's; a person without the role gets 403."""
    if request.endpoint == "static" or request.endpoint is None:
        return None
    view = current_app.view_functions[request.endpoint]
    wanted = getattr(view, "roles", None)
    if wanted is None:
        abort(403)
    if wanted == ():
        return None
    if not current_user.is_authenticated:
        return current_app.login_manager.unauthorized()
    if not me().has(*wanted):
        abort(403)
    return None


def page(template: str, status: int = 200, **context: Any) -> Response:
    """The whole page, or only its part `NOUN/_name.html` when htmx asks for a part."""
    if is_part():
        noun, _, name = template.rpartition("/")
        part = f"{noun}/_{name}"
        if part in _templates():
            return make_response(render_template(part, **context), status)
    return make_response(render_template(template, **context), status)


def is_part() -> bool:
    """True when htmx wants a part of a page: not for boosted links, not when it restores history."""
    htmx = request.htmx
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request


@cache
def _templates() -> frozenset[str]:
    return frozenset(current_app.jinja_env.list_templates())


@cache
def _digest(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()[:10]


def asset(name: str) -> str:
    """The address of a static file, with its digest so that it may be kept for ever."""
    return url_for("static", filename=name, v=_digest(f"{current_app.static_folder}/{name}"))


NAV = (
    ("Today", "desk.today", "today", ROLES),
    ("Cases", "cases.listing", "cases", ROLES),
    ("Reports", "reports.inbox", "reports", ("owner", "physician", "technologist")),
    ("Claims", "claims.board", "claims", ("owner", "biller", "auditor")),
    ("Packets", "packets.listing", "packets", ("owner", "biller", "auditor")),
    ("Invoices", "invoices.listing", "money", ("owner", "biller", "auditor")),
    ("People", "people.listing", "people", ("owner",)),
    ("Credentials", "credentials.listing", "credentials", ("owner", "auditor", "biller")),
    ("Screening", "screenings.index", "search", ("owner", "auditor")),
    ("Places", "places.index", "places", ("owner", "biller")),
    ("Audit", "audit.listing", "audit", ("owner", "auditor")),
    ("Me", "sessions.me", "me", ROLES),
)
UNDER = {
    "record": "cases", "documents": "cases", "phone": "cases", "wording": "reports", "editing": "reports",
    "claim_files": "claims", "answers": "claims", "paper_claims": "claims", "billings": "claims", "rules": "claims",
    "ledger": "claims", "records_requests": "packets", "fees": "places", "tables": "places", "passkeys": "sessions",
}  # fmt: skip
"""Whose page one is on, where a noun has no place of its own in the navigation."""


def nav() -> list[tuple[str, str, str, bool]]:
    """The nouns this person's roles open: label, address, icon, whether we are there."""
    if not current_user.is_authenticated:
        return []
    here = (request.endpoint or "").split(".")[0]
    here = UNDER.get(here, here)
    found = []
    for label, endpoint, icon, wanted in NAV:
        if me().has(*wanted) and endpoint in current_app.view_functions:
            found.append((label, url_for(endpoint), icon, endpoint.split(".")[0] == here))
    return found


def shared_context() -> dict[str, Any]:
    person = current_user.person if current_user.is_authenticated else None
    return {"me": person, "nav": nav(), "now": now(), "asset": asset, "practice_name": SETTINGS.practice_name}


def day(value: date | datetime) -> str:
    """Tue Sep 1, 2026, or without the year when it is this one."""
    if isinstance(value, datetime):
        value = value.astimezone(SETTINGS.zone).date()
    text = f"{value:%a %b} {value.day}"
    return text if value.year == now().astimezone(SETTINGS.zone).year else f"{text}, {value.year}"


def moment(value: datetime) -> str:
    """Tue Sep 1 14:05 CDT, in the practice's zone."""
    local = value.astimezone(SETTINGS.zone)
    return f"{day(value)} {local:%H:%M} {local.tzname()}"


def clock(value: datetime, zone: str) -> str:
    """07:30, on the wall of the room."""
    return value.astimezone(ZoneInfo(zone)).strftime("%H:%M")


def hours(minutes: int) -> str:
    """12.5"""
    whole, rest = divmod(minutes, 60)
    return str(whole) if not rest else f"{whole}.{rest * 100 // 60:02d}".rstrip("0")


def device(user_agent: str) -> str:
    """What a person calls the thing: iPhone, Chrome on Windows."""
    systems = (
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Macintosh", "Mac"),
        ("Linux", "Linux"),
    )
    browsers = (("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
    system = next((name for sign, name in systems if sign in user_agent), "")
    browser = next((name for sign, name in browsers if sign in user_agent), "")
    return " on ".join(filter(None, (browser, system))) or "Unknown device"


def register(app: Flask) -> None:
    """Hang in every noun."""
    from views import (
        alerts,
        answers,
        audit,
        billings,
        cases,
        claim_files,
        claims,
        commands,
        credentials,
        desk,
        documents,
        editing,
        fees,
        invoices,
        ledger,
        notices,
        offline,
        packets,
        paper_claims,
        passkeys,
        people,
        phone,
        places,
        record,
        records_requests,
        reports,
        rules,
        screenings,
        sessions,
        tables,
        verifications,
        wording,
    )

    for module in (
        alerts, answers, audit, billings, cases, claim_files, claims, credentials, desk, documents, editing, fees, invoices, ledger, notices, offline, packets, paper_claims, passkeys, people, phone, places, record, records_requests, reports, rules, screenings, sessions, tables,
        verifications, wording,
    ):  # fmt: skip
        app.register_blueprint(module.bp)
    commands.register(app)
    app.jinja_env.filters.update(
        day=day,
        moment=moment,
        clock=clock,
        device=device,
        hours=hours,
        took=in_words,
        dollars=dollars,
        payer_class=payer_class_words,
        differing=differing,
    )
