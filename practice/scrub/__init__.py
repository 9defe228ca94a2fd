"""The rules that a claim must pass: each a small function with its number, source and remedy, in rooms by theme.

Policy: an element that is wholly missing, or provably not valid on the date of service, blocks; what a person may
decide with a reason is an error; a missing detail warns. What neither the record nor a table holds is said, never
passed in silence. Rules and severities: billing.md sections 4 and 12.
"""

from __future__ import annotations

from collections.abc import Iterable

from . import claim, codes, people, report, request, signals, time
from .given import (
    BilledLine,
    Billing,
    CaseForScrub,
    Credential,
    Namesake,
    Order,
    Paper,
    Report,
    Shared,
    Signature,
)
from .rules import ORDER, RULES, Finding, Rule, Severity

__all__ = [
    "ORDER", "RULES", "THEMES", "BilledLine", "Billing", "CaseForScrub", "Credential", "Finding", "Namesake", "Order", "Paper", "Report",
    "Rule", "Severity", "Shared", "Signature", "findings", "in_order",
]  # fmt: skip

THEMES: dict[str, str] = {
    room.__name__.rpartition(".")[2]: title
    for room, title in (
        (request, "Request, diagnosis and authorization"), (people, "People"), (time, "Minutes and units"),
        (signals, "Signals"), (report, "Report and papers"), (codes, "Codes and modifiers"), (claim, "Claim"),
    )
}  # fmt: skip
"""The rooms of the rules in the order of a case; a rule's theme is its room."""
RULES.sort(key=lambda one: list(THEMES).index(one.theme))


def findings(case: CaseForScrub) -> list[Finding]:
    """Everything the rules have to say, blocks first. Empty means that nothing speaks against the claim."""
    return in_order(
        Finding(id=r.id, severity=s.severity, message=s.message, where=s.where, src=s.src, source=r.source)
        for r in RULES
        for s in r.check(case)
    )


def in_order(found: Iterable[Finding]) -> list[Finding]:
    """The worst first, otherwise as they came; the same thing is said once."""
    return sorted(dict.fromkeys(found), key=lambda finding: ORDER.index(finding.severity))
