"""Answers of receivers: taken in, what each said of which claims, what matched nothing, what to do about it."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, request, url_for
from flask_wtf import FlaskForm
from wtforms import MultipleFileField

import tasks
from actions import Refused, answers, audit, documents
from models import AnswerFile, Claim, ClaimAnswer, ClaimFile, Document, Job, Payer
from practice import claim_states as states
from views import actor, now, page, polled, roles
from views.claim_files import ADVERSE, READERS, as_file

bp = Blueprint("answers", __name__)
MOST = 50


class AnswerForm(FlaskForm):
    files = MultipleFileField(
        "Files", description="999, TA1 or 277CA as the receiver sent them, one or several at once."
    )


def find_answer_file(id: int) -> AnswerFile:
    row = AnswerFile.get_or_none(AnswerFile.id == id)
    if row is None:
        abort(404)
    return row


@bp.get("/answers")
@roles(*READERS)
def listing():
    return _listing(AnswerForm(formdata=None))


def _listing(form: AnswerForm, status: int = 200, reasons: list[str] | None = None):
    coming = answers.waiting()
    rows = list(AnswerFile.select().order_by(AnswerFile.id.desc()).limit(MOST))
    counts = answers.counts(rows)
    stand = {row.id: summary(row, counts.get(row.id, {})) for row in rows}
    return page(
        "answers/listing.html",
        status,
        form=form,
        rows=rows,
        stand=stand,
        reasons=reasons or [],
        most=MOST,
        coming=coming,
    )


def summary(row: AnswerFile, counts: dict[str, int]) -> tuple[str, str]:
    """The look of a file of answers and what it says, the worst first."""
    told = [f"{counts[name]} {name}" for name in ADVERSE if name in counts]
    if row.unmatched:
        told.append(f"{len(row.unmatched)} not ours")
    if "rejected" in counts:
        return "blocked", ", ".join(told)
    if row.unmatched or "unknown" in counts or "partial" in counts:
        return "due", ", ".join(told)
    return ("ok" if set(counts) == {"accepted"} else "unknown"), ", ".join(told) or "nothing of our claims"


@bp.post("/answers")
@roles("owner", "biller")
def add():
    """Take files in, each by itself: one that cannot be read does not stop the others."""
    form = AnswerForm()
    files = [file for file in request.files.getlist("files") if file.filename]
    if not files:
        form.files.errors = ["Choose the files that the receiver sent."]
        return _listing(form, 422)
    reasons, taken = [], []
    for file in files:
        try:
            taken.append((file.filename, answers.send_in(file.read(), name=file.filename or "", by=actor(), now=now())))
        except Refused as refused:
            reasons += [f"{file.filename}: {reason}" for reason in refused.reasons]
    tasks.wake()
    for name, one in taken:
        flash(f"{name} {_became(one)}")
    if reasons:
        return _listing(form, 422, reasons)
    if len(taken) == 1:
        (_, one) = taken[0]
        if one.file is None:
            return redirect(url_for("answers.progress", id=one.document.id), 303)
        return redirect(url_for("answers.show", id=one.file.id), 303)
    return redirect(url_for("answers.listing"), 303)


def _became(one: answers.Received) -> str:
    if not one.fresh:
        return "was here before. Nothing was changed."
    return "was taken in." if one.file else "speaks of many claims and is being taken in."


@bp.get("/answers/files/<row:id>")
@roles(*READERS)
@polled
def progress(id: int):
    """A file that speaks of many claims while the worker takes it in; it asks for itself until that is done."""
    document = Document.get_or_none(Document.id == id, Document.kind == "answer_file")
    if document is None:
        abort(404)
    job = Job.select().where(Job.kind == "answers", Job.subject_id == document.id).first()
    return page("answers/progress.html", document=document, job=job, file=answers.file_of(document))


@bp.get("/answers/<row:id>")
@roles(*READERS)
def show(id: int):
    row = find_answer_file(id)
    told = list(
        ClaimAnswer.select(ClaimAnswer, Claim, Payer, ClaimFile).join(Claim).join(Payer).switch(ClaimAnswer)
        .left_outer_join(ClaimFile).where(ClaimAnswer.file == row.id).order_by(ClaimAnswer.id)
    )  # fmt: skip
    audit.viewed(actor(), "answer_file", row_id=row.id, listed=len(told))
    groups = [(name, [one for one in told if one.outcome == name]) for name in ADVERSE]
    return page(
        "answers/show.html", row=row, groups=[group for group in groups if group[1]], advice=answers.ADVICE,
        words=states.WORDS, summary=summary(row, answers.counts([row]).get(row.id, {})),
    )  # fmt: skip


@bp.get("/answers/<row:id>/content")
@roles("owner", "biller")
def download(id: int):
    """The file as it came."""
    row = find_answer_file(id)
    audit.viewed(actor(), "answer_file", row_id=row.id, content=True)
    return as_file(documents.read(row.document), f"answer-{row.id}.x12")
