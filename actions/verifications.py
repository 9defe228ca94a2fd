"""Is this paper ours, and does it stand as it was signed? Answered to anybody who holds it, without a patient's data."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import BinaryIO

from actions import Actor, Refused, audit
from models import Addendum, Case, Document, LoginAttempt, Signature, db
from practice.wording import CODE_LENGTH

WINDOW = timedelta(minutes=15)
TRIES = 30
"""Questions from one address in a quarter of an hour: enough for a payer's desk, too few to guess codes."""


@dataclass(frozen=True)
class Verified:
    """What can be said of a paper: what it is, when it was printed, who signed, and what was added since."""

    what: str
    printed_at: datetime | None
    signatures: list[Signature]
    addenda: int
    added_since: int


def by_file(file: BinaryIO, *, by: Actor, now: datetime) -> Verified | None:
    """The print with these very bytes; None when none was made here."""
    _count(by, now)
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    document = Document.select().where(Document.sha256 == digest).order_by(Document.id).first()
    audit.record(by, "verify", "document", row_id=document.id if document else None, known=document is not None)
    if document is None or document.case_id is None or document.kind not in KINDS:
        return None
    signatures, added = _chain(document.case, until=document.added_at)
    # A draft shows nobody's signature, even when the case was signed later.
    signed = document.kind in ("report", "packet")
    return Verified(KINDS[document.kind], document.added_at, signatures if signed else [], *added)


KINDS = {
    "report": "a signed report",
    "report_draft": "a draft of a report, not signed",
    "packet": "a claim packet",
    "packet_preview": "a preview of a claim packet, not for submission",
}


def by_code(code: str, *, by: Actor, now: datetime) -> Verified | None:
    """The signed report whose text bears this short code; None when there is none."""
    _count(by, now)
    plain = re.sub(r"[^0-9a-f]", "", code.lower())
    if len(plain) != CODE_LENGTH:
        raise Refused(f"A verification code has {CODE_LENGTH} letters and digits, such as 3F2A-91C0-7B1D.")
    signature = Signature.select().where(Signature.text_sha256.startswith(plain)).first()
    audit.record(by, "verify", "signature", row_id=signature.id if signature else None, known=signature is not None)
    if signature is None:
        return None
    signatures, added = _chain(signature.case, until=None)
    return Verified("a signed report", None, signatures, *added)


def _chain(case: Case, *, until: datetime | None) -> tuple[list[Signature], tuple[int, int]]:
    """Who signed the report of a case, how many addenda it has, and how many of them a print of then lacks."""
    signatures = list(Signature.select().where(Signature.case == case.id).order_by(Signature.at))
    addenda = list(Addendum.select(Addendum.at).where(Addendum.case == case.id))
    return signatures, (len(addenda), sum(1 for one in addenda if until and one.at > until))


def _count(by: Actor, now: datetime) -> None:
    """Refuse an address that asks too often."""
    subject = hashlib.sha256(f"verify:{by.address}".encode()).hexdigest()
    with db.atomic():
        asked = LoginAttempt.select().where(LoginAttempt.subject == subject, LoginAttempt.at > now - WINDOW).count()
        if asked >= TRIES:
            raise Refused("Too many questions from here. Wait 15 minutes.")
        LoginAttempt.create(subject=subject, at=now)
