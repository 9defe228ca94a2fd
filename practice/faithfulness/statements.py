"""What a record says, as statements: one for each fact that a report may speak of, in typed tokens.

A statement has a head (what is true of all of it) and parts (the responses of an alert, the listeners, the
agents), each a tuple that must stay together. `where` names the sections that must hold it, with the kinds of
token that may not be left out there. Free text of the record is a quote: word for word, whole or a whole piece.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct, field

from .. import cases as c
from .. import completeness, concurrency
from .. import wording as w
from ..cases import Facts
from ..times import age, clock, service_day
from .words import BASE, MARKS, NEUTRAL, SOFT, VOCABULARY, Token

FACTS = frozenset(
    [
        "time",
        "number",
        "date",
        "side",
        "site",
        "level",
        "modality",
        "drug",
        "person",
        "role",
        "code",
        "ratio",
        "status",
        "direction",
        "quote",
        "gap",
        "mode",
        "sex",
        "credential",
        "position",
    ]
)
"""Kinds of token that a section must hold where it must hold the statement."""


class Quote(str):
    """Free text of the record, which may be told only word for word."""

    __slots__ = ()


class Whole(Quote):
    """Free text that is a fact of its own, so word for word even where it is one value."""

    __slots__ = ()


class Named(str):
    """A gap with the word that stands before it: the criterion's is not the context's."""

    __slots__ = ("name",)

    def __new__(cls, name: str, gap: str) -> Named:
        made = super().__new__(cls, gap)
        made.name = name
        return made


class Change(str):
    """By how much it changed, which is not what was left. `lost` where nothing was left."""

    __slots__ = ("name",)

    def __new__(cls, text: str, name: str = "change") -> Change:
        made = super().__new__(cls, text)
        made.name = name
        return made


class Part(Struct, frozen=True):
    tokens: tuple[Token, ...]
    maybe: tuple[Token, ...] = ()


class Statement(Struct, frozen=True, eq=False):
    kind: str
    sources: tuple[str, ...]
    says: str
    """The record's words, for messages."""
    head: tuple[Token, ...] = ()
    maybe: tuple[Token, ...] = ()
    parts: tuple[Part, ...] = ()
    alert: str | None = None
    anchors: frozenset[Any] = frozenset()
    """Tokens of which a clause must hold one before it can speak of this; empty: any."""
    where: dict[str, frozenset[str] | None] = field(default_factory=dict)
    said: tuple[str, ...] = ()
    """Further keys of the vocabulary's `said` and `phrases`."""
    during: tuple[Token, ...] = ()
    """What the word 'during' may be followed by: the surgical context of an alert."""
    times: int = 1
    """How many facts of the record say just this, so how often a report says it."""

    @property
    def tokens(self) -> Iterator[Token]:
        yield from self.head
        yield from self.maybe
        for part in self.parts:
            yield from part.tokens
            yield from part.maybe


_REPORT = frozenset(word for words in VOCABULARY["said"].values() for word in words.split())
"""Words that any report has, so that one alone tells nothing of a case."""

Sequences = dict[Any, list[tuple[tuple[Any, ...], str]]]


