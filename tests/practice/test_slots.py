"""What a model answers is weighed: a wrong number, side, site, order or word is impossible or refused."""

from __future__ import annotations

import json
import random

import pytest

from practice import factsheet, slots
from practice.drafting import draft
from practice.rewording import reworded
from tests.openai_server import echo
from tests.practice import case_files

FACTS = case_files.facts("02")
SHEET = factsheet.sheet(FACTS)
REPORT = draft(FACTS)
BY_ID = {fact.id: fact for fact in SHEET.facts}


def said(text: str, *cites: str) -> list[str]:
    return slots.objections(slots.Said(text, list(cites)), [BY_ID[one] for one in cites])


def answer(*sentences: tuple[str, str, list[str]]) -> str:
    blocks: dict[str, list] = {}
    for name, text, cites in sentences:
        blocks.setdefault(name, []).append({"text": text, "cites": cites})
    return json.dumps({"blocks": [{"name": name, "sentences": told} for name, told in blocks.items()]})


def asked(*answers: str, number: str = "02") -> tuple[slots.Polished, list]:
    """What comes of these answers, the last one repeated, and the conversations that were sent."""
    facts = case_files.facts(number)
    talks = []

    def ask(talk):
        talks.append(talk)
        return answers[min(len(talks), len(answers)) - 1]

    report = draft(facts)
    return slots.polish(factsheet.sheet(facts, report), report, ask, slots.judge(facts, report)), talks


def test_a_faithful_wording_passes():
    assert said("The suspected cause was {I3.note}.", "I3") == []
    assert (
        said(
            "The {I2.modality} alert ({I2.alert}) occurred at {I2.time} during {I2.note}: {I2.finding}; {I2.finding2}.",
            "I2",
        )
        == []
    )
    assert (
        said("The suspected cause was {I3.note} and the action taken was {I4.note} and {I4.note2}.", "I3", "I4") == []
    )


@pytest.mark.parametrize(
    "text",
    [
        "The suspected cause was {I3.note} at 11:42.",
        "The suspected cause was left {I3.note}.",
        "The suspected cause was {I3.note} in the SSEP.",
        "The suspected cause was {I3.note} of the tibialis anterior.",
        "The cause was {I3.note}.",
        "The suspected cause was not {I3.note}.",
        "Before that the suspected cause was {I3.note}.",
        "The suspected cause was {I3.note} {I3.note}.",
        "The suspected cause was {I4.note}.",
        "The suspected cause was.",
        "The suspected cause was {I3.nothing}.",
        "The suspected cause was {I3.note}",
        "The suspected cause was {I3.note}. It was noted.",
        "The suspected cause was {I3.note}.\n",
        "The suspected cause was <b>{I3.note}</b>.",
        "The suspected cause was ![x](http://evil/{I3.note}).",
        "La causa fue {I3.note}.",
        "The suspected cause was {I3.note} by Dr Smith.",
        "",
    ],
)
def test_what_the_fact_does_not_say_is_refused(text):
    assert said(text, "I3")


@pytest.mark.parametrize("cites", [("I2", "I4"), ("I3", "I2"), ("K1", "I1")])
def test_facts_that_do_not_follow_each_other_are_not_joined(cites):
    text = " and ".join(BY_ID[one].text.rstrip(".") for one in cites) + "."
    assert "It joins facts that do not follow each other." in said(text, *cites)


@pytest.mark.parametrize("name", case_files.NAMES)
def test_every_built_in_sentence_passes_its_own_rules(name):
    facts = case_files.facts(name)
    for fact in factsheet.sheet(facts).facts:
        assert slots.objections(slots.Said(fact.text, [fact.id]), [fact]) == []


@pytest.mark.parametrize("name", case_files.NAMES)
def test_a_faithful_answer_is_proposed_whole_and_the_checker_finds_nothing(name):
    """Red false alarms on faithful slot-mode sentences: none (report-and-phone.md 3.5)."""
    facts = case_files.facts(name)
    report = draft(facts)
    sheet = factsheet.sheet(facts, report)
    polished = slots.polish(sheet, report, lambda talk: echo({"messages": talk}), slots.judge(facts, report))
    assert not polished.note
    assert [one.reason for one in polished.suggestions if one.reason] == []
    assert len(polished.replies) == 1, "nothing had to be repaired"
    told = reworded(report, polished.wordings)
    assert set(slots.judge(facts, report)(told)) <= set(slots.judge(facts, report)(report))


