"""AddTags, ListTags and DeleteTags."""

from __future__ import annotations

from typing import Any

from tests.local.control.running_api import RunningApi, model_request
from tests.local.control.test_models import refused


def tagged(api: RunningApi, **tags: str) -> str:
    """A model with tags; returns its ARN."""
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    return str(api.sagemaker.create_model(**model_request(Tags=pairs))["ModelArn"])


def tags_of(api: RunningApi, arn: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in api.sagemaker.list_tags(ResourceArn=arn)["Tags"]}


def test_tags_are_added_replaced_and_taken_away(api: RunningApi) -> None:
    arn = tagged(api, team="ocr", stage="test")
    api.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "stage", "Value": "live"}])
    assert tags_of(api, arn) == {"team": "ocr", "stage": "live"}
    api.sagemaker.delete_tags(ResourceArn=arn, TagKeys=["team", "never"])
    assert tags_of(api, arn) == {"stage": "live"}


def test_tags_go_with_their_endpoint(api: RunningApi) -> None:
    api.endpoint()
    arn = api.sagemaker.describe_endpoint(EndpointName="letters")["EndpointArn"]
    api.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "größe", "Value": "a b"}])
    assert tags_of(api, arn) == {"größe": "a b"}
    api.host.forget("letters")
    api.sagemaker.create_endpoint(EndpointName="letters", EndpointConfigName="letters-config")
    assert tags_of(api, arn) == {}


def test_tags_of_nothing_are_refused(api: RunningApi) -> None:
    arn = "arn:aws:sagemaker:us-east-1:123456789012:model/none"
    assert refused(api.sagemaker.list_tags, ResourceArn=arn) == f'Could not find resource "{arn}".'


def test_tags_have_limits(api: RunningApi) -> None:
    arn = tagged(api, **{f"k{number}": "" for number in range(49)})
    pairs: list[dict[str, Any]] = [{"Key": "one", "Value": ""}, {"Key": "two", "Value": ""}]
    assert "at most 50 tags" in refused(api.sagemaker.add_tags, ResourceArn=arn, Tags=pairs)
    for pair, message in (
        ({"Key": "semi;colon", "Value": ""}, "tags.1.member.key"),
        ({"Key": "k" * 129, "Value": ""}, "less than or equal to 128"),
        ({"Key": "k", "Value": "v" * 257}, "less than or equal to 256"),
    ):
        assert message in refused(api.unchecked.add_tags, ResourceArn=arn, Tags=[pair])
