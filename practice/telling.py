"""One entry in one line of words, for the table of the record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from . import cases as c
from . import record as r
from . import wording as w
from .kinds import WORDS
from .times import Clock, clock


def describe(entry: r.Entry, facts: c.Facts, standing: Mapping[str, str] | None = None) -> str:
    """Left tibialis anterior TcMEP 900 µV, good. `standing` (see keying) finds what a reference means today."""
    return teller(facts, standing or {})(entry)


def teller(facts: c.Facts, standing: Mapping[str, str]) -> Callable[[r.Entry], str]:
    """What describes many entries of one record: the clock is read off the facts once, not for each of them."""
    telling = _Telling(facts, standing, clock(facts))

    def tell(entry: r.Entry) -> str:
        words = _WORDS[entry.kind](entry.data, telling)
        missing = entry.data.missing_reason
        return w.capital(f"{words} [{missing.replace('_', ' ')}]" if missing else words)

    return tell


def names(facts: c.Facts, standing: Mapping[str, str]) -> dict[str, str]:
    """What people call the entries that others point at, under every id they may be pointed at by."""
    called = {one.src: one.name for one in (*facts.staff.technologists, *facts.staff.physicians)}
    called |= {one.src: w.response(one) for one in facts.baselines.rows}
    called |= {one.src: w.screw(one) for one in facts.stim_tests}
    called |= {one.src: one.id for one in (*facts.alerts, *facts.time.segments)}
    return {id: called[src] for id, src in standing.items() if src in called}


class _Telling:
    def __init__(self, facts: c.Facts, standing: Mapping[str, str], times: Clock) -> None:
        self.facts, self.standing, self.times = facts, standing, times

    def _find(self, ref: str | None, *groups: Any) -> Any:
        src = self.standing.get(ref or "", ref)
        return next((fact for group in groups for fact in group if src in (fact.src, getattr(fact, "id", ""))), None)

    def person(self, ref: str | None) -> str:
        found = self._find(ref, self.facts.staff.technologists, self.facts.staff.physicians)
        return found.name if found else ref or ""

    def response(self, ref: str | None) -> str:
        found = self._find(ref, self.facts.baselines.rows)
        return w.response(found) if found else ref or ""

    def test(self, ref: str | None) -> str:
        found = self._find(ref, self.facts.stim_tests)
        return w.screw(found) if found else ref or ""

    def alert(self, ref: str | None) -> str:
        found = self._find(ref, self.facts.alerts)
        return found.id if found else "a signal alert that is not there"

    def span(self, start: datetime | None, end: datetime | None) -> str:
        return self.times.span(start, end, "?") if start or end else ""

    def changed(self, rows: tuple[c.AlertRow, ...]) -> str:
        return "; ".join(filter(None, map(self._changed, rows)))

    def _changed(self, row: c.AlertRow) -> str:
        where = self.response(row.ref) or self.test(row.stim_ref) or _join(w.side(row.side), row.site)
        value = _amount(row.value_uv, "µV") or _amount(row.value_lat_ms, "ms")
        share = _amount(row.change_pct, "%") or (f"{row.pct_of_baseline} % of baseline" if row.pct_of_baseline else "")
        return _join(where, value, f"({share})" if share else "", row.text)


def _join(*words: str | None) -> str:
    return " ".join(word for word in words if word)


def _comma(*words: str | None) -> str:
    return ", ".join(word for word in words if word)


def _amount(value: float | None, unit: str) -> str:
    return f"{value} {unit}" if value is not None else ""


def _several(values: tuple[Any, ...] | None, unit: str) -> str:
    return f"{'/'.join('-' if one is None else str(one) for one in values)} {unit}" if values else ""


def _spoken(value: str | None) -> str:
    return WORDS.get(value, value.replace("_", " ")) if value else ""


def _modality(d: r.Modality, t: _Telling) -> str:
    what = _join(w.side(d.side), d.nerve, f"at {d.stim_site}" if d.stim_site else "")
    return _comma(
        _join(d.code, d.region), what, _several(d.stim_ma, "mA"), _several(d.stim_v, "V"), ", ".join(d.muscles or ())
    )


def _anesthesia(d: r.Anesthetic, t: _Telling) -> str:
    agents = ", ".join(
        _join(agent.name, str(agent.dose) if agent.dose is not None else "", agent.unit) for agent in d.agents
    )
    block = ""
    if d.nmb:
        given = f"at {t.times.time(d.nmb.given_at)}" if d.nmb.given_at else ""
        block = _join(d.nmb.agent, d.nmb.dose, given, f"reversed with {d.nmb.reversed}" if d.nmb.reversed else "")
    return _comma(d.technique or "Anesthesia", agents, block)


def _baseline(d: r.Baseline, t: _Telling) -> str:
    values = _comma(_amount(d.lat_ms, "ms"), _amount(d.amp_uv, "µV"))
    return _comma(_join(w.side(d.side), d.site, d.modality, d.peak, values), _spoken(d.quality), d.descriptor)


def _baseline_set(d: r.BaselineSet, t: _Telling) -> str:
    seen = _join(t.person(d.reviewed_by), f"at {t.times.time(d.reviewed_at)}" if d.reviewed_at else "")
    return _comma(
        _join(d.label, "baselines", t.span(d.start, d.end)), f"reviewed by {seen}" if seen else "not reviewed yet"
    )


def _alert(d: r.Alert, t: _Telling) -> str:
    return _comma(_join(d.modality, "signal alert:", t.changed(d.rows)), d.surgical_context)


def _resolution(d: r.Resolution, t: _Telling) -> str:
    told = _join(
        f"reported to {d.reported_to}" if d.reported_to else "",
        f"at {t.times.time(d.reported_at)}" if d.reported_at else "",
    )
    return _comma(f"{t.alert(d.alert)}: {d.status or 'how it ended is open'}", t.changed(d.rows), told)


def _presence(d: r.Presence, t: _Telling) -> str:
    most = max((item.n for item in d.concurrency if item.n), default=0)
    alone = f"{w.plural(len(d.exclusive), 'stretch')} for this case alone" if d.exclusive else ""
    return _comma(
        _join(t.person(d.physician), "connected", t.span(d.connect, d.disconnect)), d.method,
        f"{w.plural(most, 'case')} at most" if most else "", alone,
    )  # fmt: skip


def _exam(d: r.PostopExam, t: _Telling) -> str:
    if not d.recorded:
        return "No post-operative observation was recorded"
    deficit = {True: "new deficit", False: "no new deficit"}.get(d.new_deficit, "")
    return _comma(_join("After the operation:", d.text), f"by {d.by}" if d.by else "", deficit)


_WORDS: dict[str, Callable[[Any, _Telling], str]] = {
    "staff": lambda d, t: _comma(f"{_spoken(d.role)} {d.name}", d.cred, t.span(d.on, d.off)),
    "modality": _modality,
    "criterion": lambda d, t: f"{d.modality} alert: {d.text}",
    "anesthesia": _anesthesia,
    "tof": lambda d, t: f"Train-of-four {d.value or '?'}",
    "physiology": lambda d, t: _comma(
        f"MAP {d.map_mmhg} mmHg" if d.map_mmhg is not None else "", f"{d.temp_c} °C" if d.temp_c is not None else ""
    ) or "Vital signs",
    "baseline_set": _baseline_set,
    "baseline": _baseline,
    "event": lambda d, t: d.text or _spoken(d.type),
    "stim_test": lambda d, t: _comma(
        _join(w.side(d.side), d.level, _spoken(d.type).lower(), _amount(d.thr_ma, "mA")), d.muscle,
        f"retest of {t.test(d.retest_of)}" if d.retest_of else "",
    ),
    "alert": _alert,
    "told": lambda d, t: _comma(
        f"{t.alert(d.alert)}: {d.who} told", t.person(d.ref) if d.ref else "", d.mode
    ),
    "alert_action": lambda d, t: f"{t.alert(d.alert)}: {_join(d.text, f'({d.by})' if d.by else '')}",
    "resolution": _resolution,
    "alert_note": lambda d, t: f"{t.alert(d.alert)}: {t.person(d.by)}: {d.text}",
    "closing_data": lambda d, t: _join("Closing data:", _spoken(d.overall).lower() or "overall state open"),
    "closing_value": lambda d, t: _comma(
        _join(t.response(d.ref), f"{d.pct} % of baseline" if d.pct is not None else ""), d.status
    ),
    "postop_exam": _exam,
    "milestone": lambda d, t: _spoken(d.what),
    "monitoring_start": lambda d, t: f"Monitoring started, {_spoken(d.mode).lower()}",
    "monitoring_stop": lambda d, t: "Monitoring stopped",
    "break": lambda d, t: _comma(_join("Break", t.span(d.start, d.end)), d.reason),
    "presence": _presence,
    "physician_note": lambda d, t: f"{t.person(d.by)}: {d.text}",
    "handover": lambda d, t: _join(f"{_spoken(d.whose)} handover from {t.person(d.frm)} to {t.person(d.to)}", t.span(d.start, d.end)),
    "statement": lambda d, t: _spoken(d.what),
    "outcome": lambda d, t: f"The case was {d.status}",
    "signoff": lambda d, t: f"Signed off by {t.person(d.staff)}, {d.role}",
    "impression": lambda d, t: f"Impression by {t.person(d.by)}: {d.text}",
    "struck": lambda d, t: _join("Struck", f"({d.reason})" if d.reason else ""),
}  # fmt: skip
