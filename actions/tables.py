"""The public tables the practice imports: which edition holds on a day, and what it says of some codes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Literal, get_args

from models import AddOnPrimary, DiagnosisCode, PtpPair, RelativeValue, TableImport, UnitLimit
from practice.edits import Edits, Kind, Limit, Value
from practice.fees import allowed_cents


def edition(kind: Kind, on: date) -> TableImport | None:
    """The file of this kind that holds on the day. The pairs carry their own days, so their newest file answers for all."""
    found = TableImport.select().where(TableImport.kind == kind)
    if kind != "ptp":
        found = found.where(TableImport.from_on <= on)
    return found.order_by(TableImport.from_on.desc(), TableImport.id.desc()).first()


def edits(codes: Iterable[str], on: date) -> Edits:
    """What the tables imported so far say of these codes on the day of service."""
    wanted = sorted(set(codes))
    held = {kind: found for kind in get_args(Kind) if (found := edition(kind, on))}
    return Edits(
        on=on,
        dates={kind: table.from_on for kind, table in held.items()},
        pairs=_pairs(held["ptp"], wanted, on) if "ptp" in held else {},
        limits=_limits(held["mue"], wanted) if "mue" in held else {},
        primaries=_primaries(held["addon"], wanted, on) if "addon" in held else {},
        values=_values(held["rvu"], wanted) if "rvu" in held else {},
    )


def _pairs(table: TableImport, codes: list[str], on: date) -> dict[tuple[str, str], str]:
    rows = PtpPair.select(PtpPair.first, PtpPair.second, PtpPair.modifier).where(
        PtpPair.table == table.id, PtpPair.first.in_(codes), PtpPair.second.in_(codes),
        PtpPair.from_on <= on, PtpPair.until_on.is_null() | (PtpPair.until_on >= on),
    )  # fmt: skip
    return {(first, second): modifier for first, second, modifier in rows.tuples()}


def _limits(table: TableImport, codes: list[str]) -> dict[str, Limit]:
    rows = UnitLimit.select().where(UnitLimit.table == table.id, UnitLimit.code.in_(codes))
    return {row.code: Limit(units=row.units, adjudication=row.adjudication) for row in rows}


def _primaries(table: TableImport, codes: list[str], on: date) -> dict[str, frozenset[str]]:
    rows = AddOnPrimary.select(AddOnPrimary.code, AddOnPrimary.primary_code).where(
        AddOnPrimary.table == table.id, AddOnPrimary.code.in_(codes),
        AddOnPrimary.from_on <= on, AddOnPrimary.until_on.is_null() | (AddOnPrimary.until_on >= on),
    )  # fmt: skip
    found: dict[str, set[str]] = {}
    for code, primary in rows.tuples():
        found.setdefault(code, set()).add(primary)
    return {code: frozenset(primaries) for code, primaries in found.items()}


def _values(table: TableImport, codes: list[str]) -> dict[tuple[str, str], Value]:
    rows = RelativeValue.select().where(RelativeValue.table == table.id, RelativeValue.code.in_(codes))
    return {
        (row.code, row.modifier): Value(
            status=row.status, pc_tc=row.pc_tc, bilateral=row.bilateral,
            cents=None if row.facility_hundredths is None else allowed_cents(row.facility_hundredths, row.factor_ten_thousandths),
        )
        for row in rows
    }  # fmt: skip


def diagnosis(code: str, on: date) -> Literal["billable", "header", "not_valid"] | None:
    """What an ICD-10-CM code is on a day, written with or without its dot. None: no edition of that day is loaded."""
    if edition("icd10", on) is None:
        return None
    row = DiagnosisCode.get_or_none(
        DiagnosisCode.code == code.replace(".", "").strip().upper(),
        DiagnosisCode.from_on <= on,
        DiagnosisCode.until_on.is_null() | (DiagnosisCode.until_on >= on),
    )
    if row is None:
        return "not_valid"
    return "billable" if row.billable else "header"
