"""An answer finds its claims by the numbers that were sent."""

from __future__ import annotations

from msgspec.structs import replace

from practice.x12 import acks, matching
from tests.practice import made_claims as made
from tests.practice.test_x12_acks import END, ISA, PATIENT, PROVIDER, TOP, ack, ca277

FILES = matching.sent(
    made.written(
        made.claim("1"), made.dependent("2"), made.claim("3"), receiver=replace(made.RECEIVER, claims_per_transaction=2)
    )
)


def outcomes(answers: acks.Answers) -> list[tuple[str, str, str]]:
    return [(told.claim, told.by, told.outcome) for told in matching.matched(answers, FILES).told]


def test_what_was_sent_is_known_by_its_numbers():
    assert [(f.interchange, f.group, f.transaction, f.batch, f.claims) for f in FILES] == [
        ("000000101", "101", "0001", "BATCH000101", ("ION-1", "ION-2")),
        ("000000101", "101", "0002", "BATCH000101", ("ION-3",)),
    ]


def test_a_sound_file_says_only_that_its_claims_were_received():
    answers = ack("AK1*HC*101", "AK2*837*0001", "IK5*A", "AK2*837*0002", "IK5*R*5", "AK9*P*2*2*1")
    assert outcomes(answers) == [
        ("ION-1", "999", "received"),
        ("ION-2", "999", "received"),
        ("ION-3", "999", "rejected"),
    ]


def test_a_fault_is_told_at_the_claim_it_names():
    answers = ack("AK1*HC*101", "AK2*837*1", "IK3*CLM*22**8", "CTX*CLM01:ION-2", "IK5*R", "AK9*R*1*1*0")
    first, second = matching.matched(answers, FILES).told
    assert "CLM at segment 22" in second.words and "CLM at segment 22" not in first.words


def test_a_ta1_rejects_every_claim_of_the_interchange():
    answers = acks.answers(f"{ISA}TA1*000000101*260310*0915*R*025~IEA*0*000000900~".encode())
    assert {outcome for _, _, outcome in outcomes(answers)} == {"rejected"}
    assert len(outcomes(answers)) == 3


def test_a_277ca_is_matched_by_claim_number():
    answers = ca277(*TOP, *PROVIDER, *PATIENT, "TRN*2*ion-3", "STC*A2:20*20260311*WQ*3900", "REF*1K*PAYER77")
    (told,) = matching.matched(answers, FILES).told
    assert (told.claim, told.outcome, told.payer_claim_number) == ("ION-3", "accepted", "PAYER77")


def test_a_batch_rejected_as_a_whole_rejects_its_claims():
    top = [part.replace("BATCH1", "BATCH000101") for part in TOP]
    answers = ca277(*top, "STC*A8:496*20260311*U*3900")
    assert outcomes(answers) == [(f"ION-{n}", "277CA", "rejected") for n in (1, 2, 3)]


def test_what_belongs_to_nothing_sent_is_said():
    strange = ca277(*TOP, *PROVIDER, *PATIENT, "TRN*2*NOT-OURS", "STC*A2:20*20260311*WQ*3900")
    for answers in (strange, ack("AK1*HC*999", "AK9*A*1*1*1")):
        found = matching.matched(answers, FILES)
        assert not found.told and len(found.unmatched) == 1
    other = acks.answers(f"{ISA}TA1*000000555*260310*0915*A*000~{END}".encode())
    assert matching.matched(other, FILES).unmatched
