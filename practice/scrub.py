"""The documentation rules that a claim must pass: each a small function with its number, source and remedy.

Policy: an element that is wholly missing, or provably not valid on the date of service, blocks; a missing detail
warns; what a person may decide with a reason is an error. Rules and severities: billing.md section 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from typing import Literal

from msgspec import Struct

from . import concurrency as conc
from . import credentials as creds
from .cases import Facts, Physician, Technologist
from .coding import CONTINUOUS, Coding
from .completeness import Missing, missing
from .identifiers import is_npi
from .studies import documented
from .times import clock

Severity = Literal["block", "error", "warn", "info"]


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


class BilledLine(Struct, frozen=True, kw_only=True):
    """A line as it stands on a claim, to be compared with what the record supports."""

    code: str
    units: int
    rendering: str | None = None


class CaseForScrub(Struct, frozen=True, kw_only=True):
    """All that the rules look at. `npis` is by staff id; `report_sha256` is the digest of the text as it would print.

    `judged` is how people of the practice, by staff id, stand on the day; others are judged by `credentials`.
    """

    facts: Facts
    coding: Coding
    documents: tuple[str, ...] = ()
    credentials: tuple[Credential, ...] = ()
    judged: dict[str, tuple[creds.Standing, ...]] = {}
    signatures: tuple[Signature, ...] = ()
    report_sha256: str | None = None
    report_stale: bool = False
    approved: bool = False
    npis: dict[str, str] = {}
    order: Order = Order()
    billed: tuple[BilledLine, ...] | None = None


class Finding(Struct, frozen=True, kw_only=True):
    """What a rule says about a case. `where` is the page and place to mend it, `src` the entry it is about."""

    id: str
    severity: Severity
    message: str
    where: str
    src: str = ""
    source: str = ""


class Rule(Struct, frozen=True, kw_only=True):
    """A rule as a page lists it. `severity` is the worst it says."""

    id: str
    severity: Severity
    asks: str
    source: str
    check: Callable[[CaseForScrub], Iterable[Said]]


class Said(Struct, frozen=True):
    """What a rule's function yields; the number and the source are the rule's own."""

    severity: Severity
    message: str
    where: str = "record"
    src: str = ""


RULES: list[Rule] = []
_S3 = "coding guide for 95940 and 95941, 2026"
_S7 = "BCBS Nebraska RP-P-028"
_S11 = "USC Care documentation standard for IONM, 2019"
_S12 = "ACNS guideline 11A"
_S13 = "ASNM guideline for the supervising professional"
_S14 = "BCBS Alabama MP-306; Anthem CG-SURG-104"
_HOUSE = "own rule, not verified at a source"
Check = Callable[[CaseForScrub], Iterable[Said]]


def rule(id: str, severity: Severity, asks: str, source: str) -> Callable[[Check], Check]:
    """Give a function its number, its worst severity, its question and its source, and list it."""

    def listed(check: Check) -> Check:
        RULES.append(Rule(id=id, severity=severity, asks=asks, source=source, check=check))
        return check

    return listed


def findings(case: CaseForScrub) -> list[Finding]:
    """Everything the rules have to say, blocks first. Empty means that nothing speaks against the claim."""
    found = [
        Finding(id=r.id, severity=s.severity, message=s.message, where=s.where, src=s.src, source=r.source)
        for r in RULES
        for s in r.check(case)
    ]
    return sorted(found, key=lambda finding: ORDER.index(finding.severity))


ORDER = ("block", "error", "warn", "info")


# What the completeness list already knows, one rule each


def _incomplete(case: CaseForScrub, *fields: str) -> Iterator[Said]:
    """The missing values that stop a claim or a signature, of the fields that begin so."""
    for item in missing(case.facts):
        if item.severity != "warn" and item.field.startswith(fields) and not _elsewhere(item):
            yield Said(
                "block", f"{item.label} is missing ({_plain(item.reason)}): {_remedy(item)}.", _where(item), item.src
            )


def _elsewhere(item: Missing) -> bool:
    return item.field.endswith(".concurrency")


def _plain(reason: str) -> str:
    return reason.replace("_", " ")


def _remedy(item: Missing) -> str:
    if item.field.startswith("header."):
        return "fill it in on the case"
    return "add it, or say why there is none" if item.severity == "block_sign" else "add it to the record"


def _where(item: Missing) -> str:
    """The page and place where a missing value is written."""
    if item.field.startswith("header."):
        return f"case#{item.field.removeprefix('header.').split('[')[0].replace('.', '-')}"
    if item.field.startswith("alerts."):
        return f"record#alert-{item.field.split('.')[1]}"
    return f"record#entry-{item.src}" if item.src else f"record#{item.field.split('.')[0].split('[')[0]}"


_CLAIMED_BY_RULES = (
    "header.requested_by", "header.indication", "header.patient.", "header.facility.", "header.date_of_service",
    "staff.", "physician_log", "baselines.", "time.segments", "alerts.",
)  # fmt: skip


# The rules


@rule("DOC-01", "block", "Is there the surgeon's request, with name, NPI and date?", _S11)
def _request(case: CaseForScrub) -> Iterator[Said]:
    order, by = case.order, case.order.requested_by or case.facts.header.requested_by
    if not by and "order" not in case.documents:
        yield Said("block", "Nobody is recorded as having requested monitoring: add the surgeon's order.", "case#order")
        return
    if "order" not in case.documents:
        yield Said("warn", f"The order of {by} is not on file: add it as a document.", "case#documents")
    if not by:
        yield Said("warn", "The order is on file, but not who gave it: add the name.", "case#order")
    if order.requested_on is None:
        yield Said("warn", "The date of the order is not recorded: add it.", "case#order")
    elif (day := case.coding.date_of_service) and order.requested_on > day:
        yield Said("error", "The order is dated after the day of service: correct it or give the reason.", "case#order")
    if not order.surgeon_npi:
        yield Said("warn", "The surgeon's NPI is not on file: add it to the surgeon.", "case#surgeon")
    elif not is_npi(order.surgeon_npi):
        yield Said("error", "The surgeon's NPI fails its check digit: correct it.", "case#surgeon")


@rule("DOC-02", "block", "Is it said what was at risk and why it was monitored?", _S14)
def _necessity(case: CaseForScrub) -> Iterator[Said]:
    header = case.facts.header
    if not header.indication:
        yield Said("block", "The indication is missing: write which structure was at risk and why.", "case#indication")
    if not header.structures_at_risk:
        yield Said("warn", "The structures at risk are not listed: name them.", "case#structures-at-risk")


@rule("DOC-05", "block", "Do two identifiers name the patient, and are facility, room and day recorded?", _HOUSE)
def _identity(case: CaseForScrub) -> Iterator[Said]:
    yield from _incomplete(case, "header.patient.", "header.facility.", "header.date_of_service")
    if not case.facts.header.facility.or_room:
        yield Said("warn", "The operating room is not recorded: add it.", "case#facility-or_room")
    if not case.facts.header.patient.encounter:
        yield Said("warn", "The account or encounter number is not recorded: add it.", "case#patient-encounter")


@rule("DOC-08", "block", "Was each technologist qualified on the day of service?", f"{_S11}; {_S14}")
def _technologists(case: CaseForScrub) -> Iterator[Said]:
    people = case.facts.staff.technologists
    if not people:
        yield Said("block", "No technologist is recorded: add who was in the room.", "record#staff")
    for person in people:
        for one in _standings(case, person, "technologist"):
            if one.state != "missing" or one.stops:
                what = "credential" if len(one.types) > 1 else one.name
                yield from _proof(case, one, person.name, what, "record#entry-" + person.src)
            elif person.cred:
                yield Said(
                    "warn",
                    f"{person.name}: {person.cred} is named, but no dated proof is on file: add it.",
                    "credentials",
                )
            else:
                yield Said(
                    "block", f"{person.name} has no credential, neither in the record nor on file.", "credentials"
                )


@rule("DOC-10", "block", "Was each interpreting physician licensed and privileged on the day of service?", _S12)
def _readers(case: CaseForScrub) -> Iterator[Said]:
    people = case.facts.staff.physicians
    if not people:
        yield Said("block", "No interpreting physician is recorded: add who read the case.", "record#staff")
    state, place = case.facts.header.facility.state, case.facts.header.facility.name
    for person in people:
        yield from _npi(case, person)
        names = {
            "State license": f"license for {state or 'the state'}",
            "Hospital privileges": f"privileges at {place}",
        }
        for one in _standings(case, person, "physician"):
            what = names.get(one.name, one.name)
            if one.state != "missing" or one.stops:
                yield from _proof(case, one, person.name, what, "credentials")
            else:
                yield Said("warn", f"{person.name}: no {what} on file: add the proof.", "credentials")


@rule("DOC-12", "block", "Is the physician recorded as connected in every counted minute?", f"{_S3}; {_S12}")
def _connected(case: CaseForScrub) -> Iterator[Said]:
    yield from _incomplete(case, "physician_log")
    shown, gaps = clock(case.facts), conc.presence_gaps(case.facts)
    counted = not any(attendance.all for attendance in conc.attendances(case.facts))
    for start, end in gaps if case.facts.physician_log else ():
        span = f"{shown.time(start)} to {shown.time(end)}"
        if counted:
            yield Said("block", f"No physician is recorded as connected from {span}: add the times.", "record#presence")
        else:
            yield Said(
                "error",
                f"No physician was connected from {span}; these minutes are not counted. "
                "Add the connection if there was one.",
                "record#presence",
            )


@rule("DOC-16", "block", "Has each test that is billed a baseline which the physician reviewed?", _S11)
def _baselines(case: CaseForScrub) -> Iterator[Said]:
    yield from _incomplete(case, "baselines.")
    codes = [line.code for line in (case.billed or ())]
    for code in dict.fromkeys([line.code for line in case.coding.lines] + codes):
        wanted = _MODALITIES_OF.get(code)
        if wanted and not any(documented(row) and row.modality in wanted for row in case.facts.baselines.rows):
            yield Said("block", f"{code} is billed and no baseline of it is recorded: take it off the claim.", "claim")


@rule("DOC-18", "block", "Has every stretch of monitoring its start and its stop?", f"{_S3}; {_S7}")
def _times(case: CaseForScrub) -> Iterator[Said]:
    yield from _incomplete(case, "time.segments")
    shown = clock(case.facts)
    monitored = conc.segments(case.facts)
    for start in conc.open_pauses(case.facts):
        if any(begin <= start < end for begin, end in monitored):
            yield Said("block", f"A pause began at {shown.time(start)} and its end is missing: add it.", "record#pause")


@rule("DOC-20", "block", "Are the units billed those that the record supports?", _S3)
def _units(case: CaseForScrub) -> Iterator[Said]:
    if case.billed is None:
        return
    for code in CONTINUOUS:
        billed = sum(line.units for line in case.billed if line.code == code)
        lines = [line for line in case.coding.lines if line.code == code]
        supported, minutes = sum(line.units for line in lines), sum(line.minutes or 0 for line in lines)
        if billed != supported:
            yield Said(
                "block",
                f"{code}: {billed} units are billed and the record supports {supported} ({minutes} min): correct the claim.",
                "claim",
            )


@rule("DOC-23", "block", "Does each signal alert say when, what, who was told, what was done and how it ended?", f"{_S3}; {_S13}")  # fmt: skip
def _alerts(case: CaseForScrub) -> Iterator[Said]:
    yield from _incomplete(case, "alerts.")


@rule("DOC-28", "block", "Has the physician given an impression?", _S11)
def _impression(case: CaseForScrub) -> Iterator[Said]:
    if case.facts.impression is None and not case.signatures:
        yield Said("block", "The physician has not confirmed or written the impression: do so on the report.", "report")


@rule("DOC-29", "block", "Is the report signed by the physician, and the record by the technologist?", _HOUSE)
def _signed(case: CaseForScrub) -> Iterator[Said]:
    if case.facts.signoff.technologist is None and not case.approved:
        yield Said("block", "The technologist has not signed off the record: close and approve it.", "record#closing")
    if not case.signatures:
        yield Said("block", "The report is not signed: the physician signs it.", "report")
        return
    latest = max(case.signatures, key=lambda signature: signature.at)
    if case.report_stale or case.report_sha256 not in (None, latest.text_sha256):
        yield Said(
            "block", "The record changed after the signature: make the report anew or add an addendum.", "report"
        )
    monitored = conc.segments(case.facts)
    if monitored and latest.at < monitored[-1][1]:
        yield Said("block", "The report was signed before the monitoring ended: sign it again.", "report")
    for line in case.coding.lines:
        if line.code in CONTINUOUS and line.rendering and not _has_signed(case, line.rendering, line.rendering_name):
            yield Said(
                "error",
                f"{line.rendering_name} has minutes on the claim and has not signed: each signs their own.",
                "report",
            )


@rule("REC-01", "block", "Does the record hold everything else a claim needs?", "completeness list of the record")
def _rest(case: CaseForScrub) -> Iterator[Said]:
    """What completeness asks for a claim and no rule above has said already."""
    for item in missing(case.facts):
        said = item.field.startswith(_CLAIMED_BY_RULES) and not _elsewhere(item)
        if item.severity == "block_claim" and not said:
            yield Said(
                "block", f"{item.label} is missing ({_plain(item.reason)}): {_remedy(item)}.", _where(item), item.src
            )


# People and their proof


_MODALITIES_OF = {
    "95925": ("SSEP",), "95926": ("SSEP",), "95927": ("SSEP",), "95938": ("SSEP",),
    "95928": ("TcMEP",), "95929": ("TcMEP",), "95939": ("TcMEP",),
    "95860": ("EMG",), "95861": ("EMG",), "95863": ("EMG",), "95864": ("EMG",), "95865": ("EMG",), "95866": ("EMG",),
    "95867": ("EMG",), "95868": ("EMG",), "95869": ("EMG",), "95870": ("EMG",),
    "95822": ("EEG",), "95955": ("EEG",), "95930": ("VEP",), "92653": ("BAEP",),
}  # fmt: skip


def _standings(case: CaseForScrub, person: Technologist | Physician, role: str) -> list[creds.Standing]:
    """How the person met what a claim depends on, on the day of service: the judgment that assigning them met."""
    day = case.coding.date_of_service
    if day is None:
        return []
    if person.id in case.judged:
        return [one for one in case.judged[person.id] if one.for_claims]
    facility = case.facts.header.facility
    proofs = tuple(
        creds.Proof(
            id=index, type=one.kind, number=one.number or "", state=one.state or "", verified=one.verified,
            facility=_bare(one.facility) or None, from_on=one.from_on, until_on=one.until_on,
        )
        for index, one in enumerate(_held(case, person))
    )  # fmt: skip
    holder = creds.Holder(id=person.id, name=person.name, proofs=proofs)
    place = creds.Place(id=_bare(facility.name), name=facility.name or "", state=facility.state or "")
    found = creds.standings(holder, role, place, day, None, rules=creds.default_rules())
    return [one for one in found if one.for_claims]


def _held(case: CaseForScrub, person: Technologist | Physician) -> list[Credential]:
    return [
        held
        for held in case.credentials
        if held.person_staff_id == person.id or (held.person_staff_id is None and _same(held.person_name, person.name))
    ]


def _same(one: str | None, other: str | None) -> bool:
    """The same name, letters after the comma and case left out."""
    return _bare(one) == _bare(other) != ""


def _bare(name: str | None) -> str:
    return " ".join((name or "").split(",")[0].lower().split())


def _proof(case: CaseForScrub, standing: creds.Standing, name: str, what: str, where: str) -> Iterator[Said]:
    """Proof that is on file and not valid on the day blocks; proof without number or verification warns."""
    day, proof = case.coding.date_of_service, standing.proof
    if day is None or standing.state == "waived":
        return
    served = f"the service was on {day.isoformat()}"
    if standing.state == "missing":
        yield Said("block", f"{name}: no {what} on file, and it is required: add the proof.", where)
    elif standing.state == "unverified":
        severity = "block" if standing.stops else "warn"
        yield Said(severity, f"{name}: the {what} on file has not been verified: verify it.", "credentials")
    elif standing.state in ("expired", "pending"):
        ended = proof.until_on if proof else None
        when = f"ended on {ended.isoformat()}" if ended and ended < day else "had not begun"
        yield Said("block", f"{name}: the {what} {when}, {served}: add valid proof.", where)
    elif proof and not proof.number and "privilege" not in what:
        yield Said("warn", f"{name}: the number of the {what} is not on file: add it.", "credentials")


def _npi(case: CaseForScrub, person: Physician) -> Iterator[Said]:
    npi = case.npis.get(person.id)
    if not npi:
        yield Said("warn", f"{person.name}: no NPI on file: add it to the person.", "people")
    elif not is_npi(npi):
        yield Said("block", f"{person.name}: the NPI fails its check digit: correct it.", "people")


def _has_signed(case: CaseForScrub, staff: str, name: str | None) -> bool:
    return any(signature.staff == staff or _same(signature.name, name) for signature in case.signatures)
