"""A simulated endpoint and clients of it; and the local one, in front of real containers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import boto3
import pytest

from quire_endpoint.client import AsyncEndpointClient
from quire_endpoint.local.up import LocalEndpoint, LocalSettings
from tests.fakes.local_async_endpoint import deploy
from tests.fakes.simulated_endpoint import SimulatedClock, SimulatedEndpoint

STUB = Path(__file__).parents[1] / "fakes" / "stub_container.py"

Connect = Callable[..., AsyncEndpointClient]


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock()


@pytest.fixture
def endpoint(clock: SimulatedClock) -> SimulatedEndpoint:
    return SimulatedEndpoint(clock)


@pytest.fixture
def connect(endpoint: SimulatedEndpoint, clock: SimulatedClock) -> Iterator[Connect]:
    """Makes clients of the simulated endpoint, and closes them."""
    with ExitStack() as open_clients:

        def made(**settings: Any) -> AsyncEndpointClient:
            client = AsyncEndpointClient(
                "simulated", **{"session": endpoint.session(), "clock": clock, **settings}
            )
            return open_clients.enter_context(client)

        yield made


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEndpoint]:
    """An endpoint, and the environment that leads boto3 there; gone with the module, as others look for what
    its threads leave behind."""
    settings = LocalSettings(tmp_path_factory.mktemp("local"), serve=(str(STUB),))
    with LocalEndpoint(settings) as running, pytest.MonkeyPatch.context() as patch:
        lead_to(running, patch)
        deploy(boto3.Session())
        yield running


def lead_to(running: LocalEndpoint, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("AWS_ENDPOINT_URL", running.url)
    patch.setenv("AWS_ACCESS_KEY_ID", "none")
    patch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    patch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
