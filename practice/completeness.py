"""What a record does not say and should: one list, the same for the report, the signatures and the claim.

The three gates are those of report-and-phone.md 1.4: `block_sign` stops the technologist's or the
physician's signature, `block_claim` the claim, `warn` neither; which field belongs to which is 1.2 (a field
needed for billing blocks the claim). A value with a true reason beside it warns; one that does not apply is
not missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from . import wording as w
from .cases import Alert, Baseline, Facts, Presence, Resolution, StimTest
from .times import clock, service_day

Severity = Literal["warn", "block_sign", "block_claim"]


class Missing(Struct, frozen=True, kw_only=True):
    """`field` is the path in the interchange form, `src` the entry beside which the value should stand."""

    field: str
    severity: Severity
    reason: str
    label: str
    src: str = ""


def missing(facts: Facts) -> list[Missing]:
    """Everything that is missing, the most urgent kinds first. Empty means complete."""
    return [
        *_connections(facts),
        *_segments(facts),
        *_alerts(facts),
        *_closing(facts),
        *_stimulation(facts),
        *_baselines(facts),
        *_anesthesia(facts),
        *_physiology(facts),
        *_concurrency(facts),
        *_header(facts),
        *_people_and_modalities(facts),
        *_timeline(facts),
        *_unsettled(facts),
    ]


def _item(
    field: str, severity: Severity, label: str, src: str = "", reason: str | None = None, *, excused: bool = True
) -> Iterator[Missing]:
    """One missing value. A true reason turns a stop of the signature into a warning, where it is `excused` by one."""
    if reason == "not_applicable":
        return
    if excused and severity == "block_sign" and reason not in w.UNSAID:
        severity = "warn"
    yield Missing(field=field, severity=severity, reason=reason or "not_recorded", label=w.capital(label), src=src)


def _which(facts: Facts, index: int, presence: Presence) -> str:
    """, segment 2: the stretch of monitoring to which a connection belongs, where there is more than one."""
    segments = facts.time.segments
    if len(segments) > 1 and presence.connect:
        for number, segment in enumerate(segments, 1):
            if segment.end is None or segment.end > presence.connect:
                return f", segment {number}"
    return f", connection {index + 1}" if len(facts.physician_log) > 1 else ""


def _connections(facts: Facts) -> Iterator[Missing]:
    """No connection at all stops the physician's signature; a connection without its ends stops the claim."""
    if not facts.physician_log:
        yield from _item("physician_log", "block_sign", "Physician connection times", excused=False)
        return
    nobody = not any(presence.connect for presence in facts.physician_log)
    for index, presence in enumerate(facts.physician_log):
        where, which, reason = f"physician_log[{index}]", _which(facts, index, presence), presence.missing_reason
        if presence.connect is None:
            severity = "block_sign" if nobody else "block_claim"
            yield from _item(
                f"{where}.connect", severity, f"Physician connect time{which}", presence.src, reason, excused=False
            )
        if presence.disconnect is None:
            yield from _item(
                f"{where}.disconnect", "block_claim", f"Physician disconnect time{which}", presence.src, reason
            )
        if not presence.method:
            yield from _item(f"{where}.method", "block_claim", f"Physician connection method{which}", presence.src)
    seen = {presence.physician for presence in facts.physician_log}
    for person in facts.staff.physicians:
        if person.id not in seen:
            yield from _item(
                f"physician_log.{person.id}", "block_claim", f"Connection times of {person.name}", person.src
            )


def _concurrency(facts: Facts) -> Iterator[Missing]:
    for index, presence in enumerate(facts.physician_log):
        known = presence.concurrency and all(item.n is not None for item in presence.concurrency)
        if not known:
            label = f"Concurrent cases{_which(facts, index, presence)}"
            yield from _item(f"physician_log[{index}].concurrency", "block_claim", label, presence.src)


