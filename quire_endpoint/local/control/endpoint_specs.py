"""How does a configuration become what the host runs?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from quire_endpoint.local.control.arns import Kind, arn
from quire_endpoint.local.control.catalogue import Created
from quire_endpoint.local.control.configs import instance_type, variant_of
from quire_endpoint.local.control.locations import s3_location
from quire_endpoint.local.control.models import model_spec
from quire_endpoint.local.specs import (
    DEFAULT_DOWNLOAD_SECONDS,
    DEFAULT_STARTUP_SECONDS,
    EndpointSpec,
    NotificationSpec,
    VariantSpec,
)


def endpoint_spec(
    name: str, region: str, config: Created, model: Created, instance_count: int | None = None
) -> EndpointSpec:
    """`instance_count` takes the place of the configuration's, where an update keeps it."""
    asynchronous = config.request["AsyncInferenceConfig"]
    output = asynchronous["OutputConfig"]
    failure = output.get("S3FailurePath")
    return EndpointSpec(
        name=name,
        arn=arn(Kind.ENDPOINT, region, name),
        config_name=config.name,
        region=region,
        variant=_variant(config, model, instance_count),
        output=s3_location(output["S3OutputPath"]),
        failure=s3_location(failure) if failure else None,
        notification=_notification(output.get("NotificationConfig") or {}),
        max_concurrent_invocations=(asynchronous.get("ClientConfig") or {}).get(
            "MaxConcurrentInvocationsPerInstance"
        ),
    )


def _variant(config: Created, model: Created, instance_count: int | None) -> VariantSpec:
    variant = variant_of(config.request)
    return VariantSpec(
        name=variant["VariantName"],
        model=model_spec(model, bool(config.request.get("EnableNetworkIsolation"))),
        instance_type=instance_type(variant),
        initial_instance_count=(
            variant["InitialInstanceCount"] if instance_count is None else instance_count
        ),
        startup_seconds=variant.get("ContainerStartupHealthCheckTimeoutInSeconds", DEFAULT_STARTUP_SECONDS),
        model_download_seconds=variant.get("ModelDataDownloadTimeoutInSeconds", DEFAULT_DOWNLOAD_SECONDS),
    )


def _notification(config: Mapping[str, Any]) -> NotificationSpec:
    included = config.get("IncludeInferenceResponseIn") or ()
    return NotificationSpec(
        success_topic=config.get("SuccessTopic") or None,
        error_topic=config.get("ErrorTopic") or None,
        is_body_in_success="SUCCESS_NOTIFICATION_TOPIC" in included,
        is_body_in_error="ERROR_NOTIFICATION_TOPIC" in included,
    )
