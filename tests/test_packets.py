"""From the findings to the packet, through the client and the worker: who may ask, what stands in the way, what is in it."""

from __future__ import annotations

import io
import re
from datetime import UTC, date, datetime

import pytest
from PIL import Image
from pypdf import PdfReader

import tasks
from actions import Refused, documents, jobs, packets, reports, weighing
from models import SETTINGS, AuditEntry, Case, Credential, CredentialType, Document, Job, Packet, db
from practice import signing
from practice.report import impression
from tests.cast import NOW, PASSWORD, actor, load
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
        "Cover and index", "Claim summary", "Signed report", "Time and presence log",
        "Physician's day: whose each minute is", "Personnel and credentials",
    ]  # fmt: skip


def test_the_page_shows_lines_with_their_steps_and_what_is_not_billed(client_for, cast):
    page = client_for(cast.bo).get(f"/cases/{signed(cast).id}/packet").get_data(as_text=True)
    assert "95941 = floor((305+29)/60) = 5" in page
    assert "<summary>Each step</summary>" in page
    assert "Not billed, and why" in page
    assert "Pia Park, MD" in page


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
    assert not Job.select().exists()


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
def test_each_finding_leads_to_a_page_that_opens(client_for, cast, number, who):
    case, client = load(cast, number), client_for(getattr(cast, who))
    page = client.get(f"/cases/{case.id}/packet").get_data(as_text=True)
    ways = set(re.findall(r'<p class="foot"><a href="([^"]+)"', page))
    assert ways
    for way in ways:
        address, _, anchor = way.partition("#")
        target = client.get(address).get_data(as_text=True) if address else page
        assert "<h1" in target
        assert "Nothing here" not in target, way
        assert not anchor or f'id="{anchor}"' in target, way


def test_documents_are_kept_under_the_data_folder(client_for, cast):
    packet = made(client_for(cast.bo), signed(cast))
    assert documents.path(packet.document).is_relative_to(SETTINGS.documents)
