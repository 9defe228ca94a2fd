"""Who may work where on a day: what is demanded of a role at a place, held against what a person has on file.

Policy: it is the date of the case at its facility that is judged, not today (billing.md 8.2). A proof counts from its
first to its last day, both included, at the place it names, and only once somebody has verified it: an upload is a
claim. A demand that a person must hold stops without proof; one to keep current stops when what is on file has ended.
"""

from __future__ import annotations

import calendar
import tomllib
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

State = Literal["valid", "expiring", "waived", "unverified", "pending", "expired", "missing"]
STATES: tuple[State, ...] = ("valid", "expiring", "waived", "unverified", "pending", "expired", "missing")
"""From the best to the worst: of several credentials that would do, the best one counts."""
GOOD = ("valid", "expiring", "waived")
SOON = 90
"""Days before its end in which a credential is called expiring; a type whose first alert is later uses that."""
Where = Literal["anywhere", "state", "facility"]
Id = int | str


class Type(Struct, frozen=True, kw_only=True):
    """A kind of credential. `id` is its row, or its name where there are no rows."""

    id: Id
    name: str
    issuer: str = ""
    place: Where = "anywhere"
    roles: tuple[str, ...] = ()
    cycle_months: int | None = None
    cycle_days: int | None = None
    year_end: bool = False
    opens_days: int = 0
    grace_days: int = 0
    processing_days: int = 21
    alert_days: tuple[int, ...] = (90, 60, 30, 7, 0)
    needs_document: bool = False
    holder_verifies: bool = False
    ce_hours: int = 0
    how: str = ""
    source: str = ""
    certainty: str = ""

    @property
    def soon(self) -> int:
        return min(SOON, max(self.alert_days, default=SOON))


class Place(Struct, frozen=True, kw_only=True):
    """Where a case is."""

    id: Id
    name: str
    state: str = ""


class Proof(Struct, frozen=True, kw_only=True):
    """One credential of a person. A blank state or facility, from the days before both were asked for, fits anywhere."""

    id: Id
    type: Id
    number: str = ""
    state: str = ""
    facility: Id | None = None
    from_on: date | None = None
    until_on: date | None = None
    verified: bool = False

    def covers(self, day: date) -> bool:
        return (self.from_on is None or self.from_on <= day) and (self.until_on is None or day <= self.until_on)


class Asked(Struct, frozen=True, kw_only=True):
    """A credential was applied for on a day and has not come."""

    type: Id
    sent_on: date
    state: str = ""
    facility: Id | None = None


class Waived(Struct, frozen=True, kw_only=True):
    """Somebody does without a type of credential for a while: one facility, or the practice when it names none."""

    type: Id
    from_on: date
    until_on: date
    reason: str
    facility: Id | None = None


class Holder(Struct, frozen=True, kw_only=True):
    """A person with all that is on file."""

    id: Id
    name: str
    proofs: tuple[Proof, ...] = ()
    asked: tuple[Asked, ...] = ()
    waived: tuple[Waived, ...] = ()


class Demand(Struct, frozen=True, kw_only=True):
    """What a facility, a payer or (neither) the practice demands of a role; one of `types` does."""

    role: str
    types: tuple[Id, ...]
    facility: Id | None = None
    payer: Id | None = None
    must_hold: bool = True
    for_claims: bool = False
    from_on: date | None = None
    until_on: date | None = None
    note: str = ""

    def holds(self, day: date) -> bool:
        return (self.from_on is None or self.from_on <= day) and (self.until_on is None or day <= self.until_on)


class Rules(Struct, frozen=True, kw_only=True):
    """The types by id, and everything that is demanded by anybody."""

    types: dict[Id, Type]
    demands: tuple[Demand, ...]


class Standing(Struct, frozen=True, kw_only=True):
    """How a person meets one demand on the day of a case, said in a sentence. `stops`: they may not work on it."""

    types: tuple[Id, ...]
    name: str
    """Of the type that stands best."""
    state: State
    sentence: str
    stops: bool
    proof: Proof | None = None
    for_claims: bool = False

    @property
    def demand(self) -> str:
        """A key that stays the same from night to night."""
        return "/".join(str(one) for one in self.types)


