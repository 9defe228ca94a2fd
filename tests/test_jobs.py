"""Work without a person: rows decide, the queue only wakes. Real worker processes, killed for real."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

import pytest

import tasks
from actions import jobs, reports
from models import SETTINGS, Document, Heartbeat, Job, Run, db
from tests.cast import NOW, actor, load

ROOT = Path(__file__).resolve().parent.parent
DIES = """
import os, signal, sys
import tasks
from actions import documents, jobs
def dies_after(module, name):
    whole = getattr(module, name)
    def half(*args, **given):
        whole(*args, **given)
        os.kill(os.getpid(), signal.SIGKILL)
    setattr(module, name, half)
dies_after({"claim": jobs, "put": documents, "store": documents, "done": jobs}[sys.argv[1]], sys.argv[1])
tasks.drain.call_local()
"""
"""A worker that is killed in the middle of a job: after the claim, with the file written and its row not, with the row
written and not committed, or with everything done."""


def python(code: str, *args: str) -> subprocess.Popen:
    env = {**os.environ, "EVOKED_DATA": str(SETTINGS.data)}
    return subprocess.Popen([sys.executable, "-c", code, *args], cwd=ROOT, env=env)


def asked(cast, number: str = "01"):
    report = reports.draft(load(cast, number), by=actor(cast.tess), now=NOW)
    Job.delete().where(Job.kind == "unbilled").execute()  # a closed case is also counted as money that waits
    reports.ask_for_pdf(report, now=NOW)
    return report


def let_the_lease_run_out() -> None:
    Job.update(lease_until=NOW).execute()


def test_the_same_key_is_the_same_work(cast):
    first = jobs.ask("report_pdf", "one", 1, due_at=NOW)
    assert jobs.ask("report_pdf", "one", 1, due_at=NOW + timedelta(days=1)).id == first.id
    assert Job.select().count() == 1


def test_asking_is_undone_with_what_asked(cast):
    with pytest.raises(ZeroDivisionError), db.atomic():
        jobs.ask("report_pdf", "one", 1, due_at=NOW)
        raise ZeroDivisionError
    assert not Job.select().exists()


def test_a_claimed_job_is_nobody_elses_until_its_lease_runs_out(cast):
    jobs.ask("report_pdf", "one", 1, due_at=NOW)
    assert jobs.claim(now=NOW, owner="a").owner == "a"
    assert jobs.claim(now=NOW, owner="b") is None
    assert jobs.claim(now=NOW + jobs.LEASE, owner="b").owner == "b"


def test_a_renewed_lease_lasts(cast):
    jobs.ask("report_pdf", "one", 1, due_at=NOW)
    job = jobs.claim(now=NOW, owner="a")
    assert jobs.renew(job, now=NOW + timedelta(minutes=1))
    assert jobs.claim(now=NOW + jobs.LEASE, owner="b") is None


def test_work_that_is_not_due_waits(cast):
    jobs.ask("report_pdf", "one", 1, due_at=NOW + timedelta(minutes=1))
    assert jobs.claim(now=NOW, owner="a") is None


def test_the_effect_of_somebody_who_lost_the_job_is_undone(cast):
    jobs.ask("report_pdf", "one", 1, due_at=NOW)
    slow = jobs.claim(now=NOW, owner="slow")
    quick = jobs.claim(now=NOW + jobs.LEASE, owner="quick")
    jobs.done(quick, lambda: jobs.beat("quick", now=NOW), now=NOW)
    with pytest.raises(jobs.LeaseLost):
        jobs.done(slow, lambda: jobs.beat("slow", now=NOW), now=NOW)
    assert [row.name for row in Heartbeat.select()] == ["quick"]


def test_a_failing_job_waits_longer_each_time_and_then_is_dead(cast):
    jobs.ask("report_pdf", "one", 1, due_at=NOW)
    moment, waits = NOW, []
    while job := jobs.claim(now=moment, owner="a"):
        jobs.failed(job, "ValueError", now=moment)
        job = Job.get_by_id(job.id)
        waits.append(job.due_at - moment)
        moment = job.due_at
    assert job is None
    assert Job.get().state == "dead"
    assert len(waits) == jobs.TRIES
    assert waits == sorted(waits)
    assert waits[0] == timedelta(minutes=1)


def test_a_job_that_takes_its_worker_down_each_time_ends_dead(cast):
    jobs.ask("report_pdf", "one", 1, due_at=NOW)
    moment = NOW
    for _ in range(jobs.TRIES):
        assert jobs.claim(now=moment, owner="a")
        moment += jobs.LEASE
    assert jobs.claim(now=moment, owner="a") is None
    assert jobs.bury(now=moment) == 1
    assert Job.get().state == "dead"


def test_asking_again_gives_a_dead_job_a_new_chance(cast):
    job = jobs.ask("report_pdf", "one", 1, due_at=NOW)
    Job.update(state="dead", tries=8).execute()
    assert jobs.ask("report_pdf", "one", 1, due_at=NOW).state == "ready"
    assert jobs.claim(now=NOW, owner="a").id == job.id


def test_one_poisoned_job_does_not_stop_the_others(cast):
    jobs.ask("report_pdf", "poisoned", 999, due_at=NOW - timedelta(hours=1))
    jobs.ask("no such kind", "unknown", 1, due_at=NOW - timedelta(minutes=30))
    report = asked(cast)
    assert tasks.work_off() == 3
    states = dict(Job.select(Job.key, Job.state).tuples())
    assert states == {"poisoned": "ready", "unknown": "ready", f"pdf:{reports.edition(report)}": "done"}
    assert Document.get().kind == "report_draft"


def test_errors_kept_on_a_job_quote_no_data(cast):
    jobs.ask("report_pdf", "poisoned", 999, due_at=NOW)
    tasks.work_off()
    assert Job.get().error == "ReportDoesNotExist"


@pytest.mark.parametrize("step", ["claim", "put", "store", "done"])
def test_a_killed_worker_s_job_is_done_exactly_once_after_the_lease(cast, step):
    for old in SETTINGS.documents.glob("*/*.pdf"):
        old.unlink()
    asked(cast)
    assert python(DIES, step).wait(60) == -signal.SIGKILL
    assert Job.get().state == ("done" if step == "done" else "running")
    assert Document.select().count() == (step == "done")
    assert len(list(SETTINGS.documents.glob("*/*.pdf"))) == (step != "claim")
    assert tasks.work_off() == 0, "the lease still stands"
    let_the_lease_run_out()
    assert python("import tasks; tasks.drain.call_local()").wait(60) == 0
    assert Job.get().state == "done"
    assert Job.get().tries == (1 if step == "done" else 2)
    assert Document.select().count() == 1
    assert len(list(SETTINGS.documents.glob("*/*.pdf"))) == 1
    assert tasks.work_off() == 0


def test_two_workers_share_the_work_and_do_each_piece_once(cast):
    for number in ("01", "02", "03", "07"):
        asked(cast, number)
    workers = [python("import tasks; tasks.drain.call_local()") for _ in range(2)]
    assert [worker.wait(120) for worker in workers] == [0, 0]
    assert {job.state for job in Job.select()} == {"done"}
    assert {job.tries for job in Job.select()} == {1}
    assert Document.select().count() == 4


def test_a_slow_job_keeps_its_lease(cast, monkeypatch):
    """The lease is renewed by a thread while the work lasts, so a second worker leaves it alone."""
    monkeypatch.setattr(jobs, "LEASE", timedelta(seconds=1))
    taken = []

    def slow(_: int) -> tasks.Effect:
        time.sleep(2.5)
        other = threading.Thread(target=lambda: taken.append(jobs_of_another()))
        other.start()
        other.join()
        return lambda: None

    def jobs_of_another():
        with db.connection_context():
            return jobs.claim(now=tasks._now(), owner="other")

    monkeypatch.setitem(tasks.WORK, "slow", slow)
    jobs.ask("slow", "slow", 1, due_at=NOW)
    assert tasks.work_off() == 1
    assert taken == [None]
    assert Job.get().state == "done"


def test_a_job_that_never_ends_is_given_up(cast, monkeypatch):
    monkeypatch.setattr(tasks, "SECONDS", 0.2)
    monkeypatch.setitem(tasks.WORK, "endless", lambda _: time.sleep(30))
    jobs.ask("endless", "endless", 1, due_at=NOW)
    started = time.monotonic()
    with pytest.raises(SystemExit):
        tasks.work_off()
    assert time.monotonic() - started < 5
    assert Job.get().error == "TimeoutError"


def test_a_process_that_met_a_limit_ends_even_when_the_library_went_on(cast, monkeypatch):
    """A signal that a library took for an error of its own has interrupted it all the same."""

    def swallows(_: int) -> tasks.Effect:
        with suppress(TimeoutError):
            time.sleep(5)
        return lambda: None

    monkeypatch.setattr(tasks, "SECONDS", 0.2)
    monkeypatch.setitem(tasks.WORK, "swallows", swallows)
    jobs.ask("swallows", "swallows", 1, due_at=NOW)
    with pytest.raises(SystemExit):
        tasks.work_off()
    assert Job.get().state == "done"


DAMAGED = """
import signal, sys, time
import tasks
from huey.bin.huey_consumer import consumer_main
broken = []
def endless(_):
    broken.append(True)
    signal.setitimer(signal.ITIMER_REAL, 0.2)  # its limit, sooner than that of the job after it
    time.sleep(60)
