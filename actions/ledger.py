"""The physicians' time over all cases: its index is kept here, a day is read through it, and people settle overlaps.

The stretches are rows written when a record changes, not folded when somebody asks: a physician's day would need the
records of all its cases, and those of the days beside it (benchmarks/ledger.py measures the day as it is read now).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import peewee as pw

from actions import Actor, Refused, audit
from actions.terms import Terms, rule_of, terms
from models import SETTINGS, Allotment, Asked, Case, Facility, Person, Stretch, UtcField, among, db, param
from practice import coding, scrub
from practice import concurrency as conc
from practice import ledger as books
from practice.cases import Facts
from practice.concurrency import Intervals
from practice.ledger import Kept, Ledger, Share, Watched
from practice.proof import Proof, proof
from practice.times import Clock, clock

LONGEST = timedelta(days=3)
"""No stretch is longer, so that a day is found by where stretches begin."""
AROUND = timedelta(hours=36)
"""Cases so near to a day can share minutes with it across midnight."""
RECENT, SHOWN = timedelta(days=7), 8
TOLD_BY = frozenset(
    [
        "staff",
        "baseline_set",
        "event",
        "milestone",
        "monitoring_start",
        "monitoring_stop",
        "break",
        "presence",
        "handover",
        "struck",
    ]
)
"""Kinds of entries from which stretches come; the others change none."""
METHODS = {"whole": "takes overlapped blocks whole", "equal": "equal split", "signed": "as it was signed"}


def index(case: Case, facts: Facts | None = None) -> None:
    """Write the stretches of a case anew, inside the transaction that changed its record."""
    Stretch.delete().where(Stretch.case == case.id).execute()
    rows = [
        {
            "case": case.id,
            "who": one.who,
            "start": one.start,
            "end": one.end,
            "in_room": one.in_room,
            "alone": one.alone,
        }
        for one in books.watched(facts or case.facts())
    ]
    if rows:
        Stretch.insert_many(rows).execute()


def book(names: Iterable[str], first: datetime, last: datetime, agreed: Terms | None = None) -> Ledger:
    """The time of the physician with these names around these instants, allotted over all cases and payers."""
    agreed = agreed or terms()
    names, stored, when = set(names), UtcField().db_value, UtcField().python_value
    rows = [
        Near(
            who,
            when(start),
            when(end),
            bool(in_room),
            bool(alone),
            number,
            payer_class,
            payer_id,
            date.fromisoformat(on),
        )
        for who, start, end, in_room, alone, number, payer_class, payer_id, on in _NEAR(
            names=names,
            until=stored(last + AROUND),
            first=stored(first - AROUND - LONGEST),
            ends=stored(first - AROUND),
        )
    ]
    near = books.together([(row.number, row.start, row.end) for row in rows], first, last)
    rows = [row for row in rows if row.number in near]
    rules = {row.number: rule_of(row, agreed) or coding.NO_RULE for row in rows}
    kept, chosen = _allotments(names, list(rules))
    found = [
        books.stretch(row.number, Watched(row.who, row.start, row.end, row.in_room, row.alone), rules[row.number])
        for row in rows
    ]
    return books.ledger(found, kept, chosen)


class Near(NamedTuple):
    """A stretch with what of its case decides which rule holds."""

    who: str
    start: datetime
    end: datetime
    in_room: bool
    alone: bool
    number: int
    payer_class: str
    payer_id: int | None
    date_of_service: date


_NEAR = Asked(
    lambda: (
        Stretch.select(
            Stretch.who, Stretch.start, Stretch.end, Stretch.in_room, Stretch.alone, Case.id, Case.payer_class, Case.payer_id,
            Case.date_of_service,
        )
        .join(Case)
        .where(
            Stretch.who.in_(among("names")), Stretch.start < param("until"), Stretch.start > param("first"),
            Stretch.end > param("ends"),
        )
        .order_by(Stretch.start)
    )
)  # fmt: skip


def _allotments(names: set[str], cases: Sequence[int]) -> tuple[dict[int, Kept], list[int]]:
    """What was signed, and the cases somebody chose, the newest first."""
    kept: dict[int, Kept] = {}
    chosen: list[int] = []
    for row in newest(names, cases):
        if row.method == "signed":
            kept[row.case_id] = Kept(_instants(row.exclusive), _instants(row.shared))
        elif row.method == "whole":
            chosen.append(row.case_id)
    return kept, chosen


def newest(names: Iterable[str], cases: Sequence[int]) -> list[Allotment]:
    """The allotment of each case that counts, newest first."""
    found: dict[int, Allotment] = {}
    for row in _ALLOTTED.rows(cases=cases, names=set(names)):
        found.setdefault(row.case_id, row)
    return list(found.values())


_ALLOTTED = Asked(
    lambda: (
        Allotment.select()
        .where(Allotment.case.in_(among("cases")), Allotment.who.in_(among("names")))
        .order_by(Allotment.id.desc())
    )
)


def _instants(pairs: list[list[str]]) -> Intervals:
    return tuple((datetime.fromisoformat(start), datetime.fromisoformat(end)) for start, end in pairs)


# For one case


def of_case(case: Case, facts: Facts, agreed: Terms | None = None) -> dict[str, Ledger]:
    """By staff id, the ledger of each physician of the case around its time."""
    agreed, found = agreed or terms(), {}
    for staff, name in _physicians(facts).items():
        first, last = _EDGES(case=case.id, who=name).fetchone()
        if first:
            when = UtcField().python_value
            found[staff] = book(_aliases(name), when(first), when(last), agreed)
    return found


_EDGES = Asked(
    lambda: Stretch.select(pw.fn.MIN(Stretch.start), pw.fn.MAX(Stretch.end)).where(
        Stretch.case == param("case"), Stretch.who == param("who")
    )
)


def _physicians(facts: Facts) -> dict[str, str]:
    refs = dict.fromkeys(log.physician for log in facts.physician_log)
    return {ref: facts.person_name(ref) or ref for ref in refs}


def _aliases(name: str) -> set[str]:
    """The same person may stand in records with and without the letters after the name."""
    bare = name.split(",")[0]
    people = [p for p in _NAMED.rows(name=bare) if name in (p.name, p.signing_name)]
    return {name, *(alias for person in people for alias in names_of(person))}


_NAMED = Asked(lambda: Person.select().where(Person.name == param("name")))


def names_of(person: Person) -> set[str]:
    return {person.name, person.signing_name}


def shares(case: Case, ledgers: Mapping[str, Ledger]) -> dict[str, Share]:
    """What the ledgers leave the case of each physician's time."""
    return {staff: one.shares[case.id] for staff, one in ledgers.items() if case.id in one.shares}


