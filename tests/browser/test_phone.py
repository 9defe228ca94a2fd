"""The record kept on a phone, with one hand, online or not: counted, cut, killed, reopened, wiped."""

from __future__ import annotations

import json
import re
import uuid

import pytest

from tests.browser.conftest import barriers, sideways, sign_in, until
from tests.browser.phone import Hand, all_sent, book, open_case, run, show, stored, waits

LIVE_ACDF = [
    "In the room", "Set-up start", "Set-up end, baselines start", "Baselines end, monitoring start", "Incision", "Exposure",
    "C5-C6 discectomy started", "C5-C6 interbody graft placed", "C6-C7 discectomy started", "C6-C7 interbody graft placed",
    "Anterior plate and screws placed", "Closing started", "Monitoring stop", "Electrodes out",
]  # fmt: skip


def cut(page, off: bool = True) -> None:
    page.context.set_offline(off)


@pytest.fixture
def tech(window):
    """The technologist's phone."""
    return window("technologist")


def live(hand: Hand, steps: list[str]) -> None:
    for step in steps:
        hand.tap(step, same=True)
        until(hand.page, "was => document.querySelector('[data-next]')?.textContent !== was", step)
        hand.page.wait_for_timeout(Hand.BOUNCE)


def after_acdf(hand: Hand) -> None:
    page = hand.page
    hand.tap("After the case")
    hand.tap("Next", same=True)
    hand.tap("Right triceps TcMEP reduced")
    hand.tap(re.compile("^All the rest present"))
    hand.tap("Next", same=True)
    hand.tap("Balanced (IV + low-dose volatile)")
    for agent, dose in (("propofol", "120"), ("remifentanil", ".2"), ("sevoflurane", ".3")):
        hand.digits(f"{agent} dose", dose)
    hand.tap("rocuronium")
    hand.tap(re.compile("^Skin incision"), within=page.get_by_role("group", name="When"))
    hand.tap("TOF 4/4")
    hand.digits("MAP", "84")
    hand.tap("Temperature less")
    hand.tap("Next", same=True)
    hand.tap("No signal alerts")
    hand.tap("Next", same=True)
    hand.tap(re.compile("^All at baseline"))
    hand.tap("moves all four extremities to command")
    hand.tap("anesthesia")
    hand.tap("New deficit: no")
    hand.tap("Next", same=True)
    hand.tap("No breaks")
    hand.tap("completed")
    hand.tap("Close the case")


@pytest.mark.parametrize("network", ["on", "off"])
def test_a_plain_acdf_keeps_to_its_taps_and_its_seconds(tech, desk, network):
    """cases/01: at most 15 live taps; after the case at most 40 taps and 90 seconds; no typed word."""
    case = book(desk, "01")
    open_case(tech, case)
    all_sent(tech)
    cut(tech, network == "off")
    hand = Hand(tech)
    live(hand, LIVE_ACDF)
    assert hand.taps <= 15
    after = Hand(tech)
    after_acdf(after)
    print(f"ACDF, network {network}: {hand.taps} live taps, {after.taps} taps and {after.seconds:.0f} s after the case")
    assert (after.taps, after.seconds) <= (40, 90) and after.seconds <= 90
    assert after.words == 0
    if network == "off":
        waits(tech, "waiting")
        assert stored(desk, case)["events"] == []
        cut(tech, False)
    all_sent(tech)
    held = stored(desk, case)
    assert held["closed"] and held["gaps"] == []
    assert [one["text"] for one in held["events"]] == [
        "Skin incision", "Exposure complete", *LIVE_ACDF[6:11], "Closing started",
    ]  # fmt: skip
    assert held["statements"] == ["no_alerts", "no_breaks"]
    assert len({row[0] for row in held["rows"]}) == len(held["rows"])


LIVE_SCOLIOSIS = [
    "In the room", "Set-up start", "Set-up end, baselines start", "Baselines end, monitoring start", "Incision", "Exposure",
    "Pedicle screw placement started", "Correction started",
]  # fmt: skip


