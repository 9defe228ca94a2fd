"""The main job in a real browser, on a phone: from an empty record to a signed report and a printed packet."""

from __future__ import annotations

import io
import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from pypdf import PdfReader, PdfWriter

pytestmark = pytest.mark.browser
ZONE = ZoneInfo("America/Chicago")
NOW = datetime.now(ZONE)


def papers() -> dict[str, dict]:
    """The surgeon's order as a PDF, the consent as a photo from the phone."""
    order, photo = io.BytesIO(), io.BytesIO()
    writer = PdfWriter()
    writer.add_blank_page(612, 792)
    writer.write(order)
    Image.new("RGB", (600, 800), "white").save(photo, "JPEG")
    return {
        "Order": {"name": "order.pdf", "mimeType": "application/pdf", "buffer": order.getvalue()},
        "Consent": {"name": "consent.jpg", "mimeType": "image/jpeg", "buffer": photo.getvalue()},
    }


def ago(hours: float) -> datetime:
    return NOW - timedelta(hours=hours)


def typed(moment: datetime) -> str:
    """As a person types it when the day is not certain: 01/23 00:37."""
    return f"{moment:%m/%d %H:%M}"


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).first.click()


def follow(page: Page, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).first.click()


def book(page: Page) -> str:
    """The owner books a case of a new patient. Returns the address of its page."""
    press_or_follow = page.get_by_role("link", name="Book a case")
    press_or_follow.click()
    page.get_by_label("Hospital").select_option("Northfield Regional Hospital (synthetic)")
    page.get_by_label("Date of service").fill(f"{ago(4):%Y-%m-%d}")
    page.get_by_label("Planned start").fill(f"{ago(4):%H:%M}")
    page.get_by_label("MRN").fill("SYN-700001")
    page.get_by_label("Patient", exact=True).fill("TESTPATIENT, WREN")
    page.get_by_label("Date of birth").fill("1961-05-17")
    page.get_by_label("Sex").select_option("F")
    page.get_by_label("Payer", exact=True).select_option("Acme PPO (synthetic)")
    page.get_by_label("Surgeon").select_option(index=1)
    page.get_by_label("Procedure").fill("Anterior cervical discectomy and fusion, C5-C6")
    page.get_by_label("Levels").fill("C5-C6")
    page.get_by_label("CPT of the operation").fill("22551")
    page.get_by_label("Diagnoses").fill("M50.122 Cervical disc disorder at C5-C6 with radiculopathy")
    page.get_by_label("Indication for monitoring").fill("Spinal cord and C6 roots at risk")
    page.get_by_label("Structures at risk").fill("cervical spinal cord")
    page.get_by_label("Pre-operative neurological exam").fill("Right biceps 4/5")
    page.get_by_label("Monitoring requested by").fill("Dana Whitlock, MD")
    page.get_by_label("Requested on").fill(f"{ago(48):%Y-%m-%d}")
    page.get_by_label("Preset").select_option("Anterior cervical fusion (ACDF)")
    page.get_by_label("Technologist").select_option("Jordan Pruitt, CNIM")
    page.get_by_label("Interpreting physician").select_option("Elena Marsh, MD")
    press(page, "Book the case")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Anterior cervical discectomy")
    return re.search(r"/cases/\d+$", page.url)[0]


def upload(page: Page, case: str) -> None:
    page.goto(f"{case}/documents")
    for kind, file in papers().items():
        page.get_by_label("What it is").select_option(kind)
        page.get_by_label("File").set_input_files(file)
        press(page, "Add the document")
        expect(page.get_by_role("listitem").filter(has_text=kind.lower())).to_be_visible()


def tap(page: Page, *names: str) -> None:
    """The now buttons, one after the other; each answers with what it stamped."""
    for name in names:
        page.get_by_role("button", name=re.compile(f"^{name}( now|now)?$")).first.click()
        expect(page.get_by_text(f"{name} stamped")).to_be_visible()


