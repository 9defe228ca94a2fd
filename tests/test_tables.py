"""Public tables in the app: shown before they are loaded, whole or not at all, asked by the day of service."""

from __future__ import annotations

import io
import stat
from datetime import date

import pytest

import tasks
from actions import Refused, table_files, tables
from models import (
    SETTINGS,
    AuditEntry,
    DiagnosisCode,
    DiagnosisWord,
    Job,
    PtpPair,
    RelativeValue,
    TableImport,
    UnitLimit,
    db,
)
from practice.edits import Limit
from practice.public_tables import BadTable
from tests.cast import NOW, actor, book
from tests.practice.made_tables import (
    AOC_HEAD,
    AOC_ROWS,
    ICD_ROWS,
    MUE,
    PTP_HEAD,
    PTP_ROWS,
    RVU,
    icd_order,
    source,
    spreadsheet,
)

FILES = {
    "ptp": ("ccipra-v322r0.txt", PTP_HEAD + PTP_ROWS), "mue": ("MUE_Eff_07-01-2026.csv", MUE),
    "addon": ("AOC_V2026Q3-MCR.xlsx", spreadsheet(AOC_HEAD, *AOC_ROWS)), "rvu": ("PPRRVU2026_Jul_nonQPP.csv", RVU),
    "icd10": ("icd10cm_order_2026.txt", icd_order(*ICD_ROWS)),
}  # fmt: skip


def loaded(kind: str, content: str | bytes | None = None, name: str = "", on: date | None = None) -> TableImport:
    """An edition as it is after somebody said yes."""
    from actions import MACHINE

    offered = tables.offer(
        kind, [source(name or FILES[kind][0], content or FILES[kind][1])], by=MACHINE, now=NOW, from_on=on
    )
    return tables.load(offered, by=MACHINE, now=NOW)


@pytest.fixture
def bo(client_for, cast):
    return client_for(cast.bo)


def sent(client, kind: str, content: str | bytes | None = None, **data: str):
    name, given = FILES[kind]
    given = content or given
    raw = given if isinstance(given, bytes) else given.encode("cp1252")
    answer = client.post("/tables", data={"kind": kind, "files": (io.BytesIO(raw), name), **data})
    tasks.work_off()
    return answer


def page_of(answer) -> str:
    """Where what became of the file is said, without its /progress."""
    return answer.location.removesuffix("/progress")


@pytest.mark.parametrize("kind", FILES)
def test_each_table_is_shown_first_and_then_loaded(bo, cast, kind):
    assert "Not imported" in bo.get("/tables").get_data(as_text=True)
    answer = sent(bo, kind)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    assert "See what it would change" in bo.get(answer.location).text
    shown = bo.get(page_of(answer)).text
    assert "new" in shown and "Rows of our codes" in shown
    assert tables.edition(kind, date(2026, 9, 1)) is None, "not before somebody says so"
    assert "waits for your yes" in bo.get("/tables").get_data(as_text=True)
    assert bo.post(f"{page_of(answer)}/loading").status_code == 303
    assert "is being loaded" in bo.get("/tables").text and "hx-get" in bo.get(answer.location).text
    tasks.work_off()
    assert tables.edition(kind, date(2026, 9, 1)).rows == {"ptp": 4, "mue": 4, "addon": 3, "rvu": 4, "icd10": 7}[kind]
    assert AuditEntry.select().where(AuditEntry.action == "load", AuditEntry.noun == "table_import").count() == 1
    assert "It is in use" in bo.get(answer.location).text
    assert bo.get(page_of(answer)).status_code == 302, "what is loaded is not offered again"
    assert "SECRET" not in bo.get("/tables").get_data(as_text=True)


