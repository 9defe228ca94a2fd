"""The record in time order: every entry once, whatever became of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from practice import history, record
from practice.cases import FacilityHeader, Header, PatientHeader, Procedure

AT = datetime(2026, 9, 1, 13, 0, tzinfo=UTC)
HEADER = Header(
    facility=FacilityHeader(name="Mercy"),
    patient=PatientHeader(name="TESTPATIENT, QUINN"),
    procedure=Procedure(text="ACDF"),
)


def entry(
    name: str,
    minute: int,
    text: str = "",
    *,
    replaces: str | None = None,
    keyed: int | None = None,
    struck: bool = False,
):
    data = record.Struck(reason=text or None) if struck else record.Event(type="other", text=text or name)
    keyed_at = AT + timedelta(minutes=minute if keyed is None else keyed)
    return record.Entry(
        client_id=name, at=AT + timedelta(minutes=minute), data=data, entered_at=keyed_at, replaces=replaces
    )


def lines(*entries: record.Entry) -> list[history.Line]:
    return history.lines(entries, record.facts(entries, HEADER, case_id="C-1", tz="America/Chicago", rev=1))


def test_a_correction_stands_with_what_was_said_before_under_it():
    (line,) = lines(entry("a", 0, "incision"), entry("b", 0, "skin incision", replaces="a", keyed=3))
    assert line.said.words == "Skin incision"
    assert [one.words for one in line.before] == ["Incision"]
    assert line.said.marks == ("corrected",)
    assert not line.struck


def test_a_moved_time_says_what_it_was():
    (line,) = lines(entry("a", 0, "incision"), entry("b", 5, "incision", replaces="a", keyed=6))
    assert line.said.time == "08:05"
    assert line.said.marks == ("time was 08:00",)


def test_a_struck_line_keeps_saying_what_was_struck_and_why():
    (line,) = lines(entry("a", 0, "incision"), entry("b", 0, "wrong case", replaces="a", keyed=2, struck=True))
    assert line.struck
    assert line.said.words == "Incision"
    assert [one.words for one in line.before] == ["Struck (wrong case)"]


def test_a_late_entry_is_marked():
    (line,) = lines(entry("a", 0, "incision", keyed=60))
    assert line.said.marks == ("late, keyed 09:00",)


@given(st.permutations(range(6)))
def test_every_entry_shows_once_in_time_order_whatever_the_order_of_arrival(order):
    made = [
        entry("a", 10), entry("b", 5), entry("a2", 10, "newer", replaces="a", keyed=12), entry("c", 1, keyed=40),
        entry("b2", 5, replaces="b", keyed=9, struck=True), entry("a3", 11, "newest", replaces="a2", keyed=13),
    ]  # fmt: skip
    shown = lines(*(made[index] for index in order))
    assert shown == lines(*made)
    names = [one.entry.client_id for line in shown for one in (line.said, *line.before)]
    assert sorted(names) == ["a", "a2", "a3", "b", "b2", "c"]
    assert [line.said.entry.client_id for line in shown] == ["c", "b", "a3"]
