"""Kill worker and web with -9 at random around the outbox: notices lost 0, doubled only where it is said, or this fails.

    .venv/bin/python -m benchmarks.outbox_crash [KILLS] [SEED]      1,000 kills unless told otherwise, 45 minutes at most

A person taps for tests through the web server, and the worker's own scan finds credentials that end; both are sent to a
push service that decrypts and to a mail server, on loopback. One kill in ten is the web server's. The processes are the
real ones, forked with everything imported, so that a start takes a moment. What waits (a lease of two minutes, a minute
after a failure) is cut short while the worker is dead; nothing else is touched.

What is promised, and judged here by SQL and by what the two servers took, with none of the app's code:

    the worker dies before the other side took the notice         it is sent when the lease ends, once
    after the other side took it, before that is written down     it is sent once more, under the same key
    after that is written down                                    it is not sent again
    the web server dies while it is asked                         notice and job are both kept or both not

A verdict is only as good as its moment: it is given when no process of the dead group lives, not even in the kernel, and
when both servers have read to the end all that it had sent. What lies unread in a socket would otherwise be counted as
"before", and the copy that follows it as a double that nothing explains: with a mail server that took 0.2 s, a judge that
waited 50 ms found such a double in 40 kills, and this one none.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import smtplib
import socket
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing, suppress
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes
from multiprocessing.process import BaseProcess
from pathlib import Path

import requests
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from tests.push_service import PushService

PEOPLE, TAPPED, FED = 6, 120, 10
MINUTES = 45
CUT = "1970-01-01T00:00:00.000000Z"
PASSWORD = "correct horse battery staple"
BEFORE = "before the other side took it: sent later, once"
BETWEEN = "taken, not yet written down: sent once more under the same key"
AFTER = "written down, job not yet done: not sent again"
ELSEWHERE = "at start, in the scan, in other work or between two notices"
KEPT = "web: no answer, notice and job kept all the same"
NEITHER = "web: no answer, nothing kept; whoever tapped sees it"
Target = tuple[str, str]
"""Where a copy goes: a device's endpoint, or a mailbox; and the key of the notice."""


