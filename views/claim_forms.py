"""The forms around a claim: the billing form of a case, an act with its words, what a payer decided on each line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    DateField,
    Field,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import DataRequired, Length, Optional, Regexp, ValidationError

from actions.claims import LineDecision
from models import Billing, Payer
from practice import claims as c
from practice.money import cents

ICD = re.compile(r"[A-Z]\d[0-9A-Z](\.?[0-9A-Z]{1,4})?")
ACCIDENTS = [("EM", "At work"), ("AA", "Car"), ("OA", "Other")]
ADJUSTMENTS = 3
"""Adjustments a line of the form has room for; a remittance file may have more."""


def words(text: str | None) -> list[str]:
    return [word.upper() for word in re.split(r"[,;\s]+", text or "") if word]


class BillingForm(FlaskForm):
    """What a claim needs of a case beside its record."""

    payer = SelectField(
        "Payer asked first", coerce=int, description="Another than the case was booked with, if need be."
    )
    authorization = StringField("Authorization number", [Length(max=50)])
    authorization_waived = StringField(
        "Or who said that none is needed", [Length(max=200)], description="Name, day and call reference."
    )
    referral_number = StringField("Referral number", [Length(max=50)])
    in_network = RadioField(
        "Network", choices=[("", "Not known"), ("y", "In network"), ("n", "Out of network")], default=""
    )
    admitted_on = DateField("Admitted on", [Optional()])
    discharged_on = DateField("Discharged on", [Optional()])
    emergency = BooleanField("It was an emergency")
    accident = SelectMultipleField("It came of an accident", choices=ACCIDENTS)
    accident_on = DateField("Day of the accident", [Optional()])
    accident_state = StringField(
        "State of the car accident", [Regexp(r"^([A-Za-z]{2})?$", message="Two letters, such as IL.")]
    )
    casualty_number = StringField("Claim number the insurer gave the accident", [Length(max=30)])
    diagnosis = TextAreaField(
        "Diagnoses for the claim", [Length(max=400)],
        description="ICD-10-CM codes, first the one that counts most. The order makes the pointers: A is the first.",
    )  # fmt: skip
    not_billed = StringField(
        "Why no claim is made of this case", [Length(max=200)], description="Leave empty for a case that is billed."
    )

    def validate_diagnosis(self, field: Field) -> None:
        codes = words(field.data)
        wrong = [code for code in codes if not ICD.fullmatch(code)]
        if wrong:
            raise ValidationError(f"{wrong[0]} is not an ICD-10-CM code. Write codes such as M50.122.")
        if len(codes) > c.MOST_DIAGNOSES:
            raise ValidationError(f"A claim has room for {c.MOST_DIAGNOSES} diagnoses; these are {len(codes)}.")
        if len(set(codes)) < len(codes):
            raise ValidationError("A diagnosis stands twice. Keep it once.")

    def validate_discharged_on(self, field: Field) -> None:
        if field.data and self.admitted_on.data and field.data < self.admitted_on.data:
            raise ValidationError("This is before the admission. Check both dates.")

    def validate_accident_on(self, field: Field) -> None:
        if field.data and not self.accident.data:
            raise ValidationError("Say which kind of accident it was, or clear the day.")


class CodeForm(FlaskForm):
    """What a person decided for one code: modifiers with a reason, and the diagnoses it points at."""

    class Meta:
        csrf = False

    modifiers = StringField("Modifiers added")
    reason = StringField("Why", [Length(max=200)])
    pointers = StringField("Diagnoses, by letter")

    def validate_modifiers(self, field: Field) -> None:
        chosen = words(field.data)
        if wrong := [one for one in chosen if not re.fullmatch(r"[A-Z0-9]{2}", one)]:
            raise ValidationError(f"{wrong[0]} is not a modifier: it has two characters, such as 59.")
        if len(chosen) > c.MOST_MODIFIERS:
            raise ValidationError(f"A line has room for {c.MOST_MODIFIERS} modifiers.")
        if chosen and not (self.reason.data or "").strip():
            raise ValidationError("Say why, so that a reviewer can be answered.")

    def validate_pointers(self, field: Field) -> None:
        letters = letters_of(field.data)
        if letters is None or len(letters) > c.MOST_POINTERS:
            raise ValidationError(f"Write at most {c.MOST_POINTERS} letters from A to L, such as AC.")


def letters_of(text: str | None) -> list[int] | None:
    """AC as [1, 3]; None when that is not what it says."""
    plain = re.sub(r"[\s,]", "", (text or "").upper())
    if not re.fullmatch(r"[A-L]*", plain):
        return None
    return list(dict.fromkeys(ord(letter) - 64 for letter in plain))


def letters(pointers: Any) -> str:
    """[1, 3] as AC."""
    return "".join(chr(64 + place) for place in pointers)


def billing_values(form: BillingForm, codes: Mapping[str, CodeForm]) -> dict[str, Any]:
    """The columns of models.Billing as the forms describe them."""
    plain = {
        name: (form[name].data or "").strip()
        for name in ("authorization", "authorization_waived", "referral_number", "casualty_number", "not_billed")
    }
    return {
        **plain,
        "payer": form.payer.data or None,
        "in_network": {"y": True, "n": False}.get(form.in_network.data or ""),
        "admitted_on": form.admitted_on.data,
        "discharged_on": form.discharged_on.data,
        "emergency": form.emergency.data,
        "accident": form.accident.data or [],
        "accident_on": form.accident_on.data,
        "accident_state": (form.accident_state.data or "").upper(),
        "diagnosis": words(form.diagnosis.data),
        "modifiers": {
            code: [" ".join(words(one.modifiers.data)), (one.reason.data or "").strip()]
            for code, one in codes.items()
            if words(one.modifiers.data)
        },
        "pointers": {code: found for code, one in codes.items() if (found := letters_of(one.pointers.data))},
    }


def billing_form(row: Billing, case_codes: list[str], booked: Payer | None) -> BillingForm:
    """The form, filled from the row when nothing was posted."""
    form = BillingForm(
        data={
            **{name: row.__data__.get(name) for name in BILLING_FIELDS},
            "payer": row.payer_id or 0,
            "in_network": {True: "y", False: "n"}.get(row.in_network, ""),
            "diagnosis": "\n".join(row.diagnosis or case_codes),
        }
    )
    payers = Payer.select().where(Payer.archived_at.is_null() | (Payer.id == row.payer_id)).order_by(Payer.name)
    form.payer.choices = [
        (0, f"As booked: {booked.name}" if booked else "Choose the payer"),
        *((one.id, one.name) for one in payers),
    ]
    return form


BILLING_FIELDS = (
    "authorization", "authorization_waived", "referral_number", "admitted_on", "discharged_on", "emergency", "accident",
    "accident_on", "accident_state", "casualty_number", "not_billed",
)  # fmt: skip


def code_form(row: Billing, code: str) -> CodeForm:
    modifiers, reason = row.modifiers.get(code, ("", ""))
    kept = {"modifiers": modifiers, "reason": reason, "pointers": letters(row.pointers.get(code, []))}
    return CodeForm(prefix=f"{code}-", data=kept)


class NextPayerForm(FlaskForm):
    """What the payer decided, before the lines."""

    payer = SelectField("Next payer", coerce=int)
    decided_on = DateField("Decided on", [DataRequired("Type the date of the payer's explanation.")])
    payer_control = StringField(
        "The payer's own number of the claim",
        [DataRequired("Type it as it stands on the explanation."), Length(max=50)],
    )


def _amount(form: FlaskForm, field: StringField) -> None:
    try:
        cents(field.data or "0")
    except ValueError as error:
        raise ValidationError(str(error)) from error


class DecisionForm(FlaskForm):
    """What a payer decided on one line."""

    class Meta:
        csrf = False

    paid = StringField("Paid", [DataRequired("Type what was paid, 0 when nothing was."), _amount])

    def adjustments(self) -> list[tuple[StringField, StringField, StringField]]:
        return [(self[f"group{n}"], self[f"reason{n}"], self[f"cents{n}"]) for n in range(1, ADJUSTMENTS + 1)]

    def validate(self, extra_validators: Any = None) -> bool:
        good = super().validate(extra_validators)
        for group, reason, amount in self.adjustments():
            if bool((reason.data or "").strip()) != bool((amount.data or "").strip()):
                group.errors = [*group.errors, "Reason and amount belong together: fill in both, or neither."]
                good = False
        return good

    def decision(self) -> LineDecision:
        told = [
            (group.data, reason.data.strip().upper(), cents(amount.data))
            for group, reason, amount in self.adjustments()
            if (reason.data or "").strip()
        ]
        return LineDecision(paid_cents=cents(self.paid.data), adjustments=told)


for _n in range(1, ADJUSTMENTS + 1):
    setattr(
        DecisionForm, f"group{_n}",
        SelectField(f"Group {_n}", default="CO", choices=[("CO", "CO contract"), ("PR", "PR patient"), ("OA", "OA other"), ("PI", "PI payer")]),
    )  # fmt: skip
    setattr(
        DecisionForm, f"reason{_n}",
        StringField(f"Reason {_n}", [Regexp(r"^\s*([A-Za-z]?\d{1,4})?\s*$", message="A reason is a number such as 45 or B15.")]),
    )  # fmt: skip
    setattr(DecisionForm, f"cents{_n}", StringField(f"Amount {_n}", [_amount]))
