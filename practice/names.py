"""Names made comparable: upper case, no accents, no punctuation, no titles; every reading of a name that two ways fit.

Source: billing.md 9.2 (normalise; run all names known).
"""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from rapidfuzz.distance import DamerauLevenshtein

TABLE: dict[str, Any] = tomllib.loads((Path(__file__).parent / "tables" / "screening.toml").read_text())
_ENDINGS = TABLE["endings"]
TITLES = frozenset(_ENDINGS["person"])
UNSURE = frozenset(_ENDINGS["unsure"])
LEGAL = frozenset(_ENDINGS["business"])
PARTICLES = frozenset(_ENDINGS["particles"])
SHORTENED: dict[str, str] = TABLE["shortened"]

_DROPPED = "'`.\u2019\u2018\u02bc"
_BLANKS = '-_,;:/\\()[]{}"*#!?+=<>|~^@$%\u2010\u2011\u2013\u2014\u00a0\t\r\n'
_PLAIN = str.maketrans({**dict.fromkeys(_DROPPED), **dict.fromkeys(_BLANKS, " "), "&": " AND "})
_LETTERS = str.maketrans({"ß": "SS", "Æ": "AE", "Œ": "OE", "Ø": "O", "Ł": "L", "Đ": "D", "Ð": "D", "Þ": "TH", "ı": "I"})


class Name(NamedTuple):
    """A person's name in comparable form. A name may have several readings."""

    last: str
    first: str = ""
    middle: str = ""

    @property
    def whole(self) -> str:
        return f"{joined(self.last)} {joined(self.first)}".strip()

    @property
    def swapped(self) -> str:
        return f"{joined(self.first)} {joined(self.last)}".strip()


def plain(text: str) -> str:
    """MÜLLER-O'Brien becomes MULLER OBRIEN."""
    text = text.upper()
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text.translate(_LETTERS))
        text = "".join(letter for letter in text if not unicodedata.combining(letter)).upper()
    if text.isalpha():
        return text
    return " ".join(text.translate(_PLAIN).split())


def key(text: str) -> str:
    """A family or first name without the titles behind it. A name that is nothing but a title stays."""
    text = plain(text)
    if " " not in text:
        return text
    words = text.split()
    while len(words) > 1 and words[-1] in TITLES:
        words.pop()
    return " ".join(words)


def joined(text: str) -> str:
    return text.replace(" ", "")


def parts(last: str) -> list[str]:
    """The family names in a double one, each as it could stand alone; none when there is but one."""
    words = last.split()
    return [word for word in words if len(word) > 2 and word not in PARTICLES] if len(words) > 1 else []


def readings(text: str) -> tuple[Name, ...]:
    """Every way to read a written name: SATO, SAM and Sam Sato, MD; two family names; a title that is a name."""
    pieces = [plain(piece) for piece in text.split(",")]
    while len(pieces) > 1 and all(word in TITLES | UNSURE for word in pieces[-1].split()):
        pieces.pop()
    if len(pieces) > 1:
        words = " ".join(pieces[1:]).split()
        return (Name(key(pieces[0]), words[0], " ".join(words[1:])),) if words else (Name(key(pieces[0])),)
    words = pieces[0].split()
    if len(words) > 1 and words[0] == "DR":
        words = words[1:]
    return tuple(dict.fromkeys(_western(words)))


def _western(words: list[str]) -> Iterable[Name]:
    while len(words) > 2 and words[-1] in TITLES:
        words = words[:-1]
    if len(words) < 2:
        yield Name(" ".join(words))
        return
    if len(words) > 2 and words[-1] in UNSURE:
        yield from _western(words[:-1])
    cut = len(words) - 1
    while cut > 1 and words[cut - 1] in PARTICLES:
        cut -= 1
    yield Name(" ".join(words[cut:]), words[0], " ".join(words[1:cut]))
    if cut > 1 and len(words[cut - 1]) > 2:
        yield Name(" ".join(words[cut - 1 :]), words[0], " ".join(words[1 : cut - 1]))


def may_be_one(one: str, other: str) -> bool:
    """True when two written names may be one person's: letters off, a nickname, an initial, half of a double name, swapped."""
    return any(
        _close(a.last, b.last, b.first, a.first) or _close(a.last, b.first, b.last, a.first)
        for a in readings(one)
        for b in readings(other)
    )


def _close(last: str, other_last: str, other_first: str, first: str) -> bool:
    halves = {*parts(last), joined(last)} & {*parts(other_last), joined(other_last)}
    if not (halves or _few_letters_off(joined(last), joined(other_last))):
        return False
    if not first or not other_first or nicknames(first, other_first):
        return True
    initial = 1 in (len(first), len(other_first)) and first[0] == other_first[0]
    return initial or _few_letters_off(joined(first), joined(other_first))


def _few_letters_off(one: str, other: str) -> bool:
    most = 2 if min(len(one), len(other)) >= 5 else 1
    return DamerauLevenshtein.distance(one, other, score_cutoff=most) <= most


@cache
def _nicknames() -> dict[str, frozenset[int]]:
    found: dict[str, set[int]] = {}
    for number, group in enumerate(TABLE["nicknames"]["groups"]):
        for name in group.split():
            found.setdefault(name, set()).add(number)
    return {name: frozenset(groups) for name, groups in found.items()}


def nicknames(one: str, other: str) -> bool:
    """True when people with the one first name are called the other: William and Bill."""
    table = _nicknames()
    return bool(table.get(one, frozenset()) & table.get(other, frozenset()))


def business_key(text: str) -> str:
    """A firm's name without its legal form, short words written out."""
    words = [SHORTENED.get(word, word) for word in plain(text).split()]
    core = [word for word in words if word not in LEGAL and word not in ("THE", "AND", "OF", "DBA")]
    return " ".join(_initials(core or words))


def _initials(words: list[str]) -> list[str]:
    """A B C CLINIC and ABC CLINIC are the same."""
    found: list[str] = []
    open_run = False
    for word in words:
        if len(word) == 1 and word.isalpha():
            found = [*found[:-1], found[-1] + word] if open_run else [*found, word]
            open_run = True
        else:
            found.append(word)
            open_run = False
    return found
