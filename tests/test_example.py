"""The example practice: forty cases in every state, each page of it open, printed logins that work."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import tasks
from actions import Refused, example
from models import SETTINGS, Addendum, Approval, Case, Document, Entry, Packet, Person, Report
from practice.completeness import missing
from tests.cast import NOW, book

LOGINS = SETTINGS.data / "example-logins.txt"


@pytest.fixture(autouse=True)
def _no_logins():
    yield
    LOGINS.unlink(missing_ok=True)


def sign_in(app, email: str, password: str):
    client = app.test_client()
    assert client.post("/sessions", data={"email": email, "password": password}).status_code == 303
    return client


@pytest.mark.parametrize("moment", [NOW, datetime(2026, 1, 4, 5, 10, tzinfo=UTC)], ids=["weekday noon", "sunday night"])
def test_forty_cases_in_every_state_and_every_page_opens(app, moment):
    lines = example.fill(now=moment)
    assert Case.select().count() == 40
    assert Counter(case.state for case in Case.select()).keys() == {"booked", "recording", "closed", "signed"}
    assert Report.select().count() > Approval.select().count() > 5
    assert Addendum.select().exists()
    password = lines[1].split()[-1]
    while tasks.work_off():
        pass
    assert Packet.select().where(Packet.made_at.is_null(False)).count() >= 3
    assert Document.select().where(Document.kind == "order").count() == 7
    olive = sign_in(app, "olive@example.org", password)
    for case in Case.select():
        for page in ("", "/record", "/report", "/packet", "/documents", *(["/addenda"] if case.signed_at else [])):
            answer = olive.get(f"/cases/{case.id}{page}")
            assert answer.status_code == 200, (case.id, page)


def test_each_printed_login_opens_the_pages_of_its_role(app):
    for line in example.fill(now=NOW)[1:]:
        *_, email, password = line.split()
        client = sign_in(app, email, password)
        here = client.get("/").get_data(as_text=True)
        for address in set(re.findall(r'<a[^>]* href="(/[^"#]*)"', here)):
            assert client.get(address).status_code == 200, (email, address)


def test_filling_again_prints_the_same_logins_and_changes_nothing(database):
    first = example.fill(now=NOW)
    entries = Entry.select().count()
    assert example.fill(now=NOW + timedelta(days=3)) == first
    assert Entry.select().count() == entries
    assert LOGINS.stat().st_mode & 0o777 == 0o600


def test_a_practice_in_use_is_refused(cast):
    with pytest.raises(Refused, match="in use already"):
        example.fill(now=NOW)
    Person.delete().execute()
    book(cast, people=False)
    with pytest.raises(Refused, match="in use already"):
        example.fill(now=NOW)


def test_without_the_shared_folder_the_app_s_own_case_files_are_used(database, monkeypatch, tmp_path):
    monkeypatch.setattr(example, "CASE_FILES", (tmp_path / "none", example.CASE_FILES[-1]))
    assert [path.name[:2] for path in example._files()] == ["01", "02", "03", "05", "07", "08"]
    assert example.CASE_FILES[-1] == Path(example.__file__).parents[1] / "docs" / "cases"


def test_booked_operations_begin_on_working_days_at_hours_of_work(database):
    example.fill(now=NOW)
    booked = [case for case in Case.select() if case.state == "booked"]
    assert len(booked) == 8
    for case in booked:
        local = case.starts_at.astimezone(ZoneInfo(case.facility.zone))
        assert local.weekday() < 5
        assert 7 <= local.hour <= 13
        assert local.date() == case.date_of_service > NOW.date()


def test_cases_that_run_now_hold_nothing_of_the_future_and_show_a_late_and_a_corrected_entry(database):
    example.fill(now=NOW)
    running = [case for case in Case.select() if case.state == "recording"]
    assert len(running) == 4
    for case in running:
        assert not Entry.select().where(Entry.case == case.id, Entry.at > NOW).exists()
        assert any(one.field.startswith("closing") for one in missing(case.facts()))
    assert any(case.facts().late for case in running)
    assert Entry.select().where(Entry.replaces.is_null(False)).exists()
