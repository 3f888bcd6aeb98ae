"""A call of the local endpoint's own URL that fails, or comes too late, costs that call alone."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from quire_endpoint.local.clock import Clock
from quire_endpoint.local.scaling.aggregates import Series
from quire_endpoint.local.scaling.alarms import Alarm, Comparison, Metric, Rule
from quire_endpoint.local.scaling.autoscaler import Autoscaler
from quire_endpoint.local.scaling.called_board import CalledBoard
from quire_endpoint.local.scaling.log_events import LogEvents
from quire_endpoint.local.scaling.logs import FileLogs
from quire_endpoint.local.scaling.metrics import CloudWatchMetrics
from quire_endpoint.local.scaling.scaler import Scaler
from quire_endpoint.local.switches import Switches
from tests.fakes.host_without_containers import HostWithoutContainers
from tests.local.scaling.simulated_endpoint import SPEC

NOW = 1_900_000_020.0


@pytest.fixture
def nowhere() -> str:
    """A URL where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture
def host(region: str) -> HostWithoutContainers:
    host = HostWithoutContainers()
    host.create(replace(SPEC, region=region))
    return host


class BoardWhoseAlarmsGo(CalledBoard):
    """Somebody deletes every alarm between its being read and its being written."""

    def values(self, *asked: Any) -> Sequence[float | None]:
        self._cloudwatch.delete_alarms(AlarmNames=[alarm.name for alarm in self.alarms()])
        return [5.0] * int(asked[-1])


def test_an_alarm_that_somebody_deletes_meanwhile_is_let_go(cloudwatch: Any, autoscaling: Any) -> None:
    board = BoardWhoseAlarmsGo(cloudwatch, autoscaling)
    board.put_alarm(Alarm("short-lived", Rule(Metric("Mine", "Any"), Comparison.ABOVE, 1.0, 1, 1)))
    autoscaler = Autoscaler(board, Switches(are_metrics_late=False))
    assert autoscaler.step(NOW, lambda _: None) == []
    assert board.alarms() == []


def test_a_call_that_fails_costs_its_region_the_minute_alone(
    nowhere: str, host: HostWithoutContainers, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    scaler = Scaler(nowhere, host, clock, CloudWatchMetrics(nowhere, clock))
    scaler.step(NOW)
    scaler.close()
    lines = [record.getMessage() for record in caplog.records if record.name.endswith("scaling.scaler")]
    assert len(lines) == 1
    assert lines[0].startswith("nothing is scaled in eu-west-1 this minute: Could not connect")


def test_what_does_not_reach_cloudwatch_is_warned_of_and_stops_nothing(
    region: str, nowhere: str, caplog: pytest.LogCaptureFixture
) -> None:
    metrics = CloudWatchMetrics(nowhere, Clock())
    metrics.add(Series("metric", "Count", "documents"), 1.0, 60.0)
    metrics.flush(120.0, {"documents": region}.get)
    metrics.close()
    [said] = [record.getMessage() for record in caplog.records if record.name.endswith("scaling.metrics")]
    assert said.startswith(f"1 metrics of {region} did not reach CloudWatch: Could not connect")


def test_lines_that_do_not_reach_cloudwatch_are_warned_of_and_stop_nothing(
    tmp_path: Path, nowhere: str, host: HostWithoutContainers, caplog: pytest.LogCaptureFixture
) -> None:
    logs = FileLogs(tmp_path, Clock())
    sender = LogEvents(nowhere, logs, host)
    sender.start()
    logs.write("documents", "AllTraffic/i-1", "first")
    sender.close()
    [said] = [record.getMessage() for record in caplog.records if record.name.endswith("scaling.log_events")]
    assert said.startswith("1 lines of AllTraffic/i-1 did not reach CloudWatch Logs: Could not connect")
