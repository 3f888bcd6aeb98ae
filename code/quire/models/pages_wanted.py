"""How many pages does a device worker like to hold at once, of the default reader? Free of torch."""

from __future__ import annotations

import math

ON_CPU = 3
ON_CUDA = 32


def pages_wanted(*, on_cuda: bool, batch_share: float) -> int:
    """Larger batches are never full without more pages to fill them from."""
    return math.ceil((ON_CUDA if on_cuda else ON_CPU) * max(1.0, batch_share))
