"""What happens in one region as a minute ends: alarms change their states, and capacities with them.

Neither moto nor anything else beneath the local endpoint evaluates an alarm. All of them are evaluated here;
only those whose actions are scaling policies do anything more than change their state.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from quire_endpoint.local.scaling.aggregates import MINUTE_SECONDS, minute_of
from quire_endpoint.local.scaling.alarms import Alarm, AlarmState, Rule, evaluate
from quire_endpoint.local.scaling.board import Board
from quire_endpoint.local.scaling.decisions import Capacity, Change, Decider, Firing
from quire_endpoint.local.scaling.policies import Policy, ScalableTarget, TrackingPolicy, place_of
from quire_endpoint.local.scaling.series_values import values_of
from quire_endpoint.local.scaling.tracking_alarms import PREFIX, alarms_of
from quire_endpoint.local.switches import Switches

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reading:
    """An alarm after its evaluation. `latest` is the newest period's value, None where it has none."""

    alarm: Alarm
    latest: float | None


class Autoscaler:
    """Of one region. Pure, as far as its board is: the minute is an argument."""

    def __init__(self, board: Board, switches: Switches) -> None:
        self._board = board
        self._switches = switches
        self._deciders: dict[str, Decider] = {}

    def step(self, now: float, capacity_of: Callable[[ScalableTarget], Capacity | None]) -> list[Change]:
        """The changes to make. `capacity_of` says None of a variant that is not there."""
        targets = {target.resource_id: target for target in self._board.targets()}
        policies = [one for one in self._board.policies() if one.resource_id in targets]
        alarms = self._keep_tracking_alarms(policies, self._board.alarms())
        readings = [self._read(alarm, now) for alarm in alarms]
        changes = []
        for target in targets.values():
            capacity = capacity_of(target)
            if capacity is not None:
                own = [one for one in policies if one.resource_id == target.resource_id]
                decider = self._decider(target)
                changes.append(decider.decide(now, target, capacity, own, _firings(own, readings)))
        return [change for change in changes if change is not None]

    def _decider(self, target: ScalableTarget) -> Decider:
        new = Decider(self._switches.is_scale_in_gradual)
        return self._deciders.setdefault(target.resource_id, new)

    def _keep_tracking_alarms(self, policies: Iterable[Policy], alarms: Sequence[Alarm]) -> list[Alarm]:
        """Every alarm that there is, once those of target tracking policies are as their policies say."""
        needed = {
            alarm.name: alarm
            for policy in policies
            if isinstance(policy, TrackingPolicy)
            for alarm in alarms_of(policy)
        }
        known = {alarm.name: alarm for alarm in alarms}
        for name, alarm in needed.items():
            if name not in known or not _is_same(known[name], alarm):
                self._board.put_alarm(alarm)
                known[name] = alarm
        stale = [name for name in known if name.startswith(f"{PREFIX}endpoint/") and name not in needed]
        if stale:
            self._board.delete_alarms(stale)
        return [alarm for name, alarm in known.items() if name not in stale]

    def _read(self, alarm: Alarm, now: float) -> Reading:
        end = minute_of(now) - MINUTE_SECONDS * self._switches.are_metrics_late
        values = values_of(self._board, alarm.rule, end)
        state = evaluate(alarm.rule, values, alarm.state)
        if state is not alarm.state:
            self._board.set_state(alarm.name, state, _reason(alarm, values, state))
            _log.info("alarm %s: %s", alarm.name, state)
        return Reading(replace(alarm, state=state), _latest(alarm.rule, values))


def _latest(rule: Rule, values: Sequence[float | None]) -> float | None:
    return next((value for value in reversed(values[-rule.num_current :]) if value is not None), None)


def _firings(policies: Iterable[Policy], readings: Sequence[Reading]) -> list[Firing]:
    """A policy does nothing on a metric that has stopped: its alarm may stay on for a while."""
    on = [
        (place_of(action), one.alarm, one.latest)
        for one in readings
        if one.alarm.state is AlarmState.ALARM
        for action in one.alarm.actions
    ]
    return [
        Firing(policy, alarm, value)
        for policy in policies
        for place, alarm, value in on
        if place == place_of(policy.arn) and value is not None
    ]


def _is_same(known: Alarm, needed: Alarm) -> bool:
    return known.rule == needed.rule and known.actions == needed.actions


def _reason(alarm: Alarm, values: Sequence[float | None], state: AlarmState) -> str:
    """StateReason, much as CloudWatch words it."""
    rule = alarm.rule
    real = [value for value in values if value is not None][-rule.evaluation_periods :]
    if not real:
        return f"Insufficient Data: {rule.evaluation_periods} datapoints were unknown."
    num = sum(rule.comparison.is_breached(value, rule.threshold) for value in real)
    return (
        f"Threshold Crossed: {num} out of the last {rule.evaluation_periods} datapoints "
        f"{[round(value, 3) for value in real]} breached the threshold ({rule.threshold}) of "
        f"{rule.comparison} (minimum {rule.datapoints_to_alarm} datapoints for state {state})."
    )
