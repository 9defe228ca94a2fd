from __future__ import annotations

import io
import random
from datetime import date, timedelta

import pytest
from PIL import Image
from pypdf import PdfReader

import tasks
from actions import Refused, cases, credentials, documents, dossiers, jobs, screenings
from models import (
    Assignment,
    AuditEntry,
    Case,
    Credential,
    CredentialType,
    Document,
    Dossier,
    Education,
    Obstacle,
    Override,
    Requirement,
    Run,
)
from tests.cast import NOW, actor, book
from tests.test_screenings import line, listed
from views import now

SOON = credentials.today(now()) + timedelta(days=20)


def photo() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (600, 400), "white").save(out, "JPEG")
    return out.getvalue()


def hold(person, by, kind: str = "BLS", until: date = date(2099, 1, 1), verified: bool = True, **more) -> Credential:
    row = credentials.hold(person, kind=kind, number="N-1", until_on=until, by=actor(by), now=now(), **more)
    if verified:
        credentials.verify(row, how="Looked up", by=actor(by), now=now())
    return Credential.get_by_id(row.id)


def demand(cast, kind: str, *, facility=None, role: str = "technologist", **more) -> Requirement:
    of_type = CredentialType.get(CredentialType.name == kind)
    return credentials.demand(
        role=role, types=[of_type.id], facility=facility and facility.id, payer=None, must_hold=True, from_on=None,
        until_on=None, note="", by=actor(cast.olive), now=now(), **more,
    )  # fmt: skip


@pytest.fixture
def olive(client_for, cast):
    return client_for(cast.olive)


@pytest.fixture
def tess(client_for, cast):
    return client_for(cast.tess)


# A person meets a case


def test_an_expired_card_stops_an_assignment_until_the_owner_says_why(olive, cast):
    case = book(cast, people=False, date_of_service=SOON)
    hold(cast.tess, cast.olive, until=SOON - timedelta(days=3))
    who = {"who": f"{cast.tess.id}.technologist"}
    answer = olive.post(f"/cases/{case.id}/assignments", data=who)
    assert answer.status_code == 422
    assert "3 days before the case" in answer.get_data(as_text=True)
    assert not Assignment.select().exists()
    assert olive.post(f"/cases/{case.id}/overrides", data=who).status_code == 422
    assert (
        olive.post(f"/cases/{case.id}/overrides", data=who | {"reason": "Renewal class on Friday"}).status_code == 303
    )
    assert Assignment.get().person == cast.tess
    row = Override.get()
    assert (row.reason, row.by) == ("Renewal class on Friday", cast.olive.id)
    page = olive.get(f"/cases/{case.id}").get_data(as_text=True)
    assert "Renewal class on Friday" in page
    assert "expired" in page
    assert AuditEntry.select().where(AuditEntry.action == "override", AuditEntry.case_id == case.id).exists()


def test_whoever_is_refused_is_shown_with_those_who_are_cleared(olive, cast):
    case = book(cast, people=False, date_of_service=SOON)
    hold(cast.tess, cast.olive, until=SOON - timedelta(days=3))
    page = olive.post(f"/cases/{case.id}/assignments", data={"who": f"{cast.tess.id}.technologist"})
    assert "Assign Stan" in page.get_data(as_text=True)
    assert "Assign Tess" not in page.get_data(as_text=True)
    assert "Assign Pia" not in page.get_data(as_text=True), "she is no technologist"
    who = {"who": f"{cast.stan.id}.technologist"}
    assert olive.post(f"/cases/{case.id}/assignments", data=who).status_code == 303


def test_it_is_the_date_and_the_place_of_the_case_that_are_judged(cast):
    demand(cast, "Vendor clearance", facility=cast.mercy)
    hold(cast.tess, cast.olive, "Vendor clearance", until=SOON, facility=cast.mercy.id)
    cases.assign(
        book(cast, people=False, date_of_service=SOON), cast.tess, "technologist", by=actor(cast.olive), now=now()
    )
    late = book(cast, people=False, date_of_service=SOON + timedelta(days=1))
    with pytest.raises(credentials.Ineligible, match="Vendor clearance at Mercy ended"):
        cases.assign(late, cast.tess, "technologist", by=actor(cast.olive), now=now())
    elsewhere = book(cast, people=False, date_of_service=SOON + timedelta(days=1), facility=cast.lakeside)
    cases.assign(elsewhere, cast.tess, "technologist", by=actor(cast.olive), now=now())


