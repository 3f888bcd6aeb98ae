"""Which instances should there be, and when has the deployment failed?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from quire_endpoint.local.instances.life import Act, Life, Phase, Spans

_FIRST_DELAY_SECONDS, _MAX_DELAY_SECONDS = 5.0, 300.0
"""Before a container that keeps on dying is started again. AWS publishes no figure."""

PROVEN_SECONDS = 60.0
"""In service for so long, a container is not one that dies at once. Ours."""


@dataclass(frozen=True)
class Order:
    """Something to be done for an instance."""

    life: Life
    act: Act


class Roster:
    """The instances of a fleet, kept at the desired number. Pure: time and names come from outside."""

    def __init__(self, spans: Spans, make_id: Callable[[], str]) -> None:
        self.lives: dict[str, Life] = {}
        self.desired = 0
        self.is_retired = False
        self.failure_reason: str | None = None
        self.setback: str | None = None
        self.is_deployed = False
        """Whether all that were desired have been in service at once; from then on, one that cannot start is
        replaced and fails nothing."""
        self._spans, self._make_id = spans, make_id
        self._early_ends = 0
        self._is_asked = False

    @property
    def current(self) -> int:
        return sum(life.phase is Phase.IN_SERVICE and not life.is_draining for life in self.lives.values())

    @property
    def wake_at(self) -> float | None:
        """When `step` has something to do though nothing happens."""
        return min((life.deadline for life in self.lives.values() if life.deadline is not None), default=None)

    @property
    def draining(self) -> list[str]:
        """Those that are stopped once they are idle."""
        return [name for name, one in self.lives.items() if one.is_draining and one.phase is Phase.IN_SERVICE]

    def summary(self) -> object:
        """What others may see of it, to be compared with what they saw before."""
        phases = [(name, one.phase, one.is_draining, one.warning) for name, one in self.lives.items()]
        return self.desired, self.is_retired, self.failure_reason, self.setback, phases

    def want(self, count: int) -> None:
        self.desired, self._is_asked, self.setback = count, True, None

    def retire(self, is_draining: bool, now: float) -> list[Order]:
        """All go, for good; with `is_draining` those in service only once `Life.stop` is called for each."""
        self.is_retired, self.desired = True, 0
        return [
            Order(life, act)
            for life in self._lives()
            for act in (life.drain() if is_draining and life.phase is Phase.IN_SERVICE else life.stop(now))
        ]

    def fail(self, reason: str) -> None:
        """Of an instance that does not come. The deployment fails with the first, unless it has succeeded; no
        instance is added then."""
        self.setback = reason
        if not self.is_deployed and self.failure_reason is None:
            self.failure_reason = reason

    def ended(self, life: Life, cause: str, now: float) -> list[Order]:
        """Of an instance, when nothing of it is left."""
        acts = life.ended(cause, now)
        served = life.in_service_since is not None and now - life.in_service_since >= PROVEN_SECONDS
        if served:
            self._early_ends = 0
        elif not life.is_told:
            self._early_ends += 1
        return [Order(life, act) for act in acts]

    def step(self, now: float) -> list[Order]:
        """What is due by now, and what brings the number right."""
        orders = [Order(life, act) for life in self._lives() for act in life.tick(now)]
        if self._is_asked and self.current >= self.desired and self.failure_reason is None:
            self.is_deployed, self.setback = True, None
        orders += self._surplus(now)
        self.lives = {name: life for name, life in self.lives.items() if life.phase is not Phase.GONE}
        return [*orders, *self._added(now)]

    def _surplus(self, now: float) -> list[Order]:
        counted = [life for life in self._lives() if life.is_counted]
        # Those that are not in service go first, then the youngest; a dict keeps them in order of age.
        counted.sort(key=lambda life: life.phase is not Phase.IN_SERVICE)
        too_many = counted[self.desired :] if not self.is_retired else counted
        return [Order(life, act) for life in too_many for act in life.stop(now)]

    def _added(self, now: float) -> list[Order]:
        if self.is_retired or self.failure_reason is not None:
            return []
        missing = self.desired - sum(life.is_counted for life in self._lives())
        added = [self._add(now) for _ in range(missing)]
        return [Order(life, act) for life in added for act in life.tick(now)]

    def _add(self, now: float) -> Life:
        life = Life(self._make_id(), now, now + self._delay_seconds(), self._spans)
        self.lives[life.instance_id] = life
        return life

    def _delay_seconds(self) -> float:
        if self._early_ends < 2:
            return 0.0
        return min(_MAX_DELAY_SECONDS, _FIRST_DELAY_SECONDS * 2.0 ** min(self._early_ends - 2, 10))

    def _lives(self) -> list[Life]:
        return list(self.lives.values())