class Book:
    """The statements of one record, with the lexicon that reads texts about it."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.clock = clock(facts)
        self.typed = msgspec.json.encode(facts).decode()
        """The record as it was typed, for characters that are odd but its own."""
        self.lexicon = BASE.copy()
        self._names(facts)
        self.quotes: Sequences = {}
        self.pieces: dict[str, frozenset[str]] = {}
        self.statements: list[Statement] = []
        for write in (
            _header, _technique, _anesthesia, _baselines, _course, _alerts, _stimulation, _closing, _time, _limits, _ends
        ):  # fmt: skip
            write(self, facts)
        self.statements = _merged(self.statements)

    def _names(self, facts: Facts) -> None:
        header = facts.header
        staff = (*facts.staff.technologists, *facts.staff.physicians)
        names = [one.name for one in staff] + [header.surgeon, header.anesthesia, header.requested_by]
        names.append(header.patient.name)
        for name in filter(None, names):
            self.lexicon.add("person", name, name)
            short = name.split(",")[0]
            self.lexicon.add("person", name, short if name != header.patient.name else name)
            if name != header.patient.name and " " in short:
                self.lexicon.add("person", name, f"Dr. {short.split()[-1]}")
        sites = [row.site for row in facts.baselines.rows] + [test.muscle for test in facts.stim_tests]
        sites += [row.site for alert in facts.alerts for row in alert.rows]
        for part in facts.modalities:
            sites += [*(part.muscles or ()), part.nerve]
        for site in filter(None, sites):
            if not any(words == (site.lower(),) for words, *_ in self.lexicon.phrases.get(site.lower(), ())):
                self.lexicon.add("site", site.lower(), site)
        for row in (
            row for alert in facts.alerts for row in (*alert.rows, *(alert.resolution.rows if alert.resolution else ()))
        ):
            if not (facts.baseline(row.ref) or facts.stim_test(row.stim_ref)):  # what it was of is gone, its name stays
                for ref in filter(None, (row.ref, row.stim_ref)):
                    self.lexicon.add("site", ref.lower(), ref)
        for agent in facts.anesthesia.agents if facts.anesthesia else ():
            self.lexicon.add("drug", agent.name.lower(), agent.name)
        if facts.anesthesia and facts.anesthesia.nmb and facts.anesthesia.nmb.agent:
            self.lexicon.add("drug", facts.anesthesia.nmb.agent.lower(), facts.anesthesia.nmb.agent)
        for one in (*facts.alerts, *facts.stim_tests):
            self.lexicon.add("code", one.id.lower(), one.id)

    # Reading and building

    def read(self, text: str) -> list[Token]:
        return self.lexicon.read(text)

    def time(self, at: datetime | None, reason: str | None = None, cue: str = "") -> str:
        """An instant in full: day, clock and zone, so that a text may say less but nothing else. `cue` is which of a fact's times it is."""
        if at is None:
            return w.gap(reason)
        local = at.astimezone(self.clock.zone)
        return f"\x00{local:%m/%d}|{local:%H:%M}|{local.tzname() or ''}|{cue}\x00"

    def own(self, text: str) -> str:
        """A word or two typed as they are (surgeon and anesthesia); anything longer only word for word."""
        typed = all(token.kind not in (*SOFT, *MARKS) or token.low in NEUTRAL for token in self.read(text))
        return text if typed else Quote(text)

    def build(self, pieces: Iterable[Any]) -> tuple[Token, ...]:
        made: list[Token] = []
        for piece in pieces:
            if isinstance(piece, Quote):
                whole = isinstance(piece, Whole)
                made += [token for line in piece.split("\n") for token in self.quote(line, whole=whole)]
            elif isinstance(piece, (Named, Change)):
                made += [token._replace(low=piece.name) for token in self.read(piece)]
            elif piece:
                for at, text in enumerate(str(piece).split("\x00")):
                    if at % 2:
                        day, hour, zone, cue = text.split("|")
                        made.append(Token("time", (hour, day, zone.upper() or None), 0, 0, cue or hour))
                    else:
                        read = [token for token in self.read(text) if token.kind not in MARKS]
                        made += [token._replace(low="") if token.kind == "gap" else token for token in read]
        return tuple(made)

    def quote(self, text: str, *, whole: bool = False) -> list[Token]:
        """Free text as one token; a single value of it is typed as it is, unless it stands for itself."""
        read = [token for token in self.read(text.strip().rstrip(".")) if token.kind != "line"]
        while read and read[-1].low in (".", ";", ","):
            read.pop()
        if not read or len(read) < 2 and not (read[0].kind in SOFT and len(read[0].low) > 3 or whole):
            return read
        if len(read) < 2 and read[0].kind in SOFT and read[0].low in _REPORT:
            return read
        key = _key(read)
        if key not in self.pieces:
            runs = [run for run in _split(read) if len(run) > 1]
            self.pieces[key] = frozenset({key, *(_key(run) for run in runs)})
            for run in (read, *runs):
                sequence = tuple((token.kind, token.value) for token in run)
                if len(run) < 2 and run[0].kind not in (*SOFT, *MARKS):
                    continue  # one value stands in a text as any other of its kind does
                listed = self.quotes.setdefault(sequence[0], [])
                if (sequence, _key(run)) not in listed:
                    listed.append((sequence, _key(run)))
                    listed.sort(key=lambda known: -len(known[0]))
        return [Token("quote", key, 0, 0, text)]

    def late(self, src: str) -> str:
        late = self.facts.late.get(src)
        if late is None:
            return ""
        return f"entry keyed time changed was late {self.time(late.was or late.entered_at)}"

    def add(
        self, kind: str, sources: Iterable[str], *head: Any, maybe: Iterable[Any] = (), parts: Iterable[Any] = (),
        alert: str | None = None, anchors: Iterable[Any] = (), where: Any = (), said: tuple[str, ...] = (),
        during: Any = "",
    ) -> None:  # fmt: skip
        """`parts` are sequences of pieces, or pairs of those with pieces that may be left out."""
        sources = tuple(dict.fromkeys(src or "record" for src in sources)) or ("record",)
        marks = _late([*maybe, alert, *(self.late(src) for src in sources if not parts)])
        built = []
        for part in parts:
            sure, more = part if isinstance(part, tuple) else (part, [])
            built.append(Part(self.build(sure), self.late_marks(self.build(_late(more)))))
        if not isinstance(where, dict):
            where = dict.fromkeys(where, FACTS)
        self.statements.append(
            Statement(
                kind, sources, _told([*head, *(piece for part in parts for piece in (part[0] if isinstance(part, tuple) else part))]),
                self.build(head), self.late_marks(self.build(marks)), tuple(built), alert, frozenset(anchors), where, said,
                self.build([during]),
            )
        )  # fmt: skip

    def late_marks(self, tokens: tuple[Token, ...]) -> tuple[Token, ...]:
        """The time that follows the word 'late' twice said is when an entry was keyed."""
        out: list[Token] = []
        for token in tokens:
            if token.kind == "time" and out and out[-1].low == "late":
                token = token._replace(kind="late")
            out.append(token)
        return tuple(out)


def _merged(statements: Iterable[Statement]) -> list[Statement]:
    """Facts that say the same, such as one event keyed twice, as one statement that is told as often."""
    made: dict[Any, Statement] = {}
    for one in statements:
        key = (one.kind, one.alert, _values(one.head), tuple(_values(part.tokens) for part in one.parts), *one.where)
        if twin := made.get(key):
            held = _values(twin.maybe)
            more = tuple(token for token in one.maybe if (token.kind, token.value) not in held)
            one = msgspec.structs.replace(
                twin, sources=tuple(dict.fromkeys((*twin.sources, *one.sources))), maybe=(*twin.maybe, *more), times=twin.times + 1
            )  # fmt: skip
        made[key] = one
    return list(made.values())


def _values(tokens: Iterable[Token]) -> tuple[Any, ...]:
    return tuple((token.kind, token.value) for token in tokens)


def _late(pieces: Iterable[Any]) -> list[Any]:
    return [piece for piece in pieces if piece]


def _key(tokens: Sequence[Token]) -> str:
    return " ".join(f"{token.kind}:{token.value}" for token in tokens)


def _split(tokens: Sequence[Token]) -> Iterator[Sequence[Token]]:
    run: list[Token] = []
    for token in (*tokens, Token("mark", ";", 0, 0, ";")):
        if token.low in (";", "."):
            yield run
            run = []
        else:
            run.append(token)


