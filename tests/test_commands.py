"""The app's own commands, run as a script runs them: what they print, what they refuse, how they end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from peewee import SqliteDatabase
from pypdf import PdfReader

from tests.cast import case_file, case_files

ROOT = Path(__file__).resolve().parent.parent


def evoked(data: Path, *words: str | Path) -> subprocess.CompletedProcess:
    """Run one command in an installation of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "app", *map(str, words)],
        cwd=ROOT, env={**os.environ, "EVOKED_DATA": str(data)}, capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return done


def refusals(done: subprocess.CompletedProcess) -> list[str]:
    """The sentences of a refused command."""
    assert done.returncode == 2, done
    assert done.stdout == b"", done.stdout
    said = done.stderr.decode().splitlines()
    assert said
    return said


def answer(done: subprocess.CompletedProcess):
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def data():
    """A new installation with the case files of the project loaded, by number 1 and up."""
    with tempfile.TemporaryDirectory() as folder:
        files = case_files()
        done = evoked(Path(folder), "case", "load", *files)
        assert done.returncode == 0, done.stderr.decode()
        assert done.stdout.decode().split() == [str(number) for number in range(1, len(files) + 1)]
        assert done.stderr == b""
        yield Path(folder)


def number_of(start: str) -> str:
    """The number under which the fixture loaded a case file."""
    return str([path.name[:2] for path in case_files()].index(start) + 1)


def tampered(data: Path, *statements: str) -> None:
    """Change the database behind the app's back."""
    database = SqliteDatabase(str(data / "evoked.db"))
    for statement in statements:
        database.execute_sql(statement)
    database.close()


# Load and export


def test_a_new_installation_sets_itself_up_and_numbers_its_cases(data):
    assert (data / "evoked.db").exists()


@pytest.mark.parametrize("path", case_files(), ids=lambda path: path.stem)
def test_a_case_comes_out_as_it_went_in(data, path):
    out = evoked(data, "case", "export", number_of(path.name[:2]))
    given = json.loads(path.read_bytes())
    given.pop("expected")
    assert answer(out) == given


def test_the_same_file_again_is_the_same_case(data):
    done = evoked(data, "case", "load", case_files()[0])
    assert done.returncode == 0
    assert done.stdout == b"1\n"
    assert b"was loaded before, as case 1" in done.stderr


def test_a_file_with_errors_is_refused_whole_and_every_error_is_named(data, tmp_path):
    body = json.loads(case_file("01"))
    body["case"]["id"], body["case"]["tz"] = "BAD", "Mars/Olympus"
    body["case"]["baselines"]["rows"][0]["lat_ms"] = 900
    body["case"]["time"]["segments"][0]["end"] = body["case"]["time"]["setup_start"]
    bad = tmp_path / "bad.json"
    bad.write_text(json.dumps(body))
    said = refusals(evoked(data, "case", "load", bad))
    assert len(said) >= 2
    assert all(line.startswith(f"{bad}: ") for line in said)
    assert any("Mars/Olympus" in line for line in said)
    assert "BAD" not in evoked(data, "case", "list").stdout.decode()


def test_a_file_that_is_refused_does_not_stop_the_next(tmp_path):
    (tmp_path / "broken.json").write_text('{"schema": "ionm-case/1", "case": {')
    done = evoked(tmp_path / "data", "case", "load", tmp_path / "broken.json", case_files()[0])
    assert done.returncode == 2
    assert done.stdout == b"1\n"
    assert b"broken.json: The file is not JSON that can be read" in done.stderr


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("empty.json", b"", "is not JSON"),
        ("latin.json", '{"schema": "café"}'.encode("latin-1"), "is not JSON"),
        ("list.json", b"[]", "does not say schema ionm-case/1"),
        ("deep.json", b"[" * 100_000, "is not JSON"),
        ("other.json", b'{"schema": "other/2"}', "does not say schema ionm-case/1"),
    ],
)
def test_what_is_no_case_file_is_refused_in_a_sentence(data, tmp_path, name, content, sentence):
    (tmp_path / name).write_bytes(content)
    (said,) = refusals(evoked(data, "case", "load", tmp_path / name))
    assert sentence in said


def test_a_folder_and_a_file_that_is_not_there_are_refused_in_a_sentence(data, tmp_path):
    said = refusals(evoked(data, "case", "load", tmp_path, tmp_path / "none.json"))
    assert said == [f"{tmp_path}: cannot be read: Is a directory.", f"{tmp_path}/none.json: cannot be read: No such file or directory."]  # fmt: skip


def test_a_huge_file_is_refused_without_reading_it(data, tmp_path):
    huge = tmp_path / "huge.json"
    with huge.open("wb") as file:
        file.truncate(200_000_000)
    (said,) = refusals(evoked(data, "case", "load", huge))
    assert "larger than the 5 MB" in said


# Report, lines, findings


def test_a_draft_is_written_in_each_form(data, tmp_path):
    text, page = tmp_path / "report.txt", tmp_path / "report.pdf"
    assert evoked(data, "case", "report", "1", "--format", "text", "--out", text).returncode == 0
    assert "DRAFT" in text.read_text()
    assert "TESTPATIENT" in text.read_text()
    assert answer(evoked(data, "case", "report", "1", "--format", "json"))
    assert evoked(data, "case", "report", "1", "--format", "pdf", "--out", page).returncode == 0
    assert "DRAFT" in PdfReader(page).pages[0].extract_text()


def test_lines_show_their_arithmetic(data):
    said = answer(evoked(data, "case", "lines", number_of("02")))
    assert {"counted_minutes", "segments", "lines", "not_billed"} <= said.keys()
    assert said["counted_minutes"] == json.loads(case_file("02"))["expected"]["derived"]["monitoring_minutes"]
    line = next(one for one in said["lines"] if one["code"] == "95941")
    assert {"code", "modifiers", "units", "minutes", "derivation"} <= line.keys()
    assert line["derivation"].endswith(f"95941 = floor(({line['minutes']}+29)/60) = {line['units']}")


