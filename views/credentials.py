"""Credentials: who holds what, what ends when, what comes next; a person's file; requirements; education."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from flask import Blueprint, Response, abort, flash, redirect, request, url_for
from flask_wtf.file import FileField

import tasks
from actions import Refused, audit, cases, credentials, dossiers
from models import (
    Application,
    Assignment,
    Case,
    Credential,
    CredentialType,
    Dossier,
    Education,
    Facility,
    Job,
    Override,
    Payer,
    Person,
    Requirement,
    Waiver,
)
from practice import credentials as trade
from views import actor, me, now, page, polled, roles
from views.credential_forms import (
    WORKING,
    ApplicationForm,
    CopyForm,
    CredentialForm,
    EducationForm,
    EndingForm,
    OverrideForm,
    TypeForm,
    VerificationForm,
    credential_form,
    dossier_form,
    education_form,
    requirement_form,
    types,
    waiver_form,
)
from views.credential_pages import Row, actions_due, before_cases, held, matrix, rows_for, tracked
from views.reports import send

bp = Blueprint("credentials", __name__)
HOLDERS = ("owner", "technologist", "physician")
SHOWN = {"all": "Matrix", "action": "Needs action in 90 days", "booked": "Before a booked case"}


def today() -> date:
    return credentials.today(now())


def working() -> list[Person]:
    """Everybody who works on cases and can sign in."""
    rows = Person.select().where(Person.disabled_at.is_null()).order_by(Person.name)
    return [person for person in rows if person.has(*WORKING)]


def find_person(id: int) -> Person:
    return Person.get_or_none(Person.id == id) or abort(404)


def find_credential(id: int) -> Credential:
    """A credential of one's own; owner and auditor find everybody's."""
    row = Credential.get_or_none(Credential.id == id)
    if row is None or not (me().has("owner", "auditor") or row.person_id == me().id):
        abort(404)
    return row


# What is held, and what comes next


@bp.get("/credentials")
@roles("owner", "auditor", "biller")
def listing():
    shown, wanted = request.args.get("show", "all"), request.args.get("facility", "")
    if shown not in SHOWN:
        abort(404)
    facility = Facility.get_or_none(Facility.id == int(wanted)) if wanted.isdigit() and len(wanted) < 18 else None
    people = working()
    context: dict[str, object] = {}
    if shown == "all":
        context["columns"], context["rows"] = matrix(people, today(), facility)
    elif shown == "action":
        context["due"] = actions_due(people, today())
    else:
        context["booked"] = before_cases(today())
    return page(
        "credentials/listing.html", shown=shown, facility=facility, filters=_filters(shown, facility),
        places=_places(facility) if shown == "all" else [], opens=me().has("owner", "auditor"), day=today(), **context,
    )  # fmt: skip


def _filters(shown: str, facility: Facility | None) -> list[tuple[str, str, bool, None]]:
    names = SHOWN if me().has("owner", "auditor") else {"all": SHOWN["all"]}
    return [(word, url_for("credentials.listing", show=name), name == shown, None) for name, word in names.items()]


def _places(facility: Facility | None) -> list[tuple[str, str, bool, None]]:
    rows = Facility.select().where(Facility.archived_at.is_null()).order_by(Facility.name)
    links = [("Everywhere", url_for("credentials.listing"), facility is None, None)]
    return links + [(row.name, url_for("credentials.listing", facility=row.id), facility == row, None) for row in rows]


@bp.get("/credentials/search")
@roles("owner", "auditor")
def search():
    """Find credentials by person, kind, number, issuer or a date as it is written: 2026, 2026-12 or 2026-12-31."""
    query = request.args.get("q", "").strip()[:60]
    words = [f"%{word}%" for word in query.replace("%", "").replace("_", "").split()]
    found = Credential.select(Credential, Person, CredentialType).join(Person).switch(Credential).join(CredentialType)
    for word in words:
        found = found.where(
            (Person.name**word) | (CredentialType.name**word) | (Credential.number**word) | (Credential.issuer**word)
            | (Credential.from_on**word) | (Credential.until_on**word)
        )  # fmt: skip
    rows = list(found.order_by(Credential.until_on.desc()).limit(100)) if words else []
    return page("credentials/search.html", query=query, rows=rows_for(rows, today(), every=True))


@bp.get("/credentials/<row:id>")
@roles("owner", "auditor", "technologist", "physician")
def show(id: int):
    return _show(find_credential(id))


def _show(row: Credential, status: int = 200, **forms: object):
    proof, of_type = credentials.proof_of(row), credentials.type_of(row.type)
    asked = Application.get_or_none(
        Application.person == row.person_id, Application.type == row.type_id, Application.state == row.state,
        Application.facility.is_null() if row.facility_id is None else Application.facility == row.facility_id,
        Application.ended_on.is_null(),
    )  # fmt: skip
    copies = credentials.papers([row]).get(row.id, [])
    given = {"copy": CopyForm(formdata=None), "verification": VerificationForm(formdata=None, how=of_type.how), "application": ApplicationForm(formdata=None, sent_on=today())}  # fmt: skip
    return page(
        "credentials/show.html", status, row=row, of_type=of_type, asked=asked, copies=copies,
        step=trade.next_step(proof, of_type, today(), documented=bool(copies), asked=asked is not None),
        start_by=trade.start_by(proof, of_type), renewals=list(row.renewals.order_by(Credential.id)),
        verified_by=Person.get_or_none(Person.id == row.verified_by), writes=me().has("owner") or row.person_id == me().id,
        mine=not me().has("owner", "auditor"), **{**given, **forms},
    )  # fmt: skip


@bp.get("/people/<row:id>/credentials")
@roles("owner", "auditor")
def person(id: int):
    return _person(find_person(id))


@bp.get("/me/credentials")
@roles(*HOLDERS)
def mine():
    return _person(me(), mine=True)


def _person(person: Person, status: int = 200, *, mine: bool = False, **forms: object):
    every = Credential.select(Credential, CredentialType).join(CredentialType).where(Credential.person == person.id)
    current = rows_for(held([person]), today())
    shown = {row.id for row in current}
    given = {"education": education_form(), "waiver": waiver_form(), "dossier": dossier_form()}
    return page(
        "credentials/person.html", status, person=person, mine=mine, current=current,
        past=[row for row in every.order_by(Credential.until_on.desc()) if row.id not in shown], tracks=tracked([person], today()),
        waivers=list(Waiver.select(Waiver, CredentialType).join(CredentialType).where(Waiver.person == person.id, Waiver.until_on >= today())),
        obstacles=credentials.obstacles(person), learned=_learned(person), writes=me().has("owner") or mine,
        **{**given, **forms},
    )  # fmt: skip


def _learned(person: Person) -> list[Education]:
    query = Education.select(Education, CredentialType).join(CredentialType)
    return list(
        query.where(Education.person == person.id, Education.withdrawn_on.is_null()).order_by(
            Education.earned_on.desc()
        )
    )


# Putting credentials on file


@bp.get("/people/<row:id>/credentials/new")
@roles("owner")
def new(id: int):
    return _new(find_person(id), credential_form())


@bp.get("/me/credentials/new")
@roles(*HOLDERS)
def new_mine():
    return _new(me(), credential_form(), mine=True)


@bp.get("/credentials/<row:id>/renewal")
@roles(*HOLDERS)
def renewal(id: int):
    """The form of a renewal, with the dates that the type's cycle proposes."""
    old = find_credential(id)
    start, until = trade.next_period(credentials.type_of(old.type), after=old.until_on, on=today())
    form = credential_form(
        data={
            "kind": old.kind, "number": old.number, "issuer": old.issuer, "state": old.state,
            "facility": old.facility_id or 0, "from_on": start, "until_on": until,
        }
    )  # fmt: skip
    return _new(old.person, form, mine=not me().has("owner"), renews=old)


