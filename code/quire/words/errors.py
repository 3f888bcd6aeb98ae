"""What can go wrong, and whose fault it is.

    QuireError
    ├── CallerError                  4xx: the request or its document; sending it again will not help
    │   ├── BadRequest               400 bad_request
    │   ├── S3Refused                400 s3_refused
    │   ├── HandlerRefused           400 handler_refused
    │   ├── NotAcceptable            406 not_acceptable
    │   ├── BodyTooLarge             413 body_too_large
    │   ├── UnsupportedMediaType     415 unsupported_media_type
    │   └── DocumentError            422 document_error
    │       ├── DocumentUnreadable   422 document_unreadable
    │       ├── DocumentEncrypted    422 document_encrypted
    │       ├── PagesOutsideDocument 422 pages_outside_document
    │       ├── TooManyPages         422 too_many_pages
    │       ├── PageTooLarge         422 page_too_large
    │       ├── PageUnreadable       422 page_unreadable
    │       ├── PageRenderTimeout    422 page_render_timeout
    │       ├── PageCrashedRenderer  422 page_crashed_renderer
    │       └── NoTextLayer          422 no_text_layer
    └── ServerError                  5xx: ours
        ├── InternalError            500 internal_error
        ├── PageFailedOnDevice       500 page_failed_on_device
        ├── HandlerFailed            500 handler_failed
        ├── HandlerDied              500 handler_died
        ├── EngineLost               503 engine_lost           retryable
        ├── NotReady                 503 not_ready             retryable
        ├── Overloaded               503 overloaded            retryable
        ├── ShuttingDown             503 shutting_down         retryable
        ├── S3Unavailable            503 s3_unavailable        retryable
        ├── DeadlineExceeded         504 deadline_exceeded     retryable
        └── InsufficientStorage      507 insufficient_storage  retryable

SettingsError stands apart: it ends the process at start, and never answers a request.
"""

from __future__ import annotations

import msgspec

from quire.words.error_kinds import CallerError as CallerError
from quire.words.error_kinds import QuireError as QuireError
from quire.words.error_kinds import RetryableError as RetryableError
from quire.words.error_kinds import ServerError as ServerError
from quire.words.error_kinds import writable as writable


class BadRequest(CallerError):
    """The request, its options or its JSON are malformed."""


class S3Refused(CallerError):
    """The document's s3_uri is not allowed, does not exist or is not readable with this role."""

    code = "s3_refused"


class HandlerRefused(CallerError):
    """The handler refused the request, with this status or another 4xx of its choice."""

    code = "handler_refused"


class NotAcceptable(CallerError):
    """The handler's result can be written in none of the formats that Accept names."""

    status = 406
    code = "not_acceptable"


class BodyTooLarge(CallerError):
    """The body or the fetched document has more bytes than QUIRE_MAX_BODY_BYTES."""

    status = 413
    code = "body_too_large"


class UnsupportedMediaType(CallerError):
    """The bytes are of no kind that can be read, or not of the kind that was declared."""

    status = 415
    code = "unsupported_media_type"


class DocumentError(CallerError):
    """The document itself is at fault."""

    status = 422
    code = "document_error"


class DocumentUnreadable(DocumentError):
    """The file is broken beyond what its reader can repair."""

    code = "document_unreadable"


class DocumentEncrypted(DocumentError):
    """The PDF needs a password, and none or a wrong one was given."""

    code = "document_encrypted"


class PagesOutsideDocument(DocumentError):
    """The document has none of the pages that were asked for."""

    code = "pages_outside_document"


class TooManyPages(DocumentError):
    """More pages were asked for than QUIRE_MAX_PAGES; the option `pages` asks for fewer."""

    code = "too_many_pages"


class PageTooLarge(DocumentError):
    """The page has more pixels than QUIRE_MAX_SOURCE_PIXELS: a decompression bomb, or a plan."""

    code = "page_too_large"


class PageUnreadable(DocumentError):
    """The page's own data is broken."""

    code = "page_unreadable"


class PageRenderTimeout(DocumentError):
    """Rendering took longer than QUIRE_RENDER_PAGE_SECONDS and its worker was killed."""

    code = "page_render_timeout"


class PageCrashedRenderer(DocumentError):
    """The render worker died on the page, twice."""

    code = "page_crashed_renderer"


class NoTextLayer(DocumentError):
    """text=layer was asked for and the page has no text layer."""

    code = "no_text_layer"


class InternalError(ServerError):
    """A defect. The log has the traceback, the answer never does."""


class PageFailedOnDevice(ServerError):
    """The page failed twice while it was alone on the device."""

    code = "page_failed_on_device"


class HandlerFailed(ServerError):
    """The handler's code failed; the log has the traceback. It may choose another 5xx status."""

    code = "handler_failed"


class HandlerDied(ServerError):
    """The handler's process died twice on the request, or hung past the deadline and was killed."""

    code = "handler_died"


class EngineLost(RetryableError):
    """The engine died twice while it held the document, or no device can read any more."""

    code = "engine_lost"


class NotReady(RetryableError):
    """The container is still loading its model, or is healing."""

    code = "not_ready"


class Overloaded(RetryableError):
    """More invocations at once than there are threads to hold them."""

    code = "overloaded"


class ShuttingDown(RetryableError):
    """The container was told to stop before the document could end."""

    code = "shutting_down"


class S3Unavailable(RetryableError):
    """S3 did not answer, or answered with a fault of its own."""

    code = "s3_unavailable"


class DeadlineExceeded(RetryableError):
    """The deadline passed before any page was read."""

    status = 504
    code = "deadline_exceeded"


class InsufficientStorage(RetryableError):
    """The scratch disk has no room for the body or its results."""

    status = 507
    code = "insufficient_storage"


class SettingsError(Exception):
    """A setting has an unknown name or an impossible value; names it, its value and its bounds."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """A QuireError as a value: what crosses a process border, and what a page's entry shows."""

    code: str
    message: str
    retryable: bool

    @classmethod
    def of(cls, error: QuireError) -> Fault:
        return cls(code=error.code, message=writable(str(error)), retryable=error.retryable)

    def error(self) -> QuireError:
        """The typed error again; an unknown code is an InternalError."""
        return ERRORS_BY_CODE.get(self.code, InternalError)(self.message)

    @property
    def is_callers(self) -> bool:
        return issubclass(ERRORS_BY_CODE.get(self.code, InternalError), CallerError)


def _answerable(root: type[QuireError]) -> list[type[QuireError]]:
    return [root, *(leaf for branch in root.__subclasses__() for leaf in _answerable(branch))]


_ABSTRACT = (QuireError, CallerError, ServerError, RetryableError)

ANSWERABLE_ERRORS: tuple[type[QuireError], ...] = tuple(
    error for error in _answerable(QuireError) if error not in _ABSTRACT
)
"""Every class that may answer a request: one row each in README's table."""

ERRORS_BY_CODE = {error.code: error for error in ANSWERABLE_ERRORS}
