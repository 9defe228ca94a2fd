"""The app's own commands, for scripts and for the two scripts in bin/. Exit 0: done; 2: refused, reasons on stderr."""

from __future__ import annotations

import functools
import json
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec
import peewee as pw
from flask import Flask
from flask.cli import AppGroup

import tasks
from actions import (
    MACHINE,
    Refused,
    audit,
    cases,
    claim_files,
    claims,
    credentials,
    keeping,
    packets,
    paper_claims,
    people,
    places,
    weighing,
    wording,
)
from models import SETTINGS, Case, Claim, db
from practice import coding, drafting, factsheet, interchange, record
from practice.cases import Facts
from practice.claims import to_json
from practice.demands import PURPOSES
from practice.faithfulness import printed
from practice.interchange import MAX_BYTES, BadCase
from practice.rewording import Wording, reworded

case = AppGroup("case", help="Load, read and export cases.")
texts = AppGroup("report", help="Reports of case files, nothing stored.")
trail = AppGroup("audit", help="The audit trail.")


def refusable(command: Callable[..., None]) -> Callable[..., None]:
    """Open the database; say what was refused on stderr and exit with 2. Nobody is shown a traceback."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            _open(command.__name__)
            command(*args, **kwargs)
        except Refused as refused:
            _give_up(refused.reasons)
        except pw.DatabaseError as error:
            _give_up([_trouble(error)])
        except (click.ClickException, click.exceptions.Exit, BrokenPipeError):
            raise  # click knows what to do with these
        except OSError as error:
            _give_up([f"{error.filename or 'A file'} cannot be used: {error.strerror}."])
        except Exception as error:  # the edge: nothing is behind us that could say it better
            _give_up([_bug(error)], code=1)
        finally:
            db.close()

    return run


def _open(command: str) -> None:
    """Connect. A new installation gets its tables from whichever command comes first."""
    db.connect(reuse_if_open=True)
    if command != "migrate" and not db.get_tables():
        keeping.migrate(now=datetime.now(UTC))
        places.seed()
        credentials.seed()


def _trouble(error: pw.DatabaseError) -> str:
    said = str(error)
    if "no such table" in said or "no such column" in said:
        return "The database does not have the tables of this version. Run bin/evoked migrate once."
    if "locked" in said:
        return "The database is busy. Nothing was changed; try again in a moment."
    return f"The database cannot be used: {said}. Nothing was changed."


def _bug(error: Exception) -> str:
    """Its kind and place only: the message may hold a patient's data."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"This is a fault of ours: {type(error).__name__} at {Path(frame.filename).name}, line {frame.lineno}."


def _give_up(reasons: list[str], code: int = 2) -> None:
    for reason in reasons:
        click.echo(reason, err=True)
    sys.exit(code)


def _case(number: str) -> Case:
    """The case of this number. Reading it is recorded, as it is on the pages."""
    known = number.isascii() and number.isdigit() and len(number) < 19
    found = Case.get_or_none(Case.id == int(number)) if known else None
    if found is None:
        raise Refused(f"There is no case {number}. `bin/evoked case list` shows the last ones.")
    audit.viewed(MACHINE, "case", row_id=found.id, case_id=found.id, command=True)
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
    """Load ionm-case/1 FILES and print the number of each case.

    A file is taken whole or not at all, and each by itself: one that is refused does not stop the others.
    Exit 2 when any was refused; every error is on stderr, after the name of its file.
    """
    refused = []
    for name in files:
        try:
            loaded = cases.load(_content(name), by=MACHINE, now=datetime.now(UTC))
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


def _content(name: str) -> bytes:
    """The bytes of a file, read no further than a case file may be long."""
    with open(name, "rb") as file:
        raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise Refused(f"The file is larger than the {MAX_BYTES // 1_000_000} MB that a case file may have.")
    return raw


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
@click.option("--format", "form", type=click.Choice(["text", "json", "pdf"]), default="text", show_default=True)
@click.option("--out", help="File to write; standard output without it.")
@refusable
def report(number: str, form: str, out: str | None) -> None:
    """Write the report of case NUMBER as it stands: the signed one, or a draft from the record as it is now."""
    found = _case(number)
    if form == "pdf":
        _write(packets.report_pdf(found), out)
    elif form == "json":
        _write(drafting.as_json(packets.report_of(found)), out)
    else:
        _write(packets.report_text(found).encode(), out)


@case.command("lines")
@click.argument("number")
@refusable
def lines(number: str) -> None:
    """Print the codes, units and their arithmetic of case NUMBER as JSON."""
    _write(_json(coding.as_json(weighing.weigh(_case(number)).coding)), None)


@case.command("findings")
@click.argument("number")
@refusable
def findings(number: str) -> None:
    """Print what the checks find in case NUMBER as JSON: findings first, then what the record misses."""
    weighed = weighing.weigh(_case(number))
    found = [
        {"id": one.id, "severity": one.severity, "message": one.message, "where": one.where} for one in weighed.findings
    ]
    found += [
        {
            "id": one.field, "severity": one.severity, "message": f"{one.label}: {one.reason.replace('_', ' ')}",
            "where": one.field, "field": one.field, "label": one.label, "reason": one.reason,
        }
        for one in weighed.missing
    ]  # fmt: skip
    _write(_json(found), None)


