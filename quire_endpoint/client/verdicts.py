"""Is this document done, to be submitted again, or still on its way?"""

from __future__ import annotations

import enum
import re

from quire_endpoint.client.answers import is_json, model_error
from quire_endpoint.client.finding import Failure, Finding, Nothing, Output
from quire_endpoint.client.jobs import Attempt, Job
from quire_endpoint.client.notices import Notice
from quire_endpoint.client.outcomes import Expired, Failed, Lost, ModelError, Outcome, Partial, Succeeded

_EXPIRED = re.compile(r"\bexpired?\b|\bttl\b|time[ -]to[ -]live", re.IGNORECASE)


class Next(enum.Enum):
    """Of a document without an outcome."""

    WAIT = "wait"
    SUBMIT_AGAIN = "submit again"


def lost_seconds(job: Job, attempt: Attempt, slack_seconds: float) -> float:
    """When nothing can come any more: the call's or its answer's time, TTL, timeout and slack."""
    return attempt.called_seconds + job.request.ttl_seconds + job.request.timeout_seconds + slack_seconds


def verdict(job: Job, finding: Finding, told: Notice | None, *, is_late: bool) -> Outcome | Next:
    """`finding` is what lay in S3, `is_late` whether that was looked at after lost_seconds. Submitted again
    are failures that the container calls retryable, and what is lost, where the job may be called again."""
    if isinstance(finding, Output):
        kind = Partial if finding.is_partial else Succeeded
        return kind(*_of(job), finding.location, finding.modified_seconds)
    if isinstance(finding, Failure):
        return _of_failure(job, finding)
    if finding.unknown is not None:
        return Next.WAIT
    if told is not None:
        return _of_notice(job, told, finding, is_late=is_late)
    return _of_silence(job, finding) if is_late else Next.WAIT


def _of_failure(job: Job, finding: Failure) -> Outcome | Next:
    error = model_error(finding.body)
    if error.is_retryable and job.may_be_called:
        return Next.SUBMIT_AGAIN
    if error.code is None and not is_json(finding.body) and _says_expired(error.message):
        return Expired(*_of(job), error.message)
    return Failed(*_of(job), error, finding.location, finding.modified_seconds)


def _of_notice(job: Job, told: Notice, finding: Nothing, *, is_late: bool) -> Outcome | Next:
    """The endpoint has written what it would before it told."""
    if told.is_completed:
        if told.output is not None and finding.is_denied:
            return Succeeded(*_of(job), told.output)
        return _of_silence(job, finding) if is_late else Next.WAIT
    if _says_expired(told.reason):
        return Expired(*_of(job), told.reason)
    return Failed(*_of(job), ModelError(told.reason or "the endpoint gave no reason"), told.failure)


def _of_silence(job: Job, finding: Nothing) -> Outcome | Next:
    if job.may_be_called:
        return Next.SUBMIT_AGAIN
    message = "nothing was written or told within TTL, timeout and slack"
    if job.unreadable is not None:
        message += f"; it cannot be submitted again: {job.unreadable}"
    if finding.is_denied:
        message += "; S3 answered AccessDenied: without s3:GetObject an answer could not be seen either"
    if job.attempt and job.attempt.is_answered and job.attempt.failure is None:
        message += "; the endpoint has no S3FailurePath, so a failure could not be seen either"
    return Lost(*_of(job), message)


def _of(job: Job) -> tuple[str, str, int]:
    return job.reference, job.inference_id, job.calls


def _says_expired(text: str) -> bool:
    return len(text) < 1000 and _EXPIRED.search(text) is not None
