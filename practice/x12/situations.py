"""What a claim in a file must hold given what else it holds: sums, dates, codes, places, other payers.

Sources: claims-files.md 2 (what pyx12 does not find) and 4, own notes on the sample claims.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from decimal import Decimal

from ..coding import CODES as MONITORING
from ..coding import FACILITY_POS
from . import Segment
from .guide import CODES, Finding, Node, Severity, day
from .monitoring import Line, amount, monitoring_findings
from .parties import POST_BOX, Findings, Known, named, nine_digits, place_of, taxonomy

_ICD10_FROM = date(2015, 10, 1)
_ANESTHESIA = re.compile(r"0[01][0-9]{3}|0199[0-9]")
_PROCEDURE = re.compile(r"[0-9]{5}|[0-9]{4}[A-Z]|[A-V][0-9]{4}")
_DIAGNOSIS = re.compile(r"[A-Z][0-9][0-9AB][0-9A-Z]{0,4}")
_OLD_DIAGNOSIS = re.compile(r"[0-9]{3,5}|V[0-9]{2,4}|E[0-9]{3,4}")
_NUMBERED_PAPER = ("BM", "EL", "EM", "FT", "FX")
_INPATIENT = ("21", "51", "61")


def claim_findings(node: Node, known: Known) -> list[Finding]:
    """Findings on one claim (loop 2300) and all inside it."""
    return _Claim(node, known).findings()


class _Claim:
    def __init__(self, node: Node, known: Known) -> None:
        self.node = node
        self.known = known
        self.out = Findings(node)
        self.keys: set[str] = set()
        self.clm = node.segments[0][0]
        self.pos = self.clm.part(5, 1)
        self.frequency = self.clm.part(5, 3)
        self.lines = [Line(child) for child in node.children if child.id == "2400"]
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
        monitoring_findings(self.out, self.clm, self.lines, self.filing, self.pos)
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
        for code, times in Counter(filter(None, self.codes)).items():
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
            named(self.out, node)
            place_of(self.out, node)
            taxonomy(self.out, node.first("PRV"))
            name = node.segments[0][0]
            if node.id in ("2310B", "2420A") and not name.at(9) and not node.first("REF"):
                self.out.say("N14", node, "The rendering provider needs an NPI.")
            if node.id in ("2310C", "2420C"):
                nine_digits(self.out, node)
                street = node.first("N3")
                if street and POST_BOX.search(" ".join(street.elements[1:])):
                    self.out.say("N15", node, "The place of service must be a street, not a PO box.")
        if self.rendering and self.rendering == self.billing:
            node = self.node.child("2310B")
            self.out.say(
                "N16", node or self.clm, "The rendering provider is the billing provider; leave it out.", "warning"
            )
        if self.pos in FACILITY_POS and not self.node.child("2310C"):
            # X12's own example 12 leaves it out: where the biller's address is that place, it is not wanted.
            said = "A service in a hospital or surgery center needs that place (loop 2310C)."
            self.say("N17", self.clm, said, "error" if self.pos in _INPATIENT else "warning")
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

    def _line(self, line: Line) -> None:
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

    def _procedure(self, line: Line, sv1: Segment) -> None:
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

    def _units(self, line: Line, sv1: Segment) -> None:
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

    def _pointers(self, line: Line, sv1: Segment) -> None:
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
                severity: Severity = "error" if line.code in MONITORING else "warning"
                self.out.say("X03", line.service, "This line stands twice; add up its units.", severity, "2400")
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
                named(self.out, person)
                place_of(self.out, person)
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

    def _decided(self, decided: list[tuple[Line, Node]]) -> None:
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
