"""The writer: golden files, two referees on everything it writes, and what it refuses."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from practice import claims as c
from practice import x12
from practice.x12 import checks, p837
from tests.practice import made_claims as made

GOLDEN = Path(__file__).parent.parent / "golden" / "x12"


def segments(text: str, *start: str) -> list[list[str]]:
    (interchange,) = x12.read(text)
    return [s.elements for s in interchange.segments if tuple(s.elements[: len(start)]) == start]


def errors(text: str) -> list[str]:
    return [f"{f.id} {f.segment} {f.message}" for f in checks.findings(text, today=made.TODAY) if f.severity == "error"]


@pytest.mark.parametrize("name", made.ALL)
def test_each_kind_of_claim_is_written_as_before(name):
    """To renew a golden file, write the text and read the difference."""
    assert made.written(made.ALL[name]()).replace("~", "~\n") == (GOLDEN / f"{name}.837").read_text()


@pytest.mark.parametrize("name", made.ALL)
def test_both_referees_take_each_kind_of_claim(name):
    text = made.written(made.ALL[name]())
    assert checks.findings(text, today=made.TODAY) == ()
    assert made.referee(text) == []


def batch() -> list[c.Claim]:
    """Every kind twice, from two billing providers; the second for other patients."""
    again = []
    for number, (name, kind) in enumerate(made.ALL.items(), 50):
        claim = kind(str(number))
        other = replace(claim.patient, last=f"OTHER{chr(number + 15)}")
        biller = replace(made.BILLING, name="Second Practice", npi="1234567893", tax_id="987654321")
        again.append(replace(claim, control_number=f"B-{name[:15].upper()}", patient=other, billing=biller))
    return [kind(str(n)) for n, kind in enumerate(made.ALL.values(), 1)] + again


def test_a_batch_of_many_billers_and_subscribers_is_one_sound_file():
    claims = batch()
    text = made.written(*claims)
    assert errors(text) == []
    assert made.referee(text) == []
    assert len(segments(text, "CLM")) == len(claims)
    levels = [s for s in segments(text, "HL") if s[3] == "20"]
    assert len(levels) == len(segments(text, "NM1", "85")) == 4, "two providers, each with and without pay-to"


def test_claims_of_one_subscriber_share_a_level_and_the_levels_count_up():
    text = made.written(made.claim("1"), made.dependent("2"), made.claim("3"), made.dependent("4"))
    levels = segments(text, "HL")
    assert [level[1:] for level in levels] == [
        ["1", "", "20", "1"],
        ["2", "1", "22", "0"],
        ["3", "1", "22", "1"],
        ["4", "3", "23", "0"],
    ]
    assert [clm[1] for clm in segments(text, "CLM")] == ["ION-1", "ION-3", "ION-2", "ION-4"]


def test_a_receiver_may_want_few_claims_in_a_transaction():
    receiver = replace(made.RECEIVER, claims_per_transaction=3)
    text = made.written(*batch(), receiver=receiver)
    assert len(segments(text, "ST")) == 8
    assert [st[2] for st in segments(text, "ST")] == [f"{n:04d}" for n in range(1, 9)]
    assert errors(text) == []
    assert made.referee(text) == []


def test_other_separators_are_used_and_kept_out_of_the_data():
    signs = x12.Delimiters(element="|", component=">", repetition="!", segment="'")
    receiver = replace(made.RECEIVER, delimiters=signs)
    patient = replace(made.PATIENT, last="O'Neil|Smith>x")
    text = made.written(made.claim(patient=patient), receiver=receiver)
    assert segments(text, "NM1", "IL")[0][3] == "O NEIL SMITH X"
    assert errors(text) == []


def test_what_a_receiver_wants_is_said():
    solo = replace(made.READER, address=made.BILLING.address, tax_id="741234567")
    claim = made.claim(billing=solo, rendering=solo)
    assert not segments(made.written(claim), "NM1", "82")
    asked = replace(
        made.RECEIVER, rendering_always=True, line_keys=False, payer_address=False, usage="P", wants_ta1=True
    )
    text = made.written(claim, receiver=asked)
    assert segments(text, "NM1", "82") and not segments(text, "REF", "6R")
    assert segments(text, "ISA")[0][14:16] == ["1", "P"]
    assert not [s for s in segments(text, "N3") if "1000" in s[1]]
    asked = replace(made.RECEIVER, subscriber_address_always=True, billing_taxonomy=False)
    text = made.written(made.dependent(), receiver=asked)
    assert len(segments(text, "DMG")) == 2 and not segments(text, "PRV", "BI")
    assert errors(text) == []


def test_control_numbers_are_the_callers():
    text = made.written(made.claim())
    assert segments(text, "ISA")[0][13] == segments(text, "IEA")[0][2] == "000000101"
    assert segments(text, "GS")[0][6] == segments(text, "GE")[0][2] == "101"
    assert segments(text, "BHT")[0][3] == "BATCH000101"


def test_a_physician_who_took_over_stands_on_their_own_lines():
    text = made.written(made.handed_over())
    assert [s[3] for s in segments(text, "NM1", "82")] == ["READER", "SECOND", "SECOND"]


def test_a_long_name_is_cut_and_said_to_be():
    patient = replace(made.PATIENT, last="Wolfeschlegelsteinhausenbergerdorff " * 3, first="Ä" * 50)
    done = p837.write(
        [made.claim(patient=patient)],
        submitter=made.SUBMITTER,
        receiver=made.RECEIVER,
        controls=made.CONTROLS,
        at=made.AT,
    )
    person = segments(done.text, "NM1", "IL")[0]
    assert len(person[3]) <= 60 and person[4] == "A" * 35
    assert len(done.notes) == 2 and "was cut to 60" in done.notes[0]
    assert errors(done.text) == []


def refused(*claims: c.Claim) -> str:
    with pytest.raises(p837.Unwritable) as caught:
        made.written(*claims)
    return " ".join(caught.value.reasons)


def test_a_name_without_latin_letters_is_refused_not_guessed():
    assert "letters no claim file can hold (王)" in refused(made.claim(patient=replace(made.PATIENT, last="王")))


def test_a_separator_in_a_number_is_refused():
    assert "member number" in refused(made.claim(coverage=replace(made.OWN, member_id="AB*12")))
    assert "authorization" in refused(made.claim(authorization="A~1"))


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"diagnoses": tuple(f"M{n:04d}" for n in range(13))}, "1 to 12 diagnoses"),
        ({"lines": tuple(replace(made.lines()[0], key=str(n)) for n in range(51))}, "1 to 50 lines"),
        ({"frequency": "7"}, "payer's own claim number"),
        ({"control_number": "A:1"}, "claim number must be"),
        ({"lines": (replace(made.lines()[0], modifiers=tuple("ABCDE")),)}, "room for 4"),
        ({"lines": (replace(made.lines()[0], pointers=(3,)),)}, "not on the claim"),
        ({"lines": (replace(made.lines()[0], units=0),)}, "Units must be"),
        ({"lines": ()}, "1 to 50 lines"),
        ({"diagnoses": ("M4802", "M4802")}, "stands twice"),
    ],
)
def test_a_claim_that_fits_no_file_is_refused(changed, why):
    assert why in refused(made.claim(**changed))


def test_one_number_twice_in_a_batch_is_refused():
    assert "stands twice in the batch" in refused(made.claim("1"), made.claim("1"))


names = st.text(alphabet=st.sampled_from("ABCDEFGHIJ '-éüñ"), min_size=1, max_size=30).filter(lambda t: x12.plain(t))
money = st.integers(min_value=1, max_value=10**7)


@settings(max_examples=150, deadline=None)
@given(
    last=names,
    first=names,
    born=st.dates(min_value=date(1920, 1, 1), max_value=date(2026, 1, 1)),
    rows=st.lists(st.tuples(money, st.integers(1, 99)), min_size=1, max_size=50),
    codes=st.lists(
        st.from_regex(r"[A-U][0-9][0-9AB][0-9A-Z]{0,4}", fullmatch=True), min_size=1, max_size=12, unique=True
    ),
    by_another=st.booleans(),
)
def test_what_was_written_reads_back_the_same(last, first, born, rows, codes, by_another):
    person = replace(made.PATIENT, last=last, first=first, birth_on=born)
    lines = tuple(
        c.ClaimLine(
            key=f"K{n}",
            code=f"{10000 + n}",
            units=units,
            charge_cents=cents,
            pointers=(1 + n % len(codes),),
            from_on=made.DAY,
        )
        for n, (cents, units) in enumerate(rows)
    )
    asked = replace(made.OWN, relationship="01", subscriber=made.PATIENT) if by_another else made.OWN
    text = made.written(made.claim(patient=person, lines=lines, diagnoses=tuple(codes), coverage=asked))
    named = segments(text, "NM1", "QC" if by_another else "IL")[0]
    assert (named[3], named[4]) == (x12.plain(last), x12.plain(first))
    assert f"{born:%Y%m%d}" in [dmg[2] for dmg in segments(text, "DMG")]
    assert [round(float(s[2]) * 100) for s in segments(text, "SV1")] == [cents for cents, _ in rows]
    assert [int(s[4]) for s in segments(text, "SV1")] == [units for _, units in rows]
    assert [part.partition(":")[2] for part in segments(text, "HI")[0][1:]] == codes
    assert errors(text) == []


@settings(max_examples=12, deadline=None)
@given(st.lists(st.sampled_from(sorted(made.ALL)), min_size=1, max_size=8), st.integers(1, 4))
def test_the_other_referee_takes_any_batch(names, size):
    claims = [made.ALL[name](str(number)) for number, name in enumerate(names, 1)]
    text = made.written(*claims, receiver=replace(made.RECEIVER, claims_per_transaction=size))
    assert errors(text) == []
    assert made.referee(text) == []


def test_a_file_made_in_the_hour_the_clocks_go_back_bears_its_own_time():
    from datetime import datetime
    from zoneinfo import ZoneInfo

    at = datetime(2026, 11, 1, 1, 30, tzinfo=ZoneInfo("America/Chicago"), fold=1)
    text = p837.write(
        [made.claim()], submitter=made.SUBMITTER, receiver=made.RECEIVER, controls=made.CONTROLS, at=at
    ).text
    assert segments(text, "GS")[0][4:6] == ["20261101", "0130"]
    assert errors(text) == []
