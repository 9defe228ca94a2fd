"""The CMS-1500 (02/12): text alone for red stock, or a file copy drawn in full with our own boxes and labels.

Payers take only red originals from certified stock, so what is drawn here says "file copy" (claims-files.md 6).
Six lines a page; each page is a whole claim with its own total. Courier of 12 points stands on the form's grid.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

from msgspec import Struct
from pypdf import PdfWriter
from pypdf.generic import DictionaryObject, NameObject

from .claims import Address, Claim, ClaimLine, Coverage, Person, Provider
from .pages import LETTER, add_page, fonts, show, written
from .x12 import plain

LINES_A_PAGE = 6
_GRID = json.loads((Path(__file__).parent / "tables" / "cms1500_grid.json").read_text())
CELLS: dict[str, tuple[int, int, int]] = {item: tuple(place) for item, place in _GRID["cells"].items()}
_BOXES: dict[str, list[float]] = _GRID["boxes"]
Sheet = dict[str, str]
"""The cells of one page that hold something, by the form's item names."""


class Nudge(Struct, frozen=True, kw_only=True):
    """How far a printer must be set off, in points: to the right and down."""

    right: float = 0
    down: float = 0


def objections(claim: Claim) -> list[str]:
    """Why the claim does not fit on paper."""
    found = []
    if len(claim.control_number) > 14:
        found.append("The claim number has more than the 14 characters of box 26.")
    for number, line in enumerate(claim.lines, 1):
        if line.charge_cents > 99_999_999:
            found.append(f"Line {number}: the charge does not fit box 24F.")
        if line.units > 999:
            found.append(f"Line {number}: the units do not fit box 24G.")
    return found


def sheets(claim: Claim) -> list[Sheet]:
    """The pages of the claim, six lines on each."""
    parts = [claim.lines[start : start + LINES_A_PAGE] for start in range(0, len(claim.lines), LINES_A_PAGE)]
    return [_sheet(claim, part, first=number == 0) for number, part in enumerate(parts)]


def overlay(claims: Iterable[Claim], nudge: Nudge | None = None) -> bytes:
    """Black text alone, to be printed on red stock."""
    pages = [sheet for claim in claims for sheet in sheets(claim)]
    return _pdf([_typed(sheet, nudge or Nudge()) for sheet in pages])


def file_copy(claims: Iterable[Claim]) -> bytes:
    """The same text in boxes of our own, for the practice's files and packets. Not to be submitted."""
    contents = []
    for claim in claims:
        pages = sheets(claim)
        for number, sheet in enumerate(pages, 1):
            foot = f"Claim {claim.control_number}, page {number} of {len(pages)}"
            contents.append(_form(foot) + _typed(sheet, Nudge()))
    return _pdf(contents)


def trial(nudge: Nudge | None = None) -> bytes:
    """A page that fills every cell, to be laid on the stock and held against the light before a nudge is set."""
    nudge = nudge or Nudge()
    filled = {item: "X" * width for item, (_, _, width) in CELLS.items()}
    filled["19 upper"] = ""
    filled["19 addl"] = f"RIGHT {nudge.right:g} PT  DOWN {nudge.down:g} PT"
    return _pdf([_crosses(nudge) + _typed(filled, nudge)])


# What stands in each box


def _sheet(claim: Claim, lines: Sequence[ClaimLine], *, first: bool) -> Sheet:
    made: Sheet = {}
    _payer_and_patient(made, claim)
    _insured(made, claim)
    _circumstances(made, claim)
    for place, line in enumerate(lines, 1):
        _service(made, claim, place, line)
    _totals(made, claim, lines, first=first)
    _places(made, claim)
    return {item: text for item, text in made.items() if text}


def _payer_and_patient(made: Sheet, claim: Claim) -> None:
    coverage, patient = claim.coverage, claim.patient
    address = coverage.payer.address
    block = [coverage.payer.name]
    if address:
        block += [address.line1, address.line2, _city(address)]
    for number, text in enumerate([line for line in block if line][:4], 1):
        made[f"carrier {number}"] = _clean(text)
    made[f"1 {_kind(coverage)}"] = "X"
    made["1a insured id"] = plain(coverage.member_id).replace(" ", "")
    made["2 patient name"] = _name(patient)
    _birth(made, "3 dob mm", "3 dob dd", "3 dob yyyy", patient.birth_on)
    _mark(made, {"M": "3 M", "F": "3 F"}, patient.sex)
    _where(made, "5", patient)
    _mark(made, {"18": "6 self", "01": "6 spouse", "19": "6 child"}, coverage.relationship, "6 other")


