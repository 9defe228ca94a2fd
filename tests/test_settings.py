"""What an installation sets: the README tells all of it, and nonsense stops the start with a sentence."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

import settings
from settings import DEFAULTS, ROOT, BadSetting, load


def told() -> dict[str, str]:
    """Name and default of each setting in the README's table."""
    rows = re.findall(r"^\| `((?:EVOKED|OPENAI)_\w+)` \| (.*?) \|", (ROOT / "README.md").read_text(), flags=re.M)
    return {name: "" if default == "empty" else default.strip("`") for name, default in rows}


def test_the_readme_tells_every_setting_and_its_default():
    assert told() == DEFAULTS


def test_no_other_variable_is_read():
    """In the source a setting is read by settings.py, and by the shell script that binds the port."""
    for path in [*ROOT.glob("*.py"), *(ROOT / "practice").rglob("*.py"), *(ROOT / "actions").rglob("*.py")]:
        found = set(re.findall(r"(?:EVOKED|OPENAI)_[A-Z_]+", path.read_text()))
        assert found <= DEFAULTS.keys(), path
        assert path.name == "settings.py" or "os.environ[" not in path.read_text(), path


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("EVOKED_PORT", "0", "EVOKED_PORT is '0'; it must be a whole number from 1 to 65535."),
        ("EVOKED_PORT", "eight", "EVOKED_PORT is 'eight'; it must be a whole number from 1 to 65535."),
        ("EVOKED_MAX_UPLOAD_MB", "501", "EVOKED_MAX_UPLOAD_MB is '501'; it must be a whole number from 1 to 500."),
        ("EVOKED_PROXIES", "-1", "EVOKED_PROXIES is '-1'; it must be a whole number from 0 to 5."),
        ("EVOKED_URL", "desk.example.org", "it must be the address people use, such as https://desk.example.org."),
        ("EVOKED_URL", "ftp://desk.example.org", "it must be the address people use"),
        ("EVOKED_URL", "https://desk.example.org/evoked", "it must be the address people use"),
        ("EVOKED_ZONE", "Chicago", "EVOKED_ZONE is 'Chicago'; it must be a time zone name such as America/Chicago."),
    ],
)
def test_a_wrong_value_stops_the_start_with_a_sentence(tmp_path, name, value, sentence):
    with pytest.raises(BadSetting, match=re.escape(sentence)):
        load({"EVOKED_DATA": str(tmp_path), name: value})


def test_a_command_says_the_sentence_and_no_traceback(tmp_path):
    done = subprocess.run(
        [sys.executable, "-P", ROOT / "deploy/evoked.py", "setup-link"],
        env={"EVOKED_DATA": str(tmp_path), "EVOKED_PORT": "0"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "EVOKED_PORT is '0'; it must be a whole number from 1 to 65535.\n"


def test_secrets_are_made_once_and_are_for_their_owner_alone(tmp_path):
    first, second = (load({"EVOKED_DATA": str(tmp_path)}) for _ in range(2))
    assert first == second
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert len(set(json.loads((tmp_path / "secrets.json").read_text()).values())) == 4


def test_two_installations_share_no_secret(tmp_path):
    one, two = (load({"EVOKED_DATA": str(tmp_path / name)}) for name in ("one", "two"))
    for name in ("secret_key", "audit_key", "vapid_private_key", "vapid_public_key"):
        assert getattr(one, name) != getattr(two, name)


def test_it_refuses_secrets_that_others_can_read(tmp_path):
    load({"EVOKED_DATA": str(tmp_path)})
    (tmp_path / "secrets.json").chmod(0o644)
    with pytest.raises(BadSetting, match="can be read by others. Run: chmod 600"):
        load({"EVOKED_DATA": str(tmp_path)})


def test_it_refuses_secrets_that_are_damaged(tmp_path):
    (tmp_path / "secrets.json").write_text("{")
    (tmp_path / "secrets.json").chmod(0o600)
    with pytest.raises(BadSetting, match="cannot be read. Restore it from the backup"):
        load({"EVOKED_DATA": str(tmp_path)})


def test_a_relative_data_folder_stands_in_the_clone(tmp_path, monkeypatch):
    """From any working directory the same practice opens."""
    monkeypatch.setattr(settings, "ROOT", tmp_path / "clone")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert load({}).data == tmp_path / "clone" / "instance"
    assert not list((tmp_path / "elsewhere").iterdir())


def test_the_address_follows_the_port(tmp_path):
    assert load({"EVOKED_DATA": str(tmp_path), "EVOKED_PORT": "8123"}).base_url == "http://127.0.0.1:8123"
