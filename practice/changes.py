"""What changed between two versions of a record's facts, in sentences: why a draft is stale."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from . import cases as c
from . import wording as w
from .cases import Facts
from .times import Clock, clock

_WORDS = {
    "t": "time", "lat_ms": "latency (ms)", "amp_uv": "amplitude (µV)", "thr_ma": "threshold (mA)", "pct": "(%)",
    "map_mmhg": "MAP (mmHg)", "temp_c": "temperature (°C)", "frm": "from", "cred": "credential", "n": "cases",
    "value_uv": "value (µV)", "value_lat_ms": "latency (ms)", "change_pct": "change (%)", "md_note": "physician note",
    "pct_of_baseline": "share of baseline (%)", "cause_suspected": "suspected cause", "preop_exam": "pre-operative examination", "dob": "date of birth",
}  # fmt: skip
"""Names of fields in words, where the field's own name is not one."""

_NOUNS: dict[type, str] = {
    c.Technologist: "technologist", c.Physician: "physician", c.Handover: "handover", c.Modality: "modality",
    c.Physiology: "MAP and temperature", c.Baseline: "baseline", c.BaselineSet: "baselines", c.Event: "event",
    c.StimTest: "stimulation test", c.Alert: "alert", c.Segment: "monitoring", c.Break: "pause",
    c.Presence: "physician connection", c.Tof: "train-of-four", c.Agent: "agent", c.Diagnosis: "diagnosis",
    c.ClosingRow: "closing value", c.Communication: "communication", c.AlertAction: "action", c.SignedNote: "physician note",
    c.AlertRow: "response", c.Concurrency: "concurrent cases", c.Stretch: "exclusive attention",
}  # fmt: skip
_GROUPS = ("staff", "anesthesia", "baselines", "closing", "time")
"""Parts of the facts whose lists are known by their own nouns."""
_SKIPPED = ("src", "stop_src", "moments", "late", "dangling", "record_rev", "synthetic", "minutes", "id")


def changes(old: Facts, new: Facts) -> list[str]:
    """One sentence for each fact that was added, removed or changed. Empty when both say the same."""
    return list(_Comparison(old, new).between(old, new, ""))


class _Comparison:
    def __init__(self, old: Facts, new: Facts) -> None:
        self.old, self.new = old, new
        self.clock: Clock = clock(new)

    def between(self, old: Struct, new: Struct, name: str) -> Iterator[str]:
        for field in msgspec.structs.fields(new):
            if field.name in _SKIPPED:
                continue
            before, after = getattr(old, field.name), getattr(new, field.name)
            if before != after:
                yield from self._field(name, field.name, before, after)

    def _field(self, name: str, field: str, before: Any, after: Any) -> Iterator[str]:
        word = _WORDS.get(field, field.replace("_", " "))
        where = f"{name} {word}".strip()
        if _parts(before) or _parts(after):
            yield from self._lists(name, field, before, after)
        elif isinstance(before, dict) and isinstance(after, dict):
            for key in dict.fromkeys((*before, *after)):
                if before.get(key) != after.get(key):
                    yield self._moved(f"{where} {key}", before.get(key), after.get(key))
        elif isinstance(before, Struct) and isinstance(after, Struct):
            yield from self.between(before, after, where)
        elif isinstance(after, Struct):
            yield f"Added: {self._described(where, after)}"
        elif isinstance(before, Struct):
            yield f"Removed: {self._described(where, before)}"
        else:
            yield self._moved(where, before, after)

    def _lists(self, name: str, field: str, before: tuple[Struct, ...], after: tuple[Struct, ...]) -> Iterator[str]:
        old, new = _keyed(before), _keyed(after)
        for key, part in new.items():
            if key not in old:
                yield f"Added: {self._described(self._name(name, field, key, part), part)}"
        for key, part in old.items():
            if key not in new:
                yield f"Removed: {self._described(self._name(name, field, key, part), part)}"
            elif part != new[key]:
                yield from self.between(part, new[key], w.capital(self._name(name, field, key, part)))

    def _name(self, name: str, field: str, key: str, part: Struct) -> str:
        noun = _NOUNS.get(type(part), field.replace("_", " ").rstrip("s"))
        name = "" if name in _GROUPS else name
        return f"{name} {noun} {self._response(part) or key}".strip()

    def _response(self, part: Struct) -> str:
        """A closing value and an alert's response are known by the response they belong to."""
        ref = getattr(part, "ref", None) if isinstance(part, (c.ClosingRow, c.AlertRow)) else None
        baseline = self.new.baseline(ref) or self.old.baseline(ref)
        return w.response(baseline) if baseline else ""

    def _moved(self, where: str, before: Any, after: Any) -> str:
        return f"{w.capital(where)}: {self._shown(before)} -> {self._shown(after)}"

    def _described(self, name: str, part: Struct) -> str:
        said = [self._told(part, field) for field in _TELLING if getattr(part, field, None) not in (None, "", ())]
        return f"{name} ({', '.join(said)})" if said else name

    def _told(self, part: Struct, field: str) -> str:
        value = getattr(part, field)
        return self.new.person_name(value) if field == "by" else self._shown(value)

    def _shown(self, value: Any) -> str:
        if isinstance(value, datetime):
            return self.clock.time(value)
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, (tuple, frozenset)):
            items = sorted(value) if isinstance(value, frozenset) else value
            return ", ".join(self._shown(item) for item in items) or "none"
        if isinstance(value, Struct):
            return self._described(_NOUNS.get(type(value), "entry"), value)
        return w.GAP if value is None or value == "" else str(value).replace("_", " ")


_TELLING = (
    "modality", "code", "t", "connect", "start", "end", "text", "who", "by", "name", "level", "side", "site", "thr_ma",
    "pct", "status", "value", "dose", "map_mmhg", "temp_c",
)  # fmt: skip
"""Fields that tell a reader which fact is meant."""


def _parts(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and isinstance(value[0], Struct)


def _keyed(parts: Iterable[Struct]) -> dict[str, Struct]:
    """The parts by what identifies them: an id, a reference, a name; else their place among their like."""
    keyed: dict[str, Struct] = {}
    for part in parts:
        base = next(
            (
                str(getattr(part, field))
                for field in ("id", "ref", "who", "code", "label", "name")
                if getattr(part, field, None)
            ),
            "",
        )
        if isinstance(part, c.Modality) and part.region:
            base = f"{part.code} {part.region}"
        number = 1
        key = base or "1"
        while key in keyed:
            number += 1
            key = f"{base} {number}".strip()
        keyed[key] = part
    return keyed
