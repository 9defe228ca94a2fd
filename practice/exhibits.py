"""What the packet's own exhibits say: claim summary, time and presence log, personnel. Values for print, no layout.

Nothing is left out in silence: what the record lacks reads [not recorded], what the practice lacks reads
"not on file" (report-and-phone.md section 5).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from msgspec import Struct

from . import cases as c
from .coding import Coding
from .history import Said, lines
from .proof import Proof, most
from .record import Entry
from .times import Clock, clock, service_day
from .wording import GAP, gap

NOT_ON_FILE = "not on file"
_MODES = {"in_room": "in the room", "remote": "remote", "remote_exclusive": "remote, this patient alone"}


class Credential(Struct, frozen=True, kw_only=True):
    """Dated proof that a person holds, as it is printed."""

    kind: str
    number: str = ""
    issuer: str = ""
    from_on: date | None = None
    until_on: date | None = None

    def on(self, day: date | None) -> str:
        """How it stood on a day."""
        if day is None:
            return "date of service not recorded"
        if self.from_on and day < self.from_on:
            return "NOT YET VALID"
        if self.until_on and day > self.until_on:
            return "EXPIRED"
        return "valid"


class Person(Struct, frozen=True, kw_only=True):
    """Somebody of the case by staff id (T1, P1), with the NPI and the credentials the practice has on file."""

    staff: str
    npi: str = ""
    credentials: tuple[Credential, ...] = ()


class Table(Struct, frozen=True, kw_only=True):
    """`widths` are percent."""

    caption: str = ""
    head: tuple[str, ...]
    widths: tuple[int, ...]
    rows: tuple[tuple[str, ...], ...]
    empty: str = "None."
    leads: tuple[str, ...] = ()
    """Of each row the letter of the exhibit that it leads to, or nothing."""
    fine: bool = False
    """Set small, as digests are."""


class Pairs(Struct, frozen=True, kw_only=True):
    """Names with their values, such as who and when."""

    caption: str = ""
    rows: tuple[tuple[str, str], ...]


class Box(Struct, frozen=True, kw_only=True):
    """What must be seen first, in a frame."""

    caption: str
    items: tuple[str, ...]


class Sign(Struct, frozen=True, kw_only=True):
    """Words for somebody to sign by hand, with room for name, signature and date."""

    caption: str
    text: str


class Points(Struct, frozen=True, kw_only=True):
    caption: str
    items: tuple[str, ...]


class Chart(Struct, frozen=True, kw_only=True):
    """A physician's day, drawn."""

    caption: str
    day: Proof


Block = Table | Pairs | Points | Box | Sign | Chart


class Exhibit(Struct, frozen=True, kw_only=True):
    """A part of ours. One without a letter belongs to the front; `above` are lines over its heading, the first in bold."""

    letter: str
    title: str
    blocks: tuple[Block, ...]
    above: tuple[str, ...] = ()
    heading: str = ""
    """What the first page is headed with, when it is not the title."""

    @property
    def headed(self) -> str:
        return self.heading or (f"Exhibit {self.letter}: {self.title}" if self.letter else self.title)


def words(exhibit: Exhibit) -> Iterable[str]:
    """Every text of an exhibit."""
    yield from (exhibit.headed, *exhibit.above)
    for block in exhibit.blocks:
        yield block.caption
        if isinstance(block, Points | Box):
            yield from block.items
        elif isinstance(block, Pairs):
            for pair in block.rows:
                yield from pair
        elif isinstance(block, Sign):
            yield block.text
        elif isinstance(block, Chart):
            yield from (row.label for row in block.day.rows)
        else:
            yield from block.head
            for row in block.rows:
                yield from row


def claim_summary(letter: str, facts: c.Facts, coding: Coding) -> Exhibit:
    """The lines with their arithmetic, step by step, and what was left out with its reason."""
    shown = clock(facts)
    segments = tuple(
        (s.id, _at(shown, s.start), _at(shown, s.end), _MODES[s.mode], str(s.minutes), s.note) for s in coding.segments
    )
    billed = tuple(
        (n.code, " ".join(n.modifiers), str(n.units), _minutes(n.minutes), n.label, n.rendering_name or NOT_ON_FILE)
        for n in coding.lines
    )
    blocks: list[Table | Points] = [
        Table(
            caption=f"Monitoring time: {coding.counted_minutes} minutes counted",
            head=("Segment", "Start", "End", "Mode", "Minutes", "Note"),
            widths=(10, 15, 15, 20, 10, 30),
            rows=segments,
            empty="No monitoring segment is recorded.",
        ),
        Table(
            caption="Lines",
            head=("Code", "Modifiers", "Units", "Minutes", "Service", "Rendering"),
            widths=(9, 11, 8, 10, 40, 22),
            rows=billed,
            empty="No line is supported by the record.",
        ),
    ]
    for line in coding.lines:
        heading = f"{' '.join((line.code, *line.modifiers))}, {line.units} {'unit' if line.units == 1 else 'units'}"
        steps = tuple(step for step in line.steps if not line.derivation.endswith(step))
        blocks.append(Points(caption=heading, items=(line.derivation, *steps)))
    blocks.append(
        Table(
            caption="Not billed, and why",
            head=("Code", "Minutes", "Reason"),
            widths=(10, 10, 80),
            rows=tuple((n.code or "-", _minutes(n.minutes), n.reason) for n in coding.not_billed),
        )
    )
    if coding.warnings:
        blocks.append(Points(caption="To be looked at", items=coding.warnings))
    return Exhibit(letter=letter, title="Claim summary", blocks=tuple(blocks))


