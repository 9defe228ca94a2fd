"""The forms of credentials, requirements, types and continuing education."""

from __future__ import annotations

from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import BooleanField, DateField, IntegerField, RadioField, SelectField, SelectMultipleField, StringField
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional, Regexp, ValidationError

from models import CredentialType, Facility, Payer
from practice import credentials as trade

WORKING = ("technologist", "physician")
PAPER = {"accept": "image/*,application/pdf"}


def stripped(value: str | None) -> str:
    """A text without the blanks around it; one that was not sent at all is empty."""
    return (value or "").strip()


def _state(value: str | None) -> str:
    return stripped(value).upper()


def facilities(none: str) -> list[tuple[int, str]]:
    rows = Facility.select(Facility.id, Facility.name).where(Facility.archived_at.is_null()).order_by(Facility.name)
    return [(0, none), *rows.tuples()]


def types() -> list[CredentialType]:
    return list(CredentialType.select().where(CredentialType.archived_at.is_null()).order_by(CredentialType.name))


class CredentialForm(FlaskForm):
    kind = SelectField("Kind")
    number = StringField("Number", [Length(max=60)], filters=[stripped])
    issuer = StringField("Issued by", [Length(max=120)], filters=[stripped])
    state = StringField(
        "State", [Regexp(r"^([A-Za-z]{2})?$", message="A state has two letters, such as IL.")], filters=[_state]
    )
    facility = SelectField("Hospital", coerce=int, default=0)
    from_on = DateField("Valid from", [Optional()])
    until_on = DateField("Valid until", [Optional()])
    file = FileField("Photo or PDF", render_kw=PAPER)
    verified = BooleanField("Verified with the issuer")


def credential_form(**given: object) -> CredentialForm:
    form = CredentialForm(**given)
    form.kind.choices = [one.name for one in types()]
    form.facility.choices = facilities("none")
    return form


class CopyForm(FlaskForm):
    file = FileField("Photo or PDF", [FileRequired("Choose a photo or a PDF.")], render_kw=PAPER)


class VerificationForm(FlaskForm):
    how = StringField(
        "How it was verified",
        [DataRequired("Write where you looked, or whom you asked."), Length(max=200)],
        filters=[stripped],
    )


class ApplicationForm(FlaskForm):
    sent_on = DateField("Sent on", [DataRequired("Give the day on which it was sent.")])


class WaiverForm(FlaskForm):
    kind = SelectField("Kind", coerce=int, id="waived-kind")
    facility = SelectField("Hospital", coerce=int, default=0, id="waived-facility")
    from_on = DateField("From", [DataRequired("Give its first day.")])
    until_on = DateField("Until", [DataRequired("Give its last day.")])
    reason = StringField(
        "Reason", [DataRequired("Write why it is waived, and by whom."), Length(max=300)], filters=[stripped]
    )


def waiver_form() -> WaiverForm:
    form = WaiverForm()
    form.kind.choices = [(one.id, one.name) for one in types()]
    form.facility.choices = facilities("everywhere")
    return form


class DossierForm(FlaskForm):
    facility = SelectField("Hospital", coerce=int, id="file-facility")


def dossier_form() -> DossierForm:
    form = DossierForm()
    form.facility.choices = facilities("")[1:]
    return form


class EducationForm(FlaskForm):
    kind = SelectField("Counts for", coerce=int)
    title = StringField("What it was", [DataRequired("Write what it was."), Length(max=160)], filters=[stripped])
    category = SelectField("Category", choices=[(one, one.capitalize()) for one in trade.CATEGORIES])
    earned_on = DateField("Day", [DataRequired("Give the day.")])
    hours = StringField("Hours", [DataRequired("Type the hours, such as 1.5.")], filters=[stripped])

    def validate_hours(self, field: StringField) -> None:
        """Hours with at most quarters, turned into whole minutes."""
        whole, _, part = (field.data or "").replace(",", ".").partition(".")
        quarters = {"": 0, "0": 0, "00": 0, "25": 15, "5": 30, "50": 30, "75": 45}
        if not (whole.isascii() and whole.isdigit() and len(whole) < 4 and part in quarters):
            raise ValidationError("Type hours in quarters, such as 1.5 or 0.75.")
        self.minutes = int(whole) * 60 + quarters[part]
        if not self.minutes:
            raise ValidationError("Type more than no hours.")


