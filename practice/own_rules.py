"""The practice's own rules: if (property, comparison, value) and ... then hold, warn or require a note.

A rule that cannot be evaluated is never passed over: it says so and keeps the claim. What can be asked is the
catalogue `PROPERTIES`; the page that explains it is made from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, get_args

from msgspec import Struct

from . import concurrency as conc
from .cases import PayerClass
from .coding import CONTINUOUS
from .scrub import CaseForScrub, Finding
from .times import age

Kind = Literal["money", "minutes", "number", "text", "choice", "date", "yesno"]
Then = Literal["hold", "warn", "note"]
Outcome = Literal["applies", "not", "unknown"]
KINDS: dict[Kind, str] = {
    "money": "Dollars", "minutes": "Minutes", "number": "Whole number", "text": "Words", "choice": "One of a list", "date": "Day",
    "yesno": "Yes or no",
}  # fmt: skip
THEN: dict[Then, str] = {"hold": "Hold the claim", "warn": "Warn", "note": "Ask for a note"}
MOST = 8
"""Conditions of one rule."""


class Subject(Struct, frozen=True, kw_only=True):
    """What a rule is asked about: a case as the built-in rules see it. Money is cents, or None when a price is missing."""

    case: CaseForScrub
    payer: str = ""
    pos: str = ""
    sequence: str = "P"
    frequency: str = "1"
    charge: Callable[[], int | None] = lambda: None
    expected: Callable[[], int | None] = lambda: None


class Property(Struct, frozen=True, kw_only=True):
    """Something a rule can ask. `read` gives None when it is not known, and several texts at once where there are many."""

    name: str
    label: str
    about: str
    kind: Kind
    words: str
    read: Callable[[Subject], Any]
    choices: dict[str, str] = {}


class Comparison(Struct, frozen=True, kw_only=True):
    """A way to compare. `holds` gets what the property says and the value of the rule; many texts come as a tuple."""

    name: str
    label: str
    kinds: tuple[Kind, ...]
    holds: Callable[[Any, Any], bool]
    of_days: str = ""
    """The words where days are compared, if they differ."""
    needs_value: bool = True

    def words(self, kind: Kind | None) -> str:
        """How it is said of values of this kind."""
        return (self.of_days or self.label) if kind == "date" else self.label


class Condition(Struct, frozen=True, array_like=True):
    """One row of a rule."""

    property: str
    comparison: str
    value: str = ""


class OwnRule(Struct, frozen=True, kw_only=True):
    """A version of a rule."""

    number: int
    name: str
    conditions: tuple[Condition, ...]
    then: Then
    message: str
    on: bool = True

    @property
    def id(self) -> str:
        return f"OWN-{self.number}"


class Verdict(Struct, frozen=True, kw_only=True):
    """What a rule comes to on a claim. `why` names what could not be evaluated."""

    outcome: Outcome
    why: tuple[str, ...] = ()


# The comparisons


_ORDERED: tuple[Kind, ...] = ("money", "minutes", "number", "date")
_WORDS: tuple[Kind, ...] = ("text",)
_EVERY: tuple[Kind, ...] = get_args(Kind)
COMPARISONS: dict[str, Comparison] = {
    one.name: one
    for one in (
        Comparison(name="is", label="is", kinds=_EVERY, holds=lambda said, want: _any(said, lambda x: x == want)),
        Comparison(
            name="is_not", label="is not", kinds=_EVERY, holds=lambda said, want: not _any(said, lambda x: x == want)
        ),
        Comparison(name="more", label="is more than", of_days="is after", kinds=_ORDERED, holds=lambda said, want: said > want),
        Comparison(name="least", label="is at least", of_days="is on or after", kinds=_ORDERED, holds=lambda said, want: said >= want),
        Comparison(name="less", label="is less than", of_days="is before", kinds=_ORDERED, holds=lambda said, want: said < want),
        Comparison(name="most", label="is at most", of_days="is on or before", kinds=_ORDERED, holds=lambda said, want: said <= want),
        Comparison(
            name="contains", label="contains", kinds=_WORDS, holds=lambda said, want: _any(said, lambda x: want in x)
        ),
        Comparison(
            name="lacks", label="does not contain", kinds=_WORDS,
            holds=lambda said, want: not _any(said, lambda x: want in x),
        ),
        Comparison(
            name="begins", label="begins with", kinds=_WORDS, holds=lambda said, want: _any(said, lambda x: x.startswith(want))
        ),
        Comparison(name="missing", label="is not recorded", kinds=_EVERY, needs_value=False, holds=lambda said, want: said is None),
        Comparison(name="known", label="is recorded", kinds=_EVERY, needs_value=False, holds=lambda said, want: said is not None),
    )
}  # fmt: skip


def _any(said: Any, test: Callable[[Any], bool]) -> bool:
    return any(test(one) for one in said) if isinstance(said, tuple) else test(said)


# The catalogue


def _names(people: Iterable[Any]) -> tuple[str, ...] | None:
    return tuple(person.name for person in people) or None


def _days_to_sign(subject: Subject) -> int | None:
    case = subject.case
    if not case.signatures or case.ended_at is None:
        return None
    return (min(one.at for one in case.signatures) - case.ended_at).days


def _minutes(mode: str) -> Callable[[Subject], int]:
    def read(subject: Subject) -> int:
        return sum(
            part.minutes for part in subject.case.coding.segments if (part.mode == "in_room") == (mode == "in_room")
        )

    return read


def _units(subject: Subject) -> int:
    return sum(line.units for line in subject.case.continuous)


def _modifiers(subject: Subject) -> tuple[str, ...] | None:
    return tuple(dict.fromkeys(mod for line in subject.case.lines for mod in line.modifiers)) or None


def _diagnoses(subject: Subject) -> tuple[str, ...] | None:
    return tuple(code.upper() for code in subject.case.diagnoses) or None


def _days_left(subject: Subject) -> int | None:
    by = subject.case.file_by
    return (by - subject.case.today).days if by else None


def _age(subject: Subject) -> int | None:
    born, day = subject.case.facts.header.patient.dob, subject.case.day
    return age(born, day) if born and day else None


def _network(subject: Subject) -> bool | None:
    return subject.case.billing.in_network


_CLASSES = {name: name.replace("_", " ").capitalize() for name in get_args(PayerClass)}
_POS = {
    "19": "19 off-campus outpatient", "21": "21 inpatient", "22": "22 outpatient", "24": "24 surgery center",
    "11": "11 office", "23": "23 emergency room",
}  # fmt: skip
_STATUS = {"completed": "Completed", "aborted": "Aborted", "incomplete": "Incomplete"}


def _claim(subject: Subject) -> Any:
    return subject.case.facts.header


PROPERTIES: dict[str, Property] = {
    one.name: one
    for one in (
        Property(name="claim.charge", label="Total charge", about="Claim", kind="money", words="The sum of the charges of all lines.", read=lambda s: s.charge()),
        Property(name="claim.expected", label="Expected payment", about="Claim", kind="money", words="What the contract or Medicare's schedule says the payer should allow.", read=lambda s: s.expected()),
        Property(name="claim.sequence", label="Which payer", about="Claim", kind="choice", words="Whether this payer is asked first, second or third.", read=lambda s: s.sequence, choices={"P": "First", "S": "Second", "T": "Third"}),
        Property(name="claim.frequency", label="Kind of claim", about="Claim", kind="choice", words="An original, a corrected or a void claim.", read=lambda s: s.frequency, choices={"1": "Original", "7": "Corrected", "8": "Void"}),
        Property(name="claim.days_left", label="Days until the filing limit", about="Claim", kind="number", words="Days from today to the payer's filing limit; below zero it is past.", read=_days_left),
        Property(name="claim.authorization", label="Authorization number", about="Claim", kind="text", words="The number the payer gave.", read=lambda s: s.case.billing.authorization or None),
        Property(name="claim.in_network", label="In network", about="Claim", kind="yesno", words="Whether the practice has a contract with the plan.", read=_network),
        Property(name="claim.diagnosis", label="Diagnosis code", about="Claim", kind="text", words="Any of the ICD-10-CM codes, such as M48.061.", read=_diagnoses),
        Property(name="case.day", label="Date of service", about="Case", kind="date", words="The day on which monitoring began.", read=lambda s: s.case.day),
        Property(name="case.procedure", label="Operation", about="Case", kind="text", words="The words in which the operation is described.", read=lambda s: _claim(s).procedure.text or None),
        Property(name="case.cpt", label="Surgeon's code", about="Case", kind="text", words="Any of the surgeon's own procedure codes.", read=lambda s: _claim(s).procedure.cpt or None),
        Property(name="case.status", label="How the case ended", about="Case", kind="choice", words="Completed, aborted, or not wholly recorded.", read=lambda s: s.case.facts.status, choices=_STATUS),
        Property(name="case.age", label="Patient's age", about="Case", kind="number", words="In years on the date of service.", read=_age),
        Property(name="case.minutes", label="Counted minutes", about="Case", kind="minutes", words="All minutes of monitoring that count.", read=lambda s: s.case.coding.counted_minutes),
        Property(name="case.minutes_remote", label="Remote minutes", about="Case", kind="minutes", words="Counted minutes read from elsewhere.", read=_minutes("remote")),
        Property(name="case.minutes_in_room", label="Minutes in the room", about="Case", kind="minutes", words="Counted minutes with the physician in the room.", read=_minutes("in_room")),
        Property(name="case.alerts", label="Signal alerts", about="Case", kind="number", words="How many signal alerts are recorded.", read=lambda s: len(s.case.facts.alerts)),
        Property(name="case.modality", label="Modality", about="Case", kind="text", words="Any of the modalities run, such as SSEP or TcMEP.", read=lambda s: tuple(dict.fromkeys(part.code for part in s.case.facts.modalities)) or None),
        Property(name="case.cases_at_once", label="Cases at once", about="Case", kind="number", words="The most cases the physician watched at the same time.", read=lambda s: conc.peak(s.case.facts)),
        Property(name="payer.name", label="Payer", about="Payer", kind="text", words="The payer's name, capitals do not matter.", read=lambda s: s.payer or None),
        Property(name="payer.class", label="Class of payer", about="Payer", kind="choice", words="Medicare, commercial and so on.", read=lambda s: _claim(s).payer_class, choices=_CLASSES),
        Property(name="payer.follows_cms", label="Follows Medicare's edits", about="Payer", kind="yesno", words="By the payer's rule of the day.", read=lambda s: s.case.rule.follows_cms if s.case.rule else None),
        Property(name="facility.name", label="Facility", about="Facility", kind="text", words="The hospital's name, capitals do not matter.", read=lambda s: _claim(s).facility.name or None),
        Property(name="facility.state", label="State", about="Facility", kind="text", words="Two letters, such as TX.", read=lambda s: _claim(s).facility.state),
        Property(name="facility.pos", label="Place of service", about="Facility", kind="choice", words="The two digits on the claim.", read=lambda s: s.pos or None, choices=_POS),
        Property(name="surgeon.name", label="Surgeon", about="Surgeon", kind="text", words="The surgeon's name, capitals do not matter.", read=lambda s: _claim(s).surgeon),
        Property(name="surgeon.interest", label="Surgeon's attestation", about="Surgeon", kind="choice", words="What the surgeon said of a financial relationship.", read=lambda s: s.case.interest or None, choices={"none": "None", "disclosed": "Disclosed"}),
        Property(name="people.physician", label="Interpreting physician", about="People", kind="text", words="Any physician of the case.", read=lambda s: _names(s.case.facts.staff.physicians)),
        Property(name="people.technologist", label="Technologist", about="People", kind="text", words="Any technologist of the case.", read=lambda s: _names(s.case.facts.staff.technologists)),
        Property(name="people.physicians", label="Number of physicians", about="People", kind="number", words="More than one means that somebody took over.", read=lambda s: len(s.case.facts.staff.physicians)),
        Property(name="lines.code", label="Code", about="Lines", kind="text", words="Any code on the claim, such as 95941.", read=lambda s: tuple(dict.fromkeys(line.code for line in s.case.lines)) or None),
        Property(name="lines.modifier", label="Modifier", about="Lines", kind="text", words="Any modifier on the claim, such as 59.", read=_modifiers),
        Property(name="lines.count", label="Number of lines", about="Lines", kind="number", words="Lines on the claim.", read=lambda s: len(s.case.lines)),
        Property(name="lines.units", label="Units of time", about="Lines", kind="number", words=f"Units of {', '.join(CONTINUOUS)} together.", read=_units),
        Property(name="report.signed", label="Report signed", about="Report", kind="yesno", words="Whether a physician has signed it.", read=lambda s: bool(s.case.signatures)),
        Property(name="report.days", label="Days until it was signed", about="Report", kind="number", words="Whole days from the end of monitoring to the first signature.", read=_days_to_sign),
        Property(name="report.op_note", label="Operative note on file", about="Report", kind="yesno", words="Whether it was added as a document.", read=lambda s: s.case.has_paper("op_note")),
        Property(name="report.by_model", label="Worded by a language model", about="Report", kind="yesno", words="Whether any sentence of it was.", read=lambda s: s.case.report.by_model > 0),
    )
}  # fmt: skip


# Reading what was typed


def parse(kind: Kind, text: str, choices: dict[str, str] | None = None) -> Any:
    """The value of a condition as its kind; ValueError with a sentence that says how to write it."""
    text = text.strip()
    if not text:
        raise ValueError("Give a value to compare with.")
    if kind == "money":
        try:
            cents = Decimal(text.replace("$", "").replace(",", "")) * 100
        except InvalidOperation:
            raise ValueError("Write dollars, such as 1250 or 1250.50.") from None
        if cents != cents.to_integral_value():
            raise ValueError("Write dollars with at most two digits after the point.")
        return int(cents)
    if kind in ("minutes", "number"):
        try:
            return int(text)
        except ValueError:
            raise ValueError("Write a whole number.") from None
    if kind == "date":
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise ValueError("Write the day as year-month-day, such as 2026-03-17.") from None
    if kind == "yesno":
        if text.lower() not in ("yes", "no"):
            raise ValueError("Write yes or no.")
        return text.lower() == "yes"
    if kind == "choice":
        known = choices or {}
        found = next((key for key, label in known.items() if text.lower() in (key.lower(), label.lower())), None)
        if found is None:
            raise ValueError(f"Choose one of: {', '.join(known.values())}.")
        return found
    return text.lower()


def problem(condition: Condition) -> str | None:
    """Why this row cannot be asked, in a sentence that says how to mend it; None when it can."""
    asked, how = PROPERTIES.get(condition.property), COMPARISONS.get(condition.comparison)
    if asked is None:
        return "Choose a property of the list."
    if how is None:
        return "Choose how to compare."
    if asked.kind not in how.kinds:
        fit = ", ".join(one.words(asked.kind) for one in COMPARISONS.values() if asked.kind in one.kinds)
        return f"{asked.label} cannot be compared with “{how.words(asked.kind)}”; choose one of: {fit}."
    if not how.needs_value:
        return None
    try:
        parse(asked.kind, condition.value, asked.choices)
    except ValueError as error:
        return f"{asked.label}: {error}"
    return None


def said(condition: Condition) -> str:
    """The row as people read it."""
    asked, how = PROPERTIES.get(condition.property), COMPARISONS.get(condition.comparison)
    label = asked.label if asked else condition.property
    value = condition.value if how is None or how.needs_value else ""
    if asked and asked.kind == "choice":
        value = asked.choices.get(value, value)
    return " ".join(
        filter(None, [label, how.words(asked.kind if asked else None) if how else condition.comparison, value])
    )


# Judging


def judge(rule: OwnRule, subject: Subject) -> Verdict:
    """All conditions together: one that is not so decides; else one that is not known does."""
    unknown = []
    for condition in rule.conditions:
        outcome, why = _judged(condition, subject)
        if outcome is False:
            return Verdict(outcome="not")
        if outcome is None:
            unknown.append(why)
    if not rule.conditions:
        return Verdict(outcome="unknown", why=("it has no conditions",))
    return Verdict(outcome="unknown", why=tuple(unknown)) if unknown else Verdict(outcome="applies")


def _judged(condition: Condition, subject: Subject) -> tuple[bool | None, str]:
    if wrong := problem(condition):
        return None, wrong.rstrip(".")
    asked, how = PROPERTIES[condition.property], COMPARISONS[condition.comparison]
    value = asked.read(subject)
    if asked.kind == "text" and value is not None:
        value = tuple(one.lower() for one in value) if isinstance(value, tuple) else value.lower()
    if not how.needs_value:
        return how.holds(value, None), ""
    if value is None:
        return None, f"{asked.label[:1].lower()}{asked.label[1:]} is not known"
    return how.holds(value, parse(asked.kind, condition.value, asked.choices)), ""


def finding(rule: OwnRule, subject: Subject) -> Finding | None:
    """What the rule says of this claim. One that cannot be evaluated keeps the claim, whatever it was to do."""
    return told(rule, judge(rule, subject))


def told(rule: OwnRule, verdict: Verdict) -> Finding | None:
    """The finding that a verdict comes to."""
    if verdict.outcome == "not":
        return None
    source = "the practice's own rule"
    if verdict.outcome == "unknown":
        message = f"{rule.name} could not be evaluated: {'; '.join(verdict.why)}. The claim is held until it can be, or somebody lets it go."
        return Finding(id=rule.id, severity="error", message=message, where="rules", source=source)
    mend = {"hold": "Held until somebody lets it go.", "note": "Write a note to let it go.", "warn": ""}[rule.then]
    message = " ".join(filter(None, [f"{rule.name}:", rule.message, mend]))
    severity = "warn" if rule.then == "warn" else "error"
    return Finding(id=rule.id, severity=severity, message=message, where="rules", source=source)


def findings(rules: Iterable[OwnRule], subject: Subject) -> list[Finding]:
    """What the practice's own rules say of this claim."""
    return [found for rule in rules if (found := finding(rule, subject))]


def holds(rule: OwnRule, subject: Subject) -> bool:
    """Whether the claim is held: the rule says so, or it cannot be evaluated."""
    outcome = judge(rule, subject).outcome
    return outcome == "unknown" or (outcome == "applies" and rule.then == "hold")
