"""Devices and the outbox of notices: through the client, and to a push service that verifies and decrypts."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

import tasks
import views.notices
from actions import Refused, jobs, notices, sessions
from models import SETTINGS, AuditEntry, Credential, CredentialType, Delivery, Device, Job, Notice, Session, db
from practice.notices import TEXTS
from tests.cast import NOW, actor, load
from tests.push_service import PushService, Subscription

ROOT = Path(__file__).resolve().parent.parent
CONTACT = "mailto:desk@practice.example.org"


@pytest.fixture
def service(monkeypatch):
    with PushService() as running:
        settings = dataclasses.replace(SETTINGS, contact=CONTACT, push_origins=(running.origin,))
        for module in (notices, tasks, views.notices):
            monkeypatch.setattr(module, "SETTINGS", settings)
        yield running


@pytest.fixture
def canary():
    """A server inside that nobody may call."""
    with PushService() as running:
        yield running
        assert running.hits == 0


def enroll(client, service) -> tuple[Device, Subscription]:
    subscription = service.subscribe()
    answer = client.post("/me/devices", data={**subscription.form, "by_tap": "y"})
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return Device.select().order_by(Device.id.desc()).get(), subscription


def again() -> None:
    """The wait after a failure is over."""
    Job.update(due_at=NOW, lease_until=NOW).execute()
    tasks.work_off()


def tell(person, edition: str = "30 days") -> Notice:
    return notices.tell(person, what="credential:1", edition=edition, path="/me#credentials", now=NOW)


# Enrolling


def test_a_tap_enrolls_this_device(client_for, cast, service):
    client = client_for(cast.tess)
    device, _ = enroll(client, service)
    assert (device.person_id, device.ended_at, device.proved_at) == (cast.tess.id, None, None)
    page = client.get("/me/devices").get_data(as_text=True)
    assert "Never proved" in page
    assert "(this one)" in page


def test_enrolling_twice_is_one_device(client_for, cast, service):
    client, subscription = client_for(cast.tess), service.subscribe()
    for _ in range(3):
        client.post("/me/devices", data=subscription.form)
    assert Device.select().count() == 1


def test_a_new_subscription_of_the_same_browser_takes_the_place_of_the_old(client_for, cast, service):
    client = client_for(cast.tess)
    old, _ = enroll(client, service)
    new, _ = enroll(client, service)
    assert [row.id for row in Device.live(cast.tess)] == [new.id]
    assert Device.get_by_id(old.id).ended_because == "replaced"


def test_whoever_signs_in_next_on_a_phone_takes_it_over(client_for, cast, service):
    tess, stan = client_for(cast.tess), client_for(cast.stan)
    subscription = service.subscribe()
    tess.post("/me/devices", data=subscription.form)
    stan.post("/me/devices", data=subscription.form)
    assert not list(Device.live(cast.tess))
    assert len(list(Device.live(cast.stan))) == 1


@pytest.mark.parametrize("field", ["endpoint", "p256dh", "auth"])
def test_it_refuses_a_subscription_that_is_not_whole(client_for, cast, service, field):
    client, form = client_for(cast.tess), service.subscribe().form
    for wrong in ("", "AAAA", form[field] + "A" * 300, "\u2028"):
        answer = client.post("/me/devices", data={**form, field: wrong})
        if not (field == "endpoint" and answer.status_code == 303):  # a longer path of the same service is an address
            assert answer.status_code == 422
    assert not Device.select().where(Device.endpoint.not_in([form["endpoint"], form["endpoint"] + "A" * 300])).exists()


def test_without_a_contact_the_page_says_so_and_nothing_is_enrolled(client_for, cast, service):
    settings = dataclasses.replace(SETTINGS, contact="", push_origins=(service.origin,))
    notices.SETTINGS = views.notices.SETTINGS = settings
    client = client_for(cast.tess)
    assert "EVOKED_CONTACT" in client.get("/me/devices").get_data(as_text=True)
    answer = client.post("/me/devices", data=service.subscribe().form)
    assert answer.status_code == 422
    assert not Device.select().exists()


# Looked at again at each opening


def state(client, endpoint: str = "") -> str:
    return client.post("/me/devices/checks", data={"endpoint": endpoint}).get_json()["state"]


def test_a_check_tells_on_off_and_lost(client_for, cast, service):
    client = client_for(cast.tess)
    assert state(client) == "off"
    device, subscription = enroll(client, service)
    assert state(client, subscription.endpoint) == "on"
    assert state(client) == "lost"
    assert state(client, service.subscribe().endpoint) == "lost"


def test_signing_in_anew_keeps_the_device_of_an_idle_session(client_for, cast, service):
    device, subscription = enroll(client_for(cast.tess), service)
    Session.update(expires_at=NOW).execute()
    assert [row.id for row in Device.live(cast.tess)] == [device.id], "an idle phone is told all the same"
    client = client_for(cast.tess)
    assert state(client, subscription.endpoint) == "on"
    assert Device.get().session_id == Session.select().order_by(Session.id.desc()).get().id


def test_another_person_is_not_on_because_the_phone_is(client_for, cast, service):
    _, subscription = enroll(client_for(cast.tess), service)
    assert state(client_for(cast.stan), subscription.endpoint) == "off"


# Turned off


def test_signing_out_ends_the_notices(client_for, cast, service):
    client = client_for(cast.tess)
    enroll(client, service)
    client.post("/sign-out")
    tell(cast.tess)
    tasks.work_off()
    assert service.hits == 0
    assert Notice.get().error == notices.NO_DEVICE


def test_a_disabled_person_is_told_nothing(client_for, cast, service):
    enroll(client_for(cast.tess), service)
    cast.tess.disabled_at, cast.tess.disabled_by = NOW, cast.olive.id
    cast.tess.save()
    tell(cast.tess)
    tasks.work_off()
    assert service.hits == 0


def test_revoking_another_device_signs_it_out(client_for, cast, service):
    phone, desk = client_for(cast.tess), client_for(cast.tess)
    device, _ = enroll(phone, service)
    assert desk.post(f"/devices/{device.id}/revocation").status_code == 303
    assert not list(Device.live(cast.tess))
    assert phone.get("/notices").status_code == 303
    assert desk.get("/notices").status_code == 200


def test_turning_off_here_keeps_me_signed_in(client_for, cast, service):
    client = client_for(cast.tess)
    device, _ = enroll(client, service)
    client.post(f"/devices/{device.id}/revocation")
    assert not list(Device.live(cast.tess))
    assert client.get("/notices").status_code == 200


def test_a_device_is_its_persons_alone(client_for, cast, service):
    device, _ = enroll(client_for(cast.tess), service)
    for person in (cast.stan, cast.olive):
        client = client_for(person)
        for act in ("tests", "proof", "revocation"):
            assert client.post(f"/devices/{device.id}/{act}", data={"reply": "x"}).status_code == 404
    assert len(list(Device.live(cast.tess))) == 1


# Proof


def test_a_reply_to_the_test_proves_the_device(client_for, cast, service):
    client = client_for(cast.tess)
    device, _ = enroll(client, service)
    client.post(f"/devices/{device.id}/tests")
    tasks.work_off()
    shown = service.wait_for(1)[0].body["notification"]
    assert shown["title"] == TEXTS["test"]
    path = shown["navigate"].removeprefix(SETTINGS.base_url)
    assert "Yes, it arrived" in client.get(path).get_data(as_text=True)
    assert Device.get().proved_at is None, "looking at the page proves nothing"
    client.post(f"/devices/{device.id}/proof", data={"reply": path.partition("reply=")[2]})
    assert Device.get().proved_at
    assert Notice.get().acknowledged_by == cast.tess.id
    assert "Proved" in client.get("/me/devices").get_data(as_text=True)


@pytest.mark.parametrize("reply", ["", "0" * 32, "\u2028", "x" * 5000])
def test_a_made_up_reply_proves_nothing(client_for, cast, service, reply):
    client = client_for(cast.tess)
    device, _ = enroll(client, service)
    client.post(f"/devices/{device.id}/tests")
    assert client.get(f"/devices/{device.id}/proof", query_string={"reply": reply}).status_code == 410
    assert client.post(f"/devices/{device.id}/proof", data={"reply": reply}).status_code in (410, 422)
    assert Device.get().proved_at is None


def test_the_reply_of_one_device_proves_no_other(client_for, cast, service):
    phone, tablet = client_for(cast.tess), client_for(cast.tess)
    (first, _), (second, _) = enroll(phone, service), enroll(tablet, service)
    for device in (first, second):
        phone.post(f"/devices/{device.id}/tests")
    tasks.work_off()
    by_endpoint = {one.endpoint: one.body["notification"]["navigate"] for one in service.wait_for(2)}
    reply = by_endpoint[first.endpoint].partition("reply=")[2]
    assert phone.post(f"/devices/{second.id}/proof", data={"reply": reply}).status_code == 422
    assert len(service.messages) == 2, "each test goes to its own device alone"


def test_a_test_is_sent_once_a_minute_however_often_it_is_tapped(client_for, cast, service):
    device, _ = enroll(client_for(cast.tess), service)
    moment = NOW.replace(second=10)
    for seconds in (0, 1, 40):
        notices.test(device, by=actor(cast.tess), now=moment + timedelta(seconds=seconds))
    notices.test(device, by=actor(cast.tess), now=moment + timedelta(seconds=60))
    assert Notice.select().count() == 2


# Sending


def test_what_is_sent_is_signed_encrypted_and_says_nothing(client_for, cast, service):
    enroll(client_for(cast.tess), service)
    tell(cast.tess)
    tasks.work_off()
    message = service.wait_for(1)[0]
    assert message.claims["sub"] == CONTACT
    assert message.claims["k"] == SETTINGS.vapid_public_key
    assert message.headers["ttl"] == "86400"
    shown = message.body["notification"]
    assert (shown["title"], shown["navigate"]) == (
        "Credential alert: open Evoked", f"{SETTINGS.base_url}/me#credentials",
    )  # fmt: skip
    assert set(shown) == {"title", "navigate", "tag", "lang", "app_badge"}
    assert "Tess" not in str(message)


def test_a_claim_for_one_service_is_not_shown_to_the_next(client_for, cast, service, monkeypatch):
    """A re-used claims dict keeps the first service's name, and the second answers 403 (libraries.md)."""
    with PushService() as other:
        settings = dataclasses.replace(SETTINGS, contact=CONTACT, push_origins=(service.origin, other.origin))
        for module in (notices, tasks):
            monkeypatch.setattr(module, "SETTINGS", settings)
        enroll(client_for(cast.tess), service)
        enroll(client_for(cast.tess), other)
        tell(cast.tess)
        tasks.work_off()
        assert (service.refused, other.refused) == ([], [])
        assert (len(service.messages), len(other.messages)) == (1, 1)


