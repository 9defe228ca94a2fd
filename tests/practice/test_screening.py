"""Names made comparable, tiers with their reasons, and the files of the lists: whole or refused."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from practice import exclusions, names, screening
from practice.exclusions import PROFILES, Listed
from practice.names import Name
from practice.screening import Index, Sought, matches

LEIE = Path(__file__).parents[1] / "leie"
HEADER = ",".join(PROFILES["leie"].header)


def listed(last="", first="", *, dob="", npi="", state="IL", business="", middle="", trade="", city="") -> Listed:
    return Listed(
        last=last, first=first, middle=middle, business=business, npi=npi, dob=dob, state=state, city=city, kind="1128a1",
        from_on="2020-01-20", trade=trade, waiver="", last_key=names.key(last), first_key=names.key(first),
        business_key=names.business_key(business) if business else "",
    )  # fmt: skip


def best(sought: Sought, row: Listed):
    found = matches(sought, Index([row]))
    return found[0] if found else None


def ours(name: str, dob: str = "1970-04-02", **more) -> Sought:
    return Sought(**{"names": (name,), "dob": dob, "states": ("IL",), **more})


# Names


@pytest.mark.parametrize(
    "written, plain",
    [("Müller-O'Brien", "MULLER OBRIEN"), ("  GARCÍA   LÓPEZ ", "GARCIA LOPEZ"), ("Łukasz Øst", "LUKASZ OST"), ("a&b", "A AND B")],
)  # fmt: skip
def test_a_name_is_compared_without_case_accents_and_punctuation(written, plain):
    assert names.plain(written) == plain


@pytest.mark.parametrize(
    "written, reading",
    [
        ("Sam Sato, MD", Name("SATO", "SAM")),
        ("SATO, SAM Q.", Name("SATO", "SAM", "Q")),
        ("Dr. Sam Quincy Sato Jr.", Name("SATO", "SAM", "QUINCY")),
        ("Anh Do", Name("DO", "ANH")),
        ("Kim Anh Do", Name("DO", "KIM", "ANH")),
        ("Kim Anh, DO", Name("ANH", "KIM")),
        ("Ludwig van der Berg", Name("VAN DER BERG", "LUDWIG")),
        ("María García López", Name("GARCIA LOPEZ", "MARIA")),
        ("María García López", Name("LOPEZ", "MARIA", "GARCIA")),
        ("Cher", Name("CHER")),
    ],
)
def test_every_reading_of_a_name_is_kept(written, reading):
    assert reading in names.readings(written)


def test_a_family_name_that_is_a_title_stays():
    assert names.key("MA") == "MA"
    assert names.key("SMITH JR MD") == "SMITH"


def test_nicknames_hold_both_ways():
    assert names.nicknames("BILL", "WILLIAM")
    assert names.nicknames("WILLIAM", "BILL")
    assert not names.nicknames("JAMES", "JOHN")


def test_a_firm_is_compared_without_its_legal_form():
    assert names.business_key("The Best Care Ctr., L.L.C.") == names.business_key("BEST CARE CENTER INC")
    assert names.business_key("A B C Clinic") == names.business_key("ABC CLINIC PC")


@given(st.text(max_size=40))
def test_no_text_breaks_a_name(text):
    assert names.plain(names.plain(text)) == names.plain(text)
    names.business_key(text)
    for reading in names.readings(text):
        assert all(part == part.upper() for part in reading)


# Tiers


@pytest.mark.parametrize(
    "tier, sought, row",
    [
        ("A", ours("Other Name", "", npi="1245319599"), listed("SATO", "SAM", npi="1245319599")),
        ("B", ours("Bill Smith", states=("WY",)), listed("SMITH", "WILLIAM", dob="1970-04-02")),
        ("B", ours("Ann Smith-Jones"), listed("JONES", "ANN", dob="1970-04-02")),
        ("B", ours("Smith Ann"), listed("SMITH", "ANN", dob="1970-04-02")),
        ("B", ours("Ann Smiht"), listed("SMITH", "ANN", dob="1970-04-02")),
        ("C", ours("José Núñez Jr.", ""), listed("NUNEZ", "JOSE", dob="1970-04-02", state="TX")),
        ("C", ours("Ann Smith", "1970"), listed("SMITH", "ANN", dob="1970-04-02")),
        ("C", ours("Ann Smith"), listed("SMITH", "ANN", dob="1970-02-04")),
        ("D", ours("A. Smith", ""), listed("SMITH", "ANN")),
        ("D", ours("Katherine Smithers", ""), listed("SMITTERS", "KATHERINE")),
        ("D", ours("Ann Jones"), listed("SMITH", "ANN", dob="1970-04-02")),
        ("E", Sought(names=("Ann Jones", "Ann Smith"), states=("IL",)), listed("SMITH", "ANN")),
        ("E", ours("Ann Smith-Jones", ""), listed("SMITH", "ANN")),
        ("F", Sought(names=("Best Care LLC",), firm=True, states=("IL",)), listed(business="BEST CARE, INC")),
        ("F", ours("Sam Sato"), listed(business="SAM SATO MD PC")),
    ],
)  # fmt: skip
def test_each_tier_of_the_reference(tier, sought, row):
    found = best(sought, row)
    assert (found.tier, found.dismissed) == (tier, False)
    assert found.agrees


@pytest.mark.parametrize(
    "sought, row, said",
    [
        (ours("Ann Smith", ""), listed("SMITH", "ANN", state="TX"), "the state is another"),
        (ours("Ann Smith", "", npi="1245319599"), listed("SMITH", "ANN", npi="1234567893"), "the NPI is another one"),
        (ours("Ann K. Smith", ""), listed("SMITH", "ANN", middle="L"), "the middle names are K and L"),
        (ours("Ann Smith", "1971"), listed("SMITH", "ANN", dob="1970-04-02"), "the years of birth differ; a full birth date is missing"),
        (ours("Ann Smith", "", physician=True), listed("SMITH", "ANN", trade="NURSE/NURSES AIDE"), "a physician here, nurse/nurses aide on the list"),
        (ours("Alexandria Smithersons", ""), listed("SMITHERSON", "ALEXANDRA"), "a birth date is missing"),
    ],
)  # fmt: skip
def test_what_a_name_alone_speaks_for_is_looked_through_together_and_never_dismissed(sought, row, said):
    found = best(sought, row)
    assert said in found.differs
    assert (found.together, found.dismissed) == (True, False)


@pytest.mark.parametrize(
    "sought, row",
    [
        (ours("Ann Smith", ""), listed("SMITH", "ANN", dob="1970-04-02")),
        (ours("Ann Smith", "", physician=True), listed("SMITH", "ANN", trade="OWNER/OPERATOR")),
        (ours("Ann Smith", "", physician=True), listed("SMITH", "ANN", trade="PSYCHIATRY")),
        (ours("Katherine Smithers", ""), listed("SMITTERS", "KATHERINE")),
        (ours("A. Smith", ""), listed("SMITH", "ANN")),
        (ours("Ann Vra", ""), listed("VERA", "ANN")),
        (ours("Ann K. Smith", ""), listed("SMITH", "ANN", middle="KAREN")),
        (ours("Ann Smith", "1970"), listed("SMITH", "ANN", dob="1970-04-02", state="TX")),
        (ours("Ann Smith"), listed("SMITH", "ANN", dob="1970-02-04", state="TX")),
        (ours("Other Name", "", npi="1245319599"), listed("SATO", "SAM", npi="1245319599", state="TX")),
        (ours("Ann Smith", "", npi="0000000000"), listed("SMITH", "ANN", npi="1234567893")),
    ],
)  # fmt: skip
def test_what_more_than_a_name_speaks_for_is_asked_by_itself(sought, row):
    assert not best(sought, row).together


def test_a_name_that_the_list_has_several_times_is_looked_through_together():
    rows = [listed("SMITH", "ANN", city=city) for city in ("PEORIA", "JOLIET")]
    found = matches(ours("Ann Smith", ""), Index(rows))
    assert [(one.tier, one.together) for one in found] == [("C", True)] * 2
    assert "2 rows of the list are as close" in found[0].differs
    assert not matches(ours("Ann Smith", ""), Index(rows[:1]))[0].together


def test_an_alias_with_the_birth_date_is_as_sure_as_the_name_in_use():
    assert best(ours("x", names=("Ann Jones", "Ann Smith")), listed("SMITH", "ANN", dob="1970-04-02")).tier == "B"


@pytest.mark.parametrize(
    "sought, row",
    [
        (ours("James Smith", ""), listed("SMITH", "JOHN")),
        (ours("Katherine Smithers", ""), listed("SMITTERS", "KATHERINE", state="TX")),
        (Sought(names=("Best Care LLC",), firm=True, states=("IL",)), listed(business="BESTER CARES GROUP")),
        (ours("Ann Smith"), listed("JONES", "PETER", dob="1970-04-02")),
    ],
)
def test_what_is_no_match(sought, row):
    assert best(sought, row) is None


def test_a_differing_full_birth_date_dismisses_and_is_kept_for_the_log():
    found = best(ours("Ann Smith"), listed("SMITH", "ANN", dob="1981-09-17"))
    assert found.dismissed
    assert "the birth date differs" in found.differs


@pytest.mark.parametrize("theirs", ["", "1970-04-03", "1970-02-04", "1979-04-02"])
def test_a_birth_date_that_is_missing_or_may_be_mistyped_dismisses_nothing(theirs):
    assert not best(ours("Ann Smith"), listed("SMITH", "ANN", dob=theirs)).dismissed


def test_a_differing_year_alone_dismisses_nothing():
    assert not best(ours("Ann Smith", "1981"), listed("SMITH", "ANN", dob="1970-04-02")).dismissed


@pytest.mark.parametrize("npi", ["0000000000", "", "1111111111", "124531959"])
def test_a_number_that_is_no_npi_matches_nothing(npi):
    assert best(ours("Ann Smith", "", npi=npi), listed("SATO", "SAM", npi=npi)) is None


def test_the_same_npi_is_not_dismissed_by_a_birth_date():
    found = best(ours("Sam Sato", npi="1245319599"), listed("SATO", "SAM", dob="1950-01-01", npi="1245319599"))
    assert (found.tier, found.dismissed) == ("A", False)


def test_a_waiver_is_said():
    row = listed("SMITH", "ANN", dob="1970-04-02")._replace(waiver="IL")
    assert "a waiver holds in IL" in best(ours("Ann Smith"), row).differs


LASTS = st.sampled_from(
    ["SMITH", "SMYTH", "SMITH JONES", "JONES", "DE LA CRUZ", "CRUZ", "ANN", "LEE", "SMITHERS", "SMITTERS"]
)
GIVEN = st.sampled_from(
    ["ANN", "ANNE", "A", "WILLIAM", "BILL", "KATHERINE", "KATHRINE", "SMITH", "LEE", "WILLIAM KATHERINE"]
)
DAYS = st.sampled_from(["", "1970-04-02", "1970-02-04", "1970-04-03", "1981-09-17", "1970"])
ROWS = st.builds(
    listed, LASTS, GIVEN, dob=DAYS.filter(lambda day: len(day) != 4), state=st.sampled_from(["IL", "WI", "TX", ""]),
    npi=st.sampled_from(["", "1245319599", "1234567893"]), middle=st.sampled_from(["", "ANN", "K"]),
)  # fmt: skip
PARTIES = st.builds(
    lambda last, first, alias, dob, npi, states: Sought(
        names=(f"{first} {last}", *alias), dob=dob, npi=npi, states=states
    ),
    LASTS, GIVEN, st.sampled_from([(), ("ANN JONES",)]), DAYS, st.sampled_from(["", "1245319599", "0000000000"]),
    st.sampled_from([(), ("IL",), ("IL", "WI")]),
)  # fmt: skip


@settings(max_examples=400)
@given(st.lists(ROWS, max_size=12), PARTIES)
def test_the_index_finds_what_trying_every_row_finds(rows, sought):
    known = screening._names(sought)
    wanted = [found for row in rows if (found := screening.weigh(sought, known, row))]
    wanted = [screening._among(match, wanted) for match in wanted]
    assert sorted(matches(sought, Index(rows)), key=repr) == sorted(wanted, key=repr)


@given(st.dates(date(1920, 1, 1), date(2010, 1, 1)), st.dates(date(1920, 1, 1), date(2010, 1, 1)))
def test_near_days_are_those_that_compare_as_near(one, other):
    close = screening.compare_days(one.isoformat(), other.isoformat()) in ("same", "near")
    assert close == (other.isoformat() in screening.near_days(one.isoformat()))


# When, and where a party stands


def stand(on: date, screened_on=date(2026, 11, 12), list_on=date(2026, 11, 11), confirmed=False, open_tiers=()):
    return screening.standing(
        "Tess Tran", on=on, screened_on=screened_on, list_on=list_on, list_sha256="ab", confirmed=confirmed,
        open_tiers=open_tiers,
    )  # fmt: skip


def test_a_party_screened_this_month_against_a_young_list_is_clear():
    assert stand(date(2026, 11, 20)).state == "clear"
    assert stand(date(2026, 11, 20)).objections == ()


def test_last_months_screening_holds_until_the_fifteenth():
    assert stand(date(2026, 12, 12)).state == "clear"
    late = stand(date(2026, 12, 16), list_on=date(2026, 12, 11))
    assert late.objections == ("Tess Tran was last screened on Nov 12, 2026; screening is monthly.",)


def test_a_list_older_than_31_days_is_an_objection():
    assert stand(date(2026, 12, 12)).objections == ()
    assert "32 days old" in stand(date(2026, 12, 13)).objections[0]


def test_who_was_never_screened_says_so():
    assert stand(date(2026, 11, 20), screened_on=None).state == "never"


@pytest.mark.parametrize(
    "tiers, blocks", [(("A",), True), (("D", "B"), True), (("C",), False), (("F", "D", "E"), False)]
)
def test_a_probable_hit_blocks_before_anybody_looked(tiers, blocks):
    found = stand(date(2026, 11, 20), open_tiers=tiers)
    assert (found.state, found.blocks) == ("review", blocks)
    assert found.objections


def test_a_confirmed_hit_blocks():
    found = stand(date(2026, 11, 20), confirmed=True)
    assert (found.state, found.blocks) == ("hit", True)


def test_the_next_screening_is_due_on_the_fifteenth():
    assert screening.next_due(date(2026, 11, 12), date(2026, 11, 20)) == date(2026, 12, 15)
    assert screening.next_due(date(2026, 12, 31), date(2027, 1, 2)) == date(2027, 1, 15)
    assert screening.next_due(None, date(2026, 11, 20)) == date(2026, 11, 20)


def test_a_new_list_is_expected_from_the_tenth_on():
    assert not screening.refresh_due(date(2026, 10, 12), date(2026, 11, 10))
    assert screening.refresh_due(date(2026, 10, 12), date(2026, 11, 11))
    assert not screening.refresh_due(date(2026, 11, 10), date(2026, 11, 30))


# Files


def write(tmp_path, content: bytes | str) -> Path:
    path = tmp_path / "UPDATED.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


ROW = '"SMITH","ANN","","","IND","RN","","1245319599","19700402","1 MAIN","CHICAGO","IL","60601","1128a1","20200120","00000000","00000000",""'


def test_the_real_head_is_read_and_is_too_small_for_the_list():
    found = exclusions.survey(LEIE / "updated-real-head.csv", "leie")
    assert (found.rows, found.problems, found.newest_on) == (5, (), "2023-05-18")
    assert "at least 70,000" in exclusions.smallness(found, "leie", None)
    rows = list(exclusions.parties(LEIE / "updated-real-head.csv", "leie", found))
    assert [row.npi for row in rows] == ["", "", "1972902351", "", ""]
    assert rows[0].business == "#1 MARKETING SERVICE, INC"


@pytest.mark.parametrize(
    "name, said", [("bad-column-order.csv", "another order"), ("bad-header-only.csv", "no rows")]
)  # fmt: skip
def test_a_bad_file_says_what_is_wrong(name, said):
    assert said in exclusions.survey(LEIE / name, "leie").problems[0]


BAD = {
    "empty": (b"", "empty"),
    "a zip": (b"PK\x03\x04\x00\x00\n", "not text"),
    "a page instead of a list": ("<html>\n<body>Not found</body>\n", "not that of"),
    "cut in a row": (f"{HEADER}\r\n{ROW}\r\n{ROW[:60]}", "middle of a line"),
    "cut in a row at a line's end": (f'{HEADER}\r\n{ROW}\r\n"SMITH","ANN"\r\n', "2 values instead of 18"),
    "an open quote": (f'{HEADER}\r\n{ROW}\r\n"SMITH\r\n', "cut off or damaged"),
    "a column more": (f"{HEADER},SSN\r\n", "not that of"),
    "a column fewer": (f"{HEADER[:-9]}\r\n", "not that of"),
    "no header": (f"{ROW}\r\n", "not that of"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_is_not_whole_is_refused(name, tmp_path):
    content, said = BAD[name]
    assert said in exclusions.survey(write(tmp_path, content), "leie").problems[0]


@given(cut=st.integers(1, 1028))
@settings(max_examples=150)
def test_no_truncated_file_passes_for_the_whole(cut):
    raw = (LEIE / "updated-real-head.csv").read_bytes()
    path = LEIE.parent / f".cut-{cut}.csv"
    path.write_bytes(raw[:cut])
    try:
        found = exclusions.survey(path, "leie")
        assert found.problems or found.rows < 5 or cut == len(raw) - 1
    finally:
        path.unlink()


def test_a_list_much_smaller_than_the_last_is_not_believed():
    found = exclusions.Survey(sha256="x", rows=75_000)
    assert exclusions.smallness(found, "leie", 84_000)
    assert not exclusions.smallness(found, "leie", 83_000)


def test_a_file_in_windows_letters_is_read(tmp_path):
    path = write(tmp_path, f"{HEADER}\r\n{ROW.replace('SMITH', 'NUÑEZ')}\r\n".encode("cp1252"))
    found = exclusions.survey(path, "leie")
    assert next(exclusions.parties(path, "leie", found)).last_key == "NUNEZ"


def test_a_state_list_is_read_by_what_its_columns_are_called(tmp_path):
    path = write(tmp_path, "Provider Last Name,Provider First Name,Date of Birth,NPI Number,Effective Date\nSmith,Ann,4/2/1970,1245319599,01/20/2020\n")  # fmt: skip
    found = exclusions.survey(path, "state-tx")
    row = next(exclusions.parties(path, "state-tx", found))
    assert (row.last_key, row.dob, row.npi, row.from_on) == ("SMITH", "1970-04-02", "1245319599", "2020-01-20")


def test_a_sam_extract_is_read(tmp_path):
    path = write(tmp_path, "Classification,Name,First,Middle,Last,City,State / Province,NPI,Exclusion Type,Active Date\nFirm,Best Care Inc,,,,Chicago,IL,,Ineligible,01/20/2020\nIndividual,,Ann,,Smith,Chicago,IL,,Ineligible,01/20/2020\n")  # fmt: skip
    found = exclusions.survey(path, "sam")
    firm, person = exclusions.parties(path, "sam", found)
    assert (firm.business_key, person.last_key) == ("BEST CARE", "SMITH")


def test_a_list_without_names_is_refused(tmp_path):
    assert "No column holds a name" in exclusions.survey(write(tmp_path, "Id,City\n1,X\n"), "state-tx").problems[0]


@pytest.mark.parametrize("name", ["state", "state-TX", "oig", "../leie", ""])
def test_an_unknown_list_is_nobodys(name):
    with pytest.raises(KeyError):
        exclusions.profile(name)


@pytest.mark.parametrize("text, day", [("19700402", "1970-04-02"), ("00000000", ""), ("19701345", ""), ("4/2/1970", "1970-04-02"), ("1970-04-02T00:00", "1970-04-02"), ("N/A", "")])  # fmt: skip
def test_days_of_a_list(text, day):
    assert exclusions.day(text) == day
