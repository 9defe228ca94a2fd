from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from practice.scrub import Credential, Order, Report, Signature, findings
from tests.practice.made_cases import at, presence, segment, when
from tests.practice.made_scrub import ALERT, CREDENTIALS, SIGNED, billed, clean, line, of, only, whole


def credentials(*changed: Credential, drop: str) -> tuple[Credential, ...]:
    return (*(c for c in CREDENTIALS if c.kind != drop), *changed)


def test_a_clean_case_has_no_findings() -> None:
    assert findings(clean()) == []


def test_a_clean_case_with_an_alert_has_none_either() -> None:
    assert findings(clean(whole(alerts=[ALERT]))) == []


def test_blocks_come_first() -> None:
    found = findings(clean(signatures=(), papers=(), report=Report()))
    order = ["block", "error", "warn", "info"]
    ranks = [order.index(finding.severity) for finding in found]
    assert ranks == sorted(ranks)
    assert len(set(ranks)) > 1


def test_a_missing_value_is_said_once() -> None:
    log = presence("07:55", None, concurrency=[])
    found = findings(clean(whole(physician_log=[log], alerts=[{**ALERT, "resolution": None}], header__preop_exam=None)))
    assert [(f.id, f.where) for f in found if f.severity == "block"] == [
        ("REC-01", "case#preop_exam"),
        ("DOC-12", "record#entry-on-P1-07:55"),
        ("DOC-23", "record#alert-AL1"),
    ]
    assert [(f.id, f.where) for f in found if f.severity == "error"] == [("DOC-14", "record#entry-on-P1-07:55")]


# DOC-01: the request


def test_no_request_at_all_blocks() -> None:
    facts = whole(header__requested_by=None)
    assert only(clean(facts, order=Order(), papers=()), "DOC-01").severity == "block"


def test_a_request_without_its_paper_or_details_warns() -> None:
    found = of(clean(order=Order(), papers=()), "DOC-01")
    assert [finding.severity for finding in found] == ["warn", "warn", "warn"]


def test_an_order_dated_after_the_day_needs_a_reason() -> None:
    order = Order(requested_by="Sam Sato, MD", requested_on=date(2026, 3, 18), surgeon_npi="1245319599")
    assert only(clean(order=order), "DOC-01").severity == "error"


# DOC-02, DOC-05


def test_no_indication_blocks_and_no_structures_warn() -> None:
    assert only(clean(whole(header__indication=None)), "DOC-02").severity == "block"
    assert only(clean(whole(header__structures_at_risk=[])), "DOC-02").severity == "warn"


@pytest.mark.parametrize("field", ["mrn", "dob"])
def test_a_patient_with_one_identifier_blocks(field: str) -> None:
    found = only(clean(whole(**{f"header__patient__{field}": None})), "DOC-05")
    assert (found.severity, found.where) == ("block", f"case#patient-{field}")


def test_no_room_warns() -> None:
    assert only(clean(whole(header__facility__or_room=None)), "DOC-05").severity == "warn"


# DOC-08: technologists


def test_a_credential_that_ended_before_the_day_blocks() -> None:
    ended = Credential(person_name="Tess Tran", kind="CNIM", number="1001", until_on=date(2026, 3, 16), verified=True)
    found = only(clean(credentials=credentials(ended, drop="CNIM")), "DOC-08")
    assert found.severity == "block"
    assert "2026-03-16" in found.message


def test_a_credential_that_ends_on_the_day_is_valid() -> None:
    last = Credential(person_name="Tess Tran", kind="CNIM", number="1001", until_on=date(2026, 3, 17), verified=True)
    assert of(clean(credentials=credentials(last, drop="CNIM")), "DOC-08") == []


def test_a_renewed_credential_beside_the_old_one_is_valid() -> None:
    ended = Credential(person_name="Tess Tran", kind="CNIM", number="1001", until_on=date(2025, 1, 1))
    assert of(clean(credentials=(*CREDENTIALS, ended)), "DOC-08") == []


def test_a_credential_without_proof_on_file_warns() -> None:
    assert only(clean(credentials=credentials(drop="CNIM")), "DOC-08").severity == "warn"