def test_the_same_notice_again_is_not_sent_again(client_for, cast, service):
    enroll(client_for(cast.tess), service)
    first = tell(cast.tess)
    tasks.work_off()
    assert [tell(cast.tess).id for _ in range(5)] == [first.id] * 5
    again()
    assert service.hits == 1
    tell(cast.tess, edition="7 days")
    tasks.work_off()
    assert service.hits == 2


def test_a_notice_is_undone_with_what_asked_for_it(cast, service):
    with pytest.raises(ZeroDivisionError), db.atomic():
        tell(cast.tess)
        raise ZeroDivisionError
    assert not Notice.select().exists()
    assert not Job.select().exists()


@pytest.mark.parametrize("status", [404, 410])
def test_a_subscription_that_is_no_more_is_removed(client_for, cast, service, status):
    enroll(client_for(cast.tess), service)
    tell(cast.tess)
    service.answers = [status]
    tasks.work_off()
    assert Device.get().ended_because == "gone"
    assert Notice.get().failed_at
    assert AuditEntry.select().where(AuditEntry.action == "lose", AuditEntry.noun == "device").exists()


@pytest.mark.parametrize("status", [200, 202, 203, 204, 299])
def test_whatever_a_service_says_of_success_is_taken_once(client_for, cast, service, status):
    """pywebpush raises for what is above 202, although RFC 8030 and HTTP call it success."""
    enroll(client_for(cast.tess), service)
    tell(cast.tess)
    service.answers = [status]
    tasks.work_off()
    again()
    assert Notice.get().sent_at
    assert (Delivery.select().count(), service.hits) == (1, 1)


