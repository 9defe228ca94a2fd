"""Keeping the record through plain forms, as a person would."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import pytest

from actions import Refused, places, records
from models import AuditEntry, Case, Entry, Preset
from practice import cases, kinds, record, worksheet
from tests.cast import NOW, actor, book, load

FORMS = [kind for kind in kinds.KINDS if kind not in worksheet.ACTS]
CHICAGO = ZoneInfo("America/Chicago")


class Form(HTMLParser):
    """The fields of a page's entry form, as a browser would send them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.inside = False
        self.select = self.area = None
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        name, value = given.get("name"), given.get("value", "")
        if tag == "form":
            self.inside = "sign-out" not in given.get("action", "")
        elif not self.inside:
            return
        elif tag == "input" and name and (given.get("type") not in ("radio", "checkbox") or "checked" in given):
            self.fields[name] = value
        elif tag == "select":
            self.select = name
        elif tag == "option" and self.select and ("selected" in given or self.select not in self.fields):
            self.fields[self.select] = value
        elif tag == "textarea":
            self.area, self.fields[name] = name, ""

    def handle_endtag(self, tag):
        self.select = None if tag == "select" else self.select
        self.area = None if tag == "textarea" else self.area

    def handle_data(self, data):
        if self.inside and self.area:
            self.fields[self.area] += data.removeprefix("\r\n")


def shown(client, url: str) -> dict[str, str]:
    answer = client.get(url)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    fields = Form(answer.get_data(as_text=True)).fields
    fields.pop("csrf_token", None)
    return fields


def add(client, case, kind: str, expect: int = 303, /, **typed: str):
    """Open the form of a kind, type into it, send it as a plain form."""
    fields = shown(client, f"/cases/{case.id}/entries/new/{kind}")
    given = {name.replace("__", "-"): value for name, value in typed.items()}
    answer = client.post(f"/cases/{case.id}/entries", data=fields | given)
    assert answer.status_code == expect, answer.get_data(as_text=True)
    return answer


def facts(case) -> cases.Facts:
    return Case.get_by_id(case.id).facts()


def rows(case) -> list[Entry]:
    return list(Entry.select().where(Entry.case == case.id).order_by(Entry.id))


def newest(case) -> Entry:
    return rows(case)[-1]


def local(moment: datetime) -> str:
    return moment.astimezone(CHICAGO).strftime("%m/%d %H:%M")


@pytest.fixture
def case(cast):
    # Long past, so that no time typed in a test is still to come, whatever today is.
    return book(cast, date_of_service=date(2025, 9, 1))


@pytest.fixture
def tess(client_for, cast):
    return client_for(cast.tess)


@pytest.fixture
def pia(client_for, cast):
    return client_for(cast.pia)


# Every kind through its form


