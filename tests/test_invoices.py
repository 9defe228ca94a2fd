"""Invoices to hospitals, through the client and the worker: proposed, issued once, printed, paid, void, reminded."""

from __future__ import annotations

import csv
import io
import multiprocessing
import re
from datetime import UTC, date, datetime, timedelta

import peewee as pw
import pytest
from pypdf import PdfReader

import tasks
from actions import Refused, documents, invoices
from models import Agreement, AuditEntry, Case, Facility, Invoice, InvoiceLine, InvoicePayment, Job, Statement, db
from tests.cast import NOW, actor, book, load
from tests.test_packets import signed

PRICES = {
    "case_cents": 120000,
    "hour_cents": 15000,
    "included_minutes": 240,
    "cancellation_cents": 30000,
    "standby_hour_cents": 9000,
}


def priced(case: Case, **changed) -> Facility:
    """The hospital of the case, with an agreement that has prices."""
    Agreement.delete().where(Agreement.facility == case.facility_id).execute()
    Agreement.create(facility=case.facility_id, from_on=date(2020, 1, 1), **{**PRICES, **changed})
    return Facility.get_by_id(case.facility_id)


def asked(case: Case) -> dict[str, str]:
    return {
        "facility": case.facility_id,
        "from_on": case.date_of_service.isoformat(),
        "until_on": case.date_of_service.isoformat(),
    }


def issue(client, case: Case, **more) -> Invoice:
    answer = client.post("/invoices", data={**asked(case), "case": [case.id], **more})
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return Invoice.get_by_id(int(answer.location.rpartition("/")[2]))


def plain(answer) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.get_data(as_text=True)))


def text_of(document) -> str:
    return " ".join(
        " ".join(page.extract_text() for page in PdfReader(io.BytesIO(documents.read(document))).pages).split()
    )


def test_from_the_case_to_the_money(client_for, cast):
    case, bo = signed(cast), client_for(cast.bo)
    hospital = priced(case)
    assert "Not invoiced 1" in plain(bo.get("/invoices"))
    page = plain(bo.get(f"/invoices/new?facility={hospital.id}"))
    assert "min; " in page
    assert "included" in page
    invoice = issue(bo, case)
    assert invoice.number == f"{invoices.today(datetime.now(UTC)).year}-0001"
    assert invoice.due_on == invoice.issued_on + timedelta(days=30)
    assert invoice.total_cents == sum(line.cents for line in invoice.lines)
    assert {line.what for line in invoice.lines} == {"case", "hours"}
    assert 'hx-get="/invoices/' in bo.get(f"/invoices/{invoice.id}").get_data(as_text=True)
    tasks.work_off()
    assert "Open the PDF" in plain(bo.get(f"/invoices/{invoice.id}"))
    assert bo.get(f"/invoices/{invoice.id}/pdf").mimetype == "application/pdf"
    bo.post(
        f"/invoices/{invoice.id}/payments", data={"amount": "500", "paid_on": "2026-11-02", "reference": "check 881"}
    )
    assert "check 881" in plain(bo.get(f"/invoices/{invoice.id}"))
    rest = invoice.total_cents - 50000
    bo.post(f"/invoices/{invoice.id}/payments", data={"amount": f"{rest / 100:.2f}", "paid_on": "2026-11-03"})
    assert "Nothing is owed." in plain(bo.get("/invoices"))
    assert invoice.number in plain(bo.get("/invoices?show=paid"))


def test_the_paper_names_no_patient_and_shows_the_arithmetic(client_for, cast):
    case = signed(cast)
    priced(case)
    invoice = issue(client_for(cast.bo), case)
    tasks.work_off()
    paper = text_of(Invoice.get_by_id(invoice.id).document)
    for hidden in (case.patient.name, case.patient.name.split(",")[0], case.patient.mrn, str(case.patient.dob)):
        assert hidden not in paper
    assert invoices.named(case) in paper
    assert invoice.number in paper
    for line in invoice.lines:
        assert line.derivation.split("; ")[-1].casefold() in paper.casefold()
    assert f"Total due {invoice.due_on:%m/%d/%Y} {invoice.total_cents // 100:,}" in paper.replace("$", "")