def test_booking_with_somebody_who_may_not_work_books_nothing(cast):
    demand(cast, "ACLS")
    header = {"facility": cast.mercy, "patient": book(cast).patient, "procedure": "ACDF", "date_of_service": SOON}
    before = Case.select().count()
    with pytest.raises(credentials.Ineligible, match="ACLS is not on file"):
        cases.book(by=actor(cast.olive), now=now(), technologist=cast.tess, **header)
    assert Case.select().count() == before


def test_only_the_owner_overrides(cast):
    demand(cast, "ACLS")
    case = book(cast, people=False, date_of_service=SOON)
    Assignment.create(case=case, person=cast.tess, role="technologist")
    with pytest.raises(credentials.Ineligible, match="Only the owner"):
        cases.assign(case, cast.stan, "technologist", by=actor(cast.tess), now=now(), override="because")
    assert not Override.select().exists()


def test_a_new_demand_is_on_today_for_the_owner_and_the_person_and_goes_when_it_is_met(olive, tess, cast, client_for):
    case = book(cast, date_of_service=SOON)
    demand(cast, "ACLS", facility=cast.mercy)
    assert [(row.case_id, row.person_id, row.state) for row in Obstacle.select()] == [
        (case.id, cast.tess.id, "missing")
    ]
    for client in (olive, tess):
        assert "ACLS is not on file" in client.get("/").get_data(as_text=True)
    assert "ACLS" not in client_for(cast.pia).get("/").get_data(as_text=True)
    page = olive.get("/credentials?show=booked").get_data(as_text=True)
    assert "ACLS is not on file" in page
    assert f"/cases/{case.id}#people" in page
    hold(cast.tess, cast.olive, "ACLS")
    assert Obstacle.select().where(Obstacle.cleared_at.is_null()).count() == 0
    assert "ACLS is not on file" not in olive.get("/").get_data(as_text=True)


def test_moving_a_case_judges_its_people_anew(cast):
    hold(cast.tess, cast.olive, until=SOON)
    case = book(cast, date_of_service=SOON)
    cases.revise(case, by=actor(cast.olive), date_of_service=SOON + timedelta(days=5))
    assert Obstacle.get().state == "expired"
    cases.revise(Case.get_by_id(case.id), by=actor(cast.olive), date_of_service=SOON)
    assert Obstacle.get().cleared_at is not None


def test_an_override_covers_what_it_named_and_nothing_worse(cast):
    hold(cast.tess, cast.olive, until=SOON - timedelta(days=1))
    case = book(cast, date_of_service=SOON)
    credentials.override(case, cast.tess, "technologist", reason="Class booked", by=actor(cast.olive), now=now())
    assert credentials.objections(case, cast.tess, "technologist") == []
    demand(cast, "ACLS")
    assert [one.name for one in credentials.objections(case, cast.tess, "technologist")] == ["ACLS"]


def test_each_night_every_coming_case_is_judged(olive, cast):
    case = book(cast, date_of_service=SOON)
    Credential.create(
        person=cast.tess, type=CredentialType.get(CredentialType.name == "BLS"), until_on=SOON - timedelta(days=1)
    )
    run = Run.create(name="credentials", local_date=credentials.today(now()))
    jobs.ask("credentials", "credentials:night", run.id, due_at=now())
    tasks.work_off()
    assert Obstacle.get().case_id == case.id
    assert "not cleared" in olive.get("/cases").get_data(as_text=True)
    assert Run.get_by_id(run.id).done_at is not None
    assert "credentials" in jobs.NIGHTLY


def test_a_year_of_nights_leaves_no_ineligible_assignment_without_an_obstacle_or_an_override(cast):
    """A fake clock walks the days; people renew, lose and wait for credentials, cases come and move, nights are missed."""
    dice, by = random.Random(7), actor(cast.olive)  # noqa: S311
    start = NOW.date()
    people = [(cast.tess, "technologist"), (cast.stan, "technologist"), (cast.pia, "physician")]
    made = [book(cast, people=False, date_of_service=start + timedelta(days=dice.randrange(5, 380))) for _ in range(25)]
    for case in made:
        person, role = dice.choice(people)
        Assignment.create(case=case, person=person, role=role)
    demand(cast, "ACLS", facility=cast.mercy)
    overridden = set()
    for day in range(365):
        at = NOW + timedelta(days=day)
        person, role = dice.choice(people)
        act = dice.randrange(12)
        if act == 0:
            kind = dice.choice(["ACLS", "BLS", "CNIM"] if role == "technologist" else ["Board certification"])
            row = credentials.hold(
                person, kind=kind, until_on=at.date() + timedelta(days=dice.randrange(10, 120)), by=by, now=at
            )
            if dice.random() < 0.8:
                credentials.verify(row, how="Looked up", by=by, now=at)
        elif act == 1 and (held := list(Credential.select().where(Credential.withdrawn_on.is_null()))):
            credentials.withdraw(dice.choice(held), by=by, now=at)
        elif act == 2:
            row = dice.choice(list(Assignment.select()))
            if row.case.date_of_service >= at.date():
                credentials.override(row.case, row.person, row.role, reason="On call alone", by=by, now=at)
                overridden.add(row.id)
        elif act == 3:
            case = dice.choice(made)
            Case.update(date_of_service=case.date_of_service + timedelta(days=1)).where(Case.id == case.id).execute()
        if dice.random() < 0.1:
            continue  # the machine was off this night
        credentials.rejudge(now=at)
        _all_stand(at)
    assert overridden
    assert Obstacle.select().count() > 5


