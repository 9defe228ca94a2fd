"""Alerts: what people are to be told, found by looking, so that nothing depends on somebody having asked for it.

`scan` looks at everything that can be due and tells it through the outbox. To scan again changes nothing; to scan
after an outage tells the newest threshold of each credential alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import msgspec
import peewee as pw

from actions import MACHINE, Actor, audit, credentials, notices, preferences
from models import (
    SETTINGS,
    Application,
    Approval,
    Assignment,
    Case,
    Credential,
    Device,
    Drill,
    Facility,
    Notice,
    Obstacle,
    Packet,
    Person,
    Preference,
    Report,
    Session,
    db,
)
from practice import alerts as plan
from practice import credentials as trade
from practice.alerts import Alert

HOUR = 8
"""A day's alerts on credentials are told from this hour on, by the practice's clock."""
UNFINISHED = timedelta(hours=24)
RECENT = timedelta(days=90)
"""Cases older than that are history: nobody is told about them any more."""
ANSWER = timedelta(hours=24)
"""A device that has not answered a fire drill by then is silent."""


def scan(*, now: datetime) -> int:
    """Tell everything that is due and not told yet; take back what is settled. Returns how many notices it made."""
    with db.atomic():
        before = Notice.select().count()
        _take_back(now)
        people = _people()
        for alert in wanted(now=now):
            _tell(alert, people, now)
        _drill_monthly(now)
        return Notice.select().count() - before


def _people() -> dict[int, Person]:
    return {one.id: one for one in Person.select().where(Person.disabled_at.is_null())}


def _tell(alert: Alert, people: dict[int, Person], now: datetime) -> None:
    told = list(
        Notice.select().where(
            Notice.what == alert.what,
            (Notice.edition == alert.edition) | Notice.edition.startswith(f"{alert.edition}+"),
        )
    )
    if any(one.acknowledged_at for one in told):
        return
    if not told:
        notices.drop(Notice.what == alert.what, now=now)  # of several thresholds only the newest is told
    for id in alert.people:
        notices.tell(people[id], what=alert.what, edition=alert.edition, path=alert.path, now=now)
    if told:
        _remind(alert, people, min(one.queued_at for one in told), now)


def _remind(alert: Alert, people: dict[int, Person], since: datetime, now: datetime) -> None:
    days = (_day(now) - _day(since)).days
    seconds = [
        row.second_id
        for row in Preference.select().where(Preference.person.in_(alert.people))
        if row.second_id in people
    ]
    for edition, whom in plan.reminders(alert, days, has_second=bool(seconds)):
        others = {"person": alert.people, "second": seconds, "owner": [one.id for one in notices.owners()]}[whom]
        for id in others:
            if whom == "person" or id not in alert.people:
                older = (Notice.what == alert.what) & (Notice.person == id) & (Notice.edition != edition)
                notices.drop(older, now=now)
                notices.tell(people[id], what=alert.what, edition=edition, path=alert.path, now=now)


def _day(now: datetime) -> date:
    """The practice's day, which begins at the hour from which alerts are told."""
    return (now.astimezone(SETTINGS.zone).replace(tzinfo=None) - timedelta(hours=HOUR)).date()


# What is to be told


def wanted(*, now: datetime) -> Iterator[Alert]:
    """Everything that people are to be told as things stand."""
    yield from _credentials(_day(now))
    yield from _obstacles(_day(now))
    yield from _reports()
    yield from _records(now)
    yield from _packets(now)
    yield from _silent(now)


def due(people: dict[int, Person], on: date) -> list[tuple[Person, trade.Due]]:
    """The newest threshold that each credential has reached on a day, by the person's own days where there are some."""
    types = credentials.rules().types
    own = {row.person_id: tuple(row.alert_days) for row in Preference.select() if row.alert_days}
    found = []
    for id, holder in credentials.holders(people.values()).items():
        mine = types
        if id in own:
            mine = {key: msgspec.structs.replace(one, alert_days=own[id]) for key, one in types.items()}
        found += [(people[id], one) for one in trade.due(holder.proofs, mine, on)]
    return found


def _credentials(on: date) -> Iterator[Alert]:
    for person, one in due(_people(), on):
        yield Alert(
            what=f"credential:{one.proof.id}", edition=str(one.threshold), people=(person.id,),
            path=f"/credentials/{one.proof.id}", pace=plan.pace(one.threshold), escalates=one.threshold <= plan.TASK_DAYS,
        )  # fmt: skip


def _obstacles(on: date) -> Iterator[Alert]:
    """Somebody may not work on a case that is booked: told to them and the owners, anew when something is added."""
    standing: dict[int, list[Obstacle]] = {}
    for one in credentials.obstacles():
        if one.case.date_of_service >= on and one.person.disabled_at is None:
            standing.setdefault(one.person_id, []).append(one)
    owners = [one.id for one in notices.owners()]
    for person, found in standing.items():
        near = (found[0].case.date_of_service - on).days <= plan.URGENT_DAYS
        yield Alert(
            what=f"obstacle:{person}", edition=str(max(one.id for one in found)),
            people=tuple(dict.fromkeys([person, *owners])), path="/",
            pace=1 if near else 3, escalates=False,
        )  # fmt: skip


