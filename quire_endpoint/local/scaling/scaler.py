"""What runs as each minute of the clock ends?"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Sequence

from botocore.exceptions import BotoCoreError, ClientError

from quire_endpoint.local.clock import Clock
from quire_endpoint.local.own_clients import OwnClients
from quire_endpoint.local.ports import Backlog, EndpointHost, NoSuchEndpoint
from quire_endpoint.local.scaling.activities import Activities
from quire_endpoint.local.scaling.aggregates import MINUTE_SECONDS, minute_of
from quire_endpoint.local.scaling.autoscaler import Autoscaler
from quire_endpoint.local.scaling.called_board import CalledBoard
from quire_endpoint.local.scaling.decisions import Capacity, Change
from quire_endpoint.local.scaling.gauges import Value, measured
from quire_endpoint.local.scaling.metrics import CloudWatchMetrics
from quire_endpoint.local.scaling.policies import ScalableTarget
from quire_endpoint.local.specs import EndpointSpec, EndpointState, EndpointStatus
from quire_endpoint.local.switches import Switches

_log = logging.getLogger(__name__)

LATE_WARNED = 3
"""How often in a row minutes are missed before it is said: the first step, which makes clients, is slow."""

_Seen = tuple[EndpointSpec, EndpointState, Backlog]


class Scaler:
    """A thread that lets CloudWatch's and Application Auto Scaling's minutes pass: measures every endpoint,
    sends the metrics of the minute, evaluates alarms and sets desired instance counts. A call of our own URL
    that fails costs its region this minute; any other exception is left to threading.excepthook."""

    def __init__(
        self,
        url: str,
        host: EndpointHost,
        clock: Clock,
        metrics: CloudWatchMetrics,
        switches: Switches | None = None,
        activities: Activities | None = None,
    ) -> None:
        self._host = host
        self._clock = clock
        self._metrics = metrics
        self._switches = switches or Switches()
        self.activities = activities or Activities()
        self._clients = OwnClients(url)
        self._autoscalers: dict[str, Autoscaler] = {}
        self._regions: dict[str, str] = {}
        """Of every endpoint ever seen: its last metrics are sent after it has gone."""
        self._looks: dict[str, Sequence[Value]] = {}
        """The last, by endpoint."""
        self._woken = threading.Condition()
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="scaler", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Returns once the step at hand has ended. The last minute's metrics stay behind."""
        with self._woken:
            self._is_closed = True
            self._woken.notify_all()
        if self._thread.is_alive():
            self._thread.join()
        self._metrics.close()
        self._clients.close()

    def step(self, now: float, minutes: int = 1) -> None:
        """`now` is when a minute has ended; `minutes` how many have since the last step: where the machine is
        too slow for the clock's speed, all but the latest are taken to have been as the one before them."""
        seen = list(self._seen())
        self._regions |= {spec.name: spec.region for spec, _, _ in seen}
        before, self._looks = self._looks, {one[0].name: self._measured(*one, now) for one in seen}
        for name, values in self._looks.items():
            self._count(values, now - MINUTE_SECONDS)
            for minute in range(2, minutes + 1):
                self._count(before.get(name, ()), now - minute * MINUTE_SECONDS)
        self._metrics.flush(now, self._regions.get)
        for region in sorted({spec.region for spec, _, _ in seen}):
            endpoints = {spec.name: (spec, state) for spec, state, _ in seen if spec.region == region}
            try:
                self._scale(region, endpoints, now)
            except (ClientError, BotoCoreError) as error:
                _log.warning("nothing is scaled in %s this minute: %s", region, error)

    def _run(self) -> None:
        done, times_late = minute_of(self._clock.now()), 0
        while self._is_open_until(done + MINUTE_SECONDS):
            ended = minute_of(self._clock.now())
            minutes = (ended - done) // MINUTE_SECONDS
            times_late = times_late + 1 if minutes > 1 else 0
            if times_late == LATE_WARNED:
                _log.warning(
                    "this machine is too slow for the clock's speed: it takes %d minutes as one", minutes
                )
            self.step(ended, minutes)
            done = ended

    def _is_open_until(self, moment: float) -> bool:
        """Waits. Whether it is not closed."""
        with self._woken:
            while not self._is_closed and (left := moment - self._clock.now()) > 0:
                self._woken.wait(self._clock.wall_seconds(left))
            return not self._is_closed

    def _seen(self) -> Iterable[_Seen]:
        for name in self._host.names():
            try:
                yield self._host.spec(name), self._host.state(name), self._host.backlog(name)
            except NoSuchEndpoint:
                continue  # deleted a moment ago

    def _measured(
        self, spec: EndpointSpec, state: EndpointState, backlog: Backlog, now: float
    ) -> Sequence[Value]:
        return list(measured(spec, state, backlog, now, self._switches.is_in_flight_in_backlog))

    def _count(self, values: Iterable[Value], minute: float) -> None:
        for series, value in values:
            self._metrics.add(series, value, minute)

    def _scale(
        self, region: str, endpoints: dict[str, tuple[EndpointSpec, EndpointState]], now: float
    ) -> None:
        def capacity_of(target: ScalableTarget) -> Capacity | None:
            spec, state = endpoints.get(target.endpoint_name, (None, None))
            if spec is None or state is None or spec.variant.name != target.variant_name:
                return None
            capacity = _capacity(state)
            if capacity.is_reached:
                self.activities.reached(target.resource_id, region, now)
            return capacity

        for change in self._autoscaler(region).step(now, capacity_of):
            self._act(change, region, now)

    def _act(self, change: Change, region: str, now: float) -> None:
        try:
            self._host.set_desired_count(change.target.endpoint_name, change.after)
        except NoSuchEndpoint:
            return
        _log.info("%s", self.activities.begin(change, region, now))

    def _autoscaler(self, region: str) -> Autoscaler:
        if region not in self._autoscalers:
            of = self._clients.of
            board = CalledBoard(of("cloudwatch", region), of("application-autoscaling", region))
            self._autoscalers[region] = Autoscaler(board, self._switches)
        return self._autoscalers[region]


def _capacity(state: EndpointState) -> Capacity:
    return Capacity(
        desired=state.desired_instance_count,
        current=state.current_instance_count,
        is_changeable=state.status is EndpointStatus.IN_SERVICE,
    )