@pytest.mark.parametrize("status", [400, 401, 403, 413, 429, 500, 503])
def test_any_other_answer_is_tried_again_later(client_for, cast, service, status):
    enroll(client_for(cast.tess), service)
    tell(cast.tess)
    service.answers = [status]
    tasks.work_off()
    notice = Notice.get()
    assert (notice.sent_at, notice.failed_at, notice.error) == (None, None, str(status))
    assert Job.get().due_at > Job.get().created_at
    again()
    assert Notice.get().sent_at
    assert len(service.messages) == 1


def test_a_service_that_is_down_is_given_up_at_last_and_it_shows(client_for, cast, service):
    client = client_for(cast.tess)
    enroll(client, service)
    tell(cast.tess)
    service.answers = [503] * 50
    for _ in range(jobs.TRIES + 3):
        again()
    assert service.hits == jobs.TRIES
    assert Notice.get().failed_at
    assert "Not delivered" in client.get("/notices").get_data(as_text=True)


def test_only_the_device_that_failed_is_told_again(client_for, cast, service):
    enroll(client_for(cast.tess), service)
    enroll(client_for(cast.tess), service)
    tell(cast.tess)
    service.answers = [503]
    tasks.work_off()
    again()
    assert service.hits == 3
    assert len({message.endpoint for message in service.messages}) == 2


