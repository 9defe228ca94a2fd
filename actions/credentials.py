"""Credentials on file, what is demanded of people, and how the two are held against each other.

`standings_on` is asked wherever a person meets a case; `rejudge` asks it for every coming case, each night and
after each change, and keeps what stands in the way as rows. An override lets a person work all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from actions import MACHINE, Actor, Refused, audit, documents, screenings
from models import (
    SETTINGS,
    Application,
    Asked,
    Assignment,
    Case,
    Credential,
    CredentialType,
    Document,
    Education,
    Facility,
    Obstacle,
    Override,
    Person,
    Requirement,
    Waiver,
    Withdrawal,
    among,
    db,
)
from practice import credentials as trade

SCREENING = "screening"
"""Under this an override keeps that somebody works although the exclusion screening is due."""


class Ineligible(Refused):
    """A person does not meet what a case demands. The owner may override it with a reason."""


def seed() -> None:
    """Put the types and the demands the app comes with into a practice that has no types."""
    with db.atomic():
        if CredentialType.select().exists():
            return
        for one in trade.default_types():
            CredentialType.create(**_columns(one))
        ids = dict(CredentialType.select(CredentialType.name, CredentialType.id).tuples())
        for demand in trade.default_demands():
            first, *others = (ids[name] for name in demand.types)
            Requirement.create(
                role=demand.role, type=first, or_types=others, must_hold=demand.must_hold,
                for_claims=demand.for_claims, note=demand.note,
            )  # fmt: skip
        audit.record(MACHINE, "seed", "credential_type")


def _columns(one: trade.Type) -> dict[str, Any]:
    columns = {name: getattr(one, name) for name in one.__struct_fields__ if name != "id"}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in columns.items()}


# What is read


def today(now: datetime) -> date:
    """The practice's day."""
    return now.astimezone(SETTINGS.zone).date()


def type_of(row: CredentialType) -> trade.Type:
    values = {name: getattr(row, name) for name in trade.Type.__struct_fields__}
    return trade.Type(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})


def rules() -> trade.Rules:
    """Every type and everything that is demanded by anybody."""
    demanded = tuple(
        trade.Demand(
            role=row.role, types=(row.type_id, *row.or_types), facility=row.facility_id, payer=row.payer_id,
            must_hold=row.must_hold, for_claims=row.for_claims, from_on=row.from_on, until_on=row.until_on, note=row.note,
        )
        for row in _DEMANDED.rows()
    )  # fmt: skip
    return trade.Rules(types={row.id: type_of(row) for row in types()}, demands=demanded)


def types() -> list[CredentialType]:
    return _TYPES.rows()


_DEMANDED = Asked(lambda: Requirement.select())
_TYPES = Asked(lambda: CredentialType.select())


def place_of(facility: Facility) -> trade.Place:
    return trade.Place(id=facility.id, name=facility.name, state=facility.state)


def proof_of(row: Credential) -> trade.Proof:
    return trade.Proof(
        id=row.id, type=row.type_id, number=row.number, state=row.state, facility=row.facility_id,
        from_on=row.from_on, until_on=row.until_on, verified=row.verified_on is not None,
    )  # fmt: skip


def holders(people: Iterable[Person]) -> dict[int, trade.Holder]:
    """Each person with all that is on file, in three queries for everybody."""
    names = {person.id: person.name for person in people}
    ids = list(names)
    proofs: dict[int, list[trade.Proof]] = {}
    for row in _HELD.rows(people=ids):
        proofs.setdefault(row.person_id, []).append(proof_of(row))
    asked: dict[int, list[trade.Asked]] = {}
    for row in _APPLIED.rows(people=ids):
        asked.setdefault(row.person_id, []).append(
            trade.Asked(type=row.type_id, sent_on=row.sent_on, state=row.state, facility=row.facility_id)
        )
    waived: dict[int, list[trade.Waived]] = {}
    for row in _WAIVED.rows(people=ids):
        waived.setdefault(row.person_id, []).append(
            trade.Waived(
                type=row.type_id,
                from_on=row.from_on,
                until_on=row.until_on,
                reason=row.reason,
                facility=row.facility_id,
            )
        )
    return {
        id: trade.Holder(
            id=id, name=name, proofs=tuple(proofs.get(id, ())), asked=tuple(asked.get(id, ())),
            waived=tuple(waived.get(id, ())),
        )
        for id, name in names.items()
    }  # fmt: skip


_HELD = Asked(
    lambda: Credential.select().where(Credential.person.in_(among("people")), Credential.withdrawn_on.is_null())
)
_APPLIED = Asked(
    lambda: Application.select().where(Application.person.in_(among("people")), Application.ended_on.is_null())
)
_WAIVED = Asked(lambda: Waiver.select().where(Waiver.person.in_(among("people"))))


