"""Lines on their way into CloudWatch Logs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from quire_endpoint.local.clock import Clock
from quire_endpoint.local.own_clients import OwnClients
from quire_endpoint.local.scaling.log_events import LogEvents
from quire_endpoint.local.scaling.logs import FileLogs
from tests.fakes.host_without_containers import HostWithoutContainers
from tests.local.scaling.simulated_endpoint import SPEC

GROUP = "/aws/sagemaker/Endpoints/documents"
STREAM = "AllTraffic/i-1/data-log"


@pytest.fixture
def cloudwatch_logs(scaling_clients: OwnClients, region: str) -> Any:
    return scaling_clients.of("logs", region)


@pytest.fixture
def logs(tmp_path: Path) -> FileLogs:
    return FileLogs(tmp_path, Clock(3600))


@pytest.fixture
def host(region: str) -> HostWithoutContainers:
    host = HostWithoutContainers()
    host.create(replace(SPEC, region=region))
    return host


@pytest.fixture
def make_sender(url: str, logs: FileLogs, host: HostWithoutContainers) -> Iterator[Callable[[], LogEvents]]:
    made = []

    def make() -> LogEvents:
        made.append(LogEvents(url, logs, host))
        made[-1].start()
        return made[-1]

    yield make
    for sender in made:
        sender.close()


def messages(client: Any) -> list[str]:
    answer = client.get_log_events(logGroupName=GROUP, logStreamName=STREAM, startFromHead=True, limit=10_000)
    return [event["message"] for event in answer["events"]]


def test_lines_come_into_their_stream_in_order_whatever_the_clock_says(
    make_sender: Callable[[], LogEvents], logs: FileLogs, cloudwatch_logs: Any
) -> None:
    sender = make_sender()
    for line in ("first", "", "third: é"):
        logs.write("documents", STREAM, line)
    logs.write("nobody", STREAM, "of no endpoint")
    sender.close()
    assert messages(cloudwatch_logs) == ["first", " ", "third: é"]
    groups = cloudwatch_logs.describe_log_groups()["logGroups"]
    assert [group["logGroupName"] for group in groups] == [GROUP]


def wait_for(client: Any, *lines: str) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        groups = client.describe_log_groups()["logGroups"]
        streams = groups and client.describe_log_streams(logGroupName=GROUP)["logStreams"]
        if streams and messages(client) == list(lines):
            return
        time.sleep(0.05)
    raise AssertionError(f"{lines} never came")


def test_lines_are_sent_while_the_endpoint_runs_and_after_it_has_gone(
    make_sender: Callable[[], LogEvents], logs: FileLogs, host: HostWithoutContainers, cloudwatch_logs: Any
) -> None:
    sender = make_sender()
    logs.write("documents", STREAM, "first")
    wait_for(cloudwatch_logs, "first")
    host.forget("documents")
    logs.write("documents", STREAM, "last")
    sender.close()
    assert messages(cloudwatch_logs) == ["first", "last"]


def test_a_group_that_somebody_deletes_is_made_again(
    make_sender: Callable[[], LogEvents], logs: FileLogs, cloudwatch_logs: Any
) -> None:
    first = make_sender()
    logs.write("documents", STREAM, "first")
    wait_for(cloudwatch_logs, "first")
    cloudwatch_logs.delete_log_group(logGroupName=GROUP)
    logs.write("documents", STREAM, "second")
    first.close()
    assert messages(cloudwatch_logs) == ["second"]
    second = make_sender()
    logs.write("documents", STREAM, "third")
    second.close()
    assert messages(cloudwatch_logs) == ["second", "third"]


def test_a_talkative_container_does_not_fill_the_memory(
    url: str, logs: FileLogs, host: HostWithoutContainers, cloudwatch_logs: Any
) -> None:
    sender = LogEvents(url, logs, host, max_lines=3)
    sender.start()
    for number in range(2):
        logs.write("documents", STREAM, str(number))
    wait_for(cloudwatch_logs, "0", "1")
    for number in range(2, 9):
        logs.write("documents", STREAM, str(number))
    sender.close()
    assert messages(cloudwatch_logs) == ["0", "1", "2"]


def test_nor_do_few_but_long_lines(
    url: str, logs: FileLogs, host: HostWithoutContainers, cloudwatch_logs: Any
) -> None:
    sender = LogEvents(url, logs, host, max_characters=25)
    sender.start()
    for number in range(4):
        logs.write("documents", STREAM, str(number) * 10)
    sender.close()
    assert messages(cloudwatch_logs) == ["0" * 10, "1" * 10]
