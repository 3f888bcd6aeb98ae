"""A page reaches the device as a copy of its own; faults of the device get the port's names; its threads are
as many as were asked for; and what is CUDA's own stands in one place."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from quire.engine.device_worker import LoadedModel
from quire.engine.port import DeviceLost, DeviceOutOfMemory, Running
from quire.models.device_faults import translated_device_faults
from quire.models.device_program import CannotLoad, fitting, obey_command_line
from quire.models.device_side.cpu import CpuSide
from quire.models.device_side.side import DeviceSide
from quire.models.devices import choose_device, device_class, side_of
from quire.models.precision import AUTOMATIC_PRECISION
from quire.words.settings import Settings
from tests.sources import source_files

CPU = torch.device("cpu")


def test_uploaded_page_outlives_its_source() -> None:
    source = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
    source.setflags(write=False)
    page = CpuSide().upload(source)
    expected = source.copy()
    source.setflags(write=True)
    source[:] = 0
    assert page.dtype == torch.uint8
    assert (page.numpy() == expected).all()


def test_results_of_the_cpu_are_there_at_once() -> None:
    fetched = CpuSide().fetch([torch.arange(3), torch.ones(2)])
    assert not isinstance(fetched, Running)
    assert [array.tolist() for array in fetched.arrays()] == [[0, 1, 2], [1.0, 1.0]]


def test_a_guard_gives_faults_the_ports_names() -> None:
    side: DeviceSide = side_of(CPU)
    with pytest.raises(DeviceOutOfMemory), side.guard():
        raise torch.OutOfMemoryError("CUDA out of memory")
    with side.guard():
        assert side.memory() is None


@pytest.mark.parametrize(
    "fault", [torch.OutOfMemoryError("CUDA out of memory"), DeviceOutOfMemory("too much")]
)
def test_a_model_too_large_for_the_device_cannot_be_loaded(fault: Exception) -> None:
    def loading() -> LoadedModel:
        raise fault

    with pytest.raises(CannotLoad, match=f"does not fit into the device's memory: {fault}"):
        fitting(loading)


def test_a_model_too_large_for_the_host_cannot_be_loaded() -> None:
    def loading() -> LoadedModel:
        torch.empty(1 << 60)
        raise AssertionError("so much memory there is not")

    with pytest.raises(CannotLoad, match="does not fit into the device's memory"):
        fitting(loading)


def test_cuda_is_called_in_one_file_and_where_the_device_is_chosen() -> None:
    calling = {file.module for file in source_files("code") if "torch.cuda." in file.text}
    assert calling == {
        "quire.models.device_side.cuda",
        "quire.models.devices",
        "quire.models.device_program",
    }


BUSY_IN_A_THREAD = """
import os, threading
import cv2
import torch
from quire.models.devices import side_of, use_threads

use_threads(1)
side = side_of(torch.device("cpu"))
weight = torch.ops.mkldnn._reorder_linear_weight(torch.ones(512, 512))
rows = torch.ones(2048, 512)

def work():
    with side.guard():
        for _ in range(20):
            torch.ops.mkldnn._linear_pointwise(rows, weight, None, "none", [], "")
    print(len(os.listdir("/proc/self/task")))

assert cv2.getNumThreads() == 1
print(len(os.listdir("/proc/self/task")))
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""


@pytest.mark.skipif(
    not hasattr(torch.ops.mkldnn, "_linear_pointwise"), reason="this build of torch has no oneDNN"
)
def test_kernels_keep_to_the_threads_asked_for_in_any_thread(repository: Path) -> None:
    """A kernel that takes more than its own thread starts the others, and they stay."""
    environ = {"PYTHONPATH": str(repository / "code"), "OMP_NUM_THREADS": "3"}
    command = [sys.executable, "-c", BUSY_IN_A_THREAD]
    done = subprocess.run(command, env=environ, check=True, capture_output=True, text=True)
    before, within = (int(line) for line in done.stdout.split())
    assert within == before + 1


@pytest.mark.parametrize("environ", [{}, {"OMP_NUM_THREADS": "8", "QUIRE_DEVICE_THREADS": "8"}], ids=len)
def test_the_command_line_decides_on_threads_and_device(environ: dict[str, str]) -> None:
    decided = dict(environ)
    obey_command_line(["--threads", "3", "--cuda-device", "GPU-7", "--channel-fd", "9"], decided)
    assert Settings.from_environ(decided).device_threads == 3
    assert (decided["OMP_NUM_THREADS"], decided["CUDA_VISIBLE_DEVICES"]) == ("3", "GPU-7")
    unasked = dict(environ)
    obey_command_line([], unasked)
    assert unasked == environ


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
        (RuntimeError("CUDA driver error: out of memory"), DeviceOutOfMemory),
        (RuntimeError("CUDA driver error: device not ready"), DeviceOutOfMemory),
        (RuntimeError("CUDA driver error: an illegal memory access was encountered"), DeviceLost),
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
