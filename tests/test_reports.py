"""From draft to signature, through the client: who may do what, and that the signed text is what was read."""

from __future__ import annotations

import hashlib
import io
import re
import uuid
from datetime import timedelta

import msgspec
import pytest
from pypdf import PdfReader

from actions import Refused, records, reports
from actions import cases as case_actions
from models import Addendum, Approval, Assignment, AuditEntry, Case, Document, Entry, Job, Report, Signature
from practice import drafting, record, signing
from tests.cast import NOW, PASSWORD, actor, book, load


def add(case: Case, by, data: record.AnyData, *, at=NOW) -> None:
    entry = record.Entry(client_id=str(uuid.uuid4()), at=at, data=data, entered_at=at)
    records.append(case, [entry], by=actor(by), now=NOW)


def drafted(client, case: Case) -> Report:
    assert client.post(f"/cases/{case.id}/drafts").status_code == 303
    return reports.current(case)


def impressed(client, report: Report, text: str = "Reviewed. The record says it.") -> Report:
    answer = client.post(f"/reports/{report.id}/impression", data={"text": text})
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return reports.current(report.case)


def confirmations(report: Report) -> list[str]:
    return [one.key for one in signing.confirmations(report.read_facts())]


def sign(client, report: Report, *, password: str = PASSWORD, confirmed=None, missing_read: str = "y"):
    confirmed = confirmations(report) if confirmed is None else confirmed
    form = {"password": password, "confirmed": confirmed, "missing_read": missing_read}
    return client.post(f"/reports/{report.id}/signature", data={k: v for k, v in form.items() if v})


def ready(client_for, cast, number: str = "02") -> Report:
    """A report that the physician only has to sign."""
    case = load(cast, number)
    report = drafted(client_for(cast.tess), case)
    assert client_for(cast.tess).post(f"/reports/{report.id}/approval").status_code == 303
    return impressed(client_for(cast.pia), report)


@pytest.mark.parametrize("number", ["01", "02", "03"])
def test_a_case_goes_from_draft_to_addendum(client_for, cast, number):
    case = load(cast, number)
    tess, pia = client_for(cast.tess), client_for(cast.pia)
    report = drafted(tess, case)
    page = tess.get(f"/cases/{case.id}/report").get_data(as_text=True)
    assert "DRAFT - not a final report" in page
    assert tess.post(f"/reports/{report.id}/approval").status_code == 303
    assert "To sign" in pia.get("/reports").get_data(as_text=True)
    assert pia.get(f"/reports/{report.id}/review").status_code == 200
    report = impressed(pia, report)
    assert sign(pia, report).status_code == 303
    case = Case.get_by_id(case.id)
    assert case.state == "signed"
    answer = pia.post(f"/cases/{case.id}/addenda", data={"text": "One more line.", "password": PASSWORD})
    assert answer.status_code == 303
    for address in (f"/cases/{case.id}/report", f"/cases/{case.id}/report.txt", f"/cases/{case.id}/addenda"):
        assert "One more line." in tess.get(address).get_data(as_text=True), address
    assert "SIGNED, with 1 addendum." in tess.get(f"/cases/{case.id}/report").get_data(as_text=True)


def test_the_signature_stands_on_the_digest_of_the_exact_text(client_for, cast):
    report = ready(client_for, cast)
    assert sign(client_for(cast.pia), report).status_code == 303
    signature = Signature.get()
    stored = Report.get_by_id(report.id)
    assert signature.text_sha256 == stored.text_sha256 == hashlib.sha256(stored.text.encode()).hexdigest()
    assert signature.name == "Pia Park"
    assert signature.credentials == "MD"
    text = client_for(cast.pia).get(f"/cases/{report.case_id}/report.txt").get_data(as_text=True)
    assert signature.text_sha256 in text


def test_signing_asks_for_the_pdf_in_the_same_transaction(client_for, cast):
    report = ready(client_for, cast)
    sign(client_for(cast.pia), report)
    assert [job.subject_id for job in Job.select().where(Job.kind == "report_pdf")] == [report.id]


def test_drafting_the_same_record_again_gives_the_same_draft(client_for, cast):
    case = load(cast, "01")
    first = drafted(client_for(cast.tess), case)
    assert drafted(client_for(cast.pia), case).id == first.id


