"""What does the control plane take and refuse, and what does it tell?"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from quire_endpoint.conformance.plans import BARE, MAIN, Plan
from quire_endpoint.conformance.refusal import refused
from quire_endpoint.conformance.row import Claim, Proof, Row, Subject, same
from quire_endpoint.conformance.stage import Stage

_MODEL = "botocore, sagemaker 2017-07-24"
_REFERENCE = "API reference, CreateEndpoint"
_SIZES = ("", "2", "4", "8", "12", "16", "24", "48")
G5 = tuple(f"ml.g5.{size}xlarge" for size in _SIZES)

Change = Callable[[dict[str, Any]], object]
"""Of CreateEndpointConfig's request."""


def _config(stage: Stage, change: Change, name: str) -> dict[str, Any]:
    """Of the MAIN endpoint's model, changed; nothing runs by it."""
    deployed = stage.endpoint(MAIN)
    request = stage.deployment.config(Plan("none"), f"{stage.mark}-{name}")
    request["ProductionVariants"][0]["ModelName"] = deployed.name
    change(request)
    return request


def _create(stage: Stage, request: dict[str, Any]) -> None:
    """And deletes it again."""
    sagemaker = stage.clients.unchecked_sagemaker
    sagemaker.create_endpoint_config(**request)
    sagemaker.delete_endpoint_config(EndpointConfigName=request["EndpointConfigName"])


def _refusing(
    name: str,
    sentence: str,
    *changes: Change,
    words: str = "",
    proof: Proof = Proof.DOCUMENTED,
    source: str = _MODEL,
) -> Row:
    """Each changed configuration must be refused with a ValidationException."""

    def check(stage: Stage) -> None:
        for change in changes:
            request = _config(stage, change, name)
            refused(partial(_create, stage, request), "ValidationException", words=words)

    return Row(name, Claim(Subject.CONTROL, sentence, proof, source, (MAIN,)), check)


def _variant(**values: Any) -> Change:
    """The same change of the production variant."""
    return lambda request: request["ProductionVariants"][0].update(values)


def _concurrency(value: int) -> Change:
    settings = {"MaxConcurrentInvocationsPerInstance": value}
    return lambda request: request["AsyncInferenceConfig"].update(ClientConfig=settings)


def _second_variant(request: dict[str, Any]) -> None:
    (first,) = request["ProductionVariants"]
    request["ProductionVariants"].append({**first, "VariantName": "Second"})


@Claim(Subject.CONTROL, "All eight ml.g5 instance types are taken.", Proof.DOCUMENTED, _MODEL, (MAIN,))
def g5_taken(stage: Stage) -> None:
    for instance_type in G5:
        _create(stage, _config(stage, _variant(InstanceType=instance_type), "g5"))


@Claim(
    Subject.CONTROL,
    "DescribeEndpointConfig gives AsyncInferenceConfig back.",
    Proof.DOCUMENTED,
    _MODEL,
    (MAIN,),
)
def config_described(stage: Stage) -> None:
    deployed = stage.endpoint(MAIN)
    told = stage.clients.sagemaker.describe_endpoint_config(EndpointConfigName=deployed.name)
    same(told["AsyncInferenceConfig"], stage.deployment.config(MAIN, deployed.name)["AsyncInferenceConfig"])


@Claim(
    Subject.CONTROL,
    "DescribeEndpoint tells the desired and the current number of instances.",
    Proof.DOCUMENTED,
    _MODEL,
    (MAIN,),
)
def counts_described(stage: Stage) -> None:
    told = stage.clients.sagemaker.describe_endpoint(EndpointName=stage.endpoint(MAIN).name)
    (variant,) = told["ProductionVariants"]
    same((variant["DesiredInstanceCount"], variant["CurrentInstanceCount"]), (1, 1))


@Claim(
    Subject.CONTROL,
    "A new endpoint is Creating, and boto3's waiter sees it come into service.",
    Proof.AWS_CODE,
    "botocore, waiters of sagemaker",
    (BARE,),
)
def waiter_in_service(stage: Stage) -> None:
    deployed = stage.creating(BARE)
    patience = {"Delay": max(1, int(stage.target.poll_seconds)), "MaxAttempts": 240}
    waiter = stage.clients.sagemaker.get_waiter("endpoint_in_service")
    waiter.wait(EndpointName=deployed.name, WaiterConfig=patience)
    same(stage.deployment.status(deployed.name), "InService")


