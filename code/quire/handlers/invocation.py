"""One invocation as a handler's functions see it: the body and its types as the toolkit hands them over, and
the answer made of what they return."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from quire.handlers.context import ModelContext, RequestContext
from quire.handlers.spooling import SpooledBody
from quire.handlers.toolkit_codecs import UTF8_TYPES, preferred
from quire.handlers.toolkit_context import HandlerContext, request_headers
from quire.words.errors import BadRequest, HandlerFailed

ANY = "*/*"
_BODY_AND_TYPE = 2
_HEADER = re.compile(r"[\x20-\x7e]{1,256}")
_LEAST_STATUS, _MOST_STATUS = 200, 599


@dataclass(frozen=True)
class HandlerAnswer:
    """What goes back to the caller. `status` is 200 save where the handler's context was told another."""

    body: bytes
    content_type: str
    status: int = 200


@dataclass
class Invocation:
    """`accept` is the header's text, the default where it does not say. `request` is replaced once the
    options are known."""

    body: SpooledBody
    content_type: str | None
    accept: str
    request: RequestContext
    context: HandlerContext

    @classmethod
    def begin(
        cls, body: SpooledBody, content_type: str | None, request: RequestContext, model: ModelContext
    ) -> Invocation:
        accept = (request.accept or "").strip()
        return cls(
            body=body,
            content_type=content_type,
            accept=model.settings.default_accept if accept in ("", ANY) else accept,
            request=request,
            context=HandlerContext(model, request, request_headers(content_type, request)),
        )

    def moved(self, request: RequestContext) -> None:
        """The options are known: the deadline and the reference may be others."""
        self.request = request
        self.context.deadline = request.deadline
        self.context.reference = request.reference

    def payload(self) -> str | bytearray:
        """The whole body: text where it is declared as JSON or CSV, else a bytearray, which is what
        multi-model-server hands over. Raises BadRequest for text that is not UTF-8."""
        data = bytearray(self.body.num_bytes)
        with self.body.path.open("rb") as file:
            file.readinto(data)
        if self.content_type not in UTF8_TYPES:
            return data
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise BadRequest(
                f"the body is declared as {self.content_type} and is not UTF-8: {error}"
            ) from error

    def answer(self, result: Any) -> HandlerAnswer:
        """Of a body, or of a body and its type. Raises TypeError for what is neither, HandlerFailed for a
        type or a status that no answer may have."""
        body, content_type = result, self._content_type()
        if isinstance(result, tuple):
            if len(result) < _BODY_AND_TYPE or not isinstance(result[1], str):
                raise TypeError("a tuple that is not (body, content_type)")
            body, content_type = result[0], result[1]
        status, _ = self.context.get_response_status(0)
        return _sendable(_bytes(body), content_type, status)

    def _content_type(self) -> str:
        default = self.request.settings.default_accept
        return self.context.get_response_content_type(0) or next(
            iter(preferred(self.accept, default)), default
        )


def _sendable(body: bytes, content_type: object, status: object) -> HandlerAnswer:
    """Plain values. Raises HandlerFailed for a media type that is none, or would not fit a small header, and
    for a status that is not an answer's."""
    header = _HEADER.fullmatch(content_type) if isinstance(content_type, str) else None
    if header is None:
        raise HandlerFailed(f"the handler's content type {content_type!r:.80} is no header's value")
    if not isinstance(status, int) or not _LEAST_STATUS <= status <= _MOST_STATUS:
        raise HandlerFailed(f"the handler's status {status!r:.80} is none that answers")
    return HandlerAnswer(body, header[0], int(status))


def _bytes(body: Any) -> bytes:
    """As the model server sends them: text as UTF-8, and what is neither text nor bytes as JSON."""
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(body)
    if isinstance(body, str):
        return body.encode()
    return json.dumps(body, indent=2).encode()