def _new(
    person: Person, form: CredentialForm, status: int = 200, *, mine: bool = False, renews: Credential | None = None
):
    if renews:
        url, back = url_for("credentials.renew", id=renews.id), url_for("credentials.show", id=renews.id)
    elif mine:
        url, back = url_for("credentials.hold_mine"), url_for("credentials.mine")
    else:
        url, back = url_for("credentials.hold", id=person.id), url_for("credentials.person", id=person.id)
    return page(
        "credentials/new.html", status, form=form, person=person, renews=renews, url=url, back=back, may_verify=me().has("owner"),
    )  # fmt: skip


@bp.post("/people/<row:id>/credentials")
@roles("owner")
def hold(id: int):
    return _hold(find_person(id))


@bp.post("/me/credentials")
@roles(*HOLDERS)
def hold_mine():
    return _hold(me(), mine=True)


@bp.post("/credentials/<row:id>/renewal")
@roles(*HOLDERS)
def renew(id: int):
    old = find_credential(id)
    return _hold(old.person, mine=not me().has("owner"), renews=old)


def _hold(person: Person, *, mine: bool = False, renews: Credential | None = None):
    form = credential_form()
    if not form.validate():
        return _new(person, form, 422, mine=mine, renews=renews)
    try:
        row = credentials.hold(
            person, kind=form.kind.data, number=form.number.data, issuer=form.issuer.data, state=form.state.data,
            facility=form.facility.data or None, from_on=form.from_on.data, until_on=form.until_on.data, renews=renews,
            verified=form.verified.data and me().has("owner"), file=_sent(form.file), by=actor(), now=now(),
        )  # fmt: skip
    except Refused as refused:
        form.until_on.errors = refused.reasons
        return _new(person, form, 422, mine=mine, renews=renews)
    flash(
        "The credential is on file." if row.verified_on else "The credential is on file. It counts once it is verified."
    )
    if mine:
        return redirect(url_for("credentials.mine"), 303)
    return redirect(url_for("credentials.person", id=person.id), 303)


