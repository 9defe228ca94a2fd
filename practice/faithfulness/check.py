"""Check a finished text against the facts, with no knowledge of how it was made."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any, Literal

import msgspec
from msgspec import Struct

from .. import cases as c
from .. import report
from ..cases import Facts
from .cues import opposite
from .layout import Clause, Line, Reader, State, lines
from .matching import Layer, Match, agrees
from .statements import FACTS, Book, Statement
from .words import MARKS, NEUTRAL, SOFT, VOCABULARY, Token

Grade = Literal["red", "amber"]
Kind = Literal["unsupported", "contradiction", "omission", "wording", "stale", "banned"]


class Finding(Struct, frozen=True, kw_only=True):
    """`mend` is the record's value, a built-in sentence, or empty where the record itself has to be looked at."""

    grade: Grade
    kind: Kind
    start: int
    end: int
    text: str
    message: str
    sources: tuple[str, ...] = ()
    mend: str = ""
    section: str = ""


class Supported(Struct, frozen=True):
    """A stretch of the text and the entries that say it."""

    start: int
    end: int
    sources: tuple[str, ...]


class Checked(Struct, frozen=True, kw_only=True):
    """`text` is what the places refer to: the text itself, or the plain text of a structured report."""

    text: str
    findings: tuple[Finding, ...]
    supported: tuple[Supported, ...]

    @property
    def red(self) -> bool:
        return any(one.grade == "red" for one in self.findings)


class _Line(Struct):
    """What was found of one line, with places from its start."""

    findings: list[Finding]
    supported: list[Supported]
    covers: list[tuple[int, set[tuple[int, int]], int]]
    """Statement, what of it is told, in how many sentences."""
    section: str
    after: State


class _Told(Struct):
    """What a section tells of a statement, and how often."""

    places: set[tuple[int, int]]
    times: int = 0


class _Outcome(Struct):
    """What was found of one clause, with places from its start; `covers` are (statement, part, index)."""

    findings: list[Finding]
    supported: list[Supported]
    covers: list[tuple[int, tuple[int, int]]]
    about: list[int]


_BANNED = [(re.compile(one["pattern"], re.IGNORECASE), one["say"]) for one in VOCABULARY["banned"]]
_HIDDEN = "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
_ALIKE = (
    "\u0370-\u0391\u0392-\u0393\u0395-\u03a8\u03aa-\u03bb\u03bd-\u052f\u13a0-\u13ff\uff10-\uff5a\U0001d400-\U0001d7ff"
)
_STRANGE = re.compile(
    rf"\w*[{_HIDDEN}][\w{_HIDDEN}]*|\b\w*[A-Za-z]\w*[{_ALIKE}]\w*|\b\w*[{_ALIKE}]\w*[A-Za-z]\w*|(?:(?![0-9])\d)+"
)
"""What cannot be seen, letters of another script within a word, digits of another script. The ohm and the micro sign may stand."""
_ROLES = "surgeon|anesthesia|anesthesiologist|(?:interpreting )?physician|technologist|neurologist"
_VOICE = re.compile(
    rf"\b(?:the )?(?:{_ROLES}|dr\.? \w+) (?:\w+ly )?(?:informed|notified|told|alerted|advised|warned|called|reminded|asked) (?:the )?(?:{_ROLES})\b",
    re.IGNORECASE,
)
_ROWED = frozenset(VOCABULARY["sections"]) | {"header"}
_TOLD = frozenset({"key_result", "alerts", "impression", "closing", "time", "signing", "text"})
"""Sections in prose, where one clause may speak of several facts."""
_NAMING = frozenset(VOCABULARY["naming"]["words"].split())
_AUXILIARY = frozenset({"a", "an", "the", "is", "are", "was", "were", "has", "have", "had", "been"})
"""Words that make a sentence of a note: 'phenylephrine was given'."""
_PLACES = frozenset({"side", "site", "level"})
_SPLITS = frozenset({"and", ",", "(", "-", "which", "with", "/"})


def check(text: str | bytes | report.Draft, facts: Facts, *, builtin: report.Draft | None = None) -> Checked:
    """Every finding of a report: plain text, Markdown, the JSON of a draft, or a draft. Empty findings mean faithful."""
    return Checker(facts, builtin).check(text)


