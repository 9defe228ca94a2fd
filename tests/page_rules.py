"""What every page must be: it parses, has one <h1> that its title starts with, unique ids, labelled inputs, no inline code."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
OPTIONAL_END = {"li", "p", "td", "th", "tr", "option", "tbody", "thead", "dt", "dd"}
BLOCKS = {"form", "div", "ul", "ol", "dl", "table", "section", "details", "fieldset", "article", "h2", "h3"}
SELF_CLOSING_SVG = {"path", "rect", "circle", "line", "polygon", "polyline", "use", "ellipse", "stop"}


class Page(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []
        self.ids: list[str] = []
        self.labels: set[str] = set()
        self.inputs: list[dict[str, str | None]] = []
        self.stack: list[str] = []
        self.h1: list[str] = []
        self.title = ""
        self.feed(html)
        self.close()
        self._judge()

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag in BLOCKS and self.stack and self.stack[-1] == "p":
            self.faults.append(f"a <{tag}> in a <p>: the browser ends the paragraph before it")
        if tag not in VOID:
            self.stack.append(tag)
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "h1":
            self.h1.append("")
        if tag == "label" and given.get("for"):
            self.labels.add(given["for"])
        if tag in ("input", "select", "textarea") and given.get("type") not in ("hidden", "submit", "button"):
            self.inputs.append({**given, "inside_label": "label" in self.stack})
        if tag == "script" and "src" not in given:
            self.faults.append("an inline script")
        if tag == "style" or "style" in given:
            self.faults.append("an inline style")
        self.faults += [f"an inline handler {name}" for name in given if name.startswith("on")]
        if tag == "img" and "alt" not in given:
            self.faults.append("an image without alt")

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.stack.pop()

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        while self.stack and self.stack[-1] != tag and self.stack[-1] in OPTIONAL_END:
            self.stack.pop()
        if not self.stack or self.stack[-1] != tag:
            self.faults.append(f"</{tag}> closes {self.stack[-1] if self.stack else 'nothing'}")
        else:
            self.stack.pop()

    def handle_data(self, data):
        if "h1" in self.stack:
            self.h1[-1] += data
        if self.stack and self.stack[-1] == "title" and "svg" not in self.stack:
            self.title += data

    def _judge(self) -> None:
        if len(self.h1) != 1:
            self.faults.append(f"{len(self.h1)} <h1>")
        elif not " ".join(self.title.split()).startswith(" ".join(self.h1[0].split())):
            self.faults.append(f"the title {self.title!r} does not start with the heading {self.h1[0]!r}")
        doubled = {one for one in self.ids if self.ids.count(one) > 1}
        if doubled:
            self.faults.append(f"ids used twice: {sorted(doubled)}")
        for given in self.inputs:
            if not (
                given.get("id") in self.labels
                or given["inside_label"]
                or given.get("aria-label")
                or given.get("aria-labelledby")
            ):
                self.faults.append(f"an input without a label: {given.get('name')}")


def faults(html: str) -> list[str]:
    """What is wrong with a whole page; empty when it keeps the rules."""
    return Page(html).faults
