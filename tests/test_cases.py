"""Cases: booking, the list and search, the case page, who works on it, closing, files in and out."""

from __future__ import annotations

import io
import json
import re
from datetime import UTC, date, datetime, timedelta

import peewee as pw
import pytest

import models
from actions import Refused, cases, records, reports
from models import (
    Assignment,
    AuditEntry,
    Case,
    Entry,
    Facility,
    Patient,
    Payer,
    Preset,
    Report,
    Session,
    Signature,
    Surgeon,
)
from practice import presets, record
from tests.cast import NOW, actor, book, case_file, case_files, load


def text(answer) -> str:
    return answer.get_data(as_text=True)


def form(cast, **given):
    """What a person types to book a case."""
    return {
        "facility": cast.mercy.id, "date_of_service": "2026-09-04", "starts": "07:30", "or_room": "OR 4",
        "mrn": "SYN-300001", "name": "Testpatient, Rita", "dob": "1961-03-04", "sex": "F", "payer": cast.acme.id,
        "payer_class": "", "surgeon": cast.surgeon.id, "procedure": "ACDF C5-C7", "levels": "c5-c6, C6-C7", "side": "",
        "cpt": "22551, 22552", "diagnosis": "M50.121 Cervical disc disorder\nNeck pain", "structures": "spinal cord\nC6 root",
        "indication": "Cord at risk", "preop_exam": "Full strength", "requested_by": "Sam Sato, MD",
        "requested_on": "2026-08-30", "preset": 0, "technologist": cast.tess.id, "physician": cast.pia.id, **given,
    }  # fmt: skip


@pytest.fixture
def queries(monkeypatch):
    """Every statement that reaches the database, but transactions."""
    seen = []
    original = pw.Database.execute_sql

    def counted(self, sql, params=None):
        if not sql.startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "ROLLBACK")):
            seen.append(sql)
        return original(self, sql, params)

    monkeypatch.setattr(pw.SqliteDatabase, "execute_sql", counted)
    return seen


def rows_of_everything() -> dict[str, int]:
    """How many rows there are, but for signing in and the trail of reads."""
    return {model.__name__: model.select().count() for model in models.TABLES if model not in (AuditEntry, Session)}


# Booking


def test_booking_makes_a_case_with_its_people_and_opens_it(client_for, cast):
    answer = client_for(cast.olive).post("/cases", data=form(cast))
    case = Case.get()
    assert answer.status_code == 303
    assert answer.location == f"/cases/{case.id}"
    assert case.starts_at == datetime(2026, 9, 4, 12, 30, tzinfo=UTC), "7:30 on the wall in Chicago"
    assert (case.patient.name, case.payer_class, case.levels) == ("TESTPATIENT, RITA", "commercial", ["C5-C6", "C6-C7"])
    assert case.diagnosis == [
        {"text": "Cervical disc disorder", "icd10": "M50.121"},
        {"text": "Neck pain", "icd10": None},
    ]
    assert {(one.person_id, one.role) for one in case.assignments} == {
        (cast.tess.id, "technologist"),
        (cast.pia.id, "physician"),
    }
    facts = case.facts()
    assert [one.name for one in facts.staff.technologists] == ["Tess Tran"]
    assert [one.name for one in facts.staff.physicians] == ["Pia Park, MD"]
    assert case.state == "booked"


def test_a_preset_fills_structure_and_never_a_measurement(client_for, cast):
    preset = Preset.create(**presets.defaults()[0])
    client_for(cast.olive).post("/cases", data=form(cast, preset=preset.id, structures=""))
    case = Case.get()
    facts = case.facts()
    assert facts.modalities
    assert facts.alert_criteria
    assert case.structures == preset.structures
    assert not any(row.lat_ms or row.amp_uv or row.quality for row in facts.baselines.rows)
    assert not facts.stated
    assert case.state == "booked"


def test_a_known_mrn_alone_finds_the_patient(client_for, cast):
    known = book(cast).patient
    client_for(cast.olive).post("/cases", data=form(cast, mrn=known.mrn, name="", dob="", sex="U"))
    assert Case.select().order_by(Case.id.desc()).first().patient == known
    assert Patient.select().count() == 1