def test_each_kind_can_be_added_through_its_form_and_comes_back_in_the_facts(cast, tess, pia, case):
    add(tess, case, "staff", role="technologist", name="Ida Relief", cred="CNIM", on="09:00", off="10:00")
    add(tess, case, "staff", role="physician", name="Pia Park, MD")
    someone, pia_src = facts(case).staff.technologists[-1].src, facts(case).staff.physicians[-1].src
    add(
        tess,
        case,
        "modality",
        code="SSEP",
        region="UL",
        nerve="ulnar",
        stim_ma="20, 22",
        rec="Erb's point\nCPz",
        filters_hz="30, 500",
    )
    add(tess, case, "criterion", modality="SSEP", text="amplitude decrease >=50%")
    add(
        tess,
        case,
        "anesthesia",
        technique="TIVA",
        agents__0__name="propofol",
        agents__0__dose="120",
        **{"nmb.agent": "rocuronium", "nmb.given_at": "07:05"},
    )
    add(tess, case, "tof", at="07:38", value="4/4")
    add(tess, case, "physiology", at="08:00", map_mmhg="76", temp_c="36.0")
    add(
        tess, case, "baseline_set", label="supine", start="07:30", end="07:40", reviewed_by=pia_src, reviewed_at="07:41"
    )
    add(
        tess,
        case,
        "baseline",
        modality="SSEP",
        side="L",
        site="ulnar",
        peak="N20",
        lat_ms="19.1",
        amp_uv="3.2",
        quality="good",
    )
    response = facts(case).baselines.rows[0].src
    add(tess, case, "milestone", what="setup_start", at="07:00")
    add(tess, case, "monitoring_start", at="07:45", mode="remote")
    add(tess, case, "monitoring_stop", at="10:00")
    add(tess, case, "break", start="08:10", end="08:20", reason="repositioning")
    add(tess, case, "handover", whose="technologist", frm=someone, to=someone, start="09:00", end="09:02")
    add(tess, case, "event", at="08:21", type="incision", text="Skin incision")
    add(tess, case, "alert", at="09:10", modality="SSEP", rows__0__ref=response, rows__0__value_uv="1.2")
    add(tess, case, "told", who="surgeon", at="09:11", mode="verbal")
    add(tess, case, "alert_action", at="09:12", by="surgeon", text="retractor released")
    add(tess, case, "resolution", status="resolved", at="09:20", rows__0__ref=response, rows__0__value_uv="3.1")
    add(tess, case, "alert_note", by=pia_src, at="09:21", text="Recovered")
    add(
        tess,
        case,
        "stim_test",
        at="09:30",
        type="pedicle_screw",
        level="L5",
        side="L",
        thr_ma="17.0",
        muscle="tibialis anterior",
    )
    add(tess, case, "presence", physician=pia_src, connect="07:30", disconnect="10:01", method="secure remote desktop + text chat",
        concurrency__0__frm="07:30", concurrency__0__to="10:01", concurrency__0__n="2")  # fmt: skip
    add(tess, case, "physician_note", by=pia_src, at="07:42", text="Baselines acceptable")
    add(tess, case, "closing_data", at="09:50", overall="at_baseline")
    add(tess, case, "closing_value", ref=response, pct="97")
    add(
        tess,
        case,
        "postop_exam",
        recorded="yes",
        at="10:30",
        text="moves both hands",
        by="anesthesia",
        new_deficit="no",
    )
    add(tess, case, "statement", what="no_breaks", at="10:00")
    add(tess, case, "outcome", status="completed")
    add(pia, case, "impression", by=pia_src, at="10:40", text="Stable at closing")

    now = facts(case)
    assert not record.impossible(now) and not now.dangling
    alert, watched = now.alerts[0], now.physician_log[0]
    assert (alert.rows[0].ref, alert.rows[0].change_pct) == (now.baselines.rows[0].id, -62)
    assert alert.resolution.rows[0].pct_of_baseline == 97
    assert [told.who for told in alert.communicated] == ["surgeon"] and alert.actions[0].text == "retractor released"
    assert alert.md_note.text == "Recovered" and alert.resolution.status == "resolved"
    assert now.modalities[0].stim_ma == (20, 22) and now.modalities[0].rec == ("Erb's point", "CPz")
    assert now.anesthesia.agents[0].dose == 120 and now.anesthesia.nmb.agent == "rocuronium"
    assert now.time.segments[0].minutes == 135 and now.time.breaks[0].reason == "repositioning"
    assert watched.concurrency[0].n == 2 and watched.notes[0].text == "Baselines acceptable"
    assert now.closing.rows[0].pct == 97 and now.closing.postop_exam.new_deficit is False
    assert now.stated == {"no_breaks"} and now.status == "completed" and now.impression.text == "Stable at closing"
    assert now.stim_tests[0].thr_ma == 17.0 and isinstance(now.stim_tests[0].thr_ma, float)
    assert {row.kind for row in rows(case)} >= set(FORMS)


def test_each_entry_of_a_real_case_opens_as_a_form_that_changes_nothing_when_sent_back(cast, tess):
    case = load(cast, "05")
    before, count = cases.dump(facts(case)), len(rows(case))
    for row in rows(case):
        if row.kind in FORMS and row.kind != "impression":
            answer = tess.post(f"/entries/{row.id}/correction", data=shown(tess, f"/entries/{row.id}/edit"))
            assert answer.status_code == 303, (row.kind, answer.get_data(as_text=True))
    assert len(rows(case)) == count and cases.dump(facts(case)) == before


