"""A host whose fleets do as they are told."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from quire_endpoint.local.host.host import Host
from quire_endpoint.local.ports import Fleet, FleetListener
from quire_endpoint.local.specs import EndpointSpec, EndpointStatus
from quire_endpoint.local.switches import Switches
from tests.fakes.fleet_on_command import FleetOnCommand
from tests.fakes.recording_neighbours import WAIT_SECONDS, Surrounding
from tests.fakes.stub_process import StubProcess, stub_process


class Stage:
    """`fleets` in the order in which they were made; `port` is where the next ones' instances are."""

    def __init__(self, folder: Path, switches: Switches, port: int, *, is_prompt: bool) -> None:
        self.around = Surrounding(folder, switches)
        self.port, self.is_prompt = port, is_prompt
        self.fleets: list[FleetOnCommand] = []
        self.host = make_host(self.around, self._make_fleet)

    def _make_fleet(self, spec: EndpointSpec, listener: FleetListener) -> Fleet:
        self.fleets.append(FleetOnCommand(spec, listener, self.port, is_prompt=self.is_prompt))
        return self.fleets[-1]

    def await_status(self, status: EndpointStatus) -> None:
        eventually(lambda: self.host.state("reader").status is status, status)


def make_host(around: Surrounding, make_fleet: Callable[[EndpointSpec, FleetListener], Fleet]) -> Host:
    return Host(make_fleet, around.neighbours())


def eventually(holds: Callable[[], bool], what: object = "it") -> None:
    end = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < end, f"{what} did not come"
        time.sleep(0.005)


@pytest.fixture(scope="session")
def stub() -> Iterator[StubProcess]:
    with stub_process() as process:
        yield process


BuildStage = Callable[..., Stage]


@pytest.fixture
def build(tmp_path: Path, stub: StubProcess) -> Iterator[BuildStage]:
    """Instances come up by themselves where `is_prompt`."""
    stages = []

    def build_one(switches: Switches | None = None, *, is_prompt: bool = True, port: int = 0) -> Stage:
        stages.append(Stage(tmp_path, switches or Switches(), port or stub.port, is_prompt=is_prompt))
        return stages[-1]

    yield build_one
    for stage in stages:
        stage.host.close()
        assert all(fleet.is_closed for fleet in stage.fleets)
