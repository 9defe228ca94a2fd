"""The schema that migrations make is the schema of models.py, and its guards bite.

Until the first release a change of models.py is a change of the first migration, written by
`.venv/bin/python -m tests.test_schema > migrations/0001_initial.py`. After that it is a new file.
"""

from __future__ import annotations

import multiprocessing
import re
import signal
import sqlite3
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import peewee as pw
import pytest

import models
from actions import Refused, keeping
from models import GUARDS, TABLES, db

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
DAY = date(2026, 11, 2)
INITIAL = '''"""The first schema, table by table: a frozen copy that imports no model."""

SCHEMA = """
{tables}
"""


def up(migrator, db):
    for statement in SCHEMA.split(";"):
        if statement.strip():
            db.execute_sql(statement)
'''


@pytest.fixture
def empty(tmp_path):
    """The app's database object, pointed at a new and empty file for one test."""
    before, open_before = db.database, not db.is_closed()
    db.close()
    db.init(str(tmp_path / "evoked.db"))
    db.connect()
    yield db
    db.close()
    db.init(before)
    if open_before:
        db.connect()


@pytest.fixture
def migrated(empty):
    keeping.migrate(now=NOW)
    return empty


def items(sql: str) -> list[str]:
    """The columns and constraints of a CREATE statement, without layout, quotes or order."""
    plain = " ".join(re.findall(r"'[^']*'|\w+|[^\w\s]", sql.replace('"', "")))
    head, _, body = plain.partition("(")
    parts, depth = [""], 0
    for word in body.rsplit(")", 1)[0].split():
        depth += (word == "(") - (word == ")")
        if word == "," and not depth:
            parts.append("")
        else:
            parts[-1] += f"{word} "
    return [head, *(sorted(parts) if "TABLE" in head else parts)]


def schema(database) -> dict[str, list[str]]:
    rows = database.execute_sql(
        "SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'index') AND sql IS NOT NULL"
    ).fetchall()
    return {name: items(sql) for name, sql in rows if "schema_migration" not in name}


