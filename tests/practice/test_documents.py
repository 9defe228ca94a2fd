"""Uploads: what may be kept becomes a harmless PDF, everything else is refused with one sentence."""

import io
import json
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from PIL import Image
from pypdf import PdfReader, PdfWriter
from pypdf.generic import (
    ArrayObject,
    DecodedStreamObject,
    DictionaryObject,
    NameObject,
    NumberObject,
    RectangleObject,
    TextStringObject,
)

from practice import documents
from practice.documents import MAX_BYTES, BadDocument, checked
from practice.pages import add_page, fonts, show

ROOT = Path(__file__).parents[2]


def pdf(pages: int = 1, text: str = "Order for monitoring", change=lambda writer: None) -> bytes:
    writer = PdfWriter()
    held = fonts(writer)
    for number in range(1, pages + 1):
        add_page(writer, (612, 792), show(72, 700, 12, f"{text} {number}"), drawings={}, fonts=held)
    change(writer)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def photo(kind: str = "JPEG", size=(300, 200), mode: str = "RGB", color=200, **options) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, color).save(out, kind, **options)
    return out.getvalue()


def png_claiming(width: int, height: int) -> bytes:
    head = b"IHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    chunk = len(head[4:]).to_bytes(4, "big") + head + zlib.crc32(head).to_bytes(4, "big")
    return b"\x89PNG\r\n\x1a\n" + chunk + b"\0\0\0\0IDAT" + zlib.crc32(b"IDAT").to_bytes(4, "big")


def locked(writer: PdfWriter) -> None:
    writer.encrypt("secret", "other", algorithm="AES-256")


def bomb(writer: PdfWriter) -> None:
    stream = DecodedStreamObject()
    stream.set_data(b" " * 90_000_000)
    writer.pages[0][NameObject("/Contents")] = writer._add_object(stream.flate_encode())


def unsized(writer: PdfWriter) -> None:
    writer.pages[0][NameObject("/MediaBox")] = RectangleObject((0, 0, 0, 0))
    writer.pages[0][NameObject("/CropBox")] = RectangleObject((0, 0, 0, 0))


def dynamic_form(writer: PdfWriter) -> None:
    writer.root_object[NameObject("/NeedsRendering")] = NumberObject(1)


def field(writer: PdfWriter, value: str | None = None, drawn: str | None = None) -> None:
    note = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Annot"),
            NameObject("/Subtype"): NameObject("/Widget"),
            NameObject("/FT"): NameObject("/Tx"),
            NameObject("/T"): TextStringObject("name"),
            NameObject("/Rect"): RectangleObject((100, 500, 300, 520)),
        }
    )
    if value:
        note[NameObject("/V")] = TextStringObject(value)
    if drawn:
        look = DecodedStreamObject()
        look.set_data(show(2, 4, 10, drawn))
        look[NameObject("/Subtype")] = NameObject("/Form")
        look[NameObject("/BBox")] = RectangleObject((0, 0, 200, 20))
        look[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts(writer)})
        note[NameObject("/AP")] = DictionaryObject({NameObject("/N"): writer._add_object(look)})
    writer.pages[0][NameObject("/Annots")] = ArrayObject([writer._add_object(note)])


def hidden_layer(writer: PdfWriter) -> None:
    layer = writer._add_object(DictionaryObject({NameObject("/Type"): NameObject("/OCG")}))
    shown = DictionaryObject({NameObject("/OFF"): ArrayObject([layer])})
    writer.root_object[NameObject("/OCProperties")] = DictionaryObject({NameObject("/D"): shown})


def no_pages(writer: PdfWriter) -> None:
    writer.remove_page(0)