def test_a_changed_record_makes_the_draft_stale_and_says_what_changed(client_for, cast):
    case = load(cast, "01")
    tess = client_for(cast.tess)
    report = drafted(tess, case)
    add(case, cast.tess, record.Event(type="observation", text="Irrigation of the field"))
    page = tess.get(f"/cases/{case.id}/report").get_data(as_text=True)
    assert "Out of date." in page
    assert "Irrigation of the field" in page
    refused = tess.post(f"/reports/{report.id}/approval")
    assert refused.status_code == 422
    assert "Irrigation of the field" in refused.get_data(as_text=True)
    newer = drafted(tess, case)
    assert newer.id != report.id
    assert "Out of date." not in tess.get(f"/cases/{case.id}/report").get_data(as_text=True)


def test_a_stale_draft_is_not_signed_even_when_it_was_approved(client_for, cast):
    report = ready(client_for, cast)
    add(report.case, cast.tess, record.Event(type="observation", text="Keyed after the approval"))
    answer = sign(client_for(cast.pia), report)
    assert answer.status_code == 422
    assert "Keyed after the approval" in answer.get_data(as_text=True)
    assert not Signature.select().exists()


def test_a_new_fact_undoes_the_approval_and_the_impression_does_not(client_for, cast):
    report = ready(client_for, cast)
    assert Approval.get().report_id != report.id
    assert reports.approval_of(report)
    add(report.case, cast.tess, record.Event(type="observation", text="Later"))
    assert reports.approval_of(drafted(client_for(cast.tess), report.case)) is None


def test_a_draft_of_an_older_writer_is_stale_and_shown_as_it_was_written(client_for, cast):
    case = load(cast, "01")
    tess = client_for(cast.tess)
    report = drafted(tess, case)
    older = msgspec.structs.replace(reports.drafted(report), key_result=(drafting.Sentence("Said otherwise once."),))
    text = drafting.signable_text(older)
    Report.create(
        case=case,
        record_rev=report.record_rev,
        facts=report.facts,
        layout=msgspec.msgpack.encode(older),
        text=text,
        text_sha256=signing.digest(text),
        drafted_at=NOW,
    )
    page = tess.get(f"/cases/{case.id}/report").get_data(as_text=True)
    assert reports.UPDATED in page
    assert "Said otherwise once." in page
    assert drafted(tess, case).text == report.text


def test_a_signed_report_is_shown_and_printed_in_its_words_when_the_writer_has_others(client_for, cast, monkeypatch):
    report = ready(client_for, cast)
    pia = client_for(cast.pia)
    assert sign(pia, report).status_code == 303
    before = drafting.signable_text(reports.written(report))
    monkeypatch.setattr(drafting, "TITLE", "Another title")
    monkeypatch.setattr(drafting._Writer, "_closing_state", lambda self: self.say("It was closed.", "record"))
    assert drafting.signable_text(drafting.draft(report.read_facts())) != report.text
    data = {"text": "More.", "password": PASSWORD}
    assert pia.post(f"/cases/{report.case_id}/addenda", data=data).status_code == 303
    assert drafting.signable_text(reports.written(report)) == before == report.text
    pages = PdfReader(io.BytesIO(reports.printed(report).pdf)).pages
    printed = " ".join(" ".join(page.extract_text().split()) for page in pages)
    shown = pia.get(f"/cases/{report.case_id}/report").get_data(as_text=True)
    for text in (printed, shown):
        assert "all recorded responses were at baseline." in text and "More." in text
        assert "It was closed." not in text and "Another title" not in text


def test_an_unapproved_report_is_not_signed(client_for, cast):
    case = load(cast, "01")
    report = impressed(client_for(cast.pia), drafted(client_for(cast.tess), case))
    answer = sign(client_for(cast.pia), report)
    assert answer.status_code == 422
    assert "has not approved" in answer.get_data(as_text=True)


def test_an_incomplete_record_is_refused_with_every_gap(client_for, cast):
    case = load(cast, "08")
    tess = client_for(cast.tess)
    report = drafted(tess, case)
    gaps = signing.gaps(report.read_facts())
    assert gaps
    page = sign(client_for(cast.pia), report).get_data(as_text=True)
    assert not Signature.select().exists()
    with pytest.raises(Refused) as refused:
        reports.sign(report, password=PASSWORD, confirmed=(), missing_read=True, by=actor(cast.pia), now=NOW)
    assert set(gaps) <= set(refused.value.reasons)
    assert all(gap.split(": ")[1].split(".")[0] in page for gap in gaps[:3])