def _told(pieces: Iterable[Any]) -> str:
    """The pieces as a line for a message."""
    text = " ".join(str(piece) for piece in pieces if piece)
    parts = text.split("\x00")
    for at in range(1, len(parts), 2):
        parts[at] = parts[at].split("|")[1]
    return " ".join("".join(parts).split())


def _say(value: Any, unit: str = "", reason: str | None = None) -> str:
    return w.gap(reason) if value is None else f"{value} {unit}".strip()


def _header(book: Book, facts: Facts) -> None:
    header, patient, day = facts.header, facts.header.patient, service_day(facts)
    here = ("header",)
    years = f"{age(patient.dob, day)} y" if patient.dob and day else ""
    sex = f"sex {patient.sex}" if patient.sex else w.GAP
    book.add(
        "patient",
        here,
        patient.name or w.GAP,
        "MRN",
        patient.mrn or w.GAP,
        patient.dob or w.GAP,
        years,
        sex,
        where=here,
    )
    ends = [one.end.astimezone(facts.zone).date() for one in facts.time.segments if one.end]
    book.add("service", here, day or w.GAP, maybe=[max(ends) if ends else ""], where=here)
    place = header.facility
    book.add(
        "facility", here, Quote(", ".join(filter(None, [place.name, place.or_room])) or w.GAP),
        maybe=[Quote(place.name or ""), Quote(place.or_room or "")], where=here,
    )  # fmt: skip
    book.add(
        "surgeon", here, "surgeon", header.surgeon or w.GAP, header.requested_by or w.GAP, where={"header": {"person"}}
    )
    book.add(
        "anesthesia_provider",
        here,
        header.anesthesia or w.GAP,
        maybe=["anesthesia"],
        where={"header": {"person", "gap"}},
    )
    modes = [segment.mode for segment in facts.time.segments]
    remote = "remote real time" if any(mode != "in_room" for mode in modes) else ""
    room = "in the operating room" if "in_room" in modes else ""
    for kind, people, more in (
        ("technologists", facts.staff.technologists, "technologist in the operating room"),
        ("physicians", facts.staff.physicians, f"interpreting physician {remote} {room}"),
    ):
        parts = [([one.name], [", ".join(filter(None, [one.cred]))]) for one in people]
        if kind == "technologists":
            gap = w.GAP if any(one.cred for one in people) else ""
            parts = [[one.name, one.cred or gap] for one in people]
        book.add(
            kind, [one.src for one in people], "" if people else w.GAP, maybe=[more], parts=parts,
            where={"header": {"person", "credential", "gap"}},
        )  # fmt: skip
    book.add(
        "source",
        ["record"],
        facts.id,
        str(facts.record_rev),
        Quote(facts.tz),
        maybe=["all each"],
        where={"header": None},
    )
    diagnoses = [([Quote(one.text), one.icd10 or w.GAP], ["ICD-10"]) for one in header.diagnosis]
    there = ("indication",)
    book.add("diagnosis", here, "" if diagnoses else w.GAP, parts=diagnoses, where=there)
    procedure = header.procedure
    book.add(
        "procedure", here, Quote(procedure.text) if procedure.text else w.GAP, Quote(procedure.position or w.GAP) if procedure.position else w.GAP,
        where=there,
    )  # fmt: skip
    book.add("indication", here, Quote(header.indication) if header.indication else w.GAP, where=there)
    book.add("exam", here, Quote(header.preop_exam) if header.preop_exam else w.GAP, where=there)


def _technique(book: Book, facts: Facts) -> None:
    for part in facts.modalities:
        side = {"L": "left", "R": "right", "B": "bilateral"}.get(part.side, "bilateral" if part.muscles else "")
        head = [
            part.code, Quote(part.nerve) if part.nerve else "", Quote(part.stim_site or ""), Quote(part.stim or ""),
            *(_say(value, "mA") for value in part.stim_ma or ()),
            *(one for one in (w.volts(part.stim_v) if part.stim_v else ()) if one != w.GAP),
            f"train {part.train}" if part.train else "", f"{part.isi_ms} ms" if part.isi_ms is not None else "",
            f"{part.pw_us} µs" if part.pw_us is not None else "", f"{part.rate_hz} Hz" if part.rate_hz is not None else "",
            *(Quote(place) for place in part.rec or ()), side, *(part.muscles or ()),
            "-".join(map(str, part.filters_hz)) + " Hz" if part.filters_hz else "",
            f"{part.averages} averages" if part.averages is not None else "",
            (f"{part.channels} channels" if isinstance(part.channels, int) else Quote(part.channels or "")),
            Quote(part.montage or ""), Quote(part.electrodes or ""), Quote(part.safety or ""),
        ]  # fmt: skip
        more = [w.MODALITIES[part.code]["name"], w.region(part), "left right" if len(part.stim_ma or ()) == 2 else ""]
        more += [Quote(part.sweep or ""), w.gap(part.missing_reason), Quote(w.region(part))]
        more += [w.GAP] * sum(value is None for value in part.stim_v or ())
        book.add("technique", [part.src], *head, maybe=more, anchors=[("modality", part.code)], where=("technique",))
    if not facts.modalities:
        book.add("technique", ["record"], "modalities", w.GAP, where=("technique",))
    criteria = dict(facts.alert_criteria)
    for part in facts.modalities:
        if w.MODALITIES[part.code].get("compared"):
            criteria.setdefault(part.code, "")
    parts = [[code, Quote(text) if text else w.GAP] for code, text in criteria.items()]
    book.add("criteria", ["record"], "" if parts else w.GAP, parts=parts, where=("technique",))


