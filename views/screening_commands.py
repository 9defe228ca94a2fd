"""`bin/evoked exclusions`: load a list from a file, screen everybody, print a certificate."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import click
from flask.cli import AppGroup

from actions import MACHINE, Refused, screenings
from models import SETTINGS, Hit, Screening
from practice import exclusions
from practice.screening import TIERS
from views.commands import refusable

exclusion_lists = AppGroup("exclusions", help="Exclusion lists and screening.")


@exclusion_lists.command("load")
@click.argument("file")
@click.option("--list", "name", default="leie", show_default=True, help="leie, sam, or state-tx for a state's list.")
@click.option("--made-on", type=click.DateTime(["%Y-%m-%d"]), help="The list's own date; today without it.")
@click.option("--allow-small", is_flag=True, help="The list is as small as it is meant to be.")
@refusable
def load(file: str, name: str, made_on: datetime | None, allow_small: bool) -> None:
    """Put the list in FILE in the place of the one in use. Refused unless it is whole."""
    day = made_on.date() if made_on else None
    loaded = screenings.load(
        Path(file), name=name, by=MACHINE, now=datetime.now(UTC), made_on=day, allow_small=allow_small
    )
    before = f" in the place of {loaded.rows_before:,}" if loaded.rows_before is not None else ""
    click.echo(
        f"{exclusions.title(name)}: {loaded.rows:,} {'row' if loaded.rows == 1 else 'rows'}{before}. SHA-256 {loaded.sha256}"
    )
    if loaded.newest_on:
        click.echo(f"The newest exclusion in it is of {loaded.newest_on}.")


@exclusion_lists.command("screen")
@refusable
def screen() -> None:
    """Screen everybody against the lists in use and print where each stands."""
    now = datetime.now(UTC)
    run = screenings.screen(by=MACHINE, now=now)
    for party, standing, _ in screenings.standings(now.astimezone(SETTINGS.zone).date()):
        click.echo(f"{standing.state}\t{party.kind}\t{party.called}\t{' '.join(standing.objections)}")
    waiting = Hit.select().where(Hit.state == "open")
    for hit in waiting.where(~Hit.together).order_by(Hit.tier, Hit.id):
        why = "; ".join((*hit.agrees, *(f"but {one}" for one in hit.differs)))
        click.echo(f"hit {hit.id}\t{hit.tier} {TIERS[hit.tier]}\t{hit.party.called}\t{hit.listed['name']}\t{why}")
    names = Counter(hit.party.called for hit in waiting.where(Hit.together))
    for name, count in sorted(names.items()):
        click.echo(f"names\t{count} to look through together\t{name}")
    alone = run.hits - names.total()
    click.echo(f"{run.parties} screened, {alone} {'hit' if alone == 1 else 'hits'} to decide, "
               f"{len(names)} {'party' if len(names) == 1 else 'parties'} with names to look through.")  # fmt: skip


@exclusion_lists.command("certificate")
@click.option("--out", required=True, help="PDF file to write.")
@refusable
def certificate(out: str) -> None:
    """Write the certificate of the last screening."""
    run = Screening.select().where(Screening.done_at.is_null(False)).order_by(Screening.id.desc()).first()
    if run is None:
        raise Refused("Nobody was screened yet. Run bin/evoked exclusions screen.")
    Path(out).write_bytes(screenings.certificate_pdf(run, now=datetime.now(UTC)))
