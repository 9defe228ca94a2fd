"""What is done without a person: the queue, the schedule, shallow tasks. The only door to the network.

The queue's own file only wakes; what is to be done stands in `Job` rows, and losing the queue loses nothing.
weasyprint, pypdf, pywebpush, apprise and openai are imported here inside the work that needs them, so never in a web process.
"""

from __future__ import annotations

import io
import json
import logging
import os
import resource
import secrets
import signal
import smtplib
import sqlite3  # huey's own: the database of the app is not touched with it
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huey import SqliteHuey, crontab
from huey.registry import Message
from huey.serializer import Serializer

from actions import (
    MACHINE,
    Actor,
    Refused,
    alerts,
    audit,
    credentials,
    documents,
    jobs,
    keeping,
    notices,
    preferences,
    reports,
    screenings,
    wording,
)
from models import (
    SETTINGS,
    Batch,
    ClaimFile,
    Device,
    Document,
    Dossier,
    Invoice,
    Job,
    Notice,
    Packet,
    Person,
    Proposal,
    Report,
    Screened,
    Screening,
    Snapshot,
    Statement,
    TableImport,
    db,
)
from practice import drafting, factsheet, slots
from practice.cases import Facts
from practice.notices import endpoint_objections

if TYPE_CHECKING:
    import httpx2
    from requests import Session

log = logging.getLogger("evoked.tasks")

MEMORY_BYTES = 1_000_000_000
SECONDS = 120
"""The longest that one job may take; a hostile note can keep a layout busy for ever (reliability.md 4)."""
Effect = Callable[[], None]


class Plain(Serializer):
    """Messages as JSON. huey's own are pickles: whoever could write the queue's file could run code."""

    def _serialize(self, data: Message) -> bytes:
        return json.dumps(list(data)).encode()

    def _deserialize(self, data: bytes) -> Message:
        return Message(*json.loads(data))


def _queue() -> SqliteHuey:
    os.close(os.open(SETTINGS.queue, os.O_RDWR | os.O_CREAT, 0o600))
    return SqliteHuey("evoked", filename=str(SETTINGS.queue), results=False, serializer=Plain())


huey = _queue()


def wake() -> None:
    """Tell the worker that there is work, after the commit. If that fails, the next minute finds it."""
    try:
        drain()
    except sqlite3.Error as error:
        log.warning("the queue could not be woken: %s", type(error).__name__)


@huey.task()
def drain() -> None:
    """Do the jobs that are due."""
    with db.connection_context():
        work_off()


@huey.periodic_task(crontab(minute="*"))
def tick() -> None:
    """Each minute and at start: a sign of life, the dated work that is missing, and every job that is due."""
    with db.connection_context():
        jobs.beat("worker", now=_now())
        jobs.bury(now=_now())
        notices.give_up(now=_now())
        jobs.slot(now=_now())
        _scan()
        work_off()
        _ping()


SCAN = timedelta(minutes=10)
"""How often it is looked for what people are to be told."""


def _scan() -> None:
    """Look for alerts. If that fails, the jobs are done all the same, and the missing sign of life shows on Today."""
    now = _now()
    if not jobs.beat_older_than("alerts", SCAN, now=now):
        return
    try:
        alerts.scan(now=now)
        jobs.beat("alerts", now=now)
    except Exception as error:  # the edge: one fault in what is looked at must not stop the outbox
        log.error("alerts could not be looked for: %s", type(error).__name__)


def _ping() -> None:
    """Tell an outside monitor that a whole round was done: it tells the owner when the calls stop."""
    if not SETTINGS.ping_url or jobs.beat_older_than("alerts", 3 * SCAN, now=_now()):
        return
    from requests import RequestException

    try:
        _straight().get(SETTINGS.ping_url, timeout=PUSH_SECONDS)
    except RequestException as error:
        log.warning("the health check could not be called: %s", type(error).__name__)