def standings_on(
    case: Case, person: Person, role: str, *, given: trade.Rules | None = None, holder: trade.Holder | None = None
) -> list[trade.Standing]:
    """How a person meets each demand of a case, on the case's date at its facility."""
    return standings_at(person, role, case.facility, case.date_of_service, case.payer_id, given=given, holder=holder)


def standings_at(
    person: Person, role: str, facility: Facility, on: date, payer: int | None, *, given: trade.Rules | None = None,
    holder: trade.Holder | None = None,
) -> list[trade.Standing]:  # fmt: skip
    """How a person meets what is demanded of a role at a place on a day, whether or not there is a case."""
    known = holder or holders([person])[person.id]
    return trade.standings(known, role, place_of(facility), on, payer, rules=given or rules())


def objections(case: Case, person: Person, role: str) -> list[trade.Standing]:
    """Why a person may not work on a case and nobody has overridden it; empty means they may."""
    excused = allowed(case.id).get((person.id, role), {})
    return [one for one in standings_on(case, person, role) if one.stops and not covered(one, excused)]


def allowed(case: int) -> dict[tuple[int, str], dict[str, str]]:
    """What was overridden on a case: by person and role, the demands and the state they were in."""
    found: dict[tuple[int, str], dict[str, str]] = {}
    for row in Override.select().where(Override.case == case):
        found.setdefault((row.person_id, row.role), {}).update(row.objections)
    return found


def covered(one: trade.Standing, excused: dict[str, str]) -> bool:
    """Whether an override speaks of this objection."""
    # What got worse since is a new objection: an override of what was pending is none of what has expired.
    state = excused.get(one.demand)
    return state is not None and trade.STATES.index(one.state) <= trade.STATES.index(state)  # type: ignore[arg-type]


# A person meets a case


def require(case: Case, person: Person, role: str, *, reason: str, by: Actor, now: datetime) -> None:
    """Refuse an assignment that objections stand against, unless the owner gives a reason: then keep it as an override."""
    excluded = screenings.standing_against(person, on=case.date_of_service)
    if excluded:
        # No reason excuses this one: whoever employs an excluded person pays for it (billing.md 9.3).
        raise Refused(*excluded)
    found, late = objections(case, person, role), unscreened(case, person, role, now=now)
    if not found and not late:
        return
    reasons = [*(one.sentence for one in found), *late]
    if not reason.strip():
        raise Ineligible(*reasons)
    if by.person is None or not by.person.has("owner"):
        raise Ineligible(*reasons, "Only the owner can override this.")
    states = {one.demand: one.state for one in found} | ({SCREENING: "expired"} if late else {})
    with db.atomic():
        row = Override.create(
            case=case.id, person=person.id, role=role, objections=states, reason=reason.strip(), at=now, by=by.id
        )
        audit.record(
            by, "override", "assignment", row_id=row.id, case_id=case.id, person=person.id, role=role,
            demands=[f"{one.name}: {one.state}" for one in found] + (["Exclusion screening: due"] if late else []),
        )  # fmt: skip


def unscreened(case: Case, person: Person, role: str, *, now: datetime) -> list[str]:
    """That a person was not screened in time for a case, or the list is too old, and nobody has overridden it."""
    if SCREENING in allowed(case.id).get((person.id, role), {}):
        return []
    return screenings.objections(person, on=case.date_of_service, today=today(now))


def cleared(case: Case, role: str, *, now: datetime) -> list[Person]:
    """Who could work on a case in a role with nothing against it, and is not on it yet."""
    on_it = Assignment.select(Assignment.person).where(Assignment.case == case.id)
    people = Person.select().where(Person.disabled_at.is_null(), Person.id.not_in(on_it)).order_by(Person.name)
    return [
        one
        for one in people
        if one.has(role)
        and not objections(case, one, role)
        and not unscreened(case, one, role, now=now)
        and not screenings.standing_against(one, on=case.date_of_service)
    ]


def override(case: Case, person: Person, role: str, *, reason: str, by: Actor, now: datetime) -> None:
    """Let somebody who is on a case already stay on it against the objections of today."""
    if not reason.strip():
        raise Refused("Write why this person works on the case all the same.")
    with db.atomic():
        require(case, person, role, reason=reason, by=by, now=now)
        rejudge(now=now, cases=[case.id])


