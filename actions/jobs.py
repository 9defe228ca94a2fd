"""Work that is done without a person: a row decides, the queue only wakes (DESIGN.md 5, reliability.md 5).

A job is claimed under a lease by an owner's token. Its effect and `state = done` are one transaction that
holds only while the token is still the row's, so the effect happens once whoever dies in between.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

import peewee as pw

from actions import MACHINE, audit
from models import SETTINGS, Heartbeat, Job, Run, db

LEASE = timedelta(minutes=2)
TRIES = 8
WAIT = timedelta(minutes=1)
"""After the first failure; twice as long after each more, half a day at most."""
NIGHTLY = ("anchor", "backup", "sweep", "credentials", "exclusions_nightly", "rules")
NIGHTLY_HOUR = 2
"""Local hour from which the day's slots are made."""


class LeaseLost(Exception):
    """Somebody else has the job by now: what we did is thrown away."""


class Later(Exception):
    """The work is not to be done yet. That is no failure, and costs no try."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until.isoformat())
        self.until = until


def ask(kind: str, key: str, subject_id: int, *, due_at: datetime) -> Job:
    """Write the job in the caller's transaction. The same key is the same work; a dead one gets a new chance."""
    with db.atomic():
        job = Job.get_or_none(Job.key == key)
        if job is None:
            return Job.create(kind=kind, key=key, subject_id=subject_id, due_at=due_at, created_at=due_at)
        if job.state == "dead":
            Job.update(state="ready", tries=0, due_at=due_at).where(Job.id == job.id, Job.state == "dead").execute()
        return Job.get_by_id(job.id)


def claim(*, now: datetime, owner: str) -> Job | None:
    """Take the job that is due longest: ready, or left behind by a worker whose lease ran out."""
    with db.atomic():
        job = Job.select().where(_due(now)).order_by(Job.due_at, Job.id).first()
        if job is None:
            return None
        Job.update(state="running", owner=owner, lease_until=now + LEASE, tries=Job.tries + 1).where(
            Job.id == job.id
        ).execute()
        return Job.get_by_id(job.id)


def _due(now: datetime) -> pw.Expression:
    ready = (Job.state == "ready") & (Job.due_at <= now)
    left = (Job.state == "running") & (Job.lease_until <= now)
    return (ready | left) & (Job.tries < TRIES)


def bury(*, now: datetime) -> int:
    """A job that took its worker down every time is dead, not tried for ever. Returns how many died."""
    return (
        Job.update(state="dead", owner=None, lease_until=None, error="The worker died each time.")
        .where(Job.state == "running", Job.lease_until <= now, Job.tries >= TRIES)
        .execute()
    )


def renew(job: Job, *, now: datetime) -> bool:
    """Hold on to a job that takes long. False when it is ours no more."""
    return bool(Job.update(lease_until=now + LEASE).where(_ours(job)).execute())


def hold(job: Job, *, now: datetime) -> None:
    """Before something that cannot be undone. Raises LeaseLost when the job is ours no more."""
    if not renew(job, now=now):
        raise LeaseLost(job.key)


def done(job: Job, effect: Callable[[], None], *, now: datetime) -> None:
    """Apply the effect and mark the job done, both or neither. Raises LeaseLost when the job is ours no more."""
    with db.atomic():
        effect()
        finished = Job.update(state="done", done_at=now, lease_until=None, error="").where(_ours(job)).execute()
        if not finished:
            raise LeaseLost(job.key)


def failed(job: Job, error: str, *, now: datetime) -> None:
    """Try again later, each time after a longer wait; after the last try the job is dead and shown to the owner."""
    wait = min(WAIT * 2 ** (job.tries - 1), timedelta(hours=12))
    state = "dead" if job.tries >= TRIES else "ready"
    with db.atomic():
        ours = (
            Job.update(state=state, due_at=now + wait, owner=None, lease_until=None, error=error)
            .where(_ours(job))
            .execute()
        )
        if ours and state == "dead":
            audit.record(MACHINE, "give up", "job", row_id=job.id, kind=job.kind)


def postpone(job: Job, until: datetime) -> None:
    """Put the job back as if it had not been claimed, due later."""
    Job.update(state="ready", due_at=until, owner=None, lease_until=None, tries=Job.tries - 1).where(
        _ours(job)
    ).execute()


def _ours(job: Job) -> pw.Expression:
    return (Job.id == job.id) & (Job.owner == job.owner) & (Job.state == "running")


# Dated work


def slot(*, now: datetime) -> None:
    """Make the nightly slots that are missing up to today, each with its job; a machine that was off catches up."""
    today = _local_day(now)
    with db.atomic():
        for name in NIGHTLY:
            last = Run.select(pw.fn.MAX(Run.local_date)).where(Run.name == name).scalar()
            start = last + timedelta(days=1) if last else today
            missing = [start + timedelta(days=n) for n in range((today - start).days + 1)]
            for day in missing[:-1]:  # the work of today does for the days the machine was off
                Run.create(name=name, local_date=day, done_at=now)
            for day in missing[-1:]:
                run = Run.create(name=name, local_date=day)
                ask(name, f"{name}:{day}", run.id, due_at=now)


def _local_day(now: datetime) -> date:
    """The practice's day; it begins at the nightly hour."""
    return (now.astimezone(SETTINGS.zone).replace(tzinfo=None) - timedelta(hours=NIGHTLY_HOUR)).date()


def ran(run_id: int, *, now: datetime) -> None:
    Run.update(done_at=now).where(Run.id == run_id).execute()


# Signs of life


def beat(name: str, *, now: datetime) -> None:
    Heartbeat.insert(name=name, at=now).on_conflict(conflict_target=[Heartbeat.name], update={"at": now}).execute()


def beat_older_than(name: str, age: timedelta, *, now: datetime) -> bool:
    """True when this sign of life is older than that, or was never given."""
    found = Heartbeat.get_or_none(Heartbeat.name == name)
    return found is None or now - found.at > age
