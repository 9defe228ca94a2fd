"""Whoever holds a print can ask whether it is ours and unchanged, and learns nothing about the patient."""

from __future__ import annotations

import io

import pytest

from actions import documents, reports, verifications
from models import Case, Document, Report, Signature
from practice import signing
from practice.wording import code
from tests.cast import NOW, PASSWORD, actor, load


@pytest.fixture
def signed(cast):
    """Case 02, signed by Pia."""
    case = load(cast, "02")
    report = reports.draft(case, by=actor(cast.tess), now=NOW)
    reports.approve(report, by=actor(cast.tess), now=NOW)
    report = reports.impress(case, text="Resolved alert.", by=actor(cast.pia), now=NOW)
    confirmed = {one.key for one in signing.confirmations(report.read_facts())}
    reports.sign(report, password=PASSWORD, confirmed=confirmed, missing_read=True, by=actor(cast.pia), now=NOW)
    return Case.get_by_id(case.id)


def ask(client, **data):
    return client.post("/verify", data=data, content_type="multipart/form-data")


def keep(case, pdf=b"%PDF-1.7 as it was printed", kind="report"):
    return documents.store(pdf, case=case, kind=kind, title="Print", pages=1, by=actor(None), now=NOW)


def test_the_very_print_is_known_and_shows_who_signed(anyone, signed):
    keep(signed)
    text = ask(anyone, file=(io.BytesIO(b"%PDF-1.7 as it was printed"), "report.pdf")).get_data(as_text=True)
    assert "This is a signed report" in text
    assert "Pia Park, MD" in text
    assert signed.patient.name not in text and signed.patient.mrn not in text


def test_one_changed_byte_is_not_known(anyone, signed):
    keep(signed)
    answer = ask(anyone, file=(io.BytesIO(b"%PDF-1.7 as it was printeD"), "report.pdf"))
    assert "Not known here" in answer.get_data(as_text=True)


def test_a_print_from_before_an_addendum_says_so(anyone, signed, cast):
    keep(signed)
    reports.addend(signed, text="One more thing.", password=PASSWORD, by=actor(cast.pia), now=NOW.replace(hour=20))
    text = ask(anyone, file=(io.BytesIO(b"%PDF-1.7 as it was printed"), "r.pdf")).get_data(as_text=True)
    assert "1; 1 came after this print" in text


def test_a_draft_shows_nobodys_signature(anyone, signed):
    keep(signed, kind="report_draft")
    text = ask(anyone, file=(io.BytesIO(b"%PDF-1.7 as it was printed"), "r.pdf")).get_data(as_text=True)
    assert "a draft of a report, not signed" in text
    assert "Pia Park" not in text


def test_an_uploaded_paper_is_no_print_of_ours(anyone, signed):
    keep(signed, kind="order")
    answer = ask(anyone, file=(io.BytesIO(b"%PDF-1.7 as it was printed"), "r.pdf"))
    assert "Not known here" in answer.get_data(as_text=True)


def test_the_code_under_the_signature_finds_the_report(anyone, signed):
    shown = code(Signature.get().text_sha256)
    assert shown in reports.written(Report.get_by_id(Signature.get().report_id)).signatures[0].text
    for typed in (shown, shown.lower(), shown.replace("-", " ")):
        assert "Pia Park, MD" in ask(anyone, code=typed).get_data(as_text=True)
    assert "Not known here" in ask(anyone, code="0000-0000-0000").get_data(as_text=True)


@pytest.mark.parametrize("typed", ["", "3F2A", "not a code", "é" * 12])
def test_something_else_is_said_and_mended(anyone, signed, typed):
    answer = ask(anyone, code=typed)
    assert answer.status_code == 422


def test_too_many_questions_are_put_off(anyone, signed):
    for _ in range(verifications.TRIES):
        ask(anyone, code="0000-0000-0000")
    answer = ask(anyone, code=code(Signature.get().text_sha256))
    assert answer.status_code == 422
    assert "Wait 15 minutes" in answer.get_data(as_text=True)


def test_no_document_is_written_by_asking(anyone, signed):
    before = Document.select().count()
    ask(anyone, file=(io.BytesIO(b"anything"), "x.pdf"))
    assert Document.select().count() == before
