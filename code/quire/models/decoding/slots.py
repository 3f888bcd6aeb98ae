"""How many pages may be written at once? As many as were wanted, if the device's memory holds their keys and
values."""

from __future__ import annotations

import logging

from quire.engine.device_place import RESERVED_SEATS
from quire.models.device_side.side import DeviceMemory
from quire.words.json_lines import log_line

log = logging.getLogger("quire.device")

_ROWS_SHARE = 0.75
"""Of free memory. The rest is for images that are read, and for a layer's copy while its rows grow."""


def slots_that_fit(wanted: int, row_bytes: int, memory: DeviceMemory | None) -> int:
    """At least 1, beside the reserved seats. `row_bytes` are those of the longest sequence. Where the device
    has no memory of its own, what is wanted."""
    if memory is None:
        return wanted
    slots = max(1, min(wanted, int(_ROWS_SHARE * memory.free_bytes) // row_bytes - RESERVED_SEATS))
    if slots < wanted:
        log_line(
            log,
            logging.WARNING,
            "the device's memory holds fewer slots than wanted",
            wanted=wanted,
            slots=slots,
            row_bytes=row_bytes,
            free_bytes=memory.free_bytes,
        )
    return slots
