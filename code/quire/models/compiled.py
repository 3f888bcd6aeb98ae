"""Packages that `quire compile` made: is there one for this machine, model and canvas, and how it serves."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path

import msgspec
import torch
from torch import Tensor

from quire.engine.port import Canvas
from quire.models.devices import cpu_flags, device_class
from quire.models.forward import Forward
from quire.models.precision import Precision
from quire.words.json_lines import log_line

log = logging.getLogger("quire.device")

MANIFEST_NAME = "manifest.json"

Packages = dict[str, dict[Canvas, Forward]]
"""By network and canvas."""


class PackageKey(msgspec.Struct, frozen=True, kw_only=True):
    """What a package was made for, all of which must be the same where it serves. `processor` is the class
    of the GPU, or of the CPU with all its instructions: code for one CPU may stop another dead."""

    processor: str
    torch: str
    precision: str
    model_digest: str

    @property
    def folder_name(self) -> str:
        return "-".join((self.processor, f"torch{self.torch}", self.precision, self.model_digest[:12]))


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """One network on one canvas, for any number of items; `file` lies beside the manifest."""

    network: str
    canvas_height: int
    canvas_width: int
    file: str

    @property
    def canvas(self) -> Canvas:
        return Canvas(self.canvas_height, self.canvas_width)


class CompiledManifest(msgspec.Struct, frozen=True, kw_only=True):
    """What lies in a folder of packages."""

    key: PackageKey
    packages: tuple[Package, ...]


def key_of(device: torch.device, precision: Precision, model_digest: str) -> PackageKey:
    """The key of packages that may serve here."""
    processor = device_class(device)
    if device.type == "cpu":
        flags = " ".join(sorted(cpu_flags()))
        processor += "-" + hashlib.sha256(flags.encode()).hexdigest()[:8]
    return PackageKey(
        processor=processor,
        torch=str(torch.__version__),
        precision=precision.value,
        model_digest=model_digest,
    )


class CompiledForward:
    """A Forward. What has no package, or one that fails, goes to `otherwise`."""

    def __init__(self, otherwise: Forward, packages: Mapping[Canvas, Forward]) -> None:
        self._otherwise = otherwise
        self._packages = dict(packages)

    @property
    def canvases(self) -> frozenset[Canvas]:
        return frozenset(self._packages)

    def __call__(self, images: Tensor) -> tuple[Tensor, ...]:
        canvas = Canvas(*images.shape[2:])
        package = self._packages.get(canvas)
        if package is None:
            return self._otherwise(images)
        try:
            # A package takes the layout for granted that it was compiled with.
            return tuple(package(images.contiguous(memory_format=torch.channels_last)))
        except RuntimeError as error:
            # It says little of its reasons; where the device is at fault, the other way says so.
            del self._packages[canvas]
            log_line(
                log, logging.WARNING, "a compiled package failed and is left out", reason=_first_line(error)
            )
            return self._otherwise(images)


def packages_of(directory: Path, key: PackageKey) -> tuple[Package, ...]:
    """What the directory has for this key."""
    path = directory / key.folder_name / MANIFEST_NAME
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=CompiledManifest)
    except (OSError, msgspec.MsgspecError):
        return ()
    return manifest.packages if manifest.key == key else ()


def load_packages(directory: Path, key: PackageKey, device: torch.device) -> Packages:
    """Empty where the directory has none for this key. Logs one line either way."""
    packages = packages_of(directory, key)
    if not packages:
        wanted = key.folder_name
        log_line(log, logging.WARNING, "no compiled packages for this model and machine", wanted=wanted)
        return {}
    loaded: Packages = {}
    failures: list[str] = []
    for package in packages:
        try:
            forward = _load(directory / key.folder_name / package.file, device)
            loaded.setdefault(package.network, {})[package.canvas] = forward
        except (RuntimeError, OSError) as error:
            failures.append(_first_line(error))
    log_line(
        log,
        logging.WARNING if failures else logging.INFO,
        "compiled packages loaded",
        loaded=len(packages) - len(failures),
        failed=len(failures),
        reason=failures[0] if failures else None,
    )
    return loaded


def _load(path: Path, device: torch.device) -> Forward:
    if not path.is_file():
        raise FileNotFoundError(f"{path.name} is missing")
    index = -1 if device.index is None else device.index
    package: Forward = torch._inductor.aoti_load_package(str(path), device_index=index)
    return package


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
