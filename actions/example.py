"""The example practice: people of every role, places, credentials, and forty cases in every state."""

from __future__ import annotations

import io
import json
import os
import secrets
import uuid
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from actions import (
    MACHINE,
    Actor,
    Refused,
    cases,
    credentials,
    documents,
    example_claims,
    example_files,
    example_invoices,
    fees,
    packets,
    places,
    records,
    reports,
    rules,
    weighing,
)
from actions.sessions import HASHER
from models import (
    SETTINGS,
    Agreement,
    BillingProvider,
    Case,
    Coverage,
    Credential,
    CredentialType,
    Entry,
    Facility,
    Patient,
    Payer,
    Person,
    Preset,
    Receiver,
    Surgeon,
    db,
)
from practice import coding, drafting, examples, own_rules, record, signing
from practice.fees import Price
from practice.report import impression
from settings import ROOT

CASE_FILES = (ROOT.parent / "shared" / "cases", ROOT / "docs" / "cases")
"""Where the case files of the project are; the first folder that exists is used."""
PEOPLE = (
    ("Olive Owens", "olive@example.org", "", "", ("owner",)),
    ("Jordan Pruitt", "jordan@example.org", "CNIM", "", ("technologist",)),
    ("Priya Nand", "priya@example.org", "CNIM", "", ("technologist",)),
    ("Marcus Bell", "marcus@example.org", "CNIM", "", ("technologist",)),
    ("Elena Marsh", "elena@example.org", "MD", "1234567893", ("physician",)),
    ("Samuel Ortega", "samuel@example.org", "MD", "1245319599", ("physician",)),
    ("Bo Bell", "bo@example.org", "", "", ("biller",)),
    ("Ada Audley", "ada@example.org", "", "", ("auditor",)),
)
PAYERS = (
    ("Acme PPO (synthetic)", "commercial", "ACME1", "CI"),
    ("Medicare", "medicare", "00882", "MB"),
    ("Blue Plains (synthetic)", "commercial", "BLUP2", "BL"),
    ("State comp fund (synthetic)", "workers_comp", "SCF01", "WC"),
)
STATES = ("booked",) * 8 + ("recording",) * 4 + ("closed",) * 5 + ("drafted",) * 5 + ("approved",) * 5 + ("signed",) * 7


