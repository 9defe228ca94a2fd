"""When somebody is told again, who else is, and when it is night."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practice import alerts
from practice.alerts import Alert

CHICAGO = ZoneInfo("America/Chicago")
NIGHT = (time(21), time(6, 30))


def alert(threshold: int) -> Alert:
    return Alert(
        what="credential:1", edition=str(threshold), people=(1,), path="/", pace=alerts.pace(threshold),
        escalates=threshold <= alerts.TASK_DAYS,
    )  # fmt: skip


def told(threshold: int, days: int, has_second: bool = True) -> list[tuple[str, str]]:
    return alerts.reminders(alert(threshold), days, has_second=has_second)


def test_an_alert_is_told_again_then_to_the_second_person_then_to_the_owner():
    assert told(7, 0) == []
    assert told(7, 1) == [("7+1", "person")]
    assert told(7, 2) == [("7+2", "person"), ("7+second", "second")]
    assert told(7, 3) == [("7+3", "person"), ("7+second", "second"), ("7+owner", "owner")]


def test_without_a_second_person_it_goes_to_the_owner_a_step_earlier():
    assert told(7, 2, has_second=False) == [("7+2", "person"), ("7+owner", "owner")]


def test_far_from_the_end_it_is_told_again_each_week_and_to_nobody_else():
    assert told(90, 6) == []
    assert told(90, 29) == [("90+4", "person")]


def test_a_repetition_is_of_the_edition_it_repeats():
    assert {alerts.base(edition) for edition, _ in told(0, 5)} == {"0"}


def test_the_last_week_of_a_credential_is_urgent_and_nothing_else_is():
    assert alerts.is_urgent("credential:1", "7")
    assert alerts.is_urgent("credential:1", "0+3")
    assert not alerts.is_urgent("credential:1", "30")
    assert not alerts.is_urgent("report:1", "7")


@pytest.mark.parametrize("kind", alerts.KINDS)
def test_every_kind_has_a_default(kind):
    assert set(alerts.DEFAULT[kind]) <= set(alerts.CHANNELS)


# Quiet hours


def local(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHICAGO, fold=fold).astimezone(UTC)


def test_the_night_ends_by_the_clock_on_the_wall():
    assert alerts.quiet_until(local("2026-06-01 23:15:40"), CHICAGO, *NIGHT) == local("2026-06-02 06:30")
    assert alerts.quiet_until(local("2026-06-01 06:30"), CHICAGO, *NIGHT) is None
    assert alerts.quiet_until(local("2026-06-01 20:59:59"), CHICAGO, *NIGHT) is None


def test_the_night_that_is_an_hour_shorter_and_the_one_that_is_longer_end_at_the_same_hour():
    for evening, morning, hours in (("2026-03-07", "2026-03-08", 8.5), ("2026-10-31", "2026-11-01", 10.5)):
        end = alerts.quiet_until(local(f"{evening} 21:00"), CHICAGO, *NIGHT)
        assert end == local(f"{morning} 06:30")
        assert end - local(f"{evening} 21:00") == timedelta(hours=hours)


def test_an_end_that_the_wall_skips_is_the_hour_after():
    """On March 8, 2026 the clocks go from 2:00 to 3:00, so quiet hours until 2:30 are over at 3:00."""
    end = alerts.quiet_until(local("2026-03-08 01:10"), CHICAGO, time(22), time(2, 30))
    assert end == local("2026-03-08 03:00")


@given(
    at=st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),
    zone=st.sampled_from([CHICAGO, ZoneInfo("America/New_York"), ZoneInfo("Europe/Berlin"), ZoneInfo("America/Phoenix")]),
    begin=st.times(), end=st.times(),
)  # fmt: skip
def test_a_notice_is_delayed_and_never_dropped(at, zone, begin, end):
    begin, end = (one.replace(second=0, microsecond=0) for one in (begin, end))
    if begin == end:
        return
    until = alerts.quiet_until(at, zone, begin, end)
    if until is None:
        assert not alerts.is_quiet(at, zone, begin, end)
    else:
        assert timedelta() <= until - at <= timedelta(hours=25)
        assert not alerts.is_quiet(until, zone, begin, end)
