"""How many items may a batch hold? As many as the lane likes, and no more than have ever fitted."""

from __future__ import annotations

from collections.abc import Mapping

from quire.engine.batch_policy import Kind
from quire.engine.messages import LimitBatch
from quire.engine.port import Canvas, Lane


class Ceilings:
    """Learnt by running out of memory, here or in a worker before this one."""

    def __init__(self, lanes: Mapping[str, Lane]) -> None:
        self._lanes = lanes
        self._learnt: dict[Kind, int] = {}

    def max_items(self, lane: str, canvas: Canvas) -> int:
        most = self._lanes[lane].max_items(canvas)
        return max(1, min(most, self._learnt.get((lane, canvas), most)))

    def take(self, message: LimitBatch) -> None:
        """What the engine remembers."""
        self._learnt[(message.lane, Canvas(message.canvas_height, message.canvas_width))] = message.max_items

    def lower(self, kind: Kind, max_items: int) -> LimitBatch:
        """A batch of more ran out of memory; gives back what the engine must be told."""
        lane, canvas = kind
        learnt = self._learnt[kind] = min(max_items, self._learnt.get(kind, max_items))
        return LimitBatch(lane=lane, canvas_height=canvas.height, canvas_width=canvas.width, max_items=learnt)
