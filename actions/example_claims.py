"""Claims of the example practice, in every state: what its billing forms say, and how far each has come."""

from __future__ import annotations

from datetime import datetime, timedelta

from actions import Actor, Refused, claims
from models import (
    Billing,
    Case,
    Patient,
    Person,
)

LIVES = (
    ("release", "submit", "accept", "pay"), ("release", "submit", "accept"), ("release", "submit", "reject"), ("release", "submit"),
    ("release",), ("hold",), (),
)  # fmt: skip
"""How far the example's claims have come, one after the other."""
WORDS = {
    "pay": "Check 44718, $1,240.00 of the allowed amount; deductible $300.00",
    "reject": "277CA, A7: the member id does not match the birth date",
}


def fill(people: dict[str, Person], now: datetime) -> None:
    """What a claim needs beside the case, then a claim of each signed case whose record stands."""
    _patients()
    by = Actor(people["Bo Bell"])
    made = 0
    for case in Case.select().where(Case.signed_at.is_null(False)).order_by(Case.id):
        _billing(case)
        try:
            claim = claims.make(case, by=by, now=now)
        except Refused:
            continue  # it stays to be coded, with what it lacks on its page
        _live(claim, LIVES[made % len(LIVES)], by, now)
        made += 1


def _patients() -> None:
    for place, patient in enumerate(Patient.select()):
        Patient.update(address=f"{place + 1} Elm St", city="Exampleton", state="IL", zip="60601").where(
            Patient.id == patient.id
        ).execute()


def _billing(case: Case) -> None:
    accident = {
        "accident": ["EM"],
        "accident_on": case.date_of_service - timedelta(days=40),
        "casualty_number": f"WC-{case.id}",
    }
    Billing.create(
        case=case, authorization=f"AUTH{7000 + case.id}", admitted_on=case.date_of_service, in_network=True,
        **(accident if case.payer_class == "workers_comp" else {}),
    )  # fmt: skip


def _live(claim: claims.Claim, acts: tuple[str, ...], by: Actor, now: datetime) -> None:
    try:
        for act in acts:
            if act == "hold":
                claims.hold(claim, reason="The operative note is asked for and not here yet", by=by, now=now)
            else:
                claim = claims.act(claim, act, by=by, now=now, words=WORDS.get(act, ""))
    except Refused as refused:
        claims.act(claim, "note", by=by, now=now, words=f"Not released: {refused.reasons[0]}")
