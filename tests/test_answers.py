"""Answers of receivers: taken once, matched by the numbers that were sent, followed when they are clear, told in words."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tasks
from actions import Refused, answers, claim_files
from models import SETTINGS, AnswerFile, AuditEntry, Claim, ClaimAct, ClaimAnswer, ClaimFile, FileAct, Job, db
from practice.x12 import Unreadable, acks
from tests.cast import NOW, actor
from tests.sent import a_worker_dies_after, ack, answer, file_of, receiver, released, told

EDI = Path(__file__).parent / "edi"
SHARED = Path(__file__).resolve().parents[2] / "shared" / "edi"
SAMPLES = sorted([*(EDI / "999").iterdir(), *SHARED.glob("999/*"), *SHARED.glob("277ca/*")])
"""Those we may keep, and the others where the project's samples are."""


@pytest.fixture
def bo(client_for, cast):
    return client_for(cast.bo)


def upload(client, *files: bytes):
    data = {"files": [(io.BytesIO(raw), f"answer-{n}.txt") for n, raw in enumerate(files, 1)]}
    return client.post("/answers", data=data, content_type="multipart/form-data", follow_redirects=False)


def take(cast, raw: bytes) -> AnswerFile:
    return answers.receive(raw, name="a.277", by=actor(cast.bo), now=NOW).file


def state(number: str) -> str:
    return Claim.get(Claim.number == number).state


def test_a_sound_file_is_received_and_its_claims_are_submitted_not_accepted(bo, cast):
    file = file_of(cast, "1", "2")
    assert upload(bo, ack(file)).status_code == 303
    assert [row.outcome for row in ClaimAnswer.select()] == ["received", "received"]
    assert (state("ION-1"), state("ION-2")) == ("submitted", "submitted")
    assert claim_files.act_of(file).act == "handed_in", "a file that was answered was handed in"


def test_each_claim_follows_its_own_answer(bo, cast):
    file_of(cast, "1", "2", "3")
    raw = told(("ION-1", "A2:20"), ("ION-2", "A7:562:85"), ("ION-3", "A1:20"), payer_number="ICN77")
    page = bo.get(upload(bo, raw).headers["Location"]).text
    assert (state("ION-1"), state("ION-2"), state("ION-3")) == ("accepted", "rejected", "submitted")
    assert {row.payer_control for row in Claim.select()} == {"ICN77"}
    assert "there is nothing to appeal" in page and "ION-2" in page
    claim = Claim.get(Claim.number == "ION-2")
    shown = bo.get(f"/claims/{claim.id}").text
    assert "rejected, information is wrong" in shown and "there is nothing to appeal" in shown


@pytest.mark.parametrize("status", ["Z9:20", "D0:1", ":", "A2:20*20260902*??"])
def test_what_is_not_known_never_counts_as_accepted(cast, status):
    file_of(cast, "1")
    row = take(cast, told(("ION-1", status)))
    assert [one.outcome for one in row.answers] == ["unknown"]
    assert state("ION-1") != "accepted"
    assert not ClaimAct.select().where(ClaimAct.act == "accept").exists()


def test_the_same_file_twice_changes_nothing(bo, cast):
    file_of(cast, "1")
    raw = told(("ION-1", "A2:20"))
    upload(bo, raw)
    before = (ClaimAct.select().count(), ClaimAnswer.select().count(), AnswerFile.select().count())
    page = bo.get(upload(bo, raw).headers["Location"]).text
    assert "was here before. Nothing was changed." in page
    assert (ClaimAct.select().count(), ClaimAnswer.select().count(), AnswerFile.select().count()) == before


def test_what_matches_nothing_is_shown(bo, cast):
    file_of(cast, "1")
    page = bo.get(upload(bo, told(("STRANGE-1", "A2:20"))).headers["Location"]).text
    assert "STRANGE-1" in page and "names nothing that was sent from here" in page
    assert state("ION-1") == "released"


def test_several_files_at_once_each_by_itself(bo, cast):
    file = file_of(cast, "1")
    done = upload(bo, ack(file), b"no file at all", told(("ION-1", "A2:20"), number=901))
    assert done.status_code == 422 and "answer-2.txt: This is no X12 file" in done.text
    assert AnswerFile.select().count() == 2 and state("ION-1") == "accepted"


def test_nothing_chosen_is_said(bo, cast):
    assert "Choose the files that the receiver sent" in upload(bo).text


