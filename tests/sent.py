"""Released claims and their files, without the cases' whole way through the app; answers as a receiver writes them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from msgspec.structs import replace

from actions import claim_files
from models import SETTINGS, Case, Claim, ClaimFile, Job, Payer, Receiver
from practice import claims as c
from practice.x12 import p837
from tests.cast import NOW, actor, book
from tests.practice import made_claims as made


def receiver(cast: SimpleNamespace, **changed: Any) -> Receiver:
    """The clearinghouse of Acme PPO, in production unless told otherwise."""
    columns = {
        "name": "Clearinghouse", "receiver_id": "CLEARHOUSE", "submitter_id": "IONMPRACTICE", "contact": "Billing",
        "phone": "5125550100", "usage": "P", **changed,
    }  # fmt: skip
    row = Receiver.create(**columns)
    Payer.update(receiver=row).where(Payer.id == cast.acme.id).execute()
    return row


def released(cast: SimpleNamespace, *numbers: str, case: Case | None = None, **changed: Any) -> list[Claim]:
    """Released claims of Acme PPO, each of a patient of its own."""
    case = case or book(cast)
    return [_kept(cast, case, made.claim(number, **{"patient": _patient(number), **changed})) for number in numbers]


def _patient(number: str) -> c.Person:
    letters = "".join(chr(65 + ord(sign) % 26) for sign in number)
    return replace(made.PATIENT, last=f"Tester{letters}")


def _kept(cast: SimpleNamespace, case: Case, body: c.Claim) -> Claim:
    return Claim.create(
        case=case, payer=cast.acme, number=body.control_number, sequence=body.coverage.sequence, frequency="1",
        body=c.to_json(body), date_of_service=body.lines[0].from_on, total_cents=body.total_cents, state="released",
        state_at=NOW, made_at=NOW, made_by=cast.bo.id,
    )  # fmt: skip


def file_of(cast: SimpleNamespace, *numbers: str, **changed: Any) -> ClaimFile:
    """The claims as a file."""
    to = Receiver.get_or_none() or receiver(cast)
    released(cast, *numbers, **changed)
    return claim_files.export(to, by=actor(cast.bo), now=NOW)


DIES = """
import os, sys
import tasks
from actions import claim_files, claims
claim_files.AT_ONCE, acts, whole = 2, int(sys.argv[1]), claims.act
def act(*args, **given):
    global acts
    if not acts:
        os.kill(os.getpid(), 9)
    acts -= 1
    return whole(*args, **given)
claims.act = act
tasks.drain.call_local()
"""


def a_worker_dies_after(acts: int) -> None:
    """A worker that is killed when it has let so many things happen to claims; its lease has run out."""
    root = Path(__file__).resolve().parent.parent
    env = {**os.environ, "EVOKED_DATA": str(SETTINGS.data)}
    done = subprocess.run([sys.executable, "-c", DIES, str(acts)], cwd=root, env=env, timeout=120, check=False)
    assert done.returncode == -9
    Job.update(lease_until=NOW).where(Job.state == "running").execute()


ISA = "ISA*00*          *00*          *ZZ*CLEARHOUSE     *ZZ*IONMPRACTICE   *260902*0800*^*00501*{n:09d}*0*{usage}*:~"


def answer(*body: str, kind: str, usage: str = "P", number: int = 900) -> bytes:
    """A file of answers: `kind` 999, 277 or TA1."""
    head = ISA.format(n=number, usage=usage)
    if kind == "TA1":
        return f"{head}{'~'.join(body)}~IEA*0*{number:09d}~".encode()
    function, version = {"999": ("FA", "005010X231A1"), "277": ("HN", "005010X214")}[kind]
    gs = f"GS*{function}*CLEARHOUSE*IONMPRACTICE*20260902*0800*9*X*{version}~"
    text = f"ST*{kind}*0001*{version}~{'~'.join(body)}~SE*{len(body) + 2}*0001~"
    return f"{head}{gs}{text}GE*1*9~IEA*1*{number:09d}~".encode()


def ack(file: ClaimFile, *middle: str, verdict: str = "A", **envelope: Any) -> bytes:
    """A 999 on the file's one transaction."""
    body = (
        f"AK1*HC*{file.interchange}*{p837.VERSION}",
        "AK2*837*0001",
        *middle,
        f"IK5*{verdict}",
        f"AK9*{verdict}*1*1*1",
    )
    return answer(*body, kind="999", **envelope)


def told(*claims: tuple[str, str], payer_number: str = "", **envelope: Any) -> bytes:
    """A 277CA: (claim number, status composite such as A2:20) for each."""
    body = ["BHT*0085*08*X*20260902*0800*TH", "HL*1**20*1", "NM1*PR*2*ACME*****PI*ACME1", "HL*2*1*21*1",
            "NM1*41*2*PRACTICE*****46*IONMPRACTICE", "HL*3*2*19*1", "NM1*85*2*PRACTICE*****XX*1999999984"]  # fmt: skip
    for place, (number, status) in enumerate(claims, 4):
        action = "U" if status[:2] in ("A3", "A6", "A7", "A8") else "WQ"
        body += [
            f"HL*{place}*3*PT",
            "NM1*QC*1*TESTER*PAT****MI*X",
            f"TRN*2*{number}",
            f"STC*{status}*20260902*{action}*3900",
        ]
        body += [f"REF*1K*{payer_number}"] if payer_number else []
    return answer(*body, kind="277", **envelope)
