"""What lies at the places where an answer may come?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from quire_endpoint.client.answers import is_partial
from quire_endpoint.client.aws_errors import code_of, is_of_the_way, status_of
from quire_endpoint.client.errors import CannotRead
from quire_endpoint.client.places import Places
from quire_endpoint.s3_location import S3Location

_CHUNK_BYTES = 64 * 1024
MAX_FAILURE_BYTES = 1024 * 1024
"""As much of a failure object is read."""

ABSENT = frozenset({"NoSuchKey", "404", "NotFound", "AccessDenied", "403", "Forbidden"})
"""A role without s3:ListBucket is told AccessDenied of an object that is not there."""


@dataclass(frozen=True)
class Output:
    """There is an answer. `age_seconds` is how long before the look it was written, by S3's clock alone."""

    location: S3Location
    modified_seconds: float
    is_partial: bool
    age_seconds: float | None = None


@dataclass(frozen=True)
class Failure:
    """There is a failure object."""

    location: S3Location
    modified_seconds: float
    body: bytes
    age_seconds: float | None = None


@dataclass(frozen=True)
class Nothing:
    """Neither is there, as far as S3 says. `is_denied` where it says only that it is not allowed to say.
    `unknown` is why S3 could not be asked, or not to the end: there may be something."""

    is_denied: bool = False
    unknown: str | None = None


Finding = Output | Failure | Nothing


class Finder:
    """Reads S3. Threads may share one."""

    def __init__(self, s3: Any) -> None:
        self._s3 = s3

    def find(self, places: Places) -> Finding:
        """Raises CannotRead where S3 refuses the caller rather than the object."""
        is_denied, unknown = False, None
        for location, look in ((places.output, self._output), (places.failure, self._failure)):
            found = Nothing() if location is None else self._at(location, look)
            if not isinstance(found, Nothing):
                return found
            is_denied |= found.is_denied
            unknown = unknown or found.unknown
        return Nothing(is_denied, unknown)

    def _at(self, location: S3Location, look: Any) -> Finding:
        try:
            response = self._s3.get_object(Bucket=location.bucket, Key=location.key)
            with closing(response["Body"]) as body:
                finding: Output | Failure = look(location, response["LastModified"].timestamp(), body)
                return replace(finding, age_seconds=_age_seconds(response))
        except ClientError as error:
            return self._absent(location, error)
        except BotoCoreError as error:
            if is_of_the_way(error):
                return Nothing(unknown=f"{location} cannot be read: {error}")
            raise CannotRead(f"{location} cannot be read: {error}") from error

    def _absent(self, location: S3Location, error: ClientError) -> Nothing:
        code = code_of(error)
        if code in ABSENT:
            return Nothing(is_denied=code in ("AccessDenied", "403", "Forbidden"))
        if status_of(error) >= 500 or status_of(error) == 429:
            return Nothing(unknown=f"{location} cannot be read: {error}")
        raise CannotRead(f"{location} cannot be read: {error}") from error

    def _output(self, location: S3Location, modified_seconds: float, body: Any) -> Output:
        return Output(location, modified_seconds, is_partial(_chunks(body)))

    def _failure(self, location: S3Location, modified_seconds: float, body: Any) -> Failure:
        return Failure(location, modified_seconds, body.read(MAX_FAILURE_BYTES))


def _age_seconds(response: Any) -> float | None:
    """None where S3 does not say what time it is, or another clock wrote the object's."""
    said = response["ResponseMetadata"]["HTTPHeaders"].get("date", "")
    try:
        age = parsedate_to_datetime(said).timestamp() - response["LastModified"].timestamp()
    except (ValueError, TypeError):
        return None
    return float(age) if age >= 0 else None


def _chunks(body: Any) -> Iterator[bytes]:
    while chunk := body.read(_CHUNK_BYTES):
        yield chunk
