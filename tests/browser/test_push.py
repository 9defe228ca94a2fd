"""Notices on a phone: turned on by a tap, delivered encrypted, shown, opened, answered, revoked.

Chromium cannot reach a push service of ours by itself: the subscription it would get is given to the page, and what our
service decrypted is handed to its service worker through DevTools, as the browser's own push client does it.
"""

from __future__ import annotations

import json
import sqlite3
import time

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PATIENCE, barriers, until
from tests.browser.test_install import controlled
from tests.push_service import PushService, Subscription

pytestmark = pytest.mark.browser

SUBSCRIBED = """
subscription => {
  const made = { ...subscription, toJSON: () => ({ endpoint: subscription.endpoint,
    keys: { p256dh: subscription.p256dh, auth: subscription.auth } }),
    unsubscribe: async () => { sessionStorage.setItem("subscribed", ""); return true; } };
  const on = () => sessionStorage.getItem("subscribed") === "yes";
  PushManager.prototype.subscribe = async options => {
    if (!options.userVisibleOnly || options.applicationServerKey.length < 80) throw new Error("not as Apple wants it");
    sessionStorage.setItem("subscribed", "yes");
    return made;
  };
  PushManager.prototype.getSubscription = async () => (on() ? made : null);
}
"""


@pytest.fixture
def phone(window, push_service):
    """A technologist's phone that may show notices, with the subscription its browser would get."""
    subscription = push_service.subscribe()
    page = window("technologist", permissions=["notifications"])
    page.add_init_script(f"({SUBSCRIBED})({json.dumps(subscription.form)})")
    page.goto("/me/devices")
    controlled(page)
    return page, subscription


def turn_on(page: Page) -> None:
    page.get_by_role("button", name="Turn on notices here").click()
    expect(page.get_by_text("This device gets notices.")).to_be_visible()


def push(page: Page, data: str) -> None:
    """Hand a message to the service worker of the page, as the browser does with what its push service sent."""
    devtools = page.context.new_cdp_session(page)
    found = []
    devtools.on("ServiceWorker.workerRegistrationUpdated", lambda event: found.extend(event["registrations"]))
    devtools.send("ServiceWorker.enable")
    origin = page.evaluate("location.origin")
    here: list[str] = []
    while not here:  # told by events, some time after it was asked for
        page.wait_for_timeout(50)
        here = [one["registrationId"] for one in found if one["scopeURL"].startswith(origin) and not one["isDeleted"]]
    number = here[-1]
    devtools.send("ServiceWorker.deliverPushMessage", {"origin": origin, "registrationId": number, "data": data})


def shown(page: Page, count: int = 1) -> list[dict]:
    """The notifications on the screen."""
    until(
        page,
        "count => navigator.serviceWorker.ready.then(one => one.getNotifications()).then(all => all.length >= count)",
        count,
    )
    return page.evaluate(
        """() => navigator.serviceWorker.ready.then(one => one.getNotifications()).then(all => all.map(one =>
            ({title: one.title, body: one.body, tag: one.tag, url: one.data.url})))"""
    )


def tap(page: Page) -> str:
    """Tap the notification: its event goes to the real worker, and the address it opens comes back."""
    workers: list = []
    while not workers:  # stopped meanwhile, or told a moment later
        workers = [one for one in page.context.service_workers if one.url.endswith("/sw.js")]
        page.wait_for_timeout(50)
    worker = workers[-1]
    return worker.evaluate(
        """async () => {
          const [notification] = await self.registration.getNotifications();
          let opened = "";
          self.clients.openWindow = async url => { opened = url; };
          const work = [];
          const event = new NotificationEvent("notificationclick", { notification });
          event.waitUntil = promise => work.push(promise);
          self.dispatchEvent(event);
          await Promise.all(work);
          return opened;
        }"""
    )


