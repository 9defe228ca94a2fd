"""Every page a person can open, as each role: by day and by night, on a small phone, a phone and a desk."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page

from practice.kinds import KINDS
from practice.worksheet import ACTS
from tests.browser.conftest import barriers, sideways

pytestmark = pytest.mark.browser
DOWNLOADS = re.compile(r"\.pdf$|\.txt$|/pdf$|/export$|\.csv$|/content$|/grid$|^/documents/\d+$|^/static")
MOST = 1
"""Of pages that differ in their number only, so many are opened by each role."""
read: set[str] = set()
"""The kinds of pages that axe has read already; what differs by role is their size."""
SIZES = ((320, "light"), (390, "light"), (1280, "dark"))


def kind_of(url: str) -> str:
    return re.sub(r"\d+", "N", url.partition("?")[0])


def faults(page: Page, url: str) -> list[str]:
    """What is wrong with the page that is open, in each size. Axe reads each kind of page once, by turns on a phone
    by day and on a desk by night: the colors of both are the same few on all pages."""
    found, kind = [], kind_of(url)
    turn = None if kind in read else SIZES[1 + len(read) % 2]
    read.add(kind)
    for width, scheme in SIZES:
        page.set_viewport_size({"width": width, "height": 844})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        if over := sideways(page):
            found.append(f"{url} at {width}: {over} px too wide")
        if (width, scheme) == turn:
            found += [f"{url} at {width}, {scheme}: {one}" for one in barriers(page)]
    return found


def walk(page: Page, start: list[str]) -> tuple[list[str], list[str]]:
    """Follows every link from the pages given. Returns the pages opened and what is wrong with them."""
    waiting, opened, seen, found = list(start), [], {}, []
    while waiting:
        url = waiting.pop(0)
        answer = page.goto(url)
        opened.append(url)
        if answer.status != 200:
            found.append(f"{url}: {answer.status}")
            continue
        found += faults(page, url)
        links = page.locator("a[href^='/']").evaluate_all("links => links.map(link => link.getAttribute('href'))")
        for link in dict.fromkeys(link.partition("#")[0] for link in links):
            kind = kind_of(link)
            if link not in opened and not DOWNLOADS.search(link.partition("?")[0]) and seen.setdefault(kind, 0) < MOST:
                seen[kind] += link not in waiting
                waiting += [link] if link not in waiting else []
    return opened, found


@pytest.mark.parametrize("who", ["owner", "technologist", "physician", "biller", "auditor"])
def test_every_page_fits_and_can_be_read_by_all(who, window):
    opened, found = walk(window(who), ["/"])
    assert len(opened) > 8 and found == []


def test_every_form_of_the_record_fits_and_can_be_read_by_all(window):
    page = window("technologist")
    page.goto("/cases?show=recording")
    case = page.locator("#cases a[href^='/cases/']").first.get_attribute("href")
    found = []
    for kind in KINDS.keys() - set(ACTS):
        url = f"{case}/entries/new/{kind}"
        assert page.goto(url).status == (403 if kind == "impression" else 200), kind
        found += faults(page, url)
    assert found == []


@pytest.mark.parametrize(
    ("url", "status"), [("/nowhere", 404), ("/cases/999999", 404), ("/people", 403), ("/sign-in", 200)]
)
def test_what_is_refused_is_said_on_a_page_that_fits(window, url, status):
    page = window("" if url == "/sign-in" else "technologist")
    assert page.goto(url).status == status
    assert faults(page, f"{url}-{status}") == []
