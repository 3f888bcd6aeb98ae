"""Which batches went over the device? Read from a container's log."""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class BatchLine:
    """One batch as the engine logged it; `canvas` is height x width, such as 48x320."""

    lane: str
    num_items: int
    milliseconds: float
    canvas: str = ""
    num_documents: int = 1


def batches(log: Path, start: int = 0) -> list[BatchLine]:
    """The batches logged from byte `start` of the file on."""
    with log.open("rb") as file:
        file.seek(start)
        return list(_batches(file.read().splitlines()))


def _batches(lines: Sequence[bytes]) -> Iterator[BatchLine]:
    for line in lines:
        if b'"batch"' not in line:
            continue
        try:
            fields = json.loads(line)
        except ValueError:
            continue  # the line that is being written
        if fields.get("event") == "batch":
            yield BatchLine(
                fields["lane"],
                fields["items"],
                fields["milliseconds"],
                fields["canvas"],
                len(fields["inference_ids"]),
            )


def one_batch_milliseconds(seen: Sequence[BatchLine]) -> float:
    """What a page that comes at the wrong moment waits for: the median batch of the slowest lane.
    0.0 without any batch."""
    by_lane: defaultdict[str, list[float]] = defaultdict(list)
    for batch in seen:
        by_lane[batch.lane].append(batch.milliseconds)
    return max((statistics.median(times) for times in by_lane.values()), default=0.0)
