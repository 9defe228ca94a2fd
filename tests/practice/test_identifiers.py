from __future__ import annotations

import pytest

from practice.identifiers import is_npi, npi_problem


@pytest.mark.parametrize("npi", ["1234567893", "1245319599", " 1234567893 "])
def test_a_number_with_the_right_check_digit_is_taken(npi: str) -> None:
    assert npi_problem(npi) is None
    assert is_npi(npi)


@pytest.mark.parametrize("npi", ["1234567890", "1234567983", "2134567893"])
def test_a_mistyped_digit_is_found(npi: str) -> None:
    assert "check digit" in (npi_problem(npi) or "")


@pytest.mark.parametrize(
    ("npi", "says"),
    [("", "ten digits"), ("123456789", "ten digits"), ("12345678931", "ten digits"), ("12345A7893", "ten digits"),
     ("١٢٣٤٥٦٧٨٩٣", "ten digits"), ("3234567893", "begins with")],
)  # fmt: skip
def test_what_is_no_npi_says_why(npi: str, says: str) -> None:
    assert says in (npi_problem(npi) or "")
    assert not is_npi(npi)


def test_every_single_wrong_digit_is_found() -> None:
    right = "1234567893"
    for place in range(1, 10):
        for digit in "0123456789".replace(right[place], ""):
            assert not is_npi(right[:place] + digit + right[place + 1 :])


def test_no_number_is_no_npi() -> None:
    assert not is_npi(None)
