"""An uploaded document becomes a plain PDF of upright pages, or is refused with one clear sentence.

What a file is, its content says, never its name. A PDF is written anew page by page, and only what draws is taken
over: scripts, actions, forms, links, attached files and metadata stay behind (reliability.md sections 1.7 and 4).
A photo is turned upright, stripped of its EXIF data (which may hold a place) and laid on a US Letter page.
Pictures finer than a fax keeps are made smaller, in a PDF too.

`python -m practice.documents IN OUT` does the same in a process of its own, with a quarter turn and a page number
behind it turns that page (0: all of them) of a document that is kept, under limits of memory and CPU time,
so that no upload can take a web process down and no web process has to load pypdf or Pillow.
"""

from __future__ import annotations

import io
import json
import logging
import resource
import signal
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

from msgspec import Struct
from PIL import Image, ImageFile, ImageOps
from pypdf import PageObject, PdfReader, PdfWriter
from pypdf.errors import PyPdfError
from pypdf.generic import DictionaryObject, EncodedStreamObject, NameObject, NumberObject, StreamObject

from .pages import LETTER, Matrix, add_page, box, form, numbers, upright, written

MAX_BYTES = 25_000_000
MAX_PAGES = 200
MAX_PIXELS = 64_000_000
"""A telephone's largest common photo has 50 million; a decompression bomb has billions."""
PHOTO_MARGIN = 18
PHOTO_PIXELS = (1700, 2200)
"""200 dots per inch on Letter, which is what a fax keeps."""
MEMORY_BYTES = 1_000_000_000
CPU_SECONDS = 20


