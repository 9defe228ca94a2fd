"""Reads what receivers answer: TA1 and 999 (was the file sound) and 277CA (is each claim taken).

What is not known is never taken for accepted (claims-files.md 4). A 999 is matched by the group and transaction
numbers that were sent, a 277CA by the claim number in its TRN; the caller does the matching with its rows.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from . import Interchange, Segment, Unreadable, decoded, read
from .guide import day

Outcome = Literal["accepted", "received", "partial", "rejected", "unknown"]


class Fault(Struct, frozen=True, kw_only=True):
    """One fault a receiver names in a transaction, in words."""

    segment: str
    position: int | None
    """Counted from ST, which is 1."""
    loop: str = ""
    element: str = ""
    bad_value: str = ""
    claim: str = ""
    message: str


class TransactionAnswer(Struct, frozen=True, kw_only=True):
    """What a 999 says of one transaction, or of a group that named none (`transaction` empty)."""

    group: str
    transaction: str = ""
    outcome: Outcome
    words: str
    faults: tuple[Fault, ...] = ()

    @property
    def claims(self) -> tuple[str, ...]:
        """The claims that the faults name."""
        return tuple(dict.fromkeys(fault.claim for fault in self.faults if fault.claim))


class InterchangeAnswer(Struct, frozen=True, kw_only=True):
    """What a TA1 says of a whole file."""

    interchange: str
    outcome: Outcome
    words: str


class Status(Struct, frozen=True, kw_only=True):
    """One status code of a 277CA, as it came and in words."""

    category: str
    code: str
    entity: str = ""
    action: str = ""
    on: date | None = None
    outcome: Outcome
    words: str


class ClaimAnswer(Struct, frozen=True, kw_only=True):
    """What a 277CA says of one claim, or, when `claim` is empty, of everything below `level`."""

    claim: str
    level: Literal["source", "receiver", "provider", "claim"]
    reference: str = ""
    """What the answer refers to at a level above the claims, such as the batch's own number."""
    outcome: Outcome
    words: str
    statuses: tuple[Status, ...]
    payer_claim_number: str = ""
    charge_cents: int | None = None
    lines: tuple[tuple[str, tuple[Status, ...]], ...] = ()
    """Lines with a status of their own, by their keys."""


class Answers(Struct, frozen=True, kw_only=True):
    """Everything in one file. The same file has the same digest, whatever it is called."""

    digest: str
    interchanges: tuple[InterchangeAnswer, ...] = ()
    transactions: tuple[TransactionAnswer, ...] = ()
    claims: tuple[ClaimAnswer, ...] = ()
    not_read: tuple[str, ...] = ()
    """What else the file holds, in words."""


@cache
def _words() -> dict[str, dict[str, Any]]:
    return tomllib.loads((Path(__file__).parent.parent / "tables" / "claim_status.toml").read_text())


def answers(data: bytes) -> Answers:
    """All answers of a file. Raises Unreadable when it is no X12 file, holds no answer, or is cut short."""
    transactions: list[TransactionAnswer] = []
    interchanges: list[InterchangeAnswer] = []
    claims: list[ClaimAnswer] = []
    others: list[str] = []
    known = False
    for interchange in read(decoded(data)):
        if interchange.segments[-1].id != "IEA":
            raise Unreadable(
                "The file ends before its last segment, the IEA: it did not come whole. Download it again."
            )
        interchanges += [_ta1(segment) for segment in interchange.segments if segment.id == "TA1"]
        for group_version, body in _bodies(interchange):
            version = f"{body[0].at(3)} {group_version}"
            kind = body[0].at(1)
            known = known or kind in ("999", "997") or (kind == "277" and "X214" in version)
            if kind in ("999", "997"):
                transactions += _999(body)
            elif kind == "277" and "X214" in version:
                claims += _277(body)
            else:
                others.append(f"A transaction {kind[:6]} that is no acknowledgment.")
    if not (known or interchanges):
        raise Unreadable(" ".join(others) or "The file holds no acknowledgment: no TA1, 999 or 277CA is in it.")
    return Answers(
        digest=hashlib.sha256(data).hexdigest(),
        interchanges=tuple(interchanges),
        transactions=tuple(transactions),
        claims=tuple(claims),
        not_read=tuple(others),
    )


def _bodies(interchange: Interchange) -> Iterator[tuple[str, list[Segment]]]:
    """Each transaction from ST on, with the version its group names; the SE may be missing."""
    version = ""
    body: list[Segment] = []
    for segment in interchange.segments:
        if segment.id in ("ST", "GS", "GE", "IEA") and body:
            yield version, body
            body = []
        if segment.id == "GS":
            version = segment.at(8)
        if segment.id == "ST" or body:
            body.append(segment)
    if body:
        yield version, body


def _ta1(segment: Segment) -> InterchangeAnswer:
    outcomes: dict[str, Outcome] = {"A": "accepted", "E": "accepted", "R": "rejected"}
    outcome = outcomes.get(segment.at(4), "unknown")
    said = {"accepted": "The file was taken in", "rejected": "The whole file was rejected"}
    why = _words()["interchange"].get(segment.at(5), f"code {segment.at(5)[:6]}, which is not known here")
    return InterchangeAnswer(
        interchange=segment.at(1), outcome=outcome, words=f"{said.get(outcome, 'The answer is not known')}: {why}."
    )


