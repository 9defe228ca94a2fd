"""What the phone needs to keep a record by itself: the steps of this case, its usual answers, the limits of numbers,
what must not be missing; and what a wrong clock of the phone does to the times it sent.

Everything here is said once and travels as JSON, so that the phone asks and refuses exactly as the server does.
The steps and chips fill structure: never a measurement, a time or a negative (report-and-phone.md 4.1).
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct

from . import cases as c
from . import completeness, kinds, studies
from . import record as r

AHEAD = timedelta(days=7)
"""The phone holds the cases of so many days to come, and the open ones."""
WITHOUT_SERVER_DAYS = 3
"""After so many days without an answer of the server the phone makes its copies unreadable (ASVS 14.3.3)."""
IGNORED_MS = 2000
"""A phone's clock is not corrected by less: the way of an answer through the air takes as long."""
MOST_MS = 366 * 24 * 3600 * 1000


def until(today: date) -> date:
    """The last day of service the phone holds."""
    return today + AHEAD


class Make(Struct, frozen=True, omit_defaults=True):
    """One entry that a tap makes. `time` is the field that takes the time of the tap; `ends` corrects the open entry."""

    kind: str
    data: dict[str, Any] = {}  # noqa: RUF012  a struct copies its default
    time: str = "at"
    ends: bool = False


class Step(Struct, frozen=True, omit_defaults=True):
    """A now button: its words and what it makes. `also` steps are not in the order of every case."""

    name: str
    label: str
    makes: tuple[Make, ...]
    also: bool = False


def _milestone(what: str) -> Make:
    return Make("milestone", {"what": what})


def _event(type: str, text: str = "") -> Make:
    return Make("event", {"type": type, "text": text} if text else {"type": type})


_BEGIN, _END = Make("baseline_set", time="start"), Make("baseline_set", time="end", ends=True)
_START = Make("monitoring_start", {"mode": "remote"})
_BEFORE = (
    Step("arrive", "In the room", (_milestone("tech_arrive"),)),
    Step("setup", "Set-up start", (_milestone("setup_start"),)),
    Step("baselines", "Set-up end, baselines start", (_milestone("setup_end"), _BEGIN)),
    Step("monitoring", "Baselines end, monitoring start", (_END, _START)),
    Step("incision", "Incision", (_event("incision", "Skin incision"),)),
    Step("exposure", "Exposure", (_event("exposure", "Exposure complete"),)),
)
_AFTER = (
    Step("closing", "Closing started", (_event("closing", "Closing started"),)),
    Step("stop", "Monitoring stop", (Make("monitoring_stop"),)),
    Step("out", "Electrodes out", (_milestone("electrodes_out"),)),
)
_ALONE = (
    Step("setup-end", "Set-up end alone", (_milestone("setup_end"),), also=True),
    Step("baselines-start", "Baselines start alone", (_BEGIN,), also=True),
    Step("baselines-end", "Baselines end alone", (_END,), also=True),
    Step("monitoring-start", "Monitoring start alone", (_START,), also=True),
    Step("decompression", "Decompression", (_event("decompression"),), also=True),
    Step("instrumentation", "Instrumentation", (_event("instrumentation"),), also=True),
    Step("corrective", "Corrective maneuver", (_event("corrective_maneuver"),), also=True),
)


def steps(procedure: c.Procedure) -> tuple[Step, ...]:
    """The taps of a case in the order it goes, the surgeon's part by the kind of procedure and its levels."""
    return (*_BEFORE, *_surgery(procedure), *_AFTER, *_ALONE)


def _surgery(procedure: c.Procedure) -> tuple[Step, ...]:
    text = procedure.text.lower()
    if re.search(r"carotid|endarterectomy", text):
        return (
            _surgical("clamp", "Cross-clamp on", "clamp_on"),
            _surgical("shunt", "Shunt placed", "shunt"),
            _surgical("unclamp", "Cross-clamp off", "clamp_off"),
        )
    if re.search(r"discectomy|acdf", text) and procedure.levels:
        found = []
        for level in procedure.levels:
            found.append(_surgical(f"disc-{level}", f"{level} discectomy started", "decompression"))
            if "fusion" in text or "acdf" in text:
                found.append(_surgical(f"graft-{level}", f"{level} interbody graft placed", "instrumentation"))
        if "anterior" in text or "acdf" in text:
            found.append(_surgical("plate", "Anterior plate and screws placed", "instrumentation"))
        return tuple(found)
    if re.search(r"scoliosis|deformity", text):
        return (
            _surgical("screws", "Pedicle screw placement started", "instrumentation"),
            _surgical("correction", "Correction started", "corrective_maneuver"),
        )
    if re.search(r"fusion|screw|instrument", text):
        return (
            _surgical("decompress", "Decompression started", "decompression"),
            _surgical("screws", "Pedicle screw placement started", "instrumentation"),
        )
    return (_surgical("resection", "Decompression or resection started", "decompression"),)


