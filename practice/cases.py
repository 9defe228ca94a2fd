"""What a case comes to: `Facts`, the immutable value folded from a record, and its interchange form.

Drafting, coding, scrubbing and packets read `Facts` and nothing else. The interchange form is the
JSON of schema `ionm-case/1`. A fact knows the entry it came from (`src`, the entry's client id), so
that every sentence, line and finding can name its source. `src` and the other fields listed in a
struct's `_inner` stay in the house; fields listed in `_optional` are left out of the JSON when empty.

A value that is missing is None, and `missing_reason` beside it may say why.
"""

from __future__ import annotations

import hashlib
from datetime import date, datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta, Struct, field

SCHEMA = "ionm-case/1"

ModalityCode = Literal["SSEP", "TcMEP", "EMG", "tEMG", "EEG", "BAEP", "VEP", "TOF", "DWAVE"]
PayerClass = Literal["commercial", "medicare", "medicare_advantage", "medicaid", "auto", "workers_comp", "self_pay"]


def payer_class_words(kind: str) -> str:
    """medicare_advantage as Medicare Advantage; names of programs are written large."""
    plain = kind.replace("_", " ")
    return plain.title() if plain.startswith("medica") else plain


Side = Literal["L", "R", "B"]
Quality = Literal["good", "reduced", "poor", "quiet", "active", "absent"]
EventType = Literal[
    "incision",
    "exposure",
    "decompression",
    "instrumentation",
    "corrective_maneuver",
    "clamp_on",
    "clamp_off",
    "shunt",
    "medication",
    "observation",
    "emg_activity",
    "adverse_event",
    "pause",
    "resume",
    "aborted",
    "closing",
    "other",
]
Listener = Literal["surgeon", "anesthesia", "interpreting physician"]
Mode = Literal["in_room", "remote", "remote_exclusive"]
Status = Literal["completed", "aborted", "incomplete"]
Overall = Literal["at_baseline", "not_at_baseline", "incomplete"]
ResolutionStatus = Literal["resolved", "partial", "unresolved"]

# Guards against typing errors, not clinical rules: report-and-phone.md section 1.2.
Number = int | float
Milliamps = Annotated[float, Meta(ge=0, le=100)] | Annotated[int, Meta(ge=0, le=100)]
Volts = Annotated[float, Meta(ge=0, le=1000)] | Annotated[int, Meta(ge=0, le=1000)]
Latency = Annotated[float, Meta(ge=1, le=100)] | Annotated[int, Meta(ge=1, le=100)]
Microvolts = Annotated[float, Meta(ge=0, le=20000)] | Annotated[int, Meta(ge=0, le=20000)]
Mmhg = Annotated[float, Meta(ge=20, le=250)] | Annotated[int, Meta(ge=20, le=250)]
Celsius = Annotated[float, Meta(ge=28, le=43)] | Annotated[int, Meta(ge=28, le=43)]
PulseMicroseconds = Annotated[float, Meta(ge=50, le=1000)] | Annotated[int, Meta(ge=50, le=1000)]
Hertz = Annotated[float, Meta(gt=0, le=20000)] | Annotated[int, Meta(gt=0, le=20000)]
StimRate = Annotated[float, Meta(ge=0.1, le=100)] | Annotated[int, Meta(ge=1, le=100)]
Percent = Annotated[float, Meta(ge=-100, le=1000)] | Annotated[int, Meta(ge=-100, le=1000)]
Instant = Annotated[datetime, Meta(tz=True)]
"""An aware time; a bare one is refused."""
Text = Annotated[str, Meta(max_length=4000)]
Line = Annotated[str, Meta(max_length=400)]


class Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A piece of the interchange form; see the module's docstring for `_optional` and `_inner`."""

    _optional: ClassVar[tuple[str, ...]] = ("missing_reason",)
    _inner: ClassVar[tuple[str, ...]] = ("src",)

    missing_reason: Line | None = None
    src: str = ""


# The header: who, where and why. Columns of the case and of the rows it points to.


class FacilityHeader(Part, kw_only=True):
    name: Line
    state: Line | None = None
    or_room: Line | None = None


class PatientHeader(Part, kw_only=True):
    name: Line
    mrn: Line | None = None
    dob: date | None = None
    sex: Literal["F", "M", "X", "U"] | None = None
    encounter: Line | None = None


class Procedure(Part, kw_only=True):
    text: Text
    levels: tuple[Line, ...] = ()
    approach: Line | None = None
    side: Side | None = None
    cpt: tuple[Line, ...] = ()
    position: Line | None = None


