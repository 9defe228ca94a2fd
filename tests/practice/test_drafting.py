"""The built-in report writer: every fact of the expected report, no other fact, and no forbidden phrase."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from practice import cases as c
from practice import drafting, times, wording
from practice.drafting import AddendumFact, SignatureFact, as_text, changes, draft, signable_text
from practice.faithfulness import check
from tests.practice import case_files

TOKEN = re.compile(r"\d+(?:[.:/-]\d+)*")
"""A number, a time, a date, 4/4, C5-C6 without its letters."""


def plain(text: str) -> str:
    """Without the marks that differ: bold, brackets round a gap, runs of spaces."""
    return re.sub(r"\s+", " ", text.replace("**", "").replace("[not recorded]", "not recorded"))


def body_of(text: str) -> str:
    """Without the title and the line with the digest."""
    return "\n".join(line for line in text.splitlines() if "sha256" not in line)


def text_of(name: str) -> str:
    return as_text(draft(case_files.facts(name)))


def cells_of(markdown: str) -> list[str]:
    rows = [line for line in markdown.splitlines() if line.startswith("|") and not set(line) <= set("|- ")]
    return [plain(cell).strip() for row in rows for cell in row.strip("|").split("|") if cell.strip()]


def phrases_of(markdown: str) -> list[str]:
    """The prose of an expected report in pieces between its marks."""
    found = []
    for line in body_of(markdown).splitlines():
        if line.startswith("|"):
            continue
        pieces = re.split(r"(?<=[a-z\])])[.;:]\s|\.$|^#+ \d*\.? ?|^- |\d\d:\d\d [\w ]+, MD: ", line.replace("**", ""))
        found += [piece for piece in (plain(piece).strip(" .") for piece in pieces) if len(piece) > 3]
    return found


WORDED_OTHERWISE = {
    # The same facts in this writer's words.
    "None",  # section 6 says that no alerts were called
    "Impression (draft for the interpreting physician to confirm or change)",
    "The closing data set is incomplete",  # with its time
    "a bilateral SSEP amplitude decrease below the alert criterion was observed at 08:24 during hypotension",
}


@pytest.mark.parametrize("name", case_files.NAMES)
def test_every_table_cell_of_the_expected_report_is_there(name: str) -> None:
    text = plain(text_of(name))
    assert [cell for cell in cells_of(case_files.report(name)) if cell.rstrip(".") not in text] == []


@pytest.mark.parametrize("name", case_files.NAMES)
def test_every_phrase_of_the_expected_report_is_there(name: str) -> None:
    text = plain(text_of(name))
    lists = (re.compile(r" and (?=\w+ [\d.]+ m)"), re.compile(r",? and |, "))
    missed = []
    for phrase in phrases_of(case_files.report(name)):
        pieces = [lists[1].sub(" ", phrase)] if phrase in text else lists[0].split(phrase)
        missed += [
            phrase for piece in pieces if phrase not in text and piece not in text and phrase not in WORDED_OTHERWISE
        ]
    missed = [phrase for phrase in missed if not _without_time(phrase, text)]
    assert missed == []


def _without_time(phrase: str, text: str) -> bool:
    """'At closing all ...' stands in this report with the time of closing."""
    return all(piece in re.sub(r" \([\d/ :]+\)", "", text) for piece in phrase.split(". "))


@pytest.mark.parametrize("name", case_files.NAMES)
def test_every_number_of_the_expected_report_is_there(name: str) -> None:
    have = set(TOKEN.findall(body_of(text_of(name))))
    assert set(TOKEN.findall(body_of(case_files.report(name)))) - have == set()


@pytest.mark.parametrize("name", case_files.NAMES)
def test_no_number_or_time_is_invented(name: str) -> None:
    known = set(TOKEN.findall(case_files.report(name)))
    known |= set(TOKEN.findall(re.sub(r"T(?=\d)|[+-]\d\d:\d\d\"", " ", case_files.raw(name))))
    known |= {token[:5] for token in known if re.match(r"\d\d:\d\d:\d\d", token)}
    assert set(TOKEN.findall(body_of(text_of(name)))) - known == set()


@pytest.mark.parametrize("name", case_files.NAMES)
def test_no_forbidden_phrase_appears(name: str) -> None:
    text = text_of(name)
    for pattern in (*case_files.expected(name)["must_not_say"], "stable throughout", "returned to baseline", "due to"):
        assert not re.search(pattern, text, re.I), pattern


@pytest.mark.parametrize("name", case_files.NAMES)
def test_every_sentence_and_row_names_an_entry_of_the_record(name: str) -> None:
    facts = case_files.facts(name)
    known = {part.src for part in parts(facts)} | {"header", "record"}
    known |= {*facts.time.moments.values(), *(segment.stop_src for segment in facts.time.segments)}
    for _, said in drafting.sentences(draft(facts)):
        assert said.sources and set(said.sources) <= known, said


def parts(value: Any) -> list[Any]:
    found = [value] if hasattr(value, "src") else []
    if isinstance(value, msgspec.Struct):
        for field in value.__struct_fields__:
            found += parts(getattr(value, field))
    elif isinstance(value, tuple):
        for item in value:
            found += parts(item)
    return found


@pytest.mark.parametrize("name", case_files.NAMES)
def test_the_to_do_list_is_the_completeness_list_and_each_item_stands_under_limitations(name: str) -> None:
    report = draft(case_files.facts(name))
    assert [gap.field for gap in report.todo] == [gap["field"] for gap in case_files.expected(name)["completeness"]]
    limits = next(section for section in report.sections if section.key == "limitations")
    lines = [item.sentences[0].text for item in limits.blocks[0].items]
    for gap in report.todo:
        assert any(line.startswith(f"{gap.label}: ") for line in lines), gap


def test_sections_stand_in_their_order() -> None:
    assert [section.key for section in draft(case_files.facts("01")).sections] == [
        "indication", "technique", "anesthesia", "baselines", "course", "alerts", "stimulation", "closing", "time",
        "limitations", "impression",
    ]  # fmt: skip


# What is not said


def silent(facts: c.Facts) -> c.Facts:
    return msgspec.structs.replace(facts, stated=frozenset(), signoff=c.Signoffs())


def test_no_alerts_is_said_only_when_somebody_said_it() -> None:
    facts = case_files.facts("01")
    assert "No alerts were called." in as_text(draft(facts))
    text = as_text(draft(silent(facts)))
    assert "[not recorded] whether there were alerts." in text
    assert "No alerts" not in text and "No change met" not in text
    assert "Technologist: not signed." in text


def test_a_moving_patient_is_not_called_free_of_deficit() -> None:
    assert case_files.facts("01").closing.postop_exam.new_deficit is False
    assert "deficit" not in text_of("01")
    assert "recorded as a new deficit" in text_of("05")


def test_an_empty_record_says_of_everything_that_it_is_not_recorded() -> None:
    header = c.Header(
        facility=c.FacilityHeader(name="Mercy"), patient=c.PatientHeader(name="DOE, JO"), procedure=c.Procedure(text="")
    )
    report = draft(c.Facts(id="C-0", tz="America/Denver", header=header))
    text = as_text(report)
    for words in (
        "Events: ",
        "Anesthesia: ",
        "Closing data: ",
        "Total monitoring time: ",
        "Diagnosis: ",
        "Modalities: ",
    ):
        assert f"{words}[not recorded]" in text
    assert "stable" not in text and "at baseline" not in text and "None" not in text
    assert len(report.todo) > 20


@pytest.mark.parametrize("name", case_files.NAMES)
def test_a_gap_in_the_text_is_never_without_an_item_to_do(name: str) -> None:
    case = case_files.body(name)["case"]
    case["header"].update(indication=None, preop_exam="")
    case["physiology"] = []
    case["closing"] = None
    case["physician_log"] = []
    report = draft(case_files.folded(case))
    fields = {gap.field for gap in report.todo}
    assert {"header.indication", "header.preop_exam", "physiology.temp_c", "closing", "physician_log"} <= fields
    assert as_text(report).count("[not recorded]") >= len(fields)


def test_an_unresolved_change_without_a_report_to_the_surgeon_says_so() -> None:
    case = case_files.body("05")["case"]
    case["alerts"][0]["resolution"].pop("reported_at")
    text = as_text(draft(case_files.folded(case)))
    assert "Report to the surgeon: [not recorded]." in text
    assert "this was reported" not in text


def test_who_was_not_told_stands_in_the_alert() -> None:
    case = case_files.body("02")["case"]
    case["alerts"][0]["communicated"] = []
    text = as_text(draft(case_files.folded(case)))
    assert "Communicated to: surgeon [not recorded]; interpreting physician [not recorded]." in text


# Times


def test_the_day_after_midnight_carries_its_date() -> None:
    text = text_of("05")
    assert "AL1 - TcMEP - 01/23 00:37" in text
    assert "Monitoring ran from 21:47 to 01/23 02:46 (299 minutes)" in text
    assert "23:10-01/23 00:04: 2" in text


def fall_back() -> c.Facts:
    """Monitored from 23:30 EDT to 03:05 EST on the night the clocks go back: 215 minutes by the wall, 275 elapsed."""
    case = case_files.body("02")["case"]
    case["tz"] = "America/New_York"
    case["header"]["date_of_service"] = "2026-10-31"
    case["time"] = {
        "tech_arrive": "2026-10-31T22:00:00-04:00", "setup_start": "2026-10-31T22:30:00-04:00",
        "setup_end": "2026-10-31T23:00:00-04:00", "electrodes_out": "2026-11-01T03:15:00-05:00", "breaks": [],
        "segments": [{"id": "S1", "start": "2026-10-31T23:30:00-04:00", "end": "2026-11-01T03:05:00-05:00", "mode": "remote"}],
    }  # fmt: skip
    alert = case["alerts"][0]
    alert["t"] = "2026-11-01T01:38:00-04:00"
    alert["resolution"]["t"] = "2026-11-01T01:09:00-05:00"
    for told in alert["communicated"]:
        told["t"] = "2026-11-01T01:39:00-04:00"
    return case_files.folded(case)


def test_on_the_night_the_clocks_change_each_time_carries_its_zone() -> None:
    text = as_text(draft(fall_back()))
    assert "AL1: TcMEP alert at 11/01 01:38 EDT" in text
    assert "The change resolved at 11/01 01:09 EST." in text
    assert "Monitoring ran from 23:30 EDT to 11/01 03:05 EST (275 minutes)." in text
    course = text[text.index("5. Intraoperative") : text.index("6. Alerts")]
    assert all(re.search(r"\d\d:\d\d [A-Z]{3}", line) for line in course.splitlines() if line[:2].isdigit())


def test_other_nights_carry_no_zone() -> None:
    assert not re.search(r"\d E[DS]T", text_of("03"))


@given(
    st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1)), st.sampled_from(["America/New_York", "America/Phoenix"])
)
def test_two_instants_of_a_night_never_look_the_same(at: datetime, tz: str) -> None:
    first = at.replace(tzinfo=UTC)
    facts = msgspec.structs.replace(
        case_files.facts("01"),
        tz=tz,
        events=tuple(c.Event(id=f"EV{n}", t=first + timedelta(minutes=30 * n)) for n in range(12)),
        header=msgspec.structs.replace(case_files.facts("01").header, date_of_service=first.date()),
    )
    clock = times.clock(facts)
    assert len({clock.time(event.t) for event in facts.events}) == 12


def test_age_counts_birthdays() -> None:
    assert times.age(date(2012, 2, 29), date(2026, 2, 28)) == 13
    assert times.age(date(2012, 2, 29), date(2026, 3, 1)) == 14


# Late entries, conflicts, the physician's words


def test_late_entries_and_changed_times_are_marked() -> None:
    facts = case_files.facts("02")
    event, test, alert = facts.events[0], facts.stim_tests[0], facts.alerts[0]
    keyed = datetime(2026, 6, 9, 18, 45, tzinfo=UTC)
    late = {
        event.src: c.Late(src=event.src, at=event.t, entered_at=keyed),
        test.src: c.Late(src=test.src, at=test.t, entered_at=keyed, was=datetime(2026, 6, 9, 17, 20, tzinfo=UTC)),
        alert.communicated[0].src: c.Late(src=alert.communicated[0].src, at=alert.t, entered_at=keyed),
        "stop": c.Late(src="stop", at=datetime(2026, 6, 9, 19, 32, tzinfo=UTC), entered_at=keyed),
    }
    text = as_text(draft(msgspec.structs.replace(facts, late=late)))
    assert "Skin incision (late entry, keyed 12:45)" in text
    assert "11:10 (time changed, was 11:20)" in text
    assert "surgeon 11:43 (verbal) (late entry, keyed 12:45)" in text
    assert "An entry for 13:32 is a late entry, keyed 12:45." in text
    assert "recorded contemporaneously" not in text


def test_conflicts_stand_under_limitations() -> None:
    facts = msgspec.structs.replace(case_files.facts("01"), conflicts=(c.Conflict(original="a", versions=("b", "c")),))
    limits = next(section for section in draft(facts).sections if section.key == "limitations")
    assert any(set(item.sentences[0].sources) == {"a", "b", "c"} for item in limits.blocks[0].items)


def test_the_physicians_own_impression_stands_in_place_of_the_draft_one() -> None:
    note = c.SignedNote(by="P1", t=datetime(2026, 3, 17, 15, 30, tzinfo=UTC), text="Uneventful monitoring.", src="i1")
    report = draft(msgspec.structs.replace(case_files.facts("01"), impression=note))
    text = as_text(report)
    assert "11. Impression\nUneventful monitoring.\n\nImpression of Elena Marsh, MD, 10:30." in text
    assert "a draft until" not in text and "Multimodality" not in text


# Signing


def signed(facts: c.Facts, *names: str) -> drafting.Draft:
    at = datetime(2026, 1, 23, 16, 2, tzinfo=UTC)
    signatures = [SignatureFact(name=name, credentials="Neurology", at=at, text_sha256="ab" * 32) for name in names]
    addenda = [
        AddendumFact(text=f"Later {n}.", name=names[0], credentials="", at=at + timedelta(days=n), number=n)
        for n in (2, 1)
    ]
    return draft(facts, signatures=signatures, addenda=addenda)


def test_a_signed_report_says_so_with_name_time_and_zone_and_ends_with_its_addenda() -> None:
    text = as_text(signed(case_files.facts("01"), "Elena Marsh, MD"))
    assert text.splitlines()[1] == "SIGNED, with 2 addenda."
    assert "Electronically signed by Elena Marsh, MD, Neurology, 2026-01-23 11:02 CDT" not in text
    assert "Electronically signed by Elena Marsh, MD, Neurology, 2026-01-23 10:02 CST" in text
    assert "DRAFT" not in text and "______" not in text
    assert text.index("Electronically signed") < text.index("Later 1.") < text.index("Later 2.")


def test_one_signature_of_two_says_who_is_awaited() -> None:
    text = as_text(signed(case_files.facts("05"), "Elena Marsh, MD"))
    assert "SIGNED by 1 of 2 interpreting physicians" in text
    assert "______________________ Samuel Ortega, MD" in text
    assert "______________________ Elena Marsh, MD" not in text


@pytest.mark.parametrize("name", case_files.NAMES)
def test_what_is_signed_does_not_change_by_signing(name: str) -> None:
    facts = case_files.facts(name)
    assert signable_text(draft(facts)) == signable_text(signed(facts, "Elena Marsh, MD"))
    assert "DRAFT - not" not in signable_text(draft(facts))


def test_the_same_facts_give_the_same_json() -> None:
    facts = case_files.facts("08")
    assert drafting.as_json(draft(facts)) == drafting.as_json(draft(case_files.folded(case_files.body("08")["case"])))
    assert msgspec.json.decode(drafting.as_json(draft(facts)))["case_id"] == "C-08"


# What changed


def test_nothing_changed_between_equal_facts() -> None:
    assert changes(case_files.facts("02"), case_files.facts("02")) == []


CHANGED: list[tuple[str, Any, str]] = [
    ("01", lambda case: case["events"][2].update(t="2026-03-17T08:25:00-05:00"), "Event EV3 time: 08:21 -> 08:25"),
    ("02", lambda case: case["alerts"][0]["rows"][0].update(value_uv=160), "Alert AL1 response left tibialis anterior TcMEP value (µV): 162 -> 160"),
    ("02", lambda case: case.update(alerts=[]), "Removed: alert AL1 (TcMEP, 11:42)"),
    ("02", lambda case: case["alerts"][0].update(md_note=None), "Removed: Alert AL1 physician note (12:06, Recovery confirmed; continue TcMEP with each maneuver, Samuel Ortega, MD)"),
    ("08", lambda case: case["stim_tests"][3].update(thr_ma=12.0), "Stimulation test ST4 threshold (mA): [not recorded] -> 12.0"),
    ("01", lambda case: case["header"].update(surgeon="Ann Other, MD"), "Header surgeon: Dana Whitlock, MD -> Ann Other, MD"),
    ("01", lambda case: case["closing"]["rows"][0].update(pct=90), "Closing value left ulnar SSEP (%): 97 -> 90"),
    ("01", lambda case: case["time"]["segments"][0].update(end="2026-03-17T10:07:00-05:00", minutes=146), "Monitoring S1 end: 10:06 -> 10:07"),
    ("01", lambda case: case["alert_criteria"].update(EMG="train"), "Alert criteria EMG: sustained neurotonic discharge -> train"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change", "sentence"), CHANGED, ids=[sentence[:40] for _, _, sentence in CHANGED])
def test_it_says_what_changed(name: str, change: Any, sentence: str) -> None:
    case = case_files.body(name)["case"]
    change(case)
    assert sentence in changes(case_files.facts(name), case_files.folded(case))


def test_an_added_alert_is_told_with_its_modality_and_time() -> None:
    case = case_files.body("02")["case"]
    case["alerts"].append({**case["alerts"][0], "id": "AL2", "t": "2026-06-09T12:30:00-06:00"})
    assert "Added: alert AL2 (TcMEP, 12:30)" in changes(case_files.facts("02"), case_files.folded(case))


# Any record


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(case_files.NAMES), st.data())
def test_any_record_with_holes_is_written_without_none_and_without_inventing(name: str, data: st.DataObject) -> None:
    case = case_files.body(name)["case"]
    holes = data.draw(st.integers(1, 12))
    for _ in range(holes):
        _poke(case, data)
    facts = msgspec.convert(case, c.Facts)
    report = draft(facts)
    text = as_text(report)
    assert not re.search(r"\bNone\b(?!\.)", text)
    assert "  ;" not in text and "()" not in text
    known = set(TOKEN.findall(case_files.raw(name))) | set(TOKEN.findall(case_files.report(name)))
    numbers = {token for token in TOKEN.findall(body_of(text)) if re.fullmatch(r"\d+\.\d+", token)}
    assert numbers <= known
    assert changes(facts, facts) == []


NEEDED = {"id", "tz", "status", "record_rev", "name", "modality", "code", "ref", "stim_ref", "who", "type", "mode", "text", "by",
          "physician", "frm", "to", "kind", "recorded", "schema", "facility", "patient", "procedure", "header", "staff"}  # fmt: skip


def _poke(case: dict[str, Any], data: st.DataObject) -> None:
    """Makes one value somewhere in the case null, or one list empty."""
    spots = []

    def walk(value: Any) -> None:
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(item, dict | list):
                walk(item)
            if isinstance(value, dict) and key not in NEEDED and not isinstance(item, dict):
                spots.append((value, key, [] if isinstance(item, list) else None))

    walk(case)
    where, key, value = data.draw(st.sampled_from(spots))
    if where is not case.get("alert_criteria"):
        where[key] = value


def test_words_of_a_file_become_whole_sentences_that_the_checker_reads():
    body = case_files.body("02")
    case, alert = body["case"], body["case"]["alerts"][0]
    case["baselines"]["sets"][0]["label"] = "after positioning"
    case["physician_log"][0]["notes"].append({"by": "P2", "t": "2026-06-09T09:00:00-06:00", "text": "Stable."})
    alert["unchanged"] = "right leg TcMEP and all SSEP"
    alert["surgical_context"] = "Rod rotation"
    case["closing"]["rows"][0] = {"ref": "BL1", "status": "at_baseline"}
    facts = case_files.folded(case)
    text = as_text(draft(facts))
    for words in ("After positioning baselines", "right leg TcMEP and all SSEP unchanged.", "during rod rotation,"):
        assert words in text
    assert "at_baseline" not in text
    assert check(text, facts).findings == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("left BAEP", "left BAEP unchanged"),
        ("all SSEP preserved", "all SSEP preserved"),
        ("no other change", "no other change"),
        ("SSEP at baseline.", "SSEP at baseline."),
    ],
)
def test_what_did_not_change_is_said_to_be_unchanged(text, said):
    assert wording.unchanged(text) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Decompression at C5-C6", "decompression at C5-C6"),
        ("Cerebellar retraction", "cerebellar retraction"),
        ("Harrington rod removal", "Harrington rod removal"),
        ("T7 debulking", "T7 debulking"),
        ("L5 pedicle screw", "L5 pedicle screw"),
    ],
)
def test_a_context_in_the_middle_of_a_sentence_keeps_the_capital_of_a_name_alone(text, said):
    assert wording.within(text) == said
