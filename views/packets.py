"""What a case comes to for a claim: lines with their arithmetic, findings, and the packet with its progress."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, url_for

import tasks
from actions import Refused, audit, packets
from models import Case, Document, Facility, Job, Packet, Patient
from practice import scrub
from views import actor, me, now, page, polled, roles
from views.reports import send

bp = Blueprint("packets", __name__)
MOST = 50


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


@bp.get("/packets")
@roles("owner", "biller")
def listing():
    """Signed cases, newest first, and where the packet of each stands."""
    cases = list(
        Case.select(Case, Patient, Facility).join(Patient).switch(Case).join(Facility)
        .where(Case.signed_at.is_null(False)).order_by(Case.signed_at.desc()).limit(MOST)
    )  # fmt: skip
    rows = Packet.select().where(Packet.case.in_([case.id for case in cases]), Packet.preview == False)  # noqa: E712
    made = {row.case_id: row for row in rows.order_by(Packet.id)}
    audit.viewed(actor(), "packet", listed=[case.id for case in cases])
    return page("packets/listing.html", cases=cases, made=made)


@bp.get("/cases/<row:id>/packet")
@roles("owner", "biller", "physician", "technologist", "auditor")
def show(id: int):
    case = find_case(id)
    return _show(case)


def _show(case: Case, status: int = 200, refused: list[str] | None = None):
    audit.viewed(actor(), "packet", case_id=case.id)
    rows = Packet.select(Packet, Document).left_outer_join(Document).where(Packet.case == case.id)
    return page(
        "packets/show.html", status, case=case, weighed=packets.weigh(case), objections=packets.objections(case),
        packets=list(rows.order_by(Packet.id.desc())), refused=refused or [], asks={one.id: one for one in scrub.RULES},
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
    try:
        packet = packets.request(case, preview=preview, by=actor(), now=now())
    except Refused as refused:
        return _show(case, 422, refused.reasons)
    tasks.wake()
    return redirect(url_for("packets.progress", id=packet.id), 303)


@bp.get("/packets/<row:id>")
@roles("owner", "biller")
@polled
def progress(id: int):
    """The packet while it is made; it asks for itself until it is there."""
    packet = find_packet(id)
    job = Job.get_or_none(Job.key == f"packet/{packet.id}")
    return page("packets/progress.html", packet=packet, job=job)


@bp.get("/packets/<row:id>/pdf")
@roles("owner", "biller")
def pdf(id: int):
    packet = find_packet(id)
    if packet.document is None:
        flash("The packet is not ready yet.")
        return redirect(url_for("packets.progress", id=id), 303)
    audit.viewed(actor(), "packet", row_id=packet.id, case_id=packet.case_id)
    return send(packet.document, f"packet-{packet.id}.pdf")