@Claim(
    Subject.CONTROL,
    "A deleted endpoint is Deleting, then unknown; boto3's waiter sees it go.",
    Proof.AWS_CODE,
    "botocore, waiters of sagemaker",
    minutes=10,
)
def waiter_deleted(stage: Stage) -> None:
    deployed = stage.deployment.create(Plan("brief"))
    stage.deployment.await_status(deployed.name)
    stage.clients.sagemaker.delete_endpoint(EndpointName=deployed.name)
    patience = {"Delay": max(1, int(stage.target.poll_seconds)), "MaxAttempts": 240}
    waiter = stage.clients.sagemaker.get_waiter("endpoint_deleted")
    waiter.wait(EndpointName=deployed.name, WaiterConfig=patience)
    refused(lambda: stage.deployment.status(deployed.name), "ValidationException", words="Could not find")
    stage.deployment.remove(deployed.name)


@Claim(
    Subject.CONTROL,
    "An endpoint of an unknown configuration is refused.",
    Proof.DOCUMENTED,
    _REFERENCE,
)
def unknown_config(stage: Stage) -> None:
    name = f"{stage.mark}-none"
    refused(
        lambda: stage.clients.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name),
        "ValidationException",
        words="Could not find",
    )


@Claim(
    Subject.CONTROL,
    "Two endpoints' names must differ by more than their case.",
    Proof.DOCUMENTED,
    _REFERENCE,
    (MAIN,),
)
def names_without_case(stage: Stage) -> None:
    deployed = stage.endpoint(MAIN)
    refused(
        lambda: stage.clients.sagemaker.create_endpoint(
            EndpointName=deployed.name.upper(), EndpointConfigName=deployed.name
        ),
        "ValidationException",
    )


@Claim(
    Subject.CONTROL,
    "An endpoint's name has at most 63 letters, digits and hyphens.",
    Proof.DOCUMENTED,
    _MODEL,
    (MAIN,),
)
def names_by_pattern(stage: Stage) -> None:
    deployed, sagemaker = stage.endpoint(MAIN), stage.clients.unchecked_sagemaker
    for name in ("x" * 64, "under_score", "-first"):
        request = {"EndpointName": name, "EndpointConfigName": deployed.name}
        refused(partial(sagemaker.create_endpoint, **request), "ValidationException")


ROWS = (
    g5_taken,
    config_described,
    counts_described,
    waiter_in_service,
    waiter_deleted,
    unknown_config,
    names_without_case,
    names_by_pattern,
    _refusing("initial-count", "InitialInstanceCount is at least 1.", _variant(InitialInstanceCount=0)),
    _refusing(
        "volume-on-g5",
        "VolumeSizeInGB is refused for ml.g5, in AWS's words.",
        _variant(InstanceType="ml.g5.xlarge", VolumeSizeInGB=30),
        words="VolumeSize parameter is not allowed for the selected Instance type",
        proof=Proof.SEEN,
        source="reports of CreateEndpointConfig's own error",
    ),
    _refusing(
        "key-on-g5",
        "KmsKeyId of a configuration is refused for ml.g5.",
        lambda request: (_variant(InstanceType="ml.g5.xlarge")(request), request.update(KmsKeyId="alias/a")),
    ),
    _refusing(
        "two-variants",
        "A second production variant is refused.",
        _second_variant,
        source="Developer Guide, model-deploy-feature-matrix",
    ),
    _refusing(
        "concurrency-limits",
        "MaxConcurrentInvocationsPerInstance is 1 to 1,000.",
        _concurrency(0),
        _concurrency(1001),
    ),
    _refusing(
        "startup-limits",
        "ContainerStartupHealthCheckTimeoutInSeconds is 60 to 3,600.",
        _variant(ContainerStartupHealthCheckTimeoutInSeconds=59),
        _variant(ContainerStartupHealthCheckTimeoutInSeconds=3601),
    ),
)
