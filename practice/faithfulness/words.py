"""A text in typed tokens: times, numbers with units, sides, sites, people, drugs, states, and plain words.

The lists of words stand in tables/vocabulary.toml; the names, sites and free texts of a case are added to them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

_TABLES = Path(__file__).parent.parent / "tables"
VOCABULARY: dict[str, Any] = tomllib.loads((_TABLES / "vocabulary.toml").read_text("utf-8"))
_MUSCLES: dict[str, Any] = tomllib.loads((_TABLES / "muscles.toml").read_text("utf-8"))
NEUTRAL = frozenset(VOCABULARY["neutral"].split())
RELATIONS = frozenset(VOCABULARY["relations"].split())
SOFT = frozenset({"word", "relation"})
"""Kinds whose mismatch asks for plainer words; every other kind is a fact."""
MARKS = frozenset({"mark", "line"})


class Token(NamedTuple):
    """`value` is comparable: the same claim has the same value, however it is written."""

    kind: str
    value: Any
    start: int
    end: int
    low: str
    cased: bool = False
    """Written with a capital letter."""


_UNITS = {
    "ma": "mA", "µv": "µV", "uv": "µV", "mv": "mV", "v": "V", "ms": "ms", "msec": "ms", "µs": "µs", "us": "µs", "khz": "kHz",
    "hz": "Hz", "mmhg": "mmHg", "°c": "°C", "°f": "°F", "mac": "MAC", "mcg/kg/min": "mcg/kg/min", "µg/kg/min": "mcg/kg/min",
    "mcg/kg/h": "mcg/kg/h", "mg/kg/h": "mg/kg/h", "mg/kg/min": "mg/kg/min", "mg/kg": "mg/kg", "mcg/kg": "mcg/kg", "mg/h": "mg/h",
    "mcg/min": "mcg/min", "ng/ml": "ng/mL", "mcg/ml": "mcg/mL", "mg": "mg", "mcg": "mcg", "g": "g", "ml": "mL", "%": "%", "percent": "%",
    "minutes": "min", "minute": "min", "min": "min", "mins": "min", "hours": "h", "hour": "h", "h": "h", "seconds": "s", "s": "s",
    "y": "y", "years": "y", "db nhl": "dB nHL", "db": "dB", "kω": "kΩ", "units": "units", "channels": "channels", "channel": "channels",
    "averages": "averages", "iu": "IU", "cm": "cm", "mm": "mm", "kpa": "kPa", "µa": "µA", "ua": "µA", "nv": "nV", "kv": "kV", "hr": "h", "hrs": "h",
    "sec": "s", "secs": "s", "second": "s", "day": "d", "days": "d", "kg": "kg", "l": "L", "ng": "ng", "µg": "mcg", "ug": "mcg", "µg/kg/h": "mcg/kg/h",
    "ug/kg/min": "mcg/kg/min", "mcg/kg/hr": "mcg/kg/h", "mg/kg/hr": "mg/kg/h", "mg/min": "mg/min", "g/kg/min": "g/kg/min", "ng/kg/min": "ng/kg/min",
    "g/h": "g/h", "mmol": "mmol", "milliamps": "mA", "milliamp": "mA", "milliamperes": "mA", "amps": "A", "microamps": "µA", "volts": "V",
    "volt": "V", "millivolts": "mV", "millivolt": "mV", "microvolts": "µV", "microvolt": "µV", "kilovolts": "kV", "milliseconds": "ms", "millisecond": "ms",
    "microseconds": "µs", "microsecond": "µs", "hertz": "Hz", "kilohertz": "kHz", "milligrams": "mg", "milligram": "mg", "micrograms": "mcg",
    "microgram": "mcg", "grams": "g", "gram": "g", "milliliters": "mL", "milliliter": "mL", "liters": "L", "liter": "L", "degrees": "°C",
    "degrees celsius": "°C", "degrees fahrenheit": "°F", "millimeters of mercury": "mmHg", "micrograms per kilogram per minute": "mcg/kg/min",
    "milligrams per kilogram per hour": "mg/kg/h", "milligrams per kilogram per minute": "mg/kg/min", "pct": "%",
}  # fmt: skip
_UNIT = "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True))
_ZONE = r"(?:[ECMPA][SD]T|AK[SD]T|H[SD]T|UTC|GMT)"
_RAW = re.compile(
    rf"""(?P<sha>\b[0-9a-f]{{16,64}}\b)
    |(?P<date>\b\d{{4}}-\d\d-\d\d\b)
    |(?P<time>(?<![\d:])(?:(?P<day>\d\d/\d\d)(?:/\d{{2,4}})?\ )?(?P<clock>\d{{1,2}}:\d\d)(?::\d\d)?(?!\d)(?:\ (?P<zone>{_ZONE})\b)?)
    |(?P<gap>\[[a-z][a-z ]{{2,60}}\])
    |(?P<ref>\(?(?:see\ )?section\ (?P<section>\d+)\b\)?)
    |(?P<level>(?-i:\b[CTLS]\d{{1,2}}(?:-[CTLS]?\d{{1,2}})?(?![\w/]|-\w|\.\d)))
    |(?P<code>(?-i:\b[A-Z]{{1,6}}-?\d+(?:\.\d\w{{0,3}})?[A-Z0-9]{{0,2}}(?:[/-][A-Z]{{1,3}}\w{{1,3}})?\b))
    |(?P<ratio>(?<![\d/.])\d\+?/\d\b(?![/\d]))
    |(?P<compared>>=|<=|≥|≤|<|>)
    |(?P<number>(?<![\w.])\d+(?:\.\d+)?(?:[ ]?(?P<unit>{_UNIT})(?![\w/]))?)
    |(?P<word>sha256\b|[^\W\d_]+(?:['’-][^\W\d_]+)*)
    |(?P<line>\n)
    |(?P<mark>[^\w\s]|_+)|(?P<rest>\w+)""",
    re.VERBOSE | re.IGNORECASE,
)


def _plain(text: str) -> str:
    return text.lower().replace("’", "'").replace("μ", "µ")


def _raw(text: str) -> Iterator[Token]:
    for found in _RAW.finditer(text.replace("μ", "µ")):
        kind, said = found.lastgroup, found.group()
        start, end = found.span()
        groups = found.groupdict()
        kind = next(
            name
            for name in (
                "sha", "date", "time", "gap", "ref", "level", "code", "ratio", "compared", "number", "word", "line", "mark", "rest",
            )
            if groups[name] is not None
        )  # fmt: skip
        value: Any = _plain(said)
        if kind == "time":
            hour, minute = groups["clock"].split(":")
            zone = groups["zone"]
            value = (f"{int(hour):02d}:{minute}", groups["day"], zone.upper() if zone else None)
        elif kind == "number":
            unit = groups["unit"]
            value = (amount(re.match(r"[\d.]+", said).group()), _UNITS[_plain(unit)] if unit else None)
        elif kind == "ref":
            value = int(groups["section"])
        elif kind == "gap":
            value = _plain(said[1:-1])
        elif kind == "compared":
            value = {"≥": ">=", "≤": "<="}.get(said, said)
        elif kind == "word":
            kind = "relation" if value in RELATIONS else "word"
            if said == "DO" and text[start - 2 : start] == ", ":
                kind, value = "credential", "DO"
            elif said in ("L", "R") and (text[start - 1 : start] == "(" or re.match(r" [a-z]{3}", text[end : end + 4])):
                kind, value = "side", {"L": "left", "R": "right"}[said]
        yield Token(kind, value, start, end, _plain(said), said[0].isupper())


def amount(number: Any) -> str:
    """18.0 and 18 are the same amount."""
    text = format(Decimal(str(number)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


class Lexicon:
    """Phrases of several tokens that stand for one typed value; the longest wins."""

    def __init__(self) -> None:
        self.phrases: dict[str, list[tuple[tuple[str, ...], str, Any]]] = {}

    def add(self, kind: str, value: Any, phrase: str) -> None:
        words = tuple(token.low for token in _raw(phrase) if token.kind != "line")
        if not words:
            return
        listed = self.phrases.setdefault(words[0], [])
        if (words, kind, value) not in listed:
            listed.append((words, kind, value))
            listed.sort(key=lambda known: -len(known[0]))

    def copy(self) -> Lexicon:
        other = Lexicon()
        other.phrases = {first: list(known) for first, known in self.phrases.items()}
        return other

    def read(self, text: str) -> list[Token]:
        """The tokens of a text, phrases merged, units of ranges and late marks settled."""
        raw = list(_raw(text))
        return _settled(text, list(self._merged(raw)))

    def _merged(self, raw: Sequence[Token]) -> Iterator[Token]:
        place, count = 0, len(raw)
        lows = [token.low for token in raw]
        while place < count:
            token = raw[place]
            for words, kind, value in self.phrases.get(token.low, ()):
                size = len(words)
                if tuple(lows[place : place + size]) == words:
                    last = raw[place + size - 1]
                    yield Token(kind, value, token.start, last.end, " ".join(words))
                    place += size
                    break
            else:
                yield token
                place += 1


def _settled(text: str, tokens: list[Token]) -> list[Token]:
    """A number before '-' or 'to' and a number with a unit has that unit; 'keyed 12:45' is a late mark; a gap is of what stands before it."""
    out: list[Token] = []
    skip = -1
    for place, token in enumerate(tokens):
        if place == skip:
            continue
        follows = tokens[place + 1 : place + 3]
        if token.kind == "number" and token.value[1] is None and len(follows) == 2:
            joined = follows[0].low in ("-", "–", "to", "and", "/")
            if joined and follows[1].kind == "number" and follows[1].value[1] and follows[0].low != "and":
                token = token._replace(value=(token.value[0], follows[1].value[1]))
        if (
            token.kind == "number"
            and token.value[1] is None
            and follows
            and follows[0].low in _UNITS
            and len(follows[0].low) > 1
        ):
            token = token._replace(value=(token.value[0], _UNITS[follows[0].low]), end=follows[0].end)
            skip = place + 1
        if token.kind == "time" and len(out) >= 2 and out[-1].low in ("keyed", "was"):
            earlier = {one.low for one in out[-5:-1]}
            if {"late", "entry"} <= earlier or {"time", "changed"} <= earlier:
                token = token._replace(kind="late")
        if token.kind == "gap":
            # A gap before it counts as it is written: with its own context, each would double the one before.
            before = (
                text[one.start : one.end] if one.kind == "gap" else one.low for one in out[-4:] if one.kind not in MARKS
            )
            token = token._replace(low=" ".join(before))
        out.append(token)
    return out


_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def _spelled() -> Iterator[tuple[int, str]]:
    """Numbers in words, below a thousand: twenty-four, twenty four, one hundred and five."""
    below = {number: [word] for number, word in enumerate(_ONES)}
    for place, word in enumerate(_TENS, 2):
        below[10 * place] = [word]
        for one in range(1, 10):
            below[10 * place + one] = [f"{word}-{_ONES[one]}", f"{word} {_ONES[one]}"]
    for number, words in below.items():
        yield from ((number, word) for word in words)
        for hundreds in range(1, 10):
            first = f"{_ONES[hundreds]} hundred"
            for word in words if number else [""]:
                yield from (
                    (100 * hundreds + number, f"{first} {and_}{word}".strip())
                    for and_ in ("", "and ")
                    if word or not and_
                )


def _base() -> Lexicon:
    lexicon = Lexicon()
    for number, words in _spelled():
        lexicon.add("number", (str(number), None), words)
    for kind, values in VOCABULARY["typed"].items():
        for value, phrases in values.items():
            for phrase in phrases:
                typed = (value, None) if kind == "number" else value
                lexicon.add(kind, typed, phrase)
    for name in _MUSCLES["muscle"]:
        lexicon.add("site", name, name)
    for short, name in _MUSCLES["also"].items():
        if len(short) > 3:
            lexicon.add("site", name, short)
    for name in _MUSCLES["nerve"]:
        lexicon.add("site", name, name)
    for phrase in ("not recorded", "not available", "not applicable"):
        lexicon.add("gap", phrase, phrase)
    for sex in "fmxu":
        lexicon.add("sex", sex, f"sex {sex}")
    return lexicon


BASE = _base()
