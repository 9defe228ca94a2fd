"""Segments of X12 files, read and written by ourselves: separators, envelopes, and letters a file may hold.

The reader takes real files as they come (claims-files.md 8): a byte-order mark, line ends as terminator or as
decoration, an ISA that lost its padding, separators that Python counts as blanks, several interchanges in one file.
"""

from __future__ import annotations

import re
import unicodedata

from msgspec import Struct

VERSION = "005010X222A1"
_BLANK = " \t\r\n"
"""Not `str.isspace`: 0x1C to 0x1F are separators in some files."""


class Unreadable(Exception):
    """The file is no X12 file at all; the text says why."""


class Delimiters(Struct, frozen=True, kw_only=True):
    """The four signs a file is cut at."""

    element: str = "*"
    component: str = ":"
    repetition: str = "^"
    segment: str = "~"

    @property
    def all(self) -> str:
        return self.element + self.component + self.repetition + self.segment


STANDARD = Delimiters()


class Segment:
    """One segment: its place in the file, its id and its elements, of which `at(1)` is the first."""

    __slots__ = ("component", "elements", "id", "number")

    def __init__(self, number: int, elements: list[str], component: str) -> None:
        self.number = number
        self.elements = elements
        self.id = elements[0]
        self.component = component

    def at(self, place: int) -> str:
        """The element at a place, empty when it is not there."""
        return self.elements[place] if place < len(self.elements) else ""

    def parts(self, place: int) -> list[str]:
        """The components of an element; an empty element has none."""
        value = self.at(place)
        return value.split(self.component) if value else []

    def part(self, place: int, component: int) -> str:
        parts = self.parts(place)
        return parts[component - 1] if component <= len(parts) else ""

    def __repr__(self) -> str:
        return f"{self.number}:{'*'.join(self.elements)}"


class Interchange(Struct, frozen=True, kw_only=True):
    """One ISA to IEA, with the signs it is cut at."""

    delimiters: Delimiters
    segments: tuple[Segment, ...]
    closed: bool = True
    """Whether the last segment ended with the terminator."""
    empty_before: tuple[int, ...] = ()
    """The numbers of segments that stand after a terminator too many."""


