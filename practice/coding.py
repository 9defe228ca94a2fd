"""From facts to the lines of a professional claim: minutes, units, codes, each with its arithmetic.

Sources: billing.md 1 and 2. A line is made only of what the record supports; whatever was left out
stands in `not_billed` with its reason, so that nothing disappears in silence.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from msgspec import Struct

from .cases import Mode, PayerClass

Rounding = Literal["midpoint", "full_unit_only"]
Certainty = Literal["sourced", "unverified", "disputed"]


class PayerRule(Struct, frozen=True, kw_only=True):
    """How one class of payers wants continuous monitoring coded, from one day to another (billing.md 1.3-1.6)."""

    payer_class: PayerClass
    accepts: tuple[str, ...]
    """The continuous codes it takes, of 95940, 95941 and G0453."""
    remote_code: str | None
    rounding: Rounding = "midpoint"
    min_first_quarter_minutes: int = 8
    min_first_hour_minutes: int = 31
    max_concurrent: int = 3
    follows_cms: bool = False
    source: str = ""
    certainty: Certainty = "unverified"
    from_on: date = date(2013, 1, 1)
    until_on: date | None = None


class SegmentMinutes(Struct, frozen=True, kw_only=True):
    """One stretch of monitoring and what of it counts."""

    id: str
    start: datetime | None
    end: datetime | None
    mode: Mode
    minutes: int
    note: str = ""


class Line(Struct, frozen=True, kw_only=True):
    """One line of a claim. `label` is our own wording, never the text of the code's owner."""

    code: str
    modifiers: tuple[str, ...] = ()
    units: int
    minutes: int | None = None
    label: str
    rendering: str | None = None
    """The staff id of the physician, such as P1."""
    rendering_name: str | None = None
    derivation: str
    steps: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


class NotBilled(Struct, frozen=True, kw_only=True):
    """Something that was done but does not stand on the claim, and why."""

    code: str | None = None
    minutes: int | None = None
    reason: str


class Coding(Struct, frozen=True, kw_only=True):
    """What a case comes to on a claim."""

    counted_minutes: int
    segments: tuple[SegmentMinutes, ...] = ()
    lines: tuple[Line, ...] = ()
    not_billed: tuple[NotBilled, ...] = ()
    warnings: tuple[str, ...] = ()
    date_of_service: date | None = None
    flags: tuple[str, ...] = ()


def as_json(coding: Coding) -> dict[str, Any]:
    """The coding as plain values, for `case lines` and for pages."""
    import msgspec

    return msgspec.to_builtins(coding)
