"""False reports made from true ones, and the records they are made from: what the faithfulness check must catch.

A mutant is false by the way it is made: one value of one place is replaced by another. It is thrown away where
the changed sentence is itself one that the built-in writer makes of the same facts (both sides alike, two equal
readings), never because of what the checker says.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from practice import examples
from practice.cases import Facts
from practice.drafting import as_text, draft
from tests.practice import case_files

DAYS = (date(2026, 5, 5), date(2026, 10, 31), date(2026, 11, 1), date(2026, 2, 11))


# Records


def record(seed: int) -> Facts:
    return case_files.folded(case(seed))


def case(seed: int) -> dict[str, Any]:
    """A made-up record with alerts of many kinds, gaps, handovers, midnight, the clock change and aborted cases."""
    dice = random.Random(seed)
    case = examples.make(seed, day=dice.choice(DAYS), payer_class=dice.choice(("commercial", "medicare")))["case"]
    if seed % 5 == 1:
        shift(case, timedelta(hours=dice.choice((14, 15, 16, 17, 18))))
    alerts = dice.choice((0, 0, 1, 1, 2, 3))
    case["alerts"] = [_alert(case, dice, number) for number in range(1, alerts + 1)]
    if case["stim_tests"] and dice.random() < 0.5:
        _low_screw(case, dice)
    _quality(case, dice)
    if seed % 3 == 0:
        _handover(case, dice)
    if seed % 7 == 2:
        _pause(case, dice)
    if seed % 9 == 4:
        _aborted(case)
    if seed % 4 == 1:
        _holes(case, dice)
    if seed % 8 == 3:
        _ending(case, dice)
    return case


def _times(value: Any) -> Iterator[tuple[Any, Any]]:
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(item, (dict, list)):
            yield from _times(item)
        elif isinstance(item, str) and re.match(r"\d{4}-\d\d-\d\dT", item):
            yield value, key


def shift(case: dict[str, Any], by: timedelta) -> None:
    """The whole case later in the day, over midnight and over a clock change."""
    zone = ZoneInfo(case["tz"])
    for where, key in list(_times(case)):
        moved = datetime.fromisoformat(where[key]).astimezone(ZoneInfo("UTC")) + by
        where[key] = moved.astimezone(zone).isoformat()


def _within(case: dict[str, Any], dice: random.Random, low: float = 0.1, high: float = 0.8) -> datetime:
    one = case["time"]["segments"][0]
    start, end = datetime.fromisoformat(one["start"]), datetime.fromisoformat(one["end"])
    return _minute(start, (end - start) * dice.uniform(low, high))


def minutes_in(case: dict[str, Any], dice: random.Random) -> str:
    """Some minute of the case, as a file says it."""
    return _within(case, dice).isoformat()


def _minute(start: datetime, by: timedelta) -> datetime:
    return (start.astimezone(UTC) + by).replace(second=0, microsecond=0).astimezone(start.tzinfo)


CAUSES = (
    "relative hypotension (MAP 58 mmHg)",
    "malposition of the left arm",
    "retractor pressure at the operated level",
    "unknown",
    "reduced perfusion during the clamp period",
)
ACTS = (
    "retractors released",
    "norepinephrine started",
    "MAP 88 mmHg",
    "rod removed and 2 units packed red cells given",
    "stimulation increased from 400 V to 500 V without response",
    "arm repositioned",
    "electrodes checked, train-of-four 4/4",
)
CONTEXTS = ("rod rotation and correction", "left carotid clamp", "exposure", "screw placement at L5")
NOTES = (
    "Recovery confirmed; continue with each maneuver",
    "Persistent change; wake-up test advised",
    "Agree with alert",
)


def _alert(case: dict[str, Any], dice: random.Random, number: int) -> dict[str, Any]:
    rows = [row for row in case["baselines"]["rows"] if row["modality"] in ("SSEP", "TcMEP", "EEG", "EMG", "BAEP")]
    codes = sorted({row["modality"] for row in rows})
    code = dice.choice(codes)
    chosen = dice.sample(
        [row for row in rows if row["modality"] == code],
        k=min(dice.choice((1, 1, 2)), sum(row["modality"] == code for row in rows)),
    )
    at = _within(case, dice)
    told = _minute(at, timedelta(minutes=dice.randint(0, 2)))
    done = _minute(at, timedelta(minutes=dice.randint(3, 6)))
    later = _minute(at, timedelta(minutes=dice.randint(9, 30)))
    status = dice.choice(("resolved", "resolved", "partial", "unresolved"))
    physician = case["staff"]["physicians"][0]["id"]
    changes, ends = zip(*(_row(row, dice, status) for row in chosen), strict=True)
    end: dict[str, Any] = {"status": status, "t": later.isoformat(), "rows": list(ends)}
    if status == "unresolved" and dice.random() < 0.7:
        end |= {"reported_to": "surgeon", "reported_at": _minute(later, timedelta(minutes=2)).isoformat()}
    if status != "unresolved" and dice.random() < 0.15:
        end |= {"t": None, "missing_reason": "not_recorded"}
    listeners = ["surgeon", "interpreting physician"] + (["anesthesia"] if dice.random() < 0.6 else [])
    tell = [
        {
            "who": who,
            "t": _minute(told, timedelta(minutes=n)).isoformat(),
            "mode": dice.choice(("verbal", "chat", "phone")),
        }
        for n, who in enumerate(listeners)
    ]
    if dice.random() < 0.2:
        tell[-1] = {"who": tell[-1]["who"], "t": None, "mode": None, "missing_reason": "not_recorded"}
    acts = [
        {
            "t": _minute(done, timedelta(minutes=n)).isoformat(),
            "by": dice.choice(("surgeon", "anesthesia", "technologist")),
            "text": text,
        }
        for n, text in enumerate(dice.sample(ACTS, k=dice.choice((1, 2, 3))))
    ]
    return {
        "id": f"AL{number}", "t": at.isoformat(), "modality": code, "surgical_context": dice.choice((*CONTEXTS, None)),
        "criterion": case["alert_criteria"].get(code, "sustained neurotonic discharge"), "rows": list(changes),
        "unchanged": dice.choice((None, "all other responses unchanged from baseline")),
        "cause_suspected": dice.choice((*CAUSES, None)), "communicated": tell, "actions": acts if dice.random() < 0.9 else [],
        "resolution": end if dice.random() < 0.95 else {"status": None, "t": None, "rows": [], "missing_reason": "not_recorded"},
        "md_note": {"by": physician, "t": later.isoformat(), "text": dice.choice(NOTES)} if dice.random() < 0.7 else None,
    }  # fmt: skip


def _row(row: dict[str, Any], dice: random.Random, status: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A response at the alert and at the end of it."""
    before = row["amp_uv"]
    if before is None:
        text = {"EEG": "loss of fast activity with new delta", "EMG": "sustained neurotonic discharge"}.get(
            row["modality"], "marked change"
        )
        after = {"resolved": "change no longer seen", "partial": "smaller change", "unresolved": "change present"}[
            status
        ]
        return {"ref": row["id"], "text": text}, {"ref": row["id"], "text": after}
    low = 0 if dice.random() < 0.25 else round(before * dice.uniform(0.1, 0.45), 2 if before < 20 else None)
    change = round(100 * (low - before) / before)
    one: dict[str, Any] = {"ref": row["id"], "value_uv": low, "change_pct": change}
    if row["lat_ms"] and low and dice.random() < 0.5:
        one["value_lat_ms"] = round(row["lat_ms"] * 1.12, 1)
    share = {
        "resolved": dice.randint(85, 101),
        "partial": dice.randint(50, 80),
        "unresolved": 0 if low == 0 else dice.randint(10, 40),
    }[status]
    end = {
        "ref": row["id"],
        "pct_of_baseline": share,
        "value_uv": round(before * share / 100, 2 if before < 20 else None),
    }
    return one, end


