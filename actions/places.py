"""The places and people around a case: facilities, surgeons, payers and their rules, patients, presets, agreements."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import peewee as pw

from actions import MACHINE, Actor, audit
from models import PayerRule, Preset, db
from practice import coding, presets


def save(model: type[pw.Model], row: pw.Model | None, *, values: dict[str, Any], by: Actor) -> pw.Model:
    """Add a row, or change the one given. The audit entry names the fields and holds digests, not values."""
    noun = model._meta.table_name
    with db.atomic():
        if row is None:
            row = model.create(**values)
            audit.record(by, "add", noun, row_id=row.id)
        else:
            before = {name: getattr(row, name) for name in values}
            model.update(**values).where(model.id == row.id).execute()
            audit.record(by, "revise", noun, row_id=row.id, fields=audit.changed(before, values))
    return model.get_by_id(row.id)


def archive(row: pw.Model, *, by: Actor, now: datetime) -> None:
    """Take a row out of the choices; the cases that use it keep it."""
    model = type(row)
    with db.atomic():
        model.update(archived_at=now).where(model.id == row.id).execute()
        audit.record(by, "archive", model._meta.table_name, row_id=row.id)


def restore(row: pw.Model, *, by: Actor) -> None:
    model = type(row)
    with db.atomic():
        model.update(archived_at=None).where(model.id == row.id).execute()
        audit.record(by, "restore", model._meta.table_name, row_id=row.id)


def take_in(model: type[pw.Model], rows: Sequence[dict[str, Any]], *, by: Actor) -> int:
    """Add all the rows of a file, or none. Returns how many."""
    with db.atomic():
        for values in rows:
            row = model.create(**values)
            audit.record(by, "import", model._meta.table_name, row_id=row.id)
    return len(rows)


def seed() -> None:
    """Put the payer rules and presets the app comes with into a practice that has none."""
    with db.atomic():
        if not PayerRule.select().exists():
            for rule in coding.default_rules():
                PayerRule.create(
                    payer_class=rule.payer_class, from_on=rule.from_on, until_on=rule.until_on, accepts=list(rule.accepts),
                    remote_code=rule.remote_code or "", rounding=rule.rounding, follows_cms=rule.follows_cms,
                    min_first_quarter_minutes=rule.min_first_quarter_minutes,
                    min_first_hour_minutes=rule.min_first_hour_minutes, max_concurrent=rule.max_concurrent,
                    source=rule.source, certainty=rule.certainty,
                )  # fmt: skip
            audit.record(MACHINE, "seed", "payer_rule")
        if not Preset.select().exists():
            for columns in presets.defaults():
                Preset.create(**columns)
            audit.record(MACHINE, "seed", "preset")
