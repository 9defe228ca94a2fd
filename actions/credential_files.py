"""Credentials taken in from a table: names found here, then all rows or none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from actions import Actor, Refused, audit, credentials
from models import Credential, CredentialType, Facility, Payer, Person, db
from practice import credential_files


@dataclass(frozen=True)
class TakenIn:
    """How many rows were put on file, and how many were there before."""

    added: int
    known: int


def take_in(text: str, *, by: Actor, now: datetime) -> TakenIn:
    """Put every row of a CSV text on file, unverified, or none: refused with each row's errors. What is there stays once."""
    rows, errors = credential_files.read(text)
    if errors:
        raise Refused(*errors)
    with db.atomic():
        found = _found(rows)
        new = [given for given in found if not _is_there(given)]
        for given in new:
            credentials.put(**given, by=by, now=now)
        audit.record(by, "import", "credential", added=len(new), known=len(found) - len(new))
        credentials.rejudge(now=now)
    return TakenIn(added=len(new), known=len(found) - len(new))


def _found(rows: Iterable[credential_files.Row]) -> list[dict[str, Any]]:
    """The rows with people, kinds and facilities of ours; refused with every row that names something else."""
    found, errors, seen = [], [], {}
    for row in rows:
        try:
            given = _given(row)
        except Refused as refused:
            errors += [f"Line {row.line}: {reason}" for reason in refused.reasons]
            continue
        key = tuple(getattr(value, "id", value) for name, value in given.items() if name != "issuer")
        if key in seen:
            errors.append(f"Line {row.line}: The same as line {seen[key]}.")
        seen.setdefault(key, row.line)
        found.append(given)
    if errors:
        raise Refused(*errors)
    return found


def _given(row: credential_files.Row) -> dict[str, Any]:
    """What is put on file for a row."""
    wrong: list[str] = []
    named: dict[str, Any] = {"person": None, "kind": None, "facility": None}
    for name, find in (("person", person), ("kind", kind), ("facility", facility)):
        told = getattr(row, name)
        try:
            named[name] = find(told) if told else None
        except Refused as refused:
            wrong += refused.reasons
    values = {
        "state": row.state, "facility": named["facility"] and named["facility"].id, "from_on": row.from_on,
        "until_on": row.until_on,
    }  # fmt: skip
    if named["kind"] and not wrong:
        wrong += credentials.faults(named["kind"], **values)
    if wrong:
        raise Refused(*wrong)
    return {"person": named["person"], "of_type": named["kind"], "number": row.number, "issuer": row.issuer, **values}


def _is_there(given: dict[str, Any]) -> bool:
    """True when the same is on file, or was and somebody withdrew it: the file does not undo that."""
    same = [Credential.person == given["person"], Credential.type == given["of_type"]]
    for name in ("number", "state", "facility", "from_on", "until_on"):
        column = getattr(Credential, name)
        same.append(column.is_null() if given[name] is None else column == given[name])
    return Credential.select().where(*same).exists()


# Whom and what a text names


def person(told: str) -> Person:
    """The person of this email or name."""
    return _one(Person, [one for one in Person.select() if _same(told, one.email, one.name)], told, "the email")


def kind(told: str) -> CredentialType:
    return _one(CredentialType, [one for one in CredentialType.select() if _same(told, one.name)], told, "")


def facility(told: str) -> Facility:
    """The facility of this name, alone or with its state: Mercy, or Mercy, IL."""
    rows = [one for one in Facility.select() if _same(told, one.name, f"{one.name}, {one.state}")]
    return _one(Facility, rows, told, "its name and state, such as Mercy, IL")


def payer(told: str) -> Payer:
    return _one(Payer, [one for one in Payer.select() if _same(told, one.name, one.payer_id)], told, "its payer number")


def _same(told: str, *known: str) -> bool:
    return " ".join(told.split()).casefold() in [" ".join(one.split()).casefold() for one in known if one]


WORDS = {Person: "Nobody here", CredentialType: "No kind of credential", Facility: "No facility", Payer: "No payer"}


def _one(model: type, rows: list[Any], told: str, instead: str) -> Any:
    if not rows:
        raise Refused(f"{WORDS[model]} is called {told}.")
    # Of two with one name the one who is still here is meant.
    active = [one for one in rows if not getattr(one, "disabled_at", None) and not getattr(one, "archived_at", None)]
    rows = active or rows
    if len(rows) > 1:
        raise Refused(f"Several are called {told}. Give {instead}." if instead else f"Several are called {told}.")
    return rows[0]
