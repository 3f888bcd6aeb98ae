"""How does what a row of the ledger holds become a job and its attempt?"""

from __future__ import annotations

from typing import Any

from quire_endpoint.client.jobs import Attempt, Job, file_state_from_text, source_from_text
from quire_endpoint.client.request import Request
from quire_endpoint.s3_location import S3Location

DOCUMENT = "number, reference, source, content_type, request, identity, input, calls"
ATTEMPT = "number, token, inference_id, called_seconds, is_answered, output, failure, told"
"""The columns that are read here."""


def job_of(row: Any, attempt: Attempt | None) -> Job:
    number, reference, source, content_type, request, identity, put, calls = row
    request = Request.from_json(request)
    document = (number, reference, source_from_text(source), content_type, request, identity)
    return Job(*document, _location(put), calls, attempt, file_state_from_text(source))


def attempt_of(row: Any) -> Attempt:
    number, token, inference_id, called, is_answered, output, failure, told = row
    located = (_location(output), _location(failure))
    return Attempt(number, token, inference_id, called, bool(is_answered), *located, told)


def _location(text: str | None) -> S3Location | None:
    return None if text is None else S3Location.parse(text)
