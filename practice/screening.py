"""Who on an exclusion list may be one of ours, how sure that is and why; when to screen; where a person stands.

Tiers and what each asks (billing.md 9.2): A the NPI is the same, B name and birth date agree, C the name agrees and
a birth date is missing, D names are close in the same state, E a variant of the name agrees, F a firm's name agrees.
A birth date that differs dismisses a name by itself, and is logged. Nothing else does. A zero NPI matches nothing.

Where no birth date can be compared, most of what is found is a stranger of the same name. A hit of tier C, D or E that
only a name speaks for is therefore not asked about by itself: the name is more than one slip away, something known of the two
speaks against it (another NPI, state, trade, year of birth or middle name), or the list has it several times. These
are looked through together, all of one party's in one decision; each stays open until a person has decided.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from functools import cache

from msgspec import Struct, structs
from rapidfuzz import process
from rapidfuzz.distance import OSA, Jaro
from rapidfuzz.fuzz import ratio, token_sort_ratio

from .exclusions import Listed
from .identifiers import is_npi
from .names import LEGAL, TABLE, Name, business_key, joined, nicknames, parts, plain, readings

ALIKE = 0.92
"""From this likeness on, two whole names may be one name mistyped."""
LOOSE = 0.8
"""With the same birth date and state, names this close are worth a look."""
INITIALS = 0.75
"""Two first names written out that begin alike must be this close too: James is not John."""
BLOCK = 0.84
"""Whole names less alike than this are looked at only when they are one typing error apart."""
FIRM_ALIKE = 92
STALE_DAYS = 31
DUE_DAY = 15
REFRESH_DAY = 10
TIERS = {
    "A": "Same NPI",
    "B": "Name and birth date agree",
    "C": "Name agrees, a birth date is missing",
    "D": "Close name in the same state",
    "E": "A variant of the name agrees",
    "F": "Name of the firm agrees",
}
NOT_PHYSICIANS: tuple[str, ...] = tuple(TABLE["trades"]["not_physicians"])
"""How the trades begin that a physician is not excluded in."""
BLOCKING = ("A", "B")
"""Tiers that stop work until a person has looked: confirmed-pending and probable."""


class Sought(Struct, frozen=True, kw_only=True):
    """One party of ours to look for. `names` are all known names, the first the one in use."""

    names: tuple[str, ...]
    firm: bool = False
    dob: str = ""
    """YYYY-MM-DD, or the year alone."""
    npi: str = ""
    states: tuple[str, ...] = ()
    physician: bool = False


class Match(Struct, frozen=True, kw_only=True):
    """A row of the list that may be this party: why, and what speaks against it."""

    row: Listed
    tier: str
    score: int
    agrees: tuple[str, ...]
    differs: tuple[str, ...] = ()
    together: bool = False
    """Only a name speaks for it: looked through with the others of the same party, in one decision."""
    dates: str = "missing"
    dismissed: bool = False
    """The birth date differs in full, so it is another person."""


class _Likeness(Struct, frozen=True):
    rank: int
    kind: str
    words: str
    score: float


_NONE = _Likeness(9, "none", "", 0.0)


class Index:
    """A list made ready to be asked for many parties."""

    def __init__(self, rows: Iterable[Listed]) -> None:
        self.rows = list(rows)
        self.by_last: dict[str, list[int]] = defaultdict(list)
        self.by_state: dict[str, list[int]] = defaultdict(list)
        self.by_dob: dict[str, list[int]] = defaultdict(list)
        self.by_npi: dict[str, list[int]] = defaultdict(list)
        self.firms: list[int] = []
        self.by_word: dict[str, set[int]] = defaultdict(set)
        for number, row in enumerate(self.rows):
            if row.npi:
                self.by_npi[row.npi].append(number)
            if row.business_key:
                self.firms.append(number)
                for word in row.business_key.split():
                    self.by_word[word].add(number)
                continue
            last = row.last_key
            self.by_dob[row.dob].append(number)
            self.by_state[row.state].append(number)
            if " " in last:
                for part in {joined(last), *parts(last)}:
                    self.by_last[part].append(number)
            else:
                self.by_last[last].append(number)

    def candidates(self, sought: Sought, names: Sequence[Name]) -> set[int]:
        """The rows that `weigh` can find something in; it finds nothing in any other."""
        found = set(self.by_npi.get(sought.npi, ())) if is_npi(sought.npi) else set()
        for day in near_days(sought.dob):
            found.update(self.by_dob.get(day, ()))
        numbers, wholes = self._undated(sought.states, bool(near_days(sought.dob)))
        for name in names:
            for form in {joined(name.last), *parts(name.last), joined(name.first)} - {""}:
                found.update(self.by_last.get(form, ()))
            for whole in (name.whole, name.swapped):
                close = process.extract(
                    whole, wholes, scorer=Jaro.similarity, score_cutoff=BLOCK, limit=None, processor=None
                )
                found.update(numbers[place] for _, _, place in close)
            slips = process.extract(name.whole, wholes, scorer=OSA.distance, score_cutoff=1, limit=None, processor=None)
            found.update(numbers[place] for _, _, place in slips)
        return found

    @cache  # noqa: B019  an index lives as long as one screening
    def _undated(self, states: tuple[str, ...], dated: bool) -> tuple[list[int], list[str]]:
        """The rows of these states that no birth date could dismiss, and the whole name of each."""
        asked = (*states, "") if states else tuple(self.by_state)
        numbers = [n for state in dict.fromkeys(asked) for n in self.by_state.get(state, ())]
        numbers = [n for n in numbers if not dated or not _full(self.rows[n].dob)]
        return numbers, [_whole(self.rows[n]) for n in numbers]


def matches(sought: Sought, index: Index) -> list[Match]:
    """Every row that may be this party, the surest first; those a birth date dismisses come last."""
    if sought.firm:
        found = _firm_matches(sought, index)
    else:
        names = _names(sought)
        rows = (index.rows[number] for number in index.candidates(sought, names))
        found = [match for row in rows if not row.business_key and (match := weigh(sought, names, row))]
        found = [_among(match, found) for match in found] + _person_as_firm(sought, names, index)
    return sorted(found, key=lambda one: (one.dismissed, one.together, one.tier, -one.score, one.row))


def _among(match: Match, found: Sequence[Match]) -> Match:
    """A name that the list has several times says little of any of them."""
    if match.together or match.dismissed or match.tier not in ("C", "D", "E") or _supported(match.dates):
        return match
    others = sum(other is not match and other.score >= match.score for other in found)
    if not others:
        return match
    said = f"{others + 1} rows of the list are as close"
    return structs.replace(match, together=True, differs=(*match.differs, said))


def _supported(dates: str) -> bool:
    """True when what is known of the birth dates speaks for a hit."""
    return dates in ("same", "near", "year")


def _names(sought: Sought) -> list[Name]:
    """Every reading of every known name."""
    found = list(dict.fromkeys(reading for name in sought.names for reading in readings(name)))
    return [name for name in found if name.last]


def weigh(sought: Sought, names: Sequence[Name], row: Listed) -> Match | None:
    """What one row of the list is to one person of ours; None when nothing speaks for it."""
    same_npi = bool(row.npi) and row.npi == sought.npi and is_npi(sought.npi)
    dates = compare_days(sought.dob, row.dob)
    in_state = not row.state or not sought.states or row.state in sought.states
    both = ((_likeness(name, row), name) for name in names)
    likeness, name = min(both, key=lambda one: (one[0].rank, -one[0].score), default=(_NONE, Name("")))
    if same_npi:
        return _match(sought, row, "A", likeness, dates)
    if dates == "same":
        return _with_date(sought, names, row, likeness, in_state)
    near = likeness.kind in ("initial", "near", "alike", "middle")
    if likeness is _NONE or (near and (not in_state or dates == "differs")):
        return None
    tier = "D" if near else "C" if likeness.kind in ("same", "nickname") else "E"
    if tier == "C" and not _of_first_name(sought, likeness, names, row):
        tier = "E"
    return _match(sought, row, tier, likeness, dates, name)


def _of_first_name(sought: Sought, likeness: _Likeness, names: Sequence[Name], row: Listed) -> bool:
    """True when the name in use agrees, and not only a former or other one."""
    own = set(readings(sought.names[0]))
    return any(_likeness(name, row).rank <= likeness.rank for name in names if name in own)


def _with_date(sought: Sought, names: Sequence[Name], row: Listed, likeness: _Likeness, in_state: bool) -> Match | None:
    """The birth date is the same: a name need only be near."""
    if likeness is not _NONE:
        return _match(sought, row, "D" if likeness.kind == "initial" else "B", likeness, "same")
    loose = min((_loose(name, row, in_state) for name in names), key=lambda one: (one.rank, -one.score), default=_NONE)
    return None if loose is _NONE else _match(sought, row, "D", loose, "same")


def _likeness(ours: Name, row: Listed) -> _Likeness:
    """How two names agree, the surest way first."""
    last, first = joined(ours.last), joined(ours.first)
    their_last, their_first = joined(row.last_key), joined(row.first_key)
    if not first or not their_first or not last or not their_last:
        return _NONE
    if last == their_last:
        if first == their_first:
            return _Likeness(0, "same", "the name is the same", 1.0)
        if nicknames(first, their_first) or _first_word(ours.first) == _first_word(row.first_key):
            return _Likeness(1, "nickname", f"{ours.first} and {row.first_key} are forms of one first name", 0.97)
        if _goes_by_middle(ours, row):
            return _Likeness(2, "middle", "the family name agrees, and a middle name is the other's first name", 0.95)
    elif _share_a_part(ours.last, row.last_key) and (first == their_first or nicknames(first, their_first)):
        return _Likeness(2, "part", f"one family name of {ours.last} and {row.last_key} agrees", 0.96)
    if last == their_first and first == their_last:
        return _Likeness(3, "swapped", "first and family name are the other way round", 0.96)
    score = _score(ours, row)
    close = min(len(first), len(their_first)) == 1 or Jaro.similarity(first, their_first) >= INITIALS
    initial = last == their_last and first[0] == their_first[0] and close
    slip = _one_slip(last, first, their_last, their_first)
    if score >= ALIKE or slip:
        kind = "near" if slip or initial else "alike"
        return _Likeness(4, kind, f"{ours.whole} and {row.last_key} {row.first_key} are {score:.0%} alike", score)
    if initial:
        return _Likeness(5, "initial", "the family name and the first initial agree", max(score, 0.9))
    return _NONE


def _one_slip(last: str, first: str, their_last: str, their_first: str) -> bool:
    """One name is the same and one letter of the other is wrong, missing, too many or in its neighbor's place."""
    one, other = (last, their_last) if first == their_first else (first, their_first)
    rest = first == their_first or last == their_last
    shorter, longer = sorted((len(one), len(other)))
    return rest and shorter > 2 and longer > 3 and OSA.distance(one, other, score_cutoff=1) < 2


