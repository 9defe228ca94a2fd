"""The money side of the example practice: who bills, prices, coverages filled in, and claims in every state."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from actions import Actor, Refused, claims
from models import (
    Billing,
    BillingProvider,
    Case,
    Facility,
    Fee,
    Patient,
    Payer,
    Person,
    Receiver,
)
from practice import coding

SINCE = date(2024, 1, 1)
CENTS = {"95940": 18_500, "95941": 68_000, "G0453": 18_500}
"""Charges of a unit; every other code of the example costs the same."""
OTHERS_CENTS = 41_000
ALLOWED_PERCENT = 55
"""What the example's contract allows of a charge."""
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
    """Prices, addresses and numbers, then a claim of each signed case whose record stands."""
    _practice()
    _places()
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


def _practice() -> None:
    BillingProvider.create(
        name="Example Neuromonitoring LLC", npi="1999999984", taxonomy="2084N0600X", tax_id="74-1234567",
        address="100 Main St Ste 200", city="Exampleton", state="IL", zip="60601-0001", phone="(312) 555-0100", from_on=SINCE,
    )  # fmt: skip
    for code, info in coding.CODES.items():
        cents = CENTS.get(code, OTHERS_CENTS)
        Fee.create(
            kind="charge",
            code=code,
            modifier="26" if info.pc_tc == 1 else "",
            cents=cents,
            from_on=SINCE,
            source="Example",
        )
    receiver = Receiver.create(
        name="Example Clearinghouse",
        receiver_id="CLEARHOUSE",
        submitter_id="EVOKEDDEMO",
        contact="Bo Bell",
        phone="312-555-0100",
    )
    filings = {"commercial": "CI", "medicare": "MB", "workers_comp": "WC"}
    for payer in Payer.select():
        own = None if payer.payer_class == "workers_comp" else receiver.id
        Payer.update(
            filing=filings.get(payer.payer_class, ""),
            receiver=own,
            address="PO Box 1000",
            city="Exampleton",
            state="IL",
            zip="60601",
        ).where(Payer.id == payer.id).execute()
    for payer in Payer.select().where(Payer.payer_class == "commercial", Payer.payer_id != ""):
        for code, info in coding.CODES.items():
            cents = CENTS.get(code, OTHERS_CENTS) * ALLOWED_PERCENT // 100
            part = "26" if info.pc_tc == 1 else ""
            Fee.create(
                kind="contract",
                payer=payer,
                code=code,
                modifier=part,
                cents=cents,
                from_on=SINCE,
                source="Example contract",
            )


def _places() -> None:
    for place, facility in enumerate(Facility.select()):
        npi = ("1777777776", "1444444446", "1666666668", "1555555550", "1770626038")[place % 5]
        Facility.update(npi=npi, zip=f"6060{place % 10}0002").where(Facility.id == facility.id).execute()
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
