"""What each noun of places asks for: its form, how a row fills it, and how a form describes a row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args
from zoneinfo import available_timezones

import peewee as pw
from flask_wtf import FlaskForm
from wtforms import BooleanField, DateField, IntegerField, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length, NumberRange, Optional, Regexp, ValidationError

from models import SETTINGS, Agreement, Facility, PacketDemand, Patient, Payer, PayerRule, Preset, Surgeon
from practice import coding, demands, presets
from practice.cases import PayerClass
from practice.identifiers import npi_problem
from views import day, now

CLASSES = [(name, name.replace("_", " ")) for name in get_args(PayerClass)]
POS = [
    ("21", "21 inpatient hospital"),
    ("22", "22 on-campus outpatient hospital"),
    ("19", "19 off-campus outpatient hospital"),
    ("24", "24 ambulatory surgery center"),
    ("23", "23 emergency room"),
    ("11", "11 office"),
]
UNITS = [("midpoint", "past the midpoint"), ("full_unit_only", "full units only")]
CERTAINTY = [("sourced", "read at its source"), ("unverified", "not verified"), ("disputed", "disputed")]
TECHNICAL = [("facility", "the hospital pays us"), ("practice", "the practice bills it")]
PROFESSIONAL = [("practice", "the practice bills it"), ("other", "another group bills it")]


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
    zone = StringField(
        "Time zone",
        [DataRequired("Type the time zone, such as America/Chicago."), _zone],
        default=SETTINGS.zone.key,
        description="America/New_York, America/Chicago, America/Denver, America/Phoenix or America/Los_Angeles.",
    )
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
    rounding = SelectField("Units", choices=UNITS)
    max_concurrent = IntegerField(
        "Cases at once, at most", [NumberRange(1, 20, "Type a number from 1 to 20.")], default=3
    )
    follows_cms = BooleanField("Follows Medicare's edits")
    source = StringField(
        "Where this stands", [DataRequired("Name the policy or letter this comes from."), Length(max=300)]
    )
    certainty = SelectField("How sure", choices=CERTAINTY)

    def validate_payer_class(self, field: SelectField) -> None:
        payer = Payer.get_or_none(Payer.id == (self.payer.data or 0))
        if payer and payer.payer_class != field.data:
            raise ValidationError(f"{payer.name} is {_plain(payer.payer_class)}. Choose that class.")


class ContentForm(FlaskForm):
    """What goes into a packet for a purpose."""

    payer = SelectField("Payer", coerce=int, description="Its own row stands in the place of the one for its class.")
    payer_class = SelectField("Class", choices=[("", "everybody"), *CLASSES])
    purpose = SelectField("Purpose", choices=[(name, title.lower()) for name, title in demands.PURPOSES.items()])
    part = SelectField("Part", choices=list(demands.PARTS.items()))
    words = StringField("In the payer's words", [Length(max=200)])
    required = BooleanField("Required: a packet says so when it is missing", default=True)
    from_on = DateField("Applies from", [DataRequired("Type the first date of service it applies to.")])
    until_on = DateField("Applies until", [Optional(), _after_start])
    source = StringField(
        "Where this stands", [DataRequired("Name the policy or letter this comes from."), Length(max=300)]
    )
    certainty = SelectField("How sure", choices=CERTAINTY)


class PatientForm(FlaskForm):
    name = StringField("Name", [DataRequired("Type LAST, FIRST as on the wristband."), Length(max=120)])
    mrn = StringField("MRN", [Length(max=40)])
    # Files of other systems write 03/14/1961.
    dob = DateField("Date of birth", [Optional()], format=["%Y-%m-%d", "%m/%d/%Y"])
    sex = SelectField("Sex", choices=[("U", "not recorded"), ("F", "F"), ("M", "M"), ("X", "X")], default="U")

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
    technical = SelectField("Technical component", choices=TECHNICAL)
    professional = SelectField("Professional component", choices=PROFESSIONAL)
    note = StringField("Note", [Length(max=300)])


@dataclass(frozen=True)
class Noun:
    """How one kind of row is listed, searched and edited. A column is its label and what it shows of a row."""

    path: str
    one: str
    many: str
    what: str
    model: type[pw.Model]
    form: type[FlaskForm]
    columns: tuple[tuple[str, Callable[[Any], Any]], ...]
    order: tuple[Any, ...]
    search: Callable[[str], pw.Expression]
    csv: bool = False
    private: bool = False
    """True for patients: searched by POST so that no name stands in an address, and reads are audited."""
    dated: bool = False
    """True for what holds from a day on, and is ended instead of changed."""

    @property
    def a_new(self) -> str:
        return f"an {self.one}" if self.one[0] in "aeiou" else f"a {self.one}"

    @property
    def archives(self) -> bool:
        """True when a row can be taken out of the choices."""
        return "archived_at" in self.model._meta.fields

    def name_of(self, row: pw.Model) -> str:
        """What the row's page is headed with."""
        name = str(self.columns[0][1](row))
        return f"{name[0].upper()}{name[1:]}, from {day(row.from_on)}" if self.dated else name

    def rows(self) -> pw.ModelSelect:
        """All rows, each with the row it belongs to."""
        if self.model is PayerRule:
            return PayerRule.select(PayerRule, Payer).left_outer_join(Payer)
        if self.model is PacketDemand:
            return PacketDemand.select(PacketDemand, Payer).left_outer_join(Payer)
        if self.model is Agreement:
            return Agreement.select(Agreement, Facility).join(Facility)
        return self.model.select()


