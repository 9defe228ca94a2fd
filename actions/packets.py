"""What a case comes to for a claim, and the packet that is printed from it.

`weigh` is what pages and commands show; `request` writes the packet and its job; `assemble` is done by the worker.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from actions import MACHINE, Actor, Refused, audit, credentials, documents, jobs, ledger, reports, screenings
from actions.terms import Terms, rule_of, terms
from models import (
    Agreement,
    Assignment,
    Case,
    Coverage,
    Credential,
    CredentialType,
    Facility,
    Packet,
    Person,
    Signature,
    db,
)
from practice import coding, exhibits, proof, scrub
from practice.cases import Facts
from practice.completeness import Missing, missing
from practice.credentials import Standing
from practice.drafting import Draft, as_text, draft
from practice.ledger import Share

if TYPE_CHECKING:
    from practice.packets import Assembled, PacketInput


@dataclass(frozen=True)
class Weighed:
    """The facts of a case, its codes, what the rules find and what the record misses."""

    facts: Facts
    coding: coding.Coding
    findings: list[scrub.Finding]
    missing: list[Missing]
    people: dict[str, Person]
    days: tuple[proof.Proof, ...] = ()
    """The physicians' days, with the other patients unnamed."""

    @property
    def blocking(self) -> list[scrub.Finding]:
        return [finding for finding in self.findings if finding.severity == "block"]

    @property
    def objections(self) -> list[str]:
        """Why no packet can be made; empty means that one can."""
        return [f"{finding.id}: {finding.message}" for finding in self.blocking]


def weigh(case: Case) -> Weighed:
    """Code the case by its payer's rule of the day and hold it against the documentation rules."""
    facts = case.facts()
    people = people_of(case, facts)
    books = ledger.of_case(case, facts)
    coded = coded_by(case, facts, shares=ledger.shares(case, books))
    report = reports.current(case)
    found = scrub.findings(
        scrub.CaseForScrub(
            facts=facts,
            coding=coded,
            documents=tuple(document.kind for document in documents.of_case(case)),
            credentials=_credentials(people),
            judged=_judged(case, people, facts),
            signatures=_signatures(case, people),
            report_sha256=report.text_sha256 if report else None,
            report_stale=bool(report and reports.stale(report, case)),
            approved=bool(report and reports.approval_of(report)),
            npis={staff: person.npi for staff, person in people.items() if person.npi},
            order=scrub.Order(
                requested_by=case.requested_by or None,
                requested_on=case.requested_on,
                surgeon_npi=(case.surgeon.npi or None) if case.surgeon else None,
            ),
        )
    )
    if facts.header.payer_class and rule_of(case, terms()) is None:
        found.insert(0, scrub.Finding(id="PAY-01", severity="block", message=_unruled(case), where="payers"))
    excluded = [
        scrub.Finding(id="EXC-01", severity="block", message=said, where="screenings")
        for said in screenings.obstacles(case)
    ]
    excluded += [
        scrub.Finding(id="EXC-02", severity="warn", message=said, where="screenings")
        for said in _unscreened(case, people.values())
    ]
    shared = ledger.findings(case, facts, books, coded)
    found = sorted([*excluded, *found, *shared], key=lambda one: scrub.ORDER.index(one.severity))
    return Weighed(
        facts=facts, coding=coded, findings=found, missing=missing(facts), people=people,
        days=ledger.proofs(case, facts, books),
    )  # fmt: skip


def _unscreened(case: Case, people: Iterable[Person]) -> list[str]:
    """Who was not screened in time for the day, and that the list was too old; what stands as a hit is told elsewhere."""
    standings = [screenings.screened(person, case.date_of_service) for person in people]
    return list(dict.fromkeys(said for one in standings if not one.blocks for said in one.objections))


def _unruled(case: Case) -> str:
    return (
        f"No rule says what a {case.payer_class.replace('_', ' ')} payer takes on {case.date_of_service}: "
        "add one under Places, Payers."
    )


