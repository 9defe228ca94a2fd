"""The ledger against its twin on 10,000 random days, and a physician's day in a year of 50,000 cases.

`python -m benchmarks.ledger [DAYS]`, in a process and a data folder of its own. Goals: no day on which the ledger and
the minute-by-minute twin differ; a day in under 100 ms.
"""

from __future__ import annotations

import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

GOAL_MS = 100
YEAR, CASES, PHYSICIANS = date(2026, 1, 1), 50_000, 20


def agreement(days: int) -> int:
    """How many of so many random days differ."""
    from practice import ledger
    from tests.practice.minute_by_minute import disagreements, random_day

    start, wrong = time.perf_counter(), 0
    for seed in range(days):
        day = random_day(seed)
        if found := disagreements(ledger.ledger(*day), *day):
            wrong += 1
            print(f"day {seed}: {found[:3]}")
    print(f"{days:,} random days, {wrong} differ ({time.perf_counter() - start:.0f} s)")
    return wrong


def fill() -> list[int]:
    """A year of cases, each read by one physician in four stretches of one hour, overlapping as they come."""
    import models as m

    m.db.connect()
    m.db.create_tables(m.TABLES)
    rng, at = random.Random(1), datetime(2026, 1, 1, tzinfo=UTC)  # noqa: S311  not a secret
    place = m.Facility.create(name="Mercy", zone="America/Chicago")
    patient = m.Patient.create(name="DOE, JANE")
    people = [
        m.Person.create(name=f"Reader {n}", email=f"{n}@example.org", roles=["physician"], created_at=at)
        for n in range(PHYSICIANS)
    ]
    with m.db.atomic():
        for first in range(0, CASES, 500):
            cases, stretches = [], []
            for case in range(first + 1, first + 501):
                on = YEAR + timedelta(days=case % 365)
                payer = rng.choice(("medicare", "commercial"))
                cases.append(
                    {"id": case, "facility": place, "patient": patient, "date_of_service": on, "procedure": "ACDF",
                     "payer_class": payer, "created_at": at}
                )  # fmt: skip
                start = datetime.combine(on, datetime.min.time(), UTC) + timedelta(minutes=780 + rng.randrange(400))
                who = f"Reader {rng.randrange(PHYSICIANS)}"
                for hour in range(4):
                    begin = start + timedelta(hours=hour)
                    stretches.append(
                        {"case": case, "who": who, "start": begin, "end": begin + timedelta(hours=1), "in_room": False,
                         "alone": hour % 2 == 0}
                    )  # fmt: skip
            m.Case.insert_many(cases).execute()
            m.Stretch.insert_many(stretches).execute()
    return [person.id for person in people]


def timed(what: str, act: Callable[[int], object], rounds: int) -> float:
    """The slowest but one percent of the rounds, in milliseconds."""
    took = []
    for number in range(rounds):
        start = time.perf_counter()
        act(number)
        took.append((time.perf_counter() - start) * 1000)
    took.sort()
    worst = took[int(len(took) * 0.99)]
    print(f"{what}: median {statistics.median(took):.1f} ms, 99% within {worst:.1f} ms")
    return worst


def main() -> int:
    os.environ["EVOKED_DATA"] = tempfile.mkdtemp(prefix="evoked-ledger-")
    wrong = agreement(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
    people = fill()
    from actions import ledger
    from models import Case, Person

    readers = [Person.get_by_id(id) for id in people]
    worst = timed(
        f"A physician's day in {CASES:,} cases",
        lambda n: ledger.day(readers[n % PHYSICIANS], YEAR + timedelta(days=(n * 37) % 365)),
        300,
    )
    noon = datetime(2026, 6, 15, 18, tzinfo=UTC)
    timed("Today's findings, a week of all physicians", lambda n: ledger.standing(noon + timedelta(days=n)), 20)
    case = Case.get_by_id(1)
    timed("Stretches of a record without entries written anew", lambda n: ledger.index(case), 50)
    return 1 if wrong or worst > GOAL_MS else 0


if __name__ == "__main__":
    sys.exit(main())
