"""Writes claims as an 837P, 005010X222A1: one interchange, one group, as many transactions as the receiver wants.

Counts are computed, control numbers are given by the caller, who never uses one twice. Loops and their order:
claims-files.md 4 and the notes on our sample claims. Text is put into the letters a file may hold; a separator
inside an identifier, or a name without a Latin spelling, is refused, never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Literal

from msgspec import Struct

from ..claims import Address, Adjustment, Claim, ClaimLine, Coverage, Person, Provider, objections
from . import STANDARD, VERSION, Delimiters, composite, money, plain, segment, unspellable

LONGEST = {"name": 60, "first": 35, "middle": 25, "suffix": 10, "street": 55, "city": 30, "note": 80}


class Unwritable(Exception):
    """No file can be made of these claims; `reasons` says why, in full sentences."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = tuple(reasons)


class Submitter(Struct, frozen=True, kw_only=True):
    """Who sends the file: the practice, as its clearinghouse knows it."""

    name: str
    id: str
    contact: str
    phone: str
    email: str = ""
    isa_qualifier: str = "ZZ"
    isa_id: str = ""
    """When it differs from `id`; the same goes for the group's."""
    gs_id: str = ""


class Receiver(Struct, frozen=True, kw_only=True):
    """Who gets the file, and what it wants other than the guide's own defaults."""

    name: str
    id: str
    isa_qualifier: str = "ZZ"
    isa_id: str = ""
    gs_id: str = ""
    usage: Literal["T", "P"] = "T"
    wants_ta1: bool = False
    delimiters: Delimiters = STANDARD
    claims_per_transaction: int = 5000
    rendering_always: bool = False
    """Send the rendering provider even when it is the billing provider."""
    facility_always: bool = True
    """Send the place of service even when it is the billing address."""
    subscriber_address_always: bool = False
    payer_address: bool = True
    billing_taxonomy: bool = True
    line_keys: bool = True


class Controls(Struct, frozen=True, kw_only=True):
    """The numbers of one file. Each is used once, ever, by one sender (claims-files.md 8.1)."""

    interchange: int
    group: int
    first_transaction: int = 1
    batch: str
    """The batch's own reference (BHT03); acknowledgments name it."""


class Written(Struct, frozen=True, kw_only=True):
    """The file, and what of the claims' text did not fit and was cut."""

    text: str
    transactions: int
    notes: tuple[str, ...] = ()


def write(
    claims: Sequence[Claim], *, submitter: Submitter, receiver: Receiver, controls: Controls, at: datetime
) -> Written:
    """The claims as one file. Raises Unwritable with every reason when one of them cannot be written."""
    _refuse_unless_writable(claims, receiver)
    paper = _Paper(receiver)
    signs = receiver.delimiters
    size = receiver.claims_per_transaction
    batches = [claims[start : start + size] for start in range(0, len(claims), size)]
    body = [
        _transaction(paper, batch, submitter, controls, number, at)
        for number, batch in enumerate(batches, controls.first_transaction)
    ]
    head = _envelope_head(submitter, receiver, controls, at)
    tail = segment(signs, "GE", str(len(batches)), str(controls.group))
    tail += segment(signs, "IEA", "1", f"{controls.interchange:09d}")
    return Written(text=head + "".join(body) + tail, transactions=len(batches), notes=tuple(dict.fromkeys(paper.notes)))


def _refuse_unless_writable(claims: Sequence[Claim], receiver: Receiver) -> None:
    reasons = [] if claims else ["There is no claim to write."]
    if len(set(receiver.delimiters.all)) < 4 or any(sign.isalnum() or sign == " " for sign in receiver.delimiters.all):
        reasons.append("The four separators must differ and be no letters, digits or blanks.")
    seen: set[str] = set()
    for claim in claims:
        reasons += [f"Claim {claim.control_number}: {reason}" for reason in objections(claim)]
        if claim.control_number in seen:
            reasons.append(f"Claim {claim.control_number} stands twice in the batch.")
        seen.add(claim.control_number)
        reasons += _unspellable_names(claim)
        for what, value in _identifiers(claim):
            if set(value) & set(receiver.delimiters.all) or not value.isascii() or not value.isprintable():
                reasons.append(f"Claim {claim.control_number}: {what} holds a sign that separates values in the file.")
    if reasons:
        raise Unwritable(reasons)


