from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from practice import interchange, record
from practice.coding import Coding, PayerRule, as_json, code, default_rules, rule_for, units
from practice.studies import base_studies
from tests.practice.made_cases import ARMS_AND_LEGS, COMMERCIAL, MEDICARE, at, made, presence, segment, ssep

FILES = Path(__file__).resolve().parents[2] / "docs" / "cases"
FULL = msgspec.structs.replace(COMMERCIAL, rounding="full_unit_only")


def lines(coding: Coding) -> dict[str, int]:
    found: dict[str, int] = {}
    for line in coding.lines:
        found[line.code] = found.get(line.code, 0) + line.units
    return found


def emg(muscles: list[str], side: str | None = "B", site: str = "L2-S1 muscles", **more: object) -> dict[str, object]:
    """The changes that make a case of EMG alone, with one baseline row for the group."""
    row = {"id": "BL1", "modality": "EMG", "side": side, "site": site, "quality": "quiet"}
    modality = {"code": "EMG", "region": "segmental", "muscles": muscles, **more}
    return {"modalities": [modality], "baselines__rows": [row]}


# Minutes to units


VECTORS = [
    (0, 0, 0), (7, 0, 0), (8, 1, 0), (15, 1, 0), (22, 1, 0), (23, 2, 0), (30, 2, 0), (31, 2, 1), (37, 2, 1), (38, 3, 1),
    (52, 3, 1), (53, 4, 1), (60, 4, 1), (67, 4, 1), (68, 5, 1), (82, 5, 1), (83, 6, 1), (90, 6, 1), (91, 6, 2),
    (97, 6, 2), (98, 7, 2), (112, 7, 2), (113, 8, 2), (120, 8, 2), (150, 10, 2), (151, 10, 3), (180, 12, 3),
    (210, 14, 3), (211, 14, 4), (240, 16, 4), (270, 18, 4), (271, 18, 5), (330, 22, 5), (331, 22, 6), (420, 28, 7),
    (480, 32, 8),
]  # fmt: skip


@pytest.mark.parametrize(("minutes", "quarters", "hours"), VECTORS)
def test_units_are_those_of_the_reference(minutes: int, quarters: int, hours: int) -> None:
    assert units("95940", minutes, COMMERCIAL) == units("G0453", minutes, MEDICARE) == quarters
    assert units("95941", minutes, COMMERCIAL) == hours


@given(st.integers(0, 3000))
def test_units_agree_with_adding_minute_by_minute(minutes: int) -> None:
    def counted(size: int) -> int:
        found, rest = divmod(minutes, size)
        return found + (rest > size / 2)

    assert units("95940", minutes, COMMERCIAL) == counted(15)
    assert units("95941", minutes, COMMERCIAL) == counted(60)
    assert units("95941", minutes, FULL) == minutes // 60


# The case files


@pytest.mark.parametrize("path", sorted(FILES.glob("*.json")), ids=lambda path: path.stem)
def test_a_case_file_comes_to_what_it_expects(path: Path) -> None:
    read = interchange.read(path.read_bytes())
    entries = interchange.entries_from(read.facts, key="k", received_at=datetime(2026, 9, 1, tzinfo=UTC))
    facts = record.facts(entries, read.facts.header, case_id=read.facts.id, tz=read.facts.tz, rev=1)
    expected = json.loads(path.read_bytes())["expected"]
    coding = code(facts, rule=rule_for(default_rules(), facts.header.payer_class, facts.header.date_of_service))
    derived = expected["derived"]
    assert coding.counted_minutes == derived["monitoring_minutes"]
    assert [row.minutes for row in coding.segments] == derived["segment_minutes"]
    assert str(coding.date_of_service) == derived["billing_date_of_service"]
    medicare = facts.header.payer_class == "medicare"
    wanted = derived["candidate_units"]["hcpcs_G0453_per_15min_exclusive" if medicare else "cpt_95941_per_hour"]
    assert lines(coding).get("G0453" if medicare else "95941", 0) == wanted
    about_time = {"alert_present", "unresolved_alert", "new_deficit", "incomplete"}
    assert set(coding.flags) == set(expected["flags"]) - about_time
    candidates = [set(each.split(" or ")) for each in expected["baseline_cpt_candidates"]]
    base = {line.code for line in coding.lines} - {"95941", "G0453"}
    said = base | {row.code for row in coding.not_billed}
    assert all(any(one in group for group in candidates) for one in base)
    assert all(group & said for group in candidates)
    assert all(line.sources for line in coding.lines)


