"""A batch in portions: the same outputs, from few sizes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from quire.models.portions import PortionedForward


@pytest.mark.parametrize(
    ("num_images", "portions"), [(1, [1]), (7, [7]), (8, [8]), (15, [8, 7]), (19, [8, 8, 3])]
)
def test_outputs_come_in_the_order_of_the_images(num_images: int, portions: list[int]) -> None:
    met: list[int] = []

    def forward(images: Tensor) -> tuple[Tensor, ...]:
        met.append(len(images))
        return images.sum((1, 2, 3)), images[:, 0]

    images = torch.arange(num_images * 3 * 2 * 2).reshape(num_images, 3, 2, 2)
    sums, firsts = PortionedForward(forward)(images)
    assert met == portions
    assert torch.equal(sums, images.sum((1, 2, 3)))
    assert torch.equal(firsts, images[:, 0])