def _minutes(minutes: int | None) -> str:
    return "-" if minutes is None else str(minutes)


def _at(shown: Clock, at: datetime | None, reason: str | None = None) -> str:
    return shown.time(at) if at else gap(reason)


class _Log:
    """Collects rows of the log in order of time; a row without a time comes last."""

    def __init__(self, facts: c.Facts) -> None:
        self.facts, self.shown = facts, clock(facts)
        self.rows: list[tuple[datetime | None, str, str, str]] = []
        self.told: set[str] = set()

    def add(self, at: datetime | None, what: str, note: str = "", part: c.Part | None = None) -> None:
        marks = [note, self.late(part.src) if part else ""]
        time = _at(self.shown, at, part.missing_reason if part else None)
        self.rows.append((at, time, what, "; ".join(filter(None, marks))))

    def late(self, src: str) -> str:
        late = self.facts.late.get(src)
        if late is None:
            return ""
        self.told.add(src)
        if late.was:
            return f"time changed, was {self.shown.time(late.was)}"
        return f"late entry, keyed {self.shown.full(late.entered_at)}"

    def sorted(self) -> tuple[tuple[str, str, str], ...]:
        ordered = sorted(self.rows, key=lambda row: (row[0] is None, row[0].timestamp() if row[0] else 0))
        return tuple(row[1:] for row in ordered)


def presence_log(letter: str, facts: c.Facts) -> Exhibit:
    """Who was there and who watched, when: technologist, physicians, handovers, notes and messages."""
    log = _Log(facts)
    blocks = (
        _technologist_table(log),
        _connection_table(log),
        _concurrency_table(log),
        _handover_table(log),
        _note_table(log),
        _message_table(log),
    )
    return Exhibit(letter=letter, title="Time and presence log", blocks=(*blocks, *_late_points(log)))


def _technologist_table(log: _Log) -> Table:
    facts, time = log.facts, log.facts.time
    for person in facts.staff.technologists:
        name = ", ".join(filter(None, (person.name, person.cred)))
        log.add(person.on, f"{name}: on", "", person)
        log.add(person.off, f"{name}: off", "", person)
    if not facts.staff.technologists:
        log.add(None, "Technologist")
    log.add(time.tech_arrive, "Technologist arrived")
    log.add(time.setup_start, "Set-up started", "not counted")
    log.add(time.setup_end, "Set-up ended", "not counted")
    for taken in facts.baselines.sets:
        name = f"{taken.label} baselines".capitalize() if taken.label else "Baselines"
        log.add(taken.start, f"{name} started", "not counted", taken)
        log.add(taken.end, f"{name} ended", "not counted", taken)
        reviewer = facts.person_name(taken.reviewed_by)
        log.add(taken.reviewed_at, f"{name} reviewed", f"by {reviewer}" if reviewer else "", taken)
    for segment in time.segments:
        counted = (
            f"{c.minutes_between(segment.start, segment.end)} minutes counted" if segment.start and segment.end else ""
        )
        log.add(segment.start, f"Monitoring {segment.id} started", _MODES[segment.mode], segment)
        log.add(segment.end, f"Monitoring {segment.id} ended", counted, segment)
    if not time.segments:
        log.add(None, "Monitoring")
    for pause in time.breaks:
        log.add(pause.start, "Break started", pause.reason or "", pause)
        log.add(pause.end, "Break ended", "", pause)
    log.add(time.electrodes_out, "Electrodes out", "not counted")
    breaks = "" if time.breaks else "; breaks: none stated" if "no_breaks" in facts.stated else "; no breaks recorded"
    return Table(
        caption=f"Technologist and recording (all times {facts.tz}{breaks})",
        head=("Time", "What", "Note"),
        widths=(20, 40, 40),
        rows=log.sorted(),
    )


