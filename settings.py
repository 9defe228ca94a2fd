"""Everything an installation sets, read once from the environment and checked; a wrong value stops the start.

Secrets are made on the first start and kept in EVOKED_DATA/secrets.json, readable by the owner alone.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets as tokens
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

ROOT = Path(__file__).resolve().parent


class BadSetting(Exception):
    """A setting that cannot work, in a sentence that says how to mend it."""


@dataclass(frozen=True)
class Settings:
    """The settings of one installation. See the README's table for what each means."""

    data: Path
    base_url: str
    port: int
    practice_name: str
    practice_address: tuple[str, ...]
    practice_phone: str
    zone: ZoneInfo
    max_upload_mb: int
    trusted_hosts: tuple[str, ...]
    proxies: int
    secret_key: str
    audit_key: bytes
    vapid_private_key: str
    vapid_public_key: str
    contact: str
    """Whom a push service may write to, as a mailto or https address; empty: push is not set up."""
    push_origins: tuple[str, ...]
    """Push services of the practice's own, each as scheme://host:port, beside those of the browsers."""
    exclusions_url: str
    """Where the OIG's exclusion list is downloaded from each month; empty: somebody uploads it."""
    smtp_host: str
    """The server that takes email; empty: email is not set up."""
    smtp_port: int
    smtp_tls: str
    smtp_user: str
    smtp_password: str
    smtp_from: str
    sms_url: str
    """An apprise address with {to} where the phone number goes; empty: text messages are not set up."""
    ping_url: str
    """Called after each whole round of the worker, so that an outside monitor misses it; empty: nobody is called."""
    model_url: str
    model_key: str
    model: str

    @property
    def model_host(self) -> str:
        """Who answers for the language model, with its port; empty when there is none."""
        return urlsplit(self.model_url).netloc

    @property
    def model_is_here(self) -> bool:
        """True when the language model runs on this machine, so that nothing leaves it."""
        return _is_here(urlsplit(self.model_url).hostname or "")

    @property
    def database(self) -> Path:
        return self.data / "evoked.db"

    @property
    def queue(self) -> Path:
        return self.data / "queue.db"

    @property
    def documents(self) -> Path:
        return self.data / "documents"

    @property
    def https(self) -> bool:
        return self.base_url.startswith("https://")


DEFAULTS = {
    "EVOKED_DATA": "instance",
    "EVOKED_PORT": "8000",
    "EVOKED_URL": "http://127.0.0.1:8000",
    "EVOKED_PRACTICE": "Our practice",
    "EVOKED_ADDRESS": "",
    "EVOKED_PHONE": "",
    "EVOKED_ZONE": "America/New_York",
    "EVOKED_MAX_UPLOAD_MB": "25",
    "EVOKED_PROXIES": "0",
    "OPENAI_BASE_URL": "",
    "OPENAI_API_KEY": "",
    "OPENAI_MODEL": "default",
    "EVOKED_CONTACT": "",
    "EVOKED_PUSH_HOSTS": "",
    "EVOKED_EXCLUSIONS_URL": "",
    "EVOKED_SMTP_HOST": "",
    "EVOKED_SMTP_PORT": "587",
    "EVOKED_SMTP_TLS": "starttls",
    "EVOKED_SMTP_USER": "",
    "EVOKED_SMTP_PASSWORD": "",
    "EVOKED_SMTP_FROM": "",
    "EVOKED_SMS_URL": "",
    "EVOKED_PING_URL": "",
}
"""Each environment variable that is read, with its default; the README's table says what each means."""


