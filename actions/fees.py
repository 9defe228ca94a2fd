"""The practice's prices and what payers allow: fee schedule, contracts, Medicare. What applies is ended, not changed."""

from __future__ import annotations

from datetime import date

import peewee as pw

from models import Fee, Payer, RelativeValue
from practice.fees import Prices, allowed_cents

from . import tables

PAYS_AS_MEDICARE = ("medicare", "medicare_advantage")
"""A plan without a contract owes what Medicare would pay (42 CFR 422.214)."""


def prices(payer: Payer | None, on: date) -> Prices:
    """What we charge on the day, and what this payer should allow: its contract, else Medicare's amounts where they hold."""
    allowed: dict[tuple[str, str], int] = {}
    if payer is not None and payer.payer_class in PAYS_AS_MEDICARE:
        allowed |= _national(on)
        allowed |= _of("medicare", on)
    if payer is not None:
        allowed |= _of("contract", on, Fee.payer == payer.id)
    return Prices(charges=_of("charge", on), allowed=allowed)


def _of(kind: str, on: date, *where: pw.Expression) -> dict[tuple[str, str], int]:
    rows = Fee.select(Fee.code, Fee.modifier, Fee.cents).where(
        Fee.kind == kind, Fee.from_on <= on, Fee.until_on.is_null() | (Fee.until_on >= on), *where
    )
    return {(code, modifier): cents for code, modifier, cents in rows.tuples()}


def _national(on: date) -> dict[tuple[str, str], int]:
    edition = tables.edition("rvu", on)
    if edition is None:
        return {}
    rows = RelativeValue.select().where(
        RelativeValue.table == edition.id, RelativeValue.facility_hundredths.is_null(False)
    )
    return {
        (row.code, row.modifier): allowed_cents(row.facility_hundredths, row.factor_ten_thousandths)
        for row in rows.iterator()
    }
