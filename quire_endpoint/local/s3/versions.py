"""Which version of an object is meant? Buckets have no versioning here: an object has the version null."""

from __future__ import annotations

from quire_endpoint.local.s3.errors import S3Error

_NULL = ("", "null")


def is_there(version_id: str) -> bool:
    """Empty where none is named."""
    return version_id in _NULL


def check_version(version_id: str) -> None:
    """Raises S3Error NoSuchVersion."""
    if not is_there(version_id):
        raise S3Error("NoSuchVersion", "The specified version does not exist.", VersionId=version_id)
