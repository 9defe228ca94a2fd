"""Minutes in review: how long a draft was in sight of who approves or signs it, told by the page while it is visible."""

from __future__ import annotations

from datetime import datetime, timedelta

from actions import Actor, audit, reports
from models import Case, Report, Review, db

BEAT = timedelta(seconds=30)
"""How often a visible page says so; a gap much longer than that was not spent reading."""
BREAK = timedelta(minutes=5)
MOST = 4 * 3600


def beat(report: Report, *, begins: bool, by: Actor, now: datetime) -> Review | None:
    """The page is in sight since the last beat, or since now when it `begins`. Others than its reviewers are not timed."""
    case = Case.get_by_id(report.case_id)
    if not (reports.may_sign(case, by.person) or reports.may_approve(case, by.person)):
        return None
    with db.atomic():
        last = (
            Review.select()
            .where(Review.report == report.id, Review.person == by.person.id)
            .order_by(Review.id.desc())
            .first()
        )
        if last is None or now - last.seen_at > BREAK or last.seconds >= MOST:
            last = Review.create(report=report, person=by.person, opened_at=now, seen_at=now)
            audit.record(by, "review", "report", row_id=report.id, case_id=case.id)
            return last
        lasted = timedelta(0) if begins else max(timedelta(0), min(now - last.seen_at, BEAT + timedelta(seconds=5)))
        last.seconds = min(MOST, last.seconds + round(lasted.total_seconds()))
        last.seen_at = now
        last.save()
    return last


def told(case: Case) -> list[tuple[str, Review, int]]:
    """Who read the drafts of a case, with the first look and all seconds, the earliest first."""
    rows = (
        Review.select(Review, Report)
        .join(Report)
        .where(Report.case == case.id)
        .order_by(Review.opened_at)
    )  # fmt: skip
    firsts: dict[int, list[Review]] = {}
    for row in rows:
        firsts.setdefault(row.person_id, []).append(row)
    return [(held[0].person.name, held[0], sum(one.seconds for one in held)) for held in firsts.values()]
