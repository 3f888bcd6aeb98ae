"""The same image in SageMaker Batch Transform: no endpoint, no queue, instances that end with the work.

    python examples/batch_transform.py MODEL_NAME s3://bucket/documents/ s3://bucket/answers/

MODEL_NAME is a model of CreateModel, as the endpoint has it; model data that lies uncompressed in S3
(ModelDataSource) is not taken here. Answers are named DOCUMENT.out. A document has 25 MB at most: the four in
work at once may have 100 MB together."""

from __future__ import annotations

import argparse
import time
from typing import Any

import boto3

CONCURRENCY = 4
MAX_PAYLOAD_MB = 25
"""Times the concurrency at most 100: CreateTransformJob."""


def transform_job(name: str, model: str, documents: str, answers: str) -> dict[str, Any]:
    """One document a request, each as it is. The container is told its deadline by its environment, since
    there are no custom attributes here."""
    return {
        "TransformJobName": name,
        "ModelName": model,
        "MaxConcurrentTransforms": CONCURRENCY,
        "MaxPayloadInMB": MAX_PAYLOAD_MB,
        "BatchStrategy": "SingleRecord",
        "ModelClientConfig": {"InvocationsTimeoutInSeconds": 3600, "InvocationsMaxRetries": 1},
        "Environment": {
            "QUIRE_DEADLINE_SECONDS": "3570",
            "QUIRE_MAX_CONCURRENT_INVOCATIONS": str(CONCURRENCY),
        },
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": documents}},
            "ContentType": "application/octet-stream",
            "SplitType": "None",
        },
        "TransformOutput": {"S3OutputPath": answers, "Accept": "application/json", "AssembleWith": "None"},
        "TransformResources": {"InstanceType": "ml.g5.xlarge", "InstanceCount": 1},
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("documents", metavar="s3://BUCKET/DOCUMENTS/")
    parser.add_argument("answers", metavar="s3://BUCKET/ANSWERS/")
    given = parser.parse_args()
    sagemaker = boto3.client("sagemaker")
    name = f"{given.model}-{int(time.time())}"
    sagemaker.create_transform_job(**transform_job(name, given.model, given.documents, given.answers))
    print(f"{name} has begun")
    sagemaker.get_waiter("transform_job_completed_or_stopped").wait(TransformJobName=name)
    print(sagemaker.describe_transform_job(TransformJobName=name)["TransformJobStatus"])


if __name__ == "__main__":
    main()
