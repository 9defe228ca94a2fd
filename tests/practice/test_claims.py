"""The claim as a value: kept whole, corrected with what changed, and not billed twice."""

from __future__ import annotations

from datetime import date

import pytest
from msgspec.structs import replace

from practice import claims as c
from practice import coding
from tests.practice import made_claims as made


@pytest.mark.parametrize("name", made.ALL)
def test_a_claim_is_kept_and_read_back_the_same(name):
    claim = made.ALL[name]()
    assert c.from_json(c.to_json(claim)) == claim
    assert c.objections(claim) == []


def test_the_total_is_the_sum_of_the_lines():
    assert made.claim().total_cents == 390000


def test_a_line_of_the_coding_gets_its_price_and_day():
    line = coding.Line(code="95938", modifiers=("26",), units=1, label="x", derivation="y", rendering="P1")
    made_line = c.claim_line(line, key="K1", charge_cents=90000, on=made.DAY, pointers=[2, 1], rendering=made.READER)
    assert made_line == c.ClaimLine(
        key="K1", code="95938", modifiers=("26",), units=1, charge_cents=90000, pointers=(2, 1), from_on=made.DAY,
        rendering=made.READER,
    )  # fmt: skip


def test_a_correction_shows_what_it_changes_and_nothing_else():
    first = made.claim()
    fewer = (replace(first.lines[0], units=7, charge_cents=210000), *first.lines[1:])
    second = c.corrected(first, control_number="ION-1B", payer_control="ICN1", lines=fewer)
    assert (second.frequency, second.payer_control) == ("7", "ICN1")
    assert [(change.path, change.before, change.after) for change in c.changes(first, second)] == [
        ("lines.1.units", "8", "7"),
        ("lines.1.charge_cents", "240000", "210000"),
    ]


def test_a_line_added_or_left_out_is_shown():
    first = made.claim()
    shorter = replace(first, lines=first.lines[:2])
    assert ("lines.3.code", "95939", "") in [(x.path, x.before, x.after) for x in c.changes(first, shorter)]
    assert ("lines.3.code", "", "95939") in [(x.path, x.before, x.after) for x in c.changes(shorter, first)]


def test_a_void_repeats_the_claim_without_its_papers():
    void = c.voided(made.claim(), control_number="V1", payer_control="ICN1")
    assert (void.frequency, void.attachments, void.total_cents) == ("8", (), 390000)


def test_a_correction_without_the_payers_number_is_objected_to():
    assert "payer's own claim number" in " ".join(c.objections(made.claim(frequency="7")))
    assert "payer's own claim number" in " ".join(c.objections(made.claim(frequency="8")))


def test_a_wrong_check_digit_is_objected_to():
    assert "check digit" in " ".join(c.objections(made.claim(rendering=replace(made.READER, npi="1555555551"))))


def test_a_subscriber_stands_exactly_when_it_is_another_person():
    assert c.objections(made.claim(coverage=replace(made.OWN, subscriber=made.PATIENT)))
    assert c.objections(made.claim(coverage=replace(made.OWN, relationship="01")))


def test_a_second_original_for_the_same_day_is_found():
    same = made.claim("2")
    assert c.same_services(same, [made.claim("1")]) == [
        "95938 of 03/02/2026 is already on claim ION-1.",
        "95939 of 03/02/2026 is already on claim ION-1.",
        "95940 of 03/02/2026 is already on claim ION-1.",
    ]


@pytest.mark.parametrize(
    "other",
    [
        made.claim("1", patient=replace(made.PATIENT, birth_on=date(1961, 2, 15))),
        made.claim("1", lines=tuple(replace(line, from_on=date(2026, 3, 3)) for line in made.lines())),
        made.claim("1", coverage=replace(made.OWN, payer=made.OTHER_PLAN)),
        made.replacement("1"),
        made.claim("2"),
    ],
)
def test_another_patient_day_payer_or_a_correction_is_no_second_original(other):
    assert c.same_services(made.claim("2"), [other]) == []


def test_a_correction_is_never_a_second_original():
    assert c.same_services(made.replacement("4"), [made.claim("1")]) == []
