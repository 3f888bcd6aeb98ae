"""What does a notification of the endpoint say, and how does it come?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from quire_endpoint.client.aws_errors import fault_of
from quire_endpoint.client.errors import CannotRead
from quire_endpoint.s3_location import S3Location, location_of

LONG_POLL_SECONDS = 20
_MOST_LETTERS = 10
"""Both the most that SQS takes."""


@dataclass(frozen=True)
class Notice:
    """One invocation has ended. Locations are what the message names, in whichever place."""

    inference_id: str
    is_completed: bool
    reason: str
    output: S3Location | None = None
    failure: S3Location | None = None


def notice_of(text: str) -> Notice | None:
    """Of the endpoint's message, as SNS sends it, with or without SNS's envelope. None of a TestNotification,
    and of what is no such message."""
    try:
        said = json.loads(text)
        if said.get("Type") == "Notification":
            said = json.loads(said["Message"])
        if said.get("eventName") == "TestNotification" or not said.get("inferenceId"):
            return None
        answered = said.get("responseParameters") or {}
        return Notice(
            str(said["inferenceId"]),
            said.get("invocationStatus") == "Completed",
            str(said.get("failureReason") or ""),
            location_of(answered.get("outputLocation")),
            location_of(said.get("failureLocation") or answered.get("failureLocation")),
        )
    except (ValueError, KeyError, AttributeError, TypeError):
        return None


@dataclass(frozen=True)
class Letter:
    """A message of the queue, and the handle by which it is deleted."""

    text: str
    handle: str


class Mailbox(Protocol):
    """Where notifications come. Each message may come more than once."""

    def receive(self) -> Sequence[Letter]:
        """Waits a while for the next; perhaps none. Raises CannotRead."""
        ...

    def delete(self, letters: Sequence[Letter]) -> None: ...


class SqsMailbox:
    """A queue of the client's own that is subscribed to the endpoint's topics: whatever is read is deleted,
    so two ledgers cannot share one."""

    def __init__(self, sqs: Any, queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

    def receive(self) -> Sequence[Letter]:
        try:
            answer = self._sqs.receive_message(
                QueueUrl=self._queue_url,
                MaxNumberOfMessages=_MOST_LETTERS,
                WaitTimeSeconds=LONG_POLL_SECONDS,
            )
        except (ClientError, BotoCoreError) as error:
            if fault_of(error).may_pass:
                return ()
            raise CannotRead(f"{self._queue_url} cannot be read: {error}") from error
        return [Letter(each["Body"], each["ReceiptHandle"]) for each in answer.get("Messages", ())]

    def delete(self, letters: Sequence[Letter]) -> None:
        entries = [
            {"Id": str(number), "ReceiptHandle": letter.handle} for number, letter in enumerate(letters)
        ]
        try:
            self._sqs.delete_message_batch(QueueUrl=self._queue_url, Entries=entries)
        except (ClientError, BotoCoreError) as error:
            if not fault_of(error).may_pass:
                raise CannotRead(f"nothing can be deleted from {self._queue_url}: {error}") from error


def subscribe_queue(session: Any, name: str, topic_arns: Sequence[str]) -> str:
    """Makes the queue `name`, lets these topics send to it and subscribes it to them; returns its URL. What
    is made stays until somebody deletes it. Raises botocore's errors."""
    sqs, sns = session.client("sqs"), session.client("sns")
    queue_url: str = sqs.create_queue(QueueName=name)["QueueUrl"]
    told = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
    arn = told["Attributes"]["QueueArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": list(topic_arns)}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=queue_url, Attributes={"Policy": policy})
    for topic_arn in topic_arns:
        sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=arn)
    return queue_url
