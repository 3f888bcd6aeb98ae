"""Which GPUs and which driver does this container see? Found without torch and without loading the driver."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path
from xml.etree import ElementTree

import msgspec

_QUERY = ("nvidia-smi", "-q", "-x")
_QUERY_SECONDS = 30.0
_KERNEL_MODULE = Path("/proc/driver/nvidia/version")
_MEBIBYTE = 1024 * 1024


class Gpu(msgspec.Struct, frozen=True):
    """One GPU, as nvidia-smi tells of it; None where it does not."""

    name: str
    memory_bytes: int | None
    free_memory_bytes: int | None


class Driver(msgspec.Struct, frozen=True):
    """The NVIDIA driver under the container. `cuda` is the newest CUDA that it runs, such as "12.4"; None
    where nothing says so."""

    version: str
    cuda: str | None = None
    gpus: tuple[Gpu, ...] = ()


def cuda_devices(device: str, environ: Mapping[str, str]) -> list[str]:
    """One name of CUDA_VISIBLE_DEVICES for each GPU; none for the CPU. `device` as in QUIRE_DEVICE."""
    if device == "cpu":
        return []
    visible = environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        names = filter(None, (name.strip() for name in visible.split(",")))
        return list(takewhile(lambda name: not name.startswith("-"), names))  # CUDA stops at the first -1 too
    nodes = (node.name.removeprefix("nvidia") for node in Path("/dev").glob("nvidia[0-9]*"))
    return sorted((name for name in nodes if name.isdigit()), key=int)


def find_driver() -> Driver | None:
    """What nvidia-smi says, else the kernel module's version alone; None where there is no driver."""
    try:
        asked = subprocess.run(_QUERY, capture_output=True, timeout=_QUERY_SECONDS, check=True)
        return driver_of(asked.stdout)
    except (OSError, subprocess.SubprocessError, ElementTree.ParseError, ValueError):
        return _driver_of_kernel_module()


def driver_of(report: bytes) -> Driver:
    """From the XML of `nvidia-smi -q -x`. Raises ParseError or ValueError where it is something else."""
    root = ElementTree.fromstring(report)
    version = root.findtext("driver_version")
    if not version:
        raise ValueError("nvidia-smi names no driver version")
    cuda = root.findtext("cuda_version", "")
    gpus = tuple(_gpu(element) for element in root.iter("gpu"))
    return Driver(version, cuda if re.fullmatch(r"\d+\.\d+", cuda) else None, gpus)


def _gpu(element: ElementTree.Element) -> Gpu:
    return Gpu(
        element.findtext("product_name", "unknown"),
        _bytes(element.findtext("fb_memory_usage/total", "")),
        _bytes(element.findtext("fb_memory_usage/free", "")),
    )


def _bytes(text: str) -> int | None:
    """Of "23028 MiB"; nvidia-smi writes N/A where memory is shared with the host."""
    found = re.fullmatch(r"(\d+) MiB", text)
    return int(found[1]) * _MEBIBYTE if found else None


def _driver_of_kernel_module() -> Driver | None:
    try:
        text = _KERNEL_MODULE.read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    found = re.search(r"Kernel Module\D*?\s(\d+\.[\d.]+)", text)
    return Driver(found[1]) if found else None
