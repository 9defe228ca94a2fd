"""The packet that is printed from a case and what it comes to for a claim (actions/weighing.py).

`request` writes the packet and its job; `assemble` is done by the worker.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from actions import MACHINE, Actor, Refused, audit, documents, jobs, reports
from actions.weighing import Weighed, coverage, weigh
from models import (
    Case,
    Credential,
    CredentialType,
    Facility,
    Packet,
    Person,
    db,
)
from practice import exhibits
from practice.drafting import Draft, as_text, draft

if TYPE_CHECKING:
    from practice.packets import Assembled, PacketInput


def report_of(case: Case) -> Draft:
    """The report as it would print now: the signed one with its signatures and addenda, or a draft of the record."""
    report = reports.current(case) if case.signed_at else None
    return reports.written(report) if report else draft(case.facts())


def report_text(case: Case) -> str:
    """The words of that report: once it is signed those that were signed, whatever the writer would say today."""
    report = reports.current(case) if case.signed_at else None
    return report.text if report and not reports.faithful(report) else as_text(report_of(case))


def report_pdf(case: Case) -> bytes:
    """The pages of that report: those that were frozen once it is signed. Slow: for the worker and for commands."""
    from practice import pdf

    return _frozen_report(case) or pdf.report_pdf(report_of(case), letterhead=reports.letterhead())


def request(case: Case, *, preview: bool, by: Actor, now: datetime) -> Packet:
    """Ask for a packet: a row and its job. Refused, with every reason, while a blocking finding stands."""
    if not preview and (reasons := weigh(case).objections):
        raise Refused(*reasons)
    with db.atomic():
        packet = Packet.create(case=case, preview=preview, requested_at=now, requested_by=by.id)
        jobs.ask("packet", f"packet/{packet.id}", packet.id, due_at=now)
        audit.record(by, "request", "packet", row_id=packet.id, case_id=case.id, preview=preview)
    return packet


def assembled(case: Case, *, preview: bool) -> Assembled:
    """The packet of a case as it stands. Refused, with every reason, unless it is a preview. Slow: for the worker."""
    weighed = weigh(case)
    if not preview and weighed.objections:
        raise Refused(*weighed.objections)
    from practice.packets import NotReady
    from practice.packets import assemble as put_together

    try:
        return put_together(_packet_input(case, weighed), preview=preview)
    except NotReady as refused:
        raise Refused(*refused.reasons) from refused


def _packet_input(case: Case, weighed: Weighed) -> PacketInput:
    from practice.packets import Document as Paper
    from practice.packets import PacketInput

    held = coverage(case)
    given = PacketInput(
        packet_id="",
        letterhead=reports.letterhead(),
        facts=weighed.facts,
        coding=weighed.coding,
        payer=case.payer.name if case.payer else None,
        member_id=held.member_id if held else None,
        report=_frozen_report(case),
        people=_people(weighed.people, case.facility),
        documents=tuple(
            Paper(kind=row.kind, title=row.title, pdf=documents.read(row)) for row in documents.of_case(case)
        ),
        findings=tuple(weighed.findings),
        days=weighed.days,
    )
    # The id says what is in the packet: an addendum or another paper gives another id, the same content the same.
    mark = hashlib.sha256(msgspec.msgpack.encode(given)).hexdigest()[:6]
    return msgspec.structs.replace(given, packet_id=f"{weighed.facts.id}-{weighed.facts.record_rev}-{mark}")


def _people(people: dict[str, Person], facility: Facility) -> tuple[exhibits.Person, ...]:
    """The people with the credentials that count here: not other states' licenses or other hospitals' privileges."""
    held = (
        Credential.select(Credential, CredentialType)
        .join(CredentialType)
        .where(
            Credential.person.in_([person.id for person in people.values()]),
            Credential.withdrawn_on.is_null(),
            Credential.facility.is_null() | (Credential.facility == facility.id),
            Credential.state.in_(["", facility.state]),
        )
        .order_by(CredentialType.name, Credential.from_on)
    )
    by_person: dict[int, list[exhibits.Credential]] = {}
    for row in held:
        by_person.setdefault(row.person_id, []).append(
            exhibits.Credential(
                kind=row.kind,
                number=row.number,
                issuer=row.issuer or row.state,
                from_on=row.from_on,
                until_on=row.until_on,
            )
        )
    return tuple(
        exhibits.Person(staff=staff, npi=person.npi, credentials=tuple(by_person.get(person.id, ())))
        for staff, person in people.items()
    )


def _frozen_report(case: Case) -> bytes | None:
    """The bytes of the signed report as the worker froze them; frozen now when the worker has not come to it."""
    report = reports.current(case)
    if case.signed_at is None or report is None:
        return None
    return documents.read(reports.freeze(report))


def assemble(packet: Packet) -> Callable[[], None]:
    """Make the pages of a packet and return what is to be written once the job is done."""
    if packet.made_at:
        return lambda: None
    made = assembled(packet.case, preview=packet.preview)
    documents.put(made.pdf)
    parts = [
        {"letter": part.letter, "title": part.title, "first_page": part.first_page, "pages": part.pages, "sha256": part.sha256}
        for part in made.parts
    ]  # fmt: skip

    def effect() -> None:
        now = datetime.now(UTC)
        document = documents.store(
            made.pdf, case=packet.case, kind="packet_preview" if packet.preview else "packet",
            title="Preview of the packet" if packet.preview else "Claim packet", pages=made.pages,
            made_from=f"packet:{packet.id}", by=MACHINE, now=now,
        )  # fmt: skip
        Packet.update(document=document, parts=parts, made_at=now).where(Packet.id == packet.id).execute()
        audit.record(MACHINE, "assemble", "packet", row_id=packet.id, case_id=packet.case_id)

    return effect