def test_a_credential_without_number_or_verification_warns() -> None:
    bare = Credential(person_name="Tess Tran", kind="CNIM", verified=True)
    assert "number" in only(clean(credentials=credentials(bare, drop="CNIM")), "DOC-08").message
    unchecked = Credential(person_name="Tess Tran", kind="CNIM", number="1")
    assert "verified" in only(clean(credentials=credentials(unchecked, drop="CNIM")), "DOC-08").message


def test_nobody_or_nobody_qualified_in_the_room_blocks() -> None:
    assert only(clean(whole(staff__technologists=[])), "DOC-08").severity == "block"
    bare = whole(staff__technologists=[{"id": "T1", "name": "Tess Tran"}])
    assert only(clean(bare, credentials=credentials(drop="CNIM")), "DOC-08").severity == "block"


def test_a_life_support_card_is_no_proof_for_a_technologist() -> None:
    card = Credential(person_name="Tess Tran", kind="BLS", until_on=date(2020, 1, 1))
    assert only(clean(credentials=credentials(card, drop="CNIM")), "DOC-08").severity == "warn"


# DOC-10: physicians


def test_no_physician_blocks() -> None:
    found = of(clean(whole(staff__physicians=[])), "DOC-10")
    assert [finding.severity for finding in found] == ["block"]


def test_a_license_that_ended_blocks_and_one_of_another_state_is_none() -> None:
    ended = Credential(person_name="Pia Park", kind="State license", number="1", state="IL", until_on=date(2026, 1, 1))
    assert only(clean(credentials=credentials(ended, drop="State license")), "DOC-10").severity == "block"
    other = Credential(person_name="Pia Park", kind="State license", number="1", state="WI", verified=True)
    assert only(clean(credentials=credentials(other, drop="State license")), "DOC-10").severity == "warn"


def test_privileges_that_had_not_begun_block() -> None:
    later = Credential(person_name="Pia Park", kind="Hospital privileges", facility="Mercy", from_on=date(2026, 4, 1))
    assert "had not begun" in only(clean(credentials=credentials(later, drop="Hospital privileges")), "DOC-10").message


def test_an_npi_that_is_missing_warns_and_a_wrong_one_blocks() -> None:
    assert only(clean(npis={}), "DOC-10").severity == "warn"
    assert only(clean(npis={"P1": "1234567890"}), "DOC-10").severity == "block"


# DOC-12: connection


def test_no_connection_or_an_open_one_blocks() -> None:
    assert "block" in {finding.severity for finding in of(clean(whole(physician_log=[])), "DOC-12")}
    assert only(clean(whole(physician_log=[presence("07:55", None)])), "DOC-12").severity == "block"


def test_minutes_nobody_watched_need_a_reason() -> None:
    found = only(clean(whole(physician_log=[presence("07:55", "08:30"), presence("08:45", "09:36")])), "DOC-12")
    assert found.severity == "error"
    assert "08:30 to 08:45" in found.message


def test_seconds_between_a_stamp_and_a_typed_time_are_no_gap() -> None:
    typed = presence("07:55", "09:30")
    short, long = (
        whole(physician_log=[typed], time__segments=[{**segment("08:00", "09:30"), "end": end}])
        for end in (at("09:30").replace(":30:00", ":30:59"), at("09:31"))
    )
    assert of(clean(short), "DOC-12") == []
    assert "09:30 to 09:31" in only(clean(long), "DOC-12").message


def test_a_connection_that_ends_after_the_monitoring_is_fine() -> None:
    assert of(clean(whole(physician_log=[presence("07:00", "11:00")])), "DOC-12") == []


# DOC-16: baselines


def test_baselines_that_no_physician_reviewed_block() -> None:
    sets = [{"start": at("07:40"), "end": at("08:00"), "reviewed_by": "P1", "src": "set1"}]
    found = only(clean(whole(baselines__sets=sets)), "DOC-16")
    assert (found.severity, found.src) == ("block", "set1")


def test_a_study_on_the_claim_without_its_baseline_blocks() -> None:
    found = only(billed(line("95938", "26"), line("95939", "26"), line("95941", units=2)), "DOC-16")
    assert "95939" in found.message


# DOC-18: times


