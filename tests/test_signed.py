"""A signed case is frozen: every writing route is tried against one, by everybody, and no row of it changes."""

from __future__ import annotations

import io
import json
import uuid

import peewee as pw
import pytest

from actions import Refused, cases, records, reports
from models import (
    Addendum,
    Approval,
    Assignment,
    Case,
    Document,
    Entry,
    Packet,
    Report,
    Reworded,
    Signature,
    db,
)  # fmt: skip
from practice import record
from tests.cast import NOW, PASSWORD, actor, case_file
from tests.test_documents import pdf
from tests.test_reports import ready, sign

FROZEN = (Case, Assignment, Entry, Report, Reworded, Approval, Signature)
"""Tables of which no row of a signed case may change, appear or go."""
KEPT = (Addendum, Document)
"""Tables in which rows may be added, by an addendum or an upload, but none changed."""


@pytest.fixture
def signed(client_for, cast) -> Case:
    report = ready(client_for, cast)
    assert sign(client_for(cast.pia), report).status_code == 303
    Document.create(case=report.case, kind="order", title="Order", sha256="0" * 64, pages=1, size=1, added_at=NOW)
    return Case.get_by_id(report.case_id)


def rows(case: Case, tables: tuple[type[pw.Model], ...]) -> dict[str, list]:
    """Every row of the case in these tables, raw."""
    found = {}
    for table in tables:
        name, column = table._meta.table_name, "id" if table is Case else "case_id"
        if table is Approval:
            sql = "SELECT * FROM approval WHERE report_id IN (SELECT id FROM report WHERE case_id = ?) ORDER BY id"
        else:
            sql = f"SELECT * FROM {name} WHERE {column} = ? ORDER BY id"
        found[name] = db.execute_sql(sql, (case.id,)).fetchall()
    return found


def form(case: Case) -> dict[str, str]:
    """A form that means something to most routes: whatever a route does not know, it does not read."""
    return {
        "kind": "event", "type": "observation", "text": "Written after the signature", "at": "2026-09-01T10:00",
        "time": "10:00", "password": "wrong wrong wrong", "procedure": "Another procedure", "reason": "because",
        "role": "technologist", "person": "1", "status": "completed", "what": "setup_start", "title": "x",
        "missing_read": "y", "confirmed": "AL1.side", "client_id": str(uuid.uuid4()), "name": "CHANGED, NAME",
        "data": json.dumps({"kind": "event", "text": "x"}), "keep": "x",
    }  # fmt: skip


def writing_routes(app) -> list[tuple[str, str]]:
    """Each writing route with the method: (method, rule)."""
    return sorted(
        (method, rule.rule) for rule in app.url_map.iter_rules() for method in rule.methods - {"GET", "HEAD", "OPTIONS"}
    )


def addresses(app, case: Case) -> list[tuple[str, str]]:
    """Each writing route with numbers of rows that belong to the case, several where it is not known which it means."""
    ids = {
        "case": case.id,
        "report": reports.current(case).id,
        "entry": Entry.select().where(Entry.case == case.id).first().id,
        "assignment": Assignment.select().where(Assignment.case == case.id).first().id,
        "document": Document.select().where(Document.case == case.id).first().id,
    }
    found = []
    for method, rule in writing_routes(app):
        for number in sorted(set(ids.values())):
            address = rule
            while "<" in address:
                start, end = address.index("<"), address.index(">")
                variable = address[start + 1 : end]
                value = str(number) if variable.startswith("row:") else str(Entry.get().client_id)
                address = address[:start] + value + address[end + 1 :]
            found.append((method, address))
    return sorted(set(found))


LEAVES = ("/sign-out", "/disabling", "/end", "/me/password")
"""Routes that would shut the tester out; they have nothing to do with cases and tests of their own."""


