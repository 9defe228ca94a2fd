"""What a case comes to for a claim: its facts, its codes, and everything that the rules find. Claims, packets and pages read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any

import peewee as pw
from msgspec.structs import replace

from actions import credentials, documents, fees, ledger, namesakes, reports, screenings, tables
from actions.terms import Terms, rule_of, terms
from models import (
    SETTINGS,
    Agreement,
    Asked,
    Assignment,
    BillingProvider,
    Case,
    Coverage,
    Credential,
    CredentialType,
    Facility,
    FindingOverride,
    OwnRule,
    Person,
    ProposedAddendum,
    Report,
    Review,
    Row,
    Signature,
    among,
    param,
)
from models import Billing as BillingRow
from models import Claim as ClaimRow
from practice import claim_states, claims, coding, own_rules, proof, scrub
from practice.cases import Facts
from practice.completeness import Missing
from practice.credentials import Standing
from practice.ledger import Ledger, Share
from practice.screening import NO_LIST


@dataclass(frozen=True)
class Weighed:
    """The facts of a case, its codes, what the rules find and what the record misses."""

    facts: Facts
    coding: coding.Coding
    findings: list[scrub.Finding]
    """The worst first. One that a person let pass says why (`overridden`)."""
    missing: list[Missing]
    people: dict[str, Person]
    days: tuple[proof.Proof, ...] = ()
    """The physicians' days, with the other patients unnamed."""

    @property
    def blocking(self) -> list[scrub.Finding]:
        return [finding for finding in self.findings if finding.severity == "block"]

    @property
    def open_errors(self) -> list[scrub.Finding]:
        """What a person with a reason may let pass, and nobody has."""
        return [finding for finding in self.findings if finding.severity == "error" and not finding.overridden]

    @property
    def objections(self) -> list[str]:
        """What keeps a claim or a packet from leaving; empty means nothing does."""
        return [f"{finding.id}: {finding.message}" for finding in self.findings if finding.stands]


@dataclass(frozen=True)
class Given:
    """A case as the rules see it, with the rows it was read from."""

    case: Case
    scrub: scrub.CaseForScrub
    people: dict[str, Person]
    books: Mapping[str, Ledger]

    @cached_property
    def subject(self) -> own_rules.Subject:
        """The same for the practice's own rules; money is looked up when one of them asks."""
        case, seen = self.case, self.scrub
        claim = seen.claim
        return own_rules.Subject(
            case=seen,
            payer=claim.coverage.payer.name if claim else (case.payer.name if case.payer else ""),
            pos=seen.pos,
            sequence=claim.coverage.sequence if claim else "P",
            frequency=claim.frequency if claim else "1",
            charge=lambda: claim.total_cents if claim else self._priced("charge"),
            expected=lambda: self._priced("expected"),
        )

    def _priced(self, what: str) -> int | None:
        """The sum over the lines; None when one of them has no price."""
        if self.scrub.day is None or not self.scrub.lines:
            return None
        prices = fees.prices(self.case.payer, self.scrub.day)
        each = [getattr(prices, what)(line.code, line.modifiers, line.units) for line in self.scrub.lines]
        return None if None in each else sum(each)


def weigh(case: Case, claim: claims.Claim | None = None, *, today: date | None = None) -> Weighed:
    """Code the case by its payer's rule of the day and hold it against all rules.

    With a `claim` the rules of claims judge exactly that; without one, what the record supports.
    """
    seen = given(case, claim, today=today)
    facts, let_pass = seen.scrub.facts, overridden(case)
    found = [*scrub.findings(seen.scrub), *own_rules.findings(own(), seen.subject)]
    return Weighed(
        facts=facts, coding=seen.scrub.coding, missing=seen.scrub.missing, people=seen.people,
        findings=scrub.in_order(
            replace(one, overridden=let_pass.get((one.id, one.message), "")) if one.severity == "error" else one
            for one in found
        ),
        days=ledger.proofs(case, facts, seen.books),
    )  # fmt: skip


