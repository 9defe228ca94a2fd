"""Papers: what is kept, what is refused with nothing stored, and what a wrong one leaves behind."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from PIL import Image
from pypdf import PdfReader, PdfWriter

from actions import Refused, documents
from models import SETTINGS, AuditEntry, Document, Withdrawal
from tests.cast import NOW, actor, book


def pdf(pages: int = 1) -> bytes:
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(612, 792)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def photo(kind: str = "JPEG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (400, 300), "white").save(out, kind)
    return out.getvalue()


def send(client, case, raw: bytes, name: str = "order.pdf", **given):
    data = {"kind": "order", "title": "", "file": (io.BytesIO(raw), name), **given}
    return client.post(f"/cases/{case.id}/documents", data=data, content_type="multipart/form-data")


def files() -> list[Path]:
    return [path for path in SETTINGS.documents.glob("*/*") if path.is_file()]


@pytest.fixture(autouse=True)
def _empty_folder():
    for path in files():
        path.unlink()


@pytest.mark.parametrize(
    ("raw", "name", "pages"), [(pdf(3), "order.pdf", 3), (photo(), "x.jpg", 1), (photo("PNG"), "x.png", 1)]
)
def test_an_order_is_kept_as_a_plain_pdf(client_for, cast, raw, name, pages):
    case = book(cast)
    tess = client_for(cast.tess)
    assert send(tess, case, raw, name).status_code == 303
    document = Document.get()
    assert (document.kind, document.title, document.pages, document.added_by) == (
        "order",
        "Order for monitoring",
        pages,
        cast.tess.id,
    )
    assert files() == [documents.path(document)]
    answer = tess.get(f"/documents/{document.id}")
    assert len(PdfReader(io.BytesIO(answer.data)).pages) == pages
    assert answer.headers["Content-Security-Policy"] == "sandbox"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="document-{document.id}.pdf"'
    assert AuditEntry.select().order_by(AuditEntry.seq.desc()).get().noun == "document"


BAD = {
    "empty": b"",
    "text": b"just words",
    "named pdf": b"not a pdf at all",
    "cut short": pdf()[:200],
    "html": b"<html><script>alert(1)</script>",
    "word": b"PK\x03\x04 word/document.xml",
    "heic": b"\0\0\0\x18ftypheic" + b"\0" * 40,
    "half a photo": photo()[:150],
    "bomb": b"%PDF-1.7\n" + b"1 0 obj<</Type/Catalog/Pages 1 0 R>>endobj\n%%EOF",
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_file_is_refused_with_a_sentence_and_nothing_is_stored(client_for, cast, what):
    case = book(cast)
    answer = send(client_for(cast.tess), case, BAD[what], "../../etc/order.pdf", title="Kept title")
    assert answer.status_code == 422
    page = answer.get_data(as_text=True)
    assert 'class="error"' in page
    assert "Kept title" in page
    assert not Document.select().exists()
    assert files() == []
    assert not list(SETTINGS.data.glob("upload-*"))


def test_a_file_that_is_too_large_is_refused(client_for, cast):
    case = book(cast)
    answer = send(client_for(cast.tess), case, b"%PDF-1.7" + b"0" * (SETTINGS.max_upload_mb * 1024 * 1024 + 1))
    assert answer.status_code == 413
    assert "too large" in answer.get_data(as_text=True)
    assert files() == []


def test_no_file_and_no_kind_are_said_beside_the_field(client_for, cast):
    case = book(cast)
    tess = client_for(cast.tess)
    answer = tess.post(f"/cases/{case.id}/documents", data={"kind": "order"})
    assert answer.status_code == 422
    assert "Choose a PDF or a photo." in answer.get_data(as_text=True)
    assert send(tess, case, pdf(), kind="report").status_code == 422
    assert not Document.select().exists()


def test_strangers_neither_see_nor_send_papers(client_for, cast):
    case = book(cast)
    send(client_for(cast.tess), case, pdf())
    document = Document.get()
    stan = client_for(cast.stan)
    assert stan.get(f"/documents/{document.id}").status_code == 404
    assert send(stan, case, pdf()).status_code == 404
    assert stan.post(f"/documents/{document.id}/withdrawal").status_code == 404
    assert stan.get("/documents/9223372036854775808").status_code == 404
    assert Document.select().count() == 1


def test_a_withdrawn_document_is_kept_and_no_longer_listed(client_for, cast):
    case = book(cast)
    tess = client_for(cast.tess)
    send(tess, case, pdf(), title="Wrong patient's order")
    document = Document.get()
    assert "order" in tess.get(f"/cases/{case.id}/documents").get_data(as_text=True).lower()
    assert tess.post(f"/documents/{document.id}/withdrawal").status_code == 303
    assert documents.of_case(case) == []
    assert documents.read(document)
    assert Withdrawal.get().by == cast.tess.id
    assert tess.post(f"/documents/{document.id}/withdrawal").status_code == 422


def test_what_was_made_here_cannot_be_withdrawn(cast):
    case = book(cast)
    made = documents.store(pdf(), case=case, kind="report", title="Signed report", pages=1, by=actor(None), now=NOW)
    with pytest.raises(Refused):
        documents.withdraw(made, by=actor(cast.olive), now=NOW)


def test_the_same_bytes_are_kept_once(cast):
    case = book(cast)
    for _ in range(2):
        documents.store(pdf(), case=case, kind="other", title="x", pages=1, by=actor(cast.tess), now=NOW)
    assert Document.select().count() == 2
    assert len(files()) == 1


def test_a_damaged_file_is_not_served(client_for, cast):
    case = book(cast)
    send(client_for(cast.tess), case, pdf())
    document = Document.get()
    documents.path(document).write_bytes(b"%PDF-1.7 something else")
    answer = client_for(cast.tess).get(f"/documents/{document.id}")
    assert answer.status_code == 422
    assert "damaged" in answer.get_data(as_text=True)


def test_the_sweep_takes_orphans_and_half_files_and_leaves_the_rest(cast):
    case = book(cast)
    kept = documents.store(pdf(1), case=case, kind="other", title="x", pages=1, by=actor(cast.tess), now=NOW)
    orphan = documents.put(pdf(2))
    half = documents.path(kept).with_name("abc.part")
    half.write_bytes(b"half")
    fresh = documents.put(pdf(3))
    old = (NOW - documents.ORPHAN_AFTER * 2).timestamp()
    for path in files():
        if path.stem != fresh:
            os.utime(path, (old, old))
    os.utime(documents._place(fresh, ".pdf"), (NOW.timestamp(), NOW.timestamp()))
    assert documents.sweep(now=NOW) == 2
    assert {path.stem for path in files()} == {kept.sha256, fresh}
    assert orphan not in {path.stem for path in files()}


def test_a_sideways_page_is_turned_by_hand_and_the_one_before_stays_on_file(client_for, cast):
    case, tess = book(cast), client_for(cast.tess)
    send(tess, case, pdf(2))
    first = Document.get()
    page = tess.get(f"/documents/{first.id}/turning").get_data(as_text=True)
    assert "page 2" in page
    assert tess.post(f"/documents/{first.id}/turning", data={"degrees": "90", "page": "3"}).status_code == 422
    assert tess.post(f"/documents/{first.id}/turning", data={"degrees": "90", "page": "2"}).status_code == 303
    (kept,) = documents.of_case(case)
    assert (kept.title, kept.kind, kept.made_from) == (first.title, first.kind, f"document:{first.id}")
    widths = [float(one.mediabox.width) for one in PdfReader(io.BytesIO(documents.read(kept))).pages]
    assert widths == [612.0, 792.0]
    assert documents.read(first)
    assert tess.post(f"/documents/{first.id}/turning", data={"degrees": "90", "page": "0"}).status_code == 422
    assert client_for(cast.stan).get(f"/documents/{kept.id}/turning").status_code == 404
