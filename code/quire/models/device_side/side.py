"""What lanes and graphs ask of a device, whichever it is: pages in, results out, captures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy.typing as npt
import torch
from torch import Tensor

Array = npt.NDArray[Any]
Run = Callable[[], None]


@dataclass(frozen=True)
class DeviceMemory:
    """Bytes of the device that tensors hold, that torch keeps from others for them, and that new tensors may
    have: what nobody keeps, and what torch keeps for none."""

    allocated_bytes: int
    reserved_bytes: int
    free_bytes: int


class Fetch(Protocol):
    """Results on their way to the host. On a device that works ahead it has a `wait` too: see
    `quire.engine.port.Running`."""

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """The results on the host, once they have been waited for."""

    def arrays(self) -> tuple[Array, ...]:
        """The results, waited for where need be. They are valid for as long as they are held."""


class DeviceSide(Protocol):
    """One device. Threads may call at the same time, save for `capture`."""

    device: torch.device

    captures_graphs: bool
    """Whether replaying a capture is quicker than running again."""

    def upload(self, values: Array) -> Tensor:
        """A copy on the device: `values` may be reused once this returns. Later work sees it whole."""

    def fetch(self, tensors: Sequence[Tensor]) -> Fetch:
        """Begins to copy results to the host; the tensors may be overwritten by later work."""

    def capture(self, run: Run) -> Run:
        """What does `run` again, on the same tensors. Raises whatever `run` raises, and RuntimeError for
        a run that cannot be captured."""

    def finish(self) -> None:
        """Returns when the device has done all that it was given."""

    def guard(self) -> AbstractContextManager[None]:
        """Raises DeviceOutOfMemory or DeviceLost for what the guarded code raises; see `device_faults`."""

    def memory(self) -> DeviceMemory | None:
        """None where the device has none of its own."""
