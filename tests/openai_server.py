"""A server on loopback that speaks Chat Completions, streamed or whole, and misbehaves as a script says."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = Callable[["Answering", dict[str, Any]], None]


class Answering(BaseHTTPRequestHandler):
    """One request. The script's next step answers it; the last step answers all that follow."""

    def log_message(self, *_: object) -> None:
        """Nothing on the console."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server = self.server
        server.requests.append({"path": self.path, "key": self.headers.get("Authorization"), "body": body})
        step = server.script[min(len(server.requests), len(server.script)) - 1]
        with suppress(BrokenPipeError, ConnectionResetError):  # the client had enough: many tests are about that
            step(self, body)

    def send(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def begin(self, kind: str = "text/event-stream") -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()

    def event(self, text: str | None, finish: str | None = None, **more: Any) -> None:
        delta = {"content": text} if text is not None else {}
        choice = {"index": 0, "delta": delta | more.pop("delta", {}), "finish_reason": finish}
        chunk = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **more}
        self.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        self.wfile.flush()


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, *script: Reply) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.script = list(script)
        self.requests: list[dict[str, Any]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}/v1"
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()


def says(text: str | Callable[[dict[str, Any]], str], *, finish: str | None = "stop", pause: float = 0) -> Reply:
    """Streams a text in pieces, or sends it whole to who did not ask for a stream."""

    def step(to: Answering, body: dict[str, Any]) -> None:
        said = text(body) if callable(text) else text
        usage = {"prompt_tokens": 700, "completion_tokens": 300, "total_tokens": 1000}
        if not body.get("stream"):
            message = {"role": "assistant", "content": said}
            whole = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "usage": usage}
            whole["choices"] = [{"index": 0, "finish_reason": finish, "message": message}]
            return to.send(200, "application/json", json.dumps(whole).encode())
        to.begin()
        for start in range(0, len(said), 200):
            to.event(said[start : start + 200])
            time.sleep(pause)
        if finish:
            to.event(None, finish, usage=usage)
            to.wfile.write(b"data: [DONE]\n\n")
        return None

    return step


def status(code: int, content: bytes = b'{"error": {"message": "no"}}', kind: str = "application/json") -> Reply:
    return lambda to, body: to.send(code, kind, content)


def raw(content: bytes, kind: str = "application/json") -> Reply:
    return status(200, content, kind)


def hangs(seconds: float = 30) -> Reply:
    """Takes the request and says nothing."""
    return lambda to, body: time.sleep(seconds)


def drips(kind: str = "text/event-stream", seconds: float = 30, head: bool = True) -> Reply:
    """Sends a byte now and then, so that no timeout of a client ever comes; with `head` false inside the headers."""

    def step(to: Answering, body: dict[str, Any]) -> None:
        if head:
            to.begin(kind)
        else:
            to.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        for _ in range(int(seconds / 0.1)):
            to.wfile.write(b":" if head else b"x")
            to.wfile.flush()
            time.sleep(0.1)

    return step


def refuses() -> Reply:
    def step(to: Answering, body: dict[str, Any]) -> None:
        to.begin()
        to.event(None, delta={"refusal": "I cannot help with that."})
        to.event(None, "stop")

    return step


def echo(body: dict[str, Any]) -> str:
    """A faithful wording of whatever was asked: what the user's message holds, a few words moved."""
    asked = json.loads(next(one["content"] for one in body["messages"] if one["role"] == "user"))
    blocks = []
    for block in asked["blocks"]:
        said = [{"text": moved(fact["sentence"]), "cites": [fact["id"]]} for fact in block["facts"]]
        blocks.append({"name": block["name"], "sentences": said})
    return json.dumps({"blocks": blocks})


def moved(sentence: str) -> str:
    for old, new in (
        ("Suspected cause: ", "The suspected cause was "), ("Action taken: ", "The action taken was "),
        ("An {", "The {"), ("A {", "The {"), ("monitoring (", "monitoring with ("),
    ):  # fmt: skip
        sentence = sentence.replace(old, new)
    return sentence
