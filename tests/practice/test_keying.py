"""What is typed becomes an entry, or a sentence for each mistake; and every entry can be shown as it was typed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from practice import interchange, keying, kinds, record, telling
from practice.keying import BadFields, parse
from tests.cast import case_file, case_files

CHICAGO = ZoneInfo("America/Chicago")
NEW_YORK = ZoneInfo("America/New_York")
DAY = date(2026, 6, 9)
BACK = date(2026, 11, 1)  # clocks go back: 01:00 to 01:59 come twice
FORWARD = date(2026, 3, 8)  # clocks go forward: 02:00 to 02:59 do not exist


def errors(kind: str, fields: dict[str, str], zone=CHICAGO, day=DAY, **more) -> dict[str, str]:
    with pytest.raises(BadFields) as bad:
        parse(kind, fields, zone=zone, day=day, **more)
    return bad.value.errors


def at(text: str, zone=CHICAGO, day=DAY, **more) -> str:
    parsed = parse("event", {"type": "incision", "at": text}, zone=zone, day=day, **more)
    return parsed.at.astimezone(zone).isoformat()


def test_every_kind_of_the_record_is_declared_with_all_its_fields():
    assert set(kinds.KINDS) == set(record.KINDS)
    for name, kind in kinds.KINDS.items():
        asked = {field.name.partition(".")[0] for field in kind.fields}
        left = {info.name for info in msgspec.structs.fields(record.KINDS[name])} - asked
        assert left <= {"label", "person", "missing_reason"}, name


@pytest.mark.parametrize("path", case_files(), ids=lambda path: path.stem)
def test_every_entry_of_a_case_file_reads_back_from_its_form(path):
    facts = interchange.read(path.read_bytes()).facts
    day = facts.header.date_of_service
    for entry in interchange.entries_from(facts, key="test", received_at=datetime(2026, 12, 1, tzinfo=UTC)):
        fields = keying.filled(entry, zone=facts.zone, day=day)
        parsed = parse(entry.kind, fields, zone=facts.zone, day=day, previous=entry)
        assert (parsed.data, parsed.at) == (entry.data, entry.at)
        fresh = parse(entry.kind, fields, zone=facts.zone, day=day)
        label = {"label": entry.data.label} if entry.kind in record.LABEL_PREFIX or entry.kind == "staff" else {}
        assert msgspec.structs.replace(fresh.data, **label) == entry.data and fresh.at == entry.at


def test_numbers_stay_as_they_were_typed():
    def amplitude(text):
        return parse("baseline", {"modality": "SSEP", "amp_uv": text}, zone=CHICAGO, day=DAY).data.amp_uv

    assert (amplitude("17"), type(amplitude("17"))) == (17, int)
    assert (amplitude("17.0"), type(amplitude("17.0"))) == (17.0, float)
    assert amplitude("17,5") == 17.5
    assert amplitude("0.8 µV") == 0.8


def test_a_comma_that_could_mean_thousands_is_asked_about():
    assert "Type 1650 or 1.650" in errors("baseline", {"modality": "TcMEP", "amp_uv": "1,650"})["amp_uv"]


@pytest.mark.parametrize("text", ["nan", "inf", "1e3", "12 mm", "--3", "٣", "1.2.3", "0x10", "9" * 40])
def test_what_is_no_number_is_refused(text):
    assert "not a number" in errors("physiology", {"map_mmhg": text})["map_mmhg"]


def test_an_impossible_value_says_what_is_possible():
    assert errors("physiology", {"map_mmhg": "900"})["map_mmhg"] == "MAP is 900 mmHg; it must be between 20 and 250."


def test_a_latency_of_900_is_refused():
    assert "between 1 and 100" in errors("baseline", {"modality": "SSEP", "lat_ms": "900"})["lat_ms"]


def test_a_latency_is_judged_by_its_peak():
    said = errors("baseline", {"modality": "SSEP", "peak": "N20", "lat_ms": "60"})["lat_ms"]
    assert said == "Latency is 60 ms; it must be between 10 and 40 for N20."


def test_every_mistake_is_named_at_once():
    found = errors("baseline", {"modality": "XXX", "side": "Q", "lat_ms": "900", "amp_uv": "lots"})
    assert set(found) == {"modality", "side", "lat_ms", "amp_uv"}


def test_a_missing_answer_that_is_needed_is_asked_for():
    assert set(errors("told", {})) >= {"alert", "who"}
    assert "07:41" in errors("event", {"type": "incision"})["at"]


def test_an_empty_form_is_no_entry():
    assert "Nothing is filled in" in errors("physiology", {"at": "08:00"})["map_mmhg"]


def test_an_unusual_value_is_a_doubt_not_a_refusal():
    parsed = parse("physiology", {"at": "08:00", "map_mmhg": "45"}, zone=CHICAGO, day=DAY)
    assert parsed.data.map_mmhg == 45 and "45 mmHg" in parsed.doubts[0]


def test_a_time_still_to_come_is_a_doubt():
    now = datetime(2026, 6, 9, 13, 0, tzinfo=UTC)
    parsed = parse("event", {"type": "incision", "at": "09:00"}, zone=CHICAGO, day=DAY, now=now)
    assert "09:00 is still to come" in parsed.doubts[0]


def test_a_text_too_long_is_refused_with_its_length():
    assert (
        "1,000,000 characters; at most 4,000 fit"
        in errors("event", {"type": "other", "at": "08:00", "text": "x" * 10**6})["text"]
    )


def test_markup_is_text():
    parsed = parse("event", {"type": "other", "at": "08:00", "text": "<b>x</b>"}, zone=CHICAGO, day=DAY)
    assert parsed.data.text == "<b>x</b>"


@pytest.mark.parametrize(
    "text",
    [
        "07:41",
        "0741",
        "741",
        "7:41",
        "2026-06-09T07:41",
        "06/09 07:41",
        "07:41 CDT",
        "2026-06-09T07:41:00-05:00",
        "2026-06-09T12:41:00Z",
    ],
)
def test_a_time_can_be_typed_in_many_ways(text):
    assert at(text) == "2026-06-09T07:41:00-05:00"


@pytest.mark.parametrize(
    "text", ["25:00", "12:60", "noon", "7", "7:41 PM", "13/45 07:41", "07:41 PST", "2031-01-01 07:41", ""]
)
def test_what_is_no_time_is_refused(text):
    assert "at" in errors("event", {"type": "incision", "at": text})


def test_a_time_after_midnight_lands_on_the_next_day_and_says_so():
    began = datetime(2026, 6, 9, 22, 0, tzinfo=CHICAGO)
    parsed = parse("event", {"type": "incision", "at": "00:37"}, zone=CHICAGO, day=DAY, began=began)
    assert parsed.at.astimezone(CHICAGO).isoformat() == "2026-06-10T00:37:00-05:00"
    assert parsed.taken == ["00:37 was taken as 06/10, the day after the date of service."]


def test_a_time_shortly_before_the_first_one_stays_on_its_day():
    assert at("21:40", began=datetime(2026, 6, 9, 22, 0, tzinfo=CHICAGO)) == "2026-06-09T21:40:00-05:00"
    assert at("06:30", began=datetime(2026, 6, 9, 7, 0, tzinfo=CHICAGO)) == "2026-06-09T06:30:00-05:00"


def test_an_end_after_midnight_is_read_from_its_start():
    parsed = parse("break", {"start": "23:50", "end": "00:10"}, zone=CHICAGO, day=DAY)
    assert (parsed.data.end - parsed.data.start).total_seconds() == 20 * 60
    assert parsed.at == parsed.data.start


def test_an_end_before_its_start_is_refused():
    found = errors("break", {"start": "08:00", "end": "07:41"})
    assert found == {"end": "It ends at 07:41, before it starts at 08:00. Check both times."}


def test_an_hour_that_does_not_exist_is_refused():
    assert (
        "does not exist on 03/08/2026" in errors("event", {"type": "incision", "at": "02:30"}, NEW_YORK, FORWARD)["at"]
    )


def test_an_hour_that_comes_twice_is_asked_about():
    with pytest.raises(BadFields) as bad:
        parse("event", {"type": "incision", "at": "01:38"}, zone=NEW_YORK, day=BACK)
    assert bad.value.zones == {"at": ("EDT", "EST")}
    assert "Choose EDT or EST" in bad.value.errors["at"]


@pytest.mark.parametrize(("name", "offset"), [("EDT", "-04:00"), ("EST", "-05:00")])
def test_the_answer_to_which_hour_is_kept(name, offset):
    fields = {"type": "incision", "at": "01:38", "at_zone": name}
    entry = parse("event", fields, zone=NEW_YORK, day=BACK)
    assert entry.at.astimezone(NEW_YORK).isoformat() == f"2026-11-01T01:38:00{offset}"
    assert at(f"01:38 {name}", NEW_YORK, BACK) == f"2026-11-01T01:38:00{offset}"
    assert keying.shown_time(entry.at, NEW_YORK, BACK) == f"01:38 {name}"


@given(
    st.datetimes(datetime(2026, 10, 31), datetime(2026, 11, 3))
    | st.datetimes(datetime(2026, 3, 7), datetime(2026, 3, 10)),
    st.sampled_from([CHICAGO, NEW_YORK, ZoneInfo("America/Phoenix"), ZoneInfo("Australia/Lord_Howe"), ZoneInfo("UTC")]),
)
def test_any_instant_shown_in_a_form_is_read_back_as_itself(moment, zone):
    moment = moment.replace(microsecond=0, tzinfo=UTC)
    day = moment.astimezone(zone).date()
    for on in (day, day.replace(day=day.day - 1 or 1)):
        shown = keying.shown_time(moment, zone, on)
        assert keying.read_time(shown, zone=zone, day=on)[0] == moment


@given(
    st.dictionaries(
        st.sampled_from(["modality", "side", "lat_ms", "amp_uv", "quality", "site", "peak"]), st.text(max_size=60)
    )
)
def test_whatever_is_typed_ends_in_an_entry_or_in_sentences(fields):
    try:
        parsed = parse("baseline", fields, zone=CHICAGO, day=DAY)
    except BadFields as bad:
        assert bad.errors and all(sentence.endswith(".") for sentence in bad.errors.values())
    else:
        assert record.decode_data(record.encode_data(parsed.data)) == parsed.data


@given(st.text(max_size=30))
def test_whatever_is_typed_as_a_time_ends_in_an_instant_or_a_sentence(text):
    try:
        parsed = parse("event", {"type": "other", "at": text}, zone=NEW_YORK, day=BACK)
    except BadFields as bad:
        assert set(bad.errors) == {"at"}
    else:
        assert abs(parsed.at.astimezone(NEW_YORK).date() - BACK).days <= 7


def test_rows_are_read_and_blank_ones_left_out():
    fields = {
        "technique": "TIVA", "agents-count": "3",
        "agents-0-name": "propofol", "agents-0-dose": "120", "agents-0-unit": "mcg/kg/min",
        "agents-1-name": " ", "agents-2-name": "remifentanil", "agents-2-dose": "0.2",
    }  # fmt: skip
    data = parse("anesthesia", fields, zone=CHICAGO, day=DAY).data
    assert [(agent.name, agent.dose) for agent in data.agents] == [("propofol", 120), ("remifentanil", 0.2)]


def test_a_mistake_in_a_row_is_named_at_its_field():
    found = errors("alert", {"modality": "TcMEP", "rows-0-value_uv": "90000", "rows-1-change_pct": "x"})
    assert set(found) == {"rows-0-value_uv", "rows-1-change_pct"}


def test_a_stretch_of_concurrency_ends_after_it_starts():
    fields = {
        "physician": "P1",
        "connect": "08:00",
        "concurrency-0-frm": "08:00",
        "concurrency-0-to": "07:00",
        "concurrency-0-n": "2",
    }
    assert set(errors("presence", fields)) == {"concurrency-0-to"}


def test_too_many_rows_are_refused():
    fields = {f"agents-{number}-name": "propofol" for number in range(keying.MAX_ROWS + 1)}
    assert "at most 60 rows" in errors("anesthesia", fields)["agents"]


def test_fields_that_were_not_sent_keep_their_value():
    before = record.Entry(
        client_id="a", at=None, entered_at=datetime(2026, 6, 9, tzinfo=UTC),
        data=record.BaselineSet(label="prone", start=datetime(2026, 6, 9, 13, 19, tzinfo=UTC)),
    )  # fmt: skip
    parsed = parse(
        "baseline_set", {"reviewed_by": "P1", "reviewed_at": "08:29"}, zone=CHICAGO, day=DAY, previous=before
    )
    assert parsed.data.label == "prone" and parsed.data.start == before.data.start and parsed.data.reviewed_by == "P1"


def test_a_label_survives_a_correction():
    before = record.Entry(
        client_id="a", at=datetime(2026, 6, 9, 13, 0, 5, 123, tzinfo=UTC), entered_at=datetime(2026, 6, 9, tzinfo=UTC),
        data=record.Event(label="EV7", type="incision", text="Incison"),
    )  # fmt: skip
    fields = keying.filled(before, zone=CHICAGO, day=DAY) | {"text": "Incision"}
    parsed = parse("event", fields, zone=CHICAGO, day=DAY, previous=before)
    assert parsed.data.label == "EV7" and parsed.at == before.at


def folded(number: str):
    facts = interchange.read(case_file(number)).facts
    entries = interchange.entries_from(facts, key="test", received_at=datetime(2026, 12, 1, tzinfo=UTC))
    whole = record.facts(entries, facts.header, case_id=facts.id, tz=facts.tz, rev=1)
    return entries, whole


def test_a_new_form_starts_with_structure_never_with_a_measurement_a_time_or_a_negative():
    entries, facts = folded("02")
    for kind in kinds.KINDS:
        before = [entry for entry in entries if entry.kind == kind]
        fields = keying.empty(kind, facts, before[-1] if before else None)
        for name in fields:
            field = kinds.KINDS[kind].field(name)
            assert field.widget in ("text", "choice") and not field.name.startswith(("status", "quality", "what"))
        assert not set(fields) & {"at", "amp_uv", "lat_ms", "thr_ma", "pct", "overall", "new_deficit", "recorded"}


def test_a_change_is_computed_from_the_baseline_where_none_was_typed():
    entries, facts = folded("02")
    alert = record.Alert(modality="TcMEP", rows=(interchange.c.AlertRow(ref="BL9", value_uv=162),))
    known = keying.standing(entries, facts)
    assert keying.computed(alert, facts, known).rows[0].change_pct == -82


def test_an_entry_is_told_in_words():
    entries, facts = folded("02")
    known = keying.standing(entries, facts)
    said = {telling.describe(entry, facts, known) for entry in entries}
    assert "Left tibialis anterior TcMEP 900 µV, good" in said
    assert "AL1: surgeon told, verbal" in said
    assert "Physiology" not in said and "MAP 62 mmHg, 35.9 °C" in said


@pytest.mark.parametrize("path", case_files(), ids=lambda path: path.stem)
def test_every_entry_of_a_case_file_has_words(path):
    facts = interchange.read(path.read_bytes()).facts
    entries = interchange.entries_from(facts, key="test", received_at=datetime(2026, 12, 1, tzinfo=UTC))
    for entry in entries:
        said = telling.describe(entry, facts)
        assert said.strip() and "None" not in said
