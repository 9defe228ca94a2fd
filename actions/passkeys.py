"""Passkeys: a person's own device signs in place of the password, with the person verified by the device itself.

The challenge is ours, made for one session and one purpose, used once and soon (WebAuthn level 3, section 13.4.3).
`webauthn` is loaded when a passkey is used: 15 MB that most processes never need.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from actions import Actor, Refused, audit, sessions
from models import Challenge, Passkey, Person, db

if TYPE_CHECKING:
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

GOOD_FOR = timedelta(minutes=5)
MOST = 10
ADDING = "add"
REFUSED = "The passkey does not fit. Nothing was signed. Try again, or type your password."


class Site(NamedTuple):
    """Where the browser is: a passkey made for one address is of no use at another."""

    id: str
    origin: str
    name: str


def of(person: Person) -> list[Passkey]:
    """The keys that this person may sign with."""
    standing = (Passkey.person == person.id) & Passkey.removed_at.is_null()
    return list(Passkey.select().where(standing).order_by(Passkey.id))


def _known(person: Person) -> list[PublicKeyCredentialDescriptor]:
    from webauthn.helpers import base64url_to_bytes
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

    return [PublicKeyCredentialDescriptor(id=base64url_to_bytes(one.credential_id)) for one in of(person)]


def offer_to_add(*, by: Actor, site: Site, now: datetime) -> str:
    """What the browser needs to make a key, as JSON."""
    import webauthn
    from webauthn.helpers import structs

    options = webauthn.generate_registration_options(
        rp_id=site.id, rp_name=site.name, user_id=str(by.person.id).encode(), user_name=by.person.email,
        user_display_name=by.person.name, challenge=_challenge(by, ADDING, now), exclude_credentials=_known(by.person),
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.PREFERRED,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        ),
    )  # fmt: skip
    return webauthn.options_to_json(options)


def offer_to_sign(purpose: str, *, by: Actor, site: Site, now: datetime) -> str:
    """What the browser needs to sign for this purpose with one of the person's keys, as JSON."""
    import webauthn
    from webauthn.helpers import structs

    known = _known(by.person)
    if not known:
        raise Refused("You have no passkey yet. Add one under Me, or type your password.")
    options = webauthn.generate_authentication_options(
        rp_id=site.id, challenge=_challenge(by, purpose, now), allow_credentials=known,
        user_verification=structs.UserVerificationRequirement.REQUIRED,
    )  # fmt: skip
    return webauthn.options_to_json(options)


def add(*, name: str, credential: str, password: str, by: Actor, site: Site, now: datetime) -> Passkey:
    """Keep a key that the person's device made, after the password was asked for again."""
    import webauthn
    from webauthn.helpers import bytes_to_base64url
    from webauthn.helpers.exceptions import WebAuthnException

    sessions.confirm_password(by=by, password=password, now=now)
    if len(of(by.person)) >= MOST:
        raise Refused(f"You have {MOST} passkeys already. Remove one first.")
    challenge = _taken(by, ADDING, now)
    try:
        made = webauthn.verify_registration_response(
            credential=credential, expected_challenge=challenge, expected_rp_id=site.id, expected_origin=site.origin,
            require_user_verification=True,
        )  # fmt: skip
    except (WebAuthnException, ValueError) as error:
        raise Refused("The passkey could not be added. Nothing was changed. Try again.") from error
    identity = bytes_to_base64url(made.credential_id)
    if Passkey.select().where(Passkey.credential_id == identity).exists():
        raise Refused("This passkey was added before.")
    with db.atomic():
        key = Passkey.create(
            person=by.person, name=name.strip()[:60], credential_id=identity, public_key=made.credential_public_key,
            sign_count=made.sign_count, created_at=now,
        )  # fmt: skip
        audit.record(by, "add", "passkey", row_id=key.id)
    return key


def remove(key: Passkey, *, by: Actor, now: datetime) -> None:
    """A removed key signs nothing any more."""
    with db.atomic():
        Passkey.update(removed_at=now).where(Passkey.id == key.id, Passkey.removed_at.is_null()).execute()
        audit.record(by, "remove", "passkey", row_id=key.id)


def confirm(purpose: str, *, credential: str, by: Actor, site: Site, now: datetime) -> Passkey:
    """The person's device signed for this purpose, and the device verified the person. A key that was copied is refused."""
    import webauthn
    from webauthn.helpers.exceptions import WebAuthnException

    challenge = _taken(by, purpose, now)
    key = next((one for one in of(by.person) if one.credential_id == _identity(credential)), None)
    if key is None:
        raise Refused(REFUSED)
    try:
        shown = webauthn.verify_authentication_response(
            credential=credential, expected_challenge=challenge, expected_rp_id=site.id, expected_origin=site.origin,
            credential_public_key=bytes(key.public_key), credential_current_sign_count=key.sign_count,
            require_user_verification=True,
        )  # fmt: skip
    except (WebAuthnException, ValueError) as error:
        audit.record(by, "confirm failed", "passkey", row_id=key.id)
        raise Refused(REFUSED) from error
    with db.atomic():
        Passkey.update(sign_count=shown.new_sign_count, used_at=now).where(Passkey.id == key.id).execute()
        audit.record(by, "confirm", "passkey", row_id=key.id)
    return key


def _identity(credential: str) -> str:
    try:
        given = msgspec.json.decode(credential)
    except msgspec.DecodeError:
        return ""
    return str(given.get("id", "")) if isinstance(given, dict) else ""


def _challenge(by: Actor, purpose: str, now: datetime) -> bytes:
    value = secrets.token_bytes(32)
    with db.atomic():
        Challenge.delete().where(Challenge.session == by.session, Challenge.purpose == purpose).execute()
        Challenge.delete().where(Challenge.made_at < now - GOOD_FOR).execute()
        Challenge.create(session=by.session, purpose=purpose, value=value.hex(), made_at=now)
    return value


def _taken(by: Actor, purpose: str, now: datetime) -> bytes:
    """The challenge for this purpose, gone with the asking: an answer counts once."""
    row = Challenge.get_or_none(Challenge.session == by.session, Challenge.purpose == purpose)
    if row:
        row.delete_instance()
    if row is None or now - row.made_at > GOOD_FOR:
        raise Refused("That took too long. Nothing was changed. Try again.")
    return bytes.fromhex(row.value)
