"""The life of a claim as one closed table: which act may follow which state, and where it leads.

A claim is coded, may be held, is released, submitted, then answered: accepted or rejected by who takes files in, paid or
denied by the payer. What was sent stays sent: it is corrected (7) or voided (8) by another claim, never taken back.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

State = Literal[
    "coded",
    "held",
    "released",
    "submitted",
    "accepted",
    "rejected",
    "paid",
    "denied",
    "withdrawn",
    "replaced",
    "voided",
]
STATES: tuple[State, ...] = (
    "coded", "held", "released", "submitted", "accepted", "rejected", "paid", "denied", "withdrawn", "replaced", "voided",
)  # fmt: skip
OPEN: tuple[State, ...] = ("coded", "held", "released", "submitted", "accepted", "rejected", "denied")
"""States in which money is outstanding."""
UNSENT: tuple[State, ...] = ("coded", "held", "released", "rejected")
"""Nobody has taken the claim in, so it may be made anew."""
SENT: tuple[State, ...] = ("submitted", "accepted", "paid", "denied")
"""The payer may have it, so only another claim changes it."""
GONE: tuple[State, ...] = ("withdrawn", "rejected", "voided")
"""The services may be claimed again by a new original."""

Act = Literal[
    "make", "hold", "clear", "release", "recall", "submit", "accept", "reject", "pay", "deny", "withdraw", "replace", "void",
    "restore", "note",
]  # fmt: skip


class Step(Struct, frozen=True, kw_only=True):
    """An act: from which states, to which one (None: it stays), and what people call it.

    `tells` are the words of the history, `needs_words` asks for a note with it.
    """

    sources: tuple[State, ...]
    target: State | None
    button: str
    tells: str
    needs_words: bool = False


STEPS: dict[Act, Step] = {
    "make": Step(sources=(), target="coded", button="Make the claim", tells="Made from the record"),
    "hold": Step(sources=("coded", "released", "rejected"), target="held", button="Hold it", tells="Held"),
    "clear": Step(sources=("held",), target="coded", button="Clear the hold", tells="No hold stands any more"),
    "release": Step(sources=("coded", "rejected"), target="released", button="Release it", tells="Released for sending"),
    "recall": Step(
        sources=("released",), target="coded", button="Take the release back", tells="Release taken back"
    ),
    "submit": Step(sources=("released",), target="submitted", button="It was sent", tells="Sent to the payer"),
    "accept": Step(
        sources=("submitted", "accepted"), target="accepted", button="It was accepted", tells="Taken in for processing"
    ),
    "reject": Step(
        sources=("submitted", "accepted"), target="rejected", button="It was rejected",
        tells="Turned back before processing", needs_words=True,
    ),
    "pay": Step(
        sources=("submitted", "accepted", "paid", "denied"), target="paid", button="It was paid", tells="Paid",
        needs_words=True,
    ),
    "deny": Step(
        sources=("submitted", "accepted", "paid", "denied"), target="denied", button="It was denied", tells="Denied",
        needs_words=True,
    ),
    "withdraw": Step(sources=UNSENT, target="withdrawn", button="Withdraw it", tells="Withdrawn", needs_words=True),
    "replace": Step(sources=SENT, target="replaced", button="", tells="A corrected claim went out in its place"),
    "void": Step(sources=SENT, target="voided", button="", tells="A void went out for it"),
    "restore": Step(
        sources=("replaced", "voided"), target=None, button="",
        tells="What was to take its place was turned back, so it stands again",
    ),
    "note": Step(sources=STATES, target=None, button="Add a note", tells="Note", needs_words=True),
}  # fmt: skip

WORDS: dict[State, tuple[str, str]] = {
    "coded": ("due", "to release"),
    "held": ("blocked", "held"),
    "released": ("due", "to send"),
    "submitted": ("unknown", "sent, no answer"),
    "accepted": ("unknown", "accepted, not paid"),
    "rejected": ("blocked", "rejected"),
    "paid": ("ok", "paid"),
    "denied": ("blocked", "denied"),
    "withdrawn": ("unknown", "withdrawn"),
    "replaced": ("unknown", "corrected by another"),
    "voided": ("unknown", "voided"),
}
"""The look (ok, due, blocked, unknown) and the words of each state."""


def follow(state: State, act: Act) -> State | None:
    """The state the act leads to, or None when it cannot follow this state."""
    step = STEPS[act]
    if state not in step.sources:
        return None
    return step.target or state


def objection(number: str, state: State, act: Act) -> str | None:
    """Why the act cannot follow, in a sentence; None when it can."""
    if follow(state, act):
        return None
    can = ", ".join(WORDS[source][1] for source in STEPS[act].sources)
    return f"Claim {number} is {WORDS[state][1]}; “{STEPS[act].tells.lower()}” can only follow: {can}."


def by_hand(state: State) -> list[Act]:
    """The acts a person may choose on a claim in this state, in the order of a claim's life."""
    chosen: tuple[Act, ...] = ("release", "recall", "submit", "accept", "reject", "pay", "deny", "withdraw")
    return [act for act in chosen if follow(state, act)]