def printed(report):
    assert not broken, "a library that was interrupted is asked for more"
    return whole(report)
whole = tasks.WORK["report_pdf"]
tasks.WORK |= {"endless": endless, "report_pdf": printed}
sys.argv = ["huey_consumer", "tasks.huey", *"-k process -w 1 -c 1 -m 1 -f -g TERM -t 30".split()]
consumer_main()
"""
"""The consumer with a kind of work that meets its limit, and that leaves the library of the next one broken behind it."""


def test_the_job_after_one_that_met_its_limit_is_done_by_a_sound_process(cast):
    tasks.huey.flush()
    jobs.ask("endless", "endless", 1, due_at=NOW - timedelta(days=1))
    asked(cast)
    worker = subprocess.Popen(
        [sys.executable, "-c", DAMAGED], cwd=ROOT, env={**os.environ, "EVOKED_DATA": str(SETTINGS.data)},
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        until = time.monotonic() + 60
        while not Document.select().where(Document.kind == "report_draft").exists():
            assert time.monotonic() < until, [(job.kind, job.state, job.error) for job in Job.select()]
            time.sleep(0.2)
    finally:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
    assert Job.get(Job.kind == "endless").error == "TimeoutError"
    assert (Job.get(Job.kind == "report_pdf").tries, Job.get(Job.kind == "report_pdf").error) == (1, "")


def test_a_running_worker_does_what_it_is_woken_for_and_what_it_finds_at_start(cast):
    """The consumer as it is started in real life: woken, killed with -9, started again."""
    tasks.huey.flush()  # what other tests woke it for
    asked(cast, "01")
    command = [
        str(Path(sys.executable).parent / "huey_consumer"), "tasks.huey",
        "-k", "process", "-w", "1", "-c", "1", "-m", "1", "-f", "-g", "TERM", "-t", "30",
    ]  # fmt: skip
    env = {**os.environ, "EVOKED_DATA": str(SETTINGS.data)}

    def consumer() -> subprocess.Popen:
        return subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.DEVNULL, start_new_session=True)

    def wait_for(count: int) -> None:
        until = time.monotonic() + 60
        while Document.select().where(Document.kind == "report_draft").count() < count:
            assert time.monotonic() < until, [(job.kind, job.state, job.error) for job in Job.select()]
            time.sleep(0.2)

    worker = consumer()
    try:
        wait_for(1)
        until = time.monotonic() + 60  # whatever hindered the start, the schedule's first minute gives the sign
        while not Heartbeat.select().where(Heartbeat.name == "worker").exists():
            assert time.monotonic() < until, "no sign of life"
            time.sleep(0.2)
        asked(cast, "02")
        tasks.wake()
        wait_for(2)
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
        asked(cast, "03")
        worker = consumer()
        wait_for(3)
    finally:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
    assert {row.name for row in Run.select()} == set(jobs.NIGHTLY)


def test_the_queue_holds_names_only_and_belongs_to_its_owner():
    tasks.huey.flush()  # a worker that was killed leaves its minute's tick
    tasks.wake()
    assert stat.S_IMODE(SETTINGS.queue.stat().st_mode) == 0o600
    with sqlite3.connect(SETTINGS.queue) as queue:
        rows = [bytes(data) for (data,) in queue.execute("SELECT data FROM task")]
    assert rows
    assert all(row.startswith(b"[") and b"drain" in row for row in rows)
    tasks.huey.flush()


def test_nightly_work_is_made_once_a_day_and_catches_up(cast):
    jobs.slot(now=NOW)
    jobs.slot(now=NOW + timedelta(hours=1))
    assert Run.select().count() == len(jobs.NIGHTLY)
    jobs.slot(now=NOW + timedelta(days=3))
    days = [row.local_date for row in Run.select().where(Run.name == "anchor").order_by(Run.local_date)]
    assert days == [days[0] + timedelta(days=n) for n in range(4)]
    assert isinstance(days[0], date)
    assert Job.select().where(Job.kind == "anchor").count() == 2, "the newest slot alone has work after an outage"


def test_the_nightly_work_leaves_an_anchor_and_a_backup(cast):
    load(cast, "01")
    jobs.slot(now=NOW)
    tasks.work_off()
    assert {job.state for job in Job.select()} == {"done"}
    assert Run.select().where(Run.done_at.is_null()).count() == 0
    assert (SETTINGS.data / "audit.anchors").exists()
    assert (SETTINGS.data / "backups" / "nightly" / "evoked.db").exists()


def test_what_prints_is_never_loaded_by_a_web_process():
    code = "import app, sys; app.create_app(); assert not {'weasyprint', 'pypdf', 'PIL'} & set(sys.modules)"
    assert python(code).wait(60) == 0