def _kind(coverage: Coverage) -> str:
    known = {"MA": "Medicare", "MB": "Medicare", "MC": "Medicaid", "CH": "TRICARE", "VA": "CHAMPVA"}
    if coverage.payer.filing in known:
        return known[coverage.payer.filing]
    grouped = bool(coverage.group_number) and coverage.payer.filing not in ("WC", "AM", "LM")
    return "Group" if grouped else "Other"


def _medicare_first(claim: Claim) -> bool:
    return _kind(claim.coverage) == "Medicare" and claim.coverage.sequence == "P"


def _insured(made: Sheet, claim: Claim) -> None:
    coverage = claim.coverage
    if _medicare_first(claim):
        made["11 group/FECA"] = "NONE"
        return
    made["4 insured name"] = _name(claim.subscriber)
    _where(made, "7", claim.subscriber)
    made["11 group/FECA"] = _clean(coverage.group_number)
    if not claim.patient_is_subscriber:
        _birth(made, "11a mm", "11a dd", "11a yyyy", claim.subscriber.birth_on)
        _mark(made, {"M": "11a M", "F": "11a F"}, claim.subscriber.sex)
    if claim.casualty_number:
        made["11b qual"], made["11b id"] = "Y4", _clean(claim.casualty_number)
    made["11c plan"] = _clean(coverage.group_name or coverage.payer.name)
    made["11d yes" if claim.others else "11d no"] = "X"
    if claim.others:
        other = claim.others[0]
        made["9 other insured"] = _name(other.subscriber or claim.patient)
        made["9a other policy"] = _clean(other.group_number or other.member_id)
        made["9d plan"] = _clean(other.group_name or other.payer.name)


def _circumstances(made: Sheet, claim: Claim) -> None:
    for item, cause in (("10a", "EM"), ("10b", "AA"), ("10c", "OA")):
        made[f"{item} yes" if cause in claim.accident else f"{item} no"] = "X"
    made["10b state"] = claim.accident_state if "AA" in claim.accident else ""
    made["12 sign"] = "SIGNATURE ON FILE"
    made["13 sign"] = "SIGNATURE ON FILE" if claim.assigns_benefits == "Y" else ""
    if claim.accident_on:
        made["15 qual"] = "439"
        _birth(made, "15 mm", "15 dd", "15 yyyy", claim.accident_on)
    _referring(made, claim)
    made["18 from"], made["18 to"] = _spaced(claim.admitted_on), _spaced(claim.discharged_on)
    _additional(made, claim)
    made["20 no"] = "X"
    made["21 ICD ind"] = "0"
    for letter, code in zip("ABCDEFGHIJKL", claim.diagnoses, strict=False):
        made[f"21 {letter}"] = _clean(code.replace(".", ""))
    if claim.frequency in "78":
        made["22 code"], made["22 orig ref"] = claim.frequency, plain(claim.payer_control)
    made["23 auth"] = plain(claim.authorization)


def _referring(made: Sheet, claim: Claim) -> None:
    """Box 17 holds the referring provider, or who ordered the lines when nobody referred."""
    ordering = next((line.ordering for line in claim.lines if line.ordering), None)
    provider = claim.referring or ordering
    if provider is None:
        return
    made["17 qual"] = "DN" if claim.referring else "DK"
    made["17 name"] = _clean(f"{provider.first} {provider.middle} {provider.name} {provider.credentials}")
    made["17b NPI"] = provider.npi
    if provider.payer_number:
        made["17a qual"], made["17a id"] = "G2", _clean(provider.payer_number)


def _additional(made: Sheet, claim: Claim) -> None:
    papers = [
        f"PWK{paper.type}{paper.sent_by}{'AC' + paper.control if paper.control else ''}" for paper in claim.attachments
    ]
    words = " ".join([*papers, _clean(claim.note)]).strip()
    if len(words) <= CELLS["19 addl"][2]:
        made["19 addl"] = words
        return
    room = CELLS["19 upper"][2]
    split = words.rfind(" ", 0, room + 1)
    split = split if split > 0 else room
    made["19 upper"], made["19 addl"] = words[:split], words[split:].strip()