def rejudge(*, now: datetime, cases: Sequence[int] | None = None) -> int:
    """Judge everybody on every coming case anew: raise what stands in the way, clear what does no longer. Returns how many stand."""
    coming = (Case.date_of_service >= today(now)) & Case.closed_at.is_null() & Case.signed_at.is_null()
    query = (
        Assignment.select(Assignment, Case, Facility, Person)
        .join(Case)
        .join(Facility)
        .switch(Assignment)
        .join(Person)
        .where(coming if cases is None else coming & Case.id.in_(cases))
    )
    with db.atomic():
        rows = list(query)
        of_people, given = holders({row.person_id: row.person for row in rows}.values()), rules()
        standing: dict[tuple[int, int, str, str], trade.Standing] = {}
        of_cases = {case_id: allowed(case_id) for case_id in {row.case_id for row in rows}}
        for row in rows:
            excused = of_cases[row.case_id].get((row.person_id, row.role), {})
            for one in standings_on(row.case, row.person, row.role, given=given, holder=of_people[row.person_id]):
                if one.stops and not covered(one, excused):
                    standing[(row.case_id, row.person_id, row.role, one.demand)] = one
        _keep_obstacles(standing, cases, now)
    return len(standing)


def _keep_obstacles(
    standing: dict[tuple[int, int, str, str], trade.Standing], cases: Sequence[int] | None, now: datetime
) -> None:
    within = Obstacle.cleared_at.is_null()
    if cases is not None:
        within &= Obstacle.case.in_(cases)
    before = {(row.case_id, row.person_id, row.role, row.demand): row for row in Obstacle.select().where(within)}
    for key, row in before.items():
        one = standing.get(key)
        if one is None:
            Obstacle.update(cleared_at=now).where(Obstacle.id == row.id).execute()
        elif (one.state, one.sentence) != (row.state, row.sentence):
            Obstacle.update(state=one.state, sentence=one.sentence).where(Obstacle.id == row.id).execute()
    for (case, person, role, demand), one in standing.items():
        if (case, person, role, demand) not in before:
            Obstacle.create(
                case=case,
                person=person,
                role=role,
                demand=demand,
                state=one.state,
                sentence=one.sentence,
                raised_at=now,
            )
            audit.record(MACHINE, "raise", "obstacle", case_id=case, person=person, role=role, state=one.state)


def obstacles(person: Person | None = None, case: Case | None = None) -> list[Obstacle]:
    """What stands in the way of coming cases, the nearest case first: of a person, of a case, or all of it."""
    query = (
        Obstacle.select(Obstacle, Case, Facility, Person)
        .join(Case)
        .join(Facility)
        .switch(Obstacle)
        .join(Person)
        .where(Obstacle.cleared_at.is_null())
    )
    if person is not None:
        query = query.where(Obstacle.person == person.id)
    if case is not None:
        query = query.where(Obstacle.case == case.id)
    return list(query.order_by(Case.date_of_service, Obstacle.id))


# What is on file


def hold(
    person: Person, *, kind: str, number: str = "", issuer: str = "", state: str = "", facility: int | None = None,
    from_on: date | None = None, until_on: date | None = None, renews: Credential | None = None, verified: bool = False,
    file: tuple[bytes, str] | None = None, by: Actor, now: datetime,
) -> Credential:  # fmt: skip
    """Put a dated proof on file, with its copy. A renewal is a new row and ends what was applied for; the old row stays."""
    of_type = CredentialType.get(CredentialType.name == kind)
    values = {"state": state, "facility": facility, "from_on": from_on, "until_on": until_on}
    if reasons := faults(of_type, **values):
        raise Refused(*reasons)
    if renews is not None and (renews.person_id != person.id or renews.type_id != of_type.id):
        raise Refused("A renewal is of the same person and kind as what it renews.")
    pdf = documents.rewritten(*file) if file else None
    with db.atomic():
        row = put(person, of_type, number=number, issuer=issuer, **values, renews=renews, by=by, now=now)
        if pdf:
            _attach(row, pdf, by=by, now=now)
        if verified:
            verify(row, how=of_type.how or "With the issuer", by=by, now=now)
        rejudge(now=now)
    return Credential.get_by_id(row.id)


def put(
    person: Person, of_type: CredentialType, *, number: str, issuer: str, state: str, facility: int | None,
    from_on: date | None, until_on: date | None, renews: Credential | None = None, by: Actor, now: datetime,
) -> Credential:  # fmt: skip
    """Write a checked proof down and end what was applied for, in the caller's transaction; the caller has it judged."""
    row = Credential.create(
        person=person, type=of_type, number=number.strip(), issuer=issuer.strip() or of_type.issuer, state=state,
        facility=facility, from_on=from_on, until_on=until_on, renews=renews,
    )  # fmt: skip
    audit.record(by, "renew" if renews else "hold", "credential", row_id=row.id, person=person.id)
    Application.update(ended_on=today(now)).where(
        Application.person == person.id, Application.type == of_type.id, Application.state == state,
        Application.facility.is_null() if facility is None else Application.facility == facility,
        Application.ended_on.is_null(),
    ).execute()  # fmt: skip
    return row