def test_no_writing_route_changes_a_signed_case(client_for, cast, app, signed):
    before, kept = rows(signed, FROZEN), rows(signed, KEPT)
    tried = [pair for pair in addresses(app, signed) if not pair[1].endswith(LEAVES)]
    assert len(tried) > 20
    for person in (cast.olive, cast.tess, cast.pia, cast.bo):
        client = client_for(person)
        for method, address in tried:
            for data in (form(signed), {**form(signed), "file": (io.BytesIO(case_file("02")), "02.json")}):
                answer = client.open(address, method=method, data=data, check=False)
                assert answer.status_code < 500, (person.name, method, address)
            client.open(address, method=method, json=form(signed), check=False)
            assert rows(signed, FROZEN) == before, (person.name, method, address)
    after = rows(signed, KEPT)
    assert all(after[name][: len(kept[name])] == kept[name] for name in kept)


def test_the_text_of_a_signed_report_outlives_a_change_of_the_patient_and_the_places(client_for, cast, signed):
    tess = client_for(cast.tess)
    before = tess.get(f"/cases/{signed.id}/report.txt").get_data(as_text=True)
    signed.patient.name = "SOMEBODY, ELSE"
    signed.patient.save()
    signed.facility.name = "Elsewhere"
    signed.facility.save()
    assert tess.get(f"/cases/{signed.id}/report.txt").get_data(as_text=True) == before


def test_actions_refuse_before_the_triggers_do(cast, signed):
    entry = record.Entry(client_id=str(uuid.uuid4()), at=NOW, data=record.Event(text="late"), entered_at=NOW)
    report = reports.current(signed)
    for attempt in (
        lambda: records.append(signed, [entry], by=actor(cast.tess), now=NOW),
        lambda: reports.draft(signed, by=actor(cast.tess), now=NOW),
        lambda: reports.approve(report, by=actor(cast.tess), now=NOW),
        lambda: reports.impress(signed, text="other words", by=actor(cast.pia), now=NOW),
        lambda: cases.revise(signed, by=actor(cast.olive), or_room="OR 9"),
        lambda: cases.assign(signed, cast.stan, "technologist", by=actor(cast.olive), now=NOW),
        lambda: cases.reopen(signed, by=actor(cast.tess), now=NOW),
    ):
        with pytest.raises(Refused):
            attempt()


def test_the_triggers_refuse_what_no_action_would_do(signed):
    report = reports.current(signed)
    for attempt in (
        lambda: Case.update(procedure="x").where(Case.id == signed.id).execute(),
        lambda: Case.update(signed_at=None).where(Case.id == signed.id).execute(),
        lambda: Case.delete().where(Case.id == signed.id).execute(),
        lambda: Entry.update(data="{}").where(Entry.case == signed.id).execute(),
        lambda: Entry.delete().where(Entry.case == signed.id).execute(),
        lambda: Report.update(text="x").where(Report.id == report.id).execute(),
        lambda: Signature.update(name="x").execute(),
        lambda: Signature.delete().execute(),
        lambda: Approval.delete().execute(),
        lambda: Assignment.delete().where(Assignment.case == signed.id).execute(),
        lambda: db.execute_sql("INSERT OR REPLACE INTO signature SELECT * FROM signature"),
    ):
        with pytest.raises(pw.IntegrityError):
            attempt()


def test_loading_its_file_again_leaves_a_signed_case_alone(cast, signed):
    before = rows(signed, FROZEN)
    cases.load(case_file("02"), by=actor(cast.olive), now=NOW)
    assert rows(signed, FROZEN) == before


def test_an_upload_and_an_addendum_are_still_possible(client_for, cast, signed):
    frozen = rows(signed, FROZEN)
    upload = {"kind": "order", "title": "Order", "file": (io.BytesIO(pdf()), "order.pdf")}
    assert client_for(cast.bo).post(f"/cases/{signed.id}/documents", data=upload).status_code == 303
    addendum = {"text": "More.", "password": PASSWORD}
    assert client_for(cast.pia).post(f"/cases/{signed.id}/addenda", data=addendum).status_code == 303
    assert rows(signed, FROZEN) == frozen
    assert Packet.select().count() == 0
