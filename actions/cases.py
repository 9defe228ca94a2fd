"""Booking and revising a case, who works on it, closing and reopening its record."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from actions import Actor, Refused, audit, credentials, records, unbilled
from actions.loading import Loaded, export, load
from models import Assignment, Case, Entry, Facility, Patient, Person, Preset, db
from practice import record, signing
from practice.cases import Facts, Status

__all__ = [
    "Loaded",
    "assign",
    "book",
    "close",
    "export",
    "load",
    "patient_for",
    "reopen",
    "revise",
    "unassign",
]

HEADER = (
    "facility", "surgeon", "patient", "payer", "payer_class", "date_of_service", "starts_at", "or_room", "encounter",
    "anesthesia", "requested_by", "requested_on", "procedure", "levels", "approach", "side", "position", "cpt",
    "diagnosis", "indication", "structures", "preop_exam",
)  # fmt: skip
"""The columns of a case that are its header: what booking fills and revising changes."""


def book(
    *, by: Actor, now: datetime, preset: Preset | None = None, technologist: Person | None = None,
    physician: Person | None = None, **header: Any,
) -> Case:  # fmt: skip
    """Book a case with an empty record. A preset brings what is run, never a measurement.

    `patient` is a row, or name, mrn, dob and sex as they were given.
    """
    _known(header)
    if preset and not header.get("structures"):
        header["structures"] = preset.structures
    with db.atomic():
        header["patient"] = _patient(header["patient"], header["facility"])
        case = Case.create(**header, created_at=now, created_by=by.id)
        for person, role in ((technologist, "technologist"), (physician, "physician")):
            if person:
                assign(case, person, role, by=by, now=now)
        if preset:
            records.plan(case, preset, by=by, now=now)
        audit.record(by, "book", "case", row_id=case.id, case_id=case.id, preset=preset.id if preset else None)
    return Case.get_by_id(case.id)


def _known(header: dict[str, Any]) -> None:
    if unknown := set(header) - set(HEADER):
        raise TypeError(f"a case has no {sorted(unknown)}")


def _entry(
    data: record.AnyData, now: datetime, *, at: datetime | None = None, replaces: str | None = None
) -> record.Entry:
    return record.Entry(client_id=str(uuid.uuid4()), at=at, data=data, entered_at=now, replaces=replaces)


def _patient(given: Patient | dict[str, Any], facility: Facility, instead_of: int | None = None) -> Patient:
    return given if isinstance(given, Patient) else patient_for(**given, facility=facility, instead_of=instead_of)


def patient_for(
    *, name: str, mrn: str, dob: date | None, sex: str, facility: Facility, instead_of: int | None = None
) -> Patient:
    """The patient of this MRN, name, birthday and sex, or a new one. One MRN for two people of a facility is refused.

    A correction makes a new patient (`instead_of` the wrong one): other cases, signed ones among them, keep theirs.
    """
    name, mrn = " ".join(name.split()), mrn.strip()
    same = list(Patient.select().where(Patient.mrn == mrn)) if mrn else []
    if not name:
        if len(same) != 1:
            raise Refused("No single patient has this MRN. Type the name and the date of birth too.")
        return same[0]
    for one in same:
        if one.name.lower() == name.lower() and dob in (None, one.dob) and sex in ("U", "", one.sex):
            return one
    here = Case.select(Case.patient).where(Case.facility == facility.id, Case.patient.in_(same)).tuples()
    if {row[0] for row in here} - {instead_of}:
        raise Refused(
            "Another patient of this facility has this MRN. Compare the wristband with the booking, "
            "then correct the MRN, the name, the date of birth or the sex."
        )
    return Patient.create(name=name, mrn=mrn, dob=dob, sex=sex)


def revise(case: Case, *, by: Actor, **header: Any) -> Case:
    """Change the header. It is part of the facts, so a change makes drafts stale."""
    _known(header)
    with db.atomic():
        case = _writable(case, by)
        if "patient" in header:
            header["patient"] = _patient(header["patient"], header.get("facility", case.facility), case.patient_id)
        before = {name: getattr(case, name) for name in header}
        changed = audit.changed(before, header)
        if "date_of_service" in case.gaps:
            changed.setdefault("date_of_service", [])
        if not changed:
            return case
        gaps = {part: reason for part, reason in case.gaps.items() if part != "date_of_service"}
        Case.update(**header, gaps=gaps, record_rev=Case.record_rev + 1).where(Case.id == case.id).execute()
        credentials.rejudge(now=datetime.now(UTC), cases=[case.id])
        audit.record(by, "revise", "case", row_id=case.id, case_id=case.id, fields=changed)
    return Case.get_by_id(case.id)


def _writable(case: Case, by: Actor) -> Case:
    """The case as it is now, if it is not signed and `by` is the owner or one of its technologists."""
    case = Case.get_by_id(case.id)
    if case.signed_at:
        raise Refused(records.SIGNED)
    if by.person and not by.person.has("owner") and not _works(case, by.person, "technologist"):
        raise Refused("Only the owner and the technologists of this case can change it.")
    return case


def _works(case: Case, person: Person, role: str) -> bool:
    return (
        Assignment.select()
        .where(Assignment.case == case.id, Assignment.person == person.id, Assignment.role == role)
        .exists()
    )


def assign(case: Case, person: Person, role: str, *, by: Actor, now: datetime, override: str = "") -> None:
    """Put a person on a case and into its record. Assigning twice changes nothing.

    Refused when a credential stands against it on the case's date, unless the owner says why in `override`.
    """
    with db.atomic():
        case = _writable(case, by)
        if role not in ("technologist", "physician") or not person.has(role) or person.disabled_at:
            raise Refused(
                f"{person.name} cannot be assigned as {role}: they do not hold that role, or can no longer sign in."
            )
        if role == "physician" and {person.name, person.signing_name} & {
            case.surgeon.name if case.surgeon else "",
            case.anesthesia,
        }:
            raise Refused(
                f"{person.name} operates or gives anesthesia in this case, so they cannot interpret its monitoring."
            )
        if _works(case, person, role):
            return
        credentials.require(case, person, role, reason=override, by=by, now=now)
        assignment = Assignment.create(case=case.id, person=person.id, role=role)
        if not _staff(case.facts(), person, role):
            records.append(case, [_entry(_staff_data(person, role), now)], by=by, now=now)
        audit.record(by, "assign", "assignment", row_id=assignment.id, case_id=case.id, person=person.id, role=role)


def _staff_data(person: Person, role: str) -> record.Staff:
    # A physician's degree belongs to the name, as it does in a signature; a technologist's credential stands beside it.
    if role == "physician":
        return record.Staff(role="physician", name=person.signing_name, person=person.id)
    return record.Staff(role="technologist", name=person.name, cred=person.credentials or None, person=person.id)


def _staff(facts: Facts, person: Person, role: str) -> Any:
    """The record's staff entry that means this person, if there is one."""
    people = facts.staff.technologists if role == "technologist" else facts.staff.physicians
    return next((one for one in people if one.name in (person.name, person.signing_name)), None)


