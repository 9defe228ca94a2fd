"""Claim files: what waits to be sent, files being made, each file with its claims, answers and what became of it."""

from __future__ import annotations

import peewee as pw
from flask import Blueprint, Response, abort, flash, redirect, request, url_for
from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import Length

import tasks
from actions import Refused, answers, audit, claim_files
from models import (
    AnswerFile,
    Batch,
    Case,
    Claim,
    ClaimAnswer,
    ClaimFile,
    ClaimInFile,
    FileAct,
    Job,
    Patient,
    Payer,
    Person,
    Receiver,
)
from practice import claim_states as states
from views import actor, is_part, now, page, polled, roles, row_id

bp = Blueprint("claim_files", __name__)
READERS = ("owner", "biller", "auditor")
MOST = 50
TO_HAND_IN, HANDED_IN, GIVEN_UP = ("due", "to hand in"), ("unknown", "handed in, no answer"), ("unknown", "given up")


class ActForm(FlaskForm):
    words = StringField(
        "Note", [Length(max=200)], description="Such as where it was uploaded, without a patient's name."
    )


def find_file(id: int) -> ClaimFile:
    file = ClaimFile.select(ClaimFile, Receiver).join(Receiver).where(ClaimFile.id == id).first()
    if file is None:
        abort(404)
    return file


def find_batch(id: int) -> Batch:
    batch = Batch.select(Batch, Receiver).join(Receiver).where(Batch.id == id).first()
    if batch is None:
        abort(404)
    return batch


def find_receiver(id: int | None) -> Receiver:
    receiver = Receiver.get_or_none(Receiver.id == (id or 0), Receiver.archived_at.is_null())
    if receiver is None:
        abort(404)
    return receiver


@bp.get("/claim-files")
@roles(*READERS)
def listing():
    return _listing()


def _listing(status: int = 200, reasons: list[str] | None = None):
    waiting: dict[int, list[Claim]] = {}
    for row in claim_files.waiting():
        waiting.setdefault(row.payer.receiver_id, []).append(row)
    receivers = list(Receiver.select().where(Receiver.archived_at.is_null()).order_by(Receiver.name))
    files = list(ClaimFile.select(ClaimFile, Receiver).join(Receiver).order_by(ClaimFile.id.desc()).limit(MOST))
    acts = {row.file_id: row for row in FileAct.select().where(FileAct.file.in_([file.id for file in files]))}
    answered = claim_files.answered(files)
    being_made = list(Batch.select(Batch, Receiver).join(Receiver).where(Batch.done_at.is_null()).order_by(Batch.id))
    return page(
        "claim_files/listing.html", status, receivers=receivers, waiting=waiting, being_made=being_made, reasons=reasons or [],
        files=[(file, stand(file, acts.get(file.id), answered.get(file.id, {}))) for file in files], full=len(files) == MOST, most=MOST,
    )  # fmt: skip


def stand(file: ClaimFile, act: FileAct | None, answered: dict[str, int]) -> tuple[str, str]:
    """A file's state and its words: what became of it, and of its claims by their newest answers."""
    if act and act.act == "given_up":
        return GIVEN_UP
    if not answered:
        return HANDED_IN if act else TO_HAND_IN
    told = ", ".join(f"{answered[name]} {name}" for name in ADVERSE if name in answered)
    silent = file.claims - sum(answered.values())
    if answered.get("rejected"):
        return "blocked", told
    if answered.get("unknown") or answered.get("partial"):
        return "due", told
    return (
        "ok" if answered.get("accepted") == file.claims else "unknown"
    ), f"{told}, {silent} silent" if silent else told


ADVERSE = ("rejected", "unknown", "partial", "received", "accepted")
"""Outcomes, what asks for work first."""


# A batch


@bp.post("/claim-files")
@roles("owner", "biller")
def ask():
    """Ask for a file of the claims that were ticked, or of all that wait."""
    receiver = find_receiver(request.form.get("receiver", type=row_id))
    chosen = request.form.getlist("claim", type=row_id)
    ids = (
        chosen
        if "claim" in request.form or "some" in request.form
        else [row.id for row in claim_files.waiting(receiver)]
    )
    try:
        batch = claim_files.request(receiver, ids, by=actor(), now=now())
    except Refused as refused:
        return _listing(422, refused.reasons)
    tasks.wake()
    return redirect(url_for("claim_files.progress", id=batch.id), 303)


@bp.get("/receivers/<row:id>/claims")
@roles("owner", "biller")
def choose(id: int):
    """The claims that wait for a receiver, each to be ticked."""
    receiver = find_receiver(id)
    rows = _shown(claim_files.waiting(receiver))
    audit.viewed(actor(), "claim", listed=[row.id for row in rows])
    return page("claim_files/choose.html", receiver=receiver, rows=rows)


