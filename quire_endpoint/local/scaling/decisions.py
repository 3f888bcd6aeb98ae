"""Does a scalable target's capacity change now? The bounds, the cooldowns and the choice among policies.

Sources: the API's TargetTrackingScalingPolicyConfiguration and StepScalingPolicyConfiguration for cooldowns,
its PutScalingPolicy for the choice (the largest capacity), the User Guide's page
"target-tracking-scaling-policy-overview" for several target tracking policies (in only when all of them ask
for it). Assumed: bounds are enforced as soon as the variant can be changed; it cannot be while its endpoint
is not InService; a scale-out's cooldown is of its policy alone, a scale-in's holds for every policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from quire_endpoint.local.scaling.alarms import Alarm
from quire_endpoint.local.scaling.capacities import stepped_capacity, tracked_capacity
from quire_endpoint.local.scaling.policies import Policy, ScalableTarget, TrackingPolicy, place_of
from quire_endpoint.local.scaling.tracking_alarms import is_high


@dataclass(frozen=True)
class Capacity:
    """What a variant has. `is_changeable` is whether its endpoint is InService."""

    desired: int
    current: int
    is_changeable: bool

    @property
    def is_reached(self) -> bool:
        return self.is_changeable and self.desired == self.current


@dataclass(frozen=True)
class Firing:
    """A policy whose alarm is in state ALARM, with the metric's latest value."""

    policy: Policy
    alarm: Alarm
    value: float

    def wanted(self, capacity: int) -> int:
        """Of its policy, from `capacity`, without regard to bounds."""
        if isinstance(self.policy, TrackingPolicy):
            return tracked_capacity(self.policy, capacity, self.value)
        return stepped_capacity(self.policy, capacity, self.value, self.alarm.rule.threshold)


@dataclass(frozen=True)
class Change:
    """A scaling activity. `firing` is None where a bound is enforced."""

    target: ScalableTarget
    before: int
    after: int
    firing: Firing | None = None


@dataclass(frozen=True)
class _Scaled:
    """A policy's last scaling. `ended_seconds` is when the new capacity was reached: the cooldown begins."""

    before: int
    cooldown_seconds: float
    ended_seconds: float | None = None

    def is_cooling(self, now: float) -> bool:
        return self.ended_seconds is None or now < self.ended_seconds + self.cooldown_seconds


class Decider:
    """Of one scalable target. Pure: the minute is an argument."""

    def __init__(self, is_scale_in_gradual: bool = False) -> None:
        self._is_scale_in_gradual = is_scale_in_gradual
        self._outs: dict[str, _Scaled] = {}
        """By policy."""
        self._in: _Scaled | None = None

    def decide(
        self,
        now: float,
        target: ScalableTarget,
        capacity: Capacity,
        policies: Sequence[Policy],
        firings: Sequence[Firing],
    ) -> Change | None:
        if capacity.is_reached:
            self._begin_cooldowns(now)
        if not capacity.is_changeable:
            return None
        bounded = target.bounded(capacity.desired)
        if bounded != capacity.desired:
            return Change(target, capacity.desired, bounded)
        change = self._out(now, target, capacity.desired, firings)
        return change or self._into(now, target, capacity.desired, _agreed(policies, firings))

    def _begin_cooldowns(self, now: float) -> None:
        self._outs = {place: _ended(scaled, now) for place, scaled in self._outs.items()}
        self._in = self._in and _ended(self._in, now)

    def _out(
        self, now: float, target: ScalableTarget, desired: int, firings: Iterable[Firing]
    ) -> Change | None:
        """While a policy cools down, what it has added counts as part of what it asks for next."""
        if target.is_scale_out_suspended:
            return None
        asked = []
        for firing in firings:
            last = self._outs.get(place_of(firing.policy.arn))
            base = last.before if last and last.is_cooling(now) else desired
            asked.append((target.bounded(firing.wanted(base)), base, firing))
        most = max(asked, key=lambda one: one[0], default=None)
        if most is None or most[0] <= desired:
            return None
        after, base, firing = most
        self._outs[place_of(firing.policy.arn)] = _Scaled(base, _cooldown_out(firing.policy))
        self._in = None
        return Change(target, desired, after, firing)

    def _into(
        self, now: float, target: ScalableTarget, desired: int, firings: Iterable[Firing]
    ) -> Change | None:
        if target.is_scale_in_suspended or (self._in and self._in.is_cooling(now)):
            return None
        asked = [(target.bounded(firing.wanted(desired)), firing) for firing in firings]
        most = max(asked, key=lambda one: one[0], default=None)
        if most is None or most[0] >= desired:
            return None
        after, firing = most
        if self._is_scale_in_gradual:
            after = desired - 1
        self._in = _Scaled(desired, _cooldown_in(firing.policy))
        return Change(target, desired, after, firing)


def _agreed(policies: Sequence[Policy], firings: Sequence[Firing]) -> Sequence[Firing]:
    """Without low alarms of target tracking policies, unless every one that may scale in has its own on."""
    low = {place_of(one.policy.arn) for one in firings if _is_low(one)}
    needed = {
        place_of(policy.arn)
        for policy in policies
        if isinstance(policy, TrackingPolicy) and not policy.is_scale_in_disabled
    }
    return firings if needed <= low else [one for one in firings if not _is_low(one)]


def _is_low(firing: Firing) -> bool:
    return isinstance(firing.policy, TrackingPolicy) and not is_high(firing.alarm)


def _ended(scaled: _Scaled, now: float) -> _Scaled:
    return scaled if scaled.ended_seconds is not None else replace(scaled, ended_seconds=now)


def _cooldown_out(policy: Policy) -> float:
    return policy.out_cooldown_seconds if isinstance(policy, TrackingPolicy) else policy.cooldown_seconds


def _cooldown_in(policy: Policy) -> float:
    return policy.in_cooldown_seconds if isinstance(policy, TrackingPolicy) else policy.cooldown_seconds
