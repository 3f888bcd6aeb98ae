"""Which file holds the handler's functions. Imports nothing of it: the supervisor asks before it starts
anything."""

from __future__ import annotations

from pathlib import Path

from quire.words.errors import SettingsError
from quire.words.settings import Settings

BUILT_IN = Path(__file__).resolve().parents[2] / "inference.py"


def find_program(settings: Settings) -> Path:
    """Raises SettingsError for a user's program, which this version does not serve, or a missing one."""
    users = settings.model_dir / "code" / settings.program
    if users.exists():
        raise SettingsError(
            f"{users} exists, but this version of Quire serves its built-in handler only; "
            "take code/ out of the model archive"
        )
    if settings.program != BUILT_IN.name:
        raise SettingsError(f"SAGEMAKER_PROGRAM={settings.program!r}: there is no {users}")
    return BUILT_IN
