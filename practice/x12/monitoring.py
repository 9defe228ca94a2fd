"""What a file's lines of monitoring must hold, as far as the file alone can tell.

Source: billing.md 1, 2 and 12. The scrub knows the case and the payer's rules and is stricter; here the record is not
known, so rules that payers differ on are warnings.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from ..coding import CODES as MONITORING
from ..coding import CONTINUOUS, FACILITY_POS
from . import Segment
from .guide import Node, day
from .parties import MEDICARE, Findings

_PARTS = {"95938": ("95925", "95926"), "95939": ("95928", "95929")}
_FAMILIES = (("95860", "95861", "95863", "95864"), ("95867", "95868"), tuple(f"959{n:02d}" for n in range(7, 14)))
_TELEHEALTH = ("93", "95", "GQ", "GT")


def amount(text: str) -> Decimal:
    """A number of the file; what is no number counts as nothing, and was said already."""
    return Decimal(text) if re.fullmatch(r"-?([0-9]+(\.[0-9]*)?|\.[0-9]+)", text) else Decimal(0)


class Line:
    """One service line, its values taken apart once."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.service = node.first("SV1")
        sv1 = self.service
        parts = sv1.parts(1) if sv1 else []
        self.code = parts[1] if len(parts) > 1 else ""
        self.modifiers = [part for part in parts[2:6] if part]
        self.charge = amount(sv1.at(2)) if sv1 else Decimal(0)
        self.units = amount(sv1.at(4)) if sv1 else Decimal(0)
        self.date = node.first("DTP", "472")
        first, _, last = (self.date.at(3) if self.date else "").partition("-")
        self.on, self.until = day(first), day(last or first)
        rendering = node.child("2420A")
        self.rendering = rendering.segments[0][0].at(9) if rendering else ""


def monitoring_findings(found: Findings, clm: Segment, lines: Sequence[Line], filing: str, pos: str) -> None:
    """What is wrong with the lines of monitoring as such."""
    codes = {line.code for line in lines}
    for line in lines:
        if line.service:
            _monitored(found, line, line.service, lines, filing, pos)
    for whole, parts in _PARTS.items():
        present = [part for part in parts if part in codes]
        if len(present) > 1 or (whole in codes and present):
            found.say("M01", clm, f"{', '.join(present)}: bill {whole} once for both.")
    for family in _FAMILIES:
        if len(present := [code for code in family if code in codes]) > 1:
            found.say("M02", clm, f"{', '.join(present)}: bill only the highest code of this family.")


def _monitored(found: Findings, line: Line, sv1: Segment, lines: Sequence[Line], filing: str, claim_pos: str) -> None:
    if line.code == "95920":
        found.say("M03", sv1, "95920 was deleted in 2013; use 95940, 95941 or G0453.", loop="2400")
    info = MONITORING.get(line.code)
    if info is None:
        return
    medicare = filing in MEDICARE
    pos = sv1.at(5) or claim_pos
    mods = set(line.modifiers)
    if line.code in CONTINUOUS:
        _continuous(found, line, sv1, lines, filing)
    if info.pc_tc != 1 and mods & {"26", "TC"}:
        found.say(
            "M04",
            sv1,
            f"{line.code} has no professional or technical part; 26 and TC are refused.",
            "warning",
            "2400",
        )
    if info.pc_tc == 1 and pos in FACILITY_POS and not mods & {"26", "TC"}:
        found.say("M05", sv1, f"{line.code} in a facility needs 26 for the interpretation.", loop="2400")
    if medicare and pos in FACILITY_POS and "TC" in mods:
        found.say("M06", sv1, "Medicare pays the technical part to the facility; invoice it there.", loop="2400")
    if "50" in mods and info.bilateral != 3:
        found.say("M07", sv1, f"50 is not valid on {line.code}.", loop="2400")
    if "51" in mods and line.code in CONTINUOUS:
        found.say("M08", sv1, "51 is not valid on an add-on code.", loop="2400")
    if mods & set(_TELEHEALTH) or pos in ("02", "10"):
        found.say("M09", sv1, "Monitoring is no telehealth: use the patient's place of service.", loop="2400")
    elif pos == "11" and line.code in CONTINUOUS:
        found.say("M10", sv1, f"{line.code} in an office; place of service is where the patient is.", "warning", "2400")
    if info.mue is not None and line.units > info.mue:
        found.say("M11", sv1, f"{line.code}: above the daily edit of {info.mue}; send records.", "warning", "2400")


def _continuous(found: Findings, line: Line, sv1: Segment, lines: Sequence[Line], filing: str) -> None:
    medicare = filing in MEDICARE
    if line.code == "95941" and medicare:
        found.say("M12", sv1, "95941 is not valid for Medicare; use G0453 remote or 95940 in the room.", loop="2400")
    if line.code == "95941" and filing == "16":
        told = "Most Medicare plans follow Medicare and do not take 95941; ask, or use G0453."
        found.say("M16", sv1, told, "warning", "2400")
    if line.units * (60 if line.code == "95941" else 15) > 24 * 60:
        found.say("M17", sv1, f"{line.code}: more units than a day has.", loop="2400")
    if line.code == "G0453" and filing and not medicare and filing not in ("16", "MC"):
        found.say("M13", sv1, "G0453 is Medicare's code; most other payers expect 95941.", "warning", "2400")
    bases = [
        other
        for other in lines
        if other.code in MONITORING and other.on == line.on
        and (MONITORING[other.code].aoc_g0453 if line.code == "G0453" else MONITORING[other.code].aoc)
    ]  # fmt: skip
    if not bases:
        found.say("M14", sv1, f"{line.code} needs an accepted base study of the same day on the claim.", loop="2400")
    elif all(other.rendering != line.rendering for other in bases):
        found.say("M15", sv1, f"{line.code} has no base study by the same physician.", "warning", "2400")
