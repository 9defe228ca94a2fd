"""What each case file comes to on its way to the payer: 837P, CMS-1500 and packet, compared with files that were looked at.

Its lines and findings have their own: golden/claims and golden/findings. After a change that is meant, delete the golden
files, run the tests once, look at what they wrote, and keep that.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import tasks
from actions import claims, packets, places
from models import Packet
from practice import cms1500
from practice.x12 import checks
from tests.billable import as_it_would_be, equip
from tests.cast import NOW, actor
from tests.practice import made_claims

GOLDEN = Path(__file__).parent / "golden" / "cases"
NUMBERS = ["01", "02", "03", "05", "07", "08"]


def kept(name: str, found: str) -> str:
    """The golden file of this name; what was found is written where there is none, and the test fails."""
    path = GOLDEN / name
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.write_text(found)
        pytest.fail(f"{name} was not there and is written now. Look at it and keep it.")
    return path.read_text()


@pytest.mark.parametrize("number", NUMBERS)
def test_each_case_file_makes_the_forms_that_were_looked_at(cast, number):
    claim = claims.build(as_it_would_be(equip(cast), number))
    text = made_claims.written(claim)
    assert [one for one in checks.findings(text, today=NOW.date()) if one.severity == "error"] == []
    assert made_claims.referee(text) == [], "what another's validator says"
    sheets = [
        "\n".join(f"{item:16}{value}" for item, value in sorted(sheet.items())) for sheet in cms1500.sheets(claim)
    ]
    found = "\n\n".join(sheets) + "\n"
    assert cms1500.objections(claim) == []
    assert (kept(f"{number}.837", text.replace("~", "~\n")), kept(f"{number}.cms1500.txt", found)) == (
        text.replace("~", "~\n"), found,
    )  # fmt: skip


@pytest.mark.parametrize("number", NUMBERS)
def test_each_case_file_makes_the_packet_that_was_looked_at(app, cast, number):
    places.seed()
    case = as_it_would_be(equip(cast), number)
    asked = packets.request(case, preview=True, purpose="claim", by=actor(cast.bo), now=NOW)
    tasks.work_off()
    made = Packet.get_by_id(asked.id)
    parts = [
        f"{part['letter'] or '-':3}{part['first_page']:>3}{part['pages']:>3}  {part['title']}" for part in made.parts
    ]
    wanted = [
        f"{one['asks']}: {one['missing'] or ', '.join(f'{a or chr(45)} {b}-{c}' for a, b, c in one['places'])}"
        for one in made.demands
    ]
    found = "\n".join([*parts, "", *wanted]) + "\n"
    assert kept(f"{number}.packet.txt", found) == found
