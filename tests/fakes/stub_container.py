#!/usr/bin/env python3
"""A container that does what it is told: by its environment, and by each request. Standard library only, so
that it starts at once and runs in any image with a Python.

    STUB_SPEED           divides every duration below and in requests: 1
    STUB_SERVICE_SECONDS what an invocation takes: 0
    STUB_START_SECONDS   until /ping answers 200: 0
    STUB_CONCURRENCY     MaxConcurrentTransforms of /execution-parameters, which is 404 without it
    STUB_PING            status of /ping, `hang`, or a file that holds one of these while it exists
    STUB_EXIT            exit status with which it ends at once
    STUB_TERM            `ignore`: SIGTERM does nothing; `drain`: ends when what runs is done
    STUB_CHILD           `orphan`: starts a process that leaves its session and outlives it
    STUB_SAYS            a line printed at the start

A request tells more as JSON in its body, or as `name=value;name=value` in its custom attributes: `seconds`,
`status`, `type` (the answer's content type), `bytes` (the answer's size), `says` (a line to print), `answer`
(`echo`, or `report`: what the container sees), `ping` (status of /ping from now on), `exit` (ends the
container with this status, without an answer), and `fault`: `chunked`, `no-length`, `big-headers`, `cut`,
`reset`. Without any of it the body comes back as it was sent."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any

SPEED = float(os.environ.get("STUB_SPEED", "1"))
ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
ORPHAN = (
    "import os, signal, time; os.setsid(); signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
)

_MEMORY_BYTES = 1 << 20
_LARGEST_ORDER_BYTES = 1 << 16
_FILLING = b"x" * (1 << 16)

began = time.monotonic()
told_ping: list[str] = []
running: set[int] = set()
running_changed = threading.Condition()


def scaled_sleep(seconds: float) -> None:
    time.sleep(seconds / SPEED)


def ping_answer() -> str:
    """A status, or `hang`."""
    if (time.monotonic() - began) * SPEED < float(os.environ.get("STUB_START_SECONDS", "0")):
        return "503"
    told = told_ping[-1] if told_ping else os.environ.get("STUB_PING", "200")
    if told.startswith("/"):
        return Path(told).read_text().strip() if Path(told).exists() else "200"
    return told


class Stub(BaseHTTPRequestHandler):
    """One connection, kept open."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, format: str, *args: object) -> None:
        """Only what it is told to say."""

    def do_GET(self) -> None:
        if self.path == "/ping":
            answer = ping_answer()
            if answer == "hang":
                time.sleep(60)
                answer = "503"
            self.whole(int(answer), b"")
        elif self.path == "/execution-parameters" and "STUB_CONCURRENCY" in os.environ:
            concurrency = int(os.environ["STUB_CONCURRENCY"])
            self.whole(200, json.dumps({"MaxConcurrentTransforms": concurrency}).encode())
        else:
            self.whole(404, b"")

    def do_POST(self) -> None:
        with tempfile.SpooledTemporaryFile(_MEMORY_BYTES) as body:
            size = self.spool(body)
            told = self.told(body, size)
            with at_work():
                self.obey(told, body, size)

    def spool(self, body: IO[bytes]) -> int:
        left = size = int(self.headers.get("Content-Length", "0"))
        while left:
            block = self.rfile.read(min(left, len(_FILLING)))
            if not block:
                raise ConnectionError("the request was cut off")
            body.write(block)
            left -= len(block)
        return size

    def told(self, body: IO[bytes], size: int) -> dict[str, Any]:
        pairs = (pair.partition("=") for pair in self.headers.get(ATTRIBUTES, "").split(";"))
        told: dict[str, Any] = {name.strip(): value.strip() for name, equals, value in pairs if equals}
        if size <= _LARGEST_ORDER_BYTES:
            body.seek(0)
            try:
                parsed = json.loads(body.read())
            except ValueError:
                parsed = None
            told |= parsed if isinstance(parsed, dict) else {}
        return told

    def obey(self, told: Mapping[str, Any], body: IO[bytes], size: int) -> None:
        if "says" in told:
            print(told["says"], flush=True)
        if "ping" in told:
            told_ping.append(str(told["ping"]))
        scaled_sleep(float(told.get("seconds", os.environ.get("STUB_SERVICE_SECONDS", "0"))))
        if "exit" in told:
            os._exit(int(told["exit"]))
        self.answer(told, body, size)

    def answer(self, told: Mapping[str, Any], body: IO[bytes], size: int) -> None:
        blocks = blocks_of(body)
        if told.get("answer") == "report":
            report = json.dumps(self.report()).encode()
            blocks, size = iter((report,)), len(report)
        elif "bytes" in told:
            size = int(told["bytes"])
            blocks = filling(size)
        if told.get("fault") == "reset":
            self.close_connection = True
            return
        self.send_response(int(told.get("status", 200)))
        kind = told.get("type", self.headers.get("Content-Type", "application/octet-stream"))
        self.send_header("Content-Type", str(kind))
        self.send_body(str(told.get("fault")), blocks, size)
        self.wfile.flush()

    def send_body(self, fault: str, blocks: Iterator[bytes], size: int) -> None:
        match fault:
            case "chunked":
                self.send_header("Transfer-Encoding", "chunked")
                blocks = chunked(blocks)
            case "no-length":
                self.close_connection = True
            case "big-headers":
                self.send_header("Content-Length", str(size))
                self.send_header("X-Long", "x" * 4096)
            case "cut":
                self.send_header("Content-Length", str(size + 10))
                self.close_connection = True
            case _:
                self.send_header("Content-Length", str(size))
        self.end_headers()
        for block in blocks:
            self.wfile.write(block)

    def report(self) -> dict[str, Any]:
        model = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"), "model")
        routes = Path("/proc/net/route")
        return {
            "headers": self.headers.items(),
            "pid": os.getpid(),
            "arguments": sys.argv[1:],
            "environment": dict(os.environ),
            "folder": str(Path.cwd()),
            "routes": routes.read_text().splitlines()[1:] if routes.exists() else [],
            "model": sorted(str(path.relative_to(model)) for path in model.rglob("*")),
        }

    def whole(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextlib.contextmanager
def at_work() -> Iterator[None]:
    """Who drains waits for the last."""
    thread = threading.get_ident()
    running.add(thread)
    try:
        yield
    finally:
        with running_changed:
            running.discard(thread)
            running_changed.notify_all()


def blocks_of(body: IO[bytes]) -> Iterator[bytes]:
    body.seek(0)
    while block := body.read(len(_FILLING)):
        yield block


def chunked(blocks: Iterator[bytes]) -> Iterator[bytes]:
    for block in (block for block in blocks if block):
        yield b"%x\r\n%s\r\n" % (len(block), block)
    yield b"0\r\n\r\n"


def filling(size: int) -> Iterator[bytes]:
    """So many bytes of nothing in particular."""
    for start in range(0, size, len(_FILLING)):
        yield _FILLING[: size - start]


class Server(ThreadingHTTPServer):
    """Many may knock at once."""

    request_queue_size = 128
    daemon_threads = True


def main() -> None:
    if sys.argv[1:] != ["serve"]:
        sys.exit(f"the argument is serve, not {sys.argv[1:]}")
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # it waits until it is asked for
    print(os.environ.get("STUB_SAYS", "stub container starts"), flush=True)
    if os.environ.get("STUB_CHILD") == "orphan":
        subprocess.Popen([sys.executable, "-c", ORPHAN])
    if "STUB_EXIT" in os.environ:
        sys.exit(int(os.environ["STUB_EXIT"]))
    host, port = os.environ.get("QUIRE_BIND_HOST", "0.0.0.0"), os.environ.get("SAGEMAKER_BIND_TO_PORT", 8080)
    server = Server((host, int(port)), Stub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    signal.sigwait({signal.SIGTERM})
    while os.environ.get("STUB_TERM") == "ignore":
        signal.pause()
    if os.environ.get("STUB_TERM") == "drain":
        with running_changed:
            running_changed.wait_for(lambda: not running)
    print("stub container ends", flush=True)


if __name__ == "__main__":
    main()