def _table() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "tables" / "credentials.toml").read_text())


def default_types() -> tuple[Type, ...]:
    """The kinds of credentials the app comes with."""
    return tuple(msgspec.convert({"id": row["name"], **row}, Type) for row in _table()["type"])


def default_demands() -> tuple[Demand, ...]:
    """What the practice demands until it says otherwise: keep current what is on file."""
    return tuple(msgspec.convert({"must_hold": False, **row}, Demand) for row in _table()["requirement"])


def default_rules() -> Rules:
    return Rules(types={one.id: one for one in default_types()}, demands=default_demands())


# Judging


def objections(
    person: Holder, role: str, facility: Place, on: date, payer: Id | None, *, rules: Rules
) -> list[Standing]:
    """Every reason why this person may not work in this role on that day at that place; empty means they may."""
    return [one for one in standings(person, role, facility, on, payer, rules=rules) if one.stops]


def standings(
    person: Holder, role: str, facility: Place, on: date, payer: Id | None, *, rules: Rules
) -> list[Standing]:
    """How the person meets each demand, the worst first."""
    found = [_standing(person, one, facility, on, rules) for one in demands(role, facility, on, payer, rules)]
    return sorted(found, key=lambda one: (not one.stops, -STATES.index(one.state)))


def demands(role: str, facility: Place, on: date, payer: Id | None, rules: Rules) -> list[Demand]:
    """What is demanded of the role there on that day; of two demands for the same, the stricter."""
    strictest: dict[tuple[Id, ...], Demand] = {}
    for one in rules.demands:
        applies = one.role == role and one.facility in (None, facility.id) and one.payer in (None, payer)
        if not applies or not one.holds(on):
            continue
        other = strictest.get(one.types)
        claims = one.for_claims or one.payer is not None or (other is not None and other.for_claims)
        strict = one if other is None or one.must_hold else other
        strictest[one.types] = msgspec.structs.replace(strict, for_claims=claims)
    return list(strictest.values())


def _standing(person: Holder, demand: Demand, place: Place, on: date, rules: Rules) -> Standing:
    known = [rules.types[one] for one in demand.types if one in rules.types]
    if not known:
        return Standing(types=demand.types, name="", state="valid", sentence="Nothing is demanded.", stops=False)
    judged = [(_judge(person, one, place, on), one) for one in known]
    (state, proof, _), of_type = min(judged, key=lambda one: STATES.index(one[0][0]))
    if state == "unverified":
        # What is on file holds unless a verified one has ended; that another kind is still to come changes nothing.
        lapsed = any(_has_lapsed(person, one, place, on) for one in known)
    else:
        lapsed = any(one[2] for one, _ in judged)
    # Once something was verified, what replaces it is: or an upload would undo the stop.
    stops = state not in GOOD and (demand.must_hold or lapsed or state == "expired")
    any_of = " or ".join(one.name for one in known) if state == "missing" else of_type.name
    return Standing(
        types=demand.types,
        name=of_type.name,
        state=state,
        sentence=_sentence(person, any_of, of_type, place, on, state, proof),
        stops=stops,
        proof=proof,
        for_claims=demand.for_claims,
    )


def _has_lapsed(person: Holder, of_type: Type, place: Place, on: date) -> bool:
    """Whether a verified proof of the type has ended before the day."""
    here = (one for one in person.proofs if one.type == of_type.id and fits(one, of_type, place))
    return any(one.verified and one.until_on is not None and one.until_on < on for one in here)


