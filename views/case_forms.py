"""The forms of a case's header: booking fills it, revising changes it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, get_args
from zoneinfo import ZoneInfo

from flask_wtf import FlaskForm
from wtforms import DateField, RadioField, SelectField, StringField, TextAreaField, TimeField
from wtforms.validators import DataRequired, Length, Optional, ValidationError

from models import Case, Facility, Payer, Person, Preset, Surgeon
from practice import record
from practice.cases import PayerClass, payer_class_words
from views import now


def _level(form: FlaskForm, field: StringField) -> None:
    wrong = [one for one in _words(field.data) if not record.is_level(one)]
    if wrong:
        raise ValidationError(f"{wrong[0]} is not a level. Write levels such as C5-C6, T4-L1, L5-S1.")


def _cpt(form: FlaskForm, field: StringField) -> None:
    wrong = [one for one in _words(field.data) if not re.fullmatch(r"\d{4}[0-9A-Z]", one)]
    if wrong:
        raise ValidationError(f"{wrong[0]} is not a CPT code: it has five characters, such as 22551.")


def _words(text: str | None) -> list[str]:
    return [word.upper() for word in re.split(r"[,;\s]+", text or "") if word]


def _chosen(form: FlaskForm, field: SelectField) -> None:
    if not field.data:
        raise ValidationError("Choose one of the list.")


ICD = re.compile(r"^([A-Z]\d[0-9A-Z](?:\.[0-9A-Z]{1,4})?)[\s,;:]+(.+)$", re.IGNORECASE)
CLASSES = [("", "not known"), *((name, payer_class_words(name)) for name in get_args(PayerClass))]


class HeaderForm(FlaskForm):
    """Who, where and why of a case."""

    facility = SelectField("Hospital", [_chosen], coerce=int)
    date_of_service = DateField("Date of service", [DataRequired("Type the date of the operation.")])
    starts = TimeField("Planned start", [Optional()], description="On the hospital's clock.")
    or_room = StringField("Room", [Length(max=40)])
    mrn = StringField("MRN", [Length(max=40)], description="Of a patient who was here before, the MRN alone will do.")
    name = StringField("Patient", [Length(max=120)], description="LAST, FIRST as on the wristband.")
    dob = DateField("Date of birth", [Optional()])
    sex = SelectField("Sex", choices=[("U", "not recorded"), ("F", "F"), ("M", "M"), ("X", "X")])
    encounter = StringField("Encounter", [Length(max=60)])
    payer = SelectField("Payer", coerce=int)
    payer_class = SelectField("Payer class", choices=CLASSES, description="When the payer is not known yet.")
    surgeon = SelectField("Surgeon", coerce=int)
    anesthesia = StringField("Anesthesia provider", [Length(max=120)])
    procedure = TextAreaField("Procedure", [DataRequired("Type what is operated on."), Length(max=1000)])
    levels = StringField("Levels", [Length(max=200), _level], description="Such as C5-C6, C6-C7.")
    side = RadioField("Side", choices=[("", "None"), ("L", "Left"), ("R", "Right"), ("B", "Both")], default="")
    approach = StringField("Approach", [Length(max=120)])
    position = StringField("Position", [Length(max=120)])
    cpt = StringField("CPT of the operation", [Length(max=200), _cpt], description="Such as 22551, 22552.")
    diagnosis = TextAreaField(
        "Diagnoses", [Length(max=2000)], description="One a line, the ICD-10 code first: M50.121 Disc disorder."
    )
    indication = TextAreaField("Indication for monitoring", [Length(max=2000)])
    structures = TextAreaField("Structures at risk", [Length(max=2000)], description="One a line.")
    preop_exam = TextAreaField("Pre-operative neurological exam", [Length(max=2000)])
    requested_by = StringField("Monitoring requested by", [Length(max=120)])
    requested_on = DateField("Requested on", [Optional()])

    def validate_dob(self, field: DateField) -> None:
        if field.data and not (field.data <= now().date() and now().year - field.data.year <= 110):
            raise ValidationError("That date of birth cannot be. Check the year.")


class BookingForm(HeaderForm):
    preset = SelectField("Preset", coerce=int, description="Brings modalities and alert criteria, never a measurement.")
    technologist = SelectField("Technologist", coerce=int)
    physician = SelectField("Interpreting physician", coerce=int)


def filled(form: HeaderForm, case: Case | None = None) -> HeaderForm:
    """Fill the choices that are rows; those of the case stay, archived or not."""
    for field, model, none in (
        (form.facility, Facility, "choose"), (form.surgeon, Surgeon, "not known"), (form.payer, Payer, "not known"),
    ):  # fmt: skip
        wanted = model.archived_at.is_null()
        if case and getattr(case, f"{field.name}_id"):
            wanted |= model.id == getattr(case, f"{field.name}_id")
        field.choices = [(0, none), *model.select(model.id, model.name).where(wanted).order_by(model.name).tuples()]
    if isinstance(form, BookingForm):
        rows = Preset.select(Preset.id, Preset.name).where(Preset.archived_at.is_null()).order_by(Preset.name)
        form.preset.choices = [(0, "none"), *rows.tuples()]
        people = active()
        for field in (form.technologist, form.physician):
            field.choices = [(0, "not yet"), *((one.id, one.signing_name) for one in people if one.has(field.name))]
    return form


def active() -> list[Person]:
    """Everybody who can sign in."""
    return list(Person.select().where(Person.disabled_at.is_null()).order_by(Person.name))


def header_of(form: HeaderForm) -> dict[str, Any]:
    """The columns of a case that a form describes."""
    facility = Facility.get_by_id(form.facility.data)
    payer = Payer.get_by_id(form.payer.data) if form.payer.data else None
    starts = form.starts.data and datetime.combine(form.date_of_service.data, form.starts.data, ZoneInfo(facility.zone))
    plain = (
        "or_room",
        "encounter",
        "anesthesia",
        "procedure",
        "approach",
        "position",
        "indication",
        "preop_exam",
        "requested_by",
    )
    return {
        **{name: (form[name].data or "").replace("\r\n", "\n").strip() for name in plain},
        "facility": facility,
        "date_of_service": form.date_of_service.data,
        "starts_at": starts or None,
        "patient": {
            "name": (form.name.data or "").upper(), "mrn": form.mrn.data or "", "dob": form.dob.data, "sex": form.sex.data,
        },
        "payer": payer,
        "payer_class": payer.payer_class if payer else form.payer_class.data,
        "surgeon": Surgeon.get_by_id(form.surgeon.data) if form.surgeon.data else None,
        "levels": _words(form.levels.data),
        "side": form.side.data or "",
        "cpt": _words(form.cpt.data),
        "diagnosis": [_diagnosis(line) for line in _lines(form.diagnosis.data)],
        "structures": _lines(form.structures.data),
        "requested_on": form.requested_on.data,
    }  # fmt: skip


def _lines(text: str | None) -> list[str]:
    return [line.strip() for line in (text or "").splitlines() if line.strip()]


def _diagnosis(line: str) -> dict[str, str | None]:
    found = ICD.match(line)
    return {"text": found[2], "icd10": found[1].upper()} if found else {"text": line, "icd10": None}


def data_of(case: Case) -> dict[str, Any]:
    """What the form says of a case as it is."""
    plain = (
        "or_room", "encounter", "anesthesia", "procedure", "approach", "position", "indication", "preop_exam",
        "requested_by", "requested_on", "side", "payer_class", "date_of_service",
    )  # fmt: skip
    return {
        **{name: getattr(case, name) for name in plain},
        "facility": case.facility_id,
        "surgeon": case.surgeon_id or 0,
        "payer": case.payer_id or 0,
        "starts": case.starts_at and case.starts_at.astimezone(ZoneInfo(case.facility.zone)).time(),
        "name": case.patient.name,
        "mrn": case.patient.mrn,
        "dob": case.patient.dob,
        "sex": case.patient.sex or "U",
        "levels": ", ".join(case.levels),
        "cpt": ", ".join(case.cpt),
        "diagnosis": "\n".join(" ".join(filter(None, (one.get("icd10"), one["text"]))) for one in case.diagnosis),
        "structures": "\n".join(case.structures),
    }