def test_one_mrn_for_two_people_of_a_facility_is_refused_and_what_was_typed_stays(client_for, cast):
    known = book(cast).patient
    before = rows_of_everything()
    answer = client_for(cast.olive).post("/cases", data=form(cast, mrn=known.mrn))
    assert answer.status_code == 422
    assert "Another patient of this facility has this MRN" in text(answer)
    assert 'value="Testpatient, Rita"' in text(answer)
    assert rows_of_everything() == before


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("facility", "0", "Choose one of the list."),
        ("date_of_service", "", "Type the date of the operation."),
        ("procedure", "", "Type what is operated on."),
        ("levels", "C5-Q6", "C5-Q6 is not a level."),
        ("cpt", "2255", "2255 is not a CPT code"),
        ("dob", "2093-01-01", "That date of birth cannot be."),
    ],
)
def test_a_wrong_booking_says_what_to_mend_and_books_nothing(client_for, cast, field, typed, sentence):
    answer = client_for(cast.olive).post("/cases", data=form(cast, **{field: typed}))
    assert answer.status_code == 422
    assert sentence in text(answer)
    assert Case.select().count() == 0
    assert Patient.select().count() == 0


def test_only_the_owner_books(client_for, cast):
    for person in (cast.tess, cast.pia, cast.bo):
        client = client_for(person)
        assert client.get("/cases/new").status_code == 403
        assert client.post("/cases", data=form(cast)).status_code == 403
    assert Case.select().count() == 0


# Revising


def test_a_changed_header_raises_the_revision_because_it_is_part_of_the_facts(client_for, cast):
    case = book(cast)
    client = client_for(cast.tess)
    assert client.get(f"/cases/{case.id}/edit").status_code == 200
    answer = client.post(f"/cases/{case.id}/edit", data=form(cast, procedure="ACDF C5-C6 and C6-C7"))
    assert answer.status_code == 303
    after = Case.get_by_id(case.id)
    assert after.procedure == "ACDF C5-C6 and C6-C7"
    assert after.record_rev == case.record_rev + 1
    entry = AuditEntry.select().where(AuditEntry.action == "revise").get()
    assert "procedure" in entry.detail
    assert "ACDF" not in entry.detail, "the trail names fields and digests, no patient's data"


def test_a_form_saved_without_a_change_changes_nothing(client_for, cast):
    client = client_for(cast.olive)
    client.post("/cases", data=form(cast))
    case = Case.get()
    assert client.post(f"/cases/{case.id}/edit", data=form(cast)).status_code == 303
    assert Case.get_by_id(case.id).record_rev == case.record_rev


def test_correcting_a_patient_leaves_the_patient_of_other_cases_alone(cast):
    one, other = book(cast), book(cast)
    Case.update(patient=one.patient).where(Case.id == other.id).execute()
    given = {"name": "TESTPATIENT, QUINCY", "mrn": one.patient.mrn, "dob": one.patient.dob, "sex": "M"}
    after = cases.revise(one, patient=given, by=actor(cast.olive))
    assert after.patient.name == "TESTPATIENT, QUINCY"
    assert Case.get_by_id(other.id).patient.name == "TESTPATIENT, QUINN"


# The list


def seed(cast, count: int) -> None:
    """Cases of every state, three a day."""
    patient = Patient.create(name="SYNTHETIC, SASHA", mrn="SYN-9", dob=date(1980, 1, 1))
    rows = [
        {
            "facility": cast.mercy.id, "patient": patient.id, "procedure": f"Fusion {number}", "created_at": NOW,
            "date_of_service": date(2026, 1, 1) + timedelta(days=number // 3), "record_rev": 0, "payer_class": "commercial",
            "closed_at": NOW if number % 4 in (2, 3) else None, "signed_at": NOW if number % 4 == 3 else None,
        }
        for number in range(count)
    ]  # fmt: skip
    for start in range(0, count, 500):
        Case.insert_many(rows[start : start + 500]).execute()
    for case in Case.select().where(Case.closed_at.is_null()).limit(count):
        if case.id % 4 == 2:
            Entry.create(
                client_id=f"e-{case.id}",
                case=case,
                kind="event",
                at=NOW,
                data='{"kind":"event"}',
                entered_at=NOW,
                received_at=NOW,
            )


def listed(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'class="row" href="/cases/(\d+)"', page)]


