"""Released claims become 837P files: written, checked, numbered once for ever, handed in by a person.

Making a file moves no claim: a file on this server was sent to nobody. Its claims become submitted when a person says
that it was handed in, or when the receiver answers it. A test file (ISA15 T) never moves a claim. Until then a file can
be given up, and its claims go into another; its numbers stay used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import msgspec
import peewee as pw

from actions import Actor, Refused, audit, claims, counters, documents, jobs, tables
from models import (
    SETTINGS,
    Batch,
    Claim,
    ClaimAct,
    ClaimAnswer,
    ClaimFile,
    ClaimInFile,
    FileAct,
    Job,
    Payer,
    Receiver,
    db,
)
from practice.claims import Claim as Body
from practice.x12 import checks, p837, telling

COUNTED_FROM = datetime(2026, 1, 1, tzinfo=UTC)
"""Numbers are never below the seconds since then, see `counters.take`; the nine digits of ISA13 last until 2057."""
SENDER = "submitter_"
"""How an option begins that is the sender's own: submitter_isa_id is p837.Submitter.isa_id."""
MOST = 5000
"""Claims in one file: the most that receivers take in one transaction (claims-files.md 4)."""
AT_ONCE = 100
"""Claims that are submitted while the browser waits when their file is handed in; the worker submits more."""


# What waits


def waiting(receiver: Receiver | None = None) -> pw.ModelSelect:
    """Released claims that go to a receiver (to this one, if given) and stand in no file that may still be handed in."""
    pending = (
        ClaimInFile.select(ClaimInFile.claim).join(ClaimFile)
        .join(FileAct, pw.JOIN.LEFT_OUTER, on=(FileAct.file == ClaimFile.id))
        .where(ClaimFile.usage == "P", FileAct.id.is_null() | ClaimFile.id.in_(_being_submitted()))
    )  # fmt: skip
    whose = Payer.receiver.is_null(False) if receiver is None else Payer.receiver == receiver.id
    found = Claim.select(Claim, Payer).join(Payer).where(Claim.state == "released", whose, Claim.id.not_in(pending))
    return found.order_by(Claim.date_of_service, Claim.id)


def _being_submitted() -> pw.ModelSelect:
    """The files that were handed in and whose claims the worker still moves."""
    return Job.select(Job.subject_id).where(Job.kind == "hand_in", Job.state != "done")


def objections(rows: Sequence[Claim], receiver: Receiver) -> list[tuple[int | None, str]]:
    """Why claims cannot go into a file now, each with its row number."""
    free = {row.id for row in waiting(receiver)}
    found: list[tuple[int | None, str]] = [(None, "Choose at least one claim.")] if not rows else []
    if len(rows) > MOST:
        found.append((None, f"{len(rows):,} claims are too many for one file; {MOST:,} is the most a receiver takes."))
    for row in rows:
        if row.id not in free:
            found.append((row.id, f"Claim {row.number} {_elsewhere(row, receiver)}"))
    return found


def _elsewhere(row: Claim, receiver: Receiver) -> str:
    if row.state != "released":
        return f"is {row.state} and not released any more."
    if row.payer.receiver_id != receiver.id:
        return f"does not go to {receiver.name}: {row.payer.name} is sent elsewhere."
    holding = row.files.join(ClaimFile).order_by(ClaimInFile.id.desc()).first()
    if act_of(holding.file):
        return f"is being submitted with file {holding.file.interchange:09d}."
    return f"stands in file {holding.file.interchange:09d} already. Hand that one in, or give it up."


# A batch becomes a file, by the worker


def request(receiver: Receiver, claim_ids: Iterable[int], *, by: Actor, now: datetime) -> Batch:
    """Ask for one file of these claims. Refused when one of them cannot go; the worker writes and checks it."""
    with db.atomic():
        batch = _batch(receiver, claim_ids, by=by, now=now)
        jobs.ask("claim_file", f"claim_file/{batch.id}", batch.id, due_at=now)
    return batch


