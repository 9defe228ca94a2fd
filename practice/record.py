"""The record of a case: an append-only list of entries, and the fold of that list into `Facts`.

Each tap or field makes one `Entry`; a correction is a new entry that `replaces` an older one, a deletion
an entry of kind `struck`. The fold depends on what the entries say and never on the order they arrived in.

References between entries (a told to its alert, a closing value to its baseline) hold either the client
id of the entry meant or its label (AL1, BL3, P1); labels are given by the fold where an entry has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Union, get_args

import msgspec
from msgspec import Meta, Struct

from . import cases as c
from .cases import Facts, Header, Instant, Late, Line, Mode, Text

LATE_AFTER = timedelta(minutes=15)
"""An entry keyed longer than this after it happened is a late entry."""


class Data(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="kind"):
    """What an entry of one kind says, besides when. `label` is its name in the report, given by the fold if empty."""

    missing_reason: Line | None = None


class Labelled(Data, kw_only=True):
    label: Annotated[str, Meta(max_length=20)] | None = None


class Staff(Labelled, tag="staff", kw_only=True):
    """Somebody takes part. `person` is the id of the app's person, where there is one."""

    role: Literal["technologist", "physician"]
    name: Line
    cred: Line | None = None
    on: Instant | None = None
    off: Instant | None = None
    person: int | None = None


class Modality(Data, tag="modality", kw_only=True):
    code: c.ModalityCode
    region: Line | None = None
    side: c.Side | None = None
    nerve: Line | None = None
    stim_site: Line | None = None
    stim_ma: tuple[c.Milliamps | None, ...] | None = None
    stim_v: tuple[c.Volts | None, ...] | None = None
    pw_us: c.PulseMicroseconds | None = None
    train: Annotated[int, Meta(ge=1, le=12)] | None = None
    isi_ms: Annotated[float, Meta(ge=0.5, le=10)] | Annotated[int, Meta(ge=1, le=10)] | None = None
    rate_hz: c.StimRate | None = None
    rec: tuple[Line, ...] | None = None
    filters_hz: tuple[c.Hertz, ...] | None = None
    averages: Annotated[int, Meta(ge=1, le=20000)] | None = None
    stim: Line | None = None
    sweep: Line | None = None
    safety: Line | None = None
    muscles: tuple[Line, ...] | None = None
    channels: Annotated[int, Meta(ge=1, le=256)] | Line | None = None
    montage: Line | None = None
    electrodes: Line | None = None


class Criterion(Data, tag="criterion", kw_only=True):
    """What counts as a signal alert in this case, for one modality."""

    modality: c.ModalityCode
    text: Line


class Anesthetic(Data, tag="anesthesia", kw_only=True):
    technique: Line | None = None
    agents: tuple[c.Agent, ...] = ()
    nmb: c.Nmb | None = None


class Tof(Data, tag="tof", kw_only=True):
    value: Annotated[str, Meta(pattern=r"^([0-4]/4|\d{1,3} ?%|0?\.\d+|1\.0)$")] | None = None


class Physiology(Labelled, tag="physiology", kw_only=True):
    map_mmhg: c.Mmhg | None = None
    temp_c: c.Celsius | None = None


class BaselineSet(Data, tag="baseline_set", kw_only=True):
    label: Line | None = None
    start: Instant | None = None
    end: Instant | None = None
    reviewed_by: str | None = None
    reviewed_at: Instant | None = None


class Baseline(Labelled, tag="baseline", kw_only=True):
    modality: c.ModalityCode
    side: c.Side | None = None
    site: Line | None = None
    peak: Line | None = None
    lat_ms: c.Latency | None = None
    amp_uv: c.Microvolts | None = None
    quality: c.Quality | None = None
    descriptor: Line | None = None


class Event(Labelled, tag="event", kw_only=True):
    type: c.EventType = "other"
    text: Text = ""


class StimTest(Labelled, tag="stim_test", kw_only=True):
    type: Line = "pedicle_screw"
    level: Line | None = None
    side: c.Side | None = None
    thr_ma: c.Milliamps | None = None
    muscle: Line | None = None
    retest_of: str | None = None


class Alert(Labelled, tag="alert", kw_only=True):
    modality: c.ModalityCode
    surgical_context: Text | None = None
    criterion: Line | None = None
    rows: tuple[c.AlertRow, ...] = ()
    unchanged: Text | None = None
    cause_suspected: Text | None = None


