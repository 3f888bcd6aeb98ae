"""How does the local endpoint call the services that it serves itself?"""

from __future__ import annotations

import os
import threading
from functools import cache
from typing import Any

ACCOUNT = "123456789012"
"""The one account there is; moto's too."""

MOST_CONNECTIONS = 256
"""Kept open by each, where deliveries publish side by side: beyond botocore's ten each call would open a
connection, drop it and have urllib3 complain of that on the terminal."""


class OwnClients:
    """boto3 clients of our own URL, one for each service and region, made when first asked for. They look for
    no credentials and no configuration of the machine. Threads may share them."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()

    def of(self, service: str, region: str) -> Any:
        with self._lock:
            client = self._clients.get((service, region))
            if client is None:
                client = self._clients[service, region] = self._made(service, region)
            return client

    def close(self) -> None:
        """Their connections."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    def _made(self, service: str, region: str) -> Any:
        from botocore.config import Config

        config = Config(
            proxies={},
            retries={"mode": "standard", "total_max_attempts": 3},
            max_pool_connections=MOST_CONNECTIONS,
        )
        with _MAKING:
            return _session().client(service, region, endpoint_url=self._url, config=config)


_MAKING = threading.Lock()
"""A session makes one client at a time."""


@cache
def _session() -> Any:
    """One for the process: it remembers the descriptions of services, which take long to read."""
    import boto3  # costs a third of a second, which the start of the endpoint does not have
    import botocore.session

    # Neither by a variable nor by its usual place is a file of the user's found, nor a profile in it.
    places = dict.fromkeys(("config_file", "credentials_file"), (None, None, os.devnull, None))
    core = botocore.session.Session({**places, "profile": (None, None, None, None)})
    return boto3.session.Session("local", "local", region_name="us-east-1", botocore_session=core)