def _batch(receiver: Receiver, claim_ids: Iterable[int], *, by: Actor, now: datetime) -> Batch:
    rows = _rows(claim_ids)
    if reasons := [said for _, said in objections(rows, receiver)]:
        raise Refused(*reasons)
    batch = Batch.create(receiver=receiver, claims=[row.id for row in rows], requested_at=now, requested_by=by.id)
    audit.record(by, "ask", "claim_file", row_id=batch.id, claims=len(rows))
    return batch


def _rows(ids: Iterable[int]) -> list[Claim]:
    """The claims in the order of their services, each once."""
    found = Claim.select(Claim, Payer).join(Payer).where(Claim.id.in_(set(ids)))
    return sorted(found, key=lambda row: (row.date_of_service, row.id))


@dataclass(frozen=True)
class Made:
    """A batch as it was written and checked under a number that is not its own yet, and what is against it."""

    bodies: tuple[Body, ...]
    problems: tuple[tuple[int | None, str], ...]
    notes: tuple[str, ...] = ()


def make(batch: Batch, *, by: Actor, now: datetime) -> Callable[[], None]:
    """Write and check the batch, the slow part. The effect gives it its numbers, or writes down why there is no file."""
    receiver, rows = batch.receiver, _rows(batch.claims)
    tried = _tried(rows, receiver, now)

    def effect() -> None:
        problems = [*objections(rows_now(rows), receiver), *tried.problems]
        if problems:
            Batch.update(problems=problems, done_at=now).where(Batch.id == batch.id).execute()
            audit.record(by, "refuse", "claim_file", row_id=batch.id, problems=len(problems))
            return
        file = _numbered(rows, tried, receiver, by=by, now=now)
        Batch.update(file=file, done_at=now).where(Batch.id == batch.id).execute()

    return effect


def rows_now(rows: Sequence[Claim]) -> list[Claim]:
    """The claims as they are by now."""
    return _rows(row.id for row in rows)


def _tried(rows: Sequence[Claim], receiver: Receiver, now: datetime) -> Made:
    bodies = tuple(claims.body(row) for row in rows)
    ids = {body.control_number: row.id for body, row in zip(bodies, rows, strict=True)}
    try:
        written = _written(bodies, receiver, 999_999_999, now)
    except p837.Unwritable as why:
        refused = tuple((_named(said, ids), said) for said in why.reasons)
        blamed = {row for row, _ in refused}
        sound = [row for row in rows if row.id not in blamed]
        rest = _tried(sound, receiver, now).problems if sound and None not in blamed else ()
        return Made(bodies, (*refused, *rest))
    except Refused as why:
        return Made(bodies, tuple((None, said) for said in why.reasons))
    data = written.text.encode()
    found = telling.told(data, checks.check(data, today=_local(now).date(), diagnosis=diagnosis()).findings)
    problems = [
        (ids.get(number), said.of(number))
        for said in found
        if said.severity == "error"
        for number in said.claims or ("",)
    ]
    notes = [said.of(number) for said in found if said.severity != "error" for number in said.claims or ("",)]
    return Made(bodies, tuple(problems), (*written.notes, *notes))


def _named(said: str, ids: dict[str, int]) -> int | None:
    """The claim that a refusal of the writer begins with."""
    found = re.match(r"Claim (\S+?)[: ]", said)
    return ids.get(found[1]) if found else None


def _written(bodies: Sequence[Body], receiver: Receiver, number: int, now: datetime) -> p837.Written:
    controls = p837.Controls(interchange=number, group=number, batch=f"EVOKED{number:09d}")
    submitter, to = parties(receiver, bodies[0].billing.name)
    return p837.write(bodies, submitter=submitter, receiver=to, controls=controls, at=_local(now))


def _local(now: datetime) -> datetime:
    """The wall clock of the practice: a file of tonight must not bear tomorrow's date."""
    return now.astimezone(SETTINGS.zone)


