"""The raw ceiling runs every canvas exactly once, in batches of the size asked for, shared out evenly."""

from __future__ import annotations

import torch

from bench.ceiling import SweepPoint, sweep_table
from bench.ceiling_items import Items
from bench.ceiling_worker import Batch, Part, batches_of

WHOLE = Part(0, 1)


def items(**counts: int) -> Items:
    """So many lines of each width, each of one value that no other has."""
    numbers = iter(range(255))
    return {
        ("recognition", 48, int(width[1:])): torch.stack(
            [torch.full((3, 48, int(width[1:])), next(numbers), dtype=torch.uint8) for _ in range(count)]
        )
        for width, count in counts.items()
    }


def values(batches: list[Batch]) -> list[int]:
    return sorted(int(canvas[0, 0, 0]) for batch in batches for canvas in batch.canvases)


def test_every_canvas_is_in_one_batch_of_one_part() -> None:
    some = items(w320=7, w640=3)
    parts = [batches_of(some, {"recognition": 4}, Part(index, 3)) for index in range(3)]
    assert values([batch for part in parts for batch in part]) == list(range(10))


def test_size_counts_nominal_canvases() -> None:
    some = items(w320=8, w640=8, w3200=2)
    batches = batches_of(some, {"recognition": 4}, WHOLE)
    sizes = {batch.canvases.shape[3]: batch.canvases.shape[0] for batch in batches}
    assert sizes == {320: 4, 640: 2, 3200: 1}


def test_parts_have_about_as_much_to_do() -> None:
    some = items(w320=12, w640=6)
    loads = [
        sum(batch.pixels for batch in batches_of(some, {"recognition": 2}, Part(index, 2)))
        for index in range(2)
    ]
    assert loads[0] == loads[1]


def test_lane_that_is_not_asked_for_is_left_out() -> None:
    assert batches_of(items(w320=4), {"detection": 1}, WHOLE) == []


def test_sweep_shows_each_size_and_the_best() -> None:
    points = [
        SweepPoint(2, "detection", 1, 3.0),
        SweepPoint(2, "detection", 4, 2.5),
        SweepPoint(2, "x", 4, 1.0),
    ]
    table = sweep_table(points)
    assert "| lane | processes | 1 | 4 |" in table
    assert "| detection | 2 | **3.0** | 2.5 |" in table
    assert "| x | 2 |  | **1.0** |" in table
    assert sweep_table([]) == ""
