"""Run by a Python that has the SageMaker SDK v2: deploys, predicts, waits and fails as its users do.

    python ask_sagemaker_2.py ENDPOINT NEW_ENDPOINT ROLE BUCKET

Prints one line of JSON. The bucket is named because the SDK asks STS for the account that the default one is
named for, at Amazon's own address, whatever AWS_ENDPOINT_URL says."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable

import boto3
from sagemaker.async_inference import AsyncInferenceConfig, WaiterConfig
from sagemaker.deserializers import BytesDeserializer, JSONDeserializer
from sagemaker.exceptions import AsyncInferenceModelError, ObjectNotExistedError, PollingTimeoutError
from sagemaker.model import Model
from sagemaker.predictor import Predictor
from sagemaker.predictor_async import AsyncPredictor
from sagemaker.serializers import JSONSerializer
from sagemaker.session import Session

PATIENT = WaiterConfig(max_attempts=60, delay=1)
BROKEN = {"do": {"status": 422, "text": '"no page could be read"'}}


def predictor_of(endpoint_name: str, session: Session) -> AsyncPredictor:
    plain = Predictor(endpoint_name, session, serializer=JSONSerializer(), deserializer=JSONDeserializer())
    return AsyncPredictor(plain, name="documents")


def raised(call: Callable[..., object], *arguments: object, **options: object) -> str:
    """The name and the text of the SDK's own error."""
    try:
        call(*arguments, **options)
    except (AsyncInferenceModelError, ObjectNotExistedError, PollingTimeoutError) as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


def deployed(name: str, role: str, session: Session) -> dict[str, object]:
    """A model of the caller's own image, deployed, asked and deleted."""
    model = Model(
        image_uri="123456789012.dkr.ecr.us-east-1.amazonaws.com/mine:1", role=role, sagemaker_session=session
    )
    config = AsyncInferenceConfig(max_concurrent_invocations_per_instance=2)
    model.deploy(1, "ml.g5.xlarge", endpoint_name=name, async_inference_config=config, wait=False)
    session.wait_for_endpoint(name, poll=1)
    predictor = AsyncPredictor(Predictor(name, session, deserializer=BytesDeserializer()), name=name)
    answer = predictor.predict(b'{"do": {"text": "deployed"}}', waiter_config=PATIENT)
    session.delete_endpoint(name)
    return {"answer": answer.decode()}


def main(endpoint_name: str, new_name: str, role: str, bucket: str) -> None:
    session = Session(default_bucket=bucket)
    predictor = predictor_of(endpoint_name, session)
    members = boto3.client("sagemaker-runtime").meta.service_model.operation_model("InvokeEndpointAsync")
    later = predictor.predict_async({"do": {"seconds": 1, "text": '"later"'}})
    told = {
        "has_inline_body": "Body" in members.input_shape.members,
        "predict": predictor.predict({"do": {"text": '{"pages": 1}'}}, waiter_config=PATIENT),
        "failure": raised(predictor.predict, BROKEN, waiter_config=PATIENT),
        "too_early": raised(predictor.predict_async({"do": {"seconds": 5}}).get_result),
        "later": later.get_result(PATIENT),
        "impatient": raised(
            predictor.predict, {"do": {"seconds": 5}}, waiter_config=WaiterConfig(max_attempts=2, delay=1)
        ),
        "deployed": deployed(new_name, role, session),
    }
    sys.stdout.write(f"\n{json.dumps(told)}\n")  # the SDK leaves its line of progress open
    sys.stdout.flush()
    os._exit(0)  # its threads still wait for the output of what has failed, up to PATIENT's end


if __name__ == "__main__":
    main(*sys.argv[1:])
