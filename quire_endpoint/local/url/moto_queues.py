"""Where would moto's queues lose a message, or grow slow, under a laptop's load?"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from moto.core.utils import unix_time_millis
from moto.sqs import models


class SteadyQueue(models.Queue):
    """moto's queue, whose every call holds its lock. In moto's, deletes that cross bring back one another's
    messages, and two receivers may take the same one. What moto counts on every send with a look at the clock
    for each message, is counted here with one look."""

    @property
    def messages(self) -> list[models.Message]:
        now = unix_time_millis()
        return [one for one in self._messages if one.visible_at < now and one.delayed_until <= now]

    @property
    def approximate_number_of_messages_delayed(self) -> int:
        now = unix_time_millis()
        return sum(one.delayed_until > now for one in self._messages)

    @property
    def approximate_number_of_messages_not_visible(self) -> int:
        now = unix_time_millis()
        return sum(one.visible_at >= now for one in self._messages)

    def delete_message(self, receipt_handle: str) -> None:
        with self._messages_lock:
            super().delete_message(receipt_handle)


def use_steady_queues() -> None:
    """From now on, in this process."""
    if models.Queue is SteadyQueue:
        return
    vars(models)["Queue"] = SteadyQueue
    for name in ("receive_message", "change_message_visibility", "purge_queue"):
        setattr(models.SQSBackend, name, _holding(getattr(models.SQSBackend, name)))


def _holding(call: Callable[..., Any]) -> Callable[..., Any]:
    """`call` of a backend, with its queue's lock; a long poll gives the lock away for as long as it waits."""

    @wraps(call)
    def held(backend: models.SQSBackend, queue_name: str, *arguments: Any, **options: Any) -> Any:
        with backend.get_queue(queue_name)._messages_lock:
            return call(backend, queue_name, *arguments, **options)

    return held