class Diagnosis(Part, kw_only=True):
    text: Text
    icd10: Line | None = None


class Header(Part, kw_only=True):
    date_of_service: date | None = None
    facility: FacilityHeader
    patient: PatientHeader
    payer_class: PayerClass | None = None
    surgeon: Line | None = None
    anesthesia: Line | None = None
    requested_by: Line | None = None
    procedure: Procedure
    diagnosis: tuple[Diagnosis, ...] = ()
    indication: Text | None = None
    structures_at_risk: tuple[Line, ...] = ()
    preop_exam: Text | None = None


# The people


class Technologist(Part, kw_only=True):
    id: str
    name: Line
    cred: Line | None = None
    on: Instant | None = None
    off: Instant | None = None


class Physician(Part, kw_only=True):
    id: str
    name: Line
    cred: Line | None = None


class Staff(Part, kw_only=True):
    technologists: tuple[Technologist, ...] = ()
    physicians: tuple[Physician, ...] = ()


class Handover(Part, kw_only=True):
    id: str
    kind: Literal["physician", "technologist"]
    frm: str
    to: str
    start: Instant | None = None
    end: Instant | None = None


# What was run


class Modality(Part, kw_only=True):
    _optional = (
        "side", "nerve", "stim_site", "stim_ma", "pw_us", "rate_hz", "rec", "filters_hz", "averages", "stim_v",
        "train", "isi_ms", "safety", "muscles", "sweep", "stim", "channels", "montage", "electrodes",
        "missing_reason",
    )  # fmt: skip

    code: ModalityCode
    region: Line | None = None
    side: Side | None = None
    nerve: Line | None = None
    stim_site: Line | None = None
    stim_ma: tuple[Milliamps | None, ...] | None = None
    stim_v: tuple[Volts | None, ...] | None = None
    pw_us: PulseMicroseconds | None = None
    train: Annotated[int, Meta(ge=1, le=12)] | None = None
    isi_ms: Annotated[float, Meta(ge=0.5, le=10)] | Annotated[int, Meta(ge=1, le=10)] | None = None
    rate_hz: StimRate | None = None
    rec: tuple[Line, ...] | None = None
    filters_hz: tuple[Hertz, ...] | None = None
    averages: Annotated[int, Meta(ge=1, le=20000)] | None = None
    stim: Line | None = None
    sweep: Line | None = None
    safety: Line | None = None
    muscles: tuple[Line, ...] | None = None
    channels: Annotated[int, Meta(ge=1, le=256)] | Line | None = None
    montage: Line | None = None
    electrodes: Line | None = None


class Agent(Part, kw_only=True):
    name: Line
    dose: Number | None = None
    unit: Line | None = None


class Nmb(Part, kw_only=True):
    """Neuromuscular blockade."""

    agent: Line | None = None
    dose: Line | None = None
    given_at: Instant | None = None
    reversed: Line | None = None


class Tof(Part, kw_only=True):
    """A train-of-four reading."""

    t: Instant | None = None
    value: Line | None = None


class Anesthesia(Part, kw_only=True):
    technique: Line | None = None
    agents: tuple[Agent, ...] = ()
    nmb: Nmb | None = None
    tof: tuple[Tof, ...] = ()


class Physiology(Part, kw_only=True):
    id: str
    t: Instant | None = None
    map_mmhg: Mmhg | None = None
    temp_c: Celsius | None = None


class BaselineSet(Part, kw_only=True):
    label: Line | None = None
    start: Instant | None = None
    end: Instant | None = None
    reviewed_by: str | None = None
    reviewed_at: Instant | None = None


class Baseline(Part, kw_only=True):
    id: str
    modality: ModalityCode
    side: Side | None = None
    site: Line | None = None
    peak: Line | None = None
    lat_ms: Latency | None = None
    amp_uv: Microvolts | None = None
    quality: Quality | None = None
    descriptor: Line | None = None


class Baselines(Part, kw_only=True):
    sets: tuple[BaselineSet, ...] = ()
    rows: tuple[Baseline, ...] = ()


# What happened


class Event(Part, kw_only=True):
    id: str
    t: Instant | None = None
    type: EventType = "other"
    text: Text = ""


class StimTest(Part, kw_only=True):
    id: str
    t: Instant | None = None
    type: Line = "pedicle_screw"
    level: Line | None = None
    side: Side | None = None
    thr_ma: Milliamps | None = None
    muscle: Line | None = None
    retest_of: str | None = None