def printed(text: str | bytes, facts: Facts, builtin: report.Draft | None = None) -> tuple[bytes, int]:
    """What the command prints, the findings as JSON, and its exit code: 2 when there are red ones."""
    checked = check(text, facts, builtin=builtin)
    body = {"red": checked.red, "findings": checked.findings}
    return msgspec.json.format(msgspec.json.encode(body), indent=1) + b"\n", 2 if checked.red else 0


class Checker:
    """One record made ready for many checks, as a person types: a clause seen before is not worked out again."""

    def __init__(self, facts: Facts, builtin: report.Draft | None = None) -> None:
        self.facts, self.builtin = facts, builtin
        self.book = Book(facts)
        self.digest = c.digest(facts)
        self.foreign = frozenset(value for one in self.book.statements for kind, value in one.anchors if kind == "word")
        self.foreign |= _NAMING
        self.layers = [Layer(self.book, one, self.foreign) for one in (*self.book.statements, *_frames(self.book))]
        self.index: dict[Any, set[int]] = {}
        self.number = {id(layer.statement): at for at, layer in enumerate(self.layers)}
        for at, layer in enumerate(self.layers):
            for key in _keys([*layer.statement.tokens, *layer.values]):
                self.index.setdefault(key, set()).add(at)
            for piece in layer.quotes:
                self.index.setdefault(("quote", piece), set()).add(at)
            for word in layer.words:
                self.index.setdefault(("said", word), set()).add(at)
        self.reader = Reader(self.book)
        self.told: dict[Any, list[tuple[int, _Outcome]]] = {}
        self.seen: dict[tuple[str, State], _Line] = {}

    def check(self, text: str | bytes | report.Draft) -> Checked:
        stale: list[Finding] = []
        draft = _structured(text)
        if draft is not None:
            plain = report.as_text(draft)
            if draft.digest != self.digest:
                stale.append(self._stale(0, 0, ""))
        else:
            plain = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        findings, supported = stale, []
        covered: dict[int, dict[str, _Told]] = {}
        sections: dict[str, int] = {}
        state = State()
        for start, line, ruled in lines(plain):
            read = self._line(line, state._replace(ruled=ruled))
            state = read.after
            if line.strip():
                sections[read.section] = start + len(line)
            findings += [_moved(one, start, plain, read.section) for one in read.findings]
            supported += [Supported(one.start + start, one.end + start, one.sources) for one in read.supported]
            for number, places, times in read.covers:
                told = covered.setdefault(number, {}).setdefault(read.section, _Told(set()))
                told.places |= places
                told.times += times
        findings += self._omissions(sections, covered, len(plain))
        findings = sorted(dict.fromkeys(findings), key=lambda one: (one.start, one.grade != "red", one.end))
        return Checked(text=plain, findings=tuple(findings), supported=tuple(supported))

    def _line(self, line: str, state: State) -> _Line:
        """What is found of a line; a line seen before in the same state is not worked out again."""
        if (line, state) not in self.seen:
            self.seen[line, state] = self._judged(line, self.reader.read(line, state))
        return self.seen[line, state]

    def _judged(self, line: str, read: Line) -> _Line:
        findings, supported = list(self._banned(line, read.tokens)), []
        covers: dict[int, set[tuple[int, int]]] = {}
        times: Counter[int] = Counter()
        for sentence in _sentences(read.clauses):
            told: set[int] = set()
            for start, outcome in self._remembered(sentence, line):
                findings += [_moved(one, start, line, read.section) for one in outcome.findings]
                supported += [Supported(one.start + start, one.end + start, one.sources) for one in outcome.supported]
                told.update(outcome.about)
                for number in outcome.about:
                    covers.setdefault(number, set())
                for number, place in outcome.covers:
                    covers[number].add(place)
            times.update(told)
        said = [(number, places, times[number]) for number, places in covers.items()]
        return _Line(findings, supported, said, read.section, read.after)

    # Phrases and staleness

    def _stale(self, start: int, end: int, text: str) -> Finding:
        return Finding(
            grade="red", kind="stale", start=start, end=end, text=text,
            message="The record has changed since this text was written. Draft it again.", mend="",
        )  # fmt: skip

    def _banned(self, text: str, tokens: Sequence[Token]) -> Iterator[Finding]:
        quoted = [(token.start, token.end) for token in tokens if token.kind == "quoted"]
        for found in _STRANGE.finditer(text):
            if found.group() not in self.book.typed:
                start, end = found.span()
                say = "Letters or digits here cannot be seen, or look like others. Type this anew."
                yield Finding(grade="red", kind="banned", start=start, end=end, text=found.group(), message=say)
        for pattern, say in (*_BANNED, (_VOICE, "Write who was informed: 'the surgeon was informed'.")):
            for found in pattern.finditer(text):
                start, end = found.span()
                if not any(first <= start and end <= last for first, last in quoted):
                    yield Finding(grade="red", kind="banned", start=start, end=end, text=found.group(), message=say)

    # Clauses

    def _remembered(self, sentence: Sequence[Clause], line: str) -> Iterator[tuple[int, _Outcome]]:
        """The clauses of a sentence with their places in the line; a sentence seen before is not worked out again."""
        start, first = sentence[0].start, sentence[0]
        kinds = tuple((clause.alert, tuple(token.kind for token in clause.tokens)) for clause in sentence)
        label = tuple(token.low for token in first.label)
        key = (first.section, first.row, label, kinds, line[start : sentence[-1].end])
        if key not in self.told:
            self.told[key] = [(clause.start - start, outcome) for clause, outcome in self._sentence(sentence)]
        for place, outcome in self.told[key]:
            yield start + place, outcome

    def _sentence(self, clauses: Sequence[Clause]) -> list[tuple[Clause, _Outcome]]:
        done: list[tuple[Clause, _Outcome]] = []
        before: int | None = None
        held: set[tuple[int, tuple[int, int]]] = set()
        for clause in clauses:
            done.append((clause, self._twice(self._explained(clause, before), clause, held)))
            before = done[-1][1].about[-1] if done[-1][1].about else before
        if all(not outcome.findings for _, outcome in done):
            return done
        repaired = self._repaired(clauses)
        return repaired if repaired and _nearer(repaired, done) else done

    def _twice(self, outcome: _Outcome, clause: Clause, held: set[tuple[int, tuple[int, int]]]) -> _Outcome:
        """One value of a fact told twice in a sentence stands for another that is not told."""
        values = {one for one in outcome.covers if self.layers[one[0]].known(one[1]).kind in ("time", "number")}
        again = values & held
        held |= values
        if again and not outcome.findings:
            statement = self.layers[next(iter(again))[0]].statement
            whole = clause.tokens[0]._replace(start=0, end=clause.end - clause.start)
            found = _finding("red", "contradiction", whole, f"The record says this once: {statement.says}.", statement)
            return _Outcome([found], outcome.supported, outcome.covers, outcome.about)
        return outcome

    def _explained(self, clause: Clause, before: int | None = None) -> _Outcome:
        tokens = [_shifted(token, clause.start) for token in clause.tokens]
        if clause.section == "columns":
            return self._columns(tokens)
        matches = self._best(tokens, clause, 3, before)
        own: Sequence[Token] = ()
        if matches is None or any(match.hard for match in matches):
            led = self._lead(tokens, clause)
            rest = self._best(tokens[led:], clause, 3, before) if led else None
            if rest and not any(match.hard for match in rest):
                own, matches = tokens[: led - 1], rest
        if matches is None:
            said = [
                token
                for token in tokens
                if token.kind not in MARKS and (token.kind not in SOFT or token.low not in NEUTRAL)
            ]
            return _Outcome([self._untraced(token) for token in said], [], [], [])
        outcome = _Outcome([], [], [], [])
        for match in matches:
            self._tell(match, outcome, clause)
        if len(matches) == 1 and not matches[0].hard:
            outcome.findings += self._borrowed(matches[0], tokens)
        outcome.findings += [
            self._wording(token, "word", matches[0].statement) for token in own if token.low not in NEUTRAL
        ]
        return outcome

    def _borrowed(self, match: Match, tokens: Sequence[Token]) -> Iterator[Finding]:
        """A time or a doer of this fact told of what another one did: words of a free text with what is not theirs."""
        unknown = {token.low for token, reason in match.soft if reason == "word"}
        told = [one for one in tokens if one.kind in ("time", "role", "person") and one.start in match.used]
        if not unknown or not told or match.valued:
            return
        mine = self.layers[self.number[id(match.statement)]].quotes
        opened = [
            one
            for token in tokens
            for one in (token.value[1] if token.kind == "quoted" and token.value[0] not in mine else [token])
        ]
        said = {token.low for token in opened if token.kind == "word"} - NEUTRAL - _AUXILIARY
        for layer in self.layers:
            for words, known in layer.marked:
                if not unknown & words or len(said & words) < 2:
                    continue
                for token in told:
                    alike = [one for one in known if one.kind == token.kind]
                    if alike and not any(agrees(token, one, self.book.pieces) for one in alike):
                        says = f"The record says {_shown(alike[0])} of this: {layer.statement.says}."
                        yield _finding("red", "contradiction", token, says, layer.statement, _shown(alike[0]))
                return

    def _lead(self, tokens: Sequence[Token], clause: Clause) -> int:
        """How many tokens a person's own word or two take before what is told: 'Reviewed:', 'Overall,'. Facts lead nothing in."""
        if clause.section not in _TOLD or clause.row:
            return 0
        place = next((at for at, token in enumerate(tokens) if token.kind != "word"), 0)
        if not 0 < place < min(len(tokens) - 1, 5):
            return 0
        mark, words = tokens[place].low, {token.low for token in tokens[:place]} - NEUTRAL
        ends = mark in (":", "-", "–", "—") or mark == "," and place == 1
        return place + 1 if ends and words and not words & self.foreign else 0

    def _best(
        self, tokens: Sequence[Token], clause: Clause, depth: int, before: int | None = None
    ) -> list[Match] | None:
        """One statement that says all of it, or several that say its parts; else the nearest, with what is wrong."""
        if not any(token.kind not in MARKS for token in tokens):
            return []
        whole = self._nearest(tokens, clause, before)
        if whole and not whole.cost:
            return [whole]
        if depth and clause.section in _TOLD:
            for place, token in enumerate(tokens):
                if token.low in _SPLITS and 0 < place < len(tokens) - 1:
                    left = self._nearest(tokens[:place], clause)
                    if left and not left.cost and left.telling and _says(tokens[:place]):
                        rest = self._best(tokens[place + 1 :], clause, depth - 1) if depth else None
                        if rest and not any(
                            match.cost
                            or not match.telling
                            or match.statement is left.statement
                            or self._adrift(left, match)
                            for match in rest
                        ):
                            return [left, *rest]
        return [whole] if whole else None

    def _adrift(self, left: Match, right: Match) -> bool:
        """A value of some response after the name of another: 'right median latency 22.1 ms, amplitude 1.6 µV'."""

        def named(match: Match) -> bool:
            layer = self.layers[self.number[id(match.statement)]]
            return any(layer.known(at).kind in _PLACES for at in match.used.values())

        return named(left) and not named(right) and any(token.kind in _PLACES for token in right.statement.tokens)

    def _nearest(self, tokens: Sequence[Token], clause: Clause, before: int | None = None) -> Match | None:
        if before is not None and self._admitted(self.layers[before].statement, clause):
            match = self.layers[before].match(tokens, clause.label, clause.row)
            if match.cost in (0, 8):
                match.anchored = True
                return match
        score: Counter[int] = Counter()
        flat = [
            one
            for token in tokens
            for one in (
                [token._replace(kind="quote", value=token.value[0]), *token.value[1]]
                if token.kind == "quoted"
                else [token]
            )
        ]
        for key in dict.fromkeys(_keys(flat)):
            for at in self.index.get(key, ()):
                # A free text that stands word for word tells more than all the words in it.
                score[at] += (
                    99 if key[0] == "quote" else 3 if key[0] in ("time", "number", "code", "person", "drug") else 2
                )
        for word in {token.low for token in (*clause.label, *flat) if token.kind in SOFT or token.kind == "status"}:
            for at in self.index.get(("said", word), ()):
                score[at] += 1
        best: Match | None = None
        rank = (0, False, False, 0)
        for at, _ in sorted(score.items(), key=lambda pair: (-pair[1], pair[0]))[:14]:
            statement = self.layers[at].statement
            if not self._admitted(statement, clause):
                continue
            match = self.layers[at].match(tokens, clause.label, clause.row)
            # A row of its own table says by its place what it is about.
            match.anchored = match.anchored or clause.row and clause.section in statement.where
            mine = (
                match.cost,
                clause.section not in statement.where,
                clause.row and bool(statement.parts),
                match.unsaid,
            )
            if best is None or mine < rank:
                best, rank = match, mine
                if rank == (0, False, False, 0):
                    break
        return best

    def _admitted(self, statement: Statement, clause: Clause) -> bool:
        if clause.section == "heading":
            return statement.kind == "title"
        if statement.kind in ("title", "columns"):
            return clause.section == "title" and statement.kind == "title"
        if clause.section == "provenance":
            return statement.kind == "provenance"
        if clause.row and clause.section in _ROWED and clause.section not in statement.where:
            return False
        if clause.section == "alerts" and clause.alert and not statement.alert:
            return False
        return not (statement.alert and clause.alert and statement.alert != clause.alert)

    def _tell(self, match: Match, outcome: _Outcome, clause: Clause) -> None:
        statement = match.statement
        number = self.number[id(statement)]
        outcome.about.append(number)
        for token, reason in match.hard:
            outcome.findings.append(self._wrong(token, reason, match))
        for token, reason in match.soft:
            # A table is the app's to write: a word in it that the record does not have is nobody's wording.
            if clause.row and reason == "word":
                outcome.findings.append(self._wrong(token, reason, match))
            else:
                outcome.findings.append(self._wording(token, reason, statement))
        if not match.anchored and not match.hard and not match.soft:
            outcome.findings.append(
                self._wording(clause.tokens[0]._replace(start=0, end=clause.end - clause.start), "anchor", statement)
            )
        spans = {token.start: token for token in clause.tokens}
        tokens_at = {token.start - clause.start: token for token in clause.tokens}
        outcome.covers += [(number, place) for place in match.listed]
        for start, place in match.used.items():
            if self.layers[number].whole(place, tokens_at.get(start)):
                outcome.covers.append((number, place))
            token = spans.get(start + clause.start)
            if token:
                outcome.supported.append(Supported(start, start + token.end - token.start, statement.sources))

    def _wrong(self, token: Token, reason: str, match: Match) -> Finding:
        statement = match.statement
        if reason == "denied":
            return _finding("red", "contradiction", token, f"The record denies this: {statement.says}.", statement)
        if reason == "share":
            return _finding(
                "red",
                "contradiction",
                token,
                f"How much was lost is not how much was left: {statement.says}.",
                statement,
            )
        if reason == "step":
            return _finding(
                "red", "contradiction", token, f"This is the baseline, not a change of it: {statement.says}.", statement
            )
        if reason == "agent":
            return _finding(
                "red", "unsupported", token, f"The record does not say by whom. It says: {statement.says}.", statement
            )
        if reason == "order":
            return _finding(
                "red", "contradiction", token, f"The order is not the record's: {statement.says}.", statement
            )
        if token.kind == "sha":
            return self._stale(token.start, token.end, "")
        taken = set(match.used.values())
        free = [known for at, known in enumerate(statement.head) if (-1, at) not in taken and known.kind == token.kind]
        free += [
            known for part, one in enumerate(statement.parts) for at, known in enumerate(one.tokens)
            if (part, at) not in taken and known.kind == token.kind
        ]  # fmt: skip
        if free:
            mend = _shown(free[0])
            return _finding(
                "red", "contradiction", token, f"The record says {mend}: {statement.says}.", statement, mend
            )
        return _finding(
            "red", "unsupported", token, f"The record does not say this here. It says: {statement.says}.", statement
        )

    def _wording(self, token: Token, reason: str, statement: Statement) -> Finding:
        text = {
            "relation": "The record does not say how these facts hang together. Say each by itself.",
            "unit": "Write the unit beside the number.",
            "anchor": "It is not clear which fact this is about.",
        }.get(reason, "This word is not the record's. Use plainer words.")
        return _finding(
            "amber",
            "wording",
            token,
            f"{text} The record says: {statement.says}.",
            statement,
            self._sentence_of(statement),
        )

    def _untraced(self, token: Token) -> Finding:
        if token.kind in SOFT:
            return _finding("amber", "wording", token, "Nothing in the record says this.", None)
        return _finding("red", "unsupported", token, "Nothing in the record says this.", None)

    def _sentence_of(self, statement: Statement) -> str:
        """The built-in sentence about the same fact, to put in its place."""
        if not self.builtin:
            return ""
        wanted = set(statement.sources)
        said = [
            one
            for key, one in report.sentences(self.builtin)
            if isinstance(one, report.Sentence) and wanted & set(one.sources)
        ]
        said.sort(key=lambda one: -len(wanted & set(one.sources)) / len({*wanted, *one.sources}))
        return said[0].text if said else ""

    # Tables and broken quotes

    def _columns(self, tokens: Sequence[Token]) -> _Outcome:
        """Known heads in their order, each with its own unit."""
        opened = [one for token in tokens for one in (token.value[1] if token.kind == "quoted" else [token])]
        lows = [token.low for token in opened if token.kind != "mark" and token.low != "°"]
        units = VOCABULARY["columns"]["units"]
        heads = " ".join(low for low in lows if low not in ("mmhg", "c", "ms", "µv", "ma", "°c", "f", "v", "mv", "µs"))
        for place, low in enumerate(lows):
            follows = lows[place + 1] if place + 1 < len(lows) else ""
            if low in units and follows and follows not in (units[low], units[low].strip("°")) and follows in (
                "mmhg", "c", "f", "ms", "µv", "ma", "v", "mv", "µs", "s", "hz", "kpa", "cmh"
            ):  # fmt: skip
                return _Outcome(
                    [
                        _finding(
                            "red", "contradiction", tokens[0], f"The unit of {low} is {units[low]}.", None, units[low]
                        )
                    ],
                    [],
                    [],
                    [],
                )
        for known in VOCABULARY["columns"]["known"]:
            rest = heads
            for name in known:
                rest = rest.removeprefix(name).lstrip() if rest.startswith(name) else rest
            if not rest:
                return _Outcome([], [], [], [])
        return _Outcome(
            [_finding("red", "unsupported", tokens[0], "These columns are not those of a table of the report.", None)],
            [],
            [],
            [],
        )

    def _repaired(self, clauses: Sequence[Clause]) -> list[tuple[Clause, _Outcome]] | None:
        """A free text that was changed: the differences are the findings, the rest is judged as if it stood."""
        opened: list[Token] = []
        for clause in clauses:
            if opened:
                opened.append(Token("mark", ";", opened[-1].end, opened[-1].end + 1, ";"))
            for token in clause.tokens:
                opened += token.value[1] if token.kind == "quoted" else [token]
        found = self._nearest_quote(opened)
        if found is None:
            return None
        key, sequence, first, last = found
        said = opened[first : last + 1]
        whole = [
            token for clause in clauses for token in clause.tokens if token.kind == "quoted" and len(token.value[1]) > 1
        ]
        if any(
            token.start < said[-1].end
            and said[0].start < token.end
            and token.value[0] not in self.book.pieces.get(key, (key,))
            for token in whole
        ):
            return None
        if [(token.kind, token.value) for token in said] == list(sequence):
            return None
        findings = list(_differences(said, sequence, clauses[0].start, key))
        whole = Token("quoted", (key, tuple(said)), said[0].start, said[-1].end, "quoted")
        clause = clauses[0]
        merged = Clause(
            (*opened[:first], whole, *opened[last + 1 :]),
            clause.section,
            clause.sentence,
            clause.label,
            clause.alert,
            clause.row,
        )
        outcome = self._explained(merged)
        if any(one.grade == "red" for one in outcome.findings) and len(clauses) > 1:
            return None
        return [(merged, _Outcome([*findings, *outcome.findings], outcome.supported, outcome.covers, outcome.about))]

    def _nearest_quote(self, opened: Sequence[Token]) -> tuple[str, Sequence[Any], int, int] | None:
        said = [(token.kind, token.value) for token in opened]
        have = Counter(said)
        best, best_share = None, 0.5
        for listed in self.book.quotes.values():
            for sequence, key in listed:
                if (
                    len(sequence) < (2 if sequence[0][0] == "drug" else 3)
                    or sum((Counter(sequence) & have).values()) / len(sequence) < best_share
                ):
                    continue
                blocks = [
                    one
                    for one in SequenceMatcher(None, said, sequence, autojunk=False).get_matching_blocks()
                    if one.size
                ]
                if not blocks:
                    continue
                held = _content(sequence, blocks)
                share = held / (_content(sequence) or 1)
                if 2 * held <= _content(said[blocks[0].a : blocks[-1].a + blocks[-1].size]):
                    continue  # more of its own words than of the free text's
                first, last = (
                    blocks[0].a - blocks[0].b,
                    blocks[-1].a + blocks[-1].size - 1 + len(sequence) - blocks[-1].b - blocks[-1].size,
                )
                first, last = max(first, 0), min(last, len(said) - 1)
                if (
                    (share > best_share or share == best_share and best is None)
                    and share < 1
                    or share == 1
                    and last - first + 1 > len(sequence)
                ):
                    best, best_share = (key, sequence, first, last), share
        return best

    # What is left out

    def _omissions(
        self, sections: dict[str, int], covered: dict[int, dict[str, _Told]], length: int
    ) -> Iterator[Finding]:
        whole = len(sections.keys() & VOCABULARY["sections"].keys()) >= 3
        for number, layer in enumerate(self.layers):
            statement, told = layer.statement, covered.get(number, {})
            for section, kinds in statement.where.items():
                if kinds is None:
                    continue
                anywhere = not whole or section in ("signing", "header")
                held = [one for where, one in told.items() if anywhere or where == section]
                often = sum(one.times for one in held) >= statement.times
                if held and often and not any(_lacking(layer, kinds, set().union(*(one.places for one in held)))):
                    continue
                end = sections.get(section, length)
                named = statement.kind.replace("_", " ")
                yield Finding(
                    grade="red", kind="omission", start=end, end=end, text="", section=section,
                    message=f"Left out ({named}): {statement.says}.", sources=statement.sources, mend=self._sentence_of(statement),
                )  # fmt: skip


