"""Who may do what: every route with every role against own, another's and no object. New routes are walked by themselves.

A new route needs nothing here unless it has an argument of a new kind: then `objects()` says what to add.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from io import BytesIO
from types import SimpleNamespace

import pytest
from pypdf import PdfWriter
from werkzeug.routing import Rule

from actions import answers, documents, loading, notices, people, places, reports, tables
from models import (
    ROLES,
    TABLES,
    Assignment,
    AuditEntry,
    Case,
    Claim,
    Coverage,
    Credential,
    CredentialType,
    Device,
    Dossier,
    Education,
    Fee,
    Hit,
    Hold,
    Invoice,
    OwnRule,
    Packet,
    Party,
    Passkey,
    Patient,
    Person,
    Printer,
    Proposal,
    RecordsRequest,
    Report,
    Requirement,
    Screened,
    Screening,
    Session,
    Snapshot,
    Statement,
    db,
)
from practice import factsheet
from practice.cases import digest
from practice.claims import to_json
from tests import cast as the_cast
from tests import sent
from tests.cast import NOW, actor
from tests.practice import made_claims
from tests.practice.made_tables import MUE, source
from views import now

PUBLIC = {
    "desk.health": "for the start script and outside monitors; says ok and nothing else",
    "offline.shell": "shown without a network; the same for everybody, knows nobody",
    "offline.worker": "the service worker: names of static files",
    "people.accept": "holds a one-time token",
    "people.invitation": "holds a one-time token",
    "sessions.sign_in": "the way in",
    "sessions.start": "the way in",
    "static": "no data",
    "verifications.answer": "says whether a print is ours; names who signed, never a patient",
    "verifications.ask": "the form for it",
}
"""Reviewed: what anybody on the internet may open, and why. Add to it only with a reason."""

OWN_NOTICES = {
    "alerts.choose_mine", "notices.acknowledge", "notices.check", "notices.enroll", "notices.prove", "notices.revoke", "notices.test",
}  # fmt: skip
"""Everybody keeps their own devices and is told on them."""
BILLER_MAY_POST = {
    *OWN_NOTICES, "answers.add", "billings.keep", "billings.make", "cases.search", "claim_files.ask",
    "claim_files.give_up", "claim_files.hand_in", "claims.act", "claims.bill_next", "claims.clear", "claims.hold",
    "claims.release", "claims.remake", "claims.replace_claim", "documents.add", "documents.turn", "documents.withdraw",
    "fees.end", "fees.take_in", "invoices.issue", "invoices.pay", "invoices.remind", "invoices.void",
    "packets.request_packet", "packets.request_preview", "packets.send_packet", "paper_claims.add_printer",
    "paper_claims.mail", "paper_claims.remove_printer", "paper_claims.revise_printer", "places.cover", "places.create",
    "places.follow", "places.revise", "places.revise_coverage", "places.search_patients", "records_requests.close",
    "records_requests.enter", "reports.print_", "rules.override", "sessions.change_password", "sessions.end", "sessions.sign_out",
    "tables.load", "tables.offer", "tables.withdraw",
}  # fmt: skip
"""Reviewed: billing files papers and packets and keeps places; it never touches record or report (reliability.md 8)."""
AUDITOR_MAY_POST = {
    "cases.search", *OWN_NOTICES, "reports.print_", "screenings.print_result", "screenings.print_run", "sessions.change_password", "sessions.end", "sessions.sign_out",
}  # fmt: skip
"""Reviewed: an auditor reads. Searching is a POST so that no name stands in an address."""

ASKS_MORE = {
    # Billing sees a report once it is signed, not before.
    **{(f"reports.{act}", "bo"): 404 for act in ("show", "sentence", "text", "pdf", "print_", "progress")},
    **{(f"wording.{act}", "bo"): 404 for act in ("proposal", "provenance")},
    # A hospital holds from no day on, so there is nothing to follow it.
    **{(f"places.{act}", name): 404 for act in ("follower", "follow") for name in ("olive", "bo")},
    # Addenda belong to a signed report; the reports of this world are drafts.
    **{("reports.addenda", name): 404 for name in ("olive", "tess", "pia", "bo", "ada")},
    ("reports.addend", "pia"): 404,
    # A file and a reminder are for the receiver and the hospital that the form names; an empty form names none.
    **{(act, name): 404 for act in ("claim_files.ask", "invoices.remind") for name in ("olive", "bo")},
    # Proposed addenda come to signed cases; those of this world are drafts.
    ("phone.settle", "pia"): 404,
    # A physician writes of the record what is the physician's own; an event of the room is the technologist's.
    **{
        (f"record.{act}", "pia"): 403
        for act in ("new", "create", "edit", "correct", "striking", "strike", "now", "baselines", "closing")
    },
}
"""Reviewed: where the role opens the route and the act asks more than the role, and how it then says no."""

FINE = {200, 201, 202, 204, 302, 303, 409, 410, 422}
ODD_IDS = ("0", "-1", "9223372036854775808", "9" * 40, "1.5", "1e3", "%00", "x", "1;2")
ABSENT = 10**9


@dataclass(frozen=True)
class Objects:
    """What an argument may name. `of`: whose it is: of a case, of a person, of the practice, or just a word."""

    own: object
    other: object
    of: str = "practice"


def objects(key: str, world: SimpleNamespace) -> Objects:
    """The objects of an argument, by the path segment before it: `cases/<id>` is a case, `<noun>/<id>` a row of places."""
    own, other = world.own, world.other
    known = {
        "cases/<id>": Objects(own.case, other.case, "case"),
        "reports/<id>": Objects(own.report, other.report, "case"),
        "documents/<id>": Objects(own.document, other.document, "case"),
        "claims/<id>": Objects(world.claim, world.claim),
        "holds/<hold>": Objects(world.hold, world.hold),
        "packets/<id>": Objects(own.packet, other.packet, "case"),
        "records-requests/<id>": Objects(own.asked, other.asked, "case"),
        "invoices/<id>": Objects(world.invoice, world.invoice),
        "statements/<id>": Objects(world.statement, world.statement),
        "proposals/<id>": Objects(own.proposal, other.proposal, "case"),
        "entries/<id>": Objects(own.entry, other.entry, "case"),
        "assignments/<assignment>": Objects(own.assignment, other.assignment, "case"),
        "sentences/<number>": Objects(1, 1, "word"),
        "new/<kind>": Objects("event", "event", "word"),
        "now/<what>": Objects("incision", "incision", "word"),
        "tables/<id>": Objects(world.table, world.table),
        "lists/<kind>": Objects("charge", "medicare", "word"),
        "contracts/<payer>": Objects(world.cast.acme.id, world.cast.medicare.id),
        "prices/<id>": Objects(world.price, world.price),
        "places/<noun>": Objects("facilities", "payers", "word"),
        "<noun>/<id>": Objects(world.cast.mercy.id, world.cast.medicare.id),
        "patients/<id>": Objects(world.patient.id, world.patient.id),
        "patients/<patient>": Objects(world.patient.id, world.patient.id),
        "coverages/<id>": Objects(world.coverage.id, world.coverage.id),
        "credentials/<id>": Objects("credential", world.held[world.cast.stan.id], "holder"),
        "education/<id>": Objects("education", world.learned[world.cast.stan.id], "holder"),
        "types/<id>": Objects(world.kind, world.kind),
        "requirements/<id>": Objects(world.requirement, world.requirement),
        "dossiers/<id>": Objects(world.dossier, world.dossier),
        "screenings/<id>": Objects(world.screening, world.screening),
        "results/<id>": Objects(world.result, world.result),
        "lists/<id>": Objects(world.snapshot, world.snapshot),
        "parties/<id>": Objects(world.party, world.party),
        "hits/<id>": Objects(world.hit, world.hit),
        "ledger/<person>": Objects(world.cast.pia.id, world.cast.stan.id, "person"),
        "<person>/<day>": Objects("2026-09-01", "2026-09-01", "word"),
        "receivers/<id>": Objects(world.receiver, world.receiver),
        "batches/<id>": Objects(world.batch, world.batch),
        "claim-files/<id>": Objects(world.claim_file, world.claim_file),
        "answers/<id>": Objects(world.answer_file, world.answer_file),
        "files/<id>": Objects(world.answer_document, world.answer_document),
        "printers/<id>": Objects(world.printer, world.printer),
        "people/<id>": Objects(world.cast.bo.id, world.cast.stan.id),
        "sessions/<id>": Objects("session", world.session, "person"),
        "devices/<id>": Objects("device", world.device, "person"),
        "notices/<id>": Objects("notice", world.notice, "person"),
        "passkeys/<id>": Objects("passkey", world.passkey, "person"),
        "invitations/<token>": Objects(world.token, world.token, "word"),
        "rules/<name>": Objects("OWN-1", "OWN-1", "word"),
        "findings/<rule>": Objects("V30", "V30", "word"),
        "<rule>/<mark>": Objects("0" * 12, "0" * 12, "word"),
    }
    assert key in known, (
        f"The route argument {key} is new here: add to `known` in tests/test_access.py what it names "
        "(one of Tess and Pia's, one of nobody's, and whose it is), so that every role is tried on it."
    )
    return known[key]


def arguments(rule: Rule) -> list[tuple[str, str]]:
    """Each argument of a rule with its key: `/cases/<row:id>/edit` has [("<row:id>", "cases/<id>")]."""
    segments = rule.rule.strip("/").split("/")
    found = []
    for index, segment in enumerate(segments):
        if match := re.fullmatch(r"<(?:\w+:)?(\w+)>", segment):
            before = re.sub(r"<(?:\w+:)?(\w+)>", r"<\1>", segments[index - 1]) if index else ""
            found.append((segment, f"{before}/<{match[1]}>"))
    return found


def path(rule: Rule, world: SimpleNamespace, which: str, person: Person | None = None) -> str:
    """The rule's address for own or another's objects, or with one value in place of the last row's number."""
    address = rule.rule
    given = arguments(rule)
    for index, (segment, key) in enumerate(given):
        thing = objects(key, world)
        value = thing.other if which == "other" else thing.own
        for word, of_people in (("credential", world.held), ("education", world.learned)):
            value = of_people[person.id if person else world.cast.olive.id] if value == word else value
        if value in ("session", "device", "notice", "passkey"):
            value = getattr(world, f"{value}s").get(person.id if person else 0, getattr(world, value))
        if which not in ("own", "other") and index == len(given) - 1:
            value = which
        address = address.replace(segment, str(value), 1)
    return address


