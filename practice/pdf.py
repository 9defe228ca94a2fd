"""Pages for print, from templates/print. The only module that imports weasyprint and jinja2; the worker alone imports it.

One shared FontConfiguration (without it each PDF leaks memory), a fetcher that opens nothing but `data:` (the
default embeds local files and follows redirects) and a check for fonts (with none the process dies):
libraries.md, WeasyPrint 70; reliability.md finding 7. The same input gives the same bytes.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from msgspec import Struct
from weasyprint import CSS, HTML
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import URLFetcher

from .drafting import Draft

_ROOT = Path(__file__).parent.parent
_FONTS = FontConfiguration()
_FETCHER = URLFetcher(allowed_protocols={"data"}, allow_redirects=False, fail_on_errors=True)
_TEMPLATES = Environment(
    loader=FileSystemLoader(_ROOT / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


class NoFonts(Exception):
    """No font is installed, and weasyprint would crash the process."""


class Letterhead(Struct, frozen=True, kw_only=True):
    """The practice, as it stands on the first page."""

    name: str
    address_lines: tuple[str, ...] = ()
    phone: str = ""


def report_pdf(draft: Draft, *, letterhead: Letterhead) -> bytes:
    """The report as US Letter pages; DRAFT stands across each page until it is signed."""
    return render("report.html", "print.css", {"report": draft, "letterhead": letterhead})


def report_html(draft: Draft, *, letterhead: Letterhead) -> str:
    """The page that `report_pdf` prints."""
    return page("report.html", {"report": draft, "letterhead": letterhead})


def render(template: str, css: str, context: Mapping[str, Any]) -> bytes:
    """A template of templates/print, with a style sheet of static/, as PDF. All text is escaped."""
    check_fonts()
    document = HTML(string=page(template, context), url_fetcher=_FETCHER, base_url=None)
    return document.write_pdf(stylesheets=[_style(css)], font_config=_FONTS, optimize_images=False)


def page(template: str, context: Mapping[str, Any]) -> str:
    return _TEMPLATES.get_template(f"print/{template}").render(context)


@cache
def _style(name: str) -> CSS:
    return CSS(string=(_ROOT / "static" / name).read_text("utf-8"), font_config=_FONTS, url_fetcher=_FETCHER)


@cache
def check_fonts() -> None:
    """Raise NoFonts unless fontconfig knows a font. Once it does, it is not asked again."""
    try:
        known = subprocess.run(["fc-list", ":", "family"], capture_output=True, timeout=20, check=False).stdout  # noqa: S603, S607
    except (FileNotFoundError, subprocess.TimeoutExpired):
        known = b""
    if not known.strip():
        raise NoFonts("No fonts are installed, so no PDF can be made. Install fontconfig and fonts-liberation2.")
