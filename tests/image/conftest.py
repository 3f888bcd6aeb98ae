"""The image under test, and the checkout's own container to compare it with."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from bench.served import Served, served
from tests.image.running_image import Running, running


@pytest.fixture(scope="session")
def image() -> str:
    """Its name; `make test-image` builds it and says so."""
    name = os.environ.get("IMAGE_UNDER_TEST")
    if not name:
        pytest.skip("no image under test: `make test-image` builds one and runs this")
    return name


@pytest.fixture(scope="session")
def container(image: str) -> Iterator[Running]:
    """One that many tests share, in fp32, where a page's text is the same alone and in any batch."""
    with running(image, QUIRE_PRECISION="fp32", QUIRE_MAX_BODY_BYTES="2000000") as started:
        started.await_healthy()
        yield started


@pytest.fixture(scope="session")
def own(image: str) -> Iterator[Served]:
    """`./serve` of the checkout."""
    with served(QUIRE_PRECISION="fp32", QUIRE_MAX_BODY_BYTES="2000000") as started:
        started.await_healthy()
        yield started
