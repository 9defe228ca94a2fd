"""The main job in a real browser, on a phone: from an empty record to a signed report and a printed packet."""

from __future__ import annotations

import io
import json
import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from pypdf import PdfReader, PdfWriter

from tests import cast

pytestmark = pytest.mark.browser
OWN_WORDS = "Reviewed against the record."
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
        "Order for monitoring": {"name": "order.pdf", "mimeType": "application/pdf", "buffer": order.getvalue()},
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


def tap(page: Page, *names: str, named: str = "") -> None:
    """The now buttons, one after the other; each answers with what it stamped."""
    for name in names:
        page.get_by_role("button", name=re.compile(f"^{name}( now|now)?$")).first.click()
        expect(page.get_by_text(f"{named or name} stamped")).to_be_visible()


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
            chip.check()
        elif field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(value) if field.locator(f'option[value="{value}"]').count() else field.select_option(
                label=value
            )
        else:
            field.fill(value)


def keyed_late(page: Page, words: str | re.Pattern, **times: datetime) -> None:
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
    keyed_late(page, re.compile(r"Baselines \d\d:"), start=ago(3.5), end=ago(3.3))
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
    expect(page.get_by_role("heading", name="AL1, TcMEP signal alert")).to_be_visible()
    tap(page, "Told surgeon")
    follow(page, "Add what was done")
    answer(page, at=typed(ago(2.35)), by="surgeon", text="Decompression stopped, MAP raised to 90")
    press(page, "Save")
    tap(page, "Resolved")


def stop(page: Page, case: str) -> None:
    page.goto(f"{case}/record")
    tap(page, "Closing started", "Monitoring stop", "Electrodes out")


