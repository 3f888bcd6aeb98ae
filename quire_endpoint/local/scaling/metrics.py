"""How do the rooms' figures come into CloudWatch, one statistic set a minute?"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from quire_endpoint.local.clock import Clock, as_date
from quire_endpoint.local.own_clients import OwnClients
from quire_endpoint.local.scaling.aggregates import Aggregate, Series, minute_of

_log = logging.getLogger(__name__)

MAX_DATA_IN_CALL = 1000
"""PutMetricData's limit."""

_Datum = tuple[int, Series, Aggregate]


class CloudWatchMetrics:
    """ports.Metrics. Nothing is sent until `flush`, which the scaler calls as each minute ends."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._clock = clock
        self._clients = OwnClients(url)
        self._lock = threading.Lock()
        self._minutes: dict[int, dict[Series, Aggregate]] = defaultdict(dict)

    def put(
        self, name: str, value: float, unit: str, endpoint_name: str, variant_name: str | None = None
    ) -> None:
        self.add(Series(name, unit, endpoint_name, variant_name), value, self._clock.now())

    def add(self, series: Series, value: float, seconds: float) -> None:
        """Counts it in the minute that `seconds` lies in."""
        with self._lock:
            minute = self._minutes[minute_of(seconds)]
            known = minute.get(series)
            minute[series] = known.and_also(value) if known else Aggregate.of(value)

    def flush(self, now: float, region_of: Callable[[str], str | None]) -> None:
        """Sends what the minutes that have ended hold, each to the region of its endpoint; what is of an
        endpoint without one is dropped, and so, with a warning, is what CloudWatch does not take: it may have
        counted it."""
        calls: dict[tuple[str, str], list[_Datum]] = defaultdict(list)
        for datum in self._ended(now):
            series = datum[1]
            region = region_of(series.endpoint_name)
            if region is not None:
                calls[region, series.namespace].append(datum)
        for (region, namespace), data in calls.items():
            for part in _parts(data, MAX_DATA_IN_CALL):
                self._send(region, namespace, part)

    def close(self) -> None:
        """What has not been sent stays behind."""
        self._clients.close()

    def _send(self, region: str, namespace: str, data: Iterable[_Datum]) -> None:
        written = [_written(datum) for datum in data]
        try:
            self._clients.of("cloudwatch", region).put_metric_data(Namespace=namespace, MetricData=written)
        except (ClientError, BotoCoreError) as error:
            _log.warning("%d metrics of %s did not reach CloudWatch: %s", len(written), region, error)

    def _ended(self, now: float) -> list[_Datum]:
        with self._lock:
            ended = sorted(minute for minute in self._minutes if minute < minute_of(now))
            return [
                (minute, series, aggregate)
                for minute in ended
                for series, aggregate in self._minutes.pop(minute).items()
            ]


def _parts(data: Iterable[_Datum], size: int) -> Iterator[list[_Datum]]:
    rest = iter(data)
    while part := list(islice(rest, size)):
        yield part


def _written(datum: _Datum) -> dict[str, Any]:
    minute, series, aggregate = datum
    return {
        "MetricName": series.name,
        "Dimensions": [{"Name": name, "Value": value} for name, value in series.dimensions],
        "Timestamp": as_date(minute),
        "Unit": series.unit,
        "StatisticValues": {
            "SampleCount": aggregate.samples,
            "Sum": aggregate.total,
            "Minimum": aggregate.least,
            "Maximum": aggregate.most,
        },
    }
