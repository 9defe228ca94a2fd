"""The pictures of the phone under docs/, taken anew from the app as it is: by day above, in a dark room below.

.venv/bin/python -m tests.browser.screens
"""

from __future__ import annotations

import io
import os
import re
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from benchmarks.offline_soak import Desk, Server
from tests.browser.conftest import PATIENCE, sign_in, until
from tests.browser.phone import Hand, all_sent, open_case, show

ROOT = Path(__file__).resolve().parents[2]
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
GAP = 16
STEPS = ["In the room", "Set-up start", "Set-up end, baselines start", "Baselines end, monitoring start", "Incision"]


def tour(page: Page, desk: Desk) -> dict[str, bytes]:
    """The screens of one case, in the order a case goes."""
    taken = {}
    page.goto("/")
    page.wait_for_load_state("networkidle")
    taken["today"] = page.screenshot()
    open_case(page, desk.book())
    all_sent(page)
    hand = Hand(page)
    for step in STEPS:
        hand.tap(step)
        until(page, "was => document.querySelector('[data-next]')?.textContent !== was", step)
        page.wait_for_timeout(Hand.BOUNCE)
    all_sent(page)
    taken["live"] = page.screenshot()
    hand.tap("Signal alert")
    hand.tap("TcMEP")
    for tap in ("Left", "Left triceps TcMEP", "Told surgeon"):
        hand.tap(tap)
    page.get_by_role("button", name="Told surgeon", pressed=True).wait_for()
    all_sent(page)
    taken["alert"] = page.screenshot()
    for name in ("baselines", "missing"):
        show(page, name)
        taken[name] = page.screenshot()
    return taken


def beside(shots: list[bytes]) -> Image.Image:
    """Pictures of one size in a row."""
    pictures = [Image.open(io.BytesIO(shot)).convert("RGB") for shot in shots]
    width, height = pictures[0].size
    row = Image.new("RGB", (len(pictures) * (width + GAP) - GAP, height), "white")
    for place, picture in enumerate(pictures):
        row.paste(picture, (place * (width + GAP), 0))
    return row


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = Server(Path(folder))
        desk = Desk(Path(folder), server.env)
        try:
            password = re.search(r"olive@example.org\s+(\S+)", (Path(folder) / "example-logins.txt").read_text())[1]
            sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=sandbox)
            taken = {}
            for scheme in ("light", "dark"):
                context = browser.new_context(base_url=server.url, color_scheme=scheme, **PHONE)
                context.set_default_timeout(PATIENCE * 1000)
                page = context.new_page()
                sign_in(page, "technologist", password)
                taken[scheme] = tour(page, desk)
            browser.close()
        finally:
            server.kill()
            desk.clerk.kill()
    beside([taken["light"]["live"], taken["dark"]["live"]]).save(ROOT / "docs/phone.png", optimize=True)
    for scheme, shots in taken.items():
        picture = beside([shots[name] for name in ("today", "alert", "baselines", "missing")])
        picture.quantize(128).save(ROOT / f"docs/phone-{scheme}.png", optimize=True)


if __name__ == "__main__":
    main()
