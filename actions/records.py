"""Keeping the record: entries are appended, corrected by newer ones, struck; none is ever changed or taken away."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from actions import Actor, Refused, audit, ledger
from models import Case, Entry, Preset, db
from practice import interchange, record
from practice.cases import Conflict, Facts

SIGNED = "This case is signed. What is to be added goes into an addendum."
_NAMESPACE = uuid.UUID("0b7f5f3e-6c0e-4d6b-9a3f-8f1f3a1f9a52")


def append(
    case: Case,
    entries: Sequence[record.Entry],
    *,
    by: Actor,
    now: datetime,
    offsets: Mapping[str, int | None] | None = None,
) -> list[str]:
    """Add entries to a record, all or none. Returns the client ids that were new: sending again changes nothing.
    `offsets` keeps by client id how far the clock of the phone was off, by which its times were corrected."""
    with db.atomic():
        case = _open(case)
        entries = [_checked(entry) for entry in entries]
        new = _unknown(case, entries)
        if not new:
            return []
        stored = case.said()
        if len(stored) + len(new) > interchange.MAX_ENTRIES:
            raise Refused(f"A record holds at most {interchange.MAX_ENTRIES:,} entries. Nothing was added.")
        if reasons := _objections(case, stored, new):
            raise Refused(*reasons)
        Entry.insert_many([_row(case, entry, by, now, (offsets or {}).get(entry.client_id)) for entry in new]).execute()
        Case.update(record_rev=Case.record_rev + 1).where(Case.id == case.id).execute()
        if any(entry.kind in ledger.TOLD_BY for entry in new):
            ledger.index(case)
        kinds = dict(sorted(Counter(entry.kind for entry in new).items()))
        audit.record(by, "append", "entry", case_id=case.id, kinds=kinds, corrections=sum(1 for e in new if e.replaces))
    return [entry.client_id for entry in new]


def correct(
    row: Entry, data: record.AnyData, *, at: datetime | None, by: Actor, now: datetime,
    client_id: str | None = None, device: str = "desk",
) -> list[str]:  # fmt: skip
    """Put a newer version in place of an entry; both stay in the record."""
    newer = record.Entry(
        client_id=client_id or str(uuid.uuid4()),
        at=at,
        data=data,
        entered_at=now,
        device=device,
        replaces=row.client_id,
    )
    return append(row.case, [newer], by=by, now=now)


def strike(row: Entry, *, reason: str, by: Actor, now: datetime, client_id: str | None = None) -> list[str]:
    """Take an entry out of the facts; it stays in the record with the reason."""
    case = row.case
    before = case.facts()
    if any(row.client_id in conflict.versions for conflict in before.conflicts):
        raise Refused("There are two versions of this entry. Choose the one to keep first, then strike it.")
    struck = record.Entry(
        client_id=client_id or str(uuid.uuid4()),
        at=row.at,
        data=record.Struck(reason=reason.strip() or None),
        entered_at=now,
        replaces=row.client_id,
    )
    after = fold(case, [*(entry.as_entry() for entry in Entry.select().where(Entry.case == case.id)), struck])
    if reasons := _newly_impossible(before, after):
        raise Refused("Other entries rest on this one. Strike or correct them first.", *reasons)
    return append(case, [struck], by=by, now=now)


def settle(case: Case, conflict: Conflict, *, keep: str, by: Actor, now: datetime) -> list[str]:
    """Two corrections did not see each other: the one to keep is put in place of the others, and all stay."""
    if keep not in conflict.versions:
        raise Refused("Choose one of the versions shown.")
    rows = {row.client_id: row for row in Entry.select().where(Entry.case == case.id)}
    kept = record.tip(keep, (row.as_entry() for row in rows.values()))
    made = []
    for version in conflict.versions:
        if version != keep:
            end = record.tip(version, (row.as_entry() for row in rows.values()))
            # Made from what it settles, so that two people who choose the same thing say it once.
            client_id = str(uuid.uuid5(_NAMESPACE, f"{kept.client_id}/{end.client_id}"))
            made.append(
                record.Entry(
                    client_id=client_id, at=kept.at, data=kept.data, entered_at=now, replaces=end.client_id
                )
            )  # fmt: skip
    return append(case, made, by=by, now=now)


def plan(case: Case, preset: Preset, *, by: Actor, now: datetime) -> list[str]:
    """Put what a preset usually needs into the record: what is run, criteria, responses. What is there already stays."""
    facts = case.facts()
    run = {(part.code, part.region, part.nerve) for part in facts.modalities}
    rows = {(row.modality, row.side, row.site, row.peak) for row in facts.baselines.rows}
    given: list[record.AnyData] = []
    for item in preset.modalities:
        part = msgspec.convert({**item, "kind": "modality"}, record.Modality)
        if (part.code, part.region, part.nerve) not in run:
            given.append(part)
    given += [
        record.Criterion(modality=code, text=text)
        for code, text in preset.criteria.items()
        if code not in facts.alert_criteria
    ]
    for item in preset.responses:
        row = msgspec.convert({**item, "kind": "baseline"}, record.Baseline)
        if (row.modality, row.side, row.site, row.peak) not in rows:
            given.append(row)
    entries = []
    for number, data in enumerate(given):
        client_id = str(uuid.uuid5(_NAMESPACE, f"{case.id}/{case.record_rev}/{record.encode_data(data)}"))
        keyed = now + timedelta(microseconds=number)
        entries.append(record.Entry(client_id=client_id, at=None, data=data, entered_at=keyed))
    return append(case, entries, by=by, now=now)


def fold(case: Case, entries: Sequence[record.Entry]) -> Facts:
    """What the record of a case would say with these entries."""
    return record.facts(
        entries,
        case.header,
        case_id=case.reference or f"C-{case.id:04d}",
        tz=case.facility.zone,
        rev=case.record_rev,
        synthetic=case.synthetic,
    )


def _open(case: Case) -> Case:
    """The case as it is now, inside the transaction: it may have been signed since it was read."""
    case = Case.with_header(case.id)
    if case.signed_at:
        raise Refused(SIGNED)
    return case


def _checked(entry: record.Entry) -> record.Entry:
    """The entry with its times in UTC and its data within the limits, which msgspec only checks when it decodes."""
    for at in (entry.at, entry.entered_at):
        if at is not None and not (at.tzinfo and 1990 <= at.year <= 2200):
            raise Refused(f"The time {at:%Y-%m-%d %H:%M} cannot be the time of an entry. Give the date and the zone.")
    try:
        data = record.decode_data(record.encode_data(utc(entry.data)))
    except (msgspec.ValidationError, OverflowError) as error:
        raise Refused(f"The entry of kind {entry.kind} cannot be taken: {interchange.explain(str(error))}") from error
    if entry.at is None and entry.kind in record.NEEDS_TIME:
        raise Refused(f"An entry of kind {entry.kind.replace('_', ' ')} needs the time when it happened.")
    return msgspec.structs.replace(entry, data=data, at=utc(entry.at), entered_at=utc(entry.entered_at))


def utc(value: Any) -> Any:
    """The same value with every time in it written in UTC."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, tuple):
        return tuple(utc(item) for item in value)
    if isinstance(value, msgspec.Struct):
        return type(value)(**{name: utc(getattr(value, name)) for name in value.__struct_fields__})
    return value