def _whole(row: Listed) -> str:
    return f"{joined(row.last_key)} {joined(row.first_key)}".strip()


def _score(ours: Name, row: Listed) -> float:
    theirs = _whole(row)
    return max(Jaro.similarity(ours.whole, theirs), Jaro.similarity(ours.swapped, theirs))


def _first_word(first: str) -> str:
    """The first of several first names, unless it is an initial: then nothing that could agree."""
    word = first.partition(" ")[0]
    return word if len(word) > 1 else first


def _goes_by_middle(ours: Name, row: Listed) -> bool:
    one, other = _first_word(ours.first), _first_word(row.first_key)
    theirs = plain(row.middle).split()
    return len(one) > 2 and one in theirs or len(other) > 2 and other in ours.middle.split()


def _share_a_part(ours: str, theirs: str) -> bool:
    one, other = {joined(ours), *parts(ours)}, {joined(theirs), *parts(theirs)}
    return bool(one & other)


def _loose(ours: Name, row: Listed, in_state: bool) -> _Likeness:
    last, first = joined(ours.last), joined(ours.first)
    their_last, their_first = joined(row.last_key), joined(row.first_key)
    if last and (last == their_last or _share_a_part(ours.last, row.last_key)):
        return _Likeness(6, "loose", "the family name agrees; the first name differs", 0.85)
    if in_state and first and their_first and (first == their_first or nicknames(first, their_first)):
        return _Likeness(7, "loose", "the first name and the state agree; the family name may have changed", 0.8)
    score = _score(ours, row)
    if in_state and score >= LOOSE:
        return _Likeness(8, "loose", f"{ours.whole} and {row.last_key} {row.first_key} are {score:.0%} alike", score)
    return _NONE


