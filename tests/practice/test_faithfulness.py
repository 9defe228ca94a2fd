"""The faithfulness check: nothing false passes, nothing of the built-in writer's is found, and every finding can be mended."""

from __future__ import annotations

import tomllib
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from practice import cases as c
from practice.drafting import as_json, as_text, draft, signable_text
from practice.faithfulness import Checked, Checker, Finding, check, printed
from practice.faithfulness.words import NEUTRAL, RELATIONS, VOCABULARY
from practice.report import impression
from tests.practice import case_files, mutants, odd_records, paraphrases

ERRORS = tomllib.loads((Path(__file__).parent / "relation_errors.toml").read_text("utf-8"))["wrong"]
RELATION_ERRORS = [(group["case"], text) for group in ERRORS for text in group["texts"]]
HOSTILE = tomllib.loads((Path(__file__).parent / "hostile_errors.toml").read_text("utf-8"))
SENTENCES = [(group["case"], text, group["red"]) for group in HOSTILE["sentence"] for text in group["texts"]]
CHANGES = [(group["case"], old, new) for group in HOSTILE["change"] for old, new in group["pairs"]]
RECORDS = 40
"""Generated records in a test run; the benchmark takes 500."""


def text_of(name: str) -> str:
    return as_text(draft(case_files.facts(name)))


def changed(name: str, old: str, new: str) -> Checked:
    text = text_of(name)
    assert old in text
    return check(text.replace(old, new, 1), case_files.facts(name), builtin=draft(case_files.facts(name)))


def at_place(checked: Checked, words: str) -> list[Finding]:
    return [one for one in checked.findings if one.kind != "omission" and words in checked.text[one.start : one.end]]


def in_impression(name: str, sentence: str) -> list[Finding]:
    """What is found in a sentence put at the end of the impression."""
    lines = text_of(name).split("\n")
    at = next(place for place, line in enumerate(lines) if line.startswith("11. Impression")) + 1
    start = sum(len(line) + 1 for line in lines[:at]) + len(lines[at])
    lines[at] += " " + sentence
    found = checker(name).check("\n".join(lines)).findings
    return [
        one for one in found if one.kind != "omission" and one.start >= start and one.end <= start + len(sentence) + 1
    ]


CHECKERS: dict[str, Checker] = {}


def checker(name: str) -> Checker:
    return CHECKERS.setdefault(name, Checker(case_files.facts(name)))


# What is true


@pytest.mark.parametrize("name", case_files.NAMES)
def test_the_built_in_report_has_no_findings(name: str) -> None:
    facts = case_files.facts(name)
    for text in (as_text(draft(facts)), signable_text(draft(facts)), as_json(draft(facts)), draft(facts)):
        assert check(text, facts).findings == ()


GAPS = [
    ("01", "record_rev", 0),
    ("01", "modalities.2.stim_v.0", None),
    ("01", "modalities.2.stim_v.1", None),
    ("02", "alerts.0.rows.0.ref", None),
    ("03", "baselines.rows.2.side", None),
    ("05", "baselines.rows.4.side", None),
    ("05", "baselines.rows.5.side", None),
    ("05", "baselines.rows.6.side", None),
    ("05", "alerts.0.rows.0.ref", None),
    ("07", "baselines.rows.0.side", None),
    ("08", "staff.technologists.0.cred", None),
    ("08", "baselines.sets.1.start", None),
    ("08", "baselines.sets.1.end", None),
]


@pytest.mark.parametrize(("name", "path", "value"), GAPS)
def test_one_value_more_that_is_missing_is_no_finding(name: str, path: str, value: object) -> None:
    case = place = case_files.body(name)["case"]
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in steps:
        place = place[step]
    place[last] = value
    facts = case_files.folded(case)
    assert check(as_text(draft(facts)), facts).findings == ()


def test_words_that_are_missing_have_the_records_reason() -> None:
    case = case_files.body("08")["case"]
    case["alerts"][0]["rows"][0] |= {"text": None, "missing_reason": "machine failed"}
    case["events"][0]["missing_reason"] = "machine failed"
    facts = case_files.folded(case)
    assert check(as_text(draft(facts)), facts).findings == ()


def test_a_technologist_without_a_credential_does_not_get_the_next_ones() -> None:
    case = case_files.body("08")["case"]
    case["staff"]["technologists"][0]["cred"] = None
    facts = case_files.folded(case)
    text = as_text(draft(facts))
    assert "Priya Nand, [not recorded] and Marcus Bell, CNIM" in text
    assert check(text.replace(", [not recorded] and", " and"), facts).red


