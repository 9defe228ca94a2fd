"""What a case comes to for a claim: lines with their arithmetic, findings, and the packet with its progress."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

import peewee as pw
from flask import Blueprint, abort, flash, redirect, request, url_for
from flask_wtf import FlaskForm
from wtforms import DateField, SelectField, StringField, TextAreaField, ValidationError
from wtforms.validators import DataRequired, InputRequired, Length, Optional

import tasks
from actions import Refused, audit, documents, packets, records_requests, reports
from actions.claim_bodies import as_billed
from actions.weighing import Weighed, weigh
from models import (
    Addendum,
    Approval,
    Case,
    Document,
    Facility,
    Job,
    Packet,
    Patient,
    Person,
    RecordsRequest,
    Sending,
    Signature,
)
from practice import coding, money, scrub
from practice.demands import FAX_PAGES, OWN, PARTS, PORTAL_BYTES, PURPOSES
from views import SETTINGS, actor, me, now, page, polled, roles, row_id
from views.mending import day_of, may_read, mend
from views.reports import send

bp = Blueprint("packets", __name__)
MOST = 50
READERS = ("owner", "biller", "auditor")
"""Who may open a packet that was made: an auditor reads all, and asks for nothing."""
GROUPS = {
    "block": "In the way of the packet",
    "error": "To be mended",
    "warn": "To be checked",
    "info": "Notes",
    "passed": "Let pass",
}


LEVELS = ["First level", "Second level", "External review", "Other"]


class DenialForm(FlaskForm):
    """What an appeal is about, as the payer's letter has it."""

    level = SelectField("Level of the appeal", choices=LEVELS)
    denied_on = DateField("Date of the denial", [InputRequired("Type the date on the letter.")])
    claim_number = StringField("Payer's claim number", [Optional(), Length(max=40)])
    codes = StringField(
        "Reason codes", [Optional(), Length(max=80)], description="As on the remittance, such as CO-50, N180."
    )
    amount = StringField("Amount not paid", [Optional(), Length(max=20)])
    reason = TextAreaField(
        "Reason the payer gives", [DataRequired("Type the reason that the payer gives."), Length(max=1000)]
    )

    def validate_amount(self, field: StringField) -> None:
        try:
            money.cents(field.data or "0")
        except ValueError as error:
            raise ValidationError(str(error)) from error

    def values(self) -> dict[str, object]:
        return {
            "level": self.level.data, "denied_on": self.denied_on.data.isoformat(), "claim_number": self.claim_number.data or "",
            "codes": self.codes.data or "", "cents": money.cents(self.amount.data) if self.amount.data else None,
            "reason": self.reason.data.strip(),
        }  # fmt: skip


class SendingForm(FlaskForm):
    sent_on = DateField("Sent on", [InputRequired("Type the day it was sent.")])
    how = SelectField("How", choices=list(packets.HOW.items()))
    to = StringField("To", [DataRequired("Say to whom it was sent."), Length(max=200)])
    tracking = StringField("Tracking or confirmation number", [Optional(), Length(max=80)])


def find_case(id: int) -> Case:
    case = Case.visible_to(me()).where(Case.id == id).first()
    if case is None:
        abort(404)
    return case


def find_packet(id: int) -> Packet:
    packet = Packet.select(Packet, Document).left_outer_join(Document).where(Packet.id == id).first()
    if packet is None:
        abort(404)
    find_case(packet.case_id)
    return packet


# The list


@bp.get("/packets")
@roles(*READERS)
def listing():
    """Signed cases, newest first, and where the packet of each stands."""
    # In the order of the index: otherwise all that was ever signed would be sorted.
    cases = list(
        Case.visible_to(me()).select_extend(Patient, Facility).join(Patient).switch(Case).join(Facility)
        .where(Case.signed_at.is_null(False)).order_by(Case.signed_at.desc(), Case.date_of_service.desc(), Case.id.desc()).limit(MOST)
    )  # fmt: skip
    numbers = [case.id for case in cases]
    rows = (
        Packet.select()
        .where(Packet.case.in_(numbers), Packet.preview == False, Packet.purpose == "claim")  # noqa: E712
        .order_by(Packet.id)
    )
    last, states = {row.case_id: row for row in rows}, _states(rows)
    newer = _newest_content(numbers)
    stand = {case.id: _stand(last.get(case.id), states, newer.get(case.id)) for case in cases}
    audit.viewed(actor(), "packet", listed=numbers)
    todo = [case for case in cases if stand[case.id][0] != "ok"]
    groups = [("To do", todo), ("Ready", [case for case in cases if stand[case.id][0] == "ok"])]
    asked = RecordsRequest.select().where(RecordsRequest.answered_on.is_null()).count()
    return page("packets/listing.html", asked=asked, groups=groups, stand=stand, most=MOST, full=len(cases) == MOST)


def _states(rows: pw.ModelSelect) -> dict[int, str]:
    """How far the work on each packet has come, by its number."""
    jobs = Job.select(Job.subject_id, Job.state).where(
        Job.kind == "packet", Job.subject_id.in_([row.id for row in rows])
    )
    return dict(jobs.tuples())


