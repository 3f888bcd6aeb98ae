"""Where AWS does not say what happens, what does the local endpoint do? Each assumption is a switch that
stands at the answer that is worst for the caller; all are printed at start.

Assumed besides, and no switches:
- a call that the container does not answer counts as a 5xx, and every failure as processed (queue/measures);
- the slot of an answered call is free at once, while the answer is stored and told (queue/line);
- S3OutputPathExtension and Filename are the path and the name beneath S3OutputPath, and a call whose output
  or failure object would have a key over S3's 1024 bytes is refused (control/runtime);
- each delivery comes over a connection of its own, and none is sent again on another (queue/container);
- a connection that breaks is the container's failure unless word of its instance's end comes within seconds
  (queue/dispatcher), whatever its deadline;
- with no instance there is no backlog per instance, so that target tracking alone never wakes an endpoint,
  however many wait (scaling/gauges);
- an endpoint whose additional instances cannot be had, or do not start, is InService again as soon as one was
  refused or has ended, and goes on asking: every 60 s for a machine, and with growing pauses for a container
  that keeps on dying (host/deployment, instances/roster).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, fields
from typing import Annotated, Any, get_args, get_type_hints

_MAX_SECONDS = 24 * 3600.0


class Fate(enum.StrEnum):
    """Of an invocation whose instance goes away while its container works on it."""

    LOST = "lost"
    REDELIVERED = "redelivered"
    DUPLICATED = "duplicated"
    """Delivered a second time while the first may still be at work."""


class Told(enum.StrEnum):
    """Of a failure that is not the model's: time-out, expiry, a missing input."""

    NOTHING = "nothing"
    NOTIFICATION = "notification"
    OBJECT = "object"
    """The notification, and a failure object with a sentence in it."""


@dataclass(frozen=True)
class Switches:
    """The assumptions, each with what is known of it."""

    in_flight_fate: Annotated[Fate, "no AWS statement on a request whose instance goes away"] = Fate.LOST
    redelivery_seconds: Annotated[float, "how long until it is delivered again, where it is"] = 30.0
    max_deliveries: Annotated[int, "of one invocation; after the last it is lost with its instance"] = 3
    is_slot_freed_on_time_out: Annotated[
        bool, "whether the next request comes to a container that still works on one whose time ran out"
    ] = False
    failure_told: Annotated[Told, "no example of a failure object that is not the model's"] = Told.NOTHING
    concurrency_when_unset: Annotated[int, "SageMaker 'chooses an optimal value'"] = 1
    ping_interval_seconds: Annotated[float, "folklore; no AWS figure"] = 5.0
    pings_failed_to_replace: Annotated[int, "no AWS figure"] = 3
    is_object_type_forwarded: Annotated[
        bool, "whether the container gets the S3 object's content type where the call names none"
    ] = False
    is_update_draining: Annotated[
        bool, "whether UpdateEndpoint lets the old instances finish their requests"
    ] = True
    is_in_flight_in_backlog: Annotated[
        bool, "AWS's monitoring page counts what is being processed, its FAQ and a field report do not"
    ] = False
    are_metrics_late: Annotated[
        bool,
        "alarms see a minute when the next has ended; 2 to 3 minutes were seen from a backlog to an action",
    ] = True
    is_scale_in_gradual: Annotated[
        bool, "target tracking removes one instance at a time; AWS says no more than 'more gradually'"
    ] = False
    max_response_bytes: Annotated[int, "1 GB, taken to be symmetrical with the request"] = 1024**3

    @classmethod
    def assume(cls, assignments: list[str]) -> Switches:
        """Of `name=value` strings, names with - or _. Raises ValueError that says what is allowed."""
        return cls(**dict(_assigned(text) for text in assignments))

    def lines(self) -> list[str]:
        """What is printed at start: a line for each."""
        hints = get_type_hints(Switches, include_extras=True)
        return [
            f"{one.name.replace('_', '-')}={getattr(self, one.name)}  ({get_args(hints[one.name])[1]})"
            for one in fields(self)
        ]


def _assigned(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    known = {one.name: one for one in fields(Switches)}.get(name.replace("-", "_"))
    if known is None or not equals:
        names = ", ".join(one.name.replace("_", "-") for one in fields(Switches))
        raise ValueError(f"{text!r} is not NAME=VALUE with one of these names: {names}")
    return known.name, _read(name, value, type(known.default))


def _read(name: str, value: str, kind: type) -> Any:
    if kind is bool:
        if value.lower() not in ("true", "false"):
            raise ValueError(f"{name} is true or false, not {value!r}")
        return value.lower() == "true"
    try:
        read = kind(value)
    except ValueError as error:
        choices = f" ({', '.join(kind)})" if issubclass(kind, enum.Enum) else ""
        raise ValueError(f"{name} cannot be {value!r}{choices}") from error
    if kind is float and not 0 < read <= _MAX_SECONDS:
        raise ValueError(f"{name} must be above 0 and at most {_MAX_SECONDS:.0f} seconds, a day, not {value}")
    if kind is int and read <= 0:
        raise ValueError(f"{name} must be above 0, not {value}")
    return read
