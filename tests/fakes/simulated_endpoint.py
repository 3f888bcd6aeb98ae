"""An async endpoint without containers, whose hours pass at once. Unmodified boto3 talks to it, in process.

Invocations are served first in, first out. What it accepted can lie in a file: a client that was killed finds
it again as it was."""

from __future__ import annotations

import heapq
import json
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import boto3
import botocore.session
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError
from botocore.loaders import create_loader

from quire_endpoint.client.clock import Clock
from tests.fakes.simulated_clock import SimulatedClock as SimulatedClock

BUCKET = "answers"
HEADER = "X-Amzn-SageMaker-"
SERVICES = create_loader()
"""AWS's descriptions of them, read once."""


@dataclass(frozen=True)
class Refusal:
    """What a call is answered instead. Without a status the connection breaks, after the call was accepted
    where `is_accepted`."""

    code: str = ""
    status: int = 0
    is_accepted: bool = False
    message: str = "as asked"


@dataclass(frozen=True)
class Failure:
    """The container's error body."""

    body: bytes


@dataclass(frozen=True)
class Silence:
    """Nothing is ever written."""


@dataclass(frozen=True)
class Call:
    """One accepted invocation. `content` is its input location, or the body's text."""

    inference_id: str
    name: str
    content: str
    attributes: str
    content_type: str
    received_seconds: float
    ttl_seconds: float


Fate = bytes | Failure | Silence


def usual_fate(call: Call) -> Fate:
    return b'{"answer": 42}'