def parties(row: Receiver, sender: str) -> tuple[p837.Submitter, p837.Receiver]:
    """Sender and receiver as the writer wants them. Refused when the options kept for the receiver are none of it."""
    own = {name: value for name, value in row.options.items() if not name.startswith(SENDER)}
    ours = {name.removeprefix(SENDER): value for name, value in row.options.items() if name.startswith(SENDER)}
    try:
        to = msgspec.convert(
            {"name": row.name, "id": row.receiver_id, "usage": row.usage, **own}, p837.Receiver, strict=True
        )
        submitter = msgspec.convert(
            {"name": sender, "id": row.submitter_id, "contact": row.contact or "Billing", "phone": row.phone,
             "email": row.email, **ours}, p837.Submitter, strict=True,
        )  # fmt: skip
    except msgspec.ValidationError as error:
        raise Refused(f"The options of {row.name} cannot be used: {error}. Open the receiver under Places.") from error
    return submitter, to


def diagnosis() -> checks.Diagnosis:
    """What the imported ICD-10-CM table has against a code on a day; nothing while no table of that day is there."""
    said = {"header": "is a heading: code it to its last sign", "not_valid": "is not valid on the day of service"}

    @cache
    def ask(code: str, on: date) -> str | None:
        found = tables.diagnosis(code, on)
        return f"{code} {said[found]}." if found in said else None

    return ask