def _plain(value: Any) -> str:
    return str(value or "").replace("_", " ")


_SPAN = (("From", lambda r: day(r.from_on)), ("Until", lambda r: day(r.until_on) if r.until_on else "no end"))

NOUNS = {
    noun.path: noun
    for noun in (
        Noun(
            "facilities", "hospital", "Hospitals", "Where cases happen: zone, place of service, address, NPI.",
            Facility, FacilityForm,
            (("Hospital", lambda r: r.name), ("State", lambda r: r.state), ("Zone", lambda r: _plain(r.zone)),
             ("POS", lambda r: r.pos), ("NPI", lambda r: r.npi)),
            (Facility.name,), Facility.name.contains, csv=True,
        ),
        Noun(
            "surgeons", "surgeon", "Surgeons", "Who operates and asks for monitoring.", Surgeon, SurgeonForm,
            (("Surgeon", lambda r: r.name), ("NPI", lambda r: r.npi), ("Phone", lambda r: r.phone)),
            (Surgeon.name,), Surgeon.name.contains, csv=True,
        ),
        Noun(
            "payers", "payer", "Payers", "Who pays, by class and payer id.", Payer, PayerForm,
            (("Payer", lambda r: r.name), ("Class", lambda r: _plain(r.payer_class)), ("Payer id", lambda r: r.payer_id)),
            (Payer.name,), Payer.name.contains, csv=True,
        ),
        Noun(
            "payer-rules", "payer rule", "Payer rules",
            "How payers want units and codes, from a date on. The rule of the date of service applies.",
            PayerRule, RuleForm,
            (("For", lambda r: r.payer.name if r.payer else f"all {_plain(r.payer_class)}"), *_SPAN,
             ("Codes", lambda r: ", ".join(r.accepts)), ("Remote", lambda r: r.remote_code or "none"),
             ("Units", lambda r: dict(UNITS)[r.rounding]), ("Sure", lambda r: dict(CERTAINTY).get(r.certainty, ""))),
            (PayerRule.payer_class, PayerRule.payer, PayerRule.from_on),
            lambda word: Payer.name.contains(word) | PayerRule.payer_class.contains(word.replace(" ", "_")),
            dated=True,
        ),
        Noun(
            "packet-contents", "row", "Packet contents",
            "What goes into a packet for a purpose, by payer. A payer's own row stands in the place of the one for everybody.",
            PacketDemand, ContentForm,
            (("Part", lambda r: demands.PARTS[r.part]), ("Purpose", lambda r: demands.PURPOSES[r.purpose]),
             ("For", lambda r: r.payer.name if r.payer else _plain(r.payer_class) or "everybody"),
             ("Required", lambda r: "required" if r.required else "when on file"), *_SPAN, ("Sure", lambda r: dict(CERTAINTY).get(r.certainty, ""))),
            (PacketDemand.purpose, PacketDemand.id),
            lambda word: PacketDemand.purpose.contains(word) | PacketDemand.part.contains(word.replace(" ", "_")) | PacketDemand.words.contains(word) | Payer.name.contains(word),
        ),
        Noun(
            "patients", "patient", "Patients", "Search by the first letters of the last name, or by the whole MRN.",
            Patient, PatientForm,
            (("Patient", lambda r: r.name), ("MRN", lambda r: r.mrn), ("Born", lambda r: r.dob or ""), ("Sex", lambda r: r.sex)),
            (pw.fn.LOWER(Patient.name),), lambda words: Patient.name_begins(words) | (Patient.mrn == words),
            csv=True, private=True,
        ),
        Noun(
            "presets", "preset", "Presets", "What a kind of procedure usually needs. They fill structure, never a measurement.",
            Preset, PresetForm,
            (("Preset", lambda r: r.name), ("Runs", lambda r: ", ".join(dict.fromkeys(m["code"] for m in r.modalities))),
             ("At risk", lambda r: "; ".join(r.structures))),
            (Preset.name,), Preset.name.contains,
        ),
        Noun(
            "agreements", "agreement", "Agreements", "Who owns the technical and the professional component at each hospital.",
            Agreement, AgreementForm,
            (("Hospital", lambda r: r.facility.name), *_SPAN, ("Technical", lambda r: dict(TECHNICAL)[r.technical]),
             ("Professional", lambda r: dict(PROFESSIONAL)[r.professional])),
            (Facility.name, Agreement.from_on), Facility.name.contains, dated=True,
        ),
    )
}  # fmt: skip


