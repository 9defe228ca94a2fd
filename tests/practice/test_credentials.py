from __future__ import annotations

from datetime import date, timedelta
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practice import credentials as c

MERCY = c.Place(id=1, name="Mercy", state="IL")
LAKESIDE = c.Place(id=2, name="Lakeside", state="WI")
CARD = c.Type(id="BLS", name="BLS", cycle_months=24, processing_days=14)
CNIM = c.default_rules().types["CNIM"]
LICENSE = c.Type(id="State license", name="State license", place="state")
PRIVILEGES = c.Type(id="Hospital privileges", name="Hospital privileges", place="facility")
TYPES: dict[c.Id, c.Type] = {one.id: one for one in (CARD, CNIM, LICENSE, PRIVILEGES)}
DAY = date(2026, 6, 12)


def rules(*demands: c.Demand) -> c.Rules:
    return c.Rules(types=TYPES, demands=demands)


def must(*types: c.Id, **more: object) -> c.Demand:
    return c.Demand(role="technologist", types=types, **more)


def card(until: date | None = date(2027, 1, 1), **more: object) -> c.Proof:
    return c.Proof(**{"id": 1, "type": "BLS", "until_on": until, "verified": True, **more})


def tess(*proofs: c.Proof, **more: object) -> c.Holder:
    return c.Holder(id=1, name="Tess Tran", proofs=proofs, **more)


def judged(person: c.Holder, *demands: c.Demand, on: date = DAY, place: c.Place = MERCY) -> c.Standing:
    (found,) = c.standings(person, "technologist", place, on, None, rules=rules(*demands))
    return found


# The case's date at that place


def test_a_card_that_ends_two_days_before_the_case_stops_it_long_before() -> None:
    """Product A4 39: case on 12 June, credential ends 10 June: flagged today."""
    found = judged(tess(card(date(2026, 6, 10))), must("BLS"))
    assert (found.state, found.stops) == ("expired", True)
    assert found.sentence == "Tess Tran: BLS ended on Jun 10, 2026, 2 days before the case."


def test_the_last_day_still_counts_and_the_next_does_not() -> None:
    assert not judged(tess(card(DAY)), must("BLS")).stops
    assert judged(tess(card(DAY)), must("BLS"), on=DAY + timedelta(days=1)).stops


def test_a_license_counts_in_its_state_and_privileges_at_their_hospital() -> None:
    license = c.Proof(id=1, type="State license", state="WI", verified=True)
    held = c.Proof(id=2, type="Hospital privileges", facility=2, verified=True)
    for place, stops in ((LAKESIDE, False), (MERCY, True)):
        for demand in (must("State license"), must("Hospital privileges")):
            assert judged(tess(license, held), demand, place=place).stops is stops


def test_an_upload_is_not_verified_and_stops_where_it_must_be_held() -> None:
    assert judged(tess(card(verified=False)), must("BLS")).state == "unverified"
    assert judged(tess(card(verified=False)), must("BLS")).stops


def test_what_is_only_kept_current_stops_nobody_who_has_none() -> None:
    assert not judged(tess(), must("BLS", must_hold=False)).stops
    assert not judged(tess(card(verified=False)), must("BLS", must_hold=False)).stops
    assert judged(tess(card(date(2026, 1, 1))), must("BLS", must_hold=False)).stops


def test_an_upload_does_not_undo_the_stop_of_a_card_that_ended() -> None:
    ended, sent = card(date(2026, 1, 1)), card(id=2, verified=False)
    assert judged(tess(ended, sent), must("BLS", must_hold=False)).stops


def test_a_renewal_beside_the_old_card_is_valid() -> None:
    assert judged(tess(card(date(2026, 1, 1)), card(id=2)), must("BLS")).state == "valid"


def test_any_one_of_several_is_enough_and_the_best_is_said() -> None:
    certified = c.Proof(id=9, type="CNIM", verified=True)
    assert judged(tess(card(date(2020, 1, 1)), certified), must("BLS", "CNIM")).name == "CNIM"
    assert "BLS or CNIM is not on file" in judged(tess(), must("BLS", "CNIM")).sentence