def _numbered(rows: Sequence[Claim], tried: Made, receiver: Receiver, *, by: Actor, now: datetime) -> ClaimFile:
    """The same file under numbers of its own, kept; inside the transaction that gives them out."""
    number = counters.take("interchange", least=(now - COUNTED_FROM) // timedelta(seconds=1))
    written = _written(tried.bodies, receiver, number, now)
    document = documents.store(
        written.text.encode(), case=None, kind="claim_file", title=f"Claim file {number:09d}", pages=0, by=by, now=now
    )  # fmt: skip
    file = ClaimFile.create(
        receiver=receiver, usage=receiver.usage, interchange=number, batch=f"EVOKED{number:09d}", claims=len(rows),
        cents=sum(row.total_cents for row in rows), notes=list(tried.notes), document=document, made_at=now, made_by=by.id,
    )  # fmt: skip
    for part in pw.chunked(({"file": file.id, "claim": row.id} for row in rows), 300):
        ClaimInFile.insert_many(part).execute()
    audit.record(by, "make", "claim_file", row_id=file.id, sha256=document.sha256, claims=len(rows))
    return file


# What becomes of a file


def act_of(file: ClaimFile) -> FileAct | None:
    return file.acts.first()


def strays(file: ClaimFile) -> list[Claim]:
    """Claims of a file that is still here which were held, recalled or withdrawn after it was made."""
    if act_of(file):
        return []
    return list(Claim.select().join(ClaimInFile).where(ClaimInFile.file == file.id, Claim.state != "released"))


def download(file: ClaimFile, *, by: Actor) -> bytes:
    """The file's bytes. Refused once it was given up, or while a claim in it is not released any more."""
    act = act_of(file)
    if act and act.act == "given_up":
        raise Refused("This file was given up; its claims go into another. It must not be handed in.")
    if gone := strays(file) if file.usage == "P" else []:
        raise Refused(
            *(f"Claim {row.number} is {row.state} since the file was made." for row in gone),
            "Give the file up and make a new one: what was handed in cannot be taken back.",
        )
    found = documents.read(file.document)
    audit.record(by, "download", "claim_file", row_id=file.id, sha256=file.document.sha256)
    return found


def hand_in(file: ClaimFile, *, words: str = "", by: Actor, now: datetime) -> None:
    """The file is with the receiver: its claims are submitted, those of a large file by the worker."""
    with db.atomic():
        if _settled(file):
            raise Refused("What became of this file was said already.")
        FileAct.create(file=file, act="handed_in", words=words.strip(), at=now, by=by.id)
        audit.record(by, "hand in", "claim_file", row_id=file.id)
        if file.usage == "T":
            return
        if file.claims > AT_ONCE:
            jobs.ask("hand_in", f"hand_in/{file.id}", file.id, due_at=now)
        else:
            submit(file, by=by)


def submit(file: ClaimFile, *, by: Actor) -> None:
    """Move the claims of a file that was handed in, a few at a time so that nobody waits for the database.

    Whoever was moved before is passed over: a worker that died half way is followed by one that does the rest.
    """
    at = act_of(file).at
    ids = ClaimInFile.select(ClaimInFile.claim).where(ClaimInFile.file == file.id).order_by(ClaimInFile.id).tuples()
    for part in pw.chunked([id for (id,) in ids], AT_ONCE):
        with db.atomic():
            for row in list(Claim.select(Claim.id).where(Claim.id.in_(part), Claim.state == "released")):
                claims.act(row, "submit", by=by, now=at, words=f"In file {file.interchange:09d}")


def unsubmitted(file: ClaimFile) -> list[Claim]:
    """Claims that were sent with a file and do not count as submitted: they had left `released` when it was handed in."""
    act = act_of(file)
    if act is None or act.act != "handed_in" or file.usage == "T":
        return []
    went = ClaimAct.select().where(ClaimAct.claim == Claim.id, ClaimAct.act == "submit", ClaimAct.at >= file.made_at)
    rows = Claim.select().join(ClaimInFile).where(ClaimInFile.file == file.id, ~pw.fn.EXISTS(went))
    return list(rows.order_by(ClaimInFile.id))


def give_up(file: ClaimFile, *, words: str = "", by: Actor, now: datetime) -> None:
    """The file was and will be handed in nowhere: its claims may go into another. Its numbers stay used."""
    with db.atomic():
        if _settled(file):
            raise Refused("What became of this file was said already.")
        if ClaimAnswer.select().where(ClaimAnswer.sent == file.id).exists():
            raise Refused("The receiver has answered this file, so it was handed in.")
        FileAct.create(file=file, act="given_up", words=words.strip(), at=now, by=by.id)
        audit.record(by, "give up", "claim_file", row_id=file.id)


def _settled(file: ClaimFile) -> bool:
    return FileAct.select().where(FileAct.file == file.id).exists()


def export(receiver: Receiver, *, by: Actor, now: datetime) -> ClaimFile:
    """Everything that waits for a receiver as one file, at once. Refused with every reason when one claim is not sound."""
    return _at_once(receiver, [row.id for row in waiting(receiver)], by=by, now=now)


def alone(claim: Claim, *, by: Actor, now: datetime) -> bytes:
    """A released claim as a file of its own; the file it stands in already, when that holds it alone."""
    if claim.payer.receiver is None:
        raise Refused(f"{claim.payer.name} has no receiver, so its claims are printed. Name one under Places, Payers.")
    last = (
        ClaimFile.select().join(ClaimInFile).where(ClaimInFile.claim == claim.id).order_by(ClaimFile.id.desc()).first()
    )
    if last and last.claims == 1 and not act_of(last):
        return download(last, by=by)
    return download(_at_once(claim.payer.receiver, [claim.id], by=by, now=now), by=by)


def _at_once(receiver: Receiver, ids: Sequence[int], *, by: Actor, now: datetime) -> ClaimFile:
    with db.atomic():
        batch = _batch(receiver, ids, by=by, now=now)
    effect = make(batch, by=by, now=now)
    with db.atomic():
        effect()
    batch = Batch.get_by_id(batch.id)
    if batch.file is None:
        raise Refused(*(said for _, said in batch.problems))
    return batch.file


def answered(files: Sequence[ClaimFile]) -> dict[int, dict[str, int]]:
    """How many claims of each file stand answered with each outcome, by the newest answer on the claim."""
    newest = (
        ClaimAnswer.select(ClaimAnswer.sent, ClaimAnswer.claim, pw.fn.MAX(ClaimAnswer.id).alias("last"))
        .where(ClaimAnswer.sent.in_([file.id for file in files])).group_by(ClaimAnswer.sent, ClaimAnswer.claim)
    )  # fmt: skip
    rows: Any = (
        ClaimAnswer.select(ClaimAnswer.sent, ClaimAnswer.outcome, pw.fn.COUNT(ClaimAnswer.id))
        .join(newest, on=(newest.c.last == ClaimAnswer.id)).group_by(ClaimAnswer.sent, ClaimAnswer.outcome).tuples()
    )  # fmt: skip
    found: dict[int, dict[str, int]] = {}
    for sent, outcome, count in rows:
        found.setdefault(sent, {})[outcome] = count
    return found
