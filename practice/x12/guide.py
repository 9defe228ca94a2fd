"""Puts the segments of an 837P into the loops of its guide, and says where they do not fit.

The guide is a table (tables/x12_837p.toml); the walk takes any file, however wrong, and goes on after each fault.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal

from msgspec import Struct

from . import Segment

Severity = Literal["error", "warning"]


class Finding(Struct, frozen=True, kw_only=True):
    """Something a receiver would refuse or a payer deny, where it stands, and how to mend it."""

    id: str
    severity: Severity = "error"
    segment: int
    """Its place in the file, the ISA being 1; 0 when nothing stands there."""
    loop: str = ""
    claim: str = ""
    message: str


class Row(Struct, frozen=True, kw_only=True):
    """One line of the guide's table: a segment in a loop."""

    id: str
    qualifiers: frozenset[str]
    order: int
    required: bool
    most: int
    uses: str
    codes: tuple[tuple[int, frozenset[str]], ...]

    @property
    def name(self) -> str:
        return f"{self.id}*{'/'.join(sorted(self.qualifiers))}" if self.qualifiers else self.id


class Loop(Struct, frozen=True, kw_only=True):
    """A loop of the guide. `most` 0 is without limit."""

    id: str
    required: bool
    most: int
    rows: tuple[Row, ...]
    children: tuple[tuple[int, str], ...]


class Node:
    """A loop of a file, with its segments and the loops inside it."""

    __slots__ = ("children", "counts", "loop", "order", "parent", "segments")

    def __init__(self, loop: Loop, parent: Node | None) -> None:
        self.loop = loop
        self.parent = parent
        self.segments: list[tuple[Segment, Row]] = []
        self.children: list[Node] = []
        self.counts: dict[str, int] = {}
        self.order = 0

    @property
    def id(self) -> str:
        return self.loop.id

    @property
    def number(self) -> int:
        return self.segments[0][0].number

    @property
    def claim(self) -> str:
        node: Node | None = self
        while node:
            if node.id == "2300":
                return node.segments[0][0].at(1)
            node = node.parent
        return ""

    def all(self, name: str, *qualifiers: str) -> list[Segment]:
        """The loop's own segments with this id and, if given, one of these first elements."""
        return [s for s, _ in self.segments if s.id == name and (not qualifiers or s.at(1) in qualifiers)]

    def first(self, name: str, *qualifiers: str) -> Segment | None:
        return next(iter(self.all(name, *qualifiers)), None)

    def inside(self, *ids: str) -> Iterator[Node]:
        """Loops with one of these ids at any depth, in the order of the file."""
        for child in self.children:
            if child.id in ids:
                yield child
            yield from child.inside(*ids)

    def child(self, id: str) -> Node | None:
        return next((child for child in self.children if child.id == id), None)


_TABLE = tomllib.loads((Path(__file__).parent.parent / "tables" / "x12_837p.toml").read_text())
CODES: dict[str, frozenset[str]] = {name: frozenset(text.split()) for name, text in _TABLE["codes"].items()}
ELEMENTS: dict[str, tuple[tuple[str, int, int], ...]] = {}
for _id, _text in _TABLE["elements"].items():
    _made = []
    for _word in _text.split():
        _parts = re.fullmatch(r"([A-Z]+)(?:([0-9]+)-([0-9]+))?", _word)
        _made.append((_parts[1], int(_parts[2] or 0), int(_parts[3] or 0)) if _parts else ("-", 0, 0))
    ELEMENTS[_id] = tuple(_made)


@cache
def guide() -> dict[str, Loop]:
    """The loops by their ids. Loops of one number, such as 2310A to 2310F, may come in any order."""
    rows = _TABLE["loop"]
    return {
        row["id"]: Loop(
            id=row["id"],
            required=row.get("use") == "R",
            most=row.get("max", 1),
            rows=_rows(row["rows"]),
            children=_children(row["id"], rows),
        )
        for row in rows
    }


def _children(id: str, rows: list[dict]) -> tuple[tuple[int, str], ...]:
    """The loops a loop holds, in their order; a level below (2000B, 2000C) comes after all else."""
    held = [row["id"] for row in rows if id in row.get("under", [])]
    return tuple(sorted((9999 if child.startswith("2000") else int(child[:4]), child) for child in held))


def _rows(text: str) -> tuple[Row, ...]:
    made: list[Row] = []
    order = 0
    for line in text.strip().splitlines():
        use, most, name, uses, *codes = line.split()
        id, _, qualifiers = name.partition("*")
        if not made or made[-1].id != id:
            order += 1
        made.append(
            Row(
                id=id,
                qualifiers=frozenset(qualifiers.split(",")) - {""},
                order=99999 if id == "SE" else order,
                required=use == "R",
                most=int(most),
                uses=uses,
                codes=tuple(_allowed(code) for code in codes),
            )
        )
    return tuple(made)