def _anesthesia(book: Book, facts: Facts) -> None:
    drugs, here = facts.anesthesia, ("anesthesia",)
    if drugs is None or not (drugs.technique or drugs.agents or drugs.nmb):
        gap = w.gap(drugs.missing_reason if drugs else None)
        book.add("drugs", [drugs.src if drugs else ""], gap, maybe=["anesthesia"], anchors=[("role", None)], where=here)
    else:
        parts = [
            [one.name, f"{one.dose} {one.unit or ''}" if one.dose is not None else w.gap(one.missing_reason)]
            for one in drugs.agents
        ]
        technique = Quote(drugs.technique) if drugs.technique else w.gap(drugs.missing_reason)
        book.add(
            "drugs",
            [drugs.src],
            technique,
            parts=parts,
            maybe=["anesthesia", *("MAC" for one in drugs.agents if one.unit == "MAC")],
            anchors=[(kind, None) for kind in ("drug", "quote", "role", "gap")] + [("word", "technique")],
            where=here,
        )
        if drugs.nmb and drugs.nmb.agent:
            given = drugs.nmb
            book.add(
                "blockade", [drugs.src], given.agent, given.dose or w.gap(given.missing_reason), book.time(given.given_at, given.missing_reason),
                given.reversed or "", maybe=["reversed" if given.reversed else ""], where=here,
            )  # fmt: skip
    for one in drugs.tof if drugs else ():
        book.add(
            "tof",
            [one.src],
            "TOF",
            one.value or w.gap(one.missing_reason),
            book.time(one.t),
            anchors=[("modality", "TOF")],
            where=here,
        )
    for one in facts.physiology:
        pressure, warmth = _say(one.map_mmhg, "mmHg", one.missing_reason), _say(one.temp_c, "°C", one.missing_reason)
        book.add("physiology", [one.src], book.time(one.t, one.missing_reason), pressure, warmth, where=here)
    if not facts.physiology:
        book.add("no_physiology", ["record"], w.GAP, where=here)


def _baselines(book: Book, facts: Facts) -> None:
    here = ("baselines",)
    for one in facts.baselines.sets:
        reviewed = (
            book.time(one.reviewed_at, cue="review") if one.reviewed_at else Named("review", w.gap(one.missing_reason))
        )
        book.add(
            "baseline_set",
            [one.src],
            Quote(one.label or ""),
            book.time(one.start, cue="start"),
            book.time(one.end, cue="end"),
            reviewed,
            maybe=["physician", facts.person_name(one.reviewed_by) or ""],
            where=here,
        )
    if not facts.baselines.sets:
        book.add("baseline_set", ["record"], w.GAP, maybe=["physician"], anchors=[("word", "review")], where=here)
    for one in facts.baselines.rows:
        head = [
            one.modality,
            w.side(one.side),
            one.site or "",
            one.peak or "",
            _say(one.lat_ms, "ms") if one.lat_ms is not None else "",
        ]
        head += [
            f"{one.amp_uv} µV" if one.amp_uv is not None else "",
            one.quality or w.gap(one.missing_reason),
            Quote(one.descriptor or ""),
        ]
        book.add(
            "baseline",
            [one.src],
            *head,
            maybe=["at baseline"] if one.quality in ("reduced", "poor", "absent") else [],
            where=here,
        )
    if not facts.baselines.rows:
        book.add("baseline", ["record"], w.GAP, anchors=[("word", "responses")], where=here)


def _course(book: Book, facts: Facts) -> None:
    here = ("course",)
    quiet = not facts.alerts and not facts.impression
    for one in facts.events:
        text = Whole(one.text) if one.text else one.type.replace("_", " ")
        seen = one.type in ("observation", "emg_activity")
        book.add(
            "event",
            [one.src],
            book.time(one.t, one.missing_reason),
            text,
            maybe=["observation"] if seen else [],
            where=(*here, "impression") if quiet and seen and one.text else here,
        )
    for one in facts.handovers:
        who = (facts.person_name(one.frm) or w.GAP, facts.person_name(one.to) or w.GAP)
        book.add(
            "handover",
            [one.src],
            one.kind,
            *who,
            book.time(one.start, cue="start"),
            book.time(one.end, cue="end"),
            maybe=[book.time(one.start)],
            where=here,
        )
    if not (facts.events or facts.handovers or facts.alerts):
        book.add("event", ["record"], w.GAP, said=("columns",), where=here)


def _alerts(book: Book, facts: Facts) -> None:
    for alert in facts.alerts:
        _onset(book, facts, alert)
        _slots(book, facts, alert)
        _resolution(book, facts, alert)
    if facts.alerts:
        return
    every = {"key_result": FACTS | {"neg"}, "alerts": FACTS | {"neg"}, "impression": FACTS | {"neg"}}
    if facts.impression:
        every.pop("impression")
    denied = completeness.alerts_denied(facts)
    if denied:
        book.add(
            "no_alerts",
            ["record"],
            "no",
            maybe=["section 2" if facts.alert_criteria else ""],
            anchors=[("word", "alert"), ("word", "alerts")],
            where=every,
        )
    else:
        book.add("no_alerts", ["record"], w.GAP, anchors=[("word", "alerts")], where=every)


def _place(facts: Facts, row: c.AlertRow, modality: str) -> list[Any]:
    baseline, test = facts.baseline(row.ref), facts.stim_test(row.stim_ref)
    if baseline:
        return [
            w.side(baseline.side),
            baseline.site or "",
            modality if baseline.modality == modality else baseline.modality,
        ]
    if test:
        return [w.side(test.side), test.level or ""]
    named = row.side or row.site or row.ref or row.stim_ref
    return [w.side(row.side), row.site or "" if row.side else named or w.gap(row.missing_reason)]


