"""What becomes of an invocation's outcome: which object is written, and who is told?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from quire_endpoint.local.invocation import MAX_NOTIFIED_BODY_BYTES, Ending
from quire_endpoint.local.journal import Step
from quire_endpoint.local.queue import data_log, notices
from quire_endpoint.local.queue.announcing import Announcer
from quire_endpoint.local.queue.container import Answer
from quire_endpoint.local.queue.measures import Measures
from quire_endpoint.local.queue.neighbours import Neighbours
from quire_endpoint.local.queue.storing import Store, StoreDenied, StoreFailed
from quire_endpoint.local.queue.track import Track
from quire_endpoint.local.specs import EndpointSpec
from quire_endpoint.local.switches import Told
from quire_endpoint.s3_location import S3Location


@dataclass(frozen=True)
class End:
    """`detail` is a sentence for people; empty where all went well."""

    ending: Ending
    detail: str = ""


class Teller:
    """Of the endpoint that `spec` describes. Bodies are files, which it moves into S3."""

    def __init__(self, spec: EndpointSpec, neighbours: Neighbours, pause: Callable[[float], None]) -> None:
        self._spec = spec
        self._neighbours = neighbours
        self.measures = Measures(neighbours.metrics, spec.name, spec.variant.name)
        self._store = Store(neighbours, spec.name, pause)
        self._announcer = Announcer(neighbours, spec.name, self.measures)

    def completed(self, track: Track, answer: Answer, body: Path) -> End:
        """The output object, then the success topic."""
        notification = self._spec.notification
        included = _included(body, answer) if notification.is_body_in_success else None
        try:
            self._upload(track, track.invocation.output, body, answer.content_type)
        except StoreDenied as error:
            return End(Ending.UPLOAD_FAILED, str(error))
        except StoreFailed as error:
            return self.failed(track, Ending.UPLOAD_FAILED, str(error))
        message = notices.completed(
            track.invocation, self._spec.region, self._now(), answer.content_type, included
        )
        return End(Ending.COMPLETED, self._notify(track, notification.success_topic, message))

    def model_failed(self, track: Track, answer: Answer, body: Path) -> End:
        """What the container said, verbatim, as the failure object, then the error topic."""
        notification = self._spec.notification
        included = _included(body, answer) if notification.is_body_in_error else None
        if track.invocation.failure is not None:
            try:
                self._upload(track, track.invocation.failure, body, answer.content_type)
            except StoreDenied as error:
                return End(Ending.UPLOAD_FAILED, str(error))
            except StoreFailed as error:
                return self.failed(track, Ending.UPLOAD_FAILED, str(error))
        reason = data_log.told_reason(answer.status)
        message = notices.failed(track.invocation, self._spec.region, self._now(), reason, included)
        detail = self._notify(track, notification.error_topic, message)
        return End(Ending.MODEL_ERROR, detail or f"the container answered {answer.status}")

    def failed(self, track: Track, ending: Ending, reason: str) -> End:
        """Anything that is not the model's own answer: told as the switch has it."""
        told = self._neighbours.switches.failure_told
        if told is Told.NOTHING:
            return End(ending, reason)
        if told is Told.OBJECT and track.invocation.failure is not None:
            self._write_sentence(track, track.invocation.failure, reason)
        message = notices.failed(track.invocation, self._spec.region, self._now(), reason, None)
        failure = self._notify(track, self._spec.notification.error_topic, message)
        return End(ending, f"{reason}; {failure}" if failure else reason)

    def _write_sentence(self, track: Track, location: S3Location, sentence: str) -> None:
        body = self._neighbours.scratch_file()
        try:
            body.write_text(sentence, encoding="utf-8")
            self._upload(track, location, body, "text/plain")
        except (StoreFailed, OSError):
            body.unlink(missing_ok=True)

    def _upload(self, track: Track, location: S3Location, body: Path, content_type: str | None) -> None:
        began_seconds = self._now()
        try:
            self._store.put(location, body, content_type)
        except StoreFailed:
            self.measures.upload_failed()
            raise
        self.measures.uploaded(self._now() - began_seconds)
        track.write(Step.UPLOADED, str(location))

    def _notify(self, track: Track, topic_arn: str | None, message: str) -> str:
        """Why nobody was told, or nothing."""
        if topic_arn is None:
            return ""
        failure = self._announcer.publish(topic_arn, message)
        if failure is None:
            track.write(Step.NOTIFIED, topic_arn)
        return failure or ""

    def _now(self) -> float:
        return self._neighbours.clock.now()


def _included(body: Path, answer: Answer) -> bytes | None:
    return body.read_bytes() if answer.num_bytes <= MAX_NOTIFIED_BODY_BYTES else None
