"""The claim among others and against the clock: duplicates, filing days, who bills, where, and what law holds."""

from __future__ import annotations

from collections.abc import Iterator

from .given import CaseForScrub
from .rules import HOUSE, Said, V, rule, unchecked

_COMMERCIAL = ("commercial",)


@rule(
    "V25", "warn", "If the plan is out of network, is the patient kept out of it?", "No Surprises Act; 45 CFR 149.420"
)
def _surprise(case: CaseForScrub) -> Iterator[Said]:
    if case.facts.header.payer_class not in _COMMERCIAL:
        return
    if case.billing.in_network is None:
        yield unchecked(
            "whether the No Surprises Act holds", "Say on the claim's billing whether the plan is in network.", "billing#in-network"
        )  # fmt: skip
    elif not case.billing.in_network:
        said = "Out of network: the No Surprises Act holds. Do not bill the patient above the cost share; when the payment comes, open negotiation within 30 business days."
        yield Said("warn", said, "billing#in-network")


@rule("V26", "block", "Is nothing of it on another original claim?", V)
def _duplicate(case: CaseForScrub) -> Iterator[Said]:
    for said in case.standing:
        number = said.rpartition(" ")[2].rstrip(".")  # the sentence ends with the claim it stands on
        yield Said("block", f"{said} Correct or void that one in place of a second original.", f"claims#{number}")
    for one in case.namesakes:
        codes = ", ".join(one.codes)
        said = (
            f"Claim {one.number} has {codes} of the same day too, for a patient of the same birth date whose name is written "
            "almost alike: look whether the two are one person, and if so claim it once."
        )
        yield Said("warn", said, f"claims#{one.number}")


@rule("V27", "error", "Will the claim be there in time?", V)
def _filing(case: CaseForScrub) -> Iterator[Said]:
    if case.claim is not None and case.claim.frequency != "1":
        return
    if case.rule is not None and case.rule.filing_days is None:
        yield unchecked("until when this payer takes a claim", "Write the filing days into the payer's rule.", "payers")
    if case.file_by is None:
        return
    left = (case.file_by - case.today).days
    if left < 0:
        said = f"The filing limit was {case.file_by:%m/%d/%Y}: send it only with proof that it was filed in time, and give the reason."
        sure = case.rule is not None and case.rule.certainty == "sourced"
        if case.claim is not None and sure:
            yield Said("error", said, "claim")
        else:  # a limit that nobody confirmed, or a case whose claim may have gone long ago, stops nothing
            doubt = "" if sure else " This limit is not confirmed: write the contract's into the payer's rule."
            yield Said("warn", said + doubt, "payers")
    elif left <= 30:
        yield Said("warn", f"The claim must be there by {case.file_by:%m/%d/%Y}, in {left} days: send it now.", "claim")


@rule("V28", "block", "Are tax id and NPI those of who bills on that day?", V)
def _who_bills(case: CaseForScrub) -> Iterator[Said]:
    billing, claim = case.billing, case.claim
    if not billing.npi:
        said = "Nobody is set up to bill on the day of service: add the billing provider under Places."
        yield Said("warn" if claim is None else "block", said, "billers")
    elif claim is not None:
        if claim.billing.npi != billing.npi:
            said = f"The claim bills under NPI {claim.billing.npi}, and {billing.npi} is set up for the day: make the claim anew."
            yield Said("block", said, "claim")
        if _digits(claim.billing.tax_id) != _digits(billing.tax_id):
            yield Said(
                "block", "The tax id on the claim is not the one set up for its NPI: make the claim anew.", "claim"
            )


@rule("V37", "error", "Is the place of the service another than who bills?", "product reference C16, 26")
def _other_place(case: CaseForScrub) -> Iterator[Said]:
    if case.claim and (place := case.claim.facility) and place.npi and place.npi == case.claim.billing.npi:
        said = (
            "The service facility and the billing provider have the same NPI: name the hospital where the patient was."
        )
        yield Said("error", said, "facility")


@rule("V38", "block", "Does a corrected or void claim name the payer's number?", HOUSE)
def _names_first(case: CaseForScrub) -> Iterator[Said]:
    if case.claim and case.claim.frequency in "78" and not case.claim.payer_control:
        said = "A corrected or void claim needs the payer's own number of the first one: find it on the answer or the remittance."
        yield Said("block", said, "claim")


@rule("V39", "block", "Are the member's number, name and birth date there?", "product reference C16, 29")
def _member(case: CaseForScrub) -> Iterator[Said]:
    claim = case.claim
    if claim is None:
        if not case.billing.member_id and case.facts.header.payer_class not in ("self_pay", None):
            said = "No member number of this payer is on file for the day: add the patient's coverage."
            yield Said("warn", said, "coverage")
        return
    lacking = [
        name
        for name, value in (
            ("the member number", claim.coverage.member_id), ("the subscriber's last name", claim.subscriber.last),
            ("the subscriber's birth date", claim.subscriber.birth_on), ("the payer's id", claim.coverage.payer.id),
        )
        if not value
    ]  # fmt: skip
    if lacking:
        yield Said("block", f"The claim lacks {', '.join(lacking)}: add it and make the claim anew.", "coverage")


def _digits(text: str) -> str:
    return "".join(ch for ch in text if ch.isdigit())
