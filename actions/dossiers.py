"""A person's file for one hospital: asked for with a row and its job, made by the worker."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from actions import MACHINE, Actor, Refused, audit, credentials, documents, jobs, screenings
from models import SETTINGS, Credential, CredentialType, Document, Dossier, Facility, Person, db
from practice import credentials as trade
from practice import exclusions

if TYPE_CHECKING:
    from practice.dossiers import Dossier as Content


def request(person: Person, facility: Facility, *, by: Actor, now: datetime) -> Dossier:
    """Ask for the file: a row and its job."""
    with db.atomic():
        row = Dossier.create(person=person, facility=facility, requested_at=now, requested_by=by.id)
        jobs.ask("dossier", f"dossier/{row.id}", row.id, due_at=now)
        audit.record(by, "request", "dossier", row_id=row.id, person=person.id, facility=facility.id)
    return row


def held(person: Person, facility: Facility) -> list[Credential]:
    """What counts at this hospital, renewed ones left out: not other states' licenses or other hospitals' privileges."""
    rows = list(
        Credential.select(Credential, CredentialType)
        .join(CredentialType)
        .where(Credential.person == person.id, Credential.withdrawn_on.is_null())
        .order_by(CredentialType.name, Credential.until_on.desc())
    )
    types, place = credentials.rules().types, credentials.place_of(facility)
    here = [row for row in rows if trade.fits(credentials.proof_of(row), types[row.type_id], place)]
    newest = {one.id for one in trade.standing_now([credentials.proof_of(row) for row in here])}
    return [row for row in here if row.id in newest]


def assemble(dossier: Dossier) -> Callable[[], None]:
    """Make the pages and return what is to be written once the job is done."""
    from practice import dossiers

    if dossier.made_at:
        return lambda: None
    pdf, pages = dossiers.assemble(_content(dossier))
    documents.put(pdf)

    def effect() -> None:
        now = datetime.now(UTC)
        document = documents.store(
            pdf, case=None, kind="dossier", title=f"File of {dossier.person.name} for {dossier.facility.name}", pages=pages,
            made_from=f"dossier:{dossier.id}", by=MACHINE, now=now,
        )  # fmt: skip
        Dossier.update(document_id=document.id, made_at=now).where(Dossier.id == dossier.id).execute()
        audit.record(MACHINE, "assemble", "dossier", row_id=dossier.id, person=dossier.person_id)

    return effect


def _content(dossier: Dossier) -> Content:
    from practice import dossiers
    from practice.dossiers import Line, Paper

    person, facility, on = dossier.person, dossier.facility, credentials.today(dossier.requested_at)
    rows = held(person, facility)
    copies = credentials.papers(rows)
    names = dict(Person.select(Person.id, Person.name).tuples())
    papers: list[Paper] = []
    lines = []
    for row in rows:
        first = len(papers) + 1 if copies.get(row.id) else 0
        papers += [Paper(title=paper.title, pdf=documents.read(paper)) for paper in copies.get(row.id, ())]
        proof = credentials.proof_of(row)
        lines.append(
            Line(
                what=row.kind, number=row.number or "no number", issuer=row.issuer or "issuer not on file",
                valid=f"{row.from_on or ''} to {row.until_on or 'no end'}".strip(),
                verified=f"{row.verified_on} by {names.get(row.verified_by, 'nobody')}: {row.verified_how}" if row.verified_on else "not verified",
                state=_state(proof, on),
                document=first,
            )
        )  # fmt: skip
    place, rules = credentials.place_of(facility), credentials.rules()
    holder = credentials.holders([person])[person.id]
    demanded = [
        one.sentence
        for role in ("technologist", "physician")
        if person.has(role)
        for one in trade.standings(holder, role, place, on, None, rules=rules)
        if one.stops or one.state != "missing"
    ]
    screening, certificate = _screening(person, on, dossier.requested_at)
    if certificate:
        papers.append(Paper(title="Exclusion screening", pdf=certificate))
    return dossiers.Dossier(
        person=person.signing_name, facility=facility.name, practice=SETTINGS.practice_name, on=on, lines=tuple(lines),
        demanded=tuple(dict.fromkeys(demanded)), screening=screening, papers=tuple(papers),
    )  # fmt: skip


def _state(proof: trade.Proof, on: date) -> str:
    if proof.covers(on):
        return "valid" if proof.verified else "not verified"
    return "ended" if proof.until_on and proof.until_on < on else "not begun"


def _screening(person: Person, on: date, now: datetime) -> tuple[str, bytes | None]:
    """Where the person stands on the exclusion lists, and the certificate of their last screening."""
    standing, party = screenings.screened(person, on), screenings.party_of(person)
    result = screenings.last_result(party, on) if party else None
    said = " ".join(standing.objections) or f"Nothing stands against {person.name}."
    if result:
        lists = ", ".join(f"{exclusions.title(one['list'])} of {one['made_on']}" for one in result.screening.lists)
        said = f"Screened on {standing.screened_on}: {lists}. {said}"
    if result is None:
        return said, None
    kept = screenings.certified(result)
    return said, documents.read(kept) if kept else screenings.certificate_pdf(result, now=now)


def document_of(dossier: Dossier) -> Document:
    """The pages, once they are made."""
    if dossier.document_id is None:
        raise Refused("The file is not ready yet.")
    return Document.get_by_id(dossier.document_id)
