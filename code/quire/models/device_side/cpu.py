"""The CPU as a device: nothing to cross and nothing to wait for."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from quire.models.device_faults import translated_device_faults
from quire.models.device_side.side import Array, Run


@dataclass(frozen=True)
class _Here:
    tensors: tuple[Tensor, ...]

    def arrays(self) -> tuple[Array, ...]:
        return tuple(tensor.numpy() for tensor in self.tensors)


class CpuSide:
    """Twin of CudaSide. A capture is the run itself."""

    captures_graphs = False

    def __init__(self) -> None:
        self.device = torch.device("cpu")

    def upload(self, values: Array) -> Tensor:
        return torch.from_numpy(np.array(values))

    def fetch(self, tensors: Sequence[Tensor]) -> _Here:
        return _Here(tuple(tensors))

    def capture(self, run: Run) -> Run:
        return run

    def finish(self) -> None:
        """All is done."""

    def guard(self) -> AbstractContextManager[None]:
        # A kernel of oneDNN asks its own thread how many threads to use, and torch tells a thread what
        # set_num_threads was told only when the thread asks torch.
        torch.get_num_threads()
        return translated_device_faults()

    def memory(self) -> None:
        return None
