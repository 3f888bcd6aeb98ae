"""What is an endpoint made of, once the control plane has checked what it was asked for?"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from quire_endpoint.s3_location import S3Location

DEFAULT_STARTUP_SECONDS = 480.0
"""8 minutes: the Developer Guide, "your-algorithms-inference-code"."""

DEFAULT_DOWNLOAD_SECONDS = 3600.0
"""AWS states no default for the model's download; this is its maximum."""


@dataclass(frozen=True)
class ModelSpec:
    """`data` is a .tar.gz, or with `is_data_uncompressed` the prefix (ending in a slash) beneath which the
    model's files lie as they are; None for an image that needs none."""

    name: str
    image: str
    environment: Mapping[str, str] = field(default_factory=dict)
    data: S3Location | None = None
    is_data_uncompressed: bool = False
    is_network_isolated: bool = False


@dataclass(frozen=True)
class VariantSpec:
    """The endpoint's one production variant: async endpoints have no second."""

    name: str
    model: ModelSpec
    instance_type: str
    initial_instance_count: int = 1
    startup_seconds: float = DEFAULT_STARTUP_SECONDS
    model_download_seconds: float = DEFAULT_DOWNLOAD_SECONDS


@dataclass(frozen=True)
class NotificationSpec:
    """SNS topics by ARN; None where nothing is to be told."""

    success_topic: str | None = None
    error_topic: str | None = None
    is_body_in_success: bool = False
    is_body_in_error: bool = False


@dataclass(frozen=True)
class EndpointSpec:
    """`output` and `failure` are prefixes. `max_concurrent_invocations` is of each instance; None where the
    caller left the choice to SageMaker."""

    name: str
    arn: str
    config_name: str
    region: str
    variant: VariantSpec
    output: S3Location
    failure: S3Location | None = None
    notification: NotificationSpec = NotificationSpec()
    max_concurrent_invocations: int | None = None


class EndpointStatus(enum.StrEnum):
    """Those of DescribeEndpoint that a local endpoint can be in."""

    CREATING = "Creating"
    UPDATING = "Updating"
    ROLLING_BACK = "RollingBack"
    IN_SERVICE = "InService"
    DELETING = "Deleting"
    FAILED = "Failed"


@dataclass(frozen=True)
class EndpointState:
    """What DescribeEndpoint tells of a running endpoint. `changed_seconds` is the clock's time of the last
    change of any of it."""

    status: EndpointStatus
    current_instance_count: int
    desired_instance_count: int
    changed_seconds: float
    failure_reason: str | None = None
