"""The log line of a batch: what was on it, and whose."""

from __future__ import annotations

import logging

from quire.engine.device_pool import DevicePool
from quire.engine.messages import BatchRun
from quire.words.json_lines import log_line

log = logging.getLogger("quire.engine")


def log_batch(batch: BatchRun, devices: DevicePool) -> None:
    tasks = [task for task in map(devices.page_aboard, batch.pages) if task is not None]
    documents = {task.document.number: task.document.request for task in tasks}
    log_line(
        log,
        logging.INFO,
        "batch",
        lane=batch.lane,
        canvas=f"{batch.canvas_height}x{batch.canvas_width}",
        items=batch.num_items,
        pages=len(batch.pages),
        milliseconds=round(batch.milliseconds, 1),
        inference_ids=[request.inference_id for request in documents.values()],
        references=[request.options.reference for request in documents.values()],
    )
