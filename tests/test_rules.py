"""Rules at work: what fired and what came of it, the practice's own, what people let pass, and the replay."""

from __future__ import annotations

from datetime import timedelta

import pytest

import tasks
from actions import Refused, claims, overrides, rules, weighing
from actions.claim_bodies import as_billed
from actions.terms import terms
from models import AuditEntry, Claim, Firing, Hold, OwnRule, Run
from practice import own_rules, scrub
from practice.own_rules import Condition
from tests.billable import billable, equip, sign, signed
from tests.cast import NOW, actor, load

TODAY = NOW.date()
HELD = [("payer.name", "begins", "Commercial"), ("lines.code", "is", "95941")]


@pytest.fixture
def firm(cast):
    return equip(cast)


def own(firm, *conditions, then="hold", on=True, number=None, name="Acme remote", now=NOW) -> OwnRule:
    return rules.keep(
        name=name, conditions=[Condition(*one) for one in conditions or HELD], then=then, message="Ask Ann first.",
        number=number, on=on, by=actor(firm.olive), now=now,
    )  # fmt: skip


def made(firm, number="01", **changed) -> Claim:
    return claims.make(signed(firm, number, **changed), by=actor(firm.bo), now=NOW)


def standing(claim) -> list[tuple[str, str]]:
    return [(row.rule, row.reason) for row in Hold.select().where(Hold.claim == claim.id, Hold.released_at.is_null())]


def only_error(case) -> scrub.Finding:
    return next(one for one in overrides.found(case) if one.severity == "error")


# Own rules hold claims


def test_a_rule_that_is_on_holds_the_claims_it_is_about(firm):
    own(firm)
    claim = made(firm)
    assert standing(claim) == [("OWN-1", "Acme remote: Ask Ann first. Held until somebody lets it go.")]
    assert Claim.get_by_id(claim.id).state == "held"
    assert any("Acme remote" in said for said in claims.objections(claim))


def test_a_rule_that_is_off_or_about_others_holds_nothing(firm):
    own(firm, on=False)
    own(firm, ("payer.name", "is", "Medicare"), name="Others")
    claim = made(firm)
    assert standing(claim) == []
    assert claim.state == "coded"


def test_a_warning_holds_nothing_and_a_note_is_asked_for(firm):
    own(firm, then="warn", name="Only said")
    own(firm, then="note", name="Tell why")
    claim = made(firm)
    assert standing(claim) == []
    found = {one.id: one for one in weighing.weigh(as_billed(claim.case), claims.body(claim)).findings}
    assert found["OWN-1"].severity == "warn"
    assert found["OWN-2"].stands


def test_a_rule_that_cannot_be_evaluated_holds_and_says_so(firm):
    own(firm, ("claim.expected", "less", "100"), then="warn")
    claim = made(firm)
    ((rule, reason),) = standing(claim)
    assert rule == "OWN-1"
    assert "could not be evaluated: expected payment is not known" in reason


def test_a_hold_goes_when_the_rule_does_not_say_it_any_more(firm):
    own(firm)
    claim = made(firm)
    rules.switch(1, on=False, by=actor(firm.olive), now=NOW)
    claims.judge(claim, by=actor(firm.bo), now=NOW + timedelta(hours=1))
    row = Hold.get(Hold.claim == claim.id)
    assert (row.release_reason, row.released_by) == ("The rule does not hold it any more.", None)
    assert Claim.get_by_id(claim.id).state == "coded"


def test_a_hold_that_a_person_clears_with_a_reason_stays_cleared(firm):
    own(firm)
    claim = made(firm)
    hold = Hold.get(Hold.claim == claim.id)
    claims.clear(hold, reason="Ann said yes on the phone", by=actor(firm.bo), now=NOW)
    claims.judge(claim, by=actor(firm.bo), now=NOW)
    assert standing(claim) == []
    assert not any("Acme remote" in said for said in claims.objections(claim))


# Letting pass