class Told(Data, tag="told", kw_only=True):
    """Somebody was informed of a signal alert."""

    alert: str
    who: c.Listener
    mode: Line | None = None
    ref: str | None = None


class AlertAction(Data, tag="alert_action", kw_only=True):
    alert: str
    by: Line | None = None
    text: Text = ""


class Resolution(Data, tag="resolution", kw_only=True):
    alert: str
    status: c.ResolutionStatus | None = None
    rows: tuple[c.AlertRow, ...] = ()
    reported_to: Line | None = None
    reported_at: Instant | None = None


class AlertNote(Data, tag="alert_note", kw_only=True):
    """The interpreting physician's remark on a signal alert."""

    alert: str
    by: str
    text: Text


class Closing(Data, tag="closing_data", kw_only=True):
    overall: c.Overall | None = None


class ClosingValue(Data, tag="closing_value", kw_only=True):
    ref: str
    pct: c.Percent | None = None
    status: Line | None = None


class PostopExam(Data, tag="postop_exam", kw_only=True):
    recorded: bool = False
    text: Text | None = None
    by: Line | None = None
    new_deficit: bool | None = None


class Milestone(Data, tag="milestone", kw_only=True):
    what: Literal["tech_arrive", "setup_start", "setup_end", "electrodes_out"]


class MonitoringStart(Labelled, tag="monitoring_start", kw_only=True):
    mode: Mode = "remote"


class MonitoringStop(Data, tag="monitoring_stop", kw_only=True):
    """Ends the stretch that runs at that time; `segment` names it where it is known."""

    segment: str | None = None


class Break(Data, tag="break", kw_only=True):
    start: Instant | None = None
    end: Instant | None = None
    reason: Line | None = None


class Presence(Data, tag="presence", kw_only=True):
    physician: str
    connect: Instant | None = None
    disconnect: Instant | None = None
    method: Line | None = None
    concurrency: tuple[c.Concurrency, ...] = ()
    exclusive: tuple[c.Stretch, ...] = ()


class PhysicianNote(Data, tag="physician_note", kw_only=True):
    presence: str
    by: str
    text: Text


class Handover(Labelled, tag="handover", kw_only=True):
    whose: Literal["physician", "technologist"]
    frm: str
    to: str
    start: Instant | None = None
    end: Instant | None = None


class Statement(Data, tag="statement", kw_only=True):
    """An explicit negative: somebody says that there was none."""

    what: Literal["no_alerts", "no_breaks", "no_stim_tests"]


class Outcome(Data, tag="outcome", kw_only=True):
    status: c.Status


class Signoff(Data, tag="signoff", kw_only=True):
    """The technologist ends the record and stands for it."""

    role: Literal["technologist", "physician"] = "technologist"
    staff: str


class Impression(Data, tag="impression", kw_only=True):
    """The interpreting physician's impression, confirmed or in their own words."""

    by: str
    text: Text


class Struck(Data, tag="struck", kw_only=True):
    """Takes an earlier entry out of the facts; both stay in the record."""

    reason: Line | None = None


AnyData = Union[  # noqa: UP007  msgspec reads the union's members from here
    Staff, Modality, Criterion, Anesthetic, Tof, Physiology, BaselineSet, Baseline, Event, StimTest, Alert, Told,
    AlertAction, Resolution, AlertNote, Closing, ClosingValue, PostopExam, Milestone, MonitoringStart, MonitoringStop,
    Break, Presence, PhysicianNote, Handover, Statement, Outcome, Signoff, Impression, Struck,
]  # fmt: skip

KINDS: dict[str, type[Data]] = {cls.__struct_config__.tag: cls for cls in get_args(AnyData)}
LABEL_PREFIX = {
    "physiology": "PH", "baseline": "BL", "event": "EV", "stim_test": "ST", "alert": "AL",
    "monitoring_start": "S", "handover": "HO",
}  # fmt: skip
NEEDS_TIME = ("milestone", "monitoring_start", "monitoring_stop", "event", "signoff", "impression")
"""Kinds that mean nothing without a time. Others may miss theirs, with a reason."""


class Entry(Struct, frozen=True, kw_only=True):
    """One line of the record. `at` is when it happened, `entered_at` when it was keyed, both aware."""

    client_id: str
    at: datetime | None
    data: AnyData
    entered_at: datetime
    device: str = "desk"
    by: int | None = None
    replaces: str | None = None

    @property
    def kind(self) -> str:
        return self.data.__struct_config__.tag

    @property
    def late(self) -> bool:
        """Keyed long after it happened. What was brought in from a file was not keyed here, so it is not judged."""
        return self.device != "import" and self.at is not None and self.entered_at - self.at > LATE_AFTER


