"""What does a delivery ask of the queue that gave it out?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from quire_endpoint.local.invocation import Ending
from quire_endpoint.local.ports import Instance
from quire_endpoint.local.queue.copies import Delivery
from quire_endpoint.local.queue.moves import Verdict
from quire_endpoint.local.specs import EndpointSpec


@dataclass(frozen=True)
class Post:
    """An instance, and the specification by which its invocations are delivered."""

    instance: Instance
    spec: EndpointSpec

    @property
    def data_log(self) -> str:
        """Its log stream."""
        return f"{self.instance.variant_name}/{self.instance.instance_id}/data-log"


class Desk(Protocol):
    """The queue, as those who carry its deliveries see it."""

    def started(self, delivery: Delivery, deadline_seconds: float) -> bool:
        """The container is asked next. False where its instance is gone: nothing more is to be done."""
        ...

    def settle(self, delivery: Delivery) -> Verdict:
        """Asked once the outcome is known. Unless it is GONE, `finish` has to follow."""
        ...

    def settle_broken(self, delivery: Delivery) -> Verdict:
        """The same of a connection that broke: waits a little for word that the instance is gone."""
        ...

    def finish(self, delivery: Delivery, ending: Ending, detail: str) -> None: ...

    def pause(self, seconds: float) -> None:
        """Of the clock's time; shorter where the endpoint is shut down."""
        ...
