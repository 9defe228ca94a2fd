"""What is asked for each kind of entry: one declaration, for the desk's forms and for the phone's.

The ranges and choices themselves are those of the record's structs; here stand the words, the units and the order.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Literal, get_args

import msgspec
from msgspec import Struct

from . import cases as c
from . import record as r

Widget = Literal["text", "number", "whole", "numbers", "time", "choice", "yesno", "lines", "list", "rows"]
Source = Literal[
    "", "staff", "technologists", "physicians", "baselines", "tests", "alerts", "connections", "segments"
]  # fmt: skip
Options = tuple[tuple[str, str], ...]


class Field(Struct, frozen=True, kw_only=True):
    """One question. `source` names what of the record may be chosen, `suggest` texts that are usual;
    `carry` fills a new form from the entry before; `columns` are the questions of one row of a list."""

    name: str
    label: str
    widget: Widget = "text"
    unit: str = ""
    choices: Options = ()
    source: Source = ""
    suggest: tuple[str, ...] = ()
    hint: str = ""
    required: bool = False
    carry: bool = False
    columns: tuple[Field, ...] = ()


class Kind(Struct, frozen=True):
    """A kind of entry: its name for people, the group it is shown in, its questions."""

    name: str
    title: str
    group: str
    fields: tuple[Field, ...]

    def field(self, name: str) -> Field:
        return next(field for field in self.fields if field.name == name)


def text(name: str, label: str, **more: Any) -> Field:
    return Field(name=name, label=label, **more)


def number(name: str, label: str, unit: str = "", **more: Any) -> Field:
    return Field(name=name, label=label, widget="number", unit=unit, **more)


def time(name: str, label: str, **more: Any) -> Field:
    return Field(name=name, label=label, widget="time", **more)


def choice(name: str, label: str, values: Any = (), **more: Any) -> Field:
    named = tuple((value, WORDS.get(value, value.replace("_", " ").capitalize())) for value in get_args(values))
    return Field(name=name, label=label, widget="choice", choices=named, **more)


def lines(name: str, label: str, **more: Any) -> Field:
    return Field(name=name, label=label, widget="lines", **more)


MILESTONES = Literal["tech_arrive", "setup_start", "setup_end", "electrodes_out"]
WORDS = {
    **{code: code for code in get_args(c.ModalityCode)},
    "L": "Left", "R": "Right", "B": "Both sides", "remote_exclusive": "Remote, this case alone",
    "in_room": "In the room", "tech_arrive": "In the room", "setup_start": "Set-up start", "setup_end": "Set-up end",
    "electrodes_out": "Electrodes out", "emg_activity": "EMG activity", "no_alerts": "No signal alerts",
    "no_breaks": "No breaks", "no_stim_tests": "No stimulation tests", "not_at_baseline": "Not at baseline",
    "at_baseline": "At baseline", "closing": "Closing started",
}  # fmt: skip
MISSING = Field(
    name="missing_reason",
    label="If something is missing, why",
    suggest=("not_recorded", "not_available", "not_applicable", "technical"),
)
SIDE = choice("side", "Side", c.Side)
AT = time("at", "Time")
AT_REQUIRED = time("at", "Time", required=True)
ALERT = choice("alert", "Signal alert", source="alerts", required=True)
MODES = ("verbal", "chat", "phone")
CHANGED = Field(
    name="rows",
    label="Responses that changed",
    widget="rows",
    columns=(
        choice("ref", "Response", source="baselines"),
        choice("stim_ref", "or stimulation test", source="tests"),
        number("value_uv", "Amplitude", "µV"),
        number("value_lat_ms", "Latency", "ms"),
        number("change_pct", "Change", "%"),
        number("pct_of_baseline", "Of baseline", "%"),
        SIDE,
        text("site", "Site"),
        text("text", "In words"),
        MISSING,
    ),
)

GROUPS = (
    ("time", "Times"),
    ("set-up", "People and set-up"),
    ("baselines", "Baselines"),
    ("anesthesia", "Anesthesia and physiology"),
    ("events", "Events"),
    ("alerts", "Signal alerts"),
    ("tests", "Stimulation tests"),
    ("closing", "Closing"),
    ("physician", "Physician log"),
)
"""The parts of the working page, in the order a case goes."""


def _kind(name: str, title: str, group: str, *fields: Field, missing: bool = True) -> Kind:
    return Kind(name, title, group, (*fields, MISSING) if missing else fields)


_ALL = (
    _kind("milestone", "Milestone", "time", choice("what", "What", MILESTONES, required=True), AT_REQUIRED, missing=False),
    _kind("monitoring_start", "Monitoring start", "time", AT_REQUIRED,
          choice("mode", "Mode", c.Mode, carry=True, required=True)),
    _kind("monitoring_stop", "Monitoring stop", "time", AT_REQUIRED,
          choice("segment", "Stretch it ends", source="segments", hint="Leave open to end the one that runs then.")),
    _kind("break", "Break", "time", time("start", "Start"), time("end", "End"), text("reason", "Reason")),
    _kind("staff", "Person", "set-up", choice("role", "Role", None, required=True),
          text("name", "Name", required=True), text("cred", "Credentials", suggest=("CNIM", "R. EEG T.")),
          time("on", "On"), time("off", "Off")),
    _kind("handover", "Handover", "set-up", choice("whose", "Whose", None, required=True),
          choice("frm", "From", source="staff", required=True), choice("to", "To", source="staff", required=True),
          time("start", "Start"), time("end", "End")),
    _kind("modality", "Modality", "set-up",
          choice("code", "Modality", c.ModalityCode, required=True),
          text("region", "Region", suggest=("UL", "LL", "UL+LL", "segmental", "cranial")), SIDE,
          text("nerve", "Nerve", suggest=("median", "ulnar", "posterior tibial", "peroneal", "saphenous")),
          text("stim_site", "Stimulation site", suggest=("wrist", "ankle", "C3/C4", "C1/C2", "M3/M4")),
          Field(name="stim_ma", label="Stimulus", widget="numbers", unit="mA", hint="Such as 20, 22."),
          Field(name="stim_v", label="Stimulus", widget="numbers", unit="V", hint="Such as 300, 400."),
          number("pw_us", "Pulse width", "µs"), Field(name="train", label="Train", widget="whole", unit="pulses"),
          number("isi_ms", "Interval", "ms"), number("rate_hz", "Rate", "Hz"),
          Field(name="rec", label="Recording sites", widget="list", hint="One on each line."),
          Field(name="filters_hz", label="Filters", widget="numbers", unit="Hz", hint="Low, then high: 30, 500."),
          Field(name="averages", label="Averages", widget="whole"), text("stim", "Stimulator"),
          text("sweep", "Sweep"), text("safety", "Safety", hint="Bite block checked, contraindications reviewed."),
          Field(name="muscles", label="Muscles", widget="list", hint="One on each line."),
          text("channels", "Channels"), text("montage", "Montage"), text("electrodes", "Electrodes")),
    _kind("criterion", "Alert criterion", "set-up", choice("modality", "Modality", c.ModalityCode, required=True),
          text("text", "What counts as an alert", required=True), missing=False),
    _kind("baseline_set", "Baseline set", "baselines",
          text("label", "Name", suggest=("supine", "prone", "final position")), time("start", "Start"),
          time("end", "End"), choice("reviewed_by", "Reviewed by", source="physicians"),
          time("reviewed_at", "Reviewed at")),
    _kind("baseline", "Baseline response", "baselines",
          choice("modality", "Modality", c.ModalityCode, required=True, carry=True), SIDE,
          text("site", "Site or nerve", carry=True), text("peak", "Peak", carry=True, suggest=("N20", "P37", "V")),
          number("lat_ms", "Latency", "ms"), number("amp_uv", "Amplitude", "µV"),
          choice("quality", "Quality", c.Quality), text("descriptor", "Description")),
    _kind("anesthesia", "Anesthesia", "anesthesia",
          text("technique", "Technique", suggest=("TIVA", "balanced (IV + low-dose volatile)", "volatile", "regional")),
          Field(name="agents", label="Agents", widget="rows", columns=(
              text("name", "Agent", required=True), number("dose", "Dose"),
              text("unit", "Unit", suggest=("mcg/kg/min", "MAC", "mg/kg/h")), MISSING)),
          text("nmb.agent", "Neuromuscular blocker"), text("nmb.dose", "Dose of the blocker", hint="Such as 40 mg."),
          time("nmb.given_at", "Blocker given at"), text("nmb.reversed", "Reversed with"),
          text("nmb.missing_reason", "If something of the blocker is missing, why")),
    _kind("tof", "Train-of-four", "anesthesia", AT,
          text("value", "Reading", suggest=("4/4", "3/4", "2/4", "1/4", "0/4"), hint="Such as 4/4, 80 % or 0.8.")),
    _kind("physiology", "Vital signs", "anesthesia", AT, number("map_mmhg", "MAP", "mmHg"),
          number("temp_c", "Temperature", "°C")),
    _kind("event", "Event", "events", AT_REQUIRED, choice("type", "What", c.EventType, required=True),
          lines("text", "In words")),
    _kind("alert", "Signal alert", "alerts", time("at", "Time of onset"),
          choice("modality", "Modality", c.ModalityCode, required=True),
          CHANGED, lines("surgical_context", "What the surgeon was doing"), text("criterion", "Criterion met"),
          lines("unchanged", "What did not change"), lines("cause_suspected", "Suspected cause")),
    _kind("told", "Told", "alerts", ALERT, choice("who", "Who was told", c.Listener, required=True), AT,
          text("mode", "How", suggest=MODES), choice("ref", "Which physician", source="physicians")),
    _kind("alert_action", "Action", "alerts", ALERT, AT,
          text("by", "By", suggest=("surgeon", "anesthesia", "technologist")), lines("text", "What was done", required=True)),
    _kind("resolution", "Resolution", "alerts", ALERT, choice("status", "How it ended", c.ResolutionStatus), AT,
          msgspec.structs.replace(CHANGED, label="Values then"),
          text("reported_to", "Reported to", hint="For a change that did not resolve."), time("reported_at", "Reported at")),
    _kind("alert_note", "Physician's remark on an alert", "alerts", ALERT,
          choice("by", "By", source="physicians", required=True), AT, lines("text", "Remark", required=True)),
    _kind("stim_test", "Stimulation test", "tests", AT,
          text("type", "Kind of test", carry=True, suggest=("pedicle_screw", "direct_nerve"), required=True),
          text("level", "Level", hint="Such as L5."), SIDE, number("thr_ma", "Threshold", "mA"),
          text("muscle", "Muscle"), choice("retest_of", "Retest of", source="tests")),
    _kind("closing_data", "Closing data", "closing", AT, choice("overall", "Overall", c.Overall)),
    _kind("closing_value", "Closing response", "closing",
          choice("ref", "Response", source="baselines", required=True), number("pct", "Of baseline", "%"),
          text("status", "State", suggest=("at baseline", "changed", "not recorded", "quiet", "absent"))),
    _kind("postop_exam", "Post-operative observation", "closing",
          Field(name="recorded", label="Was an observation recorded", widget="yesno", required=True), AT,
          lines("text", "What was seen, in the observer's words"), text("by", "Observer"),
          Field(name="new_deficit", label="New deficit", widget="yesno")),
    _kind("statement", "Nothing to record", "closing", choice("what", "There were", None, required=True), AT,
          missing=False),
    _kind("outcome", "How the case ended", "closing", choice("status", "The case was", c.Status, required=True),
          missing=False),
    _kind("signoff", "Sign-off", "closing", choice("role", "Role", None, required=True),
          choice("staff", "Who", source="staff", required=True), AT_REQUIRED, missing=False),
    _kind("presence", "Physician connection", "physician",
          choice("physician", "Physician", source="physicians", required=True, carry=True),
          time("connect", "Connected"), time("disconnect", "Disconnected"),
          text("method", "Method", carry=True, suggest=("secure remote desktop + text chat", "in person")),
          Field(name="concurrency", label="Cases watched at once", widget="rows", columns=(
              time("frm", "From"), time("to", "To"), Field(name="n", label="Cases, this one included", widget="whole"),
              MISSING)),
          Field(name="exclusive", label="This case alone", widget="rows",
                columns=(time("frm", "From"), time("to", "To"), MISSING))),
    _kind("physician_note", "Physician's note", "physician",
          choice("presence", "Connection", source="connections", required=True),
          choice("by", "By", source="physicians", required=True), AT, lines("text", "Note", required=True)),
    _kind("impression", "Impression", "physician", choice("by", "By", source="physicians", required=True),
          AT_REQUIRED, lines("text", "Impression", required=True)),
    _kind("struck", "Strike", "time", text("reason", "Why"), missing=False),
)  # fmt: skip


def _with_choices(kind: Kind) -> Kind:
    """Choices that stand only in the struct of the kind are read from there."""
    filled = []
    for field in kind.fields:
        if field.widget == "choice" and not field.choices and not field.source:
            values = literals(r.KINDS[kind.name], field.name)
            named = tuple((value, WORDS.get(value, value.replace("_", " ").capitalize())) for value in values)
            field = msgspec.structs.replace(field, choices=named)
        filled.append(field)
    return Kind(kind.name, kind.title, kind.group, tuple(filled))


def _types(cls: type[Struct], name: str) -> list[Any]:
    """The plain types a field of a struct may have, those inside a list included."""
    todo = [info.type for info in msgspec.inspect.type_info(cls).fields if info.name == name]
    found = []
    for one in todo:
        if isinstance(one, msgspec.inspect.UnionType):
            todo += one.types
        elif isinstance(one, msgspec.inspect.VarTupleType):
            todo.append(one.item_type)
        else:
            found.append(one)
    return found


@cache
def limits(cls: type[Struct], name: str) -> tuple[float | None, float | None]:
    """The least and the greatest number a field takes; None where there is no bound."""
    least, most = [], []
    for one in _types(cls, name):
        if isinstance(one, (msgspec.inspect.IntType, msgspec.inspect.FloatType)):
            least.append(one.ge if one.ge is not None else one.gt)
            most.append(one.le if one.le is not None else one.lt)
    return (
        min((x for x in least if x is not None), default=None),
        max((x for x in most if x is not None), default=None),
    )


@cache
def length(cls: type[Struct], name: str) -> int | None:
    """How many characters a field takes."""
    found = [one.max_length for one in _types(cls, name) if isinstance(one, msgspec.inspect.StrType) and one.max_length]
    return max(found, default=None)


@cache
def literals(cls: type[Struct], name: str) -> tuple[str, ...]:
    return tuple(
        value for one in _types(cls, name) if isinstance(one, msgspec.inspect.LiteralType) for value in one.values
    )


KINDS: dict[str, Kind] = {kind.name: _with_choices(kind) for kind in _ALL}
"""Every kind of `record.KINDS`, with what is asked for it."""