def _all_stand(at) -> None:
    """Ask each assignment on its own, without the nightly job's shortcuts."""
    coming = Assignment.select().join(Case).where(Case.date_of_service >= at.date())
    standing = {(one.case_id, one.person_id) for one in credentials.obstacles()}
    for row in coming:
        stops = [one for one in credentials.standings_on(row.case, row.person, row.role) if one.stops]
        excused = Override.select().where(Override.case == row.case_id, Override.person == row.person_id).exists()
        if stops:
            assert (row.case_id, row.person_id) in standing or excused, (at, row.case_id)
        else:
            assert (row.case_id, row.person_id) not in standing


# On file


def test_a_technologist_photographs_a_card_and_the_owner_verifies_it(tess, olive, cast):
    data = {
        "kind": "BLS",
        "number": "B-77",
        "facility": "0",
        "until_on": "2099-01-01",
        "file": (io.BytesIO(photo()), "card.jpg"),
    }
    assert tess.post("/me/credentials", data=data).status_code == 303
    row = Credential.get()
    assert row.verified_on is None
    assert "not verified" in tess.get("/me/credentials").get_data(as_text=True)
    document = Document.get(Document.credential == row.id)
    assert documents.read(document).startswith(b"%PDF")
    assert tess.get(f"/documents/{document.id}").status_code == 200
    assert tess.post(f"/credentials/{row.id}/verification", data={"how": "I know it"}).status_code == 422
    assert olive.post(f"/credentials/{row.id}/verification", data={"how": "AHA eCard page"}).status_code == 303
    row = Credential.get()
    assert (row.verified_by, row.verified_how) == (cast.olive.id, "AHA eCard page")
    assert "AHA eCard page" in olive.get(f"/credentials/{row.id}").get_data(as_text=True)


def test_a_file_that_is_none_is_refused_and_nothing_is_kept(tess):
    data = {"kind": "BLS", "facility": "0", "file": (io.BytesIO(b"<script>alert(1)</script>"), "card.pdf")}
    assert tess.post("/me/credentials", data=data).status_code == 422
    assert not Credential.select().exists()


def test_what_needs_a_copy_is_not_verified_without_one(olive, cast):
    row = hold(cast.tess, cast.olive, "TB screening", verified=False)
    answer = olive.post(f"/credentials/{row.id}/verification", data={"how": "Saw it"})
    assert answer.status_code == 422
    assert "Add a photo or a PDF" in answer.get_data(as_text=True)
    olive.post(f"/credentials/{row.id}/documents", data={"file": (io.BytesIO(photo()), "tb.jpg")})
    assert olive.post(f"/credentials/{row.id}/verification", data={"how": "Saw it"}).status_code == 303


def test_a_renewal_proposes_its_dates_keeps_the_old_and_ends_what_was_applied_for(olive, cast):
    old = hold(cast.tess, cast.olive, "CNIM", until=date(2026, 12, 31))
    assert (
        olive.post(
            f"/credentials/{old.id}/application", data={"sent_on": credentials.today(now()).isoformat()}
        ).status_code
        == 303
    )
    assert "Renewal sent" in olive.get(f"/credentials/{old.id}").get_data(as_text=True)
    page = olive.get(f"/credentials/{old.id}/renewal").get_data(as_text=True)
    assert 'value="2031-12-31"' in page
    data = {"kind": "CNIM", "facility": "0", "from_on": "2027-01-01", "until_on": "2031-12-31"}
    assert olive.post(f"/credentials/{old.id}/renewal", data=data).status_code == 303
    new = Credential.get(Credential.renews == old)
    assert Credential.get_by_id(old.id).until_on == date(2026, 12, 31)
    assert new.verified_on is None
    assert credentials.holders([cast.tess])[cast.tess.id].asked == ()


