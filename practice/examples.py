"""Made-up cases for the example practice, for benchmarks and for trying things: the same seed, the same case.

Every patient is called TESTPATIENT and every file says that it is synthetic.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from . import presets
from .cases import SCHEMA, to_wire

_TABLE = tomllib.loads((Path(__file__).parent / "tables" / "examples.toml").read_text())
FACILITIES = tuple((row["name"], row["state"], row["zone"]) for row in _TABLE["facility"])
SURGEONS = tuple(_TABLE["surgeons"])
TECHNOLOGISTS = tuple((f"T{number}", name) for number, name in enumerate(_TABLE["technologists"], 1))
PHYSICIANS = tuple((f"P{number}", name) for number, name in enumerate(_TABLE["physicians"], 1))
KINDS: tuple[dict[str, Any], ...] = tuple(_TABLE["kind"])
STORIES = ("quiet", "resolved", "quiet", "unresolved")
"""What happens in a case, changing after each round of kinds. A screw operation has a low threshold and a retest."""
ABORTED = 26
"""One seed in 32 is stopped before the incision."""


class _Made:
    """One case while it is being made: the clock moves on as things happen."""

    def __init__(self, seed: int, day: date, payer_class: str, arrival: datetime | None) -> None:
        self.dice = random.Random(seed)  # noqa: S311  made-up cases, no secret depends on it
        self.kind = KINDS[seed % len(KINDS)]
        self.facility = FACILITIES[seed % len(FACILITIES)]
        self.surgeon = SURGEONS[seed % len(SURGEONS)]
        self.technologist = TECHNOLOGISTS[seed % len(TECHNOLOGISTS)]
        self.physician = PHYSICIANS[seed % len(PHYSICIANS)]
        self.zone = ZoneInfo(self.facility[2])
        self.seed, self.day, self.payer_class = seed, day, payer_class
        early = datetime.combine(day, time(5, 15), self.zone) + timedelta(minutes=5 * self.dice.randrange(12))
        self.now = arrival or early
        self.story = "aborted" if seed % 32 == ABORTED else STORIES[seed // len(KINDS) % len(STORIES)]
        self.setups = [presets.SETUPS[key] for key in self.kind["setups"]]

    def after(self, low: int, high: int | None = None) -> str:
        """Let some minutes pass and say what time it is then."""
        self.now += timedelta(minutes=low if high is None else self.dice.randint(low, high))
        return self.now.isoformat()

    def case(self) -> dict[str, Any]:
        arrive, setup_start, setup_end = self.after(0), self.after(25, 40), self.after(25, 45)
        baseline_end, review = self.after(10, 20), self.after(2)
        rows = [self.baseline(index, *response) for index, response in enumerate(self.responses(), 1)]
        start = self.after(1)
        events, tests, alerts = self.stopped() if self.story == "aborted" else self.operation(rows)
        closing_at = self.after(6, 12)
        self.settle(alerts, rows, closing_at)
        stop, out, exam_at, signed = self.after(3, 8), self.after(8, 14), self.after(10, 25), self.after(4, 9)
        return {
            "id": f"E-{self.seed:05d}", "tz": self.facility[2], "status": "aborted" if self.story == "aborted" else "completed", "record_rev": 1,
            "header": self.header(), "staff": self.staff(arrive, signed),
            "modalities": [_plain(setup) for setup in self.setups],
            "alert_criteria": {setup.modality.code: setup.criterion for setup in self.setups if setup.criterion},
            "anesthesia": self.anesthesia(setup_start, review), "physiology": self.physiology(start, stop),
            "baselines": {
                "sets": [{"label": self.kind["position"], "start": setup_end, "end": baseline_end, "reviewed_by": self.physician[0], "reviewed_at": review}],
                "rows": rows,
            },
            "events": events, "stim_tests": tests, "alerts": alerts, "closing": self.closing(rows, alerts, closing_at, exam_at),
            "time": {
                "tech_arrive": arrive, "setup_start": setup_start, "setup_end": setup_end,
                "segments": [{"id": "S1", "start": start, "end": stop, "mode": "remote", "minutes": _minutes(start, stop)}],
                "breaks": [], "electrodes_out": out,
            },
            "physician_log": [self.presence(setup_end, review, start, stop, out, alerts)],
            "signoff": {"technologist": {"id": self.technologist[0], "t": signed}, "physician": None},
        }  # fmt: skip

    def header(self) -> dict[str, Any]:
        kind, dice, names = self.kind, self.dice, _TABLE["first_names"]
        born = date(self.day.year - dice.randint(19, 84), dice.randint(1, 12), dice.randint(1, 28))
        return {
            "date_of_service": self.day.isoformat(),
            "facility": {"name": self.facility[0], "state": self.facility[1], "or_room": f"OR {dice.randint(1, 14)}"},
            "patient": {"name": f"TESTPATIENT, {names[self.seed % len(names)]}", "mrn": f"SYN-{500000 + self.seed}", "dob": born.isoformat(), "sex": dice.choice("FM"), "encounter": f"E-{80000 + self.seed}"},
            "payer_class": self.payer_class, "surgeon": self.surgeon, "anesthesia": "R. Okafor, MD", "requested_by": self.surgeon,
            "procedure": {"text": kind["text"], "levels": kind["levels"], "approach": kind["approach"], "side": kind.get("side"), "cpt": kind["cpt"], "position": kind["position"]},
            "diagnosis": [dict(kind["diagnosis"])],
            "indication": f"{kind['structures'][0][:1].upper()}{kind['structures'][0][1:]} at risk", "structures_at_risk": kind["structures"], "preop_exam": kind["exam"],
        }  # fmt: skip

    def staff(self, on: str, off: str) -> dict[str, Any]:
        return {
            "technologists": [{"id": self.technologist[0], "name": self.technologist[1], "cred": "CNIM", "on": on, "off": off}],
            "physicians": [{"id": self.physician[0], "name": self.physician[1], "cred": _TABLE["board"]}],
        }  # fmt: skip

    def responses(self) -> Iterator[tuple[str, str, str, str]]:
        for setup in self.setups:
            yield from setup.responses

    def baseline(self, index: int, modality: str, side: str, site: str, peak: str) -> dict[str, Any]:
        dice, latency, amplitude, quality = self.dice, None, None, "good"
        if modality == "SSEP":
            latency = round(dice.uniform(18, 23) if peak == "N20" else dice.uniform(36, 43), 1)
            amplitude = round(dice.uniform(0.7, 3.4), 1)
        elif modality == "TcMEP":
            amplitude = 10 * dice.randint(9, 170)
        elif modality == "EMG":
            quality = "quiet"
        if dice.random() < 0.08 and quality == "good":
            quality = "reduced"
        descriptor = "symmetric, 8-12 Hz" if modality == "EEG" else None
        return {
            "id": f"BL{index}", "modality": modality, "side": side, "site": site, "peak": peak or None,
            "lat_ms": latency, "amp_uv": amplitude, "quality": quality, "descriptor": descriptor,
        }  # fmt: skip

    def operation(self, rows: list[dict[str, Any]]) -> tuple[list[Any], list[Any], list[Any]]:
        """From the incision to closing: events, screw tests, and in some cases a signal alert."""
        said = [("incision", "Skin incision", self.after(9, 20))]
        tests: list[dict[str, Any]] = []
        alerts: list[dict[str, Any]] = []
        eventful = self.story in ("resolved", "unresolved")
        for index, (kind, text, minutes) in enumerate(self.kind["steps"]):
            said.append((kind, text, self.after(minutes, minutes + 12)))
            if eventful and index == 1 and "screws" not in self.kind:
                alerts.append(self.alert(rows, text))
        if "screws" in self.kind:
            alerts += self.screws(tests, low=eventful)
        said.append(("closing", "Closing started", self.after(8, 15)))
        return _numbered(said), tests, alerts

    def stopped(self) -> tuple[list[Any], list[Any], list[Any]]:
        """An operation that ends before it begins."""
        said = [
            ("adverse_event", "Severe hypotension after the antibiotic", self.after(9, 20)),
            ("aborted", "Procedure stopped before incision by surgeon and anesthesia", self.after(3, 6)),
        ]
        return _numbered(said), [], []

    def screws(self, tests: list[dict[str, Any]], *, low: bool) -> list[dict[str, Any]]:
        """A test of each screw. A low one is told, mended and tested again."""
        for level, muscle in self.kind["screws"]:
            for side in "LR":
                tests.append(self.screw(len(tests) + 1, level, muscle, side, self.dice.randint(11, 24)))
        if not low:
            return []
        bad = self.dice.choice(tests)
        bad["thr_ma"] = self.dice.randint(45, 69) / 10
        told, done = self.told(bad["t"], "anesthesia"), self.after(6, 11)
        again = self.screw(
            len(tests) + 1, bad["level"], bad["muscle"], bad["side"], self.dice.randint(12, 20), bad["id"]
        )
        tests.append(again)
        return [
            {
                "id": "AL1", "t": bad["t"], "modality": "tEMG", "surgical_context": "pedicle screw testing",
                "criterion": "pedicle screw threshold <8 mA", "rows": [{"stim_ref": bad["id"]}], "unchanged": None,
                "cause_suspected": "medial wall of the pedicle (found by the surgeon's probe)", "communicated": told,
                "actions": [{"t": done, "by": "surgeon", "text": "screw removed and redirected"}],
                "resolution": {"status": "resolved", "t": again["t"], "rows": [{"stim_ref": again["id"]}]},
                "md_note": {"by": self.physician[0], "t": self.after(1), "text": "Retest acceptable"},
            }
        ]  # fmt: skip

    def screw(
        self, number: int, level: str, muscle: str, side: str, threshold: int, retest: str | None = None
    ) -> dict[str, Any]:
        return {
            "id": f"ST{number}", "t": self.after(2), "type": "pedicle_screw", "level": level, "side": side,
            "thr_ma": float(threshold), "muscle": muscle, "retest_of": retest,
        }  # fmt: skip

    def told(self, at: str, *others: str) -> list[dict[str, Any]]:
        """Everybody who must hear of an alert, at once by word and the physician by chat."""
        spoken = [{"who": who, "t": at, "mode": "verbal"} for who in ("surgeon", *others)]
        return [*spoken, {"who": "interpreting physician", "t": at, "mode": "chat", "ref": self.physician[0]}]

    def alert(self, rows: list[dict[str, Any]], context: str) -> dict[str, Any]:
        """A response that drops below the criterion; `settle` says how it ends when it does not come back."""
        code = "TcMEP" if any(row["modality"] == "TcMEP" for row in rows) else "SSEP"
        row = self.dice.choice([row for row in rows if row["modality"] == code])
        low = _part(row, 10 if code == "TcMEP" else 35)
        at, told, done = self.after(3), self.after(1), self.after(2)
        made = {
            "id": "AL1", "t": at, "modality": code, "surgical_context": context[0].lower() + context[1:] if context[1:2].islower() else context,
            "criterion": "amplitude decrease >=80%" if code == "TcMEP" else "amplitude decrease >=50%",
            "rows": [{"ref": row["id"], "value_uv": low, "change_pct": _percent(low, row) - 100}],
            "unchanged": None, "cause_suspected": "relative hypotension (MAP 61 mmHg)",
            "communicated": self.told(told, "anesthesia"),
            "actions": [{"t": done, "by": "anesthesia", "text": "phenylephrine given to raise MAP"}],
            "resolution": None, "md_note": None,
        }  # fmt: skip
        if self.story == "resolved":
            back, better = _part(row, 90), self.after(9, 16)
            made["resolution"] = {"status": "resolved", "t": better, "rows": [_left(row, back)]}
            made["md_note"] = {"by": self.physician[0], "t": self.after(1), "text": "Recovery confirmed"}
        else:
            made["actions"].append(
                {"t": self.after(4), "by": "surgeon", "text": "retraction released, wound irrigated"}
            )
        return made

    def settle(self, alerts: list[dict[str, Any]], rows: list[dict[str, Any]], at: str) -> None:
        """A change that is still there at closing: last values, and the surgeon hears it again."""
        for alert in alerts:
            if alert["resolution"] is None:
                row = next(row for row in rows if row["id"] == alert["rows"][0]["ref"])
                told = self.after(1)
                alert["resolution"] = {
                    "status": "unresolved", "t": at, "rows": [_left(row, alert["rows"][0]["value_uv"])],
                    "reported_to": "surgeon", "reported_at": told,
                }  # fmt: skip
                alert["md_note"] = {
                    "by": self.physician[0],
                    "t": told,
                    "text": "Persistent change, a new deficit is possible",
                }

    def anesthesia(self, given: str, tof: str) -> dict[str, Any]:
        agents = [{"name": "propofol", "dose": 10 * self.dice.randint(8, 16), "unit": "mcg/kg/min"}, {"name": "remifentanil", "dose": 0.2, "unit": "mcg/kg/min"}]  # fmt: skip
        nmb = {"agent": "rocuronium", "dose": "40 mg", "given_at": given, "reversed": None}
        return {"technique": "TIVA", "agents": agents, "nmb": nmb, "tof": [{"t": tof, "value": "4/4"}]}

    def physiology(self, start: str, stop: str) -> list[dict[str, Any]]:
        first, last = datetime.fromisoformat(start), datetime.fromisoformat(stop)
        times = [first + (last - first) * part // 4 for part in (1, 3)]
        return [
            {"id": f"PH{n}", "t": at.replace(second=0, microsecond=0).isoformat(), "map_mmhg": self.dice.randint(66, 92), "temp_c": round(self.dice.uniform(35.6, 36.8), 1)}
            for n, at in enumerate(times, 1)
        ]  # fmt: skip

    def closing(self, rows: list[dict[str, Any]], alerts: list[Any], at: str, exam_at: str) -> dict[str, Any]:
        lost = {
            row["ref"]: row["pct_of_baseline"]
            for alert in alerts
            if alert["resolution"]["status"] == "unresolved"
            for row in alert["resolution"]["rows"]
        }
        values = []
        for row in rows:
            if row["amp_uv"] is None:
                values.append({"ref": row["id"], "status": "quiet" if row["modality"] == "EMG" else "at baseline"})
            else:
                usual = self.dice.randint(91, 104)
                values.append({"ref": row["id"], "pct": lost.get(row["id"], usual)})
        overall = "not_at_baseline" if lost else "at_baseline"
        return {"t": at, "rows": values, "overall": overall, "postop_exam": self.exam(exam_at, bool(lost))}

    def exam(self, at: str, weak: bool) -> dict[str, Any]:
        if self.story == "aborted":
            why = "transferred to intensive care intubated"
            return {"recorded": False, "t": None, "text": None, "by": None, "new_deficit": None, "missing_reason": why}
        text = "new weakness on the side of the change, 3/5" if weak else "moves all four extremities to command"
        by = "surgeon" if weak else "anesthesia"
        return {"recorded": True, "t": at, "text": text, "by": by, "new_deficit": weak}

    def presence(self, connect: str, review: str, start: str, stop: str, out: str, alerts: list[Any]) -> dict[str, Any]:
        alone = self.payer_class in ("medicare", "medicare_advantage", "medicaid")
        stretch = {"from": start, "to": stop}
        notes = [{"t": review, "by": self.physician[0], "text": "Baselines reviewed, acceptable"}]
        notes += [
            {"t": alert["communicated"][-1]["t"], "by": self.physician[0], "text": "Alert acknowledged"}
            for alert in alerts
        ]
        return {
            "physician": self.physician[0], "connect": connect, "disconnect": out, "method": "secure remote desktop + text chat",
            "concurrency": [{**stretch, "n": 1 if alone else self.dice.randint(1, 3)}], "exclusive": [stretch] if alone else [], "notes": notes,
        }  # fmt: skip


def _plain(setup: presets.Setup) -> dict[str, Any]:
    wire = to_wire(setup.modality)
    if setup.modality.code == "TcMEP":
        wire["safety"] = "soft bite block placed and checked"
    return {name: value for name, value in wire.items() if value is not None}


def _numbered(said: list[tuple[str, str, str]]) -> list[dict[str, Any]]:
    return [{"id": f"EV{n}", "t": at, "type": kind, "text": text} for n, (kind, text, at) in enumerate(said, 1)]


def _part(row: dict[str, Any], percent: int) -> int | float:
    """A share of a baseline's amplitude, as whole or as fine as the baseline itself is read."""
    amplitude = row["amp_uv"]
    return amplitude * percent // 100 if isinstance(amplitude, int) else round(amplitude * percent / 100, 2)


def _percent(value: float, row: dict[str, Any]) -> int:
    return round(100 * value / row["amp_uv"])


def _left(row: dict[str, Any], value: float) -> dict[str, Any]:
    return {"ref": row["id"], "value_uv": value, "pct_of_baseline": _percent(value, row)}


def _minutes(start: str, end: str) -> int:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)) // timedelta(minutes=1)


def make(seed: int, *, day: date, payer_class: str = "commercial", arrival: datetime | None = None) -> dict[str, Any]:
    """A made-up case as an `ionm-case/1` object. `seed` picks kind, place, people, numbers and what happens.

    The technologist comes in the early morning, or at `arrival`.
    """
    at = arrival.astimezone(ZoneInfo(FACILITIES[seed % len(FACILITIES)][2])) if arrival else None
    return {"schema": SCHEMA, "synthetic": True, "case": _Made(seed, day, payer_class, at).case()}
