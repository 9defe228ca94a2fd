"""The packet that is printed from a case and what it comes to for a claim (actions/weighing.py).

`request` writes the packet and its job; `assemble` is done by the worker.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import msgspec

from actions import MACHINE, Actor, Refused, audit, claims, documents, jobs, records_requests, reports
from actions.claim_bodies import as_billed
from actions.weighing import Weighed, coverage, weigh
from models import (
    SETTINGS,
    AuditEntry,
    Case,
    Claim,
    Credential,
    CredentialType,
    Facility,
    Packet,
    PacketDemand,
    Person,
    RecordsRequest,
    Sending,
    db,
)
from practice import demands as trade
from practice import exhibits
from practice.drafting import Draft, as_text, draft

if TYPE_CHECKING:
    from practice.packets import Asked, Assembled, Denial, PacketInput, Trail


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


# What is wanted, and what there is of it


def demands(case: Case, purpose: str) -> tuple[trade.Demand, ...]:
    """What the case's payer wants in a packet for this purpose, by the rows of the day of service."""
    rows = PacketDemand.select().where(PacketDemand.purpose == purpose)
    held = [
        trade.Held(
            demand=trade.Demand(part=row.part, words=row.words, required=row.required),
            purpose=row.purpose, payer=row.payer_id, payer_class=row.payer_class, from_on=row.from_on, until_on=row.until_on,
        )
        for row in rows
    ]  # fmt: skip
    if not held:  # a practice that was never seeded has what the app comes with
        return trade.defaults(purpose)
    return trade.holding(held, purpose, case.payer_id, case.payer_class, case.date_of_service)


def standing(case: Case, purpose: str, weighed: Weighed) -> tuple[trade.Answer, ...]:
    """Each thing that is wanted, and whether it is there: what the packet would say, without its pages."""
    staff = _people(weighed.people, case.facility)
    missing = trade.lacking(
        coding=weighed.coding,
        recorded=bool(weighed.facts.time.segments),
        watched=bool(weighed.facts.physician_log),
        credentialed=any(person.credentials for person in staff),
        report=case.signed_at is not None,
        claim_form=claim_of(case) is not None,
        papers={row.kind for row in documents.of_case(case)},
    )
    return trade.answered(demands(case, purpose), missing)


def claim_of(case: Case) -> Claim | None:
    """The claim that a packet shows: the newest that was neither withdrawn nor is the cancellation of another."""
    rows = Claim.select().where(Claim.case == case.id, Claim.state != "withdrawn", Claim.frequency != "8")
    return rows.order_by(Claim.id.desc()).first()


# Asking for one


def request(
    case: Case, *, preview: bool, purpose: str = "claim", answers: RecordsRequest | None = None,
    denial: dict[str, object] | None = None, left_out: Collection[str] = (), by: Actor, now: datetime,
) -> Packet:  # fmt: skip
    """Ask for a packet: a row and its job. A finding that stands refuses one for a claim, with every reason.

    For any other purpose nothing is refused: the packet says what is missing. Only what is not required can be left out.
    """
    case = as_billed(case)
    reasons = list(weigh(case).objections) if purpose == "claim" and not preview else []
    required = {one.part for one in demands(case, purpose) if one.required}
    reasons += [
        f"{trade.PARTS[part]} is required for this payer and purpose, so it cannot be left out."
        for part in left_out
        if part in required
    ]
    if answers and (answers.case_id != case.id or answers.purpose != purpose):
        reasons.append("That request is for another case or purpose. Choose one of this case.")
    if reasons:
        raise Refused(*reasons)
    with db.atomic():
        packet = Packet.create(
            case=case, purpose=purpose, preview=preview, answers=answers, denial=denial or {}, left_out=sorted(left_out),
            requested_at=now, requested_by=by.id,
        )  # fmt: skip
        jobs.ask("packet", f"packet/{packet.id}", packet.id, due_at=now)
        audit.record(by, "request", "packet", row_id=packet.id, case_id=case.id, preview=preview, purpose=purpose)
    return packet


def assembled(case: Case, *, preview: bool, purpose: str = "claim", of: Packet | None = None) -> Assembled:
    """The packet of a case as it stands. Refused, with every reason, unless it is a preview. Slow: for the worker."""
    case = as_billed(case)
    weighed = weigh(case)
    if not preview and purpose == "claim" and weighed.objections:
        raise Refused(*weighed.objections)
    from practice.packets import NotReady
    from practice.packets import assemble as put_together

    try:
        return put_together(_packet_input(case, weighed, purpose, of), preview=preview)
    except NotReady as refused:
        raise Refused(*refused.reasons) from refused


