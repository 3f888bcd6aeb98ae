"""How the default model is made: the pinned wheel's ONNX files become `model/default`, all of it or none.

Run as `python -m quire.models.build_model`. Needs the onnx package, which serving does not.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from safetensors.numpy import save_file

from quire.models.archive import write_archive
from quire.models.model_folder import (
    DETECTION_FOLDER,
    MANIFEST_NAME,
    RECOGNITION_FOLDER,
    Manifest,
    ModelFolderError,
    default_model_dir,
    digest_of,
    list_files,
    read_manifest,
    verify_files,
)
from quire.models.onnx_weights import read_onnx
from quire.models.ppocr import published_configs as configs
from quire.models.ppocr.conversion import (
    ConversionError,
    State,
    detection_state,
    recognition_characters,
    recognition_state,
)
from quire.models.published_wheel import (
    DETECTION_MEMBER,
    LICENCE_MEMBER,
    NOTICE_MEMBER,
    RECOGNITION_MEMBER,
    WHEEL_REQUIREMENT,
    WHEEL_SHA256,
    WheelError,
    obtain_wheel,
    read_members,
)

MODEL_NAME = "pp-ocrv6-small"
REVISION = "rapidocr-3.10.0-1"
"""The wheel's version and the number of our conversion, raised when the same wheel gives other files."""

Say = Callable[[str], None]


def build_default_model(out: Path, say: Say, wheel: Path | None = None) -> Manifest:
    """Makes `out` the default model, at once where it already is. `wheel` None means the cached or fetched
    one. Raises WheelError or ConversionError, and then leaves `out` as it was."""
    found = _up_to_date(out)
    if found is not None:
        say(f"{out} is up to date: {found.name} {found.revision}.")
        return found
    source = wheel or obtain_wheel(wheel_cache(), say)
    say(f"Checking {source.name}.")
    members = read_members(source)
    out.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        say("Converting the detection and the recognition network.")
        manifest = _write_model(building, members)
        building.chmod(0o755)
        _put_in_place(building, out)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    say(f"{out} holds {manifest.name} {manifest.revision}, digest {manifest.digest[:12]}.")
    return manifest


def wheel_cache() -> Path:
    """`model/.cache`, beside the built-in model; git ignores both."""
    return default_model_dir().parent / ".cache"


def _up_to_date(out: Path) -> Manifest | None:
    try:
        manifest = read_manifest(out)
        verify_files(out, manifest)
    except ModelFolderError:
        return None
    return manifest if (manifest.name, manifest.revision) == (MODEL_NAME, REVISION) else None


def _write_model(folder: Path, members: dict[str, bytes]) -> Manifest:
    detection, recognition = read_onnx(members[DETECTION_MEMBER]), read_onnx(members[RECOGNITION_MEMBER])
    _write_network(
        folder / DETECTION_FOLDER,
        detection_state(detection),
        configs.DETECTION_CONFIG,
        configs.DETECTION_PREPROCESSOR,
    )
    _write_network(
        folder / RECOGNITION_FOLDER,
        recognition_state(recognition),
        configs.RECOGNITION_CONFIG,
        configs.recognition_preprocessor(recognition_characters(recognition)),
    )
    (folder / "LICENSE").write_bytes(members[LICENCE_MEMBER])
    (folder / "MODEL_LICENSES.md").write_bytes(members[NOTICE_MEMBER])
    return _write_manifest(folder)


def _write_network(folder: Path, state: State, config: dict[str, Any], preprocessor: dict[str, Any]) -> None:
    folder.mkdir()
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)
    _write_json(folder / "config.json", config)
    _write_json(folder / "preprocessor_config.json", preprocessor)


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _write_manifest(folder: Path) -> Manifest:
    files = list_files(folder)
    manifest = Manifest(
        name=MODEL_NAME,
        revision=REVISION,
        digest=digest_of(files),
        licence="Apache-2.0",
        source=WHEEL_REQUIREMENT,
        source_sha256=WHEEL_SHA256,
        files=files,
    )
    encoded = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    (folder / MANIFEST_NAME).write_bytes(encoded + b"\n")
    return manifest


def _put_in_place(building: Path, out: Path) -> None:
    """Renames, so that `out` is at every moment absent or whole."""
    try:
        building.rename(out)
    except OSError:
        # Something is there: what another builder just made, or an older model.
        if _up_to_date(out) is None:
            with tempfile.TemporaryDirectory(prefix=f".{out.name}.old.", dir=out.parent) as grave:
                out.rename(Path(grave) / out.name)
                building.rename(out)


def _say(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="quire build-model", description="Builds the default model.")
    parser.add_argument("--out", type=Path, default=default_model_dir(), help="folder to build (%(default)s)")
    parser.add_argument("--wheel", type=Path, help=f"the wheel of {WHEEL_REQUIREMENT}, if it is at hand")
    parser.add_argument("--archive", type=Path, help="also write a model.tar.gz for SageMaker here")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _arguments(argv)
    try:
        manifest = build_default_model(arguments.out.absolute(), _say, arguments.wheel)
        if arguments.archive is not None:
            write_archive(arguments.out, manifest, arguments.archive)
            _say(f"{arguments.archive} unpacks to /opt/ml/model.")
    except (WheelError, ConversionError, OSError) as error:
        _say(f"The default model could not be built. {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
