"""The claim packet: one PDF of a cover, the claim's arithmetic, the signed report and the proof beside it.

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

from msgspec import Struct
from pypdf import PageObject, PdfReader, PdfWriter
from pypdf.annotations import Link
from pypdf.generic import Fit, IndirectObject, NameObject

from . import cases as c
from . import exhibits as ex
from .coding import Coding
from .pages import LETTER, add_page, fitted, fonts, form, latin, numbers, show, spells, upright, width, written
from .pdf import Letterhead, render
from .proof import Proof
from .scrub import Finding
from .times import service_day
from .typeset import typeset

SCALE = 0.94
MARGIN = 24
"""Room for a stamp at the top and at the bottom of a page."""
SIDE = 43.2
STAMP = 8
WATERMARK = "PREVIEW - NOT FOR SUBMISSION"
EXPECTED = (("order", "Order for monitoring"), ("consent", "Consent"))
"""Documents a packet should hold: where one is missing, the index says so."""
_LINK = "exhibit:"


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


class Part(Struct, frozen=True, kw_only=True):
    """A part of the packet; the cover has no letter and no digest."""

    letter: str
    title: str
    first_page: int
    pages: int
    sha256: str


class Assembled(Struct, frozen=True, kw_only=True):
    pdf: bytes
    pages: int
    parts: tuple[Part, ...]


class NotReady(Exception):
    """The packet may not leave; `reasons` are full sentences."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


class _Piece(Struct, frozen=True, kw_only=True):
    """A part before it is placed: its pages, and whether they leave room for the stamps by themselves."""

    letter: str
    title: str
    pages: Sequence[PageObject]
    sha256: str = ""
    own: bool = False
    headings: tuple[tuple[str, int], ...] = ()


def objections(packet: PacketInput) -> list[str]:
    """Why the packet may not be submitted: every blocking finding, and a report that is not signed."""
    reasons = [f"{finding.id}: {finding.message}" for finding in packet.findings if finding.severity == "block"]
    if packet.report is None:
        reasons.append("The report is not signed: only a signed report can be submitted.")
    return reasons


def assemble(packet: PacketInput, *, preview: bool = False) -> Assembled:
    """The packet as one PDF. Raises NotReady with every reason, unless it is a preview, which says so on each page."""
    reasons = objections(packet)
    if reasons and not preview:
        raise NotReady(reasons)
    pieces = _pieces(packet)
    cover, parts = _cover(packet, pieces, reasons, preview)
    writer = PdfWriter()
    sheet = _Sheet(writer, packet, sum(part.pages for part in parts), preview)
    outline: list[Any] = []
    for piece, part in zip((cover, *pieces), parts, strict=True):
        for number, page in enumerate(piece.pages, 1):
            sheet.place(page, piece, number)
        name = f"{part.letter}. {part.title}" if part.letter else part.title
        outline.append(writer.add_outline_item(title=name, page_number=part.first_page - 1))
        for heading, at in piece.headings:
            writer.add_outline_item(title=heading, page_number=part.first_page - 1 + at, parent=outline[-1])
    _link_index(writer, cover, parts)
    pdf = written(writer, f"Packet {packet.packet_id}")
    return Assembled(pdf=pdf, pages=sheet.total, parts=parts)


def _pieces(packet: PacketInput) -> list[_Piece]:
    """Every part but the cover, in order."""
    facts = packet.facts
    own = [ex.claim_summary("A", facts, packet.coding)]
    if packet.report is None:
        own.append(
            ex.Exhibit(
                letter="B", title="Signed report", blocks=(ex.Points(caption="Not on file", items=(_NO_REPORT,)),)
            )
        )
    own += [
        ex.presence_log("C", facts),
        ex.ledger_proof("D", packet.days),
        ex.personnel("E", facts, packet.people),
    ]
    pieces = [_own(exhibit) for exhibit in own]
    if packet.report is not None:
        pieces.insert(1, _imported("B", "Signed report", packet.report))
    for number, document in enumerate(_in_order(packet.documents)):
        pieces.append(_imported(_letter(5 + number), document.title, document.pdf))
    return pieces


_NO_REPORT = "No signed report of this case is on file."