def routes(app, method: str | None = None) -> list[tuple[str, Rule]]:
    """Every method of every rule but the static files."""
    return [
        (verb, rule)
        for rule in app.url_map.iter_rules()
        for verb in sorted(rule.methods - {"HEAD", "OPTIONS"})
        if rule.endpoint != "static" and method in (None, verb)
    ]


def declared(app, rule: Rule) -> tuple[str, ...] | None:
    return getattr(app.view_functions[rule.endpoint], "roles", None)


def undeclared(app) -> list[str]:
    return [r.endpoint for r in app.url_map.iter_rules() if r.endpoint != "static" and declared(app, r) is None]


def _case(raw: bytes, cast: SimpleNamespace, case: Case | None = None) -> SimpleNamespace:
    """The ids of a case with one of everything that can hang on it."""
    case = case or loading.load(raw, by=actor(cast.olive), now=NOW).case
    paper = PdfWriter()
    paper.add_blank_page(200, 200)
    out = BytesIO()
    paper.write(out)
    kept = documents.upload(
        case, kind="order", raw=out.getvalue(), name="o.pdf", title="Order", by=actor(cast.olive), now=NOW
    )
    someone = Assignment.get_or_none(Assignment.case == case.id)
    report = reports.draft(case, by=actor(cast.olive), now=NOW)
    return SimpleNamespace(
        case=case.id,
        report=report.id,
        document=kept.id,
        packet=Packet.create(case=case, requested_at=NOW, preview=True).id,
        asked=RecordsRequest.create(
            case=case,
            requester="Acme",
            asked_on=NOW.date(),
            due_on=NOW.date(),
            entered_at=NOW,
            entered_by=cast.olive.id,
        ).id,
        proposal=_proposal(report, cast),
        entry=next(row.id for row in case.entries if row.kind == "event"),
        assignment=(someone or Assignment.create(case=case, person=cast.bo, role="physician")).id,
    )


