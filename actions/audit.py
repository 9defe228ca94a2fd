"""The audit trail: append-only, chained by HMAC, written in the transaction of the write it records.

It holds names of fields and digests, never a patient's data. Reads of a patient's data are recorded too.
"""

from __future__ import annotations

import hashlib
import hmac
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
        last = AuditEntry.head()
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
        entry.append()


def viewed(by: Actor, noun: str, *, row_id: int | None = None, case_id: int | None = None, **detail: Any) -> None:
    """Record that somebody read a patient's data."""
    record(by, "view", noun, row_id=row_id, case_id=case_id, **detail)


def changed(before: dict[str, Any], after: dict[str, Any]) -> dict[str, list[str]]:
    """The names of the fields that differ, each with the digests of the old and the new value."""
    return {
        name: [_digest(before.get(name)), _digest(after[name])] for name in after if before.get(name) != after[name]
    }


def _digest(value: Any) -> str:
    """Keyed, because a birth date or a name could be found again by trying all of them."""
    return hmac.new(SETTINGS.audit_key, repr(value).encode(), hashlib.sha256).hexdigest()[:16]


def verify() -> tuple[int, str | None]:
    """How many entries are whole, and what is wrong with the first that is not (None: nothing)."""
    kept, problem = _anchors()
    if problem:
        return 0, problem
    prev, whole = GENESIS, 0
    for entry in _stored():
        if entry.seq != whole + 1:
            return whole, f"Entry {whole + 1} is missing: the next one found is {entry.seq}."
        if entry.prev != prev:
            return whole, f"Entry {entry.seq} does not follow the one before it."
        if entry.mac != entry.seal():
            return whole, f"Entry {entry.seq} was changed after it was written."
        if kept.pop(entry.seq, {entry.mac}) != {entry.mac}:
            return whole, f"Entry {entry.seq} differs from the anchor kept for it."
        prev, whole = entry.mac, entry.seq
    if kept:
        return whole, f"The trail ends at entry {whole}, but an anchor was kept for entry {min(kept)}."
    return whole, None


def _stored() -> Iterable[AuditEntry]:
    """The entries with every column as it is stored, so that even a garbled time can be judged."""
    names = (*AuditEntry.CHAINED, "mac")
    columns = (getattr(AuditEntry, name) for name in names)
    for values in db.execute(AuditEntry.select(*columns).order_by(AuditEntry.seq)):
        yield AuditEntry(**dict(zip(names, values, strict=True)))


def anchor() -> None:
    """Write the head of the chain down outside the database, so that a trail cut short is noticed."""
    last = AuditEntry.head()
    if last:
        with _anchor_file().open("a") as file:
            file.write(f"{last[0]} {last[1]}\n")


def _anchors() -> tuple[dict[int, set[str]], str | None]:
    """Every seal that was kept for an entry, and what is wrong with the file that holds them."""
    kept: dict[int, set[str]] = {}
    lines = _anchor_file().read_text(errors="replace").splitlines() if _anchor_file().exists() else []
    for number, line in enumerate(lines, 1):
        seq, _, mac = line.partition(" ")
        if not (seq.isascii() and seq.isdigit() and mac):
            return {}, f"Line {number} of the anchors cannot be read."
        kept.setdefault(int(seq), set()).add(mac)
    return kept, None


def _anchor_file() -> Path:
    return SETTINGS.data / "audit.anchors"