@pytest.mark.parametrize("network", ["on", "off"])
def test_a_case_with_an_alert_keeps_to_its_taps_and_its_stamps(tech, desk, network):
    """cases/02: at most 80 taps beyond the now buttons, 180 seconds; at least 60 % of the alert stamps made live."""
    case = book(desk, "02")
    open_case(tech, case)
    all_sent(tech)
    cut(tech, network == "off")
    steps = Hand(tech)
    live(steps, LIVE_SCOLIOSIS)
    hand = Hand(tech)
    hand.tap("Signal alert")
    hand.tap("TcMEP")
    hand.tap("Left")
    hand.tap("Left tibialis anterior TcMEP")
    hand.tap("Left abductor hallucis TcMEP")
    for who in ("surgeon", "anesthesia", "interpreting physician"):
        hand.tap(f"Told {who}", same=True)
    for done in ("correction released", "MAP raised", "electrodes and stimulator checked"):
        hand.tap(done)
    hand.tap("Back to baseline now")
    stamps_live = 1 + 3 + 3 + 1
    for name, numbers in (("tibialis anterior", ("900", "162", "810")), ("abductor hallucis", ("1100", "154", "968"))):
        card = tech.locator(".ph-card", has_text=f"Left {name} TcMEP")
        for label, typed in zip(("Baseline", "Worst", "After"), numbers, strict=True):
            hand.digits(label, typed, within=card)
    hand.tap("During correction")
    hand.tap("Cause surgical maneuver")
    hand.tap("Back to the case", same=True)
    live(steps, ["Closing started", "Monitoring stop", "Electrodes out"])
    hand.tap("After the case")
    hand.tap("Next", same=True)
    hand.tap(re.compile("^All the rest present"))
    hand.tap("Next", same=True)
    hand.tap("TIVA")
    hand.tap("TOF 4/4")
    hand.tap("Next", same=True)
    hand.tap("Next", same=True)
    for side, number in (("Left", "17"), ("Right", "16")):
        hand.digits(side, number, within=tech.locator(".ph-row", has=tech.get_by_text("T12", exact=True)))
    hand.tap("Next", same=True)
    hand.tap(re.compile("^All at baseline"))
    hand.tap("moves both feet to command")
    hand.tap("anesthesia", same=True)
    hand.tap("New deficit: no")
    hand.tap("Next", same=True)
    hand.tap("No breaks")
    hand.tap("completed")
    hand.tap("Close the case")
    print(f"scoliosis, network {network}: {steps.taps} now taps, {hand.taps} others, {hand.seconds:.0f} s")
    assert hand.taps <= 80 and hand.seconds <= 180
    if network == "off":
        cut(tech, False)
    all_sent(tech)
    held = stored(desk, case)
    assert held["closed"] and held["gaps"] == []
    [alert] = held["alerts"]
    stamped = [
        alert["t"],
        *(one["t"] for one in alert["communicated"]),
        *(one["t"] for one in alert["actions"]),
        alert["resolution"]["t"],
    ]
    assert stamps_live / len(stamped) >= 0.6 and all(stamped)
    assert [row["change_pct"] for row in alert["rows"]] == [-82, -86]
    assert [row["pct_of_baseline"] for row in alert["resolution"]["rows"]] == [90, 88]


def test_the_network_cut_half_way_and_restored_loses_and_doubles_nothing(tech, desk):
    case = book(desk)
    open_case(tech, case)
    hand = Hand(tech)
    live(hand, LIVE_ACDF[:4])
    cut(tech)
    live(hand, LIVE_ACDF[4:9])
    waits(tech, "5 waiting")
    cut(tech, False)
    all_sent(tech)
    live(hand, LIVE_ACDF[9:])
    all_sent(tech)
    held = stored(desk, case)
    assert len(held["events"]) == 8
    assert sum(1 for row in held["rows"] if row[1] == "milestone") == 4


def test_a_page_killed_without_network_opens_again_with_all_that_was_tapped(tech, desk):
    case = book(desk)
    open_case(tech, case)
    all_sent(tech)
    cut(tech)
    live(Hand(tech), LIVE_ACDF[:3])
    again = tech.context.new_page()
    tech.close(run_before_unload=False)
    again.goto(f"/cases/{case}/phone")
    again.wait_for_selector(".ph-foot")
    assert again.locator(".ph-line").count() == 3
    waits(again, "waiting")
    again.get_by_role("button", name="Baselines end, monitoring start", exact=True).tap()
    cut(again, False)
    all_sent(again)
    assert (
        len([row for row in stored(desk, case)["rows"] if row[1] in ("milestone", "baseline_set", "monitoring_start")])
        == 6
    )