def test_the_arithmetic_is_written_as_a_sum() -> None:
    line = code(made(), rule=COMMERCIAL).lines[-1]
    assert line.derivation == "95 min counted: 08:00 to 09:35; set-up 40 min not counted; 95941 = floor((95+29)/60) = 2"


def test_full_units_only_is_written_without_the_half() -> None:
    line = code(made(), rule=FULL).lines[-1]
    assert line.derivation.endswith("95941 = floor(95/60) = 1")


def test_as_json_has_the_keys_a_script_reads() -> None:
    body = as_json(code(made(), rule=COMMERCIAL))
    assert {"counted_minutes", "segments", "lines", "not_billed"} <= set(body)
    assert {"code", "modifiers", "units", "minutes", "derivation"} <= set(body["lines"][0])
    assert json.loads(json.dumps(body)) == body


# What counts


def test_set_up_baselines_and_removal_are_listed_with_their_minutes() -> None:
    coding = code(made(), rule=COMMERCIAL)
    said = " | ".join(row.reason for row in coding.not_billed)
    assert "set-up 40 min not counted" in said
    assert "baselines 20 min not counted" in said
    assert "electrodes were out 10 min not counted" in said
    assert "waiting before monitoring 30 min not counted" in said


def test_every_minute_stands_in_one_place() -> None:
    facts = made(time__breaks=[{"start": at("08:10"), "end": at("08:20")}])
    coding = code(facts, rule=COMMERCIAL)
    assert coding.counted_minutes + sum(row.minutes or 0 for row in coding.not_billed) == 195


def test_a_pause_is_not_counted() -> None:
    facts = made(
        events=[{"id": "EV1", "t": at("08:20"), "type": "pause"}, {"id": "EV2", "t": at("08:40"), "type": "resume"}]
    )
    coding = code(facts, rule=COMMERCIAL)
    assert coding.counted_minutes == 75
    assert "gap_20_min_not_counted" in coding.flags


def test_a_break_inside_a_segment_is_not_counted() -> None:
    coding = code(made(time__breaks=[{"start": at("08:10"), "end": at("08:20"), "reason": "films"}]), rule=COMMERCIAL)
    assert coding.counted_minutes == 85
    assert "break (films) 10 min not counted" in coding.lines[-1].derivation


def test_an_open_pause_is_not_guessed_at() -> None:
    coding = code(made(events=[{"id": "EV1", "t": at("08:20"), "type": "pause"}]), rule=COMMERCIAL)
    assert coding.counted_minutes == 95
    assert any("its end is not recorded" in warning for warning in coding.warnings)


def test_minutes_without_a_physician_are_not_counted() -> None:
    coding = code(made(physician_log=[presence("07:55", "08:30"), presence("08:45", "09:36")]), rule=COMMERCIAL)
    assert coding.counted_minutes == 80
    assert any("no physician connected 15 min" in row.reason for row in coding.not_billed)


def test_a_missing_disconnect_keeps_the_minutes_and_says_so() -> None:
    coding = code(made(physician_log=[presence("07:55", None)]), rule=COMMERCIAL)
    assert coding.counted_minutes == 95
    assert any("disconnect not recorded for 95 of these min" in step for step in coding.lines[-1].steps)


def test_a_baseline_that_runs_into_the_segment_is_taken_off() -> None:
    late = {"start": at("07:50"), "end": at("08:05"), "reviewed_by": "P1", "reviewed_at": at("08:06")}
    assert code(made(baselines__sets=[late]), rule=COMMERCIAL).counted_minutes == 90


def test_overlapping_segments_count_a_minute_once() -> None:
    facts = made(time__segments=[segment("08:00", "09:00"), segment("08:30", "09:35", id="S2")])
    coding = code(facts, rule=COMMERCIAL)
    assert coding.counted_minutes == 95
    assert [row.minutes for row in coding.segments] == [60, 35]


