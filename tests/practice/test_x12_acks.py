"""Answers of receivers in words; what is not known is never accepted."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practice.x12 import Unreadable, acks
from tests.practice import made_claims as made

EDI = Path(__file__).parent.parent / "edi"
ISA = "ISA*00*          *00*          *ZZ*CLEARHOUSE     *ZZ*IONMPRACTICE   *260311*0800*^*00501*000000900*0*T*:~"
END = "GE*1*9~IEA*1*000000900~"


def ack(*segments: str) -> acks.Answers:
    body = "".join(f"{s}~" for s in segments)
    st = "ST*999*0001*005010X231A1~"
    return acks.answers(f"{ISA}GS*FA*CLEAR*IONM*20260311*0800*9*X*005010X231A1~{st}{body}SE*9*0001~{END}".encode())


def ca277(*segments: str, version: str = "005010X214", group: str = "005010X214") -> acks.Answers:
    body = "".join(f"{s}~" for s in segments)
    st = f"ST*277*0001*{version}~BHT*0085*08*BATCH*20260311*0800*TH~"
    return acks.answers(f"{ISA}GS*HN*CLEAR*IONM*20260311*0800*9*X*{group}~{st}{body}SE*9*0001~{END}".encode())


TOP = (
    "HL*1**20*1",
    "NM1*PR*2*PLAN*****PI*12345",
    "TRN*1*X1",
    "HL*2*1*21*1",
    "NM1*41*2*PRACTICE*****46*ION",
    "TRN*2*BATCH1",
)
PROVIDER = ("HL*3*2*19*1", "NM1*85*2*PRACTICE*****XX*1999999984", "TRN*1*0")
PATIENT = ("HL*4*3*PT", "NM1*QC*1*TESTER*PAT****MI*XYZ")


def one(*stc: str, head: tuple[str, ...] = (), number: str = "ION-1") -> acks.ClaimAnswer:
    told = ca277(*TOP, *head, *PROVIDER, *PATIENT, f"TRN*2*{number}", *stc, "REF*1K*PAYER77", "DTP*472*D8*20260302")
    (answer,) = [a for a in told.claims if a.level == "claim"]
    return answer


@pytest.mark.parametrize(("code", "outcome"), [("A", "accepted"), ("E", "accepted"), ("R", "rejected"), ("M", "rejected"), ("W", "rejected"), ("X", "rejected"), ("Q", "unknown"), ("", "unknown")])  # fmt: skip
def test_a_999_is_accepted_only_by_a_known_code(code, outcome):
    (answer,) = ack("AK1*HC*101*005010X222A1", "AK2*837*0001*005010X222A1", f"IK5*{code}", "AK9*A*1*1*1").transactions
    assert (answer.group, answer.transaction, answer.outcome) == ("101", "0001", outcome)


def test_a_fault_is_told_with_its_claim_place_and_value():
    (answer,) = ack(
        "AK1*HC*101", "AK2*837*0001", "IK3*SV1*38*2400*8", "CTX*CLM01:ION-1", "IK4*1:2*234*7*9594", "IK5*R*5", "AK9*R*1*1*0"
    ).transactions  # fmt: skip
    assert answer.claims == ("ION-1",)
    assert [(f.position, f.loop, f.element, f.bad_value) for f in answer.faults][-1] == (38, "2400", "SV101-2", "9594")
    assert "the code is not valid ('9594')" in answer.faults[-1].message


def test_a_rejected_group_rejects_what_was_said_to_be_accepted():
    answers = ack("AK1*HC*101", "AK2*837*0001", "IK5*A", "AK2*837*0002", "IK5*A", "AK9*R*2*2*0").transactions
    assert [a.outcome for a in answers] == ["rejected", "rejected"]


def test_a_partly_accepted_group_keeps_each_transactions_own_answer():
    answers = ack("AK1*HC*101", "AK2*837*0001", "IK5*A", "AK2*837*0002", "IK5*R", "AK9*P*2*2*1").transactions
    assert [a.outcome for a in answers] == ["accepted", "rejected"]


def test_a_transaction_without_its_verdict_is_unknown():
    assert [a.outcome for a in ack("AK1*HC*101", "AK2*837*0001", "AK9*A*1*1*1").transactions] == ["unknown"]
    assert [a.outcome for a in ack("AK1*HC*101", "AK2*837*0001").transactions] == ["unknown"]
    assert [a.outcome for a in ack("AK1*HC*101", "AK9*R*1*1*0").transactions] == ["rejected"]
    assert [a.outcome for a in ack().transactions] == ["unknown"]


@pytest.mark.parametrize(("said", "outcome", "words"), [("A*000", "accepted", "no error"), ("R*025", "rejected", "duplicate"), ("E*000", "accepted", "no error"), ("Z*999", "unknown", "not known here")])  # fmt: skip
def test_a_ta1_is_told_for_the_whole_file(said, outcome, words):
    (answer,) = acks.answers(f"{ISA}TA1*000000101*260310*0915*{said}~IEA*0*000000900~".encode()).interchanges
    assert (answer.interchange, answer.outcome) == ("000000101", outcome)
    assert words in answer.words


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("A2:20*20260311*WQ*3900", "accepted"),
        ("A1:19*20260311*WQ*3900", "received"),
        ("A0:16*20260311*WQ*3900", "received"),
        ("A3:21*20260311*U*3900", "rejected"),
        ("A7:562:85*20260311*WQ*3900", "rejected"),
        ("A6:21*20260311*U*3900", "rejected"),
        ("A8:400*20260311*U*3900", "rejected"),
        ("A4:35*20260311*WQ*3900", "rejected"),
        ("A2:20*20260311*U*3900", "rejected"),
        ("A2:20*20260311*ZZ*3900", "unknown"),
        ("Z9:20*20260311*WQ*3900", "unknown"),
        ("*20260311*WQ*3900", "unknown"),
        ("A2:20*20260311*WQ*3900******A7:562:85", "rejected"),
        ("A2:20*20260311*WQ*3900******Z9:1", "unknown"),
    ],
)
def test_a_277ca_counts_as_accepted_only_when_it_says_so(status, outcome):
    answer = one(f"STC*{status}")
    assert (answer.claim, answer.outcome, answer.payer_claim_number) == ("ION-1", outcome, "PAYER77")
    assert answer.charge_cents == 390000


def test_a_claim_without_a_status_is_unknown():
    assert one().outcome == "unknown"


def test_the_words_say_what_is_wrong_and_with_whom():
    assert one("STC*A7:562:85*20260311*U*3900").words == (
        "rejected, information is wrong: NPI of the one named [A7 562] (billing provider)"
    )


def test_a_rejection_of_the_whole_batch_rejects_each_claim():
    head = ("STC*A8:496*20260311*U*3900",)
    assert one("STC*A2:20*20260311*WQ*3900", head=head).outcome == "rejected"
    told = ca277(*TOP, *head).claims
    assert [(a.claim, a.level, a.reference, a.outcome) for a in told] == [("", "receiver", "BATCH1", "rejected")]


def test_a_rejected_line_rejects_the_claim_and_is_named():
    answer = one("STC*A2:20*20260311*WQ*3900", "SVC*HC:95940*2400*****8", "STC*A7:476*20260311*U", "REF*FJ*ION1L1")
    assert answer.outcome == "rejected"
    assert [key for key, _ in answer.lines] == ["ION1L1"]


def test_several_claims_of_one_patient_are_told_apart():
    told = ca277(
        *TOP, *PROVIDER, *PATIENT,
        "TRN*2*ION-1", "STC*A2:20*20260311*WQ*1", "TRN*2*ION-2", "STC*A3:54*20260311*U*1",
    )  # fmt: skip
    assert [(a.claim, a.outcome) for a in told.claims if a.level == "claim"] == [
        ("ION-1", "accepted"),
        ("ION-2", "rejected"),
    ]


def test_the_version_is_taken_from_the_transaction_when_the_group_is_wrong():
    assert ca277(*TOP, *PROVIDER, *PATIENT, "TRN*2*A", "STC*A2:20", group="005010X212").claims
    assert ca277(*TOP, *PROVIDER, *PATIENT, "TRN*2*A", "STC*A2:20", version="").claims


def test_the_same_file_has_the_same_digest():
    first, again = ack("AK1*HC*1", "AK9*A*1*1*1"), ack("AK1*HC*1", "AK9*A*1*1*1")
    assert first == again and first.digest == again.digest
    assert first.digest != ack("AK1*HC*2", "AK9*A*1*1*1").digest


@pytest.mark.parametrize("data", [b"", b"%PDF", made.written(made.claim()).encode()])
def test_what_is_no_answer_is_refused(data):
    with pytest.raises(Unreadable):
        acks.answers(data)


@pytest.mark.parametrize("ends", ["", "GE*1*9~", "GE*1*9~IE"])
def test_a_file_that_was_cut_short_is_refused(ends):
    whole = f"{ISA}GS*FA*CLEAR*IONM*20260311*0800*9*X*005010X231A1~ST*999*0001~AK1*HC*1~AK9*A*1*1*1~SE*4*0001~"
    assert acks.answers(f"{whole}GE*1*9~IEA*1*000000900~".encode()).transactions
    with pytest.raises(Unreadable, match="did not come whole"):
        acks.answers(f"{whole}{ends}".encode())


@pytest.mark.parametrize("path", sorted((EDI / "999").iterdir()), ids=lambda p: p.name)
def test_files_of_others_are_read(path):
    assert acks.answers(path.read_bytes()).transactions


@given(st.lists(st.sampled_from(["HL*4*3*PT", "HL**", "TRN", "TRN*2*A", "STC", "STC*A2:20", "STC*A2*X*WQ*1E9999", "SVC", "REF*FJ", "AK2", "IK5", "IK4", "CTX", "IK3", "HL*1*1*21", "STC*A2::::*1*WQ*NAN"]), max_size=12))  # fmt: skip
def test_no_answer_makes_the_reader_fail(pieces):
    ca277(*TOP, *pieces)
    ack(*pieces)
