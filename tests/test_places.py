"""Places and people of a case: seven nouns in one page shape, import of all or nothing, rules that keep their history."""

from __future__ import annotations

import io
from datetime import date, timedelta

import pytest

from actions import Refused, places
from models import (
    Agreement,
    AuditEntry,
    BillingProvider,
    Case,
    Coverage,
    Document,
    Facility,
    Packet,
    Patient,
    Payer,
    PayerRule,
    Preset,
    Receiver,
    Surgeon,
)  # fmt: skip
from practice import demands, presets
from tests.cast import NOW, actor, book
from views.place_forms import NOUNS

TODAY = NOW.date()


@pytest.fixture
def olive(client_for, cast):
    places.seed()
    return client_for(cast.olive)


def given(cast) -> dict[str, dict[str, object]]:
    """A right answer to each form."""
    return {
        "facilities": {"name": "Harbor", "zone": "America/Denver", "pos": "24", "screw_threshold_ma": "7.5", "state": "co"},
        "surgeons": {"name": "Dana Whitlock, MD", "npi": "1234567893"},
        "payers": {"name": "Blue Plan", "payer_class": "commercial", "payer_id": "B1"},
        "payer-rules": {
            "payer": cast.acme.id, "payer_class": "commercial", "from_on": "2030-01-01", "accepts": ["95940", "95941"],
            "remote_code": "95941", "rounding": "midpoint", "max_concurrent": "3", "source": "letter", "certainty": "sourced",
            "min_first_quarter_minutes": "8", "min_first_hour_minutes": "31", "filing_days": "90", "demands": ["authorization"],
        },
        "patients": {"name": "testpatient, robin", "mrn": "SYN-9", "dob": "1980-02-29", "sex": "F"},
        "presets": {"name": "Tumor of the cord", "setups": ["ssep-tibial", "tof"], "structures": "cord\n\nroots\n"},
        "agreements": {
            "facility": Facility.create(name="Third", zone="America/Chicago").id, "from_on": "2026-02-01",
            "technical": "practice", "professional": "practice", "case_cents": "1,250.00", "hour_cents": "$90",
            "included_minutes": "120", "terms_days": "45", "bill_to": "Third Hospital\nAccounts payable",
        },
        "packet-contents": {
            "payer": cast.acme.id, "payer_class": "commercial", "purpose": next(iter(demands.PURPOSES)),
            "part": next(iter(demands.PARTS)), "words": "as it says", "required": "y", "from_on": "2030-01-01", "source": "letter",
            "certainty": "sourced",
        },
        "billing-providers": {
            "name": "Evoked Example PLLC", "npi": "1234567893", "tax_id": "12-3456789", "address": "1 Main St", "city": "Springfield",
            "state": "il", "zip": "62701-1234", "from_on": "2026-01-01", "taxonomy": "2084N0600X", "pay_line1": "PO Box 7",
            "pay_city": "Springfield", "pay_state": "il", "pay_zip": "62701",
        },
        "receivers": {
            "name": "Clearing One", "receiver_id": "CLR1", "submitter_id": "EVK", "usage": "T", "claims_per_transaction": "100",
            "isa_qualifier": "30", "submitter_isa_qualifier": "ZZ", "facility_always": "y", "payer_address": "y", "line_keys": "y",
        },
    }  # fmt: skip


@pytest.mark.parametrize("path", NOUNS)
def test_each_noun_is_added_found_and_changed(olive, cast, path):
    data = given(cast)[path]
    noun = NOUNS[path]
    answer = olive.post(f"/places/{path}", data=data)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    row = noun.model.select().order_by(noun.model.id.desc()).get()
    assert answer.location == f"/places/{path}/{row.id}"
    page = olive.get(answer.location).get_data(as_text=True)
    shown = str(noun.columns[0][1](row))
    assert shown in olive.get(f"/places/{path}").get_data(as_text=True)
    assert "added" in page
    again = olive.post(answer.location, data=data)
    assert again.status_code == 303
    assert noun.model.get_by_id(row.id).__data__ == row.__data__


@pytest.mark.parametrize("path", NOUNS)
def test_an_empty_form_is_answered_field_by_field_and_adds_nothing(olive, path):
    before = NOUNS[path].model.select().count()
    answer = olive.post(f"/places/{path}", data={})
    assert answer.status_code == 422
    assert 'class="error"' in answer.get_data(as_text=True)
    assert NOUNS[path].model.select().count() == before


