"""What does the local endpoint itself add to an invocation, is each delivered once, and in order? 2,000
invocations of a trivial container, on four instances with four at a time each.

`python -m bench.local_endpoint`. As they come, called by several threads of another process, and from a queue
in which all 2,000 stand before the first instance is there. The mark: under 5 ms at the median. Exits with 1
where anything was not delivered exactly once.

A container that answers at once makes the endpoint's one process the bottleneck: sixteen deliveries then wait
for its processor, and each step takes what all of them cost. What one costs is its CPU time; what a step
takes where the processor is not the bottleneck is seen with a container that takes a while.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from bench.local_endpoint_figures import (
    CONCURRENCY,
    COUNTED,
    Run,
    Timeline,
    displacements,
    figures,
    record_of,
    table,
    times_of,
    verdict,
)
from bench.report import publish
from bench.served import ROOT
from quire_endpoint.local.journal import Entry, Step
from quire_endpoint.local.up import LocalEndpoint, LocalSettings

INVOCATIONS, INSTANCES, CALLERS = 2000, 4, 4
PATIENCE_SECONDS = 600.0
NAME, BUCKET = "trivial", "bench-local-endpoint"
CONTAINER = Path(__file__).with_name("recording_container.py")


@dataclass(frozen=True)
class Load:
    """`is_queued_first`: all stand in the queue before an instance is there. `is_told`: by SNS."""

    name: str
    is_queued_first: bool = True
    service_seconds: float = 0.0
    is_told: bool = True


SLOW_SECONDS = 0.25
JUDGED = Load("a container that takes 0.12 to 0.38 s, nobody told", True, SLOW_SECONDS, is_told=False)
UNTOLD = Load("from a full queue, nobody told", is_told=False)
LOADS = (
    Load("as they come", is_queued_first=False),
    Load("from a full queue"),
    UNTOLD,
    Load("a container that takes 0.12 to 0.38 s", service_seconds=SLOW_SECONDS),
    JUDGED,
)


def client_of(service: str, url: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="bench",
        aws_secret_access_key="bench",
    )


class Caller:
    """The user's side, in a process of its own: prints the id of each call, and its seconds on the wire."""

    def __init__(self, url: str) -> None:
        self._client = client_of("sagemaker-runtime", url)
        self._began = threading.local()
        self._client.meta.events.register("before-send.sagemaker-runtime", self._begin)

    def _begin(self, **_: object) -> None:
        self._began.seconds = time.perf_counter()

    def call(self, number: int) -> tuple[str, float]:
        name = f"invocation-{number}"
        self._client.invoke_endpoint_async(
            EndpointName=NAME,
            InferenceId=name,
            ContentType="text/plain",
            InputLocation=f"s3://{BUCKET}/input/{number}",
        )
        return name, time.perf_counter() - self._began.seconds

    def run(self, count: int, num_threads: int) -> None:
        with ThreadPoolExecutor(num_threads) as pool:
            print(json.dumps(dict(pool.map(self.call, range(count)))))


