"""The record of a case as a drawing: pure geometry, drawn by templates/cases/_timeline.html.

The horizontal is elapsed time, so that an hour is an hour on the night the clocks change; the labels are the
facility's wall clock, with the date at midnight and the zone where it could be mistaken. What counts as
monitoring time is shaded; set-up and electrode removal are hatched, because they do not count (billing.md 1.2).
A time that was not recorded is never drawn as if it were: it ends in a stub and says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from msgspec import Struct, structs

from . import cases as c
from .times import Clock, clock

WIDE, NARROW = 960, 350
CHARACTER, BOLD = 7.2, 8.3
"""Width of an average character of 13 px text in a wide font: labels are laid out without a browser's measurements."""
BAR, LANE, GAP = 14, 17, 12
LONGEST = 46
"""Characters of an event that are shown; its mark and the page's table say it in full."""
MINUTES_WITH_HOURS = 4 * 1440
"""A longer case has a date that was mistyped: its drawing names the first and the last day alone."""
STUB = 26
"""Length of a bar whose end was not recorded."""

BarKind = Literal["setup", "removal", "baseline", "run", "presence", "watched", "open"]
MarkKind = Literal["event", "alert", "resolved", "partial", "unresolved"]


class Bar(Struct, frozen=True):
    """A stretch of time in a row. `label` stands in it, when there is room; `title` says it in full."""

    kind: BarKind
    x: float
    y: float
    width: float
    height: float
    title: str
    label: str = ""


class Mark(Struct, frozen=True):
    kind: MarkKind
    x: float
    y: float
    title: str


class Label(Struct, frozen=True):
    """One line of text, with a leader to what it names."""

    x: float
    y: float
    text: str
    alert: bool
    leftward: bool
    leader_x: float
    leader_top: float
    leader_end: float


class Band(Struct, frozen=True):
    """A stretch of counted monitoring time, shaded over the whole height."""

    x: float
    width: float
    label: str
    label_x: float


class Tick(Struct, frozen=True):
    x: float
    label: str
    is_day: bool = False
    """A midnight or the beginning: the label is a date."""


class Link(Struct, frozen=True):
    """From an alert to its resolution."""

    x: float
    y: float
    width: float
    kind: MarkKind


class Wanted(Struct, frozen=True):
    """A label to be placed: the x of what it names, and its text."""

    x: float
    text: str
    alert: bool = False
    leftward: bool = False
    """The text ends at x instead of beginning there."""

    @property
    def length(self) -> float:
        return len(self.text) * (BOLD if self.alert else CHARACTER) + 4


class Row(Struct, frozen=True):
    label: str
    x: float
    y: float
    line_y: float
    """Where a rule separates it from the row above."""


