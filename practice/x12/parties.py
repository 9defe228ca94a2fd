"""Who takes part in a claim file: names, numbers, addresses, and what a subscriber's level must hold.

Sources: claims-files.md 2 (what pyx12 does not find) and 4, own notes on the sample claims.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

from ..identifiers import npi_problem
from . import Segment
from .guide import CODES, Finding, Node, Severity, day

MEDICARE = ("MA", "MB")
POST_BOX = re.compile(r"\b(P\.? ?O\.? ?(BOX|DRAWER)|POST OFFICE BOX|LOCK ?BOX|POB [0-9]|PMB [0-9])", re.IGNORECASE)


class Known:
    """What is known across the claims of one file, and from outside it."""

    def __init__(self, *, today: date, diagnosis: Callable[[str, date], str | None] | None) -> None:
        self.today = today
        self.diagnosis = diagnosis
        self.claims = self.lines = self.charge_cents = 0
        self.numbers: dict[str, int] = {}
        self.services: dict[tuple[str, ...], str] = {}


class Findings:
    """Gathers findings of one loop."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.claim = node.claim
        self.found: list[Finding] = []

    def say(self, id: str, at: Segment | Node, message: str, severity: Severity = "error", loop: str = "") -> None:
        loop = loop or (at.id if isinstance(at, Node) else self.node.id)
        self.found.append(
            Finding(id=id, severity=severity, segment=at.number, loop=loop, claim=self.claim, message=message)
        )


def transaction_findings(top: Node, known: Known) -> list[Finding]:
    """Findings on the levels above the claims: providers, subscribers, payers."""
    found = Findings(top)
    claims = sum(1 for _ in top.inside("2300"))
    if claims > 5000:
        found.say("E32", top, f"{claims} claims in one transaction; most receivers take 5,000. Split it.")
    bht = top.first("BHT")
    if bht and (made := day(bht.at(4))) and made > known.today:
        found.say("D01", bht, "BHT04 is in the future; the clock of the sender is wrong.")
    for node in top.inside("2010AA"):
        _billing(found, node)
    for node in top.inside("2010AB"):
        place_of(found, node)
    for node in top.inside("1000A", "1000B"):
        named(found, node)
    for level in top.inside("2000B"):
        _subscriber(found, level, known)
    for level in top.inside("2000C"):
        patient = level.child("2010CA")
        if not any(child.id == "2300" for child in level.children):
            found.say("G08", level, "A dependent's level holds no claim; remove it or add its claim.")
        if patient:
            place_of(found, patient)
            _birth(found, patient, known)
    return found.found


def _billing(found: Findings, node: Node) -> None:
    name = node.segments[0][0]
    named(found, node)
    place_of(found, node)
    if name.at(8) != "XX" or not name.at(9):
        found.say("N01", name, "The billing provider needs its NPI (NM108 XX, NM109).", loop=node.id)
    street = node.first("N3")
    if street and POST_BOX.search(" ".join(street.elements[1:])):
        found.say("N02", street, "The billing address must be a street; put the PO box under pay-to.", loop=node.id)
    nine_digits(found, node)
    tax = node.first("REF", "EI", "SY")
    if tax and not re.fullmatch("[0-9]{9}", tax.at(2)):
        found.say("N03", tax, "A tax number has nine digits, without a hyphen.", loop=node.id)
    provider = node.parent.first("PRV") if node.parent else None
    taxonomy(found, provider)
    if not provider:
        found.say("N04", name, "No taxonomy of the billing provider (PRV); most payers want it.", "warning", node.id)


def taxonomy(found: Findings, provider: Segment | None) -> None:
    if provider and provider.at(3) and not re.fullmatch("[0-9A-Z]{9}X", provider.at(3)):
        found.say("C02", provider, "A taxonomy code has ten letters and digits and ends in X.")


def named(found: Findings, node: Node) -> None:
    """Names and numbers of anyone: check digits, and a person's names only on a person."""
    name = node.segments[0][0]
    if name.id != "NM1":
        return
    if name.at(8) == "XX" and name.at(9) and (problem := npi_problem(name.at(9))):
        found.say("N05", name, f"NM109: {problem}", loop=node.id)
    if name.at(2) == "2" and any(name.at(place) for place in (4, 5, 7)):
        found.say(
            "N06", name, "An organization has no first or middle name; leave NM104, 05 and 07 empty.", loop=node.id
        )
    if name.at(2) == "1" and name.at(1) in ("IL", "QC", "82", "DN", "DK", "DQ") and name.at(3) and not name.at(4):
        found.say("N07", name, "A person without a first name (NM104) is seldom found.", "warning", node.id)
    for contact in node.all("PER"):
        for place in (3, 5, 7):
            if contact.at(place) in ("TE", "FX") and not re.fullmatch("[0-9]{10}", contact.at(place + 1)):
                found.say("N08", contact, "A phone number has ten digits and nothing else.", loop=node.id)


