"""Which place in S3 does a URI of the API name?"""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from quire_endpoint.s3_location import NoS3Location, S3Location

_BUCKET_IN_HOST = re.compile(r"(?P<bucket>.+)\.s3[.-][a-z0-9.-]*amazonaws\.com(?:\.cn)?")
_S3_HOST = re.compile(r"s3[.-][a-z0-9.-]*amazonaws\.com(?:\.cn)?")


def s3_location(uri: str) -> S3Location:
    """Of s3://bucket/key, or of S3's own https addresses, with their keys percent-encoded. Raises
    NoS3Location."""
    if not uri.startswith("https://"):
        return S3Location.parse(uri)
    parts = urlsplit(uri)
    host, path = parts.hostname or "", unquote(parts.path).lstrip("/")
    if found := _BUCKET_IN_HOST.fullmatch(host):
        return S3Location(found["bucket"], path)
    if _S3_HOST.fullmatch(host) and path:
        bucket, _, key = path.partition("/")
        return S3Location(bucket, key)
    raise NoS3Location(f"{uri!r} is no address of S3")