def test_an_unknown_kind_is_not_there(tess, case):
    assert tess.get(f"/cases/{case.id}/entries/new/rumor").status_code == 404
    assert tess.post(f"/cases/{case.id}/entries", data={"kind": "rumor"}).status_code == 404


def test_striking_and_signing_off_have_no_entry_form(tess, case):
    for kind in worksheet.ACTS:
        assert tess.get(f"/cases/{case.id}/entries/new/{kind}").status_code == 404
        assert tess.post(f"/cases/{case.id}/entries", data={"kind": kind}).status_code == 404


def test_a_row_is_added_by_sending_the_form(tess, case):
    fields = shown(tess, f"/cases/{case.id}/entries/new/anesthesia") | {"agents-0-name": "propofol", "more": "agents"}
    answer = tess.post(f"/cases/{case.id}/entries", data=fields)
    text = answer.get_data(as_text=True)
    assert answer.status_code == 200 and "agents-1-name" in text and "propofol" in text
    assert "anesthesia" not in {row.kind for row in rows(case)}


# Times


def test_an_entry_keyed_late_is_marked_late(tess, case):
    add(tess, case, "event", at="08:21", type="incision")
    assert newest(case).client_id in facts(case).late
    assert "late, keyed" in tess.get(f"/cases/{case.id}/record").get_data(as_text=True)


def test_a_correction_keeps_both_times(tess, case):
    add(tess, case, "event", at="08:21", type="incision")
    first = newest(case)
    fields = shown(tess, f"/entries/{first.id}/edit") | {"at": "08:24"}
    assert tess.post(f"/entries/{first.id}/correction", data=fields).status_code == 303
    late = facts(case).late[newest(case).client_id]
    assert (local(late.was), local(late.at)) == ("09/01 08:21", "09/01 08:24")
    assert Entry.get_by_id(first.id).at == first.at
    assert "time was 08:21" in tess.get(f"/cases/{case.id}/record").get_data(as_text=True)


def test_a_time_after_midnight_lands_on_the_next_day_and_the_page_says_so(tess, case):
    add(tess, case, "monitoring_start", at="22:10", mode="remote")
    add(tess, case, "event", at="00:37", type="incision")
    assert local(newest(case).at) == "09/02 00:37"
    assert "taken as 09/02" in tess.get(f"/cases/{case.id}/record").get_data(as_text=True)


def test_a_clock_change_night_asks_which_hour(cast, tess):
    case = book(cast, date_of_service=date(2025, 11, 2))
    text = add(tess, case, "event", 422, at="01:38", type="incision").get_data(as_text=True)
    assert "comes twice" in text and 'value="CDT"' in text and 'value="CST"' in text and 'value="01:38"' in text
    add(tess, case, "event", at="01:38", at_zone="CST", type="incision")
    assert newest(case).at == datetime(2025, 11, 2, 7, 38, tzinfo=UTC)
    row = newest(case)
    assert tess.post(f"/entries/{row.id}/correction", data=shown(tess, f"/entries/{row.id}/edit")).status_code == 303
    assert newest(case).id == row.id


# Bad input: a clear sentence, nothing changed, what was typed kept


@pytest.mark.parametrize(
    ("kind", "typed", "sentence"),
    [
        ("baseline", {"modality": "SSEP", "lat_ms": "900"}, "Latency is 900 ms; it must be between 1 and 100."),
        ("physiology", {"at": "08:00", "map_mmhg": "900"}, "MAP is 900 mmHg; it must be between 20 and 250."),
        ("break", {"start": "08:00", "end": "07:00"}, "before it starts at 08:00"),
        ("baseline", {"modality": "SSEP", "quality": "absent", "amp_uv": "3"}, "An absent response has no amplitude."),
        ("event", {"at": "8 o'clock", "type": "incision"}, "is not a time"),
        ("event", {"at": "08:00", "type": "party"}, "is not one of the choices"),
        ("event", {"at": "08:00", "type": "other", "text": "x" * 1_000_000}, "1,000,000 characters; at most 4,000 fit"),
    ],
)
def test_a_bad_value_is_refused_beside_its_field_and_kept(tess, case, kind, typed, sentence):
    before = len(rows(case))
    text = add(tess, case, kind, 422, **typed).get_data(as_text=True).replace("&#39;", "'")
    assert sentence in text
    assert len(rows(case)) == before
    for value in typed.values():
        assert value in text


