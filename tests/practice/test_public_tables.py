"""Public files as CMS ships them: columns found by name, one wrong row refuses the whole, no words of the AMA are kept."""

from __future__ import annotations

from datetime import date

import pytest

from practice import public_tables
from practice.edits import next_edition
from practice.public_tables import BadTable, told_day
from tests.practice.made_tables import (
    AOC_HEAD,
    AOC_ROWS,
    ICD_ROWS,
    MUE,
    PTP_HEAD,
    PTP_ROWS,
    RVU,
    icd_order,
    source,
    spreadsheet,
    zipped,
)


def test_pairs_are_read_under_a_header_of_several_lines_and_only_ours_are_kept():
    table = public_tables.read("ptp", [source("ccipra-v322r0.txt", PTP_HEAD + PTP_ROWS)])
    assert table.rows == [
        ("95938", "95925", "0", "2012-01-01", None), ("95861", "95870", "1", "2013-01-01", None),
        ("95863", "95869", "1", "2013-01-01", "2024-06-30"), ("22551", "95940", "0", "2013-01-01", None),
    ]  # fmt: skip
    assert (table.read, table.from_on) == (5, date(2026, 7, 1))


def test_parts_of_one_edition_are_read_as_one_and_a_missing_part_refuses_all():
    lines = PTP_ROWS.splitlines(keepends=True)
    parts = [zipped(f"ccipra-v322r0-f{n}.zip", (f"ccipra-v322r0-f{n}.TXT", PTP_HEAD + lines[n - 1])) for n in (1, 2, 3)]
    assert len(public_tables.read("ptp", parts).rows) == 3
    for lacking in (parts[1:], [parts[0], parts[2]], parts[:1]):
        for _, file in lacking:
            file.seek(0)
        with pytest.raises(BadTable, match="f1 to f4"):
            public_tables.read("ptp", lacking)


def test_the_file_of_hospitals_is_not_taken_for_the_one_of_practitioners():
    with pytest.raises(BadTable, match="practitioner file"):
        public_tables.read("ptp", [source("ccioph-v322r0-f1.txt", PTP_HEAD + PTP_ROWS)])
    hospital = MUE.replace("Practitioner Services", "Outpatient Hospital Services")
    with pytest.raises(BadTable, match="units of practitioners"):
        public_tables.read("mue", [source("mue.csv", hospital)])


@pytest.mark.parametrize("wrong, said", [
    ("9593\t95925\t \t20120101\t*\t0\tx\r\n", "“9593” is not a code"),
    ("95938\t95925\t \t20121301\t*\t0\tx\r\n", "“20121301” is not a day"),
    ("95938\t95925\t \t*\t*\t0\tx\r\n", "from which it holds"),
    ("95938\t95925\t \t20120101\t*\t2\tx\r\n", "it must be 0, 1 or 9"),
    ("95938\t95925\r\n", "too short"),
])  # fmt: skip
def test_one_wrong_pair_refuses_the_file_and_names_its_line(wrong, said):
    with pytest.raises(BadTable, match=said) as bad:
        public_tables.read("ptp", [source("ccipra-v322r0.txt", PTP_HEAD + PTP_ROWS + wrong)])
    assert ", line 12: " in bad.value.errors[0]


def test_units_a_day_are_read_under_a_heading_of_two_lines():
    table = public_tables.read("mue", [source("MCR_MUE_PractitionerServices_Eff_07-01-2026.csv", MUE)])
    assert table.rows == [("95940", 32, 3), ("G0453", 40, 3), ("95938", 1, 2), ("0001U", 1, 1)]
    assert table.from_on == date(2026, 7, 1)
    for wrong, said in (("95940,many,3,x\r\n", "number of units"), ("95941,0,7 None,x\r\n", "1, 2 or 3")):
        with pytest.raises(BadTable, match=said):
            public_tables.read("mue", [source("mue.csv", MUE + wrong)])
    with pytest.raises(BadTable, match="stands twice"):
        public_tables.read("mue", [source("mue.csv", MUE + "95940,30,3 x,y\r\n")])


def test_add_on_codes_come_as_a_spreadsheet_with_days_of_the_year():
    inside = spreadsheet(AOC_HEAD, *AOC_ROWS)
    file = zipped("AOC.zip", ("AOC_V2026Q3-MCR.txt", "95940     95938"), ("AOC_V2026Q3-MCR.xlsx", inside))
    table = public_tables.read("addon", [file])
    assert table.rows == [
        ("95940", "95938", "2013-01-01", None), ("95940", "92653", "2021-01-01", "2024-06-30"),
        ("G0453", "95938", "2013-01-01", None),
    ]  # fmt: skip
    assert (table.read, table.from_on) == (4, date(2026, 7, 1))


AOC_TEXT = (
    "95940 1         95938         2013001                \r\n"
    "95940 1         92653         2021001 2024182        \r\n"
    "G0453 1 0000000 95938 0000000 2013001 0000000        \r\n"
    "96376 2         CCCCC         2013001         contractor\r\n"
)
"""The text of AOC_ROWS: columns without headings."""


def test_add_on_codes_come_as_text_without_headings_too():
    table = public_tables.read("addon", [source("AOC_V2026Q3-MCR.txt", AOC_TEXT)])
    headed = public_tables.read("addon", [source("AOC_V2026Q3-MCR.xlsx", spreadsheet(AOC_HEAD, *AOC_ROWS))])
    assert (table.rows, table.read, table.from_on) == (headed.rows, headed.read, headed.from_on)
    zip_ = zipped("AOC.zip", ("AOC_V2026Q3-MCR.txt", AOC_TEXT))
    assert public_tables.read("addon", [zip_]).rows == headed.rows
    close = "".join(line.replace(" ", "") + "\n" for line in AOC_TEXT.replace("contractor", "").splitlines()[2:3])
    assert public_tables.read("addon", [source("a.txt", close)]).rows == headed.rows[2:]


