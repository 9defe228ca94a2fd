"""No fault reaches a payer: each is entered as a person would, or put into a claim, and a sentence stops it on the way.

Where a fault is stopped: at the form it is typed into, when the claim is made or released, or by the check of the file.
Faults of the envelope cannot be typed anywhere; that the writer never makes them is shown over claims of every kind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

import models
from actions import Refused, claim_files, claims, places
from models import Case, Claim, ClaimFile, Counter, Payer, PayerRule, Person, Receiver
from practice import claims as c
from practice.x12 import checks, p837
from tests.billable import equip, signed
from tests.cast import NOW, actor, book
from tests.practice import made_claims as made
from tests.sent import receiver, released

SHARED = sorted(path.stem for path in (Path(__file__).parent / "edi" / "own" / "mutants").glob("*.837"))
TODAY = datetime.now(UTC).date() + timedelta(days=1)


# Entered in the app: a signed case that would make a good claim, and one thing of it typed wrong

_KEPT: dict[str, bytes] = {}


@pytest.fixture
def world(app, database) -> Iterator[SimpleNamespace]:
    """A practice with one signed case whose claim is sound, made once and put back for each test."""
    path = Path(models.SETTINGS.database)
    if not _KEPT:
        from tests import cast as the_cast

        cast = equip(the_cast.make())
        places.seed()
        PayerRule.update(filing_days=1000).execute()  # the case files grow old
        case = signed(cast, "01")
        Payer.update(filing="CI", receiver=receiver(cast)).where(Payer.id == case.payer_id).execute()
        models.db.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        _KEPT["db"] = path.read_bytes()
    models.db.close()
    for end in ("-wal", "-shm"):
        Path(f"{path}{end}").unlink(missing_ok=True)
    path.write_bytes(_KEPT["db"])
    models.db.connect()
    case = Case.get()
    olive = Person.get(Person.name == "Olive Owens")
    yield SimpleNamespace(
        case=case, olive=olive, client=app.test_client().sign_in(olive), to=Receiver.get(),
        pia=Person.get(Person.name == "Pia Park"),
    )  # fmt: skip


def reach(world: SimpleNamespace) -> tuple[list[str], ClaimFile | None]:
    """Make the claim, release it and put it into a file: the file, or the sentences of what stopped it."""
    try:
        claim = claims.make(world.case, by=actor(world.olive), now=NOW)
        claims.act(claim, "release", by=actor(world.olive), now=NOW)
        return [], claim_files.export(Receiver.get_by_id(world.to.id), by=actor(world.olive), now=datetime.now(UTC))
    except Refused as refused:
        return refused.reasons, None


def refusal(answer: Any) -> str:
    """What a page says against what was typed: its list of problems and the sentences at its fields, nothing else."""
    if answer.status_code != 422:
        assert answer.status_code == 303, answer.status_code
        return ""
    found = re.findall(r'<div class="problems".*?</div>|<p class="error".*?</p>', answer.text, re.S)
    assert found, "refused without a word"
    return unescape(re.sub(r"<[^>]+>", " ", " ".join(found)))


def billing(**changed: Any) -> Callable[[SimpleNamespace], str]:
    """The billing form of the case, as it is but for what is changed."""

    def enter(world: SimpleNamespace) -> str:
        values = {"payer": world.case.payer_id, "authorization": "AUTH1", "admitted_on": str(world.case.date_of_service),
                  "in_network": "", "diagnosis": "M48.02, M54.12", **changed}  # fmt: skip
        return refusal(world.client.post(f"/cases/{world.case.id}/billing", data=values))

    return enter


def place(noun: str, find: Callable[[SimpleNamespace], int], good: dict[str, Any], **changed: Any):
    """The form of a place or person, rightly filled but for what is changed."""

    def enter(world: SimpleNamespace) -> str:
        return refusal(world.client.post(f"/{noun}/{find(world)}", data={**good, **changed}))

    return enter


def facility(**changed: Any):
    good = {"name": "The hospital", "zone": "America/Chicago", "pos": "21", "state": "IL", "address": "500 Hospital Dr",
            "city": "Chicago", "zip": "60611-0002", "npi": "1777777776", "screw_threshold_ma": "8"}  # fmt: skip
    return place("places/facilities", lambda world: world.case.facility_id, good, **changed)


def biller(**changed: Any):
    good = {"name": "Example Neuromonitoring LLC", "npi": "1999999984", "taxonomy": "2084N0600X", "tax_id": "74-1234567",
            "address": "100 Main St", "city": "Chicago", "state": "IL", "zip": "60601-0001", "from_on": "2020-01-01"}  # fmt: skip
    return place("places/billing-providers", lambda world: 1, good, **changed)


def patient(**changed: Any):
    good = {"name": "TESTPATIENT, QUINN", "mrn": "1", "dob": "1970-04-02", "sex": "F", "address": "1 Elm St", "city": "Aurora",
            "state": "IL", "zip": "60505"}  # fmt: skip
    return place("places/patients", lambda world: world.case.patient_id, good, **changed)


def surgeon(**changed: Any):
    good = {"name": "Sam Sage, MD", "npi": "1444444446"}
    return place("places/surgeons", lambda world: world.case.surgeon_id, good, **changed)


def payer(**changed: Any):
    def enter(world: SimpleNamespace) -> str:
        row = Payer.get_by_id(world.case.payer_id)
        good = {
            "name": row.name,
            "payer_class": row.payer_class,
            "payer_id": row.payer_id,
            "filing": "CI",
            "receiver": world.to.id,
        }
        return refusal(world.client.post(f"/places/payers/{row.id}", data={**good, **changed}))

    return enter


def to(**changed: Any):
    good = {"name": "Clearinghouse", "receiver_id": "CLEARHOUSE", "submitter_id": "IONMPRACTICE", "usage": "P",
            "contact": "Billing", "phone": "5125550100", "isa_qualifier": "ZZ", "submitter_isa_qualifier": "ZZ",
            "claims_per_transaction": "5000", "payer_address": "y", "facility_always": "y", "billing_taxonomy": "y",
            "line_keys": "y"}  # fmt: skip
    return place("places/receivers", lambda world: world.to.id, good, **changed)


def prices(text: str):
    def enter(world: SimpleNamespace) -> str:
        return refusal(
            world.client.post("/fees/lists/charge", data={"from_on": "2026-01-01", "source": "List", "text": text})
        )

    return enter


def correction_without_a_number(world: SimpleNamespace) -> str:
    claim = claims.make(world.case, by=actor(world.olive), now=NOW)
    for act in ("release", "submit", "accept"):
        claims.act(claim, act, by=actor(world.olive), now=NOW)
    answer = world.client.post(f"/claims/{claim.id}/replacement", data={"kind": "correct", "payer_control": ""})
    return refusal(answer)


ENTERED: dict[str, tuple[Callable[[SimpleNamespace], str], str]] = {
    # Each of the shared faults that a form or page can be given
    "015-s1-non-numeric-charge": (prices("95938,26,ABC"), "dollars and cents"),
    "021-s2-missing-billing-N3": (biller(address=""), "Type the street"),
    "025-s2-missing-PER-submitter": (to(phone=""), "phone"),
    "031-s2-five-modifiers": (billing(**{"95938-modifiers": "59 XU XS GC Q6", "95938-reason": "asked"}), "room for 4 modifiers"),
    "037-s2-NM108-not-XX-billing": (biller(npi=""), "Type the NPI"),
    "043-s4-pos21-no-admit-date": (billing(admitted_on=""), "admission of an inpatient is missing"),
    "047-s4-freq7-without-REF-F8": (correction_without_a_number, "number"),
    "049-s4-billing-zip-5-digits": (biller(zip="60601"), "nine digits"),
    "053-s4-duplicate-dx": (billing(diagnosis="M48.02, M48.02"), "A diagnosis stands twice"),
    "055-s5-npi-bad-check-digit": (facility(npi="1777777777"), "check digit"),
    "059-s5-icd9-qualifier-BK": (billing(diagnosis="722.0"), "is not an ICD-10-CM code"),
    "061-s5-pos-code-10-telehealth-home-valid": (facility(pos="10"), "Not a valid choice"),
    "063-s5-zip-bad-000000000": (facility(zip="000000000"), "no such ZIP"),
    "071-s6-charge-3-decimals": (prices("95938,26,250.125"), "dollars and cents"),
    # Our own
    "billing PO box": (biller(address="PO Box 12"), "This must be a street"),
    "billing tax number of eight digits": (biller(tax_id="12-345678"), "nine digits"),
    "billing taxonomy cut short": (biller(taxonomy="2084N06"), "taxonomy"),
    "hospital without a street": (facility(address=""), "street"),
    "hospital PO box": (facility(address="P.O. Box 77"), "PO box"),
    "hospital ZIP of five digits": (facility(zip="60611"), "nine digits"),
    "hospital state that is none": (facility(state="ZQ"), "N402"),
    "hospital NPI with a letter": (facility(npi="17777A7776"), "ten digits"),
    "surgeon without an NPI": (surgeon(npi=""), "NPI"),
    "surgeon with two digits swapped": (surgeon(npi="1444444464"), "check digit"),
    "surgeon without a first name": (surgeon(name="Sato"), "first name"),
    "patient without a birth date": (patient(dob=""), "date of birth"),
    "patient born tomorrow": (patient(dob="2099-01-01"), "date of birth cannot be"),
    "patient without a street": (patient(address=""), "street"),
    "patient ZIP of four digits": (patient(zip="6050"), "five or nine digits"),
    "patient name no file can hold": (patient(name="山田, 太郎"), "no claim file can hold"),
    "payer without its id": (payer(payer_id=""), "no payer id"),
    "payer id with a separator": (payer(payer_id="AC*ME"), "separates values"),
    "authorization with a separator": (billing(authorization="AU~TH"), "separates values"),
    "thirteen diagnoses": (billing(diagnosis=" ".join(f"M50.{n}" for n in range(10, 23))), "room for 12"),
    "modifier of three signs": (billing(**{"95938-modifiers": "591", "95938-reason": "asked"}), "is not a modifier"),
    "pointer beyond the diagnoses": (billing(**{"95938-pointers": "L"}), "points at a diagnosis"),
    "discharged before admitted": (billing(discharged_on="2020-01-01"), "before the admission"),
    "admitted after the service": (billing(admitted_on="2026-11-01"), "admission is after the service"),
    "an accident without its kind": (billing(accident_on="2026-08-01"), "Say which kind of accident"),
    "sender's phone in words": (to(phone="call us"), "phone"),
    "receiver without an id": (to(receiver_id=""), "Type the id"),
    "a price below zero": (prices("95938,26,-5"), "below zero"),
}  # fmt: skip


@pytest.mark.parametrize("name", ENTERED)
def test_a_fault_that_is_typed_is_stopped_with_a_sentence(world, name):
    enter, words = ENTERED[name]
    said = enter(world)
    if words.lower() not in said.lower():
        reasons, file = reach(world)
        assert file is None, f"{name} reached a file"
        said = " ".join(reasons)
        assert words.lower() in said.lower(), said
    assert not ClaimFile.select().exists()


def test_without_a_fault_the_same_case_reaches_its_file(world):
    reasons, file = reach(world)
    assert reasons == [] and file is not None and file.claims == 1


def test_what_is_typed_unusually_and_rightly_meant_is_put_right(world):
    """057: a diagnosis is typed with its point, 017: a name with an accent. The file has neither."""
    billing(diagnosis="M48.02")(world)
    patient(name="MÜLLER, ZOË")(world)
    reasons, file = reach(world)
    assert reasons == []
    text = models.Document.get_by_id(file.document_id)
    written = claim_files.documents.read(text).decode()
    assert "ABK:M4802" in written and "MULLER*ZOE" in written and written.isascii()


# In a claim: what no form lets in, put there as if one had. The check of the file is the last to see it


def line(number: int = 0, **changed: Any) -> dict[str, Any]:
    rows = list(made.lines())
    rows[number] = replace(rows[number], **changed)
    return {"lines": tuple(rows)}


LATER = TODAY + timedelta(days=20)
OTHER = replace(made.OWN, payer=made.OTHER_PLAN)
IN_A_CLAIM: dict[str, tuple[dict[str, Any], str]] = {
    "013-s1-element-too-long-CLM01-39": ({"control_number": "N" * 39}, "1 to 20"),
    "023-s2-missing-HI": ({"diagnoses": ()}, "1 to 12 diagnoses"),
    "031-s2-five-modifiers": (line(1, modifiers=("26", "59", "XU", "GC", "Q6")), "5 modifiers"),
    "035-s2-invalid-PWK01": ({"attachments": (c.Attachment(type="XX", sent_by="FX", control="A1"),)}, "PWK01"),
    "041-s3-cob-AMT-D-ne-sum-SVD": (
        {"coverage": replace(made.OWN, sequence="S"), "others": (replace(made.secondary().others[0], paid_cents=195001),),
         "lines": made.secondary().lines}, "AMT*D is 1950.01"),
    "045-s4-PWK-FX-without-PWK06": ({"attachments": (c.Attachment(type="OB", sent_by="FX"),)}, "control number"),
    "051-s4-service-date-in-future": (line(0, from_on=LATER), "future"),
    "065-s5-cpt-not-a-code": (line(0, code="9594"), "not the shape"),
    "units of zero": (line(0, units=0), "Units must be 1 or more"),
    "units below zero": (line(0, units=-3), "Units must be 1 or more"),
    "no pointer": (line(0, pointers=()), "point at 1 to 4"),
    "a pointer to a third diagnosis": (line(0, pointers=(3,)), "not on the claim"),
    "a pointer twice": (line(0, pointers=(1, 1)), "twice"),
    "two lines with one key": (line(0, key="ION1L2"), "same key"),
    "a charge below zero": (line(0, charge_cents=-100), "below zero"),
    "a modifier twice": (line(1, modifiers=("26", "26")), "twice"),
    "modifier 51 on an add-on": (line(0, modifiers=("51",)), "not valid on an add-on"),
    "telehealth on monitoring": (line(0, modifiers=("95",)), "no telehealth"),
    "a deleted code": (line(0, code="95920"), "deleted"),
    "no base study": ({"lines": (made.lines()[0],)}, "base study"),
    "both limb codes in two": (line(2, code="95925"), "95938"),
    "more units than a day has": (line(0, units=97), "units"),
    "frequency 7 without a number": ({"frequency": "7"}, "payer's own claim number"),
    "frequency 8 without a number": ({"frequency": "8"}, "payer's own claim number"),
    "fifty-one lines": ({"lines": tuple(replace(made.lines()[1], key=f"K{n}") for n in range(51))}, "1 to 50 lines"),
    "an outside cause first": ({"diagnoses": ("V48.02XA", "M54.12")}, "cannot come first"),
    "a diagnosis that is none": ({"diagnoses": ("4802", "M54.12")}, "shape of a diagnosis"),
    "a place that is none": ({"pos": "97"}, "place of service"),
    "no hospital on an inpatient claim": ({"facility": None}, "needs that place"),
    "no member number": ({"coverage": replace(made.OWN, member_id="")}, "member number"),
    "no kind of insurance": ({"coverage": replace(made.OWN, payer=replace(made.PLAN, filing=""))}, "kind of insurance"),
    "a kind of insurance that is none": ({"coverage": replace(made.OWN, payer=replace(made.PLAN, filing="QQ"))}, "SBR09"),
    "a subscriber beside a self": ({"coverage": replace(made.OWN, subscriber=made.PATIENT)}, "exactly when"),
    "service before birth": ({"patient": replace(made.PATIENT, birth_on=date(2026, 5, 1))}, "before the patient's birth"),
    "a physician without an NPI": ({"rendering": replace(made.READER, npi="")}, "needs an NPI"),
    "a physician's taxonomy cut short": ({"rendering": replace(made.READER, taxonomy="2084")}, "taxonomy"),
    "a car accident without its state": ({"accident": ("AA",), "accident_on": made.DAY}, "state it happened"),
    "an accident without its date": ({"accident": ("OA",)}, "needs its date"),
    "two payers of one rank": ({"coverage": made.OWN, "others": (replace(OTHER, paid_cents=0),)}, "rank"),
    "a later payer without the first's decision": ({"coverage": replace(made.OWN, sequence="S")}, "missing"),
    "a billing ZIP of five": ({"billing": replace(made.BILLING, address=replace(made.BILLING.address, zip="78701"))}, "nine digits"),
    "a state that is none": ({"facility": replace(made.HOSPITAL, address=replace(made.HOSPITAL.address, state="ZZ"))}, "N402"),
}  # fmt: skip


@pytest.mark.parametrize("name", IN_A_CLAIM)
def test_a_fault_in_a_claim_is_stopped_by_the_check_of_its_file(cast, name):
    changed, words = IN_A_CLAIM[name]
    to_ = receiver(cast)
    released(cast, "1", case=book(cast), **changed)
    with pytest.raises(Refused) as refused:
        claim_files.export(to_, by=actor(cast.bo), now=datetime.now(UTC))
    assert words.lower() in " ".join(refused.value.reasons).lower(), refused.value.reasons
    assert not ClaimFile.select().exists() and not Counter.select().exists()
    assert Claim.get().state == "released"


# Never made: the envelope and what the writer computes

NEVER = {
    "001-s1-se-count-wrong", "003-s1-ge-count-wrong", "005-s1-isa-iea-control-mismatch", "007-s1-unknown-segment",
    "009-s1-hl-parent-wrong", "011-s1-hl04-claims-child-none", "019-s1-trailing-delimiters", "027-s2-missing-DTP472",
    "029-s2-duplicate-REF-G1", "033-s2-MJ-for-non-anesthesia", "039-s3-line-sum-ne-claim-total", "069-s6-units-fraction-3dp",
}  # fmt: skip
"""Shared faults that nobody can enter: counts, levels and sums are computed, units are whole and always UN."""
PUT_RIGHT = {"017-s1-utf8-char-in-name", "057-s5-icd10-with-dot"}
ALLOWED = {"067-s6-95940-modifier-26-pc-only"}
"""What a payer may want: told as a warning, see `test_26_on_95940_is_told_and_left_to_the_payer`."""


def test_every_shared_fault_has_its_place_here():
    assert set(SHARED) == (set(ENTERED) | set(IN_A_CLAIM) | NEVER | PUT_RIGHT | ALLOWED) & set(SHARED)
    assert len((set(ENTERED) | set(IN_A_CLAIM)) - set(SHARED)) >= len(SHARED)


def test_26_on_95940_is_told_and_left_to_the_payer(cast):
    to_ = receiver(cast)
    released(cast, "1", **line(0, modifiers=("26",)))
    file = claim_files.export(to_, by=actor(cast.bo), now=datetime.now(UTC))
    assert any("26" in note for note in file.notes)


def ids(name: str) -> set[str]:
    raw = (Path(__file__).parent / "edi" / "own" / "mutants" / f"{name}.837").read_bytes()
    return {found.id for found in checks.check(raw, today=TODAY).findings if found.severity == "error"}


OPTIONS = st.builds(
    p837.Receiver, name=st.just("Clearinghouse"), id=st.just("CLEARHOUSE"), usage=st.sampled_from("TP"),
    claims_per_transaction=st.integers(1, 4), rendering_always=st.booleans(), facility_always=st.booleans(),
    subscriber_address_always=st.booleans(), payer_address=st.booleans(), billing_taxonomy=st.booleans(), wants_ta1=st.booleans(),
)  # fmt: skip


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(sorted(made.ALL)), min_size=1, max_size=6), OPTIONS)
def test_the_writer_never_makes_a_fault_that_nobody_can_enter(kinds, to_):
    never = set().union(*(ids(name) for name in NEVER))
    text = made.written(*(made.ALL[kind](str(n)) for n, kind in enumerate(kinds, 20)), receiver=to_)
    found = {one.id for one in checks.findings(text, today=TODAY) if one.severity == "error"}
    assert not found & never
    # pyx12 has no map for a group that is cut at other signs or sent empty, none of which is made here
    assert made.referee(text) == []
