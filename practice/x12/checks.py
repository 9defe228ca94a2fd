"""Our own findings on any 837P, ours or not: envelope, syntax, guide, and what `situations` knows of claims.

Every rule of claims-files.md 2 that common validators miss is among them. Nothing is written to disk, nothing is
guessed: a file that is no 837P gives one finding that says so. Messages name fields, never a patient.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any

import msgspec
from msgspec import Struct

from . import EXTENDED, VERSION, Delimiters, Interchange, Segment, Unreadable, decoded, read
from .guide import ELEMENTS, Finding, Node, Row, Severity, Walk, day
from .parties import Known, transaction_findings
from .situations import claim_findings

Diagnosis = Callable[[str, date], str | None]
"""Why a diagnosis code cannot be billed on a day; None when it can. The app gives its own table."""


class Checked(Struct, frozen=True, kw_only=True):
    """What a file holds and everything found in it."""

    claims: int
    lines: int
    charge_cents: int
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> int:
        return sum(found.severity == "error" for found in self.findings)


def check(data: bytes, *, today: date, diagnosis: Diagnosis | None = None) -> Checked:
    """The findings on a file as it came, in the order of its segments."""
    try:
        interchanges = read(decoded(data))
    except Unreadable as why:
        return Checked(claims=0, lines=0, charge_cents=0, findings=(Finding(id="E01", segment=0, message=str(why)),))
    checker = _Checker(today, diagnosis)
    for interchange in interchanges:
        checker.interchange(interchange)
    known = checker.known
    return Checked(
        claims=known.claims,
        lines=known.lines,
        charge_cents=known.charge_cents,
        findings=tuple(sorted(checker.found, key=lambda f: (f.segment, f.severity, f.id))),
    )


def findings(text: str, *, today: date, diagnosis: Diagnosis | None = None) -> tuple[Finding, ...]:
    """The findings on a file of our own making."""
    return check(text.encode(), today=today, diagnosis=diagnosis).findings


def as_json(checked: Checked) -> dict[str, Any]:
    """The answer of `x12 check`."""
    told = msgspec.to_builtins(checked)
    return {**told, "errors": checked.errors, "warnings": len(checked.findings) - checked.errors}


def command(data: bytes, *, today: date, diagnosis: Diagnosis | None = None) -> tuple[dict[str, Any], int]:
    """`x12 check FILE`: the findings as plain values, and the exit code: 2 when one of them is an error."""
    checked = check(data, today=today, diagnosis=diagnosis)
    return as_json(checked), 2 if checked.errors else 0


_ISA_WIDTHS = (2, 10, 2, 10, 2, 15, 2, 15, 6, 4, 1, 5, 9, 1, 1, 1)
_ISA_CODES = {
    1: {"00", "03"},
    3: {"00", "01"},
    5: {"01", "14", "20", "27", "28", "29", "30", "33", "ZZ"},
    7: {"01", "14", "20", "27", "28", "29", "30", "33", "ZZ"},
    12: {"00501"},
    14: {"0", "1"},
    15: {"P", "T"},
}


class _Checker:
    """Walks the envelopes of a file and gathers what is wrong."""

    def __init__(self, today: date, diagnosis: Diagnosis | None) -> None:
        self.today = today
        self.known = Known(today=today, diagnosis=diagnosis)
        self.found: list[Finding] = []
        self.interchanges: set[str] = set()

    def say(self, id: str, segment: Segment | None, message: str, severity: Severity = "error") -> None:
        number = segment.number if segment else 0
        self.found.append(Finding(id=id, severity=severity, segment=number, message=message))

    def interchange(self, interchange: Interchange) -> None:
        segments = list(interchange.segments)
        isa = segments[0]
        self._isa(isa, interchange.delimiters)
        self._letters(segments, interchange.delimiters)
        for number in interchange.empty_before:
            told = "A terminator stands with no segment before it; remove it."
            self.found.append(Finding(id="S14", segment=number, message=told))
        if not interchange.closed:
            self.say("E02", segments[-1], "The file ends inside a segment; it was cut off. Make it again.")
        tail = segments[-1]
        groups = self._groups(segments)
        if tail.id != "IEA":
            self.say("E03", tail, "IEA is missing at the end of the file; it was cut off or something follows it.")
            return
        if tail.at(1) != str(len(groups)) and not (tail.at(1).isdigit() and int(tail.at(1)) == len(groups)):
            self.say("E04", tail, f"IEA01 says {tail.at(1)[:9]} group(s), the file holds {len(groups)}.")
        if tail.at(2) != isa.at(13):
            self.say("E05", tail, "IEA02 is not the control number of ISA13; write the same number in both.")

    def _isa(self, isa: Segment, signs: Delimiters) -> None:
        widths = [len(value) for value in isa.elements[1:17]]
        for place, (is_wide, wide) in enumerate(zip(widths, _ISA_WIDTHS, strict=False), 1):
            if is_wide != wide:
                self.say("E06", isa, f"ISA{place:02d} has {is_wide} characters and must have {wide}; pad it.")
        for place, codes in _ISA_CODES.items():
            if isa.at(place) not in codes:
                self.say("E07", isa, f"ISA{place:02d} holds a code that is not allowed; use {_some(codes)}.")
        if not re.fullmatch("[0-9]{9}", isa.at(13)) or isa.at(13) == "000000000":
            self.say("E08", isa, "ISA13 must be nine digits above zero, never used before by this sender.")
        if isa.at(13) in self.interchanges:
            self.say("E09", isa, "ISA13 stands on two interchanges of this file; each needs its own number.")
        self.interchanges.add(isa.at(13))
        if len(set(signs.all)) < len(signs.all) or any(sign.isalnum() or sign == " " for sign in signs.all):
            self.say("E10", isa, "The four separators must differ and be no letters, digits or blanks.")
        made = day(("19" if isa.at(9) >= "70" else "20") + isa.at(9))
        if made is None or not _is_time(isa.at(10)):
            self.say("E11", isa, "ISA09 and ISA10 must be a date YYMMDD and a time HHMM.")
        elif made > self.today:
            self.say("E12", isa, "ISA09 is in the future; the clock of the sender is wrong.")

    def _letters(self, segments: Sequence[Segment], signs: Delimiters) -> None:
        """Signs outside the character set, and separators nobody needs (X12.6)."""
        allowed = EXTENDED | set(signs.all)
        for segment in segments:
            text = "".join(segment.elements)
            if not allowed.issuperset(text):
                odd = "".join(sorted(set(text) - allowed))
                kind = "accents or foreign letters" if not odd.isascii() else "control characters"
                self.say("S01", segment, f"{segment.id[:3]} holds {kind}; spell the text in plain A to Z.")
            if text.upper() != text:
                self.say("S02", segment, f"{segment.id[:3]} holds small letters; write the file in capitals.")
            if segment.id == "ISA":
                continue
            if len(segment.elements) > 1 and not segment.elements[-1]:
                self.say("S03", segment, f"{segment.id[:3]} ends in separators with nothing behind; remove them.")
            for element in segment.elements[1:]:
                if element.endswith(signs.component):
                    self.say(
                        "S04", segment, f"An element of {segment.id[:3]} ends in a component separator; remove it."
                    )
                if element != element.strip(" "):
                    self.say("S05", segment, f"An element of {segment.id[:3]} begins or ends with a blank.", "warning")

    def _groups(self, segments: Sequence[Segment]) -> list[Segment]:
        """Check each GS to GE; returns the GS segments."""
        groups: list[Segment] = []
        numbers: set[str] = set()
        place = 1
        while place < len(segments):
            segment = segments[place]
            place += 1
            if segment.id == "IEA":
                if place < len(segments):
                    self.say("E13", segments[place], "Something follows IEA; nothing may.")
                break
            if segment.id == "TA1":
                continue
            if segment.id != "GS":
                self.say("E14", segment, f"{segment.id[:6]} stands outside a group; it belongs between GS and GE.")
                continue
            groups.append(segment)
            if segment.at(6) in numbers:
                self.say("E15", segment, "GS06 stands on two groups of this file; each needs its own number.")
            numbers.add(segment.at(6))
            place = self._group(segment, segments, place)
        return groups

    def _group(self, gs: Segment, segments: Sequence[Segment], place: int) -> int:
        self._gs(gs)
        transactions = 0
        numbers: set[str] = set()
        while place < len(segments) and segments[place].id not in ("GE", "IEA", "GS"):
            start = place
            place += 1
            while place < len(segments) and segments[place].id not in ("SE", "ST", "GE", "GS", "IEA"):
                place += 1
            if place < len(segments) and segments[place].id == "SE":
                place += 1
            if segments[start].id != "ST":
                self.say("E16", segments[start], f"{segments[start].id[:6]} stands outside a transaction (ST to SE).")
                continue
            transactions += 1
            if segments[start].at(2) in numbers:
                self.say("E17", segments[start], "ST02 stands twice in this group; each transaction needs its own.")
            numbers.add(segments[start].at(2))
            self._transaction(gs, list(segments[start:place]))
        if place >= len(segments) or segments[place].id != "GE":
            self.say("E18", segments[min(place, len(segments) - 1)], "GE is missing: the group is not closed.")
            return place
        ge = segments[place]
        if ge.at(1) != str(transactions):
            self.say("E19", ge, f"GE01 says {ge.at(1)[:9]} transaction(s), the group holds {transactions}.")
        if ge.at(2) != gs.at(6):
            self.say("E20", ge, "GE02 is not the control number of GS06; write the same number in both.")
        return place + 1

    def _gs(self, gs: Segment) -> None:
        if gs.at(1) != "HC":
            self.say("E21", gs, "GS01 must be HC for claims.")
        if not re.fullmatch("[0-9]{1,9}", gs.at(6)) or not int(gs.at(6)):
            self.say("E22", gs, "GS06 must be a number of 1 to 9 digits above zero.")
        if gs.at(8) != VERSION:
            self.say("E23", gs, f"GS08 must be {VERSION}, the version payers take.")
        if gs.at(7) != "X":
            self.say("E24", gs, "GS07 must be X.")
        if not (2 <= len(gs.at(2)) <= 15 and 2 <= len(gs.at(3)) <= 15):
            self.say("E25", gs, "GS02 and GS03 must have 2 to 15 characters.")
        if day(gs.at(4)) is None or not _is_time(gs.at(5)):
            self.say("E26", gs, "GS04 and GS05 must be a date CCYYMMDD and a time HHMM.")
        if len(gs.elements) != 9:
            self.say("E27", gs, "GS must have 8 elements.")

    def _transaction(self, gs: Segment, segments: list[Segment]) -> None:
        st, se = segments[0], segments[-1]
        if st.at(1) != "837":
            self.say("E28", st, "This transaction is no claim file (ST01 is not 837).")
            return
        if st.at(3) != gs.at(8):
            self.say("E29", st, f"ST03 and GS08 must both be {VERSION}.")
        if se.id == "SE":
            if se.at(1) != str(len(segments)):
                self.say("E30", se, f"SE01 says {se.at(1)[:9]} segments, there are {len(segments)} from ST to SE.")
            if se.at(2) != st.at(2):
                self.say("E31", se, "SE02 is not the control number of ST02; write the same number in both.")
        if not gs.at(8).startswith("005010X222") and not st.at(3).startswith("005010X222"):
            return
        walk = Walk(segments)
        self.found += walk.findings
        self._levels(segments)
        self._loops(walk.top)
        self.found += transaction_findings(walk.top, self.known)
        for claim in walk.top.inside("2300"):
            self.found += claim_findings(claim, self.known)

    def _levels(self, segments: Sequence[Segment]) -> None:
        """HL01 counts up, HL02 names the level above, HL04 says whether one follows below."""
        seen: dict[str, str] = {}
        levels = [segment for segment in segments if segment.id == "HL"]
        above = {"22": "20", "23": "22"}
        parents = Counter(level.at(2) for level in levels)
        for place, level in enumerate(levels, 1):
            if level.at(1) != str(place):
                self.say("H01", level, f"HL01 must count the levels of the transaction; this is number {place}.")
            wanted = above.get(level.at(3))
            if wanted and seen.get(level.at(2)) != wanted:
                self.say("H02", level, "HL02 must name the level this one belongs to, which stands before it.")
            elif wanted and level.at(2) != _last_of(seen, wanted):
                self.say("H03", level, "HL02 names another level than the one it stands under.")
            if level.at(3) == "20" and level.at(2):
                self.say("H04", level, "A billing provider level has no level above; leave HL02 empty.")
            if level.at(4) == "1" and not parents[level.at(1)]:
                self.say("H05", level, "HL04 says that a level follows below, and none does; write 0.")
            if level.at(4) == "0" and parents[level.at(1)]:
                self.say("H06", level, "HL04 says that no level follows below, and one does; write 1.")
            seen[level.at(1)] = level.at(3)

    def _loops(self, node: Node) -> None:
        for segment, row in node.segments:
            for id, message in _element_faults(segment, row):
                found = Finding(id=id, segment=segment.number, loop=node.id, claim=node.claim, message=message)
                self.found.append(found)
        for child in node.children:
            self._loops(child)


def _last_of(levels: dict[str, str], code: str) -> str:
    return next((number for number, kind in reversed(levels.items()) if kind == code), "")


def _is_time(text: str) -> bool:
    return bool(re.fullmatch(r"([01][0-9]|2[0-3])[0-5][0-9]([0-5][0-9]([0-9]{1,2})?)?", text))


_PAIRS = {
    "NM1": ((8, 9),),
    "PER": ((3, 4), (5, 6), (7, 8)),
    "PWK": ((5, 6),),
    "DMG": ((1, 2),),
    "PAT": ((5, 6), (7, 8)),
}
"""Elements of which neither may stand without the other."""


def _element_faults(segment: Segment, row: Row) -> Iterator[tuple[str, str]]:
    spec = ELEMENTS[row.id]
    count = len(segment.elements) - 1
    if count > len(spec):
        yield "S06", f"{segment.id} has {count} elements and may have {len(spec)}."
    for place in range(1, min(max(count, len(row.uses)), len(spec)) + 1):
        value = segment.at(place)
        use = row.uses[place - 1] if place <= len(row.uses) else "."
        name = f"{segment.id}{place:02d}"
        if not value:
            if use == "R":
                yield "S07", f"{name} is empty and must not be."
            continue
        if use == ".":
            yield "S08", f"{name} is not used here; leave it empty."
            continue
        kind, least, most = spec[place - 1]
        fault = _value_fault(value, kind, least, most)
        if fault:
            yield fault[0], f"{name} {fault[1]}"
        elif kind != "C" and segment.component in value:
            yield "S12", f"{name} holds the component separator; remove it."
    for place, codes in row.codes:
        if segment.at(place) and segment.at(place) not in codes:
            yield "C01", f"{segment.id}{place:02d} holds a code the guide does not allow here; use {_some(codes)}."
    for first, second in _PAIRS.get(segment.id, ()):
        if bool(segment.at(first)) != bool(segment.at(second)):
            yield "S13", f"{segment.id}{first:02d} and {segment.id}{second:02d} must stand together or both be empty."
    yield from _date_faults(segment)


_NUMBER = re.compile(r"-?([0-9]+(\.[0-9]*)?|\.[0-9]+)")


def _value_fault(value: str, kind: str, least: int, most: int) -> tuple[str, str] | None:
    if kind in "C-":
        return None
    if kind == "R" and not _NUMBER.fullmatch(value):
        return "S09", "is no number."
    if kind == "N" and not value.lstrip("-").isdigit():
        return "S09", "is no whole number."
    if kind == "DT" and day(value) is None:
        return "S10", "is no date CCYYMMDD."
    if kind == "TM" and not _is_time(value):
        return "S10", "is no time HHMM."
    length = len(value.replace("-", "").replace(".", "")) if kind in "RN" else len(value)
    if not least <= length <= most:
        return "S11", f"has {length} characters; {least} to {most} are allowed."
    return None


def _date_faults(segment: Segment) -> Iterator[tuple[str, str]]:
    if segment.id == "DMG" and segment.at(1) == "D8" and day(segment.at(2)) is None:
        yield "S10", "DMG02 is no date CCYYMMDD."
    if segment.id != "DTP":
        return
    if segment.at(2) == "D8" and day(segment.at(3)) is None:
        yield "S10", "DTP03 is no date CCYYMMDD."
    if segment.at(2) == "RD8":
        first, _, last = segment.at(3).partition("-")
        start, end = day(first), day(last)
        if start is None or end is None:
            yield "S10", "DTP03 is no span CCYYMMDD-CCYYMMDD."
        elif start > end:
            yield "S10", "DTP03 ends before it begins."


def _some(codes: set[str] | frozenset[str]) -> str:
    listed = sorted(codes)
    return ", ".join(listed) if len(listed) <= 12 else "a code of the guide's list"