def test_an_error_is_let_pass_with_a_reason_that_is_kept(firm):
    own(firm, then="note")
    claim = made(firm)
    found = only_error(claim.case)
    overrides.override(claim.case, found.id, found.message, "Ann said yes on the phone", by=actor(firm.bo), now=NOW)
    weighed = weighing.weigh(as_billed(claim.case), claims.body(claim))
    assert next(one for one in weighed.findings if one.id == found.id).overridden == "Ann said yes on the phone"
    assert not any(said.startswith(found.id) for said in weighed.objections)
    ((row, name),) = overrides.of_case(claim.case)
    assert (row.by, name, row.at) == (firm.bo.id, "Bo Bell", NOW)
    assert AuditEntry.select().where(AuditEntry.action == "override", AuditEntry.noun == "finding").exists()


def test_letting_a_rules_finding_pass_clears_its_hold_and_frees_the_claim(firm):
    own(firm)
    claim = made(firm)
    found = only_error(claim.case)
    overrides.override(claim.case, found.id, found.message, "Ann said yes on the phone", by=actor(firm.olive), now=NOW)
    row = Hold.get(Hold.claim == claim.id)
    assert (row.released_by, row.release_reason) == (firm.olive.id, "Ann said yes on the phone")
    assert Claim.get_by_id(claim.id).state == "coded"


def test_a_finding_that_changed_is_asked_again(firm):
    own(firm)
    claim = made(firm)
    found = only_error(claim.case)
    overrides.override(claim.case, found.id, found.message, "Ann said yes on the phone", by=actor(firm.bo), now=NOW)
    rules.keep(
        name="Acme remote", conditions=[Condition(*one) for one in HELD], then="hold", message="Ask Bea now.", number=1,
        on=True, by=actor(firm.olive), now=NOW,
    )  # fmt: skip
    claims.judge(claim, by=actor(firm.bo), now=NOW)
    assert [reason for _, reason in standing(claim)] == ["Acme remote: Ask Bea now. Held until somebody lets it go."]


def test_a_block_is_never_let_pass(firm):
    case = load(firm, "01")
    block = next(one for one in overrides.found(case) if one.severity == "block")
    with pytest.raises(Refused, match="only mended"):
        overrides.override(case, block.id, block.message, "We are in a hurry", by=actor(firm.olive), now=NOW)


@pytest.mark.parametrize(
    ("message", "reason", "says"), [("other text", "A good long reason", "has changed"), (None, "ok", "at least")]
)
def test_what_is_gone_or_has_no_reason_is_refused(firm, message, reason, says):
    own(firm)
    claim = made(firm)
    found = only_error(claim.case)
    with pytest.raises(Refused, match=says):
        overrides.override(claim.case, found.id, message or found.message, reason, by=actor(firm.bo), now=NOW)


# What fired


def test_what_the_rules_find_is_kept_once_and_marked_when_it_is_gone(firm):
    case = signed(firm, "01")
    found = weighing.weigh(case).findings
    rules.note_firings(case, found, NOW)
    rules.note_firings(case, found, NOW + timedelta(hours=1))
    assert Firing.select().count() == len({(one.id, one.message) for one in found})
    rules.note_firings(case, found[1:], NOW + timedelta(days=1))
    (gone,) = Firing.select().where(Firing.cleared_at.is_null(False))
    assert (gone.rule, gone.cleared_at) == (found[0].id, NOW + timedelta(days=1))


@pytest.mark.parametrize("state", ["paid", "denied", "submitted"])
def test_a_tally_says_what_became_of_the_claims(firm, state):
    own(firm, then="warn")
    claim = made(firm)
    Claim.update(state=state).where(Claim.id == claim.id).execute()
    tally = rules.tallies(NOW)["OWN-1"]
    assert (tally.times, tally.cases) == (1, 1)
    assert dict(tally.outcomes) == {state if state != "submitted" else "open": 1}


