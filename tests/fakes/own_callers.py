"""boto3 clients of a local URL, with credentials for show, and closed when the test is over."""

from __future__ import annotations

from functools import cache
from types import TracebackType
from typing import Any

import boto3
from botocore.config import Config


class Callers:
    """A context manager; `call("s3")` is a client."""

    def __init__(self, url: str, region: str = "us-east-1") -> None:
        self.url = url
        self._region = region
        self._clients: list[Any] = []

    def __call__(self, service: str, **options: Any) -> Any:
        options = {"endpoint_url": self.url, "region_name": self._region, **options}
        settings = Config(retries={"total_max_attempts": 1}, **options.pop("config", {}))
        client = _session().client(service, config=settings, **options)
        self._clients.append(client)
        return client

    def __enter__(self) -> Callers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for client in self._clients:
            client.close()


@cache
def _session() -> Any:
    """One for all tests: it remembers the descriptions of services, which take long to read."""
    return boto3.session.Session("test", "test", region_name="us-east-1")