@huey.on_startup()
def start() -> None:
    """Limit the worker's memory, then look for what a worker before us left undone."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    tick()


def _now() -> datetime:
    return datetime.now(UTC)


def work_off() -> int:
    """Do every job that is due, one after the other. Returns how many were tried."""
    tried = 0
    while job := jobs.claim(now=_now(), owner=secrets.token_hex(8)):
        _do(job)
        tried += 1
    return tried


def _do(job: Job) -> None:
    """One job: its slow part outside any transaction, its effect together with `done`.

    A limit interrupts a library at any place and may leave it broken for every job after it, so a process that met one
    writes down what became of the job and ends. The consumer starts another within a second, which goes on here.
    """
    limit = _Limit()
    try:
        with _renewed(job), limit:
            effect = (
                _notice(job.subject_id, lambda: jobs.hold(job, now=_now()))
                if job.kind == "notice"
                else WORK[job.kind](job.subject_id)
            )
        jobs.done(job, effect, now=_now())
    except jobs.Later as later:
        jobs.postpone(job, later.until)
    except jobs.LeaseLost:
        log.warning("job %s was done by another worker", job.id)
    except Exception as error:  # one poisoned job must not stop the others
        log.error("job %s (%s) failed: %s", job.id, job.kind, type(error).__name__)
        jobs.failed(job, str(error) if isinstance(error, Refused) else type(error).__name__, now=_now())
        limit.met |= isinstance(error, MemoryError)
    if limit.met:
        raise SystemExit("The worker met a limit and starts anew.")


@contextmanager
def _renewed(job: Job) -> Iterator[None]:
    """Renew the lease while the work lasts, so that nobody takes over what is merely slow."""
    over = threading.Event()

    def keep() -> None:
        with db.connection_context():
            while not over.wait(jobs.LEASE.total_seconds() / 4):
                jobs.renew(job, now=_now())

    keeper = threading.Thread(target=keep, daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()


class _Limit:
    """The time that one job may take. `met` says that it was not enough, whatever became of the exception."""

    def __init__(self) -> None:
        self.met = False

    def __enter__(self) -> None:
        self.before = signal.signal(signal.SIGALRM, self._give_up)
        # Again every ten seconds: a library may take the first for an error of its own and go on.
        signal.setitimer(signal.ITIMER_REAL, SECONDS, 10)

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self.before)

    def _give_up(self, *_: object) -> None:
        self.met = True
        raise TimeoutError


# The kinds of work: each does its slow part and returns its effect on the database.


def _report_pdf(report_id: int) -> Effect:
    """The PDF of a draft, or of the signed report with everything signed so far."""
    report = Report.get_by_id(report_id)
    if reports.kept(report):
        return _nothing
    print_ = reports.printed(report)
    documents.put(print_.pdf)  # the slow part of keeping; the row comes with `done`
    return lambda: _keep(print_)


def _keep(print_: reports.Printed) -> None:
    reports.keep(print_, now=_now())


def _nothing() -> None:
    """The work was done before."""


def _packet(packet_id: int) -> Effect:
    from actions import packets

    return packets.assemble(Packet.get_by_id(packet_id))


def _invoice(invoice_id: int) -> Effect:
    from actions import invoices

    return invoices.assemble(Invoice.get_by_id(invoice_id))


def _statement(statement_id: int) -> Effect:
    from actions import invoices

    return invoices.assemble_statement(Statement.get_by_id(statement_id))


class Untold(Exception):
    """A push service did not take a notice; it is tried again later."""


Hold = Callable[[], None]
"""Renews the lease of the job in hand; raises LeaseLost when another worker has it by now."""


def _notice(notice_id: int, hold: Hold) -> Effect:
    """Tell one notice on its channel, unless it is settled meanwhile; in quiet hours, later.

    The lease is renewed right before each call to the outside, so a worker that was stopped meanwhile (a laptop that
    slept, a virtual machine that was moved) does not tell what another has told. What was taken is written down as soon
    as the answer is there, before anything else is said to the other side.
    """
    notice = Notice.get_by_id(notice_id)
    if alerts.is_settled(notice):
        return lambda: alerts.take_back(notice, now=_now())
    if until := preferences.held_until(notice, now=_now()):
        raise jobs.Later(until)
    if notice.channel == "push":
        return _tell_devices(notice, hold)
    if notice.sent_at:  # whoever sent it died before the job was done
        return _nothing
    hold()
    error, final = (_mail if notice.channel == "email" else _text)(notice)
    if error and not final and not notices.last_try(notice):
        notices.tried(notice, error)
        raise Untold
    return lambda: notices.settle(notice, error, now=_now())


def _tell_devices(notice: Notice, hold: Hold) -> Effect:
    """Tell each device that was not told yet. What was taken is written down before the next call."""
    error = ""
    for device in notices.untold(notice):
        hold()
        answer = _push(notice, device)
        if answer.isdigit() and 200 <= int(answer) < 300:
            notices.taken(notice, device, now=_now())
        elif answer in ("404", "410"):
            notices.gone(device, now=_now())
        else:
            error = answer
    if error and not notices.last_try(notice):
        notices.tried(notice, error)
        raise Untold
    return lambda: notices.settle(notice, error, now=_now())


MAIL_SECONDS = 20


def _mail(notice: Notice) -> tuple[str, bool]:
    """Hand one message to the mail server. Returns what went wrong, and whether trying again is of no use.

    Once the server has answered that it took the message, nothing that goes wrong after it (QUIT is refused, the line
    drops) makes it untold again.
    """
    if not SETTINGS.smtp_host:
        return preferences.not_set_up()["email"], True
    name, subject, body = notices.email(notice)
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = SETTINGS.smtp_from, notice.person.email, subject
    message["Message-ID"], message["Date"] = name, format_datetime(_now())
    message["Auto-Submitted"] = "auto-generated"  # no out-of-office reply (RFC 3834)
    message.set_content(body)
    try:
        server = _mail_server()
        with closing(server):
            server.send_message(message)
            notices.taken(notice, None, now=_now())
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
    except smtplib.SMTPRecipientsRefused as error:
        code = next(iter(error.recipients.values()))[0]
        return f"The mail server refused the address: {code}", code >= 500
    except smtplib.SMTPResponseException as error:
        return f"The mail server answered {error.smtp_code}", False
    except (smtplib.SMTPException, OSError) as error:
        return f"The mail server could not be used: {type(error).__name__}", False
    return "", False


def _mail_server() -> smtplib.SMTP:
    """A connection, under TLS before the password is said."""
    host, port, tls = SETTINGS.smtp_host, SETTINGS.smtp_port, SETTINGS.smtp_tls
    context = ssl.create_default_context()
    if tls == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=MAIL_SECONDS, context=context)
    else:
        server = smtplib.SMTP(host, port, timeout=MAIL_SECONDS)
    try:
        if tls == "starttls":
            server.starttls(context=context)
        if SETTINGS.smtp_user:
            server.login(SETTINGS.smtp_user, SETTINGS.smtp_password)
    except BaseException:
        server.close()
        raise
    return server


def _text(notice: Notice) -> tuple[str, bool]:
    """Hand one text message to the provider of EVOKED_SMS_URL. Returns as `_mail` does."""
    number = preferences.digits(notice.person.phone)
    if not SETTINGS.sms_url:
        return preferences.not_set_up()["sms"], True
    if not number:
        return "There is no phone number to send a text message to.", True
    import apprise

    sender = apprise.Apprise(asset=apprise.AppriseAsset(secure_logging=True))
    if not sender.add(SETTINGS.sms_url.replace("{to}", number)):
        return "EVOKED_SMS_URL is no address that apprise knows.", True
    # Apprise says yes or no, not why; its own log has the rest, without the message.
    if not sender.notify(body=notices.text_message(notice)):
        return "The SMS provider did not take it.", False
    notices.taken(notice, None, now=_now())
    return "", False


PUSH_SECONDS = 10
DAY_SECONDS = 86400


def _push(notice: Notice, device: Device) -> str:
    """Hand one message to the device's push service. Returns the status it answered, or what went wrong."""
    if objections := endpoint_objections(device.endpoint, SETTINGS.push_origins):
        return objections[0]
    if not SETTINGS.contact:
        return notices.NOT_SET_UP
    from pywebpush import WebPushException, webpush
    from requests import RequestException

    subscription = {"endpoint": device.endpoint, "keys": {"p256dh": device.p256dh, "auth": device.auth}}
    try:
        answer = webpush(
            subscription,
            notices.message(notice),
            vapid_private_key=SETTINGS.vapid_private_key,
            # A new one each time: the library writes the service's name into it.
            vapid_claims={"sub": SETTINGS.contact},
            ttl=DAY_SECONDS,
            timeout=PUSH_SECONDS,
            headers={"Urgency": "high", "Topic": notices.key(notice)},
            requests_session=_straight(),
        )
    except WebPushException as error:
        return str(error.status_code or type(error).__name__)
    except RequestException as error:
        return type(error).__name__
    return str(answer.status_code)


