"""Wordings that people accepted, laid over a draft: which sentences they stand for, and who wrote what.

A wording belongs to sentences of the built-in writer by the digest of what they say and of their sources. When a
fact changes, so does the sentence or its source, and the wording falls away by itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher

import msgspec
from msgspec import Struct

from .report import Author, Block, Draft, Item, Items, Paragraph, Section, Sentence

WORDED = ("key_result", "alerts", "impression")
"""Sections that a model may word. The others are tables, lists and times; people may word the sentences between them."""


class Run(Struct, frozen=True):
    """Sentences that stand one after the other in one paragraph or line: only such may be joined."""

    section: str
    block: str
    label: str
    sentences: tuple[Sentence, ...]


class Wording(Struct, frozen=True):
    """What stands for the sentences with this key, and who wrote it."""

    section: str
    key: str
    text: str
    author: Author


def runs(draft: Draft) -> Iterator[Run]:
    """The runs of sentences of the key result, of each line of an alert and of the impression."""
    yield Run("key_result", "", "", draft.key_result)
    for section in draft.sections:
        if section.key in WORDED:
            for block in section.blocks[: 1 if section.key == "impression" else None]:
                if isinstance(block, Items):
                    yield from (Run(section.key, block.key, item.label, item.sentences) for item in block.items)
                elif isinstance(block, Paragraph):
                    yield Run(section.key, "", "", block.sentences)


def differing(before: str, after: str) -> tuple[list[tuple[bool, str]], list[tuple[bool, str]]]:
    """Both sentences in stretches of words, each with whether the other sentence lacks it."""
    one, other = before.split(), after.split()
    old, new = [], []
    for what, a, b, x, y in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if a < b:
            old.append((what != "equal", " ".join(one[a:b])))
        if x < y:
            new.append((what != "equal", " ".join(other[x:y])))
    return old, new


def key(section: str, sentences: Sequence[Sentence]) -> str:
    """The digest by which a wording finds its sentences."""
    said = [section, *([one.text, sorted(one.sources)] for one in sentences)]
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()


def reworded(draft: Draft, wordings: Iterable[Wording]) -> Draft:
    """The draft with these wordings, the newest first; one that fits nowhere is left out."""
    laid = _Laid(wordings)
    if not laid.wordings:
        return draft
    key_result = laid.over("key_result", draft.key_result)
    sections = tuple(laid.section(one) for one in draft.sections)
    provenance = draft.provenance
    if any(one.author == "model" for one in laid.used):
        provenance = msgspec.structs.replace(
            provenance, text=provenance.text.replace("writer (no AI)", "writer and AI")
        )
    return msgspec.structs.replace(draft, key_result=key_result, sections=sections, provenance=provenance)


def applied(draft: Draft, wordings: Iterable[Wording]) -> list[Wording]:
    """Those of the wordings that stand in the draft."""
    laid = _Laid(wordings)
    laid.over("key_result", draft.key_result)
    for section in draft.sections:
        laid.section(section)
    return laid.used


class _Laid:
    def __init__(self, wordings: Iterable[Wording]) -> None:
        self.wordings = list(wordings)
        self.used: list[Wording] = []

    def section(self, section: Section) -> Section:
        if all(one.section != section.key for one in self.wordings):
            return section
        blocks = tuple(self._block(section.key, place, one) for place, one in enumerate(section.blocks))
        return msgspec.structs.replace(section, blocks=blocks)

    def _block(self, section: str, place: int, block: Block) -> Block:
        if isinstance(block, Paragraph) and not (section == "impression" and place):
            return Paragraph(self.over(section, block.sentences))
        if isinstance(block, Items):
            items = tuple(Item(item.label, self.over(section, item.sentences)) for item in block.items)
            return Items(block.key, block.heading, items)
        return block

    def over(self, section: str, sentences: tuple[Sentence, ...]) -> tuple[Sentence, ...]:
        """Each wording on the run of sentences it was made for, unless a newer one stands on one of them."""
        laid: list[Sentence | None] = list(sentences)
        taken = [False] * len(sentences)
        for one in self.wordings:
            if one.section != section:
                continue
            for start, end in _spans(len(sentences)):
                if not any(taken[start:end]) and key(section, sentences[start:end]) == one.key:
                    sources = tuple(dict.fromkeys(src for said in sentences[start:end] for src in said.sources))
                    laid[start:end] = [Sentence(one.text, sources, one.author), *[None] * (end - start - 1)]
                    taken[start:end] = [True] * (end - start)
                    self.used.append(one)
                    break
        return tuple(said for said in laid if said is not None)


def _spans(length: int) -> Iterator[tuple[int, int]]:
    return ((start, end) for start in range(length) for end in range(start + 1, length + 1))
