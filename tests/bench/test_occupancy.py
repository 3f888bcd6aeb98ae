"""Batches are counted from the engine's log: how full they were, how many held more than one document."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.batch_log import batches
from bench.occupancy import Occupancy, occupancy


def line(lane: str, canvas: str, items: int, documents: int) -> str:
    ids = [f"id-{number}" for number in range(documents)]
    fields = {"lane": lane, "canvas": canvas, "items": items, "milliseconds": 7.5, "inference_ids": ids}
    return json.dumps({"level": "info", "event": "batch", **fields})


def read(tmp_path: Path, lines: list[str], limits: dict[str, int]) -> Occupancy | None:
    log = tmp_path / "log.jsonl"
    log.write_text("\n".join(lines) + "\n")
    return occupancy(batches(log), limits)


def test_fill_is_items_over_the_most_that_these_batches_could_hold(tmp_path: Path) -> None:
    lines = [line("a", "8x8", 4, 1), line("a", "8x16", 1, 1), line("b", "8x8", 3, 1)]
    found = read(tmp_path, lines, {"a 8x8": 4, "a 8x16": 2, "b 8x8": 12})
    assert found is not None
    assert found.lanes["a"].fill == pytest.approx(5 / 6)
    assert found.lanes["a"].mean_items == 2.5
    assert found.lanes["b"].fill == pytest.approx(3 / 12)


def test_share_of_batches_that_mix_documents(tmp_path: Path) -> None:
    lines = [line("a", "8x8", 4, 3), line("a", "8x8", 4, 1), line("b", "8x8", 4, 1), line("b", "8x8", 2, 1)]
    found = read(tmp_path, lines, {})
    assert found is not None
    assert found.mixed_share == 0.25
    assert (found.lanes["a"].mixed_share, found.lanes["b"].mixed_share) == (0.5, 0.0)


def test_fill_is_unknown_where_a_limit_is(tmp_path: Path) -> None:
    found = read(tmp_path, [line("a", "8x8", 4, 1), line("a", "9x9", 4, 1)], {"a 8x8": 4})
    assert found is not None
    assert found.lanes["a"].fill is None


def test_other_lines_and_a_half_written_one_are_passed_over(tmp_path: Path) -> None:
    whole = line("a", "8x8", 4, 2)
    found = read(tmp_path, ['{"event":"a batch"}', "no json", whole, whole[:-9]], {})
    assert found is not None
    assert found.lanes["a"].num_batches == 1


def test_no_batches_are_no_occupancy(tmp_path: Path) -> None:
    assert read(tmp_path, ['{"event":"ready"}'], {}) is None
