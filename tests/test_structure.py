"""The house rules, read off the source itself: who imports whom, who writes, who looks at a clock."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ("practice", "actions", "views", "models", "tasks", "app", "settings")
OURS = sorted(
    path.relative_to(ROOT).as_posix()
    for layer in LAYERS
    for path in [*(ROOT / layer).rglob("*.py"), ROOT / f"{layer}.py"]
    if path.is_file()
)
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))

MAY_IMPORT = {
    "practice": {"practice"},
    "models": {"settings", "practice"},
    "actions": {"actions", "models", "practice", "settings"},
    "tasks": {"settings", "models", "actions", "practice"},
    "views": {"views", "models", "actions", "tasks", "practice", "settings"},
    "app": {"views", "tasks", "actions", "models", "practice", "settings"},
    "settings": set(),
}
PURE = {"msgspec", "pypdf", "rapidfuzz", "PIL", "openpyxl"}
NETWORK = {"openai", "pywebpush", "requests", "httpx2", "urllib3", "aiohttp", "smtplib", "apprise", "socket", "http"}
NETWORK_MODULES = {"urllib.request", "urllib.error"}
WRITES = {"save", "create", "insert", "insert_many", "update", "delete", "delete_instance", "get_or_create"}
CLOCKS = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"), ("time", "time")}
NO_NAMES = {"utils", "util", "helpers", "helper", "services", "service", "common", "managers", "manager", "lib", "misc"}


def tree(path: str) -> ast.Module:
    return ast.parse((ROOT / path).read_text())


def layer(path: str) -> str:
    return path.split("/")[0].removesuffix(".py")


def imports(path: str) -> Iterator[str]:
    """Every module the file imports, at the top or inside a function, by its full name."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = layer(path) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            yield module
            yield from (f"{module}.{name.name}" for name in node.names)


def roots(path: str) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


