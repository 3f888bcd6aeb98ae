"""`quire compile`: both networks of a model as AOTInductor packages, made on a machine with a compiler.

Run as `python -m quire.models.compile_model --out DIR`. QUIRE_DEVICE and QUIRE_PRECISION decide for what, as
they do where the packages will serve, with QUIRE_COMPILED_DIR naming DIR.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import Tensor, nn

from quire.engine.port import Canvas
from quire.models.compiled import MANIFEST_NAME, CompiledManifest, Package, key_of, packages_of
from quire.models.devices import choose_device, device_class
from quire.models.forward import Forward
from quire.models.model_folder import ModelFolderError, default_model_dir, read_manifest
from quire.models.ppocr.canvases import DETECTION_CANVASES, LINE_CANVASES, ORDINARY_PAGE_CANVASES
from quire.models.ppocr.kernels import PlainKernels
from quire.models.ppocr.lanes import DETECTION, RECOGNITION
from quire.models.ppocr.networks import DTYPES, Networks, load_networks
from quire.models.precision import choose_precision
from quire.words.errors import SettingsError
from quire.words.settings import Settings

_COMPILERS = ("g++", "c++", "clang++")
_MOST_ITEMS = 8192

_INDUCTOR: dict[str, Any] = {
    # Otherwise the number of threads of this machine is written into the code.
    "cpp.dynamic_threads": True,
}

Say = Callable[[str], None]


class CannotCompile(Exception):
    """A sentence that says what is missing."""


class _Module(nn.Module):
    """What torch.export takes: a module, here one without parameters of its own."""

    def __init__(self, forward: Forward) -> None:
        super().__init__()
        self._forward = forward

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        return tuple(self._forward(images))


def compile_model(
    folder: Path, out: Path, canvases: Sequence[Canvas], settings: Settings, say: Say
) -> CompiledManifest:
    """Writes a folder below `out` for this device, torch, precision and model; what it held of other
    canvases stays. Raises CannotCompile without a compiler, ModelFolderError, ValueError as `load_reader`."""
    find_compiler()
    device = choose_device(settings.device)
    precision = choose_precision(settings.precision, device_class(device))
    key = key_of(device, precision, read_manifest(folder).digest)
    networks = load_networks(folder, device, precision, PlainKernels(device, DTYPES[precision]))
    place = out / key.folder_name
    place.mkdir(parents=True, exist_ok=True)
    packages = {package.file: package for package in packages_of(out, key)}
    for canvas in canvases:
        name, forward = _network_of(canvas, networks)
        began = time.monotonic()
        package = _compile(name, forward, canvas, device, place)
        packages[package.file] = package
        say(f"{package.file}: {time.monotonic() - began:.0f} s")
    manifest = CompiledManifest(key=key, packages=tuple(packages[file] for file in sorted(packages)))
    (place / MANIFEST_NAME).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")
    return manifest


def find_compiler() -> str:
    """Raises CannotCompile."""
    for name in (os.environ.get("CXX", ""), *_COMPILERS):
        found = shutil.which(name) if name else None
        if found:
            return found
    raise CannotCompile(
        "Compiling needs a C++ compiler: install g++ (on Debian, apt-get install g++), or name one in CXX."
    )


def _network_of(canvas: Canvas, networks: Networks) -> tuple[str, Forward]:
    if canvas in LINE_CANVASES:
        return RECOGNITION, networks.recognition
    return DETECTION, networks.detection


def _compile(name: str, forward: Forward, canvas: Canvas, device: torch.device, place: Path) -> Package:
    file = f"{name}-{canvas.height}x{canvas.width}.pt2"
    images = torch.zeros((2, 3, canvas.height, canvas.width), dtype=torch.uint8, device=device)
    example = (images.contiguous(memory_format=torch.channels_last),)
    batch = {"images": {0: torch.export.Dim("items", min=1, max=_MOST_ITEMS)}}
    with torch.no_grad(), warnings.catch_warnings():
        # torch warns of its own use of what it will drop.
        warnings.simplefilter("ignore")
        exported = torch.export.export(_Module(forward), example, dynamic_shapes=batch)
        torch._inductor.aoti_compile_and_package(
            exported, package_path=str(place / file), inductor_configs=_INDUCTOR
        )
    return Package(network=name, canvas_height=canvas.height, canvas_width=canvas.width, file=file)


def _canvas(given: str) -> Canvas:
    matched = re.fullmatch(r"(\d+)x(\d+)", given)
    canvas = Canvas(int(matched[1]), int(matched[2])) if matched else None
    if canvas is None or canvas not in (*LINE_CANVASES, *DETECTION_CANVASES):
        raise argparse.ArgumentTypeError(f"{given} is no canvas of the model, such as 48x304")
    return canvas


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="quire compile", description="Compiles the model for this device.")
    parser.add_argument("--out", type=Path, required=True, help="directory for the packages")
    parser.add_argument("--model", type=Path, default=default_model_dir(), help="model folder (%(default)s)")
    parser.add_argument(
        "--canvas",
        type=_canvas,
        action="append",
        help="HEIGHTxWIDTH, may be repeated; by default all of lines and those of ordinary pages",
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _arguments(argv)
    canvases = arguments.canvas or [*LINE_CANVASES, *ORDINARY_PAGE_CANVASES]
    try:
        settings = Settings.from_environ(os.environ)
        manifest = compile_model(arguments.model, arguments.out, canvases, settings, _say)
    except (CannotCompile, ModelFolderError, SettingsError, ValueError, OSError) as error:
        _say(f"The model could not be compiled. {error}")
        return 1
    _say(f"{arguments.out / manifest.key.folder_name} serves where QUIRE_COMPILED_DIR={arguments.out}.")
    return 0


def _say(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")


if __name__ == "__main__":
    sys.exit(main())
