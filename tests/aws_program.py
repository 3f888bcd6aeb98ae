"""Where is the AWS CLI, for the tests that type what a user types?"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest


def aws_program() -> str | None:
    """Beside this Python, where the lock file puts it, or on PATH."""
    return shutil.which("aws", path=str(Path(sys.executable).parent)) or shutil.which("aws")


needs_aws = pytest.mark.skipif(aws_program() is None, reason="the AWS CLI is missing: pip install awscli")
