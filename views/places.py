"""Places and people of a case: one page shape for facilities, surgeons, payers, rules, patients, presets, agreements."""

from __future__ import annotations

from collections.abc import Sequence

import peewee as pw
from flask import Blueprint, abort, flash, redirect, request, url_for
from flask_wtf import FlaskForm
from wtforms import FileField, TextAreaField

from actions import Refused, audit, places
from models import Coverage, Patient, Payer
from practice import presets
from views import actor, now, page, roles
from views.place_forms import NOUNS, CoverageForm, Noun, PatientForm, filled, values, with_choices
from views.place_import import ReadRow, columns, read_csv

bp = Blueprint("places", __name__)

MOST = 100
"""Rows a list shows; searching narrows it."""


class ImportForm(FlaskForm):
    file = FileField("CSV file")
    text = TextAreaField("Or paste the rows here")


def find_noun(path: str) -> Noun:
    noun = NOUNS.get(path)
    if noun is None:
        abort(404)
    return noun


def find_row(noun: Noun, id: int) -> pw.Model:
    row = noun.model.get_or_none(noun.model.id == id)
    if row is None:
        abort(404)
    return row


def find_coverage(patient: int, id: int) -> Coverage:
    row = Coverage.get_or_none(Coverage.id == id, Coverage.patient == patient)
    if row is None:
        abort(404)
    return row


@bp.get("/places")
@roles("owner", "biller")
def index():
    return page("places/index.html", nouns=NOUNS.values())


@bp.get("/places/<noun>")
@roles("owner", "biller")
def listing(noun: str):
    found = find_noun(noun)
    return _list(found, "" if found.private else request.args.get("q", ""), request.args.get("show") == "out")


@bp.post("/places/patients/search")
@roles("owner", "biller")
def search_patients():
    return _list(NOUNS["patients"], request.form.get("q", ""))


def _list(noun: Noun, words: str, out: bool = False):
    words = words.strip()[:80]
    query = noun.rows().order_by(*noun.order).limit(MOST)
    if noun.archives:
        query = query.where(noun.model.archived_at.is_null(not out))
    # A patient is found by how the whole name begins, which an index answers; other rows by any of their words.
    for word in [words] if noun.private and words else words.split():
        query = query.where(noun.search(word))
    rows = list(query)
    if noun.private:
        audit.viewed(actor(), noun.model._meta.table_name, rows=len(rows))
    return page("places/listing.html", noun=noun, rows=rows, q=words, most=MOST, out=out)


@bp.get("/places/<noun>/new")
@roles("owner", "biller")
def new(noun: str):
    found = find_noun(noun)
    return _form_page(found, None, with_choices(found.form()))


@bp.post("/places/<noun>")
@roles("owner", "biller")
def create(noun: str):
    found = find_noun(noun)
    return _keep(found, None, with_choices(found.form()), f"The {found.one} is added.")


@bp.get("/places/<noun>/<row:id>")
@roles("owner", "biller")
def edit(noun: str, id: int):
    found = find_noun(noun)
    row = find_row(found, id)
    return _form_page(found, row, filled(found.form, row))


@bp.post("/places/<noun>/<row:id>")
@roles("owner", "biller")
def revise(noun: str, id: int):
    found = find_noun(noun)
    row = find_row(found, id)
    return _keep(found, row, with_choices(found.form(), row), "Saved.")


@bp.get("/places/<noun>/<row:id>/next")
@roles("owner", "biller")
def follower(noun: str, id: int):
    """What holds today, to be changed from a day on."""
    found, row = find_dated(noun), find_row(find_dated(noun), id)
    form = filled(found.form, row)
    form.from_on.data = form.until_on.data = None
    return _form_page(found, None, form, follows=row)


@bp.post("/places/<noun>/<row:id>/next")
@roles("owner", "biller")
def follow(noun: str, id: int):
    found, row = find_dated(noun), find_row(find_dated(noun), id)
    form = with_choices(found.form(), row)
    if not form.validate():
        return _form_page(found, None, form, 422, follows=row)
    try:
        made = places.follow(row, values=values(form), by=actor(), on=now().date())
    except Refused as refused:
        return _form_page(found, None, form, 422, reasons=refused.reasons, follows=row)
    flash("Saved. The one before it ends the day before.")
    return redirect(url_for("places.edit", noun=noun, id=made.id), 303)


def find_dated(path: str) -> Noun:
    noun = find_noun(path)
    if not noun.dated:
        abort(404)
    return noun


def _keep(noun: Noun, row: pw.Model | None, form: FlaskForm, done: str):
    """Add or change the row the form describes, or show the form again with what is wrong."""
    if not form.validate():
        return _form_page(noun, row, form, 422)
    try:
        row = places.save(noun.model, row, values=values(form), by=actor(), on=now().date())
    except Refused as refused:
        return _form_page(noun, row, form, 422, reasons=refused.reasons)
    flash(done)
    return redirect(url_for("places.edit", noun=noun.path, id=row.id), 303)