def _judge(person: Holder, of_type: Type, place: Place, on: date) -> tuple[State, Proof | None, bool]:
    """The state of one type, the proof that says so, and whether a verified one has ended."""
    here = [one for one in person.proofs if one.type == of_type.id and fits(one, of_type, place)]
    covering = [one for one in here if one.covers(on)]
    good = sorted((one for one in covering if one.verified), key=_end)
    ended = sorted((one for one in here if one.until_on and one.until_on < on), key=_end)
    begins = sorted((one for one in here if one.from_on and one.from_on > on), key=lambda one: one.from_on or date.min)
    lapsed = _has_lapsed(person, of_type, place, on)
    if good:
        best = good[-1]
        return ("expiring" if days_left(best, on) <= of_type.soon else "valid"), best, lapsed
    if any(_is_waived(one, of_type, place, on) for one in person.waived):
        return "waived", None, lapsed
    if covering:
        return "unverified", sorted(covering, key=_end)[-1], lapsed
    if begins:
        return "pending", begins[0], True
    if any(_is_asked(one, of_type, place, on) for one in person.asked):
        return "pending", ended[-1] if ended else None, bool(ended)
    return ("expired", ended[-1], lapsed) if ended else ("missing", None, lapsed)


def fits(proof: Proof | Asked, of_type: Type, place: Place) -> bool:
    """Whether it counts at this place: a license in its state, privileges at their hospital."""
    if of_type.place == "state":
        return not proof.state or not place.state or proof.state == place.state
    return of_type.place != "facility" or proof.facility in (None, place.id)


def _is_waived(one: Waived, of_type: Type, place: Place, on: date) -> bool:
    return one.type == of_type.id and one.facility in (None, place.id) and one.from_on <= on <= one.until_on


def _is_asked(one: Asked, of_type: Type, place: Place, on: date) -> bool:
    return one.type == of_type.id and one.sent_on <= on and fits(one, of_type, place)


def _end(proof: Proof) -> date:
    return proof.until_on or date.max


def days_left(proof: Proof, on: date) -> int:
    """Days of validity that are left after `on`; a proof without an end has all of them."""
    return (_end(proof) - on).days


def _sentence(
    person: Holder, any_of: str, of_type: Type, place: Place, on: date, state: State, proof: Proof | None
) -> str:
    where = {"state": f" for {place.state or 'the state'}", "facility": f" at {place.name}", "anywhere": ""}[
        of_type.place
    ]
    what = f"{person.name}: {any_of}{where}"
    if state == "expired" and proof and proof.until_on:
        return f"{what} ended on {day(proof.until_on)}, {_days((on - proof.until_on).days)} before the case."
    if state == "pending" and proof and proof.from_on and proof.from_on > on:
        return f"{what} begins on {day(proof.from_on)}, after the case on {day(on)}."
    if state == "expiring" and proof and proof.until_on:
        return f"{what} is valid on {day(on)} and ends on {day(proof.until_on)}."
    return {
        "valid": f"{what} is valid on {day(on)}.",
        "waived": f"{what} is waived on {day(on)}.",
        "unverified": f"{what} is on file for {day(on)}, and nobody has verified it.",
        "pending": f"{what} was applied for and has not come.",
    }.get(state, f"{what} is not on file.")


def day(value: date) -> str:
    """Jun 9, 2026"""
    return f"{value:%b} {value.day}, {value.year}"


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"


# Time: what comes next, when to begin


def standing_now(proofs: Sequence[Proof]) -> list[Proof]:
    """Of each type and place the proof that ends last: what was renewed is history."""
    last: dict[tuple[Id, str, Id | None], Proof] = {}
    for one in proofs:
        key = (one.type, one.state, one.facility)
        if key not in last or (_end(one), str(one.id)) > (_end(last[key]), str(last[key].id)):
            last[key] = one
    return list(last.values())


class Due(Struct, frozen=True, kw_only=True):
    """A threshold of a credential is reached: so many days before its end somebody is told."""

    proof: Proof
    threshold: int
    days_left: int


def due(proofs: Iterable[Proof], types: dict[Id, Type], on: date) -> list[Due]:
    """The newest threshold that each proof has reached on a day, and that alone; a renewed one has none.

    Told once each (the threshold is part of the notice's key), a year of days gives exactly the thresholds of the
    type, and the first day after an outage gives the newest due.
    """
    found = []
    for one in standing_now(list(proofs)):
        left = days_left(one, on)
        reached = [days for days in types[one.type].alert_days if left <= days] if one.type in types else []
        if reached and one.until_on:
            found.append(Due(proof=one, threshold=min(reached), days_left=left))
    return found


