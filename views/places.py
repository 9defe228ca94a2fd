"""Places and people of a case: one page shape for facilities, surgeons, payers, rules, patients, presets, agreements."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, get_args
from zoneinfo import available_timezones

import peewee as pw
from flask import Blueprint, abort, flash, redirect, request, url_for
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import (
    BooleanField,
    DateField,
    FileField,
    IntegerField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import DataRequired, Length, NumberRange, Optional, Regexp, ValidationError

from actions import audit, places
from models import Agreement, Coverage, Facility, Patient, Payer, PayerRule, Preset, Surgeon
from practice import coding, presets
from practice.cases import PayerClass
from practice.identifiers import npi_problem
from views import actor, now, page, roles

bp = Blueprint("places", __name__)

MOST = 100
"""Rows a list shows; searching narrows it."""
CLASSES = [(name, name.replace("_", " ")) for name in get_args(PayerClass)]
POS = [
    ("21", "21 inpatient hospital"),
    ("22", "22 on-campus outpatient hospital"),
    ("19", "19 off-campus outpatient hospital"),
    ("24", "24 ambulatory surgery center"),
    ("23", "23 emergency room"),
    ("11", "11 office"),
]


def _npi(form: FlaskForm, field: StringField) -> None:
    if field.data and (problem := npi_problem(field.data)):
        raise ValidationError(problem)


def _zone(form: FlaskForm, field: StringField) -> None:
    if field.data not in available_timezones():
        raise ValidationError(f"{field.data} is not a time zone name. Use one such as America/Chicago.")


def _after_start(form: FlaskForm, field: DateField) -> None:
    if field.data and form.from_on.data and field.data < form.from_on.data:
        raise ValidationError("This is before the start. Check both dates.")


STATE = Regexp(r"^([A-Za-z]{2})?$", message="A state has two letters, such as IL.")


class FacilityForm(FlaskForm):
    name = StringField("Name", [DataRequired("Type the hospital's name."), Length(max=200)])
    zone = StringField("Time zone", [DataRequired("Type the time zone, such as America/Chicago."), _zone])
    pos = SelectField("Place of service", choices=POS, default="21")
    state = StringField("State", [Length(max=2), STATE])
    address = StringField("Street", [Length(max=200)])
    city = StringField("City", [Length(max=100)])
    zip = StringField("ZIP", [Regexp(r"^(\d{5}(-?\d{4})?)?$", message="A ZIP has five or nine digits.")])
    npi = StringField("NPI", [Length(max=10), _npi])
    phone = StringField("Phone", [Length(max=40)])
    screw_threshold_ma = StringField(
        "Low screw threshold, mA",
        [Regexp(r"^\d{1,2}(\.\d)?$", message="Type milliamps such as 8 or 7.5.")],
        default="8",
    )


class SurgeonForm(FlaskForm):
    name = StringField(
        "Name", [DataRequired("Type the name with its title, such as Dana Whitlock, MD."), Length(max=120)]
    )
    npi = StringField("NPI", [Length(max=10), _npi])
    phone = StringField("Phone", [Length(max=40)])
    email = StringField("Email", [Length(max=200)])


class PayerForm(FlaskForm):
    name = StringField("Name", [DataRequired("Type the payer's name."), Length(max=200)])
    payer_class = SelectField("Class", choices=CLASSES)
    payer_id = StringField("Payer id", [Length(max=20)], description="The number your clearinghouse lists for it.")
    phone = StringField("Phone", [Length(max=40)])


class RuleForm(FlaskForm):
    payer = SelectField("Payer", coerce=int, description="Leave at all of the class, or give one payer its own rule.")
    payer_class = SelectField("Class", choices=CLASSES)
    from_on = DateField("Applies from", [DataRequired("Type the first date of service it applies to.")])
    until_on = DateField("Applies until", [Optional(), _after_start])
    accepts = SelectMultipleField(
        "Codes accepted",
        [DataRequired("Choose at least one code.")],
        choices=[(code, code) for code in coding.CONTINUOUS],
    )
    remote_code = SelectField(
        "Code for remote monitoring",
        choices=[("", "none"), ("95941", "95941, per hour"), ("G0453", "G0453, per 15 minutes exclusive")],
    )
    rounding = SelectField("Units", choices=[("midpoint", "past the midpoint"), ("full_unit_only", "full units only")])
    max_concurrent = IntegerField(
        "Cases at once, at most", [NumberRange(1, 20, "Type a number from 1 to 20.")], default=3
    )
    follows_cms = BooleanField("Follows Medicare's edits")
    source = StringField(
        "Where this stands", [DataRequired("Name the policy or letter this comes from."), Length(max=300)]
    )
    certainty = SelectField(
        "How sure",
        choices=[("sourced", "read at its source"), ("unverified", "not verified"), ("disputed", "disputed")],
    )


class PatientForm(FlaskForm):
    name = StringField("Name", [DataRequired("Type LAST, FIRST as on the wristband."), Length(max=120)])
    mrn = StringField("MRN", [Length(max=40)])
    dob = DateField("Date of birth", [Optional()])
    sex = SelectField("Sex", choices=[("U", "not recorded"), ("F", "F"), ("M", "M"), ("X", "X")])

    def validate_dob(self, field: DateField) -> None:
        if field.data and not (field.data <= now().date() and now().year - field.data.year <= 120):
            raise ValidationError("That date of birth cannot be. Check the year.")


class CoverageForm(FlaskForm):
    payer = SelectField("Payer", coerce=int)
    member_id = StringField("Member id", [DataRequired("Type the member id on the card."), Length(max=40)])
    group = StringField("Group", [Length(max=40)])
    rank = SelectField("Pays", coerce=int, choices=[(1, "first"), (2, "second"), (3, "third")])
    from_on = DateField("From", [Optional()])
    until_on = DateField("Until", [Optional(), _after_start])


class PresetForm(FlaskForm):
    name = StringField("Name", [DataRequired("Name the kind of procedure."), Length(max=120)])
    setups = SelectMultipleField(
        "What is run",
        [DataRequired("Choose what is run.")],
        choices=[(key, one.title) for key, one in presets.SETUPS.items()],
    )
    structures = TextAreaField("Structures at risk", [Length(max=1000)], description="One a line.")


class AgreementForm(FlaskForm):
    facility = SelectField("Hospital", coerce=int)
    from_on = DateField("From", [DataRequired("Type the first day it holds.")])
    until_on = DateField("Until", [Optional(), _after_start])
    technical = SelectField(
        "Technical component", choices=[("facility", "the hospital pays us"), ("practice", "the practice bills it")]
    )
    professional = SelectField(
        "Professional component", choices=[("practice", "the practice bills it"), ("other", "another group bills it")]
    )
    note = StringField("Note", [Length(max=300)])


class ImportForm(FlaskForm):
    file = FileField("CSV file")
    text = TextAreaField("Or paste the rows here")


@dataclass(frozen=True)
class Noun:
    """How one kind of row is listed, searched and edited."""

    path: str
    one: str
    many: str
    what: str
    model: type[pw.Model]
    form: type[FlaskForm]
    columns: tuple[tuple[str, Callable[[Any], Any]], ...]
    order: tuple[Any, ...]
    search: Any = None
    csv: bool = False
    private: bool = False
    """True for patients: searched by POST so that no name stands in an address, and reads are audited."""


NOUNS = {
    noun.path: noun
    for noun in (
        Noun("facilities", "hospital", "Hospitals", "Where cases happen: zone, place of service, address, NPI.", Facility, FacilityForm,
             (("Hospital", lambda r: r.name), ("State", lambda r: r.state), ("Zone", lambda r: r.zone), ("POS", lambda r: r.pos), ("NPI", lambda r: r.npi)),
             (Facility.name,), Facility.name, csv=True),
        Noun("surgeons", "surgeon", "Surgeons", "Who operates and asks for monitoring.", Surgeon, SurgeonForm,
             (("Surgeon", lambda r: r.name), ("NPI", lambda r: r.npi), ("Phone", lambda r: r.phone)), (Surgeon.name,), Surgeon.name, csv=True),
        Noun("payers", "payer", "Payers", "Who pays, by class and payer id.", Payer, PayerForm,
             (("Payer", lambda r: r.name), ("Class", lambda r: r.payer_class.replace("_", " ")), ("Payer id", lambda r: r.payer_id)), (Payer.name,), Payer.name, csv=True),
        Noun("payer-rules", "payer rule", "Payer rules", "How payers want units and codes, from a date on. The rule of the date of service applies.", PayerRule, RuleForm,
             (("For", lambda r: r.payer.name if r.payer else f"all {r.payer_class.replace('_', ' ')}"), ("From", lambda r: r.from_on), ("Until", lambda r: r.until_on or "no end"),
              ("Codes", lambda r: ", ".join(r.accepts)), ("Remote", lambda r: r.remote_code or "none"), ("Units", lambda r: r.rounding.replace("_", " ")), ("Sure", lambda r: r.certainty)),
             (PayerRule.payer_class, PayerRule.from_on)),
        Noun("patients", "patient", "Patients", "Search by the first letters of the last name, or the whole MRN.", Patient, PatientForm,
             (("Patient", lambda r: r.name), ("MRN", lambda r: r.mrn), ("Born", lambda r: r.dob or ""), ("Sex", lambda r: r.sex)), (Patient.name,), Patient.name, csv=True, private=True),
        Noun("presets", "preset", "Presets", "What a kind of procedure usually needs. They fill structure, never a measurement.", Preset, PresetForm,
             (("Preset", lambda r: r.name), ("Runs", lambda r: ", ".join(dict.fromkeys(m["code"] for m in r.modalities)))), (Preset.name,), Preset.name),
        Noun("agreements", "agreement", "Agreements", "Who owns the technical and the professional component at each hospital.", Agreement, AgreementForm,
             (("Hospital", lambda r: r.facility.name), ("From", lambda r: r.from_on), ("Until", lambda r: r.until_on or "no end"), ("Technical", lambda r: r.technical), ("Professional", lambda r: r.professional)),
             (Agreement.facility, Agreement.from_on)),
    )
}  # fmt: skip


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


def _choices(form: FlaskForm) -> FlaskForm:
    """Fill the choices that are rows."""
    if isinstance(form, RuleForm):
        form.payer.choices = [(0, "all of the class"), *_names(Payer)]
    if isinstance(form, CoverageForm):
        form.payer.choices = _names(Payer)
    if isinstance(form, AgreementForm):
        form.facility.choices = _names(Facility)
    return form


def _names(model: type[pw.Model]) -> list[tuple[int, str]]:
    return list(model.select(model.id, model.name).where(model.archived_at.is_null()).order_by(model.name).tuples())


def _values(form: FlaskForm) -> dict[str, Any]:
    """The columns of the row a form describes."""
    values = {name: value for name, value in form.data.items() if name != "csrf_token"}
    if isinstance(form, PresetForm):
        lines = [line.strip() for line in form.structures.data.splitlines() if line.strip()]
        return {"name": form.name.data, "structures": lines, **presets.columns(form.setups.data)}
    if isinstance(form, RuleForm):
        values["payer"] = values["payer"] or None
    if "state" in values:
        values["state"] = values["state"].upper()
    if isinstance(form, PatientForm):
        values["name"] = values["name"].upper()
    return values


def _filled(noun: Noun, row: pw.Model) -> FlaskForm:
    """The form with what the row holds."""
    if isinstance(row, Preset):
        form = PresetForm(
            data={
                "name": row.name,
                "setups": presets.setups_of(row.modalities),
                "structures": "\n".join(row.structures),
            }
        )
    elif isinstance(row, PayerRule):
        form = RuleForm(obj=row, payer=row.payer_id or 0)
    elif isinstance(row, Agreement):
        form = AgreementForm(obj=row, facility=row.facility_id)
    else:
        form = noun.form(obj=row)
    return _choices(form)


def _rows(noun: Noun, words: str) -> list[pw.Model]:
    model = noun.model
    query = model.select().order_by(*noun.order).limit(MOST)
    if hasattr(model, "archived_at"):
        query = query.where(model.archived_at.is_null())
    if model is PayerRule:
        query = model.select(PayerRule, Payer).left_outer_join(Payer).order_by(*noun.order).limit(MOST)
    if model is Agreement:
        query = model.select(Agreement, Facility).join(Facility).order_by(Facility.name, Agreement.from_on).limit(MOST)
    if words and model is Patient:
        start = words.upper()
        # A range on the index instead of LIKE: the same cost with 100 patients and with 100,000.
        return list(query.where(((Patient.name >= start) & (Patient.name < start + "\uffff")) | (Patient.mrn == words)))
    if words and noun.search is not None:
        for word in words.split():
            query = query.where(noun.search.contains(word))
    return list(query)


@bp.get("/places")
@roles("owner", "biller")
def index():
    return page("places/index.html", nouns=NOUNS.values())


@bp.get("/places/<noun>")
@roles("owner", "biller")
def listing(noun: str):
    found = find_noun(noun)
    return _list(found, "" if found.private else request.args.get("q", "").strip()[:80])


@bp.post("/places/patients/search")
@roles("owner", "biller")
def search_patients():
    return _list(NOUNS["patients"], request.form.get("q", "").strip()[:80])


def _list(noun: Noun, words: str):
    rows = _rows(noun, words)
    if noun.private:
        audit.viewed(actor(), noun.model._meta.table_name, rows=len(rows))
    return page("places/listing.html", noun=noun, rows=rows, q=words, most=MOST)


@bp.get("/places/<noun>/new")
@roles("owner", "biller")
def new(noun: str):
    found = find_noun(noun)
    return _form_page(found, None, _choices(found.form()))


@bp.post("/places/<noun>")
@roles("owner", "biller")
def create(noun: str):
    found = find_noun(noun)
    form = _choices(found.form())
    if not form.validate():
        return _form_page(found, None, form, 422)
    row = places.save(found.model, None, values=_values(form), by=actor())
    flash(f"The {found.one} is added.")
    return redirect(url_for("places.edit", noun=noun, id=row.id), 303)


@bp.get("/places/<noun>/<row:id>")
@roles("owner", "biller")
def edit(noun: str, id: int):
    found = find_noun(noun)
    row = find_row(found, id)
    if found.private:
        audit.viewed(actor(), found.model._meta.table_name, row_id=id)
    return _form_page(found, row, _filled(found, row))


@bp.post("/places/<noun>/<row:id>")
@roles("owner", "biller")
def revise(noun: str, id: int):
    found = find_noun(noun)
    row, form = find_row(found, id), _choices(found.form())
    if not form.validate():
        return _form_page(found, row, form, 422)
    places.save(found.model, row, values=_values(form), by=actor())
    flash("Saved.")
    return redirect(url_for("places.edit", noun=noun, id=id), 303)


def _form_page(noun: Noun, row: pw.Model | None, form: FlaskForm, status: int = 200, coverage: FlaskForm | None = None):
    patient = row if isinstance(row, Patient) else None
    return page(
        "places/form.html", status, noun=noun, row=row, form=form,
        coverages=list(Coverage.select(Coverage, Payer).join(Payer).where(Coverage.patient == patient.id).order_by(Coverage.rank)) if patient else [],
        coverage_form=(coverage or _choices(CoverageForm(formdata=None))) if patient else None,
    )  # fmt: skip


@bp.post("/places/patients/<row:id>/coverages")
@roles("owner", "biller")
def cover(id: int):
    patient = find_row(NOUNS["patients"], id)
    form = _choices(CoverageForm())
    if not form.validate():
        return _form_page(NOUNS["patients"], patient, PatientForm(formdata=None, obj=patient), 422, form)
    places.save(Coverage, None, values={"patient": id, **_values(form)}, by=actor())
    flash("The coverage is added.")
    return redirect(url_for("places.edit", noun="patients", id=id), 303)


@bp.post("/places/<noun>/<row:id>/archiving")
@roles("owner")
def archive(noun: str, id: int):
    found = find_noun(noun)
    if not hasattr(found.model, "archived_at"):
        abort(404)
    places.archive(find_row(found, id), by=actor(), now=now())
    flash(f"The {found.one} is out of the choices; cases that use it keep it.")
    return redirect(url_for("places.listing", noun=noun), 303)


@bp.post("/places/<noun>/<row:id>/restoring")
@roles("owner")
def restore(noun: str, id: int):
    found = find_noun(noun)
    if not hasattr(found.model, "archived_at"):
        abort(404)
    places.restore(find_row(found, id), by=actor())
    flash(f"The {found.one} can be chosen again.")
    return redirect(url_for("places.edit", noun=noun, id=id), 303)


@dataclass(frozen=True)
class ReadRow:
    """One row of an import: what it says, and what is wrong with it."""

    number: int
    cells: dict[str, str]
    values: dict[str, Any] | None
    errors: list[str]


def _read_csv(noun: Noun, text: str) -> tuple[list[ReadRow], list[str]]:
    """The rows of a CSV text, each judged by the form that people use, and what is wrong with the file."""
    known = [name for name in noun.form()._fields if name != "csrf_token"]
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey="")
    names = [str(name or "").strip().lower() for name in reader.fieldnames or []]
    unknown = [name for name in names if name not in known]
    if not names or unknown or "name" not in names:
        return [], [
            f"The first line must name the columns, out of: {', '.join(known)}."
            + (f" Not known here: {', '.join(unknown)}." if unknown else "")
        ]
    reader.fieldnames = names
    try:
        raw = list(reader)
    except csv.Error as error:
        return [], [f"The file cannot be read as CSV: {error}."]
    if len(raw) > 5000:
        return [], ["The file has more than 5,000 rows. Split it."]
    return [_read_row(noun, number, cells) for number, cells in enumerate(raw, 2)], [] if raw else [
        "There are no rows under the column names."
    ]


def _read_row(noun: Noun, number: int, cells: dict[str, Any]) -> ReadRow:
    extra = cells.pop("", None)
    cells = {name: (value or "").strip() for name, value in cells.items()}
    form = _choices(noun.form(formdata=None, meta={"csrf": False}))
    defaults = {name: str(field.default or "") for name, field in form._fields.items()}
    form = _choices(
        noun.form(formdata=MultiDict({**defaults, **{k: v for k, v in cells.items() if v}}), meta={"csrf": False})
    )
    good = form.validate()
    errors = [f"{form[name].label.text}: {said[0]}" for name, said in form.errors.items()]
    if extra:
        errors.append("The row has more cells than there are columns.")
    return ReadRow(number, cells, _values(form) if good and not extra else None, errors)


@bp.get("/places/<noun>/import")
@roles("owner")
def import_page(noun: str):
    found = find_noun(noun)
    if not found.csv:
        abort(404)
    return _import_page(found, ImportForm(), [], [])


def _import_page(
    noun: Noun, form: ImportForm, rows: Sequence[ReadRow], errors: Sequence[str], status: int = 200, text: str = ""
):
    names = [name for name in noun.form()._fields if name != "csrf_token"]
    bad = [row for row in rows if row.errors]
    return page(
        "places/import.html", status, noun=noun, form=form, rows=rows, bad=bad, errors=errors, text=text, names=names
    )


@bp.post("/places/<noun>/import")
@roles("owner")
def take_in(noun: str):
    """First shows what the file says, row by row; with `confirmed` adds all of it."""
    found = find_noun(noun)
    if not found.csv:
        abort(404)
    form = ImportForm()
    raw = form.file.data.read() if form.file.data else b""
    try:
        text = raw.decode("utf-8-sig") if raw else form.text.data or ""
    except UnicodeDecodeError:
        return _import_page(
            found, form, [], ["The file is not text in UTF-8. Save it as CSV UTF-8 and send it again."], 422
        )
    rows, errors = _read_csv(found, text)
    if errors or any(row.errors for row in rows):
        return _import_page(found, form, rows, errors, 422, text)
    if "confirmed" not in request.form:
        return _import_page(found, form, rows, [], 200, text)
    count = places.take_in(found.model, [row.values for row in rows], by=actor())
    flash(f"{count} rows are added.")
    return redirect(url_for("places.listing", noun=noun), 303)
