"""Keeping the record on the phone: its page, the cases the phone may hold, what it sends."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from flask import Blueprint, Response, abort, flash, redirect, request, url_for
from flask import session as cookie
from flask_wtf import FlaskForm
from flask_wtf.csrf import generate_csrf
from flask_wtf.file import FileField, FileRequired

import views
from actions import Refused, audit, offline
from models import Case, Entry, Facility, Patient, Person, Preset, ProposedAddendum, Session, hash_token
from practice import phone
from views import actor, now, page, polled, roles, signed_in
from views.record_forms import Record

bp = Blueprint("phone", __name__)
HELD = 60
"""Cases a phone holds at most, the latest of them: no pile of records left open keeps out the case of today."""


def find_case(id: int) -> Case:
    return Case.seen_by(views.me(), id) or abort(404)


def answer(body: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(body), status, mimetype="application/json")


@bp.get("/cases/<row:id>/phone")
@roles("owner", "technologist", "physician")
def show(id: int):
    """The frame of the phone's form; the script draws in it what the phone holds."""
    return page("record/phone.html", case=find_case(id))


@bp.get("/offline/token")
@signed_in
@polled
def token():
    """Who is signed in, the time, and what a sending has to carry."""
    return answer({"token": generate_csrf(), "person": views.me().id, "now": now()})


@bp.get("/offline/cases")
@roles("owner", "technologist", "physician")
@polled
def held():
    """The cases this person's phone may hold, and what is the same for all of them. What the phone has already as it
    is now, told by digests in `?have=`, does not travel again: reception is bad there."""
    people = {person.id: person.name for person in Person.select(Person.id, Person.name)}
    have = set(request.args.get("have", "").split(","))
    found = [_unless(have, _case(case, people), id=case.id) for case in _held()]
    if shown := [one["id"] for one in found if "entries" in one]:
        audit.viewed(actor(), "cases", held=shown)
    presets = Preset.select().where(Preset.archived_at.is_null()).order_by(Preset.name)
    shared = {
        "form": phone.form(),
        "presets": [
            {"name": one.name, "modalities": one.modalities, "criteria": one.criteria, "responses": one.responses}
            for one in presets
        ],
    }
    return answer({"now": now(), "person": views.me().id, "cases": found, **_unless(have, shared)})


def _unless(have: set[str], body: dict[str, Any], **always: Any) -> dict[str, Any]:
    """The body with the digest of it, or the digest alone when the phone has that already."""
    tag = hashlib.sha256(msgspec.json.encode(body)).hexdigest()[:16]
    return {**always, "tag": tag, **({} if tag in have else body)}


def _held() -> list[Case]:
    """Mine of the next days, and mine that are open from before. No others."""
    today = now().astimezone(views.SETTINGS.zone).date()
    mine = Case.worked_on_by(views.me()).select(Case.id).where(
        Case.signed_at.is_null(), Case.date_of_service <= phone.until(today),
        Case.closed_at.is_null() | (Case.date_of_service >= today),
    )  # fmt: skip
    rows = mine.order_by(Case.date_of_service.desc(), Case.starts_at.desc(), Case.id.desc()).limit(HELD)
    return [Case.with_header(row.id) for row in rows]


def _case(case: Case, people: dict[int, str]) -> dict[str, Any]:
    facility: Facility = case.facility
    patient: Patient = case.patient
    return {
        "id": case.id, "zone": facility.zone, "day": case.date_of_service, "starts_at": case.starts_at,
        "facility": facility.name, "address": ", ".join(filter(None, (facility.address, facility.city))),
        "phone": facility.phone, "room": case.or_room, "procedure": case.procedure, "levels": case.levels,
        "side": case.side, "position": case.position, "surgeon": case.surgeon.name if case.surgeon else "",
        "anesthesia": case.anesthesia, "preop": case.preop_exam,
        "patient": {"name": patient.name, "mrn": patient.mrn, "dob": patient.dob, "sex": patient.sex},
        "threshold": _threshold(facility), "steps": phone.steps(case.header.procedure), "closed": bool(case.closed_at),
        "rev": case.record_rev, "entries": [_stored(row, people) for row in case.rows()],
    }  # fmt: skip


def _threshold(facility: Facility) -> float | None:
    try:
        return float(facility.screw_threshold_ma)
    except ValueError:
        return None


def _stored(row: Entry, people: dict[int, str]) -> dict[str, Any]:
    return {
        "client_id": row.client_id, "kind": row.kind, "at": row.at, "data": msgspec.json.decode(row.data),
        "entered_at": row.entered_at, "replaces": row.replaces, "by": people.get(row.by_id or 0, ""), "device": row.device,
        "clock": phone.clock_words(row.offset_ms),
    }  # fmt: skip


