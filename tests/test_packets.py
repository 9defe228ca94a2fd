"""From the findings to the packet, through the client and the worker: who may ask, what stands in the way, what is in it."""

from __future__ import annotations

import io
import re
from datetime import UTC, date, datetime

import pytest
from PIL import Image
from pypdf import PdfReader

import tasks
from actions import Refused, documents, jobs, packets, places, reports, weighing
from models import (
    SETTINGS,
    AuditEntry,
    Case,
    Claim,
    Credential,
    CredentialType,
    Document,
    Job,
    Packet,
    PacketDemand,
    PayerRule,
    RecordsRequest,
    Sending,
    TableImport,
    db,
)  # fmt: skip
from practice import claims, signing
from practice.report import impression
from tests.cast import NOW, PASSWORD, actor, book, load
from tests.practice import made_claims
from tests.test_jobs import let_the_lease_run_out, python

DIES = """
import os, signal
import tasks
from actions import documents
put = documents.put
def dies(pdf):
    sha = put(pdf)
    os.kill(os.getpid(), signal.SIGKILL)
documents.put = dies
tasks.drain.call_local()
"""
"""A worker that is killed when the packet's file is written and its row is not."""


def paper(case: Case, by, kind: str = "order", title: str = "Order for monitoring") -> Document:
    out = io.BytesIO()
    Image.new("L", (400, 500), 255).save(out, "PNG")
    return documents.upload(
        case, kind=kind, raw=out.getvalue(), name="scan.png", title=title, by=actor(by), now=datetime.now(UTC)
    )


def sign(case: Case, cast) -> Case:
    """Approved by Tess, signed by Pia."""
    first = reports.draft(case, by=actor(cast.tess), now=NOW)
    reports.approve(first, by=actor(cast.tess), now=NOW)
    text = impression(reports.written(first))
    report = reports.impress(case, text=text, by=actor(cast.pia), now=NOW)
    keys = {one.key for one in signing.confirmations(report.read_facts())}
    reports.sign(report, password=PASSWORD, confirmed=keys, missing_read=True, by=actor(cast.pia), now=NOW)
    return Case.get_by_id(case.id)


def signed(cast, number: str = "02") -> Case:
    return sign(load(cast, number), cast)


def ask(client, case: Case, what: str = "packets") -> Packet:
    answer = client.post(f"/cases/{case.id}/{what}")
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return Packet.get_by_id(int(answer.location.rpartition("/")[2]))


def made(client, case: Case, what: str = "packets") -> Packet:
    """A packet that was asked for and put together by the worker."""
    packet = ask(client, case, what)
    tasks.work_off()
    packet = Packet.get_by_id(packet.id)
    assert packet.made_at, Job.get(Job.key == f"packet/{packet.id}").error
    return packet


def pages(packet: Packet) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(documents.read(packet.document))).pages]


# Asking, waiting, opening


def test_a_packet_is_asked_for_made_by_the_worker_and_opened(client_for, cast):
    case, bo = signed(cast), client_for(cast.bo)
    packet = ask(bo, case)
    waiting = bo.get(f"/packets/{packet.id}", headers={"HX-Request": "true"}).get_data(as_text=True)
    assert f'hx-get="/packets/{packet.id}"' in waiting
    assert "<html" not in waiting
    assert bo.get(f"/packets/{packet.id}/pdf").status_code == 303
    tasks.work_off()
    done = bo.get(f"/packets/{packet.id}", headers={"HX-Request": "true"}).get_data(as_text=True)
    assert "hx-get" not in done
    assert "Time and presence log" in done
    pdf = bo.get(f"/packets/{packet.id}/pdf")
    assert pdf.mimetype == "application/pdf"
    assert "TESTPATIENT" not in pdf.headers["Content-Disposition"]
    assert [part["title"] for part in Packet.get_by_id(packet.id).parts] == [
        "Cover and index", "Requirements and where they are met", "Claim summary", "Signed report", "Time and presence log",
        "Physician's day: whose each minute is", "Personnel and credentials",
    ]  # fmt: skip