@pytest.mark.parametrize("kind", ["999", "TA1"])
def test_a_rejected_file_rejects_its_claims_and_they_can_go_again(bo, cast, kind):
    file = file_of(cast, "1", "2")
    raw = ack(file, "IK3*CLM*22**8", "CTX*CLM01:ION-2", verdict="R")
    if kind == "TA1":
        raw = answer(f"TA1*{file.interchange:09d}*260902*0800*R*025", kind="TA1")
    take(cast, raw)
    assert (state("ION-1"), state("ION-2")) == ("rejected", "rejected")
    Claim.update(state="released").execute()  # what releasing again leads to
    second = claim_files.export(file.receiver, by=actor(cast.bo), now=NOW)
    late = ack(file, verdict="R", number=905)
    take(cast, late)
    assert (state("ION-1"), state("ION-2")) == ("released", "released"), "a verdict on an older file moves nothing"
    assert claim_files.act_of(second) is None


def test_an_acceptance_that_comes_late_does_not_undo_a_rejection(cast):
    file_of(cast, "1")
    take(cast, told(("ION-1", "A3:21")))
    take(cast, told(("ION-1", "A2:20"), number=901))
    assert state("ION-1") == "rejected"
    assert [row.outcome for row in ClaimAnswer.select().order_by(ClaimAnswer.id)] == ["rejected", "accepted"]


def test_an_acceptance_by_the_clearinghouse_does_not_stop_the_payers_rejection(cast):
    file_of(cast, "1")
    take(cast, told(("ION-1", "A2:20")))
    take(cast, told(("ION-1", "A7:562"), number=901))
    assert state("ION-1") == "rejected"


def test_an_answer_to_a_test_file_moves_no_claim(bo, cast):
    to = receiver(cast, usage="T")
    released(cast, "1")
    claim_files.export(to, by=actor(cast.bo), now=NOW)
    row = take(cast, told(("ION-1", "A2:20"), usage="T"))
    assert state("ION-1") == "released" and [one.outcome for one in row.answers] == ["accepted"]
    assert "test" in bo.get(f"/answers/{row.id}").text


def test_a_test_answer_after_a_real_file_is_told_of_the_test_file(cast):
    to = receiver(cast, usage="T")
    released(cast, "1")
    trial = claim_files.export(to, by=actor(cast.bo), now=NOW)
    type(to).update(usage="P").execute()
    claim_files.export(type(to).get(), by=actor(cast.bo), now=NOW)
    row = take(cast, told(("ION-1", "A2:20"), usage="T"))
    assert row.answers.get().sent_id == trial.id and state("ION-1") == "released"


def test_a_claim_that_went_on_paper_is_known_by_its_number(cast):
    released(cast, "1")
    take(cast, told(("ion-1", "A2:20")))
    assert state("ION-1") == "accepted"
    assert [row.act for row in ClaimAct.select().order_by(ClaimAct.id)] == ["submit", "accept"]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_every_sample_is_taken_or_refused_in_words_and_moves_no_claim_of_ours(cast, path):
    file_of(cast, "1")
    try:
        row = take(cast, path.read_bytes())
    except Refused as refused:
        assert "Nothing was changed" in refused.reasons[0] and not AnswerFile.select().exists()
        with pytest.raises(Unreadable):
            acks.answers(path.read_bytes())
    else:
        assert row.unmatched
    assert state("ION-1") == "released" and not FileAct.select().exists()


@settings(max_examples=25, deadline=None)
@given(st.binary(max_size=400))
def test_nothing_sent_here_breaks_anything(raw):
    try:
        acks.answers(raw)
    except Unreadable as why:
        assert str(why)


def test_reading_an_answer_is_audited_and_only_for_billing(bo, cast, client_for):
    file_of(cast, "1")
    row = take(cast, told(("ION-1", "A2:20")))
    assert bo.get(f"/answers/{row.id}/content").data == told(("ION-1", "A2:20"))
    assert AuditEntry.select().where(AuditEntry.noun == "answer_file", AuditEntry.action == "view").exists()
    assert client_for(cast.tess).get(f"/answers/{row.id}").status_code == 403


def test_the_file_counts_the_newest_answer_of_each_claim(bo, cast):
    file = file_of(cast, "1", "2")
    take(cast, ack(file))
    take(cast, told(("ION-1", "A2:20")))
    assert claim_files.answered([ClaimFile.get()]) == {file.id: {"accepted": 1, "received": 1}}
    assert "1 received, 1 accepted" in bo.get("/claim-files").text


# What speaks of many claims


def many(cast, monkeypatch) -> bytes:
    """A 277CA that speaks of more claims than a browser waits for."""
    monkeypatch.setattr(answers, "AT_ONCE", 1)
    file_of(cast, "1", "2", "3")
    return told(("ION-1", "A2:20"), ("ION-2", "A7:562:85"), ("ION-3", "A1:20"))


