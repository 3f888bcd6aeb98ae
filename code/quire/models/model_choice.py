"""Which model is served: the user's where the model folder holds one, else the built-in. Free of torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from quire.models.huggingface.folder import HuggingFaceChoice, recognise
from quire.models.model_folder import ModelFolderError, default_model_dir, holds_model, read_manifest
from quire.models.page_model_code import is_entry, page_model_function
from quire.models.stub import StubOptions
from quire.words.errors import SettingsError
from quire.words.quire_json import PAGE_MODEL_TASK, QUIRE_JSON, STUB_TASK, asked_task
from quire.words.settings import Settings
from quire.words.user_code import code_folder

HUGGING_FACE_CONFIG = "config.json"
CODE = "code"


_Asked = TypeVar("_Asked")


class StubChoice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What quire.json says when it asks for the stub."""

    task: Literal["stub"]
    options: StubOptions = StubOptions()


class ReaderChoice(msgspec.Struct, frozen=True):
    """The reader, with the weights of this folder."""

    folder: str


class PageModelChoice(msgspec.Struct, frozen=True, kw_only=True):
    """A class of the user's own, or a function that gives an instance, at `entry`: `module:name`, the module
    in `code_folder`. `options` are the class's arguments."""

    folder: str
    code_folder: str
    entry: str
    options: dict[str, Any] = {}


class _AskedPageModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What quire.json says when it asks for a page model."""

    task: Literal["page-model"]
    entry: str = msgspec.field(name="class")
    options: dict[str, Any] = {}


ModelChoice = StubChoice | ReaderChoice | PageModelChoice | HuggingFaceChoice


def choose_model(settings: Settings) -> ModelChoice:
    """Raises ModelFolderError with a sentence that says what to do."""
    folder = settings.model_dir
    asked = _asked_for(folder, settings)
    if asked is not None:
        return asked
    if holds_model(folder):
        return _reader(folder)
    found = page_model_function(settings)
    if found is not None:
        return PageModelChoice(folder=str(folder), code_folder=str(found.folder), entry=found.entry)
    if (folder / HUGGING_FACE_CONFIG).is_file():
        return _hugging_face(folder)
    return _built_in(folder)


def sees_every_page(choice: ModelChoice) -> bool:
    """Whether the model must be given a page's pixels though the page carries text of its own: one that
    does more than read has an answer for every page, unless it is the text that it is made for."""
    if isinstance(choice, HuggingFaceChoice):
        return choice.family.sees_pages
    return not isinstance(choice, StubChoice | ReaderChoice)


def _asked_for(folder: Path, settings: Settings) -> ModelChoice | None:
    """What quire.json names; None where there is none, or it leaves that to the folder's other files."""
    path = folder / QUIRE_JSON
    if not path.is_file():
        return None
    task = _task(folder)
    if task == STUB_TASK:
        return _decoded(path, StubChoice)
    if task == PAGE_MODEL_TASK:
        return _page_model(folder, _decoded(path, _AskedPageModel), settings)
    if (folder / HUGGING_FACE_CONFIG).is_file():
        return None
    raise ModelFolderError(
        f"{path}: task {task!r} is unknown; known are {PAGE_MODEL_TASK!r}, with a class in {CODE}/, "
        f"and the tasks of a Hugging Face folder, which has a {HUGGING_FACE_CONFIG}"
    )


def _task(folder: Path) -> str | None:
    try:
        return asked_task(folder)
    except SettingsError as error:
        raise ModelFolderError(str(error)) from error


def _page_model(folder: Path, asked: _AskedPageModel, settings: Settings) -> PageModelChoice:
    path, code = folder / QUIRE_JSON, code_folder(settings)
    if not is_entry(asked.entry):
        raise ModelFolderError(f"{path}: class {asked.entry!r} is not written module:Class")
    if code is None:
        raise ModelFolderError(f"{path} names the class {asked.entry}, and there is no {folder / CODE}")
    return PageModelChoice(
        folder=str(folder), code_folder=str(code), entry=asked.entry, options=asked.options
    )


def _decoded(path: Path, wanted: type[_Asked]) -> _Asked:
    try:
        return msgspec.json.decode(path.read_bytes(), type=wanted)
    except (OSError, msgspec.MsgspecError) as error:
        raise ModelFolderError(f"{path} cannot be read: {error}") from error


def _hugging_face(folder: Path) -> HuggingFaceChoice:
    recognised = recognise(folder)
    if recognised is None:
        raise ModelFolderError(f"{folder / HUGGING_FACE_CONFIG} names neither model_type nor architectures")
    return recognised


def _built_in(folder: Path) -> ReaderChoice:
    """Where there is a code/ whatever else lies there is its own: a handler may keep the built-in model."""
    names = _names(folder)
    if names and CODE not in names:
        raise ModelFolderError(_unknown(folder, names))
    if not holds_model(default_model_dir()):
        raise ModelFolderError(f"{default_model_dir()} holds no model: run `quire build-model`")
    return _reader(default_model_dir())


def _names(folder: Path) -> list[str]:
    """What lies in the folder, hidden files left out; nothing where there is no folder."""
    if not folder.is_dir():
        return []
    return sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))


def _unknown(folder: Path, names: list[str]) -> str:
    inner = folder / names[0]
    if len(names) == 1 and inner.is_dir() and _is_model_folder(inner):
        return f"the model lies one folder too deep, in {inner}: an archive must hold its files at its root"
    if "inference.py" in names:
        return f"{folder / 'inference.py'} is not found there: a handler belongs in {folder / CODE}"
    told = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
    return (
        f"{folder} holds {told}, but none of {QUIRE_JSON}, manifest.json (`quire build-model --archive`), "
        f"{HUGGING_FACE_CONFIG} (Hugging Face) and {CODE}/ (a handler): `quire pack` makes such a folder; "
        "leave it empty to serve the built-in model"
    )


def _is_model_folder(folder: Path) -> bool:
    known = (QUIRE_JSON, HUGGING_FACE_CONFIG, CODE)
    return holds_model(folder) or any((folder / name).exists() for name in known)


def _reader(folder: Path) -> ReaderChoice:
    read_manifest(folder)
    return ReaderChoice(folder=str(folder))