def test_what_was_applied_for_is_pending_and_no_proof() -> None:
    asked = (c.Asked(type="BLS", sent_on=date(2026, 5, 1)),)
    found = judged(tess(asked=asked), must("BLS"))
    assert (found.state, found.stops) == ("pending", True)


def test_a_card_that_has_not_begun_says_when_it_does() -> None:
    found = judged(tess(card(from_on=date(2026, 7, 1))), must("BLS"))
    assert (found.state, found.stops) == ("pending", True)
    assert "begins on Jul 1, 2026" in found.sentence


def test_a_waiver_lets_work_at_its_facility_in_its_time() -> None:
    waived = (c.Waived(type="BLS", facility=1, from_on=DAY, until_on=DAY, reason="course full"),)
    assert judged(tess(waived=waived), must("BLS")).state == "waived"
    assert judged(tess(waived=waived), must("BLS"), on=DAY + timedelta(days=1)).stops
    assert judged(tess(waived=waived), must("BLS"), place=LAKESIDE).stops


def test_a_demand_is_made_of_its_role_at_its_place_by_its_payer_in_its_time() -> None:
    demand = must("BLS", facility=1, payer=7, from_on=DAY, until_on=DAY)
    cases = [
        ("technologist", MERCY, DAY, 7), ("physician", MERCY, DAY, 7), ("technologist", LAKESIDE, DAY, 7),
        ("technologist", MERCY, DAY, 8), ("technologist", MERCY, DAY, None),
        ("technologist", MERCY, DAY + timedelta(days=1), 7), ("technologist", MERCY, DAY - timedelta(days=1), 7),
    ]  # fmt: skip
    found = [bool(c.objections(tess(), *one, rules=rules(demand))) for one in cases]
    assert found == [True] + [False] * 6


def test_every_reason_is_given_and_the_stricter_of_two_counts() -> None:
    found = c.objections(tess(), "technologist", MERCY, DAY, None, rules=rules(must("BLS"), must("CNIM")))
    assert len(found) == 2
    both = rules(must("BLS", must_hold=False, for_claims=True), must("BLS", facility=1))
    (one,) = c.standings(tess(), "technologist", MERCY, DAY, None, rules=both)
    assert one.stops
    assert one.for_claims


def test_a_fresh_practice_may_assign_anybody() -> None:
    for role in ("technologist", "physician"):
        assert c.objections(tess(), role, MERCY, DAY, None, rules=c.default_rules()) == []


# Against a judge that walks the days


START = date(2026, 1, 1)
days = st.integers(0, 40).map(lambda n: START + timedelta(days=n))
proofs = st.builds(
    c.Proof, id=st.integers(1, 99), type=st.sampled_from(sorted(TYPES, key=str)), state=st.sampled_from(["", "IL", "WI"]),
    facility=st.sampled_from([None, 1, 2]), from_on=st.none() | days, until_on=st.none() | days, verified=st.booleans(),
)  # fmt: skip
waivers = st.builds(
    c.Waived, type=st.sampled_from(sorted(TYPES, key=str)), from_on=days, until_on=days, reason=st.just("r"),
    facility=st.sampled_from([None, 1, 2]),
)  # fmt: skip
requests = st.builds(
    c.Asked, type=st.sampled_from(sorted(TYPES, key=str)), sent_on=days, state=st.sampled_from(["", "IL"]),
    facility=st.sampled_from([None, 1]),
)  # fmt: skip


def days_of(start: date | None, end: date | None) -> set[date]:
    """Every day of a stretch within the months looked at, one by one."""
    window = [START + timedelta(days=n) for n in range(-10, 60)]
    return {day for day in window if not (start and day < start) and not (end and day > end)}


