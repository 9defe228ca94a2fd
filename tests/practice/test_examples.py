"""Made-up cases: the same seed the same case, each one whole, each kind of story among them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest

from practice import cases, examples, interchange
from practice.cases import Facts
from practice.coding import code, default_rules, rule_for
from practice.completeness import missing
from practice.drafting import as_text, draft

DAY = date(2026, 3, 17)
SEEDS = range(48)


def read(seed: int) -> Facts:
    return interchange.read(json.dumps(examples.make(seed, day=DAY)).encode()).facts


@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_seed_is_the_same_case(seed):
    assert json.dumps(examples.make(seed, day=DAY)) == json.dumps(examples.make(seed, day=DAY))


def test_different_seeds_are_different_cases():
    assert len({json.dumps(examples.make(seed, day=DAY)["case"]["baselines"]) for seed in SEEDS}) == len(SEEDS)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_made_up_case_is_taken_and_comes_out_as_it_went_in(seed):
    given = examples.make(seed, day=DAY)
    assert json.loads(cases.dump(read(seed))) == given


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_missing_but_the_examination_that_could_not_be_done(seed):
    facts = read(seed)
    meant = ["closing.postop_exam"] if facts.status == "aborted" else []
    assert [one.field for one in missing(facts)] == meant


@pytest.mark.parametrize("seed", SEEDS)
def test_every_made_up_case_says_that_it_is_synthetic(seed):
    facts = read(seed)
    assert facts.synthetic
    assert facts.header.patient.name.startswith("TESTPATIENT, ")
    assert "SYNTHETIC" in as_text(draft(facts))


@pytest.mark.parametrize("seed", SEEDS)
def test_every_completed_case_comes_to_units(seed):
    facts = read(seed)
    coded = code(facts, rule=rule_for(default_rules(), "commercial", DAY))
    counted = [line for line in coded.lines if line.code == "95941"]
    assert bool(counted) == (coded.counted_minutes > 30)
    assert counted or facts.status == "aborted"


def test_every_story_is_told():
    facts = [read(seed) for seed in range(34)]
    endings = {alert.resolution.status for one in facts for alert in one.alerts}
    assert endings == {"resolved", "unresolved"}
    assert {alert.modality for one in facts for alert in one.alerts} == {"TcMEP", "SSEP", "tEMG"}
    assert any(test.retest_of for one in facts for test in one.stim_tests)
    assert {one.status for one in facts} == {"completed", "aborted"}
    assert any(one.closing.postop_exam.new_deficit for one in facts)


def test_a_case_may_begin_when_it_is_told_to():
    arrival = datetime(2026, 3, 17, 14, 5, tzinfo=UTC)
    made = examples.make(1, day=DAY, arrival=arrival)["case"]
    assert datetime.fromisoformat(made["time"]["tech_arrive"]) == arrival
    assert made["time"]["tech_arrive"] == "2026-03-17T08:05:00-06:00"
