"""Endpoints from their creation to their deletion, through boto3 and its waiters."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from quire_endpoint.local.specs import EndpointStatus
from tests.local.control.running_api import RunningApi
from tests.local.control.test_models import refused

ARN = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/"
PATIENT = {"Delay": 0, "MaxAttempts": 2000}


def created(api: RunningApi, name: str = "letters") -> dict[str, Any]:
    """An endpoint that is being created."""
    api.model()
    api.config()
    answer: dict[str, Any] = api.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName="plain")
    return answer


def described(api: RunningApi, name: str = "letters") -> dict[str, Any]:
    answer: dict[str, Any] = api.sagemaker.describe_endpoint(EndpointName=name)
    return answer


def scaled(api: RunningApi, count: int, name: str = "letters", variant: str = "all") -> None:
    api.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=name,
        DesiredWeightsAndCapacities=[{"VariantName": variant, "DesiredInstanceCount": count}],
    )


def test_a_new_endpoint_is_creating_and_shows_no_variant(api: RunningApi) -> None:
    assert created(api, "Letters")["EndpointArn"] == f"{ARN}letters"
    seen = described(api, "Letters")
    assert (seen["EndpointStatus"], seen["EndpointConfigName"]) == ("Creating", "plain")
    assert "ProductionVariants" not in seen


def test_an_endpoint_in_service_shows_its_counts(api: RunningApi) -> None:
    created(api)
    api.host.settle("letters")
    seen = described(api)
    (variant,) = seen["ProductionVariants"]
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (1, 1)
    assert seen["AsyncInferenceConfig"]["OutputConfig"]["S3OutputPath"].startswith("s3://")
    assert seen["LastModifiedTime"] >= seen["CreationTime"]


def test_boto3_waits_until_it_is_in_service(api: RunningApi) -> None:
    created(api)
    settling = threading.Timer(0.2, api.host.settle, ["letters"])
    settling.start()
    api.sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="letters", WaiterConfig=PATIENT)
    settling.join()
    assert described(api)["EndpointStatus"] == "InService"


def test_boto3_stops_waiting_for_an_endpoint_that_failed(api: RunningApi) -> None:
    created(api)
    api.host.fail("letters", "The primary container did not pass the ping health check.")
    with pytest.raises(WaiterError):
        api.sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="letters", WaiterConfig=PATIENT)
    assert "ping health check" in described(api)["FailureReason"]


def test_boto3_waits_until_it_is_deleted(api: RunningApi) -> None:
    api.endpoint()
    api.sagemaker.delete_endpoint(EndpointName="letters")
    assert described(api)["EndpointStatus"] == "Deleting"
    forgetting = threading.Timer(0.2, api.host.forget, ["letters"])
    forgetting.start()
    api.sagemaker.get_waiter("endpoint_deleted").wait(EndpointName="letters", WaiterConfig=PATIENT)
    forgetting.join()
    assert refused(api.sagemaker.describe_endpoint, EndpointName="letters") == (
        f'Could not find endpoint "{ARN}letters".'
    )


def test_the_name_is_free_again_when_the_old_endpoint_has_gone(api: RunningApi) -> None:
    api.endpoint()
    request = {"EndpointName": "LETTERS", "EndpointConfigName": "letters-config"}
    taken = f'Cannot create already existing endpoint "{ARN}letters".'
    assert refused(api.sagemaker.create_endpoint, **request) == taken
    api.sagemaker.delete_endpoint(EndpointName="letters")
    assert refused(api.sagemaker.create_endpoint, **request) == taken
    api.host.forget("letters")
    api.sagemaker.create_endpoint(**request)


def test_a_name_that_another_region_uses_is_taken(api: RunningApi) -> None:
    """There is one host for all regions."""
    api.endpoint()
    west = api.clients.sagemaker("us-west-2")
    request = {"EndpointName": "letters", "EndpointConfigName": "x"}
    assert "already existing" in refused(west.create_endpoint, **request)
    assert "Could not find" in refused(west.describe_endpoint, EndpointName="letters")


def test_what_an_endpoint_is_made_of_must_be_there(api: RunningApi) -> None:
    request = {"EndpointName": "letters", "EndpointConfigName": "plain"}
    assert refused(api.sagemaker.create_endpoint, **request).startswith(
        'Could not find endpoint configuration "arn:'
    )
    api.model()
    api.config()
    api.sagemaker.delete_model(ModelName="reader")
    assert refused(api.sagemaker.create_endpoint, **request).startswith('Could not find model "arn:')
    assert api.host.names() == []


def test_an_endpoint_runs_on_without_its_model_and_configuration(api: RunningApi) -> None:
    api.endpoint()
    api.sagemaker.delete_model(ModelName="letters-model")
    api.sagemaker.delete_endpoint_config(EndpointConfigName="letters-config")
    seen = described(api)
    assert (seen["EndpointConfigName"], seen["EndpointStatus"]) == ("letters-config", "InService")
    assert seen["AsyncInferenceConfig"]


def test_an_endpoint_can_be_scaled_to_zero(api: RunningApi) -> None:
    api.endpoint()
    scaled(api, 0)
    (variant,) = described(api)["ProductionVariants"]
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (1, 0)
    api.host.settle("letters")
    assert described(api)["EndpointStatus"] == "InService"


def test_scaling_refuses_what_is_not_there(api: RunningApi) -> None:
    api.endpoint()
    with pytest.raises(ClientError, match=r'variant name\(s\) "other" is/are not present'):
        scaled(api, 1, variant="other")
    with pytest.raises(ClientError, match="Could not find endpoint"):
        scaled(api, 1, name="nobody")


def test_nothing_is_changed_while_something_changes(api: RunningApi) -> None:
    api.endpoint()
    api.config("other", model_name="letters-model")
    scaled(api, 3)
    sentence = f'Cannot update in-progress endpoint "{ARN}letters".'
    assert refused(api.sagemaker.delete_endpoint, EndpointName="letters") == sentence
    update = {"EndpointName": "letters", "EndpointConfigName": "other"}
    assert refused(api.sagemaker.update_endpoint, **update) == sentence
    with pytest.raises(ClientError, match="in-progress"):
        scaled(api, 2)


def test_a_failed_endpoint_can_only_be_deleted(api: RunningApi) -> None:
    created(api)
    api.config("other")
    api.host.fail("letters", "no")
    update = {"EndpointName": "letters", "EndpointConfigName": "other"}
    assert "Cannot update failed endpoint" in refused(api.sagemaker.update_endpoint, **update)
    api.sagemaker.delete_endpoint(EndpointName="letters")


def test_an_update_shows_the_old_configuration_until_it_stands(api: RunningApi) -> None:
    api.endpoint()
    api.config("wide", model_name="letters-model", variant={"InitialInstanceCount": 2, "VariantName": "new"})
    api.sagemaker.update_endpoint(EndpointName="letters", EndpointConfigName="wide")
    seen = described(api)
    assert (seen["EndpointStatus"], seen["EndpointConfigName"]) == ("Updating", "letters-config")
    api.host.settle("letters")
    seen = described(api)
    assert (seen["EndpointStatus"], seen["EndpointConfigName"]) == ("InService", "wide")
    assert seen["ProductionVariants"][0]["VariantName"] == "new"


def test_a_failed_update_leaves_the_old_configuration_in_service_with_the_reason(api: RunningApi) -> None:
    api.endpoint()
    api.config("wide", model_name="letters-model")
    api.sagemaker.update_endpoint(EndpointName="letters", EndpointConfigName="wide")
    api.host.fail("letters", "it did not start", EndpointStatus.IN_SERVICE)
    seen = described(api)
    assert (seen["EndpointStatus"], seen["EndpointConfigName"]) == ("InService", "letters-config")
    assert seen["FailureReason"] == "it did not start"
    api.sagemaker.update_endpoint(EndpointName="letters", EndpointConfigName="wide")


def test_an_update_to_the_same_configuration_is_refused(api: RunningApi) -> None:
    api.endpoint()
    request = {"EndpointName": "letters", "EndpointConfigName": "letters-config"}
    assert refused(api.sagemaker.update_endpoint, **request) == (
        'Cannot update endpoint with the currently in use endpoint configuration "letters-config".'
    )


@pytest.mark.parametrize(
    ("members", "count"),
    [
        ({}, 1),
        ({"RetainAllVariantProperties": True}, 3),
        (
            {
                "RetainAllVariantProperties": True,
                "ExcludeRetainedVariantProperties": [{"VariantPropertyType": "DesiredInstanceCount"}],
            },
            1,
        ),
    ],
)
def test_an_update_keeps_the_instance_count_where_asked(
    api: RunningApi, members: dict[str, Any], count: int
) -> None:
    api.endpoint()
    scaled(api, 3)
    api.host.settle("letters")
    api.config("other", model_name="letters-model")
    api.sagemaker.update_endpoint(EndpointName="letters", EndpointConfigName="other", **members)
    assert described(api)["ProductionVariants"][0]["DesiredInstanceCount"] == count


def test_an_update_names_models_as_they_stand_now(api: RunningApi) -> None:
    api.endpoint()
    api.model("newer")
    api.config("other", model_name="newer")
    api.sagemaker.delete_model(ModelName="newer")
    request = {"EndpointName": "letters", "EndpointConfigName": "other"}
    assert "Could not find model" in refused(api.sagemaker.update_endpoint, **request)
    assert described(api)["EndpointStatus"] == "InService"


def test_an_operation_that_is_not_served_says_so(api: RunningApi) -> None:
    with pytest.raises(ClientError, match="The local endpoint does not serve the operation ListTrainingJobs"):
        api.sagemaker.list_training_jobs()
