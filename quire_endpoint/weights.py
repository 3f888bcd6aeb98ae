"""How many numbers does a model hold, and in what format? Read from the heads of its files; no weights are
loaded."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from quire_endpoint.pack_files import CannotPack, PackedFile

_HEAD = struct.Struct("<Q")
_MAX_HEAD_BYTES = 100_000_000
"""The format's own limit."""

_BYTES_OF_DTYPE = {
    **{"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1},
    **{"U16": 2, "U32": 4, "U64": 8, "BOOL": 1, "F8_E4M3": 1, "F8_E5M2": 1, "C64": 8},
}
_WIDE_FLOATS = ("F64", "F32", "F16", "BF16")

_OTHER_WEIGHTS = (
    *(".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".onnx", ".gguf", ".h5", ".tflite"),
    *(".npz", ".npy", ".msgpack", ".engine", ".plan", ".pt2", ".so"),
)


@dataclass(frozen=True)
class Weights:
    """What a folder's weights come to. `num_floats` are numbers that a precision of 16 bits halves or keeps;
    `other_bytes` are all others, as they are stored."""

    num_floats: int
    other_bytes: int
    stored_bytes: int

    def bytes_in(self, bytes_a_float: int) -> int:
        return self.num_floats * bytes_a_float + self.other_bytes


def weigh(files: Iterable[PackedFile]) -> Weights:
    """Raises CannotPack for a safetensors file that is broken or cut short."""
    num_floats = other_bytes = stored_bytes = 0
    for file in files:
        if file.suffix == ".safetensors":
            for tensor in _tensors(file):
                size = math.prod(tensor["shape"])
                is_float = tensor["dtype"] in _WIDE_FLOATS
                num_floats += size if is_float else 0
                other_bytes += 0 if is_float else size * _BYTES_OF_DTYPE.get(tensor["dtype"], 1)
            stored_bytes += file.num_bytes
        elif file.suffix in _OTHER_WEIGHTS:
            other_bytes += file.num_bytes
            stored_bytes += file.num_bytes
    return Weights(num_floats, other_bytes, stored_bytes)


def _tensors(file: PackedFile) -> list[Mapping[str, Any]]:
    try:
        with file.source.open("rb") as content:
            (length,) = _HEAD.unpack(content.read(_HEAD.size))
            head: dict[str, Any] = json.loads(content.read(min(length, _MAX_HEAD_BYTES)))
        tensors = [tensor for name, tensor in head.items() if name != "__metadata__"]
        end = max((tensor["data_offsets"][1] for tensor in tensors), default=0)
    except (struct.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CannotPack(f"{file.source} is no safetensors file: {error}") from error
    if file.num_bytes != _HEAD.size + length + end:
        raise CannotPack(f"{file.source} is cut short or has bytes too many: copy it anew")
    return tensors
