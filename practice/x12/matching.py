"""Which claim an answer speaks of: by the numbers of the files that were sent (claims-files.md 4).

A TA1 names the interchange, a 999 the group and transaction, a 277CA the claim itself or, above the claims, the
batch. That a file is sound says of its claims only that they were received.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from . import read
from .acks import Answers, ClaimAnswer, Outcome, TransactionAnswer


class Sent(Struct, frozen=True, kw_only=True):
    """One transaction that was sent, and the claims in it."""

    interchange: str
    group: str
    transaction: str
    batch: str
    claims: tuple[str, ...]


class Told(Struct, frozen=True, kw_only=True):
    """What one answer says of one claim."""

    claim: str
    by: Literal["TA1", "999", "277CA"]
    outcome: Outcome
    words: str
    payer_claim_number: str = ""
    interchange: str = ""
    """The file that a TA1 or 999 speaks of; a 277CA speaks of the claim, in whichever file it stands."""


class Matched(Struct, frozen=True, kw_only=True):
    """Everything a file of answers says of the claims we sent, and what in it belongs to nothing we sent."""

    told: tuple[Told, ...]
    unmatched: tuple[str, ...]


def sent(text: str) -> list[Sent]:
    """The transactions of a file of ours, by their numbers."""
    found: list[Sent] = []
    for interchange in read(text):
        isa = interchange.segments[0]
        group = transaction = batch = ""
        claims: list[str] = []
        for segment in interchange.segments:
            if segment.id == "GS":
                group = segment.at(6)
            elif segment.id == "ST":
                transaction, batch, claims = segment.at(2), "", []
            elif segment.id == "BHT":
                batch = segment.at(3)
            elif segment.id == "CLM":
                claims.append(segment.at(1))
            elif segment.id == "SE":
                made = Sent(
                    interchange=isa.at(13), group=group, transaction=transaction, batch=batch, claims=tuple(claims)
                )
                found.append(made)
    return found


def matched(answers: Answers, files: Sequence[Sent]) -> Matched:
    """What the answers say of each claim of these files, in their order."""
    told: list[Told] = []
    unmatched: list[str] = []
    for answer in answers.interchanges:
        named = [file for file in files if _same(file.interchange, answer.interchange)]
        told += _spread(named, "TA1", answer.outcome, answer.words)
        if not named:
            unmatched.append(f"Interchange {answer.interchange[:9]} was not sent from here: {answer.words}")
    for transaction in answers.transactions:
        named = [file for file in files if _same(file.group, transaction.group) and _in(file, transaction)]
        told += _of_transaction(named, transaction)
        if not named:
            unmatched.append(f"Group {transaction.group[:9]} was not sent from here: {transaction.words}")
    known = {claim.upper(): claim for file in files for claim in file.claims}
    for answer in answers.claims:
        found = list(_of_claims(answer, files, known))
        told += found
        if not found and (answer.claim or answer.outcome == "rejected"):
            unmatched.append(
                f"{answer.claim or answer.reference or 'An answer'} is no claim of these files: {answer.words}"
            )
    return Matched(told=tuple(told), unmatched=tuple(unmatched))


def _in(file: Sent, answer: TransactionAnswer) -> bool:
    """An answer that names no transaction speaks of the whole group."""
    return not answer.transaction or _same(file.transaction, answer.transaction)


def _same(ours: str, theirs: str) -> bool:
    """Receivers drop or add leading zeros."""
    return bool(theirs) and ours.lstrip("0") == theirs.lstrip("0")


def _spread(named: Sequence[Sent], by: Literal["TA1", "999"], outcome: Outcome, words: str) -> list[Told]:
    """A verdict on a file, told of each claim in it: a sound file is no accepted claim."""
    of_claim: Outcome = "received" if outcome == "accepted" else outcome
    return [
        Told(claim=claim, by=by, outcome=of_claim, words=words, interchange=file.interchange)
        for file in named
        for claim in file.claims
    ]


def _of_transaction(named: Sequence[Sent], answer: TransactionAnswer) -> list[Told]:
    """The verdict on the transaction for every claim, with the faults that name it, or that name none."""
    found = []
    for told in _spread(named, "999", answer.outcome, answer.words):
        own = [fault.message for fault in answer.faults if fault.claim.upper() in ("", told.claim.upper())]
        words = " ".join([f"The file as a whole: {told.words}", *own])
        found.append(replace(told, words=words))
    return found


def _of_claims(answer: ClaimAnswer, files: Sequence[Sent], known: dict[str, str]) -> Iterator[Told]:
    if answer.claim:
        claims = [known[answer.claim.upper()]] if answer.claim.upper() in known else []
    elif answer.outcome == "rejected":
        claims = [claim for file in files if _same(file.batch, answer.reference) for claim in file.claims]
    else:
        claims = []
    for claim in claims:
        yield Told(
            claim=claim,
            by="277CA",
            outcome=answer.outcome,
            words=answer.words,
            payer_claim_number=answer.payer_claim_number,
        )
