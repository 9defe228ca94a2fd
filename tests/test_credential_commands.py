"""`bin/evoked credentials`: a table taken in whole or not at all, and the question whether somebody may work."""

from __future__ import annotations

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions import credentials, screenings
from models import AuditEntry, Credential, CredentialType, Facility, Hit, Party, Person, Requirement, Screening, db
from practice.credential_files import COLUMNS, read, read_day
from tests.cast import NOW, actor, book

HEAD = ",".join(COLUMNS)
GOOD = (
    "tess@example.org,CNIM,1234,ABRET,,,2021-06-09,2026-12-31",
    "Stan Stone,BLS,,,,,,6/30/2027",
    "Tess Tran,Hospital privileges,P-7,,,\"Mercy, IL\",2026-01-01,2027-01-01",
    "pia@example.org,State license,ME9,,il,,,2027-07-31",
)  # fmt: skip


@pytest.fixture
def evoked(app, cast):
    """Run `bin/evoked credentials ...`."""

    def run(*words: object):
        done = app.test_cli_runner().invoke(args=["credentials", *map(str, words)])
        db.connect(reuse_if_open=True)  # a command closes what it opened
        return done

    return run


@pytest.fixture
def table(tmp_path):
    """A file of these lines under the column names."""

    def write(*lines: str, head: str = HEAD, encoding: str = "utf-8"):
        path = tmp_path / "held.csv"
        path.write_bytes("\r\n".join([head, *lines]).encode(encoding))
        return path

    return write


def refusals(done) -> list[str]:
    assert (done.exit_code, done.stdout) == (2, ""), done.output
    return done.stderr.splitlines()


# Import


def test_a_table_is_put_on_file_unverified(evoked, table, cast):
    done = evoked("import", table(*GOOD))
    assert (done.exit_code, done.stdout) == (0, "4 added, 0 on file before.\n"), done.output
    assert not Credential.select().where(Credential.verified_on.is_null(False)).exists()
    privileges = Credential.get(Credential.number == "P-7")
    assert (privileges.person.name, privileges.facility.name) == ("Tess Tran", "Mercy")
    assert (privileges.from_on, privileges.until_on) == (date(2026, 1, 1), date(2027, 1, 1))
    assert Credential.get(Credential.number == "ME9").state == "IL"
    assert Credential.get(Credential.person == cast.stan).until_on == date(2027, 6, 30)


def test_the_same_file_again_adds_nothing(evoked, table):
    path = table(*GOOD)
    evoked("import", path)
    assert evoked("import", path).stdout == "0 added, 4 on file before.\n"
    assert evoked("import", table(*GOOD, "Bo Bell,BLS,,,,,,2027-01-01")).stdout == "1 added, 4 on file before.\n"


def test_what_somebody_withdrew_does_not_come_back_with_the_file(evoked, table, cast):
    path = table(*GOOD)
    evoked("import", path)
    credentials.withdraw(Credential.get(Credential.number == "1234"), by=actor(cast.olive), now=NOW)
    assert evoked("import", path).stdout.startswith("0 added")


def test_all_rows_or_none_and_every_wrong_row_is_named(evoked, table):
    said = refusals(
        evoked(
            "import",
            table(
                *GOOD, "Nobody Known,CNIM,,,,,,", "tess@example.org,Pilot license,,,,,,", "tess@example.org,BLS,,,,,,31.12.2026",
                "tess@example.org,BLS,,,Illinois,,,", "tess@example.org,State license,,,,,,2027-01-01",
                "tess@example.org,Hospital privileges,,,,Nowhere,,", "tess@example.org,BLS,,,,,2027-01-01,2026-01-01",
                GOOD[1],
            ),
        )
    )  # fmt: skip
    assert not Credential.select().exists()
    assert {line.split(":")[0] for line in said} == {"Line 8", "Line 9"}, "cells come first: they need no names"
    said = refusals(
        evoked(
            "import",
            table(
                *GOOD, "Nobody Known,CNIM,,,,,,", "tess@example.org,Pilot license,,,,,,",
                "tess@example.org,State license,,,,,,2027-01-01", "tess@example.org,Hospital privileges,,,,Nowhere,,",
                "tess@example.org,BLS,,,,,2027-01-01,2026-01-01", GOOD[1],
            ),
        )
    )  # fmt: skip
    assert not Credential.select().exists()
    assert [line.split(":")[0] for line in said] == [f"Line {number}" for number in range(6, 12)]
    assert said[0] == "Line 6: Nobody here is called Nobody Known."
    assert said[-1] == "Line 11: The same as line 3."


@pytest.mark.parametrize(
    ("head", "word"),
    [("person,kind,expires", "expires"), ("person,number", "Missing: kind"), ("person,kind,person", "twice"), ("", "columns")],
)  # fmt: skip
def test_a_file_with_other_columns_is_refused(evoked, table, head, word):
    assert word in refusals(evoked("import", table("a,b,c", head=head)))[0]


def test_columns_may_stand_in_any_order_and_be_left_out(evoked, table):
    done = evoked("import", table("2027-01-01,BLS,Bo Bell", head="\ufeffUntil,Kind,Person"))
    assert done.stdout == "1 added, 0 on file before.\n", done.output


