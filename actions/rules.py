"""The rules at work: claims held by the practice's own, what fired and what came of it, the replay, their versions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import peewee as pw

from actions import Actor, Refused, audit, weighing
from actions.claim_bodies import as_billed
from actions.terms import terms
from models import Case, Claim, Facility, FindingOverride, Firing, Hold, OwnRule, Patient, Payer, db
from practice import claims, own_rules
from practice.own_rules import Condition
from practice.scrub import Finding

YEAR = timedelta(days=365)
MOST_SHOWN = 100


# Holds of the practice's own rules


def apply(claim: Claim, *, by: Actor, now: datetime) -> list[Hold]:
    """Judge the practice's own rules on a claim: raise what holds it, clear what no longer does. Gives what stands.

    Runs inside the transaction of its caller.
    """
    case = as_billed(claim.case)
    seen = weighing.given(case, claims.from_json(bytes(claim.body)), today=now.date())
    let_pass = weighing.overridden(case)
    wanted = {
        (rule.id, found.message): found
        for rule in weighing.own()
        if (found := own_rules.finding(rule, seen.subject)) and own_rules.holds(rule, seen.subject)
    }
    there = {(hold.rule, hold.reason): hold for hold in _of_rules(claim)}
    for key, hold in there.items():
        if key in let_pass:
            _release(hold, let_pass[key], by=by, now=now)
        elif key not in wanted:
            _release(hold, "The rule does not hold it any more.", by=None, now=now)
    for key in wanted:
        if key not in there and key not in let_pass:
            hold = Hold.create(claim=claim, rule=key[0], reason=key[1], at=now)
            audit.record(by, "hold", "claim", row_id=claim.id, case_id=case.id, rule=key[0])
    return list(_of_rules(claim))


def _of_rules(claim: Claim) -> pw.ModelSelect:
    return Hold.select().where(Hold.claim == claim.id, Hold.rule != "", Hold.released_at.is_null())


def _release(hold: Hold, reason: str, *, by: Actor | None, now: datetime) -> None:
    Hold.update(released_at=now, released_by=by.id if by else None, release_reason=reason).where(
        Hold.id == hold.id
    ).execute()


# What fired


def note_firings(case: Case, findings: Iterable[Finding], now: datetime) -> None:
    """Keep what the rules found on a case: a new finding is added, one that is gone is marked as cleared."""
    found = {(one.id, one.message): one for one in findings}
    with db.atomic():
        there = {
            (row.rule, row.message): row
            for row in Firing.select().where(Firing.case == case.id, Firing.cleared_at.is_null())
        }
        for key, row in there.items():
            if key not in found:
                Firing.update(cleared_at=now).where(Firing.id == row.id).execute()
        new = [
            {"rule": one.id, "case": case.id, "severity": one.severity, "message": one.message, "at": now}
            for key, one in found.items()
            if key not in there
        ]
        if new:
            Firing.insert_many(new).execute()


def note_all(now: datetime) -> int:
    """Weigh the signed cases of the last year whose claims are not paid or denied yet, and keep what the rules find."""
    settled = Claim.select(Claim.case).where(Claim.state.in_(["paid", "denied"]))
    cases = Case.select(Case.id).where(
        Case.signed_at.is_null(False), Case.date_of_service >= (now - YEAR).date(), Case.id.not_in(settled)
    )
    count = 0
    for (number,) in list(cases.tuples()):
        case = as_billed(Case(id=number))
        note_firings(case, weighing.weigh(case).findings, now)
        count += 1
    return count


OUTCOMES = ("paid", "denied", "overridden", "open", "unbilled")


@dataclass(frozen=True)
class Tally:
    """How often a rule fired in the last year, on how many cases, and what became of their claims."""

    times: int
    cases: int
    outcomes: Counter[str]


def tallies(now: datetime) -> dict[str, Tally]:
    """By rule, for the last 12 months."""
    rows = list(_fired(now))
    ends = _outcomes({row.case_id for row in rows})
    passed = _passed({row.case_id for row in rows})
    by_rule: dict[str, list[Firing]] = {}
    for row in rows:
        by_rule.setdefault(row.rule, []).append(row)
    return {
        rule: Tally(
            times=len(fired),
            cases=len({row.case_id for row in fired}),
            outcomes=Counter(outcome(rule, case, ends, passed) for case in {row.case_id for row in fired}),
        )
        for rule, fired in by_rule.items()
    }


def firings(rule: str, now: datetime) -> list[tuple[Firing, str]]:
    """The last firings of one rule with what became of the case's claim, the newest first."""
    rows = list(
        _fired(now)
        .where(Firing.rule == rule)
        .select(Firing, Case, Facility, Patient)
        .join(Case)
        .join(Facility)
        .switch(Case)
        .join(Patient)
        .order_by(Firing.at.desc(), Firing.id.desc())
        .limit(MOST_SHOWN)
    )
    ends, passed = _outcomes({row.case_id for row in rows}), _passed({row.case_id for row in rows})
    return [(row, outcome(rule, row.case_id, ends, passed)) for row in rows]


