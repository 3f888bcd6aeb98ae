"""CreateModel and its kin, through boto3."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.control.running_api import BUCKET, IMAGE, ROLE, RunningApi, model_request

ARN = "arn:aws:sagemaker:us-east-1:123456789012:model/"


def refused(call: Any, **request: Any) -> str:
    """The message of the ValidationException."""
    with pytest.raises(ClientError) as caught:
        call(**request)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return str(caught.value.response["Error"]["Message"])


def test_a_model_is_described_as_it_was_created(api: RunningApi) -> None:
    environment = {"QUIRE_X": "1"}
    created = api.sagemaker.create_model(
        **model_request("Reader", PrimaryContainer={"Image": IMAGE, "Environment": environment})
    )
    assert created["ModelArn"] == f"{ARN}reader"
    described = api.sagemaker.describe_model(ModelName="Reader")
    assert described["PrimaryContainer"] == {"Image": IMAGE, "Environment": environment}
    assert described["ExecutionRoleArn"] == ROLE
    assert described["CreationTime"].timestamp() == pytest.approx(api.clock.now(), abs=60)


def test_a_name_is_taken_in_every_case_and_found_in_its_own(api: RunningApi) -> None:
    api.model("Reader")
    assert refused(api.sagemaker.create_model, **model_request("READER")) == (
        f'Cannot create already existing model "{ARN}reader".'
    )
    assert refused(api.sagemaker.describe_model, ModelName="reader") == (
        f'Could not find model "{ARN}reader".'
    )


def test_each_region_has_models_of_its_own(api: RunningApi) -> None:
    api.model("reader")
    elsewhere = api.clients.sagemaker("eu-west-1")
    assert "eu-west-1" in refused(elsewhere.describe_model, ModelName="reader")
    assert elsewhere.list_models()["Models"] == []
    assert elsewhere.create_model(**model_request("reader"))["ModelArn"].split(":")[3] == "eu-west-1"


def test_a_deleted_model_is_gone(api: RunningApi) -> None:
    api.model("reader")
    api.sagemaker.delete_model(ModelName="reader")
    assert "Could not find" in refused(api.sagemaker.delete_model, ModelName="reader")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"name": "under_score"}, "at 'modelName' failed to satisfy constraint: Member must satisfy regular"),
        ({"name": "r" * 64}, "Member must have length less than or equal to 63"),
        ({"ExecutionRoleArn": "me"}, "at 'executionRoleArn' failed to satisfy constraint"),
        ({"ExecutionRoleArn": None}, "ExecutionRoleArn is required"),
        ({"PrimaryContainer": None}, "Specify one of either PrimaryContainer and Containers"),
        ({"PrimaryContainer": {}}, "Specify one of either PrimaryContainer and Containers"),
        ({"PrimaryContainer": {"Mode": "SingleModel"}}, "Specify one of either Image and Model Data URL or"),
        ({"PrimaryContainer": {"Image": "two words"}}, "at 'primaryContainer.image'"),
        ({"PrimaryContainer": {"Image": IMAGE, "Mode": "Any"}}, "enum value set: [SingleModel, MultiModel]"),
        (
            {"PrimaryContainer": {"Image": IMAGE, "Environment": {"1X": ""}}},
            "Map keys must satisfy constraint",
        ),
        (
            {"PrimaryContainer": {"Image": IMAGE, "Environment": {"X": "x" * 1025}}},
            "Map value must satisfy constraint: [Member must have length less than or equal to 1024]",
        ),
        (
            {"PrimaryContainer": {"Image": IMAGE, "Environment": {f"X{n}": "" for n in range(101)}}},
            "Member must have length less than or equal to 100",
        ),
        (
            {"PrimaryContainer": {"Image": IMAGE, "Environment": {f"X{n}": "x" * 1024 for n in range(32)}}},
            "at most 32768 are allowed",
        ),
        ({"VpcConfig": {"Subnets": []}}, "2 validation errors detected"),
    ],
)
def test_what_breaks_a_rule_is_refused(api: RunningApi, members: dict[str, Any], message: str) -> None:
    assert message in refused(api.unchecked.create_model, **model_request(**members))


def test_a_member_of_another_type_is_no_request(api: RunningApi) -> None:
    with pytest.raises(ClientError, match="SerializationException"):
        api.unchecked.create_model(
            **model_request(PrimaryContainer={"Image": IMAGE, "Environment": {"X": 1}})
        )


def test_model_data_must_be_there(api: RunningApi) -> None:
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz"}
    request = model_request(PrimaryContainer=container)
    message = refused(api.sagemaker.create_model, **request)
    assert message.startswith(
        f"Could not access model data at s3://{BUCKET}/model.tar.gz. Please ensure that"
    )
    assert "located in us-east-1" in message
    api.put("model.tar.gz")
    api.sagemaker.create_model(**request)


def source(uri: str, data_type: str, compression: str, **more: Any) -> dict[str, Any]:
    data = {"S3Uri": uri, "S3DataType": data_type, "CompressionType": compression, **more}
    return {"Image": IMAGE, "ModelDataSource": {"S3DataSource": data}}


@pytest.mark.parametrize(
    ("container", "message"),
    [
        (source(f"s3://{BUCKET}/m", "S3Prefix", "None"), "must end with a slash"),
        (source(f"s3://{BUCKET}/m/", "S3Prefix", "Gzip"), "does not go with CompressionType Gzip"),
        (source(f"s3://{BUCKET}/m", "S3Object", "None"), "The local endpoint does not serve"),
        (source(f"s3://{BUCKET}/none/", "S3Prefix", "None"), "Could not access model data"),
        (source("https://example.com/m/", "S3Prefix", "None"), "Could not access model data"),
        (
            {**source(f"s3://{BUCKET}/m/", "S3Prefix", "None"), "ModelDataUrl": f"s3://{BUCKET}/m"},
            "Specify one of either ModelDataUrl and ModelDataSource",
        ),
        (
            {"Image": IMAGE, "AdditionalModelDataSources": [{"ChannelName": "x", "S3DataSource": {
                "S3Uri": "s3://b/k/", "S3DataType": "S3Prefix", "CompressionType": "None"}}]},
            "does not serve AdditionalModelDataSources",
        ),
    ],
)  # fmt: skip
def test_a_data_source_that_is_not_one_is_refused(
    api: RunningApi, container: dict[str, Any], message: str
) -> None:
    assert message in refused(api.sagemaker.create_model, **model_request(PrimaryContainer=container))


def test_a_prefix_of_files_is_a_data_source(api: RunningApi) -> None:
    api.put("m/config.json")
    api.model(PrimaryContainer=source(f"s3://{BUCKET}/m/", "S3Prefix", "None"))
    api.config()
    api.sagemaker.create_endpoint(EndpointName="letters", EndpointConfigName="plain")
    model = api.host.spec("letters").variant.model
    assert (str(model.data), model.is_data_uncompressed) == (f"s3://{BUCKET}/m/", True)
