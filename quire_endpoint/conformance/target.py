"""What is the suite run against: which URL, whose clients, how fast does time pass there?"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import boto3
from botocore.config import Config

from quire_endpoint.conformance.row import Differs, NotCheckable

_Seen = TypeVar("_Seen")

SLACK_SECONDS = 30.0
"""On the wall, added to every deadline: processes start and requests travel in real time."""

_CONNECTIONS = 32
_ONE_ATTEMPT = {"total_max_attempts": 1}
LOCAL_KEYS = {"aws_access_key_id": "conformance", "aws_secret_access_key": "conformance"}


@dataclass(frozen=True)
class Target:
    """`url` is the local endpoint's, None for AWS. `speed` is how much faster than the wall its clock runs.
    `alike` starts another local endpoint under other assumptions, given as NAME=VALUE."""

    region: str
    role: str
    image: str
    bucket: str
    instance_type: str
    url: str | None = None
    speed: float = 1.0
    alike: Callable[[str], Target] | None = None

    @property
    def is_local(self) -> bool:
        return self.url is not None

    @property
    def poll_seconds(self) -> float:
        """Between two looks, on the wall."""
        return 0.1 if self.is_local else 5.0

    @cached_property
    def clients(self) -> Clients:
        return Clients(self.region, self.url)

    def wait(self, seconds: float) -> None:
        """Lets the target's clock run."""
        time.sleep(seconds / self.speed)

    def until(self, look: Callable[[], _Seen | None], seconds: float, wanted: str) -> _Seen:
        """The first that `look` sees within `seconds` of the target's time; 0 and empty values count as seen.
        Raises Differs that says what was wanted."""
        deadline = time.monotonic() + seconds / self.speed + SLACK_SECONDS
        while (seen := look()) is None:
            if time.monotonic() > deadline:
                raise Differs(f"no {wanted} within {seconds:.0f} s")
            time.sleep(self.poll_seconds)
        return seen

    def under(self, assumption: str) -> Target:
        """One that assumes otherwise. Raises NotCheckable where nothing can be switched."""
        if self.alike is None:
            raise NotCheckable("its assumptions cannot be switched from here")
        return self.alike(assumption)


class Clients:
    """boto3's, unmodified. `unchecked` ones send what botocore would refuse to send; the runtime's do not try
    again, so that each answer is seen. All are made at once: threads share them."""

    def __init__(self, region: str, url: str | None) -> None:
        session = boto3.Session(region_name=region, **(LOCAL_KEYS if url else {}))

        def client(service: str, **settings: Any) -> Any:
            config = Config(max_pool_connections=_CONNECTIONS, **settings)
            return session.client(service, endpoint_url=url, config=config)

        runtime, unchecked = "sagemaker-runtime", {"parameter_validation": False}
        self.s3 = client("s3", s3={"addressing_style": "path" if url else "auto"})
        self.sagemaker = client("sagemaker")
        self.runtime = client(runtime, retries=_ONE_ATTEMPT)
        self.unchecked_sagemaker = client("sagemaker", **unchecked)
        self.unchecked_runtime = client(runtime, retries=_ONE_ATTEMPT, **unchecked)
        self.sns = client("sns")
        self.sqs = client("sqs")
        self.cloudwatch = client("cloudwatch")
        self.logs = client("logs")
        self.autoscaling = client("application-autoscaling")
