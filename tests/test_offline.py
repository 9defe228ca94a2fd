"""What a phone sends late, twice, out of order or with a wrong clock becomes one true record; what it holds is its own."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta
from io import BytesIO

import msgspec
import pytest

from actions import Actor, offline, reports
from models import AuditEntry, Case, Entry, ProposedAddendum, Session
from tests.cast import book, load

NOW = datetime(2026, 9, 1, 15, 0, tzinfo=UTC)


def stamp(kind: str, data: dict | None = None, *, at: datetime | None = NOW, **more) -> dict:
    """An entry as the phone writes it: stamped by the tap that keyed it."""
    moment = at.isoformat() if at else None
    return {
        "client_id": str(uuid.uuid4()), "kind": kind, "data": data or {}, "at": moment,
        "entered_at": moment or NOW.isoformat(), "offset_ms": 0, "device": "phone-1", "replaces": None, **more,
    }  # fmt: skip


ARRIVE = ("milestone", {"what": "tech_arrive"})


def send(client, case: Case, *entries: dict, status: int = 200) -> dict:
    answer = client.post(f"/cases/{case.id}/entries", json={"entries": list(entries)})
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.get_json()


def states(answer: dict) -> list[str]:
    return [one["state"] for one in answer["outcomes"]]


@pytest.fixture
def tess(client_for, cast):
    return client_for(cast.tess)


@pytest.fixture
def case(cast):
    return book(cast)


def test_what_is_sent_twice_is_there_once(tess, case):
    entry = stamp(*ARRIVE)
    assert states(send(tess, case, entry)) == ["accepted"]
    assert states(send(tess, case, entry, stamp(*ARRIVE))) == ["known", "accepted"]
    assert Entry.select().where(Entry.client_id == entry["client_id"]).count() == 1


def test_a_second_sending_with_another_measure_of_the_clock_is_the_same_entry(tess, case):
    entry = stamp(*ARRIVE, offset_ms=10_800_000)
    send(tess, case, entry)
    again = send(tess, case, {**entry, "offset_ms": 10_801_500})
    assert states(again) == ["known"]


def test_one_refused_entry_takes_no_other_with_it(tess, case):
    wrong = stamp("closing_value", {"ref": "nothing", "status": "quiet"})
    good = stamp(*ARRIVE)
    answer = send(tess, case, wrong, good, {"kind": "event"}, "nonsense", stamp("modality", {"code": "XYZ"}))
    assert states(answer) == ["refused", "accepted", "refused", "refused", "refused"]
    assert all(one["reasons"] for one in answer["outcomes"] if one["state"] == "refused")


def test_any_order_of_arrival_gives_the_same_facts(tess, case):
    first = stamp(*ARRIVE)
    second = stamp(*ARRIVE, replaces=first["client_id"], at=NOW - timedelta(minutes=5), entered_at=NOW.isoformat())
    third = stamp("struck", at=NOW, replaces=second["client_id"])
    for entry in (third, second, first):
        assert states(send(tess, case, entry)) == ["accepted"]
    assert case.facts().time.tech_arrive is None


@pytest.mark.parametrize("hours", [3, -3])
def test_a_phone_clock_three_hours_wrong_is_corrected_and_said(tess, case, hours):
    wrong = NOW - timedelta(hours=hours)
    answer = send(tess, case, stamp(*ARRIVE, at=wrong, offset_ms=hours * 3_600_000))
    row = Entry.get(Entry.kind == "milestone")
    assert (row.at, row.entered_at, row.offset_ms) == (NOW, NOW, hours * 3_600_000)
    assert case.facts().time.tech_arrive == NOW
    assert "corrected" in answer["outcomes"][0]["clock"]
    assert (
        f"phone clock 3 h 0 min {'behind' if hours > 0 else 'ahead'}, corrected"
        in tess.get(f"/cases/{case.id}/record").text
    )


def test_a_time_that_was_typed_is_not_moved_with_the_clock(tess, case):
    typed = NOW - timedelta(hours=2)
    send(tess, case, stamp(*ARRIVE, at=typed, entered_at=(NOW - timedelta(hours=3)).isoformat(), offset_ms=10_800_000))
    row = Entry.get(Entry.kind == "milestone")
    assert (row.at, row.entered_at) == (typed, NOW)


def test_a_correction_keeps_the_time_that_was_corrected_before(tess, case):
    """The phone does not know yet that its clock is wrong when it corrects its own entry."""
    wrong, offset = NOW - timedelta(hours=3), 10_800_000
    begun = stamp("baseline_set", {"start": wrong.isoformat()}, at=None, entered_at=wrong.isoformat(), offset_ms=offset)
    end = wrong + timedelta(minutes=10)
    ended = stamp(
        "baseline_set", {"start": wrong.isoformat(), "end": end.isoformat()}, at=None, entered_at=end.isoformat(),
        offset_ms=offset, replaces=begun["client_id"],
    )  # fmt: skip
    send(tess, case, begun)
    send(tess, case, ended)
    [one] = case.facts().baselines.sets
    assert (one.start, one.end) == (NOW, NOW + timedelta(minutes=10))


def test_two_people_who_correct_the_same_entry_are_both_kept(tess, case, cast):
    first = stamp(*ARRIVE)
    send(tess, case, first)
    for minutes in (5, 9):
        send(
            tess,
            case,
            stamp(
                *ARRIVE, replaces=first["client_id"], at=NOW - timedelta(minutes=minutes), entered_at=NOW.isoformat()
            ),
        )
    assert len(case.facts().conflicts) == 1


def test_a_signed_case_says_so_and_the_entries_become_a_proposed_addendum(tess, client_for, cast):
    case = load(cast, "01")
    early = stamp(*ARRIVE)
    reports.draft(case, by=Actor(person=cast.tess), now=NOW)
    Case.update(signed_at=NOW).where(Case.id == case.id).execute()
    answer = send(tess, case, early)
    assert answer["signed"] and [one["code"] for one in answer["outcomes"]] == ["signed"]
    proposed = tess.post(f"/cases/{case.id}/proposals", json={"entries": [early]})
    assert proposed.get_json()["kept"] == [early["client_id"]]
    tess.post(f"/cases/{case.id}/proposals", json={"entries": [early]})
    [kept] = ProposedAddendum.select()
    assert kept.words == "In the room" and kept.proposed_by == cast.tess
    pia = client_for(cast.pia)
    assert "In the room" in pia.get(f"/cases/{case.id}/addenda").text
    assert pia.post(f"/proposals/{kept.id}/settlement").status_code == 303
    assert ProposedAddendum.get().settled_by == cast.pia.id


def test_an_open_case_takes_entries_and_no_proposals(tess, case):
    assert tess.post(f"/cases/{case.id}/proposals", json={"entries": [stamp(*ARRIVE)]}).status_code == 422


def test_a_stranger_sends_nothing_and_holds_nothing(client_for, cast, case):
    stan = client_for(cast.stan)
    assert stan.post(f"/cases/{case.id}/entries", json={"entries": [stamp(*ARRIVE)]}).status_code == 404
    assert stan.get("/offline/cases").get_json()["cases"] == []
    assert Entry.select().where(Entry.kind == "milestone").count() == 0


def test_a_physician_makes_only_a_physicians_entries(client_for, cast, case):
    answer = send(client_for(cast.pia), case, stamp(*ARRIVE))
    assert [one["code"] for one in answer["outcomes"]] == ["not-yours"]


def test_the_phone_holds_my_open_cases_and_those_of_the_next_seven_days(client_for, cast, monkeypatch):
    today = date(2026, 9, 1)
    monkeypatch.setattr("views.phone.now", lambda: NOW)
    kept = {
        "open": book(cast, date_of_service=today - timedelta(days=30)),
        "week": book(cast, date_of_service=today + timedelta(days=7)),
        "closed today": book(cast, date_of_service=today, closed_at=NOW, closed_by=1),
    }
    book(cast, date_of_service=today + timedelta(days=8))
    book(cast, date_of_service=today - timedelta(days=1), closed_at=NOW, closed_by=1)
    signed = book(cast, date_of_service=today)
    Case.update(signed_at=NOW).where(Case.id == signed.id).execute()
    book(cast, people=False)
    body = client_for(cast.tess).get("/offline/cases").get_json()
    assert {one["id"] for one in body["cases"]} == {one.id for one in kept.values()}
    assert AuditEntry.select().order_by(AuditEntry.seq.desc()).first().action == "view"


def test_an_owner_without_an_assignment_holds_none(client_for, cast, case):
    assert client_for(cast.olive).get("/offline/cases").get_json()["cases"] == []


def test_an_ended_session_answers_with_what_ended_it(tess, case, anyone):
    assert anyone.get("/offline/token").get_json() == {"code": "signed-out"}
    Session.update(expires_at=NOW - timedelta(days=900)).execute()
    assert (tess.get("/offline/token").status_code, tess.get("/offline/token").get_json()) == (
        401,
        {"code": "signed-out"},
    )
    Session.update(ended_at=NOW).execute()
    assert tess.get("/offline/token").get_json() == {"code": "revoked"}


def test_closing_travels_with_the_entries_and_refuses_with_the_list(tess, client_for, cast):
    case = load(cast, "01")
    [told] = send(tess, book(cast), stamp("close", {"status": "completed"}, at=None))["outcomes"]
    assert told["state"] == "refused" and any("Missing in the record" in one for one in told["reasons"])
    Case.update(closed_at=None, closed_by=None).where(Case.id == case.id).execute()
    close = stamp("close", {"status": "completed"}, at=None)
    assert states(send(tess, case, close)) == ["accepted"]
    assert states(send(tess, case, close)) == ["known"]
    assert Case.get_by_id(case.id).closed_at


def test_a_sending_that_is_none_is_refused_in_words(tess, case):
    assert tess.post(f"/cases/{case.id}/entries", data=b"[]", content_type="application/json").status_code == 422
    many = [stamp(*ARRIVE)] * (offline.MOST + 1)
    assert tess.post(f"/cases/{case.id}/entries", json={"entries": many}).status_code == 422


def test_a_sending_without_its_token_is_refused(tess, case):
    assert tess.post(f"/cases/{case.id}/entries", json={"entries": []}, csrf=False).status_code == 400


def test_the_page_of_the_phone_holds_no_patient(tess, cast):
    case = load(cast, "01")
    page = tess.get(f"/cases/{case.id}/phone").text
    assert "TESTPATIENT" not in page and "SYN-100001" not in page


def test_an_entry_that_was_taken_is_refused_under_another_content(tess, case):
    entry = stamp(*ARRIVE)
    send(tess, case, entry)
    assert states(send(tess, case, {**entry, "data": {"what": "setup_start"}})) == ["refused"]


def test_a_pile_of_open_records_never_keeps_out_the_newest_case(client_for, cast, monkeypatch):
    monkeypatch.setattr("views.phone.now", lambda: NOW)
    monkeypatch.setattr("views.phone.HELD", 3)
    old = [book(cast, date_of_service=date(2026, 8, day)) for day in (1, 2, 3, 4)]
    newest = book(cast, date_of_service=date(2026, 9, 1))
    held = [one["id"] for one in client_for(cast.tess).get("/offline/cases").get_json()["cases"]]
    assert held == [newest.id, old[3].id, old[2].id]


def test_a_case_that_the_phone_has_as_it_is_does_not_travel_again(tess, case):
    def held(have: str = "") -> list[dict]:
        return tess.get(f"/offline/cases?have={have}").get_json()["cases"]

    [first] = held()
    views = AuditEntry.select().where(AuditEntry.action == "view").count()
    assert held(f"0,{first['tag']}") == [{"id": case.id, "tag": first["tag"]}]
    assert AuditEntry.select().where(AuditEntry.action == "view").count() == views, "nothing was shown"
    send(tess, case, stamp(*ARRIVE))
    [changed] = held(first["tag"])
    assert changed["tag"] != first["tag"] and len(changed["entries"]) == len(first["entries"]) + 1


def load_saved(client, *entries: dict, body: bytes = b"") -> tuple[int, str]:
    """Load a file as a phone saves it."""
    body = body or msgspec.json.encode({"format": "evoked-entries/1", "saved_at": NOW.isoformat(), "entries": entries})
    answer = client.post("/saved-entries", data={"file": (BytesIO(body), "entries-not-sent.json")})
    said = answer.get_data(as_text=True) if answer.status_code != 303 else client.get("/me").get_data(as_text=True)
    return answer.status_code, said


def test_entries_that_a_phone_saved_come_in_by_their_file_once(tess, case):
    entry = {"case": case.id, **stamp(*ARRIVE, offset_ms=None)}
    assert load_saved(tess, entry)[0] == 303
    status, said = load_saved(tess, entry)
    assert status == 303 and "1 there already" in said
    assert Entry.select().where(Entry.client_id == entry["client_id"]).count() == 1


def test_saved_entries_of_a_signed_case_become_a_proposed_addendum(tess, case):
    Case.update(signed_at=NOW).where(Case.id == case.id).execute()
    status, said = load_saved(tess, {"case": case.id, **stamp(*ARRIVE)})
    assert status == 303 and "1 kept as a proposed addendum" in said
    assert ProposedAddendum.select().count() == 1


def test_a_saved_file_says_what_it_could_not_bring_in(client_for, cast, tess, case):
    wrong = {"case": case.id, **stamp("closing_value", {"ref": "nothing", "status": "quiet"})}
    good = {"case": case.id, **stamp(*ARRIVE)}
    status, said = load_saved(tess, wrong, good)
    assert status == 422 and f"Case {case.id}:" in said and "1 taken" in said
    assert load_saved(client_for(cast.stan), {"case": case.id, **stamp(*ARRIVE)})[0] == 422
    for body in (b"[]", b"\xff", b'{"format": "evoked-entries/1", "entries": [{}]}'):
        status, said = load_saved(tess, body=body)
        assert status == 422 and "not a file of entries saved by a phone" in said