def test_the_page_shows_lines_with_their_steps_and_what_is_not_billed(client_for, cast):
    page = client_for(cast.bo).get(f"/cases/{signed(cast).id}/packet").get_data(as_text=True)
    assert "95941 = floor((305+29)/60) = 5" in page
    assert "<summary>Each step</summary>" in page
    assert "Not billed, and why" in page
    assert "Pia Park, MD" in page


def test_the_lines_say_what_was_not_checked_by_the_tables_of_the_day(client_for, cast):
    case = signed(cast)
    page = client_for(cast.bo).get(f"/cases/{case.id}/packet").get_data(as_text=True)
    assert "Units a day (MUE): no edition of that day is imported" in page and 'href="/tables"' in page
    on = weighing.weigh(case).coding.date_of_service
    for kind in ("ptp", "mue", "addon", "rvu"):
        TableImport.create(kind=kind, sha256="x", from_on=on, offered_at=NOW, loaded_at=NOW)
    assert "Not checked by the tables" not in client_for(cast.bo).get(f"/cases/{case.id}/packet").get_data(as_text=True)


def test_what_stands_in_the_way_refuses_the_packet_and_every_reason_is_shown(client_for, cast):
    case, bo = load(cast, "08"), client_for(cast.bo)
    reasons = weighing.weigh(case).objections
    assert len(reasons) > 3
    answer = bo.post(f"/cases/{case.id}/packets")
    assert answer.status_code == 422
    shown = re.sub(r"\s+", " ", answer.get_data(as_text=True))
    assert "No packet was made" in shown
    for finding in weighing.weigh(case).blocking:
        assert finding.message in shown
    assert not Packet.select().exists()
    assert not Job.select().where(Job.kind == "packet").exists()


def test_a_preview_can_always_be_made_and_says_so_on_every_page(client_for, cast):
    packet = made(client_for(cast.bo), load(cast, "08"), "packet-previews")
    assert packet.preview
    assert all("PREVIEW - NOT FOR SUBMISSION" in text for text in pages(packet))


def test_every_page_names_patient_packet_and_its_number(client_for, cast):
    packet = made(client_for(cast.bo), signed(cast))
    texts = pages(packet)
    (name,) = set(re.findall(r"Packet (\S+-\d+-[0-9a-f]{6})", " ".join(texts)))
    for number, text in enumerate(texts, 1):
        assert "SYN-" in text
        assert f"Packet {name}" in text
        assert f"Page {number} of {len(texts)}" in text
        assert "PREVIEW" not in text


def test_the_finding_of_an_expired_license_stops_a_packet_asked_for_before(client_for, cast):
    case, bo = signed(cast), client_for(cast.bo)
    packet = ask(bo, case)
    license = CredentialType.get(CredentialType.name == "State license")
    Credential.create(person=cast.pia, type=license, state="", from_on="2001-01-01", until_on="2002-01-01")
    tasks.work_off()
    assert Packet.get_by_id(packet.id).made_at is None
    assert "the license for" in bo.get(f"/packets/{packet.id}").get_data(as_text=True)


# The same input, the same bytes


def test_the_same_input_gives_the_same_bytes(client_for, cast):
    case, bo = signed(cast), client_for(cast.bo)
    paper(case, cast.bo)
    first, second = made(bo, case), made(bo, case)
    assert first.id != second.id
    assert first.document.sha256 == second.document.sha256


def test_a_worker_killed_in_the_middle_leaves_a_packet_that_is_made_once(client_for, cast):
    case, bo = signed(cast), client_for(cast.bo)
    tasks.work_off()
    packet = ask(bo, case)
    db.close()
    killed = python(DIES)
    assert killed.wait(60) != 0
    db.connect()
    assert Packet.get_by_id(packet.id).made_at is None
    tasks.work_off()
    assert Packet.get_by_id(packet.id).made_at is None, "its lease runs on"
    let_the_lease_run_out()
    tasks.work_off()
    tasks.work_off()
    assert Document.select().where(Document.made_from == f"packet:{packet.id}").count() == 1
    assert Packet.get_by_id(packet.id).document.sha256


# What is in it


