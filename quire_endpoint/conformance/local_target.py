"""How does the suite get a local endpoint of its own? As a user does: by `quire local up`."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from quire_endpoint.conformance.target import Target

CONTAINER = Path(__file__).with_name("container.py")
SPEED = 60.0
REGION = "us-east-1"
_ROLE = "arn:aws:iam::123456789012:role/conformance"
_IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/conformance:1"
_INSTANCE_TYPE = "ml.g5.xlarge"
_BUCKET = "conformance-sagemaker"
_START_SECONDS = 60.0
_STOP_SECONDS = 60.0


class DoesNotStart(Exception):
    """The local endpoint ended, or did not answer; the message holds what it printed last."""


@contextmanager
def local_target(speed: float = SPEED, assumed: str | None = None) -> Iterator[Target]:
    """An endpoint in a process of its own, stopped in the end, as are those that are started beside it under
    other assumptions. Raises DoesNotStart."""
    with ExitStack() as stack:
        url = stack.enter_context(_up(speed, assumed))

        def alike(assumption: str) -> Target:
            return stack.enter_context(local_target(speed, assumption))

        yield target_at(url, speed, alike)


def target_at(url: str, speed: float, alike: Callable[[str], Target] | None = None) -> Target:
    """Of a local endpoint that runs already, at this speed and with CONTAINER to serve. Makes a bucket."""
    target = Target(REGION, _ROLE, _IMAGE, _BUCKET, _INSTANCE_TYPE, url, speed, alike)
    target.clients.s3.create_bucket(Bucket=_BUCKET)
    return target


@contextmanager
def _up(speed: float, assumed: str | None) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="quire-conformance-") as folder:
        log = Path(folder) / "log"
        port = _free_port()
        command = [sys.executable, "-m", "quire_endpoint.command", "local", "up", "--scaled-containers"]
        command += [f"--port={port}", f"--serve={CONTAINER}", f"--speed={speed:g}", f"--region={REGION}"]
        command += [f"--assume={assumed}"] if assumed else []
        with log.open("wb") as written:
            process = subprocess.Popen(command, stdout=written, stderr=subprocess.STDOUT)
        try:
            url = f"http://127.0.0.1:{port}"
            _await(process, url, log)
            yield url
        finally:
            _stop(process)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        try:
            opener.open(f"{url}/_quire/state", timeout=5).close()
            return
        except (OSError, urllib.error.URLError):
            if process.poll() is not None or time.monotonic() > deadline:
                raise DoesNotStart(log.read_text(encoding="utf-8", errors="replace")[-2000:]) from None
        time.sleep(0.1)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """A second signal kills whatever is left."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGTERM)
        process.wait(_STOP_SECONDS)
