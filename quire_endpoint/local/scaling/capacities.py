"""How many instances does a policy ask for?"""

from __future__ import annotations

import math

from quire_endpoint.local.scaling.policies import Adjustment, Step, StepPolicy, TrackingPolicy


def tracked_capacity(policy: TrackingPolicy, capacity: int, value: float) -> int:
    """As many as bring the metric to its target, if it falls as instances are added: in proportion, rounded
    up, so that too few are never added and too many never removed (Application Auto Scaling User Guide,
    "target-tracking-scaling-policy-overview"). The formula itself AWS does not print. No proportion leads out
    of none, but a metric above its target does (Developer Guide, "async-inference-autoscale"); as nobody says
    how far, to one."""
    if not capacity:
        return int(value > policy.target_value)
    wanted = capacity * value / policy.target_value
    return math.ceil(round(wanted, 9)) if math.isfinite(wanted) else capacity


def stepped_capacity(policy: StepPolicy, capacity: int, value: float, threshold: float) -> int:
    """`capacity` where no step is for the distance between metric and threshold."""
    step = next((step for step in policy.steps if _is_for(step, value - threshold)), None)
    if step is None:
        return capacity
    if policy.adjustment is Adjustment.EXACT:
        return step.adjustment
    if policy.adjustment is Adjustment.CHANGE:
        return max(0, capacity + step.adjustment)
    return max(0, capacity + _share(capacity, step.adjustment, policy.min_magnitude))


def _is_for(step: Step, distance: float) -> bool:
    """The bound that is nearer to the threshold belongs to the step, the other does not: StepAdjustment."""
    lower = -math.inf if step.lower is None else step.lower
    upper = math.inf if step.upper is None else step.upper
    return lower <= distance < upper if distance >= 0 else lower < distance <= upper


def _share(capacity: int, percent: int, min_magnitude: int) -> int:
    """Rounded towards zero, but never to nothing: the User Guide, "step-scaling-policy-overview"."""
    share = capacity * percent / 100
    magnitude = max(math.floor(abs(share)), min_magnitude, 1 if share else 0)
    return int(math.copysign(magnitude, percent))
