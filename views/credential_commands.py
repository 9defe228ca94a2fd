"""`bin/evoked credentials`: take a table of them in, ask whether somebody may work somewhere."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import click
from flask.cli import AppGroup

from actions import MACHINE, Refused, credential_files, credentials, screenings
from models import Person
from practice.credentials import day
from views.commands import refusable
from views.credential_forms import WORKING

MAX_BYTES = 5_000_000

held = AppGroup("credentials", help="Credentials on file, and who may work where.")


@held.command("import")
@click.argument("file")
@refusable
def take_in(file: str) -> None:
    """Put the credentials of a CSV FILE on file: person, kind, number, issuer, state, facility, from, until.

    A person is named by email or name. All rows are taken or none; every row that is wrong is named on stderr. What
    is on file already is not added again. What is added is unverified until somebody verifies it.
    """
    taken = credential_files.take_in(_text(file), by=MACHINE, now=datetime.now(UTC))
    click.echo(f"{taken.added} added, {taken.known} on file before.")


def _text(name: str) -> str:
    with Path(name).open("rb") as file:
        raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise Refused(f"{name}: the file is larger than {MAX_BYTES // 1_000_000} MB.")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise Refused(f"{name}: the file is not UTF-8. Save it as CSV UTF-8.") from error


@held.command("objections")
@click.option("--person", required=True, help="Email or name.")
@click.option("--facility", required=True, help="Its name; with its state where two have the same: Mercy, IL.")
@click.option("--on", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The day of the case.")
@click.option("--role", type=click.Choice(WORKING), help="Needed for somebody who works in both.")
@click.option("--payer", help="Its name or number; what it demands counts too.")
@click.option("--json", "as_json", is_flag=True, help="As a JSON list.")
@refusable
def objections(person: str, facility: str, on: datetime, role: str | None, payer: str | None, as_json: bool) -> None:
    """Print every reason why a person may not work at a facility on a day, one a line. Exit 2 when there are any."""
    who, where = credential_files.person(person), credential_files.facility(facility)
    payer_id = credential_files.payer(payer).id if payer else None
    at_work = role or _role(who)
    found = _found(who, at_work, credentials.standings_at(who, at_work, where, on.date(), payer_id), on.date())
    if as_json:
        click.echo(json.dumps(found, indent=1, ensure_ascii=False))
    else:
        for one in found:
            click.echo(one["sentence"])
    if found:
        raise click.exceptions.Exit(2)
    click.echo(f"Nothing stands against {who.name} as {at_work} at {where.name} on {day(on.date())}.", err=True)


def _role(who: Person) -> str:
    working = [one for one in WORKING if who.has(one)]
    if len(working) != 1:
        raise Refused(f"Say as what {who.name} would work: --role {' or --role '.join(WORKING)}.")
    return working[0]


def _found(
    who: Person, role: str, standings: list[credentials.trade.Standing], on: date
) -> list[dict[str, str | None]]:
    """What stops somebody: exclusions, a role that is not theirs, and credentials, the worst first."""
    excluded = screenings.standing_against(who, on=on)
    found = [{"state": "excluded", "kind": "Exclusion", "until": None, "sentence": one} for one in excluded]
    if who.disabled_at:
        found.append(
            {"state": "gone", "kind": "", "until": None, "sentence": f"{who.name} does not work here any more."}
        )
    elif not who.has(role):
        found.append({"state": "role", "kind": "", "until": None, "sentence": f"{who.name} is no {role} here."})
    late = screenings.objections(who, on=on, today=credentials.today(datetime.now(UTC)))
    found += [{"state": "unscreened", "kind": "Exclusion screening", "until": None, "sentence": one} for one in late]
    for one in standings:
        if one.stops:
            until = str(one.proof.until_on) if one.proof and one.proof.until_on else None
            found.append({"state": one.state, "kind": one.name, "until": until, "sentence": one.sentence})
    return found
