"""The fold of entries: the same facts in any order of arrival, and nothing lost."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from practice import cases, interchange, record
from tests.cast import case_files

START = datetime(2026, 6, 9, 14, 0, tzinfo=UTC)
HEADER = cases.Header(
    date_of_service=date(2026, 6, 9),
    facility=cases.FacilityHeader(name="Mercy"),
    patient=cases.PatientHeader(name="TESTPATIENT, QUINN"),
    procedure=cases.Procedure(text="ACDF C5-C6"),
)


def fold(entries) -> cases.Facts:
    return record.facts(entries, HEADER, case_id="C-1", tz="America/Chicago", rev=1)


def entry(name: str, data, minute: int = 0, *, at: int | None = 0, replaces: str | None = None, device: str = "A"):
    return record.Entry(
        client_id=name, at=None if at is None else START + timedelta(minutes=at), data=data,
        entered_at=START + timedelta(minutes=minute), device=device, replaces=replaces,
    )  # fmt: skip


def event(text: str) -> record.Event:
    return record.Event(type="other", text=text)


TEXTS = st.sampled_from(["Skin incision", "Exposure", "Screws", "Rod"])
DATA = st.one_of(
    st.builds(event, TEXTS),
    st.builds(record.Physiology, map_mmhg=st.integers(20, 250)),
    st.builds(record.Baseline, modality=st.just("SSEP"), side=st.sampled_from("LR"), amp_uv=st.integers(0, 900)),
    st.builds(record.Milestone, what=st.sampled_from(["setup_start", "setup_end"])),
    st.builds(record.MonitoringStart, mode=st.just("remote")),
    st.builds(record.MonitoringStop),
    st.builds(record.Alert, modality=st.just("TcMEP")),
)


@st.composite
def records_of(draw) -> list[record.Entry]:
    """A record kept on two phones: first entries, corrections of any of them, strikes, chains, cycles."""
    made: list[record.Entry] = []
    for number in range(draw(st.integers(1, 12))):
        replaced = draw(st.none() | st.sampled_from(made)) if made else None
        if replaced and replaced.kind != "struck" and draw(st.booleans()):
            data = record.Struck()
        elif replaced and replaced.kind != "struck":
            data = draw(DATA.filter(lambda one, kind=replaced.kind: one.__struct_config__.tag == kind))
        else:
            data, replaced = draw(DATA), None
        made.append(
            entry(
                f"e{number}", data, draw(st.integers(0, 40)), at=draw(st.integers(0, 300)),
                replaces=replaced.client_id if replaced else None, device=draw(st.sampled_from("AB")),
            )
        )  # fmt: skip
    for alert in [one.client_id for one in made if one.kind == "alert"]:
        if draw(st.booleans()):
            made.append(entry(f"told-{alert}", record.Told(alert=alert, who="surgeon"), 41, at=60))
    if draw(st.booleans()) and len(made) > 1:
        # Two entries that say they replace each other: no phone makes them, a broken one might.
        one, other = made[0], made[-1]
        made[0] = msgspec.structs.replace(one, replaces=other.client_id)
        made[-1] = msgspec.structs.replace(other, replaces=one.client_id)
    return made


@settings(max_examples=120, deadline=None)
@given(records_of(), st.data())
def test_any_order_of_arrival_and_any_repeats_give_the_same_facts(entries, data):
    shuffled = data.draw(st.permutations(entries)) + data.draw(st.lists(st.sampled_from(entries), max_size=5))
    there, again = fold(entries), fold(shuffled)
    assert again == there
    assert cases.dump(again) == cases.dump(there)
    assert cases.digest(again) == cases.digest(there)


@settings(max_examples=120, deadline=None)
@given(records_of())
def test_a_record_that_arrives_piece_by_piece_ends_the_same(entries):
    arrived: list[record.Entry] = []
    for one in reversed(entries):
        arrived.append(one)
        fold(arrived)  # a part of a record folds too: what an entry speaks of may still be on its way
    assert fold(arrived) == fold(entries)


@settings(max_examples=120, deadline=None)
@given(records_of())
def test_every_entry_stands_or_something_newer_stands_or_strikes_in_its_place(entries):
    """The brute force twin: walk each entry's corrections by hand; no first entry may vanish without a strike."""
    standing = {one.client_id for one in record.current(entries)}
    children: dict[str, list[record.Entry]] = {}
    for one in entries:
        children.setdefault(one.replaces, []).append(one)
    for root in (one for one in entries if one.replaces is None):
        family, todo = [], [root]
        while todo:
            one = todo.pop()
            family.append(one)
            todo += children.get(one.client_id, [])
        alive = [one for one in family if one.client_id in standing]
        struck = [one for one in family if one.kind == "struck"]
        assert len(alive) == 1 or (not alive and struck)


def by_hand(*entries: record.Entry) -> list[str]:
    return [one.text for one in fold(entries).events]


def test_a_correction_that_arrives_before_its_original_waits_for_it():
    first, second = entry("a", event("Incison")), entry("b", event("Incision"), 5, replaces="a")
    assert by_hand(second, first) == by_hand(first, second) == ["Incision"]


