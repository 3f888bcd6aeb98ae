"""What was submitted, and what became of it? The ledger remembers, through the death of its client."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from quire_endpoint.client.documents import Document, slug
from quire_endpoint.client.jobs import Attempt, Job, source_as_text
from quire_endpoint.client.ledger_rows import ATTEMPT, DOCUMENT, attempt_of, job_of
from quire_endpoint.client.ledger_schema import Database, NoLedger
from quire_endpoint.client.outcomes import Outcome, as_json, from_json
from quire_endpoint.client.request import Request
from quire_endpoint.s3_location import S3Location

TOKEN_BYTES = 14
"""Written with 28 characters: an output's Filename takes 32."""


class Ledger:
    """A SQLite file; in memory without a path. Threads may share one, and processes one file: each call is
    made by one of them alone. A document is entered before anything happens to it, an attempt before
    InvokeEndpointAsync is called."""

    def __init__(self, path: Path | None) -> None:
        self.is_durable = path is not None
        self._database = Database(path)

    def keep_setting(self, name: str, value: str) -> str:
        """The first value that was ever kept under this name."""
        self._database.change("insert or ignore into settings values (?, ?)", (name, value))
        return str(self._database.row("select value from settings where name = ?", (name,))[0])

    def change_setting(self, name: str, value: str) -> None:
        self._database.change("insert or replace into settings values (?, ?)", (name, value))

    def setting(self, name: str) -> str | None:
        row = self._database.row("select value from settings where name = ?", (name,))
        return None if row is None else str(row[0])

    def enter(self, document: Document, request: Request, *, keeps_body: bool) -> Job:
        """The document's job, new or as it stands. Without a file nothing is recognised again. `keeps_body`
        is for bytes that go with the call. Raises DocumentUnreadable."""
        identity = document.identity(request) if self.is_durable else secrets.token_hex(16)
        source, kept = document.source, source_as_text(document.source)
        body = source if isinstance(source, bytes) and keeps_body else None
        with self._database.transaction():
            self._database.change(
                "insert into documents (identity, reference, source, body, content_type, request) "
                "values (?, ?, ?, ?, ?, ?) on conflict (identity) "
                "do update set body = excluded.body, source = excluded.source "
                "where body is null and outcome is null",
                (identity, document.reference, kept, body, document.media_type, request.as_json()),
            )
            (number,) = self._database.row("select number from documents where identity = ?", (identity,))
        return self.job(number)

    def is_entered(self, document: Document, request: Request) -> bool:
        """Raises DocumentUnreadable."""
        found = self._database.row(
            "select 1 from documents where identity = ? and (calls > 0 or outcome is not null)",
            (document.identity(request),),
        )
        return found is not None

    def job(self, number: int) -> Job:
        row = self._database.row(f"select {DOCUMENT} from documents where number = ?", (number,))
        return job_of(row, self._latest(number))

    def body(self, number: int) -> bytes | None:
        """Of bytes that go with the call."""
        row = self._database.row("select body from documents where number = ?", (number,))
        return None if row is None else row[0]

    def put_input(self, number: int, location: S3Location) -> None:
        """It lies in S3 now."""
        self._database.change("update documents set input = ? where number = ?", (str(location), number))

    def intend(self, job: Job, seconds: float, repeated: Attempt | None = None) -> Attempt | None:
        """Written before each call: with a new inference id, or with that of `repeated`, whose call may have
        failed on its way. None where another thread or process has made this call meanwhile."""
        attempt = repeated or _new_attempt(job, seconds)
        with self._database.transaction(is_flushed=self.is_durable):
            is_ours = self._database.change(
                "update documents set calls = calls + 1 where number = ? and calls = ? and outcome is null",
                (job.number, job.calls),
            )
            if not is_ours:
                return None
            self._database.change(
                "insert into attempts (document, token, inference_id, called_seconds) values (?, ?, ?, ?) "
                "on conflict (token) do update set called_seconds = excluded.called_seconds",
                (job.number, attempt.token, attempt.inference_id, seconds),
            )
        return self._latest(job.number)

    def answer(
        self, attempt: Attempt, seconds: float, output: S3Location | None, failure: S3Location | None
    ) -> None:
        """The endpoint has the job since `seconds` at the latest, and these are its locations."""
        self._database.change(
            "update attempts set is_answered = 1, called_seconds = ?, output = ?, failure = ? "
            "where number = ?",
            (seconds, _text(output), _text(failure), attempt.number),
        )

    def doubt(self, attempt: Attempt) -> None:
        """The call failed on its way: the endpoint may have the job."""
        self._database.change("update attempts set is_doubtful = 1 where number = ?", (attempt.number,))

    def withdraw(self, attempt: Attempt) -> None:
        """The endpoint does not have the job: the attempt is forgotten unless an earlier call is in doubt."""
        self._database.change(
            "delete from attempts where number = ? and is_doubtful = 0 and is_answered = 0", (attempt.number,)
        )

    def give_back_call(self, job: Job) -> None:
        """The call that followed upon `job` was not taken and counts no more; of a document that the endpoint
        never had, none do."""
        self._database.change(
            "update documents set calls = case when exists "
            "(select 1 from attempts where document = documents.number) then ? else 0 end "
            "where number = ? and calls = ? and outcome is null",
            (job.calls, job.number, job.calls + 1),
        )

    def number_of(self, inference_id: str) -> int | None:
        """The document's; None where the id is not of this ledger."""
        row = self._database.row("select document from attempts where inference_id = ?", (inference_id,))
        return None if row is None else int(row[0])

    def tell(self, inference_id: str, message: str) -> int | None:
        """Keeps what a notification said; as number_of."""
        self._database.change(
            "update attempts set told = coalesce(told, ?) where inference_id = ?", (message, inference_id)
        )
        return self.number_of(inference_id)

    def finish(self, number: int, outcome: Outcome) -> Outcome:
        """The first outcome stands; returns it. Bytes that went with the call are kept no longer."""
        self._database.change(
            "update documents set outcome = ?, body = null where number = ? and outcome is null",
            (as_json(outcome), number),
        )
        return self.outcome(number) or outcome

    def outcome(self, number: int) -> Outcome | None:
        row = self._database.row("select outcome from documents where number = ?", (number,))
        return None if row is None or row[0] is None else from_json(row[0])

    def outcomes(self) -> Iterator[Outcome]:
        """In the order in which the documents were entered."""
        last = 0
        while found := self._database.rows(
            "select number, outcome from documents where outcome is not null and number > ? "
            "order by number limit 500",
            (last,),
        ):
            yield from (from_json(text) for _, text in found)
            last = found[-1][0]

    def num_outcomes(self) -> Counter[str]:
        """By kind; `unfinished` beside them."""
        rows = self._database.rows(
            "select coalesce(json_extract(outcome, '$.kind'), 'unfinished'), count(*) "
            "from documents group by 1"
        )
        return Counter(dict(rows))

    def unfinished(self, *, is_called: bool) -> list[int]:
        """Those that the endpoint has or may have, or those that it never got."""
        rows = self._database.rows(
            "select number from documents where outcome is null and "
            "exists (select 1 from attempts where document = documents.number) = ? order by number",
            (is_called,),
        )
        return [number for (number,) in rows]

    def least_ttl_seconds(self) -> int | None:
        """Of documents without an outcome."""
        (least,) = self._database.row(
            "select min(json_extract(request, '$.ttl_seconds')) from documents where outcome is null"
        )
        return None if least is None else int(least)

    def answered_near(self, attempt: Attempt) -> Attempt | None:
        """An attempt whose locations are known, called as near as possible to this one."""
        rows = [
            self._database.row(
                f"select {ATTEMPT} from attempts where is_answered = 1 and number {side} ? "
                f"order by number {order} limit 1",
                (attempt.number,),
            )
            for side, order in (("<", "desc"), (">", "asc"))
        ]
        return next((attempt_of(row) for row in rows if row), None)

    def forget_failures(self) -> int:
        """Documents that ended as anything but Succeeded or Partial are new again, uploads included; how many
        they are."""
        ended = "outcome is not null and json_extract(outcome, '$.kind') not in ('Succeeded', 'Partial')"
        with self._database.transaction():
            self._database.change(
                f"delete from attempts where document in (select number from documents where {ended})"
            )
            return self._database.change(
                f"update documents set outcome = null, calls = 0, input = null where {ended}"
            )

    def close(self) -> None:
        self._database.close()

    def attempts(self, number: int) -> list[Attempt]:
        """Of one document, the latest first."""
        rows = self._database.rows(
            f"select {ATTEMPT} from attempts where document = ? order by number desc", (number,)
        )
        return [attempt_of(row) for row in rows]

    def _latest(self, number: int) -> Attempt | None:
        row = self._database.row(
            f"select {ATTEMPT} from attempts where document = ? order by number desc limit 1", (number,)
        )
        return None if row is None else attempt_of(row)


def open_ledger(path: Path) -> Ledger:
    """One that exists. Raises NoLedger."""
    if not path.is_file():
        raise NoLedger(f"{path} is not there: `quire submit` makes a ledger")
    return Ledger(path)


def _new_attempt(job: Job, seconds: float) -> Attempt:
    token = secrets.token_hex(TOKEN_BYTES)
    return Attempt(0, token, f"{slug(job.reference)}-{token}".lstrip("-"), seconds)


def _text(location: S3Location | None) -> str | None:
    return None if location is None else str(location)
