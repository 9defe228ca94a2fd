"""The app as a phone installs it: criteria met, pages kept nowhere, new versions that wait, sign-out that wipes."""

from __future__ import annotations

import gzip
import json
import os
import re
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, ROOT, barriers, sideways, sign_in, until
from tests.browser.phone import all_sent, book, open_case, show

pytestmark = pytest.mark.browser
PAGES = {
    "/me/devices": "Notices on your devices",
    "/me/install": "Install Evoked on your phone",
    "/notices": "Notices",
    "/devices/0/proof": "Nothing here",
    "/offline": re.compile("No connection|Phone copy"),
}


def controlled(page: Page) -> None:
    """Wait until the service worker has the page. On a busy machine the page can win the race and is loaded anew."""
    until(page, "navigator.serviceWorker.ready.then((one) => one.active !== null)", seconds=60)
    if not page.evaluate("navigator.serviceWorker.controller !== null"):
        page.reload()
    until(page, "navigator.serviceWorker.controller !== null")


def kept(page: Page) -> dict[str, list[str]]:
    """What Cache Storage holds, by cache."""
    return page.evaluate(
        """async () => Object.fromEntries(await Promise.all((await caches.keys()).map(async name =>
            [name, (await (await caches.open(name)).keys()).map(one => new URL(one.url).pathname)])))"""
    )


@pytest.fixture
def lasting(desk, browser, tmp_path):
    """A page in a profile that lasts: in a private window nothing can be installed."""
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    context = browser.browser_type.launch_persistent_context(
        tmp_path, executable_path="/usr/bin/chromium", args=[*sandbox, "--disable-background-networking"],
        base_url=desk.url, viewport=PHONE, has_touch=True, is_mobile=True,
    )  # fmt: skip
    yield context.pages[0]
    context.close()


