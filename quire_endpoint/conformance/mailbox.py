"""Which notifications has SNS delivered?"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import Any

from quire_endpoint.conformance.target import Target

_BATCH = 10
_LISTEN_SECONDS = 120.0


@dataclass(frozen=True)
class Notification:
    """One message: `topic` is success or error, `envelope` SNS's own, `message` what SageMaker said."""

    topic: str
    envelope: dict[str, Any]
    message: dict[str, Any]

    @property
    def is_test(self) -> bool:
        return self.message.get("eventName") == "TestNotification"


class Mailbox:
    """Two topics, and one queue that is subscribed to both. Every message is kept."""

    def __init__(self, target: Target, mark: str) -> None:
        self._target, self._clients = target, target.clients
        self.kept: list[Notification] = []
        self._lock = threading.Lock()
        self.topics = {
            name: str(self._clients.sns.create_topic(Name=f"{mark}-{name}")["TopicArn"])
            for name in ("success", "error")
        }
        self._queue = self._clients.sqs.create_queue(QueueName=mark)["QueueUrl"]
        arn = self._clients.sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])[
            "Attributes"
        ]["QueueArn"]
        self._allow(arn)
        for topic in self.topics.values():
            self._clients.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def _allow(self, queue: str) -> None:
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue,
            "Condition": {"ArnEquals": {"aws:SourceArn": list(self.topics.values())}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self._clients.sqs.set_queue_attributes(QueueUrl=self._queue, Attributes={"Policy": policy})

    def listen(self) -> None:
        """Takes what has come."""
        with self._lock:
            while messages := self._receive():
                for message in messages:
                    envelope = json.loads(message["Body"])
                    topic = next(name for name, arn in self.topics.items() if arn == envelope["TopicArn"])
                    self.kept.append(Notification(topic, envelope, json.loads(envelope["Message"])))

    def _receive(self) -> list[dict[str, Any]]:
        told = self._clients.sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=_BATCH)
        messages: list[dict[str, Any]] = told.get("Messages", [])
        for message in messages:
            self._clients.sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        return messages

    def of(self, inference_id: str) -> list[Notification]:
        """By now."""
        self.listen()
        return [one for one in self.kept if one.message.get("inferenceId") == inference_id]

    def first(self, inference_id: str, seconds: float = _LISTEN_SECONDS) -> Notification:
        """Waits for it. Raises Differs."""
        return self._target.until(
            lambda: next(iter(self.of(inference_id)), None), seconds, f"notification of {inference_id}"
        )

    def tests(self) -> int:
        """How many test notifications came by now."""
        self.listen()
        return sum(one.is_test for one in self.kept)

    def close(self) -> None:
        self._clients.sqs.delete_queue(QueueUrl=self._queue)
        for topic in self.topics.values():
            self._clients.sns.delete_topic(TopicArn=topic)