class BadDocument(Exception):
    """The file cannot be taken; `sentence` says why and what to do."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Checked(Struct, frozen=True):
    """A document that may be kept. `media` is what came in: application/pdf, image/jpeg or image/png."""

    pdf: bytes
    pages: int
    media: str


def checked(raw: bytes, *, name: str, limit: int = MAX_BYTES) -> Checked:
    """Rewrite a PDF, JPEG or PNG as a harmless PDF; same bytes in, same bytes out. Raises BadDocument."""
    if not raw:
        raise BadDocument("The file is empty. Choose the file again.")
    if len(raw) > limit:
        raise BadDocument(_too_big(len(raw), limit))
    media = _media(raw, name)
    try:
        pdf, pages = _rewritten(raw) if media == "application/pdf" else (_photo_page(raw), 1)
    except MemoryError as error:
        raise BadDocument("The file needs too much memory to read. Print it to a new PDF and send that.") from error
    return Checked(pdf, pages, media)


def _too_big(size: int, limit: int) -> str:
    return (
        f"The file has {size / 1e6:,.1f} MB; at most {limit / 1e6:,.0f} MB can be kept. "
        "Split it, or scan it in black and white at 200 dpi."
    )


_USE = "Send a PDF, or a photo as JPEG or PNG."
_KNOWN = (
    (b"II*\0", 0, "a TIFF image", "Scan it again as PDF, or save it as PNG."),
    (b"MM\0*", 0, "a TIFF image", "Scan it again as PDF, or save it as PNG."),
    (b"PK\x03\x04", 0, "a Word, Excel or zip file", "Open it and print it to PDF, then send the PDF."),
    (b"\xd0\xcf\x11\xe0", 0, "an old Word or Excel file", "Open it and print it to PDF, then send the PDF."),
    (b"{\\rtf", 0, "a rich text file", "Open it and print it to PDF, then send the PDF."),
    (b"GIF8", 0, "a GIF image", "Save it as PNG, or print it to PDF."),
    (b"WEBP", 8, "a WebP image", "Save it as JPEG or PNG, or print it to PDF."),
    (b"BM", 0, "a BMP image", "Save it as PNG, or print it to PDF."),
)


def _media(raw: bytes, name: str) -> str:
    if raw.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if raw.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if b"%PDF-" in raw[:1024]:
        return "application/pdf"
    if raw[4:8] == b"ftyp":
        if raw[8:12] in (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif"):
            raise BadDocument(
                "This is a HEIC photo, which payers cannot open. On the phone choose Most Compatible as the camera "
                "format, or share the photo as JPEG."
            )
        raise BadDocument(f"This is a video. {_USE}")
    for mark, at, what, advice in _KNOWN:
        if raw[at : at + len(mark)] == mark:
            raise BadDocument(f"This is {what}, which cannot be kept. {advice}")
    kind = Path(name).suffix.lower()
    if kind in (".pdf", ".jpg", ".jpeg", ".png"):
        raise BadDocument(
            f"The file is named {kind} but its content is something else. Open it to see, then export it anew."
        )
    raise BadDocument(f"This kind of file cannot be kept. {_USE}")


# PDF

_BROKEN = (
    PyPdfError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, AssertionError,
    NotImplementedError, RecursionError, OSError, struct.error, zlib.error,
)  # fmt: skip
"""What pypdf raises on files that are broken or meant to break it."""


def _rewritten(raw: bytes) -> tuple[bytes, int]:
    if b"%%EOF" not in raw[-2048:]:
        raise BadDocument("The PDF is cut short: its end is missing. Send it again from where it is whole.")
    try:
        reader = PdfReader(io.BytesIO(raw))
        if reader.is_encrypted and not reader.decrypt(""):
            raise BadDocument("The PDF is locked with a password. Open it, print it to a new PDF, and send that one.")
        count = len(reader.pages)
        if count == 0:
            raise BadDocument("The PDF has no pages. Export it again.")
        if count > MAX_PAGES:
            raise BadDocument(
                f"The PDF has {count:,} pages; at most {MAX_PAGES} can be kept. Send only the pages that matter."
            )
        _refuse_what_would_be_lost(reader)
        writer = PdfWriter()
        for page in reader.pages:
            _add_clean(writer, page)
        _make_smaller(writer)
        return written(writer), count
    except _BROKEN as error:
        raise BadDocument("The PDF is broken and cannot be read. Print it to a new PDF and send that one.") from error


def turned(pdf: bytes, degrees: int, number: int) -> tuple[bytes, int]:
    """A kept document with one page, or all when the number is 0, turned clockwise. Returns it and its pages."""
    writer = PdfWriter()
    pages = PdfReader(io.BytesIO(pdf)).pages
    for at, page in enumerate(pages, 1):
        if number in (0, at):
            page.rotate(degrees)
        _add_clean(writer, page)
    return written(writer), len(pages)


def _make_smaller(writer: PdfWriter) -> None:
    """Give every picture that is finer than a page at 200 dots per inch only as many pixels as a fax keeps."""
    most = PHOTO_PIXELS[0] * PHOTO_PIXELS[1] * 5 // 4
    for held in writer._objects:
        if isinstance(held, EncodedStreamObject) and held.get("/Subtype") == "/Image" and "/Mask" not in held:
            wide, high = int(held.get("/Width", 0)), int(held.get("/Height", 0))
            if most < wide * high <= MAX_PIXELS and (image := _picture(held, (wide, high))):
                short, long = PHOTO_PIXELS
                image.thumbnail((long, short) if wide > high else (short, long), reducing_gap=2.0)
                out = io.BytesIO()
                image.save(out, "JPEG", quality=82, optimize=True)
                held._data = out.getvalue()
                held.decoded_self = None
                held.pop(NameObject("/DecodeParms"), None)
                held[NameObject("/Filter")] = NameObject("/DCTDecode")
                held[NameObject("/Width")], held[NameObject("/Height")] = map(NumberObject, image.size)


def _picture(held: EncodedStreamObject, size: tuple[int, int]) -> Image.Image | None:
    """The pixels of a plain gray or color picture; None for what is better left as it came, such as fax scans."""
    mode = {"/DeviceGray": "L", "/DeviceRGB": "RGB"}.get(str(held.get("/ColorSpace")))
    filters = held.get("/Filter")
    if mode is None or held.get("/BitsPerComponent") != 8:
        return None
    if filters in ("/DCTDecode", ["/DCTDecode"]):
        with Image.open(io.BytesIO(held._data), formats=("JPEG",)) as image:
            image.load()
            return image.copy() if image.mode == mode else None
    if filters in ("/FlateDecode", ["/FlateDecode"]):
        data = held.get_data()
        return Image.frombytes(mode, size, data) if len(data) == size[0] * size[1] * len(mode) else None
    return None


def _refuse_what_would_be_lost(reader: PdfReader) -> None:
    """A form or layer that only its own program shows right would print wrong: better refused than changed."""
    root = reader.root_object
    if _held(root, "/NeedsRendering") or _filled_unseen(reader):
        raise BadDocument(
            "The PDF is a form that only a form program shows in full. Print it to a new PDF and send that one."
        )
    layers = _held(_held(root, "/OCProperties"), "/D")
    if _held(layers, "/OFF") or _held(layers, "/BaseState") == "/OFF":
        raise BadDocument("The PDF has hidden layers. Print it to a new PDF, as it should be seen, and send that one.")


def _held(holder: Any, key: str) -> Any:
    """What a dictionary holds under a key, references followed; None when either is missing."""
    value = holder.get(key) if holder is not None else None
    return value.get_object() if value is not None else None


def _filled_unseen(reader: PdfReader) -> bool:
    """A text field holds words but no drawing of them."""
    notes = (note for page in reader.pages for note in _annotations(page) if _held(note, "/FT") == "/Tx")
    return any(_held(note, "/V") and not _hidden(note) and _appearance(note) is None for note in notes)


def _add_clean(writer: PdfWriter, page: PageObject) -> None:
    """Add the page as it is seen: content, then the appearances of its annotations, upright, from 0, 0."""
    matrix, width, height = upright(page)
    if not (1 <= width <= 14_400 and 1 <= height <= 14_400):
        raise BadDocument("The PDF has a page without a usable size. Print it to a new PDF and send that one.")
    page.get_contents()  # a stream that cannot be decoded is found now and not when the packet is printed
    drawn = {"/P": form(writer, page)}
    content = [f"q {numbers(matrix)} cm /P Do"]
    for note in _annotations(page):
        if appearance := _appearance(note):
            key = f"/A{len(drawn)}"
            drawn[key] = appearance.clone(writer).indirect_reference
            content.append(f"q {numbers(_placed(appearance, note['/Rect']))} cm {key} Do Q")
    add_page(writer, (width, height), " ".join([*content, "Q"]).encode(), drawings=drawn)


def _annotations(page: PageObject) -> list[Any]:
    return [note.get_object() for note in _held(page, "/Annots") or []]


def _hidden(note: Any) -> bool:
    """The flags Hidden and NoView."""
    return bool(int(_held(note, "/F") or 0) & 0b100010)


def _appearance(note: Any) -> Any | None:
    """The stream that draws an annotation as it is now, or None when it is hidden or draws nothing."""
    if _hidden(note) or _held(note, "/Subtype") in ("/Popup", "/Link"):
        return None
    normal = _held(_held(note, "/AP"), "/N")
    if isinstance(normal, DictionaryObject) and not isinstance(normal, StreamObject):
        normal = _held(normal, _held(note, "/AS") or "/Off")
    return normal if isinstance(normal, StreamObject) else None


def _placed(appearance: Any, rectangle: Any) -> Matrix:
    """Where an appearance goes: its transformed box is fitted to the rectangle (ISO 32000 12.5.5)."""
    a, b, c, d, e, f = (float(n) for n in _held(appearance, "/Matrix") or (1, 0, 0, 1, 0, 0))
    x0, y0, x1, y1 = box(appearance["/BBox"])
    corners = [(a * x + c * y + e, b * x + d * y + f) for x in (x0, x1) for y in (y0, y1)]
    left, right = min(x for x, _ in corners), max(x for x, _ in corners)
    low, high = min(y for _, y in corners), max(y for _, y in corners)
    at_left, at_bottom, at_right, at_top = box(rectangle)
    sx = (at_right - at_left) / (right - left) if right > left else 1.0
    sy = (at_top - at_bottom) / (high - low) if high > low else 1.0
    return sx, 0, 0, sy, at_left - left * sx, at_bottom - low * sy


# Photos


def _photo_page(raw: bytes) -> bytes:
    """The photo upright on a Letter page, as wide and high as the margins allow."""
    jpeg, mode, (across, down) = _photo(raw)
    scale = min((LETTER[0] - 2 * PHOTO_MARGIN) / across, (LETTER[1] - 2 * PHOTO_MARGIN) / down, 1.0)
    wide, high = across * scale, down * scale
    image = EncodedStreamObject()
    image._data = jpeg
    for key, value in (
        ("/Type", NameObject("/XObject")),
        ("/Subtype", NameObject("/Image")),
        ("/Width", NumberObject(across)),
        ("/Height", NumberObject(down)),
        ("/ColorSpace", NameObject("/DeviceGray" if mode == "L" else "/DeviceRGB")),
        ("/BitsPerComponent", NumberObject(8)),
        ("/Filter", NameObject("/DCTDecode")),
    ):
        image[NameObject(key)] = value
    writer = PdfWriter()
    place = (wide, 0, 0, high, (LETTER[0] - wide) / 2, LETTER[1] - PHOTO_MARGIN - high)
    content = f"q {numbers(place)} cm /I Do Q".encode()
    add_page(writer, LETTER, content, drawings={"/I": writer._add_object(image)})
    return written(writer)


def _photo(raw: bytes) -> tuple[bytes, str, tuple[int, int]]:
    """The picture as a JPEG of at most 200 dpi on Letter, upright and without its metadata."""
    # weasyprint, where it is loaded, tells Pillow to show half a picture without a word
    tolerant, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
    try:
        with Image.open(io.BytesIO(raw), formats=("JPEG", "PNG")) as image:
            if image.width * image.height > MAX_PIXELS:
                raise BadDocument(
                    f"The picture has {image.width:,} by {image.height:,} pixels; at most {MAX_PIXELS // 1_000_000} "
                    "million can be kept. Save it smaller."
                )
            image.draft("RGB", PHOTO_PIXELS)
            image.load()
            return _as_jpeg(image)
    except Image.DecompressionBombError as error:
        raise BadDocument("The picture has far too many pixels. Save it smaller.") from error
    except (
        OSError,
        SyntaxError,
        ValueError,
        LookupError,
        TypeError,
        ArithmeticError,
        struct.error,
        zlib.error,
    ) as error:
        raise BadDocument("The picture is broken or cut short. Take it again, or save it anew.") from error
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = tolerant


def _as_jpeg(image: Image.Image) -> tuple[bytes, str, tuple[int, int]]:
    if image.mode.startswith("I"):  # 16 bits a pixel, which a plain conversion would turn white
        image = image.convert("I").point(lambda value: value / 256).convert("L")
    image = ImageOps.exif_transpose(image)
    short, long = PHOTO_PIXELS
    if image.mode not in ("L", "RGB"):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    image.thumbnail((long, short) if image.width > image.height else (short, long), reducing_gap=2.0)
    if image.mode == "RGBA":
        paper = Image.new("RGB", image.size, "white")
        paper.paste(image, mask=image.getchannel("A"))
        image = paper
    out = io.BytesIO()
    _bare(image).save(out, "JPEG", quality=82, optimize=True)
    return out.getvalue(), image.mode, image.size


def _bare(image: Image.Image) -> Image.Image:
    """The pixels alone: what else the file carried (place, camera, comments) stays behind."""
    bare = Image.new(image.mode, image.size)
    bare.paste(image)
    return bare


# In a process of its own


def _main(source: str, target: str, *turn: str) -> int:
    """Turn a kept document, or check one file under limits; print its pages and media, or say on stderr why not and return 2."""
    _limit()
    logging.disable()  # pypdf would quote the file's own bytes
    path = Path(source)
    try:
        if turn:
            pdf, pages = turned(path.read_bytes(), *(int(one) for one in turn))
            Path(target).write_bytes(pdf)
            print(json.dumps({"pages": pages}))
            return 0
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise BadDocument(_too_big(size, MAX_BYTES))
        found = checked(path.read_bytes(), name=path.name)
    except BadDocument as error:
        print(error.sentence, file=sys.stderr)
        return 2
    Path(target).write_bytes(found.pdf)
    print(json.dumps({"pages": found.pages, "media": found.media}))
    return 0


def _limit() -> None:
    def give_up(*_: Any) -> None:
        raise BadDocument("The file takes too long to read. Print it to a new PDF and send that one.")

    signal.signal(signal.SIGXCPU, give_up)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 5))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:5]))
