"""Are the files of a Hugging Face folder there, and none of them a pickle? Free of torch."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from quire.models.model_folder import ModelFolderError

WEIGHTS = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"
_SUFFIX = ".safetensors"

_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.h5", "*.msgpack")
"""What else holds weights: most of it pickles, and none of it read."""

_TOKENIZERS = (
    ("tokenizer.json",),
    ("vocab.json", "merges.txt"),
    ("vocab.txt",),
    ("sentencepiece.bpe.model",),
)
_SAMPLE_BYTES = 1 << 20


class _NamedWeights(msgspec.Struct, frozen=True):
    transformers_weights: str | None = None


class _WeightsIndex(msgspec.Struct, frozen=True):
    weight_map: dict[str, str]


def weight_files(folder: Path) -> list[Path]:
    """The safetensors of the folder. Raises ModelFolderError where there are none, or not all, or where
    config.json names others."""
    _refuse_other_names(folder / "config.json")
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if (folder / WEIGHTS_INDEX).is_file():
        return _shards(folder)
    pickles = sorted(path.name for pattern in _PICKLES for path in folder.glob(pattern))
    if pickles:
        raise ModelFolderError(
            f"{folder} holds its weights as {pickles[0]}, and only safetensors are served, which run no code "
            "when they are read: load the model where you trust it and save it again with save_pretrained"
        )
    raise ModelFolderError(f"{folder} holds a config.json and no weights: {WEIGHTS} is missing")


def _refuse_other_names(config: Path) -> None:
    """transformers would load the file that config.json names, whatever it is."""
    named = _decoded(config, _NamedWeights).transformers_weights if config.is_file() else None
    if named is not None:
        raise ModelFolderError(
            f"{config} names its weights by transformers_weights ({named}): call the file {WEIGHTS} and "
            "leave that entry out"
        )


def _shards(folder: Path) -> list[Path]:
    index: _WeightsIndex = _decoded(folder / WEIGHTS_INDEX, _WeightsIndex)
    shards = [folder / name for name in sorted(set(index.weight_map.values()))]
    for shard in shards:
        if shard.suffix != _SUFFIX:
            raise ModelFolderError(f"{shard} is named in {WEIGHTS_INDEX}, and only safetensors are served")
        if not shard.is_file():
            raise ModelFolderError(f"{shard} is named in {WEIGHTS_INDEX} and missing")
    return shards


def _decoded(path: Path, kind: type[Any]) -> Any:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError) as error:
        raise ModelFolderError(f"{path} cannot be read: {error}") from error


def check_tokenizer(folder: Path) -> None:
    """Raises ModelFolderError where the folder has no tokenizer."""
    if not any(all((folder / name).is_file() for name in names) for names in _TOKENIZERS):
        raise ModelFolderError(
            f"{folder} holds no tokenizer: save the one that the model was trained with beside it, with the "
            "tokenizer's (or processor's) save_pretrained, so that there is a tokenizer.json"
        )


def revision_of(folder: Path, weights: list[Path]) -> str:
    """Twelve hex digits that change with the configuration and, as far as their sizes, first and last MiB
    tell, with the weights: reading gigabytes for a name would take longer than loading them."""
    digest = hashlib.sha256((folder / "config.json").read_bytes())
    for path in weights:
        size = path.stat().st_size
        digest.update(size.to_bytes(8, "big"))
        with path.open("rb") as stream:
            digest.update(stream.read(_SAMPLE_BYTES))
            stream.seek(max(0, size - _SAMPLE_BYTES))
            digest.update(stream.read(_SAMPLE_BYTES))
    return digest.hexdigest()[:12]