def _in_order(documents: Sequence[Document]) -> list[Document]:
    """The order, the consent, then the others as they come."""
    rank = {kind: number for number, (kind, _) in enumerate(EXPECTED)}
    return sorted(documents, key=lambda document: rank.get(document.kind, len(rank)))


def _letter(number: int) -> str:
    """A to Z, then AA, AB."""
    return chr(65 + number) if number < 26 else _letter(number // 26 - 1) + chr(65 + number % 26)


def _own(exhibit: ex.Exhibit) -> _Piece:
    """An exhibit of ours: set in Helvetica, or rendered when it holds letters that Helvetica lacks."""
    if all(spells(words) for words in ex.words(exhibit)):
        pdf = typeset(exhibit)
    else:
        pdf = render("packet_exhibit.html", "print.css", {"exhibit": exhibit})
    pages = list(PdfReader(io.BytesIO(pdf)).pages)
    return _Piece(letter=exhibit.letter, title=exhibit.title, pages=pages, sha256=_digest(pdf), own=True)


def _digest(pdf: bytes) -> str:
    return hashlib.sha256(pdf).hexdigest()


def _imported(letter: str, title: str, pdf: bytes) -> _Piece:
    reader = PdfReader(io.BytesIO(pdf))
    return _Piece(
        letter=letter,
        title=title,
        pages=list(reader.pages),
        sha256=_digest(pdf),
        headings=tuple(_headings(reader)),
    )


def _headings(reader: PdfReader) -> Iterator[tuple[str, int]]:
    """The sections among the bookmarks of a PDF, which stand under its title, with the index of their page."""
    for inner in (item for group in reader.outline if isinstance(group, list) for item in group):
        if not isinstance(inner, list) and (number := reader.get_destination_page_number(inner)) is not None:
            yield str(inner.title), number


def _cover(
    packet: PacketInput, pieces: Sequence[_Piece], reasons: list[str], preview: bool
) -> tuple[_Piece, tuple[Part, ...]]:
    """The cover names the pages of all parts, its own among them: made again in the rare case that it grew."""
    length = 1
    while True:
        parts = _parts(pieces, length)
        context = {
            "packet": packet,
            "parts": parts,
            "pages": sum(part.pages for part in parts),
            "missing": [title for kind, title in EXPECTED if kind not in {d.kind for d in packet.documents}],
            "rendering": _rendering(packet),
            "dos": _day(service_day(packet.facts)),
            "born": _day(packet.facts.header.patient.dob),
            "reasons": reasons if preview else [],
            "preview": WATERMARK if preview else "",
        }
        pages = PdfReader(io.BytesIO(render("packet.html", "print.css", context))).pages
        if len(pages) == length:
            return _Piece(letter="", title=parts[0].title, pages=list(pages), own=True), parts
        length = len(pages)


def _parts(pieces: Sequence[_Piece], cover: int) -> tuple[Part, ...]:
    parts = [Part(letter="", title="Cover and index", first_page=1, pages=cover, sha256="")]
    for piece in pieces:
        first = parts[-1].first_page + parts[-1].pages
        parts.append(
            Part(letter=piece.letter, title=piece.title, first_page=first, pages=len(piece.pages), sha256=piece.sha256)
        )
    return tuple(parts)


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
        of_part = f"Ex. {piece.letter} - {number}" if piece.letter else f"Cover - {number}"
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


def _link_index(writer: PdfWriter, cover: _Piece, parts: Sequence[Part]) -> None:
    """Make the rows of the index lead to their parts. The cover is placed unscaled, so its places hold."""
    first = {part.letter: part.first_page - 1 for part in parts}
    for number, page in enumerate(cover.pages):
        for held in page.get("/Annots") or ():
            note = held.get_object()
            target = str(note.get("/A", {}).get("/URI", ""))
            letter = target.removeprefix(_LINK)
            if target.startswith(_LINK) and letter in first:
                link = Link(rect=tuple(float(n) for n in note["/Rect"]), target_page_index=first[letter], fit=Fit.fit())
                link[NameObject("/Border")] = note.get("/Border", link["/Border"])
                writer.add_annotation(number, link)
