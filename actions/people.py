"""Who belongs to the practice: inviting, roles, passwords, disabling."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from actions import Actor, Refused, audit
from actions.sessions import HASHER, end_all
from models import ROLES, SETTINGS, Invitation, Person, db, hash_token
from practice import passwords

INVITATION_LASTS = timedelta(days=7)


def objections_to_password(password: str, *, email: str, name: str) -> list[str]:
    """Why this password will not do; empty means it will."""
    return passwords.objections(password, names=(name, email, SETTINGS.practice_name))


def invite_first_owner(*, now: datetime) -> str | None:
    """A one-time token for the first owner's account, or None when somebody owns the practice."""
    if _owned():
        return None
    with db.atomic():
        Invitation.delete().where(Invitation.person.is_null(), Invitation.used_at.is_null()).execute()
        return _invitation(None, now)


def _owned() -> bool:
    return any("owner" in person.roles for person in Person.select().where(Person.password_hash.is_null(False)))


def _invitation(person: Person | None, now: datetime) -> str:
    token = secrets.token_urlsafe(24)
    Invitation.create(person=person, token_hash=hash_token(token), created_at=now, expires_at=now + INVITATION_LASTS)
    return token


def open_invitation(token: str, *, now: datetime) -> Invitation | None:
    """The invitation this token opens, unless it was used, has run out or was for an owner that there is by now."""
    found = (
        Invitation.select(Invitation, Person)
        .left_outer_join(Person)
        .where(
            Invitation.token_hash == hash_token(token),
            Invitation.used_at.is_null(),
            Invitation.expires_at > now,
            Person.disabled_at.is_null(),
        )
        .first()
    )
    return None if found and found.person is None and _owned() else found


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
            if Person.select().where(Person.email == email).exists():
                raise Refused(f"{email} belongs to somebody already. Use another email.")
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
    *,
    name: str,
    email: str,
    credentials: str,
    npi: str,
    phone: str,
    roles: list[str],
    by: Actor,
    now: datetime,
    taxonomy: str = "",
) -> tuple[Person, str]:
    """Add a person and make their one-time link. Returns the person and the token, which is shown once."""
    email = email.strip().lower()
    with db.atomic():
        if Person.select().where(Person.email == email).exists():
            raise Refused(f"{email} belongs to somebody already. Open that person instead.")
        person = Person.create(
            name=name.strip(), email=email, credentials=credentials.strip(), npi=npi, taxonomy=taxonomy, phone=phone,
            roles=_checked_roles(roles), created_at=now,
        )  # fmt: skip
        token = _invitation(person, now)
        audit.record(by, "invite", "person", row_id=person.id, roles=person.roles)
    return person, token


def invite_again(person: Person, *, by: Actor, now: datetime) -> str:
    """A new one-time link, for a forgotten password. Older links of the person stop working."""
    if person.disabled_at:
        raise Refused(f"{person.name} is disabled. Enable the account first.")
    with db.atomic():
        Invitation.delete().where(Invitation.person == person.id, Invitation.used_at.is_null()).execute()
        audit.record(by, "invite again", "person", row_id=person.id)
        return _invitation(person, now)


def revise(
    person: Person,
    *,
    name: str,
    credentials: str,
    npi: str,
    phone: str,
    roles: list[str],
    by: Actor,
    taxonomy: str = "",
) -> None:
    """Change a person. The last owner stays an owner; a role for oneself is given by another owner where there is one."""
    roles = _checked_roles(roles)
    if person.id == by.id and set(roles) - set(person.roles) and (_other_owners(person) or not person.has("owner")):
        raise Refused("You cannot add a role to yourself. Ask another owner.")
    after = {
        "name": name.strip(), "credentials": credentials.strip(), "npi": npi, "taxonomy": taxonomy, "phone": phone,
        "roles": roles,
    }  # fmt: skip
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


def _other_owners(person: Person) -> bool:
    """True when somebody else who can sign in owns the practice too."""
    others = Person.select().where(
        Person.id != person.id, Person.disabled_at.is_null(), Person.password_hash.is_null(False)
    )
    return any("owner" in other.roles for other in others)


def _keep_an_owner(person: Person) -> None:
    if "owner" in person.roles and not person.disabled_at and not _other_owners(person):
        raise Refused("A practice needs an owner who can sign in. Make somebody else an owner first.")


def change_password(person: Person, *, password: str, by: Actor, now: datetime) -> None:
    """Set a new password; every other device of the person is signed out."""
    if reasons := objections_to_password(password, email=person.email, name=person.name):
        raise Refused(*reasons)
    with db.atomic():
        Person.update(password_hash=HASHER.hash(password)).where(Person.id == person.id).execute()
        end_all(person, by=by, now=now, but=by.session)
        audit.record(by, "change password", "person", row_id=person.id)