def test_the_list_goes_on_page_by_page_and_shows_every_case_once(client_for, cast):
    seed(cast, 120)
    client, url, seen = client_for(cast.olive), "/cases", []
    while url:
        page = text(client.get(url))
        seen.append(listed(page))
        following = re.search(r'href="([^"]+)" rel="next"', page)
        url = following and following[1].replace("&amp;", "&")
    assert [len(one) for one in seen] == [50, 50, 20]
    assert sorted(number for one in seen for number in one) == list(range(1, 121))
    days = [Case.get_by_id(number).date_of_service for one in seen for number in one]
    assert days == sorted(days, reverse=True)


@pytest.mark.parametrize("shown", ["booked", "recording", "closed", "signed"])
def test_the_filters_are_links_and_show_the_cases_of_one_state(client_for, cast, shown):
    seed(cast, 24)
    page = text(client_for(cast.olive).get(f"/cases?show={shown}"))
    expected = {case.id for case in Case.select() if case.state == shown}
    assert expected
    assert set(listed(page)) == expected


def test_what_is_to_be_done_comes_soonest_first(client_for, cast):
    seed(cast, 24)
    numbers = listed(text(client_for(cast.olive).get("/cases?show=booked")))
    assert numbers == sorted(numbers)


def test_people_see_the_cases_they_work_on_and_owners_biller_see_all(client_for, cast):
    mine, other = book(cast), book(cast, people=False)
    for person, expected in (
        (cast.tess, {mine.id}),
        (cast.pia, {mine.id}),
        (cast.stan, set()),
        (cast.olive, {mine.id, other.id}),
        (cast.bo, {mine.id, other.id}),
    ):
        assert set(listed(text(client_for(person).get("/cases")))) == expected, person.name


def test_a_line_says_when_what_where_and_whether_it_is_ready(client_for, cast):
    book(cast, or_room="OR 4", starts_at=datetime(2027, 9, 6, 12, 30, tzinfo=UTC), date_of_service=date(2027, 9, 6))
    book(cast, people=False, date_of_service=date(2027, 9, 7))
    page = text(client_for(cast.olive).get("/cases"))
    assert "Mon Sep 6, 2027 07:30, ACDF C5-C6" in page
    assert "Mercy OR 4" in page
    assert "</svg>ready" in page
    assert "</svg>needs technologist" in page


def test_an_unknown_filter_is_not_there_and_a_broken_place_shows_the_first_page(client_for, cast):
    client = client_for(cast.olive)
    assert client.get("/cases?show=nonsense").status_code == 404
    assert client.get("/cases?after=2026-99-99x'.1").status_code == 200


def test_the_list_costs_a_fixed_number_of_queries(client_for, cast, queries):
    client = client_for(cast.olive)
    counts = []
    for more in (1, 119):
        seed(cast, more)
        queries.clear()
        client.get("/cases")
        counts.append(len(queries))
    assert counts[0] == counts[1]
    own = [one for one in queries if '"cases"' in one]
    assert len(own) == 1
    assert counts[1] <= 6
    assert not any("OFFSET" in one or "LIKE" in one or "COUNT" in one for one in queries)


def test_the_case_page_costs_a_fixed_number_of_queries(client_for, cast, queries):
    short, long = book(cast), load(cast, "02")
    client = client_for(cast.olive)
    counts = []
    for case in (short, long):
        queries.clear()
        client.get(f"/cases/{case.id}")
        counts.append(len(queries))
    assert counts[1] <= counts[0] + 2, "the names of those who keyed, and how long the report took"
    assert counts[1] <= 22


def test_htmx_gets_the_list_alone(client_for, cast):
    book(cast)
    answer = client_for(cast.olive).get("/cases", headers={"HX-Request": "true"})
    assert text(answer).lstrip().startswith('<div id="cases">')


# Search