def given(case: Case, claim: claims.Claim | None = None, *, today: date | None = None) -> Given:
    """Everything the rules look at, read."""
    agreed = terms()
    facts = case.facts()
    people = people_of(case, facts)
    books = ledger.of_case(case, facts, agreed)
    coded = coded_by(case, facts, agreed, shares=ledger.shares(case, books))
    billing = _one(BillingRow, _BILLING(case=case.id))
    day = coded.date_of_service or case.date_of_service
    codes = [line.code for line in claim.lines] if claim else [line.code for line in coded.lines]
    return Given(
        case=case,
        people=people,
        books=books,
        scrub=scrub.CaseForScrub(
            facts=facts,
            coding=coded,
            rule=rule_of(case, agreed),
            pos=claim.pos if claim else case.facility.pos,
            today=today or datetime.now(SETTINGS.zone).date(),
            papers=_papers(case),
            credentials=_credentials(people),
            judged=_judged(case, people, facts),
            excluded=tuple(screenings.obstacles(case)),
            unscreened=tuple(_unscreened(case, people.values())),
            signatures=_signatures(case, people),
            report=_report(case),
            npis={staff: person.npi for staff, person in people.items() if person.npi},
            order=scrub.Order(
                requested_by=case.requested_by or None,
                requested_on=case.requested_on,
                surgeon_npi=(case.surgeon.npi or None) if case.surgeon else None,
            ),
            interest=_interest(case),
            billing=_billing(case, billing, _agreement(case, agreed), day),
            shared=ledger.findings(case, facts, books),
            edits=tables.edits(codes, day),
            diagnoses=tables.diagnoses(_diagnoses(case, billing, claim), day),
            claim=claim,
            standing=_standing(case, claim),
            namesakes=namesakes.of(case, claim),
        ),
    )


def subject(case: Case, claim: claims.Claim, agreed: Terms, *, today: date) -> own_rules.Subject:
    """A claim as the practice's own rules see it, without what none of them can ask: for many claims at once.

    tests/test_rules.py holds that every property reads the same of it as of what `given` reads.
    """
    report = reports.current(case)
    # The record of a signed case is what was signed; reading that is quicker than folding it again.
    signed = report.read_facts() if report and case.signed_at else None
    facts = replace(signed, header=case.header) if signed else case.facts()
    billing = _one(BillingRow, _BILLING(case=case.id))
    seen = scrub.CaseForScrub(
        facts=facts,
        coding=coding.time_of(facts),
        rule=rule_of(case, agreed),
        pos=claim.pos,
        today=today,
        papers=_papers(case),
        signatures=_signatures(case, {}),
        report=scrub.Report(by_model=_by_model(report)) if report else scrub.Report(),
        interest=_interest(case),
        billing=scrub.Billing(authorization=billing.authorization, in_network=billing.in_network)
        if billing
        else scrub.Billing(),
        diagnoses=dict.fromkeys(claim.diagnoses),
        claim=claim,
    )
    return Given(case=case, people={}, books={}, scrub=seen).subject


def _papers(case: Case) -> tuple[scrub.Paper, ...]:
    return tuple(scrub.Paper(kind=row.kind, title=row.title) for row in documents.of_case(case))


def _interest(case: Case) -> str:
    return case.surgeon.interest if case.surgeon else ""


def _by_model(report: Report) -> int:
    """How many wordings of a language model stand in a report."""
    return sum(author == "model" for *_, author in report.wordings)


def _diagnoses(case: Case, billing: BillingRow | None, claim: claims.Claim | None) -> list[str]:
    if claim:
        return list(claim.diagnoses)
    of_case = [one["icd10"] for one in case.diagnosis if one.get("icd10")]
    return list((billing.diagnosis if billing else None) or of_case)