def test_a_license_needs_its_state_and_privileges_their_hospital(cast):
    for kind, said in (("State license", "Say which"), ("Hospital privileges", "Choose it")):
        with pytest.raises(Refused, match=said):
            hold(cast.pia, cast.olive, kind, verified=False)


def test_it_is_found_by_person_kind_number_and_date(olive, cast):
    hold(cast.tess, cast.olive, "CNIM", until=date(2031, 12, 31))
    for query in ("tess", "cnim", "N-1", "2031-12", "tess cnim 2031"):
        assert "Tess Tran: CNIM" in olive.get(f"/credentials/search?q={query}").get_data(as_text=True), query
    assert "Nothing found" in olive.get("/credentials/search?q=tess+acls").get_data(as_text=True)


def test_people_see_their_own_and_billing_sees_when_it_ends(tess, client_for, cast):
    row = hold(cast.stan, cast.olive)
    assert tess.get(f"/credentials/{row.id}").status_code == 404
    assert tess.get("/credentials").status_code == 403
    bo = client_for(cast.bo)
    page = bo.get("/credentials").get_data(as_text=True)
    assert "to Jan 1, 2099" in page
    assert "N-1" not in page
    assert bo.get(f"/credentials/{row.id}").status_code == 403


def test_the_matrix_says_each_state_in_words(olive, cast):
    hold(cast.tess, cast.olive, "BLS", until=credentials.today(now()) + timedelta(days=10))
    hold(cast.tess, cast.olive, "CNIM", until=credentials.today(now()) - timedelta(days=10))
    hold(cast.stan, cast.olive, "BLS", verified=False)
    demand(cast, "ACLS", facility=cast.mercy)
    page = olive.get("/credentials").get_data(as_text=True)
    for said in ("10 days left", "expired", "not verified"):
        assert said in page
    assert "ACLS" not in page
    assert "missing" in olive.get(f"/credentials?facility={cast.mercy.id}").get_data(as_text=True)
    due = olive.get("/credentials?show=action").get_data(as_text=True)
    assert "Start the renewal now" in due
    assert olive.get("/credentials?show=nonsense").status_code == 404


# A person's file


def test_the_file_for_a_hospital_holds_index_copies_and_screening(olive, cast):
    card = hold(cast.tess, cast.olive, "BLS")
    credentials.attach(card, raw=photo(), name="card.jpg", by=actor(cast.olive), now=now())
    elsewhere = hold(cast.tess, cast.olive, "Vendor clearance", facility=cast.lakeside.id)
    demand(cast, "ACLS", facility=cast.mercy)
    answer = olive.post(f"/people/{cast.tess.id}/dossiers", data={"facility": cast.mercy.id})
    row = Dossier.get()
    assert answer.location.endswith(f"/dossiers/{row.id}")
    assert "being put together" in olive.get(f"/dossiers/{row.id}").get_data(as_text=True)
    tasks.work_off()
    assert "Ready" in olive.get(f"/dossiers/{row.id}").get_data(as_text=True)
    sent = olive.get(f"/dossiers/{row.id}/pdf")
    assert sent.mimetype == "application/pdf"
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(sent.data)).pages]
    whole = " ".join(" ".join(pages).split())
    assert "Credential file for Mercy" in whole
    assert "ACLS is not on file" in whole
    assert "never screened against an exclusion list" in whole
    assert elsewhere.kind not in whole
    assert "BLS N-1" in pages[-1]
    assert len(pages) == 2


# Requirements, kinds, education


def test_requirements_are_compared_and_the_least_for_all_hospitals_is_said(olive, cast):
    ids = {row.name: row.id for row in CredentialType.select()}
    data = {"role": "technologist", "facility": cast.mercy.id, "payer": 0, "kinds": [ids["ACLS"]], "must_hold": "y"}
    assert olive.post("/credentials/requirements", data=data).status_code == 303
    page = olive.get("/credentials/requirements").get_data(as_text=True)
    for_one = olive.get(f"/credentials/requirements?at={cast.mercy.id}&person={cast.tess.id}").get_data(as_text=True)
    assert "To work at Mercy, for Tess Tran" in for_one
    assert "Tess Tran: ACLS is not on file." in for_one
    assert "differs" not in for_one
    elsewhere = olive.get(f"/credentials/requirements?at={cast.lakeside.id}&person={cast.tess.id}")
    assert "Nothing: cleared at it." in elsewhere.get_data(as_text=True)
    assert "differs" in page
    assert "must be held" in page
    row = Requirement.get(Requirement.facility == cast.mercy)
    ended = (credentials.today(now()) - timedelta(days=1)).isoformat()
    assert olive.post(f"/credentials/requirements/{row.id}/ending", data={"last_on": ended}).status_code == 303
    assert "differs" not in olive.get("/credentials/requirements").get_data(as_text=True)
    assert Requirement.get_by_id(row.id).until_on.isoformat() == ended
    assert olive.post("/credentials/requirements", data=data | {"kinds": []}).status_code == 422