def _newest_content(cases: list[int]) -> dict[int, datetime]:
    """When the newest addendum or paper of each case came: a packet from before it lacks it."""
    found: dict[int, datetime] = {}
    added = Document.select(Document.case, pw.fn.MAX(Document.added_at)).where(
        Document.case.in_(cases), Document.kind.in_(tuple(documents.UPLOADS))
    )
    said = Addendum.select(Addendum.case, pw.fn.MAX(Addendum.at)).where(Addendum.case.in_(cases))
    for rows, model in ((added, Document), (said, Addendum)):
        for case, at in rows.group_by(model.case).tuples():
            found[case] = max(found.get(case, at), at)
    return found


def _stand(packet: Packet | None, states: dict[int, str], newest: datetime | None) -> tuple[str, str]:
    """A packet's state and its words."""
    if packet is None:
        return "due", "no packet yet"
    if packet.made_at is None:
        return ("blocked", "could not be made") if states.get(packet.id) == "dead" else ("unknown", "being made")
    if newest and newest > packet.requested_at:
        return "due", "something was added since"
    return "ok", "ready"


# The page of a case


@bp.get("/cases/<row:id>/packet")
@roles("owner", "biller", "physician", "technologist", "auditor")
def show(id: int):
    return _show(find_case(id))


def _show(case: Case, status: int = 200, refused: list[str] | None = None):
    audit.viewed(actor(), "packet", case_id=case.id)
    weighed = weigh(as_billed(case))
    rows = Packet.select(Packet, Document).left_outer_join(Document).where(Packet.case == case.id)
    rows = list(rows.order_by(Packet.id.desc()))
    states, newest = _states(rows), _newest_content([case.id]).get(case.id)
    findings = [
        (severity, [(one, *mend(case, weighed, one)) for one in some])
        for severity, some in groupby(
            sorted(weighed.findings, key=_group_of), key=lambda one: list(GROUPS)[_group_of(one)]
        )
    ]
    papers = documents.of_case(case)
    expected = {"order", "consent"} - {paper.kind for paper in papers}
    return page(
        "packets/show.html", status, case=case, weighed=weighed, refused=refused or [], groups=GROUPS, findings=findings,
        asks={one.id: one for one in scrub.RULES}, packets=[(row, _stand(row, states, newest)) for row in rows],
        papers=papers, lacking=[documents.UPLOADS[kind] for kind in sorted(expected, reverse=True)], purposes=PURPOSES,
        sendings=packets.sent(case), how=packets.HOW, requests=list(records_requests.of_case(case)),
        signers=_signers(case, weighed), units=_units(weighed), may_read=may_read(case), shared=_rendering(weighed), days=_days(weighed),
    )  # fmt: skip


def _group_of(finding: scrub.Finding) -> int:
    """Where it stands on the page: what a person let pass comes last."""
    return list(GROUPS).index("passed" if finding.overridden else finding.severity)


def _days(weighed: Weighed) -> list[tuple[str, str]]:
    """The days of the case's physicians that this person may open: name and address."""
    return [
        (person.name, url)
        for staff, person in weighed.people.items()
        if staff in {one.id for one in weighed.facts.staff.physicians} and (url := day_of(weighed, staff))
    ]


def _units(weighed: Weighed) -> list[coding.Line]:
    """The lines that come from time: what the case is worth waiting for."""
    return [line for line in weighed.coding.lines if line.code in coding.CONTINUOUS]


def _rendering(weighed: Weighed) -> int:
    """How many physicians share the claim; 0 when one alone rendered it."""
    count = len({line.rendering for line in weighed.coding.lines if line.rendering})
    return count if count > 1 else 0


@dataclass(frozen=True)
class Signer:
    """Somebody whose hand the packet needs, and when it was given."""

    name: str
    role: str
    at: datetime | None
    does: str


def _signers(case: Case, weighed: Weighed) -> list[Signer]:
    """The technologist's approval and a signature of each physician of the record, given or not."""
    report, facts = reports.current(case), weighed.facts
    approval: Approval | None = reports.approval_of(report) if report else None
    found = [Signer(approval.by.signing_name, "technologist", approval.at, "approved")] if approval else []
    if not approval:
        names = ", ".join(one.name for one in facts.staff.technologists) or "A technologist"
        found.append(Signer(names, "technologist", None, "has not approved the report"))
    given = list(Signature.select().where(Signature.case == case.id).order_by(Signature.at))
    found += [
        Signer(", ".join(filter(None, (row.name, row.credentials))), "physician", row.at, "signed") for row in given
    ]
    signed = {row.by_id for row in given}
    waiting = [
        one for one in facts.staff.physicians if one.id not in weighed.people or weighed.people[one.id].id not in signed
    ]
    with_minutes = {line.rendering for line in weighed.coding.lines}
    for one in waiting:
        role = "physician, has lines on the claim" if one.id in with_minutes else "physician"
        found.append(Signer(one.name, role, None, "has not signed"))
    return found


