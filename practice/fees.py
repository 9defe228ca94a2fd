"""What a line is charged and what its payer should allow, in whole cents for one unit.

A price is of one code and one part of it: the interpretation (26), the technical part (TC) or the whole.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from . import money

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


class Price(Struct, frozen=True):
    """The price of one unit of a code, or of one part of it."""

    code: str
    modifier: str
    cents: int


MOST_LINES = 5000
_CODE = re.compile(r"([0-9A-Z][0-9]{3}[0-9A-Z])(?:[- ]?(26|TC))?")
_HEADS = {"code": "code", "cpt": "code", "hcpcs": "code", "modifier": "modifier", "mod": "modifier", "price": "price", "fee": "price",
          "rate": "price", "amount": "price", "charge": "price", "allowed": "price"}  # fmt: skip


def read(text: str) -> tuple[list[Price], list[str]]:
    """A pasted list or a CSV file: code, modifier (empty, 26 or TC), price of one unit. Its prices, and what is wrong by line."""
    lines = [line for line in text.replace("\ufeff", "").splitlines() if line.strip()]
    if not lines:
        return [], ["Paste the prices, a line each, such as 95938, 26, 250.00; or choose a file."]
    if len(lines) > MOST_LINES:
        return [], [f"A list has at most {MOST_LINES:,} lines."]
    split = "\t" if "\t" in lines[0] else ";" if ";" in lines[0] else ","
    rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=split, skipinitialspace=True)]
    places = {"code": 0, "modifier": 1, "price": 2}
    if not _CODE.fullmatch(rows[0][0].upper()):
        places = {_HEADS[cell.lower()]: at for at, cell in enumerate(rows[0]) if cell.lower() in _HEADS}
        if not {"code", "price"} <= places.keys():
            return [], ["Line 1: it names no columns code and price, and is no price itself."]
        rows = rows[1:]
        first = 2
    else:
        first = 1
    found, errors, seen = [], [], {}
    for number, row in enumerate(rows, first):
        price = _price(row, places)
        if isinstance(price, str):
            errors.append(f"Line {number}: {price}")
        elif (key := (price.code, price.modifier)) in seen:
            errors.append(f"Line {number}: {'-'.join(filter(None, key))} stands on line {seen[key]} already.")
        else:
            seen[key] = number
            found.append(price)
    if not rows:
        errors.append("There is no price under the names of the columns.")
    return found, errors


def _price(row: Sequence[str], places: Mapping[str, int]) -> Price | str:
    """The price of a row, or what is wrong with it. Two cells are code and price."""
    if len(row) == 2 and "modifier" in places and places["price"] == 2:
        places = {"code": 0, "price": 1}
    cell = {name: row[at] if at < len(row) else "" for name, at in places.items()}
    code = _CODE.fullmatch(cell["code"].upper())
    if code is None:
        return f"“{cell['code']}” is not a code."
    modifier = cell.get("modifier", "").upper() or code[2] or ""
    if modifier not in ("", *PARTS):
        return f"a price is for the whole of a code, for 26 or for TC, not for “{modifier}”."
    try:
        cents = money.cents(cell["price"])
    except ValueError:
        return f"“{cell['price']}” is not a price. Type dollars and cents, such as 250.00."
    return Price(code[1], modifier, cents) if cents >= 0 else "a price cannot be below zero."
