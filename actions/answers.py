"""Answers of receivers (TA1, 999, 277CA) are taken once, matched, and told at each claim in words.

What is not known never counts as accepted. An answer to a test file moves no claim; a verdict on a file moves only the
claims for which that file is the newest one; a rejection stands until the claim is released anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath
from typing import Any

import peewee as pw

from actions import Actor, Refused, audit, claim_files, claims, documents, jobs
from models import SETTINGS, AnswerFile, Claim, ClaimAnswer, ClaimFile, ClaimInFile, Document, Job, db
from practice.claim_states import follow
from practice.x12 import Unreadable, acks, decoded, matching, read

ADVICE = {
    "accepted": "The payer has the claim. Its next word is the remittance.",
    "received": "Seen, but not judged yet. Wait for the claim's own answer, the 277CA.",
    "partial": "Only a part of the file was taken, and which is not said. Ask the receiver.",
    "rejected": "The claim was not taken in, so this is no denial and there is nothing to appeal. Mend what is named in the "
    "case, then make the claim anew and send it as an original before the filing limit.",
    "unknown": "This answer is not known here, so it does not count as accepted. Ask the receiver what it means.",
}
"""What to do about each outcome."""
NOBODY = "-"
"""The numbers of a claim that stands in no file, for the matching: none that an answer could name."""


AT_ONCE = 100
"""Claims that an answer may speak of to be taken in while the browser waits; the worker takes in one that speaks of more."""


@dataclass(frozen=True)
class Received:
    """A file of answers, and whether it was new. Without `file` the worker takes it in, out of `document`."""

    document: Document
    file: AnswerFile | None
    fresh: bool


def receive(raw: bytes, *, name: str, by: Actor, now: datetime) -> Received:
    """Take a file of answers in, whole or not at all. The same bytes again change nothing, whatever they are called."""
    if known := _known(raw):
        return known
    reading = _Reading(raw)
    with db.atomic():
        if known := _known(raw):  # somebody else was quicker
            return known
        document = _kept(raw, name, by=by, now=now)
        _tell_all(document, reading, by=by, now=now)
    return Received(document, AnswerFile.get(AnswerFile.document == document), fresh=True)


def send_in(raw: bytes, *, name: str, by: Actor, now: datetime) -> Received:
    """Take a file in as `receive` does, or leave it to the worker when it speaks of many claims."""
    if (known := _known(raw)) or _speaks_of(told := _read(raw)[0]) <= AT_ONCE:
        return known or receive(raw, name=name, by=by, now=now)
    with db.atomic():
        sha256 = hashlib.sha256(raw).hexdigest()
        waiting = Document.get_or_none(Document.kind == "answer_file", Document.sha256 == sha256)
        document = waiting or _kept(raw, name, by=by, now=now)
        jobs.ask("answers", f"answers/{told.digest}", document.id, due_at=now)
    return Received(document, None, fresh=waiting is None)


def take_in(document: Document, *, by: Actor, now: datetime) -> Callable[[], None]:
    """The worker's part: read and match a file that was sent in, then the effect that tells it at each claim."""
    raw = documents.read(document)
    if _known(raw):
        return lambda: None
    reading = _Reading(raw)
    return lambda: None if _known(raw) else _tell_all(document, reading, by=by, now=now)


def file_of(document: Document) -> AnswerFile | None:
    """What became of a file that was sent in; None while the worker has it."""
    return AnswerFile.get_or_none(AnswerFile.document == document.id)


def waiting() -> list[Document]:
    """Files that were sent in and are not taken in yet."""
    left = Job.select(Job.subject_id).where(Job.kind == "answers", Job.state != "done")
    return list(Document.select().where(Document.id.in_(left)).order_by(Document.id))


def _known(raw: bytes) -> Received | None:
    known = AnswerFile.get_or_none(AnswerFile.sha256 == hashlib.sha256(raw).hexdigest())
    return Received(known.document, known, fresh=False) if known else None


def _kept(raw: bytes, name: str, *, by: Actor, now: datetime) -> Document:
    return documents.store(
        raw, case=None, kind="answer_file", title=PurePath(name.replace("\\", "/")).name[:120], pages=0, by=by, now=now
    )


def _read(raw: bytes) -> tuple[acks.Answers, str]:
    """What is in the file, and whether it is a test (T) or not (P). Refused when it cannot be read."""
    if len(raw) > SETTINGS.max_upload_mb * 1024 * 1024:
        raise Refused(f"A file may have at most {SETTINGS.max_upload_mb} MB. Nothing was changed.")
    try:
        return acks.answers(raw), read(decoded(raw))[0].segments[0].at(15)
    except Unreadable as why:
        raise Refused(f"{why} Nothing was changed.") from why


def _speaks_of(told: acks.Answers) -> int:
    """How many claims the answers may be told at: a few lines can be the verdict on a file of thousands."""
    return len(told.claims) + sum(file.claims for file in _answered(told))


def _answered(told: acks.Answers) -> list[ClaimFile]:
    """The files of ours that the answers name."""
    numbers = [one.interchange for one in told.interchanges] + [one.group for one in told.transactions]
    return list(
        ClaimFile.select().where(
            ClaimFile.interchange.in_({int(n) for n in numbers if n.isascii() and n.isdigit() and len(n) < 10})
            | ClaimFile.batch.in_({one.reference for one in told.claims if one.reference})
        )
    )


