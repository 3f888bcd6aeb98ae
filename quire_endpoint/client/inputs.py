"""How does a document come to where the endpoint reads it?"""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

from boto3.s3.transfer import TransferConfig, create_transfer_manager
from botocore.exceptions import BotoCoreError, ClientError

from quire_endpoint.client.aws_errors import status_of
from quire_endpoint.client.documents import slug
from quire_endpoint.client.errors import CannotSubmit, DocumentUnreadable
from quire_endpoint.client.jobs import FileState, Job
from quire_endpoint.client.ledger import Ledger
from quire_endpoint.client.stop import Stop
from quire_endpoint.s3_location import S3Location

MAX_INLINE_BYTES = 128_000
"""Of Body: the Developer Guide, "async-inference-invoke-endpoint"."""

MAX_LOCATION_CHARACTERS = 1024
_PART_BYTES = 8 * 1024 * 1024
TRANSFER = TransferConfig(
    multipart_threshold=_PART_BYTES,
    multipart_chunksize=_PART_BYTES,
    max_concurrency=4,
    preferred_transfer_client="classic",
)
"""Four parts are on their way at once, and when an upload is stopped: they alone are waited for. Of a file
that would have more parts than S3 takes they are larger."""

_FITS_HEADER = re.compile(r"[!-~]+(?: [!-~]+)*")
"""What a header carries unchanged, and SigV4 signs as it was sent."""


class UploadFailed(Exception):
    """With the message for people; `cause` is botocore's error."""

    def __init__(self, message: str, cause: BotoCoreError | ClientError) -> None:
        super().__init__(message)
        self.cause = cause


class Inputs:
    """Uploads beneath `prefix`; None where everything goes with the call or lies in S3 already. Small
    documents go with the call where `is_inline`."""

    def __init__(self, s3: Any, ledger: Ledger, prefix: S3Location | None, *, is_inline: bool) -> None:
        self._s3 = s3
        self._ledger = ledger
        self._prefix = prefix
        self._is_inline = is_inline

    def goes_inline(self, size_bytes: int | None) -> bool:
        """Whether a document of this size goes with the call; None is one that lies in S3."""
        return self._is_inline and size_bytes is not None and 0 < size_bytes <= MAX_INLINE_BYTES

    def body(self, job: Job) -> bytes | None:
        """What goes with the call, where the document does. Raises DocumentUnreadable."""
        if not self._is_inline or job.input is not None or isinstance(job.source, S3Location):
            return None
        if job.source is None:
            return self._ledger.body(job.number)
        try:
            _check(job)
            if not self.goes_inline(job.source.stat().st_size):
                return None
            return job.source.read_bytes()
        except OSError as error:
            raise DocumentUnreadable(f"{job.source}: {error.strerror}") from error

    def put(self, job: Job, data: bytes | None, stop: Stop) -> S3Location:
        """Where the document lies, once it does: uploaded, copied where its key fits no header, or as it is.
        `data` are its bytes where it came as bytes. An upload that has been removed is made again. Raises
        UploadFailed, CannotSubmit, DocumentUnreadable, CancelledError where `stop` was asked."""
        if job.input is not None and not self._is_gone(job.input):
            return job.input
        location = self._place(job, data, stop)
        self._ledger.put_input(job.number, location)
        return location

    def _is_gone(self, location: S3Location) -> bool:
        """Only if S3 says so: who may not look, or does not reach S3, takes it to be there."""
        try:
            self._s3.head_object(Bucket=location.bucket, Key=location.key)
        except ClientError as error:
            return status_of(error) == 404
        except BotoCoreError:
            return False
        return False

    def _place(self, job: Job, data: bytes | None, stop: Stop) -> S3Location:
        if isinstance(job.source, S3Location) and fits_header(job.source):
            if job.input is not None:
                raise DocumentUnreadable(f"{job.source} is not there any more")
            return job.source
        if job.source is None and data is None:
            data = self._ledger.body(job.number)
        if job.source is None and data is None:
            raise DocumentUnreadable(f"{job.reference}: its bytes do not lie in S3; submit them again")
        target = self._target(job)
        try:
            if isinstance(job.source, S3Location):
                self._copy(job.source, target, stop)
            else:
                self._upload(job, data, target, stop)
        except (BotoCoreError, ClientError) as error:
            raise UploadFailed(f"it cannot be uploaded to {target}: {error}", error) from error
        except OSError as error:
            raise DocumentUnreadable(f"{job.source}: {error.strerror or error}") from error
        return target

    def _copy(self, source: S3Location, target: S3Location, stop: Stop) -> None:
        named = {"Bucket": source.bucket, "Key": source.key}
        with create_transfer_manager(self._s3, TRANSFER) as manager:
            copied = manager.copy(named, target.bucket, target.key)
            with stop.ends(copied.cancel):
                try:
                    copied.result()
                except ClientError as error:
                    if status_of(error) not in (403, 404):
                        raise
                    raise DocumentUnreadable(f"{source} cannot be copied to {target}: {error}") from error

    def _upload(self, job: Job, data: bytes | None, target: S3Location, stop: Stop) -> None:
        """A file by its name: of an open one s3transfer reads ten parts ahead into memory."""
        told = {"ContentType": job.content_type}
        source = str(job.source) if isinstance(job.source, Path) else io.BytesIO(data or b"")
        _check(job)
        with create_transfer_manager(self._s3, TRANSFER) as manager:
            uploaded = manager.upload(source, target.bucket, target.key, told)
            with stop.ends(uploaded.cancel):
                uploaded.result()
        _check(job)

    def _target(self, job: Job) -> S3Location:
        """The same however often it is asked, and ASCII: an upload that was cut off is written over. Parts of
        one stay in S3, until the bucket's rule for unfinished uploads ends them."""
        if self._prefix is None:
            why = "its key fits no header" if isinstance(job.source, S3Location) else "it is uploaded first"
            raise CannotSubmit(f"{job.reference}: {why}; an input prefix, s3://bucket/prefix, is needed")
        return self._prefix.beneath(f"{job.identity[:20]}-{slug(job.reference)}".rstrip("-"))


def _check(job: Job) -> None:
    """What is sent is what was entered. Raises DocumentUnreadable, OSError."""
    if isinstance(job.source, Path) and job.file_state not in (None, FileState.of(job.source)):
        raise DocumentUnreadable(f"{job.source} was changed after it was entered: submit it again")


def fits_header(location: S3Location) -> bool:
    """Whether InvokeEndpointAsync can name it: visible ASCII, within the limit."""
    text = str(location)
    return len(text) <= MAX_LOCATION_CHARACTERS and _FITS_HEADER.fullmatch(text) is not None
