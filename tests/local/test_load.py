"""Is each of many invocations delivered once, first in first out, over several instances?"""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.local_endpoint import LOADS, Bench, Load
from quire_endpoint.local.journal import Step

COUNT = 200
AT_ONCE = [load for load in LOADS if not load.service_seconds]


@pytest.mark.parametrize("load", AT_ONCE, ids=lambda one: one.name)
def test_each_is_delivered_once_and_answered_with_its_own_body(tmp_path: Path, load: Load) -> None:
    bench = Bench(tmp_path, load, COUNT)
    run = bench.run()
    assert run.is_exact, run
    assert run.num_outputs == COUNT
    received, assigned = (
        sorted(bench.timelines, key=lambda name: bench.timelines[name][step].seconds)
        for step in (Step.RECEIVED, Step.ASSIGNED)
    )
    if load.is_queued_first:
        assert assigned == received, "they stood in the queue one after another"
    assert len({line[Step.ASSIGNED].instance_id for line in bench.timelines.values()}) == 4
