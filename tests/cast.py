"""The cast, always the same: Olive owns, Tess is a technologist, Pia a physician, Bo bills, Stan is a stranger."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace

from actions import Actor
from models import Agreement, Assignment, Case, Facility, Patient, Payer, Person, Surgeon

PASSWORD = "correct horse battery staple"
SHARED = Path(__file__).resolve().parents[2] / "shared" / "cases"
OWN = Path(__file__).resolve().parents[1] / "docs" / "cases"
CASES = SHARED if SHARED.exists() else OWN
NOW = datetime(2026, 9, 1, 15, 0, tzinfo=UTC)


def make() -> SimpleNamespace:
    """The people and places of the practice, in an empty database."""
    from actions.sessions import HASHER

    hashed = HASHER.hash(PASSWORD)

    def person(name: str, *roles: str, credentials: str = "", npi: str = "") -> Person:
        email = f"{name.split()[0].lower()}@example.org"
        return Person.create(
            name=name,
            email=email,
            credentials=credentials,
            npi=npi,
            roles=list(roles),
            password_hash=hashed,
            created_at=NOW,
        )

    cast = SimpleNamespace(
        olive=person("Olive Owens", "owner"),
        tess=person("Tess Tran", "technologist", credentials="CNIM"),
        pia=person("Pia Park", "physician", credentials="MD", npi="1234567893"),
        bo=person("Bo Bell", "biller"),
        stan=person("Stan Stone", "technologist", credentials="CNIM"),
        mercy=Facility.create(name="Mercy", state="IL", zone="America/Chicago", pos="21"),
        lakeside=Facility.create(name="Lakeside", state="WI", zone="America/Chicago", pos="22"),
        surgeon=Surgeon.create(name="Sam Sato, MD", npi="1245319599"),
        medicare=Payer.create(name="Medicare", payer_class="medicare", payer_id="00882"),
        acme=Payer.create(name="Acme PPO", payer_class="commercial", payer_id="ACME1"),
    )
    for facility in (cast.mercy, cast.lakeside):
        Agreement.create(facility=facility, from_on=date(2026, 1, 1))
    return cast


def actor(person: Person | None) -> Actor:
    return Actor(person=person)


def book(cast: SimpleNamespace, *, people: bool = True, **given: object) -> Case:
    """A booked case at Mercy with an empty record; Tess and Pia are on it unless told otherwise."""
    patient = Patient.create(name="TESTPATIENT, QUINN", mrn="SYN-200001", dob=date(1970, 4, 2), sex="F")
    columns = {
        "facility": cast.mercy, "surgeon": cast.surgeon, "patient": patient, "payer": cast.acme,
        "payer_class": "commercial", "date_of_service": date(2026, 9, 1), "procedure": "ACDF C5-C6",
        "created_at": NOW, **given,
    }  # fmt: skip
    case = Case.create(**columns)
    if people:
        Assignment.create(case=case, person=cast.tess, role="technologist")
        Assignment.create(case=case, person=cast.pia, role="physician")
    return case


def case_files() -> list[Path]:
    """The case files that came with the project."""
    return sorted(CASES.glob("*.json"))


def case_file(number: str) -> bytes:
    """The bytes of one case file, by its number such as '02'."""
    return next(CASES.glob(f"{number}_*.json")).read_bytes()


def load(cast: SimpleNamespace, number: str, **changed: object) -> Case:
    """A case file as a case, its people renamed to the cast's, Tess and Pia assigned; `changed` of its own fields."""
    from actions.cases import load as load_file

    body = json.loads(case_file(number))
    body["case"].update(changed)
    for index, one in enumerate(body["case"]["staff"]["technologists"]):
        one["name"] = cast.tess.name if index == 0 else f"Technologist {index + 1}"
    for index, one in enumerate(body["case"]["staff"]["physicians"]):
        one["name"] = cast.pia.signing_name if index == 0 else f"Physician {index + 1}, MD"
    loaded = load_file(json.dumps(body).encode(), by=actor(cast.olive), now=NOW)
    return loaded.case
