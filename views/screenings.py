"""Exclusion screening: where everybody stands, the lists and their age, hits to decide, certificates."""

from __future__ import annotations

import re
import shutil
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

from flask import Blueprint, abort, flash, redirect, request, url_for
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import BooleanField, DateField, RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length, Optional

import tasks
from actions import Refused, audit, screenings
from models import SETTINGS, Decision, Hit, Job, Party, Person, Screened, Screening, Snapshot, Surgeon
from practice import exclusions, screening
from views import actor, me, now, page, polled, roles
from views.people import stripped

bp = Blueprint("screenings", __name__)
STATES = {
    "clear": ("ok", "Clear"),
    "review": ("due", "To decide"),
    "hit": ("blocked", "Excluded"),
    "due": ("due", "Due"),
    "never": ("due", "Never screened"),
}
KINDS = {"person": "Person", "surgeon": "Surgeon", "vendor": "Vendor", "entity": "Surgeon's entity"}
LISTS = [("leie", "OIG LEIE (UPDATED.csv)"), ("sam", "SAM.gov exclusions"), ("state", "List of a state")]
EARLIER = 24


def words(value: str | None) -> list[str]:
    """One entry a line or between semicolons."""
    return [one.strip() for one in re.split(r"[;\n]", value or "") if one.strip()]


class ListForm(FlaskForm):
    list = SelectField("List", choices=LISTS)
    state = StringField("State", [Length(max=2)], filters=[stripped])
    made_on = DateField("Date of the list", [Optional()])
    file = FileField("File", [FileRequired("Choose the CSV file.")])
    allow_small = BooleanField("This list is as small as it is meant to be")

    @property
    def name(self) -> str:
        return f"state-{(self.state.data or '').lower()}" if self.list.data == "state" else self.list.data


class PartyForm(FlaskForm):
    aliases = TextAreaField("Other names", [Length(max=1000)])
    dob = StringField("Birth date", [Length(max=10)], filters=[stripped])
    npi = StringField("NPI", [Length(max=10)], filters=[stripped])
    states = StringField("States", [Length(max=200)], filters=[stripped])

    def values(self) -> dict[str, Any]:
        states = [one.upper() for one in re.split(r"[\s,;]+", self.states.data or "") if one]
        return {"aliases": words(self.aliases.data), "npi": self.npi.data or "", "states": states}


class FirmForm(PartyForm):
    name = StringField("Name of the firm", [DataRequired("Type the name."), Length(max=200)], filters=[stripped])
    kind = RadioField("What it is", choices=[("vendor", "Vendor"), ("entity", "Surgeon's entity")], default="vendor")
    surgeon = SelectField("Surgeon", coerce=int)


class ClearanceForm(FlaskForm):
    why = TextAreaField("Reason", [DataRequired("Say in a sentence why."), Length(max=1000)], filters=[stripped])


class DecisionForm(FlaskForm):
    what = RadioField("Decision", choices=list(screenings.DECISIONS.items()), validators=[DataRequired("Choose one.")])
    reason = TextAreaField("Reason", [DataRequired("Say in a sentence why."), Length(max=1000)], filters=[stripped])
    evidence = StringField("Evidence", [Length(max=300)], filters=[stripped])


def find(model: Any, id: int) -> Any:
    row = model.get_or_none(model.id == id)
    if row is None:
        abort(404)
    return row


def today() -> date:
    return now().astimezone(SETTINGS.zone).date()


@bp.get("/screenings")
@roles("owner", "auditor")
def index():
    day, rows = today(), screenings.standings(today())
    shown = request.args.get("show", "")
    last = Screening.select().where(Screening.done_at.is_null(False)).order_by(Screening.id.desc()).first()
    lists = screenings.in_use()
    everything = Hit.select(Hit, Party).join(Party).where(Hit.state == "open", Party.ended_at.is_null())
    hits = everything.where(~Hit.together)
    groups = {}
    for one in everything.where(Hit.together):
        groups.setdefault(one.party, []).append(one)
    counts = {state: sum(standing.state == state for _, standing, _ in rows) for state in STATES}
    return page(
        "screenings/index.html", rows=[row for row in rows if not shown or row[1].state == shown], shown=shown,
        counts=counts, total=len(rows), states=STATES, kinds=KINDS, tiers=screening.TIERS, lists=lists, last=last,
        title_of=exclusions.title, today=day, notice=screenings.notice(day),
        hits=list(hits.order_by(Hit.tier, Hit.id).limit(100)), open_count=hits.count(),
        groups=sorted(groups.items(), key=lambda one: one[0].called), dated=_dated,
        due=screening.next_due(last.done_at.astimezone(SETTINGS.zone).date() if last else None, day),
        expected=screenings.refresh_due(day), automatic=bool(SETTINGS.exclusions_url), may_write=me().has("owner"),
    )  # fmt: skip


@bp.post("/screenings")
@roles("owner")
def start():
    run = screenings.ask(by=actor(), now=now())
    tasks.wake()
    return redirect(url_for("screenings.show", id=run.id), 303)