def test_the_browser_finds_nothing_that_stands_in_the_way_of_installing(lasting, desk):
    page = lasting
    sign_in(page, "technologist", desk.password)
    controlled(page)
    devtools = page.context.new_cdp_session(page)
    assert devtools.send("Page.getInstallabilityErrors")["installabilityErrors"] == []
    manifest = devtools.send("Page.getAppManifest")
    assert manifest["errors"] == []
    told = json.loads(manifest["data"])
    assert (told["display"], told["scope"], told["start_url"], told["id"]) == ("standalone", "/", "/", "/")
    for shortcut in told["shortcuts"]:
        answer = page.goto(shortcut["url"])
        assert answer.ok, shortcut
    for icon in told["icons"]:
        size = page.evaluate(
            "async src => { const picture = await createImageBitmap(await (await fetch(src)).blob());"
            "return `${picture.width}x${picture.height}`; }",
            f"/static/{icon['src']}",
        )
        assert size == icon["sizes"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_barrier_in_light_or_dark(window, scheme, tmp_path):
    page = window("technologist", color_scheme=scheme)
    found = {}
    for path, title in PAGES.items():
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
        page.wait_for_timeout(300)
        if wrong := barriers(page):
            found[path] = wrong
        page.set_viewport_size({"width": 320, "height": 700})
        if wide := sideways(page):
            found[path] = [*found.get(path, []), f"{wide} px too wide at 320"]
        page.set_viewport_size({"width": 390, "height": 844})
    assert found == {}


def test_targets_are_large_enough_for_a_thumb(window):
    page = window("technologist")
    for path in PAGES:
        page.goto(path)
        page.wait_for_timeout(200)
        small = page.evaluate(
            """() => [...document.querySelectorAll("main button, main a.button, main summary")]
                .filter(one => one.offsetParent && one.getBoundingClientRect().height < 44)
                .map(one => one.textContent.trim())"""
        )
        assert small == [], path


def test_no_page_and_no_data_is_ever_kept(window):
    page = window("technologist")
    controlled(page)
    for path in ("/", "/cases", "/me", "/next-case", "/me/devices", "/reports"):
        page.goto(path)
    found = [path for paths in kept(page).values() for path in paths]
    assert "/offline" in found
    assert [path for path in found if not path.startswith("/static/")] == ["/offline"]
    text = page.evaluate("caches.match('/offline').then(answer => answer.text())")
    for word in ("Jordan", "Priya", "csrf", "Sign out"):
        assert word not in text


def test_without_a_network_the_shell_is_shown_and_nothing_that_was_seen(window):
    page = window("technologist")
    controlled(page)
    page.goto("/cases")
    page.context.set_offline(True)
    page.goto("/cases")
    expect(page.get_by_role("heading", level=1)).to_have_text(PAGES["/offline"])
    assert "Jordan" not in page.content()
    assert page.evaluate("fetch('/offline/token').then(() => 'answered', () => 'nobody')") == "nobody"
    assert page.evaluate("getComputedStyle(document.body).fontFamily") != "", "the style is kept"
    page.context.set_offline(False)
    again = page.context.new_page()  # the shell itself may be loading anew right now
    again.goto("/cases")
    expect(again.get_by_role("heading", level=1)).to_have_text("Cases")


def test_nothing_that_was_posted_without_a_network_is_posted_later(window, desk):
    page = window("technologist")
    controlled(page)
    page.goto("/me/password")
    page.context.set_offline(True)
    sent = []
    page.context.on("request", lambda request: sent.append(request.url) if request.url.endswith("?once") else None)
    outcome = page.evaluate("fetch('/me/devices/checks?once', {method: 'POST'}).then(() => 'answered', () => 'nobody')")
    assert outcome == "nobody"
    page.context.set_offline(False)
    page.goto("/me/password")
    page.wait_for_timeout(1000)
    assert len(sent) == 1


@pytest.fixture
def new_version():
    """Changes the service worker's code as a new release does, and puts it back."""
    file = ROOT / "static/sw.js"
    before = file.read_text()
    yield lambda: file.write_text(before + "\n// a new release\n")
    file.write_text(before)


def version(page: Page) -> str:
    return page.evaluate("caches.keys().then(names => names.sort().join())")


def test_a_new_version_waits_for_a_form_in_use_and_then_takes_over(window, new_version):
    page = window("technologist")
    controlled(page)
    page.goto("/me/password")
    first = version(page)
    page.get_by_label("New password").fill("typed and not sent")
    new_version()
    page.evaluate("navigator.serviceWorker.getRegistration().then(one => one.update())")
    until(page, "navigator.serviceWorker.getRegistration().then(one => one.waiting !== null)")
    page.wait_for_timeout(500)
    assert page.locator("#new-version").count() == 0, "no reload is offered while a form is in use"
    expect(page.get_by_label("New password")).to_have_value("typed and not sent")
    assert first in version(page)
    page.goto("/me/install")
    page.get_by_role("button", name="Reload").click()
    until(page, "before => caches.keys().then(names => names.length === 1 && names[0] !== before)", first)
    controlled(page)
    expect(page.locator("#new-version")).to_have_count(0)


def test_a_number_half_typed_into_the_record_outlives_the_new_version(window, desk, new_version):
    """The form on the phone is in use while something typed there is not kept yet."""
    page = window("technologist")
    open_case(page, book(desk, "02"))
    show(page, "screws")
    field = page.get_by_role("group", name="T12 Left").get_by_label("Left", exact=True)
    field.press_sequentially("1")
    new_version()
    page.evaluate("navigator.serviceWorker.getRegistration().then(one => one.update())")
    until(page, "navigator.serviceWorker.getRegistration().then(one => one.waiting !== null)")
    page.wait_for_timeout(500)
    assert page.locator("#new-version").count() == 0
    expect(field).to_have_value("1")
    field.press_sequentially("7")
    field.blur()
    all_sent(page)
    page.get_by_role("button", name="Reload").tap()
    until(page, "document.querySelector('#phone')?.dataset.ready !== undefined")
    until(page, "navigator.serviceWorker.getRegistration().then(one => one.waiting === null)")


def test_a_form_in_another_window_outlives_the_new_version(window, new_version):
    page = window("technologist")
    controlled(page)
    other = page.context.new_page()
    other.goto("/me/password")
    other.get_by_label("New password").fill("typed and not sent")
    new_version()
    page.goto("/me/install")
    page.get_by_role("button", name="Reload").click()
    until(page, "navigator.serviceWorker.getRegistration().then(one => one.waiting === null)")
    other.wait_for_timeout(1000)
    expect(other.get_by_label("New password")).to_have_value("typed and not sent")


def test_signing_out_leaves_nothing_behind(window):
    page = window("technologist")
    controlled(page)
    page.goto("/me")
    page.evaluate("sessionStorage.setItem('trace', '1')")
    page.get_by_role("main").get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_url("**/sign-in")
    assert kept(page) == {}
    assert page.evaluate("navigator.serviceWorker.getRegistrations().then(all => all.length)") == 0
    # htmx notes the address of the page it is on, here of the page to sign in.
    left = page.evaluate("Object.entries({ ...localStorage, ...sessionStorage })")
    assert left in ([], [["htmx-current-path-for-history", "/sign-in"]])
    assert page.evaluate("indexedDB.databases().then(all => all.length)") == 0


def test_what_waits_unsent_can_keep_the_person_signed_in(window):
    page = window("technologist")
    controlled(page)
    page.goto("/me")
    page.evaluate("document.addEventListener('evoked:signing-out', event => event.preventDefault())")
    page.get_by_role("main").get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_timeout(500)
    page.goto("/me")
    expect(page.get_by_role("heading", level=1)).to_have_text("Jordan Pruitt")


def test_the_browsers_own_question_is_asked_by_our_button(window):
    """Chromium asks nobody in a test, so its event is given to the page by hand; what the page does with it is real."""
    page = window("technologist")
    page.goto("/me/install")
    expect(page.locator("#install-now")).to_be_hidden()
    page.evaluate(
        """() => { const asked = new Event("beforeinstallprompt", {cancelable: true});
            asked.prompt = () => { window.asked = true; }; window.dispatchEvent(asked); }"""
    )
    page.get_by_role("button", name="Install now").click()
    assert page.evaluate("window.asked")


def test_the_first_page_hints_at_installing_until_told_not_to(window):
    page = window("technologist")
    ask = (
        "() => window.dispatchEvent(Object.assign(new Event('beforeinstallprompt', {cancelable: true}), {prompt() {}}))"
    )
    page.goto("/")
    expect(page.locator("#install-hint")).to_be_hidden()
    page.evaluate(ask)
    expect(page.locator("#install-hint")).to_be_visible()
    assert barriers(page) == []
    page.get_by_role("button", name="Not now").click()
    page.reload()
    page.evaluate(ask)
    expect(page.locator("#install-hint")).to_be_hidden()


def test_the_badge_counts_what_waits_and_what_was_not_read(window):
    page = window("technologist")
    page.add_init_script(
        "window.badges = []; navigator.setAppBadge = async count => { badges.push(count); };"
        "navigator.clearAppBadge = async () => { badges.push(0); };"
    )
    page.goto("/")
    until(page, "badges.length > 0")
    # In one go: the page's own question to the server may be answered at any moment, and counts none.
    told = page.evaluate("""() => {
      sessionStorage.setItem('notices-waiting', '3');
      document.dispatchEvent(new Event('evoked:badge'));
      return badges.at(-1);
    }""")
    assert told == 3


def test_the_worker_and_its_scripts_are_small(desk):
    for name, most in (("sw.js", 4096), ("installed.js", 8192), ("push.js", 6144)):
        assert len(gzip.compress((ROOT / "static" / name).read_bytes())) < most / 2
    with urllib.request.urlopen(f"{desk.url}/sw.js") as answer:
        code = answer.read().decode()
    assert re.search(r'"version": "[0-9a-f]{12}"', code)
    assert not re.search(r"cases|patients|reports", code)
    assert Path(ROOT / "static/sw.js").read_text() in code
