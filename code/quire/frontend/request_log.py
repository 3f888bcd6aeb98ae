"""One log line for each invocation: whose it was, how it ended, and how long it took."""

from __future__ import annotations

import logging
import time

from flask import Response, g, request

from quire.frontend.arrivals import Crowd
from quire.handlers.context import InvocationNotes
from quire.words.json_lines import log_line

log = logging.getLogger("quire.frontend")


def log_request(response: Response) -> Response:
    """Flask's after_request hook. /ping and its like are not logged."""
    notes: InvocationNotes | None = g.get("notes")
    if notes is None or request.path != "/invocations":
        return response
    crowd: Crowd | None = g.get("crowd")
    log_line(
        log,
        logging.INFO if response.status_code < 499 else logging.WARNING,
        "invocation",
        exc_info=g.get("defect"),
        inference_id=notes.inference_id,
        reference=notes.reference,
        status=response.status_code,
        code=g.get("error_code"),
        bytes=notes.num_bytes,
        pages=notes.num_pages,
        milliseconds=round((time.monotonic() - g.started_at) * 1000, 1),
        in_flight=crowd.in_flight if crowd else None,
        peak=crowd.peak if crowd else None,
    )
    return response
