"""The ledger's brute-force twin: every minute of a day looked at by itself, with sets and counters and no intervals."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import groupby

from practice.ledger import Kept, Ledger, Stretch

DAY = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
WANTS = ("room", "exclusive", "shared")


def at(minute: int) -> datetime:
    return DAY + timedelta(minutes=minute)


def random_day(seed: int) -> tuple[list[Stretch], dict[int, Kept], list[int]]:
    """Up to nine cases with up to three stretches each; some signed with what they billed, some chosen.

    On busy days many short cases follow each other: only there does rounding up earn a fifth unit in an hour.
    """
    rng = random.Random(seed)  # noqa: S311  not a secret
    stretches: list[Stretch] = []
    kept: dict[int, Kept] = {}
    busy = rng.random() < 0.3
    for case in range(1, (rng.randint(6, 9) if busy else rng.randint(1, 6)) + 1):
        minute, limit, half = (8 * case if busy else rng.randint(0, 240)), rng.choice((2, 3, 3)), rng.choice((7, 7, 0))
        for _ in range(1 if busy else rng.randint(1, 3)):
            end = minute + rng.choice((8, 8, 9) if busy else (1, 7, 8, 9, 15, 22, 23, rng.randint(1, 200)))
            want = "exclusive" if busy else rng.choice(("exclusive", "exclusive", "shared", "room"))
            stretches.append(Stretch(case, at(minute), at(end), want, limit, half))
            minute = end + rng.choice((0, 0, 1, 20))
    cases = sorted({one.case for one in stretches})
    if rng.random() < 0.4:
        signed = rng.choice(cases)
        mine = [(o.start, o.end) for o in stretches if o.case == signed and rng.random() < 0.8]
        kept[signed] = Kept(exclusive=tuple(mine[:1]), open=tuple(mine[1:]))
    chosen = rng.sample(cases, k=1) if rng.random() < 0.3 else []
    return stretches, kept, chosen


def held_minutes(stretches: list[Stretch], kept: dict[int, Kept], chosen: list[int]) -> tuple[dict, list, dict]:
    """Who has each minute alone, the units earned as (case, hour), and how many cases run in each minute."""
    span = range(max(_minute(one.end) for one in stretches))
    live = [_live(stretches, minute) for minute in span]
    fixed = {case: _minutes(k.exclusive) for case, k in kept.items()}
    used = set().union(*fixed.values(), *(_minutes(k.open) for k in kept.values()))
    begun = {o.case: min(p.start for p in stretches if p.case == o.case) for o in stretches}
    owner: dict[int, set[int]] = {}
    edges = {_minute(edge) for one in stretches for edge in (one.start, one.end)}
    for _, group in groupby(span, key=lambda minute: sum(edge <= minute for edge in edges)):
        block = list(group)
        wants = live[block[0]]
        for case in wants:
            for minute in block:
                if minute in fixed.get(case, ()):
                    owner.setdefault(minute, set()).add(case)
        rest = sorted((case for case in wants if case not in kept), key=lambda case: (begun[case], case))
        free = block if len(wants) == 1 else [minute for minute in block if minute not in used]
        first = [case for case in chosen if case in rest and wants[case] == "exclusive"]
        each = len(free) // len(rest) if rest else 0
        for place, case in enumerate(rest):
            if wants[case] != "exclusive":
                continue
            part = free if len(wants) == 1 else free[place * each : (place + 1) * each]
            if first and len(wants) > 1:
                part = free if case == first[0] else []
            for minute in part:
                owner.setdefault(minute, set()).add(case)
    return *_walk(owner, kept, {o.case: o.half for o in stretches}), {m: len(w) for m, w in enumerate(live) if w}


def _walk(owner: dict[int, set[int]], kept: dict[int, Kept], halves: dict[int, int]) -> tuple[dict, list]:
    """Minute by minute, signed cases first: the minute that would earn a fifth unit in its hour is given to nobody."""
    held: dict[int, set[int]] = {}
    earned: list[tuple[int, int]] = []
    count: dict[int, int] = {}
    units = dict.fromkeys(halves, 0)
    for signed in (True, False):
        for minute in sorted(owner):
            for case in (one for one in owner[minute] if (one in kept) == signed):
                mine = held.setdefault(case, set())
                hour = minute // 60
                if (len(mine) + 1 + halves[case]) // 15 > units[case]:
                    if not signed and count.get(hour, 0) >= 4:
                        continue
                    units[case] += 1
                    count[hour] = count.get(hour, 0) + 1
                    earned.append((case, hour))
                mine.add(minute)
    return held, sorted(earned)


def disagreements(ledger: Ledger, stretches: list[Stretch], kept: dict[int, Kept], chosen: list[int]) -> list[str]:
    """Where the ledger and the minutes say different things, and every rule that the ledger's result breaks."""
    held, earned, cases = held_minutes(stretches, kept, chosen)
    found = []
    for case, share in ledger.shares.items():
        if _minutes(share.exclusive) != held.get(case, set()):
            found.append(f"case {case} has other minutes alone")
        live = {m for m in cases if case in _live(stretches, m)}
        if _minutes(share.alone) != {m for m in live if cases[m] == 1}:
            found.append(f"case {case} is alone at other times")
        others = set().union(*(mine for other, mine in held.items() if other != case))
        may = live - others
        if case in kept and kept[case].open:
            may &= _minutes(kept[case].open)
        if _minutes(share.open) != may:
            found.append(f"case {case} may share other minutes")
    if sorted((one.case, _minute(one.hour) // 60) for one in ledger.earned) != earned:
        found.append("other units are earned")
    for minute, count in cases.items():
        if ledger.peak([(at(minute), at(minute + 1))]) != count:
            found.append(f"minute {minute} has {count} cases")
    return found + _broken(ledger, held, earned, kept)


def _broken(
    ledger: Ledger, held: dict[int, set[int]], earned: list[tuple[int, int]], kept: dict[int, Kept]
) -> list[str]:
    found = []
    for case, mine in held.items():
        for other, theirs in held.items():
            if case < other and mine & theirs:
                found.append("a minute belongs to two patients")
            if case != other and mine & _minutes(ledger.shares[other].open):
                found.append("a minute billed alone is billed for another patient too")
    if not kept and any(sum(one[1] == hour for one in earned) > 4 for _, hour in earned):
        found.append("five units in one hour")
    return found


def _live(stretches: list[Stretch], minute: int) -> dict[int, str]:
    wants: dict[int, str] = {}
    for one in stretches:
        if _minute(one.start) <= minute < _minute(one.end):
            wants[one.case] = min((wants.get(one.case, "shared"), one.want), key=WANTS.index)
    return wants


def _minute(when: datetime) -> int:
    return (when - DAY) // timedelta(minutes=1)


def _minutes(time) -> set[int]:
    return {minute for start, end in time for minute in range(_minute(start), _minute(end))}
