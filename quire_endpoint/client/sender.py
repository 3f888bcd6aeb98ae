"""How is a document submitted so that no kill and no fault of the network submits it twice?"""

from __future__ import annotations

import random
import threading
from collections import Counter
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from quire_endpoint.client.aws_errors import Fault, code_of, fault_of, is_of_credentials
from quire_endpoint.client.calls import Runtime
from quire_endpoint.client.clock import Clock
from quire_endpoint.client.errors import CannotSubmit
from quire_endpoint.client.inputs import Inputs, UploadFailed
from quire_endpoint.client.jobs import Attempt, Job
from quire_endpoint.client.ledger import Ledger
from quire_endpoint.client.settings import MAX_CALLS
from quire_endpoint.client.stop import Stop

BACK_OFF_SECONDS = 2.0
BACK_OFF_FACTOR = 5.0

MAX_UPLOADS = 5
"""Of one document, while the network fails: five minutes, and what boto3 itself tries again beside."""


@dataclass(frozen=True)
class Sent:
    """The endpoint has it, or may have it: its answer is waited for."""


@dataclass(frozen=True)
class Postponed:
    """The call, the document's number `calls` + 1, is to be made no sooner than in `seconds`; with the same
    inference id and output name where `repeated` is given, so that two acceptances would write one answer."""

    seconds: float
    calls: int
    repeated: Attempt | None = None


@dataclass(frozen=True)
class NotTaken:
    """The endpoint certainly does not have it: as often as it was called it did not take it, it or S3 refused
    this document, or the document itself could not be read."""

    why: str
    is_documents_fault: bool = False


Sending = Sent | Postponed | NotTaken


class Sender:
    """Threads may share one."""

    def __init__(self, runtime: Runtime, inputs: Inputs, ledger: Ledger, clock: Clock) -> None:
        self._runtime = runtime
        self._inputs = inputs
        self._ledger = ledger
        self._clock = clock
        self._chance = random.Random()
        self._lock = threading.Lock()
        self._failed_uploads: Counter[int] = Counter()

    def send(
        self,
        number: int,
        calls: int,
        data: bytes | None = None,
        repeated: Attempt | None = None,
        stop: Stop | None = None,
    ) -> Sending:
        """Uploads the document unless that is done, enters the attempt, then calls once; unless it has not
        been called `calls` times, as whoever decided on this call saw it. An upload is given up soon after
        `stop` is asked. Raises CannotSubmit, DocumentUnreadable."""
        job = self._ledger.job(number)
        if job.calls != calls:
            return Sent()
        body = self._inputs.body(job)
        try:
            content = body if body is not None else self._inputs.put(job, data, stop or Stop())
        except UploadFailed as failed:
            return self._after_upload(job, failed, repeated)
        attempt = self._ledger.intend(job, self._clock.now(), repeated)
        if attempt is None:
            return Sent()
        try:
            answer = self._runtime.call(job, attempt, content)
        except (ClientError, BotoCoreError) as error:
            return self._after(job, attempt, error)
        self._ledger.answer(attempt, self._clock.now(), answer.output, answer.failure)
        return Sent()

    def _after(self, job: Job, attempt: Attempt, error: ClientError | BotoCoreError) -> Sending:
        fault = fault_of(error)
        if fault is Fault.DOUBTFUL:
            self._ledger.doubt(attempt)
        else:
            self._ledger.withdraw(attempt)
        calls = job.calls + 1
        left = self._ledger.job(job.number).attempt
        if fault.may_pass and calls < MAX_CALLS:
            is_same = left is not None and left.token == attempt.token
            return Postponed(self._back_off_seconds(calls), calls, attempt if is_same else None)
        is_doubtful = left is not None and left.token == attempt.token
        if left is not None and (is_doubtful or fault is not Fault.REFUSED):
            return Sent()
        self._ledger.give_back_call(job)
        if fault is Fault.REFUSED:
            raise CannotSubmit(f"{job.reference}: the endpoint refuses it: {error}") from error
        return NotTaken(_said(error))

    def _after_upload(self, job: Job, failed: UploadFailed, repeated: Attempt | None) -> Sending:
        if is_of_credentials(failed.cause):
            raise CannotSubmit(f"{job.reference}: {failed}") from failed
        with self._lock:
            self._failed_uploads[job.number] += 1
            tries = self._failed_uploads[job.number]
        if fault_of(failed.cause).may_pass and tries < MAX_UPLOADS:
            return Postponed(self._back_off_seconds(tries), job.calls, repeated)
        with self._lock:
            del self._failed_uploads[job.number]
        return NotTaken(str(failed))

    def _back_off_seconds(self, calls: int) -> float:
        with self._lock:
            jitter = self._chance.uniform(0.5, 1.5)
        return jitter * BACK_OFF_SECONDS * BACK_OFF_FACTOR ** (calls - 1)


def _said(error: ClientError | BotoCoreError) -> str:
    return f"{code_of(error)}: {error}" if isinstance(error, ClientError) else str(error)