def _said(book: Book, text: str | None) -> str:
    """What was written of a response: a state such as 'lost' may be told in other words, anything else may not."""
    read = book.read(text or "")
    return Quote(text or "") if all(token.kind in ("status", "direction") for token in read) else Whole(text or "")


def _changed(book: Book, alert: c.Alert, row: c.AlertRow) -> tuple[list[Any], list[Any]]:
    """A response of an alert: what must be told of it, and what may be."""
    facts = book.facts
    baseline, test = facts.baseline(row.ref), facts.stim_test(row.stim_ref)
    sure, maybe = _place(facts, row, alert.modality), [alert.modality, _said(book, row.text)]
    if test:
        sure += [_say(test.thr_ma, "mA", test.missing_reason)]
        return sure, [*maybe, test.muscle or "", test.type.replace("_", " "), "low", "below", test.id]
    left = row.pct_of_baseline if row.value_uv is None and row.change_pct is None else None
    if baseline and left is not None:
        sure, maybe = [*sure, f"{left}%"], [*maybe, "baseline"]
    if baseline and (row.value_uv is not None or row.value_lat_ms is not None):
        if row.value_uv is not None:
            sure += [_say(baseline.amp_uv, "µV", baseline.missing_reason), f"{row.value_uv} µV"]
            maybe += ["lost absent" if row.value_uv == 0 else ""]
        if row.value_lat_ms is not None:
            sure += [_say(baseline.lat_ms, "ms", baseline.missing_reason), f"{row.value_lat_ms} ms"]
        amplitude = (
            row.change_pct
            if row.value_uv is not None and row.change_pct is not None
            else w.share(baseline.amp_uv, row.value_uv)
        )
        latency = (
            row.change_pct
            if row.value_uv is None and row.change_pct is not None
            else w.share(baseline.lat_ms, row.value_lat_ms)
        )
        name = "lost" if row.value_uv == 0 else "change"
        maybe += [Change(w.percent(change), name) for change in (amplitude, latency) if change is not None]
        if row.value_uv == 0 and row.change_pct is None:
            maybe.append(Change("100% decrease", "lost"))
        return sure, maybe
    named = bool(row.text) and all(word in row.text for word in w.place(facts, row).split())
    if row.change_pct is not None:
        change = Change(w.percent(row.change_pct))
        # Words that name the response stand for its name.
        return (
            ([_said(book, row.text), change], [*sure, *maybe]) if named and not baseline else ([*sure, change], maybe)
        )
    if baseline and left is not None:
        return sure, maybe
    if row.text:
        said = _said(book, row.text)
        return ([said], [*sure, *maybe]) if named else ([*sure, said], maybe)
    return [*sure, w.gap(row.missing_reason)], maybe


def _onset(book: Book, facts: Facts, alert: c.Alert) -> None:
    sources = [
        alert.src,
        *(one.src for row in alert.rows if (one := facts.baseline(row.ref) or facts.stim_test(row.stim_ref))),
    ]
    parts = [_changed(book, alert, row) for row in alert.rows]
    at = book.time(alert.t, alert.missing_reason)
    criterion = Whole(alert.criterion) if alert.criterion else Named("criterion", w.GAP)
    context = Whole(alert.surgical_context or "")
    parts = parts or [([Named("alert changed", w.GAP)], [])]
    same = (
        alert.criterion and alert.criterion == alert.surgical_context
    )  # one text in two slots is told where it is told
    where = {
        "key_result": frozenset({"modality", "time", "side", "site", "level"}), "course": frozenset({"modality", "time"}),
        "alerts": FACTS, "impression": frozenset({"modality", "time", "side", "site", "level", "number"}),
    }  # fmt: skip
    if facts.impression:
        where.pop("impression")
    book.add(
        "onset", sources, alert.id, alert.modality, at, context or Named("context", w.GAP), "" if same else criterion, during=context,
        maybe=[criterion if same else "", "alert section 6", alert.modality, book.late(alert.src)], parts=parts, alert=alert.id, where=where,
        anchors=[("word", "alert"), ("word", "finding"), ("code", alert.id.lower()), ("status", None), ("site", None), ("level", None), ("side", None), ("quote", None), ("gap", None)],
    )  # fmt: skip


def _slots(book: Book, facts: Facts, alert: c.Alert) -> None:
    here = {"alert": alert.id, "where": ("alerts",)}
    if alert.unchanged:
        book.add("unchanged", [alert.src], Whole(w.unchanged(alert.unchanged)), **here)
    cause = Whole(alert.cause_suspected) if alert.cause_suspected else w.gap(alert.missing_reason)
    book.add(
        "suspected",
        [alert.src],
        cause,
        alert=alert.id,
        where={"alerts": FACTS, **({} if facts.impression else {"impression": FACTS})},
        anchors=[("word", "suspected")],
    )
    parts = []
    for told in alert.communicated:
        name = facts.person_name(told.ref) if told.ref else ""
        parts.append(
            (
                [
                    told.who,
                    book.time(told.t, told.missing_reason),
                    book.own(told.mode) if told.mode else w.gap(told.missing_reason) if told.t else "",
                ],
                [name or "", book.late(told.src)],
            )
        )
    named = {told.who for told in alert.communicated}
    parts += [([who, w.GAP], []) for who in completeness.REQUIRED_LISTENERS if who not in named]
    sources = [told.src for told in alert.communicated] or [alert.src]
    book.add("told", sources, maybe=[alert.id], parts=parts, anchors=[("role", None)], **here)
    acts = []
    for done in alert.actions:
        by = book.own(done.by) if done.by else w.GAP
        acts.append(
            (
                [book.time(done.t, done.missing_reason), by, Whole(done.text) if done.text else w.GAP],
                [book.late(done.src)],
            )
        )
    where = {"alerts": FACTS, **({} if facts.impression else {"impression": frozenset()})}
    book.add(
        "action",
        [done.src for done in alert.actions] or [alert.src],
        "" if acts else w.GAP,
        maybe=[alert.id],
        parts=acts,
        alert=alert.id,
        where=where,
    )
    if note := alert.md_note:
        book.add(
            "note",
            [note.src],
            facts.person_name(note.by) or w.GAP,
            book.time(note.t, note.missing_reason),
            Quote(note.text),
            maybe=["physician"],
            **here,
        )
    else:
        book.add(
            "note",
            [alert.src],
            "no",
            maybe=["physician", alert.id],
            alert=alert.id,
            where={"alerts": FACTS | {"neg"}},
            said=("onset",),
            anchors=[("word", "note")],
        )


