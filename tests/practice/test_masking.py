"""Nobody is named outside: known names, unknown names, numbers, dates and places all stay in the house."""

from __future__ import annotations

import random
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from practice import factsheet
from practice.cases import Facts
from practice.masking import WORDS, Mask, identifiers
from tests.practice import case_files
from tests.practice.made_cases import made

CANARIES = (
    "Wendeline Okonkwo-Brandt", "dr. zubrowski", "ZUBROWSKI", "Søren Ångström", "Иванова", "Mr. Fitzwhistle", "nurse Quillfeather",
    "MRN 88412096", "884-12-0967", "DOB 4/17/1961", "1961-04-17", "17 April 1961", "Apr 17", "04/17", "555-0187", "(312) 555-0187",
    "quill@example.net", "https://example.net/p?id=7", "Bed 14B", "room 1207", "acct A-99812", "Northgate Mercy", "Rod", "Brooks", "61yo",
)  # fmt: skip
NOTES = (
    "correction released, {} informed", "{}: MAP 62 mmHg", "screw redirected per {}", "{}", "spoke to {} and {} at closing",
    "phenylephrine given ({}) to raise MAP", "per {}; TcMEP left tibialis anterior absent", "L5 pedicle screw, {}, 6.2 mA",
)  # fmt: skip


def letters(text: str) -> set[str]:
    return {one.lower() for one in re.findall(r"[^\W\d_]{2,}|\d{2,}", text)}


def private(canary: str) -> set[str]:
    """The parts of a canary that tell something: not 'room' or 'nurse'."""
    titled = {one.lower() for one in re.findall(r"(?<!^)\b[A-Z][a-z]+|^Rod$|^Brooks$", canary)}
    return {one for one in letters(canary) if one not in WORDS["note"] or one in titled}


def with_notes(rng: random.Random) -> tuple[Facts, set[str]]:
    """A case with every free-text field holding made-up notes, and what must not leave of them."""
    secrets: set[str] = set()

    def note() -> str:
        text = rng.choice(NOTES)
        for _ in range(text.count("{}")):
            canary = rng.choice(CANARIES)
            secrets.update(private(canary))
            text = text.replace("{}", canary, 1)
        return text

    body = case_files.body("05")["case"]
    for alert in body["alerts"]:
        alert |= {"surgical_context": note(), "cause_suspected": note(), "unchanged": note(), "criterion": note()}
        alert["md_note"]["text"] = note()
        alert["rows"][0]["text"] = note()
        for act in alert["actions"]:
            act["text"] = note()
    for event in body["events"]:
        event["text"] = note()
    body["closing"]["postop_exam"] |= {"text": note(), "by": note()[:100]}
    body["header"]["preop_exam"] = note()
    body["baselines"]["rows"][0]["site"] = note()[:100]
    return case_files.folded(body), secrets


def request(facts: Facts) -> str:
    return msgspec.json.encode(factsheet.request(factsheet.sheet(facts), "m")).decode()


@pytest.mark.parametrize("number", range(25))
def test_no_canary_of_made_up_notes_leaves(number):
    """Some 20 notes a case, so 500 in all; the target is 0 of 200 (reliability.md, T19)."""
    facts, secrets = with_notes(random.Random(number))
    sent = [slot.sent for fact in factsheet.sheet(facts).facts for slot in fact.slots]
    assert len(secrets) > 10
    assert not secrets & letters(" ".join(sent))
    assert factsheet.held_back(facts, factsheet.sheet(facts)) == []


@pytest.mark.parametrize("name", case_files.NAMES)
def test_no_identifier_of_a_case_file_is_in_the_request(name):
    facts = case_files.facts(name)
    sent = letters(request(facts))
    known = {word for text in identifiers(facts) for word in letters(text) if word.isalpha() or len(word) > 3}
    assert len(known) > 8
    assert not (known & sent) - letters(factsheet.INSTRUCTIONS)
    for secret in (facts.header.patient.mrn, facts.header.patient.name, facts.header.facility.name, facts.tz):
        assert secret not in request(facts)


@pytest.mark.parametrize("name", case_files.NAMES)
def test_no_date_and_no_clock_time_is_in_the_request(name):
    text = request(case_files.facts(name))
    assert not re.search(r"\d{4}-\d\d-\d\d|\b\d{1,2}/\d{1,2}\b|\b\d{1,2}:\d\d\b", text)


def test_a_known_name_is_found_however_it_is_typed():
    mask = Mask(made(header__patient={"name": "ÅNGSTRÖM-LEE, ROD", "mrn": "SYN-1"}, header__surgeon="Sam Sato, MD"))
    said = mask.note("rod angstrom, SATO and Ångström; Lee's arm; syn-1, rod rotation")
    assert not {"rod", "sato", "angstrom", "lee", "syn"} & letters(said.replace("[PATIENT]", ""))
    assert "[PATIENT]" in said
    assert "[SURGEON]" in said


def test_a_name_that_is_also_a_word_is_masked_in_notes_and_the_request_still_leaves():
    facts = case_files.facts("02")
    header = msgspec.structs.replace(
        facts.header, patient=msgspec.structs.replace(facts.header.patient, name="CHANGE, ROD")
    )
    named = msgspec.structs.replace(facts, header=header)
    sheet = factsheet.sheet(named)
    assert factsheet.held_back(named, sheet) == []
    assert not [slot for fact in sheet.facts for slot in fact.slots if "rod" in letters(slot.sent)]


def test_what_is_plain_stays_readable():
    mask = Mask(made())
    said = "corrective maneuver with relative hypotension (MAP 62 mmHg)"
    assert mask.note(said) == said
    assert mask.note("left L5 pedicle screw, C5-C6 disc") == "left L5 pedicle screw, C5-C6 disc"


@given(st.text(max_size=60))
def test_masked_twice_is_masked_once(text):
    mask = Mask(made())
    once = mask.note(text)
    assert mask.note(once) == once


@given(st.from_regex(r"[A-Z][a-z]{2,9} [A-Z][a-z]{3,12}", fullmatch=True))
def test_a_name_that_nobody_knows_does_not_leave(name):
    """Capitals within a sentence are a name, even when the word is plain."""
    said = Mask(made()).note(f"screw redirected by {name} today")
    assert not set(re.findall(r"[a-z]+", name.lower())) & letters(said.replace("screw redirected by", ""))