def test_order_and_consent_are_exhibits_and_a_withdrawn_paper_is_not(client_for, cast):
    case, bo = signed(cast), client_for(cast.bo)
    paper(case, cast.bo, "consent", "Consent of the patient")
    paper(case, cast.bo, "order", "Order of Dr. Sato")
    wrong = paper(case, cast.bo, "other", "Paper of somebody else")
    documents.withdraw(wrong, by=actor(cast.bo), now=NOW)
    titles = [part["title"] for part in made(bo, case).parts]
    assert titles[-2:] == ["Order of Dr. Sato", "Consent of the patient"]
    assert "Paper of somebody else" not in bo.get(f"/cases/{case.id}/packet").get_data(as_text=True)


def test_an_addendum_makes_another_packet_and_the_old_one_stays(client_for, cast):
    case, bo = signed(cast), client_for(cast.bo)
    before = made(bo, case)
    reports.addend(case, text="The level was C5-C6.", password=PASSWORD, by=actor(cast.pia), now=datetime.now(UTC))
    assert "something was added since" in bo.get("/packets").get_data(as_text=True)
    after = made(bo, case)
    assert "The level was C5-C6." in " ".join(pages(after))
    assert "The level was C5-C6." not in " ".join(pages(Packet.get_by_id(before.id)))
    assert bo.get(f"/packets/{before.id}/pdf").status_code == 200
    assert "something was added since" not in bo.get("/packets").get_data(as_text=True)


def test_the_report_in_a_packet_is_the_frozen_one(client_for, cast):
    case = signed(cast)
    part = next(one for one in made(client_for(cast.bo), case).parts if one["title"] == "Signed report")
    frozen = Document.get(Document.case == case.id, Document.kind == "report")
    assert part["sha256"] == frozen.sha256
    assert packets.report_pdf(case) == documents.read(frozen)


# Two physicians


def test_two_physicians_each_sign_for_their_own_minutes(client_for, cast):
    case, bo = load(cast, "05"), client_for(cast.bo)
    page = bo.get(f"/cases/{case.id}/packet").get_data(as_text=True)
    assert "Each signs for their own minutes" in page
    assert page.count("Has not signed") == 2
    sign(case, cast)
    page = bo.get(f"/cases/{case.id}/packet").get_data(as_text=True)
    assert page.count("Has not signed") == 1
    assert "Physician 2, MD has minutes on the claim and has not signed" in page
    assert "To be mended (2)" in page


# A payer nobody knows


def test_a_day_without_a_payer_rule_stops_the_claim_and_breaks_nothing(cast):
    Case.update(date_of_service=date(2012, 6, 9)).where(Case.id == load(cast, "02").id).execute()
    case = sign(Case.get(), cast)
    weighed = weighing.weigh(case)
    assert weighed.blocking[0].id == "PAY-01"
    assert not [line for line in weighed.coding.lines if line.minutes]
    assert weighed.coding.counted_minutes == 305
    with pytest.raises(Refused, match="No rule says what a"):
        packets.assembled(case, preview=False)


# For other purposes


def front(packet: Packet) -> str:
    return " ".join(" ".join(pages(packet)[:3]).split())


def wanted(case: Case, **columns) -> PacketDemand:
    given = {"purpose": "records", "from_on": date(2020, 1, 1), "source": "letter", **columns}
    return PacketDemand.create(payer=case.payer_id, payer_class="" if case.payer_id else case.payer_class, **given)


def made_for(client, case: Case, purpose: str, **data) -> Packet:
    answer = client.post(f"/cases/{case.id}/packets", data={"purpose": purpose, **data})
    assert answer.status_code == 303, answer.get_data(as_text=True)
    tasks.work_off()
    packet = Packet.get_by_id(int(answer.location.rpartition("/")[2]))
    assert packet.made_at, Job.get(Job.key == f"packet/{packet.id}").error
    return packet


def test_what_blocks_a_claim_does_not_keep_records_from_who_asks_for_them(client_for, cast):
    case, bo = load(cast, "08"), client_for(cast.bo)
    assert weighing.weigh(case).objections
    page = bo.get(f"/cases/{case.id}/packets/new?purpose=records").get_data(as_text=True)
    assert "The report is not signed." in page
    assert "Operative note is not on file." in page
    packet = made_for(bo, case, "records")
    said = front(packet)
    assert "Records packet" in said
    assert "MISSING The report is not signed." in said
    assert "Custodian of records" in said
    assert "PREVIEW" not in said
    assert "DOC-" not in said, "our own findings are not for who asks"