def test_an_answer_that_is_lost_makes_no_second_entry(tech, desk):
    """The server took it and died before it said so: the phone sends it again."""
    case = book(desk)
    open_case(tech, case)
    all_sent(tech)
    lost = []

    def drop(route):
        route.fetch()
        lost.append(1)
        route.abort("connectionreset")

    tech.route("**/entries", drop)
    Hand(tech).tap("In the room")
    while not lost:
        tech.wait_for_timeout(50)
    waits(tech, "waiting")
    tech.unroute("**/entries")
    tech.evaluate("window.dispatchEvent(new Event('online'))")
    all_sent(tech)
    assert sum(1 for row in stored(desk, case)["rows"] if row[1] == "milestone") == 1


def test_two_phones_that_change_the_same_entry_are_both_kept_and_the_form_asks(window, desk):
    case = book(desk)
    one, two = window("technologist"), window("technologist")
    open_case(one, case)
    Hand(one).tap("In the room")
    all_sent(one)
    open_case(two, case)
    all_sent(two)
    for phone in (one, two):
        cut(phone)
    for phone, times in ((one, 1), (two, 2)):
        show(phone, "times")
        line = phone.evaluate("document.querySelector('[data-key^=undo-]').dataset.key.slice(5)")
        show(phone, f"change:{line}")
        for _ in range(times):
            before = phone.get_by_label("Time, 24 hours").input_value()
            phone.get_by_role("button", name="5 minutes earlier").tap()
            until(phone, "was => document.querySelector('#at-').value !== was", before)
    for phone in (one, two):
        cut(phone, False)
        all_sent(phone)
    assert stored(desk, case)["conflicts"] == 1
    show(one, "live")
    one.reload()
    one.wait_for_selector(".ph-foot")
    all_sent(one)
    one.get_by_role("button", name=re.compile("^Missing")).tap()
    one.get_by_role("button", name=re.compile("^Two versions")).tap()
    one.get_by_role("button", name="Keep this one").first.wait_for()
    assert barriers(one) == [] and sideways(one) == 0
    one.get_by_role("button", name="Keep this one").first.tap()
    all_sent(one)
    assert stored(desk, case)["conflicts"] == 0


def test_undo_is_a_strike_and_a_changed_time_keeps_both(tech, desk):
    case = book(desk)
    open_case(tech, case)
    hand = Hand(tech)
    hand.tap("In the room")
    hand.tap("Undo In the room")
    hand.tap("In the room")
    all_sent(tech)
    kinds = [row[1] for row in stored(desk, case)["rows"] if row[1] in ("milestone", "struck")]
    assert sorted(kinds) == ["milestone", "milestone", "struck"]


NAMES = """async () => {
  const found = [];
  for (const name of await caches.keys()) for (const kept of await (await caches.open(name)).keys()) found.push(await (await (await caches.open(name)).match(kept)).text());
  for (const one of await indexedDB.databases()) {
    const db = await new Promise((yes) => { const r = indexedDB.open(one.name); r.onsuccess = () => yes(r.result); });
    for (const name of db.objectStoreNames) {
      const rows = await new Promise((yes) => { const r = db.transaction(name).objectStore(name).getAll(); r.onsuccess = () => yes(r.result); });
      for (const row of rows) { found.push(JSON.stringify(row)); for (const part of Object.values(row || {})) if (part instanceof ArrayBuffer) found.push(new TextDecoder().decode(part)); }
    }
    db.close();
  }
  found.push(JSON.stringify({ ...localStorage }), JSON.stringify({ ...sessionStorage }), document.cookie);
  return found.join("\\n");
}"""


def test_the_patient_stands_nowhere_in_clear_and_signing_out_leaves_nothing(tech, desk):
    case = book(desk)
    open_case(tech, case)
    all_sent(tech)
    tech.get_by_role("button", name="After").tap()
    tech.get_by_text("TESTPATIENT").wait_for()
    assert "TESTPATIENT" not in tech.evaluate(NAMES)
    tech.evaluate("document.querySelector('form[action$=\"/sign-out\"]').requestSubmit()")
    tech.wait_for_url("**/sign-in**")
    assert "TESTPATIENT" not in tech.evaluate(NAMES)
    assert "evoked" not in [one["name"] for one in tech.evaluate("indexedDB.databases()")]