def _connection_table(log: _Log) -> Table:
    rows = []
    for presence in log.facts.physician_log:
        rows.append(
            (
                log.facts.person_name(presence.physician) or NOT_ON_FILE,
                _at(log.shown, presence.connect, presence.missing_reason),
                _at(log.shown, presence.disconnect, presence.missing_reason),
                "; ".join(filter(None, (presence.method or GAP, log.late(presence.src)))),
            )
        )
    head = ("Physician", "Connected", "Disconnected", "Method")
    return Table(
        caption="Interpreting physicians", head=head, widths=(27, 15, 15, 40), rows=tuple(rows), empty=NOT_ON_FILE + "."
    )


def _concurrency_table(log: _Log) -> Table:
    rows = []
    for presence in log.facts.physician_log:
        name = log.facts.person_name(presence.physician) or NOT_ON_FILE
        for piece in presence.concurrency:
            rows.append(
                (name, log.shown.span(piece.frm, piece.to), str(piece.n) if piece.n else gap(piece.missing_reason))
            )
        if not presence.concurrency:
            rows.append((name, log.shown.span(presence.connect, presence.disconnect), GAP))
        for stretch in presence.exclusive:
            rows.append((name, log.shown.span(stretch.frm, stretch.to), "attention to this patient alone"))
    head = ("Physician", "From and to", "Cases at the same time, this one included")
    return Table(caption="Concurrent cases and exclusive stretches", head=head, widths=(27, 27, 40), rows=tuple(rows))


def _handover_table(log: _Log) -> Table:
    name = log.facts.person_name
    rows = tuple(
        (
            log.shown.span(h.start, h.end),
            f"{h.kind}: {name(h.frm)} to {name(h.to)}",
            log.late(h.src),
        )
        for h in log.facts.handovers
    )
    return Table(
        caption="Handovers", head=("Time", "What", "Note"), widths=(27, 48, 22), rows=rows, empty="None recorded."
    )


def _note_table(log: _Log) -> Table:
    notes = [note for presence in log.facts.physician_log for note in presence.notes]
    notes.sort(key=lambda note: (note.t is None, note.t.timestamp() if note.t else 0))
    rows = tuple(
        (
            _at(log.shown, note.t, note.missing_reason),
            log.facts.person_name(note.by) or NOT_ON_FILE,
            "; ".join(filter(None, (note.text, log.late(note.src)))),
        )
        for note in notes
    )
    head = ("Time", "Physician", "Note, as it was written")
    return Table(caption="Physician's notes", head=head, widths=(15, 22, 60), rows=rows, empty="None recorded.")


def _message_table(log: _Log) -> Table:
    rows = []
    for alert in log.facts.alerts:
        for told in alert.communicated:
            who = f"{told.who} ({name})" if (name := log.facts.person_name(told.ref)) else told.who
            note = "; ".join(filter(None, (told.mode or GAP, log.late(told.src))))
            rows.append((_at(log.shown, told.t, told.missing_reason), f"{alert.id}: {who}", note))
    head = ("Time", "Alert and who was told", "How")
    return Table(
        caption="Communication of alerts", head=head, widths=(15, 40, 40), rows=tuple(rows), empty="None recorded."
    )


def _late_points(log: _Log) -> Iterable[Points]:
    """Late entries that no row above shows: they belong to other parts of the record, which the report marks."""
    rest = [late for src, late in log.facts.late.items() if src not in log.told]
    said = []
    for late in sorted(rest, key=lambda late: (late.at is None, late.at.timestamp() if late.at else 0)):
        moved = f", its time changed from {log.shown.time(late.was)}" if late.was else ""
        said.append(f"An entry for {_at(log.shown, late.at)} was keyed {log.shown.full(late.entered_at)}{moved}.")
    return [Points(caption="Late entries elsewhere in the record", items=tuple(said))] if said else []


def ledger_proof(letter: str, days: Sequence[Proof]) -> Exhibit:
    """That no minute was billed for two patients: each physician's day over all payers, other patients unnamed."""
    blocks: list[Table | Points | Chart] = []
    for day in days:
        blocks.append(
            Chart(caption=f"{day.who}, {day.day}: cases and how many at once (all times {day.zone})", day=day)
        )
        blocks.append(
            Table(
                caption=f"Exclusive minutes (G0453) by clock hour, all patients; at most {most()} units",
                head=("Clock hour", "Minutes", "Units", "Cases at once, at most"),
                widths=(27, 15, 15, 40),
                rows=tuple((hour.label, str(hour.minutes), str(hour.units), str(hour.peak)) for hour in day.hours),
            )
        )
        blocks.append(
            Table(
                caption="Minutes of each case",
                head=("Case", "Watched", "Minutes", "Billed alone", "Overlapping"),
                widths=(22, 31, 15, 15, 15),
                rows=tuple((r.label, r.span, str(r.live), str(r.alone), str(r.overlap)) for r in day.rows),
            )
        )
        standing = tuple(f"{number}: {text}" for number, _, text in day.said) or ("No finding stands.",)
        peak = f"At most {day.peak} at once; the limit is {day.limit}."
        blocks.append(Points(caption="Method and findings", items=(*day.methods, peak, *standing)))
    if not days:
        blocks.append(Points(caption="Physicians' time", items=("No connection of a physician is recorded.",)))
    return Exhibit(letter=letter, title="Physician's day: whose each minute is", blocks=tuple(blocks))