def test_a_file_is_read_by_the_worker_and_the_page_asks_until_it_is(bo, cast, monkeypatch):
    monkeypatch.setattr(tasks, "work_off", lambda: 0)
    answer = sent(bo, "mue")
    assert "The files are being read" in bo.get(answer.location).text and "is being read" in bo.get("/tables").text
    part = bo.get(answer.location, headers={"HX-Request": "true"}).text
    assert "hx-get" in part and "<h1" not in part
    assert bo.get(page_of(answer)).status_code == 302
    waiting = SETTINGS.data / "tables" / str(TableImport.get().id)
    assert [stat.S_IMODE(file.stat().st_mode) for file in waiting.iterdir()] == [0o600]
    monkeypatch.undo()
    tasks.work_off()
    assert "hx-get" not in bo.get(answer.location, headers={"HX-Request": "true"}).text
    assert TableImport.get().rows == 4 and not waiting.exists()


def test_parts_that_are_missing_and_a_day_nobody_told_are_refused_at_once(bo, cast):
    part = bo.post("/tables", data={"kind": "ptp", "files": (io.BytesIO(b"x"), "ccipra-v322r0-f1.txt")})
    assert part.status_code == 422 and "Send all the parts" in part.text
    nameless = bo.post("/tables", data={"kind": "mue", "files": (io.BytesIO(MUE.encode()), "table.csv")})
    assert nameless.status_code == 422 and "Give that day" in nameless.text
    assert not TableImport.select().exists() and not Job.select().exists()


def test_a_table_may_be_larger_than_other_files_for_whoever_may_import_one(bo, cast, client_for):
    raw = MUE.encode() + b"\r\n" * (13 * 1024 * 1024)
    assert len(raw) > SETTINGS.max_upload_mb * 1024 * 1024
    answer = sent(bo, "mue", raw)
    assert answer.status_code == 303 and TableImport.get().rows == 4
    refused = sent(client_for(cast.tess), "mue", raw)
    assert refused.status_code == 413 and f"at most {SETTINGS.max_upload_mb} MB" in refused.text


def test_a_file_sent_again_takes_the_place_of_the_one_that_waits(bo, cast, monkeypatch):
    """The row of the first is gone and its number is the second's: what was read of the first is not taken for it."""
    with monkeypatch.context() as late:
        late.setattr(tasks, "work_off", lambda: 0)
        sent(bo, "mue")
        first = table_files.take_in(TableImport.get(), by=actor(cast.bo))
        sent(bo, "mue", MUE.replace("95940,32", "95940,30"))
    first()
    assert TableImport.get().content == b"", "what was read of the first file is thrown away"
    tasks.work_off()
    assert ("95940", 30, 3) in [new for new, _ in tables.preview(TableImport.get()).samples]


@pytest.mark.parametrize("step", ["read", "load"])
def test_a_worker_that_dies_half_way_is_followed_by_one_that_does_it_once(bo, cast, monkeypatch, step):
    answer = sent(bo, "mue") if step == "load" else None
    with monkeypatch.context() as dying:
        whole = tables.read if step == "read" else UnitLimit.insert_plain

        def half(*args):
            whole(*args)
            raise MemoryError

        dying.setattr(*((tables, "read") if step == "read" else (UnitLimit, "insert_plain")), half)
        if step == "read":
            dying.setattr(tasks, "wake", lambda: None)
            with pytest.raises(SystemExit):
                sent(bo, "mue")
        else:
            bo.post(f"{page_of(answer)}/loading")
            with pytest.raises(SystemExit):
                tasks.work_off()
    assert not UnitLimit.select().exists() and TableImport.get().loaded_at is None
    Job.update(due_at=NOW).where(Job.state == "ready").execute()
    tasks.work_off()
    row = TableImport.get()
    assert (row.rows, table_files.standing(row)) == (4, "in use" if step == "load" else "offered")
    assert UnitLimit.select().count() == (4 if step == "load" else 0)


def test_an_offer_can_be_let_go(bo, cast):
    first = page_of(sent(bo, "mue"))
    assert bo.post(f"{first}/withdrawal").status_code == 303
    assert not TableImport.select().exists() and not UnitLimit.select().exists()


