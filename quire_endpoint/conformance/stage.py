"""What do the checks act on: the endpoints of one run, made when the first check needs them?"""

from __future__ import annotations

import contextlib
import json
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

from botocore.exceptions import ClientError

from quire_endpoint.conformance.deployment import Deployed, Deployment
from quire_endpoint.conformance.mailbox import Mailbox
from quire_endpoint.conformance.mischief import Mischief
from quire_endpoint.conformance.plans import Plan
from quire_endpoint.conformance.readings import Readings
from quire_endpoint.conformance.row import Differs
from quire_endpoint.conformance.target import Target
from quire_endpoint.s3_location import S3Location

_Happening = TypeVar("_Happening")

ANSWER_SECONDS = 300.0
"""How long an answer may take, in the target's time, where the check says nothing else."""


@dataclass(frozen=True)
class Ticket:
    """What InvokeEndpointAsync answered."""

    inference_id: str
    output: S3Location
    failure: S3Location | None
    response: Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """The object that was written, and whether at the output location."""

    is_output: bool
    body: bytes
    content_type: str | None


class Stage:
    """One run against a target; a context manager that takes away what it made. Several threads may check at
    once, each with endpoints of its own."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.clients = target.clients
        self.mark = f"conformance-{uuid.uuid4().hex[:8]}"
        self._lock = threading.RLock()
        self._mailbox: Mailbox | None = None
        self._deployed: dict[Plan, Deployed] = {}
        self._in_service: set[Plan] = set()
        self.readings = Readings(target)
        self.happened: dict[Callable[[Stage], Any], Any] = {}
        self._at_end: list[Callable[[], object]] = []

    @property
    def mailbox(self) -> Mailbox:
        """Two topics, and a queue that hears both."""
        with self._lock:
            if self._mailbox is None:
                self._mailbox = Mailbox(self.target, self.mark)
                self.at_end(self._mailbox.close)
            return self._mailbox

    @property
    def mischief(self) -> Mischief:
        """Raises NotCheckable at AWS."""
        return Mischief(self.target.url)

    @property
    def deployment(self) -> Deployment:
        return Deployment(self.target, self.mark, self.mailbox.topics)

    def begin(self, plans: Iterable[Plan]) -> None:
        """Asks for all of these endpoints at once, so that their instances come side by side."""
        for plan in plans:
            self.creating(plan)

    def creating(self, plan: Plan) -> Deployed:
        """The endpoint, in service or on the way."""
        with self._lock:
            if plan not in self._deployed:
                self._deployed[plan] = self.deployment.create(plan)
            return self._deployed[plan]

    def leave(self, plan: Plan) -> None:
        """Nobody needs its endpoint any more: each instance costs as long as it lives."""
        with self._lock:
            deployed = self._deployed.pop(plan, None)
        if deployed is not None:
            self.deployment.remove(deployed.name)

    def endpoint(self, plan: Plan) -> Deployed:
        """In service. Raises Differs."""
        deployed = self.creating(plan)
        if plan not in self._in_service:
            self.deployment.await_status(deployed.name)
            self._in_service.add(plan)
        return deployed

    def once(self, happening: Callable[[Stage], _Happening]) -> _Happening:
        """What it returned the first time: several checks may look at what one event has left."""
        if happening not in self.happened:
            self.happened[happening] = happening(self)
        known: _Happening = self.happened[happening]
        return known

    def at_end(self, call: Callable[[], object]) -> None:
        """Takes away what a check has made beside the endpoints."""
        self._at_end.append(call)

    def put(self, body: bytes, content_type: str = "application/json") -> str:
        """The s3:// address of a new input object."""
        key = f"{self.mark}/inputs/{uuid.uuid4().hex}"
        self.clients.s3.put_object(Bucket=self.target.bucket, Key=key, Body=body, ContentType=content_type)
        return f"s3://{self.target.bucket}/{key}"

    def invoke(self, deployed: Deployed, wish: Mapping[str, Any] | bytes = b"{}", **members: Any) -> Ticket:
        """InvokeEndpointAsync with the wish put to S3, and more `members` of the call; None omits one."""
        body = wish if isinstance(wish, bytes) else json.dumps({"do": dict(wish)}).encode()
        request: dict[str, Any] = {"ContentType": "application/json", **members}
        if "InputLocation" not in request and "Body" not in request:
            request["InputLocation"] = self.put(body)
        given = {name: value for name, value in request.items() if value is not None}
        answer = self.clients.runtime.invoke_endpoint_async(EndpointName=deployed.name, **given)
        failure = answer.get("FailureLocation")
        return Ticket(
            answer["InferenceId"],
            S3Location.parse(answer["OutputLocation"]),
            S3Location.parse(failure) if failure else None,
            answer,
        )

    def found(self, ticket: Ticket) -> Outcome | None:
        """What is written by now."""
        for location in (ticket.output, ticket.failure):
            if location is None:
                continue
            try:
                told = self.clients.s3.get_object(Bucket=location.bucket, Key=location.key)
            except ClientError as error:
                if error.response["Error"]["Code"] not in ("NoSuchKey", "AccessDenied", "404", "403"):
                    raise
                continue
            return Outcome(location == ticket.output, told["Body"].read(), told.get("ContentType"))
        return None

    def outcome(self, ticket: Ticket, seconds: float = ANSWER_SECONDS) -> Outcome:
        """Waits for it. Raises Differs where neither object is written in time."""
        return self.target.until(lambda: self.found(ticket), seconds, "output or failure object")

    def succeeded(self, ticket: Ticket, seconds: float = ANSWER_SECONDS) -> Outcome:
        """Raises Differs with the failure object."""
        outcome = self.outcome(ticket, seconds)
        if not outcome.is_output:
            raise Differs(f"failed: {outcome.body[:300]!r}")
        return outcome

    def report(self, ticket: Ticket, seconds: float = ANSWER_SECONDS) -> dict[str, Any]:
        """What the container tells of the request and of itself."""
        told = json.loads(self.succeeded(ticket, seconds).body)
        assert isinstance(told, dict)
        return told

    def ask(self, deployed: Deployed, seconds: float = ANSWER_SECONDS) -> dict[str, Any]:
        """A request's report, from the endpoint as it is now."""
        return self.report(self.invoke(deployed), seconds)

    def seen(self, deployed: Deployed) -> list[dict[str, Any]]:
        """Every request that the container has had since it started, this one included."""
        told: list[dict[str, Any]] = self.report(self.invoke(deployed, {"is_seen": True}))["seen"]
        return told

    def deliveries(self, deployed: Deployed, ticket: Ticket) -> int:
        """How often the container had the request."""
        return sum(one["inference_id"] == ticket.inference_id for one in self.seen(deployed))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for plan in list(self._deployed):
            self.leave(plan)
        for call in reversed(self._at_end):
            with contextlib.suppress(ClientError):
                call()
