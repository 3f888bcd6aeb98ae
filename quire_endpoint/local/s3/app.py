"""Which part of S3 answers a request? The WSGI application of the S3 REST API."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from wsgiref.types import StartResponse, WSGIEnvironment

from quire_endpoint.local.faults import FaultKind, Faults
from quire_endpoint.local.s3.answer import Answer
from quire_endpoint.local.s3.bucket_calls import UNSET_SUBRESOURCES, BucketCalls
from quire_endpoint.local.s3.call import S3Call
from quire_endpoint.local.s3.errors import S3Error
from quire_endpoint.local.s3.list_calls import ListCalls
from quire_endpoint.local.s3.multipart import Multipart
from quire_endpoint.local.s3.reading import Reading
from quire_endpoint.local.s3.store import ObjectStore
from quire_endpoint.local.s3.tagging import Tagging
from quire_endpoint.local.s3.writing import Writing

Handler = Callable[[S3Call], Answer]


class S3Application:
    """Path style and virtual-host style; signatures are not verified. What is not served is refused with
    NotImplemented, which names it."""

    def __init__(self, store: ObjectStore, faults: Faults) -> None:
        self._faults = faults
        multipart, buckets, tagging = Multipart(store), BucketCalls(store), Tagging(store)
        self._of_bucket = _bucket_handlers(buckets, multipart, store)
        self._of_object = _object_handlers(multipart, tagging, store)
        self._list_all = buckets.list_all

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        call = S3Call.of(environ)
        try:
            _check_expiry(call)
            answer = self._answer(call)
        except S3Error as error:
            answer = Answer.of_error(error, call)
        return answer.send(environ, start_response)

    def _answer(self, call: S3Call) -> Answer:
        handler = self._handler(call)
        if handler is None:
            asked = f"{call.method} ?{call.subresource}" if call.subresource else call.method
            message = f"The local endpoint's S3 does not serve {asked} here"
            raise S3Error("NotImplemented", message)
        if call.is_listing and self._may_not_list():
            raise _denied("s3:ListBucket", call.bucket)
        try:
            return handler(call)
        except S3Error as error:
            if error.code == "NoSuchKey" and self._may_not_list():
                raise _denied("s3:ListBucket", call.bucket) from error
            raise

    def _handler(self, call: S3Call) -> Handler | None:
        if not call.bucket:
            return self._list_all if call.method == "GET" else None
        handlers = self._of_object if call.key else self._of_bucket
        return handlers.get((call.method, call.subresource))

    def _may_not_list(self) -> bool:
        return self._faults.strikes(FaultKind.NO_LIST_BUCKET, "") is not None


def _bucket_handlers(
    buckets: BucketCalls, multipart: Multipart, store: ObjectStore
) -> dict[tuple[str, str], Handler]:
    return {
        ("GET", ""): ListCalls(store).list_objects,
        ("PUT", ""): buckets.create,
        ("HEAD", ""): buckets.head,
        ("DELETE", ""): buckets.delete,
        ("GET", "location"): buckets.location,
        ("GET", "versioning"): buckets.versioning,
        ("GET", "notification"): buckets.notifications,
        ("PUT", "notification"): buckets.set_notifications,
        ("GET", "uploads"): multipart.list_uploads,
        ("POST", "delete"): Writing(store).delete_many,
        **{("GET", name): buckets.unset for name in UNSET_SUBRESOURCES},
    }


def _object_handlers(
    multipart: Multipart, tagging: Tagging, store: ObjectStore
) -> dict[tuple[str, str], Handler]:
    reading, writing = Reading(store), Writing(store)
    return {
        ("GET", ""): reading.get,
        ("GET", "partNumber"): reading.get,
        ("HEAD", ""): reading.head,
        ("HEAD", "partNumber"): reading.head,
        ("PUT", ""): writing.put,
        ("DELETE", ""): writing.delete,
        ("POST", "uploads"): multipart.begin,
        ("PUT", "partNumber"): multipart.put_part,
        ("GET", "uploadId"): multipart.list_parts,
        ("POST", "uploadId"): multipart.complete,
        ("DELETE", "uploadId"): multipart.abort,
        ("GET", "tagging"): tagging.get,
        ("PUT", "tagging"): tagging.put,
        ("DELETE", "tagging"): tagging.delete,
    }


def _check_expiry(call: S3Call) -> None:
    """Of a presigned URL; by the wall, whose time its maker wrote. Raises S3Error AccessDenied."""
    dated, lasting = call.query.get("X-Amz-Date"), call.query.get("X-Amz-Expires")
    try:
        if dated is not None and lasting is not None:
            expires = datetime.strptime(dated, "%Y%m%dT%H%M%S%z").timestamp() + int(lasting)
        else:
            expires = float(call.query.get("Expires") or "inf")
    except ValueError:
        raise S3Error("AccessDenied", "The URL's date or expiry is not valid") from None
    if datetime.now(UTC).timestamp() > expires:
        raise S3Error("AccessDenied", "Request has expired")


def _denied(action: str, bucket: str) -> S3Error:
    message = f'You are not authorized to perform: {action} on resource: "arn:aws:s3:::{bucket}"'
    return S3Error("AccessDenied", message)