class _Reading:
    """A file of answers as it is read and matched, the slow part: nothing in it depends on where a claim stands."""

    def __init__(self, raw: bytes) -> None:
        told, self.usage = _read(raw)
        files = _answered(told)
        self.files = {file.interchange: file for file in files}
        parts = [part for file in files for part in matching.sent(documents.read(file.document).decode())]
        inside = {claim for part in parts for claim in part.claims}
        names = {one.claim for one in told.claims if one.claim}
        self.ids = dict(_numbered(Claim.number, inside | names))
        known = {number.upper() for number in self.ids}
        self.ids |= _numbered(pw.fn.UPPER(Claim.number), {name.upper() for name in names} - known)
        if alone := tuple(number for number in self.ids if number not in inside):
            part = matching.Sent(interchange=NOBODY, group=NOBODY, transaction=NOBODY, batch=NOBODY, claims=alone)
            parts.append(part)
        found = matching.matched(told, parts)
        self.told, self.unmatched = found.told, [*found.unmatched, *told.not_read]


def _chunks(values: Iterable[Any]) -> Iterator[list[Any]]:
    return pw.chunked(list(values), 500)


def _numbered(column: Any, numbers: Iterable[str]) -> Iterator[tuple[str, int]]:
    """The claims under these numbers, each number with its row."""
    for part in _chunks(numbers):
        yield from Claim.select(Claim.number, Claim.id).where(column.in_(part)).tuples()


def _tell_all(document: Document, reading: _Reading, *, by: Actor, now: datetime) -> None:
    """Write the file and its answers down, and let the claims follow. Inside the transaction of its caller."""
    row = AnswerFile.create(
        sha256=document.sha256, name=document.title, document=document, unmatched=reading.unmatched, received_at=now,
        received_by=by.id,
    )  # fmt: skip
    audit.record(by, "receive", "answer_file", row_id=row.id, sha256=row.sha256, told=len(reading.told))
    files = _Files(reading)
    said = [(one, reading.ids[one.claim], files.of(reading.ids[one.claim], one)) for one in reading.told]
    ClaimAnswer.insert_plain(
        ("file", "claim", "sent", "source", "outcome", "words"),
        ((row.id, claim, file and file.id, one.by, one.outcome, one.words) for one, claim, file in said),
    )
    for file in {file.id: file for _, _, file in said if file}.values():
        if claim_files.act_of(file) is None:
            claim_files.hand_in(file, words="The receiver has answered it.", by=by, now=now)
    for one, id, file in said:
        claim = Claim.get_by_id(id)
        if one.payer_claim_number and one.payer_claim_number != claim.payer_control:
            claims.name_payer_control(claim, one.payer_claim_number, by=by)
        if file and (file.usage == "T" or (one.interchange and files.newest(id) != file.id)):
            continue
        _follow(claim, one, by=by, now=now)


class _Files:
    """In which files of ours the claims stand that answers speak of, as it is now."""

    def __init__(self, reading: _Reading) -> None:
        self.reading = reading
        ids = {reading.ids[one.claim] for one in reading.told}
        rows: Any = (
            ClaimInFile.select(ClaimInFile.claim, ClaimInFile.file).where(ClaimInFile.claim.in_(part))
            .order_by(ClaimInFile.file.desc()).tuples() for part in _chunks(ids)
        )  # fmt: skip
        pairs = [pair for part in rows for pair in part]
        files = {
            file.id: file
            for part in _chunks({file for _, file in pairs})
            for file in ClaimFile.select().where(ClaimFile.id.in_(part))
        }
        self.holding: dict[int, list[ClaimFile]] = {}
        for claim, file in pairs:
            self.holding.setdefault(claim, []).append(files[file])

    def of(self, claim: int, told: matching.Told) -> ClaimFile | None:
        """Our file that the answer speaks of: the one it names; for a 277CA the claim's newest, of its own kind if both were made."""
        if told.interchange.isdigit():
            return self.reading.files[int(told.interchange)]
        files = self.holding.get(claim, [])
        alike = [file for file in files if file.usage == self.reading.usage]
        return next(iter(alike or files), None)

    def newest(self, claim: int) -> int | None:
        """The newest file in which the claim was sent for real."""
        return next((file.id for file in self.holding.get(claim, []) if file.usage == "P"), None)


def _follow(claim: Claim, told: matching.Told, *, by: Actor, now: datetime) -> None:
    """An answer shows that the claim was sent; a clear yes or no is followed, anything else only told."""
    words = f"{told.by}: {told.words}"
    if claim.state == "released" and told.outcome != "unknown":
        claim = claims.act(claim, "submit", by=by, now=now, words=f"Answered by the receiver ({told.by})")
    if told.outcome == "accepted" and claim.state == "submitted":
        claims.act(claim, "accept", by=by, now=now, words=words)
    elif told.outcome == "rejected" and follow(claim.state, "reject"):
        claims.act(claim, "reject", by=by, now=now, words=words)


def newest(claim_ids: Iterable[int]) -> dict[int, ClaimAnswer]:
    """The newest answer on each of the claims."""
    last = (
        ClaimAnswer.select(pw.fn.MAX(ClaimAnswer.id)).where(ClaimAnswer.claim.in_(list(claim_ids)))
        .group_by(ClaimAnswer.claim)
    )  # fmt: skip
    return {row.claim_id: row for row in ClaimAnswer.select().where(ClaimAnswer.id.in_(last))}


def counts(files: Sequence[AnswerFile]) -> dict[int, dict[str, int]]:
    """How many claims each file of answers names with each outcome."""
    rows = (
        ClaimAnswer.select(ClaimAnswer.file, ClaimAnswer.outcome, pw.fn.COUNT(ClaimAnswer.claim.distinct()))
        .where(ClaimAnswer.file.in_([file.id for file in files])).group_by(ClaimAnswer.file, ClaimAnswer.outcome).tuples()
    )  # fmt: skip
    found: dict[int, dict[str, int]] = {}
    for file, outcome, count in rows:
        found.setdefault(file, {})[outcome] = count
    return found
