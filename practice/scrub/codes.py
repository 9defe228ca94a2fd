"""The codes beside each other: primaries, pairs, families, modifiers, places, units a day.

By the public tables of the day where the practice imported them, else by the small one that comes with the app
(practice/tables/codes.toml); which of them was used is said.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..cases import payer_class_words
from ..coding import BUNDLED, CODES, CONTINUOUS, DEMANDS, FACILITY_POS, SMALL_TABLE
from ..edits import TITLES
from .given import BilledLine, CaseForScrub
from .rules import CMS, HOUSE, S3, S8, S14, Said, V, rule

_PARTS = {"95938": ("95925", "95926"), "95939": ("95928", "95929")}
_FAMILIES = (
    ("95860", "95861", "95863", "95864"),
    ("95867", "95868"),
    ("95907", "95908", "95909", "95910", "95911", "95912", "95913"),
)
_NERVES = _FAMILIES[2]
_LIMBS = _FAMILIES[0]
_CANNOT_CARRY = ("95955", "95829", "95961", "95962", "95812", "95813", "95816", "95819")
_NO_PARTS = (*CONTINUOUS, "92653")
_DISTINCT = ("59", "XE", "XP", "XS", "XU")
_TELEHEALTH = ("93", "95", "GQ", "GT")
_NOT_HERE = ("02", "10", "11")
_USUAL = ("19", "21", "22", "24")
_PLACES = "the hospital's place of service (19, 21, 22 or 24)"


@rule("PAY-01", "block", "Is it known how this payer wants the minutes coded on the day?", "billing reference 1.6")
def _ruled(case: CaseForScrub) -> Iterator[Said]:
    kind = case.facts.header.payer_class
    if kind and case.rule is None:
        said = f"No rule says what a {payer_class_words(kind)} payer takes on {case.day:%m/%d/%Y}: add one under Places, Payer rules."
        yield Said("block", said, "payers")


@rule("TAB-01", "warn", "Were the public tables of the day there to check the codes with?", CMS)
def _tables(case: CaseForScrub) -> Iterator[Said]:
    """What was checked by the small table or by an old edition, or by nothing: said once for all tables."""
    if not case.lines:
        return
    lacking = case.edits.unchecked("ptp", "mue", "addon")
    if lacking:
        names = ", ".join(TITLES[kind] for kind in lacking)
        said = f"Checked by the small table that comes with the app ({SMALL_TABLE}), not by one of the day: {names}. Import the public tables."
        yield Said("info", said, "tables")
    held = [kind for kind in ("ptp", "mue", "addon") if kind in case.edits.dates]
    yield from (Said("info", note, "tables") for note in case.edits.notes(*held))
    unknown = sorted(code for code in case.codes if code not in CODES and lacking)
    if unknown:
        said = f"Could not be checked: pairs, units and primaries of {', '.join(unknown)}, which no table here holds. Import the public tables."
        yield Said("warn", said, "tables")


@rule(
    "V01",
    "block",
    "Has continuous monitoring an accepted base study on the same claim, by the same physician?",
    f"{V}; CMS add-on code edits",
)
def _primary(case: CaseForScrub) -> Iterator[Said]:
    for line in case.continuous:
        accepted = [base for base in case.bases if case.supports(base.code, line.code)]
        if not accepted and not _v19(case) and not _v20(case, line):
            said = f"{line.code} needs an accepted base study on the same claim, and there is none: record the study that was run, or take the line off."
            yield Said("block", said, "claim")
        elif accepted and all(_who(base) != _who(line) for base in accepted):
            name = case.facts.person_name(line.rendering) or "the rendering physician"
            said = f"{line.code} of {name} has no base study by the same physician: give the reason, or bill the study under who read it."
            yield Said("error", said, "claim")


def _who(line: BilledLine) -> str:
    return line.npi or line.rendering or ""


@rule("V02", "block", "Is 95941 kept from payers that follow Medicare?", CMS)
def _no_hourly(case: CaseForScrub) -> Iterator[Said]:
    if case.follows_cms and "95941" in case.codes:
        said = "95941 is not valid for this payer: use G0453 (remote) or 95940 (in the room)."
        yield Said("block", said, "claim")


@rule("V03", "error", "Is G0453 billed only to payers that take it?", "billing reference 1.6")
def _no_g_code(case: CaseForScrub) -> Iterator[Said]:
    if case.rule and not case.follows_cms and case.rule.remote_code == "95941" and "G0453" in case.codes:
        said = "This payer expects 95941 for remote monitoring: change the code, or the payer's rule if it takes G0453."
        yield Said("error", said, "claim")


@rule("V09", "error", "Are the units within what a day may hold?", CMS)
def _daily(case: CaseForScrub) -> Iterator[Said]:
    for code in dict.fromkeys(line.code for line in case.lines):
        count, limit = sum(line.units for line in case.lines if line.code == code), case.limit(code)
        if limit and count > limit.units:
            if limit.adjudication == 2:
                said = f"{code}: {count} units; a day holds {limit.units}, and no record changes that: bill no more."
                yield Said("block", said, "claim")
            else:
                said = (
                    f"{code}: {count} units, above the daily edit of {limit.units}: send only with records, and say so."
                )
                yield Said("error", said, "claim")


@rule("V10", "block", "Are arms and legs billed as one study where one code covers both?", CMS)
def _combined(case: CaseForScrub) -> Iterator[Said]:
    for whole, parts in _PARTS.items():
        present = [code for code in (whole, *parts) if code in case.codes]
        if len(present) > 1:
            yield Said("block", f"{', '.join(present)}: bill {whole} once in their place.", "claim")


@rule("V11", "block", "Is only the highest code of a family billed?", CMS)
def _family(case: CaseForScrub) -> Iterator[Said]:
    for family in _FAMILIES:
        present = [code for code in family if code in case.codes]
        if len(present) > 1:
            yield Said(
                "block", f"{', '.join(present)}: bill only {present[-1]}, the highest code of the family.", "claim"
            )


@rule("V12", "block", "Are no EMG and nerve conduction codes together that exclude each other?", CMS)
def _conduction(case: CaseForScrub) -> Iterator[Said]:
    pairs = (
        ((*_LIMBS, "95867", "95868", "95869", "95870"), _NERVES),
        ((*_LIMBS, "95870"), ("95885", "95886")),
        (("95869", "95870"), ("95887",)),
    )
    for first, second in pairs:
        one, other = sorted(case.codes & set(first)), sorted(case.codes & set(second))
        if one and other:
            said = f"{', '.join(one)} and {', '.join(other)} exclude each other, with no modifier: bill the study that was run."
            yield Said("block", said, "claim")


@rule("V13", "block", "Has each base study in a facility its 26?", CMS)
def _interpretation(case: CaseForScrub) -> Iterator[Said]:
    for line in _parted(case):
        if line.pos in FACILITY_POS and not {"26", "TC"} & set(line.modifiers):
            yield Said("block", f"{line.code}: add modifier 26 for the interpretation.", "claim")


@rule("V14", "block", "Is every modifier one that its code can have?", f"{CMS}; billing reference 2.1")
def _modifiers(case: CaseForScrub) -> Iterator[Said]:
    for line in case.lines:
        mods, info = set(line.modifiers), CODES.get(line.code)
        if line.code in _NO_PARTS and mods & {"26", "TC"}:
            yield Said("block", f"{line.code} has no professional or technical part: take off 26 or TC.", "claim")
        if "50" in mods and info and info.bilateral != 3:
            yield Said("block", f"{line.code}: 50 is not valid on it: take it off.", "claim")
        if "51" in mods and line.code in CONTINUOUS:
            yield Said("block", f"{line.code} is an add-on code and takes no 51: take it off.", "claim")
        if "22" in mods:
            yield Said("block", f"{line.code}: 22 is for operations: take it off.", "claim")
        if mods & {"76", "77"}:
            said = f"{line.code} is billed as repeated: a base study stands once a session, however often it was run."
            yield Said("warn", said, "claim")


@rule("V15", "block", "Is the technical part left to who owns it?", f"CMS RAC topic 0123; {HOUSE}")
def _technical(case: CaseForScrub) -> Iterator[Said]:
    medicare = case.facts.header.payer_class == "medicare"
    for line in _parted(case):
        technical = "TC" in line.modifiers or "26" not in line.modifiers
        if technical and medicare and line.pos in ("19", "21", "22", "23", "24"):
            severity = "error" if line.pos == "24" else "block"
            said = f"{line.code}: the technical part in a hospital is the hospital's: bill 26 and invoice the hospital."
            yield Said(severity, said, "claim")


@rule("V16", "block", "Is every pair of codes that bundles released with a modifier and a reason?", "CMS NCCI pairs")
def _pairs(case: CaseForScrub) -> Iterator[Said]:
    codes = sorted(case.codes)
    table = "ptp" in case.edits.dates
    for first in codes:
        for second in codes:
            indicator = case.edits.pair(first, second) if table else ("1" if (first, second) in BUNDLED else None)
            if indicator == "0" and not _said_elsewhere(first, second):
                yield Said("block", f"{second} is never paid beside {first}: take one off.", "claim")
            elif indicator == "1":
                lines = [line for line in case.lines if line.code == second]
                released = all(set(line.modifiers) & set(_DISTINCT) for line in lines)
                reason = case.billing.reasons.get(second, ("", ""))[1]
                if not released or not reason:
                    said = f"{second} is bundled into {first} unless it was distinct: choose 59 or X and write why, or take it off."
                    yield Said("error", said, "billing#modifiers")


@rule(
    "V18",
    "block",
    "Is the place of service where the patient was, and nothing billed as telehealth?",
    "billing reference 2.2",
)
def _place(case: CaseForScrub) -> Iterator[Said]:
    for pos in dict.fromkeys(line.pos for line in case.lines):
        if pos in _NOT_HERE:
            yield Said("block", f"Place of service {pos} is not where monitoring is done: use {_PLACES}.", "facility")
    for line in case.lines:
        if found := sorted(set(line.modifiers) & set(_TELEHEALTH)):
            said = f"{line.code}: monitoring is no telehealth visit: take off {', '.join(found)}."
            yield Said("block", said, "claim")


@rule("V19", "block", "Is monitoring carried by more than an EEG or mapping code?", CMS)
def _carried(case: CaseForScrub) -> Iterator[Said]:
    if _v19(case):
        names = ", ".join(sorted({line.code for line in case.bases if line.code in _CANNOT_CARRY}))
        said = f"{names} cannot carry {', '.join(line.code for line in case.continuous)}: record and bill the base study that was run beside it."
        yield Said("block", said, "claim")


def _v19(case: CaseForScrub) -> bool:
    bases = {line.code for line in case.bases}
    return bool(case.continuous and bases & set(_CANNOT_CARRY)) and not any(
        case.supports(base, line.code) or base == "92653" for base in bases for line in case.continuous
    )


@rule("V20", "error", "Has G0453 another base study than 92653?", CMS)
def _brainstem(case: CaseForScrub) -> Iterator[Said]:
    if any(_v20(case, line) for line in case.continuous):
        said = "92653 is not an accepted base study for G0453: bill another that was run, or expect a denial and give the reason."
        yield Said("error", said, "claim")


def _v20(case: CaseForScrub, line: BilledLine) -> bool:
    bases = {base.code for base in case.bases}
    return line.code == "G0453" and "92653" in bases and not any(case.supports(base, "G0453") for base in bases)


@rule("V32", "block", "Does each base study stand once?", S3)
def _once(case: CaseForScrub) -> Iterator[Said]:
    """Once a session and physician; units above one are the daily edit's (V09)."""
    seen: dict[tuple[str, str, tuple[str, ...]], int] = {}
    for line in case.bases:
        key = (line.code, _who(line), line.modifiers)
        seen[key] = seen.get(key, 0) + 1
    for (code, _, _), count in seen.items():
        if count > 1:
            yield Said("block", f"{code} stands {count} times: a base study is billed once a session.", "claim")