def test_what_is_wanted_points_at_the_page_that_answers_it(client_for, cast):
    case, bo = signed(cast), client_for(cast.bo)
    paper(case, cast.bo, "op_note", "Operative note of Dr. Sato")
    packet = made_for(bo, case, "records")
    parts = {part["part"]: part for part in packet.parts if part["part"]}
    for one in packet.demands:
        if one["missing"]:
            continue
        ((letter, first, last),) = one["places"]
        part = parts[one["part"]]
        assert (letter, first, last) == (part["letter"], part["first_page"], part["first_page"] + part["pages"] - 1)
        assert f"Ex. {letter} - 1" in pages(packet)[first - 1]
    assert [one["part"] for one in packet.demands if one["missing"]] == ["personnel", "order"]


def test_the_letter_that_asks_lies_on_top(client_for, cast):
    case, bo = signed(cast), client_for(cast.bo)
    paper(case, cast.bo, "request", "Letter of May 2")
    packet = made_for(bo, case, "records")
    assert packet.parts[0]["title"] == "Request: Letter of May 2"
    assert "on top" in front(packet)
    assert "Request" not in [part["title"] for part in made(bo, case).parts]


def test_a_payers_own_row_stands_in_the_place_of_the_one_for_everybody(client_for, cast):
    case, bo = signed(cast), client_for(cast.bo)
    PacketDemand.create(purpose="records", part="report", from_on=date(2020, 1, 1), source="all")
    PacketDemand.create(purpose="records", part="consent", from_on=date(2020, 1, 1), source="all", required=False)
    wanted(case, part="consent", words="Signed consent, form 12-B")
    wanted(case, part="trail", from_on=date(2999, 1, 1))
    said = front(made_for(bo, case, "records"))
    assert "Signed consent, form 12-B - MISSING" in said
    assert "Audit trail" not in said
    assert "Time and presence log" not in said, "what nobody wants stays out"


def test_only_what_is_not_required_can_be_left_out(client_for, cast):
    case, bo = signed(cast), client_for(cast.bo)
    paper(case, cast.bo, "consent", "Consent of the patient")
    packet = made_for(bo, case, "records", **{"left-out": "consent"})
    assert "Consent of the patient" not in [part["title"] for part in packet.parts]
    answer = bo.post(f"/cases/{case.id}/packets", data={"purpose": "records", "left-out": ["report", "consent"]})
    assert answer.status_code == 422
    said = answer.get_data(as_text=True)
    assert "Signed report is required for this payer and purpose" in said
    assert re.search(r'value="consent" id="out-consent"\s+checked', said)


def test_an_appeal_has_the_denial_on_its_cover(client_for, cast):
    case, bo = signed(cast), client_for(cast.bo)
    paper(case, cast.bo, "denial", "Explanation of benefits")
    wrong = bo.post(f"/cases/{case.id}/packets", data={"purpose": "appeal", "reason": "Not necessary", "amount": "x"})
    assert wrong.status_code == 422
    assert "Type the date on the letter." in wrong.get_data(as_text=True)
    assert "Not necessary</textarea>" in wrong.get_data(as_text=True)
    packet = made_for(
        bo, case, "appeal", level="First level", denied_on="2026-06-20", claim_number="ICN 55", codes="CO-50",
        amount="2,400.00", reason="Not medically necessary.",
    )  # fmt: skip
    said = front(packet)
    for words in ("Appeal packet", "ICN 55", "CO-50", "$2,400.00", "Not medically necessary.", "2026-06-20"):
        assert words in said
    assert packet.parts[2]["title"] == "Explanation of benefits", "the denial is the first exhibit"


def test_the_claim_as_it_was_billed_is_an_exhibit(client_for, cast):
    case, bo = signed(cast), client_for(cast.bo)
    body = made_claims.claim("7")
    row = Claim.create(
        case=case, payer=cast.acme, number="ION-7", body=claims.to_json(body), date_of_service=case.date_of_service,
        total_cents=body.total_cents, state_at=NOW, made_at=NOW,
    )  # fmt: skip
    packet = made(bo, case)
    part = packet.parts[2]
    assert part["title"] == "Claim data (CMS-1500)"
    assert row.number in pages(packet)[part["first_page"] - 1]
    assert "ION-7" in pages(packet)[0]


