"""The claims board at size: `python -m benchmarks.claims 100000 40000` (cases, claims), in a folder of its own.

CPU of the process for a page asked in turn, and what of it SQLite took. Most claims are paid; the rest stand in all
states, as in a practice that sends what it makes.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from datetime import date, timedelta
from statistics import median

STATES = ("submitted", "accepted", "coded", "released", "held", "rejected", "denied")
OUTSTANDING = 20
"""One claim in so many is not paid."""


def main(cases: int, claims: int) -> None:
    from app import create_app
    from benchmarks import filled
    from benchmarks.serving import token_of
    from models import Payer, db

    filled.fill(cases)
    with db.atomic():
        for name in ("Medicare (synthetic)", "Lake Mutual (synthetic)", "State Fund (synthetic)"):
            Payer.create(name=name, payer_class="commercial")
        _claims(cases, claims)
    db.execute_sql("ANALYZE")
    db.close()
    app = create_app()
    client = app.test_client()
    page = client.get("/sign-in").get_data(as_text=True)
    answer = client.post(
        "/sessions", data={"email": "owner@example.org", "password": filled.PASSWORD, "csrf_token": token_of(page)}
    )
    assert answer.status_code == 303
    print(f"{cases:,} cases, {claims:,} claims")
    for name, address in (
        ("board", "/claims"), ("state, first page", "/claims?state=submitted"), ("state, paid", "/claims?state=paid"),
        ("state and hospital", "/claims?state=accepted&facility=2"), ("one payer", "/claims?payer=2"),
        ("to be coded", "/claims?state=to-code"), ("deep in paid", f"/claims?state=paid&after={date.today() - timedelta(days=400)}_0_1"),
        ("found by number", "/claims?q=EV0000007"), ("for comparison: cases", "/cases"), ("today", "/"), ("export of a state", "/claims.csv?state=submitted"),
    ):  # fmt: skip
        spent = []
        for _ in range(12):
            begin = time.process_time()
            answer = client.get(address)
            spent.append(time.process_time() - begin)
            assert answer.status_code in (200, 303), (address, answer.status_code)
        print(f"{name:22} {1000 * median(spent[2:]):7.1f} ms CPU {len(answer.get_data()):>9,} bytes")


def _claims(cases: int, count: int) -> None:
    from benchmarks.filled import _insert
    from models import Claim, Unbilled
    from practice import claims as c
    from tests.practice import made_claims

    body = c.to_json(made_claims.claim())
    first = max(1, cases - count - 1000)
    at = "2026-01-01T00:00:00.000000Z"

    def rows():
        for place in range(count):
            on = date.today() - timedelta(days=(count - place) * 1400 // count + 5)
            state = STATES[place % len(STATES)] if place % OUTSTANDING == 0 else "paid"
            yield (
                first + place, place % 4 + 1, f"EV{place:07d}", "P", "1", body, str(on), 100000 + place % 90 * 1000,
                str(on + timedelta(days=365)), f"ICN{place}", state, at, at,
            )  # fmt: skip

    columns = (
        "case", "payer", "number", "sequence", "frequency", "body", "date_of_service", "total_cents", "file_by",
        "payer_control", "state", "state_at", "made_at",
    )  # fmt: skip
    _insert(Claim, columns, rows())
    waiting = (
        (cases - n, n % 5 + 1, n % 4 + 1, str(date.today() - timedelta(days=n // 10)), int(n > 200), 3, 250000)
        for n in range(1000)
    )
    _insert(Unbilled, ("case", "facility", "payer", "date_of_service", "signed", "lines", "cents"), waiting)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.environ["EVOKED_DATA"] = folder
        main(*(int(one) for one in sys.argv[1:3] or (10000, 4000)))