@rule("V34", "error", "Is the place of service one where monitoring is usually paid?", f"{S8}; billing reference 2.2")
def _usual(case: CaseForScrub) -> Iterator[Said]:
    for pos in dict.fromkeys(line.pos for line in case.lines):
        if pos and pos not in (*_USUAL, *_NOT_HERE):
            said = (
                f"Place of service {pos} is rarely paid for monitoring: correct it at the facility, or give the reason."
            )
            yield Said("error", said, "facility")
        elif not pos:
            yield Said("error", "No place of service is set: set it at the facility.", "facility")


@rule("V35", "error", "Do 26 and TC say what is ours by the agreement?", "agreement with the facility")
def _component(case: CaseForScrub) -> Iterator[Said]:
    billing = case.billing
    for line in _parted(case):
        if "TC" in line.modifiers and not billing.technical_ours:
            said = f"{line.code}: TC is billed, and by the agreement the technical part is not ours: take it off, or mend the agreement."
            yield Said("error", said, "claim")
        if "26" in line.modifiers and not billing.professional_ours:
            said = f"{line.code}: 26 is billed, and by the agreement the professional part is not ours: take it off, or mend the agreement."
            yield Said("error", said, "claim")


@rule(
    "V36", "warn", "Is nothing billed apart that many payers take as part of something else?", "billing reference 1.7"
)
def _part_of(case: CaseForScrub) -> Iterator[Said]:
    if "95937" in case.codes:
        said = "95937: many payers call train-of-four a part of anesthesia: keep it only where this payer pays it."
        yield Said("warn", said, "claim")
    if "95999" in case.codes:
        yield Said("warn", "95999 is priced by report: send the report with it.", "claim")


