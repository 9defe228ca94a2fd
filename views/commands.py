"""The app's own commands, for scripts and for the two scripts in bin/. Exit 0: done; 2: refused, reasons on stderr."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from flask import Flask
from flask.cli import AppGroup

from actions import MACHINE, Refused, audit, cases, keeping, packets, people, places, reports
from models import SETTINGS, Case, db
from practice import coding, drafting
from practice.interchange import BadCase

case = AppGroup("case", help="Load, read and export cases.")
trail = AppGroup("audit", help="The audit trail.")


def refusable(command: Callable[..., None]) -> Callable[..., None]:
    """Open the database; print what was refused on stderr and exit with 2."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        db.connect(reuse_if_open=True)
        try:
            command(*args, **kwargs)
        except Refused as refused:
            _give_up(refused.reasons)
        finally:
            db.close()

    return run


def _give_up(reasons: list[str]) -> None:
    for reason in reasons:
        click.echo(reason, err=True)
    sys.exit(2)


def _case(number: str) -> Case:
    found = Case.get_or_none(Case.id == int(number)) if number.isdigit() and len(number) < 19 else None
    if found is None:
        raise Refused(f"There is no case {number}. `bin/evoked case list` shows the last ones.")
    return found


def _write(content: bytes, out: str | None) -> None:
    """To the file that was named, or to standard output."""
    if out is None or out == "-":
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        Path(out).write_bytes(content)
    except OSError as error:
        raise Refused(f"{out} cannot be written: {error.strerror}.") from error


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False).encode() + b"\n"


@case.command("load")
@click.argument("files", nargs=-1, required=True)
@refusable
def load(files: tuple[str, ...]) -> None:
    """Load ionm-case/1 FILES and print the number of each case. A file is taken whole or not at all."""
    refused = []
    for name in files:
        try:
            loaded = cases.load(Path(name).read_bytes(), by=MACHINE, now=datetime.now(UTC))
        except OSError as error:
            refused.append(f"{name}: cannot be read: {error.strerror}.")
        except (BadCase, Refused) as error:
            reasons = error.errors if isinstance(error, BadCase) else error.reasons
            refused += [f"{name}: {reason}" for reason in reasons]
        else:
            click.echo(loaded.case.id)
            if loaded.note:
                click.echo(f"{name}: {loaded.note}", err=True)
    if refused:
        _give_up(refused)


@case.command("list")
@refusable
def listing() -> None:
    """The last 50 cases: number, reference, day, state."""
    for one in Case.select().order_by(Case.id.desc()).limit(50):
        click.echo(f"{one.id}\t{one.reference}\t{one.date_of_service}\t{one.state}")


@case.command("export")
@click.argument("number")
@click.option("--out", help="File to write; standard output without it.")
@refusable
def export(number: str, out: str | None) -> None:
    """Write case NUMBER as ionm-case/1 JSON."""
    _write(cases.export(_case(number)), out)


@case.command("report")
@click.argument("number")
@click.option("--format", "form", type=click.Choice(["text", "json", "pdf"]), default="text")
@click.option("--out", help="File to write; standard output without it.")
@refusable
def report(number: str, form: str, out: str | None) -> None:
    """Write the report of case NUMBER as it stands: the signed one, or a draft from the record as it is now."""
    draft = packets.report_of(_case(number))
    if form == "text":
        _write(drafting.as_text(draft).encode(), out)
    elif form == "json":
        _write(drafting.as_json(draft), out)
    else:
        from practice import pdf

        _write(pdf.report_pdf(draft, letterhead=reports.letterhead()), out)


@case.command("lines")
@click.argument("number")
@refusable
def lines(number: str) -> None:
    """Print the codes, units and their arithmetic of case NUMBER as JSON."""
    _write(_json(coding.as_json(packets.weigh(_case(number)).coding)), None)


@case.command("findings")
@click.argument("number")
@refusable
def findings(number: str) -> None:
    """Print what the checks find in case NUMBER as JSON: findings first, then what the record misses."""
    weighed = packets.weigh(_case(number))
    found = [
        {"id": one.id, "severity": one.severity, "message": one.message, "where": one.where} for one in weighed.findings
    ]
    found += [
        {"id": one.field, "severity": one.severity, "message": f"{one.label}: {one.reason}", "where": one.field}
        for one in weighed.missing
    ]
    _write(_json(found), None)


@case.command("packet")
@click.argument("number")
@click.option("--out", required=True, help="PDF file to write.")
@click.option("--preview", is_flag=True, help="Watermarked, and made whatever the checks find.")
@refusable
def packet(number: str, out: str, preview: bool) -> None:
    """Write the claim packet of case NUMBER. Refused, with every reason, while a blocking finding stands."""
    _write(packets.assembled(_case(number), preview=preview).pdf, out)


@trail.command("verify")
@refusable
def verify() -> None:
    """Read the whole audit trail and name the first broken entry, if there is one."""
    count, fault = audit.verify()
    if fault:
        raise Refused(f"The audit trail is broken after {count} whole entries. {fault}")
    click.echo(f"{count} entries, all whole.")


@click.command("migrate")
@refusable
def migrate() -> None:
    """Bring the database to this version's schema; a copy is kept first."""
    for name in keeping.migrate(now=datetime.now(UTC)):
        click.echo(f"Applied {name}.")
    places.seed()


@click.command("setup-link")
@refusable
def setup_link() -> None:
    """Print the one-time link for the first owner's account; nothing when somebody owns the practice."""
    token = people.invite_first_owner(now=datetime.now(UTC))
    if token:
        click.echo(f"{SETTINGS.base_url}/invitations/{token}")


@click.command("demo")
@refusable
def demo() -> None:
    """Fill the example practice into an empty database and print its logins."""
    from actions import example

    for line in example.fill(now=datetime.now(UTC)):
        click.echo(line)


@click.command("backup")
@click.argument("folder")
@refusable
def backup(folder: str) -> None:
    """Copy the database and the documents, consistent and checked, into FOLDER."""
    keeping.backup(Path(folder))
    click.echo(f"Backup in {folder}, checked.")


def register(app: Flask) -> None:
    for command in (case, trail, migrate, setup_link, demo, backup):
        app.cli.add_command(command)