# 999


def _999(body: Sequence[Segment]) -> list[TransactionAnswer]:
    found: list[TransactionAnswer] = []
    group = transaction = ""
    faults: list[Fault] = []
    open_ = False
    for segment in body:
        if segment.id == "AK1":
            group = segment.at(2)
        elif segment.id == "AK2":
            if open_:
                found.append(_transaction(group, transaction, "", faults))
            transaction, faults, open_ = segment.at(2), [], True
        elif segment.id in ("IK3", "AK3"):
            faults.append(_segment_fault(segment))
        elif segment.id == "CTX" and faults:
            faults[-1] = _with_claim(faults[-1], segment)
        elif segment.id in ("IK4", "AK4") and faults:
            faults.append(_element_fault(faults[-1], segment))
        elif segment.id in ("IK5", "AK5"):
            found.append(_transaction(group, transaction, segment.at(1), faults))
            transaction, faults, open_ = "", [], False
        elif segment.id == "AK9":
            if open_:
                found.append(_transaction(group, transaction, "", faults))
                open_ = False
            found = _closed(found, group, segment)
    if open_:
        found.append(_transaction(group, transaction, "", faults))
    return found or [TransactionAnswer(group=group, outcome="unknown", words="The answer is incomplete.")]


def _transaction(group: str, transaction: str, code: str, faults: Sequence[Fault]) -> TransactionAnswer:
    outcome, words = _words()["transaction"].get(code, ("unknown", f"answered with '{code[:4]}', not known here"))
    kept = tuple(fault for fault in faults if fault.message)
    return TransactionAnswer(group=group, transaction=transaction, outcome=outcome, words=f"{words}.", faults=kept)


def _closed(found: list[TransactionAnswer], group: str, ak9: Segment) -> list[TransactionAnswer]:
    """The group's own verdict: a rejected group rejects every transaction, whatever was said of it before."""
    verdict = _transaction(group, "", ak9.at(1), ())
    mine = [answer for answer in found if answer.group == group]
    if not mine:
        return [*found, verdict]
    if verdict.outcome in ("accepted", "partial"):
        return found
    return [
        TransactionAnswer(
            group=answer.group,
            transaction=answer.transaction,
            outcome=verdict.outcome if answer.outcome in ("accepted", "partial") else answer.outcome,
            words=f"{answer.words} The group as a whole: {verdict.words}",
            faults=answer.faults,
        )
        if answer.group == group
        else answer
        for answer in found
    ]


def _segment_fault(ik3: Segment) -> Fault:
    why = _words()["segment_fault"].get(ik3.at(4), f"fault {ik3.at(4)[:4]}")
    where = f"{ik3.at(1)} at segment {ik3.at(2)}" + (f", loop {ik3.at(3)}" if ik3.at(3) else "")
    position = int(ik3.at(2)) if ik3.at(2).isdigit() else None
    return Fault(segment=ik3.at(1), position=position, loop=ik3.at(3), message=f"{where}: {why}.")


def _with_claim(fault: Fault, ctx: Segment) -> Fault:
    """CTX*CLM01:number names the claim; a situational trigger names the segment that asked for the missing one."""
    what = ctx.parts(1)
    claim = what[1] if len(what) > 1 and what[0] in ("CLM01", "PATIENT NAME NM109") else fault.claim
    message = fault.message
    if what and what[0].upper() == "SITUATIONAL TRIGGER":
        message = f"{message[:-1]}, because of {ctx.at(2)} at segment {ctx.at(3)}."
    return Fault(
        segment=fault.segment,
        position=fault.position,
        loop=fault.loop,
        element=fault.element,
        bad_value=fault.bad_value,
        claim=claim,
        message=message,
    )


def _element_fault(above: Fault, ik4: Segment) -> Fault:
    place = ik4.parts(1)
    element = f"{above.segment}{place[0]:0>2}" if place else above.segment
    if len(place) > 1 and place[1]:
        element += f"-{place[1]}"
    why = _words()["element_fault"].get(ik4.at(3), f"fault {ik4.at(3)[:4]}")
    shown = f" ('{ik4.at(4)[:40]}')" if ik4.at(4) else ""
    return Fault(
        segment=above.segment,
        position=above.position,
        loop=above.loop,
        element=element,
        bad_value=ik4.at(4),
        claim=above.claim,
        message=f"{element} at segment {above.position}: {why}{shown}.",
    )


# 277CA


_LEVELS: dict[str, Literal["source", "receiver", "provider", "claim"]] = {
    "20": "source",
    "21": "receiver",
    "19": "provider",
    "PT": "claim",
    "22": "claim",
    "23": "claim",
}


