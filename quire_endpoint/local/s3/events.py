"""How does S3 tell queues and topics what has happened in a bucket?"""

from __future__ import annotations

import json
import logging
import queue
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote_plus

from botocore.exceptions import BotoCoreError, ClientError

from quire_endpoint.local.clock import as_text
from quire_endpoint.local.own_clients import OwnClients
from quire_endpoint.local.s3.notifications import Target
from quire_endpoint.local.s3.records import CONFIGURED, ObjectEvent
from quire_endpoint.local.s3.store import ObjectStore

CLOSE_SECONDS = 3.0
"""For what waits to be sent when the endpoint closes."""

_LOG = logging.getLogger(__name__)


class S3Events:
    """Sends every event of `store` to whom its bucket's configuration names, in order, from one thread. A
    message that SQS or SNS refuses is logged and gone, as with S3; any other failure ends the thread, and is
    for threading.excepthook to see."""

    def __init__(self, store: ObjectStore, url: str, close_seconds: float = CLOSE_SECONDS) -> None:
        self._clients = OwnClients(url)
        self._queue_urls: dict[str, str] = {}
        """By ARN."""
        self._close_seconds, self._closes_at = close_seconds, float("inf")
        self._events: queue.SimpleQueue[ObjectEvent | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="s3-events", daemon=True)
        store.listen(self._events.put)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Sends what has happened so far first, for a few seconds; what is left then is dropped, and said to
        be."""
        self._closes_at = time.monotonic() + self._close_seconds
        self._events.put(None)
        if self._thread.is_alive():
            self._thread.join()
        self._clients.close()

    def _run(self) -> None:
        num_dropped = 0
        while (event := self._events.get()) is not None:
            for target, text in _messages(event):
                if time.monotonic() < self._closes_at:
                    self._send(target, text)
                else:
                    num_dropped += 1
        if num_dropped:
            _LOG.warning(
                "%d S3 events had not been sent when the endpoint closed, and never are", num_dropped
            )

    def _send(self, target: Target, text: str) -> None:
        try:
            client = self._clients.of(target.service, target.arn.split(":")[3])
            if target.service == "sns":
                client.publish(TopicArn=target.arn, Subject="Amazon S3 Notification", Message=text)
            else:
                client.send_message(QueueUrl=self._queue_url(client, target.arn), MessageBody=text)
        except (ClientError, BotoCoreError) as error:
            self._queue_urls.pop(target.arn, None)
            _LOG.warning("an S3 event did not reach %s: %s", target.arn, error)

    def _queue_url(self, client: Any, arn: str) -> str:
        if arn not in self._queue_urls:
            self._queue_urls[arn] = client.get_queue_url(QueueName=arn.split(":")[5])["QueueUrl"]
        return self._queue_urls[arn]


def _messages(event: ObjectEvent) -> Iterator[tuple[Target, str]]:
    for target in event.notifications.targets:
        if event.name == CONFIGURED:
            yield target, trial_message(event)
        elif target.wants(event.name, event.location.key):
            yield target, message(event, target)


def message(event: ObjectEvent, target: Target) -> str:
    """As the User Guide shows it, "Event message structure": keys are URL-encoded, with + for a space."""
    stored: dict[str, Any] = {
        "key": quote_plus(event.location.key, safe="/"),
        "size": event.size_bytes,
        "eTag": event.etag,
        "sequencer": f"{event.sequence:018X}",
    }
    principal = {"principalId": "A1B2C3D4E5F6G7"}
    bucket = event.location.bucket
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": event.region,
        "eventTime": as_text(event.seconds),
        "eventName": event.name,
        "userIdentity": principal,
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {
            "x-amz-request-id": uuid.uuid4().hex[:16].upper(),
            "x-amz-id-2": uuid.uuid4().hex,
        },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": target.id,
            "bucket": {"name": bucket, "ownerIdentity": principal, "arn": f"arn:aws:s3:::{bucket}"},
            "object": {name: value for name, value in stored.items() if value is not None},
        },
    }
    return json.dumps({"Records": [record]})


def trial_message(event: ObjectEvent) -> str:
    """What S3 sends once to every destination when it is configured."""
    return json.dumps(
        {
            "Service": "Amazon S3",
            "Event": "s3:TestEvent",
            "Time": as_text(event.seconds),
            "Bucket": event.location.bucket,
            "RequestId": uuid.uuid4().hex[:16].upper(),
            "HostId": uuid.uuid4().hex,
        }
    )