def _surgical(name: str, label: str, type: str) -> Step:
    return Step(name, label, (_event(type, label),))


CHIPS: dict[str, Any] = {
    "techniques": ["TIVA", "Balanced (IV + low-dose volatile)", "Inhalational"],
    "agents": [
        {"name": "propofol", "unit": "mcg/kg/min"}, {"name": "remifentanil", "unit": "mcg/kg/min"},
        {"name": "sevoflurane", "unit": "MAC"}, {"name": "desflurane", "unit": "MAC"},
        {"name": "ketamine", "unit": "mg/kg/h"}, {"name": "dexmedetomidine", "unit": "mcg/kg/h"},
    ],
    "blocks": ["rocuronium", "succinylcholine", "vecuronium"],
    "tof": ["4/4", "3/4", "2/4", "1/4", "0/4"],
    "contexts": ["positioning", "exposure", "decompression", "screw placement", "graft or implant", "correction", "traction",
                 "hypotension", "no step of the surgeon"],
    "causes": ["surgical maneuver", "hypotension", "anesthetic change", "position of a limb", "technical"],
    "actions": [
        {"by": "surgeon", "text": "correction released"}, {"by": "surgeon", "text": "implant removed or redirected"},
        {"by": "surgeon", "text": "retraction released"}, {"by": "surgeon", "text": "surgery paused"},
        {"by": "anesthesia", "text": "MAP raised"}, {"by": "anesthesia", "text": "anesthetic reduced"},
        {"by": "technologist", "text": "electrodes and stimulator checked"},
        {"by": "technologist", "text": "limb repositioned"}, {"by": "technologist", "text": "train-of-four checked"},
    ],
    "told": [
        {"who": "surgeon", "mode": "verbal"}, {"who": "anesthesia", "mode": "verbal"},
        {"who": "interpreting physician", "mode": "chat"},
    ],
    "safety": ["bite block checked", "contraindications reviewed"],
    "exams": ["moves all four extremities to command", "moves both feet to command", "not yet awake"],
    "observers": ["anesthesia", "surgeon", "technologist"],
    "breaks": ["relief", "equipment", "surgeon's request"],
    "baselines": ["good", "reduced", "absent"],
    "quiet": ["quiet", "active", "absent"],
    "closing": ["at baseline", "changed", "not recorded"],
}  # fmt: skip
"""Usual answers, each a tap. What is not among them is typed."""


SHORT = {
    "mep": "TcMEP", "meps": "TcMEP", "sep": "SSEP", "ssep": "SSEP", "abr": "BAEP", "baer": "BAEP", "ptn": "posterior tibial",
    "tibial": "posterior tibial", "un": "ulnar", "mn": "median",
}  # fmt: skip
"""What machines' exports write for a modality or a nerve, beside the short names of muscles."""


class Need(Struct, frozen=True, omit_defaults=True):
    """What a record lacks until an entry of one of these kinds fits. `block` stops the closing of the case."""

    label: str
    screen: str
    fits: tuple[tuple[str, dict[str, Any]], ...]
    block: bool = False
    when: str = ""


NEEDS = (
    Need("Arrival in the room", "times", (("milestone", {"what": "tech_arrive"}),)),
    Need("Set-up start", "times", (("milestone", {"what": "setup_start"}),)),
    Need("Set-up end", "times", (("milestone", {"what": "setup_end"}),)),
    Need("Times of the baselines", "times", (("baseline_set", {"start": None, "end": None}),)),
    Need("Monitoring start", "times", (("monitoring_start", {}),), block=True),
    Need("Incision", "times", (("event", {"type": "incision"}),)),
    Need("Monitoring stop", "times", (("monitoring_stop", {}),), block=True),
    Need("Electrodes out", "times", (("milestone", {"what": "electrodes_out"}),)),
    Need("Anesthetic technique", "anesthesia", (("anesthesia", {"technique": None}),)),
    Need("Train-of-four", "anesthesia", (("tof", {"value": None}),), when="TcMEP"),
    Need("MAP", "anesthesia", (("physiology", {"map_mmhg": None}),)),
    Need("Temperature", "anesthesia", (("physiology", {"temp_c": None}),)),
    Need("Signal alerts, or that there were none", "alerts", (("alert", {}), ("statement", {"what": "no_alerts"})), block=True),
    Need("Stimulation tests, or that there were none", "screws",
         (("stim_test", {}), ("statement", {"what": "no_stim_tests"})), when="tEMG"),
    Need("Closing data", "closing", (("closing_data", {"overall": None}),), block=True),
    Need("Observation after the operation", "closing", (("postop_exam", {}),)),
    Need("Breaks, or that there were none", "finish", (("break", {}), ("statement", {"what": "no_breaks"}))),
)  # fmt: skip
"""Each a shadow of a rule of `completeness`, for a phone without the server. A field named without a value must be there;
`when` names the modality that makes it needed. What depends on each alert, test and response the phone walks itself."""


