"""A packet for a purpose: one PDF of a cover, what was asked for and where it is, and the exhibits.

What goes in, `practice.demands` says: the parts that are wanted for the purpose, in its order.

A pure function of its input: the same input gives the same bytes, so a packet made again after a crash is the
packet (DESIGN.md section 5). Each page is stamped in its margin, imported pages are scaled down for that, so that
no stamp covers their text (report-and-phone.md 5.2). The SHA-256 of a part is that of its PDF as it came, before
stamping: of the report the frozen bytes, of an upload the bytes that are kept.
"""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from msgspec import Struct, field
from pypdf import PageObject, PdfReader, PdfWriter
from pypdf.annotations import Link
from pypdf.generic import Fit, IndirectObject, NameObject

from . import cases as c
from . import demands as d
from . import exhibits as ex
from .coding import Coding
from .money import dollars
from .pages import LETTER, add_page, fitted, fonts, form, latin, numbers, show, spells, upright, width, written
from .pdf import Letterhead, render
from .proof import Proof
from .record import Entry
from .scrub import Finding
from .times import service_day
from .typeset import LEADS, typeset

SCALE = 0.94
MARGIN = 24
"""Room for a stamp at the top and at the bottom of a page."""
SIDE = 43.2
STAMP = 8
WATERMARK = "PREVIEW - NOT FOR SUBMISSION"


class Denial(Struct, frozen=True, kw_only=True):
    """What an appeal is about, as the payer's letter has it. `cents` is what was not paid."""

    level: str = ""
    denied_on: date | None = None
    claim_number: str = ""
    codes: str = ""
    cents: int | None = None
    reason: str = ""


class Asked(Struct, frozen=True, kw_only=True):
    """Who wants to see the records, and until when."""

    requester: str
    reference: str = ""
    asked_on: date
    due_on: date


class Trail(Struct, frozen=True, kw_only=True):
    """The case's part of the audit trail."""

    acts: tuple[ex.Act, ...] = ()
    reads: dict[str, int] = {}


class Document(Struct, frozen=True, kw_only=True):
    """An uploaded document as `practice.documents` rewrote it."""

    kind: str
    title: str
    pdf: bytes


class PacketInput(Struct, frozen=True, kw_only=True):
    """Everything a packet is made from. `report` is the signed report's PDF exactly as it was frozen."""

    packet_id: str
    letterhead: Letterhead
    facts: c.Facts
    coding: Coding
    payer: str | None = None
    claim_number: str | None = None
    member_id: str | None = None
    report: bytes | None = None
    people: tuple[ex.Person, ...] = ()
    documents: tuple[Document, ...] = ()
    findings: tuple[Finding, ...] = ()
    days: tuple[Proof, ...] = ()
    """The physicians' days around the case, in which other patients have no name."""
    purpose: str = "claim"
    demands: tuple[d.Demand, ...] = field(default_factory=d.defaults)
    claim_form: bytes | None = None
    """The file copy of the claim, when one was made."""
    asked: Asked | None = None
    denial: Denial | None = None
    entries: tuple[Entry, ...] = ()
    names: dict[int, str] = {}
    """Who keyed the entries."""
    trail: Trail | None = None


class Part(Struct, frozen=True, kw_only=True):
    """A part of the packet; the front has neither letter nor digest. `part` is its name in `practice.demands`."""

    part: str = ""
    letter: str
    title: str
    first_page: int
    pages: int
    sha256: str


class Assembled(Struct, frozen=True, kw_only=True):
    pdf: bytes
    pages: int
    parts: tuple[Part, ...]
    answers: tuple[d.Answer, ...] = ()