@pytest.mark.parametrize("typed", ["testpatient, q", "TESTPATIENT", "SYN-200001", "C-02", "c-02", "{id}"])
def test_search_finds_by_name_mrn_reference_and_number(client_for, cast, typed):
    loaded, booked = load(cast, "02"), book(cast)
    Patient.create(name="OTHER, ONE", mrn="SYN-200009")
    page = text(client_for(cast.olive).post("/cases/searches", data={"q": typed.format(id=booked.id)}))
    wanted = loaded if typed.upper() == "C-02" else booked
    assert wanted.id in listed(page)
    assert len(listed(page)) == (2 if typed == "TESTPATIENT" else 1)


def test_search_shows_nobody_a_case_that_is_not_theirs(client_for, cast):
    book(cast)
    assert listed(text(client_for(cast.stan).post("/cases/searches", data={"q": "TESTPATIENT"}))) == []


def test_a_search_is_not_a_pattern_and_never_stands_in_an_address(client_for, cast):
    book(cast)
    client = client_for(cast.olive)
    for typed in ("%", "__", "%TEST%", "'; DROP TABLE cases --", "9" * 40, ""):
        assert listed(text(client.post("/cases/searches", data={"q": typed}))) == [], typed
    assert client.get("/cases/searches?q=TEST").status_code == 405


# One case


def test_the_case_page_shows_the_record_in_time_order_with_its_history(client_for, cast):
    case = load(cast, "02")
    Case.update(closed_at=None).where(Case.id == case.id).execute()
    row = Entry.select().where(Entry.case == case.id, Entry.kind == "event").order_by(Entry.at).first()
    records.correct(
        row, record.Event(type="incision", text="Skin incision, second look"), at=row.at, by=actor(cast.tess), now=NOW
    )
    other = Entry.select().where(Entry.case == case.id, Entry.kind == "physiology").first()
    records.strike(other, reason="wrong patient", by=actor(cast.tess), now=NOW)
    page = text(client_for(cast.tess).get(f"/cases/{case.id}"))
    assert "Skin incision, second look" in page
    assert "corrected" in page
    assert "late, keyed" in page
    assert "<del>" in page
    assert "wrong patient" in page
    assert "Tess Tran" in page
    times = re.findall(r'<time datetime="([^"]+)">', page)
    assert times == sorted(times)
    assert 'class="tl"' in page
    assert "305 min" in page


def test_the_page_asks_which_of_two_versions_to_keep(client_for, cast):
    case = load(cast, "02")
    Case.update(closed_at=None).where(Case.id == case.id).execute()
    row = Entry.select().where(Entry.case == case.id, Entry.kind == "event").first()
    for number, words in enumerate(("first phone", "second phone")):
        newer = record.Entry(
            client_id=f"phone-{number}", at=row.at, data=record.Event(type="incision", text=words),
            entered_at=NOW + timedelta(minutes=number), device="phone", replaces=row.client_id,
        )  # fmt: skip
        records.append(case, [newer], by=actor(cast.tess), now=NOW)
    client = client_for(cast.tess)
    page = text(client.get(f"/cases/{case.id}"))
    assert "Two versions of one entry: keep which?" in page
    assert client.post(f"/cases/{case.id}/conflicts", data={"keep": "phone-0"}).status_code == 303
    assert "Two versions of one entry" not in text(client.get(f"/cases/{case.id}"))
    assert case.facts().events[0].text == "first phone"


def test_missing_values_lead_to_where_they_are_put_in(client_for, cast):
    case = book(cast)
    page = text(client_for(cast.tess).get(f"/cases/{case.id}"))
    assert "Monitoring start and stop" in page
    assert f"/cases/{case.id}/entries/new/monitoring_start" in page
    assert f"/cases/{case.id}/edit" in page


def test_html_in_a_note_is_shown_as_text(client_for, cast):
    case = book(cast, procedure="<script>alert(1)</script>")
    event = record.Entry(client_id="x1", at=NOW, data=record.Event(text="<img src=x onerror=alert(2)>"), entered_at=NOW)
    records.append(case, [event], by=actor(cast.tess), now=NOW)
    page = text(client_for(cast.tess).get(f"/cases/{case.id}", check=False))
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror=alert(2)&gt;" in page