def _low_screw(case: dict[str, Any], dice: random.Random) -> None:
    test = dice.choice(case["stim_tests"])
    at = datetime.fromisoformat(test["t"])
    test["thr_ma"] = round(dice.uniform(3.1, 7.6), 1)
    again = {
        **test,
        "id": f"ST{len(case['stim_tests']) + 1}",
        "t": _minute(at, timedelta(minutes=19)).isoformat(),
        "thr_ma": 16.4,
        "retest_of": test["id"],
    }
    case["stim_tests"].append(again)
    tell = [
        {"who": who, "t": _minute(at, timedelta(minutes=n)).isoformat(), "mode": "verbal"}
        for n, who in enumerate(("surgeon", "interpreting physician"))
    ]
    case["alerts"].append({
        "id": f"AL{len(case['alerts']) + 1}", "t": test["t"], "modality": "tEMG", "surgical_context": "pedicle screw testing",
        "criterion": "pedicle screw threshold <8 mA", "rows": [{"stim_ref": test["id"]}], "unchanged": None,
        "cause_suspected": "medial pedicle wall breach (per surgeon palpation)", "communicated": tell,
        "actions": [{"t": _minute(at, timedelta(minutes=12)).isoformat(), "by": "surgeon", "text": "screw removed, tract palpated and screw redirected"}],
        "resolution": {"status": "resolved", "t": again["t"], "rows": [{"stim_ref": again["id"]}]},
        "md_note": {"by": case["staff"]["physicians"][0]["id"], "t": again["t"], "text": "Retest acceptable"},
    })  # fmt: skip