def test_no_made_up_record_has_findings_on_its_built_in_report() -> None:
    for seed in range(60):
        facts = mutants.record(seed)
        assert check(draft(facts), facts).findings == (), seed


@pytest.mark.parametrize("start", range(0, 80, 20))
def test_no_odd_record_has_findings_on_its_built_in_report(start: int) -> None:
    for seed in range(start, start + 20):
        if facts := odd_records.record_of(seed):
            assert check(draft(facts), facts).findings == (), seed


@pytest.mark.parametrize("name", ["01", "02", "03"])
def test_the_expected_reports_written_by_others_have_no_red_findings_but_what_they_leave_out(name: str) -> None:
    found = check(case_files.report(name), case_files.facts(name)).findings
    assert [one for one in found if one.grade == "red" and one.kind not in ("omission", "stale")] == []


def test_a_physicians_own_impression_is_quoted_data() -> None:
    note = c.SignedNote(
        by="P2",
        t=datetime(2026, 6, 9, 20, 30, tzinfo=UTC),
        text="Recovered fully;\nno concern because the change was brief.",
        src="i1",
    )
    facts = msgspec.structs.replace(case_files.facts("02"), impression=note)
    assert check(draft(facts), facts).findings == ()
    assert check(as_text(draft(facts)).replace("no concern", "some concern"), facts).red


def test_faithful_sentences_in_slots_are_not_red() -> None:
    total, red = Counter(), Counter()
    for name in case_files.NAMES:
        for kind, sentences in (("slots", paraphrases.sentences), ("other", paraphrases.others)):
            for sentence in sentences(case_files.facts(name)):
                total[kind] += 1
                red[kind] += any(one.grade == "red" for one in in_impression(name, sentence))
    assert total["slots"] >= 100 and total["other"] >= 100
    assert red["slots"] <= total["slots"] * 0.01
    assert red["other"] <= total["other"] * 0.01


@pytest.mark.parametrize("said", [
    "Reviewed: No change met the alert criteria listed in section 2.", "Overall, no alerts were called.", "On review - no alerts were called.",
    "Reviewed: At closing (09:58) all recorded responses were at baseline.",
])  # fmt: skip
def test_a_persons_own_word_before_a_true_sentence_asks_for_plainer_words_only(said: str) -> None:
    assert {one.grade for one in in_impression("01", said)} == {"amber"}


@pytest.mark.parametrize("said", [
    "Denied: No alerts.", "False: No alerts were called.", "Before closing: No alerts.", "Closing: No alerts.", "Left side: No alerts.",
    "SSEP: No alerts.", "Reviewed: One alert was called.", "Reviewed: No bleeding occurred.", "Reviewed: no alerts were missed.",
    "Reviewed no alerts.", "Nothing: No alerts were called.", "Reviewed: At closing (09:59) all recorded responses were at baseline.",
])  # fmt: skip
def test_no_word_before_a_sentence_makes_it_true(said: str) -> None:
    assert any(one.grade == "red" for one in in_impression("01", said))


@pytest.mark.parametrize(("name", "said"), [
    ("01", "No myelopathic signs."), ("01", "Decreased sensation right C7."), ("01", "The physician connected at 07:22 and disconnected at 10:08."),
    ("01", "At 07:22 the physician connected and at 10:08 disconnected."), ("02", "Phenylephrine was given to raise MAP."),
    ("02", "Electrodes were removed at 13:44."), ("01", "Baselines were reviewed by the physician at 07:43."),
])  # fmt: skip
def test_a_piece_of_the_record_may_be_told_by_itself(name: str, said: str) -> None:
    assert in_impression(name, said) == []


def test_a_word_changed_in_a_table_is_red_for_a_table_is_nobodys_to_word() -> None:
    assert changed("01", "97% of baseline", "97% of baseline, delayed").red


def test_a_finding_within_words_of_another_fact_stands_at_its_place() -> None:
    [found] = [one for one in in_impression("02", "Closing started at 13:20.") if one.grade == "red"]
    assert (found.text, found.mend) == ("13:20", "13:05")


# What is false


def test_every_mutant_is_caught() -> None:
    made, missed, amber = Counter(), [], []
    others = mutants.other_texts()
    for seed, facts in enumerate([*map(case_files.facts, case_files.NAMES), *map(mutants.record, range(RECORDS))]):
        one = Checker(facts)
        for mutant in mutants.Maker(facts, others, seed).some(20 if seed < len(case_files.NAMES) else 6):
            made[mutant.kind] += 1
            checked = one.check(mutant.text)
            if not checked.findings:
                missed.append((seed, mutant.kind, mutant.before, mutant.after))
            elif mutant.red and not checked.red:
                amber.append((seed, mutant.kind, mutant.before, mutant.after))
    assert missed == [] and amber == []
    assert sum(made.values()) >= 5000 and len(made) >= 15, made


