"""The public edit tables that hold on one day, as far as the practice has imported them.

A table that was not imported answers None: what could not be checked is said, never guessed.
Sources: NCCI procedure-to-procedure edits, medically unlikely edits, add-on code edits (billing.md 3).
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from msgspec import Struct

Kind = Literal["ptp", "mue", "addon", "rvu", "icd10"]


class Limit(Struct, frozen=True, kw_only=True):
    """The most units a day of one code. `adjudication` 1 by line, 2 by day absolute, 3 by day, with records."""

    units: int
    adjudication: int


class Edits(Struct, frozen=True, kw_only=True):
    """What the imported tables say of the codes that were asked for, on the day of service."""

    dates: dict[Kind, date] = {}
    """From which day the file of each kind holds; a kind that is missing was never imported."""
    pairs: dict[tuple[str, str], str] = {}
    """Indicator by (column 1, column 2): 0 never together, 1 with a modifier and a reason."""
    limits: dict[str, Limit] = {}
    primaries: dict[str, frozenset[str]] = {}
    """The codes beside which an add-on code may stand."""

    def pair(self, first: str, second: str) -> str | None:
        """The indicator of this pair in this order, or None when the table does not name it."""
        return self.pairs.get((first, second))

    def unchecked(self, *kinds: Kind) -> list[Kind]:
        """Which of these tables are not there to check against."""
        return [kind for kind in kinds if kind not in self.dates]
