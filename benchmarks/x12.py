"""Claims written, checked, read and printed, in a process of its own: `python -m benchmarks.x12`.

CPU of the warm process, the least of a few rounds. Goal: 1,000 claims of three lines written and checked in 10 s.
"""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from practice import claims as c
from practice import cms1500
from practice.x12 import acks, checks, p837

GOAL_SECONDS = 10
DAY = date(2026, 3, 2)
TODAY = date(2026, 11, 22)
AT = datetime(2026, 3, 10, 9, 15, tzinfo=UTC)


def least(act: Callable[[], Any], rounds: int = 3) -> float:
    """The CPU seconds of the quickest round."""
    found = []
    for _ in range(rounds):
        begun = time.process_time()
        act()
        found.append(time.process_time() - begun)
    return min(found)


def claim(number: int) -> c.Claim:
    """A claim of a patient of its own; every tenth is a dependent's."""
    home = c.Address(line1="1 Elm St", city="Austin", state="TX", zip="78701")
    letters = "".join(chr(65 + int(digit)) for digit in f"{number:05d}")
    patient = c.Person(last=f"Tester{letters}", first="Pat", birth_on=date(1960, 2, 15), sex="F", address=home)
    plan = c.Payer(name="Example Health Plan", id="12345", filing="CI")
    coverage = c.Coverage(payer=plan, member_id=f"XYZ{number:06d}", group_number="GRP1")
    if number % 10 == 0:
        parent = c.Person(last="Parent", first="Pat", birth_on=date(1950, 1, 1), sex="M", address=home)
        coverage = c.Coverage(payer=plan, member_id=f"XYZ{number:06d}", relationship="19", subscriber=parent)
    rows = (("95940", (), 8, 240000), ("95938", ("26",), 1, 90000), ("95939", ("26",), 1, 60000))
    return c.Claim(
        control_number=f"ION-{number}",
        billing=_provider("Example Neuromonitoring", "1999999984", "100 Main St"),
        patient=patient,
        coverage=coverage,
        rendering=c.Provider(name="Reader", first="Rita", person=True, npi="1555555550", taxonomy="2084N0600X"),
        referring=c.Provider(name="Surgeon", first="Sam", person=True, npi="1444444446"),
        facility=_provider("Example General Hospital", "1777777776", "500 Hospital Dr"),
        diagnoses=("M48.02", "M54.12"),
        lines=tuple(
            c.ClaimLine(
                key=f"{number}L{place}", code=code, modifiers=mods, units=units, charge_cents=cents, from_on=DAY
            )
            for place, (code, mods, units, cents) in enumerate(rows, 1)
        ),
        pos="21",
        admitted_on=DAY,
        authorization="AUTH998877",
    )


def _provider(name: str, npi: str, street: str) -> c.Provider:
    place = c.Address(line1=street, city="Austin", state="TX", zip="787010001")
    return c.Provider(name=name, npi=npi, taxonomy="2084N0600X", address=place, tax_id="741234567")


def written(claims: list[c.Claim]) -> str:
    return p837.write(
        claims,
        submitter=p837.Submitter(name="Practice", id="IONM", contact="Billing", phone="5125550100"),
        receiver=p837.Receiver(name="Clearinghouse", id="CLEAR"),
        controls=p837.Controls(interchange=1, group=1, batch="B1"),
        at=AT,
    ).text


def answered(count: int) -> bytes:
    """A 277CA that takes every claim."""
    isa = "ISA*00*          *00*          *ZZ*CLEAR          *ZZ*IONM           *260311*0800*^*00501*000000900*0*T*:~"
    head = "GS*HN*CLEAR*IONM*20260311*0800*9*X*005010X214~ST*277*0001*005010X214~BHT*0085*08*B1*20260311*0800*TH~"
    body = "".join(
        f"HL*{n}*1*PT~NM1*QC*1*T*P****MI*X~TRN*2*ION-{n}~STC*A2:20*20260311*WQ*3900~REF*1K*P{n}~DTP*472*D8*20260302~"
        for n in range(count)
    )
    return f"{isa}{head}{body}SE*1*0001~GE*1*9~IEA*1*000000900~".encode()


def measure(count: int) -> dict[str, float]:
    claims = [claim(number) for number in range(count)]
    text = written(claims)
    checked = checks.check(text.encode(), today=TODAY)
    if checked.errors or checked.claims != count:
        raise SystemExit(f"the file is not sound: {checked.findings[:3]}")
    told = answered(count)
    found = {
        "write_s": least(lambda: written(claims)),
        "check_s": least(lambda: checks.check(text.encode(), today=TODAY)),
        "read_277ca_s": least(lambda: acks.answers(told)),
        "cms1500_ms_a_claim": least(lambda: cms1500.overlay(claims[:100])) * 10,
        "file_copy_ms_a_claim": least(lambda: cms1500.file_copy(claims[:100])) * 10,
    }
    tracemalloc.start()
    checks.check(text.encode(), today=TODAY)
    found["check_peak_mib"] = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    return found


def main() -> None:
    for count in (1000, 5000) if "--long" in sys.argv else (1000,):
        found = measure(count)
        both = found["write_s"] + found["check_s"]
        print(f"{count} claims written and checked: {both:.2f} s (goal for 1,000: under {GOAL_SECONDS} s)")
        print(
            f"  written {found['write_s'] * 1e6 / count:.0f} us a claim, checked {found['check_s'] * 1e6 / count:.0f} us"
        )
        print(f"  memory of a check {found['check_peak_mib']:.0f} MiB")
        print(f"  277CA of as many claims read in {found['read_277ca_s']:.2f} s")
        print(
            f"  CMS-1500 text {found['cms1500_ms_a_claim']:.1f} ms, file copy {found['file_copy_ms_a_claim']:.1f} ms a claim"
        )


if __name__ == "__main__":
    main()