@rule("V43", "warn", "Is a study of one side billed as one, where the code covers both?", "billing reference 2.1")
def _one_side(case: CaseForScrub) -> Iterator[Said]:
    for said in case.coding.warnings:
        code = said[:5]
        if "consider modifier 52" in said and code in case.codes and not any("52" in x.modifiers for x in case.lines if x.code == code):  # fmt: skip
            yield Said("warn", said, "billing#modifiers")
    demanded = case.rule is not None and "laterality" in case.rule.demands
    for line in case.lines if demanded else ():
        if line.code in DEMANDS["laterality"].codes and not {"RT", "LT"} & set(line.modifiers):
            yield Said("warn", f"{line.code}: this payer asks for RT or LT: choose the side that was tested.", "billing#modifiers")  # fmt: skip


@rule("V44", "warn", "If the operation was stopped, does the claim say so?", "billing reference 2.1")
def _stopped(case: CaseForScrub) -> Iterator[Said]:
    if (
        case.facts.status == "aborted"
        and case.lines
        and not any({"52", "53"} & set(line.modifiers) for line in case.lines)
    ):
        said = (
            "The operation was stopped: consider 53 (for the patient's safety) or 52 (cut short) on the base studies."
        )
        yield Said("warn", said, "billing#modifiers")


@rule("V45", "warn", "Is the monitoring of a kind that payers cover?", f"{S14}; LCD L35003")
def _covered(case: CaseForScrub) -> Iterator[Said]:
    if "92653" in case.codes and case.follows_cms:
        yield Said("warn", "92653 has no price in a hospital under Medicare rules: expect a denial.", "claim")


def _parted(case: CaseForScrub) -> list[BilledLine]:
    """The lines whose code has a professional and a technical part."""
    return [line for line in case.lines if (info := CODES.get(line.code)) and info.pc_tc == 1]


def _said_elsewhere(first: str, second: str) -> bool:
    """Pairs of which V10, V11 and V12 speak."""
    pair = {first, second}
    if any(pair <= {whole, *parts} for whole, parts in _PARTS.items()) or any(pair <= set(f) for f in _FAMILIES):
        return True
    emg = {*_LIMBS, "95867", "95868", "95869", "95870"}
    return bool(pair & emg) and bool(pair & {*_NERVES, "95885", "95886", "95887"})