def test_a_segment_without_a_stop_blocks() -> None:
    found = of(clean(whole(time__segments=[segment("08:00", None)])), "DOC-18")
    assert [finding.severity for finding in found] == ["block"]


def test_a_pause_that_never_ends_blocks() -> None:
    facts = whole(events=[{"id": "EV1", "t": at("08:20"), "type": "pause"}])
    assert "08:20" in only(clean(facts), "DOC-18").message
    facts = whole(
        events=[{"id": "EV1", "t": at("08:20"), "type": "pause"}, {"id": "EV2", "t": at("08:40"), "type": "resume"}]
    )
    assert of(clean(facts), "DOC-18") == []


# DOC-20: units


def test_units_other_than_the_record_supports_block() -> None:
    found = only(billed(line("95938", "26"), line("95941", units=3)), "DOC-20")
    assert "3 units are billed and the record supports 2 (95 min)" in found.message


def test_units_that_agree_are_fine() -> None:
    assert of(billed(line("95938", "26"), line("95941", units=2)), "DOC-20") == []


# DOC-23: signal alerts


@pytest.mark.parametrize(
    "change",
    [
        {"t": None},
        {"rows": []},
        {"communicated": [{"who": "surgeon", "t": at("08:30"), "mode": "verbal"}]},
        {"actions": []},
        {"resolution": None},
        {"resolution": {"status": "unresolved", "t": at("09:00")}},
    ],
)
def test_an_alert_with_an_empty_slot_blocks(change: dict[str, Any]) -> None:
    found = of(clean(whole(alerts=[{**ALERT, **change}])), "DOC-23")
    assert {finding.severity for finding in found} == {"block"}
    assert {finding.where for finding in found} == {"record#alert-AL1"}


# DOC-28, DOC-29: impression and signatures


def test_no_impression_and_no_signature_block() -> None:
    case = clean(signatures=())
    assert only(case, "DOC-28").severity == "block"
    assert only(case, "DOC-29").severity == "block"


def test_a_signed_report_holds_the_impression() -> None:
    assert of(clean(), "DOC-28") == []


def test_a_report_that_is_no_longer_what_was_signed_blocks() -> None:
    assert only(clean(report=Report(stale=True, approved=True)), "DOC-29").severity == "block"
    assert only(clean(report=Report(sha256="b" * 64, approved=True)), "DOC-29").severity == "block"
    assert of(clean(report=Report(sha256="a" * 64, approved=True)), "DOC-29") == []


def test_a_signature_before_the_monitoring_ended_blocks() -> None:
    early = Signature(name="Pia Park", at=when("09:00"), text_sha256="a" * 64, staff="P1")
    assert "before the monitoring ended" in only(clean(signatures=(early,)), "DOC-29").message


def test_a_record_the_technologist_did_not_sign_off_blocks() -> None:
    facts = whole(signoff={"technologist": None, "physician": None}, alerts=[ALERT])
    assert only(clean(facts, report=Report()), "DOC-29").severity == "block"
    assert of(clean(facts, report=Report(approved=True)), "DOC-29") == []


def test_each_of_two_physicians_signs_for_their_own_minutes() -> None:
    staff = [{"id": "P1", "name": "Pia Park, MD"}, {"id": "P2", "name": "Sol Ortiz, MD"}]
    facts = whole(
        staff__physicians=staff, physician_log=[presence("07:55", "08:50", "P2"), presence("08:40", "09:36", "P1")]
    )
    found = only(clean(facts), "DOC-29")
    assert found.severity == "error"
    assert "Sol Ortiz" in found.message
    second = Signature(name="Sol Ortiz, MD", at=when("11:00"), text_sha256="c" * 64)
    assert of(clean(facts, signatures=(SIGNED, second)), "DOC-29") == []


# REC-01: the rest


def test_what_completeness_asks_for_a_claim_blocks_too() -> None:
    found = only(clean(whole(header__preop_exam=None)), "REC-01")
    assert (found.severity, found.where) == ("block", "case#preop_exam")


def test_a_diagnosis_without_its_code_blocks() -> None:
    found = only(clean(whole(header__diagnosis=[{"text": "Spinal stenosis"}])), "DOC-03")
    assert (found.severity, found.where) == ("block", "case#diagnosis")
    assert "ICD-10 code" in found.message