@pytest.mark.parametrize(("name", "sentence"), RELATION_ERRORS, ids=[text for _, text in RELATION_ERRORS])
def test_an_error_made_of_the_records_own_words_is_found(name: str, sentence: str) -> None:
    assert in_impression(name, sentence)


@pytest.mark.parametrize(("name", "sentence", "red"), SENTENCES, ids=[text for _, text, _ in SENTENCES])
def test_a_hostile_sentence_is_found(name: str, sentence: str, red: bool) -> None:
    found = in_impression(name, sentence)
    assert found and (not red or sentence in AMBER or any(one.grade == "red" for one in found))


@pytest.mark.parametrize(("name", "old", "new"), CHANGES, ids=[f"{old} -> {new}" for _, old, new in CHANGES])
def test_a_hostile_change_is_found(name: str, old: str, new: str) -> None:
    text = text_of(name)
    assert old in text
    assert checker(name).check(text.replace(old, new, 1)).findings


AMBER = {
    "The alert was on the right side.", "Priya Nand, CNIM, interpreted the study.", "The patient moves both hands to command.",
    "RTA 900 to 162 µV.", "The right posterior tibial SSEP was at baseline at closing.", "The left S1 pedicle screw was redirected.",
}  # fmt: skip
"""Found by a word that the record does not have, not by a value."""

WRONG: list[tuple[str, str, str, str]] = [
    ("02", "resolved at 12:05", "resolved at 11:43", "11:43"),
    ("02", "(82% decrease)", "(82% increase)", "increase"),
    ("02", "900 to 162 µV", "162 to 900 µV", "900"),
    ("02", "900 to 162 µV", "900 to 154 µV", "154"),
    ("02", "900 to 162 µV", "900 to 162 mV", "mV"),
    ("02", "surgeon 11:43 (verbal)", "surgeon 11:43 (chat)", "chat"),
    ("02", "11:44 surgeon: correction released", "11:44 anesthesia: correction released", ""),
    ("02", "propofol 150 mcg/kg/min", "propofol 0.25 mcg/kg/min", "0.25"),
    ("02", "right leg TcMEP, bilateral hand", "left leg TcMEP, bilateral hand", "left"),
    ("03", "left L5 pedicle screw threshold 6.2", "right L5 pedicle screw threshold 6.2", ""),
    ("05", "from Samuel Ortega, MD to Elena Marsh, MD", "from Elena Marsh, MD to Samuel Ortega, MD", "Samuel"),
    ("05", "UNRESOLVED at last test", "resolved at", "resolved"),
    ("05", "not all responses were at baseline", "all recorded responses were at baseline", "all"),
    ("08", "time [not recorded]", "time 12:25", "12:25"),
    ("01", "Jordan Pruitt, CNIM", "Jordan Pruitt, R.N.", ""),
    ("01", "Sex F", "Sex M", "Sex M"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "old", "new", "words"), WRONG, ids=[new for _, _, new, _ in WRONG])
def test_a_wrong_value_is_red_at_its_place(name: str, old: str, new: str, words: str) -> None:
    checked = changed(name, old, new)
    assert any(one.grade == "red" for one in at_place(checked, words))


def test_a_wrong_time_names_the_records_value_and_its_entry() -> None:
    found = next(
        one for one in changed("02", "; resolved at 12:05", "; resolved at 12:50").findings if one.text == "12:50"
    )
    assert (found.grade, found.kind, found.mend) == ("red", "contradiction", "12:05")
    assert found.sources[0] == case_files.facts("02").alerts[0].resolution.src


def test_a_relation_word_is_amber_with_a_built_in_sentence_to_take() -> None:
    checked = changed("02", "The change resolved at 12:05.", "The change resolved only at 12:05.")
    found = at_place(checked, "only")
    assert [one.grade for one in found] == ["amber"] and "resolved" in found[0].mend
    assert not checked.red


@pytest.mark.parametrize(
    ("words", "say"),
    [("Signals were stable throughout.", "throughout"), ("The alert was due to traction.", "suspected"), ("The technologist informed the surgeon.", "was informed"), ("There is no new deficit.", "examination")],
)  # fmt: skip
def test_a_banned_phrase_is_red(words: str, say: str) -> None:
    found = [one for one in in_impression("02", words) if one.kind == "banned"]
    assert found and say in found[0].message


# What is left out