def test_a_stranger_sees_404_whatever_they_try(client_for, cast):
    case = load(cast, "02")
    stan = client_for(cast.stan)
    for path in ("", "/edit", "/export"):
        assert stan.get(f"/cases/{case.id}{path}").status_code == 404
    for path in ("/edit", "/closing", "/reopening"):
        assert stan.post(f"/cases/{case.id}{path}", data=form(cast)).status_code == 404
    assert stan.get("/cases/999999").status_code == 404
    assert stan.get(f"/cases/{2**63}").status_code == 404


def test_roles_that_only_read_get_403_for_acts(client_for, cast):
    case = load(cast, "02")
    for person in (cast.bo, cast.pia):
        client = client_for(person)
        assert client.get(f"/cases/{case.id}").status_code == 200
        for path in ("/edit", "/closing", "/reopening", "/assignments"):
            assert client.post(f"/cases/{case.id}{path}").status_code == 403, (person.name, path)
    assert client_for(cast.tess).post(f"/cases/{case.id}/assignments").status_code == 403


def test_reading_a_case_is_audited(client_for, cast):
    case = book(cast)
    client_for(cast.bo).get(f"/cases/{case.id}")
    seen = AuditEntry.select().where(
        AuditEntry.action == "view", AuditEntry.case_id == case.id, AuditEntry.actor == cast.bo.id
    )
    assert seen.count() == 1


# Who works on it


def test_assigning_puts_a_person_on_the_case_and_into_its_record(client_for, cast):
    case = book(cast, people=False)
    client = client_for(cast.olive)
    answer = client.post(f"/cases/{case.id}/assignments", data={"who": f"{cast.tess.id}.technologist"})
    assert answer.status_code == 303
    client.post(f"/cases/{case.id}/assignments", data={"who": f"{cast.tess.id}.technologist"})
    assert Assignment.select().where(Assignment.case == case.id).count() == 1
    assert [(one.name, one.cred) for one in case.facts().staff.technologists] == [("Tess Tran", "CNIM")]
    assert client_for(cast.tess).get(f"/cases/{case.id}").status_code == 200


def test_nobody_is_assigned_in_a_role_they_do_not_hold(client_for, cast):
    case = book(cast, people=False)
    answer = client_for(cast.olive).post(f"/cases/{case.id}/assignments", data={"who": f"{cast.tess.id}.physician"})
    assert answer.status_code == 422
    with pytest.raises(Refused, match="do not hold that role"):
        cases.assign(case, cast.bo, "physician", by=actor(cast.olive), now=NOW)
    assert Assignment.select().count() == 0


def test_the_surgeon_cannot_interpret_the_monitoring(cast):
    case = book(cast, people=False, surgeon=Surgeon.create(name="Pia Park, MD"))
    with pytest.raises(Refused, match="cannot interpret"):
        cases.assign(case, cast.pia, "physician", by=actor(cast.olive), now=NOW)


def test_taking_off_before_recording_forgets_and_after_it_the_record_keeps_who_took_part(client_for, cast):
    case = book(cast, people=False)
    owner = actor(cast.olive)
    client = client_for(cast.olive)
    for begun in (False, True):
        cases.assign(case, cast.tess, "technologist", by=owner, now=NOW)
        if begun:
            event = record.Entry(client_id="x1", at=NOW, data=record.Event(type="incision"), entered_at=NOW)
            records.append(case, [event], by=owner, now=NOW)
        row = Assignment.get(Assignment.case == case.id)
        assert client.post(f"/cases/{case.id}/assignments/{row.id}/removal").status_code == 303
        assert Assignment.select().where(Assignment.case == case.id).count() == 0
        assert len(case.facts().staff.technologists) == (1 if begun else 0)


# Closing


def complete(cast) -> Case:
    """Case 01 with its sign-off taken back: nothing is missing but the closing."""
    case = load(cast, "01")
    cases.reopen(case, by=actor(cast.tess), now=NOW)
    return Case.get_by_id(case.id)


def test_closing_is_refused_with_every_reason(client_for, cast):
    case = book(cast)
    before = rows_of_everything()
    answer = client_for(cast.tess).post(f"/cases/{case.id}/closing", data={"status": "completed"})
    assert answer.status_code == 422
    for reason in ("Monitoring start and stop", "Whether there were alerts", "Closing data"):
        assert reason in text(answer)
    assert rows_of_everything() == before
    assert Case.get_by_id(case.id).closed_at is None