def next_period(of_type: Type, *, after: date | None, on: date) -> tuple[date, date | None]:
    """The first and last day of a renewal. It follows the one before, if that has not lapsed past its grace.

    A type that ends with the year (CNIM) ends on the 31 December of the year its cycle ends in.
    """
    late = after is not None and on > after + timedelta(days=of_type.grace_days)
    start = after + timedelta(days=1) if after is not None and not late else on
    if of_type.cycle_months:
        until = _months_on(start, of_type.cycle_months) - timedelta(days=1)
    elif of_type.cycle_days:
        until = start + timedelta(days=of_type.cycle_days - 1)
    else:
        return start, None
    return start, date(until.year, 12, 31) if of_type.year_end else until


def _months_on(start: date, months: int) -> date:
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return date(year, month + 1, min(start.day, calendar.monthrange(year, month + 1)[1]))


def start_by(proof: Proof, of_type: Type) -> date | None:
    """The last day to begin a renewal: its end minus the days the issuer takes."""
    return proof.until_on - timedelta(days=of_type.processing_days) if proof.until_on else None


def opens_on(proof: Proof, of_type: Type) -> date | None:
    """The first day on which a renewal is taken, where there is one."""
    if proof.until_on is None or not of_type.opens_days:
        return None
    if of_type.year_end:  # with the year in which it ends, leap year or not
        return date(proof.until_on.year, 1, 1)
    return proof.until_on - timedelta(days=of_type.opens_days)


class Step(Struct, frozen=True, kw_only=True):
    """What to do next about a credential, and by when. `needs_action`: within ninety days or already late."""

    state: State
    what: str
    by: date | None = None
    needs_action: bool = False


def next_step(proof: Proof, of_type: Type, on: date, *, documented: bool, asked: bool = False) -> Step:
    """What somebody does about a credential next."""
    left, begin = days_left(proof, on), start_by(proof, of_type)
    if left < 0 and proof.until_on:
        last = proof.until_on + timedelta(days=of_type.grace_days)
        grace = f"Renew late until {day(last)}." if of_type.grace_days and on <= last else "Get it anew."
        return Step(
            state="pending" if asked else "expired",
            what="Wait for the renewal." if asked else f"It ended {_days(-left)} ago. {grace}",
            by=last if of_type.grace_days and on <= last else on,
            needs_action=True,
        )
    if not proof.verified:
        missing = of_type.needs_document and not documented
        what = "Add a copy, then have it verified." if missing else "Verify it with the issuer."
        return Step(state="unverified", what=what, by=on, needs_action=True)
    if asked:
        return Step(
            state="expiring" if left <= of_type.soon else "valid", what="The renewal is under way.", by=proof.until_on
        )
    soon = left <= of_type.soon
    if begin and on >= begin:
        return Step(state="expiring" if soon else "valid", what="Start the renewal now.", by=begin, needs_action=True)
    opens = opens_on(proof, of_type)
    if opens and on < opens:
        return Step(state="valid", what=f"Renewal opens {day(opens)}.", by=begin)
    if opens or soon:
        return Step(state="expiring" if soon else "valid", what="Start the renewal.", by=begin, needs_action=soon)
    if of_type.needs_document and not documented:
        return Step(state="valid", what="Add a copy.", needs_action=False)
    return Step(state="valid", what=f"Start the renewal by {day(begin)}." if begin else "Nothing.", by=begin)


# Continuing education


CATEGORIES = ("course", "conference", "webinar", "in-house", "journal", "teaching", "other")
HALF_AT_MOST = ("in-house", "journal")
"""No more than half of the hours from one of these (ABRET; billing.md 8.2)."""


class Credit(Struct, frozen=True, kw_only=True):
    """Education on a day, in minutes."""

    earned_on: date
    minutes: int
    category: str


