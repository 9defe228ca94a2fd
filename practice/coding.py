"""From facts to the lines of a professional claim: minutes, units, codes, each with its arithmetic.

Sources: billing.md 1 and 2. A line is made only of what the record supports; whatever was left out
stands in `not_billed` with its reason, so that nothing disappears in silence.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from . import concurrency as conc
from .cases import Facts, Mode, PayerClass, Segment
from .concurrency import Intervals
from .edits import Edits
from .ledger import Share
from .minutes import Minutes, only_physician, owners
from .studies import Study, base_studies

Rounding = Literal["midpoint", "full_unit_only"]
Certainty = Literal["sourced", "unverified", "disputed"]


class PayerRule(Struct, frozen=True, kw_only=True):
    """How one class of payers wants continuous monitoring coded, from one day to another (billing.md 1.3-1.6)."""

    payer_class: PayerClass
    accepts: tuple[str, ...]
    """The continuous codes it takes, of 95940, 95941 and G0453."""
    remote_code: str | None
    rounding: Rounding = "midpoint"
    min_first_quarter_minutes: int = 8
    min_first_hour_minutes: int = 31
    max_concurrent: int = 3
    follows_cms: bool = False
    pays_technical: bool = False
    """It pays us the technical part in a facility too, by contract (billing.md 2.3)."""
    filing_days: int | None = None
    """Days from the date of service in which a first claim must be there; None: not known."""
    appeal_days: int | None = None
    demands: tuple[str, ...] = ()
    """What a claim must hold or come with beside what every claim must: names of `DEMANDS`."""
    diagnoses: tuple[str, ...] = ()
    """ICD-10-CM codes, or their beginnings, of which a claim needs one; empty: the payer names none."""
    source: str = ""
    certainty: Certainty = "unverified"
    from_on: date = date(2013, 1, 1)
    until_on: date | None = None


NO_RULE = PayerRule(payer_class="", accepts=(), remote_code=None, source="no rule of this payer is known")
"""Who pays is not known, so no continuous code is guessed: the minutes are counted and stand under not billed."""


class SegmentMinutes(Struct, frozen=True, kw_only=True):
    """One stretch of monitoring and what of it counts."""

    id: str
    start: datetime | None
    end: datetime | None
    mode: Mode
    minutes: int
    note: str = ""


class Line(Struct, frozen=True, kw_only=True):
    """One line of a claim. `label` is our own wording, never the text of the code's owner."""

    code: str
    modifiers: tuple[str, ...] = ()
    units: int
    minutes: int | None = None
    label: str
    rendering: str | None = None
    """The staff id of the physician, such as P1."""
    rendering_name: str | None = None
    derivation: str
    steps: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


class NotBilled(Struct, frozen=True, kw_only=True):
    """Something that was done but does not stand on the claim, and why."""

    code: str | None = None
    minutes: int | None = None
    reason: str


class Chosen(Struct, frozen=True, kw_only=True):
    """Modifiers that a person chose for a code, and why."""

    modifiers: tuple[str, ...]
    reason: str


class Coding(Struct, frozen=True, kw_only=True):
    """What a case comes to on a claim."""

    counted_minutes: int
    segments: tuple[SegmentMinutes, ...] = ()
    lines: tuple[Line, ...] = ()
    not_billed: tuple[NotBilled, ...] = ()
    warnings: tuple[str, ...] = ()
    date_of_service: date | None = None
    flags: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()
    """What could not be checked, or was checked by a table that is not of the day, in full sentences."""


class Demand(Struct, frozen=True, kw_only=True):
    """Something a payer may want of a claim: a field filled, a paper attached, a modifier on its codes.

    `attachment` is the kind of paper as 837P says it (PWK01); `codes` are those that take RT or LT.
    """

    label: str
    kind: Literal["field", "attachment", "modifier"]
    attachment: str = ""
    codes: tuple[str, ...] = ()


class CodeInfo(Struct, frozen=True, kw_only=True):
    """What the public tables say of a code; `mue` is units a day."""

    label: str
    pc_tc: int
    bilateral: int = 0
    mue: int | None = None
    aoc: bool = False
    aoc_g0453: bool = False


