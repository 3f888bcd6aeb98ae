"""What is measured, logged and told once it is known how a delivery ended?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from quire_endpoint.local.invocation import Ending
from quire_endpoint.local.journal import Step
from quire_endpoint.local.queue import data_log
from quire_endpoint.local.queue.container import Answer
from quire_endpoint.local.queue.copies import Delivery
from quire_endpoint.local.queue.desk import Desk, Post
from quire_endpoint.local.queue.neighbours import Neighbours
from quire_endpoint.local.queue.telling import End, Teller
from quire_endpoint.local.queue.track import Track


@dataclass(frozen=True)
class Outcome:
    """`sentence` is the data-log's; empty for a success. `model_seconds` is None where the container was not
    asked, `status` 0 and `answer` None where it gave none that counts."""

    ending: Ending
    sentence: str = ""
    model_seconds: float | None = None
    status: int = 0
    answer: Answer | None = None
    is_broken: bool = False


def timed_out(model_seconds: float | None) -> Outcome:
    return Outcome(Ending.TIMED_OUT, data_log.timed_out(), model_seconds)


class Conclusion:
    """Of one delivery to `post`."""

    def __init__(self, delivery: Delivery, post: Post, desk: Desk, neighbours: Neighbours) -> None:
        self._invocation = delivery.invocation
        self._post = post
        self._neighbours = neighbours
        self.track = Track(neighbours, delivery.invocation, delivery.number, delivery.instance_id)
        self._teller = Teller(post.spec, neighbours, desk.pause)
        self.measures = self._teller.measures

    def conclude(self, outcome: Outcome, body: Path) -> End:
        """`body` is the file of an answer. Returns once all is written and told."""
        self._note(outcome)
        end = self._tell(outcome, body)
        now = self._neighbours.clock.now()
        self.measures.processed(
            now - self._invocation.received_seconds, is_failed=end.ending is not Ending.COMPLETED
        )
        return end

    def _note(self, outcome: Outcome) -> None:
        if outcome.ending is Ending.DOWNLOAD_FAILED:
            self.measures.download_failed()
        if outcome.ending is Ending.UPLOAD_FAILED:
            self.measures.upload_failed()
        if outcome.model_seconds is not None:
            self.measures.responded(outcome.model_seconds, outcome.status)
        if outcome.status:
            self.track.write(Step.RESPONDED, str(outcome.status))
        if outcome.sentence:
            text = data_log.line(
                self._neighbours.clock.now(), self._invocation.inference_id, outcome.sentence
            )
            self._neighbours.logs.write(self._post.spec.name, self._post.data_log, text)

    def _tell(self, outcome: Outcome, body: Path) -> End:
        if outcome.answer is None:
            return self._teller.failed(self.track, outcome.ending, outcome.sentence)
        if outcome.ending is Ending.COMPLETED:
            return self._teller.completed(self.track, outcome.answer, body)
        return self._teller.model_failed(self.track, outcome.answer, body)