_decoder = msgspec.json.Decoder(AnyData)
_encoder = msgspec.json.Encoder()


def encode_data(data: AnyData) -> str:
    """An entry's data as the JSON that is stored."""
    return _encoder.encode(data).decode()


def decode_data(text: str | bytes) -> AnyData:
    """Read an entry's data back. Raises msgspec.ValidationError, at the first thing that is wrong."""
    return _decoder.decode(text)


def facts(
    entries: Iterable[Entry], header: Header, *, case_id: str, tz: str, rev: int, synthetic: bool = False
) -> Facts:
    """Fold the entries into what the record says now. The order of arrival and repeats do not matter."""
    return _Fold(entries).facts(header, case_id=case_id, tz=tz, rev=rev, synthetic=synthetic)


class _Line(Struct, frozen=True):
    """The current version of an entry with the identity (client id) and place of its first version."""

    root: Entry
    entry: Entry

    @property
    def data(self) -> Any:
        return self.entry.data

    @property
    def src(self) -> str:
        return self.entry.client_id


class _Fold:
    def __init__(self, entries: Iterable[Entry]) -> None:
        known = {entry.client_id: entry for entry in entries}
        self.known = dict(sorted(known.items(), key=lambda pair: _place(pair[1])))
        self.lines: dict[str, list[_Line]] = {kind: [] for kind in KINDS}
        self.late: dict[str, Late] = {}
        self.conflicts: list[c.Conflict] = []
        self.dangling: list[str] = []
        self.root_of: dict[str, str] = {}
        self.versions: dict[str, list[Entry]] = {}
        self.label_of: dict[str, str] = {}
        self._settle()
        self._label()

    def _settle(self) -> None:
        """Follow each chain of corrections to the version that stands."""
        versions = self.versions
        for entry in self.known.values():
            if entry.replaces in self.known and not self._circular(entry):
                versions.setdefault(entry.replaces, []).append(entry)
        for root in self.known.values():
            if root.replaces in self.known and not self._circular(root):
                continue
            if root.kind == "struck":
                continue  # what it strikes has not arrived
            current = root
            for entry in _descendants(root, versions):
                self.root_of[entry.client_id] = root.client_id
            while newer := versions.get(current.client_id):
                if len({_said(_tip(entry, versions)) for entry in newer}) > 1:
                    self.conflicts.append(
                        c.Conflict(original=current.client_id, versions=tuple(e.client_id for e in newer))
                    )
                current = _newest(newer)
            if current.kind == "struck":
                continue
            self.lines[current.kind].append(_Line(root, current))
            self._note_lateness(root, current)

    def _circular(self, entry: Entry) -> bool:
        seen = set()
        while entry and entry.replaces in self.known:
            if entry.client_id in seen:
                return True
            seen.add(entry.client_id)
            entry = self.known[entry.replaces]
        return False

    def _note_lateness(self, root: Entry, current: Entry) -> None:
        moved = root.at is not None and current.at is not None and root.at != current.at
        if current.late or moved:
            self.late[current.client_id] = Late(
                src=current.client_id,
                at=current.at,
                entered_at=current.entered_at,
                was=root.at if moved else None,
            )

    def _label(self) -> None:
        """Keep the labels that entries bring, the first comer's when two bring the same; number the rest."""
        prefixes = dict(LABEL_PREFIX)
        groups = [(prefixes[kind], self.lines[kind]) for kind in prefixes]
        for role, prefix in (("technologist", "T"), ("physician", "P")):
            groups.append((prefix, [line for line in self.lines["staff"] if line.data.role == role]))
        for prefix, lines in groups:
            taken: set[str] = set()
            unnamed = []
            for line in lines:
                label = line.root.data.label or line.data.label if hasattr(line.root.data, "label") else None
                if label and label not in taken:
                    taken.add(label)
                    self.label_of[line.root.client_id] = label
                else:
                    unnamed.append(line)
            number = 1
            for line in unnamed:
                while f"{prefix}{number}" in taken:
                    number += 1
                taken.add(f"{prefix}{number}")
                self.label_of[line.root.client_id] = f"{prefix}{number}"
        self.named = set(self.label_of.values())

    def id(self, line: _Line) -> str:
        return self.label_of[line.root.client_id]

    def ref(self, ref: str | None, src: str) -> str | None:
        """The label that a reference means; a reference to nothing stays as it is and is noted."""
        if ref is None:
            return None
        label = self.label_of.get(self.root_of.get(ref, ref))
        if label is None:
            label = ref
            if ref not in self.named:
                self.dangling.append(src)
        return label

    def ofkind(self, kind: str) -> list[_Line]:
        return self.lines[kind]

    def last(self, kind: str) -> _Line | None:
        return self.lines[kind][-1] if self.lines[kind] else None

    def facts(self, header: Header, *, case_id: str, tz: str, rev: int, synthetic: bool) -> Facts:
        outcome = self.last("outcome")
        impression = self.last("impression")
        return Facts(
            id=case_id,
            tz=tz,
            status=outcome.data.status if outcome else "incomplete",
            record_rev=rev,
            header=header,
            staff=self._staff(),
            modalities=tuple(_fact(c.Modality, line) for line in self.ofkind("modality")),
            alert_criteria={line.data.modality: line.data.text for line in self.ofkind("criterion")},
            anesthesia=self._anesthesia(),
            physiology=tuple(
                _fact(c.Physiology, line, id=self.id(line), t=line.entry.at) for line in self.ofkind("physiology")
            ),
            baselines=self._baselines(),
            events=tuple(_fact(c.Event, line, id=self.id(line), t=line.entry.at) for line in self.ofkind("event")),
            stim_tests=tuple(
                _fact(
                    c.StimTest,
                    line,
                    id=self.id(line),
                    t=line.entry.at,
                    retest_of=self.ref(line.data.retest_of, line.src),
                )
                for line in self.ofkind("stim_test")
            ),
            alerts=tuple(self._alert(line) for line in self.ofkind("alert")),
            closing=self._closing(),
            time=self._time(),
            physician_log=self._physician_log(),
            handovers=tuple(
                c.Handover(
                    id=self.id(line),
                    kind=line.data.whose,
                    frm=self.ref(line.data.frm, line.src),
                    to=self.ref(line.data.to, line.src),
                    start=line.data.start,
                    end=line.data.end,
                    missing_reason=line.data.missing_reason,
                    src=line.src,
                )
                for line in self.ofkind("handover")
            ),
            signoff=self._signoffs(),
            stated=frozenset(line.data.what for line in self.ofkind("statement")),
            impression=c.SignedNote(
                by=self.ref(impression.data.by, impression.src),
                t=impression.entry.at,
                text=impression.data.text,
                src=impression.src,
            )
            if impression
            else None,
            late=self.late,
            conflicts=tuple(self.conflicts),
            dangling=tuple(dict.fromkeys(self.dangling)),
            synthetic=synthetic,
        )

    def _staff(self) -> c.Staff:
        people = self.ofkind("staff")
        return c.Staff(
            technologists=tuple(
                _fact(c.Technologist, line, id=self.id(line)) for line in people if line.data.role == "technologist"
            ),
            physicians=tuple(
                _fact(c.Physician, line, id=self.id(line)) for line in people if line.data.role == "physician"
            ),
        )

    def _anesthesia(self) -> c.Anesthesia | None:
        line, readings = self.last("anesthesia"), self.ofkind("tof")
        if line is None and not readings:
            return None
        tof = tuple(_fact(c.Tof, reading, t=reading.entry.at) for reading in readings)
        return _fact(c.Anesthesia, line, tof=tof) if line else c.Anesthesia(tof=tof)

    def _baselines(self) -> c.Baselines:
        return c.Baselines(
            sets=tuple(
                _fact(c.BaselineSet, line, reviewed_by=self.ref(line.data.reviewed_by, line.src))
                for line in self.ofkind("baseline_set")
            ),
            rows=tuple(_fact(c.Baseline, line, id=self.id(line)) for line in self.ofkind("baseline")),
        )

    def _rows(self, line: _Line) -> tuple[c.AlertRow, ...]:
        return tuple(
            msgspec.structs.replace(
                row, ref=self.ref(row.ref, line.src), stim_ref=self.ref(row.stim_ref, line.src), src=line.src
            )
            for row in line.data.rows
        )

    def _of_alert(self, kind: str, label: str) -> list[_Line]:
        return [line for line in self.ofkind(kind) if self.ref(line.data.alert, line.src) == label]

    def _alert(self, line: _Line) -> c.Alert:
        label = self.id(line)
        resolution = next(iter(reversed(self._of_alert("resolution", label))), None)
        note = next(iter(reversed(self._of_alert("alert_note", label))), None)
        return _fact(
            c.Alert,
            line,
            id=label,
            t=line.entry.at,
            rows=self._rows(line),
            communicated=tuple(
                _fact(c.Communication, told, t=told.entry.at, ref=self.ref(told.data.ref, told.src))
                for told in self._of_alert("told", label)
            ),
            actions=tuple(
                _fact(c.AlertAction, done, t=done.entry.at) for done in self._of_alert("alert_action", label)
            ),
            resolution=_fact(c.Resolution, resolution, t=resolution.entry.at, rows=self._rows(resolution))
            if resolution
            else None,
            md_note=_fact(c.SignedNote, note, by=self.ref(note.data.by, note.src), t=note.entry.at) if note else None,
        )

    def _closing(self) -> c.Closing | None:
        line, values, exam = self.last("closing_data"), self.ofkind("closing_value"), self.last("postop_exam")
        if not (line or values or exam):
            return None
        rows = tuple(_fact(c.ClosingRow, value, ref=self.ref(value.data.ref, value.src)) for value in values)
        exam_fact = _fact(c.PostopExam, exam, t=exam.entry.at) if exam else None
        if line is None:
            return c.Closing(rows=rows, postop_exam=exam_fact)
        return _fact(c.Closing, line, t=line.entry.at, rows=rows, postop_exam=exam_fact)

    def _time(self) -> c.Time:
        moments = {line.data.what: line for line in self.ofkind("milestone")}
        return c.Time(
            tech_arrive=moments["tech_arrive"].entry.at if "tech_arrive" in moments else None,
            setup_start=moments["setup_start"].entry.at if "setup_start" in moments else None,
            setup_end=moments["setup_end"].entry.at if "setup_end" in moments else None,
            electrodes_out=moments["electrodes_out"].entry.at if "electrodes_out" in moments else None,
            moments={what: line.src for what, line in moments.items()},
            segments=self._segments(),
            breaks=tuple(_fact(c.Break, line) for line in self.ofkind("break")),
        )

    def _segments(self) -> tuple[c.Segment, ...]:
        """Pair each start with its stop: the stop that names it, else the first later stop before the next start."""
        starts = sorted(self.ofkind("monitoring_start"), key=lambda line: (line.entry.at, _place(line.root)))
        stops = sorted(self.ofkind("monitoring_stop"), key=lambda line: (line.entry.at, _place(line.root)))
        named = {self.ref(stop.data.segment, stop.src): stop for stop in stops if stop.data.segment}
        loose = [stop for stop in stops if not stop.data.segment]
        segments = []
        for index, start in enumerate(starts):
            label = self.id(start)
            stop = named.get(label)
            if stop is None:
                following = starts[index + 1].entry.at if index + 1 < len(starts) else None
                stop = next(
                    (
                        s
                        for s in loose
                        if s.entry.at >= start.entry.at and (following is None or s.entry.at <= following)
                    ),
                    None,
                )
            end = stop.entry.at if stop else None
            segments.append(
                c.Segment(
                    id=label,
                    start=start.entry.at,
                    end=end,
                    mode=start.data.mode,
                    minutes=c.minutes_between(start.entry.at, end) if end else None,
                    missing_reason=start.data.missing_reason,
                    src=start.src,
                    stop_src=stop.src if stop else "",
                )
            )
        return tuple(segments)

    def _physician_log(self) -> tuple[c.Presence, ...]:
        notes: dict[str, list[c.SignedNote]] = {}
        for line in self.ofkind("physician_note"):
            root = self.root_of.get(line.data.presence)
            if root is None:
                self.dangling.append(line.src)
                root = line.data.presence
            notes.setdefault(root, []).append(
                _fact(c.SignedNote, line, by=self.ref(line.data.by, line.src), t=line.entry.at)
            )
        return tuple(
            _fact(
                c.Presence,
                line,
                physician=self.ref(line.data.physician, line.src),
                notes=tuple(notes.get(line.root.client_id, ())),
            )
            for line in self.ofkind("presence")
        )

    def _signoffs(self) -> c.Signoffs:
        by_role = {line.data.role: line for line in self.ofkind("signoff")}
        made = {
            role: c.Signoff(id=self.ref(line.data.staff, line.src), t=line.entry.at, src=line.src)
            for role, line in by_role.items()
        }
        return c.Signoffs(technologist=made.get("technologist"), physician=made.get("physician"))


