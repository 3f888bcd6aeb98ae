"""The API of each test, behind one server and one set of clients for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from quire_endpoint.local.door import Door
from quire_endpoint.local.url.server import Server
from tests.local.control.running_api import Clients, RunningApi


@pytest.fixture(scope="session")
def door() -> Door:
    return Door()


@pytest.fixture(scope="session")
def clients(door: Door) -> Iterator[Clients]:
    server = Server(door, 0)
    server.start()
    yield Clients(server.url)
    server.close()


@pytest.fixture
def api(door: Door, clients: Clients, tmp_path: Path) -> RunningApi:
    api = RunningApi(clients, tmp_path)
    door.open(api.application)
    return api
