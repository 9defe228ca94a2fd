"""The case files of docs/cases: synthetic records, what is expected of each, and the report expected of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from practice import interchange, record
from practice.cases import Facts

FOLDER = Path(__file__).parents[2] / "docs" / "cases"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
RECEIVED = datetime(2026, 9, 1, tzinfo=UTC)


@cache
def raw(name: str) -> str:
    return next(FOLDER.glob(f"{name}*.json")).read_text("utf-8")


def body(name: str) -> dict[str, Any]:
    """The whole file as JSON, fresh, for a test to change; `name` may be its number."""
    return json.loads(raw(name))


def expected(name: str) -> dict[str, Any]:
    return body(name)["expected"]


def report(name: str) -> str:
    return next(FOLDER.glob(f"{name}*.md")).read_text("utf-8")


def folded(case: dict[str, Any]) -> Facts:
    """The facts of a case as the app has them: read, made into entries, folded."""
    read = interchange.read(json.dumps({"schema": "ionm-case/1", "synthetic": True, "case": case}).encode()).facts
    entries = interchange.entries_from(read, key="test", received_at=RECEIVED)
    return record.facts(entries, read.header, case_id=read.id, tz=read.tz, rev=read.record_rev, synthetic=True)


@cache
def facts(name: str) -> Facts:
    return folded(body(name)["case"])
