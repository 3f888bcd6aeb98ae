"""A local URL for a module's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.bare_url import BareUrl
from tests.fakes.own_callers import Callers


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BareUrl]:
    with BareUrl(tmp_path_factory.mktemp("bare"), threads=2) as running:
        yield running


@pytest.fixture(scope="module")
def callers(bare: BareUrl) -> Iterator[Callers]:
    with Callers(bare.url) as made:
        yield made
