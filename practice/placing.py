"""Where the sentences and rows of a draft stand in its plain text, so that a finding is shown at its place."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

from msgspec import Struct

from .report import Draft, Items, Paragraph, Row, Sentence, sentences


class Place(Struct, frozen=True):
    """A sentence or row and its stretch of the text. `number` counts from 1, as everywhere."""

    number: int
    section: str
    said: Sentence | Row
    start: int
    end: int


def places(draft: Draft, text: str) -> list[Place]:
    """Every sentence and row with its place; what does not stand in the text, as of an older writer, is left out."""
    found, at = [], 0
    for number, (section, one) in enumerate(sentences(draft), 1):
        span = _span(one, text, at)
        if span:
            found.append(Place(number, section, one, *span))
            at = span[1]
    return found


def _span(one: Sentence | Row, text: str, at: int) -> tuple[int, int] | None:
    if isinstance(one, Sentence):
        start = text.find(one.text, at)
        return (start, start + len(one.text)) if start >= 0 else None
    cells = [" ".join(cell.split("\n")).strip() for cell in one.cells]
    row = re.compile(r"[ ]+".join(re.escape(cell) for cell in cells if cell)).search(text, at)
    return row.span() if row else None


def holding(found: list[Place], at: int) -> Place | None:
    """What stands at this place of the text, or last before it: there a thing left out would have stood."""
    index = bisect_right([one.start for one in found], at)
    return found[index - 1] if index else None


def labels(draft: Draft) -> Iterator[tuple[Sentence | Row, str]]:
    """What each sentence and row is called by people: its section, the alert and the line, such as 'section 6, AL1 Time'."""
    yield from ((row, f"header, {row.cells[0]}") for row in draft.header)
    yield from ((one, "key result") for one in draft.key_result)
    for section in draft.sections:
        name = f"section {section.number}"
        for block in section.blocks:
            if isinstance(block, Items):
                for item in block.items:
                    where = " ".join(part for part in (block.key if block.heading else "", item.label) if part)
                    yield from ((one, f"{name}, {where}" if where else name) for one in item.sentences)
            elif isinstance(block, Paragraph):
                yield from ((one, name) for one in block.sentences)
            else:
                yield from ((row, f"{name}, {row.cells[0]}") for row in block.rows)
    yield from ((one, "section 12, attestation") for one in draft.attestations)


def prose(draft: Draft) -> Iterator[tuple[str, Sentence]]:
    """The sentences that a person may put in other words, with their sections: no tables, no attestation."""
    yield from (("key_result", one) for one in draft.key_result)
    for section in draft.sections:
        for place, block in enumerate(section.blocks):
            if isinstance(block, Items):
                yield from ((section.key, one) for item in block.items for one in item.sentences)
            elif isinstance(block, Paragraph) and not (section.key == "impression" and place):
                yield from ((section.key, one) for one in block.sentences)
