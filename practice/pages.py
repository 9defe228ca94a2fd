"""Take the pages of PDFs apart and put them on new pages, with text drawn beside them.

A page's drawing becomes a form XObject: its streams are carried over as they are, its names and graphics state
cannot leak into what surrounds it, and nothing else of the page (links, forms, scripts) comes along.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Mapping
from typing import Any

from pypdf import PageObject, PdfWriter
from pypdf._codecs.core_font_metrics import CORE_FONT_METRICS
from pypdf.generic import (
    DecodedStreamObject,
    DictionaryObject,
    EncodedStreamObject,
    IndirectObject,
    NameObject,
    RectangleObject,
    StreamObject,
)

LETTER = (612, 792)
Matrix = tuple[float, float, float, float, float, float]

_WIDTHS = {
    "/F1": CORE_FONT_METRICS["Helvetica"].character_widths,
    "/F2": CORE_FONT_METRICS["Helvetica-Bold"].character_widths,
}
_NOT_DRAWING = (
    "/AF", "/Alternates", "/F", "/FDecodeParms", "/FFilter", "/Metadata", "/OPI", "/PieceInfo", "/PS", "/Ref",
    "/StructParent", "/StructParents",
)  # fmt: skip
"""Keys of a stream that name files, scripts or structure, none of which the page needs to be seen."""


def upright(page: PageObject) -> tuple[Matrix, float, float]:
    """The matrix that takes the page's visible box to 0, 0 with its rotation applied, and the size it then has."""
    x0, y0, x1, y1 = _box(page)
    turn = page.rotation % 360
    if turn == 90:
        return (0, -1, 1, 0, -y0, x1), y1 - y0, x1 - x0
    if turn == 180:
        return (-1, 0, 0, -1, x1, y1), x1 - x0, y1 - y0
    if turn == 270:
        return (0, 1, -1, 0, y1, -x0), y1 - y0, x1 - x0
    return (1, 0, 0, 1, -x0, -y0), x1 - x0, y1 - y0


def _box(page: PageObject) -> tuple[float, float, float, float]:
    crop, media = page.cropbox, page.mediabox
    return (
        max(float(crop.left), float(media.left)),
        max(float(crop.bottom), float(media.bottom)),
        min(float(crop.right), float(media.right)),
        min(float(crop.top), float(media.top)),
    )


def form(writer: PdfWriter, page: PageObject) -> IndirectObject:
    """The page's drawing as a form XObject of `writer`, clipped to the visible box."""
    content = page.get("/Contents")
    content = content.get_object() if content is not None else None
    made: StreamObject
    if isinstance(content, EncodedStreamObject):
        made = EncodedStreamObject()
        made._data = content._data
        for key in ("/Filter", "/DecodeParms"):
            if key in content:
                made[NameObject(key)] = content[key].clone(writer)
    else:
        whole = page.get_contents()
        decoded = DecodedStreamObject()
        decoded.set_data(whole.get_data() if whole else b"")
        made = decoded.flate_encode()
    made[NameObject("/Type")] = NameObject("/XObject")
    made[NameObject("/Subtype")] = NameObject("/Form")
    made[NameObject("/BBox")] = RectangleObject(_box(page))
    resources = page.get("/Resources")
    made[NameObject("/Resources")] = (
        resources.get_object().clone(writer) if resources is not None else DictionaryObject()
    )
    if (group := page.get("/Group")) is not None:
        made[NameObject("/Group")] = group.get_object().clone(writer)
    return writer._add_object(made)


def add_page(
    writer: PdfWriter,
    size: tuple[float, float],
    content: bytes,
    *,
    drawings: Mapping[str, IndirectObject],
    fonts: IndirectObject | None = None,
) -> PageObject:
    """Add a page of this size that shows `content`, which may call the drawings by name and Helvetica as /F1, /F2."""
    page = writer.add_blank_page(*size)
    stream = DecodedStreamObject()
    stream.set_data(content)
    page[NameObject("/Contents")] = writer._add_object(stream.flate_encode())
    resources = DictionaryObject()
    resources[NameObject("/XObject")] = DictionaryObject({NameObject(name): ref for name, ref in drawings.items()})
    if fonts is not None:
        resources[NameObject("/Font")] = fonts
    page[NameObject("/Resources")] = resources
    return page