def test_a_segment_without_a_stop_counts_nothing_and_warns() -> None:
    coding = code(made(time__segments=[segment("08:00", None)]), rule=COMMERCIAL)
    assert coding.counted_minutes == 0
    assert "S1 has no stop" in coding.warnings[0]


def test_an_empty_record_codes_to_nothing() -> None:
    coding = code(made(time={}, baselines={}, modalities=[], physician_log=[], staff={}), rule=COMMERCIAL)
    assert coding.counted_minutes == 0
    assert coding.lines == ()
    assert coding.date_of_service == date(2026, 3, 17)


@given(start=st.integers(-240, 240), length=st.integers(1, 400), autumn=st.booleans())
def test_a_change_of_the_clock_neither_makes_nor_eats_minutes(start: int, length: int, autumn: bool) -> None:
    zone = ZoneInfo("America/New_York")
    change = datetime(2026, 11, 1, 6, tzinfo=UTC) if autumn else datetime(2026, 3, 8, 7, tzinfo=UTC)
    begin = change + timedelta(minutes=start)
    end = begin + timedelta(minutes=length)
    part = {"id": "S1", "start": begin.astimezone(zone).isoformat(), "end": end.astimezone(zone).isoformat()}
    facts = made(tz="America/New_York", time={"segments": [part]}, baselines__sets=[], physician_log=[])
    coding = code(facts, rule=COMMERCIAL)
    assert coding.counted_minutes == length
    assert lines(coding).get("95941", 0) == (length + 29) // 60


def test_the_autumn_night_of_275_minutes_is_5_units() -> None:
    part = {"id": "S1", "start": "2026-11-01T00:30:00-04:00", "end": "2026-11-01T04:05:00-05:00"}
    facts = made(tz="America/New_York", time={"segments": [part]}, baselines__sets=[], physician_log=[])
    coding = code(facts, rule=COMMERCIAL)
    assert lines(coding)["95941"] == 5
    assert "crosses_clock_change" in coding.flags
    assert "EDT" in coding.lines[-1].derivation


# Which code


def test_medicare_pays_remote_minutes_only_when_exclusive() -> None:
    log = presence("07:55", "09:36", exclusive=[{"from": at("08:00"), "to": at("08:40")}])
    coding = code(made(physician_log=[log]), rule=MEDICARE)
    assert lines(coding)["G0453"] == 3
    assert "95941" not in lines(coding)
    assert any(row.minutes == 55 and "exclusive" in row.reason for row in coding.not_billed)


def test_medicare_without_exclusive_minutes_bills_none() -> None:
    assert "G0453" not in lines(code(made(), rule=MEDICARE))


def test_exclusive_minutes_of_a_commercial_payer_stay_hourly() -> None:
    log = presence("07:55", "09:36", exclusive=[{"from": at("08:00"), "to": at("08:40")}])
    assert lines(code(made(physician_log=[log]), rule=COMMERCIAL))["95941"] == 2


def test_thirty_minutes_are_no_unit_and_said() -> None:
    coding = code(made(time__segments=[segment("08:00", "08:30")]), rule=COMMERCIAL)
    assert "95941" not in lines(coding)
    assert "95941_not_reportable_30_min_or_less" in coding.flags
    assert any(row.code == "95941" and row.minutes == 30 for row in coding.not_billed)


def test_in_the_room_with_one_case_is_the_quarter_code() -> None:
    coding = code(made(time__segments=[segment("08:00", "09:35", "in_room")]), rule=MEDICARE)
    assert lines(coding)["95940"] == 6
    assert "medicare_use_G0453_not_95941" not in coding.flags


def test_in_the_room_with_two_cases_is_not() -> None:
    two = [{"from": at("08:30"), "to": at("09:35"), "n": 2}]
    facts = made(
        time__segments=[segment("08:00", "09:35", "in_room")],
        physician_log=[presence("07:55", "09:36", concurrency=two)],
    )
    assert {key: lines(code(facts, rule=COMMERCIAL))[key] for key in ("95940", "95941")} == {"95940": 2, "95941": 1}
    medicare = code(facts, rule=MEDICARE)
    assert lines(medicare)["95940"] == 2
    assert any(row.minutes == 65 and "more than one case" in row.reason for row in medicare.not_billed)


