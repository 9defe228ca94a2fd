"""A physician's day, through the client: what is shown, who may see it, how an overlap is settled and what is billed."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from actions import Refused, ledger, loading, records, weighing
from models import Allotment, AuditEntry, Case, Entry, Payer, Stretch
from practice import concurrency as conc
from tests.cast import NOW, actor, case_file, load


def medicare(cast, reference: str) -> Case:
    """The Medicare case under another reference, read by Pia."""
    body = json.loads(case_file("03"))
    body["case"]["id"] = reference
    body["case"]["staff"]["physicians"][0]["name"] = cast.pia.signing_name
    body["case"]["staff"]["technologists"][0]["name"] = cast.tess.name
    return loading.load(json.dumps(body).encode(), by=actor(cast.olive), now=NOW).case


@pytest.fixture
def two(cast):
    return medicare(cast, "A-1"), medicare(cast, "A-2")


def on(case: Case) -> str:
    return Case.get_by_id(case.id).date_of_service.isoformat()


def alone(case: Case) -> int:
    case = Case.with_header(case.id)
    return sum(conc.minutes(s.exclusive) for s in ledger.shares(case, ledger.of_case(case, case.facts())).values())


def test_a_loaded_case_is_in_the_ledger_and_a_struck_connection_leaves_it(cast, two):
    assert Stretch.select().where(Stretch.case == two[0].id).count() > 0
    for row in two[0].entries.where(Entry.kind == "presence"):
        records.strike(row, reason="wrong case", by=actor(cast.tess), now=NOW)
    assert Stretch.select().where(Stretch.case == two[0].id).count() == 0
    assert {row.who for row in Stretch.select()} <= {cast.pia.name, cast.pia.signing_name}


def test_two_cases_at_once_share_the_exclusive_minutes(two):
    whole = conc.minutes(
        (row.start, row.end) for row in Stretch.select().where(Stretch.case == two[0].id, Stretch.alone == 1)
    )
    assert whole > 10
    assert abs(alone(two[0]) + alone(two[1]) - whole) <= 2
    coded = weighing.weigh(Case.with_header(two[0].id)).coding
    assert {line.code: line.minutes for line in coded.lines}.get("G0453") in (None, alone(two[0]))
    assert any("not allotted to this patient" in one.reason for one in coded.not_billed)


def test_the_day_shows_its_cases_to_owner_biller_and_the_physician(client_for, cast, two):
    for person in (cast.olive, cast.bo, cast.pia):
        text = client_for(person).get(f"/ledger/{cast.pia.id}/{on(two[0])}").get_data(as_text=True)
        assert "A-1" in text and "A-2" in text and "<svg" in text
        assert Case.with_header(two[0].id).patient.name not in text
    assert client_for(cast.pia).get(f"/ledger/{cast.olive.id}/{on(two[0])}").status_code == 404
    assert client_for(cast.tess).get(f"/ledger/{cast.pia.id}/{on(two[0])}").status_code == 403


def test_a_day_without_cases_says_so(client_for, cast):
    assert "No case on this day" in client_for(cast.olive).get(f"/ledger/{cast.pia.id}/2026-01-05").get_data(
        as_text=True
    )
    assert client_for(cast.olive).get(f"/ledger/{cast.pia.id}/tomorrow").status_code == 404


def test_an_overlap_is_given_to_one_case_with_a_reason_that_stays(client_for, cast, two):
    pia, address = client_for(cast.pia), f"/ledger/{cast.pia.id}/{on(two[0])}"
    sent = {"case": two[1].id, "method": "whole", "reason": ""}
    assert pia.post(f"{address}/allotments", data=sent).status_code == 422
    before = alone(two[1])
    assert pia.post(f"{address}/allotments", data={**sent, "reason": "At the bedside"}).status_code == 303
    assert alone(two[1]) > before and alone(two[0]) < alone(two[1])
    row = Allotment.get()
    assert (row.by, row.method, row.reason) == (cast.pia.id, "whole", "At the bedside")
    assert "At the bedside" in pia.get(address).get_data(as_text=True)


def test_a_signed_case_stays_as_signed(cast, two):
    case = Case.with_header(two[0].id)
    ledger.keep(case, by=actor(cast.pia), now=NOW)
    Case.update(signed_at=NOW).where(Case.id == case.id).execute()
    had = alone(two[0])
    with pytest.raises(Refused, match="stay as they were signed"):
        ledger.choose(case, cast.pia, whole=True, reason="x", by=actor(cast.pia), now=NOW)
    ledger.choose(two[1], cast.pia, whole=True, reason="x", by=actor(cast.pia), now=NOW)
    assert alone(two[0]) == had


def test_more_cases_than_the_payer_takes_is_found_on_each_and_shown_today(client_for, cast, two):
    medicare(cast, "A-3")
    medicare(cast, "A-4")
    found = {one.id: one for one in weighing.weigh(Case.with_header(two[0].id)).findings}
    assert found["V08"].severity == "error" and "4 cases" in found["V08"].message
    text = client_for(cast.bo).get(f"/cases/{two[0].id}/packet").get_data(as_text=True)
    assert f"/ledger/{cast.pia.id}/{on(two[0])}" in text
    day = Case.get_by_id(two[0].id).date_of_service
    late = NOW.replace(year=day.year, month=day.month, day=day.day) + timedelta(days=1)
    assert [(person.id, when) for person, when, _ in ledger.standing(late)] == [(cast.pia.id, day)]


def test_the_proof_names_no_other_patient_and_no_other_case(cast, two):
    ledger.choose(two[1], cast.pia, whole=True, reason="Mrs Doe was worse", by=actor(cast.pia), now=NOW)
    weighed = weighing.weigh(Case.with_header(two[0].id))
    (day,) = weighed.days
    assert [row.label for row in day.rows] == ["This case", "Another case (1)"]
    assert "A-2" not in str(day) and "Doe" not in str(day)


def test_a_commercial_case_loses_the_minutes_billed_for_another_alone(cast, two):
    acme = Payer.get(Payer.name == "Acme PPO")
    Case.update(payer=acme, payer_class="commercial").where(Case.id == two[1].id).execute()
    coded = weighing.weigh(Case.with_header(two[1].id)).coding
    assert any("billed for another patient alone" in one.reason for one in coded.not_billed)


def test_an_auditor_reads_a_physicians_day_and_allots_nothing(client_for, cast):
    cast.stan.roles = ["auditor"]
    cast.stan.save()
    case = load(cast, "03")
    day = f"/ledger/{cast.pia.id}/{case.date_of_service}"
    page = client_for(cast.stan).get(day).get_data(as_text=True)
    assert "Medicare minutes by clock hour" in page and "Allot them" not in page
    assert client_for(cast.stan).post(f"{day}/allotments").status_code == 403
    seen = AuditEntry.select().where(
        AuditEntry.actor == cast.stan.id, AuditEntry.noun == "ledger", AuditEntry.action == "view"
    )
    assert seen.count() == 1