def test_an_end_before_its_start_is_refused_across_entries(tess, case):
    add(tess, case, "milestone", what="setup_start", at="07:30")
    text = add(tess, case, "milestone", 422, what="setup_end", at="07:10").get_data(as_text=True)
    assert "before it starts" in text and len(facts(case).time.segments) == 0


def test_an_unusual_value_is_asked_about_and_taken_when_confirmed(tess, case):
    text = add(tess, case, "physiology", 422, at="08:00", map_mmhg="45").get_data(as_text=True)
    assert "Yes, that is right." in text and 'value="45"' in text and not facts(case).physiology
    add(tess, case, "physiology", at="08:00", map_mmhg="45", sure="45 mmHg: is that right? Usual is 60 to 120 mmHg.")
    assert facts(case).physiology[0].map_mmhg == 45


def test_a_note_full_of_markup_is_shown_as_text(tess, case):
    note = '<script>alert(1)</script><img src=x onerror=alert(2)> "quoted" & {{ 7*7 }}'
    add(tess, case, "event", at="08:21", type="other", text=note)
    text = tess.get(f"/cases/{case.id}/record").get_data(as_text=True)
    assert "&lt;script&gt;alert(1)" in text and "<script>alert" not in text and "{{ 7*7 }}" in text
    assert facts(case).events[0].text == note


def test_a_reference_to_nothing_is_refused(tess, case):
    add(tess, case, "closing_value", 422, ref="BL99", pct="97")


# Sent again, struck, in dispute


def test_sending_a_form_twice_keeps_it_once(tess, case):
    fields = shown(tess, f"/cases/{case.id}/entries/new/event") | {"at": "08:21", "type": "incision"}
    for _ in range(2):
        assert tess.post(f"/cases/{case.id}/entries", data=fields).status_code == 303
    assert len(facts(case).events) == 1
    again = tess.post(f"/cases/{case.id}/entries", data=fields | {"at": "08:30"})
    assert again.status_code == 422 and "saved before" in again.get_data(as_text=True)
    assert local(facts(case).events[0].t) == "09/01 08:21"


def test_a_struck_entry_leaves_the_facts_and_stays_in_the_record(tess, case):
    add(tess, case, "event", at="08:21", type="incision", text="Skin incision")
    row = newest(case)
    asked = tess.get(f"/entries/{row.id}/strike").get_data(as_text=True)
    assert "Skin incision" in asked and 'name="reason"' in asked and 'name="client_id"' in asked
    assert len(facts(case).events) == 1
    assert tess.post(f"/entries/{row.id}/strike", data={"reason": "wrong case"}).status_code == 303
    assert not facts(case).events
    text = tess.get(f"/cases/{case.id}/record").get_data(as_text=True)
    assert "Replaced and struck" in text and "wrong case" in text


def test_what_others_rest_on_cannot_be_struck(cast, tess):
    case = load(cast, "02")
    row = Entry.get(Entry.client_id == facts(case).baseline("BL9").src)
    answer = tess.post(f"/entries/{row.id}/strike", data={})
    assert answer.status_code == 422 and "rest on this one" in answer.get_data(as_text=True)


def disputed(case) -> Entry:
    """An event corrected on two phones at once."""
    first = record.Entry(client_id="first", at=NOW, data=record.Event(type="incision", text="Incison"), entered_at=NOW)
    made = [first]
    for name, text in (("one", "Skin incision"), ("two", "Incision C5")):
        newer = record.Event(type="incision", text=text)
        made.append(record.Entry(client_id=name, at=NOW, data=newer, entered_at=NOW, replaces="first", device=name))
    records.append(case, made, by=actor(None), now=NOW)
    return Entry.get(Entry.client_id == "two")


