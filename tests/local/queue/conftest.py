"""A queue with real objects and one real container behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from quire_endpoint.local.ports import Instance
from quire_endpoint.local.queue.desk import Post
from quire_endpoint.local.queue.dispatcher import Dispatcher
from quire_endpoint.local.specs import EndpointSpec
from quire_endpoint.local.switches import Switches
from tests.fakes.recording_neighbours import Surrounding, endpoint_spec
from tests.fakes.stub_process import StubProcess, stub_process


class Bench:
    """One endpoint's dispatcher amid its surroundings."""

    def __init__(self, folder: Path, switches: Switches, speed: float, spec: EndpointSpec) -> None:
        self.around = Surrounding(folder, switches, speed)
        self.spec = spec
        self.idle: list[None] = []
        self.queue = Dispatcher(
            spec, self.around.neighbours(), lambda: self.idle.append(None), broken_seconds=0.3
        )

    def join(self, instance_id: str, port: int) -> None:
        instance = Instance(instance_id, self.spec.name, self.spec.variant.name, port)
        self.queue.join(Post(instance, self.spec))


BuildBench = Callable[..., Bench]


@pytest.fixture(scope="module")
def stub() -> Iterator[StubProcess]:
    with stub_process() as process:
        yield process


@pytest.fixture
def build(tmp_path: Path) -> Iterator[BuildBench]:
    """A bench by its switches, the clock's speed and what the specification has otherwise."""
    benches = []

    def build_one(switches: Switches | None = None, speed: float = 1.0, **spec: Any) -> Bench:
        made = replace(endpoint_spec(), **spec)
        benches.append(Bench(tmp_path, switches or Switches(), speed, made))
        return benches[-1]

    yield build_one
    for bench in benches:
        bench.queue.close()
        assert not list(bench.around.scratch.iterdir()), "an answer was left behind"


@pytest.fixture
def bench(build: BuildBench, stub: StubProcess) -> Bench:
    """With one instance."""
    made = build()
    made.join("i-1", stub.port)
    return made
