"""What makes the networks quicker where it can be had, and is never needed: packages, CUDA graphs, and
batches of few sizes on the CPU."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from quire.models.compiled import CompiledForward, Packages
from quire.models.graphs import Candidate, Captures, Clock, GraphedForward, capture_within, ladder
from quire.models.portions import PortionedForward
from quire.models.ppocr.canvases import DETECTION_CANVASES, LINE_CANVASES
from quire.models.ppocr.lanes import DETECTION, RECOGNITION, BatchPixels
from quire.models.ppocr.networks import Networks

_RECOGNITION_COST = 5.5
"""Of a pixel of a line against one of a page: 143 and 26 kFLOP."""


@dataclass(frozen=True)
class NetworkGraphs:
    """Networks that use the graphs which `capture` makes; before that they run eagerly."""

    networks: Networks
    detection: GraphedForward
    recognition: GraphedForward

    def capture(self, budget_seconds: float, clock: Clock = time.monotonic) -> Captures:
        """Largest first, both networks together."""
        candidates = [
            Candidate(forward, rung, rung.pixels * cost)
            for forward, cost in ((self.detection, 1.0), (self.recognition, _RECOGNITION_COST))
            for rung in forward.rungs
        ]
        return capture_within(candidates, budget_seconds, clock)


def on_graphs(networks: Networks, batch: BatchPixels, packages: Packages) -> NetworkGraphs:
    """For batches of up to so many pixels, on every canvas that has no package."""
    pages = [canvas for canvas in DETECTION_CANVASES if canvas not in packages.get(DETECTION, {})]
    lines = [canvas for canvas in LINE_CANVASES if canvas not in packages.get(RECOGNITION, {})]
    detection = GraphedForward(networks.detection, networks.side, ladder(pages, batch.most_pages))
    recognition = GraphedForward(networks.recognition, networks.side, ladder(lines, batch.most_lines))
    graphed = replace(networks, detection=detection, recognition=recognition)
    return NetworkGraphs(graphed, detection, recognition)


def in_portions(networks: Networks) -> Networks:
    """The same networks, for batches of any size by those of a few."""
    return replace(
        networks,
        detection=PortionedForward(networks.detection),
        recognition=PortionedForward(networks.recognition),
    )


def with_packages(networks: Networks, packages: Packages) -> Networks:
    """The same networks, where there is a package for the canvas by that."""
    if not packages:
        return networks
    return replace(
        networks,
        detection=CompiledForward(networks.detection, packages.get(DETECTION, {})),
        recognition=CompiledForward(networks.recognition, packages.get(RECOGNITION, {})),
    )