_TABLES = Path(__file__).parent / "tables"
_CODES = tomllib.loads((_TABLES / "codes.toml").read_text())
CODES: dict[str, CodeInfo] = {code: msgspec.convert(row, CodeInfo) for code, row in _CODES["code"].items()}
RELATED: frozenset[str] = frozenset(_CODES["related"])
"""Codes of the field that are never proposed."""
BUNDLED: frozenset[tuple[str, str]] = frozenset((first, second) for first, second in _CODES["bundled"])
"""Pairs of codes of which the second is paid only with a reason (billing.md 3.1, indicator 1)."""
_PAYERS = tomllib.loads((_TABLES / "payers.toml").read_text())
DEMANDS: dict[str, Demand] = {name: msgspec.convert(row, Demand) for name, row in _PAYERS["demand"].items()}
SMALL_TABLE: str = _CODES["source"]
"""From where the small table is, and of which day."""
CONTINUOUS = ("95940", "95941", "G0453")
FACILITY_POS = ("19", "21", "22", "23", "24")
EVERY_LINE = "*"
"""In the place of a code: the modifier is for every line, as a substitute's is."""
DISTINCT = ("59", "XE", "XP", "XS", "XU")
"""What releases a pair of codes, with a reason (billing.md 2.1)."""
MODIFIERS: dict[str, str] = _CODES["modifiers"]
"""What a person may choose, in our own words."""
_NEVER: dict[str, str] = _CODES["never"]


@cache
def default_rules() -> tuple[PayerRule, ...]:
    """The rules the app comes with; a practice keeps its own beside them."""
    return tuple(msgspec.convert(row, PayerRule) for row in _PAYERS["rule"])


def rule_for(rules: Iterable[PayerRule], payer_class: PayerClass | None, on: date) -> PayerRule | None:
    """The rule of the date of service: the newest whose days hold it. None when there is none."""
    holding = [
        rule
        for rule in rules
        if rule.payer_class == payer_class and rule.from_on <= on and (rule.until_on is None or on <= rule.until_on)
    ]
    return max(holding, key=lambda rule: rule.from_on, default=None)


def units(code: str, minutes: int, rule: PayerRule) -> int:
    """Minutes to units: the mid-point must be passed, or the unit be full, as the payer wants (billing.md 1.3)."""
    hourly = code == "95941"
    if minutes < (rule.min_first_hour_minutes if hourly else rule.min_first_quarter_minutes):
        return 0
    size, half = _sizes(code, rule)
    return (minutes + half) // size


def _sizes(code: str, rule: PayerRule) -> tuple[int, int]:
    size, half = (60, 29) if code == "95941" else (15, 7)
    return size, (half if rule.rounding == "midpoint" else 0)


def arithmetic(code: str, minutes: int, rule: PayerRule) -> str:
    """The units as a sum that anyone can check."""
    size, half = _sizes(code, rule)
    least = rule.min_first_hour_minutes if code == "95941" else rule.min_first_quarter_minutes
    if minutes < least:
        return f"{code} = 0: it needs at least {least} min"
    inside = f"({minutes}+{half})" if half else f"{minutes}"
    return f"{code} = floor({inside}/{size}) = {(minutes + half) // size}"


def info(cpt: str, edits: Edits | None = None) -> CodeInfo:
    """What is known of a code on the day of `edits`: the imported tables, else the values that come with the app."""
    known = CODES[cpt]
    if edits is None:
        return known
    changed: dict[str, Any] = {}
    if value := edits.values.get((cpt, "")):
        changed |= {"pc_tc": _digit(value.pc_tc, 9), "bilateral": _digit(value.bilateral, 0)}
    if limit := edits.limits.get(cpt):
        changed |= {"mue": limit.units}
    if "addon" in edits.dates:
        changed |= {
            "aoc": cpt in edits.primaries.get("95940", ()), "aoc_g0453": cpt in edits.primaries.get("G0453", ()),
        }  # fmt: skip
    return replace(known, **changed)


