"""What the pages of credentials show: rows with their next step, the matrix, the list before booked cases, hours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from actions import credentials
from models import Application, Assignment, Case, Credential, CredentialType, Facility, Person
from practice import credentials as trade
from views import hours

LOOK = {
    "valid": "ok", "expiring": "due", "waived": "unknown", "unverified": "due", "pending": "due", "expired": "blocked",
    "missing": "blocked",
}  # fmt: skip
AHEAD = timedelta(days=trade.SOON)


@dataclass(frozen=True)
class Row:
    """A credential as a line: what, whose, where, how it stands and what comes next."""

    id: int
    person: Person
    kind: str
    number: str
    where: str
    from_on: date | None
    until_on: date | None
    look: str
    word: str
    step: trade.Step
    copies: int


def word(state: str, until: date | None, on: date) -> str:
    """A state in two or three words, with the date that matters."""
    if state == "expired" and until:
        return f"expired {trade.day(until)}"
    if state in ("valid", "expiring") and until:
        left = (until - on).days
        return f"to {trade.day(until)}" if state == "valid" else f"{left} day{'' if left == 1 else 's'} left"
    return {"unverified": "not verified", "valid": "no end"}.get(state, state)


def rows_for(rows: Sequence[Credential], on: date, *, every: bool = False) -> list[Row]:
    """The lines of some credentials; those that a later one follows are left out unless `every` is asked for."""
    copies, asked = credentials.papers(rows), _asked([row.person_id for row in rows])
    last = {one.id for one in _standing(rows)}
    found = []
    for row in rows:
        if not every and row.id not in last:
            continue
        key = (row.person_id, row.type_id, row.state, row.facility_id)
        step = trade.next_step(
            credentials.proof_of(row),
            credentials.type_of(row.type),
            on,
            documented=row.id in copies,
            asked=key in asked,
        )
        if row.withdrawn_on:
            step = trade.Step(state="missing", what="Withdrawn.")
        found.append(
            Row(
                id=row.id, person=row.person, kind=row.kind, number=row.number, where=_where(row), from_on=row.from_on,
                until_on=row.until_on, look="unknown" if row.withdrawn_on else LOOK[step.state],
                word="withdrawn" if row.withdrawn_on else word(step.state, row.until_on, on), step=step,
                copies=len(copies.get(row.id, ())),
            )
        )  # fmt: skip
    return found


def _standing(rows: Sequence[Credential]) -> list[trade.Proof]:
    """Of each person what no later one follows."""
    people: dict[int, list[trade.Proof]] = {}
    for row in rows:
        people.setdefault(row.person_id, []).append(credentials.proof_of(row))
    return [one for proofs in people.values() for one in trade.standing_now(proofs)]


def _asked(people: Sequence[int]) -> set[tuple[int, int, str, int | None]]:
    query = Application.select().where(Application.person.in_(list(people)), Application.ended_on.is_null())
    return {(row.person_id, row.type_id, row.state, row.facility_id) for row in query}


def _where(row: Credential) -> str:
    return row.facility.name if row.facility_id else row.state or "everywhere"


def held(people: Sequence[Person]) -> list[Credential]:
    query = Credential.select(Credential, CredentialType, Person, Facility).join(CredentialType).switch(Credential)
    query = query.join(Person).switch(Credential).left_outer_join(Facility, on=(Credential.facility == Facility.id))
    return list(
        query.where(Credential.person.in_([one.id for one in people]), Credential.withdrawn_on.is_null()).order_by(
            CredentialType.name, Credential.until_on
        )
    )


def actions_due(people: Sequence[Person], on: date) -> list[Row]:
    """What somebody must do within ninety days, the most pressing first."""
    found = []
    for row in rows_for(held(people), on):
        ends = row.until_on is not None and row.until_on <= on + AHEAD
        if row.step.needs_action or ends or (row.step.by is not None and row.step.by <= on + AHEAD):
            found.append(row)
    return sorted(found, key=lambda row: (row.step.by or date.max, row.person.name, row.kind))


@dataclass(frozen=True)
class Cell:
    """One mark of the matrix."""

    look: str
    word: str
    where: str = ""
    credential: int | None = None


def matrix(
    people: Sequence[Person], on: date, facility: Facility | None
) -> tuple[list[str], list[tuple[Person, list[list[Cell]]]]]:
    """The kinds that anybody holds or must hold, and for each person the marks under each kind.

    For one facility: what counts there on the day, and what is demanded there.
    """
    rules, place = credentials.rules(), credentials.place_of(facility) if facility else None
    on_file, demanded = held(people), _demanded(people, on, rules, place)
    if place is not None:
        on_file = [row for row in on_file if trade.fits(credentials.proof_of(row), rules.types[row.type_id], place)]
    cells: dict[tuple[int, str], list[Cell]] = {}
    for row in rows_for(on_file, on):
        where = "" if row.where == "everywhere" or place is not None else row.where
        cells.setdefault((row.person.id, row.kind), []).append(Cell(row.look, row.word, where, row.id))
    for (person, kind), cell in demanded.items():
        cells.setdefault((person, kind), [cell])
    columns = sorted({kind for _, kind in cells}, key=str.casefold)
    return columns, [(one, [_gathered(cells.get((one.id, kind), [])) for kind in columns]) for one in people]


def _gathered(cells: Sequence[Cell]) -> list[Cell]:
    """Marks that say the same of several places as one."""
    alike: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        alike.setdefault((cell.look, cell.word), []).append(cell)
    return [
        same[0] if len(same) == 1 else replace(same[0], where=f"{len(same)} places", credential=None)
        for same in alike.values()
    ]


def _demanded(
    people: Sequence[Person], on: date, rules: trade.Rules, place: trade.Place | None
) -> dict[tuple[int, str], Cell]:
    """What is missing, waived or pending although it must be held: at the place, or by the practice everywhere."""
    found: dict[tuple[int, str], Cell] = {}
    anywhere = trade.Place(id=0, name="every hospital")
    holders = credentials.holders(people)
    for person in people:
        for role in person.roles:
            for one in trade.standings(holders[person.id], role, place or anywhere, on, None, rules=rules):
                if one.stops and one.proof is None or one.state == "waived":
                    found[(person.id, one.name)] = Cell(LOOK[one.state], one.state)
    return found


@dataclass(frozen=True)
class Before:
    """A coming case and what is to be done for it."""

    case: Case
    person: Person
    role: str
    standing: trade.Standing
    start_by: date | None
    overridden: bool


def before_cases(on: date) -> list[Before]:
    """What must be done before a booked case, the nearest first."""
    query = (
        Assignment.select(Assignment, Case, Facility, Person)
        .join(Case)
        .join(Facility)
        .switch(Assignment)
        .join(Person)
        .where(Case.date_of_service >= on, Case.closed_at.is_null(), Case.signed_at.is_null())
        .order_by(Case.date_of_service, Case.id, Person.name)
    )
    rows, rules = list(query), credentials.rules()
    holders = credentials.holders({row.person_id: row.person for row in rows}.values())
    found = []
    for row in rows:
        excused = credentials.allowed(row.case_id).get((row.person_id, row.role), {})
        for one in credentials.standings_on(row.case, row.person, row.role, given=rules, holder=holders[row.person_id]):
            if one.stops or one.state in ("unverified", "pending"):
                found.append(
                    Before(row.case, row.person, row.role, one, _begin(one, rules), credentials.covered(one, excused))
                )
    return found


def _begin(one: trade.Standing, rules: trade.Rules) -> date | None:
    """When a renewal had to begin to be there in time, for what ends before the case."""
    if one.proof is None or one.state != "expired":
        return None
    return trade.start_by(one.proof, rules.types[one.proof.type])


@dataclass(frozen=True)
class Track:
    """The hours of one person for one credential."""

    person: Person
    kind: str
    until_on: date
    progress: trade.Progress
    over: str


def tracked(people: Sequence[Person], on: date) -> list[Track]:
    """Hours against need for each credential that asks for continuing education, the nearest end first."""
    earned, found = credentials.credits(people), []
    for row in held(people):
        proof, of_type = credentials.proof_of(row), credentials.type_of(row.type)
        span = trade.cycle(of_type, proof)
        if not of_type.ce_hours or span is None or span[1] < on:
            continue
        got = earned.get((row.person_id, row.type_id), [])
        made = trade.progress(got, of_type, start=span[0], until=span[1], on=on)
        over = ", ".join(f"{hours(minutes)} hours of {name} above half" for name, minutes in made.over.items())
        found.append(Track(row.person, row.kind, span[1], made, over))
    return sorted(found, key=lambda one: (one.until_on, one.person.name))