def fill(*, now: datetime) -> list[str]:
    """Fill an empty practice. Returns the lines that say who can sign in; said again when it was filled before."""
    logins = SETTINGS.data / "example-logins.txt"
    if logins.exists() and Person.select().where(Person.email == PEOPLE[0][1]).exists():
        return logins.read_text().splitlines()
    if Person.select().exists() or Case.select().exists():
        raise Refused("This practice is in use already. The example fills an empty one: choose another EVOKED_DATA.")
    password = "-".join(secrets.choice(_WORDS) for _ in range(4))
    with db.atomic():  # all of it or nothing: an example that was broken off can be filled again
        people = _people(password, now)
        _places()
        _credentials(people, now.date())
        _cases(people, password, now)
        example_claims.fill(people, now)
        example_invoices.fill(people, now)
        _own_rules(Actor(people["Olive Owens"]), now)
        _packets(now)
        example_files.fill(people, now)
        rules.note_all(now)
    lines = ["Example practice, all made up. Sign in with:"]
    lines += [f"  {', '.join(roles):<14}{email:<22}{password}" for _, email, _, _, roles in PEOPLE]
    with os.fdopen(os.open(logins, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write("\n".join(lines) + "\n")
    return lines


_WORDS = (
    "amber", "anchor", "apple", "autumn", "basin", "beacon", "birch", "bridge", "candle", "canyon", "cedar",
    "cliff", "clover", "copper", "coral", "cotton", "cradle", "desert", "ember", "falcon", "fern", "field",
    "garden", "glacier", "harbor", "hazel", "heron", "island", "ivory", "jasper", "juniper", "kettle", "lantern",
    "linen", "maple", "marble", "meadow", "mirror", "nectar", "oasis", "olive", "orchard", "otter", "pebble",
    "pepper", "pine", "prairie", "quartz", "quiet", "raven", "river", "saddle", "saffron", "sage", "silver",
    "spruce", "stone", "summit", "thistle", "timber", "tulip", "valley", "velvet", "walnut", "willow", "winter",
)  # fmt: skip


def _people(password: str, now: datetime) -> dict[str, Person]:
    hashed = HASHER.hash(password)
    return {
        name: Person.create(
            name=name,
            email=email,
            credentials=credentials,
            npi=npi,
            taxonomy="2084N0600X" if "physician" in roles else "",
            roles=list(roles),
            password_hash=hashed,
            created_at=now,
        )
        for name, email, credentials, npi, roles in PEOPLE
    }


def _places() -> None:
    places.seed()
    credentials.seed()
    for name, state, zone in examples.FACILITIES:
        facility = Facility.create(
            name=name, state=state, zone=zone, pos="21", city="Exampleton", address="1 Example Way", zip="60601-0001",
            npi="1003000126",
        )  # fmt: skip
        Agreement.create(
            facility=facility, from_on=date(2025, 1, 1), note="Hospital pays the technical component", case_cents=145_000,
            included_minutes=240, hour_cents=22_500, standby_hour_cents=15_000, cancellation_cents=40_000, terms_days=30,
            bill_to=f"{name}\nAccounts payable\n1 Example Way\nExampleton",
        )  # fmt: skip
    for name, npi in zip(
        examples.SURGEONS, ("1003000126", "1053311837", "1578563961", "1659373470", "1720083777"), strict=True
    ):
        Surgeon.create(name=name, npi=npi, interest="none", attested_on=date(2025, 1, 2))
    house = Receiver.create(
        name="Example Clearinghouse (synthetic)", receiver_id="EXCLR", submitter_id="EVOKED1", phone="3125550100",
        email="billing@example.org",
    )  # fmt: skip
    for name, payer_class, payer_id, filing in PAYERS:
        Payer.create(
            name=name, payer_class=payer_class, payer_id=payer_id, filing=filing, address="PO Box 100", city="Exampleton",
            state="IL", zip="60601", receiver=None if filing == "WC" else house,
        )  # fmt: skip
    BillingProvider.create(
        name="Example Monitoring PLLC", npi="1760854442", taxonomy="2084N0600X", tax_id="12-3456789", address="2 Example Way",
        city="Exampleton", state="IL", zip="60601-0002", phone="3125550100", from_on=date(2025, 1, 1),
    )  # fmt: skip
    _fees()


def _fees() -> None:
    """A charge for every code the app may put on a claim, and one contract; all amounts are made up."""
    begins = date(2025, 1, 1)
    charges = [
        Price(
            code, "26" if info.pc_tc == 1 else "", {"95940": 15_000, "G0453": 15_000, "95941": 60_000}.get(code, 40_000)
        )
        for code, info in coding.CODES.items()
    ]
    fees.take_in("charge", None, charges, from_on=begins, source="Charges of 2025", by=MACHINE)
    acme = Payer.get(Payer.name.startswith("Acme"))
    contract = [Price(one.code, one.modifier, one.cents // 3) for one in charges]
    fees.take_in("contract", acme, contract, from_on=begins, source="Contract of 2025, schedule A", by=MACHINE)


OWN_RULES = (
    ("Workers' comp without the op note", "hold", "The fund sends claims back without it: ask the hospital's records office.",
     (("payer.class", "is", "workers_comp"), ("report.op_note", "is", "no"))),
    ("Blue Plains, long cases", "warn", "Their reviewers ask for the time log above four hours: attach the packet.",
     (("payer.name", "begins", "blue plains"), ("case.minutes", "more", "240"))),
)  # fmt: skip


def _own_rules(by: Actor, now: datetime) -> None:
    """What the practice learned from denials, as rules of its own."""
    for name, then, message, conditions in OWN_RULES:
        asked = [own_rules.Condition(*one) for one in conditions]
        rules.keep(name=name, conditions=asked, then=then, message=message, on=True, by=by, now=now)


def _credentials(people: dict[str, Person], today: date) -> None:
    """Proof that holds on every day of the example's cases; one technologist's BLS is about to end."""
    start, far = date(today.year - 1, 1, 1), date(today.year + 2, 12, 31)
    facilities = list(Facility.select())

    def hold(person: Person, kind: str, number: str, until: date, **more: Any) -> None:
        Credential.create(
            person=person,
            type=CredentialType.get(CredentialType.name == kind),
            number=number,
            from_on=start,
            until_on=until,
            verified_on=start,
            verified_by=people["Olive Owens"].id,
            verified_how="Looked up with the issuer",
            **more,
        )

    for index, (_, name) in enumerate(examples.TECHNOLOGISTS):
        hold(people[name], "CNIM", f"{4100 + index}", far, issuer="ABRET")
        ending = today + timedelta(days=24) if name == "Marcus Bell" else date(today.year + 1, 6, 30)
        hold(people[name], "BLS", f"B{7200 + index}", ending, issuer="AHA")
        for facility in facilities:
            hold(people[name], "Vendor clearance", "", date(today.year + 1, 3, 31), facility=facility)
    for index, name in enumerate(("Elena Marsh", "Samuel Ortega")):
        hold(people[name], "Board certification", f"N{3300 + index}", far, issuer="ABPN")
        for facility in facilities:
            hold(
                people[name],
                "State license",
                f"{facility.state}-{9100 + index}",
                far,
                state=facility.state,
                issuer=f"{facility.state} medical board",
            )
            hold(people[name], "Hospital privileges", "", date(today.year + 1, 9, 30), facility=facility)


def _cases(people: dict[str, Person], password: str, now: datetime) -> None:
    """The project's case files as drafts, then made-up cases in every state."""
    for path in _files():
        loaded = cases.load(path.read_bytes(), by=MACHINE, now=now).case
        reports.draft(loaded, by=MACHINE, now=now)
    today = now.astimezone(SETTINGS.zone).date()
    for seed, state in enumerate(STATES):
        _made(seed, state, people, password, today, now)


def _files() -> Iterator[Path]:
    folder = next((folder for folder in CASE_FILES if folder.is_dir()), None)
    if folder:
        yield from sorted(folder.glob("*.json"))


def _made(seed: int, state: str, people: dict[str, Person], password: str, today: date, now: datetime) -> None:
    """One made-up case, brought to its state by the acts that bring any case there."""
    payer = Payer.get(Payer.name == PAYERS[seed % len(PAYERS)][0])
    if state == "booked":
        _book(seed, _working_day(today, 1 + seed // 2), payer, people, now)
        return
    if state == "recording" and seed % 2:
        case = _running(seed, payer, people, now)
    else:
        day = _working_day(today, (seed - len(STATES)) // 2)
        case = _loaded(
            examples.make(seed, day=day, payer_class=payer.payer_class), payer, cut=state == "recording", now=now
        )
    if state in ("recording", "closed"):
        return
    report = reports.draft(case, by=MACHINE, now=now)
    if state == "drafted":
        return
    facts = report.read_facts()
    reports.approve(report, by=Actor(people[facts.staff.technologists[0].name]), now=now)
    if state == "signed":
        _sign(case, Actor(people[facts.staff.physicians[0].name.partition(",")[0]]), password, seed, now)


def _working_day(today: date, count: int) -> date:
    """The working day so many after today, or before it when `count` is negative."""
    step, day = timedelta(days=1 if count > 0 else -1), today
    while count:
        day += step
        count -= step.days if day.weekday() < 5 else 0
    return day


def _loaded(body: dict[str, Any], payer: Payer, *, cut: bool = False, now: datetime) -> Case:
    """The case of a made-up file, with its payer, its order's date and the patient's coverage."""
    if cut:
        _cut_short(body["case"], now)
    case = cases.load(json.dumps(body).encode(), by=MACHINE, now=now).case
    day = case.date_of_service
    Case.update(payer=payer, requested_on=day - timedelta(days=6)).where(Case.id == case.id).execute()
    member = f"M{100000 + int(body['case']['id'].removeprefix('E-'))}"
    Coverage.create(patient=case.patient, payer=payer, member_id=member, from_on=date(day.year, 1, 1))
    return Case.get_by_id(case.id)


def _running(seed: int, payer: Payer, people: dict[str, Person], now: datetime) -> Case:
    """A case that is in the operating room now, with an entry that was keyed late and one that was corrected."""
    arrival = now.replace(second=0, microsecond=0) - timedelta(hours=3)
    body = examples.make(seed, day=arrival.date(), payer_class=payer.payer_class, arrival=arrival)
    arrived = datetime.fromisoformat(body["case"]["time"]["tech_arrive"])
    body["case"]["header"]["date_of_service"] = arrived.date().isoformat()
    case = _loaded(body, payer, cut=True, now=now)
    by = Actor(people[case.facts().staff.technologists[0].name])
    said = record.Event(type="observation", text="Train-of-four repeated, 4/4")
    late = record.Entry(client_id=str(uuid.uuid4()), at=now - timedelta(minutes=40), data=said, entered_at=now)
    records.append(case, [late], by=by, now=now)
    first = Entry.get(Entry.case == case.id, Entry.kind == "physiology")
    data = msgspec.structs.replace(first.as_entry().data, map_mmhg=74)
    records.correct(first, data, at=first.at, by=by, now=now)
    return Case.get_by_id(case.id)


STARTS = (time(7, 30), time(7, 30), time(9, 45), time(12, 15))
"""When booked operations begin, in the hospital's time."""


def _book(seed: int, day: date, payer: Payer, people: dict[str, Person], now: datetime) -> None:
    header = examples.make(seed, day=day, payer_class=payer.payer_class)["case"]["header"]
    kind = examples.KINDS[seed % len(examples.KINDS)]
    patient = header["patient"]
    facility = Facility.get(Facility.name == header["facility"]["name"])
    cases.book(
        by=MACHINE, now=now, preset=Preset.get(Preset.name == kind["preset"]),
        technologist=people[examples.TECHNOLOGISTS[seed % 3][1]], physician=people[("Elena Marsh", "Samuel Ortega")[seed % 2]],
        facility=facility, surgeon=Surgeon.get(Surgeon.name == header["surgeon"]), payer=payer, payer_class=payer.payer_class,
        patient=Patient.create(
            name=patient["name"], mrn=patient["mrn"], dob=date.fromisoformat(patient["dob"]), sex=patient["sex"],
            address="3 Example Way", city="Exampleton", state="IL", zip="60601",
        ),
        date_of_service=day, starts_at=datetime.combine(day, STARTS[seed % len(STARTS)], ZoneInfo(facility.zone)),
        or_room=header["facility"]["or_room"], anesthesia=header["anesthesia"], requested_by=header["requested_by"],
        procedure=header["procedure"]["text"], levels=header["procedure"]["levels"], cpt=header["procedure"]["cpt"],
        approach=header["procedure"]["approach"], side=header["procedure"]["side"] or "", position=header["procedure"]["position"],
        diagnosis=header["diagnosis"], indication=header["indication"], preop_exam=header["preop_exam"],
    )  # fmt: skip


def _cut_short(case: dict[str, Any], now: datetime) -> None:
    """A record in the middle of the operation: nothing of the end is in it, and nothing that is still to come."""
    past = min(datetime.fromisoformat(case["events"][3]["t"]), now)
    case["status"], case["closing"], case["signoff"]["technologist"] = "incomplete", None, None
    case["time"]["segments"][0].update(end=None, minutes=None)
    case["time"]["electrodes_out"] = None
    for name in ("events", "physiology", "stim_tests"):
        case[name] = [one for one in case[name] if datetime.fromisoformat(one["t"]) < past]
    case["alerts"] = []
    case["staff"]["technologists"][0]["off"] = None
    case["physician_log"][0].update(disconnect=None, concurrency=[], exclusive=[])
    notes = case["physician_log"][0]["notes"]
    case["physician_log"][0]["notes"] = [one for one in notes if datetime.fromisoformat(one["t"]) < past]


def _sign(case: Case, by: Actor, password: str, seed: int, now: datetime) -> None:
    facts = case.facts()
    report = reports.impress(case, text=impression(drafting.draft(facts)), by=by, now=now)
    confirmed = {one.key for one in signing.confirmations(report.read_facts())}
    papers = (("order", "Order for monitoring"), ("consent", "Consent"))
    for kind, title in papers if seed % 2 else papers[:1]:
        documents.upload(case, kind=kind, raw=_paper(title, case), name="paper.png", title=title, by=MACHINE, now=now)
    reports.sign(report, password=password, confirmed=confirmed, missing_read=True, by=by, now=now)
    case = Case.get_by_id(case.id)
    if seed % 3 == 0:
        reports.addend(
            case,
            text="Transcription checked against the device log; no change to the impression.",
            password=password,
            by=by,
            now=now,
        )


def _packets(now: datetime) -> None:
    """Packets of half the signed cases, asked for when the practice's own rules are there, which may hold one."""
    for case in Case.select().where(Case.signed_at.is_null(False)).order_by(Case.id):
        if case.id % 2 and not weighing.weigh(case).objections:
            packets.request(case, preview=False, by=MACHINE, now=now)


def _paper(title: str, case: Case) -> bytes:
    """A page that stands for a scanned paper."""
    from PIL import Image, ImageDraw, ImageFont

    sheet = Image.new("L", (850, 1100), 255)
    pen, large, small = ImageDraw.Draw(sheet), ImageFont.load_default(34), ImageFont.load_default(20)
    pen.text((80, 90), title, fill=0, font=large)
    lines = (
        "Synthetic paper of the example practice, no real person.", "", f"Patient: {case.patient.name}", f"MRN: {case.patient.mrn}",
        f"Date of service: {case.date_of_service}", f"Procedure: {case.procedure}", f"Surgeon: {case.requested_by}",
        f"Dated: {case.requested_on}", "", "Signature: (synthetic)",
    )  # fmt: skip
    for number, line in enumerate(lines):
        pen.text((80, 170 + 34 * number), line, fill=0, font=small)
    out = io.BytesIO()
    sheet.save(out, "PNG")
    return out.getvalue()
