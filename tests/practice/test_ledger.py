"""The ledger of a physician's time: rules that hold on any day, and the same result minute by minute."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from practice import concurrency as conc
from practice import ledger as book
from practice.coding import code
from practice.ledger import Kept, Stretch
from tests.practice import case_files
from tests.practice.made_cases import COMMERCIAL, MEDICARE
from tests.practice.minute_by_minute import at, disagreements, random_day


def stretch(case: int, start: int, end: int, want: book.Want = "exclusive", limit: int = 3) -> Stretch:
    return Stretch(case, at(start), at(end), want, limit)


def alone(ledger: book.Ledger, case: int) -> int:
    return conc.minutes(ledger.shares[case].exclusive)


@settings(max_examples=150, deadline=None)
@given(st.integers(min_value=0, max_value=10**9))
def test_the_ledger_says_what_every_minute_by_itself_says(seed):
    day = random_day(seed)
    assert disagreements(book.ledger(*day), *day) == []


def test_an_overlapped_block_is_split_equally_and_floored():
    made = book.ledger([stretch(1, 0, 61), stretch(2, 0, 61)])
    assert (alone(made, 1), alone(made, 2)) == (30, 30)
    assert made.shares[1].exclusive == ((at(0), at(30)),)


def test_without_overlap_nothing_is_taken():
    made = book.ledger([stretch(1, 0, 60), stretch(2, 60, 90)])
    assert (alone(made, 1), alone(made, 2)) == (60, 30)


def test_a_minute_billed_for_one_alone_is_billed_for_no_other_payer():
    made = book.ledger([stretch(1, 0, 60), stretch(2, 0, 60, "shared")])
    assert alone(made, 1) == 30
    assert conc.minutes(made.shares[2].open) == 30


def test_what_was_signed_stays_and_the_next_case_gets_the_rest():
    made = book.ledger([stretch(1, 0, 60), stretch(2, 30, 90)], {1: Kept(exclusive=((at(0), at(60)),))})
    assert (alone(made, 1), alone(made, 2)) == (60, 30)


def test_a_chosen_case_takes_the_block_whole():
    made = book.ledger([stretch(1, 0, 60), stretch(2, 0, 60)], chosen=[2])
    assert (alone(made, 1), alone(made, 2)) == (0, 60)


def test_a_clock_hour_earns_four_units_over_all_patients():
    """Seven cases of eight minutes each would round up to seven units of fifteen minutes."""
    made = book.ledger([stretch(case, 8 * case, 8 * case + 8) for case in range(7)])
    assert len(made.earned) == 4
    assert [alone(made, case) for case in range(7)] == [8, 8, 8, 8, 7, 7, 7]


def test_signed_claims_of_five_units_in_an_hour_are_found_and_stop_the_claim():
    days = [stretch(case, 8 * case, 8 * case + 8) for case in range(5)]
    made = book.ledger(days, {one.case: Kept(exclusive=((one.start, one.end),)) for one in days})
    assert [(one.id, one.severity) for one in book.findings(made)] == [("V07", "block")]


def test_two_signed_claims_to_one_minute_are_found():
    kept = Kept(exclusive=((at(0), at(20)),))
    made = book.ledger([stretch(1, 0, 20), stretch(2, 0, 20)], {1: kept, 2: kept})
    assert "V07" in {one.id for one in book.findings(made)}


def test_more_cases_than_the_payer_takes_are_found():
    made = book.ledger([stretch(case, 0, 30, "shared") for case in range(3)])
    assert book.findings(made) == ()
    made = book.ledger([stretch(case, 0, 30, "shared", 2) for case in range(3)])
    assert [(one.id, one.severity, one.cases) for one in book.findings(made)] == [("V08", "error", (0, 1, 2))]


def test_in_the_room_with_another_case_is_found_and_not_billed():
    made = book.ledger([stretch(1, 0, 60, "room"), stretch(2, 30, 60, "shared")])
    assert [one.id for one in book.findings(made)] == ["V04"]
    assert made.shares[1].alone == ((at(0), at(30)),)


def test_only_what_the_ledger_leaves_a_case_is_billed():
    facts = case_files.facts("03_lumbar_fusion_low_screw_threshold")
    full = {line.code: line for line in code(facts, rule=MEDICARE).lines}["G0453"]
    (who,) = {one.physician for one in facts.physician_log}
    (start, _), *_ = conc.exclusive(facts, who)
    share = book.Share(exclusive=((start, start + 20 * book.MINUTE),))
    coded = code(facts, rule=MEDICARE, shares={who: share})
    left = {line.code: line for line in coded.lines}["G0453"]
    assert (left.minutes, left.units) == (20, 1) and full.minutes > 20
    assert any("not allotted to this patient" in one.reason for one in coded.not_billed)


def test_the_share_of_a_case_alone_on_its_day_changes_nothing():
    for name in case_files.NAMES:
        facts = case_files.facts(name)
        for rule in (MEDICARE, COMMERCIAL):
            assert code(facts, rule=rule, shares=_alone(facts, rule)) == code(facts, rule=rule)


def _alone(facts, rule):
    ids = {facts.person_name(one.physician): one.physician for one in facts.physician_log}
    by_name = {}
    for one in book.watched(facts):
        by_name.setdefault(one.who, []).append(book.stretch(1, one, rule))
    return {ids[who]: book.ledger(some).shares[1] for who, some in by_name.items()}
