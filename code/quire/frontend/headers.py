"""What the platform's request headers say, made safe to log and to repeat."""

from __future__ import annotations

import re
from typing import Any

from quire.words.request import MAX_DEADLINE_SECONDS, MAX_REFERENCE_CHARACTERS

MAX_INFERENCE_ID_CHARACTERS = 64

_NOT_PRINTABLE_ASCII = re.compile(r"[^\x20-\x7e]")
_REFERENCE = re.compile(r"(?:^|;)\s*ref\s*=([^;]*)")
_DEADLINE = re.compile(r"(?:^|;)\s*deadline_seconds\s*=\s*([0-9.]{1,16})\s*(?:;|$)")


def inference_id(environ: dict[str, Any]) -> str | None:
    """Cut to 64 printable ASCII characters; None where there are none."""
    given = _NOT_PRINTABLE_ASCII.sub("", environ.get("HTTP_X_AMZN_SAGEMAKER_INFERENCE_ID", ""))
    return given[:MAX_INFERENCE_ID_CHARACTERS].strip() or None


def custom_attributes(environ: dict[str, Any]) -> str:
    attributes: str = environ.get("HTTP_X_AMZN_SAGEMAKER_CUSTOM_ATTRIBUTES", "")
    return attributes


def reference_hint(attributes: str) -> str | None:
    """The reference as far as it can be seen before the options are parsed: for errors before that."""
    match = _REFERENCE.search(attributes)
    if match is None:
        return None
    return _NOT_PRINTABLE_ASCII.sub("", match[1])[:MAX_REFERENCE_CHARACTERS].strip() or None


def deadline_hint(attributes: str) -> float | None:
    """The option `deadline_seconds`, where there is one within its bounds: the custom attributes of a user's
    own handler may say anything else, and need not be options at all."""
    match = _DEADLINE.search(attributes)
    if match is None or match[1].count(".") > 1 or match[1] == ".":
        return None
    seconds = float(match[1])
    return seconds if 0 < seconds <= MAX_DEADLINE_SECONDS else None
