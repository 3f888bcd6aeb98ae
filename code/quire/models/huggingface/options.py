"""What may quire.json ask of a Hugging Face folder? Free of torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

import msgspec

from quire.models.model_folder import ModelFolderError

_Options = TypeVar("_Options")


class FolderOptions(msgspec.Struct, frozen=True):
    """What every family knows. `name` is the model's in answers; empty is its model_type, since config.json
    tells no name but that of the model from which it was trained.
    `trust_remote_code` asks for Python in the folder to be run; the settings have the last word."""

    name: str = ""
    trust_remote_code: bool = False


class TokenClassificationOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`stride` is as in transformers: how many tokens neighbouring windows share; None is a quarter of a
    window. `boxes`: a word's own, or its line's as some models are trained. `outside_labels` stand for no
    entity, whatever their case."""

    stride: int | None = None
    boxes: Literal["word", "line"] = "word"
    outside_labels: tuple[str, ...] = ("O",)

    @classmethod
    def parse(cls, options: Mapping[str, Any]) -> TokenClassificationOptions:
        """Raises ModelFolderError that names the option at fault."""
        return _converted(options, cls)


class TextOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of a model that reads a document's whole text: as those of token classification."""

    stride: int | None = None
    outside_labels: tuple[str, ...] = ("O",)

    @classmethod
    def parse(cls, options: Mapping[str, Any]) -> TextOptions:
        """Raises ModelFolderError that names the option at fault."""
        return _converted(options, cls)


def parted(options: Mapping[str, Any]) -> tuple[FolderOptions, dict[str, Any]]:
    """What every family knows, and what is the family's own. Raises ModelFolderError."""
    names = FolderOptions.__struct_fields__
    own = {name: value for name, value in options.items() if name not in names}
    return _converted(options, FolderOptions), own


def _converted(options: Mapping[str, Any], kind: type[_Options]) -> _Options:
    try:
        return msgspec.convert(options, kind)
    except msgspec.ValidationError as error:
        raise ModelFolderError(f"quire.json, options: {error}") from error