def _quality(case: dict[str, Any], dice: random.Random) -> None:
    used = {row.get("ref") for alert in case["alerts"] for row in alert["rows"]}
    for row in case["baselines"]["rows"]:
        if row["id"] not in used and dice.random() < 0.12:
            row.update(quality="absent", lat_ms=None, amp_uv=None)
            case["closing"]["rows"] = [one for one in case["closing"]["rows"] if one["ref"] != row["id"]]


def _handover(case: dict[str, Any], dice: random.Random) -> None:
    first, second = ({"id": one[0], "name": one[1], "cred": "Neurology"} for one in examples.PHYSICIANS)
    case["staff"]["physicians"] = [first, second]
    at = _within(case, dice, 0.3, 0.7)
    log = case["physician_log"][0]
    log["physician"] = first["id"]
    for note in log["notes"]:
        note["by"] = first["id"]
    for alert in case["alerts"]:
        if alert["md_note"]:
            alert["md_note"]["by"] = dice.choice((first["id"], second["id"]))
    case["baselines"]["sets"][0]["reviewed_by"] = first["id"]
    over = _minute(at, timedelta(minutes=4)).isoformat()
    case["physician_log"].append({
        "physician": second["id"], "connect": at.isoformat(), "disconnect": log["disconnect"], "method": "secure remote desktop",
        "concurrency": [{"from": at.isoformat(), "to": log["disconnect"], "n": 2}], "exclusive": [],
        "notes": [{"t": over, "by": second["id"], "text": "Handover accepted"}],
    })  # fmt: skip
    log["disconnect"] = over
    log["concurrency"] = [{"from": case["time"]["segments"][0]["start"], "to": over, "n": 1}]
    log["exclusive"] = []
    case["handovers"] = [
        {"id": "HO1", "kind": "physician", "frm": first["id"], "to": second["id"], "start": at.isoformat(), "end": over}
    ]


def _pause(case: dict[str, Any], dice: random.Random) -> None:
    one = case["time"]["segments"][0]
    at = _within(case, dice, 0.3, 0.6)
    back = _minute(at, timedelta(minutes=21))
    end = one["end"]
    if back >= datetime.fromisoformat(end):
        return
    one.update(end=at.isoformat(), minutes=0)
    case["time"]["segments"].append({"id": "S2", "start": back.isoformat(), "end": end, "mode": "remote", "minutes": 0})
    case["time"]["breaks"] = [{"start": at.isoformat(), "end": back.isoformat(), "reason": "intraoperative imaging"}]
    for part in case["time"]["segments"]:
        length = datetime.fromisoformat(part["end"]) - datetime.fromisoformat(part["start"])
        part["minutes"] = length // timedelta(minutes=1)


def _aborted(case: dict[str, Any]) -> None:
    case.update(status="aborted", stim_tests=[], alerts=[])
    first = case["events"][0]
    case["events"] = [
        {**first, "type": "aborted", "text": "Procedure aborted before incision by surgeon and anesthesia"}
    ]
    case["closing"]["overall"] = "incomplete"
    case["closing"]["rows"] = case["closing"]["rows"][:1]
    case["closing"]["postop_exam"] = {
        "recorded": False,
        "t": None,
        "text": None,
        "by": None,
        "new_deficit": None,
        "missing_reason": "transferred to intensive care intubated",
    }


def _holes(case: dict[str, Any], dice: random.Random) -> None:
    for hole in dice.sample((
        lambda: case["physiology"][0].update(temp_c=None),
        lambda: case["header"].update(indication=None),
        lambda: case["header"].update(requested_by=None),
        lambda: case["closing"].update(postop_exam=None),
        lambda: case["closing"]["rows"].pop() if case["closing"]["rows"] else None,
        lambda: case["baselines"]["sets"][0].update(reviewed_at=None),
        lambda: case["physician_log"][0].update(disconnect=None),
        lambda: case["anesthesia"]["agents"][0].update(dose=None),
        lambda: case["time"].update(setup_end=None),
        lambda: case.update(alert_criteria={}),
        lambda: case["closing"].update(overall="incomplete"),
        lambda: case["events"][-1].update(t=None, missing_reason="not_recorded"),
    ), k=3):  # fmt: skip
        hole()


def _ending(case: dict[str, Any], dice: random.Random) -> None:
    case["closing"]["overall"] = "not_at_baseline"
    case["closing"]["postop_exam"].update(
        text="right ankle dorsiflexion 1/5 and right hip flexion 2/5; left leg 4/5", by="surgeon", new_deficit=True
    )


# Mutants


class Mutant(NamedTuple):
    kind: str
    text: str
    before: str
    after: str
    red: bool
    """A wrong value, which must be red; else amber will do."""


