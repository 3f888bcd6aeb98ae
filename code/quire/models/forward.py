"""One pass of a network, whoever makes it: straight torch, a CUDA graph or a compiled package."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

Forward = Callable[[Tensor], tuple[Tensor, ...]]
"""uint8 RGB [n, 3, h, w] on the device to its outputs, each [n, ...], valid for as long as they are held. A
row of an output is made from that image alone."""
