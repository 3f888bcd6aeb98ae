"""What stands around a queue in the tests: real objects in files, and topics, metrics and logs that remember
what they were told."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from quire_endpoint.local.clock import Clock
from quire_endpoint.local.faults import Faults
from quire_endpoint.local.invocation import Ending, Invocation
from quire_endpoint.local.journal import Entry, Journal, Step
from quire_endpoint.local.ports import ObjectMissing
from quire_endpoint.local.queue.neighbours import Neighbours
from quire_endpoint.local.s3.store import ObjectStore
from quire_endpoint.local.specs import EndpointSpec, ModelSpec, NotificationSpec, VariantSpec
from quire_endpoint.local.switches import Switches
from quire_endpoint.s3_location import S3Location

WAIT_SECONDS = 20.0
"""Until a test gives up on something that ought to happen."""

SUCCESS, ERROR = "arn:aws:sns:eu-west-1:123456789012:done", "arn:aws:sns:eu-west-1:123456789012:failed"


@dataclass(frozen=True)
class Datum:
    name: str
    value: float
    unit: str
    endpoint_name: str
    variant_name: str | None


class RememberingMetrics:
    """ports.Metrics."""

    def __init__(self) -> None:
        self.data: list[Datum] = []

    def put(
        self, name: str, value: float, unit: str, endpoint_name: str, variant_name: str | None = None
    ) -> None:
        self.data.append(Datum(name, value, unit, endpoint_name, variant_name))

    def sum(self, name: str) -> float:
        return sum(one.value for one in list(self.data) if one.name == name)

    def names(self) -> set[str]:
        return {one.name for one in list(self.data)}


class RememberingTopics:
    """ports.Topics."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []

    def publish(self, topic_arn: str, message: str) -> None:
        self.told.append((topic_arn, json.loads(message)))

    def results(self, topic_arn: str) -> list[dict[str, Any]]:
        """Without the test notifications."""
        return [
            message
            for arn, message in self.told
            if arn == topic_arn and message["eventName"] != "TestNotification"
        ]


class RememberingLogs:
    """ports.Logs."""

    def __init__(self) -> None:
        self._lines: dict[str, list[str]] = {}

    def write(self, endpoint_name: str, stream: str, line: str) -> None:
        self._lines.setdefault(stream, []).append(line)

    def lines(self, endpoint_name: str, stream: str) -> Sequence[str]:
        return list(self._lines.get(stream, ()))

    def streams(self, endpoint_name: str) -> Sequence[str]:
        return list(self._lines)

    def data_log(self) -> list[str]:
        """Of all instances."""
        return [line for name, lines in self._lines.items() if name.endswith("/data-log") for line in lines]


class Watched(Journal):
    """A journal that can be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.changed = threading.Condition()
        self.entries: list[Entry] = []
        self.listen(self._note)

    def _note(self, entry: Entry) -> None:
        with self.changed:
            self.entries.append(entry)
            self.changed.notify_all()

    def of(self, step: Step) -> list[Entry]:
        return [entry for entry in self.entries if entry.step is step]

    def endings(self) -> dict[str, Ending | None]:
        return {entry.inference_id: entry.ending for entry in self.of(Step.ENDED)}

    def wait(self, step: Step, count: int = 1) -> list[Entry]:
        """For so many entries of a step."""
        with self.changed:
            is_there = self.changed.wait_for(lambda: len(self.of(step)) >= count, WAIT_SECONDS)
            assert is_there, f"{len(self.of(step))} of {count} {step}: {self.entries[-20:]}"
            return self.of(step)


@dataclass
class Surrounding:
    """Everything beside the queue, made beneath `folder`; a bucket named `bucket` is there."""

    folder: Path
    switches: Switches = field(default_factory=Switches)
    speed: float = 1.0

    def __post_init__(self) -> None:
        self.clock = Clock(self.speed)
        self.objects = ObjectStore(self.folder / "s3", self.clock)
        self.objects.create_bucket("bucket")
        self.topics, self.metrics = RememberingTopics(), RememberingMetrics()
        self.logs, self.journal, self.faults = RememberingLogs(), Watched(), Faults(seed=1)
        self.scratch = self.folder / "queue"
        self.scratch.mkdir(exist_ok=True)

    def neighbours(self) -> Neighbours:
        return Neighbours(
            objects=self.objects,
            topics=self.topics,
            metrics=self.metrics,
            logs=self.logs,
            clock=self.clock,
            switches=self.switches,
            faults=self.faults,
            journal=self.journal,
            folder=self.scratch,
        )

    def put(self, key: str, body: bytes, content_type: str | None = None) -> S3Location:
        path = self.folder / f"upload-{key.replace('/', '-')}"
        path.write_bytes(body)
        location = S3Location("bucket", key)
        self.objects.put(location, path, content_type)
        return location

    def read(self, location: S3Location | None) -> bytes | None:
        """None where there is no such object."""
        assert location is not None
        try:
            return self.objects.find(location).path.read_bytes()
        except ObjectMissing:
            return None

    def invocation(self, name: str, sent: bytes = b"{}", **more: Any) -> Invocation:
        """Its body lies in S3, unless `more` says otherwise."""
        if "input" not in more and "body" not in more:
            more["input"] = self.put(f"in/{name}", sent, "application/octet-stream")
        given = {"failure": S3Location("bucket", f"failed/{name}-error.out"), **more}
        return Invocation(
            endpoint_name="reader",
            inference_id=name,
            received_seconds=self.clock.now(),
            output=S3Location("bucket", f"out/{name}.out"),
            **given,
        )


def endpoint_spec(concurrency: int | None = 1, *, config: str = "first", **variant: Any) -> EndpointSpec:
    """With both topics."""
    return EndpointSpec(
        name="reader",
        arn="arn:aws:sagemaker:eu-west-1:123456789012:endpoint/reader",
        config_name=config,
        region="eu-west-1",
        variant=VariantSpec("main", ModelSpec("model", "image"), "ml.g5.xlarge", **variant),
        output=S3Location("bucket", "out"),
        failure=S3Location("bucket", "failed"),
        notification=NotificationSpec(SUCCESS, ERROR),
        max_concurrent_invocations=concurrency,
    )
