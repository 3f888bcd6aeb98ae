"""Folders as users bring them: Hugging Face models with real safetensors, handlers, caches of the hub."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

ARCHITECTURE = "LiltForTokenClassification"


def write(path: Path, content: str | bytes = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def weights(path: Path, *shape: int, dtype: type = np.float32) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({"weight": np.arange(np.prod(shape)).reshape(shape).astype(dtype)}, path)
    return path


def hugging_face(folder: Path, architecture: str = ARCHITECTURE) -> Path:
    """Of 6 million parameters, in float32."""
    write(folder / "config.json", json.dumps({"architectures": [architecture], "model_type": "lilt"}))
    write(folder / "tokenizer.json", "{}")
    weights(folder / "model.safetensors", 2000, 3000)
    return folder


def sharded(folder: Path) -> Path:
    """The same in two shards, of 100 parameters each."""
    (hugging_face(folder) / "model.safetensors").unlink()
    shards = {"a": "model-1.safetensors", "b": "model-2.safetensors"}
    for name in shards.values():
        weights(folder / name, 10, 10)
    write(folder / "model.safetensors.index.json", json.dumps({"weight_map": shards}))
    return folder


def handler(folder: Path, source: str = "def model_fn(model_dir): ...\n") -> Path:
    write(folder / "code" / "inference.py", source)
    return folder


def pickled(path: Path, protocol: int = 2) -> Path:
    return write(path, pickle.dumps({"labels": ["a", "b"], "size": 3}, protocol))


def hub_cache(place: Path) -> Path:
    """A model as the hub's client keeps it: files are links to blobs, two revisions, one of them main."""
    model = place / "models--acme--forms"
    for revision in ("0000old", "1111main"):
        made = hugging_face(place / "made")
        snapshot = model / "snapshots" / revision
        snapshot.mkdir(parents=True)
        for number, file in enumerate(sorted(made.iterdir())):
            blob = model / "blobs" / f"{revision}-{number}"
            blob.parent.mkdir(exist_ok=True)
            file.rename(blob)
            (snapshot / file.name).symlink_to(Path("..", "..", "blobs", blob.name))
    write(model / "refs" / "main", "1111main")
    return model
