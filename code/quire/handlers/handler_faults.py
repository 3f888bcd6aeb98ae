"""What a fault of the user's code becomes: the toolkit's errors keep their status, all else is one line; the
log has the traceback."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from traceback import walk_tb
from types import ModuleType
from typing import Any

from quire.engine.hang_up import CallerGone
from quire.handlers.loading import one_line
from quire.words.errors import HandlerFailed, HandlerRefused, NotAcceptable, QuireError, UnsupportedMediaType
from quire.words.json_lines import log_line

log = logging.getLogger("quire.handler")


@contextmanager
def faults_named(function: str) -> Iterator[None]:
    """Raises QuireError in place of whatever the code inside raises; our own errors and CallerGone pass."""
    try:
        yield
    except (QuireError, CallerGone):
        raise
    except Exception as error:
        named = _named(error, function)
        level = logging.WARNING if named.status < 500 else logging.ERROR
        log_line(log, level, "the handler raised", exc_info=error, function=function, status=named.status)
        raise named from error


def _named(error: Exception, function: str) -> QuireError:
    toolkit = sys.modules.get("sagemaker_inference.errors")
    if toolkit is not None:
        named = _toolkits_own(toolkit, error, function)
        if named is not None:
            return named
    return HandlerFailed(f"{function} failed: {one_line(error)}")


def _toolkits_own(toolkit: ModuleType, error: Exception, function: str) -> QuireError | None:
    """Asked of the module that the user's code has imported: the toolkit need not be installed."""
    if isinstance(error, toolkit.UnsupportedFormatError):
        kind = NotAcceptable if _is_of_the_answer(error, function) else UnsupportedMediaType
        return kind(one_line(error).removeprefix(f"{type(error).__name__}: "))
    if isinstance(error, toolkit.BaseInferenceToolkitError):
        return _with_status(_status(error.status_code), str(error.message))
    return None


def _is_of_the_answer(error: Exception, function: str) -> bool:
    """Whether it is the answer's format that nobody writes, not the request's that nobody reads. `input_fn`
    has no answer, whatever it calls; functions that may have both are told by the toolkit's encoder."""
    if function in ("input_fn", "output_fn"):
        return function == "output_fn"
    return _raised_in(error) == "sagemaker_inference.encoder"


def _raised_in(error: Exception) -> str | None:
    """The name of the module whose code raised it; None for one that was never raised."""
    frames = [frame for frame, _ in walk_tb(error.__traceback__)]
    return frames[-1].f_globals.get("__name__") if frames else None


def _with_status(status: int, message: str) -> QuireError:
    if 400 <= status < 500:
        return HandlerRefused(message, status)
    return HandlerFailed(message, status if 500 <= status < 600 else 500)


def _status(given: Any) -> int:
    """What the user's code wrote for a status."""
    try:
        return int(given)
    except (TypeError, ValueError, OverflowError):
        return 500
