"""Paper claims: text on the grid of the red form, set off for one printer, mailed by a person."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest
from msgspec.structs import replace
from pypdf import PdfReader

from models import AuditEntry, Claim, Printer
from tests.practice import made_claims as made
from tests.sent import receiver, released


@pytest.fixture
def bo(client_for, cast):
    return client_for(cast.bo)


def words(pdf: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages]


def test_released_claims_without_a_receiver_are_printed_and_mailed(bo, cast):
    first, second = released(cast, "1", "2")
    assert "ION-2" in bo.get("/paper-claims").text
    answer = bo.get(f"/paper-claims/pdf?claim={first.id}&claim={second.id}&kind=overlay")
    pages = words(answer.data)
    assert answer.mimetype == "application/pdf" and len(pages) == 2
    assert "95940" in pages[0] and "File copy" not in pages[0]
    assert AuditEntry.select().where(AuditEntry.action == "print", AuditEntry.row_id == second.id).exists()
    assert {row.state for row in Claim.select()} == {"released"}
    bo.post("/paper-claims/mailings", data={"claim": [first.id, second.id]})
    assert {row.state for row in Claim.select()} == {"submitted"}
    assert bo.post("/paper-claims/mailings", data={"claim": [first.id]}).status_code == 422


def test_the_file_copy_says_so_on_every_page(bo, cast):
    (row,) = released(cast, "8", lines=made.fifty("8").lines)
    pages = words(bo.get(f"/paper-claims/pdf?claim={row.id}&kind=copy").data)
    assert len(pages) == 9, "six lines a page"
    assert all("File copy - not for submission" in page for page in pages)


def test_what_goes_by_file_is_not_offered_on_paper_but_can_be_printed(bo, cast):
    receiver(cast)
    (row,) = released(cast, "1")
    assert "No paper claim waits" in bo.get("/paper-claims").text
    assert "ION-1" in bo.get(f"/paper-claims?claim={row.id}").text


def test_a_claim_that_does_not_fit_is_refused_in_words(bo, cast):
    (row,) = released(cast, "1", control_number="ION-123456789012345")
    answer = bo.get(f"/paper-claims/pdf?claim={row.id}")
    assert answer.status_code == 422 and "14 characters of box 26" in answer.text


def test_nothing_chosen_and_nothing_known(bo, cast):
    assert bo.get("/paper-claims/pdf").status_code == 422
    assert bo.get("/paper-claims/pdf?claim=999").status_code == 404
    assert bo.get("/paper-claims/pdf?claim=999&printer=4").status_code == 404


def test_a_printer_is_added_set_off_and_removed(bo, cast):
    assert bo.post("/printers", data={"name": "Desk", "right": "1.5", "down": "-2"}).status_code == 303
    row = Printer.get()
    assert (row.right, row.down) == (150, -200)
    assert bo.post("/printers", data={"name": "Desk", "right": "0", "down": "0"}).status_code == 422
    assert "At most an inch" in bo.post(f"/printers/{row.id}", data={"name": "Desk", "right": "100", "down": "0"}).text
    assert "RIGHT 1.5 PT DOWN -2 PT" in words(bo.get(f"/printers/{row.id}/grid").data)[0].replace("  ", " ")
    bo.post(f"/printers/{row.id}/removal")
    assert not Printer.select().exists()


def test_the_nudge_moves_every_word_by_what_the_printer_is_off(bo, cast):
    (claim,) = released(cast, "1")
    printer = Printer.create(name="Desk", right=1000, down=700)

    def places(query: str) -> list[tuple[float, float]]:
        found: list[tuple[float, float]] = []
        page = PdfReader(io.BytesIO(bo.get(f"/paper-claims/pdf?claim={claim.id}{query}").data)).pages[0]
        page.extract_text(
            visitor_text=lambda text, cm, tm, font, size: found.append((tm[4], tm[5])) if text.strip() else None
        )
        return found

    straight, moved = places(""), places(f"&printer={printer.id}")
    assert straight and len(straight) == len(moved)
    assert {(round(b[0] - a[0], 1), round(b[1] - a[1], 1)) for a, b in zip(straight, moved, strict=True)} == {(10, -7)}


def test_printing_is_what_first_loads_the_pdf_library():
    code = "import app, sys; app.create_app(); assert 'pypdf' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_name_of_a_long_place_is_cut_to_its_box(bo, cast):
    long = replace(made.HOSPITAL, name="Example General Hospital and Medical Center of the North")
    (row,) = released(cast, "1", facility=long)
    assert "EXAMPLE GENERAL HOSPITAL A" in words(bo.get(f"/paper-claims/pdf?claim={row.id}").data)[0]
