"""What a record lacks: the six case files to the letter, and one record with one thing taken out at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from practice import cases as c
from practice.completeness import missing
from tests.practice import case_files


@pytest.mark.parametrize("name", case_files.NAMES)
def test_it_lists_what_the_case_file_expects(name: str) -> None:
    found = [
        {"field": gap.field, "severity": gap.severity, "reason": gap.reason, "label": gap.label}
        for gap in missing(case_files.facts(name))
    ]
    assert found == case_files.expected(name)["completeness"]


def test_each_gap_of_an_entry_names_the_entry() -> None:
    facts = case_files.facts("08")
    by_field = {gap.field: gap.src for gap in missing(facts)}
    assert by_field["stim_tests.ST4.thr_ma"] == facts.stim_test("ST4").src != ""
    assert by_field["alerts.AL1.resolution.t"] == facts.alerts[0].resolution.src != ""
    assert all(by_field.values())


def told(case: dict[str, Any], who: str) -> dict[str, Any]:
    return next(one for one in case["alerts"][0]["communicated"] if one["who"] == who)


def without_surgeon(case: dict[str, Any]) -> None:
    case["alerts"][0]["communicated"].remove(told(case, "surgeon"))


def without_baep(case: dict[str, Any]) -> None:
    case["baselines"]["rows"] = [row for row in case["baselines"]["rows"] if row["modality"] != "BAEP"]
    case["closing"]["rows"] = [row for row in case["closing"]["rows"] if row["ref"] not in ("BL1", "BL2")]


TAKEN_OUT: list[tuple[str, Callable[[dict[str, Any]], Any], str, str]] = [
    ("02", lambda case: told(case, "surgeon").update(t=None), "alerts.AL1.communicated.surgeon", "block_sign"),
    ("02", without_surgeon, "alerts.AL1.communicated.surgeon", "block_sign"),
    ("02", lambda case: case["alerts"][0].update(communicated=[]), "alerts.AL1.communicated.interpreting_physician", "block_sign"),
    ("02", lambda case: case["alerts"][0].update(resolution=None), "alerts.AL1.resolution", "block_sign"),
    ("02", lambda case: case["alerts"][0]["resolution"].update(t=None), "alerts.AL1.resolution.t", "block_sign"),
    ("02", lambda case: case["alerts"][0].update(actions=[]), "alerts.AL1.actions", "block_sign"),
    ("02", lambda case: case["alerts"][0].update(rows=[]), "alerts.AL1.rows", "block_sign"),
    ("02", lambda case: case["alerts"][0].update(t=None), "alerts.AL1.t", "block_sign"),
    ("02", lambda case: case["alerts"][0].update(cause_suspected=None), "alerts.AL1.cause_suspected", "warn"),
    ("05", lambda case: case["alerts"][0]["resolution"].pop("reported_at"), "alerts.AL1.resolution.reported_at", "block_sign"),
    ("05", lambda case: case["alerts"][0]["resolution"].update(reported_to="anesthesia"), "alerts.AL1.resolution.reported_at", "block_sign"),
    ("08", lambda case: case["alerts"][0]["rows"][0].pop("side"), "alerts.AL1.rows[0].side", "block_sign"),
    ("01", lambda case: case["time"]["segments"][0].update(end=None, minutes=None), "time.segments.S1.end", "block_sign"),
    ("01", lambda case: case["time"].update(segments=[]), "time.segments", "block_sign"),
    ("01", lambda case: case["time"].update(electrodes_out=None), "time.electrodes_out", "warn"),
    ("01", lambda case: case.update(closing=None), "closing", "block_sign"),
    ("01", lambda case: case["closing"]["rows"].pop(3), "closing.BL4", "block_sign"),
    ("01", lambda case: case["closing"].update(overall=None), "closing.overall", "block_sign"),
    ("01", lambda case: case["closing"].update(postop_exam=None), "closing.postop_exam", "warn"),
    ("01", lambda case: case["closing"]["postop_exam"].update(by=None), "closing.postop_exam.by", "warn"),
    ("01", lambda case: case.update(physician_log=[]), "physician_log", "block_sign"),
    ("01", lambda case: case["physician_log"][0].update(connect=None), "physician_log[0].connect", "block_sign"),
    ("01", lambda case: case["physician_log"][0].update(disconnect=None), "physician_log[0].disconnect", "block_claim"),
    ("01", lambda case: case["physician_log"][0].update(concurrency=[]), "physician_log[0].concurrency", "block_claim"),
    ("05", lambda case: case["physician_log"].pop(), "physician_log.P1", "block_claim"),
    ("01", lambda case: case["baselines"]["sets"][0].update(reviewed_at=None), "baselines.sets[0].reviewed_at", "block_claim"),
    ("07", without_baep, "baselines.BAEP", "block_claim"),
    ("01", lambda case: case["alert_criteria"].pop("SSEP"), "alert_criteria.SSEP", "block_claim"),
    ("01", lambda case: case["header"].update(indication=None), "header.indication", "block_claim"),
    ("01", lambda case: case["header"].update(indication=""), "header.indication", "block_claim"),
    ("01", lambda case: case["header"].update(preop_exam=None), "header.preop_exam", "block_claim"),
    ("01", lambda case: case["anesthesia"]["agents"][0].update(dose=None), "anesthesia.propofol.mcg/kg/min", "warn"),
    ("01", lambda case: case["anesthesia"]["nmb"].update(given_at=None), "anesthesia.nmb.given_at", "warn"),
    ("01", lambda case: case["physiology"][1].update(temp_c=None), "physiology.temp_c", "warn"),
    ("03", lambda case: case["stim_tests"][0].update(t=None), "stim_tests.ST1.t", "warn"),
    ("03", lambda case: case["stim_tests"][0].update(thr_ma=None), "stim_tests.ST1.thr_ma", "block_sign"),
    ("02", lambda case: case.update(stim_tests=[]), "stim_tests", "warn"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "take", "field", "severity"), TAKEN_OUT, ids=[f"{n}-{f}" for n, _, f, _ in TAKEN_OUT])
def test_what_is_taken_out_is_missed(
    name: str, take: Callable[[dict[str, Any]], Any], field: str, severity: str
) -> None:
    case = case_files.body(name)["case"]
    before = {gap.field for gap in missing(case_files.folded(case))}
    take(case)
    new = {gap.field: gap.severity for gap in missing(case_files.folded(case)) if gap.field not in before}
    assert new[field] == severity


def test_no_alerts_and_nothing_said_is_missing_until_somebody_says_so() -> None:
    facts = case_files.facts("01")
    silent = msgspec.structs.replace(facts, stated=frozenset(), signoff=c.Signoffs())
    assert [(gap.field, gap.severity) for gap in missing(silent)] == [("alerts", "block_sign")]
    assert missing(msgspec.structs.replace(silent, stated=frozenset({"no_alerts"}))) == []


def test_a_response_absent_at_baseline_is_not_expected_at_closing() -> None:
    facts = case_files.facts("05")
    assert facts.baseline("BL2").quality == "absent"
    assert not [gap for gap in missing(facts) if gap.field.startswith("closing.")]


def test_a_true_reason_turns_a_stop_into_a_warning_and_not_applicable_into_nothing() -> None:
    case = case_files.body("08")["case"]
    case["stim_tests"][3]["missing_reason"] = "technical"
    assert {gap.field: (gap.severity, gap.reason) for gap in missing(case_files.folded(case))}[
        "stim_tests.ST4.thr_ma"
    ] == (
        "warn",
        "technical",
    )
    case["stim_tests"][3]["missing_reason"] = "not_applicable"
    assert "stim_tests.ST4.thr_ma" not in {gap.field for gap in missing(case_files.folded(case))}


def test_two_corrections_that_disagree_stop_the_signature() -> None:
    facts = msgspec.structs.replace(case_files.facts("01"), conflicts=(c.Conflict(original="a", versions=("b", "c")),))
    assert [(gap.severity, gap.src) for gap in missing(facts)] == [("block_sign", "c")]


@given(st.sets(st.integers(0, 16)), st.sampled_from(case_files.NAMES))
def test_every_response_without_a_closing_row_is_named_once(left_out: set[int], name: str) -> None:
    facts = case_files.facts(name)
    rows = tuple(row for place, row in enumerate(facts.closing.rows) if place not in left_out)
    less = msgspec.structs.replace(facts, closing=msgspec.structs.replace(facts.closing, rows=rows))
    named = [gap.field for gap in missing(less) if gap.field.startswith("closing.BL")]
    said = {row.ref for row in rows if row.pct is not None or row.status != "not recorded"}
    wanted = {f"closing.{row.id}" for row in facts.baselines.rows if row.quality != "absent" and row.id not in said}
    assert len(named) == len(set(named))
    assert set(named) == wanted
