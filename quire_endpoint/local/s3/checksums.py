"""Which checksums may travel with an object, and which can we work out ourselves?"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Sequence
from typing import Protocol

ALGORITHMS = ("crc32", "crc32c", "crc64nvme", "sha1", "sha256")
"""As in x-amz-checksum-ALGORITHM. The two that zlib and hashlib do not have are kept as the client sent them,
unchecked: in Python they would take minutes for a gigabyte."""

_CRC32C_POLYNOMIAL = 0x82F63B78


class Digest(Protocol):
    """What hashlib's objects do."""

    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


def new_digest(algorithm: str) -> Digest | None:
    """None where it is not ours to compute."""
    if algorithm == "crc32":
        return _Crc32()
    return hashlib.new(algorithm, usedforsecurity=False) if algorithm in ("sha1", "sha256") else None


def composite(algorithm: str, parts: Sequence[str]) -> str | None:
    """The checksum of a multipart object whose checksum type is COMPOSITE: of the parts' checksums (base64),
    with their number behind. None where a part has none."""
    if not all(parts) or algorithm == "crc64nvme":
        return None
    together = b"".join(base64.b64decode(part) for part in parts)
    digest = new_digest(algorithm)
    if digest is None:
        raw = _crc32c(together).to_bytes(4, "big")
    else:
        digest.update(together)
        raw = digest.digest()
    return f"{base64.b64encode(raw).decode()}-{len(parts)}"


def _crc32c(data: bytes) -> int:
    """Bit by bit: only ever of a few bytes for each part."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (_CRC32C_POLYNOMIAL if value & 1 else 0)
    return value ^ 0xFFFFFFFF
