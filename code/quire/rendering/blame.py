"""Turns what a decoder throws at broken data into the one error that names the page or the document."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from quire.words.errors import DocumentError, DocumentUnreadable, PageTooLarge, PageUnreadable

_MAX_REASON_CHARACTERS = 160
_NAMES_OUR_FILE = re.compile(r"\s(<|'/|\"/|/).*", re.DOTALL)


@contextmanager
def blame_page(page_index: int, failures: type[Exception]) -> Iterator[None]:
    """`failures` inside become PageUnreadable, and want of memory PageTooLarge; typed errors pass.
    Decoders warn of data that they mend: that is silenced, being no news for the log."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except DocumentError:
            raise
        except MemoryError as error:
            raise PageTooLarge(f"page {page_index + 1} does not fit into memory") from error
        except failures as error:
            raise PageUnreadable(f"page {page_index + 1} is broken: {_reason(error)}") from error


@contextmanager
def blame_document(failures: type[Exception]) -> Iterator[None]:
    """`failures` inside become DocumentUnreadable; typed errors pass, and warnings are silenced."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except DocumentError:
            raise
        except failures as error:
            raise DocumentUnreadable(f"the document is broken: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """The decoder's own words, without the path or the object that some of them show."""
    return _NAMES_OUR_FILE.sub("", str(error))[:_MAX_REASON_CHARACTERS] or type(error).__name__
