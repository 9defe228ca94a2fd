"""A claim gathered from the case, its coding, its billing form, the places and the prices. Pure reading.

Everything that is lacking is told at once, each with the page where it is mended; a claim is never built in part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

import msgspec
import peewee as pw

from actions import Refused, fees, ledger, weighing
from actions.terms import rule_of, terms
from models import (
    SETTINGS,
    Asked,
    Billing,
    BillingProvider,
    Case,
    Claim,
    Coverage,
    Decided,
    Facility,
    Patient,
    Payer,
    Person,
    Signature,
    Surgeon,
    param,
)
from practice import claims as c
from practice import coding, formal_names
from practice.cases import Facts
from practice.identifiers import npi_problem

UNNUMBERED = "DRAFT"
"""The number of a claim that was not made yet."""
FILING = {
    "medicare": "MB", "medicare_advantage": "16", "medicaid": "MC", "commercial": "CI", "workers_comp": "WC", "auto": "AM",
}  # fmt: skip
"""The usual claim filing code (SBR09) of a class, where the payer's own row names none."""
INPATIENT = ("21", "51", "61")


class Lack(NamedTuple):
    """Something a claim cannot be made without: a sentence, and the page and row where it is mended."""

    words: str
    where: str = ""
    id: int | None = None


class Gathered(NamedTuple):
    """The claim as it would be made now, or what is lacking; `coding` and `people` are what it was gathered from."""

    claim: c.Claim | None
    lacks: list[Lack]
    coding: coding.Coding
    expected_cents: int | None
    file_by: date | None


def billing_of(case: Case) -> Billing:
    """The billing form of the case; an empty one when nobody filled it in."""
    return _BILLING.row(case=case.id) or Billing(case=case)


_BILLING = Asked(lambda: Billing.select().where(Billing.case == param("case")))


def as_billed(case: Case) -> Case:
    """The case with the payer that is asked first. A signed case keeps the payer it was booked with, whoever pays."""
    case, billing = Case.with_header(case.id) or case, billing_of(case)
    if billing.payer_id and billing.payer_id != case.payer_id:
        case.payer = billing.payer
        case.payer_class = billing.payer.payer_class
    return case


def build(case: Case, payer: Payer | None = None, sequence: str = "P") -> c.Claim:
    """The claim of the case as it would be made now. Refused, with every reason, while something is lacking."""
    gathered = gather(case, payer, sequence)
    if gathered.claim is None:
        raise Refused(*(lack.words for lack in gathered.lacks))
    return gathered.claim


def gather(case: Case, payer: Payer | None = None, sequence: str = "P") -> Gathered:
    """All that a claim needs, read once. `payer` is asked in place of the first one when `sequence` is S or T."""
    case, lacks = as_billed(case), []
    payer, billing = payer or case.payer, billing_of(case)
    facts = case.facts()
    coded = weighing.coded_by(case, facts, shares=ledger.shares(case, ledger.of_case(case, facts)))
    on = coded.date_of_service or case.date_of_service
    rule = rule_of(case, terms())
    first = _decided_before(case, payer, sequence, lacks)
    claim_lines, expected = _lines(case, facts, coded, billing, payer, on, lacks)
    coverage = _coverage(case, payer, on, sequence, lacks)
    rendering = next((line.rendering for line in claim_lines if line.rendering), None)
    parts: dict[str, Any] = {
        "control_number": UNNUMBERED,
        "billing": _biller(on, lacks),
        "pay_to": _pay_to(on),
        "patient": _patient(case.patient, lacks),
        "coverage": coverage,
        "others": _others(case, payer, on, sequence, first),
        "rendering": rendering,
        "referring": _surgeon(case, lacks),
        "facility": _facility(case.facility, lacks),
        "diagnoses": _diagnoses(case, billing, lacks),
        "lines": tuple(
            msgspec.structs.replace(
                line,
                rendering=None if line.rendering == rendering else line.rendering,
                adjudications=_adjudications(first, place, line),
            )
            for place, line in enumerate(claim_lines, 1)
        ),
        "pos": case.facility.pos,
        "medical_record": case.patient.mrn,
        "attachments": _attachments(rule),
        "signed_on": _signed_on(case),
        **_circumstances(case, billing, payer, lacks),
    }
    claim = None
    if not lacks:
        claim = c.Claim(**parts)
        lacks += [Lack(said, "case", case.id) for said in c.objections(claim)]
    days = rule.filing_days if rule else None
    counted_from = first.on if first else on
    return Gathered(
        claim=None if lacks else claim, lacks=list(dict.fromkeys(lacks)), coding=coded, expected_cents=expected,
        file_by=counted_from + timedelta(days=days) if days else None,
    )  # fmt: skip


