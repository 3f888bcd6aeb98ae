"""Is this machine fit to serve? What it offers is logged at start; an image for CUDA without a GPU that its
torch can use ends here, with one sentence, rather than read on the CPU of an instance paid for its GPU."""

from __future__ import annotations

import importlib.util
import logging
import os
import runpy
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from quire.process.gpus import Driver, cuda_devices, find_driver
from quire.words.json_lines import log_line
from quire.words.settings import Settings

log = logging.getLogger("quire.supervisor")

STRICT_VARIABLE = "PREFLIGHT"
"""`strict` in the image, unset in a checkout: PyPI has torch for CUDA, laptops without a GPU get it too."""

_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_BYTES_OF_KIBIBYTE = 1024


class Unfit(Exception):
    """The container cannot do what it is for on this machine; the message is one sentence."""


class Need(NamedTuple):
    """The oldest major version of the driver that runs any CUDA of one major version (NVIDIA's minor version
    compatibility), and the SageMaker AMI that brings one."""

    driver: int
    ami: str


_NEEDS = {
    12: Need(525, "al2-ami-sagemaker-inference-gpu-3-1"),
    13: Need(580, "al2023-ami-sagemaker-inference-gpu-4-1"),
}


class Torch(msgspec.Struct, frozen=True):
    """The torch that device workers will import. `cuda` is what it was built for, such as "12.8"; None for
    the CPU."""

    version: str
    cuda: str | None


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to serve with. `visible_gpus` are the names that device workers are started for."""

    torch: Torch | None
    driver: Driver | None
    visible_gpus: tuple[str, ...]
    cores: int
    memory_bytes: int
    free_memory_bytes: int
    memory_limit_bytes: int | None
    scratch: str
    free_scratch_bytes: int


def preflight(settings: Settings, environ: Mapping[str, str]) -> None:
    """Logs the machine. Raises Unfit, in an image only."""
    machine = look(settings, environ)
    log_line(
        log,
        logging.INFO,
        "preflight",
        machine=machine,
        image_version=environ.get("IMAGE_VERSION") or None,
        image_revision=environ.get("IMAGE_REVISION") or None,
    )
    complaint = complaint_about(machine, settings.device)
    if complaint and environ.get(STRICT_VARIABLE) == "strict":
        raise Unfit(complaint)


def look(settings: Settings, environ: Mapping[str, str]) -> Machine:
    memory = _meminfo()
    return Machine(
        torch=find_torch(),
        driver=find_driver(),
        visible_gpus=tuple(cuda_devices(settings.device, environ)),
        cores=len(os.sched_getaffinity(0)),
        memory_bytes=memory["MemTotal"],
        free_memory_bytes=memory["MemAvailable"],
        memory_limit_bytes=_memory_limit(memory["MemTotal"]),
        scratch=str(settings.scratch),
        free_scratch_bytes=shutil.disk_usage(settings.scratch).free,
    )


def find_torch() -> Torch | None:
    """Read from the file in which torch notes how it was built: importing torch would take seconds."""
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return None
    noted = runpy.run_path(str(Path(found.origin).with_name("version.py")))
    return Torch(str(noted["__version__"]), noted.get("cuda"))


def complaint_about(machine: Machine, device: str) -> str | None:
    """The sentence of Unfit, where torch is built for CUDA and surely cannot use a GPU here. `device` as in
    QUIRE_DEVICE."""
    built_for = machine.torch.cuda if machine.torch else None
    if built_for is None or device == "cpu":
        return None
    torch, otherwise = f"its torch is built for CUDA {built_for}", "or set QUIRE_DEVICE=cpu"
    if machine.driver is None:
        return f"no GPU can be used: {torch} and there is no NVIDIA driver; use a GPU instance, {otherwise}"
    need = _NEEDS.get(_major(built_for))
    if need and _is_too_old(machine.driver, built_for, need):
        return (
            f"no GPU can be used: {torch}, and the NVIDIA driver {machine.driver.version} is older than "
            f"{need.driver}; pin InferenceAmiVersion {need.ami} in the endpoint's configuration, {otherwise}"
        )
    if not machine.visible_gpus:
        return (
            f"no GPU can be used: {torch}, and the container sees no GPU of the NVIDIA driver "
            f"{machine.driver.version}; start it with --gpus all and CUDA_VISIBLE_DEVICES unset, {otherwise}"
        )
    return None


def _is_too_old(driver: Driver, built_for: str, need: Need) -> bool:
    """What the driver says of itself counts first: a compatibility package may stand before an older one."""
    if driver.cuda is not None:
        return _major(driver.cuda) < _major(built_for)
    return _major(driver.version) < need.driver


def _major(version: str) -> int:
    return int(version.partition(".")[0])


def _meminfo() -> dict[str, int]:
    """/proc/meminfo in bytes."""
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    pairs = (line.partition(":") for line in lines)
    return {name: int(rest.split()[0]) * _BYTES_OF_KIBIBYTE for name, _, rest in pairs}


def _memory_limit(total: int) -> int | None:
    """The control group's, of either version; None where there is none below the machine's own memory."""
    for path in map(Path, _CGROUP_LIMITS):
        if path.is_file() and (text := path.read_text().strip()).isdigit() and int(text) < total:
            return int(text)
    return None