class Progress(Struct, frozen=True, kw_only=True):
    """How the hours of a cycle stand. `counted` is what is left of each category after its cap."""

    needed: int
    counted: int
    by_category: dict[str, int]
    over: dict[str, int]
    days_left: int

    @property
    def lacking(self) -> int:
        return max(0, self.needed - self.counted)

    @property
    def a_month(self) -> int:
        """Minutes a month from now on, up to the next quarter of an hour; all of it when less than a month is left."""
        months = max(1, self.days_left // 30)
        return -(-self.lacking // (months * 15)) * 15


def progress(credits: Iterable[Credit], of_type: Type, *, start: date, until: date, on: date) -> Progress:
    """The minutes of a cycle that count, by category, against what is needed."""
    needed = of_type.ce_hours * 60
    by_category: dict[str, int] = {}
    for one in credits:
        if start <= one.earned_on <= until:
            by_category[one.category] = by_category.get(one.category, 0) + one.minutes
    over = {name: max(0, by_category.get(name, 0) - needed // 2) for name in HALF_AT_MOST}
    counted = sum(by_category.values()) - sum(over.values())
    left = max(0, (until - on).days)
    return Progress(
        needed=needed, counted=counted, by_category=by_category, days_left=left,
        over={name: minutes for name, minutes in over.items() if minutes},
    )  # fmt: skip


def cycle(of_type: Type, proof: Proof) -> tuple[date, date] | None:
    """The first and last day of the cycle in which education counts for a credential."""
    if proof.until_on is None:
        return None
    if proof.from_on:
        return proof.from_on, proof.until_on
    return _months_on(proof.until_on, -(of_type.cycle_months or 60)) + timedelta(days=1), proof.until_on


# Requirements compared


class Compared(Struct, frozen=True, kw_only=True):
    """One demand across places: at which it is made. `same` when at all of them."""

    types: tuple[Id, ...]
    at: dict[Id, bool]
    """By place, whether it must be held (or only kept current); places that do not ask are not in it."""
    same: bool


def compared(role: str, places: Sequence[Place], on: date, rules: Rules) -> list[Compared]:
    """What the places demand of a role, differences first."""
    asked: dict[tuple[Id, ...], dict[Id, bool]] = {}
    for place in places:
        for one in demands(role, place, on, None, rules):
            asked.setdefault(one.types, {})[place.id] = one.must_hold
    found = [
        Compared(types=types, at=at, same=len(at) == len(places) and len(set(at.values())) == 1)
        for types, at in asked.items()
    ]
    return sorted(found, key=lambda one: (one.same, -len(one.at)))


def superset(
    role: str, places: Sequence[Place], on: date, rules: Rules, held: Iterable[Id] = ()
) -> list[tuple[Id, str]]:
    """The least a person needs to work at all of the places: type and where, what they hold costing nothing.

    Of demands that several types would meet it takes the types that together are fewest, then quickest to get.
    """
    have = set(held)
    fixed: set[tuple[Id, str]] = set()
    open_: list[list[tuple[Id, str]]] = []
    for place in places:
        for one in demands(role, place, on, None, rules):
            if not one.must_hold:
                continue
            options = [(type_id, _for(rules.types[type_id], place)) for type_id in one.types if type_id in rules.types]
            if len(options) == 1:
                fixed.update(options)
            else:
                open_.append(options)
    open_ = [options for options in open_ if options and not fixed & set(options)]
    best = _cheapest(open_, fixed, lambda item: _price(rules.types[item[0]], item[0] in have))
    return sorted(best, key=lambda item: (rules.types[item[0]].name, item[1]))


def _for(of_type: Type, place: Place) -> str:
    return {"state": place.state, "facility": place.name, "anywhere": ""}[of_type.place]


def _price(of_type: Type, held: bool) -> tuple[int, int]:
    return (0, 0) if held and of_type.place == "anywhere" else (1, of_type.processing_days)


def _cheapest(open_: list[list[tuple[Id, str]]], chosen: set[tuple[Id, str]], price: Any) -> set[tuple[Id, str]]:
    """The cheapest set that has one of each list: all are tried, and what is met already asks nothing."""
    left = [options for options in open_ if not chosen & set(options)]
    if not left:
        return chosen
    tried = [_cheapest(left[1:], chosen | {option}, price) for option in left[0]]
    return min(tried, key=lambda found: (*map(sum, zip(*map(price, found), strict=True)), sorted(map(str, found))))
