"""Where the model runs: choosing the device, naming its class, and bringing pages onto it.

All that differs between CUDA and the CPU at the border of the device stands here, with its twin.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from quire.engine.port import Pixels


def choose_device(setting: str) -> torch.device:
    """`setting` is auto, cpu or cuda; auto is CUDA where there is one. Raises ValueError where CUDA is
    asked for and absent."""
    if setting == "cuda" and not torch.cuda.is_available():
        raise ValueError("QUIRE_DEVICE=cuda, and torch finds no CUDA device")
    if setting == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", torch.cuda.current_device())


def device_class(device: torch.device) -> str:
    """What decides which precision is fast: `cuda-sm80`, `cpu-amx`, `cpu-avx512_bf16` or `cpu`."""
    if device.type == "cuda":
        major, minor = torch.cuda.get_device_capability(device)
        return f"cuda-sm{major}{minor}"
    flags = _cpu_flags()
    if {"amx_tile", "amx_bf16"} <= flags:
        return "cpu-amx"
    return "cpu-avx512_bf16" if "avx512_bf16" in flags else "cpu"


def _cpu_flags() -> set[str]:
    try:
        described = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return set()
    lines = (line for line in described.splitlines() if line.startswith("flags"))
    return set(next(lines, "").partition(":")[2].split())


def upload(pixels: Pixels, device: torch.device) -> Tensor:
    """The page as uint8 [h, w, 3] on the device, a copy: `pixels` may be reused once this returns."""
    on_cuda = device.type == "cuda"
    # The pinned copy lets the transfer overlap with kernels; torch keeps it until the transfer has ended.
    page = torch.empty(pixels.shape, dtype=torch.uint8, pin_memory=on_cuda)
    page.numpy()[...] = pixels
    return page.to(device, non_blocking=True) if on_cuda else page