def test_signing_out_with_unsent_entries_warns_and_keeps_them(tech, desk):
    case = book(desk)
    open_case(tech, case)
    all_sent(tech)
    cut(tech)
    Hand(tech).tap("In the room")
    tech.evaluate("document.querySelector('form[action$=\"/sign-out\"]').requestSubmit()")
    tech.get_by_text("1 entry was not sent").wait_for()
    tech.get_by_role("button", name="Stay signed in").tap()
    cut(tech, False)
    all_sent(tech)
    assert any(row[1] == "milestone" for row in stored(desk, case)["rows"])


END = """
import sys
from datetime import UTC, datetime
from models import Session, db
db.connect()
changes = {"ended_at": datetime.now(UTC)} if sys.argv[1] == "revoked" else {"expires_at": datetime.now(UTC)}
Session.update(**changes).where(Session.ended_at.is_null()).execute()
"""


def test_a_session_that_ended_while_entries_wait_sends_them_after_signing_in(tech, desk):
    case = book(desk)
    open_case(tech, case)
    all_sent(tech)
    run(desk, END, "expired")
    live(Hand(tech), ["In the room"])
    tech.get_by_text("You are signed out").wait_for()
    live(Hand(tech), ["Set-up start"])
    until(tech, "document.querySelectorAll('.ph-line').length === 2")
    waits(tech, "2 waiting")
    sign_in(tech, "technologist", desk.password)
    open_case(tech, case)
    all_sent(tech)
    assert sum(1 for row in stored(desk, case)["rows"] if row[1] == "milestone") == 2


def test_a_revoked_device_holds_no_case_and_its_entries_can_be_saved(tech, desk):
    case = book(desk)
    open_case(tech, case)
    all_sent(tech)
    cut(tech)
    Hand(tech).tap("In the room")
    run(desk, END, "revoked")
    cut(tech, False)
    tech.get_by_text("This device was signed out elsewhere").wait_for()
    assert "ACDF" not in tech.locator("#phone").inner_text()
    tech.locator(".ph-sync").tap()
    with tech.expect_download() as saved:
        tech.get_by_role("button", name="Save them as a file").tap()
    entries = json.loads(saved.value.path().read_text())["entries"]
    assert [one["data"] for one in entries] == [{"what": "tech_arrive"}]


SIGN = """
import sys
from datetime import UTC, datetime
from models import Case, db
db.connect()
Case.update(signed_at=datetime.now(UTC)).where(Case.id == int(sys.argv[1])).execute()
"""


def test_entries_for_a_case_signed_meanwhile_become_a_proposed_addendum(tech, desk):
    case = book(desk)
    open_case(tech, case)
    all_sent(tech)
    cut(tech)
    Hand(tech).tap("In the room")
    run(desk, SIGN, str(case))
    cut(tech, False)
    waits(tech, "1 refused")
    tech.locator(".ph-sync").tap()
    tech.get_by_role("button", name="Make it a proposed addendum").tap()
    tech.get_by_text("Proposed. The physician sees it with the report.").wait_for()
    waits(tech, "All sent")
    assert run(desk, "from models import *; db.connect(); print(ProposedAddendum.select().count())") == "1"


def test_a_clock_three_hours_wrong_is_told_and_corrected(window, desk):
    case = book(desk)
    page = window("technologist")
    page.add_init_script("const real = Date.now; Date.now = () => real() - 3 * 3600000;")
    open_case(page, case)
    page.get_by_text("The clock of this phone is 180 min behind").wait_for()
    Hand(page).tap("In the room")
    all_sent(page)
    [row] = [row for row in stored(desk, case)["rows"] if row[1] == "milestone"]
    assert abs(row[4] - 10_800_000) < 5000
    assert (
        run(
            desk,
            "import sys; from datetime import *; print(abs((datetime.now(UTC) - datetime.fromisoformat(sys.argv[1])).total_seconds()) < 60)",
            row[3],
        )
        == "True"
    )


def test_a_browser_without_a_store_says_that_the_form_works_online_only(window, desk):
    case = book(desk)
    page = window("technologist")
    page.add_init_script("Object.defineProperty(window, 'indexedDB', { value: undefined });")
    page.goto(f"/cases/{case}/phone")
    page.get_by_text("works online only").wait_for()
    Hand(page).tap("In the room")
    all_sent(page)
    assert sum(1 for row in stored(desk, case)["rows"] if row[1] == "milestone") == 1


