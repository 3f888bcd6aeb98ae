"""Which media type a document's bytes are, whatever its sender says."""

from __future__ import annotations

from pathlib import Path

from quire.words.errors import DocumentUnreadable, UnsupportedMediaType

PDF, TIFF, JPEG, PNG = "application/pdf", "image/tiff", "image/jpeg", "image/png"
WEBP, BMP, GIF = "image/webp", "image/bmp", "image/gif"

READABLE_MEDIA_TYPES = (PDF, TIFF, JPEG, PNG, WEBP, BMP, GIF)

_PDF_HEADER_WITHIN_BYTES = 1024
_HEAD_BYTES = _PDF_HEADER_WITHIN_BYTES + len(b"%PDF-")

_SIGNATURES = (
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
    (b"II+\x00", TIFF),
    (b"MM\x00+", TIFF),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
)
_BMP_HEADER_SIZES = (12, 40, 52, 56, 64, 108, 124)

_ALIASES = {
    "application/x-pdf": PDF,
    "application/acrobat": PDF,
    "text/pdf": PDF,
    "image/tif": TIFF,
    "image/x-tiff": TIFF,
    "image/x-tif": TIFF,
    "image/jpg": JPEG,
    "image/pjpeg": JPEG,
    "image/x-png": PNG,
    "image/x-ms-bmp": BMP,
    "image/x-bmp": BMP,
    "image/x-windows-bmp": BMP,
}

_SAYS_NOTHING = (
    "",
    "*/*",
    "image/*",
    "application/octet-stream",
    "binary/octet-stream",
    "application/x-www-form-urlencoded",  # what curl --data-binary declares when it is told nothing
)


def sniff_media_type(path: Path, declared: str | None) -> str:
    """One of READABLE_MEDIA_TYPES. Raises UnsupportedMediaType for other bytes, or for bytes that are
    not of the declared type; an empty file is DocumentUnreadable, since its type is not at fault."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head:
        raise DocumentUnreadable("the document is empty: it has no bytes")
    claimed = _canonical(declared)
    actual = _media_type(head)
    if actual is None:
        raise UnsupportedMediaType(f"the bytes begin like no known document; {_readable()}")
    if claimed is not None and claimed != actual:
        raise UnsupportedMediaType(f"the document is declared as {claimed} but its bytes are {actual}")
    return actual


def _canonical(declared: str | None) -> str | None:
    """The declared type without its parameters; None when it says nothing."""
    name = (declared or "").partition(";")[0].strip().lower()
    if name in _SAYS_NOTHING:
        return None
    name = _ALIASES.get(name, name)
    if name not in READABLE_MEDIA_TYPES:
        raise UnsupportedMediaType(f"{name[:80]} cannot be read; {_readable()}")
    return name


def _readable() -> str:
    return f"readable are {', '.join(READABLE_MEDIA_TYPES)}"


def _media_type(head: bytes) -> str | None:
    for signature, media_type in _SIGNATURES:
        if head.startswith(signature):
            return media_type
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return WEBP
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADER_SIZES:
        return BMP
    return PDF if b"%PDF-" in head else None
