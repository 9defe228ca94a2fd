"""Claims: made from a case and kept as they were made, moved by acts, corrected and voided by further claims.

`act` is the one place where a claim's state changes. What is lacking or found wrong is said whole, and nothing happens.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import msgspec

from actions import Actor, Refused, audit, counters, rules, unbilled, weighing
from actions.claim_bodies import Gathered, as_billed, build, gather
from models import Asked, Case, Claim, ClaimAct, Decided, FindingOverride, Hold, Payer, UtcField, db, param
from practice import claim_states as states
from practice import claims as c
from practice.claim_states import Act
from practice.money import dollars

__all__ = ["act", "body", "build", "make"]

COUNTED_FROM = datetime(2026, 1, 1, tzinfo=UTC)
"""Claim numbers are never below the minutes since then."""


def body(claim: Claim) -> c.Claim:
    """The claim as it was made."""
    return c.from_json(bytes(claim.body))


# Making


def make(case: Case, *, by: Actor, now: datetime, payer: Payer | None = None, sequence: str = "P") -> Claim:
    """Make the original claim of a signed case. Refused when something is lacking or the services are claimed already."""
    with db.atomic():
        if reasons := _unready(case):
            raise Refused(*reasons)
        gathered = _whole(gather(case, payer, sequence))
        claim = _keep(case, gathered.claim, gathered, payer or as_billed(case).payer, sequence, by=by, now=now)
        audit.record(by, "make", "claim", row_id=claim.id, case_id=case.id, number=claim.number)
    return claim


def _unready(case: Case) -> list[str]:
    case = Case.get_by_id(case.id)
    if case.signed_at is None:
        return ["The report is not signed, and a claim never goes before the report: the physician signs it first."]
    return [f"This case is not billed: {said}"] if (said := unbilled.reason(case)) else []


def _whole(gathered: Gathered) -> Gathered:
    if gathered.claim is None:
        raise Refused(*(lack.words for lack in gathered.lacks))
    return gathered


def _keep(
    case: Case, made: c.Claim, gathered: Gathered, payer: Payer, sequence: str, *, by: Actor, now: datetime,
    replaces: Claim | None = None,
) -> Claim:  # fmt: skip
    """Number the claim and write it down, unless the same services are on another original."""
    number = f"EV{counters.take('claim', least=(now - COUNTED_FROM) // timedelta(minutes=1)):07d}"
    made = numbered(made, number)
    if reasons := [*c.objections(made), *_twice(made, payer)]:
        raise Refused(*reasons)
    on = made.lines[0].from_on
    claim = Claim.create(
        case=case, payer=payer, number=number, sequence=sequence, frequency=made.frequency, replaces=replaces,
        body=c.to_json(made), date_of_service=on, total_cents=made.total_cents, expected_cents=gathered.expected_cents,
        file_by=gathered.file_by, payer_control="", state="coded", state_at=now, made_at=now, made_by=by.id,
    )  # fmt: skip
    ClaimAct.create(claim=claim, act="make", state="coded", at=now, by=by.id)
    if sequence == "P":
        unbilled.settle(case)
    judge(claim, by=by, now=now)
    return Claim.get_by_id(claim.id)


def numbered(made: c.Claim, number: str) -> c.Claim:
    """The claim and its lines and papers under their numbers, which come back with every answer."""
    lines = tuple(msgspec.structs.replace(line, key=f"{number}L{place}") for place, line in enumerate(made.lines, 1))
    papers = tuple(
        msgspec.structs.replace(paper, control=f"{number}-{place}") for place, paper in enumerate(made.attachments, 1)
    )
    return msgspec.structs.replace(made, control_number=number, lines=lines, attachments=papers)


def _twice(made: c.Claim, payer: Payer) -> list[str]:
    """Which services are on another original of this payer and day that still stands (billing.md 12, extra 26)."""
    rows = Claim.select().where(
        Claim.payer == payer.id, Claim.date_of_service == made.lines[0].from_on, Claim.frequency == "1",
        Claim.state.not_in(states.GONE),
    )  # fmt: skip
    said = c.same_services(made, [body(row) for row in rows])
    return [f"{one} Correct or void that one instead." for one in said]


# Acts


def act(claim: Claim, what: Act, *, by: Actor, now: datetime, words: str = "") -> Claim:
    """Let something happen to a claim. Refused when it cannot follow the state, or when what it asks for is not there."""
    step, words = states.STEPS[what], words.strip()
    with db.atomic():
        claim = Claim.get_by_id(claim.id)
        if objection := states.objection(claim.number, claim.state, what):
            raise Refused(objection)
        if step.needs_words and not words:
            raise Refused(
                f"Say more with “{step.tells.lower()}”: what was told, by whom, how much. Nothing was changed."
            )
        if what == "release" and (reasons := objections(claim, now.date())):
            raise Refused(*reasons)
        target = _before(claim) if what == "restore" else states.follow(claim.state, what)
        at = UtcField().db_value(now)
        ClaimAct.insert_plain(
            ("claim", "act", "state", "words", "at", "by"), [(claim.id, what, target, words, at, by.id)]
        )
        if target != claim.state:
            _MOVED(id=claim.id, state=target, at=at)
        audit.record(by, what, "claim", row_id=claim.id, case_id=claim.case_id)
        _follow_on(claim, what, by=by, now=now)
    return Claim.get_by_id(claim.id)


_MOVED = Asked(lambda: Claim.update(state=param("state"), state_at=param("at")).where(Claim.id == param("id")))
_NUMBERED = Asked(lambda: Claim.update(payer_control=param("number")).where(Claim.id == param("id")))
"""Built once: a file of answers moves thousands of claims while everybody else waits to write."""


def _before(claim: Claim) -> str:
    """The state a claim had before another took its place."""
    rows = ClaimAct.select().where(ClaimAct.claim == claim.id).order_by(ClaimAct.id.desc())
    return next(row.state for row in rows if row.state not in ("replaced", "voided"))


def _follow_on(claim: Claim, what: Act, *, by: Actor, now: datetime) -> None:
    """What an act on a correction or void means for the claim it is about; what a withdrawal means for the case."""
    if claim.replaces_id and what == "submit":
        first = Claim.get_by_id(claim.replaces_id)
        if first.state in states.SENT:
            act(first, "replace" if claim.frequency == "7" else "void", by=by, now=now, words=f"Claim {claim.number}")
    elif claim.replaces_id and what == "reject":
        first = Claim.get_by_id(claim.replaces_id)
        if first.state in ("replaced", "voided"):
            act(first, "restore", by=by, now=now, words=f"Claim {claim.number}")
    elif what == "withdraw" and claim.frequency == "1" and claim.sequence == "P":
        unbilled.note(claim.case, now=now)


def objections(claim: Claim, today: date | None = None) -> list[str]:
    """Why a claim does not leave: what the rules find, holds, and what differs from the case by now."""
    made = body(claim)
    found = c.objections(made)
    found += [f"Held: {hold.reason}" for hold in open_holds(claim)]
    if claim.frequency == "8":
        return found
    found += weighing.weigh(as_billed(claim.case), made, today=today).objections
    if changed := changed_since(claim):
        count = f"{len(changed)} thing{'s' if len(changed) > 1 else ''}"
        found.append(f"{count} of the case changed since the claim was made: make it anew.")
    return found


def changed_since(claim: Claim) -> list[c.Change]:
    """What would differ if the claim were made now. Nothing when it could not be made now: that is told by itself."""
    gathered = gather(claim.case, claim.payer if claim.sequence != "P" else None, claim.sequence)
    if gathered.claim is None:
        return []
    made = body(claim)
    again = numbered(gathered.claim, claim.number)
    return c.changes(made, msgspec.structs.replace(again, frequency=made.frequency, payer_control=made.payer_control))


def changes_of(claim: Claim) -> list[c.Change]:
    """What a corrected claim changes of the one it takes the place of; a void and an original change nothing."""
    if claim.frequency != "7":
        return []
    first = body(claim.replaces)
    return c.changes(first, numbered(body(claim), first.control_number))


def release(claims: Iterable[Claim], *, by: Actor, now: datetime) -> tuple[list[Claim], dict[str, list[str]]]:
    """Release each claim by itself: which went, and by number why the others did not."""
    gone: list[Claim] = []
    stayed: dict[str, list[str]] = {}
    for claim in claims:
        try:
            gone.append(act(claim, "release", by=by, now=now))
        except Refused as refused:
            stayed[claim.number] = refused.reasons
    return gone, stayed


# Holds


def open_holds(claim: Claim) -> list[Hold]:
    return list(Hold.select().where(Hold.claim == claim.id, Hold.released_at.is_null()).order_by(Hold.id))


def hold(claim: Claim, *, reason: str, by: Actor, now: datetime) -> Hold:
    """Keep a claim here until somebody clears the hold."""
    reason = reason.strip()
    if not reason:
        raise Refused("Say why the claim is held. Nothing was changed.")
    with db.atomic():
        claim = Claim.get_by_id(claim.id)
        if claim.state != "held" and (objection := states.objection(claim.number, claim.state, "hold")):
            raise Refused(objection)
        row = Hold.create(claim=claim, reason=reason, at=now, by=by.id)
        audit.record(by, "add", "hold", row_id=row.id, case_id=claim.case_id)
        follow_holds(claim, by=by, now=now)
    return row


def clear(row: Hold, *, reason: str, by: Actor, now: datetime) -> None:
    """End a hold, and say why it is settled."""
    reason = reason.strip()
    if not reason:
        raise Refused("Say why the hold is settled. Nothing was changed.")
    with db.atomic():
        row = Hold.get_by_id(row.id)
        if row.released_at:
            raise Refused("This hold was cleared already.")
        Hold.update(released_at=now, released_by=by.id, release_reason=reason).where(Hold.id == row.id).execute()
        if row.rule and (row.rule, row.reason) not in weighing.overridden(row.claim.case):
            # Otherwise the rule would hold the claim again, and every later one of the case.
            FindingOverride.create(
                case=row.claim.case_id, finding=row.rule, message=row.reason, reason=reason, at=now, by=by.id
            )
        audit.record(by, "clear", "hold", row_id=row.id, case_id=row.claim.case_id)
        follow_holds(row.claim, by=by, now=now)


def follow_holds(claim: Claim, *, by: Actor, now: datetime) -> None:
    """A claim with an open hold is held, one without is not: inside the transaction that raised or cleared one."""
    claim, holds = Claim.get_by_id(claim.id), open_holds(claim)
    if holds and states.follow(claim.state, "hold"):
        act(claim, "hold", by=by, now=now, words=holds[-1].reason)
    elif not holds and claim.state == "held":
        act(claim, "clear", by=by, now=now)


def judge(claim: Claim, *, by: Actor, now: datetime) -> None:
    """Hold the claim against the rules: the practice's own hold it, and what all of them find is kept.

    Runs inside the caller's transaction.
    """
    rules.apply(claim, by=by, now=now)
    rules.note_firings(claim.case, weighing.weigh(as_billed(claim.case), body(claim)).findings, now)
    follow_holds(claim, by=by, now=now)


# Made anew, corrected, voided


def remake(claim: Claim, *, by: Actor, now: datetime) -> Claim:
    """Withdraw a claim that nobody has taken in, and make it of the case as it is now, under a new number."""
    with db.atomic():
        claim = Claim.get_by_id(claim.id)
        if claim.state not in states.UNSENT:
            raise Refused(
                f"Claim {claim.number} is {states.WORDS[claim.state][1]}: what was sent is corrected or voided, not made anew."
            )
        act(claim, "withdraw", by=by, now=now, words="Made anew")
        if claim.replaces_id:
            first = Claim.get_by_id(claim.replaces_id)
            return _replacement(first, body(claim).payer_control, claim.frequency, by=by, now=now)
        other = claim.payer if claim.sequence != "P" else None
        return make(claim.case, by=by, now=now, payer=other, sequence=claim.sequence)


def correct(claim: Claim, *, payer_control: str, by: Actor, now: datetime) -> Claim:
    """A corrected claim (7) of the case as it is now, for one the payer has. Refused when nothing differs."""
    with db.atomic():
        return _replacement(claim, payer_control, "7", by=by, now=now)


def void(claim: Claim, *, payer_control: str, by: Actor, now: datetime) -> Claim:
    """A void (8) for a claim the payer has: it is to be treated as if it had never come."""
    with db.atomic():
        return _replacement(claim, payer_control, "8", by=by, now=now)


def objections_to_replacing(claim: Claim, payer_control: str) -> list[str]:
    """Why no corrected or void claim can be made of this one."""
    found = []
    if claim.state not in states.SENT:
        found.append(
            f"Claim {claim.number} is {states.WORDS[claim.state][1]}: only what the payer has can be corrected or voided."
        )
    if claim.frequency == "8":
        found.append("A void cannot be corrected.")
    if not payer_control:
        found.append("The payer's own number of the claim is missing. It stands on the payer's answer or remittance.")
    standing = Claim.select().where(Claim.replaces == claim.id, Claim.state.not_in(["withdrawn", "rejected"])).first()
    if standing:
        found.append(f"Claim {standing.number} already takes its place: work on that one.")
    return found


def _replacement(claim: Claim, payer_control: str, frequency: str, *, by: Actor, now: datetime) -> Claim:
    claim, payer_control = Claim.get_by_id(claim.id), payer_control.strip().upper()
    if reasons := objections_to_replacing(claim, payer_control):
        raise Refused(*reasons)
    first = body(claim)
    if frequency == "8":
        made = c.voided(first, control_number=claim.number, payer_control=payer_control)
        gathered = Gathered(made, [], weighing.coding.Coding(counted_minutes=0), claim.expected_cents, claim.file_by)
    else:
        other = claim.payer if claim.sequence != "P" else None
        gathered = _whole(gather(claim.case, other, claim.sequence))
        made = msgspec.structs.replace(gathered.claim, frequency="7", payer_control=payer_control)
        if not c.changes(first, numbered(made, claim.number)):
            raise Refused(
                "Nothing differs from the claim as it was sent. Correct the case, its billing form or the fees first."
            )
    if payer_control != claim.payer_control:
        Claim.update(payer_control=payer_control).where(Claim.id == claim.id).execute()
    row = _keep(claim.case, made, gathered, claim.payer, claim.sequence, by=by, now=now, replaces=claim)
    word = "correct" if frequency == "7" else "void"
    audit.record(by, word, "claim", row_id=row.id, case_id=claim.case_id, number=row.number, of=claim.number)
    return row


def name_payer_control(claim: Claim, payer_control: str, *, by: Actor) -> None:
    """Write down the payer's own number of a claim, as its answer told it."""
    with db.atomic():
        _NUMBERED(id=claim.id, number=payer_control.strip().upper())
        audit.record(by, "number", "claim", row_id=claim.id, case_id=claim.case_id)


