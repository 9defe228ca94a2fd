"""Where what a claim lacks or a rule finds is mended: the address and the words of its link, for this person."""

from __future__ import annotations

from collections.abc import Callable

from flask import url_for

from actions.claim_bodies import Lack
from actions.weighing import Weighed
from models import Case, PayerRule
from practice import scrub
from practice.kinds import KINDS
from views import me
from views.case_forms import HeaderForm
from views.claim_forms import BillingForm
from views.place_forms import NOUNS as PLACES

NOUNS = {
    "payer": "payers", "facility": "facilities", "surgeon": "surgeons", "patient": "patients", "biller": "billing-providers",
}  # fmt: skip


def mended_at(case: Case, lack: Lack) -> tuple[str, str]:
    """The page on which a lack is mended; empty where this person cannot go."""
    if lack.where == "billing":
        return url_for("billings.show", id=case.id, _anchor="form"), "Fill in the billing form"
    if lack.where in NOUNS and me().has("owner", "biller"):
        noun = PLACES[NOUNS[lack.where]]
        if lack.id is None:
            return url_for("places.new", noun=noun.path), f"Add the {noun.one}"
        return url_for("places.edit", noun=noun.path, id=lack.id), f"Open the {noun.one}"
    if lack.where == "fees":
        return url_for("fees.index"), "Open the fees"
    if lack.where == "person" and me().has("owner"):
        return url_for("people.show", id=lack.id), "Open the person"
    if lack.where == "lines":
        return url_for("packets.show", id=case.id, _anchor="lines"), "See the lines"
    if lack.where in ("case", "people"):
        return url_for("cases.show", id=case.id), "Open the case"
    return "", ""


# Findings of rules. `where` names a page and a place on it (scrub.Finding)

OWNERS, BILLINGS = ("", "The owner mends this."), ("", "Billing mends this.")
READERS = ("", "The technologist or the physician mends this.")
"""In the place of a link, where this person cannot go."""


def mend(case: Case, weighed: Weighed, finding: scrub.Finding) -> tuple[str, str]:
    """The address at which a finding is mended and the words of its link; without an address, who mends it."""
    kind, _, place = finding.where.partition("#")
    if kind == "record":
        return _in_record(case, weighed, place)
    if kind == "case":
        return _on_case(case, place)
    if kind in ("credentials", "people"):
        return _on_person(weighed, finding)
    if kind == "report":
        return (url_for("reports.show", id=case.id), "Open the report") if may_read(case) else READERS
    if kind == "ledger":
        return (url, "Open the physician's day") if (url := day_of(weighed, place)) else BILLINGS
    if kind == "screenings":
        return (url_for("screenings.index"), "Open the screening") if me().has("owner", "auditor") else OWNERS
    if kind in ("claims", "rules"):
        if not me().has("owner", "biller", "auditor"):
            return BILLINGS
        if kind == "claims":
            return url_for("claims.board", q=place), f"Open claim {place}"
        return url_for("rules.show", name=finding.id), "Open the rule"
    if kind in _KEPT:
        return _KEPT[kind](case, place) if me().has("owner", "biller") else BILLINGS
    return "#lines", "See the lines"


def may_read(case: Case) -> bool:
    """Whether the report is open to this person: to billing only once it is signed."""
    return case.signed_at is not None or me().has("owner", "technologist", "physician", "auditor")


def day_of(weighed: Weighed, staff: str) -> str:
    """The address of a physician's day, for whom it is open."""
    person, on = weighed.people.get(staff), weighed.coding.date_of_service
    if person is None or on is None or not (me().has("owner", "biller", "auditor") or me().id == person.id):
        return ""
    return url_for("ledger.day", person=person.id, day=on.isoformat())