def _unknown(case: Case, entries: Sequence[record.Entry]) -> list[record.Entry]:
    """The entries that are not in the record yet. One client id with two contents is refused."""
    new: dict[str, record.Entry] = {}
    known = {}
    for batch in (entries[start : start + 500] for start in range(0, len(entries), 500)):
        known |= {row.client_id: row for row in Entry.select().where(Entry.client_id.in_([e.client_id for e in batch]))}
    for entry in entries:
        row = known.get(entry.client_id)
        there = row.as_entry() if row else new.get(entry.client_id)
        if there is None:
            new[entry.client_id] = entry
        elif (row and row.case_id != case.id) or _body(there) != _body(entry):
            raise Refused(
                "An entry with this id was saved before with other content. Nothing was changed. "
                "Open the record and correct the entry there."
            )
    return list(new.values())


def _body(entry: record.Entry) -> tuple[Any, ...]:
    return (entry.at, entry.data, entry.replaces)


def _objections(case: Case, stored: list[record.Entry], new: list[record.Entry]) -> list[str]:
    """Why these entries cannot join the record: wrong replacements, or facts that cannot be."""
    here = {entry.client_id: entry for entry in (*stored, *new)}
    for entry in new:
        if entry.replaces is None:
            continue
        original = here.get(entry.replaces)
        if original is None and Entry.select().where(Entry.client_id == entry.replaces).exists():
            return ["An entry can only be corrected within its own case."]
        if original and entry.kind != original.kind and "struck" not in (entry.kind, original.kind):
            return [f"A correction stays of the same kind: this entry is a {original.kind}, not a {entry.kind}."]
    ids = {entry.client_id for entry in new}
    before = fold(case, stored)
    return _newly_impossible(before, fold(case, [*stored, *new]), ids)


def _newly_impossible(before: Facts, after: Facts, made_by: set[str] | None = None) -> list[str]:
    """What cannot be and could before, by these entries or by any when none are named."""
    known = {problem.message for problem in record.impossible(before)}
    return list(
        dict.fromkeys(
            problem.message
            for problem in record.impossible(after)
            if problem.message not in known and (made_by is None or not problem.src or problem.src in made_by)
        )
    )


def _row(case: Case, entry: record.Entry, by: Actor, now: datetime, offset_ms: int | None) -> dict[str, Any]:
    return {
        "client_id": entry.client_id,
        "case": case.id,
        "kind": entry.kind,
        "at": entry.at,
        "data": record.encode_data(entry.data),
        "device": entry.device,
        "entered_at": entry.entered_at,
        "offset_ms": offset_ms,
        "received_at": now,
        "by": by.id,
        "replaces": entry.replaces,
    }
