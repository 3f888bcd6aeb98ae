"""How is one delivery carried out, from its body in S3 to the last notification?"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from quire_endpoint.local.invocation import Ending, Invocation
from quire_endpoint.local.journal import Step
from quire_endpoint.local.queue import data_log
from quire_endpoint.local.queue.concluding import Conclusion, Outcome, timed_out
from quire_endpoint.local.queue.container import (
    AnswerNotKept,
    BadResponse,
    ConnectionBroken,
    ContainerConnection,
)
from quire_endpoint.local.queue.copies import Delivery
from quire_endpoint.local.queue.desk import Desk, Post
from quire_endpoint.local.queue.fetching import Fetched, FetchFailed, fetch
from quire_endpoint.local.queue.moves import Verdict
from quire_endpoint.local.queue.neighbours import Neighbours


class Errand:
    """One delivery to `post`, over `connection`."""

    def __init__(
        self,
        delivery: Delivery,
        post: Post,
        desk: Desk,
        neighbours: Neighbours,
        connection: ContainerConnection,
    ) -> None:
        self._delivery = delivery
        self._invocation = delivery.invocation
        self._desk = desk
        self._neighbours = neighbours
        self._connection = connection
        self._conclusion = Conclusion(delivery, post, desk, neighbours)
        self._measures = self._conclusion.measures

    def carry_out(self) -> bool:
        """Whether it came to its end, rather than being left because its instance is gone."""
        self._measures.waited(self._now() - self._invocation.received_seconds)
        body = self._neighbours.scratch_file()
        try:
            outcome = self._ask(body)
            return outcome is not None and self._conclude(outcome, body)
        finally:
            body.unlink(missing_ok=True)

    def _ask(self, body: Path) -> Outcome | None:
        try:
            fetched = self._fetch()
        except FetchFailed as failure:
            return Outcome(Ending.DOWNLOAD_FAILED, str(failure))
        with fetched.file:
            self._connection.prepare()
            began_seconds = self._now()
            if not self._desk.started(self._delivery, began_seconds + self._invocation.timeout_seconds):
                return None
            outcome = self._call(fetched, body)
        return dataclasses.replace(outcome, model_seconds=self._now() - began_seconds)

    def _fetch(self) -> Fetched:
        began_seconds = self._now()
        fetched = fetch(self._invocation, self._neighbours, self._desk.pause)
        if self._invocation.input is not None:
            self._measures.downloaded(self._now() - began_seconds)
        self._conclusion.track.write(Step.DOWNLOADED, f"{fetched.num_bytes} bytes")
        return fetched

    def _call(self, fetched: Fetched, body: Path) -> Outcome:
        forwarded = fetched.content_type if self._neighbours.switches.is_object_type_forwarded else None
        headers = _headers(self._invocation, forwarded)
        try:
            answer = self._connection.call(headers, fetched.file, fetched.num_bytes, body)
        except BadResponse as bad:
            return Outcome(Ending.BAD_RESPONSE, str(bad))
        except ConnectionBroken as broken:
            return Outcome(Ending.BAD_RESPONSE, data_log.broken(str(broken)), is_broken=True)
        except AnswerNotKept as lost:
            return Outcome(Ending.UPLOAD_FAILED, data_log.not_kept(str(lost)), status=lost.status)
        if answer.is_success:
            return Outcome(Ending.COMPLETED, status=answer.status, answer=answer)
        with body.open("rb") as file:
            sentence = data_log.model_error(answer.status, file.read(data_log.MAX_MESSAGE_BYTES))
        return Outcome(Ending.MODEL_ERROR, sentence, status=answer.status, answer=answer)

    def _conclude(self, outcome: Outcome, body: Path) -> bool:
        settle = self._desk.settle_broken if outcome.is_broken else self._desk.settle
        verdict = settle(self._delivery)
        if verdict is Verdict.GONE:
            return False
        if verdict is Verdict.OVERDUE:
            outcome = timed_out(outcome.model_seconds)
        end = self._conclusion.conclude(outcome, body)
        self._desk.finish(self._delivery, end.ending, end.detail)
        return True

    def _now(self) -> float:
        return self._neighbours.clock.now()


def _headers(invocation: Invocation, object_type: str | None) -> Mapping[str, str]:
    """Beside Host and Content-Length nothing else reaches the container."""
    headers = {
        "Content-Type": invocation.content_type or object_type,
        "Accept": invocation.accept,
        "X-Amzn-SageMaker-Custom-Attributes": invocation.custom_attributes,
        "X-Amzn-SageMaker-Inference-Id": invocation.inference_id,
    }
    return {name: value for name, value in headers.items() if value is not None}
