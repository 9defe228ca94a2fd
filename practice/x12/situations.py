"""What a claim in a file must hold given what else it holds: sums, identity, codes, other payers, monitoring.

Sources: claims-files.md 2 (what pyx12 does not find) and 4, own notes on the sample claims, billing.md 1, 2 and 12.
The place where the scrub knows the case; here only the file is known, so some of its rules are warnings here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from datetime import date
from decimal import Decimal

from ..coding import CODES as MONITORING
from ..coding import CONTINUOUS, FACILITY_POS
from ..identifiers import npi_problem
from . import Segment
from .guide import CODES, Finding, Node, Severity, day

_ICD10_FROM = date(2015, 10, 1)
_MEDICARE = ("MA", "MB")
_ANESTHESIA = re.compile(r"0[01][0-9]{3}|0199[0-9]")
_PROCEDURE = re.compile(r"[0-9]{5}|[0-9]{4}[A-Z]|[A-V][0-9]{4}")
_DIAGNOSIS = re.compile(r"[A-Z][0-9][0-9AB][0-9A-Z]{0,4}")
_OLD_DIAGNOSIS = re.compile(r"[0-9]{3,5}|V[0-9]{2,4}|E[0-9]{3,4}")
_POST_BOX = re.compile(r"\b(P\.? ?O\.? ?(BOX|DRAWER)|POST OFFICE BOX|LOCK ?BOX|POB [0-9]|PMB [0-9])", re.IGNORECASE)
_NUMBERED_PAPER = ("BM", "EL", "EM", "FT", "FX")
_PARTS = {"95938": ("95925", "95926"), "95939": ("95928", "95929")}
_FAMILIES = (("95860", "95861", "95863", "95864"), ("95867", "95868"), tuple(f"959{n:02d}" for n in range(7, 14)))
_TELEHEALTH = ("93", "95", "GQ", "GT")
_INPATIENT = ("21", "51", "61")


class Known:
    """What is known across the claims of one file, and from outside it."""

    def __init__(self, *, today: date, diagnosis: Callable[[str, date], str | None] | None) -> None:
        self.today = today
        self.diagnosis = diagnosis
        self.claims = self.lines = self.charge_cents = 0
        self.numbers: dict[str, int] = {}
        self.services: dict[tuple[str, ...], str] = {}


class _Findings:
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
    found = _Findings(top)
    claims = sum(1 for _ in top.inside("2300"))
    if claims > 5000:
        found.say("E32", top, f"{claims} claims in one transaction; most receivers take 5,000. Split it.")
    bht = top.first("BHT")
    if bht and (made := day(bht.at(4))) and made > known.today:
        found.say("D01", bht, "BHT04 is in the future; the clock of the sender is wrong.")
    for node in top.inside("2010AA"):
        _billing(found, node)
    for node in top.inside("2010AB"):
        _place(found, node)
    for node in top.inside("1000A", "1000B"):
        _named(found, node)
    for level in top.inside("2000B"):
        _subscriber(found, level, known)
    for level in top.inside("2000C"):
        patient = level.child("2010CA")
        if not any(child.id == "2300" for child in level.children):
            found.say("G08", level, "A dependent's level holds no claim; remove it or add its claim.")
        if patient:
            _place(found, patient)
            _birth(found, patient, known)
    return found.found


def _billing(found: _Findings, node: Node) -> None:
    name = node.segments[0][0]
    _named(found, node)
    _place(found, node)
    if name.at(8) != "XX" or not name.at(9):
        found.say("N01", name, "The billing provider needs its NPI (NM108 XX, NM109).", loop=node.id)
    street = node.first("N3")
    if street and _POST_BOX.search(" ".join(street.elements[1:])):
        found.say("N02", street, "The billing address must be a street; put the PO box under pay-to.", loop=node.id)
    _nine_digits(found, node)
    tax = node.first("REF", "EI", "SY")
    if tax and not re.fullmatch("[0-9]{9}", tax.at(2)):
        found.say("N03", tax, "A tax number has nine digits, without a hyphen.", loop=node.id)
    provider = node.parent.first("PRV") if node.parent else None
    _taxonomy(found, provider)
    if not provider:
        found.say("N04", name, "No taxonomy of the billing provider (PRV); most payers want it.", "warning", node.id)


def _taxonomy(found: _Findings, provider: Segment | None) -> None:
    if provider and provider.at(3) and not re.fullmatch("[0-9A-Z]{9}X", provider.at(3)):
        found.say("C02", provider, "A taxonomy code has ten letters and digits and ends in X.")


def _named(found: _Findings, node: Node) -> None:
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


def _place(found: _Findings, node: Node) -> None:
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


def _nine_digits(found: _Findings, node: Node) -> None:
    place = node.first("N4")
    if place is None or place.at(4) not in ("", "US", "USA"):
        return
    if re.fullmatch("[0-9]{5}", place.at(3)):
        found.say("N12", place, f"Loop {node.id} needs the nine-digit ZIP; add the last four.", loop=node.id)
    elif place.at(3)[5:] == "0000":
        found.say("N13", place, "The last four digits of the ZIP are zeros; look them up.", "warning", node.id)


def _birth(found: _Findings, node: Node, known: Known) -> None:
    born = node.first("DMG")
    if born and (on := day(born.at(2))):
        if on > known.today:
            found.say("D02", born, "The birth date is in the future.", loop=node.id)
        elif known.today.year - on.year > 125:
            found.say("D03", born, "The birth date is more than 125 years ago.", "warning", node.id)


def _subscriber(found: _Findings, level: Node, known: Known) -> None:
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
        if sbr.at(5) and (sbr.at(1) == "P" or sbr.at(9) not in _MEDICARE):
            found.say("P04", sbr, "SBR05 is only for Medicare as a later payer; leave it empty.", "warning", level.id)
    if not dependents and not own_claims:
        found.say("G08", level, "A subscriber's level holds no claim; remove it or add its claim.")
    if person:
        _named(found, person)
        _place(found, person)
        _birth(found, person, known)
        name = person.segments[0][0]
        if not name.at(9):
            found.say("P05", name, "The subscriber's member number (NM109) is missing.", loop=person.id)
        if sbr and (sbr.at(2) == "18" or own_claims):
            for id in ("N3", "N4", "DMG"):
                if not person.first(id):
                    found.say("P06", name, f"{id} of the subscriber is missing; a patient needs it.", loop=person.id)
    if payer:
        _place(found, payer)
        if sbr and sbr.at(9) == "MB" and person and not _medicare_number(person.segments[0][0].at(9)):
            found.say("P07", person, "This is no Medicare number: 11 signs in a fixed pattern.", "warning", "2010BA")


def _medicare_number(text: str) -> bool:
    letter = "[AC-HJKMNP-RT-Y]"
    mixed = "[0-9AC-HJKMNP-RT-Y]"
    return bool(re.fullmatch(f"[1-9]{letter}{mixed}[0-9]{letter}{mixed}[0-9]{letter}{letter}[0-9][0-9]", text))


# One claim


def claim_findings(node: Node, known: Known) -> list[Finding]:
    """Findings on one claim (loop 2300) and all inside it."""
    return _Claim(node, known).findings()


def amount(text: str) -> Decimal:
    """A number of the file; what is no number counts as nothing, and was said already."""
    return Decimal(text) if re.fullmatch(r"-?([0-9]+(\.[0-9]*)?|\.[0-9]+)", text) else Decimal(0)


class _Line:
    """One service line, its values taken apart once."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.service = node.first("SV1")
        sv1 = self.service
        parts = sv1.parts(1) if sv1 else []
        self.code = parts[1] if len(parts) > 1 else ""
        self.modifiers = [part for part in parts[2:6] if part]
        self.charge = amount(sv1.at(2)) if sv1 else Decimal(0)
        self.units = amount(sv1.at(4)) if sv1 else Decimal(0)
        self.date = node.first("DTP", "472")
        first, _, last = (self.date.at(3) if self.date else "").partition("-")
        self.on, self.until = day(first), day(last or first)
        rendering = node.child("2420A")
        self.rendering = rendering.segments[0][0].at(9) if rendering else ""


