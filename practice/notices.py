"""What a notice may say, and whom a server may call to deliver it.

A notice crosses other people's machines and a locked screen, so its words come from this closed list and never hold a
patient's or a person's data (reliability.md 2). The details are read after signing in.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from urllib.parse import urlsplit

TEXTS = {
    "test": "Test notice: tap to prove this device",
    "credential": "Credential alert: open Evoked",
    "obstacle": "Somebody is not cleared for a booked case: open Evoked",
    "case": "A case of yours changed: open Evoked",
    "report": "A report waits for you: open Evoked",
    "record": "A record is not closed: open Evoked",
    "packet": "A claim packet is held: open Evoked",
    "device": "Somebody cannot be told: open Evoked",
}
"""By the first word of a notice's `what`, as in credential:12."""
FALLBACK = "Something needs you: open Evoked"
HOSTS = ("fcm.googleapis.com", "web.push.apple.com")
ENDINGS = (".push.services.mozilla.com", ".push.apple.com", ".notify.windows.com")
LONGEST_ENDPOINT = 2000
P, B = 2**256 - 2**224 + 2**192 + 2**96 - 1, 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
"""The field and the constant of the curve P-256 (FIPS 186-4, D.1.2.3)."""


def text_of(what: str) -> str:
    """The words of a notice about `what`."""
    return TEXTS.get(what.split(":")[0], FALLBACK)


def key_of(what: str, edition: str, person: int, channel: str) -> str:
    """The notice's name to others, by which a second copy is known as the same: 32 characters, saying nothing."""
    digest = hashlib.sha256(json.dumps([what, edition, person, channel]).encode()).digest()
    return base64.urlsafe_b64encode(digest[:24]).decode()


def payload(text: str, *, url: str, key: str, waiting: int) -> bytes:
    """The message as Declarative Web Push, which Safari shows by itself and our service worker reads the same way."""
    notification = {"title": text, "navigate": url, "tag": key, "lang": "en-US", "app_badge": str(waiting)}
    return json.dumps({"web_push": 8030, "notification": notification}).encode()


def proof(secret: str, notice: int, device: int) -> str:
    """What only the device that decrypted the test can answer with."""
    return hmac.new(secret.encode(), f"proof:{notice}:{device}".encode(), hashlib.sha256).hexdigest()[:32]


def endpoint_objections(endpoint: str, origins: tuple[str, ...] = ()) -> list[str]:
    """Why the server must not call this address. It comes from a browser, so it may be anything (reliability.md 2).

    Whole names after parsing, never a pattern on the text: https, no port but 443, no user, a push service we know.
    """
    if len(endpoint) > LONGEST_ENDPOINT or not re.fullmatch(r"[\x21-\x7e]+", endpoint) or re.search(r"[\\#]", endpoint):
        return ["The address of the push service is not an address."]
    try:
        parts = urlsplit(endpoint)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        return ["The address of the push service is not an address."]
    if f"{parts.scheme}://{parts.netloc}" in origins:
        return []
    found = []
    if parts.scheme != "https" or port not in (None, 443):
        found.append("A push service is called by https on port 443 only.")
    if "@" in parts.netloc or "[" in parts.netloc or "%" in parts.netloc:
        found.append("The address of a push service holds a plain name.")
    plain = re.fullmatch(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]+", host)
    if not plain or (host not in HOSTS and not host.endswith(ENDINGS)):
        found.append("This browser's push service is not one that Evoked knows.")
    return found


def key_objections(p256dh: str, auth: str) -> list[str]:
    """Why nothing could be encrypted for these keys: not a point of P-256, or not 16 bytes of secret (RFC 8291, 3)."""
    point, secret = _bytes(p256dh), _bytes(auth)
    if len(point) != 65 or point[0] != 4 or len(secret) != 16:
        return ["The keys of this browser's subscription are not whole."]
    x, y = int.from_bytes(point[1:33], "big"), int.from_bytes(point[33:], "big")
    if x >= P or y >= P or (y * y - x * x * x + 3 * x - B) % P:
        return ["The keys of this browser's subscription are not whole."]
    return []


def _bytes(text: str) -> bytes:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,200}=*", text):
        return b""
    try:
        return base64.urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))
    except (binascii.Error, ValueError):
        return b""
