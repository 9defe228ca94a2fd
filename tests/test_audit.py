"""The audit trail: one entry for each act, none can be altered unseen, and no patient's data is in it."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime

import peewee as pw
import pytest

import models
from actions import MACHINE, audit, people, places
from models import AuditEntry, Coverage, Patient, Surgeon, drop_guards, install_guards
from tests.cast import NOW, actor, book

ANCHORS = models.SETTINGS.data / "audit.anchors"


@pytest.fixture
def trail(database):
    """Nine whole entries, and the anchor file as it was."""
    for number in range(1, 10):
        audit.record(MACHINE, "add", "surgeon", row_id=number)
    assert audit.verify() == (9, None)
    yield database
    ANCHORS.unlink(missing_ok=True)


@pytest.fixture
def intruder(trail):
    """A connection of somebody who has the file, not the key, and takes the triggers off first."""
    trail.close()
    raw = pw.sqlite3.connect(str(models.SETTINGS.database), isolation_level=None)
    for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        raw.execute(f"DROP TRIGGER {name}")
    yield raw
    raw.close()
    trail.connect(reuse_if_open=True)
    install_guards()


def found(intruder) -> tuple[int, str | None]:
    intruder.close()
    models.db.connect(reuse_if_open=True)
    return audit.verify()


def test_an_edited_entry_is_named(intruder):
    intruder.execute("UPDATE audit_entry SET action = 'view' WHERE seq = 4")
    assert found(intruder) == (3, "Entry 4 was changed after it was written.")


@pytest.mark.parametrize("column", AuditEntry.CHAINED)
def test_no_column_can_be_edited_unseen(intruder, column):
    intruder.execute(f"UPDATE audit_entry SET {column} = ? WHERE seq = 9", [99 if column == "seq" else "garbled"])
    whole, fault = found(intruder)
    assert whole == 8
    assert "ntry 9 " in fault


def test_a_time_written_another_way_is_an_edit(intruder):
    intruder.execute("UPDATE audit_entry SET at = replace(at, 'Z', '+00:00') WHERE seq = 2")
    assert found(intruder) == (1, "Entry 2 was changed after it was written.")


def test_a_deleted_entry_is_missed(intruder):
    intruder.execute("DELETE FROM audit_entry WHERE seq = 4")
    assert found(intruder) == (3, "Entry 4 is missing: the next one found is 5.")


def test_a_deleted_beginning_is_missed(intruder):
    intruder.execute("DELETE FROM audit_entry WHERE seq < 3")
    assert found(intruder) == (0, "Entry 1 is missing: the next one found is 3.")


def test_closing_the_gap_by_new_numbers_is_seen(intruder):
    intruder.execute("DELETE FROM audit_entry WHERE seq = 4")
    intruder.execute("UPDATE audit_entry SET seq = seq - 1 WHERE seq > 4")
    assert found(intruder) == (3, "Entry 4 does not follow the one before it.")


def test_of_two_altered_entries_the_first_is_named(intruder):
    intruder.execute("UPDATE audit_entry SET actor = 1 WHERE seq IN (6, 3)")
    assert found(intruder) == (2, "Entry 3 was changed after it was written.")


def test_a_rewritten_end_without_the_key_is_seen(intruder):
    intruder.execute("UPDATE audit_entry SET detail = '{}', mac = 'a1' WHERE seq = 8")
    intruder.execute("UPDATE audit_entry SET prev = 'a1', mac = 'a2' WHERE seq = 9")
    assert found(intruder) == (7, "Entry 8 was changed after it was written.")


def test_a_replaced_entry_is_seen(intruder):
    intruder.execute("INSERT OR REPLACE INTO audit_entry SELECT seq, at, 7, session, address, action, noun, row_id, case_id, detail, prev, mac FROM audit_entry WHERE seq = 5")  # fmt: skip
    assert found(intruder) == (4, "Entry 5 was changed after it was written.")


def test_an_end_cut_off_is_missed_where_an_anchor_was_kept(intruder):
    models.db.connect()
    audit.anchor()
    models.db.close()
    intruder.execute("DELETE FROM audit_entry WHERE seq > 6")
    assert found(intruder) == (6, "The trail ends at entry 6, but an anchor was kept for entry 9.")


def test_an_end_cut_off_and_grown_again_differs_from_its_anchor(intruder):
    models.db.connect()
    audit.anchor()
    models.db.close()
    intruder.execute("DELETE FROM audit_entry WHERE seq > 6")
    models.db.connect()
    for number in range(4):
        audit.record(MACHINE, "view", "case", row_id=number)
    assert found(intruder) == (8, "Entry 9 differs from the anchor kept for it.")


def test_a_second_anchor_for_the_same_entry_does_not_hide_the_first(trail):
    ANCHORS.write_text("5 00\n5 " + AuditEntry.get_by_id(5).mac + "\n")
    assert audit.verify() == (4, "Entry 5 differs from the anchor kept for it.")


def test_a_garbled_anchor_is_named(trail):
    ANCHORS.write_text("nonsense\n")
    assert audit.verify() == (0, "Line 1 of the anchors cannot be read.")


def test_the_app_itself_cannot_change_its_trail(trail):
    for sql in (
        "UPDATE audit_entry SET action = 'view'",
        "DELETE FROM audit_entry",
        "INSERT OR REPLACE INTO audit_entry (seq, at, address, action, noun, detail, prev, mac) VALUES (5, '', '', '', '', '', 'x', 'x')",
    ):
        with pytest.raises(pw.IntegrityError, match="guard"):
            trail.execute_sql(sql)
    assert audit.verify() == (9, None)


def test_twenty_thousand_entries_are_read_in_two_seconds(trail):
    last = AuditEntry.get_by_id(9)
    rows = []
    for seq in range(10, 20_001):
        entry = AuditEntry(seq=seq, at=datetime(2026, 9, 1, tzinfo=UTC), action="view", noun="case", prev=last.mac)
        entry.mac = entry.seal()
        rows.append(entry)
        last = entry
    drop_guards()  # checking each of them is not what is measured
    with trail.atomic():
        AuditEntry.bulk_create(rows, batch_size=500)
    install_guards()
    start = time.process_time()
    assert audit.verify() == (20_000, None)
    assert time.process_time() - start < 2


def acts(since: int) -> list[tuple[str, str]]:
    rows = AuditEntry.select(AuditEntry.action, AuditEntry.noun).where(AuditEntry.seq > since).order_by(AuditEntry.seq)
    return list(rows.tuples())


def test_each_write_and_each_read_of_a_patient_leaves_one_entry(client_for, cast):
    olive = client_for(cast.olive)
    surgeon = Surgeon.create(name="Old Name, MD")
    patient = Patient.create(name="TESTPATIENT, QUINN", mrn="SYN-200001", dob=date(1970, 4, 2))
    cover = Coverage.create(patient=patient, payer=cast.acme, member_id="MEM-77")
    person = {"name": "New Person", "email": "new@example.org", "roles": "biller"}
    rule = {"name": "X", "zone": "America/Chicago", "pos": "21", "screw_threshold_ma": "8"}
    told = {"name": "TESTPATIENT, ROBIN", "mrn": "SYN-200001", "dob": "1970-04-02", "sex": "F"}
    member = {"payer": cast.acme.id, "member_id": "MEM-78", "rank": "1"}
    expected = [
        ("POST", "/people", person, [("invite", "person")]),
        ("POST", f"/people/{cast.bo.id}", person, [("revise", "person")]),
        ("POST", f"/people/{cast.bo.id}/credentials", {"kind": "BLS", "facility": "0"}, [("hold", "credential")]),
        ("POST", f"/people/{cast.bo.id}/invitation", {}, [("invite again", "person")]),
        ("POST", f"/people/{cast.stan.id}/disabling", {}, [("end all", "session"), ("disable", "person")]),
        ("POST", f"/people/{cast.stan.id}/enabling", {}, [("enable", "person")]),
        ("POST", "/places/facilities", rule, [("add", "facility")]),
        ("POST", f"/places/surgeons/{surgeon.id}", {"name": "New Name, MD"}, [("revise", "surgeon")]),
        ("POST", f"/places/surgeons/{surgeon.id}/archiving", {}, [("archive", "surgeon")]),
        ("POST", f"/places/surgeons/{surgeon.id}/restoring", {}, [("restore", "surgeon")]),
        ("GET", f"/places/surgeons/{surgeon.id}", {}, []),
        ("GET", "/places/patients", {}, [("view", "patient")]),
        ("POST", "/places/patients/search", {"q": "TEST"}, [("view", "patient")]),
        ("GET", f"/places/patients/{patient.id}", {}, [("view", "patient")]),
        ("POST", f"/places/patients/{patient.id}", told, [("revise", "patient")]),
        ("POST", f"/places/patients/{patient.id}", {"name": ""}, [("view", "patient")]),
        ("POST", f"/places/patients/{patient.id}/coverages", member, [("add", "coverage")]),
        ("GET", f"/places/patients/{patient.id}/coverages/{cover.id}", {}, [("view", "coverage")]),
        ("POST", f"/places/patients/{patient.id}/coverages/{cover.id}", member, [("revise", "coverage")]),
        ("POST", "/places/patients/import", {"text": "name,mrn\nA,1\nB,2", "confirmed": "y"}, [("import", "patient")] * 2),
    ]  # fmt: skip
    for method, path, data, wanted in expected:
        since = AuditEntry.select(pw.fn.MAX(AuditEntry.seq)).scalar()
        answer = olive.open(path, method=method, data=data)
        assert answer.status_code in (200, 201, 303, 422), path
        assert acts(since) == wanted, f"{method} {path}"
    assert audit.verify()[1] is None


def test_a_refused_write_leaves_nothing(client_for, cast):
    olive = client_for(cast.olive)
    since = AuditEntry.select().count()
    olive.post(f"/people/{cast.olive.id}/disabling")
    olive.post("/people", data={"name": "Twin", "email": cast.bo.email, "roles": "biller"})
    assert AuditEntry.select().count() == since


def test_no_data_of_a_patient_is_in_the_trail(client_for, cast):
    olive = client_for(cast.olive)
    case = book(cast)
    told = {"name": "LASTNAME, FIRSTNAME", "mrn": "MRN-4711", "dob": "1961-03-14", "sex": "F"}
    olive.post("/places/patients", data=told)
    patient = Patient.get(Patient.mrn == "MRN-4711")
    olive.post("/places/patients/search", data={"q": "LASTNAME"})
    olive.post(f"/places/patients/{patient.id}", data=told | {"name": "LASTNAME, OTHER", "dob": "1961-03-15"})
    member = {"payer": cast.acme.id, "member_id": "MEM-77", "rank": "1"}
    olive.post(f"/places/patients/{patient.id}/coverages", data=member)
    olive.post("/places/patients/import", data={"text": "name,mrn\nTHIRDNAME,MRN-9\n", "confirmed": "y"})
    for path in ("/", "/cases", f"/cases/{case.id}", "/places/patients", f"/places/patients/{case.patient_id}"):
        olive.get(path)
    written = repr(list(AuditEntry.select().dicts())).lower()
    words = (
        "lastname",
        "firstname",
        "thirdname",
        "mrn-",
        "1961",
        "mem-77",
        "testpatient",
        "quinn",
        "syn-200001",
        "1970",
    )
    assert [word for word in words if word in written] == []


def test_a_digest_cannot_be_found_again_by_trying_every_birth_date(cast):
    patient = Patient.create(name="A", dob=date(1961, 3, 14))
    values = {"name": "A", "mrn": "", "dob": date(1961, 3, 15), "sex": "U"}
    places.save(Patient, patient, values=values, by=actor(cast.olive), on=NOW.date())
    from hashlib import sha256

    assert sha256(repr(date(1961, 3, 14)).encode()).hexdigest()[:16] not in AuditEntry.select().order_by(AuditEntry.seq.desc()).get().detail  # fmt: skip


def test_who_from_where_and_in_which_session_is_kept(client_for, cast):
    client_for(cast.olive).post(f"/people/{cast.stan.id}/invitation")
    entry = AuditEntry.select().order_by(AuditEntry.seq.desc()).get()
    assert (entry.actor, entry.address, entry.row_id) == (cast.olive.id, "127.0.0.1", cast.stan.id)
    assert entry.session == models.Session.get(models.Session.person == cast.olive.id).id


def test_an_action_and_its_entry_are_kept_together_or_not_at_all(cast):
    from models import Person

    with pytest.raises(pw.IntegrityError), models.db.atomic():
        people.invite_again(cast.stan, by=actor(cast.olive), now=NOW)
        Person.create(name="Twin", email=cast.bo.email, created_at=NOW)
    assert not AuditEntry.select().exists()
    assert not models.Invitation.select().exists()


def test_the_page_shows_the_newest_first_and_pages_back(client_for, cast):
    for number in range(150):
        audit.record(MACHINE, "add", "surgeon", row_id=number + 1)
    client = client_for(cast.olive)
    first = client.get("/audit").get_data(as_text=True)
    assert "surgeon 150" in first
    assert "surgeon 20<" not in first
    older = client.get("/audit?before=52").get_data(as_text=True)
    assert "surgeon 20" in older
    for odd in ("0", "-1", str(2**63), "x", "9" * 40):
        assert client.get(f"/audit?before={odd}").status_code == 200
