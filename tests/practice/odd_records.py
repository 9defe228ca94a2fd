"""Odd but legal records: what a hurried technologist, two phones and a clock leave behind.

Each is a made-up case of `mutants` with things left out, said twice, struck, keyed late, corrected twice, named
like words of the trade, and free texts such as people type. The built-in writer's report of it says what it says,
so the faithfulness check must find nothing there.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec

from practice import cases as c
from practice import interchange, record
from practice.cases import Facts
from tests.practice import case_files, mutants

REASONS = (None, "not_recorded", "not_available", "technical", "not_applicable", "monitor was being replaced")
NAMES = (
    "Will Still",
    "May Early",
    "Dawn Left",
    "Rose Fell, MD",
    "Art Noted, CNIM",
    "Hope Wright-Best",
    "Mark O'Neill",
    "Ana Luz de la Cruz",
    "J. R. Small, DO",
    "Zoë Åkerström",
    "Xi Wu",
)
TEXTS = (
    "left C5 root retracted; resumed at 10:41", "No change", "AL1 discussed with the surgeon", "bovie on",
    "2 g cefazolin given", "MAP raised from 62 to 88 mmHg", "not done", "see below", "Surgeon: go on", "T", "x",
    "right arm lost, then back to baseline", "Patient moved. Rod held. Surgeon informed (verbal)", "quiet",
    "at baseline", "resolved", "No alerts were called", "unresolved", "K-wire at L4/5", "C5-C6", "100%",
    "cell saver: 250 mL returned", "EMG: right deltoid burst, 2 s", "- retractor moved", "1. retractor moved",
    "11:05", "alert", "tech relieved; see note", "Dr. Smith called", "propofol held", "50 % of baseline",
    "first line\nsecond line", "(no comment)", "…", "Signal change? surgeon says \"proceed\"", "left/right reversed at 09:10",
)  # fmt: skip


def record_of(seed: int) -> Facts | None:
    """An odd record. The same seed makes the same one; None where what came of it is no case at all."""
    dice = random.Random(f"odd {seed}")
    case = mutants.case(seed)
    for change in dice.sample(CHANGES, k=dice.randint(1, 6)):
        change(case, dice)
    try:
        read = interchange.read(msgspec.json.encode({"schema": c.SCHEMA, "synthetic": True, "case": case})).facts
    except interchange.BadCase:
        return None
    entries = interchange.entries_from(read, key=str(seed), received_at=case_files.RECEIVED)
    for mangle in dice.sample(MANGLES, k=dice.choice((0, 0, 1, 2, 3))):
        entries = mangle(entries, dice)
    return record.facts(entries, read.header, case_id=read.id, tz=read.tz, rev=read.record_rev, synthetic=True)


Case = dict[str, Any]


def _some(items: list[Any], dice: random.Random, most: int = 2) -> list[Any]:
    return dice.sample(items, k=min(len(items), dice.randint(1, most)))


def _alert_slots(case: Case, dice: random.Random) -> None:
    for alert in case["alerts"]:
        for slot in dice.sample(
            ("surgical_context", "criterion", "cause_suspected", "unchanged", "md_note", "resolution"),
            k=dice.randint(1, 4),
        ):
            alert[slot] = None
        if dice.random() < 0.3:
            alert["missing_reason"] = dice.choice(REASONS)


def _alert_untimed(case: Case, dice: random.Random) -> None:
    for alert in case["alerts"]:
        alert.update(t=None, missing_reason=dice.choice(REASONS))


def _alert_lists(case: Case, dice: random.Random) -> None:
    for alert in case["alerts"]:
        for slot in dice.sample(("communicated", "actions", "rows"), k=dice.randint(1, 3)):
            alert[slot] = alert[slot][: dice.choice((0, 0, 1))]


def _told_gaps(case: Case, dice: random.Random) -> None:
    for alert in case["alerts"]:
        for told in alert["communicated"]:
            told.update(
                dice.choice(
                    (
                        {},
                        {"t": None, "mode": None, "missing_reason": dice.choice(REASONS)},
                        {"mode": None},
                        {"mode": "text chat"},
                        {"mode": dice.choice(TEXTS)[:40]},
                    )
                )
            )


def _action_gaps(case: Case, dice: random.Random) -> None:
    for alert in case["alerts"]:
        for done in alert["actions"]:
            done.update(
                dice.choice(
                    (
                        {},
                        {"t": None},
                        {"by": None},
                        {"t": None, "missing_reason": dice.choice(REASONS)},
                        {"by": "surgeon and anesthesia"},
                        {"by": dice.choice(NAMES)},
                        {"text": dice.choice(TEXTS)},
                    )
                )
            )


def _row_values(case: Case, dice: random.Random) -> None:
    for alert in case["alerts"]:
        ends = alert["resolution"]["rows"] if alert["resolution"] else []
        for row in (*alert["rows"], *ends):
            if "ref" not in row:
                continue
            for key in ("value_uv", "value_lat_ms", "change_pct", "pct_of_baseline", "text"):
                if dice.random() < 0.4:
                    row.pop(key, None)
            if dice.random() < 0.3:
                row["text"] = dice.choice(TEXTS)
            if dice.random() < 0.2:
                row["change_pct"] = dice.choice((0, -50, 12, 100, -100))
            if dice.random() < 0.2:
                row["missing_reason"] = dice.choice(REASONS)


def _row_sites(case: Case, dice: random.Random) -> None:
    """Responses told by side and site alone, as on a phone without baselines."""
    for alert in case["alerts"]:
        alert["rows"] = [
            {"side": dice.choice("LRB"), "site": dice.choice(("deltoid", "hands", "tibialis anterior", "C5 root", None)), "text": dice.choice((None, "lost", "reduced", *TEXTS)), "change_pct": dice.choice((None, -60))}
            for _ in range(dice.randint(1, 3))
        ]  # fmt: skip
        for row in alert["rows"]:
            for key in [key for key, value in row.items() if value is None]:
                row.pop(key)


def _ending(case: Case, dice: random.Random) -> None:
    for alert in case["alerts"]:
        if end := alert["resolution"]:
            end.update(dice.choice((
                {"status": None}, {"t": None}, {"t": None, "missing_reason": dice.choice(REASONS)}, {"rows": []}, {"status": "partial"},
                {"status": "unresolved", "reported_to": "the surgeon", "reported_at": end["t"]}, {"status": "unresolved", "reported_to": "anesthesia", "reported_at": end["t"]},
                {"status": "unresolved", "reported_to": dice.choice(NAMES), "reported_at": end["t"]}, {"status": "unresolved"}, {"status": "resolved", "reported_at": end["t"]},
            )))  # fmt: skip


def _same_time(case: Case, dice: random.Random) -> None:
    """Several alerts of one modality at one minute."""
    for one, other in zip(case["alerts"], case["alerts"][1:], strict=False):
        other.update(
            t=one["t"], modality=one["modality"], criterion=one["criterion"], rows=[dict(row) for row in one["rows"]]
        )


def _alert_words(case: Case, dice: random.Random) -> None:
    for alert in case["alerts"]:
        for slot in ("surgical_context", "criterion", "cause_suspected", "unchanged"):
            if dice.random() < 0.5:
                alert[slot] = dice.choice(TEXTS)
        if alert["md_note"]:
            alert["md_note"].update(text=dice.choice(TEXTS), t=dice.choice((alert["md_note"]["t"], None)))


def _event_words(case: Case, dice: random.Random) -> None:
    for event in _some(case["events"], dice, 4):
        event.update(
            text=dice.choice((*TEXTS, "")), type=dice.choice(("other", "observation", "emg_activity", event["type"]))
        )


def _same_event(case: Case, dice: random.Random) -> None:
    if case["events"]:
        event = dict(dice.choice(case["events"]), id=f"EV{len(case['events']) + 1}")
        case["events"].append(event)


def _empty(case: Case, dice: random.Random) -> None:
    for name in dice.sample(
        ("events", "stim_tests", "physiology", "physician_log", "modalities"), k=dice.randint(1, 3)
    ):
        case[name] = []
    if not case["events"] and case["status"] == "aborted":
        case["status"] = "incomplete"
    _untangle(case)


def _no_baselines(case: Case, dice: random.Random) -> None:
    case["baselines"] = {"sets": [] if dice.random() < 0.5 else case["baselines"]["sets"], "rows": []}
    _untangle(case)


def _untangle(case: Case) -> None:
    """Nothing refers to what is gone."""
    known = {row["id"] for row in case["baselines"]["rows"]}
    tests = {row["id"] for row in case["stim_tests"]}
    for alert in case["alerts"]:
        ends = [alert["resolution"]["rows"]] if alert["resolution"] else []
        for rows in (alert["rows"], *ends):
            rows[:] = [
                row for row in rows if row.get("ref") in (*known, None) and row.get("stim_ref") in (*tests, None)
            ]
    if case["closing"]:
        case["closing"]["rows"] = [row for row in case["closing"]["rows"] if row["ref"] in known]


def _baseline_values(case: Case, dice: random.Random) -> None:
    used = {row.get("ref") for alert in case["alerts"] for row in alert["rows"]}
    for row in _some(case["baselines"]["rows"], dice, 4):
        row.update(dice.choice((
            {"peak": None}, {"site": row["site"] if row["id"] in used else None}, {"lat_ms": None}, {"amp_uv": None}, {"quality": None},
            {"quality": None, "missing_reason": dice.choice(REASONS)}, {"quality": "poor"}, {"side": "B"}, {"descriptor": dice.choice(TEXTS)}, {"amp_uv": 100},
        )))  # fmt: skip


def _equal_values(case: Case, dice: random.Random) -> None:
    """Both sides alike, to the digit."""
    if case["alerts"]:
        return
    for row in case["baselines"]["rows"]:
        if row["amp_uv"] is not None:
            row.update(amp_uv=2.0, lat_ms=row["lat_ms"] and 20)


def _closing(case: Case, dice: random.Random) -> None:
    closing = case["closing"]
    if closing:
        closing.update(
            dice.choice(
                (
                    {"t": None},
                    {"overall": None},
                    {"overall": "not_at_baseline"},
                    {"overall": "incomplete"},
                    {"rows": []},
                    {"t": None, "missing_reason": dice.choice(REASONS)},
                )
            )
        )
        for row in _some(closing["rows"], dice, 4) if closing["rows"] else []:
            row.update(
                dice.choice(
                    (
                        {
                            "pct": None,
                            "status": dice.choice(
                                ("at baseline", "changed", "quiet", "absent", "not recorded", "technical", *TEXTS)
                            ),
                        },
                        {"pct": 0},
                        {"pct": None, "status": None, "missing_reason": dice.choice(REASONS)},
                        {"pct": 100},
                    )
                )
            )


def _no_closing(case: Case, dice: random.Random) -> None:
    case["closing"] = None


def _exam(case: Case, dice: random.Random) -> None:
    if case["closing"]:
        exam = {
            "recorded": dice.random() < 0.7,
            "t": dice.choice((None, case["closing"]["t"])),
            "text": dice.choice((None, "right deltoid 0/5", *TEXTS)),
            "by": dice.choice((None, "surgeon", "recovery nurse", "Dr. Smith")),
            "new_deficit": dice.choice((None, True, False)),
            "missing_reason": dice.choice(REASONS),
        }
        if not exam["recorded"]:
            exam.update(text=None, by=None, new_deficit=None)
        case["closing"]["postop_exam"] = exam


def _header(case: Case, dice: random.Random) -> None:
    header = case["header"]
    for change in dice.sample((
        {"surgeon": None}, {"anesthesia": None}, {"requested_by": None}, {"indication": None}, {"preop_exam": None}, {"diagnosis": []},
        {"diagnosis": [{"text": "Stenosis, left > right; C5-C7", "icd10": None}, {"text": "Myelopathy", "icd10": "G99.2"}]},
        {"preop_exam": "Strength 5/5 except left deltoid 4/5. Reflexes 2+. No clonus"}, {"indication": "Spinal cord; nerve roots"},
    ), k=3):  # fmt: skip
        header.update(change)
    for change in dice.sample(
        (
            {"sex": None},
            {"dob": None},
            {"mrn": None},
            {"sex": "U"},
            {"name": f"{dice.choice(NAMES).split()[-1].upper()}, TEST"},
        ),
        k=2,
    ):
        header["patient"].update(change)
    header["procedure"].update(
        dice.choice(({"position": None}, {"text": "L4-S1 fusion (left TLIF)"}, {"position": "left lateral"}, {}))
    )


def _names(case: Case, dice: random.Random) -> None:
    """People whose names are words."""
    names = dice.sample(NAMES, k=5)
    case["header"].update(
        surgeon=names[0],
        anesthesia=dice.choice((names[1], f"{names[1]}, CRNA")),
        requested_by=dice.choice((names[0], names[2])),
    )
    for person, name in zip((*case["staff"]["technologists"], *case["staff"]["physicians"]), names[3:], strict=False):
        person.update(name=name, cred=dice.choice((None, person["cred"], "CNIM, R. EP T.")))


def _crew(case: Case, dice: random.Random) -> None:
    staff = case["staff"]
    if dice.random() < 0.3:
        staff["technologists"] = []
        case["signoff"]["technologist"] = None
    elif not any(one["id"] == "T7" for one in staff["technologists"]):
        staff["technologists"].append({"id": "T7", "name": "Lee Tran", "cred": None, "on": None, "off": None})


def _unsigned(case: Case, dice: random.Random) -> None:
    case["signoff"]["technologist"] = None


def _signed_by_physician(case: Case, dice: random.Random) -> None:
    if case["staff"]["physicians"] and case["time"]["segments"]:
        case["signoff"]["physician"] = {
            "id": case["staff"]["physicians"][0]["id"],
            "t": case["time"]["segments"][-1]["end"],
        }


def _times(case: Case, dice: random.Random) -> None:
    case["time"].update(
        dice.choice(
            (
                {"setup_start": None},
                {"setup_end": None},
                {"electrodes_out": None},
                {"setup_start": None, "setup_end": None, "electrodes_out": None},
                {"tech_arrive": None},
            )
        )
    )


def _segments(case: Case, dice: random.Random) -> None:
    segments = case["time"]["segments"]
    dice.choice((
        lambda: segments.clear(), lambda: segments[-1].update(end=None, minutes=None), lambda: segments[0].update(start=None, minutes=None),
        lambda: segments[0].update(mode="in_room"), lambda: segments[-1].update(end=None, minutes=None, missing_reason=dice.choice(REASONS)),
    ))()  # fmt: skip
    if not segments:
        case["time"]["breaks"] = []


def _breaks(case: Case, dice: random.Random) -> None:
    if not case["time"]["segments"] or None in (case["time"]["segments"][0][end] for end in ("start", "end")):
        return
    at = mutants.minutes_in(case, dice)
    case["time"]["breaks"].append(dice.choice((
        {"start": at, "end": None, "reason": "lunch"}, {"start": at, "end": at, "reason": None}, {"start": None, "end": at, "reason": dice.choice(TEXTS)},
    )))  # fmt: skip


def _attendance(case: Case, dice: random.Random) -> None:
    for log in case["physician_log"]:
        log.update(
            dice.choice(
                (
                    {"connect": None},
                    {"disconnect": None},
                    {"method": None},
                    {"concurrency": []},
                    {"method": "in person"},
                    {"connect": None, "disconnect": None, "missing_reason": dice.choice(REASONS)},
                )
            )
        )
        for note in log["notes"]:
            note.update(dice.choice(({"text": dice.choice(TEXTS)}, {"t": None}, {})))
        for part in log["concurrency"]:
            part.update(dice.choice(({"n": None}, {"to": None}, {"from": None}, {})))
        if dice.random() < 0.3 and log["connect"] and log["disconnect"]:
            log["exclusive"] = dice.choice(
                ([{"from": log["connect"], "to": log["disconnect"]}], [{"from": log["connect"], "to": None}])
            )


def _drugs(case: Case, dice: random.Random) -> None:
    if dice.random() < 0.2:
        case["anesthesia"] = dice.choice(
            (None, {"technique": None, "agents": [], "nmb": None, "tof": [], "missing_reason": dice.choice(REASONS)})
        )
        return
    drugs = case["anesthesia"]
    drugs.update(
        dice.choice(
            (
                {"technique": None},
                {"agents": []},
                {"nmb": None},
                {"tof": []},
                {"technique": "TIVA; no volatile"},
                {"technique": "propofol/remi TIVA"},
            )
        )
    )
    for agent in drugs["agents"]:
        agent.update(
            dice.choice(
                (
                    {},
                    {"dose": None},
                    {"unit": None},
                    {"dose": None, "missing_reason": dice.choice(REASONS)},
                    {"name": "ketamine bolus"},
                    {"unit": "mg/h"},
                    {"name": "N2O 50%"},
                )
            )
        )
    if drugs["nmb"]:
        drugs["nmb"].update(
            dice.choice(
                (
                    {},
                    {"dose": None},
                    {"given_at": None},
                    {"reversed": "sugammadex 200 mg"},
                    {"reversed": "neostigmine"},
                    {"dose": "0.6 mg/kg"},
                )
            )
        )
    for one in drugs["tof"]:
        one.update(dice.choice(({}, {"value": None}, {"t": None}, {"value": "80 %"}, {"value": "0.9"})))


def _vitals(case: Case, dice: random.Random) -> None:
    for one in _some(case["physiology"], dice, 3) if case["physiology"] else []:
        one.update(
            dice.choice(
                (
                    {"t": None},
                    {"map_mmhg": None},
                    {"temp_c": None},
                    {"map_mmhg": None, "temp_c": None, "missing_reason": dice.choice(REASONS)},
                    {"map_mmhg": 72.5},
                )
            )
        )


def _tests(case: Case, dice: random.Random) -> None:
    for test in _some(case["stim_tests"], dice, 4) if case["stim_tests"] else []:
        test.update(
            dice.choice(
                (
                    {"t": None},
                    {"level": None},
                    {"side": None},
                    {"muscle": None},
                    {"thr_ma": None},
                    {"type": "direct_nerve"},
                    {"level": "L5/S1"},
                    {"thr_ma": None, "missing_reason": dice.choice(REASONS)},
                )
            )
        )


def _set(case: Case, dice: random.Random) -> None:
    for one in case["baselines"]["sets"]:
        one.update(
            dice.choice(
                (
                    {"label": None},
                    {"start": None},
                    {"end": None},
                    {"reviewed_at": None},
                    {"reviewed_by": None},
                    {"label": "segment 2 final"},
                    {"reviewed_at": None, "missing_reason": dice.choice(REASONS)},
                    {"label": "left lateral"},
                )
            )
        )


def _technique(case: Case, dice: random.Random) -> None:
    for part in _some(case["modalities"], dice, 3) if case["modalities"] else []:
        kept = {key: part[key] for key in ("code", "region") if key in part}
        more = dice.choice(
            (
                {},
                {"missing_reason": dice.choice(REASONS)},
                {"side": "L"},
                {"stim_ma": [20, None]},
                {"channels": "all limbs"},
                {"channels": 8},
                {"montage": "C3'-Fz; Fp1-Cz"},
                {"rec": ["Erb", "C5S", "C3'"]},
                {"muscles": ["left arm only"]},
                {"safety": "bite block checked twice"},
                {"region": "hands"},
                {"isi_ms": 2},
            )
        )
        part.clear()
        part.update(kept, **more)


def _criteria(case: Case, dice: random.Random) -> None:
    case["alert_criteria"] = dice.choice(
        ({}, {"SSEP": ">50% amplitude drop; >10% latency"}, dict(list(case["alert_criteria"].items())[:1]))
    )


def _status(case: Case, dice: random.Random) -> None:
    case["status"] = dice.choice(("completed", "incomplete", "aborted"))
    if case["status"] == "aborted" and case["events"]:
        dice.choice(case["events"]).update(
            type="aborted",
            text=dice.choice(
                (
                    "Aborted before incision",
                    "stopped by anesthesia",
                    "",
                    "Procedure aborted after exposure; left C5 EMG",
                )
            ),
        )


def _days(case: Case, dice: random.Random) -> None:
    """Over midnight, or over the hour that comes twice."""
    mutants.shift(case, timedelta(hours=dice.choice((9, 13, 17, 18, 19))))


def _units(case: Case, dice: random.Random) -> None:
    for event in _some(case["events"], dice, 2):
        event["text"] = dice.choice(
            (
                "stimulus raised to 25 mA",
                "train 5, 400 V",
                "epi 10 mcg",
                "temp 34.9 °C",
                "blood loss 1,200 mL",
                "Hb 7.8 g/dL",
                "SpO2 98%",
                "5-0 silk",
            )
        )


CHANGES: tuple[Callable[[Case, random.Random], None], ...] = (
    _alert_slots, _alert_slots, _alert_untimed, _alert_lists, _told_gaps, _action_gaps, _row_values, _row_sites, _ending, _same_time, _alert_words,
    _event_words, _same_event, _empty, _no_baselines, _baseline_values, _equal_values, _closing, _no_closing, _exam, _header, _names, _crew,
    _unsigned, _signed_by_physician, _times, _segments, _breaks, _attendance, _drugs, _vitals, _tests, _set, _technique, _criteria, _status, _days, _units,
)  # fmt: skip


# What two phones and a clock do


Entries = list[record.Entry]


def _late(entries: Entries, dice: random.Random) -> Entries:
    """Keyed on the phone long after it happened."""
    chosen = {one.client_id for one in _some([one for one in entries if one.at], dice, 6)}
    return [
        msgspec.structs.replace(one, device="phone", entered_at=one.at + timedelta(minutes=dice.choice((16, 90, 1500)))) if one.client_id in chosen else one
        for one in entries
    ]  # fmt: skip


def _newer(one: record.Entry, number: int, **changes: Any) -> record.Entry:
    keyed = one.entered_at + timedelta(minutes=number)
    return msgspec.structs.replace(
        one, client_id=f"{one.client_id}-{number}", replaces=one.client_id, entered_at=keyed, **changes
    )


def _moved(entries: Entries, dice: random.Random) -> Entries:
    """Times that were corrected."""
    timed = [
        one
        for one in entries
        if one.at
        and one.kind in ("event", "alert", "told", "alert_action", "stim_test", "tof", "physiology", "resolution")
    ]
    return [
        *entries,
        *(_newer(one, 1, at=one.at + timedelta(minutes=dice.choice((-2, 1, 3)))) for one in _some(timed, dice, 4)),
    ]


def _struck(entries: Entries, dice: random.Random) -> Entries:
    gone = [
        one
        for one in entries
        if one.kind
        in (
            "event",
            "told",
            "alert_action",
            "closing_value",
            "tof",
            "physiology",
            "stim_test",
            "baseline",
            "alert",
            "staff",
        )
    ]
    return [*entries, *(_newer(one, 1, data=record.Struck(reason="double")) for one in _some(gone, dice, 3))]


def _twice(entries: Entries, dice: random.Random) -> Entries:
    """Two corrections of one entry that did not see each other."""
    told = [one for one in entries if one.kind == "event"]
    made = []
    for one in _some(told, dice, 2) if told else []:
        for number in (1, 2):
            made.append(_newer(one, number, data=msgspec.structs.replace(one.data, text=dice.choice(TEXTS))))
    return [*entries, *made]


def _denied(entries: Entries, dice: random.Random) -> Entries:
    says = [record.Statement(what=what) for what in ("no_alerts", "no_stim_tests", "no_breaks")]
    at = entries[0].entered_at
    return [
        *entries,
        *(
            record.Entry(client_id=f"none-{data.what}", at=at, data=data, entered_at=at, device="import")
            for data in _some(says, dice, 3)
        ),
    ]


MANGLES = (_late, _moved, _struck, _twice, _denied)
