"""What a framework error means for the device: too large a batch, a device lost for good, or neither."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from quire.engine.port import DeviceLost, DeviceOutOfMemory

_OUT_OF_MEMORY_SIGNS = (
    "CUDA error: out of memory",
    "CUDA driver error: out of memory",
    # What torch 2.9's allocator was seen to say on its way to the one above.
    "CUDA driver error: device not ready",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "DefaultCPUAllocator: can't allocate memory",
    "DefaultCPUAllocator: not enough memory",
)

_HARMLESS_SIGNS = (
    "invalid argument",
    "invalid configuration argument",
    "invalid device function",
    "no kernel image is available",
    "too many resources requested for launch",
)
"""CUDA errors that refuse one launch and leave the context whole (cudaGetLastError clears them)."""

_LOST_SIGNS = (
    "CUDA error",
    "CUDA driver error",
    "CUBLAS_STATUS_EXECUTION_FAILED",
    "CUBLAS_STATUS_INTERNAL_ERROR",
    "CUDNN_STATUS_EXECUTION_FAILED",
    "CUDNN_STATUS_INTERNAL_ERROR",
    "CUDNN_STATUS_MAPPING_ERROR",
)


@contextmanager
def translated_device_faults() -> Iterator[None]:
    """Raises DeviceOutOfMemory or DeviceLost for what torch raises; lets every other error pass.

    CUDA reports late: the guarded code must end with a copy to the host or a synchronisation.
    """
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise DeviceOutOfMemory(_first_line(error)) from error
    except RuntimeError as error:
        message = str(error)
        if any(sign in message for sign in _OUT_OF_MEMORY_SIGNS):
            raise DeviceOutOfMemory(_first_line(error)) from error
        if _is_lost(error, message):
            raise DeviceLost(_first_line(error)) from error
        raise


def _is_lost(error: RuntimeError, message: str) -> bool:
    if any(sign in message for sign in _HARMLESS_SIGNS):
        return False
    return isinstance(error, torch.AcceleratorError) or any(sign in message for sign in _LOST_SIGNS)


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