@pytest.mark.parametrize("path, found, other", [
    ("facilities", "merc", "Lakeside"), ("surgeons", "sato", "Zed"), ("payers", "acme", "Medicare"),
    ("payer-rules", "medicaid", "all auto"), ("presets", "tumor angle", "Carotid"), ("receivers", "clear", "Zed"), ("agreements", "mercy", "Lakeside"),
])  # fmt: skip
def test_searching_narrows_the_list_whatever_the_capitals(olive, path, found, other):
    Surgeon.create(name="Zed, MD")
    Receiver.create(name="Clearing", receiver_id="C", submitter_id="E")
    Receiver.create(name="Zed direct", receiver_id="Z", submitter_id="E")
    page = olive.get(f"/places/{path}?q={found}").get_data(as_text=True)
    assert other not in page
    assert "Nothing found" not in page
    assert "Nothing found" in olive.get(f"/places/{path}?q=qqqq").get_data(as_text=True)


def test_a_patient_is_searched_by_the_beginning_of_the_name_or_the_whole_mrn_and_not_in_the_address(olive, cast):
    Patient.create(name="TESTPATIENT, ROBIN", mrn="SYN-1")
    Patient.create(name="Otherpatient, Quinn", mrn="SYN-2")
    for words in ("testp", "TESTPATIENT, r", "SYN-1"):
        page = olive.post("/places/patients/search", data={"q": words}).get_data(as_text=True)
        assert "TESTPATIENT, ROBIN" in page, words
        assert "Otherpatient" not in page, words
    assert "Otherpatient" in olive.post("/places/patients/search", data={"q": "OTHER"}).get_data(as_text=True)
    for words in ("robin", "SYN", "%", "_"):
        assert "TESTPATIENT" not in olive.post("/places/patients/search", data={"q": words}).get_data(as_text=True), (
            words
        )
    assert "TESTPATIENT" in olive.get("/places/patients?q=OTHER").get_data(as_text=True), "an address does not search"


@pytest.mark.parametrize("path", ["facilities", "surgeons", "payers", "presets"])
def test_what_is_taken_out_is_not_offered_and_can_be_put_back(olive, cast, path):
    model = NOUNS[path].model
    row = model.select().get()
    assert olive.post(f"/places/{path}/{row.id}/archiving").status_code == 303
    assert f"/places/{path}/{row.id}" not in olive.get(f"/places/{path}").get_data(as_text=True)
    assert f"/places/{path}/{row.id}" in olive.get(f"/places/{path}?show=out").get_data(as_text=True)
    assert "Put back" in olive.get(f"/places/{path}/{row.id}").get_data(as_text=True)
    assert olive.post(f"/places/{path}/{row.id}/restoring").status_code == 303
    assert f"/places/{path}/{row.id}" in olive.get(f"/places/{path}").get_data(as_text=True)


def test_a_row_keeps_the_hospital_that_was_taken_out_meanwhile(olive, cast):
    agreement = Agreement.get(Agreement.facility == cast.mercy)
    places.archive(cast.mercy, by=actor(cast.olive), now=NOW)
    data = {"facility": cast.mercy.id, "from_on": "2026-01-01", "until_on": "2026-12-31", "technical": "facility", "professional": "practice"}  # fmt: skip
    assert olive.post(f"/places/agreements/{agreement.id}", data=data).status_code == 303
    assert olive.post("/places/agreements", data=data | {"from_on": "2027-01-01", "until_on": ""}).status_code == 422


def test_the_same_thing_is_not_entered_twice(olive, cast):
    for path, data in given(cast).items():
        if path not in ("payer-rules", "agreements", "billing-providers", "packet-contents"):
            assert olive.post(f"/places/{path}", data=data).status_code == 303
            answer = olive.post(f"/places/{path}", data=data)
            assert answer.status_code == 422, path
            assert "on file already" in answer.get_data(as_text=True)


def test_two_patients_of_one_name_are_two_when_born_on_other_days(olive):
    for dob in ("1980-01-01", "1981-01-01"):
        assert olive.post("/places/patients", data={"name": "Roe, Jo", "sex": "U", "dob": dob}).status_code == 303


