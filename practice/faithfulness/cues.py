"""What the words around a value say of it: from, to, by whom, started, ended; and words that say the opposite."""

from __future__ import annotations

from collections.abc import Sequence

from .words import VOCABULARY, Token

CUES = {word: cue for cue, words in VOCABULARY["cues"].items() for word in words.split()}
"""A word beside a time says which of a fact's times it is."""
NAMES = frozenset(CUES.values())
_OPPOSITES = {frozenset(pair) for pair in VOCABULARY["opposites"]["pairs"]}
ENDS = {"connect": "disconnect", "start": "end"}
_BEGINNINGS = [tuple(pair) for pair in VOCABULARY["opposites"]["beginnings"]]
_PREFIXES = ("un", "in", "im", "dis", "non", "non-", "ir", "re")


def opposite(one: str, other: str) -> bool:
    """One word denies the other, or stands for its counterpart: acceptable and unacceptable, arm and leg."""
    if frozenset((one, other)) in _OPPOSITES:
        return True
    for pair in _BEGINNINGS:
        for first, second in (pair, pair[::-1]):
            rest = one.removeprefix(first)
            if len(rest) > 2 and rest != one and other == second + rest:
                return True
    short, long = sorted((one, other), key=len)
    return len(short) > 3 and long.endswith(short) and long.removesuffix(short) in _PREFIXES


def place_of(tokens: Sequence[Token], token: Token) -> int:
    return next(at for at, one in enumerate(tokens) if one.start == token.start)


def turned(tokens: Sequence[Token], token: Token) -> str:
    """'from' or 'to' just before a token, or nothing that matters."""
    place = place_of(tokens, token)
    return next((one.low for one in reversed(tokens[max(place - 2, 0) : place]) if one.low in ("from", "to")), "")


def agent(tokens: Sequence[Token], token: Token) -> bool:
    """Who it was done by: 'informed by the surgeon'."""
    before = [one.low for one in tokens[: place_of(tokens, token)]]
    while before and before[-1] in ("the", "an", "a"):
        before.pop()
    return before[-1:] == ["by"]


def step(tokens: Sequence[Token], token: Token) -> bool:
    """A value that something came to or changed by."""
    place = place_of(tokens, token)
    return place > 0 and tokens[place - 1].low in ("to", "by", "from")


def share(tokens: Sequence[Token], token: Token, known: Token) -> bool:
    """What was left told as what was lost, or the other way round: 'fell to 82 %' where it fell by 82 %."""
    if token.kind != "number" or known.value[1] != "%":
        return False
    place = place_of(tokens, token)
    before = tokens[place - 1].low if place else ""
    after = [one.low for one in tokens[place + 1 : place + 3]]
    if known.low in ("change", "lost"):
        return before in ("to", "at") or after[:1] == ["of"] and after[1:] != ["the"]
    return before == "by"


def other_time(tokens: Sequence[Token], token: Token, known: Token, cues: frozenset[str]) -> bool:
    """The words beside a time, up to the next one, name another of the fact's times: 'connected' where it disconnected."""
    if token.kind != "time" or known.low not in cues:
        return False
    place = place_of(tokens, token)
    after = tokens[place + 1 :]
    said = {_first(tokens[:place][::-1], cues)}
    if not any(one.kind == "time" for one in after):
        said.add(_first(after, cues))
    said.discard("")
    return bool(said) and known.low not in said


def _first(tokens: Sequence[Token], cues: frozenset[str]) -> str:
    """The nearest of these words, none of them beyond another time."""
    for token in tokens:
        if token.kind == "time":
            return ""
        if CUES.get(token.low) in cues:
            return CUES[token.low]
    return ""
