"""A claim as a value: who bills whom, for which patient, with which lines. Nothing here is a file format.

`practice.x12.p837` writes it as 837P, `practice.cms1500` prints it. Money is whole cents. Limits are those of the
837P guide 005010X222A1 (claims-files.md 4): 12 diagnoses, 50 lines, 4 modifiers, 4 pointers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from . import coding
from .identifiers import npi_problem

MOST_DIAGNOSES, MOST_LINES, MOST_MODIFIERS, MOST_POINTERS = 12, 50, 4, 4
Frequency = Literal["1", "7", "8"]
Sex = Literal["F", "M", "U"]
Relationship = Literal["18", "01", "19", "20", "21", "39", "40", "53", "G8"]
"""18 self, 01 spouse, 19 child, 20 employee, 21 unknown, 39 organ donor, 40 cadaver donor, 53 partner, G8 other."""


class Address(Struct, frozen=True, kw_only=True):
    """Where someone is. `zip` with or without its hyphen."""

    line1: str
    line2: str = ""
    city: str
    state: str
    zip: str

    @property
    def zip_digits(self) -> str:
        return self.zip.replace("-", "").replace(" ", "")


class Provider(Struct, frozen=True, kw_only=True):
    """A person or an organization that takes part in the care. `name` is the last name of a person."""

    name: str
    first: str = ""
    middle: str = ""
    suffix: str = ""
    person: bool = False
    npi: str = ""
    taxonomy: str = ""
    address: Address | None = None
    tax_id: str = ""
    tax_id_is_ssn: bool = False
    phone: str = ""
    credentials: str = ""
    payer_number: str = ""
    """What the payer itself calls the provider (REF*G2, boxes 17a, 24J, 32b and 33b)."""


class Person(Struct, frozen=True, kw_only=True):
    """A patient or a subscriber."""

    last: str
    first: str
    middle: str = ""
    suffix: str = ""
    birth_on: date | None = None
    sex: Sex = "U"
    address: Address | None = None
    phone: str = ""


class Payer(Struct, frozen=True, kw_only=True):
    """Who is asked to pay. `filing` is the claim filing code (SBR09), such as CI, MB, MC, WC."""

    name: str
    id: str
    filing: str
    address: Address | None = None


class Adjustment(Struct, frozen=True, kw_only=True):
    """What an earlier payer did not pay, and why (CAS)."""

    group: Literal["CO", "PR", "OA", "PI", "CR"]
    reason: str
    cents: int
    quantity: int | None = None


class Coverage(Struct, frozen=True, kw_only=True):
    """One insurance of the patient, and what it already decided on this claim."""

    payer: Payer
    sequence: Literal["P", "S", "T"] = "P"
    relationship: Relationship = "18"
    """What the patient is to the subscriber."""
    subscriber: Person | None = None
    """None when the patient is the subscriber."""
    member_id: str
    group_number: str = ""
    group_name: str = ""
    insurance_type: str = ""
    """Why Medicare is not first (SBR05), such as 12; only when it is secondary."""
    paid_cents: int | None = None
    patient_owes_cents: int | None = None
    adjustments: tuple[Adjustment, ...] = ()
    adjudicated_on: date | None = None
    claim_number: str = ""
    """The payer's own number of the claim."""
    authorization: str = ""


class Adjudication(Struct, frozen=True, kw_only=True):
    """What an earlier payer decided on one line (SVD, CAS)."""

    payer_id: str
    paid_cents: int
    code: str
    modifiers: tuple[str, ...] = ()
    units: int = 1
    adjustments: tuple[Adjustment, ...] = ()
    on: date


class Attachment(Struct, frozen=True, kw_only=True):
    """Paper that goes with the claim (PWK): OB operative note, RT report of tests, OZ support data, PN notes."""

    type: str
    sent_by: Literal["AA", "BM", "EL", "EM", "FT", "FX"] = "AA"
    """AA on request, BM mail, EL electronic, EM e-mail, FT file transfer, FX fax."""
    control: str = ""