def _working(case: int, role: str) -> tuple[int, ...]:
    """Who works on a case in a role; without anybody, the owners."""
    query = (
        Assignment.select(Assignment.person)
        .join(Person)
        .where(Assignment.case == case, Assignment.role == role, Person.disabled_at.is_null())
    )
    return tuple(sorted({id for (id,) in query.tuples()})) or tuple(one.id for one in notices.owners())


def _reports() -> Iterator[Alert]:
    """Approved by the technologist, and not signed."""
    newest = Report.select(pw.fn.MAX(Report.id)).group_by(Report.case)
    query = (
        Report.select(Report.id, Report.case)
        .join(Approval)
        .switch(Report)
        .join(Case)
        .where(Case.signed_at.is_null(), Case.closed_at.is_null(False), Report.id.in_(newest))
    )
    for report, case in query.tuples():
        people = _working(case, "physician")
        yield Alert(what=f"report:{case}", edition=str(report), people=people, path=f"/cases/{case}", pace=1)


def _records(now: datetime) -> Iterator[Alert]:
    """Not closed a day after the case began; where its hour is not known, a day after its day."""
    query = (
        Case.select(Case, Facility)
        .join(Facility)
        .where(Case.closed_at.is_null(), Case.signed_at.is_null())
        .where(Case.date_of_service >= _day(now) - RECENT, Case.date_of_service <= _day(now))
    )
    for case in query:
        midnight = datetime.combine(case.date_of_service + timedelta(days=1), time(), SETTINGS.zone)
        if now - (case.starts_at or midnight) >= UNFINISHED:
            people = _working(case.id, "technologist")
            yield Alert(what=f"record:{case.id}", edition="open", people=people, path=f"/cases/{case.id}", pace=1)


def _packets(now: datetime) -> Iterator[Alert]:
    """Signed for a day, and no packet was made."""
    made = Packet.select(Packet.case).where(Packet.preview == False, Packet.made_at.is_null(False))  # noqa: E712
    query = Case.select(Case.id).where(
        Case.signed_at <= now - UNFINISHED, Case.signed_at >= now - RECENT, Case.id.not_in(made)
    )
    billers = tuple(id for id, one in _people().items() if one.has("biller"))
    people = billers or tuple(one.id for one in notices.owners())
    for (case,) in query.tuples():
        yield Alert(what=f"packet:{case}", edition="held", people=people, path=f"/cases/{case}/packet", pace=3)


def _silent(now: datetime) -> Iterator[Alert]:
    """Devices that have not answered the last fire drill, and those that were never proved since they were enrolled."""
    drill = last_drill()
    people = tuple(one.id for one in notices.owners())
    for device in devices():
        if drill and now - drill.asked_at >= ANSWER and is_silent(device, drill):
            edition = f"drill {drill.id}"
        elif device.proved_at is None and now - device.enrolled_at >= ANSWER:
            edition = "never proved"
        else:
            continue
        yield Alert(what=f"device:{device.id}", edition=edition, people=people, path="/drills", pace=7, escalates=False)


# What is settled


def is_settled(notice: Notice) -> bool:
    """True when there is nothing to tell any more: renewed, withdrawn, signed, closed, made, or seen."""
    if notice.dropped_at:
        return True
    word, _, number = notice.what.partition(":")
    if word == "credential":
        return not _stands(int(number))
    if word == "report":
        case = Case.get_or_none(Case.id == int(number))
        newest = Report.select(pw.fn.MAX(Report.id)).where(Report.case == int(number)).scalar()
        return case is not None and (bool(case.signed_at) or newest != _whole(plan.base(notice.edition)))
    if word == "obstacle":
        return not Obstacle.select().where(Obstacle.person == int(number), Obstacle.cleared_at.is_null()).exists()
    if word == "record":
        return Case.select().where(Case.id == int(number), Case.closed_at.is_null(False)).exists()
    if word == "packet":
        made = Packet.select().where(Packet.case == int(number), Packet.preview == False)  # noqa: E712
        return made.where(Packet.made_at.is_null(False)).exists()
    return False