def _service(made: Sheet, claim: Claim, place: int, line: ClaimLine) -> None:
    row = f"24.{place}"
    rendering = line.rendering or claim.rendering or claim.billing
    made[f"{row} shaded A-G"] = f"ZZ{_clean(line.note)}" if line.note else ""
    made[f"{row} A from"] = f"{line.from_on:%m %d %y}"
    made[f"{row} A to"] = f"{line.to_on or line.from_on:%m %d %y}"
    made[f"{row} B POS"] = line.pos or claim.pos
    made[f"{row} C EMG"] = "Y" if line.emergency else ""
    made[f"{row} D code"] = line.code
    made[f"{row} D mods"] = " ".join(line.modifiers)
    made[f"{row} E ptr"] = "".join("ABCDEFGHIJKL"[pointer - 1] for pointer in line.pointers)
    made[f"{row} F chg"] = _dollars(line.charge_cents, CELLS[f"{row} F chg"][2])
    made[f"{row} G units"] = str(line.units)
    made[f"{row} J NPI"] = rendering.npi
    if rendering.payer_number:
        made[f"{row} I qual"], made[f"{row} J shaded"] = "G2", _clean(rendering.payer_number)


def _totals(made: Sheet, claim: Claim, lines: Sequence[ClaimLine], *, first: bool) -> None:
    made["25 tin"] = re.sub("[^0-9]", "", claim.billing.tax_id)
    made["25 SSN" if claim.billing.tax_id_is_ssn else "25 EIN"] = "X"
    made["26 acct"] = claim.control_number
    made["27 yes" if claim.assignment == "A" else "27 no"] = "X"
    made["28 total"] = _dollars(sum(line.charge_cents for line in lines), CELLS["28 total"][2])
    paid = _paid(claim, lines, first=first)
    made["29 paid"] = _dollars(paid, CELLS["29 paid"][2]) if paid else ""


def _paid(claim: Claim, lines: Sequence[ClaimLine], *, first: bool) -> int:
    """What was paid for this page's lines; what was paid for the claim as a whole stands on the first page."""
    by_line = {decided.payer_id for line in claim.lines for decided in line.adjudications}
    paid = sum(decided.paid_cents for line in lines for decided in line.adjudications)
    if first:
        paid += claim.patient_paid_cents
        paid += sum(other.paid_cents or 0 for other in claim.others if other.payer.id not in by_line)
    return paid


def _places(made: Sheet, claim: Claim) -> None:
    made["31 sig"] = "SIGNATURE ON FILE"
    made["31 date"] = f"{claim.signed_on:%m%d%Y}" if claim.signed_on else ""
    if claim.facility:
        _block(made, "32", claim.facility)
        made["32a NPI"] = claim.facility.npi
        made["32b"] = f"G2{claim.facility.payer_number}" if claim.facility.payer_number else ""
    billing = claim.billing
    _block(made, "33", billing)
    digits = re.sub("[^0-9]", "", billing.phone)
    made["33 area"], made["33 phone"] = digits[:3], digits[3:]
    made["33a NPI"] = billing.npi
    made["33b"] = (
        f"G2{billing.payer_number}" if billing.payer_number else f"ZZ{billing.taxonomy}" if billing.taxonomy else ""
    )


def _block(made: Sheet, item: str, provider: Provider) -> None:
    name = (
        f"{provider.first} {provider.middle} {provider.name} {provider.credentials}"
        if provider.person
        else provider.name
    )
    made[f"{item} l1"] = _clean(name)
    if provider.address:
        made[f"{item} l2"] = _clean(f"{provider.address.line1} {provider.address.line2}")
        made[f"{item} l3"] = _city(provider.address)


def _where(made: Sheet, item: str, person: Person) -> None:
    if person.address:
        made[f"{item} street"] = _clean(f"{person.address.line1} {person.address.line2}")
        made[f"{item} city"] = _clean(person.address.city)
        made[f"{item} state"] = person.address.state.upper()
        made[f"{item} zip"] = _zip(person.address)
    digits = re.sub("[^0-9]", "", person.phone)
    made[f"{item} area"], made[f"{item} phone"] = digits[:3], digits[3:]


def _clean(text: str) -> str:
    """Capitals without punctuation but the hyphen, as readers of the form want them."""
    return " ".join(re.sub(r"[^A-Z0-9 -]", " ", plain(text).replace("'", "")).split())