def initial_migration() -> str:
    """The text of 0001_initial.py as models.py stands."""
    fresh = pw.SqliteDatabase(":memory:")
    with fresh.bind_ctx(TABLES):
        fresh.create_tables(TABLES)
    found = fresh.execute_sql("SELECT tbl_name, type, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    tables = []
    for model in TABLES:
        mine = sorted(row[1:] for row in found if row[0] == model._meta.table_name)
        indexes = [f"{unquoted(sql)};" for kind, sql in mine if kind == "index"]
        tables.append("\n".join([*(laid_out(sql) for kind, sql in mine if kind == "table"), *indexes]))
    return INITIAL.format(tables="\n\n".join(tables))


def unquoted(sql: str) -> str:
    """The statement without the quotes that SQLite does not need."""
    memory = sqlite3.connect(":memory:")

    def bare(match: re.Match[str]) -> str:
        try:
            memory.execute(f"CREATE TEMP TABLE probe ({match[1]} TEXT)")
            memory.execute("DROP TABLE probe")
        except sqlite3.OperationalError:
            return match[0]
        return match[1]

    return re.sub(r'"(\w+)"', bare, sql)


def laid_out(sql: str) -> str:
    """A CREATE TABLE with one column or constraint a line."""
    head, _, body = unquoted(sql).partition("(")
    inside, _, options = body.rpartition(")")
    lines = re.split(r", (?![^(]*\))", inside)
    return f"{head}(\n    " + ",\n    ".join(lines) + f"\n){options};"


def test_the_migrated_schema_is_the_schema_of_the_models(migrated, tmp_path):
    fresh = pw.SqliteDatabase(str(tmp_path / "fresh.db"))
    with fresh.bind_ctx(TABLES):
        fresh.create_tables(TABLES)
    wanted, found = schema(fresh), schema(migrated)
    fresh.close()
    different = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    expected = f"\nmigrations/0001_initial.py should read:\n{initial_migration()}" if different else ""
    assert not different, f"models.py and the migrations differ in {different}.{expected}"


def test_every_guard_is_there_after_a_migration(migrated):
    assert keeping.guards_in_place() == GUARDS


def test_a_second_start_changes_nothing(migrated):
    version = migrated.pragma("schema_version")
    assert keeping.migrate(now=NOW) == []
    assert migrated.pragma("schema_version") == version


def test_a_missing_guard_is_put_back_at_the_next_start(migrated):
    migrated.execute_sql("DROP TRIGGER entry_no_update")
    keeping.migrate(now=NOW)
    assert keeping.guards_in_place() == GUARDS


# The guards


@pytest.fixture
def signed(migrated):
    """A signed case with a row in every table that a guard keeps."""
    person = models.Person.create(name="Pia", email="pia@example.org", created_at=NOW)
    case = models.Case.create(
        facility=models.Facility.create(name="Mercy", zone="America/Chicago"),
        patient=models.Patient.create(name="DOE, JANE"),
        date_of_service=DAY,
        procedure="ACDF C5-C6",
        created_at=NOW,
    )
    models.Assignment.create(case=case, person=person, role="physician")
    models.Entry.create(client_id="e1", case=case, kind="note", data="{}", entered_at=NOW, received_at=NOW, by=person)
    report = models.Report.create(
        case=case, record_rev=1, facts=b"", layout=b"", text="t", text_sha256="s", drafted_at=NOW
    )
    models.Approval.create(report=report, by=person, at=NOW)
    models.WordingSwitch.create(on=True, host="127.0.0.1", model="m", at=NOW, by=person)
    models.Proposal.create(
        report=report, host="127.0.0.1", model="m", prompt="p", facts_digest="d", asked_at=NOW, asked_by=person
    )
    models.Reworded.create(
        case=case, section="impression", key="k", built_in="a", text="b", author="model", at=NOW, by=person
    )
    act = {"case": case, "by": person, "name": "Pia", "credentials": "MD", "at": NOW, "text_sha256": "s"}
    models.Signature.create(report=report, **act)
    models.Override.create(case=case, person=person, role="physician", reason="alone on call", at=NOW, by=person.id)
    models.Allotment.create(case=case, who="Pia", method="equal", reason="r", at=NOW, by=person.id)
    card = models.CredentialType.create(name="BLS")
    models.Credential.create(person=person, type=card)
    models.Document.create(case=case, kind="order", title="Order", sha256="0", pages=1, size=1, added_at=NOW)
    run = models.Screening.create(asked_at=NOW)
    party = models.Party.create(kind="person", person=person, added_at=NOW)
    hit = models.Hit.create(party=party, screening=run, seen_in=run, list="leie", row_key="k", tier="C", score=1)
    models.Decision.create(hit=hit, what="cleared", reason="r", list_sha256="s", at=NOW, by=1)
    paper = models.Document.create(kind="claim_file", title="File", sha256="1", pages=0, size=1, added_at=NOW)
    packet = models.Packet.create(case=case, requested_at=NOW)
    models.Sending.create(packet=packet, sent_on=DAY, how="mail", to="Acme", sha256="2", at=NOW, by=1)
    payer = models.Payer.create(name="Acme PPO", payer_class="commercial")
    claim = models.Claim.create(
        case=case, payer=payer, number="C1", body=b"{}", date_of_service=DAY, total_cents=100, state_at=NOW, made_at=NOW
    )
    models.ClaimAct.create(claim=claim, act="made", state="coded", at=NOW)
    models.Decided.create(claim=claim, on=DAY, at=NOW, by=1)
    models.FindingOverride.create(case=case, finding="V09", message="m", reason="r", at=NOW, by=1)
    models.OwnRule.create(number=1, name="n", then="hold", message="m", at=NOW, by=1)
    receiver = models.Receiver.create(name="House", receiver_id="R", submitter_id="S")
    sent = models.ClaimFile.create(
        receiver=receiver, interchange=1, batch="B1", claims=1, cents=100, document=paper, made_at=NOW, usage="T"
    )
    models.ClaimInFile.create(file=sent, claim=claim)
    models.FileAct.create(file=sent, act="handed_in", at=NOW, by=1)
    heard = models.AnswerFile.create(sha256="3", document=paper, received_at=NOW)
    models.ClaimAnswer.create(file=heard, claim=claim, source="999", outcome="accepted", words="w")
    models.Counter.create(name="interchange", value=1)
    bill = models.Invoice.create(
        facility=case.facility,
        number="I1",
        from_on=DAY,
        until_on=DAY,
        issued_on=DAY,
        due_on=DAY,
        total_cents=1,
        issued_by=1,
    )
    models.InvoiceLine.create(invoice=bill, case=case, what="case", cents=1, derivation="d")
    models.InvoicePayment.create(invoice=bill, paid_on=DAY, cents=1, at=NOW, by=1)
    models.AuditEntry.create(seq=1, at=NOW, action="sign", noun="report", prev="genesis", mac="m")
    case.signed_at = NOW
    case.save()
    models.Addendum.create(number=1, text="t", **act)
    return case


KEPT = [
    "addendum",
    "allotment",
    "answer_file",
    "approval",
    "assignment",
    "audit_entry",
    "cases",
    "claim_act",
    "claim_answer",
    "claim_file",
    "claim_in_file",
    "decided",
    "decision",
    "document",
    "entry",
    "file_act",
    "finding_override",
    "invoice_line",
    "invoice_payment",
    "override",
    "own_rule",
    "report",
    "reworded",
    "sending",
    "signature",
    "wording_switch",
]


@pytest.mark.parametrize("table", KEPT)
def test_it_refuses_to_change_or_delete_a_kept_row(signed, table):
    column = db.get_columns(table)[1].name
    for write in (f'UPDATE {table} SET "{column}" = "{column}"', f"DELETE FROM {table}"):
        with pytest.raises(pw.IntegrityError, match="guard"):
            db.execute_sql(write)


@pytest.mark.parametrize("table", KEPT)
def test_insert_or_replace_does_not_walk_past_a_guard(signed, table):
    with pytest.raises(pw.IntegrityError, match="guard"):
        db.execute_sql(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")


@pytest.mark.parametrize("table", ["entry", "report", "assignment", "reworded"])
def test_it_refuses_a_new_row_for_a_signed_case(signed, table):
    names = [column.name for column in db.get_columns(table)]
    unique = {"id": "id + 100", "client_id": "'e2'", "role": "'technologist'"}
    values = ", ".join(unique.get(name, f'"{name}"') for name in names)
    columns = ", ".join(f'"{name}"' for name in names)
    with pytest.raises(pw.IntegrityError, match="the case is signed"):
        db.execute_sql(f"INSERT INTO {table} ({columns}) SELECT {values} FROM {table}")


def test_an_addendum_waits_for_a_signature(signed):
    case = models.Case.create(
        facility=signed.facility, patient=signed.patient, date_of_service=DAY, procedure="TLIF", created_at=NOW
    )
    with pytest.raises(pw.IntegrityError, match="needs a signed report"):
        models.Addendum.create(
            case=case, number=1, text="t", by=1, name="Pia", credentials="MD", at=NOW, text_sha256="s"
        )


def test_the_audit_trail_only_grows(signed):
    with pytest.raises(pw.IntegrityError, match="only grows"):
        models.AuditEntry.insert(seq=0, at=NOW, action="x", noun="x", prev="p", mac="m").execute()


def test_what_a_model_was_asked_is_never_deleted(signed):
    with pytest.raises(pw.IntegrityError, match="guard"):
        db.execute_sql("DELETE FROM proposal")


@pytest.mark.parametrize("table", ["credential", "credential_type"])
def test_a_credential_is_withdrawn_and_never_deleted(signed, table):
    with pytest.raises(pw.IntegrityError, match="guard"):
        db.execute_sql(f"DELETE FROM {table}")


@pytest.mark.parametrize("change", ["body = x'00'", "number = 'C2'", "total_cents = 99"])
def test_a_claim_is_kept_as_it_was_made(signed, change):
    for write in (
        f"UPDATE claim SET {change}",
        "DELETE FROM claim",
        "INSERT OR REPLACE INTO claim SELECT * FROM claim",
    ):
        with pytest.raises(pw.IntegrityError, match="guard"):
            db.execute_sql(write)
    assert db.execute_sql("UPDATE claim SET state = 'held'").rowcount == 1


def test_a_number_is_given_once(signed):
    for write in ("UPDATE counter SET value = value", "DELETE FROM counter"):
        with pytest.raises(pw.IntegrityError, match="guard"):
            db.execute_sql(write)
    assert db.execute_sql("UPDATE counter SET value = value + 1").rowcount == 1


@pytest.mark.parametrize("change", ["number = 'I2'", "total_cents = 99", "due_on = '2027-01-01'"])
def test_an_invoice_is_kept_as_it_was_issued_and_void_once(signed, change):
    for write in (f"UPDATE invoice SET {change}", "DELETE FROM invoice"):
        with pytest.raises(pw.IntegrityError, match="guard"):
            db.execute_sql(write)
    assert (
        db.execute_sql("UPDATE invoice SET void_at = ?, void_by = 1", [models.UtcField().db_value(NOW)]).rowcount == 1
    )
    with pytest.raises(pw.IntegrityError, match="guard"):
        db.execute_sql("UPDATE invoice SET void_at = NULL, void_by = NULL")


def test_a_case_is_on_one_invoice_at_a_time(signed):
    columns = {"from_on": DAY, "until_on": DAY, "issued_on": DAY, "due_on": DAY, "total_cents": 1, "issued_by": 1}
    second = models.Invoice.create(facility=signed.facility, number="I2", **columns)
    with pytest.raises(pw.IntegrityError, match="invoiced once"):
        models.InvoiceLine.create(invoice=second, case=signed, what="case", cents=1, derivation="d")


def test_every_guard_is_tried(signed):
    """A new guard fails this test until the tests above try it, so no guard is only believed in."""
    tried = {f"{table}_{kind}" for table in KEPT for kind in ("no_update", "no_delete")}
    tried |= {f"{table}_signed_{act}" for table in KEPT for act in ("insert", "update", "delete")}
    tried |= {"addendum_after_signature", "audit_entry_in_order", "proposal_no_delete"}
    tried |= {"credential_no_delete", "credential_type_no_delete"}
    tried |= {"claim_no_delete", "claim_body_update", "counter_only_up", "counter_no_delete"}
    tried |= {"invoice_kept", "invoice_no_delete", "invoice_line_once"}
    assert set(GUARDS) <= tried


# Migrations that fail, copies that open


def step(folder: Path, name: str, body: str) -> None:
    (folder / f"{name}.py").write_text(f"import os, signal\ndef up(migrator, db):\n    {body}\n")


@pytest.fixture
def next_steps(migrated, tmp_path):
    """A folder of migrations in which 0001 is applied and later ones can be written."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_initial.py").write_text((keeping.MIGRATIONS / "0001_initial.py").read_text())
    return folder


def _killed_half_way(path: str, folder: Path) -> None:
    db.init(path)
    db.connect()
    keeping.migrate(now=NOW, migrations=folder)


@pytest.mark.parametrize("killed_in", ["0002_shade", "0003_hue"])
def test_a_migration_killed_half_way_leaves_nothing_half_done(next_steps, killed_in):
    step(next_steps, "0002_shade", "db.execute_sql('ALTER TABLE surgeon ADD COLUMN shade TEXT')")
    step(next_steps, "0003_hue", "db.execute_sql('ALTER TABLE surgeon ADD COLUMN hue TEXT')")
    whole = (next_steps / f"{killed_in}.py").read_text()
    (next_steps / f"{killed_in}.py").write_text(whole + "    os.kill(os.getpid(), signal.SIGKILL)\n")
    before, path = schema(db), db.database
    db.close()
    child = multiprocessing.get_context("spawn").Process(target=_killed_half_way, args=(path, next_steps))
    child.start()
    child.join()
    db.connect()
    assert child.exitcode == -signal.SIGKILL
    assert schema(db) == before
    assert keeping.guards_in_place() == GUARDS
    (next_steps / f"{killed_in}.py").write_text(whole)
    assert keeping.migrate(now=NOW, migrations=next_steps) == ["0002_shade", "0003_hue"]
    assert {"shade", "hue"} <= {column.name for column in db.get_columns("surgeon")}


def test_a_migration_that_orphans_rows_is_undone(signed, next_steps):
    step(next_steps, "0002_orphan", "db.execute_sql('DELETE FROM patient')")
    with pytest.raises(Refused, match="points to a row of patient that is not there"):
        keeping.migrate(now=NOW, migrations=next_steps)
    assert models.Patient.select().count() == 1
    assert keeping.guards_in_place() == GUARDS
    assert db.pragma("foreign_keys") == 1


def test_a_copy_is_made_before_a_migration(signed, next_steps):
    step(next_steps, "0002_shade", "db.execute_sql('ALTER TABLE surgeon ADD COLUMN shade TEXT')")
    keeping.migrate(now=NOW, migrations=next_steps)
    copy = pw.SqliteDatabase(str(models.SETTINGS.data / "backups" / "before-0002_shade-20261102T090000Z.db"))
    assert copy.execute_sql("SELECT COUNT(*) FROM entry").fetchone() == (1,)
    assert "shade" not in {column.name for column in copy.get_columns("surgeon")}
    copy.close()


def test_it_refuses_a_database_of_a_newer_release(migrated, next_steps):
    step(next_steps, "0002_shade", "pass")
    keeping.migrate(now=NOW, migrations=next_steps)
    with pytest.raises(Refused, match="newer than this copy of Evoked: it knows 0002_shade"):
        keeping.migrate(now=NOW)


def test_a_backup_opens_and_holds_everything(signed, tmp_path):
    models.SETTINGS.documents.mkdir(exist_ok=True)
    stored = models.SETTINGS.documents / "ab" / "abc.pdf"
    stored.parent.mkdir(exist_ok=True)
    stored.write_bytes(b"%PDF")
    copy = pw.SqliteDatabase(str(keeping.backup(tmp_path / "copy")))
    assert copy.execute_sql("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert copy.execute_sql("SELECT name FROM patient").fetchall() == [("DOE, JANE",)]
    copy.close()
    kept = {path.relative_to(tmp_path / "copy").as_posix() for path in (tmp_path / "copy").rglob("*")}
    assert {"evoked.db", "documents/ab/abc.pdf", "secrets.json"} <= kept
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "copy").rglob("*"))
    stored.unlink()


def test_a_second_backup_into_the_same_folder_is_newer(signed, tmp_path):
    keeping.backup(tmp_path / "copy")
    models.Surgeon.create(name="Sam")
    copy = pw.SqliteDatabase(str(keeping.backup(tmp_path / "copy")))
    assert copy.execute_sql("SELECT name FROM surgeon").fetchall() == [("Sam",)]
    copy.close()


if __name__ == "__main__":
    sys.stdout.write(initial_migration())
