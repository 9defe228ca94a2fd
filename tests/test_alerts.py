"""Alerts: a year walked day by day, real mail and message servers, workers that die, people who do not answer."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import tasks
from actions import Refused, alerts, credentials, jobs, notices, preferences
from models import (
    SETTINGS,
    Approval,
    Case,
    Credential,
    CredentialType,
    Device,
    Drill,
    Heartbeat,
    Job,
    Notice,
    Obstacle,
    Packet,
    Person,
    Preference,
    Report,
    Requirement,
    Session,
    db,
)
from practice.notices import TEXTS
from tests.cast import NOW, actor, book

ROOT = Path(__file__).resolve().parent.parent
ZONE = SETTINGS.zone


class Mailbox:
    """What the mail server took, and how it answers."""

    def __init__(self) -> None:
        self.taken: list = []
        self.answers: list[str] = []
        self.logins: list = []

    async def handle_RCPT(self, server, session, envelope, address, options):
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.answers:
            answer = self.answers.pop(0)
            if not answer.startswith("250"):
                return answer
        self.taken.append(envelope)
        return "250 OK"

    def login(self, server, session, envelope, mechanism, data):
        self.logins.append((data.login, data.password))
        return AuthResult(success=data.password == b"secret", handled=False)

    @property
    def ids(self) -> list[str]:
        return [header(one, "Message-ID") for one in self.taken]


def header(envelope, name: str) -> str:
    from email import message_from_bytes

    return str(message_from_bytes(envelope.content)[name])


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def use(monkeypatch, **given) -> None:
    settings = dataclasses.replace(preferences.SETTINGS, **given)
    for module in (alerts, notices, preferences, tasks):
        monkeypatch.setattr(module, "SETTINGS", settings)


@pytest.fixture
def mail(monkeypatch):
    box, port = Mailbox(), free_port()
    running = Controller(
        box, hostname="127.0.0.1", port=port, authenticator=box.login, auth_require_tls=False, auth_required=False
    )
    running.start()
    use(
        monkeypatch, smtp_host="127.0.0.1", smtp_port=port, smtp_tls="none", smtp_from="desk@practice.example.org",
    )  # fmt: skip
    box.port = port
    yield box
    running.stop()


@pytest.fixture
def provider(monkeypatch):
    """An SMS provider's HTTP API: what it was asked to send, and its next answers."""
    taken, answers = [], []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = answers.pop(0) if answers else 200
            if status == 200:
                taken.append((self.path, body["message"]))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            taken.append(("GET", self.path))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.taken, server.answers = taken, answers
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def clock(monkeypatch):
    """The worker's clock, which a test sets."""
    at = {"now": NOW}
    monkeypatch.setattr(tasks, "_now", lambda: at["now"])
    return at


def noon(day: date) -> datetime:
    return datetime.combine(day, time(12), ZONE).astimezone(UTC)


def hold(person: Person, kind: str, until: date, **given) -> Credential:
    of_type = CredentialType.get(CredentialType.name == kind)
    return Credential.create(
        person=person, type=of_type, until_on=until, verified_on=NOW.date(), verified_by=1, **given
    )


def told(row: Credential, person: Person | None = None, channel: str = "email") -> list[str]:
    query = Notice.select().where(Notice.what == f"credential:{row.id}", Notice.channel == channel)
    return [one.edition for one in query.where(Notice.person == (person or row.person_id)).order_by(Notice.id)]


def day(clock, on: date) -> None:
    """One day of the practice: look for alerts, send them."""
    clock["now"] = noon(on)
    alerts.scan(now=clock["now"])
    tasks.work_off()


def see_all(person: Person, now: datetime) -> None:
    for notice in Notice.select().where(Notice.person == person.id, Notice.acknowledged_at.is_null()):
        notices.acknowledge(notice, by=actor(person), now=now)


# A year, day by day