def test_an_audit_adds_the_history_of_the_record_and_who_did_what_in_this_case_alone(client_for, cast):
    case, bo = signed(cast), client_for(cast.bo)
    other = load(cast, "01")
    packet = made_for(bo, case, "audit")
    titles = [part["title"] for part in packet.parts]
    assert titles[-2:] == ["History of the record", "Audit trail of the case"]
    text = " ".join(" ".join(pages(packet)).split())
    assert "sign report" in text
    assert cast.pia.name in text
    assert other.patient.name not in text
    rows = AuditEntry.select().where(AuditEntry.case_id == case.id, AuditEntry.at < packet.requested_at)
    trail = packet.parts[-1]
    shown = " ".join(pages(packet)[trail["first_page"] - 1 :])
    for row in rows:
        assert (re.search(rf"^{row.seq} ", shown, re.M) is not None) == (row.action != "view")


# Who asks, and until when


def test_a_request_is_due_until_a_packet_for_it_is_sent(client_for, cast):
    case, bo = signed(cast), client_for(cast.bo)
    bad = bo.post(
        f"/cases/{case.id}/records-requests",
        data={"purpose": "records", "requester": "Acme", "asked_on": "2026-06-20", "due_on": "2026-06-01"},
    )
    assert bad.status_code == 422
    assert "It would be due before it was asked" in bad.get_data(as_text=True)
    answer = bo.post(
        f"/cases/{case.id}/records-requests",
        data={"purpose": "records", "requester": "Acme review unit", "reference": "R-9", "asked_on": "2026-06-20", "due_on": "2026-07-20"},
    )  # fmt: skip
    assert answer.status_code == 303
    row = RecordsRequest.get()
    assert "Acme review unit" in bo.get("/records-requests").get_data(as_text=True)
    assert f'<option value="{row.id}" selected' in bo.get(answer.location).get_data(as_text=True)
    packet = made_for(bo, case, "records", request=row.id)
    assert "Acme review unit" in front(packet)
    assert "R-9" in front(packet)
    today = datetime.now(UTC).astimezone(SETTINGS.zone).date()
    sent = {"sent_on": today.isoformat(), "how": "fax", "to": "Acme review unit, 555-0100", "tracking": "ok 17:02"}
    assert bo.post(f"/packets/{packet.id}/sendings", data=sent).status_code == 303
    assert RecordsRequest.get().answered_on == today
    assert "Nobody waits for records" in bo.get("/records-requests").get_data(as_text=True)
    page = bo.get(f"/cases/{case.id}/packet").get_data(as_text=True)
    assert "Records packet to Acme review unit, 555-0100" in page
    assert Sending.get().sha256 == packet.document.sha256
    assert packet.document.sha256[:12] in page


def test_a_request_that_needs_no_packet_is_closed_with_the_reason(client_for, cast):
    case, bo = signed(cast), client_for(cast.bo)
    row = RecordsRequest.create(
        case=case,
        requester="Acme",
        asked_on=date(2026, 6, 1),
        due_on=date(2026, 7, 1),
        entered_at=NOW,
        entered_by=cast.bo.id,
    )
    assert 'name="why"' in bo.get(f"/records-requests/{row.id}/closing").get_data(as_text=True)
    assert bo.post(f"/records-requests/{row.id}/closing", data={"why": ""}).status_code == 422
    assert bo.post(f"/records-requests/{row.id}/closing", data={"why": "Taken back by phone"}).status_code == 303
    assert "Taken back by phone" in bo.get(f"/cases/{case.id}/packet").get_data(as_text=True)
    again = bo.post(f"/records-requests/{row.id}/closing", data={"why": "twice"})
    assert "answered already" in again.get_data(as_text=True)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"to": ""}, "Say to whom it was sent."),
        ({"sent_on": "2999-01-01"}, "still to come"),
        ({"sent_on": "2020-01-01"}, "The packet was made after that day"),
        ({"how": "pigeon"}, "Not a valid choice"),
    ],
)
def test_a_sending_that_cannot_be_is_refused(client_for, cast, changed, words):
    bo = client_for(cast.bo)
    packet = made(bo, signed(cast))
    today = datetime.now(UTC).astimezone(SETTINGS.zone).date().isoformat()
    answer = bo.post(f"/packets/{packet.id}/sendings", data={"sent_on": today, "how": "fax", "to": "Acme", **changed})
    assert answer.status_code == 422
    assert words in answer.get_data(as_text=True)
    assert not Sending.select().exists()