def _straight() -> Session:
    """Calls that end where they were sent: no redirects, no proxies or passwords of the machine, no body read."""
    import requests

    class Straight(requests.Session):
        def get_redirect_target(self, resp: requests.Response) -> None:
            return None

        def request(self, *args: Any, **kwargs: Any) -> requests.Response:
            answer = super().request(*args, **{**kwargs, "allow_redirects": False, "stream": True})
            answer.close()
            answer.raw = io.BytesIO()  # the library logs the body; whatever was sent, it is empty to us
            return answer

    session = Straight()
    session.trust_env = False
    return session


# A language model. Whatever it does, the report is whole; nothing that it says stands by itself.


def _polish(proposal_id: int) -> Effect:
    """Ask the model for a wording of one draft. A question that cannot be answered is settled too, never retried."""
    proposal = Proposal.get_by_id(proposal_id)
    if proposal.state != "asked":
        return _nothing
    facts = proposal.report.read_facts()
    if reasons := wording.obstacles():
        polished, model = slots.Polished(note=reasons[0]), None
    else:
        model = Model(heard=lambda count: wording.heard(proposal, count))
        polished = polish(facts, model, sending=lambda digest: wording.sending(proposal, digest))
    tokens = (model.tokens_in, model.tokens_out) if model else (None, None)
    return lambda: wording.answer(proposal, polished, tokens_in=tokens[0], tokens_out=tokens[1], now=_now())


