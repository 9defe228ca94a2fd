"""Kill, reload, cut and restore a phone at random while it taps: entries lost 0, doubled 0, or this ends with an error.

    .venv/bin/python -m benchmarks.offline_soak [RUNS] [SEED] [FIRST]      200 runs from the first unless told otherwise

A run is a fresh case and some dozen random acts: tap, undo, cut the network, restore it, reload, kill the page and open
it again, lose the server's answer after it took the entries, kill the server itself and start it again. Whatever the form
had shown as stamped must be in the record once, when the network is back.

The acts of a run follow from the seed and its number alone, so a soak that was stopped goes on with FIRST, and a run that
went wrong is played again by its number. All cases of a soak stay open on one phone. A run that gets stuck counts as one.
"""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import closing, suppress
from pathlib import Path

from playwright.sync_api import BrowserContext, Error, Page, sync_playwright

from tests.browser.conftest import sign_in, until
from tests.browser.phone import BOOK, PRESETS, all_sent, case_file, open_case

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 180
"""Seconds for any single step. Nothing here is about speed, and a soak runs beside other work."""
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


class Desk:
    """Books cases beside the running server, and reads what came of them."""

    LOOP = """
import sys
for line in sys.stdin:
    sys.argv[1:] = line.rstrip().split("\t")
    exec(BOOK + "db.close()", {})
    sys.stdout.flush()
"""

    def __init__(self, data: Path, env: dict[str, str]) -> None:
        self.data = data
        code = f"BOOK = {BOOK!r}\n{self.LOOP}"
        self.clerk = subprocess.Popen(
            [sys.executable, "-c", code], cwd=ROOT, env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def book(self) -> int:
        print(case_file("01"), PRESETS["01"], "jordan,elena", sep="\t", file=self.clerk.stdin, flush=True)
        return int(self.clerk.stdout.readline())

    def stored(self, case: int) -> list[str]:
        """The ids of the entries in the record, each as often as it is there."""
        with closing(sqlite3.connect(self.data / "evoked.db")) as database:
            return [row[0] for row in database.execute("SELECT client_id FROM entry WHERE case_id = ?", [case])]


class Run:
    """One case on one phone, and what the form showed as stamped."""

    def __init__(self, context: BrowserContext, server: Server, desk: Desk, case: int, chance: random.Random) -> None:
        self.context, self.server, self.desk, self.case, self.chance = context, server, desk, case, chance
        self.before = set(desk.stored(case))
        self.page = context.new_page()
        open_case(self.page, case)
        all_sent(self.page, PATIENCE)
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
        until(self.page, "was => document.querySelector('[data-next]')?.textContent !== was", label, PATIENCE)
        self.shown.update(self.page.evaluate("made.splice(0)"))

    def undo(self) -> None:
        key = self.page.evaluate("document.querySelector('[data-key^=undo-]')?.dataset.key || ''")
        if key:
            self.page.evaluate("made.splice(0)")
            self.page.locator(f'[data-key="{key}"]').tap()
            until(self.page, 'was => !document.querySelector(`[data-key="${was}"]`)', key, PATIENCE)
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
            with suppress(Error):  # the page was killed meanwhile: it hears nothing either way
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
        all_sent(self.page, PATIENCE)
        rows = self.desk.stored(self.case)
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
    context.set_default_timeout(PATIENCE * 1000)
    context.add_init_script(MADE)
    page: Page = context.new_page()
    sign_in(page, "technologist", password)
    page.close()
    return context


class Tally:
    """What a soak came to so far."""

    def __init__(self, seed: int) -> None:
        self.seed, self.began = seed, time.monotonic()
        self.runs = self.acts = self.entries = self.lost = self.doubled = self.stuck = 0

    def say(self, number: int) -> None:
        print(
            f"seed {self.seed}, up to run {number}: {self.runs} runs, {self.acts} random acts, {self.entries} entries, "
            f"{self.lost} lost, {self.doubled} doubled, {self.stuck} stuck, {time.monotonic() - self.began:.0f} s",
            flush=True,
        )


def main(runs: int = 200, seed: int = 1, first: int = 1) -> int:
    tally, number = Tally(seed), first
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = Server(Path(folder))
        desk = Desk(Path(folder), server.env)
        try:
            password = re.search(r"olive@example.org\s+(\S+)", (Path(folder) / "example-logins.txt").read_text())[1]
            sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=sandbox)
            context = phone(browser, server, password)
            for number in range(first, first + runs):
                names, found = play(context, server, desk, random.Random(f"{seed}-{number}"))
                tally.runs, tally.acts = tally.runs + 1, tally.acts + len(names)
                if isinstance(found, str):
                    tally.stuck += 1
                    print(f"run {number}: stuck after {' '.join(names)}: {found}", flush=True)
                    context.close()
                    context = phone(browser, server, password)
                else:
                    made, gone, twice = found
                    tally.entries, tally.lost, tally.doubled = (
                        tally.entries + made,
                        tally.lost + gone,
                        tally.doubled + twice,
                    )
                    if gone or twice:
                        print(f"run {number}: lost {gone}, doubled {twice} after {' '.join(names)}", flush=True)
                if number % 10 == 0:
                    tally.say(number)
            browser.close()
        finally:
            tally.say(number)
            server.kill()
            desk.clerk.kill()
    return 1 if tally.lost or tally.doubled or tally.stuck else 0


def play(
    context: BrowserContext, server: Server, desk: Desk, chance: random.Random
) -> tuple[list[str], tuple[int, int, int] | str]:
    """One run: the acts played, and how many entries it made, lost and doubled, or where it got stuck."""
    played: list[str] = []
    try:
        one = Run(context, server, desk, desk.book(), chance)
        for name in (chance.choice(ACTS) for _ in range(chance.randint(6, 14))):
            played.append(name)
            one.act("server_" if name == "server" else name)
        return played, (len(one.shown), *one.end())
    except (Error, AssertionError) as error:
        return played, str(error).splitlines()[0]


if __name__ == "__main__":
    sys.exit(main(*(int(one) for one in sys.argv[1:4])))