def findings(case: Case, facts: Facts, ledgers: Mapping[str, Ledger]) -> tuple[scrub.Shared, ...]:
    """V04, V07 and V08 where they are about this case."""
    return tuple(
        scrub.Shared(
            id=said.id, severity=said.severity, message=f"{facts.person_name(staff)}: {said.message}", where=f"ledger#{staff}"
        )
        for staff, one in ledgers.items()
        for said in books.findings(one)
        if case.id in said.cases
    )  # fmt: skip


def proofs(case: Case, facts: Facts, ledgers: Mapping[str, Ledger]) -> tuple[Proof, ...]:
    """For the packet: each physician's day around this case, in which other patients are only other cases."""
    shown, found = clock(facts), []
    for staff, one in ledgers.items():
        live = one.live(case.id)
        days = [edge.astimezone(shown.zone).date() for stretch in live for edge in stretch]
        near = _on_days(one, min(days), max(days), shown.zone)
        numbers = {number: place for place, number in enumerate((n for n in near if n != case.id), 1)}
        labels = {n: "This case" if n == case.id else f"Another case ({numbers[n]})" for n in near}
        name = facts.person_name(staff) or staff
        told = tuple(_told(_aliases(name), labels, of=case.id))
        found.append(proof(name, min(days), one, labels, shown, methods=told))
    return tuple(found)


def _on_days(ledger: Ledger, first: date, last: date, zone: ZoneInfo) -> list[int]:
    """The cases of the ledger that were live on these days, in the order in which they began."""
    start = datetime.combine(first, time(), zone)
    end = datetime.combine(last + timedelta(days=1), time(), zone)
    return [case for case in ledger.shares if any(s < end and start < e for s, e in ledger.live(case))]


def _told(names: set[str], labels: Mapping[int, str], of: int | None = None) -> Iterable[str]:
    """How each case stands, and why; in the packet of a case the reasons of the others stay at home."""
    for row in newest(names, list(labels)):
        reason = row.reason if of in (None, row.case_id) else "The reason is on file."
        yield f"{labels[row.case_id]}: {METHODS[row.method]}. {reason}"


