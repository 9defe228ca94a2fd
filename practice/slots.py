"""A model's answer, weighed: only sentences that say what the facts say, in slots, are proposed (report-and-phone.md 3.2).

A number, a side, a modality or a site outside a slot is refused, so a wrong one cannot be written. What stands
between slots is the sentence's own words and a few that claim nothing. Then the faithfulness check reads the whole.
A sentence that fails is asked for once more with the reasons; after that the built-in sentence stands.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from . import factsheet as f
from . import wording as w
from .cases import Facts
from .factsheet import Fact, Sheet
from .faithfulness import Checker
from .report import Draft
from .rewording import Wording, key, reworded

MOST = 60_000
"""Characters of an answer that are read; a longer one is rubbish."""
Judge = Callable[[Draft], Iterable[str]]
"""What is wrong with a whole report, in sentences."""
Ask = Callable[[list[dict[str, str]]], str]
"""Sends a conversation and returns the model's words. Raises NoAnswer."""


class NoAnswer(Exception):
    """The model gave nothing that can be used; the reason is a sentence for the page."""


class BadReply(Exception):
    """The answer is not the JSON that was asked for."""


class Said(Struct, frozen=True):
    text: Annotated[str, Meta(max_length=2000)]
    cites: Annotated[list[str], Meta(max_length=50)]


class _Block(Struct, frozen=True):
    name: str
    sentences: Annotated[list[Said], Meta(max_length=200)]


class Reply(Struct, frozen=True):
    """Unknown fields are dropped; a known one of the wrong shape refuses the whole."""

    blocks: Annotated[list[_Block], Meta(max_length=100)]


class Suggestion(Struct, frozen=True, kw_only=True):
    """What becomes of one or more neighboring sentences. `text` is empty where the built-in words stand, and why."""

    section: str
    label: str
    key: str
    built_in: str
    text: str = ""
    reason: str = ""


class Polished(Struct, frozen=True, kw_only=True):
    """Everything that came of asking. `note` says why nothing did."""

    suggestions: tuple[Suggestion, ...] = ()
    note: str = ""
    replies: tuple[str, ...] = ()

    @property
    def wordings(self) -> list[Wording]:
        return [Wording(one.section, one.key, one.text, "model") for one in self.suggestions if one.text]


def read(raw: str) -> Reply:
    """The JSON in an answer; words around it are dropped. Raises BadReply."""
    start, end = raw.find("{"), raw.rfind("}")
    if start < 0 or end < start or len(raw) > MOST:
        raise BadReply
    try:
        return msgspec.json.decode(raw[start : end + 1].encode("utf-8", "replace"), type=Reply)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise BadReply from error


# One sentence

_SLOT = re.compile(r"\{([^{}]*)\}")
_LETTERS = re.compile(r"[A-Za-z .,;:()'’-]*")
_WORD = re.compile(r"[A-Za-z]+(?:['’-][A-Za-z]+)*")
_PART = re.compile(rf"{_SLOT.pattern}|{_WORD.pattern}")
_SIDES = frozenset({*w.SIDES.values(), "bilaterally", "both", "sided", "left-sided", "right-sided", "l", "r"})
_CODES = frozenset(code.lower() for code in w.MODALITIES) | {
    "mep",
    "meps",
    "sseps",
    "tcmeps",
    "motor",
    "sensory",
    "evoked",
}


def objections(said: Said, facts: Sequence[Fact]) -> list[str]:
    """Why this sentence may not stand for these facts; empty means that it may."""
    if not facts:
        return ["It cites no fact of its block."]
    found = []
    first = facts[0]
    if [(fact.run, fact.place) for fact in facts] != [(first.run, first.place + n) for n in range(len(facts))]:
        found.append("It joins facts that do not follow each other.")
    wanted = Counter(slot.name for fact in facts for slot in fact.slots)
    used = Counter(_SLOT.findall(said.text))
    if strange := used - wanted:
        found.append(f"It uses a slot too often or one of another fact: {', '.join(sorted(strange))[:200]}.")
    if left_out := wanted - used:
        found.append(f"It leaves out: {', '.join(sorted(left_out))}.")
    found += [*_between(_SLOT.sub(" ", said.text), facts), *_ended(said.text)]
    return found or _disordered(said.text, facts)