def test_a_chain_of_corrections_ends_at_the_last():
    chain = [entry("a", event("1")), entry("b", event("2"), 1, replaces="a"), entry("c", event("3"), 2, replaces="b")]
    assert by_hand(*chain) == ["3"]


def test_a_strike_takes_the_entry_out():
    assert by_hand(entry("a", event("1")), entry("b", record.Struck(), 1, replaces="a")) == []


def test_a_strike_taken_back_brings_the_entry_back():
    first, struck = entry("a", event("1")), entry("b", record.Struck(), 1, replaces="a")
    assert by_hand(first, struck, entry("c", event("1"), 2, replaces="b")) == ["1"]


def test_two_corrections_made_apart_are_both_kept_and_asked_about():
    facts = fold(
        [
            entry("a", event("1")),
            entry("b", event("2"), 1, replaces="a"),
            entry("c", event("3"), 2, replaces="a", device="B"),
        ]
    )
    assert [one.text for one in facts.events] == ["3"]
    assert facts.conflicts == (cases.Conflict(original="a", versions=("b", "c")),)


def test_two_corrections_that_say_the_same_are_not_asked_about():
    facts = fold(
        [entry("a", event("1")), entry("b", event("2"), 1, replaces="a"), entry("c", event("2"), 2, replaces="a")]
    )
    assert [one.text for one in facts.events] == ["2"] and not facts.conflicts


def test_a_strike_against_a_correction_keeps_the_correction_and_asks():
    facts = fold(
        [entry("a", event("1")), entry("b", event("2"), 1, replaces="a"), entry("c", record.Struck(), 9, replaces="a")]
    )
    assert [one.text for one in facts.events] == ["2"] and len(facts.conflicts) == 1


@pytest.mark.parametrize("keep", ["b", "c"])
def test_a_choice_between_versions_settles_the_question(keep):
    """Settled as actions.records does it: the kept version is put in place of the other."""
    entries = [entry("a", event("1")), entry("b", event("2"), 1, replaces="a"), entry("c", event("3"), 2, replaces="a")]
    other = {"b": "c", "c": "b"}[keep]
    kept = next(one for one in entries if one.client_id == keep)
    facts = fold([*entries, entry("d", kept.data, 20, replaces=other)])
    assert [one.text for one in facts.events] == [kept.data.text] and not facts.conflicts


def test_a_told_finds_its_alert_through_a_correction_on_either_branch():
    entries = [
        entry("a", record.Alert(modality="SSEP")),
        entry("b", record.Alert(modality="TcMEP"), 1, replaces="a"),
        entry("c", record.Alert(modality="EMG"), 2, replaces="a"),
        entry("t", record.Told(alert="b", who="surgeon"), 3),
    ]
    facts = fold(entries)
    assert [told.who for told in facts.alerts[0].communicated] == ["surgeon"] and not facts.dangling


def test_entries_that_replace_each_other_both_stay():
    assert sorted(by_hand(entry("a", event("1"), replaces="b"), entry("b", event("2"), 1, replaces="a"))) == ["1", "2"]


def test_an_entry_keyed_long_after_it_happened_is_late():
    facts = fold([entry("a", event("1"), 16, at=0), entry("b", event("2"), 14, at=0)])
    assert set(facts.late) == {"a"}


def test_a_changed_time_keeps_the_old_one():
    facts = fold([entry("a", event("1"), at=0), entry("b", event("1"), 3, at=2, replaces="a")])
    assert facts.late["b"].was == START and facts.late["b"].at == START + timedelta(minutes=2)


def test_what_a_file_brought_in_is_not_called_late():
    assert not fold([entry("a", event("1"), 900, device="import")]).late


@settings(max_examples=60, deadline=None)
@given(records_of())
def test_the_digest_changes_when_a_fact_changes_and_not_otherwise(entries):
    facts = fold(entries)
    renumbered = msgspec.structs.replace(facts, record_rev=facts.record_rev + 1)
    assert cases.digest(renumbered) == cases.digest(facts)
    more = fold([*entries, entry("more", event("Something else"), 50, at=301)])
    assert cases.digest(more) != cases.digest(facts)


@pytest.mark.parametrize("path", case_files(), ids=lambda path: path.stem)
def test_the_digest_of_a_case_file_follows_each_of_its_facts(path):
    file = interchange.read(path.read_bytes())
    entries = interchange.entries_from(file.facts, key="test", received_at=START)

    def digest(some):
        facts = record.facts(some, file.facts.header, case_id="C-1", tz=file.facts.tz, rev=1)
        return cases.digest(facts)

    whole = digest(entries)
    # The status that is assumed anyway is all that may be left out unnoticed.
    silent = {
        one.kind for index, one in enumerate(entries)
        if digest(entries[:index] + entries[index + 1 :]) == whole
    }  # fmt: skip
    assert silent <= {"outcome"}


def test_no_entry_without_a_known_kind_is_read():
    with pytest.raises(msgspec.ValidationError):
        record.decode_data('{"kind": "rumor", "text": "x"}')
