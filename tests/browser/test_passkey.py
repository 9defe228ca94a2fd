"""A passkey in a real browser, with Chromium's own virtual device: added, used to sign, refused when it does not fit."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


@pytest.fixture
def device(browser, desk):
    """A page of the physician's at an address that a passkey can be bound to, and its virtual authenticator."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    url = desk.url.replace("127.0.0.1", "localhost")
    page.goto(f"{url}/sign-in")
    page.get_by_label("Email").fill("elena@example.org")
    page.get_by_label("Password").fill(desk.password)
    page.get_by_role("button", name="Sign in").click()
    session = context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    made = session.send("WebAuthn.addVirtualAuthenticator", {"options": {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }})  # fmt: skip
    yield page, url, session, made["authenticatorId"]
    context.close()


def add(page, url: str, password: str) -> None:
    page.goto(f"{url}/me/passkeys")
    page.get_by_label("Name of this device").fill("My phone")
    page.get_by_label("Your password").fill(password)
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_text("The passkey is added.")).to_be_visible()


def to_sign(page, url: str) -> None:
    """Open the first report that can be signed, its impression kept and every alert confirmed."""
    page.goto(f"{url}/reports")
    for address in page.locator("a.row").evaluate_all("all => all.map(one => one.href)"):
        if not address.endswith("/review"):
            continue
        page.goto(address)
        page.get_by_role("button", name=re.compile("(Confirm|Change) the impression")).click()
        if page.get_by_role("button", name="Sign the report").count():
            for box in page.locator("#sign input[type=checkbox]").all():
                box.check()
            return
    pytest.fail("the example practice has no report to sign")


def test_a_report_is_signed_with_a_passkey_and_a_device_that_does_not_know_its_person_signs_nothing(device, desk):
    page, url, session, authenticator = device
    add(page, url, desk.password)
    to_sign(page, url)
    session.send("WebAuthn.setUserVerified", {"authenticatorId": authenticator, "isUserVerified": False})
    page.get_by_role("button", name="Sign with a passkey").click()
    expect(page.get_by_text("Your device gave no passkey. Nothing was changed.")).to_be_visible()
    session.send("WebAuthn.setUserVerified", {"authenticatorId": authenticator, "isUserVerified": True})
    page.get_by_role("button", name="Sign with a passkey").click()
    expect(page.get_by_text("Signed. The PDF is being made.")).to_be_visible()
    page.goto(f"{url}/me/passkeys")
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("No passkeys yet")).to_be_visible()
