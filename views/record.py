"""Keeping the record at the desk: the working page, now buttons, a form for each kind, status grids."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from flask import Blueprint, abort, current_app, flash, redirect, request, url_for
from werkzeug.datastructures import MultiDict
from wtforms import Field, RadioField, SelectField, StringField, TextAreaField
from wtforms.form import BaseForm

import views
from actions import Refused, audit, records
from models import Assignment, Case, Entry, Person, Preset
from practice import cases as c
from practice import completeness, keying, kinds, wording, worksheet
from practice import record as r
from practice.telling import describe
from practice.times import clock, instants
from views import actor, now, page, roles, signed_in

bp = Blueprint("record", __name__)

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
        self.rows = {row.client_id: row for row in Entry.select().where(Entry.case == case.id)}
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


def find_case(id: int) -> Case:
    return Case.visible_to(views.me()).where(Case.id == id).first() or abort(404)


def find_entry(id: int) -> Entry:
    row = Entry.get_or_none(Entry.id == id)
    if row is None or row.kind in worksheet.ACTS:
        abort(404)
    row.case = find_case(row.case_id)
    return row


def writing(case: Case, kind: str) -> Record:
    """The record, if I may write entries of this kind: 403 when not, refused when the case is signed."""
    if case.signed_at:
        raise Refused(records.SIGNED)
    sheet = Record(case)
    if not sheet.may(kind):
        abort(403)
    return sheet


# The form of a kind


def _options(field: kinds.Field, sheet: Record) -> list[tuple[str, str]]:
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
            offered = [("yes", "Yes"), ("no", "No")] if field.widget == "yesno" else _options(field, sheet)
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


def _show_form(sheet: Record, kind: str, values: Mapping[str, str], status: int = 200, *, row: Entry | None = None, doubts: list[str] | None = None, bad: keying.BadFields | None = None, more: str = ""):  # fmt: skip
    key = f"entry-{row.id}" if row else f"new-{kind}"
    form, questions = entry_form(sheet, kind, values, key=key, bad=bad, more=more, only=sheet.only(kind))
    return page(
        "record/entry.html", status, case=sheet.case, kind=kinds.KINDS[kind], form=form, questions=questions,
        key=key, row=row, doubts=doubts or [], zone=sheet.case.facility.zone, fresh=_client_id(values),
    )  # fmt: skip


def _client_id(values: Mapping[str, str]) -> str:
    """The id the page made, so that sending it twice keeps it once; a new one when it is none."""
    try:
        return str(uuid.UUID(values.get("client_id", "")))
    except ValueError:
        return str(uuid.uuid4())


@bp.get("/cases/<row:id>/entries/new/<kind>")
@roles("owner", "technologist", "physician")
def new(id: int, kind: str):
    case = find_case(id)
    if kind not in kinds.KINDS or kind in worksheet.ACTS:
        abort(404)
    sheet = writing(case, kind)
    if sheet.only(kind):
        abort(403)
    before = [entry for entry in r.current(sheet.entries) if entry.kind == kind]
    values = keying.empty(kind, sheet.facts, before[-1] if before else None)
    asked = {field.name: field for field in kinds.KINDS[kind].fields}
    for name, value in request.args.items():
        # A jump may say which alert or response is meant; nothing else is filled in from outside.
        if name in asked and asked[name].source and value in sheet.standing:
            values[name] = sheet.standing[value]
    audit.viewed(actor(), "record", case_id=case.id)
    return _show_form(sheet, kind, values)


@bp.post("/cases/<row:id>/entries")
@roles("owner", "technologist", "physician")
def create(id: int):
    case = find_case(id)
    kind = request.form.get("kind", "")
    if kind not in kinds.KINDS or kind in worksheet.ACTS:
        abort(404)
    sheet = writing(case, kind)
    if sheet.only(kind):
        abort(403)
    return _take(sheet, kind)


@bp.get("/entries/<row:id>/edit")
@roles("owner", "technologist", "physician")
def edit(id: int):
    row = find_entry(id)
    sheet = writing(row.case, row.kind)
    audit.viewed(actor(), "record", case_id=row.case_id)
    return _show_form(sheet, row.kind, sheet.filled(row.as_entry()), row=row)


@bp.post("/entries/<row:id>/correction")
@roles("owner", "technologist", "physician")
def correct(id: int):
    row = find_entry(id)
    return _take(writing(row.case, row.kind), row.kind, row)


def _take(sheet: Record, kind: str, row: Entry | None = None):
    """Read what was typed and append it; ask again, with all that was typed, when it will not do."""
    values = request.form.to_dict()
    if more := values.get("more"):
        return _show_form(sheet, kind, values, row=row, more=more)
    only = sheet.only(kind)
    typed = {name: value for name, value in values.items() if not only or name.removesuffix("_zone") in only}
    previous = row.as_entry() if row else None
    try:
        parsed = sheet.parse(kind, typed, previous)
    except keying.BadFields as bad:
        return _show_form(sheet, kind, values, 422, row=row, bad=bad)
    if set(parsed.doubts) - set(request.form.getlist("sure")):
        return _show_form(sheet, kind, values, 422, row=row, doubts=parsed.doubts)
    if previous and sheet.same(parsed, previous):
        flash("Nothing was different, so nothing was changed.")
        return done(sheet.case, kind)
    entry = r.Entry(
        client_id=_client_id(values), at=parsed.at, data=parsed.data, entered_at=now(),
        replaces=row.client_id if row else None,
    )  # fmt: skip
    try:
        records.append(sheet.case, [entry], by=actor(), now=now())
    except Refused as refused:
        bad = keying.BadFields({next(f.name for f in kinds.KINDS[kind].fields): " ".join(refused.reasons)})
        return _show_form(sheet, kind, values, 422, row=row, bad=bad)
    flash(" ".join(["Saved.", *parsed.taken]))
    return done(sheet.case, kind)


def done(case: Case, kind: str = ""):
    """Back to the working page: the whole of it, or its part in place when htmx asked."""
    if views.is_part():
        answer = _working(case, "record/show.html")
        answer.headers["HX-Retarget"] = "#record"
        answer.headers["HX-Reswap"] = "outerHTML"
        return answer
    anchor = kinds.KINDS[kind].group if kind else None
    return redirect(url_for("record.show", id=case.id, _anchor=anchor), 303)


# Striking and choosing


@bp.get("/entries/<row:id>/strike")
@roles("owner", "technologist", "physician")
def striking(id: int):
    row = find_entry(id)
    sheet = _mine(row)
    audit.viewed(actor(), "record", case_id=row.case_id)
    return page("record/strike.html", case=row.case, row=row, words=_words(sheet, row), fresh=str(uuid.uuid4()))


@bp.post("/entries/<row:id>/strike")
@roles("owner", "technologist", "physician")
def strike(id: int):
    row = find_entry(id)
    _mine(row)
    reason = request.form.get("reason", "")[:400]
    records.strike(row, reason=reason, by=actor(), now=now(), client_id=_client_id(request.form))
    flash("Struck. It stays in the record, under what was replaced and struck.")
    return done(row.case, row.kind)


def _mine(row: Entry) -> Record:
    sheet = writing(row.case, row.kind)
    if sheet.only(row.kind):
        abort(403)
    return sheet


def _words(sheet: Record, row: Entry) -> str:
    return describe(row.as_entry(), sheet.facts, sheet.standing)


@bp.post("/cases/<row:id>/conflicts")
@roles("owner", "technologist", "physician")
def settle(id: int):
    sheet = Record(find_case(id))
    keep = request.form.get("keep", "")
    conflict = next((one for one in sheet.facts.conflicts if keep in one.versions), None)
    if conflict is None:
        raise Refused("There is nothing to choose any more: somebody chose before you. Reload the page.")
    writing(sheet.case, next(row.kind for row in sheet.rows.values() if row.client_id == conflict.original))
    records.settle(sheet.case, conflict, keep=keep, by=actor(), now=now())
    flash("The version you chose stands. The other stays in the record.")
    return done(sheet.case)


# One tap


@bp.post("/cases/<row:id>/now/<what>", endpoint="now")
@roles("owner", "technologist", "physician")
def stamp(id: int, what: str):
    case = find_case(id)
    if what not in worksheet.TAPS:
        abort(404)
    sheet = writing(case, "presence" if what in worksheet.CONNECTIONS else "event")
    client_id = _client_id(request.form)
    if Entry.select().where(Entry.client_id == client_id, Entry.case == case.id).exists():
        return done(case)  # the same tap, sent twice
    at = now().replace(microsecond=0)
    made: list[r.Entry] = []
    physician = None
    if what in worksheet.CONNECTIONS:
        physician = _physician(sheet, views.me(), at, made)
    try:
        data, moment, replaces = worksheet.stamp(
            what, at, sheet.facts, alert=sheet.standing.get(request.form.get("alert", ""), ""), physician=physician
        )
    except worksheet.CannotStamp as error:
        raise Refused(str(error)) from error
    made.append(r.Entry(client_id=client_id, at=moment, data=data, entered_at=now(), replaces=replaces))
    records.append(case, made, by=actor(), now=now())
    flash(f"{at.astimezone(sheet.zone):%H:%M} stamped. Edit or strike it below if it was a slip.")
    return done(case)


def _physician(sheet: Record, person: Person, at: datetime, made: list[r.Entry]) -> c.Physician:
    """Who I am in the record; an entry that says so is added when I am not in it yet."""
    if "physician" not in sheet.my_roles:
        abort(403)
    for one in sheet.facts.staff.physicians:
        if one.name in (person.name, person.signing_name):
            return one
    entry = r.Entry(
        client_id=str(uuid.uuid5(uuid.NAMESPACE_OID, f"evoked/{sheet.case.id}/physician/{person.id}")),
        at=None, data=r.Staff(role="physician", name=person.signing_name, person=person.id), entered_at=at,
    )  # fmt: skip
    made.append(entry)
    return c.Physician(id="", name=person.signing_name, src=entry.client_id)


@bp.post("/cases/<row:id>/preset")
@roles("owner", "technologist")
def preset(id: int):
    case = find_case(id)
    writing(case, "modality")
    chosen = request.form.get("preset", "")
    known = Preset.get_or_none(Preset.id == int(chosen)) if chosen.isdigit() and len(chosen) < 10 else None
    if known is None:
        raise Refused("Choose a preset.")
    added = records.plan(case, known, by=actor(), now=now())
    flash(
        f"{len(added)} entries put in place. They say what is run, nothing that was measured."
        if added
        else "All of it was there already."
    )
    return done(case)


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


def _grid_cells(sheet: Record, what: str, typed: Mapping[str, str] | None, bad: Mapping[str, str]) -> list[Cell]:
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


def _grid(case: Case, what: str):
    sheet = writing(case, "baseline")
    if request.method == "GET":
        audit.viewed(actor(), "record", case_id=case.id)
        return _show_grid(sheet, what)
    typed = request.form.to_dict()
    if everything := typed.get("all"):
        _fill_all(sheet, what, typed, everything)
    made, errors, doubts = _read_grid(sheet, what, typed)
    doubts = [doubt for doubt in doubts if doubt not in request.form.getlist("sure")]
    if errors or doubts:
        return _show_grid(sheet, what, typed, errors, doubts)
    try:
        records.append(case, made, by=actor(), now=now())
    except Refused as refused:
        return _show_grid(sheet, what, typed, {"": " ".join(refused.reasons)})
    flash(f"{len(made)} responses saved." if made else "Nothing was different, so nothing was changed.")
    return redirect(url_for("record.show", id=case.id, _anchor="baselines" if what == "baselines" else "closing"), 303)


def _fill_all(sheet: Record, what: str, typed: dict[str, str], state: str) -> None:
    """The one tap that says all of them: responses that have no state yet get it, the others keep theirs."""
    for row in _responses(sheet, what):
        name = f"{'quality' if what == 'baselines' else 'status'}-{row.src}"
        if not typed.get(name) and not (what == "closing" and typed.get(f"pct-{row.src}")):
            typed[name] = "quiet" if what == "baselines" and row.modality == "EMG" else state


def _read_grid(sheet: Record, what: str, typed: Mapping[str, str]) -> tuple[list[r.Entry], dict[str, str], list[str]]:
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


def _show_grid(sheet: Record, what: str, typed: Mapping[str, str] | None = None, bad: Mapping[str, str] | None = None, doubts: list[str] | None = None):  # fmt: skip
    status = 422 if bad or doubts else 200
    return page(
        "record/grid.html", status, case=sheet.case, what=what, cells=_grid_cells(sheet, what, typed, bad or {}),
        reasons=list((bad or {}).values()), doubts=doubts or [],
        quiet=any(row.modality == "EMG" and row.quality is None for row in sheet.facts.baselines.rows),
    )  # fmt: skip


@bp.route("/cases/<row:id>/baselines", methods=["GET", "POST"])
@roles("owner", "technologist", "physician")
def baselines(id: int):
    return _grid(find_case(id), "baselines")


@bp.route("/cases/<row:id>/closing-values", methods=["GET", "POST"])
@roles("owner", "technologist", "physician")
def closing(id: int):
    return _grid(find_case(id), "closing")


# The working page


@bp.get("/cases/<row:id>/record")
@signed_in
def show(id: int):
    case = find_case(id)
    audit.viewed(actor(), "record", case_id=case.id)
    return _working(case, "record/show.html")


def _working(case: Case, template: str):
    sheet = Record(Case.get_by_id(case.id))
    facts = sheet.facts
    people = {person.id: person.name for person in Person.select(Person.id, Person.name)}
    gaps = [(gap, jump(sheet, gap)) for gap in completeness.missing(facts)]
    return page(
        template,
        case=sheet.case, sheet=sheet, facts=facts, rows=sheet.rows, people=people,
        groups=worksheet.groups(sheet.entries, facts), taps=worksheet.taps(facts), gaps=gaps,
        past=worksheet.past(sheet.entries, facts), disputes=worksheet.disputes(sheet.entries, facts),
        negatives=[one for one in worksheet.NEGATIVES if one[0] not in facts.stated and not _contradicted(facts, one[0])],
        open_alerts=[one for one in facts.alerts if one.resolution is None or one.resolution.status is None],
        connected=any(one.connect and not one.disconnect for one in facts.physician_log),
        presets=list(Preset.select().where(Preset.archived_at.is_null()).order_by(Preset.name)) if sheet.keeps else [],
        listeners=worksheet.LISTENERS, fresh=lambda: str(uuid.uuid4()),
    )  # fmt: skip


def _contradicted(facts: c.Facts, negative: str) -> bool:
    """Whether the record holds what the negative would deny."""
    return bool(
        {"no_alerts": facts.alerts, "no_breaks": facts.time.breaks, "no_stim_tests": facts.stim_tests}[negative]
    )


def jump(sheet: Record, gap: completeness.Missing) -> str:
    """The page where this is filled in; nothing where it cannot be by me."""
    target, case = worksheet.jump(gap.field), sheet.case
    row = sheet.rows.get(gap.src)
    if target.startswith("#"):
        return target
    if target == "header":
        known = "cases.edit" in current_app.view_functions and sheet.keeps
        return url_for("cases.edit", id=case.id) if known else ""
    if target in ("baselines", "closing"):
        return url_for(f"record.{target}", id=case.id) if sheet.keeps else ""
    if row and (not target or target == row.kind):
        return url_for("record.edit", id=row.id) if sheet.may(row.kind) else ""
    if not target or not sheet.may(target) or sheet.only(target):
        return ""
    alert = {"alert": gap.src} if row and row.kind == "alert" else {}
    return url_for("record.new", id=case.id, kind=target, **alert)
