"""Signing in and out. A session is a row; ending the row ends it at once, wherever the cookie is."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from actions import Actor, Refused, audit
from models import LoginAttempt, Person, Session, db, hash_token

HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)  # OWASP's figures for argon2id
KEPT_FOR = timedelta(days=14)
"""A device that is kept signed in goes on while it is used at least this often, 90 days at most."""
DESK_FOR = timedelta(hours=1)
LONGEST = {True: timedelta(days=90), False: timedelta(hours=12)}
WINDOW = timedelta(minutes=15)
TRIES_PER_ACCOUNT = 5
TRIES_PER_ADDRESS = 30
FAILED = "The email and password do not fit, or there were too many tries. Check both, or wait 15 minutes."
_NOBODY = HASHER.hash(secrets.token_hex(16))


def sign_in(*, email: str, password: str, device: str, keep: bool, address: str, now: datetime) -> Session:
    """Start a session, or refuse with the one answer for every failure."""
    email = email.strip().lower()
    subjects = (_subject("account", email), _subject("address", address))
    if _throttled(subjects, now):
        raise Refused(FAILED)
    person = Person.get_or_none(Person.email == email, Person.disabled_at.is_null())
    if not password_fits(person, password):
        _failed(subjects, email, address, now)
        raise Refused(FAILED)
    token = secrets.token_urlsafe(32)
    with db.atomic():
        LoginAttempt.delete().where(LoginAttempt.subject == subjects[0]).execute()
        if HASHER.check_needs_rehash(person.password_hash):
            Person.update(password_hash=HASHER.hash(password)).where(Person.id == person.id).execute()
        session = Session.create(
            person=person,
            token_hash=hash_token(token),
            device=device[:200],
            kept=keep,
            created_at=now,
            seen_at=now,
            expires_at=now + (KEPT_FOR if keep else DESK_FOR),
        )
        audit.record(Actor(person, session.id, address), "sign in", "session", row_id=session.id)
    session.token = token
    return session


def password_fits(person: Person | None, password: str) -> bool:
    """True when this is the person's password. Takes as long when there is no such person."""
    try:
        return HASHER.verify(person.password_hash if person and person.password_hash else _NOBODY, password) and bool(
            person
        )
    except (VerifyMismatchError, InvalidHashError):
        return False


def confirm_password(*, by: Actor, password: str, now: datetime) -> None:
    """Ask for the password again before an act that binds. Throttled like signing in."""
    subjects = (_subject("account", by.person.email), _subject("address", by.address))
    if _throttled(subjects, now) or not password_fits(by.person, password):
        _failed(subjects, by.person.email, by.address, now)
        raise Refused("The password does not fit, or there were too many tries. Nothing was signed. Type it again.")


def seen(session: Session, *, now: datetime) -> None:
    """Prolong the session of somebody who is there, at most once a minute and never past its longest life."""
    if now - session.seen_at < timedelta(minutes=1):
        return
    until = min(now + (KEPT_FOR if session.kept else DESK_FOR), session.created_at + LONGEST[session.kept])
    Session.update(seen_at=now, expires_at=until).where(Session.id == session.id, Session.ended_at.is_null()).execute()


def end(session: Session, *, by: Actor, now: datetime) -> None:
    """End one session: signing out here, or revoking a device from elsewhere."""
    with db.atomic():
        Session.update(ended_at=now).where(Session.id == session.id, Session.ended_at.is_null()).execute()
        audit.record(by, "end", "session", row_id=session.id)


def end_all(person: Person, *, by: Actor, now: datetime, but: int | None = None) -> None:
    """End every session of a person, but the one with this id."""
    with db.atomic():
        query = Session.update(ended_at=now).where(Session.person == person.id, Session.ended_at.is_null())
        if but is not None:
            query = query.where(Session.id != but)
        query.execute()
        audit.record(by, "end all", "session", row_id=person.id)


def _subject(kind: str, value: str) -> str:
    return hashlib.sha256(f"{kind}:{value}".encode()).hexdigest()


def _throttled(subjects: tuple[str, str], now: datetime) -> bool:
    limits = (TRIES_PER_ACCOUNT, TRIES_PER_ADDRESS)
    return any(
        LoginAttempt.select().where(LoginAttempt.subject == subject, LoginAttempt.at > now - WINDOW).count() >= limit
        for subject, limit in zip(subjects, limits, strict=True)
    )


def _failed(subjects: tuple[str, str], email: str, address: str, now: datetime) -> None:
    with db.atomic():
        LoginAttempt.delete().where(LoginAttempt.at < now - WINDOW).execute()
        for subject in subjects:
            LoginAttempt.create(subject=subject, at=now)
        person = Person.get_or_none(Person.email == email)
        audit.record(Actor(None, None, address), "sign in failed", "session", row_id=person.id if person else None)