def _unspellable_names(claim: Claim) -> list[str]:
    people = [claim.patient, *(c.subscriber for c in (claim.coverage, *claim.others) if c.subscriber)]
    named = [f"{person.last} {person.first} {person.middle} {person.suffix}" for person in people]
    named += [place for person in people if person.address for place in (person.address.line1, person.address.city)]
    for provider in (claim.billing, claim.rendering, claim.referring, claim.facility):
        if provider:
            named.append(f"{provider.name} {provider.first} {provider.middle}")
    return [
        f"Claim {claim.control_number}: a name or address has letters no claim file can hold ({signs}). "
        "Enter it as the payer prints it."
        for text in named
        if (signs := unspellable(text))
    ]


def _identifiers(claim: Claim) -> Iterable[tuple[str, str]]:
    yield "the payer's claim number", claim.payer_control
    yield "the authorization number", claim.authorization
    yield "the referral number", claim.referral_number
    for coverage in (claim.coverage, *claim.others):
        yield "the member number", coverage.member_id
        yield "the group number", coverage.group_number
        yield "the payer's number", coverage.payer.id
    for attachment in claim.attachments:
        yield "an attachment's control number", attachment.control
    for line in claim.lines:
        yield "a line's key", line.key
        yield "a line's code", line.code


def _envelope_head(submitter: Submitter, receiver: Receiver, controls: Controls, at: datetime) -> str:
    signs = receiver.delimiters
    isa = segment(
        signs, "ISA", "00", " " * 10, "00", " " * 10,
        submitter.isa_qualifier, f"{submitter.isa_id or submitter.id:<15}",
        receiver.isa_qualifier, f"{receiver.isa_id or receiver.id:<15}",
        f"{at:%y%m%d}", f"{at:%H%M}", signs.repetition, "00501", f"{controls.interchange:09d}",
        "1" if receiver.wants_ta1 else "0", receiver.usage, signs.component,
    )  # fmt: skip
    return isa + segment(
        signs, "GS", "HC", submitter.gs_id or submitter.id, receiver.gs_id or receiver.id,
        f"{at:%Y%m%d}", f"{at:%H%M}", str(controls.group), "X", VERSION,
    )  # fmt: skip