UNITS = ("mA", "µV", "ms", "mmHg", "Hz", "MAC", "mcg/kg/min", "mg", "minutes", "V")
OTHER_UNIT = {
    "mA": "mV",
    "µV": "mV",
    "ms": "µs",
    "mmHg": "kPa",
    "Hz": "kHz",
    "MAC": "mg",
    "mcg/kg/min": "mg/kg/h",
    "mg": "mcg",
    "minutes": "hours",
    "V": "mV",
    "µs": "ms",
    "%": "mV",
}
DRUGS = (
    "propofol",
    "remifentanil",
    "ketamine",
    "sevoflurane",
    "desflurane",
    "rocuronium",
    "succinylcholine",
    "phenylephrine",
    "norepinephrine",
    "sugammadex",
)
SITES = (
    "tibialis anterior",
    "abductor hallucis",
    "abductor pollicis brevis",
    "vastus lateralis",
    "gastrocnemius",
    "posterior tibial",
    "ulnar",
    "median",
    "biceps",
    "deltoid",
    "rectus abdominis",
    "triceps",
    "first dorsal interosseous",
)
CODES = ("SSEP", "TcMEP", "EMG", "EEG", "BAEP")
ROLES = ("surgeon", "anesthesia", "technologist")
CREDENTIALS = {"CNIM": "R.N.", "MD": "PhD", "ABPN": "ABCN"}
SWAPS: dict[str, tuple[tuple[str, str], ...]] = {
    "side": ((r"\bleft\b", "right"), (r"\bright\b", "left"), (r"\bLeft\b", "Right"), (r"\bRight\b", "Left")),
    "direction": ((r"\bdecrease\b", "increase"), (r"\bincrease\b", "decrease"), (r"\b(\d[\d.]*) to (\d[\d.]*) (µV|ms)", r"\2 to \1 \3")),
    "resolved or not": (
        (r"\bresolved\b", "did not resolve"), (r"\bresolved\b", "unresolved"), (r"\bUNRESOLVED\b", "resolved"), (r"\bpartly recovered\b", "resolved"),
        (r"did not resolve and was still present", "resolved and was absent"), (r"\bresolved\b", "partly recovered"),
    ),
    "negation removed": (
        (r"\bNo alerts\b", "Alerts"), (r"\bNo change met\b", "A change met"), (r"\bnot all responses\b", "all responses"), (r"\bNot performed\b", "Performed"),
        (r"are not counted", "are counted"), (r"was not monitored", "was monitored"), (r"did not resolve", "did resolve"), (r"no physician note", "a physician note"),
        (r"not available", "available"), (r"is incomplete", "is complete"),
    ),
    "negation added": (
        (r"\bwas reported\b", "was not reported"), (r"\bwas performed\b", "was not performed"), (r"\bwere at baseline\b", "were not at baseline"),
        (r"\bresolved at\b", "not resolved at"), (r"\bReported to\b", "Not reported to"), (r"\bwere obtained\b", "were not obtained"), (r"\bsigned electronically\b", "not signed electronically"),
        (r"\bwere recorded for\b", "were not recorded for"), (r"\bmoves\b", "does not move"),
    ),
    "mode": ((r"\(verbal\)", "(chat)"), (r"\(chat\)", "(verbal)"), (r"\(phone\)", "(verbal)")),
    "state": (
        (r"\breduced\b", "good"), (r"\bgood\b", "reduced"), (r"\bquiet\b", "active"), (r"\babsent\b", "present"), (r"\blost\b", "preserved"), (r"\bnew deficit\b", "old deficit"),
        (r"\ball recorded\b", "some recorded"), (r"\bat baseline\b", "above baseline"), (r"\[not recorded\]", "11:11"),
    ),
    "opposite": (
        (r"\bhypotension\b", "hypertension"), (r"\bbefore incision\b", "after incision"), (r"\bgiven\b", "held"), (r"\bstarted\b", "stopped"),
        (r"\braise\b", "lower"), (r"\breleased\b", "tightened"), (r"\bbelow the criterion\b", "above the criterion"), (r"\bduring\b", "after"),
        (r"\bconfirmed\b", "excluded"), (r"\bAgree\b", "Disagree"), (r"\bacceptable\b", "unacceptable"), (r"\bAnterior\b", "Posterior"),
        (r"\bafter surgery\b", "before surgery"), (r"\bwithout response\b", "with response"),
    ),
    "both sides": ((r"\b(?:left|right) (?=[a-z])", "bilateral "), (r"\b(?:Left|Right) (?=[a-z])", "Bilateral ")),
    "told by": ((r"\bsurgeon (\d\d:\d\d) \((\w+)\)", r"surgeon \1 (\2) by anesthesia"), (r"\bto the surgeon at\b", "to the surgeon by anesthesia at")),
    "several for one": ((r"\balert \(AL", "alerts (AL"), (r"\bpedicle screw threshold (?=\d)", "pedicle screws threshold "), (r"^(Key result: AL\d: \w+) alert\b", r"\1 alerts")),
    "throughout": ((r"\bwere at baseline\b", "were at baseline throughout"), (r"\bwas performed\b", "was performed throughout"), (r"\boccurred at\b", "occurred throughout from"), (r"\bquiet\b", "quiet throughout")),
}  # fmt: skip
AMBER_WILL_DO = ("throughout", "negation removed", "state", "opposite")


