"""The public edit tables that hold on one day, as far as the practice has imported them.

A table that was not imported answers None: what could not be checked is said, never guessed.
Sources: NCCI procedure-to-procedure edits, medically unlikely edits, add-on code edits (billing.md 3).
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from msgspec import Struct

Kind = Literal["ptp", "mue", "addon", "rvu", "icd10"]
TITLES: dict[Kind, str] = {
    "ptp": "Pairs of codes (NCCI PTP)", "mue": "Units a day (MUE)", "addon": "Add-on codes",
    "rvu": "Medicare fee schedule (RVU)", "icd10": "Diagnosis codes (ICD-10-CM)",
}  # fmt: skip


def next_edition(kind: Kind, from_on: date) -> date:
    """The first day on which an edition is not the newest any more (billing.md 10): quarters, or October for diagnoses."""
    if kind == "icd10":
        return date(from_on.year + (from_on.month >= 10), 10, 1)
    month = (from_on.month - 1) // 3 * 3 + 4
    return date(from_on.year + (month > 12), (month - 1) % 12 + 1, 1)


class Limit(Struct, frozen=True, kw_only=True):
    """The most units a day of one code. `adjudication` 1 by line, 2 by day absolute, 3 by day, with records."""

    units: int
    adjudication: int


class Value(Struct, frozen=True, kw_only=True):
    """What Medicare's fee schedule says of a code. Indicators are as written there, such as 1, 0 or 9."""

    status: str
    pc_tc: str
    bilateral: str
    cents: int | None = None
    """What is allowed for one unit in a facility, national and unadjusted; None where it is not priced there."""


class Edits(Struct, frozen=True, kw_only=True):
    """What the imported tables say of the codes that were asked for, on the day of service."""

    on: date | None = None
    dates: dict[Kind, date] = {}
    """From which day the file of each kind holds; a kind that is missing was never imported."""
    pairs: dict[tuple[str, str], str] = {}
    """Indicator by (column 1, column 2): 0 never together, 1 with a modifier and a reason."""
    limits: dict[str, Limit] = {}
    primaries: dict[str, frozenset[str]] = {}
    """The codes beside which an add-on code may stand."""
    values: dict[tuple[str, str], Value] = {}
    """The fee schedule by (code, modifier): modifier empty, 26 or TC."""

    def pair(self, first: str, second: str) -> str | None:
        """The indicator of this pair in this order, or None when the table does not name it."""
        return self.pairs.get((first, second))

    def unchecked(self, *kinds: Kind) -> list[Kind]:
        """Which of these tables are not there to check against."""
        return [kind for kind in kinds if kind not in self.dates]

    def notes(self, *kinds: Kind) -> list[str]:
        """What could not be checked by these tables, or was checked by an edition that is no longer the newest."""
        found = []
        for kind in kinds:
            held = self.dates.get(kind)
            if held is None:
                found.append(f"{TITLES[kind]}: no edition of that day is imported, so this was not checked.")
            elif self.on and self.on >= next_edition(kind, held):
                found.append(
                    f"{TITLES[kind]}: checked by the edition of {held:%m/%d/%Y}; a newer one holds on that day."
                )
        return found
