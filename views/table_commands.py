"""`bin/evoked tables`: import a public table from its files, list the editions in use, fill in the diagnosis codes."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from typing import get_args

import click
from flask.cli import AppGroup

from actions import MACHINE, Refused, tables
from models import SETTINGS, TableImport
from practice.edits import TITLES, Kind
from practice.public_tables import BadTable
from views.commands import refusable

public_tables = AppGroup("tables", help="Public tables: NCCI edits, Medicare's fee schedule, ICD-10-CM.")


@public_tables.command("import")
@click.argument("kind", type=click.Choice(get_args(Kind)))
@click.argument("files", nargs=-1, required=True)
@click.option(
    "--from", "from_on", type=click.DateTime(["%Y-%m-%d"]), help="First day it holds; told from the name without it."
)
@click.option("--preview", is_flag=True, help="Say what would change and load nothing.")
@refusable
def take_in(kind: Kind, files: tuple[str, ...], from_on: datetime | None, preview: bool) -> None:
    """Load the table KIND from FILES, all parts of one edition, and print what changed. Refused whole when a row is wrong."""
    now, day = datetime.now(UTC), from_on.date() if from_on else None
    with ExitStack() as opened:
        sources = [(name.rsplit("/", 1)[-1], opened.enter_context(open(name, "rb"))) for name in files]
        try:
            offered = tables.offer(kind, sources, by=MACHINE, now=now, from_on=day)
        except BadTable as bad:
            raise Refused(*bad.errors) from bad
    seen = tables.preview(offered)
    click.echo(
        f"{TITLES[kind]} of {offered.from_on}: {offered.rows_read:,} rows read, {offered.rows:,} kept. "
        f"{seen.added:,} new, {seen.changed:,} changed, {seen.gone:,} gone"
        + (f" against the edition of {seen.before.from_on}." if seen.before else "; none was in use.")
    )
    if preview:
        tables.withdraw(offered, by=MACHINE)
        return
    tables.load(offered, by=MACHINE, now=now)
    click.echo("It is in use.")


@public_tables.command("list")
@refusable
def listing() -> None:
    """The edition of each table that holds today: kind, first day, rows, file."""
    today = datetime.now(UTC).astimezone(SETTINGS.zone).date()
    for kind in get_args(Kind):
        held = tables.edition(kind, today)
        click.echo(f"{kind}\t{held.from_on}\t{held.rows}\t{held.name}" if held else f"{kind}\tnone imported")


@public_tables.command("diagnoses")
@refusable
def diagnoses() -> None:
    """Fill in the diagnosis codes that come with the app, where no edition is loaded yet. Takes about 10 seconds, once."""
    if TableImport.select().where(TableImport.kind == "icd10", TableImport.loaded_at.is_null(False)).exists():
        return
    click.echo("Filling in the diagnosis codes, once.", err=True)
    loaded = tables.built_in_diagnoses(by=MACHINE, now=datetime.now(UTC))
    if loaded:
        click.echo(f"{loaded.rows:,} diagnosis codes of {loaded.from_on}.", err=True)
