"""Public tables: which edition of each is in use, a new one shown before it is loaded, diagnoses found by word."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import BinaryIO, get_args

from flask import Blueprint, abort, flash, redirect, request, url_for
from flask_wtf import FlaskForm
from wtforms import DateField, MultipleFileField, SelectField
from wtforms.validators import Optional

import tasks
from actions import Refused, table_files, tables
from models import SETTINGS, DiagnosisCode, Job, TableImport
from practice.edits import TITLES, Kind, next_edition
from practice.public_tables import BadTable, Row
from views import actor, is_part, now, page, polled, roles, signed_in, takes

bp = Blueprint("tables", __name__)
MOST_MB = 150
"""The four parts of the pairs as CMS publishes them, text and spreadsheet in each zip, are larger than other uploads."""
WHAT: dict[Kind, str] = {
    "ptp": "Which codes are not paid side by side. CMS, quarterly: practitioner PTP edits, all parts (ccipra f1 to f4) at once.",
    "mue": "The most units of a code a day. CMS, quarterly: practitioner services MUE table.",
    "addon": "Which base study an add-on code needs. CMS, quarterly: NCCI add-on code edits.",
    "rvu": "What Medicare pays, and where 26 and TC are allowed. CMS, quarterly: PFS relative value files (RVU).",
    "icd10": "Which diagnoses exist on a day. CMS, each October and April: ICD-10-CM code descriptions (order file).",
}
HEADS: dict[Kind, tuple[str, ...]] = {
    "ptp": ("Column 1", "Column 2", "Indicator", "From", "Until"),
    "mue": ("Code", "Units a day", "Adjudication"),
    "addon": ("Add-on code", "Primary code", "From", "Until"),
    "rvu": ("Code", "Modifier", "Status", "PC/TC", "Bilateral", "Value", "Conversion factor"),
    "icd10": ("Code", "Words", "On claims"),
}


class TableForm(FlaskForm):
    kind = SelectField("Table", choices=[(kind, TITLES[kind]) for kind in get_args(Kind)])
    files = MultipleFileField("Files", description="Zip, text, CSV or spreadsheet, as CMS publishes it.")
    from_on = DateField(
        "Holds from", [Optional()], description="Only when the name of the file does not tell, such as 2026-07-01."
    )


def find_offered(id: int) -> TableImport:
    row = TableImport.get_or_none(TableImport.id == id)
    if row is None:
        abort(404)
    return row


def today() -> date:
    return now().astimezone(SETTINGS.zone).date()


@bp.get("/tables")
@roles("owner", "biller")
def index():
    return _index_page(TableForm(formdata=None))


def _index_page(form: TableForm, status: int = 200, reasons: Sequence[str] = ()):
    loaded = list(TableImport.select().order_by(TableImport.kind, TableImport.from_on.desc()))
    held = {kind: tables.edition(kind, today()) for kind in get_args(Kind)}
    return page(
        "tables/index.html", status, form=form, reasons=reasons, held=held, titles=TITLES, what=WHAT,
        old={kind for kind, one in held.items() if one and next_edition(kind, one.from_on) <= today()},
        editions=[one for one in loaded if one.loaded_at], offered=[(one, table_files.standing(one)) for one in loaded if not one.loaded_at],
    )  # fmt: skip


@bp.post("/tables")
@roles("owner", "biller")
@takes(MOST_MB)
def offer():
    """Takes the files for the worker to read; nothing is in use before somebody saw what they change and says so."""
    form = TableForm()
    if not form.validate():
        return _index_page(form, 422)
    files: list[tuple[str, BinaryIO]] = [
        (one.filename, one.stream) for one in form.files.data or [] if one and one.filename
    ]
    try:
        row = table_files.receive(form.kind.data, files, by=actor(), now=now(), from_on=form.from_on.data)
    except BadTable as bad:
        return _index_page(form, 422, bad.errors)
    tasks.wake()
    return redirect(url_for("tables.progress", id=row.id), 303)


@bp.get("/tables/<row:id>/progress")
@roles("owner", "biller")
@polled
def progress(id: int):
    """An edition while the worker reads or loads it; it asks for itself until that is done."""
    row = find_offered(id)
    kinds = ("table", "table_load")
    job = Job.select().where(Job.kind.in_(kinds), Job.subject_id == row.id).order_by(Job.id.desc()).first()
    return page("tables/progress.html", row=row, job=job, title=TITLES[row.kind], standing=table_files.standing(row))


@bp.get("/tables/<row:id>")
@roles("owner", "biller")
def show(id: int):
    offered = find_offered(id)
    if offered.loaded_at:
        return redirect(url_for("tables.index"))
    if table_files.standing(offered) != "offered":
        return redirect(url_for("tables.progress", id=id))
    return _show_page(offered)


def _show_page(offered: TableImport, status: int = 200, reasons: Sequence[str] = ()):
    seen = tables.preview(offered)
    kind: Kind = offered.kind
    return page(
        "tables/show.html", status, offered=offered, seen=seen, title=TITLES[kind], heads=HEADS[kind], reasons=reasons,
        samples=[(_plain(kind, new), _change(kind, new, old)) for new, old in seen.samples],
        first=not seen.before,
    )  # fmt: skip


def _plain(kind: Kind, row: Row) -> list[str]:
    cells = ["" if cell is None else str(cell) for cell in row]
    if kind == "rvu":
        cells[5] = "not priced in a facility" if row[5] is None else f"{int(row[5]) / 100:.2f}"
        cells[6] = f"{int(row[6]) / 10_000:.4f}"
    if kind == "icd10":
        cells[0], cells[2] = dotted(str(row[0])), "yes" if row[2] else "no, a longer code is needed"
    return cells


def _change(kind: Kind, new: Row, old: Row | None) -> str:
    if old is None:
        return "new"
    if old == new:
        return "as before"
    pairs = zip(HEADS[kind], _plain(kind, old), _plain(kind, new), strict=True)
    return "; ".join(f"{head} was {before or 'empty'}" for head, before, after in pairs if before != after)


def dotted(code: str) -> str:
    """M48061 as people write it: M48.061."""
    return f"{code[:3]}.{code[3:]}" if len(code) > 3 else code


@bp.post("/tables/<row:id>/loading")
@roles("owner", "biller")
def load(id: int):
    offered = find_offered(id)
    try:
        table_files.ask_to_load(offered, by=actor(), now=now())
    except Refused as refused:
        if offered.loaded_at:
            raise
        return _show_page(offered, 422, refused.reasons)
    tasks.wake()
    return redirect(url_for("tables.progress", id=id), 303)


@bp.post("/tables/<row:id>/withdrawal")
@roles("owner", "biller")
def withdraw(id: int):
    offered = find_offered(id)
    if not offered.loaded_at:
        table_files.withdraw(offered, by=actor())
        flash("It is not loaded. What was in use stays.")
    return redirect(url_for("tables.index"), 303)


# Diagnoses


def looked_up(form: FlaskForm) -> dict[str, object] | None:
    """When "Find" or a code was pressed in a form with a search of diagnoses: what was found, the code added to the field.

    None when the form was sent to be kept.
    """
    if line := request.form.get("take", "")[:400]:
        held = (form.diagnosis.data or "").rstrip()
        form.diagnosis.data = f"{held}\n{line}".strip()
        return found_diagnoses()
    if "find" in request.form:
        return found_diagnoses(request.form.get("q", "")[:200], request.form.get("date_of_service", ""))
    return None


@bp.get("/diagnoses")
@signed_in
def diagnoses():
    """Codes by word or by how they begin; a part of the case's form, a page of its own without htmx."""
    said, on = request.args.get("q", "")[:200], request.args.get("date_of_service", "")
    return page("tables/diagnoses.html", adds=is_part(), **found_diagnoses(said, on))


def found_diagnoses(said: str = "", on: str = "") -> dict[str, object]:
    """What the part `tables/_diagnoses.html` shows: the codes of that day, or of today when it is not a day."""
    return {
        "said": said, "on": on, "diagnoses": tables.find_diagnoses(said, _on(on)), "dotted": dotted,
        "none_loaded": not DiagnosisCode.select(DiagnosisCode.id).limit(1).exists(),
    }  # fmt: skip


def _on(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return today()