class Inbox(PushService):
    """The push service and the mail server, and when something reaches either."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = threading.Event()
        self.mails: list[Target] = []
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            self.mail_port = free.getsockname()[1]
        self.mail = Controller(self, hostname="127.0.0.1", port=self.mail_port)
        self.mail.factory = self._session
        self.talking = 0

    def _session(self) -> SMTP:
        inbox = self

        class Session(SMTP):
            async def _handle_client(self) -> None:
                inbox.talking += 1
                try:
                    await super()._handle_client()
                finally:
                    inbox.talking -= 1

        return Session(self, **self.mail.SMTP_kwargs)

    def read_through(self) -> None:
        """Wait until everything that the dead had sent is read. Connections are taken in order, so ours comes last."""
        requests.get(self.origin, timeout=30)
        smtplib.SMTP("127.0.0.1", self.mail_port, timeout=30).quit()
        while self.talking or any("process_request_thread" in one.name for one in threading.enumerate()):
            time.sleep(0.002)

    def take(self, path: str, headers: dict[str, str], body: bytes) -> int:
        self.reached.set()
        return super().take(path, headers, body)

    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:
        self.reached.set()
        key = str(message_from_bytes(envelope.content)["Message-ID"])[1:].partition("@")[0]
        self.mails.append((envelope.rcpt_tos[0], key))
        return "250 OK"

    @property
    def copies(self) -> Counter[Target]:
        return Counter([(one.endpoint, one.headers["topic"]) for one in list(self.messages)] + list(self.mails))


# Processes


def web() -> None:
    os.setsid()
    _silent()
    port = os.environ["EVOKED_PORT"]
    sys.argv = ["gunicorn", "--workers", "2", "--preload", "--no-control-socket", "--log-level", "critical",
                "--bind", f"127.0.0.1:{port}", "app:create_app()"]  # fmt: skip
    from gunicorn.app.wsgiapp import run

    run()


def worker() -> None:
    """The consumer as deploy/worker.sh starts it, but not at low priority: here it is what is measured."""
    os.setsid()
    _silent()
    multiprocessing.set_start_method("fork", force=True)
    sys.argv = [
        "huey_consumer",
        "tasks.huey",
        "-q",
        "-k",
        "process",
        "-w",
        "1",
        "-M",
        "100",
        "-c",
        "1",
        "-m",
        "1",
        "-f",
        "-g",
        "TERM",
        "-t",
        "30",
    ]
    from huey.bin.huey_consumer import consumer_main

    consumer_main()


def _silent() -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)


def set_up(forms: list[dict[str, str]], credentials_: int) -> None:
    """One who taps, with many devices; people with one device each and credentials that end in ten years."""
    from actions import credentials, keeping
    from actions.sessions import HASHER
    from models import Credential, CredentialType, Device, Person, Session, db

    now = datetime.now(UTC)
    db.connect()
    keeping.migrate(now=now)
    credentials.seed()
    far = now.date() + timedelta(days=3650)
    kind = CredentialType.get(CredentialType.name == "BLS")
    with db.atomic():
        people = [
            Person.create(name=f"P{n}", email=f"p{n}@example.org", roles=["technologist"], created_at=now,
                          password_hash=HASHER.hash(PASSWORD))
            for n in range(PEOPLE + 1)
        ]  # fmt: skip
        for number, form in enumerate(forms):
            person = people[max(0, number - TAPPED + 1)]
            session = Session.create(
                person=person, token_hash=str(number), created_at=now, seen_at=now, expires_at=now + timedelta(days=9)
            )
            Device.create(person=person, session=session, enrolled_at=now, checked_at=now, **form)
        for number in range(credentials_):
            Credential.create(person=people[1 + number % PEOPLE], type=kind, until_on=far, state=f"S{number}")
    db.close()


class Run:
    """The practice, its two processes, the person who taps, and what was seen of each crash."""

    def __init__(self, folder: Path, inbox: Inbox, kills: int, seed: int) -> None:
        self.inbox, self.kills, self.chance = inbox, kills, random.Random(seed)
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            self.port = free.getsockname()[1]
        os.environ.update(
            EVOKED_DATA=str(folder), EVOKED_PORT=str(self.port), EVOKED_URL=f"http://127.0.0.1:{self.port}",
            EVOKED_CONTACT="mailto:desk@practice.example.org", EVOKED_PUSH_HOSTS=inbox.origin,
            EVOKED_SMTP_HOST="127.0.0.1", EVOKED_SMTP_PORT=str(inbox.mail_port), EVOKED_SMTP_TLS="none",
            EVOKED_SMTP_FROM="desk@practice.example.org",
        )  # fmt: skip
        self.fork = multiprocessing.get_context("forkserver")
        self.fork.set_forkserver_preload(
            ["tasks", "app", "gunicorn.app.wsgiapp", "huey.bin.huey_consumer", "pywebpush"]
        )
        forms = [inbox.subscribe().form for _ in range(TAPPED + PEOPLE)]
        self.credentials = FED * (kills // 10 + 2)
        self._finish(self._start(set_up, forms, self.credentials))
        self.db = sqlite3.connect(folder / "evoked.db", timeout=30, isolation_level=None, check_same_thread=False)
        self.where: Counter[str] = Counter()
        self.explained: Counter[Target] = Counter()
        self.answered: list[tuple[int, str]] = []
        self.unanswered: list[tuple[int, set[str]]] = []
        self.over = threading.Event()
        self.web, self.worker = self._start(web), self._start(worker)

    def _start(self, target: object, *args: object) -> BaseProcess:
        process = self.fork.Process(target=target, args=args)
        process.start()
        return process

    def _finish(self, process: BaseProcess) -> None:
        process.join(60)
        if process.exitcode:
            raise SystemExit("the practice could not be set up")

    def _kill(self, process: BaseProcess) -> None:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)  # by itself first: it may have no group of its own yet
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.join()
        while alive(process.pid):
            time.sleep(0.002)

    # Asking

    def tap(self) -> None:
        """Ask for the test of one device after the other, as a person who taps; the web server may die meanwhile."""
        cookies, token = self._sign_in()
        number = 0
        while not self.over.wait(0.25):
            device, number = number % TAPPED + 1, number + 1
            moments = {f"{datetime.now(UTC):%Y-%m-%dT%H:%M}"}
            try:
                answer = requests.post(
                    f"http://127.0.0.1:{self.port}/devices/{device}/tests", cookies=cookies, allow_redirects=False,
                    headers={"X-CSRFToken": token}, timeout=10,
                )  # fmt: skip
            except requests.RequestException:
                self.unanswered.append((device, moments | {f"{datetime.now(UTC):%Y-%m-%dT%H:%M}"}))
                continue
            if answer.status_code != 303:
                raise SystemExit(f"the web server answered {answer.status_code}")
            self.answered.append((device, moments | {f"{datetime.now(UTC):%Y-%m-%dT%H:%M}"}))

    def _sign_in(self) -> tuple[dict[str, str], str]:
        with requests.Session() as browser:
            page = ""
            while not page and not self.over.is_set():
                with suppress(requests.ConnectionError):
                    page = browser.get(f"http://127.0.0.1:{self.port}/sign-in", timeout=10).text
                time.sleep(0.05)
            form = {"email": "p0@example.org", "password": PASSWORD, "csrf_token": token_of(page)}
            browser.post(f"http://127.0.0.1:{self.port}/sessions", data=form, timeout=10)
            token = token_of(browser.get(f"http://127.0.0.1:{self.port}/me/devices", timeout=10).text)
            return browser.cookies.get_dict(), token

    def feed(self, batch: int) -> None:
        """A few credentials end soon, so the next scan tells about them; those that were told end in years again."""
        soon, far = (date.today() + timedelta(days=days) for days in (20, 3650))
        waiting = "SELECT 1 FROM job WHERE kind = 'notice' AND state != 'done'"
        if not self._ask(waiting):
            self.db.execute("UPDATE credential SET until_on = ? WHERE until_on = ?", (str(far), str(soon)))
        first = batch * FED + 1
        self.db.execute(
            "UPDATE credential SET until_on = ? WHERE id BETWEEN ? AND ?", (str(soon), first, first + FED - 1)
        )
        self.db.execute("DELETE FROM heartbeat WHERE name = 'alerts'")

    # Killing

    def go(self) -> int:
        """Kill, see on which side it fell, start again. Returns how many kills there was time for."""
        tapper = threading.Thread(target=self.tap)
        tapper.start()
        end = time.monotonic() + MINUTES * 60 - 60
        done = 0
        while done < self.kills and time.monotonic() < end:
            if done % 10 == 0:
                self.feed(done // 10)
            self._wait()
            if self.chance.random() < 0.1:
                self._kill(self.web)
                self.web = self._start(web)
                self.where["web"] += 1
            else:
                self._kill(self.worker)
                self.inbox.read_through()
                self.where[self.judge()] += 1
                self.cut()
                self.worker = self._start(worker)
            done += 1
            if done % 100 == 0:
                print(f"{done} kills, {sum(self.inbox.copies.values())} copies taken", flush=True)
        self.over.set()
        tapper.join()
        return done

    def _wait(self) -> None:
        """Until a random moment: half of them soon after something reached the other side, where it matters."""
        if self.chance.random() < 0.5:
            self.inbox.reached.clear()
            self.inbox.reached.wait(1.5)
            time.sleep(self.chance.uniform(0, 0.03))
        else:
            time.sleep(self.chance.uniform(0, 0.6))

    def judge(self) -> str:
        """On which side of the send the worker died."""
        running = self._ask(
            "SELECT subject_id FROM job WHERE kind = 'notice' AND state = 'running' AND lease_until > ?", CUT
        )
        if not running:
            return ELSEWHERE
        targets = self.targets(running[0][0])
        copies = self.inbox.copies
        for target, written in targets.items():
            # One copy is the one that is written down, each other was told of at the crash that made it.
            if copies[target] > self.explained[target] + written:
                self.explained[target] += 1
                return BETWEEN
        return AFTER if all(targets.values()) else BEFORE

    def targets(self, notice: int) -> dict[Target, bool]:
        """Where each copy of a notice goes, and whether it is written down that it was taken there."""
        ((what, edition, person, channel, device, sent),) = self._ask(
            "SELECT what, edition, person_id, channel, device_id, sent_at FROM notice WHERE id = ?", notice
        )
        key = key_of(what, edition, person, channel)
        if channel == "email":
            return {(f"p{person - 1}@example.org", key): sent is not None}
        rows = self._ask(
            "SELECT endpoint, EXISTS (SELECT 1 FROM delivery WHERE notice_id = ? AND device_id = device.id) "
            "FROM device WHERE person_id = ? AND (? IS NULL OR id = ?)", notice, person, device, device,
        )  # fmt: skip
        return {(endpoint, key): bool(taken) for endpoint, taken in rows}

    def _ask(self, sql: str, *values: object) -> list[tuple]:
        return self.db.execute(sql, values).fetchall()

    def cut(self) -> None:
        """The waits are over. Only while no worker lives: a lease is its own."""
        self.db.execute("UPDATE job SET lease_until = ? WHERE state = 'running'", (CUT,))
        self.db.execute("UPDATE job SET due_at = ? WHERE state = 'ready' AND kind = 'notice'", (CUT,))

    # The end

    def drain(self) -> None:
        """Let the worker finish in peace."""
        left = "SELECT COUNT(*) FROM job WHERE kind = 'notice' AND state IN ('ready', 'running')"
        end = time.monotonic() + 300
        while time.monotonic() < end:
            time.sleep(2)
            before, now = self._ask(left), None
            while before != now and time.monotonic() < end:
                before = now if now else before
                time.sleep(1)
                now = self._ask(left)
            self._kill(self.worker)
            self.inbox.read_through()
            self.judge()
            if now == [(0,)]:
                return
            self.cut()
            self.worker = self._start(worker)

    def stop(self) -> None:
        self.over.set()
        for process in (self.web, self.worker):
            self._kill(process)

    def figures(self, done: int, seconds: float) -> int:
        """Print what came of it. Returns 1 when something was lost, or doubled where nothing explains it."""
        notices = self._ask("SELECT id FROM notice WHERE dropped_at IS NULL")
        wanted = {target for (id,) in notices for target in self.targets(id)}
        copies = self.inbox.copies
        lost = len(wanted - set(copies)) + sum(1 for one in self.answered if not self.kept(*one))
        kept = sum(1 for one in self.unanswered if self.kept(*one))
        doubled = {target: count - 1 for target, count in copies.items() if count > 1}
        unexplained = sum(abs(doubled.get(one, 0) - self.explained[one]) for one in {*doubled, *self.explained})
        half = self._ask(
            "SELECT COUNT(*) FROM notice WHERE NOT EXISTS (SELECT 1 FROM job WHERE key = 'notice:' || notice.id)"
        )
        states = self._ask("SELECT state, COUNT(*) FROM job WHERE kind = 'notice' GROUP BY state")
        mails = len(set(self.inbox.mails))
        print(
            f"{done} kills in {seconds:.0f} s: {done - self.where['web']} of the worker, {self.where['web']} of the web server"
        )
        print(f"{len(notices)} notices asked, {len(wanted)} to deliver (each device and mailbox), {len(set(copies))} delivered, "
              f"{mails} of them by email")  # fmt: skip
        print(f"lost {lost}; doubled under the same key {sum(doubled.values())}; doubled otherwise {unexplained}; "
              f"notices without a job {half[0][0]}; refused by the push service {len(self.inbox.refused)}")  # fmt: skip
        print(f"jobs: {', '.join(f'{count} {state}' for state, count in states)}")
        print("where the worker died:")
        for name in (BEFORE, BETWEEN, AFTER, ELSEWHERE):
            print(f"  {self.where[name]:5}  {name}")
        print(
            f"taps: {len(self.answered)} answered, each kept\n  {kept:5}  {KEPT}\n  {len(self.unanswered) - kept:5}  {NEITHER}"
        )
        return 1 if lost or unexplained or half[0][0] else 0

    def kept(self, device: int, moments: set[str]) -> bool:
        rows = self._ask("SELECT edition FROM notice WHERE what = ?", f"test:{device}")
        return any(edition in moments for (edition,) in rows)


def alive(group: int) -> bool:
    """True while a process of this group lives. Killed is not dead: one that waits for the disk dies when it has it."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, its_group = stat.read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state not in "ZX":
                return True
    return False


def token_of(page: str) -> str:
    return page.partition('name="csrf_token" value="')[2].partition('"')[0]


def key_of(what: str, edition: str, person: int, channel: str) -> str:
    """The key as practice/notices.py says it: 24 bytes of a digest."""
    import base64
    import hashlib
    import json

    digest = hashlib.sha256(json.dumps([what, edition, person, channel]).encode()).digest()
    return base64.urlsafe_b64encode(digest[:24]).decode()


def main(kills: int = 1000, seed: int = 1) -> int:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, Inbox() as inbox:
        inbox.mail.start()
        run = Run(Path(folder), inbox, kills, seed)
        try:
            done = run.go()
            run.drain()
            return run.figures(done, time.monotonic() - began)
        finally:
            run.stop()
            inbox.mail.stop()


if __name__ == "__main__":
    sys.exit(main(*(int(one) for one in sys.argv[1:3])))
