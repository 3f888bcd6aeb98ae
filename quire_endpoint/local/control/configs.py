"""What may an asynchronous endpoint be configured with?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from quire_endpoint.local.control import sentences
from quire_endpoint.local.control.errors import ValidationException
from quire_endpoint.local.control.locations import s3_location
from quire_endpoint.s3_location import NoS3Location

_NVME_FAMILIES = ("g5", "g6", "g7", "p5", "p6", "trn1", "trn2")
"""Besides those with a d in their name; their local disks take the place of an EBS volume: contract 1.5, and
`volume_size_supported` of the SageMaker Python SDK."""


def check_config(request: Mapping[str, Any]) -> None:
    """The rules of CreateEndpointConfig that its shape does not say. Raises ValidationException with the
    first that is broken."""
    for broken in _broken(request):
        raise ValidationException(broken)


def variant_of(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """The one production variant of a configuration that passed the check."""
    variant: Mapping[str, Any] = request["ProductionVariants"][0]
    return variant


def first_pool(variant: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The instance pool that is tried first: priority 1 before 2."""
    pools = variant.get("InstancePools")
    return min(pools, key=lambda pool: int(pool["Priority"])) if pools else None


def instance_type(variant: Mapping[str, Any]) -> str:
    pool = first_pool(variant)
    return str(pool["InstanceType"] if pool else variant["InstanceType"])


def model_name(variant: Mapping[str, Any]) -> str:
    pool = first_pool(variant) or {}
    return str(pool.get("ModelNameOverride") or variant["ModelName"])


def has_local_disk(type_name: str) -> bool:
    """Whether instances of the type bring NVMe disks of their own."""
    family = type_name.split(".")[1]
    letters_after_number = family.lstrip("abcdefghijklmnopqrstuvwxyz").lstrip("0123456789")
    return "d" in letters_after_number or family.startswith(_NVME_FAMILIES)


def _broken(request: Mapping[str, Any]) -> Iterator[str]:
    if request.get("AsyncInferenceConfig") is None:
        yield sentences.not_served(
            "endpoints without AsyncInferenceConfig: it is for asynchronous inference only"
        )
    if len(request["ProductionVariants"]) > 1:
        yield "Multiple production variants are not supported when specifying an AsyncInferenceConfig."
    for name in ("ShadowProductionVariants", "DataCaptureConfig", "ExplainerConfig"):
        if request.get(name):
            yield f"{name} is not supported when specifying an AsyncInferenceConfig."
    variant = variant_of(request)
    yield from _broken_variant(variant)
    yield from _broken_by_disk(request, variant)
    yield from _broken_output(request["AsyncInferenceConfig"]["OutputConfig"])


def _broken_variant(variant: Mapping[str, Any]) -> Iterator[str]:
    if "ManagedInstanceScaling" in variant:
        yield sentences.MANAGED_SCALING
    if "ServerlessConfig" in variant:
        yield "ServerlessConfig is not supported when specifying an AsyncInferenceConfig."
    if not variant.get("ModelName"):
        yield sentences.not_served("inference components: the production variant needs a ModelName")
    if ("InstanceType" in variant) == ("InstancePools" in variant):
        yield "Specify one of either InstanceType and InstancePools in the production variant."
    if "InitialInstanceCount" not in variant:
        yield "InitialInstanceCount is required in the production variant."
    if instance_type(variant).startswith("ml.inf1."):
        yield "Inf1 instances are not supported when specifying an AsyncInferenceConfig."


def _broken_by_disk(request: Mapping[str, Any], variant: Mapping[str, Any]) -> Iterator[str]:
    type_name = instance_type(variant)
    if not has_local_disk(type_name):
        return
    if "VolumeSizeInGB" in variant:
        yield sentences.no_volume(type_name)
    if request.get("KmsKeyId"):
        yield sentences.no_config_key(type_name)


def _broken_output(output: Mapping[str, Any]) -> Iterator[str]:
    if not output.get("S3OutputPath"):
        yield "S3OutputPath is required in AsyncInferenceConfig.OutputConfig."
    for name in ("S3OutputPath", "S3FailurePath"):
        uri = output.get(name)
        if uri and not _is_place(uri):
            yield f"{name} {uri} is no location in S3 that can stand in a response header."


def _is_place(uri: str) -> bool:
    try:
        return bool(s3_location(uri).bucket) and uri.isascii()
    except NoS3Location:
        return False
