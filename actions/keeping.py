"""Keeping the installation whole: the schema brought up to date, and copies that can be trusted."""

from __future__ import annotations

import os
import shutil
from datetime import datetime
from pathlib import Path

import peewee as pw
from playhouse.migrations import Runner

from actions import Refused
from models import GUARDS, SETTINGS, db, drop_guards, install_guards

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"


def migrate(*, now: datetime, migrations: Path = MIGRATIONS) -> list[str]:
    """Bring the schema up to date, all of it or nothing, after a copy of what was there. Returns what was applied.

    One transaction holds every pending migration, the guards and the checks: a start that is killed half-way
    leaves the database as it was, and the next start begins again.
    """
    runner = Runner(db, str(migrations))
    pending = [step.name for step in runner.status() if not step.applied]
    _refuse_newer(runner)
    if not pending and guards_in_place() == GUARDS:
        return []
    if pending and runner.applied():
        _copy_database(SETTINGS.data / "backups" / f"before-{pending[0]}-{now:%Y%m%dT%H%M%SZ}.db")
    db.pragma("foreign_keys", 0)  # a rebuilt table would delete what points to it; SQLite ignores this inside BEGIN
    try:
        with db.atomic():
            drop_guards()
            applied = runner.up()
            install_guards()
            _refuse_broken(db)
    finally:
        db.pragma("foreign_keys", 1)
    return applied


def backup(to: Path) -> Path:
    """Copy everything that cannot be made again into the folder `to`; safe while people work. Returns the database.

    Documents are named by their digest and never change, so a second backup into the same folder adds the new ones.
    """
    to.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The database goes first: each document it speaks of is then already stored, and is copied after it.
    copy = _copy_database(to / SETTINGS.database.name)
    kept = to / SETTINGS.documents.name
    kept.mkdir(mode=0o700, exist_ok=True)
    for path in SETTINGS.documents.rglob("*"):
        target = kept / path.relative_to(SETTINGS.documents)
        if path.is_file() and not target.exists():
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _put(path, target)
    # Without its secrets a restored practice cannot prove its audit trail, and every phone signs in anew.
    for name in ("secrets.json", "audit.anchors"):
        if (SETTINGS.data / name).exists():
            _put(SETTINGS.data / name, to / name)
    return copy


def _copy_database(target: Path) -> Path:
    """A whole and checked copy of the database at `target`, readable by its owner alone."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)  # VACUUM INTO accepts an empty file and keeps its mode
    db.execute_sql("VACUUM INTO ?", (str(part),))
    copy = pw.SqliteDatabase(str(part))
    try:
        _refuse_broken(copy)
    finally:
        copy.close()
    _settle(part)
    return part.replace(target)


def _put(source: Path, target: Path) -> None:
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    shutil.copyfile(source, part)
    _settle(part)
    part.replace(target)


def _settle(path: Path) -> None:
    """The bytes are on the disk before the name is: a power cut never leaves half a file under a good name."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def guards_in_place() -> dict[str, str]:
    return dict(db.execute_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall())


def _refuse_newer(runner: Runner) -> None:
    unknown = [step.name for step in runner.status() if step.path is None]
    if unknown:
        raise Refused(
            f"The database is newer than this copy of Evoked: it knows {unknown[-1]}. Update Evoked, or restore the "
            f"copy that was made before that change from {SETTINGS.data / 'backups'}."
        )


def _refuse_broken(database: pw.SqliteDatabase) -> None:
    """Raise when the file is damaged or a row points to a row that is not there."""
    damage = database.execute_sql("PRAGMA integrity_check(3)").fetchall()
    if damage != [("ok",)]:
        raise Refused(f"The database is damaged: {'; '.join(row[0] for row in damage)}. Restore the newest backup.")
    orphans = database.execute_sql("PRAGMA foreign_key_check").fetchall()
    if orphans:
        table, row, parent, _ = orphans[0]
        raise Refused(f"Row {row} of {table} points to a row of {parent} that is not there. Nothing was changed.")