class ClaimLine(Struct, frozen=True, kw_only=True):
    """One service. `key` comes back on the remittance (REF*6R); pointers count diagnoses from 1."""

    key: str
    code: str
    modifiers: tuple[str, ...] = ()
    units: int
    charge_cents: int
    pointers: tuple[int, ...] = (1,)
    from_on: date
    to_on: date | None = None
    pos: str = ""
    emergency: bool = False
    rendering: Provider | None = None
    """Only when it is another than the claim's."""
    ordering: Provider | None = None
    authorization: str = ""
    note: str = ""
    description: str = ""
    adjudications: tuple[Adjudication, ...] = ()


class Claim(Struct, frozen=True, kw_only=True):
    """One professional claim to one payer. `coverage` is the one asked now, `others` are the patient's further ones."""

    control_number: str
    frequency: Frequency = "1"
    payer_control: str = ""
    billing: Provider
    pay_to: Address | None = None
    patient: Person
    coverage: Coverage
    others: tuple[Coverage, ...] = ()
    rendering: Provider | None = None
    referring: Provider | None = None
    facility: Provider | None = None
    diagnoses: tuple[str, ...]
    lines: tuple[ClaimLine, ...]
    pos: str
    admitted_on: date | None = None
    discharged_on: date | None = None
    accident: tuple[Literal["AA", "EM", "OA"], ...] = ()
    accident_on: date | None = None
    accident_state: str = ""
    casualty_number: str = ""
    authorization: str = ""
    referral_number: str = ""
    medical_record: str = ""
    attachments: tuple[Attachment, ...] = ()
    note: str = ""
    assignment: Literal["A", "B", "C"] = "A"
    assigns_benefits: Literal["Y", "N", "W"] = "Y"
    patient_paid_cents: int = 0
    signed_on: date | None = None

    @property
    def total_cents(self) -> int:
        return sum(line.charge_cents for line in self.lines)

    @property
    def subscriber(self) -> Person:
        return self.coverage.subscriber or self.patient

    @property
    def patient_is_subscriber(self) -> bool:
        return self.coverage.relationship == "18"


def claim_line(
    line: coding.Line,
    *,
    key: str,
    charge_cents: int,
    on: date,
    pointers: Sequence[int] = (1,),
    rendering: Provider | None = None,
) -> ClaimLine:
    """A line of the coding with its price, ready for a claim."""
    return ClaimLine(
        key=key,
        code=line.code,
        modifiers=line.modifiers,
        units=line.units,
        charge_cents=charge_cents,
        pointers=tuple(pointers),
        from_on=on,
        rendering=rendering,
    )


def objections(claim: Claim) -> list[str]:
    """Why no form or file can be made of this claim. What a payer would say of it is for `practice.x12.checks`."""
    found = []
    if not re.fullmatch(r"[A-Z0-9-]{1,20}", claim.control_number):
        found.append("The claim number must be 1 to 20 capital letters, digits or hyphens.")
    if not 1 <= len(claim.diagnoses) <= MOST_DIAGNOSES:
        found.append(f"A claim has 1 to {MOST_DIAGNOSES} diagnoses; this one has {len(claim.diagnoses)}.")
    if not 1 <= len(claim.lines) <= MOST_LINES:
        found.append(f"A claim has 1 to {MOST_LINES} lines; this one has {len(claim.lines)}. Split it.")
    if claim.frequency in "78" and not claim.payer_control:
        word = "corrected" if claim.frequency == "7" else "voided"
        found.append(f"A {word} claim needs the payer's own claim number of the first one.")
    if len({line.key for line in claim.lines}) < len(claim.lines):
        found.append("Two lines have the same key; the payer's answer could not be told apart.")
    if len({code.replace(".", "").upper() for code in claim.diagnoses}) < len(claim.diagnoses):
        found.append("A diagnosis stands twice.")
    if (claim.coverage.relationship == "18") != (claim.coverage.subscriber is None):
        found.append("Name a subscriber exactly when the patient is not the subscriber.")
    for number, line in enumerate(claim.lines, 1):
        found += [f"Line {number}: {reason}" for reason in _line_objections(line, len(claim.diagnoses))]
    for provider in (claim.billing, claim.rendering, claim.referring, claim.facility):
        if provider and provider.npi and (problem := npi_problem(provider.npi)):
            found.append(f"{provider.name}: {problem}")
    return found