def _proposal(report: Report, cast: SimpleNamespace) -> int:
    """An answer of a language model that nobody has accepted."""
    facts = report.read_facts()
    one = factsheet.sheet(facts).facts[0]
    said = {
        "section": "key_result",
        "label": "",
        "key": "x",
        "built_in": one.says,
        "text": "Other words.",
        "reason": "",
    }
    return Proposal.create(
        report=report, state="made", host="127.0.0.1", model="m", prompt="p", facts_digest=digest(facts), asked_at=NOW,
        asked_by=cast.olive, answered_at=NOW, suggestions=[said],
    ).id  # fmt: skip


def _screened(made: SimpleNamespace) -> None:
    """A list, a run over everybody that is done, and a hit on Tess."""
    made.snapshot = Snapshot.create(list="leie", made_on=NOW.date(), received_at=NOW, loaded_at=NOW, sha256="s").id
    party = Party.create(kind="person", person=made.cast.tess, added_at=NOW)
    run = Screening.create(
        asked_at=NOW,
        done_at=NOW,
        lists=[{"list": "leie", "sha256": "s", "rows": 1, "made_on": "2026-09-01", "snapshot": 1}],
    )
    row = dict.fromkeys(
        ("name", "last", "first", "business", "npi", "dob", "state", "city", "kind", "from_on", "trade", "waiver"), "x"
    )
    hit = Hit.create(party=party, screening=run, seen_in=run, list="leie", row_key="k", listed=row, tier="C", score=1)
    result = Screened.create(screening=run, party=party, names=["Tess Tran"], found=[hit.id])
    made.party, made.screening, made.hit, made.result = party.id, run.id, hit.id, result.id