def faults(
    of_type: CredentialType, *, state: str, facility: int | None, from_on: date | None, until_on: date | None
) -> list[str]:
    """Why a proof of this kind cannot be put on file so; empty means it can."""
    found = []
    if of_type.archived_at:
        found.append(f"{of_type.name} is not kept any more. Choose another kind, or bring it back under Kinds.")
    if from_on and until_on and until_on < from_on:
        found.append(f"The credential ends on {until_on}, before it starts on {from_on}. Check both dates.")
    if of_type.place == "state" and not state:
        found.append(f"{of_type.name} counts in one state. Say which.")
    if of_type.place == "facility" and not facility:
        found.append(f"{of_type.name} counts at one facility. Choose it.")
    return found


def attach(row: Credential, *, raw: bytes, name: str, by: Actor, now: datetime) -> Document:
    """Keep a photo or PDF of a credential. It is a claim: what is on file is verified by a person."""
    _whole(row)
    pdf = documents.rewritten(raw, name)
    with db.atomic():
        return _attach(row, pdf, by=by, now=now)


def _attach(row: Credential, pdf: tuple[bytes, int], *, by: Actor, now: datetime) -> Document:
    content, pages = pdf
    return documents.store(
        content, case=None, credential=row, kind="credential", title=f"{row.type.name} {row.number}".strip(), pages=pages,
        by=by, now=now,
    )  # fmt: skip


def papers(rows: Iterable[Credential]) -> dict[int, list[Document]]:
    """The copies on file of each credential, none withdrawn."""
    found: dict[int, list[Document]] = {}
    query = Document.select().where(
        Document.credential.in_([row.id for row in rows]), Document.id.not_in(Withdrawal.select(Withdrawal.document))
    )
    for document in query.order_by(Document.id):
        found.setdefault(document.credential_id, []).append(document)
    return found


def _whole(row: Credential) -> None:
    if row.withdrawn_on:
        raise Refused("This credential was withdrawn. Put it on file again.")


def verify(row: Credential, *, how: str, by: Actor, now: datetime) -> None:
    """Somebody looked at the source and stands for it. Nobody verifies their own while another owner could."""
    with db.atomic():
        row = Credential.get_by_id(row.id)
        _whole(row)
        if row.verified_on:
            raise Refused("This credential is verified already.")
        if not how.strip():
            raise Refused("Write how it was verified: where you looked, or whom you asked.")
        if row.type.needs_document and not papers([row]):
            raise Refused(f"{row.type.name} is verified from its copy. Add a photo or a PDF first.")
        own = by.person is not None and by.person.id == row.person_id
        if own and not row.type.holder_verifies and _another_owner(by.person):
            raise Refused("Somebody else verifies what you hold. Ask another owner.")
        Credential.update(verified_on=today(now), verified_by=by.id, verified_how=how.strip()).where(
            Credential.id == row.id
        ).execute()
        audit.record(by, "verify", "credential", row_id=row.id, person=row.person_id)
        rejudge(now=now)


def _another_owner(person: Person) -> bool:
    others = Person.select().where(Person.id != person.id, Person.disabled_at.is_null())
    return not person.has("owner") or any(other.has("owner") for other in others)


def withdraw(row: Credential, *, by: Actor, now: datetime) -> None:
    """Say that a credential was put on file by mistake, or was taken away: it is kept, and counts no more."""
    with db.atomic():
        row = Credential.get_by_id(row.id)
        _whole(row)
        if row.verified_on and by.person is not None and not by.person.has("owner"):
            raise Refused("It is verified by now. Ask the owner to withdraw it.")
        Credential.update(withdrawn_on=today(now), withdrawn_by=by.id).where(Credential.id == row.id).execute()
        audit.record(by, "withdraw", "credential", row_id=row.id, person=row.person_id)
        rejudge(now=now)


def apply(
    person: Person,
    *,
    of_type: CredentialType,
    state: str,
    facility: int | None,
    sent_on: date,
    by: Actor,
    now: datetime,
) -> Application:
    """Note that a first credential or a renewal was applied for; it is pending until the new one is on file."""
    if sent_on > today(now):
        raise Refused("The day it was sent lies ahead. Note it once it is sent.")
    with db.atomic():
        row = Application.create(person=person, type=of_type, state=state, facility=facility, sent_on=sent_on, by=by.id)
        audit.record(by, "apply", "credential", person=person.id, kind=of_type.name)
        rejudge(now=now)
    return row


