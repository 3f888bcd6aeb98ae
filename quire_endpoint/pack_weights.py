"""Which safetensors of a Hugging Face folder does the container read?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from quire_endpoint.pack_files import CannotPack, PackedFile, json_object

WEIGHTS = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"

CONVERT = (
    "load it where you trust it and save it anew with model.save_pretrained(folder), which writes safetensors"
)


def read_weights(folder: Path, files: Sequence[PackedFile]) -> frozenset[str]:
    """Their names: model.safetensors, or else what its index names. Raises CannotPack where there are none,
    or not all."""
    by_name = {file.name: file for file in files}
    if WEIGHTS in by_name:
        return frozenset((WEIGHTS,))
    if WEIGHTS_INDEX not in by_name:
        raise CannotPack(_none(folder, files))
    shards = _named_in(by_name[WEIGHTS_INDEX])
    missing = sorted(shards - by_name.keys())
    if missing:
        raise CannotPack(f"{folder / WEIGHTS_INDEX} names {missing[0]}, which is not there")
    return shards


def unread_weights(files: Sequence[PackedFile], read: frozenset[str]) -> list[PackedFile]:
    """Such as a Trainer's checkpoints and copies in another precision."""
    return [file for file in files if file.suffix == ".safetensors" and file.name not in read]


def _named_in(index: PackedFile) -> frozenset[str]:
    named = json_object(index).get("weight_map")
    files = frozenset(map(str, named.values())) if isinstance(named, dict) else frozenset()
    if not files:
        raise CannotPack(f"{index.source} names no files in its weight_map")
    return files


def _none(folder: Path, files: Sequence[PackedFile]) -> str:
    others = [file.name for file in files if file.suffix == ".safetensors"]
    if not others:
        return f"{folder} holds no safetensors: {CONVERT}"
    return (
        f"{folder} holds {others[0]} and no {WEIGHTS}, nor its index: the container reads those at the root "
        "and no others"
    )
