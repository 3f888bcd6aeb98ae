"""SageMaker's API behind a socket, on a host that runs nothing, with clients to call it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from quire_endpoint.local.clock import Clock
from quire_endpoint.local.control.app import SageMakerApplication
from quire_endpoint.local.faults import Faults
from quire_endpoint.local.s3.store import ObjectStore
from quire_endpoint.s3_location import S3Location
from tests.fakes.host_without_containers import HostWithoutContainers

ROLE = "arn:aws:iam::123456789012:role/ml/endpoint"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/reader:1"
BUCKET = "sagemaker-documents"

_CREDENTIALS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}


@dataclass
class Clients:
    """boto3's, made once for each region and kept: a client of SageMaker takes long to make. The unchecked
    ones send what botocore would refuse."""

    url: str
    _made: dict[tuple[str, str, bool], Any] = field(default_factory=dict)

    def sagemaker(self, region: str = "us-east-1", is_checked: bool = True) -> Any:
        return self._client("sagemaker", region, is_checked)

    def runtime(self, region: str = "us-east-1", is_checked: bool = True) -> Any:
        return self._client("sagemaker-runtime", region, is_checked)

    def _client(self, service: str, region: str, is_checked: bool) -> Any:
        key = (service, region, is_checked)
        if key not in self._made:
            config = Config(retries={"total_max_attempts": 1}, parameter_validation=is_checked)
            self._made[key] = boto3.client(
                service, region_name=region, endpoint_url=self.url, config=config, **_CREDENTIALS
            )
        return self._made[key]


class RunningApi:
    """What one test sees."""

    def __init__(self, clients: Clients, folder: Path) -> None:
        self.clients = clients
        self.host, self.faults, self.clock = HostWithoutContainers(), Faults(), Clock()
        self.objects = ObjectStore(folder / "s3", self.clock)
        self.objects.create_bucket(BUCKET)
        self.bodies = folder / "bodies"
        self.application = SageMakerApplication(self.host, self.objects, self.clock, self.faults, self.bodies)
        self._folder = folder

    @property
    def sagemaker(self) -> Any:
        return self.clients.sagemaker()

    @property
    def unchecked(self) -> Any:
        return self.clients.sagemaker(is_checked=False)

    @property
    def runtime(self) -> Any:
        return self.clients.runtime()

    def put(self, key: str) -> str:
        """An object of a few bytes; returns its URI."""
        body = self._folder / "body"
        body.write_bytes(b"packed")
        location = S3Location(BUCKET, key)
        self.objects.put(location, body, None)
        return str(location)

    def model(self, name: str = "reader", **members: Any) -> None:
        self.sagemaker.create_model(**model_request(name, **members))

    def config(self, name: str = "plain", **members: Any) -> None:
        self.sagemaker.create_endpoint_config(**config_request(name, **members))

    def endpoint(self, name: str = "letters", **members: Any) -> None:
        """In service, with a model and a configuration of its own."""
        self.model(f"{name}-model")
        self.config(f"{name}-config", **members, model_name=f"{name}-model")
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=f"{name}-config")
        self.host.settle(name)


def model_request(name: str = "reader", **members: Any) -> dict[str, Any]:
    """`members` replace those of the request; None takes one out."""
    return _given(
        {"ModelName": name, "ExecutionRoleArn": ROLE, "PrimaryContainer": {"Image": IMAGE}, **members}
    )


def config_request(
    name: str = "plain",
    model_name: str = "reader",
    variant: Mapping[str, Any] | None = None,
    output: Mapping[str, Any] | None = None,
    **members: Any,
) -> dict[str, Any]:
    """`variant`, `output` and `members` replace those of the request; None takes one out."""
    its_variant = {
        "VariantName": "all",
        "ModelName": model_name,
        "InstanceType": "ml.g5.xlarge",
        "InitialInstanceCount": 1,
        **(variant or {}),
    }
    its_output = {"S3OutputPath": f"s3://{BUCKET}/out", **(output or {})}
    return _given(
        {
            "EndpointConfigName": name,
            "ProductionVariants": [_given(its_variant)],
            "AsyncInferenceConfig": {"OutputConfig": _given(its_output)},
            **members,
        }
    )


def _given(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
