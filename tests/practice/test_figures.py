from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from practice.figures import Turnaround, in_words, spreads

CLOSED = datetime(2026, 9, 1, 15, 0, tzinfo=UTC)


def turned(case: int, signed: int | None, drafted: int = 1) -> Turnaround:
    at = CLOSED + timedelta(minutes=signed) if signed is not None else None
    return Turnaround(case=case, closed_at=CLOSED, drafted_at=CLOSED + timedelta(minutes=drafted), signed_at=at)


def test_each_step_is_counted_from_the_closing():
    assert turned(1, 200).steps() == [("draft", timedelta(minutes=1)), ("signature", timedelta(minutes=200))]


def test_a_draft_from_before_the_closing_took_no_time():
    assert turned(1, None, drafted=-30).steps() == [("draft", timedelta())]


def test_the_worst_is_named_and_the_median_is_no_mean():
    signature = next(one for one in spreads([turned(1, 10), turned(2, 30), turned(3, 5000)]) if one.step == "signature")
    assert (signature.median, signature.worst, signature.case, signature.count) == (
        timedelta(minutes=30), timedelta(minutes=5000), 3, 3,
    )  # fmt: skip


def test_a_case_that_is_not_signed_does_not_count_as_signed():
    assert {one.step for one in spreads([turned(1, None)])} == {"draft"}
    assert spreads([]) == []


@pytest.mark.parametrize(
    "minutes, words",
    [(0, "0 min"), (59, "59 min"), (60, "1 h 00 min"), (185, "3 h 05 min"), (1440, "1 day 0 h"), (3120, "2 days 4 h")],
)
def test_durations_in_words(minutes, words):
    assert in_words(timedelta(minutes=minutes)) == words