def test_in_a_year_each_credential_is_told_exactly_as_its_plan_says(cast, mail, clock):
    """100 credentials, people who tap what they are told, an outage of two weeks, restarts, renewals, withdrawals."""
    start = date(2026, 1, 1)
    people = [cast.tess, cast.stan]
    kinds = ["BLS", "ACLS", "CNIM"]
    rows = [
        hold(people[n % 2], kinds[n % len(kinds)], start + timedelta(days=366 + n), state=f"S{n}") for n in range(100)
    ]
    outage = range(300, 314)
    renewed, withdrawn = rows[7], rows[8]
    for n in range(480):
        on = start + timedelta(days=n)
        if n == 320:
            Credential.create(
                person=renewed.person, type=renewed.type, state=renewed.state, until_on=on + timedelta(days=2000),
                renews=renewed, verified_on=on, verified_by=1,
            )  # fmt: skip
            Credential.update(withdrawn_on=on, withdrawn_by=1).where(Credential.id == withdrawn.id).execute()
        if n in outage:
            continue
        day(clock, on)
        if n % 50 == 0:
            day(clock, on)  # a restart on the same day
        for person in people:
            see_all(person, clock["now"])
    for row in rows:
        plan = sorted({int(one) for one in row.type.alert_days}, reverse=True)
        reached = expected(row.until_on, plan, start, 480, outage, stops=320 if row in (renewed, withdrawn) else 480)
        assert told(row) == [str(one) for one in reached], row.until_on
    whole = [row for row in rows if row not in (renewed, withdrawn) and row.until_on < start + timedelta(days=479)]
    five = {len(told(row)) for row in whole if row.type.name != "CNIM" and not missed(row, start, outage)}
    seven = {len(told(row)) for row in whole if row.type.name == "CNIM" and not missed(row, start, outage)}
    assert five == {5}
    assert seven == {7}
    assert max(Counter(mail.ids).values()) == 1
    assert len(mail.ids) == Notice.select().where(Notice.channel == "email", Notice.sent_at.is_null(False)).count()


def expected(until: date, plan: list[int], start: date, days: int, outage: range, stops: int) -> list[int]:
    """The plan's twin by brute force: each day the newest threshold reached, told when it was not yet."""
    found: list[int] = []
    for n in range(min(days, stops)):
        left = (until - (start + timedelta(days=n))).days
        reached = [one for one in plan if left <= one]
        if n not in outage and reached and min(reached) not in found:
            found.append(min(reached))
    return found


def missed(row: Credential, start: date, outage: range) -> bool:
    """True when a threshold of it was overtaken by the next during the outage."""
    plan = sorted({int(one) for one in row.type.alert_days}, reverse=True)
    return len(expected(row.until_on, plan, start, 480, outage, 480)) < len(plan)


def test_after_an_outage_the_newest_due_alone_is_told(cast, mail, clock):
    row = hold(cast.tess, "BLS", date(2026, 9, 1))
    day(clock, date(2026, 6, 3))
    see_all(cast.tess, clock["now"])
    day(clock, date(2026, 8, 27))  # 60 and 30 went by while the machine was off
    assert told(row) == ["90", "7"]


def test_an_alert_still_waiting_gives_way_to_the_next(cast, mail, clock):
    row = hold(cast.tess, "BLS", date(2026, 9, 1))
    mail.answers = ["451 later"] * 2
    day(clock, date(2026, 6, 3))
    assert not mail.taken
    day(clock, date(2026, 7, 3))
    clock["now"] += timedelta(hours=12)
    tasks.work_off()
    sent = Notice.select().where(Notice.what == f"credential:{row.id}", Notice.sent_at.is_null(False))
    assert [one.edition for one in sent] == ["60"]


def test_alerts_wait_for_the_morning_hour(cast, mail):
    row = hold(cast.tess, "BLS", NOW.date() + timedelta(days=30))
    early = datetime.combine(NOW.date(), time(5), ZONE).astimezone(UTC)
    alerts.scan(now=early)
    assert told(row) == ["60"], "the day of the alerts is still yesterday"
    alerts.scan(now=early + timedelta(hours=3))
    assert told(row) == ["60", "30"]


def test_a_persons_own_days_take_the_place_of_the_types(cast, mail, clock):
    row = hold(cast.tess, "BLS", date(2026, 9, 1))
    Preference.create(person=cast.tess, alert_days=[14, 3])
    for n in range(100):
        day(clock, date(2026, 6, 1) + timedelta(days=n))
        see_all(cast.tess, clock["now"])
    assert told(row) == ["14", "3"]