def end(page: Page, case: str) -> None:
    """The closing is refused with what is missing; each line leads to where it is filled in. Then it is closed."""
    page.goto(case)
    close(page)
    expect(page.get_by_role("alert")).to_contain_text("The record is not closed yet")
    expect(page.get_by_role("alert")).to_contain_text("Missing in the record: Closing data.")
    jumps = page.locator("#missing a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert len(jumps) > 5
    for jump in jumps:
        answer_ = page.goto(jump)
        assert answer_ is None or answer_.status == 200, jump
        if "#" in jump:
            expect(page.locator(f"[id='{jump.partition('#')[2]}']")).to_be_visible()
    page.goto(f"{case}/closing-values")
    press(page, "All the rest at baseline")
    add(page, case, "closing_data", at=typed(ago(0.1)), overall="at_baseline")
    add(
        page,
        case,
        "postop_exam",
        recorded="yes",
        at=typed(ago(0.05)),
        text="Moves all extremities",
        by="anesthesia",
        new_deficit="no",
    )
    add(page, case, "told", at=typed(ago(2.38)), who="interpreting physician", mode="chat")
    page.goto(f"{case}/record")
    tap(page, "No breaks", "No stimulation tests")
    page.goto(case)
    close(page)
    expect(page.get_by_text("The record is closed.")).to_be_visible()


def close(page: Page) -> None:
    page.get_by_role("radio", name="Completed").check()
    press(page, "Close and sign off")


def approve(page: Page, case: str) -> None:
    """The draft, a tapped sentence with the entries it came from, the approval."""
    page.goto(f"{case}/report")
    press(page, "Draft the report")
    sentence = page.locator(".report .sentence").filter(has_text="biceps").first
    sentence.click()
    sources = page.locator("#sources")
    expect(sources).to_contain_text("TcMEP signal alert: left biceps TcMEP (15 % of baseline)")
    expect(sources).to_be_in_viewport()
    expect(page.locator("#report")).to_contain_text("left biceps TcMEP 15% of baseline")
    press(page, "Approve")
    expect(page.get_by_text("Approved. The physician finds it in their inbox.")).to_be_visible()


def attend(page: Page, case: str) -> None:
    """The physician says when they were connected and how many cases they watched, and reviews the baselines."""
    page.goto(f"{case}/record")
    follow(page, "Physician connection")
    since, until = typed(ago(3.4)), typed(datetime.now(ZONE))
    answer(page, connect=since, disconnect=until, method="secure remote desktop + text chat")
    answer(page, **{"concurrency-0-frm": since, "concurrency-0-to": until, "concurrency-0-n": "2"})
    press(page, "Save")
    expect(page.get_by_text("Saved.").first).to_be_visible()
    tap(page, "Baselines reviewed", named="Review of the baselines")


def sign(page: Page, password: str) -> None:
    """The physician makes the impression theirs, confirms each alert against the record, and signs."""
    if page.get_by_role("button", name="Confirm the impression").count():
        impression = page.get_by_label("Impression")
        impression.fill(f"{impression.input_value()} {OWN_WORDS}")
        press(page, "Confirm the impression")
        expect(page.get_by_text("The impression is yours now.")).to_be_visible()
    for slot in ("Side and site", "Outcome", "Who was told"):
        page.get_by_role("checkbox", name=slot).check()
    page.get_by_role("checkbox", name="I have read what is missing").check()
    page.get_by_label("Your password").fill("not the password")
    press(page, "Sign the report")
    expect(page.get_by_role("alert")).to_contain_text("Nothing was signed")
    page.get_by_label("Your password").fill(password)
    press(page, "Sign the report")
    expect(page.locator("#standing.signed")).to_be_visible()


def bill(page: Page, case: str) -> bytes:
    """The biller reads the lines, makes the packet, waits without reloading, opens the PDF."""
    page.goto(f"{case}/packet")
    expect(page.locator("#lines")).to_contain_text("95941")
    press(page, "Make the packet")
    ready = page.get_by_role("link", name="Open the PDF")
    ready.wait_for(timeout=90_000)
    assert not page.locator("[hx-trigger*='every']").count(), "it still asks although it is ready"
    with page.expect_download() as arrived:
        ready.click()
    return arrived.value.path().read_bytes()


def addend(page: Page, case: str, password: str) -> None:
    page.goto(f"{case}/addenda")
    page.get_by_label("What is to be added").fill("The surgeon called: no deficit on day one.")
    page.get_by_label("Your password").fill(password)
    press(page, "Sign the addendum")
    for place in (f"{case}/report", case, f"{case}/addenda"):
        page.goto(place)
        expect(page.get_by_text("The surgeon called: no deficit on day one.").first).to_be_visible()


def frozen(page: Page, case: str) -> None:
    """No form of a signed case writes any more, whoever looks."""
    for place in (case, f"{case}/record"):
        page.goto(place)
        acts = page.locator("main form[method=post]").evaluate_all(
            "forms => forms.map(form => form.getAttribute('action'))"
        )
        assert acts == [], acts
    assert page.goto(f"{case}/entries/new/event").status in (403, 422)


def test_a_case_becomes_a_signed_report_and_a_packet(desk, window):
    owner, technologist, physician = window("owner"), window("technologist"), window("physician")
    case = book(owner)
    upload(owner, case)
    keep(technologist, case)
    alert(technologist, case)
    stop(technologist, case)
    attend(physician, case)
    end(technologist, case)
    approve(technologist, case)
    physician.goto("/reports")
    physician.locator("a.row").filter(has_text="TESTPATIENT, WREN").click()
    sign(physician, desk.password)
    expect(physician.locator("#standing")).to_contain_text("Elena Marsh, MD")
    biller = window("biller")
    packet = PdfReader(io.BytesIO(bill(biller, case)))
    text = " ".join(" ".join(page.extract_text() for page in packet.pages).split())
    assert len(packet.pages) >= 8
    for said in ("95941", "TESTPATIENT, WREN", OWN_WORDS, "Elena Marsh, MD"):
        assert said in text, said
    addend(physician, case, desk.password)
    for person in (owner, technologist, physician, biller):
        frozen(person, case)


def test_a_case_file_is_loaded_drafted_approved_and_signed(desk, window):
    """A real record with an alert that resolved, the people of the example practice on it."""
    body = json.loads(cast.case_file("02"))
    body["case"]["id"] = "C-02-AGAIN"
    owner = window("owner")
    owner.goto("/cases")
    follow(owner, "Load a case file")
    file = {"name": "case.json", "mimeType": "application/json", "buffer": json.dumps(body).encode()}
    owner.get_by_label("Case file").set_input_files(file)
    press(owner, "Load the file")
    expect(owner.get_by_text("The file is loaded as case")).to_be_visible()
    case = re.search(r"/cases/\d+$", owner.url)[0]
    technologist, physician = window("priya"), window("samuel")
    technologist.goto(f"{case}/report")
    press(technologist, "Draft the report")
    expect(technologist.locator("#report")).to_contain_text("resolved")
    press(technologist, "Approve")
    expect(technologist.get_by_text("Approved. The physician finds it in their inbox.")).to_be_visible()
    physician.goto(f"{case}/report")
    follow(physician, "Review and sign")
    sign(physician, desk.password)
    expect(physician.locator("#standing")).to_contain_text("Samuel Ortega, MD")