class NotReady(Exception):
    """The packet may not leave; `reasons` are full sentences."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


class _Piece(Struct, frozen=True, kw_only=True):
    """A part before it is placed: its pages, and whether they leave room for the stamps by themselves."""

    part: str = ""
    letter: str
    title: str
    pages: Sequence[PageObject]
    sha256: str = ""
    own: bool = False
    headings: tuple[tuple[str, int], ...] = ()

    @property
    def stamp(self) -> str:
        return f"Ex. {self.letter}" if self.letter else self.title.partition(" ")[0].strip(":")


def objections(packet: PacketInput) -> list[str]:
    """Why a claim packet may not be submitted: every finding that stands, and a report that is not signed.

    Who asks for records is told what there is and what is missing: no finding keeps those.
    """
    if packet.purpose != "claim":
        return []
    reasons = [f"{finding.id}: {finding.message}" for finding in packet.findings if finding.severity == "block"]
    if packet.report is None:
        reasons.append("The report is not signed: only a signed report can be submitted.")
    return reasons


def assemble(packet: PacketInput, *, preview: bool = False) -> Assembled:
    """The packet as one PDF. Raises NotReady with every reason, unless it is a preview, which says so on each page."""
    reasons = objections(packet)
    if reasons and not preview:
        raise NotReady(reasons)
    before, exhibits = _requests(packet), _exhibits(packet)
    front, parts, answers = _front(packet, before, exhibits, reasons, preview)
    writer = PdfWriter()
    sheet = _Sheet(writer, packet, sum(part.pages for part in parts), preview)
    outline: list[Any] = []
    for piece, part in zip((*before, *front, *exhibits), parts, strict=True):
        for number, page in enumerate(piece.pages, 1):
            sheet.place(page, piece, number)
        name = f"{part.letter}. {part.title}" if part.letter else part.title
        outline.append(writer.add_outline_item(title=name, page_number=part.first_page - 1))
        for heading, at in piece.headings:
            writer.add_outline_item(title=heading, page_number=part.first_page - 1 + at, parent=outline[-1])
    for piece, part in zip(front, parts[len(before) :], strict=False):
        _link(writer, piece, part.first_page - 1, parts)
    pdf = written(writer, f"Packet {packet.packet_id}")
    return Assembled(pdf=pdf, pages=sheet.total, parts=parts, answers=answers)


def _requests(packet: PacketInput) -> list[_Piece]:
    """The letter that asks lies on top of everything: contractors do not know a cover of ours (CGS, Noridian)."""
    if "request" not in _wanted(packet):
        return []
    return [_imported("", f"Request: {one.title}", one) for one in packet.documents if one.kind == "request"]


def _wanted(packet: PacketInput) -> list[str]:
    return [one.part for one in packet.demands]


def _exhibits(packet: PacketInput) -> list[_Piece]:
    """Every exhibit that is wanted, in order, lettered from A."""
    pieces: list[_Piece] = []
    for part in _wanted(packet):
        letter = _letter(len(pieces))
        if part in d.OWN:
            pieces += _made(packet, part, letter)
        elif part != "request":
            for document in packet.documents:
                if document.kind == part:
                    pieces.append(_imported(_letter(len(pieces)), document.title, document))
    return pieces


def _made(packet: PacketInput, part: str, letter: str) -> list[_Piece]:
    """One of the parts that we make; nothing where there is nothing to show."""
    facts = packet.facts
    if part == "claim_form":
        paper = Document(kind=part, title=d.OWN[part], pdf=packet.claim_form) if packet.claim_form else None
        return [_imported(letter, paper.title, paper)] if paper else []
    if part == "report":
        if packet.report:
            return [_imported(letter, d.OWN[part], Document(kind=part, title="", pdf=packet.report))]
        gap = ex.Points(caption="Not on file", items=(_NO_REPORT,))
        return [_own(part, ex.Exhibit(letter=letter, title=d.OWN[part], blocks=(gap,)))]
    trail = packet.trail or Trail()
    make = {
        "units": lambda: ex.claim_summary(letter, facts, packet.coding),
        "presence": lambda: ex.presence_log(letter, facts),
        "concurrency": lambda: ex.ledger_proof(letter, packet.days),
        "personnel": lambda: ex.personnel(letter, facts, packet.people),
        "history": lambda: ex.record_history(letter, facts, packet.entries, packet.names),
        "trail": lambda: ex.audit_trail(letter, facts, trail.acts, trail.reads),
    }
    return [_own(part, make[part]())]


_NO_REPORT = "No signed report of this case is on file."


def _letter(number: int) -> str:
    """A to Z, then AA, AB."""
    return chr(65 + number) if number < 26 else _letter(number // 26 - 1) + chr(65 + number % 26)


def _own(part: str, exhibit: ex.Exhibit) -> _Piece:
    """An exhibit of ours: set in Helvetica, or rendered when it holds letters that Helvetica lacks."""
    if all(spells(words) for words in ex.words(exhibit)):
        pdf = typeset(exhibit)
    else:
        pdf = render("packet_exhibit.html", "print.css", {"exhibit": exhibit})
    pages = list(PdfReader(io.BytesIO(pdf)).pages)
    digest = _digest(pdf) if exhibit.letter else ""
    return _Piece(part=part, letter=exhibit.letter, title=exhibit.title, pages=pages, sha256=digest, own=True)


def _digest(pdf: bytes) -> str:
    return hashlib.sha256(pdf).hexdigest()


def _imported(letter: str, title: str, paper: Document) -> _Piece:
    reader = PdfReader(io.BytesIO(paper.pdf))
    return _Piece(
        part=paper.kind,
        letter=letter,
        title=title,
        pages=list(reader.pages),
        sha256=_digest(paper.pdf),
        headings=tuple(_headings(reader)),
    )


def _headings(reader: PdfReader) -> Iterator[tuple[str, int]]:
    """The sections among the bookmarks of a PDF, which stand under its title, with the index of their page."""
    for inner in (item for group in reader.outline if isinstance(group, list) for item in group):
        if not isinstance(inner, list) and (number := reader.get_destination_page_number(inner)) is not None:
            yield str(inner.title), number


def _front(
    packet: PacketInput, before: Sequence[_Piece], exhibits: Sequence[_Piece], reasons: list[str], preview: bool
) -> tuple[tuple[_Piece, _Piece], tuple[Part, ...], tuple[d.Answer, ...]]:
    """Cover and requirements name the pages of all parts, their own among them: made again when they grew."""
    missing = _lacking(packet)
    length = (1, 1)
    while True:
        parts = _parts(before, (("Cover and index", length[0]), (REQUIREMENTS, length[1])), exhibits)
        answers = d.answered(packet.demands, missing, _places(parts))
        front = (
            _own("", _cover(packet, parts, reasons, preview)),
            _own("", _requirements(packet, answers, sum(part.pages for part in parts))),
        )
        found = (len(front[0].pages), len(front[1].pages))
        if found == length:
            return front, parts, answers
        length = found


REQUIREMENTS = "Requirements and where they are met"


def _parts(before: Sequence[_Piece], front: Sequence[tuple[str, int]], exhibits: Sequence[_Piece]) -> tuple[Part, ...]:
    rows = [("", one.letter, one.title, len(one.pages), one.sha256) for one in before]
    rows = [("request", *row[1:]) for row in rows]
    rows += [("", "", title, pages, "") for title, pages in front]
    rows += [(one.part, one.letter, one.title, len(one.pages), one.sha256) for one in exhibits]
    parts, first = [], 1
    for part, letter, title, pages, sha256 in rows:
        parts.append(Part(part=part, letter=letter, title=title, first_page=first, pages=pages, sha256=sha256))
        first += pages
    return tuple(parts)


def _places(parts: Sequence[Part]) -> dict[str, tuple[tuple[str, int, int], ...]]:
    """The exhibits of each part by name, with their pages."""
    places: dict[str, tuple[tuple[str, int, int], ...]] = {}
    for one in parts:
        if one.part:
            place = (one.letter, one.first_page, one.first_page + one.pages - 1)
            places[one.part] = (*places.get(one.part, ()), place)
    return places


def _lacking(packet: PacketInput) -> dict[str, str]:
    facts = packet.facts
    return d.lacking(
        coding=packet.coding,
        recorded=bool(facts.time.segments),
        watched=bool(facts.physician_log),
        credentialed=any(person.credentials for person in packet.people),
        report=packet.report is not None,
        claim_form=packet.claim_form is not None,
        papers={document.kind for document in packet.documents},
    )


def pages_said(first: int, last: int) -> str:
    return str(first) if first == last else f"{first} - {last}"


def _cover(packet: PacketInput, parts: Sequence[Part], reasons: list[str], preview: bool) -> ex.Exhibit:
    head = packet.letterhead
    blocks: list[ex.Block] = []
    if packet.facts.synthetic:
        blocks.append(ex.Points(caption="", items=("SYNTHETIC CASE - no real person.",)))
    if preview:
        items = (
            ("This packet cannot be submitted yet:", *reasons)
            if reasons
            else ("Nothing stands against it. Make the packet itself to send it.",)
        )
        blocks.append(ex.Box(caption=WATERMARK, items=items))
    blocks += [ex.Pairs(rows=tuple(_facts(packet, sum(part.pages for part in parts))))]
    if packet.denial:
        blocks.append(ex.Pairs(caption="What is appealed", rows=tuple(_denied(packet.denial))))
    listed = [part for part in parts if part.letter or part.part]
    rows = [
        (
            part.letter or "-",
            part.title,
            pages_said(part.first_page, part.first_page + part.pages - 1),
            f"{part.sha256[:32]}\n{part.sha256[32:]}",
        )
        for part in listed
    ]
    blocks.append(
        ex.Table(
            caption="Contents", head=("Exhibit", "Title", "Pages", "SHA-256 before stamping"), widths=(9, 43, 10, 38),
            rows=tuple(rows), leads=tuple(part.letter for part in listed), fine=True,
        )
    )  # fmt: skip
    contact = " \u00b7 ".join(filter(None, (*head.address_lines, head.phone)))
    title = f"{d.PURPOSES[packet.purpose]} {packet.packet_id}"
    return ex.Exhibit(
        letter="",
        title="Cover and index",
        heading=title,
        blocks=tuple(blocks),
        above=tuple(filter(None, (head.name, contact))),
    )


def _facts(packet: PacketInput, pages: int) -> Iterator[tuple[str, str]]:
    """Who, what and when, for somebody who sees nothing but the cover."""
    header, lines = packet.facts.header, packet.coding.lines
    if packet.asked:
        yield "Asked for by", packet.asked.requester
        yield "Their reference", packet.asked.reference or ex.NOT_ON_FILE
        yield "Asked, due", f"{packet.asked.asked_on.isoformat()}, {packet.asked.due_on.isoformat()}"
    yield "Payer", packet.payer or ex.NOT_ON_FILE
    yield "Claim number", packet.claim_number or ex.NOT_ON_FILE
    yield (
        "Patient",
        f"{header.patient.name}, born {_day(header.patient.dob)}, MRN {header.patient.mrn or ex.NOT_ON_FILE}",
    )
    yield "Member ID", packet.member_id or ex.NOT_ON_FILE
    yield "Date of service", _day(service_day(packet.facts))
    yield "Facility", ", ".join(filter(None, (header.facility.name, header.facility.state))) or ex.NOT_ON_FILE
    yield "Procedure", header.procedure.text
    codes = [f"{one.text} ({one.icd10 or 'code not on file'})" for one in header.diagnosis]
    yield "Diagnosis", "\n".join(codes) or ex.NOT_ON_FILE
    yield "Surgeon", header.surgeon or ex.NOT_ON_FILE
    yield "Rendering", "\n".join(_rendering(packet)) or ex.NOT_ON_FILE
    if "units" in _wanted(packet):
        yield (
            "Codes and units",
            ", ".join(f"{' '.join((one.code, *one.modifiers))} x {one.units}" for one in lines) or "none",
        )
    yield "Pages", str(pages)


def _denied(denial: Denial) -> Iterator[tuple[str, str]]:
    for name, value in (
        ("Level", denial.level),
        ("Denied on", _day(denial.denied_on) if denial.denied_on else ""),
        ("Payer's claim number", denial.claim_number),
        ("Reason codes", denial.codes),
        ("Amount", dollars(denial.cents) if denial.cents is not None else ""),
        ("Reason given", denial.reason),
    ):
        yield name, value or ex.NOT_ON_FILE


def _requirements(packet: PacketInput, answers: Sequence[d.Answer], pages: int) -> ex.Exhibit:
    """Each thing that is wanted with the page that answers it, or that it is missing."""
    rows = []
    for one in answers:
        if one.missing:
            rows.append((one.asks, "-", "MISSING", one.missing))
        else:
            letters = ", ".join(letter or "on top" for letter, _, _ in one.places)
            at = ", ".join(pages_said(first, last) for _, first, last in one.places)
            rows.append((one.asks, letters, at, "enclosed"))
    blocks: list[ex.Block] = [
        ex.Table(
            caption=f"What {packet.payer or 'the payer'} wants to see of this case",
            head=("What", "Exhibit", "Page", "State"),
            widths=(46, 10, 12, 32),
            rows=tuple(rows),
            leads=tuple(one.places[0][0] if one.places and not one.missing else "" for one in answers),
            empty="Nothing is asked for.",
        )
    ]
    if gone := [one for one in answers if one.missing and one.required]:
        said = f"{len(gone)} {'is' if len(gone) == 1 else 'are'} missing. What is missing is not on file with us on the day of this packet."
        blocks.append(ex.Points(caption="Missing", items=(said,)))
    if packet.purpose in ("records", "audit"):
        words = (
            f"These {pages} pages are copies of what {packet.letterhead.name} keeps of this case. I keep the records or have "
            "them in my charge."
        )
        blocks.append(ex.Sign(caption="Custodian of records", text=words))
    return ex.Exhibit(letter="", title=REQUIREMENTS, blocks=tuple(blocks))


def _rendering(packet: PacketInput) -> list[str]:
    """Who rendered the lines, with the NPI; where there are no lines, the physicians of the case."""
    refs = [line.rendering for line in packet.coding.lines if line.rendering]
    refs = list(dict.fromkeys(refs or [physician.id for physician in packet.facts.staff.physicians]))
    npis = {person.staff: person.npi for person in packet.people}
    return [f"{packet.facts.person_name(ref)}, NPI {npis.get(ref) or ex.NOT_ON_FILE}" for ref in refs]


def _day(day: date | None) -> str:
    return day.isoformat() if day else ex.NOT_ON_FILE


class _Sheet:
    """Places pages on stamped sheets, counting them through the whole packet."""

    def __init__(self, writer: PdfWriter, packet: PacketInput, total: int, preview: bool) -> None:
        self.writer, self.total, self.preview = writer, total, preview
        self.packet_id = latin(f"Packet {packet.packet_id}")
        patient = packet.facts.header.patient
        self.name = patient.name
        day = service_day(packet.facts)
        self.about = f"DOB {_day(patient.dob)} \u00b7 MRN {patient.mrn or ex.NOT_ON_FILE} \u00b7 DOS {_day(day)}"
        self.fonts: IndirectObject = fonts(writer)
        self.count = 0

    def place(self, page: PageObject, piece: _Piece, number: int) -> None:
        """Add one page: scaled to leave the margins free when it is not our own, upright, stamped."""
        self.count += 1
        (a, b, c_, d, e, f), wide, high = upright(page)
        size = (LETTER[1], LETTER[0]) if wide > high else LETTER
        room = (size[0], size[1] - 2 * MARGIN + 0.5)
        scale = 1.0 if piece.own else min(SCALE, room[0] * SCALE / wide, room[1] / high)
        x, y = (size[0] - wide * scale) / 2, (size[1] - high * scale) / 2
        placed = (a * scale, b * scale, c_ * scale, d * scale, e * scale + x, f * scale + y)
        content = f"q {numbers(placed)} cm /P Do Q\n".encode() + self._stamps(size, piece, number)
        add_page(self.writer, size, content, drawings={"/P": form(self.writer, page)}, fonts=self.fonts)

    def _stamps(self, size: tuple[float, float], piece: _Piece, number: int) -> bytes:
        top, bottom, right, room = size[1] - 19.5, 14.5, size[0] - SIDE, size[0] - 2 * SIDE
        of_whole = f"Page {self.count} of {self.total}"
        of_part = f"{piece.stamp} - {number}"
        title_x = SIDE + width(of_part, STAMP, "/F2") + 8
        about = fitted(self.about, STAMP, room - 120)
        name = fitted(self.name, STAMP, room - width(about, STAMP) - 16, "/F2")
        middle = (size[0] - width(self.packet_id, STAMP)) / 2
        title = fitted(piece.title, STAMP, middle - title_x - 12)
        content = show(SIDE, top, STAMP, name, "/F2")
        content += show(right - width(about, STAMP), top, STAMP, about)
        content += show(SIDE, bottom, STAMP, of_part, "/F2")
        content += show(title_x, bottom, STAMP, title)
        content += show(middle, bottom, STAMP, self.packet_id)
        content += show(right - width(of_whole, STAMP), bottom, STAMP, of_whole)
        return content + (_watermark(size) if self.preview else b"")


def _watermark(size: tuple[float, float]) -> bytes:
    """Outlined across the page, so that what lies under it can be read."""
    angle = math.atan2(size[1], size[0])
    letters = 44
    long = width(WATERMARK, letters, "/F2")
    x = size[0] / 2 - math.cos(angle) * long / 2 + math.sin(angle) * 14
    y = size[1] / 2 - math.sin(angle) * long / 2 - math.cos(angle) * 14
    turned = (math.cos(angle), math.sin(angle), -math.sin(angle), math.cos(angle), x, y)
    return f"q 0.45 G 0.6 w 1 Tr {numbers(turned)} cm ".encode() + show(0, 0, letters, WATERMARK, "/F2") + b"Q\n"


def _link(writer: PdfWriter, piece: _Piece, at: int, parts: Sequence[Part]) -> None:
    """Make the rows of a page of the front lead to their exhibits. The front is placed unscaled, so its places hold."""
    first = {part.letter: part.first_page - 1 for part in parts if part.letter}
    for number, page in enumerate(piece.pages):
        for held in page.get("/Annots") or ():
            note = held.get_object()
            target = str(note.get("/A", {}).get("/URI", ""))
            letter = target.removeprefix(LEADS)
            if target.startswith(LEADS) and letter in first:
                link = Link(rect=tuple(float(n) for n in note["/Rect"]), target_page_index=first[letter], fit=Fit.fit())
                link[NameObject("/Border")] = note.get("/Border", link["/Border"])
                writer.add_annotation(at + number, link)