def test_a_case_without_a_claim_and_one_let_pass_are_said_as_such(firm):
    case = signed(firm, "01")
    rules.note_firings(case, weighing.weigh(case).findings, NOW)
    assert all(set(one.outcomes) == {"unbilled"} for one in rules.tallies(NOW).values())
    own(firm, then="note")
    claim = claims.make(case, by=actor(firm.bo), now=NOW)
    found = only_error(claim.case)
    overrides.override(case, found.id, found.message, "Ann said yes on the phone", by=actor(firm.bo), now=NOW)
    assert dict(rules.tallies(NOW)[found.id].outcomes) == {"overridden": 1}


def test_firings_older_than_a_year_are_not_counted(firm):
    claim = made(firm)
    Firing.update(at=NOW - timedelta(days=400)).where(Firing.case == claim.case_id).execute()
    assert rules.tallies(NOW) == {}


def test_each_night_the_unsettled_cases_are_looked_at(firm):
    case = signed(firm, "01")
    run = Run.create(name="rules", local_date=TODAY)
    tasks.WORK["rules"](run.id)()
    assert Firing.select().where(Firing.case == case.id).exists()
    assert Run.get_by_id(run.id).done_at


# The replay


def test_the_replay_is_what_live_claims_meet(firm):
    """On a frozen set of claims each rule holds the same ones whether it is replayed or judged live."""
    made_of = [made(firm, number) for number in ("01", "02", "03", "07")]
    frozen = [
        [("payer.class", "is", "medicare")],
        [("case.minutes", "more", "180")],
        [("claim.charge", "less", "3000"), ("payer.class", "is", "commercial")],
        [("claim.expected", "known", "")],
        [("claim.expected", "less", "5000")],
        [("lines.code", "begins", "959"), ("case.alerts", "least", "1")],
        [("claim.in_network", "is", "no")],
        [("report.days", "more", "100")],
    ]
    for number, conditions in enumerate(frozen, 1):
        row = own(firm, *conditions, name=f"Rule {number}")
        asked = weighing.as_rule(row)
        replayed = rules.replay(asked, today=TODAY)
        for claim in made_of:
            claims.judge(claim, by=actor(firm.bo), now=NOW)
        live = {claim.id for claim in made_of if asked.id in [rule for rule, _ in standing(claim)]}
        assert {one.id for one in replayed.held} | {one.id for one, _ in replayed.unknown} == live, conditions
        assert replayed.looked_at == len(made_of)
        rules.switch(row.number, on=False, by=actor(firm.olive), now=NOW)


@pytest.mark.parametrize("number", ["01", "02", "03", "07"])
def test_the_replay_reads_of_a_claim_what_is_read_of_it_live(firm, number):
    claim = made(firm, number)
    case, body = as_billed(claim.case), claims.body(claim)
    live, replayed = weighing.given(case, body, today=TODAY).subject, weighing.subject(case, body, terms(), today=TODAY)
    for one in own_rules.PROPERTIES.values():
        assert one.read(replayed) == one.read(live), one.name


def test_the_replay_counts_the_denied_and_the_last_year_alone(firm):
    claim, other = made(firm, "01"), made(firm, "02")
    Claim.update(state="denied").where(Claim.id == claim.id).execute()
    asked = weighing.as_rule(own(firm, ("payer.class", "is", "commercial"), on=False))
    assert (len(rules.replay(asked, today=TODAY).held), rules.replay(asked, today=TODAY).denied) == (2, 1)
    Claim.update(date_of_service=TODAY - timedelta(days=400)).where(Claim.id == other.id).execute()
    assert [one.id for one in rules.replay(asked, today=TODAY).held] == [claim.id]


def test_every_version_of_a_rule_is_kept_and_none_can_be_changed(firm):
    own(firm)
    own(firm, ("payer.name", "is", "Other"), number=1, now=NOW + timedelta(days=1))
    assert [row.conditions[0][2] for row in rules.versions(1)] == ["Other", "Commercial"]
    with pytest.raises(Exception, match="kept as it was written"):
        OwnRule.update(name="x").where(OwnRule.number == 1).execute()


# Pages


def post(client, url, *rows, **fields):
    data = {
        "name": "Acme remote", "then": "hold", "message": "Ask Ann first.",
        "property": [row[0] for row in rows], "comparison": [row[1] for row in rows], "value": [row[2] for row in rows],
    }  # fmt: skip
    return client.post(url, data={**data, **fields})


