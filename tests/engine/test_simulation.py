"""The whole engine in simulated time: at scales that no test machine has, and with faults at random times."""

from __future__ import annotations

import random
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from quire.models.stub import Marker, StubOptions
from tests.engine.simulation import Shape, simulation
from tests.engine.simulation_client import Visit
from tests.engine.simulation_documents import FAULTY, Chances, Fate, Library
from tests.engine.simulation_traffic import fault_shape, faulty_visits, steady_visits

BATCH = StubOptions(batch_seconds=0.1, page_seconds=0.001, max_items=16)
BATCH_SECONDS = 0.1 + 16 * 0.001
EIGHT_DEVICES = Shape(
    num_devices=8, num_renderers=16, stub=BATCH, arena_bytes=1 << 24, turn_seconds=0.001, seed=1
)
FULL_SPEED = 8 * 16 / BATCH_SECONDS
"""Pages a second that eight devices could read if each batch were full and none waited."""


def test_the_same_seed_gives_the_same_run(tmp_path: Path) -> None:
    runs = []
    for _ in range(2):
        with simulation(tmp_path, fault_shape(seed=7)) as world:
            world.expect(faulty_visits(200, seed=7))
            outcomes = world.finish()
            runs.append((outcomes, [client.ended_at for client in world.clients]))
    assert runs[0] == runs[1]


def test_eight_devices_are_kept_busy_by_a_thousand_documents(tmp_path: Path) -> None:
    """A tenth of a hundred thousand pages; `make bench-faults` runs all."""
    visits, probe = steady_visits(1000, mean_pages=10, pages_per_second=1.5 * FULL_SPEED, seed=1)
    with simulation(tmp_path, EIGHT_DEVICES) as world:
        world.expect(visits)
        outcomes = world.finish()
        num_pages = sum(len(visit.document.pages) for visit in visits)
        assert outcomes == Counter({"complete": len(visits), "page: read": num_pages})
        seconds = max(client.ended_at or 0.0 for client in world.clients) - visits[0].at
        busy = [ledger.busy_seconds / seconds for ledger in world.ledgers]
        assert min(busy) >= 0.95
        assert num_pages / seconds >= 0.95 * FULL_SPEED
        assert max(ledger.num_pages for ledger in world.ledgers) <= 1.1 * num_pages / 8
        small = next(client for client in world.clients if client.visit is probe)
        assert small.seconds <= 5 * BATCH_SECONDS


def test_devices_that_are_half_busy_share_the_pages(tmp_path: Path) -> None:
    visits, _ = steady_visits(200, mean_pages=20, pages_per_second=0.5 * FULL_SPEED, seed=3)
    with simulation(tmp_path, EIGHT_DEVICES) as world:
        world.expect(visits)
        assert world.finish()["complete"] == len(visits)
        pages = [ledger.num_pages for ledger in world.ledgers]
    assert min(pages) >= 0.7 * sum(pages) / 8


def test_a_device_lost_for_good_makes_it_slower_and_not_down(tmp_path: Path) -> None:
    visits, _ = steady_visits(300, mean_pages=20, pages_per_second=1.5 * FULL_SPEED, seed=2)
    seconds = {}
    for is_lost in (False, True):
        with simulation(tmp_path, EIGHT_DEVICES) as world:
            world.expect(visits)
            if is_lost:
                world.clock.at(2.0, partial(world.lose_device, 3))
            outcomes = world.finish()
            assert outcomes["complete"] == len(visits)
            seconds[is_lost] = max(client.ended_at or 0.0 for client in world.clients) - visits[0].at
    assert 1.0 < seconds[True] / seconds[False] <= 1.1 * 8 / 7


def test_ten_thousand_documents_with_faults_at_random_times(tmp_path: Path) -> None:
    """Every answer is judged as it comes: see SimulatedClient."""
    with simulation(tmp_path, fault_shape(seed=1)) as world:
        world.expect(faulty_visits(10_000, seed=1))
        outcomes = world.finish()
    for expected in (
        *("complete", "partial", "hung up"),
        *("page: page_failed_on_device", "page: page_crashed_renderer"),
        *("page: page_unreadable", "page: page_render_timeout", "page: deadline_exceeded"),
        *("failed: document_unreadable", "failed: deadline_exceeded", "failed: page_failed_on_device"),
    ):
        assert outcomes[expected] > 0, f"nothing ended as {expected!r}"
    assert outcomes["complete"] > 7000