def test_a_file_that_is_no_text_is_refused_in_a_sentence(evoked, table, tmp_path):
    assert "CSV UTF-8" in refusals(evoked("import", table("José,BLS,,,,,,", encoding="latin-1")))[0]
    assert "cannot be used" in refusals(evoked("import", tmp_path / "none.csv"))[0]
    assert "no rows" in refusals(evoked("import", table()))[0]
    assert "near line" in refusals(evoked("import", table('a,"b')))[0]


def test_two_of_one_name_are_told_apart_by_email(evoked, table, cast):
    Person.create(name="Tess Tran", email="other@example.org", roles=["technologist"], created_at=NOW)
    assert "Give the email" in refusals(evoked("import", table("Tess Tran,BLS,,,,,,")))[0]
    assert evoked("import", table("OTHER@example.org,BLS,,,,,,")).exit_code == 0
    Facility.create(name="Mercy", state="WI", zone="America/Chicago")
    row = "tess@example.org,Hospital privileges,,,,{},,2027-01-01"
    assert "Give its name and state" in refusals(evoked("import", table(row.format("Mercy"))))[0]
    assert evoked("import", table(row.format('"mercy, wi"'))).exit_code == 0


def test_an_import_is_in_the_trail_and_judges_the_coming_cases_anew(evoked, table, cast):
    case = book(cast, date_of_service=date(2099, 1, 5))
    evoked("import", table("tess@example.org,BLS,,,,,,2026-01-01"))
    assert [(row.case_id, row.person_id) for row in credentials.obstacles()] == [(case.id, cast.tess.id)]
    assert AuditEntry.select().where(AuditEntry.action == "import", AuditEntry.noun == "credential").count() == 1


@given(st.dates(min_value=date(1900, 1, 1)))
def test_a_day_is_read_as_it_was_written(day):
    assert read_day(day.isoformat()) == read_day(f"{day.month}/{day.day}/{day.year}") == day


@pytest.mark.parametrize(
    "text", ["1/2/26", "2026-13-01", "13/1/2026", "2026-2-3", "today", "2026-01-01T00:00", "٢٠٢٦-٠١-٠١"]
)
def test_a_day_that_could_be_read_in_two_ways_is_refused(text):
    with pytest.raises(ValueError):
        read_day(text)


@given(st.text())
def test_no_text_brings_the_reader_down(text):
    rows, errors = read(f"{HEAD}\n{text}")
    assert bool(errors) or rows


# Objections


def ask(evoked, *more: str, person: str = "tess@example.org", on: str = "2026-09-01"):
    return evoked("objections", "--person", person, "--facility", "Mercy", "--on", on, *more)


@pytest.fixture
def expired(cast):
    """Tess's CNIM ended on August 29, verified."""
    kind = CredentialType.get(CredentialType.name == "CNIM")
    held = {"until_on": date(2026, 8, 29), "verified_on": NOW.date(), "verified_by": cast.olive.id, "verified_how": "x"}
    Credential.create(person=cast.tess, type=kind, **held)


def test_nothing_stands_against_somebody_who_is_current(evoked, cast):
    done = ask(evoked)
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == "Nothing stands against Tess Tran as technologist at Mercy on Sep 1, 2026.\n"
    assert json.loads(ask(evoked, "--json").stdout) == []


def test_it_is_the_day_of_the_case_that_counts(evoked, expired):
    done = ask(evoked)
    assert done.exit_code == 2
    assert done.stdout == "Tess Tran: CNIM ended on Aug 29, 2026, 3 days before the case.\n"
    assert ask(evoked, on="2026-08-29").exit_code == 0
    (found,) = json.loads(ask(evoked, "--json").stdout)
    assert (found["state"], found["kind"], found["until"]) == ("expired", "CNIM", "2026-08-29")


def test_a_payers_demand_counts_when_it_is_named(evoked, cast):
    kind = CredentialType.get(CredentialType.name == "CNIM")
    Requirement.create(role="technologist", type=kind, payer=cast.medicare, for_claims=True)
    assert ask(evoked).exit_code == 0
    assert "CNIM is not on file" in ask(evoked, "--payer", "medicare").stdout


def test_a_role_is_asked_for_where_it_is_not_clear(evoked, cast):
    assert "--role technologist" in refusals(ask(evoked, person="Olive Owens"))[0]
    assert ask(evoked, "--role", "physician").stdout == "Tess Tran is no physician here.\n"


def test_whom_nobody_knows_is_refused_and_not_judged(evoked, cast):
    assert refusals(ask(evoked, person="Nobody")) == ["Nobody here is called Nobody."]
    assert refusals(ask(evoked, "--payer", "Nobody")) == ["No payer is called Nobody."]


def test_a_confirmed_exclusion_is_an_objection(evoked, cast):
    row = dict.fromkeys(("name", "npi", "dob", "state"), "x") | {"from_on": "2020-01-20"}
    run = Screening.create(asked_at=NOW, done_at=NOW, lists=[])
    party = Party.create(kind="person", person=cast.tess, added_at=NOW)
    hit = Hit.create(party=party, screening=run, seen_in=run, list="leie", row_key="k", listed=row, tier="A", score=1)
    Hit.update(state="confirmed").where(Hit.id == hit.id).execute()
    assert screenings.standing_against(cast.tess, on=NOW.date())
    assert ask(evoked).stdout == "Tess Tran is excluded since 2020-01-20 (OIG LEIE).\n"