def test_the_diagnoses_a_payer_pays_for_are_typed_as_codes_or_how_they_begin(olive, cast):
    data = given(cast)["payer-rules"] | {"diagnoses": "m48.0, G95\nZ98.1"}
    assert olive.post("/places/payer-rules", data=data).status_code == 303
    row = PayerRule.select().order_by(PayerRule.id.desc()).get()
    assert row.diagnoses == ["M48.0", "G95", "Z98.1"]
    page = olive.get(f"/places/payer-rules/{row.id}").get_data(as_text=True)
    assert 'value="M48.0 G95 Z98.1"' in page


@pytest.mark.parametrize("path, wrong, said", [
    ("facilities", {"zone": "Chicago"}, "is not a time zone name"), ("facilities", {"npi": "1234567890"}, "check digit"),
    ("facilities", {"zip": "123"}, "five or nine digits"), ("facilities", {"screw_threshold_ma": "lots"}, "milliamps"),
    ("surgeons", {"npi": "12"}, "ten digits"), ("patients", {"dob": "1880-01-01"}, "cannot be"),
    ("payer-rules", {"until_on": "2029-01-01"}, "before the start"), ("payer-rules", {"payer_class": "auto"}, "Acme PPO is commercial"),
    ("billing-providers", {"zip": "62701"}, "nine digits"), ("billing-providers", {"address": "P.O. Box 3"}, "must be a street"),
    ("billing-providers", {"pay_zip": ""}, "all four fields"), ("billing-providers", {"taxonomy": "neurology"}, "ends in X"),
    ("receivers", {"claims_per_transaction": "9000"}, "1 to 5,000"), ("agreements", {"case_cents": "a lot"}, "dollars and cents"),
    ("surgeons", {"interest": "none"}, "both or neither"), ("payer-rules", {"filing_days": "0"}, "1 to 1,100"),
    ("payer-rules", {"diagnoses": "M48, spine"}, "SPINE is no beginning"),
    ("payer-rules", {"demands": ["gold"]}, "not a valid choice"), ("agreements", {"hour_cents": "-5"}, "below zero"),
    ("patients", {"dob": "2999-01-01"}, "cannot be"), ("presets", {"setups": ["laser"]}, "not a valid choice"),
])  # fmt: skip
def test_a_wrong_value_is_named_beside_its_field_and_what_was_typed_stays(olive, cast, path, wrong, said):
    answer = olive.post(f"/places/{path}", data=given(cast)[path] | wrong)
    text = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert said in text
    value = next(iter(wrong.values()))
    assert isinstance(value, list) or value in text


def test_a_patient_has_coverage_that_can_be_corrected(olive, cast):
    patient = Patient.create(name="TESTPATIENT, ROBIN")
    data = {"payer": cast.acme.id, "member_id": "MEM-1", "rank": "1"}
    assert olive.post(f"/places/patients/{patient.id}/coverages", data={**data, "member_id": ""}).status_code == 422
    assert olive.post(f"/places/patients/{patient.id}/coverages", data=data).status_code == 303
    cover = Coverage.get(Coverage.patient == patient)
    assert "MEM-1" in olive.get(f"/places/patients/{patient.id}").get_data(as_text=True)
    path = f"/places/patients/{patient.id}/coverages/{cover.id}"
    assert "MEM-1" in olive.get(path).get_data(as_text=True)
    assert olive.post(path, data={**data, "member_id": "MEM-2", "until_on": "2026-12-31"}).status_code == 303
    assert Coverage.get_by_id(cover.id).member_id == "MEM-2"
    other = Patient.create(name="OTHER")
    assert olive.get(f"/places/patients/{other.id}/coverages/{cover.id}").status_code == 404


SUBSCRIBER = {
    "relationship": "19", "insured_last": "TESTPARENT", "insured_first": "RIVER", "insured_birth_on": "1950-01-02",
    "insured_address": "1 Elm St", "insured_city": "Springfield", "insured_state": "il", "insured_zip": "62701",
}  # fmt: skip