def received(service: PushService, subscription: Subscription) -> dict:
    """The decrypted message that the worker process sent to this phone."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if mine := [one.body for one in service.messages if one.endpoint == subscription.endpoint]:
            return mine[-1]
        time.sleep(0.1)
    raise AssertionError(f"nothing came; refused: {service.refused}")


def test_a_test_push_is_received_opened_and_answered(phone, push_service):
    page, subscription = phone
    expect(page.get_by_text("The message never names a patient", exact=False)).to_be_visible()
    turn_on(page)
    expect(page.get_by_text("Never proved", exact=True)).to_be_visible()
    page.get_by_role("button", name="Send a test").click()
    body = received(push_service, subscription)
    push(page, json.dumps(body))
    assert [one["title"] for one in shown(page)] == ["Test notice: tap to prove this device"]
    address = tap(page)
    page.goto(address)
    expect(page.get_by_role("heading", level=1)).to_have_text("Did the notice arrive?")
    assert barriers(page) == []
    page.get_by_role("button", name="Yes, it arrived").click()
    expect(page.get_by_text("Proved: notices arrive on this device.")).to_be_visible()
    expect(page.get_by_role("table").get_by_text("Answered")).to_be_visible()
    assert barriers(page) == []


@pytest.mark.parametrize("data", ["", "no json", "[]", "null", '{"notification": 1}', '{"web_push": 8030}'])
def test_every_push_shows_a_notification_whatever_came(phone, data):
    page, _ = phone
    push(page, data)
    only = shown(page)[0]
    assert only["title"] == "Something needs you: open Evoked"
    assert only["url"] == page.evaluate("location.origin + '/'")


@pytest.mark.parametrize(
    "where", ["https://evil.example/", "javascript:alert(1)", "//evil.example", "http://[", "data:text/html,x"]
)
def test_a_push_opens_no_other_site(phone, where):
    page, _ = phone
    push(page, json.dumps({"notification": {"title": "x", "navigate": where}}))
    shown(page)
    assert tap(page) == page.evaluate("location.origin + '/'")


def test_a_second_copy_of_a_notice_shows_as_one(phone):
    page, _ = phone
    for _ in range(2):
        push(
            page,
            json.dumps({"notification": {"title": "Credential alert: open Evoked", "navigate": "/me", "tag": "k1"}}),
        )
    page.wait_for_timeout(500)
    assert len(shown(page)) == 1


def test_a_tap_on_a_page_that_is_open_does_not_disturb_a_form(phone):
    """The page opens beside the form, which keeps what was typed."""
    page, _ = phone
    page.goto("/me/password")
    page.get_by_label("New password").fill("typed and not sent")
    push(page, json.dumps({"notification": {"title": "x", "navigate": "/cases"}}))
    shown(page)
    assert tap(page).endswith("/cases")
    expect(page.get_by_label("New password")).to_have_value("typed and not sent")


def test_a_subscription_the_browser_dropped_is_mended_at_the_next_opening(phone, desk, push_service):
    page, _ = phone
    turn_on(page)
    fresh = push_service.subscribe()
    page.evaluate("sessionStorage.clear()")
    page.add_init_script(f"({SUBSCRIBED})({json.dumps(fresh.form)})")
    page.goto("/")
    until(page, "sessionStorage.getItem('notices-checked') !== null")
    with sqlite3.connect(desk.data / "evoked.db") as database:
        live = database.execute("SELECT endpoint FROM device WHERE ended_at IS NULL").fetchall()
    assert (fresh.endpoint,) in live


def test_turning_off_here_ends_the_subscription_and_keeps_me_signed_in(phone, desk):
    page, subscription = phone
    turn_on(page)
    page.get_by_role("button", name="Turn off here").click()
    expect(page.get_by_text("Notices are off here.")).to_be_visible()
    expect(page.get_by_role("button", name="Turn on notices here")).to_be_visible()
    with sqlite3.connect(desk.data / "evoked.db") as database:
        row = database.execute(
            "SELECT ended_because FROM device WHERE endpoint = ?", [subscription.endpoint]
        ).fetchone()
    assert row == ("revoked",)


def test_a_phone_that_refuses_is_told_where_to_allow_it(window):
    page = window("technologist")
    page.add_init_script(
        "Object.defineProperty(Notification, 'permission', { get: () => 'denied' });"
        "Notification.requestPermission = async () => 'denied';"
    )
    page.goto("/me/devices")
    expect(page.get_by_text("blocked in the settings", exact=False)).to_be_visible()


def test_a_browser_without_push_is_led_to_the_installing(window):
    page = window("technologist")
    page.add_init_script("delete window.PushManager")
    page.goto("/me/devices")
    page.get_by_role("link", name="How to install Evoked").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Install Evoked on your phone")