@pytest.mark.parametrize("slot", ["Finding", "Suspected cause", "Communicated to", "Action", "Resolution", "Physician"])
def test_a_slot_of_an_alert_left_out_is_red(slot: str) -> None:
    lines = [line for line in text_of("02").split("\n") if not line.startswith(f"- {slot}: ")]
    found = check("\n".join(lines), case_files.facts("02"), builtin=draft(case_files.facts("02"))).findings
    assert any(one.kind == "omission" and one.section == "alerts" and one.grade == "red" for one in found)


def test_a_missing_value_left_out_of_the_limitations_is_red() -> None:
    text = text_of("08").replace("- AL1 time of resolution: [not recorded].\n", "")
    found = [one for one in check(text, case_files.facts("08")).findings if one.kind == "omission"]
    assert [one.section for one in found] == ["limitations"] and "AL1 time of resolution" in found[0].message


def test_a_text_of_an_older_record_is_stale() -> None:
    old = draft(case_files.facts("02"))
    case = case_files.body("02")["case"]
    case["events"][2]["text"] = "Pedicle screw placement begun"
    facts = case_files.folded(case)
    for text in (old, as_json(old), as_text(old)):
        assert any(one.kind == "stale" and one.grade == "red" for one in check(text, facts).findings)


# What the page needs


@pytest.mark.parametrize("name", case_files.NAMES)
def test_every_number_time_and_side_of_an_alert_shows_its_entries(name: str) -> None:
    facts = case_files.facts(name)
    checked = check(text_of(name), facts)
    shown = {checked.text[one.start : one.end] for one in checked.supported}
    known = {part.src for part in sources(facts)} | {"header", "time", "record", *facts.time.moments.values()}
    assert all(set(one.sources) <= known for one in checked.supported)
    for alert in case_files.facts(name).alerts:
        assert alert.id in shown
        assert {"left", "right"} & shown


def sources(value: Any) -> list[Any]:
    found = [value] if hasattr(value, "src") else []
    if isinstance(value, msgspec.Struct):
        for field in value.__struct_fields__:
            found += sources(getattr(value, field))
    elif isinstance(value, tuple):
        for item in value:
            found += sources(item)
    return found


def test_findings_lie_within_the_text_and_are_sorted() -> None:
    checked = changed("02", "left", "right")
    assert [one.start for one in checked.findings] == sorted(one.start for one in checked.findings)
    assert all(0 <= one.start <= one.end <= len(checked.text) for one in checked.findings)


def test_the_command_exits_with_2_when_there_is_red() -> None:
    facts = case_files.facts("02")
    body, code = printed(as_json(draft(facts)), facts)
    assert (msgspec.json.decode(body), code) == ({"red": False, "findings": []}, 0)
    body, code = printed(text_of("02").replace("12:05", "12:06").encode(), facts)
    assert code == 2 and msgspec.json.decode(body)["findings"][0]["grade"] == "red"


@pytest.mark.parametrize(
    "text", ["", "\n\n", "{", "{}", "\x00\ufffd", "AL1", "12:05 " * 500, "- - -\n- - -", "[not recorded] " * 50]
)
def test_rubbish_is_found_and_breaks_nothing(text: str) -> None:
    assert check(text, case_files.facts("02")).red


def test_a_check_while_typing_reads_only_the_line_that_changed() -> None:
    one, text, read = Checker(case_files.facts("05")), text_of("05"), []
    one.check(text)
    reader = one.reader.read
    one.reader.read = lambda line, state: read.append(line) or reader(line, state)
    for number in range(5):
        one.check(text.replace("norepinephrine started and", f"norepinephrine started {number} and"))
    assert len(read) == 5 and all("norepinephrine started" in line for line in read)


# The vocabulary


def test_no_relation_word_is_neutral_or_said_of_a_fact() -> None:
    assert not RELATIONS & NEUTRAL
    for kind, words in VOCABULARY["said"].items():
        if kind not in ("title", "columns"):
            assert not RELATIONS & set(words.split()), kind


@pytest.mark.parametrize("name", case_files.NAMES)
def test_an_impression_kept_as_it_was_drafted_leaves_every_other_sentence_true(name: str) -> None:
    """The impression repeats what other sections say; its words are a free text there and claims here."""
    facts = case_files.facts(name)
    by = facts.staff.physicians[0].id
    said = msgspec.structs.replace(
        facts, impression=c.SignedNote(by=by, t=facts.time.segments[-1].end, text=impression(draft(facts)), src="kept")
    )
    assert check(signable_text(draft(said)), said, builtin=draft(said)).findings == ()