def test_the_page_lists_every_rule_and_what_fired(client_for, firm):
    made(firm)
    client = client_for(firm.bo)
    page = client.get("/rules").get_data(as_text=True)
    assert all(f'href="/rules/{one.id}"' in page for one in scrub.RULES)
    assert "No rules of our own yet" in page
    fired = client.get("/rules?show=fired").get_data(as_text=True)
    assert 'href="/rules/V30"' not in fired or "1 open" in fired
    assert fired.count('href="/rules/DOC-') < page.count('href="/rules/DOC-')


@pytest.mark.parametrize("one", scrub.RULES, ids=lambda one: one.id)
def test_each_rule_has_its_page(client_for, firm, one):
    page = client_for(firm.bo).get(f"/rules/{one.id}").get_data(as_text=True)
    assert one.asks.replace("'", "&#39;") in page
    assert one.source.replace("'", "&#39;") in page


def test_a_rules_page_links_the_cases_on_which_it_fired(client_for, firm):
    own(firm)
    claim = made(firm)
    page = client_for(firm.olive).get("/rules/OWN-1").get_data(as_text=True)
    assert f'href="/cases/{claim.case_id}/packet#checks"' in page
    assert "1 open" in page
    assert "Payer begins with Commercial and Code is 95941" in page


def test_the_catalogue_is_a_page(client_for, firm):
    page = client_for(firm.bo).get("/rules/properties").get_data(as_text=True)
    for one in own_rules.PROPERTIES.values():
        assert one.label.replace("'", "&#39;") in page
        assert one.words.replace("'", "&#39;") in page


def test_a_rule_is_tried_before_it_is_turned_on(client_for, firm):
    claim = made(firm)
    Claim.update(state="denied", date_of_service=TODAY).where(Claim.id == claim.id).execute()
    olive = client_for(firm.olive)
    refused = post(olive, "/rules", *HELD, on="1")
    assert refused.status_code == 422
    assert "Look first" in refused.get_data(as_text=True)
    tried = post(olive, "/rules/drafts", *HELD, **{"try": "1"}).get_data(as_text=True)
    assert "Would have held 1 of 1 claim, 1 of them denied." in tried
    shown = tried.split('name="shown" value="')[1].split('"')[0]
    other = post(olive, "/rules", ("payer.name", "is", "Other"), on="1", shown=shown)
    assert other.status_code == 422
    assert post(olive, "/rules", *HELD, on="1", shown=shown).status_code == 303
    assert [one.id for one in weighing.own()] == ["OWN-1"]


def test_a_rule_can_be_kept_turned_off_changed_and_turned_off_again(client_for, firm):
    olive = client_for(firm.olive)
    assert post(olive, "/rules", *HELD).status_code == 303
    assert weighing.own() == []
    page = olive.get("/rules/OWN-1/edit").get_data(as_text=True)
    assert 'value="Commercial"' in page
    tried = post(olive, "/rules/drafts", HELD[0], changes="OWN-1", **{"try": "1"}).get_data(as_text=True)
    shown = tried.split('name="shown" value="')[1].split('"')[0]
    post(olive, "/rules", HELD[0], changes="OWN-1", on="1", shown=shown)
    assert [len(one.conditions) for one in weighing.own()] == [1]
    olive.post("/rules/OWN-1/off")
    assert weighing.own() == []
    assert "Versions" in olive.get("/rules/OWN-1").get_data(as_text=True)


def test_rows_are_added_and_removed_without_a_script(client_for, firm):
    olive = client_for(firm.olive)
    more = post(olive, "/rules/drafts", HELD[0], add="1").get_data(as_text=True)
    assert more.count('name="property"') == 2
    less = post(olive, "/rules/drafts", *HELD, remove="0").get_data(as_text=True)
    assert less.count('name="property"') == 1
    assert "95941" in less
    assert 'value="Commercial"' not in less