def _shifted(token: Token, by: int) -> Token:
    """Its place from the start of the clause; that of the words within a free text too."""
    value = token.value
    if token.kind == "quoted":
        value = (value[0], tuple(_shifted(one, by) for one in value[1]))
    return token._replace(value=value, start=token.start - by, end=token.end - by)


def _says(tokens: Sequence[Token]) -> bool:
    """It says what was so, not only of what and when."""
    return any(
        token.kind not in MARKS | {"code", "time"} and (token.kind not in SOFT or token.low not in NEUTRAL)
        for token in tokens
    )


def _content(sequence: Sequence[Any], blocks: Sequence[Any] | None = None) -> int:
    """How many telling words a text has, in all or in these blocks of it."""
    places = range(len(sequence)) if blocks is None else [at for one in blocks for at in range(one.b, one.b + one.size)]
    return sum(sequence[at][0] not in MARKS and sequence[at][1] not in NEUTRAL for at in places)


def _nearer(repaired: list[tuple[Clause, _Outcome]], done: list[tuple[Clause, _Outcome]]) -> bool:
    """A changed free text explains what is wrong better, and not by one error more unless it explains more words."""
    (red, amber), (reds, ambers) = _grades(repaired), _grades(done)
    return red <= reds or red == 1 and amber < ambers