def test_closing_ends_the_record_with_outcome_and_sign_off(client_for, cast):
    case = complete(cast)
    assert case.facts().signoff.technologist is None
    answer = client_for(cast.tess).post(f"/cases/{case.id}/closing", data={"status": "completed"})
    assert answer.status_code == 303, text(answer)
    after = Case.get_by_id(case.id)
    facts = after.facts()
    assert after.closed_at is not None
    assert after.closed_by == cast.tess.id
    assert facts.status == "completed"
    assert facts.person_name(facts.signoff.technologist.id) == "Tess Tran"
    assert after.record_rev == case.record_rev + 1


def test_a_reason_beside_a_missing_value_lets_the_case_be_closed(cast):
    case = complete(cast)
    row = Entry.select().where(Entry.case == case.id, Entry.kind == "closing_data").get()
    records.correct(row, record.Closing(overall=None), at=row.at, by=actor(cast.tess), now=NOW)
    with pytest.raises(Refused, match="Closing status"):
        cases.close(case, status="completed", by=actor(cast.tess), now=NOW)
    newer = Entry.select().where(Entry.replaces == row.client_id).get()
    records.correct(
        newer, record.Closing(overall=None, missing_reason="technical"), at=row.at, by=actor(cast.tess), now=NOW
    )
    cases.close(case, status="completed", by=actor(cast.tess), now=NOW)
    assert Case.get_by_id(case.id).closed_at


def test_only_a_technologist_of_the_case_signs_it_off(client_for, cast):
    case = complete(cast)
    answer = client_for(cast.olive).post(f"/cases/{case.id}/closing", data={"status": "completed"})
    assert answer.status_code == 422
    assert "closed by a technologist who worked on it" in text(answer)


def test_an_outcome_must_be_chosen(client_for, cast):
    case = complete(cast)
    answer = client_for(cast.tess).post(f"/cases/{case.id}/closing", data={"status": "fine"})
    assert answer.status_code == 422
    assert Case.get_by_id(case.id).closed_at is None


def test_reopening_strikes_the_sign_off_and_closing_gives_it_again(client_for, cast):
    case = load(cast, "01")
    client = client_for(cast.tess)
    assert client.post(f"/cases/{case.id}/reopening").status_code == 303
    assert Case.get_by_id(case.id).closed_at is None
    assert case.facts().signoff.technologist is None
    assert client.post(f"/cases/{case.id}/reopening").status_code == 422
    assert client.post(f"/cases/{case.id}/closing", data={"status": "completed"}).status_code == 303
    assert case.facts().signoff.technologist is not None
    assert client.post(f"/cases/{case.id}/closing", data={"status": "completed"}).status_code == 422
    assert {"close", "reopen"} <= {row.action for row in AuditEntry.select()}


# Signed


def sign(case: Case, cast) -> None:
    report = Report.create(
        case=case, record_rev=case.record_rev, facts=b"", layout=b"", text="t", text_sha256="0" * 64, drafted_at=NOW
    )
    Signature.create(
        report=report, case=case, by=cast.pia, name="Pia Park", credentials="MD", at=NOW, text_sha256="0" * 64
    )
    Case.update(signed_at=NOW).where(Case.id == case.id).execute()


def test_a_signed_case_refuses_every_write_and_offers_none(client_for, cast):
    case = load(cast, "02")
    sign(case, cast)
    row = Assignment.get(Assignment.case == case.id)
    before = rows_of_everything(), cases.export(Case.get_by_id(case.id))
    acts = {
        "/edit": form(cast), "/closing": {"status": "completed"}, "/reopening": {},
        "/assignments": {"who": f"{cast.stan.id}.technologist"}, f"/assignments/{row.id}/removal": {},
    }  # fmt: skip
    client = client_for(cast.olive)
    for path, data in acts.items():
        answer = client.post(f"/cases/{case.id}{path}", data=data)
        assert answer.status_code == 422, path
        assert "This case is signed." in text(answer), path
    assert client.get(f"/cases/{case.id}/edit").status_code == 422
    assert (rows_of_everything(), cases.export(Case.get_by_id(case.id))) == before
    for person in (cast.olive, cast.tess, cast.pia):
        page = text(client_for(person).get(f"/cases/{case.id}"))
        assert "Signed by Pia Park, MD" in page
        for act in ("/edit", "/closing", "/reopening", "/assignments", "/entries/new"):
            assert f"/cases/{case.id}{act}" not in page, (person.name, act)
        assert 'action="/cases' not in page


