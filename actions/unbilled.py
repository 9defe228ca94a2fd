"""Closed cases that no claim was made of yet, with what they would come to: written with what changes them.

A row for each, so that the board neither codes a case nor walks all that was ever signed. The worker counts the money.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from actions import jobs
from models import Billing, Case, Claim, Unbilled, db


def note(case: Case, *, now: datetime) -> None:
    """Put a closed case on the list, or say that it was signed, and have it counted: inside the caller's transaction."""
    case = Case.get_by_id(case.id)
    if case.closed_at is None and case.signed_at is None:
        Unbilled.delete().where(Unbilled.case == case.id).execute()
        return
    if reason(case) or claimed(case):
        return
    billing = Billing.get_or_none(Billing.case == case.id)
    payer = (billing and billing.payer_id) or case.payer_id
    Unbilled.delete().where(Unbilled.case == case.id).execute()
    Unbilled.create(
        case=case, facility=case.facility_id, payer=payer, date_of_service=case.date_of_service,
        signed=case.signed_at is not None,
    )  # fmt: skip
    jobs.ask("unbilled", f"unbilled/{case.id}/{now.isoformat()}", case.id, due_at=now)


def settle(case: Case) -> None:
    """Take a case off the list: a claim was made of it, or none will be."""
    Unbilled.delete().where(Unbilled.case == case.id).execute()


def claimed(case: Case) -> bool:
    """Whether a claim to the first payer stands, sent or not."""
    return (
        Claim.select()
        .where(Claim.case == case.id, Claim.sequence == "P", Claim.state.not_in(["withdrawn", "voided"]))
        .exists()
    )


def reason(case: Case) -> str:
    """Why no claim is made of the case at all; empty when one is."""
    billing = Billing.get_or_none(Billing.case == case.id)
    return billing.not_billed if billing else ""


def counted(case_id: int) -> Callable[[], None]:
    """What the case would come to; returned as what is to be written once the job is done."""
    from actions import claim_bodies  # brings coding and prices, which nobody needs who only notes a case

    case = Case.get_by_id(case_id)
    if not Unbilled.select().where(Unbilled.case == case_id).exists():
        return lambda: None
    lines, cents = claim_bodies.worth(case)

    def effect() -> None:
        with db.atomic():
            Unbilled.update(lines=lines, cents=cents).where(Unbilled.case == case_id).execute()

    return effect
