"""Findings that a person lets pass, with a reason that an auditor will read. A block cannot be."""

from __future__ import annotations

from datetime import datetime

from actions import Actor, Refused, audit, claims, weighing
from actions.claim_bodies import as_billed
from models import Case, Claim, FindingOverride, Hold, Person, db
from practice.scrub import Finding

LEAST_REASON = 10
"""Characters of a reason: "ok" is none."""


def override(case: Case, finding: str, message: str, reason: str, *, by: Actor, now: datetime) -> None:
    """Let claims of the case go against a finding of exactly this text; should it change, it is asked again.

    Refused for a block, for what is not found any more, and without a reason. A hold of one of the practice's own
    rules that says the same is cleared with it.
    """
    reason = " ".join(reason.split())
    if len(reason) < LEAST_REASON:
        raise Refused(f"Say why in at least {LEAST_REASON} characters: an auditor will read it.")
    standing = [one for one in found(case) if (one.id, one.message) == (finding, message)]
    if any(one.severity == "block" for one in standing):
        raise Refused("This finding blocks: it cannot be let pass, only mended.")
    if not any(one.severity == "error" for one in standing):
        raise Refused("This finding has changed or is gone since the page was opened: look at it again.")
    with db.atomic():
        FindingOverride.create(case=case, finding=finding, message=message, reason=reason, at=now, by=by.id)
        audit.record(by, "override", "finding", case_id=case.id, rule=finding)
        holds = (
            Hold.select()
            .join(Claim)
            .where(Claim.case == case.id, Hold.rule == finding, Hold.reason == message, Hold.released_at.is_null())
        )
        for hold in list(holds):
            claims.clear(hold, reason=reason, by=by, now=now)


def found(case: Case) -> list[Finding]:
    """What the rules find on a case and on its newest claim while that has not been sent."""
    case = as_billed(case)
    newest = Claim.select().where(Claim.case == case.id).order_by(Claim.id.desc()).first()
    weighed = weighing.weigh(case).findings
    if newest is not None:
        weighed += weighing.weigh(case, claims.body(newest)).findings
    return list(dict.fromkeys(weighed))


def of_case(case: Case) -> list[tuple[FindingOverride, str]]:
    """What people let pass on a case and who did, the newest first."""
    rows = list(FindingOverride.select().where(FindingOverride.case == case.id).order_by(FindingOverride.id.desc()))
    names = dict(Person.select(Person.id, Person.name).where(Person.id.in_([row.by for row in rows])).tuples())
    return [(row, names.get(row.by, "")) for row in rows]
