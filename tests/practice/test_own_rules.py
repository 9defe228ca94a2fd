"""The practice's own rules: what can be asked, how it is compared, and what happens when it is not known."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from msgspec.structs import replace

from practice import own_rules
from practice.own_rules import COMPARISONS, PROPERTIES, Condition, OwnRule, Subject
from tests.practice.made_scrub import claimed, clean, whole


def subject(**changes: Any) -> Subject:
    known = {"payer": "Acme PPO", "pos": "21", "charge": lambda: 390000, "expected": lambda: 120050}
    return Subject(**{"case": claimed(), **known, **changes})


def rule(*conditions: tuple[str, str, str], then: str = "hold") -> OwnRule:
    return OwnRule(
        number=4, name="Acme spine", then=then, message="Ask Ann first.", conditions=tuple(Condition(*one) for one in conditions)
    )  # fmt: skip


def outcome(*conditions: tuple[str, str, str], of: Subject | None = None) -> str:
    return own_rules.judge(rule(*conditions), of or subject()).outcome


# The catalogue


def test_every_property_is_read_from_a_whole_claim_as_its_kind() -> None:
    kinds = {"money": int, "minutes": int, "number": int, "yesno": bool, "choice": str}
    for one in PROPERTIES.values():
        value = one.read(subject())
        if value is not None and one.kind in kinds:
            assert isinstance(value, kinds[one.kind]), one.name
        if one.kind == "choice" and value is not None:
            assert value in one.choices, one.name


def test_the_catalogue_covers_what_a_claim_is_made_of_and_explains_each_property() -> None:
    assert {one.about for one in PROPERTIES.values()} == {
        "Claim", "Case", "Payer", "Facility", "Surgeon", "People", "Lines", "Report",
    }  # fmt: skip
    for name, one in PROPERTIES.items():
        assert name == one.name
        assert one.words.endswith("."), name
        assert bool(one.choices) == (one.kind == "choice"), name
    assert {one.kind for one in PROPERTIES.values()} == set(get_args(own_rules.Kind))


def test_every_kind_can_be_compared_and_known_or_not() -> None:
    for kind in get_args(own_rules.Kind):
        fit = {one.name for one in COMPARISONS.values() if kind in one.kinds}
        assert {"is", "is_not", "missing", "known"} <= fit


# Comparisons by kind


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        (("claim.charge", "more", "3,899.99"), "applies"),
        (("claim.charge", "more", "$3900"), "not"),
        (("claim.charge", "least", "3900.00"), "applies"),
        (("case.minutes", "less", "96"), "applies"),
        (("case.minutes", "most", "94"), "not"),
        (("case.day", "is", "2026-03-17"), "applies"),
        (("case.day", "more", "2026-03-17"), "not"),
        (("case.day", "less", "2026-04-01"), "applies"),
        (("payer.name", "is", "acme ppo"), "applies"),
        (("payer.name", "begins", "ACME"), "applies"),
        (("payer.name", "contains", "aetna"), "not"),
        (("payer.name", "lacks", "aetna"), "applies"),
        (("payer.class", "is", "commercial"), "applies"),
        (("payer.class", "is_not", "Commercial"), "not"),
        (("lines.code", "is", "95941"), "applies"),
        (("lines.code", "is_not", "95941"), "not"),
        (("lines.code", "begins", "G"), "not"),
        (("lines.modifier", "is", "26"), "applies"),
        (("report.op_note", "is", "yes"), "applies"),
        (("report.op_note", "is", "no"), "not"),
        (("claim.in_network", "known", ""), "applies"),
        (("claim.in_network", "missing", ""), "not"),
        (("case.cases_at_once", "most", "1"), "applies"),
        (("people.physician", "contains", "park"), "applies"),
    ],
)
def test_a_condition_holds_or_not(condition: tuple[str, str, str], wanted: str) -> None:
    assert outcome(condition) == wanted


def test_all_conditions_must_hold() -> None:
    assert outcome(("payer.name", "is", "Acme PPO"), ("lines.code", "is", "95941")) == "applies"
    assert outcome(("payer.name", "is", "Acme PPO"), ("lines.code", "is", "95940")) == "not"


# What is not known


def test_a_rule_that_cannot_be_evaluated_holds_the_claim_and_says_why() -> None:
    blind = subject(expected=lambda: None)
    for then in ("hold", "warn", "note"):
        found = own_rules.finding(rule(("claim.expected", "less", "100"), then=then), blind)
        assert found is not None
        assert found.severity == "error"
        assert "could not be evaluated: expected payment is not known" in found.message
        assert own_rules.holds(rule(("claim.expected", "less", "100"), then=then), blind)


def test_what_is_known_to_be_otherwise_decides_before_what_is_not_known() -> None:
    blind = subject(expected=lambda: None)
    assert outcome(("claim.expected", "less", "100"), ("payer.name", "is", "Other"), of=blind) == "not"
    assert outcome(("claim.expected", "less", "100"), ("payer.name", "is", "Acme PPO"), of=blind) == "unknown"


@pytest.mark.parametrize(
    "condition",
    [("claim.colour", "is", "red"), ("case.minutes", "contains", "9"), ("case.minutes", "more", "many"), ("payer.class", "is", "friend")],
)  # fmt: skip
def test_a_kept_condition_that_makes_no_sense_any_more_holds_too(condition: tuple[str, str, str]) -> None:
    assert outcome(condition) == "unknown"


def test_a_rule_without_conditions_is_not_taken_to_hold_for_everything() -> None:
    assert outcome() == "unknown"


# What was typed


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        (("", "is", "x"), "Choose a property"),
        (("payer.name", "", "x"), "Choose how to compare"),
        (("payer.name", "more", "x"), "cannot be compared"),
        (("payer.name", "is", " "), "Give a value"),
        (("claim.charge", "more", "ten"), "Write dollars"),
        (("claim.charge", "more", "1.005"), "two digits"),
        (("case.minutes", "more", "1.5"), "whole number"),
        (("case.day", "more", "03/17/2026"), "year-month-day"),
        (("report.signed", "is", "perhaps"), "yes or no"),
        (("payer.class", "is", "friend"), "Choose one of"),
    ],
)
def test_a_wrong_condition_says_how_to_write_it(condition: tuple[str, str, str], says: str) -> None:
    assert says in (own_rules.problem(Condition(*condition)) or "")


def test_a_right_condition_has_no_problem_and_reads_as_a_sentence() -> None:
    assert own_rules.problem(Condition("case.alerts", "missing", "")) is None
    assert own_rules.said(Condition("payer.class", "is", "workers_comp")) == "Class of payer is Workers comp"
    assert own_rules.said(Condition("claim.charge", "more", "100")) == "Total charge is more than 100"


# What is said


def test_what_a_rule_does_is_its_severity() -> None:
    applies = ("payer.name", "is", "Acme PPO")
    said = {then: own_rules.finding(rule(applies, then=then), subject()) for then in ("hold", "warn", "note")}
    assert {then: one.severity for then, one in said.items()} == {"hold": "error", "warn": "warn", "note": "error"}
    assert all(one.id == "OWN-4" and one.message.startswith("Acme spine: Ask Ann first.") for one in said.values())
    assert "note" in said["note"].message
    assert [own_rules.holds(rule(applies, then=then), subject()) for then in ("hold", "warn", "note")] == [
        True,
        False,
        False,
    ]


def test_age_status_and_signatures_are_read_from_the_record() -> None:
    aborted = clean(whole(status="aborted", header__patient__dob="2016-03-18"))
    seen = subject(case=replace(aborted, signatures=()))
    assert outcome(("case.status", "is", "aborted"), of=seen) == "applies"
    assert outcome(("case.age", "is", "9"), of=seen) == "applies"
    assert outcome(("report.days", "more", "3"), of=seen) == "unknown"
    assert outcome(("report.signed", "is", "no"), of=seen) == "applies"