def test_what_is_renewed_or_withdrawn_is_not_told(cast, mail, clock):
    clock["now"] = noon(date(2026, 8, 2))
    kept, gone = (hold(cast.tess, "BLS", date(2026, 9, 1), state=one) for one in ("A", "B"))
    alerts.scan(now=clock["now"])
    credentials.hold(
        cast.tess, kind="BLS", state="A", until_on=date(2028, 9, 1), from_on=date(2026, 8, 1), renews=kept,
        by=actor(cast.tess), now=clock["now"],
    )  # fmt: skip
    credentials.withdraw(gone, by=actor(cast.olive), now=clock["now"])
    tasks.work_off()
    assert not mail.taken
    assert all(one.dropped_at for one in Notice.select().where(Notice.what.startswith("credential:")))
    assert not Job.select().where(Job.state != "done").exists()


# Until somebody answers


def test_an_alert_nobody_answers_goes_to_the_second_person_then_the_owner_then_silence(cast, mail, clock):
    row = hold(cast.tess, "BLS", date(2026, 9, 8))
    Preference.create(person=cast.tess, second=cast.stan)
    heard = {}
    for n in range(4):
        day(clock, date(2026, 9, 1) + timedelta(days=n))
        heard[n] = (told(row), told(row, cast.stan), told(row, cast.olive))
    assert heard[0] == (["7"], [], [])
    assert heard[1] == (["7", "7+1"], [], [])
    assert heard[2] == (["7", "7+1", "7+2"], ["7+second"], [])
    assert heard[3] == (["7", "7+1", "7+2", "7+3"], ["7+second"], ["7+owner"])
    notice = Notice.get(Notice.person == cast.stan, Notice.edition == "7+second")
    notices.acknowledge(notice, by=actor(cast.stan), now=clock["now"])
    before = Notice.select().count()
    for n in range(4, 7):
        day(clock, date(2026, 9, 1) + timedelta(days=n))
    assert Notice.select().count() == before
    day(clock, date(2026, 9, 8))
    assert told(row)[-1] == "0", "the next threshold speaks again"


def test_seen_once_is_seen_on_every_channel(cast, mail, clock, provider, monkeypatch):
    use(monkeypatch, sms_url=f"json://127.0.0.1:{provider.server_port}/{{to}}")
    Person.update(phone="555 010 0199").where(Person.id == cast.tess.id).execute()
    Preference.create(person=cast.tess, channels={"credential": ["email", "sms"]})
    hold(cast.tess, "BLS", date(2026, 9, 8))
    day(clock, date(2026, 9, 1))
    assert len(mail.taken) == len(provider.taken) == 1
    assert notices.waiting(cast.tess.id) == 1
    notices.acknowledge(Notice.get(Notice.channel == "sms"), by=actor(cast.tess), now=clock["now"])
    assert notices.waiting(cast.tess.id) == 0


# Quiet hours


@pytest.mark.parametrize(
    ("at", "until"),
    [
        ("2026-03-08 01:30", "2026-03-08 07:00"),
        ("2026-11-01 00:30", "2026-11-01 07:00"),
        ("2026-06-01 22:00", "2026-06-02 07:00"),
    ],
)
def test_in_quiet_hours_a_notice_is_late_and_not_lost(cast, mail, clock, at, until):
    zone = ZoneInfo("America/Denver")
    Preference.create(person=cast.tess, quiet_from="21:00", quiet_until="07:00", zone="America/Denver")
    clock["now"] = datetime.fromisoformat(at).replace(tzinfo=zone).astimezone(UTC)
    notices.tell(cast.tess, what="credential:999", edition="30", path="/", now=clock["now"])
    tasks.work_off()
    assert not mail.taken
    job = Job.get()
    assert (job.state, job.tries) == ("ready", 0)
    end = datetime.fromisoformat(until).replace(tzinfo=zone).astimezone(UTC)
    clock["now"] = end - timedelta(minutes=1)
    tasks.work_off()
    assert not mail.taken
    clock["now"] = end
    tasks.work_off()
    assert len(mail.taken) == 1


