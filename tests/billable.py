"""A practice that can bill: who bills, prices, addresses and coverages, so that a signed case of the cast makes a claim."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from types import SimpleNamespace

from actions import reports
from models import (
    Assignment,
    Billing,
    BillingProvider,
    Case,
    Coverage,
    Facility,
    Fee,
    Patient,
    Payer,
    PayerRule,
    Person,
    Surgeon,
)
from practice import coding, signing
from practice.report import impression
from tests.cast import NOW, PASSWORD, actor, load

SINCE = date(2020, 1, 1)
FILING_DAYS = 3650
CHARGES = {
    ("95940", ""): 30000, ("95941", ""): 90000, ("G0453", ""): 30000, ("95938", "26"): 45000, ("95939", "26"): 60000,
    ("95861", "26"): 25000, ("95860", "26"): 20000, ("95863", "26"): 28000, ("95864", "26"): 32000, ("95870", "26"): 15000,
    ("95925", "26"): 30000, ("95926", "26"): 30000, ("95928", "26"): 35000, ("95929", "26"): 35000, ("95937", "26"): 12000,
    ("95822", "26"): 22000, ("95867", "26"): 24000, ("95868", "26"): 26000, ("95869", "26"): 15000, ("95865", "26"): 25000,
    ("92653", ""): 21000, ("95955", "26"): 21000, ("95930", "26"): 20000, ("95927", "26"): 20000, ("95866", "26"): 20000,
}  # fmt: skip
"""Cents of a unit by code and part."""
NPIS = ("1555555550", "1666666668", "1999999984", "1777777776", "1444444446")


def equip(cast: SimpleNamespace) -> SimpleNamespace:
    """Give the practice of the cast what a claim needs beside its cases."""
    cast.biller_row = BillingProvider.create(
        name="Example Neuromonitoring LLC", npi="1999999984", taxonomy="2084N0600X", tax_id="74-1234567",
        address="100 Main St Ste 200", city="Chicago", state="IL", zip="60601-0001", phone="(312) 555-0100", from_on=SINCE,
    )  # fmt: skip
    for (code, modifier), cents in CHARGES.items():
        Fee.create(kind="charge", code=code, modifier=modifier, cents=cents, from_on=SINCE)
    for rule in coding.default_rules():  # with time to file, since the cases are of a year's beginning
        PayerRule.create(
            payer_class=rule.payer_class, from_on=SINCE, accepts=list(rule.accepts), remote_code=rule.remote_code or "",
            rounding=rule.rounding, follows_cms=rule.follows_cms, filing_days=FILING_DAYS,
        )  # fmt: skip
    Person.update(taxonomy="2084N0600X").where(Person.id == cast.pia.id).execute()
    for payer, filing in ((cast.acme, "CI"), (cast.medicare, "MB")):
        Payer.update(filing=filing, address="PO Box 1000", city="Peoria", state="IL", zip="61601").where(
            Payer.id == payer.id
        ).execute()
    return cast


def billable(case: Case, **form: object) -> Case:
    """Fill in the patient, facility, surgeon, payer and coverage of a case, and its billing form."""
    Patient.update(address="1 Elm St", city="Aurora", state="IL", zip="60505").where(
        Patient.id == case.patient_id
    ).execute()
    Facility.update(
        npi="1777777776", address="500 Hospital Dr", city="Chicago", state=case.facility.state or "IL", zip="606110002"
    ).where(Facility.id == case.facility_id).execute()
    Surgeon.update(npi="1444444446").where(Surgeon.id == case.surgeon_id).execute()
    Payer.update(payer_id="PAY01").where(Payer.id == case.payer_id, Payer.payer_id == "").execute()
    Coverage.create(patient=case.patient, payer=case.payer_id, member_id="XYZ123456789", group="GRP1")
    Billing.create(case=case, **{"admitted_on": case.date_of_service, "authorization": "AUTH1", **form})
    return Case.get_by_id(case.id)


def sign(case: Case, cast: SimpleNamespace) -> Case:
    """Approved by Tess, signed by Pia the day after the operation."""
    now = datetime.combine(case.date_of_service + timedelta(days=2), time(15), UTC)
    first = reports.draft(case, by=actor(cast.tess), now=now)
    reports.approve(first, by=actor(cast.tess), now=now)
    report = reports.impress(case, text=impression(reports.written(first)), by=actor(cast.pia), now=now)
    keys = {one.key for one in signing.confirmations(report.read_facts())}
    reports.sign(report, password=PASSWORD, confirmed=keys, missing_read=True, by=actor(cast.pia), now=now)
    return Case.get_by_id(case.id)


def signed(cast: SimpleNamespace, number: str = "01", **changed: object) -> Case:
    """A case file, signed and with all that its claim needs."""
    return billable(sign(load(cast, number, **changed), cast))


FORMS = {
    "08": {"accident": ["EM"], "accident_on": date(2026, 7, 1), "casualty_number": "WC-2026-77"},
}
"""What the billing form must say beside the usual."""


def as_it_would_be(cast: SimpleNamespace, number: str) -> Case:
    """A case file as it is, signed or not, with all that a claim needs; its second physician is one of the practice."""
    case = load(cast, number)
    for place, physician in enumerate(case.facts().staff.physicians[1:]):
        person = Person.create(
            name=physician.name.split(",")[0], credentials="MD", npi=NPIS[place], email=f"{place}@example.org",
            roles=["physician"], created_at=NOW, taxonomy="2084N0600X",
        )  # fmt: skip
        Assignment.create(case=case, person=person, role="physician")
    return billable(case, **FORMS.get(number, {}))