_DATES = {
    "same": "the birth date is the same",
    "near": "the birth dates differ in one digit, or day and month are swapped",
    "year": "the year of birth is the same; the day is not known",
    "missing": "a birth date is missing",
    "other year": "the years of birth differ; a full birth date is missing",
    "differs": "the birth date differs",
}


def _match(
    sought: Sought, row: Listed, tier: str, likeness: _Likeness, dates: str, name: Name | None = None
) -> Match:  # fmt: skip
    agrees, differs = ["the NPI is the same"] if tier == "A" else [], []
    (agrees if likeness.words else differs).append(likeness.words or "the names differ")
    (agrees if _supported(dates) else differs).append(_DATES[dates])
    if sought.states and row.state in sought.states:
        agrees.append("the state is the same")
    against = _against(sought, row, name)
    differs += against
    if row.waiver:
        differs.append(f"a waiver holds in {row.waiver}")
    doubtful = likeness.kind == "alike" or bool(against) or dates == "other year"
    return Match(
        row=row, tier=tier, score=round(100 * likeness.score), agrees=tuple(agrees), differs=tuple(differs), dates=dates,
        together=tier in ("C", "D", "E") and doubtful and not _supported(dates) and dates != "differs",
        dismissed=dates == "differs" and tier != "A",
    )  # fmt: skip