def test_urgent_alerts_break_through_only_when_the_owner_says_so(cast, mail, clock):
    given = {
        "channels": {}, "alert_days": [], "quiet_from": "00:00", "quiet_until": "23:59", "zone": "", "second": None,
        "urgent_breaks": True,
    }  # fmt: skip
    preferences.choose(cast.tess, **given, by=actor(cast.tess))
    notices.tell(cast.tess, what="credential:999", edition="0", path="/", now=clock["now"])
    tasks.work_off()
    assert not mail.taken, "one cannot say it for oneself"
    preferences.choose(cast.tess, **given, by=actor(cast.olive))
    notices.tell(cast.tess, what="credential:999", edition="30", path="/", now=clock["now"])
    Job.update(due_at=clock["now"]).execute()
    tasks.work_off()
    assert [one.edition for one in Notice.select().where(Notice.sent_at.is_null(False))] == ["0"]


# Real channels


def test_mail_says_nothing_about_anybody_and_is_named_by_its_key(cast, mail, clock):
    row = hold(cast.tess, "BLS", date(2026, 9, 8))
    day(clock, date(2026, 9, 1))
    envelope = mail.taken[0]
    notice = Notice.get(Notice.channel == "email")
    assert envelope.rcpt_tos == [cast.tess.email]
    assert header(envelope, "Subject") == TEXTS["credential"]
    assert header(envelope, "Message-ID") == f"<{notices.key(notice)}@127.0.0.1>"
    text = envelope.content.decode().split("\r\n\r\n", 1)[1]
    assert text.split() == f"{TEXTS['credential']} {SETTINGS.base_url}/credentials/{row.id}".split()


def test_a_login_is_used_where_one_is_set(cast, mail, clock, monkeypatch):
    use(monkeypatch, smtp_user="desk", smtp_password="secret")
    notices.tell(cast.tess, what="credential:999", edition="30", path="/", now=NOW)
    tasks.work_off()
    assert mail.logins == [(b"desk", b"secret")]
    assert len(mail.taken) == 1


def test_a_server_without_tls_gets_neither_mail_nor_password(cast, mail, clock, monkeypatch):
    use(monkeypatch, smtp_tls="starttls", smtp_user="desk", smtp_password="secret")
    notices.tell(cast.tess, what="credential:999", edition="30", path="/", now=NOW)
    tasks.work_off()
    assert (mail.logins, mail.taken) == ([], [])
    assert "mail server" in Notice.get().error