class Bench:
    """An endpoint that runs in this process, and one load of `count` invocations."""

    def __init__(self, folder: Path, load: Load, count: int) -> None:
        self._folder = folder
        self._load = load
        self._count = count
        self.timelines: defaultdict[str, Timeline] = defaultdict(dict)
        self._num_ended = 0

    def run(self) -> Run:
        service = f"SERVICE_SECONDS={self._load.service_seconds}"
        container = ("env", f"RECORD={self._folder}/record", service, str(CONTAINER))
        with LocalEndpoint(LocalSettings(self._folder / "local", serve=container)) as local:
            local.journal.listen(self._note)
            self._prepare(local)
            began, began_cpu = time.perf_counter(), time.process_time()
            if self._load.is_queued_first:
                _scale(local, 0)
                calls = self._call(local.url, 1)
                _scale(local, INSTANCES)
            else:
                calls = self._call(local.url, CALLERS)
            _await(lambda: self._num_ended >= self._count, "all have ended")
            seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - began_cpu
            return self._judge(local, calls, seconds, cpu_seconds)

    def _note(self, entry: Entry) -> None:
        self.timelines[entry.inference_id][entry.step] = entry
        self._num_ended += entry.step is Step.ENDED

    def _prepare(self, local: LocalEndpoint) -> None:
        s3, sagemaker = client_of("s3", local.url), client_of("sagemaker", local.url)
        s3.create_bucket(Bucket=BUCKET)
        for number in range(self._count):
            s3.put_object(Bucket=BUCKET, Key=f"input/{number}", Body=f"body {number}".encode())
        output: dict[str, Any] = {"S3OutputPath": f"s3://{BUCKET}/output"}
        if self._load.is_told:
            topic = client_of("sns", local.url).create_topic(Name="told")["TopicArn"]
            output["NotificationConfig"] = {"SuccessTopic": topic}
        role = "arn:aws:iam::123456789012:role/bench"
        sagemaker.create_model(ModelName=NAME, ExecutionRoleArn=role, PrimaryContainer={"Image": NAME})
        variant = {"VariantName": "AllTraffic", "ModelName": NAME, "InstanceType": "ml.g5.xlarge"}
        sagemaker.create_endpoint_config(
            EndpointConfigName=NAME,
            ProductionVariants=[{**variant, "InitialInstanceCount": INSTANCES}],
            AsyncInferenceConfig={
                "OutputConfig": output,
                "ClientConfig": {"MaxConcurrentInvocationsPerInstance": CONCURRENCY},
            },
        )
        sagemaker.create_endpoint(EndpointName=NAME, EndpointConfigName=NAME)
        _await(lambda: _is_settled(local, INSTANCES), "the endpoint is in service")

    def _call(self, url: str, num_threads: int) -> dict[str, float]:
        """All of them; seconds by id."""
        command = [sys.executable, "-m", "bench.local_endpoint", "--call", url]
        options = ["--invocations", str(self._count), "--threads", str(num_threads)]
        environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'code'}{os.pathsep}{ROOT}"}
        told = subprocess.run(
            [*command, *options], check=True, stdout=subprocess.PIPE, env=environment, cwd=ROOT
        )
        calls: dict[str, float] = json.loads(told.stdout)
        return calls

    def _judge(self, local: LocalEndpoint, calls: dict[str, float], seconds: float, cpu: float) -> Run:
        delivered = record_of(self._folder)
        times_delivered = Counter(one.inference_id for one in delivered)
        outputs = _outputs(local)
        right = {f"body {number}" for number in range(self._count)}
        return Run(
            num_accepted=len(calls),
            num_delivered=len(times_delivered),
            num_delivered_twice=sum(times > 1 for times in times_delivered.values()),
            num_right_outputs=len(right & set(outputs)),
            num_outputs=len(outputs),
            seconds=seconds,
            cpu_milliseconds=1000 * cpu / self._count,
            displacements=displacements(self.timelines, delivered),
            times=times_of(self.timelines, calls, delivered),
        )


def _outputs(local: LocalEndpoint) -> list[str]:
    s3 = client_of("s3", local.url)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="output/")
    keys = [each["Key"] for page in pages for each in page.get("Contents", ())]
    return [s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode() for key in keys]


def _scale(local: LocalEndpoint, count: int) -> None:
    wanted = [{"VariantName": "AllTraffic", "DesiredInstanceCount": count}]
    client = client_of("sagemaker", local.url)
    client.update_endpoint_weights_and_capacities(EndpointName=NAME, DesiredWeightsAndCapacities=wanted)
    if count == 0:
        _await(lambda: _is_settled(local, 0), "no instance is left")


def _is_settled(local: LocalEndpoint, count: int) -> bool:
    state = local.host.state(NAME)
    return state.status == "InService" and state.current_instance_count == count


def _await(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not within {PATIENCE_SECONDS:.0f} s: {what}")
        time.sleep(0.02)


def run(count: int) -> dict[str, Run]:
    found = {}
    for load in LOADS:
        with tempfile.TemporaryDirectory(prefix="bench-local-") as folder:
            found[load.name] = Bench(Path(folder), load, count).run()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--invocations", type=int, default=INVOCATIONS)
    parser.add_argument("--call", metavar="URL", help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=1, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.call is not None:
        Caller(given.call).run(given.invocations, given.threads)
        return
    found = run(given.invocations)
    text = f"{table(found)}\n\n{verdict(found[JUDGED.name], found[UNTOLD.name])}\n\n{COUNTED}"
    shown: dict[str, object] = {name: figures(one) for name, one in found.items()}
    publish("local_endpoint", "The local endpoint's own time (`python -m bench.local_endpoint`)", text, shown)
    if not all(one.is_exact for one in found.values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
