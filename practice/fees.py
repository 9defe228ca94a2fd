"""What a line is charged and what its payer should allow, in whole cents for one unit.

A price is of one code and one part of it: the interpretation (26), the technical part (TC) or the whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

PARTS = ("26", "TC")
REDUCED = ("52", "53")
"""Services cut short are priced by each payer as it sees fit, so nothing is expected of them."""


class Prices(Struct, frozen=True, kw_only=True):
    """The prices of one payer on one day: cents of a unit by (code, part); part is empty, 26 or TC."""

    charges: Mapping[tuple[str, str], int] = {}
    allowed: Mapping[tuple[str, str], int] = {}

    def charge(self, code: str, modifiers: Sequence[str], units: int) -> int | None:
        """What we ask for, or None when the fee schedule does not name this part of the code."""
        return _times(self.charges.get((code, part(modifiers))), units)

    def expected(self, code: str, modifiers: Sequence[str], units: int) -> int | None:
        """What the payer should allow by contract or fee schedule, or None when it is not known."""
        if any(one in REDUCED for one in modifiers):
            return None
        return _times(self.allowed.get((code, part(modifiers))), units)


def part(modifiers: Sequence[str]) -> str:
    """Which part of a code its modifiers leave: 26, TC or the whole of it."""
    return next((one for one in modifiers if one in PARTS), "")


def _times(cents: int | None, units: int) -> int | None:
    return None if cents is None else cents * units


def allowed_cents(hundredths: int, factor_ten_thousandths: int) -> int:
    """Relative value times conversion factor, rounded half up to a cent: 0.95 and 33.2875 come to 31.62."""
    return (hundredths * factor_ten_thousandths + 5_000) // 10_000
