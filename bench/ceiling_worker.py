"""How long do the networks' forward passes take, and nothing else? One process's part of the raw ceiling.

A program of its own, spoken to through `line_process`. The tensors lie on the device before the clock starts.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.ceiling_items import Items
from bench.line_process import answer_lines
from quire.models.devices import choose_device, device_class
from quire.models.host_memory import keep_freed_memory
from quire.models.model_folder import default_model_dir
from quire.models.ppocr.networks import load_networks
from quire.models.precision import choose_precision
from quire.words.settings import Settings

NOMINAL_PIXELS = {"detection": 700_000, "recognition": 48 * 320}
"""A batch size counts canvases of so many pixels; of larger ones fewer make a batch."""


@dataclass(frozen=True)
class Batch:
    """Canvases of one size that go through one network together."""

    lane: str
    canvases: Tensor

    @property
    def pixels(self) -> int:
        return self.canvases.shape[0] * self.canvases.shape[2] * self.canvases.shape[3]


@dataclass(frozen=True)
class Part:
    """This process is number `index` of `count` that share the batches."""

    index: int
    count: int


def batches_of(items: Items, sizes: dict[str, int], part: Part) -> list[Batch]:
    """The batches of `sizes` canvases that fall to `part`: all are dealt out, the largest first, each to the
    part with the least to do. Lanes that are not in `sizes` are left out."""
    batches = [
        Batch(lane, chunk)
        for (lane, _, _), canvases in items.items()
        if lane in sizes
        for chunk in torch.split(canvases, _num_canvases(canvases, lane, sizes[lane]))
    ]
    loads = [0] * part.count
    mine = []
    for batch in sorted(batches, key=lambda batch: batch.pixels, reverse=True):
        to = loads.index(min(loads))
        loads[to] += batch.pixels
        if to == part.index:
            mine.append(batch)
    return mine


def _num_canvases(canvases: Tensor, lane: str, size: int) -> int:
    return max(1, size * NOMINAL_PIXELS[lane] // (canvases.shape[2] * canvases.shape[3]))


class Networks:
    """The networks on their device, and the items that were asked for."""

    def __init__(self, settings: Settings) -> None:
        self.device = choose_device(settings.device)
        if settings.device_threads:
            torch.set_num_threads(settings.device_threads)
        self.device_class = device_class(self.device)
        self.precision = choose_precision(settings.precision, self.device_class)
        self._items: dict[str, Items] = {}
        networks = load_networks(default_model_dir(), self.device, self.precision)
        self._forward: dict[str, Callable[[Tensor], object]] = {
            "detection": networks.detect,
            "recognition": networks.recognize,
        }

    def items(self, path: str) -> Items:
        """What `ceiling_items` wrote there, on the device."""
        if path not in self._items:
            kept: Items = torch.load(Path(path), weights_only=True)
            self._items[path] = {key: tensor.to(self.device) for key, tensor in kept.items()}
        return self._items[path]

    def run(self, batches: Iterable[Batch]) -> None:
        for batch in batches:
            self._forward[batch.lane](batch.canvases)
        self.wait()

    def wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def speed(self, batches: list[Batch], seconds: float) -> float:
        """Pixels of canvas a second, over about so many seconds, in batches drawn by lot."""
        order = random.Random(0).sample(batches, len(batches))
        self.run(order[:1])
        began, pixels = time.perf_counter(), 0
        while (spent := time.perf_counter() - began) < seconds:
            for batch in order:
                self.run([batch])
                pixels += batch.pixels
                if (spent := time.perf_counter() - began) >= seconds:
                    break
        return pixels / spent


def main() -> None:
    keep_freed_memory(os.environ)
    networks = Networks(Settings.from_environ(os.environ))

    def answer(command: dict[str, Any]) -> dict[str, float]:
        items = networks.items(command["items"])
        batches = batches_of(items, command["sizes"], Part(command["part"], command["parts"]))
        if "seconds" in command:
            return {"pixels_per_second": networks.speed(batches, command["seconds"])}
        for _ in range(command["times"]):
            networks.run(batches)
        return {}

    described = {"device": networks.device_class, "precision": networks.precision.value}
    answer_lines(lambda: described, answer)


if __name__ == "__main__":
    main()