def _sent(field: FileField) -> tuple[bytes, str] | None:
    file = field.data
    return (file.read(), file.filename or "") if file and getattr(file, "filename", "") else None


@bp.post("/credentials/<row:id>/documents")
@roles(*HOLDERS)
def attach(id: int):
    row, form = find_credential(id), CopyForm()
    if not form.validate():
        return _show(row, 422, copy=form)
    try:
        credentials.attach(row, raw=form.file.data.read(), name=form.file.data.filename or "", by=actor(), now=now())
    except Refused as refused:
        form.file.errors = refused.reasons
        return _show(row, 422, copy=form)
    flash("The copy is on file.")
    return redirect(url_for("credentials.show", id=row.id), 303)


@bp.post("/credentials/<row:id>/verification")
@roles(*HOLDERS)
def verify(id: int):
    row, form = find_credential(id), VerificationForm()
    if not form.validate():
        return _show(row, 422, verification=form)
    try:
        credentials.verify(row, how=form.how.data, by=actor(), now=now())
    except Refused as refused:
        form.how.errors = refused.reasons
        return _show(row, 422, verification=form)
    flash("It is verified.")
    return redirect(url_for("credentials.show", id=row.id), 303)


@bp.post("/credentials/<row:id>/application")
@roles(*HOLDERS)
def apply(id: int):
    row, form = find_credential(id), ApplicationForm()
    if not form.validate():
        return _show(row, 422, application=form)
    try:
        credentials.apply(
            row.person, of_type=row.type, state=row.state, facility=row.facility_id, sent_on=form.sent_on.data,
            by=actor(), now=now(),
        )  # fmt: skip
    except Refused as refused:
        form.sent_on.errors = refused.reasons
        return _show(row, 422, application=form)
    flash("The renewal is noted as sent.")
    return redirect(url_for("credentials.show", id=row.id), 303)


@bp.post("/credentials/<row:id>/withdrawal")
@roles(*HOLDERS)
def withdraw(id: int):
    row = find_credential(id)
    credentials.withdraw(row, by=actor(), now=now())
    flash("The credential is withdrawn. It is kept, and counts no more.")
    return redirect(url_for("credentials.show", id=row.id), 303)