def _sent(made: SimpleNamespace) -> None:
    """A file of claims with an answer to it, the batch it was made of, and a printer."""
    file = sent.file_of(made.cast, "1")
    raw = sent.ack(file)
    made.claim_file, made.receiver, made.batch = file.id, file.receiver_id, file.batches.get().id
    taken = answers.receive(raw, name="a.999", by=actor(made.cast.bo), now=NOW)
    made.answer_file, made.answer_document = taken.file.id, taken.document.id
    made.printer = Printer.create(name="Desk").id


@pytest.fixture
def world(app, cast):
    """Case `own` of Tess and Pia, case `other` of neither, one of each other thing, and a session for each person."""
    places.seed()
    ada = Person.create(
        name="Ada Auditor", email="ada@example.org", roles=["auditor"], created_at=NOW,
        password_hash=Person.get_by_id(cast.bo.id).password_hash,
    )  # fmt: skip
    own, other = the_cast.load(cast, "02"), the_cast.case_file("01")
    OwnRule.create(number=1, name="Ask first", then="warn", message="Ask.", at=NOW, by=cast.olive.id, on=False)
    patient = Patient.create(name="COVERED, QUINN", mrn="COV-1")
    made = SimpleNamespace(
        cast=cast, own=_case(b"", cast, own), other=_case(other, cast), patient=patient,
        coverage=Coverage.create(patient=patient, payer=cast.acme, member_id="MEMBER-77"),
        everyone={"olive": cast.olive, "tess": cast.tess, "pia": cast.pia, "bo": cast.bo, "stan": cast.stan, "ada": ada},
        token=people.invite_again(cast.stan, by=actor(cast.olive), now=now()), sessions={}, cookies={}, session=ABSENT,
        devices={}, notices={}, device=ABSENT, notice=ABSENT, passkeys={}, passkey=ABSENT,
    )  # fmt: skip
    made.price = Fee.create(kind="charge", code="95940", cents=100, from_on=NOW.date()).id
    made.table = tables.offer("mue", [source("MUE_Eff_07-01-2026.csv", MUE)], by=actor(cast.olive), now=now()).id
    kind = CredentialType.get(CredentialType.name == "CNIM")
    made.kind, made.requirement = kind.id, Requirement.get(Requirement.facility.is_null()).id
    made.invoice = Invoice.create(
        facility=cast.mercy, number="A-1", from_on=NOW.date(), until_on=NOW.date(), issued_on=NOW.date(), due_on=NOW.date(),
        total_cents=100, issued_by=cast.bo.id,
    ).id  # fmt: skip
    made.statement = Statement.create(
        facility=cast.mercy, as_of=NOW.date(), requested_at=NOW, requested_by=cast.bo.id
    ).id
    made.dossier = Dossier.create(person=cast.tess, facility=cast.mercy, requested_at=NOW).id
    made.claim = Claim.create(
        case=own, payer=cast.acme, number="EV1", body=to_json(made_claims.claim()), date_of_service=NOW.date(), total_cents=1,
        state_at=NOW, made_at=NOW,
    ).id  # fmt: skip
    made.hold = Hold.create(claim=made.claim, reason="Asked for the op note", at=NOW, by=cast.bo.id).id
    everyone = made.everyone.values()
    made.held = {one.id: Credential.create(person=one, type=kind, until_on=NOW.date()).id for one in everyone}
    hour = {"type": kind, "title": "t", "category": "course", "earned_on": NOW.date(), "minutes": 60}
    made.learned = {one.id: Education.create(person=one, **hour).id for one in everyone}
    _screened(made)
    _sent(made)
    for person in made.everyone.values():
        client = app.test_client().sign_in(person)
        made.cookies[person.id] = client.get_cookie("evoked").value
        made.sessions[person.id] = Session.get(Session.person == person.id).id
        made.devices[person.id] = Device.create(
            person=person, session=made.sessions[person.id], endpoint=f"https://fcm.googleapis.com/{person.id}",
            p256dh="k", auth="a", enrolled_at=now(), checked_at=now(),
        ).id  # fmt: skip
        made.passkeys[person.id] = Passkey.create(
            person=person, name="Phone", credential_id=f"k{person.id}", public_key=b"k", created_at=NOW
        ).id
        made.notices[person.id] = notices.tell(person, what="case:1", edition="1", path="/", now=now()).id
    made.session, made.device, made.notice, made.passkey = (
        of[cast.olive.id] for of in (made.sessions, made.devices, made.notices, made.passkeys)
    )  # fmt: skip
    app.testing = False  # a bug is a 500 here, not an exception: the walk goes on and names it
    yield made
    app.testing = True