def _277(body: Sequence[Segment]) -> list[ClaimAnswer]:
    """One answer for each claim, and for each level above that was not simply taken."""
    found: list[ClaimAnswer] = []
    above: dict[str, list[Status]] = {}
    parents: dict[str, str] = {}
    for level in _levels(body):
        hl = level[0]
        kind = _LEVELS.get(hl.at(3), "claim")
        parents[hl.at(1)] = hl.at(2)
        for part in _claims_of(level) if kind == "claim" else [level]:
            answer = _answer(part, kind, _inherited(hl.at(2), parents, above))
            if kind != "claim":
                above[hl.at(1)] = list(answer.statuses)
            if kind == "claim" or answer.statuses:
                found.append(answer)
    return found


def _levels(body: Sequence[Segment]) -> Iterator[list[Segment]]:
    level: list[Segment] = []
    for segment in body:
        if segment.id in ("HL", "SE") and level:
            yield level
            level = []
        if segment.id == "HL" or level:
            level.append(segment)
    if level:
        yield level


def _claims_of(level: list[Segment]) -> list[list[Segment]]:
    """A patient's level may answer several claims: each begins at its TRN."""
    starts = [place for place, segment in enumerate(level) if segment.id == "TRN"]
    if len(starts) < 2:
        return [level]
    ends = [*starts[1:], len(level)]
    return [level[: starts[0]] + level[start:end] for start, end in zip(starts, ends, strict=True)]


def _inherited(parent: str, parents: dict[str, str], above: dict[str, list[Status]]) -> list[Status]:
    """What was rejected above: it rejects all below."""
    found: list[Status] = []
    seen: set[str] = set()
    while parent and parent not in seen:
        seen.add(parent)
        found += [status for status in above.get(parent, []) if status.outcome == "rejected"]
        parent = parents.get(parent, "")
    return found


def _answer(level: Sequence[Segment], kind: Any, inherited: Sequence[Status]) -> ClaimAnswer:
    own: list[Status] = []
    lines: list[tuple[str, tuple[Status, ...]]] = []
    trace = payer_number = key = ""
    charge: int | None = None
    in_line = False
    for segment in level:
        if segment.id == "TRN" and not trace:
            trace = segment.at(2)
        elif segment.id == "SVC":
            in_line, key = True, segment.part(1, 2)
            lines.append((key, ()))
        elif segment.id == "STC" and in_line:
            lines[-1] = (lines[-1][0], (*lines[-1][1], *_statuses(segment)))
        elif segment.id == "STC":
            own += _statuses(segment)
            charge = _cents(segment.at(4)) if charge is None else charge
        elif segment.id == "REF" and segment.at(1) == "1K":
            payer_number = segment.at(2)
        elif segment.id == "REF" and segment.at(1) == "FJ" and in_line:
            lines[-1] = (segment.at(2), lines[-1][1])
    every = [*own, *inherited, *(status for _, statuses in lines for status in statuses)]
    outcome = overall(every) if own or inherited else "unknown"
    return ClaimAnswer(
        claim=trace if kind == "claim" else "",
        level=kind,
        reference="" if kind == "claim" else trace,
        outcome=outcome,
        words="; ".join(dict.fromkeys(status.words for status in every)) or "nothing was said",
        statuses=tuple(every),
        payer_claim_number=payer_number,
        charge_cents=charge,
        lines=tuple(lines),
    )


def overall(statuses: Sequence[Status]) -> Outcome:
    """One rejection rejects, one unknown makes unknown; accepted is what says so with nothing against it."""
    outcomes = {status.outcome for status in statuses}
    for outcome in ("rejected", "unknown"):
        if outcome in outcomes:
            return outcome  # type: ignore[return-value]
    return "accepted" if "accepted" in outcomes else "received" if "received" in outcomes else "unknown"


def _statuses(stc: Segment) -> list[Status]:
    """The statuses of one STC; its action U rejects whatever the categories say."""
    found = []
    for place in (1, 10, 11):
        parts = [*stc.parts(place), "", "", ""]
        if any(parts):
            found.append(_status(parts[0], parts[1], parts[2], stc))
    return found or [_status("", "", "", stc)]


def _status(category: str, code: str, entity: str, stc: Segment) -> Status:
    words = _words()
    outcome, said = words["category"].get(category, ("unknown", f"category '{category[:4]}', not known here"))
    if stc.at(3) == "U":
        outcome, said = "rejected", said if outcome == "rejected" else f"rejected ({said})"
    elif stc.at(3) not in ("WQ", "") and outcome != "rejected":
        outcome, said = "unknown", f"{said}, with an action '{stc.at(3)[:4]}' not known here"
    detail = words["status"].get(code, f"status {code[:6]}" if code else "")
    detail += f" [{category} {code}]" if code in words["status"] else ""
    who = words["entity"].get(entity, f"party {entity[:4]}" if entity else "")
    text = ": ".join(part for part in (said, detail) if part)
    return Status(
        category=category,
        code=code,
        entity=entity,
        action=stc.at(3),
        on=day(stc.at(2)),
        outcome=outcome,
        words=f"{text} ({who})" if who else text,
    )


def _cents(text: str) -> int | None:
    try:
        return int(Decimal(text) * 100) if text else None
    except (InvalidOperation, OverflowError, ValueError):
        return None
