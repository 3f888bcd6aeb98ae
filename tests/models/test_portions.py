"""A batch in portions: the same outputs, from few sizes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from quire.models.portions import PORTIONS, PortionedForward, portions


@pytest.mark.parametrize("num_images", range(1, 40))
def test_portions_are_of_few_sizes_and_leave_nothing_out(num_images: int) -> None:
    sizes = portions(num_images)
    assert sum(sizes) == num_images
    assert set(sizes) <= set(PORTIONS)
    assert sizes == sorted(sizes, reverse=True)


def test_outputs_come_in_the_order_of_the_images() -> None:
    met: list[int] = []

    def forward(images: Tensor) -> tuple[Tensor, ...]:
        met.append(len(images))
        return images.sum((1, 2, 3)), images[:, 0]

    images = torch.arange(15 * 3 * 2 * 2).reshape(15, 3, 2, 2)
    sums, firsts = PortionedForward(forward)(images)
    assert met == [8, 4, 2, 1]
    assert torch.equal(sums, images.sum((1, 2, 3)))
    assert torch.equal(firsts, images[:, 0])
