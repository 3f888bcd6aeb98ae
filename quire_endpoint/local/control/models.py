"""What may a model be made of, and what does an endpoint need to know of it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from quire_endpoint.local.control import sentences
from quire_endpoint.local.control.catalogue import Created
from quire_endpoint.local.control.errors import ValidationException
from quire_endpoint.local.control.locations import s3_location
from quire_endpoint.local.ports import ObjectMissing, Objects
from quire_endpoint.local.specs import ModelSpec
from quire_endpoint.s3_location import NoS3Location, S3Location

MAX_ENVIRONMENT_BYTES = 32 * 1024
"""Of all keys and values together: ContainerDefinition.Environment in the API reference."""

_UNSERVED_SOURCE = ("HubAccessConfig", "ManifestS3Uri")


def check_model(request: Mapping[str, Any], region: str, objects: Objects) -> None:
    """The rules of CreateModel that its shape does not say. Raises ValidationException."""
    containers = _containers(request)
    if not containers or (request.get("PrimaryContainer") and request.get("Containers")):
        raise ValidationException("Specify one of either PrimaryContainer and Containers.")
    if not request.get("ExecutionRoleArn"):
        raise ValidationException("ExecutionRoleArn is required.")
    size = sum(_environment_bytes(container) for container in containers)
    if size > MAX_ENVIRONMENT_BYTES:
        raise ValidationException(
            f"The environment takes {size} bytes, and at most {MAX_ENVIRONMENT_BYTES} are allowed."
        )
    for container in containers:
        _check_container(container)
        _check_data(container, request["ExecutionRoleArn"], region, objects)


def check_for_async(model: Created) -> None:
    """What async endpoints exclude: the Developer Guide's feature matrix. Raises ValidationException."""
    containers = _containers(model.request)
    if len(containers) > 1:
        raise ValidationException(
            "Models with several containers are not supported when specifying an AsyncInferenceConfig."
        )
    if containers[0].get("Mode") == "MultiModel":
        raise ValidationException(
            "Multi-model endpoints are not supported when specifying an AsyncInferenceConfig."
        )
    if "ModelPackageName" in containers[0]:
        raise ValidationException(sentences.MARKETPLACE)


def model_spec(model: Created, is_isolated_by_config: bool) -> ModelSpec:
    """Of a model that passed both checks."""
    container = _containers(model.request)[0]
    uri, is_uncompressed = _data(container)
    return ModelSpec(
        name=model.name,
        image=container["Image"],
        environment=dict(container.get("Environment", {})),
        data=s3_location(uri) if uri else None,
        is_data_uncompressed=is_uncompressed,
        is_network_isolated=is_isolated_by_config or bool(model.request.get("EnableNetworkIsolation")),
    )


def _containers(request: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    primary = request.get("PrimaryContainer")
    return [primary] if primary else request.get("Containers") or []


def _environment_bytes(container: Mapping[str, Any]) -> int:
    entries = container.get("Environment", {}).items()
    return sum(len(name.encode()) + len(value.encode()) for name, value in entries)


def _check_container(container: Mapping[str, Any]) -> None:
    if ("Image" in container) == ("ModelPackageName" in container):
        raise ValidationException(sentences.IMAGE_OR_PACKAGE)
    if "ModelDataUrl" in container and "ModelDataSource" in container:
        raise ValidationException("Specify one of either ModelDataUrl and ModelDataSource.")
    if container.get("AdditionalModelDataSources"):
        raise ValidationException(sentences.not_served("AdditionalModelDataSources"))
    if source := container.get("ModelDataSource"):
        _check_source(source.get("S3DataSource") or {})


def _check_source(source: Mapping[str, Any]) -> None:
    """Of the four pairs of data type and compression, SageMaker knows three and the local endpoint two."""
    if unserved := [name for name in _UNSERVED_SOURCE if name in source]:
        raise ValidationException(sentences.not_served(f"{unserved[0]} of a ModelDataSource"))
    pair = (source.get("S3DataType"), source.get("CompressionType"))
    if pair == ("S3Object", "None"):
        raise ValidationException(sentences.not_served("a ModelDataSource of one uncompressed object"))
    if pair not in (("S3Prefix", "None"), ("S3Object", "Gzip")):
        raise ValidationException(f"S3DataType {pair[0]} does not go with CompressionType {pair[1]}.")
    if pair[0] == "S3Prefix" and not source["S3Uri"].endswith("/"):
        raise ValidationException(f"S3Uri {source['S3Uri']} is a prefix: it must end with a slash.")


def _data(container: Mapping[str, Any]) -> tuple[str | None, bool]:
    """The URI, and whether the files lie beneath it as they are."""
    source = (container.get("ModelDataSource") or {}).get("S3DataSource")
    if source:
        return source["S3Uri"], source["CompressionType"] == "None"
    return container.get("ModelDataUrl") or None, False


def _check_data(container: Mapping[str, Any], role_arn: str, region: str, objects: Objects) -> None:
    uri, is_uncompressed = _data(container)
    if uri is None:
        return
    try:
        is_there = _is_there(s3_location(uri), is_uncompressed, objects)
    except NoS3Location:
        is_there = False
    if not is_there:
        raise ValidationException(sentences.no_model_data(uri, role_arn, region))


def _is_there(location: S3Location, is_prefix: bool, objects: Objects) -> bool:
    try:
        return bool(objects.beneath(location)) if is_prefix else objects.find(location).size_bytes >= 0
    except ObjectMissing:
        return False
