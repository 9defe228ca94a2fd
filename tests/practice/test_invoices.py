"""What a hospital owes: minutes raw, cents whole, every line and every age adding up."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from practice import invoices, money, spreadsheet
from practice.cases import Technologist
from practice.invoices import AGES, Attendance, Owed, Prices, age, ageing, attendance, charges
from tests.practice.sample import case, empty

TODAY = date(2026, 11, 28)
THERE = Attendance(minutes=380, said="technologist there 06:50-13:10 = 380 min", monitored=300, begun=True)


def test_the_price_of_a_case_and_the_hours_after_those_it_holds():
    lines, reason = charges(Prices(case=120000, hour=15000, included_minutes=240), THERE)
    assert [(one.what, one.cents, one.minutes) for one in lines] == [("case", 120000, None), ("hours", 35000, 140)]
    assert lines[1].derivation == (
        "technologist there 06:50-13:10 = 380 min; 380 - 240 included = 140 min; 140 x $150.00 / 60 = $350.00"
    )
    assert reason == ""


def test_the_hours_alone_when_a_case_has_no_price_of_its_own():
    lines, _ = charges(Prices(hour=10000), THERE)
    assert [(one.what, one.cents, one.minutes) for one in lines] == [("hours", 63333, 380)]
    assert lines[0].derivation.endswith("380 x $100.00 / 60 = $633.33, rounded to the cent")


def test_a_case_that_was_never_monitored_is_standing_by():
    there = replace(THERE, monitored=0)
    lines, _ = charges(Prices(case=120000, standby_hour=9000), there)
    assert [(one.what, one.cents, one.minutes) for one in lines] == [("standby", 57000, 380)]
    assert charges(Prices(case=120000), there) == (
        [],
        "No minute was monitored, and the agreement has no price for standing by.",
    )


@pytest.mark.parametrize(
    ("prices", "there", "words"),
    [
        (Prices(), THERE, "names no price"),
        (Prices(case=1), Attendance(minutes=None, said="Nothing was recorded of this case."), "Nothing was recorded"),
        (Prices(hour=1), replace(THERE, minutes=None, said="Not recorded."), "cannot be counted"),
        (Prices(hour=9000, included_minutes=400), THERE, "Nothing comes to be charged"),
    ],
)  # fmt: skip
def test_a_case_without_a_line_says_why(prices, there, words):
    lines, reason = charges(prices, there)
    assert lines == []
    assert words in reason


def test_a_case_price_needs_no_hours():
    lines, _ = charges(Prices(case=90000), replace(THERE, minutes=None))
    assert [(one.what, one.cents) for one in lines] == [("case", 90000)]


def at(hour: int, minute: int) -> datetime:
    return datetime(2026, 6, 9, hour, minute, 59, tzinfo=UTC)


def with_staff(*stretches):
    facts = case()
    people = tuple(Technologist(id=f"T{n}", name="Tess", on=on, off=off) for n, (on, off) in enumerate(stretches, 1))
    return replace(facts, staff=replace(facts.staff, technologists=people))


def test_two_technologists_at_once_are_counted_once():
    there = attendance(with_staff((at(12, 0), at(16, 0)), (at(15, 0), at(18, 30))), 100)
    assert (there.minutes, there.begun, there.monitored) == (390, True, 100)
    apart = attendance(with_staff((at(12, 0), at(13, 0)), (at(15, 0), at(16, 0))), 100)
    assert apart.minutes == 120
    assert " and " in apart.said


def test_a_leaving_that_nobody_recorded_is_when_the_electrodes_were_out():
    facts = with_staff((at(12, 0), None))
    facts = replace(facts, time=replace(facts.time, electrodes_out=at(14, 10)))
    assert attendance(facts, 1).minutes == 130
    assert attendance(replace(facts, time=replace(facts.time, electrodes_out=None)), 1).minutes is None


def test_an_empty_record_was_not_begun():
    assert not attendance(empty(), 0).begun


# Money


@given(st.integers(0, 5000), st.integers(0, 1_000_000))
def test_minutes_by_the_hour_are_rounded_once_half_up(minutes, hour_cents):
    cents, rounded = money.for_minutes(minutes, hour_cents)
    exact = Fraction(minutes * hour_cents, 60)
    assert -Fraction(1, 2) < cents - exact <= Fraction(1, 2)
    assert rounded == (cents != exact)


@given(st.integers(-(10**10) + 1, 10**10 - 1))
def test_money_that_was_written_is_read_back(cents):
    assert money.cents(money.dollars(cents)) == cents
    assert money.cents(str(spreadsheet.Amount(cents))) == cents


@pytest.mark.parametrize("text", ["", "abc", "1.234", "1,23", "--5", "5 dollars", "1e3", "\u0661"])
def test_money_that_cannot_be_read_is_refused(text):
    with pytest.raises(ValueError, match="dollars and cents"):
        money.cents(text)


prices = st.builds(
    Prices, case=st.integers(0, 500_000), hour=st.integers(0, 50_000), included_minutes=st.integers(0, 600),
    standby_hour=st.integers(0, 50_000), cancellation=st.integers(0, 100_000),
)  # fmt: skip
attendances = st.builds(
    Attendance, minutes=st.none() | st.integers(0, 2000), said=st.just("there"), monitored=st.integers(0, 900), begun=st.booleans()
)  # fmt: skip


@given(prices, attendances)
def test_a_case_has_lines_or_a_reason_and_never_both(agreed, there):
    lines, reason = charges(agreed, there)
    assert bool(lines) != bool(reason)
    assert all(line.cents >= 0 and line.derivation for line in lines)
    kinds = {line.what for line in lines}
    assert kinds <= ({"case", "hours"} if there.monitored else {"standby"})


# Age


owed = st.lists(
    st.builds(
        lambda facility, days, total, share: Owed(
            facility=facility, number=str(days), due_on=TODAY - timedelta(days=days), total=total, paid=total * share // 4
        ),
        st.sampled_from(["Mercy", "Lakeside", "=Evil"]), st.integers(-200, 400), st.integers(1, 10**7), st.integers(0, 4),
    )
)  # fmt: skip


@given(owed)
def test_the_ages_of_all_hospitals_add_up_to_what_is_open(rows):
    ages = ageing(rows, TODAY)
    assert sum(cents for row in ages.values() for cents in row.values()) == sum(row.open for row in rows)
    assert all(set(row) == set(AGES) for row in ages.values())
    for name, row in ages.items():
        assert sum(row.values()) == sum(one.open for one in rows if one.facility == name)


@pytest.mark.parametrize(
    ("late", "name"),
    [(-5, "current"), (0, "current"), (1, "1-30"), (30, "1-30"), (31, "31-60"), (60, "31-60"), (61, "61-90"), (90, "61-90"), (91, "over 90")],
)  # fmt: skip
def test_the_ages_meet_without_a_gap(late, name):
    assert age(TODAY - timedelta(days=late), TODAY) == name


# For a spreadsheet


@given(st.sampled_from("=+-@\t\r"), st.text(max_size=10), st.integers(0, 3))
def test_no_cell_is_taken_for_a_formula(start, rest, spaces):
    import csv
    import io

    text = spreadsheet.csv_text(["Hospital"], [[" " * spaces + start + rest]])
    cell = list(csv.reader(io.StringIO(text, newline="")))[1][0]
    assert cell.startswith("'")


def test_amounts_stay_numbers():
    assert spreadsheet.csv_text(["Open"], [[spreadsheet.Amount(-123456)], [7]]) == "Open\r\n-1234.56\r\n7\r\n"


def test_a_cancellation_says_in_whose_words():
    line = invoices.cancellation(Prices(cancellation=30000), "surgeon's office, at 06:10 that day")
    assert (line.cents, line.derivation) == (30000, "canceled late: surgeon's office, at 06:10 that day")
