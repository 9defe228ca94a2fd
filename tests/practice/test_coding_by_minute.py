"""Coding against its brute-force twin: every minute of a case looked at by itself, with sets and no intervals."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from practice.cases import Facts
from practice.coding import PayerRule, code
from tests.practice.made_cases import COMMERCIAL, MEDICARE, made

MINUTE = timedelta(minutes=1)
ZONE = ZoneInfo("America/Chicago")
STARTS = (
    datetime(2026, 3, 17, 8, tzinfo=ZONE), datetime(2026, 3, 17, 22, tzinfo=ZONE),
    datetime(2026, 3, 7, 23, 30, tzinfo=ZONE), datetime(2026, 10, 31, 23, 30, tzinfo=ZONE),
)  # fmt: skip
"""A plain day, one over midnight, and the two nights in which the clock changes."""
PEOPLE = ("P1", "P2")


def random_case(seed: int) -> Facts:
    """Up to three stretches with breaks, baselines that may run into them, and up to two physicians coming and going."""
    rng = random.Random(seed)  # noqa: S311  not a secret
    start = rng.choice(STARTS).astimezone(UTC)

    def stretch(low: int, high: int, longest: int) -> tuple[str, str]:
        begin = rng.randint(low, high)
        return _text(start, begin), _text(start, begin + rng.randint(0, longest))

    minute, segments = rng.randint(0, 30), []
    for number in range(rng.randint(1, 3)):
        end = minute + rng.choice((1, 7, 8, 15, 22, 23, 30, 31, rng.randint(1, 240)))
        segments.append({
            "id": f"S{number + 1}", "start": _text(start, minute), "end": _text(start, end),
            "mode": rng.choice(("remote", "remote", "remote_exclusive", "in_room")),
        })  # fmt: skip
        minute = end + rng.choice((0, 1, 40))
    log = []
    for _ in range(rng.randint(1, 4)):
        connect, disconnect = stretch(-10, minute, 200)
        n = rng.choice((1, 1, 2, 3))
        log.append({
            "physician": rng.choice(PEOPLE), "connect": connect, "disconnect": disconnect, "method": "remote desktop",
            "concurrency": [{"from": connect, "to": disconnect, "n": n}] if rng.random() < 0.8 else [],
            "exclusive": [{"from": connect, "to": disconnect}] if rng.random() < 0.3 else [],
        })  # fmt: skip
    breaks = [dict(zip(("start", "end"), stretch(0, minute, 30), strict=True)) for _ in range(rng.randint(0, 2))]
    base = stretch(-40, 20, 30)
    return made(
        staff__physicians=[{"id": who, "name": f"Physician {who}, MD"} for who in PEOPLE],
        time={"setup_start": _text(start, -60), "setup_end": _text(start, -40), "segments": segments, "breaks": breaks},
        baselines__sets=[{"start": base[0], "end": base[1], "reviewed_by": "P1", "reviewed_at": base[1]}],
        physician_log=log,
    )


def _text(start: datetime, minute: int) -> str:
    return (start + minute * MINUTE).astimezone(ZONE).isoformat()


def _span(start: datetime | None, end: datetime | None) -> set[datetime]:
    if not start or not end:
        return set()
    first = start.astimezone(UTC)
    return {first + one * MINUTE for one in range((end.astimezone(UTC) - first) // MINUTE)}


def by_minute(facts: Facts, rule: PayerRule) -> tuple[set[datetime], dict[tuple[str, str], int]]:
    """The minutes that count, and the minutes of each physician and code."""
    excluded = set().union(
        _span(facts.time.setup_start, facts.time.setup_end), *(_span(one.start, one.end) for one in facts.time.breaks),
        *(_span(one.start, one.end) for one in facts.baselines.sets),
    )  # fmt: skip
    modes: dict[datetime, str] = {}
    for segment in facts.time.segments:
        for minute in _span(segment.start, segment.end):
            modes.setdefault(minute, segment.mode)
    watched: dict[str, set[datetime]] = {}
    alone: dict[str, set[datetime]] = {}
    others: dict[str, set[datetime]] = {}
    for one in facts.physician_log:
        watched.setdefault(one.physician, set()).update(_span(one.connect, one.disconnect))
        alone.setdefault(one.physician, set()).update(*(_span(row.frm, row.to) for row in one.exclusive))
        others.setdefault(one.physician, set()).update(
            *(_span(row.frm, row.to) for row in one.concurrency if row.n > 1)
        )
    counted = {one for one in modes if one not in excluded and any(one in mine for mine in watched.values())}
    totals: dict[tuple[str, str], int] = {}
    began: dict[str, datetime] = {}
    for minute in sorted(set().union(*watched.values())):
        for who, mine in watched.items():
            if minute in mine and minute - MINUTE not in mine:
                began[who] = minute
        if minute not in counted:
            continue
        # Of two at once, the one whose unbroken presence began first.
        who = min((one for one in watched if minute in watched[one]), key=lambda one: (began[one], one))
        mine = modes[minute] == "remote_exclusive" or minute in alone[who]
        if cpt := _code_of(modes[minute], mine, minute in others[who], rule):
            totals[who, cpt] = totals.get((who, cpt), 0) + 1
    return counted, totals


def _code_of(mode: str, alone: bool, others: bool, rule: PayerRule) -> str:
    """The decision of billing.md 1.4 for one minute: said to be for this patient alone, with other cases or not."""
    if mode == "in_room" and not others:
        return "95940"
    if rule.remote_code == "95941":
        return "95941"
    return "G0453" if mode != "in_room" and alone and not others else ""


def _units(cpt: str, minutes: int) -> int:
    size = 60 if cpt == "95941" else 15
    units = 0
    while minutes > size // 2 if units or cpt != "95941" else minutes > 30:
        units, minutes = units + 1, minutes - size
    return units


@pytest.mark.parametrize("rule", [COMMERCIAL, MEDICARE], ids=["commercial", "medicare"])
@pytest.mark.parametrize("part", range(10))
def test_coding_agrees_with_counting_minute_by_minute(rule: PayerRule, part: int) -> None:
    for seed in range(part * 50, part * 50 + 50):
        facts = random_case(seed)
        counted, totals = by_minute(facts, rule)
        coding = code(facts, rule=rule)
        assert coding.counted_minutes == len(counted), seed
        continuous = {(line.rendering, line.code): line for line in coding.lines if line.minutes is not None}
        wanted = {key: (minutes, _units(key[1], minutes)) for key, minutes in totals.items() if _units(key[1], minutes)}
        assert {key: (line.minutes, line.units) for key, line in continuous.items()} == wanted, seed
        for line in continuous.values():
            assert line.derivation.endswith(f"= {line.units}"), "the arithmetic says the units"
