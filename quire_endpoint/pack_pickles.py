"""Which files are pickles, which run code when they are loaded? Told by name or by content; nothing is
unpickled."""

from __future__ import annotations

import itertools
import pickletools
import zipfile
from collections.abc import Sequence
from pathlib import Path

from quire_endpoint.pack_files import PackedFile

_SUFFIXES = (".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".dill")
_TEXT_SUFFIX = ".bin"
"""Of pickles and of much else: pickles of the oldest protocols, which have no mark, are looked for too."""

_MARKS = tuple(b"\x80" + bytes([protocol]) for protocol in (2, 3, 4, 5))
_ZIP_MARK = b"PK\x03\x04"
_HEAD_BYTES = 64 * 1024
_LEAST_OPCODES = 3

_TRAINING_LEFTOVERS = ("pytorch_model", "training_args", "optimizer", "scheduler", "scaler", "rng_state")
"""How transformers calls the pickles that it writes."""


def is_pickle(file: PackedFile) -> bool:
    """By a name that says so, or by its content: bare, or zipped as torch.save does."""
    if file.suffix in _SUFFIXES:
        return True
    with file.source.open("rb") as content:
        head = content.read(4)
    if head == _ZIP_MARK:
        return _holds_pickle(file.source)
    if head[:2] in _MARKS:
        return _is_made_of_opcodes(file.source)
    return file.suffix == _TEXT_SUFFIX and _is_made_of_opcodes(file.source)


def _holds_pickle(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(Path(name).suffix in _SUFFIXES for name in archive.namelist())
    except zipfile.BadZipFile:
        return False


def _is_made_of_opcodes(path: Path) -> bool:
    """Whether the file begins as a pickle does: with its machine's instructions, not with other bytes."""
    with path.open("rb") as content:
        head = content.read(_HEAD_BYTES)
    num_opcodes = 0
    try:
        for opcode, _, _ in pickletools.genops(head):
            num_opcodes += 1
            if opcode.name == "STOP":
                break
    except (ValueError, OverflowError, UnicodeError):
        """The head ends in the middle of one, or these are other bytes: then there were hardly any."""
    return num_opcodes >= _LEAST_OPCODES


def beside_safetensors(
    pickles: Sequence[PackedFile], files: Sequence[PackedFile], *, leftovers_only: bool = False
) -> list[PackedFile]:
    """Those that lie in a folder with safetensors, which are loaded in their stead: all of them, or such as
    transformers writes."""
    folders = {file.folder for file in files if file.suffix == ".safetensors"}
    beside = [file for file in pickles if file.folder in folders]
    if not leftovers_only:
        return beside
    return [file for file in beside if Path(file.name).name.startswith(_TRAINING_LEFTOVERS)]


def names(files: Sequence[PackedFile], most: int = 3) -> str:
    """The first few, for a sentence."""
    shown = ", ".join(file.name for file in itertools.islice(files, most))
    return shown + (f" and {len(files) - most} more" if len(files) > most else "")
