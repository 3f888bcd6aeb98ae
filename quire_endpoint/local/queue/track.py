"""How far has one delivery come?"""

from __future__ import annotations

from dataclasses import dataclass

from quire_endpoint.local.invocation import Ending, Invocation
from quire_endpoint.local.journal import Entry, Step
from quire_endpoint.local.queue.neighbours import Neighbours


@dataclass(frozen=True)
class Track:
    """Writes the journal of one delivery. `number` is 0 and `instance_id` None of an
    invocation that was never delivered."""

    neighbours: Neighbours
    invocation: Invocation
    number: int = 0
    instance_id: str | None = None

    def write(self, step: Step, detail: str = "", ending: Ending | None = None) -> None:
        self.neighbours.journal.write(
            Entry(
                inference_id=self.invocation.inference_id,
                endpoint_name=self.invocation.endpoint_name,
                step=step,
                seconds=self.neighbours.clock.now(),
                delivery=self.number,
                instance_id=self.instance_id,
                detail=detail,
                ending=ending,
                run=self.invocation.number,
            )
        )