def _between(glue: str, facts: Sequence[Fact]) -> list[str]:
    """What is wrong with the words outside the slots."""
    found = []
    if re.search(r"\d", glue):
        found.append("It writes a digit outside a slot.")
    if not _LETTERS.fullmatch(glue):
        found.append("It holds signs that do not belong in a sentence.")
    words, own = Counter(_words(glue)), Counter(word for fact in facts for word in _words(_SLOT.sub(" ", fact.text)))
    if hard := sorted(word for word in words if word in _SIDES or word in _CODES):
        found.append(f"It names a side or a modality outside a slot: {', '.join(hard)}.")
    if added := words - own:
        found.append(f"It adds words that the fact does not have: {', '.join(sorted(added))[:200]}.")
    if dropped := own - words:
        found.append(f"It drops words of the fact: {', '.join(sorted(dropped))}.")
    return found


def _words(glue: str) -> list[str]:
    """The words that claim something."""
    words = (word.lower().replace("’", "'") for word in _WORD.findall(glue))
    return [word for word in words if word not in f.FREE]


def _disordered(text: str, facts: Sequence[Fact]) -> list[str]:
    """Values in their order, words in theirs; joined facts one after the other, so that nothing goes over to another."""
    said = _order(text)
    for fact in facts:
        own = _order(fact.text)
        mine, said = said[: len(own)], said[len(own) :]
        slots, words = ([one for one in own if (one[0] == "{") == is_slot] for is_slot in (True, False))
        kept = mine == own or len(facts) == 1 and slots == [one for one in mine if one in slots]
        if not kept or words != [one for one in mine if one not in slots]:
            return ["It changes the order of what the facts say, or mixes two of them."]
    return []


def _order(text: str) -> list[str]:
    found = (one[0] if one[0][0] == "{" else _words(one[0])[:1] for one in _PART.finditer(text))
    return [one if isinstance(one, str) else one[0] for one in found if one]


def _ended(text: str) -> list[str]:
    plain = _SLOT.sub("x", text)
    if text != text.strip() or "\n" in text or not plain.endswith(".") or ". " in plain:
        return ["It is not one sentence with a full stop at its end."]
    return []


def filled(text: str, facts: Iterable[Fact]) -> str:
    """The sentence with the record's values in its slots."""
    shown = {slot.name: slot.shown for fact in facts for slot in fact.slots}
    return _SLOT.sub(lambda found: shown[found[1]], text)


# The whole answer


