"""Measures the main job and prints each figure beside its goal; nothing is asserted.

    .venv/bin/python benchmarks/main_job.py            about two minutes
    .venv/bin/python benchmarks/main_job.py --quick    the small practice alone, few rounds: does it still run

Practices are made up, in a temporary folder; the web server listens on loopback, and all of it is taken away at the
end. CPU is what to trust: wall times, the p99 among them, are as good as the machine is idle. Goals are those of the
performance reference, section 9, which has them as ratios to the Django admin on the same machine.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import serving  # noqa: E402

PASSWORD, BOOKED, RECORDED = "a-made-up-password", 30, 150
"""As in benchmarks.filled, which cannot be imported here: it would open a database."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the main job beside its goals.")
    parser.add_argument("--quick", action="store_true", help="the small practice alone, few rounds")
    quick = parser.parse_args().quick
    print(f"Load of the machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    with tempfile.TemporaryDirectory(prefix="evoked-bench-") as folder:
        papers(json_of("papers", "1" if quick else "7", data=Path(folder) / "papers"))
        grown = {}
        for cases in (1_000,) if quick else (1_000, 100_000):
            data = Path(folder) / str(cases)
            made = json_of("filled", str(cases), data=data)
            heading(f"{cases:,} cases, {made['entries']:,} entries; filled in {made['seconds']} s")
            grown[cases] = json_of("queries", str(cases), data=data)
            with serving.served(data) as (server, cold):
                pages(server, cases, cold, 40 if quick else 400)
        queries(grown)
        heading("Worker")
        with serving.running("worker.sh", data, serving.free_port()) as process:
            time.sleep(4)
            row("memory at rest (PSS)", serving.memory_of(serving.family(process.pid)), "MiB")
    print(f"\nLoad of the machine after: {os.getloadavg()[0]:.1f}")


def json_of(module: str, *arguments: str, data: Path) -> dict[str, Any]:
    """What one of our modules prints, run on a data folder of its own."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("EVOKED_")}
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    done = subprocess.run(command, cwd=ROOT, env={**env, "EVOKED_DATA": str(data)}, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def papers(found: dict[str, Any]) -> None:
    heading("Report and packet, CPU of a warm process")
    for name, milliseconds in found["draft_ms"].items():
        row(f"case {name}: entries to facts, facts to draft", found["fold_ms"][name] + milliseconds, "ms", 50)
    row(f"report PDF, {found['report_pages']} pages", found["report_s"], "s", 0.6)
    row("first PDF of a worker, with its imports", found["first_pdf_s"], "s")
    row(f"packet, {found['packet_pages']} pages, report frozen", found["frozen_s"], "s", 0.1)
    row(f"packet, {found['packet_pages']} pages, from nothing", found["whole_s"], "s", 1.0)
    row("peak memory of the process", found["peak_mib"], "MiB", 160)


def pages(server: serving.Server, cases: int, cold: dict[str, float], count: int) -> None:
    """Two workers, four connections that never rest."""
    row("cold start to the first page, CPU", cold["cpu"], "s", 0.48)
    row("the same, wall", cold["seconds"], "s")
    nobody = serving.Visitor(server.port)
    owner, technologist = (
        serving.Visitor(server.port).sign_in(f"{role}@example.org", PASSWORD) for role in ("owner", "technologist")
    )
    turn = itertools.count()
    newest = lambda: cases - BOOKED - next(turn) % RECORDED  # noqa: E731
    get = lambda who, path: lambda: who.fetch("GET", path)[0]  # noqa: E731
    acts: list[tuple[str, Callable[[], int], float | None]] = [
        ("health", get(nobody, "/health"), None),
        ("case list, owner", get(owner, "/cases"), 6.0),
        ("case list, technologist's own", get(technologist, "/cases"), 6.0),
        ("case", lambda: owner.fetch("GET", f"/cases/{newest()}")[0], 6.8),
        ("record", lambda: owner.fetch("GET", f"/cases/{newest()}/record")[0], None),
        ("today", get(owner, "/"), None),
        ("inbox", get(owner, "/reports"), None),
        ("form POST: a surgeon", lambda: owner.fetch("POST", "/places/surgeons/1", SURGEON)[0], 4.8),
        ("form POST: an entry", lambda: owner.fetch("POST", f"/cases/{newest()}/entries", serving.entry_form())[0], 4.8),
    ]  # fmt: skip
    for name, act, goal in acts:
        found = serving.cost(server, act, count)
        row(f"{name}: CPU", found["cpu"], "ms", goal)
        row(f"{name}: p99", found["p99"], "ms", 51 if name.startswith("case list") else None)
        if found["wrong"]:
            print(f"    answered {found['wrong']}: the figure is not that of the page")
    row("memory of master and both workers (PSS)", serving.memory_of(server.processes()), "MiB", 90)
    for name, visitor in (("sign-in page and all it links to", nobody), ("page after signing in", owner)):
        seen = serving.first_view(visitor)
        row(f"first view, {name}: as sent", seen["sent"] / 1024, "KiB")
        row("    gzipped, as the proxy does", seen["gzip"] / 1024, "KiB", 62)
        row("    requests", seen["requests"], "")


SURGEON = {"name": "Dana Whitlock, MD", "npi": "", "phone": "555-0100", "email": ""}


def queries(grown: dict[int, dict[str, Any]]) -> None:
    """Growth in SQLite's own steps: the goal is 1.5 times those of the small practice and 500."""
    heading("Queries and SQLite steps of a page: " + ", ".join(f"{cases:,} cases" for cases in grown))
    sizes = list(grown)
    for name, small in grown[sizes[0]].items():
        large = grown[sizes[-1]][name]
        grows = large["steps"] > 1.5 * small["steps"] + 500
        counts = "  ".join(
            f"{found[name]['queries']:>4} q {found[name]['steps']:>8,} steps" for found in grown.values()
        )
        odd = "" if large["status"] in (200, 303) else f"  answered {large['status']}"
        print(f"  {name:<46}{counts}{'  grows' if grows else ''}{odd}")


def heading(text: str) -> None:
    print(f"\n{text}", flush=True)


def row(name: str, value: float, unit: str, goal: float | None = None) -> None:
    shown = f"{value:,.0f}" if value >= 100 or unit == "" else f"{value:.2f}" if value < 10 else f"{value:.1f}"
    beside = "" if goal is None else f"goal {goal:g}{'' if value <= goal else '  MISSED'}"
    print(f"  {name:<50}{shown:>9} {unit:<5} {beside}".rstrip(), flush=True)


if __name__ == "__main__":
    main()
