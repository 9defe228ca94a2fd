"""Fills a new practice with made-up cases, straight into the tables: `python -m benchmarks.filled 100000`.

The newest cases have records of about sixty entries, as a page shows them; the older ones are signed and have none
(eight million entries would measure the disk). Each case has its two people; 1 in 100 is not signed yet.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import models
from actions.sessions import HASHER
from models import Assignment, AuditEntry, Case, Entry, Facility, Patient, Payer, Person, Surgeon, db
from practice import examples, interchange, record

PASSWORD = "a-made-up-password"
PEOPLE = (("Olive Owens", "owner"), ("Jordan Pruitt", "technologist"), ("Elena Marsh", "physician"))
PLAIN = 20
"""Technologists and physicians who share the older cases; the two who sign in have every twentieth."""
UNSIGNED = 200
"""Cases that are not signed, at the least: entries are posted to them in turn."""
BOOKED = 30
"""The newest, for which nothing is recorded yet."""
NOW = datetime.now(UTC)
EXAMPLE = date(1999, 3, 10)
"""The day of the examples before they are given their own: nothing else in them reads so."""


def fill(cases: int) -> dict[str, Any]:
    """The schema, its guards and the rows. Returns what was made and how to sign in."""
    db.connect()
    db.create_tables(models.TABLES)
    people = _people()
    with db.atomic():
        _places()
        recorded = min(max(cases // 10, UNSIGNED), 3000)
        _patients(cases // 4)
        _cases(cases, recorded)
        _assignments(cases, people)
        entries = _entries(cases, recorded)
        _sign(cases)
    models.install_guards()
    db.execute_sql("ANALYZE")
    db.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return {"cases": cases, "entries": entries, "recorded": recorded, "newest": cases}


def _people() -> list[int]:
    hashed = HASHER.hash(PASSWORD)
    rows = [(name, role) for name, role in PEOPLE]
    rows += [(f"Person {n}", role) for n in range(1, PLAIN) for role in ("technologist", "physician")]
    for number, (name, role) in enumerate(rows):
        email = f"{role}{number}@example.org" if number >= len(PEOPLE) else f"{role}@example.org"
        Person.create(name=name, email=email, roles=[role], password_hash=hashed, created_at=NOW)
    return [row[0] for row in Person.select(Person.id).tuples()]


def _places() -> None:
    for name, state, zone in examples.FACILITIES:
        Facility.create(name=name, state=state, zone=zone)
    for name in examples.SURGEONS:
        Surgeon.create(name=name)
    Payer.create(name="Acme PPO (synthetic)", payer_class="commercial")


def _patients(count: int) -> None:
    dice = random.Random(2)
    born = date(1950, 1, 1)
    rows = (
        (f"TESTPATIENT{dice.randrange(count):06d}, {chr(65 + n % 26)}", f"MRN{n:07d}", str(born + timedelta(days=n % 20000)), "F", "1 Elm St", "Aurora", "IL", "60505", "")
        for n in range(max(count, 1))
    )  # fmt: skip
    _insert(Patient, ("name", "mrn", "dob", "sex", "address", "city", "state", "zip", "phone"), rows)


def _cases(count: int, recorded: int) -> None:
    """From the oldest to one of tomorrow. The columns that a list does not show keep the values of one example."""
    headers = [examples.make(seed, day=NOW.date())["case"]["header"] for seed in range(60)]
    columns = (
        "reference", "facility", "surgeon", "patient", "payer", "date_of_service", "starts_at", "or_room", "procedure", "levels",
        "cpt", "diagnosis", "indication", "structures", "preop_exam", "gaps", "record_rev", "created_at",
    )  # fmt: skip

    def rows() -> Iterable[tuple[Any, ...]]:
        for number in range(1, count + 1):
            header = headers[number % len(headers)]
            day = _day(number, count)
            surgery = header["procedure"]
            yield (
                f"REF-{number:06d}", number % 5 + 1, number % 5 + 1, number % max(count // 4, 1) + 1, 1, str(day),
                f"{day}T13:30:00.000000Z", f"OR {number % 12 + 1}", surgery["text"], json.dumps(surgery["levels"]),
                json.dumps(surgery["cpt"]), json.dumps(header["diagnosis"]), header["indication"],
                json.dumps(header["structures_at_risk"]), header["preop_exam"], "{}", 1, NOW.isoformat(),
            )  # fmt: skip

    fixed = {"synthetic": 1, "payer_class": "commercial", "encounter": "", "anesthesia": "", "requested_by": "",
             "approach": "", "side": "", "position": ""}  # fmt: skip
    _insert(Case, (*columns, *fixed), (row + tuple(fixed.values()) for row in rows()))


def _day(case: int, cases: int) -> date:
    """Some cases a day, the booked ones today and ahead, the others over."""
    return NOW.date() + timedelta(days=(BOOKED - cases + case - 1) // max(1, cases // 1500))


def _assignments(cases: int, people: list[int]) -> None:
    technologists, physicians = people[1::2], people[2::2]
    rows = (
        (case, group[case % PLAIN], role)
        for case in range(1, cases + 1)
        for group, role in ((technologists, "technologist"), (physicians, "physician"))
    )
    _insert(Assignment, ("case", "person", "role"), rows)


def _entries(cases: int, recorded: int) -> int:
    """The records of the newest cases: forty examples, each given again and again under new ids."""
    examples_of = [_record(seed) for seed in range(40)]
    columns = ("client_id", "case", "kind", "at", "data", "device", "entered_at", "received_at", "by")
    made = 0

    def rows() -> Iterable[tuple[Any, ...]]:
        nonlocal made
        for case in range(cases - recorded + 1, cases + 1 - BOOKED):
            template = examples_of[case % len(examples_of)]
            fresh = {old: f"{case:08x}{old[8:]}" for old, *_ in template}
            days = [(str(EXAMPLE + timedelta(days=n)), str(_day(case, cases) + timedelta(days=n))) for n in (0, 1)]
            for client_id, kind, at, data, refers in template:
                for old, new in (*days, *((one, fresh[one]) for one in refers)):
                    data, at = data.replace(old, new), at and at.replace(old, new)
                made += 1
                yield (fresh[client_id], case, kind, at, data, "import", NOW.isoformat(), NOW.isoformat(), 2)

    _insert(Entry, columns, rows())
    return made


def _sign(cases: int) -> None:
    """Sign all but the newest, each in its own minute; a quarter of those is closed. Entries come before, as in life."""
    last = cases - max(UNSIGNED, cases // 100)
    moment = "date_of_service || 'T' || strftime('%H:%M:%f', id * 61, 'unixepoch') || '000Z'"
    db.execute_sql(f"UPDATE cases SET closed_at = {moment}, closed_by = 1 WHERE id <= ?", [last + (cases - last) // 4])
    db.execute_sql("UPDATE cases SET signed_at = closed_at WHERE id <= ?", [last])


def _record(seed: int) -> list[tuple[str, str, str | None, str, list[str]]]:
    """The entries of one example: id, kind, time, data, and which other ids the data names."""
    raw = json.dumps(examples.make(seed, day=EXAMPLE)).encode()
    entries = interchange.entries_from(interchange.read(raw).facts, key=str(seed), received_at=NOW)
    ids = [entry.client_id for entry in entries]
    found = []
    for entry in entries:
        data = record.encode_data(entry.data)
        at = models.UtcField().db_value(entry.at)
        found.append((entry.client_id, entry.kind, at, data, [one for one in ids if one in data]))
    return found


def _insert(model: type[models.pw.Model], names: Iterable[str], rows: Iterable[tuple[Any, ...]]) -> None:
    columns = [model._meta.fields[name].column_name for name in names]
    holes = ", ".join("?" * len(columns))
    quoted = ", ".join(f'"{column}"' for column in columns)
    db.connection().executemany(f'INSERT INTO "{model._meta.table_name}" ({quoted}) VALUES ({holes})', rows)


def audited(rows: int) -> None:
    """An audit trail of some length, sealed as it is written in life."""
    with db.atomic():
        prev, made = "genesis", []
        for seq in range(1, rows + 1):
            entry = AuditEntry(seq=seq, at=NOW, actor=1, session=1, address="127.0.0.1", action="view", noun="case",
                               row_id=seq, case_id=seq, detail="{}", prev=prev)  # fmt: skip
            prev = entry.mac = entry.seal()
            made.append(
                (
                    seq,
                    models.UtcField().db_value(NOW),
                    1,
                    1,
                    "127.0.0.1",
                    "view",
                    "case",
                    seq,
                    seq,
                    "{}",
                    entry.prev,
                    prev,
                )
            )
        _insert(AuditEntry, (*AuditEntry.CHAINED, "mac"), made)


if __name__ == "__main__":
    begun = time.perf_counter()
    made = fill(int(sys.argv[1]))
    audited(made["cases"])
    print(json.dumps({**made, "seconds": round(time.perf_counter() - begun, 1)}))