def _grades(done: list[tuple[Clause, _Outcome]]) -> tuple[int, int]:
    grades = [one.grade for _, outcome in done for one in outcome.findings]
    return grades.count("red"), grades.count("amber")


def _lacking(layer: Layer, kinds: frozenset[str], places: set[tuple[int, int]]) -> Iterator[Token]:
    """Tokens that a section must hold and does not."""
    statement = layer.statement
    for at, token in enumerate(statement.head):
        if token.kind in kinds and (-1, at) not in places:
            yield token
    for at, token in enumerate(statement.maybe):
        if token.kind == "neg" and "neg" in kinds and (-2, at) not in places:
            yield token
    deep = kinds if kinds >= FACTS else kinds & {"side", "site", "level", "number", "person", "credential"}
    for part, one in enumerate(statement.parts):
        for at, token in enumerate(one.tokens):
            if token.kind in deep and (part, at) not in places:
                yield token


def _keys(tokens: Any) -> Iterator[Any]:
    for token in tokens:
        if token.kind == "time":
            yield "time", token.value[0]
        elif token.kind == "number":
            yield "number", token.value[0]
        elif token.kind == "quote":
            yield "quote", token.value
        elif token.kind not in MARKS and token.kind != "quoted" and token.low not in NEUTRAL:
            yield token.kind, token.value