def test_a_coverage_names_its_subscriber_when_it_is_another(olive, cast):
    from msgspec import convert

    from practice.claims import Person as Insured

    patient = Patient.create(name="TESTPATIENT, ROBIN")
    url, data = f"/places/patients/{patient.id}/coverages", {"payer": cast.acme.id, "member_id": "MEM-1", "rank": "1"}
    assert olive.post(url, data=data | SUBSCRIBER | {"insured_birth_on": ""}).status_code == 422
    wrong = olive.post(url, data=data | SUBSCRIBER | {"relationship": "18"})
    assert wrong.status_code == 422 and "what the patient is to the subscriber" in wrong.get_data(as_text=True)
    assert not Coverage.select().exists()
    assert olive.post(url, data=data | SUBSCRIBER).status_code == 303
    row = Coverage.get()
    insured = convert(row.subscriber, Insured)
    assert (insured.last, insured.birth_on, insured.address.state) == ("TESTPARENT", date(1950, 1, 2), "IL")
    page = olive.get(f"{url}/{row.id}").get_data(as_text=True)
    assert "TESTPARENT" in page and 'value="1950-01-02"' in page and 'value="1 Elm St"' in page
    assert olive.post(f"{url}/{row.id}", data=data | {"relationship": "18"}).status_code == 303
    assert Coverage.get().subscriber == {}


def test_only_what_differs_is_kept_of_a_receiver(olive, cast):
    olive.post("/places/receivers", data=given(cast)["receivers"])
    row = Receiver.get()
    assert row.options == {"isa_qualifier": "30", "claims_per_transaction": 100, "billing_taxonomy": False}
    page = olive.get(f"/places/receivers/{row.id}").get_data(as_text=True)
    assert '<option selected value="30">' in page and 'value="Clearing One"' in page and 'value="EVK"' in page
    Receiver.update(usage="P").execute()
    page = olive.get(f"/places/receivers/{row.id}").get_data(as_text=True)
    assert '<option selected value="P">' in page, "who only looks and saves must not turn real claims into tests"
    payer = {"name": "Acme PPO", "payer_class": "commercial", "payer_id": "ACME1", "receiver": row.id, "filing": "CI"}
    assert olive.post(f"/places/payers/{cast.acme.id}", data=payer).status_code == 303
    assert Payer.get_by_id(cast.acme.id).receiver_id == row.id
    assert "to Clearing One" in olive.get("/places/payers").get_data(as_text=True)


def test_where_payments_go_and_prices_are_kept_as_the_claim_reads_them(olive, cast):
    olive.post("/places/billing-providers", data=given(cast)["billing-providers"])
    assert BillingProvider.get().pay_to == {"line1": "PO Box 7", "city": "Springfield", "state": "IL", "zip": "62701"}
    olive.post("/places/agreements", data=given(cast)["agreements"])
    row = Agreement.select().order_by(Agreement.id.desc()).get()
    assert (row.case_cents, row.hour_cents, row.standby_hour_cents, row.included_minutes) == (125_000, 9_000, 0, 120)
    assert 'value="1,250.00"' in olive.get(f"/places/agreements/{row.id}").get_data(as_text=True)


def test_a_rule_is_changed_from_a_day_on_and_the_old_one_ends(olive, cast):
    old = keep(cast, rule(cast))
    page = olive.get(f"/places/payer-rules/{old.id}").get_data(as_text=True)
    assert f"/places/payer-rules/{old.id}/next" in page
    form = olive.get(f"/places/payer-rules/{old.id}/next").get_data(as_text=True)
    assert '<option selected value="commercial">' in form and 'value="s"' in form
    data = given(cast)["payer-rules"] | {"from_on": "2026-10-01", "rounding": "full_unit_only"}
    early = olive.post(f"/places/payer-rules/{old.id}/next", data=data | {"from_on": "2026-01-01"})
    assert early.status_code == 422 and "Choose a later day" in early.get_data(as_text=True)
    assert olive.post(f"/places/payer-rules/{old.id}/next", data=data).status_code == 303
    assert PayerRule.get_by_id(old.id).until_on == date(2026, 9, 30)
    new = PayerRule.get(PayerRule.from_on == date(2026, 10, 1))
    assert (new.rounding, new.filing_days, new.demands, new.payer_id) == (
        "full_unit_only",
        90,
        ["authorization"],
        cast.acme.id,
    )
    assert olive.get(f"/places/payers/{cast.acme.id}/next").status_code == 404


