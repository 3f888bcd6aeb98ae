"""CUDA as a device. The only file that works with torch.cuda: others, who choose, only ask it what is there.

Order. All kernels, of every thread, go to the stream that torch uses unless told otherwise: so the lanes'
steps, which run in three threads, need no events between them, and memory freed by one is safe to reuse
by another. Only uploads have a stream of their own, so that pages cross while kernels run; the kernels
wait for them on the device, never on the host. The host waits once a batch: for its results.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from quire.engine.port import DeviceOutOfMemory
from quire.models.device_faults import translated_device_faults
from quire.models.device_side.side import Array, DeviceMemory, Run


@dataclass(frozen=True)
class _Landing:
    """Pinned host tensors, and the event behind their copies."""

    tensors: tuple[Tensor, ...]
    landed: torch.cuda.Event

    def wait(self) -> None:
        """Raises DeviceOutOfMemory or DeviceLost for what went wrong since the batch was begun."""
        with translated_device_faults():
            self.landed.synchronize()

    def arrays(self) -> tuple[Array, ...]:
        self.wait()
        return tuple(tensor.numpy() for tensor in self.tensors)


class CudaSide:
    """Twin of CpuSide."""

    captures_graphs = True

    def __init__(self, device: torch.device) -> None:
        self.device = device
        new_stream: Callable[[torch.device], torch.cuda.Stream] = torch.cuda.Stream
        self._uploads = new_stream(device)
        self._graph_memory = torch.cuda.graph_pool_handle()
        self._is_short_of_memory = False
        _add_up_in_float32()

    def upload(self, values: Array) -> Tensor:
        staged = _pinned(values.shape, torch.from_numpy(np.empty(0, values.dtype)).dtype)
        staged.numpy()[...] = values
        kernels = torch.cuda.current_stream(self.device)
        with torch.cuda.stream(self._uploads):
            # torch keeps the pinned memory until the copy has ended.
            there = staged.to(self.device, non_blocking=True)
        kernels.wait_stream(self._uploads)
        # Allocated for the uploads' stream: it must not be reused there while kernels still read it.
        there.record_stream(kernels)
        return there

    def fetch(self, tensors: Sequence[Tensor]) -> _Landing:
        landing = tuple(_pinned(tensor.shape, tensor.dtype) for tensor in tensors)
        for here, there in zip(landing, tensors, strict=True):
            here.copy_(there, non_blocking=True)
        landed = _sleeping_event()
        landed.record(torch.cuda.current_stream(self.device))
        return _Landing(landing, landed)

    def capture(self, run: Run) -> Run:
        with _no_waiting():
            run()
        graph = torch.cuda.CUDAGraph()
        # The outer context brings the thread's stream back even where the end of the capture raises.
        with (
            torch.cuda.stream(torch.cuda.current_stream(self.device)),
            torch.cuda.graph(graph, pool=self._graph_memory, capture_error_mode="thread_local"),
        ):
            run()
        return graph.replay

    def finish(self) -> None:
        torch.cuda.synchronize(self.device)

    @contextmanager
    def guard(self) -> Iterator[None]:
        if self._is_short_of_memory:
            # Not where the fault was raised: there its frames still held the batch.
            self._is_short_of_memory = False
            torch.cuda.empty_cache()
        try:
            with translated_device_faults():
                yield
        except DeviceOutOfMemory:
            self._is_short_of_memory = True
            raise

    def memory(self) -> DeviceMemory:
        allocated = torch.cuda.memory_allocated(self.device)
        reserved = torch.cuda.memory_reserved(self.device)
        nobodys, _ = torch.cuda.mem_get_info(self.device)
        return DeviceMemory(allocated, reserved, free_bytes=nobodys + reserved - allocated)


def _sleeping_event() -> torch.cuda.Event:
    """One that the host sleeps for: by default it spins, and a small instance has few cores."""
    new_event: Callable[..., torch.cuda.Event] = torch.cuda.Event
    return new_event(blocking=True)


def _pinned(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    return torch.empty(tuple(shape), dtype=dtype, pin_memory=True)


def _add_up_in_float32() -> None:
    """By default convolutions of float32 round their factors to 10 bits, and sums of 16-bit products may
    be parted and rounded; both would break what `Precision` promises."""
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False


@contextmanager
def _no_waiting() -> Iterator[None]:
    """Raises RuntimeError where the host would wait for the device: no capture can hold that, and one
    that breaks off in the middle leaves torch's allocator in doubt."""
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")
