"""The words of a report: sides in full, responses and tests by name, gaps in brackets (report-and-phone.md 2.2)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

from .cases import Agent, AlertRow, Baseline, BaselineSet, Facts, Modality, StimTest

SIDES = {"L": "left", "R": "right", "B": "bilateral"}
GAP = "[not recorded]"
UNSAID = (None, "", "not_recorded", "not recorded")
"""Reasons that say no more than that there is nothing."""
MODALITIES: dict[str, dict[str, object]] = tomllib.loads(
    (Path(__file__).parent / "tables" / "modalities.toml").read_text("utf-8")
)
_REGIONS = {"UL": "upper limb", "LL": "lower limb"}
_REGIONS_LEFT_OUT = (None, "", "UL+LL", "UL/LL", "segmental", "cranial")
"""Regions that the modality or its muscles already say."""


def gap(reason: str | None) -> str:
    """What stands in the report for a value that is missing."""
    return GAP if reason in UNSAID else f"[{reason.replace('_', ' ')}]"


def side(value: str | None) -> str:
    return SIDES.get(value, "")


def series(words: Sequence[str]) -> str:
    """a, b and c"""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]])) if words else ""


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def plural(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def ended(text: str) -> str:
    """The text with one mark at its end."""
    text = text.rstrip()
    return text if text.endswith((".", "!", "?")) else text + "."


_SAYS_HOW = re.compile(
    r"\b(un\w+ed|preserved|intact|stable|stayed|remain\w*|kept|held|maintained|present|normal|baseline|chang\w*|persist\w*"
    r"|was|were|is|are|no|not|showed|within)\b",
    re.IGNORECASE,
)
"""Words by which a text says itself how the responses were."""
_COMMON = re.compile(
    r"[A-Z][a-z]*(ing|tion|sion|ment|ery|omy|age|ure|ance|al|ar|ic)\b|(Pedicle|Screw|Rod|Graft|Cage|Disc|Dura)\b"
)
"""How common words of an operation begin a text; a name, such as Harrington's, keeps its capital."""


def unchanged(text: str) -> str:
    """What did not change in an alert, as the end of a sentence: responses that are only listed are said to be unchanged."""
    return text if _SAYS_HOW.search(text) else f"{text.rstrip(' .')} unchanged"


def within(text: str) -> str:
    """A text in the middle of a sentence: Decompression at C5-C6 is decompression at C5-C6."""
    return text[0].lower() + text[1:] if _COMMON.match(text) else text


def volts(values: Sequence[float | None]) -> list[str]:
    """A range as one, 300-400 V; each by itself where one of them is missing."""
    once = list(dict.fromkeys(values))
    return [GAP if one is None else f"{one} V" for one in once] if None in once else ["-".join(map(str, once)) + " V"]


def spaced(status: str) -> str:
    """A status of a file, such as at_baseline, in words."""
    return status.replace("_", " ")


def response(row: Baseline) -> str:
    """left tibialis anterior TcMEP"""
    return " ".join(filter(None, [side(row.side), row.site, row.modality]))


def screw(test: StimTest) -> str:
    """left L5 pedicle screw"""
    return " ".join(filter(None, [side(test.side), test.level, test.type.replace("_", " ")]))


def place(facts: Facts, row: AlertRow) -> str:
    """Where an alert's row was seen: its baseline, its stimulation test, or its own side and site."""
    if baseline := facts.baseline(row.ref):
        return " ".join(filter(None, [side(baseline.side), baseline.site]))
    if test := facts.stim_test(row.stim_ref):
        return screw(test)
    return " ".join(filter(None, [side(row.side), row.site])) or row.ref or row.stim_ref or ""


def modality(part: Modality) -> str:
    """Somatosensory evoked potentials (SSEP), upper limb"""
    name = f"{MODALITIES[part.code]['name']} ({part.code})"
    if part.region in _REGIONS_LEFT_OUT:
        return name
    return f"{name}, {_REGIONS.get(part.region, part.region)}"


def region(part: Modality) -> str:
    return _REGIONS.get(part.region, part.region or "")


def baseline_set(part: BaselineSet) -> str:
    """segment 2 baselines, prone baselines, baselines"""
    words = (part.label or "").split()
    short = words[:2] if len(words) > 1 and words[0].lower() == "segment" else words
    return " ".join([*short, "baselines"])


def or_dash(number: float | None) -> str:
    return "-" if number is None else str(number)


def value(number: float | None, reason: str | None) -> str:
    """As it was recorded: 18.0 stays 18.0."""
    return gap(reason) if number is None else str(number)


def percent(change: float) -> str:
    return f"{abs(change)}% {'increase' if change > 0 else 'decrease'}" if change else "no change"


def share(before: float | None, after: float | None) -> float | None:
    return round(100 * (after - before) / before) if before and after is not None else None


def measured(baseline: Baseline, row: AlertRow) -> str:
    """900 to 162 µV (82% decrease); lost (118 to 0 µV); latency 20.1 to 22.6 ms (12% increase)"""
    parts = []
    if row.value_uv is not None:
        before = value(baseline.amp_uv, baseline.missing_reason)
        change = row.change_pct if row.change_pct is not None else share(baseline.amp_uv, row.value_uv)
        if row.value_uv == 0:
            parts.append(f"lost ({before} to 0 µV)")
        else:
            parts.append(f"{before} to {row.value_uv} µV" + (f" ({percent(change)})" if change is not None else ""))
    if row.value_lat_ms is not None:
        change = share(baseline.lat_ms, row.value_lat_ms)
        if row.value_uv is None and row.change_pct is not None:
            change = row.change_pct
        text = f"latency {value(baseline.lat_ms, baseline.missing_reason)} to {row.value_lat_ms} ms"
        parts.append(text + (f" ({percent(change)})" if change is not None else ""))
    if not parts and row.change_pct is not None:
        parts.append(percent(row.change_pct))
    if row.pct_of_baseline is not None and row.value_uv is None and row.change_pct is None:
        parts.append(f"{row.pct_of_baseline}% of baseline")
    if not parts and not row.text:
        parts.append(f"value {gap(row.missing_reason)}")
    return ", ".join(parts)


def placed(place: str, text: str | None, reason: str | None = None) -> str:
    """The place before the words, where the words do not name it; why there are none, where there are none."""
    if not text:
        return f"{place} {gap(reason)}"
    return text if all(word in text for word in place.split()) else f"{place}: {text}"


def agent(given: Agent) -> str:
    if given.dose is None:
        return f"{given.name} {dose_word(given)} {gap(given.missing_reason)}"
    return " ".join(filter(None, [given.name, str(given.dose), given.unit]))


def dose_word(given: Agent) -> str:
    """What a dose of it is called: a volatile agent has its MAC."""
    return "MAC" if given.unit == "MAC" else "dose"


CODE_LENGTH = 12


def code(text_sha256: str) -> str:
    """The short code under a signature, by which anybody can ask whether the text is ours: 3F2A-91C0-7B1D."""
    short = text_sha256[:CODE_LENGTH].upper()
    return "-".join(short[start : start + 4] for start in range(0, CODE_LENGTH, 4))