@bp.get("/screenings/<row:id>")
@roles("owner", "auditor")
@polled
def show(id: int):
    run = find(Screening, id)
    job = Job.get_or_none(Job.key == f"screening:{run.id}")
    return page("screenings/run.html", run=run, job=job, title_of=exclusions.title)


# Lists


@bp.get("/screenings/lists")
@roles("owner", "auditor")
def lists():
    return _lists_page(ListForm())


def _lists_page(form: ListForm, status: int = 200, reasons: tuple[str, ...] = ()):
    earlier = list(Snapshot.select().order_by(Snapshot.id.desc()).limit(EARLIER))
    return page(
        "screenings/lists.html", status, form=form, reasons=reasons, earlier=earlier, title_of=exclusions.title,
        in_use={one.id for one in screenings.in_use()}, automatic=SETTINGS.exclusions_url, may_write=me().has("owner"),
    )  # fmt: skip


@bp.post("/screenings/lists")
@roles("owner")
def add_list():
    form = ListForm()
    if not form.validate():
        return _lists_page(form, 422)
    try:
        with tempfile.NamedTemporaryFile(dir=SETTINGS.data, prefix="list-") as kept:
            shutil.copyfileobj(form.file.data.stream, kept, 1 << 20)
            kept.flush()
            snapshot = screenings.receive(
                Path(kept.name), name=form.name, made_on=form.made_on.data, allow_small=form.allow_small.data,
                by=actor(), now=now(),
            )  # fmt: skip
    except Refused as refused:
        return _lists_page(form, 422, tuple(refused.reasons))
    tasks.wake()
    return redirect(url_for("screenings.list_progress", id=snapshot.id), 303)


@bp.get("/screenings/lists/<row:id>")
@roles("owner", "auditor")
@polled
def list_progress(id: int):
    snapshot = find(Snapshot, id)
    job = Job.select().where(Job.kind == "exclusions", Job.subject_id == id).order_by(Job.id.desc()).first()
    return page(
        "screenings/list_progress.html", snapshot=snapshot, job=job, title=exclusions.title(snapshot.list),
        may_write=me().has("owner"),
    )  # fmt: skip


@bp.post("/screenings/lists/<row:id>/confirmation")
@roles("owner")
def confirm_list(id: int):
    snapshot = find(Snapshot, id)
    screenings.confirm_small(snapshot, by=actor(), now=now())
    tasks.wake()
    return redirect(url_for("screenings.list_progress", id=id), 303)


# Parties


def _dated(hits: list[Hit]) -> int:
    """How many of these rows hold a birth date, which ours would tell apart."""
    return sum(bool(hit.listed["dob"]) for hit in hits)


def _party_page(
    party: Party, form: PartyForm, status: int = 200, reasons: tuple[str, ...] = (), clearance: ClearanceForm | None = None
):  # fmt: skip
    results = Screened.select(Screened, Screening).join(Screening).where(Screened.party == party.id)
    standing = next((standing for one, standing, _ in screenings.standings(today()) if one.id == party.id), None)
    return page(
        "screenings/party.html", status, party=party, form=form, reasons=reasons, standing=standing, states=STATES,
        kinds=KINDS, tiers=screening.TIERS, together=(group := screenings.together(party)), dated=_dated(group),
        hits=[hit for hit in party.hits.order_by(Hit.id.desc()) if hit not in group], own=party.person_id == me().id,
        clearance=clearance or ClearanceForm(formdata=None),
        results=list(results.order_by(Screened.id.desc()).limit(EARLIER)), may_write=me().has("owner"),
    )  # fmt: skip


@bp.get("/screenings/parties/<row:id>")
@roles("owner", "auditor")
def party(id: int):
    found = find(Party, id)
    audit.viewed(actor(), "party", row_id=id)
    return _party_page(found, PartyForm(data=_given(found)))


def _given(found: Party) -> dict[str, str]:
    return {"aliases": "\n".join(found.aliases), "dob": found.dob, "npi": found.npi, "states": ", ".join(found.states)}


@bp.post("/screenings/parties/<row:id>")
@roles("owner")
def revise_party(id: int):
    found, form = find(Party, id), PartyForm()
    if not form.validate():
        return _party_page(found, form, 422)
    try:
        screenings.revise(found, dob=form.dob.data or "", by=actor(), now=now(), **form.values())
    except Refused as refused:
        return _party_page(found, form, 422, tuple(refused.reasons))
    tasks.wake()
    flash("Saved. It is searched anew with that; open this page again in a minute.")
    return redirect(url_for("screenings.party", id=id), 303)


@bp.post("/screenings/parties/<row:id>/clearance")
@roles("owner")
def clear(id: int):
    found, form = find(Party, id), ClearanceForm()
    known = PartyForm(formdata=None, data=_given(found))
    if not form.validate():
        return _party_page(found, known, 422, clearance=form)
    seen = [int(one) for one in request.form.getlist("hit") if one.isdigit()]
    try:
        count = screenings.clear_together(found, seen, reason=form.why.data, by=actor(), now=now())
    except Refused as refused:
        return _party_page(found, known, 422, tuple(refused.reasons), clearance=form)
    flash(f"{count} {'name is' if count == 1 else 'names are'} cleared.")
    return redirect(url_for("screenings.index"), 303)