def lines_of(text: str) -> list[tuple[int, str]]:
    """The lines that tell facts: no titles, rules or lines to sign on."""
    told = []
    for at, line in enumerate(text.split("\n")):
        if (
            not line.strip()
            or set(line.strip()) <= set("- ")
            or line.startswith(("Intraoperative", "DRAFT", "SYNTHETIC", "Prepared"))
        ):
            continue
        if re.match(r"\d+\. [A-Z]", line) or "____" in line or line in HEADS:
            continue
        told.append((at, line))
    return told


HEADS = {"Physician log"}


def sentences_of(text: str) -> set[str]:
    """Everything the built-in writer says of these facts, in pieces, to know a change that made another truth."""
    pieces = set()
    for line in text.split("\n"):
        pieces |= {" ".join(line.split())} | {piece.strip(" .") for piece in re.split(r"(?<=\.)\s|; ", line)}
    return pieces


class Maker:
    """The mutants of one report."""

    def __init__(self, facts: Facts, others: list[str], seed: int) -> None:
        self.facts, self.others = facts, others
        self.text = as_text(draft(facts))
        self.truth = sentences_of(self.text)
        self.dice = random.Random(seed)
        self.lines = self.text.split("\n")
        self.told = lines_of(self.text)

    def all(self) -> Iterator[Mutant]:
        for kind, make in KINDS.items():
            for mutant in make(self):
                if mutant.text != self.text:
                    yield mutant._replace(kind=kind)

    def some(self, each: int) -> Iterator[Mutant]:
        """Not more than so many of a kind, picked by the dice."""
        for kind, make in KINDS.items():
            made = [mutant for mutant in make(self) if mutant.text != self.text]
            for mutant in self.dice.sample(made, k=min(each, len(made))):
                yield mutant._replace(kind=kind)

    def line(self, at: int, new: str, *, red: bool = True) -> Iterator[Mutant]:
        """The report with one line changed, unless the changed piece is true of the same record."""
        old = self.lines[at]
        fresh = {piece.strip(" .") for piece in re.split(r"(?<=\.)\s|; ", new)} - {
            piece.strip(" .") for piece in re.split(r"(?<=\.)\s|; ", old)
        }
        if not fresh or fresh <= self.truth or " ".join(new.split()) in self.truth:
            return
        lines = [*self.lines[:at], new, *self.lines[at + 1 :]]
        yield Mutant("", "\n".join(lines), old, new, red)

    def replaced(
        self, pattern: str, new: Callable[[re.Match[str]], str | None], *, red: bool = True, where: str = ""
    ) -> Iterator[Mutant]:
        for at, line in self.told:
            if where and where not in line:
                continue
            for found in re.finditer(pattern, line):
                value = new(found)
                if value is not None and value != found.group():
                    yield from self.line(at, line[: found.start()] + value + line[found.end() :], red=red)

    def without(self, first: int, last: int) -> Mutant:
        return Mutant(
            "", "\n".join([*self.lines[:first], *self.lines[last:]]), "\n".join(self.lines[first:last]), "", True
        )

    def section(self, title: str) -> tuple[int, int]:
        first = next((at for at, line in enumerate(self.lines) if re.match(rf"\d+\. {title}", line)), len(self.lines))
        last = next(
            (at for at in range(first + 1, len(self.lines)) if re.match(r"\d+\. [A-Z]", self.lines[at])),
            len(self.lines),
        )
        return first, last


def _other(options: Any, not_this: str, dice: random.Random) -> str:
    return dice.choice([one for one in options if one != not_this])


def digits(m: Maker) -> Iterator[Mutant]:
    def turned(found: re.Match[str]) -> str:
        text = found.group()
        at = m.dice.choice([place for place, letter in enumerate(text) if letter.isdigit()])
        return text[:at] + _other("123456789", text[at], m.dice) + text[at + 1 :]

    yield from m.replaced(r"(?<![\w:/.-])\d+(?:\.\d+)?(?![\w:/-]|\.\d)", turned)


def times(m: Maker) -> Iterator[Mutant]:
    known = re.findall(r"\b\d\d:\d\d\b", m.text)

    def moved(found: re.Match[str]) -> str:
        hour, minute = map(int, found.group().split(":"))
        if m.dice.random() < 0.5:
            return _other([*known, "03:33"], found.group(), m.dice)
        minute += m.dice.choice((-7, -1, 1, 10))
        return f"{hour:02d}:{minute % 60:02d}"

    yield from m.replaced(r"\b\d\d:\d\d\b", moved)


