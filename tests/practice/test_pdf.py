"""Reports as pages: the same bytes each time, the patient and the state on each page, and nothing that a note can do."""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, datetime

import msgspec
import pypdf
import pytest

from practice import pdf
from practice.drafting import AddendumFact, Draft, SignatureFact, draft, signable_text
from tests.practice import case_files

LETTERHEAD = pdf.Letterhead(
    name="Larkspur Neuromonitoring, PLLC",
    address_lines=("410 Larkspur Way", "Denver, CO 80203"),
    phone="(303) 555-0142",
)
HOSTILE = (
    "<script>alert(1)</script><img src=http://127.0.0.1:9/x.png><link rel=attachment href=file:///etc/passwd>"
    "{{ 7 * 7 }} </td></table> & \x00 end"
)


def pages(data: bytes) -> list[str]:
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages]


def printed(report: Draft) -> bytes:
    return pdf.report_pdf(report, letterhead=LETTERHEAD)


def signed(name: str) -> Draft:
    facts = case_files.facts(name)
    at = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)
    digest = hashlib.sha256(signable_text(draft(facts)).encode()).hexdigest()
    signers = [
        SignatureFact(name=one.name, credentials="ABPN", at=at, text_sha256=digest) for one in facts.staff.physicians
    ]
    addendum = AddendumFact(text="A later word.", name=signers[0].name, credentials="ABPN", at=at, number=1)
    return draft(facts, signatures=signers, addenda=[addendum])


def test_the_same_report_gives_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    report = draft(case_files.facts("02"))
    first = printed(report)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    assert printed(draft(case_files.folded(case_files.body("02")["case"]))) == first


@pytest.mark.parametrize("name", ["01", "05", "08"])
def test_each_page_names_the_patient_and_its_number_and_says_draft(name: str) -> None:
    patient = case_files.facts(name).header.patient
    found = pages(printed(draft(case_files.facts(name))))
    for number, text in enumerate(found, 1):
        for words in (
            patient.name,
            f"DOB {patient.dob}",
            f"MRN {patient.mrn}",
            "DOS 2026",
            f"Page {number} of {len(found)}",
        ):
            assert words in text
        assert "DRAFT" in text and "SIGNED" not in text
    assert sum(LETTERHEAD.name in text for text in found) == 1 and LETTERHEAD.name in found[0]


def test_a_signed_report_says_signed_on_each_page_and_nowhere_draft() -> None:
    found = pages(printed(signed("05")))
    assert all("SIGNED" in text and "DRAFT" not in text for text in found)
    assert "Electronically signed by Samuel Ortega, MD, ABPN, 2026-09-01 07:00 CDT" in " ".join(
        "\n".join(found).split()
    )
    assert "A later word." in found[-1]


@pytest.mark.parametrize("name", case_files.NAMES)
def test_every_sentence_and_cell_is_on_the_pages(name: str) -> None:
    report = draft(case_files.facts(name))
    shown = "".join("".join(pages(printed(report))).split())
    for section in report.sections:
        for block in section.blocks:
            texts = [cell for row in getattr(block, "rows", ()) for cell in row.cells]
            texts += [one.text for one in getattr(block, "sentences", ())]
            for words in (word for text in texts for word in text.split()):
                assert words in shown


def test_the_outline_holds_the_sections_and_the_title_holds_no_name() -> None:
    reader = pypdf.PdfReader(io.BytesIO(printed(draft(case_files.facts("02")))))
    titles = [item.title for part in reader.outline for item in (part if isinstance(part, list) else [part])]
    assert [title for title in titles if title[0].isdigit()][0] == "1. Indication and procedure"
    assert len([title for title in titles if title[0].isdigit()]) == 12
    assert reader.metadata.title == "Report C-02 revision 11"
    assert "TESTPATIENT" not in " ".join([*titles, *map(str, reader.metadata.values())])


def test_what_people_typed_is_text_and_opens_nothing() -> None:
    case = case_files.body("01")["case"]
    case["events"][0]["text"] = HOSTILE
    case["header"]["indication"] = HOSTILE
    case["header"]["patient"]["name"] = "<b>DOE</b>"
    report = draft(case_files.folded(case))
    reader = pypdf.PdfReader(io.BytesIO(printed(report)))
    text = " ".join("".join(page.extract_text() for page in reader.pages).split())
    assert "<script>alert(1)</script>" in text.replace("\n", "")
    assert "{{ 7 * 7 }}" in text and "<b>DOE</b>" in text
    assert reader.attachments == {}
    html = pdf.report_html(report, letterhead=LETTERHEAD)
    assert "<script" not in html and "<img" not in html and "<b>DOE" not in html


def test_a_note_longer_than_a_page_is_printed_whole() -> None:
    facts = case_files.facts("01")
    note = "word " * 760 + "x" * 180 + " end-of-note"
    events = (msgspec.structs.replace(facts.events[0], text=note), *facts.events[1:])
    text = "\n".join(pages(printed(draft(msgspec.structs.replace(facts, events=events)))))
    assert text.count("word") == 760 and "end-of-note" in text


def test_the_head_of_a_table_stands_again_on_the_next_page() -> None:
    facts = case_files.facts("01")
    events = tuple(msgspec.structs.replace(facts.events[0], id=f"EV{n}", text=f"Event number {n}") for n in range(90))
    found = pages(printed(draft(msgspec.structs.replace(facts, events=events))))
    held = [text for text in found if "Event number" in text]
    assert len(held) >= 3
    assert all("Time\nEvent" in text or "Time Event" in text for text in held)


def test_without_a_font_it_says_so_and_does_not_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    pdf.check_fonts.cache_clear()
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(pdf.NoFonts, match="Install fontconfig"):
        printed(draft(case_files.facts("01")))


def test_every_column_width_of_a_table_has_its_rule_in_the_style_sheet() -> None:
    css = (pdf._ROOT / "static" / "print.css").read_text("utf-8")
    for name in case_files.NAMES:
        for section in draft(case_files.facts(name)).sections:
            for block in section.blocks:
                widths = getattr(block, "widths", ())
                assert not widths or sum(widths) == 100
                assert all(f".w-{width} {{ width: {width}% }}" in css for width in widths)
