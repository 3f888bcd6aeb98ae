"""What the tests of scaling share: moto behind a real socket, and boto3's clients of it."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from quire_endpoint.local.own_clients import OwnClients
from quire_endpoint.local.url.moto_app import moto_application
from quire_endpoint.local.url.server import Server

REGION = "eu-west-1"


@pytest.fixture(scope="session")
def scaling_server() -> Iterator[str]:
    server = Server(moto_application(), 0)
    server.start()
    yield server.url
    server.close()


@pytest.fixture(scope="session")
def scaling_clients(scaling_server: str) -> Iterator[OwnClients]:
    clients = OwnClients(scaling_server)
    yield clients
    clients.close()


@pytest.fixture
def url(scaling_server: str) -> str:
    """With nothing behind it yet."""
    request = urllib.request.Request(f"{scaling_server}/moto-api/reset", method="POST")
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200
    return scaling_server


@pytest.fixture
def region(url: str) -> str:
    return REGION


@pytest.fixture
def cloudwatch(scaling_clients: OwnClients, region: str) -> Any:
    return scaling_clients.of("cloudwatch", region)


@pytest.fixture
def autoscaling(scaling_clients: OwnClients, region: str) -> Any:
    return scaling_clients.of("application-autoscaling", region)