def test_a_preview_is_never_sent(client_for, cast):
    bo = client_for(cast.bo)
    packet = made(bo, load(cast, "08"), "packet-previews")
    assert "Write down that it was sent" not in bo.get(f"/packets/{packet.id}").get_data(as_text=True)
    today = datetime.now(UTC).astimezone(SETTINGS.zone).date().isoformat()
    answer = bo.post(f"/packets/{packet.id}/sendings", data={"sent_on": today, "how": "fax", "to": "Acme"})
    assert answer.status_code == 422
    assert "A preview is not for submission" in answer.get_data(as_text=True)


def test_contents_are_edited_under_places(client_for, cast):
    places.seed()
    bo = client_for(cast.bo)
    page = bo.get("/places/packet-contents?q=appeal").get_data(as_text=True)
    assert "Denial or explanation of benefits" in page
    row = {
        "payer": cast.acme.id, "payer_class": "", "purpose": "claim", "part": "op_note", "words": "Op note", "required": "y",
        "from_on": "2026-01-01", "source": "Acme policy 7", "certainty": "sourced",
    }  # fmt: skip
    assert bo.post("/places/packet-contents", data=row).status_code == 303
    again = bo.post("/places/packet-contents", data=row)
    assert again.status_code == 422
    assert "the days overlap" in again.get_data(as_text=True)
    case = signed(cast)
    demanded = {one.part: one for one in packets.demands(case, "claim")}
    assert demanded["report"].required


# Who may


def test_only_the_biller_and_the_owner_make_packets(client_for, cast):
    case = signed(cast)
    packet = made(client_for(cast.olive), case)
    for person in (cast.tess, cast.pia):
        client = client_for(person)
        assert client.get("/packets").status_code == 403
        assert client.post(f"/cases/{case.id}/packets").status_code == 403
        assert client.post(f"/cases/{case.id}/packet-previews").status_code == 403
        assert client.get(f"/packets/{packet.id}").status_code == 403
        assert client.get(f"/packets/{packet.id}/pdf").status_code == 403
        page = client.get(f"/cases/{case.id}/packet").get_data(as_text=True)
        assert "Make the packet" not in page
        assert "95941" in page
    assert client_for(cast.stan).get(f"/cases/{case.id}/packet").status_code == 404


def test_an_auditor_reads_packets_and_requests_and_each_look_is_in_the_trail(client_for, cast):
    case = signed(cast)
    packet = made(client_for(cast.bo), case)
    asked = {"requester": "Acme", "asked_on": date(2026, 6, 1), "due_on": date(2026, 7, 1), "entered_at": NOW}
    row = RecordsRequest.create(case=case, entered_by=cast.bo.id, **asked)
    cast.stan.roles = ["auditor"]
    cast.stan.save()
    auditor = client_for(cast.stan)
    page = auditor.get(f"/packets/{packet.id}").get_data(as_text=True)
    assert f"/packets/{packet.id}/pdf" in page
    assert "Write down that it was sent" not in page
    assert auditor.get(f"/packets/{packet.id}/pdf").data.startswith(b"%PDF")
    assert f"/cases/{case.id}/packet" in auditor.get("/packets").get_data(as_text=True)
    assert "Acme" in auditor.get("/records-requests").get_data(as_text=True)
    page = auditor.get(f"/cases/{case.id}/packet").get_data(as_text=True)
    assert f"/packets/{packet.id}" in page
    assert "Make the packet" not in page and "packets/new" not in page and "closing" not in page
    seen = AuditEntry.select().where(AuditEntry.actor == cast.stan.id, AuditEntry.action == "view")
    assert [one.row_id for one in seen.where(AuditEntry.noun == "packet", AuditEntry.row_id.is_null(False))] == [
        packet.id
    ] * 2
    for address in (
        f"/packets/{packet.id}/sendings",
        f"/cases/{case.id}/packets",
        f"/records-requests/{row.id}/closing",
    ):
        assert auditor.post(address).status_code == 403