# The next payer


@dataclass(frozen=True)
class LineDecision:
    """What a payer decided on one line: paid cents, and why the rest was not, each as group, reason, cents."""

    paid_cents: int
    adjustments: Sequence[tuple[str, str, int]] = ()


def imbalances(made: c.Claim, lines: Sequence[LineDecision]) -> list[str]:
    """Where paid and adjusted do not come to what was charged: the next payer's file would be turned back."""
    found = []
    for place, (line, said) in enumerate(zip(made.lines, lines, strict=True), 1):
        told = said.paid_cents + sum(cents for _, _, cents in said.adjustments)
        if told != line.charge_cents:
            found.append(
                f"Line {place}, {line.code}: paid and adjustments come to {dollars(told)}, and {dollars(line.charge_cents)} "
                f"was charged. {dollars(abs(line.charge_cents - told))} {'is missing' if told < line.charge_cents else 'is too much'}."
            )
    return found


def bill_next(
    claim: Claim, *, payer: Payer, decided_on: date, payer_control: str, lines: Sequence[LineDecision], by: Actor,
    now: datetime,
) -> Claim:  # fmt: skip
    """Keep what a payer decided, line by line, and make the claim to the payer after it."""
    with db.atomic():
        claim = Claim.get_by_id(claim.id)
        made, sequence = body(claim), {"P": "S", "S": "T"}.get(claim.sequence, "")
        reasons = imbalances(made, lines)
        if claim.state not in states.SENT:
            reasons.append(
                f"Claim {claim.number} is {states.WORDS[claim.state][1]}: its payer cannot have decided on it."
            )
        if not sequence:
            reasons.append("No payer comes after the third.")
        if decided_on < claim.date_of_service or decided_on > now.date():
            reasons.append("The payer decided between the day of service and today: correct the day.")
        if reasons:
            raise Refused(*reasons)
        if payer_control.strip():
            name_payer_control(claim, payer_control, by=by)
        kept = [
            [line.key, said.paid_cents, [list(one) for one in said.adjustments]]
            for line, said in zip(made.lines, lines, strict=True)
        ]
        Decided.create(claim=claim, on=decided_on, lines=kept, at=now, by=by.id)
        paid = sum(said.paid_cents for said in lines)
        act(
            claim,
            "pay" if paid else "deny",
            by=by,
            now=now,
            words=f"{dollars(paid)} paid on {decided_on:%m/%d/%Y}, keyed line by line",
        )
        return make(claim.case, by=by, now=now, payer=payer, sequence=sequence)
