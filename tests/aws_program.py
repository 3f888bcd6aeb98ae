"""Where is the AWS CLI, for the tests that type what a user types?"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path


def aws_program() -> str:
    """Beside this Python, where the lock file puts it, or on PATH."""
    found = shutil.which("aws", path=str(Path(sys.executable).parent)) or shutil.which("aws")
    assert found, "the AWS CLI is missing: install requirements-dev.lock"
    return found
