"""The form: what stands in each box, six lines a page, and what may not be printed."""

from __future__ import annotations

import io
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from pypdf import PdfReader

from practice import cms1500
from practice.cms1500 import CELLS, Nudge, sheets
from tests.practice import made_claims as made


def texts(pdf: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages]


def placed(pdf: bytes) -> list[tuple[str, float, float]]:
    """Each piece of text of the first page with where it stands."""
    found: list[tuple[str, float, float]] = []
    page = PdfReader(io.BytesIO(pdf)).pages[0]
    page.extract_text(visitor_text=lambda text, _, tm, *__: found.append((text.strip(), tm[4], tm[5])))
    return [piece for piece in found if piece[0]]


def test_the_boxes_of_a_plain_claim():
    (sheet,) = sheets(made.claim())
    wanted = {
        "carrier 1": "EXAMPLE HEALTH PLAN", "carrier 3": "EL PASO TX 79998-1000", "1 Group": "X",
        "1a insured id": "XYZ123456789", "2 patient name": "TESTER, PAT, Q", "3 dob mm": "02", "3 dob yyyy": "1960",
        "3 F": "X", "6 self": "X", "5 street": "1 ELM ST", "11 group/FECA": "GRP12345", "10a no": "X", "11d no": "X",
        "17 qual": "DN", "17 name": "SAM SURGEON MD", "17b NPI": "1444444446", "18 from": "03 02 2026",
        "21 ICD ind": "0", "21 A": "M4802", "21 B": "M5412", "23 auth": "AUTH998877", "24.1 A from": "03 02 26",
        "24.1 D code": "95940", "24.2 D mods": "26", "24.1 E ptr": "AB", "24.1 F chg": " 2400 00", "24.1 G units": "8",
        "24.1 J NPI": "1555555550", "25 tin": "741234567", "25 EIN": "X", "26 acct": "ION-1", "27 yes": "X",
        "28 total": " 3900 00", "31 date": "03092026", "32a NPI": "1777777776", "33 phone": "5550100",
        "33 l3": "AUSTIN TX 78701-0001", "33a NPI": "1999999984", "33b": "ZZ2084N0600X", "19 addl": "PWKOBFXACATT-1",
    }  # fmt: skip
    assert {item: sheet.get(item) for item in wanted} == wanted
    assert not {"22 code", "9 other insured", "29 paid", "10a yes", "11a mm"} & set(sheet)


def test_medicare_first_leaves_the_insured_blank_and_says_none():
    (sheet,) = sheets(made.medicare())
    assert sheet["1 Medicare"] == "X" and sheet["11 group/FECA"] == "NONE"
    assert "4 insured name" not in sheet and "11d no" not in sheet


def test_a_dependent_names_the_insured():
    (sheet,) = sheets(made.dependent())
    assert (sheet["2 patient name"], sheet["4 insured name"]) == ("TESTER, KIM", "TESTER, PAT, Q")
    assert sheet["6 child"] == "X" and sheet["11a mm"] == "02" and sheet["11a F"] == "X"


def test_a_second_payer_shows_the_first_and_what_it_paid():
    (sheet,) = sheets(made.secondary())
    assert (sheet["9 other insured"], sheet["9d plan"], sheet["11d yes"]) == ("TESTER, PAT, Q", "FIRST MUTUAL", "X")
    assert sheet["29 paid"] == " 1950 00"


def test_a_corrected_claim_bears_its_code_and_the_payers_number():
    (sheet,) = sheets(made.replacement())
    assert (sheet["22 code"], sheet["22 orig ref"]) == ("7", "PAYERICN001")
    assert sheets(made.void())[0]["22 code"] == "8"


def test_twelve_diagnoses_are_lettered():
    (sheet,) = sheets(made.twelve())
    assert [sheet[f"21 {letter}"] for letter in "ABCDEFGHIJKL"] == list(made.twelve().diagnoses)
    assert sheet["24.1 E ptr"] == "ABKL"


def test_an_injury_at_work_is_marked():
    (sheet,) = sheets(made.accident())
    assert sheet["10a yes"] == "X" and sheet["15 qual"] == "439" and sheet["11b id"] == "WC-2026-77"


