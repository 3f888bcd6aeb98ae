"""One endpoint while it runs: its queue, its instances, and the thread that sees to both."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Sequence

from quire_endpoint.local.host.deployment import Crewed, Deployment
from quire_endpoint.local.host.gate import Gate
from quire_endpoint.local.ports import Backlog, Fleet, FleetListener, InstanceView
from quire_endpoint.local.queue import notices
from quire_endpoint.local.queue.announcing import Announcer
from quire_endpoint.local.queue.dispatcher import Dispatcher
from quire_endpoint.local.queue.measures import Measures
from quire_endpoint.local.queue.neighbours import Neighbours
from quire_endpoint.local.specs import EndpointSpec, EndpointState, EndpointStatus
from quire_endpoint.local.switches import Fate

MakeFleet = Callable[[EndpointSpec, FleetListener], Fleet]


class RunningEndpoint:
    """Begins with the first fleet's instances. `on_gone` is called once when it has been deleted and all of
    it has ended."""

    def __init__(
        self,
        spec: EndpointSpec,
        make_fleet: MakeFleet,
        neighbours: Neighbours,
        on_gone: Callable[[RunningEndpoint], None],
    ) -> None:
        self.name = spec.name
        self._make_fleet = make_fleet
        self._neighbours = neighbours
        self._on_gone = on_gone
        self._woken = threading.Event()
        self._lock = threading.RLock()
        self._tests: list[EndpointSpec] = [spec]
        self._is_closing = False
        self.queue = Dispatcher(spec, neighbours, on_idle=self._woken.set)
        is_idle = self._is_idle if neighbours.switches.is_update_draining else None
        try:
            self._deployment = Deployment(self._crewed(spec), is_idle)
        except BaseException:
            self.queue.close()
            raise
        self._state = self._seen()
        self._thread = threading.Thread(target=self._run, name=f"endpoint-{spec.name}", daemon=True)
        self._thread.start()
        self._woken.set()

    @property
    def spec(self) -> EndpointSpec:
        """Of what serves."""
        return self._deployment.serving.spec

    def update(self, spec: EndpointSpec) -> None:
        with self._lock:
            self._deployment.update(self._crewed(spec))
            self._test_topics(spec)

    def set_desired_count(self, count: int) -> None:
        with self._lock:
            self._deployment.scale(count)
            self._test_topics(self.spec)

    def delete(self) -> None:
        self.queue.drop()
        with self._lock:
            self._deployment.delete()
        self._woken.set()

    @property
    def is_deleting(self) -> bool:
        return self._deployment.status is EndpointStatus.DELETING

    def state(self) -> EndpointState:
        with self._lock:
            return self._look()

    def backlog(self) -> Backlog:
        return self.queue.backlog()

    def instances(self) -> Sequence[InstanceView]:
        with self._lock:
            views = [view for one in self._deployment.all for view in one.fleet.views()]
        return [dataclasses.replace(view, in_flight=self.queue.in_flight(view.instance_id)) for view in views]

    def kill_instance(self, instance_id: str | None, fate: Fate | None) -> str | None:
        views = self.instances()
        if instance_id is None:
            views = sorted(views, key=lambda view: (not view.in_flight, view.pid is None))
        chosen = [view.instance_id for view in views if instance_id in (None, view.instance_id)]
        with self._lock:
            fleets = [one.fleet for one in self._deployment.all]
        for name in chosen:
            if fate is not None:
                self.queue.choose_fate(name, fate)
            if any(fleet.kill(name) for fleet in fleets):
                return name
        return None

    def close(self) -> None:
        """Returns when every container and every thread has ended."""
        self.queue.drop()
        self._is_closing = True
        self._woken.set()
        self._thread.join()
        with self._lock:
            fleets = [one.fleet for one in self._deployment.all]
        for fleet in fleets:
            fleet.retire()
        for fleet in fleets:
            fleet.close()
        self.queue.close()

    def kill_all(self) -> None:
        """For whoever cannot wait for `close`, which then returns soon."""
        for one in self._deployment.all:
            for view in one.fleet.views():
                one.fleet.kill(view.instance_id)

    def _crewed(self, spec: EndpointSpec) -> Crewed:
        gate = Gate(spec, self.queue, self._woken.set)
        return Crewed(spec, self._make_fleet(spec, gate), gate)

    def _run(self) -> None:
        while not self._is_closing:
            self._woken.wait()
            self._woken.clear()
            with self._lock:
                self._deployment.advance()
                self.queue.spec = self.spec
                self._look()
                tests, self._tests = self._tests, []
            for spec in tests:
                self._send_tests(spec)
            if self._deployment.is_gone:
                self.queue.close()
                self._on_gone(self)
                return

    def _look(self) -> EndpointState:
        """The state now; what has not changed keeps its date."""
        seen = self._seen()
        if dataclasses.replace(seen, changed_seconds=self._state.changed_seconds) != self._state:
            self._state = seen
        return self._state

    def _seen(self) -> EndpointState:
        deployment, fleet = self._deployment, self._deployment.serving.fleet
        return EndpointState(
            status=deployment.status,
            current_instance_count=fleet.current_count,
            desired_instance_count=fleet.desired_count,
            changed_seconds=self._neighbours.clock.now(),
            failure_reason=deployment.failure_reason,
        )

    def _is_idle(self, instance_id: str) -> bool:
        return not self.queue.in_flight(instance_id)

    def _test_topics(self, spec: EndpointSpec) -> None:
        self._tests.append(spec)
        self._woken.set()

    def _send_tests(self, spec: EndpointSpec) -> None:
        measures = Measures(self._neighbours.metrics, spec.name, spec.variant.name)
        announcer = Announcer(self._neighbours, spec.name, measures)
        topics = (spec.notification.success_topic, spec.notification.error_topic)
        for topic in dict.fromkeys(topic for topic in topics if topic is not None):
            announcer.publish(topic, notices.TEST)
