"""Where a user's code finds itself: its modules on sys.path, the model folder as the working directory."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from quire.handlers.program import Program
from quire.words.settings import Settings


def enter_users_place(program: Program, settings: Settings, installed: Sequence[Path]) -> None:
    """This process is the handler's from now on. First on sys.path stands its folder, then `lib` in it, where
    SageMaker's SDK puts dependencies, then what requirements.txt brought, then the model folder."""
    folder = program.folder
    places = [folder, folder / "lib", *installed, settings.model_dir]
    names = [str(place) for place in places if place.is_dir()]
    sys.path[:] = names + [name for name in sys.path if name not in names]
    if settings.model_dir.is_dir():
        os.chdir(settings.model_dir)