def _form_page(
    noun: Noun, row: pw.Model | None, form: FlaskForm, status: int = 200, *,
    reasons: Sequence[str] = (), coverage: FlaskForm | None = None, follows: pw.Model | None = None,
):  # fmt: skip
    coverages = []
    if isinstance(row, Patient):
        audit.viewed(actor(), "patient", row_id=row.id)
        coverages = Coverage.select(Coverage, Payer).join(Payer).where(Coverage.patient == row.id)
        coverages = list(coverages.order_by(Coverage.rank, Coverage.from_on.desc()))
        coverage = coverage or with_choices(CoverageForm(formdata=None))
    return page(
        "places/form.html", status, noun=noun, row=row, form=form, reasons=reasons, follows=follows,
        coverages=coverages, coverage_form=coverage, setups=[(setup.title, presets.plain_words(setup)) for setup in presets.SETUPS.values()],
        applies=row is not None and noun.dated and row.from_on <= now().date(),
    )  # fmt: skip


@bp.post("/places/patients/<row:id>/coverages")
@roles("owner", "biller")
def cover(id: int):
    patient = find_row(NOUNS["patients"], id)
    form = with_choices(CoverageForm())
    if not form.validate():
        return _form_page(NOUNS["patients"], patient, filled(PatientForm, patient), 422, coverage=form)
    places.save(Coverage, None, values={"patient": id, **values(form)}, by=actor(), on=now().date())
    flash("The coverage is added.")
    return redirect(url_for("places.edit", noun="patients", id=id), 303)


@bp.get("/places/patients/<row:patient>/coverages/<row:id>")
@roles("owner", "biller")
def coverage(patient: int, id: int):
    row = find_coverage(patient, id)
    return _coverage_page(row, filled(CoverageForm, row))


@bp.post("/places/patients/<row:patient>/coverages/<row:id>")
@roles("owner", "biller")
def revise_coverage(patient: int, id: int):
    row = find_coverage(patient, id)
    form = with_choices(CoverageForm(), row)
    if not form.validate():
        return _coverage_page(row, form, 422)
    places.save(Coverage, row, values=values(form), by=actor(), on=now().date())
    flash("Saved.")
    return redirect(url_for("places.edit", noun="patients", id=patient), 303)


def _coverage_page(row: Coverage, form: FlaskForm, status: int = 200):
    audit.viewed(actor(), "coverage", row_id=row.id)
    return page("places/coverage.html", status, row=row, form=form)


@bp.post("/places/<noun>/<row:id>/archiving")
@roles("owner")
def archive(noun: str, id: int):
    found = find_noun(noun)
    if not found.archives:
        abort(404)
    places.archive(find_row(found, id), by=actor(), now=now())
    flash(f"The {found.one} is out of the choices; cases that use it keep it.")
    return redirect(url_for("places.listing", noun=noun), 303)


@bp.post("/places/<noun>/<row:id>/restoring")
@roles("owner")
def restore(noun: str, id: int):
    found = find_noun(noun)
    if not found.archives:
        abort(404)
    places.restore(find_row(found, id), by=actor())
    flash(f"The {found.one} can be chosen again.")
    return redirect(url_for("places.edit", noun=noun, id=id), 303)


def find_imported(path: str) -> Noun:
    noun = find_noun(path)
    if not noun.csv:
        abort(404)
    return noun


@bp.get("/places/<noun>/import")
@roles("owner")
def import_page(noun: str):
    return _import_page(find_imported(noun), [], [])


@bp.post("/places/<noun>/import")
@roles("owner")
def take_in(noun: str):
    """First shows what the file says, row by row; with `confirmed` adds all of it."""
    found, form = find_imported(noun), ImportForm()
    raw = form.file.data.read() if form.file.data else b""
    try:
        text = raw.decode("utf-8-sig") if raw else form.text.data or ""
    except UnicodeDecodeError:
        problem = "The file is not text in UTF-8. Save it as CSV UTF-8 and send it again."
        return _import_page(found, [], [problem], 422)
    rows, errors = read_csv(found, text)
    if errors or any(row.errors for row in rows):
        return _import_page(found, rows, errors, 422, text)
    if "confirmed" not in request.form:
        return _import_page(found, rows, [], 200, text)
    count = places.take_in(found.model, [row.values for row in rows], by=actor())
    flash(f"{count} {found.one if count == 1 else found.many.lower()} added.")
    return redirect(url_for("places.listing", noun=noun), 303)


def _import_page(noun: Noun, rows: Sequence[ReadRow], errors: Sequence[str], status: int = 200, text: str = ""):
    return page(
        "places/import.html", status, noun=noun, form=ImportForm(data={"text": text}), rows=rows,
        bad=[row for row in rows if row.errors], errors=errors, text=text, names=columns(noun),
    )  # fmt: skip
