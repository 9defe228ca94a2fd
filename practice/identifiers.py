"""Numbers that carry a check digit, and nothing about who bears them."""

from __future__ import annotations

import re


def npi_problem(text: str) -> str | None:
    """Why this is no National Provider Identifier; None when it is one.

    Ten digits beginning with 1 or 2; the last is the Luhn check digit of the number with 80840 before it.
    """
    digits = text.strip()
    if not re.fullmatch(r"[0-9]{10}", digits):
        return "An NPI has ten digits and nothing else."
    if digits[0] not in "12":
        return "An NPI begins with 1 or 2."
    if not _luhn("80840" + digits):
        return "The check digit of this NPI is wrong: a digit was mistyped or two were swapped."
    return None


def is_npi(text: str | None) -> bool:
    return bool(text) and npi_problem(text or "") is None


def _luhn(digits: str) -> bool:
    """Every second digit from the right doubled, the digits of the products added up, gives a multiple of ten."""
    added = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        added += value - 9 if value > 9 else value
    return added % 10 == 0