class _Claim:
    def __init__(self, node: Node, known: Known) -> None:
        self.node = node
        self.known = known
        self.out = _Findings(node)
        self.keys: set[str] = set()
        self.clm = node.segments[0][0]
        self.pos = self.clm.part(5, 1)
        self.frequency = self.clm.part(5, 3)
        self.lines = [_Line(child) for child in node.children if child.id == "2400"]
        self.level = node.parent if node.parent and node.parent.id == "2000B" else getattr(node.parent, "parent", None)
        sbr = self.level.first("SBR") if self.level else None
        self.filing = sbr.at(9) if sbr else ""
        self.sequence = sbr.at(1) if sbr else ""
        rendering = node.child("2310B")
        self.rendering = rendering.segments[0][0].at(9) if rendering else ""
        self.billing = self._billing_npi()
        self.first_day = min((line.on for line in self.lines if line.on), default=None)

    def findings(self) -> list[Finding]:
        known = self.known
        known.claims += 1
        known.lines += len(self.lines)
        known.charge_cents += int(amount(self.clm.at(2)) * 100)
        self._head()
        self._papers()
        self._diagnoses()
        self._providers()
        self._dates()
        for line in self.lines:
            self._line(line)
        self._sums()
        self._other_payers()
        self._monitoring()
        self._seen_before()
        return self.out.found

    def say(self, id: str, at: Segment | Node, message: str, severity: Severity = "error") -> None:
        self.out.say(id, at, message, severity)

    def _billing_npi(self) -> str:
        level = self.level.parent if self.level else None
        billing = level.child("2010AA") if level else None
        return billing.segments[0][0].at(9) if billing else ""

    def _head(self) -> None:
        clm = self.clm
        number = clm.at(1)
        if len(number) > 20:
            self.say("L01", clm, "CLM01 has more than 20 characters; payers send back only 20.")
        if number in self.known.numbers:
            self.say("X01", clm, f"CLM01 stands already at segment {self.known.numbers[number]}; use a new number.")
        self.known.numbers.setdefault(number, clm.number)
        if self.pos not in CODES["places"]:
            self.say("C03", clm, "CLM05-1 is no place of service.")
        if clm.part(5, 2) != "B":
            self.say("C04", clm, "CLM05-2 must be B.")
        if self.frequency not in ("1", "6", "7", "8"):
            self.say("C05", clm, "CLM05-3 must be 1 original, 7 corrected or 8 void.")
        f8 = self.node.first("REF", "F8")
        if self.frequency in ("7", "8") and not f8:
            self.say("L02", clm, "A corrected or void claim needs the payer's own claim number (REF*F8).")
        if self.frequency == "1" and f8:
            self.say(
                "L03",
                f8,
                "An original claim with the payer's number of another (REF*F8); is it a correction?",
                "warning",
            )
        if _decimals(clm.at(2)) > 2 or amount(clm.at(2)) < 0:
            self.say("L04", clm, "CLM02 must be zero or more with at most two decimals.")
        causes = clm.parts(11)
        if any(cause not in ("AA", "AB", "AP", "EM", "OA", "") for cause in causes[:3]):
            self.say("C06", clm, "CLM11 names causes: AA car accident, EM employment, OA other accident.")
        if "AA" in causes[:3] and (len(causes) < 4 or not causes[3]):
            self.say("L05", clm, "A car accident needs the state it happened in (CLM11-4).")
        if {"AA", "OA"} & set(causes[:3]) and not self.node.first("DTP", "439"):
            self.say("L06", clm, "An accident needs its date (DTP*439).")
        if self.filing == "WC" and "EM" not in causes:
            self.say("L07", clm, "Workers' compensation without CLM11 EM (employment).", "warning")
        if clm.at(6) == "N":
            self.say("L08", clm, "CLM06 N: the provider's signature is not on file.", "warning")

    def _papers(self) -> None:
        for paper in self.node.all("PWK"):
            if paper.at(2) in _NUMBERED_PAPER and not paper.at(6):
                self.say("L09", paper, "A paper that is sent needs a control number (PWK05 AC, PWK06).")
            if paper.at(2) == "AA" and paper.at(6):
                self.say("L10", paper, "A paper on request (AA) has no control number.", "warning")
        for note in self.node.all("NTE"):
            if not note.at(2).strip():
                self.say("L11", note, "The note is empty.")

    def _diagnoses(self) -> None:
        hi = next((s for s in self.node.all("HI") if s.part(1, 1) in ("BK", "ABK")), None)
        self.codes = [hi.part(place, 2) for place in range(1, len(hi.elements))] if hi else []
        if hi is None:
            return
        on = self.first_day
        old = hi.part(1, 1) == "BK"
        if on and old == (on >= _ICD10_FROM):
            wanted = "BK and BF" if not old else "ABK and ABF"
            self.say("C07", hi, f"Diagnoses of this date are coded with {wanted} ({'ICD-10' if old else 'ICD-9'}).")
        for place in range(1, len(hi.elements)):
            parts = hi.parts(place)
            allowed = ("BK" if old else "ABK") if place == 1 else ("BF" if old else "ABF")
            if len(parts) < 2 or parts[0] != allowed:
                self.say(
                    "C08", hi, f"HI{place:02d} must be {allowed} and a code; the first one alone is the principal."
                )
                continue
            self._diagnosis(hi, place, parts[1], old)
        for code, times in Counter(self.codes).items():
            if times > 1:
                self.say("L12", hi, f"Diagnosis {code} stands {times} times; name it once.")

    def _diagnosis(self, hi: Segment, place: int, code: str, old: bool) -> None:
        if "." in code:
            self.say("C09", hi, f"HI{place:02d}: write the code without its point.")
        elif not (_OLD_DIAGNOSIS if old else _DIAGNOSIS).fullmatch(code):
            self.say("C10", hi, f"HI{place:02d}: '{code[:8]}' has not the shape of a diagnosis code.")
        elif not old and self.known.diagnosis and self.first_day:
            problem = self.known.diagnosis(code, self.first_day)
            if problem:
                self.say("C11", hi, f"HI{place:02d}: {problem}")
        if place == 1 and not old and code[:1] in "VWXY":
            self.say("C12", hi, "A code of outside causes (V to Y) cannot come first.")

    def _providers(self) -> None:
        roles = ("2310A", "2310B", "2310C", "2310D", "2420A", "2420B", "2420C", "2420D", "2420E", "2420F")
        for node in self.node.inside(*roles):
            _named(self.out, node)
            _place(self.out, node)
            _taxonomy(self.out, node.first("PRV"))
            name = node.segments[0][0]
            if node.id in ("2310B", "2420A") and not name.at(9) and not node.first("REF"):
                self.out.say("N14", node, "The rendering provider needs an NPI.")
            if node.id in ("2310C", "2420C"):
                _nine_digits(self.out, node)
                street = node.first("N3")
                if street and _POST_BOX.search(" ".join(street.elements[1:])):
                    self.out.say("N15", node, "The place of service must be a street, not a PO box.")
        if self.rendering and self.rendering == self.billing:
            node = self.node.child("2310B")
            self.out.say(
                "N16", node or self.clm, "The rendering provider is the billing provider; leave it out.", "warning"
            )
        if self.pos in FACILITY_POS and not self.node.child("2310C"):
            self.say("N17", self.clm, "A service in a hospital or surgery center needs that place (loop 2310C).")
        referring = [n for n in self.node.children if n.id == "2310A" and n.segments[0][0].at(1) == "DN"]
        if len(referring) > 1:
            self.out.say("N18", referring[1], "There is one referring provider (DN); a second one is P3.")

    def _dates(self) -> None:
        known = self.known
        for segment in self.node.all("DTP"):
            first = day(segment.at(3)[:8])
            if first and first > known.today:
                self.say("D04", segment, f"The date of DTP*{segment.at(1)} is in the future.")
        admitted = self.node.first("DTP", "435")
        if self.pos in _INPATIENT and not admitted:
            self.say("D05", self.clm, "An inpatient claim needs the admission date (DTP*435).")
        on = day(admitted.at(3)) if admitted else None
        discharged = self.node.first("DTP", "096")
        out = day(discharged.at(3)) if discharged else None
        if on and self.first_day and on > self.first_day:
            self.say("D06", admitted or self.clm, "The admission is after the service.")
        if out and on and out < on:
            self.say("D07", discharged or self.clm, "The discharge is before the admission.")
        born = self._birth()
        for line in self.lines:
            if line.date and line.until and line.until > known.today:
                self.out.say("D08", line.date, "The service is in the future.", loop="2400")
            if born and line.date and line.on and line.on < born:
                self.out.say("D09", line.date, "The service is before the patient's birth.", loop="2400")
            if line.date and line.until and out and line.until > out:
                self.out.say("D10", line.date, "The service is after the discharge.", loop="2400")

    def _birth(self) -> date | None:
        level = self.node.parent
        person = level.child("2010CA" if level.id == "2000C" else "2010BA") if level else None
        born = person.first("DMG") if person else None
        return day(born.at(2)) if born else None

    # Lines

    def _line(self, line: _Line) -> None:
        number = line.node.segments[0][0]
        place = self.lines.index(line) + 1
        if number.at(1) != str(place):
            self.out.say("L13", number, f"LX must count the lines; this is line {place}.", loop="2400")
        if line.service:
            self._procedure(line, line.service)
            self._units(line, line.service)
            self._pointers(line, line.service)
        for paper in line.node.all("PWK"):
            if paper.at(2) in _NUMBERED_PAPER and not paper.at(6):
                self.out.say("L09", paper, "A paper that is sent needs a control number.", loop="2400")
        key = line.node.first("REF", "6R")
        if key:
            if key.at(2) in self.keys:
                self.out.say(
                    "X02",
                    key,
                    "This line key (REF*6R) stands on another line of the claim; give each its own.",
                    loop="2400",
                )
            self.keys.add(key.at(2))
            if len(key.at(2)) > 30:
                self.out.say("L14", key, "A line key has at most 30 characters.", loop="2400")

    def _procedure(self, line: _Line, sv1: Segment) -> None:
        parts = sv1.parts(1)
        if not parts or parts[0] not in ("HC", "ER", "IV", "WK"):
            self.out.say("C13", sv1, "SV101-1 must be HC for a procedure code.", loop="2400")
        elif parts[0] == "HC" and not _PROCEDURE.fullmatch(line.code):
            self.out.say("C14", sv1, f"'{line.code[:8]}' has not the shape of a procedure code.", loop="2400")
        for modifier in line.modifiers:
            if not re.fullmatch("[A-Z0-9]{2}", modifier):
                self.out.say("C15", sv1, f"'{modifier[:6]}' is no modifier: two letters or digits.", loop="2400")
        if len(set(line.modifiers)) < len(line.modifiers):
            self.out.say("L15", sv1, "A modifier stands twice on this line.", loop="2400")
        filled = [bool(part) for part in parts[2:6]]
        if filled != sorted(filled, reverse=True):
            self.out.say("L16", sv1, "Modifiers must follow one another without a gap.", loop="2400")
        if len(parts) > 8 or (len(parts) > 6 and re.fullmatch("[A-Z0-9]{2}", parts[6])):
            self.out.say("L17", sv1, "A line holds four modifiers at most.", loop="2400")
        elif len(parts) > 7:
            self.out.say("S08", sv1, "SV101-8 is not used here; leave it empty.", loop="2400")

    def _units(self, line: _Line, sv1: Segment) -> None:
        if sv1.at(3) == "MJ" and not _ANESTHESIA.fullmatch(line.code):
            self.out.say("L18", sv1, "Minutes (MJ) are for anesthesia alone; bill units (UN).", loop="2400")
        if sv1.at(4) and line.units <= 0:
            self.out.say("L19", sv1, "Units must be above zero.", loop="2400")
        if _decimals(sv1.at(4)) > 3 or len(sv1.at(4).partition(".")[0].lstrip("-")) > 8:
            self.out.say("L20", sv1, "Units have eight digits and three decimals at most.", loop="2400")
        elif line.code in MONITORING and line.units != int(line.units):
            self.out.say("L21", sv1, "Monitoring is billed in whole units.", loop="2400")
        if line.charge < 0:
            self.out.say("L22", sv1, "A charge cannot be below zero.", loop="2400")
        elif sv1.at(2) and line.charge == 0:
            self.out.say("L23", sv1, "This line is charged with nothing.", "warning", "2400")
        if _decimals(sv1.at(2)) > 2:
            self.out.say("L24", sv1, "Money has two decimals at most.", loop="2400")

    def _pointers(self, line: _Line, sv1: Segment) -> None:
        pointers = sv1.parts(7)
        if not 1 <= len(pointers) <= 4:
            self.out.say("L25", sv1, "A line points at one to four diagnoses (SV107).", loop="2400")
        for pointer in pointers:
            if not pointer.isdigit() or not 1 <= int(pointer) <= max(len(self.codes), 1):
                self.out.say("L26", sv1, f"SV107 points at diagnosis {pointer[:4]}, which is not there.", loop="2400")
        if len(set(pointers)) < len(pointers):
            self.out.say("L27", sv1, "SV107 points at one diagnosis twice.", loop="2400")

    def _sums(self) -> None:
        total = sum((line.charge for line in self.lines), Decimal(0))
        if self.lines and total != amount(self.clm.at(2)):
            self.say("B01", self.clm, f"CLM02 is {self.clm.at(2)[:18]}, the lines add up to {total}.")
        seen: set[tuple[object, ...]] = set()
        for line in self.lines:
            same = (line.code, tuple(sorted(line.modifiers)), line.on, line.until, line.rendering)
            if line.service and same in seen and not {"76", "77", "59", "91"} & set(line.modifiers):
                self.out.say("X03", line.service, "This line stands twice; add up its units.", loop="2400")
            seen.add(same)

    # Other payers

    def _other_payers(self) -> None:
        others = [child for child in self.node.children if child.id == "2320"]
        sequences = [self.sequence, *(sbr.at(1) for o in others if (sbr := o.first("SBR")))]
        for sequence, times in Counter(sequences).items():
            if times > 1 and sequence not in ("U", ""):
                self.say("P08", self.clm, f"Two payers of this claim have the rank {sequence} (SBR01).")
        if self.sequence in ("S", "T") and not others:
            self.say("P09", self.clm, "A later payer is asked, and what the first one decided is missing (loop 2320).")
        ids = set()
        for other in others:
            payer = other.child("2330B")
            id = payer.segments[0][0].at(9) if payer else ""
            if id in ids and id:
                self.out.say(
                    "P10", other, "Two other payers have the same number; a line's payment cannot be told apart."
                )
            ids.add(id)
            self._other_payer(other, id)
        for line in self.lines:
            for child in line.node.children:
                if child.id == "2430" and child.segments[0][0].at(1) not in ids:
                    self.out.say("P11", child, "SVD01 names a payer that is not among the other payers (2330B NM109).")

    def _other_payer(self, other: Node, id: str) -> None:
        for person in other.children:
            if person.id == "2330A":
                _named(self.out, person)
                _place(self.out, person)
        sbr = other.first("SBR")
        if sbr and not sbr.at(9):
            self.out.say(
                "P12", sbr, "SBR09 of the other payer is empty; say what kind of insurance it is.", loop="2320"
            )
        paid = other.first("AMT", "D")
        claim_cut = sum((_adjusted(cas) for cas in other.all("CAS")), Decimal(0))
        decided = [(line, child) for line in self.lines for child in line.node.children if _pays(child, id)]
        line_paid = sum((amount(child.segments[0][0].at(2)) for _, child in decided), Decimal(0))
        line_cut = sum((_adjusted(cas) for _, child in decided for cas in child.all("CAS")), Decimal(0))
        for node in (other, *(child for _, child in decided)):
            self._groups(node)
        if self.sequence not in ("", "P") and sbr and sbr.at(1) == "P" and paid is None:
            self.out.say("P13", other, "What the first payer paid is missing (AMT*D).")
        if paid is None:
            return
        if decided:
            if amount(paid.at(2)) != line_paid - claim_cut:
                self.out.say(
                    "B02", paid, f"AMT*D is {paid.at(2)[:18]}; the lines' payments less the claim's adjustments are "
                    f"{line_paid - claim_cut}.", loop="2320",
                )  # fmt: skip
            self._decided(decided)
        elif claim_cut and amount(paid.at(2)) + claim_cut != amount(self.clm.at(2)):
            self.out.say(
                "B03", paid, "What the payer paid and what it adjusted do not add up to the charge.", loop="2320"
            )
        payer = other.child("2330B")
        if not decided and not (payer and payer.first("DTP", "573")):
            self.out.say("P14", other, "The date of the other payer's decision is missing (DTP*573).")
        elif line_cut and not other.first("AMT", "EAF") and self.sequence != "P":
            self.out.say("P15", other, "What the patient still owes is missing (AMT*EAF).", "warning")

    def _decided(self, decided: list[tuple[_Line, Node]]) -> None:
        for line, node in decided:
            svd = node.segments[0][0]
            cut = sum((_adjusted(cas) for cas in node.all("CAS")), Decimal(0))
            if amount(svd.at(2)) + cut != line.charge:
                self.out.say(
                    "B04", svd, "Paid and adjusted (SVD02, CAS) do not add up to the line's charge.", loop="2430"
                )
            if on := node.first("DTP", "573"):
                when = day(on.at(3))
                if when and when > self.known.today:
                    self.out.say("D11", on, "The other payer's decision is in the future.", loop="2430")
                if when and line.on and when < line.on:
                    self.out.say("D12", on, "The other payer's decision is before the service.", loop="2430")

    def _groups(self, node: Node) -> None:
        groups = [cas.at(1) for cas in node.all("CAS")]
        for group, times in Counter(groups).items():
            if times > 1 and group:
                self.out.say("P16", node, f"CAS {group} stands {times} times; put up to six reasons into one.")
        for cas in node.all("CAS"):
            for place in range(2, len(cas.elements), 3):
                if bool(cas.at(place)) != bool(cas.at(place + 1)):
                    self.out.say(
                        "P17", cas, "A reason in CAS needs its amount, and an amount its reason.", loop=node.id
                    )

    # Monitoring

    def _monitoring(self) -> None:
        codes = {line.code for line in self.lines}
        for line in self.lines:
            if line.service:
                self._monitored(line, line.service, codes)
        for whole, parts in _PARTS.items():
            present = [part for part in parts if part in codes]
            if len(present) > 1 or (whole in codes and present):
                self.say("M01", self.clm, f"{', '.join(present)}: bill {whole} once for both.")
        for family in _FAMILIES:
            if len(present := [code for code in family if code in codes]) > 1:
                self.say("M02", self.clm, f"{', '.join(present)}: bill only the highest code of this family.")

    def _monitored(self, line: _Line, sv1: Segment, codes: set[str]) -> None:
        if line.code == "95920":
            self.out.say("M03", sv1, "95920 was deleted in 2013; use 95940, 95941 or G0453.", loop="2400")
        info = MONITORING.get(line.code)
        if info is None:
            return
        medicare = self.filing in _MEDICARE
        pos = sv1.at(5) or self.pos
        mods = set(line.modifiers)
        if line.code in CONTINUOUS:
            self._continuous(line, sv1, medicare=medicare)
        if info.pc_tc != 1 and mods & {"26", "TC"}:
            self.out.say(
                "M04",
                sv1,
                f"{line.code} has no professional or technical part; 26 and TC are refused.",
                "warning",
                "2400",
            )
        if info.pc_tc == 1 and pos in FACILITY_POS and not mods & {"26", "TC"}:
            self.out.say("M05", sv1, f"{line.code} in a facility needs 26 for the interpretation.", loop="2400")
        if medicare and pos in FACILITY_POS and "TC" in mods:
            self.out.say("M06", sv1, "Medicare pays the technical part to the facility; invoice it there.", loop="2400")
        if "50" in mods and info.bilateral != 3:
            self.out.say("M07", sv1, f"50 is not valid on {line.code}.", loop="2400")
        if "51" in mods and line.code in CONTINUOUS:
            self.out.say("M08", sv1, "51 is not valid on an add-on code.", loop="2400")
        if mods & set(_TELEHEALTH) or pos in ("02", "10"):
            self.out.say("M09", sv1, "Monitoring is no telehealth: use the patient's place of service.", loop="2400")
        elif pos == "11" and line.code in CONTINUOUS:
            self.out.say(
                "M10", sv1, f"{line.code} in an office; place of service is where the patient is.", "warning", "2400"
            )
        if info.mue is not None and line.units > info.mue:
            self.out.say(
                "M11", sv1, f"{line.code}: above the daily edit of {info.mue}; send records.", "warning", "2400"
            )

    def _continuous(self, line: _Line, sv1: Segment, *, medicare: bool) -> None:
        if line.code == "95941" and medicare:
            self.out.say(
                "M12", sv1, "95941 is not valid for Medicare; use G0453 remote or 95940 in the room.", loop="2400"
            )
        if line.code == "95941" and self.filing == "16":
            told = "Most Medicare plans follow Medicare and do not take 95941; ask, or use G0453."
            self.out.say("M16", sv1, told, "warning", "2400")
        if line.units * (60 if line.code == "95941" else 15) > 24 * 60:
            self.out.say("M17", sv1, f"{line.code}: more units than a day has.", loop="2400")
        if line.code == "G0453" and self.filing and not medicare and self.filing not in ("16", "MC"):
            self.out.say("M13", sv1, "G0453 is Medicare's code; most other payers expect 95941.", "warning", "2400")
        bases = [
            other
            for other in self.lines
            if other.code in MONITORING and other.on == line.on
            and (MONITORING[other.code].aoc_g0453 if line.code == "G0453" else MONITORING[other.code].aoc)
        ]  # fmt: skip
        if not bases:
            self.out.say("M14", sv1, f"{line.code} needs an accepted base study on the claim.", loop="2400")
        elif all(other.rendering != line.rendering for other in bases):
            self.out.say("M15", sv1, f"{line.code} has no base study by the same physician.", "warning", "2400")

    def _seen_before(self) -> None:
        """The same service for the same patient on another original claim of the file (billing.md 12, extra 26)."""
        if self.frequency != "1":
            return
        who = self._whom()
        for line in self.lines:
            service = (*who, line.code, "".join(line.modifiers), str(line.on), line.rendering or self.rendering)
            number = self.clm.at(1)
            if line.service and self.known.services.setdefault(service, number) != number:
                self._repeated(line.service, self.known.services[service])

    def _repeated(self, sv1: Segment, number: str) -> None:
        told = f"The same service of the same day is on claim {number}; is it a duplicate?"
        self.out.say("X04", sv1, told, "warning", "2400")

    def _whom(self) -> tuple[str, ...]:
        level = self.node.parent
        person = level.child("2010CA" if level.id == "2000C" else "2010BA") if level else None
        insured = self.level.child("2010BA") if self.level else None
        payer = self.level.child("2010BB") if self.level else None
        name = person.segments[0][0] if person else None
        return (
            name.at(3) if name else "",
            name.at(4) if name else "",
            insured.segments[0][0].at(9) if insured else "",
            payer.segments[0][0].at(9) if payer else "",
        )


def _pays(node: Node, id: str) -> bool:
    return node.id == "2430" and node.segments[0][0].at(1) == id


def _adjusted(cas: Segment) -> Decimal:
    return sum((amount(cas.at(place)) for place in range(3, len(cas.elements), 3)), Decimal(0))


def _decimals(text: str) -> int:
    return len(text.partition(".")[2])
