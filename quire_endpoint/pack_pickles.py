"""Which files are pickles, which run code when they are loaded? Told by name or by content; nothing is
unpickled."""

from __future__ import annotations

import itertools
import pickletools
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from quire_endpoint.pack_files import PackedFile

_SUFFIXES = (".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".dill")
_COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".lz4", ".z")
"""Behind one of the above."""

_TEXT_SUFFIX = ".bin"
"""Of pickles and of much else: pickles of the oldest protocols, which have no mark, are looked for too."""

_MARKS = tuple(b"\x80" + bytes([protocol]) for protocol in (2, 3, 4, 5))
_ZIP_MARK = b"PK\x03\x04"
_ARRAY_MARK = b"\x93NUMPY"
_OBJECTS = re.compile(rb"'[|<>=]?O\d*'")
"""As a numpy array's header names the type of its elements: such are pickled."""
_NAME = re.compile(r"[\w.]+ [\w.]+")
"""Of a module and of what it defines, as GLOBAL asks for it."""

_HEAD_BYTES = 64 * 1024
_LEAST_OPCODES = 3

_TRAINING_LEFTOVERS = ("pytorch_model", "training_args", "optimizer", "scheduler", "scaler", "rng_state")
"""How transformers calls the pickles that it writes."""


def is_pickle(file: PackedFile) -> bool:
    """By a name that says so, or by its content: bare, or zipped as torch.save does."""
    if _is_named_so(file.name):
        return True
    with file.source.open("rb") as content:
        head = content.read(_HEAD_BYTES)
    if head.startswith(_ZIP_MARK):
        return _holds_pickle(file.source)
    if head.startswith(_MARKS):
        return _is_made_of_opcodes(head)
    if head.startswith(_ARRAY_MARK):
        return _is_of_objects(head)
    return file.suffix == _TEXT_SUFFIX and _is_old_pickle(head)


def _is_named_so(name: str) -> bool:
    *_, before, last = ["", "", *(suffix.lower() for suffix in Path(name).suffixes)]
    return last in _SUFFIXES or (last in _COMPRESSED and before in _SUFFIXES)


def _holds_pickle(path: Path) -> bool:
    """As torch.save writes it, or numpy's savez of arrays of objects."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            arrays = (_head(archive, name) for name in names if name.endswith(".npy"))
            return any(_is_named_so(name) for name in names) or any(map(_is_of_objects, arrays))
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError):
        """Broken, encrypted, or compressed in a way of its own."""
        return False


def _head(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as content:
        return content.read(_HEAD_BYTES)


def _is_of_objects(array: bytes) -> bool:
    """`array` begins as numpy's format says: a mark, the version, the header's length and the header."""
    if not array.startswith(_ARRAY_MARK):
        return False
    header, _, _ = array.partition(b"\n")
    return _OBJECTS.search(header) is not None


def _is_made_of_opcodes(head: bytes) -> bool:
    """Whether a file with a pickle's mark goes on as one does: with its machine's instructions."""
    return len(list(_opcodes(head))) >= _LEAST_OPCODES


def _is_old_pickle(head: bytes) -> bool:
    """Without a mark a few bytes may look like instructions by chance: they must come to an end, or ask for
    something by its module and its name."""
    for number, (name, argument) in enumerate(_opcodes(head), 1):
        if name == "STOP":
            return number >= _LEAST_OPCODES
        if name == "GLOBAL" and _NAME.fullmatch(str(argument)):
            return True
    return False


def _opcodes(head: bytes) -> Iterator[tuple[str, object]]:
    """Names and arguments, up to STOP, or to where the head ends in the middle of one or other bytes come."""
    with suppress(ValueError, OverflowError, UnicodeError):
        for opcode, argument, _ in pickletools.genops(head):
            yield opcode.name, argument


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