@case.command("packet")
@click.argument("number")
@click.option("--out", required=True, help="PDF file to write.")
@click.option("--preview", is_flag=True, help="Watermarked, and made whatever the checks find.")
@click.option("--purpose", type=click.Choice(list(PURPOSES)), default="claim", help="What it is for.")
@refusable
def packet(number: str, out: str, preview: bool, purpose: str) -> None:
    """Write a packet of case NUMBER. One for a claim is refused, with every reason, while a finding stands."""
    _write(packets.assembled(_case(number), preview=preview, purpose=purpose).pdf, out)


@case.command("claim")
@click.argument("number")
@click.option("--format", "form", type=click.Choice(["json", "cms1500", "837"]), default="json", show_default=True)
@click.option("--out", required=True, help="File to write.")
@refusable
def claim(number: str, form: str, out: str) -> None:
    """Write the newest claim of case NUMBER: as JSON, as a file copy of the CMS-1500, or as a checked 837P.

    A case without one has its claim made first. JSON shows what it would be of a case that is not signed yet; an 837P
    is written of a released claim alone, under numbers of its own.
    """
    found = _case(number)
    row = Claim.select().where(Claim.case == found.id, Claim.state != "withdrawn").order_by(Claim.id.desc()).first()
    if form == "json" and row is None and found.signed_at is None:
        _write(msgspec.json.format(to_json(claims.build(found)), indent=1) + b"\n", out)
        return
    row = row or claims.make(found, by=MACHINE, now=datetime.now(UTC))
    if form == "json":
        _write(msgspec.json.format(to_json(claims.body(row)), indent=1) + b"\n", out)
    elif form == "cms1500":
        _write(paper_claims.printed([row], "copy", None, by=MACHINE), out)
    else:
        _write(claim_files.alone(row, by=MACHINE, now=datetime.now(UTC)), out)


# Reports of case files


def _facts(name: str) -> Facts:
    """The facts of a case file, as the app folds them from entries."""
    try:
        facts = interchange.read(_content(name)).facts
    except OSError as error:
        raise Refused(f"{name}: cannot be read: {error.strerror}.") from error
    except BadCase as error:
        raise Refused(*(f"{name}: {one}" for one in error.errors)) from error
    now = datetime.now(UTC)
    entries = interchange.entries_from(facts, key=facts.id, received_at=now)
    return record.facts(
        entries, facts.header, case_id=facts.id, tz=facts.tz, rev=facts.record_rev, synthetic=facts.synthetic
    )


@texts.command("draft")
@click.argument("file")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--polish", is_flag=True, help="Let the language model of OPENAI_BASE_URL word it, checked.")
@refusable
def draft(file: str, form: str, polish: bool) -> None:
    """Write the report of a case file. What a model said that did not hold is told on stderr."""
    facts = _facts(file)
    written = drafting.draft(facts)
    if polish:
        written = reworded(written, _polished(facts))
    _write(drafting.as_json(written) if form == "json" else drafting.as_text(written).encode(), None)


def _polished(facts: Facts) -> list[Wording]:
    """The wordings of the model. On this machine it may be asked by whoever may run it; elsewhere the owner decides."""
    reasons = wording.obstacles()
    if reasons and not SETTINGS.model_is_here:
        click.echo(f"{reasons[0]} The built-in text stands.", err=True)
        return []
    answer = tasks.polish(facts, tasks.Model())
    if answer.note:
        click.echo(f"{answer.note} The built-in text stands.", err=True)
    for one in answer.suggestions:
        if one.reason:
            click.echo(f"Built-in words kept: {one.built_in} ({one.reason})", err=True)
    return answer.wordings


@texts.command("request")
@click.argument("file")
@refusable
def request(file: str) -> None:
    """Print the exact request that would be sent to the language model for a case file; nothing is sent."""
    facts = _facts(file)
    sheet = factsheet.sheet(facts)
    if held := factsheet.held_back(facts, sheet):
        raise Refused(f"This would be held back: {', '.join(held)} still stands in the text.")
    _write(_json(factsheet.request(sheet, SETTINGS.model)), None)


@texts.command("check")
@click.argument("file")
@click.argument("text")
@refusable
def check(file: str, text: str) -> None:
    """Print what the report in TEXT says and the record in FILE does not, as JSON. Exit 2 when there are red findings.

    TEXT is plain text, or the JSON that draft prints.
    """
    facts = _facts(file)
    said, code = printed(_content(text), facts, drafting.draft(facts))
    _write(said, None)
    if code:
        raise click.exceptions.Exit(code)


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
    credentials.seed()


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
    from views.alert_commands import alert
    from views.claim_commands import batches, x12
    from views.credential_commands import held
    from views.screening_commands import exclusion_lists
    from views.table_commands import public_tables

    for command in (
        alert,
        batches,
        held,
        exclusion_lists,
        public_tables,
        x12,
        case,
        texts,
        trail,
        migrate,
        setup_link,
        demo,
        backup,
    ):
        app.cli.add_command(command)
