"""What batches cost, learnt from what they took."""

from __future__ import annotations

import random

import pytest

from quire.engine.batch_cost import BatchCosts
from quire.engine.port import Canvas

LANE, CANVAS, OTHER = "stub", Canvas(64, 64), Canvas(96, 64)


def learnt(sizes: list[int], fixed: float, each: float, noise: float = 0.0, seed: int = 0) -> BatchCosts:
    costs, chance = BatchCosts(), random.Random(seed)
    for size in sizes:
        costs.learn(LANE, CANVAS, size, (fixed + each * size) * chance.gauss(1.0, noise))
    return costs


def test_nothing_is_known_of_a_canvas_that_was_never_seen() -> None:
    costs = learnt([1, 2, 3, 4], 0.1, 0.01)
    assert costs.seconds(LANE, OTHER, 1) is None
    assert costs.fixed_seconds(LANE, OTHER) == 0.0


def test_a_line_is_found_exactly() -> None:
    costs = learnt([1, 5, 3, 16], 0.1, 0.001)
    assert costs.fixed_seconds(LANE, CANVAS) == pytest.approx(0.1)
    assert costs.seconds(LANE, CANVAS, 8) == pytest.approx(0.108)


def test_batches_of_one_size_tell_what_they_cost_and_nothing_of_what_is_fixed() -> None:
    costs = learnt([4] * 10, 0.1, 0.01)
    assert costs.seconds(LANE, CANVAS, 4) == pytest.approx(0.14)
    assert costs.fixed_seconds(LANE, CANVAS) == 0.0


def test_two_batches_are_too_few_to_believe_in_a_fixed_cost() -> None:
    assert learnt([1, 2], 0.1, 0.01).fixed_seconds(LANE, CANVAS) == 0.0


@pytest.mark.parametrize("seed", range(5))
def test_a_thousand_full_batches_do_not_unlearn_the_fixed_cost(seed: int) -> None:
    costs = learnt([1, 15, 2, 14] + [16] * 1000, 0.1, 0.001, noise=0.01, seed=seed)
    assert costs.fixed_seconds(LANE, CANVAS) == pytest.approx(0.1, rel=0.2)


def test_a_device_that_became_slower_is_followed_while_all_batches_are_of_one_size() -> None:
    costs = learnt([1, 15, 2, 14] + [16] * 100, 0.1, 0.001)
    for _ in range(200):
        costs.learn(LANE, CANVAS, 16, 2 * 0.116)
    assert costs.fixed_seconds(LANE, CANVAS) == pytest.approx(0.2, rel=0.01)
    assert costs.seconds(LANE, CANVAS, 16) == pytest.approx(2 * 0.116, rel=0.01)


@pytest.mark.parametrize("seed", range(5))
def test_a_fixed_cost_that_drowns_in_noise_is_not_believed(seed: int) -> None:
    chance = random.Random(seed)
    sizes = [chance.choice([1, 1, 2]) for _ in range(200)]
    assert learnt(sizes, 0.01, 0.3, noise=0.1, seed=seed).fixed_seconds(LANE, CANVAS) < 0.02


def test_larger_batches_that_cost_less_leave_no_cost_below_nought() -> None:
    costs = BatchCosts()
    for size, seconds in [(1, 0.2), (8, 0.1), (1, 0.2), (8, 0.1)]:
        costs.learn(LANE, CANVAS, size, seconds)
    assert costs.seconds(LANE, CANVAS, 1) == pytest.approx(costs.seconds(LANE, CANVAS, 8))


def test_batches_that_take_no_time_cost_nothing() -> None:
    assert learnt([1, 2, 3, 4, 4, 4], 0.0, 0.0).seconds(LANE, CANVAS, 3) == 0.0
