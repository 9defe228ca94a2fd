"""A written name taken apart for a claim: family name, first, middle, suffix and the letters behind it, as written.

Wristbands say LAST, FIRST MIDDLE; signatures say First Middle Last, MD. Nothing is upper-cased here: forms do that.
Not `names`, which reads a name in every way two lists could mean it; a claim needs the one way it is written.
"""

from __future__ import annotations

from msgspec import Struct

from .names import PARTICLES, TITLES, UNSURE, plain

SUFFIXES = frozenset({"JR", "SR", "II", "III", "IV"})
_LETTERS = (TITLES - SUFFIXES) | UNSURE - {"V"} | frozenset({"DMD", "DR", "PROF"})


class FormalName(Struct, frozen=True, kw_only=True):
    """The parts of a person's name. `credentials` are letters such as MD; `suffix` is Jr, III and the like."""

    last: str
    first: str = ""
    middle: str = ""
    suffix: str = ""
    credentials: str = ""


def split(text: str) -> FormalName:
    """DE LA CRUZ-ORTIZ, ANA MARIA and Elena Marsh Jr., MD taken apart. A single word is a family name."""
    pieces = [piece.strip() for piece in text.split(",") if piece.strip()]
    suffix, letters, kept = "", [], []
    for place, piece in enumerate(pieces):
        words = piece.split()
        if place and all(_is_letters(word) for word in words):
            letters += words
        elif place and len(words) == 1 and _is_suffix(piece):
            suffix = _bare(piece)
        else:
            kept.append(words)
    if not kept:
        return FormalName(last=text.strip())
    if len(kept) > 1:
        return _wristband(kept[0], [word for words in kept[1:] for word in words], suffix, letters)
    return _signature(kept[0], suffix, letters)


def _wristband(last: list[str], given: list[str], suffix: str, letters: list[str]) -> FormalName:
    """SMITH JR, JOHN A and SMITH, JOHN A JR mean the same."""
    last, suffix, letters = _trimmed(last, suffix, letters)
    given, suffix, letters = _trimmed(given, suffix, letters)
    return _made(last, given, suffix, letters)


def _signature(words: list[str], suffix: str, letters: list[str]) -> FormalName:
    while len(words) > 2 and plain(words[0]) in ("DR", "PROF"):
        words = words[1:]
    words, suffix, letters = _trimmed(words, suffix, letters, least=2)
    cut = len(words) - 1
    while cut > 1 and plain(words[cut - 1]) in PARTICLES:
        cut -= 1
    return _made(words[cut:], words[:cut], suffix, letters)


def _trimmed(words: list[str], suffix: str, letters: list[str], least: int = 1) -> tuple[list[str], str, list[str]]:
    """Without the suffix and the letters at the end, as long as a name is left."""
    while len(words) > least:
        if _is_suffix(words[-1]) and not suffix:
            suffix = _bare(words[-1])
        elif plain(words[-1]) in TITLES - SUFFIXES:
            letters = [words[-1], *letters]
        else:
            break
        words = words[:-1]
    return words, suffix, letters


def _made(last: list[str], given: list[str], suffix: str, letters: list[str]) -> FormalName:
    return FormalName(
        last=" ".join(last),
        first=given[0] if given else "",
        middle=" ".join(given[1:]).rstrip("."),
        suffix=suffix,
        credentials=", ".join(word for word in letters),
    )


def _is_suffix(word: str) -> bool:
    return plain(word) in SUFFIXES


def _is_letters(word: str) -> bool:
    return plain(word).replace(" ", "") in _LETTERS or plain(word) in _LETTERS


def _bare(word: str) -> str:
    return word.strip(".,")
