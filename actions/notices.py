"""Devices that take notices, and the outbox: a notice is a row, written with what asks for it, told once.

What is promised, and shown by killing worker and web a thousand times (benchmarks/outbox_crash.py):

- A notice is never lost. It is a row, written with its job in the transaction of what asks for it; a worker that dies
  leaves a lease that ends after two minutes, and the next one takes the job. One that takes its worker down eight times
  has failed like one that nobody took: it falls to the person's next channel, and the owners hear of it.
- Once the other side (push service, mail server, SMS provider) has said that it took a notice and that is written down,
  it is never sent again there. It is written down before anything else is said or done.
- The one gap is between the other side taking it and that line of ours: a crash there, or an answer that never came,
  cannot be told from a message that never arrived. It is sent once more rather than lost, to a device and by email under
  the same key (Topic and tag, Message-ID), so that a phone shows one and a mailbox can; a text message has no key and
  comes twice.
- Two workers never send the same: a job is claimed by an owner's token, and the lease is renewed before each call.
"""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import peewee as pw

from actions import MACHINE, Actor, Refused, audit, jobs, preferences, sessions
from models import SETTINGS, Delivery, Device, Job, Notice, Person, Session, db
from practice import alerts
from practice import notices as rules

REFRESHED = timedelta(hours=1)
NOT_SET_UP = "Notices are not set up on this server: whoever runs it sets EVOKED_CONTACT, see the README."
NO_DEVICE = "No device takes notices."


# Devices


def enroll(session: Session, *, endpoint: str, p256dh: str, auth: str, by: Actor, now: datetime) -> Device:
    """Notices for the person of this session go to this browser from now on, in place of what it had before."""
    objections = rules.endpoint_objections(endpoint, SETTINGS.push_origins) + rules.key_objections(p256dh, auth)
    if not SETTINGS.contact:
        objections = [NOT_SET_UP]
    if objections:
        raise Refused(*objections)
    with db.atomic():
        same = Device.live(session.person_id).where(Device.endpoint == endpoint, Device.p256dh == p256dh).first()
        if same:
            Device.update(session=session.id, checked_at=now).where(Device.id == same.id).execute()
            return same
        # One browser, one device: whoever enrolled it before is told nothing on it any more.
        before = (Device.endpoint == endpoint) | (Device.session == session.id)
        _end(before, "replaced", now)
        device = Device.create(
            person=session.person_id, session=session.id, name=session.device, endpoint=endpoint, p256dh=p256dh,
            auth=auth, enrolled_at=now, checked_at=now,
        )  # fmt: skip
        audit.record(by, "enroll", "device", row_id=device.id)
    return device


def check(session: Session, *, endpoint: str, now: datetime) -> str:
    """What the browser's own subscription is to us: `on`, `off`, or `lost` when ours was replaced or taken away."""
    found = Device.live(session.person_id).where(Device.endpoint == endpoint).first() if endpoint else None
    if found is None:
        return "lost" if Device.live(session.person_id).where(Device.session == session.id).exists() else "off"
    if found.session_id != session.id or now - found.checked_at > REFRESHED:
        Device.update(session=session.id, checked_at=now).where(Device.id == found.id).execute()
    return "on"


def revoke(device: Device, *, by: Actor, now: datetime) -> None:
    """Nothing is told on this device any more, and it is signed out; the one in the hand stays signed in."""
    with db.atomic():
        _end(Device.id == device.id, "revoked", now)
        if device.session_id != by.session:
            sessions.end(device.session, by=by, now=now)
        audit.record(by, "revoke", "device", row_id=device.id)


def gone(device: Device, *, now: datetime) -> None:
    """The push service says that this subscription is no more."""
    with db.atomic():
        _end(Device.id == device.id, "gone", now)
        audit.record(MACHINE, "lose", "device", row_id=device.id)
        tell_owners(f"device:{device.id}", "gone", now=now)


def _end(which: object, because: str, now: datetime) -> None:
    Device.update(ended_at=now, ended_because=because).where(which, Device.ended_at.is_null()).execute()


# Proof