def test_answers_on_many_claims_are_taken_in_by_the_worker(bo, cast, monkeypatch):
    raw = many(cast, monkeypatch)
    done = upload(bo, raw)
    page = bo.get(done.headers["Location"]).text
    assert "speaks of many claims and is being taken in" in page and "hx-get" in page
    assert "being taken in" in bo.get("/answers").text
    assert not AnswerFile.select().exists() and state("ION-1") == "released"
    twice = upload(bo, raw)
    assert twice.headers["Location"] == done.headers["Location"]
    assert "Nothing was changed" in bo.get(twice.headers["Location"]).text
    tasks.work_off()
    assert (state("ION-1"), state("ION-2"), state("ION-3")) == ("accepted", "rejected", "submitted")
    part = bo.get(done.headers["Location"], headers={"HX-Request": "true"}).text
    assert "hx-get" not in part and f"/answers/{AnswerFile.get().id}" in part
    assert AnswerFile.get().received_by == cast.bo.id
    assert f"/answers/{AnswerFile.get().id}" in upload(bo, raw).headers["Location"]
    assert ClaimAnswer.select().count() == 3


def test_a_short_verdict_on_a_large_file_is_left_to_the_worker_too(bo, cast, monkeypatch):
    many(cast, monkeypatch)
    upload(bo, ack(ClaimFile.get(), verdict="R"))
    assert state("ION-1") == "released"
    tasks.work_off()
    assert {row.state for row in Claim.select()} == {"rejected"}


def test_a_file_that_cannot_be_read_is_refused_at_once(bo, cast, monkeypatch):
    raw = many(cast, monkeypatch)
    assert upload(bo, raw[:-40]).status_code == 422
    assert not Job.select().where(Job.kind == "answers").exists()


def test_a_worker_that_dies_half_way_changed_nothing_and_the_next_does_it_once(bo, cast, monkeypatch):
    page = upload(bo, many(cast, monkeypatch)).headers["Location"]
    a_worker_dies_after(3)
    assert (state("ION-1"), state("ION-2")) == ("released", "released")
    assert not AnswerFile.select().exists() and not ClaimAnswer.select().exists() and not ClaimAct.select().exists()
    assert "hx-get" in bo.get(page).text
    tasks.work_off()
    assert (state("ION-1"), state("ION-2"), state("ION-3")) == ("accepted", "rejected", "submitted")
    assert (AnswerFile.select().count(), ClaimAnswer.select().count()) == (1, 3)


# The commands


def run(*words: str, data: Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", "app", *words], cwd=Path(__file__).resolve().parent.parent,
        env={**os.environ, "EVOKED_DATA": str(data)}, capture_output=True, timeout=120, check=False,
    )  # fmt: skip


def test_a_script_exports_checks_and_acknowledges(cast, tmp_path):
    receiver(cast)
    released(cast, "1", "2")
    db.close()
    data, out, back = SETTINGS.data, tmp_path / "out.837", tmp_path / "back.277"
    done = run("claims", "export", "--out", str(out), data=data)
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert (made["claims"], made["usage"]) == (2, "P")
    checked = run("x12", "check", str(out), data=data)
    assert checked.returncode == 0 and json.loads(checked.stdout)["errors"] == 0
    again = run("claims", "export", "--out", str(out), data=data)
    assert again.returncode == 2 and made["interchange"] in again.stderr.decode()
    back.write_bytes(told(("ION-1", "A2:20"), ("ION-2", "A3:21")))
    (tmp_path / "bad").write_text("nothing")
    done = run("claims", "acknowledge", str(tmp_path / "bad"), str(back), data=data)
    assert done.returncode == 2 and b"This is no X12 file" in done.stderr
    (file,) = json.loads(done.stdout)
    assert [(one["claim"], one["outcome"], one["state"]) for one in file["claims"]] == [
        ("ION-1", "accepted", "accepted"), ("ION-2", "rejected", "rejected"),
    ]  # fmt: skip
    assert json.loads(run("claims", "acknowledge", str(back), data=data).stdout)[0]["new"] is False
    db.connect()


def test_a_faulty_837_of_others_exits_with_2_and_what_was_found(tmp_path):
    bad = EDI / "own" / "mutants" / "049-s4-billing-zip-5-digits.837"
    done = run("x12", "check", str(bad), data=tmp_path)
    assert done.returncode == 2
    assert {one["id"] for one in json.loads(done.stdout)["findings"] if one["severity"] == "error"} == {"N12"}