def place_of(found: Findings, node: Node) -> None:
    """State and ZIP of an address in the United States."""
    place = node.first("N4")
    if place is None or place.at(4) not in ("", "US", "USA"):
        return
    if not place.at(2) or not place.at(3):
        found.say("N09", place, "An address in the United States needs its state and ZIP.", loop=node.id)
    elif not re.fullmatch("[0-9]{5}([0-9]{4})?", place.at(3)) and place.at(2) not in _CANADA:
        found.say("N10", place, "A ZIP has five or nine digits, without a hyphen.", loop=node.id)
    elif place.at(3).startswith("00000") or place.at(3)[:5] == "99999":
        found.say("N11", place, "There is no such ZIP; look it up.", loop=node.id)
    elif place.at(2) in CODES["states"] and place.at(2) not in _FIRST_DIGITS.get(place.at(3)[:1], place.at(2)):
        found.say("N19", place, "This ZIP is not in this state; look it up.", "warning", node.id)


_FIRST_DIGITS = {
    "0": "CT MA ME NH NJ NY PR RI VI VT AE", "1": "DE NY PA", "2": "DC MD NC SC VA WV", "3": "AL FL GA MS TN AA",
    "4": "IN KY MI OH", "5": "IA MN MT ND SD WI", "6": "IL KS MO NE", "7": "AR LA OK TX",
    "8": "AZ CO ID NM NV TX UT WY", "9": "AK AP AS CA FM GU HI MH MP OR PW WA",
}  # fmt: skip
"""Which states a ZIP can be in by its first digit (public: the Postal Service's regions)."""

_CANADA = ("AB", "BC", "MB", "NB", "NL", "NS", "NT", "NU", "ON", "PE", "QC", "SK", "YT")


def nine_digits(found: Findings, node: Node) -> None:
    place = node.first("N4")
    if place is None or place.at(4) not in ("", "US", "USA"):
        return
    if re.fullmatch("[0-9]{5}", place.at(3)):
        found.say("N12", place, f"Loop {node.id} needs the nine-digit ZIP; add the last four.", loop=node.id)
    elif place.at(3)[5:] == "0000":
        found.say("N13", place, "The last four digits of the ZIP are zeros; look them up.", "warning", node.id)


def _birth(found: Findings, node: Node, known: Known) -> None:
    born = node.first("DMG")
    if born and (on := day(born.at(2))):
        if on > known.today:
            found.say("D02", born, "The birth date is in the future.", loop=node.id)
        elif known.today.year - on.year > 125:
            found.say("D03", born, "The birth date is more than 125 years ago.", "warning", node.id)


def _subscriber(found: Findings, level: Node, known: Known) -> None:
    sbr = level.first("SBR")
    person, payer = level.child("2010BA"), level.child("2010BB")
    dependents = any(child.id == "2000C" for child in level.children)
    own_claims = any(child.id == "2300" for child in level.children)
    if sbr:
        if not sbr.at(9):
            found.say("P01", sbr, "SBR09 is empty; say what kind of insurance it is, such as CI or MB.", loop=level.id)
        if sbr.at(2) == "18" and dependents:
            found.say("P02", sbr, "SBR02 says the patient is the subscriber, yet a dependent follows.", loop=level.id)
        if not sbr.at(2) and own_claims:
            found.say("P03", sbr, "SBR02 must be 18 when the claims are the subscriber's own.", loop=level.id)
        if sbr.at(5) and (sbr.at(1) == "P" or sbr.at(9) not in MEDICARE):
            found.say("P04", sbr, "SBR05 is only for Medicare as a later payer; leave it empty.", "warning", level.id)
    if not dependents and not own_claims:
        found.say("G08", level, "A subscriber's level holds no claim; remove it or add its claim.")
    if person:
        named(found, person)
        place_of(found, person)
        _birth(found, person, known)
        name = person.segments[0][0]
        if not name.at(9):
            found.say("P05", name, "The subscriber's member number (NM109) is missing.", loop=person.id)
        if sbr and (sbr.at(2) == "18" or own_claims):
            for id in ("N3", "N4", "DMG"):
                if not person.first(id):
                    found.say("P06", name, f"{id} of the subscriber is missing; a patient needs it.", loop=person.id)
    if payer:
        place_of(found, payer)
        if sbr and sbr.at(9) == "MB" and person and not medicare_number(person.segments[0][0].at(9)):
            found.say("P07", person, "This is no Medicare number: 11 signs in a fixed pattern.", "warning", "2010BA")


def medicare_number(text: str) -> bool:
    letter = "[AC-HJKMNP-RT-Y]"
    mixed = "[0-9AC-HJKMNP-RT-Y]"
    return bool(re.fullmatch(f"[1-9]{letter}{mixed}[0-9]{letter}{mixed}[0-9]{letter}{letter}[0-9][0-9]", text))