# A day


def day(person: Person, on: date) -> tuple[Proof | None, list[Any]]:
    """The day of a physician and its cases as rows; None when nothing is recorded."""
    zone = SETTINGS.zone
    start, end = datetime.combine(on, time(), zone), datetime.combine(on + timedelta(days=1), time(), zone)
    made = book(names_of(person), start, end)
    near = _on_days(made, on, on, zone)
    rows = list(
        Case.select(Case.id, Case.reference, Case.procedure, Case.payer_class, Case.signed_at, Facility.name.alias("facility"))
        .join(Facility).where(Case.id.in_(near)).namedtuples()
    )  # fmt: skip
    if not near:
        return None, []
    labels = {row.id: row.reference or f"C-{row.id:04d}" for row in rows}
    methods = tuple(_told(names_of(person), labels))
    return proof(person.name, on, made, labels, Clock(zone, on), methods=methods), rows


def standing(now: datetime, person: Person | None = None) -> list[tuple[Person, date, str]]:
    """The newest days of the last week with more cases at once than a payer takes, while one of them is not signed."""
    people = [person] if person else [p for p in Person.select() if p.has("physician")]
    by_name = {name: one for one in people for name in names_of(one)}
    rows = (
        Stretch.select(
            Stretch.who, Stretch.start, Stretch.end, Case.id.alias("number"), Case.payer_class, Case.payer_id,
            Case.date_of_service, Case.signed_at,
        )
        .join(Case)
        .where(Stretch.start > now - RECENT, Stretch.start <= now, Stretch.who.in_(list(by_name)))
        .namedtuples()
    )  # fmt: skip
    days: dict[tuple[date, int], list[Any]] = {}
    for row in rows:
        days.setdefault((row.start.astimezone(SETTINGS.zone).date(), by_name[row.who].id), []).append(row)
    agreed, known = terms(), {one.id: one for one in people}
    found: list[tuple[Person, date, str]] = []
    for (on, who), some in sorted(days.items(), reverse=True):
        if len(found) < SHOWN and any(row.signed_at is None for row in some) and (said := _over(some, agreed)):
            found.append((known[who], on, said))
    return found


def _over(rows: Sequence[Any], agreed: Terms) -> str:
    """The most cases at once and the least of the limits, in words, when that is too many."""
    peak = max((count for *_, count in conc.levels((row.start, row.end) for row in rows)), default=0)
    limit = min((rule_of(row, agreed) or coding.NO_RULE).max_concurrent for row in {r.number: r for r in rows}.values())
    return f"{peak} cases at the same time; the limit is {limit}." if peak > limit else ""


# Acts


def choose(case: Case, person: Person, *, whole: bool, reason: str, by: Actor, now: datetime) -> None:
    """Give a case the blocks it shares with others whole, or split them equally again. Signed cases stay as signed."""
    reason = reason.strip()
    if not reason:
        raise Refused("Say why the minutes are allotted in another way. Nothing was changed.")
    with db.atomic():
        case = Case.get_by_id(case.id)
        if case.signed_at:
            raise Refused("This case is signed: its minutes stay as they were signed.")
        names = [
            row.who
            for row in Stretch.select(Stretch.who)
            .where(Stretch.case == case.id, Stretch.who.in_(list(names_of(person))))
            .distinct()
        ]
        if not names:
            raise Refused(f"{person.name} has no recorded time on this case.")
        method = "whole" if whole else "equal"
        Allotment.create(case=case, who=names[0], method=method, reason=reason, at=now, by=by.id)
        audit.record(by, "allot", "ledger", row_id=person.id, case_id=case.id, method=method)


def keep(case: Case, *, by: Actor, now: datetime) -> None:
    """Write down what a case bills of each physician's time, inside the transaction that signs it."""
    facts = case.facts()
    rule = rule_of(case, terms()) or coding.NO_RULE
    for staff, share in shares(case, of_case(case, facts)).items():
        shared = share.open if rule.remote_code == "95941" else ()
        Allotment.create(
            case=case, who=_physicians(facts)[staff], method="signed", exclusive=_plain(share.exclusive),
            shared=_plain(shared), reason="The report was signed.", at=now, by=by.id,
        )  # fmt: skip


def _plain(time: Intervals) -> list[list[str]]:
    return [[start.isoformat(), end.isoformat()] for start, end in time]
