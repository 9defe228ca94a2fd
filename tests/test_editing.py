"""A person's own words in a draft: checked as they are typed, refused when the record does not say them, kept with their history."""

from __future__ import annotations

import re
import time
from html import unescape

import pytest

from actions import Refused, editing, reports
from models import Approval, AuditEntry, Case, Report, Reworded
from practice import drafting, placing, rewording
from practice.report import impression
from tests.cast import NOW, actor, load
from tests.test_reports import drafted, impressed, ready, sign

PLAIN = "corrective maneuver with relative hypotension (MAP 62 mmHg)."

REORDERED = "relative hypotension (MAP 62 mmHg) with corrective maneuver."


def numbered(report: Report, text: str) -> int:
    said = drafting.sentences(reports.drafted(report))
    return next(at for at, (_, one) in enumerate(said, 1) if getattr(one, "text", "").startswith(text))


def words(client, report: Report, number: int, text: str, **more):
    return client.post(f"/reports/{report.id}/sentences/{number}/words", data={"text": text, **more})


def typed(client, report: Report, number: int, text: str, **more) -> str:
    answer = client.post(
        f"/reports/{report.id}/sentences/{number}/findings", data={"text": text, **more}, headers={"HX-Request": "true"}
    )
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def smuggled(case: Case, by, wrong: str, author: str = "technologist") -> Report:
    """A report with words that no checker saw, as an older version might have let through."""
    draft = drafting.draft(case.facts())
    section, one = next((section, one) for section, one in placing.prose(draft) if one.text == PLAIN)
    Reworded.create(
        case=case, section=section, key=rewording.key(section, [one]), built_in=PLAIN, text=wrong, author=author,
        at=NOW, by=by,
    )  # fmt: skip
    return reports.draft(case, by=actor(by), now=NOW)


@pytest.fixture
def report(cast, client_for) -> Report:
    return drafted(client_for(cast.tess), load(cast, "02"))


# Edit by sentence


def test_a_technologists_words_stand_in_the_report_with_their_history(client_for, cast, report):
    tess, number = client_for(cast.tess), numbered(report, PLAIN)
    assert words(tess, report, number, REORDERED).status_code == 303
    newer = reports.current(report.case)
    assert f"{REORDERED}" in newer.text
    row = Reworded.get()
    assert (row.author, row.by.id, row.built_in) == ("technologist", cast.tess.id, PLAIN)
    page = tess.get(f"/reports/{newer.id}/sentences/{number}/words").get_data(as_text=True)
    assert "Built-in writer" in page and PLAIN in page and "Tess Tran" in page
    tess.post(f"/reports/{newer.id}/built-in-words", data={"section": row.section, "key": row.key})
    assert PLAIN in reports.current(report.case).text
    assert Reworded.select().count() == 2


@pytest.mark.parametrize("text, said", [
    ("corrective maneuver with relative hypotension (MAP 26 mmHg).", "62 mmHg"),
    ("corrective maneuver on the right with relative hypotension (MAP 62 mmHg).", "right"),
    ("corrective maneuver with relative hypotension (MAP 62 mmHg), SSEP lost.", "SSEP"),
])  # fmt: skip
def test_what_the_record_does_not_say_is_not_saved_and_what_was_typed_stays(client_for, cast, report, text, said):
    answer = words(client_for(cast.tess), report, numbered(report, PLAIN), text)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert text in page and said in page
    assert not Reworded.select().exists()
    assert reports.current(report.case).id == report.id


