"""What a text mode makes of a page: its text layer, or nothing, which means that it must be read by OCR."""

from __future__ import annotations

from quire.rendering.documents import OpenDocument
from quire.words.errors import NoTextLayer
from quire.words.reading import PageSize, PageText
from quire.words.request import TextMode


def read_layer(document: OpenDocument, page_index: int, size: PageSize, mode: TextMode) -> PageText | None:
    """Lines in the order of the file's content, in no blocks; None where the page is to be read by OCR.
    With `layer` never None: raises NoTextLayer instead. Raises PageUnreadable or PageTooLarge as the
    document does."""
    if mode is TextMode.OCR:
        return None
    text = document.text_layer(page_index, size, trusted_only=mode is TextMode.AUTO)
    if text is None and mode is TextMode.LAYER:
        raise NoTextLayer(f"page {page_index + 1} has no text layer; text=auto or text=ocr reads it")
    return text
