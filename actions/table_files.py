"""Public tables that a browser sent in: the worker reads their files and loads them, the page asks until that is done.

The files wait in the data folder. A faulty one is refused whole with its reasons; what was in use stays.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import date, datetime
from pathlib import Path

from actions import Actor, Refused, audit, jobs, tables
from models import SETTINGS, TableImport, db
from practice.edits import Kind
from practice.public_tables import BadTable, Source


def receive(
    kind: Kind, files: Sequence[Source], *, by: Actor, now: datetime, from_on: date | None = None
) -> TableImport:  # fmt: skip
    """Keep the files and ask the worker to read them. `BadTable` when their names alone say that they are not whole."""
    holds = tables.first_day(kind, files, from_on)
    with db.atomic():
        _clear(kind)
        row = TableImport.create(
            kind=kind, name=", ".join(name for name, _ in files)[:300], sha256="", from_on=holds, content=b"", offered_at=now,
            offered_by=by.id,
        )  # fmt: skip
        place = _folder(row.id)
        place.mkdir(mode=0o700, parents=True)
        for number, (name, file) in enumerate(files):
            file.seek(0)
            with open(os.open(place / f"{number}-{_plain(name)}", os.O_WRONLY | os.O_CREAT, 0o600), "wb") as kept:
                shutil.copyfileobj(file, kept, 1 << 20)
        jobs.ask("table", f"table/{row.id}/{now.timestamp()}", row.id, due_at=now)
        audit.record(by, "receive", "table_import", row_id=row.id, kind=kind)
    return row


def take_in(row: TableImport, *, by: Actor) -> Callable[[], None]:
    """The worker's part: read the files, then the effect that offers what they say, or says why they are refused."""
    if standing(row) != "reading":
        return lambda: None
    try:
        with ExitStack() as opened:
            paths = sorted(_folder(row.id).iterdir(), key=lambda path: int(path.name.partition("-")[0]))
            said = tables.read(
                row.kind, [(path.name.partition("-")[2], opened.enter_context(path.open("rb"))) for path in paths]
            )
    except BadTable as bad:
        said = {"refused": bad.errors}
    except FileNotFoundError:
        said = {"refused": ["The files are gone. Send them again."]}

    def effect() -> None:
        # By its moment too: a row that was let go meanwhile leaves its number to the next.
        mine = (TableImport.id == row.id) & (TableImport.offered_at == row.offered_at) & (TableImport.content == b"")
        if TableImport.update(**said).where(mine).execute():
            audit.record(by, "refuse" if "refused" in said else "offer", "table_import", row_id=row.id, kind=row.kind)
            db.after_commit(lambda: shutil.rmtree(_folder(row.id), ignore_errors=True))

    return effect


def ask_to_load(row: TableImport, *, by: Actor, now: datetime) -> None:
    """Have the worker put an offered edition in use. Refused with what stands against it."""
    with db.atomic():
        row = TableImport.get_by_id(row.id)
        if reasons := tables.objections(row):
            raise Refused(*reasons)
        if standing(row) == "offered":
            TableImport.update(loaded_by=by.id).where(TableImport.id == row.id).execute()
            jobs.ask("table_load", f"table_load/{row.id}/{now.timestamp()}", row.id, due_at=now)


def load(row: TableImport, *, by: Actor, now: datetime) -> None:
    """The worker's effect: the edition is in use, or says why it cannot be."""
    if standing(row) != "loading":
        return
    try:
        tables.load(row, by=by, now=now)
    except Refused as why:
        TableImport.update(refused=why.reasons).where(TableImport.id == row.id).execute()


def withdraw(row: TableImport, *, by: Actor) -> None:
    """Let an edition go that is not in use, and its files with it."""
    tables.withdraw(row, by=by)
    shutil.rmtree(_folder(row.id), ignore_errors=True)


def standing(row: TableImport) -> str:
    """Where an edition is on its way into use."""
    if row.loaded_at:
        return "in use"
    if row.refused:
        return "refused"
    if not row.content:
        return "reading"
    return "loading" if row.loaded_by else "offered"


def _clear(kind: Kind) -> None:
    waiting = TableImport.select(TableImport.id).where(TableImport.kind == kind, TableImport.loaded_at.is_null())
    for (id,) in list(waiting.tuples()):
        shutil.rmtree(_folder(id), ignore_errors=True)  # at once: the next row may have this number again
    tables.make_way(kind)


def _folder(id: int) -> Path:
    return SETTINGS.data / "tables" / str(id)


def _plain(name: str) -> str:
    """The name as the reader needs it: CMS says in it which part and edition a file is."""
    return re.sub(r"[^\w.() -]", "_", name.replace("\\", "/").rsplit("/", 1)[-1])[-120:]