def _digit(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdigit() else otherwise


def modifier_problem(cpt: str, modifier: str, edits: Edits | None = None) -> str | None:
    """Why a person may not choose this modifier for this code, or None when they may (billing.md 2.1)."""
    if modifier in _NEVER:
        return f"{modifier}: {_NEVER[modifier]}"
    if modifier in ("26", "TC"):
        return f"{modifier} follows from the place and the agreement with the hospital; change it there."
    if modifier not in MODIFIERS:
        return f"{modifier} is not a modifier of monitoring. It may be one of {', '.join(MODIFIERS)}."
    if modifier == "50" and (cpt == EVERY_LINE or cpt in CODES and info(cpt, edits).bilateral in (0, 2, 9)):
        return "50 is not valid for this code: it covers both sides already, or is not paid by side."
    if cpt in CONTINUOUS and modifier in ("50", "52", "RT", "LT"):
        return f"{modifier} does not go with {cpt}: its minutes say how much was done."
    return None


def code(
    facts: Facts,
    *,
    rule: PayerRule,
    pos: str | None = "21",
    professional_owned: bool = True,
    technical_owned: bool = False,
    shares: Mapping[str, Share] | None = None,
    edits: Edits | None = None,
    chosen: Mapping[str, Chosen] | None = None,
) -> Coding:
    """What the record supports on a professional claim to a payer with this rule.

    `shares` is by staff id what the ledger leaves this case of each physician's time (practice.ledger), `edits` what
    the imported tables say on the day, `chosen` the modifiers that a person chose, by code.
    """
    log = Minutes(facts)
    parts, why_not = _components(pos, professional_owned, technical_owned, rule)
    continuous = _Continuous(facts, rule, log, shares or {})
    lines: list[Line] = []
    not_billed: list[NotBilled] = []
    found = base_studies(facts)
    for study in found.studies:
        for part in parts:
            lines += _base_lines(facts, study, part, pos, rule, edits)
        if why_not:
            not_billed.append(NotBilled(code=study.code, reason=f"{study.why}; {why_not}"))
    not_billed += [NotBilled(code=left.code, reason=left.reason) for left in found.left_out]
    for line in continuous.lines:
        if professional_owned:
            lines.append(line)
        else:
            not_billed.append(NotBilled(code=line.code, minutes=line.minutes, reason=_NOT_OWNED))
    lines, never = _never_together(lines, rule, edits)
    lines = [_with_chosen(line, chosen or {}) for line in lines]
    return replace(
        _timed(log),
        lines=tuple(lines),
        not_billed=(*continuous.not_billed, *not_billed, *never, *_not_counted(log)),
        warnings=(
            *log.warnings,
            *found.warnings,
            *_warnings(facts, lines, found.studies, rule, pos, edits, chosen or {}),
        ),
        flags=_flags(facts, log, continuous, rule),
        unchecked=tuple(_unchecked(edits)),
    )


def time_of(facts: Facts) -> Coding:
    """What of the coding is time alone, for whoever has the lines from elsewhere."""
    return _timed(Minutes(facts))


def _timed(log: Minutes) -> Coding:
    return Coding(
        counted_minutes=conc.minutes(log.counted),
        segments=tuple(_segment(log, segment) for segment in log.facts.time.segments),
        date_of_service=log.date_of_service,
    )


def _unchecked(edits: Edits | None) -> list[str]:
    """The values that come with the app are of one old edition; what was not checked by the day's own table is said."""
    if edits is None:
        return []
    return [
        note.replace(
            "so this was not checked",
            f"so this was checked by the few values that come with the app ({_CODES['source']})",
        )
        for note in edits.notes("ptp", "mue", "addon", "rvu")
    ]


def _never_together(lines: list[Line], rule: PayerRule, edits: Edits | None) -> tuple[list[Line], list[NotBilled]]:
    """Under Medicare's edits the second of a pair that no modifier releases is not billed beside the first."""
    if edits is None or not rule.follows_cms:
        return lines, []
    codes, never = {line.code for line in lines}, []
    for first in sorted(codes):
        for second in sorted(codes):
            if edits.pair(first, second) == "0":
                on = edits.dates["ptp"]
                never.append(
                    NotBilled(
                        code=second,
                        reason=f"never paid beside {first}, with or without a modifier (pairs of {on:%m/%d/%Y})",
                    )
                )
    gone = {one.code for one in never}
    return [line for line in lines if line.code not in gone], never


def _with_chosen(line: Line, chosen: Mapping[str, Chosen]) -> Line:
    """The line with what a person chose for its code and for every line; what tells its price stays first."""
    for key in (line.code, EVERY_LINE):
        if key in chosen:
            more = tuple(one for one in chosen[key].modifiers if one not in line.modifiers)
            steps = tuple(f"{one}: {MODIFIERS.get(one, 'chosen')}; {chosen[key].reason}" for one in more)
            line = replace(line, modifiers=(*line.modifiers, *more), steps=(*line.steps, *steps))
    return line


def as_json(coding: Coding) -> dict[str, Any]:
    """The coding as plain values, for `case lines` and for pages."""
    return msgspec.json.decode(msgspec.json.encode(coding))


def _not_counted(log: Minutes) -> list[NotBilled]:
    return [NotBilled(minutes=minutes, reason=sentence) for minutes, sentence in log.not_counted]


def _segment(log: Minutes, segment: Segment) -> SegmentMinutes:
    whole = conc.interval(segment.start, segment.end)
    counted = conc.minutes(log.own(segment))
    left_out = conc.minutes(whole) - counted
    note = f"{left_out} min of it not counted" if left_out else ""
    return SegmentMinutes(
        id=segment.id,
        start=segment.start,
        end=segment.end,
        mode=segment.mode,
        minutes=counted,
        note=note if whole else "start or stop not recorded, nothing counted",
    )


# Continuous monitoring

_NOT_EXCLUSIVE = "not documented as exclusive to this patient"


class _Continuous:
    """The lines for the counted minutes: by mode, payer and physician (billing.md 1.4)."""

    def __init__(self, facts: Facts, rule: PayerRule, log: Minutes, shares: Mapping[str, Share]) -> None:
        self.facts, self.rule, self.log, self.shares = facts, rule, log, shares
        self.parts: dict[tuple[str | None, str], list[Intervals]] = {}
        self.refused: dict[str, list[Intervals]] = {}
        self.owners = owners(facts, log)
        for segment in facts.time.segments:
            for physician, time in self.owners.items():
                self._share_out(segment, physician, conc.clip(log.own(segment), time))
        self.lines: list[Line] = []
        self.not_billed: list[NotBilled] = []
        for (physician, cpt), stretches in self.parts.items():
            self._add(physician, cpt, conc.union(*stretches))
        for reason, stretches in self.refused.items():
            if left := conc.minutes(conc.union(*stretches)):
                spans = log.spans(conc.union(*stretches))
                more = f"; documented so, {arithmetic('G0453', left, rule)}" if reason == _NOT_EXCLUSIVE else ""
                self.not_billed.append(NotBilled(minutes=left, reason=f"{left} min {reason}: {spans}{more}"))

    def _share_out(self, segment: Segment, physician: str | None, time: Intervals) -> None:
        alone: Intervals = ()
        share = self.shares.get(physician or "")
        if segment.mode == "in_room" and "95940" in self.rule.accepts:
            alone = conc.subtract(time, conc.with_cases(self.facts, physician or "", 2))
            alone = conc.clip(alone, share.alone) if share else alone
            self._keep(physician, "95940", alone)
        rest = conc.subtract(time, alone)
        remote = self.rule.remote_code if self.rule.remote_code in self.rule.accepts else None
        if remote == "95941":
            left = conc.clip(rest, share.open) if share else rest
            self._keep(physician, "95941", left)
            self._refuse("billed for another patient alone", conc.subtract(rest, left))
        elif remote == "G0453" and segment.mode != "in_room":
            exclusive = conc.clip(rest, conc.exclusive(self.facts, physician or ""))
            own = conc.clip(exclusive, share.exclusive) if share else exclusive
            self._keep(physician, "G0453", own)
            self._refuse(_NOT_EXCLUSIVE, conc.subtract(rest, exclusive))
            self._refuse("not allotted to this patient by the physician's ledger", conc.subtract(exclusive, own))
        elif segment.mode == "in_room":
            self._refuse("in the room with more than one case, which this payer does not take", rest)
        else:
            self._refuse("of remote monitoring, for which this payer takes no code", rest)

    def _keep(self, physician: str | None, cpt: str, time: Intervals) -> None:
        if time:
            self.parts.setdefault((physician, cpt), []).append(time)

    def _refuse(self, reason: str, time: Intervals) -> None:
        if time:
            self.refused.setdefault(reason, []).append(time)

    def _add(self, physician: str | None, cpt: str, time: Intervals) -> None:
        minutes = conc.minutes(time)
        count = units(cpt, minutes, self.rule)
        derivation = self._derivation(physician, cpt, time, minutes)
        if not count:
            self.not_billed.append(NotBilled(code=cpt, minutes=minutes, reason=derivation))
            return
        self.lines.append(
            Line(
                code=cpt,
                units=count,
                minutes=minutes,
                label=CODES[cpt].label,
                rendering=physician,
                rendering_name=self.facts.person_name(physician),
                derivation=derivation,
                steps=self._steps(physician, cpt, time, minutes),
                sources=self._sources(physician, time),
            )
        )

    def _derivation(self, physician: str | None, cpt: str, time: Intervals, minutes: int) -> str:
        counted = conc.minutes(self.log.counted)
        what = f"{minutes} min counted"
        if cpt == "G0453":
            what = f"{minutes} min exclusive of {counted} min counted"
        elif minutes != counted:
            what = f"{minutes} of {counted} min counted"
        if len(self.owners) > 1:
            what += f" for {self.facts.person_name(physician)}"
        left = [
            f"{name} {conc.minutes(stretches)} min not counted"
            for name, stretches in self.log.excluded
            if name == "set-up" or conc.clip(stretches, conc.interval(*self._span()))
        ]
        return "; ".join([f"{what}: {self.log.spans(time)}", *left, arithmetic(cpt, minutes, self.rule)])

    def _span(self) -> tuple[datetime, datetime]:
        monitored = conc.segments(self.facts)
        return monitored[0][0], monitored[-1][1]

    def _steps(self, physician: str | None, cpt: str, time: Intervals, minutes: int) -> tuple[str, ...]:
        log = self.log
        steps = []
        for segment in self.facts.time.segments:
            if part := conc.clip(log.own(segment), time):
                mode = segment.mode.replace("_", " ")
                steps.append(f"{segment.id} ({mode}): {log.spans(part)} = {conc.minutes(part)} min")
        steps += [sentence for _, sentence in log.not_counted]
        steps += self._presence_steps(physician, time)
        rounding = "rounded at the mid-point" if self.rule.rounding == "midpoint" else "full units only"
        steps.append(f"{arithmetic(cpt, minutes, self.rule)} ({rounding}; {self.rule.certainty}: {self.rule.source})")
        return tuple(steps)

    def _presence_steps(self, physician: str | None, time: Intervals) -> list[str]:
        steps = []
        name = self.facts.person_name(physician)
        attendance = next((a for a in self.log.attended if a.physician == physician), None)
        if attendance is None:
            steps.append("No connection of a physician is recorded; the minutes are those of the segment")
        elif assumed := conc.clip(attendance.assumed, time):
            left = conc.minutes(assumed)
            steps.append(
                f"{name}: connect or disconnect not recorded for {left} of these min, {self.log.spans(assumed)}"
            )
        shared = [conc.clip(a.all, attendance.all) for a in self.log.attended if attendance and a != attendance]
        if both := conc.clip(conc.union(*shared), self.log.counted):
            steps.append(
                f"{conc.minutes(both)} min with two physicians connected, {self.log.spans(both)}: "
                "each minute belongs to the one connected first"
            )
        return steps

    def _sources(self, physician: str | None, time: Intervals) -> tuple[str, ...]:
        used = [s.src for s in self.facts.time.segments if conc.clip(self.log.own(s), time)]
        used += [p.src for p in self.facts.physician_log if p.physician == physician]
        used += [pause.src for pause in self.facts.time.breaks]
        return tuple(dict.fromkeys(src for src in used if src))


# Base studies


_NOT_OWNED = "the professional part belongs to somebody else; invoice the facility for the technical part"
_NOT_PAID = "the technical part is ours by the agreement, but this payer's rule pays it to the facility alone"


def _components(pos: str | None, professional: bool, technical: bool, rule: PayerRule) -> tuple[tuple[str, ...], str]:
    """The modifiers of the lines of a base study, "" for the whole of it, and why a part is not billed (billing.md 2.1, 2.3)."""
    if pos is None or pos in FACILITY_POS:
        if technical and rule.pays_technical:
            return (("26", "TC") if professional else ("TC",)), ""
        if professional:
            return ("26",), ""
        return (), _NOT_PAID if technical else _NOT_OWNED
    if professional:
        return ("" if technical else "26",), ""
    return (("TC",), "") if technical else ((), _NOT_OWNED)


def _base_lines(
    facts: Facts, study: Study, part: str, pos: str | None, rule: PayerRule, edits: Edits | None
) -> list[Line]:
    """The study as one line, or one a side where the payer wants RT and LT. A code without parts has none but the whole."""
    known = info(study.code, edits)
    if part == "TC" and known.pc_tc != 1:
        return []
    wanted = "laterality" in rule.demands and study.code in DEMANDS["laterality"].codes
    if wanted and study.per_side:
        return [_base_line(facts, study, part, pos, known, side=side, count=count) for side, count in study.per_side]
    return [_base_line(facts, study, part, pos, known, count=study.units)]


def _base_line(
    facts: Facts, study: Study, part: str, pos: str | None, known: CodeInfo, *, side: str = "", count: int
) -> Line:
    modifiers = (part,) if part and known.pc_tc == 1 else ()
    reader = _reader(facts) if part != "TC" else None
    steps = [study.why, "once per session, however often it was run"]
    if modifiers == ("26",):
        steps.append(f"26: only the interpretation is ours, place of service {pos or 'not set'}")
    elif modifiers == ("TC",):
        steps.append("TC: the technical part is ours by the agreement, and this payer pays it")
    elif part == "26":
        steps.append("no 26: the code has no professional and technical part")
    if side:
        modifiers += ({"L": "LT", "R": "RT"}[side],)
        steps.append(f"{modifiers[-1]}: the {'left' if side == 'L' else 'right'} side, as this payer wants it said")
    units_said = f" = {count}" if count > 1 else ""
    return Line(
        code=study.code,
        modifiers=modifiers,
        units=count,
        label=known.label,
        rendering=reader,
        rendering_name=facts.person_name(reader),
        derivation=f"{study.code}{units_said}: {study.why}",
        steps=tuple(steps),
        sources=study.sources,
    )


def _reader(facts: Facts) -> str | None:
    """Who interpreted the baselines: the reviewer of the first set, or the first who was connected."""
    for part in sorted(facts.baselines.sets, key=lambda s: (s.start is None, s.start or 0)):
        if part.reviewed_by:
            return part.reviewed_by
    connected = conc.attendances(facts)
    return connected[0].physician if connected else only_physician(facts)


# What a coder should look at


def _warnings(
    facts: Facts, lines: Sequence[Line], studies: Sequence[Study], rule: PayerRule, pos: str | None,
    edits: Edits | None, chosen: Mapping[str, Chosen],
) -> list[str]:  # fmt: skip
    found = []
    codes = {line.code for line in lines}
    has = {one for line in lines for one in line.modifiers}
    if pos is None:
        found.append("Place of service is not set; a hospital is assumed.")
    for line in lines:
        found += _line_warnings(line, lines, edits)
    found += _pair_warnings(lines, rule, edits)
    for study in studies:
        reduced = any("52" in line.modifiers for line in lines if line.code == study.code)
        if not study.both_sides and info(study.code, edits).bilateral == 2 and not reduced:
            found.append(f"{study.code} covers both sides and one was tested: consider modifier 52.")
    if facts.status == "aborted" and not has & {"52", "53"}:
        found.append("The operation was stopped: consider modifier 53 (for the patient's safety) or 52 (cut short).")
    if "92653" in codes and rule.follows_cms:
        found.append("92653 has no price in a hospital under Medicare rules: expect a denial.")
    if pos and pos not in FACILITY_POS and {"95940", "G0453"} & codes and rule.follows_cms:
        found.append("Medicare prices 95940 and G0453 in a facility only; check the place of service.")
    if pos in FACILITY_POS and "TC" in has:
        found.append("TC in a hospital is paid only where the contract says so: keep the contract at hand.")
    for cpt, one in chosen.items():
        if cpt != EVERY_LINE and cpt not in codes:
            found.append(f"{', '.join(one.modifiers)} was chosen for {cpt}, which is not on the claim.")
        problems = (modifier_problem(cpt, modifier, edits) for modifier in one.modifiers)
        found += [problem for problem in problems if problem]
    return list(dict.fromkeys(found))


def _pair_warnings(lines: Sequence[Line], rule: PayerRule, edits: Edits | None) -> list[str]:
    """Pairs of which the second is paid only when it is distinct, unless a person said how it is (billing.md 3.1)."""
    by_code = {line.code: line for line in lines}
    table = edits if edits and "ptp" in edits.dates else None
    found = []
    for first in sorted(by_code):
        for second in sorted(by_code):
            indicator = table.pair(first, second) if table else ("1" if (first, second) in BUNDLED else None)
            if indicator == "0":
                found.append(
                    f"{second} is never paid beside {first} under Medicare's edits; ask whether this payer follows them."
                )
            if indicator != "1" or any(one in DISTINCT for one in by_code[second].modifiers):
                continue
            said = f"{second} is bundled into {first} unless it is distinct: document why and choose 59 or X."
            if {first, second} <= set(CONTINUOUS):
                said += " Their minutes differ, as the arithmetic shows."
            found.append(said)
    return found


def _line_warnings(line: Line, lines: Sequence[Line], edits: Edits | None) -> list[str]:
    """The daily edit of a code, and the base study that continuous monitoring must stand on (billing.md 3.2)."""
    found = []
    known = info(line.code, edits)
    total = sum(
        other.units
        for other in lines
        if other.code == line.code and ("TC" in other.modifiers) == ("TC" in line.modifiers)
    )
    if known.mue is not None and total > known.mue:
        limit = edits.limits.get(line.code) if edits else None
        what = "no more is paid" if limit and limit.adjudication == 2 else "send records with it"
        found.append(f"{line.code}: {total} units are above the daily edit of {known.mue}; {what}.")
    if line.code in CONTINUOUS:
        ok = [
            other for other in lines
            if "TC" not in other.modifiers
            and (info(other.code, edits).aoc_g0453 if line.code == "G0453" else info(other.code, edits).aoc)
        ]  # fmt: skip
        if not ok:
            found.append(f"{line.code} needs an accepted base study on the same claim, and there is none.")
        elif all(other.rendering != line.rendering for other in ok):
            found.append(
                f"{line.code} of {line.rendering_name or 'nobody named'} has no base study by the same physician."
            )
    return found


def _flags(facts: Facts, log: Minutes, continuous: _Continuous, rule: PayerRule) -> tuple[str, ...]:
    found = []
    peak = conc.peak(facts)
    if peak is not None and peak >= rule.max_concurrent:
        found.append(f"concurrency_peak_{peak}")
    if rule.remote_code == "G0453" and any(segment.mode != "in_room" for segment in facts.time.segments):
        found.append("medicare_use_G0453_not_95941")
    if any(row.code == "95941" and (row.minutes or 0) <= 30 for row in continuous.not_billed):
        found.append("95941_not_reportable_30_min_or_less")
    days = {edge.astimezone(facts.zone).date() for stretch in log.counted for edge in stretch}
    if len(days) > 1:
        found.append("crosses_midnight")
    if log.clock_changes:
        found.append("crosses_clock_change")
    if gap := conc.minutes(log.gap):
        found.append(f"gap_{gap}_min_not_counted")
    if len(continuous.owners) > 1:
        found.append("two_interpreting_physicians_each_signs_own_interval")
    if facts.status == "aborted":
        found += ["aborted", "coder_review_discontinued_procedure"]
    return tuple(found)
