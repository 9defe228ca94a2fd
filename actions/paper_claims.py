"""Claims on paper: the CMS-1500 as text for red stock, set off for one printer, or drawn in full as a file copy.

A page takes a millisecond to make and holds our own text alone, so the web process makes it: the reasons why other PDFs
are the worker's (layout engines that grow, pages that take seconds, what others sent) are not there. pypdf is still
loaded only when somebody prints.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from actions import Actor, Refused, audit, claims
from models import Claim, Payer, Printer, db

MOST = 200
"""Claims in one PDF."""


def waiting() -> list[Claim]:
    """Released claims whose payer is sent no files."""
    rows = Claim.select(Claim, Payer).join(Payer).where(Claim.state == "released", Payer.receiver.is_null())
    return list(rows.order_by(Claim.date_of_service, Claim.id))


def printed(rows: Sequence[Claim], kind: Literal["overlay", "copy"], printer: Printer | None, *, by: Actor) -> bytes:
    """The claims as one PDF. Refused with every reason when one does not fit on the form."""
    from practice import cms1500

    if not rows:
        raise Refused("Choose at least one claim to print.")
    if len(rows) > MOST:
        raise Refused(f"{MOST} claims can be printed at once; {len(rows)} were chosen.")
    bodies = [claims.body(row) for row in rows]
    if reasons := [f"Claim {body.control_number}: {one}" for body in bodies for one in cms1500.objections(body)]:
        raise Refused(*reasons)
    with db.atomic():
        for row in rows:
            audit.record(by, "print", "claim", row_id=row.id, case_id=row.case_id, form=kind)
    return cms1500.overlay(bodies, nudge(printer)) if kind == "overlay" else cms1500.file_copy(bodies)


def grid(printer: Printer) -> bytes:
    """The page that shows how far a printer is off."""
    from practice import cms1500

    return cms1500.trial(nudge(printer))


def nudge(printer: Printer | None):
    """How far the printer must be set off, in points."""
    from practice import cms1500

    if printer is None:
        return cms1500.Nudge()
    return cms1500.Nudge(right=printer.right / 100, down=printer.down / 100)


def mail(rows: Sequence[Claim], *, words: str = "", by: Actor, now: datetime) -> None:
    """The printed claims are in the mail: all of them become submitted, or none."""
    if not rows:
        raise Refused("Choose the claims that were mailed.")
    with db.atomic():
        for row in rows:
            claims.act(row, "submit", by=by, now=now, words=f"Mailed on paper. {words}".strip())


def save_printer(row: Printer | None, *, name: str, right: int, down: int, by: Actor) -> Printer:
    """Add a printer or change one. `right` and `down` are hundredths of a point."""
    with db.atomic():
        others = Printer.select().where(Printer.name == name)
        if others.where(Printer.id != (row.id if row else 0)).exists():
            raise Refused("A printer of this name is on file already. Open that one instead.")
        values = {"name": name, "right": right, "down": down}
        if row is None:
            row = Printer.create(**values)
            audit.record(by, "add", "printer", row_id=row.id)
        else:
            Printer.update(**values).where(Printer.id == row.id).execute()
            audit.record(by, "revise", "printer", row_id=row.id)
    return Printer.get_by_id(row.id)


def remove_printer(row: Printer, *, by: Actor) -> None:
    """The printer is gone. Nothing that was printed depends on it."""
    with db.atomic():
        Printer.delete().where(Printer.id == row.id).execute()
        audit.record(by, "remove", "printer", row_id=row.id)
