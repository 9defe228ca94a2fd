"""The forms of the record: one for each kind of entry, as practice.kinds declares it, and the grids of responses."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from werkzeug.datastructures import MultiDict
from wtforms import Field, RadioField, SelectField, StringField, TextAreaField
from wtforms.form import BaseForm

import views
from actions import records
from models import Assignment, Case
from practice import cases as c
from practice import keying, kinds, wording
from practice import record as r
from practice.times import clock, instants
from views import now

PHYSICIANS = ("presence", "physician_note", "alert_note", "impression", "baseline_set")
"""What an assigned physician keeps; of a baseline set the review alone."""
REVIEW = ("reviewed_by", "reviewed_at")
FEW = 6
"""So many choices are shown as chips, more as a list."""


class DecimalField(StringField):
    """A number kept as it was typed: practice.keying reads it, so that 17 and 17.0 stay what they are."""


class TimeField(StringField):
    """A local time as it was typed; 24 hours, whatever the browser's language is."""


class Record:
    """One case's record while a request looks at it."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.rows = {row.client_id: row for row in case.rows()}
        self.entries = [row.as_entry() for row in self.rows.values()]
        self.facts = records.fold(case, self.entries)
        self.zone = ZoneInfo(case.facility.zone)
        self.day = case.date_of_service
        self.standing = keying.standing(self.entries, self.facts)
        mine = Assignment.select(Assignment.role).where(
            Assignment.case == case.id, Assignment.person == views.me().id
        )  # fmt: skip
        self.my_roles = {role for (role,) in mine.tuples() if views.me().has(role)}

    @property
    def began(self) -> datetime | None:
        """The first time of the case, by which a time after midnight finds its day."""
        return min(instants(self.facts), default=self.case.starts_at)

    def may(self, kind: str) -> bool:
        """Whether I may add or change entries of this kind."""
        if self.case.signed_at:
            return False
        if kind in PHYSICIANS and "physician" in self.my_roles:
            return True
        return kind != "impression" and (views.me().has("owner") or "technologist" in self.my_roles)

    @property
    def keeps(self) -> bool:
        """Whether I keep this record as its technologist or as the owner."""
        return self.may("event")

    def only(self, kind: str) -> tuple[str, ...]:
        """The fields I may fill in, when they are not all."""
        return REVIEW if kind == "baseline_set" and not self.keeps else ()

    def parse(self, kind: str, fields: keying.Typed, previous: r.Entry | None = None) -> keying.Parsed:
        parsed = keying.parse(
            kind, fields, zone=self.zone, day=self.day, previous=previous, began=self.began, now=now()
        )  # fmt: skip
        data = keying.computed(parsed.data, self.facts, self.standing)
        return msgspec.structs.replace(parsed, data=data)

    def same(self, parsed: keying.Parsed, previous: r.Entry) -> bool:
        """Whether what was typed says what the entry says already."""
        said = [keying.resolved(data, self.standing) for data in (parsed.data, previous.data)]
        return said[0] == said[1] and parsed.at == previous.at

    def filled(self, entry: r.Entry) -> dict[str, str]:
        return keying.filled(entry, zone=self.zone, day=self.day, standing=self.standing)


def options(field: kinds.Field, sheet: Record) -> list[tuple[str, str]]:
    """What may be chosen: the choices of the kind, or what the record holds."""
    facts, shown = sheet.facts, clock(sheet.facts)
    people = {
        "technologists": facts.staff.technologists,
        "physicians": facts.staff.physicians,
        "staff": (*facts.staff.technologists, *facts.staff.physicians),
    }
    match field.source:
        case "":
            return list(field.choices)
        case "baselines":
            return [(row.src, response_name(row)) for row in facts.baselines.rows]
        case "tests":
            return [(test.src, f"{test.id} {test.level or ''} {test.side or ''}".strip()) for test in facts.stim_tests]
        case "alerts":
            return [(one.src, f"{one.id} {one.modality} {shown.time(one.t) if one.t else ''}") for one in facts.alerts]
        case "segments":
            return [(one.src, f"{one.id} {shown.span(one.start, one.end, '?')}") for one in facts.time.segments]
        case "connections":
            named = [(one.src, facts.person_name(one.physician), one) for one in facts.physician_log]
            return [(src, f"{name} {shown.span(one.connect, one.disconnect, '?')}") for src, name, one in named]
    return [(person.src, person.name) for person in people[field.source]]


def response_name(row: c.Baseline) -> str:
    """Left ulnar SSEP N20"""
    return wording.capital(" ".join(filter(None, [wording.response(row), row.peak])))


def _widget(field: kinds.Field, sheet: Record, value: str, id: str) -> Field:
    """The form field that asks this question. Optional choices can be left or taken back."""
    words = {"label": field.label, "description": field.hint, "id": id}
    match field.widget:
        case "choice" | "yesno":
            offered = [("yes", "Yes"), ("no", "No")] if field.widget == "yesno" else options(field, sheet)
            if value and value not in dict(offered):
                offered.append((value, f"{value} (not in the record)"))
            if not field.required:
                offered.insert(0, ("", "Not said"))
            few = len(offered) <= FEW and not field.source
            return (RadioField if few else SelectField)(choices=offered if few or not field.required else [("", "Choose"), *offered], validate_choice=False, **words)  # fmt: skip
        case "number" | "whole":
            return DecimalField(**words)
        case "time":
            return TimeField(**words)
        case "lines" | "list":
            return TextAreaField(**words)
    return StringField(**words, render_kw={"list": f"{id}-list"} if field.suggest else None)


class Question(msgspec.Struct):
    """A field of the page: what is asked, its form fields (many for a list), the zones to choose from."""

    asked: kinds.Field
    field: Any = None
    zones: Any = None
    rows: list[list[Question]] = []  # noqa: RUF012  a struct copies its default


def entry_form(
    sheet: Record,
    kind: str,
    values: Mapping[str, str],
    *,
    key: str,
    bad: keying.BadFields | None = None,
    more: str = "",
    only: tuple[str, ...] = (),
) -> tuple[BaseForm, list[Question]]:
    """The form of a kind with what was typed, and the questions in the order they are asked."""
    unbound: dict[str, Field] = {}
    questions: list[Question] = []
    zones = bad.zones if bad else {}

    def ask(field: kinds.Field, name: str) -> Question:
        id = f"{key}-{name}".replace(".", "-")
        unbound[name] = _widget(field, sheet, values.get(name, ""), id)
        question = Question(field, name)
        if name in zones or values.get(f"{name}_zone"):
            offered = zones.get(name) or (values[f"{name}_zone"],)
            unbound[f"{name}_zone"] = RadioField(
                f"Which {field.label.lower()}", choices=[(one, one) for one in offered], validate_choice=False, id=f"{id}-zone"
            )  # fmt: skip
            question.zones = f"{name}_zone"
        return question

    for field in kinds.KINDS[kind].fields:
        if only and field.name not in only:
            continue
        if field.widget != "rows":
            questions.append(ask(field, field.name))
            continue
        typed = values.get(f"{field.name}-count", "")
        count = min(int(typed), keying.MAX_ROWS) if typed.isdigit() and len(typed) < 4 else 0
        count = max(1, count + (more == field.name))
        rows = [[ask(one, f"{field.name}-{index}-{one.name}") for one in field.columns] for index in range(count)]
        questions.append(Question(field, None, None, rows))
    form = BaseForm(unbound)
    form.process(MultiDict(values))
    for name, sentence in (bad.errors if bad else {}).items():
        (form[name] if name in form else next(iter(form))).errors = [sentence]
    for question in questions:
        for one in (question, *(cell for row in question.rows for cell in row)):
            one.field = form[one.field] if one.field else None
            one.zones = form[one.zones] if one.zones else None
    return form, questions


# Status grids: one row for each response


class Cell(msgspec.Struct):
    """A response in a grid, with the fields of its row."""

    src: str
    label: str
    fields: list[Any]
    note: str = ""


BASELINE_STATES = ("good", "reduced", "poor", "absent")
QUIET_STATES = ("quiet", "active", "absent")
CLOSING_STATES = ("at baseline", "changed", "not recorded")


def _responses(sheet: Record, what: str) -> list[c.Baseline]:
    """The rows of a grid. What was absent at baseline was not monitored (report-and-phone.md 1.2 D)."""
    return [row for row in sheet.facts.baselines.rows if what == "baselines" or row.quality != "absent"]


def grid_cells(sheet: Record, what: str, typed: Mapping[str, str] | None, bad: Mapping[str, str]) -> list[Cell]:
    cells = []
    closed = {row.ref: row for row in sheet.facts.closing.rows} if sheet.facts.closing else {}
    for row in _responses(sheet, what):
        if what == "baselines":
            states = QUIET_STATES if row.modality == "EMG" else BASELINE_STATES
            asked = (
                ("quality", "Quality", row.quality),
                ("lat_ms", "Latency", row.lat_ms),
                ("amp_uv", "Amplitude", row.amp_uv),
            )
        else:
            was = closed.get(row.id)
            states = CLOSING_STATES
            asked = (("status", "State", was and was.status), ("pct", "Of baseline", was and was.pct))
        values, unbound = {}, {}
        for name, label, value in asked:
            full = f"{name}-{row.src}"
            values[full] = (typed or {}).get(full, "") if typed is not None else ("" if value is None else str(value))
            if name in ("quality", "status"):
                offered = list(states)
                if values[full] and values[full] not in offered:
                    offered.append(values[full])
                choices = [("", "Not said"), *((one, one.capitalize()) for one in offered)]
                unbound[full] = RadioField(label, choices=choices, validate_choice=False, id=full)
            else:
                unbound[full] = DecimalField(label, id=full)
        form = BaseForm(unbound)
        form.process(MultiDict(values))
        for name in unbound:
            if name in bad:
                form[name].errors = [bad[name]]
        cells.append(Cell(row.src, response_name(row), list(form)))
    return cells


def fill_all(sheet: Record, what: str, typed: dict[str, str], state: str) -> None:
    """The one tap that says all of them: responses that have no state yet get it, the others keep theirs."""
    for row in _responses(sheet, what):
        name = f"{'quality' if what == 'baselines' else 'status'}-{row.src}"
        if not typed.get(name) and not (what == "closing" and typed.get(f"pct-{row.src}")):
            typed[name] = "quiet" if what == "baselines" and row.modality == "EMG" else state


def read_grid(sheet: Record, what: str, typed: Mapping[str, str]) -> tuple[list[r.Entry], dict[str, str], list[str]]:
    """The entries that differ from what stands, and every mistake by the name of its field."""
    made: list[r.Entry] = []
    errors: dict[str, str] = {}
    doubts: list[str] = []
    closed = {row.ref: row.src for row in sheet.facts.closing.rows} if sheet.facts.closing else {}
    kind, names = (
        ("baseline", ("quality", "lat_ms", "amp_uv")) if what == "baselines" else ("closing_value", ("status", "pct"))
    )
    for row in _responses(sheet, what):
        fields = {name: typed[f"{name}-{row.src}"] for name in names if f"{name}-{row.src}" in typed}
        src = row.src if what == "baselines" else closed.get(row.id)
        if not fields or (src is None and not any(fields.values())):
            continue
        previous = sheet.rows[src].as_entry() if src else None
        if what == "closing":
            fields["ref"] = sheet.filled(previous)["ref"] if previous else row.src
        try:
            parsed = sheet.parse(kind, fields, previous)
        except keying.BadFields as bad:
            errors |= {
                f"{name}-{row.src}": f"{response_name(row)}: {sentence}" for name, sentence in bad.errors.items()
            }
            continue
        if not (previous and sheet.same(parsed, previous)):
            doubts += [f"{response_name(row)}: {doubt}" for doubt in parsed.doubts]
            made.append(
                r.Entry(client_id=str(uuid.uuid4()), at=parsed.at, data=parsed.data, entered_at=now(), replaces=src)
            )
    return made, errors, doubts