def ask(app, world, verb: str, address: str, person: Person | None = None, **more):
    """One request by a person in a transaction that is rolled back, so that each starts from the same world."""
    client = app.test_client()
    if person:
        client.set_cookie("evoked", world.cookies[person.id])
    with db.atomic() as step:
        answer = client.open(address, method=verb, **more)
        step.rollback()
    return answer


def sees_all(person: Person) -> bool:
    return person.has("owner", "biller", "auditor")


def of_case(rule: Rule, world) -> bool:
    return any(objects(key, world).of == "case" for _, key in arguments(rule))


def of_person(rule: Rule, world) -> bool:
    return any(objects(key, world).of == "person" for _, key in arguments(rule))


def of_holder(rule: Rule, world) -> bool:
    """What a person holds is theirs; owner and auditor see everybody's. The other's here is Stan's."""
    return any(objects(key, world).of == "holder" for _, key in arguments(rule))


def test_every_route_says_for_whom_it_is(app):
    assert undeclared(app) == []
    for rule in app.url_map.iter_rules():
        assert set(declared(app, rule) or ()) <= set(ROLES), rule.endpoint


def test_a_route_that_declares_nothing_is_nobodys_and_is_found(cast):
    from app import create_app

    fresh = create_app()
    fresh.testing = True

    fresh.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    assert undeclared(fresh) == ["forgotten"]
    client = fresh.test_client()
    assert client.get("/forgotten").status_code == 403