@pytest.mark.parametrize(("keep", "text"), [("one", "Skin incision"), ("two", "Incision C5")])
def test_two_versions_are_asked_about_until_somebody_chooses(tess, case, keep, text):
    disputed(case)
    page = tess.get(f"/cases/{case.id}/record").get_data(as_text=True)
    assert "Two versions" in page and "Skin incision" in page and "Incision C5" in page
    assert tess.post(f"/cases/{case.id}/conflicts", data={"keep": keep}).status_code == 303
    now = facts(case)
    assert [event.text for event in now.events] == [text] and not now.conflicts
    assert tess.post(f"/cases/{case.id}/conflicts", data={"keep": keep}).status_code == 422


def test_a_choice_is_offered_to_those_who_may_make_it(tess, pia, case):
    disputed(case)
    assert "Keep this one" in tess.get(f"/cases/{case.id}/record").get_data(as_text=True)
    assert "Keep this one" not in pia.get(f"/cases/{case.id}/record").get_data(as_text=True)
    assert pia.post(f"/cases/{case.id}/conflicts", data={"keep": "one"}).status_code == 403


def test_an_entry_in_dispute_is_not_struck_before_somebody_chooses(tess, case):
    row = disputed(case)
    assert "Choose the one to keep" in tess.post(f"/entries/{row.id}/strike").get_data(as_text=True)


# What actions.records holds


def event(name: str, text: str = "Skin incision", **more) -> record.Entry:
    return record.Entry(client_id=name, at=NOW, data=record.Event(type="incision", text=text), entered_at=NOW, **more)


def test_a_batch_is_taken_whole_or_not_at_all(cast, case):
    before = Case.get_by_id(case.id).record_rev
    with pytest.raises(Refused):
        records.append(
            case,
            [event("a"), record.Entry(client_id="b", at=None, data=record.Event(), entered_at=NOW)],
            by=actor(cast.tess),
            now=NOW,
        )
    assert not rows(case) and Case.get_by_id(case.id).record_rev == before


def test_replays_bump_the_revision_once(cast, case):
    by = actor(cast.tess)
    assert records.append(case, [event("a"), event("b"), event("a")], by=by, now=NOW) == ["a", "b"]
    rev = Case.get_by_id(case.id).record_rev
    assert records.append(case, [event("b"), event("a")], by=by, now=NOW + timedelta(hours=1)) == []
    assert Case.get_by_id(case.id).record_rev == rev == case.record_rev + 1
    audits = AuditEntry.select().where(AuditEntry.noun == "entry", AuditEntry.case_id == case.id)
    assert audits.count() == 1 and "Skin" not in audits.get().detail


def test_times_are_stored_in_utc(cast, case):
    here = datetime(2026, 9, 1, 8, 0, tzinfo=CHICAGO)
    data = record.Break(start=here, end=here + timedelta(minutes=9))
    records.append(
        case, [record.Entry(client_id="a", at=here, data=data, entered_at=here)], by=actor(cast.tess), now=NOW
    )
    row = newest(case)
    assert row.at == datetime(2026, 9, 1, 13, 0, tzinfo=UTC) and "2026-09-01T13:00:00Z" in row.data
    assert row.received_at == NOW and row.by_id == cast.tess.id


def test_an_entry_of_another_case_is_not_corrected_from_here(cast, case):
    records.append(case, [event("a")], by=actor(cast.tess), now=NOW)
    other = book(cast)
    with pytest.raises(Refused, match="its own case"):
        records.append(other, [event("b", replaces="a")], by=actor(cast.tess), now=NOW)
    with pytest.raises(Refused, match="saved before"):
        records.append(other, [event("a")], by=actor(cast.tess), now=NOW)


def test_a_correction_stays_of_its_kind(cast, case):
    other = record.Entry(client_id="b", at=NOW, data=record.Milestone(what="setup_end"), entered_at=NOW, replaces="a")
    with pytest.raises(Refused, match="same kind"):
        records.append(case, [event("a"), other], by=actor(cast.tess), now=NOW)


def test_ranges_hold_for_entries_that_were_not_decoded(cast, case):
    wrong = record.Entry(client_id="a", at=NOW, data=record.Physiology(map_mmhg=900), entered_at=NOW)
    with pytest.raises(Refused, match="at most 250"):
        records.append(case, [wrong], by=actor(cast.tess), now=NOW)


