"""Files that are kept: each under its SHA-256, the file first and then its row; a wrong one is withdrawn, never deleted.

Uploads are rewritten by `practice.documents` in a process of its own, so that none can take a web process down.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

from actions import Actor, Refused, audit
from models import SETTINGS, Asked, Case, Credential, Document, Withdrawal, among, db, param
from practice.demands import PAPERS

UPLOADS = PAPERS
"""What may be uploaded to a case. Other kinds are made here and cannot be sent in or withdrawn."""
TEXTS = {"claim_file": ".837", "answer_file": ".x12"}
"""Kinds that are no PDF, and how their files end. They are sent out by their own pages, never as a document."""
SECONDS = 25
"""For one file. The web server ends a request after 30, and could say nothing any more."""
ORPHAN_AFTER = timedelta(hours=1)
_ROOT = Path(__file__).resolve().parent.parent


def path(document: Document) -> Path:
    """Where the document's bytes are."""
    return _place(document.sha256, TEXTS.get(document.kind, ".pdf"))


def _place(sha256: str, ending: str) -> Path:
    return SETTINGS.documents / sha256[:2] / f"{sha256}{ending}"


def read(document: Document) -> bytes:
    """The document's bytes, refused when they are not the ones that were stored."""
    try:
        found = path(document).read_bytes()
    except FileNotFoundError:
        found = b""
    if hashlib.sha256(found).hexdigest() != document.sha256:
        raise Refused("The stored file is damaged or gone. Restore it from the backup; nothing was changed.")
    return found


def put(pdf: bytes, ending: str = ".pdf") -> str:
    """Write the bytes under their digest: temp, fsync, rename. Whole or not at all; the same bytes are kept once."""
    sha256 = hashlib.sha256(pdf).hexdigest()
    target = _place(sha256, ending)
    if target.exists() and target.stat().st_size == len(pdf):
        os.utime(target)  # a sweep that runs right now sees that it is wanted
        return sha256
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temp = tempfile.mkstemp(dir=target.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(pdf)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temp, target)
    finally:
        Path(temp).unlink(missing_ok=True)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return sha256


def store(
    pdf: bytes, *, case: Case | None, kind: str, title: str, pages: int, made_from: str = "",
    credential: Credential | None = None, by: Actor, now: datetime,
) -> Document:  # fmt: skip
    """Keep a PDF, or a text of one of the kinds that are none (`pages` 0): its file, then its row."""
    sha256 = put(pdf, TEXTS.get(kind, ".pdf"))
    with db.atomic():
        document = Document.create(
            case=case, credential=credential, kind=kind, title=title, sha256=sha256, pages=pages, size=len(pdf),
            made_from=made_from, added_at=now, added_by=by.id,
        )  # fmt: skip
        case_id = case.id if case else None
        audit.record(by, "store", "document", row_id=document.id, case_id=case_id, kind=kind, sha256=sha256)
    return document


def upload(case: Case, *, kind: str, raw: bytes, name: str, title: str, by: Actor, now: datetime) -> Document:
    """Take a PDF or photo that belongs to a case, rewritten as a harmless PDF, or refuse with one sentence."""
    if kind not in UPLOADS:
        raise Refused("Choose what the document is.")
    pdf, pages = rewritten(raw, name)
    return store(pdf, case=case, kind=kind, title=title.strip() or UPLOADS[kind], pages=pages, by=by, now=now)


def rewritten(raw: bytes, name: str) -> tuple[bytes, int]:
    """The file as a plain PDF and how many pages it has. The name decides nothing; its ending helps to explain."""
    if len(raw) > SETTINGS.max_upload_mb * 1024 * 1024:
        raise Refused(f"A file may have at most {SETTINGS.max_upload_mb} MB. Make it smaller and send it again.")
    ending = Path(name).suffix.lower()
    ending = ending if ending.isascii() and ending[1:].isalnum() and len(ending) < 8 else ""
    return _apart(raw, ending)