def dotted(node: ast.expr) -> str:
    """`a.b.c` of an attribute chain; what is not a name stands as ?."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def of(*layers: str) -> list[str]:
    return [path for path in OURS if layer(path) in layers]


@pytest.mark.parametrize("path", OURS)
def test_imports_point_as_the_design_says(path):
    known = {name for name in roots(path) if name in LAYERS}
    assert known <= MAY_IMPORT[layer(path)], f"{path} imports {known - MAY_IMPORT[layer(path)]}"


@pytest.mark.parametrize("path", of("practice"))
def test_practice_knows_the_trade_and_nothing_else(path):
    allowed = PURE | ({"weasyprint", "jinja2", "markupsafe"} if path == "practice/pdf.py" else set())
    strangers = {name for name in roots(path) - {"practice", "__future__"} if name not in sys.stdlib_module_names}
    assert strangers <= allowed, f"{path} imports {strangers - allowed}"


@pytest.mark.parametrize("path", of("practice"))
def test_practice_has_no_clock(path):
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            called = tuple(dotted(node.func).split(".")[-2:])
            assert called not in CLOCKS, f"{path}:{node.lineno} asks the clock; now and today are arguments"


@pytest.mark.parametrize("path", of("practice", "actions", "models", "tasks", "settings"))
def test_flask_stays_in_the_views(path):
    assert not roots(path) & {"flask", "wtforms", "flask_wtf", "htmx_flask", "werkzeug"}
    if layer(path) != "models":  # where Session is what flask_login signs in
        assert "flask_login" not in roots(path)


@pytest.mark.parametrize("path", [path for path in OURS if path != "tasks.py"])
def test_only_tasks_reaches_the_network(path):
    assert not roots(path) & NETWORK
    assert not set(imports(path)) & NETWORK_MODULES


@pytest.mark.parametrize("path", OURS)
def test_heavy_packages_stay_where_they_run(path):
    assert "weasyprint" not in roots(path) or path == "practice/pdf.py"
    assert not roots(path) & {"openai", "pywebpush", "huey"} or path == "tasks.py"
    top = {alias for node in tree(path).body if isinstance(node, ast.ImportFrom | ast.Import) for alias in names(node)}
    if layer(path) != "practice":
        assert not top & {"practice.pdf", "openai", "pywebpush", "weasyprint"}, f"{path} loads one for every process"


def names(node: ast.ImportFrom | ast.Import) -> set[str]:
    if isinstance(node, ast.Import):
        return {name.name for name in node.names}
    return {node.module or ""} | {f"{node.module}.{name.name}" for name in node.names}


def names_from(path: str, module: str) -> set[str]:
    """What `from module import ...` brings into the file, under the names it has there."""
    return {
        alias.asname or alias.name
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and node.module == module
        for alias in node.names
    }


@pytest.mark.parametrize("path", of("views", "app"))
def test_views_ask_and_never_write(path):
    models, acting = names_from(path, "models"), names_from(path, "actions")
    for node in ast.walk(tree(path)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        name = dotted(node.func)
        assert not name.startswith(("db.atomic", "models.db.atomic", "db.execute_sql")), f"{path}:{node.lineno} {name}"
        written = node.func.attr in WRITES and name.split(".")[0] in models
        assert not written, f"{path}:{node.lineno} {name} writes; an action does that"
        of_a_row = node.func.attr in ("save", "delete_instance") and name.split(".")[0] not in acting
        assert not of_a_row, f"{path}:{node.lineno} {name} writes; an action does that"


def test_no_file_has_a_name_that_says_nothing():
    found = [path for path in OURS if NO_NAMES & set(re.split(r"[/_.]", path))]
    assert not found


def test_the_schema_stays_one_readable_file():
    assert len((ROOT / "models.py").read_text().splitlines()) < 2200


def test_every_template_is_used():
    """By its whole name, or by `page()`, which finds the part of a page by itself."""
    told = "\n".join(path.read_text() for path in [*TEMPLATES, *(ROOT / path for path in OURS)])
    unused = []
    for path in TEMPLATES:
        name = path.relative_to(ROOT / "templates").as_posix()
        whole = name.replace("/_", "/").removeprefix("print/")  # print/ is the root of what practice/pdf.py loads
        if not any(f"{quote}{known}{quote}" in told for known in (name, whole) for quote in "\"'"):
            unused.append(name)
    assert not unused


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.relative_to(ROOT / "templates").as_posix())
def test_templates_hold_no_inline_script_or_style(path):
    if path.parent.name == "print":
        return  # paper has no browser: its style sheet stands in the file that is printed
    text = re.sub(r"{#.*?#}", "", path.read_text(), flags=re.S)
    assert not re.search(r"<style\b|\bstyle\s*=|\bon[a-z]+\s*=\s*[\"']|javascript:", text)
    assert not re.search(r"<script\b(?![^>]*\bsrc=)", text)
    assert not re.search(r"(?:src|href)\s*=\s*[\"'](?:https?:)?//", text), "everything is served from here"


def test_urls_are_nouns_in_kebab_case(app):
    for rule in app.url_map.iter_rules():
        plain = re.sub(r"<[^>]+>", "x", rule.rule)
        assert re.fullmatch(r"/|(/[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)*)+", plain), rule.rule
        verb = re.search(r"/(sign|approve|close|reopen|archive|withdraw|correct|addend|disable)(/|$)", plain)
        assert not verb or "POST" not in rule.methods, f"{rule.rule}: an act is a row with a noun for a URL"


def test_nothing_a_get_does_is_a_write_by_its_name(app):
    """A route answers GET or takes a form, never both by one function; wrong input returns the form with 422."""
    for rule in app.url_map.iter_rules():
        assert not {"GET", "DELETE"} <= rule.methods, rule.rule


def test_building_the_app_opens_no_file_of_the_practice(tmp_path):
    """The web server builds it once and forks: a SQLite connection carried over a fork corrupts the file."""
    code = "import os, app; app.create_app(); print([os.readlink(f.path) for f in os.scandir('/proc/self/fd')])"
    env = {"EVOKED_DATA": str(tmp_path / "kept-here"), "PATH": os.environ["PATH"]}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert "kept-here" not in done.stdout
    assert (tmp_path / "kept-here" / "secrets.json").exists()
