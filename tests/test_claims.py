"""From the signed case to the claim and through its life: through the client and through the actions behind it."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from actions import Refused, claims
from models import Assignment, ClaimAct, Person
from practice import claims as c
from tests.billable import NPIS, billable, equip, signed
from tests.cast import NOW, actor, book, load


@pytest.fixture
def firm(cast):
    return equip(cast)


def test_a_claim_is_made_of_a_signed_case(firm):
    case = signed(firm, "01")
    claim = claims.make(case, by=actor(firm.bo), now=NOW)
    made = claims.body(claim)
    assert (claim.state, claim.number, claim.total_cents) == ("coded", "EV0350820", 315000)
    assert [(line.code, line.units, line.charge_cents) for line in made.lines] == [
        ("95938", 1, 45000), ("95939", 1, 60000), ("95870", 2, 30000), ("95941", 2, 180000),
    ]  # fmt: skip
    assert [row.act for row in ClaimAct.select().where(ClaimAct.claim == claim.id)] == ["make"]


# Each case file as a claim


GOLDEN = Path(__file__).parent / "golden" / "claims"
FORMS = {
    "08": {"accident": ["EM"], "accident_on": date(2026, 7, 1), "casualty_number": "WC-2026-77"},
}
"""What the billing form must say beside the usual."""


def as_it_would_be(cast, number: str) -> dict[str, Any]:
    """The claim of a case file as it is, signed or not; the second physician of a file is one of the practice."""
    case = load(cast, number)
    for place, physician in enumerate(case.facts().staff.physicians[1:]):
        person = Person.create(
            name=physician.name.split(",")[0], credentials="MD", npi=NPIS[place], email=f"{place}@example.org",
            roles=["physician"], created_at=NOW, taxonomy="2084N0600X",
        )  # fmt: skip
        Assignment.create(case=case, person=person, role="physician")
    billable(case, **FORMS.get(number, {}))
    return json.loads(c.to_json(claims.build(case)))


@pytest.mark.parametrize("number", ["01", "02", "03", "05", "07", "08"])
def test_each_case_file_makes_the_claim_that_was_looked_at(firm, number):
    """To renew a golden file, write the JSON and read the difference."""
    assert as_it_would_be(firm, number) == json.loads((GOLDEN / f"{number}.json").read_text())


def test_a_record_without_monitoring_makes_no_claim(firm):
    with pytest.raises(Refused, match="supports no line"):
        claims.build(book(firm))