def test_every_slot_swapped_for_another_is_refused():
    """A value where another belongs: no sentence with a foreign slot, a doubled or a missing one gets through."""
    names = [slot.name for fact in SHEET.facts for slot in fact.slots]
    rng = random.Random(7)
    tried = 0
    for fact in SHEET.facts:
        for slot in fact.slots:
            for other in rng.sample(names, 12):
                text = fact.text.replace(f"{{{slot.name}}}", f"{{{other}}}")
                if text != fact.text:
                    tried += 1
                    assert said(text, fact.id), text
    assert tried > 300


def test_two_values_of_a_fact_turned_round_are_refused():
    fact = BY_ID["I2"]
    text = fact.text.replace("{I2.finding}", "{x}").replace("{I2.time}", "{I2.finding}").replace("{x}", "{I2.time}")
    polished, _ = asked(answer(("impression", text, ["I2"])))
    assert not [one for one in polished.suggestions if one.text]


def test_a_word_does_not_go_over_to_another_fact():
    text = "The cause was {I3.note} and the suspected action taken was {I4.note} and {I4.note2}."
    assert said(text, "I3", "I4")
    text = "The suspected cause was {I3.note} and {I4.note} and the action taken was {I4.note2}."
    assert said(text, "I3", "I4")


def test_a_sentence_that_fails_is_asked_for_once_more_with_the_reasons():
    bad = answer(("impression", "The suspected cause was left {I3.note}.", ["I3"]))
    good = answer(("impression", "The suspected cause was {I3.note}.", ["I3"]))
    polished, talks = asked(bad, good)
    assert len(talks) == 2
    assert "It names a side" in talks[1][-1]["content"]
    assert [one.text for one in polished.suggestions if one.text] == [
        "The suspected cause was corrective maneuver with relative hypotension (MAP 62 mmHg)."
    ]


def test_what_fails_twice_keeps_its_built_in_words_and_says_why():
    bad = answer(("impression", "The suspected cause was left {I3.note}.", ["I3"]))
    polished, talks = asked(bad)
    assert len(talks) == 2, "one repair at most"
    kept = next(one for one in polished.suggestions if one.built_in.startswith("Suspected cause"))
    assert kept.text == ""
    assert "side" in kept.reason
    left_out = next(one for one in polished.suggestions if one.built_in.startswith("Action taken"))
    assert left_out.reason == "The model left it out."


def test_every_built_in_sentence_is_told_once_whatever_the_answer():
    for raw in (echo({"messages": factsheet.messages(SHEET)}), answer(), answer(("key_result", "x", ["K1"]))):
        polished, _ = asked(raw)
        assert " ".join(one.built_in for one in polished.suggestions) == " ".join(fact.says for fact in SHEET.facts)


@pytest.mark.parametrize(
    "raw",
    ["", "Sure", "{", '{"blocks": [', "[]", "{}", "null", '{"blocks": {}}', '{"blocks": [{"name": 3, "sentences": []}]}', "{" * 5000 + "}" * 5000, "x" * 100_000, '{"blocks": [{"name": "a", "sentences": [{"text": ["x"], "cites": []}]}]}'],
)  # fmt: skip
def test_an_answer_in_another_form_is_asked_for_once_more_and_then_given_up(raw):
    polished, talks = asked(raw)
    assert len(talks) == 2
    assert polished.suggestions == ()
    assert polished.note


def test_words_and_fields_around_the_json_are_dropped():
    good = json.loads(answer(("impression", "The suspected cause was {I3.note}.", ["I3"])))
    good["thoughts"] = "no alerts happened"
    polished, _ = asked(f"Here you are:\n```json\n{json.dumps(good)}\n``` Anything else?")
    assert len([one for one in polished.suggestions if one.text]) == 1
    assert "no alerts happened" not in str(polished.suggestions)


def test_a_fact_told_twice_stands_once():
    raw = answer(
        ("impression", "The suspected cause was {I3.note}.", ["I3"]), ("impression", "There was a suspected cause: {I3.note}.", ["I3"])
    )  # fmt: skip
    polished, _ = asked(raw)
    assert [one.text[:21] for one in polished.suggestions if one.text] == ["The suspected cause w"]
