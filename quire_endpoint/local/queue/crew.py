"""Which workers are there, who works on what, and who is free?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from quire_endpoint.local.queue.copies import Delivery
from quire_endpoint.local.queue.desk import Post
from quire_endpoint.local.queue.neighbours import Neighbours
from quire_endpoint.local.queue.worker import Office, Worker


class Crew:
    """Not safe between threads: the dispatcher's lock is held around every call."""

    def __init__(self, office: Office, neighbours: Neighbours) -> None:
        self._office = office
        self._neighbours = neighbours
        self._posts: dict[str, Post] = {}
        self._busy: dict[Delivery, Worker] = {}
        self._idle: defaultdict[str, list[Worker]] = defaultdict(list)
        self._workers: set[Worker] = set()
        self._is_dismissed = False

    def join(self, post: Post) -> None:
        self._posts[post.instance.instance_id] = post

    def gone(self, instance_id: str) -> None:
        self._posts.pop(instance_id, None)
        for worker in self._idle.pop(instance_id, []):
            worker.give(None)

    def assign(self, delivery: Delivery) -> Worker:
        """Who is to be given it: the one idle for the shortest time, so that the others may go."""
        idle = self._idle[delivery.instance_id]
        worker = idle.pop() if idle else self._hire(self._posts[delivery.instance_id])
        self._busy[delivery] = worker
        return worker

    def post(self, delivery: Delivery) -> Post:
        """Of the worker who has it."""
        return self._busy[delivery].post

    def cancel(self, delivery: Delivery) -> None:
        """Breaks its call off, where it still has one."""
        if (worker := self._busy.get(delivery)) is not None:
            worker.connection.cancel()

    def rest(self, delivery: Delivery) -> None:
        """Its worker is done with it, and waits for the next."""
        worker = self._busy.pop(delivery)
        if self._is_dismissed or delivery.instance_id not in self._posts:
            worker.give(None)
        else:
            self._idle[delivery.instance_id].append(worker)

    def sign_off(self, worker: Worker) -> bool:
        """Whether it was idle, and is no more."""
        idle = self._idle[worker.post.instance.instance_id]
        if worker not in idle:
            return False
        idle.remove(worker)
        return True

    def ended(self, worker: Worker) -> None:
        self._workers.discard(worker)
        for delivery in [one for one, busy in self._busy.items() if busy is worker]:
            del self._busy[delivery]

    def dismiss(self) -> Sequence[Worker]:
        """Breaks all calls off; returns whose threads have still to end."""
        self._is_dismissed = True
        for delivery in self._busy:
            self.cancel(delivery)
        for instance_id in list(self._idle):
            self.gone(instance_id)
        return list(self._workers)

    def _hire(self, post: Post) -> Worker:
        worker = Worker(post, self._office, self._neighbours)
        self._workers.add(worker)
        worker.thread.start()
        return worker