# Who bills, who pays


def _holding(model: type[pw.Model], on: date) -> pw.Expression:
    return (model.from_on <= on) & (model.until_on.is_null() | (model.until_on >= on))


def _biller_row(on: date) -> BillingProvider | None:
    rows = BillingProvider.select().where(_holding(BillingProvider, on))
    return rows.order_by(BillingProvider.from_on.desc()).first()


def _biller(on: date, lacks: list[Lack]) -> c.Provider | None:
    row = _biller_row(on)
    if row is None:
        lacks.append(Lack(f"Nobody is named who bills on {on:%m/%d/%Y}: add the billing provider.", "biller"))
        return None
    wanted = {
        "name": row.name,
        "NPI": row.npi,
        "tax number": row.tax_id,
        "street": row.address,
        "city": row.city,
        "state": row.state,
    }
    _missing(wanted, "The billing provider", Lack("", "biller", row.id), lacks)
    _zip(row.zip, "The billing provider", Lack("", "biller", row.id), lacks, nine=True)
    _npi(row.npi, "The billing provider", Lack("", "biller", row.id), lacks)
    return c.Provider(
        name=row.name, npi=row.npi, taxonomy=row.taxonomy, tax_id=row.tax_id, tax_id_is_ssn=row.tax_id_is_ssn,
        phone=row.phone, address=c.Address(line1=row.address, city=row.city, state=row.state, zip=row.zip),
    )  # fmt: skip


def _pay_to(on: date) -> c.Address | None:
    row = _biller_row(on)
    return msgspec.convert(row.pay_to, c.Address) if row and row.pay_to else None


def _payer(payer: Payer, lacks: list[Lack]) -> c.Payer:
    at = Lack("", "payer", payer.id)
    if not payer.payer_id:
        lacks.append(at._replace(words=f"{payer.name} has no payer id: add the number it is listed under."))
    return c.Payer(
        name=payer.name, id=payer.payer_id, filing=payer.filing or FILING.get(payer.payer_class, "ZZ"),
        address=_address(payer),
    )  # fmt: skip


def _coverage(case: Case, payer: Payer | None, on: date, sequence: str, lacks: list[Lack]) -> c.Coverage | None:
    if payer is None:
        lacks.append(Lack("It is not said who pays: choose the payer on the billing form.", "billing", case.id))
        return None
    if payer.payer_class == "self_pay":
        lacks.append(
            Lack(f"{payer.name} is no insurer, so no claim is made: the patient is billed.", "billing", case.id)
        )
    row = coverages_on(case.patient, on, payer).first()
    at = Lack("", "patient", case.patient_id)
    if row is None:
        lacks.append(
            at._replace(words=f"The patient has no coverage by {payer.name} on {on:%m/%d/%Y}: add it to the patient.")
        )
        return None
    if not row.member_id:
        lacks.append(
            at._replace(words=f"The member id of the coverage by {payer.name} is missing: add it to the patient.")
        )
    return _covered(row, payer, sequence, lacks)


def coverages_on(patient: Patient, on: date, payer: Payer | None = None) -> pw.ModelSelect:
    """The patient's coverages of a day, who pays first before the others."""
    rows = Coverage.select(Coverage, Payer).join(Payer).where(
        Coverage.patient == patient.id, Coverage.from_on.is_null() | (Coverage.from_on <= on),
        Coverage.until_on.is_null() | (Coverage.until_on >= on),
    )  # fmt: skip
    rows = rows.where(Coverage.payer == payer.id) if payer else rows
    return rows.order_by(Coverage.rank, Coverage.id.desc())


