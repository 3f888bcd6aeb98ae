"""What would the container say of a folder? It is asked where its programs are on this machine."""

from __future__ import annotations

import subprocess
from pathlib import Path

from quire_endpoint.container_home import HomeNotFound, ask_program
from quire_endpoint.folder_kind import FolderKind, Kind
from quire_endpoint.pack_files import CannotPack
from quire_endpoint.pack_program import CODE

_PROGRAM = "quire.models.check_folder"
_REFUSED = 3

_NOT_ASKED = "not checked here against what the container serves: it says so when it starts"


def check_with_container(folder: Path, kind: FolderKind) -> tuple[str, ...]:
    """A note where nobody could be asked. Raises CannotPack with the container's own sentence."""
    if Kind.HANDLER_WITH_MODEL in kind.kinds or (kind.has_code and not (folder / CODE).exists()):
        return ()
    try:
        answer = ask_program(_PROGRAM, [str(folder)])
    except (HomeNotFound, OSError, subprocess.TimeoutExpired):
        return (_NOT_ASKED,)
    if answer.returncode == _REFUSED:
        raise CannotPack(answer.stdout)
    return (_NOT_ASKED,) if answer.returncode else ()