def test_a_kind_is_changed_and_a_wrong_one_is_said_beside_its_field(olive):
    row = CredentialType.get(CredentialType.name == "BLS")
    data = {
        "name": "BLS", "issuer": "AHA", "place": "anywhere", "cycle_months": "24", "opens_days": "0", "grace_days": "0",
        "processing_days": "10", "alerts": "45, 10, 0", "ce_hours": "0",
    }  # fmt: skip
    assert olive.post(f"/credentials/types/{row.id}", data=data).status_code == 303
    row = CredentialType.get_by_id(row.id)
    assert (row.processing_days, row.alert_days) == (10, [45, 10, 0])
    assert olive.post(f"/credentials/types/{row.id}", data=data | {"alerts": "soon"}).status_code == 422
    assert olive.post("/credentials/types", data=data).status_code == 422, "the name is taken"
    assert olive.post("/credentials/types", data=data | {"name": "Scrub access"}).status_code == 303
    assert "Scrub access" in olive.get("/credentials/types").get_data(as_text=True)


def test_hours_count_against_need_and_days_left(tess, olive, cast):
    hold(cast.tess, cast.olive, "CNIM", until=date(2031, 12, 31), from_on=date(2026, 1, 1))
    cnim = CredentialType.get(CredentialType.name == "CNIM")
    data = {
        "kind": cnim.id,
        "title": "Grand rounds",
        "category": "conference",
        "earned_on": "2026-02-01",
        "hours": "1.5",
    }
    assert tess.post("/me/education", data=data).status_code == 303
    assert Education.get().minutes == 90
    for page in (tess.get("/me/credentials"), olive.get("/credentials/education")):
        assert "48.5 hours in" in page.get_data(as_text=True)
    for wrong in ("0", "1.3", "x", "1e3"):
        assert tess.post("/me/education", data=data | {"hours": wrong}).status_code == 422
    assert tess.post(f"/education/{Education.get().id}/withdrawal").status_code == 303
    assert "50 hours in" in olive.get("/credentials/education").get_data(as_text=True)


def test_a_waiver_is_kept_with_its_reason_and_lets_work(olive, cast):
    demand(cast, "ACLS")
    case = book(cast, date_of_service=SOON)
    acls = CredentialType.get(CredentialType.name == "ACLS")
    data = {
        "kind": acls.id, "facility": 0, "from_on": SOON.isoformat(), "until_on": SOON.isoformat(), "reason": "Class full; CMO",
    }  # fmt: skip
    assert olive.post(f"/people/{cast.tess.id}/waivers", data=data).status_code == 303
    assert credentials.objections(case, cast.tess, "technologist") == []
    assert "waived" in olive.get(f"/cases/{case.id}").get_data(as_text=True)
    assert "Class full" in olive.get(f"/people/{cast.tess.id}/credentials").get_data(as_text=True)
    assert olive.post(f"/people/{cast.tess.id}/waivers", data=data | {"reason": ""}).status_code == 422


def test_nobody_verifies_their_own_while_another_owner_could(cast, database):
    cast.tess.roles = ["owner", "technologist"]
    cast.tess.save()
    row = hold(cast.tess, cast.olive, verified=False)
    with pytest.raises(Refused, match="Somebody else"):
        credentials.verify(row, how="Mine", by=actor(cast.tess), now=now())
    cast.olive.roles = ["biller"]
    cast.olive.save()
    credentials.verify(row, how="Mine", by=actor(cast.tess), now=now())


def test_a_screened_persons_file_ends_with_the_certificate(cast, tmp_path):
    path = listed(tmp_path, line("NOBODY", "NELL"))
    screenings.load(path, name="leie", by=actor(cast.olive), now=now(), allow_small=True)
    screenings.screen(by=actor(cast.olive), now=now())
    row = dossiers.request(cast.tess, cast.mercy, by=actor(cast.olive), now=now())
    tasks.work_off()
    pdf = documents.read(dossiers.document_of(Dossier.get_by_id(row.id)))
    last = " ".join(PdfReader(io.BytesIO(pdf)).pages[-1].extract_text().split())
    assert "Exclusion screening" in last
    assert "Tess Tran" in last