@pytest.mark.parametrize("seed", range(2, 8))
def test_any_order_of_faults_ends_well(tmp_path: Path, seed: int) -> None:
    with simulation(tmp_path, fault_shape(seed=seed)) as world:
        world.expect(faulty_visits(300, seed=seed))
        assert sum(world.finish().values()) >= 300


@pytest.mark.parametrize("marker", FAULTY)
def test_bad_pages_cost_their_neighbours_nothing(tmp_path: Path, marker: tuple[int, int, int]) -> None:
    library = Library(3, Chances(marker={marker: 50}))
    documents = [library.document(3) for _ in range(100)]
    num_bad = sum(page.marker == marker for document in documents for page in document.pages)
    with simulation(tmp_path, Shape(stub=StubOptions(batch_seconds=0.02, max_items=4))) as world:
        world.expect(Visit(at=number * 0.01, document=each) for number, each in enumerate(documents))
        outcomes = world.finish()
    assert num_bad > 5
    assert outcomes["page: read"] == 300 - num_bad
    assert outcomes["page: page_failed_on_device"] == num_bad


def test_memory_that_runs_out_costs_no_page(tmp_path: Path) -> None:
    library = Library(4)
    stub = StubOptions(batch_seconds=0.02, max_items=16, memory_items=3)
    with simulation(tmp_path, Shape(stub=stub)) as world:
        world.expect(Visit(at=0.0, document=library.document(10)) for _ in range(20))
        assert world.finish() == Counter({"complete": 20, "page: read": 200})


def test_slow_batches_are_no_faults(tmp_path: Path) -> None:
    library = Library(5, Chances(marker={Marker.SLOW: 100}))
    stub = StubOptions(batch_seconds=0.02, max_items=4, slow_seconds=1.0)
    with simulation(tmp_path, Shape(stub=stub)) as world:
        world.expect(Visit(at=0.0, document=library.document(10)) for _ in range(10))
        assert world.finish() == Counter({"complete": 10, "page: read": 100})
        assert not sum(ledger.num_deaths for ledger in world.ledgers)


def test_an_arena_of_two_pages_is_slow_and_enough(tmp_path: Path) -> None:
    library = Library(6)
    with simulation(tmp_path, Shape(arena_bytes=1 << 14)) as world:
        world.expect(Visit(at=0.0, document=library.document(10)) for _ in range(20))
        assert world.finish() == Counter({"complete": 20, "page: read": 200})


def test_callers_who_all_hang_up_leave_nothing_behind(tmp_path: Path) -> None:
    library, chance = Library(7), random.Random(7)
    with simulation(tmp_path, Shape(stub=BATCH)) as world:
        for _ in range(200):
            leaves = chance.uniform(0.0, 2.0)
            world.expect([Visit(at=0.0, document=library.document(50), hangs_up_after_seconds=leaves)])
        assert world.finish() == Counter({"hung up": 200})


def test_a_drain_answers_everybody(tmp_path: Path) -> None:
    library = Library(8)
    with simulation(tmp_path, Shape(stub=BATCH, drain_seconds=3.0)) as world:
        for number in range(100):
            pages = 2 if number % 2 else 100
            world.expect([Visit(at=0.01 * number, document=library.document(pages))])
        world.drain_at(2.0)
        outcomes = world.finish()
        assert world.engine.is_drained
    assert outcomes["failed: shutting_down"] > 0
    assert outcomes["complete"] > 0
    assert outcomes["complete"] + outcomes["failed: shutting_down"] == 100


def test_devices_that_all_die_at_every_start_end_every_document(tmp_path: Path) -> None:
    library = Library(9)
    with simulation(tmp_path, Shape(stub=BATCH)) as world:
        world.expect(Visit(at=0.01 * number, document=library.document(20)) for number in range(50))
        for device in range(world.shape.num_devices):
            world.clock.at(1.0, partial(world.lose_device, device))
        outcomes = world.finish()
        assert world.engine.lost_reason
    assert outcomes["failed: engine_lost"] > 0
    assert outcomes["complete"] + outcomes["partial"] + outcomes["failed: engine_lost"] == 50


def test_a_fate_that_nobody_caused_is_seen(tmp_path: Path) -> None:
    """The judge itself: a document whose pages are good must not fail."""
    library = Library(10, Chances(fate={Fate.FAILS: 1000}))
    with simulation(tmp_path, Shape()) as world:
        world.expect([Visit(at=0.0, document=library.document(1))])
        assert world.finish() == Counter({"failed: page_unreadable": 1})
