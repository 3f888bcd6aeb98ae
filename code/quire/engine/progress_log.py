"""The log line of a document under way: how many of its pages are done."""

from __future__ import annotations

import logging

from quire.engine.documents import DocumentInFlight
from quire.words.json_lines import log_line

PROGRESS_SECONDS = 2.0
"""Between the lines of a document, and before its first: a short one has none."""

log = logging.getLogger("quire.engine")


def log_progress(document: DocumentInFlight, now: float) -> None:
    """Called as each page ends."""
    if now - document.progress_told_at < PROGRESS_SECONDS:
        return
    document.progress_told_at = now
    request = document.request
    log_line(
        log,
        logging.INFO,
        "progress",
        inference_id=request.inference_id,
        reference=request.options.reference,
        pages_done=document.pages_done,
        pages_total=document.pages_total,
    )