def _allowed(text: str) -> tuple[int, frozenset[str]]:
    place, _, words = text.partition("=")
    values: frozenset[str] = frozenset()
    for word in words.split(","):
        values |= CODES.get(word, frozenset([word]))
    return int(place), values


def fits(row: Row, segment: Segment) -> bool:
    """Whether the segment is the one this row means, by its id and qualifier."""
    if row.id != segment.id:
        return False
    if not row.qualifiers:
        return True
    if row.id == "HL":
        return segment.at(3) in row.qualifiers
    if row.id == "HI":
        return segment.part(1, 1) in row.qualifiers
    return segment.at(1) in row.qualifiers


class Walk:
    """One transaction put into its loops. `top` is the ST loop; `findings` is what did not fit."""

    def __init__(self, segments: list[Segment]) -> None:
        self.loops = guide()
        self.findings: list[Finding] = []
        self.top = Node(self.loops["ST"], None)
        self.here = self.top
        for segment in segments:
            self._place(segment)
        while self.here is not None:
            self._close()

    def _place(self, segment: Segment) -> None:
        if not (self._put(segment, in_order=True) or self._put(segment, in_order=False)):
            self._misfit(segment)

    def _put(self, segment: Segment, *, in_order: bool) -> bool:
        """Try the present loop, then the loops it may hold, then the one around it, and so on outward."""
        node: Node | None = self.here
        while node:
            row = self._row(node, segment, in_order=in_order)
            if row:
                self._return_to(node)
                self._take(node, segment, row, in_order=in_order)
                return True
            for order, id in node.loop.children:
                if (order >= node.order or not in_order) and fits(self.loops[id].rows[0], segment):
                    self._return_to(node)
                    self._open(node, id, order, segment, in_order=in_order)
                    return True
            node = node.parent
        return False

    def _row(self, node: Node, segment: Segment, *, in_order: bool) -> Row | None:
        rows = node.loop.rows if node is self.top else node.loop.rows[1:]
        found = [row for row in rows if fits(row, segment) and (row.order >= node.order or not in_order)]
        left = [row for row in found if node.counts.get(row.name, 0) < row.most]
        return (left or found or [None])[0]

    def _take(self, node: Node, segment: Segment, row: Row, *, in_order: bool) -> None:
        if in_order:
            node.order = row.order
        else:
            self._say("G03", segment, node, f"{row.name} stands too late in its loop; move it before what follows.")
        node.counts[row.name] = count = node.counts.get(row.name, 0) + 1
        if count == row.most + 1:
            self._say("G04", segment, node, f"{row.name} may stand {row.most} time(s) here; remove the others.")
        node.segments.append((segment, row))

    def _open(self, node: Node, id: str, order: int, segment: Segment, *, in_order: bool) -> None:
        loop = self.loops[id]
        made = Node(loop, node)
        made.segments.append((segment, loop.rows[0]))
        made.counts[loop.rows[0].name] = 1
        made.order = loop.rows[0].order
        node.children.append(made)
        node.counts[id] = count = node.counts.get(id, 0) + 1
        self.here = made
        if in_order:
            node.order = order
        else:
            self._say("G03", segment, made, f"Loop {id} stands too late; move it before what follows.")
        if loop.most and count == loop.most + 1:
            self._say("G05", segment, made, f"Loop {id} may stand {loop.most} time(s) here; split the claim.")

    def _return_to(self, node: Node) -> None:
        while self.here is not node:
            self._close()

    def _close(self) -> None:
        """Leave the loop and say what it should have held."""
        node = self.here
        for row in node.loop.rows:
            if row.required and not node.counts.get(row.name):
                self._missing(node, "G01", f"{row.name} is missing in loop {node.id}; add it.")
        for _, id in node.loop.children:
            if self.loops[id].required and not node.counts.get(id):
                name = self.loops[id].rows[0].name
                self._missing(node, "G02", f"Loop {id} ({name}) is missing in loop {node.id}; add it.")
        self.here = node.parent  # type: ignore[assignment]

    def _missing(self, node: Node, id: str, message: str) -> None:
        at = node.segments[0][0].number if node.segments else 0
        self.findings.append(Finding(id=id, segment=at, loop=node.id, claim=node.claim, message=message))

    def _misfit(self, segment: Segment) -> None:
        if segment.id in ELEMENTS:
            name = f"{segment.id}*{segment.at(1)}" if segment.at(1) else segment.id
            self._say("G06", segment, self.here, f"{name} has no place here; check its first element or remove it.")
        else:
            self._say("G07", segment, self.here, f"'{segment.id[:6]}' is no segment of an 837P; remove it.")

    def _say(self, id: str, segment: Segment, node: Node, message: str) -> None:
        found = Finding(id=id, segment=segment.number, loop=node.id, claim=node.claim, message=message)
        self.findings.append(found)


def day(text: str) -> date | None:
    """A CCYYMMDD date, or None when there is no such day."""
    if not re.fullmatch(r"[0-9]{8}", text) or text[:4] < "1800":
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None
