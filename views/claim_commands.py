"""`bin/evoked claims` and `bin/evoked x12`: a batch written to a file, answers taken in, any 837P checked."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click
from flask.cli import AppGroup

from actions import MACHINE, Refused, answers, claim_files
from models import SETTINGS, AnswerFile, ClaimAnswer, ClaimFile, Receiver
from practice.x12 import checks
from views.commands import _give_up, _json, _write, refusable

batches = AppGroup("claims", help="Claim files (837P) and what receivers answer.")
x12 = AppGroup("x12", help="X12 files, ours or not.")


@batches.command("export")
@click.option("--out", required=True, help="837P file to write.")
@click.option("--receiver", help="Name or id of the receiver, when claims wait for several.")
@refusable
def export(out: str, receiver: str | None) -> None:
    """Write every released claim that waits for a receiver as one checked 837P, and print its number as JSON.

    The claims are submitted when somebody says that the file was handed in, or when its answer is taken in.
    """
    to = _receiver(receiver)
    if out != "-" and not Path(out).resolve().parent.is_dir():
        raise Refused(f"{out} cannot be written: there is no such folder. Nothing was changed.")
    file = claim_files.export(to, by=MACHINE, now=datetime.now(UTC))
    try:
        _write(claim_files.download(file, by=MACHINE), out)
    except Refused as refused:
        raise Refused(
            *refused.reasons, f"File {file.interchange:09d} is made and kept: it can be downloaded on its page."
        ) from refused
    if out != "-":
        _write(_json(_told(file)), None)


def _receiver(asked: str | None) -> Receiver:
    rows = list(Receiver.select().where(Receiver.archived_at.is_null()).order_by(Receiver.name))
    if asked is not None:
        rows = [row for row in rows if asked in (row.name, row.receiver_id)]
        if not rows:
            raise Refused(f"There is no receiver {asked}. Receivers are kept under Places.")
    if not rows:
        raise Refused(
            "There is no receiver yet. Add one under Places, and name it at the payers that it takes claims for."
        )
    waiting = [row for row in rows if claim_files.waiting(row).exists()]
    if not waiting:
        raise Refused(*(_why_none(row) for row in rows))
    if len(waiting) > 1:
        raise Refused(f"Claims wait for {', '.join(row.name for row in waiting)}. Say which with --receiver.")
    return waiting[0]


def _why_none(row: Receiver) -> str:
    last = [file for file in row.files.order_by(ClaimFile.id.desc()).limit(20) if not claim_files.act_of(file)]
    pending = ", ".join(f"{file.interchange:09d}" for file in last if file.usage == "P")
    held = f" File {pending} is made and was not handed in yet." if pending else ""
    return f"No released claim waits for {row.name}.{held}"


def _told(file: ClaimFile) -> dict[str, object]:
    return {
        "file": file.id, "interchange": f"{file.interchange:09d}", "receiver": file.receiver.name, "usage": file.usage,
        "claims": file.claims, "cents": file.cents, "notes": file.notes, "sha256": file.document.sha256,
    }  # fmt: skip


@batches.command("acknowledge")
@click.argument("files", nargs=-1, required=True)
@refusable
def acknowledge(files: tuple[str, ...]) -> None:
    """Take in FILES with answers (TA1, 999, 277CA) and print as JSON what they say of which claims.

    Each by itself: one that cannot be read does not stop the others, and gives exit 2.
    """
    told, refused = [], []
    for name in files:
        try:
            received = answers.receive(Path(name).read_bytes(), name=name, by=MACHINE, now=datetime.now(UTC))
        except OSError as error:
            refused.append(f"{name}: cannot be read: {error.strerror}.")
        except Refused as why:
            refused += [f"{name}: {reason}" for reason in why.reasons]
        else:
            told.append({"file": name, "new": received.fresh, **_said(received.file)})
    _write(_json(told), None)
    if refused:
        _give_up(refused)


def _said(row: AnswerFile) -> dict[str, object]:
    rows = ClaimAnswer.select().where(ClaimAnswer.file == row.id).order_by(ClaimAnswer.id)
    claims = [
        {
            "claim": one.claim.number,
            "by": one.source,
            "outcome": one.outcome,
            "words": one.words,
            "state": one.claim.state,
        }
        for one in rows
    ]
    return {"claims": claims, "unmatched": row.unmatched}


@x12.command("check")
@click.argument("file")
@refusable
def check(file: str) -> None:
    """Print what our own check finds in an 837P, ours or not, as JSON. Exit 2 when one of the findings is an error."""
    raw = Path(file).read_bytes()
    today = datetime.now(SETTINGS.zone).date()
    said, code = checks.command(raw, today=today, diagnosis=claim_files.diagnosis())
    _write(_json(said), None)
    if code:
        raise click.exceptions.Exit(code)
