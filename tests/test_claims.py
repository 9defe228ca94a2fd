"""From the signed case to the claim and through its life: through the client and through the actions behind it."""

from __future__ import annotations

import csv
import io
import json
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

import tasks
from actions import Refused, claim_files, claims, weighing
from models import (
    SETTINGS,
    AuditEntry,
    Billing,
    Case,
    Claim,
    ClaimAct,
    Coverage,
    Credential,
    CredentialType,
    Decided,
    Hold,
    Patient,
    Payer,
    Receiver,
    db,
)
from practice import claims as c
from tests.billable import as_it_would_be, billable, equip, signed
from tests.cast import NOW, actor, book, case_file, load


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


@pytest.mark.parametrize("number", ["01", "02", "03", "05", "07", "08"])
def test_each_case_file_makes_the_claim_that_was_looked_at(firm, number):
    """To renew a golden file, write the JSON and read the difference."""
    made = claims.build(as_it_would_be(firm, number))
    assert json.loads(c.to_json(made)) == json.loads((GOLDEN / f"{number}.json").read_text())


def test_the_same_services_of_a_patient_entered_twice_are_to_be_checked(firm, client_for):
    """Another row, the same birth date, a name spelled a little differently: said, never a block, and nobody is named."""
    first = made(firm)
    header = json.loads(case_file("01"))["case"]["header"]
    header["patient"] |= {"name": "TESTPATIENT, AVERIE", "mrn": "SYN-777"}
    case = signed(firm, id="C-77", header=header)
    other, born = case.patient, case.patient.dob
    assert other.id != first.case.patient_id and born
    body = claims.body(first)

    def said() -> list[Any]:
        found = weighing.weigh(Case.get_by_id(case.id), replace(body, control_number="EV9")).findings
        return [(one.severity, one.where) for one in found if one.id == "V26"]

    assert said() == [("warn", f"claims#{first.number}")]
    for changed in ({"name": "OTHER, AVERIE"}, {"dob": born + timedelta(1)}, {"dob": None}):
        Patient.update(**{"dob": born, **changed}).where(Patient.id == other.id).execute()
        assert said() == [], changed
        Patient.update(name=other.name, dob=born).where(Patient.id == other.id).execute()
    claim = claims.make(Case.get_by_id(case.id), by=actor(firm.bo), now=NOW)
    page = page_of(client_for(firm.bo), f"/claims/{claim.id}")
    assert f"Claim {first.number} has 95870, 95938, 95939, 95941 of the same day too" in page
    assert f'href="/claims?q={first.number}"' in page and "AVERY" not in page
    assert claims.act(claim, "release", by=actor(firm.bo), now=NOW).state == "released"
    claims.act(first, "withdraw", by=actor(firm.bo), now=NOW, words="twice")
    assert said() == []


def test_a_released_claim_says_how_it_leaves(firm, client_for):
    claim, bo = made(firm), client_for(firm.bo)
    claims.act(claim, "release", by=actor(firm.bo), now=NOW)
    assert f'href="/paper-claims?claim={claim.id}">Print and mail it' in page_of(bo, f"/claims/{claim.id}")
    to = Receiver.create(
        name="Clearinghouse", receiver_id="CLEAR", submitter_id="EVOKED", usage="P", phone="3125550100"
    )
    Payer.update(receiver=to).where(Payer.id == claim.payer_id).execute()
    assert f'href="/receivers/{to.id}/claims">Put it in a file' in page_of(bo, f"/claims/{claim.id}")
    file = claim_files.export(to, by=actor(firm.bo), now=NOW)
    assert f'href="/claim-files/{file.id}">Hand its file in' in page_of(bo, f"/claims/{claim.id}")


def test_a_rejected_claim_begins_with_why(firm, client_for):
    claim, bo = made(firm), client_for(firm.bo)
    for act, words in (("release", ""), ("submit", ""), ("reject", "A7: the member id is wrong")):
        claims.act(Claim.get_by_id(claim.id), act, by=actor(firm.bo), now=NOW, words=words)
    page = page_of(bo, f"/claims/{claim.id}")
    assert page.index("Why it was rejected") < page.index("A7: the member id is wrong") < page.index("<h2>Lines</h2>")
    assert f"/places/patients/{claim.case.patient_id}" in page and f"/cases/{claim.case_id}/billing" in page