def _line_objections(line: ClaimLine, diagnoses: int) -> list[str]:
    found = []
    if not re.fullmatch(r"[A-Z0-9-]{1,30}", line.key):
        found.append("Its key must be 1 to 30 capital letters, digits or hyphens.")
    if len(line.modifiers) > MOST_MODIFIERS:
        found.append(f"{len(line.modifiers)} modifiers; a line has room for {MOST_MODIFIERS}.")
    if not 1 <= len(line.pointers) <= MOST_POINTERS:
        found.append(f"It must point at 1 to {MOST_POINTERS} diagnoses.")
    if any(not 1 <= pointer <= diagnoses for pointer in line.pointers):
        found.append("It points at a diagnosis that is not on the claim.")
    if line.units < 1:
        found.append("Units must be 1 or more.")
    if line.charge_cents < 0:
        found.append("A charge cannot be below zero.")
    return found


def corrected(claim: Claim, *, control_number: str, payer_control: str, **changed: Any) -> Claim:
    """The replacement (7) of a claim under its own new number; the payer finds the first by its own number."""
    return replace(claim, control_number=control_number, payer_control=payer_control, frequency="7", **changed)


def voided(claim: Claim, *, control_number: str, payer_control: str) -> Claim:
    """The cancellation (8) of a claim; it repeats the claim without papers."""
    return replace(
        claim, control_number=control_number, payer_control=payer_control, frequency="8", attachments=(), note=""
    )


class Change(Struct, frozen=True, kw_only=True):
    """One value that differs between two versions of a claim, as a path such as `lines.2.units`."""

    path: str
    before: str
    after: str


_OWN = {"control_number", "payer_control", "frequency"}
"""What every new version has of its own."""


def changes(before: Claim, after: Claim) -> list[Change]:
    """What a corrected claim changes, value by value."""
    old, new = dict(_leaves(msgspec.to_builtins(before))), dict(_leaves(msgspec.to_builtins(after)))
    return [
        Change(path=path, before=old.get(path, ""), after=new.get(path, ""))
        for path in dict.fromkeys([*old, *new])
        if old.get(path, "") != new.get(path, "") and path not in _OWN
    ]


def _leaves(value: Any, path: str = "") -> Iterable[tuple[str, str]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _leaves(part, f"{path}.{key}" if path else key)
    elif isinstance(value, list | tuple):
        for number, part in enumerate(value, 1):
            yield from _leaves(part, f"{path}.{number}")
    elif value is not None:
        yield path, str(value)


def same_services(claim: Claim, others: Iterable[Claim]) -> list[str]:
    """Which codes of an original claim stand on another original for the same patient, payer and day.

    The caller asks for claims that still stand; a rejected one is not passed in (billing.md 12, extra 26).
    """
    if claim.frequency != "1":
        return []
    mine = {(line.code, line.from_on) for line in claim.lines}
    found = []
    for other in others:
        if other.frequency != "1" or other.control_number == claim.control_number or _whom(other) != _whom(claim):
            continue
        for code, on in sorted(mine & {(line.code, line.from_on) for line in other.lines}):
            found.append(f"{code} of {on:%m/%d/%Y} is already on claim {other.control_number}.")
    return found


def shared_codes(claim: Claim, other: Claim) -> tuple[str, ...]:
    """The codes that both claim for the same day."""
    mine = {(line.code, line.from_on) for line in claim.lines}
    return tuple(sorted({line.code for line in other.lines if (line.code, line.from_on) in mine}))


def _whom(claim: Claim) -> tuple[object, ...]:
    patient = claim.patient
    return (claim.coverage.payer.id, patient.last.upper(), patient.first.upper(), patient.birth_on)


def to_json(claim: Claim) -> bytes:
    """The claim as it is kept."""
    return msgspec.json.encode(claim)


def from_json(kept: bytes) -> Claim:
    return msgspec.json.decode(kept, type=Claim)