def works(person: c.Holder, demand: c.Demand, place: c.Place, on: date) -> bool:
    """May they work? Written the long way: by sets of days, not by comparing ends."""
    good, sent, ended_verified, ended = False, False, False, False
    for of_type in (TYPES[one] for one in demand.types):
        for one in person.proofs:
            here = one.type == of_type.id
            here &= of_type.place != "state" or one.state in ("", place.state)
            here &= of_type.place != "facility" or one.facility in (None, place.id)
            if not here:
                continue
            good |= one.verified and on in days_of(one.from_on, one.until_on)
            sent |= on in days_of(one.from_on, one.until_on)
            over = one.until_on is not None and on not in days_of(None, one.until_on)
            ended, ended_verified = ended or over, ended_verified or (over and one.verified)
        for one in person.waived:
            good |= (
                one.type == of_type.id and one.facility in (None, place.id) and on in days_of(one.from_on, one.until_on)
            )
    if good:
        return True
    if demand.must_hold:
        return False
    begins = any(
        one.type == kind and one.from_on and on < one.from_on and c.fits(one, TYPES[kind], place)
        for one in person.proofs for kind in demand.types
    )  # fmt: skip
    return not ended_verified if sent else not (ended or begins)


@given(
    st.lists(proofs, max_size=5), st.lists(waivers, max_size=2), st.lists(requests, max_size=2),
    st.lists(st.sampled_from(sorted(TYPES, key=str)), min_size=1, max_size=3, unique=True), st.booleans(),
    st.sampled_from([MERCY, LAKESIDE]), days,
)  # fmt: skip
def test_it_judges_as_one_who_walks_the_days(held, waived, asked, types, must_hold, place, on) -> None:
    person = tess(*held, waived=tuple(waived), asked=tuple(asked))
    demand = must(*types, must_hold=must_hold)
    found = judged(person, demand, on=on, place=place)
    assert found.stops is not works(person, demand, place, on), found
    assert found.sentence.startswith("Tess Tran: ")
    assert found.sentence.endswith(".")


@given(st.lists(proofs, max_size=5), proofs, st.sampled_from([MERCY, LAKESIDE]), days)
def test_one_more_verified_proof_of_the_day_never_stops_anybody(held, more, place, on) -> None:
    demand = must("BLS", "CNIM", "State license", "Hospital privileges")
    better = c.Proof(id=100, type="BLS", verified=True, from_on=on, until_on=on)
    before = judged(tess(*held, more), demand, on=on, place=place)
    assert not judged(tess(*held, more, better), demand, on=on, place=place).stops
    assert before.state in c.STATES


# Alerts, cycles, steps


def test_a_year_of_days_gives_exactly_the_thresholds_each_once() -> None:
    one = card(date(2026, 12, 31))
    told = [c.due([one], TYPES, date(2026, 1, 1) + timedelta(days=n)) for n in range(400)]
    firsts = dict.fromkeys(found[0].threshold for found in told if found)
    assert list(firsts) == [90, 60, 30, 7, 0]


def test_after_an_outage_the_newest_due_is_the_only_one() -> None:
    (found,) = c.due([card(date(2026, 12, 31))], TYPES, date(2026, 12, 20))
    assert (found.threshold, found.days_left) == (30, 11)


def test_a_cnim_is_told_a_year_before() -> None:
    proof = c.Proof(id=1, type="CNIM", until_on=date(2026, 12, 31))
    assert c.due([proof], TYPES, date(2025, 12, 30)) == []
    assert c.due([proof], TYPES, date(2025, 12, 31))[0].threshold == 365


def test_what_was_renewed_is_not_told() -> None:
    old, new = card(date(2026, 6, 1)), card(date(2028, 6, 1), id=2, verified=False)
    assert c.due([old, new], TYPES, date(2026, 5, 20)) == []


@given(proofs, days)
def test_the_newest_due_is_that_of_a_walk_over_the_days(one, on) -> None:
    if one.until_on is None:
        assert c.due([one], TYPES, on) == []
        return
    walked = None
    for ahead in range(800, -60, -1):
        if one.until_on - timedelta(days=ahead) <= on and ahead in TYPES[one.type].alert_days:
            walked = ahead
    found = c.due([one], TYPES, on)
    assert [due.threshold for due in found] == ([] if walked is None else [walked])


