"""A whole local endpoint whose hours are short, clients that live by the same clock, and the books that its
journal and their outcomes must balance."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import boto3

from quire_endpoint.client import AsyncEndpointClient, ClientSettings, Document, Outcome, Request, Succeeded
from quire_endpoint.client.clock import WallClock
from quire_endpoint.client.notices import subscribe_queue
from quire_endpoint.local.clock import Clock
from quire_endpoint.local.invocation import Ending
from quire_endpoint.local.journal import Entry, Step
from quire_endpoint.local.switches import Switches
from quire_endpoint.local.up import LocalEndpoint, LocalSettings

STUB = Path(__file__).with_name("stub_container.py")
BUCKET, REGION = "load", "us-east-1"
PATIENCE_SECONDS = 60.0
MAX_CALLS = 3


class ClientsClock(WallClock):
    """The endpoint's own time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> float:
        return self._clock.now()

    def wait(self, seconds: float, futures: Collection[Future[Any]]) -> None:
        super().wait(self._clock.wall_seconds(seconds), futures)


class EndpointUnderLoad(LocalEndpoint):
    """The stub is the container; a second of its service takes one on the wall. Its requests are not dated
    by AWS's clients, so that nothing but its own clock is faster."""

    def __init__(self, folder: Path, speed: float = 1.0, switches: Switches | None = None) -> None:
        super().__init__(
            LocalSettings(folder, serve=(str(STUB),), speed=speed, switches=switches or Switches())
        )
        self.session = boto3.Session("load", "load", region_name=REGION)

    def start(self) -> None:
        super().start()
        self.call("s3").create_bucket(Bucket=BUCKET)

    def call(self, service: str, **options: Any) -> Any:
        """A client of it; also how AsyncEndpointClient gets its own."""
        return self.session.client(service, endpoint_url=self.url, **options)

    client = call

    def deploy(
        self,
        name: str,
        num_instances: int = 1,
        concurrency: int = 4,
        *,
        is_telling: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> Sequence[str]:
        """In service when this returns. The topics that it tells are returned, if it is to tell any."""
        topics = [
            self.call("sns").create_topic(Name=f"{name}-{kind}")["TopicArn"] for kind in ("good", "bad")
        ]
        sagemaker = self.call("sagemaker")
        self.configure(name, name, topics, num_instances, concurrency, environment)
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        self.await_settled(name, num_instances)
        return topics

    def configure(
        self,
        config: str,
        endpoint: str,
        topics: Sequence[str],
        num_instances: int,
        concurrency: int,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """A model and a configuration of this name."""
        sagemaker = self.call("sagemaker")
        role = "arn:aws:iam::123456789012:role/load"
        container = {"Image": "stub", "Environment": environment or {}}
        sagemaker.create_model(ModelName=config, ExecutionRoleArn=role, PrimaryContainer=container)
        variant = {"VariantName": "AllTraffic", "ModelName": config, "InstanceType": "ml.g5.xlarge"}
        output = {
            "S3OutputPath": f"s3://{BUCKET}/{endpoint}/outputs",
            "S3FailurePath": f"s3://{BUCKET}/{endpoint}/failures",
            "NotificationConfig": dict(zip(("SuccessTopic", "ErrorTopic"), topics, strict=False)),
        }
        sagemaker.create_endpoint_config(
            EndpointConfigName=config,
            ProductionVariants=[{**variant, "InitialInstanceCount": num_instances}],
            AsyncInferenceConfig={
                "OutputConfig": output,
                "ClientConfig": {"MaxConcurrentInvocationsPerInstance": concurrency},
            },
        )

    def scale(self, name: str, count: int) -> None:
        wanted = [{"VariantName": "AllTraffic", "DesiredInstanceCount": count}]
        self.call("sagemaker").update_endpoint_weights_and_capacities(
            EndpointName=name, DesiredWeightsAndCapacities=wanted
        )

    def await_settled(self, name: str, count: int) -> None:
        def is_settled() -> bool:
            state = self.host.state(name)
            return state.status == "InService" and state.current_instance_count == count

        await_that(is_settled, f"{name} has {count} instances")

    def user(self, name: str, settings: ClientSettings, topics: Sequence[str] = ()) -> AsyncEndpointClient:
        """Polls S3, or where topics are given hears of them through a queue of its own."""
        return AsyncEndpointClient(
            name,
            input_prefix=f"s3://{BUCKET}/{name}/inputs",
            queue_url=subscribe_queue(self, name, topics) if topics else None,
            session=self,
            settings=settings,
            clock=ClientsClock(self.clock),
        )

    def timelines(self, name: str) -> list[list[Entry]]:
        """Of the endpoint's accepted invocations, as the journal has them."""
        return [line for line in self.journal.latest(100_000) if line[0].endpoint_name == name]


def documents(count: int) -> list[Document]:
    return [Document(f"text {number}".encode(), f"d{number}") for number in range(count)]


def check_books(local: EndpointUnderLoad, name: str, count: int, outcomes: Sequence[Outcome]) -> None:
    """Every document has one outcome; it says what became of the document; nothing was completed twice; none
    was submitted more than three times. The user must not have given up before TTL and timeout."""
    await_that(lambda: all(map(ending, local.timelines(name))), "the endpoint is done with all")
    assert Counter(one.reference for one in outcomes) == Counter(f"d{number}" for number in range(count))
    attempts: dict[str, list[list[Entry]]] = {}
    for line in local.timelines(name):
        attempts.setdefault(line[0].inference_id.rpartition("-")[0], []).append(line)
    for outcome in outcomes:
        timelines = attempts.get(outcome.reference, [])
        completed = [line[0].inference_id for line in timelines if ending(line) is Ending.COMPLETED]
        assert len(timelines) <= outcome.calls <= MAX_CALLS, (outcome, timelines)
        if isinstance(outcome, Succeeded):
            assert completed == [outcome.inference_id], (outcome, timelines)
            assert _answer(local, outcome) == f"text {outcome.reference[1:]}"
        else:
            assert not completed, (outcome, timelines)


def ending(timeline: Sequence[Entry]) -> Ending | None:
    """How it ended, which is written once; None of one that has not."""
    endings = [entry.ending for entry in timeline if entry.step is Step.ENDED]
    assert len(endings) <= 1, timeline
    return endings[0] if endings else None


def _answer(local: EndpointUnderLoad, outcome: Succeeded) -> str:
    found = local.objects.find(outcome.output)
    return re.sub(r"\s+", " ", found.path.read_text())


def await_that(holds: Callable[[], Any], what: str) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < end, f"not within {PATIENCE_SECONDS:.0f} s: {what}"
        time.sleep(0.02)


def hasty(**options: Any) -> Request:
    """A request whose wait ends soon."""
    return Request(ttl_seconds=90, timeout_seconds=30, options=options)