class Timeline(Struct, frozen=True):
    width: int
    height: float
    left: float
    top: float
    title: str
    description: str
    rows: tuple[Row, ...] = ()
    bands: tuple[Band, ...] = ()
    ticks: tuple[Tick, ...] = ()
    bars: tuple[Bar, ...] = ()
    links: tuple[Link, ...] = ()
    marks: tuple[Mark, ...] = ()
    labels: tuple[Label, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.ticks


def timeline(facts: c.Facts, *, width: int | None = None, narrow: bool = False) -> Timeline:
    """The drawing of a case, for a desk or, narrow, for a phone. A record without times gives an empty one."""
    width = width or (NARROW if narrow else WIDE)
    shown = clock(facts)
    words = Words(facts, shown)
    span = _span(facts)
    title = f"Timeline of case {facts.id}"
    if span is None:
        return Timeline(width, 0, 0, 0, title, "No times are recorded yet.")
    sheet = _Sheet(width, narrow, span, shown)
    _draw_room(sheet, facts, words)
    _draw_modalities(sheet, facts, words)
    _draw_events(sheet, facts, words)
    _draw_physicians(sheet, facts, words)
    return sheet.finished(title, words.description(), facts)


def _span(facts: c.Facts) -> tuple[datetime, datetime] | None:
    time = facts.time
    found: list[datetime | None] = [time.tech_arrive, time.setup_start, time.setup_end, time.electrodes_out]
    for segment in time.segments:
        found += [segment.start, segment.end]
    for taken in facts.baselines.sets:
        found += [taken.start, taken.end]
    for presence in facts.physician_log:
        found += [presence.connect, presence.disconnect]
    found += [event.t for event in facts.events]
    for alert in facts.alerts:
        found += [alert.t, alert.resolution.t if alert.resolution else None]
    known = [at.astimezone(UTC) for at in found if at]
    if not known:
        return None
    first, last = min(known), max(known)
    return first, max(last, first + timedelta(minutes=30))


class Words:
    """The drawing in words: labels, and the text alternative that tells the same as the picture."""

    def __init__(self, facts: c.Facts, shown: Clock) -> None:
        self.facts, self.shown = facts, shown

    def time(self, at: datetime | None) -> str:
        """The wall clock alone; the axis says the day."""
        if at is None:
            return "time not recorded"
        local = at.astimezone(self.shown.zone)
        return f"{local:%H:%M} {local.tzname()}" if self.shown.zoned else f"{local:%H:%M}"

    def span(self, start: datetime | None, end: datetime | None) -> str:
        return f"{self.time(start)} to {self.time(end)}"

    def alert(self, alert: c.Alert) -> str:
        onset = f"Alert {alert.id} {self.time(alert.t)}"
        resolution = alert.resolution
        if resolution is None or resolution.status is None:
            return f"{onset}, resolution not recorded"
        word = {"resolved": "resolved", "partial": "partly resolved", "unresolved": "unresolved at"}
        return f"{onset}, {word[resolution.status]} {self.time(resolution.t) if resolution.t else '(no time)'}"

    def description(self) -> str:
        facts = self.facts
        said = []
        for segment in facts.time.segments:
            length = f", {_minutes(segment)} minutes counted" if segment.start and segment.end else ""
            said.append(f"Monitoring {segment.id} {self.span(segment.start, segment.end)}{length}.")
        for taken in facts.baselines.sets:
            said.append(f"Baselines {taken.label or ''} {self.span(taken.start, taken.end)}.".replace("  ", " "))
        said += [f"{self.alert(alert)} ({alert.modality})." for alert in facts.alerts] or [
            "No signal alert is recorded."
        ]
        said += [f"{self.time(event.t)} {event.text}." for event in facts.events]
        for presence in facts.physician_log:
            name = facts.person_name(presence.physician)
            said.append(f"{name} connected {self.span(presence.connect, presence.disconnect)}.")
        return " ".join(said)


def _minutes(segment: c.Segment) -> int:
    return c.minutes_between(segment.start, segment.end) if segment.start and segment.end else 0


class _Sheet:
    """Rows stacked from the top, each as high as its labels need."""

    def __init__(self, width: int, narrow: bool, span: tuple[datetime, datetime], shown: Clock) -> None:
        self.width, self.narrow, self.shown = width, narrow, shown
        self.first, self.last = span
        self.left = 4.0 if narrow else 172.0
        self.right = width - 8.0
        self.top = 2 * LANE + LANE + 6.0
        self.y = self.top
        self.rows: list[Row] = []
        self.bars: list[Bar] = []
        self.links: list[Link] = []
        self.marks: list[Mark] = []
        self.labels: list[Label] = []

    def x(self, at: datetime) -> float:
        share = (at.astimezone(UTC) - self.first) / (self.last - self.first)
        return round(self.left + share * (self.right - self.left), 1)

    def row(self, label: str, above: Sequence[Wanted] = ()) -> None:
        """Begin a row, with these labels above its bars."""
        line = self.y
        self.y += GAP / 2
        if self.narrow:
            self.rows.append(Row(label, self.left, self.y + LANE - 5, line))
            self.y += LANE
        boxes = self._laid(sorted(above, key=lambda wanted: -wanted.x))
        self.y += _lanes(boxes) * LANE
        for wanted, box in boxes:
            y = self.y - box.lane * LANE - 5
            self.labels.append(
                Label(
                    round(box.left, 1), round(y, 1), wanted.text, wanted.alert, False, wanted.x, round(y + 3, 1), self.y
                )
            )
        if not self.narrow:
            room = int((self.left - 12) / BOLD)
            self.rows.append(Row(_shortened(label, room), 4, self.y + BAR - 3, line))

    def bar(self, kind: BarKind, start: datetime | None, end: datetime | None, title: str, label: str = "") -> None:
        """A stretch, or a stub where an end was not recorded; nothing at all without any time."""
        at = start or end
        if at is None:
            return
        if start and end:
            x, wide = self.x(start), max(self.x(end) - self.x(start), 1.5)
        elif start:
            kind, x, wide = "open", self.x(start), min(STUB, max(self.right - self.x(start), 6))
        else:
            kind, x, wide = "open", max(self.x(at) - STUB, self.left), STUB
        fits = label if len(label) * CHARACTER < wide - 4 else label.split(" ")[0]
        fits = fits if len(fits) * CHARACTER < wide - 2 else ""
        self.bars.append(Bar(kind, x, self.y, round(wide, 1), BAR, title, fits))

    def under(self, below: Sequence[Wanted]) -> None:
        """End the row, with these labels below its bars."""
        base = self.y + BAR
        boxes = self._laid(sorted(below, key=lambda wanted: wanted.x))
        for wanted, box in boxes:
            y = base + (box.lane + 1) * LANE - 3
            x = round(box.right if wanted.leftward else box.left, 1)
            leader_end = round(y - 11, 1)
            self.labels.append(
                Label(x, round(y, 1), wanted.text, wanted.alert, wanted.leftward, wanted.x, base, leader_end)
            )
        self.y = base + _lanes(boxes) * LANE + GAP / 2

    def _laid(self, ordered: Iterable[Wanted]) -> list[tuple[Wanted, _Box]]:
        laid: list[tuple[Wanted, _Box]] = []
        for wanted in ordered:
            wanted = self.shortened(wanted)
            left = wanted.x + 3 - wanted.length if wanted.leftward else wanted.x - 3
            left = max(self.left, min(left, self.right - wanted.length))
            laid.append((wanted, _lane([box for _, box in laid], wanted.x, left, left + wanted.length)))
        return laid

    def shortened(self, wanted: Wanted) -> Wanted:
        room = (self.right - self.left) / (BOLD if wanted.alert else CHARACTER) - 1
        return structs.replace(wanted, text=_shortened(wanted.text, int(room)))

    def split(self, wanted: Sequence[Wanted]) -> int:
        """How many labels, in order of time, stand above and run to the right; the rest stand below and run to the left.

        So no leader runs through a label, as far as there is room, and all read from top to bottom.
        """
        lengths = [(label.x, self.shortened(label).length) for label in wanted]
        over_right = [max(x + length - self.right, 0) for x, length in lengths]
        over_left = [max(length - (x - self.left), 0) for x, length in lengths]
        return min(range(len(wanted) + 1), key=lambda k: (sum(over_right[:k]) + sum(over_left[k:]), -k))

    def finished(self, title: str, description: str, facts: c.Facts) -> Timeline:
        bands = []
        for segment in facts.time.segments:
            if segment.start and segment.end:
                x, end = self.x(segment.start), self.x(segment.end)
                label = f"{_minutes(segment)} min counted"
                if len(label) * CHARACTER > end - x:
                    label = f"{_minutes(segment)} min" if len(label) * CHARACTER / 2 < end - x else ""
                bands.append(Band(x, round(end - x, 1), label, round((x + end) / 2, 1)))
        return Timeline(
            self.width,
            round(self.y + 2, 1),
            self.left,
            self.top,
            title,
            description,
            rows=tuple(self.rows),
            bands=tuple(bands),
            ticks=tuple(self._ticks()),
            bars=tuple(self.bars),
            links=tuple(self.links),
            marks=tuple(self.marks),
            labels=tuple(self.labels),
        )

    def _ticks(self) -> Iterable[Tick]:
        """Round hours or parts of hours of the wall clock, as many as there is room for; and each new day."""
        zone = self.shown.zone
        space = 84 if self.shown.zoned else 52
        most = max(int((self.right - self.left) / space), 1)
        length = (self.last - self.first) / timedelta(minutes=1)
        step = next((m for m in (10, 15, 30, 60, 120, 180, 240, 360, 720) if length / m <= most), 1440)
        yield Tick(self.left, f"{self.first.astimezone(zone):%a %m/%d}", is_day=True)
        if length > MINUTES_WITH_HOURS:
            yield Tick(self.right - 80, f"{self.last.astimezone(zone):%m/%d/%Y}", is_day=True)
            return
        unit = timedelta(minutes=min(step, 30))
        at = self.first.replace(minute=0, second=0, microsecond=0)
        day = self.first.astimezone(zone).date()
        free = self.left + 76
        while at <= self.last:
            local = at.astimezone(zone)
            if at >= self.first:
                if local.date() != day:
                    day = local.date()
                    yield Tick(
                        self.x(at), f"{local:%a %m/%d}" if free <= self.x(at) <= self.right - 70 else "", is_day=True
                    )
                    free = self.x(at) + 76
                if (local.hour * 60 + local.minute) % step == 0:
                    name = f"{local:%H:%M} {local.tzname()}" if self.shown.zoned else f"{local:%H:%M}"
                    half = len(name) * CHARACTER / 2
                    yield Tick(self.x(at), name if half <= self.x(at) <= self.width - half else "")
            at += unit


class _Box(Struct, frozen=True):
    """A placed label. Lane 0 is nearest to the bars; its leader runs at `at` through the lanes between."""

    at: float
    left: float
    right: float
    lane: int


def _lanes(boxes: Sequence[tuple[Wanted, _Box]]) -> int:
    return 1 + max((box.lane for _, box in boxes), default=-1)


def _lane(boxes: Sequence[_Box], at: float, left: float, right: float) -> _Box:
    """Place a label in the first lane where it covers no other and no leader runs through a label, if there is one."""
    clear = [
        lane
        for lane in range(len(boxes) + 1)
        if not any(box.lane == lane and left < box.right and box.left < right for box in boxes)
    ]
    uncrossed = (
        lane
        for lane in clear
        if not any(left < box.at < right and box.lane > lane for box in boxes)
        and not any(box.left < at < box.right and box.lane < lane for box in boxes)
    )
    return _Box(at, left, right, next(uncrossed, clear[0]))


def _shortened(text: str, room: int) -> str:
    return text if len(text) <= room else text[: max(room - 3, 1)].rstrip() + "..."


def _draw_room(sheet: _Sheet, facts: c.Facts, words: Words) -> None:
    """What is in the record but does not count: set-up, baselines, electrode removal."""
    time = facts.time
    stretches: list[tuple[BarKind, datetime | None, datetime | None, str]] = []
    if time.setup_start or time.setup_end:
        stretches.append(("setup", time.setup_start, time.setup_end, "set-up"))
    for taken in facts.baselines.sets:
        stretches.append(("baseline", taken.start, taken.end, f"{taken.label or ''} baselines".strip()))
    if time.electrodes_out:
        end = max((segment.end for segment in time.segments if segment.end), default=None)
        stretches.append(("removal", end, time.electrodes_out, "removal"))
    sheet.row("Not counted", [Wanted(sheet.x(at), label) for _, start, end, label in stretches if (at := start or end)])
    for kind, start, end, label in stretches:
        sheet.bar(kind, start, end, f"{label} {words.span(start, end)}")
    sheet.under([])


def _draw_modalities(sheet: _Sheet, facts: c.Facts, words: Words) -> None:
    for code in dict.fromkeys(
        [*(modality.code for modality in facts.modalities), *(alert.modality for alert in facts.alerts)]
    ):
        regions = [modality.region for modality in facts.modalities if modality.code == code and modality.region]
        sheet.row(f"{code} {', '.join(regions)}".strip())
        measured = any(row.modality == code for row in facts.baselines.rows)
        before: datetime | None = None
        for segment in facts.time.segments:
            if measured:
                _lead_in(sheet, facts, segment, before, code)
            sheet.bar("run", segment.start, segment.end, f"{code} {words.span(segment.start, segment.end)}")
            before = segment.end
        sheet.under(_draw_alerts(sheet, [alert for alert in facts.alerts if alert.modality == code], words))


def _lead_in(sheet: _Sheet, facts: c.Facts, segment: c.Segment, before: datetime | None, code: str) -> None:
    """A modality runs from its baselines on, though these minutes are not counted."""
    sets = [taken for taken in facts.baselines.sets if taken.start and segment.start and taken.start < segment.start]
    own = [taken.start for taken in sets if before is None or (taken.start and taken.start >= before)]
    starts = [start for start in own if start]
    if starts:
        sheet.bar("baseline", min(starts), segment.start, f"{code} baselines")


def _draw_alerts(sheet: _Sheet, alerts: Sequence[c.Alert], words: Words) -> list[Wanted]:
    wanted = []
    middle = sheet.y + BAR / 2
    for alert in alerts:
        said = words.alert(alert)
        resolution = alert.resolution
        end = sheet.x(resolution.t) if resolution and resolution.t else None
        if alert.t is None:
            wanted.append(Wanted(end or sheet.left, said, alert=True))
            continue
        x = sheet.x(alert.t)
        if end is not None and resolution and resolution.status:
            sheet.links.append(Link(x, middle, round(max(end - x, 1), 1), resolution.status))
            sheet.marks.append(Mark(resolution.status, end, middle, said))
        sheet.marks.append(Mark("alert", x, middle, said))
        wanted.append(Wanted(x, said, alert=True))
    return wanted


def _draw_events(sheet: _Sheet, facts: c.Facts, words: Words) -> None:
    said = [(event.t, f"{words.time(event.t)} {event.text or event.type.replace('_', ' ')}") for event in facts.events]
    said.sort(key=lambda pair: pair[0] or sheet.first)
    wanted = [Wanted(sheet.x(at) if at else sheet.left, _shortened(text, LONGEST)) for at, text in said]
    above = sheet.split(wanted)
    sheet.row("Events", wanted[:above])
    for at, text in said:
        if at:
            sheet.marks.append(Mark("event", sheet.x(at), sheet.y + BAR / 2, text))
    sheet.under([structs.replace(label, leftward=True) for label in wanted[above:]])


def _draw_physicians(sheet: _Sheet, facts: c.Facts, words: Words) -> None:
    """A band for each physician, cut where the number of cases watched at once changes."""
    for ref in dict.fromkeys(presence.physician for presence in facts.physician_log):
        sheet.row(facts.person_name(ref) or ref)
        wanted = []
        for presence in (p for p in facts.physician_log if p.physician == ref):
            title = f"Connected {words.span(presence.connect, presence.disconnect)}"
            sheet.bar("presence", presence.connect, presence.disconnect, title)
            if presence.connect and not presence.disconnect:
                wanted.append(Wanted(sheet.x(presence.connect), "disconnect not recorded"))
            if presence.connect and not presence.concurrency:
                wanted.append(Wanted(sheet.x(presence.connect), "number of cases not recorded"))
            for piece in presence.concurrency:
                if piece.frm and piece.to and piece.n:
                    count = f"{piece.n} case" if piece.n == 1 else f"{piece.n} cases"
                    sheet.bar("watched", piece.frm, piece.to, f"{count} {words.span(piece.frm, piece.to)}", count)
        sheet.under(wanted)
