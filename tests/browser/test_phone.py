"""The record kept on a phone, with one hand, online or not: counted, cut, killed, reopened, wiped."""

from __future__ import annotations

import json
import re
import uuid

import pytest

from tests.browser.conftest import barriers, sideways, sign_in, until
from tests.browser.phone import Hand, all_sent, book, open_case, run, stored

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
        hand.page.wait_for_timeout(400)  # a quicker second tap is taken for a bounce of the finger


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
        assert "waiting" in tech.locator(".ph-sync").inner_text()
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
    assert "5 waiting" in tech.locator(".ph-sync").inner_text()
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
    assert "waiting" in again.locator(".ph-sync").inner_text()
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
    until(tech, "/waiting/.test(document.querySelector('.ph-sync').textContent)")
    assert lost
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
        phone.evaluate("location.hash = '#times'")
        phone.wait_for_timeout(100)
        line = phone.evaluate("document.querySelector('[data-key^=undo-]').dataset.key.slice(5)")
        phone.evaluate("id => location.hash = `#change:${id}`", line)
        for _ in range(times):
            phone.get_by_role("button", name="5 minutes earlier").tap()
            phone.wait_for_timeout(150)
    for phone in (one, two):
        cut(phone, False)
        all_sent(phone)
    assert stored(desk, case)["conflicts"] == 1
    one.evaluate("location.hash = '#live'")
    one.reload()
    one.wait_for_selector(".ph-foot")
    all_sent(one)
    one.get_by_role("button", name=re.compile("^Missing")).tap()
    one.get_by_role("button", name=re.compile("^Two versions")).tap()
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
    assert "2 waiting" in tech.locator(".ph-sync").inner_text()
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
    until(tech, "/1 refused/.test(document.querySelector('.ph-sync').textContent)")
    tech.locator(".ph-sync").tap()
    tech.get_by_role("button", name="Make it a proposed addendum").tap()
    tech.get_by_text("Proposed. The physician sees it with the report.").wait_for()
    assert "All sent" in tech.locator(".ph-sync").inner_text()
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


def test_impossible_numbers_are_refused_and_unusual_ones_asked_about(tech, desk):
    case = book(desk, "02")
    open_case(tech, case)
    tech.evaluate("location.hash = '#screws'")
    cell = tech.get_by_role("group", name="T12 Left")
    Hand(tech).digits("Left", "500", within=cell)
    assert "must be between" in cell.inner_text()
    cell.get_by_label("Left", exact=True).fill("")
    Hand(tech).digits("Left", "0.5", within=cell)
    assert "is that right?" in cell.inner_text()
    cell.get_by_role("button", name="Yes").tap()
    tech.get_by_text("low, below 8").wait_for()
    all_sent(tech)
    assert [row[2]["thr_ma"] for row in stored(desk, case)["rows"] if row[1] == "stim_test"] == [0.5]


def test_the_machines_export_is_a_guess_until_each_row_is_tapped(tech, desk):
    case = book(desk)
    open_case(tech, case)
    tech.evaluate("location.hash = '#import'")
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
    page.wait_for_timeout(150)
    screens = [*SCREENS, page.evaluate("location.hash.slice(1)")]
    for screen in screens:
        page.evaluate("to => location.hash = to", f"#{screen}")
        page.wait_for_timeout(120)
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
        page.evaluate("to => location.hash = to", f"#{screen}")
        page.wait_for_timeout(80)
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