def _frames(book: Book) -> Iterator[Statement]:
    """What a report says of itself: titles."""
    words = "1. 2. 3. 4. 5. 6. 7. 8. 9. 10. 11. 12."
    yield Statement(
        "title",
        ("record",),
        "a title",
        maybe=book.build(
            [
                words,
                "draft not final report signed by interpreting physician synthetic case no real person anesthesia interpreting physician not no",
            ]
        ),
    )


def _sentences(clauses: Sequence[Clause]) -> Iterator[list[Clause]]:
    run: list[Clause] = []
    for clause in clauses:
        if run and run[-1].sentence != clause.sentence:
            yield run
            run = []
        run.append(clause)
    if run:
        yield run


def _differences(said: Sequence[Token], sequence: Sequence[Any], base: int, key: str) -> Iterator[Finding]:
    values = [(token.kind, token.value) for token in said]
    for what, a, b, x, y in SequenceMatcher(None, values, sequence, autojunk=False).get_opcodes():
        if what == "equal":
            continue
        kinds = {token.kind for token in said[a:b]} | {kind for kind, _ in sequence[x:y]}
        claims = (
            kinds - SOFT - MARKS
            or what == "replace"
            and any(opposite(token.low, str(value)) for token in said[a:b] for _, value in sequence[x:y])
        )
        right = " ".join(_plain(kind, value) for kind, value in sequence[x:y])
        start = (said[a].start if a < len(said) else said[-1].end) - base
        end = said[b - 1].end - base if b > a else start
        message = (
            f"The record's own words here are '{right}'." if right else "These words are not in the record's text."
        )
        if not kinds - MARKS or x == y and all(token.low in _AUXILIARY for token in said[a:b]):
            continue
        yield Finding(
            grade="red" if claims else "amber", kind="contradiction" if claims else "wording", start=start, end=end, text="",
            message=message, mend=right,
        )  # fmt: skip