def test_a_redirect_is_not_followed(client_for, cast, service, canary):
    enroll(client_for(cast.tess), service)
    service.leads_to = f"{canary.origin}/inside"
    service.answers = [301, 302, 303, 307, 308]
    tell(cast.tess)
    for _ in range(5):
        again()
    assert service.hits == 5
    assert Notice.get().sent_at is None


def test_nothing_is_sent_through_a_proxy_of_the_environment(client_for, cast, service, canary, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, canary.origin)
    enroll(client_for(cast.tess), service)
    tell(cast.tess)
    tasks.work_off()
    assert len(service.messages) == 1


def hostile(port: int) -> list[str]:
    """Addresses by which a server is made to call itself or its neighbors."""
    return [
        f"http://127.0.0.1:{port}/", f"https://127.0.0.1:{port}/", f"http://localhost:{port}/", f"http://[::1]:{port}/",
        f"http://[::ffff:127.0.0.1]:{port}/", f"http://2130706433:{port}/", f"http://0x7f000001:{port}/",
        f"http://0177.0.0.1:{port}/", f"http://127.1:{port}/", f"http://0:{port}/", f"http://0.0.0.0:{port}/",
        f"https://fcm.googleapis.com@127.0.0.1:{port}/", f"https://fcm.googleapis.com:x@127.0.0.1:{port}/",
        f"https://127.0.0.1:{port}/fcm.googleapis.com", f"https://127.0.0.1:{port}#.push.apple.com",
        f"https://127.0.0.1:{port}?.push.apple.com", f"https://127.0.0.1:{port}\\.push.apple.com/",
        f"https://127.0.0.1:{port}/%2f.push.apple.com", "https://fcm.googleapis.com:8443/send", "http://fcm.googleapis.com/send",
        "https://fcm.googleapis.com.evil.example/send", "https://evilfcm.googleapis.com/send", "https://push.apple.com.evil.example/",
        "https://evilpush.apple.com/x", "https://.push.apple.com/x", "https://web.push.apple.com./x", "https://fcm.googleapis.com%00.evil/",
        "https://fcm.googleapis.com\u3002evil.example/", "https://ｆcm.googleapis.com/", "https://fcm.googleapis.com\t@127.0.0.1/",
        f"https://fcm.googleapis.com\r\nHost: 127.0.0.1:{port}\r\n/", "https://169.254.169.254/latest/meta-data/", "ftp://fcm.googleapis.com/",
        "file:///etc/passwd", "javascript:alert(1)", "//127.0.0.1/", "https:fcm.googleapis.com/", "https:///fcm.googleapis.com/",
        f"https://x.notify.windows.com:{port}/", "https://user@web.push.apple.com/", "https://fcm.googleapis.com:99999/", "https://[::1/",
        "https://updates.push.services.mozilla.com.127.0.0.1.nip.example/",
    ]  # fmt: skip


