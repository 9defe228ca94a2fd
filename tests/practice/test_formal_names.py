"""Names as they are written, taken apart for a claim."""

from __future__ import annotations

import pytest

from practice.formal_names import FormalName, split


@pytest.mark.parametrize(
    ("written", "last", "first", "middle", "suffix", "credentials"),
    [
        ("TESTPATIENT, AVERY", "TESTPATIENT", "AVERY", "", "", ""),
        ("Elena Marsh, MD", "Marsh", "Elena", "", "", "MD"),
        ("Elena Marsh MD", "Marsh", "Elena", "", "", "MD"),
        ("Dr. Elena Q. Marsh", "Marsh", "Elena", "Q", "", ""),
        ("Sam Sato, MD, PhD", "Sato", "Sam", "", "", "MD, PhD"),
        ("Pat Doe, D.O.", "Doe", "Pat", "", "", "D.O."),
        ("SMITH JR, JOHN A", "SMITH", "JOHN", "A", "JR", ""),
        ("SMITH, JOHN A JR", "SMITH", "JOHN", "A", "JR", ""),
        ("SMITH, JOHN A, III", "SMITH", "JOHN", "A", "III", ""),
        ("John Smith Jr., MD", "Smith", "John", "", "Jr", "MD"),
        ("DE LA CRUZ-ORTIZ, ANA MARIA", "DE LA CRUZ-ORTIZ", "ANA", "MARIA", "", ""),
        ("Ludwig van der Berg, MD", "van der Berg", "Ludwig", "", "", "MD"),
        ("Maria de la Cruz", "de la Cruz", "Maria", "", "", ""),
        ("Van Nguyen, MD", "Nguyen", "Van", "", "", "MD"),
        ("Anne-Marie O'Brien-Katz, MD", "O'Brien-Katz", "Anne-Marie", "", "", "MD"),
        ("GARCÍA MÁRQUEZ, JOSÉ", "GARCÍA MÁRQUEZ", "JOSÉ", "", "", ""),
        ("Anh Do", "Do", "Anh", "", "", ""),
        ("DO, ANH", "DO", "ANH", "", "", ""),
        ("MA, YO YO", "MA", "YO", "YO", "", ""),
        ("PRINCE", "PRINCE", "", "", "", ""),
        ("R. Okafor, MD", "Okafor", "R.", "", "", "MD"),
    ],
)
def test_a_name_is_taken_apart_as_it_is_written(written, last, first, middle, suffix, credentials):
    assert split(written) == FormalName(last=last, first=first, middle=middle, suffix=suffix, credentials=credentials)


@pytest.mark.parametrize("written", ["", "  ", ","])
def test_what_is_no_name_has_no_first_name(written):
    assert split(written).first == ""
