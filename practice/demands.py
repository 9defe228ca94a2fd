"""What a payer wants to find in a packet, for each purpose, and what answers it: a page, or that it is missing.

What goes into a packet follows from it: a part that nobody wants for the purpose stays out (45 CFR 164.502(b), the
minimum necessary). Rows come from practice/tables/packets.toml and are the practice's own from then on.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import Struct

from .coding import Coding

PURPOSES = {"claim": "Claim packet", "records": "Records packet", "appeal": "Appeal packet", "audit": "Audit packet"}
OWN = {
    "claim_form": "Claim data (CMS-1500)",
    "units": "Claim summary",
    "report": "Signed report",
    "presence": "Time and presence log",
    "concurrency": "Physician's day: whose each minute is",
    "personnel": "Personnel and credentials",
    "history": "History of the record",
    "trail": "Audit trail of the case",
}
"""Parts that the app makes, by name."""
PAPERS = {
    "order": "Order for monitoring",
    "consent": "Consent",
    "necessity": "Statement of medical necessity",
    "authorization": "Authorization",
    "op_note": "Operative note",
    "anesthesia": "Anesthesia record",
    "waveforms": "Waveforms",
    "request": "Letter that asks for records",
    "denial": "Denial or explanation of benefits",
    "policy": "Payer's policy",
    "other": "Other document",
}
"""Parts that are papers of the case, by kind."""
PARTS = OWN | PAPERS
FAX_PAGES, PORTAL_BYTES = 100, 10_000_000
"""Beyond them a fax machine or a payer's portal is likely to refuse the packet (report-and-phone.md 5.2)."""
_ORDER = {
    "claim": ("request", "claim_form", "units", "report", "presence", "concurrency", "personnel", "order", "consent", "necessity",
              "authorization", "op_note", "anesthesia", "waveforms", "denial", "policy", "other", "history", "trail"),
    "appeal": ("request", "denial", "claim_form", "units", "report", "presence", "concurrency", "personnel", "policy", "authorization", "necessity",
               "order", "op_note", "anesthesia", "waveforms", "consent", "other", "history", "trail"),
}  # fmt: skip


class Demand(Struct, frozen=True, kw_only=True):
    """One thing that is wanted. `words` are the payer's, empty where the part's own name says it."""

    part: str
    words: str = ""
    required: bool = True

    @property
    def asks(self) -> str:
        return self.words or PARTS[self.part]


class Held(Struct, frozen=True, kw_only=True):
    """A demand with whom and when it is for; neither payer nor class: everybody."""

    demand: Demand
    purpose: str
    payer: int | None = None
    payer_class: str = ""
    from_on: date
    until_on: date | None = None


class Answer(Struct, frozen=True, kw_only=True):
    """Where a demand is met: the exhibits and their pages, or in `missing` a sentence that says it is not."""

    part: str
    asks: str
    required: bool
    places: tuple[tuple[str, int, int], ...] = ()
    """Letter, first and last page of each exhibit that answers."""
    missing: str = ""


class Seed(Struct, frozen=True, kw_only=True):
    """A row of the table that the app comes with."""

    purpose: str
    demand: Demand
    from_on: date
    source: str
    certainty: str


@cache
def seeds() -> tuple[Seed, ...]:
    raw: dict[str, Any] = tomllib.loads((Path(__file__).parent / "tables" / "packets.toml").read_text())
    return tuple(
        Seed(
            purpose=purpose,
            demand=Demand(part=row["part"], words=row.get("words", ""), required=row.get("required", True)),
            from_on=group["from_on"],
            source=row["source"],
            certainty=row["certainty"],
        )
        for purpose, group in raw.items()
        for row in group["part"]
    )


def defaults(purpose: str = "claim") -> tuple[Demand, ...]:
    """What the app comes with for a purpose, in the order in which it stands in a packet."""
    return in_order(purpose, (one.demand for one in seeds() if one.purpose == purpose))


def holding(rows: Iterable[Held], purpose: str, payer: int | None, payer_class: str, on: date) -> tuple[Demand, ...]:
    """What this payer wants on a day: of each part its own row, else its class's, else the one for everybody."""
    best: dict[str, tuple[int, Demand]] = {}
    for row in rows:
        if row.purpose != purpose or row.from_on > on or (row.until_on and row.until_on < on):
            continue
        if row.payer is not None:
            rank = 3 if row.payer == payer else 0
        else:
            rank = 1 if not row.payer_class else 2 if row.payer_class == payer_class else 0
        if rank > best.get(row.demand.part, (0, None))[0]:
            best[row.demand.part] = (rank, row.demand)
    return in_order(purpose, (demand for _, demand in best.values()))


def in_order(purpose: str, demands: Iterable[Demand]) -> tuple[Demand, ...]:
    order = _ORDER.get(purpose, _ORDER["claim"])
    return tuple(sorted(demands, key=lambda one: order.index(one.part)))


def lacking(
    *, coding: Coding, recorded: bool, watched: bool, credentialed: bool, report: bool, claim_form: bool, papers: Collection[str]
) -> dict[str, str]:  # fmt: skip
    """Of each part that says nothing, or is not there, a sentence about it."""
    missing = {kind: f"{title} is not on file." for kind, title in PAPERS.items() if kind not in papers}
    there = {
        "claim_form": (claim_form, "No claim of this case was made yet."),
        "units": (bool(coding.lines), "The record supports no line."),
        "report": (report, "The report is not signed."),
        "presence": (recorded, "No monitoring time is recorded."),
        "concurrency": (watched, "No connection of a physician is recorded."),
        "personnel": (credentialed, "No credential of anybody on the case is on file."),
    }
    return missing | {part: said for part, (is_there, said) in there.items() if not is_there}


def answered(
    demands: Iterable[Demand], missing: Mapping[str, str], places: Mapping[str, tuple[tuple[str, int, int], ...]] | None = None
) -> tuple[Answer, ...]:  # fmt: skip
    """Each demand with the pages that answer it. One that is not required and not there is left unsaid."""
    return tuple(
        Answer(
            part=one.part,
            asks=one.asks,
            required=one.required,
            places=() if one.part in missing else (places or {}).get(one.part, ()),
            missing=missing.get(one.part, ""),
        )
        for one in demands
        if one.required or one.part not in missing
    )