def _against(sought: Sought, row: Listed, name: Name | None) -> list[str]:
    """What is known of the two and speaks against one person: never enough to clear, enough to ask less of a person."""
    found = []
    if sought.states and row.state and row.state not in sought.states:
        found.append("the state is another")
    if row.npi and is_npi(sought.npi) and row.npi != sought.npi:
        found.append("the NPI is another one")
    if name and name.middle and (theirs := plain(row.middle)) and name.middle[0] != theirs[0]:
        found.append(f"the middle names are {name.middle.title()} and {theirs.title()}")
    if sought.physician and row.trade.upper().startswith(NOT_PHYSICIANS):
        found.append(f"a physician here, {row.trade.lower()} on the list")
    return found


# Birth dates


def compare_days(ours: str, theirs: str) -> str:
    """same, near, year, other year, missing or differs. Only two full dates that are not even near differ."""
    if not ours or not theirs:
        return "missing"
    if not _full(ours) or not _full(theirs):
        return "year" if ours[:4] == theirs[:4] else "other year"
    if ours == theirs:
        return "same"
    return "near" if _near(ours, theirs) else "differs"


def _full(day: str) -> bool:
    return len(day) == 10


def _near(one: str, other: str) -> bool:
    """One digit mistyped, two neighbors or day and month swapped: it may be the same day, so a person looks."""
    wrong = [place for place in range(10) if one[place] != other[place]]
    if len(wrong) == 1:
        return True
    if len(wrong) == 2 and one[wrong[0]] == other[wrong[1]] and one[wrong[1]] == other[wrong[0]]:
        return True
    return one[:4] == other[:4] and one[5:7] == other[8:] and one[8:] == other[5:7]


