"""Exclusion lists and screening: loading a list whole, searching everybody in it, and deciding on what was found.

A list is replaced in one transaction; its predecessors keep their hash and counts. A hit is decided by a person with
a reason; the machine alone dismisses only where two full birth dates differ, and logs it (billing.md 9).
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import peewee as pw

from actions import MACHINE, Actor, Refused, audit, documents, jobs
from models import (
    SETTINGS,
    Asked,
    Assignment,
    Case,
    Decision,
    Document,
    ExcludedParty,
    Facility,
    Hit,
    Job,
    Party,
    Person,
    Screened,
    Screening,
    Snapshot,
    Surgeon,
    among,
    db,
    param,
)
from practice import exclusions, screening
from practice.exclusions import Listed, Survey
from practice.identifiers import npi_problem
from practice.screening import Index, Match, Sought, Standing

DECISIONS = {"cleared": "Not the same party", "confirmed": "The same party: it is excluded"}
LEAST_REASON = 10
_COLUMNS = ", ".join(("snapshot_id", *Listed._fields))
_INSERT = f"INSERT INTO excluded_party ({_COLUMNS}) VALUES ({', '.join('?' * (1 + len(Listed._fields)))})"  # noqa: S608
_SELECT = f"SELECT {', '.join(Listed._fields)} FROM excluded_party WHERE snapshot_id = ?"  # noqa: S608  names are ours


# Lists


def current(name: str = "leie") -> Snapshot | None:
    """The file of a list that is in use."""
    return _loaded().where(Snapshot.list == name).first()


def in_use() -> list[Snapshot]:
    """The file in use of each list, the OIG's first."""
    newest = {}
    for one in _LOADED.rows():
        newest.setdefault(one.list, one)
    return sorted(newest.values(), key=lambda one: (one.list != "leie", one.list))


def _loaded():
    return Snapshot.select().where(Snapshot.loaded_at.is_null(False)).order_by(Snapshot.id.desc())


_LOADED = Asked(_loaded)


def waiting_file(snapshot: Snapshot) -> Path:
    """Where an uploaded list waits for the worker. It is deleted once the list is loaded or refused for good."""
    return SETTINGS.data / "lists" / f"{snapshot.id}.csv"


