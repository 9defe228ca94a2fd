"""Accepted wordings on a draft: they find their sentences, and fall away when the facts change."""

from __future__ import annotations

import msgspec

from practice.drafting import draft, signable_text
from practice.rewording import Wording, applied, differing, key, reworded, runs
from tests.practice import case_files

FACTS = case_files.facts("02")
REPORT = draft(FACTS)
SAID = REPORT.sections[-1].blocks[0].sentences


def worded(text: str, start: int, end: int, author: str = "model") -> Wording:
    return Wording("impression", key("impression", SAID[start:end]), text, author)


def test_two_wordings_are_marked_where_they_differ():
    old, new = differing("Action taken: rod released.", "The action taken was rod released.")
    assert old == [(True, "Action taken:"), (False, "rod released.")]
    assert new == [(True, "The action taken was"), (False, "rod released.")]
    assert differing("", "All new.") == ([], [(True, "All new.")])


def test_a_wording_stands_for_its_sentences_with_their_sources():
    told = reworded(REPORT, [worded("Both in one.", 2, 4)]).sections[-1].blocks[0].sentences
    assert [one.text for one in told] == [
        *(one.text for one in SAID[:2]),
        "Both in one.",
        *(one.text for one in SAID[4:]),
    ]
    assert set(told[2].sources) == {src for one in SAID[2:4] for src in one.sources}
    assert told[2].author == "model"


def test_the_text_that_is_signed_says_that_a_model_had_a_part():
    assert "(no AI)" in signable_text(REPORT)
    assert "built-in writer and AI" in signable_text(reworded(REPORT, [worded("Other.", 2, 3)]))
    assert "(no AI)" in signable_text(reworded(REPORT, [worded("Other.", 2, 3, "physician")]))


def test_the_newest_wins_where_two_overlap():
    told = applied(REPORT, [worded("New.", 2, 4), worded("Old.", 3, 4)])
    assert [one.text for one in told] == ["New."]


def test_a_changed_fact_brings_the_built_in_sentence_back():
    alert = msgspec.structs.replace(FACTS.alerts[0], cause_suspected="hypotension")
    changed = draft(msgspec.structs.replace(FACTS, alerts=(alert,)))
    wordings = [worded("Other.", 2, 3), worded("Done.", 3, 4)]
    assert [one.text for one in applied(REPORT, wordings)] == ["Other.", "Done."]
    assert [one.text for one in applied(changed, wordings)] == ["Done."]


def test_a_corrected_entry_with_the_same_words_is_another_fact():
    alert = msgspec.structs.replace(FACTS.alerts[0], src="another-entry")
    assert applied(draft(msgspec.structs.replace(FACTS, alerts=(alert,))), [worded("Other.", 2, 3)]) == []


def test_tables_and_times_are_in_no_run():
    assert {run.section for run in runs(REPORT)} == {"key_result", "alerts", "impression"}


def test_no_wording_leaves_the_draft_as_it_is():
    assert reworded(REPORT, []) is REPORT
