"""Endpoints for the suite to be run against: ours, and one that is known to be another."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from quire_endpoint.conformance.target import Target


@pytest.fixture(scope="module")
def moto() -> Iterator[Target]:
    """moto's own SageMaker, which answers InvokeEndpointAsync without an endpoint behind it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await(port)
        role, image = (
            "arn:aws:iam::123456789012:role/any",
            "123456789012.dkr.ecr.us-east-1.amazonaws.com/any:1",
        )
        url = f"http://127.0.0.1:{port}"
        target = Target("us-east-1", role, image, "bucket-of-moto", "ml.m5.large", url, 600.0)
        target.clients.s3.create_bucket(Bucket=target.bucket)
        yield target
    finally:
        process.terminate()
        process.wait(30)


def _await(port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("moto's server does not start")
