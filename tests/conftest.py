"""What every room's tests share: where the outside documents and our own samples lie."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]

# A shell's background job ignores Ctrl-C, and one of nohup the terminal's end; so would every program that a
# test started from it.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """pytest's own, with a shorter name: containers under test have sockets in it, whose paths may be 107
    bytes long."""
    return tmp_path_factory.mktemp(re.sub(r"\W", "_", request.node.name)[:16])


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def samples() -> Path:
    """The project's own documents, each with its true text beside it as `.txt`."""
    return REPOSITORY / "tests" / "data"


@pytest.fixture(scope="session")
def documents() -> Path:
    """Outside documents; the tests that need them skip where there are none."""
    place = Path(os.environ.get("QUIRE_DOCUMENTS", REPOSITORY.parent / "shared" / "documents"))
    if not place.is_dir():
        pytest.skip(f"no outside documents at {place}: set QUIRE_DOCUMENTS to their directory")
    return place