def certificate(folder: Path) -> Path:
    """A certificate for 127.0.0.1 with its key, which nobody has signed but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    made = x509.CertificateBuilder(
        name, name, key.public_key(), 1, NOW - timedelta(days=999), NOW + timedelta(days=9999)
    )
    named = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = made.add_extension(named, False).add_extension(x509.BasicConstraints(True, None), True)
    pem = serialization.Encoding.PEM
    plain = (pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "mail.pem"
    path.write_bytes(key.private_bytes(*plain) + made.sign(key, hashes.SHA256()).public_bytes(pem))
    return path


@pytest.mark.parametrize("trusted", [True, False])
def test_under_tls_mail_goes_to_a_server_whose_certificate_is_trusted_alone(
    cast, clock, monkeypatch, tmp_path, trusted
):
    box, port, pem = Mailbox(), free_port(), certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)
    server = Controller(
        box, hostname="127.0.0.1", port=port, tls_context=context, require_starttls=True, authenticator=box.login
    )
    server.start()
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    use(
        monkeypatch, smtp_host="127.0.0.1", smtp_port=port, smtp_from="desk@practice.example.org", smtp_user="desk",
        smtp_password="secret",
    )  # fmt: skip
    notices.tell(cast.tess, what="credential:999", edition="30", path="/", now=NOW)
    tasks.work_off()
    server.stop()
    assert (len(box.taken), len(box.logins)) == ((1, 1) if trusted else (0, 0))


def test_a_text_message_goes_to_the_persons_number(cast, clock, provider, monkeypatch):
    use(monkeypatch, sms_url=f"json://127.0.0.1:{provider.server_port}/{{to}}")
    Person.update(phone="(555) 010-0199").where(Person.id == cast.tess.id).execute()
    notices.tell(Person.get_by_id(cast.tess.id), what="credential:999", edition="30", path="/me", now=NOW)
    tasks.work_off()
    assert provider.taken == [("/+15550100199", f"{TEXTS['credential']} {SETTINGS.base_url}/me")]


def test_a_bounced_address_falls_to_the_next_channel_and_the_owner_hears_of_it(
    cast, mail, clock, provider, monkeypatch
):
    use(monkeypatch, sms_url=f"json://127.0.0.1:{provider.server_port}/{{to}}")
    Person.update(phone="555 010 0199").where(Person.id == cast.tess.id).execute()
    hold(cast.tess, "BLS", date(2026, 9, 8))

    async def refuse(server, session, envelope, address, options):
        if address.startswith("tess"):
            return "550 no such person"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    mail.handle_RCPT = refuse
    day(clock, date(2026, 9, 1))
    failed = Notice.get(Notice.person == cast.tess, Notice.channel == "email")
    assert failed.failed_at
    assert "550" in failed.error
    assert len(provider.taken) == 1
    owner = Notice.get(Notice.person == cast.olive)
    assert (owner.what, owner.sent_at is None) == (f"device:person:{cast.tess.id}", False)
    assert "Tess" not in mail.taken[0].content.decode()


def test_a_mail_server_that_is_down_is_tried_again(cast, mail, clock):
    notices.tell(cast.tess, what="credential:999", edition="30", path="/", now=NOW)
    mail.answers = ["421 busy"]
    tasks.work_off()
    assert not mail.taken
    clock["now"] += timedelta(minutes=2)
    tasks.work_off()
    assert len(mail.taken) == 1


@pytest.mark.parametrize("answer", ["500 not now", "421 closing"])
def test_mail_that_was_taken_is_not_sent_again_because_the_goodbye_failed(cast, mail, clock, answer):
    async def refuse(server, session, envelope):
        return answer

    mail.handle_QUIT = refuse
    notices.tell(cast.tess, what="credential:999", edition="30", path="/", now=NOW)
    tasks.work_off()
    clock["now"] += timedelta(minutes=2)
    tasks.work_off()
    assert len(mail.taken) == 1
    assert Notice.get().sent_at


def test_a_notice_that_takes_its_worker_down_each_time_falls_to_the_next_channel(
    cast, mail, clock, provider, monkeypatch
):
    use(monkeypatch, sms_url=f"json://127.0.0.1:{provider.server_port}/{{to}}")
    Person.update(phone="555 010 0199").where(Person.id == cast.tess.id).execute()
    notices.tell(Person.get_by_id(cast.tess.id), what="credential:999", edition="30", path="/", now=NOW)
    for _ in range(jobs.TRIES):
        assert jobs.claim(now=clock["now"], owner="whoever dies")
        clock["now"] += jobs.LEASE
    db.close()
    tasks.tick.call_local()
    db.connect()
    failed = Notice.get(Notice.person == cast.tess, Notice.channel == "email")
    assert (failed.failed_at, failed.error) == (clock["now"], "The worker died each time.")
    assert len(provider.taken) == 1
    assert Notice.get(Notice.person == cast.olive).what == f"device:person:{cast.tess.id}"


def test_what_is_not_set_up_says_so(cast, client_for):
    text = client_for(cast.tess).get("/me/alerts").get_data(as_text=True)
    for name in ("EVOKED_CONTACT", "EVOKED_SMTP_HOST", "EVOKED_SMS_URL"):
        assert name in text


# Workers that die or race

DIES = """
import os, signal, sys
import tasks
from actions import jobs, notices, preferences
def dies(module, name, before):
    whole = getattr(module, name)
    def half(*args, **given):
        if not before:
            whole(*args, **given)
        os.kill(os.getpid(), signal.SIGKILL)
    setattr(module, name, half)
step = sys.argv[1]
if step == "paused":
    held_until = preferences.held_until
    def pause(*args, **given):
        os.kill(os.getpid(), signal.SIGSTOP)
        return held_until(*args, **given)
    preferences.held_until = pause
elif step != "none":
    dies(*{"claimed": (tasks, "_mail", True), "sent": (notices, "taken", True), "marked": (notices, "taken", False),
           "settled": (jobs, "done", False)}[step])