def test_the_open_routes_are_the_reviewed_ones(app):
    found = {rule.endpoint for rule in app.url_map.iter_rules() if not declared(app, rule)}
    assert found == set(PUBLIC), "What anybody may open changed: review it, then say why in PUBLIC."


@pytest.mark.parametrize("role, reviewed", [("biller", BILLER_MAY_POST), ("auditor", AUDITOR_MAY_POST)])
def test_who_only_reads_or_bills_writes_no_more_than_was_reviewed(app, role, reviewed):
    found = {rule.endpoint for _, rule in routes(app, "POST") if role in (declared(app, rule) or ())}
    assert found == reviewed, f"What a {role} may post changed: review it against reliability.md section 8."


def test_signing_is_the_physicians_and_people_are_the_owners(app):
    by_endpoint = {rule.endpoint: declared(app, rule) for rule in app.url_map.iter_rules()}
    for endpoint in ("reports.sign", "reports.addend"):
        assert by_endpoint[endpoint] == ("physician",)
    assert by_endpoint["reports.approve"] == ("technologist",)
    assert by_endpoint["audit.listing"] == ("owner", "auditor")
    for endpoint, wanted in by_endpoint.items():
        if endpoint.startswith("people.") and endpoint not in PUBLIC:
            assert wanted == ("owner",), endpoint


ASKED_BY_SCRIPT = {"phone.token", "phone.held"}
"""Asked by the phone's script, which is told in JSON that the session ended (tests/test_offline.py) and sent nowhere."""