def test_a_signed_case_refuses(cast, client_for, tess, case):
    add(tess, case, "event", at="08:21", type="incision")
    row, before = newest(case), len(rows(case))
    Case.update(signed_at=NOW).where(Case.id == case.id).execute()
    with pytest.raises(Refused, match="signed"):
        records.append(case, [event("a")], by=actor(cast.tess), now=NOW)
    olive = client_for(cast.olive)
    for client in (tess, olive):
        for url, data in (
            (f"/cases/{case.id}/entries", {"kind": "event", "at": "09:00", "type": "exposure"}),
            (f"/entries/{row.id}/correction", {"at": "09:00"}),
            (f"/entries/{row.id}/strike", {}),
            (f"/cases/{case.id}/now/exposure", {}),
            (f"/cases/{case.id}/baselines", {"all": "good"}),
            (f"/cases/{case.id}/closing-values", {"all": "at baseline"}),
            (f"/cases/{case.id}/preset", {"preset": "1"}),
        ):
            answer = client.post(url, data=data)
            assert answer.status_code == 422 and "is signed" in answer.get_data(as_text=True), url
        assert client.get(f"/cases/{case.id}/record").status_code == 200
    assert len(rows(case)) == before


# One tap


def test_one_tap_stamps_the_servers_time(tess, case):
    for what, _ in worksheet.STEPS:
        assert tess.post(f"/cases/{case.id}/now/{what}").status_code == 303, what
    now = facts(case)
    moments = [now.time.tech_arrive, now.time.segments[0].start, now.events[0].t, now.baselines.sets[0].end]
    assert all(abs(datetime.now(UTC) - moment) < timedelta(seconds=60) for moment in moments)
    assert now.time.segments[0].end and len(now.events) == 6 and not now.late


def test_a_tap_sent_twice_stamps_once(tess, case):
    fresh = str(uuid.uuid4())
    for _ in range(2):
        assert tess.post(f"/cases/{case.id}/now/incision", data={"client_id": fresh}).status_code == 303
    assert len(facts(case).events) == 1


def test_an_alert_is_told_and_resolved_by_taps(tess, case):
    add(tess, case, "alert", at="09:10", modality="TcMEP")
    alert = facts(case).alerts[0].src
    for what in (*worksheet.LISTENERS, "resolved"):
        assert tess.post(f"/cases/{case.id}/now/{what}", data={"alert": alert}).status_code == 303
    now = facts(case).alerts[0]
    assert [told.who for told in now.communicated] == list(worksheet.LISTENERS.values())
    assert now.resolution.status == "resolved"
    assert tess.post(f"/cases/{case.id}/now/resolved", data={"alert": "nothing"}).status_code == 422


def test_explicit_negatives_are_taps(tess, case):
    tess.post(f"/cases/{case.id}/now/no_alerts")
    assert facts(case).stated == {"no_alerts"}


def test_an_unknown_tap_is_not_there(tess, case):
    assert tess.post(f"/cases/{case.id}/now/party").status_code == 404


def test_the_physician_connects_reviews_and_disconnects_by_taps(tess, pia, case):
    tess.post(f"/cases/{case.id}/now/baseline_start")
    for what in ("connect", "reviewed", "disconnect"):
        assert pia.post(f"/cases/{case.id}/now/{what}").status_code == 303, what
    now = facts(case)
    assert now.physician_log[0].disconnect and now.person_name(now.physician_log[0].physician) == "Pia Park, MD"
    assert now.baselines.sets[0].reviewed_at and not now.dangling
    assert pia.post(f"/cases/{case.id}/now/disconnect").status_code == 422


# Presets and grids


def test_a_preset_puts_structure_in_place_once_and_measures_nothing(cast, tess, case):
    places.seed()
    preset = Preset.select().first()
    for _ in range(2):
        assert tess.post(f"/cases/{case.id}/preset", data={"preset": preset.id}).status_code == 303
        now = facts(case)
        assert len(now.modalities) == len(preset.modalities) and len(now.baselines.rows) == len(preset.responses)
        assert now.alert_criteria == preset.criteria
    assert all((row.quality, row.amp_uv, row.lat_ms) == (None, None, None) for row in now.baselines.rows)
    assert not now.stated and not now.events and not now.time.segments
    assert tess.post(f"/cases/{case.id}/preset", data={"preset": "x"}).status_code == 422


