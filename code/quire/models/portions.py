"""A batch in portions, where kernels are made anew for every size.

oneDNN makes each layer's kernel for the shape that it meets, and keeps what it made. With every number of
lines on every canvas there are more kernels than can be kept; and more than a few lines at once are no
quicker on the CPU. docs/decisions/0009 has the figures.
"""

from __future__ import annotations

import torch
from torch import Tensor

from quire.models.forward import Forward

MOST_AT_ONCE = 8


class PortionedForward:
    """The same outputs as `forward` gives, by batches of MOST_AT_ONCE and one of the rest."""

    def __init__(self, forward: Forward) -> None:
        self._forward = forward

    def __call__(self, images: Tensor) -> tuple[Tensor, ...]:
        outputs = [self._forward(portion) for portion in torch.split(images, MOST_AT_ONCE)]
        if len(outputs) == 1:
            return outputs[0]
        return tuple(torch.cat(parts) for parts in zip(*outputs, strict=True))