def receive(
    source: Path, *, name: str, made_on: date | None, allow_small: bool, by: Actor, now: datetime
) -> Snapshot:  # fmt: skip
    """Keep a list that was sent in and ask the worker to load it."""
    _known(name)
    with db.atomic():
        snapshot = _received(name, made_on, allow_small, by, now)
        place = waiting_file(snapshot)
        place.parent.mkdir(mode=0o700, exist_ok=True)
        with (
            source.open("rb") as sent,
            open(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as kept,
        ):
            shutil.copyfileobj(sent, kept, 1 << 20)
        jobs.ask("exclusions", f"exclusions:{snapshot.id}", snapshot.id, due_at=now)
        audit.record(by, "receive", "exclusion list", row_id=snapshot.id, list=name)
    return snapshot


def confirm_small(snapshot: Snapshot, *, by: Actor, now: datetime) -> None:
    """A person knows that a list is as small as it looks: load it after all."""
    with db.atomic():
        if not snapshot.small or snapshot.loaded_at or not waiting_file(snapshot).exists():
            raise Refused("This file does not wait for a confirmation. Send it again.")
        Snapshot.update(small_confirmed=True, small=False, refused="").where(Snapshot.id == snapshot.id).execute()
        jobs.ask("exclusions", f"exclusions:{snapshot.id}:small", snapshot.id, due_at=now)
        audit.record(by, "confirm size", "exclusion list", row_id=snapshot.id)


def load(
    path: Path, *, name: str, by: Actor, now: datetime, made_on: date | None = None, allow_small: bool = False
) -> Snapshot:  # fmt: skip
    """Load a list from a file of this machine, at once. Refused, with the reason, unless it is whole."""
    _known(name)
    found = exclusions.survey(path, name)
    if reasons := _objections(found, name, allow_small):
        raise Refused(*reasons)
    with db.atomic():
        snapshot = _received(name, made_on, allow_small, by, now)
        _replace(snapshot, path, found, by=by, now=now)
    return Snapshot.get_by_id(snapshot.id)


def take_in(snapshot: Snapshot, *, now: datetime) -> Callable[[], None]:
    """The worker's part: read an uploaded list through, then the effect that loads it or says why not."""
    if snapshot.loaded_at or snapshot.refused:
        return lambda: None
    path = waiting_file(snapshot)
    if not path.exists():
        return lambda: _refuse(snapshot, ["The file is gone. Send it again."], small=False)
    found = exclusions.survey(path, snapshot.list)
    hard = _objections(found, snapshot.list, allow_small=True)
    if reasons := hard or _objections(found, snapshot.list, snapshot.small_confirmed):
        return lambda: _refuse(snapshot, reasons, small=not hard)
    by = Actor(Person.get_or_none(Person.id == snapshot.received_by)) if snapshot.received_by else MACHINE
    return lambda: _load_and_screen(snapshot, path, found, by, now)


def _load_and_screen(snapshot: Snapshot, path: Path, found: Survey, by: Actor, now: datetime) -> None:
    _replace(snapshot, path, found, by=by, now=now)
    ask(by=MACHINE, now=now)
    db.after_commit(lambda: path.unlink(missing_ok=True))


def _refuse(snapshot: Snapshot, reasons: list[str], *, small: bool) -> None:
    Snapshot.update(refused=" ".join(reasons), small=small).where(Snapshot.id == snapshot.id).execute()
    audit.record(MACHINE, "refuse", "exclusion list", row_id=snapshot.id, small=small)
    if not small:
        waiting_file(snapshot).unlink(missing_ok=True)


def _known(name: str) -> None:
    try:
        exclusions.profile(name)
    except KeyError:
        raise Refused(
            f"There is no list {name[:20]!r}. Known: leie, sam, and state-tx for the list of a state."
        ) from None


def _objections(found: Survey, name: str, allow_small: bool) -> list[str]:
    """Why a file is not loaded."""
    if found.problems:
        return list(found.problems)
    before = current(name)
    if before and before.sha256 == found.sha256:
        return [f"This very file is in use since {before.loaded_at:%b %-d, %Y}. Download the new list first."]
    small = "" if allow_small else exclusions.smallness(found, name, before.rows if before else None)
    return [small] if small else []


def _received(name: str, made_on: date | None, allow_small: bool, by: Actor, now: datetime) -> Snapshot:
    today = now.astimezone(SETTINGS.zone).date()
    if made_on and made_on > today:
        raise Refused("The list cannot be from a day that is still to come.")
    return Snapshot.create(
        list=name, made_on=made_on or today, small_confirmed=allow_small, received_at=now, received_by=by.id
    )


def _replace(snapshot: Snapshot, path: Path, found: Survey, *, by: Actor, now: datetime) -> None:
    """Put the new rows in the place of the old ones: all of them or none."""
    name = snapshot.list
    with db.atomic():
        before = current(name)
        rows = ((snapshot.id, *row) for row in exclusions.parties(path, name, found))
        db.connection().cursor().executemany(_INSERT, rows)
        if ExcludedParty.select().where(ExcludedParty.snapshot == snapshot.id).count() != found.rows:
            raise Refused("The file changed while it was read. Nothing was loaded; try again.")
        older = Snapshot.select(Snapshot.id).where(Snapshot.list == name, Snapshot.id != snapshot.id)
        ExcludedParty.delete().where(ExcludedParty.snapshot.in_(older)).execute()
        Snapshot.update(
            sha256=found.sha256, header=list(found.header), rows=found.rows, rows_before=before.rows if before else None,
            newest_on=found.newest_on or None, loaded_at=now,
        ).where(Snapshot.id == snapshot.id).execute()  # fmt: skip
        audit.record(by, "load", "exclusion list", row_id=snapshot.id, list=name, rows=found.rows, sha256=found.sha256)


# Who is screened


def enroll(*, now: datetime) -> int:
    """Everybody who works here and every surgeon is screened, whether or not somebody thought of it."""
    people = Person.select().where(
        Person.disabled_at.is_null(), Person.id.not_in(Party.select(Party.person).where(Party.person.is_null(False)))
    )
    known = Party.select(Party.surgeon).where(Party.kind == "surgeon")
    surgeons = Surgeon.select().where(Surgeon.archived_at.is_null(), Surgeon.id.not_in(known))
    made = [{"kind": "person", "person": one.id, "surgeon": None, "added_at": now} for one in people]
    made += [{"kind": "surgeon", "person": None, "surgeon": one.id, "added_at": now} for one in surgeons]
    for one in made:
        Party.create(**one)
    return len(made)


def parties() -> list[Party]:
    """Everybody who is screened now, by kind and name."""
    rows = (
        Party.select(Party, Person, Surgeon)
        .left_outer_join(Person)
        .switch(Party)
        .left_outer_join(Surgeon)
        .where(Party.ended_at.is_null(), Person.disabled_at.is_null(), Surgeon.archived_at.is_null())
    )
    return sorted(rows, key=lambda one: (("person", "surgeon", "entity", "vendor").index(one.kind), one.called))


def add_firm(
    *, name: str, kind: str, surgeon: Surgeon | None, aliases: list[str], npi: str, states: list[str], by: Actor, now: datetime
) -> Party:  # fmt: skip
    """Screen a vendor, or the entity of a surgeon."""
    if kind not in ("vendor", "entity"):
        raise Refused("Choose whether it is a vendor or a surgeon's entity.")
    if not name.strip():
        raise Refused("Type the name of the firm.")
    _check(npi, "", states)
    with db.atomic():
        party = Party.create(
            kind=kind, name=name.strip(), surgeon=surgeon, aliases=aliases, npi=npi, states=states, added_at=now
        )
        audit.record(by, "add", "party", row_id=party.id, kind=kind)
    return party


def revise(
    party: Party, *, aliases: list[str], dob: str, npi: str, states: list[str], by: Actor, now: datetime
) -> None:  # fmt: skip
    """What is known of a party: other names, birth date or its year, NPI, states. With that it is searched anew."""
    _check(npi, dob, states)
    after = {"aliases": aliases, "dob": dob, "npi": npi, "states": states}
    before = {name: getattr(party, name) for name in after}
    with db.atomic():
        Party.update(**after).where(Party.id == party.id).execute()
        audit.record(by, "revise", "party", row_id=party.id, fields=audit.changed(before, after))
        if current():
            ask(by=by, now=now)


def end(party: Party, *, by: Actor, now: datetime) -> None:
    """Screen a firm no longer. People and surgeons are screened as long as they are here."""
    if party.person_id or party.kind == "surgeon":
        raise Refused("People and surgeons are screened as long as they are here. Disable or archive them instead.")
    with db.atomic():
        Party.update(ended_at=now, ended_by=by.id).where(Party.id == party.id, Party.ended_at.is_null()).execute()
        audit.record(by, "end", "party", row_id=party.id)


def _check(npi: str, dob: str, states: list[str]) -> None:
    reasons = [npi_problem(npi)] if npi and npi_problem(npi) else []
    if dob and not (dob.isdigit() and len(dob) == 4 or exclusions.day(dob) == dob):
        reasons.append("Write the birth date as 1970-04-02, or its year alone.")
    if any(len(state) != 2 or not state.isalpha() for state in states):
        reasons.append("Write each state with two letters, such as IL.")
    if reasons:
        raise Refused(*filter(None, reasons))


def _sought(party: Party, home: tuple[str, ...]) -> Sought:
    """What is searched for a party; without states of its own, those of the practice's hospitals."""
    return Sought(
        names=(party.called, *party.aliases), firm=party.kind in ("vendor", "entity"), dob=party.dob,
        npi=party.number, states=tuple(party.states) or home,
        physician=party.kind == "surgeon" or bool(party.person and party.person.has("physician")),
    )  # fmt: skip


# Screening


def ask(*, by: Actor, now: datetime) -> Screening:
    """Ask the worker to screen everybody; a run that waits already does for this one too."""
    if current() is None:
        raise Refused("No OIG list is loaded. Load one first.")
    with db.atomic():
        if waiting := Screening.get_or_none(Screening.done_at.is_null()):
            return waiting
        run = Screening.create(asked_at=now, asked_by=by.id)
        jobs.ask("screening", f"screening:{run.id}", run.id, due_at=now)
        audit.record(by, "ask", "screening", row_id=run.id)
    return run


def screen(*, by: Actor, now: datetime) -> Screening:
    """Screen everybody at once."""
    run = ask(by=by, now=now)
    with db.atomic():
        run_through(run, now=now)()
        Job.update(state="done", done_at=now).where(Job.key == f"screening:{run.id}", Job.state == "ready").execute()
    return Screening.get_by_id(run.id)


def run_through(run: Screening, *, now: datetime) -> Callable[[], None]:
    """Search everybody in every list: the slow part here, its effect to be written in one transaction."""
    if run.done_at:
        return lambda: None
    with db.atomic():
        enroll(now=now)
        everybody, lists = parties(), in_use()
        rows = {one.id: [Listed._make(row) for row in db.execute_sql(_SELECT, (one.id,))] for one in lists}
    home = tuple(sorted({state for (state,) in Facility.select(Facility.state).tuples() if state}))
    asked = [(party, _sought(party, home)) for party in everybody]
    found: dict[int, list[tuple[str, Match]]] = {party.id: [] for party in everybody}
    for one in lists:
        index = Index(rows.pop(one.id))
        for party, sought in asked:
            found[party.id] += [(one.list, match) for match in screening.matches(sought, index)]
    return lambda: _keep(run, asked, found, lists, now)


def _keep(
    run: Screening, asked: list[tuple[Party, Sought]], found: dict[int, list[tuple[str, Match]]],
    lists: list[Snapshot], now: datetime,
) -> None:  # fmt: skip
    sources = {one.list: one for one in lists}
    hits = 0
    for party, sought in asked:
        kept = [_keep_match(run, party, name, match, sources[name], now) for name, match in found[party.id]]
        Screened.create(
            screening=run, party=party, names=list(sought.names), dob=sought.dob, npi=sought.npi,
            states=list(sought.states), found=[hit.id for hit in kept if hit and hit.state != "dismissed"],
            dismissed=[
                {"list": name, "name": match.row.name, "tier": match.tier, "kind": match.row.kind, "key": row_key(name, match.row)}
                for name, match in found[party.id] if match.dismissed
            ],
        )  # fmt: skip
        hits += sum(1 for hit in kept if hit and hit.state == "open")
    said = [
        {"list": one.list, "sha256": one.sha256, "rows": one.rows, "made_on": one.made_on.isoformat(), "snapshot": one.id}
        for one in lists
    ]  # fmt: skip
    Screening.update(done_at=now, lists=said, parties=len(asked), hits=hits).where(Screening.id == run.id).execute()
    audit.record(MACHINE, "screen", "screening", row_id=run.id, parties=len(asked), open=hits)


def _keep_match(run: Screening, party: Party, name: str, match: Match, source: Snapshot, now: datetime) -> Hit | None:
    """The hit of a match. One that was decided stays so, unless it is surer now; a birth date that differs dismisses."""
    key = row_key(name, match.row)
    known = list(Hit.select().where(Hit.party == party.id, Hit.row_key == key).order_by(Hit.tier))
    if match.dismissed:
        for hit in known:
            if hit.state == "open":
                _decide(hit, "dismissed", "Both birth dates are known in full, and they differ.", "", source, None, now)
        return known[0] if known else None
    said = {
        "tier": match.tier, "score": match.score, "agrees": match.agrees, "differs": match.differs,
        "together": match.together,
    }  # fmt: skip
    if waiting := [hit for hit in known if hit.state in ("open", "confirmed")]:
        Hit.update(seen_in=run, **said).where(Hit.id == waiting[0].id).execute()
        return Hit.get_by_id(waiting[0].id)
    if known and known[0].tier <= match.tier:
        hit = known[0]
        Hit.update(seen_in=run).where(Hit.id == hit.id).execute()
        if hit.state == "dismissed":
            _decide(hit, "open", "The birth dates no longer tell the two apart.", "", source, None, now)
        return hit
    return Hit.create(
        party=party, screening=run, seen_in=run, list=name, row_key=key, listed=_as_listed(match.row), **said
    )  # fmt: skip


def row_key(name: str, row: Listed) -> str:
    """Which row of a list this is, from one file of it to the next."""
    return hashlib.sha256("\x1f".join((name, *row[:12])).encode()).hexdigest()[:32]


def _as_listed(row: Listed) -> dict[str, str]:
    return {**{name: value for name, value in row._asdict().items() if not name.endswith("_key")}, "name": row.name}


# Decisions


def decide(hit: Hit, *, what: str, reason: str, evidence: str, by: Actor, now: datetime) -> Decision:
    """A person says whether a row of a list is this party, and why. It can be decided anew; every decision is kept."""
    reasons = [] if what in DECISIONS else ["Choose whether it is the same party."]
    if len(reason.strip()) < LEAST_REASON:
        reasons.append("Say in a sentence why.")
    if what == "cleared" and not evidence.strip() and hit.tier in screening.BLOCKING:
        reasons.append("Name the evidence: the number of the OIG search that verified it, or the document.")
    if by.person is None:
        reasons.append("A person decides, never the machine.")
    elif hit.party.person_id == by.id:
        reasons.append("Somebody else decides on your own hits.")
    if reasons:
        raise Refused(*reasons)
    with db.atomic():
        decision = _decide(hit, what, reason.strip(), evidence.strip(), current(hit.list), by.id, now)
        audit.record(by, what, "hit", row_id=hit.id, tier=hit.tier, list_sha256=decision.list_sha256)
    return decision


def together(party: Party) -> list[Hit]:
    """The undecided hits that only a name speaks for: one look, one decision."""
    return list(party.hits.where(Hit.together, Hit.state == "open").order_by(Hit.score.desc(), Hit.id))


def clear_together(party: Party, hits: list[int], *, reason: str, by: Actor, now: datetime) -> int:
    """A person looked through these names and none of them is this party. What was found since stays open."""
    seen = [hit for hit in together(party) if hit.id in hits]
    if not seen:
        raise Refused("Nothing is left to look through. Open the page again.")
    with db.atomic():
        for hit in seen:
            decide(hit, what="cleared", reason=reason, evidence="", by=by, now=now)
    return len(seen)


def _decide(
    hit: Hit, what: str, reason: str, evidence: str, source: Snapshot | None, by: int | None, now: datetime
) -> Decision:  # fmt: skip
    """Write a decision down beside the hash of the file it was made on."""
    with db.atomic():
        Hit.update(state=what).where(Hit.id == hit.id).execute()
        hit.state = what
        if by is None:
            audit.record(MACHINE, what, "hit", row_id=hit.id)
        return Decision.create(
            hit=hit, what=what, reason=reason, evidence=evidence, list_sha256=source.sha256 if source else "",
            at=now, by=by,
        )  # fmt: skip


# Where somebody stands; for assignments, claims, packets and pages


def party_of(who: Person | Surgeon) -> Party | None:
    """As whom a person or a surgeon is screened."""
    return (_PARTY_OF_PERSON if isinstance(who, Person) else _PARTY_OF_SURGEON).row(id=who.id)


_PARTY_OF_PERSON = Asked(lambda: Party.select().where(Party.person == param("id")).limit(1))
_PARTY_OF_SURGEON = Asked(lambda: Party.select().where(Party.kind == "surgeon", Party.surgeon == param("id")).limit(1))


def open_hits(who: Person | Surgeon) -> list[Hit]:
    """The hits that stand on a person or surgeon: undecided or confirmed, of a surgeon's entities too."""
    people, surgeon = ([who.id], None) if isinstance(who, Person) else ([], who.id)
    return _STANDING.rows(people=people, surgeon=surgeon)


_STANDING = Asked(
    lambda: (
        Hit.select()
        .join(Party)
        .where(
            Party.person.in_(among("people")) | (Party.surgeon == param("surgeon")),
            Party.ended_at.is_null(),
            Hit.state.in_(("open", "confirmed")),
        )
        .order_by(Hit.tier, Hit.id)
    )
)


def screened(who: Person | Surgeon, on: date) -> Standing:
    """Where a person or surgeon stands on a day: state, every objection in a sentence, age and hash of the list."""
    party = party_of(who)
    return _standing(who.name, party, open_hits(who), on, in_use())


def standings(on: date) -> list[tuple[Party, Standing, Screened | None]]:
    """Where everybody stands, for the page of them all."""
    lists, last, hits = in_use(), _last_results(), {}
    for hit in Hit.select().where(Hit.state.in_(("open", "confirmed"))):
        hits.setdefault(hit.party_id, []).append(hit)
    everybody = parties()
    return [
        (one, _standing(one.called, one, hits.get(one.id, []), on, lists, last), last.get(one.id)) for one in everybody
    ]


def _last_results() -> dict[int, Screened]:
    done = Screened.select(Screened, Screening).join(Screening).where(Screening.done_at.is_null(False))
    return {one.party_id: one for one in done.order_by(Screened.id)}


def last_result(party: Party, on: date) -> Screened | None:
    """The last screening of a party up to a day."""
    return next(
        (one for one in _RESULTS.rows(party=party.id) if (at := one.screening.done_at) and _day(at) <= on), None
    )


_RESULTS = Asked(lambda: Screened.select().where(Screened.party == param("party")).order_by(Screened.id.desc()))


def _day(at: datetime) -> date:
    return at.astimezone(SETTINGS.zone).date()


def _standing(
    name: str, party: Party | None, hits: list[Hit], on: date, lists: list[Snapshot], last: dict[int, Screened] | None = None
) -> Standing:  # fmt: skip
    if last is None:
        result = last_result(party, on) if party else None
    else:
        result = last.get(party.id) if party else None
    return screening.standing(
        name, on=on, screened_on=_day(result.screening.done_at) if result else None, list_on=list_date(lists),
        list_sha256=next((one.sha256 for one in lists if one.list == "leie"), ""),
        confirmed=any(hit.state == "confirmed" for hit in hits),
        open_tiers=[hit.tier for hit in hits if hit.state == "open" and not hit.together],
        names=sum(hit.state == "open" and hit.together for hit in hits),
    )  # fmt: skip


def list_date(lists: Iterable[Snapshot] | None = None) -> date | None:
    """The date of the oldest list in use; none while the OIG's is missing."""
    lists = list(in_use() if lists is None else lists)
    return min(one.made_on for one in lists) if any(one.list == "leie" for one in lists) else None


def notice(on: date) -> str:
    """What every case and Today say while the list is too old or missing; empty when it is not."""
    return screening.list_notice(on=on, list_on=list_date())


def obstacles(case: Case) -> list[str]:
    """Why nobody may work on this case or claim for it: a hit that stands on one of its people or its surgeon."""
    return _obstacles(_ASSIGNED.rows(case=case.id), case)


_ASSIGNED = Asked(
    lambda: Person.select().join(Assignment).where(Assignment.case == param("case")).order_by(Assignment.id)
)


def _obstacles(people: Iterable[Person], case: Case) -> list[str]:
    """The same for people who were read already, in one query for all of them and the surgeon."""
    people = list(people)
    hits: dict[tuple[str, int], list[Hit]] = {}
    for hit in _STANDING.rows(people=[one.id for one in people], surgeon=case.surgeon_id):
        of = ("person", hit.party.person_id) if hit.party.person_id else ("surgeon", hit.party.surgeon_id)
        hits.setdefault(of, []).append(hit)
    who = [(one.name, hits.get(("person", one.id), ())) for one in people]
    if case.surgeon_id and (against := hits.get(("surgeon", case.surgeon_id))):
        who.append((case.surgeon.name, against))
    said = [_obstacle(name, hit, case.date_of_service) for name, found in who for hit in found]
    return list(dict.fromkeys(filter(None, said)))


def standing_against(who: Person | Surgeon, *, on: date) -> list[str]:
    """The hits that keep somebody from working on a day, in sentences.

    A confirmed exclusion counts from its first day on, so that work done before it is not held.
    """
    return [said for hit in open_hits(who) if (said := _obstacle(who.name, hit, on))]


def _obstacle(name: str, hit: Hit, on: date) -> str:
    title = exclusions.title(hit.list)
    if hit.state == "confirmed":
        excluded = hit.listed["from_on"] <= on.isoformat()
        return (
            f"{name} is excluded since {hit.listed['from_on'] or 'a day the list does not say'} ({title})."
            if excluded
            else ""
        )
    if hit.tier in screening.BLOCKING:
        return f"{name} may be on the exclusion list ({title}, {screening.TIERS[hit.tier]}); the owner has to decide first."
    return ""


def lateness(people: Iterable[Person], *, on: date) -> list[str]:
    """Who was not screened in time for a day, in sentences. Nothing without a list: then no page is about one person."""
    if current() is None:
        return []
    people = list(people)
    last = _screened_on([one.id for one in people], on)
    said = [screening.lateness(one.name, on=on, screened_on=last.get(one.id)) for one in people]
    return list(dict.fromkeys(filter(None, said)))


def _screened_on(people: list[int], on: date) -> dict[int, date]:
    """The day of each person's last screening up to a day."""
    midnight = datetime.combine(on + timedelta(days=1), time(), SETTINGS.zone)
    rows = (
        Screened.select(Party.person, pw.fn.MAX(Screening.done_at))
        .join(Screening)
        .switch(Screened)
        .join(Party)
        .where(Party.person.in_(people), Screening.done_at < midnight)
        .group_by(Party.person)
    )
    return {person: _day(at) for person, at in rows.tuples()}


def objections(person: Person, *, on: date, today: date) -> list[str]:
    """Why a person is not to be given work on a day although nothing was found: nobody looked in time.

    For a day to come it is today's screening that counts, since the next one is still to be done. A practice that has
    loaded no list does not screen yet; each of its cases says so.
    """
    if current() is None:
        return []
    day = min(on, today)
    return [*filter(None, [notice(day)]), *lateness([person], on=day)]


def said_of(case: Case, *, on: date, whole: bool) -> list[str]:
    """What the page of a case says: how old the list and its people's screening are; hits to those who see everything."""
    people = list(Person.select().join(Assignment).where(Assignment.case == case.id).order_by(Person.name).distinct())
    late = lateness(people, on=min(on, case.date_of_service))
    return [*filter(None, [notice(on)]), *late, *(_obstacles(people, case) if whole else [])]


def waiting() -> tuple[int, int, int]:
    """How many hits wait for a decision of their own, how many of these stop work, and parties with names to look through."""
    rows = (
        Hit.select(Hit.tier, Hit.together, Hit.party).join(Party).where(Hit.state == "open", Party.ended_at.is_null())
    )
    found = list(rows.tuples())
    alone = [tier for tier, together, _ in found if not together]
    return len(alone), sum(t in screening.BLOCKING for t in alone), len({who for _, group, who in found if group})


def refresh_due(on: date) -> bool:
    """True when the OIG has a newer list than the one in use."""
    leie = current()
    return screening.refresh_due(leie.made_on if leie else None, on)


def excluded_since(who: Person | Surgeon) -> str:
    """The first day of a confirmed exclusion, YYYY-MM-DD: claims from then on are held. Empty when there is none."""
    return min((hit.listed["from_on"] for hit in open_hits(who) if hit.state == "confirmed"), default="")


def needed(on: date) -> bool:
    """True when somebody is not screened against the lists in use, or this month's run is due."""
    if current() is None:
        return False
    last = Screening.select().where(Screening.done_at.is_null(False)).order_by(Screening.id.desc()).first()
    if last is None or {one["snapshot"] for one in last.lists} != {one.id for one in in_use()}:
        return True
    missing = Person.select().where(Person.disabled_at.is_null(), Person.id.not_in(_screened_in(last, Party.person)))
    surgeons = Surgeon.select().where(
        Surgeon.archived_at.is_null(), Surgeon.id.not_in(_screened_in(last, Party.surgeon))
    )
    firms = Party.select().where(
        Party.ended_at.is_null(), Party.id.not_in(Screened.select(Screened.party).where(Screened.screening == last.id))
    )
    new_month = _day(last.done_at).replace(day=1) != on.replace(day=1) and on.day > screening.REFRESH_DAY
    return new_month or missing.exists() or surgeons.exists() or firms.exists()


def _screened_in(run: Screening, column: Any):
    return Party.select(column).join(Screened).where(Screened.screening == run.id, column.is_null(False))


# The certificate


def edition(result: Screened | Screening) -> str:
    """What a certificate is made from: a result, or a whole run, and the decisions on its hits so far."""
    kind = "screened" if isinstance(result, Screened) else "screening"
    return f"{kind}:{result.id}:{_decided(result)}"


def _decided(result: Screened | Screening) -> int:
    return max((one.id for hit in _hits_of(_results(result)) for one in hit.decisions), default=0)


def _results(result: Screened | Screening) -> list[Screened]:
    if isinstance(result, Screened):
        return [result]
    return sorted(result.results, key=lambda one: one.party.called)


def _hits_of(results: list[Screened]) -> list[Hit]:
    ids = [id for one in results for id in one.found]
    return list(Hit.select().where(Hit.id.in_(ids)).order_by(Hit.tier, Hit.id)) if ids else []


def certified(result: Screened | Screening) -> Document | None:
    """The certificate as things stand, if it was made."""
    return Document.get_or_none(Document.kind == "screening_certificate", Document.made_from == edition(result))


def ask_for_certificate(result: Screened | Screening, *, by: Actor, now: datetime) -> None:
    """Have the worker make the certificate of a party's result, or of a whole run."""
    run = result.screening if isinstance(result, Screened) else result
    if run.done_at is None:
        raise Refused("The screening is not done yet.")
    kind = "screened_certificate" if isinstance(result, Screened) else "screening_certificate"
    with db.atomic():
        jobs.ask(kind, f"certificate:{edition(result)}", result.id, due_at=now)
        audit.record(by, "print", "screening", row_id=run.id)


def certify(result: Screened | Screening, *, now: datetime) -> Callable[[], None]:
    """Make the certificate: dated, with hash and rows of each list, names searched and result of each party."""
    made_from = edition(result)
    if certified(result):
        return lambda: None
    from pypdf import PdfReader

    pdf = certificate_pdf(result, now=now)
    documents.put(pdf)
    run = result.screening if isinstance(result, Screened) else result
    title = f"Exclusion screening of {_day(run.done_at):%b %-d, %Y}"
    pages = len(PdfReader(io.BytesIO(pdf)).pages)
    return lambda: documents.store(
        pdf, case=None, kind="screening_certificate", title=title, pages=pages, made_from=made_from, by=MACHINE, now=now
    )  # fmt: skip


def certificate_pdf(result: Screened | Screening, *, now: datetime) -> bytes:
    """The certificate's pages. Slow: for the worker and for commands."""
    from actions.reports import letterhead
    from practice.pdf import render

    run = result.screening if isinstance(result, Screened) else result
    results = _results(result)
    hits: dict[int, Hit] = {hit.id: hit for hit in _hits_of(results)}
    lists = [{**one, "title": exclusions.title(one["list"])} for one in run.lists]
    return render(
        "screening.html", "print.css",
        {
            "letterhead": letterhead(), "run": run, "lists": lists, "done": _moment(run.done_at), "printed": _moment(now),
            "results": [(one, [_said(hits[id]) for id in one.found if id in hits]) for one in results],
        },
    )  # fmt: skip


def _said(hit: Hit) -> tuple[Hit, str]:
    """A hit and what was decided on it, in words."""
    last = hit.decisions.order_by(Decision.id.desc()).first()
    if last is None or last.what == "open":
        return hit, "Not decided yet"
    who = Person.get_by_id(last.by).name if last.by else "Birth date"
    word = {"cleared": "Cleared", "confirmed": "Confirmed", "dismissed": "Dismissed"}[last.what]
    return hit, f"{word} by {who}, {_day(last.at):%b %-d, %Y}: {last.reason}" + (
        f" Evidence: {last.evidence}" if last.evidence else ""
    )


def _moment(at: datetime) -> str:
    local = at.astimezone(SETTINGS.zone)
    return f"{local:%b} {local.day}, {local:%Y %H:%M} {local.tzname()}"