@bp.post("/screenings/parties/<row:id>/ending")
@roles("owner")
def end_party(id: int):
    screenings.end(find(Party, id), by=actor(), now=now())
    flash("It is screened no longer. What was found stays on file.")
    return redirect(url_for("screenings.index"), 303)


def _firm_form() -> FirmForm:
    form = FirmForm()
    rows = Surgeon.select(Surgeon.id, Surgeon.name).where(Surgeon.archived_at.is_null()).order_by(Surgeon.name)
    form.surgeon.choices = [(0, "none"), *rows.tuples()]
    return form


@bp.get("/screenings/parties/new")
@roles("owner")
def new_party():
    return page("screenings/firm.html", form=_firm_form(), reasons=())


@bp.post("/screenings/parties")
@roles("owner")
def add_party():
    form = _firm_form()
    if not form.validate():
        return page("screenings/firm.html", 422, form=form, reasons=())
    try:
        made = screenings.add_firm(
            name=form.name.data, kind=form.kind.data, surgeon=Surgeon.get_or_none(Surgeon.id == form.surgeon.data),
            by=actor(), now=now(), **form.values(),
        )  # fmt: skip
    except Refused as refused:
        return page("screenings/firm.html", 422, form=form, reasons=refused.reasons)
    flash("It is screened from the next run on.")
    return redirect(url_for("screenings.party", id=made.id), 303)


# Hits


def _hit_page(hit: Hit, form: DecisionForm, status: int = 200, reasons: tuple[str, ...] = ()):
    names = dict(Person.select(Person.id, Person.name).tuples())
    own = hit.party.person_id == me().id
    return page(
        "screenings/hit.html", status, hit=hit, form=form, reasons=reasons, tiers=screening.TIERS, names=names,
        title=exclusions.title(hit.list), result=screenings.last_result(hit.party, today()), kinds=KINDS,
        decisions=list(hit.decisions.order_by(Decision.id.desc())), own=own, blocking=hit.tier in screening.BLOCKING,
        gone=_gone(hit), may_write=me().has("owner") and not own,
    )  # fmt: skip


def _gone(hit: Hit) -> bool:
    """True when the newest run did not find it any more: the party was reinstated, or its row was rewritten."""
    last = Screening.select().where(Screening.done_at.is_null(False)).order_by(Screening.id.desc()).first()
    return last is not None and hit.seen_in_id < last.id


@bp.get("/hits/<row:id>")
@roles("owner", "auditor")
def hit(id: int):
    found = find(Hit, id)
    audit.viewed(actor(), "hit", row_id=id)
    return _hit_page(found, DecisionForm())


@bp.post("/hits/<row:id>/decisions")
@roles("owner")
def decide(id: int):
    found, form = find(Hit, id), DecisionForm()
    if not form.validate():
        return _hit_page(found, form, 422)
    try:
        screenings.decide(
            found,
            what=form.what.data,
            reason=form.reason.data,
            evidence=form.evidence.data or "",
            by=actor(),
            now=now(),
        )
    except Refused as refused:
        return _hit_page(found, form, 422, tuple(refused.reasons))
    flash("The decision is kept.")
    return redirect(url_for("screenings.index"), 303)


# Certificates


@bp.post("/screenings/results/<row:id>/certificate")
@roles("owner", "auditor")
def print_result(id: int):
    return _print(find(Screened, id), "screenings.result_certificate", id)


@bp.post("/screenings/<row:id>/certificate")
@roles("owner", "auditor")
def print_run(id: int):
    return _print(find(Screening, id), "screenings.run_certificate", id)


def _print(result: Screened | Screening, endpoint: str, id: int):
    screenings.ask_for_certificate(result, by=actor(), now=now())
    tasks.wake()
    return redirect(url_for(endpoint, id=id), 303)


@bp.get("/screenings/results/<row:id>/certificate")
@roles("owner", "auditor")
@polled
def result_certificate(id: int):
    result = find(Screened, id)
    return _certificate(result, "result", url_for("screenings.party", id=result.party_id), result.party.called)


@bp.get("/screenings/<row:id>/certificate")
@roles("owner", "auditor")
@polled
def run_certificate(id: int):
    return _certificate(find(Screening, id), "run", url_for("screenings.show", id=id), "Screening")


def _certificate(result: Screened | Screening, of: str, back: str, back_to: str):
    job = Job.get_or_none(Job.key == f"certificate:{screenings.edition(result)}")
    return page(
        "screenings/certificate.html", document=screenings.certified(result), job=job, back=back, back_to=back_to,
        here=url_for(f"screenings.{of}_certificate", id=result.id), again=url_for(f"screenings.print_{of}", id=result.id),
    )  # fmt: skip