def add(page: Page, case: str, kind: str, **answers: str) -> None:
    """An entry by its form: chips, lists and fields by their names."""
    page.goto(f"{case}/entries/new/{kind}")
    answer(page, **answers)
    press(page, "Save")
    expect(page.get_by_text("Saved.").first).to_be_visible()


def answer(page: Page, **answers: str) -> None:
    for name, value in answers.items():
        chip = page.locator(f'.entry-form input[type=radio][name="{name}"][value="{value}"]')
        field = page.locator(f'.entry-form :is(input, textarea, select)[name="{name}"]').first
        if chip.count():
            chip.check(force=True)
        elif field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(value) if field.locator(f'option[value="{value}"]').count() else field.select_option(
                label=value
            )
        else:
            field.fill(value)


def keyed_late(page: Page, words: str, **times: datetime) -> None:
    """The stamp was tapped when the hands were free; the time is corrected to when it happened."""
    row = page.get_by_role("listitem").filter(has_text=words).first
    row.get_by_role("link", name="Edit").click()
    answer(page, **{name: typed(moment) for name, moment in times.items()})
    press(page, "Save the correction")
    expect(page.get_by_text("Saved.").first).to_be_visible()


TIMES = {"at": (
    ("In the room", 4), ("Set-up start", 3.8), ("Set-up end", 3.5), ("Monitoring started", 3.25),
    ("Incision", 3.2), ("Exposure", 2.9), ("Decompression", 2.6),
)}  # fmt: skip


def keep(page: Page, case: str) -> None:
    """The technologist's record: taps first, times put right after, then baselines, anesthesia and vital signs."""
    page.goto("/")
    page.locator(f'a.row[href="{case}"]').click()
    follow(page, "Keep the record")
    tap(page, "In the room", "Set-up start", "Set-up end", "Baselines start", "Baselines end", "Monitoring start")
    tap(page, "Incision", "Exposure", "Decompression")
    keyed_late(page, "Baselines 0", start=ago(3.5), end=ago(3.3))
    for words, hours in TIMES["at"]:
        keyed_late(page, words, at=ago(hours))
    page.locator("#baselines").get_by_role("link", name="All responses on one page").click()
    press(page, "All the rest good, EMG quiet")
    expect(page.get_by_text("17 responses saved.")).to_be_visible()
    add(
        page,
        case,
        "anesthesia",
        technique="TIVA",
        **{"agents-0-name": "propofol", "agents-0-dose": "120", "agents-0-unit": "mcg/kg/min"},
    )
    add(page, case, "tof", at=typed(ago(3.3)), value="4/4")
    add(page, case, "physiology", at=typed(ago(3)), map_mmhg="84", temp_c="36.2")


def alert(page: Page, case: str) -> None:
    """A response falls, the surgeon is told, something is done, it comes back."""
    page.goto(f"{case}/record")
    follow(page, "Signal alert")
    answer(page, at=typed(ago(2.4)), modality="TcMEP", surgical_context="Decompression at C5-C6")
    page.get_by_label("Response", exact=True).select_option(label="Left biceps TcMEP")
    page.get_by_label("Of baseline").fill("15")
    press(page, "Save")
    expect(page.get_by_role("heading", name="A1, TcMEP signal alert")).to_be_visible()
    tap(page, "Told surgeon")
    follow(page, "Add what was done")
    answer(page, at=typed(ago(2.35)), by="surgeon", text="Decompression stopped, MAP raised to 90")
    press(page, "Save")
    tap(page, "Resolved")


def end(page: Page, case: str) -> None:
    page.goto(f"{case}/record")
    tap(page, "Closing started", "Monitoring stop", "Electrodes out")


def test_a_case_becomes_a_signed_report_and_a_packet(desk, window):
    owner = window("owner")
    case = book(owner)
    owner.screenshot(path="/tmp/qa/shots/t_booked.png", full_page=True)
    upload(owner, case)
    owner.screenshot(path="/tmp/qa/shots/t_docs.png", full_page=True)
