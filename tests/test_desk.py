"""The first page: the next case with all one needs to go there, and what stands in its way."""

from __future__ import annotations

import re
from datetime import timedelta
from types import SimpleNamespace

from actions import answers, claim_files
from models import SETTINGS, Case, Facility
from tests import sent
from tests.cast import actor, book
from views import now


def text_of(client) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", client.get("/").get_data(as_text=True)))


def test_the_next_case_is_told_with_place_time_people_and_readiness(client_for, cast):
    today = now().astimezone(SETTINGS.zone).date()
    Facility.update(address="1 Main St", city="Denver", phone="+1 555 0100").where(
        Facility.id == cast.mercy.id
    ).execute()
    later = book(cast, date_of_service=today + timedelta(days=2), procedure="Later one")
    soon = book(cast, date_of_service=today, or_room="OR 4", procedure="Soon one")
    page = client_for(cast.tess).get("/").get_data(as_text=True)
    card = page[page.index("next-title") : page.index("</section>", page.index("next-title"))]
    for said in ("Soon one", "Mercy", "OR 4", "1 Main St", "tel:+1 555 0100", cast.tess.name, cast.pia.name, "ready"):
        assert said in card, said
    assert f"/cases/{soon.id}/phone" in card
    assert page.count("Soon one") == 1, "not listed a second time"
    assert f"/cases/{later.id}" in page


def test_a_next_case_without_a_physician_says_so(client_for, cast):
    from models import Assignment

    case = book(cast, date_of_service=now().astimezone(SETTINGS.zone).date())
    Assignment.delete().where(Assignment.case == case.id, Assignment.role == "physician").execute()
    said = text_of(client_for(cast.tess))
    assert "Physician Nobody yet" in said and "needs physician" in said


def test_who_works_on_no_case_is_told_of_none(client_for, cast):
    book(cast, date_of_service=now().astimezone(SETTINGS.zone).date())
    assert "Next case" not in text_of(client_for(cast.bo))


def test_the_navigation_shows_where_a_page_without_a_place_of_its_own_belongs(client_for, cast):
    bo = client_for(cast.bo)
    case = book(cast)
    places = {
        "/claim-files": "/claims", "/answers": "/claims", "/paper-claims": "/claims", "/printers": "/claims", "/rules": "/claims",
        f"/cases/{case.id}/billing": "/claims", "/records-requests": "/packets", "/fees": "/places", "/tables": "/places",
        f"/cases/{case.id}/documents": "/cases",
    }  # fmt: skip
    for address, noun in places.items():
        page = bo.get(address).get_data(as_text=True)
        here = set(re.findall(r'<a href="([^"]+)" aria-current="page">', page))
        assert here == {noun}, address


def test_what_is_released_and_on_no_way_is_told_with_its_money(client_for, cast):
    to = sent.receiver(cast)
    sent.released(cast, "1", "2")
    sent.released(SimpleNamespace(**{**vars(cast), "acme": cast.medicare}), "3")
    for person in (cast.olive, cast.bo):
        said = text_of(client_for(person))
        assert (
            "Released, in no file 2 $" in said and "Released, for paper 1 $" in said and "Files to hand in" not in said
        )
    file = claim_files.export(to, by=actor(cast.bo), now=now())
    said = text_of(client_for(cast.bo))
    assert "Released, in no file" not in said and "Files to hand in 1 $" in said and "made, with nobody yet" in said
    claim_files.hand_in(file, by=actor(cast.bo), now=now())
    assert "Files to hand in" not in text_of(client_for(cast.bo))
    assert "Released," not in text_of(client_for(cast.tess)), "whom billing is nothing to"


def test_a_file_that_was_answered_was_handed_in_and_what_it_rejects_is_told(client_for, cast):
    sent.file_of(cast, "1", "2")
    answers.receive(sent.told(("ION-1", "A7:33"), ("ION-2", "A2:20")), name="a.277", by=actor(cast.bo), now=now())
    said = text_of(client_for(cast.bo))
    assert "Files to hand in" not in said
    assert "Rejected by an answer 1 $" in said
    page = client_for(cast.bo).get("/").get_data(as_text=True)
    assert "/claims?state=rejected" in page
    Case.update(closed_at=now(), closed_by=cast.tess).execute()
    assert "Nothing needs you" not in text_of(client_for(cast.bo)), "a rejected claim does"


def test_nothing_to_do_is_said(client_for, cast):
    assert "Nothing needs you." in text_of(client_for(cast.bo))