def polish(facts: Facts, model: Model, sending: Callable[[str], None] | None = None) -> slots.Polished:
    """Have the model word the report of these facts. Nothing is sent that still names somebody."""
    built_in = drafting.draft(facts)
    sheet = factsheet.sheet(facts, built_in)
    if not sheet.facts:
        return slots.Polished(note="There is nothing here that a model words.")
    if held := factsheet.held_back(facts, sheet):
        return slots.Polished(note=f"Nothing was sent: {', '.join(held)} still stood in the text.")
    body = factsheet.request(sheet, SETTINGS.model)
    if sending:
        sending(factsheet.request_digest(body))
    return slots.polish(
        sheet, built_in, lambda talk: model.ask({**body, "messages": talk}), slots.judge(facts, built_in)
    )


class Model:
    """One report's conversation with the model: all calls share one deadline, and none outlives it.

    A client's timeout does not stop a server that drips (reliability.md, finding 9), so each call runs in a thread
    of its own that is left behind, and its connection closed, when the time is over.
    """

    SECONDS = 6.0
    BYTES = 2_000_000
    """More than this is not an answer; a stream spends some 250 bytes on a word."""

    def __init__(self, heard: Callable[[int], None] | None = None) -> None:
        import httpx2
        import openai

        self.openai, self.httpx = openai, httpx2
        self.heard = heard
        self.tokens_in: int | None = None
        self.tokens_out: int | None = None
        self.until = time.monotonic() + self.SECONDS

    @property
    def left(self) -> float:
        return self.until - time.monotonic()

    def ask(self, body: dict[str, Any]) -> str:
        """The model's words. Raises NoAnswer with what to tell the person who waits."""
        try:
            return _Call(self).run(body)
        except self.openai.BadRequestError:
            # Servers differ in what they know of the API (report-and-phone.md 3.2): once more with the least of it.
            plain = {"model": body["model"], "messages": body["messages"], "response_format": {"type": "json_object"}}
            try:
                return _Call(self).run(plain)
            except self.openai.BadRequestError as error:
                raise slots.NoAnswer("The model's server did not accept the question.") from error


