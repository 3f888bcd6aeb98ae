#!/usr/bin/env python3
"""A trivial container that writes down what it is sent, to the file $RECORD beside its process id: a line for
each invocation with its inference id and, by the machine's monotonic clock, when it came and when it was
answered. It sends the body back, after $SERVICE_SECONDS, more or less by half."""

from __future__ import annotations

import os
import random
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

INFERENCE_ID = "X-Amzn-SageMaker-Inference-Id"
SERVICE_SECONDS = float(os.environ.get("SERVICE_SECONDS", "0"))

_lock = threading.Lock()


class Recorder(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, format: str, *args: object) -> None:
        """Nothing but the record."""

    def do_GET(self) -> None:
        self.answer(200 if self.path == "/ping" else 404, b"")

    def parse_request(self) -> bool:
        self.came = time.monotonic()
        return super().parse_request()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if SERVICE_SECONDS:
            time.sleep(random.uniform(0.5, 1.5) * SERVICE_SECONDS)
        self.answer(200, body)
        line = f"{self.headers[INFERENCE_ID]} {self.came!r} {time.monotonic()!r}\n"
        with _lock, record.open("a") as file:
            file.write(line)

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


if __name__ == "__main__":
    record = Path(f"{os.environ['RECORD']}.{os.getpid()}")
    address = os.environ["QUIRE_BIND_HOST"], int(os.environ["SAGEMAKER_BIND_TO_PORT"])
    Server(address, Recorder).serve_forever()