def _segments(facts: Facts) -> Iterator[Missing]:
    segments = facts.time.segments
    if not segments:
        yield from _item(
            "time.segments", "block_sign", "Monitoring start and stop", facts.time.src, facts.time.missing_reason
        )
    for number, segment in enumerate(segments, 1):
        which = f", segment {number}" if len(segments) > 1 else ""
        for field, word in (("start", "start"), ("end", "stop")):
            if getattr(segment, field) is None:
                label = f"Monitoring {word}{which}"
                yield from _item(
                    f"time.segments.{segment.id}.{field}",
                    "block_sign",
                    label,
                    segment.src,
                    segment.missing_reason,
                    excused=False,
                )


def _alerts(facts: Facts) -> Iterator[Missing]:
    for alert in facts.alerts:
        yield from _alert_slots(facts, alert)
        yield from _told(alert)
        yield from _actions(alert)
        yield from _resolution(alert)
    if not facts.alerts and not alerts_denied(facts):
        yield from _item("alerts", "block_sign", "Whether there were alerts")


def alerts_denied(facts: Facts) -> bool:
    """Somebody said that there were no alerts: by a tap, or by signing a record without any."""
    return not facts.alerts and ("no_alerts" in facts.stated or facts.signoff.technologist is not None)


def _alert_slots(facts: Facts, alert: Alert) -> Iterator[Missing]:
    where, src = f"alerts.{alert.id}", alert.src
    if alert.t is None:
        yield from _item(f"{where}.t", "block_sign", f"{alert.id} time of onset", src, alert.missing_reason)
    if not alert.rows:
        yield from _item(f"{where}.rows", "block_sign", f"{alert.id} responses that changed", src)
    for index, row in enumerate(alert.rows):
        baseline, test = facts.baseline(row.ref), facts.stim_test(row.stim_ref)
        if not (row.side or baseline and baseline.side or test and test.side):
            yield from _item(f"{where}.rows[{index}].side", "block_sign", f"{alert.id} side", src, row.missing_reason)
        elif not (baseline or test or row.text or row.site):
            yield from _item(
                f"{where}.rows[{index}]", "block_sign", f"{alert.id} response that changed", src, row.missing_reason
            )
        if baseline and row.value_uv is not None and baseline.amp_uv is None:
            label = f"Baseline amplitude of {w.response(baseline)}"
            yield from _item(
                f"baselines.{baseline.id}.amp_uv", "block_sign", label, baseline.src, baseline.missing_reason
            )
    for field, label in (
        ("criterion", "criterion met"),
        ("surgical_context", "surgical context"),
        ("cause_suspected", "suspected cause"),
    ):
        if not getattr(alert, field):
            yield from _item(f"{where}.{field}", "warn", f"{alert.id} {label}", src)


REQUIRED_LISTENERS = ("surgeon", "interpreting physician")
"""Who must have been told of every signal alert. Anesthesia is listed where it was told."""


def _told(alert: Alert) -> Iterator[Missing]:
    named = {told.who for told in alert.communicated}
    for told in alert.communicated:
        where = f"alerts.{alert.id}.communicated.{told.who.replace(' ', '_')}"
        if told.t is None:
            label = f"{alert.id} communication with {_the(told.who)}"
            yield from _item(where, "block_sign", label, told.src, told.missing_reason)
        elif not told.mode:
            label = f"{alert.id} mode of communication with {_the(told.who)}"
            yield from _item(f"{where}.mode", "warn", label, told.src, told.missing_reason)
    for who in REQUIRED_LISTENERS:
        if who not in named:
            where = f"alerts.{alert.id}.communicated.{who.replace(' ', '_')}"
            yield from _item(where, "block_sign", f"{alert.id} communication with {_the(who)}", alert.src)


def _the(who: str) -> str:
    return who if who == "anesthesia" else f"the {who}"


def _actions(alert: Alert) -> Iterator[Missing]:
    where = f"alerts.{alert.id}.actions"
    if not alert.actions:
        yield from _item(where, "block_sign", f"{alert.id} action taken", alert.src)
    for index, action in enumerate(alert.actions):
        if action.t is None:
            label = f"{alert.id} time of action: {action.text}" if action.text else f"{alert.id} time of action"
            yield from _item(f"{where}[{index}].t", "warn", label, action.src, action.missing_reason)