def test_a_wrong_file_changes_nothing_and_says_what_is_wrong(bo, cast):
    loaded("mue")
    answer = sent(bo, "mue", MUE + "95941,few,3 x,y\r\n")
    assert "95941: “few” is not a number of units" in bo.get(answer.location).text
    assert "was refused" in bo.get("/tables").text and bo.get(page_of(answer)).status_code == 302
    assert bo.post(f"{page_of(answer)}/loading").status_code == 303
    tasks.work_off()
    assert tables.edits(["95940"], date(2026, 9, 1)).limits == {"95940": Limit(units=32, adjudication=3)}
    assert "It was refused" in bo.get(sent(bo, "rvu", MUE).location).text
    assert bo.post("/tables", data={"kind": "mue"}).status_code == 422
    assert "Choose the file" in bo.post("/tables", data={"kind": "mue"}).get_data(as_text=True)


def test_a_day_that_no_name_tells_must_be_given(cast):
    with pytest.raises(BadTable, match="Give that day"):
        tables.offer("mue", [source("table.csv", MUE)], by=actor(cast.bo), now=NOW)
    assert loaded("mue", name="table.csv", on=date(2026, 1, 1)).from_on == date(2026, 1, 1)


def test_the_day_of_service_chooses_the_edition(cast):
    loaded("mue")
    loaded("mue", MUE.replace("95940,32", "95940,28"), "MUE_Eff_10-01-2026.csv")
    units = {on: tables.edits(["95940"], on).limits for on in (date(2026, 6, 30), date(2026, 9, 30), date(2026, 10, 1))}
    assert [one.get("95940") and one["95940"].units for one in units.values()] == [None, 32, 28]
    early = tables.edits(["95940"], date(2026, 6, 30))
    assert early.unchecked("mue", "ptp") == ["mue", "ptp"]
    assert "not checked" in early.notes("mue")[0]
    late = tables.edits(["95940"], date(2027, 1, 1))
    assert "a newer one holds" in late.notes("mue")[0] and "10/01/2026" in late.notes("mue")[0]
    assert tables.edits(["95940"], date(2026, 10, 1)).notes("mue") == []


def test_an_edition_of_the_same_day_takes_the_place_of_the_first(cast):
    loaded("mue")
    again = tables.offer(
        "mue", [source("MUE_Eff_07-01-2026.csv", MUE.replace("95940,32", "95940,30"))], by=actor(cast.bo), now=NOW
    )
    seen = tables.preview(again)
    assert (seen.added, seen.changed, seen.gone) == (0, 1, 0)
    assert seen.samples[0] == (("95940", 30, 3), ("95940", 32, 3)), "what changes is shown first"
    tables.load(again, by=actor(cast.bo), now=NOW)
    assert UnitLimit.select().count() == 4 and TableImport.select().count() == 1
    with pytest.raises(Refused, match="in use already"):
        tables.load(TableImport.get(), by=actor(cast.bo), now=NOW)


def test_pairs_answer_by_their_own_days_whatever_the_edition(cast):
    loaded("ptp")
    codes = ["95938", "95925", "95863", "95869", "95861", "95870"]
    assert tables.edits(codes, date(2024, 6, 30)).pair("95863", "95869") == "1"
    after = tables.edits(codes, date(2024, 7, 1))
    assert after.pair("95863", "95869") is None
    assert (after.pair("95938", "95925"), after.pair("95925", "95938")) == ("0", None)
    assert tables.edits(codes, date(2011, 1, 1)).pairs == {}


def test_pairs_of_an_older_edition_or_with_parts_missing_do_not_replace_the_newer(cast):
    loaded("ptp")
    older = tables.offer("ptp", [source("ccipra-v321r0.txt", PTP_HEAD + PTP_ROWS)], by=actor(cast.bo), now=NOW)
    with pytest.raises(Refused, match="newer edition"):
        tables.load(older, by=actor(cast.bo), now=NOW)
    short = tables.offer(
        "ptp", [source("ccipra-v323r0.txt", PTP_HEAD + PTP_ROWS.splitlines(True)[0])], by=actor(cast.bo), now=NOW
    )
    with pytest.raises(Refused, match="parts are missing"):
        tables.load(short, by=actor(cast.bo), now=NOW)
    assert PtpPair.select().count() == 4
    assert TableImport.get(TableImport.loaded_at.is_null(False)).from_on == date(2026, 7, 1)