def test_a_record_without_monitoring_makes_no_claim(firm):
    with pytest.raises(Refused, match="supports no line"):
        claims.build(book(firm))


# The board and the pages


def page_of(client, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status, answer.get_data(as_text=True)
    return " ".join(answer.get_data(as_text=True).split())


def made(firm, number: str = "01") -> Claim:
    return claims.make(signed(firm, number), by=actor(firm.bo), now=NOW)


def test_an_empty_board_says_what_comes_there(firm, client_for):
    assert "No claim waits." in page_of(client_for(firm.bo), "/claims")


def test_a_signed_case_is_to_be_coded_and_one_tap_makes_its_claim(firm, client_for):
    case, bo = signed(firm), client_for(firm.bo)
    tasks.work_off()
    board = page_of(bo, "/claims")
    assert "To be coded (1, $3,150.00)" in board
    assert f'href="/cases/{case.id}/billing"' in board
    form = page_of(bo, f"/cases/{case.id}/billing")
    assert f'action="/cases/{case.id}/claims"' in form
    answer = bo.post(f"/cases/{case.id}/claims")
    assert answer.status_code == 303
    claim = Claim.get()
    assert answer.location == f"/claims/{claim.id}"
    board = page_of(bo, "/claims")
    assert "To be coded (" not in board
    assert "To release (1, $3,150.00)" in board


def test_a_claim_tells_its_whole_story(firm, client_for):
    claim = made(firm)
    page = page_of(client_for(firm.bo), f"/claims/{claim.id}")
    for said in (
        claim.number, "$3,150.00", "95941", "floor((145+29)/60) = 2", "A M50.122", "Made from the record", "Bo Bell",
        "Pia Park", "Dana Whitlock", "XYZ123456789", "AUTH1",
    ):  # fmt: skip
        assert said in page, said


def test_what_a_claim_lacks_is_said_with_the_way_to_mend_it(cast, client_for):
    case = load(cast, "01")
    page = page_of(client_for(cast.bo), f"/cases/{case.id}/billing")
    for said in (
        "Nobody is named who bills on 03/17/2026", "The patient lacks street, city and state", "The day of admission",
        "There is no charge for 95941", f'href="/places/patients/{case.patient_id}"',
        f'href="/places/facilities/{case.facility_id}"', "has no coverage by",
    ):  # fmt: skip
        assert said in page, said


def test_the_claim_of_an_unsigned_case_is_refused(firm, client_for):
    case = billable(load(firm, "01"))
    answer = client_for(firm.bo).post(f"/cases/{case.id}/claims")
    assert answer.status_code == 422
    assert "a claim never goes before the report" in answer.get_data(as_text=True)
    assert not Claim.select().exists()


# Acts


def released(firm, number: str = "01") -> Claim:
    return claims.act(made(firm, number), "release", by=actor(firm.bo), now=NOW)


def accepted(firm, number: str = "01") -> Claim:
    claim = claims.act(released(firm, number), "submit", by=actor(firm.bo), now=NOW)
    return claims.act(claim, "accept", by=actor(firm.bo), now=NOW)


def test_a_claim_is_released_sent_accepted_and_paid_each_act_stamped(firm, client_for):
    claim, bo = made(firm), client_for(firm.bo)
    for act, words in (("release", ""), ("submit", "by mail"), ("accept", ""), ("pay", "check 44, $1,240.00")):
        answer = bo.post(f"/claims/{claim.id}/acts", data={"act": act, "words": words})
        assert answer.status_code == 303, answer.get_data(as_text=True)
    rows = list(ClaimAct.select().where(ClaimAct.claim == claim.id).order_by(ClaimAct.id))
    assert [(row.act, row.state) for row in rows] == [
        ("make", "coded"), ("release", "released"), ("submit", "submitted"), ("accept", "accepted"), ("pay", "paid"),
    ]  # fmt: skip
    assert {row.by for row in rows[1:]} == {firm.bo.id}
    page = page_of(bo, f"/claims/{claim.id}")
    assert "check 44, $1,240.00" in page
    assert "Taken in for processing" in page


@pytest.mark.parametrize("act", ["submit", "accept", "pay", "deny", "make", "nonsense", ""])
def test_an_act_that_cannot_follow_is_refused_and_the_words_are_kept(firm, client_for, act):
    claim = made(firm)
    answer = client_for(firm.bo).post(f"/claims/{claim.id}/acts", data={"act": act, "words": "check 44 of March"})
    assert answer.status_code == 422
    assert "check 44 of March" in answer.get_data(as_text=True)
    assert Claim.get_by_id(claim.id).state == "coded"


@pytest.mark.parametrize("act", ["reject", "pay", "deny"])
def test_what_was_answered_needs_words(firm, client_for, act):
    claim = accepted(firm)
    answer = client_for(firm.bo).post(f"/claims/{claim.id}/acts", data={"act": act, "words": "  "})
    assert answer.status_code == 422
    assert Claim.get_by_id(claim.id).state == "accepted"


def test_a_claim_that_would_be_denied_does_not_leave(firm, client_for):
    claim = made(firm)
    Credential.create(
        person=firm.pia, type=CredentialType.get(CredentialType.name == "State license"), state="IL",
        from_on="2001-01-01", until_on="2002-01-01",
    )  # fmt: skip
    answer = client_for(firm.bo).post(f"/claims/{claim.id}/acts", data={"act": "release"})
    assert answer.status_code == 422
    assert "the license for IL" in answer.get_data(as_text=True)
    assert Claim.get_by_id(claim.id).state == "coded"


def test_a_held_claim_stays_until_each_hold_is_settled(firm, client_for):
    claim, bo = made(firm), client_for(firm.bo)
    assert bo.post(f"/claims/{claim.id}/holds", data={"reason": " "}).status_code == 422
    for reason in ("Ask the surgeon for the op note", "Wait for the retro authorization"):
        assert bo.post(f"/claims/{claim.id}/holds", data={"reason": reason}).status_code == 303
    assert Claim.get_by_id(claim.id).state == "held"
    answer = bo.post(f"/claims/{claim.id}/acts", data={"act": "release"})
    assert answer.status_code == 422
    with pytest.raises(Refused, match="is held"):
        claims.act(claim, "release", by=actor(firm.bo), now=NOW)
    first, second = Hold.select().order_by(Hold.id)
    bo.post(f"/claims/{claim.id}/holds/{first.id}/settlement", data={"reason": "It came by fax"})
    assert Claim.get_by_id(claim.id).state == "held"
    bo.post(f"/claims/{claim.id}/holds/{second.id}/settlement", data={"reason": "Given on 3/19"})
    assert Claim.get_by_id(claim.id).state == "coded"
    assert bo.post(f"/claims/{claim.id}/holds/{second.id}/settlement", data={"reason": "again"}).status_code == 422
    assert "It came by fax" in page_of(bo, f"/claims/{claim.id}")


def test_many_are_released_at_once_and_what_stays_says_why(firm, client_for):
    first, second, bo = made(firm, "01"), made(firm, "02"), client_for(firm.bo)
    claims.hold(second, reason="Wait for the op note", by=actor(firm.bo), now=NOW)
    assert f'id="claim-{first.id}"' in page_of(bo, "/claims?state=coded")
    answer = bo.post("/claims/releases", data={"claim": [first.id, second.id]})
    assert answer.status_code == 422
    assert second.number in answer.get_data(as_text=True)
    assert [Claim.get_by_id(one.id).state for one in (first, second)] == ["released", "held"]
    assert bo.post("/claims/releases").status_code == 303


# A claim stays as it was made


def test_a_claim_stays_as_made_and_is_made_anew_under_another_number(firm, client_for):
    claim, bo = made(firm), client_for(firm.bo)
    form = {
        "payer": 0,
        "in_network": "",
        "diagnosis": "M50.123 M50.122",
        "admitted_on": "2026-03-17",
        "authorization": "AUTH9",
    }
    assert bo.post(f"/cases/{claim.case_id}/billing", data=form).status_code == 303
    page = page_of(bo, f"/claims/{claim.id}")
    assert "The case changed since this claim was made" in page
    assert "AUTH9" in page
    assert claims.body(Claim.get_by_id(claim.id)).authorization == "AUTH1"
    refused = bo.post(f"/claims/{claim.id}/acts", data={"act": "release"})
    assert "make it anew" in refused.get_data(as_text=True)
    answer = bo.post(f"/claims/{claim.id}/remaking")
    again = Claim.get(Claim.id != claim.id)
    assert answer.location == f"/claims/{again.id}"
    assert again.number != claim.number
    assert claims.body(again).diagnoses == ("M50.123", "M50.122")
    assert Claim.get_by_id(claim.id).state == "withdrawn"
    assert bo.post(f"/claims/{claim.id}/remaking").status_code == 422


def test_a_withdrawn_claim_puts_its_case_back_on_the_board(firm, client_for):
    claim, bo = made(firm), client_for(firm.bo)
    assert bo.post(f"/claims/{claim.id}/acts", data={"act": "withdraw", "words": "Wrong payer"}).status_code == 303
    tasks.work_off()
    assert "To be coded (1, $3,150.00)" in page_of(bo, "/claims")


def test_what_was_sent_is_not_made_anew(firm):
    with pytest.raises(Refused, match="corrected or voided"):
        claims.remake(accepted(firm), by=actor(firm.bo), now=NOW)


# Twice


def test_a_second_original_of_the_same_services_is_refused(firm, client_for):
    claim = made(firm)
    answer = client_for(firm.bo).post(f"/cases/{claim.case_id}/claims")
    assert answer.status_code == 422
    assert f"95941 of 03/17/2026 is already on claim {claim.number}." in answer.get_data(as_text=True)
    assert Claim.select().count() == 1


def test_two_people_who_make_the_claim_at_once_make_one(firm):
    case = signed(firm)
    start, told = threading.Barrier(2), []

    def make() -> None:
        db.connect(reuse_if_open=True)
        start.wait()
        try:
            told.append(claims.make(case, by=actor(firm.bo), now=NOW).number)
        except Refused as refused:
            told.append(refused.reasons[0])
        finally:
            db.close()

    threads = [threading.Thread(target=make) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert Claim.select().count() == 1
    assert sorted("already on claim" in said for said in told) == [False, True]


def test_after_a_rejection_the_services_may_be_claimed_again(firm):
    claim = claims.act(released(firm), "submit", by=actor(firm.bo), now=NOW)
    claims.act(claim, "reject", by=actor(firm.bo), now=NOW, words="A7: invalid member id")
    again = claims.remake(claim, by=actor(firm.bo), now=NOW)
    assert (again.state, again.frequency) == ("coded", "1")


# Corrected and void


def test_a_corrected_claim_needs_the_payers_number_and_a_difference(firm, client_for):
    claim, bo = accepted(firm), client_for(firm.bo)
    address = f"/claims/{claim.id}/replacement"
    assert "Nothing differs" in page_of(bo, address)
    answer = bo.post(address, data={"kind": "correct", "payer_control": ""})
    assert answer.status_code == 422
    assert "own number of the claim is missing" in answer.get_data(as_text=True)
    answer = bo.post(address, data={"kind": "correct", "payer_control": "ICN77"})
    assert answer.status_code == 422
    assert 'value="ICN77"' in answer.get_data(as_text=True)
    Billing.update(authorization="AUTH2").where(Billing.case == claim.case_id).execute()
    assert "AUTH2" in page_of(bo, address)
    answer = bo.post(address, data={"kind": "correct", "payer_control": "icn77"})
    second = Claim.get(Claim.replaces == claim.id)
    assert answer.location == f"/claims/{second.id}"
    body = claims.body(second)
    assert (body.frequency, body.payer_control, body.authorization) == ("7", "ICN77", "AUTH2")
    page = page_of(bo, f"/claims/{second.id}")
    assert "What it changes" in page
    assert "AUTH1" in page
    assert Claim.get_by_id(claim.id).state == "accepted"
    with pytest.raises(Refused, match="already takes its place"):
        claims.void(claim, payer_control="ICN77", by=actor(firm.bo), now=NOW)


def test_a_corrected_claim_takes_the_place_once_sent_and_gives_it_back_when_rejected(firm):
    claim, bo = accepted(firm), actor(firm.bo)
    Billing.update(authorization="AUTH2").where(Billing.case == claim.case_id).execute()
    second = claims.correct(claim, payer_control="ICN77", by=bo, now=NOW)
    second = claims.act(second, "release", by=bo, now=NOW)
    claims.act(second, "submit", by=bo, now=NOW)
    assert Claim.get_by_id(claim.id).state == "replaced"
    claims.act(second, "reject", by=bo, now=NOW, words="A3")
    assert Claim.get_by_id(claim.id).state == "accepted"


def test_a_void_cancels_the_claim_and_frees_the_services(firm, client_for):
    claim, bo = accepted(firm), client_for(firm.bo)
    answer = bo.post(f"/claims/{claim.id}/replacement", data={"kind": "void", "payer_control": "ICN77"})
    void = Claim.get(Claim.frequency == "8")
    assert answer.location == f"/claims/{void.id}"
    assert "It cancels" in page_of(bo, f"/claims/{void.id}")
    for act in ("release", "submit"):
        void = claims.act(void, act, by=actor(firm.bo), now=NOW)
    assert Claim.get_by_id(claim.id).state == "voided"
    again = claims.make(claim.case, by=actor(firm.bo), now=NOW)
    assert again.state == "coded"


def test_what_the_payer_does_not_have_is_neither_corrected_nor_voided(firm, client_for):
    claim, bo = made(firm), client_for(firm.bo)
    for kind in ("correct", "void"):
        answer = bo.post(f"/claims/{claim.id}/replacement", data={"kind": kind, "payer_control": "ICN77"})
        assert answer.status_code == 422
        assert "only what the payer has" in answer.get_data(as_text=True)


# The next payer


def told(*lines: tuple[str, ...]) -> dict[str, str]:
    """The form of what was decided: for each line paid, then group, reason and amount of each adjustment."""
    data = {}
    for place, (paid, *rest) in enumerate(lines, 1):
        data[f"line{place}-paid"] = paid
        for number, one in enumerate(zip(rest[::3], rest[1::3], rest[2::3], strict=True), 1):
            data |= dict(
                zip((f"line{place}-{name}{number}" for name in ("group", "reason", "cents")), one, strict=True)
            )
    return data


DECIDED = told(
    ("300.00", "CO", "45", "100.00", "PR", "2", "50.00"), ("600.00",), ("0", "CO", "97", "300.00"),
    ("1,000.00", "PR", "1", "800.00"),
)  # fmt: skip


def covered_twice(firm) -> Claim:
    claim = accepted(firm)
    Coverage.create(
        patient=claim.case.patient, payer=firm.medicare, member_id="1EG4TE5MK73", rank=2, insurance_type="12"
    )
    return claim


def test_the_next_payer_is_told_what_the_first_decided(firm, client_for):
    claim, bo = covered_twice(firm), client_for(firm.bo)
    assert "Medicare" in page_of(bo, f"/claims/{claim.id}/next-payer")
    head = {"payer": firm.medicare.id, "decided_on": "2026-04-20", "payer_control": "ICN1"}
    answer = bo.post(f"/claims/{claim.id}/next-payer", data={**head, **DECIDED})
    assert answer.status_code == 303, answer.get_data(as_text=True)
    body = claims.body(Claim.get(Claim.sequence == "S"))
    assert (body.coverage.payer.name, body.coverage.sequence, body.coverage.insurance_type) == ("Medicare", "S", "12")
    (first,) = body.others
    assert (first.paid_cents, first.patient_owes_cents, first.claim_number) == (190000, 85000, "ICN1")
    (decided,) = body.lines[0].adjudications
    assert (decided.paid_cents, [(a.group, a.reason, a.cents) for a in decided.adjustments]) == (
        30000, [("CO", "45", 10000), ("PR", "2", 5000)],
    )  # fmt: skip
    assert Claim.get_by_id(claim.id).state == "paid"
    assert "There is no next payer" in page_of(bo, f"/claims/{claim.id}/next-payer")


def test_a_decision_that_does_not_balance_is_refused_and_kept_in_the_form(firm, client_for):
    claim, bo = covered_twice(firm), client_for(firm.bo)
    head = {"payer": firm.medicare.id, "decided_on": "2026-04-20", "payer_control": "ICN1"}
    answer = bo.post(f"/claims/{claim.id}/next-payer", data={**head, **DECIDED, "line2-paid": "599.99"})
    text = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "$0.01 is missing" in text
    assert 'value="599.99"' in text
    assert not Decided.select().exists()
    assert Claim.get_by_id(claim.id).state == "accepted"


# The board


def test_the_filters_are_links_by_state_payer_and_hospital(firm, client_for):
    first, second = made(firm, "01"), made(firm, "02")
    bo = client_for(firm.bo)
    page = page_of(bo, f"/claims?state=coded&facility={first.case.facility_id}")
    assert first.number in page
    assert second.number not in page
    page = page_of(bo, f"/claims?payer={second.payer_id}")
    assert second.number in page
    for odd in ("state=nonsense", "payer=x", "payer=99999999999999999999", "after=x_y_z", "facility=-1"):
        page_of(bo, f"/claims?{odd}")


def test_a_claim_is_found_by_its_number_and_by_the_payers(firm, client_for):
    claim, bo = accepted(firm), client_for(firm.bo)
    claims.name_payer_control(claim, "icn-5", by=actor(firm.bo))
    for words in (claim.number, claim.number.lower(), "ICN-5"):
        assert bo.get(f"/claims?q={words}").location == f"/claims/{claim.id}"
    assert "No claim has this number." in page_of(bo, "/claims?q=EV9")


def test_deadlines_and_unsigned_money_stand_on_the_board(firm, client_for):
    claim = made(firm)
    load(firm, "02")
    tasks.work_off()
    on = datetime.now(SETTINGS.zone).date()
    Claim.update(file_by=on + timedelta(days=12)).where(Claim.id == claim.id).execute()
    bo = client_for(firm.bo)
    page = page_of(bo, "/claims")
    assert "file in 12 days" in page
    assert "Behind unsigned reports" in page
    assert "$5,550.00" in page
    Claim.update(file_by=on - timedelta(days=3)).where(Claim.id == claim.id).execute()
    assert "filing limit passed 3 days ago" in page_of(bo, "/claims")


def test_the_export_runs_no_formula(firm, client_for):
    claim = made(firm)
    Case.update(procedure="=HYPERLINK(1)").where(Case.id == load(firm, "02").id).execute()
    tasks.work_off()
    text = client_for(firm.bo).get("/claims.csv").get_data(as_text=True)
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[1][:3] == [claim.number, "To release", "2026-03-17"]
    assert rows[1][7] == "3150.00"
    assert any(cell == "'=HYPERLINK(1)" for cell in rows[2])
    assert AuditEntry.select().where(AuditEntry.action == "export", AuditEntry.noun == "claim").exists()


def test_a_case_that_is_not_to_be_billed_leaves_the_board(firm, client_for):
    case, bo = signed(firm), client_for(firm.bo)
    form = {"payer": 0, "in_network": "", "diagnosis": "M50.122", "not_billed": "Research, the sponsor pays"}
    assert bo.post(f"/cases/{case.id}/billing", data=form).status_code == 303
    assert "To be coded (" not in page_of(bo, "/claims")
    answer = bo.post(f"/cases/{case.id}/claims")
    assert answer.status_code == 422
    assert "Research, the sponsor pays" in answer.get_data(as_text=True)
    bo.post(f"/cases/{case.id}/billing", data={**form, "not_billed": ""})
    assert "To be coded (1" in page_of(bo, "/claims")


# The billing form


def test_modifiers_need_a_reason_and_pointers_an_existing_diagnosis(firm, client_for):
    case, bo = signed(firm), client_for(firm.bo)
    form = {"payer": 0, "in_network": "n", "diagnosis": "M50.122", "admitted_on": "2026-03-17"}
    answer = bo.post(f"/cases/{case.id}/billing", data={**form, "95870-modifiers": "59"})
    assert answer.status_code == 422
    assert "Say why" in answer.get_data(as_text=True)
    assert 'value="59"' in answer.get_data(as_text=True)
    answer = bo.post(f"/cases/{case.id}/billing", data={**form, "95870-pointers": "AC"})
    assert answer.status_code == 422
    assert "not on the list" in answer.get_data(as_text=True)
    good = {**form, "95870-modifiers": "xs", "95870-reason": "Other muscles", "95870-pointers": "A"}
    assert bo.post(f"/cases/{case.id}/billing", data=good).status_code == 303
    line = next(line for line in claims.build(case).lines if line.code == "95870")
    assert (line.modifiers, line.pointers) == (("26", "XS"), (1,))


def test_the_payer_may_change_after_the_signature_and_the_lines_follow_its_rule(firm):
    case = signed(firm, "03")
    Billing.update(payer=firm.acme).where(Billing.case == case.id).execute()
    Coverage.create(patient=case.patient, payer=firm.acme, member_id="A1")
    body = claims.build(case)
    assert body.coverage.payer.name == "Acme PPO"
    assert "95941" in {line.code for line in body.lines}


# Who may


def test_only_billing_and_the_owner_act_on_claims_and_the_auditor_reads(firm, client_for):
    claim = made(firm)
    for person in (firm.tess, firm.pia):
        client = client_for(person)
        for address in ("/claims", f"/claims/{claim.id}", "/claims.csv", f"/cases/{claim.case_id}/billing"):
            assert client.get(address).status_code == 403
        assert client.post(f"/claims/{claim.id}/acts", data={"act": "release"}).status_code == 403
    assert client_for(firm.olive).get(f"/claims/{claim.id}").status_code == 200
    for address in ("/claims/99", f"/claims/{2**63}", "/claims/99/replacement", "/cases/99/billing"):
        assert client_for(firm.bo).get(address).status_code == 404


def test_every_look_and_act_is_in_the_audit_trail(firm, client_for):
    claim, bo = made(firm), client_for(firm.bo)
    page_of(bo, f"/claims/{claim.id}")
    bo.post(f"/claims/{claim.id}/acts", data={"act": "release"})
    rows = AuditEntry.select().where(AuditEntry.noun == "claim", AuditEntry.row_id == claim.id).order_by(AuditEntry.seq)
    assert [row.action for row in rows] == ["make", "view", "release"]


def test_the_form_is_saved_for_a_case_that_had_none(firm, client_for):
    case = load(firm, "01")
    form = {"payer": firm.acme.id, "in_network": "y", "diagnosis": "M50.122", "authorization": "A7"}
    assert client_for(firm.bo).post(f"/cases/{case.id}/billing", data=form).status_code == 303
    row = Billing.get(Billing.case == case.id)
    assert (row.payer, row.in_network, row.authorization, row.diagnosis) == (firm.acme, True, "A7", ["M50.122"])


# The command


def run(*words: str) -> Any:
    from views.commands import case as group

    done = CliRunner().invoke(group, list(words))
    db.connect(reuse_if_open=True)  # a command closes what it opened
    return done


def test_the_command_writes_the_claim_of_a_case(firm, tmp_path):
    case, out = signed(firm), tmp_path / "claim"
    assert run("claim", str(case.id), "--out", str(out)).exit_code == 0
    claim = Claim.get()
    assert json.loads(out.read_text())["control_number"] == claim.number
    assert run("claim", str(case.id), "--format", "cms1500", "--out", str(out)).exit_code == 0
    assert out.read_bytes().startswith(b"%PDF")
    refused = run("claim", str(case.id), "--format", "837", "--out", str(tmp_path / "file"))
    assert refused.exit_code == 2
    assert not (tmp_path / "file").exists()
    to = Receiver.create(name="House", receiver_id="HOUSE", submitter_id="US", phone="3125550100", usage="P")
    Payer.update(receiver=to).where(Payer.id == claim.payer_id).execute()
    claims.act(claim, "release", by=actor(firm.bo), now=NOW)
    done = run("claim", str(case.id), "--format", "837", "--out", str(tmp_path / "file"))
    assert done.exit_code == 0, done.output
    assert f"CLM*{claim.number}*3150" in (tmp_path / "file").read_text()


def test_the_command_refuses_with_every_reason(cast, tmp_path):
    case = load(cast, "01")
    refused = run("claim", str(case.id), "--out", str(tmp_path / "claim"))
    assert refused.exit_code == 2
    assert "Nobody is named who bills" in refused.output
    assert "The patient lacks" in refused.output