@bp.post("/people/<row:id>/waivers")
@roles("owner")
def waive(id: int):
    person, form = find_person(id), waiver_form()
    if not form.validate():
        return _person(person, 422, waiver=form)
    try:
        credentials.waive(
            person, of_type=CredentialType.get_by_id(form.kind.data), facility=form.facility.data or None,
            from_on=form.from_on.data, until_on=form.until_on.data, reason=form.reason.data, by=actor(), now=now(),
        )  # fmt: skip
    except Refused as refused:
        form.until_on.errors = refused.reasons
        return _person(person, 422, waiver=form)
    flash("The waiver is kept.")
    return redirect(url_for("credentials.person", id=person.id), 303)


# A person's file for a hospital


@bp.post("/people/<row:id>/dossiers")
@roles("owner")
def request_dossier(id: int):
    person, form = find_person(id), dossier_form()
    if not form.validate():
        return _person(person, 422, dossier=form)
    row = dossiers.request(person, Facility.get_by_id(form.facility.data), by=actor(), now=now())
    tasks.wake()
    return redirect(url_for("credentials.progress", id=row.id), 303)


def find_dossier(id: int) -> Dossier:
    return Dossier.get_or_none(Dossier.id == id) or abort(404)


@bp.get("/dossiers/<row:id>")
@roles("owner", "auditor")
@polled
def progress(id: int):
    """The file while it is made; it asks for itself until it is there."""
    row = find_dossier(id)
    job = Job.get_or_none(Job.key == f"dossier/{row.id}")
    return page("credentials/progress.html", dossier=row, job=job)


@bp.get("/dossiers/<row:id>/pdf")
@roles("owner", "auditor")
def pdf(id: int) -> Response:
    row = find_dossier(id)
    document = dossiers.document_of(row)
    audit.viewed(actor(), "dossier", row_id=row.id, person=row.person_id)
    return send(document, f"credentials-{row.person_id}-{row.facility_id}.pdf")


# What is demanded


@bp.get("/credentials/requirements")
@roles("owner", "auditor")
def requirements():
    return _requirements()


def _requirements(status: int = 200, **forms: object):
    role = request.args.get("role", "technologist")
    if role not in WORKING:
        abort(404)
    rules, at = credentials.rules(), request.args.getlist("at", type=int)
    every = [credentials.place_of(row) for row in Facility.select().where(Facility.archived_at.is_null()).order_by(Facility.name)]  # fmt: skip
    places = [one for one in every if one.id in at] or every
    who = next((one for one in working() if one.has(role) and one.id == request.args.get("person", type=int)), None)
    holder = credentials.holders([who])[who.id] if who else None
    rows = Requirement.select(Requirement, CredentialType, Facility, Payer).join(CredentialType)
    rows = rows.switch(Requirement).left_outer_join(Facility).switch(Requirement).left_outer_join(Payer)
    return page(
        "credentials/requirements.html", status, role=role, places=places, names=_names(rules), who=who,
        compared=trade.compared(role, places, today(), rules),
        superset=trade.superset(role, places, today(), rules, _held_now(holder)),
        lacking=_lacking(holder, role, places, rules), hospitals=_hospitals(role, every, places, who),
        people=_people(role, at, who),
        rows=list(rows.where(Requirement.role == role).order_by(Facility.name, CredentialType.name)), ends=EndingForm(formdata=None, last_on=today()),
        roles=[(one.capitalize() + "s", url_for("credentials.requirements", role=one), one == role, None) for one in WORKING],
        day=today(), **({"form": requirement_form()} | forms),
    )  # fmt: skip


def _held_now(holder: trade.Holder | None) -> set[trade.Id]:
    """The kinds that somebody holds today, verified: they cost nothing more."""
    return {one.type for one in holder.proofs if one.verified and one.covers(today())} if holder else set()


def _lacking(
    holder: trade.Holder | None, role: str, places: Sequence[trade.Place], rules: trade.Rules
) -> list[str]:  # fmt: skip
    """What keeps somebody from working at these places today, each reason once."""
    if holder is None:
        return []
    found = (trade.objections(holder, role, place, today(), None, rules=rules) for place in places)
    return list(dict.fromkeys(one.sentence for at in found for one in at))