def test_add_on_codes_and_values_of_a_day(cast):
    loaded("addon")
    loaded("rvu")
    seen = tables.edits(["95940", "G0453", "95938"], date(2026, 9, 1))
    assert seen.primaries == {"95940": frozenset({"95938"}), "G0453": frozenset({"95938"})}
    assert seen.values["95938", "26"].cents == 4461 and seen.values["95938", ""].cents is None
    assert (seen.values["95938", ""].pc_tc, seen.values["95940", ""].cents) == ("1", 3162)
    assert RelativeValue.select().where(RelativeValue.modifier == "53").count() == 0


# Diagnoses


def test_a_diagnosis_is_judged_by_the_day(cast):
    day = date(2026, 9, 1)
    assert tables.diagnosis("M48.061", day) is None, "nothing is loaded, so nothing can be told"
    loaded("icd10")
    assert [tables.diagnosis(code, day) for code in ("M48.061", "m48061", "M48.06", "M48.0", "M48.063")] == [
        "billable", "billable", "header", "header", "not_valid",
    ]  # fmt: skip
    assert tables.diagnosis("M48.061", date(2025, 9, 30)) is None
    assert tables.diagnosis("M48.063", date(2026, 10, 1)) is None, "an edition that is not loaded may have added it"
    assert tables.diagnosis("M48.061", date(2026, 10, 1)) == "billable"


def held() -> list[tuple[str, str, str, str | None]]:
    rows = DiagnosisCode.select().order_by(DiagnosisCode.code, DiagnosisCode.from_on)
    return [(one.code, one.words, str(one.from_on), one.until_on and str(one.until_on)) for one in rows]


EDITIONS = {
    2025: (("A00", False, "Cholera"), ("A001", True, "Old words"), ("A009", True, "Ends")),
    2026: (("A00", False, "Cholera"), ("A001", True, "New words"), ("A002", True, "Comes")),
    2027: (("A00", False, "Cholera"), ("A001", True, "Old words"), ("A002", True, "Comes")),
}


@pytest.mark.parametrize(
    "order", [(2025, 2026, 2027), (2027, 2026, 2025), (2026, 2027, 2025), (2027, 2025, 2026), (2025, 2027, 2026, 2026)]
)
def test_editions_share_what_they_agree_on_in_whatever_order_they_come(cast, order):
    for year in order:
        loaded("icd10", icd_order(*EDITIONS[year]), f"icd10cm_order_{year}.txt")
    assert held() == [
        ("A00", "Cholera", "2024-10-01", None),
        ("A001", "Old words", "2024-10-01", "2025-09-30"), ("A001", "New words", "2025-10-01", "2026-09-30"),
        ("A001", "Old words", "2026-10-01", None),
        ("A002", "Comes", "2025-10-01", None), ("A009", "Ends", "2024-10-01", "2025-09-30"),
    ]  # fmt: skip
    assert {one.code_id for one in DiagnosisWord.select()} == {one.id for one in DiagnosisCode.select()}


def test_a_list_without_headers_leaves_the_headers(cast):
    loaded("icd10")
    loaded(
        "icd10", "M48061  Spinal stenosis, lumbar region without neurogenic claudication\n", "icd10cm_codes_2027.txt"
    )
    day = date(2026, 12, 1)
    assert [tables.diagnosis(code, day) for code in ("M48.06", "M48.061", "M48.062")] == [
        "header",
        "billable",
        "not_valid",
    ]


@pytest.mark.parametrize("said, found", [
    ("lumbar stenosis", ["M4806", "M48061", "M48062"]), ("STENO lumb without", ["M4806", "M48061", "M48062"]),
    ("neurogenic claud", ["M48061", "M48062"]), ("M48.06", ["M4806", "M48061", "M48062"]), ("m4806", ["M4806", "M48061", "M48062"]),
    ("Menière's", ["H8101"]), ("cranial nerves tumor", []), ("s", []), ("", []), ("of the", []), ("100% _", []), ("M4", ["M48", "M480", "M4806", "M48061", "M48062"]),
])  # fmt: skip
def test_codes_are_found_by_words_and_by_how_they_begin(cast, said, found):
    loaded("icd10")
    assert sorted(one.code for one in tables.find_diagnoses(said, date(2026, 9, 1))) == found


