"""Every rule with a case on which it speaks and one, as near to it as can be, on which it does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from practice.cases import Late
from practice.coding import code
from practice.scrub import RULES, THEMES, CaseForScrub, Namesake, Order, Paper, Shared, findings
from tests.practice import case_files, made_cases
from tests.practice.made_cases import COMMERCIAL, at, presence, segment, ssep, when
from tests.practice.made_claims import HOSPITAL
from tests.practice.made_scrub import (
    ALERT,
    CREDENTIALS,
    DAY,
    EVENTS,
    FILES,
    SIGNED,
    billed,
    claimed,
    clean,
    line,
    log,
    medicare,
    of,
    whole,
)

Made = Callable[[], CaseForScrub]
BASE = line("95938", "26")
HOUR = line("95941", units=2)
QUARTER = line("G0453", units=6)


@dataclass(frozen=True)
class Pair:
    speaks: Made
    silent: Made
    severity: str
    says: str = ""


def facts(**changes: Any) -> CaseForScrub:
    return clean(whole(**changes))


def with_(case: CaseForScrub | None = None, *, part: str, **changes: Any) -> CaseForScrub:
    """The clean case with a part of it changed: billing, report, order, edits."""
    case = case or clean()
    return replace(case, **{part: replace(getattr(case, part), **changes)})


def papers(*kinds: str) -> tuple[Paper, ...]:
    return tuple(Paper(kind=kind) for kind in kinds)


def rule(**changes: Any):
    return replace(COMMERCIAL, filing_days=180, **changes)


def physician(name: str, cred: str = "MD") -> list[dict[str, Any]]:
    return [{"id": "P1", "name": name, "cred": cred, "src": "p1"}]


def brainstem(*rows: tuple[str, str]) -> dict[str, Any]:
    return {
        "modalities": [{"code": "BAEP", "stim": "click", "src": "m1"}],
        "baselines__rows": [
            {"id": f"BL{n}", "modality": "BAEP", "side": side, "site": "wave V", "quality": quality, "src": f"b{n}"}
            for n, (side, quality) in enumerate(rows, 1)
        ],
        "alert_criteria": {"BAEP": "1 ms"},
    }


STIM = {"id": "ST1", "t": at("09:00"), "level": "L5", "side": "L", "thr_ma": 12, "muscle": "TA", "src": "st1"}


def released(case: CaseForScrub, code: str) -> CaseForScrub:
    return with_(case, part="billing", reasons={code: ("XS", "other muscles, see the baselines")})


PAIRS: dict[str, Pair] = {
    "DOC-01": Pair(lambda: replace(facts(header__requested_by=None), order=Order(), papers=()), clean, "block", "Nobody is recorded"),
    "DOC-02": Pair(lambda: facts(header__indication=None), clean, "block", "write which structure"),
    "DOC-03": Pair(
        lambda: facts(header__diagnosis=[{"text": "Stenosis", "icd10": "stenosis"}]),
        lambda: facts(header__diagnosis=[{"text": "Stenosis", "icd10": "m48061"}]), "block", "M48.061",
    ),
    "DOC-04": Pair(
        lambda: facts(header__procedure={"text": "Lumbar fusion", "position": "prone"}),
        lambda: facts(header__procedure={"text": "Right carotid endarterectomy", "position": "supine"}), "warn", "levels",
    ),
    "DOC-05": Pair(lambda: facts(header__patient__mrn=None), clean, "block", "MRN"),
    "DOC-06": Pair(
        lambda: with_(part="billing", authorization=""),
        lambda: with_(part="billing", authorization="", authorization_waived="Ann at Acme, call 77"), "warn", "authorization",
    ),
    "DOC-07": Pair(
        lambda: replace(clean(), papers=papers("order", "op_note", "anesthesia")),
        lambda: replace(facts(time__segments=[segment("08:00", "09:35", "in_room")]), papers=papers("order")), "warn", "consent",
    ),
    "DOC-08": Pair(lambda: facts(staff__technologists=[]), clean, "block", "No technologist"),
    "DOC-09": Pair(
        lambda: facts(staff__technologists=[{"id": "T1", "name": "Tess Tran", "cred": "CNIM", "on": at("06:30"), "off": at("09:20"), "src": "t1"}]),
        lambda: facts(staff__technologists=[{"id": "T1", "name": "Tess Tran", "cred": "CNIM", "src": "t1"}]), "error", "09:20 to 09:35",
    ),
    "DOC-10": Pair(lambda: replace(clean(), credentials=CREDENTIALS[:1]), clean, "warn", "license for IL"),
    "DOC-11": Pair(
        lambda: facts(staff__physicians=physician("Sam Sato, MD")), lambda: facts(header__surgeon="Pia Parker, MD"), "block", "is the surgeon",
    ),
    "DOC-12": Pair(
        lambda: facts(physician_log=log(presence("09:36", "10:00"), disconnect=at("09:10"))), clean, "error", "09:10 to 09:35",
    ),
    "DOC-13": Pair(
        lambda: facts(physician_log=[presence("07:55", "09:36", notes=[{**_note(), "text": "Signals seen"}])]), clean, "info", "speak with",
    ),
    "DOC-14": Pair(lambda: facts(physician_log=log(concurrency=[])), clean, "error", "Concurrent cases"),
    "DOC-15": Pair(
        lambda: facts(modalities=[{"code": "SSEP", "region": "UL", "src": "m1"}, {"code": "SSEP", "region": "LL", "stim_ma": [20], "src": "m2"}]),
        clean, "warn", "upper limb",
    ),
    "DOC-16": Pair(
        lambda: facts(baselines__sets=[{"start": at("07:40"), "end": at("08:00"), "reviewed_by": "P1", "src": "set1"}]), clean, "block", "review time",
    ),
    "DOC-17": Pair(
        lambda: facts(**brainstem(("L", "absent"), ("R", "absent"))), lambda: facts(**brainstem(("L", "absent"), ("R", "good"))), "error", "modifier 52 or 53",
    ),
    "DOC-18": Pair(
        lambda: facts(events=[*EVENTS, {"id": "EV3", "t": at("08:20"), "type": "pause", "text": ""}]),
        lambda: facts(events=[*EVENTS, {"id": "EV3", "t": at("08:20"), "type": "pause", "text": ""}, {"id": "EV4", "t": at("08:25"), "type": "resume", "text": ""}]),
        "block", "08:20",
    ),
    "DOC-19": Pair(lambda: facts(time__setup_end=None), clean, "warn", "Set-up end"),
    "DOC-20": Pair(lambda: billed(BASE, line("95941", units=3)), lambda: billed(BASE, HOUR), "block", "the record supports 2 (95 min)"),
    "DOC-21": Pair(lambda: facts(events=[]), clean, "warn", "incision"),
    "DOC-22": Pair(lambda: facts(physiology=[]), clean, "warn", "MAP; Temperature"),
    "DOC-23": Pair(lambda: facts(alerts=[{**ALERT, "actions": []}]), lambda: facts(alerts=[ALERT]), "block", "AL1"),
    "DOC-24": Pair(lambda: facts(signoff={"technologist": None, "physician": None}), clean, "error", "say which"),
    "DOC-25": Pair(
        lambda: facts(physician_log=[presence("07:55", "09:36")]),
        lambda: facts(physician_log=[presence("07:55", "09:36")], alerts=[ALERT]), "error", "looked at the signals",
    ),
    "DOC-26": Pair(lambda: facts(stim_tests=[{**STIM, "muscle": None}]), lambda: facts(stim_tests=[STIM]), "warn", "Muscle"),
    "DOC-27": Pair(lambda: facts(closing=None), clean, "error", "Closing"),
    "DOC-28": Pair(lambda: replace(clean(), signatures=()), clean, "block", "impression"),
    "DOC-29": Pair(lambda: with_(part="report", stale=True), clean, "block", "changed after the signature"),
    "DOC-30": Pair(
        lambda: replace(clean(), signatures=(replace(SIGNED, at=SIGNED.at + timedelta(days=15)),)),
        lambda: replace(clean(), signatures=(replace(SIGNED, at=SIGNED.at + timedelta(hours=69)),)), "warn", "15 days",
    ),
    "DOC-31": Pair(lambda: with_(part="report", waiting=2), clean, "error", "2 entries"),
    "DOC-32": Pair(lambda: facts(events=EVENTS[:1]), clean, "info", "archived"),
    "DOC-33": Pair(lambda: with_(part="report", alike=("C-0007", 96)), clean, "warn", "96 %"),
    "DOC-34": Pair(lambda: with_(part="report", by_model=3, read_minutes=None), lambda: with_(part="report", by_model=3), "error", "language model"),
    "DOC-35": Pair(lambda: facts(events=EVENTS[:1]), clean, "info", "needles"),
    "DOC-36": Pair(
        lambda: facts(staff__physicians=[*physician("Pia Park, MD"), {"id": "P2", "name": "Rex Roe", "cred": "Resident", "src": "p2"}]),
        clean, "error", "teaching statement",
    ),
    "DOC-37": Pair(lambda: replace(clean(), papers=papers("order", "consent", "anesthesia")), clean, "warn", "operative note"),
    "DOC-38": Pair(lambda: billed(BASE, HOUR, line("95930", "26")), lambda: billed(BASE, HOUR), "block", "95930"),
    "REC-01": Pair(lambda: facts(header__preop_exam=None), clean, "block", "Pre-operative examination"),
    "PAY-01": Pair(lambda: replace(clean(), rule=None), clean, "block", "add one under Places, Payer rules"),
    "EXC-01": Pair(lambda: replace(clean(), excluded=("Pia Park is excluded.",)), clean, "block", "excluded"),
    "EXC-02": Pair(lambda: replace(clean(), unscreened=("The list was 40 days old.",)), clean, "warn", "40 days"),
    "TAB-01": Pair(lambda: with_(part="edits", dates={}), clean, "info", "Import the public tables"),
    "V01": Pair(lambda: billed(HOUR), lambda: billed(BASE, HOUR), "block", "accepted base study"),
    "V02": Pair(lambda: billed(BASE, HOUR, case=medicare()), lambda: billed(BASE, QUARTER, case=medicare()), "block", "G0453 (remote)"),
    "V03": Pair(lambda: billed(BASE, QUARTER), lambda: billed(BASE, QUARTER, case=medicare()), "error", "expects 95941"),
    "V04": Pair(lambda: billed(BASE, line("95940", units=6)), lambda: billed(BASE, HOUR), "block", "in the room"),
    "V05": Pair(
        lambda: billed(BASE, line("95941", rendering=None, units=1), line("95941", key="X", units=1, rendering=replace(HOSPITAL, npi="1666666668"))),
        lambda: billed(BASE, line("95941", units=1), line("95941", key="X", units=1)), "block", "nobody named",
    ),
    "V06": Pair(lambda: billed(BASE, HOUR, case=facts(time__breaks=[_break()])), lambda: billed(BASE, line("95941", units=1), case=facts(time__breaks=[_break()])), "block", "do not count"),
    "V07": Pair(
        lambda: replace(clean(), shared=(Shared(id="V07", severity="block", message="5 units in one clock hour."),)),
        lambda: replace(clean(), shared=(Shared(id="V08", severity="error", message="4 cases."),)), "block", "5 units",
    ),
    "V08": Pair(
        lambda: facts(physician_log=log(concurrency=[{"from": at("08:00"), "to": at("09:36"), "n": 4}])),
        lambda: facts(physician_log=log(concurrency=[{"from": at("08:00"), "to": at("09:36"), "n": 3}])), "error", "4 cases",
    ),
    "V09": Pair(lambda: billed(line("95938", "26", units=2), HOUR), lambda: billed(BASE, HOUR), "error", "daily edit of 1"),
    "V10": Pair(lambda: billed(line("95925", "26"), line("95926", "26"), HOUR), lambda: billed(line("95925", "26"), HOUR), "block", "bill 95938 once"),
    "V11": Pair(lambda: billed(line("95860", "26"), line("95861", "26"), HOUR), lambda: billed(line("95861", "26"), HOUR), "block", "only 95861"),
    "V12": Pair(lambda: billed(line("95861", "26"), line("95907", "26"), HOUR), lambda: billed(line("95861", "26"), BASE, HOUR), "block", "exclude each other"),
    "V13": Pair(lambda: billed(line("95938"), HOUR), lambda: billed(line("95938", pos="11"), HOUR), "block", "add modifier 26"),
    "V14": Pair(lambda: billed(BASE, line("95941", "26", units=2)), lambda: billed(BASE, HOUR), "block", "take off 26"),
    "V15": Pair(lambda: billed(line("95938", "TC"), QUARTER, case=medicare()), lambda: billed(BASE, QUARTER, case=medicare()), "block", "invoice the hospital"),
    "V16": Pair(
        lambda: with_(billed(line("95861", "26"), line("95870", "26")), part="edits", pairs={("95861", "95870"): "1"}),
        lambda: released(with_(billed(line("95861", "26"), line("95870", "26", "XS")), part="edits", pairs={("95861", "95870"): "1"}), "95870"),
        "error", "choose 59 or X",
    ),
    "V17": Pair(lambda: replace(clean(), npis={"P1": "1245319599"}), clean, "block", "the surgeon's"),
    "V18": Pair(lambda: clean(pos="11"), lambda: clean(pos="24"), "block", "Place of service 11"),
    "V19": Pair(lambda: billed(line("95955", "26"), HOUR), lambda: billed(line("95955", "26"), BASE, HOUR), "block", "cannot carry"),
    "V20": Pair(lambda: billed(line("92653"), QUARTER, case=medicare()), lambda: billed(line("92653"), BASE, QUARTER, case=medicare()), "error", "92653"),
    "V21": Pair(lambda: claimed(facts(header__indication=None)), claimed, "block", "mend DOC-02"),
    "V22": Pair(
        lambda: claimed(signed_on=date(2026, 3, 16)), lambda: claimed(signed_on=DAY), "block", "signed after the day",
    ),
    "V23": Pair(lambda: replace(claimed(), npis={"P1": "1666666668"}), claimed, "block", "of nobody who read"),
    "V24": Pair(
        lambda: replace(clean(), diagnoses={"M48.06": "header"}), lambda: replace(clean(), diagnoses={"M48.061": "billable"}), "block", "specific",
    ),
    "V25": Pair(lambda: with_(part="billing", in_network=False), clean, "warn", "cost share"),
    "V26": Pair(lambda: replace(claimed(), standing=("95938 of 03/17/2026 is already on claim ION-9.",)), claimed, "block", "ION-9"),
    "V27": Pair(
        lambda: claimed(replace(clean(payer=rule(certainty="sourced")), today=DAY + timedelta(days=181))),
        lambda: claimed(replace(clean(payer=rule(certainty="sourced")), today=DAY + timedelta(days=149))), "error", "limit was",
    ),
    "V28": Pair(lambda: with_(claimed(), part="billing", tax_id="11-1111111"), claimed, "block", "tax id"),
    "V29": Pair(
        lambda: replace(clean(payer=rule(demands=("operative_note",))), papers=papers("order", "consent", "anesthesia")),
        lambda: clean(payer=rule(demands=("operative_note",))), "error", "operative note",
    ),
    "V30": Pair(lambda: replace(clean(), interest=""), clean, "warn", "financial relationship"),
    "V31": Pair(
        lambda: billed(BASE, line("95940", units=4), HOUR), lambda: billed(BASE, line("95940", units=1), line("95941", units=1)), "block", "one code only",
    ),
    "V32": Pair(lambda: billed(BASE, replace(BASE, key="AGAIN"), HOUR), lambda: billed(BASE, HOUR), "block", "stands 2 times"),
    "V33": Pair(lambda: billed(replace(BASE, from_on=date(2026, 3, 18)), HOUR), lambda: billed(BASE, HOUR), "block", "03/18/2026"),
    "V34": Pair(lambda: clean(pos="23"), lambda: clean(pos="22"), "error", "rarely paid"),
    "V35": Pair(lambda: with_(part="billing", professional_ours=False), clean, "error", "not ours"),
    "V36": Pair(lambda: billed(BASE, HOUR, line("95937", "26")), lambda: billed(BASE, HOUR), "warn", "train-of-four"),
    "V37": Pair(lambda: claimed(facility=replace(HOSPITAL, npi="1999999984")), claimed, "error", "same NPI"),
    "V38": Pair(lambda: claimed(frequency="7"), lambda: claimed(frequency="7", payer_control="ICN1"), "block", "payer's own number"),
    "V39": Pair(lambda: with_(part="billing", member_id=""), clean, "warn", "member number"),
    "V40": Pair(lambda: claimed(facility=replace(HOSPITAL, npi="1777777777")), claimed, "block", "check digit"),
    "V41": Pair(lambda: billed(BASE, HOUR, case=facts(staff__physicians=[], physician_log=[])), lambda: billed(BASE, HOUR), "block", "device alone"),
    "V42": Pair(lambda: facts(stim_tests=[{**STIM, "level": "T4"}]), lambda: facts(stim_tests=[{**STIM, "level": "S1"}]), "warn", "T4"),
    "V43": Pair(
        lambda: facts(baselines__rows=ssep(("L", "ulnar", "good"), ("L", "posterior tibial", "good"))), clean, "warn", "52",
    ),
    "V44": Pair(lambda: facts(status="aborted"), clean, "warn", "53"),
    "V45": Pair(lambda: billed(line("92653"), BASE, QUARTER, case=medicare()), lambda: billed(BASE, QUARTER, case=medicare()), "warn", "no price"),
}  # fmt: skip


def _note() -> dict[str, Any]:
    return {"by": "P1", "t": at("08:40")}


def _break() -> dict[str, Any]:
    """Ten of 95 minutes, without which the time rounds to fewer units."""
    return {"start": at("08:40"), "end": at("08:50"), "reason": "imaging"}


def test_every_rule_has_a_case_that_makes_it_speak_and_one_that_does_not() -> None:
    assert sorted(PAIRS) == sorted(one.id for one in RULES)


def test_the_rules_are_numbered_as_their_source_is() -> None:
    ids = {one.id for one in RULES}
    assert {f"DOC-{n:02d}" for n in range(1, 39)} <= ids
    assert {f"V{n:02d}" for n in range(1, 46)} <= ids
    assert len(ids) == len(RULES)


def test_each_rule_asks_a_question_and_names_its_source() -> None:
    for one in RULES:
        assert one.asks.endswith("?"), one.id
        assert one.source, one.id
        assert one.theme in THEMES, one.id


@pytest.mark.parametrize("id", PAIRS)
def test_the_rule_speaks(id: str) -> None:
    pair = PAIRS[id]
    found = of(pair.speaks(), id)
    assert pair.severity in [one.severity for one in found], found
    assert any(pair.says in one.message for one in found), found


@pytest.mark.parametrize("id", PAIRS)
def test_the_rule_says_nothing(id: str) -> None:
    pair = PAIRS[id]
    assert [one for one in of(pair.silent(), id) if one.severity == pair.severity] == []


@pytest.mark.parametrize("id", PAIRS)
def test_no_rule_says_worse_than_it_is_listed_with(id: str) -> None:
    listed = next(one for one in RULES if one.id == id)
    order = ["block", "error", "warn", "info"]
    said = [one.severity for one in of(PAIRS[id].speaks(), id)]
    assert min(map(order.index, said)) >= order.index(listed.severity)


@pytest.mark.parametrize("id", PAIRS)
def test_every_finding_says_in_a_sentence_how_it_is_mended_and_where(id: str) -> None:
    for one in of(PAIRS[id].speaks(), id):
        assert one.message[-1] in ".!", one.message
        assert one.where and one.source


@pytest.mark.parametrize("make", [clean, claimed, medicare, lambda: claimed(medicare()), lambda: facts(alerts=[ALERT])])
def test_a_clean_case_has_no_findings(make: Made) -> None:
    assert findings(make()) == []


# What cannot be judged is said


def test_an_unknown_table_is_said_and_the_small_one_is_used() -> None:
    case = with_(billed(line("95938", "26", units=2), HOUR), part="edits", dates={}, limits={}, primaries={})
    assert "daily edit of 1" in of(case, "V09")[0].message
    assert [one.severity for one in of(case, "TAB-01")] == ["info"]


def test_a_code_that_no_table_holds_is_said() -> None:
    case = with_(billed(BASE, HOUR, line("95999")), part="edits", dates={}, limits={}, primaries={})
    assert any("95999" in one.message and one.severity == "warn" for one in of(case, "TAB-01"))


def test_an_old_edition_is_said() -> None:
    case = with_(part="edits", dates={**FILES.dates, "mue": date(2025, 1, 1)})
    assert "newer one" in of(case, "TAB-01")[0].message


@pytest.mark.parametrize(
    ("id", "case"),
    [
        ("V24", lambda: replace(clean(), diagnoses={"M48.061": None})),
        ("V25", lambda: with_(part="billing", in_network=None)),
        ("V27", lambda: clean(payer=replace(COMMERCIAL, filing_days=None))),
    ],
)
def test_what_cannot_be_checked_is_said(id: str, case: Made) -> None:
    (said,) = of(case(), id)
    assert said.severity == "info"
    assert said.message.startswith("Could not be checked")


# Severities that depend on the payer or the pair


def test_an_authorization_that_the_payer_asks_for_is_an_error() -> None:
    case = with_(clean(payer=rule(demands=("authorization",))), part="billing", authorization="")
    assert of(case, "DOC-06")[0].severity == "error"
    assert "Authorization number" in of(case, "V24")[0].message


def test_unknown_concurrency_blocks_where_g0453_is_billed() -> None:
    bare = medicare(physician_log=log(concurrency=[]))
    assert of(bare, "DOC-14")[0].severity == "block"


def test_a_payer_that_names_its_diagnoses_wants_one_of_them() -> None:
    def billed_to(*names: str) -> list[str]:
        case = replace(clean(payer=rule(diagnoses=names)), diagnoses={"M48.061": "billable", "Z98.1": "billable"})
        return [f"{one.severity}: {one.message}" for one in of(case, "V24")]

    [said] = billed_to("G95", "M50.1")
    assert said.startswith("error: This payer pays for none of M48.061, Z98.1: its list has G95, M50.1.")
    assert billed_to("G95", "M48.0") == billed_to() == []


def test_a_pair_that_is_never_paid_blocks() -> None:
    case = with_(billed(BASE, line("95930", "26")), part="edits", pairs={("95938", "95930"): "0"})
    assert of(case, "V16")[0].severity == "block"


def test_a_released_pair_without_a_reason_is_still_said() -> None:
    case = with_(billed(line("95861", "26"), line("95870", "26", "XS")), part="edits", pairs={("95861", "95870"): "1"})
    assert of(case, "V16")[0].severity == "error"


def test_a_limit_that_no_record_changes_blocks() -> None:
    assert of(billed(line("95870", "26", units=5), HOUR), "V09")[0].severity == "block"


def test_a_filing_limit_that_is_near_warns_and_a_correction_has_none() -> None:
    near = replace(clean(), today=DAY + timedelta(days=170))
    assert of(near, "V27")[0].severity == "warn"
    late = claimed(replace(clean(), today=DAY + timedelta(days=400)), frequency="7", payer_control="ICN1")
    assert of(late, "V27") == []


def test_a_limit_that_nobody_looked_up_stops_no_claim() -> None:
    past = replace(clean(payer=rule(certainty="disputed")), today=DAY + timedelta(days=181))
    assert [one.severity for one in (*of(past, "V27"), *of(claimed(past), "V27"))] == ["warn", "warn"]


def test_one_person_entered_twice_is_to_be_checked_and_stops_nothing() -> None:
    case = replace(claimed(), namesakes=(Namesake(number="ION-9", codes=("95938", "95941")),))
    (said,) = of(case, "V26")
    assert (said.severity, said.where) == ("warn", "claims#ION-9")
    assert "ION-9 has 95938, 95941 of the same day" in said.message


def test_a_second_original_leads_to_the_first() -> None:
    (said,) = of(PAIRS["V26"].speaks(), "V26")
    assert said.where == "claims#ION-9"


def test_late_entries_are_noted() -> None:
    entry = Late(src="e1", at=when("08:05"), entered_at=datetime(2026, 3, 18, tzinfo=UTC))
    case = clean(replace(whole(), late={"e1": entry}))
    assert [one.severity for one in of(case, "DOC-31")] == ["info"]


def test_base_and_monitoring_of_two_physicians_need_a_reason() -> None:
    other = replace(BASE, rendering=replace(HOSPITAL, npi="1666666668"))
    (said,) = of(billed(other, HOUR), "V01")
    assert said.severity == "error"


# The case files: what is found was looked at one by one


GOLDEN = Path(__file__).parents[1] / "golden" / "findings"


@pytest.mark.parametrize("name", case_files.NAMES)
def test_the_case_files_have_the_findings_that_were_looked_at(name: str) -> None:
    """A record without its papers, proof, signatures and tables: what a practice that just loaded it is told."""
    of_case = case_files.facts(name)
    by = made_cases.RULES[of_case.header.payer_class]
    case = CaseForScrub(facts=of_case, coding=code(of_case, rule=by), rule=by, today=date(2026, 9, 1))
    told = "".join(f"{one.severity} {one.id} {one.message} [{one.where.split('#')[0]}]\n" for one in findings(case))
    assert told == (GOLDEN / f"{name}.txt").read_text("utf-8")
