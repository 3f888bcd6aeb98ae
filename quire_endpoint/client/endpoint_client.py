"""How does a program use an async endpoint? Through AsyncEndpointClient."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from quire_endpoint.client.attendance import Attendance
from quire_endpoint.client.aws_errors import code_of
from quire_endpoint.client.calls import Runtime
from quire_endpoint.client.clock import Clock, WallClock
from quire_endpoint.client.documents import Document, writable
from quire_endpoint.client.dry_run import Plan, dry_run
from quire_endpoint.client.errors import AnswerGone, CannotRead, CannotSubmit, DocumentUnreadable
from quire_endpoint.client.finding import ABSENT, Finder
from quire_endpoint.client.inputs import Inputs, fits_header
from quire_endpoint.client.jobs import Entry, Job
from quire_endpoint.client.ledger import Ledger
from quire_endpoint.client.looking import Lookout
from quire_endpoint.client.mail import Mail
from quire_endpoint.client.notices import LONG_POLL_SECONDS, SqsMailbox
from quire_endpoint.client.outcomes import NOT_SUBMITTED, Failed, ModelError, Outcome, Partial, Succeeded
from quire_endpoint.client.pace import Pace
from quire_endpoint.client.request import MIN_TTL_SECONDS, Request
from quire_endpoint.client.sender import NotTaken, Postponed, Sender
from quire_endpoint.client.settings import ClientSettings
from quire_endpoint.client.tools import Tools
from quire_endpoint.s3_location import NoS3Location, S3Location

Source = Document | Path | str | bytes
"""A text is a path, or a location where it begins with s3://."""

Outcomes = Generator[Outcome, None, None]
"""Leaving the loop early, or `close`, leaves the documents with the endpoint and with the ledger."""


