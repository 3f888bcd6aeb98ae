"""What of a folder is packed, and what keeps it from being packed?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from quire_endpoint.folder_kind import FolderKind, find_kind
from quire_endpoint.pack_files import CannotPack, PackedFile, list_files, moved_below, resolved_folder
from quire_endpoint.pack_pickles import beside_safetensors, is_pickle, names
from quire_endpoint.pack_program import CODE
from quire_endpoint.pack_weights import CONVERT, read_weights, unread_weights
from quire_endpoint.weights import Weights, weigh

_OTHER_FRAMEWORKS = (".h5", ".msgpack", ".ot", ".onnx", ".onnx_data", ".tflite", ".gguf")
"""Weights that nothing reads where a Hugging Face folder is served without code."""


@dataclass(frozen=True)
class Packing:
    """The files of the model folder to be, what they are, and sentences about them."""

    files: tuple[PackedFile, ...]
    kind: FolderKind
    weights: Weights
    notes: tuple[str, ...]


def choose_files(given: Path, leave_out: Path | None = None, *, allow_pickle: bool = False) -> Packing:
    """Raises CannotPack with a sentence that says what to do."""
    folder = resolved_folder(given)
    files = _at_their_places(folder, list_files(folder, leave_out))
    kind = find_kind(folder, files)
    notes = list(kind.notes)
    pickles = [file for file in files if is_pickle(file)]
    left_out = _dead_weight(files, pickles, has_code=kind.has_code)
    if left_out:
        notes.append(f"left out, since safetensors are served: {names(left_out)}")
    files = [file for file in files if file not in left_out]
    kept = [file for file in pickles if file not in left_out]
    if kept:
        notes.append(_allowed(kept, has_code=kind.has_code, allow_pickle=allow_pickle))
    read = read_weights(folder, files) if kind.is_read_by_transformers else frozenset()
    unread = unread_weights(files, read) if read and not kind.has_code else []
    if unread:
        notes.append(f"left out, since the container does not read them: {names(unread)}")
        files = [file for file in files if file not in unread]
    return Packing(tuple(files), kind, weigh(files), tuple(notes))


def _at_their_places(folder: Path, files: list[PackedFile]) -> list[PackedFile]:
    """A bare handler, which lies at the root beside nothing but code, belongs in code/."""
    known = {file.name for file in files}
    if "inference.py" not in known or any(name.startswith(f"{CODE}/") for name in known):
        return files
    if known & {"config.json", "quire.json", "manifest.json"} or weigh(files).stored_bytes:
        raise CannotPack(
            f"{folder / 'inference.py'} would not be found there: move it, with its modules and "
            f"requirements.txt, to {folder / CODE}"
        )
    return moved_below(files, CODE)


def _dead_weight(
    files: Sequence[PackedFile], pickles: Sequence[PackedFile], *, has_code: bool
) -> list[PackedFile]:
    """What nothing would load. Code of the user's own may load all but what transformers wrote twice."""
    replaced = beside_safetensors(pickles, files, leftovers_only=has_code)
    if has_code:
        return replaced
    others = [file for file in files if file.suffix in _OTHER_FRAMEWORKS]
    return sorted({*replaced, *others}, key=lambda file: file.name)


def _allowed(pickles: Sequence[PackedFile], *, has_code: bool, allow_pickle: bool) -> str:
    """The warning. Raises CannotPack where they are not allowed."""
    if not has_code:
        raise CannotPack(f"{names(pickles)}: pickles run code when loaded, and are not served; {CONVERT}")
    if not allow_pickle:
        raise CannotPack(
            f"{names(pickles)}: pickles run code when they are loaded; if your code loads them and you trust "
            f"whoever made them, say --allow-pickle; else {CONVERT}"
        )
    return f"WARNING: {names(pickles)} will run whatever code is in them when your code loads them"
