"""People: invited by a link that is shown once and works once; an owner is always left; nobody lifts themselves."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest

from actions import Refused, credentials, people, sessions
from models import Credential, Invitation, Person, Session, hash_token
from tests.cast import NOW, PASSWORD, actor
from views import now

WORDS = "seven green bottles on a wall"
NEW = {"name": "Nia Nolan", "email": "Nia@Example.org ", "roles": ["technologist", "biller"], "credentials": "CNIM"}


def link_in(answer) -> str:
    return re.search(r"/invitations/[\w-]+", answer.get_data(as_text=True))[0]


@pytest.fixture
def olive(client_for, cast):
    return client_for(cast.olive)


def test_an_invited_person_sets_a_password_and_is_signed_in(olive, anyone, app):
    answer = olive.post("/people", data=NEW)
    assert answer.status_code == 201
    link = link_in(answer)
    assert "Nia Nolan" in anyone.get(link).get_data(as_text=True)
    accepted = anyone.post(link, data={"password": WORDS})
    assert accepted.status_code == 303
    assert anyone.get("/me").status_code == 200
    nia = Person.get(Person.email == "nia@example.org")
    assert nia.roles == ["technologist", "biller"]
    again = app.test_client().post("/sessions", data={"email": "nia@example.org", "password": WORDS})
    assert again.status_code == 303


def test_the_link_is_shown_once_and_only_its_digest_is_kept(olive):
    link = link_in(olive.post("/people", data=NEW))
    nia = Person.get(Person.email == "nia@example.org")
    assert "/invitations/" not in olive.get(f"/people/{nia.id}").get_data(as_text=True)
    kept = Invitation.get(Invitation.person == nia)
    assert kept.token_hash == hash_token(link.rsplit("/")[-1])
    assert link.rsplit("/")[-1] not in repr(kept.__data__)


def test_a_link_works_once_and_opening_it_does_not_use_it_up(olive, app):
    link = link_in(olive.post("/people", data=NEW))
    for _ in range(3):
        assert app.test_client().get(link).status_code == 200
    assert app.test_client().post(link, data={"password": "short"}).status_code == 422
    assert app.test_client().post(link, data={"password": WORDS}).status_code == 303
    for method in ("GET", "POST"):
        late = app.test_client().open(link, method=method, data={"password": WORDS + " two"})
        assert late.status_code == 410


def test_two_who_use_a_link_at_the_same_time_do_not_both_win(cast):
    _, token = people.invite(name="N", email="n@example.org", credentials="", npi="", phone="", roles=["biller"], by=actor(cast.olive), now=NOW)  # fmt: skip
    first, second = people.open_invitation(token, now=NOW), people.open_invitation(token, now=NOW)
    people.accept(first, name="", email="", password=WORDS, address="", now=NOW)
    with pytest.raises(Refused, match="used already"):
        people.accept(second, name="", email="", password="another one of these phrases", address="", now=NOW)


def test_every_dead_link_has_the_same_answer(olive, anyone, cast):
    used = link_in(olive.post("/people", data=NEW))
    anyone.post(used, data={"password": WORDS})
    anyone.post("/sign-out")
    old = link_in(olive.post("/people", data=NEW | {"email": "old@example.org"}))
    Invitation.update(expires_at=now() - timedelta(minutes=1)).where(
        Invitation.token_hash == hash_token(old.rsplit("/")[-1])
    ).execute()
    replaced = link_in(olive.post(f"/people/{cast.bo.id}/invitation"))
    olive.post(f"/people/{cast.bo.id}/invitation")
    shut = link_in(olive.post(f"/people/{cast.stan.id}/invitation"))
    olive.post(f"/people/{cast.stan.id}/disabling")
    pages = set()
    for link in (used, old, replaced, shut, "/invitations/nothing", "/invitations/" + "a" * 5000):
        answer = anyone.get(link)
        assert answer.status_code == 410, link
        pages.add(answer.get_data(as_text=True))
    assert len(pages) == 1


def test_a_link_lasts_seven_days(cast):
    token = people.invite_again(cast.bo, by=actor(cast.olive), now=NOW)
    assert people.open_invitation(token, now=NOW + timedelta(days=7, seconds=-1))
    assert not people.open_invitation(token, now=NOW + timedelta(days=7))


def test_a_new_password_by_link_ends_every_session_of_the_person(client_for, olive, cast, app):
    bo = client_for(cast.bo)
    link = link_in(olive.post(f"/people/{cast.bo.id}/invitation"))
    assert bo.get("/me").status_code == 200
    app.test_client().post(link, data={"password": WORDS})
    assert bo.get("/me").status_code == 303
    assert app.test_client().post("/sessions", data={"email": cast.bo.email, "password": PASSWORD}).status_code == 422


def test_the_first_owner_is_made_by_the_set_up_link(app, database):
    token = people.invite_first_owner(now=now())
    client = app.test_client()
    link = f"/invitations/{token}"
    assert "first owner" in client.get(link).get_data(as_text=True)
    for wrong in ({}, {"name": "Ona"}, {"name": "Ona", "email": "nonsense", "password": WORDS}):
        assert client.post(link, data=wrong).status_code == 422
    made = client.post(link, data={"name": "Ona Orr", "email": "ona@example.org", "password": WORDS})
    assert made.status_code == 303
    assert Person.get().roles == ["owner"]
    assert client.get("/people").status_code == 200
    assert people.invite_first_owner(now=now()) is None


def test_a_set_up_link_is_dead_once_somebody_owns_the_practice(app, database):
    first = people.invite_first_owner(now=now())
    second = people.invite_first_owner(now=now())
    assert people.open_invitation(first, now=now()) is None, "a newer link replaces it"
    found = people.open_invitation(second, now=now())
    people.accept(found, name="Ona", email="ona@example.org", password=WORDS, address="", now=now())
    Invitation.create(token_hash=hash_token("left"), created_at=now(), expires_at=now() + timedelta(days=1))
    assert people.open_invitation("left", now=now()) is None


def test_the_only_owner_stays_one_and_stays_in(olive, cast):
    form = {"name": "Olive Owens", "roles": ["biller"]}
    answer = olive.post(f"/people/{cast.olive.id}", data=form)
    assert answer.status_code == 422
    assert "A practice needs an owner" in answer.get_data(as_text=True)
    assert olive.post(f"/people/{cast.olive.id}/disabling").status_code == 422
    assert Person.get_by_id(cast.olive.id).roles == ["owner"]
    assert not Person.get_by_id(cast.olive.id).disabled_at


@pytest.mark.parametrize("unable", ["disabled", "never signed in"])
def test_an_owner_who_cannot_sign_in_does_not_count(cast, unable):
    Person.update(roles=["owner"]).where(Person.id == cast.bo.id).execute()
    if unable == "disabled":
        people.disable(Person.get_by_id(cast.bo.id), by=actor(cast.olive), now=NOW)
    else:
        Person.update(password_hash=None).where(Person.id == cast.bo.id).execute()
    with pytest.raises(Refused, match="needs an owner"):
        people.disable(cast.olive, by=actor(cast.olive), now=NOW)


def test_with_a_second_owner_the_first_may_go(olive, cast):
    assert (
        olive.post(f"/people/{cast.bo.id}", data={"name": "Bo Bell", "roles": ["owner", "biller"]}).status_code == 303
    )
    assert olive.post(f"/people/{cast.olive.id}/disabling").status_code == 303
    assert olive.get("/people").status_code == 303


def test_nobody_adds_a_role_to_themselves_but_a_solo_owner(olive, cast):
    form = {"name": "Olive Owens", "roles": ["owner", "physician"]}
    assert olive.post(f"/people/{cast.olive.id}", data=form).status_code == 303, "a solo owner holds several"
    Person.update(roles=["owner"]).where(Person.id == cast.bo.id).execute()
    answer = olive.post(f"/people/{cast.olive.id}", data=form | {"roles": ["owner", "physician", "biller"]})
    assert answer.status_code == 422
    assert "Ask another owner" in answer.get_data(as_text=True)
    assert olive.post(f"/people/{cast.olive.id}", data=form | {"roles": ["owner"]}).status_code == 303, "fewer is fine"
    for person in (cast.tess, cast.pia, cast.stan):
        with pytest.raises(Refused):
            people.revise(person, name="x", credentials="", npi="", phone="", roles=[*person.roles, "owner"], by=actor(person))  # fmt: skip


def test_roles_that_do_not_exist_are_refused(olive, cast):
    for wrong in ([], ["god"], ["owner", "root"]):
        assert olive.post(f"/people/{cast.bo.id}", data={"name": "Bo", "roles": wrong}).status_code == 422
    assert Person.get_by_id(cast.bo.id).roles == ["biller"]


def test_a_form_cannot_set_what_it_does_not_show(olive, cast):
    sly = {
        "name": "Bo",
        "roles": ["biller"],
        "password_hash": "x",
        "disabled_at": "2020-01-01",
        "email": "x@x.org",
        "id": "1",
    }
    olive.post(f"/people/{cast.bo.id}", data=sly)
    bo = Person.get_by_id(cast.bo.id)
    assert (bo.email, bo.disabled_at) == ("bo@example.org", None)
    assert sessions.password_fits(bo, PASSWORD)


def test_an_email_belongs_to_one_person(olive, cast):
    answer = olive.post("/people", data=NEW | {"email": "BO@example.org"})
    assert answer.status_code == 422
    assert "belongs to somebody already" in answer.get_data(as_text=True)


@pytest.mark.parametrize("wrong, said", [
    ({"email": "nobody"}, "not an email address"), ({"name": " "}, "Type the name"), ({"npi": "1234567890"}, "check digit"),
])  # fmt: skip
def test_a_wrong_value_is_named_and_nobody_is_added(olive, wrong, said):
    before = Person.select().count()
    answer = olive.post("/people", data=NEW | wrong)
    assert answer.status_code == 422
    assert said in answer.get_data(as_text=True)
    assert "Nia Nolan" in answer.get_data(as_text=True) or "name" in wrong
    assert Person.select().count() == before


def test_a_disabled_person_gets_in_by_no_way_and_enabled_again_by_the_old_one(olive, client_for, cast, app):
    bo = client_for(cast.bo)
    link = link_in(olive.post(f"/people/{cast.bo.id}/invitation"))
    olive.post(f"/people/{cast.bo.id}/disabling")
    right = {"email": cast.bo.email, "password": PASSWORD}
    assert bo.get("/me").status_code == 303
    assert app.test_client().get(link).status_code == 410
    assert app.test_client().post("/sessions", data=right).status_code == 422
    assert olive.post(f"/people/{cast.bo.id}/invitation").status_code == 422
    assert "disabled" in olive.get("/people").get_data(as_text=True)
    olive.post(f"/people/{cast.bo.id}/enabling")
    assert app.test_client().post("/sessions", data=right).status_code == 303
    assert bo.get("/me").status_code == 303, "the old session stays ended"


def test_a_credential_is_kept_and_a_renewal_does_not_overwrite_it(olive, cast):
    path = f"/people/{cast.tess.id}/credentials"
    data = {"kind": "State license", "number": "L-1", "state": "il", "facility": "0", "from_on": "2024-01-01", "until_on": "2025-12-31"}  # fmt: skip
    assert olive.post(path, data=data).status_code == 303
    assert (
        olive.post(path, data=data | {"from_on": "2026-01-01", "until_on": "2099-12-31", "verified": "y"}).status_code
        == 303
    )
    rows = list(Credential.select().order_by(Credential.id))
    assert [(row.state, row.verified_by) for row in rows] == [("IL", None), ("IL", cast.olive.id)]
    page = olive.get(f"/people/{cast.tess.id}/credentials").get_data(as_text=True)
    assert "Earlier" in page
    assert "until Wed Dec 31, 2025" in page
    assert "to Dec 31, 2099" in page


def test_a_credential_that_ends_before_it_begins_or_names_no_state_is_refused(olive, cast):
    path = f"/people/{cast.tess.id}/credentials"
    data = {"kind": "BLS", "facility": "0", "from_on": "2026-01-02", "until_on": "2026-01-01"}
    assert "Check both dates" in olive.post(path, data=data).get_data(as_text=True)
    assert olive.post(path, data={"kind": "BLS", "facility": "0", "state": "5%"}).status_code == 422
    assert olive.post(path, data={"kind": "Made up", "facility": "0"}).status_code == 422
    assert olive.post(path, data={"kind": "BLS", "facility": "999"}).status_code == 422
    assert not Credential.select().exists()


def test_people_see_their_own_credentials_and_no_others(client_for, cast):
    for person, number in ((cast.tess, "T-100"), (cast.stan, "S-200")):
        credentials.hold(
            person, kind="CNIM", number=number,
            until_on=date(2030, 1, 1), verified=True, by=actor(cast.olive), now=NOW,
        )  # fmt: skip
    page = client_for(cast.tess).get("/me").get_data(as_text=True)
    assert "T-100" in page
    assert "S-200" not in page


def test_an_easy_password_is_refused_for_the_names_at_hand(olive, anyone):
    link = link_in(olive.post("/people", data=NEW))
    for easy in ("passwordpassword", "nia nolan nia nolan", "nia@example.org nia", "123456789012345"):
        answer = anyone.post(link, data={"password": easy})
        assert answer.status_code == 422
        assert "easy to guess" in answer.get_data(as_text=True)
    assert not Session.select().join(Person).where(Person.email == "nia@example.org").exists()
