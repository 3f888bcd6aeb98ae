"""One front end without an engine for the tests of this room that do not change its settings."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.running_front_end import RunningFrontEnd, running_front_end

MAX_BODY_BYTES = 3 * 1024 * 1024


@pytest.fixture(scope="session")
def front_end() -> Iterator[RunningFrontEnd]:
    with running_front_end(
        QUIRE_MAX_BODY_BYTES=str(MAX_BODY_BYTES),
        QUIRE_MAX_CONCURRENT_INVOCATIONS="4",
        QUIRE_MIN_FREE_DISK_BYTES="0",
    ) as running:
        yield running
        assert running.left_behind() == []
