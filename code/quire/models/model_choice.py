"""Which model is served: the user's where the model folder holds one, else the built-in. Free of torch."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from quire.models.model_folder import ModelFolderError, default_model_dir, holds_model, read_manifest
from quire.models.stub import StubOptions
from quire.words.settings import Settings


class StubChoice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What quire.json says when it asks for the stub."""

    task: Literal["stub"]
    options: StubOptions = StubOptions()


class ReaderChoice(msgspec.Struct, frozen=True):
    """The reader, with the weights of this folder."""

    folder: str


ModelChoice = StubChoice | ReaderChoice


def choose_model(settings: Settings) -> ModelChoice:
    """Raises ModelFolderError with a sentence that says what to do."""
    folder = settings.model_dir
    if (folder / "quire.json").is_file():
        return _read_quire_json(folder / "quire.json")
    if holds_model(folder):
        return _reader(folder)
    if folder.is_dir() and any(folder.iterdir()):
        raise ModelFolderError(
            f"{folder} holds files, but neither manifest.json nor quire.json: this version serves only "
            "folders made by `quire build-model --archive`; leave it empty to serve the built-in model"
        )
    if not holds_model(default_model_dir()):
        raise ModelFolderError(f"{default_model_dir()} holds no model: run `quire build-model`")
    return _reader(default_model_dir())


def _reader(folder: Path) -> ReaderChoice:
    read_manifest(folder)
    return ReaderChoice(folder=str(folder))


def _read_quire_json(path: Path) -> StubChoice:
    try:
        return msgspec.json.decode(path.read_bytes(), type=StubChoice)
    except (OSError, msgspec.MsgspecError) as error:
        raise ModelFolderError(f"{path} cannot be read: {error}") from error