def test_a_case_is_on_one_invoice_and_a_void_one_frees_it(client_for, cast):
    case, bo = signed(cast), client_for(cast.bo)
    priced(case)
    first = issue(bo, case)
    again = bo.post("/invoices", data={**asked(case), "case": [case.id], "words-0": "supplies", "amount-0": "12.50"})
    assert again.status_code == 422
    assert "not to be invoiced any more" in plain(again)
    assert 'value="supplies"' in again.get_data(as_text=True)
    assert 'name="reason"' in bo.get(f"/invoices/{first.id}/voiding").get_data(as_text=True)
    assert bo.post(f"/invoices/{first.id}/voiding", data={"reason": ""}).status_code == 422
    assert bo.post(f"/invoices/{first.id}/voiding", data={"reason": "Wrong rate"}).status_code == 303
    second = issue(bo, case)
    assert int(second.number[-4:]) == int(first.number[-4:]) + 1
    assert "Wrong rate" in plain(bo.get(f"/invoices/{first.id}"))
    assert second.number in plain(bo.get("/invoices"))
    assert first.number in plain(bo.get("/invoices?show=void"))
    with pytest.raises(pw.IntegrityError, match="kept as it was issued"):
        Invoice.update(void_at=None, void_by=None).where(Invoice.id == first.id).execute()


def test_the_database_itself_refuses_a_second_invoice_of_a_case(client_for, cast):
    case = signed(cast)
    hospital = priced(case)
    issue(client_for(cast.bo), case)
    other = Invoice.create(
        facility=hospital, number="x", from_on=NOW.date(), until_on=NOW.date(), issued_on=NOW.date(), due_on=NOW.date(),
        total_cents=1, issued_by=cast.bo.id,
    )  # fmt: skip
    with pytest.raises(pw.IntegrityError, match="a case is invoiced once"):
        InvoiceLine.create(invoice=other, case=case, what="case", cents=1, derivation="again")


def _race(case_id: int, person_id: int, gate, results) -> None:
    """Another process that wants to invoice the same case at the same moment."""
    from models import Person

    db.connect()
    case, person = Case.get_by_id(case_id), Person.get_by_id(person_id)
    gate.wait()
    try:
        made = invoices.issue(
            case.facility,
            case.date_of_service,
            case.date_of_service,
            chosen={case.id},
            by=actor(person),
            now=datetime.now(UTC),
        )
        results.put(made.number)
    except Refused as refused:
        results.put(refused.reasons[0])
    db.close()


def test_two_people_at_once_make_one_invoice(cast):
    case = signed(cast)
    priced(case)
    db.close()
    context = multiprocessing.get_context("fork")
    gate, results = context.Barrier(3), context.Queue()
    racers = [
        context.Process(target=_race, args=(case.id, person.id, gate, results))
        for person in (cast.bo, cast.olive, cast.bo)
    ]
    for racer in racers:
        racer.start()
    said = sorted(results.get(timeout=60) for _ in racers)
    for racer in racers:
        racer.join(60)
    db.connect()
    assert Invoice.select().count() == 1
    assert sum("not to be invoiced any more" in one for one in said) == 2


# What is not plain monitoring


def test_a_case_called_off_late_is_charged_only_in_somebodys_words(client_for, cast):
    case, bo = book(cast, date_of_service=date(2026, 11, 3)), client_for(cast.bo)
    priced(case)
    page = plain(bo.get(f"/invoices/new?facility={case.facility_id}"))
    assert "Called off late: who said so, and when" in page
    assert bo.post("/invoices", data=asked(case)).status_code == 422
    words = "Dr. Sato's office, by phone at 06:10"
    answer = bo.post("/invoices", data={**asked(case), f"canceled-{case.id}": words})
    assert answer.status_code == 303
    (line,) = InvoiceLine.select()
    assert (line.what, line.cents, line.derivation) == ("cancellation", 30000, f"canceled late: {words}")


def test_a_case_with_a_record_was_not_called_off(cast):
    case = signed(cast)
    hospital = priced(case)
    with pytest.raises(Refused, match="has a record"):
        invoices.issue(
            hospital,
            case.date_of_service,
            case.date_of_service,
            chosen=[],
            canceled={case.id: "me"},
            by=actor(cast.bo),
            now=NOW,
        )


def test_an_aborted_case_without_a_minute_is_standing_by(client_for, cast):
    case = load(cast, "07")
    Case.update(closed_at=NOW, closed_by=cast.tess.id).where(Case.id == case.id).execute()
    hospital = priced(case)
    (one,) = invoices.proposal(hospital, case.date_of_service, case.date_of_service, on=date(2026, 11, 28))
    there = one.charges[0]
    counted = invoices.weighing.coded_by(case, case.facts()).counted_minutes
    assert there.what == ("standby" if counted == 0 else "case")


