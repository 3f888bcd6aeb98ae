"""Pages read in one process give what each gives alone, in the order in which they were handed over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from bench.in_process import read_pages
from quire.engine.port import Canvas, Lane
from quire.models.stub import Marker, StubModel, StubOptions


def page(value: int, width: int = 20) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    return np.full((10, width, 3), value, np.uint8)


def test_each_page_gets_its_own_text() -> None:
    model = StubModel(StubOptions(max_items=2))
    pages = [page(value) for value in (5, 1, 9, 7, 3)]
    alone = [read_pages(model, [each])[0].text for each in pages]
    assert [text.text for text in read_pages(model, pages)] == alone
    assert len(set(alone)) == 5


def test_batches_are_as_large_as_the_lane_allows() -> None:
    model = StubModel(StubOptions(max_items=4))
    sizes: list[int] = []
    lane: Lane = model.lanes["stub"]

    class Counted:
        max_items, device, post = lane.max_items, lane.device, lane.post

        def pre(self, canvas: Canvas, payloads: Sequence[Any]) -> Any:
            sizes.append(len(payloads))
            return lane.pre(canvas, payloads)

    model.lanes["stub"] = Counted()
    read_pages(model, [page(value) for value in range(10)])
    assert sizes == [4, 4, 2]


def test_page_that_fails_is_told() -> None:
    poison = page(0)
    poison[0, 0] = Marker.POISON
    with pytest.raises(ValueError, match="poison"):
        read_pages(StubModel(StubOptions()), [page(1), poison])


def test_no_pages_are_no_texts() -> None:
    assert read_pages(StubModel(StubOptions()), []) == []