def units(m: Maker) -> Iterator[Mutant]:
    yield from m.replaced(
        r"(?<=\d )(?:mA|µV|ms|mmHg|Hz|MAC|mcg/kg/min|mg|minutes|V|µs)(?![\w/])", lambda found: OTHER_UNIT[found.group()]
    )
    yield from m.replaced(r"(?<=\d)%(?! of baseline\))", lambda found: OTHER_UNIT["%"])


def swapped(kind: str) -> Callable[[Maker], Iterator[Mutant]]:
    def make(m: Maker) -> Iterator[Mutant]:
        for pattern, new in SWAPS[kind]:
            yield from m.replaced(pattern, lambda found, new=new: found.expand(new), red=kind not in AMBER_WILL_DO)

    return make


def levels(m: Maker) -> Iterator[Mutant]:
    def moved(found: re.Match[str]) -> str:
        number = int(found[2])
        return f"{found[1]}{number + (1 if number < 5 else -1)}"

    yield from m.replaced(r"\b([CTLS])(\d{1,2})\b(?![/v])", moved)


def named(options: tuple[str, ...]) -> Callable[[Maker], Iterator[Mutant]]:
    def make(m: Maker) -> Iterator[Mutant]:
        pattern = "|".join(rf"\b{re.escape(one)}\b" for one in sorted(options, key=len, reverse=True))
        yield from m.replaced(pattern, lambda found: _other(options, found.group(), m.dice))

    return make


def modalities(m: Maker) -> Iterator[Mutant]:
    yield from named(CODES)(m)


def people(m: Maker) -> Iterator[Mutant]:
    known = sorted(
        {
            *(one.name for one in (*m.facts.staff.technologists, *m.facts.staff.physicians)),
            m.facts.header.surgeon or "",
            m.facts.header.anesthesia or "",
        }
        - {""}
    )
    strangers = ("Alex Quill, MD", "Robin Marlowe")
    pattern = "|".join(re.escape(name) for name in sorted(known, key=len, reverse=True))
    yield from m.replaced(pattern, lambda found: _other((*known, *strangers), found.group(), m.dice))
    yield from m.replaced(r"TESTPATIENT, \w+", lambda found: found.group() + "A")


def roles(m: Maker) -> Iterator[Mutant]:
    first, last = m.section("Alerts")
    for at, line in m.told:
        if first <= at < last or "observation at" in line:
            for found in re.finditer(r"\b(?:surgeon|anesthesia|technologist|recovery nurse)\b(?= \d|:|\.| )", line):
                if line.startswith("- Suspected"):
                    continue
                yield from m.line(
                    at, line[: found.start()] + _other(ROLES, found.group(), m.dice) + line[found.end() :]
                )


def credentials(m: Maker) -> Iterator[Mutant]:
    yield from m.replaced(r"\b(?:CNIM|MD|ABPN)\b", lambda found: CREDENTIALS[found.group()])


def doses(m: Maker) -> Iterator[Mutant]:
    yield from m.replaced(
        r"(?<= )\d+(?:\.\d+)?(?= (?:mcg|mg|MAC))",
        lambda found: str(round(float(found.group()) * m.dice.choice((10, 0.5, 2)), 3)),
    )


def dates(m: Maker) -> Iterator[Mutant]:
    yield from m.replaced(r"\b\d{4}-\d\d-(\d\d)\b", lambda found: found.group()[:-2] + f"{int(found[1]) % 27 + 1:02d}")
    yield from m.replaced(r"\b\d\d/\d\d(?= \d\d:)", lambda found: "12/24")


def zones(m: Maker) -> Iterator[Mutant]:
    yield from m.replaced(
        r"(?<=:\d\d )[ECMP][SD]T\b", lambda found: found.group()[0] + ("D" if found.group()[1] == "S" else "S") + "T"
    )


def codes(m: Maker) -> Iterator[Mutant]:
    yield from m.replaced(
        r"\b[A-Z]\d\d\.\d+|SYN-\d+", lambda found: found.group()[:-1] + _other("0123456789", found.group()[-1], m.dice)
    )


def orders(m: Maker) -> Iterator[Mutant]:
    yield from m.replaced(r"from (\S+ \S+, MD) to (\S+ \S+, MD)", lambda found: f"from {found[2]} to {found[1]}")
    yield from m.replaced(r"(\d\d:\d\d)-(\d\d:\d\d)", lambda found: f"{found[2]}-{found[1]}")
    yield from m.replaced(r"(\d+ mA) left / (\d+ mA) right", lambda found: f"{found[2]} left / {found[1]} right")