def _packet_input(case: Case, weighed: Weighed, purpose: str, of: Packet | None) -> PacketInput:
    from practice.packets import Document as Paper
    from practice.packets import PacketInput

    held, claim = coverage(case), claim_of(case)
    left_out = set(of.left_out) if of else set()
    wanted = tuple(one for one in demands(case, purpose) if one.part not in left_out)
    parts = {one.part for one in wanted}
    entries = tuple(case.said()) if "history" in parts else ()
    given = PacketInput(
        packet_id="",
        letterhead=reports.letterhead(),
        facts=weighed.facts,
        coding=weighed.coding,
        payer=case.payer.name if case.payer else None,
        claim_number=(claim.payer_control or claim.number) if claim else None,
        member_id=held.member_id if held else None,
        report=_frozen_report(case),
        people=_people(weighed.people, case.facility),
        documents=tuple(
            Paper(kind=row.kind, title=row.title, pdf=documents.read(row))
            for row in documents.of_case(case)
            if row.kind in parts
        ),
        findings=tuple(weighed.findings),
        days=weighed.days,
        purpose=purpose,
        demands=wanted,
        claim_form=_claim_form(claim) if claim and "claim_form" in parts else None,
        asked=_asked(of),
        denial=_denial(of),
        entries=entries,
        names=_names({entry.by for entry in entries if entry.by}),
        trail=_trail(case, of) if "trail" in parts else None,
    )
    # The id says what is in the packet: an addendum or another paper gives another id, the same content the same.
    mark = hashlib.sha256(msgspec.msgpack.encode(given)).hexdigest()[:6]
    return msgspec.structs.replace(given, packet_id=f"{weighed.facts.id}-{weighed.facts.record_rev}-{mark}")


def _claim_form(claim: Claim) -> bytes:
    from practice import cms1500

    return cms1500.file_copy([claims.body(claim)])


def _asked(of: Packet | None) -> Asked | None:
    from practice.packets import Asked

    asked = of.answers if of else None
    if asked is None:
        return None
    return Asked(requester=asked.requester, reference=asked.reference, asked_on=asked.asked_on, due_on=asked.due_on)


def _denial(of: Packet | None) -> Denial | None:
    from practice.packets import Denial

    return msgspec.convert(of.denial, Denial) if of and of.denial else None


def _names(numbers: Collection[int | None]) -> dict[int, str]:
    return dict(Person.select(Person.id, Person.name).where(Person.id.in_(list(numbers))).tuples())


def _trail(case: Case, of: Packet | None) -> Trail:
    """The case's entries of the audit trail up to the moment the packet was asked for, so that it can be made again."""
    from practice.packets import Trail

    rows = AuditEntry.select().where(AuditEntry.case_id == case.id).order_by(AuditEntry.seq)
    if of:
        rows = rows.where(AuditEntry.at < of.requested_at)
    rows = list(rows)
    names = _names({row.actor for row in rows if row.actor})

    def who(row: AuditEntry) -> str:
        return names.get(row.actor, f"person {row.actor}") if row.actor else "the app itself"

    acts = tuple(
        exhibits.Act(number=row.seq, at=row.at, who=who(row), did=f"{row.action} {row.noun.replace('_', ' ')}")
        for row in rows
        if row.action != "view"
    )
    return Trail(acts=acts, reads=dict(sorted(Counter(who(row) for row in rows if row.action == "view").items())))


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
    made = assembled(packet.case, preview=packet.preview, purpose=packet.purpose, of=packet)
    documents.put(made.pdf)

    def effect() -> None:
        now = datetime.now(UTC)
        title = trade.PURPOSES[packet.purpose]
        document = documents.store(
            made.pdf, case=packet.case, kind="packet_preview" if packet.preview else "packet",
            title=f"Preview of the {title.lower()}" if packet.preview else title, pages=made.pages,
            made_from=f"packet:{packet.id}", by=MACHINE, now=now,
        )  # fmt: skip
        Packet.update(
            document=document,
            parts=msgspec.to_builtins(made.parts),
            demands=msgspec.to_builtins(made.answers),
            made_at=now,
        ).where(Packet.id == packet.id).execute()
        audit.record(MACHINE, "assemble", "packet", row_id=packet.id, case_id=packet.case_id)

    return effect


# Sending it


HOW = {
    "portal": "Payer's portal",
    "fax": "Fax",
    "mail": "Mail",
    "courier": "Courier",
    "email": "Secure email",
    "hand": "By hand",
}


def send(packet: Packet, *, on: date, how: str, to: str, tracking: str, by: Actor, now: datetime) -> Sending:
    """Write down that exactly these pages went out. A request that the packet was made for is answered by it."""
    reasons = []
    if packet.preview:
        reasons.append("A preview is not for submission. Make the packet itself and send that one.")
    elif packet.document is None:
        reasons.append("The packet is not made yet.")
    if how not in HOW:
        reasons.append("Choose how it was sent.")
    if not to.strip():
        reasons.append("Say to whom it was sent.")
    if on > now.astimezone(SETTINGS.zone).date():
        reasons.append("That day is still to come. Write down what was sent.")
    elif on < packet.requested_at.astimezone(SETTINGS.zone).date():
        reasons.append("The packet was made after that day. Check the date.")
    if reasons:
        raise Refused(*reasons)
    documents.read(packet.document)  # the digest is that of bytes that are there and whole
    with db.atomic():
        row = Sending.create(
            packet=packet, sent_on=on, how=how, to=to.strip(), tracking=tracking.strip(), sha256=packet.document.sha256,
            at=now, by=by.id,
        )  # fmt: skip
        if packet.answers_id:
            records_requests.answered(packet.answers, on=on, how=f"Packet {packet.id} sent: {HOW[how].lower()}", by=by)
        audit.record(by, "send", "packet", row_id=packet.id, case_id=packet.case_id, sha256=row.sha256)
    return row


def sent(case: Case) -> list[Sending]:
    """What went out of a case, the newest first."""
    rows = Sending.select(Sending, Packet).join(Packet).where(Packet.case == case.id)
    return list(rows.order_by(Sending.sent_on.desc(), Sending.id.desc()))
