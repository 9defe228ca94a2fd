"""The whole record in time order, each entry with what it said before: nothing in a record is overwritten."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from . import keying
from .cases import Facts
from .kinds import KINDS
from .record import Entry, ordered
from .telling import teller
from .times import clock
from .worksheet import marks


class Said(Struct, frozen=True):
    """One entry in words."""

    entry: Entry
    title: str
    words: str
    time: str
    marks: tuple[str, ...] = ()


class Line(Struct, frozen=True):
    """What stands, or what was struck, and under it every other version, the oldest first."""

    said: Said
    before: tuple[Said, ...] = ()
    struck: bool = False


def lines(entries: Iterable[Entry], facts: Facts) -> list[Line]:
    """Every entry once, in time order; those without a time first, in the order of keying."""
    entries = ordered(entries)
    tell, times = teller(facts, keying.standing(entries, facts)), clock(facts)
    known = {entry.client_id: entry for entry in entries}
    newer: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.replaces in known:
            newer.setdefault(entry.replaces, []).append(entry)

    def said(entry: Entry) -> Said:
        shown = times.time(entry.at) if entry.at else ""
        return Said(
            entry, KINDS[entry.kind].title, tell(entry), shown, marks(entry, facts, times, known.get(entry.replaces))
        )

    def line(root: Entry) -> Line:
        tree = [root]
        for entry in tree:
            tree += newer.get(entry.client_id, ())
        last = root
        while newer.get(last.client_id):
            last = max(newer[last.client_id], key=lambda one: (one.kind != "struck", one.entered_at, one.client_id))
        struck = last.kind == "struck" and last is not root
        # A struck line keeps saying what was struck; the strike itself, with its reason, is part of what follows.
        head = known[last.replaces] if struck else last
        return Line(said(head), tuple(said(entry) for entry in tree if entry is not head), struck)

    found = [line(entry) for entry in entries if entry.replaces not in known]
    return sorted(found, key=lambda one: one.said.entry.at.timestamp() if one.said.entry.at else 0.0)
