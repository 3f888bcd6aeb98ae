"""The tiny models' folders, made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.tiny_token_models import one_thread, tiny_layoutlmv3, tiny_lilt


@pytest.fixture(scope="session")
def layoutlmv3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_layoutlmv3(tmp_path_factory.mktemp("layoutlmv3"))


@pytest.fixture(scope="session")
def short_layoutlmv3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Windows of 80 tokens at most."""
    return tiny_layoutlmv3(tmp_path_factory.mktemp("short"), max_tokens=80)


@pytest.fixture(scope="session")
def lilt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_lilt(tmp_path_factory.mktemp("lilt"))


@pytest.fixture(scope="module", autouse=True)
def small_networks_on_one_thread() -> Iterator[None]:
    with one_thread():
        yield
