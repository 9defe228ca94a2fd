"""What each noun of places asks for: its form, how a row fills it, and how a form describes a row."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, get_args
from zoneinfo import available_timezones

import peewee as pw
from flask_wtf import FlaskForm
from msgspec import structs
from wtforms import BooleanField, DateField, IntegerField, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length, NumberRange, Optional, Regexp, ValidationError

from models import (
    SETTINGS,
    Agreement,
    BillingProvider,
    Coverage,
    Facility,
    PacketDemand,
    Patient,
    Payer,
    PayerRule,
    Preset,
    Receiver,
    Surgeon,
)
from practice import coding, demands, money, presets
from practice.cases import PayerClass, payer_class_words
from practice.identifiers import npi_problem
from practice.x12 import p837
from views import day, now

CLASSES = [(name, payer_class_words(name)) for name in get_args(PayerClass)]
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
INTEREST = [("", "not asked yet"), ("none", "attested: none"), ("disclosed", "disclosed: there is one")]
FILING = [
    ("", "not known"), ("CI", "CI commercial"), ("BL", "BL Blue Cross Blue Shield"), ("12", "12 PPO"), ("13", "13 point of service"),
    ("14", "14 EPO"), ("15", "15 indemnity"), ("HM", "HM HMO"), ("MB", "MB Medicare part B"), ("16", "16 Medicare Advantage HMO"),
    ("MC", "MC Medicaid"), ("CH", "CH TRICARE"), ("VA", "VA Veterans Affairs"), ("FI", "FI federal employees"),
    ("OF", "OF other federal"), ("WC", "WC workers' compensation"), ("AM", "AM automobile medical"), ("LM", "LM liability"),
    ("11", "11 other"), ("ZZ", "ZZ not one of these"),
]  # fmt: skip
"""Claim filing codes (837P SBR09)."""
RELATIONSHIPS = [
    ("18", "the subscriber"), ("01", "the subscriber's spouse"), ("19", "the subscriber's child"),
    ("53", "the subscriber's partner"), ("20", "the subscriber's employee"), ("G8", "other"), ("21", "not known"),
]  # fmt: skip
NOT_FIRST = [
    ("", "Medicare is first, or not in it"), ("12", "12 working aged"), ("13", "13 kidney disease"), ("14", "14 no-fault"),
    ("15", "15 workers' compensation"), ("16", "16 public health service"), ("41", "41 black lung"), ("42", "42 Veterans Affairs"),
    ("43", "43 disabled, large group plan"), ("47", "47 liability"),
]  # fmt: skip
"""Why Medicare is not first (837P SBR05)."""
SENDER = "submitter_"
"""How an option of a receiver begins that is of the sender."""
_DEFAULTS = {
    f"{whose}{one.name}": one.default
    for whose, struct in (("", p837.Receiver), (SENDER, p837.Submitter))
    for one in structs.fields(struct)
    if isinstance(one.default, str | int) and one.name not in Receiver._meta.fields
}
"""What the guide says where a receiver says nothing."""


class DiagnosesField(StringField):
    """ICD-10-CM codes, or their beginnings, as a list."""

    def _value(self) -> str:
        return self.raw_data[0] if self.raw_data else " ".join(self.data or [])

    def process_formdata(self, valuelist: list[str]) -> None:
        self.data = re.findall(r"[^\s,;]+", valuelist[0].upper()) if valuelist else []
        for code in self.data:
            if not re.fullmatch(r"[A-Z][0-9][0-9A-Z]?(\.[0-9A-Z]{0,4})?", code):
                raise ValueError(f"{code} is no beginning of a diagnosis code. Type codes such as M48.061, or M48.")


class MoneyField(StringField):
    """Dollars and cents as a person types them; the data is whole cents."""

    def process_formdata(self, valuelist: list[str]) -> None:
        self.typed = (valuelist[0] if valuelist else "").strip()
        self.data = 0
        if self.typed:
            try:
                self.data = money.cents(self.typed)
            except ValueError as error:
                raise ValueError(str(error)) from error
            if self.data < 0:
                raise ValueError("A price cannot be below zero.")

    def _value(self) -> str:
        if getattr(self, "typed", None):
            return self.typed
        return money.dollars(self.data).removeprefix("$") if self.data else ""


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
ZIP = Regexp(r"^(\d{5}(-?\d{4})?)?$", message="A ZIP has five or nine digits.")
TAXONOMY = Regexp(
    r"^([0-9A-Za-z]{9}[Xx])?$", message="A taxonomy code has ten characters and ends in X, such as 2084N0600X."
)


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
    zip = StringField("ZIP", [ZIP])
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
    interest = SelectField(
        "Financial relationship with the practice", choices=INTEREST, default="",
        description="Ownership, a share of fees or the like, as the surgeon attests (OIG advisory opinion 23-05).",
    )  # fmt: skip
    attested_on = DateField("Attested on", [Optional()])

    def validate_interest(self, field: SelectField) -> None:
        if bool(field.data) != bool(self.attested_on.data):
            raise ValidationError("Say what was attested and on which day, both or neither.")

    def validate_attested_on(self, field: DateField) -> None:
        if field.data and field.data > now().date():
            raise ValidationError("That day is still to come.")


class PayerForm(FlaskForm):
    name = StringField("Name", [DataRequired("Type the payer's name."), Length(max=200)])
    payer_class = SelectField("Class", choices=CLASSES)
    payer_id = StringField("Payer id", [Length(max=20)], description="The number your clearinghouse lists for it.")
    filing = SelectField(
        "Kind on the claim", choices=FILING, default="", description="The claim filing code the payer wants."
    )
    receiver = SelectField(
        "Electronic claims go to",
        coerce=int,
        default=0,
        description="Without one its claims are printed on the CMS-1500.",
    )
    address = StringField("Street", [Length(max=200)], description="Where paper claims are sent.")
    city = StringField("City", [Length(max=100)])
    state = StringField("State", [Length(max=2), STATE])
    zip = StringField("ZIP", [ZIP])
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
    min_first_quarter_minutes = IntegerField(
        "First unit of 15 minutes from", [NumberRange(1, 15, "Type minutes from 1 to 15.")], default=8
    )
    min_first_hour_minutes = IntegerField(
        "First unit of an hour from", [NumberRange(1, 60, "Type minutes from 1 to 60.")], default=31
    )
    max_concurrent = IntegerField(
        "Cases at once, at most", [NumberRange(1, 20, "Type a number from 1 to 20.")], default=3
    )
    follows_cms = BooleanField("Follows Medicare's edits")
    pays_technical = BooleanField("Pays us the technical part in a hospital too, by contract")
    filing_days = IntegerField(
        "Days to file a claim", [Optional(), NumberRange(1, 1100, "Type days from 1 to 1,100.")],
        description="From the date of service. Left empty, no deadline is shown.",
    )  # fmt: skip
    appeal_days = IntegerField(
        "Days to appeal a denial", [Optional(), NumberRange(1, 1100, "Type days from 1 to 1,100.")]
    )
    demands = SelectMultipleField(
        "What its claims must also hold", choices=[(name, one.label) for name, one in coding.DEMANDS.items()]
    )
    diagnoses = DiagnosesField(
        "Diagnoses it pays for",
        description="Codes, or how they begin, with spaces between: M48 G95.2. One of them must stand on the claim. Left empty, none is asked for.",
    )
    source = StringField(
        "Where this stands", [DataRequired("Name the policy or letter this comes from."), Length(max=300)]
    )
    certainty = SelectField("How sure", choices=CERTAINTY)

    def validate_payer_class(self, field: SelectField) -> None:
        payer = Payer.get_or_none(Payer.id == (self.payer.data or 0))
        if payer and payer.payer_class != field.data:
            raise ValidationError(f"{payer.name} is {payer_class_words(payer.payer_class)}. Choose that class.")


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

    address = StringField("Street", [Length(max=200)])
    city = StringField("City", [Length(max=100)])
    state = StringField("State", [Length(max=2), STATE])
    zip = StringField("ZIP", [ZIP])
    phone = StringField("Phone", [Length(max=40)])

    def validate_dob(self, field: DateField) -> None:
        _born(field)


def _born(field: DateField) -> None:
    if field.data and not (field.data <= now().date() and now().year - field.data.year <= 120):
        raise ValidationError("That date of birth cannot be. Check the year.")


class CoverageForm(FlaskForm):
    payer = SelectField("Payer", coerce=int)
    member_id = StringField("Member id", [DataRequired("Type the member id on the card."), Length(max=40)])
    group = StringField("Group", [Length(max=40)])
    rank = SelectField("Pays", coerce=int, choices=[(1, "first"), (2, "second"), (3, "third")])
    insurance_type = SelectField("Why Medicare is not first", choices=NOT_FIRST, default="")
    from_on = DateField("From", [Optional()])
    until_on = DateField("Until", [Optional(), _after_start])
    relationship = SelectField("The patient is", choices=RELATIONSHIPS, default="18")
    insured_last = StringField("Last name", [Length(max=60)])
    insured_first = StringField("First name", [Length(max=35)])
    insured_middle = StringField("Middle name", [Length(max=25)])
    insured_birth_on = DateField("Date of birth", [Optional()])
    insured_sex = SelectField("Sex", choices=[("U", "not recorded"), ("F", "F"), ("M", "M")], default="U")
    insured_address = StringField("Street", [Length(max=55)])
    insured_city = StringField("City", [Length(max=30)])
    insured_state = StringField("State", [Length(max=2), STATE])
    insured_zip = StringField("ZIP", [ZIP])

    NEEDED = tuple(f"insured_{name}" for name in ("last", "first", "birth_on", "address", "city", "state", "zip"))

    def validate_insured_birth_on(self, field: DateField) -> None:
        _born(field)

    def validate_relationship(self, field: SelectField) -> None:
        filled_in = [name for name in self.NEEDED if self[name].data]
        if field.data == "18" and filled_in:
            raise ValidationError("Say what the patient is to the subscriber, or leave the subscriber's fields empty.")
        if field.data != "18" and len(filled_in) < len(self.NEEDED):
            lacking = ", ".join(self[name].label.text.lower() for name in self.NEEDED if name not in filled_in)
            raise ValidationError(f"The claim needs the subscriber's {lacking}.")

    @property
    def insured(self) -> list[Any]:
        """The fields of the subscriber, for the page."""
        return [
            self[name]
            for name in (*self.NEEDED[:2], "insured_middle", "insured_birth_on", "insured_sex", *self.NEEDED[3:])
        ]

    @property
    def card(self) -> list[Any]:
        """The fields of the insurance itself."""
        return [self[name] for name in ("payer", "member_id", "group", "rank", "insurance_type", "from_on", "until_on")]


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
    case_cents = MoneyField("Price of a case", description="What the hospital pays for the technical part, in dollars.")
    included_minutes = IntegerField(
        "Minutes that price holds", [Optional(), NumberRange(0, 1440, "Type minutes from 0 to 1,440.")], default=0
    )
    hour_cents = MoneyField("Price of an hour", description="Of the minutes after those; alone, of the whole case.")
    standby_hour_cents = MoneyField("Price of an hour standing by")
    cancellation_cents = MoneyField("Price of a late cancellation")
    terms_days = IntegerField("Days to pay", [NumberRange(0, 365, "Type days from 0 to 365.")], default=30)
    bill_to = TextAreaField("Invoices go to", [Length(max=500)], description="Name and address, a line each.")
    note = StringField("Note", [Length(max=300)])


class BillingProviderForm(FlaskForm):
    name = StringField("Name", [DataRequired("Type the name as the payers know it."), Length(max=60)])
    npi = StringField("NPI", [DataRequired("Type the NPI of the practice."), Length(max=10), _npi])
    taxonomy = StringField("Taxonomy", [TAXONOMY], description="Such as 2084N0600X. Most payers want it.")
    tax_id = StringField(
        "Tax id", [DataRequired("Type the tax id."), Regexp(r"^\d{2}-?\d{7}$|^\d{3}-\d{2}-\d{4}$", message="A tax id has nine digits.")]
    )  # fmt: skip
    tax_id_is_ssn = BooleanField("It is a social security number")
    address = StringField(
        "Street", [DataRequired("Type the street; a PO box is not allowed here."), Length(max=55)],
        description="Where the practice is. A PO box belongs to where payments go.",
    )  # fmt: skip
    city = StringField("City", [DataRequired("Type the city."), Length(max=30)])
    state = StringField("State", [DataRequired("Type the state."), Length(max=2), STATE])
    zip = StringField(
        "ZIP", [DataRequired("Type the ZIP."), Regexp(r"^\d{5}-?\d{4}$", message="Claims need the ZIP with nine digits.")]
    )  # fmt: skip
    phone = StringField("Phone", [Length(max=40)])
    pay_line1 = StringField(
        "Payments go to: street or box", [Length(max=55)], description="Only when it is another address."
    )
    pay_city = StringField("Payments go to: city", [Length(max=30)])
    pay_state = StringField("Payments go to: state", [Length(max=2), STATE])
    pay_zip = StringField("Payments go to: ZIP", [ZIP])
    from_on = DateField("From", [DataRequired("Type the first date of service it bills.")])
    until_on = DateField("Until", [Optional(), _after_start])

    def validate_address(self, field: StringField) -> None:
        if re.match(r"(?i)\s*(p\.?\s*o\.?\s*box|lock\s*box)", field.data or ""):
            raise ValidationError("This must be a street. Put the box under where payments go.")

    def validate_pay_line1(self, field: StringField) -> None:
        given = [bool(self[f"pay_{name}"].data) for name in ("line1", "city", "state", "zip")]
        if any(given) and not all(given):
            raise ValidationError("Fill in all four fields of where payments go, or none.")


class ReceiverForm(FlaskForm):
    folded = (
        "isa_qualifier", "isa_id", "gs_id", "submitter_isa_qualifier", "submitter_isa_id", "submitter_gs_id",
        "claims_per_transaction", "wants_ta1", "rendering_always", "facility_always", "subscriber_address_always",
        "payer_address", "billing_taxonomy", "line_keys",
    )  # fmt: skip
    """What most receivers want as the guide has it; only their own companion guide says otherwise."""
    folded_as = "What their companion guide asks beside the rule"
    name = StringField("Name", [DataRequired("Type the clearinghouse's or the payer's name."), Length(max=60)])
    receiver_id = StringField("Its id", [DataRequired("Type the id they gave you for them."), Length(max=15)])
    submitter_id = StringField("Our id there", [DataRequired("Type the id they gave the practice."), Length(max=15)])
    usage = SelectField("Files are", choices=[("T", "tests"), ("P", "real claims")])
    contact = StringField("Contact at the practice", [Length(max=60)])
    phone = StringField("Phone", [Length(max=40)])
    email = StringField("Email", [Length(max=200)])
    isa_qualifier = SelectField(
        "Kind of their id", choices=[("ZZ", "ZZ agreed"), ("30", "30 tax id"), ("27", "27 carrier"), ("01", "01 DUNS")]
    )
    isa_id = StringField("Their id in ISA08", [Length(max=15)], description="When it differs from the one above.")
    gs_id = StringField("Their id in GS03", [Length(max=15)])
    submitter_isa_qualifier = SelectField(
        "Kind of our id", choices=[("ZZ", "ZZ agreed"), ("30", "30 tax id"), ("27", "27 carrier"), ("01", "01 DUNS")]
    )
    submitter_isa_id = StringField("Our id in ISA06", [Length(max=15)])
    submitter_gs_id = StringField("Our id in GS02", [Length(max=15)])
    claims_per_transaction = IntegerField(
        "Claims in one transaction, at most", [NumberRange(1, 5000, "Type 1 to 5,000.")], default=5000
    )
    wants_ta1 = BooleanField("It sends a TA1 when asked")
    rendering_always = BooleanField("Send the rendering provider even when it is the billing provider")
    facility_always = BooleanField("Send the place of service even when it is the billing address", default=True)
    subscriber_address_always = BooleanField("Send the subscriber's address even when the patient is another")
    payer_address = BooleanField("Send the payer's address", default=True)
    billing_taxonomy = BooleanField("Send the taxonomy of the billing provider", default=True)
    line_keys = BooleanField("Send our key of each line", default=True)


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
        if self.model is Payer:
            return Payer.select(Payer, Receiver).left_outer_join(Receiver)
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
            (("Surgeon", lambda r: r.name), ("NPI", lambda r: r.npi), ("Phone", lambda r: r.phone),
             ("Interest", lambda r: dict(INTEREST)[r.interest])),
            (Surgeon.name,), Surgeon.name.contains, csv=True,
        ),
        Noun(
            "payers", "payer", "Payers", "Who pays, by class and payer id.", Payer, PayerForm,
            (("Payer", lambda r: r.name), ("Class", lambda r: payer_class_words(r.payer_class)), ("Payer id", lambda r: r.payer_id),
             ("Claims", lambda r: f"to {r.receiver.name}" if r.receiver else "on paper")),
            (Payer.name,), Payer.name.contains, csv=True,
        ),
        Noun(
            "payer-rules", "payer rule", "Payer rules",
            "How payers want units and codes, from a date on. The rule of the date of service applies.",
            PayerRule, RuleForm,
            (("For", lambda r: r.payer.name if r.payer else f"all {payer_class_words(r.payer_class)}"), *_SPAN,
             ("Codes", lambda r: ", ".join(r.accepts)), ("Remote", lambda r: r.remote_code or "none"),
             ("Units", lambda r: dict(UNITS)[r.rounding]), ("File within", lambda r: f"{r.filing_days} days" if r.filing_days else ""),
             ("Sure", lambda r: dict(CERTAINTY).get(r.certainty, ""))),
            (PayerRule.payer_class, PayerRule.payer, PayerRule.from_on),
            lambda word: Payer.name.contains(word) | PayerRule.payer_class.contains(word.replace(" ", "_")),
            dated=True,
        ),
        Noun(
            "packet-contents", "row", "Packet contents",
            "What goes into a packet for a purpose, by payer. A payer's own row stands in the place of the one for everybody.",
            PacketDemand, ContentForm,
            (("Part", lambda r: demands.PARTS[r.part]), ("Purpose", lambda r: demands.PURPOSES[r.purpose]),
             ("For", lambda r: r.payer.name if r.payer else payer_class_words(r.payer_class) or "everybody"),
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
        Noun(
            "billing-providers", "billing provider", "Billing providers", "Who bills: the name, NPI, tax id and address on every claim.",
            BillingProvider, BillingProviderForm,
            (("Name", lambda r: r.name), *_SPAN, ("NPI", lambda r: r.npi), ("Where", lambda r: f"{r.city}, {r.state}")),
            (BillingProvider.from_on.desc(),), BillingProvider.name.contains, dated=True,
        ),
        Noun(
            "receivers", "receiver", "Receivers", "Where claim files are sent: clearinghouses, and payers that take files themselves.",
            Receiver, ReceiverForm,
            (("Receiver", lambda r: r.name), ("Its id", lambda r: r.receiver_id), ("Our id", lambda r: r.submitter_id),
             ("Files", lambda r: "real claims" if r.usage == "P" else "tests")),
            (Receiver.name,), Receiver.name.contains,
        ),
    )
}  # fmt: skip


def with_choices(form: FlaskForm, row: pw.Model | None = None) -> FlaskForm:
    """Fill the choices that are rows. One that is out of the choices is still offered to the row that uses it."""
    if isinstance(form, RuleForm):
        form.payer.choices = [(0, "all of the class"), *_names(Payer, row and row.payer_id)]
    if isinstance(form, ContentForm):
        form.payer.choices = [(0, "no payer of its own"), *_names(Payer, row and row.payer_id)]
    if isinstance(form, PayerForm):
        form.receiver.choices = [(0, "nobody: they are printed"), *_names(Receiver, row and row.receiver_id)]
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
        field.name: (field.data or "").strip()
        if isinstance(field, StringField) and not isinstance(field, MoneyField | DiagnosesField)
        else field.data
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
    if isinstance(form, PayerForm):
        columns["receiver"] = columns.get("receiver") or None
    if isinstance(form, AgreementForm):
        columns["included_minutes"] = columns["included_minutes"] or 0
    if isinstance(form, CoverageForm):
        return _with_subscriber(columns)
    if isinstance(form, BillingProviderForm):
        return _with_pay_to(columns)
    if isinstance(form, ReceiverForm):
        return _with_options(columns)
    return columns


def _with_subscriber(columns: dict[str, Any]) -> dict[str, Any]:
    """The subscriber as `practice.claims.Person` has it; nothing when it is the patient."""
    person = {name: columns.pop(f"insured_{name}") for name in ("last", "first", "middle", "birth_on", "sex")}
    where = {name: columns.pop(f"insured_{name}") for name in ("address", "city", "state", "zip")}
    where = {"line1": where.pop("address"), **where, "state": where["state"].upper()}
    if columns["relationship"] == "18":
        return {**columns, "subscriber": {}}
    born = person["birth_on"]
    return {**columns, "subscriber": {**person, "birth_on": born and born.isoformat(), "address": where}}


def _with_pay_to(columns: dict[str, Any]) -> dict[str, Any]:
    """Where payments go as `practice.claims.Address` has it; nothing when it is the same address."""
    where = {name: columns.pop(f"pay_{name}") for name in ("line1", "city", "state", "zip")}
    where["state"] = where["state"].upper()
    return {**columns, "pay_to": where if where["line1"] else {}}


def _with_options(columns: dict[str, Any]) -> dict[str, Any]:
    """What differs from the guide's defaults."""
    kept = {name: value for name, value in columns.items() if name in Receiver._meta.fields}
    options = {
        name: value for name, value in columns.items() if name not in kept and value not in (_DEFAULTS[name], "", None)
    }
    return {**kept, "options": options}


def filled(form: type[FlaskForm], row: pw.Model) -> FlaskForm:
    """The form with what the row holds."""
    if isinstance(row, Preset):
        held = {"name": row.name, "setups": presets.setups_of(row.modalities), "structures": "\n".join(row.structures)}
        return form(formdata=None, data=held)
    more: dict[str, Any] = {}
    if isinstance(row, Coverage):
        where = row.subscriber.get("address") or {}
        born = row.subscriber.get("birth_on")
        held = {**row.subscriber, **where, "address": where.get("line1"), "birth_on": born and date.fromisoformat(born)}
        more = {f"insured_{name}": value for name, value in held.items()}
    if isinstance(row, BillingProvider):
        more = {f"pay_{name}": value for name, value in row.pay_to.items()}
    if isinstance(row, Receiver):
        more = {**_DEFAULTS, **row.options}
    if isinstance(row, Payer):
        more = {"receiver": row.receiver_id or 0}
    # A field for a row holds its number, where the row itself would have to be fetched.
    return with_choices(
        form(formdata=None, data={**row.__data__, "payer": row.__data__.get("payer") or 0, **more}), row
    )
