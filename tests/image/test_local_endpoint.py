"""Documents in S3 go through the built image: `quire local up` runs it, and answers as SageMaker would."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from quire.process.run_samples import free_port

ENDPOINT = "documents"
BUCKET = "sagemaker-us-east-1-123456789012"
PATIENCE_SECONDS = 300.0
STOP_SECONDS = 90.0


@dataclass(frozen=True)
class Local:
    """Behind `url` one endpoint of one instance runs the image."""

    url: str

    def client(self, service: str) -> Any:
        session = boto3.Session("local", "local", region_name="us-east-1")
        return session.client(service, endpoint_url=self.url)

    def outcome(self, document: Path, **members: Any) -> tuple[str, Any]:
        """`output` or `failure`, and the object in JSON."""
        s3 = self.client("s3")
        s3.upload_file(str(document), BUCKET, f"in/{document.name}")
        answer = self.client("sagemaker-runtime").invoke_endpoint_async(
            EndpointName=ENDPOINT, InputLocation=f"s3://{BUCKET}/in/{document.name}", **members
        )
        places = {"output": answer["OutputLocation"], "failure": answer["FailureLocation"]}
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            for name, place in places.items():
                key = place.removeprefix(f"s3://{BUCKET}/")
                try:
                    return name, json.load(s3.get_object(Bucket=BUCKET, Key=key)["Body"])
                except s3.exceptions.NoSuchKey:
                    time.sleep(0.2)
        raise AssertionError(f"neither of {places} was written")


@pytest.fixture(scope="module")
def local(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    port, log = free_port(), tmp_path_factory.mktemp("local") / "log"
    command = [sys.executable, "-m", "quire_endpoint.command", "local", "up", f"--port={port}"]
    command += [f"--image-engine={os.environ['CONTAINER_ENGINE']}", f"--image={image}"]
    command += [f"--endpoint={ENDPOINT}", "--concurrency=4"]
    with log.open("wb") as written:
        process = subprocess.Popen(command, stdout=written, stderr=subprocess.STDOUT)
    try:
        url = f"http://127.0.0.1:{port}"
        _await_in_service(Local(url), process, log)
        yield Local(url)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(STOP_SECONDS)


def _await_in_service(local: Local, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while "is InService" not in (printed := log.read_text(encoding="utf-8")):
        assert process.poll() is None and time.monotonic() < deadline, printed[-4000:]
        time.sleep(0.2)


@pytest.mark.parametrize("name", ["invoice.jpg", "letters.tiff", "statement.pdf"])
def test_sample_in_s3_is_read(local: Local, samples: Path, name: str) -> None:
    kind, told = local.outcome(samples / name, CustomAttributes=f"ref={name}", Accept="application/json")
    assert (kind, told["status"], told["reference"]) == ("output", "complete", name)
    first = (samples / name).with_suffix(".txt").read_text(encoding="utf-8").splitlines()[0]
    assert told["pages"][0]["text"].startswith(first)


def test_document_that_cannot_be_read_comes_at_the_failure_location(local: Local, samples: Path) -> None:
    kind, told = local.outcome(samples / "encrypted.pdf")
    assert (kind, told["error"]["code"], told["error"]["retryable"]) == (
        "failure",
        "document_encrypted",
        False,
    )


def test_endpoint_of_the_image_is_described(local: Local) -> None:
    described = local.client("sagemaker").describe_endpoint(EndpointName=ENDPOINT)
    (variant,) = described["ProductionVariants"]
    assert (described["EndpointStatus"], variant["CurrentInstanceCount"]) == ("InService", 1)
