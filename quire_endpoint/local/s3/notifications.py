"""Whom does a bucket tell of which events?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

from quire_endpoint.local.s3.errors import S3Error
from quire_endpoint.local.s3.xml_text import Node, first_text, local_name, texts

_ARN = re.compile(r"arn:aws(-[a-z]+)*:(sqs|sns):[a-z]{2}(-[a-z]+)+-\d{1,2}:\d{12}:[A-Za-z0-9_-]{1,256}")
"""Of a queue or a topic that events can be sent to: not one whose name ends with .fifo."""

_KINDS = {"QueueConfiguration": ("Queue", "sqs"), "TopicConfiguration": ("Topic", "sns")}


@dataclass(frozen=True)
class Target:
    """A queue or a topic, by its ARN. `events` are patterns such as s3:ObjectCreated:*."""

    id: str
    arn: str
    events: tuple[str, ...]
    prefix: str = ""
    suffix: str = ""

    @property
    def service(self) -> str:
        """sqs or sns."""
        return self.arn.split(":")[2]

    def wants(self, event_name: str, key: str) -> bool:
        """`event_name` such as ObjectCreated:Put."""
        if not (key.startswith(self.prefix) and key.endswith(self.suffix)):
            return False
        full = f"s3:{event_name}"
        return any(
            full == wanted or (wanted.endswith(":*") and full.startswith(wanted[:-1]))
            for wanted in self.events
        )


@dataclass(frozen=True)
class Notifications:
    """A bucket's notification configuration."""

    targets: tuple[Target, ...] = ()

    @classmethod
    def read(cls, root: ElementTree.Element) -> Notifications:
        """Of the XML of PutBucketNotificationConfiguration. Raises S3Error for what is not understood: Lambda
        functions and EventBridge among it."""
        return cls(tuple(_target(number, element) for number, element in enumerate(root, 1)))

    def nodes(self) -> list[Node]:
        """As GetBucketNotificationConfiguration answers."""
        return [_node(target) for target in self.targets]


def _target(number: int, element: ElementTree.Element) -> Target:
    kind = local_name(element)
    if kind not in _KINDS:
        raise S3Error("NotImplemented", f"{kind} is not served here: queues and topics are")
    name, service = _KINDS[kind]
    arn, events = first_text(element, name), tuple(texts(element, "Event"))
    if not _ARN.fullmatch(arn) or arn.split(":")[2] != service or not events:
        raise S3Error("InvalidArgument", f"{kind} needs the ARN of a {name.lower()} and an event")
    if not all(event.startswith("s3:") for event in events):
        raise S3Error("InvalidArgument", f"The event is not supported for notifications: {events[0]}")
    rules = dict(_rules(element))
    if set(rules) - {"prefix", "suffix"}:
        raise S3Error("InvalidArgument", "filter rule name must be either prefix or suffix")
    identity = first_text(element, "Id") or f"notification-{number}"
    return Target(identity, arn, events, rules.get("prefix", ""), rules.get("suffix", ""))


def _rules(element: ElementTree.Element) -> Iterator[tuple[str, str]]:
    for rule in element.iter():
        if local_name(rule) == "FilterRule":
            yield first_text(rule, "Name").lower(), first_text(rule, "Value")


def _node(target: Target) -> Node:
    kind, name = next((kind, name) for kind, (name, service) in _KINDS.items() if service == target.service)
    filters = [("prefix", target.prefix), ("suffix", target.suffix)]
    rules = [Node("FilterRule", [Node("Name", n), Node("Value", v)]) for n, v in filters if v]
    return Node(
        kind,
        [
            Node("Id", target.id),
            Node(name, target.arn),
            *(Node("Event", event) for event in target.events),
            *([Node("Filter", [Node("S3Key", rules)])] if rules else []),
        ],
    )
