"""From the signed case to the claim and through its life: through the client and through the actions behind it."""

from __future__ import annotations

import pytest

from actions import claims
from models import ClaimAct
from tests.billable import equip, signed
from tests.cast import NOW, actor


@pytest.fixture
def firm(cast):
    return equip(cast)


def test_a_claim_is_made_of_a_signed_case(firm):
    case = signed(firm, "01")
    claim = claims.make(case, by=actor(firm.bo), now=NOW)
    made = claims.body(claim)
    assert (claim.state, claim.number, claim.total_cents) == ("coded", "EV000001", 315000)
    assert [(line.code, line.units, line.charge_cents) for line in made.lines] == [
        ("95938", 1, 45000), ("95939", 1, 60000), ("95870", 2, 30000), ("95941", 2, 180000),
    ]  # fmt: skip
    assert [row.act for row in ClaimAct.select().where(ClaimAct.claim == claim.id)] == ["make"]