def test_the_checker_runs_while_one_types_and_keeps_nothing(client_for, cast, report):
    tess, number = client_for(cast.tess), numbered(report, PLAIN)
    assert "own words here are" in typed(tess, report, number, PLAIN.replace("62", "26"))
    assert "Everything in it is traced" in typed(tess, report, number, PLAIN)
    before = (
        Report.select().count(),
        Reworded.select().count(),
        AuditEntry.select().where(AuditEntry.action != "view").count(),
    )
    took = []
    for figure in range(20):
        start = time.perf_counter()
        typed(tess, report, number, PLAIN.replace("62", str(100 + figure)))
        took.append(time.perf_counter() - start)
    assert sorted(took)[10] < 0.1
    after = (
        Report.select().count(),
        Reworded.select().count(),
        AuditEntry.select().where(AuditEntry.action != "view").count(),
    )
    assert before == after


def test_one_tap_takes_the_records_value(client_for, cast, report):
    tess, number = client_for(cast.tess), numbered(report, PLAIN)
    wrong = PLAIN.replace("62", "26")
    place = re.search(r'name="mend" value="(\d+)"', typed(tess, report, number, wrong))[1]
    page = tess.post(f"/reports/{report.id}/sentences/{number}/findings", data={"text": wrong, "mend": place})
    assert f">{PLAIN}</textarea>" in page.get_data(as_text=True)


def test_plainer_words_are_asked_for_and_the_text_is_saved_all_the_same(client_for, cast, report):
    tess, number = client_for(cast.tess), numbered(report, PLAIN)
    text = "probably corrective maneuver with relative hypotension (MAP 62 mmHg)."
    assert "It can be saved." in typed(tess, report, number, text)
    assert words(tess, report, number, text).status_code == 303
    shown = tess.get(f"/cases/{report.case_id}/report").get_data(as_text=True)
    assert "Plainer words would be traced" in shown
    assert tess.post(f"/reports/{reports.current(report.case).id}/approval").status_code == 303


def test_leaving_an_alert_out_of_the_key_result_is_refused(client_for, cast, report):
    answer = words(client_for(cast.tess), report, numbered(report, "AL1: TcMEP alert"), "Monitoring was performed.")
    assert answer.status_code == 422
    assert "Left out" in answer.get_data(as_text=True)


def test_tables_and_times_of_the_app_are_nobodys_to_word(client_for, cast, report):
    answer = client_for(cast.tess).get(f"/reports/{report.id}/sentences/1/words")
    assert answer.status_code == 422
    assert "always the app" in answer.get_data(as_text=True)


def test_who_may_word_a_report_and_until_when(client_for, cast):
    case = load(cast, "02")
    tess, pia = client_for(cast.tess), client_for(cast.pia)
    report = drafted(tess, case)
    number, text = numbered(report, PLAIN), REORDERED
    assert words(client_for(cast.olive), report, number, text).status_code == 422
    assert words(client_for(cast.stan), report, number, text).status_code == 404
    assert words(client_for(cast.bo), report, number, text).status_code == 403
    tess.post(f"/reports/{report.id}/approval")
    assert words(tess, report, number, text).status_code == 422
    assert words(pia, report, number, text).status_code == 303
    newer = reports.current(case)
    assert reports.approval_of(newer) is None, "what was approved was worded otherwise"
    assert Reworded.get().author == "physician"
    assert tess.post(f"/reports/{newer.id}/approval").status_code == 303


def test_a_signed_report_is_worded_by_nobody(client_for, cast):
    report = ready(client_for, cast)
    assert sign(client_for(cast.pia), report).status_code == 303
    number = numbered(report, PLAIN)
    assert words(client_for(cast.pia), report, number, "Other.").status_code == 422
    with pytest.raises(Refused, match="signed"):
        editing.write(report, editing.sentence(report, number), text="Other.", by=actor(cast.pia), now=NOW)


# Red blocks


