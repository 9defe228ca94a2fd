"""What the rules look at: a case with its coding, and the claim when there is one. Values only."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Literal

from msgspec import Struct

from .. import concurrency as conc
from .. import credentials as creds
from ..cases import Facts
from ..claims import Claim, Provider
from ..coding import CODES, CONTINUOUS, FACILITY_POS, Coding, PayerRule
from ..completeness import Missing, missing
from ..edits import Edits, Limit
from ..times import Clock, clock


class Credential(Struct, frozen=True, kw_only=True):
    """Dated proof that a person holds, as the practice has it on file."""

    person_name: str
    person_staff_id: str | None = None
    kind: str
    number: str | None = None
    state: str | None = None
    facility: str | None = None
    from_on: date | None = None
    until_on: date | None = None
    verified: bool = False


class Signature(Struct, frozen=True, kw_only=True):
    """A physician's act on an exact text."""

    name: str
    at: datetime
    text_sha256: str
    staff: str | None = None


class Order(Struct, frozen=True, kw_only=True):
    """The request for monitoring as the case holds it."""

    requested_by: str | None = None
    requested_on: date | None = None
    surgeon_npi: str | None = None


class Paper(Struct, frozen=True, kw_only=True):
    """A document on file: its kind (order, consent, op_note, anesthesia, other) and its title."""

    kind: str
    title: str = ""


class Report(Struct, frozen=True, kw_only=True):
    """The report that counts. `sha256` is the digest of the text as it would print."""

    sha256: str | None = None
    stale: bool = False
    approved: bool = False
    by_model: int = 0
    """Wordings of a language model that stand in it."""
    read_minutes: int | None = None
    """How long a person had it in sight; None: nobody opened it."""
    alike: tuple[str, int] | None = None
    """The report of another case that reads almost the same, and by how many percent."""
    waiting: int = 0
    """Entries that came after the signature and wait for the physician."""


class Billing(Struct, frozen=True, kw_only=True):
    """What a claim needs of the case beside its record."""

    authorization: str = ""
    authorization_waived: str = ""
    referral_number: str = ""
    group_number: str = ""
    member_id: str = ""
    admitted_on: date | None = None
    accident: bool = False
    in_network: bool | None = None
    npi: str = ""
    """Of who bills; empty: nobody is set up for the day."""
    tax_id: str = ""
    professional_ours: bool = True
    technical_ours: bool = False
    reasons: dict[str, tuple[str, str]] = {}
    """By code, the modifier a person chose and the reason."""


class Shared(Struct, frozen=True, kw_only=True):
    """What the physician's ledger over all cases says of this one."""

    id: str
    severity: Literal["block", "error", "warn"]
    message: str
    where: str = "ledger"


class Namesake(Struct, frozen=True, kw_only=True):
    """A claim for the same codes of the same day, of a patient born that day whose name is written almost alike."""

    number: str
    codes: tuple[str, ...]


class BilledLine(Struct, frozen=True, kw_only=True):
    """A line as it stands on a claim, or would. `npi` is of who rendered it, `rendering` the staff id."""

    code: str
    units: int
    modifiers: tuple[str, ...] = ()
    rendering: str | None = None
    npi: str = ""
    pos: str = ""
    on: date | None = None


class CaseForScrub(Struct, frozen=True, kw_only=True, dict=True):
    """All that the rules look at. `npis` is by staff id.

    `judged` is how people of the practice, by staff id, stand on the day; others are judged by `credentials`.
    Without a `claim` the lines are those that the record supports.
    """

    facts: Facts
    coding: Coding
    rule: PayerRule | None
    pos: str = "21"
    today: date
    papers: tuple[Paper, ...] = ()
    credentials: tuple[Credential, ...] = ()
    judged: dict[str, tuple[creds.Standing, ...]] = {}
    excluded: tuple[str, ...] = ()
    unscreened: tuple[str, ...] = ()
    signatures: tuple[Signature, ...] = ()
    report: Report = Report()
    npis: dict[str, str] = {}
    order: Order = Order()
    interest: str = ""
    """What the surgeon attested of a financial relationship: empty, none or disclosed."""
    billing: Billing = Billing()
    shared: tuple[Shared, ...] = ()
    edits: Edits = Edits()
    diagnoses: dict[str, Literal["billable", "header", "not_valid"] | None] = {}
    """What each diagnosis of the claim is on the day; None: no table is imported."""
    claim: Claim | None = None
    standing: tuple[str, ...] = ()
    """Services of this claim that stand on another one, in sentences."""
    namesakes: tuple[Namesake, ...] = ()

    @cached_property
    def missing(self) -> list[Missing]:
        return missing(self.facts)

    @cached_property
    def clock(self) -> Clock:
        return clock(self.facts)

    @property
    def day(self) -> date | None:
        return self.coding.date_of_service

    @property
    def follows_cms(self) -> bool:
        return self.rule is not None and self.rule.follows_cms

    @cached_property
    def lines(self) -> tuple[BilledLine, ...]:
        """The lines of the claim, or those the record supports."""
        if self.claim is None:
            return tuple(
                BilledLine(
                    code=line.code, units=line.units, rendering=line.rendering, pos=self.pos, on=self.day,
                    modifiers=line.modifiers, npi=self.npis.get(line.rendering or "", ""),
                )
                for line in self.coding.lines
            )  # fmt: skip
        staff = {npi: who for who, npi in self.npis.items()}
        nobody = Provider(name="")
        found = []
        for line in self.claim.lines:
            npi = (line.rendering or self.claim.rendering or nobody).npi
            found.append(
                BilledLine(
                    code=line.code, units=line.units, modifiers=line.modifiers, npi=npi, rendering=staff.get(npi),
                    pos=line.pos or self.claim.pos, on=line.from_on,
                )
            )  # fmt: skip
        return tuple(found)

    @cached_property
    def codes(self) -> frozenset[str]:
        return frozenset(line.code for line in self.lines)

    @property
    def continuous(self) -> list[BilledLine]:
        return [line for line in self.lines if line.code in CONTINUOUS]

    @property
    def bases(self) -> list[BilledLine]:
        return [line for line in self.lines if line.code not in CONTINUOUS]

    def limit(self, code: str) -> Limit | None:
        """Units a day: of the imported table, else of the small one that comes with the app."""
        if "mue" in self.edits.dates:
            return self.edits.limits.get(code)
        info = CODES.get(code)
        return Limit(units=info.mue, adjudication=3) if info and info.mue is not None else None

    def supports(self, base: str, addon: str) -> bool:
        """Whether the base study is an accepted primary of the add-on code."""
        if "addon" in self.edits.dates and addon in self.edits.primaries:
            return base in self.edits.primaries[addon]
        info = CODES.get(base)
        return bool(info and (info.aoc_g0453 if addon == "G0453" else info.aoc))

    def has_paper(self, *kinds: str) -> bool:
        return any(paper.kind in kinds for paper in self.papers)

    def words(self) -> str:
        """Everything people wrote of the case and on its papers, in lower case."""
        said = [event.text for event in self.facts.events]
        said += [note.text for log in self.facts.physician_log for note in log.notes]
        said += [paper.title for paper in self.papers]
        return "\n".join(said).lower()

    @property
    def in_facility(self) -> bool:
        return self.pos in FACILITY_POS

    @property
    def ended_at(self) -> datetime | None:
        monitored = conc.segments(self.facts)
        return monitored[-1][1] if monitored else None

    @property
    def file_by(self) -> date | None:
        """The last day on which a first claim may be there, by the payer's rule."""
        days = self.rule.filing_days if self.rule else None
        return self.day + timedelta(days=days) if self.day and days else None
