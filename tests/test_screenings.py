"""Exclusion lists come in whole or not at all; everybody is searched in them; people decide on what was found."""

from __future__ import annotations

import http.server
import io
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from pypdf import PdfReader

import models
import tasks
from actions import MACHINE, Refused, cases, jobs, screenings, weighing
from models import (
    AuditEntry,
    Decision,
    Document,
    ExcludedParty,
    Hit,
    Job,
    Override,
    Party,
    Person,
    Run,
    Screened,
    Screening,
    Snapshot,
    Surgeon,
)
from practice.exclusions import PROFILES
from tests import cast as the_cast
from tests.cast import NOW, actor

LEIE = Path(__file__).parent / "leie"
HEADER = ",".join(PROFILES["leie"].header)
TODAY = NOW.date()


def line(last="", first="", dob="", npi="0000000000", business="", state="IL") -> str:
    cells = [last, first, "", business, "IND", "RN", "", npi, dob, "1 MAIN ST", "CHICAGO", state, "60601", "1128a1", "20200120", "00000000", "00000000", ""]  # fmt: skip
    return ",".join(f'"{cell}"' for cell in cells)


def listed(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "UPDATED.csv"
    path.write_bytes("\r\n".join([HEADER, *lines, ""]).encode())
    return path


def load(path: Path, **given) -> Snapshot:
    return screenings.load(path, **{"name": "leie", "by": MACHINE, "now": NOW, "allow_small": True, **given})


TESS = line("TRAN", "TESS", "19850607")
OTHERS = (line("SMITH", "ANN", "19700402"), line(business="BEST CARE, INC"))


@pytest.fixture
def screened(cast, tmp_path):
    """Tess is on the list by name alone, nobody else is; everybody was screened."""
    load(listed(tmp_path, TESS, *OTHERS))
    screenings.screen(by=MACHINE, now=NOW)
    return cast


def party(who) -> Party:
    return screenings.party_of(who)


def know(who, **given) -> None:
    screenings.revise(
        party(who), **{"aliases": [], "dob": "", "npi": "", "states": [], "by": MACHINE, "now": NOW, **given}
    )


def the_hit(who) -> Hit:
    (hit,) = screenings.open_hits(who)
    return hit


# Lists


def test_a_list_replaces_the_one_before_and_keeps_its_hash_and_counts(cast, tmp_path):
    first = load(listed(tmp_path, TESS, *OTHERS))
    second = load(listed(tmp_path, TESS))
    assert screenings.current().id == second.id
    assert (second.rows, second.rows_before) == (1, 3)
    assert ExcludedParty.select().count() == 1
    kept = Snapshot.get_by_id(first.id)
    assert (kept.rows, kept.sha256) == (3, first.sha256)
    assert kept.sha256 != second.sha256


@pytest.mark.parametrize(
    "name, said", [("bad-column-order.csv", "another order"), ("bad-header-only.csv", "no rows"), ("updated-real-head.csv", "at least 70,000")]
)  # fmt: skip
def test_a_bad_file_is_refused_and_the_list_in_use_stays(cast, tmp_path, name, said):
    before = load(listed(tmp_path, TESS))
    with pytest.raises(Refused, match=said):
        load(LEIE / name, allow_small=False)
    assert screenings.current().id == before.id
    assert ExcludedParty.select().count() == 1


def test_the_real_head_comes_in_when_a_person_says_it_may_be_small(cast):
    assert load(LEIE / "updated-real-head.csv").rows == 5
    assert ExcludedParty.get(ExcludedParty.business.contains("101 FIRST")).npi == "1972902351"
    assert ExcludedParty.select().where(ExcludedParty.npi == "0000000000").count() == 0


def test_a_list_that_fails_half_way_changes_nothing(cast, tmp_path, monkeypatch):
    before = load(listed(tmp_path, TESS))
    path = listed(tmp_path, *OTHERS)
    found = screenings.exclusions.survey(path, "leie")
    path.write_bytes(path.read_bytes() + line("X", "Y").encode() + b"\r\n")
    snapshot = screenings._received("leie", None, True, MACHINE, NOW)
    with pytest.raises(Refused, match="changed while it was read"):
        screenings._replace(snapshot, path, found, by=MACHINE, now=NOW)
    assert [row.snapshot_id for row in ExcludedParty.select()] == [before.id]


def test_the_same_file_again_does_not_make_the_list_younger(cast, tmp_path):
    load(listed(tmp_path, TESS))
    with pytest.raises(Refused, match="in use since"):
        load(listed(tmp_path, TESS), now=NOW + timedelta(days=30))


def test_a_list_of_tomorrow_and_one_nobody_knows_are_refused(cast, tmp_path):
    with pytest.raises(Refused, match="still to come"):
        load(listed(tmp_path, TESS), made_on=TODAY + timedelta(days=2))
    with pytest.raises(Refused, match="no list"):
        load(listed(tmp_path, TESS), name="oig")


def test_lists_stand_beside_each_other(cast, tmp_path):
    load(listed(tmp_path, *OTHERS))
    other = tmp_path / "tx.csv"
    other.write_text("Last Name,First Name,DOB\nTran,Tess,06/07/1985\n")
    load(other, name="state-tx")
    screenings.screen(by=MACHINE, now=NOW)
    assert the_hit(cast.tess).list == "state-tx"
    assert [one["list"] for one in Screening.get().lists] == ["leie", "state-tx"]


def send(client, path: Path, **given):
    with path.open("rb") as file:
        return client.post(
            "/screenings/lists", data={"list": "leie", "file": (io.BytesIO(file.read()), "U.csv"), **given}
        )


def test_an_uploaded_list_is_loaded_by_the_worker_and_everybody_is_screened(client_for, cast, tmp_path):
    client = client_for(cast.olive)
    answer = send(client, listed(tmp_path, TESS), allow_small="y")
    assert answer.status_code == 303
    page = client.get(answer.location)
    assert b"checked and loaded" in page.data
    assert tasks.work_off() == 2
    page = client.get(answer.location).get_data(as_text=True)
    assert "hx-get" not in page
    assert screenings.current().sha256 in page
    assert Screening.get().done_at is not None
    assert not list((models.SETTINGS.data / "lists").glob("*.csv"))


def test_a_small_upload_waits_for_a_confirming_tick(client_for, cast):
    client = client_for(cast.olive)
    answer = send(client, LEIE / "updated-real-head.csv")
    tasks.work_off()
    page = client.get(answer.location).get_data(as_text=True)
    assert "at least 70,000" in page
    assert screenings.current() is None
    client.post(f"{answer.location}/confirmation")
    tasks.work_off()
    assert screenings.current().rows == 5


@pytest.mark.parametrize("name", ["bad-column-order.csv", "bad-header-only.csv"])
def test_a_bad_upload_is_refused_for_good(client_for, cast, name):
    client = client_for(cast.olive)
    answer = send(client, LEIE / name, allow_small="y")
    tasks.work_off()
    assert "was not loaded" in client.get(answer.location).get_data(as_text=True)
    assert client.post(f"{answer.location}/confirmation").status_code == 422
    assert screenings.current() is None
    assert Job.select().where(Job.state != "done").count() == 0


# Screening


def test_everybody_is_screened_whether_or_not_somebody_thought_of_it(screened):
    names = {one.called for one in screenings.parties()}
    assert {one.name for one in Person.select()} | {screened.surgeon.name} == names
    assert Screened.select().count() == len(names)


def test_a_name_alone_is_a_possible_hit_that_a_person_decides(screened):
    hit = the_hit(screened.tess)
    assert (hit.tier, hit.state) == ("C", "open")
    standing = screenings.screened(screened.tess, TODAY)
    assert (standing.state, standing.blocks) == ("review", False)
    assert screenings.screened(screened.pia, TODAY).state == "clear"


def test_with_the_same_birth_date_the_hit_is_surer_and_blocks(screened):
    screenings.decide(the_hit(screened.tess), what="cleared", reason="Another Tess Tran, in Texas", evidence="", by=actor(screened.olive), now=NOW)  # fmt: skip
    know(screened.tess, dob="1985-06-07")
    screenings.screen(by=MACHINE, now=NOW + timedelta(minutes=1))
    assert (the_hit(screened.tess).tier, the_hit(screened.tess).state) == ("B", "open")
    assert screenings.screened(screened.tess, TODAY).blocks


def test_only_a_differing_full_birth_date_dismisses_and_it_is_logged(screened):
    know(screened.tess, dob="1990-11-28")
    screenings.screen(by=MACHINE, now=NOW + timedelta(minutes=1))
    assert screenings.open_hits(screened.tess) == []
    decision = Decision.get()
    assert (decision.what, decision.by, decision.list_sha256) == ("dismissed", None, screenings.current().sha256)
    result = Screened.select().where(Screened.party == party(screened.tess)).order_by(Screened.id.desc()).first()
    assert [one["name"] for one in result.dismissed] == ["TRAN, TESS"]
    assert AuditEntry.select().where(AuditEntry.action == "dismissed").count() == 1


def test_what_a_birth_date_dismissed_comes_back_when_the_date_was_wrong(screened):
    know(screened.tess, dob="1990-11-28")
    screenings.screen(by=MACHINE, now=NOW + timedelta(minutes=1))
    know(screened.tess, dob="")
    screenings.screen(by=MACHINE, now=NOW + timedelta(minutes=2))
    assert the_hit(screened.tess).state == "open"


def test_a_cleared_hit_stays_cleared_next_month_and_a_changed_row_does_not(screened, tmp_path):
    screenings.decide(the_hit(screened.tess), what="cleared", reason="Another Tess Tran, in Texas", evidence="", by=actor(screened.olive), now=NOW)  # fmt: skip
    load(listed(tmp_path, TESS, OTHERS[0]), now=NOW + timedelta(days=30))
    assert screenings.screen(by=MACHINE, now=NOW + timedelta(days=30)).hits == 0
    load(listed(tmp_path, TESS.replace("CHICAGO", "PEORIA")), now=NOW + timedelta(days=60))
    assert screenings.screen(by=MACHINE, now=NOW + timedelta(days=60)).hits == 1


def test_a_maiden_name_is_searched_too(cast, tmp_path):
    load(listed(tmp_path, line("QUILL", "TERESA", "19850607")))
    screenings.enroll(now=NOW)
    know(cast.tess, aliases=["Tess Quill"], dob="1985-06-07")
    screenings.screen(by=MACHINE, now=NOW)
    assert the_hit(cast.tess).tier == "B"


def test_a_zero_npi_matches_nobody(cast, tmp_path):
    load(listed(tmp_path, line("NOBODY", "NONE", npi="0000000000")))
    Person.update(npi="0000000000").execute()
    Surgeon.update(npi="0000000000").execute()
    assert screenings.screen(by=MACHINE, now=NOW).hits == 0


def test_a_surgeons_npi_and_a_surgeons_entity_count_as_the_surgeons(cast, tmp_path):
    load(listed(tmp_path, line("OTHER", "NAME", npi=cast.surgeon.npi), line(business="SPINE HOLDINGS LLC")))
    screenings.add_firm(name="Spine Holdings Inc", kind="entity", surgeon=cast.surgeon, aliases=[], npi="", states=["IL"], by=actor(cast.olive), now=NOW)  # fmt: skip
    screenings.screen(by=MACHINE, now=NOW)
    assert [hit.tier for hit in screenings.open_hits(cast.surgeon)] == ["A", "F"]
    assert screenings.screened(cast.surgeon, TODAY).blocks


def test_a_row_that_is_gone_clears_nothing_by_itself(screened, client_for, tmp_path):
    load(listed(tmp_path, *OTHERS), now=NOW + timedelta(days=30))
    screenings.screen(by=MACHINE, now=NOW + timedelta(days=30))
    hit = the_hit(screened.tess)
    assert "did not find this row any more" in client_for(screened.olive).get(f"/hits/{hit.id}").get_data(as_text=True)


# Decisions


def test_a_confirmed_hit_stops_work_and_says_since_when(screened):
    screenings.decide(the_hit(screened.tess), what="confirmed", reason="Verified by SSN online", evidence="OIG 1", by=actor(screened.olive), now=NOW)  # fmt: skip
    standing = screenings.screened(screened.tess, TODAY)
    assert (standing.state, standing.blocks) == ("hit", True)
    assert "No work, no claims" in standing.objections[0]
    assert screenings.excluded_since(screened.tess) == "2020-01-20"


@pytest.mark.parametrize(
    "what, reason", [("", "A good reason it is"), ("dismissed", "A good reason it is"), ("cleared", "no")]
)
def test_a_decision_needs_a_choice_and_a_reason(screened, what, reason):
    with pytest.raises(Refused):
        screenings.decide(
            the_hit(screened.tess), what=what, reason=reason, evidence="", by=actor(screened.olive), now=NOW
        )


def test_a_probable_hit_is_cleared_with_evidence_alone(screened):
    know(screened.tess, dob="1985-06-07")
    screenings.screen(by=MACHINE, now=NOW)
    with pytest.raises(Refused, match="evidence"):
        screenings.decide(the_hit(screened.tess), what="cleared", reason="It is another person", evidence="", by=actor(screened.olive), now=NOW)  # fmt: skip


def test_the_machine_decides_nothing(screened):
    with pytest.raises(Refused, match="A person decides"):
        screenings.decide(the_hit(screened.tess), what="cleared", reason="It is another person", evidence="x", by=MACHINE, now=NOW)  # fmt: skip


def test_nobody_decides_on_their_own_hit(cast, client_for, tmp_path):
    load(listed(tmp_path, line("OWENS", "OLIVE", "19850607")))
    screenings.screen(by=MACHINE, now=NOW)
    hit = the_hit(cast.olive)
    client = client_for(cast.olive)
    assert "somebody else decides" in client.get(f"/hits/{hit.id}").get_data(as_text=True)
    sent = {"what": "cleared", "reason": "That is not me at all", "evidence": "x"}
    assert client.post(f"/hits/{hit.id}/decisions", data=sent).status_code == 422
    assert Hit.get_by_id(hit.id).state == "open"


def test_the_hit_page_shows_both_sides_and_keeps_the_decision(screened, client_for):
    client, hit = client_for(screened.olive), the_hit(screened.tess)
    page = client.get(f"/hits/{hit.id}").get_data(as_text=True)
    assert "TRAN, TESS" in page
    assert "A birth date is missing" in page
    bad = client.post(f"/hits/{hit.id}/decisions", data={"what": "cleared", "reason": "short"})
    assert bad.status_code == 422
    sent = {"what": "cleared", "reason": "Another person: lives in Texas", "evidence": "OIG search 12"}
    assert client.post(f"/hits/{hit.id}/decisions", data=sent).status_code == 303
    decision = Decision.get()
    assert (decision.what, decision.by, decision.evidence) == ("cleared", screened.olive.id, "OIG search 12")
    assert decision.list_sha256 == screenings.current().sha256
    assert screenings.screened(screened.tess, TODAY).state == "clear"


# Dates


def test_an_old_list_is_said_and_is_an_objection(screened):
    assert screenings.notice(TODAY + timedelta(days=31)) == ""
    assert "32 days old" in screenings.notice(TODAY + timedelta(days=32))
    assert "32 days old" in screenings.screened(screened.pia, TODAY + timedelta(days=32)).objections[0]


def test_without_a_list_nobody_counts_as_screened(cast):
    assert "No exclusion list" in screenings.notice(TODAY)
    assert screenings.screened(cast.tess, TODAY).state == "never"
    with pytest.raises(Refused, match="Load one first"):
        screenings.ask(by=MACHINE, now=NOW)


def test_a_new_person_a_new_list_and_a_new_month_each_need_a_screening(screened, tmp_path):
    assert not screenings.needed(TODAY)
    assert not screenings.needed(date(2026, 10, 10))
    assert screenings.needed(date(2026, 10, 11))
    Surgeon.create(name="New Surgeon")
    assert screenings.needed(TODAY)
    screenings.screen(by=MACHINE, now=NOW + timedelta(minutes=1))
    assert not screenings.needed(TODAY)
    load(listed(tmp_path, *OTHERS))
    assert screenings.needed(TODAY)


def test_the_nightly_slot_screens_who_is_not_screened(screened):
    Surgeon.create(name="New Surgeon")
    jobs.slot(now=datetime.now(UTC))
    run = Run.get(Run.name == "exclusions_nightly")
    effect = tasks.WORK["exclusions_nightly"](run.id)
    effect()
    assert Screening.select().where(Screening.done_at.is_null()).count() == 1
    assert Run.get_by_id(run.id).done_at is not None


# Download


@pytest.fixture
def oig(tmp_path, monkeypatch):
    """A server on this machine that plays the OIG's: what it answers is set by the test."""
    state = {"body": b"", "announced": None, "status": 200}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(state["status"])
            self.send_header("Content-Length", str(state["announced"] or len(state["body"])))
            self.send_header("Last-Modified", "Tue, 11 Aug 2026 10:00:00 GMT")
            self.end_headers()
            self.wfile.write(state["body"])

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/UPDATED.csv"
    object.__setattr__(models.SETTINGS, "exclusions_url", url)
    yield state
    object.__setattr__(models.SETTINGS, "exclusions_url", "")
    server.shutdown()
    server.server_close()


def test_a_downloaded_list_is_dated_by_its_publisher_and_checked_like_any_other(cast, oig, tmp_path):
    oig["body"] = listed(tmp_path, TESS).read_bytes()
    tasks._download_exclusions()
    tasks.work_off()
    snapshot = Snapshot.get()
    assert snapshot.made_on == date(2026, 8, 11)
    assert "at least 70,000" in snapshot.refused


@pytest.mark.parametrize(
    "change, said", [({"announced": 10**6}, "downloaded"), ({"status": 302}, "302"), ({"status": 503}, "503")]
)
def test_half_a_download_is_no_list(cast, oig, tmp_path, change, said):
    oig.update({"body": listed(tmp_path, TESS).read_bytes(), **change})
    with pytest.raises(Refused, match=said):
        tasks._download_exclusions()
    assert Snapshot.select().count() == 0


# Certificates and pages


def words(document: Document) -> str:
    from actions import documents

    return " ".join(page.extract_text() for page in PdfReader(io.BytesIO(documents.read(document))).pages)


def test_a_certificate_names_the_list_its_hash_and_the_names_searched(screened, client_for):
    client = client_for(screened.olive)
    know(screened.tess, aliases=["Tess Quill"])
    screenings.screen(by=MACHINE, now=NOW + timedelta(minutes=1))
    result = screenings.last_result(party(screened.tess), TODAY)
    answer = client.post(f"/screenings/results/{result.id}/certificate")
    assert "being made" in client.get(answer.location).get_data(as_text=True)
    tasks.work_off()
    document = screenings.certified(result)
    said = words(document).replace("\n", "")
    assert screenings.current().sha256 in said.replace(" ", "")
    assert "Tess Quill" in said
    assert "Pia Park" not in said
    assert "Not decided yet" in said
    assert f"/documents/{document.id}" in client.get(answer.location).get_data(as_text=True)
    assert client.get(f"/documents/{document.id}").mimetype == "application/pdf"


def test_a_decision_makes_a_new_certificate(screened, client_for):
    run = Screening.get()
    screenings.ask_for_certificate(run, by=actor(screened.olive), now=NOW)
    tasks.work_off()
    before = screenings.certified(run)
    assert before
    screenings.decide(the_hit(screened.tess), what="cleared", reason="Another Tess Tran, in Texas", evidence="", by=actor(screened.olive), now=NOW)  # fmt: skip
    assert screenings.certified(run) is None
    screenings.ask_for_certificate(run, by=actor(screened.olive), now=NOW)
    tasks.work_off()
    assert "Cleared by Olive Owens" in words(screenings.certified(run)).replace("\n", " ")


def test_the_page_shows_everybody_and_filters(screened, client_for):
    client = client_for(screened.olive)
    page = client.get("/screenings").get_data(as_text=True)
    assert "Pia Park" in page
    assert "To decide" in page
    shown = client.get("/screenings?show=review").get_data(as_text=True)
    assert "Pia Park" not in shown.split("Everybody</h2>")[1]


def test_the_owner_screens_from_the_page(screened, client_for):
    client = client_for(screened.olive)
    answer = client.post("/screenings")
    assert "being searched" in client.get(answer.location).get_data(as_text=True)
    tasks.work_off()
    assert "screened, 1 hit to decide" in client.get(answer.location).get_data(as_text=True)


def test_what_is_known_of_a_party_is_kept_or_refused_beside_the_form(screened, client_for):
    client, tess = client_for(screened.olive), party(screened.tess)
    url = f"/screenings/parties/{tess.id}"
    assert client.post(url, data={"dob": "4/2/70"}).status_code == 422
    assert client.post(url, data={"states": "Illinois"}).status_code == 422
    assert client.post(url, data={"npi": "1245319590"}).status_code == 422
    sent = {"aliases": "Tess Quill\nT. Tran", "dob": "1985-06-07", "states": "il, wi"}
    assert client.post(url, data=sent).status_code == 303
    kept = Party.get_by_id(tess.id)
    assert (kept.aliases, kept.dob, kept.states) == (["Tess Quill", "T. Tran"], "1985-06-07", ["IL", "WI"])
    assert (
        "1985-06-07"
        not in AuditEntry.select().where(AuditEntry.noun == "party").order_by(AuditEntry.seq.desc()).get().detail
    )


def test_names_that_nothing_else_speaks_for_are_looked_through_in_one_decision(screened, client_for, tmp_path):
    rows = (TESS, line("TRAN", "TESS", "19700402", state="TX"), line("TRAN", "TESS", state="OH"))
    load(listed(tmp_path, *rows, *OTHERS), now=NOW + timedelta(minutes=1))
    screenings.screen(by=MACHINE, now=NOW + timedelta(minutes=1))
    found = screenings.open_hits(screened.tess)
    assert [(hit.state, hit.together) for hit in found] == [("open", True)] * 3
    standing = screenings.screened(screened.tess, TODAY)
    assert (standing.state, standing.blocks) == ("review", False)
    assert standing.objections == ("3 names on the exclusion list wait to be looked through for Tess Tran, in one decision.",)  # fmt: skip
    client, url = client_for(screened.olive), f"/screenings/parties/{party(screened.tess).id}"
    assert "Tess Tran, 3 names on the list" in client.get("/screenings").get_data(as_text=True)
    assert "1 to look through" in client.get("/").get_data(as_text=True)
    page = client.get(url).get_data(as_text=True)
    assert "2 of 3 hold a birth date" in page
    shown = {"hit": [found[0].id, found[1].id, 999]}
    assert client.post(f"{url}/clearance", data={**shown, "why": ""}).status_code == 422
    assert client.post(f"{url}/clearance", data={**shown, "why": "short"}).status_code == 422
    assert not Decision.select().exists()
    sent = {**shown, "why": "She never left Illinois and is no nurse"}
    assert client.post(f"{url}/clearance", data=sent).status_code == 303
    assert {(one.what, one.by, one.reason) for one in Decision.select()} == {
        ("cleared", screened.olive.id, sent["why"])
    }
    assert [hit.id for hit in screenings.open_hits(screened.tess)] == [found[2].id], "what was not on the page stays"
    assert AuditEntry.select().where(AuditEntry.action == "cleared", AuditEntry.noun == "hit").count() == 2


def test_nobody_looks_through_their_own_names(cast, client_for, tmp_path):
    load(listed(tmp_path, line("OWENS", "OLIVE", state="TX"), line("OWENS", "OLIVE", state="OH")))
    screenings.screen(by=MACHINE, now=NOW)
    client, url = client_for(cast.olive), f"/screenings/parties/{party(cast.olive).id}"
    assert "somebody else decides" in client.get(url).get_data(as_text=True)
    ids = [hit.id for hit in screenings.open_hits(cast.olive)]
    assert client.post(f"{url}/clearance", data={"hit": ids, "why": "I am none of these people"}).status_code == 422
    assert not Decision.select().exists()


def test_what_was_cleared_among_names_and_is_surer_later_is_asked_by_itself(screened, tmp_path):
    load(listed(tmp_path, TESS, TESS.replace("CHICAGO", "PEORIA")), now=NOW + timedelta(minutes=1))
    screenings.screen(by=MACHINE, now=NOW + timedelta(minutes=1))
    ids = [hit.id for hit in screenings.together(party(screened.tess))]
    screenings.clear_together(
        party(screened.tess), ids, reason="Neither is our Tess", by=actor(screened.olive), now=NOW
    )
    assert screenings.open_hits(screened.tess) == []
    know(screened.tess, dob="1985-06-07")
    screenings.screen(by=MACHINE, now=NOW + timedelta(minutes=2))
    assert [(hit.tier, hit.together) for hit in screenings.open_hits(screened.tess)] == [("B", False)] * 2


def test_a_surgeon_is_no_nurse(cast, tmp_path):
    first, last = cast.surgeon.name.removeprefix("Dr. ").split()[:2]
    load(listed(tmp_path, line(last.upper(), first.upper()).replace('"RN"', '"NURSE/NURSES AIDE"')))
    screenings.screen(by=MACHINE, now=NOW)
    assert [hit.together for hit in screenings.open_hits(cast.surgeon)] == [True]


def test_a_firm_is_added_and_ended_a_person_is_not(screened, client_for):
    client = client_for(screened.olive)
    answer = client.post(
        "/screenings/parties", data={"name": "Best Care LLC", "kind": "vendor", "surgeon": "0", "states": "IL"}
    )
    assert answer.status_code == 303
    screenings.screen(by=MACHINE, now=NOW + timedelta(minutes=1))
    assert "BEST CARE, INC" in client.get(answer.location).get_data(as_text=True)
    assert client.post(f"{answer.location}/ending").status_code == 303
    assert client.post(f"/screenings/parties/{party(screened.tess).id}/ending").status_code == 422


def test_an_auditor_reads_and_a_technologist_does_not(screened, client_for):
    Person.update(roles=["auditor"]).where(Person.id == screened.bo.id).execute()
    client = client_for(screened.bo)
    for url in ("/screenings", "/screenings/lists", f"/hits/{the_hit(screened.tess).id}", "/screenings/1"):
        page = client.get(url)
        assert page.status_code == 200
        assert b"Screen now" not in page.data
        assert b"Keep the decision" not in page.data
    assert client_for(screened.tess).get("/screenings").status_code == 403


# Cases and Today


def test_an_old_list_shows_on_today_and_on_every_open_case(cast, client_for):
    case = the_cast.book(cast)
    for person in (cast.olive, cast.tess):
        client = client_for(person)
        for url in ("/", f"/cases/{case.id}"):
            assert "No exclusion list is loaded" in client.get(url).get_data(as_text=True)


def test_a_confirmed_exclusion_holds_cases_from_its_first_day_on(screened, client_for):
    now_, before = the_cast.book(screened), the_cast.book(screened, date_of_service=date(2020, 1, 19))
    assert screenings.obstacles(now_) == []
    screenings.decide(the_hit(screened.tess), what="confirmed", reason="Verified by SSN online", evidence="OIG 1", by=actor(screened.olive), now=NOW)  # fmt: skip
    assert screenings.obstacles(now_) == ["Tess Tran is excluded since 2020-01-20 (OIG LEIE)."]
    assert screenings.obstacles(before) == []
    assert "excluded since" in client_for(screened.olive).get(f"/cases/{now_.id}").get_data(as_text=True)
    assert "excluded since" not in client_for(screened.pia).get(f"/cases/{now_.id}").get_data(as_text=True)


def test_a_probable_hit_is_an_obstacle_before_anybody_looked(screened):
    know(screened.tess, dob="1985-06-07")
    screenings.screen(by=MACHINE, now=NOW)
    assert "the owner has to decide first" in screenings.obstacles(the_cast.book(screened))[0]


def test_whoever_was_not_screened_this_month_is_assigned_by_the_owners_reason_alone(screened, client_for, monkeypatch):
    late = NOW + timedelta(days=80)
    monkeypatch.setattr("views.cases.now", lambda: late)
    monkeypatch.setattr("views.credentials.now", lambda: late)
    case = the_cast.book(screened, people=False, date_of_service=late.date() + timedelta(days=60))
    client, who = client_for(screened.olive), {"who": f"{screened.pia.id}.physician"}
    refused = client.post(f"/cases/{case.id}/assignments", data=who)
    page = refused.get_data(as_text=True)
    assert refused.status_code == 422
    assert "The exclusion list is 80 days old" in page
    assert "Pia Park was last screened on" in page
    sent = who | {"reason": "The list is being downloaded"}
    assert client.post(f"/cases/{case.id}/overrides", data=sent).status_code == 303
    kept = Override.get()
    assert (kept.objections, kept.by) == ({"screening": "expired"}, screened.olive.id)
    assert "Exclusion screening" in AuditEntry.get(AuditEntry.action == "override").detail
    case_page = client.get(f"/cases/{case.id}").get_data(as_text=True)
    assert "80 days old" in case_page
    assert "Pia Park was last screened on" in case_page


def test_a_case_far_ahead_is_judged_by_todays_screening(screened):
    case = the_cast.book(screened, people=False, date_of_service=TODAY + timedelta(days=90))
    cases.assign(case, screened.pia, "physician", by=actor(screened.olive), now=NOW)


def test_a_practice_without_a_list_assigns_and_each_case_says_so(cast):
    case = the_cast.book(cast, people=False)
    cases.assign(case, cast.pia, "physician", by=actor(cast.olive), now=NOW)
    assert screenings.said_of(case, on=TODAY, whole=False) == [screenings.notice(TODAY)]


# Commands


def run(app, *words: str):
    return app.test_cli_runner().invoke(args=["exclusions", *words])


def test_the_commands_load_screen_and_certify(app, cast, tmp_path):
    path = listed(tmp_path, TESS)
    refused = run(app, "load", str(path))
    assert refused.exit_code == 2
    assert "at least 70,000" in refused.output
    assert "OIG LEIE: 1 row" in run(app, "load", str(path), "--allow-small").output
    said = run(app, "screen").output
    assert "review\tperson\tTess Tran" in said
    assert "1 hit to decide" in said
    out = tmp_path / "c.pdf"
    assert run(app, "certificate", "--out", str(out)).exit_code == 0
    assert out.read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("name", ["bad-column-order.csv", "bad-header-only.csv", "gone.csv"])
def test_a_command_says_in_a_sentence_why_a_file_is_refused(app, cast, name):
    refused = run(app, "load", str(LEIE / name), "--allow-small")
    assert refused.exit_code == 2
    assert "Traceback" not in refused.output


def test_an_excluded_person_is_not_assigned_whatever_the_reason(screened):
    case = the_cast.book(screened, people=False)
    screenings.decide(the_hit(screened.tess), what="confirmed", reason="Verified by SSN online", evidence="OIG 1", by=actor(screened.olive), now=NOW)  # fmt: skip
    with pytest.raises(Refused, match="excluded since"):
        cases.assign(case, screened.tess, "technologist", by=actor(screened.olive), now=NOW, override="short of people")
    assert not case.assignments.exists()


def test_a_standing_exclusion_blocks_the_packet(screened):
    case = the_cast.load(screened, "02")
    screenings.decide(the_hit(screened.tess), what="confirmed", reason="Verified by SSN online", evidence="OIG 1", by=actor(screened.olive), now=NOW)  # fmt: skip
    blocking = {finding.id: finding.message for finding in weighing.weigh(case).blocking}
    assert "is excluded since" in blocking["EXC-01"]


def test_a_claim_says_who_was_not_screened_in_time_and_is_not_held_for_it(cast, tmp_path):
    case = the_cast.load(cast, "02")

    def said() -> list[str]:
        weighed = weighing.weigh(case)
        assert not any(finding.id.startswith("EXC") for finding in weighed.blocking)
        return [finding.message for finding in weighed.findings if finding.id == "EXC-02"]

    assert said() == ["No exclusion list is loaded, so nobody is screened."]
    load(listed(tmp_path, *OTHERS))
    assert any("Tess Tran was never screened" in one for one in said())