def load(environ: dict[str, str] | None = None) -> Settings:
    """Read and check the settings. Raises BadSetting; makes the data folder and the secrets when missing."""
    env = {**DEFAULTS, **(os.environ if environ is None else environ)}
    port = _whole(env, "EVOKED_PORT", 1, 65535)
    url = env["EVOKED_URL"] if env["EVOKED_URL"] != DEFAULTS["EVOKED_URL"] else f"http://127.0.0.1:{port}"
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
        raise BadSetting(f"EVOKED_URL is {url!r}; it must be the address people use, such as https://desk.example.org.")
    data = Path(env["EVOKED_DATA"])
    data = data if data.is_absolute() else ROOT / data
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = _secrets(data / "secrets.json")
    except OSError as error:
        raise BadSetting(f"EVOKED_DATA is {env['EVOKED_DATA']!r}; it cannot be written: {error.strerror}.") from error
    return Settings(
        data=data,
        base_url=url.rstrip("/"),
        port=port,
        practice_name=env["EVOKED_PRACTICE"],
        practice_address=tuple(line.strip() for line in env["EVOKED_ADDRESS"].split(";") if line.strip()),
        practice_phone=env["EVOKED_PHONE"],
        zone=_zone(env["EVOKED_ZONE"]),
        max_upload_mb=_whole(env, "EVOKED_MAX_UPLOAD_MB", 1, 500),
        trusted_hosts=(parts.hostname, "127.0.0.1", "localhost"),
        proxies=_whole(env, "EVOKED_PROXIES", 0, 5),
        secret_key=made["secret_key"],
        audit_key=bytes.fromhex(made["audit_key"]),
        vapid_private_key=made["vapid_private_key"],
        vapid_public_key=made["vapid_public_key"],
        model_url=_model_url(env),
        model_key=env["OPENAI_API_KEY"],
        model=env["OPENAI_MODEL"],
        contact=_contact(env["EVOKED_CONTACT"].strip(), url.rstrip("/")),
        push_origins=_origins(env["EVOKED_PUSH_HOSTS"]),
        exclusions_url=_exclusions_url(env["EVOKED_EXCLUSIONS_URL"].strip()),
        **_smtp(env),
        sms_url=_sms_url(env["EVOKED_SMS_URL"].strip()),
        ping_url=_ping_url(env["EVOKED_PING_URL"].strip()),
    )


def _contact(given: str, base_url: str) -> str:
    """The address a push service may write to. Apple answers 403 to one that is not real (libraries.md, pywebpush)."""
    if not given:
        return base_url if base_url.startswith("https://") and _is_public(urlsplit(base_url).hostname or "") else ""
    scheme, _, rest = given.partition(":")
    host = rest.rpartition("@")[2] if scheme == "mailto" else urlsplit(given).hostname or ""
    named = re.fullmatch(r"[^\s@<>,;?/]+@[^\s@<>,;?/]+", rest) if scheme == "mailto" else scheme == "https"
    if not named or not _is_public(host):
        raise BadSetting(
            f"EVOKED_CONTACT is {given!r}; it must be a real address, such as mailto:desk@example.org or "
            "https://example.org. Apple refuses every push of a server that names localhost."
        )
    return given