def _hospitals(
    role: str, every: Sequence[trade.Place], chosen: Sequence[trade.Place], who: Person | None
) -> list[tuple[str, str, bool, None]]:  # fmt: skip
    """Links that take a hospital into the comparison or out of it."""
    picked, whose = [one.id for one in chosen] if len(chosen) < len(every) else [], who.id if who else None

    def to(at: Sequence[trade.Id]) -> str:
        return url_for("credentials.requirements", role=role, at=at, person=whose)

    links = [("Every hospital", to([]), not picked, None)]
    for one in every:
        others = [id for id in picked if id != one.id] if one.id in picked else [*picked, one.id]
        links.append((one.name, to(others), one.id in picked, None))
    return links


def _people(role: str, at: Sequence[int], who: Person | None) -> list[tuple[str, str, bool, None]]:
    links = [("Anybody", url_for("credentials.requirements", role=role, at=at), who is None, None)]
    return links + [
        (one.name, url_for("credentials.requirements", role=role, at=at, person=one.id), one == who, None)
        for one in working()
        if one.has(role)
    ]


def _names(rules: trade.Rules) -> dict[trade.Id, str]:
    return {id: one.name for id, one in rules.types.items()}


@bp.post("/credentials/requirements")
@roles("owner")
def demand():
    form = requirement_form()
    if not form.validate():
        return _requirements(422, form=form)
    try:
        credentials.demand(
            role=form.role.data, types=form.kinds.data, facility=form.facility.data or None, payer=form.payer.data or None,
            must_hold=form.must_hold.data == "y", from_on=form.from_on.data, until_on=form.until_on.data,
            note=form.note.data, by=actor(), now=now(),
        )  # fmt: skip
    except Refused as refused:
        form.until_on.errors = refused.reasons
        return _requirements(422, form=form)
    flash("The requirement is kept. Every coming case was judged by it.")
    return redirect(url_for("credentials.requirements", role=form.role.data), 303)


@bp.post("/credentials/requirements/<row:id>/ending")
@roles("owner")
def end_demand(id: int):
    row, form = Requirement.get_or_none(Requirement.id == id) or abort(404), EndingForm()
    if not form.validate():
        raise Refused(*(form.last_on.errors or ["Give its last day."]))
    credentials.end_demand(row, last_on=form.last_on.data, by=actor(), now=now())
    flash("The requirement has its last day.")
    return redirect(url_for("credentials.requirements", role=row.role), 303)


@bp.get("/credentials/types")
@roles("owner", "auditor")
def kinds():
    return page("credentials/types.html", types=types())


@bp.get("/credentials/types/new")
@roles("owner")
def new_kind():
    return _kind_page(TypeForm(), None)


@bp.get("/credentials/types/<row:id>")
@roles("owner")
def kind(id: int):
    row = _find_kind(id)
    return _kind_page(TypeForm(obj=row, alerts=", ".join(str(one) for one in row.alert_days)), row)


def _find_kind(id: int) -> CredentialType:
    return CredentialType.get_or_none(CredentialType.id == id) or abort(404)


def _kind_page(form: TypeForm, row: CredentialType | None, status: int = 200):
    url = url_for("credentials.revise_kind", id=row.id) if row else url_for("credentials.add_kind")
    return page("credentials/type.html", status, form=form, row=row, url=url)


@bp.post("/credentials/types")
@roles("owner")
def add_kind():
    return _save_kind(None)


@bp.post("/credentials/types/<row:id>")
@roles("owner")
def revise_kind(id: int):
    return _save_kind(_find_kind(id))


def _save_kind(row: CredentialType | None):
    form = TypeForm()
    if not form.validate():
        return _kind_page(form, row, 422)
    fields = [name for name in form.data if name not in ("csrf_token", "alerts")]
    try:
        credentials.revise_type(
            row,
            values={**{name: form.data[name] for name in fields}, "alert_days": form.alert_days},
            by=actor(),
            now=now(),
        )
    except Refused as refused:
        form.name.errors = refused.reasons
        return _kind_page(form, row, 422)
    flash("Saved.")
    return redirect(url_for("credentials.kinds"), 303)


