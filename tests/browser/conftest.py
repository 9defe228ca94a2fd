"""The real thing: web server and worker as bin/start runs them, the example practice, and Debian's Chromium."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Page, expect, sync_playwright

from tests.push_service import PushService

ROOT = Path(__file__).resolve().parents[2]
PHONE = {"width": 390, "height": 844}
PATIENCE = 60
"""Seconds until a state that must come has come. Only a failure waits so long, however busy the machine."""
PEOPLE = {
    "owner": "olive", "technologist": "jordan", "physician": "elena", "biller": "bo", "auditor": "ada",
}  # fmt: skip


expect.set_options(timeout=PATIENCE * 1000)


@dataclass(frozen=True)
class Desk:
    """A running practice: its address, its data folder, the password of all its people."""

    url: str
    data: Path
    password: str


@pytest.fixture(scope="session")
def push_service():
    """Where this desk sends its notices: it verifies and decrypts them as a browser's own would."""
    with PushService() as service:
        yield service


@pytest.fixture(scope="session")
def desk(tmp_path_factory, push_service):
    """Server and worker on a free port, with the example practice. Both are gone afterwards."""
    data = tmp_path_factory.mktemp("evoked")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    plain = {name: value for name, value in os.environ.items() if not name.startswith("EVOKED_")}
    env = {
        **plain, "EVOKED_DATA": str(data), "EVOKED_PORT": str(port), "EVOKED_CONTACT": "mailto:desk@practice.example.org",
        "EVOKED_PUSH_HOSTS": push_service.origin,
    }  # fmt: skip
    for command in ("migrate", "demo"):
        subprocess.run(
            [sys.executable, "-P", ROOT / "deploy/evoked.py", command], env=env, check=True, stdout=subprocess.DEVNULL
        )
    running = [subprocess.Popen([ROOT / f"deploy/{name}.sh"], env=env) for name in ("web", "worker")]
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_healthy(url, running)
        password = re.search(r"olive@example.org\s+(\S+)", (data / "example-logins.txt").read_text())[1]
        yield Desk(url, data, password)
    finally:
        for child in running:
            child.terminate()
        for child in running:
            child.wait(40)


def _wait_until_healthy(url: str, running: list[subprocess.Popen]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert all(child.poll() is None for child in running), "the server ended by itself"
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the server did not answer within a minute")


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        chromium = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=[*sandbox, "--disable-background-networking"]
        )
        yield chromium
        chromium.close()


@pytest.fixture
def window(desk, browser: Browser):
    """Opens a page as somebody would: window("owner") on a phone, window("owner", width=1280) on a desk."""
    opened = []

    def open_(who: str = "", width: int = PHONE["width"], **more) -> Page:
        small = width < 600
        context = browser.new_context(
            base_url=desk.url, viewport={"width": width, "height": 844 if small else 800}, has_touch=small, is_mobile=small,
            accept_downloads=True, **more,
        )  # fmt: skip
        context.set_default_timeout(PATIENCE * 1000)
        opened.append(context)
        page = context.new_page()
        if who:
            sign_in(page, who, desk.password)
        return page

    yield open_
    for context in opened:
        context.close()


def sign_in(page: Page, who: str, password: str) -> None:
    page.goto("/sign-in")
    page.get_by_label("Email").fill(f"{PEOPLE.get(who, who)}@example.org")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")


AXE = (Path(__file__).parent / "axe.min.js").read_text()
GRADES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


STAY = """() => document.querySelectorAll('body *').forEach((one) => {
  if (['fixed', 'sticky'].includes(getComputedStyle(one).position)) one.style.position = 'static';
})"""


def barriers(page: Page) -> list[str]:
    """What axe finds on the page as it stands: rule and place of each barrier (WCAG 2.2 AA)."""
    page.evaluate(AXE)  # through the debugger, which the page's policy against foreign scripts does not concern
    # What stays at the edge of the window covers other things only until one scrolls; axe would call those too small.
    page.evaluate(STAY)
    options = {"runOnly": {"type": "tag", "values": GRADES}}
    found = page.evaluate("options => axe.run(document, options)", options)
    return [f"{one['id']}: {node['target']}" for one in found["violations"] for node in one["nodes"]]


def sideways(page: Page) -> int:
    """By how many pixels the page is wider than the window."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def until(page: Page, expression: str, arg: object = None, seconds: float = PATIENCE) -> None:
    """Wait until the expression, or what its promise comes to, holds; Playwright's own wait takes a promise for true."""
    deadline = time.monotonic() + seconds
    while not _holds(page, expression, arg):
        assert time.monotonic() < deadline, f"never: {expression}"
        page.wait_for_timeout(50)


def _holds(page: Page, expression: str, arg: object) -> bool:
    try:
        return page.evaluate(expression, arg)
    except Error:  # the page went on to another in between
        return False
