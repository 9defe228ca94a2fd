"""The web server as bin/start runs it, on a loopback port: CPU of a request, slowest of a hundred, memory, cold start."""

from __future__ import annotations

import gzip
import http.client
import os
import re
import signal
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parent.parent
TICK = os.sysconf("SC_CLK_TCK")
PASSES_BEFORE = 20
"""Requests to each page before it is measured, so that both workers have compiled its template."""


class Server:
    """A running web server, and what its processes used."""

    def __init__(self, port: int, process: subprocess.Popen[bytes]) -> None:
        self.port, self.process = port, process

    def processes(self) -> list[int]:
        return family(self.process.pid)

    def workers(self) -> list[int]:
        return self.processes()[1:]

    def cpu(self) -> float:
        """Seconds of CPU that all its processes used, of user and system."""
        return sum(cpu_of(pid) for pid in self.processes())


def family(pid: int) -> list[int]:
    """The process and its descendants."""
    found = [pid]
    for number in found:
        found += [int(child) for child in Path(f"/proc/{number}/task/{number}/children").read_text().split()]
    return found


def cpu_of(pid: int) -> float:
    """CPU seconds of a process, to the nanosecond where the scheduler says it, else in ticks of the clock."""
    try:
        return sum(int(task.read_text().split()[0]) for task in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9
    except (OSError, ValueError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK


def memory_of(pids: list[int]) -> float:
    """MiB of memory that would be free if they were gone: shared pages are counted in proportion."""
    total = 0
    for pid in pids:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        total += int(re.search(r"^Pss:\s+(\d+)", rollup, re.M)[1])
    return total / 1024


@contextmanager
def running(script: str, data: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """One of deploy's scripts on its own data folder, stopped with all it started."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("EVOKED_")}
    process = subprocess.Popen(
        [ROOT / "deploy" / script], env={**env, "EVOKED_DATA": str(data), "EVOKED_PORT": str(port)},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def served(data: Path) -> Iterator[tuple[Server, dict[str, float]]]:
    """The web server, and its cold start: seconds and CPU up to the first answer."""
    port, begun = free_port(), time.monotonic()
    with running("web.sh", data, port) as process:
        server = Server(port, process)
        while time.monotonic() < begun + 60:
            try:
                status, _, _ = Visitor(port).fetch("GET", "/sign-in")
                break
            except OSError:
                time.sleep(0.02)
        seconds = time.monotonic() - begun
        yield server, {"status": status, "seconds": seconds, "cpu": server.cpu()}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Visitor:
    """A browser's cookies and form token, and nothing else of it. Each request is a connection, as a sync worker wants."""

    def __init__(self, port: int) -> None:
        self.port, self.cookies, self.token = port, {}, ""

    def fetch(self, method: str, path: str, fields: dict[str, str] | None = None) -> tuple[int, Any, bytes]:
        headers = {
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            "Accept-Encoding": "gzip",
        }
        body = None
        if fields is not None:
            body = urlencode({"csrf_token": self.token, **fields})
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        for cookie in answer.headers.get_all("Set-Cookie", []):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer.status, answer.headers, content

    def page(self, path: str) -> str:
        status, _, content = self.fetch("GET", path)
        assert status == 200, f"{path}: {status}"
        return content.decode()

    def sign_in(self, email: str, password: str) -> Visitor:
        self.token = token_of(self.page("/sign-in"))
        status, _, _ = self.fetch("POST", "/sessions", {"email": email, "password": password})
        assert status == 303, f"signing in: {status}"
        self.token = token_of(self.page("/me"))
        return self


def token_of(page: str) -> str:
    return re.search(r'name="csrf_token" value="([^"]+)"', page)[1]


def entry_form() -> dict[str, str]:
    """What a technologist sends for one thing that happened, with the id that its page made."""
    return {
        "kind": "event",
        "client_id": str(uuid.uuid4()),
        "at": "09:10",
        "type": "other",
        "text": "Made by a benchmark",
    }


def cost(server: Server, act: Callable[[], int], count: int, connections: int = 4) -> dict[str, float]:
    """CPU milliseconds of a request, and the wall time that 99 of 100 kept to, with this many at once."""
    for _ in range(PASSES_BEFORE):
        act()
    times: list[float] = []
    wrong: list[int] = []

    def visit() -> None:
        for _ in range(count // connections):
            begun = time.perf_counter()
            status = act()
            times.append(time.perf_counter() - begun)
            if status not in (200, 303):
                wrong.append(status)

    before = server.cpu()
    threads = [threading.Thread(target=visit) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times.sort()
    return {
        "cpu": (server.cpu() - before) / len(times) * 1000,
        "p99": times[int(len(times) * 0.99)] * 1000,
        "wrong": wrong[0] if wrong else 0,
    }


def first_view(visitor: Visitor) -> dict[str, int]:
    """Bytes of the sign-in page with all that it links to, and of the page after it: as they are, sent, and gzipped."""
    found = {"raw": 0, "sent": 0, "gzip": 0, "requests": 0}

    def add(path: str) -> str:
        status, headers, content = visitor.fetch("GET", path)
        assert status == 200, f"{path}: {status}"
        zipped = headers.get("Content-Encoding") == "gzip"
        raw = gzip.decompress(content) if zipped else content
        # Pictures are sent as they are.
        packed = len(raw) if path.partition("?")[0].endswith(".png") else min(len(raw), len(gzip.compress(raw, 6)))
        found["raw"] += len(raw)
        found["sent"] += len(content)
        found["gzip"] += packed
        found["requests"] += 1
        return raw.decode(errors="replace")

    page = add("/sign-in" if not visitor.cookies else "/")
    if not visitor.token:
        for path in re.findall(r'<(?:link|script)[^>]+(?:href|src)="([^"]+)"', page):
            add(path.replace("&amp;", "&"))
    return found
