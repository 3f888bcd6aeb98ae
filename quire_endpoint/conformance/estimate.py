"""What will a run against AWS cost, about?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from quire_endpoint.conformance.plans import SCALED, TRACKED
from quire_endpoint.conformance.row import Row

PRICE_PER_HOUR = 0.115
"""US dollars for an hour of ml.m5.large as a host in us-east-1, as remembered and not looked up: see AWS's
own page of prices."""

_MINUTES_TO_START = 10
_MINUTES_A_ROW = 1
_FURTHER_INSTANCES = {SCALED: 2, TRACKED: 2}


@dataclass(frozen=True)
class Estimate:
    """All endpoints are made at the start and live until the end."""

    endpoints: int
    instances: int
    hours: float
    dollars: float

    def __str__(self) -> str:
        return (
            f"about {self.hours:.1f} hours, {self.endpoints} endpoints, {self.instances} instances at most: "
            f"up to {self.dollars:.2f} US dollars, S3, SNS, SQS and CloudWatch not counted"
        )


def estimate(rows: Sequence[Row], price_per_hour: float = PRICE_PER_HOUR) -> Estimate:
    """An upper one, in which everything takes as long as it may."""
    plans = {plan for row in rows for plan in row.claim.plans}
    further = sum(_FURTHER_INSTANCES.get(plan, 0) for plan in plans)
    minutes = _MINUTES_TO_START + sum(max(_MINUTES_A_ROW, row.claim.minutes) for row in rows)
    instances, hours = len(plans) + further, minutes / 60
    return Estimate(len(plans), instances, hours, instances * hours * price_per_hour)
