"""The audit trail: append-only, chained by HMAC, written in the transaction of the write it records.

It holds names of fields and digests, never a patient's data. Reads of a patient's data are recorded too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from actions import Actor
from models import SETTINGS, AuditEntry, db

GENESIS = "genesis"


def record(
    by: Actor, action: str, noun: str, *, row_id: int | None = None, case_id: int | None = None, **detail: Any
) -> None:
    """Append one entry. Joins the caller's transaction; opens one when there is none."""
    with db.atomic():
        last = AuditEntry.select(AuditEntry.seq, AuditEntry.mac).order_by(AuditEntry.seq.desc()).tuples().first()
        entry = AuditEntry(
            seq=last[0] + 1 if last else 1,
            at=datetime.now(UTC),
            actor=by.id,
            session=by.session,
            address=by.address,
            action=action,
            noun=noun,
            row_id=row_id,
            case_id=case_id,
            detail=json.dumps(detail, sort_keys=True, separators=(",", ":")),
            prev=last[1] if last else GENESIS,
        )
        entry.mac = entry.seal()
        entry.save(force_insert=True)


def viewed(by: Actor, noun: str, *, row_id: int | None = None, case_id: int | None = None, **detail: Any) -> None:
    """Record that somebody read a patient's data."""
    record(by, "view", noun, row_id=row_id, case_id=case_id, **detail)


def changed(before: dict[str, Any], after: dict[str, Any]) -> dict[str, list[str]]:
    """The names of the fields that differ, each with the digests of the old and the new value."""
    return {
        name: [_digest(before.get(name)), _digest(after[name])] for name in after if before.get(name) != after[name]
    }


def _digest(value: Any) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:16]


def verify() -> tuple[int, str | None]:
    """How many entries were read, and what is wrong with the first broken one (None when all is whole)."""
    prev, expected = GENESIS, 1
    anchors = dict(_anchors())
    for entry in AuditEntry.select().order_by(AuditEntry.seq).iterator():
        if entry.seq != expected:
            return expected - 1, f"Entry {expected} is missing: the next one found is {entry.seq}."
        if entry.prev != prev:
            return expected - 1, f"Entry {entry.seq} does not follow the one before it."
        if entry.mac != entry.seal():
            return expected - 1, f"Entry {entry.seq} was changed after it was written."
        if anchors.pop(entry.seq, entry.mac) != entry.mac:
            return expected - 1, f"Entry {entry.seq} differs from the anchor kept for it."
        prev, expected = entry.mac, expected + 1
    if anchors:
        return expected - 1, f"The trail ends at entry {expected - 1}, but an anchor was kept for entry {min(anchors)}."
    return expected - 1, None


def anchor() -> None:
    """Write the head of the chain down outside the database, so that a trail cut short is noticed."""
    last = AuditEntry.select(AuditEntry.seq, AuditEntry.mac).order_by(AuditEntry.seq.desc()).tuples().first()
    if last:
        with _anchor_file().open("a") as file:
            file.write(f"{last[0]} {last[1]}\n")


def _anchors() -> Iterable[tuple[int, str]]:
    if _anchor_file().exists():
        for line in _anchor_file().read_text().splitlines():
            seq, _, mac = line.partition(" ")
            yield int(seq), mac


def _anchor_file() -> Path:
    return SETTINGS.data / "audit.anchors"