def decoded(data: bytes) -> str:
    """The text of a file: UTF-8 with or without its mark, else Latin-1, which takes every byte."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def read(text: str) -> list[Interchange]:
    """The interchanges of a file, each with its own separators. Raises Unreadable when there is none."""
    text = text.lstrip("\ufeff" + _BLANK)
    if not text.startswith("ISA"):
        raise Unreadable("This is no X12 file: it does not begin with ISA.")
    found = []
    number, place = 1, 0
    while place < len(text):
        delimiters = _delimiters(text, place)
        segments, empty, place, closed = _segments(text, place, delimiters, number)
        number += len(segments)
        made = Interchange(delimiters=delimiters, segments=tuple(segments), closed=closed, empty_before=tuple(empty))
        found.append(made)
    return found


def _delimiters(text: str, start: int) -> Delimiters:
    """The separators by counting elements, since an ISA may have lost its padding."""
    element = text[start + 3 : start + 4]
    places = [start + 3]
    if not element:
        raise Unreadable("The ISA segment is not whole: the file ends after its name.")
    while len(places) < 16:
        at = text.find(element, places[-1] + 1)
        if at < 0 or at - start > 200:
            raise Unreadable("The ISA segment is not whole: it must have 16 elements.")
        places.append(at)
    component = text[places[15] + 1 : places[15] + 2]
    segment = text[places[15] + 2 : places[15] + 3]
    if not component or not segment:
        raise Unreadable("The ISA segment is not whole: the file ends before its separators are known.")
    return Delimiters(
        element=element, component=component, repetition=text[places[10] + 1 : places[11]], segment=segment
    )


def _segments(text: str, place: int, signs: Delimiters, number: int) -> tuple[list[Segment], list[int], int, bool]:
    """The segments from here to the next ISA, where empty ones stood, the place after, whether the last was ended."""
    found: list[Segment] = []
    empty: list[int] = []
    decoration = signs.segment not in "\r\n"
    closed = True
    while place < len(text):
        end = text.find(signs.segment, place)
        closed = end >= 0
        raw = text[place : end if closed else len(text)]
        if found and raw.lstrip(_BLANK).startswith("ISA") and not raw.lstrip(_BLANK)[3:4].isalnum():
            return found, empty, place + len(raw) - len(raw.lstrip(_BLANK)), True
        place = end + 1 if closed else len(text)
        raw = raw.strip(_BLANK)
        if decoration and ("\n" in raw or "\r" in raw):
            raw = raw.replace("\r", "").replace("\n", "")
        if raw:
            found.append(Segment(number + len(found), raw.split(signs.element), signs.component))
        elif closed and decoration:
            empty.append(number + len(found))
    return found, empty, place, closed or not decoration or not raw


# Writing

BASIC = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!\"&'()*+,-./:;?= ")
EXTENDED = BASIC | frozenset("abcdefghijklmnopqrstuvwxyz%~@[]_{}\\|<>#$^`")
_SPELLED = {
    "ß": "SS", "Æ": "AE", "Œ": "OE", "Ø": "O", "Ł": "L", "Đ": "D", "Ð": "D", "Þ": "TH", "ı": "I", "Ŋ": "N", "Ħ": "H",
    "\u2018": "'", "\u2019": "'", "\u02bc": "'", "\u201c": '"', "\u201d": '"', "\u2010": "-", "\u2011": "-",
    "\u2013": "-", "\u2014": "-", "\u2212": "-", "\u00a0": " ",
    "А": "A", "Б": "B", "В": "V", "Г": "G", "Д": "D", "Е": "E", "Ж": "ZH", "З": "Z", "И": "I", "Й": "I", "К": "K",
    "Л": "L", "М": "M", "Н": "N", "О": "O", "П": "P", "Р": "R", "С": "S", "Т": "T", "У": "U", "Ф": "F", "Х": "KH",
    "Ц": "TS", "Ч": "CH", "Ш": "SH", "Щ": "SHCH", "Ъ": "IE", "Ы": "Y", "Ь": "", "Э": "E", "Ю": "IU", "Я": "IA",
    "Є": "IE", "І": "I", "Ї": "I", "Ґ": "G",
    "Α": "A", "Β": "V", "Γ": "G", "Δ": "D", "Ε": "E", "Ζ": "Z", "Η": "I", "Θ": "TH", "Ι": "I", "Κ": "K", "Λ": "L",
    "Μ": "M", "Ν": "N", "Ξ": "X", "Ο": "O", "Π": "P", "Ρ": "R", "Σ": "S", "Τ": "T", "Υ": "Y", "Φ": "F", "Χ": "CH",
    "Ψ": "PS", "Ω": "O",
}  # fmt: skip
"""Letters without a decomposition, and Cyrillic and Greek as passports spell them (ICAO Doc 9303)."""


_GREEK_U = re.compile("[Οο][ΥυΎύ]")


def plain(text: str, *, not_these: str = STANDARD.all) -> str:
    """The text in upper-case letters a claim file may hold; separators and line ends become a blank.

    What has no Latin spelling stays as it is: `unspellable` names it, and a writer must refuse it.
    """
    if text.isascii():
        made = text.upper()
    else:
        made = "".join(_spelled(sign) for sign in _GREEK_U.sub("OU", unicodedata.normalize("NFC", text)))
    cleaned = "".join(" " if sign in not_these or (sign.isascii() and sign not in EXTENDED) else sign for sign in made)
    return " ".join(cleaned.split())


def _spelled(sign: str) -> str:
    if sign.isascii():
        return sign.upper()
    if unicodedata.combining(sign):
        return ""
    upper = sign.upper()
    if upper in _SPELLED or sign in _SPELLED:
        return _SPELLED.get(upper, _SPELLED.get(sign, ""))
    parts = [part for part in unicodedata.normalize("NFKD", upper).upper() if not unicodedata.combining(part)]
    return "".join(part if part.isascii() else _SPELLED.get(part, part) for part in parts)


def unspellable(text: str) -> str:
    """The letters of a text that no claim file can hold."""
    return "".join(dict.fromkeys(sign for sign in plain(text) if not sign.isascii()))


def money(cents: int) -> str:
    """Cents as a decimal number without trailing zeros, as X12 writes them."""
    whole, rest = divmod(abs(cents), 100)
    text = f"{whole}.{rest:02d}".rstrip("0").rstrip(".") if rest else str(whole)
    return f"-{text}" if cents < 0 else text


def segment(signs: Delimiters, *elements: str) -> str:
    """One segment with its terminator; empty elements at its end are left out."""
    last = len(elements)
    while last > 1 and not elements[last - 1]:
        last -= 1
    return signs.element.join(elements[:last]) + signs.segment


def composite(signs: Delimiters, *components: str) -> str:
    last = len(components)
    while last > 1 and not components[last - 1]:
        last -= 1
    return signs.component.join(components[:last])