def _recovered(book: Book, row: c.AlertRow, modality: str) -> tuple[list[Any], list[Any]]:
    facts = book.facts
    baseline, test = facts.baseline(row.ref), facts.stim_test(row.stim_ref)
    sure, maybe = _place(facts, row, modality), [modality]
    placed = len(sure)
    if test:
        return [*sure, _say(test.thr_ma, "mA", test.missing_reason)], [
            *maybe,
            test.type.replace("_", " "),
            test.muscle or "",
            test.id,
            "retest" if test.retest_of else "",
        ]
    if row.value_uv == 0 or (row.value_uv is None and row.pct_of_baseline == 0):
        sure.append("absent")
        maybe += ["lost", f"{row.value_uv or 0} µV", "0 %"]
    elif row.value_uv is not None:
        sure.append(f"{row.value_uv} µV")
        maybe.append(f"{baseline.amp_uv} µV" if baseline and baseline.amp_uv is not None else "")
    sure += [f"{row.value_lat_ms} ms"] if row.value_lat_ms is not None else []
    sure += [f"{row.pct_of_baseline}%"] if row.pct_of_baseline else []
    sure += [_said(book, row.text)] if row.text else []
    return sure if len(sure) > placed else [*sure, w.gap(row.missing_reason)], maybe


def _resolution(book: Book, facts: Facts, alert: c.Alert) -> None:
    end = alert.resolution
    every = {"key_result": frozenset({"status", "time", "gap"}), "alerts": FACTS}
    if not facts.impression:
        every["impression"] = frozenset({"status", "time", "gap"})
    if end is None or end.status is None:
        gap = w.gap(end.missing_reason if end else None)
        book.add(
            "resolution",
            [end.src if end else alert.src],
            gap,
            maybe=[alert.id],
            alert=alert.id,
            where=every,
            anchors=[("word", "outcome"), ("word", "resolution")],
        )
        return
    word = {"resolved": "resolved", "partial": "partly recovered", "unresolved": "unresolved"}[end.status]
    parts = [_recovered(book, row, alert.modality) for row in end.rows]
    sources = [
        end.src,
        *(one.src for row in end.rows if (one := facts.baseline(row.ref) or facts.stim_test(row.stim_ref))),
    ]
    more = [alert.id, alert.modality, "present" if end.status == "unresolved" else "", book.late(end.src)]
    said = ("unresolved",) if end.status == "unresolved" else ()
    anchors = [("status", state) for state in ("resolved", "partial", "unresolved")] + [
        ("word", "resolution"),
        ("site", None),
        ("level", None),
    ]
    book.add(
        "resolution",
        sources,
        word,
        book.time(end.t) if end.t else Named("time test resolution", w.gap(end.missing_reason)),
        maybe=more,
        parts=parts,
        alert=alert.id,
        where=every,
        said=said,
        anchors=anchors,
    )
    if end.reported_at:
        book.add(
            "reported",
            [end.src],
            end.reported_to or "surgeon",
            book.time(end.reported_at),
            alert=alert.id,
            where=("alerts",),
            maybe=["surgeon", alert.id],
            anchors=[("word", "reported")],
        )
    if end.status == "unresolved" and not completeness.reported(end):
        book.add(
            "reported",
            [end.src],
            "surgeon",
            w.GAP,
            alert=alert.id,
            where=("alerts",),
            maybe=[alert.id],
            anchors=[("word", "report")],
        )


def _stimulation(book: Book, facts: Facts) -> None:
    here = ("stimulation",)
    low = {row.stim_ref for alert in facts.alerts for row in alert.rows if row.stim_ref}
    for test in facts.stim_tests:
        head = [
            book.time(test.t, test.missing_reason),
            test.level or "",
            w.side(test.side) or w.gap(test.missing_reason),
            test.muscle or w.gap(test.missing_reason),
        ]
        head += [_say(test.thr_ma, "mA", test.missing_reason), "low" if test.id in low else "", test.retest_of or ""]
        more = [
            test.id,
            "" if test.type == "pedicle_screw" else test.type.replace("_", " "),
            "section 6" if test.id in low else "",
            "retest" if test.retest_of else "",
        ]
        book.add("stimulation", [test.src], *head, maybe=more, where=here)
    if not facts.stim_tests:
        unsaid = completeness.stimulation_unsaid(facts)
        pieces = [w.GAP] if unsaid else ["not performed"]
        book.add("no_stimulation", ["record"], *pieces, where={"stimulation": FACTS | {"neg"}})


