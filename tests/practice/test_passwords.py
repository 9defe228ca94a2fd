"""A password is long, and not one that somebody would try first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practice.passwords import LEAST, MOST, objections

NAMES = ("Tess Tran", "tess@lakeshore.example", "Lakeshore Monitoring")


@pytest.mark.parametrize(
    "password",
    [
        "passwordpassword",
        "Password12345678",
        "correct horse battery staple",
        "qwertyuiopasdfgh",
        "1q2w3e4r5t6y7u8i",
        "aaaaaaaaaaaaaaaaaaaa",
        "abcabcabcabcabcabc",
        "987654321098765",
        "tess tran tess tran",
        "Lakeshore-Monitoring-1",
        "Welcome.Evoked.2026",
    ],
)
def test_what_people_try_first_is_refused(password):
    assert objections(password, names=NAMES) == [
        "That password is easy to guess. Use words that have nothing to do with you or this desk."
    ]


@pytest.mark.parametrize(
    "password",
    [
        "seven green bottles on a wall",
        "ein Pferd frißt kein Gürkchen",
        "x9#kQ2v!mZ7pLw4",
        "青い空と白い雲と赤い夕日とねこと犬",
    ],
)
def test_words_of_any_language_and_any_signs_will_do(password):
    assert objections(password, names=NAMES) == []


def test_short_and_endless_ones_are_refused_with_the_number():
    assert "15" in objections("x9#kQ2v!mZ7pLw", names=NAMES)[0]
    assert "200" in objections("x9#kQ2v!mZ7pLw4" * 14, names=NAMES)[0]


@given(st.text(min_size=LEAST, max_size=MOST))
def test_it_says_one_thing_at_a_time_and_never_repeats_the_password(password):
    said = objections(password, names=NAMES)
    assert len(said) <= 1
    assert not any(password in one for one in said)