def test_the_rules_that_come_with_the_app_know_their_days(cast):
    places.seed()
    medicare = PayerRule.get(PayerRule.payer_class == "medicare")
    assert (medicare.filing_days, medicare.appeal_days) == (365, 120)


CSV = "name,mrn,dob,sex\nRoe Jane,M1,1961-03-14,F\nDoe John,M2,03/15/1962,M\n"


def test_an_import_is_shown_first_and_added_only_when_confirmed(olive):
    page = olive.post("/places/patients/import", data={"file": (io.BytesIO(b"\xef\xbb\xbf" + CSV.encode()), "a.csv")})
    assert page.status_code == 200
    assert "Add 2 patients" in page.get_data(as_text=True)
    assert not Patient.select().exists()
    assert olive.post("/places/patients/import", data={"text": CSV, "confirmed": "y"}).status_code == 303
    assert [(p.name, p.dob) for p in Patient.select().order_by(Patient.id)] == [
        ("ROE JANE", date(1961, 3, 14)), ("DOE JOHN", date(1962, 3, 15)),
    ]  # fmt: skip


def test_one_wrong_row_keeps_all_rows_out_and_is_named_by_its_line(olive):
    text = CSV + 'Poe Ann,M3,"14 March",Q\n,M4,,\nRoe Jane,M1,1961-03-14,F\nToo,Many,,F,cells\n'
    answer = olive.post("/places/patients/import", data={"text": text, "confirmed": "y"})
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "Line 4: Date of birth: Not a valid date value. Sex: one of U, F, M, X." in page
    assert "Line 5: Name: Type LAST, FIRST as on the wristband." in page
    assert "Line 6: The same as line 2." in page
    assert "Line 7: The row has more cells than there are columns." in page
    assert not Patient.select().exists()


def test_the_same_file_again_adds_nothing(olive):
    for status in (303, 422):
        answer = olive.post("/places/patients/import", data={"text": CSV, "confirmed": "y"})
        assert answer.status_code == status
    assert "It is on file already." in answer.get_data(as_text=True)
    assert Patient.select().count() == 2


def test_rows_that_came_in_between_preview_and_confirmation_stop_the_import(cast):
    rows = [{"name": "A", "npi": ""}, {"name": "Sam Sato, MD", "npi": "1245319599"}]
    with pytest.raises(Refused):
        places.take_in(Surgeon, rows, by=actor(cast.olive))
    assert not Surgeon.select().where(Surgeon.name == "A").exists()
    assert not AuditEntry.select().exists()


@pytest.mark.parametrize("raw, said", [
    (b"", "must name the columns"), (b"name\n", "no rows"), (b"title\nx\n", "Not known here: title"), (b"mrn\nx\n", "name is needed"),
    (b"name,name\nx,y\n", "twice"), (b'name\n"x\n', "cannot be read as CSV"), (b"\xff\xfe\x00", "not text in UTF-8"),
    (b"name\n" + b"a" * 200_000, "cannot be read as CSV"), (b"name\n" + b"x\n" * 5001, "more than 5,000"),
])  # fmt: skip
def test_a_file_that_cannot_be_taken_is_refused_with_one_sentence(olive, raw, said):
    answer = olive.post("/places/surgeons/import", data={"file": (io.BytesIO(raw), "a.csv"), "confirmed": "y"})
    assert answer.status_code == 422
    assert said in answer.get_data(as_text=True)


def test_markup_in_an_imported_name_is_shown_as_text(olive):
    text = "name\n<script>alert(1)</script>\n"
    assert "<script>alert" not in olive.post("/places/surgeons/import", data={"text": text}).get_data(as_text=True)
    olive.post("/places/surgeons/import", data={"text": text, "confirmed": "y"})
    assert "&lt;script&gt;" in olive.get("/places/surgeons").get_data(as_text=True)


def rule(cast, **other) -> dict[str, object]:
    return {
        "payer": cast.acme.id, "payer_class": "commercial", "from_on": date(2026, 1, 1), "until_on": None, "accepts": ["95940"],
        "remote_code": "", "rounding": "midpoint", "max_concurrent": 3, "follows_cms": False, "source": "s",
        "certainty": "sourced", **other,
    }  # fmt: skip