def test_an_open_record_is_not_approved(client_for, cast):
    case = book(cast)
    report = drafted(client_for(cast.tess), case)
    answer = client_for(cast.tess).post(f"/reports/{report.id}/approval")
    assert answer.status_code == 422
    assert "still open" in answer.get_data(as_text=True)


def test_a_wrong_password_signs_nothing_and_keeps_the_ticks(client_for, cast):
    report = ready(client_for, cast)
    answer = sign(client_for(cast.pia), report, password="not this one at all")
    assert answer.status_code == 422
    page = answer.get_data(as_text=True)
    assert "Nothing was signed" in page
    assert len(re.findall(r'name="confirmed"[^>]* checked', page)) == len(confirmations(report))
    assert not Signature.select().exists()
    assert Case.get_by_id(report.case_id).signed_at is None


def test_too_many_wrong_passwords_shut_signing_even_for_the_right_one(client_for, cast):
    report = ready(client_for, cast)
    pia = client_for(cast.pia)
    for _ in range(5):
        sign(pia, report, password="not this one at all")
    assert sign(pia, report).status_code == 422
    assert not Signature.select().exists()


def test_each_slot_of_each_alert_has_to_be_confirmed(client_for, cast):
    report = ready(client_for, cast)
    pia, keys = client_for(cast.pia), confirmations(report)
    assert keys == ["AL1.side", "AL1.outcome", "AL1.communication"]
    for left_out in keys:
        answer = sign(pia, report, confirmed=[key for key in keys if key != left_out])
        assert answer.status_code == 422
        assert f"confirm the {left_out.split('.')[1]}" in answer.get_data(as_text=True)
    assert not Signature.select().exists()


def test_the_missing_list_has_to_be_read(client_for, cast):
    report = ready(client_for, cast)
    assert sign(client_for(cast.pia), report, missing_read="").status_code == 422
    assert not Signature.select().exists()


def test_the_impression_is_confirmed_before_the_signature_and_stands_in_the_text(client_for, cast):
    case = load(cast, "01")
    tess, pia = client_for(cast.tess), client_for(cast.pia)
    report = drafted(tess, case)
    tess.post(f"/reports/{report.id}/approval")
    assert "Confirm the impression first" in sign(pia, report).get_data(as_text=True)
    report = impressed(pia, report, "My own words,\r\nin more lines.")
    assert "My own words,\nin more lines." in report.text
    assert Entry.select().where(Entry.kind == "impression").count() == 1
    assert impressed(pia, report, "My own words,\nin more lines.").id == report.id
    assert impressed(pia, report, "Changed.").text.count("My own words") == 0


def test_a_physician_who_is_not_on_the_case_sees_404(client_for, cast):
    report = ready(client_for, cast)
    Assignment.delete().where(Assignment.person == cast.pia.id).execute()
    pia = client_for(cast.pia)
    for address in (
        f"/reports/{report.id}/review",
        f"/cases/{report.case_id}/report",
        f"/cases/{report.case_id}/report.txt",
    ):
        assert pia.get(address).status_code == 404, address
    assert sign(pia, report).status_code == 404


def test_nobody_signs_for_the_physician(client_for, cast):
    report = ready(client_for, cast)
    for person, status in ((cast.olive, 403), (cast.tess, 403), (cast.bo, 403), (cast.stan, 403)):
        assert sign(client_for(person), report).status_code == status
        with pytest.raises(Refused):
            reports.sign(
                report, password=PASSWORD, confirmed=confirmations(report), missing_read=True, by=actor(person), now=NOW
            )
    assert not Signature.select().exists()


def test_an_owner_on_the_case_who_is_no_physician_cannot_sign(client_for, cast):
    report = ready(client_for, cast)
    Assignment.create(case=report.case, person=cast.olive, role="physician")
    with pytest.raises(Refused):
        reports.sign(
            report, password=PASSWORD, confirmed=confirmations(report), missing_read=True, by=actor(cast.olive), now=NOW
        )


def test_only_a_technologist_of_the_case_approves(client_for, cast):
    case = load(cast, "01")
    report = drafted(client_for(cast.tess), case)
    for person, status in ((cast.pia, 403), (cast.olive, 403), (cast.bo, 403), (cast.stan, 404)):
        assert client_for(person).post(f"/reports/{report.id}/approval").status_code == status
    assert not Approval.select().exists()


