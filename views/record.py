"""Keeping the record at the desk: the working page, now buttons, a form for each kind, status grids."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

from flask import Blueprint, abort, current_app, flash, redirect, request, url_for

import views
from actions import Refused, audit, records
from models import Case, Entry, Person, Preset
from practice import cases as c
from practice import completeness, keying, kinds, worksheet
from practice import record as r
from practice.phone import clock_words
from practice.telling import describe
from views import actor, now, page, phone, roles, signed_in
from views.record_forms import Record, entry_form, fill_all, grid_cells, options, read_grid

bp = Blueprint("record", __name__)


def find_case(id: int) -> Case:
    return Case.seen_by(views.me(), id) or abort(404)


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
    for name, field in asked.items():
        # The one alert or physician there is needs no choosing.
        if field.required and field.source and len(only := options(field, sheet)) == 1:
            values[name] = only[0][0]
    audit.viewed(actor(), "record", case_id=case.id)
    return _show_form(sheet, kind, values)


@bp.post("/cases/<row:id>/entries")
@roles("owner", "technologist", "physician")
def create(id: int):
    case = find_case(id)
    if request.is_json:
        return phone.take(case)
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
    """Back to the working page: its part in place when htmx asked from there, else the whole of it."""
    anchor = kinds.KINDS[kind].group if kind else None
    there = url_for("record.show", id=case.id, _anchor=anchor)
    if not views.is_part():
        return redirect(there, 303)
    if urlsplit(request.headers.get("HX-Current-URL", "")).path != url_for("record.show", id=case.id):
        return "", 200, {"HX-Redirect": there}
    answer = _working(case, "record/show.html")
    answer.headers["HX-Retarget"] = "#record"
    answer.headers["HX-Reswap"] = f"outerHTML show:#{anchor}:top" if kind else "outerHTML"
    return answer


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
    flash(
        f"{worksheet.label(what)} stamped {at.astimezone(sheet.zone):%H:%M}. Edit or strike it below if it was a slip."
    )
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


# Status grids


def _grid(case: Case, what: str):
    sheet = writing(case, "baseline")
    if request.method == "GET":
        audit.viewed(actor(), "record", case_id=case.id)
        return _show_grid(sheet, what)
    typed = request.form.to_dict()
    if everything := typed.get("all"):
        fill_all(sheet, what, typed, everything)
    made, errors, doubts = read_grid(sheet, what, typed)
    doubts = [doubt for doubt in doubts if doubt not in request.form.getlist("sure")]
    if errors or doubts:
        return _show_grid(sheet, what, typed, errors, doubts)
    try:
        records.append(case, made, by=actor(), now=now())
    except Refused as refused:
        return _show_grid(sheet, what, typed, {"": " ".join(refused.reasons)})
    flash(f"{len(made)} responses saved." if made else "Nothing was different, so nothing was changed.")
    return redirect(url_for("record.show", id=case.id, _anchor="baselines" if what == "baselines" else "closing"), 303)


def _show_grid(sheet: Record, what: str, typed: Mapping[str, str] | None = None, bad: Mapping[str, str] | None = None, doubts: list[str] | None = None):  # fmt: skip
    status = 422 if bad or doubts else 200
    return page(
        "record/grid.html", status, case=sheet.case, what=what, cells=grid_cells(sheet, what, typed, bad or {}),
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
    sheet = Record(Case.with_header(case.id))
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
        clock_mark=lambda row: tuple(filter(None, [clock_words(row.offset_ms)])),
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
