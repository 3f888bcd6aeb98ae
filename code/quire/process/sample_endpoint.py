"""A local endpoint with the default model, for as long as `make run` needs it: start, one call, stop."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import boto3

ROOT = Path(__file__).resolve().parents[3]
NAME = "samples"

_BUCKET = "sagemaker-us-east-1-123456789012"
"""The one that `quire local up --endpoint` makes."""

_ANSWER_SECONDS = 900.0
_LOOK_SECONDS = 0.25
_WHY_SECONDS = 2.0
_STOP_SECONDS = 60.0


class EndpointFailed(Exception):
    """The local endpoint did not do what it should; the message says what."""


class GivenUp(EndpointFailed):
    """Nobody wants the answer any more."""


@dataclass(frozen=True)
class SampleEndpoint:
    """`process` is `quire local up`, which answers at `url`. Threads may read at once."""

    process: subprocess.Popen[str]
    url: str
    _is_given_up: threading.Event = field(default_factory=threading.Event)

    @property
    def page(self) -> str:
        return f"{self.url}/_quire/"

    def read(self, document: Path) -> bytes:
        """What the endpoint makes of it, by way of S3 both ways. Raises EndpointFailed."""
        session = boto3.Session("local", "local", region_name="us-east-1")
        s3 = session.client("s3", endpoint_url=self.url)
        key = f"{NAME}/input/{document.name}"
        s3.upload_file(str(document), _BUCKET, key)
        accepted = session.client("sagemaker-runtime", endpoint_url=self.url).invoke_endpoint_async(
            EndpointName=NAME,
            InputLocation=f"s3://{_BUCKET}/{key}",
            InferenceId=f"{document.name}-{uuid.uuid4().hex[:8]}",
            ContentType="application/octet-stream",
            Accept="application/json",
            CustomAttributes=f"ref={document.name}",
        )
        return self._await(s3, accepted)

    def _await(self, s3: Any, accepted: dict[str, Any]) -> bytes:
        """Looks at both locations, and asks why where neither object will be written."""
        end = time.monotonic() + _ANSWER_SECONDS
        ask_why = time.monotonic() + _WHY_SECONDS
        while time.monotonic() < end:
            if self._is_given_up.wait(_LOOK_SECONDS):
                raise GivenUp(f"{accepted['InferenceId']} was given up")
            if (answer := _object(s3, accepted["OutputLocation"])) is not None:
                return answer
            if (failure := _object(s3, accepted["FailureLocation"])) is not None:
                raise EndpointFailed(f"{accepted['InferenceId']} failed: {failure[:500]!r}")
            if self.process.poll() is not None:
                raise EndpointFailed(f"the local endpoint ended with status {self.process.returncode}")
            if time.monotonic() > ask_why:
                ask_why = time.monotonic() + _WHY_SECONDS
                self._refuse_failure(accepted["InferenceId"])
        raise EndpointFailed(f"{accepted['InferenceId']} was not answered within {_ANSWER_SECONDS:.0f} s")

    def _refuse_failure(self, inference_id: str) -> None:
        """Raises EndpointFailed where the endpoint knows that it has failed, whether it writes so or not."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(
            f"{self.page}why?inference_id={quote(inference_id)}", timeout=_WHY_SECONDS * 5
        ) as why:
            told = json.load(why)
        if told["ending"] not in (None, "completed"):
            reasons = " ".join((told["cause"], *told["details"]))
            raise EndpointFailed(f"{inference_id} failed ({told['ending']}): {reasons}")

    def give_up(self) -> None:
        """Every `read` under way, which raises GivenUp soon."""
        self._is_given_up.set()

    def stop(self) -> float:
        """Seconds until it and its container had gone. Raises EndpointFailed unless its status is 0."""
        start = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.communicate(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise EndpointFailed(f"it did not stop within {_STOP_SECONDS:.0f} s of SIGTERM") from error
        if self.process.returncode != 0:
            raise EndpointFailed(f"the local endpoint's exit status is {self.process.returncode}, not 0")
        return time.monotonic() - start


def _object(s3: Any, location: str) -> bytes | None:
    """None where it is not there yet."""
    place = urlsplit(location)
    try:
        return bytes(s3.get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))["Body"].read())
    except s3.exceptions.NoSuchKey:
        return None


@contextmanager
def sample_endpoint(data: Path, concurrency: int, model: Path | None = None) -> Iterator[SampleEndpoint]:
    """In service, with everything that it keeps and logs in `data`. Killed if it is still there in the end.
    Raises EndpointFailed where it does not come into service."""
    options = ["--port", "0", "--data", str(data), "--endpoint", NAME, "--concurrency", str(concurrency)]
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "quire_endpoint.command", "local", "up"),
            *options,
            *(["--model", str(model)] if model else []),
        ],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield SampleEndpoint(process, _wait_until_in_service(process, data))
    finally:
        if process.poll() is None:
            _kill(process)


def _kill(process: subprocess.Popen[str]) -> None:
    """The second SIGTERM kills the containers too."""
    for _ in range(2):
        process.send_signal(signal.SIGTERM)
        time.sleep(_LOOK_SECONDS)
    try:
        process.communicate(timeout=_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def _wait_until_in_service(process: subprocess.Popen[str], data: Path) -> str:
    """The URL."""
    url = ""
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"^Ready after .* at (http://\S+)\. ", line):
            url = found[1]
        if found := re.search(rf"^Endpoint {NAME} is (InService|Failed\b.*)", line):
            if found[1] == "InService":
                return url
            raise EndpointFailed(f"the endpoint is {found[1].strip()} See {data / 'logs'}")
    raise EndpointFailed(f"the local endpoint ended with status {process.wait()} before it was in service")