class _Paper:
    """Takes segments, counts them, and remembers what had to be cut."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.signs = receiver.delimiters
        self.notes: list[str] = []
        self.claim = ""
        self.start()

    def start(self) -> None:
        self.made: list[str] = []
        self.level = 0

    def put(self, *elements: str) -> None:
        """One segment, in capitals as the basic character set wants."""
        self.made.append(segment(self.signs, *elements).upper())

    def hl(self, parent: int | None, code: str, *, children: bool) -> int:
        self.level += 1
        self.put("HL", str(self.level), str(parent or ""), code, "1" if children else "0")
        return self.level

    def text(self, words: str, kind: str) -> str:
        """Free text, spelled and cut to what its element holds."""
        words = plain(words, not_these=self.signs.all)
        if len(words) > LONGEST[kind]:
            self.notes.append(f"Claim {self.claim}: '{words}' was cut to {LONGEST[kind]} letters.")
            words = words[: LONGEST[kind]].rstrip()
        return words


def _transaction(
    paper: _Paper, claims: Sequence[Claim], submitter: Submitter, controls: Controls, number: int, at: datetime
) -> str:
    paper.start()
    name = f"{number:04d}"
    paper.put("ST", "837", name, VERSION)
    paper.put("BHT", "0019", "00", controls.batch, f"{at:%Y%m%d}", f"{at:%H%M}", "CH")
    paper.put("NM1", "41", "2", paper.text(submitter.name, "name"), "", "", "", "", "46", submitter.id)
    email = ("EM", submitter.email) if submitter.email else ()
    paper.put("PER", "IC", paper.text(submitter.contact, "name"), "TE", _digits(submitter.phone), *email)
    paper.put("NM1", "40", "2", paper.text(paper.receiver.name, "name"), "", "", "", "", "46", paper.receiver.id)
    for same_biller in _grouped(claims, lambda claim: (claim.billing, claim.pay_to)):
        paper.claim = same_biller[0].control_number
        biller = _billing(paper, same_biller[0])
        for same_subscriber in _grouped(same_biller, lambda c: (_asked(c.coverage), c.subscriber, _own(c))):
            _subscriber(paper, same_subscriber, biller)
    paper.put("SE", str(len(paper.made) + 1), name)
    return "".join(paper.made)


def _grouped(claims: Sequence[Claim], key) -> list[list[Claim]]:
    """Claims with the same key together, in the order in which each key comes first."""
    groups: dict[object, list[Claim]] = {}
    for claim in claims:
        groups.setdefault(key(claim), []).append(claim)
    return list(groups.values())


def _asked(coverage: Coverage) -> tuple[object, ...]:
    c = coverage
    return (c.payer, c.sequence, c.member_id, c.group_number, c.group_name, c.insurance_type)


def _own(claim: Claim) -> tuple[object, ...]:
    """What of a claim is said at its subscriber: a casualty claim number sits there when the patient is the one."""
    return (claim.patient_is_subscriber, claim.casualty_number if claim.patient_is_subscriber else "")


def _billing(paper: _Paper, claim: Claim) -> int:
    billing = claim.billing
    level = paper.hl(None, "20", children=True)
    if billing.taxonomy and paper.receiver.billing_taxonomy:
        paper.put("PRV", "BI", "PXC", billing.taxonomy)
    _named(paper, "85", billing)
    _address(paper, billing.address)
    paper.put("REF", "SY" if billing.tax_id_is_ssn else "EI", _digits(billing.tax_id))
    if claim.pay_to:
        paper.put("NM1", "87", "1" if billing.person else "2")
        _address(paper, claim.pay_to)
    return level


def _subscriber(paper: _Paper, claims: Sequence[Claim], biller: int) -> None:
    first = claims[0]
    paper.claim = first.control_number
    coverage, alone = first.coverage, first.patient_is_subscriber
    level = paper.hl(biller, "22", children=not alone)
    paper.put(
        "SBR", coverage.sequence, "18" if alone else "", coverage.group_number,
        "" if coverage.group_number else paper.text(coverage.group_name, "name"),
        coverage.insurance_type, "", "", "", coverage.payer.filing,
    )  # fmt: skip
    _person(paper, "IL", first.subscriber, coverage.member_id)
    if alone or paper.receiver.subscriber_address_always:
        _address(paper, first.subscriber.address)
        _demographics(paper, first.subscriber)
    if alone and first.casualty_number:
        paper.put("REF", "Y4", first.casualty_number)
    _payer(paper, coverage)
    if alone:
        for claim in claims:
            _claim(paper, claim)
        return
    for patient in _grouped(claims, lambda claim: (claim.patient, claim.coverage.relationship, claim.casualty_number)):
        paper.claim = patient[0].control_number
        paper.hl(level, "23", children=False)
        paper.put("PAT", patient[0].coverage.relationship)
        _person(paper, "QC", patient[0].patient, "")
        _address(paper, patient[0].patient.address)
        _demographics(paper, patient[0].patient)
        if patient[0].casualty_number:
            paper.put("REF", "Y4", patient[0].casualty_number)
        for claim in patient:
            _claim(paper, claim)


def _claim(paper: _Paper, claim: Claim) -> None:
    paper.claim = claim.control_number
    signs = paper.signs
    causes = composite(signs, *claim.accident, *[""] * (3 - len(claim.accident)), claim.accident_state)
    paper.put(
        "CLM", claim.control_number, money(claim.total_cents), "", "", composite(signs, claim.pos, "B", claim.frequency),
        "Y", claim.assignment, claim.assigns_benefits, "Y", "", causes,
    )  # fmt: skip
    for qualifier, day in (("439", claim.accident_on), ("435", claim.admitted_on), ("096", claim.discharged_on)):
        if day:
            paper.put("DTP", qualifier, "D8", _day(day))
    for sent in claim.attachments:
        paper.put("PWK", sent.type, sent.sent_by, "", "", "AC" if sent.control else "", sent.control)
    if claim.patient_paid_cents:
        paper.put("AMT", "F5", money(claim.patient_paid_cents))
    numbers = (
        ("9F", claim.referral_number),
        ("G1", claim.authorization),
        ("F8", claim.payer_control),
        ("EA", claim.medical_record),
    )
    for qualifier, number in numbers:
        if number:
            paper.put("REF", qualifier, number)
    if claim.note:
        paper.put("NTE", "ADD", paper.text(claim.note, "note"))
    codes = [code.replace(".", "") for code in claim.diagnoses]
    paper.put("HI", *(composite(signs, "ABF" if n else "ABK", code) for n, code in enumerate(codes)))
    _claim_providers(paper, claim)
    for other in claim.others:
        _other_payer(paper, claim, other)
    for number, line in enumerate(claim.lines, 1):
        _line(paper, claim, number, line)


def _claim_providers(paper: _Paper, claim: Claim) -> None:
    if claim.referring:
        _named(paper, "DN", claim.referring)
        _payer_number(paper, claim.referring)
    rendering, billing, facility = claim.rendering, claim.billing, claim.facility
    if rendering and (rendering.npi != billing.npi or paper.receiver.rendering_always):
        _rendering(paper, rendering)
    same_place = facility is not None and facility.address == billing.address
    if facility and (not same_place or paper.receiver.facility_always):
        _named(paper, "77", facility)
        _address(paper, facility.address)
        _payer_number(paper, facility)


def _rendering(paper: _Paper, rendering: Provider) -> None:
    _named(paper, "82", rendering)
    if rendering.taxonomy:
        paper.put("PRV", "PE", "PXC", rendering.taxonomy)
    _payer_number(paper, rendering)


def _payer_number(paper: _Paper, provider: Provider) -> None:
    if provider.payer_number:
        paper.put("REF", "G2", provider.payer_number)


def _other_payer(paper: _Paper, claim: Claim, other: Coverage) -> None:
    paper.put(
        "SBR", other.sequence, other.relationship, other.group_number,
        "" if other.group_number else paper.text(other.group_name, "name"),
        other.insurance_type, "", "", "", other.payer.filing,
    )  # fmt: skip
    _adjustments(paper, other.adjustments)
    if other.paid_cents is not None:
        paper.put("AMT", "D", money(other.paid_cents))
    if other.patient_owes_cents is not None:
        paper.put("AMT", "EAF", money(other.patient_owes_cents))
    paper.put("OI", "", "", claim.assigns_benefits, "", "", "Y")
    person = other.subscriber or claim.patient
    _person(paper, "IL", person, other.member_id)
    _address(paper, person.address)
    _payer(paper, other)
    decided_by_line = any(a.payer_id == other.payer.id for line in claim.lines for a in line.adjudications)
    if other.adjudicated_on and not decided_by_line:
        paper.put("DTP", "573", "D8", _day(other.adjudicated_on))
    if other.authorization:
        paper.put("REF", "G1", other.authorization)
    if other.claim_number:
        paper.put("REF", "F8", other.claim_number)


def _line(paper: _Paper, claim: Claim, number: int, line: ClaimLine) -> None:
    signs = paper.signs
    paper.put("LX", str(number))
    modifiers = [*line.modifiers, *[""] * (4 - len(line.modifiers))]
    procedure = composite(signs, "HC", line.code, *modifiers, paper.text(line.description, "note"))
    paper.put(
        "SV1", procedure, money(line.charge_cents), "UN", str(line.units),
        "" if line.pos in ("", claim.pos) else line.pos, "", composite(signs, *map(str, line.pointers)),
        "", "Y" if line.emergency else "",
    )  # fmt: skip
    if line.to_on and line.to_on != line.from_on:
        paper.put("DTP", "472", "RD8", f"{_day(line.from_on)}-{_day(line.to_on)}")
    else:
        paper.put("DTP", "472", "D8", _day(line.from_on))
    if line.authorization and line.authorization != claim.authorization:
        paper.put("REF", "G1", line.authorization)
    if paper.receiver.line_keys:
        paper.put("REF", "6R", line.key)
    if line.note:
        paper.put("NTE", "ADD", paper.text(line.note, "note"))
    if line.rendering and (claim.rendering is None or line.rendering.npi != claim.rendering.npi):
        _rendering(paper, line.rendering)
    if line.ordering:
        _named(paper, "DK", line.ordering)
    for decided in line.adjudications:
        code = composite(signs, "HC", decided.code, *decided.modifiers)
        paper.put("SVD", decided.payer_id, money(decided.paid_cents), code, "", str(decided.units))
        _adjustments(paper, decided.adjustments)
        paper.put("DTP", "573", "D8", _day(decided.on))


def _adjustments(paper: _Paper, adjustments: Sequence[Adjustment]) -> None:
    """One CAS for each group, six reasons in each: several of one group are refused (claims-files.md 8.3)."""
    for group in dict.fromkeys(adjustment.group for adjustment in adjustments):
        same = [adjustment for adjustment in adjustments if adjustment.group == group]
        for start in range(0, len(same), 6):
            triplets: list[str] = []
            for adjustment in same[start : start + 6]:
                triplets += [adjustment.reason, money(adjustment.cents), str(adjustment.quantity or "")]
            paper.put("CAS", group, *triplets)


def _payer(paper: _Paper, coverage: Coverage) -> None:
    payer = coverage.payer
    paper.put("NM1", "PR", "2", paper.text(payer.name, "name"), "", "", "", "", "PI", payer.id)
    if paper.receiver.payer_address:
        _address(paper, payer.address)


def _named(paper: _Paper, role: str, provider: Provider) -> None:
    identified = ("XX", provider.npi) if provider.npi else ()
    first, middle, suffix = (provider.first, provider.middle, provider.suffix) if provider.person else ("", "", "")
    paper.put(
        "NM1", role, "1" if provider.person else "2", paper.text(provider.name, "name"), paper.text(first, "first"),
        paper.text(middle, "middle"), "", paper.text(suffix, "suffix"), *identified,
    )  # fmt: skip


def _person(paper: _Paper, role: str, person: Person, member_id: str) -> None:
    paper.put(
        "NM1", role, "1", paper.text(person.last, "name"), paper.text(person.first, "first"),
        paper.text(person.middle, "middle"), "", paper.text(person.suffix, "suffix"),
        "MI" if member_id else "", member_id,
    )  # fmt: skip


def _demographics(paper: _Paper, person: Person) -> None:
    if person.birth_on:
        paper.put("DMG", "D8", _day(person.birth_on), person.sex)


def _address(paper: _Paper, address: Address | None) -> None:
    if address is None:
        return
    lines = [paper.text(line, "street") for line in (address.line1, address.line2)]
    paper.put("N3", *lines)
    paper.put("N4", paper.text(address.city, "city"), address.state, address.zip_digits)


def _day(day: date) -> str:
    return f"{day:%Y%m%d}"


def _digits(text: str) -> str:
    return "".join(sign for sign in text if sign.isdigit())
