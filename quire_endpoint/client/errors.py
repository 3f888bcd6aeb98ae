"""What does the client raise? What becomes of a document is a value; what stands in the way is raised."""

from __future__ import annotations

from collections.abc import Sequence


class AsyncEndpointError(Exception):
    """The message is a sentence for people."""


class CannotSubmit(AsyncEndpointError):
    """The endpoint, S3 or the caller's rights do not let this document, or any, be submitted. The document
    that it names was not accepted; others may have been, and the ledger knows them."""


class DocumentUnreadable(AsyncEndpointError):
    """The document's file is not there, cannot be read, or is not what it was when it was entered."""


class CannotRead(AsyncEndpointError):
    """S3 refuses the caller itself: credentials that have expired, a wrong region, a bucket that is gone. Or
    it is out of reach: for a quarter of an hour, where somebody waits."""


class AnswerGone(CannotRead):
    """The answer was there and is not any more, or may not be read: without s3:ListBucket nobody is told
    which."""


class StillWaiting(AsyncEndpointError, TimeoutError):
    """The wait's deadline has passed; `references` are the documents without an outcome so far. They go on:
    wait for them again, or later, by the ledger."""

    def __init__(self, references: Sequence[str]) -> None:
        self.references = tuple(references)
        shown = ", ".join(self.references[:3]) + (", …" if len(self.references) > 3 else "")
        super().__init__(f"{len(self.references)} documents without an outcome yet: {shown}")
