"""AWS Lambda: every document that arrives in S3 is submitted to an async endpoint.

For an event of S3 (ObjectCreated) beneath INPUT_PREFIX, also by way of SQS. What is refused while others of
its event were accepted goes to the queue FAILED_QUEUE_URL, which may be one that feeds this function. Needs
sagemaker:InvokeEndpointAsync, DescribeEndpoint and DescribeEndpointConfig, sqs:SendMessage, and for keys that
no header carries s3:GetObject and s3:PutObject. Needs no package but boto3."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_plus

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

ENDPOINT = os.environ["ENDPOINT_NAME"]
INPUT_PREFIX = os.environ["INPUT_PREFIX"]  # such as incoming/: what lies elsewhere is never submitted
FAILED_QUEUE_URL = os.environ["FAILED_QUEUE_URL"]
TTL_SECONDS, TIMEOUT_SECONDS = 21600, 900
TYPES = {"pdf": "application/pdf", "png": "image/png", "jpg": "image/jpeg", "tiff": "image/tiff"}
FITS_HEADER = re.compile(r"[!-~]+(?: [!-~]+)*")

runtime = boto3.client("sagemaker-runtime", config=Config(retries={"total_max_attempts": 1}))
sagemaker, s3, sqs = boto3.client("sagemaker"), boto3.client("s3"), boto3.client("sqs")


def handler(event: dict[str, Any], context: object = None) -> list[str]:
    """Returns the inference ids. What it raises makes Lambda call again with the same event: it raises only
    where nothing of it was accepted."""
    ids, failed, last_error = [], [], None
    for record in filter(is_document, records_of(event)):
        refuse_to_feed_itself(record["s3"]["bucket"]["name"])
        try:
            ids.append(submit(record))
        except (ClientError, BotoCoreError) as error:
            print(f"{record['s3']['object']['key']} is not submitted: {error}")
            failed.append(record)
            last_error = error
    if last_error is not None and not ids:
        raise last_error
    if failed:
        sqs.send_message(QueueUrl=FAILED_QUEUE_URL, MessageBody=json.dumps({"Records": failed}))
    return ids


def records_of(event: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for record in event.get("Records", ()):
        if "body" in record:
            yield from records_of(json.loads(record["body"]))
        else:
            yield record


def refuse_to_feed_itself(bucket: str) -> None:
    """Answers that arrived as documents would be submitted without end."""
    for path in answer_paths():
        if path and f"{path.rstrip('/')}/".startswith(f"s3://{bucket}/{INPUT_PREFIX}"):
            raise RuntimeError(f"{ENDPOINT} writes to {path}, where documents arrive")


@functools.cache
def answer_paths() -> tuple[str | None, str | None]:
    name = sagemaker.describe_endpoint(EndpointName=ENDPOINT)["EndpointConfigName"]
    config = sagemaker.describe_endpoint_config(EndpointConfigName=name)
    output = config["AsyncInferenceConfig"]["OutputConfig"]
    return output.get("S3OutputPath"), output.get("S3FailurePath")


def is_document(record: dict[str, Any]) -> bool:
    """Not a folder mark, nor an answer: answers that came in here would be submitted again and again."""
    key = unquote_plus(record["s3"]["object"]["key"])
    is_answer = key.endswith((".out", "-error.out"))
    return key.startswith(INPUT_PREFIX) and not key.endswith("/") and not is_answer


def submit(record: dict[str, Any]) -> str:
    """S3 may send an event twice: the id is the same for both, so who reads the answers can tell."""
    bucket, key = record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"])
    version = record["s3"]["object"].get("sequencer", "")
    inference_id = hashlib.sha256(f"{bucket}/{key}/{version}".encode()).hexdigest()[:40]
    answer = runtime.invoke_endpoint_async(
        EndpointName=ENDPOINT,
        InputLocation=plain_location(bucket, key, inference_id),
        InferenceId=inference_id,
        ContentType=TYPES.get(key.rpartition(".")[2].lower(), "application/octet-stream"),
        CustomAttributes=f"deadline_seconds={TIMEOUT_SECONDS - 30};ref={inference_id}",
        RequestTTLSeconds=TTL_SECONDS,
        InvocationTimeoutSeconds=TIMEOUT_SECONDS,
    )
    print(f"{key} is {inference_id}, to be at {answer['OutputLocation']}")
    return inference_id


def plain_location(bucket: str, key: str, name: str) -> str:
    """The location travels in a header, which other letters break and which loses spaces: such an object is
    copied first, out of INPUT_PREFIX."""
    location = f"s3://{bucket}/{key}"
    if len(location) <= 1024 and FITS_HEADER.fullmatch(location):
        return location
    copied = f"plain-keys/{name}"
    s3.copy({"Bucket": bucket, "Key": key}, bucket, copied)
    return f"s3://{bucket}/{copied}"