def _newest(newer: list[Entry]) -> Entry:
    """Of corrections that did not see each other the later keyed one stands, a correction before a strike,
    until a person decides."""
    return max(newer, key=lambda entry: (entry.kind != "struck", *_place(entry)))


def _tip(entry: Entry, versions: dict[str, list[Entry]]) -> Entry:
    """The end of the chain of corrections that begins with this entry."""
    while newer := versions.get(entry.client_id):
        entry = _newest(newer)
    return entry


def tip(client_id: str, entries: Iterable[Entry]) -> Entry:
    """The version that stands at the end of this entry's own corrections."""
    fold = _Fold(entries)
    return _tip(fold.known[client_id], fold.versions)


def _said(entry: Entry) -> str:
    """What a version says: two that say the same are not in conflict, and no two strikes are."""
    if entry.kind == "struck":
        return "struck"
    return f"{entry.at.astimezone(UTC).isoformat() if entry.at else None} {encode_data(entry.data)}"


def _descendants(root: Entry, versions: dict[str, list[Entry]]) -> list[Entry]:
    """An entry and all its corrections, on every branch."""
    found = [root]
    for entry in found:
        found += versions.get(entry.client_id, ())
    return found


def _place(entry: Entry) -> tuple[datetime, str]:
    """Where an entry stands in the record: the order of keying, the same on every machine."""
    return (entry.entered_at, entry.client_id)