def _name(person: Person) -> str:
    last = " ".join(part for part in (_clean(person.last), _clean(person.suffix)) if part)
    return ", ".join(part for part in (last, _clean(person.first), _clean(person.middle)[:1]) if part)


def _zip(address: Address) -> str:
    digits = address.zip_digits
    return f"{digits[:5]}-{digits[5:]}" if len(digits) > 5 else digits


def _city(address: Address) -> str:
    return f"{_clean(address.city)} {address.state.upper()} {_zip(address)}"


def _mark(made: Sheet, items: dict[str, str], value: str, otherwise: str = "") -> None:
    if item := items.get(value, otherwise):
        made[item] = "X"


def _birth(made: Sheet, month: str, day: str, year: str, on: date | None) -> None:
    if on:
        made[month], made[day], made[year] = f"{on:%m}", f"{on:%d}", f"{on:%Y}"


def _spaced(on: date | None) -> str:
    return f"{on:%m %d %Y}" if on else ""


def _dollars(cents: int, width: int) -> str:
    """Dollars, a blank where the form has its rule, and cents, right-justified."""
    whole, rest = divmod(cents, 100)
    text = f"{whole} {rest:02d}"
    return (text if len(text) <= width else text.replace(" ", "")).rjust(width)


# Drawing


def _typed(sheet: Sheet, nudge: Nudge) -> bytes:
    """Every cell's text on the grid, cut to its width."""
    made = []
    for item, text in sheet.items():
        line, column, width = CELLS[item]
        x = _GRID["x0"] + _GRID["cw"] * (column - 1) + nudge.right
        y = LETTER[1] - (_GRID["y0"] + _GRID["lh"] * line + nudge.down)
        shown = text[:width].encode("ascii", "replace")
        for special in (b"\\", b"(", b")"):
            shown = shown.replace(special, b"\\" + special)
        made.append(b"BT /F3 12 Tf 1 0 0 1 %.2f %.2f Tm (%s) Tj ET\n" % (x, y, shown))
    return b"".join(made)


def _pdf(contents: Sequence[bytes]) -> bytes:
    writer = PdfWriter()
    held = fonts(writer)
    courier = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Courier", "/Encoding": "/WinAnsiEncoding"}
    named = DictionaryObject({NameObject(key): NameObject(value) for key, value in courier.items()})
    held.get_object()[NameObject("/F3")] = writer._add_object(named)  # type: ignore[index]
    for content in contents:
        add_page(writer, LETTER, content, drawings={}, fonts=held)
    return written(writer)


_LABELS = {
    "1": "1  Kind of insurance", "1a": "1a  Insured's number", "2": "2  Patient (last, first, middle)",
    "3": "3  Patient born, sex", "4": "4  Insured (last, first, middle)", "5": "5  Patient's street",
    "6": "6  Patient is the insured's", "7": "7  Insured's street", "5c": "City", "5s": "State", "7c": "City",
    "7s": "State", "5z": "ZIP", "5p": "Phone", "7z": "ZIP", "7p": "Phone", "8": "8  (reserved)",
    "9": "9  Other insured", "9a": "9a  Other policy or group", "9b": "9b  (reserved)", "9c": "9c  (reserved)",
    "9d": "9d  Other plan", "10": "10  Condition due to", "10a": "10a  Employment", "10b": "10b  Car accident, state",
    "10c": "10c  Other accident", "10d": "10d  Claim codes", "11": "11  Insured's group or FECA number",
    "11a": "11a  Insured born, sex", "11b": "11b  Other claim number", "11c": "11c  Plan", "11d": "11d  Another plan",
    "12": "12  Patient's signature: release, assignment", "13": "13  Insured's signature: payment to provider",
    "14": "14  Current illness", "15": "15  Other date", "16": "16  Unable to work, from and to",
    "17": "17  Referring or ordering", "17a": "17a", "17b": "17b NPI", "18": "18  In hospital, from and to",
    "19": "19  Further information", "20": "20  Outside lab, charge", "21": "21  Diagnoses, ICD",
    "22": "22  Resubmission code, payer's first number", "23": "23  Authorization", "25": "25  Tax number",
    "26": "26  Claim number", "27": "27  Assignment", "28": "28  Total charge", "29": "29  Paid",
    "30": "30  (reserved)", "31": "31  Physician or supplier, date", "32": "32  Where the service was",
    "32a": "a", "32b": "b", "33": "33  Billing provider, phone", "33a": "a", "33b": "b",
}  # fmt: skip
_HEADS = {"A": "A  From, to", "B": "B  Place", "C": "C  Emg", "Dc": "D  Code", "Dm": "Modifiers", "E": "E  Diagnosis",
          "F": "F  Charge", "G": "G  Units", "H": "H", "I": "I", "J": "J  Rendering NPI"}  # fmt: skip
