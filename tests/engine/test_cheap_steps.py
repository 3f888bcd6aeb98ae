"""What a message costs does not grow with the documents and pages that are in flight: counted in lines of
code that run, since time says nothing on a busy machine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from quire.engine.messages import OpenDocument, Opened, PageRead, ReadPage
from tests.fakes.house import TEXT, House

FEW, MANY = 20, 2000


def lines_of(act: Callable[[], object]) -> int:
    """How many lines of the engine run in `act`."""
    num_lines = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal num_lines
        if "engine" not in Path(frame.f_code.co_filename).parts:
            return None
        num_lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        act()
    finally:
        sys.settrace(before)
    return num_lines


def crowded(house: House, num_documents: int) -> House:
    """One document of two pages is aboard; so many others wait, and two hundred of them are open."""
    house.submit()
    house.open(2)
    house.render()
    for _ in range(num_documents - 1):
        house.submit()
    for _ in range(min(200, num_documents)):
        told = house.renderers[-1].told[-1]
        if isinstance(told, OpenDocument):
            house.renderer_says(Opened(job=told.job, num_pages=5))
        else:
            house.render()
    return house


def messages(house: House) -> dict[str, Callable[[], object]]:
    key = house.devices[-1].all(ReadPage)[0].page
    renderer = house.renderers[-1]
    return {
        "step": house.step,
        "page read": lambda: house.device_says(PageRead(page=key, text=TEXT, cost_ms=1.0)),
        "rendered or opened": lambda: (
            house.open(5) if isinstance(renderer.told[-1], OpenDocument) else house.render()
        ),
        "submitted": house.submit,
        "gone": lambda: house.engine.client_gone(house.clients[-1]),
        "next wakeup": house.engine.next_wakeup,
    }


@pytest.mark.parametrize(
    "what", ["step", "page read", "rendered or opened", "submitted", "gone", "next wakeup"]
)
def test_a_message_costs_no_more_among_many_documents(build: Callable[..., House], what: str) -> None:
    lines = []
    for num_documents in (FEW, MANY):
        house = build(arena_bytes=1 << 32)
        house.warm()
        lines.append(lines_of(messages(crowded(house, num_documents))[what]))
    assert 0 < lines[1] <= 3 * lines[0]