def _billing(case: Case, row: BillingRow | None, agreement: Agreement | None, day: date) -> scrub.Billing:
    held = coverage(case)
    biller = _one(BillingProvider, _BILLER(day=day.isoformat()))
    ours: dict[str, Any] = {
        "professional_ours": agreement is None or agreement.professional == "practice",
        "technical_ours": agreement is not None and agreement.technical == "practice",
        "member_id": held.member_id if held else "",
        "group_number": held.group if held else "",
        "npi": biller.npi if biller else "",
        "tax_id": biller.tax_id if biller else "",
    }
    if row is None:
        return scrub.Billing(**ours)
    return scrub.Billing(
        **ours,
        authorization=row.authorization,
        authorization_waived=row.authorization_waived,
        referral_number=row.referral_number,
        admitted_on=row.admitted_on,
        accident=bool(row.accident),
        in_network=row.in_network,
        reasons={code: tuple(chosen) for code, chosen in row.modifiers.items()},
    )


def coverage(case: Case) -> Coverage | None:
    """The patient's coverage by this payer on the day of service."""
    on = case.date_of_service
    return _one(Coverage, _COVERAGE(patient=case.patient_id, payer=case.payer_id, day=on.isoformat()))


def _report(case: Case) -> scrub.Report:
    report = reports.current(case)
    if report is None:
        return scrub.Report()
    (seconds,) = _READ(report=report.id).fetchone()
    near = reports.alike(report)
    (waiting,) = _WAITING(case=case.id).fetchone()
    return scrub.Report(
        sha256=report.text_sha256,
        stale=bool(reports.stale(report, case)),
        approved=bool(reports.approval_of(report)),
        by_model=_by_model(report),
        read_minutes=None if seconds is None else seconds // 60,
        alike=(near[0].read_facts().id, round(near[1] * 100)) if near else None,
        waiting=waiting,
    )


def _standing(case: Case, claim: claims.Claim | None) -> tuple[str, ...]:
    """Which services of an original claim stand on another original one that was not turned away."""
    if claim is None or claim.frequency != "1":
        return ()
    rows = _STANDS(patient=case.patient_id, day=case.date_of_service.isoformat(), number=claim.control_number)
    return tuple(claims.same_services(claim, [claims.from_json(bytes(body)) for (body,) in rows]))


# Own rules and overrides


def own(*, everything: bool = False) -> list[own_rules.OwnRule]:
    """The practice's own rules that are on, by their newest version; `everything`: those that are off too."""
    return [as_rule(row) for row in map(OwnRule._read, _OWN()) if row.on or everything]


def as_rule(row: OwnRule) -> own_rules.OwnRule:
    return own_rules.OwnRule(
        number=row.number, name=row.name, then=row.then, message=row.message, on=row.on,
        conditions=tuple(own_rules.Condition(*one) for one in row.conditions),
    )  # fmt: skip


def overridden(case: Case) -> dict[tuple[str, str], str]:
    """The reason for each finding, by its id and exact text, that a person let pass on this case."""
    return {(finding, message): reason for finding, message, reason in _PASSED(case=case.id)}


# What every page of a case asks, built once