@cache
def near_days(day: str) -> tuple[str, ...]:
    """The day and all that `_near` could take for it, some of which no calendar has; none for a year alone."""
    return tuple(dict.fromkeys(_mistyped(day))) if _full(day) else ()


def _mistyped(day: str) -> Iterator[str]:
    places = [place for place in range(10) if day[place] != "-"]
    yield day
    for place in places:
        for digit in "0123456789":
            yield day[:place] + digit + day[place + 1 :]
    for one in places:
        for other in places:
            if one < other:
                yield f"{day[:one]}{day[other]}{day[one + 1 : other]}{day[one]}{day[other + 1 :]}"
    yield f"{day[:5]}{day[8:]}-{day[5:7]}"


# Firms


def _firm_matches(sought: Sought, index: Index) -> list[Match]:
    keys = [(name, business_key(name)) for name in sought.names]
    found = [_firm_match(sought, keys, index.rows[number]) for number in index.firms]
    npi = (index.rows[number] for number in index.by_npi.get(sought.npi, ()) if is_npi(sought.npi))
    of_people = [_match(sought, row, "A", _NONE, "missing") for row in npi if not row.business_key]
    return [match for match in found if match] + of_people


def _firm_match(sought: Sought, keys: Sequence[tuple[str, str]], row: Listed) -> Match | None:
    in_state = not row.state or not sought.states or row.state in sought.states
    score, words = max(_firm_likeness(key, row.business_key, in_state) for _, key in keys)
    same_npi = bool(row.npi) and row.npi == sought.npi and is_npi(sought.npi)
    if not score and not same_npi:
        return None
    agrees = (["the NPI is the same"] if same_npi else []) + ([words] if words else [])
    differs = [] if words else ["the names differ"]
    (agrees if in_state else differs).append(f"the state is {'the same' if in_state else 'another'}")
    tier = "A" if same_npi else "F"
    return Match(row=row, tier=tier, score=score, agrees=tuple(agrees), differs=tuple(differs))


def _firm_likeness(ours: str, theirs: str, in_state: bool) -> tuple[int, str]:
    """0 when the names do not agree. In another state only the whole name counts."""
    if ours == theirs:
        return 100, "the name is the same without its legal form"
    one, other = set(ours.split()), set(theirs.split())
    if one == other or _same_letters(joined(ours), joined(theirs)):
        return 98, "the same words make the name"
    if not in_state:
        return 0, ""
    shorter, longer = sorted((one, other), key=len)
    if len(shorter) > 1 and shorter <= longer and sum(map(len, shorter)) > 9:
        return 94, "all words of the shorter name are in the longer one"
    score = round(max(token_sort_ratio(ours, theirs), ratio(joined(ours), joined(theirs))))
    return (score, f"the names are {score}% alike") if score >= FIRM_ALIKE else (0, "")


def _same_letters(ours: str, theirs: str) -> bool:
    """The same but for blanks, and for a legal form that a lost blank hid."""
    shorter, longer = sorted((ours, theirs), key=len)
    return shorter == longer or (longer.startswith(shorter) and longer[len(shorter) :] in LEGAL)