def test_all_good_is_said_by_a_button_and_spares_what_was_said_before(tess, case):
    for side, quality in (("L", "reduced"), ("R", "")):
        add(tess, case, "baseline", modality="SSEP", side=side, site="ulnar", quality=quality)
    fields = shown(tess, f"/cases/{case.id}/baselines")
    assert tess.post(f"/cases/{case.id}/baselines", data=fields).status_code == 303
    assert [row.quality for row in facts(case).baselines.rows] == ["reduced", None]
    assert tess.post(f"/cases/{case.id}/baselines", data=fields | {"all": "good"}).status_code == 303
    assert [row.quality for row in facts(case).baselines.rows] == ["reduced", "good"]


def test_a_grid_keeps_numbers_and_names_what_is_wrong(tess, case):
    for side in "LR":
        add(tess, case, "baseline", modality="SSEP", side=side, site="ulnar", peak="N20")
    left, right = (row.src for row in facts(case).baselines.rows)
    answer = tess.post(f"/cases/{case.id}/baselines", data={f"lat_ms-{left}": "900", f"lat_ms-{right}": "19.0"})
    text = answer.get_data(as_text=True)
    assert answer.status_code == 422 and "Left ulnar SSEP N20: Latency is 900 ms" in text and 'value="19.0"' in text
    assert (
        tess.post(f"/cases/{case.id}/baselines", data={f"lat_ms-{left}": "19.1", f"lat_ms-{right}": "19.0"}).status_code
        == 303
    )
    assert [row.lat_ms for row in facts(case).baselines.rows] == [19.1, 19.0]


def test_the_closing_grid_leaves_out_what_was_absent_at_baseline(tess, case):
    for side, quality in (("L", "good"), ("R", "absent")):
        add(tess, case, "baseline", modality="SSEP", side=side, site="ulnar", quality=quality)
    left, right = (row.src for row in facts(case).baselines.rows)
    page = tess.get(f"/cases/{case.id}/closing-values").get_data(as_text=True)
    assert f"status-{left}" in page and f"status-{right}" not in page
    tess.post(f"/cases/{case.id}/closing-values", data={"all": "at baseline", f"status-{left}": "", f"pct-{left}": ""})
    assert [(row.ref, row.status) for row in facts(case).closing.rows] == [
        (facts(case).baselines.rows[0].id, "at baseline")
    ]
    tess.post(f"/cases/{case.id}/closing-values", data={f"status-{left}": "changed", f"pct-{left}": "40"})
    assert [(row.pct, row.status) for row in facts(case).closing.rows] == [(40, "changed")]


# The page and who may do what


def test_the_working_page_shows_the_record_of_a_real_case(cast, tess):
    case = load(cast, "08")
    text = tess.get(f"/cases/{case.id}/record").get_data(as_text=True)
    assert "Left S1 pedicle screw 14.0 mA" in text and "Missing: 10" in text
    assert "AL1: screw trajectory redirected (surgeon)" in text
    assert text.count("/strike") > 30


def test_htmx_gets_the_form_alone_and_the_page_in_place(tess, case):
    headers = {"HX-Request": "true"}
    part = tess.get(f"/cases/{case.id}/entries/new/event", headers=headers).get_data(as_text=True)
    assert "<html" not in part and 'id="new-event-form"' in part
    fields = Form(part).fields | {"at": "08:21", "type": "incision"}
    here = {**headers, "HX-Current-URL": f"http://localhost/cases/{case.id}/record#events"}
    answer = tess.post(f"/cases/{case.id}/entries", data=fields, headers=here)
    assert answer.status_code == 200 and answer.headers["HX-Retarget"] == "#record"
    assert "<html" not in answer.get_data(as_text=True) and "Incision" in answer.get_data(as_text=True)