def test(device: Device, *, by: Actor, now: datetime) -> Notice:
    """Send a notice that only this device can answer. At most one a minute, however often it is asked for."""
    with db.atomic():
        notice = _queue(
            f"test:{device.id}", f"{now:%Y-%m-%dT%H:%M}", device.person_id, f"/devices/{device.id}/proof", now, device
        )
        audit.record(by, "test", "device", row_id=device.id)
    return notice


def prove(device: Device, *, reply: str, by: Actor, now: datetime) -> None:
    """The device answered its last test, so what is sent to it arrives."""
    notice = last_test(device)
    if notice is None or not fits(notice, reply):
        raise Refused("This reply belongs to an older test. Send a new one from your devices.")
    with db.atomic():
        Device.update(proved_at=now).where(Device.id == device.id).execute()
        acknowledge(notice, by=by, now=now)
        audit.record(by, "prove", "device", row_id=device.id)


def last_test(device: Device) -> Notice | None:
    return Notice.select().where(Notice.device == device.id).order_by(Notice.id.desc()).first()


def fits(notice: Notice, reply: str) -> bool:
    """True when the reply is the one that this test carried."""
    return hmac.compare_digest(_reply(notice).encode(), reply.encode())


def _reply(notice: Notice) -> str:
    return rules.proof(SETTINGS.secret_key, notice.id, notice.device_id)


# The outbox


def tell(person: Person, *, what: str, edition: str, path: str, now: datetime) -> Notice:
    """Put a notice into the outbox on each of the person's channels, in the caller's transaction.

    The same one again changes nothing, even when other channels were chosen meanwhile.
    """
    before = Notice.get_or_none(Notice.what == what, Notice.edition == edition, Notice.person == person.id)
    if before:
        return before
    with db.atomic():
        return [
            _queue(what, edition, person.id, path, now, channel=channel)
            for channel in preferences.channels(person, what)
        ][0]


def tell_owners(what: str, edition: str, *, now: datetime) -> None:
    """Tell every owner that somebody cannot be told. That such a notice fails is told to nobody: it is on the page."""
    for owner in owners():
        tell(owner, what=what, edition=edition, path="/drills", now=now)


def owners() -> list[Person]:
    return [one for one in Person.select().where(Person.disabled_at.is_null()).order_by(Person.id) if one.has("owner")]


def drill(device: Device, *, number: int, now: datetime) -> Notice:
    """The test that a fire drill sends to a device."""
    return _queue(f"test:{device.id}", f"drill {number}", device.person_id, f"/devices/{device.id}/proof", now, device)


def _queue(
    what: str, edition: str, person: int, path: str, now: datetime, device: Device | None = None, channel: str = "push"
) -> Notice:
    key = {"what": what, "edition": edition, "person": person, "channel": channel}
    with db.atomic():
        notice, new = Notice.get_or_create(**key, defaults={"path": path, "queued_at": now, "device": device})
        if new:
            jobs.ask("notice", f"notice:{notice.id}", notice.id, due_at=now)
    return notice


def drop(which: pw.Expression, *, now: datetime) -> int:
    """What was not sent yet is not sent any more. Returns how many."""
    unsent = Notice.sent_at.is_null() & Notice.failed_at.is_null() & Notice.dropped_at.is_null()
    return Notice.update(dropped_at=now).where(which, unsent).execute()


def key(notice: Notice) -> str:
    """By this a push service and a phone know a second copy as the same."""
    return rules.key_of(notice.what, notice.edition, notice.person_id, notice.channel)


def message(notice: Notice) -> bytes:
    """What is encrypted for the device: words of the closed list, and the page to open."""
    url = SETTINGS.base_url + notice.path + (f"?reply={_reply(notice)}" if notice.device_id else "")
    return rules.payload(rules.text_of(notice.what), url=url, key=key(notice), waiting=waiting(notice.person_id))


def waiting(person: int) -> int:
    """How many things this person was told of and has not acknowledged; tests are not counted."""
    return (
        Notice.select(pw.fn.COUNT(Notice.what.distinct()))
        .where(Notice.person == person, Notice.device.is_null(), Notice.acknowledged_at.is_null())
        .where(Notice.sent_at.is_null(False))
        .scalar()
    )


