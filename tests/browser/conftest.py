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
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
PHONE = {"width": 390, "height": 844}
PEOPLE = {
    "owner": "olive", "technologist": "jordan", "physician": "elena", "biller": "bo", "auditor": "ada",
}  # fmt: skip


@dataclass(frozen=True)
class Desk:
    """A running practice: its address, its data folder, the password of all its people."""

    url: str
    data: Path
    password: str


@pytest.fixture(scope="session")
def desk(tmp_path_factory):
    """Server and worker on a free port, with the example practice. Both are gone afterwards."""
    data = tmp_path_factory.mktemp("evoked")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    plain = {name: value for name, value in os.environ.items() if not name.startswith("EVOKED_")}
    env = {**plain, "EVOKED_DATA": str(data), "EVOKED_PORT": str(port)}
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
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
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
        context.set_default_timeout(15_000)
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