def _fact(cls: type[c.Part], line: _Line, **given: Any) -> Any:
    """The fact of one entry: the fields both have in common, the source, and what is given."""
    data = line.data
    # Not msgspec.structs.fields(): it works the annotations out again on every call, half the time of a case page.
    shared = {name: getattr(data, name) for name in data.__struct_fields__ if name in cls.__struct_fields__}
    return cls(**{**shared, "src": line.src, **given})


LEVEL = re.compile(r"^[CTLS]\d{1,2}([-/][CTLS]?\d{1,2})?$")


def is_level(text: str) -> bool:
    """True for C5, C5-C6, T4-L1, L5-S1."""
    return bool(LEVEL.match(text))


def ordered(entries: Iterable[Entry]) -> Sequence[Entry]:
    """The entries in the order they stand in the record."""
    return sorted(entries, key=_place)


class Problem(Struct, frozen=True, kw_only=True):
    """Something in the facts that cannot be: `where` is the path in the interchange form, `src` the entry."""

    where: str
    message: str
    src: str = ""


def impossible(facts: Facts) -> list[Problem]:
    """What cannot be true of any case: ends before starts, overlaps, ids used twice, references to nothing."""
    return [
        *_time_problems(facts), *_id_problems(facts), *_reference_problems(facts), *_response_problems(facts),
        *_dose_problems(facts),
    ]  # fmt: skip