def _plain(kind: str, value: Any) -> str:
    if kind == "time":
        return " ".join(filter(None, [value[1], value[0], value[2]]))
    if kind == "number":
        return " ".join(filter(None, value))
    return str(value)


def _shown(token: Token) -> str:
    if token.kind == "time":
        return token.value[0]
    return token.low if token.kind == "quote" else _plain(token.kind, token.value)


def _finding(
    grade: Grade, kind: Kind, token: Token, message: str, statement: Statement | None, mend: str = ""
) -> Finding:
    return Finding(
        grade=grade, kind=kind, start=token.start, end=token.end, text="", message=message,
        sources=statement.sources if statement else (), mend=mend,
    )  # fmt: skip


def _moved(finding: Finding, by: int, text: str, section: str) -> Finding:
    start, end = finding.start + by, finding.end + by
    return msgspec.structs.replace(finding, start=start, end=end, text=text[start:end], section=section)


def _structured(text: str | bytes | report.Draft) -> report.Draft | None:
    """A draft, or the JSON of one; None for plain text."""
    if isinstance(text, report.Draft):
        return text
    head = text[:1]
    if head not in ("{", b"{"):
        return None
    try:
        return msgspec.json.decode(text, type=report.Draft)
    except msgspec.DecodeError:
        return None
