"""Where the model runs: choosing the device, naming its class, and how many threads it takes."""

from __future__ import annotations

from pathlib import Path

import cv2
import torch

from quire.models.device_side.cpu import CpuSide
from quire.models.device_side.cuda import CudaSide
from quire.models.device_side.side import DeviceSide


def choose_device(setting: str) -> torch.device:
    """`setting` is auto, cpu or cuda; auto is CUDA where there is one. Raises ValueError where CUDA is
    asked for and absent."""
    if setting == "cuda" and not torch.cuda.is_available():
        raise ValueError("QUIRE_DEVICE=cuda, and torch finds no CUDA device")
    if setting == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", torch.cuda.current_device())


def side_of(device: torch.device) -> DeviceSide:
    """The lanes' side of the device."""
    return CpuSide() if device.type == "cpu" else CudaSide(device)


def device_class(device: torch.device) -> str:
    """What decides which precision is fast: `cuda-sm80`, `cpu-amx`, `cpu-avx512_bf16` or `cpu`."""
    if device.type == "cuda":
        major, minor = torch.cuda.get_device_capability(device)
        return f"cuda-sm{major}{minor}"
    flags = cpu_flags()
    if {"amx_tile", "amx_bf16"} <= flags:
        return "cpu-amx"
    return "cpu-avx512_bf16" if "avx512_bf16" in flags else "cpu"


def knows_bfloat16(device: torch.device) -> bool:
    """Whether a CUDA device computes in it: from Ampere on, as the A10G of ml.g5 does."""
    return torch.cuda.get_device_capability(device) >= (8, 0)


def cpu_flags() -> set[str]:
    """The instructions of this CPU by their names in Linux; empty where it does not tell."""
    try:
        described = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return set()
    lines = (line for line in described.splitlines() if line.startswith("flags"))
    return set(next(lines, "").partition(":")[2].split())


def use_threads(num_threads: int) -> None:
    """So many threads for the kernels of torch and of OpenCV on the CPU, from whichever thread they are
    called; 0 leaves both as they are."""
    if num_threads:
        torch.set_num_threads(num_threads)
        cv2.setNumThreads(num_threads)