def test_findings_and_what_is_missing_are_one_list(data):
    said = answer(evoked(data, "case", "findings", number_of("08")))
    assert all({"id", "severity", "message", "where"} <= one.keys() for one in said)
    rules = [one for one in said if one["severity"] in ("block", "error", "warn", "info") and "field" not in one]
    missing = [one for one in said if "field" in one]
    assert rules + missing == said
    expected = json.loads(case_file("08"))["expected"]["completeness"]
    assert {(one["field"], one["severity"]) for one in expected} <= {(one["id"], one["severity"]) for one in missing}


# Packet


def test_a_packet_of_an_unsigned_case_is_refused_with_every_reason(data, tmp_path):
    out = tmp_path / "packet.pdf"
    said = refusals(evoked(data, "case", "packet", "1", "--out", out))
    assert [line[:6] for line in said] == ["DOC-28", "DOC-29"]
    assert not out.exists()


def test_a_preview_is_marked_on_every_page(data, tmp_path):
    out = tmp_path / "packet.pdf"
    assert evoked(data, "case", "packet", number_of("08"), "--out", out, "--preview").returncode == 0
    pages = PdfReader(out).pages
    assert all("PREVIEW - NOT FOR SUBMISSION" in page.extract_text() for page in pages)
    assert f"Page {len(pages)} of {len(pages)}" in pages[-1].extract_text()


# Whatever goes wrong


@pytest.mark.parametrize(
    "words",
    [
        ("export", "99"), ("export", "abc"), ("export", "²"), ("export", "9" * 30), ("export", "0"), ("report", "99"),
        ("lines", "99"), ("findings", "99"), ("packet", "99", "--out", "never.pdf"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_an_unknown_case_is_refused(data, words):
    (said,) = refusals(evoked(data, "case", *words))
    assert said.startswith(f"There is no case {words[1]}.")


@pytest.mark.parametrize("words", [("report", "1"), ("export", "1"), ("packet", "1", "--preview")])
def test_a_place_that_cannot_be_written_is_said(data, tmp_path, words):
    (said,) = refusals(evoked(data, "case", *words, "--out", tmp_path / "no" / "file"))
    assert said == f"{tmp_path}/no/file cannot be written: No such file or directory."


@pytest.mark.parametrize(
    "words",
    [
        ("case",), ("case", "load"), ("case", "export"), ("case", "report"), ("case", "lines"), ("case", "findings"),
        ("case", "packet"), ("case", "list"), ("audit", "verify"), ("demo",), ("migrate",), ("backup",), ("setup-link",),
    ],
    ids=" ".join,
)  # fmt: skip
def test_each_command_explains_itself(data, words):
    done = evoked(data, *words, "--help")
    assert done.returncode == 0
    assert b"Usage:" in done.stdout


def test_a_database_without_tables_is_said(tmp_path):
    tampered(tmp_path, "CREATE TABLE other (id INTEGER)")
    (said,) = refusals(evoked(tmp_path, "case", "list"))
    assert said == "The database does not have the tables of this version. Run bin/evoked migrate once."


def test_a_file_that_is_no_database_is_said(tmp_path):
    (tmp_path / "evoked.db").write_bytes(b"this is not a database, whatever its name says " * 100)
    (said,) = refusals(evoked(tmp_path, "case", "list"))
    assert said.startswith("The database cannot be used: ")


def test_a_backup_that_cannot_be_written_is_said(data):
    (said,) = refusals(evoked(data, "backup", "/dev/null/backup"))
    assert said == "/dev/null/backup cannot be used: Not a directory."


def test_markup_in_a_record_is_text_in_every_form(data, tmp_path):
    body = json.loads(case_file("01"))
    body["case"]["id"], note = "HTML", "<script>alert(1)</script> & <b>bold</b>"
    body["case"]["events"][0]["text"] = body["case"]["header"]["indication"] = note
    (tmp_path / "case.json").write_text(json.dumps(body))
    number = evoked(data, "case", "load", tmp_path / "case.json").stdout.decode().strip()
    assert note in evoked(data, "case", "report", number).stdout.decode()
    assert evoked(data, "case", "report", number, "--format", "pdf", "--out", tmp_path / "out.pdf").returncode == 0
    text = " ".join(" ".join(page.extract_text() for page in PdfReader(tmp_path / "out.pdf").pages).split())
    assert "<script>alert(1)</script> & <b>bold</b>" in text


def test_a_data_folder_that_cannot_be_is_said():
    done = subprocess.run(
        [sys.executable, "-P", ROOT / "deploy" / "evoked.py", "case", "list"],
        env={**os.environ, "EVOKED_DATA": "/dev/null/data"}, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert done.stderr == b"EVOKED_DATA is '/dev/null/data'; it cannot be written: Not a directory.\n"


# Audit


def test_the_trail_is_whole_and_tells_who_read(data):
    done = evoked(data, "audit", "verify")
    assert done.returncode == 0
    assert done.stdout.endswith(b"entries, all whole.\n")


def test_the_first_broken_entry_is_named(tmp_path):
    evoked(tmp_path, "case", "load", *case_files()[:3])
    tampered(
        tmp_path,
        "DROP TRIGGER audit_entry_no_update",
        "UPDATE audit_entry SET case_id = 7 WHERE seq IN (2, 3)",
    )
    (said,) = refusals(evoked(tmp_path, "audit", "verify"))
    assert said == "The audit trail is broken after 1 whole entries. Entry 2 was changed after it was written."