@pytest.mark.parametrize("address", ["/cases/99/packet", "/packets/99", "/packets/99/pdf", f"/packets/{2**63}"])
def test_what_is_not_there_is_not_found(client_for, cast, address):
    assert client_for(cast.bo).get(address).status_code == 404


def test_asking_making_reading_are_in_the_audit_trail(client_for, cast):
    bo = client_for(cast.bo)
    packet = made(bo, signed(cast))
    bo.get(f"/packets/{packet.id}/pdf")
    rows = (
        AuditEntry.select().where(AuditEntry.noun == "packet", AuditEntry.row_id == packet.id).order_by(AuditEntry.seq)
    )
    assert [(row.action, row.actor) for row in rows] == [
        ("request", cast.bo.id),
        ("assemble", None),
        ("view", cast.bo.id),
    ]


# When it cannot be made


def test_a_packet_that_could_not_be_made_says_why_and_can_be_asked_for_again(client_for, cast):
    case, bo = signed(cast), client_for(cast.bo)
    packet = ask(bo, case)
    Job.update(state="dead", tries=jobs.TRIES, error="The stored file is damaged or gone.").where(
        Job.key == f"packet/{packet.id}"
    ).execute()
    page = bo.get(f"/packets/{packet.id}").get_data(as_text=True)
    assert "The stored file is damaged or gone." in page
    assert f'action="/cases/{case.id}/packets"' in page
    assert "hx-get" not in page.partition('id="packet"')[2]
    assert "could not be made" in bo.get("/packets").get_data(as_text=True)


# The way to mend


@pytest.mark.parametrize("number", ["01", "02", "03", "05", "07", "08"])
@pytest.mark.parametrize("who", ["olive", "bo", "tess", "pia"])
def test_each_finding_leads_in_one_tap_to_where_it_is_mended(client_for, cast, number, who):
    """To a page that opens at the place; who may not go there is told whose it is."""
    case, client = load(cast, number), client_for(getattr(cast, who))
    page = client.get(f"/cases/{case.id}/packet").get_data(as_text=True)
    checks = page.partition('id="checks"')[2].partition("</section>")[0]
    found = re.findall(r'<li class="finding (?:blocked|due)">(.*?)</li>', checks, re.S)
    assert found
    for one in found:
        assert '<p class="foot"><a href="' in one or re.search(
            r'class="mend">(The owner|Billing|The technologist or the physician) mends this', one
        ), one
        if who == "olive":
            assert '<p class="foot"><a href="' in one, one
    for way in set(re.findall(r'<p class="foot"><a href="([^"]+)"', page)):
        address, _, anchor = way.partition("#")
        target = client.get(address).get_data(as_text=True) if address else page
        assert "<h1" in target
        assert "Nothing here" not in target, way
        assert not anchor or f'id="{anchor}"' in target, way


def test_a_finding_opens_the_field_or_the_row_that_mends_it(client_for, cast):
    case, olive = book(cast, indication=""), client_for(cast.olive)

    def ways() -> set[str]:
        page = olive.get(f"/cases/{case.id}/packet").get_data(as_text=True)
        return set(re.findall(r'<p class="foot"><a href="([^"]+)"', page))

    opened = ways()
    assert {f"/cases/{case.id}/edit#indication", f"/cases/{case.id}/billing#in_network"} <= opened
    rule = PayerRule.create(payer_class="commercial", from_on=date(2020, 1, 1), accepts=["95941"], remote_code="95941")
    assert f"/places/payer-rules/{rule.id}" in ways(), "its filing days are not known"


def test_documents_are_kept_under_the_data_folder(client_for, cast):
    packet = made(client_for(cast.bo), signed(cast))
    assert documents.path(packet.document).is_relative_to(SETTINGS.documents)
