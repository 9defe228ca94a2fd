"""Answers of receivers (TA1, 999, 277CA) are taken once, matched, and told at each claim in words.

What is not known never counts as accepted. An answer to a test file moves no claim; a verdict on a file moves only the
claims for which that file is the newest one; a rejection stands until the claim is released anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath

import peewee as pw

from actions import Actor, Refused, audit, claim_files, claims, documents
from models import SETTINGS, AnswerFile, Claim, ClaimAnswer, ClaimFile, ClaimInFile, db
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


@dataclass(frozen=True)
class Received:
    """A file of answers, and whether it was new."""

    file: AnswerFile
    fresh: bool


def receive(raw: bytes, *, name: str, by: Actor, now: datetime) -> Received:
    """Take a file of answers in, whole or not at all. The same bytes again change nothing, whatever they are called."""
    if len(raw) > SETTINGS.max_upload_mb * 1024 * 1024:
        raise Refused(f"A file may have at most {SETTINGS.max_upload_mb} MB. Nothing was changed.")
    sha256 = hashlib.sha256(raw).hexdigest()
    if known := AnswerFile.get_or_none(AnswerFile.sha256 == sha256):
        return Received(known, fresh=False)
    try:
        told = acks.answers(raw)
        usage = read(decoded(raw))[0].segments[0].at(15)
    except Unreadable as why:
        raise Refused(f"{why} Nothing was changed.") from why
    with db.atomic():
        if known := AnswerFile.get_or_none(AnswerFile.sha256 == sha256):  # somebody else was quicker
            return Received(known, fresh=False)
        sent = _Sent(told, usage)
        found = matching.matched(told, sent.parts)
        document = documents.store(
            raw, case=None, kind="answer_file", title="Answers of a receiver", pages=0, by=by, now=now
        )
        row = AnswerFile.create(
            sha256=sha256, name=PurePath(name.replace("\\", "/")).name[:120], document=document,
            unmatched=[*found.unmatched, *told.not_read], received_at=now, received_by=by.id,
        )  # fmt: skip
        audit.record(by, "receive", "answer_file", row_id=row.id, sha256=sha256, told=len(found.told))
        for one in found.told:
            _tell(row, one, sent, by=by, now=now)
    return Received(row, fresh=True)


class _Sent:
    """The files of ours that an answer may speak of, and the claims it names."""

    def __init__(self, told: acks.Answers, usage: str) -> None:
        self.usage = usage
        self.settled: set[int] = set()
        """Files of which it is known by now that they were handed in."""
        numbers = [one.interchange for one in told.interchanges] + [one.group for one in told.transactions]
        names = {one.claim for one in told.claims if one.claim}
        batches = {one.reference for one in told.claims if one.reference}
        files = list(
            ClaimFile.select().where(
                ClaimFile.interchange.in_({int(n) for n in numbers if n.isascii() and n.isdigit() and len(n) < 10})
                | ClaimFile.batch.in_(batches)
            )
        )
        self.files = {file.interchange: file for file in files}
        self.parts = [part for file in files for part in matching.sent(documents.read(file.document).decode())]
        named = Claim.select().where(pw.fn.UPPER(Claim.number).in_({name.upper() for name in names}))
        inside = {claim for part in self.parts for claim in part.claims}
        rows = [*named, *Claim.select().where(Claim.number.in_(inside))]
        self.claims = {row.number: row for row in rows}
        alone = tuple(number for number in self.claims if number not in inside)
        if alone:
            part = matching.Sent(interchange=NOBODY, group=NOBODY, transaction=NOBODY, batch=NOBODY, claims=alone)
            self.parts.append(part)

    def file_of(self, claim: Claim, told: matching.Told) -> ClaimFile | None:
        """Our file that the answer speaks of: the one it names; for a 277CA the claim's newest, of its own kind if both were made."""
        if told.interchange.isdigit():
            return self.files[int(told.interchange)]
        files = list(
            ClaimFile.select().join(ClaimInFile).where(ClaimInFile.claim == claim.id).order_by(ClaimFile.id.desc())
        )
        alike = [file for file in files if file.usage == self.usage]
        return next(iter(alike or files), None)


def _tell(row: AnswerFile, told: matching.Told, sent: _Sent, *, by: Actor, now: datetime) -> None:
    """Write one answer down at its claim, and let the claim follow it."""
    claim = Claim.get_by_id(sent.claims[told.claim].id)
    file = sent.file_of(claim, told)
    ClaimAnswer.create(file=row, claim=claim, sent=file, source=told.by, outcome=told.outcome, words=told.words)
    if file and file.id not in sent.settled:
        sent.settled.add(file.id)
        if claim_files.act_of(file) is None:
            claim_files.hand_in(file, words="The receiver has answered it.", by=by, now=now)
            claim = Claim.get_by_id(claim.id)
    if told.payer_claim_number and told.payer_claim_number != claim.payer_control:
        claims.name_payer_control(claim, told.payer_claim_number, by=by)
    if file and (file.usage == "T" or (told.interchange and not _newest(file, claim))):
        return
    _follow(claim, told, by=by, now=now)


def _newest(file: ClaimFile, claim: Claim) -> bool:
    newest = (
        ClaimInFile.select(pw.fn.MAX(ClaimInFile.file)).join(ClaimFile)
        .where(ClaimInFile.claim == claim.id, ClaimFile.usage == "P").scalar()
    )  # fmt: skip
    return newest == file.id


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