def fonts(writer: PdfWriter) -> IndirectObject:
    """Helvetica as /F1 and its bold as /F2, which every reader of PDF has."""
    made = DictionaryObject()
    for name, base in (("/F1", "/Helvetica"), ("/F2", "/Helvetica-Bold")):
        made[NameObject(name)] = writer._add_object(
            DictionaryObject(
                {
                    NameObject("/Type"): NameObject("/Font"),
                    NameObject("/Subtype"): NameObject("/Type1"),
                    NameObject("/BaseFont"): NameObject(base),
                    NameObject("/Encoding"): NameObject("/WinAnsiEncoding"),
                }
            )
        )
    return writer._add_object(made)


def show(x: float, y: float, size: float, words: str, font: str = "/F1") -> bytes:
    """The operators that write one line of text at a point."""
    raw = latin(words).encode("cp1252", "replace")
    for special in (b"\\", b"(", b")"):
        raw = raw.replace(special, b"\\" + special)
    return b"BT %s %g Tf 1 0 0 1 %.2f %.2f Tm (%s) Tj ET\n" % (font.encode(), size, x, y, raw)


_SPELLED = {
    "Ł": "L",
    "ł": "l",
    "Đ": "D",
    "đ": "d",
    "ı": "i",
    "≥": ">=",
    "≤": "<=",
    "−": "-",
    "\u2011": "-",
    "→": "->",
    "Δ": "delta ",
    "Ω": "ohm",
}


def latin(words: str) -> str:
    """The text in the letters of Windows Latin-1: accents unknown to it are dropped, other signs become '?'."""
    words = " ".join(words.split())
    if words.isascii():
        return "".join(filter(str.isprintable, words))
    made = []
    for sign in words:
        try:
            sign.encode("cp1252")
            made.append(sign)
        except UnicodeEncodeError:
            plain = "".join(part for part in unicodedata.normalize("NFKD", sign) if not unicodedata.combining(part))
            made.append(_SPELLED.get(sign) or plain.encode("cp1252", "replace").decode("cp1252"))
    return "".join(sign for sign in "".join(made) if sign.isprintable())


def spells(words: str) -> bool:
    """Whether `latin` keeps every sign of the text, or spells it out."""
    return "?" not in latin(words.replace("?", ""))


def width(words: str, size: float, font: str = "/F1") -> float:
    """How wide a line is, in points."""
    widths = _WIDTHS[font]
    return sum(widths.get(sign, 556) for sign in words) * size / 1000


def fitted(words: str, size: float, room: float, font: str = "/F1") -> str:
    """The line in Latin letters, or as much of its beginning as the room holds, ending in '...'."""
    words = latin(words)
    if width(words, size, font) <= room:
        return words
    while words and width(words + "...", size, font) > room:
        words = words[:-1]
    return words.rstrip() + "..."


def numbers(matrix: Matrix) -> str:
    return " ".join(f"{n:.5f}".rstrip("0").rstrip(".") for n in matrix)


def written(writer: PdfWriter, title: str | None = None) -> bytes:
    """The finished file: no times, no random ids, and of metadata the title alone."""
    writer.metadata = {"/Title": title} if title else None
    writer.pdf_header = "%PDF-1.7"
    for held in writer._objects:
        if isinstance(held, StreamObject):
            for key in _NOT_DRAWING:
                held.pop(NameObject(key), None)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def box(values: Any) -> tuple[float, float, float, float]:
    """Left, bottom, right and top of a rectangle that may be written from any corner."""
    x0, y0, x1, y1 = (float(n) for n in values)
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)