def _closing(book: Book, facts: Facts) -> None:
    closing = facts.closing
    every = ("key_result", "closing") if facts.impression else ("key_result", "closing", "impression")
    if closing is None:
        book.add("closing_state", ["record"], w.GAP, where=every, anchors=[("word", "closing")])
        _observation(book, None, every[1:])
        return
    at = book.time(closing.t, closing.missing_reason)
    rows = {row.ref: row for row in closing.rows}
    due = completeness.expected_at_closing(facts)
    gaps = [one for one in due if one.id not in rows or not completeness.recorded(rows[one.id])]
    states = {
        "at_baseline": "all recorded at baseline",
        "not_at_baseline": "not all at baseline",
        "incomplete": "incomplete",
    }
    book.add(
        "closing_state",
        [closing.src],
        at,
        states.get(closing.overall, w.GAP),
        maybe=["" if gaps else "each"],
        where=dict.fromkeys(every, FACTS | {"quant"}),
        anchors=[("word", "closing")],
    )
    if closing.postop_exam and closing.postop_exam.recorded and closing.postop_exam.new_deficit:
        book.add(
            "new_deficit",
            [closing.postop_exam.src],
            "new deficit",
            maybe=["section 8"],
            where={"key_result": {"status"}},
        )
    here = ("closing",)
    book.add(
        "coverage",
        [closing.src, *(row.src for row in closing.rows)],
        f"{len(due) - len(gaps)} of {len(due)}",
        where=here,
    )
    if gaps:
        book.add(
            "closing_gap",
            [closing.src],
            w.GAP,
            parts=[[w.side(one.side), one.site or "", one.modality] for one in gaps],
            where=here,
        )
    for one in gaps:
        if one.id not in rows:
            book.add(
                "closing", [one.src, closing.src], w.side(one.side), one.site or "", one.modality, w.GAP, where=here
            )
    for row in closing.rows:
        one = facts.baseline(row.ref)
        name = [w.side(one.side), one.site or "", one.modality] if one else [row.ref]
        value = (
            f"{row.pct}%"
            if row.pct is not None
            else book.own(w.spaced(row.status))
            if completeness.recorded(row)
            else w.gap(row.missing_reason or row.status)
        )
        book.add("closing", [row.src, one.src if one else row.src], *name, value, where=here)
    _observation(book, closing.postop_exam, every[1:])


def _observation(book: Book, exam: c.PostopExam | None, where: Sequence[str]) -> None:
    if exam is None or not exam.recorded:
        reason = exam.missing_reason if exam else None
        src = exam.src if exam else ""
        plain = reason in w.UNSAID or reason in ("not_applicable", "not_available", "technical")
        if plain:
            book.add(
                "observation",
                [src],
                w.gap(reason),
                where=where,
                anchors=[("word", "examination"), ("word", "observation"), ("word", "exam")],
            )
        else:
            book.add("observation", [src], "not available", Quote(reason), where=where)
        return
    text = Quote(exam.text.rstrip(".")) if exam.text else w.gap(exam.missing_reason)
    by = Quote(exam.by) if exam.by else w.gap(exam.missing_reason)
    book.add(
        "observation",
        [exam.src],
        book.time(exam.t, exam.missing_reason),
        by,
        text,
        "new deficit" if exam.new_deficit else "",
        where=where,
    )


def _time(book: Book, facts: Facts) -> None:
    time, here = facts.time, ("time",)
    book.add(
        "setup",
        list(time.moments.values()) or ["time"],
        book.time(time.setup_start, cue="start"),
        book.time(time.setup_end, cue="end"),
        book.time(time.electrodes_out, cue="removal"),
        maybe=["not"],
        where={"time": FACTS | {"neg"}},
        anchors=[("word", word) for word in ("set-up", "setup", "electrode", "electrodes")],
    )
    for one in time.segments:
        minutes = f"{c.minutes_between(one.start, one.end)} minutes" if one.start and one.end else ""
        book.add(
            "segment",
            [one.src],
            book.time(one.start, cue="start"),
            book.time(one.end, one.missing_reason, "end"),
            minutes,
            where=here,
            anchors=[("word", "monitoring")],
        )
    sources = [one.src for one in time.segments]
    if not time.segments or any(not (one.start and one.end) for one in time.segments):
        book.add("total", sources, w.GAP, where=here, anchors=[("word", "total")])
    else:
        ran, paused = concurrency.segments(facts), concurrency.pauses(facts)
        counted = concurrency.subtract(ran, paused)
        more = [
            f"{len(time.segments)} segments" if len(time.segments) > 1 else "",
            "pauses not counted" if counted != ran else "",
        ]
        book.add(
            "total",
            sources,
            f"{concurrency.minutes(counted)} minutes",
            maybe=more,
            where=here,
            anchors=[("word", "total")],
        )
    for one in time.breaks:
        book.add(
            "pause", [one.src], book.time(one.start), book.time(one.end), Quote(one.reason or ""), "paused", where=here
        )
    _attendance(book, facts)


def _attendance(book: Book, facts: Facts) -> None:
    here = ("time",)
    for one in facts.physician_log:
        head = [
            facts.person_name(one.physician) or w.GAP,
            book.time(one.connect, one.missing_reason, "connect"),
            book.time(one.disconnect, one.missing_reason, "disconnect"),
        ]
        method = Quote(one.method) if one.method else w.GAP
        for piece in one.concurrency:
            head += [
                book.time(piece.frm, cue="while"),
                book.time(piece.to, cue="while"),
                piece.n if piece.n is not None else w.GAP,
            ]
        book.add(
            "presence",
            [one.src],
            *head,
            "" if one.concurrency else w.GAP,
            maybe=["physician connected disconnected", method],
            where=here,
        )
        for note in one.notes:
            book.add(
                "note",
                [note.src or one.src],
                book.time(note.t, note.missing_reason),
                facts.person_name(note.by) or w.GAP,
                Quote(note.text),
                maybe=["physician"],
                where=here,
            )
    if not facts.physician_log:
        book.add("presence", ["record"], w.GAP, maybe=["physician"], where=here)
    for person in dict.fromkeys(one.physician for one in facts.physician_log if one.exclusive):
        log = [one for one in facts.physician_log if one.physician == person and one.exclusive]
        stretches = [part for one in log for part in one.exclusive]
        head = [time for part in stretches for time in (book.time(part.frm), book.time(part.to))]
        known = all(part.frm and part.to for part in stretches)
        minutes = (
            sum(((part.to - part.frm) for part in stretches), timedelta()) // timedelta(minutes=1) if known else None
        )
        book.add(
            "exclusive",
            [one.src for one in log],
            *head,
            _say(minutes, "minutes"),
            maybe=[facts.person_name(person) or ""],
            where=here,
            anchors=[("word", "exclusive")],
        )