def keep(cast, values, row=None):
    return places.save(PayerRule, row, values=values, by=actor(cast.olive), on=TODAY)


def test_the_terms_of_a_rule_that_applies_are_not_rewritten(cast):
    row = keep(cast, rule(cast))
    for change in (
        {"accepts": ["95941"]},
        {"rounding": "full_unit_only"},
        {"from_on": date(2026, 2, 1)},
        {"payer": None},
    ):
        with pytest.raises(Refused, match="its terms stay"):
            keep(cast, rule(cast, **change), row)
    assert keep(cast, rule(cast, until_on=TODAY, source="newer letter"), row).until_on == TODAY
    follower = keep(cast, rule(cast, from_on=TODAY + timedelta(days=1), accepts=["95941"]))
    assert keep(cast, rule(cast, from_on=TODAY + timedelta(days=1), accepts=["95940", "95941"]), follower), (
        "not yet begun"
    )


def test_two_rules_of_one_payer_do_not_hold_on_the_same_day(cast):
    keep(cast, rule(cast, until_on=date(2026, 6, 30)))
    for from_on, until_on in (
        (date(2026, 6, 30), None),
        (date(2025, 1, 1), date(2026, 1, 1)),
        (date(2025, 1, 1), None),
    ):
        with pytest.raises(Refused, match="overlap"):
            keep(cast, rule(cast, from_on=from_on, until_on=until_on))
    keep(cast, rule(cast, from_on=date(2026, 7, 1)))
    keep(cast, rule(cast, payer=None)), "the class has its own"
    keep(cast, rule(cast, payer=Payer.create(name="Other PPO", payer_class="commercial").id))


def test_two_agreements_of_one_hospital_do_not_hold_on_the_same_day(olive, cast):
    data = {"facility": cast.mercy.id, "from_on": "2026-05-01", "technical": "facility", "professional": "practice"}
    answer = olive.post("/places/agreements", data=data)
    assert answer.status_code == 422
    assert "overlap" in answer.get_data(as_text=True)


def test_the_days_of_a_packet_that_was_made_keep_their_rule(cast):
    row = keep(cast, rule(cast))
    case = book(cast, date_of_service=date(2026, 8, 20))
    paper = Document.create(case=case, kind="packet", title="p", sha256="0" * 64, pages=1, size=1, added_at=NOW)
    Packet.create(case=case, requested_at=NOW, document=paper, made_at=NOW)
    with pytest.raises(Refused, match="2026-08-20"):
        keep(cast, rule(cast, until_on=date(2026, 8, 19)), row)
    assert keep(cast, rule(cast, until_on=date(2026, 8, 20)), row)
    Case.update(payer=cast.medicare).where(Case.id == case.id).execute()
    with pytest.raises(Refused, match="2026-08-20"):
        keep(cast, rule(cast, payer=cast.medicare.id))
    assert keep(cast, rule(cast, payer=cast.medicare.id, from_on=date(2026, 8, 21)))


def test_a_preset_page_says_in_words_what_each_set_up_holds(olive):
    page = olive.get(f"/places/presets/{Preset.select().get().id}").get_data(as_text=True)
    assert "Ulnar nerve at the wrist" in page
    assert "Signal alert: amplitude decrease &gt;=50%" in page


def test_a_preset_never_holds_a_measurement():
    for setup in presets.SETUPS.values():
        assert setup.modality.stim_ma is None
        assert setup.modality.stim_v is None
    for preset in presets.defaults():
        assert all(set(one) == {"modality", "side", "site", "peak"} for one in preset["responses"])


def test_a_preset_comes_back_as_it_was_chosen():
    for key in presets.SETUPS:
        assert presets.setups_of(presets.columns([key])["modalities"]) == [key]


def test_a_biller_keeps_places_but_takes_nothing_out_and_imports_nothing(client_for, cast):
    bo = client_for(cast.bo)
    assert bo.get("/places/payers").status_code == 200
    assert bo.post("/places/payers", data={"name": "New", "payer_class": "auto"}).status_code == 303
    assert bo.post(f"/places/payers/{cast.acme.id}/archiving").status_code == 403
    assert bo.get("/places/payers/import").status_code == 403
    page = bo.get(f"/places/payers/{cast.acme.id}").get_data(as_text=True)
    assert "Take out" not in page