def test_no_hostile_address_is_enrolled_or_called(client_for, cast, service, canary):
    client, keys = client_for(cast.tess), service.subscribe().form
    addresses = hostile(int(canary.origin.rpartition(":")[2]))
    assert len(set(addresses)) >= 25
    wrong = [one for one in addresses if client.post("/me/devices", data={**keys, "endpoint": one}).status_code != 422]
    assert not wrong
    assert not Device.select().exists()


def test_an_address_that_came_into_the_table_another_way_is_not_called(client_for, cast, service, canary):
    device, _ = enroll(client_for(cast.tess), service)
    for number, address in enumerate(hostile(int(canary.origin.rpartition(":")[2]))):
        Device.update(endpoint=address).where(Device.id == device.id).execute()
        tell(cast.tess, edition=str(number))
    tasks.work_off()
    assert service.hits == 0
    assert not Delivery.select().exists()


# A worker that dies

DIES = """
import os, signal, sys
import tasks
from actions import jobs, notices
def dies(module, name, before):
    whole = getattr(module, name)
    def half(*args, **given):
        if not before:
            whole(*args, **given)
        os.kill(os.getpid(), signal.SIGKILL)
    setattr(module, name, half)
step = sys.argv[1]
dies(*{"claimed": (tasks, "_push", True), "sent": (notices, "taken", True), "marked": (notices, "taken", False),
       "settled": (jobs, "done", False)}[step])
tasks.drain.call_local()
"""


@pytest.mark.parametrize(("step", "hits"), [("claimed", 1), ("sent", 2), ("marked", 1), ("settled", 1)])
def test_a_killed_worker_loses_no_notice_and_a_second_copy_is_known_as_the_same(client_for, cast, service, step, hits):
    """Between the service's answer and our mark it goes out twice, under one key; on every other step once."""
    enroll(client_for(cast.tess), service)
    tell(cast.tess)
    env = {**os.environ, "EVOKED_CONTACT": CONTACT, "EVOKED_PUSH_HOSTS": service.origin}
    worker = subprocess.Popen([sys.executable, "-c", DIES, step], cwd=ROOT, env=env)
    assert worker.wait(60) == -signal.SIGKILL
    again()
    assert Notice.get().sent_at
    assert Job.get().state == "done"
    assert service.hits == hits
    assert len({message.headers["topic"] for message in service.messages}) == 1
    assert len({message.body["notification"]["tag"] for message in service.messages}) == 1


# Seen


