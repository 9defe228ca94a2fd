"""Cases for the phone's tests, and a hand that counts: every tap, every digit, every decision, every screen."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Locator, Page

from tests.browser.conftest import PATIENCE, until

ROOT = Path(__file__).resolve().parents[2]
BOOK = """
import json, sys
from datetime import UTC, date, datetime, timedelta
from actions import MACHINE, cases, records
from models import Case, Facility, Patient, Person, Preset, Surgeon, db
number, preset, who = sys.argv[1:4]
body = json.loads(open(number).read())["case"]
head, now = body["header"], datetime.now(UTC)
db.connect()
with db.atomic():
    facility = Facility.get_or_none(Facility.name == head["facility"]["name"]) or Facility.create(
        name=head["facility"]["name"], state=head["facility"]["state"], zone=body["tz"])
    patient = Patient.create(name=head["patient"]["name"], mrn=head["patient"]["mrn"], dob=date.fromisoformat(head["patient"]["dob"]), sex="F")
    surgeon = Surgeon.create(name=head["surgeon"])
    procedure = head["procedure"]
    case = Case.create(
        facility=facility, patient=patient, surgeon=surgeon, date_of_service=now.date(), starts_at=now, procedure=procedure["text"],
        levels=procedure["levels"], position=procedure["position"], or_room=head["facility"]["or_room"], cpt=procedure["cpt"],
        diagnosis=head["diagnosis"], indication=head["indication"], requested_by=head["requested_by"], created_at=now, synthetic=True)
for email in who.split(","):
    person = Person.get(Person.email == f"{email}@example.org")
    cases.assign(Case.get_by_id(case.id), person, "physician" if "physician" in person.roles else "technologist", by=MACHINE, now=now)
if preset:
    records.plan(Case.get_by_id(case.id), Preset.get(Preset.name == preset), by=MACHINE, now=now)
print(case.id)
"""
PRESETS = {"01": "Anterior cervical fusion (ACDF)", "02": "Scoliosis or deformity correction"}


def case_file(number: str) -> Path:
    return next((ROOT / "docs" / "cases").glob(f"{number}_*.json"))


def run(desk, code: str, *args: str) -> str:
    """A few lines beside the running server, in its database."""
    env = {**{k: v for k, v in os.environ.items() if not k.startswith("EVOKED_")}, "EVOKED_DATA": str(desk.data)}
    done = subprocess.run([sys.executable, "-c", code, *args], cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def book(desk, number: str = "01", people: str = "jordan,elena") -> int:
    """A case as the file's header has it, with its usual set-up in place and nothing recorded."""
    return int(run(desk, BOOK, str(case_file(number)), PRESETS[number], people))


FACTS = """
import sys, msgspec
from models import Case, Entry, db
db.connect()
case = Case.get_by_id(int(sys.argv[1]))
rows = [(row.client_id, row.kind, msgspec.json.decode(row.data), row.at and row.at.isoformat(), row.offset_ms) for row in case.rows()]
from practice import signing
facts = case.facts()
print(msgspec.json.encode({"rows": rows, "closed": bool(case.closed_at), "gaps": signing.open_gaps(facts),
    "conflicts": len(facts.conflicts), "alerts": msgspec.to_builtins(facts.alerts), "events": msgspec.to_builtins(facts.events),
    "statements": sorted(facts.stated)}).decode())
"""


def stored(desk, case: int) -> dict:
    """What the server holds of a case."""
    return json.loads(run(desk, FACTS, str(case)))


def open_case(page: Page, case: int) -> None:
    """The phone's form of a case, drawn, with the service worker in charge."""
    page.goto(f"/cases/{case}/phone")
    page.wait_for_selector(".ph-foot")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")


def show(page: Page, screen: str) -> None:
    """Go to a screen of the form by its name, and wait until it is drawn."""
    page.evaluate("to => { location.hash = to; }", f"#{screen}")
    until(page, "to => document.querySelector('#phone').dataset.ready === to", f"#{screen}")


def waits(page: Page, words: str) -> None:
    """Until the form says so of what was not sent: 5 waiting."""
    until(page, "words => (document.querySelector('.ph-sync')?.textContent || '').includes(words)", words)


def all_sent(page: Page, seconds: float = PATIENCE) -> None:
    """Nothing waits, and no tap is still being written down."""
    until(
        page,
        "!Number(document.querySelector('[data-writing]')?.dataset.writing)"
        " && !/evoked-waiting=[1-9]/.test(document.cookie)"
        " && /^All sent/.test(document.querySelector('.ph-sync')?.textContent || '')",
        seconds=seconds,
    )


class Hand:
    """Touches the phone and counts, by the touch-level model of report-and-phone.md 4.8."""

    TAP, DECISION, SCREEN = 0.45, 1.35, 2.5
    BOUNCE = 420
    """Milliseconds in which a second tap in the same place is a bounce of the finger. A hand takes longer."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.taps = self.decisions = 0
        self.screens: list[str] = []
        self.words = 0
        self.last: str | re.Pattern | None = None

    def tap(
        self, name: str | re.Pattern, *, same: bool = False, within: Locator | None = None, role: str = "button"
    ) -> None:
        """One tap. `same` is one that needs no new decision: the next of a row of alike ones, or going on."""
        self._look()
        if name == self.last:
            self.page.wait_for_timeout(self.BOUNCE)
        target = (within or self.page).get_by_role(role, name=name, exact=isinstance(name, str)).first
        box = None
        while box is None:  # drawn anew just then
            target.wait_for()
            box = target.bounding_box()
        assert box["height"] >= 44 and box["width"] >= 44, f"{name}: {box}"
        target.tap()
        self.last = name
        self.taps += 1
        self.decisions += not same
        self._look()

    def digits(self, label: str, typed: str, *, within: Locator | None = None) -> None:
        """A number on the keypad: a tap into the field, and one for each key."""
        assert re.fullmatch(r"[\d.]+", typed), "a word would be typed"
        field = (within or self.page).get_by_label(label, exact=True).first
        field.tap()
        self.page.keyboard.type(typed)
        self.page.keyboard.press("Enter")
        self.last = None
        self.taps += 1 + len(typed)
        self.decisions += 1

    def _look(self) -> None:
        title = self.page.locator(".ph h2").first.inner_text()
        if not self.screens or self.screens[-1] != title:
            self.screens.append(title)

    @property
    def seconds(self) -> float:
        return self.taps * self.TAP + self.decisions * self.DECISION + len(self.screens) * self.SCREEN
