"""Is this a model folder as Hugging Face's transformers writes it, and one that can be served? Free of
torch, and nothing of the folder is executed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from quire.models.decoding.options import DecodingOptions
from quire.models.huggingface.families import SERVED, Family, ModelConfig, family_of, known_task
from quire.models.huggingface.folder_files import check_tokenizer, weight_files
from quire.models.huggingface.options import TextOptions, TokenClassificationOptions, parted
from quire.models.model_folder import ModelFolderError
from quire.words.settings import Settings

_CODE_CONFIGS = ("config.json", "tokenizer_config.json", "processor_config.json", "preprocessor_config.json")


class HuggingFaceChoice(msgspec.Struct, frozen=True, kw_only=True):
    """A folder that is served by its architecture. `name` is the model's in answers. `asks_for_code`: it
    wants Python of its own to be run. `options` are the family's, and right."""

    folder: str
    family: Family
    architecture: str
    name: str
    asks_for_code: bool
    options: dict[str, Any]


class _CodeMap(msgspec.Struct, frozen=True):
    auto_map: dict[str, Any] | None = None


class _QuireJson(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    task: str | None = None
    options: dict[str, Any] = {}


def recognise(folder: Path) -> HuggingFaceChoice | None:
    """None where there is no config.json that names a model. Raises ModelFolderError, with a sentence that
    says what to do, for a model that is not served or whose files are not all there."""
    path = folder / "config.json"
    if not path.is_file():
        return None
    config: ModelConfig = _decoded(path, ModelConfig)
    if not config.architectures and not config.model_type:
        return None
    asked = _asked(folder)
    family = _family(path, config, known_task(asked.task))
    known, options = parted(asked.options)
    _check_options(family, options)
    weight_files(folder)
    check_tokenizer(folder)
    return HuggingFaceChoice(
        folder=str(folder),
        family=family,
        architecture=config.described,
        name=known.name or config.model_type or config.described,
        asks_for_code=known.trust_remote_code or _has_code_map(folder),
        options=options,
    )


def refuse_untrusted_code(choice: HuggingFaceChoice, settings: Settings) -> None:
    """Raises ModelFolderError where the folder wants code of its own run and the settings do not allow it."""
    if choice.asks_for_code and settings.trust_remote_code != "on":
        raise ModelFolderError(
            f"{choice.folder} asks for Python code of its own to be run (auto_map or trust_remote_code), and "
            "QUIRE_TRUST_REMOTE_CODE is off: set it to `on` once you have read that code"
        )


def _family(path: Path, config: ModelConfig, task: str | None) -> Family:
    family = family_of(config, task)
    if family is None:
        raise ModelFolderError(f"{path} is of {config.described}, which is not served; served are {SERVED}")
    if task not in (None, family.task):
        raise ModelFolderError(
            f"{path.parent / 'quire.json'} asks for the task {task!r}, and {config.described} is for "
            f"{family.task!r}"
        )
    return family


def _check_options(family: Family, options: dict[str, Any]) -> None:
    if family is Family.WORDS_AND_BOXES:
        TokenClassificationOptions.parse(options)
    elif family is Family.DECODING:
        DecodingOptions.parse(options)
    else:
        TextOptions.parse(options)


def _asked(folder: Path) -> _QuireJson:
    path = folder / "quire.json"
    asked: _QuireJson = _decoded(path, _QuireJson) if path.is_file() else _QuireJson()
    return asked


def _has_code_map(folder: Path) -> bool:
    paths = [folder / name for name in _CODE_CONFIGS if (folder / name).is_file()]
    return any(_decoded(path, _CodeMap).auto_map for path in paths)


def _decoded(path: Path, kind: type[Any]) -> Any:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError) as error:
        raise ModelFolderError(f"{path} cannot be read: {error}") from error
