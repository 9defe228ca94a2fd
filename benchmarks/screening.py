"""A list of 84,000 made-up rows: how fast it is read and asked, and what the matching finds: `python -m benchmarks.screening`.

1,000 parties of ours are planted, each a variant of a row of the list; 1,000 others are innocent. Names follow the
frequencies of US surnames roughly: a few hundred common ones and a long tail; trades have the shares they have in the
LEIE. Nothing is asserted; figures are printed.

What a person is asked is counted by who is screened, because it hangs on what is known of them: hits that are asked one
by one, people with names to look through together (one decision each), and the names in those.
"""

from __future__ import annotations

import csv
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from practice import exclusions, names, screening
from practice.exclusions import PROFILES, Listed
from practice.screening import Sought

ROWS, FIRMS, PLANTED, INNOCENT, MONTHLY = 84_000, 3_500, 1_000, 2_000, 300
STATES = ["CA", "TX", "FL", "NY", "PA", "IL", "OH", "GA", "NC", "MI", "NJ", "VA", "WA", "AZ", "MA", "TN", "IN", "MO", "MD", "WI", "CO", "MN", "SC", "AL", "LA", "KY", "OR", "OK", "CT", "UT", "IA", "NV", "AR", "MS", "KS", "NM", "NE", "ID", "WV", "HI", "NH", "ME", "MT", "RI", "DE", "SD", "ND", "AK", "VT", "WY"]  # fmt: skip
STATE_WEIGHTS = [40, 30, 22, 20, 13, 13, 12, 11, 11, 10, 9, 9, 8, 8, 7, 7, 7, 6, 6, 6, 6, 6, 5, 5, 5, 5, 4, 4, 4, 3, 3, 3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1][: len(STATES)]  # fmt: skip
COMMON = [
    "SMITH",
    "JOHNSON",
    "WILLIAMS",
    "BROWN",
    "JONES",
    "GARCIA",
    "MILLER",
    "DAVIS",
    "RODRIGUEZ",
    "MARTINEZ",
    "HERNANDEZ",
    "LOPEZ",
    "GONZALEZ",
    "WILSON",
    "ANDERSON",
    "THOMAS",
    "TAYLOR",
    "MOORE",
    "JACKSON",
    "MARTIN",
    "LEE",
    "PEREZ",
    "THOMPSON",
    "WHITE",
    "HARRIS",
    "SANCHEZ",
    "CLARK",
    "RAMIREZ",
    "LEWIS",
    "ROBINSON",
    "WALKER",
    "YOUNG",
    "ALLEN",
    "KING",
    "WRIGHT",
    "SCOTT",
    "TORRES",
    "NGUYEN",
    "HILL",
    "FLORES",
    "GREEN",
    "ADAMS",
    "NELSON",
    "BAKER",
    "HALL",
    "RIVERA",
    "CAMPBELL",
    "MITCHELL",
    "CARTER",
    "ROBERTS",
]
SYLLABLES = ["BA", "BER", "CAR", "COL", "DAN", "DEL", "FAR", "FEN", "GAR", "GOR", "HAL", "HEN", "JAN", "KAL", "KES", "LAN", "LOM", "MAR", "MEN", "NOR", "OST", "PAL", "PET", "RAS", "ROS", "SAL", "SEN", "TAR", "TOL", "VAN", "VER", "WAL", "WEN", "YOR", "ZEL"]  # fmt: skip
ENDS = [
    "SON",
    "MAN",
    "BERG",
    "TON",
    "LEY",
    "FORD",
    "STEIN",
    "SKI",
    "ER",
    "AS",
    "EZ",
    "INI",
    "WOOD",
    "FIELD",
    "TZ",
    "ARD",
    "ETT",
    "IN",
    "O",
    "A",
]
TRADES = {"NURSE/NURSES AIDE": 435, "OWNER/OPERATOR": 44, "HEALTH CARE AIDE": 40, "PERSONAL CARE PROVID": 28, "NO KNOWN AFFILIATION": 27, "": 56, "EMPLOYEE": 30, "BUSINESS MANAGER": 25, "PHARMACIST": 35, "CHIROPRACTOR": 35, "DENTIST": 35, "COUNSELOR": 15, "SOCIAL WORKER": 12, "TECHNICIAN": 25, "GENERAL PRACTICE/FP": 35, "FAMILY PRACTICE": 25, "INTERNAL MEDICINE": 22, "PSYCHIATRY": 15, "ORTHOPEDICS": 5, "NEUROLOGY": 4, "ANESTHESIOLOGY": 8, "OTHER": 44}  # fmt: skip
"""Trades in a thousand rows, after the counts that are published of the file of 2023 for the first five; the rest is a guess."""
WORDS = ["CARE", "HEALTH", "MEDICAL", "FAMILY", "HOME", "PHARMACY", "CLINIC", "SPINE", "NEURO", "SUPPLY", "CENTER", "GROUP", "SERVICES", "PARTNERS", "TRANSPORT", "LAB", "IMAGING", "WELLNESS", "REHAB", "SOLUTIONS"]  # fmt: skip
FIRSTS = [group.split()[0] for group in names.TABLE["nicknames"]["groups"]]