def _resolution(alert: Alert) -> Iterator[Missing]:
    where, end = f"alerts.{alert.id}.resolution", alert.resolution
    if end is None or end.status is None:
        src, reason = (end.src, end.missing_reason) if end else (alert.src, None)
        yield from _item(where, "block_sign", f"{alert.id} resolution", src, reason)
        return
    if end.t is None:
        what = "time of last test" if end.status == "unresolved" else "time of resolution"
        yield from _item(f"{where}.t", "block_sign", f"{alert.id} {what}", end.src, end.missing_reason)
    if end.status == "unresolved" and not reported(end):
        label = f"{alert.id} report of the unresolved change to the surgeon"
        yield from _item(f"{where}.reported_at", "block_sign", label, end.src, end.missing_reason, excused=False)


def reported(end: Resolution) -> bool:
    """The surgeon was told of a change that did not resolve, and when."""
    return end.reported_at is not None and "surgeon" in (end.reported_to or "surgeon").lower()


def _closing(facts: Facts) -> Iterator[Missing]:
    """Closing data stop the signature; after an aborted procedure they are a warning."""
    stop: Severity = "warn" if facts.status == "aborted" else "block_sign"
    closing = facts.closing
    if closing is None:
        yield from _item("closing", stop, "Closing data")
        yield from _item("closing.postop_exam", "warn", "Post-operative neurological examination")
        return
    yield from _closing_rows(facts, stop)
    if closing.t is None:
        yield from _item("closing.t", stop, "Time of closing data", closing.src, closing.missing_reason)
    if closing.overall is None:
        yield from _item("closing.overall", stop, "Closing status", closing.src, closing.missing_reason)
    exam = closing.postop_exam
    if exam is None or not exam.recorded:
        src, reason = (exam.src, exam.missing_reason) if exam else (closing.src, None)
        yield from _item("closing.postop_exam", "warn", "Post-operative neurological examination", src, reason)
        return
    for field, label in (("t", "Time of"), ("text", "Result of"), ("by", "Observer of")):
        if not getattr(exam, field):
            label = f"{label} post-operative observation"
            yield from _item(f"closing.postop_exam.{field}", "warn", label, exam.src, exam.missing_reason)


def _closing_rows(facts: Facts, stop: Severity) -> Iterator[Missing]:
    """A response without a closing row stops the signature. One that says 'not recorded' is an answer, unless the record is itself incomplete."""
    rows = {row.ref: row for row in facts.closing.rows}
    order = {ref: place for place, ref in enumerate(rows)}
    for baseline in sorted(expected_at_closing(facts), key=lambda row: order.get(row.id, len(order))):
        row, label = rows.get(baseline.id), f"Closing {w.response(baseline)}"
        if row is None:
            yield from _item(f"closing.{baseline.id}", stop, label, facts.closing.src)
        elif not recorded(row):
            said = row.missing_reason or row.status
            settled = said is not None and facts.status != "incomplete"
            reason = said if settled or said not in w.UNSAID else None
            yield from _item(f"closing.{baseline.id}", "warn" if settled else stop, label, row.src, reason)


NO_VALUE = (
    "",
    "not recorded",
    "not_recorded",
    "not tested",
    "not_tested",
    "not_available",
    "not available",
    "technical",
)


def recorded(row: object) -> bool:
    """A closing row that holds a value or a state, such as 97 %, quiet or absent."""
    return row.pct is not None or (row.status or "").lower() not in NO_VALUE


def expected_at_closing(facts: Facts) -> list[Baseline]:
    """The responses that were monitored: those absent at baseline were not (report-and-phone.md 1.2 D)."""
    return [row for row in facts.baselines.rows if row.quality != "absent"]


def _stimulation(facts: Facts) -> Iterator[Missing]:
    for field, severity, label in (
        ("thr_ma", "block_sign", "{} threshold"),
        ("side", "block_sign", "Side of {} test"),
        ("level", "warn", "Level of {} test"),
        ("muscle", "warn", "Muscle of {} test"),
        ("t", "warn", "Time of {} test"),
    ):
        for test in facts.stim_tests:
            if getattr(test, field) is None and not (field == "level" and _without_level(test)):
                yield from _item(
                    f"stim_tests.{test.id}.{field}",
                    severity,
                    label.format(w.screw(test)),
                    test.src,
                    test.missing_reason,
                )
    if stimulation_unsaid(facts):
        yield from _item("stim_tests", "warn", "Whether stimulation tests were done")