def test_an_owner_who_is_a_technologist_approves(client_for, cast):
    cast.olive.roles = ["owner", "technologist"]
    cast.olive.save()
    case = load(cast, "01")
    report = drafted(client_for(cast.tess), case)
    assert client_for(cast.olive).post(f"/reports/{report.id}/approval").status_code == 303


def test_billing_reads_the_report_only_after_it_is_signed(client_for, cast):
    report = ready(client_for, cast)
    bo = client_for(cast.bo)
    assert bo.get(f"/cases/{report.case_id}/report").status_code == 404
    assert bo.get(f"/reports/{report.id}/sentences/1").status_code == 404
    sign(client_for(cast.pia), report)
    assert bo.get(f"/cases/{report.case_id}/report").status_code == 200


def test_a_second_physician_of_a_handover_signs_the_same_report(client_for, cast):
    from models import Person

    second = Person.create(
        name="Paul Poe", email="paul@example.org", credentials="MD", roles=["physician"],
        password_hash=cast.pia.password_hash, created_at=NOW,
    )  # fmt: skip
    case = load(cast, "02")
    case_actions.assign(case, second, "physician", by=actor(cast.olive), now=NOW)
    start = case.facts().time.segments[0].start
    seen = next(one for one in case.facts().staff.physicians if one.name == "Paul Poe, MD")
    add(case, cast.tess, record.Presence(
        physician=seen.id, connect=start, disconnect=start + timedelta(minutes=30), method="remote link",
    ))  # fmt: skip
    report = drafted(client_for(cast.tess), case)
    client_for(cast.tess).post(f"/reports/{report.id}/approval")
    report = impressed(client_for(cast.pia), report)
    assert sign(client_for(cast.pia), report).status_code == 303
    assert "To sign" in client_for(second).get("/reports").get_data(as_text=True)
    assert client_for(second).get(f"/reports/{report.id}/review").status_code == 200
    assert sign(client_for(second), report).status_code == 303
    assert {one.name for one in report.signatures} == {"Pia Park", "Paul Poe"}
    assert len({one.text_sha256 for one in report.signatures}) == 1
    assert sign(client_for(second), report).status_code == 422
    assert Report.select().where(Report.case == case.id).count() == 2


def test_addenda_are_for_signed_reports_and_their_physicians(client_for, cast):
    report = ready(client_for, cast)
    pia, address = client_for(cast.pia), f"/cases/{report.case_id}/addenda"
    form = {"text": "More.", "password": PASSWORD}
    assert pia.post(address, data=form).status_code == 422
    sign(pia, report)
    assert client_for(cast.tess).post(address, data=form).status_code == 403
    assert pia.post(address, data={**form, "password": "wrong wrong wrong"}).status_code == 422
    assert not Addendum.select().exists()
    assert pia.post(address, data=form).status_code == 303
    assert pia.post(address, data={**form, "text": "And more."}).status_code == 303
    assert [one.number for one in Addendum.select().order_by(Addendum.id)] == [1, 2]


def test_an_addendum_leaves_the_signed_text_alone(client_for, cast):
    report = ready(client_for, cast)
    pia = client_for(cast.pia)
    sign(pia, report)
    pia.post(f"/cases/{report.case_id}/addenda", data={"text": "More.", "password": PASSWORD})
    assert Report.get_by_id(report.id).text == report.text
    assert "More." not in report.text
    assert Addendum.get().text_sha256 == hashlib.sha256(b"More.").hexdigest()


def test_every_sentence_leads_to_the_entries_behind_it(client_for, cast):
    case = load(cast, "02")
    tess = client_for(cast.tess)
    report = drafted(tess, case)
    page = tess.get(f"/cases/{case.id}/report").get_data(as_text=True)
    places = [int(place) for place in re.findall(rf'href="/reports/{report.id}/sentences/(\d+)"', page)]
    assert sorted(places) == list(range(1, len(list(drafting.sentences(reports.written(report)))) + 1))
    for place in places[::9]:
        answer = tess.get(f"/reports/{report.id}/sentences/{place}")
        assert answer.status_code == 200
        assert "<li>" in answer.get_data(as_text=True)
    part = tess.get(f"/reports/{report.id}/sentences/1", headers={"HX-Request": "true"}).get_data(as_text=True)
    assert part.strip().startswith('<div id="sources"')
    assert tess.get(f"/reports/{report.id}/sentences/99999").status_code == 404