def _covered(row: Coverage, payer: Payer, sequence: str, lacks: list[Lack]) -> c.Coverage:
    subscriber = None
    if row.relationship != "18":
        subscriber = _subscriber(row, Lack("", "patient", row.patient_id), lacks)
    return c.Coverage(
        payer=_payer(payer, lacks), sequence=sequence, relationship=row.relationship, subscriber=subscriber,
        member_id=row.member_id, group_number=row.group, insurance_type=row.insurance_type,
    )  # fmt: skip


def _subscriber(row: Coverage, at: Lack, lacks: list[Lack]) -> c.Person | None:
    try:
        found = msgspec.convert(row.subscriber, c.Person)
    except msgspec.ValidationError:
        lacks.append(
            at._replace(words="The patient is not the subscriber, and who that is is missing: add it to the coverage.")
        )
        return None
    wanted = {
        "last name": found.last,
        "first name": found.first,
        "date of birth": found.birth_on,
        "address": found.address,
    }
    _missing(wanted, "The subscriber", at, lacks)
    return found


def _others(case: Case, payer: Payer | None, on: date, sequence: str, first: Decided | None) -> tuple[c.Coverage, ...]:
    """The patient's further insurances: the one that decided before, or those that will be asked after."""
    if first is not None:
        body = c.from_json(first.claim.body)
        decided = [(paid, adjustments) for _, paid, adjustments in first.lines]
        owes = sum(cents for _, some in decided for group, _, cents in some if group == "PR")
        told = msgspec.structs.replace(
            body.coverage, paid_cents=sum(paid for paid, _ in decided), patient_owes_cents=owes,
            claim_number=first.claim.payer_control,
        )  # fmt: skip
        return (*(other for other in body.others if other.paid_cents is not None), told)
    later, unheard = [], []
    for place, row in enumerate((r for r in coverages_on(case.patient, on) if payer and r.payer_id != payer.id), 1):
        if sequence == "P" and place <= 2 and row.member_id and row.payer.payer_id:
            later.append(_covered(row, row.payer, "ST"[place - 1], unheard))
    return () if unheard else tuple(later)


def _decided_before(case: Case, payer: Payer | None, sequence: str, lacks: list[Lack]) -> Decided | None:
    """What the payer before decided, when a further one is asked."""
    if sequence == "P":
        return None
    earlier = {"S": "P", "T": "S"}[sequence]
    found = (
        Decided.select(Decided, Claim).join(Claim)
        .where(Claim.case == case.id, Claim.sequence == earlier, Claim.state.not_in(["withdrawn", "voided"]))
        .order_by(Decided.id.desc()).first()
    )  # fmt: skip
    if found is None:
        lacks.append(
            Lack("What the payer before this one decided is not written down: key it first.", "claims", case.id)
        )
    return found


def _adjudications(first: Decided | None, place: int, line: c.ClaimLine) -> tuple[c.Adjudication, ...]:
    if first is None:
        return ()
    earlier = c.from_json(first.claim.body)
    if place > len(earlier.lines) or place > len(first.lines):
        return ()
    sent = earlier.lines[place - 1]
    if (sent.code, sent.modifiers, sent.units) != (line.code, line.modifiers, line.units):
        return ()
    _, paid, adjustments = first.lines[place - 1]
    now = c.Adjudication(
        payer_id=earlier.coverage.payer.id, paid_cents=paid, code=sent.code, modifiers=sent.modifiers, units=sent.units,
        adjustments=tuple(c.Adjustment(group=group, reason=reason, cents=cents) for group, reason, cents in adjustments),
        on=first.on,
    )  # fmt: skip
    return (*sent.adjudications, now)


# Who was treated, by whom, where


def _patient(row: Patient, lacks: list[Lack]) -> c.Person:
    at, name = Lack("", "patient", row.id), formal_names.split(row.name)
    wanted = {
        "first name": name.first,
        "date of birth": row.dob,
        "street": row.address,
        "city": row.city,
        "state": row.state,
    }
    _missing(wanted, "The patient", at, lacks)
    _zip(row.zip, "The patient", at, lacks)
    return c.Person(
        last=name.last, first=name.first, middle=name.middle, suffix=name.suffix, birth_on=row.dob,
        sex=row.sex if row.sex in ("F", "M") else "U", phone=row.phone, address=_address(row),
    )  # fmt: skip


