"""A page reaches the device as a copy of its own; faults of the device get the port's names."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from quire.engine.port import DeviceLost, DeviceOutOfMemory
from quire.models.device_faults import translated_device_faults
from quire.models.devices import choose_device, device_class, upload
from quire.models.precision import AUTOMATIC_PRECISION

CPU = torch.device("cpu")


def test_uploaded_page_outlives_its_source() -> None:
    source = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
    source.setflags(write=False)
    page = upload(source, CPU)
    expected = source.copy()
    source.setflags(write=True)
    source[:] = 0
    assert page.dtype == torch.uint8
    assert (page.numpy() == expected).all()


def test_cpu_is_chosen_when_asked_for() -> None:
    assert choose_device("cpu") == CPU


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_cuda_asked_for_and_absent_is_refused() -> None:
    assert choose_device("auto") == CPU
    with pytest.raises(ValueError, match="QUIRE_DEVICE=cuda"):
        choose_device("cuda")


def test_class_of_this_cpu_has_a_precision() -> None:
    assert device_class(CPU) in AUTOMATIC_PRECISION


def test_too_large_an_allocation_is_out_of_memory() -> None:
    with pytest.raises(DeviceOutOfMemory, match="allocate"), translated_device_faults():
        torch.empty(2**50, dtype=torch.uint8)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"), DeviceOutOfMemory),
        (torch.AcceleratorError("CUDA error: out of memory"), DeviceOutOfMemory),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"), DeviceOutOfMemory),
        (torch.AcceleratorError("CUDA error: an illegal memory access was encountered"), DeviceLost),
        (RuntimeError("CUDA error: device-side assert triggered"), DeviceLost),
        (RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"), DeviceLost),
        (RuntimeError("CUDA error: invalid configuration argument"), RuntimeError),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), RuntimeError),
        (ValueError("a canvas of 3x5 pixels"), ValueError),
    ],
)
def test_faults_are_told_apart(error: Exception, expected: type[Exception]) -> None:
    with pytest.raises(expected) as caught, translated_device_faults():
        raise error
    assert type(caught.value) is (type(error) if expected in (RuntimeError, ValueError) else expected)
