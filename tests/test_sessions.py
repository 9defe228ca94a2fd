"""Signing in and out: sessions are rows, every failure has one answer."""

from __future__ import annotations

import re
from datetime import timedelta

from actions import sessions
from models import LoginAttempt, Session
from tests.cast import NOW, PASSWORD, actor


def test_signing_in_opens_todays_page(client_for, cast):
    answer = client_for(cast.tess).get("/")
    assert answer.status_code == 200


def test_a_visitor_is_asked_to_sign_in_and_comes_back_where_they_were_going(anyone, cast):
    answer = anyone.get("/me")
    assert answer.status_code == 303
    assert answer.location == "/sign-in?next=/me"
    answer = anyone.post(
        answer.location.replace("/sign-in", "/sessions"), data={"email": cast.tess.email, "password": PASSWORD}
    )
    assert answer.location == "/me"


def test_it_never_sends_anybody_to_another_site(anyone, cast):
    for target in ("https://evil.example", "//evil.example", "/\\evil.example", "evil"):
        answer = anyone.post(f"/sessions?next={target}", data={"email": cast.tess.email, "password": PASSWORD})
        assert answer.location in ("/", None) or answer.location.startswith("/"), target
        assert "evil" not in (answer.location or "")
        anyone.post("/sign-out")


def test_signing_out_ends_the_session_wherever_the_cookie_is(client_for, cast, app):
    client = client_for(cast.tess)
    cookie = client.get_cookie("evoked").value
    client.post("/sign-out")
    thief = app.test_client()
    thief.set_cookie("evoked", cookie)
    assert thief.get("/me").status_code == 303


def test_disabling_a_person_ends_their_sessions_at_once(client_for, cast):
    tess, olive = client_for(cast.tess), client_for(cast.olive)
    assert tess.get("/me").status_code == 200
    assert olive.post(f"/people/{cast.tess.id}/disabling").status_code == 303
    assert tess.get("/me").status_code == 303


def test_revoking_a_device_ends_it_and_nobody_can_revoke_anothers(client_for, cast):
    phone, desk, stan = client_for(cast.tess), client_for(cast.tess), client_for(cast.stan)
    session = Session.select().where(Session.person == cast.tess.id).order_by(Session.id).first()
    assert stan.post(f"/sessions/{session.id}/end").status_code == 404
    assert desk.post(f"/sessions/{session.id}/end").status_code == 303
    assert phone.get("/me").status_code == 303
    assert desk.get("/me").status_code == 200


def test_every_failure_has_the_same_answer(anyone, cast):
    from actions import people

    people.disable(cast.stan, by=actor(cast.olive), now=NOW)
    answers = set()
    for email in (cast.tess.email, cast.stan.email, "nobody@example.org"):
        answer = anyone.post("/sessions", data={"email": email, "password": "wrong wrong wrong"})
        assert answer.status_code == 422
        # The token of the form is of the second, so it differs and says nothing of the account.
        plain = re.sub(r"[\w-]{10,}\.[\w-]{6}\.[\w-]{27}", "", answer.get_data(as_text=True))
        answers.add(plain.replace(email, ""))
    assert len(answers) == 1
    assert sessions.FAILED in answers.pop().replace("&#39;", "'")


def test_too_many_tries_shut_the_account_even_for_the_right_password(anyone, cast):
    for _ in range(sessions.TRIES_PER_ACCOUNT):
        anyone.post("/sessions", data={"email": cast.tess.email, "password": "wrong wrong wrong"})
    answer = anyone.post("/sessions", data={"email": cast.tess.email, "password": PASSWORD})
    assert answer.status_code == 422
    LoginAttempt.update(at=LoginAttempt.get().at - timedelta(minutes=16)).execute()
    answer = anyone.post("/sessions", data={"email": cast.tess.email, "password": PASSWORD})
    assert answer.status_code == 303


def test_an_idle_session_runs_out_and_a_used_one_is_prolonged(cast):
    session = sessions.sign_in(email=cast.tess.email, password=PASSWORD, device="", keep=False, address="", now=NOW)
    assert Session.live(session.token, NOW + timedelta(minutes=59))
    assert not Session.live(session.token, NOW + timedelta(minutes=61))
    sessions.seen(session, now=NOW + timedelta(minutes=50))
    assert Session.live(session.token, NOW + timedelta(minutes=100))


def test_no_session_outlives_its_longest_life(cast):
    session = sessions.sign_in(email=cast.tess.email, password=PASSWORD, device="", keep=False, address="", now=NOW)
    moment = NOW
    while moment < NOW + timedelta(hours=13):
        moment += timedelta(minutes=30)
        sessions.seen(Session.get_by_id(session.id), now=moment)
    assert not Session.live(session.token, moment)


def test_the_cookie_of_before_signing_in_is_not_carried_over(app, cast):
    client = app.test_client()
    client.get("/sign-in")
    before = client.get_cookie("evoked").value
    client.sign_in(cast.tess)
    assert client.get_cookie("evoked").value != before


def test_a_changed_password_signs_the_other_devices_out(client_for, cast):
    phone, desk = client_for(cast.tess), client_for(cast.tess)
    answer = desk.post("/me/password", data={"current": PASSWORD, "password": "seven green bottles on a wall"})
    assert answer.status_code == 303
    assert phone.get("/me").status_code == 303
    assert desk.get("/me").status_code == 200


def test_a_short_password_is_refused_with_what_to_do(client_for, cast):
    answer = client_for(cast.tess).post("/me/password", data={"current": PASSWORD, "password": "short"})
    assert answer.status_code == 422
    assert "at least 15 characters" in answer.get_data(as_text=True)


def test_a_post_without_the_token_is_refused(client_for, cast):
    answer = client_for(cast.tess).post("/sign-out", csrf=False)
    assert answer.status_code == 400


def test_pages_are_not_stored_and_carry_the_safety_headers(client_for, cast):
    headers = client_for(cast.tess).get("/me").headers
    assert headers["Cache-Control"] == "no-store"
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "HX-Request" in headers["Vary"]
