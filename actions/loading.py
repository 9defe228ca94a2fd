"""Case files in and out: an `ionm-case/1` file becomes a case with its record, or nothing happens."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any, NamedTuple

import msgspec

from actions import Actor, audit, credentials, ledger, unbilled
from models import Assignment, Case, Entry, Facility, Patient, Payer, Person, Surgeon, db
from practice import cases, interchange, record
from practice.cases import Facts, Header
from practice.times import instants, service_day


class Loaded(NamedTuple):
    """The case a file became; `already` when it was there and nothing was changed; `note` says what was odd."""

    case: Case
    already: bool
    note: str


def load(raw: bytes, *, by: Actor, now: datetime) -> Loaded:
    """Take a case file whole. Raises BadCase with every error; the same file again gives the same case."""
    facts = interchange.read(raw).facts
    key = f"{facts.id}/{cases.digest(facts)}"
    entries = interchange.entries_from(facts, key=key, received_at=now)
    with db.atomic():
        namesakes = _of_that_id(facts.id)
        known = Entry.get_or_none(Entry.client_id == entries[0].client_id)
        same = known.case if known else next((one for one in namesakes if _says(one.facts()) == _says(facts)), None)
        if same:
            return Loaded(same, True, f"This file was loaded before, as case {same.id}. Nothing was changed.")
        case = Case.create(**_header(facts, now), created_at=now, created_by=by.id)
        _insert(case, entries, by, now)
        _assign(case, facts)
        ledger.index(case, facts)
        credentials.rejudge(now=now, cases=[case.id])
        unbilled.note(case, now=now)
        audit.record(by, "load", "case", row_id=case.id, case_id=case.id, entries=len(entries))
    note = ""
    if namesakes:
        numbers = ", ".join(str(one.id) for one in namesakes)
        note = f"Case {numbers} has the same id {facts.id} with other content, so this became the new case {case.id}."
    return Loaded(Case.get_by_id(case.id), False, note)


def export(case: Case) -> bytes:
    """The case as an `ionm-case/1` file."""
    return cases.dump(case.facts())


def _says(facts: Facts) -> bytes:
    return cases.dump(msgspec.structs.replace(facts, record_rev=0))


def _of_that_id(reference: str) -> list[Case]:
    """Cases that go by this id in case files: by their reference, or by their number when they have none."""
    query = Case.reference == reference
    if number := re.fullmatch(r"C-0*(\d{1,18})", reference):
        query |= (Case.id == int(number[1])) & (Case.reference == "")
    return list(Case.select().where(query).order_by(Case.id))


def _header(facts: Facts, now: datetime) -> dict[str, Any]:
    header, wire = facts.header, cases.to_wire(facts.header)
    surgery = header.procedure
    return {
        "reference": facts.id,
        "synthetic": facts.synthetic,
        "record_rev": facts.record_rev,
        "facility": _facility(header, facts.tz),
        "surgeon": Surgeon.get_or_create(name=header.surgeon)[0] if header.surgeon else None,
        "patient": _patient(header),
        "payer": _payer(header),
        "payer_class": header.payer_class or "",
        "date_of_service": _day(facts, now),
        "or_room": header.facility.or_room or "",
        "encounter": header.patient.encounter or "",
        "anesthesia": header.anesthesia or "",
        "requested_by": header.requested_by or "",
        "procedure": surgery.text,
        "levels": wire["procedure"]["levels"],
        "approach": surgery.approach or "",
        "side": surgery.side or "",
        "position": surgery.position or "",
        "cpt": wire["procedure"]["cpt"],
        "diagnosis": wire["diagnosis"],
        "indication": header.indication or "",
        "structures": wire["structures_at_risk"],
        "preop_exam": header.preop_exam or "",
        "gaps": _gaps(header),
        "closed_at": _closed_at(facts, now),
    }


def _day(facts: Facts, now: datetime) -> date:
    """The day a case is listed under. Where the file does not say, the record's first time; the header still says nothing."""
    first = min(instants(facts), default=now)
    return service_day(facts) or first.astimezone(facts.zone).date()


def _gaps(header: Header) -> dict[str, str]:
    parts = {"header": header, "facility": header.facility, "patient": header.patient, "procedure": header.procedure}
    gaps = {name: part.missing_reason for name, part in parts.items() if part.missing_reason}
    return gaps if header.date_of_service else {**gaps, "date_of_service": "not_recorded"}


def _closed_at(facts: Facts, now: datetime) -> datetime | None:
    signed = facts.signoff.technologist
    return (signed.t or now) if signed else None


def _facility(header: Header, zone: str) -> Facility:
    return Facility.get_or_create(name=header.facility.name, state=header.facility.state or "", zone=zone)[0]


def _patient(header: Header) -> Patient:
    """The patient of this MRN, name, birthday and sex. Without MRN and birthday nobody can be told to be the same."""
    patient = header.patient
    columns = {"name": patient.name, "mrn": patient.mrn or "", "dob": patient.dob, "sex": patient.sex or ""}
    if not (patient.mrn or patient.dob):
        return Patient.create(**columns)
    same = [
        Patient.dob.is_null() if value is None else getattr(Patient, name) == value for name, value in columns.items()
    ]
    return Patient.select().where(*same).first() or Patient.create(**columns)


def _payer(header: Header) -> Payer | None:
    """A file names a class of payer and no payer, so the case gets one that says so: who pays is not guessed."""
    if not header.payer_class:
        return None
    name = f"{header.payer_class.replace('_', ' ').capitalize()} (not named)"
    return Payer.get_or_create(name=name, payer_class=header.payer_class)[0]


def _insert(case: Case, entries: list[record.Entry], by: Actor, now: datetime) -> None:
    rows = [
        {
            "client_id": entry.client_id, "case": case.id, "kind": entry.kind, "at": entry.at,
            "data": record.encode_data(entry.data), "device": entry.device, "entered_at": entry.entered_at,
            "received_at": now, "by": by.id,
        }
        for entry in entries
    ]  # fmt: skip
    for start in range(0, len(rows), 500):
        Entry.insert_many(rows[start : start + 500]).execute()


def _assign(case: Case, facts: Facts) -> None:
    """People of the record who can sign in here work on the case; the record names them already."""
    active = list(Person.select().where(Person.disabled_at.is_null()))
    for role, staff in (("technologist", facts.staff.technologists), ("physician", facts.staff.physicians)):
        names = {one.name for one in staff}
        for person in active:
            if person.has(role) and {person.name, person.signing_name} & names:
                Assignment.create(case=case.id, person=person.id, role=role)