def _apart(raw: bytes, ending: str, *turn: int) -> tuple[bytes, int]:
    """What `practice.documents` makes of a file in a process of its own, and how many pages that has."""
    with tempfile.TemporaryDirectory(dir=SETTINGS.data, prefix="upload-") as folder:
        source, target = Path(folder, f"in{ending}"), Path(folder, "out")
        source.write_bytes(raw)
        command = [sys.executable, "-m", "practice.documents", str(source), str(target), *map(str, turn)]
        try:
            child = subprocess.run(command, cwd=_ROOT, env={}, capture_output=True, text=True, timeout=SECONDS)  # noqa: S603
        except subprocess.TimeoutExpired as error:
            raise Refused("The file takes too long to read. Print it to a new PDF and send that one.") from error
        if child.returncode == 2 and child.stderr.strip():
            raise Refused(child.stderr.strip().splitlines()[-1])
        if child.returncode != 0:
            raise Refused("The file cannot be read. Print it to a new PDF and send that one.")
        return target.read_bytes(), json.loads(child.stdout)["pages"]


TURNS = {90: "To the right", 180: "Upside down", 270: "To the left"}


def turn(document: Document, *, degrees: int, page: int, by: Actor, now: datetime) -> Document:
    """Keep a paper of a case anew with one page turned, or all when the page is 0; the one before is withdrawn."""
    if document.kind not in UPLOADS or document.case is None:
        raise Refused("Only a paper of a case that was uploaded can be turned.")
    if degrees not in TURNS or not 0 <= page <= document.pages:
        raise Refused(f"Choose how to turn it, and a page from 1 to {document.pages}.")
    pdf, pages = _apart(read(document), ".pdf", degrees, page)
    with db.atomic():
        withdraw(document, by=by, now=now)
        return store(
            pdf, case=document.case, kind=document.kind, title=document.title, pages=pages,
            made_from=f"document:{document.id}", by=by, now=now,
        )  # fmt: skip


def withdraw(document: Document, *, by: Actor, now: datetime) -> None:
    """Say that an uploaded document was a mistake: it is kept, and no longer used."""
    with db.atomic():
        if document.kind not in (*UPLOADS, "credential"):
            raise Refused("This document was made from the record. Only what was uploaded can be withdrawn.")
        if document.withdrawals.exists():
            raise Refused("This document was withdrawn already.")
        proof = document.credential
        if proof and proof.verified_on and by.person is not None and not by.person.has("owner"):
            raise Refused("The credential was verified from this copy. Ask the owner to withdraw it.")
        Withdrawal.create(document=document, at=now, by=by.id)
        audit.record(by, "withdraw", "document", row_id=document.id, case_id=document.case_id)


def of_case(case: Case, *kinds: str) -> list[Document]:
    """The documents of a case that count, oldest first: of these kinds, none withdrawn."""
    return _OF_CASE.rows(case=case.id, kinds=kinds or tuple(UPLOADS))


_OF_CASE = Asked(
    lambda: (
        Document.select()
        .where(
            Document.case == param("case"),
            Document.kind.in_(among("kinds")),
            Document.id.not_in(Withdrawal.select(Withdrawal.document)),
        )
        .order_by(Document.added_at, Document.id)
    )
)


def sweep(*, now: datetime) -> int:
    """Delete files that no row knows: a worker or a request died between writing the file and its row."""
    known = {sha for (sha,) in Document.select(Document.sha256).distinct().tuples()}
    oldest = (now - ORPHAN_AFTER).timestamp()
    left = [
        file
        for file in (*SETTINGS.documents.glob("*/*"), *SETTINGS.data.glob("upload-*/*"))
        if file.stat().st_mtime < oldest and not (file.suffix in (".pdf", *TEXTS.values()) and file.stem in known)
    ]
    for file in left:
        file.unlink(missing_ok=True)
    return len(left)