def _fired(now: datetime) -> pw.ModelSelect:
    return Firing.select().where(Firing.at >= now - YEAR)


def _outcomes(cases: set[int]) -> dict[int, str]:
    """The state of the newest claim of each case."""
    last = Claim.select(pw.fn.MAX(Claim.id)).where(Claim.case.in_(cases)).group_by(Claim.case)
    return dict(Claim.select(Claim.case, Claim.state).where(Claim.id.in_(last)).tuples())


def _passed(cases: set[int]) -> set[tuple[str, int]]:
    rows = FindingOverride.select(FindingOverride.finding, FindingOverride.case).where(FindingOverride.case.in_(cases))
    return set(rows.tuples())


def outcome(rule: str, case: int, ends: dict[int, str], passed: set[tuple[str, int]]) -> str:
    """What became of the claim of a case on which a rule fired."""
    state = ends.get(case)
    if state in ("paid", "denied"):
        return state
    if (rule, case) in passed:
        return "overridden"
    return "open" if state else "unbilled"


# Own rules


@dataclass(frozen=True)
class Replayed:
    """What a rule would have done to the claims of the last year."""

    looked_at: int
    held: list[Claim]
    unknown: list[tuple[Claim, str]]
    """Claims on which it could not be evaluated, and why."""
    warned: list[Claim]

    @property
    def denied(self) -> int:
        return sum(claim.state == "denied" for claim in self.held)


MOST_REPLAYED = 1000


def replay(rule: own_rules.OwnRule, *, today: date) -> Replayed:
    """Judge a rule on the claims of the last 12 months, the newest first: the same judgment that a live claim meets."""
    held, unknown, warned, count = [], [], [], 0
    for claim, found, verdict in _judged(rule, today):
        count += 1
        if verdict.outcome == "unknown":
            unknown.append((claim, "; ".join(verdict.why)))
        elif found is not None:
            (warned if rule.then == "warn" else held).append(claim)
    return Replayed(count, held, unknown, warned)


def _judged(rule: own_rules.OwnRule, today: date) -> Iterator[tuple[Claim, Finding | None, own_rules.Verdict]]:
    rows = (
        Claim.select(Claim, Payer)
        .join(Payer)
        .where(Claim.date_of_service >= today - YEAR, Claim.frequency != "8", Claim.state != "withdrawn")
        .order_by(Claim.date_of_service.desc(), Claim.id.desc())
        .limit(MOST_REPLAYED)
    )
    agreed = terms()
    for claim in rows:
        case, body = as_billed(Case(id=claim.case_id)), claims.from_json(bytes(claim.body))
        verdict = own_rules.judge(rule, weighing.subject(case, body, agreed, today=today))
        yield claim, own_rules.told(rule, verdict), verdict


def objections(name: str, conditions: Sequence[Condition], then: str, message: str, number: int | None) -> list[str]:
    """Why a rule cannot be kept so."""
    found = []
    if not name.strip():
        found.append("Give the rule a name.")
    elif any(
        one.name.lower() == name.strip().lower() and one.number != number for one in weighing.own(everything=True)
    ):
        found.append(f"There is a rule named {name.strip()} already: change that one, or choose another name.")
    if not message.strip():
        found.append("Say what the person who meets the rule should do.")
    if then not in own_rules.THEN:
        found.append("Choose what the rule does.")
    if not conditions:
        found.append("A rule needs at least one condition.")
    if len(conditions) > own_rules.MOST:
        found.append(f"A rule has at most {own_rules.MOST} conditions: make two rules of it.")
    found += [
        f"Condition {place}: {wrong}" for place, one in enumerate(conditions, 1) if (wrong := own_rules.problem(one))
    ]
    return found


def keep(
    *, name: str, conditions: Sequence[Condition], then: str, message: str, number: int | None = None, on: bool, by: Actor, now: datetime
) -> OwnRule:  # fmt: skip
    """Keep a rule as a new version, or as a new rule without a `number`. What was before stays readable."""
    if reasons := objections(name, conditions, then, message, number):
        raise Refused(*reasons)
    with db.atomic():
        number = number or (OwnRule.select(pw.fn.MAX(OwnRule.number)).scalar() or 0) + 1
        row = OwnRule.create(
            number=number, name=name.strip(), conditions=[[one.property, one.comparison, one.value] for one in conditions],
            then=then, message=message.strip(), on=on, at=now, by=by.id,
        )  # fmt: skip
        audit.record(by, "keep", "rule", row_id=row.id, number=number, on=on)
    return row


def switch(number: int, *, on: bool, by: Actor, now: datetime) -> OwnRule:
    """Turn a rule on or off: a version like the last one."""
    last = versions(number)[0]
    return keep(
        name=last.name, conditions=[Condition(*one) for one in last.conditions], then=last.then, message=last.message,
        number=number, on=on, by=by, now=now,
    )  # fmt: skip


def versions(number: int) -> list[OwnRule]:
    """Every version of a rule, the newest first."""
    return list(OwnRule.select().where(OwnRule.number == number).order_by(OwnRule.id.desc()))