# What the phone sends


def take(case: Case) -> Response:
    """POST /cases/12/entries with JSON: of each entry whether it was accepted, known or refused, and why."""
    try:
        raw = offline.read(request.get_data())
    except Refused as refused:
        return answer({"reasons": refused.reasons}, 422)
    outcomes = _taken(case, raw)
    fresh = Case.with_header(case.id)
    entries = {row.client_id: row for row in fresh.rows()} if not fresh.signed_at else {}
    kept = [entries[one.client_id] for one in outcomes if one.client_id in entries and one.state != "refused"]
    return answer(
        {
            "now": now(), "outcomes": outcomes, "stored": [_stored(row, {views.me().id: views.me().name}) for row in kept],
            "closed": bool(fresh.closed_at), "signed": bool(fresh.signed_at), "rev": fresh.record_rev,
        }
    )  # fmt: skip


def _taken(case: Case, raw: list[Any]) -> list[offline.Outcome]:
    """What this person may add of these entries is added. A signed case is said so by the record, entry by entry."""
    sheet = Record(case)
    may = (lambda kind: True) if case.signed_at else lambda kind: sheet.may(kind) and not sheet.only(kind)
    return offline.take(case, raw, may=may, by=actor(), now=now())


class SavedForm(FlaskForm):
    file = FileField(
        "File of saved entries", [FileRequired("Choose the file that the phone saved, entries-not-sent.json.")]
    )


@bp.get("/saved-entries")
@roles("owner", "technologist", "physician")
def saved():
    """Entries that a phone could not send and saved as a file come in by the file."""
    return page("offline/saved.html", form=SavedForm())


@bp.post("/saved-entries")
@roles("owner", "technologist", "physician")
def take_saved():
    form, refused = SavedForm(), []
    if form.validate():
        try:
            of_case = offline.saved(form.file.data.read(views.SETTINGS.max_upload_mb * 1024 * 1024))
        except Refused as bad:
            form.file.errors = bad.reasons
        else:
            counts = {"accepted": 0, "known": 0, "proposed": 0}
            for id, raw in of_case.items():
                case = Case.seen_by(views.me(), id)
                if case is None:
                    refused.append(f"Case {id}: it is not yours to see. Ask the owner to load this file.")
                    continue
                outcomes = _taken(case, raw)
                late = {one.client_id for one in outcomes if one.code == "signed"}
                if late:
                    offline.propose(case, [one for one in raw if one.get("client_id") in late], by=actor(), now=now())
                for one in outcomes:
                    state = "proposed" if one.code == "signed" else one.state
                    if state == "refused":
                        refused += [f"Case {id}: {reason}" for reason in one.reasons]
                    else:
                        counts[state] += 1
            said = {"accepted": "taken", "known": "there already", "proposed": "kept as a proposed addendum"}
            flash(
                ", ".join(f"{count} {said[name]}" for name, count in counts.items() if count or name == "accepted")
                + "."
            )
            if not refused:
                return redirect(url_for("sessions.me"), 303)
    return page("offline/saved.html", 422, form=form, reasons=refused)


@bp.post("/cases/<row:id>/proposals")
@roles("owner", "technologist", "physician")
def propose(id: int):
    """What came too late for a signed case waits for its physician."""
    case = find_case(id)
    try:
        kept = offline.propose(case, offline.read(request.get_data()), by=actor(), now=now())
    except Refused as refused:
        return answer({"reasons": refused.reasons}, 422)
    return answer({"kept": kept})


@bp.post("/proposals/<row:id>/settlement")
@roles("physician")
def settle(id: int):
    proposal = ProposedAddendum.get_or_none(ProposedAddendum.id == id) or abort(404)
    find_case(proposal.case_id)
    offline.settle(proposal, by=actor(), now=now())
    flash("Marked as seen. It stays in the record of what was proposed.")
    return redirect(url_for("reports.addenda", id=proposal.case_id), 303)


def waiting(case: Case) -> list[ProposedAddendum]:
    """The proposals the physician has not dealt with."""
    rows = ProposedAddendum.select(ProposedAddendum, Person).join(Person)
    return list(
        rows.where(ProposedAddendum.case == case.id, ProposedAddendum.settled_at.is_null()).order_by(
            ProposedAddendum.id
        )
    )


def ended() -> Response:
    """The answer to a phone whose session is over: `revoked` makes its copies unreadable, `signed-out` waits for the person."""
    token = cookie.get("_user_id")
    row = Session.get_or_none(Session.token_hash == hash_token(token)) if token else None
    revoked = bool(token) and (row is None or row.ended_at is not None or row.person.disabled_at is not None)
    return answer({"code": "revoked" if revoked else "signed-out"}, 401)