_ON_CASE = Asked(lambda: Person.select().join(Assignment).where(Assignment.case == param("case")).distinct())
_SIGNED = Asked(lambda: Signature.select().where(Signature.case == param("case")).order_by(Signature.at))
_CREDENTIALS = Asked(
    lambda: (
        Credential.select()
        .join(CredentialType)
        .where(Credential.person.in_(among("people")), Credential.withdrawn_on.is_null())
        .order_by(CredentialType.name, Credential.until_on)
    )
)
_PLACES = Asked(lambda: Facility.select().where(Facility.id.in_(among("ids"))))
_STANDS = Asked(
    lambda: (
        ClaimRow.select(ClaimRow.body)
        .join(Case)
        .where(
            Case.patient == param("patient"),
            ClaimRow.frequency == "1",
            ClaimRow.date_of_service == param("day"),
            ClaimRow.number != param("number"),
            ClaimRow.state.not_in(claim_states.GONE),
        )
    )
)
_BILLING = Asked(lambda: BillingRow.select().where(BillingRow.case == param("case")))
_BILLER = Asked(
    lambda: (
        BillingProvider.select()
        .where(
            BillingProvider.from_on <= param("day"),
            BillingProvider.until_on.is_null() | (BillingProvider.until_on >= param("day")),
        )
        .order_by(BillingProvider.from_on.desc())
        .limit(1)
    )
)
_COVERAGE = Asked(
    lambda: (
        Coverage.select()
        .where(
            Coverage.patient == param("patient"),
            Coverage.payer == param("payer"),
            Coverage.from_on.is_null() | (Coverage.from_on <= param("day")),
            Coverage.until_on.is_null() | (Coverage.until_on >= param("day")),
        )
        .order_by(Coverage.rank, Coverage.id.desc())
        .limit(1)
    )
)
_READ = Asked(lambda: Review.select(pw.fn.SUM(Review.seconds)).where(Review.report == param("report")))
_WAITING = Asked(
    lambda: ProposedAddendum.select(pw.fn.COUNT(ProposedAddendum.id)).where(
        ProposedAddendum.case == param("case"), ProposedAddendum.settled_at.is_null()
    )
)
_OWN = Asked(
    lambda: (
        OwnRule.select()
        .where(OwnRule.id.in_(OwnRule.select(pw.fn.MAX(OwnRule.id)).group_by(OwnRule.number)))
        .order_by(OwnRule.number)
    )
)
_PASSED = Asked(
    lambda: (
        FindingOverride.select(FindingOverride.finding, FindingOverride.message, FindingOverride.reason)
        .where(FindingOverride.case == param("case"))
        .order_by(FindingOverride.id)
    )
)


def _one(model: type[Row], found: Any) -> Any:
    row = found.fetchone()
    return None if row is None else model._read(row)


# Coding


def coded_by(
    case: Case, facts: Facts, agreed: Terms | None = None, shares: Mapping[str, Share] | None = None
) -> coding.Coding:
    """The lines of a case by the payer's rule of the date of service and the agreement with the facility.

    `shares` is what the ledger leaves the case; a list of what waits does without it, and without the tables of the
    day and the modifiers that a person chose.
    """
    whole = shares is not None
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
        edits=tables.edits(coding.CODES, case.date_of_service) if whole else None,
        chosen=chosen_modifiers(case) if whole else None,
    )
    if rule:
        return coded
    said = _unruled(case) if case.payer_class else "The payer class is not recorded: choose the payer on the case."
    return replace(coded, warnings=(said, *coded.warnings))


def chosen_modifiers(case: Case) -> dict[str, coding.Chosen]:
    """What a person chose in the billing form, by code."""
    row = _one(BillingRow, _BILLING(case=case.id))
    return {
        code: coding.Chosen(modifiers=tuple(modifiers.split()), reason=reason)
        for code, (modifiers, reason) in (row.modifiers if row else {}).items()
    }


def _unruled(case: Case) -> str:
    return (
        f"No rule says what a {case.payer_class.replace('_', ' ')} payer takes on {case.date_of_service}: "
        "add one under Places, Payers."
    )


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


def _unscreened(case: Case, people: Iterable[Person]) -> list[str]:
    """Who was not screened in time for the day, and that the list was too old; what stands as a hit is told elsewhere."""
    standings = [screenings.screened(person, case.date_of_service) for person in people]
    found = list(dict.fromkeys(said for one in standings if not one.blocks for said in one.objections))
    return [NO_LIST] if NO_LIST in found else found  # which says it of everybody


def people_of(case: Case, facts: Facts) -> dict[str, Person]:
    """The person behind each staff id of the record, where one of the people on the case bears the name."""
    on_case = _ON_CASE.rows(case=case.id)
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
    rows = _CREDENTIALS.rows(people=[person.id for person in people.values()])
    types = {one.id: one for one in credentials.types()}
    places = {one.id: one for one in _PLACES.rows(ids={row.facility_id for row in rows if row.facility_id})}
    for row in rows:
        row.type, row.facility = types[row.type_id], places.get(row.facility_id)
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
        for row in _SIGNED.rows(case=case.id)
    )