# Asking for a packet


@bp.get("/cases/<row:id>/packets/new")
@roles("owner", "biller")
def new(id: int):
    """What the payer wants for a purpose, and what is there of it, before a packet is asked for."""
    purpose = request.args.get("purpose", "records")
    return _new(find_case(id), purpose if purpose in PURPOSES else abort(404))


def _new(
    case: Case, purpose: str, status: int = 200, reasons: list[str] | None = None, denial: DenialForm | None = None
):
    audit.viewed(actor(), "packet", case_id=case.id)
    case = as_billed(case)
    weighed = weigh(case)
    claim = packets.claim_of(case)
    filled = {"claim_number": claim.payer_control if claim else "", "level": LEVELS[0]}
    waiting = [one for one in records_requests.of_case(case) if one.purpose == purpose and not one.answered_on]
    left_out = set(request.form.getlist("left-out"))
    return page(
        "packets/new.html", status, case=case, purpose=purpose, purposes=PURPOSES, reasons=reasons or [], left_out=left_out,
        answers=packets.standing(case, purpose, weighed), objections=weighed.objections if purpose == "claim" else [],
        denial=denial or (DenialForm(formdata=None, data=filled) if purpose == "appeal" else None), waiting=waiting,
        asked=request.values.get("request", type=row_id), may_claim=not weighed.objections, own=OWN,
    )  # fmt: skip


@bp.post("/cases/<row:id>/packets")
@roles("owner", "biller")
def request_packet(id: int):
    return _ask(find_case(id), preview=False)


@bp.post("/cases/<row:id>/packet-previews")
@roles("owner", "biller")
def request_preview(id: int):
    return _ask(find_case(id), preview=True)


def _ask(case: Case, *, preview: bool):
    purpose = request.form.get("purpose", "claim")
    if purpose not in PURPOSES:
        abort(404)
    form = DenialForm() if purpose == "appeal" else None
    if form and not form.validate():
        return _new(case, purpose, 422, denial=form)
    asked = RecordsRequest.get_or_none(RecordsRequest.id == (request.form.get("request", type=row_id) or 0))
    try:
        packet = packets.request(
            case, preview=preview, purpose=purpose, answers=asked, denial=form.values() if form else None,
            left_out=[part for part in request.form.getlist("left-out") if part in PARTS], by=actor(), now=now(),
        )  # fmt: skip
    except Refused as refused:
        if purpose == "claim" and "left-out" not in request.form:
            return _show(case, 422, refused.reasons)
        return _new(case, purpose, 422, refused.reasons, form)
    tasks.wake()
    return redirect(url_for("packets.progress", id=packet.id), 303)


@bp.get("/packets/<row:id>")
@roles(*READERS)
@polled
def progress(id: int):
    """The packet while it is made; it asks for itself until it is there."""
    packet = find_packet(id)
    if packet.document:
        audit.viewed(actor(), "packet", row_id=packet.id, case_id=packet.case_id)
    return _progress(packet)


def _progress(packet: Packet, status: int = 200, form: SendingForm | None = None, reasons: list[str] | None = None):
    job = Job.get_or_none(Job.key == f"packet/{packet.id}")
    sendings = (
        Sending.select(Sending, Person.name.alias("person"))
        .join(Person, pw.JOIN.LEFT_OUTER, on=(Person.id == Sending.by))
        .where(Sending.packet == packet.id)
        .order_by(Sending.id)
        .objects()
    )
    today = now().astimezone(SETTINGS.zone).date()
    asked = packet.answers.requester if packet.answers else ""
    to = asked or (packet.case.payer.name if packet.case.payer else "")
    return page(
        "packets/progress.html", status, packet=packet, job=job, purposes=PURPOSES, sendings=list(sendings), how=packets.HOW,
        form=form or SendingForm(formdata=None, data={"sent_on": today, "to": to}), reasons=reasons or [],
        most=(FAX_PAGES, PORTAL_BYTES),
    )  # fmt: skip


@bp.post("/packets/<row:id>/sendings")
@roles("owner", "biller")
def send_packet(id: int):
    """Write down that exactly these pages went out."""
    packet, form = find_packet(id), SendingForm()
    if not form.validate():
        return _progress(packet, 422, form)
    try:
        packets.send(
            packet, on=form.sent_on.data, how=form.how.data, to=form.to.data, tracking=form.tracking.data or "",
            by=actor(), now=now(),
        )  # fmt: skip
    except Refused as refused:
        return _progress(packet, 422, form, refused.reasons)
    flash("It is written down what was sent.")
    return redirect(url_for("packets.progress", id=id), 303)


@bp.get("/packets/<row:id>/pdf")
@roles(*READERS)
def pdf(id: int):
    packet = find_packet(id)
    if packet.document is None:
        flash("The packet is not ready yet.")
        return redirect(url_for("packets.progress", id=id), 303)
    audit.viewed(actor(), "packet", row_id=packet.id, case_id=packet.case_id)
    return send(packet.document, f"packet-{packet.id}.pdf")
