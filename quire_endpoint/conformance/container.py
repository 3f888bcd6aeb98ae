#!/usr/bin/env python3
"""Which container drives the suite? One that does what each request asks of it: fails, waits, dies, or tells
what it has seen. The standard library is all it needs.

    container.py serve

A request whose body is {"do": {...}} is obeyed (see Wish); every other is answered with what arrived.
The environment says how it starts: CONFORMANCE_SPEED divides all waiting, CONFORMANCE_START_SECONDS keeps
/ping at 503, CONFORMANCE_SIGTERM=ignore lives on after SIGTERM and prints a line each second."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import signal
import socket
import sys
import threading
import time
import uuid
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType
from typing import Any

SPEED = float(os.environ.get("CONFORMANCE_SPEED", "1"))
START_SECONDS = float(os.environ.get("CONFORMANCE_START_SECONDS", "0"))
MODEL = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")) / "model"
INFERENCE_ID = "X-Amzn-SageMaker-Inference-Id"


@dataclass(frozen=True)
class Wish:
    """`text` is the answer's body, and None a report of the request; `size_bytes` a body so long.
    `is_cut` sends half of it, `is_chunked` no Content-Length. `ping_status` and `ping_seconds` hold for every
    ping from now on. `is_seen` tells of all requests, each with its times; `reach` tells whether HOST:PORT
    can be connected to."""

    seconds: float = 0.0
    status: int = 200
    text: str | None = None
    size_bytes: int | None = None
    content_type: str = "application/json"
    header_bytes: int = 0
    is_chunked: bool = False
    is_cut: bool = False
    is_seen: bool = False
    exit_status: int | None = None
    ping_status: int | None = None
    ping_seconds: float | None = None
    reach: str | None = None

    @classmethod
    def of(cls, body: bytes) -> Wish:
        """All defaults where the body wishes nothing."""
        try:
            wished = json.loads(body)["do"]
        except (ValueError, TypeError, LookupError):
            return cls()
        return cls(**wished)


class Life:
    """What this container has seen since it started."""

    def __init__(self) -> None:
        self.boot = uuid.uuid4().hex
        self.began_seconds = time.monotonic()
        self.pings = 0
        self.ping_status = 200
        self.ping_seconds = 0.0
        self.seen: list[dict[str, Any]] = []
        self.lock = threading.Lock()

    def begin(self, inference_id: str) -> dict[str, Any]:
        with self.lock:
            entry = {"inference_id": inference_id, "began": time.monotonic(), "ended": None}
            self.seen.append(entry)
            return entry

    def is_warm(self) -> bool:
        return time.monotonic() - self.began_seconds >= START_SECONDS / SPEED


LIFE = Life()


def report(headers: list[tuple[str, str]], body: bytes) -> dict[str, Any]:
    """What arrived, and where."""
    return {
        "boot": LIFE.boot,
        "arguments": sys.argv[1:],
        "user": os.getuid(),
        "headers": headers,
        "body_bytes": len(body),
        "body_sha256": hashlib.sha256(body).hexdigest(),
        "model": {str(path.relative_to(MODEL)): path.stat().st_size for path in files()},
        "has_model_folder": MODEL.is_dir(),
        "is_model_writable": is_writable(),
        "is_model_writable_by_mode": bool(MODEL.is_dir() and MODEL.stat().st_mode & 0o222),
        "environ": {name: value for name, value in os.environ.items() if name.startswith("CONFORMANCE_")},
        "credentials": credentials(),
        "pings": LIFE.pings,
    }


def credentials() -> list[str]:
    """Where some are to be found: names of variables, and the shared file if it holds any."""
    words = ("ACCESS_KEY", "TOKEN", "CONTAINER_CREDENTIALS")
    found = [name for name in os.environ if name.startswith("AWS_") and any(word in name for word in words)]
    file = Path(os.environ.get("AWS_SHARED_CREDENTIALS_FILE", Path.home() / ".aws" / "credentials"))
    return sorted(found) + ([str(file)] if file.is_file() and file.stat().st_size else [])


def files() -> list[Path]:
    return sorted(path for path in MODEL.rglob("*") if path.is_file()) if MODEL.is_dir() else []


def is_writable() -> bool:
    try:
        (MODEL / "conformance-was-here").write_text("")
        (MODEL / "conformance-was-here").unlink()
    except OSError:
        return False
    return True


class Handler(BaseHTTPRequestHandler):
    """GET /ping and POST /invocations."""

    protocol_version = "HTTP/1.1"
    timeout = 600

    def do_GET(self) -> None:
        if self.path != "/ping":
            self.answer(404, b"")
            return
        LIFE.pings += 1
        time.sleep(LIFE.ping_seconds)
        self.answer(LIFE.ping_status if LIFE.is_warm() else 503, b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        inference_id = self.headers.get(INFERENCE_ID, "")
        say(f"conformance: request {inference_id}")
        entry, wish = LIFE.begin(inference_id), Wish.of(body)
        if wish.exit_status is not None:
            os._exit(wish.exit_status)
        obey_of_pings(wish)
        time.sleep(wish.seconds / SPEED)
        self.send(wish, self.body_of(wish, body))
        entry["ended"] = time.monotonic()

    def body_of(self, wish: Wish, body: bytes) -> bytes:
        if wish.size_bytes is not None:
            return b"x" * wish.size_bytes
        if wish.is_seen:
            return json.dumps({"boot": LIFE.boot, "seen": LIFE.seen}).encode()
        if wish.reach is not None:
            return json.dumps({"is_reached": is_reached(wish.reach)}).encode()
        if wish.text is not None:
            return wish.text.encode()
        return json.dumps(report(list(self.headers.items()), body)).encode()

    def send(self, wish: Wish, body: bytes) -> None:
        extra = {"X-Conformance-Padding": "p" * wish.header_bytes} if wish.header_bytes else {}
        if wish.is_chunked:
            self.head(
                wish.status, {**extra, "Content-Type": wish.content_type, "Transfer-Encoding": "chunked"}
            )
            self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
            return
        length = {"Content-Type": wish.content_type, "Content-Length": str(len(body))}
        self.head(wish.status, {**extra, **length})
        self.wfile.write(body[: len(body) // 2] if wish.is_cut else body)
        self.close_connection = self.close_connection or wish.is_cut

    def answer(self, status: int, body: bytes) -> None:
        self.head(status, {"Content-Length": str(len(body))})
        self.wfile.write(body)

    def head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Says nothing: a line for every ping would bury the rest."""


def is_reached(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError:
        return False
    return True


def obey_of_pings(wish: Wish) -> None:
    if wish.ping_status is not None:
        LIFE.ping_status = wish.ping_status
    if wish.ping_seconds is not None:
        LIFE.ping_seconds = wish.ping_seconds


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def on_sigterm(number: int, frame: FrameType | None) -> None:
    say(f"conformance: SIGTERM at {time.time():.1f}")
    if os.environ.get("CONFORMANCE_SIGTERM") != "ignore":
        os._exit(0)
    threading.Thread(target=live_on, daemon=True).start()


def live_on() -> None:
    while True:
        say(f"conformance: alive at {time.time():.1f}")
        time.sleep(1)


def main() -> None:
    signal.signal(signal.SIGTERM, on_sigterm)
    host = os.environ.get("QUIRE_BIND_HOST", "0.0.0.0")
    server = ThreadingHTTPServer((host, int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))), Handler)
    server.daemon_threads = True
    say(f"conformance: serving with {[one.name for one in dataclasses.fields(Wish)]}")
    server.serve_forever()


if __name__ == "__main__":
    main()
