"""One person entered twice: the same services claimed for somebody born on the same day whose name is written almost alike."""

from __future__ import annotations

from models import Asked, Case, Patient, param
from models import Claim as ClaimRow
from practice import claim_states, claims, names, scrub

_SAME_DAY = Asked(
    lambda: (
        ClaimRow.select(ClaimRow.body, Patient.name)
        .join(Case)
        .join(Patient)
        .where(
            Case.date_of_service == param("day"), Patient.dob == param("born"),
            Patient.id != param("patient"), ClaimRow.frequency == "1",
            ClaimRow.state.not_in(claim_states.GONE),
        )
        .order_by(ClaimRow.id)
    )
)  # fmt: skip


def of(case: Case, claim: claims.Claim | None) -> tuple[scrub.Namesake, ...]:
    """The claims of such patients that share a code with this one. Nobody is named: who reads it may not know the other."""
    if claim is None or claim.frequency != "1" or case.patient.dob is None:
        return ()
    rows = _SAME_DAY(day=case.date_of_service.isoformat(), born=case.patient.dob.isoformat(), patient=case.patient_id)
    found = []
    for body, name in rows.fetchall():
        other = claims.from_json(bytes(body))
        if names.may_be_one(case.patient.name, name) and (codes := claims.shared_codes(claim, other)):
            found.append(scrub.Namesake(number=other.control_number, codes=codes))
    return tuple(found)
