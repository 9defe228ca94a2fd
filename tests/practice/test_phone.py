"""What the phone is told: steps, limits and needs that say the same as the rules of the record itself."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from practice import cases as c
from practice import completeness, interchange, kinds, phone
from practice import record as r
from tests.cast import case_files

NOW = datetime(2026, 9, 1, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize("path", case_files(), ids=lambda path: path.stem)
def test_every_step_of_every_case_makes_entries_the_record_takes(path):
    header = interchange.read(path.read_bytes()).facts.header
    for step in phone.steps(header.procedure):
        for make in step.makes:
            times = {make.time: NOW} if make.time != "at" else {}
            data = msgspec.to_builtins({**make.data, **times, "kind": make.kind})
            assert msgspec.convert(data, r.KINDS[make.kind]).__struct_config__.tag == make.kind


def test_a_two_level_discectomy_has_its_taps_per_level_within_fifteen():
    procedure = c.Procedure(text="Anterior cervical discectomy and fusion, C5-C6 and C6-C7", levels=("C5-C6", "C6-C7"))
    taps = [step.label for step in phone.steps(procedure) if not step.also]
    assert len(taps) <= 15
    assert taps[6:11] == [
        "C5-C6 discectomy started", "C5-C6 interbody graft placed", "C6-C7 discectomy started",
        "C6-C7 interbody graft placed", "Anterior plate and screws placed",
    ]  # fmt: skip


def test_steps_and_chips_hold_no_measurement_no_time_and_no_negative():
    text = msgspec.json.encode((phone.steps(c.Procedure(text="Scoliosis correction")), phone.CHIPS)).decode()
    for word in ("no_alerts", "no_breaks", "no_stim_tests", "at_baseline", "amp_uv", "map_mmhg", "thr_ma"):
        assert word not in text


def test_the_limits_of_the_phone_are_those_of_the_record():
    numbers = phone.numbers()
    for name, fields in numbers.items():
        cls = c.AlertRow if name == "row" else r.KINDS[name]
        for field, told in fields.items():
            assert (told["least"], told["most"]) == kinds.limits(cls, field)
    assert numbers["physiology"]["map_mmhg"]["usual"] == (60, 120)
    assert json.loads(msgspec.json.encode(phone.form()))["latency"]["N20"] == [10, 40]


@pytest.mark.parametrize("need", phone.NEEDS, ids=lambda need: need.label)
def test_a_need_of_the_phone_is_told_of_an_empty_record_too(need):
    """What blocks the phone blocks the server: the stops of the list are those of `completeness`."""
    header = interchange.read(case_files()[0].read_bytes()).facts.header
    facts = r.facts([], header, case_id="C-1", tz="America/Chicago", rev=0)
    stops = {one.field for one in completeness.missing(facts) if one.severity == "block_sign"}
    fields = {
        "monitoring_start": "time.segments",
        "monitoring_stop": "time.segments",
        "alert": "alerts",
        "closing_data": "closing",
    }
    if need.block:
        assert fields[need.fits[0][0]] in stops


@given(st.integers(-400_000_000, 400_000_000))
def test_a_stamp_is_moved_by_the_offset_and_a_typed_time_stays(offset):
    typed = NOW - timedelta(days=1)
    moved = NOW + timedelta(milliseconds=offset if abs(offset) >= phone.IGNORED_MS else 0)
    stamped = r.Entry(client_id="a", at=NOW, data=r.BaselineSet(start=NOW, end=typed), entered_at=NOW)
    done = phone.corrected(stamped, offset)
    assert (done.at, done.entered_at, done.data.start, done.data.end) == (moved, moved, moved, typed)
    later = r.Entry(
        client_id="b", at=NOW, data=r.BaselineSet(start=NOW), entered_at=NOW + timedelta(seconds=9), replaces="a"
    )
    again = phone.corrected(later, offset, replaced=done, replaced_ms=offset)
    assert (again.at, again.data.start) == (moved, moved)


def test_the_words_of_a_corrected_clock():
    assert phone.clock_words(10_800_000) == "phone clock 3 h 0 min behind, corrected"
    assert phone.clock_words(-90_000) == "phone clock 1 min ahead, corrected"
    assert phone.clock_words(1_500) == phone.clock_words(None) == ""


def test_a_dose_is_asked_about_and_refused_by_the_same_limits_on_both_sides():
    for name, told in phone.form()["numbers"]["dose"].items():
        for dose, asked in ((told["usual"][0], 0), (told["usual"][1], 0), (told["most"], 1)):
            given_ = r.Anesthetic(agents=(c.Agent(name=name, dose=dose, unit=told["unit"]),))
            assert len(r.doubts(given_)) == asked, (name, dose)
        header = interchange.read(case_files()[0].read_bytes()).facts.header
        over = r.Anesthetic(agents=(c.Agent(name=name, dose=told["most"] + 1, unit=told["unit"]),))
        entry = r.Entry(client_id="a", at=NOW, data=over, entered_at=NOW)
        facts = r.facts([entry], header, case_id="C-1", tz="America/Chicago", rev=0)
        [problem] = r.impossible(facts)
        assert "must be between 0 and" in problem.message