def _before(where: str, what: str, start: datetime | None, end: datetime | None, src: str) -> list[Problem]:
    if start and end and end < start:
        return [
            Problem(
                where=where,
                message=f"{where}: {what} ends at {end.isoformat()}, before it starts at {start.isoformat()}.",
                src=src,
            )
        ]
    return []


def _time_problems(facts: Facts) -> list[Problem]:
    found = []
    for item in facts.time.segments:
        found += _before(f"time.segments {item.id}", "monitoring", item.start, item.end, item.src)
    for one, other in zip(facts.time.segments, facts.time.segments[1:], strict=False):
        if one.end and other.start and other.start < one.end:
            where = f"time.segments {other.id}"
            found.append(
                Problem(
                    where=where,
                    message=f"{where}: starts before {one.id} ends; stretches of monitoring cannot overlap.",
                    src=other.src,
                )
            )
    found += _before("time.setup", "set-up", facts.time.setup_start, facts.time.setup_end, "")
    for index, item in enumerate(facts.time.breaks):
        found += _before(f"time.breaks[{index}]", "the break", item.start, item.end, item.src)
    for index, item in enumerate(facts.baselines.sets):
        found += _before(f"baselines.sets[{index}]", "the baseline set", item.start, item.end, item.src)
    for index, item in enumerate(facts.physician_log):
        found += _before(f"physician_log[{index}]", "the connection", item.connect, item.disconnect, item.src)
        for name, stretches in (("concurrency", item.concurrency), ("exclusive", item.exclusive)):
            for stretch in stretches:
                found += _before(f"physician_log[{index}].{name}", "the stretch", stretch.frm, stretch.to, item.src)
    for item in facts.handovers:
        found += _before(f"handovers {item.id}", "the handover", item.start, item.end, item.src)
    for item in facts.staff.technologists:
        found += _before(f"staff.technologists {item.id}", "attendance", item.on, item.off, item.src)
    dob, dos = facts.header.patient.dob, facts.header.date_of_service
    if dob and dos and not 0 <= dos.year - dob.year <= 120:
        found.append(
            Problem(
                where="header.patient.dob",
                message=f"header.patient.dob: {dob} does not fit a date of service of {dos}.",
            )
        )
    return found


