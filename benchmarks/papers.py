"""Drafting, the report's PDF and the packet, in a process of its own: `python -m benchmarks.papers`.

CPU of the warm process, the least of a few rounds: what else the machine does can only add to it. The packet's
three uploads are scanned pages, as many as bring it to twelve. With `soak N` it makes N packets in a row and prints the
memory of the process after each tenth of them.
"""

from __future__ import annotations

import io
import json
import re
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from practice import coding, drafting, examples, interchange, record
from practice.cases import CaseFile, Facts
from settings import ROOT

PAGES = 12
FOLDERS = (ROOT.parent / "shared" / "cases", ROOT / "docs" / "cases")


def measure(rounds: int) -> dict[str, Any]:
    files = {path.stem.partition("_")[0]: interchange.read(path.read_bytes()) for path in _files()}
    drafts = {name: least(lambda facts=file.facts: drafting.draft(facts), rounds * 3) for name, file in files.items()}
    folds = {name: least(_folding(file), rounds * 3) for name, file in files.items()}
    begun = time.process_time()
    from practice import pdf

    facts, report = _of_three_pages(pdf)
    first = time.process_time() - begun
    letterhead = pdf.Letterhead(name="Our practice")
    printing = least(lambda: pdf.report_pdf(drafting.draft(facts), letterhead=letterhead), rounds)
    frozen, whole, pages, peak = _packets(pdf, facts, report, rounds)
    return {
        "draft_ms": _milliseconds(drafts), "fold_ms": _milliseconds(folds), "first_pdf_s": first, "report_s": printing,
        "report_pages": _pages(report), "frozen_s": frozen, "whole_s": whole, "packet_pages": pages,
        "peak_mib": peak,
    }  # fmt: skip


def least(act: Callable[[], Any], rounds: int) -> float:
    """The CPU seconds of the quickest round."""
    found = []
    for _ in range(rounds):
        begun = time.process_time()
        act()
        found.append(time.process_time() - begun)
    return min(found)


def _milliseconds(found: dict[str, float]) -> dict[str, float]:
    return {name: round(seconds * 1000, 2) for name, seconds in found.items()}


def _files() -> list[Path]:
    return sorted(next((found for folder in FOLDERS if (found := list(folder.glob("*.json")))), []))


def _folding(file: CaseFile) -> Callable[[], Facts]:
    facts = file.facts
    entries = interchange.entries_from(facts, key="bench", received_at=datetime.now(UTC))
    return lambda: record.facts(entries, facts.header, case_id=facts.id, tz=facts.tz, rev=1, synthetic=True)


def _of_three_pages(pdf: Any) -> tuple[Facts, bytes]:
    """The first made-up case whose report has three pages."""
    for seed in range(20):
        raw = json.dumps(examples.make(seed, day=date(2026, 3, 17))).encode()
        facts = interchange.read(raw).facts
        report = pdf.report_pdf(drafting.draft(facts), letterhead=pdf.Letterhead(name="Our practice"))
        if _pages(report) == 3:
            break
    return facts, report


def _pages(raw: bytes) -> int:
    from pypdf import PdfReader

    return len(PdfReader(io.BytesIO(raw)).pages)


def _packets(pdf: Any, facts: Facts, report: bytes, rounds: int) -> tuple[float, float, int, float]:
    """Seconds of a packet whose report is frozen, of one made from nothing, its pages, and the peak of memory in MiB."""
    from practice import packets

    rule = coding.rule_for(coding.default_rules(), "commercial", date(2026, 3, 17))
    letterhead = pdf.Letterhead(name="Our practice")

    def packet(frozen: bytes, scans: bytes) -> Any:
        coded = coding.code(facts, rule=rule, pos="21", professional_owned=True, technical_owned=False)
        one = _scanned(1)
        papers = tuple(
            packets.Document(kind=kind, title=title, pdf=pdf)
            for kind, title, pdf in (
                ("order", "Order", scans),
                ("consent", "Consent", one),
                ("op_note", "Op note", one),
            )
        )
        given = packets.PacketInput(
            packet_id="BENCH-1", letterhead=letterhead, facts=facts, coding=coded, report=frozen, documents=papers
        )
        return packets.assemble(given)

    scans = _scanned(1)
    scans = _scanned(1 + PAGES - packet(report, scans).pages)
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak of drawing the scans
    frozen = least(lambda: packet(report, scans), rounds)
    whole = least(lambda: packet(pdf.report_pdf(drafting.draft(facts), letterhead=letterhead), scans), rounds)
    peak = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024
    return frozen, whole, packet(report, scans).pages, peak


def soak(count: int) -> dict[str, Any]:
    """Make so many packets in a row, each of a report that is printed anew. MiB in use after each tenth of them."""
    from practice import packets, pdf

    facts, _ = _of_three_pages(pdf)
    rule = coding.rule_for(coding.default_rules(), "commercial", date(2026, 3, 17))
    letterhead = pdf.Letterhead(name="Our practice")
    papers = tuple(packets.Document(kind=kind, title=kind, pdf=_scanned(1)) for kind in ("order", "consent", "op_note"))
    coded = coding.code(facts, rule=rule, pos="21", professional_owned=True, technical_owned=False)
    held = []
    for number in range(count):
        given = packets.PacketInput(
            packet_id=f"SOAK-{number}", letterhead=letterhead, facts=facts, coding=coded, documents=papers,
            report=pdf.report_pdf(drafting.draft(facts), letterhead=letterhead),
        )  # fmt: skip
        made = packets.assemble(given)
        if number % max(count // 10, 1) == 0 or number == count - 1:
            held.append(round(int(re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024, 1))
    return {"packets": count, "pages": made.pages, "mib": held}


@cache
def _scanned(pages: int) -> bytes:
    """Pages as a fax or a phone brings them, through the door that uploads come through."""
    from PIL import Image, ImageDraw

    from practice.documents import checked

    sheets = []
    for number in range(pages):
        sheet = Image.effect_noise((1700, 2200), 12).convert("L").point(lambda grey: 255 if grey > 110 else 200)
        pen = ImageDraw.Draw(sheet)
        for line in range(40):
            pen.text((150, 150 + 45 * line), f"Synthetic scanned page {number + 1}, line {line + 1}", fill=0)
        sheets.append(sheet)
    out = io.BytesIO()
    sheets[0].save(out, "PDF", save_all=True, append_images=sheets[1:], resolution=200)
    return checked(out.getvalue(), name="order.pdf").pdf


if __name__ == "__main__":
    print(json.dumps(soak(int(sys.argv[2])) if sys.argv[1] == "soak" else measure(int(sys.argv[1]))))