def alerts_left_out(m: Maker) -> Iterator[Mutant]:
    first, last = m.section("Alerts")
    starts = [at for at in range(first + 1, last) if re.match(r"AL\d+ - ", m.lines[at])]
    for start in starts:
        end = next((at for at in [*starts, last] if at > start), last)
        yield m.without(start, end)
    for at, line in m.told:
        if line.startswith("Key result: "):
            for found in re.finditer(r"AL\d+: [^.]*?(?:\d\.\d[^.]*?)*\. ", line):
                yield from m.line(at, line.replace(found.group(), ""))
        if re.match(r"(?:\d\d/\d\d )?\d\d:\d\d.*AL\d+ \w+ alert \(section", line):
            yield m.without(at, at + 1)
    for number in range(1, 1 + len(m.facts.alerts)):
        gone = [line for line in m.lines if f"AL{number}" not in line]
        yield Mutant("", "\n".join(gone), f"AL{number}", "", True)


def slots_left_out(m: Maker) -> Iterator[Mutant]:
    first, last = m.section("Alerts")
    for at in range(first + 1, last):
        if m.lines[at].startswith("- "):
            yield m.without(at, at + 1)
        if m.lines[at].startswith(("- Communicated", "- Action", "- Finding")):
            label, told = m.lines[at].split(": ", 1)
            pieces = told.rstrip(".").split("; ")
            if len(pieces) > 1:
                lost = m.dice.randrange(len(pieces))
                kept = [piece for place, piece in enumerate(pieces) if place != lost]
                yield Mutant(
                    "",
                    "\n".join([*m.lines[:at], f"{label}: {'; '.join(kept)}.", *m.lines[at + 1 :]]),
                    m.lines[at],
                    "",
                    True,
                )


def alerts_invented(m: Maker) -> Iterator[Mutant]:
    number = len(m.facts.alerts) + 1
    made = f"AL{number}: SSEP alert at 09:09 (left median); resolved at 09:19. "
    for at, line in m.told:
        if line.startswith("Key result: "):
            yield from m.line(at, line.replace("Key result: ", "Key result: " + made))
    last = m.section("Alerts")[1]
    yield Mutant(
        "",
        "\n".join(
            [
                *m.lines[: last - 1],
                f"AL{number} - SSEP - 09:09 (criterion: disappearance)",
                "- Finding: left median SSEP lost (2.0 to 0 µV).",
                *m.lines[last - 1 :],
            ]
        ),
        "",
        "",
        True,
    )
    first = m.section("Impression")[0]
    said = f"A TcMEP alert (AL{number}) occurred at 09:09. "
    yield Mutant(
        "", "\n".join([*m.lines[: first + 1], said + m.lines[first + 1], *m.lines[first + 2 :]]), "", said, True
    )


def alerts_crossed(m: Maker) -> Iterator[Mutant]:
    """A slot of one alert stands under another, where the two differ."""
    first, last = m.section("Alerts")
    slots: dict[str, list[tuple[int, str]]] = {}
    for at in range(first + 1, last):
        if m.lines[at].startswith("- "):
            slots.setdefault(m.lines[at].split(":")[0], []).append((at, m.lines[at]))
    for rows in slots.values():
        for (one, text), (two, other) in zip(rows, rows[1:], strict=False):
            if text != other and text.split(": ")[1].split(" ")[0] not in ("no", "[not"):
                lines = list(m.lines)
                lines[one], lines[two] = other, text
                yield Mutant("", "\n".join(lines), text, other, True)
    key = next((at for at, line in m.told if line.startswith("Key result: ")), None)
    found = (
        re.findall(
            r"(?:resolved|partly recovered|UNRESOLVED at last test)(?: at)? ((?:\d\d/\d\d )?\d\d:\d\d)", m.lines[key]
        )
        if key is not None
        else []
    )
    if len(set(found)) > 1:
        line = m.lines[key].replace(found[0], "\0").replace(found[1], found[0]).replace("\0", found[1])
        yield from m.line(key, line)


def sentences_from_elsewhere(m: Maker) -> Iterator[Mutant]:
    """A sentence of another case that is no sentence of this one, in the same place."""
    for other in m.dice.sample(m.others, k=min(3, len(m.others))):
        for at, line in lines_of(other):
            place = next(
                (here for here, mine in m.told if mine.split(":")[0] == line.split(":")[0] and mine != line), None
            )
            del at
            if place is None or line.split(":")[0] in ("Record",) or not re.search(r"[a-z]{4}", line):
                continue
            pieces = [piece for piece in re.split(r"(?<=\.)\s", line) if piece.strip(" .") not in m.truth]
            if (
                pieces
                and not line.startswith(
                    (
                        "- ",
                        "Patient",
                        "Facility",
                        "Technologist",
                        "Anesthesia",
                        "Surgeon",
                        "Interpreting",
                        "Date",
                        "AL",
                        "Key",
                    )
                )
                and not re.match(r"\d\d", line)
            ):
                yield from m.line(place, m.lines[place] + " " + m.dice.choice(pieces))


