"""Requests for records: who wants to see what of a case, until when, and how it was answered."""

from __future__ import annotations

from datetime import date, datetime

import peewee as pw

from actions import Actor, Refused, audit
from models import Case, Patient, RecordsRequest, db

DAYS = 30
"""Until when a request is due that names no day (CARC 252 and 226: 30 to 45 days)."""


def enter(
    case: Case, *, purpose: str, requester: str, reference: str, asked_on: date, due_on: date, by: Actor, now: datetime
) -> RecordsRequest:
    """Write down that somebody asks for the records of a case."""
    reasons = []
    if asked_on > now.date():
        reasons.append("The day it was asked is still to come. Check the date on the letter.")
    if due_on < asked_on:
        reasons.append("It would be due before it was asked. Check both dates.")
    if reasons:
        raise Refused(*reasons)
    with db.atomic():
        row = RecordsRequest.create(
            case=case, purpose=purpose, requester=requester.strip(), reference=reference.strip(), asked_on=asked_on,
            due_on=due_on, entered_at=now, entered_by=by.id,
        )  # fmt: skip
        audit.record(by, "enter", "records_request", row_id=row.id, case_id=case.id)
    return row


def answered(request: RecordsRequest, *, on: date, how: str, by: Actor) -> None:
    """It is answered: the first answer counts."""
    with db.atomic():
        done = (
            RecordsRequest.update(answered_on=on, answered_how=how)
            .where(RecordsRequest.id == request.id, RecordsRequest.answered_on.is_null())
            .execute()
        )
        if done:
            audit.record(by, "answer", "records_request", row_id=request.id, case_id=request.case_id)


def close(request: RecordsRequest, *, why: str, on: date, by: Actor) -> None:
    """It needs no packet of ours, and why: it was taken back, or answered by telephone."""
    if request.answered_on:
        raise Refused("This request is answered already.")
    if not why.strip():
        raise Refused("Say why no packet is sent.")
    answered(request, on=on, how=why.strip(), by=by)


def open_ones() -> list[RecordsRequest]:
    """What is not answered, the soonest due first."""
    rows = RecordsRequest.select(RecordsRequest, Case, Patient).join(Case).join(Patient)
    return list(rows.where(RecordsRequest.answered_on.is_null()).order_by(RecordsRequest.due_on, RecordsRequest.id))


def of_case(case: Case) -> pw.ModelSelect:
    return RecordsRequest.select().where(RecordsRequest.case == case.id).order_by(RecordsRequest.due_on.desc())
