"""A record as people read it back: each entry as it stands, with what it said before and who keyed it.

Nothing in a record is overwritten, so its history is the record; this puts it in lines, in the order of the case.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from msgspec import Struct

from . import wording as w
from .cases import Facts
from .kinds import KINDS, WORDS, Field
from .record import Entry, ordered
from .times import clock


class Version(Struct, frozen=True):
    """One entry in words. `fate` says what became of it: empty, replaced, struck, or one of two versions."""

    src: str
    kind: str
    title: str
    at: datetime | None
    shown: str
    said: str
    by: int | None
    keyed: str
    marks: tuple[str, ...]
    fate: str = ""


class Line(Struct, frozen=True):
    """What stands, and under it what was said before, oldest first."""

    current: Version
    before: tuple[Version, ...] = ()

    @property
    def struck(self) -> bool:
        return self.current.fate == "struck"


class Choice(Struct, frozen=True):
    """Two corrections made without seeing each other: a person keeps one."""

    original: Version
    versions: tuple[Version, ...]
    keys: tuple[str, ...]
    """The corrections themselves; a version shows what each came to since."""


def lines(entries: Iterable[Entry], facts: Facts) -> list[Line]:
    """The record in time order; what has no time stands first, in the order of keying."""
    words = _Words(entries, facts)
    found = [words.line(root) for root in words.roots()]
    return sorted(found, key=lambda line: line.current.at.timestamp() if line.current.at else 0.0)


def choices(entries: Iterable[Entry], facts: Facts) -> list[Choice]:
    """What two people corrected without seeing each other, for somebody to decide."""
    words = _Words(entries, facts)
    return [
        Choice(
            original=words.version(words.known[conflict.original]),
            versions=tuple(words.version(words.tip(src)) for src in conflict.versions),
            keys=conflict.versions,
        )
        for conflict in facts.conflicts
    ]


class _Words:
    def __init__(self, entries: Iterable[Entry], facts: Facts) -> None:
        self.known = {entry.client_id: entry for entry in ordered(entries)}
        self.facts, self.clock = facts, clock(facts)
        self.newer: dict[str, list[Entry]] = {}
        for entry in self.known.values():
            if entry.replaces in self.known:
                self.newer.setdefault(entry.replaces, []).append(entry)
        self.names = self._names()

    def _names(self) -> dict[str, str]:
        """What a reference means, for each client id of an entry and for each label."""
        facts, names = self.facts, {}
        for person in (*facts.staff.technologists, *facts.staff.physicians):
            names |= {person.id: person.name, person.src: person.name}
        for row in facts.baselines.rows:
            names |= {row.id: w.response(row), row.src: w.response(row)}
        for test in facts.stim_tests:
            names |= {test.id: w.screw(test), test.src: w.screw(test)}
        for item in (*facts.alerts, *facts.time.segments):
            names |= {item.id: item.id, item.src: item.id}
        for presence in facts.physician_log:
            names[presence.src] = (
                f"{facts.person_name(presence.physician)} {self.clock.span(presence.connect, presence.disconnect)}"
            )
        for src, name in list(names.items()):
            while (entry := self.known.get(src)) and entry.replaces and entry.replaces not in names:
                src = entry.replaces
                names[src] = name
        return names

    def roots(self) -> list[Entry]:
        return [entry for entry in self.known.values() if entry.replaces not in self.known]

    def tree(self, root: Entry) -> list[Entry]:
        found = [root]
        for entry in found:
            found += [newer for newer in self.newer.get(entry.client_id, ()) if newer not in found]
        return found

    def tip(self, src: str) -> Entry:
        """The last word of an entry's own corrections."""
        entry = self.known[src]
        while newer := self.newer.get(entry.client_id):
            entry = max(newer, key=lambda one: (one.kind != "struck", one.entered_at, one.client_id))
        return entry

    def line(self, root: Entry) -> Line:
        last = self.tip(root.client_id)
        earlier = [entry for entry in self.tree(root) if entry is not last]
        if last.kind == "struck":
            # The strike says why; the line itself keeps saying what was struck.
            struck = self.known[last.replaces]
            told = [self.version(entry, "replaced") for entry in earlier if entry is not struck]
            return Line(self.version(struck, "struck"), (*told, self.version(last, "")))
        return Line(self.version(last), tuple(self.version(entry, "replaced") for entry in earlier))

    def version(self, entry: Entry, fate: str = "") -> Version:
        kind = KINDS[entry.kind]
        return Version(
            src=entry.client_id,
            kind=entry.kind,
            title=kind.title,
            at=entry.at,
            shown=self.clock.time(entry.at) if entry.at else "",
            said=self.says(entry),
            by=entry.by,
            keyed=self.clock.full(entry.entered_at),
            marks=self._marks(entry),
            fate=fate,
        )

    def _marks(self, entry: Entry) -> tuple[str, ...]:
        late = self.facts.late.get(entry.client_id)
        marks = [f"late, keyed {self.clock.time(entry.entered_at)}"] if entry.late else []
        if entry.replaces and entry.kind != "struck":
            marks.append(f"edited, was {self.clock.time(late.was)}" if late and late.was else "edited")
        return tuple(marks)

    def says(self, entry: Entry) -> str:
        """The answers of an entry, in the order they are asked."""
        said = [
            self._answer(field, _reach(entry.data, field.name))
            for field in KINDS[entry.kind].fields
            if field.name != "at"
        ]
        return " · ".join(dict.fromkeys(filter(None, said)))

    def _answer(self, field: Field, value: Any) -> str:
        if value in (None, "", ()):
            return ""
        if field.name.endswith("missing_reason"):
            return w.gap(value)
        if isinstance(value, bool):
            return f"{field.label.lower()}: {'yes' if value else 'no'}"
        if isinstance(value, datetime):
            return f"{field.label.lower()} {self.clock.time(value)}"
        if field.widget == "rows":
            return "; ".join(self._row(field.columns, row) for row in value)
        # A number is told from others by its unit; where that does not do, by its label.
        named = field.unit == "%" or field.widget in ("whole", "numbers")
        label = f"{field.label.lower()} " if named and field.unit != "pulses" else ""
        if isinstance(value, tuple):
            value = ", ".join(w.GAP if one is None else str(one) for one in value)
        return f"{label}{self._word(field, value)} {field.unit}".strip()

    def _row(self, columns: tuple[Field, ...], row: Struct) -> str:
        return ", ".join(filter(None, (self._answer(column, getattr(row, column.name)) for column in columns)))

    def _word(self, field: Field, value: Any) -> str:
        if field.source:
            return self.names.get(value, value)
        if field.widget == "choice":
            return dict(field.choices).get(value) or WORDS.get(value) or str(value)
        return str(value).replace("_", " ") if field.suggest else str(value)


def _reach(data: Any, path: str) -> Any:
    """The value at a path such as nmb.agent, None where a part of it is missing."""
    for name in path.split("."):
        data = getattr(data, name, None)
    return data
