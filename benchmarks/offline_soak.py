"""Kill, reload, cut and restore a phone at random while it taps: entries lost 0, doubled 0, or this ends with an error.

    .venv/bin/python -m benchmarks.offline_soak [RUNS] [SEED]      200 runs unless told otherwise

A run is a fresh case and some dozen random acts: tap, undo, cut the network, restore it, reload, kill the page and open
it again, lose the server's answer after it took the entries, kill the server itself and start it again. Whatever the form
had shown as stamped must be in the record once, when the network is back.
"""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

from playwright.sync_api import BrowserContext, Error, Page, sync_playwright

from tests.browser.conftest import sign_in, until
from tests.browser.phone import all_sent, book, open_case, stored

ROOT = Path(__file__).resolve().parents[1]
ACTS = ("tap",) * 7 + ("undo", "cut", "restore", "reload", "kill", "lose", "server")
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


class Server:
    """The web server on a port of its own, which may be killed and started again."""

    def __init__(self, data: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("EVOKED_")}
        self.env = {**kept, "EVOKED_DATA": str(data), "EVOKED_PORT": str(self.port)}
        for command in ("migrate", "demo"):
            subprocess.run(
                [sys.executable, "-P", ROOT / "deploy/evoked.py", command],
                env=self.env,
                check=True,
                capture_output=True,
            )
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        self.running = subprocess.Popen(
            [ROOT / "deploy/web.sh"], env=self.env, start_new_session=True, stderr=subprocess.DEVNULL
        )
        for _ in range(600):
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=2):
                    return
            except OSError:
                time.sleep(0.05)
        raise SystemExit("the server did not start")

    def kill(self) -> None:
        os.killpg(self.running.pid, signal.SIGKILL)
        self.running.wait()


class Run:
    """One case on one phone, and what the form showed as stamped."""

    def __init__(
        self, context: BrowserContext, server: Server, desk: SimpleNamespace, case: int, chance: random.Random
    ) -> None:
        self.context, self.server, self.desk, self.case, self.chance = context, server, desk, case, chance
        self.before = {row[0] for row in stored(desk, case)["rows"]}
        self.page = context.new_page()
        open_case(self.page, case)
        all_sent(self.page)
        self.shown: set[str] = set()

    def act(self, name: str) -> None:
        getattr(self, name)()
        self.page.wait_for_timeout(self.chance.choice((0, 20, 150, 450)))

    def tap(self) -> None:
        label = self.page.evaluate("document.querySelector('[data-next]')?.textContent || ''")
        if not label:
            return
        self.page.wait_for_timeout(410)
        self.page.evaluate("made.splice(0)")
        self.page.get_by_role("button", name=label, exact=True).first.tap()
        # Drawn as done means stored: from here on it may not be lost.
        until(self.page, "was => document.querySelector('[data-next]')?.textContent !== was", label)
        self.shown.update(self.page.evaluate("made.splice(0)"))

    def undo(self) -> None:
        key = self.page.evaluate("document.querySelector('[data-key^=undo-]')?.dataset.key || ''")
        if key:
            self.page.evaluate("made.splice(0)")
            self.page.locator(f'[data-key="{key}"]').tap()
            until(self.page, 'was => !document.querySelector(`[data-key="${was}"]`)', key)
            self.shown.update(self.page.evaluate("made.splice(0)"))

    def cut(self) -> None:
        self.context.set_offline(True)

    def restore(self) -> None:
        self.context.set_offline(False)

    def reload(self) -> None:
        self.page.reload()
        self.page.wait_for_selector(".ph-foot")

    def kill(self) -> None:
        old, self.page = self.page, self.context.new_page()
        old.close(run_before_unload=False)
        self.page.goto(f"/cases/{self.case}/phone")
        self.page.wait_for_selector(".ph-foot")

    def lose(self) -> None:
        def drop(route) -> None:
            with suppress(Error):  # no network just then: nothing was taken
                route.fetch()
            route.abort("connectionreset")

        self.page.route("**/entries", drop, times=1)

    def server_(self) -> None:
        self.server.kill()
        self.server.start()

    def end(self) -> tuple[int, int]:
        """How many of the entries that the form showed are not in the record, how many are there that nobody made."""
        self.context.set_offline(False)
        self.page.unroute_all(behavior="wait")
        self.page.evaluate("window.dispatchEvent(new Event('online'))")
        all_sent(self.page)
        rows = [row[0] for row in stored(self.desk, self.case)["rows"]]
        self.page.close()
        return len(self.shown - set(rows)), len(rows) - len(self.before) - len(self.shown & set(rows))


MADE = """
if (crypto.randomUUID) {
const make = crypto.randomUUID.bind(crypto);
window.made = [];
crypto.randomUUID = () => { const id = make(); made.push(id); return id; };
}
"""
"""Every id the page makes, for the count."""


def phone(browser, server: Server, password: str) -> BrowserContext:
    context = browser.new_context(base_url=server.url, **PHONE)
    context.set_default_timeout(20_000)
    context.add_init_script(MADE)
    page: Page = context.new_page()
    sign_in(page, "technologist", password)
    page.close()
    return context


def main(runs: int = 200, seed: int = 1) -> int:
    chance = random.Random(seed)
    lost = doubled = acts = 0
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = Server(Path(folder))
        try:
            password = re.search(r"olive@example.org\s+(\S+)", (Path(folder) / "example-logins.txt").read_text())[1]
            desk = SimpleNamespace(data=folder, url=server.url, password=password)
            sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=sandbox)
            began = time.monotonic()
            context = phone(browser, server, password)
            for number in range(runs):
                one = Run(context, server, desk, book(desk), chance)
                names = [chance.choice(ACTS) for _ in range(chance.randint(6, 14))]
                for name in names:
                    one.act("server_" if name == "server" else name)
                acts += len(names)
                gone, twice = one.end()
                lost, doubled = lost + gone, doubled + twice
                if gone or twice:
                    print(f"run {number}: lost {gone}, doubled {twice} after {' '.join(names)}")
                if number % 10 == 9:
                    print(f"{number + 1} runs, {time.monotonic() - began:.0f} s", flush=True)
            browser.close()
        finally:
            server.kill()
    print(f"{runs} runs, {acts} random acts: {lost} entries lost, {doubled} doubled")
    return 1 if lost or doubled else 0


if __name__ == "__main__":
    sys.exit(main(*(int(one) for one in sys.argv[1:3])))
