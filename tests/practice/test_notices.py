"""What a notice may say and whom it may reach, without a server."""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practice import notices

GOOD = [
    "https://fcm.googleapis.com/fcm/send/abc:APA91",
    "https://fcm.googleapis.com:443/wp/x",
    "https://updates.push.services.mozilla.com/wpush/v2/gAAAA",
    "https://web.push.apple.com/QGx",
    "https://eu-1.push.apple.com/QGx",
    "https://db5p.notify.windows.com/w/?token=BQYAAA%3d",
]


@pytest.mark.parametrize("endpoint", GOOD)
def test_the_push_services_of_the_browsers_are_known(endpoint):
    assert notices.endpoint_objections(endpoint) == []


def test_an_own_service_is_known_by_its_whole_origin_alone():
    own = ("https://push.example.org:8443",)
    assert notices.endpoint_objections("https://push.example.org:8443/x", own) == []
    for near in (
        "https://push.example.org/x", "http://push.example.org:8443/x", "https://push.example.org:8443.evil.example/",
        "https://a@push.example.org:8443/", "https://a.push.example.org:8443/", "https://push.example.org:84430/",
    ):  # fmt: skip
        assert notices.endpoint_objections(near, own), near


HOSTS = st.text(string.ascii_lowercase + "0123456789.-@:/[]%\\#?", max_size=40)


@given(HOSTS)
def test_what_passes_is_called_at_a_known_name(middle):
    """Whatever stands before or after the known name: requests would connect to no other host."""
    from urllib3.util import parse_url

    for endpoint in (
        f"https://{middle}fcm.googleapis.com/x",
        f"https://fcm.googleapis.com{middle}",
        f"https://{middle}",
    ):
        if not notices.endpoint_objections(endpoint):
            called = parse_url(endpoint)
            assert called.scheme == "https"
            assert called.port in (None, 443)
            assert called.host in notices.HOSTS or called.host.endswith(notices.ENDINGS)


def test_a_text_is_one_of_the_closed_list_whatever_it_is_about():
    assert notices.text_of("credential:12") == "Credential alert: open Evoked"
    assert notices.text_of("TESTPATIENT, QUINN") == notices.FALLBACK


@given(
    st.tuples(st.text(), st.text(), st.integers(), st.text()), st.tuples(st.text(), st.text(), st.integers(), st.text())
)
def test_two_notices_have_one_key_only_when_they_are_the_same(one, other):
    assert (notices.key_of(*one) == notices.key_of(*other)) == (one == other)
    assert len(notices.key_of(*one)) == 32


def test_the_payload_is_what_safari_shows_by_itself():
    body = json.loads(notices.payload("Text", url="https://desk.example.org/x", key="k", waiting=2))
    assert body["web_push"] == 8030
    assert body["notification"]["navigate"].startswith("https://")
    assert len(notices.payload("x" * 200, url="u" * 500, key="k" * 32, waiting=10**6)) < 3993


def test_keys_off_the_curve_are_refused():
    import base64

    def text(raw: bytes) -> str:
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    generator = bytes.fromhex(
        "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
    )
    good = text(b"s" * 16)
    assert notices.key_objections(text(generator), good) == []
    for wrong in (
        generator[:-1],
        generator[:-1] + b"\0",
        b"\3" + generator[1:],
        b"\4" + b"\0" * 64,
        b"\4" + b"\xff" * 64,
    ):
        assert notices.key_objections(text(wrong), good)
    assert notices.key_objections(text(generator), text(b"s" * 15))
    assert notices.key_objections(text(generator) + "\n", good)