def test_mixed_modes_bill_different_minutes() -> None:
    facts = made(time__segments=[segment("08:00", "08:30", "in_room"), segment("08:30", "09:35", id="S2")])
    coding = code(facts, rule=COMMERCIAL)
    minutes = {line.code: line.minutes for line in coding.lines if line.minutes}
    assert minutes == {"95940": 30, "95941": 65}
    assert any("95941 is bundled into 95940" in warning for warning in coding.warnings)


def test_a_payer_that_takes_no_remote_code_is_billed_none() -> None:
    rule = PayerRule(payer_class="commercial", accepts=("95940",), remote_code=None)
    coding = code(made(), rule=rule)
    assert not {"95941", "G0453"} & set(lines(coding))
    assert any(row.minutes == 95 for row in coding.not_billed)


def test_after_a_hand_over_each_bills_their_own_minutes() -> None:
    staff = [{"id": "P1", "name": "Pia Park, MD"}, {"id": "P2", "name": "Sol Ortiz, MD"}]
    logs = [presence("07:55", "08:50", "P2"), presence("08:40", "09:36", "P1")]
    facts = made(staff__physicians=staff, physician_log=logs)
    coding = code(facts, rule=COMMERCIAL)
    hourly = {line.rendering: line for line in coding.lines if line.code == "95941"}
    assert {who: line.minutes for who, line in hourly.items()} == {"P2": 50, "P1": 45}
    assert "two_interpreting_physicians_each_signs_own_interval" in coding.flags
    assert any("each minute belongs to the one connected first" in step for step in hourly["P1"].steps)
    assert any("95941 of Sol Ortiz, MD has no base study" in warning for warning in coding.warnings)


pairs = st.lists(
    st.tuples(st.integers(0, 100), st.integers(1, 60), st.sampled_from(["P1", "P2"])), min_size=1, max_size=5
)


@given(pairs)
def test_no_minute_is_billed_twice_and_none_without_a_connection(logs: list[tuple[int, int, str]]) -> None:
    day = datetime.fromisoformat(at("07:50"))
    log = [
        {"physician": who, "connect": day + timedelta(minutes=a), "disconnect": day + timedelta(minutes=a + b)}
        for a, b, who in logs
    ]
    coding = code(made(physician_log=log), rule=COMMERCIAL)
    watched = {minute for a, b, _ in logs for minute in range(a, a + b)} & set(range(10, 105))
    # Nobody connected in the monitoring at all: the connections are known, so nothing counts.
    assert coding.counted_minutes == len(watched)
    billed = [row for row in (*coding.lines, *coding.not_billed) if row.code == "95941"]
    assert sum(row.minutes for row in billed) == len(watched)


def test_units_above_the_daily_edit_are_warned_about() -> None:
    facts = made(
        time={"segments": [segment("08:00", "17:00", "in_room")]},
        physician_log=[presence("07:55", "17:36", concurrency=[])],
    )
    assert any("above the daily edit of 32" in warning for warning in code(facts, rule=COMMERCIAL).warnings)


# Rules by date


def test_the_rule_of_the_date_of_service_applies() -> None:
    old = msgspec.structs.replace(COMMERCIAL, until_on=date(2026, 6, 30))
    new = msgspec.structs.replace(FULL, from_on=date(2026, 7, 1))
    assert rule_for([new, old], "commercial", date(2026, 6, 30)) is old
    assert rule_for([new, old], "commercial", date(2026, 7, 1)) is new
    assert rule_for([new, old], "medicare", date(2026, 7, 1)) is None
    assert rule_for([new, old], None, date(2026, 7, 1)) is None


def test_each_class_of_payers_has_a_rule_with_its_source() -> None:
    rules = default_rules()
    assert {rule.payer_class for rule in rules} == {
        "commercial", "medicare", "medicare_advantage", "medicaid", "auto", "workers_comp", "self_pay"
    }  # fmt: skip
    assert all(rule.source and rule.certainty for rule in rules)
    assert not any(rule.follows_cms and "95941" in rule.accepts for rule in rules)


