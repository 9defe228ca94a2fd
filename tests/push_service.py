"""A push service on loopback: it verifies VAPID (RFC 8292) and decrypts aes128gcm (RFC 8291) as a browser would.

Written from the RFCs with `cryptography` alone, so that it shares no code with what sends.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def point(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def hkdf(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)


@dataclass
class Subscription:
    """One browser's keys and its address at the service."""

    endpoint: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(16))

    @property
    def form(self) -> dict[str, str]:
        """What the browser hands to the page that asked for it."""
        return {"endpoint": self.endpoint, "p256dh": b64(point(self.key)), "auth": b64(self.secret)}

    def decrypt(self, body: bytes) -> bytes:
        """RFC 8291, 3.4 and RFC 8188, 2.1: one record, ended by 0x02."""
        salt, size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        sender, sealed = body[21 : 21 + length], body[21 + length :]
        assert len(sealed) <= size
        shared = self.key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender))
        secret = hkdf(self.secret, shared, b"WebPush: info\0" + point(self.key) + sender, 32)
        content_key = hkdf(salt, secret, b"Content-Encoding: aes128gcm\0", 16)
        nonce = hkdf(salt, secret, b"Content-Encoding: nonce\0", 12)
        plain, _, padding = AESGCM(content_key).decrypt(nonce, sealed, None).rpartition(b"\x02")
        assert not padding.strip(b"\0")
        return plain


@dataclass
class Message:
    """A push that was accepted: to whom, how, and what the browser reads."""

    endpoint: str
    headers: dict[str, str]
    claims: dict[str, object]
    body: dict[str, object]


class PushService:
    """Runs while it is entered. `answers` are statuses given to the next calls instead of a 201; 302 leads to `leads_to`."""

    def __init__(self) -> None:
        self.subscriptions: dict[str, Subscription] = {}
        self.messages: list[Message] = []
        self.refused: list[str] = []
        self.answers: list[int] = []
        self.hits = 0
        self.leads_to = ""
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.origin = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> PushService:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def subscribe(self) -> Subscription:
        path = f"/send/{secrets.token_urlsafe(16)}"
        self.subscriptions[path] = Subscription(self.origin + path)
        return self.subscriptions[path]

    def wait_for(self, count: int, seconds: float = 20) -> list[Message]:
        """The messages, once there are so many of them."""
        deadline = time.monotonic() + seconds
        while len(self.messages) < count and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(self.messages) >= count, f"{len(self.messages)} came, refused: {self.refused}"
        return self.messages

    def take(self, path: str, headers: dict[str, str], body: bytes) -> int:
        """Verify and decrypt as RFC 8030 and its followers ask; the status to answer."""
        self.hits += 1
        if self.answers:
            return self.answers.pop(0)
        subscription = self.subscriptions.get(path)
        if subscription is None:
            return 410
        try:
            claims = self._claims(headers["authorization"])
            assert headers["content-encoding"] == "aes128gcm"
            assert int(headers["ttl"]) > 0
            assert len(headers.get("topic", "")) <= 32
            message = json.loads(subscription.decrypt(body))
        except Exception as error:  # whatever is wrong with it, a push service refuses it
            self.refused.append(repr(error))
            return 403
        self.messages.append(Message(subscription.endpoint, headers, claims, message))
        return 201

    def _claims(self, authorization: str) -> dict[str, object]:
        """The claims of the VAPID token, once its signature and they are in order (RFC 8292, 2 and 3)."""
        scheme, _, rest = authorization.partition(" ")
        parts = dict(part.strip().split("=", 1) for part in rest.split(","))
        assert scheme == "vapid"
        head, claims, signature = parts["t"].split(".")
        assert json.loads(unb64(head)) == {"typ": "JWT", "alg": "ES256"}
        raw = unb64(signature)
        r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), unb64(parts["k"]))
        key.verify(utils.encode_dss_signature(r, s), f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
        found = json.loads(unb64(claims))
        assert found["aud"] == self.origin, found["aud"]
        assert time.time() < found["exp"] <= time.time() + 86400
        host = urlsplit(found["sub"]).hostname or found["sub"].rpartition("@")[2]
        assert found["sub"].startswith(("mailto:", "https://")) and "." in host, found["sub"]
        return {**found, "k": parts["k"]}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status = service.take(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", service.leads_to)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_GET(self) -> None:
                service.hits += 1
                self.send_error(405)

            def log_message(self, *args: object) -> None:
                pass

        return Handler