def _id_problems(facts: Facts) -> list[Problem]:
    found = []
    groups = {
        "staff": (*facts.staff.technologists, *facts.staff.physicians), "physiology": facts.physiology,
        "baselines.rows": facts.baselines.rows, "events": facts.events, "stim_tests": facts.stim_tests,
        "alerts": facts.alerts, "time.segments": facts.time.segments, "handovers": facts.handovers,
    }  # fmt: skip
    for where, items in groups.items():
        seen: set[str] = set()
        for item in items:
            if item.id in seen:
                found.append(
                    Problem(
                        where=f"{where} {item.id}", message=f"{where}: the id {item.id} is used twice.", src=item.src
                    )
                )
            seen.add(item.id)
    return found


def _reference_problems(facts: Facts) -> list[Problem]:
    staff = {person.id for person in (*facts.staff.technologists, *facts.staff.physicians)}
    baselines = {row.id for row in facts.baselines.rows}
    tests = {test.id for test in facts.stim_tests}
    found = []

    def check(where: str, ref: str | None, known: set[str], what: str, src: str) -> None:
        if ref is not None and ref not in known:
            found.append(
                Problem(where=where, message=f"{where}: refers to {ref}, and there is no such {what}.", src=src)
            )

    for alert in facts.alerts:
        where = f"alerts {alert.id}"
        for row in (*alert.rows, *(alert.resolution.rows if alert.resolution else ())):
            check(where, row.ref, baselines, "baseline", row.src or alert.src)
            check(where, row.stim_ref, tests, "stimulation test", row.src or alert.src)
        for told in alert.communicated:
            check(where, told.ref, staff, "person", told.src)
        if alert.md_note:
            check(where, alert.md_note.by, staff, "person", alert.md_note.src)
    for test in facts.stim_tests:
        check(f"stim_tests {test.id}", test.retest_of, tests, "stimulation test", test.src)
    for row in facts.closing.rows if facts.closing else ():
        check(f"closing {row.ref}", row.ref, baselines, "baseline", row.src)
    for index, presence in enumerate(facts.physician_log):
        check(f"physician_log[{index}]", presence.physician, staff, "person", presence.src)
        for note in presence.notes:
            check(f"physician_log[{index}]", note.by, staff, "person", note.src)
    for handover in facts.handovers:
        check(f"handovers {handover.id}", handover.frm, staff, "person", handover.src)
        check(f"handovers {handover.id}", handover.to, staff, "person", handover.src)
    for index, item in enumerate(facts.baselines.sets):
        check(f"baselines.sets[{index}]", item.reviewed_by, staff, "person", item.src)
    for role, signed in (("technologist", facts.signoff.technologist), ("physician", facts.signoff.physician)):
        if signed:
            check(f"signoff.{role}", signed.id, staff, "person", signed.src)
    return found