# Continuing education


@bp.get("/credentials/education")
@roles("owner", "auditor")
def education():
    return page("credentials/education.html", tracks=tracked(working(), today()))


@bp.post("/people/<row:id>/education")
@roles("owner")
def learn(id: int):
    return _learn(find_person(id))


@bp.post("/me/education")
@roles(*HOLDERS)
def learn_mine():
    return _learn(me(), mine=True)


def _learn(person: Person, *, mine: bool = False):
    form: EducationForm = education_form()
    if not form.validate():
        return _person(person, 422, mine=mine, education=form)
    try:
        credentials.learn(
            person, of_type=CredentialType.get_by_id(form.kind.data), title=form.title.data, category=form.category.data,
            earned_on=form.earned_on.data, minutes=form.minutes, by=actor(), now=now(),
        )  # fmt: skip
    except Refused as refused:
        form.earned_on.errors = refused.reasons
        return _person(person, 422, mine=mine, education=form)
    flash("The hours are counted.")
    return redirect(url_for("credentials.mine") if mine else url_for("credentials.person", id=person.id), 303)


@bp.post("/education/<row:id>/withdrawal")
@roles(*HOLDERS)
def unlearn(id: int):
    row = Education.get_or_none(Education.id == id)
    if row is None or not (me().has("owner") or row.person_id == me().id):
        abort(404)
    credentials.unlearn(row, by=actor(), now=now())
    flash("The hours are taken back.")
    back = url_for("credentials.person", id=row.person_id) if me().has("owner") else url_for("credentials.mine")
    return redirect(back, 303)


# On a case


@bp.post("/cases/<row:id>/overrides")
@roles("owner")
def override(id: int):
    """Let somebody work on a case against what stands in the way, with a reason that is kept."""
    case, form = Case.seen_by(me(), id) or abort(404), OverrideForm()
    who, _, role = (form.who.data or "").partition(".")
    person = Person.get_or_none(Person.id == int(who)) if who.isdigit() and len(who) < 18 else None
    if person is None or role not in WORKING:
        raise Refused("Choose a person and a role of the list.")
    if not form.validate():
        return ineligible(
            case,
            person,
            role,
            [
                *(one.sentence for one in credentials.objections(case, person, role)),
                *credentials.unscreened(case, person, role, now=now()),
            ],
            form,
        )
    if case.assignments.where(Assignment.person == person.id, Assignment.role == role).exists():
        credentials.override(case, person, role, reason=form.reason.data, by=actor(), now=now())
    else:
        cases.assign(case, person, role, by=actor(), now=now(), override=form.reason.data)
    flash(f"{person.name} works on this case; your reason is kept with it.")
    return redirect(url_for("cases.show", id=case.id, _anchor="people"), 303)


def ineligible(case: Case, person: Person, role: str, reasons: Sequence[str], form: OverrideForm | None = None):
    """Why a person cannot be assigned, and the owner's way past it."""
    audit.viewed(actor(), "case", row_id=case.id, case_id=case.id)
    form = form or OverrideForm(formdata=None, who=f"{person.id}.{role}")
    return page("credentials/override.html", 422, case=case, person=person, role=role, reasons=reasons, form=form,
                others=credentials.cleared(case, role, now=now()))  # fmt: skip


def judged(case: Case, people: Sequence[Assignment]) -> dict[int, list[trade.Standing]]:
    """How each person on a case stands on its day, by assignment."""
    rules, of_people = credentials.rules(), credentials.holders([one.person for one in people])
    return {
        one.id: credentials.standings_on(case, one.person, one.role, given=rules, holder=of_people[one.person_id])
        for one in people
    }


def overrides_of(case: Case) -> list[Override]:
    return list(Override.select(Override, Person).join(Person).where(Override.case == case.id).order_by(Override.id))


def held_by(person: Person) -> list[Row]:
    """What a person holds now, with what comes next, for the pages of people and of oneself."""
    return rows_for(held([person]), today())
