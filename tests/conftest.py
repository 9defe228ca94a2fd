"""A fresh database for each test, a client that reads every page it fetches as a careful person would."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

_DATA = Path(tempfile.mkdtemp(prefix="evoked-test-"))
os.environ["EVOKED_DATA"] = str(_DATA)
for _name in (
    "EVOKED_URL",
    "EVOKED_PRACTICE",
    "EVOKED_MAX_UPLOAD_MB",
    "EVOKED_PORT",
    "EVOKED_PROXIES",
    "OPENAI_BASE_URL",
    "OPENAI_API_KEY",
    "OPENAI_MODEL",
):
    os.environ.pop(_name, None)

import hypothesis  # noqa: E402
import pytest  # noqa: E402
from flask.testing import FlaskClient  # noqa: E402
from itsdangerous import URLSafeTimedSerializer  # noqa: E402

import models  # noqa: E402
from actions import credentials  # noqa: E402
from tests import cast as the_cast  # noqa: E402

hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")
from tests.page_rules import faults  # noqa: E402


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first: of two processes that take a file each, none ends with a long one while the other waits."""
    items.sort(key=lambda item: (not item.nodeid.startswith("tests/browser"), item.nodeid.startswith("tests/practice")))


class Client(FlaskClient):
    """Sends the CSRF token as a page's form would, and checks the rules of every HTML page it gets."""

    def open(self, *args, **kwargs):
        check = kwargs.pop("check", True)
        if kwargs.get("method", "GET") != "GET" and kwargs.pop("csrf", True):
            kwargs["headers"] = {**dict(kwargs.get("headers") or {}), "X-CSRFToken": self._token()}
        answer = super().open(*args, **kwargs)
        if check and answer.mimetype == "text/html" and not 300 <= answer.status_code < 400:
            text = answer.get_data(as_text=True)
            if "<html" in text:
                assert not (found := faults(text)), f"{args}: {found}"
        return answer

    def _token(self) -> str:
        with self.session_transaction() as session:
            raw = session.setdefault("csrf_token", "0" * 40)
        return URLSafeTimedSerializer(self.application.secret_key, salt="wtf-csrf-token").dumps(raw)

    def sign_in(self, person) -> Client:
        answer = self.post("/sessions", data={"email": person.email, "password": the_cast.PASSWORD, "keep": "y"})
        assert answer.status_code == 303, answer.get_data(as_text=True)
        return self


@pytest.fixture(scope="session")
def _template() -> Path:
    """A database with the schema and its guards, made once and copied for each test."""
    models.db.connect(reuse_if_open=True)
    models.db.create_tables(models.TABLES)
    credentials.seed()
    models.AuditEntry.delete().execute()  # a trail begins with the test
    models.install_guards()
    models.db.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    models.db.close()
    kept = _DATA / "template.db"
    shutil.copy(models.SETTINGS.database, kept)
    return kept


@pytest.fixture
def database(_template):
    """An empty database, open."""
    if not models.db.is_closed():
        models.db.close()
    path = models.SETTINGS.database
    for end in ("", "-wal", "-shm"):
        Path(f"{path}{end}").unlink(missing_ok=True)
    shutil.copy(_template, path)
    models.db.connect()
    yield models.db
    if not models.db.is_closed():
        models.db.close()


@pytest.fixture
def cast(database):
    return the_cast.make()


@pytest.fixture(scope="session")
def _app():
    from app import create_app

    app = create_app()
    app.testing = True
    app.test_client_class = Client
    return app


@pytest.fixture
def app(_app, database):
    return _app


@pytest.fixture
def client_for(app, cast):
    """A client signed in as one of the cast: client_for(cast.tess)."""
    return lambda person: app.test_client().sign_in(person)


@pytest.fixture
def anyone(app):
    """A client nobody is signed in on."""
    return app.test_client()


def pytest_sessionfinish(session, exitstatus):
    shutil.rmtree(_DATA, ignore_errors=True)