def with_choices(form: FlaskForm, row: pw.Model | None = None) -> FlaskForm:
    """Fill the choices that are rows. One that is out of the choices is still offered to the row that uses it."""
    if isinstance(form, RuleForm):
        form.payer.choices = [(0, "all of the class"), *_names(Payer, row and row.payer_id)]
    if isinstance(form, ContentForm):
        form.payer.choices = [(0, "no payer of its own"), *_names(Payer, row and row.payer_id)]
    if isinstance(form, CoverageForm):
        form.payer.choices = _names(Payer, row and row.payer_id)
    if isinstance(form, AgreementForm):
        form.facility.choices = _names(Facility, row and row.facility_id)
    return form


def _names(model: type[pw.Model], used: int | None) -> list[tuple[int, str]]:
    offered = model.archived_at.is_null() | (model.id == (used or 0))
    return list(model.select(model.id, model.name).where(offered).order_by(model.name).tuples())


def values(form: FlaskForm) -> dict[str, Any]:
    """The columns of the row a form describes."""
    columns = {
        # A text that was not sent at all is an empty one.
        field.name: (field.data or "").strip() if isinstance(field, StringField) else field.data
        for field in form
        if field.name != "csrf_token"
    }
    if isinstance(form, PresetForm):
        lines = [line.strip() for line in columns["structures"].splitlines() if line.strip()]
        return {"name": columns["name"], "structures": lines, **presets.columns(form.setups.data)}
    if isinstance(form, RuleForm | ContentForm):
        columns["payer"] = columns["payer"] or None
    if "state" in columns:
        columns["state"] = columns["state"].upper()
    if isinstance(form, PatientForm):
        columns["name"] = columns["name"].upper()
    return columns


def filled(form: type[FlaskForm], row: pw.Model) -> FlaskForm:
    """The form with what the row holds."""
    if isinstance(row, Preset):
        held = {"name": row.name, "setups": presets.setups_of(row.modalities), "structures": "\n".join(row.structures)}
        return form(formdata=None, data=held)
    # A field for a row holds its number, where the row itself would have to be fetched.
    return with_choices(form(formdata=None, data=row.__data__ | {"payer": row.__data__.get("payer") or 0}), row)