def surname(rng: random.Random) -> str:
    if rng.random() < 0.16:
        return rng.choices(COMMON, [1 / (n + 6) for n in range(len(COMMON))])[0]
    return "".join(rng.choice(SYLLABLES) for _ in range(rng.choice((1, 2, 2)))) + rng.choice(ENDS)


def first_name(rng: random.Random) -> str:
    return FIRSTS[min(int(rng.expovariate(1 / 55)), len(FIRSTS) - 1)]


def birth(rng: random.Random) -> date:
    return date(1935, 1, 1) + timedelta(days=rng.randrange(23_000))


def state(rng: random.Random) -> str:
    return rng.choices(STATES, STATE_WEIGHTS)[0]


def npi(rng: random.Random) -> str:
    start = f"1{rng.randrange(10**8):08d}"
    from practice.identifiers import is_npi

    return next(f"{start}{check}" for check in range(10) if is_npi(f"{start}{check}"))


def firm_name(rng: random.Random) -> str:
    return f"{surname(rng)} {' '.join(rng.sample(WORDS, 2))} {rng.choice(('INC', 'LLC', 'PC', 'CORP'))}"


def person_row(rng: random.Random, **given: str) -> dict[str, str]:
    row = {
        "LASTNAME": surname(rng), "FIRSTNAME": first_name(rng), "MIDNAME": rng.choice(["", "A", "L", first_name(rng)]),
        "NPI": npi(rng) if rng.random() < 0.11 else "0000000000",
        "DOB": f"{birth(rng):%Y%m%d}" if rng.random() < 0.97 else "", "STATE": state(rng), "CITY": "SPRINGFIELD",
        "SPECIALTY": rng.choices(list(TRADES), list(TRADES.values()))[0], "EXCLTYPE": rng.choice(["1128a1", "1128b4", "1128a3"]),
        "EXCLDATE": f"{date(1985, 1, 1) + timedelta(days=rng.randrange(15_000)):%Y%m%d}",
        "ADDRESS": f"{rng.randrange(9999)} MAIN STREET", "ZIP": f"{rng.randrange(10**5):05d}", "GENERAL": "INDIVIDUAL",
        "REINDATE": "00000000", "WAIVERDATE": "00000000",
    }  # fmt: skip
    return {**row, **given}


def firm_row(rng: random.Random) -> dict[str, str]:
    return person_row(
        rng, LASTNAME="", FIRSTNAME="", MIDNAME="", DOB="", BUSNAME=firm_name(rng), GENERAL="OTHER BUSINESS"
    )


def names_of(row: dict[str, str]) -> Listed:
    """A row as the importer gives it."""
    values = [row.get(PROFILES["leie"].columns[field][0], "") for field in exclusions.FIELDS]
    return exclusions._listed(values)


def made_up(rng: random.Random) -> list[dict[str, str]]:
    rows = [person_row(rng) for _ in range(ROWS - FIRMS)] + [firm_row(rng) for _ in range(FIRMS)]
    rng.shuffle(rows)
    return rows


def write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="") as file:
        out = csv.DictWriter(file, PROFILES["leie"].header, quoting=csv.QUOTE_ALL, restval="", lineterminator="\r\n")
        file.write(",".join(PROFILES["leie"].header) + "\r\n")
        out.writerows(rows)