def _facility(row: Facility, lacks: list[Lack]) -> c.Provider:
    at = Lack("", "facility", row.id)
    _missing({"street": row.address, "city": row.city, "state": row.state}, row.name, at, lacks)
    _zip(row.zip, row.name, at, lacks, nine=True)
    if row.npi:
        _npi(row.npi, row.name, at, lacks)
    return c.Provider(name=row.name, npi=row.npi, address=_address(row))


def _surgeon(case: Case, lacks: list[Lack]) -> c.Provider | None:
    row: Surgeon | None = case.surgeon
    if row is None:
        lacks.append(Lack("No surgeon is on the case, and a claim names who asked for monitoring.", "case", case.id))
        return None
    at, name = Lack("", "surgeon", row.id), formal_names.split(row.name)
    _missing({"first name": name.first, "NPI": row.npi}, row.name, at, lacks)
    _npi(row.npi, row.name, at, lacks)
    return _person(name, npi=row.npi)


def _reader(
    staff: str | None, called: str | None, people: Mapping[str, Person], lacks: list[Lack]
) -> c.Provider | None:
    """The physician who rendered a line; None, and told, when nobody of the practice is behind the name."""
    person = people.get(staff or "")
    if person is None:
        said = f"{called} is" if called else "The physician of a line is"
        lacks.append(Lack(f"{said} not one of the people of the practice on this case: assign who it is.", "people"))
        return None
    at, name = Lack("", "person", person.id), formal_names.split(person.name)
    _missing({"first name": name.first, "NPI": person.npi}, person.name, at, lacks)
    _npi(person.npi, person.name, at, lacks)
    return _person(name, npi=person.npi, taxonomy=person.taxonomy, credentials=person.credentials)


def _person(name: formal_names.FormalName, *, npi: str, taxonomy: str = "", credentials: str = "") -> c.Provider:
    return c.Provider(
        name=name.last, first=name.first, middle=name.middle, suffix=name.suffix, person=True, npi=npi, taxonomy=taxonomy,
        credentials=credentials or name.credentials,
    )  # fmt: skip


def _address(row: Any) -> c.Address | None:
    if not row.address and not row.zip:
        return None
    return c.Address(line1=row.address, city=row.city, state=row.state, zip=row.zip)


def _missing(wanted: Mapping[str, Any], of: str, at: Lack, lacks: list[Lack]) -> None:
    names = [name for name, value in wanted.items() if not value]
    if names:
        lacks.append(at._replace(words=f"{of} lacks {_listed(names)}: add {'it' if len(names) == 1 else 'them'}."))


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _zip(text: str, of: str, at: Lack, lacks: list[Lack], *, nine: bool = False) -> None:
    digits = text.replace("-", "").replace(" ", "")
    if len(digits) != 9 and (nine or len(digits) != 5):
        lacks.append(
            at._replace(words=f"{of} needs a ZIP of {'nine digits' if nine else 'five or nine digits'}: correct it.")
        )


def _npi(npi: str, of: str, at: Lack, lacks: list[Lack]) -> None:
    if npi and (problem := npi_problem(npi)):
        lacks.append(at._replace(words=f"{of}: {problem}"))


# What was done, why, under which circumstances


