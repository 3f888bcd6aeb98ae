"""The bench of /ping beside handlers that hold the GIL, for a second."""

from __future__ import annotations

from bench.handlers import WORKERS, copies, run


def test_ping_is_answered_and_each_worker_loads_its_model_once() -> None:
    found = run(1.0)
    for held in found.values():
        assert set(held.pings.statuses) == {200}
        assert set(held.loads) >= held.workers
        assert len(held.loads) == len(set(held.loads)) == WORKERS
    assert copies(found["busy"]).startswith(f"{WORKERS} loads by {WORKERS} processes")
