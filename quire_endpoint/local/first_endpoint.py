"""How does one command lead to an endpoint that runs? By the calls that a user would make."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import Any

from quire_endpoint.local.own_clients import ACCOUNT, OwnClients
from quire_endpoint.local.up_options import FirstEndpoint
from quire_endpoint.s3_location import S3Location

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
"""Any will do: signatures are not checked."""

_ROLE = "local-sagemaker"
_TRUST = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"sagemaker.amazonaws.com"},'
    '"Action":"sts:AssumeRole"}]}'
)


@dataclass(frozen=True)
class Made:
    """`bucket` is named as the SageMaker SDK's default one; the three prefixes lie in it."""

    endpoint_name: str
    bucket: str
    input: S3Location
    output: S3Location
    failure: S3Location


def make(asked: FirstEndpoint, url: str, region: str) -> Made:
    """Bucket, role, model, configuration and endpoint. It is Creating when this returns. Raises
    botocore.exceptions.ClientError where something of it is refused, boto3.exceptions.S3UploadFailedError
    where the model is."""
    with closing(OwnClients(url)) as clients:
        return _made(asked, clients, region)


def _made(asked: FirstEndpoint, clients: OwnClients, region: str) -> Made:
    s3 = clients.of("s3", region)
    bucket = f"sagemaker-{region}-{ACCOUNT}"
    home = S3Location(bucket, f"{asked.name}/")
    made = Made(asked.name, bucket, home.beneath("input/"), home.beneath("output/"), home.beneath("failure/"))
    _make_bucket(s3, bucket, region)
    role = _role_arn(clients.of("iam", region))
    container = {"Image": asked.image, "Environment": asked.environment, **_data(s3, asked, home)}
    sagemaker = clients.of("sagemaker", region)
    sagemaker.create_model(ModelName=asked.name, ExecutionRoleArn=role, PrimaryContainer=container)
    sagemaker.create_endpoint_config(EndpointConfigName=asked.name, **_config(asked, made))
    sagemaker.create_endpoint(EndpointName=asked.name, EndpointConfigName=asked.name)
    return made


def _config(asked: FirstEndpoint, made: Made) -> dict[str, Any]:
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": asked.name,
        "InstanceType": asked.instance_type,
        "InitialInstanceCount": asked.instances,
    }
    output = {"S3OutputPath": str(made.output), "S3FailurePath": str(made.failure)}
    client = (
        {"ClientConfig": {"MaxConcurrentInvocationsPerInstance": asked.concurrency}}
        if asked.concurrency is not None
        else {}
    )
    return {"ProductionVariants": [variant], "AsyncInferenceConfig": {"OutputConfig": output, **client}}


def _make_bucket(s3: Any, bucket: str, region: str) -> None:
    if region == "us-east-1":
        s3.create_bucket(Bucket=bucket)
        return
    place = {"LocationConstraint": region}
    try:
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
    except s3.exceptions.BucketAlreadyOwnedByYou:
        """Of an earlier run on the same --data."""


def _role_arn(iam: Any) -> str:
    try:
        made = iam.create_role(RoleName=_ROLE, AssumeRolePolicyDocument=_TRUST)
    except iam.exceptions.EntityAlreadyExistsException:
        made = iam.get_role(RoleName=_ROLE)
    return str(made["Role"]["Arn"])


def _data(s3: Any, asked: FirstEndpoint, home: S3Location) -> dict[str, Any]:
    """An archive by ModelDataUrl, a directory as it is by ModelDataSource."""
    if asked.model is None:
        return {}
    if asked.model.is_file():
        archive = home.beneath("model/model.tar.gz")
        s3.upload_file(str(asked.model), archive.bucket, archive.key)
        return {"ModelDataUrl": str(archive)}
    prefix = home.beneath("model/files/")
    for file in sorted(path for path in asked.model.rglob("*") if path.is_file()):
        key = prefix.beneath(file.relative_to(asked.model).as_posix()).key
        s3.upload_file(str(file), prefix.bucket, key)
    source = {"S3Uri": str(prefix), "S3DataType": "S3Prefix", "CompressionType": "None"}
    return {"ModelDataSource": {"S3DataSource": source}}


def exports(url: str, region: str) -> list[str]:
    """What to set for AWS's own clients to come here."""
    names = {"AWS_ENDPOINT_URL": url, **CREDENTIALS, "AWS_DEFAULT_REGION": region}
    return [f"export {name}={value}" for name, value in names.items()]
