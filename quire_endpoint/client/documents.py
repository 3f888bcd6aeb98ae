"""Which document is it, and under which name does it travel?"""

from __future__ import annotations

import hashlib
import json
import mimetypes
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from quire_endpoint.client.errors import DocumentUnreadable
from quire_endpoint.client.request import MAX_HEADER_CHARACTERS, Request
from quire_endpoint.s3_location import S3Location

ANY_BYTES = "application/octet-stream"
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9.]+")
_SLUG_CHARACTERS = 32


@dataclass(frozen=True)
class Document:
    """A local file, bytes, or an object that lies in S3 already. `name` is the caller's own for it, by
    default the path, the location or the bytes' hash; outcomes give it back as `reference`. `content_type` is
    by default guessed from the name."""

    source: Path | bytes | S3Location
    name: str | None = None
    content_type: str | None = None

    def __post_init__(self) -> None:
        given = self.content_type
        if given is not None and not (
            given.isascii() and given.isprintable() and len(given) <= MAX_HEADER_CHARACTERS
        ):
            raise ValueError(f"a content type is visible ASCII, not {given!r}")

    @classmethod
    def of(cls, source: Document | Path | str | bytes) -> Document:
        """A text is a location where it begins with s3://, else a path."""
        if isinstance(source, Document):
            return source
        if isinstance(source, str):
            return cls(S3Location.parse(source) if source.startswith("s3://") else Path(source))
        return cls(source)

    @property
    def reference(self) -> str:
        """A text that can be written anywhere: what in a file's name is not UTF-8 stands in it as \\udc80 and
        the like."""
        if self.name is not None:
            return writable(self.name)
        if isinstance(self.source, bytes):
            return f"bytes-{hashlib.sha256(self.source).hexdigest()[:16]}"
        return writable(str(self.source))

    @property
    def media_type(self) -> str:
        """What is sent as ContentType."""
        names = [self.reference] + ([] if isinstance(self.source, bytes) else [str(self.source)])
        guesses = (_guessed(name) for name in names)
        return self.content_type or next((guess for guess in guesses if guess), ANY_BYTES)

    def size_bytes(self) -> int | None:
        """None for an object in S3, which nobody has looked at. Raises DocumentUnreadable."""
        if isinstance(self.source, bytes):
            return len(self.source)
        return None if isinstance(self.source, S3Location) else _stat(self.source)[0]

    def identity(self, request: Request) -> str:
        """The same document with the same request has the same one; a file that was written again has
        another. Raises DocumentUnreadable."""
        said = [self.reference, self.media_type, request.as_json(), *self._fingerprint()]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()

    def _fingerprint(self) -> list[str]:
        if isinstance(self.source, bytes):
            return [hashlib.sha256(self.source).hexdigest()]
        if isinstance(self.source, S3Location):
            return [str(self.source)]
        return [str(self.source.absolute()), *map(str, _stat(self.source))]


def slug(reference: str) -> str:
    """The last step of a name in ASCII letters, digits, points and dashes, at most 32; perhaps empty."""
    last = PurePosixPath(reference.replace("\\", "/")).name
    plain = unicodedata.normalize("NFKD", last).encode("ascii", "ignore").decode()
    return _NOT_PLAIN.sub("-", plain)[-_SLUG_CHARACTERS:].strip(".-")


def writable(text: str) -> str:
    """Without lone surrogates, which no UTF-8 has."""
    return text.encode("utf-8", "backslashreplace").decode()


def _guessed(name: str) -> str | None:
    """What is packed is not what is in it."""
    kind, packed = mimetypes.guess_type(name, strict=False)
    return f"application/{packed}" if packed == "gzip" else None if packed else kind


def _stat(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError as error:
        raise DocumentUnreadable(f"{path}: {error.strerror}") from error
    if not path.is_file():
        raise DocumentUnreadable(f"{path} is not a file")
    return found.st_size, found.st_mtime_ns