# Variants: how one of ours may be written, and what is known of them


def sought(row: Listed, **changed: object) -> Sought:
    given = {"names": (f"{row.first} {row.last}",), "dob": row.dob, "states": (row.state,), **changed}
    return Sought(**given)


def typo(rng: random.Random, word: str, kind: str) -> str:
    place = rng.randrange(1, len(word) - 1) if kind != "first letter" else 0
    letter = rng.choice("ABCDEFGHIKLMNOPRSTUVWYZ".replace(word[place], ""))
    return {
        "other letter": word[:place] + letter + word[place + 1 :],
        "first letter": letter + word[1:],
        "letter lost": word[:place] + word[place + 1 :],
        "letter doubled": word[:place] + word[place] + word[place:],
        "letters swapped": word[:place] + word[place + 1] + word[place] + word[place + 2 :],
    }[kind]


def nickname(rng: random.Random, row: Listed) -> str:
    others = {w for group in names.TABLE["nicknames"]["groups"] if row.first in group.split() for w in group.split()}
    return rng.choice(sorted(others - {row.first}))


ACCENTS = str.maketrans("AEIOUNC", "ÁÉÍÖÜÑÇ")


def other_state(row: Listed) -> tuple[str, ...]:
    return ("WY" if row.state != "WY" else "CA",)


def swapped_day(row: Listed) -> str:
    return f"{row.dob[:5]}{row.dob[8:]}-{row.dob[5:7]}"


VARIANTS: dict[str, Callable[[random.Random, Listed], Sought]] = {
    "NPI alone, other name": lambda r, p: sought(p, names=("Quinn Zzyzx",), dob="", npi=p.npi),
    "name and birth date": lambda r, p: sought(p, states=other_state(p)),
    "nickname": lambda r, p: sought(p, names=(f"{nickname(r, p)} {p.last}",), states=other_state(p)),
    "nickname, no birth date": lambda r, p: sought(p, names=(f"{nickname(r, p)} {p.last}",), dob=""),
    "double name with hyphen": lambda r, p: sought(p, names=(f"{p.first} {p.last}-{surname(r)}",)),
    "double name, no birth date": lambda r, p: sought(p, names=(f"{p.first} {surname(r)}-{p.last}",), dob=""),
    "suffix and title": lambda r, p: sought(p, names=(f"{p.first} {p.last} Jr., MD",), dob=""),
    "accents": lambda r, p: sought(p, names=(f"{p.first} {p.last}".translate(ACCENTS),), dob=""),
    "LAST, FIRST MIDDLE": lambda r, p: sought(p, names=(f"{p.last}, {p.first} Q.",), dob=""),
    "first and last exchanged": lambda r, p: sought(p, names=(f"{p.last} {p.first}",)),
    "exchanged, no birth date": lambda r, p: sought(p, names=(f"{p.last} {p.first}",), dob=""),
    **{
        f"{kind}, birth date known": lambda r, p, kind=kind: sought(p, names=(f"{p.first} {typo(r, p.last, kind)}",))
        for kind in ("other letter", "first letter", "letter lost", "letter doubled", "letters swapped")
    },
    **{
        f"{kind}, no birth date": lambda r, p, kind=kind: sought(p, names=(f"{p.first} {typo(r, p.last, kind)}",), dob="")
        for kind in ("other letter", "letter lost", "letter doubled", "letters swapped")
    },
    "typo in the first name": lambda r, p: sought(p, names=(f"{typo(r, p.first, 'letter lost')} {p.last}",)),
    "former name known": lambda r, p: sought(p, names=(f"{p.first} {surname(r)}", f"{p.first} {p.last}")),
    "former name unknown": lambda r, p: sought(p, names=(f"{p.first} {surname(r)}",)),
    "first initial alone": lambda r, p: sought(p, names=(f"{p.first[0]}. {p.last}",), dob=""),
    "no birth date": lambda r, p: sought(p, dob="", states=other_state(p)),
    "year of birth alone": lambda r, p: sought(p, dob=p.dob[:4], states=other_state(p)),
    "day and month swapped": lambda r, p: sought(p, dob=swapped_day(p), states=other_state(p)),
    "birth date mistyped": lambda r, p: sought(p, dob=p.dob[:9] + ("1" if p.dob[9] != "1" else "2")),
    "firm, other legal form": lambda r, p: sought(p, names=(p.business.rsplit(" ", 1)[0] + ", P.C.",), firm=True),
    "firm, words short": lambda r, p: sought(p, names=(p.business.replace("CENTER", "CTR").replace("SERVICES", "SVCS"),), firm=True),
    "firm, letter lost": lambda r, p: sought(p, names=(typo(r, p.business, "letter lost"),), firm=True),
    "firm, words moved": lambda r, p: sought(p, names=(" ".join(reversed(p.business.split()[:-1])),), firm=True),
}  # fmt: skip


