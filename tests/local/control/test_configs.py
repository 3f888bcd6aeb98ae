"""CreateEndpointConfig and its kin, through boto3."""

from __future__ import annotations

from typing import Any

import pytest

from quire_endpoint.local.control.configs import has_local_disk
from tests.local.control.running_api import BUCKET, IMAGE, RunningApi, config_request, model_request
from tests.local.control.test_models import refused

TOPIC = "arn:aws:sns:us-east-1:123456789012:done"


def test_a_configuration_is_described_as_it_was_created(api: RunningApi) -> None:
    api.model()
    request = config_request(
        variant={"InferenceAmiVersion": "al2-ami-sagemaker-inference-gpu-3-1"},
        output={"S3FailurePath": f"s3://{BUCKET}/failed", "KmsKeyId": "alias/k"},
        Tags=[{"Key": "team", "Value": "ocr"}],
    )
    api.sagemaker.create_endpoint_config(**request)
    described = api.sagemaker.describe_endpoint_config(EndpointConfigName="plain")
    assert described["EndpointConfigArn"].endswith(":endpoint-config/plain")
    assert described["ProductionVariants"] == request["ProductionVariants"]
    assert described["AsyncInferenceConfig"] == request["AsyncInferenceConfig"]
    assert "Tags" not in described


@pytest.mark.parametrize(
    "size", ["xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge"]
)
def test_every_g5_is_welcome(api: RunningApi, size: str) -> None:
    api.model()
    api.config(variant={"InstanceType": f"ml.g5.{size}"})


TWO = [
    {"VariantName": name, "ModelName": "reader", "InstanceType": "ml.g5.xlarge", "InitialInstanceCount": 1}
    for name in ("a", "b")
]
CAPTURE = {
    "InitialSamplingPercentage": 1,
    "DestinationS3Uri": "s3://b",
    "CaptureOptions": [{"CaptureMode": "Input"}],
}


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"AsyncInferenceConfig": None}, "it is for asynchronous inference only"),
        ({"ProductionVariants": TWO}, "Multiple production variants are not supported"),
        ({"ShadowProductionVariants": TWO[:1]}, "ShadowProductionVariants is not supported"),
        ({"DataCaptureConfig": CAPTURE}, "DataCaptureConfig is not supported"),
        (
            {"variant": {"VolumeSizeInGB": 30}},
            "VolumeSize parameter is not allowed for the selected Instance",
        ),
        ({"KmsKeyId": "alias/k"}, "KmsKeyId is not allowed for the selected Instance type ml.g5.xlarge"),
        ({"variant": {"ManagedInstanceScaling": {"Status": "ENABLED"}}}, "only supported for inference"),
        (
            {"variant": {"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 1}}},
            "ServerlessConfig is not supported",
        ),
        ({"variant": {"InstanceType": None}}, "Specify one of either InstanceType and InstancePools"),
        ({"variant": {"InitialInstanceCount": None}}, "InitialInstanceCount is required"),
        ({"variant": {"ModelName": None}}, "the production variant needs a ModelName"),
        ({"variant": {"ModelName": "nobody"}}, 'Could not find model "arn:aws:sagemaker:us-east-1:'),
        ({"variant": {"InstanceType": "ml.g5.tiny"}}, "'productionVariants.1.member.instanceType' failed"),
        ({"variant": {"InstanceType": "ml.inf1.xlarge"}}, "Inf1 instances are not supported"),
        ({"variant": {"InitialInstanceCount": 0}}, "value greater than or equal to 1"),
        ({"variant": {"ContainerStartupHealthCheckTimeoutInSeconds": 59}}, "greater than or equal to 60"),
        ({"variant": {"ContainerStartupHealthCheckTimeoutInSeconds": 3601}}, "less than or equal to 3600"),
        ({"variant": {"ModelDataDownloadTimeoutInSeconds": 3601}}, "less than or equal to 3600"),
        ({"variant": {"InferenceAmiVersion": "newest"}}, "Member must satisfy enum value set"),
        ({"output": {"S3OutputPath": None}}, "S3OutputPath is required"),
        ({"output": {"S3OutputPath": "file:///tmp"}}, "outputConfig.s3OutputPath' failed"),
        ({"output": {"S3OutputPath": "https://example.com/x"}}, "is no location in S3"),
        ({"output": {"S3FailurePath": f"s3://{BUCKET}/ä"}}, "S3FailurePath"),
        ({"output": {"NotificationConfig": {"SuccessTopic": "done"}}}, "notificationConfig.successTopic"),
    ],
)
def test_what_breaks_a_rule_is_refused(api: RunningApi, members: dict[str, Any], message: str) -> None:
    api.model()
    assert message in refused(api.unchecked.create_endpoint_config, **config_request(**members))


