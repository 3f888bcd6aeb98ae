"""Figures on their way into CloudWatch, and logs on theirs into files."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from quire_endpoint.local.clock import Clock
from quire_endpoint.local.ports import Backlog
from quire_endpoint.local.scaling.aggregates import Series, minute_of
from quire_endpoint.local.scaling.gauges import measured
from quire_endpoint.local.scaling.kept_lines import KEPT_CHARACTERS
from quire_endpoint.local.scaling.logs import KEPT_STREAMS, FileLogs
from quire_endpoint.local.scaling.metrics import CloudWatchMetrics
from quire_endpoint.local.specs import EndpointState, EndpointStatus
from tests.local.scaling.simulated_endpoint import SPEC

DAY_SECONDS = 86400


def statistics(cloudwatch: Any, series: Series, start: float, minutes: int) -> dict[float, dict[str, Any]]:
    answer = cloudwatch.get_metric_statistics(
        Namespace=series.namespace,
        MetricName=series.name,
        Dimensions=[{"Name": name, "Value": value} for name, value in series.dimensions],
        StartTime=datetime.fromtimestamp(start, UTC),
        EndTime=datetime.fromtimestamp(start + minutes * 60, UTC),
        Period=60,
        Statistics=["Average", "Sum", "Minimum", "Maximum", "SampleCount"],
    )
    return {point["Timestamp"].timestamp(): point for point in answer["Datapoints"]}


def test_a_minutes_values_become_one_statistic_set_however_far_ahead_the_clock_is(
    url: str, region: str, cloudwatch: Any
) -> None:
    """At speed 60 it is two hours ahead of the wall after two minutes, and CloudWatch takes no more."""
    clock = Clock(60)
    metrics = CloudWatchMetrics(url, clock)
    start = minute_of(clock.now()) + 30 * DAY_SECONDS
    series = Series("TimeInBacklog", "Milliseconds", "ahead", "AllTraffic")
    for offset, value in ((0, 10.0), (59.9, 30.0), (60, 5.0), (120, 7.0)):
        metrics.add(series, value, start + offset)
    metrics.flush(start + 120, {"ahead": region}.get)
    points = statistics(cloudwatch, series, start, minutes=5)
    assert list(points) == [start, start + 60]
    first = points[start]
    assert (first["SampleCount"], first["Sum"], first["Average"]) == (2, 40, 20)
    assert (first["Minimum"], first["Maximum"], first["Unit"]) == (10, 30, "Milliseconds")
    metrics.flush(start + 180, {"ahead": region}.get)
    assert len(statistics(cloudwatch, series, start, minutes=5)) == 3
    metrics.close()


def test_put_is_dated_now_and_goes_to_its_endpoints_region_alone(
    url: str, region: str, cloudwatch: Any
) -> None:
    clock = Clock()
    metrics = CloudWatchMetrics(url, clock)
    metrics.put("ExpiredRequests", 1, "Count", "here", "AllTraffic")
    metrics.put("ExpiredRequests", 1, "Count", "there", "AllTraffic")
    metrics.put("ExpiredRequests", 1, "Count", "nowhere", "AllTraffic")
    metrics.flush(clock.now() + 60, {"here": region, "there": "ap-south-1"}.get)
    found = cloudwatch.list_metrics(Namespace="AWS/SageMaker", MetricName="ExpiredRequests")["Metrics"]
    endpoints = {one["Value"] for metric in found for one in metric["Dimensions"]}
    assert endpoints >= {"here", "AllTraffic"}
    assert not endpoints & {"there", "nowhere"}
    metrics.close()


def test_more_series_than_a_call_takes_are_sent_in_several(url: str, region: str, cloudwatch: Any) -> None:
    metrics = CloudWatchMetrics(url, Clock())
    for number in range(2500):
        metrics.add(Series(f"metric-{number}", "Count", "many"), 1.0, 60.0)
    metrics.flush(120.0, {"many": region}.get)
    assert statistics(cloudwatch, Series("metric-2499", "Count", "many"), 60, minutes=2)
    metrics.close()


def test_threads_that_put_at_once_lose_nothing(url: str, region: str, cloudwatch: Any) -> None:
    metrics = CloudWatchMetrics(url, Clock())
    series = Series("InvocationsProcesssed", "Count", "threads", "AllTraffic")

    def put_all() -> None:
        for _ in range(500):
            metrics.add(series, 1.0, 60.0)

    threads = [threading.Thread(target=put_all) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    metrics.flush(120.0, {"threads": region}.get)
    [point] = statistics(cloudwatch, series, 60, minutes=1).values()
    assert point["Sum"] == 4000
    metrics.close()


def gauges(instances: int, backlog: Backlog, is_in_flight_counted: bool = False) -> dict[str, list[float]]:
    state = EndpointState(EndpointStatus.IN_SERVICE, instances, instances, 0.0)
    found: dict[str, list[float]] = {}
    for series, value in measured(SPEC, state, backlog, 1000.0, is_in_flight_counted):
        found.setdefault(series.name, []).append(value)
    return found


def test_an_endpoint_without_instances_has_no_backlog_per_instance() -> None:
    assert gauges(0, Backlog(4, 0, 900.0)) == {
        "ApproximateBacklogSize": [4],
        "HasBacklogWithoutCapacity": [1],
        "ApproximateAgeOfOldestRequest": [100],
    }


def test_what_is_in_flight_counts_where_the_switch_says_so() -> None:
    assert gauges(2, Backlog(4, 2, 900.0))["ApproximateBacklogSizePerInstance"] == [2]
    assert gauges(2, Backlog(4, 2, 900.0), is_in_flight_counted=True) == {
        "ApproximateBacklogSize": [6],
        "HasBacklogWithoutCapacity": [0],
        "ApproximateAgeOfOldestRequest": [100],
        "ApproximateBacklogSizePerInstance": [3],
        "CPUUtilization": [0, 0],
    }


def test_an_empty_queue_has_no_age() -> None:
    assert gauges(1, Backlog(0, 1, None))["ApproximateAgeOfOldestRequest"] == [0]
    assert gauges(0, Backlog(0, 0, None))["HasBacklogWithoutCapacity"] == [0]


def test_lines_lie_in_a_file_for_each_stream(tmp_path: Path) -> None:
    logs = FileLogs(tmp_path, Clock())
    logs.write("documents", "AllTraffic/i-1", "first")
    logs.write("documents", "AllTraffic/i-1/data-log", "an invocation")
    logs.write("documents", "AllTraffic/i-1", "second: é \udc80")
    assert logs.streams("documents") == ["AllTraffic/i-1", "AllTraffic/i-1/data-log"]
    assert logs.lines("documents", "AllTraffic/i-1") == ["first", "second: é \udc80"]
    assert logs.lines("documents", "AllTraffic/i-2") == []
    assert logs.streams("others") == []
    file = tmp_path / "documents/AllTraffic/i-1.log"
    stamp, first = file.read_text().splitlines()[0].split(" ", 1)
    assert first == "first"
    assert datetime.fromisoformat(stamp).tzinfo is not None
    assert (tmp_path / "documents/AllTraffic/i-1/data-log.log").read_text().endswith(" an invocation\n")


def test_memory_keeps_the_last_lines_and_the_file_all(tmp_path: Path) -> None:
    logs = FileLogs(tmp_path, Clock())
    for letter in "abc":
        logs.write("documents", "AllTraffic/i-1", letter * (KEPT_CHARACTERS // 2))
    assert [line[0] for line in logs.lines("documents", "AllTraffic/i-1")] == ["b", "c"]
    written = logs.path("documents", "AllTraffic/i-1").read_text().splitlines()
    assert [line[-1] for line in written] == ["a", "b", "c"]


def test_memory_forgets_the_streams_that_were_written_to_longest_ago_and_no_file(tmp_path: Path) -> None:
    logs = FileLogs(tmp_path, Clock())
    logs.write("documents", "AllTraffic/stays", "first")
    for number in range(KEPT_STREAMS + 5):
        logs.write("documents", f"AllTraffic/i-{number}", "line")
        logs.write("documents", "AllTraffic/stays", str(number))
    streams = logs.streams("documents")
    assert len(streams) == KEPT_STREAMS and streams[0] == "AllTraffic/stays"
    assert len(logs.lines("documents", "AllTraffic/stays")) == KEPT_STREAMS + 6
    assert logs.lines("documents", "AllTraffic/i-0") == []
    logs.write("documents", "AllTraffic/i-0", "again")
    assert logs.lines("documents", "AllTraffic/i-0") == ["again"]
    assert len(logs.path("documents", "AllTraffic/i-0").read_text().splitlines()) == 2


def test_no_name_leads_out_of_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    logs = FileLogs(folder, Clock())
    for name in ("../../outside", "/etc/outside", "..", "a b\n"):
        logs.write("documents", name, "line")
    assert not [path for path in tmp_path.rglob("*.log") if folder not in path.parents]


def test_a_series_is_known_by_everything_that_tells_it_apart() -> None:
    series = Series("ModelLatency", "Microseconds", "documents", "AllTraffic")
    assert series == replace(series)
    assert series != replace(series, endpoint_name="others")
    assert series.dimensions == (("EndpointName", "documents"), ("VariantName", "AllTraffic"))
