"""The report: signed, in time, by a person who read it, about this patient alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from ..coding import CONTINUOUS, DEMANDS
from .given import CaseForScrub
from .people import _same
from .rules import HOUSE, S11, S20, Said, V, rule

_LATE, _TOO_LATE = timedelta(hours=72), timedelta(days=14)
_PAPERS = {"order": "the order", "op_note": "the operative note", "anesthesia": "the anesthesia record"}


@rule("DOC-28", "block", "Has the physician given an impression?", S11)
def _impression(case: CaseForScrub) -> Iterator[Said]:
    if case.facts.impression is None and not case.signatures:
        yield Said("block", "The physician has not confirmed or written the impression: do so on the report.", "report")


@rule("DOC-29", "block", "Is the report signed by the physician, and the record by the technologist?", HOUSE)
def _signed(case: CaseForScrub) -> Iterator[Said]:
    if case.facts.signoff.technologist is None and not case.report.approved:
        yield Said("block", "The technologist has not signed off the record: close and approve it.", "record#closing")
    if not case.signatures:
        yield Said("block", "The report is not signed: the physician signs it.", "report")
        return
    latest = max(case.signatures, key=lambda signature: signature.at)
    if case.report.stale or case.report.sha256 not in (None, latest.text_sha256):
        yield Said(
            "block", "The record changed after the signature: make the report anew or add an addendum.", "report"
        )
    if case.ended_at and latest.at < case.ended_at:
        yield Said("block", "The report was signed before the monitoring ended: sign it again.", "report")
    for line in case.coding.lines:
        if line.code in CONTINUOUS and line.rendering and not _has_signed(case, line.rendering, line.rendering_name):
            yield Said(
                "error",
                f"{line.rendering_name} has minutes on the claim and has not signed: each signs their own.",
                "report",
            )


@rule("DOC-30", "warn", "Was the report signed soon after the case?", "own rule: 72 hours, at most 14 days")
def _soon(case: CaseForScrub) -> Iterator[Said]:
    if not case.signatures or case.ended_at is None:
        return
    took = min(signature.at for signature in case.signatures) - case.ended_at
    if took > _TOO_LATE:
        said = f"The report was signed {took.days} days after the case: a payer will ask why; note the reason as an addendum."
        yield Said("warn", said, "report")
    elif took > _LATE:
        said = f"The report was signed {took // timedelta(hours=1)} hours after the case; a payer may ask why."
        yield Said("warn", said, "report")


@rule("DOC-33", "warn", "Is the text of this patient's own, not copied from another?", HOUSE)
def _own_words(case: CaseForScrub) -> Iterator[Said]:
    if case.report.alike:
        other, percent = case.report.alike
        said = f"The findings read {percent} % like those of {other}: a payer may call it cloned. Add what is particular to this case."
        yield Said("warn", said, "report")


@rule("DOC-34", "error", "If a language model worded the report, did a person read and sign it?", HOUSE)
def _model(case: CaseForScrub) -> Iterator[Said]:
    """The signature is on the exact text; the reading is what the record of reviews knows."""
    if case.report.by_model and case.report.read_minutes is None:
        said = "A language model worded parts of the report, and nobody is recorded as having read it: open and read the report."
        yield Said("error", said, "report")


@rule("DOC-36", "error", "In a teaching case, is the teaching physician's part said?", HOUSE)
def _teaching(case: CaseForScrub) -> Iterator[Said]:
    learners = [
        one.name
        for one in case.facts.staff.physicians
        if any(w in (one.cred or "").lower() for w in ("resident", "fellow"))
    ]
    billed = any("GC" in line.modifiers for line in case.lines)
    if (learners or billed) and "teaching" not in case.words():
        said = "A resident took part, or GC is billed, and no teaching statement is recorded: add it as a note of the teaching physician."
        yield Said("error", said, "record#presence")


@rule("DOC-37", "warn", "Is everything there that a records request asks for?", S20)
def _papers(case: CaseForScrub) -> Iterator[Said]:
    lacking = [name for kind, name in _PAPERS.items() if kind != "order" and not case.has_paper(kind)]
    if lacking:
        yield Said("warn", f"For a records request {' and '.join(lacking)} will be asked for: add what you have.", "case#documents")  # fmt: skip


@rule("V21", "block", "Is the record complete in what the claim stands on?", V)
def _complete(case: CaseForScrub) -> Iterator[Said]:
    """Of a claim that is made: it must not stand on a record that lacks order, need, baselines, times or alerts."""
    if case.claim is None:
        return
    lacking = []
    fields = {
        "DOC-01": "header.requested_by", "DOC-02": "header.indication", "DOC-16": "baselines", "DOC-18": "time.segments",
        "DOC-23": "alerts.",
    }  # fmt: skip
    for id, field in fields.items():
        if any(item.severity != "warn" and item.field.startswith(field) for item in case.missing):
            lacking.append(id)
    if lacking:
        yield Said("block", f"The record under this claim is incomplete: mend {', '.join(lacking)} first.", "record")


@rule("V22", "block", "Was the report signed before the claim was?", f"{V}; product reference C16, 22")
def _before_claim(case: CaseForScrub) -> Iterator[Said]:
    if case.claim is None:
        return
    if not case.signatures:
        yield Said("block", "A claim stands on a signed report, and this one is not signed: sign it first.", "report")
    elif case.claim.signed_on and min(one.at for one in case.signatures).astimezone(case.facts.zone).date() > case.claim.signed_on:  # fmt: skip
        yield Said("block", "The report was signed after the day on the claim: make the claim anew.", "claim")


@rule("V29", "error", "Are the papers there that this payer wants with the claim?", V)
def _wanted_papers(case: CaseForScrub) -> Iterator[Said]:
    demands = case.rule.demands if case.rule else ()
    if "operative_note" in demands and not case.has_paper("op_note"):
        said = "This payer wants the operative note with the claim, and it is not on file: add it as a document."
        yield Said("error", said, "case#documents")
    if case.claim is not None:
        sent = {paper.type for paper in case.claim.attachments}
        for name in demands:
            demand = DEMANDS.get(name)
            if demand and demand.kind == "attachment" and demand.attachment not in sent:
                said = f"This payer wants it with the claim, and the claim does not announce it: {demand.label}. Make the claim anew."
                yield Said("error", said, "claim")


def _has_signed(case: CaseForScrub, staff: str, name: str | None) -> bool:
    return any(signature.staff == staff or _same(signature.name, name) for signature in case.signatures)
