"""The parts of a finished report: sections, lines, table rows, sentences and clauses, with their places in the text.

Plain text and Markdown are read alike; nothing is assumed about who wrote them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from msgspec import Struct

from .statements import Book, quoted
from .words import VOCABULARY, Token

_HEADING = re.compile(r"^\W*(?:\d{1,2}\.)\s+(?P<title>\S.*)$")
_STATUS = re.compile(
    r"SIGNED(?: by \d+ of \d+ interpreting physicians)?(?:, with \d+ adden\w+)?(?: - final report)?\.?$|"
    r"(?:Final|FINAL)(?: report)?\.?$"
)
_RULER = re.compile(r"^[|\s:-]*-{3,}[|\s:-]*$")
_ADDENDUM = re.compile(r"^Addendum \d+, .*signed by")
_PROVENANCE = re.compile(r"^(?:Prepared|Polished|Written) by\b|fact sheet sha256")
_SIGNED = re.compile(r"(?i)electronically signed by")
_ATTESTED = re.compile(r"^(?:Technologist|Interpreting physician[\w ]*): ")


class Clause(Struct):
    """`sentence` numbers the sentences; clauses of one have the same. `label` is what the item or line begins with."""

    tokens: tuple[Token, ...]
    section: str
    sentence: int
    label: tuple[Token, ...] = ()
    alert: str | None = None
    row: bool = False

    @property
    def start(self) -> int:
        return self.tokens[0].start

    @property
    def end(self) -> int:
        return self.tokens[-1].end


class State(NamedTuple):
    """Where the reading stands at the beginning of a line."""

    section: str = "title"
    alert: str | None = None
    table: bool = False
    headed: bool = False
    ruled: bool = False
    """The next line is a rule, so this one is the head of a table."""


class Line(Struct):
    """One line read: its clauses, with places from its start, and the section it belongs to."""

    clauses: list[Clause]
    tokens: list[Token]
    section: str
    after: State


def lines(text: str) -> Iterator[tuple[int, str, bool]]:
    """Each line with its place, and whether a rule follows."""
    split = text.split("\n")
    start = 0
    for at, line in enumerate(split):
        ahead = split[at + 1].strip() if at + 1 < len(split) else ""
        yield start, line, bool(ahead and _RULER.match(ahead))
        start += len(line) + 1


class Reader:
    """Reads a text line by line; what a line is depends on the lines before only through the state."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.alerts = {alert.id.lower(): alert.id for alert in book.facts.alerts}

    def read(self, line: str, state: State) -> Line:
        bare = line.strip().strip("#*|> ").strip()
        if not bare or _RULER.match(line.strip()) or _STATUS.match(bare):
            table = bool(line.strip()) and (state.table or bool(_RULER.match(line.strip())))
            return Line([], [], state.section, state._replace(table=table))
        section, alert = state.section, state.alert
        if _ADDENDUM.match(bare):
            section = "addendum"
        if _PROVENANCE.search(bare):
            section = "provenance"
        elif section == "addendum":
            return Line([], [], section, State(section))
        tokens = quoted(self.book.quotes, self.book.read(line))
        if found := self._heading(bare):
            return Line([Clause(tuple(tokens), "heading", 0)], tokens, found, State(found, None, False, True))
        section, told = self._opening(state, section, bare, tokens)
        if section == "impression" and _ATTESTED.match(bare):
            section = "signing"
        after = State(section, alert, state.table, state.headed or section == "header")
        if not told:
            return Line([], tokens, section, after)
        if state.ruled:
            return Line([Clause(tuple(told), "columns", 0)], tokens, section, after)
        if _SIGNED.search(bare):
            told = [token for token in told if token.kind not in ("date", "time", "sha")]
        clauses, alert = self._told(
            line, told, section, alert, row=state.table or line.lstrip().startswith("|") or section == "header"
        )
        return Line(clauses, tokens, section, after._replace(alert=alert))

    def _told(
        self, line: str, tokens: list[Token], section: str, alert: str | None, *, row: bool
    ) -> tuple[list[Clause], str | None]:
        """The clauses of a line, each with the alert it speaks of; what is told of one alert goes on until another is named."""
        narrated = section in ("key_result", "alerts", "impression", "text")
        if narrated:
            alert = self._alert(tokens[:2]) or alert
        clauses = list(self._line(line, tokens, section, row=row))
        for clause in clauses:
            named = self._alert(clause.tokens)
            if narrated:
                alert = named or alert
            clause.alert = alert if narrated else named
        return clauses, alert

    def _alert(self, tokens: Sequence[Token]) -> str | None:
        return next(
            (self.alerts[token.value] for token in tokens if token.kind == "code" and token.value in self.alerts), None
        )

    def _heading(self, bare: str) -> str | None:
        found = _HEADING.match(bare)
        if not found:
            return None
        title = found["title"].lower()
        for key, words in VOCABULARY["sections"].items():
            if any(title.startswith(word) or word in title.split("(")[0] for word in words):
                return key
        return None

    def _opening(self, state: State, section: str, bare: str, tokens: list[Token]) -> tuple[str, list[Token]]:
        """Where the header and the key result begin; the words 'Key result' are not part of it."""
        lows = [token.low for token in tokens[:8] if token.kind != "mark"]
        if lows[:2] == ["key", "result"]:
            past = next((at for at, token in enumerate(tokens) if token.low == "result"), 0) + 1
            return "key_result", [
                token for token in tokens[past:] if token.low not in (":", "*") or token is not tokens[past]
            ]
        if section == "title" and lows[:1] == ["patient"]:
            return "header", tokens
        if section == "title" and not state.headed and _is_claim(bare):
            return "text", tokens
        return section, tokens

    def _line(self, text: str, tokens: Sequence[Token], section: str, *, row: bool) -> Iterator[Clause]:
        number = 0
        label: tuple[Token, ...] = ()
        for at, token in enumerate(tokens[:9]):
            if token.low == ":":
                label = tuple(tokens[:at])
                break
        if row:
            yield Clause(tuple(tokens), section, number, (), None, True)
            return
        for sentence in _cut(tokens, (".", "?", "!"), text):
            number += 1
            # How a modality was run is one tuple from end to end.
            for clause in [sentence] if section == "technique" else _cut(sentence, (";",), ""):
                yield Clause(tuple(clause), section, number, label)


def _is_claim(bare: str) -> bool:
    """A line that belongs to no title: the text is a fragment of a report."""
    lows = bare.lower()
    return not any(word in lows for word in ("report", "draft", "synthetic"))


def _cut(tokens: Sequence[Token], marks: tuple[str, ...], text: str) -> Iterator[list[Token]]:
    run: list[Token] = []
    for token in tokens:
        ends = (
            token.kind == "mark"
            and token.low in marks
            and (not text or token.end >= len(text) or text[token.end].isspace() or text[token.end] in "*|")
        )
        if not ends:
            run.append(token)
        elif run:
            yield run
            run = []
    if any(token.kind != "mark" for token in run):
        yield run
