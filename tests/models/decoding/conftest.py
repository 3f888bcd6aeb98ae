"""Tiny decoding models, made once and loaded by the real code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from quire.models.decoding.loading import load_decoder
from quire.models.decoding.page_decoder import PageDecoder
from tests.fakes.tiny_decoders import SETTINGS, TINY

Load = Callable[..., PageDecoder]


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """By kind."""
    base = tmp_path_factory.mktemp("decoders")
    return {kind: make(base / kind) for kind, make in TINY.items()}


@pytest.fixture(scope="session")
def load(folders: dict[str, Path]) -> Load:
    """A kind's model, with options of quire.json."""

    def loaded(kind: str, **options: Any) -> PageDecoder:
        model = load_decoder(folders[kind], options, SETTINGS).model
        assert isinstance(model, PageDecoder)
        return model

    return loaded
