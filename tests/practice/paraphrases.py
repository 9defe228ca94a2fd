"""Faithful sentences in other words than the built-in writer's: short, one fact each, the values put into slots."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from practice import cases as c
from practice import completeness, concurrency, times
from practice import wording as w
from practice.cases import Facts


def sentences(facts: Facts) -> Iterator[str]:
    clock = times.clock(facts)
    for alert in facts.alerts:
        yield from _alert(facts, alert, clock)
    if completeness.alerts_denied(facts):
        yield "There were no alerts."
        yield "No signal alert was called."
    yield from _drugs(facts, clock)
    yield from _closing(facts, clock)
    yield from _time(facts, clock)
    for row in facts.baselines.rows:
        if row.quality == "absent":
            yield f"The {w.response(row)} was absent at baseline."
        if row.amp_uv is not None:
            yield f"The baseline amplitude of the {w.response(row)} was {row.amp_uv} µV."
    for test in facts.stim_tests:
        if test.thr_ma is not None and test.side:
            yield f"The {w.screw(test)} had a threshold of {test.thr_ma} mA."
            if test.t:
                yield f"At {clock.time(test.t)} the {w.screw(test)} was stimulated: threshold {test.thr_ma} mA ({test.muscle})."


def _alert(facts: Facts, alert: c.Alert, clock: times.Clock) -> Iterator[str]:
    def at(when: datetime | None) -> str:
        return clock.time(when) if when else w.GAP

    yield f"{alert.id} was a {alert.modality} alert at {at(alert.t)}."
    if alert.surgical_context:
        yield f"{alert.id} began at {at(alert.t)} during {alert.surgical_context}."
    for row in alert.rows:
        baseline, test = facts.baseline(row.ref), facts.stim_test(row.stim_ref)
        if test:
            yield f"{alert.id}: the {w.screw(test)} threshold was {test.thr_ma} mA."
        elif baseline and row.value_uv and baseline.amp_uv is not None and row.change_pct is not None:
            place = w.response(baseline)
            yield f"{alert.id}: at {at(alert.t)} the {place} fell from {baseline.amp_uv} µV to {row.value_uv} µV."
            yield f"{alert.id}: {place} amplitude decreased by {abs(row.change_pct)}% to {row.value_uv} µV from {baseline.amp_uv} µV."
        elif baseline and row.value_uv == 0:
            yield f"{alert.id}: the {w.response(baseline)} was lost at {at(alert.t)}."
    if alert.cause_suspected:
        yield f"{alert.id}: the suspected cause was {alert.cause_suspected}."
    for told in alert.communicated:
        if told.t:
            yield f"{alert.id}: the {told.who} was informed at {at(told.t)} ({told.mode})."
    for done in alert.actions:
        if done.by and done.text:
            yield f"{alert.id}: action by the {done.by} at {at(done.t)}: {done.text}."
    end = alert.resolution
    if end and end.status == "unresolved":
        yield f"{alert.id} was unresolved at {at(end.t)}."
    elif end and end.status and end.t:
        word = "resolved" if end.status == "resolved" else "had partly recovered"
        yield f"{alert.id} {word} at {at(end.t)}."
        yield f"{alert.id} occurred at {at(alert.t)} and {word} at {at(end.t)}."
        for row in end.rows:
            baseline = facts.baseline(row.ref)
            if baseline and row.pct_of_baseline:
                yield f"{alert.id}: the {w.response(baseline)} was at {row.pct_of_baseline}% of baseline at {at(end.t)}."


def others(facts: Facts) -> Iterator[str]:
    """Further wordings, written without looking at what the check lets pass: their red share is what is measured."""
    clock = times.clock(facts)
    for alert in facts.alerts:
        yield from _other_alert(facts, alert, clock)
    drugs = facts.anesthesia
    given = [f"{one.name} {one.dose} {one.unit}" for one in drugs.agents if one.dose is not None] if drugs else []
    if given:
        yield f"Anesthesia was maintained with {w.series(given)}."
        yield f"{w.capital(given[0])} was used."
    if drugs and drugs.nmb and drugs.nmb.given_at:
        yield f"At {clock.time(drugs.nmb.given_at)} {drugs.nmb.agent} {drugs.nmb.dose} was administered."
    yield f"The surgeon was {facts.header.surgeon}."
    yield f"The patient was positioned {facts.header.procedure.position}."
    for one in facts.staff.technologists:
        yield f"{one.name}, {one.cred}, was the technologist in the operating room."
    for one in facts.baselines.sets:
        if one.start and one.end and one.reviewed_at:
            yield f"Baselines were obtained from {clock.time(one.start)} to {clock.time(one.end)} and reviewed by the physician at {clock.time(one.reviewed_at)}."
    for row in facts.baselines.rows:
        if row.quality == "reduced":
            yield f"The {w.response(row)} was reduced at baseline."
        if row.lat_ms is not None and row.amp_uv is not None:
            yield f"Baseline {w.response(row)}: latency {row.lat_ms} ms, amplitude {row.amp_uv} µV."
    for test in facts.stim_tests:
        if test.thr_ma is not None and test.side and test.level:
            yield f"Stimulation of the {w.side(test.side)} {test.level} screw evoked a response at {test.thr_ma} mA in the {test.muscle}."
    closing = facts.closing
    if closing and closing.t and closing.overall == "incomplete":
        yield f"Closing data ({clock.time(closing.t)}) were incomplete."
    for presence in facts.physician_log:
        if presence.connect and presence.disconnect:
            yield f"{facts.person_name(presence.physician)} was connected from {clock.time(presence.connect)} to {clock.time(presence.disconnect)}."
    for event in facts.events:
        if event.t and event.text:
            yield f"{event.text} ({clock.time(event.t)})."
            if event.text[1:2].islower():
                yield f"At {clock.time(event.t)}, {event.text[0].lower()}{event.text[1:]}."
    codes = [code for code in dict.fromkeys(part.code for part in facts.modalities) if code != "TOF"]
    if facts.status == "completed" and codes:
        yield f"The modalities monitored were {w.series(codes)}."
        yield f"{w.series(codes)} monitoring was carried out."
    time = facts.time
    if time.electrodes_out:
        yield f"Electrodes were removed at {clock.time(time.electrodes_out)}."
    if time.setup_start and time.setup_end:
        yield f"Set-up took place from {clock.time(time.setup_start)} to {clock.time(time.setup_end)}."


def _other_alert(facts: Facts, alert: c.Alert, clock: times.Clock) -> Iterator[str]:
    if not alert.t:
        return
    at = clock.time(alert.t)
    for row in alert.rows:
        baseline = facts.baseline(row.ref)
        if baseline and row.value_uv and row.change_pct is not None and baseline.amp_uv is not None:
            yield f"In {alert.id}, a {abs(row.change_pct)}% decrease in the {w.response(baseline)} was seen at {at} ({baseline.amp_uv} to {row.value_uv} µV)."
            yield f"{alert.id} at {at}: {w.response(baseline)} dropped to {row.value_uv} µV."
    for told in alert.communicated:
        if told.t:
            yield f"{alert.id} was communicated to the {told.who} at {clock.time(told.t)}."
            yield f"For {alert.id}, the {told.who} was notified by {told.mode} at {clock.time(told.t)}."
    for done in alert.actions:
        if done.t and done.text:
            yield f"In response to {alert.id}, {done.by} recorded at {clock.time(done.t)}: {done.text}."
            yield f"{alert.id}, {clock.time(done.t)}, {done.by}: {done.text}."
    end = alert.resolution
    if end and end.t and end.status == "resolved":
        yield f"Recovery from {alert.id} was documented at {clock.time(end.t)}."
        yield f"{alert.id} was resolved by {clock.time(end.t)}."
    if end and end.t and end.status == "unresolved":
        yield f"{alert.id} did not resolve; the last test was at {clock.time(end.t)}."
    note = alert.md_note
    if note and note.t:
        yield f"{facts.person_name(note.by)} noted for {alert.id} at {clock.time(note.t)}: {note.text}."


def _drugs(facts: Facts, clock: times.Clock) -> Iterator[str]:
    drugs = facts.anesthesia
    for agent in drugs.agents if drugs else ():
        if agent.dose is not None:
            yield f"{agent.name.capitalize()} was given at {agent.dose} {agent.unit}."
    if drugs and drugs.nmb and drugs.nmb.agent and drugs.nmb.given_at:
        yield f"{drugs.nmb.agent.capitalize()} {drugs.nmb.dose} was given at {clock.time(drugs.nmb.given_at)}."
    for one in drugs.tof if drugs else ():
        if one.t and one.value:
            yield f"At {clock.time(one.t)} the train-of-four was {one.value}."
    for one in facts.physiology:
        if one.t and one.map_mmhg is not None:
            yield f"MAP was {one.map_mmhg} mmHg at {clock.time(one.t)}."


def _closing(facts: Facts, clock: times.Clock) -> Iterator[str]:
    closing = facts.closing
    if closing and closing.overall == "at_baseline" and closing.t:
        yield f"All recorded responses were at baseline at closing, {clock.time(closing.t)}."
    for row in closing.rows if closing else ():
        if (one := facts.baseline(row.ref)) and row.pct is not None:
            yield f"At closing the {w.response(one)} was {row.pct}% of baseline."
    exam = closing.postop_exam if closing else None
    if exam and exam.recorded and exam.t and exam.text:
        yield f"Post-operative exam at {clock.time(exam.t)} by {exam.by}: {exam.text}."


def _time(facts: Facts, clock: times.Clock) -> Iterator[str]:
    segments = facts.time.segments
    for one in segments:
        if one.start and one.end:
            yield f"Monitoring started at {clock.time(one.start)} and stopped at {clock.time(one.end)}."
    if segments and all(one.start and one.end for one in segments):
        counted = concurrency.subtract(concurrency.segments(facts), concurrency.pauses(facts))
        yield f"Total monitoring time: {concurrency.minutes(counted)} minutes."
    for one in facts.handovers:
        if one.start and one.end:
            who = facts.person_name(one.frm), facts.person_name(one.to)
            yield f"There was a {one.kind} handover from {who[0]} to {who[1]} from {clock.time(one.start)} to {clock.time(one.end)}."
    codes = [code for code in dict.fromkeys(part.code for part in facts.modalities) if code != "TOF"]
    if facts.status == "completed" and codes:
        yield f"{w.series(codes)} were monitored."
    for event in facts.events:
        if event.t and event.text:
            yield f"{clock.time(event.t)}: {event.text}."
            yield f"Event at {clock.time(event.t)}: {event.text}."