def education_form() -> EducationForm:
    form = EducationForm()
    form.kind.choices = [(one.id, f"{one.name}, {one.ce_hours} hours") for one in types() if one.ce_hours]
    return form


class RequirementForm(FlaskForm):
    role = RadioField("Role", [InputRequired("Choose a role.")], choices=[(one, one.capitalize()) for one in WORKING])
    facility = SelectField("Hospital", coerce=int, default=0)
    payer = SelectField("Payer", coerce=int, default=0)
    kinds = SelectMultipleField("Any one of", [DataRequired("Choose at least one kind.")], coerce=int)
    must_hold = RadioField(
        "How", choices=[("y", "Must be held"), ("", "Kept current if held")], default="y",
    )  # fmt: skip
    from_on = DateField("From", [Optional()])
    until_on = DateField("Until", [Optional()])
    note = StringField("Note", [Length(max=200)], filters=[stripped])


def requirement_form() -> RequirementForm:
    form = RequirementForm()
    form.facility.choices = facilities("every hospital")
    form.payer.choices = [
        (0, "every payer"),
        *Payer.select(Payer.id, Payer.name).where(Payer.archived_at.is_null()).order_by(Payer.name).tuples(),
    ]
    form.kinds.choices = [(one.id, one.name) for one in types()]
    return form


class EndingForm(FlaskForm):
    last_on = DateField("Last day", [DataRequired("Give its last day.")])


class TypeForm(FlaskForm):
    name = StringField("Name", [DataRequired("Type a name."), Length(max=80)], filters=[stripped])
    issuer = StringField("Issued by", [Length(max=120)], filters=[stripped])
    place = RadioField(
        "Counts",
        choices=[("anywhere", "Everywhere"), ("state", "In one state"), ("facility", "At one hospital")],
        default="anywhere",
    )
    cycle_months = IntegerField("Cycle", [Optional(), NumberRange(1, 240, "Type 1 to 240 months.")])
    cycle_days = IntegerField("Cycle in days", [Optional(), NumberRange(1, 1000, "Type 1 to 1000 days.")])
    year_end = BooleanField("Ends on 31 December")
    opens_days = IntegerField("Renewal opens", [InputRequired("Type a number."), NumberRange(0, 1500)], default=0)
    grace_days = IntegerField("Late renewal", [InputRequired("Type a number."), NumberRange(0, 365)], default=0)
    processing_days = IntegerField("Processing", [InputRequired("Type a number."), NumberRange(0, 365)], default=21)
    alerts = StringField("Alerts", [DataRequired("Type days, such as 90, 60, 30, 7, 0.")], default="90, 60, 30, 7, 0", filters=[stripped])  # fmt: skip
    ce_hours = IntegerField("Continuing education", [InputRequired("Type a number."), NumberRange(0, 500)], default=0)
    needs_document = BooleanField("A copy is needed")
    holder_verifies = BooleanField("The holder may verify it")
    how = StringField("How to verify it", [Length(max=300)], filters=[stripped])
    source = StringField("Source", [Length(max=200)], filters=[stripped])

    def validate_alerts(self, field: StringField) -> None:
        parts = [part.strip() for part in (field.data or "").split(",")]
        if not all(part.isascii() and part.isdigit() and len(part) < 5 for part in parts):
            raise ValidationError("Type days before the end with commas between, such as 90, 60, 30, 7, 0.")
        self.alert_days = sorted({int(part) for part in parts}, reverse=True)


class OverrideForm(FlaskForm):
    who = StringField("Person and role", [DataRequired("Choose who works on the case."), Regexp(r"^\d{1,18}\.[a-z]+$")])
    reason = StringField(
        "Reason",
        [DataRequired("Write why this person works on the case all the same."), Length(max=300)],
        filters=[stripped],
    )
