"""What a phone kept and sends later: each entry is taken, known or refused by itself, so that none is lost with another."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct

from actions import Actor, Refused, audit, cases, records
from models import Case, Entry, ProposedAddendum, db
from practice import interchange, keying, phone, record
from practice.telling import teller

MOST = 200
"""Entries in one sending; the phone sends the rest after it."""
NOT_YOURS = (
    "This entry is not yours to make: you do not keep this record any more. Ask the owner, or hand it over as a file."
)
CLOSE = "close"
"""Not an entry but the act that ends the record; it travels with them so that it keeps its place in the order."""


class Sent(Struct, frozen=True, kw_only=True):
    """One entry as the phone keeps it. `offset_ms` is what its clock lacks, measured by itself."""

    client_id: str
    kind: str
    data: dict[str, Any] = {}  # noqa: RUF012  a struct copies its default
    at: datetime | None = None
    entered_at: datetime
    offset_ms: int | None = None
    device: str = "phone"
    replaces: str | None = None


class Outcome(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one entry, with the stored entry as the phone shall hold it."""

    client_id: str
    state: Literal["accepted", "known", "refused"]
    code: str = ""
    reasons: tuple[str, ...] = ()
    clock: str = ""


class Batch(Struct, frozen=True):
    entries: list[Any]


def read(body: bytes) -> list[Any]:
    """The entries of a sending, not yet looked at one by one. Raises Refused when it is no sending at all."""
    try:
        entries = msgspec.json.decode(body, type=Batch).entries
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused("The phone sent something that cannot be read. Reload the page on the phone.") from error
    if len(entries) > MOST:
        raise Refused(f"At most {MOST} entries fit in one sending.")
    return entries


class Saved(Struct, frozen=True):
    """The file into which a phone saves what it could not send."""

    format: Literal["evoked-entries/1"]
    entries: list[dict[str, Any]]


def saved(body: bytes) -> dict[int, list[Any]]:
    """The entries of a saved file by the case they belong to. Raises Refused when it is no such file."""
    try:
        entries = msgspec.json.decode(body, type=Saved).entries
        found: dict[int, list[Any]] = {}
        for one in entries:
            found.setdefault(int(one.pop("case")), []).append(one)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError) as error:
        raise Refused(
            "This is not a file of entries saved by a phone. It is called entries-not-sent.json; choose it as it was saved."
        ) from error
    return found


def take(case: Case, raw: Sequence[Any], *, may: Callable[[str], bool], by: Actor, now: datetime) -> list[Outcome]:
    """Append what can be appended, in the order it was made; say of each entry what became of it."""
    outcomes: list[Outcome | None] = []
    ready: list[tuple[int, Sent, record.Entry]] = []
    acts: list[tuple[int, Sent]] = []
    offsets: dict[str, int | None] = {}
    made: dict[str, tuple[record.Entry, int | None]] = {}
    for place, item in enumerate(raw):
        outcomes.append(None)
        try:
            sent = _sent(item)
            if sent.kind == CLOSE:
                acts.append((place, sent))
                continue
            entry, offset = _in_true_time(sent, made)
        except Refused as refused:
            outcomes[place] = _refused(str(item.get("client_id", "")) if isinstance(item, dict) else "", refused)
            continue
        made[entry.client_id], offsets[entry.client_id] = (entry, offset), offset
        if not may(entry.kind):
            outcomes[place] = _refused(entry.client_id, Refused(NOT_YOURS))
        else:
            ready.append((place, sent, entry))
    for place, outcome in _append(case, ready, offsets, by, now):
        outcomes[place] = outcome
    for place, sent in acts:
        outcomes[place] = _close(case, sent, by, now)
    return [outcome for outcome in outcomes if outcome]


def _sent(item: Any) -> Sent:
    try:
        sent = msgspec.convert(item, Sent)
        uuid.UUID(sent.client_id)
    except (msgspec.ValidationError, ValueError, AttributeError) as error:
        raise Refused("This entry cannot be read. Make it again.") from error
    if sent.kind != CLOSE and sent.kind not in record.KINDS or sent.kind == "signoff":
        raise Refused("This kind of entry is not known here. Reload the page on the phone.")
    if sent.offset_ms is not None and abs(sent.offset_ms) > phone.MOST_MS:
        raise Refused("The clock of the phone is off by more than a year. Set it right; the entry stays on the phone.")
    times = [sent.entered_at, *([sent.at] if sent.at else [])]
    if any(at.tzinfo is None for at in times):
        raise Refused("A time of this entry has no zone. Make it again.")
    return sent


