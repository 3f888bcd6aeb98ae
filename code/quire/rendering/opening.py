"""Opens a document's file as what its media type says it is."""

from __future__ import annotations

from pathlib import Path

from quire.rendering.documents import OpenDocument, Pixels, RenderLimits
from quire.rendering.images import ImageDocument
from quire.rendering.pdf import PdfDocument
from quire.rendering.sniffing import PDF, READABLE_MEDIA_TYPES
from quire.words.errors import UnsupportedMediaType

__all__ = ["OpenDocument", "Pixels", "RenderLimits", "open_document"]


def open_document(path: Path, media_type: str, password: str | None, limits: RenderLimits) -> OpenDocument:
    """`media_type` as `sniff_media_type` gave it. Raises DocumentEncrypted, DocumentUnreadable, or
    UnsupportedMediaType for a type that was not sniffed. `password` is ignored where none is needed."""
    if media_type == PDF:
        return PdfDocument(path, password, limits)
    if media_type in READABLE_MEDIA_TYPES:
        return ImageDocument(path, media_type, limits)
    raise UnsupportedMediaType(f"{media_type} cannot be read; readable are {', '.join(READABLE_MEDIA_TYPES)}")