class _Weighing:
    """Which facts have a sentence that stands, and what was wrong with the others."""

    def __init__(self, sheet: Sheet, built_in: Draft, judge: Judge) -> None:
        self.sheet, self.built_in, self.judge = sheet, built_in, judge
        self.told: dict[str, tuple[tuple[Fact, ...], str]] = {}
        self.reasons: dict[str, str] = {}
        self.refused: list[dict[str, Any]] = []

    def weigh(self, reply: Reply) -> None:
        self.refused = []
        facts = {block.name: {fact.id: fact for fact in block.facts} for block in self.sheet.blocks}
        for block in reply.blocks:
            for said in block.sentences:
                self._sentence(said, facts.get(block.name, {}))
        self._together()

    def _sentence(self, said: Said, block: dict[str, Fact]) -> None:
        cited = [block[one] for one in dict.fromkeys(said.cites) if one in block]
        if len(cited) < len(set(said.cites)) or any(fact.id in self.told for fact in cited):
            reasons = ["It cites a fact that is not there or that another sentence says."]
        else:
            reasons = objections(said, cited)
        if not reasons:
            text = filled(said.text, cited)
            reasons = self._judged(cited, text)
            if not reasons:
                self.told |= {fact.id: (tuple(cited), text) for fact in cited}
                return
        self.refused.append({"text": said.text[:500], "cites": said.cites[:20], "reasons": reasons})
        self.reasons |= {fact.id: " ".join(reasons) for fact in cited if fact.id not in self.told}

    def _judged(self, cited: Sequence[Fact], text: str) -> list[str]:
        return sorted(set(self.judge(reworded(self.built_in, [self._wording(cited, text)]))))

    def _wording(self, cited: Sequence[Fact], text: str) -> Wording:
        run = self.sheet.runs[cited[0].run]
        sentences = run.sentences[cited[0].place : cited[-1].place + 1]
        return Wording(run.section, key(run.section, sentences), text, "model")

    def _together(self) -> None:
        """Sentences that are right one by one and wrong together: then none of them stands."""
        wordings = [self._wording(cited, text) for cited, text in self.told.values()]
        if wrong := set(self.judge(reworded(self.built_in, wordings))):
            self.reasons |= dict.fromkeys(self.told, " ".join(sorted(wrong)))
            self.told = {}

    @property
    def open(self) -> list[str]:
        return [fact.id for fact in self.sheet.facts if fact.id not in self.told]

    def suggestions(self) -> tuple[Suggestion, ...]:
        made, done = [], set()
        for fact in self.sheet.facts:
            if fact.id in done:
                continue
            cited, text = self.told.get(fact.id, ((fact,), ""))
            done |= {one.id for one in cited}
            run, wording = self.sheet.runs[fact.run], self._wording(cited, text)
            says = " ".join(one.says for one in cited)
            made.append(
                Suggestion(
                    section=run.section,
                    label=f"{run.block}, {run.label.lower()}" if run.label else "",
                    key=wording.key,
                    built_in=says,
                    text=text if text != says else "",
                    reason="" if text else self.reasons.get(fact.id, "The model left it out."),
                )
            )
        return tuple(made)


def judge(facts: Facts, built_in: Draft) -> Judge:
    """The faithfulness check of a record as a judge: a red or amber finding is an objection."""
    checker = Checker(facts, built_in)
    return lambda report: [f"{one.text}: {one.message}".strip(": ") for one in checker.check(report).findings]


def polish(sheet: Sheet, built_in: Draft, ask: Ask, judge: Judge) -> Polished:
    """Ask for a wording, weigh it, ask once again for what failed. Whatever the model does, the built-in text is whole."""
    talk, replies = f.messages(sheet), []
    weighing = _Weighing(sheet, built_in, judge)
    try:
        reply = _asked(talk, ask, replies)
    except NoAnswer as error:
        return Polished(note=str(error), replies=tuple(replies))
    except BadReply:
        return Polished(
            note="The model's answer was not in the form that was asked for, twice.", replies=tuple(replies)
        )
    weighing.weigh(reply)
    if weighing.open:
        refused = msgspec.json.encode({"refused": weighing.refused[:40], "write_again": weighing.open}).decode()
        repair = [{"role": "assistant", "content": replies[-1][:MOST]}, {"role": "user", "content": f.REPAIR + refused}]
        try:
            raw = ask([*talk, *repair])
            replies.append(raw)
            weighing.weigh(read(raw))
        except (NoAnswer, BadReply):
            pass  # the sentences that failed stay with the built-in words, and the page says which
    return Polished(suggestions=weighing.suggestions(), replies=tuple(replies))


def _asked(talk: list[dict[str, str]], ask: Ask, replies: list[str]) -> Reply:
    """The first answer that can be read, of two."""
    replies.append(ask(talk))
    try:
        return read(replies[-1])
    except BadReply:
        replies.append(ask(talk))
        return read(replies[-1])