class _Call:
    """One request in a thread, with its own connection."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.pieces: list[str] = []
        self.length = 0
        self.error: Exception | None = None
        self.http = model.httpx.Client(
            transport=_bounded(model), timeout=max(model.left, 0.01), follow_redirects=False, trust_env=False
        )
        self.client = model.openai.OpenAI(
            base_url=SETTINGS.model_url, api_key=SETTINGS.model_key or "none", max_retries=0, http_client=self.http
        )

    def run(self, body: dict[str, Any]) -> str:
        """Wait for the thread, no longer than the deadline."""
        thread = threading.Thread(target=self._speak, args=(body,), daemon=True)
        thread.start()
        told = 0
        while thread.is_alive() and self.model.left > 0:
            thread.join(min(0.25, max(self.model.left, 0.01)))
            if self.model.heard and self.length > told:
                told = self.length
                self.model.heard(told)
        late = thread.is_alive()
        self.http.close()
        if late:
            raise slots.NoAnswer(TOO_SLOW)
        if self.error is not None:
            self._tell(self.error)
        return "".join(self.pieces)

    def _speak(self, body: dict[str, Any]) -> None:
        try:
            with self.client.chat.completions.with_streaming_response.create(**body) as answer:
                if answer.headers.get("content-type", "").startswith("text/event-stream"):
                    self._streamed(answer.parse())
                else:
                    self._whole(answer.read())
        except Exception as error:  # the edge: a thread's exception would be lost, and a server may send anything
            self.error = error

    def _streamed(self, stream: Any) -> None:
        finish = None
        for chunk in stream:
            if chunk.usage:
                self._count(chunk.usage.prompt_tokens, chunk.usage.completion_tokens)
            for choice in (chunk.choices or [])[:1]:
                if choice.delta.refusal:
                    raise slots.NoAnswer("The model refused.")
                self._take(choice.delta.content or "")
                finish = choice.finish_reason or finish
        self._finished(finish)

    def _whole(self, raw: bytes) -> None:
        """The answer of a server that does not stream."""
        answer = json.loads(raw)
        choice, usage = answer["choices"][0], answer.get("usage") or {}
        self._count(usage.get("prompt_tokens"), usage.get("completion_tokens"))
        if choice["message"].get("refusal"):
            raise slots.NoAnswer("The model refused.")
        self._take(choice["message"].get("content") or "")
        self._finished(choice.get("finish_reason"))

    def _take(self, piece: str) -> None:
        self.pieces.append(piece)
        self.length += len(piece)
        if self.length > slots.MOST:
            raise slots.NoAnswer("The model's answer was far too long.")

    def _count(self, sent: int | None, said: int | None) -> None:
        self.model.tokens_in = (self.model.tokens_in or 0) + int(sent or 0)
        self.model.tokens_out = (self.model.tokens_out or 0) + int(said or 0)

    def _finished(self, reason: str | None) -> None:
        """A stream that is cut raises nothing, so only an answer that says it is whole is taken."""
        if reason != "stop":
            raise slots.NoAnswer("The model's answer was cut off.")

    def _tell(self, error: Exception) -> None:
        openai, httpx = self.model.openai, self.model.httpx
        if isinstance(error, slots.NoAnswer | openai.BadRequestError):
            raise error
        if isinstance(error, openai.APITimeoutError | httpx.TimeoutException):
            raise slots.NoAnswer(TOO_SLOW) from error
        if isinstance(error, openai.APIStatusError):
            words = {401: "refused the key", 403: "refused the key", 404: "does not know the model", 429: "is too busy"}
            said = words.get(error.status_code, f"failed with status {error.status_code}")
            raise slots.NoAnswer(f"The model's server {said}.") from error
        if isinstance(error, httpx.HTTPError | openai.APIConnectionError):
            raise slots.NoAnswer("The model's server could not be reached, or broke off.") from error
        raise slots.NoAnswer("The model's server did not answer as the API says.") from error


TOO_SLOW = f"The model did not answer within {Model.SECONDS:.0f} seconds."


def _bounded(model: Model) -> httpx2.HTTPTransport:
    """A transport that reads no more than an answer may have, and nothing once the time is over."""
    httpx = model.httpx

    class Bounded(httpx.SyncByteStream):
        def __init__(self, stream: httpx2.SyncByteStream) -> None:
            self.stream = stream

        def __iter__(self) -> Iterator[bytes]:
            read = 0
            for piece in self.stream:
                read += len(piece)
                if model.left <= 0:
                    raise slots.NoAnswer(TOO_SLOW)
                if read > model.BYTES:
                    raise slots.NoAnswer("The model's answer was far too long.")
                yield piece

        def close(self) -> None:
            self.stream.close()

    class Transport(httpx.HTTPTransport):
        def handle_request(self, request: httpx2.Request) -> httpx2.Response:
            answer = super().handle_request(request)
            answer.stream = Bounded(answer.stream)
            return answer

    return Transport()


def _dossier(dossier_id: int) -> Effect:
    from actions import dossiers

    return dossiers.assemble(Dossier.get_by_id(dossier_id))


def _credentials(run_id: int) -> Effect:
    """Judge every coming case anew: what was valid when somebody was assigned may end before the day."""

    def effect() -> None:
        credentials.rejudge(now=_now())
        jobs.ran(run_id, now=_now())

    return effect


def _anchor(run_id: int) -> Effect:
    audit.anchor()
    return lambda: jobs.ran(run_id, now=_now())


def _backup(run_id: int) -> Effect:
    keeping.backup(SETTINGS.data / "backups" / "nightly")
    return lambda: jobs.ran(run_id, now=_now())


def _sweep(run_id: int) -> Effect:
    documents.sweep(now=_now())
    return lambda: jobs.ran(run_id, now=_now())


# Exclusion lists


def _exclusions(snapshot_id: int) -> Effect:
    return screenings.take_in(Snapshot.get_by_id(snapshot_id), now=_now())


def _screening(run_id: int) -> Effect:
    return screenings.run_through(Screening.get_by_id(run_id), now=_now())


def _screening_certificate(run_id: int) -> Effect:
    return screenings.certify(Screening.get_by_id(run_id), now=_now())


def _screened_certificate(result_id: int) -> Effect:
    return screenings.certify(Screened.get_by_id(result_id), now=_now())


def _exclusions_nightly(run_id: int) -> Effect:
    """Fetch the month's list where that is set up, and screen whoever is not screened against the lists in use."""
    today = _now().astimezone(SETTINGS.zone).date()
    if SETTINGS.exclusions_url and screenings.refresh_due(today):
        _download_exclusions()

    def effect() -> None:
        if screenings.needed(today):
            screenings.ask(by=MACHINE, now=_now())
        jobs.ran(run_id, now=_now())

    return effect


