"""Prices: read from what people paste, by code and part, in whole cents."""

from __future__ import annotations

import pytest

from practice.fees import Price, Prices, allowed_cents, part, read


def test_a_price_is_that_of_its_part_times_the_units():
    prices = Prices(charges={("95938", "26"): 25_000, ("95940", ""): 9_050}, allowed={("95940", ""): 3_162})
    assert prices.charge("95938", ("26", "XS"), 1) == 25_000
    assert prices.charge("95938", (), 1) is None, "the price of a part is not that of the whole"
    assert prices.charge("95940", (), 7) == 63_350
    assert prices.expected("95940", ("Q6",), 3) == 9_486
    assert prices.expected("95940", ("53",), 3) is None, "who stops is paid as the payer sees fit"
    assert prices.expected("95938", ("26",), 1) is None
    assert (part(("XS", "TC")), part(("59",))) == ("TC", "")


@pytest.mark.parametrize(
    ("hundredths", "factor", "cents"),
    [(95, 332_875, 3_162), (134, 332_875, 4_461), (0, 332_875, 0), (1, 5_000, 1), (1, 4_999, 0)],
)
def test_a_relative_value_becomes_cents_rounded_half_up(hundredths, factor, cents):
    assert allowed_cents(hundredths, factor) == cents


@pytest.mark.parametrize("text", [
    "95938, 26, 250.00\n95940,,$90.50", "95938-26,250\n95940,90.5\n", "code,modifier,price\n95938,26,250\n95940,,90.50\n",
    "CPT\tMod\tFee\n95938\t26\t$250.00\n95940\t\t90.50", "price;code\n250;95938 26\n90.50;95940", '\ufeff"95938","26","250.00"\n\n95940,"",90.50',
])  # fmt: skip
def test_what_people_paste_is_read(text):
    assert read(text) == ([Price("95938", "26", 25_000), Price("95940", "", 9_050)], [])


@pytest.mark.parametrize(("text", "said"), [
    ("", "Paste the prices"), ("code,price\n", "no price under"), ("name,total\n95938,1\n", "names no columns"),
    ("95938,26,1\nabc,,1", "Line 2: “abc” is not a code"), ("95938,59,1", "not for “59”"), ("95938,26,free", "“free” is not a price"),
    ("95938,26,1\n95940,,2\n95938,26,3", "Line 3: 95938-26 stands on line 1"), ("95938,26,-1", "below zero"), ("95938", "“” is not a price"),
    ("95938,,1\n" * 5001, "at most 5,000"), ("95938,26,1.234", "not a price"),
])  # fmt: skip
def test_what_is_wrong_is_said_by_line(text, said):
    assert any(said in error for error in read(text)[1])