def personnel(letter: str, facts: c.Facts, people: Sequence[Person]) -> Exhibit:
    """Everybody of the case with each credential and how it stood on the date of service."""
    day = service_day(facts)
    rows: list[tuple[str, ...]] = []
    groups = (("technologist", facts.staff.technologists), ("interpreting physician", facts.staff.physicians))
    for role, members in groups:
        for member in members:
            person = next((p for p in people if p.staff == member.id), Person(staff=member.id))
            rows += _person_rows(member, role, person, day)
        if not members:
            rows.append((NOT_ON_FILE, role, *[NOT_ON_FILE] * 5))
    on = f"{day:%Y-%m-%d}" if day else "the date of service"
    table = Table(
        head=("Name and NPI", "Role", "Credential", "Number", "Issuer", "Valid from - until", f"On {on}"),
        widths=(19, 12, 18, 11, 14, 14, 12),
        rows=tuple(rows),
    )
    return Exhibit(letter=letter, title="Personnel and credentials", blocks=(table,))


def _person_rows(
    member: c.Technologist | c.Physician, role: str, person: Person, day: date | None
) -> list[tuple[str, ...]]:
    name = f"{member.name}\nNPI {person.npi or NOT_ON_FILE}" if role != "technologist" or person.npi else member.name
    if not person.credentials:
        return [(name, role, f"{member.cred or 'credential'}: {NOT_ON_FILE}", *[NOT_ON_FILE] * 4)]
    rows = []
    for credential in person.credentials:
        span = f"{credential.from_on or NOT_ON_FILE} -\n{credential.until_on or 'no end'}"
        number, issuer = credential.number or NOT_ON_FILE, credential.issuer or NOT_ON_FILE
        rows.append((name, role, credential.kind, number, issuer, span, credential.on(day)))
        name, role = "", ""
    return rows


class Act(Struct, frozen=True, kw_only=True):
    """An entry of the audit trail about this case, in words."""

    number: int
    at: datetime
    who: str
    did: str


def record_history(letter: str, facts: c.Facts, entries: Sequence[Entry], names: Mapping[int, str]) -> Exhibit:
    """Every entry of the record in time order, and under one that was changed or struck what it said before."""
    shown, rows = clock(facts), []
    for line in lines(entries, facts):
        standing = "struck out" if line.struck else ""
        rows.append(_entry_row(line.said, standing, shown, names))
        rows += [_entry_row(one, "before, replaced", shown, names) for one in line.before]
    table = Table(
        caption=f"Entries of the record (all times {facts.tz}); what was replaced or struck stands under what it became",
        head=("At", "What was said", "Keyed", "By", "Standing"),
        widths=(11, 40, 21, 16, 14),
        rows=tuple(rows),
        empty="The record has no entry.",
    )
    return Exhibit(letter=letter, title="History of the record", blocks=(table,))


def _entry_row(said: Said, standing: str, shown: Clock, names: Mapping[int, str]) -> tuple[str, ...]:
    marks = "; ".join(filter(None, (standing, *said.marks))) or "stands"
    who = names.get(said.entry.by or 0, "not on file")
    what = said.words if said.words.startswith(said.title) else f"{said.title}: {said.words}"
    return (said.time or "-", what, shown.full(said.entry.entered_at), who, marks)


def audit_trail(letter: str, facts: c.Facts, acts: Sequence[Act], reads: Mapping[str, int]) -> Exhibit:
    """Who did what in the case and when, and how often each person read of it."""
    shown = clock(facts)
    blocks = (
        Table(
            caption=f"What was done (times {facts.tz}; the number is that of the practice's audit trail)",
            head=("Number", "At", "Who", "What"),
            widths=(10, 27, 23, 40),
            rows=tuple((str(act.number), shown.full(act.at), act.who, act.did) for act in acts),
            empty="Nothing is written down.",
        ),
        Table(
            caption="How often it was read",
            head=("Who", "Times"),
            widths=(60, 40),
            rows=tuple((who, str(count)) for who, count in sorted(reads.items())),
            empty="Nobody read it.",
        ),
        Points(
            caption="How the trail is kept",
            items=(
                "Each entry of the trail is sealed together with the one before it, so that none can be changed, "
                "left out or put in later without being noticed. Entries about other cases are not shown.",
            ),
        ),
    )
    return Exhibit(letter=letter, title="Audit trail of the case", blocks=blocks)