@given(st.integers(1, 50))
def test_six_lines_a_page_and_each_page_has_its_own_total(count):
    claim = made.claim(lines=made.fifty().lines[:count], patient_paid_cents=500)
    pages = sheets(claim)
    assert len(pages) == -(-count // 6)
    totals = [int(page["28 total"].replace(" ", "")) for page in pages]
    assert sum(totals) == claim.total_cents
    for number, page in enumerate(pages):
        of_page = claim.lines[number * 6 : number * 6 + 6]
        assert [page[f"24.{n} D code"] for n in range(1, len(of_page) + 1)] == [x.code for x in of_page]
        assert page["26 acct"] == "ION-1" and page["2 patient name"] and page["33a NPI"]
    assert [("29 paid" in page) for page in pages] == [True] + [False] * (len(pages) - 1)


def test_no_cell_reaches_into_another_nor_over_the_edge():
    rows: dict[int, list[tuple[int, int, str]]] = {}
    for item, (line, column, width) in CELLS.items():
        assert column + width - 1 <= 79, item
        rows.setdefault(line, []).append((column, column + width - 1, item))
    for cells in rows.values():
        cells.sort()
        for (_, end, item), (start, _, other) in zip(cells, cells[1:], strict=False):
            assert end < start, (item, other)


@given(
    cents=st.integers(0, 99_999_999),
    name=st.text(max_size=80),
    street=st.text(max_size=80),
    note=st.text(max_size=200),
)
def test_nothing_is_wider_than_its_cell_and_all_is_plain(cents, name, street, note):
    patient = replace(made.PATIENT, last=name, address=replace(made.HOME, line1=street))
    line = replace(made.lines()[0], charge_cents=cents)
    for sheet in sheets(made.claim(patient=patient, note=note, lines=(line,))):
        assert len(sheet["24.1 F chg"]) == 8
        assert sheet["24.1 F chg"].replace(" ", "") == f"{cents // 100}{cents % 100:02d}"
        assert not {".", "$", "'", "#"} & set("".join(sheet.values()))
    assert cms1500.overlay([made.claim(patient=patient, note=note, lines=(line,))]).startswith(b"%PDF")


def test_the_overlay_is_text_alone_at_the_forms_places():
    pdf = cms1500.overlay([made.claim()])
    page = PdfReader(io.BytesIO(pdf)).pages[0]
    drawing = page.get_contents().get_data()
    assert b" re" not in drawing and b" l S" not in drawing and b"/F1" not in drawing
    where = {text: (round(x, 1), round(y, 1)) for text, x, y in placed(pdf)}
    assert where["XYZ123456789"] == (375.6, round(792 - 115.2, 1))
    assert where["TESTER, PAT, Q"][1] == round(792 - 139.2, 1)
    assert "copy" not in texts(pdf)[0].lower()


def test_a_nudge_moves_every_word_by_as_much():
    still, moved = placed(cms1500.overlay([made.claim()])), placed(
        cms1500.overlay([made.claim()], Nudge(right=3.5, down=-2.25))
    )  # fmt: skip
    assert [text for text, _, _ in still] == [text for text, _, _ in moved]
    for (_, x, y), (_, nx, ny) in zip(still, moved, strict=True):
        assert (round(nx - x, 2), round(ny - y, 2)) == (3.5, 2.25)


def test_the_file_copy_says_on_each_page_that_it_is_none_to_submit():
    pages = texts(cms1500.file_copy([made.fifty()]))
    assert len(pages) == 9
    assert all("File copy - not for submission" in page for page in pages)
    assert all(f"page {number} of 9" in page for number, page in enumerate(pages, 1))


def test_the_same_claim_gives_the_same_bytes():
    assert cms1500.file_copy([made.claim()]) == cms1500.file_copy([made.claim()])


def test_the_trial_page_fills_every_cell_and_names_its_nudge():
    (page,) = texts(cms1500.trial(Nudge(right=2)))
    assert "RIGHT 2 PT DOWN 0 PT" in " ".join(page.split()) and page.count("X") > 1000


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"control_number": "A" * 15}, "box 26"),
        ({"lines": (replace(made.lines()[0], charge_cents=100_000_000),)}, "24F"),
        ({"lines": (replace(made.lines()[0], units=1000),)}, "24G"),
    ],
)
def test_what_does_not_fit_the_paper_is_said(changed, why):
    assert not cms1500.objections(made.claim())
    assert why in " ".join(cms1500.objections(made.claim(**changed)))


def test_a_long_note_takes_both_lines_of_box_19():
    (sheet,) = sheets(made.claim(attachments=(), note="Records are sent by mail under separate cover on the same day"))
    assert sheet["19 upper"] == "RECORDS ARE SENT BY"
    assert sheet["19 addl"] == "MAIL UNDER SEPARATE COVER ON THE SAME DAY"


def test_who_ordered_stands_in_box_17_when_nobody_referred():
    lines = tuple(replace(line, ordering=made.SECOND_READER) for line in made.lines())
    (sheet,) = sheets(made.claim(referring=None, lines=lines))
    assert (sheet["17 qual"], sheet["17 name"]) == ("DK", "SUE SECOND")


def test_a_line_over_several_days_shows_both():
    line = replace(made.lines()[0], to_on=date(2026, 3, 3))
    (sheet,) = sheets(made.claim(lines=(line,)))
    assert (sheet["24.1 A from"], sheet["24.1 A to"]) == ("03 02 26", "03 03 26")