def test_a_visitor_is_sent_to_sign_in_from_everywhere(app, world):
    wrong = []
    for verb, rule in routes(app):
        if rule.endpoint in PUBLIC:
            continue
        for which in ("own", "other"):
            answer = ask(app, world, verb, path(rule, world, which))
            if rule.endpoint in ASKED_BY_SCRIPT:
                wrong += [] if answer.status_code == 401 else [f"{verb} {rule.endpoint}: {answer.status_code}"]
                continue
            if answer.status_code != 303 or not answer.location.startswith("/sign-in"):
                wrong.append(f"{verb} {rule.endpoint}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)


def test_every_role_gets_its_own_and_nothing_of_others(app, world):
    wrong = []
    for verb, rule in routes(app):
        if rule.endpoint in PUBLIC:
            continue
        wanted = declared(app, rule)
        for name, person in world.everyone.items():
            for which in ("own", "other") if arguments(rule) else ("own",):
                sent = {"data": {"kind": "event"}} if verb == "POST" else {}
                status = ask(app, world, verb, path(rule, world, which, person), person, **sent).status_code
                hidden = which == "other" or name == "stan"
                if not person.has(*wanted):
                    expected = {403}
                elif (
                    of_case(rule, world)
                    and hidden
                    and not sees_all(person)
                    or of_person(rule, world)
                    and which == "other"
                    and name not in ("olive", *(("bo", "ada") if rule.endpoint == "ledger.day" else ()))
                    or of_holder(rule, world)
                    and which == "other"
                    and name not in ("olive", "ada", "stan")
                ):
                    expected = {404}
                else:
                    asked = ASKS_MORE.get((rule.endpoint, name))
                    expected = {asked} if asked else FINE
                if status not in expected:
                    wrong.append(f"{verb} {rule.endpoint} as {name} on {which}: {status}, not {sorted(expected)}")
    assert not wrong, "\n".join([*wrong, "A refusal that is meant has its place in ASKS_MORE."])


def test_what_is_not_there_is_not_found(app, world):
    """Numbers of no row, and what no key can hold, are 404 for those who could open them."""
    wrong = []
    for verb, rule in routes(app):
        named = arguments(rule)
        if rule.endpoint in PUBLIC or not named:
            continue
        person = next(p for p in world.everyone.values() if p.has(*declared(app, rule)) and p.name != "Stan Stone")
        word = objects(named[-1][1], world).of == "word"
        for odd in ("nothing", "%00", "9" * 40) if word else (ABSENT, *ODD_IDS):
            status = ask(app, world, verb, path(rule, world, str(odd), person), person).status_code
            if status not in ({404, 405} | ({303, 422, 403} if word else set())):
                wrong.append(f"{verb} {rule.endpoint} with {odd}: {status}")
    assert not wrong, "\n".join(wrong)


def test_a_dead_or_made_up_link_is_gone(app, world):
    for odd in ("nothing", "%00", "9" * 4000):
        for verb in ("GET", "POST"):
            assert ask(app, world, verb, f"/invitations/{odd}").status_code == 410


def _holding(but: tuple[str, ...]) -> dict[str, list[tuple]]:
    names = [model._meta.table_name for model in TABLES if model._meta.table_name not in but]
    return {name: db.execute_sql(f"SELECT * FROM {name}").fetchall() for name in names}


def test_a_get_writes_nothing_but_who_read_and_who_was_there(app, world):
    wrong = []
    before = _holding(("audit_entry", "session"))
    for verb, rule in routes(app, "GET"):
        for person in world.everyone.values():
            if not person.has(*(declared(app, rule) or ROLES)):
                continue
            client = app.test_client()
            client.set_cookie("evoked", world.cookies[person.id])
            with db.atomic() as step:
                client.open(path(rule, world, "own", person), method=verb)
                after = _holding(("audit_entry", "session"))
                step.rollback()
            changed = [name for name in before if before[name] != after[name]]
            if changed:
                wrong.append(f"{rule.endpoint} writes {changed}")
                break
    assert not wrong, "\n".join(wrong)


HOSTILE = ("-1", "0", "x", "9" * 40, "9223372036854775808", "'\"<x>", "%00", "2026-02-30", "a,b,c", "\u2028")


def test_no_word_in_an_address_breaks_a_page(app, world):
    """Every name that a view reads from the address, with values that fit nowhere, on every page."""
    from pathlib import Path

    source = "".join(file.read_text() for file in (Path(__file__).parents[1] / "views").glob("*.py"))
    names = sorted(set(re.findall(r"args(?:\.get\(|\[)\"(\w+)\"", source)) | {"page", "sort"})
    wrong = []
    for verb, rule in routes(app, "GET"):
        person = next(p for p in world.everyone.values() if p.has(*(declared(app, rule) or ROLES)))
        for value in HOSTILE:
            answer = ask(
                app, world, verb, path(rule, world, "own", person), person, query_string=dict.fromkeys(names, value)
            )
            if answer.status_code >= 500:
                wrong.append(f"{rule.endpoint} with {value!r}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)


ADDRESS = re.compile(r"\b(?:href|src|action|hx-\w+|data-\w+)=\"([^\"]*)\"")


def _addresses(answer) -> list[str]:
    found = [answer.location] if answer.location else []
    if answer.mimetype == "text/html":
        found += [unescape(one) for one in ADDRESS.findall(answer.get_data(as_text=True))]
    return found


def test_no_address_holds_a_patients_data(app, world):
    """Links, forms and redirects of every page, and where a search leads: names, numbers and birthdays stay out."""
    secrets = {"MEMBER-77"}
    for patient in Patient.select():
        parts = {part for part in re.split(r"[\s,]+", patient.name) if len(part) > 3}
        secrets |= parts | {patient.mrn, str(patient.dob or "")}
    secrets = {secret.lower() for secret in secrets if secret}
    assert len(secrets) > 5
    found = []
    for verb, rule in routes(app):
        for name, person in world.everyone.items():
            if name == "stan" or not person.has(*(declared(app, rule) or ROLES)):
                continue
            words = {"q": Patient.get_by_id(world.patient.id).name} if verb == "POST" else {}
            answer = ask(app, world, verb, path(rule, world, "own", person), person, data=words)
            for address in _addresses(answer):
                found += [f"{verb} {rule.endpoint}: {one} in {address}" for one in secrets if one in address.lower()]
    assert not found, "\n".join(found)


def test_every_answer_with_data_is_never_stored(app, world):
    for verb, rule in routes(app):
        if rule.endpoint not in PUBLIC:
            person = next(p for p in world.everyone.values() if p.has(*declared(app, rule)))
            headers = ask(app, world, verb, path(rule, world, "own", person), person).headers
            assert headers["Cache-Control"] == "no-store", rule.endpoint
            policy = headers["Content-Security-Policy"]
            assert "default-src 'self'" in policy or policy == "sandbox", rule.endpoint


def test_what_a_page_asks_by_itself_does_not_keep_the_session_alive(app, world):
    long_ago = now() - timedelta(minutes=30)
    Session.update(seen_at=long_ago).execute()
    for verb, rule in routes(app, "GET"):
        polled = getattr(app.view_functions[rule.endpoint], "polled", False)
        person = next(p for p in world.everyone.values() if p.has(*(declared(app, rule) or ROLES)))
        client = app.test_client()
        client.set_cookie("evoked", world.cookies[person.id])
        with db.atomic() as step:
            client.open(path(rule, world, "own", person), method=verb)
            seen = Session.get_by_id(world.sessions[person.id]).seen_at
            step.rollback()
        assert (seen == long_ago) == polled, rule.endpoint


def test_a_role_that_is_taken_away_is_gone_with_the_next_request(app, world):
    people.revise(
        world.cast.bo, name="Bo Bell", credentials="", npi="", phone="", roles=["auditor"], by=actor(world.cast.olive)
    )
    assert ask(app, world, "GET", "/places", world.cast.bo).status_code == 403
    assert ask(app, world, "GET", "/audit", world.cast.bo).status_code == 200


def test_somebody_taken_off_a_case_does_not_see_it_any_more(app, world):
    assert ask(app, world, "GET", f"/cases/{world.own.case}", world.cast.tess).status_code == 200
    Assignment.delete().where(Assignment.case == world.own.case, Assignment.person == world.cast.tess).execute()
    assert ask(app, world, "GET", f"/cases/{world.own.case}", world.cast.tess).status_code == 404


def test_a_denied_request_reads_nothing_and_leaves_no_trace_of_a_patient(app, world):
    client = app.test_client()
    client.set_cookie("evoked", world.cookies[world.cast.stan.id])
    before = AuditEntry.select().count()
    page = client.get(f"/cases/{world.own.case}")
    assert page.status_code == 404
    assert Patient.get_by_id(Case.get_by_id(world.own.case).patient_id).name not in page.get_data(as_text=True)
    assert AuditEntry.select().where(AuditEntry.action == "view").count() == 0
    assert AuditEntry.select().count() == before


def test_each_page_of_a_case_leaves_one_entry_of_who_read_it(app, world):
    """A page without the patient, such as how far a print has come, need not leave one."""
    wrong = []
    patient = Case.get_by_id(world.own.case).patient
    for verb, rule in routes(app, "GET"):
        if not of_case(rule, world):
            continue
        person = next(p for p in world.everyone.values() if p.has(*declared(app, rule)) and p.name != "Stan Stone")
        client = app.test_client()
        client.set_cookie("evoked", world.cookies[person.id])
        with db.atomic() as step:
            since = AuditEntry.select().count()
            answer = client.open(path(rule, world, "own", person), method=verb)
            left = list(AuditEntry.select().where(AuditEntry.seq > since))
            step.rollback()
        entries = [(one.action, one.noun, one.case_id) for one in left]
        shown = answer.mimetype != "text/html" or any(
            word in answer.get_data(as_text=True) for word in (patient.name, patient.mrn)
        )
        if answer.status_code == 200 and (
            len(entries) > 1 or (shown and [one[2] for one in entries] != [world.own.case])
        ):
            wrong.append(f"{rule.endpoint}: {entries}")
    assert not wrong, "\n".join(wrong)
