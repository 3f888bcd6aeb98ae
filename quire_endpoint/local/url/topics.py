"""How does the endpoint publish to SNS?"""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from quire_endpoint.local.own_clients import OwnClients
from quire_endpoint.local.ports import NotificationFailed


class SnsTopics:
    """Implements ports.Topics, over our own URL. Threads may publish at once."""

    def __init__(self, url: str) -> None:
        self._clients = OwnClients(url)

    def publish(self, topic_arn: str, message: str) -> None:
        """In the ARN's region, without a subject. Raises NotificationFailed."""
        parts = topic_arn.split(":")
        if len(parts) != 6 or parts[2] != "sns":
            raise NotificationFailed(f"{topic_arn!r} is not the ARN of an SNS topic")
        try:
            self._clients.of("sns", parts[3]).publish(TopicArn=topic_arn, Message=message)
        except (ClientError, BotoCoreError) as error:
            raise NotificationFailed(f"{topic_arn}: {error}") from error

    def close(self) -> None:
        self._clients.close()
