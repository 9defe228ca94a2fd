"""Which base studies a case supports: what was really run and is documented by a baseline (billing.md 1.7).

Each study stands once per session. A test that was run without a documented baseline is not proposed; it is
named in `left_out` with what would have to be written down.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from .cases import Baseline, Facts, Modality, ModalityCode

_TABLE = tomllib.loads((Path(__file__).parent / "tables" / "muscles.toml").read_text())
_REGIONS = {"UL": ("arm",), "LL": ("leg",), "UL+LL": ("arm", "leg"), "UL/LL": ("arm", "leg")}
_NAMES: dict[ModalityCode, str] = {
    "SSEP": "SSEP", "TcMEP": "motor evoked potentials", "EMG": "EMG", "tEMG": "triggered EMG", "EEG": "EEG",
    "BAEP": "BAEP", "VEP": "VEP", "TOF": "train-of-four", "DWAVE": "D-wave",
}  # fmt: skip
_LIMB_EMG = {1: "95860", 2: "95861", 3: "95863", 4: "95864"}
_MAX_LIMITED = 4
"""Units of 95870 on one day."""


class Study(Struct, frozen=True, kw_only=True):
    """A base study the record supports. `both_sides` is false when only one side was tested."""

    code: str
    units: int = 1
    why: str
    sources: tuple[str, ...] = ()
    both_sides: bool = True
    per_side: tuple[tuple[str, int], ...] = ()
    """Units of each side, L or R, when every one of them has a side."""


class LeftOut(Struct, frozen=True, kw_only=True):
    code: str | None
    reason: str


class Found(Struct, frozen=True, kw_only=True):
    studies: tuple[Study, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    warnings: tuple[str, ...] = ()

    def __add__(self, other: Found) -> Found:
        return Found(
            studies=self.studies + other.studies,
            left_out=self.left_out + other.left_out,
            warnings=self.warnings + other.warnings,
        )


class Muscle(Struct, frozen=True):
    name: str
    region: str
    nerve: str
    roots: tuple[str, ...]


def documented(row: Baseline) -> bool:
    """Whether the baseline says that a response was there to be watched."""
    if row.quality == "absent":
        return False
    return bool(row.quality or row.descriptor) or row.lat_ms is not None or row.amp_uv is not None


def muscle(name: str | None) -> Muscle | None:
    """The muscle meant by a name as people write it; None when it is not in the table."""
    words = " ".join((name or "").lower().replace("-", " ").replace("(", " ").split())
    for prefix in ("left ", "right "):
        words = words.removeprefix(prefix)
    words = _TABLE["also"].get(words, words)
    singular = words.removesuffix("s")
    for known in (words, singular):
        if known in _TABLE["muscle"]:
            region, nerve, roots = _TABLE["muscle"][known]
            return Muscle(known, region, nerve, tuple(roots))
    return None


def base_studies(facts: Facts) -> Found:
    """Every base study the record supports, and each one it does not quite."""
    found = Found()
    for code in dict.fromkeys(modality.code for modality in facts.modalities):
        found += _STUDY[code](facts)
    run = {modality.code for modality in facts.modalities}
    for code in dict.fromkeys(row.modality for row in facts.baselines.rows):
        if code not in run and not (code == "tEMG" and "EMG" in run):
            found += _unsupported(None, f"{_NAMES[code]}: baselines are there, but what was run is not recorded")
    return found


def _rows(facts: Facts, code: ModalityCode) -> list[Baseline]:
    return [row for row in facts.baselines.rows if row.modality == code]


def _run(facts: Facts, code: ModalityCode) -> list[Modality]:
    return [modality for modality in facts.modalities if modality.code == code]


def _unsupported(code: str | None, reason: str) -> Found:
    return Found(left_out=(LeftOut(code=code, reason=reason),))


def _no_baseline(facts: Facts, code: ModalityCode, cpt: str | None) -> Found:
    rows = _rows(facts, code)
    what = (
        "every baseline is absent" if rows and all(r.quality == "absent" for r in rows) else "no baseline is recorded"
    )
    return _unsupported(cpt, f"{_NAMES[code]} was run, but {what}; not billed")


def _ids(rows: Iterable[Baseline]) -> str:
    return ", ".join(row.id for row in rows)


def _sources(modalities: Iterable[Modality], rows: Iterable[Baseline]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.src for part in (*modalities, *rows) if part.src))


def _two_sided(rows: Iterable[Baseline]) -> bool:
    """Both sides were tested; an absent response was tested too."""
    sides = {row.side for row in rows}
    return "B" in sides or {"L", "R"} <= sides or None in sides


# Arm, leg or both: SSEP and motor evoked potentials


def _ssep(facts: Facts) -> Found:
    return _by_region(facts, "SSEP", {"arm": "95925", "leg": "95926", "both": "95938", "other": "95927"})


def _mep(facts: Facts) -> Found:
    return _by_region(facts, "TcMEP", {"arm": "95928", "leg": "95929", "both": "95939", "other": None})


def _by_region(facts: Facts, code: ModalityCode, codes: dict[str, str | None]) -> Found:
    """One code for arms, one for legs, one for both together; never the parts beside the whole (billing.md 3.1)."""
    run, rows = _run(facts, code), _rows(facts, code)
    found = Found()
    good: dict[str, list[Baseline]] = {}
    for row in rows:
        region = _region(row, run)
        if documented(row) and region:
            good.setdefault(region, []).append(row)
        elif documented(row):
            found += _unsupported(None, f"{_NAMES[code]} baseline {row.id}: its site does not say arm or leg")
    for region in _regions_run(run, code):
        if region not in good:
            found += _unsupported(
                codes.get(region),
                f"{region} {_NAMES[code]} was run, but it has no baseline with a response; not billed",
            )
    if not good and not found.left_out:
        return _no_baseline(facts, code, None)
    limbs = [region for region in ("arm", "leg") if region in good]
    if limbs:
        used = [row for region in limbs for row in good[region]]
        whole = codes["both"] if len(limbs) == 2 else codes[limbs[0]]
        tested = [[row for row in rows if _region(row, run) == region] for region in limbs]
        found += Found(
            studies=(
                Study(
                    code=whole or "",
                    why=f"{' and '.join(limbs)} {_NAMES[code]} run, baselines {_ids(used)}",
                    sources=_sources(run, used),
                    both_sides=all(_two_sided(part) for part in tested),
                ),
            )
        )
    if other := good.get("other"):
        found += _other_region(code, codes["other"], run, other)
    return found


def _other_region(code: ModalityCode, cpt: str | None, run: list[Modality], rows: list[Baseline]) -> Found:
    if cpt is None:
        return _unsupported(None, f"{_NAMES[code]} of head or trunk muscles ({_ids(rows)}) has no code of its own")
    why = f"trunk or head {_NAMES[code]} run, baselines {_ids(rows)}"
    return Found(studies=(Study(code=cpt, why=why, sources=_sources(run, rows)),))


def _region(row: Baseline, run: list[Modality]) -> str | None:
    """arm, leg or other, by the nerve or muscle of the site; by the set-up when only one region was run."""
    site = (row.site or "").lower()
    nerves = sorted(_TABLE["nerve"], key=len, reverse=True)
    if nerve := next((name for name in nerves if row.modality == "SSEP" and name in site), None):
        return _TABLE["nerve"][nerve]
    if row.modality != "SSEP" and (named := muscle(row.site)):
        return named.region if named.region in ("arm", "leg") else "other"
    regions = {region for modality in run for region in _REGIONS.get(modality.region or "", ("",))}
    return regions.pop() or None if len(regions) == 1 else None


def _regions_run(run: list[Modality], code: ModalityCode) -> list[str]:
    found: list[str] = []
    for modality in run:
        named = [muscle(name) for name in modality.muscles or ()] if code == "TcMEP" else []
        known = [m.region for m in named if m and m.region in ("arm", "leg")]
        found += known or _REGIONS.get(modality.region or "", ())
    return [region for region in ("arm", "leg") if region in found]


# EMG


def _emg(facts: Facts) -> Found:
    """Needle EMG by how many limbs were fully studied; anything less is a limited study per limb (billing.md 1.7)."""
    run, rows = _run(facts, "EMG"), [row for row in _rows(facts, "EMG") if documented(row)]
    names = [name for modality in run for name in modality.muscles or ()]
    if not rows:
        missing = "" if names else " and the muscles are not named"
        left = _no_baseline(facts, "EMG", "95870").left_out[0]
        return _unsupported("95870", left.reason.replace("; not billed", f"{missing}; not billed"))
    placed = _placed(run, rows)
    unknown = sorted({name for name in names if muscle(name) is None})
    found = Found()
    if unknown:
        found += Found(warnings=(f"EMG of {', '.join(unknown)}: not in the table of muscles, so not counted.",))
    if not placed:
        return found + _unsupported(
            "95870", "EMG has a baseline, but its muscles are not named; limbs cannot be counted"
        )
    if any(side is None for _, side in placed):
        found += Found(warnings=("EMG: the side is not recorded, so each limb is counted once.",))
    sources = _sources(run, rows)
    studies = [*_limb_studies(placed), *_other_emg(placed)]
    return found + Found(
        studies=tuple(
            Study(
                code=code,
                units=units,
                why=f"{why}, baselines {_ids(rows)}",
                sources=sources,
                per_side=_per_side(code, units, placed),
            )
            for code, units, why in studies
        ),
        warnings=_emg_warnings(placed, studies),
    )


def _placed(run: list[Modality], rows: list[Baseline]) -> set[tuple[Muscle, str | None]]:
    """The muscles that a baseline covers, each with its side. A row that names a group covers all of the set-up."""
    placed: set[tuple[Muscle, str | None]] = set()
    for row in rows:
        one = muscle(row.site)
        for modality in run:
            meant = [one] if one else [muscle(name) for name in modality.muscles or ()]
            side = row.side if row.side in ("L", "R") or modality.side is None else modality.side
            placed |= {(each, each_side) for each in meant if each for each_side in _sides(side)}
    return placed


def _sides(side: str | None) -> tuple[str | None, ...]:
    return ("L", "R") if side == "B" else (side,)


def _limb_studies(placed: set[tuple[Muscle, str | None]]) -> list[tuple[str, int, str]]:
    limbs: dict[tuple[str, str | None], set[Muscle]] = {}
    for each, side in placed:
        if each.region in ("arm", "leg"):
            limbs.setdefault((each.region, side), set()).add(each)
    full = sorted(_limb(key) for key, muscles in limbs.items() if _complete(muscles))
    limited = sorted(_limb(key) + f" {len(muscles)}" for key, muscles in limbs.items() if not _complete(muscles))
    areas = sorted({"trunk" for each, _ in placed if each.region == "trunk"})
    found = []
    if full:
        found.append((_LIMB_EMG[min(len(full), 4)], 1, f"five or more muscles in {', '.join(full)}"))
    if limited or areas:
        units = min(len(limited) + len(areas), _MAX_LIMITED)
        words = [f"fewer than five muscles, or too few nerves: {', '.join(limited)}"] if limited else []
        found.append(("95870", units, "; ".join(words + [f"area: {area}" for area in areas])))
    return found


_ONE_SIDED = {"95866": "diaphragm", "95867": "cranial"}


def _per_side(code: str, units: int, placed: set[tuple[Muscle, str | None]]) -> tuple[tuple[str, int], ...]:
    """The units of a code by side, for payers who want that said; nothing when a unit has no side, or both."""
    if region := _ONE_SIDED.get(code):
        sides = sorted({side or "" for each, side in placed if each.region == region})
        return ((sides[0], 1),) if sides in (["L"], ["R"]) else ()
    if code != "95870":
        return ()
    limbs: dict[tuple[str, str], set[Muscle]] = {}
    for each, side in placed:
        if each.region in ("arm", "leg"):
            limbs.setdefault((side or "", each.region), set()).add(each)
    found: dict[str, int] = {}
    for (side, _), muscles in sorted(limbs.items()):
        if not _complete(muscles):
            found[side] = found.get(side, 0) + 1
    return tuple(found.items()) if set(found) <= {"L", "R"} and sum(found.values()) == units else ()


def _limb(key: tuple[str, str | None]) -> str:
    side = {"L": "left ", "R": "right "}.get(key[1] or "", "")
    return f"{side}{key[0]}"


def _complete(muscles: set[Muscle]) -> bool:
    """Five muscles of three nerves or four spinal levels (billing.md 1.7)."""
    nerves = {each.nerve for each in muscles}
    roots = {root for each in muscles for root in each.roots}
    return len(muscles) >= 5 and (len(nerves) >= 3 or len(roots) >= 4)


def _other_emg(placed: set[tuple[Muscle, str | None]]) -> list[tuple[str, int, str]]:
    sides: dict[str, set[str | None]] = {}
    for each, side in placed:
        sides.setdefault(each.region, set()).add(side)
    found = []
    if "cranial" in sides:
        both = {"L", "R"} <= sides["cranial"]
        found.append(
            ("95868" if both else "95867", 1, f"cranial-nerve muscles, {'both sides' if both else 'one side'}")
        )
    if "larynx" in sides:
        found.append(("95865", 1, "laryngeal muscles"))
    if "diaphragm" in sides:
        found.append(("95866", 1, "diaphragm"))
    if "thoracic paraspinal" in sides:
        found.append(("95869", 1, "thoracic paraspinal muscles"))
    return found


def _emg_warnings(placed: set[tuple[Muscle, str | None]], studies: list[tuple[str, int, str]]) -> tuple[str, ...]:
    codes = {code for code, _, _ in studies}
    found = []
    if "95865" in codes:
        found.append(
            "95865 is for needle electrodes; payers dispute it for electrodes on the tube. Check before billing."
        )
    limbs = {(each.region, side) for each, side in placed if each.region in ("arm", "leg")}
    if "95870" in codes and len(limbs) > _MAX_LIMITED:
        found.append(f"95870 is limited to {_MAX_LIMITED} units a day.")
    return tuple(found)


# The rest


def _eeg(facts: Facts) -> Found:
    code = "95822" if brain_surgery(facts) else "95955"
    rows = [row for row in _rows(facts, "EEG") if documented(row)]
    if not rows:
        return _no_baseline(facts, "EEG", code)
    where = "surgery on the brain" if code == "95822" else "surgery not on the brain"
    why = f"EEG run, {where}, baselines {_ids(rows)}"
    return Found(studies=(Study(code=code, why=why, sources=_sources(_run(facts, "EEG"), rows)),))


def brain_surgery(facts: Facts) -> bool:
    """Whether the operation is inside the skull: by its CPT codes, by its words when it has none."""
    procedure = facts.header.procedure
    if procedure.cpt:
        return any("61000" <= cpt[:5] <= "62258" for cpt in procedure.cpt)
    words = procedure.text.lower()
    return any(word in words for word in ("crani", "brain", "intracerebral", "cerebell", "cerebral", "posterior fossa"))


def _baep(facts: Facts) -> Found:
    return _single(facts, "BAEP", "92653")


def _vep(facts: Facts) -> Found:
    return _single(facts, "VEP", "95930")


def _single(facts: Facts, code: ModalityCode, cpt: str) -> Found:
    rows = _rows(facts, code)
    good = [row for row in rows if documented(row)]
    if not good:
        return _no_baseline(facts, code, cpt)
    why = f"{_NAMES[code]} run, baselines {_ids(good)}"
    return Found(
        studies=(Study(code=cpt, why=why, sources=_sources(_run(facts, code), good), both_sides=_two_sided(rows)),)
    )


def _temg(facts: Facts) -> Found:
    return _unsupported(None, "triggered EMG has no code of its own: it is part of the EMG study")


def _dwave(facts: Facts) -> Found:
    return _unsupported(None, "D-wave has no code of its own: it is part of the motor evoked potentials")


def _tof(facts: Facts) -> Found:
    return _unsupported(
        "95937", "train-of-four: many payers count it as part of anesthesia; add it by hand where the payer takes it"
    )


_STUDY = {
    "SSEP": _ssep, "TcMEP": _mep, "EMG": _emg, "tEMG": _temg, "EEG": _eeg, "BAEP": _baep, "VEP": _vep, "TOF": _tof,
    "DWAVE": _dwave,
}  # fmt: skip