def unassign(case: Case, assignment: Assignment, *, by: Actor, now: datetime) -> None:
    """Take a person off a case. Before recording begins the record forgets them; after, who took part stays in it."""
    with db.atomic():
        case = _writable(case, by)
        booked = case.state == "booked"
        Assignment.delete().where(Assignment.id == assignment.id, Assignment.case == case.id).execute()
        staff = _staff(case.facts(), assignment.person, assignment.role)
        if booked and staff:
            records.append(
                case, [_entry(record.Struck(reason="no longer assigned"), now, replaces=staff.src)], by=by, now=now
            )
        credentials.rejudge(now=now, cases=[case.id])
        audit.record(by, "unassign", "assignment", row_id=assignment.id, case_id=case.id, person=assignment.person_id)


def close(case: Case, *, status: Status, by: Actor, now: datetime) -> None:
    """End the record: its technologist stands for it. Refused while something is missing without a reason (report-and-phone.md 1.4)."""
    with db.atomic():
        case = _writable(case, by)
        if case.closed_at:
            raise Refused("This case is closed already.")
        facts = case.facts()
        entries, staff = _myself(case, facts, by, now)
        if lacking := signing.open_gaps(msgspec.structs.replace(facts, status=status)):
            raise Refused(
                *lacking, "Record what is missing, or beside it the reason why there is none, then close again."
            )
        if (said := _standing(case, "outcome")) is None or said.data.status != status:
            entries.append(_entry(record.Outcome(status=status), now, replaces=said and said.client_id))
        signed = _standing(case, "signoff")
        entries.append(_entry(record.Signoff(staff=staff), now, at=now, replaces=signed and signed.client_id))
        records.append(case, entries, by=by, now=now)
        Case.update(closed_at=now, closed_by=by.id).where(Case.id == case.id).execute()
        unbilled.note(case, now=now)
        audit.record(by, "close", "case", row_id=case.id, case_id=case.id, status=status)


def _myself(case: Case, facts: Facts, by: Actor, now: datetime) -> tuple[list[record.Entry], str]:
    """Who closes, as the record names them; with the entry that says so when it does not yet."""
    if by.person and (there := _staff(facts, by.person, "technologist")):
        return [], there.src
    if by.person and _works(case, by.person, "technologist"):
        entry = _entry(_staff_data(by.person, "technologist"), now)
        return [entry], entry.client_id
    raise Refused(
        "A case is closed by a technologist who worked on it. Assign one first; the sign-off bears that name."
    )


def _standing(case: Case, kind: str) -> record.Entry | None:
    """The last entry of a kind that no other replaces."""
    replaced = Entry.select(Entry.replaces).where(Entry.case == case.id, Entry.replaces.is_null(False))
    rows = Entry.select().where(Entry.case == case.id, Entry.kind == kind, Entry.client_id.not_in(replaced))
    row = rows.order_by(Entry.entered_at.desc(), Entry.client_id.desc()).first()
    return row.as_entry() if row else None


def reopen(case: Case, *, by: Actor, now: datetime) -> None:
    """Go on with a closed record. The sign-off is struck, so that it is given again for what the record says then."""
    with db.atomic():
        case = _writable(case, by)
        if not case.closed_at:
            raise Refused("This case is open already.")
        Case.update(closed_at=None, closed_by=None).where(Case.id == case.id).execute()
        unbilled.note(case, now=now)
        if signed := _standing(case, "signoff"):
            struck = _entry(record.Struck(reason="reopened"), now, at=signed.at, replaces=signed.client_id)
            records.append(case, [struck], by=by, now=now)
        audit.record(by, "reopen", "case", row_id=case.id, case_id=case.id)