def _response_problems(facts: Facts) -> list[Problem]:
    found = []
    for row in facts.baselines.rows:
        where = f"baselines.rows {row.id}"
        low, high = LATENCY_LIMITS.get((row.peak or "").upper(), LATENCY_LIMITS[""])
        if row.lat_ms is not None and not low <= row.lat_ms <= high:
            message = f"{where}: a latency of {row.lat_ms} ms is not possible for {row.peak or 'a response'}: it must be between {low} and {high} ms."
            found.append(Problem(where=where, message=message, src=row.src))
        if row.quality == "absent" and row.amp_uv:
            found.append(
                Problem(
                    where=where,
                    message=f"{where}: an absent response cannot have an amplitude of {row.amp_uv} µV.",
                    src=row.src,
                )
            )
    for alert in facts.alerts:
        for row in alert.rows:
            baseline = facts.baseline(row.ref)
            if baseline is None:
                continue
            where = f"alerts {alert.id}"
            if baseline.quality == "absent":
                found.append(
                    Problem(
                        where=where,
                        message=f"{where}: {baseline.id} was absent at baseline, so it cannot alert.",
                        src=alert.src,
                    )
                )
            if row.change_pct is not None and row.value_uv is not None and baseline.amp_uv:
                real = 100 * (row.value_uv - baseline.amp_uv) / baseline.amp_uv
                if abs(real - row.change_pct) > 1:
                    message = f"{where}: {baseline.amp_uv} to {row.value_uv} µV is {real:.0f} %, not {row.change_pct} % ({baseline.id})."
                    found.append(Problem(where=where, message=message, src=alert.src))
    for modality in facts.modalities:
        if modality.filters_hz and len(modality.filters_hz) == 2 and modality.filters_hz[0] >= modality.filters_hz[1]:
            where = f"modalities {modality.code}"
            found.append(
                Problem(where=where, message=f"{where}: the low filter must be below the high one.", src=modality.src)
            )
    return found


def _dose_problems(facts: Facts) -> list[Problem]:
    found = []
    for agent in facts.anesthesia.agents if facts.anesthesia else ():
        known = dose_range(agent.name, agent.unit)
        if known and agent.dose is not None and not 0 <= agent.dose <= known.most:
            where = f"anesthesia {agent.name}"
            message = f"{where}: {agent.dose} {agent.unit} is not possible: it must be between 0 and {known.most}."
            found.append(Problem(where=where, message=message, src=facts.anesthesia.src))
    return found


class DoseRange(Struct, frozen=True):
    """What an agent is usually given in its unit, and the most that is possible."""

    low: float
    high: float
    most: float


DOSES = {
    ("propofol", "mcg/kg/min"): DoseRange(25, 250, 500), ("remifentanil", "mcg/kg/min"): DoseRange(0.02, 0.6, 3),
    ("ketamine", "mg/kg/h"): DoseRange(0.05, 2, 10), ("dexmedetomidine", "mcg/kg/h"): DoseRange(0.1, 1.5, 5),
    ("", "MAC"): DoseRange(0.1, 1.5, 3),
}  # fmt: skip
"""By agent and unit; without a name, any agent. The first two and MAC: report-and-phone.md section 1.2 H, which names
no range for ketamine and dexmedetomidine; theirs are guards against a slip of the finger, wide on purpose."""


def dose_range(agent: str, unit: str | None) -> DoseRange | None:
    return DOSES.get((agent.lower(), unit or "")) or DOSES.get(("", unit or ""))


LATENCY_LIMITS = {"N20": (10, 40), "P37": (20, 80), "V": (4, 12), "": (1, 100)}
"""Hard limits in ms by peak: report-and-phone.md section 1.2 D."""


def doubts(data: AnyData) -> list[str]:
    """Values that can be but rarely are, each a question. They warn; they never refuse."""
    asked = []
    for field, low, high, unit in USUAL.get(data.__struct_config__.tag, ()):
        values = getattr(data, field)
        for value in values if isinstance(values, tuple) else (values,):
            if value is not None and (value < low or value > high):
                asked.append(f"{value} {unit}: is that right? Usual is {low} to {high} {unit}.")
    for agent in data.agents if isinstance(data, Anesthetic) else ():
        known = dose_range(agent.name, agent.unit)
        if known and agent.dose is not None and not known.low <= agent.dose <= known.high:
            asked.append(
                f"{agent.name} {agent.dose} {agent.unit}: is that right? Usual is {known.low} to {known.high} {agent.unit}."
            )
    return asked


USUAL: dict[str, tuple[tuple[str, float, float, str], ...]] = {
    "physiology": (("map_mmhg", 60, 120, "mmHg"), ("temp_c", 35, 38.5, "°C")),
    "modality": (("stim_ma", 5, 60, "mA"), ("stim_v", 100, 700, "V"), ("rate_hz", 1, 50, "Hz")),
    "stim_test": (("thr_ma", 1, 40, "mA"),),
    "baseline": (("amp_uv", 0.05, 6000, "µV"),),
}
"""Plausible ranges: report-and-phone.md section 1.2."""


def current(entries: Iterable[Entry]) -> list[Entry]:
    """The entries that stand: neither replaced nor struck, in the order of the record."""
    fold = _Fold(entries)
    return sorted((line.entry for lines in fold.lines.values() for line in lines), key=_place)
