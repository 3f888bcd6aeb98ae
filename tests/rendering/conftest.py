"""Closes the documents that a rendering test opened."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.rendering.pages import OPENED


@pytest.fixture(autouse=True)
def close_documents() -> Iterator[None]:
    yield
    while OPENED:
        OPENED.pop().close()
