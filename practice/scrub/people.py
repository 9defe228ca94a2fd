"""Who worked on the case: qualified, cleared, screened, in the room, and none of them of the operating team."""

from __future__ import annotations

from collections.abc import Iterator

from .. import concurrency as conc
from .. import credentials as creds
from ..cases import Physician, Technologist
from ..identifiers import is_npi
from .given import CaseForScrub, Credential
from .rules import HOUSE, S8, S11, S12, S14, Said, V, rule


@rule("DOC-08", "block", "Was each technologist qualified on the day of service?", f"{S11}; {S14}")
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
                said = f"{person.name}: {person.cred} is named, but no dated proof is on file: add it."
                yield Said("warn", said, "credentials")
            else:
                said = f"{person.name} has no credential, neither in the record nor on file."
                yield Said("block", said, "credentials")


@rule("DOC-09", "error", "Was a technologist in the room all the time that was monitored?", f"{S11}; {S14}")
def _attendance(case: CaseForScrub) -> Iterator[Said]:
    people, monitored = case.facts.staff.technologists, conc.segments(case.facts)
    if not people or not monitored:
        return
    known = [conc.interval(person.on, person.off) for person in people]
    if not all(known):
        time = case.facts.time
        if len(people) == 1 and conc.interval(time.tech_arrive, time.electrodes_out):
            known = [conc.interval(time.tech_arrive, time.electrodes_out)]
        else:
            names = ", ".join(person.name for person, when in zip(people, known, strict=True) if not when)
            yield Said(
                "warn", f"Not recorded when {names} came and left: add the times.", "record#staff", people[0].src
            )
            return
    shown = case.clock
    for start, end in conc.subtract(monitored, conc.union(*known)):
        span = f"{shown.time(start)} to {shown.time(end)}"
        said = f"No technologist is recorded in the room from {span}: add who was there, or give the reason."
        yield Said("error", said, "record#staff", people[0].src)


@rule("DOC-10", "block", "Was each interpreting physician licensed and privileged on the day of service?", S12)
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


@rule(
    "DOC-11", "block", "Is the reader somebody else than the surgeon and the anesthesia provider?", "CMS NCCI manual 11"
)
def _other_people(case: CaseForScrub) -> Iterator[Said]:
    header = case.facts.header
    for person in case.facts.staff.physicians:
        for role, name in (("surgeon", header.surgeon), ("anesthesia provider", header.anesthesia)):
            if _same(person.name, name):
                said = f"{person.name} is the {role} and stands as interpreting physician: correct one of them; who operates cannot bill monitoring."
                yield Said("block", said, "record#staff", person.src)


@rule(
    "V17", "block", "Is nobody of the operating or anesthesia team on the claim as rendering physician?", f"{V}; {S8}"
)
def _not_the_surgeon(case: CaseForScrub) -> Iterator[Said]:
    surgeon = case.order.surgeon_npi or (case.claim.referring.npi if case.claim and case.claim.referring else "")
    for npi in dict.fromkeys(line.npi for line in case.lines if line.npi):
        if surgeon and npi == surgeon:
            said = f"The rendering physician's NPI {npi} is the surgeon's: correct it; who operates cannot bill monitoring."
            yield Said("block", said, "people")


@rule("V23", "block", "Is everybody with lines on the claim somebody of the record, cleared for the day?", V)
def _cleared(case: CaseForScrub) -> Iterator[Said]:
    """Of a claim that is made: before, DOC-08, DOC-10 and EXC-01 say it person by person."""
    if case.claim is None:
        return
    known = {person.id: person for person in case.facts.staff.physicians}
    for npi in dict.fromkeys(line.npi for line in case.lines):
        staff = next((who for who, held in case.npis.items() if held == npi and who in known), None)
        if not npi:
            yield Said("block", "A line of the claim names no rendering physician: add the NPI.", "people")
        elif staff is None:
            said = f"The rendering NPI {npi} is of nobody who read this case: correct the person's NPI or the record."
            yield Said("block", said, "people")
        elif any(one.stops and one.state not in ("valid", "expiring", "waived") for one in _standings(case, known[staff], "physician")):  # fmt: skip
            said = f"{known[staff].name} has lines on the claim and was not cleared for the day of service: see DOC-10."
            yield Said("block", said, "credentials")


@rule("EXC-01", "block", "Is nobody of the case excluded from federal programs?", "OIG special advisory bulletin, 2013")
def _excluded(case: CaseForScrub) -> Iterator[Said]:
    yield from (Said("block", said, "screenings") for said in case.excluded)


@rule(
    "EXC-02",
    "warn",
    "Was everybody screened against a list that was new enough?",
    "OIG: monthly screening; 42 CFR 455.436",
)
def _unscreened(case: CaseForScrub) -> Iterator[Said]:
    yield from (Said("warn", said, "screenings") for said in case.unscreened)


@rule("V30", "warn", "Did the surgeon attest that there is no financial relationship?", "OIG advisory opinion 23-05")
def _interest(case: CaseForScrub) -> Iterator[Said]:
    if not case.facts.header.surgeon:
        return
    if case.interest == "disclosed":
        said = "The surgeon disclosed a financial relationship with the practice: have counsel see it before claims go."
        yield Said("warn", said, "case#surgeon")
    elif not case.interest:
        said = (
            "The surgeon has not attested whether there is a financial relationship: ask, and note it at the surgeon."
        )
        yield Said("warn", said, "case#surgeon")


@rule("V40", "block", "Has every NPI of the claim its right check digit?", HOUSE)
def _npis(case: CaseForScrub) -> Iterator[Said]:
    if case.claim is None:
        return
    parties = (case.claim.billing, case.claim.rendering, case.claim.referring, case.claim.facility)
    for one in parties:
        if one and one.npi and not is_npi(one.npi):
            yield Said("block", f"{one.name}: the NPI {one.npi} fails its check digit: correct it.", "people")


# People and their proof


def _standings(case: CaseForScrub, person: Technologist | Physician, role: str) -> list[creds.Standing]:
    """How the person met what a claim depends on, on the day of service: the judgment that assigning them met."""
    day = case.day
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
    day, proof = case.day, standing.proof
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
