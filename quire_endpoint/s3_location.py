"""Which object, or which prefix, in S3?"""

from __future__ import annotations

import re
from dataclasses import dataclass

_WRITTEN = re.compile(r"s3://(?P<bucket>[^/]+)(?:/(?P<key>.*))?", re.DOTALL)


class NoS3Location(ValueError):
    """What was given is not written s3://bucket/key; the message quotes it."""


@dataclass(frozen=True)
class S3Location:
    """An object, or a prefix where `key` is empty or stands for what lies beneath it."""

    bucket: str
    key: str = ""

    @classmethod
    def parse(cls, text: str) -> S3Location:
        """Of s3://bucket/key. Raises NoS3Location."""
        found = _WRITTEN.fullmatch(text)
        if found is None:
            raise NoS3Location(f"{text!r} is not written s3://bucket/key")
        return cls(found["bucket"], found["key"] or "")

    def beneath(self, name: str) -> S3Location:
        """`name` as a further step of the path, with one slash between."""
        return S3Location(self.bucket, f"{self.key.rstrip('/')}/{name}".lstrip("/"))

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


def location_of(told: object) -> S3Location | None:
    """Of what an answer or a notification has where a location belongs; None where that is none."""
    try:
        return S3Location.parse(told) if isinstance(told, str) else None
    except NoS3Location:
        return None