def numbers() -> dict[str, dict[str, dict[str, Any]]]:
    """For each kind the numbers it asks: label, unit, least and most possible, least and most usual."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    rows = [("row", c.AlertRow, column) for column in kinds.CHANGED.columns]
    asked = [(name, r.KINDS[name], field) for name, kind in kinds.KINDS.items() for field in kind.fields]
    for name, cls, field in [*asked, *rows]:
        if field.widget not in ("number", "whole", "numbers"):
            continue
        least, most = kinds.limits(cls, field.name)
        usual = next((pair[1:3] for pair in r.USUAL.get(name, ()) if pair[0] == field.name), None)
        found.setdefault(name, {})[field.name] = {
            "label": field.label, "unit": field.unit, "least": least, "most": most, "usual": usual,
            "whole": field.widget == "whole",
        }  # fmt: skip
    return found


def doses() -> dict[str, dict[str, Any]]:
    """For each usual agent the limits of its dose, as `numbers` has them."""
    found = {}
    for agent in CHIPS["agents"]:
        known = r.dose_range(agent["name"], agent["unit"])
        found[agent["name"]] = {
            "label": f"{agent['name']} dose", "unit": agent["unit"], "least": 0, "most": known.most,
            "usual": (known.low, known.high), "whole": False,
        }  # fmt: skip
    return found


def form() -> dict[str, Any]:
    """What is the same for every case."""
    return {
        "chips": CHIPS, "needs": NEEDS, "numbers": numbers() | {"dose": doses()}, "latency": r.LATENCY_LIMITS,
        "listeners": completeness.REQUIRED_LISTENERS, "modalities": [code for code, _ in _modalities()],
        "days": WITHOUT_SERVER_DAYS, "late": r.LATE_AFTER.total_seconds(), "also": {**studies.SHORT, **SHORT},
    }  # fmt: skip


def _modalities() -> tuple[tuple[str, str], ...]:
    return kinds.KINDS["alert"].field("modality").choices


def corrected(
    entry: r.Entry, offset_ms: int | None, *, replaced: r.Entry | None = None, replaced_ms: int | None = None
) -> r.Entry:
    """The entry in true time. `offset_ms` is what has to be added to the phone's clock, as it measured it itself.

    A time equal to the time of keying was read off that clock by the same tap and moves with it. So does one taken over
    from an entry whose times were moved before. Any other was typed from the clock of the room and stays.
    """
    if offset_ms is None or abs(offset_ms) < IGNORED_MS:
        offset_ms = 0
    stamped = {entry.entered_at: entry.entered_at + timedelta(milliseconds=offset_ms)}
    if replaced is not None and replaced_ms is not None and abs(replaced_ms) >= IGNORED_MS:
        moved = timedelta(milliseconds=replaced_ms)
        stamped |= {at - moved: at for at in (replaced.at, *_times(replaced.data)) if at}
    return msgspec.structs.replace(
        entry, at=_moved(entry.at, stamped), data=_moved(entry.data, stamped), entered_at=stamped[entry.entered_at]
    )


def _times(value: Any) -> list[datetime]:
    return [item for name in value.__struct_fields__ if isinstance(item := getattr(value, name), datetime)]


def _moved(value: Any, stamped: dict[datetime, datetime]) -> Any:
    if isinstance(value, datetime):
        return stamped.get(value, value)
    if isinstance(value, Struct):
        changed = {
            name: stamped[item]
            for name in value.__struct_fields__
            if isinstance(item := getattr(value, name), datetime) and item in stamped
        }
        return msgspec.structs.replace(value, **changed) if changed else value
    return value


def clock_words(offset_ms: int | None) -> str:
    """What is said beside an entry whose times were moved: phone clock 3 h 0 min behind, corrected."""
    if offset_ms is None or abs(offset_ms) < IGNORED_MS:
        return ""
    seconds = round(abs(offset_ms) / 1000)
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    by = f"{hours} h {minutes} min" if hours else f"{minutes} min" if minutes else f"{seconds} s"
    return f"phone clock {by} {'behind' if offset_ms > 0 else 'ahead'}, corrected"
