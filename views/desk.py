"""The first page: what needs this person today, and nothing else."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import peewee as pw
from flask import Blueprint, redirect, url_for

import views
from actions import audit, credentials, jobs, ledger, records_requests, screenings
from models import Assignment, Case, Heartbeat, Job, Obstacle, Person, Report
from practice.figures import spreads
from practice.money import dollars
from views import actor, claim_board, page, polled, public, signed_in
from views.alerts import tasks_of
from views.cases import COUNTED, rows_of, turnarounds

bp = Blueprint("desk", __name__)
LATE = 5
"""Minutes without a sign of the worker after which the banner shows."""
MOST = 8
RECENT = timedelta(days=90)
"""How far back the owner's figures of turnaround look."""


@bp.get("/")
@signed_in
def today():
    person, day = views.me(), views.now().astimezone(views.SETTINGS.zone).date()
    open_cases = Case.visible_to(person).where(Case.signed_at.is_null())
    recorded = open_cases.where(Case.closed_at.is_null())
    by_day = (Case.date_of_service, Case.starts_at, Case.id)
    obstacles = credentials.obstacles(None if person.has("owner") else person)
    upcoming = _next(person, day, obstacles)
    if upcoming:
        recorded = recorded.where(Case.id != upcoming["case"].id)
    groups = [
        ("Today", _rows(recorded.where(Case.date_of_service == day).order_by(*by_day))),
        ("Record not closed", _rows(recorded.where(Case.date_of_service < day).order_by(*by_day))),
        ("Coming", _rows(recorded.where(Case.date_of_service > day).order_by(*by_day))),
    ]
    audit.viewed(actor(), "cases", shown=sum(len(rows) for _, rows in groups))
    owner = person.has("owner")
    return page(
        "desk/today.html",
        groups=groups,
        next=upcoming,
        waiting=_waiting(open_cases, day),
        obstacles=[one for one in obstacles if not upcoming or one not in upcoming["obstacles"]],
        turned=spreads(turnarounds(views.now() - RECENT)) if owner else [],
        stuck=Job.select().where(Job.state == "dead").count() if owner else 0,
        silent=owner and worker_is_silent(),
        blind=owner and alerts_are_late(),
        tasks=tasks_of(person),
        screening=screenings.notice(day),
        busy=_busy(),
        day=day,
    )


@bp.get("/next-case")
@signed_in
def next_case():
    """The case one works on next, by the shortcut of the installed app; without one, the first page."""
    day = views.now().astimezone(views.SETTINGS.zone).date()
    case = _next_of(views.me(), day)
    return redirect(url_for("cases.show", id=case.id) if case else url_for("desk.today"), 303)


def _next_of(person: Person, day: date) -> Case | None:
    """The case of today or later that this person works on first."""
    to_come = Case.worked_on_by(person).where(Case.closed_at.is_null(), Case.date_of_service >= day)
    return to_come.order_by(Case.date_of_service, Case.starts_at, Case.id).first()


def _next(person: Person, day: date, obstacles: list[Obstacle]) -> dict[str, Any] | None:
    """What the first page says of the next case: people by role, and whether anything stands in the way."""
    case = _next_of(person, day)
    if case is None:
        return None
    people: dict[str, list[str]] = {"technologist": [], "physician": []}
    rows = Assignment.select(Assignment.role, Person.name).join(Person).where(Assignment.case == case.id)
    for role, name in rows.order_by(Assignment.id).tuples():
        people[role].append(name)
    mine = [one for one in obstacles if one.case_id == case.id]
    lacking = [role for role, names in people.items() if not names]
    state, word = ("blocked", "not cleared") if mine else ("due", f"needs {lacking[0]}") if lacking else ("ok", "ready")
    return {"case": case, "people": people, "obstacles": mine, "state": state, "word": word}


def _busy() -> list[tuple[Person, date, str]]:
    """Physicians' days in which a finding stands: all of them to owner and billing, to a physician the own."""
    person = views.me()
    if person.has("owner", "biller"):
        return ledger.standing(views.now())
    return ledger.standing(views.now(), person) if person.has("physician") else []


def _rows(query: pw.ModelSelect) -> list[Any]:
    return rows_of(list(Case.lines(query).limit(MOST)))