def test_a_form_on_its_own_page_leads_back_to_the_record_once_saved(tess, case):
    url = f"/cases/{case.id}/entries/new/event"
    fields = Form(tess.get(url).get_data(as_text=True)).fields | {"at": "08:21", "type": "incision"}
    headers = {"HX-Request": "true", "HX-Current-URL": f"http://localhost{url}"}
    answer = tess.post(f"/cases/{case.id}/entries", data=fields, headers=headers)
    assert answer.headers["HX-Redirect"] == f"/cases/{case.id}/record#events" and not answer.data
    assert "Saved." in tess.get(f"/cases/{case.id}/record").get_data(as_text=True)


def test_reading_the_record_is_audited(tess, case):
    tess.get(f"/cases/{case.id}/record")
    assert AuditEntry.select().where(AuditEntry.action == "view", AuditEntry.case_id == case.id).count() == 1


def writing(case, row) -> list[tuple[str, dict[str, str]]]:
    return [
        (f"/cases/{case.id}/entries", {"kind": "event", "at": "09:00", "type": "exposure"}),
        (f"/entries/{row.id}/correction", {"at": "09:00"}),
        (f"/entries/{row.id}/strike", {}),
        (f"/cases/{case.id}/now/exposure", {}),
        (f"/cases/{case.id}/baselines", {"all": "good"}),
        (f"/cases/{case.id}/closing-values", {"all": "at baseline"}),
    ]


def test_a_stranger_sees_404(cast, client_for, tess, case):
    add(tess, case, "event", at="08:21", type="incision")
    row, stan = newest(case), client_for(cast.stan)
    for url in (
        f"/cases/{case.id}/record",
        f"/cases/{case.id}/entries/new/event",
        f"/entries/{row.id}/edit",
        f"/entries/{row.id}/strike",
    ):
        assert stan.get(url).status_code == 404, url
    for url, data in (
        *writing(case, row),
        (f"/cases/{case.id}/conflicts", {"keep": "x"}),
        (f"/cases/{case.id}/preset", {}),
    ):
        assert stan.post(url, data=data).status_code == 404, url
    assert stan.get("/entries/999999/edit").status_code == 404


def test_a_biller_reads_and_does_not_write(cast, client_for, tess, case):
    add(tess, case, "event", at="08:21", type="incision")
    row, before, bo = newest(case), len(rows(case)), client_for(cast.bo)
    text = bo.get(f"/cases/{case.id}/record").get_data(as_text=True)
    assert "Incision" in text and "/strike" not in text and "/now/" not in text
    for url, data in writing(case, row):
        assert bo.post(url, data=data).status_code == 403, url
    assert bo.get(f"/cases/{case.id}/entries/new/event").status_code == 403
    assert len(rows(case)) == before


def test_a_physician_keeps_the_physicians_part_alone(tess, pia, case):
    add(tess, case, "event", at="08:21", type="incision")
    add(tess, case, "baseline_set", label="supine", start="07:30", end="07:40")
    row = newest(case)
    for url, data in writing(case, rows(case)[0]):
        assert pia.post(url, data=data).status_code == 403, url
    fields = shown(pia, f"/entries/{row.id}/edit")
    assert "reviewed_at" in fields and "start" not in fields
    pia.post(f"/cases/{case.id}/now/connect")
    me = facts(case).staff.physicians[0].src
    answer = pia.post(
        f"/entries/{row.id}/correction", data=fields | {"reviewed_by": me, "reviewed_at": "07:45", "label": "mine"}
    )
    assert answer.status_code == 303
    reviewed = facts(case).baselines.sets[0]
    assert local(reviewed.reviewed_at) == "09/01 07:45" and reviewed.label == "supine"
    assert pia.get(f"/cases/{case.id}/entries/new/baseline_set").status_code == 403


def test_an_impression_is_the_physicians(cast, client_for, tess, case):
    for client in (tess, client_for(cast.olive)):
        assert client.get(f"/cases/{case.id}/entries/new/impression").status_code == 403


def test_the_owner_keeps_any_record(cast, client_for, case):
    olive = client_for(cast.olive)
    add(olive, case, "event", at="08:21", type="incision")
    assert newest(case).by_id == cast.olive.id
