"""A batch in portions of a few sizes, where kernels are made anew for every size.

oneDNN makes each layer's kernel for the shape that it meets, and keeps what it made. With every number of
lines on every canvas there are more kernels than can be kept: making them took a tenth of all time, and
those kept hundreds of megabytes. docs/decisions/0009 has the figures.
"""

from __future__ import annotations

import torch
from torch import Tensor

from quire.models.forward import Forward

PORTIONS = (8, 4, 2, 1)
"""More at once is no quicker on the CPU."""


class PortionedForward:
    """The same outputs as `forward` gives, by batches of PORTIONS alone."""

    def __init__(self, forward: Forward) -> None:
        self._forward = forward

    def __call__(self, images: Tensor) -> tuple[Tensor, ...]:
        outputs = [self._forward(portion) for portion in torch.split(images, portions(len(images)))]
        if len(outputs) == 1:
            return outputs[0]
        return tuple(torch.cat(parts) for parts in zip(*outputs, strict=True))


def portions(num_images: int) -> list[int]:
    """Sizes that add up to `num_images`, the largest first."""
    sizes = []
    for size in PORTIONS:
        count, num_images = divmod(num_images, size)
        sizes += [size] * count
    return sizes
