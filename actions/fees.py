"""The practice's prices and what payers allow: fee schedule, contracts, Medicare. What applies is ended, not changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import peewee as pw

from actions import Actor, Refused, audit, tables
from models import Fee, Payer, RelativeValue, db
from practice.fees import Price, Prices, allowed_cents

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


# Changing them


@dataclass(frozen=True)
class Change:
    """A price that is to hold from a day on, and the one it takes the place of."""

    price: Price
    before: Fee | None

    @property
    def same(self) -> bool:
        return self.before is not None and self.before.cents == self.price.cents


def changes(kind: str, payer: Payer | None, prices: Sequence[Price], from_on: date) -> list[Change]:
    """What each price would change on that day. Refused when a later price is on file: the days would overlap."""
    held = {(row.code, row.modifier): row for row in in_use(kind, payer, from_on)}
    later = {(row.code, row.modifier): row for row in rows_of(kind, payer).where(Fee.from_on > from_on)}
    reasons = [
        f"{named(row.code, row.modifier)} has a price from {row.from_on:%m/%d/%Y} on. Choose a day after it, or take that one back first."
        for price in prices
        if (row := later.get((price.code, price.modifier)))
    ]
    if reasons:
        raise Refused(*reasons)
    return [Change(price, held.get((price.code, price.modifier))) for price in prices]


def take_in(kind: str, payer: Payer | None, prices: Sequence[Price], *, from_on: date, source: str, by: Actor) -> int:
    """Let these prices hold from a day on, all of them or none. Those they replace end the day before."""
    if (kind == "contract") != (payer is not None):
        raise Refused("A contract is with a payer: choose which. Other prices have none.")
    with db.atomic():
        kept = [one for one in changes(kind, payer, prices, from_on) if not one.same]
        for one in kept:
            if one.before and one.before.from_on == from_on:
                Fee.delete().where(Fee.id == one.before.id).execute()
            elif one.before:
                Fee.update(until_on=from_on - timedelta(1)).where(Fee.id == one.before.id).execute()
            price = one.price
            Fee.create(
                kind=kind, payer=payer, code=price.code, modifier=price.modifier, cents=price.cents, from_on=from_on,
                source=source,
            )  # fmt: skip
        audit.record(by, "import", "fee", kind=kind, payer=payer.id if payer else None, rows=len(kept))
    return len(kept)


def end(fee: Fee, *, on: date, by: Actor) -> None:
    """Let a price hold no longer than a day; one that would never have held is taken back."""
    with db.atomic():
        if on < fee.from_on:
            Fee.delete().where(Fee.id == fee.id).execute()
        else:
            Fee.update(until_on=on).where(Fee.id == fee.id).execute()
        audit.record(by, "end", "fee", row_id=fee.id, until_on=str(on))


def in_use(kind: str, payer: Payer | None, on: date) -> pw.ModelSelect:
    """The prices of a kind that hold on a day, by code."""
    holds = (Fee.from_on <= on) & (Fee.until_on.is_null() | (Fee.until_on >= on))
    return rows_of(kind, payer).where(holds).order_by(Fee.code, Fee.modifier)


def rows_of(kind: str, payer: Payer | None) -> pw.ModelSelect:
    """All prices of a kind, those that ended too."""
    whose = Fee.payer == payer.id if payer else Fee.payer.is_null()
    return Fee.select().where(Fee.kind == kind, whose)


def named(code: str, modifier: str) -> str:
    """95938-26"""
    return f"{code}-{modifier}" if modifier else code