def test_a_full_store_is_told_in_words_and_the_entry_is_sent_all_the_same(tech, desk):
    case = book(desk)
    open_case(tech, case)
    all_sent(tech)
    tech.evaluate(
        "void (IDBObjectStore.prototype.put = () => { throw new DOMException('full', 'QuotaExceededError'); })"
    )
    Hand(tech).tap("In the room")
    tech.get_by_text("storage is full").wait_for()
    all_sent(tech)
    assert sum(1 for row in stored(desk, case)["rows"] if row[1] == "milestone") == 1


def impossible_screw(tech, desk):
    """A case whose first screw was typed as 500 mA and refused, and the screw's field."""
    case = book(desk, "02")
    open_case(tech, case)
    show(tech, "screws")
    cell = tech.get_by_role("group", name="T12 Left")
    Hand(tech).digits("Left", "500", within=cell)
    cell.get_by_text("must be between").wait_for()
    return case, cell


def test_impossible_numbers_are_refused_and_unusual_ones_asked_about(tech, desk):
    case, cell = impossible_screw(tech, desk)
    cell.get_by_label("Left", exact=True).fill("")
    Hand(tech).digits("Left", "0.5", within=cell)
    cell.get_by_text("is that right?").wait_for()
    cell.get_by_role("button", name="Yes").tap()
    tech.get_by_text("low, below 8").wait_for()
    all_sent(tech)
    assert [row[2]["thr_ma"] for row in stored(desk, case)["rows"] if row[1] == "stim_test"] == [0.5]


def test_a_field_that_was_emptied_is_not_filled_again_while_it_is_typed_into(tech, desk):
    """The refused number came back under the cursor with the next answer of the server, and made another of the new one."""
    case, cell = impossible_screw(tech, desk)
    field = cell.get_by_label("Left", exact=True)
    field.fill("")
    tech.evaluate("""() => {
      window.dispatchEvent(new Event('hashchange'));
      return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    }""")
    assert field.input_value() == ""
    tech.keyboard.type("12")
    tech.keyboard.press("Enter")
    all_sent(tech)
    assert [row[2]["thr_ma"] for row in stored(desk, case)["rows"] if row[1] == "stim_test"] == [12]


def test_the_machines_export_is_a_guess_until_each_row_is_tapped(tech, desk):
    case = book(desk)
    open_case(tech, case)
    show(tech, "import")
    tech.get_by_label("Or pasted text").fill(
        "Site,Side,Latency,Amplitude\nulnar SSEP N20,Left,20.8,2.1\nulnar SSEP N20,Right,220,1.8\nelbow,Left,1,1"
    )
    tech.get_by_role("button", name="Read the rows").tap()
    tech.locator(".dotted").nth(2).wait_for()
    assert not any(row[2].get("lat_ms") for row in stored(desk, case)["rows"] if row[1] == "baseline")
    assert "not possible" in tech.locator(".dotted").nth(1).inner_text()
    tech.get_by_role("button", name=re.compile("^Take ulnar")).tap()
    all_sent(tech)
    taken = [row[2] for row in stored(desk, case)["rows"] if row[1] == "baseline" and row[2].get("lat_ms")]
    assert [(one["side"], one["lat_ms"], one["amp_uv"]) for one in taken] == [("L", 20.8, 2.1)]