def _whole(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _stands(id: int) -> bool:
    """True when the credential is on file, was not withdrawn, and nothing newer takes its place."""
    row = Credential.get_or_none(Credential.id == id)
    if row is None:
        return True
    proofs = credentials.holders([row.person])[row.person_id].proofs
    return any(one.id == id for one in trade.standing_now(proofs))


def take_back(notice: Notice, *, now: datetime) -> None:
    notices.drop(Notice.id == notice.id, now=now)


def _take_back(now: datetime) -> None:
    waiting = Notice.select().where(
        Notice.sent_at.is_null(), Notice.failed_at.is_null(), Notice.dropped_at.is_null(), Notice.device.is_null()
    )
    for notice in waiting:
        if is_settled(notice):
            take_back(notice, now=now)


# Tasks


@dataclass(frozen=True)
class Task:
    """A credential that somebody must act on: what is done, what is next, who, and by when to begin."""

    person: Person
    credential: Credential
    of_type: trade.Type
    days_left: int
    start_by: date | None
    next: trade.Step
    steps: tuple[tuple[str, bool], ...]
    second: Person | None
    acknowledged: bool


def tasks(people: dict[int, Person], on: date) -> list[Task]:
    """From thirty days before its end on, a credential is a task; so is a renewal that nobody verified. Soonest first."""
    types = credentials.rules().types
    seconds = {row.person_id: row.second for row in Preference.select()}
    asked = {
        (row.person_id, row.type_id, row.state, row.facility_id)
        for row in Application.select().where(Application.ended_on.is_null())
    }
    found = []
    for id, holder in credentials.holders(people.values()).items():
        for proof in trade.standing_now(holder.proofs):
            later = trade.days_left(proof, on) > plan.TASK_DAYS
            if proof.type not in types or (later and proof.verified):
                continue
            row = Credential.get_by_id(proof.id)
            if later and not row.renews_id:
                continue
            sent = (id, proof.type, proof.state, proof.facility) in asked
            documented = bool(credentials.papers([row]).get(row.id))
            found.append(_task(people[id], row, proof, types[proof.type], on, sent, documented, seconds.get(id)))
    return sorted(found, key=lambda one: (one.days_left, one.credential.id))


def _task(
    person: Person, row: Credential, proof: trade.Proof, of_type: trade.Type, on: date, sent: bool, documented: bool,
    second: Person | None,
) -> Task:  # fmt: skip
    left, renewed = trade.days_left(proof, on), trade.days_left(proof, on) > plan.TASK_DAYS
    steps = [("Apply for the renewal", sent or renewed), ("Put the new one on file", renewed)]
    if of_type.needs_document:
        steps.append(("Add a copy", renewed and documented))
    steps.append(("Have it verified", False))
    seen = Notice.select().where(Notice.what == f"credential:{row.id}", Notice.acknowledged_at.is_null(False))
    return Task(
        person=person, credential=row, of_type=of_type, days_left=left, start_by=trade.start_by(proof, of_type),
        next=trade.next_step(proof, of_type, on, documented=documented, asked=sent), steps=tuple(steps), second=second,
        acknowledged=seen.exists(),
    )  # fmt: skip


# The fire drill


def devices() -> list[Device]:
    """Every device on which anybody can be told now."""
    query = (
        Device.select(Device, Session, Person)
        .join(Session)
        .switch(Device)
        .join(Person)
        .where(Device.ended_at.is_null(), Session.ended_at.is_null(), Person.disabled_at.is_null())
    )
    return list(query.order_by(Person.name, Device.id))


def last_drill() -> Drill | None:
    return Drill.select().order_by(Drill.id.desc()).first()


def is_silent(device: Device, drill: Drill) -> bool:
    """True when it was there at the drill and has not answered since."""
    return device.enrolled_at <= drill.asked_at and (device.proved_at is None or device.proved_at < drill.asked_at)


def drill(*, by: Actor, now: datetime) -> Drill:
    """Send a test to everybody's every device. It is proved by the tap that answers."""
    with db.atomic():
        row = Drill.create(asked_at=now, asked_by=by.id)
        for device in devices():
            notices.drill(device, number=row.id, now=now)
        audit.record(by, "start", "drill", row_id=row.id)
    return row


def _drill_monthly(now: datetime) -> None:
    """The first scan of a month starts a drill, unless somebody started one this month."""
    last = last_drill()
    if devices() and (last is None or _day(last.asked_at).replace(day=1) < _day(now).replace(day=1)):
        drill(by=MACHINE, now=now)


def failures(*, now: datetime) -> list[Notice]:
    """What did not reach a person in the last month, newest first, one line for each person and channel."""
    query = (
        Notice.select(Notice, Person)
        .join(Person)
        .where(Notice.failed_at > now - timedelta(days=30), Notice.device.is_null())
        .order_by(Notice.id.desc())
    )
    newest: dict[tuple[int, str], Notice] = {}
    for notice in query:
        newest.setdefault((notice.person_id, notice.channel), notice)
    return list(newest.values())


def unreachable(people: dict[int, Person]) -> list[Person]:
    """Active people without any channel on which they can be told."""
    with_device = {one.person_id for one in devices()}
    return [
        one
        for one in people.values()
        if one.id not in with_device and not any(preferences.can_tell(one, channel) for channel in ("email", "sms"))
    ]