def _lines(
    case: Case, facts: Facts, coded: coding.Coding, billing: Billing, payer: Payer | None, on: date, lacks: list[Lack]
) -> tuple[list[c.ClaimLine], int | None]:
    """The lines with their charges, and what the payer should allow for all of them (None: not known)."""
    people = weighing.people_of(case, facts)
    prices, expected, made = fees.prices(payer, on), 0, []
    if not coded.lines:
        lacks.append(
            Lack("The record supports no line, so there is nothing to claim: see what is not billed.", "lines", case.id)
        )
    count = max(1, len(billing.diagnosis or case.diagnosis))
    for place, line in enumerate(coded.lines, 1):
        modifiers = tuple(dict.fromkeys((*line.modifiers, *chosen_modifiers(billing, line.code))))
        cents = prices.charge(line.code, modifiers, line.units)
        if cents is None:
            part = "-".join((line.code, *(m for m in modifiers if m in ("26", "TC"))))
            lacks.append(Lack(f"There is no charge for {part} on {on:%m/%d/%Y}: add it to the fees.", "fees"))
        allowed = prices.expected(line.code, modifiers, line.units)
        expected = None if allowed is None or expected is None else expected + allowed
        pointers = billing.pointers.get(line.code) or range(1, min(count, c.MOST_POINTERS) + 1)
        priced = c.claim_line(
            line, key=f"{UNNUMBERED}L{place}", charge_cents=cents or 0, on=on, pointers=tuple(pointers),
            rendering=_reader(line.rendering, line.rendering_name, people, lacks),
        )  # fmt: skip
        made.append(msgspec.structs.replace(priced, modifiers=modifiers, emergency=billing.emergency))
    return made, expected if made else None


def chosen_modifiers(billing: Billing, code: str) -> tuple[str, ...]:
    """The modifiers that a person chose for a code, in their order."""
    modifiers, _ = billing.modifiers.get(code, ("", ""))
    return tuple(modifiers.split())


def _diagnoses(case: Case, billing: Billing, lacks: list[Lack]) -> tuple[str, ...]:
    codes = tuple(dict.fromkeys(billing.diagnosis or [one["icd10"] for one in case.diagnosis if one.get("icd10")]))
    if not codes:
        lacks.append(Lack("No diagnosis code is on the case: add one on the billing form.", "billing", case.id))
    return codes


def _attachments(rule: coding.PayerRule | None) -> tuple[c.Attachment, ...]:
    """The papers the payer wants to be told of, sent when it asks for them."""
    wanted = (coding.DEMANDS[name] for name in (rule.demands if rule else ()) if name in coding.DEMANDS)
    return tuple(c.Attachment(type=one.attachment) for one in wanted if one.kind == "attachment")


def _signed_on(case: Case) -> date | None:
    last = Signature.select(Signature.at).where(Signature.case == case.id).order_by(Signature.at.desc()).first()
    return last.at.astimezone(SETTINGS.zone).date() if last else None


def _circumstances(case: Case, billing: Billing, payer: Payer | None, lacks: list[Lack]) -> dict[str, Any]:
    at = Lack("", "billing", case.id)
    if case.facility.pos in INPATIENT and billing.admitted_on is None:
        lacks.append(at._replace(words="The day of admission of an inpatient is missing: add it to the billing form."))
    kind = {"workers_comp": "EM", "auto": "AA"}.get(payer.payer_class if payer else "")
    if kind and (kind not in billing.accident or billing.accident_on is None):
        what = {"EM": "the accident at work", "AA": "the car accident"}[kind]
        lacks.append(
            at._replace(words=f"{payer.name} pays for {what}, and its day is missing: add it to the billing form.")
        )
    if kind and not billing.casualty_number:
        lacks.append(
            at._replace(
                words=f"The claim number that {payer.name} gave the accident is missing: add it to the billing form."
            )
        )
    if "AA" in billing.accident and not billing.accident_state:
        lacks.append(at._replace(words="The state of the car accident is missing: add it to the billing form."))
    return {
        "admitted_on": billing.admitted_on,
        "discharged_on": billing.discharged_on,
        "accident": tuple(billing.accident),
        "accident_on": billing.accident_on,
        "accident_state": billing.accident_state,
        "casualty_number": billing.casualty_number,
        "authorization": billing.authorization,
        "referral_number": billing.referral_number,
    }


def worth(case: Case) -> tuple[int, int | None]:
    """How many lines a case would have and what they would be charged; None while a price is not known."""
    case = as_billed(case)
    facts, billing = case.facts(), billing_of(case)
    coded = weighing.coded_by(case, facts, shares=ledger.shares(case, ledger.of_case(case, facts)))
    prices = fees.prices(case.payer, coded.date_of_service or case.date_of_service)
    cents = [
        prices.charge(line.code, (*line.modifiers, *chosen_modifiers(billing, line.code)), line.units)
        for line in coded.lines
    ]
    return len(cents), None if None in cents else sum(cents)