class AlertRow(Part, kw_only=True):
    _optional = (
        "ref", "stim_ref", "side", "site", "text", "value_uv", "value_lat_ms", "change_pct",
        "pct_of_baseline", "missing_reason",
    )  # fmt: skip

    ref: str | None = None
    stim_ref: str | None = None
    side: Side | None = None
    site: Line | None = None
    text: Text | None = None
    value_uv: Microvolts | None = None
    value_lat_ms: Latency | None = None
    change_pct: Percent | None = None
    pct_of_baseline: Percent | None = None


class Communication(Part, kw_only=True):
    _optional = ("ref", "missing_reason")

    who: Listener
    t: Instant | None = None
    mode: Line | None = None
    ref: str | None = None


class AlertAction(Part, kw_only=True):
    t: Instant | None = None
    by: Line | None = None
    text: Text = ""


class Resolution(Part, kw_only=True):
    _optional = ("reported_to", "reported_at", "missing_reason")

    status: ResolutionStatus | None = None
    t: Instant | None = None
    rows: tuple[AlertRow, ...] = ()
    reported_to: Line | None = None
    reported_at: Instant | None = None


class SignedNote(Part, kw_only=True):
    """A remark with its author and time."""

    by: str
    t: Instant | None = None
    text: Text


class Alert(Part, kw_only=True):
    """A signal alert: a change of signals that met the alert criterion."""

    id: str
    t: Instant | None = None
    modality: ModalityCode
    surgical_context: Text | None = None
    criterion: Line | None = None
    rows: tuple[AlertRow, ...] = ()
    unchanged: Text | None = None
    cause_suspected: Text | None = None
    communicated: tuple[Communication, ...] = ()
    actions: tuple[AlertAction, ...] = ()
    resolution: Resolution | None = None
    md_note: SignedNote | None = None


class ClosingRow(Part, kw_only=True):
    _optional = ("pct", "status", "missing_reason")

    ref: str
    pct: Percent | None = None
    status: Line | None = None


class PostopExam(Part, kw_only=True):
    recorded: bool = False
    t: Instant | None = None
    text: Text | None = None
    by: Line | None = None
    new_deficit: bool | None = None


class Closing(Part, kw_only=True):
    t: Instant | None = None
    rows: tuple[ClosingRow, ...] = ()
    overall: Overall | None = None
    postop_exam: PostopExam | None = None


# Time


class Segment(Part, kw_only=True):
    """A stretch of continuous monitoring. `minutes` is derived from start and end, never typed."""

    _inner = ("src", "stop_src")

    id: str
    start: Instant | None = None
    end: Instant | None = None
    mode: Mode = "remote"
    minutes: int | None = None
    stop_src: str = ""
    """The entry that ends it; `src` is the one that starts it."""


class Break(Part, kw_only=True):
    start: Instant | None = None
    end: Instant | None = None
    reason: Line | None = None


class Time(Part, kw_only=True):
    _inner = ("src", "moments")

    tech_arrive: Instant | None = None
    setup_start: Instant | None = None
    setup_end: Instant | None = None
    segments: tuple[Segment, ...] = ()
    breaks: tuple[Break, ...] = ()
    electrodes_out: Instant | None = None
    moments: dict[str, str] = {}
    """The entry behind each single time, by its name."""


class Concurrency(Part, kw_only=True):
    """How many cases the physician watched in a stretch, this one included."""

    frm: Instant | None = field(name="from", default=None)
    to: Instant | None = None
    n: Annotated[int, Meta(ge=1, le=50)] | None = None


class Stretch(Part, kw_only=True):
    frm: Instant | None = field(name="from", default=None)
    to: Instant | None = None


class Presence(Part, kw_only=True):
    """A stretch in which an interpreting physician was connected to the case."""

    physician: str
    connect: Instant | None = None
    disconnect: Instant | None = None
    method: Line | None = None
    concurrency: tuple[Concurrency, ...] = ()
    exclusive: tuple[Stretch, ...] = ()
    notes: tuple[SignedNote, ...] = ()


class Signoff(Part, kw_only=True):
    id: str
    t: Instant | None = None


class Signoffs(Part, kw_only=True):
    technologist: Signoff | None = None
    physician: Signoff | None = None


# What never leaves in the interchange form


