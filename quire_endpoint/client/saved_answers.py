"""Which answers lie in a directory already?"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

RECORD = ".inference-ids"


class SavedAnswers:
    """Of one directory, which is made. A record in it says of which inference each file is the answer: a
    document that was changed, or asked for with other options, has another under the same name."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._ids = dict(_entries(folder / RECORD))

    def save(self, name: str, inference_id: str, download: Callable[[Path], None]) -> None:
        """Unless the file is that answer. Raises what `download` raises, OSError."""
        path = self._folder / name
        if self._ids.get(name) == inference_id and path.exists():
            return
        download(path)
        self._ids[name] = inference_id
        with (self._folder / RECORD).open("a", encoding="utf-8") as record:
            record.write(json.dumps([name, inference_id]) + "\n")


def _entries(record: Path) -> list[tuple[str, str]]:
    """The last of a name stands. A line that was cut off says nothing."""
    entries = []
    for line in record.read_text("utf-8", "replace").splitlines() if record.exists() else ():
        try:
            name, inference_id = json.loads(line)
        except ValueError:
            continue
        entries.append((str(name), str(inference_id)))
    return entries
