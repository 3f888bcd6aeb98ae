"""How does a plan become an endpoint, and how is it taken away?"""

from __future__ import annotations

import io
import tarfile
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from quire_endpoint.conformance.plans import ModelData, Plan
from quire_endpoint.conformance.row import Differs
from quire_endpoint.conformance.target import Target

VARIANT = "AllTraffic"
MODEL_FILES = {"words.txt": b"one two three\n", "deeper/number.txt": b"4\n"}
START_SECONDS = 5400
"""Until an endpoint is in service: AWS takes minutes to bring an instance, and the local endpoint lets
start-up windows pass in real time."""

SUCCESS_AND_ERROR = ["SUCCESS_NOTIFICATION_TOPIC", "ERROR_NOTIFICATION_TOPIC"]


@dataclass(frozen=True)
class Deployed:
    """An endpoint by this name, and where it writes: prefixes of the bucket, without a slash at the end."""

    name: str
    plan: Plan
    output_prefix: str
    failure_prefix: str | None


class Deployment:
    """Makes the endpoints of one run, whose `mark` is in all their names."""

    def __init__(self, target: Target, mark: str, topics: dict[str, str]) -> None:
        self._target, self._mark, self._topics = target, mark, topics
        self._sagemaker = target.clients.sagemaker

    def create(self, plan: Plan) -> Deployed:
        """Returns while the endpoint is Creating."""
        name = f"{self._mark}-{plan.name}"
        try:
            self._sagemaker.create_model(**self.model(plan, name))
            self._sagemaker.create_endpoint_config(**self.config(plan, name))
            self._sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        except ClientError:
            self.remove(name)
            raise
        failure = f"{self._mark}/failures/{plan.name}" if plan.has_failure_path else None
        return Deployed(name, plan, f"{self._mark}/outputs/{plan.name}", failure)

    def model(self, plan: Plan, name: str) -> dict[str, Any]:
        """CreateModel's request."""
        speed = {} if self._target.speed == 1 else {"CONFORMANCE_SPEED": str(self._target.speed)}
        container: dict[str, Any] = {
            "Image": self._target.image,
            "Environment": {**plan.environment, **speed},
        }
        if plan.data is ModelData.ARCHIVE:
            container["ModelDataUrl"] = self._put_archive()
        elif plan.data is ModelData.PREFIX:
            source = {"S3Uri": self._put_files(), "S3DataType": "S3Prefix", "CompressionType": "None"}
            container["ModelDataSource"] = {"S3DataSource": source}
        isolation = {"EnableNetworkIsolation": True} if plan.is_isolated else {}
        return {
            "ModelName": name,
            "PrimaryContainer": container,
            "ExecutionRoleArn": self._target.role,
            **isolation,
        }

    def config(self, plan: Plan, name: str) -> dict[str, Any]:
        """CreateEndpointConfig's request."""
        variant: dict[str, Any] = {
            "VariantName": VARIANT,
            "ModelName": name,
            "InitialInstanceCount": 1,
            "InstanceType": self._target.instance_type,
        }
        if plan.startup_seconds:
            variant["ContainerStartupHealthCheckTimeoutInSeconds"] = plan.startup_seconds
        asynchronous: dict[str, Any] = {"OutputConfig": self._outputs(plan)}
        if plan.concurrency:
            asynchronous["ClientConfig"] = {"MaxConcurrentInvocationsPerInstance": plan.concurrency}
        return {
            "EndpointConfigName": name,
            "ProductionVariants": [variant],
            "AsyncInferenceConfig": asynchronous,
        }

    def _outputs(self, plan: Plan) -> dict[str, Any]:
        place = f"s3://{self._target.bucket}/{self._mark}"
        outputs: dict[str, Any] = {"S3OutputPath": f"{place}/outputs/{plan.name}"}
        if plan.has_failure_path:
            outputs["S3FailurePath"] = f"{place}/failures/{plan.name}"
        if plan.is_notifying:
            outputs["NotificationConfig"] = {
                "SuccessTopic": self._topics["success"],
                "ErrorTopic": self._topics["error"],
                "IncludeInferenceResponseIn": SUCCESS_AND_ERROR,
            }
        return outputs

    def _put_archive(self) -> str:
        written = io.BytesIO()
        with tarfile.open(fileobj=written, mode="w:gz") as archive:
            for name, content in MODEL_FILES.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        key = f"{self._mark}/model.tar.gz"
        self._target.clients.s3.put_object(Bucket=self._target.bucket, Key=key, Body=written.getvalue())
        return f"s3://{self._target.bucket}/{key}"

    def _put_files(self) -> str:
        prefix = f"{self._mark}/model-files/"
        for name, content in MODEL_FILES.items():
            self._target.clients.s3.put_object(
                Bucket=self._target.bucket, Key=f"{prefix}{name}", Body=content
            )
        return f"s3://{self._target.bucket}/{prefix}"

    def status(self, name: str) -> str:
        return str(self._sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"])

    def await_status(self, name: str, wanted: str = "InService", among: tuple[str, ...] = ()) -> None:
        """Raises Differs where it fails, or takes too long. `among` may be passed through on the way."""
        passing = ("Creating", "Updating", "SystemUpdating", *among)

        def look() -> str | None:
            status = self.status(name)
            if status != wanted and status not in passing:
                reason = self._sagemaker.describe_endpoint(EndpointName=name).get("FailureReason")
                raise Differs(f"{name} is {status}: {reason}")
            return status if status == wanted else None

        self._target.until(look, START_SECONDS, f"status {wanted} of {name}")

    def remove(self, name: str) -> None:
        """The endpoint, its configuration and its model, whatever of them there is."""
        with suppress(ClientError):
            self._sagemaker.delete_endpoint(EndpointName=name)
        with suppress(ClientError):
            self._sagemaker.delete_endpoint_config(EndpointConfigName=name)
        with suppress(ClientError):
            self._sagemaker.delete_model(ModelName=name)
