"""Public tables: reading two million pairs and finding diagnoses by word: `python -m benchmarks.tables`.

It makes a data folder of its own and removes it; the rows of the pairs are made up.
"""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import tempfile
import time
from datetime import UTC, date, datetime
from typing import Any

ROWS, PARTS = 2_000_000, 4
HEAD = (
    "CPT only\r\nColumn 1\tColumn 2\t*=in existence prior to 1996\tEffective Date\tDeletion Date *=no data\t"
    "Modifier 0=not allowed 1=allowed 9=not applicable\tPTP Edit Rationale\r\n"
)
WORDS = (
    "lumbar stenosis",
    "cervical myelop",
    "left",
    "unspecified",
    "fracture left initial",
    "M48.0",
    "neoplasm brain",
)
DAY = date(2026, 9, 1)


def measure() -> dict[str, Any]:
    from actions import MACHINE, tables
    from models import SETTINGS, TABLES, db

    db.connect()
    db.create_tables(TABLES)
    now = datetime.now(UTC)
    found: dict[str, Any] = {}

    def timed(name: str, act: Any) -> Any:
        begun = time.perf_counter()
        result = act()
        found[name] = round(time.perf_counter() - begun, 2)
        return result

    timed("diagnoses_filled_in_s", lambda: tables.built_in_diagnoses(by=MACHINE, now=now))
    found["diagnosis_search_ms"] = {
        words: _least(lambda said=words: tables.find_diagnoses(said, DAY)) for words in WORDS
    }
    found["database_mb"] = round(os.path.getsize(SETTINGS.database) / 1e6, 1)
    offered = timed("pairs_read_s", lambda: tables.offer("ptp", _pairs(), by=MACHINE, now=now))
    found |= {"pairs_in_file": offered.rows_read, "pairs_kept": offered.rows}
    timed("pairs_preview_s", lambda: tables.preview(offered))
    timed("pairs_loaded_s", lambda: tables.load(offered, by=MACHINE, now=now))
    found["edits_of_a_case_ms"] = _least(lambda: tables.edits(("95938", "95939", "95861", "95870", "95941"), DAY))
    found["database_with_pairs_mb"] = round(os.path.getsize(SETTINGS.database) / 1e6, 1)
    db.close()
    return found


def _least(act: Any) -> float:
    """Milliseconds of the quickest of five: what else the machine does can only add to it."""
    taken = []
    for _ in range(5):
        begun = time.perf_counter()
        act()
        taken.append(time.perf_counter() - begun)
    return round(min(taken) * 1000, 1)


def _pairs() -> list[tuple[str, io.BytesIO]]:
    """Four parts as large as a quarter's: every surgical code beside every code of the field, the rest without one."""
    from practice.public_tables import OURS

    rng = random.Random(1)  # noqa: S311  not a secret
    surgical = [f"{number:05d}" for number in range(10_000, 69_999, 11)]
    rows = [f"{first}\t{second}\t \t20130101\t*\t0\tStandards\r\n" for first in surgical for second in sorted(OURS)]
    while len(rows) < ROWS:
        rows.append(f"{rng.choice(surgical)}\t{rng.choice(surgical)}\t \t20130101\t*\t1\tMisuse\r\n")
    each = len(rows) // PARTS
    return [
        (f"ccipra-v322r0-f{part + 1}.txt", io.BytesIO((HEAD + "".join(rows[part * each : (part + 1) * each])).encode()))
        for part in range(PARTS)
    ]


if __name__ == "__main__":
    folder = tempfile.mkdtemp(prefix="evoked-bench-")
    os.environ["EVOKED_DATA"] = folder
    try:
        print(json.dumps(measure(), indent=1))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