def _limits(book: Book, facts: Facts) -> None:
    rows, here = facts.baselines.rows, ("limitations",)
    count = 0
    for one in rows:
        if one.quality == "absent":
            count += 1
            book.add(
                "limit",
                [one.src],
                w.side(one.side),
                one.site or "",
                one.modality,
                "absent",
                "at baseline not",
                where={"limitations": FACTS | {"neg"}},
                anchors=[("site", None), ("side", None)],
            )
    for quality in ("reduced", "poor"):
        if named := [one for one in rows if one.quality == quality]:
            count += 1
            parts = [[w.side(one.side), one.site or "", one.modality] for one in named]
            book.add("limit", [one.src for one in named], quality, maybe=["at baseline"], parts=parts, where=here)
    for gap in completeness.missing(facts):
        if not gap.field.startswith(("conflicts.", "entries.")):
            count += 1
            reason = w.GAP if gap.reason in w.UNSAID else gap.reason.replace("_", " ")
            book.add("limit", [gap.src], Quote(gap.label), reason if reason == w.GAP else Quote(reason), where=here)
    for conflict in facts.conflicts:
        count += 1
        book.add(
            "unsettled",
            [conflict.original, *conflict.versions],
            f"{len(conflict.versions)} corrections",
            where=here,
        )
    for src in facts.dangling:
        count += 1
        book.add("unsettled", [src], "not", where={"limitations": {"neg"}})
    for src, late in facts.late.items():
        count += 1
        book.add(
            "unsettled", [src], book.time(late.at), maybe=[book.time(late.was) if late.was else "", book.late(src)]
        )
    # Late entries are marked where they stand, so a list of them may be empty.
    if count == len(facts.late):
        book.add(
            "limit", ["record"], "none", anchors=[("neg", "not")], where={} if facts.late else {"limitations": {"neg"}}
        )


def _ends(book: Book, facts: Facts) -> None:
    parts = [part for part in facts.modalities if w.MODALITIES[part.code].get("multimodality", True)]
    codes = list(dict.fromkeys(part.code for part in parts))
    sources = [part.src for part in parts]
    if facts.impression:
        note = facts.impression
        book.add(
            "own_impression",
            [note.src],
            Quote(note.text),
            facts.person_name(note.by) or w.GAP,
            book.time(note.t),
            where=("impression",),
        )
    elif facts.status != "aborted":
        book.add(
            "monitored",
            sources,
            *(codes or [w.GAP]),
            maybe=["performed", "monitored"],
            where=("impression",),
            anchors=[("modality", None), ("gap", None)],
        )
    if facts.status == "aborted":
        event = next((one for one in facts.events if one.type == "aborted"), None)
        before = event is not None and "before incision" in event.text.lower()
        known = [code for code in codes if any(row.modality == code for row in facts.baselines.rows)]
        if known and not facts.impression:
            book.add("monitored", sources, *known, where=("impression",), anchors=[("modality", None)])
        at = book.time(event.t) if event else ""
        where = {"key_result": {"status"}} if facts.impression else {"key_result": {"status"}, "impression": {"status"}}
        book.add(
            "abort",
            [event.src if event else ""],
            "aborted",
            maybe=[at, Quote("before incision") if before else ""],
            where=where,
            anchors=[("status", "aborted")],
        )
    signed = facts.signoff
    for role, end in (("technologist", signed.technologist), ("interpreting physician", signed.physician)):
        if end:
            more = ["late" if facts.late else "contemporaneously", "signed"]
            book.add(
                "attestation",
                [end.src],
                role,
                facts.person_name(end.id) or w.GAP,
                book.time(end.t),
                maybe=more,
                where=("signing",),
            )
    if not signed.technologist:
        book.add(
            "attestation",
            ["record"],
            "technologist not signed",
            where={"signing": FACTS | {"neg"}},
            anchors=[("status", "signed")],
        )
    people = [one.name for one in facts.staff.physicians]
    for name, one in zip(people, facts.staff.physicians, strict=True):
        book.add(
            "signature", [one.src], name, maybe=["signed physician", Quote(one.cred or "")], where={"signing": None}
        )
    book.add("provenance", ["record"], facts.id, str(facts.record_rev), c.digest(facts)[:16], maybe=["no"])


def quoted(sequences: Sequences, tokens: Sequence[Token]) -> list[Token]:
    """Free texts of the record, found word for word, as one token each; the longest first."""
    out: list[Token] = []
    place = 0
    while place < len(tokens):
        token = tokens[place]
        for sequence, key in sequences.get((token.kind, token.value), ()):
            size = _runs(tokens, place, sequence)
            if size:
                inner = tuple(tokens[place : place + size])
                out.append(Token("quoted", (key, inner), inner[0].start, inner[-1].end, "quoted"))
                place += size
                break
        else:
            out.append(token)
            place += 1
    return out


def _runs(tokens: Sequence[Token], place: int, sequence: Sequence[tuple[str, object]]) -> int:
    """How many tokens the sequence takes from here, line ends left out; 0 when it does not stand here."""
    at = place
    for kind, value in sequence:
        while at < len(tokens) and tokens[at].kind == "line":
            at += 1
        if at >= len(tokens) or tokens[at].kind != kind or tokens[at].value != value:
            return 0
        at += 1
    return at - place