def test_what_may_stand_on_a_claim_is_found_first(cast):
    loaded("icd10")
    assert tables.find_diagnoses("stenosis lumbar", date(2026, 9, 1))[-1].code == "M4806"
    assert tables.find_diagnoses("stenosis", date(2025, 9, 1)) == [], "not on that day"


def test_what_the_practice_codes_is_found_before_other_codes(cast):
    loaded("icd10")
    assert tables.find_diagnoses("claudication", date(2026, 9, 1))[0].code == "M48062", "the shorter description"
    book(cast, diagnosis=[{"text": "Stenosis", "icd10": "M48.061"}, {"text": "no code"}])
    assert tables.find_diagnoses("claudication", date(2026, 9, 1))[0].code == "M48061"


def test_the_search_is_a_part_for_htmx_and_a_page_without(client_for, cast):
    loaded("icd10")
    tess = client_for(cast.tess)
    whole = tess.get("/diagnoses?q=lumbar+stenosis&date_of_service=2026-09-01").get_data(as_text=True)
    assert "<h1" in whole and "M48.061" in whole
    part = tess.get("/diagnoses?q=lumbar+stenosis&date_of_service=nonsense", headers={"HX-Request": "true"}).get_data(
        as_text=True
    )
    assert "<h1" not in part and 'value="M48.061 Spinal stenosis' in part
    assert 'value="M48.06 ' not in part, "a header cannot be taken"


def test_a_diagnosis_is_found_and_taken_in_the_form_without_javascript(client_for, cast):
    loaded("icd10")
    case = book(cast, diagnosis=[])
    olive = client_for(cast.olive)
    typed = {
        "facility": cast.mercy.id,
        "date_of_service": "2026-09-01",
        "procedure": "A new procedure",
        "diagnosis": "D33.3 Tumor",
    }
    found = olive.post(f"/cases/{case.id}/edit", data=typed | {"find": "y", "q": "lumbar stenosis"})
    assert found.status_code == 200
    text = found.get_data(as_text=True)
    assert "M48.061" in text and "A new procedure" in text, "what was typed stays"
    taken = olive.post(f"/cases/{case.id}/edit", data=typed | {"take": "M48.061 Spinal stenosis"}).get_data(
        as_text=True
    )
    assert "D33.3 Tumor\nM48.061 Spinal stenosis</textarea>" in taken
    assert type(case).get_by_id(case.id).procedure == "ACDF C5-C6", "looking up keeps nothing"
    booked = olive.post("/cases", data=typed | {"find": "y", "q": "nerve"}).get_data(as_text=True)
    assert "D33.3" in booked and type(case).select().count() == 1


def test_who_does_not_bill_does_not_import(client_for, cast):
    assert client_for(cast.tess).get("/tables").status_code == 403
    assert sent(client_for(cast.pia), "mue").status_code == 403


def test_the_command_imports_previews_and_refuses(app, cast, tmp_path):
    run = app.test_cli_runner().invoke
    file = tmp_path / "MUE_Eff_07-01-2026.csv"
    file.write_text(MUE)
    said = run(args=["tables", "import", "mue", str(file), "--preview"])
    assert said.exit_code == 0, said.output
    assert "4 rows read, 4 kept. 4 new, 0 changed, 0 gone; none was in use." in said.output
    said = run(args=["tables", "import", "mue", str(file)])
    assert said.exit_code == 0 and "It is in use" in said.output, "the preview loaded nothing"
    assert "mue\t2026-07-01\t4" in run(args=["tables", "list"]).output
    bad = tmp_path / "bad.csv"
    bad.write_text(MUE + "95941,x,3,y\n")
    said = run(args=["tables", "import", "mue", str(bad), "--from", "2026-10-01"])
    assert said.exit_code == 2 and "is not a number of units" in said.stderr
    assert run(args=["tables", "import", "mue", str(tmp_path / "none.csv")]).exit_code == 2
    db.connect()
    assert [one.from_on for one in TableImport.select()] == [date(2026, 7, 1)]