def test_a_line_of_ones_own_and_a_credit(client_for, cast):
    case, bo = signed(cast), client_for(cast.bo)
    priced(case)
    wrong = bo.post("/invoices", data={**asked(case), "words-0": "Needles", "amount-0": "twelve"})
    assert wrong.status_code == 422
    assert "Line 1 of your own: Type dollars and cents" in plain(wrong)
    nothing = bo.post("/invoices", data={**asked(case), "words-0": "Credit", "amount-0": "-5"})
    assert "comes to nothing" in plain(nothing)
    invoice = issue(bo, case, **{"words-0": "Needles", "amount-0": "12.50", "words-1": "Credit", "amount-1": "-2"})
    assert invoice.total_cents == sum(line.cents for line in invoice.lines)
    assert [line.cents for line in invoice.lines if line.what == "other"] == [1250, -200]


def test_what_the_practice_bills_itself_is_not_invoiced(client_for, cast):
    case = signed(cast)
    priced(case, technical="practice")
    assert "Not invoiced 0" in plain(client_for(cast.bo).get("/invoices"))


def test_an_agreement_without_prices_says_so(client_for, cast):
    case = signed(cast)
    priced(case, case_cents=0, hour_cents=0, standby_hour_cents=0, cancellation_cents=0, included_minutes=0)
    page = client_for(cast.bo).get(f"/invoices/new?facility={case.facility_id}")
    assert "The agreement of the day names no price." in plain(page)


def test_cases_of_a_hospital_without_an_agreement_are_said(client_for, cast):
    case = signed(cast)
    assert not Agreement.select().where(Agreement.facility == case.facility_id).exists()
    assert "1 case is at a hospital without an agreement for its day" in plain(client_for(cast.bo).get("/invoices"))


# Payments


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"amount": "9999999", "paid_on": "2026-11-02"}, "That is more than the"),
        ({"amount": "-1", "paid_on": "2026-11-02"}, "Only $0.00 was paid"),
        ({"amount": "0", "paid_on": "2026-11-02"}, "Type the amount that was paid"),
        ({"amount": "1", "paid_on": "2999-11-02"}, "still to come"),
        ({"amount": "ten", "paid_on": "2026-11-02"}, "Type dollars and cents"),
        ({"amount": "10", "paid_on": ""}, "Type the day it was paid"),
    ],
)
def test_a_payment_that_cannot_be_is_refused_and_what_was_typed_is_kept(client_for, cast, data, words):
    case, bo = signed(cast), client_for(cast.bo)
    priced(case)
    invoice = issue(bo, case)
    answer = bo.post(f"/invoices/{invoice.id}/payments", data=data)
    assert answer.status_code == 422
    assert words in plain(answer)
    assert f'value="{data["amount"]}"' in answer.get_data(as_text=True)
    assert not InvoicePayment.select().exists()


def test_a_payment_typed_wrong_is_taken_back_before_the_invoice_can_be_void(client_for, cast):
    case, bo = signed(cast), client_for(cast.bo)
    priced(case)
    invoice = issue(bo, case)
    url = f"/invoices/{invoice.id}"
    bo.post(f"{url}/payments", data={"amount": "100", "paid_on": "2026-11-02"})
    stopped = bo.post(f"{url}/voiding", data={"reason": "Wrong hospital"})
    assert stopped.status_code == 422
    assert "$100.00 was paid on this invoice" in plain(stopped)
    bo.post(f"{url}/payments", data={"amount": "-100", "paid_on": "2026-11-02"})
    assert bo.post(f"{url}/voiding", data={"reason": "Wrong hospital"}).status_code == 303
    after = bo.post(f"{url}/payments", data={"amount": "1", "paid_on": "2026-11-02"})
    assert "This invoice is void" in plain(after)


# What is owed, and reminding of it


def late(cast, facility: Facility, number: str, days: int, cents: int) -> Invoice:
    today = invoices.today(datetime.now(UTC))
    return Invoice.create(
        facility=facility, number=number, from_on=today, until_on=today, issued_on=today - timedelta(days=days + 30),
        due_on=today - timedelta(days=days), total_cents=cents, issued_by=cast.bo.id,
    )  # fmt: skip