class AsyncEndpointClient:
    """One endpoint, and the documents that are submitted to it. Threads may share one.

    `input_prefix` (s3://bucket/prefix) is where documents are uploaded that are too large for the call.
    `ledger` is a SQLite file that makes a batch resumable; without it the client remembers until it ends.
    `queue_url` is an SQS queue of its own, subscribed to the endpoint's topics: with it S3 is hardly polled.
    `session` makes the boto3 clients. Closed by `with` or `close`. Raises ValueError for a ledger of another
    endpoint, and for a prefix that no header carries."""

    def __init__(
        self,
        endpoint_name: str,
        *,
        input_prefix: str | None = None,
        ledger: Path | str | None = None,
        queue_url: str | None = None,
        session: Any = None,
        settings: ClientSettings | None = None,
        clock: Clock | None = None,
    ) -> None:
        settings = settings or ClientSettings()
        self._settings = settings
        self._clock = clock or WallClock()
        session = session or boto3.Session()
        prefix = _prefix_of(input_prefix)
        self._ledger = _ledger_of(endpoint_name, ledger)
        if input_prefix:
            self._ledger.change_setting("input_prefix", input_prefix)
        runtime = Runtime(session.client("sagemaker-runtime", config=_config(settings, 1)), endpoint_name)
        self._s3 = session.client("s3", config=_config(settings, 5))
        is_inline = settings.is_inline and runtime.takes_body
        self._inputs = Inputs(self._s3, self._ledger, prefix, is_inline=is_inline)
        sqs = session.client("sqs", config=_config(settings, 5)) if queue_url else None
        self._mail = Mail(SqsMailbox(sqs, queue_url), self._ledger) if queue_url else None
        self._executor = ThreadPoolExecutor(2 * settings.num_threads, thread_name_prefix="async-endpoint")
        self._tools = Tools(
            self._ledger,
            Sender(runtime, self._inputs, self._ledger, self._clock),
            Lookout(self._ledger, Finder(self._s3), self._clock, settings.slack_seconds),
            self._clock,
            self._executor,
            settings.num_threads,
        )

    def submit(self, source: Source, request: Request | None = None) -> Job:
        """Returns once the endpoint has it, or may have it. With a ledger file a document that was submitted
        before is not submitted again: its job is returned. Raises CannotSubmit, DocumentUnreadable."""
        entry = self._entry(Document.of(source), request or Request())
        number, calls, repeated = entry.job.number, entry.job.calls, None
        if entry.job.attempt is not None or self._ledger.outcome(number) is not None:
            return entry.job
        while True:
            sending = self._tools.sender.send(number, calls, entry.data, repeated)
            if isinstance(sending, NotTaken):
                raise CannotSubmit(f"{entry.job.reference}: {sending.why}")
            if not isinstance(sending, Postponed):
                return self._ledger.job(number)
            calls, repeated = sending.calls, sending.repeated
            self._clock.wait(sending.seconds, ())

    def wait(self, job: Job, seconds: float | None = None) -> Outcome:
        """The outcome of one document; see as_completed."""
        return next(iter(self.as_completed([job], seconds)))

    def as_completed(self, jobs: Iterable[Job], seconds: float | None = None) -> Outcomes:
        """Outcomes as they come, each once. Without `seconds` it ends all the same: after TTL, timeout and
        slack a job is lost, and no document is submitted more than three times. Raises StillWaiting after
        `seconds`, CannotRead, CannotSubmit."""
        fresh = (Entry(self._ledger.job(job.number)) for job in jobs)
        return self._attend([], fresh, None, seconds)

    def submit_many(
        self, sources: Iterable[Source], request: Request | None = None, seconds: float | None = None
    ) -> Outcomes:
        """Outcomes of all, as they come, however many: `sources` are taken as the endpoint gets through them,
        its backlog kept under what it completes in a quarter of the TTL. With a ledger file all that an
        earlier run left at the endpoint is waited for too, and outcomes of what had ended come again.
        Raises as as_completed does; what was not submitted by then is submitted by the next run."""
        request = request or Request()
        pace = Pace(request.ttl_seconds, self._settings.first_backlog, self._clock.now())
        given = (self._entry_or_failed(source, request) for source in sources)
        return self._attend(self._ledger.unfinished(is_called=True), given, pace, seconds)

    def resume(self, seconds: float | None = None) -> Outcomes:
        """Outcomes of all in the ledger that has none yet, what was entered and never submitted included."""
        left = self._ledger.unfinished(is_called=True)
        new = (Entry(self._ledger.job(number)) for number in self._ledger.unfinished(is_called=False))
        ttl_seconds = self._ledger.least_ttl_seconds() or MIN_TTL_SECONDS
        pace = Pace(ttl_seconds, self._settings.first_backlog, self._clock.now())
        return self._attend(left, new, pace, seconds)

    def dry_run(self, sources: Iterable[Source], request: Request | None = None) -> Plan:
        """What submit_many would do. Raises DocumentUnreadable."""
        return dry_run(map(Document.of, sources), request or Request(), self._ledger, self._inputs)

    def outcomes(self) -> Iterator[Outcome]:
        """All that the ledger has, in the order in which the documents were entered."""
        return self._ledger.outcomes()

    def num_unfinished(self) -> int:
        """Documents in the ledger without an outcome."""
        return self._ledger.num_outcomes()["unfinished"]

    def forget_failures(self) -> int:
        """What ended as Failed, Expired or Lost is new to the ledger again; how many documents they are."""
        return self._ledger.forget_failures()

    def read(self, outcome: Succeeded | Partial) -> bytes:
        """The answer, whole in memory. Raises CannotRead."""
        return b"".join(self._chunks(outcome.output))

    def download(self, outcome: Succeeded | Partial, path: Path) -> None:
        """The answer, to a file that is not there unless it is whole. Raises CannotRead, OSError."""
        unfinished = path.with_name(f".{path.name}.part")
        try:
            with unfinished.open("wb") as file:
                file.writelines(self._chunks(outcome.output))
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)

    def close(self) -> None:
        """Waits for calls in flight."""
        self._executor.shutdown()
        if self._mail is not None:
            self._mail.close()
        self._ledger.close()

    def __enter__(self) -> AsyncEndpointClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _attend(
        self,
        left: Iterable[int],
        entries: Iterable[Entry | Failed],
        pace: Pace | None,
        seconds: float | None,
    ) -> Outcomes:
        until = None if seconds is None else self._clock.now() + seconds
        with self._mail.waiting() if self._mail else nullcontext() as told:
            attendance = Attendance(self._tools, entries, pace, told)
            attendance.take_up(left)
            yield from attendance.run(until)

    def _entry(self, document: Document, request: Request) -> Entry:
        source = document.source
        is_inline = self._inputs.goes_inline(document.size_bytes())
        job = self._ledger.enter(document, request, keeps_body=is_inline)
        return Entry(job, source if isinstance(source, bytes) and not is_inline else None)

    def _entry_or_failed(self, source: Source, request: Request) -> Entry | Failed:
        try:
            return self._entry(Document.of(source), request)
        except (DocumentUnreadable, NoS3Location) as error:
            named = source if isinstance(source, str) else Document.of(source).reference
            return Failed(writable(named), "", 0, ModelError(writable(str(error)), NOT_SUBMITTED))

    def _chunks(self, location: S3Location) -> Iterator[bytes]:
        try:
            with closing(self._s3.get_object(Bucket=location.bucket, Key=location.key)["Body"]) as body:
                yield from body.iter_chunks(1024 * 1024)
        except (BotoCoreError, ClientError) as error:
            raise (AnswerGone if _is_gone(error) else CannotRead)(
                f"{location} cannot be read: {error}"
            ) from error


def _is_gone(error: BotoCoreError | ClientError) -> bool:
    """Who may not list is told AccessDenied of what is not there."""
    return isinstance(error, ClientError) and code_of(error) in ABSENT


def _prefix_of(text: str | None) -> S3Location | None:
    prefix = S3Location.parse(text) if text else None
    if prefix is not None and not fits_header(prefix):
        raise ValueError(f"an input prefix is visible ASCII, which a call can name, not {text!r}")
    return prefix


def _ledger_of(endpoint_name: str, path: Path | str | None) -> Ledger:
    ledger = Ledger(None if path is None else Path(path))
    kept = ledger.keep_setting("endpoint", endpoint_name)
    if kept != endpoint_name:
        ledger.close()
        raise ValueError(f"{path} is the ledger of endpoint {kept}, not of {endpoint_name}")
    return ledger


def _config(settings: ClientSettings, max_attempts: int) -> Config:
    return Config(
        connect_timeout=10,
        read_timeout=60 + LONG_POLL_SECONDS,
        retries={"total_max_attempts": max_attempts, "mode": "standard"},
        max_pool_connections=4 * settings.num_threads,
    )