def fits(kind: str, row: Listed) -> bool:
    if kind.startswith("firm"):
        return bool(row.business)
    if row.business or not row.dob or len(row.last) < 4 or len(row.first) < 4:
        return False
    if kind.startswith("NPI"):
        return bool(row.npi)
    return kind != "day and month swapped" or screening.compare_days(swapped_day(row), row.dob) != "same"


def recall(rng: random.Random, index: screening.Index) -> tuple[Counter, Counter, Counter]:
    """By kind of variant: how many were planted, how many of them a person gets to see, and how many by themselves."""
    planted, found, singly = Counter(), Counter(), Counter()
    kinds = list(VARIANTS)
    while sum(planted.values()) < PLANTED:
        kind = kinds[sum(planted.values()) % len(kinds)]
        row = rng.choice(index.rows)
        if not fits(kind, row):
            continue
        planted[kind] += 1
        hits = screening.matches(VARIANTS[kind](rng, row), index)
        seen = [hit for hit in hits if hit.row == row and not hit.dismissed]
        found[kind] += bool(seen)
        singly[kind] += any(not hit.together for hit in seen)
    return planted, found, singly


def innocents(rng: random.Random, count: int, *, dated: bool = False, numbered: bool = False, physician: bool = False,
              places: int = 1) -> list[Sought]:  # fmt: skip
    """Made-up people who are on no list, with what a practice knows of such people."""
    return [
        Sought(
            names=(f"{first_name(rng)} {surname(rng)}",), dob=birth(rng).isoformat() if dated else "",
            npi=npi(rng) if numbered else "", states=tuple({state(rng) for _ in range(places)}), physician=physician,
        )
        for _ in range(count)
    ]  # fmt: skip


def innocent_firms(rng: random.Random, count: int) -> list[Sought]:
    return [Sought(names=(firm_name(rng),), firm=True, states=(state(rng),)) for _ in range(count)]


KNOWN: dict[str, Callable[[random.Random, int], list[Sought]]] = {
    "staff, birth date known": lambda r, n: innocents(r, n, dated=True),
    "physicians, birth date and NPI": lambda r, n: innocents(r, n, dated=True, numbered=True, physician=True),
    "surgeons, NPI but no birth date": lambda r, n: innocents(r, n, numbered=True, physician=True),
    "the same, in three states": lambda r, n: innocents(r, n, numbered=True, physician=True, places=3),
    "staff, nothing but a name": lambda r, n: innocents(r, n),
    "the same, in three states ": lambda r, n: innocents(r, n, places=3),
    "vendors and surgeons' firms": innocent_firms,
}


def to_review(people: list[Sought], index: screening.Index) -> Counter:
    """What a person is asked about these: hits one by one, people with a group of names, the names in the groups."""
    asked = Counter()
    for one in people:
        hits = screening.matches(one, index)
        group = sum(hit.together for hit in hits)
        asked["singly"] += sum(not hit.dismissed and not hit.together for hit in hits)
        asked["people"] += bool(group)
        asked["names"] += group
        asked["dismissed"] += sum(hit.dismissed for hit in hits)
    return asked


def cpu(act: Callable[[], object], rounds: int = 3) -> float:
    spent = []
    for _ in range(rounds):
        begun = time.process_time()
        act()
        spent.append(time.process_time() - begun)
    return min(spent)


def read_through(path: Path) -> None:
    with path.open(newline="") as file:
        for _ in csv.reader(file):
            pass


