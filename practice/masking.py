"""What a case may say to the outside: nobody named, no place, no number of a person, no date (report-and-phone.md 3.2).

A note loses the names that the case knows, then every word and number that is not plain talk of the operating
room. That masks too much rather than too little; nothing is lost, because the note itself comes back in its slot.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from .cases import Facts

WORDS: dict[str, frozenset[str]] = {
    name: frozenset(words.split())
    for name, words in tomllib.loads((Path(__file__).parent / "tables" / "plain.toml").read_text("utf-8")).items()
}
_PLAIN, _TITLES, _COMMON = WORDS["note"], WORDS["titles"], WORDS["places"]
_UNITS = r"(?:mA|V|µV|uV|ms|mmHg|%|°C|Hz|kHz|mg|mcg|mL|MAC)(?![A-Za-z])"
_TOKEN = re.compile(
    rf"(?P<mask>\[[A-Z]+(?:_\d+)?\])"
    rf"|(?P<measure>(?<![\w.,:/-])\d{{1,4}}(?:\.\d{{1,2}})?\s?{_UNITS})"
    rf"|(?P<level>(?<![\w-])(?:C[1-8]|T1[0-2]|T[1-9]|L[1-5]|S[1-5])(?:\s?[-/]\s?(?:C[1-8]|T1[0-2]|T[1-9]|L[1-5]|S[1-5]))?(?![\w-]))"
    rf"|(?P<time>(?<!\d)\d{{1,2}}:\d{{2}}(?!\d))"
    rf"|(?P<address>\S+@\S+|\w+://\S+|www\.\S+)"
    rf"|(?P<number>[^\s(]*\d[^\s);]*)"
    rf"|(?P<word>[^\W\d_]+(?:['’-][^\W\d_]+)*)"
    rf"|(?P<space>\s+)"
    rf"|(?P<mark>[.,;:()/+=<>%-])"
    rf"|(?P<other>.)",
    re.DOTALL,
)


def folded(text: str) -> str:
    """The text without accents, so that a name is found however it was typed."""
    return "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one))


def identifiers(facts: Facts) -> dict[str, str]:
    """Everything in the case that names somebody or some place, each with the placeholder that stands for it."""
    found: dict[str, str] = {}
    for text, mask in _named(facts):
        text = folded(text).strip()
        if text:
            found.setdefault(text.lower(), mask)
        for part in re.findall(r"[^\W\d_]{2,}", text):
            plain = part.lower()
            if plain not in _TITLES and not (mask == "[FACILITY]" and plain in _COMMON):
                found.setdefault(plain, mask)
    for text, mask in _numbered(facts):
        if len(text := folded(text).strip()) > 2:
            found.setdefault(text.lower(), mask)
    return found


def _named(facts: Facts) -> Iterator[tuple[str, str]]:
    header = facts.header
    yield header.patient.name or "", "[PATIENT]"
    yield header.facility.name or "", "[FACILITY]"
    yield header.surgeon or "", "[SURGEON]"
    yield header.anesthesia or "", "[ANESTHESIA]"
    yield header.requested_by or "", "[SURGEON]"
    for number, one in enumerate(facts.staff.technologists, 1):
        yield one.name, f"[TECHNOLOGIST_{number}]"
    for number, one in enumerate(facts.staff.physicians, 1):
        yield one.name, f"[PHYSICIAN_{number}]"


def _numbered(facts: Facts) -> Iterator[tuple[str, str]]:
    header = facts.header
    yield header.patient.mrn or "", "[MRN]"
    yield header.patient.encounter or "", "[MRN]"
    yield facts.id, "[CASE]"
    yield header.facility.or_room or "", "[ROOM]"
    for day in (header.patient.dob, header.date_of_service):
        if day:
            yield day.isoformat(), "[DATE]"
            yield f"{day:%m/%d/%Y}", "[DATE]"


class Mask:
    """Masks the notes of one case."""

    def __init__(self, facts: Facts) -> None:
        self.known = identifiers(facts)
        names = sorted(self.known, key=len, reverse=True)
        self.names = re.compile(rf"(?<![^\W_])(?:{'|'.join(map(re.escape, names))})(?![^\W_])", re.IGNORECASE)

    def note(self, text: str) -> str:
        """The note without anything that could tell whose it is."""
        text = folded(text.replace("µ", "u").replace("°C", " C"))
        text = self.names.sub(lambda found: f" {self.known[found[0].lower()]} ", text)
        said = "".join(self._token(found) for found in _TOKEN.finditer(text))
        said = re.sub(r"(\[\w+\])(?:[\s.,;:()/+=<>%-]*\1)+", r"\1", said)
        return re.sub(r"\s+", " ", said).strip()

    def _token(self, found: re.Match[str]) -> str:
        kind, said = found.lastgroup, found[0]
        if kind == "word":  # a capital may be a name, even where a sentence begins
            return said if said in WORDS["codes"] or said in _PLAIN else "[WORD]"
        if kind in ("mask", "measure", "level", "mark"):
            return said
        if kind == "space":
            return " "
        return {"time": "[TIME]", "address": "[ADDRESS]", "number": "[NUMBER]"}.get(kind, " ")

    def leaks(self, said: str) -> list[str]:
        """The placeholders of what is known and still stands in the text: it may not be sent while this is not empty."""
        return sorted({self.known[found[0].lower()] for found in self.names.finditer(folded(said))})