def test_an_add_on_text_of_codes_alone_holds_as_long_as_its_edition():
    table = public_tables.read(
        "addon", [source("AOC_V2026Q3-MCR.txt", "95940     95938\n95940     95939\nG0453 95938\n")]
    )
    assert table.rows == [
        ("95940", "95938", "2013-01-01", None), ("95940", "95939", "2013-01-01", None), ("G0453", "95938", "2013-01-01", None),
    ]  # fmt: skip
    with pytest.raises(BadTable, match="line 2: 95941 stands without the code it is added to"):
        public_tables.read("addon", [source("a.txt", "95940 95938\n95941\n")])
    with pytest.raises(BadTable, match="line 1: 95940 stands without"):
        public_tables.read("addon", [source("a.txt", "95940\n95941\n")])
    with pytest.raises(BadTable, match="line 2: these are not two codes"):
        public_tables.read("addon", [source("a.txt", "95940 95938\n95940 9593\n")])
    with pytest.raises(BadTable, match="line 1: 95940: one of its days is none"):
        public_tables.read("addon", [source("a.txt", "95940 1 95938 2013999\n")])


def test_the_fee_schedule_keeps_values_and_indicators_and_no_descriptions():
    file = zipped(
        "rvu26c.zip", ("PPRRVU2026_Jul_QPP.csv", "x"), ("PPRRVU2026_Jul_nonQPP.csv", RVU), ("GPCI2026.csv", "x")
    )
    table = public_tables.read("rvu", [file])
    assert table.rows == [
        ("95938", "", "A", "1", "2", None, 332875), ("95938", "26", "A", "1", "2", 134, 332875),
        ("95940", "", "A", "0", "0", 95, 332875), ("95941", "", "I", "9", "9", None, 332875),
    ]  # fmt: skip
    assert table.from_on == date(2026, 7, 1)
    assert "SECRET" not in str(table)


def test_diagnoses_come_with_headers_or_without():
    table = public_tables.read("icd10", [source("icd10cm_order_2027.txt", icd_order(*ICD_ROWS))])
    assert table.rows[0] == ("M48", "Other spondylopathies", False)
    assert table.rows[3] == ("M48061", "Spinal stenosis, lumbar region without neurogenic claudication", True)
    assert table.from_on == date(2026, 10, 1)
    codes = "".join(f"{code:<7} {words}\n" for code, billable, words in ICD_ROWS if billable)
    table = public_tables.read("icd10", [source("icd10cm_codes_2027.txt", codes)])
    assert [row[0] for row in table.rows] == ["M48061", "M48062", "H8101", "D333"]
    with pytest.raises(BadTable, match="line 8: “M48.061” is not"):
        public_tables.read("icd10", [source("icd10cm_order_2027.txt", icd_order(*ICD_ROWS) + "M48.061 Stenosis\n")])


@pytest.mark.parametrize("kind", ["ptp", "mue", "addon", "rvu", "icd10"])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\1\2\3",
        b"PK\3\4 not a zip",
        b"<html>Not found</html>",
        b"a,b,c\r\n1,2,3\r\n",
        RVU[:300].encode(),
        b"PK",
    ],
)
def test_a_file_that_is_something_else_is_refused_in_a_sentence(kind, content):
    with pytest.raises(BadTable, match=r"\w+ \w+"):
        public_tables.read(kind, [source("file.txt", content)])


@pytest.mark.parametrize("kind, name, day", [
    ("ptp", "ccipra-v313r0-f1.TXT", date(2025, 10, 1)), ("ptp", "ccipra-v320r0-f1.xlsx", date(2026, 1, 1)),
    ("ptp", "medicare-ncci-2026q4-practitioner-ptp-edits-ccipra-v323r0-f1.zip", date(2026, 10, 1)),
    ("mue", "medicare-ncci-2026-q1-practitioner-services-mue-table.zip", date(2026, 1, 1)),
    ("mue", "MCR_MUE_PractitionerServices_Eff_04-01-2026.xlsx", date(2026, 4, 1)),
    ("addon", "AOC_V2025Q4_01-MCR.txt", date(2025, 10, 1)), ("rvu", "PPRRVU24_JAN.csv", date(2024, 1, 1)),
    ("rvu", "rvu26d.zip", date(2026, 10, 1)), ("rvu", "table.csv", None), ("ptp", "edits.txt", None),
    ("icd10", "icd10cm-order-2026.txt", date(2025, 10, 1)), ("icd10", "april icd10cm-codes-2026.txt", date(2026, 4, 1)),
    ("mue", "MUE_Eff_99-99-2026.csv", None),
])  # fmt: skip
def test_the_day_is_told_from_the_names_cms_gives(kind, name, day):
    assert told_day(kind, [name]) == day


@pytest.mark.parametrize("kind, held, following", [
    ("mue", date(2026, 7, 1), date(2026, 10, 1)), ("ptp", date(2026, 10, 1), date(2027, 1, 1)),
    ("rvu", date(2026, 1, 1), date(2026, 4, 1)), ("icd10", date(2026, 4, 1), date(2026, 10, 1)),
    ("icd10", date(2025, 10, 1), date(2026, 10, 1)),
])  # fmt: skip
def test_the_next_edition_is_known_by_the_calendar(kind, held, following):
    assert next_edition(kind, held) == following


def test_words_to_search_by_are_plain():
    assert public_tables.plain_words("Ménière's disease, of the Right ear") == ["menieres", "disease", "right", "ear"]
