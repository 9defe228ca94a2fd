"""What the check of a file found, told of the claims it concerns: whose claim, which field of the app, what to do.

A finding names segments and loops, as receivers do. Whoever bills knows the hospital and the billing provider instead.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from msgspec import Struct

from . import Segment, decoded, read
from .guide import Finding

PLACES = {
    "1000A": "sender of the file", "1000B": "receiver of the file", "2000A": "billing provider",
    "2010AA": "billing provider", "2010AB": "pay-to address", "2000B": "coverage", "2010BA": "subscriber",
    "2010BB": "payer", "2000C": "patient", "2010CA": "patient", "2310A": "referring surgeon",
    "2310B": "interpreting physician", "2310C": "hospital", "2320": "other payer's decision",
    "2330A": "other payer's subscriber", "2330B": "other payer", "2400": "line", "2420A": "physician of line",
    "2420E": "ordering surgeon of line", "2430": "other payer's decision on line",
}  # fmt: skip
"""What each loop of the guide is called in the app."""
_FIELDS = (
    (r"\bLoop (\w+) needs the nine-digit ZIP; add the last four\.", "The ZIP needs nine digits: add the last four."),
    (r"N3 of the subscriber is missing; a patient needs it\.", "The patient's street is missing."),
    (r"N4 of the subscriber is missing; a patient needs it\.", "The patient's city, state and ZIP are missing."),
    (r"DMG of the subscriber is missing; a patient needs it\.", "The patient's birth date is missing."),
    (r"SBR09 is empty; say what kind of insurance it is, such as CI or MB\.",
     "The payer's kind of insurance is not chosen, such as CI or MB."),
    (r"\bNM109: ", "NPI: "),
    (r"\bHI0?(\d+)( must|: )", r"Diagnosis \1\2"),
    (r"\bCLM05-1 is no place of service", "The place of service does not exist"),
    (r" ?\((?:loop [0-9A-Z]+|[A-Z]{2,3}[0-9*][A-Z0-9* ,-]*)\)", ""),
)  # fmt: skip
_LEVEL = {"20": 1, "22": 2, "23": 3}


class Told(Struct, frozen=True, kw_only=True):
    """One finding in words. `claims` are the numbers of the claims it concerns; none: the file as a whole."""

    claims: tuple[str, ...]
    place: str
    """The field or part of the app, in small letters; empty when it is the claim itself."""
    words: str
    severity: str

    def of(self, claim: str) -> str:
        """The sentence as it is told of one of the claims."""
        where = ", ".join(part for part in (f"Claim {claim}" if claim else "", self.place) if part)
        return f"{where[:1].upper()}{where[1:]}: {self.words}" if where else self.words


def told(data: bytes, findings: Sequence[Finding]) -> list[Told]:
    """The findings on a file of ours, in the order of its segments, the same words of the same claims once."""
    if not findings:
        return []
    segments = [segment for interchange in read(decoded(data)) for segment in interchange.segments]
    places = _Places(segments)
    made = [
        Told(
            claims=places.claims(found), place=places.name(found), words=_words(found.message), severity=found.severity
        )
        for found in findings
    ]
    return list(dict.fromkeys(made))


def _words(said: str) -> str:
    for pattern, instead in _FIELDS:
        said = re.sub(pattern, instead, said)
    return said


class _Places:
    """Where claims, levels and lines stand in a file."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self.claim_at = [segment.number for segment in segments if segment.id == "CLM"]
        self.numbers = [segment.at(1) for segment in segments if segment.id == "CLM"]
        self.level_at = [segment.number for segment in segments if segment.id in ("HL", "SE")]
        self.levels = [_LEVEL.get(segment.at(3), 0) for segment in segments if segment.id in ("HL", "SE")]
        self.line_at = [segment.number for segment in segments if segment.id == "LX"]
        self.lines = [segment.at(1) for segment in segments if segment.id == "LX"]

    def claims(self, found: Finding) -> tuple[str, ...]:
        """The claim itself, or every claim below the level at which the finding stands."""
        if found.claim:
            return (found.claim,)
        here = bisect_right(self.level_at, found.segment) - 1
        if here < 0 or not self.levels[here]:
            return ()
        below = here + 1
        while below < len(self.levels) and self.levels[below] > self.levels[here]:
            below += 1
        end = self.level_at[below] if below < len(self.level_at) else self.level_at[-1]
        first, last = bisect_left(self.claim_at, self.level_at[here]), bisect_left(self.claim_at, end)
        return tuple(self.numbers[first:last])

    def name(self, found: Finding) -> str:
        """What the app calls the place of a finding, with the number of the line."""
        place = PLACES.get(found.loop, "")
        at = bisect_right(self.line_at, found.segment) - 1
        if not found.loop.startswith("24") or at < 0:
            return place
        return f"{place} {self.lines[at]}"