def waive(
    person: Person, *, of_type: CredentialType, facility: int | None, from_on: date, until_on: date, reason: str,
    by: Actor, now: datetime,
) -> Waiver:  # fmt: skip
    """Do without a type of credential for a while. It is shown wherever the person is judged."""
    if until_on < from_on:
        raise Refused("The waiver ends before it starts. Check both dates.")
    with db.atomic():
        row = Waiver.create(
            person=person,
            type=of_type,
            facility=facility,
            from_on=from_on,
            until_on=until_on,
            reason=reason.strip(),
            by=by.id,
        )
        audit.record(by, "waive", "credential", row_id=row.id, person=person.id, kind=of_type.name)
        rejudge(now=now)
    return row


# What is demanded


def demand(
    *, role: str, types: Sequence[int], facility: int | None, payer: int | None, must_hold: bool, from_on: date | None,
    until_on: date | None, note: str, by: Actor, now: datetime,
) -> Requirement:  # fmt: skip
    """Write down what a facility, a payer or the practice demands of a role; any one of the types does."""
    if not types:
        raise Refused("Choose at least one kind of credential.")
    if from_on and until_on and until_on < from_on:
        raise Refused("The requirement ends before it starts. Check both dates.")
    with db.atomic():
        row = Requirement.create(
            role=role, type=types[0], or_types=list(types[1:]), facility=facility, payer=payer, must_hold=must_hold,
            for_claims=payer is not None, from_on=from_on, until_on=until_on, note=note.strip(),
        )  # fmt: skip
        audit.record(by, "add", "requirement", row_id=row.id)
        rejudge(now=now)
    return row


def end_demand(row: Requirement, *, last_on: date, by: Actor, now: datetime) -> None:
    """Give a requirement its last day. It is kept: cases up to then were judged by it."""
    if row.from_on and last_on < row.from_on:
        raise Refused(f"It applies from {row.from_on}; its last day cannot be before.")
    with db.atomic():
        Requirement.update(until_on=last_on).where(Requirement.id == row.id).execute()
        audit.record(by, "end", "requirement", row_id=row.id)
        rejudge(now=now)


def revise_type(row: CredentialType | None, *, values: dict[str, Any], by: Actor, now: datetime) -> CredentialType:
    """Add a kind of credential, or change one."""
    same = CredentialType.select().where(
        CredentialType.name == values["name"], CredentialType.id != (row.id if row else 0)
    )
    if same.exists():
        raise Refused("A kind of this name is there already. Open that one instead.")
    with db.atomic():
        if row is None:
            row = CredentialType.create(**values)
            audit.record(by, "add", "credential_type", row_id=row.id)
        else:
            before = {name: getattr(row, name) for name in values}
            CredentialType.update(**values).where(CredentialType.id == row.id).execute()
            audit.record(by, "revise", "credential_type", row_id=row.id, fields=audit.changed(before, values))
        rejudge(now=now)
    return CredentialType.get_by_id(row.id)


# Continuing education


def learn(
    person: Person, *, of_type: CredentialType, title: str, category: str, earned_on: date, minutes: int, by: Actor,
    now: datetime,
) -> Education:  # fmt: skip
    """Count continuing education towards a credential."""
    if earned_on > today(now):
        raise Refused("The day lies ahead. Add the hours once they are earned.")
    if category not in trade.CATEGORIES:
        raise Refused("Choose what kind of education it was.")
    with db.atomic():
        row = Education.create(
            person=person, type=of_type, title=title.strip(), category=category, earned_on=earned_on, minutes=minutes
        )
        audit.record(by, "add", "education", row_id=row.id, person=person.id)
    return row


def unlearn(row: Education, *, by: Actor, now: datetime) -> None:
    """Take back education that was added by mistake; the row is kept."""
    with db.atomic():
        Education.update(withdrawn_on=today(now)).where(Education.id == row.id).execute()
        audit.record(by, "withdraw", "education", row_id=row.id, person=row.person_id)


def credits(people: Iterable[Person]) -> dict[tuple[int, int], list[trade.Credit]]:
    """The education that counts, by person and type."""
    found: dict[tuple[int, int], list[trade.Credit]] = {}
    query = Education.select().where(
        Education.person.in_([person.id for person in people]), Education.withdrawn_on.is_null()
    )
    for row in query:
        credit = trade.Credit(earned_on=row.earned_on, minutes=row.minutes, category=row.category)
        found.setdefault((row.person_id, row.type_id), []).append(credit)
    return found