@pytest.mark.parametrize(
    "name, after, on, expected",
    [
        ("CNIM", date(2026, 12, 31), date(2026, 10, 1), (date(2027, 1, 1), date(2031, 12, 31))),
        ("CNIM", None, date(2026, 3, 15), (date(2026, 3, 15), date(2031, 12, 31))),
        ("CNIM", date(2026, 12, 31), date(2027, 1, 31), (date(2027, 1, 1), date(2031, 12, 31))),
        ("CNIM", date(2026, 12, 31), date(2027, 2, 1), (date(2027, 2, 1), date(2032, 12, 31))),
        ("BLS", date(2024, 2, 29), date(2024, 2, 1), (date(2024, 3, 1), date(2026, 2, 28))),
        ("CAQH attestation", None, date(2026, 1, 1), (date(2026, 1, 1), date(2026, 4, 30))),
        ("Vaccinations", None, date(2026, 1, 1), (date(2026, 1, 1), None)),
    ],
)
def test_the_next_dates_are_proposed_from_the_cycle(name, after, on, expected) -> None:
    assert c.next_period(c.default_rules().types[name], after=after, on=on) == expected


def test_a_renewal_is_begun_by_its_end_minus_the_days_it_takes() -> None:
    one = card(date(2026, 6, 30))
    assert c.start_by(one, CARD) == date(2026, 6, 16)
    assert c.next_step(one, CARD, date(2026, 6, 16), documented=True).what == "Start the renewal now."
    assert c.next_step(one, CARD, date(2026, 1, 1), documented=True).what == "Start the renewal by Jun 16, 2026."


def test_a_cnim_waits_for_its_window_and_has_a_late_month() -> None:
    one = c.Proof(id=1, type="CNIM", until_on=date(2027, 12, 31), verified=True)
    assert c.next_step(one, CNIM, date(2026, 12, 31), documented=True).what == "Renewal opens Jan 1, 2027."
    assert c.next_step(one, CNIM, date(2027, 1, 1), documented=True).what == "Start the renewal."
    assert "Renew late until Jan 31, 2028" in c.next_step(one, CNIM, date(2028, 1, 31), documented=True).what
    assert "Get it anew" in c.next_step(one, CNIM, date(2028, 2, 1), documented=True).what


# Education


def test_no_more_than_half_comes_from_one_house_or_from_journals() -> None:
    earned = [c.Credit(earned_on=DAY, minutes=30 * 60, category=one) for one in ("in-house", "journal")]
    found = c.progress(earned, CNIM, start=date(2026, 1, 1), until=date(2026, 12, 31), on=DAY)
    assert (found.needed, found.counted, found.lacking) == (3000, 3000, 0)
    assert found.over == {"in-house": 300, "journal": 300}


def test_hours_of_another_cycle_do_not_count() -> None:
    earned = [c.Credit(earned_on=date(2025, 12, 31), minutes=60, category="course")]
    assert c.progress(earned, CNIM, start=date(2026, 1, 1), until=date(2026, 12, 31), on=DAY).counted == 0


# Hospitals compared


def test_differences_come_first() -> None:
    given_ = rules(must("BLS"), must("CNIM", facility=1))
    found = c.compared("technologist", [MERCY, LAKESIDE], DAY, given_)
    assert [(one.types, one.same) for one in found] == [(("CNIM",), False), (("BLS",), True)]


@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from(["BLS", "CNIM", "State license"]), min_size=1, max_size=3, unique=True),
            st.sampled_from([None, 1, 2]), st.booleans(),
        ),
        max_size=4,
    )
)  # fmt: skip
def test_the_superset_meets_every_demand_and_none_is_smaller(asked) -> None:
    given_ = rules(*(must(*types, facility=facility, must_hold=hold) for types, facility, hold in asked))
    places = [MERCY, LAKESIDE]
    found = set(c.superset("technologist", places, DAY, given_))

    def item(kind: c.Id, place: c.Place) -> tuple[c.Id, str]:
        return kind, place.state if kind == "State license" else ""

    lists = [
        {item(kind, place) for kind in one.types}
        for place in places
        for one in c.demands("technologist", place, DAY, None, given_)
        if one.must_hold
    ]
    assert all(options & found for options in lists)
    everything = sorted({one for options in lists for one in options})
    for size in range(len(found)):
        assert not any(all(options & set(some) for options in lists) for some in combinations(everything, size))
