"""The `model` that a user's functions get where the model is ours: it reads documents together with everybody
else's, within the invocation's own deadline."""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path

from quire.engine.client import EngineClient
from quire.handlers.context import RequestContext
from quire.handlers.spooling import CHUNK_BYTES, SpooledBody
from quire.rendering.sniffing import sniff_media_type
from quire.words.reading import DocumentReading
from quire.words.request import DocumentRequest, ReadOptions

_NO_DOCUMENT = (
    "model.read takes a document request, bytes or a pathlib.Path, not {}; a text is no path, since a caller "
    "may have sent it: read(Path(text)) for a file of your own, read(text.encode()) for a body"
)


class ReadingModel:
    """One invocation's way to the engine. May be shared among threads while that invocation lasts."""

    def __init__(self, client: EngineClient, context: RequestContext) -> None:
        self._client = client
        self._context = context

    def read(
        self,
        document: DocumentRequest | bytes | bytearray | memoryview | Path,
        content_type: str | None = None,
        *,
        password: str | None = None,
        **options: object,
    ) -> DocumentReading:
        """Waits until the document is read: what our input_fn made, a file's bytes, or a Path. `options` are
        those of a request: pages, dpi, text, strict, deadline_seconds, ref. Raises QuireError, and CallerGone
        once nobody waits for the answer, and TypeError for a str: a caller chooses what it says."""
        if not isinstance(document, DocumentRequest):
            document = self._request(self._body(document), content_type, password, options)
        elif content_type is not None or password is not None or options:
            raise TypeError("a DocumentRequest has its type, password and options already")
        bound = self._context.with_options(document.options)
        reading = self._client.read(document, deadline=bound.deadline, caller=bound.caller)
        notes = self._context.notes
        notes.num_pages = (notes.num_pages or 0) + len(reading.pages)
        return reading

    def _body(self, document: bytes | bytearray | memoryview | Path) -> SpooledBody:
        if isinstance(document, Path):
            return _described(document)
        if not isinstance(document, bytes | bytearray | memoryview):
            raise TypeError(_NO_DOCUMENT.format(type(document).__name__))
        return self._context.spool.write(f"document-{secrets.token_hex(8)}", [bytes(document)])

    def _request(
        self, body: SpooledBody, content_type: str | None, password: str | None, options: dict[str, object]
    ) -> DocumentRequest:
        return DocumentRequest(
            path=body.path,
            media_type=sniff_media_type(body.path, content_type),
            num_bytes=body.num_bytes,
            sha256=body.sha256,
            options=ReadOptions.from_mapping(options),
            password=password,
            inference_id=self._context.inference_id,
        )


def _described(path: Path) -> SpooledBody:
    digest, num_bytes = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            num_bytes += len(chunk)
    return SpooledBody(path.resolve(), num_bytes, digest.hexdigest())