SCREENS = [
    "live",
    "times",
    "baselines",
    "anesthesia",
    "alerts",
    "alert",
    "screws",
    "closing",
    "finish",
    "missing",
    "import",
    "waiting",
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_screen_is_free_of_barriers_and_of_sideways_scroll(window, desk, scheme, tmp_path):
    case = book(desk, "02")
    page = window("technologist", color_scheme=scheme)
    open_case(page, case)
    hand = Hand(page)
    live(hand, LIVE_SCOLIOSIS[:3])
    hand.tap("Signal alert")
    hand.tap("TcMEP")
    until(page, "location.hash.startsWith('#alert:')")
    stamped = page.evaluate("location.hash.slice(7)")
    screens = [*SCREENS, f"alert:{stamped}", f"change:{stamped}"]
    for screen in screens:
        show(page, screen)
        page.evaluate("document.querySelectorAll('.ph details').forEach((one) => { one.open = true; })")
        assert barriers(page) == [], screen
        for width in (390, 320):
            page.set_viewport_size({"width": width, "height": 844})
            assert sideways(page) == 0, f"{screen} at {width}"
        page.set_viewport_size({"width": 390, "height": 844})
        small = page.evaluate("""() => [...document.querySelectorAll('.ph button, .ph a.button, .ph summary, .ph input')].filter((e) => e.offsetParent)
            .filter((e) => e.getBoundingClientRect().height < 44 || e.getBoundingClientRect().width < 44).map((e) => e.outerHTML.slice(0, 90))""")
        assert small == [], screen
    # The text grows by the root's font size, as phones do it.
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    for screen in screens:
        show(page, screen)
        assert sideways(page) == 0, f"{screen} at 200 %"


def test_the_screen_stays_awake_while_monitoring_runs(window, desk):
    case = book(desk)
    page = window("technologist")
    page.add_init_script(
        "window.held = 0; Object.defineProperty(navigator, 'wakeLock', { value: { request: async () => { held += 1; return { addEventListener() {}, release: async () => { held -= 1; } }; } } });"
    )
    open_case(page, case)
    hand = Hand(page)
    live(hand, LIVE_ACDF[:3])
    assert page.evaluate("held") == 0
    live(hand, LIVE_ACDF[3:4])
    until(page, "held === 1")
    live(hand, LIVE_ACDF[4:13])
    until(page, "held === 0")


def test_the_first_load_is_light(window, desk):
    """Under 150 kB in all and 60 kB of script, compressed as a proxy sends it."""
    import gzip

    page = window("technologist")
    case = book(desk)
    got = []
    page.on("response", lambda one: got.append(one))
    page.goto(f"/cases/{case}/phone")
    page.wait_for_load_state("networkidle")
    sizes = {}
    for one in got:
        kind = one.headers.get("content-type", "")
        if one.status == 200 and re.search("html|css|javascript|font", kind):
            sizes[one.url.split("?")[0]] = (kind, len(gzip.compress(one.body())))
    total, scripts = (
        sum(size for _, size in sizes.values()),
        sum(size for kind, size in sizes.values() if "javascript" in kind),
    )
    print({url.rsplit("/", 1)[-1]: size for url, (_, size) in sizes.items()}, total, scripts)
    assert total < 150_000 and scripts < 60_000
    assert uuid.UUID(page.evaluate("crypto.randomUUID()"))


def test_two_quick_taps_are_both_kept_and_a_bounce_of_the_finger_is_none(tech, desk):
    """Tapped faster than the form is drawn anew: the second tap builds on what the first one made."""
    case = book(desk, "02")
    open_case(tech, case)
    hand = Hand(tech)
    hand.tap("Signal alert")
    hand.tap("TcMEP")
    tech.get_by_role("button", name="Told surgeon").wait_for()
    tech.evaluate("""() => {
      const press = (name) => [...document.querySelectorAll('.ph button')].find((one) => (one.ariaLabel || one.textContent) === name).click();
      press('Left tibialis anterior TcMEP'); press('Left abductor hallucis TcMEP'); press('Told surgeon'); press('Told surgeon');
    }""")
    all_sent(tech)
    show(tech, "anesthesia")
    tech.evaluate("""() => {
      const press = (name) => [...document.querySelectorAll('.ph button')].find((one) => (one.ariaLabel || one.textContent) === name).click();
      press('TIVA'); press('propofol'); press('remifentanil');
    }""")
    waits(tech, "All sent")
    until(tech, "document.querySelectorAll('.ph [aria-pressed=true]').length === 3")
    all_sent(tech)
    held = stored(desk, case)
    [alert] = held["alerts"]
    assert len(alert["rows"]) == 2 and [one["who"] for one in alert["communicated"]] == ["surgeon"]
    kinds = [row[1] for row in held["rows"]]
    assert held["conflicts"] == 0 and kinds.count("told") == 1
    last = [row[2] for row in held["rows"] if row[1] == "anesthesia"][-1]
    assert (last["technique"], [one["name"] for one in last["agents"]]) == ("TIVA", ["propofol", "remifentanil"])


def test_a_stepper_makes_one_reading_however_often_it_is_tapped(tech, desk):
    case = book(desk)
    open_case(tech, case)
    tech.get_by_text("Other stamps and readings").tap()
    for value in ("81", "82", "83"):
        tech.get_by_role("button", name="MAP more").tap()
        until(tech, "value => document.querySelector('#map').value === value", value)
    all_sent(tech)
    rows = [row for row in stored(desk, case)["rows"] if row[1] == "physiology"]
    assert run(
        desk,
        "import sys; from models import *; db.connect(); print([one.map_mmhg for one in Case.get_by_id(int(sys.argv[1])).facts().physiology])",
        str(case),
    ) in ("[83]", "[83.0]"), rows


def test_doses_have_their_limits_on_the_phone(tech, desk):
    case = book(desk)
    open_case(tech, case)
    show(tech, "anesthesia")
    Hand(tech).digits("remifentanil dose", "5")
    tech.get_by_text("must be between 0 and 3").wait_for()
    Hand(tech).digits("propofol dose", "300")
    tech.get_by_text("300 mcg/kg/min: is that right?").wait_for()


def test_a_low_screw_and_a_site_off_the_list_can_alert(tech, desk):
    case = book(desk, "02")
    open_case(tech, case)
    show(tech, "screws")
    Hand(tech).digits("Left", "6", within=tech.get_by_role("group", name="T12 Left"))
    tech.get_by_text("low, below 8").wait_for()
    hand = Hand(tech)
    hand.tap("Signal alert")
    hand.tap("tEMG")
    hand.tap("Screw Left T12 6 mA")
    tech.get_by_label("Another site that changed").fill("iliopsoas")
    tech.get_by_label("Another site that changed").press("Enter")
    tech.get_by_label("Another site that changed").blur()
    tech.get_by_role("button", name="Left iliopsoas").wait_for()
    all_sent(tech)
    [alert] = stored(desk, case)["alerts"]
    assert [(bool(row.get("stim_ref")), row.get("site")) for row in alert["rows"]] == [
        (True, None),
        (False, "iliopsoas"),
    ]


def test_a_site_that_is_typed_before_its_side_waits_for_the_side(tech, desk):
    case = book(desk, "02")
    open_case(tech, case)
    hand = Hand(tech)
    hand.tap("Signal alert")
    hand.tap("TcMEP")
    tech.get_by_label("Another site that changed").fill("iliopsoas")
    tech.get_by_label("Another site that changed").press("Enter")
    tech.get_by_text("Tap left or right for iliopsoas.").wait_for()
    hand.tap("Right")
    tech.get_by_role("button", name="Right iliopsoas").wait_for()
    all_sent(tech)
    [row] = stored(desk, case)["alerts"][0]["rows"]
    assert (row["side"], row["site"]) == ("R", "iliopsoas")


def test_a_changed_baseline_changes_the_share_that_follows_from_it(tech, desk):
    """The server refuses a share that does not follow from its two numbers: the phone computes it anew."""
    case = book(desk, "02")
    open_case(tech, case)
    hand = Hand(tech)
    hand.tap("Signal alert")
    hand.tap("TcMEP")
    hand.tap("Left tibialis anterior TcMEP")
    hand.digits("Worst", "100")
    hand.digits("Baseline", "1000")
    until(tech, "!document.querySelector('#worst-x') && document.querySelector('.ph-values input').value === '1000'")
    all_sent(tech)
    assert stored(desk, case)["alerts"][0]["rows"][0]["change_pct"] == -90
    tech.get_by_label("Baseline", exact=True).fill("")
    hand.digits("Baseline", "400")
    all_sent(tech)
    until(tech, "document.querySelector('.ph-values input').value === '400'")
    all_sent(tech)
    [alert] = stored(desk, case)["alerts"]
    assert alert["rows"][0]["change_pct"] == -75


EXPORTS = {
    "semicolons and decimal commas": "Site;Side;Lat (ms);Amp (µV)\nulnar N20;Left;20,8;2,1",
    "tabs, short words, millivolts": "Patient\tTESTPATIENT\nTest\tSide\tLatency ms\tAmplitude (mV)\nUN N20\tL\t20.8\t0.0021",
    "quotes and a section": 'Modality,Site,Latency,Amplitude\nSSEP\n"ulnar, N20",Left,20.8 ms,2.1 uV',
    "columns of spaces, no heading": "ulnar SSEP N20   Left   20.8   2.1",
}


@pytest.mark.parametrize("text", EXPORTS.values(), ids=EXPORTS)
def test_exports_are_read_as_machines_write_them(tech, desk, text, tmp_path):
    case = book(desk)
    open_case(tech, case)
    show(tech, "import")
    file = tmp_path / "export.csv"
    file.write_bytes(text.encode("utf-16"))
    tech.get_by_label("File (CSV or text)").set_input_files(file)
    card = tech.locator(".dotted")
    card.get_by_text("20.8 ms, 2.1 µV").wait_for()
    assert tech.locator(".dotted").count() == 1
    card.get_by_role("button", name=re.compile("^Take ")).tap()
    tech.get_by_text("Left ulnar SSEP N20, 20.8 ms, 2.1 µV").wait_for()
    all_sent(tech)
    taken = [row[2] for row in stored(desk, case)["rows"] if row[1] == "baseline" and row[2].get("lat_ms")]
    assert [(one["side"], one["site"], one["lat_ms"], one["amp_uv"]) for one in taken] == [("L", "ulnar", 20.8, 2.1)]


def test_a_guess_can_be_given_to_another_response_and_taken_back(tech, desk):
    case = book(desk)
    open_case(tech, case)
    show(tech, "import")
    tech.get_by_label("Or pasted text").fill("Where,Latency,Amplitude\nchannel 7,20.8,2.1")
    tech.get_by_role("button", name="Read the rows").tap()
    tech.get_by_label("Response").select_option(label="Right ulnar SSEP N20")
    Hand(tech).tap(re.compile("^Take "))
    tech.get_by_text("Right ulnar SSEP N20, 20.8 ms").wait_for()
    tech.wait_for_timeout(Hand.BOUNCE)
    Hand(tech).tap(re.compile("^Take "))
    tech.locator(".dotted").wait_for()
    all_sent(tech)
    rows = [row[2] for row in stored(desk, case)["rows"] if row[1] == "baseline" and row[2]["site"] == "ulnar"]
    assert rows[-1].get("lat_ms") is None and any(one.get("lat_ms") == 20.8 for one in rows)


def test_what_others_add_shows_while_the_form_is_open(window, desk):
    case = book(desk)
    one, two = window("technologist"), window("technologist")
    one.add_init_script(
        "const late = performance.now; let more = 0; performance.now = () => late.call(performance) + more; window.later = () => { more += 61000; };"
    )
    open_case(one, case)
    all_sent(one)
    open_case(two, case)
    Hand(two).tap("In the room")
    two.get_by_role("button", name="Undo In the room").wait_for()
    all_sent(two)
    one.evaluate("later(); window.dispatchEvent(new Event('pageshow'))")
    one.get_by_role("button", name="Undo In the room").wait_for()


def test_a_phone_that_cannot_be_kept_awake_says_so(window, desk):
    case = book(desk)
    page = window("technologist")
    page.add_init_script("Object.defineProperty(navigator, 'wakeLock', { value: undefined });")
    open_case(page, case)
    live(Hand(page), LIVE_ACDF[:4])
    page.get_by_text("cannot keep the screen awake").wait_for()


def test_a_device_that_was_days_without_the_server_holds_no_readable_case(tech, desk):
    case = book(desk)
    open_case(tech, case)
    all_sent(tech)
    cut(tech)
    Hand(tech).tap("In the room")
    waits(tech, "1 waiting")
    tech.add_init_script("const real = Date.now; Date.now = () => real() + 4 * 86400000;")
    tech.reload()
    tech.get_by_text("did not reach the server for days").wait_for()
    assert "ACDF" not in tech.locator("body").inner_text()
    waits(tech, "1 waiting")
    cut(tech, False)
    all_sent(tech)
    assert any(row[1] == "milestone" for row in stored(desk, case)["rows"])


def test_the_first_page_says_what_waits_on_this_phone(tech, desk):
    case = book(desk)
    open_case(tech, case)
    all_sent(tech)
    tech.route("**/entries", lambda route: route.abort())
    Hand(tech).tap("In the room")
    waits(tech, "1 waiting")
    tech.goto("/")
    tech.get_by_text("1 waiting on this phone").wait_for()
    assert barriers(tech) == []
    assert tech.get_by_role("heading", name="Next case").count() == 1
    tech.unroute("**/entries")
    tech.goto(f"/cases/{case}/phone")
    all_sent(tech)
