"""The places and people around a case: facilities, surgeons, payers and their rules, patients, presets, agreements."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import peewee as pw

from actions import MACHINE, Actor, Refused, audit
from models import (
    Agreement,
    BillingProvider,
    Case,
    Facility,
    Packet,
    PacketDemand,
    Patient,
    Payer,
    PayerRule,
    Preset,
    Receiver,
    Surgeon,
    db,
)
from practice import coding, demands, presets

ALIKE: dict[type[pw.Model], tuple[str, ...]] = {
    Facility: ("name", "state"),
    Surgeon: ("name", "npi"),
    Payer: ("name", "payer_class"),
    Patient: ("name", "mrn", "dob"),
    Preset: ("name",),
    Receiver: ("name",),
}
"""The columns by which two rows would be the same thing entered twice."""
OPEN_TO_CHANGE = ("until_on", "source", "certainty", "note")
"""What may still change in a rule or agreement that applies already: when it ends and where it stands."""
FOREVER = date(9999, 12, 31)


def save(model: type[pw.Model], row: pw.Model | None, *, values: dict[str, Any], by: Actor, on: date) -> pw.Model:
    """Add a row, or change the one given. The audit entry names the fields and holds digests, not values."""
    noun = model._meta.table_name
    with db.atomic():
        if reasons := objections(model, row, values, on):
            raise Refused(*reasons)
        if row is None:
            row = model.create(**values)
            audit.record(by, "add", noun, row_id=row.id)
        else:
            before = {name: row.__data__[name] for name in values}
            model.update(**values).where(model.id == row.id).execute()
            audit.record(by, "revise", noun, row_id=row.id, fields=audit.changed(before, values))
    return model.get_by_id(row.id)


def follow(row: pw.Model, *, values: dict[str, Any], by: Actor, on: date) -> pw.Model:
    """Let a row that applies end the day before another begins, which takes its place from then on."""
    model, begins = type(row), values["from_on"]
    if begins <= row.from_on:
        raise Refused(f"The one it follows begins on {row.from_on:%m/%d/%Y}. Choose a later day.")
    with db.atomic():
        # What it says stays; only its end is new.
        ended = {name: row.__data__[name] for name in values if name in row.__data__}
        save(model, row, values={**ended, "until_on": begins - timedelta(1)}, by=by, on=on)
        return save(model, None, values=values, by=by, on=on)


def _until(on: date | None) -> str:
    return f"to {on:%m/%d/%Y}" if on else "without an end"


def objections(model: type[pw.Model], row: pw.Model | None, values: dict[str, Any], on: date) -> list[str]:
    """Why a row cannot be so; empty means it can."""
    if model in ALIKE and is_there(model, values, but=row):
        return ["It is on file already, maybe among those taken out. Open that one instead."]
    if model is PayerRule:
        return (
            _frozen(row, values, on)
            or _overlaps(PayerRule, row, values, "payer", "payer_class")
            or _packed(values, row)
        )
    if model is PacketDemand:
        return _overlaps(PacketDemand, row, values, "payer", "payer_class", "purpose", "part")
    if model is Agreement:
        return _frozen(row, values, on) or _overlaps(Agreement, row, values, "facility")
    if model is BillingProvider:
        # A claim keeps who billed it, so a slip may be mended; a new name or number is a new row all the same.
        return _overlaps(BillingProvider, row, values)
    return []


def is_there(model: type[pw.Model], values: dict[str, Any], but: pw.Model | None = None) -> bool:
    """True when another row is the same thing."""
    same = [getattr(model, name) == values.get(name, "") for name in ALIKE[model]]
    return model.select().where(*same, model.id != (but.id if but else 0)).exists()


def _frozen(row: pw.Model | None, values: dict[str, Any], on: date) -> list[str]:
    """What applies already is ended and followed by a new one: cases were counted by it (billing.md 1.1)."""
    if row is None or row.from_on > on:
        return []
    changed = [name for name, value in values.items() if row.__data__[name] != value and name not in OPEN_TO_CHANGE]
    if not changed:
        return []
    return [
        f"This applies since {row.from_on:%m/%d/%Y} and cases may have been counted by it, so its terms stay. "
        "Give it a last day, then add a new one from the day after."
    ]


def _overlaps(model: type[pw.Model], row: pw.Model | None, values: dict[str, Any], *key: str) -> list[str]:
    """Two that hold on the same day for the same payer or hospital would leave it open which one applies."""
    same = [
        getattr(model, name).is_null() if values[name] is None else getattr(model, name) == values[name] for name in key
    ]
    others = model.select().where(
        *same,
        model.id != (row.id if row else 0),
        model.from_on <= (values["until_on"] or FOREVER),
        model.until_on.is_null() | (model.until_on >= values["from_on"]),
    )
    return [
        f"Another one holds from {other.from_on:%m/%d/%Y} {_until(other.until_on)}, and the days overlap. "
        "Give that one a last day first, or choose other days here."
        for other in others
    ]


def _packed(values: dict[str, Any], row: PayerRule | None) -> list[str]:
    """A rule that is added or ended must not change the days of a claim packet that was made."""
    if row is None:
        touched = (Case.date_of_service >= values["from_on"]) & (
            Case.date_of_service <= (values["until_on"] or FOREVER)
        )
    elif (row.until_on or FOREVER) != (values["until_on"] or FOREVER):
        ends = sorted((row.until_on or FOREVER, values["until_on"] or FOREVER))
        touched = (Case.date_of_service > ends[0]) & (Case.date_of_service <= ends[1])
    else:
        return []
    whose = (Case.payer == values["payer"]) if values["payer"] else True
    last = (
        Case.select(pw.fn.MAX(Case.date_of_service))
        .join(Packet)
        .where(
            touched, whose, Case.payer_class == values["payer_class"], ~Packet.preview, Packet.made_at.is_null(False)
        )
        .scalar()
    )
    if not last:
        return []
    return [
        f"A claim packet of a case on {last} was made under the rules as they are. Let the change begin after that day."
    ]


def archive(row: pw.Model, *, by: Actor, now: datetime) -> None:
    """Take a row out of the choices; the cases that use it keep it."""
    model = type(row)
    with db.atomic():
        model.update(archived_at=now).where(model.id == row.id).execute()
        audit.record(by, "archive", model._meta.table_name, row_id=row.id)


def restore(row: pw.Model, *, by: Actor) -> None:
    """Offer a row in the choices again."""
    model = type(row)
    with db.atomic():
        model.update(archived_at=None).where(model.id == row.id).execute()
        audit.record(by, "restore", model._meta.table_name, row_id=row.id)


def take_in(model: type[pw.Model], rows: Sequence[dict[str, Any]], *, by: Actor) -> int:
    """Add all the rows of a file, or none. Returns how many."""
    with db.atomic():
        for values in rows:
            if is_there(model, values):
                raise Refused("A row of the file was added meanwhile. Send the file again to see which.")
            row = model.create(**values)
            audit.record(by, "import", model._meta.table_name, row_id=row.id)
    return len(rows)


def seed() -> None:
    """Put the payer rules, contents of packets and presets the app comes with into a practice that has none."""
    with db.atomic():
        if not PayerRule.select().exists():
            for rule in coding.default_rules():
                PayerRule.create(
                    payer_class=rule.payer_class, from_on=rule.from_on, until_on=rule.until_on, accepts=list(rule.accepts),
                    remote_code=rule.remote_code or "", rounding=rule.rounding, follows_cms=rule.follows_cms,
                    min_first_quarter_minutes=rule.min_first_quarter_minutes,
                    min_first_hour_minutes=rule.min_first_hour_minutes, max_concurrent=rule.max_concurrent,
                    pays_technical=rule.pays_technical, filing_days=rule.filing_days, appeal_days=rule.appeal_days, demands=list(rule.demands),
                    source=rule.source, certainty=rule.certainty,
                )  # fmt: skip
            audit.record(MACHINE, "seed", "payer_rule")
        if not PacketDemand.select().exists():
            for seed in demands.seeds():
                PacketDemand.create(
                    purpose=seed.purpose, part=seed.demand.part, words=seed.demand.words, required=seed.demand.required,
                    from_on=seed.from_on, source=seed.source, certainty=seed.certainty,
                )  # fmt: skip
            audit.record(MACHINE, "seed", "packet_demand")
        if not Preset.select().exists():
            for columns in presets.defaults():
                Preset.create(**columns)
            audit.record(MACHINE, "seed", "preset")