# Case files


def canonical(body: dict) -> str:
    return json.dumps({name: body[name] for name in ("schema", "synthetic", "case")}, sort_keys=True)


def upload(client, raw: bytes):
    return client.post("/cases/imports", data={"file": (io.BytesIO(raw), "case.json")})


@pytest.mark.parametrize("path", case_files(), ids=lambda path: path.stem)
def test_a_case_file_goes_in_and_out_the_same(client_for, cast, path):
    client = client_for(cast.olive)
    answer = upload(client, path.read_bytes())
    assert answer.status_code == 303, text(answer)
    out = client.get(f"{answer.location}/export")
    assert out.mimetype == "application/json"
    assert "attachment" in out.headers["Content-Disposition"]
    body = json.loads(path.read_bytes())
    assert canonical(json.loads(out.data)) == canonical(body)
    case = Case.get()
    assert case.record_rev == body["case"]["record_rev"]
    assert case.state == "closed"
    assert client.get(answer.location).status_code == 200


def test_the_same_file_again_changes_nothing_even_after_the_record_went_on(client_for, cast):
    client = client_for(cast.olive)
    first = upload(client, case_file("02"))
    again = upload(client, case_file("02"))
    exported = upload(client, client.get(f"{first.location}/export").data)
    assert first.location == again.location == exported.location
    case = Case.get()
    cases.revise(case, or_room="OR 9", by=actor(cast.olive))
    before = rows_of_everything()
    answer = client.get(upload(client, case_file("02")).location)
    assert "Nothing was changed" in text(answer)
    assert rows_of_everything() == before


def test_the_same_id_with_other_content_is_a_new_case_with_a_note(client_for, cast):
    client = client_for(cast.olive)
    first = upload(client, case_file("02"))
    other = json.loads(case_file("02"))
    other["case"]["header"]["indication"] = "Another one"
    second = upload(client, json.dumps(other).encode())
    assert first.location != second.location
    assert "has the same id C-02 with other content" in text(client.get(second.location))


def test_a_file_finds_its_facility_patient_and_people_again(client_for, cast):
    for person, name, credentials in ((cast.tess, "Priya Nand", "CNIM"), (cast.pia, "Samuel Ortega", "MD")):
        type(person).update(name=name, credentials=credentials).where(type(person).id == person.id).execute()
    client = client_for(cast.olive)
    upload(client, case_file("02"))
    other = json.loads(case_file("02"))
    other["case"]["id"] = "C-92"
    upload(client, json.dumps(other).encode())
    one, two = Case.select().order_by(Case.id)
    assert (one.facility, one.patient, one.surgeon, one.payer) == (two.facility, two.patient, two.surgeon, two.payer)
    assert Facility.select().count() == 3
    assert one.payer.name == f"{one.payer_class.replace('_', ' ').capitalize()} (not named)"
    assert {(row.person_id, row.role) for row in two.assignments} == {
        (cast.tess.id, "technologist"),
        (cast.pia.id, "physician"),
    }


def test_missing_header_values_and_their_reasons_come_out_as_they_went_in(client_for, cast):
    body = json.loads(case_file("08"))
    header = body["case"]["header"]
    header["date_of_service"] = header["payer_class"] = header["surgeon"] = header["patient"]["sex"] = None
    header["patient"]["missing_reason"] = "not_available"
    header["procedure"]["missing_reason"] = "not recorded by the office"
    client = client_for(cast.olive)
    answer = upload(client, json.dumps(body).encode())
    assert canonical(json.loads(client.get(f"{answer.location}/export").data)) == canonical(body)


