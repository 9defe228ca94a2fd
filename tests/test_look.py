"""What LOOK and the phone's budget promise: contrast in both modes, few bytes, every named icon drawn, nothing from elsewhere."""

import gzip
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CSS = (ROOT / "static/app.css").read_text()
LIGHT_CSS, _, DARK_CSS = CSS.partition("@media (prefers-color-scheme: dark)")
TOKEN = re.compile(r"--([\w-]+): (#[0-9a-f]{6})")
LIGHT = dict(TOKEN.findall(LIGHT_CSS))
DARK = LIGHT | dict(TOKEN.findall(DARK_CSS.partition("@media")[0]))
GROUNDS = ("ground", "surface", "sunk", "raised")
WORDS = ("ink", "quiet", "accent", "ok", "due", "blocked", "unknown")
TEXT = (
    [(word, ground) for word in WORDS for ground in GROUNDS]
    + [(state, f"{state}-ground") for state in ("ok", "due", "blocked", "unknown", "accent")]
    + [("ink", f"{state}-ground") for state in ("ok", "due", "blocked", "unknown", "accent")]
    + [("on-accent", "accent"), ("on-accent", "accent-press"), ("ink", "presence"), ("ink", "run")]
)
LINES = [(line, ground) for line in ("edge", "ring") for ground in GROUNDS] + [("blocked", "run")]


def luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def packed(*names: str) -> int:
    return sum(len(gzip.compress((ROOT / "static" / name).read_bytes(), 6)) for name in names)


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
def test_text_and_controls_have_the_contrast_of_wcag_aa(tokens):
    weak = [(a, b) for a, b in TEXT if contrast(tokens[a], tokens[b]) < 4.5]
    weak += [(a, b) for a, b in LINES if contrast(tokens[a], tokens[b]) < 3]
    assert not weak


def test_the_first_view_keeps_its_budget_of_bytes():
    assert packed("app.css") <= 12 * 1024
    assert packed("htmx.min.js", "app.js") <= 20 * 1024


def test_the_style_asks_nobody_else_for_anything():
    assert "url(" not in CSS
    assert "@import" not in CSS


def test_every_icon_that_a_page_or_the_navigation_names_is_drawn():
    from views import NAV

    drawn = set(re.findall(r'id="i-([\w-]+)"', (ROOT / "templates/_symbols.html").read_text()))
    pages = "".join(path.read_text() for path in (ROOT / "templates").rglob("*.html"))
    assert {icon for _, _, icon, _ in NAV} | set(re.findall(r'icon\("([\w-]+)"\)', pages)) <= drawn