def _in_true_time(
    sent: Sent, made: dict[str, tuple[record.Entry, int | None]]
) -> tuple[record.Entry, int | None]:  # fmt: skip
    """The entry with its times corrected. One that is stored already is corrected as it was then."""
    try:
        data = msgspec.convert({**sent.data, "kind": sent.kind}, record.KINDS[sent.kind])
    except msgspec.ValidationError as error:
        raise Refused(f"The entry cannot be taken: {interchange.explain(str(error))}") from error
    entry = record.Entry(
        client_id=sent.client_id, at=sent.at, data=data, entered_at=sent.entered_at,
        device=re.sub(r"[^a-z0-9-]", "", sent.device.lower())[:40] or "phone", replaces=sent.replaces,
    )  # fmt: skip
    stored = Entry.get_or_none(Entry.client_id == sent.client_id)
    offset = stored.offset_ms if stored else sent.offset_ms
    replaced, replaced_ms = made.get(sent.replaces or "", (None, None))
    if replaced is None and sent.replaces and (row := Entry.get_or_none(Entry.client_id == sent.replaces)):
        replaced, replaced_ms = row.as_entry(), row.offset_ms
    return phone.corrected(entry, offset, replaced=replaced, replaced_ms=replaced_ms), offset


def _append(
    case: Case, ready: list[tuple[int, Sent, record.Entry]], offsets: dict[str, int | None], by: Actor, now: datetime
) -> list[tuple[int, Outcome]]:
    """All at once where all will do, else one by one: a refused entry takes no other with it."""
    try:
        new = set(records.append(case, [entry for _, _, entry in ready], by=by, now=now, offsets=offsets))
        return [(place, _taken(entry, entry.client_id in new, offsets)) for place, _, entry in ready]
    except Refused:
        found = []
        for place, _, entry in ready:
            try:
                new = records.append(case, [entry], by=by, now=now, offsets=offsets)
                found.append((place, _taken(entry, bool(new), offsets)))
            except Refused as refused:
                there = _stored_alike(case, entry)
                found.append((place, _taken(entry, False, offsets) if there else _refused(entry.client_id, refused)))
        return found


def _stored_alike(case: Case, entry: record.Entry) -> bool:
    """A signed case refuses everything, also what it holds already."""
    row = Entry.get_or_none(Entry.client_id == entry.client_id, Entry.case == case.id)
    return row is not None and row.kind == entry.kind and row.as_entry().data == records.utc(entry.data)


def _taken(entry: record.Entry, new: bool, offsets: dict[str, int | None]) -> Outcome:
    words = phone.clock_words(offsets.get(entry.client_id))
    return Outcome(client_id=entry.client_id, state="accepted" if new else "known", clock=words)


def _refused(client_id: str, refused: Refused) -> Outcome:
    code = "signed" if records.SIGNED in refused.reasons else "not-yours" if NOT_YOURS in refused.reasons else "refused"
    return Outcome(client_id=client_id, state="refused", code=code, reasons=tuple(refused.reasons))


def _close(case: Case, sent: Sent, by: Actor, now: datetime) -> Outcome:
    """End the record at the time of the tap. Sent again after a lost answer, it has been done."""
    fresh = Case.get_by_id(case.id)
    if fresh.closed_at:
        return Outcome(client_id=sent.client_id, state="known")
    status = sent.data.get("status")
    if status not in ("completed", "aborted"):
        return _refused(sent.client_id, Refused("Say whether the case was completed or aborted, then close it."))
    entry = record.Entry(
        client_id=sent.client_id, at=sent.entered_at, data=record.Outcome(status=status), entered_at=sent.entered_at
    )
    at = phone.corrected(entry, sent.offset_ms).entered_at
    try:
        cases.close(fresh, status=status, by=by, now=min(at, now))
    except Refused as refused:
        return _refused(sent.client_id, refused)
    return Outcome(client_id=sent.client_id, state="accepted")


def propose(case: Case, raw: Sequence[Any], *, by: Actor, now: datetime) -> list[str]:
    """Keep what came too late for a signed case as a proposed addendum, for its physician. Returns the ids that are kept."""
    if not case.signed_at:
        raise Refused("This case is not signed, so its record can still take the entries. Send them again.")
    made: dict[str, tuple[record.Entry, int | None]] = {}
    for item in raw:
        sent = _sent(item)
        if sent.kind != CLOSE:
            made[sent.client_id] = _in_true_time(sent, made)
    if not made:
        raise Refused("There is nothing to propose.")
    with db.atomic():
        known = {
            row.client_id for row in ProposedAddendum.select().where(ProposedAddendum.client_id.in_(list(made)))
        }  # fmt: skip
        stored = case.said()
        entries = [entry for entry, _ in made.values()]
        facts = records.fold(case, [*stored, *entries])
        tell = teller(facts, keying.standing([*stored, *entries], facts))
        for client_id, (entry, offset) in made.items():
            if client_id not in known:
                ProposedAddendum.create(
                    case=case.id, client_id=client_id, words=tell(entry), at=entry.at, data=record.encode_data(entry.data),
                    offset_ms=offset, proposed_by=by.id, proposed_at=now,
                )  # fmt: skip
        audit.record(by, "propose", "addendum", case_id=case.id, entries=len(set(made) - known))
    return list(made)


def settle(proposal: ProposedAddendum, *, by: Actor, now: datetime) -> None:
    """The physician has seen a proposal and did with it what they saw fit."""
    with db.atomic():
        ProposedAddendum.update(settled_by=by.id, settled_at=now).where(
            ProposedAddendum.id == proposal.id, ProposedAddendum.settled_at.is_null()
        ).execute()
        audit.record(by, "settle", "proposed addendum", row_id=proposal.id, case_id=proposal.case_id)