def test_the_page_and_the_csv_show_how_old_what_is_open_is(client_for, cast):
    cast.lakeside.name = "=HYPERLINK(1)"
    cast.lakeside.save()
    late(cast, cast.mercy, "A-1", -3, 10000)
    late(cast, cast.mercy, "A-2", 45, 20000)
    third = late(cast, cast.lakeside, "A-3", 100, 30000)
    bo = client_for(cast.bo)
    bo.post(f"/invoices/{third.id}/payments", data={"amount": "50", "paid_on": "2026-11-02"})
    page = plain(bo.get("/invoices"))
    assert "Open $550.00" in page
    assert "Late $450.00" in page
    answer = bo.get("/invoices/ageing.csv")
    rows = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True))))
    assert {row["Invoice"]: (row["Age"], row["Open"]) for row in rows} == {
        "A-1": ("current", "100.00"), "A-2": ("31-60", "200.00"), "A-3": ("over 90", "250.00"),
    }  # fmt: skip
    assert next(row["Hospital"] for row in rows if row["Invoice"] == "A-3").startswith("'=")


def test_a_reminder_lists_what_is_open_and_adds_up(client_for, cast):
    late(cast, cast.mercy, "A-1", -3, 10000)
    late(cast, cast.mercy, "A-2", 45, 20000)
    late(cast, cast.lakeside, "A-3", 100, 30000)
    bo = client_for(cast.bo)
    answer = bo.post("/statements", data={"facility": cast.mercy.id})
    assert answer.status_code == 303
    assert "being printed" in plain(bo.get(answer.location))
    tasks.work_off()
    assert "Open the PDF" in plain(bo.get(answer.location))
    paper = text_of(Statement.get().document)
    for words in ("Mercy", "A-1", "A-2", "$300.00", "$200.00", "Of that past due"):
        assert words in paper
    assert "A-3" not in paper
    assert bo.get(f"{answer.location}/pdf").mimetype == "application/pdf"


def test_a_hospital_that_owes_nothing_gets_no_letter(client_for, cast):
    answer = client_for(cast.bo).post("/statements", data={"facility": cast.mercy.id})
    assert answer.status_code == 422
    assert "owes nothing" in plain(answer)
    assert not Job.select().exists()


# Who may


def test_the_auditor_reads_and_writes_nothing(client_for, cast):
    case, bo = signed(cast), client_for(cast.bo)
    priced(case)
    invoice = issue(bo, case)
    cast.stan.roles = ["auditor"]
    cast.stan.save()
    auditor = client_for(cast.stan)
    page = auditor.get(f"/invoices/{invoice.id}").get_data(as_text=True)
    assert invoice.number in page
    assert "Write down a payment" not in page
    assert auditor.get("/invoices").status_code == 200
    assert auditor.get("/invoices/ageing.csv").status_code == 200
    for path in ("/invoices", f"/invoices/{invoice.id}/payments", f"/invoices/{invoice.id}/voiding", "/statements"):
        assert auditor.post(path, data={}).status_code == 403
    assert client_for(cast.tess).get("/invoices").status_code == 403


def test_issuing_paying_and_voiding_are_in_the_audit_trail(client_for, cast):
    case, bo = signed(cast), client_for(cast.bo)
    priced(case)
    invoice = issue(bo, case)
    bo.post(f"/invoices/{invoice.id}/payments", data={"amount": "1", "paid_on": "2026-11-02"})
    bo.post(f"/invoices/{invoice.id}/payments", data={"amount": "-1", "paid_on": "2026-11-02"})
    bo.post(f"/invoices/{invoice.id}/voiding", data={"reason": "Wrong"})
    acts = [
        row.action for row in AuditEntry.select().where(AuditEntry.noun == "invoice", AuditEntry.row_id == invoice.id)
    ]
    assert [act for act in acts if act != "view"] == ["issue", "pay", "pay", "void"]


@pytest.mark.parametrize(
    "path", ["/invoices/99", "/invoices/99/pdf", "/statements/99", "/invoices?show=x", "/invoices/99/paper", "/invoices/99/voiding"]
)  # fmt: skip
def test_what_is_not_there_is_not_found(client_for, cast, path):
    assert client_for(cast.bo).get(path).status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        "facility=99",
        "facility=x&from_on=2026-01-01&until_on=2026-02-01",
        "facility=1&from_on=2026-03-01&until_on=2026-02-01",
    ],
)
def test_a_period_that_cannot_be_is_said_and_not_a_fault(client_for, cast, query):
    assert client_for(cast.bo).get(f"/invoices/new?{query}").status_code == 422
