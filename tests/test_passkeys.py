"""Signing with a passkey, by a device made of software: what fits signs, and nothing else does."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from datetime import timedelta

import cbor2
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from models import AuditEntry, Challenge, Passkey
from tests.cast import NOW
from tests.test_reports import confirmations, ready

ORIGIN, HOST = "http://localhost", "localhost"


def b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


class Device:
    """An authenticator that holds one key and counts its signatures."""

    def __init__(self, person) -> None:
        self.key, self.count = ec.generate_private_key(ec.SECP256R1()), 0
        public = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: public.x.to_bytes(32, "big"), -3: public.y.to_bytes(32, "big")}
        self.row = Passkey.create(
            person=person, name="Phone", credential_id=b64(b"key of " + person.email.encode()),
            public_key=cbor2.dumps(cose), created_at=NOW,
        )  # fmt: skip

    def answer(self, challenge: str, *, verified: bool = True, origin: str = ORIGIN, count: int | None = None) -> str:
        self.count = self.count + 1 if count is None else count
        client = json.dumps({"type": "webauthn.get", "challenge": challenge, "origin": origin}).encode()
        flags = 0b101 if verified else 0b001
        shown = hashlib.sha256(HOST.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")
        signature = self.key.sign(shown + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return json.dumps({
            "id": self.row.credential_id, "rawId": self.row.credential_id, "type": "public-key",
            "response": {"clientDataJSON": b64(client), "authenticatorData": b64(shown), "signature": b64(signature)},
        })  # fmt: skip


@pytest.fixture
def report(client_for, cast):
    return ready(client_for, cast)


@pytest.fixture
def device(report, cast):
    return Device(cast.pia)


def asked(client, report) -> str:
    answer = client.post(f"/reports/{report.id}/challenges")
    assert answer.status_code == 200
    assert answer.json["userVerification"] == "required"
    return answer.json["challenge"]


def sign(client, report, credential: str):
    form = {"credential": credential, "confirmed": confirmations(report), "missing_read": "y"}
    return client.post(f"/reports/{report.id}/signature", data=form)


def test_a_passkey_signs_in_place_of_the_password(client_for, cast, report, device):
    pia = client_for(cast.pia)
    assert sign(pia, report, device.answer(asked(pia, report))).status_code == 303
    assert report.signatures.get().by_id == cast.pia.id
    assert (Passkey.get().sign_count, Passkey.get().used_at is None) == (1, False)
    assert '"means":"passkey"' in AuditEntry.get(AuditEntry.action == "sign").detail
    assert not Challenge.select().exists()


@pytest.mark.parametrize("wrong", [
    {"verified": False}, {"origin": "http://evil.example.org"}, {"count": 0},
])  # fmt: skip
def test_what_does_not_fit_signs_nothing(client_for, cast, report, device, wrong):
    pia = client_for(cast.pia)
    Passkey.update(sign_count=1).execute()
    answer = sign(pia, report, device.answer(asked(pia, report), **{"count": 5, **wrong}))
    assert answer.status_code == 422
    assert "The passkey does not fit" in answer.get_data(as_text=True)
    assert not report.signatures.exists()


def test_a_challenge_counts_once_and_not_for_long(client_for, cast, report, device):
    pia = client_for(cast.pia)
    challenge = asked(pia, report)
    assert sign(pia, report, "rubbish").status_code == 422
    assert sign(pia, report, device.answer(challenge)).status_code == 422
    challenge = asked(pia, report)
    Challenge.update(made_at=NOW - timedelta(days=400)).execute()
    assert sign(pia, report, device.answer(challenge)).status_code == 422
    assert not report.signatures.exists()


@pytest.mark.parametrize("credential", ["{}", "[]", '{"id": 1}', '{"id": "x", "rawId": "!", "response": {}}', "null"])
def test_rubbish_signs_nothing(client_for, cast, report, device, credential):
    pia = client_for(cast.pia)
    asked(pia, report)
    given = credential.replace('"x"', f'"{device.row.credential_id}"')
    assert sign(pia, report, given).status_code == 422
    assert not report.signatures.exists()


def test_a_removed_key_and_anothers_key_sign_nothing(client_for, cast, report, device):
    pia = client_for(cast.pia)
    other = Device(cast.tess)
    assert sign(pia, report, other.answer(asked(pia, report))).status_code == 422
    challenge = asked(pia, report)
    assert pia.post(f"/passkeys/{other.row.id}/removal").status_code == 404
    assert pia.post(f"/passkeys/{device.row.id}/removal").status_code == 303
    assert sign(pia, report, device.answer(challenge)).status_code == 422
    assert client_for(cast.pia).post(f"/reports/{report.id}/challenges").status_code == 422
    assert not report.signatures.exists()


def test_adding_a_key_asks_for_the_password(client_for, cast):
    pia = client_for(cast.pia)
    options = pia.post("/me/passkeys/challenges").json
    assert options["authenticatorSelection"]["userVerification"] == "required"
    form = {"name": "Phone", "credential": "{}", "password": "wrong wrong wrong"}
    assert pia.post("/me/passkeys", data=form).status_code == 422
    assert not Passkey.select().exists()