def email(notice: Notice) -> tuple[str, str, str]:
    """Message-ID, subject and body. The id is the notice's key: a second copy is known as the same."""
    host = urlsplit(SETTINGS.base_url).hostname or "localhost"
    text = rules.text_of(notice.what)
    return f"<{key(notice)}@{host}>", text, f"{text}\n\n{SETTINGS.base_url}{notice.path}\n"


def text_message(notice: Notice) -> str:
    return f"{rules.text_of(notice.what)} {SETTINGS.base_url}{notice.path}"


def untold(notice: Notice) -> list[Device]:
    """The devices that must still be told: live ones whose push service has not taken this notice."""
    told = Delivery.select(Delivery.device).where(Delivery.notice == notice.id)
    wanted = Device.live(notice.person_id).where(Device.id.not_in(told))
    return list(wanted.where(Device.id == notice.device_id) if notice.device_id else wanted)


def taken(notice: Notice, device: Device | None, *, now: datetime) -> None:
    """The push service has it, or the mail server or SMS provider: it is not told there again."""
    with db.atomic():
        if device:
            Delivery.get_or_create(notice=notice.id, device=device.id, defaults={"at": now})
        Notice.update(sent_at=now).where(Notice.id == notice.id, Notice.sent_at.is_null()).execute()


def tried(notice: Notice, error: str) -> None:
    """Keep what stood in the way; the next try comes after a while."""
    Notice.update(error=error).where(Notice.id == notice.id).execute()


def last_try(notice: Notice) -> bool:
    job = Job.get_or_none(Job.key == f"notice:{notice.id}")
    return job is None or job.tries >= jobs.TRIES


def settle(notice: Notice, error: str, *, now: datetime) -> None:
    """Every device or address was told or given up. A notice that reached none has failed: the next channel takes it."""
    with db.atomic():
        Notice.update(error=error).where(Notice.id == notice.id).execute()
        failed = (
            Notice.update(failed_at=now, error=error or NO_DEVICE)
            .where(Notice.id == notice.id, Notice.sent_at.is_null())
            .execute()
        )
        if failed and notice.device_id is None:
            _fall(notice, now)


def give_up(*, now: datetime) -> None:
    """What reached nobody and whose job is dead, whatever killed it, has failed: the next channel takes it."""
    dead = Job.select(Job.subject_id).where(Job.kind == "notice", Job.state == "dead")
    left = Notice.sent_at.is_null() & Notice.failed_at.is_null() & Notice.dropped_at.is_null()
    for notice in Notice.select().where(Notice.id.in_(dead), left):
        settle(notice, notice.error or "The worker died each time.", now=now)


def _fall(notice: Notice, now: datetime) -> None:
    channel = preferences.next_channel(notice)
    if channel:
        _queue(notice.what, notice.edition, notice.person_id, notice.path, now, channel=channel)
    # A bounced address, or a person who has no channel left. Once a month, and never about what tells of it.
    reached = Notice.select().where(
        Notice.what == notice.what, Notice.edition == notice.edition, Notice.person == notice.person_id,
        Notice.failed_at.is_null(),
    )  # fmt: skip
    if alerts.kind_of(notice.what) != "device" and (notice.channel != "push" or not reached.exists()):
        tell_owners(f"device:person:{notice.person_id}", f"{notice.channel} {now:%Y-%m}", now=now)


def acknowledge(notice: Notice, *, by: Actor, now: datetime) -> None:
    """The person has seen it, on whichever channel and however often it was told; the first time counts."""
    edition = alerts.base(notice.edition)
    same = (Notice.edition == edition) | Notice.edition.startswith(f"{edition}+")
    with db.atomic():
        first = (
            Notice.update(acknowledged_at=now, acknowledged_by=by.id)
            .where(
                Notice.what == notice.what, Notice.person == notice.person_id, same, Notice.acknowledged_at.is_null()
            )
            .execute()
        )
        if first:
            audit.record(by, "acknowledge", "notice", row_id=notice.id)