def test_a_row_offers_what_fits_its_property(client_for, firm):
    page = post(client_for(firm.olive), "/rules/drafts", ("payer.class", "is", ""), add="1").get_data(as_text=True)
    assert '<option value="workers_comp">Workers comp</option>' in page
    first = page.split('id="comparison-1"')[1].split("</select>")[0]
    assert 'value="more"' not in first


@pytest.mark.parametrize(
    ("rows", "fields", "says"),
    [
        ([], {}, "at least one condition"),
        ([("case.minutes", "more", "many")], {}, "Condition 1: Counted minutes: Write a whole number."),
        ([("payer.name", "more", "x")], {}, "cannot be compared"),
        (HELD, {"name": " "}, "Give the rule a name."),
        (HELD, {"message": ""}, "Say what the person"),
        (HELD, {"then": "burn"}, "Choose what the rule does."),
        ([HELD[0]] * 9, {}, "at most 8 conditions"),
    ],
)
def test_a_wrong_rule_is_refused_in_sentences_and_loses_nothing(client_for, firm, rows, fields, says):
    answer = post(client_for(firm.olive), "/rules", *rows, **fields)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert says in page
    assert OwnRule.select().count() == 0
    for row in rows:
        assert row[2] in page


def test_two_rules_do_not_bear_one_name(client_for, firm):
    own(firm)
    answer = post(client_for(firm.olive), "/rules", *HELD, name="ACME remote")
    assert answer.status_code == 422
    assert "already" in answer.get_data(as_text=True)


def test_only_the_owner_makes_rules(client_for, firm):
    bo = client_for(firm.bo)
    assert bo.get("/rules/new").status_code == 403
    assert post(bo, "/rules", *HELD).status_code == 403
    assert client_for(firm.tess).get("/rules").status_code == 403


@pytest.mark.parametrize("address", ["/rules/OWN-9", "/rules/DOC-99", "/rules/OWN-x", "/rules/OWN-9/edit"])
def test_a_rule_that_is_not_there_is_404(client_for, firm, address):
    assert client_for(firm.olive).get(address).status_code == 404


def test_a_finding_is_let_pass_from_the_cases_page(client_for, firm):
    own(firm, then="note")
    claim = made(firm)
    bo = client_for(firm.bo)
    page = bo.get(f"/cases/{claim.case_id}/packet").get_data(as_text=True)
    address = page.split("Let it pass")[0].rsplit('href="', 1)[1].split('"')[0]
    assert "Acme" not in address
    assert "Write a note" in bo.get(address).get_data(as_text=True)
    short = bo.post(f"{address}/override", data={"reason": "ok"})
    assert short.status_code == 422
    assert "at least 10 characters" in short.get_data(as_text=True)
    assert bo.post(f"{address}/override", data={"reason": "Ann said yes on the phone"}).status_code == 303
    page = bo.get(f"/cases/{claim.case_id}/packet").get_data(as_text=True)
    assert "Let pass: Ann said yes on the phone" in page
    assert "Ann said yes on the phone" in bo.get(address).get_data(as_text=True)
    assert "Ann said yes on the phone" in bo.get(f"/claims/{claim.id}").get_data(as_text=True)


def test_a_block_has_no_way_past_it(client_for, firm):
    case = billable(sign(load(firm, "01"), firm))
    client = client_for(firm.bo)
    blocked = load(firm, "02")
    block = next(one for one in overrides.found(blocked) if one.severity == "block")
    address = f"/cases/{blocked.id}/findings/{block.id}/{block.mark}"
    page = client.get(address).get_data(as_text=True)
    assert "only mended" in page
    assert "<textarea" not in page
    answer = client.post(f"{address}/override", data={"reason": "We are in a hurry"})
    assert answer.status_code == 422
    assert client.get(f"/cases/{case.id}/findings/V01/ffffffffffff").status_code == 422


def test_a_stranger_sees_no_finding(client_for, firm):
    claim = made(firm)
    found = overrides.found(claim.case)[0]
    assert client_for(firm.stan).get(f"/cases/{claim.case_id}/findings/{found.id}/{found.mark}").status_code == 403
