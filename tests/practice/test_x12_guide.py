"""Our table of the guide says what another's map of it says: loops, segments, uses, repeats, lengths and codes."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pyx12

from practice.x12.guide import ELEMENTS, Loop, Row, guide

MAPS = Path(pyx12.__file__).parent / "map"
MERGED = {("2400", "PWK")}
"""Two rows of the map that are one of ours, since both begin alike."""


def told(node: ElementTree.Element, name: str) -> str:
    return node.findtext(name) or node.get(name) or ""


def listed(element: ElementTree.Element) -> frozenset[str]:
    codes = element.find("valid_codes")
    return frozenset(code.text for code in codes.findall("code")) if codes is not None else frozenset()


def elements(segment: ElementTree.Element) -> list[ElementTree.Element]:
    return [part for part in segment if part.tag in ("element", "composite")]


def qualifiers(segment: ElementTree.Element) -> frozenset[str]:
    parts = elements(segment)
    if segment.get("xid") == "HI":
        return listed(parts[0].find("element"))
    return listed(parts[2 if segment.get("xid") == "HL" else 0]) if parts else frozenset()


def row_of(loop: Loop, segment: ElementTree.Element) -> Row | None:
    named = qualifiers(segment)
    rows = [row for row in loop.rows if row.id == segment.get("xid")]
    return next((row for row in rows if not row.qualifiers or row.qualifiers == named), None)


def differences(loop: Loop, segment: ElementTree.Element, lengths: dict) -> list[str]:
    row = row_of(loop, segment)
    if row is None:
        return [f"{loop.id} {segment.get('xid')} {sorted(qualifiers(segment))} is missing"]
    found = []
    parts = elements(segment)
    uses = "".join(told(part, "usage").replace("N", ".") for part in parts).rstrip(".")
    if (told(segment, "usage") == "R", int(told(segment, "max_use")), uses) != (row.required, row.most, row.uses):
        found.append(f"{loop.id} {row.name}: {told(segment, 'usage')} {told(segment, 'max_use')} {uses}")
    for place, part in enumerate(parts, 1):
        if part.tag == "composite" or told(part, "usage") == "N":
            continue
        if ELEMENTS[row.id][place - 1] != lengths[told(part, "data_ele")]:
            found.append(f"{loop.id} {row.name} {place}: {lengths[told(part, 'data_ele')]}")
        if (mine := dict(row.codes).get(place)) and listed(part) and mine != listed(part):
            found.append(f"{loop.id} {row.name} {place}: {sorted(mine ^ listed(part))}")
    return found


def test_the_table_agrees_with_the_map():
    data = ElementTree.parse(MAPS / "dataele.xml").getroot().iter("data_ele")
    lengths = {
        row.get("ele_num"): (row.get("data_type").replace("N0", "N"), int(row.get("min_len")), int(row.get("max_len")))
        for row in data
    }
    found: list[str] = []
    seen: set[str] = set()

    def walk(node: ElementTree.Element, loop: Loop | None) -> None:
        for child in node:
            if child.tag == "loop":
                mine = guide().get(child.get("xid"))
                if mine:
                    seen.add(mine.id)
                    most = told(child, "repeat").replace(">1", "0")
                    if int(most) != mine.most:
                        found.append(f"{mine.id} repeats {most}")
                walk(child, mine)
            elif child.tag == "segment" and loop and (loop.id, child.get("xid")) not in MERGED:
                found.extend(differences(loop, child, lengths))

    walk(ElementTree.parse(MAPS / "837.5010.X222.A1.xml").getroot(), None)
    assert seen == set(guide()) - {"ST"}
    # A subscriber's member number has a finding of its own (P05), with better words.
    assert found == ["2010BA NM1*IL: R 1 RRRSS.SRR"]
