"""Runs web server and worker under one parent; bin/start comes here when everything is installed.

One of them dying stops the other. Ctrl-C or TERM lets both finish what they do, then nothing is left running.
"""

import argparse
import contextlib
import fcntl
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, NoReturn

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import settings  # noqa: E402

HEALTHY_WITHIN = 60  # seconds, for a slow disk
STOPPED_WITHIN = 40  # seconds: the worker gives a task 30


def main() -> None:
    parser = argparse.ArgumentParser(prog="bin/start", description="Set up and run Evoked until Ctrl-C.")
    parser.add_argument("--demo", action="store_true", help="fill an empty practice with an example first")
    demo = parser.parse_args().demo
    try:
        here = settings.load()
    except settings.BadSetting as error:
        sys.exit(str(error))
    # A stop asked for while things start is as good as one asked for later.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(0))
    lock = only_one(here.data)
    refuse_taken(here.port)
    if command("migrate").returncode:
        sys.exit("The database could not be brought up to date; nothing was started.")
    command("tables", "diagnoses")  # once; without it claims are made all the same, and say that codes were not checked
    if demo and command("demo").returncode:
        print("The example practice was not filled in, for the reason above. Starting with what is there.", flush=True)
    children = {}
    try:
        for name in ("web", "worker"):
            children[name] = start(name, here, lock)
        wait_until_healthy(here.port, children)
        print(f"\nEvoked is at {here.base_url}", flush=True)
        invite_owner()
        print("Ctrl-C stops it.", flush=True)
        watch(children)
    finally:
        stop(children)


def only_one(data: Path) -> IO[str]:
    """The lock on the data folder. The children hold it too: it is free when the last of them is gone."""
    lock = (data / "running.lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        sys.exit(f"Evoked already runs on {data} (process {lock.read().strip() or 'unknown'}). Stop that one first.")
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            sys.exit(f"Port {port} is open to root alone. Choose one above 1023: EVOKED_PORT=8000 bin/start")
        except OSError:
            sys.exit(
                f"Port {port} is taken by another program. Choose another: EVOKED_PORT={port % 65535 + 1} bin/start"
            )


def command(*words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-P", ROOT / "deploy/evoked.py", *words])  # noqa: S603  our own file


def invite_owner() -> None:
    """While nobody owns the practice, show the link that makes the first owner's account."""
    link = subprocess.run([sys.executable, "-P", ROOT / "deploy/evoked.py", "setup-link"], stdout=subprocess.PIPE)  # noqa: S603
    if link.stdout:
        print(f"Make the owner's account here; the link works once:\n{link.stdout.decode()}", end="", flush=True)


def start(name: str, here: settings.Settings, lock: IO[str]) -> subprocess.Popen[bytes]:
    """One child, out of reach of the terminal's Ctrl-C (the parent passes it on), told to stop if the parent is killed."""
    return subprocess.Popen(  # noqa: S603  our own file
        ["/usr/bin/setpriv", "--pdeathsig", "TERM", ROOT / f"deploy/{name}.sh"],
        env={**os.environ, "EVOKED_PORT": str(here.port), "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        pass_fds=[lock.fileno()],
    )


def wait_until_healthy(port: int, children: dict[str, subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + HEALTHY_WITHIN
    while time.monotonic() < deadline:
        refuse_dead(children)
        try:
            page = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            page.request("GET", "/health")
            if page.getresponse().status == 200:
                return
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(0.1)
    fail(f"The web server did not answer within {HEALTHY_WITHIN} seconds. What it said is above.")


def fail(message: str) -> NoReturn:
    """Say why before the children are stopped, not after."""
    print(message, file=sys.stderr, flush=True)
    sys.exit(1)


def watch(children: dict[str, subprocess.Popen[bytes]]) -> None:
    while True:
        refuse_dead(children)
        time.sleep(0.5)


def refuse_dead(children: dict[str, subprocess.Popen[bytes]]) -> None:
    names = {"web": "web server", "worker": "worker"}
    for name, child in children.items():
        if child.poll() is not None:
            fail(
                f"The {names[name]} ended by itself (code {child.returncode}), so everything stops. What it said is above."
            )


def stop(children: dict[str, subprocess.Popen[bytes]]) -> None:
    """Ask both to finish, wait, and only then insist."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    print("\nStopping.", flush=True)
    for child in children.values():
        child.terminate()
    deadline = time.monotonic() + STOPPED_WITHIN
    for child in children.values():
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(max(0.1, deadline - time.monotonic()))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)  # too slow, or left behind by one that was killed itself
        child.wait()
    print("Stopped.", flush=True)


if __name__ == "__main__":
    main()
