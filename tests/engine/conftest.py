"""Engines without processes, tidied up after each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.house import House


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Callable[..., House]]:
    """Makes houses and tidies up what is still in flight in them."""
    houses: list[House] = []

    def build(**options: Any) -> House:
        houses.append(House(tmp_path, **options))
        return houses[-1]

    yield build
    for house in houses:
        for order in house.engine.orders.values():
            order.document.discard()


@pytest.fixture
def house(build: Callable[..., House]) -> House:
    house = build()
    house.warm()
    return house
