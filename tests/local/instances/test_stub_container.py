"""The containers of our own that other tests and the first five minutes rest on."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quire_endpoint.local.instances.process_launcher import ProcessLauncher
from tests.fakes.running_fleet import WAIT_SECONDS, fleet_of, spec_of

ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Of one for all tests here, a hundred times as fast as it says."""
    with fleet_of(tmp_path_factory.mktemp("stub"), spec_of({"STUB_SPEED": "100"})) as running:
        running.fleet.set_desired_count(1)
        yield running.in_service()[0].port


def answer(port: int, body: bytes, attributes: str = "", content_type: str = "text/plain") -> Any:
    """The response and its body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_SECONDS)
    try:
        headers = {"Content-Type": content_type, ATTRIBUTES: attributes}
        connection.request("POST", "/invocations", body, headers)
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def test_the_body_comes_back(port: int) -> None:
    body = b"page" * 1_000_000
    response, read = answer(port, body)
    assert read == body
    assert (response.status, response.getheader("Content-Type")) == (200, "text/plain")
    assert response.getheader("Content-Length") == str(len(body))


def test_it_obeys_attributes_and_json(port: int) -> None:
    response, _ = answer(port, b"x", "status=418; type=text/csv; seconds=5")
    assert (response.status, response.getheader("Content-Type")) == (418, "text/csv")
    response, read = answer(port, json.dumps({"status": 500, "bytes": 200_000}).encode())
    assert (response.status, len(read)) == (500, 200_000)


def test_its_faults(port: int) -> None:
    response, read = answer(port, b"leaf", "fault=chunked")
    assert (response.getheader("Transfer-Encoding"), read) == ("chunked", b"leaf")
    response, read = answer(port, b"leaf", "fault=no-length")
    assert (response.getheader("Content-Length"), read) == (None, b"leaf")
    response, _ = answer(port, b"leaf", "fault=big-headers")
    assert sum(len(name) + len(value) for name, value in response.getheaders()) > 4096
    with pytest.raises(http.client.IncompleteRead):
        answer(port, b"leaf", "fault=cut")
    with pytest.raises(http.client.RemoteDisconnected):
        answer(port, b"leaf", "fault=reset")


def test_one_connection_serves_many_requests(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_SECONDS)
    connection.request("POST", "/invocations", b"one")
    assert connection.getresponse().read() == b"one"
    kept = connection.sock
    connection.request("POST", "/invocations", b"two")
    assert connection.getresponse().read() == b"two"
    assert connection.sock is kept
    connection.close()


def test_the_strangers_container_of_the_first_five_minutes(tmp_path: Path, repository: Path) -> None:
    launcher = ProcessLauncher([str(repository / "examples" / "flask_container.py")], {})
    with fleet_of(tmp_path, spec_of(), launcher) as running:
        running.fleet.set_desired_count(1)
        (instance,) = running.in_service()
        response, read = answer(instance.port, "zwölf Boxkämpfer".encode())
        assert (response.status, json.loads(read)) == (200, {"words": 2, "letters": 15})
        assert response.getheader("Content-Length")
