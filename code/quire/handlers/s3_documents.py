"""Which documents a request may name in S3, and how their bytes are fetched: streamed, never whole."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from quire.handlers.spooling import CHUNK_BYTES
from quire.words.errors import QuireError, S3Refused, S3Unavailable

CONNECT_SECONDS, READ_SECONDS = 5, 60

_URI = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(?P<key>[^\x00-\x1f\x7f]{1,1024})")

_MAY_PASS = ("ExpiredToken", "RequestTimeTooSkewed", "RequestTimeout", "Throttling", "SlowDown")
"""Codes with a 4xx status that say nothing against the document."""


@dataclass(frozen=True)
class S3Location:
    """One object's address."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, uri: str, allowed_prefixes: Sequence[str]) -> S3Location:
        """Raises S3Refused for what is no s3://bucket/key, or lies under none of the prefixes.

        A prefix names a bucket or a folder and ends at a slash, written or not: `s3://b/in` allows
        `s3://b/in/x` and the object `s3://b/in`, never `s3://b/inner/x`.
        """
        match = _URI.fullmatch(uri)
        if match is None or any(part in (".", "..") for part in match["key"].split("/")):
            raise S3Refused("document.s3_uri: not of the form s3://bucket/key")
        if not any(_lies_under(uri, prefix) for prefix in allowed_prefixes):
            raise S3Refused("document.s3_uri: it lies under no prefix of QUIRE_ALLOWED_S3_PREFIXES")
        return cls(match["bucket"], match["key"])


def _lies_under(uri: str, prefix: str) -> bool:
    folder = prefix if prefix.endswith("/") else prefix + "/"
    return uri == prefix or uri.startswith(folder)


@dataclass(frozen=True)
class S3Download:
    """An object that is being read. `num_bytes` is what S3 announced."""

    num_bytes: int
    chunks: Iterator[bytes]


def open_object(location: S3Location) -> S3Download:
    """Raises S3Refused or S3Unavailable, here or while the chunks are read."""
    with _faults_named():
        answer = _client().get_object(Bucket=location.bucket, Key=location.key)
    return S3Download(int(answer["ContentLength"]), _chunks(answer["Body"]))


def _chunks(body: Any) -> Iterator[bytes]:
    with body, _faults_named():
        yield from body.iter_chunks(CHUNK_BYTES)


@functools.cache
def _client() -> Any:
    """One for the process; safe in many threads. Imported late: boto3 takes half a second. Retries are
    the SDK's own, and AWS_MAX_ATTEMPTS and AWS_RETRY_MODE its knobs."""
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        max_pool_connections=64,
    )
    return boto3.client("s3", config=config)


@contextmanager
def _faults_named() -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

    try:
        yield
    except ClientError as error:
        raise _named(error.response) from error
    except NoCredentialsError as error:
        raise S3Refused("document.s3_uri: this container has no credentials to read S3 with") from error
    except BotoCoreError as error:
        raise S3Unavailable(f"S3 could not be read: {type(error).__name__}; try again later") from error


def _named(response: dict[str, Any]) -> QuireError:
    code = str(response.get("Error", {}).get("Code", ""))[:80]
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if 400 <= status < 500 and status != 429 and not code.startswith(_MAY_PASS):
        return S3Refused(f"document.s3_uri: S3 refused it with {code} ({status})")
    return S3Unavailable(f"S3 answered {code} ({status}); try again later")