def _without_level(test: StimTest) -> bool:
    return test.type != "pedicle_screw"


def stimulation_unsaid(facts: Facts) -> bool:
    """Triggered EMG was set up, and neither a test nor 'none' is recorded."""
    planned = any(part.code == "tEMG" for part in facts.modalities)
    return planned and not facts.stim_tests and "no_stim_tests" not in facts.stated


def _baselines(facts: Facts) -> Iterator[Missing]:
    sets, rows = facts.baselines.sets, facts.baselines.rows
    for index, part in enumerate(sets):
        where, name = f"baselines.sets[{index}]", w.baseline_set(part)
        for field, label in (
            ("start", "Start of {}"),
            ("end", "End of {}"),
            ("reviewed_at", "Physician review time of {}"),
        ):
            if getattr(part, field) is None:
                yield from _item(f"{where}.{field}", "block_claim", label.format(name), part.src, part.missing_reason)
    compared = [code for code, about in w.MODALITIES.items() if about.get("compared")]
    run = dict.fromkeys(part.code for part in facts.modalities)
    if not sets and (rows or any(code in compared for code in run)):
        yield from _item("baselines.sets", "block_claim", "Baseline times and physician review")
    for code in run:
        if code in compared and not any(row.modality == code for row in rows):
            yield from _item(f"baselines.{code}", "block_claim", f"{code} baselines")
    for row in rows:
        if row.quality is None:
            yield from _item(
                f"baselines.{row.id}.quality",
                "warn",
                f"Baseline quality of {w.response(row)}",
                row.src,
                row.missing_reason,
            )


def _anesthesia(facts: Facts) -> Iterator[Missing]:
    drugs = facts.anesthesia
    if drugs is None or not (drugs.technique or drugs.agents or drugs.nmb):
        yield from _item(
            "anesthesia", "warn", "Anesthesia", drugs.src if drugs else "", drugs.missing_reason if drugs else None
        )
        return
    if not drugs.technique:
        yield from _item("anesthesia.technique", "warn", "Anesthetic technique", drugs.src, drugs.missing_reason)
    for agent in drugs.agents:
        if agent.dose is None:
            yield from _item(
                f"anesthesia.{agent.name}.{agent.unit or 'dose'}",
                "warn",
                f"{agent.name} {w.dose_word(agent)}",
                drugs.src,
                agent.missing_reason,
            )
    if (block := drugs.nmb) and block.agent:
        for field, label in (("dose", f"{block.agent} dose"), ("given_at", f"Time of {block.agent}")):
            if getattr(block, field) is None:
                yield from _item(f"anesthesia.nmb.{field}", "warn", label, drugs.src, block.missing_reason)


def _physiology(facts: Facts) -> Iterator[Missing]:
    shown = clock(facts)
    for field, label in (("map_mmhg", "MAP"), ("temp_c", "Temperature")):
        gaps = [row for row in facts.physiology if getattr(row, field) is None]
        if not facts.physiology:
            yield from _item(f"physiology.{field}", "warn", label)
        elif gaps:
            times = [shown.time(row.t) for row in gaps if row.t]
            partly = len(gaps) < len(facts.physiology) and times
            name = f"{label} at {w.series(times)}" if partly else label
            reasons = {row.missing_reason for row in gaps}
            yield from _item(
                f"physiology.{field}", "warn", name, gaps[0].src, reasons.pop() if len(reasons) == 1 else None
            )
    for row in facts.physiology:
        if row.t is None:
            yield from _item(
                f"physiology.{row.id}.t", "warn", f"Time of MAP and temperature {row.id}", row.src, row.missing_reason
            )


