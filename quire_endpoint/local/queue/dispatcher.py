"""Who keeps an endpoint's queue moving?"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

from quire_endpoint.local.invocation import Ending, Invocation
from quire_endpoint.local.journal import Step
from quire_endpoint.local.ports import Backlog
from quire_endpoint.local.queue.concluding import Conclusion, timed_out
from quire_endpoint.local.queue.copies import Delivery
from quire_endpoint.local.queue.crew import Crew
from quire_endpoint.local.queue.desk import Post
from quire_endpoint.local.queue.line import Line
from quire_endpoint.local.queue.moves import Ended, Moves, Verdict
from quire_endpoint.local.queue.neighbours import Neighbours
from quire_endpoint.local.queue.telling import Teller
from quire_endpoint.local.queue.track import Track
from quire_endpoint.local.queue.worker import Worker
from quire_endpoint.local.specs import EndpointSpec
from quire_endpoint.local.switches import Fate, Told

BROKEN_SECONDS = 3.0
"""On the wall: how long after a broken connection word of its instance's death may come."""

LEAVING_SECONDS = 40.0
"""The same of an instance that is being stopped: SIGKILL comes after 30 s."""


class Dispatcher:
    """The line of one endpoint, the loop that steps it, and the workers who deliver. Calls may come from any
    thread and return at once. `on_idle` is called when an instance that is leaving may have become idle."""

    def __init__(
        self,
        spec: EndpointSpec,
        neighbours: Neighbours,
        on_idle: Callable[[], None],
        broken_seconds: float = BROKEN_SECONDS,
    ) -> None:
        self.spec = spec
        self._broken_seconds = broken_seconds
        self._neighbours = neighbours
        self._clock = neighbours.clock
        self._on_idle = on_idle
        self._line = Line(neighbours.switches)
        self._changed = threading.Condition(threading.Lock())
        self._crew = Crew(self, neighbours)
        self._is_touched = self._is_closing = False
        self._closing = threading.Event()
        self._tellers: list[threading.Thread] = []
        self._loop = threading.Thread(target=self._run, name=f"queue-{spec.name}", daemon=True)
        self._loop.start()

    def submit(self, invocation: Invocation) -> None:
        Track(self._neighbours, invocation).write(Step.RECEIVED)
        with self._changed:
            self._line.add(invocation)
            self._touch()

    def join(self, post: Post) -> None:
        """The instance may be given work."""
        unset = self._neighbours.switches.concurrency_when_unset
        with self._changed:
            self._crew.join(post)
            self._line.join(post.instance.instance_id, post.spec.max_concurrent_invocations or unset)
            self._touch()

    def leave(self, instance_id: str, *, is_drained: bool) -> None:
        with self._changed:
            self._line.leave(instance_id, self._clock.now(), is_drained=is_drained)
            self._touch()

    def gone(self, instance_id: str) -> None:
        with self._changed:
            self._line.gone(instance_id, self._clock.now())
            self._crew.gone(instance_id)
            self._touch()

    def choose_fate(self, instance_id: str, fate: Fate) -> None:
        """Of what it works on when it goes away, in place of the switch."""
        with self._changed:
            self._line.choose_fate(instance_id, fate)

    def drop(self) -> None:
        """The endpoint is deleted: what waits ends now, what runs with its instance."""
        with self._changed:
            self._line.drop()
            self._touch()

    def backlog(self) -> Backlog:
        with self._changed:
            return self._line.backlog()

    def in_flight(self, instance_id: str) -> Sequence[str]:
        """Inference ids of what its death would strike."""
        with self._changed:
            return [one.invocation.inference_id for one in self._line.in_flight(instance_id)]

    def close(self) -> None:
        """Returns when all threads have ended. What waits is dropped; calls in progress are broken off."""
        self._closing.set()
        with self._changed:
            self._is_closing = True
            self._line.drop()
            self._touch()
        self._loop.join()
        with self._changed:
            workers = self._crew.dismiss()
        for thread in [*self._tellers, *(worker.thread for worker in workers)]:
            thread.join()
        with self._changed:
            moves = self._line.step(self._clock.now())
        self._write(moves)

    def started(self, delivery: Delivery, deadline_seconds: float) -> bool:
        with self._changed:
            self._touch()
            return self._line.started(delivery, deadline_seconds)

    def settle(self, delivery: Delivery) -> Verdict:
        with self._changed:
            verdict = self._line.settle(delivery)
            is_leaving = self._line.is_leaving(delivery.instance_id)
            self._touch()
        if is_leaving:
            self._on_idle()
        return verdict

    def settle_broken(self, delivery: Delivery) -> Verdict:
        began_seconds = time.monotonic()
        with self._changed:
            self._line.broke(delivery)
            while self._line.is_open(delivery) and not self._is_closing:
                is_leaving = self._line.is_leaving(delivery.instance_id)
                patience_seconds = LEAVING_SECONDS if is_leaving else self._broken_seconds
                left_seconds = began_seconds + patience_seconds - time.monotonic()
                if left_seconds <= 0:
                    break
                self._changed.wait(left_seconds)
        return self.settle(delivery)

    def finish(self, delivery: Delivery, ending: Ending, detail: str) -> None:
        with self._changed:
            self._line.finish(delivery, ending, detail)
            self._crew.rest(delivery)
            self._touch()

    def pause(self, seconds: float) -> None:
        self._closing.wait(self._clock.wall_seconds(seconds))

    def sign_off(self, worker: Worker) -> bool:
        with self._changed:
            return self._crew.sign_off(worker)

    def ended(self, worker: Worker) -> None:
        with self._changed:
            self._crew.ended(worker)

    def _touch(self) -> None:
        self._is_touched = True
        self._changed.notify_all()

    def _run(self) -> None:
        while not self._is_closing:
            with self._changed:
                self._changed.wait_for(lambda: self._is_touched, self._wall_seconds_left())
                self._is_touched = False
                moves = self._line.step(self._clock.now())
                for delivery in moves.cancelled:
                    self._crew.cancel(delivery)
                overdue = [(delivery, self._crew.post(delivery)) for delivery in moves.overdue]
                hands = [(self._crew.assign(delivery), delivery) for delivery in moves.deliveries]
            self._write(moves)
            self._beside([partial(self._conclude_overdue, *one) for one in overdue])
            for worker, delivery in hands:
                Track(self._neighbours, delivery.invocation, delivery.number, delivery.instance_id).write(
                    Step.ASSIGNED, delivery.instance_id
                )
                worker.give(delivery)

    def _wall_seconds_left(self) -> float | None:
        next_seconds = self._line.next_seconds()
        return None if next_seconds is None else self._clock.wall_seconds(next_seconds - self._clock.now())

    def _write(self, moves: Moves) -> None:
        for again in moves.requeued:
            Track(self._neighbours, again.invocation, again.number).write(Step.REQUEUED)
        expired = [one for one in moves.ended if one.ending is Ending.EXPIRED]
        for one in moves.ended:
            if one.ending is not Ending.EXPIRED:
                self._end(one, one.detail)
        self._beside([partial(self._tell_expired, one) for one in expired])

    def _beside(self, calls: Sequence[Callable[[], None]]) -> None:
        """What tells somebody may wait for S3 and SNS: on a thread of its own then."""
        if not calls:
            return
        if self._neighbours.switches.failure_told is Told.NOTHING:
            _call_all(calls)
            return
        self._tellers = [thread for thread in self._tellers if thread.is_alive()]
        self._tellers.append(threading.Thread(target=_call_all, args=(calls,), daemon=True))
        self._tellers[-1].start()

    def _conclude_overdue(self, delivery: Delivery, post: Post) -> None:
        """Whoever carries it waits for the container still."""
        conclusion = Conclusion(delivery, post, self, self._neighbours)
        outcome = timed_out(delivery.invocation.timeout_seconds)
        end = conclusion.conclude(outcome, self._neighbours.scratch_file())
        with self._changed:
            self._line.finish(delivery, end.ending, end.detail)
            self._touch()
        self._on_idle()

    def _tell_expired(self, expired: Ended) -> None:
        teller = Teller(self.spec, self._neighbours, self.pause)
        teller.measures.expired()
        track = Track(self._neighbours, expired.invocation, expired.number)
        self._end(expired, teller.failed(track, expired.ending, expired.detail).detail)

    def _end(self, ended: Ended, detail: str) -> None:
        if ended.invocation.body is not None:
            ended.invocation.body.unlink(missing_ok=True)
        Track(self._neighbours, ended.invocation, ended.number).write(Step.ENDED, detail, ended.ending)


def _call_all(calls: Sequence[Callable[[], None]]) -> None:
    for call in calls:
        call()
