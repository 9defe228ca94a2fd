"""Queries and SQLite steps of each page, asked in process: `python -m benchmarks.queries 100000`.

Steps repeat to a few hundred under any load (performance.md section 8), so they show growth where times cannot.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

from app import create_app
from benchmarks.filled import BOOKED, PASSWORD
from benchmarks.serving import entry_form, token_of
from models import Case, db

GRAIN = 10


def measure(cases: int) -> dict[str, Any]:
    app = create_app()
    found = {}
    for role, name, act in _acts(cases):
        client = app.test_client()
        page = client.get("/sign-in").get_data(as_text=True)
        client.post(
            "/sessions", data={"email": f"{role}@example.org", "password": PASSWORD, "csrf_token": token_of(page)}
        )
        act(client)  # what is only done once, such as compiling a template
        found[name] = counted(lambda act=act, client=client: act(client))
    return found


def _acts(cases: int) -> Iterator[tuple[str, str, Callable[[Any], Any]]]:
    yield "owner", "list", lambda client: client.get("/cases")
    yield "owner", "list, half way down", lambda client: client.get("/cases?" + _deep(cases))
    yield "owner", "list, to sign", lambda client: client.get("/cases?show=closed")
    yield "owner", "list, to do", lambda client: client.get("/cases?show=booked")
    yield "technologist", "list, own", lambda client: client.get("/cases")
    yield "owner", "search", lambda client: _post(client, "/cases", "/cases/searches", q="MRN0000017")
    yield "owner", "today", lambda client: client.get("/")
    yield "technologist", "today, own", lambda client: client.get("/")
    yield "owner", "case", lambda client: client.get(f"/cases/{cases - BOOKED - 1}")
    yield "owner", "record", lambda client: client.get(f"/cases/{cases - BOOKED - 1}/record")
    yield (
        "owner",
        "entry POST",
        lambda client: _post(client, "/me", f"/cases/{cases - BOOKED - 1}/entries", **entry_form()),
    )
    yield "owner", "inbox", lambda client: client.get("/reports")
    yield "owner", "packets", lambda client: client.get("/packets")
    yield "owner", "audit", lambda client: client.get("/audit")


def _deep(cases: int) -> str:
    day = Case.select(Case.date_of_service).where(Case.id == cases // 2).scalar()
    return f"after={day}.{cases // 2}"


def _post(client: Any, page: str, target: str, **fields: str) -> Any:
    # The token is fetched outside of what is counted the second time: it stays good for the session.
    if not hasattr(client, "form_token"):
        client.form_token = token_of(client.get(page).get_data(as_text=True))
    return client.post(target, data={"csrf_token": client.form_token, **fields})


def counted(act: Callable[[], Any]) -> dict[str, Any]:
    """Do it once: the status, the queries and the steps that SQLite took."""
    steps, queries = 0, []

    def step() -> int:
        nonlocal steps
        steps += GRAIN
        return 0

    hook = lambda event: queries.append(event)  # noqa: E731
    db.connection().set_progress_handler(step, GRAIN)
    db.query_hooks.append(hook)
    try:
        answer = act()
    finally:
        db.query_hooks.remove(hook)
        db.connection().set_progress_handler(None, 0)
    asked = [
        event
        for event in queries
        if not re.match(r"(BEGIN|COMMIT|SAVEPOINT|RELEASE)", str(getattr(event, "sql", event)))
    ]
    return {"status": answer.status_code, "queries": len(asked), "steps": steps}


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
