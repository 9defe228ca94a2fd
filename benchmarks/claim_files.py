"""Claims through the app into a file: `python -m benchmarks.claim_files 1000`, in a folder of its own.

Wall time: the batch asked for, written, checked, numbered and kept by what the worker runs; then its 999 and its 277CA taken
in. Goal: 1,000 claims written and checked in under 10 s. The claims are made straight into the table.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

GOAL_SECONDS = 10
NOW = datetime.now(UTC)


def timed(what: str, act: Callable[[], Any]) -> Any:
    begun, cpu = time.perf_counter(), time.process_time()
    made = act()
    print(f"{what:42} {time.perf_counter() - begun:6.2f} s, CPU {time.process_time() - cpu:6.2f} s")
    return made


def fill(count: int) -> Any:
    """A practice with as many released claims of one receiver."""
    import models
    from benchmarks.x12 import claim
    from models import Case, Claim, Facility, Patient, Payer, Receiver, db
    from practice.claims import to_json

    db.connect()
    db.create_tables(models.TABLES)
    models.install_guards()
    to = Receiver.create(
        name="Clearinghouse", receiver_id="CLEAR", submitter_id="IONM", contact="Billing", phone="5125550100", usage="P"
    )
    payer = Payer.create(
        name="Example Health Plan", payer_class="commercial", payer_id="12345", filing="CI", receiver=to
    )
    place = Facility.create(name="Example General", zone="America/Chicago", state="TX")
    with db.atomic():
        patient = Patient.create(name="TESTER, PAT")
        case = Case.create(
            facility=place, patient=patient, payer=payer, payer_class="commercial", date_of_service=date(2026, 3, 2),
            procedure="ACDF C5-C6", created_at=NOW,
        )  # fmt: skip
        for number in range(count):
            body = claim(number)
            Claim.create(
                case=case, payer=payer, number=body.control_number, body=to_json(body), date_of_service=date(2026, 3, 2),
                total_cents=body.total_cents, state="released", state_at=NOW, made_at=NOW,
            )  # fmt: skip
    return to


def main(count: int) -> None:
    from actions import MACHINE, answers, claim_files
    from benchmarks.x12 import answered
    from models import Batch, Claim, db

    to = fill(count)
    batch = timed(
        "asked for", lambda: claim_files.request(to, [row.id for row in claim_files.waiting(to)], by=MACHINE, now=NOW)
    )
    begun = time.perf_counter()
    effect = timed("written and checked", lambda: claim_files.make(batch, by=MACHINE, now=NOW))

    def keep() -> None:
        with db.atomic():
            effect()

    timed("numbered, written again and kept", keep)
    print(f"{count} claims as a file: {time.perf_counter() - begun:.2f} s (goal for 1,000: under {GOAL_SECONDS} s)")
    file = Batch.get_by_id(batch.id).file
    if file is None:
        raise SystemExit(Batch.get_by_id(batch.id).problems[:3])
    timed("handed in", lambda: claim_files.hand_in(file, by=MACHINE, now=NOW))
    timed("its claims submitted, by the worker", lambda: claim_files.submit(file, by=MACHINE))
    timed("its 277CA taken in", lambda: answers.receive(answered(count), name="a", by=MACHINE, now=NOW))
    print(f"accepted: {Claim.select().where(Claim.state == 'accepted').count()}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.environ["EVOKED_DATA"] = folder
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
