"""Made-up cases for the example practice, for benchmarks and for trying things: the same seed, the same case.

Every patient is called TESTPATIENT and every file says that it is synthetic.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from . import presets
from .cases import SCHEMA, to_wire

FACILITIES = (
    ("Northfield Regional Hospital (synthetic)", "IL", "America/Chicago"),
    ("Front Range Children's (synthetic)", "CO", "America/Denver"),
    ("Harbor Point Medical Center (synthetic)", "NY", "America/New_York"),
    ("Lakeside University Hospital (synthetic)", "WI", "America/Chicago"),
    ("Sonoran Spine Hospital (synthetic)", "AZ", "America/Phoenix"),
)
SURGEONS = ("Dana Whitlock, MD", "Helen Castellan, MD", "Owen Lindqvist, MD", "Ines Calloway, MD", "Victor Amsel, MD")
TECHNOLOGISTS = (("T1", "Jordan Pruitt"), ("T2", "Priya Nand"), ("T3", "Marcus Bell"))
PHYSICIANS = (("P1", "Elena Marsh, MD"), ("P2", "Samuel Ortega, MD"))
BOARD = "Neurology; Clinical Neurophysiology (ABPN)"
_FIRST = [
    "ALMA",
    "BRAM",
    "CLEO",
    "DEAN",
    "EDDA",
    "FINN",
    "GITA",
    "HUGO",
    "INES",
    "JUNO",
    "KURT",
    "LENA",
    "MILO",
    "NORA",
    "OTTO",
    "PETRA",
    "QUIN",
    "ROSA",
    "SAUL",
    "TOVA",
    "URI",
    "VERA",
    "WADE",
    "XENA",
    "YURI",
    "ZOE",
    "ABEL",
    "BETH",
    "CARL",
    "DORA",
    "EMIL",
    "FAYE",
    "GLEN",
    "HOPE",
    "IVAN",
    "JADE",
    "KAI",
    "LOLA",
    "MARC",
    "NELL",
]


def _kinds() -> tuple[dict[str, Any], ...]:
    return (
        {"setups": ("ssep-ulnar", "ssep-tibial", "tcmep-cervical", "emg-cervical", "tof"), "approach": "anterior", "position": "supine",
         "preset": "Anterior cervical fusion (ACDF)",
            "text": "Anterior cervical discectomy and fusion, C5-C6", "levels": ["C5-C6"], "cpt": ["22551"], "structures": ["cervical spinal cord", "C6 nerve roots"],
         "diagnosis": ("Cervical disc disorder at C5-C6 with radiculopathy", "M50.122"), "exam": "Right biceps 4/5; no myelopathic signs",
         "steps": (("exposure", "Exposure complete", 20), ("decompression", "C5-C6 discectomy started", 8), ("instrumentation", "C5-C6 interbody graft placed", 30), ("instrumentation", "Anterior plate and screws placed", 12))},
        {"setups": ("ssep-ulnar", "ssep-tibial", "emg-lumbar", "temg", "tof"), "approach": "posterior", "position": "prone",
         "preset": "Lumbar fusion with pedicle screws",
            "text": "L4-L5 transforaminal lumbar interbody fusion with pedicle screws L4-L5", "levels": ["L4-L5"], "cpt": ["22633", "22840"], "structures": ["L4-L5 nerve roots", "cauda equina"],
         "diagnosis": ("Spondylolisthesis, lumbar region", "M43.16"), "exam": "Left ankle dorsiflexion 4/5", "screws": (("L4", "vastus lateralis"), ("L5", "tibialis anterior")),
         "steps": (("exposure", "Exposure complete", 28), ("instrumentation", "Pedicle screw placement started", 15), ("decompression", "L4-L5 decompression started", 40), ("instrumentation", "Interbody cage placed", 25), ("instrumentation", "Rods placed and compressed", 15))},
        {"setups": ("ssep-tibial", "tcmep-thoracolumbar", "tof"), "approach": "posterior", "position": "prone",
         "preset": "Thoracic decompression or tumor",
            "text": "T9-T10 laminectomy and decompression", "levels": ["T9-T10"], "cpt": ["63003"], "structures": ["thoracic spinal cord"],
         "diagnosis": ("Spinal stenosis, thoracic region", "M48.04"), "exam": "Lower extremity strength 4+/5 bilaterally",
         "steps": (("exposure", "Exposure complete", 25), ("decompression", "T9-T10 laminectomy started", 12), ("decompression", "Decompression complete", 45))},
        {"setups": ("eeg", "ssep-median"), "approach": "open", "position": "supine",
         "preset": "Carotid endarterectomy",
            "text": "Left carotid endarterectomy", "levels": [], "cpt": ["35301"], "structures": ["left cerebral hemisphere (ischemia)"], "side": "L",
         "diagnosis": ("Occlusion and stenosis of left carotid artery", "I65.22"), "exam": "Motor 5/5 throughout",
         "steps": (("exposure", "Exposure complete", 22), ("clamp_on", "Left carotid artery clamped", 14), ("clamp_off", "Clamp released", 38))},
    )  # fmt: skip


KINDS = _kinds()


class _Made:
    """One case while it is being made: the clock moves on as things happen."""

    def __init__(self, seed: int, day: date, payer_class: str) -> None:
        self.dice = random.Random(seed)  # noqa: S311  made-up cases, no secret depends on it
        self.kind = KINDS[seed % len(KINDS)]
        self.facility = FACILITIES[seed % len(FACILITIES)]
        self.surgeon = SURGEONS[seed % len(SURGEONS)]
        self.technologist = TECHNOLOGISTS[seed % len(TECHNOLOGISTS)]
        self.physician = PHYSICIANS[seed % len(PHYSICIANS)]
        self.zone = ZoneInfo(self.facility[2])
        self.seed, self.day, self.payer_class = seed, day, payer_class
        self.now = datetime.combine(day, time(6, 30), self.zone) + timedelta(minutes=5 * self.dice.randrange(12))
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
        events, tests, alerts = self.operation(rows)
        closing_at = self.after(6, 12)
        stop, out, exam_at, signed = self.after(4, 9), self.after(8, 14), self.after(10, 25), self.after(4, 9)
        return {
            "id": f"E-{self.seed:05d}", "tz": self.facility[2], "status": "completed", "record_rev": 1,
            "header": self.header(), "staff": self.staff(arrive, signed),
            "modalities": [_plain(setup) for setup in self.setups],
            "alert_criteria": {setup.modality.code: setup.criterion for setup in self.setups if setup.criterion},
            "anesthesia": self.anesthesia(setup_start, review), "physiology": self.physiology(start, stop),
            "baselines": {
                "sets": [{"label": self.kind["position"], "start": setup_end, "end": baseline_end, "reviewed_by": self.physician[0], "reviewed_at": review}],
                "rows": rows,
            },
            "events": events, "stim_tests": tests, "alerts": alerts, "closing": self.closing(rows, closing_at, exam_at),
            "time": {
                "tech_arrive": arrive, "setup_start": setup_start, "setup_end": setup_end,
                "segments": [{"id": "S1", "start": start, "end": stop, "mode": "remote", "minutes": _minutes(start, stop)}],
                "breaks": [], "electrodes_out": out,
            },
            "physician_log": [self.presence(setup_end, review, start, stop, out, alerts)],
            "signoff": {"technologist": {"id": self.technologist[0], "t": signed}, "physician": None},
        }  # fmt: skip

    def header(self) -> dict[str, Any]:
        kind, dice = self.kind, self.dice
        born = date(self.day.year - dice.randint(19, 84), dice.randint(1, 12), dice.randint(1, 28))
        return {
            "date_of_service": self.day.isoformat(),
            "facility": {"name": self.facility[0], "state": self.facility[1], "or_room": f"OR {dice.randint(1, 14)}"},
            "patient": {"name": f"TESTPATIENT, {_FIRST[self.seed % len(_FIRST)]}", "mrn": f"SYN-{500000 + self.seed}", "dob": born.isoformat(), "sex": dice.choice("FM"), "encounter": f"E-{80000 + self.seed}"},
            "payer_class": self.payer_class, "surgeon": self.surgeon, "anesthesia": "R. Okafor, MD", "requested_by": self.surgeon,
            "procedure": {"text": kind["text"], "levels": kind["levels"], "approach": kind["approach"], "side": kind.get("side"), "cpt": kind["cpt"], "position": kind["position"]},
            "diagnosis": [{"text": kind["diagnosis"][0], "icd10": kind["diagnosis"][1]}],
            "indication": f"{kind['structures'][0].capitalize()} at risk", "structures_at_risk": kind["structures"], "preop_exam": kind["exam"],
        }  # fmt: skip

    def staff(self, on: str, off: str) -> dict[str, Any]:
        return {
            "technologists": [{"id": self.technologist[0], "name": self.technologist[1], "cred": "CNIM", "on": on, "off": off}],
            "physicians": [{"id": self.physician[0], "name": self.physician[1], "cred": BOARD}],
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
        """From the incision to closing: events, screw tests, and in some cases a signal alert that resolves."""
        said = [("incision", "Skin incision", self.after(9, 20))]
        tests: list[dict[str, Any]] = []
        alerts: list[dict[str, Any]] = []
        alerting = self.seed % 4 == 3 and any(row["modality"] == "TcMEP" for row in rows)
        for index, (kind, text, minutes) in enumerate(self.kind["steps"]):
            said.append((kind, text, self.after(minutes, minutes + 12)))
            if alerting and index == 1:
                alerts.append(self.alert(rows, text))
        for level, muscle in self.kind.get("screws", ()):
            for side in "LR":
                tests.append({"id": f"ST{len(tests) + 1}", "t": self.after(2), "type": "pedicle_screw", "level": level, "side": side, "thr_ma": float(self.dice.randint(11, 24)), "muscle": muscle, "retest_of": None})  # fmt: skip
        said.append(("closing", "Closing started", self.after(8, 15)))
        events = [{"id": f"EV{n}", "t": at, "type": kind, "text": text} for n, (kind, text, at) in enumerate(said, 1)]
        return events, tests, alerts

    def alert(self, rows: list[dict[str, Any]], context: str) -> dict[str, Any]:
        row = self.dice.choice([row for row in rows if row["modality"] == "TcMEP"])
        low, back = row["amp_uv"] // 10, row["amp_uv"] * 9 // 10
        at, told, done, better, note = self.after(3), self.after(1), self.after(2), self.after(9, 16), self.after(1)
        return {
            "id": "AL1", "t": at, "modality": "TcMEP", "surgical_context": context[0].lower() + context[1:], "criterion": "amplitude decrease >=80%",
            "rows": [{"ref": row["id"], "value_uv": low, "change_pct": round(100 * (low - row["amp_uv"]) / row["amp_uv"])}],
            "unchanged": None, "cause_suspected": "relative hypotension (MAP 61 mmHg)",
            "communicated": [{"who": "surgeon", "t": told, "mode": "verbal"}, {"who": "anesthesia", "t": told, "mode": "verbal"}, {"who": "interpreting physician", "t": told, "mode": "chat", "ref": self.physician[0]}],
            "actions": [{"t": done, "by": "anesthesia", "text": "phenylephrine given to raise MAP"}],
            "resolution": {"status": "resolved", "t": better, "rows": [{"ref": row["id"], "value_uv": back, "pct_of_baseline": round(100 * back / row["amp_uv"])}]},
            "md_note": {"by": self.physician[0], "t": note, "text": "Recovery confirmed"},
        }  # fmt: skip

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

    def closing(self, rows: list[dict[str, Any]], at: str, exam_at: str) -> dict[str, Any]:
        values = []
        for row in rows:
            if row["amp_uv"] is None:
                values.append({"ref": row["id"], "status": "quiet" if row["modality"] == "EMG" else "at baseline"})
            else:
                values.append({"ref": row["id"], "pct": self.dice.randint(91, 104)})
        exam = {"recorded": True, "t": exam_at, "text": "moves all four extremities to command", "by": "anesthesia", "new_deficit": False}  # fmt: skip
        return {"t": at, "rows": values, "overall": "at_baseline", "postop_exam": exam}

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


def _minutes(start: str, end: str) -> int:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)) // timedelta(minutes=1)


def make(seed: int, *, day: date, payer_class: str = "commercial") -> dict[str, Any]:
    """A made-up case as an `ionm-case/1` object. `seed` picks kind, place, people and numbers."""
    return {"schema": SCHEMA, "synthetic": True, "case": _Made(seed, day, payer_class).case()}
