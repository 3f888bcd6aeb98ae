"""A whole local endpoint in front of a stub container, for the page's tests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from quire_endpoint.local.admin import Admin
from quire_endpoint.local.first_endpoint import Made, make
from quire_endpoint.local.specs import EndpointStatus
from quire_endpoint.local.up import LocalEndpoint, LocalSettings
from quire_endpoint.local.up_options import FirstEndpoint

STUB = Path(__file__).parents[2] / "fakes" / "stub_container.py"
PATIENCE_SECONDS = 30.0


def await_that(holds: Callable[[], Any], what: str) -> Any:
    """Returns what `holds` does, once that is true."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not (found := holds()):
        assert time.monotonic() < end, f"not within {PATIENCE_SECONDS:.0f} s: {what}"
        time.sleep(0.02)
    return found


@dataclass(frozen=True)
class Stand:
    """`local` with an endpoint, whose container obeys its requests' custom attributes."""

    local: LocalEndpoint
    made: Made
    name: str = "stub"

    @property
    def admin(self) -> Admin:
        return Admin(self.local.url)

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.local.url,
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )

    def notify(self, name: str, topic: str) -> None:
        """Makes another endpoint, whose successes are told to `topic`."""
        sagemaker = self.client("sagemaker")
        config = sagemaker.describe_endpoint_config(EndpointConfigName=self.name)
        output = config["AsyncInferenceConfig"]["OutputConfig"]
        output["NotificationConfig"] = {"SuccessTopic": topic}
        sagemaker.create_endpoint_config(
            EndpointConfigName=name,
            ProductionVariants=config["ProductionVariants"],
            AsyncInferenceConfig={"OutputConfig": output},
        )
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        await_that(lambda: self.local.host.state(name).status is EndpointStatus.IN_SERVICE, name)

    def invoke(
        self, inference_id: str, orders: str = "", endpoint_name: str | None = None, **more: Any
    ) -> None:
        """Of a text of two words, unless `more` names another InputLocation."""
        location = self.made.input.beneath("words.txt")
        self.client("s3").put_object(Bucket=location.bucket, Key=location.key, Body=b"two words")
        asked = {"InputLocation": str(location), "ContentType": "text/plain", **more}
        if orders:
            asked["CustomAttributes"] = orders
        self.client("sagemaker-runtime").invoke_endpoint_async(
            EndpointName=endpoint_name or self.name, InferenceId=inference_id, **asked
        )

    def ended(self, inference_id: str) -> dict[str, Any]:
        """What /why says once it has ended."""

        def told() -> dict[str, Any] | None:
            answer = self.admin.get("/why", inference_id=inference_id)
            return answer if answer["ending"] else None

        return dict(await_that(told, f"{inference_id} ends"))

    def runs(self, inference_id: str) -> None:
        """Waits until a container works on it."""
        await_that(
            lambda: self.admin.get("/why", inference_id=inference_id)["name"] == "running",
            f"{inference_id} runs",
        )


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    folder = tmp_path_factory.mktemp("local")
    with LocalEndpoint(LocalSettings(folder, serve=(str(STUB),))) as local:
        asked = FirstEndpoint("stub", 2, 1, {}, None, "ml.g5.xlarge", "stub")
        made = make(asked, local.url, "us-east-1")
        await_that(lambda: local.host.state("stub").status is EndpointStatus.IN_SERVICE, "in service")
        yield Stand(local, made)
