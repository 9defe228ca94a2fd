"""Released claims become files that are checked first, numbered once for ever, and handed in by a person."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

import tasks
from actions import Refused, claim_files, claims, documents
from models import (
    AuditEntry,
    Batch,
    Claim,
    ClaimAct,
    ClaimFile,
    ClaimInFile,
    Counter,
    Document,
    FileAct,
    Job,
    Payer,
    Receiver,
    db,
)
from practice.x12 import checks, read
from tests.cast import NOW, actor
from tests.practice import made_claims as made
from tests.sent import a_worker_dies_after, file_of, receiver, released

TODAY = datetime.now(UTC).date() + timedelta(days=1)


@pytest.fixture
def bo(client_for, cast):
    return client_for(cast.bo)


def content(file: ClaimFile) -> bytes:
    return documents.read(file.document)


def states(*rows: Claim) -> list[str]:
    return [Claim.get_by_id(row.id).state for row in rows]


def ask(client, to: Receiver, **form: object):
    """Ask for a file as a person does, and let the worker do it."""
    answer = client.post("/claim-files", data={"receiver": to.id, **form})
    if answer.status_code == 303:
        tasks.work_off()
        return client.get(answer.headers["Location"])
    return answer


# From waiting claims to a file


def test_waiting_claims_become_a_file_that_was_checked(bo, cast):
    to = receiver(cast)
    rows = released(cast, "1", "2", "3")
    assert "3 claims" in bo.get("/claim-files").text
    assert "The file is written and checked" in ask(bo, to).text
    file = ClaimFile.get()
    assert (file.claims, file.cents, file.usage) == (3, 3 * 390000, "P")
    checked = checks.check(content(file), today=TODAY)
    assert (checked.claims, checked.errors) == (3, 0)
    assert made.referee(content(file).decode()) == []
    assert states(*rows) == ["released"] * 3, "a file that was made was sent to nobody"
    assert not claim_files.waiting().exists(), "a claim goes into one file at a time"


def test_a_file_is_downloaded_under_a_name_that_says_nothing_of_a_patient(bo, cast):
    file = file_of(cast, "1")
    answer = bo.get(f"/claim-files/{file.id}/content")
    assert answer.data == content(file)
    assert answer.headers["Content-Disposition"] == f'attachment; filename="claims-{file.interchange:09d}.837"'
    assert AuditEntry.select().where(AuditEntry.action == "download", AuditEntry.row_id == file.id).exists()
    assert bo.get(f"/documents/{file.document_id}").status_code == 404


def test_only_the_chosen_claims_go_in(bo, cast):
    to = receiver(cast)
    first, second = released(cast, "1", "2")
    assert "ION-2" in bo.get(f"/receivers/{to.id}/claims").text
    ask(bo, to, claim=[second.id], some="1")
    assert [row.claim_id for row in ClaimInFile.select()] == [second.id]
    assert [row.id for row in claim_files.waiting(to)] == [first.id]
    assert "Choose at least one claim" in ask(bo, to, some="1").text


def test_one_faulty_claim_refuses_the_file_and_nothing_changes(bo, cast):
    to = receiver(cast)
    good, bad = released(cast, "1")[0], released(cast, "2", facility=replace(made.HOSPITAL, npi="1777777777"))[0]
    worse = released(cast, "3", admitted_on=None)[0]
    text = ask(bo, to).text
    assert "No file was made" in text
    assert "Claim ION-3: An inpatient claim needs the admission date." in text
    assert "Claim ION-2: Example General Hospital: " in text
    assert not ClaimFile.select().exists() and not Counter.select().exists() and not Document.select().exists()
    assert states(good, bad, worse) == ["released"] * 3
    assert "Make it without these 2 claims" in text
    ask(bo, to, claim=[good.id])
    assert [row.claim_id for row in ClaimInFile.select()] == [good.id]
    assert {row.id for row in claim_files.waiting(to)} == {bad.id, worse.id}


def test_a_fault_above_the_claims_names_every_claim_below(bo, cast):
    to = receiver(cast)
    short = replace(made.BILLING, address=replace(made.BILLING.address, zip="78701"))
    released(cast, "1", "2", billing=short)
    text = ask(bo, to).text
    for number in ("1", "2"):
        assert f"Claim ION-{number}, billing provider: The ZIP needs nine digits" in text
    assert "Make it without" not in text, "nothing would be left"


def test_a_receiver_without_a_phone_is_named_and_no_claim_is_blamed(bo, cast):
    released(cast, "1")
    to = receiver(cast, phone="call us")
    text = ask(bo, to).text
    assert "No file was made" in text and "Sender of the file" in text and "Make it without" not in text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"state": "held"}, "is held and not released any more"),
        ({"payer": "medicare"}, "does not go to Clearinghouse"),
    ],
)
def test_a_claim_that_changed_before_the_worker_came_goes_nowhere(cast, change, words):
    to, (row,) = receiver(cast), released(cast, "1")
    batch = claim_files.request(to, [row.id], by=actor(cast.bo), now=NOW)
    change = {name: getattr(cast, value, value) for name, value in change.items()}
    with db.atomic():
        db.execute_sql("DROP TRIGGER claim_body_update")  # what another person would change by an act
        Claim.update(**change).where(Claim.id == row.id).execute()
    tasks.work_off()
    assert words in Batch.get_by_id(batch.id).problems[0][1]
    assert not ClaimFile.select().exists()


def test_two_batches_of_the_same_claims_make_one_file(cast):
    to, (row,) = receiver(cast), released(cast, "1")
    first = claim_files.request(to, [row.id], by=actor(cast.bo), now=NOW)
    second = claim_files.request(to, [row.id], by=actor(cast.bo), now=NOW)
    tasks.work_off()
    assert ClaimFile.select().count() == 1
    assert Batch.get_by_id(first.id).file_id
    assert "already. Hand that one in, or give it up." in Batch.get_by_id(second.id).problems[0][1]


# What becomes of it


def test_the_claims_of_a_large_file_are_submitted_by_the_worker(bo, cast, monkeypatch):
    monkeypatch.setattr(claim_files, "AT_ONCE", 2)
    file, rows = file_of(cast, *"12345"), list(Claim.select())
    page = bo.post(f"/claim-files/{file.id}/handing-in", data={"words": "Portal"}, follow_redirects=True).text
    assert "The claims are being submitted" in page
    assert states(*rows) == ["released"] * 5 and not claim_files.waiting().exists(), "none may go into another file"
    again = bo.post("/claim-files", data={"receiver": file.receiver_id, "claim": rows[0].id})
    assert again.status_code == 422 and f"is being submitted with file {file.interchange:09d}" in again.text
    part = bo.get(f"/claim-files/{file.id}/handing-in", headers={"HX-Request": "true"}).text
    assert "hx-get" in part and "<h1" not in part
    tasks.work_off()
    assert states(*rows) == ["submitted"] * 5
    assert {(one.by, one.at) for one in ClaimAct.select()} == {(cast.bo.id, claim_files.act_of(file).at)}
    done = bo.get(f"/claim-files/{file.id}/handing-in", headers={"HX-Request": "true"}).text
    assert "hx-get" not in done and "The claims are submitted" in done
    assert bo.get(f"/claim-files/{file.id}/handing-in").status_code == 302, "without htmx the page of the file says it"


def test_a_worker_that_dies_while_it_submits_is_followed_by_one_that_does_the_rest(bo, cast, monkeypatch):
    monkeypatch.setattr(claim_files, "AT_ONCE", 2)
    file, rows = file_of(cast, *"12345"), list(Claim.select())
    bo.post(f"/claim-files/{file.id}/handing-in")
    a_worker_dies_after(3)
    assert states(*rows) == ["submitted"] * 2 + ["released"] * 3
    assert not claim_files.waiting().exists()
    tasks.work_off()
    assert states(*rows) == ["submitted"] * 5
    assert ClaimAct.select().where(ClaimAct.act == "submit").count() == 5


def test_handing_in_submits_the_claims(bo, cast):
    file = file_of(cast, "1", "2")
    bo.post(f"/claim-files/{file.id}/handing-in", data={"words": "Portal"})
    assert set(states(*Claim.select())) == {"submitted"}
    assert bo.post(f"/claim-files/{file.id}/handing-in").status_code == 422
    assert "Portal" in bo.get(f"/claim-files/{file.id}").text


def test_a_file_that_is_given_up_frees_its_claims_and_keeps_its_numbers(bo, cast):
    file = file_of(cast, "1")
    bo.post(f"/claim-files/{file.id}/giving-up")
    assert claim_files.waiting().count() == 1
    assert bo.get(f"/claim-files/{file.id}/content").status_code == 422
    second = claim_files.export(Receiver.get(), by=actor(cast.bo), now=NOW)
    assert second.interchange > file.interchange


def test_a_test_file_moves_no_claim(bo, cast):
    to = receiver(cast, usage="T")
    released(cast, "1")
    file = claim_files.export(to, by=actor(cast.bo), now=NOW)
    assert read(content(file).decode())[0].segments[0].at(15) == "T"
    bo.post(f"/claim-files/{file.id}/handing-in")
    assert states(*Claim.select()) == ["released"]
    assert claim_files.waiting(to).count() == 1
    assert "claims-" in bo.get(f"/claim-files/{file.id}/content").headers["Content-Disposition"]


def test_a_claim_that_was_held_since_keeps_the_file_here(bo, cast):
    file = file_of(cast, "1")
    claims.hold(Claim.get(), reason="Wait for the op note", by=actor(cast.bo), now=NOW)
    answer = bo.get(f"/claim-files/{file.id}/content")
    assert answer.status_code == 422
    assert "Claim ION-1 is held since the file was made" in answer.text


def test_the_receivers_options_are_what_the_file_follows(cast):
    receiver(
        cast, options={"wants_ta1": True, "claims_per_transaction": 1, "submitter_isa_id": "OTHERID",
                       "delimiters": {"element": "|", "segment": "'"}},
    )  # fmt: skip
    file = file_of(cast, "1", "2")
    (interchange,) = read(content(file).decode())
    isa = interchange.segments[0]
    assert (isa.at(6).strip(), isa.at(14), interchange.delimiters.element) == ("OTHERID", "1", "|")
    assert sum(segment.id == "ST" for segment in interchange.segments) == 2
    assert checks.check(content(file), today=TODAY).errors == 0


def test_options_that_are_none_are_refused_in_words(cast):
    receiver(cast, options={"wants_ta1": "perhaps"})
    with pytest.raises(Refused, match="The options of Clearinghouse cannot be used"):
        file_of(cast, "1")


def test_a_diagnosis_is_held_against_the_table_of_its_day(cast):
    from actions import tables

    assert tables.diagnosis("M48.02", made.DAY) in (None, "billable")
    ask = claim_files.diagnosis()
    if tables.diagnosis("M48.0", made.DAY) == "header":
        assert "heading" in (ask("M48.0", made.DAY) or "")


# Numbers, once for ever


def test_numbers_are_never_given_twice_even_after_an_old_backup(cast):
    first = file_of(cast, "1")
    with db.atomic():
        db.execute_sql("DROP TRIGGER counter_no_delete")
        Counter.delete().execute()  # a database that was put back knows nothing of its last files
    released(cast, "2")
    second = claim_files.export(Receiver.get(), by=actor(cast.bo), now=NOW + timedelta(seconds=1))
    assert second.interchange > first.interchange
    assert content(second).decode().count(f"{second.interchange:09d}") >= 2


def test_writers_at_once_get_numbers_of_their_own(cast):
    to = receiver(cast)
    rows = released(cast, *(str(n) for n in range(6)))
    batches = [claim_files.request(to, [row.id], by=actor(cast.bo), now=NOW) for row in rows]
    errors: list[Exception] = []

    def write(batch: Batch) -> None:
        try:
            with db.connection_context():
                effect = claim_files.make(batch, by=actor(None), now=NOW)
                with db.atomic():
                    effect()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(batch,)) for batch in batches]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert errors == []
    numbers = [row.interchange for row in ClaimFile.select()]
    assert len(set(numbers)) == 6
    assert all(f"{row.interchange:09d}".encode() in content(row) for row in ClaimFile.select())


DIES = """
import os, sys
from datetime import UTC, datetime
from models import Batch, db
from actions import MACHINE, claim_files, documents
db.connect()
batch = Batch.get()
effect = claim_files.make(batch, by=MACHINE, now=datetime.now(UTC))
store = documents.store
def dies(*args, **kwargs):
    store(*args, **kwargs)
    os.kill(os.getpid(), 9)
documents.store = dies
with db.atomic():
    effect()
"""


def test_a_worker_killed_in_the_middle_leaves_no_number_and_the_next_makes_the_file(cast):
    to, (row,) = receiver(cast), released(cast, "1")
    claim_files.request(to, [row.id], by=actor(cast.bo), now=NOW)
    db.close()
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run([sys.executable, "-c", DIES], cwd=root, capture_output=True, timeout=120, check=False)
    db.connect()
    assert done.returncode == -9, done.stderr
    assert not ClaimFile.select().exists() and not Counter.select().exists()
    tasks.work_off()
    assert ClaimFile.select().count() == 1 and Job.get().state == "done"


# Who may


def test_billing_alone_sees_claim_files(client_for, cast):
    file = file_of(cast, "1")
    for person in (cast.tess, cast.pia):
        client = client_for(person)
        assert client.get("/claim-files").status_code == 403
        assert client.get(f"/claim-files/{file.id}/content").status_code == 403


def test_a_payer_without_a_receiver_waits_on_paper(cast):
    released(cast, "1")
    assert not claim_files.waiting().exists()
    assert not FileAct.select().exists() and Payer.get_by_id(cast.acme.id).receiver_id is None