_CHECKS = (
    "1 Medicare", "1 Medicaid", "1 TRICARE", "1 CHAMPVA", "1 Group", "1 FECA", "1 Other", "3 M", "3 F", "6 self",
    "6 spouse", "6 child", "6 other", "10a yes", "10a no", "10b yes", "10b no", "10c yes", "10c no", "11a M", "11a F",
    "11d yes", "11d no", "20 yes", "20 no", "25 SSN", "25 EIN", "27 yes", "27 no",
)  # fmt: skip


def _form(foot: str) -> bytes:
    """Our own drawing of the form: boxes, short labels, and the words that it is a copy."""
    made = [show(20.4, LETTER[1] - 34, 13, "File copy - not for submission", "/F2")]
    made.append(show(20.4, LETTER[1] - 48, 8, "Health insurance claim in the layout of form 1500 (02/12)"))
    made.append(show(20.4, LETTER[1] - 768, 7, foot))
    made.append(b"0.55 G 0.5 w\n")
    for name, (left, top, right, bottom) in _BOXES.items():
        if name.startswith("24.") and name.endswith("shade"):
            made.append(
                b"0.92 g %.1f %.1f %.1f %.1f re f 0 g\n" % (left, LETTER[1] - bottom, right - left, bottom - top)
            )
        made.append(b"%.1f %.1f %.1f %.1f re S\n" % (left, LETTER[1] - bottom, right - left, bottom - top))
    made.append(b"0.25 g\n")
    for name, label in _LABELS.items():
        left, top, _, _ = _BOXES[name]
        made.append(show(left + (0.2 if len(label) == 1 else 1.5), LETTER[1] - top - 5.6, 5, label))
    for name, label in _HEADS.items():
        left = _BOXES[f"24.1{name}"][0]
        made.append(show(left + 1.5, LETTER[1] - _BOXES["24"][1] - 16, 5, label))
    made.append(
        show(22, LETTER[1] - _BOXES["24"][1] - 5.6, 5, "24  Services; the shaded half is for notes and other numbers")
    )
    for item in _CHECKS:
        made.append(_check(item))
    for letter in "ABCDEFGHIJKL":
        line, column, _ = CELLS[f"21 {letter}"]
        made.append(show(_x(column) - 8, _y(line), 6, letter))
    made.append(b"0 g\n")
    return b"".join(made)


def _check(item: str) -> bytes:
    """A small square round the cell, and which answer it is."""
    line, column, _ = CELLS[item]
    x, y = _x(column), _y(line)
    square = b"%.1f %.1f 8.4 9.6 re S\n" % (x - 0.6, y - 1.4)
    word = item.split(" ", 1)[1]
    if item.startswith("25") or item == "6 other":
        return square + show(x - 1, y + 10, 4.5, word)
    return square + show(x + 9.5, y + 1, 5, word)


def _x(column: int) -> float:
    return _GRID["x0"] + _GRID["cw"] * (column - 1)


def _y(line: int) -> float:
    return LETTER[1] - (_GRID["y0"] + _GRID["lh"] * line)


def _crosses(nudge: Nudge) -> bytes:
    """Crosses at four corners of boxes, where the stock has corners too."""
    made = [b"0 G 0.5 w\n"]
    for box in ("1a", "5", "33", "31"):
        left, top, right, bottom = _BOXES[box]
        for x, y in ((left, top), (right, bottom)):
            at_x, at_y = x + nudge.right, LETTER[1] - y - nudge.down
            made.append(b"%.1f %.1f m %.1f %.1f l S\n" % (at_x - 6, at_y, at_x + 6, at_y))
            made.append(b"%.1f %.1f m %.1f %.1f l S\n" % (at_x, at_y - 6, at_x, at_y + 6))
    return b"".join(made)