def _is_public(host: str) -> bool:
    """True for a name that can exist on the internet; not for localhost, an address in numbers or a private ending."""
    labels = host.lower().split(".")
    private = {"localhost", "local", "internal", "lan", "home", "invalid", "test", "example", "arpa", "onion"}
    word = all(re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", label) for label in labels)
    return len(labels) > 1 and word and not labels[-1].isdigit() and labels[-1] not in private


def _origins(given: str) -> tuple[str, ...]:
    """Origins that may be called beside the browsers' own push services: named whole, https, or http to this machine."""
    found = []
    for one in filter(None, (part.strip().rstrip("/") for part in given.split(";"))):
        match = re.fullmatch(r"(https://[a-z0-9.-]+|http://127\.0\.0\.1)(:\d{1,5})?", one)
        if not match:
            raise BadSetting(
                f"EVOKED_PUSH_HOSTS names {one!r}; each must be an origin such as https://push.example.org, "
                "with ; between them."
            )
        found.append(one)
    return tuple(found)


def _exclusions_url(given: str) -> str:
    if given and not re.fullmatch(r"(https://[A-Za-z0-9.-]+|http://127\.0\.0\.1)(:\d{1,5})?/[^\s@]*", given):
        raise BadSetting(
            f"EVOKED_EXCLUSIONS_URL is {given!r}; it must be an https address such as "
            "https://oig.hhs.gov/exclusions/downloadables/UPDATED.csv, or empty."
        )
    return given


def _smtp(env: dict[str, str]) -> dict[str, Any]:
    """The mail server. A password never crosses the network in the clear."""
    host, tls, sender = env["EVOKED_SMTP_HOST"].strip(), env["EVOKED_SMTP_TLS"], env["EVOKED_SMTP_FROM"].strip()
    if host and not re.fullmatch(r"[A-Za-z0-9.-]+", host):
        raise BadSetting(f"EVOKED_SMTP_HOST is {host!r}; it must be the name of a server, such as smtp.example.org.")
    if tls not in ("starttls", "tls", "none"):
        raise BadSetting(f"EVOKED_SMTP_TLS is {tls!r}; it must be starttls, tls, or none for a server on this machine.")
    if host and tls == "none" and not _is_here(host):
        raise BadSetting("EVOKED_SMTP_TLS is 'none'; only a mail server on this machine is spoken to without TLS.")
    if host and not re.fullmatch(r"[^\s@<>,;]+@[^\s@<>,;]+", sender):
        raise BadSetting(f"EVOKED_SMTP_FROM is {sender!r}; it must be the address that mail comes from.")
    return {
        "smtp_host": host, "smtp_tls": tls, "smtp_from": sender, "smtp_user": env["EVOKED_SMTP_USER"],
        "smtp_port": _whole(env, "EVOKED_SMTP_PORT", 1, 65535), "smtp_password": env["EVOKED_SMTP_PASSWORD"],
    }  # fmt: skip


def _sms_url(given: str) -> str:
    """The address may hold a key, so the sentence does not repeat it."""
    if given and (not re.fullmatch(r"[a-z0-9]+://\S+", given) or "{to}" not in given):
        raise BadSetting(
            "EVOKED_SMS_URL must be an apprise address with {to} in place of the phone number, such as "
            "twilio://SID:TOKEN@+15550100/{to}."
        )
    return given


def _ping_url(given: str) -> str:
    if given and not re.fullmatch(r"(https://[A-Za-z0-9.-]+|http://127\.0\.0\.1)(:\d{1,5})?/[^\s@]*", given):
        raise BadSetting("EVOKED_PING_URL must be an https address such as https://hc-ping.com/your-check, or empty.")
    return given


def _whole(env: dict[str, str], name: str, low: int, high: int) -> int:
    try:
        value = int(env[name])
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise BadSetting(f"{name} is {env[name]!r}; it must be a whole number from {low} to {high}.")
    return value


def _model_url(env: dict[str, str]) -> str:
    """Where the language model is; plain http only on this machine."""
    url = env["OPENAI_BASE_URL"].rstrip("/")
    if not url:
        return ""
    parts = urlsplit(url)
    secret = parts.username or parts.password or parts.query
    safe = parts.scheme == "https" or parts.scheme == "http" and _is_here(parts.hostname or "")
    if not parts.hostname or secret or not safe:
        raise BadSetting(
            "OPENAI_BASE_URL must be an https address such as https://api.openai.com/v1, or http on this machine, without a key in it."
        )
    return url


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _zone(name: str) -> ZoneInfo:
    if name not in available_timezones():
        raise BadSetting(f"EVOKED_ZONE is {name!r}; it must be a time zone name such as America/Chicago.")
    return ZoneInfo(name)


def _secrets(path: Path) -> dict[str, str]:
    """The installation's secrets, made once with mode 0600."""
    if not path.exists():
        made = json.dumps(_new_secrets(), indent=1).encode()
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            pass  # another process was first; its secrets are read below
        else:
            with os.fdopen(handle, "wb") as file:
                file.write(made)
                file.flush()
                os.fsync(file.fileno())
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise BadSetting(
            f"{path} cannot be read. Restore it from the backup: without it nobody stays signed in."
        ) from error
    if path.stat().st_mode & 0o077:
        raise BadSetting(f"{path} can be read by others. Run: chmod 600 {path}")
    return found


def _new_secrets() -> dict[str, str]:
    # Imported here: only the very first start needs it, and it is heavy.
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_numbers().private_value.to_bytes(32, "big")
    public = key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return {
        "secret_key": tokens.token_hex(32),
        "audit_key": tokens.token_hex(32),
        "vapid_private_key": _urlsafe(private),
        "vapid_public_key": _urlsafe(public),
    }


def _urlsafe(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