LIST_SECONDS = 90
LIST_BYTES = 200_000_000


def _download_exclusions() -> None:
    """Fetch the OIG's file, whole or not at all: no redirects, a deadline of our own, the length it announced."""
    import requests

    folder = SETTINGS.data / "lists"
    folder.mkdir(mode=0o700, exist_ok=True)
    session = requests.Session()
    session.trust_env = False
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".part") as file:
        try:
            with session.get(SETTINGS.exclusions_url, stream=True, timeout=20, allow_redirects=False) as answer:
                if answer.status_code != 200:
                    raise Refused(
                        f"The exclusion list could not be downloaded: the server answered {answer.status_code}."
                    )
                _received(answer, file)
                made = answer.headers.get("Last-Modified", "")
        except requests.RequestException as error:
            raise Refused(f"The exclusion list could not be downloaded: {type(error).__name__}.") from error
        made_on = parsedate_to_datetime(made).date() if made else None
        screenings.receive(Path(file.name), name="leie", made_on=made_on, allow_small=False, by=MACHINE, now=_now())


def _received(answer: Any, file: Any) -> None:
    """Write the body down as it arrives; refused when it is too long, too slow or shorter than announced."""
    end, size = time.monotonic() + LIST_SECONDS, 0
    for chunk in answer.iter_content(1 << 16):
        size += len(chunk)
        if size > LIST_BYTES or time.monotonic() > end:
            raise Refused("The exclusion list could not be downloaded: it is too long or comes too slowly.")
        file.write(chunk)
    file.flush()
    announced = answer.headers.get("Content-Length", "")
    if announced.isdigit() and "Content-Encoding" not in answer.headers and int(announced) != size:
        raise Refused("The exclusion list could not be downloaded whole. It is tried again later.")


