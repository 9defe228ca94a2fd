"""Does the record say this clause? Its tokens are laid over one statement: tuples stay together, in their order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from . import cues
from .statements import Book, Part, Statement, quoted
from .words import MARKS, NEUTRAL, SOFT, VOCABULARY, Token

KEYS = frozenset({"side", "site", "level", "drug", "role", "person", "modality"})
"""Kinds that say of which part a value is told."""
ORDERED = frozenset({"time", "number", "person"})
AGAIN = frozenset({"code", "role"})
"""Kinds that a clause may repeat."""
AGAIN_KEYS = frozenset({"side", "site", "level", "modality"})
"""Keys of a part that may be named again with further values of it."""
_SAID = {kind: frozenset(words.split()) for kind, words in VOCABULARY["said"].items()}
_PHRASES = {kind: [tuple(one.split()) for one in phrases] for kind, phrases in VOCABULARY["phrases"].items()}
_LISTENERS = frozenset({"told", "reported"})
"""Kinds that say who was told, never by whom."""
_DENIED = frozenset(VOCABULARY["denied"]["words"].split())

Place = tuple[int, int]
"""Part (-1 is the head, -2 what may be left out of it) and index of a token in a statement."""


class Match(Struct):
    statement: Statement
    hard: list[tuple[Token, str]]
    """Tokens that the statement does not hold, each with why: `unsupported`, `order`, `denied`."""
    soft: list[tuple[Token, str]]
    used: dict[int, Place]
    listed: set[Place]
    """What is told by naming several at once."""
    anchored: bool
    strange: int
    """Words that name another kind of fact."""
    unsaid: int
    """What the statement holds besides: of two that fit alike, the one that says less was meant."""
    telling: bool
    """It has a claim of its own, not only the name of a response."""

    valued: bool
    """It has a value besides times and the names of responses."""

    @property
    def cost(self) -> int:
        return 10 * len(self.hard) + 4 * len(self.soft) + 8 * self.strange + (0 if self.anchored else 8)


def agrees(said: Token, known: Token, pieces: dict[str, frozenset[str]]) -> bool:
    """What the text says is what the record holds, or less of it."""
    if said.kind != known.kind:
        if known.kind == "quote":
            return known.value == f"{said.kind}:{said.value}"
        fell = known.kind == "direction" and known.value == "down" and known.low != "lost"
        return fell and said.kind == "status" and said.value == "reduced"
    if said.kind in ("time", "late"):
        return all(mine is None or mine == its for mine, its in zip(said.value, known.value, strict=True))
    if said.kind == "number":
        return said.value[0] == known.value[0] and said.value[1] in (None, known.value[1])
    if said.kind == "quote":
        return said.value in pieces[known.value]
    if said.kind == "gap":
        return said.value == known.value and (not known.low or bool(set(known.low.split()) & set(said.low.split())))
    return said.value == known.value


class Layer:
    """One statement made ready for laying clauses over it."""

    def __init__(self, book: Book, statement: Statement, foreign: frozenset[str]) -> None:
        self.pieces = book.pieces
        self.foreign = foreign
        self.statement = statement
        self.parts: Sequence[Part] = statement.parts
        self.words = self._words()
        keyed = any(token.kind in KEYS for part in self.parts for token in part.tokens)
        self.keys = KEYS if keyed or not self.parts else KEYS | {"quote"}
        self.phrases = [one for kind in (statement.kind, *statement.said) for one in _PHRASES.get(kind, ())]
        self.quotes = {
            piece for token in statement.tokens if token.kind == "quote" for piece in book.pieces[token.value]
        }
        self.values = [
            read[0] for token in statement.tokens if token.kind == "quote" and len(read := book.read(token.low)) == 1
        ]
        """Free texts that are one value."""
        self.texts = frozenset(
            one.low for token in statement.tokens if token.kind == "quote" for one in book.read(token.low)
        )
        """The words of its free texts."""
        self.marked = [
            (words, marks)
            for tokens in (statement.head, *(part.tokens for part in self.parts))
            if (marks := [token for token in tokens if token.kind in ("time", "role", "person")])
            for text in tokens
            if text.kind == "quote" and (words := frozenset(one.low for one in book.read(text.low)))
        ]
        """The words of each free text with its times and people."""
        self.cues = frozenset(token.low for token in statement.tokens if token.kind == "time") & cues.NAMES
        self.alone = len(book.facts.alerts) == 1
        self.single = sum(any(one.kind == "level" for one in part.tokens) for part in self.parts) < 2
        self.sequences = {
            first: own
            for first, known in (book.quotes.items() if self.quotes else ())
            if (own := [one for one in known if one[1] in self.quotes])
        }

    def _words(self) -> frozenset[str]:
        self.own = own = {
            token.low for token in self.statement.tokens if token.kind == "word" and token.low not in NEUTRAL
        }
        own = set(own)
        for kind in (self.statement.kind, *self.statement.said):
            own |= _SAID.get(kind, frozenset())
        return frozenset(own)

    def match(self, clause: Sequence[Token], label: Sequence[Token], row: bool) -> Match:
        tokens = list(self._opened(clause))
        claims = [token for token in tokens if token.kind not in SOFT and token.kind not in MARKS]
        forward = self._bound(claims)
        if any(token.low in _TWO_SIDES for token in claims):
            # 'right and left C5 root' may be a list whose first member is a side alone
            parted = [one for token in claims for one in _sides(token)]
            laid = self._bound(parted)
            if (len(laid[1]), -len(laid[2])) < (len(forward[1]), -len(forward[2])):
                claims, forward = parted, laid
        best = forward
        if len(self.parts) > 1 and forward[1]:
            backward = self._bound(claims[::-1])
            used = {len(claims) - 1 - place: at for place, at in backward[0].items()}
            missed = [len(claims) - 1 - place for place in backward[1]]
            if len(missed) < len(forward[1]):
                best = (used, missed, backward[2])
        used, missed, taken = best
        hard = [(claims[place], "unsupported") for place in sorted(missed)]
        hard += [(claims[place], "order") for place in self._disordered(claims, used, tokens, row)]
        hard += self._denials(tokens)
        hard += self._misplaced(claims, used, tokens, row)
        soft = [(token, reason) for token, reason in self._unknown(tokens, row)]
        soft += [(claims[place], "unit") for place, at in used.items() if not row and self._bare(claims[place], at)]
        hard += [(token, "unsupported") for token, reason in soft if reason in ("name", "opposite", "several")]
        hard += [(token, "unsupported") for token in self._sided(tokens, soft)]
        soft = [(token, reason) for token, reason in soft if reason not in ("name", "opposite", "several")]
        hard, soft = self._strayed(clause, hard, soft)
        anchored = self._anchored(tokens, label, used)
        if len(claims) < len(tokens) and not anchored or any(reason == "word" for _, reason in soft):
            # A bare count or a denial of something that the fact does not hold leans on nothing. 'None.' leans on its place.
            loose = [
                claims[place] for place, at in used.items() if claims[place].kind == "neg" or self._count(claims[place])
            ]
            hard += [(token, "unsupported") for token in loose if not row]
        return Match(
            self.statement,
            hard,
            soft,
            {claims[place].start: at for place, at in used.items()},
            {at for at in taken - set(used.values()) if self.known(at).kind != "quote"},
            anchored,
            sum(token.low in self.foreign for token, _ in soft),
            len(self.statement.head) - sum(at[0] == -1 for at in used.values()),
            any(claims[place].kind not in KEYS and claims[place].kind != "code" for place in used),
            any(claims[place].kind not in KEYS | {"code", "time"} for place in used),
        )

    def _opened(self, clause: Sequence[Token]) -> Iterator[Token]:
        """A quote that this statement does not hold is words like others, among which its own may stand."""
        for token in clause:
            if token.kind != "quoted":
                yield token
            elif token.value[0] in self.quotes:
                yield token._replace(kind="quote", value=token.value[0])
            elif self.sequences:
                yield from self._opened(quoted(self.sequences, token.value[1]))
            else:
                yield from token.value[1]

    def _strayed(
        self, clause: Sequence[Token], hard: list[tuple[Token, str]], soft: list[tuple[Token, str]]
    ) -> tuple[list[tuple[Token, str]], list[tuple[Token, str]]]:
        """Free text of another fact, standing here word for word, is one claim at the wrong place."""
        for token in clause:
            if token.kind != "quoted" or token.value[0] in self.quotes or len(token.value[1]) < 3:
                continue
            outside = [pair for pair in soft if not token.start <= pair[0].start < token.end]
            if len(outside) < len(soft):
                hard = [pair for pair in hard if not token.start <= pair[0].start < token.end] + [
                    (token, "unsupported")
                ]
                soft = outside
        return hard, soft

    def known(self, at: Place) -> Token:
        part, index = at
        if part == -1:
            return self.statement.head[index]
        if part == -2:
            return self.statement.maybe[index]
        tokens = self.parts[part].tokens
        return tokens[index] if index < len(tokens) else self.parts[part].maybe[index - len(tokens)]

    def whole(self, at: Place, said: Token | None) -> bool:
        """A piece of a free text does not stand for all of it."""
        known = self.known(at)
        return known.kind != "quote" or said is None or said.kind != "quoted" or said.value[0] == known.value

    def _count(self, said: Token) -> bool:
        return said.kind == "number" and said.value[1] is None

    def _bare(self, said: Token, at: Place) -> bool:
        return said.kind == "number" and said.value[1] is None and self.known(at).value[1] is not None

    # Laying tokens over head and parts

    def in_head(self, token: Token, used: set[Place]) -> Place | None:
        return _find(token, ((-1, self.statement.head), (-2, self.statement.maybe)), used, self.pieces)

    def in_part(self, token: Token, part: int, used: set[Place]) -> Place | None:
        one = self.parts[part]
        return _find(token, ((part, (*one.tokens, *one.maybe)),), used, self.pieces)

    def _bound(self, claims: Sequence[Token]) -> tuple[dict[int, Place], list[int], set[Place]]:
        """Where each claim stands in the statement, the claims that stand nowhere, and all that is told by them."""
        return _Binding(self, claims).bound()

    def _otherwise(self, said: Token, at: Place, claims: Sequence[Token]) -> bool:
        """A share with the direction of another: the latency's rise told as the amplitude's fall."""
        part, index = at
        one = self.parts[part] if part >= 0 else None
        follows = [*one.tokens, *one.maybe][index + 1 : index + 2] if one else []
        ways = [claim for claim in claims if claim.kind == "direction"]
        if not follows or follows[0].kind != "direction" or not ways:
            return False
        return min(ways, key=lambda way: abs(way.start - said.start)).value != follows[0].value

    def _beyond(
        self, before: Sequence[Token], used: dict[int, Place], tokens: Sequence[Token], said: Token, known: Token
    ) -> bool:
        """'Connected from A to B', where B is not when that connection ended."""
        first = next((at for at in range(len(before) - 1, -1, -1) if before[at].kind == "time"), None)
        if said.kind != "time" or first is None or first not in used:
            return False
        ends = cues.ENDS.get(self.known(used[first]).low)
        between = tokens[cues.place_of(tokens, before[first]) + 1 : cues.place_of(tokens, said)]
        return bool(ends) and known.low != ends and [one.low for one in between] in (["to"], ["-"], ["–"], ["until"])

    # Order, denial, words

    def _misplaced(
        self, claims: Sequence[Token], used: dict[int, Place], tokens: Sequence[Token], row: bool
    ) -> Iterator[tuple[Token, str]]:
        """Values that the words beside them make another claim of."""
        if row:
            return
        for place, at in used.items():
            said, known = claims[place], self.known(at)
            if cues.share(tokens, said, known):
                yield said, "share"
            elif known.low == "change" and said.kind == "number" and self._otherwise(said, at, claims):
                yield said, "order"
            elif self.statement.kind == "baseline" and said.kind == "number" and cues.step(tokens, said):
                yield said, "step"
            elif cues.other_time(tokens, said, known, self.cues) or self._beyond(
                claims[:place], used, tokens, said, known
            ):
                yield said, "order"
            elif self.statement.kind in _LISTENERS and said.kind in ("role", "person") and cues.agent(tokens, said):
                yield said, "agent"

    def _disordered(
        self, claims: Sequence[Token], used: dict[int, Place], tokens: Sequence[Token], row: bool
    ) -> list[int]:
        """Two of a kind that stand the other way round than in the record, and no 'to ... from' says so.

        In a row the column is the unit, so that bare numbers are all of a kind.
        """
        found = []
        for part in {at[0] for at in used.values()}:
            if part == -2:
                continue
            rows: dict[Any, list[tuple[int, int]]] = {}
            for place, at in sorted(used.items()):
                token = claims[place]
                known = self.known(at)
                if (
                    at[0] == part
                    and token.kind in ORDERED
                    and not (part >= 0 and at[1] >= len(self.parts[part].tokens))
                ):
                    unit = known.value[1] if token.kind == "number" and not (row and token.value[1] is None) else None
                    rows.setdefault((token.kind, unit), []).append((place, at[1]))
            for pairs in rows.values():
                for (one, first), (two, second) in zip(pairs, pairs[1:], strict=False):
                    backwards = cues.turned(tokens, claims[one]) == "to" and cues.turned(tokens, claims[two]) == "from"
                    if (second < first) != backwards:
                        found.append(two)
        return found

    def _denials(self, tokens: Sequence[Token]) -> list[tuple[Token, str]]:
        """What the record denies must not be affirmed; 'not all' must not become 'all' by leaving it out."""
        head = self.statement.head
        said = [token for token in tokens if token.kind not in MARKS]
        if any(token.kind == "neg" or token.value == "not available" for token in (*head, *self.statement.maybe)):
            gaps = any(token.kind == "gap" for token in head if token.value != "not available")
            if not any(token.kind in ("neg", "sha") or token.kind == "gap" and not gaps for token in said):
                return [(token, "denied") for token in said if token.low in _DENIED][:1]
            told = [token for token in said if token.low in _DENIED]
            negs = sum(token.kind == "neg" for token in said)
            if negs and told and sum(token.low == told[-1].low for token in told) > negs:
                return [(told[-1], "denied")]
        if any(token.value == "not_all" for token in head) and not any(token.value == "not_all" for token in said):
            return [(token, "denied") for token in said if token.value == "at_baseline"][:1]
        return []

    def _unknown(self, tokens: Sequence[Token], row: bool) -> Iterator[tuple[Token, str]]:
        plain = [token for token in tokens if token.kind not in MARKS]
        free = self._in_phrases(plain)
        for place, token in enumerate(plain):
            if token.kind not in SOFT or place in free:
                continue
            if self._opposite(token):
                yield token, "opposite"
            elif self._several(token, plain, row):
                yield token, "several"
            elif token.low == "alerts" and self.statement.alert and not row:
                yield token, "word"
            elif token.kind == "relation":
                if self._during(plain[place + 1 : place + 2]):
                    if token.low == "during":
                        continue
                    yield token, "opposite" if token.low in ("before", "after") else "relation"
                else:
                    yield token, "opposite" if self._turned(plain, place) else "relation"
            elif token.low not in NEUTRAL and token.low not in self.words:
                titled = token.cased and place > 0 and plain[place - 1].kind == "person"
                yield token, "name" if titled or self._name(plain, place) else "word"

    def _opposite(self, token: Token) -> bool:
        """The opposite of a word that the record has here."""
        known = self.texts | self.own
        return token.low not in known | self.words | NEUTRAL and any(cues.opposite(token.low, low) for low in known)

    def _several(self, token: Token, plain: Sequence[Token], row: bool) -> bool:
        """'Alerts' or 'screws' told of the only one."""
        if row:
            return False
        if token.low == "alerts":
            return self.statement.alert is not None and (self.alone or any(one.kind == "code" for one in plain))
        return token.low == "screws" and self.statement.kind in ("stimulation", "onset", "resolution") and self.single

    def _during(self, ahead: Sequence[Token]) -> bool:
        """What follows 'during' is what the record says was being done."""
        return bool(ahead) and any(agrees(ahead[0], known, self.pieces) for known in self.statement.during[:1])

    def _turned(self, plain: Sequence[Token], place: int) -> bool:
        """A word of a known phrase turned around: 'before surgery' where it was after surgery."""
        lows = [token.low for token in plain]
        for phrase in self.phrases:
            for at, word in enumerate(phrase):
                said = lows[max(place - at, 0) :][: len(phrase)]
                if cues.opposite(lows[place], word) and tuple(said) == (*phrase[:at], lows[place], *phrase[at + 1 :]):
                    return True
        return False

    def _name(self, plain: Sequence[Token], place: int) -> bool:
        """An unknown word with a capital within a clause, or two in a row, is somebody's or something's name."""
        token = plain[place]
        if not token.cased:
            return False
        beside = [one for one in plain[max(place - 1, 0) : place + 2] if one is not token]
        if any(
            one.kind == "word" and one.cased and one.low not in NEUTRAL and one.low not in self.words for one in beside
        ):
            return True
        return place > 0 and plain[place - 1].end + 2 >= token.start

    def _sided(self, tokens: Sequence[Token], soft: Sequence[tuple[Token, str]]) -> Iterator[Token]:
        """The side of something that the record does not name here is a side that it does not hold."""
        unknown = {token.start for token, reason in soft if reason == "word"}
        for token, follows in zip(tokens, tokens[1:], strict=False):
            if token.kind == "side" and follows.start in unknown:
                yield token

    def _in_phrases(self, plain: Sequence[Token]) -> set[int]:
        lows = [token.low for token in plain]
        free: set[int] = set()
        for phrase in self.phrases:
            size = len(phrase)
            for place in range(len(lows) - size + 1):
                if tuple(lows[place : place + size]) == phrase:
                    free |= set(range(place, place + size))
        return free

    def _anchored(self, tokens: Sequence[Token], label: Sequence[Token], used: dict[int, Place]) -> bool:
        """The clause shows that it speaks of this kind of fact."""
        wanted = self.statement.anchors
        said = [token for token in (*label, *tokens) if token.kind not in MARKS]
        if not wanted:
            mine = _SAID.get(self.statement.kind, frozenset()) | self.own
            return (
                len(used) > 1
                or any(token.low in mine for token in said)
                or any(token.kind == "quote" for token in said)
                or bool(self._in_phrases(said))
            )
        return any((token.kind, token.value) in wanted or (token.kind, None) in wanted for token in said)


def _find(token: Token, places: Any, used: set[Place], pieces: dict[str, frozenset[str]]) -> Place | None:
    again = None
    # a gap with a name of its own first, and a token of the very kind before one that only agrees
    order = (lambda pair: not pair[1].low) if token.kind == "gap" else (lambda pair: pair[1].kind != token.kind)
    places = [(part, sorted(enumerate(tokens), key=order)) for part, tokens in places]
    for part, tokens in places:
        for index, known in tokens:
            if agrees(token, known, pieces):
                if (part, index) not in used:
                    return part, index
                again = again or (part, index)
    word = token.kind == "quote" and " " not in token.value
    return again if again and (token.kind in AGAIN or word) else None


_TWO_SIDES = ("left and right", "right and left")


def _sides(token: Token) -> list[Token]:
    """The two sides of 'left and right', each where it stands."""
    if token.low not in _TWO_SIDES:
        return [token]
    first, _, second = token.low.split()
    return [
        token._replace(value=first, end=token.start + len(first), low=first),
        token._replace(value=second, start=token.end - len(second), low=second),
    ]


class _Run(Struct):
    places: list[int]
    kinds: set[str]
    joined: bool
    values: list[int]


class _Binding:
    """Keys such as 'left tibialis anterior' choose the part; the values up to the next key belong to it."""

    def __init__(self, layer: Layer, claims: Sequence[Token]) -> None:
        self.layer, self.claims = layer, claims
        self.used: dict[int, Place] = {}
        self.taken: set[Place] = set()
        self.missed: list[int] = []
        self.listed: set[int] = set()
        """Parts that were named in a list, without values of their own."""

    def bound(self) -> tuple[dict[int, Place], list[int], set[Place]]:
        loose, runs = self._runs()
        groups: list[list[_Run]] = []
        for run in runs:
            if run.joined and groups:
                groups[-1].append(run)
            else:
                groups.append([run])
        unnamed = [place for place in loose if groups and self._unnamed_part(place)]
        self._keyless(unnamed)
        loose = [place for place in loose if place not in unnamed]
        if loose and len(groups) == 1:
            groups[0][-1].values[:0] = loose
            loose = []
        side: Token | None = None
        for group in groups:
            side = self._group(group, side)
        if loose and groups:
            self.missed += loose
        elif loose:
            self._keyless(loose)
        return self.used, sorted(set(self.missed)), self.taken

    def _unnamed_part(self, place: int) -> bool:
        """A gap in the place of a name: '[not recorded] and left tibialis anterior'."""
        keyed = [self._keyed(part) for part in range(len(self.layer.parts))]
        if self.claims[place].kind != "gap" or not any(keyed):
            return False
        return any(self._holds(part, place) for part, named in enumerate(keyed) if not named)

    def _keyed(self, part: int) -> bool:
        return any(token.kind in ("side", "site", "level") for token in self.layer.parts[part].tokens)

    def _take(self, place: int, at: Place) -> None:
        self.used[place] = at
        self.taken.add(at)

    def _runs(self) -> tuple[list[int], list[_Run]]:
        """Values without a key, and the runs of keys with their values. Tokens of the head are settled here."""
        runs: list[_Run] = []
        loose: list[int] = []
        promised: set[Place] = set()
        keyed = False
        for place, token in enumerate(self.claims):
            in_part = token.kind in self.layer.keys and any(
                agrees(token, known, self.layer.pieces)
                for part in self.layer.parts
                for known in (*part.tokens, *part.maybe)
            )
            sited = bool(runs) and keyed and bool(runs[-1].kinds & {"side", "site", "level"})
            shared = (
                token.kind in ("quote", "gap")
                and bool(runs)
                and token.kind not in self.layer.keys
                and any(self._holds(part, place) for part in range(len(self.layer.parts)))
            )
            named = self._named_gap(token, promised)
            if not (shared or named or in_part and (sited or token.kind != "modality")):
                at = self.layer.in_head(token, self.taken)
                if at:
                    self._take(place, at)
                    if token.kind not in self.layer.keys:
                        keyed = keyed and token.kind == "code"
                    continue
            if in_part or (token.kind == "side" and token.value == "both" and self.layer.parts):
                if keyed and runs and token.kind not in runs[-1].kinds and not self._begins(place, runs[-1]):
                    runs[-1].places.append(place)
                    runs[-1].kinds.add(token.kind)
                else:
                    runs.append(_Run([place], {token.kind}, keyed, []))
                keyed = True
            elif token.kind in self.layer.keys:
                self.missed.append(place)
            else:
                (runs[-1].values if runs else loose).append(place)
                keyed = False
        return loose, runs

    def _begins(self, place: int, run: _Run) -> bool:
        """A side before a site is of that site, where the response before it was named without a side."""
        follows = self.claims[place + 1 : place + 2]
        return self.claims[place].kind == "side" and "site" in run.kinds and bool(follows) and follows[0].kind == "site"

    def _named_gap(self, token: Token, promised: set[Place]) -> bool:
        """A gap that a part has under this name, and for which no other gap of the clause stands yet."""
        for part, one in enumerate(self.layer.parts if token.kind == "gap" else ()):
            for at, known in enumerate(one.tokens):
                if known.low and (part, at) not in promised and agrees(token, known, self.layer.pieces):
                    promised.add((part, at))
                    return True
        return False

    def _holds(self, part: int, place: int) -> bool:
        one, token = self.layer.parts[part], self.claims[place]
        return any(agrees(token, known, self.layer.pieces) for known in (*one.tokens, *one.maybe))

    def _group(self, group: list[_Run], side: Token | None) -> Token | None:
        """Runs of keys named together; every value told of them must hold for each."""
        values = [place for run in group for place in run.values]
        if len(group) > 1 and (whole := self._one_part(group)):
            self._values(group[-1], whole, [place for run in group for place in run.places], values, every=False)
            return side
        for run in group:
            keys = [place for place in run.places if not self._both(place, run)]
            found = [n for n in range(len(self.layer.parts)) if all(self._holds(n, place) for place in keys)]
            sides = [self.claims[place] for place in run.places if self.claims[place].kind == "side"]
            if sides:
                side = sides[-1]
            elif side and "site" in run.kinds:
                kept = [
                    n
                    for n in found
                    if n not in self.listed
                    and any(agrees(side, known, self.layer.pieces) for known in self.layer.parts[n].tokens)
                ]
                found = kept or found
            if not found:
                most = max(range(len(self.layer.parts)), key=lambda n: sum(self._holds(n, place) for place in keys))
                self.missed += [place for place in keys if not self._holds(most, place)]
                found = [most]
            both = any(self._both(place, run) for place in run.places)
            if not run.values and not both:
                found = sorted((n for n in found if n not in self.listed), key=lambda n: self._unnamed(n, keys))[:1]
                if not found:
                    self.missed += run.places
                    continue
                self.listed.add(found[0])
            self._values(run, found, keys, values, every=both)
        return side

    def _unnamed(self, part: int, keys: list[int]) -> tuple[bool, int]:
        """How much of a part's name is left out by these keys; one that was named already comes last."""
        names = [at for at, known in enumerate(self.layer.parts[part].tokens) if known.kind in self.layer.keys]
        return any((part, at) in self.taken for at in names), len(names) - len(keys)

    def _text(self, place: int) -> bool:
        """A free text of a part, be it one value only."""
        claim = self.claims[place]
        known = (one for part in self.layer.parts for one in part.tokens if one.kind == "quote")
        return claim.kind in ("quote", "gap") or any(agrees(claim, one, self.layer.pieces) for one in known)

    def _one_part(self, group: list[_Run]) -> list[int]:
        """The parts that hold all these keys at once, each at a place of its own: 'surgeon and anesthesia' did one thing."""
        keys = [place for run in group for place in run.places]
        found = []
        for part in range(len(self.layer.parts)):
            taken: set[Place] = set()
            for place in keys:
                at = self.layer.in_part(self.claims[place], part, taken)
                if at is None or at in taken:
                    break
                taken.add(at)
            else:
                found.append(part)
        return found

    def _both(self, place: int, run: _Run) -> bool:
        """'Bilateral' of what the record holds for the left and for the right, each by itself."""
        token = self.claims[place]
        if token.kind != "side" or token.value != "both":
            return False
        keys = [one for one in run.places if one != place]
        parts = [n for n in range(len(self.layer.parts)) if all(self._holds(n, one) for one in keys)]
        sides = {known.value for n in parts for known in self.layer.parts[n].tokens if known.kind == "side"}
        return "both" not in sides and {"left", "right"} <= sides

    def _values(self, run: _Run, found: list[int], keys: list[int], values: list[int], *, every: bool) -> None:
        def fits(part: int) -> list[tuple[int, Place]]:
            taken, laid = set(self.taken), []
            for place in (*keys, *values):
                at = self.layer.in_part(self.claims[place], part, taken)
                if at is None and place in keys and self.claims[place].kind in AGAIN_KEYS:
                    at = self.layer.in_part(self.claims[place], part, set())
                if at is None and place in self.used and place in values:
                    at = self.layer.in_part(self.claims[place], part, taken)
                if at:
                    taken.add(at)
                    laid.append((place, at))
            return laid

        laid = [fits(part) for part in found]
        best = max(laid, key=lambda some: (len(some), sum(at not in self.taken for _, at in some)))
        lacking = [place for place in values if place not in {one for one, _ in best}]
        if every:
            lacking = [place for place in values if any(place not in {one for one, _ in some} for some in laid)]
        for place, at in (pair for some in (laid if every or not values else [best]) for pair in some):
            self._take(place, at)
        for place in lacking:
            self.missed.append(place)
            self.used.pop(place, None)

    def _keyless(self, loose: list[int]) -> None:
        """Values without a key belong to one part; free texts of several parts may be listed."""
        parts = range(len(self.layer.parts))
        free = all(self._text(place) for place in loose)
        whole = [n for n in parts if all(self._holds(n, place) for place in loose)]
        for place in loose:
            places = [
                at
                for n in (whole[:1] or (parts if free else []))
                if (at := self.layer.in_part(self.claims[place], n, self.taken))
            ]
            if places:
                self._take(place, places[0])
            else:
                self.missed.append(place)