tasks.drain.call_local()
"""


def worker(mail, step: str) -> subprocess.Popen:
    env = {
        **os.environ, "EVOKED_SMTP_HOST": "127.0.0.1", "EVOKED_SMTP_PORT": str(mail.port), "EVOKED_SMTP_TLS": "none",
        "EVOKED_SMTP_FROM": "desk@practice.example.org",
    }  # fmt: skip
    return subprocess.Popen([sys.executable, "-c", DIES, step], cwd=ROOT, env=env)


@pytest.mark.parametrize(("step", "copies"), [("claimed", 1), ("sent", 2), ("marked", 1), ("settled", 1)])
def test_a_killed_worker_sends_at_most_one_more_of_the_same_name(cast, mail, step, copies):
    notices.tell(cast.tess, what="credential:999", edition="30", path="/", now=NOW)
    assert worker(mail, step).wait(60) == -signal.SIGKILL
    Job.update(lease_until=NOW, due_at=NOW).execute()
    tasks.work_off()
    assert Notice.get().sent_at
    assert Job.get().state == "done"
    assert len(mail.ids) == copies
    assert len(set(mail.ids)) == 1


def test_two_workers_never_send_the_same_twice(cast, mail):
    for n in range(30):
        notices.tell(cast.tess, what="credential:999", edition=str(n), path="/", now=NOW)
    racing = [worker(mail, "none") for _ in range(2)]
    assert [one.wait(120) for one in racing] == [0, 0]
    assert len(mail.ids) == len(set(mail.ids)) == 30


def test_a_worker_that_was_stopped_does_not_send_what_another_has_sent(cast, mail):
    """A laptop that slept: it wakes in the middle of a job whose lease has ended."""
    notices.tell(cast.tess, what="credential:999", edition="30", path="/", now=NOW)
    stopped = worker(mail, "paused")
    _, status = os.waitpid(stopped.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    Job.update(lease_until=NOW).execute()
    tasks.work_off()
    os.kill(stopped.pid, signal.SIGCONT)
    assert stopped.wait(60) == 0
    assert len(mail.ids) == 1
    assert Job.get().state == "done"


def test_scanning_again_makes_nothing_new(cast, mail):
    for n in range(20):
        hold(cast.tess, "BLS", NOW.date() + timedelta(days=n), state=f"S{n}")
    first = alerts.scan(now=NOW)
    assert first >= 20
    assert alerts.scan(now=NOW) == 0


# Cases


def test_a_record_open_after_a_day_is_told_to_the_technologist_then_the_owner(cast, mail, clock):
    case = book(cast, starts_at=NOW)
    for hours, expected_ in ((23, []), (25, [cast.tess.id])):
        alerts.scan(now=NOW + timedelta(hours=hours))
        assert people_told(f"record:{case.id}") == expected_
    for days in (2, 3, 4, 5):
        alerts.scan(now=NOW + timedelta(days=days, hours=1))
    assert people_told(f"record:{case.id}") == [cast.tess.id, cast.olive.id]
    Case.update(closed_at=NOW).where(Case.id == case.id).execute()
    assert alerts.scan(now=NOW + timedelta(days=9)) == 0


def test_somebody_who_may_not_work_on_a_booked_case_is_told_with_the_owner_until_it_is_settled(cast, mail, clock):
    on = NOW.date() + timedelta(days=20)
    case = book(cast, date_of_service=on)
    demanded = CredentialType.get(CredentialType.name == "ACLS")
    Requirement.create(role="technologist", type=demanded)
    credentials.rejudge(now=NOW)
    clock["now"] = noon(NOW.date())
    alerts.scan(now=clock["now"])
    assert people_told(f"obstacle:{cast.tess.id}") == [cast.tess.id, cast.olive.id]
    assert alerts.scan(now=clock["now"]) == 0
    tasks.work_off()
    assert {header(one, "Subject") for one in mail.taken} == {TEXTS["obstacle"]}
    alerts.scan(now=clock["now"] + timedelta(days=3))
    Credential.create(
        person=cast.tess, type=demanded, until_on=on, verified_on=NOW.date(), verified_by=cast.olive.id
    )  # fmt: skip
    credentials.rejudge(now=NOW)
    assert not Obstacle.select().where(Obstacle.case == case.id, Obstacle.cleared_at.is_null()).exists()
    sent = len(mail.taken)
    clock["now"] += timedelta(days=3)
    tasks.work_off()
    assert len(mail.taken) == sent, "the reminder is taken back"


def test_a_device_that_was_never_proved_is_told_to_the_owner(cast, mail):
    device = enrolled(cast.tess, NOW)
    Drill.create(asked_at=NOW - timedelta(hours=1))
    alerts.scan(now=NOW + timedelta(hours=23))
    assert people_told(f"device:{device.id}") == []
    alerts.scan(now=NOW + timedelta(hours=25))
    assert people_told(f"device:{device.id}") == [cast.olive.id]


def people_told(what: str) -> list[int]:
    rows = Notice.select().where(Notice.what == what).order_by(Notice.id)
    return list(dict.fromkeys(one.person_id for one in rows))


def test_an_approved_report_is_told_to_the_physician_and_dropped_once_it_is_signed(cast, mail, clock):
    case = book(cast, closed_at=NOW)
    report = Report.create(case=case, record_rev=1, facts=b"", layout=b"", text="", text_sha256="", drafted_at=NOW)
    alerts.scan(now=NOW)
    assert people_told(f"report:{case.id}") == []
    Approval.create(report=report, by=cast.tess, at=NOW)
    alerts.scan(now=NOW)
    assert people_told(f"report:{case.id}") == [cast.pia.id]
    Case.update(signed_at=NOW).where(Case.id == case.id).execute()
    tasks.work_off()
    assert not mail.taken


def test_a_packet_not_made_in_a_day_is_told_to_the_biller(cast, mail):
    case = book(cast, people=False, closed_at=NOW, signed_at=NOW)
    alerts.scan(now=NOW + timedelta(hours=23))
    assert people_told(f"packet:{case.id}") == []
    alerts.scan(now=NOW + timedelta(hours=25))
    assert people_told(f"packet:{case.id}") == [cast.bo.id]
    Packet.create(case=case, requested_at=NOW, document=None)
    assert not alerts.is_settled(Notice.get(Notice.what == f"packet:{case.id}")), "asked for is not made"


# The fire drill


def enrolled(person: Person, at: datetime) -> Device:
    session = Session.create(
        person=person, token_hash=f"h{person.id}{at}", created_at=at, seen_at=at, expires_at=at + timedelta(days=99)
    )
    return Device.create(
        person=person, session=session, endpoint=f"https://fcm.googleapis.com/{session.id}", p256dh="k", auth="a",
        enrolled_at=at, checked_at=at,
    )  # fmt: skip


def test_a_fire_drill_goes_to_every_device_once_a_month_and_the_silent_are_told_to_the_owner(cast, mail):
    long_ago = NOW - timedelta(days=60)
    answers, silent = enrolled(cast.tess, long_ago), enrolled(cast.pia, long_ago)
    for days in range(29):
        alerts.scan(now=NOW + timedelta(days=days))
    assert Drill.select().count() == 1
    tests = Notice.select().where(Notice.what.startswith("test:"))
    assert {one.device_id for one in tests} == {answers.id, silent.id}
    assert tests.count() == 2
    alerts.scan(now=NOW + timedelta(days=31))
    assert Drill.select().count() == 2
    Device.update(proved_at=NOW + timedelta(days=31, hours=1)).where(Device.id == answers.id).execute()
    alerts.scan(now=NOW + timedelta(days=33))
    of_second = Notice.select().where(Notice.edition == f"drill {Drill.select().count()}", Notice.device.is_null())
    assert [(one.person_id, one.what) for one in of_second] == [(cast.olive.id, f"device:{silent.id}")]


def test_the_owner_starts_a_drill_and_sees_who_is_silent(cast, client_for):
    client = client_for(cast.olive)
    enrolled(cast.tess, NOW - timedelta(days=9))
    assert client.post("/drills").status_code == 303
    text = client.get("/drills").get_data(as_text=True)
    assert "Tess Tran" in text
    assert "No answer yet" in text
    assert "Pia Park" in text, "who has no device is listed too"
    assert client_for(cast.tess).get("/drills").status_code == 403


# The watcher is watched


def test_each_round_pings_the_health_check_and_a_broken_scan_stops_it(cast, provider, monkeypatch):
    use(monkeypatch, ping_url=f"http://127.0.0.1:{provider.server_port}/check")
    db.close()
    tasks.tick.call_local()
    db.connect()
    assert provider.taken == [("GET", "/check")]
    Heartbeat.update(at=NOW - timedelta(days=900)).execute()

    def broken(**given: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(alerts, "scan", broken)
    db.close()
    tasks.tick.call_local()
    db.connect()
    assert len(provider.taken) == 1, "the monitor misses the call"


def test_today_says_when_nobody_looks_for_alerts(cast, client_for):
    client = client_for(cast.olive)
    jobs.beat("worker", now=datetime.now(UTC))
    jobs.beat("alerts", now=datetime.now(UTC) - timedelta(hours=2))
    assert "looked for alerts" in client.get("/").get_data(as_text=True)
    jobs.beat("alerts", now=datetime.now(UTC))
    assert "looked for alerts" not in client.get("/").get_data(as_text=True)


# Pages


FORM = {
    "credential": ["email"], "case": ["push"], "device": ["push"], "alert_days": "45, 5", "quiet_from": "21:00",
    "quiet_until": "06:30", "zone": "America/Denver",
}  # fmt: skip


def test_one_chooses_how_one_is_told_and_the_owner_for_each(cast, client_for):
    client = client_for(cast.tess)
    assert client.post("/me/alerts", data={**FORM, "second": cast.stan.id, "urgent_breaks": "y"}).status_code == 303
    row = Preference.get(Preference.person == cast.tess)
    assert (row.channels["credential"], row.alert_days, row.quiet_from) == (["email"], [45, 5], "21:00")
    assert (row.second_id, row.urgent_breaks) == (cast.stan.id, False)
    owner = client_for(cast.olive)
    assert (
        owner.post(f"/people/{cast.tess.id}/alerts", data={**FORM, "second": "0", "urgent_breaks": "y"}).status_code
        == 303
    )
    assert Preference.get(Preference.person == cast.tess).urgent_breaks
    assert client.get(f"/people/{cast.tess.id}/alerts").status_code == 403


@pytest.mark.parametrize(
    "wrong",
    [
        {"alert_days": "soon"}, {"alert_days": "99999"}, {"quiet_from": "25:00"}, {"quiet_until": ""},
        {"quiet_until": "21:00"}, {"zone": "Denver"}, {"second": "99999"}, {"credential": ["pigeon"]},
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_beside_the_field(cast, client_for, wrong):
    assert client_for(cast.tess).post("/me/alerts", data={**FORM, "second": "0", **wrong}).status_code == 422
    assert not Preference.select().exists()


def test_from_thirty_days_on_a_credential_is_a_task(cast, client_for):
    today = datetime.now(ZONE).date()
    hold(cast.tess, "BLS", today + timedelta(days=31), number="FAR")
    hold(cast.stan, "ACLS", today + timedelta(days=12), number="NEAR")
    text = client_for(cast.stan).get("/tasks").get_data(as_text=True)
    assert "ACLS" in text
    assert "Have it verified" in text
    assert "Start by" in text
    assert "ACLS" not in client_for(cast.tess).get("/tasks").get_data(as_text=True)
    owner = client_for(cast.olive).get("/tasks").get_data(as_text=True)
    assert "Stan Stone" in owner
    assert "FAR" not in owner


# The command


def scan_command(app, *args: str):
    said = app.test_cli_runner().invoke(args=["alerts", "scan", *args])
    db.connect(reuse_if_open=True)  # a command closes it
    return said


def test_the_command_shows_what_a_day_would_tell_and_tells_only_what_is_due(cast, app, mail):
    today = datetime.now(ZONE).date()
    row = hold(cast.tess, "BLS", today + timedelta(days=200))
    said = scan_command(app, "--on", str(today + timedelta(days=110)))
    assert said.exit_code == 0, said.output
    assert f"credential:{row.id}\t90" in said.output
    assert not Notice.select().where(Notice.what == f"credential:{row.id}").exists(), "a day to come is only shown"
    assert scan_command(app).exit_code == 0
    assert scan_command(app, "--on", "2026-02-30").exit_code == 2


def test_nobody_is_the_second_person_of_oneself(cast):
    with pytest.raises(Refused):
        preferences.choose(
            cast.tess, channels={}, alert_days=[], quiet_from="", quiet_until="", zone="", second=cast.tess.id,
            urgent_breaks=False, by=actor(cast.tess),
        )  # fmt: skip
