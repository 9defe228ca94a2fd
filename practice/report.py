"""A report as a value, and what it looks like as text: `Draft` with its sections, sentences and tables.

Every sentence and row carries its sources: client ids of entries, or `header`, `time` (set-up and electrode
removal) or `record` (what the record as a whole says or does not).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Literal

import msgspec
from msgspec import Struct

from .completeness import Missing

_STRONG = re.compile(r"(\[(?:not [a-z]+|technical)\]|UNRESOLVED|LOW(?=, see))")


def _runs(text: str) -> list[tuple[str, bool]]:
    """The text in pieces, with the words that must not be overlooked marked True."""
    return [(piece, index % 2 == 1) for index, piece in enumerate(_STRONG.split(text)) if piece]


Author = Literal["built-in", "model", "technologist", "physician"]


class Sentence(Struct, frozen=True):
    text: str
    sources: tuple[str, ...] = ()
    author: Author = "built-in"

    @property
    def runs(self) -> list[tuple[str, bool]]:
        return _runs(self.text)


class Row(Struct, frozen=True):
    cells: tuple[str, ...]
    sources: tuple[str, ...] = ()

    @property
    def runs(self) -> list[list[tuple[str, bool]]]:
        return [_runs(cell) for cell in self.cells]


class Paragraph(Struct, frozen=True, tag="paragraph"):
    sentences: tuple[Sentence, ...]


class Item(Struct, frozen=True):
    label: str
    sentences: tuple[Sentence, ...]


class Items(Struct, frozen=True, tag="items"):
    """A list under a heading of its own, such as one signal alert; the heading may be empty."""

    key: str
    heading: str
    items: tuple[Item, ...]


class Table(Struct, frozen=True, tag="table"):
    """`widths` are the shares of the columns in percent, for print."""

    key: str
    caption: str
    head: tuple[str, ...]
    rows: tuple[Row, ...]
    widths: tuple[int, ...] = ()


Block = Paragraph | Items | Table


class Section(Struct, frozen=True):
    key: str
    number: int
    title: str
    blocks: tuple[Block, ...]


class SignatureFact(Struct, frozen=True, kw_only=True):
    """A physician's act on an exact text, by its digest."""

    name: str
    credentials: str
    at: datetime
    text_sha256: str


class AddendumFact(Struct, frozen=True, kw_only=True):
    text: str
    name: str
    credentials: str
    at: datetime
    number: int


class Addendum(Struct, frozen=True):
    heading: str
    text: str


class Draft(Struct, frozen=True, kw_only=True):
    """A report. `sections` are 1 to 11; section 12 is made of attestations, signatures, `awaiting` and addenda."""

    case_id: str
    rev: int
    digest: str
    title: str
    notice: str
    status_line: str
    signed: bool
    label: tuple[str, ...]
    header: tuple[Row, ...]
    key_result: tuple[Sentence, ...]
    sections: tuple[Section, ...]
    attestations: tuple[Sentence, ...]
    signatures: tuple[Sentence, ...]
    awaiting: tuple[str, ...]
    addenda: tuple[Addendum, ...]
    provenance: Sentence
    todo: tuple[Missing, ...]


def as_text(report: Draft) -> str:
    """The whole report as plain text: status, everything that is signed, signatures, addenda."""
    lines = [report.title, report.status_line, "", *_body(report), "", "12. Attestation and signatures"]
    lines += [one.text for one in (*report.attestations, *report.signatures)]
    lines += [
        f"Interpreting physician: ______________________ {who}   date/time: ____________" for who in report.awaiting
    ]
    for addendum in report.addenda:
        lines += ["", addendum.heading, addendum.text]
    return "\n".join([*lines, "", report.provenance.text, ""])


def signable_text(report: Draft) -> str:
    """The exact text that a signature covers: everything but the status line, the signatures and the addenda."""
    said = [report.title, "", *_body(report), "", *(one.text for one in report.attestations), report.provenance.text]
    return "\n".join(said) + "\n"


def impression(report: Draft) -> str:
    """The words of the impression as they stand in the report, for the physician to keep or to change."""
    section = next(section for section in report.sections if section.key == "impression")
    return " ".join(one.text for block in section.blocks[:1] for one in block.sentences)


def as_json(report: Draft) -> bytes:
    return msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"


def sentences(report: Draft) -> Iterator[tuple[str, Sentence | Row]]:
    """Every sentence and row with the key of its section, in the order of the report."""
    yield from (("header", row) for row in report.header)
    yield from (("key_result", one) for one in report.key_result)
    for section in report.sections:
        for block in section.blocks:
            if isinstance(block, Table):
                yield from ((section.key, row) for row in block.rows)
            elif isinstance(block, Items):
                yield from ((section.key, one) for item in block.items for one in item.sentences)
            else:
                yield from ((section.key, one) for one in block.sentences)
    yield from (("attestations", one) for one in report.attestations)


def _body(report: Draft) -> Iterator[str]:
    if report.notice:
        yield report.notice
        yield ""
    yield from _columns([row.cells for row in report.header])
    yield ""
    yield "Key result: " + _joined(report.key_result)
    for section in report.sections:
        yield ""
        yield f"{section.number}. {section.title}"
        for number, block in enumerate(section.blocks):
            if number:
                yield ""
            yield from _block_lines(block)


def _joined(said: Iterable[Sentence]) -> str:
    return " ".join(one.text for one in said)


def _block_lines(block: Block) -> Iterator[str]:
    if isinstance(block, Paragraph):
        yield _joined(block.sentences)
    elif isinstance(block, Items):
        if block.heading:
            yield block.heading
        for item in block.items:
            yield f"- {item.label}: {_joined(item.sentences)}" if item.label else f"- {_joined(item.sentences)}"
    else:
        if block.caption:
            yield block.caption
        yield from _columns([block.head, *(row.cells for row in block.rows)], ruled=True)


def _columns(rows: list[tuple[str, ...]], *, ruled: bool = False) -> Iterator[str]:
    """The rows as columns of even width; a rule under the head of a table."""
    flat = [tuple(" ".join(cell.split("\n")) for cell in row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*flat, strict=True)]
    for number, row in enumerate(flat):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        if ruled and number == 0:
            yield "  ".join("-" * width for width in widths)