# Base studies


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (ARMS_AND_LEGS, "95938"),
        (ARMS_AND_LEGS[:2], "95925"),
        (ARMS_AND_LEGS[2:], "95926"),
        (ssep(("L", "posterior tibial", "absent"), ("R", "ulnar", "good")), "95925"),
        (ssep(("L", "pudendal", "good")), "95927"),
    ],
)
def test_ssep_is_coded_by_what_a_baseline_documents(rows: list[dict], expected: str) -> None:
    found = base_studies(made(baselines__rows=rows))
    assert [study.code for study in found.studies] == [expected]


def test_a_test_whose_baselines_are_all_absent_is_not_billed_and_said() -> None:
    coding = code(made(baselines__rows=ssep(("L", "ulnar", "absent"), ("R", "ulnar", "absent"))), rule=COMMERCIAL)
    assert set(lines(coding)) == {"95941"}
    assert any("arm SSEP was run, but it has no baseline" in row.reason for row in coding.not_billed)
    assert any("needs an accepted base study" in warning for warning in coding.warnings)


def test_legs_run_without_a_baseline_are_left_out_and_said() -> None:
    coding = code(made(baselines__rows=ARMS_AND_LEGS[:2]), rule=COMMERCIAL)
    assert any(row.code == "95926" and "no baseline" in row.reason for row in coding.not_billed)


def test_a_baseline_of_what_was_not_run_is_no_study() -> None:
    coding = code(made(modalities=[]), rule=COMMERCIAL)
    assert set(lines(coding)) == {"95941"}
    assert any("what was run is not recorded" in row.reason for row in coding.not_billed)


def test_one_side_alone_suggests_52() -> None:
    coding = code(made(baselines__rows=ssep(("L", "ulnar", "good"))), rule=COMMERCIAL)
    assert any("modifier 52" in warning for warning in coding.warnings)
    both = code(made(baselines__rows=ssep(("L", "ulnar", "good"), ("R", "ulnar", "absent"))), rule=COMMERCIAL)
    assert not any("modifier 52" in warning for warning in both.warnings)


@pytest.mark.parametrize(
    ("sites", "expected"),
    [
        (["deltoid", "abductor hallucis"], ["95939"]),
        (["APB"], ["95928"]),
        (["tibialis anterior"], ["95929"]),
        (["tongue"], []),
    ],
)
def test_motor_evoked_potentials_are_coded_by_their_muscles(sites: list[str], expected: list[str]) -> None:
    rows = [
        {"id": f"BL{n}", "modality": "TcMEP", "side": "B", "site": s, "quality": "good"} for n, s in enumerate(sites)
    ]
    found = base_studies(made(modalities=[{"code": "TcMEP", "region": "UL+LL"}], baselines__rows=rows))
    assert [study.code for study in found.studies] == expected


FIVE_LEG = ["iliopsoas", "vastus lateralis", "tibialis anterior", "gastrocnemius", "abductor hallucis"]
FIVE_ARM = ["deltoid", "biceps", "triceps", "APB", "first dorsal interosseous"]


@pytest.mark.parametrize(
    ("muscles", "side", "expected"),
    [
        (FIVE_LEG, "B", [("95861", 1)]),
        (FIVE_LEG, "L", [("95860", 1)]),
        (FIVE_LEG + FIVE_ARM, "B", [("95864", 1)]),
        (FIVE_LEG[:4], "B", [("95870", 2)]),
        (FIVE_LEG + FIVE_ARM[:2], "B", [("95861", 1), ("95870", 2)]),
        (["tibialis anterior", "external anal sphincter"], "B", [("95870", 3)]),
        (["orbicularis oculi", "mentalis"], "R", [("95867", 1)]),
        (["orbicularis oculi", "mentalis"], "B", [("95868", 1)]),
        (["vocalis"], "B", [("95865", 1)]),
        (["gastrocnemius", "soleus", "flexor hallucis brevis", "abductor hallucis", "tibialis posterior"], "L", [("95860", 1)]),
        (["gastrocnemius", "soleus", "flexor hallucis brevis", "abductor hallucis", "medial gastrocnemius"], "L", [("95870", 1)]),
    ],
)  # fmt: skip
def test_emg_is_coded_by_limbs_fully_studied(muscles: list[str], side: str, expected: list[tuple[str, int]]) -> None:
    found = base_studies(made(**emg(muscles, side)))
    assert [(study.code, study.units) for study in found.studies] == expected


