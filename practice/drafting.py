"""The built-in report writer: facts in, a draft out, with the entries behind every sentence and row.

Sections, their order and the phrases are those of report-and-phone.md 2.1 and 2.2. Nothing is said that the
record does not say: what is missing stands as `[not recorded]` and in the to-do list, a negative only where
somebody recorded one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import msgspec

from . import cases as c
from . import completeness, concurrency
from . import wording as w
from .cases import Facts
from .changes import changes
from .report import (
    Addendum,
    AddendumFact,
    Block,
    Draft,
    Item,
    Items,
    Paragraph,
    Row,
    Section,
    Sentence,
    SignatureFact,
    Table,
    as_json,
    as_text,
    sentences,
    signable_text,
)  # fmt: skip
from .technique import technique
from .times import age, clock, service_day

__all__ = [
    "AddendumFact", "Draft", "Item", "Items", "Paragraph", "Row", "Section", "Sentence", "SignatureFact", "Table",
    "as_json", "as_text", "changes", "draft", "finished", "phrases", "sentences", "signable_text",
]  # fmt: skip

TITLE = "Intraoperative Neurophysiological Monitoring Report"
DRAFT_LINE = "DRAFT - not a final report until signed by the interpreting physician."
SYNTHETIC_LINE = "SYNTHETIC CASE - no real person."


def draft(facts: Facts, *, signatures: Iterable[SignatureFact] = (), addenda: Iterable[AddendumFact] = ()) -> Draft:
    """Write the report of these facts. The same facts give the same text, signed or not."""
    writer = _Writer(facts)
    made = Draft(
        case_id=facts.id,
        rev=facts.record_rev,
        digest=writer.digest,
        title=TITLE,
        notice=SYNTHETIC_LINE if facts.synthetic else "",
        status_line=DRAFT_LINE,
        signed=False,
        label=writer.label(),
        header=writer.header(),
        key_result=tuple(writer.key_result()),
        sections=writer.sections(),
        attestations=writer.attestations(),
        signatures=(),
        awaiting=writer.awaiting([]),
        addenda=(),
        provenance=writer.provenance(),
        todo=tuple(writer.todo),
    )
    return finished(made, facts, signatures, addenda)


def finished(
    written: Draft, facts: Facts, signatures: Iterable[SignatureFact], addenda: Iterable[AddendumFact]
) -> Draft:
    """A draft as it was written, with the signatures and addenda it has by now. No word of it is written anew."""
    signatures = sorted(signatures, key=lambda one: one.at)
    if not signatures:
        return written
    addenda = sorted(addenda, key=lambda one: (one.number, one.at))
    writer = _Writer(facts)
    return msgspec.structs.replace(
        written,
        status_line=_status_line(len(signatures), len(facts.staff.physicians), len(addenda)),
        signed=True,
        signatures=tuple(Sentence(writer.signature(one), ("signature",)) for one in signatures),
        awaiting=writer.awaiting([one.name for one in signatures]),
        addenda=tuple(writer.addendum(one) for one in addenda),
    )


def phrases(facts: Facts) -> list[tuple[str, str]]:
    """What is never taken apart when the report is worded otherwise: each response of an alert with its values."""
    writer = _Writer(facts)
    said = []
    for alert in facts.alerts:
        said += [("finding", writer._change(alert, row)) for row in alert.rows]
        said += [("place", writer._short(row)) for row in alert.rows]
        said += [("recovery", writer._recovery(row)) for row in (alert.resolution.rows if alert.resolution else ())]
        said.append(("outcome", writer._outcome(alert.resolution)))
    return said


def _status_line(signatures: int, physicians: int, addenda: int) -> str:
    """Each physician of a case signs for their own interval, so one signature of two says so."""
    if not signatures:
        return DRAFT_LINE
    line = f"SIGNED by {signatures} of {physicians} interpreting physicians" if signatures < physicians else "SIGNED"
    if addenda:
        return f"{line}, with {addenda} {'addendum' if addenda == 1 else 'addenda'}."
    return f"{line}." if signatures < physicians else f"{line} - final report."


class _Writer:
    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.clock = clock(facts)
        self.todo = completeness.missing(facts)
        self.digest = c.digest(facts)
        self.marked: set[str] = set()
        self.expected = completeness.expected_at_closing(facts)

    # Small words

    def time(self, at: datetime | None, reason: str | None = None) -> str:
        return self.clock.time(at) if at else w.gap(reason)

    def mark(self, src: str) -> str:
        """What shows a late entry and a changed time as such, wherever the fact is printed."""
        late = self.facts.late.get(src)
        if late is None:
            return ""
        self.marked.add(src)
        if late.was:
            return f" (time changed, was {self.clock.time(late.was)})"
        return f" (late entry, keyed {self.clock.time(late.entered_at)})"

    def say(self, text: str, *sources: str) -> Sentence:
        """A sentence, on one line whatever was typed; an empty source means the record as a whole."""
        text = " ".join(filter(None, map(str.strip, text.splitlines())))
        return Sentence(text, tuple(dict.fromkeys(source or "record" for source in sources)) or ("record",))

    def row(self, cells: Iterable[str], *sources: str) -> Row:
        return Row(tuple(cells), self.say("", *sources).sources)

    def name(self, ref: str | None) -> str:
        return self.facts.person_name(ref) or w.GAP

    # Header

    def label(self) -> tuple[str, ...]:
        """What stands on every page, so that a stray sheet finds its patient."""
        patient = self.facts.header.patient
        day = service_day(self.facts)
        return (
            patient.name or w.GAP,
            f"DOB {patient.dob or w.GAP}",
            f"MRN {patient.mrn or w.GAP}",
            f"DOS {day or w.GAP}",
        )

    def header(self) -> tuple[Row, ...]:
        facts, header = self.facts, self.facts.header
        staff = facts.staff
        # Beside somebody with a credential the gap is said, or it would read as if both had it.
        gap = w.GAP if any(one.cred for one in staff.technologists) else None
        people = [", ".join(filter(None, [one.name, one.cred or gap])) for one in staff.technologists]
        readers = [one.name for one in staff.physicians]
        place = ", ".join(filter(None, [header.facility.name, header.facility.or_room]))
        zone = f"{facts.tz}; the zone stands beside each time" if self.clock.zoned else facts.tz
        rows = (
            ("Patient", self._patient(), "header"),
            ("Date of service", self._service(), "header"),
            ("Facility", place or w.GAP, "header"),
            ("Surgeon / requested by", f"{header.surgeon or w.GAP} / {header.requested_by or w.GAP}", "header"),
            ("Anesthesia", header.anesthesia or w.GAP, "header"),
            (
                "Technologist",
                f"{w.series(people)} (in the operating room)" if people else w.GAP,
                *[one.src for one in staff.technologists],
            ),
            (
                "Interpreting physician",
                w.series(readers) + self._mode() if readers else w.GAP,
                *[one.src for one in staff.physicians],
            ),
            ("Record", f"{facts.id} revision {facts.record_rev}; all times are facility local time ({zone})", "record"),
        )
        return tuple(self.row(cells[:2], *cells[2:]) for cells in rows)

    def _patient(self) -> str:
        patient, day = self.facts.header.patient, service_day(self.facts)
        born = f"DOB {patient.dob or w.GAP}"
        if patient.dob and day:
            born += f" ({age(patient.dob, day)} y)"
        return f"{patient.name or w.GAP}   MRN {patient.mrn or w.GAP}   {born}   Sex {patient.sex or w.GAP}"

    def _service(self) -> str:
        day = service_day(self.facts)
        ends = [one.end.astimezone(self.facts.zone).date() for one in self.facts.time.segments if one.end]
        if day and ends and max(ends) != day:
            return f"{day} (monitoring ended {max(ends)})"
        return str(day or w.GAP)

    def _mode(self) -> str:
        modes = {segment.mode != "in_room" for segment in self.facts.time.segments}
        return {(): "", (True,): " (remote, real time)", (False,): " (in the operating room)"}.get(
            tuple(modes), " (in the operating room and remote, real time)"
        )

    # Key result

    def key_result(self) -> Iterator[Sentence]:
        yield from self._abort()
        for alert in self.facts.alerts:
            places = [self._short(row) for row in alert.rows] or [w.GAP]
            text = f"{alert.id}: {alert.modality} alert at {self.time(alert.t, alert.missing_reason)} ({w.series(places)}); "
            end = alert.resolution
            yield self.say(text + self._outcome(end) + ".", alert.src, *([end.src] if end else []))
        if not self.facts.alerts:
            yield self._no_alerts()
        yield self._closing_state()
        if self._new_deficit():
            exam = self.facts.closing.postop_exam
            yield self.say("A new neurological deficit was recorded after surgery (section 8).", exam.src)

    def _abort(self) -> Iterator[Sentence]:
        if self.facts.status != "aborted":
            return
        event = self._abort_event()
        text, src = (event.text.lower(), event.src) if event else ("", "record")
        if "before incision" in text:
            text = (
                "Procedure aborted before incision; monitoring was limited to baselines and a short observation period."
            )
        else:
            text = "Procedure aborted."
        yield self.say(text, src)

    def _abort_event(self) -> c.Event | None:
        return next((event for event in self.facts.events if event.type == "aborted"), None)

    def _short(self, row: c.AlertRow) -> str:
        place = w.place(self.facts, row) or w.gap(row.missing_reason)
        if test := self.facts.stim_test(row.stim_ref):
            return f"{place}, {self._threshold(test)}"
        return place

    def _outcome(self, end: c.Resolution | None) -> str:
        if end is None or end.status is None:
            return f"outcome {w.gap(end.missing_reason if end else None)}"
        if end.status == "unresolved":
            return f"UNRESOLVED at last test {self.time(end.t, end.missing_reason)}"
        word = "resolved" if end.status == "resolved" else "partly recovered"
        return f"{word} at {self.time(end.t)}" if end.t else f"{word}, time {w.gap(end.missing_reason)}"

    def _no_alerts(self) -> Sentence:
        if completeness.alerts_denied(self.facts):
            return self.say("No alerts were called.", "record")
        return self.say(f"{w.GAP} whether there were alerts.", "record")

    def _closing_state(self) -> Sentence:
        closing = self.facts.closing
        if closing is None:
            return self.say(f"Closing data: {w.GAP}.", "record")
        at = self.time(closing.t, closing.missing_reason)
        text = {
            "at_baseline": f"At closing ({at}) all recorded responses were at baseline.",
            "not_at_baseline": f"At closing ({at}) not all responses were at baseline.",
            "incomplete": f"The closing data set ({at}) is incomplete.",
        }.get(closing.overall, f"Closing status ({at}): {w.GAP}.")
        return self.say(text, closing.src)

    def _new_deficit(self) -> bool:
        exam = self.facts.closing.postop_exam if self.facts.closing else None
        return bool(exam and exam.recorded and exam.new_deficit)

    # Sections

    def sections(self) -> tuple[Section, ...]:
        mine = self.facts.impression is not None
        parts = (
            ("indication", "Indication and procedure", self._indication),
            ("technique", "Modalities and technique", self._technique),
            ("anesthesia", "Anesthesia and physiology", self._anesthesia),
            ("baselines", "Baselines", self._baselines),
            ("course", "Intraoperative course", self._course),
            ("alerts", "Alerts", self._alerts),
            ("stimulation", "Stimulation testing", self._stimulation),
            ("closing", "Closing data and post-operative observation", self._closing),
            ("time", "Monitoring time and physician attendance", self._time),
            ("limitations", "Limitations and missing data", self._limitations),
            (
                "impression",
                "Impression" if mine else "Impression (a draft until the interpreting physician signs or changes it)",
                self._impression,
            ),
        )
        # The impression is written before the limitations, which name what no other section has shown.
        written = {key: tuple(write()) for key, _, write in sorted(parts, key=lambda part: part[0] == "limitations")}
        return tuple(Section(key, number, title, written[key]) for number, (key, title, _) in enumerate(parts, 1))

    def _indication(self) -> Iterator[Block]:
        header = self.facts.header
        diagnoses = [f"{one.text} ({one.icd10 or 'ICD-10 ' + w.GAP})" for one in header.diagnosis]
        position = f"position {header.procedure.position or w.GAP}"
        slots = (
            ("Diagnosis", w.series(diagnoses) or w.GAP),
            ("Procedure", f"{header.procedure.text or w.GAP}; {position}"),
            ("Indication for monitoring", header.indication or w.GAP),
            ("Pre-operative examination", header.preop_exam or w.GAP),
        )
        yield Items("indication", "", tuple(Item(label, (self.say(w.ended(text), "header"),)) for label, text in slots))

    def _technique(self) -> Iterator[Block]:
        items = [Item(w.modality(part), (self.say(technique(part), part.src),)) for part in self.facts.modalities]
        if not items:
            items = [Item("Modalities", (self.say(f"{w.GAP}.", "record"),))]
        criteria = dict(self.facts.alert_criteria)
        for code in dict.fromkeys(part.code for part in self.facts.modalities):
            if w.MODALITIES[code].get("compared"):
                criteria.setdefault(code, w.GAP)
        text = "; ".join(f"{code}: {criterion}" for code, criterion in criteria.items()) or w.GAP
        items.append(Item("Alert criteria used", (self.say(w.ended(text), "record"),)))
        yield Items("modalities", "", tuple(items))

    def _anesthesia(self) -> Iterator[Block]:
        yield Paragraph(tuple(self._drugs()))
        rows = [
            self.row(
                (
                    self.time(one.t, one.missing_reason) + self.mark(one.src),
                    w.value(one.map_mmhg, one.missing_reason),
                    w.value(one.temp_c, one.missing_reason),
                ),
                one.src,
            )
            for one in self.facts.physiology
        ]
        if rows:
            yield Table("physiology", "", ("Time", "MAP (mmHg)", "Temperature (°C)"), tuple(rows), (20, 20, 60))
        else:
            yield Paragraph((self.say(f"MAP and temperature: {w.GAP}.", "record"),))

    def _drugs(self) -> Iterator[Sentence]:
        drugs = self.facts.anesthesia
        if drugs is None or not (drugs.technique or drugs.agents or drugs.nmb):
            yield self.say(
                f"Anesthesia: {w.gap(drugs.missing_reason if drugs else None)}.", drugs.src if drugs else "record"
            )
        else:
            agents = [w.agent(agent) for agent in drugs.agents]
            text = w.capital(drugs.technique or f"Technique {w.gap(drugs.missing_reason)}")
            yield self.say(w.ended(f"{text} with {w.series(agents)}" if agents else text), drugs.src)
            if drugs.nmb and drugs.nmb.agent:
                yield self.say(self._blockade(drugs.nmb), drugs.src)
        for reading in drugs.tof if drugs else ():
            value = reading.value or w.gap(reading.missing_reason)
            yield self.say(f"Train-of-four {value} at {self.time(reading.t)}{self.mark(reading.src)}.", reading.src)

    def _blockade(self, given: c.Nmb) -> str:
        text = f"Neuromuscular blockade: {given.agent} {given.dose or 'dose ' + w.gap(given.missing_reason)}"
        text += f" at {self.time(given.given_at, given.missing_reason)}"
        return w.ended(f"{text}, reversed with {given.reversed}" if given.reversed else text)

    def _baselines(self) -> Iterator[Block]:
        sets = []
        for part in self.facts.baselines.sets:
            name = w.capital(f"{part.label} baselines" if part.label else "baselines")
            if part.reviewed_at:
                review = f"physician review {self.time(part.reviewed_at)}"
            else:
                review = f"physician review time {w.gap(part.missing_reason)}"
            sets.append(
                self.say(f"{name} {self.clock.span(part.start, part.end)}; {review}{self.mark(part.src)}.", part.src)
            )
        yield Paragraph(tuple(sets) or (self.say(f"Baseline times and physician review: {w.GAP}.", "record"),))
        rows = []
        for one in self.facts.baselines.rows:
            quality = "; ".join(filter(None, [one.quality or w.gap(one.missing_reason), one.descriptor]))
            cells = (
                one.modality, w.capital(w.side(one.side)) or "-", one.site or "-", one.peak or "-",
                w.or_dash(one.lat_ms), w.or_dash(one.amp_uv), quality + self.mark(one.src),
            )  # fmt: skip
            rows.append(self.row(cells, one.src))
        if rows:
            head = ("Modality", "Side", "Site", "Peak", "Latency (ms)", "Amplitude (µV)", "Quality")
            yield Table("baselines", "", head, tuple(rows), (11, 11, 27, 8, 13, 15, 15))
        else:
            yield Paragraph((self.say(f"Baseline responses: {w.GAP}.", "record"),))

    def _course(self) -> Iterator[Block]:
        lines: list[tuple[datetime | None, str, str, str | None]] = []
        for event in self.facts.events:
            text = event.text or event.type.replace("_", " ").capitalize()
            lines.append((event.t, text, event.src, event.missing_reason))
        for change in self.facts.handovers:
            text = f"{w.capital(change.kind)} handover from {self.name(change.frm)} to {self.name(change.to)}"
            between = f"between {self.time(change.start)} and {self.time(change.end)}"
            lines.append((change.start, f"{text} {between}", change.src, None))
        for alert in self.facts.alerts:
            text = f"{alert.id} {alert.modality} alert (section 6)"
            lines.append((alert.t, text, alert.src, alert.missing_reason))
        if not lines:
            yield Paragraph((self.say(f"Events: {w.GAP}.", "record"),))
            return
        timed = sorted((line for line in lines if line[0]), key=lambda line: line[0])
        rows = [
            self.row((self.time(at, reason), text + self.mark(src)), src)
            for at, text, src, reason in [*timed, *(line for line in lines if not line[0])]
        ]
        yield Table("course", "", ("Time", "Event"), tuple(rows), (20, 80))

    def _alerts(self) -> Iterator[Block]:
        if not self.facts.alerts:
            yield Paragraph((self._no_alerts(),))
        for alert in self.facts.alerts:
            heading = f"{alert.id} - {alert.modality} - {self.time(alert.t, alert.missing_reason)}"
            heading += f" (criterion: {alert.criterion or w.GAP}){self.mark(alert.src)}"
            items = (
                Item("Finding", self._finding(alert)),
                Item(
                    "Suspected cause",
                    (self.say(w.ended(alert.cause_suspected or w.gap(alert.missing_reason)), alert.src),),
                ),
                Item("Communicated to", self._communicated(alert)),
                Item("Action", self._actions(alert)),
                Item("Resolution", self._resolution(alert)),
                Item("Physician", (self._alert_note(alert),)),
            )
            yield Items(alert.id, heading, items)

    def _findings(self, alert: c.Alert) -> str:
        return "; ".join(self._change(alert, row) for row in alert.rows) or f"response that changed {w.GAP}"

    def _finding(self, alert: c.Alert) -> tuple[Sentence, ...]:
        context = (
            f"during {w.within(alert.surgical_context)}" if alert.surgical_context else f"surgical context {w.GAP}"
        )
        said = [self.say(w.ended(f"{context}, {self._findings(alert)}"), alert.src, *self._behind(alert.rows))]
        if alert.unchanged:
            said.append(self.say(w.ended(f"At that time {w.unchanged(alert.unchanged)}"), alert.src))
        return tuple(said)

    def _behind(self, rows: Iterable[c.AlertRow]) -> list[str]:
        """The baselines and stimulation tests that the rows compare with."""
        found = [self.facts.baseline(row.ref) or self.facts.stim_test(row.stim_ref) for row in rows]
        return [one.src for one in found if one]

    def _change(self, alert: c.Alert, row: c.AlertRow) -> str:
        """One response of an alert, with its value before and at the change."""
        if test := self.facts.stim_test(row.stim_ref):
            muscle = f" ({test.muscle})" if test.muscle else ""
            return f"{w.screw(test)} threshold {self._threshold(test)}{muscle}, below the criterion"
        place = w.place(self.facts, row) or w.gap(row.missing_reason)
        baseline = self.facts.baseline(row.ref)
        if baseline:
            name, values = f"{place} {baseline.modality}", w.measured(baseline, row)
            return (
                " ".join(filter(None, [name, values, row.text]))
                if values
                else w.placed(name, row.text, row.missing_reason)
            )
        if row.change_pct is None:
            return w.placed(place, row.text, row.missing_reason)
        return f"{w.placed(place, row.text) if row.text else place} ({w.percent(row.change_pct)})"

    def _threshold(self, test: c.StimTest) -> str:
        return f"{test.thr_ma} mA" if test.thr_ma is not None else w.gap(test.missing_reason)

    def _communicated(self, alert: c.Alert) -> tuple[Sentence, ...]:
        said = []
        for told in alert.communicated:
            if told.t:
                text = f"{told.who} {self.time(told.t)} ({told.mode or 'mode ' + w.gap(told.missing_reason)})"
            else:
                text = f"{told.who} {w.gap(told.missing_reason)}" + (f" ({told.mode})" if told.mode else "")
            said.append(self.say(text + self.mark(told.src), told.src))
        named = {told.who for told in alert.communicated}
        said += [self.say(f"{who} {w.GAP}", alert.src) for who in completeness.REQUIRED_LISTENERS if who not in named]
        return _listed(said)

    def _actions(self, alert: c.Alert) -> tuple[Sentence, ...]:
        said = [
            self.say(
                f"{self.time(done.t, done.missing_reason)} {done.by or 'by ' + w.GAP}: {done.text or w.GAP}{self.mark(done.src)}",
                done.src,
            )
            for done in alert.actions
        ]
        return _listed(said or [self.say(w.GAP, alert.src)])

    def _resolution(self, alert: c.Alert) -> tuple[Sentence, ...]:
        end = alert.resolution
        if end is None or end.status is None:
            src = end.src if end else alert.src
            return (self.say(f"{w.gap(end.missing_reason if end else None)}.", src),)
        values = "; ".join(self._recovery(row) for row in end.rows)
        if end.status == "unresolved":
            text = self._outcome(end)
        else:
            word = "resolved" if end.status == "resolved" else "partly recovered"
            text = f"{word} {self.time(end.t)}" if end.t else f"{word} (time {w.gap(end.missing_reason)})"
        text = f"{text}: {values}" if values else text
        said = [self.say(w.ended(text + self.mark(end.src)), end.src, *self._behind(end.rows))]
        if end.reported_at:
            said.append(
                self.say(f"Reported to the {end.reported_to or 'surgeon'} at {self.time(end.reported_at)}.", end.src)
            )
        if end.status == "unresolved" and not completeness.reported(end):
            said.append(self.say(f"Report to the surgeon: {w.GAP}.", end.src))
        return tuple(said)

    def _recovery(self, row: c.AlertRow) -> str:
        if test := self.facts.stim_test(row.stim_ref):
            word = "retest" if test.retest_of else "test"
            return f"{w.screw(test)} {word} {self._threshold(test)}"
        place = w.place(self.facts, row) or w.gap(row.missing_reason)
        baseline = self.facts.baseline(row.ref)
        name = f"{place} {baseline.modality}" if baseline else place
        share = f"{row.pct_of_baseline}% of baseline" if row.pct_of_baseline is not None else ""
        if row.value_uv == 0 or row.value_uv is None and row.pct_of_baseline == 0:
            said = "absent"
        else:
            values = [f"{row.value_uv} µV" if row.value_uv is not None else ""]
            values.append(f"latency {row.value_lat_ms} ms" if row.value_lat_ms is not None else "")
            measured = ", ".join(filter(None, values))
            said = f"{measured} ({share})" if measured and share else measured or share
        if not baseline and not said:
            return w.placed(place, row.text, row.missing_reason)
        return (
            " ".join(filter(None, [name, said, row.text]))
            if said or row.text
            else f"{name} {w.gap(row.missing_reason)}"
        )

    def _alert_note(self, alert: c.Alert) -> Sentence:
        note = alert.md_note
        if note is None:
            return self.say("no physician note recorded for this alert.", alert.src)
        text = f"{self.name(note.by)}, {self.time(note.t, note.missing_reason)}: {note.text.rstrip('.')}{self.mark(note.src)}"
        return self.say(w.ended(text), note.src)

    def _stimulation(self) -> Iterator[Block]:
        if not self.facts.stim_tests:
            said = f"{w.GAP} whether stimulation tests were done."
            unsaid = completeness.stimulation_unsaid(self.facts)
            yield Paragraph((self.say(said if unsaid else "Not performed.", "record"),))
            return
        low = {row.stim_ref for alert in self.facts.alerts for row in alert.rows if row.stim_ref}
        rows = []
        for test in self.facts.stim_tests:
            kind = "" if test.type == "pedicle_screw" else test.type.replace("_", " ")
            notes = [kind, "LOW, see section 6" if test.id in low else ""]
            notes.append(f"retest of {test.retest_of}" if test.retest_of else "")
            threshold = w.value(test.thr_ma, test.missing_reason)
            cells = (
                test.id, self.time(test.t, test.missing_reason) + self.mark(test.src), test.level or "-",
                w.capital(w.side(test.side)) or w.gap(test.missing_reason), test.muscle or w.gap(test.missing_reason),
                threshold, "; ".join(filter(None, notes)),
            )  # fmt: skip
            rows.append(self.row(cells, test.src))
        head = ("Test", "Time", "Level", "Side", "Muscle", "Threshold (mA)", "Note")
        yield Table("stimulation", "", head, tuple(rows), (8, 15, 9, 10, 22, 15, 21))

    # Closing

    def _closing(self) -> Iterator[Block]:
        closing = self.facts.closing
        said = [self._closing_state()]
        if closing is None:
            yield Paragraph((*said, self._observation()))
            return
        rows = {row.ref: row for row in closing.rows}
        gaps = [one for one in self.expected if one.id not in rows or not completeness.recorded(rows[one.id])]
        total = len(self.expected)
        text = f"Closing data were recorded for {total - len(gaps)} of {total} monitored responses"
        if gaps:
            text += f"; not recorded at closing: {w.series([w.response(one) for one in gaps])}"
        said.append(self.say(f"{text}.", closing.src, *(row.src for row in closing.rows)))
        yield Paragraph(tuple(said))
        table = [self._closing_row(row) for row in closing.rows]
        table += [
            self.row((w.capital(w.response(one)), w.GAP), one.src, closing.src) for one in gaps if one.id not in rows
        ]
        if table:
            yield Table("closing", "", ("Response", "Closing"), tuple(table), (60, 40))
        yield Paragraph((self._observation(),))

    def _closing_row(self, row: c.ClosingRow) -> Row:
        baseline = self.facts.baseline(row.ref)
        name = w.capital(w.response(baseline)) if baseline else row.ref
        if row.pct is not None:
            value = f"{row.pct}% of baseline"
        elif completeness.recorded(row):
            value = w.spaced(row.status)
        else:
            value = w.gap(row.missing_reason or row.status)
        return self.row((name, value + self.mark(row.src)), row.src, *([baseline.src] if baseline else []))

    def _observation(self) -> Sentence:
        exam = self.facts.closing.postop_exam if self.facts.closing else None
        if exam is None or not exam.recorded:
            reason = exam.missing_reason if exam else None
            src = exam.src if exam else "record"
            if reason in w.UNSAID or reason in ("not_applicable", "not_available", "technical"):
                return self.say(f"Post-operative neurological examination: {w.gap(reason)}.", src)
            return self.say(f"Post-operative neurological examination not available ({reason}).", src)
        at = self.time(exam.t, exam.missing_reason)
        text = f"Post-operative observation at {at} by {exam.by or w.gap(exam.missing_reason)}: "
        text += (exam.text or w.gap(exam.missing_reason)).rstrip(".")
        if exam.new_deficit:
            text += "; recorded as a new deficit"
        return self.say(f"{text}{self.mark(exam.src)}.", exam.src)

    # Time

    def _time(self) -> Iterator[Block]:
        time, said = self.facts.time, []
        setup = self.clock.span(time.setup_start, time.setup_end)
        text = f"Set-up {setup} and electrode removal ({self.time(time.electrodes_out)}) are not counted."
        shown = [time.moments[what] for what in ("setup_start", "setup_end", "electrodes_out") if what in time.moments]
        said.append(self.say(text, *(shown or ["time"])))
        for segment in time.segments:
            ran = f"Monitoring ran from {self.time(segment.start)} to {self.time(segment.end, segment.missing_reason)}"
            minutes = (
                f" ({c.minutes_between(segment.start, segment.end)} minutes)" if segment.start and segment.end else ""
            )
            said.append(
                self.say(f"{ran}{minutes}{self.mark(segment.src)}.", *filter(None, (segment.src, segment.stop_src)))
            )
        said.append(self._total())
        for pause in time.breaks:
            why = f" for {pause.reason}" if pause.reason else ""
            text = f"Monitoring was paused from {self.time(pause.start)} to {self.time(pause.end)}{why}{self.mark(pause.src)}."
            said.append(self.say(text, pause.src))
        yield Paragraph(tuple(said))
        yield self._attendance()
        if exclusive := tuple(self._exclusive()):
            yield Paragraph(exclusive)
        notes = [(note, note.src or presence.src) for presence in self.facts.physician_log for note in presence.notes]
        if notes:
            rows = [
                self.row(
                    (self.time(note.t, note.missing_reason), self.name(note.by), note.text + self.mark(note.src)), src
                )
                for note, src in notes
            ]
            yield Table("physician_log", "Physician log", ("Time", "Physician", "Note"), tuple(rows), (20, 20, 60))

    def _total(self) -> Sentence:
        segments = self.facts.time.segments
        sources = [segment.src for segment in segments]
        if not segments or any(not (one.start and one.end) for one in segments):
            return self.say(f"Total monitoring time: {w.GAP}.", *sources)
        ran, paused = concurrency.segments(self.facts), concurrency.pauses(self.facts)
        counted = concurrency.subtract(ran, paused)
        parts = f" in {len(segments)} segments" if len(segments) > 1 else ""
        parts += ", pauses not counted" if counted != ran else ""
        return self.say(f"Total monitoring time was {concurrency.minutes(counted)} minutes{parts}.", *sources)

    def _attendance(self) -> Block:
        if not self.facts.physician_log:
            return Paragraph((self.say(f"Physician connection times: {w.GAP}.", "record"),))
        rows = []
        for presence in self.facts.physician_log:
            counts = [
                f"{self.clock.span(part.frm, part.to)}: {part.n if part.n is not None else w.GAP}"
                for part in presence.concurrency
            ]
            cells = (
                self.name(presence.physician) + self.mark(presence.src),
                self.time(presence.connect, presence.missing_reason),
                self.time(presence.disconnect, presence.missing_reason),
                presence.method or w.GAP,
                "; ".join(counts) or w.GAP,
            )
            rows.append(self.row(cells, presence.src))
        head = ("Physician", "Connected", "Disconnected", "Method", "Cases at the same time")
        return Table("attendance", "", head, tuple(rows), (20, 13, 16, 20, 31))

    def _exclusive(self) -> Iterator[Sentence]:
        """Elapsed minutes of attention to this patient alone; each physician's stretches on their own."""
        several = len({one.physician for one in self.facts.physician_log if one.exclusive}) > 1
        for person in dict.fromkeys(one.physician for one in self.facts.physician_log if one.exclusive):
            log = [one for one in self.facts.physician_log if one.physician == person and one.exclusive]
            parts = [part for one in log for part in one.exclusive]
            spans = ", ".join(self.clock.span(part.frm, part.to) for part in parts)
            if all(part.frm and part.to for part in parts):
                minutes = sum((part.to - part.frm for part in parts), timedelta()) // timedelta(minutes=1)
                total = f"total {minutes} minutes"
            else:
                total = f"total {w.GAP}"
            whose = f" of {self.name(person)}" if several else ""
            yield self.say(f"Exclusive attention{whose} to this patient: {spans} ({total}).", *(one.src for one in log))

    # Limitations

    def _limitations(self) -> Iterator[Block]:
        rows, said = self.facts.baselines.rows, []
        for row in rows:
            if row.quality == "absent":
                said.append(self.say(f"The {w.response(row)} was absent at baseline and was not monitored.", row.src))
        for quality, words in (("reduced", "Reduced baseline amplitude"), ("poor", "Poor baseline quality")):
            if named := [row for row in rows if row.quality == quality]:
                text = f"{words}: {w.series([w.response(row) for row in named])}."
                said.append(self.say(text, *(row.src for row in named)))
        for gap in self.todo:
            if not gap.field.startswith(("conflicts.", "entries.")):
                reason = w.GAP if gap.reason in w.UNSAID else gap.reason.replace("_", " ")
                said.append(self.say(f"{gap.label}: {reason}.", gap.src))
        said += self._unsettled()
        items = [Item("", (one,)) for one in said] or [Item("", (self.say("None.", "record"),))]
        yield Items("limitations", "", tuple(items))

    def _unsettled(self) -> Iterator[Sentence]:
        for conflict in self.facts.conflicts:
            count = w.plural(len(conflict.versions), "correction")
            text = f"{count} of an entry were made independently; the newest is shown until a person decides."
            yield self.say(text, conflict.original, *conflict.versions)
        for src in self.facts.dangling:
            yield self.say("An entry refers to something that the record does not hold.", src)
        for src, late in self.facts.late.items():
            if src in self.marked:
                continue
            at = self.time(late.at)
            if late.was:
                yield self.say(f"The time of an entry was changed from {self.clock.time(late.was)} to {at}.", src)
            else:
                yield self.say(f"An entry for {at} is a late entry, keyed {self.clock.time(late.entered_at)}.", src)

    # Impression

    def _impression(self) -> Iterator[Block]:
        if mine := self.facts.impression:
            yield Paragraph((Sentence(mine.text, (mine.src,)),))
            yield Paragraph(
                (self.say(f"Impression of {self.name(mine.by)}, {self.time(mine.t)}{self.mark(mine.src)}.", mine.src),)
            )
            return
        said = [*self._monitored()]
        for alert in self.facts.alerts:
            said += self._narrative(alert)
        if not self.facts.alerts:
            said += self._quiet_course()
        yield Paragraph((*said, self._closing_state(), self._observation()))

    def _monitored(self) -> Iterator[Sentence]:
        parts = [part for part in self.facts.modalities if w.MODALITIES[part.code].get("multimodality", True)]
        codes = list(dict.fromkeys(part.code for part in parts))
        sources = [part.src for part in parts]
        if self.facts.status == "aborted":
            event = self._abort_event()
            known = [code for code in codes if any(row.modality == code for row in self.facts.baselines.rows)]
            if known:
                yield self.say(f"{w.series(known)} baselines were obtained.", *sources)
            before = " before incision" if event and "before incision" in event.text.lower() else ""
            when = f" at {self.time(event.t)}" if event else ""
            yield self.say(f"The procedure was aborted{before}{when}.", event.src if event else "record")
        elif codes:
            word = "Multimodality monitoring" if len(codes) > 1 else "Monitoring"
            yield self.say(f"{word} ({w.series(codes)}) was performed during the procedure.", *sources)
        else:
            yield self.say(f"Modalities monitored: {w.GAP}.", "record")

    def _narrative(self, alert: c.Alert) -> Iterator[Sentence]:
        article = "An" if alert.modality[0] in "ES" else "A"
        context = f" during {w.within(alert.surgical_context)}" if alert.surgical_context else ""
        at = self.time(alert.t, alert.missing_reason)
        text = f"{article} {alert.modality} alert ({alert.id}) occurred at {at}{context}: {self._findings(alert)}"
        yield self.say(w.ended(text), alert.src, *self._behind(alert.rows))
        yield self.say(w.ended(f"Suspected cause: {alert.cause_suspected or w.gap(alert.missing_reason)}"), alert.src)
        acts = [done for done in alert.actions if done.text and not _READING.match(done.text)]
        acts = [done for done in acts if done.by != "technologist"] or acts or list(alert.actions)
        texts = w.series([done.text.rstrip(".") or w.GAP for done in acts])
        yield self.say(f"Action taken: {texts or w.GAP}.", *([done.src for done in acts] or [alert.src]))
        end = alert.resolution
        yield self.say(self._ending(end), end.src if end else alert.src)

    def _ending(self, end: c.Resolution | None) -> str:
        if end is None or end.status is None:
            return f"The outcome of the change: {w.gap(end.missing_reason if end else None)}."
        if end.status == "unresolved":
            text = f"The change did not resolve and was still present at the last test ({self.time(end.t, end.missing_reason)})"
            if completeness.reported(end):
                return f"{text}; this was reported to the surgeon at {self.time(end.reported_at)}."
            return f"{text}; report to the surgeon {w.GAP}."
        word = "resolved" if end.status == "resolved" else "partly recovered"
        if end.t:
            return f"The change {word} at {self.time(end.t)}."
        return f"The change {word}; the time of resolution was {w.gap(end.missing_reason)}."

    def _quiet_course(self) -> Iterator[Sentence]:
        denied = completeness.alerts_denied(self.facts)
        if denied and self.facts.alert_criteria and self.facts.status != "aborted":
            yield self.say("No change met the alert criteria listed in section 2.", "record")
        else:
            yield self._no_alerts()
        for event in self.facts.events:
            if event.type in ("observation", "emg_activity") and event.text:
                yield self.say(
                    w.ended(f"Observation at {self.time(event.t, event.missing_reason)}: {event.text}"), event.src
                )

    # Signatures

    def attestations(self) -> tuple[Sentence, ...]:
        signed = self.facts.signoff
        said = []
        if end := signed.technologist:
            how = "recorded, with the late entries marked," if self.facts.late else "recorded contemporaneously"
            text = f"Technologist: {how} and signed electronically by {self.name(end.id)} at {self.time(end.t)}."
            said.append(self.say(text, end.src))
        else:
            said.append(self.say("Technologist: not signed.", "record"))
        if end := signed.physician:
            text = f"Interpreting physician named in the record: {self.name(end.id)} at {self.time(end.t)}."
            said.append(self.say(text, end.src))
        return tuple(said)

    def signature(self, one: SignatureFact) -> str:
        who = ", ".join(filter(None, [one.name, one.credentials]))
        return (
            f"Interpreting physician: Electronically signed by {who}, {self.clock.full(one.at)}. "
            f"Verification code {w.code(one.text_sha256)}, text sha256 {one.text_sha256}."
        )

    def awaiting(self, signers: list[str]) -> tuple[str, ...]:
        """The physicians of the case who have not signed, each with a line to sign on."""
        if len(signers) >= len(self.facts.staff.physicians):
            return ()
        left = [
            one
            for one in self.facts.staff.physicians
            if not any(one.name.startswith(name) or name.startswith(one.name) for name in signers)
        ]
        return tuple(f"{one.name} ({one.cred})" if one.cred else one.name for one in left)

    def addendum(self, one: AddendumFact) -> Addendum:
        who = ", ".join(filter(None, [one.name, one.credentials]))
        return Addendum(f"Addendum {one.number}, {self.clock.full(one.at)}, electronically signed by {who}", one.text)

    def provenance(self) -> Sentence:
        text = f"Prepared by the built-in writer (no AI) from record {self.facts.id} revision {self.facts.record_rev}"
        return self.say(f"{text}; fact sheet sha256 {self.digest[:16]}.", "record")


_READING = re.compile(r"(?i)(MAP|temperature|train-of-four)\W*[\d/. ]+\w*$")
"""An action that is only a reading, such as 'MAP 88 mmHg': it stands among the actions, not in the impression."""


def _listed(said: list[Sentence]) -> tuple[Sentence, ...]:
    """Several short statements as one: semicolons between, a full stop at the end."""
    return tuple(
        msgspec.structs.replace(one, text=one.text.rstrip(".") + ("." if place == len(said) else ";"))
        for place, one in enumerate(said, 1)
    )
