"""What the day's tables and a person's choices change of a coding: modifiers, pairs, parts, limits, sides."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from practice.coding import CODES, DEMANDS, EVERY_LINE, MODIFIERS, Chosen, Coding, code, modifier_problem
from practice.edits import Edits, Limit, Value
from tests.practice.made_cases import COMMERCIAL, MEDICARE, at, made, presence, segment, ssep

DAY = date(2026, 3, 17)
QUARTER = date(2026, 1, 1)
TAKES_TC = msgspec.structs.replace(COMMERCIAL, pays_technical=True)
WANTS_SIDES = msgspec.structs.replace(COMMERCIAL, demands=("laterality",))
LIMBS = ["deltoid", "biceps", "triceps"]


def emg(muscles: list[str], side: str | None = "B") -> dict[str, object]:
    row = {"id": "BL1", "modality": "EMG", "side": side, "site": "all muscles", "quality": "quiet"}
    return {"modalities": [{"code": "EMG", "region": "segmental", "muscles": muscles}], "baselines__rows": [row]}


def two_pairs(**more: object):
    """Two legs fully studied beside a few muscles of an arm: 95861 and 95870."""
    legs = [
        "vastus lateralis",
        "tibialis anterior",
        "gastrocnemius",
        "abductor hallucis",
        "adductor magnus",
        "rectus femoris",
    ]
    return made(**emg([*legs, "deltoid"]), **more)


def shown(coding: Coding) -> dict[str, tuple[str, ...]]:
    return {line.code: line.modifiers for line in coding.lines}


def test_the_example_of_two_emg_codes_is_one() -> None:
    assert set(shown(code(two_pairs(), rule=COMMERCIAL))) == {"95861", "95870", "95941"}


def test_a_pair_is_warned_about_until_a_person_says_why_it_is_distinct() -> None:
    facts = two_pairs()
    assert any("95870 is bundled into 95861" in said for said in code(facts, rule=COMMERCIAL).warnings)
    chosen = {"95870": Chosen(modifiers=("XS",), reason="the arms, which 95861 does not cover")}
    coding = code(facts, rule=COMMERCIAL, chosen=chosen)
    assert shown(coding)["95870"] == ("26", "XS"), "what tells the price stands first"
    assert not any("bundled" in said for said in coding.warnings)
    line = next(line for line in coding.lines if line.code == "95870")
    assert "the arms, which 95861 does not cover" in line.steps[-1]


def test_the_pairs_of_the_day_take_the_place_of_those_that_come_with_the_app() -> None:
    facts = two_pairs()
    none = Edits(on=DAY, dates={"ptp": QUARTER})
    assert not any("bundled" in said for said in code(facts, rule=COMMERCIAL, edits=none).warnings)
    never = Edits(on=DAY, dates={"ptp": QUARTER}, pairs={("95861", "95870"): "0"})
    commercial = code(facts, rule=COMMERCIAL, edits=never)
    assert "95870" in shown(commercial)
    assert any("never paid beside 95861" in said for said in commercial.warnings)
    medicare = code(facts, rule=MEDICARE, edits=never, chosen={"95870": Chosen(modifiers=("XS",), reason="x")})
    assert "95870" not in shown(medicare), "no modifier releases it"
    assert any(one.code == "95870" and "pairs of 01/01/2026" in one.reason for one in medicare.not_billed)


def test_what_was_not_checked_is_said() -> None:
    assert code(made(), rule=COMMERCIAL).unchecked == ()
    said = code(made(), rule=COMMERCIAL, edits=Edits(on=DAY)).unchecked
    assert len(said) == 4 and all("2024 Q3" in one for one in said)
    held = Edits(on=DAY, dates={"ptp": QUARTER, "mue": QUARTER, "addon": QUARTER, "rvu": date(2025, 10, 1)})
    (old,) = code(made(), rule=COMMERCIAL, edits=held).unchecked
    assert "10/01/2025" in old and "newer" in old


def test_26_follows_the_indicator_of_the_day() -> None:
    split = {
        ("95938", ""): Value(status="A", pc_tc="1", bilateral="2"),
        ("92653", ""): Value(status="A", pc_tc="1", bilateral="2"),
    }
    whole = {("95938", ""): Value(status="A", pc_tc="0", bilateral="2")}
    assert shown(code(made(), rule=COMMERCIAL, edits=Edits(on=DAY, values=split)))["95938"] == ("26",)
    assert shown(code(made(), rule=COMMERCIAL, edits=Edits(on=DAY, values=whole)))["95938"] == ()


def test_the_limit_and_the_primaries_of_the_day_are_used() -> None:
    facts = made(time__segments=[segment("08:00", "18:00", "in_room")], physician_log=[presence("07:55", "18:01")])
    one = Edits(on=DAY, dates={"mue": QUARTER}, limits={"95940": Limit(units=20, adjudication=2)})
    assert any(
        "above the daily edit of 20; no more is paid" in said
        for said in code(facts, rule=COMMERCIAL, edits=one).warnings
    )
    records = Edits(on=DAY, dates={"mue": QUARTER}, limits={"95940": Limit(units=20, adjudication=3)})
    assert any("of 20; send records" in said for said in code(facts, rule=COMMERCIAL, edits=records).warnings)
    primaries = Edits(on=DAY, dates={"addon": QUARTER}, primaries={"95940": frozenset({"95925"})})
    assert any(
        "needs an accepted base study" in said for said in code(facts, rule=COMMERCIAL, edits=primaries).warnings
    )


@pytest.mark.parametrize(("rule", "pos", "professional", "technical", "expected"), [
    (COMMERCIAL, "21", True, True, [("26",)]), (TAKES_TC, "21", True, True, [("26",), ("TC",)]),
    (TAKES_TC, "24", False, True, [("TC",)]), (TAKES_TC, "21", True, False, [("26",)]), (TAKES_TC, "11", True, True, [()]),
    (COMMERCIAL, "22", False, True, []), (MEDICARE, "21", True, True, [("26",)]),
])  # fmt: skip
def test_the_technical_part_is_billed_in_a_facility_only_to_a_payer_that_pays_it(
    rule, pos, professional, technical, expected
) -> None:
    coding = code(made(), rule=rule, pos=pos, professional_owned=professional, technical_owned=technical)
    assert [line.modifiers for line in coding.lines if line.code == "95938"] == expected
    assert any("contract at hand" in said for said in coding.warnings) == (("TC",) in expected)
    for line in coding.lines:
        assert line.rendering == (None if "TC" in line.modifiers else "P1")


def test_a_technical_part_that_is_ours_but_not_paid_is_said() -> None:
    coding = code(made(), rule=COMMERCIAL, professional_owned=False, technical_owned=True)
    assert any("pays it to the facility alone" in one.reason for one in coding.not_billed if one.code == "95938")


def test_a_code_without_parts_has_no_technical_line() -> None:
    facts = made(modalities=[{"code": "BAEP"}], baselines__rows=[
        {"id": "B1", "modality": "BAEP", "side": "L", "quality": "good"}, {"id": "B2", "modality": "BAEP", "side": "R", "quality": "good"},
    ])  # fmt: skip
    coding = code(facts, rule=TAKES_TC, technical_owned=True)
    assert [line.modifiers for line in coding.lines if line.code == "92653"] == [()]


@pytest.mark.parametrize(("muscles", "side", "expected"), [
    (LIMBS, "L", [("95870", ("26", "LT"), 1)]), (LIMBS, "R", [("95870", ("26", "RT"), 1)]),
    (LIMBS, "B", [("95870", ("26", "LT"), 1), ("95870", ("26", "RT"), 1)]),
    (LIMBS, None, [("95870", ("26",), 1)]), (["orbicularis oculi"], "L", [("95867", ("26", "LT"), 1)]),
    (["orbicularis oculi"], "B", [("95868", ("26",), 1)]),
])  # fmt: skip
def test_sides_are_said_to_a_payer_that_wants_them(muscles, side, expected) -> None:
    coding = code(made(**emg(muscles, side)), rule=WANTS_SIDES)
    assert [(line.code, line.modifiers, line.units) for line in coding.lines if line.code != "95941"] == expected
    plain = code(made(**emg(muscles, side)), rule=COMMERCIAL)
    assert sum(line.units for line in plain.lines) == sum(line.units for line in coding.lines)
    assert not any({"LT", "RT"} & set(line.modifiers) for line in plain.lines)


def test_52_for_one_side_and_53_for_a_stopped_case_are_asked_for_until_chosen() -> None:
    facts = made(
        baselines__rows=ssep(("L", "ulnar", "good")), modalities=[{"code": "SSEP", "region": "UL"}], status="aborted"
    )
    said = code(facts, rule=COMMERCIAL).warnings
    assert any("one was tested: consider modifier 52" in one for one in said)
    assert any("consider modifier 53" in one for one in said)
    for modifier in ("52", "53"):
        coding = code(
            facts, rule=COMMERCIAL, chosen={"95925": Chosen(modifiers=(modifier,), reason="stopped at exposure")}
        )
        assert shown(coding)["95925"] == ("26", modifier)
        assert not any("consider modifier 53" in one for one in coding.warnings)
        assert any("consider modifier 52" in one for one in coding.warnings) == (modifier == "53")


def test_a_substitute_stands_on_every_line() -> None:
    coding = code(
        made(), rule=COMMERCIAL, chosen={EVERY_LINE: Chosen(modifiers=("Q6",), reason="for Dr. Roe, Mar 10 to 20")}
    )
    assert coding.lines and all(line.modifiers[-1] == "Q6" for line in coding.lines)


def test_a_choice_for_a_code_that_is_not_there_is_said() -> None:
    coding = code(made(), rule=COMMERCIAL, chosen={"95870": Chosen(modifiers=("XS",), reason="x")})
    assert any("XS was chosen for 95870, which is not on the claim" in said for said in coding.warnings)


@pytest.mark.parametrize(("cpt", "modifier", "said"), [
    ("95938", "95", "telehealth"), ("95941", "GT", "telehealth"), ("95938", "22", "surgeon"), ("95940", "51", "add-on"),
    ("95938", "26", "follows from"), ("95938", "TC", "follows from"), ("95938", "ZZ", "not a modifier"),
    ("95938", "50", "both sides"), ("95861", "50", "both sides"), ("95940", "52", "minutes"), ("95941", "LT", "minutes"),
    ("95870", "XS", None), ("95866", "50", None), ("95938", "52", None), ("*", "Q6", None), ("95941", "53", None),
])  # fmt: skip
def test_which_modifiers_a_person_may_choose(cpt, modifier, said) -> None:
    problem = modifier_problem(cpt, modifier)
    assert (problem is None) == (said is None)
    assert said is None or said in problem


def test_a_modifier_that_may_not_be_is_warned_about_on_the_coding() -> None:
    coding = code(made(), rule=COMMERCIAL, chosen={"95941": Chosen(modifiers=("95",), reason="remote")})
    assert any("telehealth" in said for said in coding.warnings)


def test_minutes_that_could_be_billed_if_they_were_documented_are_said_with_their_units() -> None:
    coding = code(made(physician_log=[presence("07:55", "09:36", concurrency=[])]), rule=MEDICARE)
    (left,) = [one for one in coding.not_billed if "not documented as exclusive" in one.reason]
    assert (left.minutes, "G0453 = floor((95+7)/15) = 6" in left.reason) == (95, True)


def test_the_tables_of_words_are_ours() -> None:
    assert all(len(one) == 2 and words for one, words in MODIFIERS.items())
    assert set(DEMANDS["laterality"].codes) <= set(CODES)
    assert at("08:00")