def _waiting(open_cases: pw.ModelSelect, day: date) -> list[tuple[str, str, str, str]]:
    """What waits for an act: label, how many, since when, and where it is done."""
    person = views.me()
    drafted = Report.select(Report.case)
    closed = open_cases.where(Case.closed_at.is_null(False))
    found = []
    if person.has("owner", "technologist"):
        found.append(_figure("Reports to draft", closed.where(Case.id.not_in(drafted)), "reports.inbox", day))
    if person.has("owner", "technologist", "physician"):
        found.append(_figure("Reports to approve or sign", closed.where(Case.id.in_(drafted)), "reports.inbox", day))
    if person.has("owner", "biller"):
        found += _claims(day)
        if asked := records_requests.open_ones():
            late = (day - asked[0].due_on).days
            said = f"{late} days late" if late > 0 else f"the next is due {views.day(asked[0].due_on)}"
            found.append(("Records requests", str(len(asked)), said, url_for("records_requests.listing")))
    if person.has("owner"):
        hits, stop, parties = screenings.waiting()
        if hits or parties:
            said = [f"{stop} stop work" if stop > 1 else "1 stops work"] if stop else []
            said += [f"{parties} to look through"] if parties else []
            found.append(("Exclusion hits to decide", str(hits), ", ".join(said), url_for("screenings.index")))
    return found


def _claims(day: date) -> list[tuple[str, str, str, str]]:
    """The money that waits for billing: what nears its filing limit, is to be mended, coded, sent; what is nought is left out."""
    money = claim_board.standing(claim_board.Asked(), day)
    found = []
    near, late = money.near.count + money.overdue.count, money.overdue
    if near:
        said = f"{late.count} past it, {dollars(late.cents)}" if late.count else "in the next 14 days"
        found.append(("Near the filing limit", str(near), said, url_for("claims.board")))
    board = (
        ("Rejected by an answer", ("rejected",), "to be mended and sent again", "rejected"),
        ("Claims held or denied", ("held", "denied"), "to be mended", ""),
        ("To be coded", (claim_board.UNCODED,), "signed", claim_board.UNCODED),
        ("Claims to release", ("coded",), "ready here", "coded"),
        ("Behind unsigned reports", (claim_board.UNSIGNED,), "closed, not signed", claim_board.UNSIGNED),
    )
    groups = [
        (label, money.of(*names), note, url_for("claims.board", state=state or None))
        for label, names, note, state in board
    ]
    groups[-1:-1] = _to_send()
    found += [
        (label, str(one.count), f"{dollars(one.cents)}, {note}", url) for label, one, note, url in groups if one.count
    ]
    return found


def _to_send() -> list[tuple[str, claim_board.Money, str, str]]:
    """What is released and on no way yet: claims in no file, claims for paper, files that nobody handed in."""
    files, paper = url_for("claim_files.listing"), url_for("paper_claims.listing")
    return [
        ("Released, in no file", claim_board.unfiled(), "to be put into a file", files),
        ("Released, for paper", claim_board.for_paper(), "to be printed and mailed", paper),
        ("Files to hand in", claim_board.not_handed_in(), "made, with nobody yet", files),
    ]


def _figure(label: str, query: pw.ModelSelect, endpoint: str, day: date) -> tuple[str, str, str, str]:
    days = [row[0] for row in query.select(Case.date_of_service).order_by(Case.date_of_service).limit(COUNTED).tuples()]
    count = f"{COUNTED} or more" if len(days) == COUNTED else str(len(days))
    age = (day - days[0]).days if days else 0
    since = f"oldest from {views.day(days[0])}, {age} days ago" if age > 1 else "none older than a day"
    return (label, count, since if days else "nothing waits", url_for(endpoint))


def worker_is_silent() -> bool:
    """True when the worker has given no sign of life for a while: nothing would be sent or printed."""
    beat = Heartbeat.get_or_none(Heartbeat.name == "worker")
    return beat is None or (views.now() - beat.at).total_seconds() > LATE * 60


def alerts_are_late() -> bool:
    """True when nobody looked for alerts for an hour, although the worker may live."""
    return jobs.beat_older_than("alerts", timedelta(hours=1), now=views.now())


@bp.get("/health")
@public
@polled
def health():
    """Answers when the app and its database do; for the start script and for outside monitors."""
    Heartbeat.select().limit(1).exists()
    return "ok", 200, {"Content-Type": "text/plain"}