def broken(change) -> bytes:
    body = json.loads(case_file("02"))
    change(body["case"])
    return json.dumps(body).encode()


def _latency(case):
    case["baselines"]["rows"][0]["lat_ms"] = 900


def _kind(case):
    case["events"][0]["type"] = "teleport"


def _ends_early(case):
    segment = case["time"]["segments"][0]
    segment["end"], segment["minutes"] = "2026-06-09T01:00:00-06:00", None


def _zone(case):
    case["tz"] = "Mars/Olympus"


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b'{"schema": "ionm-case/1", "case": {', "not JSON that can be read"),
        (b"\xff\xfe\x00", "not JSON that can be read"),
        (b"[]", "does not say schema ionm-case/1"),
        (b'{"schema": "ionm-case/9"}', "does not say schema ionm-case/1"),
        (broken(_kind), "teleport"),
        (broken(_latency), "lat_ms: 900"),
        (broken(_ends_early), "before it starts"),
        (broken(_zone), "is not a time zone name"),
        (b" " * 5_000_001, "a case file has at most"),
        (b"", ""),
    ],
    ids=["broken", "not text", "a list", "schema", "kind", "latency", "end before start", "zone", "too long", "empty"],
)
def test_a_bad_file_is_named_and_nothing_changes(client_for, cast, raw, sentence):
    before = rows_of_everything()
    client = client_for(cast.olive)
    answer = upload(client, raw)
    assert answer.status_code == 422
    assert sentence in text(answer).replace("&#39;", "'")
    assert rows_of_everything() == before


def test_every_mistake_of_a_file_is_named_at_once(client_for, cast):
    def all_of_them(case):
        for change in (_latency, _kind, _zone):
            change(case)

    page = text(upload(client_for(cast.olive), broken(all_of_them)))
    for sentence in ("lat_ms: 900", "teleport", "is not a time zone name"):
        assert sentence in page


def test_200_megabytes_are_refused_before_they_are_read(client_for, cast):
    before = rows_of_everything()
    client = client_for(cast.olive)
    answer = client.post(
        "/cases/imports", data={"file": (io.BytesIO(b"x"), "f")}, environ_overrides={"CONTENT_LENGTH": "200000000"}
    )
    assert answer.status_code == 413
    assert "too large" in text(answer)
    assert rows_of_everything() == before


def test_only_the_owner_loads_files_and_bystanders_export_none(client_for, cast):
    for person in (cast.tess, cast.pia, cast.bo):
        assert upload(client_for(person), case_file("02")).status_code == 403
    case = load(cast, "02")
    assert client_for(cast.bo).get(f"/cases/{case.id}/export").status_code == 403
    assert client_for(cast.tess).get(f"/cases/{case.id}/export").status_code == 200


def test_a_payer_of_the_practice_is_never_guessed_from_its_class(cast):
    case = load(cast, "02")
    assert case.payer not in (cast.acme, cast.medicare)
    assert Payer.select().count() == 3


def test_a_closed_case_says_how_long_its_report_took(client_for, cast):
    case = load(cast, "02")
    reports.draft(case, by=actor(cast.tess), now=case.closed_at + timedelta(minutes=3))
    text = client_for(cast.olive).get(f"/cases/{case.id}").get_data(as_text=True)
    assert "After closing: draft in 3 min." in text


def test_the_way_to_the_record_is_the_one_for_the_device(client_for, cast):
    case, client = book(cast), client_for(cast.tess)
    phone = {"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_4 like Mac OS X) Mobile/15E148 Safari/604.1"}
    assert f"/cases/{case.id}/phone" in client.get(f"/cases/{case.id}", headers=phone).get_data(as_text=True)
    assert f"/cases/{case.id}/phone" not in client.get(f"/cases/{case.id}").get_data(as_text=True)


def test_the_reports_that_wait_cost_the_same_queries_however_many_they_are(client_for, cast, queries):
    """Each record was asked for by itself, and its surgeon too."""
    client = client_for(cast.olive)

    def asked() -> int:
        queries.clear()
        assert client.get("/reports").status_code == 200
        return len(queries)

    load(cast, "01")
    one = asked()
    for number in ("02", "03", "05"):
        load(cast, number)
    assert asked() == one