def loaded(path: Path) -> None:
    """In a process of its own: load the file into an empty database, then screen 50 persons against it."""
    from datetime import UTC, datetime

    import models
    from actions import MACHINE, keeping, screenings

    models.db.connect()
    now = datetime(2026, 11, 12, 9, 0, tzinfo=UTC)
    keeping.migrate(now=now)
    idle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for round_ in ("first", "again"):
        if round_ == "again":  # the next month's file: the same rows and one more
            with path.open("a", newline="") as file:
                file.write(",".join(['"NEW"', *['""'] * 17]) + "\r\n")
        wall, begun = time.perf_counter(), time.process_time()
        screenings.load(path, name="leie", by=MACHINE, now=now)
        spent = time.process_time() - begun
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"load, {round_}: {time.perf_counter() - wall:.2f} s, {spent:.2f} s CPU; peak {peak:.0f} MiB ({idle:.0f} before)"
        )
    rng = random.Random(4)
    for home in ("CA", "TX", "FL"):
        models.Facility.create(name=home, state=home, zone="America/New_York")
    for number in range(50):
        models.Person.create(
            name=f"{first_name(rng)} {surname(rng)}", email=f"p{number}@example.org", npi=npi(rng), roles=["technologist"], created_at=now,
        )  # fmt: skip
    wall, begun = time.perf_counter(), time.process_time()
    run = screenings.screen(by=MACHINE, now=now)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    took = f"{time.perf_counter() - wall:.2f} s, {time.process_time() - begun:.2f} s CPU"
    print(
        f"screen 50 persons of a practice in three large states, with the database: {took} (goal under 2 s); peak {peak:.0f} MiB; {run.hits} hits"
    )


def main() -> None:
    rng = random.Random(20261122)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "UPDATED.csv")
        write(path, made_up(rng))
        print(f"{ROWS:,} rows, {path.stat().st_size / 2**20:.1f} MiB")
        print(f"csv.reader alone: {cpu(lambda: read_through(path)) * 1000:.0f} ms CPU")
        print(f"survey: {cpu(lambda: exclusions.survey(path, 'leie')) * 1000:.0f} ms CPU")
        survey = exclusions.survey(path, "leie")
        env = {**os.environ, "EVOKED_DATA": f"{folder}/data"}
        subprocess.run([sys.executable, "-m", "benchmarks.screening", str(path)], env=env, check=True)  # noqa: S603
        rows = list(exclusions.parties(path, "leie", survey))
    print(f"index: {cpu(lambda: screening.Index(rows), 2) * 1000:.0f} ms CPU")
    index = screening.Index(rows)
    fifty = innocents(rng, 50, dated=True)
    print(
        f"50 persons asked: {cpu(lambda: to_review(fifty, screening.Index(rows)), 2) * 1000:.0f} ms CPU with the index"
    )
    planted, found, singly = recall(rng, index)
    print("variants of people who are on the list: seen by a person, of these by themselves")
    for kind in VARIANTS:
        print(f"  {kind:32} {found[kind]:3} of {planted[kind]:3} {singly[kind]:5}")
    whole = sum(found.values()) / sum(planted.values())
    print(f"recall {whole:.1%} of {sum(planted.values())} (goal 98% of each kind)")
    later = screening.Index([names_of(person_row(rng)) for _ in range(MONTHLY)])
    print(
        f"per 100 innocent: {'':17} singly (goal 5)  people with names together  names  dismissed | next month: singly  people"
    )
    for known, make in KNOWN.items():
        people = make(rng, INNOCENT)
        asked, next_month = to_review(people, index), to_review(people, later)
        row = [asked[what] * 100 / INNOCENT for what in ("singly", "people", "names", "dismissed")]
        print(f"  {known:32} {row[0]:16.1f} {row[1]:27.1f} {row[2]:6.1f} {row[3]:10.1f} | {next_month['singly'] * 100 / INNOCENT:18.2f} {next_month['people'] * 100 / INNOCENT:7.2f}")  # fmt: skip


if __name__ == "__main__":
    if len(sys.argv) > 1:
        loaded(Path(sys.argv[1]))
    else:
        main()
