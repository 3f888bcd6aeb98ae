"""What does CloudWatch keep of the values that were put for a metric in one minute?"""

from __future__ import annotations

from dataclasses import dataclass

MINUTE_SECONDS = 60
"""The resolution at which AWS publishes an endpoint's metrics."""

ENDPOINT_NAMESPACE = "AWS/SageMaker"
HOST_NAMESPACE = "/aws/sagemaker/Endpoints"
"""CPUUtilization and its like, of each instance."""


@dataclass(frozen=True)
class Series:
    """A metric of one endpoint, or of its variant, in one unit."""

    name: str
    unit: str
    endpoint_name: str
    variant_name: str | None = None
    namespace: str = ENDPOINT_NAMESPACE

    @property
    def dimensions(self) -> tuple[tuple[str, str], ...]:
        endpoint = (("EndpointName", self.endpoint_name),)
        return (*endpoint, ("VariantName", self.variant_name)) if self.variant_name else endpoint


@dataclass(frozen=True)
class Aggregate:
    """A statistic set."""

    samples: int
    total: float
    least: float
    most: float

    @classmethod
    def of(cls, value: float) -> Aggregate:
        return cls(1, value, value, value)

    def and_also(self, value: float) -> Aggregate:
        return Aggregate(self.samples + 1, self.total + value, min(self.least, value), max(self.most, value))


def minute_of(seconds: float) -> int:
    """When the minute began that `seconds` lies in."""
    return int(seconds // MINUTE_SECONDS) * MINUTE_SECONDS