def test_words_of_a_note_appear_as_text(client_for, cast):
    case = load(cast, "01")
    add(case, cast.tess, record.Event(type="observation", text="<script>alert(1)</script><b>bold</b>"))
    tess = client_for(cast.tess)
    drafted(tess, case)
    page = tess.get(f"/cases/{case.id}/report").get_data(as_text=True)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&lt;b&gt;bold&lt;/b&gt;" in page
    assert "<b>bold" not in page


def test_the_inbox_shows_each_what_they_have_to_do(client_for, cast):
    first, second = load(cast, "01"), load(cast, "05")
    tess, pia = client_for(cast.tess), client_for(cast.pia)
    assert "To draft (2)" in tess.get("/reports").get_data(as_text=True)
    for case in (first, second):
        drafted(tess, case)
    page = tess.get("/reports").get_data(as_text=True)
    assert "To approve (2)" in page
    assert page.index("unresolved alert") < page.index("no alerts")
    assert "Waiting on somebody else (2)" in pia.get("/reports").get_data(as_text=True)
    tess.post(f"/reports/{reports.current(first).id}/approval")
    assert "To sign (1)" in pia.get("/reports").get_data(as_text=True)
    assert re.search(r"\d+ x (95941|95940|G0453)[^<]* held", pia.get("/reports").get_data(as_text=True))
    assert "Nothing needs you" in client_for(cast.stan).get("/reports").get_data(as_text=True)


def test_reading_a_report_is_audited_and_names_no_patient(client_for, cast):
    case = load(cast, "01")
    tess = client_for(cast.tess)
    drafted(tess, case)
    tess.get(f"/cases/{case.id}/report")
    last = AuditEntry.select().order_by(AuditEntry.seq.desc()).get()
    assert (last.action, last.noun, last.case_id, last.actor) == ("view", "report", case.id, cast.tess.id)
    details = " ".join(one.detail for one in AuditEntry.select())
    assert "TESTPATIENT" not in details


def test_a_pdf_that_is_not_there_is_offered_and_asking_for_it_is_a_post(client_for, cast):
    case = load(cast, "01")
    tess = client_for(cast.tess)
    report = drafted(tess, case)
    page = tess.get(f"/cases/{case.id}/report.pdf").get_data(as_text=True)
    assert "Make the PDF" in page
    pdfs = Job.select().where(Job.kind == "report_pdf")
    assert not pdfs.exists()
    assert tess.post(f"/reports/{report.id}/pdf").location == f"/reports/{report.id}/pdf"
    assert pdfs.count() == 1
    assert tess.post(f"/reports/{report.id}/pdf").status_code == 303
    assert pdfs.count() == 1
    assert "is being made" in tess.get(f"/reports/{report.id}/pdf").get_data(as_text=True)


def test_the_printed_report_says_draft_and_then_signed(client_for, cast):
    import io

    from pypdf import PdfReader

    import tasks

    def words(case: Case) -> str:
        tasks.work_off()
        answer = client_for(cast.tess).get(f"/cases/{case.id}/report.pdf")
        assert answer.mimetype == "application/pdf", answer.get_data(as_text=True)
        assert answer.headers["Content-Security-Policy"] == "sandbox"
        assert "TEST" not in answer.headers["Content-Disposition"]
        return " ".join(page.extract_text() for page in PdfReader(io.BytesIO(answer.data)).pages)

    report = ready(client_for, cast)
    client_for(cast.tess).post(f"/reports/{report.id}/pdf")
    assert "DRAFT - not a final report" in words(report.case)
    sign(client_for(cast.pia), report)
    signed = words(report.case)
    assert "SIGNED - final report" in signed
    assert "DRAFT" not in signed
    client_for(cast.pia).post(
        f"/cases/{report.case_id}/addenda", data={"text": "Afterword here.", "password": PASSWORD}
    )
    assert "Afterword here." in words(report.case)
    kinds = [(one.kind, one.sha256 != "") for one in Document.select().order_by(Document.id)]
    assert kinds == [("report_draft", True), ("report", True), ("report", True)]