@pytest.mark.parametrize("concurrency", [0, 1001])
def test_concurrency_has_limits(api: RunningApi, concurrency: int) -> None:
    api.model()
    asynchronous = {
        "OutputConfig": {"S3OutputPath": f"s3://{BUCKET}/out"},
        "ClientConfig": {"MaxConcurrentInvocationsPerInstance": concurrency},
    }
    request = config_request(AsyncInferenceConfig=asynchronous)
    assert "maxConcurrentInvocationsPerInstance" in refused(api.unchecked.create_endpoint_config, **request)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"PrimaryContainer": None, "Containers": [{"Image": IMAGE}] * 2}, "several containers"),
        ({"PrimaryContainer": {"Image": IMAGE, "Mode": "MultiModel"}}, "Multi-model endpoints"),
        ({"PrimaryContainer": {"ModelPackageName": "bought"}}, "Marketplace images are not supported"),
    ],
)
def test_a_model_that_async_excludes_is_refused(api: RunningApi, model: dict[str, Any], message: str) -> None:
    api.sagemaker.create_model(**model_request(**model))
    assert message in refused(api.sagemaker.create_endpoint_config, **config_request())


def test_a_type_without_disks_of_its_own_may_have_a_volume(api: RunningApi) -> None:
    api.model()
    api.config(variant={"InstanceType": "ml.m5.large", "VolumeSizeInGB": 30}, KmsKeyId="alias/k")


def test_local_disks_are_told_by_the_family() -> None:
    assert all(
        has_local_disk(f"ml.{name}.x") for name in ("g5", "g6e", "g4dn", "c5d", "m6gd", "p4de", "p5en")
    )
    assert not any(has_local_disk(f"ml.{name}.x") for name in ("m5", "c6i", "p3", "dl1", "inf2", "r7i", "t2"))


def test_the_first_pool_of_several_is_run(api: RunningApi) -> None:
    api.model()
    api.model("small")
    pools = [
        {"InstanceType": "ml.g6.xlarge", "Priority": 2},
        {"InstanceType": "ml.g5.2xlarge", "Priority": 1, "ModelNameOverride": "small"},
    ]
    api.config(variant={"InstanceType": None, "InstancePools": pools})
    api.sagemaker.create_endpoint(EndpointName="letters", EndpointConfigName="plain")
    variant = api.host.spec("letters").variant
    assert (variant.instance_type, variant.model.name) == ("ml.g5.2xlarge", "small")


def test_what_runs_is_what_was_configured(api: RunningApi) -> None:
    api.model()
    api.config(
        variant={
            "ContainerStartupHealthCheckTimeoutInSeconds": 1200,
            "ModelDataDownloadTimeoutInSeconds": 90,
        },
        AsyncInferenceConfig={
            "OutputConfig": {
                "S3OutputPath": f"s3://{BUCKET}/out/",
                "S3FailurePath": "https://sagemaker-failures.s3.us-east-1.amazonaws.com/f",
                "NotificationConfig": {
                    "SuccessTopic": TOPIC,
                    "IncludeInferenceResponseIn": ["ERROR_NOTIFICATION_TOPIC"],
                },
            },
            "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 4},
        },
        EnableNetworkIsolation=True,
    )
    api.sagemaker.create_endpoint(EndpointName="letters", EndpointConfigName="plain")
    spec = api.host.spec("letters")
    assert (spec.variant.startup_seconds, spec.variant.model_download_seconds) == (1200, 90)
    assert (str(spec.output), str(spec.failure)) == (f"s3://{BUCKET}/out/", "s3://sagemaker-failures/f")
    assert (spec.notification.success_topic, spec.notification.error_topic) == (TOPIC, None)
    assert (spec.notification.is_body_in_success, spec.notification.is_body_in_error) == (False, True)
    assert (spec.max_concurrent_invocations, spec.variant.model.is_network_isolated) == (4, True)
