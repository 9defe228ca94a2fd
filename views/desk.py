"""The first page: what needs this person today, and nothing else."""

from __future__ import annotations

from flask import Blueprint

import views
from models import Assignment, Case, Facility, Heartbeat, Job, Patient, Report, Surgeon
from views import page, polled, public, signed_in

bp = Blueprint("desk", __name__)
LATE = 5
"""Minutes without a sign of the worker after which the banner shows."""
MOST = 20


@bp.get("/")
@signed_in
def today():
    person = views.me()
    cases = _cases()
    if not person.has("owner", "biller", "auditor"):
        mine = Assignment.select(Assignment.case).where(Assignment.person == person.id)
        cases = cases.where(Case.id.in_(mine))
    day = views.now().astimezone(views.SETTINGS.zone).date()
    return page(
        "desk/today.html",
        coming=list(cases.where(Case.closed_at.is_null(), Case.signed_at.is_null(), Case.date_of_service >= day)
                    .order_by(Case.date_of_service, Case.starts_at).limit(MOST)),
        unfinished=list(cases.where(Case.closed_at.is_null(), Case.signed_at.is_null(), Case.date_of_service < day)
                        .order_by(Case.date_of_service).limit(MOST)),
        unsigned=list(cases.where(Case.closed_at.is_null(False), Case.signed_at.is_null())
                      .order_by(Case.date_of_service).limit(MOST)),
        drafted=_drafted(),
        stuck=Job.select().where(Job.state == "dead").count() if person.has("owner") else 0,
        silent=person.has("owner") and worker_is_silent(),
        day=day,
    )  # fmt: skip


def _cases():
    return (
        Case.select(Case, Patient, Facility, Surgeon)
        .join(Patient)
        .switch(Case)
        .join(Facility)
        .switch(Case)
        .left_outer_join(Surgeon)
    )


def _drafted() -> set[int]:
    """The unsigned cases that have a draft."""
    return {row[0] for row in Report.select(Report.case).join(Case).where(Case.signed_at.is_null()).distinct().tuples()}


def worker_is_silent() -> bool:
    """True when the worker has given no sign of life for a while: nothing would be sent or printed."""
    beat = Heartbeat.get_or_none(Heartbeat.name == "worker")
    return beat is None or (views.now() - beat.at).total_seconds() > LATE * 60


@bp.get("/health")
@public
@polled
def health():
    """Answers when the app and its database do; for the start script and for outside monitors."""
    Heartbeat.select().limit(1).exists()
    return "ok", 200, {"Content-Type": "text/plain"}
