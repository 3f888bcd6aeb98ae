"""Who comes when: steady crowds, and crowds with every kind of fault."""

from __future__ import annotations

import random

from quire.models.stub import Marker, StubOptions
from tests.engine.simulation import Shape
from tests.engine.simulation_client import Visit
from tests.engine.simulation_documents import Chances, Fate, Library

FAULTS = Chances(
    marker={Marker.POISON: 15, Marker.KILL: 5, Marker.HANG: 5, Marker.FATAL: 5, Marker.SLOW: 10},
    fate={Fate.LAYER: 100, Fate.FAILS: 10, Fate.CRASHES: 5, Fate.HANGS: 5},
    opening={Fate.FAILS: 10, Fate.CRASHES: 5, Fate.HANGS: 5},
)
"""Of a thousand pages, or files: five in a hundred are faulty."""

_DEADLINES_SECONDS = (2.0, 10.0, *(1e6,) * 8)


def steady_visits(
    num_documents: int, *, mean_pages: int, pages_per_second: float, seed: int
) -> tuple[list[Visit], Visit]:
    """Documents of 1 to twice as many pages as the mean at random times, so many pages a second; and one
    document of one page that comes in the middle, which is among them."""
    library, chance = Library(seed, is_uniform=True), random.Random(seed)
    visits, at = [], 1.0
    for _ in range(num_documents - 1):
        visits.append(Visit(at=at, document=library.document(chance.randint(1, 2 * mean_pages - 1))))
        at += chance.expovariate(pages_per_second / mean_pages)
    probe = Visit(at=at / 2, document=library.document(1))
    return [*visits, probe], probe


def fault_shape(seed: int) -> Shape:
    """Four devices on which five pages fit at once, and a worker of either kind killed every two seconds."""
    stub = StubOptions(
        batch_seconds=0.02,
        page_seconds=0.005,
        max_items=8,
        memory_items=5,
        load_seconds=1.0,
        slow_seconds=0.5,
    )
    return Shape(
        num_devices=4,
        num_renderers=8,
        stub=stub,
        arena_bytes=1 << 19,
        stall_seconds=5.0,
        page_seconds=5.0,
        kill_every_seconds=2.0,
        seed=seed,
    )


def faulty_visits(num_documents: int, *, seed: int) -> list[Visit]:
    """One to five pages each. Some callers hang up, some are in a hurry, some are strict."""
    library, chance = Library(seed, FAULTS), random.Random(seed)
    visits, at = [], 0.0
    for _ in range(num_documents):
        at += chance.expovariate(5.0)
        visits.append(
            Visit(
                at=at,
                document=library.document(chance.randint(1, 5)),
                deadline_seconds=chance.choice(_DEADLINES_SECONDS),
                hangs_up_after_seconds=chance.uniform(0.0, 5.0) if chance.random() < 0.03 else None,
                strict=chance.random() < 0.1,
            )
        )
    return visits
