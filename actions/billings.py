"""The billing form of a case: what a claim needs beside the record. Kept apart, so that it may change after the signature."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from actions import Actor, audit, unbilled
from models import Billing, Case, db


def keep(case: Case, *, values: dict[str, Any], by: Actor, now: datetime) -> Billing:
    """Write the form down. The case is counted anew, since payer and modifiers change what it would come to."""
    with db.atomic():
        row = Billing.get_or_none(Billing.case == case.id) or Billing.create(case=case)
        before = {name: row.__data__.get(name) for name in values}
        if changed := audit.changed(before, values):
            Billing.update(**values).where(Billing.id == row.id).execute()
            audit.record(by, "revise", "billing", row_id=row.id, case_id=case.id, fields=changed)
        if values.get("not_billed"):
            unbilled.settle(case)
        elif changed:
            unbilled.note(case, now=now)
    return Billing.get_by_id(row.id)
