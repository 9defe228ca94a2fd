from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from practice import concurrency as conc
from tests.practice.made_cases import at, made, presence, segment, when

START = datetime(2026, 3, 17, tzinfo=UTC)
stretches = st.lists(
    st.tuples(st.integers(0, 200), st.integers(1, 90)).map(lambda pair: (pair[0], pair[0] + pair[1])), max_size=8
)


def instants(pairs: list[tuple[int, int]]) -> list[conc.Interval]:
    return [(START + timedelta(minutes=a), START + timedelta(minutes=b)) for a, b in pairs]


def brute(pairs: list[tuple[int, int]]) -> set[int]:
    """Each minute that lies in a stretch, one by one."""
    return {minute for a, b in pairs for minute in range(a, b)}


def as_minutes(found: conc.Intervals) -> set[int]:
    return brute([tuple(int((edge - START).total_seconds()) // 60 for edge in stretch) for stretch in found])


@given(stretches)
def test_union_holds_each_minute_once_and_in_order(pairs: list[tuple[int, int]]) -> None:
    found = conc.union(instants(pairs))
    assert as_minutes(found) == brute(pairs)
    assert conc.minutes(instants(pairs)) == len(brute(pairs))
    assert all(first[1] < second[0] for first, second in zip(found, found[1:], strict=False))


@given(stretches, stretches)
def test_clip_and_subtract_agree_with_counting_minute_by_minute(
    one: list[tuple[int, int]], other: list[tuple[int, int]]
) -> None:
    assert as_minutes(conc.clip(instants(one), instants(other))) == brute(one) & brute(other)
    assert as_minutes(conc.subtract(instants(one), instants(other))) == brute(one) - brute(other)


@given(stretches)
def test_levels_count_as_many_as_a_person_would(pairs: list[tuple[int, int]]) -> None:
    found = {}
    for start, end, n in conc.levels(instants(pairs)):
        for minute in as_minutes(((start, end),)):
            found[minute] = n
    assert found == {minute: sum(a <= minute < b for a, b in pairs) for minute in brute(pairs)}


@given(st.lists(st.integers(1, 3600), min_size=1, max_size=20))
def test_seconds_are_cut_off_once_after_adding_up(seconds: list[int]) -> None:
    made_of = []
    begin = START
    for length in seconds:
        made_of.append((begin, begin + timedelta(seconds=length)))
        begin += timedelta(seconds=length + 60)
    assert conc.minutes(made_of) == sum(seconds) // 60


def test_elapsed_time_does_not_follow_the_clock_on_the_wall() -> None:
    zone = ZoneInfo("America/New_York")
    night = conc.interval(datetime(2026, 11, 1, 0, 30, tzinfo=zone), datetime(2026, 11, 1, 4, 5, tzinfo=zone))
    assert conc.minutes(night) == 275


def test_an_interval_without_an_end_or_backwards_is_empty() -> None:
    assert conc.interval(when("08:00"), None) == ()
    assert conc.interval(when("09:00"), when("08:00")) == ()


def test_a_gap_in_presence_is_found_and_a_pause_is_none() -> None:
    facts = made(physician_log=[presence("07:55", "08:30"), presence("08:45", "09:36")])
    assert conc.minutes(conc.presence_gaps(facts)) == 15
    facts = made(
        physician_log=[presence("07:55", "08:30"), presence("08:45", "09:36")],
        time__breaks=[{"start": at("08:30"), "end": at("08:45")}],
    )
    assert conc.presence_gaps(facts) == ()


def test_a_connection_without_an_end_is_assumed_and_ends_at_the_next() -> None:
    facts = made(physician_log=[presence("07:55", None), presence("09:00", "09:20")])
    (who,) = conc.attendances(facts)
    assert conc.minutes(who.known) == 20
    assert who.assumed == conc.interval(when("07:55"), when("09:00"))
    assert conc.minutes(conc.presence_gaps(facts)) == 15


def test_peak_looks_at_the_monitoring_only() -> None:
    rows = [{"from": at("06:00"), "to": at("08:00"), "n": 4}, {"from": at("08:00"), "to": at("09:00"), "n": 2}]
    assert conc.peak(made(physician_log=[presence("07:55", "09:36", concurrency=rows)])) == 2
    assert conc.peak(made(physician_log=[])) is None


def test_exclusive_minutes_lie_in_the_monitoring_the_connection_and_one_case() -> None:
    rows = [{"from": at("08:00"), "to": at("08:30"), "n": 1}, {"from": at("08:30"), "to": at("08:40"), "n": 2}]
    log = presence("08:10", "09:00", concurrency=rows, exclusive=[{"from": at("07:50"), "to": at("09:30")}])
    assert conc.exclusive_minutes(made(physician_log=[log])) == 40


def test_a_remote_exclusive_segment_says_so_itself() -> None:
    facts = made(time__segments=[segment("08:00", "09:00", "remote_exclusive")])
    assert conc.exclusive_minutes(facts) == 60


def test_an_open_pause_is_named_and_a_closed_one_is_not() -> None:
    pause = {"id": "EV1", "t": at("08:20"), "type": "pause"}
    resume = {"id": "EV2", "t": at("08:40"), "type": "resume"}
    assert conc.open_pauses(made(events=[pause])) == (when("08:20"),)
    assert conc.open_pauses(made(events=[pause, resume])) == ()
    assert conc.minutes(conc.pauses(made(events=[resume, pause]))) == 20