def _shown(query: pw.ModelSelect) -> list[Claim]:
    """Claims with the case and patient they are shown by."""
    found = query.select_extend(Case, Patient).switch(Claim).join(Case).join(Patient)
    return list(found)


@bp.get("/batches/<row:id>")
@roles(*READERS)
@polled
def progress(id: int):
    """A file while it is made; it asks for itself until it is there, or says what stands in the way."""
    batch = find_batch(id)
    faulty = {row for row, _ in batch.problems if row}
    left = [row for row in batch.claims if row not in faulty]
    job = Job.get_or_none(Job.key == f"claim_file/{batch.id}")
    whole_file = any(row is None for row, _ in batch.problems)
    cases = dict(Claim.select(Claim.id, Claim.case).where(Claim.id.in_(faulty)).tuples())
    return page(
        "claim_files/progress.html", batch=batch, job=job, left=[] if whole_file else left, faulty=len(faulty), cases=cases
    )  # fmt: skip


# A file


@bp.get("/claim-files/<row:id>")
@roles(*READERS)
def show(id: int):
    return _show(find_file(id))


def _show(file: ClaimFile, status: int = 200, reasons: list[str] | None = None):
    rows = _shown(
        Claim.select(Claim, Payer).join(Payer).switch(Claim).join(ClaimInFile, on=(ClaimInFile.claim == Claim.id))
        .where(ClaimInFile.file == file.id).order_by(ClaimInFile.id)
    )  # fmt: skip
    audit.viewed(actor(), "claim_file", row_id=file.id, listed=len(rows))
    act = claim_files.act_of(file)
    names = dict(Person.select(Person.id, Person.name).tuples())
    newest = answers.newest(row.id for row in rows)
    came = list(
        AnswerFile.select().where(AnswerFile.id.in_(ClaimAnswer.select(ClaimAnswer.file).where(ClaimAnswer.sent == file.id)))
        .order_by(AnswerFile.id.desc())
    )  # fmt: skip
    return page(
        "claim_files/show.html", status, rows=rows, act=act, names=names, newest=newest, came=came,
        strays=claim_files.strays(file), **_moving(file), stand=stand(file, act, claim_files.answered([file]).get(file.id, {})),
        words=states.WORDS, advice=answers.ADVICE, reasons=reasons or [], form=ActForm(formdata=None),
    )  # fmt: skip


def _moving(file: ClaimFile) -> dict[str, object]:
    """Whether the worker still submits the claims of a file, how far it is, and what stays behind once it is done."""
    job = Job.get_or_none(Job.key == f"hand_in/{file.id}", Job.state != "done")
    left = file.contents.join(Claim).where(Claim.state == "released").count() if job else 0
    return {
        "file": file, "job": job, "share": 100 * (file.claims - left) // max(file.claims, 1),
        "unsubmitted": [] if job else claim_files.unsubmitted(file),
    }  # fmt: skip


@bp.get("/claim-files/<row:id>/handing-in")
@roles(*READERS)
@polled
def handing_in(id: int):
    """The claims of a large file while the worker submits them; a part of the file's page."""
    file = find_file(id)
    if not is_part():
        return redirect(url_for("claim_files.show", id=file.id))
    return page("claim_files/handing_in.html", **_moving(file), asked_again=True)


@bp.get("/claim-files/<row:id>/content")
@roles("owner", "biller")
def download(id: int):
    """The file itself; its name says nothing of a patient."""
    file = find_file(id)
    try:
        content = claim_files.download(file, by=actor())
    except Refused as refused:
        return _show(file, 422, refused.reasons)
    return as_file(content, f"claims-{file.interchange:09d}{'-test' if file.usage == 'T' else ''}.837")


def as_file(content: bytes, name: str) -> Response:
    """Bytes as a download that can do nothing where it is opened."""
    answer = Response(content, mimetype="application/octet-stream")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Content-Security-Policy"] = "sandbox"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


@bp.post("/claim-files/<row:id>/handing-in")
@roles("owner", "biller")
def hand_in(id: int):
    file = find_file(id)
    try:
        claim_files.hand_in(file, words=request.form.get("words", "")[:200], by=actor(), now=now())
    except Refused as refused:
        return _show(file, 422, refused.reasons)
    tasks.wake()
    flash("The file is with the receiver." + ("" if file.usage == "T" else " Its claims are submitted."))
    return redirect(url_for("claim_files.show", id=file.id), 303)


@bp.post("/claim-files/<row:id>/giving-up")
@roles("owner", "biller")
def give_up(id: int):
    file = find_file(id)
    try:
        claim_files.give_up(file, words=request.form.get("words", "")[:200], by=actor(), now=now())
    except Refused as refused:
        return _show(file, 422, refused.reasons)
    flash("The file is given up. Its claims wait again to be put into another.")
    return redirect(url_for("claim_files.show", id=file.id), 303)
