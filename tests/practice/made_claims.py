"""Claims for tests: one that is whole, and variants of it. All people and numbers are made up."""

from __future__ import annotations

import io
import tempfile
from datetime import UTC, date, datetime

import pyx12.error_handler
import pyx12.params
import pyx12.x12n_document
from msgspec.structs import replace

from practice import claims as c
from practice.x12 import p837

TODAY = date(2026, 11, 22)
DAY = date(2026, 3, 2)
AT = datetime(2026, 3, 10, 9, 15, tzinfo=UTC)
HOME = c.Address(line1="1 Elm St", city="Austin", state="TX", zip="78701")
BILLING = c.Provider(
    name="Example Neuromonitoring LLC",
    npi="1999999984",
    taxonomy="2084N0600X",
    address=c.Address(line1="100 Main St", line2="Ste 200", city="Austin", state="TX", zip="78701-0001"),
    tax_id="74-1234567",
    phone="(512) 555-0100",
)
READER = c.Provider(name="Reader", first="Rita", person=True, npi="1555555550", taxonomy="2084N0600X")
SECOND_READER = c.Provider(name="Second", first="Sue", person=True, npi="1666666668", taxonomy="2084N0600X")
SURGEON = c.Provider(name="Surgeon", first="Sam", person=True, npi="1444444446", credentials="MD")
HOSPITAL = c.Provider(
    name="Example General Hospital",
    npi="1777777776",
    address=c.Address(line1="500 Hospital Dr", city="Austin", state="TX", zip="787050002"),
)
PLAN = c.Payer(
    name="Example Health Plan",
    id="12345",
    filing="CI",
    address=c.Address(line1="PO Box 1000", city="El Paso", state="TX", zip="799981000"),
)
OTHER_PLAN = c.Payer(name="First Mutual", id="54321", filing="CI")
MEDICARE = c.Payer(name="Medicare Part B TX", id="04412", filing="MB")
PATIENT = c.Person(last="Tester", first="Pat", middle="Q", birth_on=date(1960, 2, 15), sex="F", address=HOME)
CHILD = c.Person(last="Tester", first="Kim", birth_on=date(2010, 5, 4), sex="M", address=HOME)
OWN = c.Coverage(payer=PLAN, member_id="XYZ123456789", group_number="GRP12345")

SUBMITTER = p837.Submitter(
    name="Example Neuromonitoring LLC",
    id="IONMPRACTICE",
    contact="Billing Office",
    phone="512-555-0100",
    email="billing@example.org",
)
RECEIVER = p837.Receiver(name="Example Clearinghouse", id="CLEARHOUSE")
CONTROLS = p837.Controls(interchange=101, group=101, batch="BATCH000101")


def lines(number: str = "1") -> tuple[c.ClaimLine, ...]:
    rows = (("95940", (), 8, 240000), ("95938", ("26",), 1, 90000), ("95939", ("26",), 1, 60000))
    return tuple(
        c.ClaimLine(
            key=f"ION{number}L{place}",
            code=code,
            modifiers=modifiers,
            units=units,
            charge_cents=cents,
            pointers=(1, 2),
            from_on=DAY,
        )
        for place, (code, modifiers, units, cents) in enumerate(rows, 1)
    )


def claim(number: str = "1", **changed) -> c.Claim:
    whole = c.Claim(
        control_number=f"ION-{number}",
        billing=BILLING,
        patient=PATIENT,
        coverage=OWN,
        rendering=READER,
        referring=SURGEON,
        facility=HOSPITAL,
        diagnoses=("M48.02", "M54.12"),
        lines=lines(number),
        pos="21",
        admitted_on=DAY,
        authorization="AUTH998877",
        attachments=(c.Attachment(type="OB", sent_by="FX", control=f"ATT-{number}"),),
        signed_on=date(2026, 3, 9),
    )
    return replace(whole, **changed)


def dependent(number: str = "2") -> c.Claim:
    return claim(number, patient=CHILD, coverage=replace(OWN, relationship="19", subscriber=PATIENT))