WHOLE = pdf(3)
BAD = {
    "empty": (b"", "a.pdf", "empty"),
    "too big": (b"%PDF-" + b"x" * MAX_BYTES, "a.pdf", "at most 25 MB"),
    "text named pdf": (b"Dear Sir, please find", "a.pdf", "named .pdf"),
    "page of HTML named jpg": (b"<html><script>alert(1)</script>", "a.jpg", "named .jpg"),
    "program": (b"MZ\x90\0\3", "setup.exe", "cannot be kept"),
    "truncated": (WHOLE[: len(WHOLE) // 2], "a.pdf", "cut short"),
    "header alone": (b"%PDF-1.7\n%%EOF", "a.pdf", "broken"),
    "garbled": (b"%PDF-1.7\n" + bytes(range(256)) * 20 + b"\nstartxref\n7\n%%EOF", "a.pdf", "broken"),
    "trailer without pages": (b"%PDF-1.7\ntrailer <</Root 1 0 R>>\nstartxref\n9\n%%EOF", "a.pdf", "broken"),
    "endless page tree": (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Count 1/Kids[2 0 R]>>endobj\ntrailer<</Root 1 0 R/Size 3>>\nstartxref\n0\n%%EOF",
        "a.pdf",
        "PDF",
    ),
    "password": (pdf(change=locked), "a.pdf", "password"),
    "no pages": (pdf(change=no_pages), "a.pdf", "no pages"),
    "201 pages": (pdf(201), "a.pdf", "at most 200"),
    "stream that unpacks to 90 MB": (pdf(change=bomb), "a.pdf", "broken"),
    "page without size": (pdf(change=unsized), "a.pdf", "usable size"),
    "form without its look": (pdf(change=dynamic_form), "a.pdf", "form"),
    "field filled but not drawn": (pdf(change=lambda w: field(w, "Ann")), "a.pdf", "form"),
    "hidden layer": (pdf(change=hidden_layer), "a.pdf", "layers"),
    "HEIC": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a.heic", "HEIC"),
    "video": (b"\0\0\0\x18ftypmp42\0\0\0\0", "a.mp4", "video"),
    "TIFF": (photo("TIFF"), "fax.tif", "TIFF"),
    "docx": (b"PK\x03\x04\x14\0\6\0", "order.docx", "Word"),
    "docx named pdf": (b"PK\x03\x04\x14\0\6\0", "order.pdf", "print it to PDF"),
    "old doc": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "order.doc", "Word"),
    "GIF": (photo("GIF", mode="L"), "a.gif", "GIF"),
    "WebP": (b"RIFF\x10\0\0\0WEBPVP8 ", "a.webp", "WebP"),
    "JPEG cut short": (photo()[:-200], "a.jpg", "broken or cut short"),
    "JPEG of rubbish": (b"\xff\xd8\xff\xe0" + b"rubbish" * 50, "a.jpg", "broken or cut short"),
    "PNG without pixels": (png_claiming(100, 100), "a.png", "broken or cut short"),
    "PNG bomb": (png_claiming(60_000, 60_000), "a.png", "pixels"),
    "PNG past 64 million pixels": (png_claiming(9_000, 9_000), "a.png", "pixels"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_file_is_refused_with_one_sentence(what):
    raw, name, said = BAD[what]
    with pytest.raises(BadDocument) as refused:
        checked(raw, name=name)
    assert said in refused.value.sentence
    assert refused.value.sentence.endswith(".")


def test_the_limit_is_an_argument():
    with pytest.raises(BadDocument, match=r"0\.0 MB"):
        checked(pdf(), name="a.pdf", limit=100)


def test_a_pdf_keeps_its_pages_and_text():
    found = checked(WHOLE, name="order.pdf")
    assert (found.pages, found.media) == (3, "application/pdf")
    assert "Order for monitoring 3" in PdfReader(io.BytesIO(found.pdf)).pages[2].extract_text()


def test_a_pdf_named_jpg_is_a_pdf():
    assert checked(pdf(), name="order.jpg").media == "application/pdf"


def test_a_pdf_locked_only_for_editing_is_taken():
    raw = pdf(change=lambda writer: writer.encrypt("", "owner", algorithm="AES-256"))
    assert "Order" in PdfReader(io.BytesIO(checked(raw, name="a.pdf").pdf)).pages[0].extract_text()


def armed(writer: PdfWriter) -> None:
    script = DictionaryObject(
        {NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): TextStringObject("app.alert(1)")}
    )
    writer.root_object[NameObject("/AA")] = DictionaryObject({NameObject("/WC"): script})
    writer.add_attachment("evil.exe", b"MZ")
    writer.add_uri(0, "http://evil.example/", RectangleObject((0, 0, 100, 100)))
    launch = DictionaryObject({NameObject("/S"): NameObject("/Launch"), NameObject("/F"): TextStringObject("cmd.exe")})
    writer.root_object[NameObject("/OpenAction")] = launch
    writer.pages[0][NameObject("/AA")] = DictionaryObject({NameObject("/O"): launch})
    writer.add_metadata({"/Author": "Ann Patient"})


def test_scripts_actions_links_files_and_metadata_stay_behind():
    raw = pdf(change=armed)
    assert b"/Launch" in raw and b"/JavaScript" in raw and b"/EmbeddedFile" in raw
    clean = checked(raw, name="a.pdf").pdf
    for word in (
        b"/JS",
        b"/JavaScript",
        b"/Launch",
        b"/EmbeddedFile",
        b"/OpenAction",
        b"/AA",
        b"/Annots",
        b"/URI",
        b"evil",
        b"Ann",
    ):
        assert word not in clean


def test_a_filled_field_is_printed_and_no_longer_a_field():
    clean = checked(pdf(change=lambda w: field(w, "Ann", "Ann Example")), name="a.pdf").pdf
    assert "Ann Example" in PdfReader(io.BytesIO(clean)).pages[0].extract_text()
    assert b"/AcroForm" not in clean and b"/Widget" not in clean


def test_a_note_typed_on_the_page_is_printed():
    def noted(writer):
        field(writer, None, "Consent given by mother")
        writer.pages[0]["/Annots"][0].get_object()[NameObject("/Subtype")] = NameObject("/FreeText")

    assert (
        "Consent given" in PdfReader(io.BytesIO(checked(pdf(change=noted), name="a.pdf").pdf)).pages[0].extract_text()
    )


def test_a_turned_page_stands_upright():
    clean = checked(pdf(change=lambda writer: writer.pages[0].rotate(90)), name="a.pdf").pdf
    page = PdfReader(io.BytesIO(clean)).pages[0]
    assert (page.rotation, float(page.mediabox.width), float(page.mediabox.height)) == (0, 792, 612)


def test_same_file_same_bytes():
    assert checked(WHOLE, name="a.pdf") == checked(WHOLE, name="b.pdf")
    assert checked(photo(), name="a.jpg") == checked(photo(), name="b.jpg")


@pytest.mark.parametrize(
    ("kind", "mode", "color"),
    [
        ("JPEG", "RGB", 9),
        ("JPEG", "L", 9),
        ("JPEG", "CMYK", 9),
        ("PNG", "RGBA", (1, 2, 3, 0)),
        ("PNG", "P", 3),
        ("PNG", "1", 1),
        ("PNG", "LA", (9, 0)),
        ("PNG", "I;16", 40_000),
    ],
)
def test_every_common_kind_of_photo_becomes_one_letter_page(kind, mode, color):
    found = checked(photo(kind, mode=mode, color=color), name="x")
    page = PdfReader(io.BytesIO(found.pdf)).pages[0]
    assert (found.pages, float(page.mediabox.width), float(page.mediabox.height)) == (1, 612, 792)
    assert len(page.images) == 1


def test_what_is_transparent_prints_white_and_sixteen_bits_keep_their_gray():
    clear = (
        PdfReader(io.BytesIO(checked(photo("PNG", mode="RGBA", color=(1, 2, 3, 0)), name="x").pdf))
        .pages[0]
        .images[0]
        .image
    )
    gray = (
        PdfReader(io.BytesIO(checked(photo("PNG", mode="I;16", color=32_768), name="x").pdf)).pages[0].images[0].image
    )
    assert min(clear.convert("L").getextrema()) > 250
    assert abs(gray.convert("L").getextrema()[0] - 128) < 4


def test_a_phone_photo_is_turned_upright_made_smaller_and_says_no_more_where_it_was_taken():
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "SecretPhone"
    exif.get_ifd(0x8825)[1] = "N"
    found = checked(photo(size=(4000, 3000), exif=exif.tobytes()), name="x.jpg")
    image = PdfReader(io.BytesIO(found.pdf)).pages[0].images[0].image
    assert image.size == (1650, 2200)
    assert b"SecretPhone" not in found.pdf and b"Exif" not in found.pdf


def run(tmp_path: Path, raw: bytes) -> subprocess.CompletedProcess[str]:
    (tmp_path / "in.pdf").write_bytes(raw)
    command = [sys.executable, "-m", "practice.documents", str(tmp_path / "in.pdf"), str(tmp_path / "out.pdf")]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)


def test_the_command_writes_the_pdf_and_says_what_it_is(tmp_path):
    done = run(tmp_path, WHOLE)
    assert (done.returncode, json.loads(done.stdout)) == (0, {"pages": 3, "media": "application/pdf"})
    assert len(PdfReader(tmp_path / "out.pdf").pages) == 3


def test_the_command_refuses_with_the_sentence_and_writes_nothing(tmp_path):
    done = run(tmp_path, BAD["truncated"][0])
    assert done.returncode == 2
    assert done.stderr == "The PDF is cut short: its end is missing. Send it again from where it is whole.\n"
    assert not (tmp_path / "out.pdf").exists()


def test_the_command_refuses_a_file_of_200_mb_without_reading_it(tmp_path):
    with (tmp_path / "in.pdf").open("wb") as file:
        file.write(b"%PDF-1.7")
        file.truncate(200_000_000)
    command = [sys.executable, "-m", "practice.documents", str(tmp_path / "in.pdf"), str(tmp_path / "out.pdf")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert (done.returncode, "at most 25 MB" in done.stderr) == (2, True)


def test_a_scan_finer_than_a_fax_keeps_is_made_smaller_and_a_fine_one_is_left():
    large, small = (scan_of(size) for size in ((3400, 4400), (1700, 2200)))
    made = checked(large, name="scan.pdf")
    assert len(made.pdf) < len(large) / 2
    (image,) = PdfReader(io.BytesIO(made.pdf)).pages[0].images
    assert image.image.size == (1700, 2200)
    (image,) = PdfReader(io.BytesIO(checked(small, name="scan.pdf").pdf)).pages[0].images
    assert image.image.size == (1700, 2200)


def scan_of(size: tuple[int, int]) -> bytes:
    """One page that is one picture, as a scanner writes it."""
    out = io.BytesIO()
    Image.effect_noise(size, 30).convert("RGB").save(out, "PDF", resolution=size[0] / 8.5)
    return out.getvalue()


def test_one_page_is_turned_and_the_others_stay():
    pdf = checked(two_pages(), name="scan.pdf").pdf
    made, pages = documents.turned(pdf, 90, 2)
    sizes = [(float(page.mediabox.width), float(page.mediabox.height)) for page in PdfReader(io.BytesIO(made)).pages]
    assert (pages, sizes) == (2, [(612.0, 792.0), (792.0, 612.0)])
    again, _ = documents.turned(made, 270, 2)
    assert [float(page.mediabox.width) for page in PdfReader(io.BytesIO(again)).pages] == [612.0, 612.0]
    assert documents.turned(pdf, 180, 0)[1] == 2


def two_pages() -> bytes:
    writer = PdfWriter()
    for _ in range(2):
        writer.add_blank_page(612, 792)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()
