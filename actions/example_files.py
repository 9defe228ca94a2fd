"""Claim files of the example practice: one that was handed in and answered, claims that wait for the next, a printer."""

from __future__ import annotations

from datetime import datetime

from actions import Actor, Refused, answers, claim_files, claims
from models import Claim, ClaimFile, Person, Printer, Receiver

SAID = ("A2:20", "A7:562:85", "A1:20")
"""What the payer says of the claims, one after the other: taken in, turned back for an NPI, not judged yet."""
WAIT = 3
"""Claims that are released for the next file."""


def fill(people: dict[str, Person], now: datetime) -> None:
    """Send what is released, answer it, and let more wait."""
    by = Actor(people["Bo Bell"])
    Printer.create(name="Front desk", right=150, down=-75)
    to = Receiver.select().order_by(Receiver.id).first()
    if to is None:
        return
    Receiver.update(usage="P").where(Receiver.id == to.id).execute()
    to = Receiver.get_by_id(to.id)
    _release(by, now)
    if claim_files.waiting(to).exists():
        file = claim_files.export(to, by=by, now=now)
        claim_files.hand_in(file, words="Portal of the clearinghouse", by=by, now=now)
        answers.receive(_soundness(file), name="999.txt", by=by, now=now)
        answers.receive(_verdicts(file), name="277CA.txt", by=by, now=now)
    _release(by, now)


def _release(by: Actor, now: datetime) -> None:
    """A few of the claims that stand to be released."""
    left = WAIT
    for claim in Claim.select().where(Claim.state == "coded").order_by(Claim.id):
        try:
            claims.act(claim, "release", by=by, now=now)
        except Refused:
            continue
        left -= 1
        if not left:
            return


def _envelope(file: ClaimFile, number: int, function: str, version: str, kind: str, body: list[str]) -> bytes:
    day = f"{file.made_at:%y%m%d}"
    isa = (
        f"ISA*00*          *00*          *ZZ*CLEARHOUSE     *ZZ*{file.receiver.submitter_id:<15}*{day}*0800*^*00501*"
        f"{number:09d}*0*{file.usage}*:"
    )
    inside = [f"ST*{kind}*0001*{version}", *body, f"SE*{len(body) + 2}*0001"]
    gs = f"GS*{function}*CLEARHOUSE*{file.receiver.submitter_id}*20{day}*0800*1*X*{version}"
    return "".join(f"{part}~" for part in (isa, gs, *inside, "GE*1*1", f"IEA*1*{number:09d}")).encode()


def _soundness(file: ClaimFile) -> bytes:
    """A 999 that takes the file."""
    body = [f"AK1*HC*{file.interchange}*005010X222A1", "AK2*837*0001", "IK5*A", "AK9*A*1*1*1"]
    return _envelope(file, 1, "FA", "005010X231A1", "999", body)


def _verdicts(file: ClaimFile) -> bytes:
    """A 277CA with a word on each claim."""
    day = f"20{file.made_at:%y%m%d}"
    body = [f"BHT*0085*08*{file.batch}*{day}*0800*TH", "HL*1**20*1", "NM1*PR*2*PAYER*****PI*1", "HL*2*1*21*1",
            "NM1*41*2*PRACTICE*****46*1", "HL*3*2*19*1", "NM1*85*2*PRACTICE*****XX*1999999984"]  # fmt: skip
    for place, one in enumerate(file.contents):
        status = SAID[place % len(SAID)]
        action = "U" if status.startswith("A7") else "WQ"
        body += [
            f"HL*{place + 4}*3*PT",
            "NM1*QC*1*EXAMPLE****MI*1",
            f"TRN*2*{one.claim.number}",
            f"STC*{status}*{day}*{action}*1",
        ]
        body += [f"REF*1K*ICN{1000 + place}"] if status.startswith("A2") else []
    return _envelope(file, 2, "HN", "005010X214", "277", body)
