"""However others arrive, a small document does not wait long: in simulated time, driven by hypothesis."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quire.models.stub import StubOptions
from tests.engine.simulation import Shape, Simulation, simulation
from tests.engine.simulation_client import SimulatedClient, Visit
from tests.engine.simulation_documents import Library
from tests.engine.simulation_renderer import RenderSeconds

STUB = StubOptions(batch_seconds=0.1, page_seconds=0.001, max_items=4)
BATCH_SECONDS = 0.1 + 4 * 0.001
START_SECONDS = 1.0
"""The workers are up by then."""

PATIENCE_BATCHES = 6
"""What a newcomer may find on its way before it: pages drawn, pages aboard, a batch that is running."""


@dataclass(frozen=True)
class Arrival:
    """A document, and how long after the one before it."""

    gap_seconds: float
    num_pages: int


ARRIVALS = st.lists(
    st.builds(
        Arrival,
        gap_seconds=st.sampled_from([0.0, 0.0, 0.01, 0.1, 1.0]),
        num_pages=st.sampled_from([1, 1, 2, 5, 20, 60]),
    ),
    min_size=1,
    max_size=30,
)


@given(
    arrivals=ARRIVALS,
    comes_at=st.floats(0.0, 5.0),
    num_devices=st.integers(1, 3),
    num_renderers=st.integers(1, 4),
    is_uniform=st.booleans(),
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_nobody_starves(
    arrivals: list[Arrival], comes_at: float, num_devices: int, num_renderers: int, is_uniform: bool
) -> None:
    """A document of one page waits for no more than a few batches and one batch for each document that
    was there meanwhile, shared among the devices; and all end when the work, undivided, would."""
    library, at, visits = Library(1, is_uniform=is_uniform), START_SECONDS, []
    for arrival in arrivals:
        at += arrival.gap_seconds
        visits.append(Visit(at=at, document=library.document(arrival.num_pages)))
    small = Visit(at=START_SECONDS + comes_at, document=library.document(1))
    shape = Shape(num_devices=num_devices, num_renderers=num_renderers, stub=STUB)
    with tempfile.TemporaryDirectory() as scratch, simulation(Path(scratch), shape) as world:
        world.expect([*visits, small])
        world.finish()
        client = client_of(world, small)
        batches = PATIENCE_BATCHES + num_beside(world, client) / num_devices
        assert client.seconds <= batches * BATCH_SECONDS
        assert_all_end_in_time(world, max(at, small.at))


def client_of(world: Simulation, visit: Visit) -> SimulatedClient:
    return next(client for client in world.clients if client.visit is visit)


def num_beside(world: Simulation, client: SimulatedClient) -> int:
    """How many others were there while it was."""
    others = [other for other in world.clients if other is not client]
    return sum(other.came_at < end_of(client) and end_of(other) > client.came_at for other in others)


def end_of(client: SimulatedClient) -> float:
    return client.came_at + client.seconds


def assert_all_end_in_time(world: Simulation, last_came_at: float) -> None:
    """As if each page had a batch of its own: the device with the most to do may have one page more."""
    num_pages = sum(len(client.visit.document.pages) for client in world.clients)
    seconds = (STUB.batch_seconds + STUB.page_seconds) * (num_pages / world.shape.num_devices + 1)
    slack = PATIENCE_BATCHES * BATCH_SECONDS
    assert max(end_of(client) for client in world.clients) <= last_came_at + seconds + slack


@pytest.mark.parametrize("num_devices", [1, 8])
def test_a_small_document_passes_a_large_one(tmp_path: Path, num_devices: int) -> None:
    """Within twice its time alone and one batch, though five hundred pages came first."""
    stub = StubOptions(batch_seconds=0.1, page_seconds=0.001, max_items=16)
    shape = Shape(num_devices=num_devices, stub=stub, render=RenderSeconds(page=0.005))
    library = Library(2)
    large, small = library.document(500), library.document(1)
    seconds = []
    for visits in ([], [Visit(at=START_SECONDS, document=large)]):
        with simulation(tmp_path, shape) as world:
            visit = Visit(at=START_SECONDS + 0.9, document=small)
            world.expect([*visits, visit])
            world.finish()
            seconds.append(client_of(world, visit).seconds)
    alone, beside = seconds
    assert beside <= 2 * alone + 0.116


def test_a_flood_of_newcomers_does_not_stop_a_large_document(tmp_path: Path) -> None:
    """As many one-page documents as can be read, without end: the large one still has its turns."""
    library = Library(3, is_uniform=True)
    large = Visit(at=START_SECONDS, document=library.document(30))
    pages_per_second, flood_seconds = 4 / BATCH_SECONDS, 40.0
    flood = [
        Visit(at=START_SECONDS + number / pages_per_second, document=library.document(1))
        for number in range(int(flood_seconds * pages_per_second))
    ]
    with simulation(tmp_path, Shape(num_devices=1, stub=STUB)) as world:
        world.expect([large, *flood])
        world.finish()
        assert client_of(world, large).seconds <= flood_seconds


def test_crowds_share_evenly(tmp_path: Path) -> None:
    """Documents of one length that come together end together: none gets another's turns."""
    library = Library(4, is_uniform=True)
    with simulation(tmp_path, Shape(num_devices=2, stub=STUB)) as world:
        world.expect(Visit(at=START_SECONDS, document=library.document(20)) for _ in range(10))
        world.finish()
        seconds = [client.seconds for client in world.clients]
    assert min(seconds) >= 0.7 * max(seconds)