def secondary(number: str = "3") -> c.Claim:
    """The first payer paid half of each line; the rest is its discount and the patient's share."""
    decided = tuple(
        replace(
            line,
            adjudications=(
                c.Adjudication(
                    payer_id="54321",
                    paid_cents=line.charge_cents // 2,
                    code=line.code,
                    modifiers=line.modifiers,
                    units=line.units,
                    adjustments=(
                        c.Adjustment(group="CO", reason="45", cents=line.charge_cents // 4),
                        c.Adjustment(group="PR", reason="1", cents=line.charge_cents // 8),
                        c.Adjustment(group="PR", reason="2", cents=line.charge_cents // 8),
                    ),
                    on=date(2026, 3, 20),
                ),
            ),
        )
        for line in lines(number)
    )
    first = c.Coverage(
        payer=OTHER_PLAN,
        member_id="PRIM0001",
        group_number="GRP777",
        paid_cents=195000,
        patient_owes_cents=97500,
        adjudicated_on=date(2026, 3, 20),
        claim_number="FIRST-99",
    )
    return claim(number, coverage=replace(OWN, sequence="S"), others=(first,), lines=decided)


def replacement(number: str = "4") -> c.Claim:
    return c.corrected(
        claim(number), control_number=f"ION-{number}", payer_control="PAYERICN001", note="Corrected units"
    )


def void(number: str = "5") -> c.Claim:
    return c.voided(claim(number), control_number=f"ION-{number}", payer_control="PAYERICN002")


def medicare(number: str = "6") -> c.Claim:
    remote = c.ClaimLine(key=f"M{number}L1", code="G0453", units=7, charge_cents=210000, pointers=(1,), from_on=DAY)
    base = replace(lines(number)[1], key=f"M{number}L2")
    return claim(
        number,
        coverage=c.Coverage(payer=MEDICARE, member_id="1EG4TE5MK73"),
        lines=(remote, base),
        authorization="",
    )


def twelve(number: str = "7") -> c.Claim:
    codes = ["M4802", "M5412", "M47812", "G8220", "R202", "M542", "M4722", "G992", "M5001", "M5011", "Z981", "I10"]
    return claim(
        number, diagnoses=tuple(codes), lines=tuple(replace(x, pointers=(1, 2, 11, 12)) for x in lines(number))
    )


def fifty(number: str = "8") -> c.Claim:
    first = lines(number)
    more = tuple(
        c.ClaimLine(key=f"L{n}", code=f"9{5000 + n}", units=1, charge_cents=1001 + n, pointers=(2,), from_on=DAY)
        for n in range(1, 48)
    )
    return claim(number, lines=first + more)


def handed_over(number: str = "9") -> c.Claim:
    """Two physicians, each with their own line of minutes and their own base study."""
    first, base, other = lines(number)
    late = replace(first, key="LATE", units=2, charge_cents=60000, rendering=SECOND_READER)
    own_base = replace(other, rendering=SECOND_READER)
    return claim(number, lines=(first, base, late, own_base))


def accident(number: str = "10") -> c.Claim:
    payer = replace(PLAN, filing="WC", id="WC001")
    return claim(
        number,
        coverage=replace(OWN, payer=payer, group_number=""),
        accident=("EM",),
        accident_on=date(2026, 2, 20),
        casualty_number="WC-2026-77",
        discharged_on=date(2026, 3, 5),
        medical_record="MRN-5",
        pay_to=c.Address(line1="PO Box 9000", city="Dallas", state="TX", zip="752010900"),
    )


def third(number: str = "11") -> c.Claim:
    """Two payers decided on the claim as a whole before Medicare is asked."""
    own = {"paid_cents": 100000, "adjudicated_on": date(2026, 3, 20), "patient_owes_cents": 50000}
    first = c.Coverage(
        payer=OTHER_PLAN,
        member_id="PRIM0001",
        adjustments=(
            c.Adjustment(group="CO", reason="45", cents=240000),
            c.Adjustment(group="PR", reason="2", cents=50000, quantity=1),
        ),
        **own,
    )
    parent = replace(PATIENT, last="Spouse", first="Sam", sex="M")
    next_one = c.Coverage(
        payer=replace(PLAN, id="SECOND"),
        sequence="S",
        relationship="01",
        subscriber=parent,
        member_id="SEC0002",
        adjustments=(c.Adjustment(group="OA", reason="23", cents=290000),),
        **own,
    )
    asked = c.Coverage(payer=MEDICARE, sequence="T", member_id="1EG4TE5MK73", insurance_type="12")
    return claim(number, coverage=asked, others=(first, next_one), patient_paid_cents=2500)


def everything(number: str = "12") -> c.Claim:
    """All that a line and a claim can hold beside the usual."""
    first, second, last = lines(number)
    return claim(
        number,
        referral_number="REF-9",
        note="Monitoring began late, see record",
        assignment="C",
        assigns_benefits="N",
        referring=replace(SURGEON, payer_number="G2-55"),
        attachments=(c.Attachment(type="RT"), c.Attachment(type="OB", sent_by="EL", control="E-1")),
        lines=(
            replace(first, emergency=True, pos="22", authorization="LINE-AUTH", note="Two stretches"),
            replace(second, ordering=SURGEON, to_on=date(2026, 3, 3), modifiers=("26", "59", "XU", "GC")),
            replace(last, description="Arms and legs"),
        ),
    )


ALL = {
    "plain": claim,
    "dependent": dependent,
    "secondary": secondary,
    "replacement": replacement,
    "void": void,
    "medicare": medicare,
    "twelve-diagnoses": twelve,
    "fifty-lines": fifty,
    "handed-over": handed_over,
    "accident": accident,
    "third-payer": third,
    "everything": everything,
}


def written(*claims: c.Claim, receiver: p837.Receiver = RECEIVER) -> str:
    return p837.write(claims, submitter=SUBMITTER, receiver=receiver, controls=CONTROLS, at=AT).text


def referee(text: str) -> list[str]:
    """What pyx12, another's validator, has against a file. Empty means that it takes it."""
    told = io.StringIO()
    with tempfile.TemporaryDirectory() as folder:
        params = pyx12.params.params()
        params.set("exclude_external_codes", "states")
        with open(f"{folder}/in.837", "w+", encoding="ascii") as source:
            source.write(text)
        with open(f"{folder}/out.999", "w+", encoding="ascii") as answer:
            taken = pyx12.x12n_document.x12n_document(params, f"{folder}/in.837", answer, None, fd_json=told)
            answer.seek(0)
            said = answer.read()
    return (
        []
        if taken
        else [*(part for part in said.split("~") if part.lstrip().startswith(("IK", "AK"))), told.getvalue()]
    )