def _person_as_firm(sought: Sought, names: Sequence[Name], index: Index) -> list[Match]:
    """A practice that bears a person's name: SATO SAM MD PC."""
    words = [{*name.last.split(), *name.first.split()} for name in names if len(name.first) > 1]
    named = {number for pair in words for number in set.intersection(*(index.by_word.get(w, set()) for w in pair))}
    numbered = (
        {n for n in index.by_npi.get(sought.npi, ()) if index.rows[n].business_key} if is_npi(sought.npi) else set()
    )
    found = [_match(sought, index.rows[number], "A", _NONE, "missing") for number in sorted(numbered)]
    for number in sorted(named - numbered):
        row = index.rows[number]
        if not row.state or not sought.states or row.state in sought.states:
            agrees = ("the firm bears the person's name", "the state is the same")
            found.append(Match(row=row, tier="F", score=90, agrees=agrees))
    return found


# When, and where a party stands


class Standing(Struct, frozen=True, kw_only=True):
    """Where a party stands on a day. `objections` are empty when nothing stands in the way; `blocks` forbids work."""

    state: str
    """clear, hit, review, due or never."""
    objections: tuple[str, ...] = ()
    blocks: bool = False
    screened_on: date | None = None
    list_age_days: int | None = None
    list_sha256: str = ""


def standing(
    who: str, *, on: date, screened_on: date | None, list_on: date | None, list_sha256: str,
    confirmed: bool, open_tiers: Sequence[str], names: int = 0,
) -> Standing:  # fmt: skip
    """Every objection to letting this party work on a day, in sentences (billing.md 9.3).

    `open_tiers` are of the hits that wait for a decision of their own, `names` how many wait to be looked through.
    """
    said, state = [], "clear"
    age = None if list_on is None else (on - list_on).days
    if stale := list_notice(on=on, list_on=list_on):
        state, said = "due", [stale]
    if late := lateness(who, on=on, screened_on=screened_on):
        state, said = "never" if screened_on is None else "due", [*said, late]
    if open_tiers:
        plural = "hits wait" if len(open_tiers) > 1 else "hit waits"
        state, said = "review", [*said, f"{len(open_tiers)} exclusion {plural} for a decision on {who}."]
    if names:
        plural = "names on the exclusion list wait" if names > 1 else "name on the exclusion list waits"
        state, said = "review", [*said, f"{names} {plural} to be looked through for {who}, in one decision."]
    if confirmed:
        state, said = "hit", [f"{who} is on an exclusion list, confirmed by a person. No work, no claims.", *said]
    blocks = confirmed or any(tier in BLOCKING for tier in open_tiers)
    return Standing(
        state=state, objections=tuple(said), blocks=blocks, screened_on=screened_on, list_age_days=age,
        list_sha256=list_sha256,
    )  # fmt: skip


def lateness(who: str, *, on: date, screened_on: date | None) -> str:
    """Why a screening does not do for a day; empty when it does."""
    if screened_on is None:
        return f"{who} was never screened against an exclusion list."
    if screened_on < valid_from(on):
        return f"{who} was last screened on {screened_on:%b %-d, %Y}; screening is monthly."
    return ""


NO_LIST = "No exclusion list is loaded, so nobody is screened."


def list_notice(*, on: date, list_on: date | None) -> str:
    """What is wrong with the age of the list; empty when it is young enough."""
    if list_on is None:
        return NO_LIST
    age = (on - list_on).days
    return (
        f"The exclusion list is {age} days old; load the new one (limit {STALE_DAYS} days)." if age > STALE_DAYS else ""
    )


def valid_from(on: date) -> date:
    """A screening counts from this day on: this month's once it is past due, last month's before."""
    first = on.replace(day=1)
    return first if on.day > DUE_DAY else (first - timedelta(days=1)).replace(day=1)


def next_due(last: date | None, on: date) -> date:
    """The day by which the next monthly screening is due; in the past when it is overdue, today when there was none."""
    return on if last is None else (last.replace(day=28) + timedelta(days=4)).replace(day=DUE_DAY)


def refresh_due(list_on: date | None, on: date) -> bool:
    """True when a newer list should be out by now: it is refreshed each month by the 10th."""
    return list_on is None or (on.day > REFRESH_DAY and list_on < on.replace(day=REFRESH_DAY))
