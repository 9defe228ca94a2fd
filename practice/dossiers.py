"""A person's file for one hospital as a single PDF: an index of what the hospital demands, then each copy on file.

What is not on file is said in the index, so that whoever asks for the file sees what is missing before they do.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date

from msgspec import Struct
from pypdf import PageObject, PdfReader, PdfWriter
from pypdf.generic import IndirectObject

from . import pages

_MARGIN = 40


class Line(Struct, frozen=True, kw_only=True):
    """One credential in the index. `document` names its copy among the papers, counted from one; 0 is none."""

    what: str
    number: str
    issuer: str
    valid: str
    verified: str
    state: str
    document: int = 0


class Paper(Struct, frozen=True, kw_only=True):
    """A copy that goes into the file."""

    title: str
    pdf: bytes


class Dossier(Struct, frozen=True, kw_only=True):
    """All that is printed: who, for which hospital, as of which day."""

    person: str
    facility: str
    practice: str
    on: date
    lines: tuple[Line, ...]
    demanded: tuple[str, ...]
    """How each of the hospital's demands stands, in a sentence."""
    screening: str
    papers: tuple[Paper, ...] = ()


def assemble(dossier: Dossier) -> tuple[bytes, int]:
    """The file and how many pages it has. The same content gives the same bytes. Slow: for the worker."""
    from .pdf import render

    index = render("dossier.html", "print.css", {"dossier": dossier, "first_pages": {}})
    count = len(PdfReader(io.BytesIO(index)).pages)
    firsts = first_pages(dossier.papers, count)
    index = render("dossier.html", "print.css", {"dossier": dossier, "first_pages": firsts})
    writer = PdfWriter()
    fonts = pages.fonts(writer)
    sources = [("", index), *((paper.title, paper.pdf) for paper in dossier.papers)]
    total = sum(len(PdfReader(io.BytesIO(pdf)).pages) for _, pdf in sources)
    for title, pdf in sources:
        for page in PdfReader(io.BytesIO(pdf)).pages:
            _add(writer, fonts, page, f"{dossier.person}, {dossier.facility}", title, total)
    return pages.written(writer, f"{dossier.person}, file for {dossier.facility}"), total


def first_pages(papers: Sequence[Paper], start: int) -> dict[int, int]:
    """On which page each paper begins, after an index of `start` pages."""
    found = {}
    for number, paper in enumerate(papers, 1):
        found[number] = start + 1
        start += len(PdfReader(io.BytesIO(paper.pdf)).pages)
    return found


def _add(writer: PdfWriter, fonts: IndirectObject, page: PageObject, head: str, title: str, total: int) -> None:
    """One page on Letter: the index as it is, a copy made smaller to leave room for its heading."""
    matrix, wide, high = pages.upright(page)
    width, height = pages.LETTER
    room = (width, height) if not title else (width - 2 * _MARGIN, height - 2 * _MARGIN - 20)
    scale = 1.0 if not title else min(room[0] / wide, room[1] / high, 1.0)
    left, bottom = ((width - wide * scale) / 2, _MARGIN if title else 0)
    a, b, c, d, e, f = matrix
    placed = (a * scale, b * scale, c * scale, d * scale, e * scale + left, f * scale + bottom)
    drawn = b"q %s cm /Copy Do Q\n" % pages.numbers(placed).encode()
    foot = f"{head}   Page {len(writer.pages) + 1} of {total}"
    drawn += pages.show(_MARGIN, 22, 8, pages.fitted(foot, 8, width - 2 * _MARGIN))
    if title:
        drawn += pages.show(_MARGIN, height - 30, 11, pages.fitted(title, 11, width - 2 * _MARGIN, "/F2"), "/F2")
    pages.add_page(writer, pages.LETTER, drawn, drawings={"/Copy": pages.form(writer, page)}, fonts=fonts)
