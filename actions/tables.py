"""The public tables the practice imports: offered with a preview, loaded whole or not at all, asked by the day of service."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

import msgspec
import peewee as pw

from actions import Actor, Refused, audit
from models import (
    AddOnPrimary,
    Asked,
    Case,
    DiagnosisCode,
    DiagnosisWord,
    PtpPair,
    RelativeValue,
    TableImport,
    UnitLimit,
    db,
    roomy,
)
from practice import coding, public_tables
from practice.edits import Edits, Kind, Limit, Value, next_edition
from practice.fees import allowed_cents
from practice.public_tables import BadTable, Row, Source

MODELS: dict[Kind, type[pw.Model]] = {"ptp": PtpPair, "mue": UnitLimit, "addon": AddOnPrimary, "rvu": RelativeValue}
SAMPLES = 12
FEWEST = 2
"""A table that holds less than one in so many of the rows of the one in use lacks a part."""
MOST_FOUND = 20
LAST = 1000
"""Added to the rank of what may not stand on a claim: more than any description has letters."""


# Offer, look, load


@dataclass(frozen=True)
class Preview:
    """What loading an offered edition would change against the one in use on its first day."""

    edition: TableImport
    before: TableImport | None
    added: int
    changed: int
    gone: int
    samples: list[tuple[Row, Row | None]]
    """Rows of our own codes, each with the row it would take the place of."""


def offer(kind: Kind, files: Sequence[Source], *, by: Actor, now: datetime, from_on: date | None = None) -> TableImport:
    """Read the files and keep what they say until somebody says yes. `BadTable` or `Refused` says why not."""
    holds, said = first_day(kind, files, from_on), read(kind, files)
    with db.atomic():
        make_way(kind)
        offered = TableImport.create(kind=kind, from_on=holds, offered_at=now, offered_by=by.id, **said)
        audit.record(by, "offer", "table_import", row_id=offered.id, kind=kind, sha256=offered.sha256)
    return offered


def first_day(kind: Kind, files: Sequence[Source], from_on: date | None) -> date:
    """The day from which the files hold: as it was given, or as their names tell."""
    told = public_tables.look(kind, files)
    if from_on or told:
        return from_on or told
    raise BadTable("The name of the file does not tell from which day it holds. Give that day and send it again.")


def read(kind: Kind, files: Sequence[Source]) -> dict[str, Any]:
    """What the files say, as columns of their row. Two million rows take a while."""
    digest = hashlib.sha256()
    for _, file in files:
        while part := file.read(1 << 20):
            digest.update(part)
        file.seek(0)
    table = public_tables.read(kind, files)
    return {
        "name": ", ".join(table.names)[:300], "sha256": digest.hexdigest(), "rows": len(table.rows), "rows_read": table.read,
        "content": zlib.compress(msgspec.msgpack.encode(table.rows), 1),
    }  # fmt: skip


def make_way(kind: Kind) -> None:
    """What was offered of this kind and not loaded goes: one edition waits at a time."""
    TableImport.delete().where(TableImport.kind == kind, TableImport.loaded_at.is_null()).execute()


def preview(offered: TableImport) -> Preview:
    """Counts and sample rows of what loading this would change."""
    kind: Kind = offered.kind
    rows, before = _rows(offered), edition(kind, offered.from_on)
    key = _KEYS[kind]
    new = {row[:key]: row for row in rows}
    old = {row[:key]: row for row in _held(kind, before, offered.from_on)}
    changed = [one for one, row in new.items() if one in old and old[one] != row]
    mine = _samples(kind)
    picked = [one for one in new if all(code in mine for code in one[: 2 if kind in ("ptp", "addon") else 1])]
    picked.sort(key=lambda one: (one not in changed, one))
    return Preview(
        edition=offered, before=before, added=len(new.keys() - old.keys()), changed=len(changed),
        gone=len(old.keys() - new.keys()), samples=[(new[one], old.get(one)) for one in picked[:SAMPLES]],
    )  # fmt: skip


_KEYS: dict[Kind, int] = {"ptp": 2, "mue": 1, "addon": 2, "rvu": 2, "icd10": 1}
"""How many of the first columns name a row."""


def _rows(offered: TableImport) -> list[Row]:
    return [tuple(row) for row in msgspec.msgpack.decode(zlib.decompress(offered.content))]


def _held(kind: Kind, before: TableImport | None, on: date) -> Iterable[Row]:
    if before is None:
        return ()
    if kind == "icd10":
        rows = DiagnosisCode.select(DiagnosisCode.code, DiagnosisCode.words, DiagnosisCode.billable).where(_valid(on))
        return [(code, words, bool(billable)) for code, words, billable in rows.tuples()]
    model = MODELS[kind]
    columns = [getattr(model, name) for name in public_tables.COLUMNS[kind]]
    rows = model.select(*columns).where(model.table == before.id).order_by(model.id).tuples()
    return [tuple(one.isoformat() if isinstance(one, date) else one for one in row) for row in rows]


def _samples(kind: Kind) -> set[str]:
    return set(coding.CODES) if kind != "icd10" else _usual() | {"M4712", "M48061", "M5416", "G9529", "D333"}


def objections(offered: TableImport) -> list[str]:
    """Why an offered edition cannot be put in use."""
    if offered.loaded_at:
        return ["This edition is in use already."]
    newest = _loaded_editions("ptp").order_by(TableImport.from_on.desc()).first() if offered.kind == "ptp" else None
    if newest and newest.from_on > offered.from_on:
        return [f"A newer edition of the pairs, of {newest.from_on}, is in use and holds the older days too."]
    if newest and offered.rows * FEWEST < newest.rows:
        return [
            f"This holds {offered.rows:,} pairs of our codes and the edition in use {newest.rows:,}: parts are missing. "
            "Send all the parts of the edition together, f1 to f4."
        ]
    return []


def _loaded_editions(kind: Kind) -> pw.ModelSelect:
    return TableImport.select().where(TableImport.kind == kind, TableImport.loaded_at.is_null(False))


def load(offered: TableImport, *, by: Actor, now: datetime) -> TableImport:
    """Put an offered edition in use, in one transaction. One of the same day takes the place of the other."""
    kind: Kind = offered.kind
    rows = _rows(offered) if offered.content else []
    with roomy(), db.atomic():
        offered = TableImport.get_by_id(offered.id)
        if reasons := objections(offered):
            raise Refused(*reasons)
        # Pairs carry their own days, so the newest file answers for every day and the older ones only take room.
        former = _loaded_editions(kind)
        if kind == "icd10":
            _merge(rows, offered.from_on)
        if kind != "ptp":
            former = former.where(TableImport.from_on == offered.from_on)
        if kind in MODELS:
            model = MODELS[kind]
            replaced = [one.id for one in former]
            model.delete().where(model.table.in_(replaced)).execute()
            names = ("table", *public_tables.COLUMNS[kind])
            model.insert_plain(names, ((offered.id, *row) for row in rows))
        TableImport.delete().where(TableImport.id.in_([one.id for one in former])).execute()
        TableImport.update(loaded_at=now, loaded_by=by.id, content=None).where(TableImport.id == offered.id).execute()
        audit.record(
            by, "load", "table_import", row_id=offered.id, kind=kind, rows=len(rows), sha256=offered.sha256,
            from_on=str(offered.from_on),
        )  # fmt: skip
    return TableImport.get_by_id(offered.id)


def withdraw(offered: TableImport, *, by: Actor) -> None:
    """Let an offered edition go; what is in use stays."""
    with db.atomic():
        TableImport.delete().where(TableImport.id == offered.id, TableImport.loaded_at.is_null()).execute()
        audit.record(by, "withdraw", "table_import", row_id=offered.id)


# Which edition holds, and what it says


def edition(kind: Kind, on: date) -> TableImport | None:
    """The file of this kind that holds on the day."""
    return editions(on).get(kind)


_LOADED = Asked(
    lambda: (
        TableImport.select()
        .where(TableImport.loaded_at.is_null(False))
        .order_by(TableImport.from_on.desc(), TableImport.id.desc())
    )
)


def editions(on: date) -> dict[Kind, TableImport]:
    """The file of each kind that holds on the day. The pairs carry their own days, so their newest file answers for all."""
    found: dict[Kind, TableImport] = {}
    for row in map(TableImport._read, _LOADED()):
        if row.kind == "ptp" or row.from_on <= on:
            found.setdefault(row.kind, row)
    return found


def edits(codes: Iterable[str], on: date) -> Edits:
    """What the tables imported so far say of these codes on the day of service."""
    wanted = sorted(set(codes))
    held = editions(on)
    return Edits(
        on=on,
        dates={kind: table.from_on for kind, table in held.items()},
        pairs=_pairs(held["ptp"], wanted, on) if "ptp" in held else {},
        limits=_limits(held["mue"], wanted) if "mue" in held else {},
        primaries=_primaries(held["addon"], wanted, on) if "addon" in held else {},
        values=_values(held["rvu"], wanted) if "rvu" in held else {},
    )


def _pairs(table: TableImport, codes: list[str], on: date) -> dict[tuple[str, str], str]:
    rows = PtpPair.select(PtpPair.first, PtpPair.second, PtpPair.modifier).where(
        PtpPair.table == table.id, PtpPair.first.in_(codes), PtpPair.second.in_(codes),
        PtpPair.from_on <= on, PtpPair.until_on.is_null() | (PtpPair.until_on >= on),
    )  # fmt: skip
    return {(first, second): modifier for first, second, modifier in rows.tuples()}


def _limits(table: TableImport, codes: list[str]) -> dict[str, Limit]:
    rows = UnitLimit.select().where(UnitLimit.table == table.id, UnitLimit.code.in_(codes))
    return {row.code: Limit(units=row.units, adjudication=row.adjudication) for row in rows}


def _primaries(table: TableImport, codes: list[str], on: date) -> dict[str, frozenset[str]]:
    rows = AddOnPrimary.select(AddOnPrimary.code, AddOnPrimary.primary_code).where(
        AddOnPrimary.table == table.id, AddOnPrimary.code.in_(codes),
        AddOnPrimary.from_on <= on, AddOnPrimary.until_on.is_null() | (AddOnPrimary.until_on >= on),
    )  # fmt: skip
    found: dict[str, set[str]] = {}
    for code, primary in rows.tuples():
        found.setdefault(code, set()).add(primary)
    return {code: frozenset(primaries) for code, primaries in found.items()}


def _values(table: TableImport, codes: list[str]) -> dict[tuple[str, str], Value]:
    rows = RelativeValue.select().where(RelativeValue.table == table.id, RelativeValue.code.in_(codes))
    return {
        (row.code, row.modifier): Value(
            status=row.status, pc_tc=row.pc_tc, bilateral=row.bilateral,
            cents=None if row.facility_hundredths is None else allowed_cents(row.facility_hundredths, row.factor_ten_thousandths),
        )
        for row in rows
    }  # fmt: skip


# Diagnoses


def diagnosis(code: str, on: date) -> Literal["billable", "header", "not_valid"] | None:
    """What an ICD-10-CM code is on a day, written with or without its dot.

    None: it cannot be told, because no edition of that day is loaded, or a newer one that is not loaded may name it.
    """
    return diagnoses([code], on)[code]


def diagnoses(codes: Iterable[str], on: date) -> dict[str, Literal["billable", "header", "not_valid"] | None]:
    """The same of several codes, as they were written."""
    codes, held = list(codes), edition("icd10", on)
    if held is None or not codes:
        return dict.fromkeys(codes)
    asked = DiagnosisCode.select(DiagnosisCode.code, DiagnosisCode.billable)
    rows = dict(asked.where(DiagnosisCode.code.in_([bare(code) for code in codes]), _valid(on)).tuples())
    unknown = None if on >= next_edition("icd10", held.from_on) else "not_valid"
    return {code: ("billable" if rows[bare(code)] else "header") if bare(code) in rows else unknown for code in codes}


def bare(code: str) -> str:
    return code.replace(".", "").strip().upper()


def _valid(on: date) -> pw.Expression:
    return (DiagnosisCode.from_on <= on) & (DiagnosisCode.until_on.is_null() | (DiagnosisCode.until_on >= on))


def find_diagnoses(said: str, on: date, most: int = MOST_FOUND) -> list[DiagnosisCode]:
    """Codes of the day whose description has every word, or a word that begins so; or that begin as a code does.

    Those of the practice's last cases come first, then what may stand on a claim, short descriptions before long ones.
    """
    words = sorted(dict.fromkeys(public_tables.plain_words(said[:200])), key=len, reverse=True)[:6]
    query = DiagnosisCode.select().where(_valid(on))
    start = bare(said)
    if len(start) >= 2 and start[0].isalpha() and start[1].isdigit() and start.isalnum():
        query = query.where(DiagnosisCode.code >= start, DiagnosisCode.code < start + "\U0010ffff")
        return list(query.order_by(DiagnosisCode.code).limit(most))
    if not words or len(words[0]) < 2:
        return []
    begins = [(DiagnosisWord.word >= word) & (DiagnosisWord.word < word + "\U0010ffff") for word in words]
    # Read from the words alone: looking up each of forty thousand codes to order them would take longer than a key press.
    ids = DiagnosisWord.select(DiagnosisWord.code).where(begins[0]).distinct()
    for one in begins[1:]:
        ids = ids.where(DiagnosisWord.code.in_(DiagnosisWord.select(DiagnosisWord.code).where(one)))
    ids = [
        id
        for (id, _) in ids.select_extend(DiagnosisWord.rank)
        .order_by(DiagnosisWord.rank, DiagnosisWord.code)
        .limit(most * 5)
        .tuples()
    ]
    found = {row.id: row for row in query.where(DiagnosisCode.id.in_(ids))}
    usual = _usual()
    # Sorting keeps the order of what is alike: what this practice codes comes first, and the rest by its rank.
    return sorted((found[id] for id in ids if id in found), key=lambda row: row.code not in usual)[:most]


def _usual() -> set[str]:
    """The codes of the last cases."""
    last = Case.select(Case.diagnosis).order_by(Case.id.desc()).limit(100)
    return {bare(told) for case in last for one in case.diagnosis if (told := one.get("icd10"))}


def _merge(rows: Sequence[Row], from_on: date) -> None:
    """Make the codes of the days this edition holds what it says; rows in which editions agree are shared.

    A list of billable codes alone says nothing of the headers, so those stay.
    """
    later = (
        TableImport.select(pw.fn.MIN(TableImport.from_on))
        .where(TableImport.kind == "icd10", TableImport.loaded_at.is_null(False), TableImport.from_on > from_on)
        .scalar(as_tuple=False)
    )
    until_on = _as_day(later) - timedelta(1) if later else None
    new = {code: (words, bool(billable)) for code, words, billable in rows}
    headers = any(not billable for _, billable in new.values())
    held: dict[str, list[DiagnosisCode]] = {}
    touched = DiagnosisCode.until_on.is_null() | (DiagnosisCode.until_on >= from_on - timedelta(1))
    if until_on:
        touched &= DiagnosisCode.from_on <= until_on + timedelta(1)
    for row in DiagnosisCode.select().where(touched).order_by(DiagnosisCode.from_on):
        held.setdefault(row.code, []).append(row)
    added: list[Row] = []
    for code in new.keys() | held.keys():
        beside = held.get(code, [])
        said = new.get(code)
        if said is None and not headers and all(not row.billable for row in beside):
            continue
        if any(_says(row, said) and _covers(row, from_on, until_on) for row in beside):
            continue
        added += _put(code, said, beside, from_on, until_on)
    names = ("code", "words", "billable", "from_on", "until_on")
    DiagnosisCode.insert_plain(names, added)
    _index()


def _as_day(value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(value)


def _says(row: DiagnosisCode, said: tuple[str, bool] | None) -> bool:
    return said is not None and (row.words, row.billable) == said


def _covers(row: DiagnosisCode, from_on: date, until_on: date | None) -> bool:
    return row.from_on <= from_on and (row.until_on is None or (until_on is not None and row.until_on >= until_on))


def _put(
    code: str, said: tuple[str, bool] | None, beside: Sequence[DiagnosisCode], from_on: date, until_on: date | None
) -> list[Row]:
    """Cut what other editions say out of these days, join what says the same before or after, add what is missing."""
    begins, ends = from_on, until_on
    added: list[Row] = []
    for row in beside:
        inside = row.from_on <= (until_on or date.max) and (row.until_on is None or row.until_on >= from_on)
        if _says(row, said):
            begins = min(begins, row.from_on)
            ends = None if ends is None or row.until_on is None else max(ends, row.until_on)
            row.delete_instance()
        elif inside:
            if until_on and (row.until_on is None or row.until_on > until_on):
                after = until_on + timedelta(1)
                added.append((code, row.words, row.billable, str(after), row.until_on and str(row.until_on)))
            if row.from_on < from_on:
                DiagnosisCode.update(until_on=from_on - timedelta(1)).where(DiagnosisCode.id == row.id).execute()
            else:
                row.delete_instance()
    if said is not None:
        added.append((code, *said, str(begins), ends and str(ends)))
    return added


def _index() -> None:
    """The words of every description that has none yet."""
    done = DiagnosisWord.select(DiagnosisWord.code)
    rows = DiagnosisCode.select(DiagnosisCode.id, DiagnosisCode.words, DiagnosisCode.billable)
    pairs = sorted(
        (word, id, len(words) + (0 if billable else LAST))
        for id, words, billable in rows.where(DiagnosisCode.id.not_in(done)).tuples()
        for word in set(public_tables.plain_words(words))
    )
    DiagnosisWord.insert_plain(("word", "code", "rank"), pairs)


def built_in_diagnoses(*, by: Actor, now: datetime) -> TableImport | None:
    """Fill the table of diagnoses from the package that is installed with the app. None: there is an edition already.

    Reading the package takes seconds and much memory, so this is done once, at set-up, and never while the app runs.
    """
    if TableImport.select().where(TableImport.kind == "icd10", TableImport.loaded_at.is_null(False)).exists():
        return None
    import simple_icd_10_cm as package

    rows: list[Row] = list(dict.fromkeys(
        (code.replace(".", ""), package.get_description(code)[:300], package.is_leaf(code))
        for code in package.get_all_codes(with_dots=True)
        if package.is_category_or_subcategory(code)
    ))  # fmt: skip
    offered = TableImport.create(
        kind="icd10", name=f"simple-icd-10-cm {BUILT_IN[0]}", sha256="", rows=len(rows), rows_read=len(rows),
        from_on=BUILT_IN[1], content=zlib.compress(msgspec.msgpack.encode(rows), 1), offered_at=now, offered_by=by.id,
    )  # fmt: skip
    return load(offered, by=by, now=now)


BUILT_IN = ("1.5.0", date(2026, 4, 1))
"""The version of the package and the day from which its edition holds."""
