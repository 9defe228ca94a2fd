"""How much a report's findings read like those of others: text carried from case to case is where errors hide.

Compared are the key result, the signal alerts and the impression, with their numbers: the header, the tables, the
technique and the times say nothing of what was found (report-and-phone.md 3.2).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from rapidfuzz import fuzz, process

MOST = 0.9
"""Above this the technologist is asked for a line that belongs to this case alone."""
_HEADING = re.compile(r"^\d{1,2}\. (?P<title>.+)$")


def findings(text: str) -> str:
    """The prose about what was found, taken from the plain text of a report."""
    kept, inside = [], ""
    for line in text.split("\n"):
        if heading := _HEADING.match(line):
            title = heading["title"].lower()
            inside = next((word for word in ("alert", "impression") if word in title), "")
        elif line.startswith("Key result: ") or inside and line.strip():
            kept.append(" ".join(line.split()))
        elif inside == "impression":
            inside = ""  # what follows is who recorded and who wrote
    return "\n".join(kept)


def alike(text: str, others: Iterable[str]) -> tuple[int, float] | None:
    """Which of the others is nearest above the limit and how near it is, from 0 to 1; None when none is."""
    best = process.extractOne(
        findings(text), [findings(one) for one in others], scorer=fuzz.token_sort_ratio, score_cutoff=MOST * 100
    )
    return (best[2], best[1] / 100) if best and best[1] > MOST * 100 else None
