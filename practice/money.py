"""Money is whole cents. How it is written and read, and how a price by the hour becomes cents."""

from __future__ import annotations

import re

_AMOUNT = re.compile(r"(-?)\$?(\d{1,3}(?:,\d{3})+|\d{1,9})(?:\.(\d{1,2}))?", re.ASCII)


def dollars(cents: int) -> str:
    """$1,234.50; a credit is -$12.00."""
    whole, rest = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}${whole:,}.{rest:02d}"


def cents(text: str) -> int:
    """What a person typed, such as 1,234.50, $1234.5 or -12. Raises ValueError with what to do."""
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        raise ValueError("Type dollars and cents, such as 1250.00.")
    sign, whole, rest = found.groups()
    value = int(whole.replace(",", "")) * 100 + int((rest or "").ljust(2, "0"))
    return -value if sign else value


def for_minutes(minutes: int, hour_cents: int) -> tuple[int, bool]:
    """Minutes at a price by the hour: whole cents, half a cent rounded up, and whether anything was rounded."""
    exact = minutes * hour_cents
    return (2 * exact + 60) // 120, exact % 60 != 0
