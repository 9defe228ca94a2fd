"""Who belongs to the practice: inviting, roles, passwords, disabling."""

from __future__ import annotations

import secrets
from datetime import date, datetime, timedelta

from actions import Actor, Refused, audit
from actions.sessions import HASHER, end_all
from models import ROLES, Credential, Invitation, Person, db, hash_token

INVITATION_LASTS = timedelta(days=7)
PASSWORD_LEAST = 15  # NIST SP 800-63B-4: a password that stands alone


def objections_to_password(password: str, *, email: str, name: str) -> list[str]:
    """Why this password will not do; empty means it will."""
    found = []
    if len(password) < PASSWORD_LEAST:
        found.append(
            f"The password needs at least {PASSWORD_LEAST} characters. Four or five words in a row are easy to keep in mind."
        )
    if len(password) > 200:
        found.append("The password may have at most 200 characters.")
    plain = password.lower()
    if len(set(plain)) < 5 or plain in (email.lower(), name.lower(), "evoked" * (len(plain) // 6)):
        found.append("That password is easy to guess. Use words that have nothing to do with you.")
    return found


def invite_first_owner(*, now: datetime) -> str | None:
    """A one-time token for the first owner's account, or None when somebody owns the practice."""
    if any("owner" in person.roles for person in Person.select().where(Person.password_hash.is_null(False))):
        return None
    with db.atomic():
        Invitation.delete().where(Invitation.person.is_null(), Invitation.used_at.is_null()).execute()
        return _invitation(None, now)


def _invitation(person: Person | None, now: datetime) -> str:
    token = secrets.token_urlsafe(24)
    Invitation.create(person=person, token_hash=hash_token(token), created_at=now, expires_at=now + INVITATION_LASTS)
    return token


def open_invitation(token: str, *, now: datetime) -> Invitation | None:
    """The invitation this token opens, unless it was used or has run out."""
    return (
        Invitation.select(Invitation, Person)
        .left_outer_join(Person)
        .where(Invitation.token_hash == hash_token(token), Invitation.used_at.is_null(), Invitation.expires_at > now)
        .first()
    )


def accept(invitation: Invitation, *, name: str, email: str, password: str, address: str, now: datetime) -> Person:
    """Set the password of the person invited; the first owner also gives name and email."""
    person = invitation.person
    name, email = (person.name, person.email) if person else (name.strip(), email.strip().lower())
    if reasons := objections_to_password(password, email=email, name=name):
        raise Refused(*reasons)
    with db.atomic():
        claimed = (
            Invitation.update(used_at=now).where(Invitation.id == invitation.id, Invitation.used_at.is_null()).execute()
        )
        if not claimed:
            raise Refused("This link was used already. Ask for a new one.")
        if person is None:
            person = Person.create(name=name, email=email, roles=["owner"], created_at=now)
        Person.update(password_hash=HASHER.hash(password)).where(Person.id == person.id).execute()
        end_all(person, by=Actor(person, None, address), now=now)
        audit.record(Actor(person, None, address), "accept", "invitation", row_id=person.id)
    return person


def _checked_roles(roles: list[str]) -> list[str]:
    if not roles or set(roles) - set(ROLES):
        raise Refused("Choose at least one role.")
    return [role for role in ROLES if role in roles]


def invite(
    *, name: str, email: str, credentials: str, npi: str, phone: str, roles: list[str], by: Actor, now: datetime
) -> tuple[Person, str]:
    """Add a person and make their one-time link. Returns the person and the token, which is shown once."""
    email = email.strip().lower()
    with db.atomic():
        if Person.select().where(Person.email == email).exists():
            raise Refused(f"{email} belongs to somebody already. Open that person instead.")
        person = Person.create(
            name=name.strip(), email=email, credentials=credentials.strip(), npi=npi, phone=phone,
            roles=_checked_roles(roles), created_at=now,
        )  # fmt: skip
        token = _invitation(person, now)
        audit.record(by, "invite", "person", row_id=person.id, roles=person.roles)
    return person, token


def invite_again(person: Person, *, by: Actor, now: datetime) -> str:
    """A new one-time link, for a forgotten password. Older links of the person stop working."""
    with db.atomic():
        Invitation.delete().where(Invitation.person == person.id, Invitation.used_at.is_null()).execute()
        audit.record(by, "invite again", "person", row_id=person.id)
        return _invitation(person, now)


def revise(person: Person, *, name: str, credentials: str, npi: str, phone: str, roles: list[str], by: Actor) -> None:
    """Change a person. The last owner stays an owner, and nobody gives themselves a role they lack."""
    roles = _checked_roles(roles)
    if person.id == by.id and set(roles) - set(person.roles) and not by.person.has("owner"):
        raise Refused("Only the owner can add a role to you.")
    after = {"name": name.strip(), "credentials": credentials.strip(), "npi": npi, "phone": phone, "roles": roles}
    with db.atomic():
        if "owner" not in roles:
            _keep_an_owner(person)
        before = {field: getattr(person, field) for field in after}
        Person.update(**after).where(Person.id == person.id).execute()
        audit.record(by, "revise", "person", row_id=person.id, fields=audit.changed(before, after))


def disable(person: Person, *, by: Actor, now: datetime) -> None:
    """Shut a person out at once: all their sessions end."""
    with db.atomic():
        _keep_an_owner(person)
        Person.update(disabled_at=now, disabled_by=by.id).where(Person.id == person.id).execute()
        Invitation.delete().where(Invitation.person == person.id, Invitation.used_at.is_null()).execute()
        end_all(person, by=by, now=now)
        audit.record(by, "disable", "person", row_id=person.id)


def enable(person: Person, *, by: Actor) -> None:
    with db.atomic():
        Person.update(disabled_at=None, disabled_by=None).where(Person.id == person.id).execute()
        audit.record(by, "enable", "person", row_id=person.id)


def _keep_an_owner(person: Person) -> None:
    others = Person.select().where(Person.id != person.id, Person.disabled_at.is_null())
    if "owner" in person.roles and not any("owner" in other.roles for other in others):
        raise Refused("A practice needs an owner. Make somebody else an owner first.")


def change_password(person: Person, *, password: str, by: Actor, now: datetime) -> None:
    """Set a new password; every other device of the person is signed out."""
    if reasons := objections_to_password(password, email=person.email, name=person.name):
        raise Refused(*reasons)
    with db.atomic():
        Person.update(password_hash=HASHER.hash(password)).where(Person.id == person.id).execute()
        end_all(person, by=by, now=now, but=by.session)
        audit.record(by, "change password", "person", row_id=person.id)


def hold_credential(
    person: Person, *, kind: str, number: str, issuer: str, state: str, facility: int | None,
    from_on: date | None, until_on: date | None, verified: bool, by: Actor, on: date,
) -> Credential:  # fmt: skip
    """Record a dated proof. A renewal is a new row; the old one stays."""
    if from_on and until_on and until_on < from_on:
        raise Refused(f"The credential ends on {until_on}, before it starts on {from_on}. Check both dates.")
    with db.atomic():
        credential = Credential.create(
            person=person, kind=kind, number=number, issuer=issuer, state=state, facility=facility,
            from_on=from_on, until_on=until_on,
            verified_on=on if verified else None, verified_by=by.id if verified else None,
        )  # fmt: skip
        audit.record(by, "hold", "credential", row_id=credential.id, person=person.id)
    return credential