def test_emg_rows_that_name_a_muscle_cover_that_muscle_alone() -> None:
    found = base_studies(made(**emg(FIVE_LEG, "L", site="tibialis anterior")))
    assert [(study.code, study.units) for study in found.studies] == [("95870", 1)]


def test_emg_without_named_muscles_is_not_billed_and_said() -> None:
    found = base_studies(made(**emg([])))
    assert found.studies == ()
    assert "muscles are not named" in found.left_out[0].reason


def test_an_unknown_muscle_is_named_and_not_counted() -> None:
    found = base_studies(made(**emg(["tibialis anterior", "musculus inventus"])))
    assert "musculus inventus" in found.warnings[0]


def test_train_of_four_triggered_emg_and_d_wave_stand_beside_the_claim() -> None:
    found = base_studies(made(modalities=[{"code": "TOF"}, {"code": "tEMG"}, {"code": "DWAVE"}], baselines__rows=[]))
    assert found.studies == ()
    assert [left.code for left in found.left_out] == ["95937", None, None]


@pytest.mark.parametrize(
    ("procedure", "expected"),
    [
        ({"text": "Right carotid endarterectomy", "cpt": ["35301"]}, "95955"),
        ({"text": "Craniotomy", "cpt": ["61510"]}, "95822"),
        ({"text": "Craniotomy for tumor"}, "95822"),
        ({"text": "Carotid endarterectomy"}, "95955"),
    ],
)
def test_eeg_follows_the_operation(procedure: dict, expected: str) -> None:
    rows = [{"id": "BL1", "modality": "EEG", "side": "B", "descriptor": "symmetric alpha and beta"}]
    facts = made(header__procedure=procedure, modalities=[{"code": "EEG"}], baselines__rows=rows)
    coding = code(facts, rule=COMMERCIAL)
    assert expected in lines(coding)
    alone = any("needs an accepted base study" in warning for warning in coding.warnings)
    assert alone is (expected == "95955")


def test_baep_takes_no_26_and_does_not_carry_medicare_minutes() -> None:
    rows = [{"id": "BL1", "modality": "BAEP", "side": "B", "site": "wave V", "quality": "good"}]
    log = presence("07:55", "09:36", exclusive=[{"from": at("08:00"), "to": at("09:00")}])
    facts = made(modalities=[{"code": "BAEP"}], baselines__rows=rows, physician_log=[log])
    coding = code(facts, rule=MEDICARE)
    assert coding.lines[0].code == "92653"
    assert coding.lines[0].modifiers == ()
    assert any("G0453 needs an accepted base study" in warning for warning in coding.warnings)
    assert any("expect a denial" in warning for warning in coding.warnings)


def test_an_aborted_case_asks_for_a_coder() -> None:
    coding = code(made(status="aborted"), rule=COMMERCIAL)
    assert {"aborted", "coder_review_discontinued_procedure"} <= set(coding.flags)
    assert any("modifier 53" in warning for warning in coding.warnings)


# Whose part


@pytest.mark.parametrize(
    ("pos", "professional", "technical", "expected"),
    [
        ("21", True, False, ("26",)),
        ("24", True, True, ("26",)),
        (None, True, False, ("26",)),
        ("11", True, True, ()),
        ("11", True, False, ("26",)),
        ("11", False, True, ("TC",)),
        ("22", False, True, None),
    ],
)
def test_the_component_follows_place_and_agreement(
    pos: str | None, professional: bool, technical: bool, expected: tuple[str, ...] | None
) -> None:
    coding = code(made(), rule=COMMERCIAL, pos=pos, professional_owned=professional, technical_owned=technical)
    found = {line.code: line.modifiers for line in coding.lines}
    assert found.get("95938") == expected
    assert found.get("95941") == (() if professional else None)