def rows_left_out(m: Maker) -> Iterator[Mutant]:
    for at, line in m.told:
        if (
            re.search(r"\S {2,}\S", line)
            and not line.startswith(("Patient", "Record", "Time ", "Modality ", "Test ", "Response ", "Physician "))
            or line.startswith("- ")
            and line != "- None."
        ):
            twice = m.lines.count(line) > 1
            if not twice and not line.startswith("Record"):
                yield m.without(at, at + 1)


def sentences_left_out(m: Maker) -> Iterator[Mutant]:
    for at, line in m.told:
        pieces = re.split(r"(?<=\.)\s", line)
        if len(pieces) < 2 or line.startswith("- ") or re.search(r" {2,}", line):
            continue
        for place, piece in enumerate(pieces):
            if pieces.count(piece) == 1 and m.text.count(piece.removeprefix("Key result: ")) == 1:
                kept = " ".join(one for here, one in enumerate(pieces) if here != place)
                yield Mutant("", "\n".join([*m.lines[:at], kept, *m.lines[at + 1 :]]), piece, "", True)


def decimals(m: Maker) -> Iterator[Mutant]:
    """Ten times as much."""

    def moved(found: re.Match[str]) -> str:
        if float(found.group()) == 0:
            return found.group()
        whole, _, part = found.group().partition(".")
        return f"{whole}{part[:1]}{'.' + part[1:] if part[1:] else ''}" if part else f"{whole}0"

    yield from m.replaced(r"(?<![\w.:/-])\d+(?:\.\d+)?(?= ?(?:mA|µV|ms|mg|mcg/kg/min|MAC|mmHg|V|%|minutes)\b)", moved)


def columns_turned(m: Maker) -> Iterator[Mutant]:
    """Two numbers of a row in each other's column."""
    for at, line in m.told:
        if found := re.search(r"(?<=  )(\d[\d.]*)( +)(\d[\d.]*)(?=  |$)", line):
            one, gap, two = found.groups()
            if one != two:
                yield from m.line(at, line[: found.start()] + two + gap + one + line[found.end() :])


def events_turned(m: Maker) -> Iterator[Mutant]:
    """What happened at one time told of another, and the other way round."""
    first, last = m.section("Intraoperative course")
    rows = [at for at in range(first + 1, last) if re.match(r"(?:\d\d/\d\d )?\d\d:\d\d", m.lines[at])]
    for one, two in zip(rows, rows[1:], strict=False):
        said = [re.match(r"((?:\d\d/\d\d )?\d\d:\d\d(?: [A-Z]+)?)\s+(.*)", m.lines[at]).groups() for at in (one, two)]
        if said[0][0] == said[1][0] or said[0][1] == said[1][1]:
            continue
        lines = list(m.lines)
        lines[one], lines[two] = f"{said[0][0]}  {said[1][1]}", f"{said[1][0]}  {said[0][1]}"
        if not {" ".join(lines[at].split()) for at in (one, two)} & m.truth:
            yield Mutant("", "\n".join(lines), m.lines[one], lines[one], True)


def records_changed(m: Maker) -> Iterator[Mutant]:
    yield Mutant("", re.sub(r"(sha256 )\w{4}", r"\g<1>0000", m.text), "sha256", "", True)


KINDS: dict[str, Callable[[Maker], Iterator[Mutant]]] = {
    "digit": digits, "time": times, "unit": units, "date": dates, "zone": zones, "side": swapped("side"), "level": levels,
    "modality": modalities, "site": named(SITES), "direction": swapped("direction"), "order": orders,
    "negation added": swapped("negation added"), "negation removed": swapped("negation removed"), "resolved or not": swapped("resolved or not"),
    "state": swapped("state"), "name": people, "role": roles, "credential": credentials, "drug": named(DRUGS), "dose": doses, "code": codes,
    "mode": swapped("mode"), "alert left out": alerts_left_out, "alert slot left out": slots_left_out, "alert invented": alerts_invented,
    "facts of another alert": alerts_crossed, "throughout": swapped("throughout"), "sentence of another case": sentences_from_elsewhere,
    "row left out": rows_left_out, "sentence left out": sentences_left_out, "record changed": records_changed,
    "decimal": decimals, "columns turned": columns_turned, "events turned": events_turned, "opposite": swapped("opposite"), "both sides": swapped("both sides"),
    "told by": swapped("told by"), "several for one": swapped("several for one"),
}  # fmt: skip


def other_texts() -> list[str]:
    return [as_text(draft(case_files.facts(name))) for name in case_files.NAMES]