class Late(Struct, frozen=True, kw_only=True):
    """An entry keyed long after it happened (`was` None), or one whose time was changed later (`was` the old time)."""

    src: str
    at: datetime | None
    entered_at: datetime
    was: datetime | None = None


class Conflict(Struct, frozen=True, kw_only=True):
    """Two corrections of the same entry, made without seeing each other: both are kept, a person decides."""

    original: str
    versions: tuple[str, ...]


class Facts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a case's record says. Same entries, same facts, same bytes out."""

    _optional: ClassVar[tuple[str, ...]] = ("handovers",)
    _inner: ClassVar[tuple[str, ...]] = ("stated", "impression", "late", "conflicts", "dangling", "synthetic")

    id: str
    tz: str
    status: Status = "incomplete"
    record_rev: int = 0
    header: Header
    staff: Staff = Staff()
    modalities: tuple[Modality, ...] = ()
    alert_criteria: dict[str, str] = {}
    anesthesia: Anesthesia | None = None
    physiology: tuple[Physiology, ...] = ()
    baselines: Baselines = Baselines()
    events: tuple[Event, ...] = ()
    stim_tests: tuple[StimTest, ...] = ()
    alerts: tuple[Alert, ...] = ()
    closing: Closing | None = None
    time: Time = Time()
    physician_log: tuple[Presence, ...] = ()
    handovers: tuple[Handover, ...] = ()
    signoff: Signoffs = Signoffs()

    stated: frozenset[str] = frozenset()
    """Explicit negatives somebody tapped: no_alerts, no_breaks, no_stim_tests."""
    impression: SignedNote | None = None
    """The interpreting physician's own impression, once confirmed or rewritten."""
    late: dict[str, Late] = {}
    conflicts: tuple[Conflict, ...] = ()
    dangling: tuple[str, ...] = ()
    """Sources that refer to something the record does not hold."""
    synthetic: bool = False

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.tz)

    def baseline(self, ref: str | None) -> Baseline | None:
        return next((row for row in self.baselines.rows if row.id == ref), None)

    def stim_test(self, ref: str | None) -> StimTest | None:
        return next((test for test in self.stim_tests if test.id == ref), None)

    def person_name(self, ref: str | None) -> str | None:
        """The name behind a staff id such as P1, or the id itself when nobody bears it."""
        everyone = (*self.staff.technologists, *self.staff.physicians)
        return next((person.name for person in everyone if person.id == ref), ref)


class CaseFile(Struct, frozen=True, kw_only=True):
    """A whole `ionm-case/1` file. `expected` is kept as it came: it is for tests, not for the app."""

    facts: Facts
    expected: dict[str, Any] | None = None


def minutes_between(start: datetime, end: datetime) -> int:
    """Whole elapsed minutes between two instants, seconds cut off; a clock change does not count."""
    return (end - start) // timedelta(minutes=1)


def to_wire(value: Any, zone: ZoneInfo | None = None) -> Any:
    """A fact as plain JSON values in the interchange form: inner fields left out, times in the facility's zone."""
    if isinstance(value, Struct):
        optional, inner = getattr(value, "_optional", ()), getattr(value, "_inner", ())
        wire = {}
        for name, encoded in zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True):
            item = getattr(value, name)
            empty = item is None or item == ()
            if name in inner or (name in (*optional, "missing_reason") and empty):
                continue
            wire[encoded] = to_wire(item, zone)
        return wire
    if isinstance(value, dict):
        return {key: to_wire(item, zone) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [to_wire(item, zone) for item in value]
    if isinstance(value, datetime):
        return (value.astimezone(zone) if zone else value).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return value


def export(facts: Facts) -> dict[str, Any]:
    """The case as an `ionm-case/1` object."""
    return {"schema": SCHEMA, "synthetic": facts.synthetic, "case": to_wire(facts, facts.zone)}


def dump(facts: Facts) -> bytes:
    """The interchange form as bytes; the same facts always give the same bytes."""
    body = msgspec.json.format(msgspec.json.encode(export(facts)), indent=1)
    return body + b"\n"


def digest(facts: Facts) -> str:
    """SHA-256 of everything the facts say, the revision number left out: it changes when a fact changes."""
    said = export(facts)["case"] | {
        "record_rev": 0,
        "stated": sorted(facts.stated),
        "impression": to_wire(facts.impression) if facts.impression else None,
        "late": {src: [to_wire(late.at), to_wire(late.was)] for src, late in sorted(facts.late.items())},
    }
    return hashlib.sha256(msgspec.json.encode(said, order="sorted")).hexdigest()