@dataclass
class SimulatedEndpoint:
    """`lanes` invocations are served at once, each for `service_seconds`. `fate` is what becomes of each;
    `refusals` meet the next calls, one each; the accepted calls of the numbers in `hangs_at` are not answered
    for a minute, nor is any other then. Without `can_list` S3 answers 403 for what is not there. With
    `knows_failure_path` False there is no failure location. `accepts_after_seconds` is how long a call takes
    until it is received. Until `away_until_seconds` each call is answered 503, and not accepted.
    `s3_refusals` meet the next requests of S3, `removed` are keys of inputs that are there no more,
    `s3_behind_seconds` is how late S3's clock is."""

    clock: Clock
    lanes: int = 1
    service_seconds: float = 10.0
    record: Path | None = None
    fate: Callable[[Call], Fate] = usual_fate
    refusals: deque[Refusal] = field(default_factory=deque)
    can_list: bool = True
    knows_failure_path: bool = True
    accepts_after_seconds: float = 0.0
    away_until_seconds: float = 0.0
    honours_filename: bool = True
    hangs_at: Collection[int] = ()
    s3_refusals: deque[Refusal] = field(default_factory=deque)
    removed: set[str] = field(default_factory=set)
    s3_behind_seconds: float = 0.0
    calls: list[Call] = field(default_factory=list)
    num_called: int = 0
    num_expired: int = 0
    num_looks: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._free = [0.0] * self.lanes
        self._ends: dict[str, tuple[float, Call]] = {}
        self.objects: dict[str, bytes] = {}
        if self.record is not None and self.record.exists():
            for line in self.record.read_text().splitlines():
                self._serve(Call(*json.loads(line)))

    def session(self) -> boto3.Session:
        """Whose clients talk to this endpoint alone."""
        core = botocore.session.get_session()
        core.register_component("data_loader", SERVICES)
        session = boto3.Session("none", "none", region_name="eu-west-1", botocore_session=core)
        session.events.register("before-send.sagemaker-runtime.InvokeEndpointAsync", self._invoke)
        session.events.register("before-send.s3", self._s3)
        return session

    def references(self) -> list[str]:
        """`ref` of each accepted call."""
        return [attributes(call)["ref"] for call in self.calls]

    def _invoke(self, request: Any, **_: Any) -> AWSResponse:
        with self._lock:
            self.num_called += 1
            refusal = self.refusals.popleft() if self.refusals else None
            if self.clock.now() < self.away_until_seconds:
                refusal = Refusal("ServiceUnavailable", 503)
            if refusal is not None and not refusal.is_accepted:
                return self._refused(request, refusal)
            if self.accepts_after_seconds:
                self.clock.wait(self.accepts_after_seconds, ())
            call = self._call_of(request)
            self._keep(call)
            self._serve(call)
            if len(self.calls) in self.hangs_at:
                time.sleep(60)
            if refusal is not None:
                return self._refused(request, refusal)
        headers = {f"{HEADER}OutputLocation": f"s3://{BUCKET}/{self._key(call, '.out')}"}
        if self.knows_failure_path:
            headers[f"{HEADER}FailureLocation"] = f"s3://{BUCKET}/{self._key(call, '-error.out')}"
        return _response(202, json.dumps({"InferenceId": call.inference_id}).encode(), headers)

    def _refused(self, request: Any, refusal: Refusal) -> AWSResponse:
        if not refusal.status:
            raise ConnectionClosedError(endpoint_url="simulated")
        headers = {"x-amzn-ErrorType": refusal.code}
        return _response(refusal.status, json.dumps({"Message": refusal.message}).encode(), headers)

    def _call_of(self, request: Any) -> Call:
        said = {name.lower(): _text(value) for name, value in request.headers.items()}

        def header(name: str) -> str:
            return said.get(f"{HEADER}{name}".lower(), "")

        body = request.body or b""
        content = header("InputLocation") or (body if isinstance(body, bytes) else body.read()).decode()
        return Call(
            header("Inference-Id"),
            header("Filename") if self.honours_filename else os.urandom(8).hex(),
            content,
            header("Custom-Attributes"),
            header("Content-Type"),
            self.clock.now(),
            float(header("RequestTTLSeconds")),
        )

    def _key(self, call: Call, ending: str) -> str:
        return f"out/{call.name}{ending}"

    def _keep(self, call: Call) -> None:
        if self.record is not None:
            line = json.dumps(list(vars(call).values())) + "\n"
            with self.record.open("ab", buffering=0) as file:
                file.write(line.encode())

    def _serve(self, call: Call) -> None:
        self.calls.append(call)
        begins = max(call.received_seconds, self._free[0])
        if begins > call.received_seconds + call.ttl_seconds:
            self.num_expired += 1
            return
        heapq.heapreplace(self._free, begins + self.service_seconds)
        self._ends[call.name] = (begins + self.service_seconds, call)

    def _s3(self, request: Any, **_: Any) -> AWSResponse:
        parts = urlsplit(request.url)
        key = unquote(parts.path).lstrip("/")
        with self._lock:
            if self.s3_refusals:
                return self._refused_by_s3(self.s3_refusals.popleft())
            if request.method == "HEAD":
                return _response(404 if key in self.removed else 200, b"", {})
            if request.method == "PUT":
                body = request.body.read() if hasattr(request.body, "read") else request.body
                self.objects[key] = body or b""
                self.removed.discard(key)
                return _response(200, b"", {"ETag": '"none"'})
            self.num_looks += 1
            return self._get(key)

    def _get(self, key: str) -> AWSResponse:
        is_failure = key.endswith("-error.out")
        name = key.removeprefix("out/").removesuffix("-error.out" if is_failure else ".out")
        ended, call = self._ends.get(name, (float("inf"), None))
        if call is None or ended > self.clock.now():
            return self._absent()
        fate = self.fate(call)
        if isinstance(fate, Silence) or isinstance(fate, Failure) is not is_failure:
            return self._absent()
        body = fate.body if isinstance(fate, Failure) else fate
        dates = {"Last-Modified": self._date(ended), "Date": self._date(self.clock.now())}
        return _response(200, body, dates)

    def _date(self, seconds: float) -> str:
        """By S3's clock."""
        there = datetime.fromtimestamp(seconds - self.s3_behind_seconds, UTC)
        return format_datetime(there, usegmt=True)

    def _refused_by_s3(self, refusal: Refusal) -> AWSResponse:
        if not refusal.status:
            raise ConnectionClosedError(endpoint_url="simulated")
        said = f"<Error><Code>{refusal.code}</Code><Message>{refusal.message}</Message></Error>"
        return _response(refusal.status, said.encode(), {})

    def _absent(self) -> AWSResponse:
        absent = Refusal("NoSuchKey", 404) if self.can_list else Refusal("AccessDenied", 403)
        return self._refused_by_s3(absent)


def attributes(call: Call) -> dict[str, str]:
    """The options in its custom attributes."""
    return dict(each.split("=", 1) for each in call.attributes.split(";"))


class _Raw(BytesIO):
    def stream(self, amount: int = 65536, **_: Any) -> Any:
        while chunk := self.read(amount):
            yield chunk


def _response(status: int, body: bytes, headers: dict[str, str]) -> AWSResponse:
    sized = {"Content-Length": str(len(body)), **headers}
    return AWSResponse("http://simulated", status, sized, _Raw(body))


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
