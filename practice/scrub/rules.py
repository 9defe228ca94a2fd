"""What a rule is, what it says, and the list of all of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Literal

from msgspec import Struct

from ..completeness import Missing
from .given import CaseForScrub

Severity = Literal["block", "error", "warn", "info"]
ORDER: tuple[Severity, ...] = ("block", "error", "warn", "info")

S3 = "coding guide for 95940 and 95941, 2026"
S7 = "BCBS Nebraska RP-P-028"
S8 = "UHC reimbursement policy, as quoted in 2019"
S11 = "USC Care documentation standard for IONM, 2019"
S12 = "ACNS guideline 11A"
S13 = "ASNM guideline for the supervising professional"
S14 = "BCBS Alabama MP-306; Anthem CG-SURG-104"
S20 = "payer edits: adjustment reasons of the X12 list, June 2024"
CMS = "CMS NCCI and fee schedule files, 2024 Q3"
HOUSE = "own rule, not verified at a source"
V = "billing reference 12"


class Finding(Struct, frozen=True, kw_only=True):
    """What a rule says about a case. `where` is the page and place to mend it, `src` the entry it is about.

    `overridden` is the reason with which a person let a claim go against exactly this; a block cannot be.
    """

    id: str
    severity: Severity
    message: str
    where: str
    src: str = ""
    source: str = ""
    overridden: str = ""

    @property
    def mark(self) -> str:
        """Names this exact finding of its rule in an address; the text itself may name people."""
        return hashlib.sha256(self.message.encode()).hexdigest()[:12]

    @property
    def stands(self) -> bool:
        """Whether it keeps a claim or a packet from leaving."""
        return self.severity == "block" or (self.severity == "error" and not self.overridden)


class Said(Struct, frozen=True):
    """What a rule's function yields; the number and the source are the rule's own."""

    severity: Severity
    message: str
    where: str = "record"
    src: str = ""


Check = Callable[[CaseForScrub], Iterable[Said]]


class Rule(Struct, frozen=True, kw_only=True):
    """A rule as a page lists it. `severity` is the worst it says."""

    id: str
    severity: Severity
    asks: str
    source: str
    theme: str
    check: Check


RULES: list[Rule] = []


def rule(id: str, severity: Severity, asks: str, source: str) -> Callable[[Check], Check]:
    """Give a function its number, its worst severity, its question and its source, and list it under its room's theme."""

    def listed(check: Check) -> Check:
        theme = check.__module__.rpartition(".")[2]
        RULES.append(Rule(id=id, severity=severity, asks=asks, source=source, theme=theme, check=check))
        return check

    return listed


def unchecked(what: str, mend: str, where: str = "record") -> Said:
    """What neither the record nor a table holds, and so cannot be judged: said, never passed in silence."""
    return Said("info", f"Could not be checked: {what}. {mend}", where)


# What the completeness list already knows


def incomplete(case: CaseForScrub, *fields: str, severity: Severity = "block") -> Iterator[Said]:
    """The missing values that stop a claim or a signature, of the fields that begin so."""
    for item in case.missing:
        if item.severity != "warn" and item.field.startswith(fields) and not of_concurrency(item):
            yield absent(item, severity)


def absent(item: Missing, severity: Severity) -> Said:
    said = f"{item.label} is missing ({item.reason.replace('_', ' ')}): {_remedy(item)}."
    return Said(severity, said, place_of(item), item.src)


def of_concurrency(item: Missing) -> bool:
    return item.field.endswith(".concurrency")


def thin(case: CaseForScrub, what: str, *fields: str) -> Iterator[Said]:
    """One warning for all missing details of the fields that begin so."""
    items = [item for item in case.missing if item.severity == "warn" and item.field.startswith(fields)]
    if items:
        labels = "; ".join(dict.fromkeys(item.label for item in items))
        yield Said("warn", f"{what}: not recorded: {labels}. Add what is known.", place_of(items[0]), items[0].src)


def _remedy(item: Missing) -> str:
    if item.field.startswith("header."):
        return "fill it in on the case"
    return "add it, or say why there is none" if item.severity == "block_sign" else "add it to the record"


def place_of(item: Missing) -> str:
    """The page and place where a missing value is written."""
    if item.field.startswith("header."):
        return f"case#{item.field.removeprefix('header.').split('[')[0].replace('.', '-')}"
    if item.field.startswith("alerts."):
        return f"record#alert-{item.field.split('.')[1]}"
    return f"record#entry-{item.src}" if item.src else f"record#{item.field.split('.')[0].split('[')[0]}"