def _rules(run_id: int) -> Effect:
    """Keep what the rules find on cases whose claims are not settled: a credential or a table may have changed."""
    from actions import rules

    rules.note_all(_now())
    return lambda: jobs.ran(run_id, now=_now())


def _claim_file(batch_id: int) -> Effect:
    from actions import claim_files

    batch = Batch.get_by_id(batch_id)
    return _nothing if batch.done_at else claim_files.make(batch, by=_asked_by(batch.requested_by), now=_now())


def _hand_in(file_id: int) -> Effect:
    from actions import claim_files

    file = ClaimFile.get_by_id(file_id)
    claim_files.submit(file, by=_asked_by(claim_files.act_of(file).by))
    return _nothing


def _answers(document_id: int) -> Effect:
    from actions import answers

    document = Document.get_by_id(document_id)
    return answers.take_in(document, by=_asked_by(document.added_by), now=_now())


def _table(table_id: int) -> Effect:
    from actions import table_files

    row = TableImport.get_or_none(TableImport.id == table_id)
    return table_files.take_in(row, by=_asked_by(row.offered_by)) if row else _nothing


def _table_load(table_id: int) -> Effect:
    from actions import table_files

    row = TableImport.get_or_none(TableImport.id == table_id)
    return (lambda: table_files.load(row, by=_asked_by(row.loaded_by), now=_now())) if row else _nothing


def _asked_by(person_id: int | None) -> Actor:
    """Whoever asked for the work, long gone from the screen."""
    return Actor(person=Person.get_by_id(person_id)) if person_id else MACHINE


def _unbilled(case_id: int) -> Effect:
    from actions import unbilled

    return unbilled.counted(case_id)


WORK: dict[str, Callable[[int], Effect]] = {  # and a notice, which needs its lease
    "report_pdf": _report_pdf,
    "packet": _packet,
    "invoice": _invoice,
    "statement": _statement,
    "unbilled": _unbilled,
    "claim_file": _claim_file,
    "hand_in": _hand_in,
    "answers": _answers,
    "table": _table,
    "table_load": _table_load,
    "polish": _polish,
    "dossier": _dossier,
    "credentials": _credentials,
    "anchor": _anchor,
    "backup": _backup,
    "sweep": _sweep,
    "exclusions": _exclusions,
    "exclusions_nightly": _exclusions_nightly,
    "rules": _rules,
    "screening": _screening,
    "screening_certificate": _screening_certificate,
    "screened_certificate": _screened_certificate,
}
