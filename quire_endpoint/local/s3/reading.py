"""How are GetObject and HeadObject answered: ranges, conditions, overridden headers?"""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime

from quire_endpoint.local.s3.answer import Answer, http_date
from quire_endpoint.local.s3.call import S3Call
from quire_endpoint.local.s3.errors import S3Error
from quire_endpoint.local.s3.put_headers import checksum_headers, precondition_failed
from quire_endpoint.local.s3.records import KeptObject
from quire_endpoint.local.s3.store import ObjectStore
from quire_endpoint.local.s3.versions import check_version

_RANGE = re.compile(r"bytes=(?P<first>\d*)-(?P<last>\d*)")
_OVERRIDES = (
    "content-type",
    "content-language",
    "expires",
    "cache-control",
    "content-disposition",
    "content-encoding",
)


class Reading:
    """Both calls."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def get(self, call: S3Call) -> Answer:
        check_version(call.version_id)
        kept, file = self._store.open(call.location)
        try:
            answer, start = _headed(call, kept)
        except BaseException:
            file.close()
            raise
        if answer.status == 304:
            file.close()
            return answer
        file.seek(start)
        return Answer(answer.status, answer.headers, file=file)

    def head(self, call: S3Call) -> Answer:
        check_version(call.version_id)
        return _headed(call, self._store.get(call.location))[0]


def _headed(call: S3Call, kept: KeptObject) -> tuple[Answer, int]:
    """The answer without its body, and where that begins in the file."""
    headers = {
        **kept.headers,
        "etag": f'"{kept.etag}"',
        "last-modified": http_date(kept.modified_seconds),
        "accept-ranges": "bytes",
    }
    if _is_unchanged(call, kept):
        return Answer(304, {"etag": headers["etag"], "last-modified": headers["last-modified"]}), 0
    for name in _OVERRIDES:
        headers[name] = call.query.get(f"response-{name}", headers.get(name, ""))
    wanted = _range(call, kept)
    size = kept.body.size_bytes
    start, end = (0, size) if wanted is None else wanted
    if wanted is not None:
        headers["content-range"] = f"bytes {start}-{end - 1}/{size}"
    elif (call.header("x-amz-checksum-mode") or "").upper() == "ENABLED":
        headers |= checksum_headers(kept.body.checksums, kept.checksum_type)
    if kept.tags:
        headers["x-amz-tagging-count"] = str(len(kept.tags.split("&")))
    if "partNumber" in call.query:
        headers["x-amz-mp-parts-count"] = str(len(kept.part_sizes) or 1)
    headers["content-length"] = str(end - start)
    titled = {name.title(): value for name, value in headers.items() if value}
    return Answer(200 if wanted is None else 206, titled), start


def _is_unchanged(call: S3Call, kept: KeptObject) -> bool:
    """Whether 304 is the answer. Raises S3Error PreconditionFailed. An ETag goes before a date."""
    matching, other = call.header("if-match"), call.header("if-none-match")
    unmodified = _seconds(call.header("if-unmodified-since"))
    if matching is not None:
        if not _names(matching, kept):
            raise precondition_failed("If-Match")
    elif unmodified is not None and kept.modified_seconds >= unmodified + 1:
        raise precondition_failed("If-Unmodified-Since")
    if other is not None:
        return _names(other, kept)
    modified = _seconds(call.header("if-modified-since"))
    return modified is not None and kept.modified_seconds < modified + 1


def _names(etags: str, kept: KeptObject) -> bool:
    return any(one.strip().strip('"') in ("*", kept.etag) for one in etags.split(","))


def _seconds(date: str | None) -> float | None:
    try:
        return None if date is None else parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None


def _range(call: S3Call, kept: KeptObject) -> tuple[int, int] | None:
    """First byte and the one behind the last; None for all. A Range that is none is not obeyed, as HTTP has
    it. Raises S3Error InvalidRange."""
    if "partNumber" in call.query:
        return _part(call.number("partNumber", 0), kept)
    found = _RANGE.fullmatch((call.header("range") or "").replace(" ", ""))
    if found is None or not (found["first"] or found["last"]):
        return None
    size = kept.body.size_bytes
    if found["first"]:
        start, end = int(found["first"]), min(size, int(found["last"] or size) + 1)
    else:
        start, end = max(0, size - int(found["last"])), size
    if found["first"] and found["last"] and int(found["last"]) < start:
        return None
    if start >= size:
        message = "The requested range is not satisfiable"
        raise S3Error("InvalidRange", message, RangeRequested=found[0], ActualObjectSize=str(size))
    return start, end


def _part(number: int, kept: KeptObject) -> tuple[int, int]:
    sizes = kept.part_sizes or (kept.body.size_bytes,)
    if not 1 <= number <= len(sizes):
        raise S3Error("InvalidRange", "The requested partnumber is not satisfiable")
    start = sum(sizes[: number - 1])
    return start, start + sizes[number - 1]
