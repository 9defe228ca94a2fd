"""Weighing a case for its page: the rules alone, the whole of it, and the replay of a rule over a year of claims.

`python -m benchmarks.scrub [TIMES]`, in a process and a data folder of its own, by CPU. Goals: a case well under 20 ms, a
year of 1,000 claims in about a second.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable

YEAR = 1000


def timed(times: int, what: Callable[[], object]) -> str:
    spent = []
    for _ in range(times):
        start = time.process_time()
        what()
        spent.append((time.process_time() - start) * 1000)
    return f"{statistics.median(spent):6.1f} ms median, {max(spent):6.1f} ms worst"


def main() -> None:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"EVOKED_DATA": folder, "EVOKED_SECRET_KEY": "x" * 40, "EVOKED_AUDIT_KEY": "y" * 40}
        measure(times)


def measure(times: int) -> None:
    import models as m
    from actions import claims, rules, weighing
    from actions.claim_bodies import as_billed
    from practice import own_rules, scrub
    from tests import billable
    from tests import cast as the_cast

    m.db.connect()
    m.db.create_tables(m.TABLES)
    firm = billable.equip(the_cast.make())
    made = []
    for number in ("01", "02", "03", "07"):
        case = billable.signed(firm, number)
        made.append(claims.make(case, by=the_cast.actor(firm.bo), now=the_cast.NOW))
    print(f"{len(scrub.RULES)} rules, {times} times each")
    for claim in made:
        case, body = as_billed(claim.case), claims.body(claim)
        seen = weighing.given(case, body).scrub
        print(
            f"case {claim.case_id}: rules {timed(times, lambda seen=seen: scrub.findings(seen))};"
            f" weigh {timed(times, lambda case=case: weighing.weigh(case))};"
            f" with its claim {timed(times, lambda case=case, body=body: weighing.weigh(case, body))}"
        )
    rule = own_rules.OwnRule(
        number=1, name="Long", then="hold", message="Look.", conditions=(own_rules.Condition("case.minutes", "more", "90"),)
    )  # fmt: skip
    for number in range(len(made), YEAR):  # the same claims over and over; each is read anew
        like = made[number % len(made)]
        m.Claim.create(**like.__data__ | {"id": None, "number": f"COPY-{number}"})
    start = time.process_time()
    seen = rules.replay(rule, today=the_cast.NOW.date())
    spent = time.process_time() - start
    print(f"replay of {seen.looked_at} claims: {spent:.2f} s, {spent * 1000 / seen.looked_at:.2f} ms a claim")


if __name__ == "__main__":
    main()
