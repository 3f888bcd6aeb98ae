"""Which task does a model folder's quire.json name?"""

from __future__ import annotations

from pathlib import Path

import msgspec

from quire.words.errors import SettingsError

QUIRE_JSON = "quire.json"

STUB_TASK = "stub"
PAGE_MODEL_TASK = "page-model"


class _Asked(msgspec.Struct, frozen=True):
    task: str | None = None


def asked_task(folder: Path) -> str | None:
    """None where there is no quire.json, or it names no task. Raises SettingsError for one that cannot be
    read."""
    path = folder / QUIRE_JSON
    if not path.is_file():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Asked).task
    except (OSError, msgspec.MsgspecError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
