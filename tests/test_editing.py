"""A person's own words in a draft: checked as they are typed, refused when the record does not say them, kept with their history."""

from __future__ import annotations

import json
import re
import time
from datetime import timedelta
from html import unescape

import pytest

from actions import Refused, editing, reports, reviews
from models import Addendum, Approval, AuditEntry, Case, Report, Review, Reworded
from practice import drafting, placing, record, rewording
from practice.report import impression
from tests.cast import NOW, PASSWORD, actor, case_file, load
from tests.test_reports import add, drafted, impressed, ready, sign

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


@pytest.mark.parametrize("own", ["Reviewed.", "Reviewed:"])
def test_a_report_that_reads_like_a_signed_one_asks_for_a_line_of_its_own(client_for, cast, own):
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
    assert words(tess, second, number, f"{own} {reports.drafted(second).key_result[0].text}").status_code == 303
    assert reports.alike(reports.current(second.case)) is None
    assert tess.post(f"/reports/{reports.current(second.case).id}/approval").status_code == 303


# Minutes in review


def test_minutes_in_review_are_those_in_sight(cast, report):
    start = NOW
    for seconds, begins in ((0, True), (30, False), (60, False), (65, False), (200, True), (230, False)):
        reviews.beat(report, begins=begins, by=actor(cast.pia), now=start + timedelta(seconds=seconds))
    reviews.beat(report, begins=True, by=actor(cast.pia), now=start + timedelta(hours=1))
    reviews.beat(report, begins=False, by=actor(cast.pia), now=start + timedelta(hours=1, seconds=20))
    [(name, first, seconds)] = reviews.told(report.case)
    assert (name, first.opened_at, seconds) == ("Pia Park", NOW, 65 + 30 + 20)
    assert Review.select().count() == 2


def test_the_page_tells_its_time_and_case_and_provenance_show_it(client_for, cast, report):
    pia = client_for(cast.pia)
    assert f'data-review="/reports/{report.id}/reviews"' in pia.get(f"/reports/{report.id}/review").get_data(
        as_text=True
    )
    assert pia.post(f"/reports/{report.id}/reviews", data={"begins": "yes"}).status_code == 204
    Review.update(seconds=185).execute()
    assert "Pia Park 3 min" in client_for(cast.olive).get(f"/cases/{report.case_id}").get_data(as_text=True)
    told = pia.get(f"/reports/{report.id}/provenance").get_data(as_text=True)
    assert "3 min in sight" in told
    assert client_for(cast.stan).post(f"/reports/{report.id}/reviews").status_code == 404


def test_who_neither_approves_nor_signs_is_not_timed(cast, report):
    assert reviews.beat(report, begins=True, by=actor(cast.stan), now=NOW) is None


def test_a_case_stays_frozen_and_its_review_is_still_timed(client_for, cast):
    report = ready(client_for, cast)
    sign(client_for(cast.pia), report)
    assert client_for(cast.pia).post(f"/reports/{report.id}/reviews", data={"begins": "yes"}).status_code == 204
    assert Review.select().where(Review.report == report.id).count() == 1


# The physician's inbox


def test_the_inbox_puts_the_key_result_first_and_marks_what_is_new(client_for, cast, report):
    tess, pia = client_for(cast.tess), client_for(cast.pia)
    tess.post(f"/reports/{report.id}/approval")
    page = pia.get("/reports").get_data(as_text=True)
    assert re.search(r'<span class="lead">AL1: TcMEP alert at 11:42', page)
    assert "new to you" in page
    pia.get(f"/reports/{report.id}/review")
    assert "new to you" not in pia.get("/reports").get_data(as_text=True)
    add(report.case, cast.tess, record.Event(text="Bed tilted."), at=NOW)
    newer = drafted(tess, report.case)
    tess.post(f"/reports/{newer.id}/approval")
    assert "changed since you looked" in pia.get("/reports").get_data(as_text=True)
    first = pia.get(f"/reports/{newer.id}/review").get_data(as_text=True)
    assert "Changed since you last looked" in first
    assert "Changed since you last looked" not in pia.get(f"/reports/{newer.id}/review").get_data(as_text=True)


def test_reports_are_read_in_a_batch_and_signed_one_by_one(client_for, cast, app):
    one, two = ready(client_for, cast, "01"), ready(client_for, cast, "02")
    pia = client_for(cast.pia)
    first = pia.get(f"/reports/{one.id}/review").get_data(as_text=True)
    assert f'href="/reports/{two.id}/review"' in first or f'href="/reports/{one.id}/review"' in pia.get(
        f"/reports/{two.id}/review"
    ).get_data(as_text=True)
    assert "of 2 to sign" in first
    assert sign(pia, one).status_code == 303
    assert not two.signatures.exists()
    signing_routes = [rule.rule for rule in app.url_map.iter_rules() if rule.rule.endswith("/signature")]
    assert signing_routes == ["/reports/<row:id>/signature"]


# Corrections


def test_a_correction_of_a_signed_report_names_what_it_corrects(client_for, cast):
    report = ready(client_for, cast)
    pia = client_for(cast.pia)
    sign(pia, report)
    number = numbered(report, PLAIN)
    assert f"corrects={number}" in pia.get(f"/reports/{report.id}/sentences/{number}").get_data(as_text=True)
    form = pia.get(f"/cases/{report.case_id}/addenda?corrects={number}").get_data(as_text=True)
    assert re.search(rf'<option selected value="{number}">Section 6, AL1 Suspected cause', form)
    data = {"text": "The cause stays open.", "password": PASSWORD, "corrects": str(number)}
    assert pia.post(f"/cases/{report.case_id}/addenda", data={**data, "corrects": "9999"}).status_code == 422
    assert pia.post(f"/cases/{report.case_id}/addenda", data=data).status_code == 303
    assert Addendum.get().text == f"Corrects section 6, AL1 Suspected cause: “{PLAIN}”\nThe cause stays open."
    assert "Corrects section 6, AL1 Suspected cause" in pia.get(f"/cases/{report.case_id}/report.txt").get_data(
        as_text=True
    )
    assert PLAIN in Report.get_by_id(report.id).text


# The command


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_command_checks_a_text_against_a_case_file(app, tmp_path, form):
    facts = tmp_path / "facts.json"
    facts.write_bytes(case_file("02"))
    runner = app.test_cli_runner()
    text = tmp_path / f"report.{form}"
    text.write_text(runner.invoke(args=["report", "draft", str(facts), "--format", form]).output)
    clean = runner.invoke(args=["report", "check", str(facts), str(text)])
    assert (clean.exit_code, json.loads(clean.output)) == (0, {"red": False, "findings": []})
    text.write_text(text.read_text().replace("MAP 62 mmHg", "MAP 26 mmHg"))
    wrong = runner.invoke(args=["report", "check", str(facts), str(text)])
    assert wrong.exit_code == 2
    assert json.loads(wrong.output)["red"] is True
    missing = runner.invoke(args=["report", "check", str(facts), str(tmp_path / "none")])
    assert missing.exit_code == 2
    assert "cannot be used" in missing.output