def coded_by(
    case: Case, facts: Facts, agreed: Terms | None = None, shares: Mapping[str, Share] | None = None
) -> coding.Coding:
    """The lines of a case by the payer's rule of the date of service and the agreement with the facility.

    `shares` is what the ledger leaves the case; a list of what waits does without it.
    """
    agreed = agreed or terms()
    agreement = _agreement(case, agreed)
    rule = rule_of(case, agreed)
    coded = coding.code(
        facts,
        rule=rule or coding.NO_RULE,
        pos=case.facility.pos,
        professional_owned=agreement is None or agreement.professional == "practice",
        technical_owned=agreement is not None and agreement.technical == "practice",
        shares=shares,
    )
    if rule:
        return coded
    said = _unruled(case) if case.payer_class else "The payer class is not recorded: choose the payer on the case."
    return msgspec.structs.replace(coded, warnings=(said, *coded.warnings))


def _agreement(case: Case, agreed: Terms) -> Agreement | None:
    on = case.date_of_service
    return next(
        (
            one
            for one in agreed.agreements
            if one.facility_id == case.facility_id
            and one.from_on <= on
            and (one.until_on is None or one.until_on >= on)
        ),
        None,
    )


def people_of(case: Case, facts: Facts) -> dict[str, Person]:
    """The person behind each staff id of the record, where one of the people on the case bears the name."""
    on_case = list(Person.select().join(Assignment).where(Assignment.case == case.id).distinct())
    staff = (*facts.staff.technologists, *facts.staff.physicians)
    return {one.id: person for one in staff for person in on_case if one.name in (person.name, person.signing_name)}


def _judged(case: Case, people: dict[str, Person], facts: Facts) -> dict[str, tuple[Standing, ...]]:
    """How each person of the record stands on the day of service, by staff id: what their assignment was judged by."""
    roles = {one.id: "technologist" for one in facts.staff.technologists}
    roles |= {one.id: "physician" for one in facts.staff.physicians}
    of_people, given = credentials.holders(people.values()), credentials.rules()
    return {
        staff: tuple(credentials.standings_on(case, person, roles[staff], given=given, holder=of_people[person.id]))
        for staff, person in people.items()
    }


def _credentials(people: dict[str, Person]) -> tuple[scrub.Credential, ...]:
    rows = (
        Credential.select(Credential, CredentialType, Facility)
        .join(CredentialType)
        .switch(Credential)
        .left_outer_join(Facility, on=(Credential.facility == Facility.id))
        .where(Credential.person.in_([person.id for person in people.values()]), Credential.withdrawn_on.is_null())
        .order_by(CredentialType.name, Credential.until_on)
    )
    staff_of = {person.id: (staff, person) for staff, person in people.items()}
    return tuple(
        scrub.Credential(
            person_name=staff_of[row.person_id][1].name,
            person_staff_id=staff_of[row.person_id][0],
            kind=row.kind,
            number=row.number or None,
            state=row.state or None,
            facility=row.facility.name if row.facility else None,
            from_on=row.from_on,
            until_on=row.until_on,
            verified=row.verified_on is not None,
        )
        for row in rows
    )


def _signatures(case: Case, people: dict[str, Person]) -> tuple[scrub.Signature, ...]:
    staff_of = {person.id: staff for staff, person in people.items()}
    return tuple(
        scrub.Signature(name=row.name, at=row.at, text_sha256=row.text_sha256, staff=staff_of.get(row.by_id))
        for row in case.signatures.order_by(Signature.at)
    )


def report_of(case: Case) -> Draft:
    """The report as it would print now: the signed one with its signatures and addenda, or a draft of the record."""
    report = reports.current(case) if case.signed_at else None
    return reports.written(report) if report else draft(case.facts())


def report_text(case: Case) -> str:
    """The words of that report: once it is signed those that were signed, whatever the writer would say today."""
    return as_text(report_of(case))


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

    coverage = _coverage(case)
    given = PacketInput(
        packet_id="",
        letterhead=reports.letterhead(),
        facts=weighed.facts,
        coding=weighed.coding,
        payer=case.payer.name if case.payer else None,
        member_id=coverage.member_id if coverage else None,
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


def _coverage(case: Case) -> Coverage | None:
    """The patient's coverage by this payer on the day of service."""
    on = case.date_of_service
    rows = Coverage.select().where(
        Coverage.patient == case.patient_id,
        Coverage.payer == case.payer_id,
        Coverage.from_on.is_null() | (Coverage.from_on <= on),
        Coverage.until_on.is_null() | (Coverage.until_on >= on),
    )
    return rows.order_by(Coverage.rank, Coverage.id.desc()).first()


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
