"""The reader takes files as they come, and the letters of a file are those it may hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practice import x12

PLAIN = (Path(__file__).parent.parent / "edi" / "own" / "ionm-minimal.837").read_text()


def values(text: str) -> list[list[str]]:
    return [segment.elements for interchange in x12.read(text) for segment in interchange.segments]


def flat() -> str:
    return PLAIN.replace("\n", "")


def test_line_ends_after_the_terminator_change_nothing():
    assert values(flat()) == values(PLAIN) == values(PLAIN.replace("\n", "\r\n"))


def test_a_byte_order_mark_is_taken_off():
    assert values(x12.decoded(b"\xef\xbb\xbf" + PLAIN.encode())) == values(PLAIN)


@pytest.mark.parametrize("terminator", ["\n", "\r", "\r\n", "\x1c", "'"])
def test_any_sign_may_end_a_segment(terminator):
    assert values(flat().replace("~", terminator)) == values(PLAIN)


def test_separators_that_python_counts_as_blanks_are_kept():
    text = flat().replace("*", "\x1d").replace(":", "\x1f").replace("~", "\x1e").replace("^", "\x1c")
    assert [len(v) for v in values(text)] == [len(v) for v in values(PLAIN)]


def test_a_file_wrapped_at_eighty_columns_is_read():
    wrapped = "\n".join(flat()[at : at + 80] for at in range(0, len(flat()), 80))
    assert values(wrapped) == values(PLAIN)


def test_an_isa_that_lost_its_padding_is_read():
    thin = "*".join(part.strip() or part[:1].strip() for part in flat()[:105].split("*"))
    assert values(thin + flat()[105:])[1:] == values(PLAIN)[1:]


def test_two_interchanges_keep_their_own_separators():
    other = flat().replace("*", "|")
    found = x12.read(PLAIN + other)
    assert [i.delimiters.element for i in found] == ["*", "|"]
    assert [s.elements for s in found[1].segments[1:]] == values(PLAIN)[1:]
    assert found[1].segments[0].number == len(found[0].segments) + 1


@pytest.mark.parametrize("text", ["", "hello", "ISA", "ISA*00*", "<html></html>", "ISA*00*~", "ISA" + "*" * 15])
def test_what_is_no_x12_file_is_said_to_be_none(text):
    with pytest.raises(x12.Unreadable):
        x12.read(text)


@given(st.binary(max_size=300))
def test_no_bytes_crash_the_reader(data):
    for text in (x12.decoded(data), PLAIN[:106] + x12.decoded(data)):
        try:
            x12.read(text)
        except x12.Unreadable:
            continue


@given(st.text())
def test_plain_text_never_holds_a_separator_nor_a_small_ascii_letter(text):
    made = x12.plain(text)
    assert not set(made) & set(x12.STANDARD.all)
    assert made == x12.plain(made)
    assert all(sign in x12.EXTENDED for sign in made if sign.isascii())


@pytest.mark.parametrize(
    ("name", "spelled"),
    [
        ("Peña", "PENA"),
        ("Müller-Lüdenscheidt", "MULLER-LUDENSCHEIDT"),
        ("Łukasz Strauß", "LUKASZ STRAUSS"),
        ("Ångström Øre", "ANGSTROM ORE"),
        ("O’Brien", "O'BRIEN"),
        ("Іваненко", "IVANENKO"),
        ("Щукин", "SHCHUKIN"),
        ("Παπαδόπουλος", "PAPADOPOULOS"),
        ("Nguyễn Thị", "NGUYEN THI"),
        ("A*B:C~D^E\nF", "A B C D E F"),
        ("ﬁrst", "FIRST"),
    ],
)
def test_names_are_spelled_in_plain_letters(name, spelled):
    assert x12.plain(name) == spelled
    assert not x12.unspellable(name)


def test_a_name_without_a_latin_spelling_is_named():
    assert x12.unspellable("王 Wang") == "王"


@given(st.integers(min_value=-(10**12), max_value=10**12))
def test_money_is_exact_and_short(cents):
    text = x12.money(cents)
    whole, _, rest = text.partition(".")
    assert int(whole + f"{rest:0<2}") == cents or (whole == "-0" and -int(f"{rest:0<2}") == cents)
    assert not rest.endswith("0")