def test_a_notice_waits_until_it_is_acknowledged(client_for, cast, service):
    client = client_for(cast.tess)
    _, subscription = enroll(client, service)
    notice = tell(cast.tess)
    tasks.work_off()
    assert client.post("/me/devices/checks", data={"endpoint": subscription.endpoint}).get_json()["waiting"] == 1
    assert "Not seen yet" in client.get("/notices").get_data(as_text=True)
    assert client.post(f"/notices/{notice.id}/acknowledgement").status_code == 303
    assert client.post("/me/devices/checks", data={}).get_json()["waiting"] == 0
    first = Notice.get().acknowledged_at
    client.post(f"/notices/{notice.id}/acknowledgement")
    assert Notice.get().acknowledged_at == first


def test_nobody_acknowledges_for_another(client_for, cast, service):
    notice = tell(cast.tess)
    assert client_for(cast.olive).post(f"/notices/{notice.id}/acknowledgement").status_code == 404
    assert Notice.get().acknowledged_at is None


def test_ending_a_session_from_the_list_of_devices_ends_its_notices(client_for, cast, service):
    device, _ = enroll(client_for(cast.tess), service)
    sessions.end(device.session, by=actor(cast.tess), now=NOW)
    assert not list(Device.live(cast.tess))
    with pytest.raises(Refused):
        notices.prove(device, reply="x", by=actor(cast.tess), now=NOW)


# The app on the phone


def test_the_service_worker_is_served_for_the_whole_site_and_holds_nobodys_data(anyone, client_for, cast):
    answer = anyone.get("/sw.js")
    assert answer.mimetype == "text/javascript"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.data == client_for(cast.tess).get("/sw.js").data, "the same for everybody"


def test_the_shell_is_the_same_for_everybody(anyone, client_for, cast):
    mine = client_for(cast.tess).get("/offline")
    assert mine.data == anyone.get("/offline").data
    assert "Set-Cookie" not in mine.headers
    assert b"csrf" not in mine.data


def test_everything_the_shell_links_is_kept(anyone):
    import re

    worker = anyone.get("/sw.js").get_data(as_text=True)
    for address in re.findall(r'(?:href|src)="(/static/[^"]+)"', anyone.get("/offline").get_data(as_text=True)):
        assert f'"{address}"' in worker, address


def test_the_manifest_is_whole_and_its_files_are_there(anyone):
    import json

    manifest = json.loads((ROOT / "static/manifest.webmanifest").read_text())
    for icon in [*manifest["icons"], *(icon for one in manifest["shortcuts"] for icon in one["icons"])]:
        assert (ROOT / "static" / icon["src"]).stat().st_size > 200
    found = {(icon["purpose"], icon["sizes"]) for icon in manifest["icons"]}
    assert found >= {(purpose, size) for purpose in ("any", "maskable") for size in ("192x192", "512x512")}
    assert [one["name"] for one in manifest["shortcuts"]] == ["Next case", "My credentials"]


def test_the_next_case_is_one_s_own_and_to_come(client_for, cast):
    from tests.cast import book
    from views import now

    today = now().astimezone(SETTINGS.zone).date()
    for days in (-1, 5, 2):
        book(cast, date_of_service=today + timedelta(days=days))
    soonest = book(cast, date_of_service=today + timedelta(days=1))
    assert client_for(cast.tess).get("/next-case").location == f"/cases/{soonest.id}"
    assert client_for(cast.stan).get("/next-case").location == "/"


def test_the_list_says_what_each_notice_is_about(client_for, cast):
    case = load(cast, "01")
    bls = Credential.create(person=cast.pia, type=CredentialType.get(CredentialType.name == "BLS"))
    for what in (
        f"credential:{bls.id}",
        f"obstacle:{cast.tess.id}",
        f"device:person:{cast.bo.id}",
        f"record:{case.id}",
    ):
        notices.tell(cast.olive, what=what, edition="1", path="/", now=NOW)
    text = client_for(cast.olive).get("/notices").get_data(as_text=True)
    for words in (f"BLS, {cast.pia.name}", cast.tess.name, cast.bo.name, f"{case.facility.name}, Tue Mar"):
        assert words in text, words
    assert case.patient.name not in text