def test_red_findings_stop_approval_and_are_shown_at_their_place_with_their_mends(client_for, cast):
    tess = client_for(cast.tess)
    case = load(cast, "02")
    report = smuggled(case, cast.tess, PLAIN.replace("62", "26"))
    answer = tess.post(f"/reports/{report.id}/approval")
    assert answer.status_code == 422
    assert "own words here are" in answer.get_data(as_text=True)
    assert not Approval.select().exists()
    page = tess.get(f"/cases/{case.id}/report").get_data(as_text=True)
    number = numbered(report, PLAIN.replace("62", "26"))
    assert re.search(rf'id="s{number}".*?</a>\s*<span class="flag blocked">', page, re.S)
    assert "Take the record’s value" in page and "Use the built-in sentence" in page
    text = re.search(
        rf'action="/reports/{report.id}/sentences/{number}/words".*?name="text" value="([^"]+)"', page, re.S
    )[1]
    assert text == PLAIN
    assert words(tess, report, number, text).status_code == 303
    assert PLAIN in reports.current(case).text
    assert tess.post(f"/reports/{reports.current(case).id}/approval").status_code == 303


def test_red_findings_stop_the_signature(client_for, cast):
    case = load(cast, "02")
    report = smuggled(case, cast.tess, PLAIN.replace("62", "26"))
    Approval.create(report=report, by=cast.tess, at=NOW)
    report = impressed(client_for(cast.pia), report)
    answer = sign(client_for(cast.pia), report)
    assert answer.status_code == 422
    assert "own words here are" in answer.get_data(as_text=True)
    assert not report.signatures.exists()


def test_an_impression_against_the_record_is_refused_with_what_was_typed(client_for, cast, report):
    wrong = "A right TcMEP alert (AL1) at 11:42."
    answer = client_for(cast.pia).post(f"/reports/{report.id}/impression", data={"text": wrong})
    assert answer.status_code == 422
    page = answer.get_data(as_text=True)
    assert wrong in page and "The record says left" in page
    typed_ = client_for(cast.pia).post(
        f"/reports/{report.id}/impression/findings", data={"text": wrong}, headers={"HX-Request": "true"}
    )
    assert "The record says left" in typed_.get_data(as_text=True)


@pytest.mark.parametrize("number", ["01", "02", "03", "05", "07", "08"])
def test_the_built_in_writers_own_drafts_hold_nothing_to_mend(cast, number):
    report = reports.draft(load(cast, number), by=actor(cast.tess), now=NOW)
    assert reports.checked(report).findings == ()


@pytest.mark.parametrize("number", ["01", "02", "03", "05", "07", "08"])
def test_the_drafted_impression_kept_by_the_physician_holds_nothing_to_mend(cast, number):
    case = load(cast, number)
    report = reports.draft(case, by=actor(cast.tess), now=NOW)
    report = reports.impress(case, text=impression(reports.drafted(report)), by=actor(cast.pia), now=NOW)
    assert report.read_facts().impression
    assert [(one.grade, one.text, one.message) for one in reports.checked(report).findings] == []


# Alike


def test_a_report_that_reads_like_a_signed_one_asks_for_a_line_of_its_own(client_for, cast):
    tess = client_for(cast.tess)
    first = drafted(tess, load(cast, "01"))
    tess.post(f"/reports/{first.id}/approval")
    pia = client_for(cast.pia)
    kept = re.search(
        r"<textarea[^>]*>([^<]*)</textarea>", pia.get(f"/reports/{first.id}/review").get_data(as_text=True)
    )
    first = impressed(pia, first, unescape(kept[1]).strip())
    answer = sign(pia, first)

    assert answer.status_code == 303
    second = drafted(tess, load(cast, "01", id="C-01-again"))
    page = tess.get(f"/cases/{second.case_id}/report").get_data(as_text=True)
    assert "This reads like another report" in page
    assert reports.alike(drafted(tess, load(cast, "02"))) is None
    number = numbered(second, reports.drafted(second).key_result[0].text)
    assert words(tess, second, number, f"Reviewed: {reports.drafted(second).key_result[0].text}").status_code == 303
    assert reports.alike(reports.current(second.case)) is None
    assert tess.post(f"/reports/{reports.current(second.case).id}/approval").status_code == 303