def _header(facts: Facts) -> Iterator[Missing]:
    header = facts.header
    claim: tuple[tuple[str, object, str], ...] = (
        ("date_of_service", service_day(facts), "Date of service"),
        ("patient.name", header.patient.name, "Patient name"),
        ("patient.mrn", header.patient.mrn, "Patient MRN"),
        ("patient.dob", header.patient.dob, "Patient date of birth"),
        ("patient.sex", header.patient.sex, "Patient sex"),
        ("facility.name", header.facility.name, "Facility"),
        ("surgeon", header.surgeon, "Surgeon"),
        ("requested_by", header.requested_by, "Who requested monitoring"),
        ("payer_class", header.payer_class, "Payer class"),
        ("procedure.text", header.procedure.text, "Procedure"),
        ("diagnosis", header.diagnosis, "Diagnosis"),
        ("indication", header.indication, "Indication for monitoring"),
        ("preop_exam", header.preop_exam, "Pre-operative examination"),
    )
    for field, value, label in claim:
        if not value:
            yield from _item(f"header.{field}", "block_claim", label, "header")
    for index, diagnosis in enumerate(header.diagnosis):
        if not diagnosis.icd10:
            yield from _item(
                f"header.diagnosis[{index}].icd10", "block_claim", f"ICD-10 code of {diagnosis.text}", "header"
            )
    for field, value, label in (
        ("anesthesia", header.anesthesia, "Anesthesia provider"),
        ("procedure.position", header.procedure.position, "Position of the patient"),
    ):
        if not value:
            yield from _item(f"header.{field}", "warn", label, "header")


def _people_and_modalities(facts: Facts) -> Iterator[Missing]:
    if not facts.staff.technologists:
        yield from _item("staff.technologists", "block_claim", "Technologist")
    if not facts.staff.physicians:
        yield from _item("staff.physicians", "block_claim", "Interpreting physician")
    if not facts.modalities:
        yield from _item("modalities", "block_claim", "Modalities")
    for index, part in enumerate(facts.modalities):
        for field, label in (("stim_ma", "stimulation intensity"), ("stim_v", "stimulation voltage")):
            if None in (getattr(part, field) or ()):
                name = " ".join(filter(None, [part.code, w.region(part), label]))
                yield from _item(f"modalities[{index}].{field}", "warn", name, part.src, part.missing_reason)
        if part.code == "TcMEP" and not part.safety:
            yield from _item(
                f"modalities[{index}].safety", "warn", "TcMEP bite block check", part.src, part.missing_reason
            )
    for code in dict.fromkeys(part.code for part in facts.modalities):
        if w.MODALITIES[code].get("compared") and not facts.alert_criteria.get(code):
            yield from _item(f"alert_criteria.{code}", "block_claim", f"{code} alert criterion")


def _timeline(facts: Facts) -> Iterator[Missing]:
    time = facts.time
    for field, label in (
        ("setup_start", "Set-up start"),
        ("setup_end", "Set-up end"),
        ("electrodes_out", "Time of electrode removal"),
    ):
        if getattr(time, field) is None:
            yield from _item(f"time.{field}", "warn", label, time.src)
    for index, pause in enumerate(time.breaks):
        for field in ("start", "end"):
            if getattr(pause, field) is None:
                yield from _item(
                    f"time.breaks[{index}].{field}", "warn", f"{field} of pause", pause.src, pause.missing_reason
                )
    for event in facts.events:
        if event.t is None:
            label = f"Time of event {event.id}: {event.text}" if event.text else f"Time of event {event.id}"
            yield from _item(f"events.{event.id}.t", "warn", label, event.src, event.missing_reason)
    for change in facts.handovers:
        for field in ("start", "end"):
            if getattr(change, field) is None:
                label = f"{field} of {change.kind} handover {change.id}"
                yield from _item(f"handovers.{change.id}.{field}", "warn", label, change.src, change.missing_reason)


def _unsettled(facts: Facts) -> Iterator[Missing]:
    """Two corrections of one entry, and references to nothing: a person has to decide before the record is signed."""
    for conflict in facts.conflicts:
        yield Missing(
            field=f"conflicts.{conflict.original}",
            severity="block_sign",
            reason="two corrections made without seeing each other",
            label="Choice between two corrections of one entry",
            src=conflict.versions[-1],
        )
    for src in facts.dangling:
        yield Missing(
            field=f"entries.{src}",
            severity="block_sign",
            reason="it refers to something the record does not hold",
            label="Reference of an entry",
            src=src,
        )
