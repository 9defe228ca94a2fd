"""What a signature stands on: the digest of an exact text, and what the physician has to confirm against the record.

Passive review lets errors through, so each signal alert is confirmed slot by slot (report-and-phone.md 3.2 and 1.4).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Literal

import msgspec
from msgspec import Struct

from . import cases as c
from . import completeness
from . import wording as w
from .cases import Alert, Facts
from .times import clock

Slot = Literal["side", "outcome", "communication"]
MEANING = "I have reviewed the record and this report and I sign it as the interpreting physician."
"""What the signature says, beside the password (21 CFR 11.50, taken as a model)."""


class Confirmation(Struct, frozen=True, kw_only=True):
    """One thing that the record says of an alert. `key` names it in a form."""

    key: str
    alert: str
    slot: Slot
    says: str


def digest(text: str) -> str:
    """SHA-256 of the exact text, as hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def confirmations(facts: Facts) -> list[Confirmation]:
    """What the physician confirms: side, outcome and communication of each alert, as the record has them."""
    return [
        Confirmation(key=f"{alert.id}.{slot}", alert=alert.id, slot=slot, says=w.capital(says))
        for alert in facts.alerts
        for slot, says in (
            ("side", _places(facts, alert)),
            ("outcome", _outcome(facts, alert)),
            ("communication", _told(facts, alert)),
        )
    ]


def _places(facts: Facts, alert: Alert) -> str:
    places = [w.place(facts, row) or w.gap(row.missing_reason) for row in alert.rows]
    return f"{w.series(places) or w.GAP} ({alert.modality})"


def _outcome(facts: Facts, alert: Alert) -> str:
    end, shown = alert.resolution, clock(facts)
    if end is None or end.status is None:
        return w.gap(end.missing_reason if end else None)
    at = shown.time(end.t) if end.t else w.gap(end.missing_reason)
    if end.status != "unresolved":
        return f"{'resolved' if end.status == 'resolved' else 'partly recovered'} at {at}"
    if not completeness.reported(end):
        return f"unresolved at last test {at}; report to the surgeon {w.GAP}"
    return f"unresolved at last test {at}; reported to the surgeon at {shown.time(end.reported_at)}"


def _told(facts: Facts, alert: Alert) -> str:
    shown = clock(facts)
    told = [
        f"{one.who} {shown.time(one.t) if one.t else w.gap(one.missing_reason)}"
        + (f" ({one.mode})" if one.mode else "")
        for one in alert.communicated
    ]
    named = {one.who for one in alert.communicated}
    told += [f"{who} {w.GAP}" for who in completeness.REQUIRED_LISTENERS if who not in named]
    return "; ".join(told)


def unconfirmed(facts: Facts, confirmed: Collection[str]) -> list[str]:
    """The confirmations that are not there yet, as sentences."""
    return [
        f"{one.alert}: confirm the {one.slot} against the record."
        for one in confirmations(facts)
        if one.key not in confirmed
    ]


def open_gaps(facts: Facts) -> list[str]:
    """What stops the technologist's approval: it is missing and nobody says why. The physician's own times do not."""
    return [
        _lacking(one)
        for one in _blocking(facts)
        if not one.field.startswith("physician_log")
        and (one.reason in w.UNSAID or one.field.startswith(("conflicts", "entries")))
    ]


def gaps(facts: Facts) -> list[str]:
    """What stops the physician's signature."""
    return [_lacking(one) for one in _blocking(facts)]


def _blocking(facts: Facts) -> list[completeness.Missing]:
    return [one for one in completeness.missing(facts) if one.severity == "block_sign"]


def _lacking(one: completeness.Missing) -> str:
    return f"Missing in the record: {one.label}."


def connected(facts: Facts, staff: str) -> bool:
    """True when the record says when this physician was connected."""
    return any(one.physician == staff and one.connect for one in facts.physician_log)


def unresolved(facts: Facts) -> bool:
    """True when a signal alert did not resolve, or nobody says whether it did."""
    return any(one.resolution is None or one.resolution.status in (None, "unresolved") for one in facts.alerts)


def record_digest(facts: Facts) -> str:
    """What the technologist approves, by digest: everything but the physician's impression."""
    return c.digest(msgspec.structs.replace(facts, impression=None, late=_without(facts)))


def _without(facts: Facts) -> dict[str, c.Late]:
    """The late marks, without the impression's own."""
    mine = facts.impression.src if facts.impression else None
    return {src: late for src, late in facts.late.items() if src != mine}
