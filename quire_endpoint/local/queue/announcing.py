"""Who is told of an invocation's end?"""

from __future__ import annotations

from quire_endpoint.local.faults import FaultKind
from quire_endpoint.local.ports import NotificationFailed
from quire_endpoint.local.queue.measures import Measures
from quire_endpoint.local.queue.neighbours import Neighbours


class Announcer:
    """Publishes an endpoint's notifications; one that fails is counted, and not tried again."""

    def __init__(self, neighbours: Neighbours, endpoint_name: str, measures: Measures) -> None:
        self._neighbours = neighbours
        self._endpoint_name = endpoint_name
        self._measures = measures

    def publish(self, topic_arn: str, message: str) -> str | None:
        """Why it failed; None where SNS took it."""
        try:
            if self._neighbours.faults.strikes(FaultKind.FAILING_NOTIFICATION, self._endpoint_name):
                raise NotificationFailed("a fault that was asked for")
            self._neighbours.topics.publish(topic_arn, message)
        except NotificationFailed as error:
            self._measures.notification_failed()
            return f"{topic_arn} was not told: {error}"
        return None