def _payers_rule(case: Case, place: str) -> tuple[str, str]:
    """The rule that holds for the payer on the day; the way to add one where there is none."""
    on = case.date_of_service
    mine = (PayerRule.payer == case.payer_id) | (
        PayerRule.payer.is_null() & (PayerRule.payer_class == case.payer_class)
    )
    rows = PayerRule.select(PayerRule.id).where(
        mine, PayerRule.from_on <= on, PayerRule.until_on.is_null() | (PayerRule.until_on >= on)
    )
    # The payer's own stands before that of its class.
    row = rows.order_by(PayerRule.payer.is_null(), PayerRule.from_on.desc()).first()
    if row is None:
        return url_for("places.new", noun="payer-rules"), "Add a payer rule"
    return url_for("places.edit", noun="payer-rules", id=row.id), "Open the payer's rule"


def _billing(case: Case, place: str) -> tuple[str, str]:
    field = place.replace("-", "_")
    anchor = field if hasattr(BillingForm, field) else "codes" if place == "modifiers" else "form"
    return url_for("billings.show", id=case.id, _anchor=anchor), "Open the billing form"


_KEPT: dict[str, Callable[[Case, str], tuple[str, str]]] = {
    "payers": _payers_rule,
    "billers": lambda case, place: (url_for("places.listing", noun="billing-providers"), "Open who bills"),
    "facility": lambda case, place: (
        url_for("places.edit", noun="facilities", id=case.facility_id),
        "Open the hospital",
    ),
    "coverage": lambda case, place: (url_for("places.edit", noun="patients", id=case.patient_id), "Open the coverage"),
    "billing": _billing,
    "tables": lambda case, place: (url_for("tables.index"), "Open the tables"),
}
"""What owner and biller keep: address and words by the page that a finding names."""


def _in_record(case: Case, weighed: Weighed, place: str) -> tuple[str, str]:
    """The entry itself on the case's page; a heading of the working page where there is no entry yet."""
    alert = next((one.src for one in weighed.facts.alerts if f"alert-{one.id}" == place), "")
    src = alert or (place.removeprefix("entry-") if place.startswith("entry-") else "")
    if src:
        return f"{url_for('cases.show', id=case.id)}#e-{src}", "See the entry"
    if case.signed_at or not me().has("owner", "technologist", "physician"):
        return f"{url_for('cases.show', id=case.id)}#record", "See the record"
    group = {"pause": "time", "presence": "physician", "closing": "closing", "physician_log": "physician"}.get(place)
    group = group or (KINDS[place].group if place in KINDS else place)
    return f"{url_for('record.show', id=case.id)}#{group}", "Open the record"


FIELDS = {"order": "requested_by", "risk": "structures", "text": "procedure"}
"""The field of the case's form by the last part of the place that a finding names, where it is called something else."""


def _on_case(case: Case, place: str) -> tuple[str, str]:
    if place == "documents":
        return url_for("documents.listing", id=case.id), "Open the documents"
    if place == "surgeon" and case.surgeon_id and me().has("owner", "biller"):
        return url_for("places.edit", noun="surgeons", id=case.surgeon_id), "Open the surgeon"
    if case.signed_at is None and me().has("owner", "technologist"):
        name = "facility" if place == "facility-name" else place.rpartition("-")[2]
        field = FIELDS.get(name, name)
        return url_for(
            "cases.edit", id=case.id, _anchor=field if hasattr(HeaderForm, field) else None
        ), "Change the case"
    return f"{url_for('cases.show', id=case.id)}#header", "See the case"


def _on_person(weighed: Weighed, finding: scrub.Finding) -> tuple[str, str]:
    """The page of the person a finding begins with: the owner keeps people, an auditor reads what they hold."""
    if not me().has("owner", "auditor"):
        return OWNERS
    to = "people.show" if me().has("owner") else "credentials.person"
    for staff, person in weighed.people.items():
        if finding.message.startswith(weighed.facts.person_name(staff) or person.name):
            return url_for(to, id=person.id), f"Open {person.name}"
    return (url_for("people.listing"), "Open the people") if me().has("owner") else OWNERS
