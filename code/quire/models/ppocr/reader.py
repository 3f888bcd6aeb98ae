"""The default model as the device worker sees it: page pixels in, the page's text out."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from quire.engine.port import DeviceOutOfMemory, Item, Lane, Pixels
from quire.layout.page import compose_page
from quire.models.compiled import PackageKey, Packages, key_of, load_packages
from quire.models.devices import choose_device, device_class, use_threads
from quire.models.model_folder import read_manifest
from quire.models.ppocr.canvases import dense_page_canvas, line_canvas, page_canvas
from quire.models.ppocr.decoding import Reading
from quire.models.ppocr.lanes import (
    DETECTION,
    RECOGNITION,
    DetectionLane,
    LinePlace,
    PageSearch,
    RecognitionLane,
    batch_pixels,
)
from quire.models.ppocr.networks import Networks, load_networks
from quire.models.ppocr.orientation import (
    are_doubtful,
    are_sideways,
    certainty,
    is_clearly_better,
    possible_turns,
    probes,
)
from quire.models.ppocr.page_images import PageImage, place_page
from quire.models.ppocr.quads import PageView, Quads, heights, polygons_within, turned, widths
from quire.models.ppocr.regions import Regions
from quire.models.ppocr.speed_ups import in_portions, on_graphs, with_packages
from quire.models.precision import Precision, choose_precision
from quire.words.reading import Line, ModelInfo, PageText
from quire.words.settings import Settings

LEAST_CONFIDENCE = 0.65
"""Lines read with less are taken for specks and pictures."""

_SMALLEST_CORE_PX = 5.0
"""A page whose lines' cores are thinner than this on its canvas is searched again on a larger one."""

_Result = TypeVar("_Result")

Steps = Generator[Sequence[Item], Sequence[Any], _Result]
"""Items go out, one output for each comes back."""


class PPOCRReader:
    """Finds lines, decides which way up they stand, and reads them."""

    def __init__(
        self,
        networks: Networks,
        info: ModelInfo,
        prepare: Callable[[], object] | None = None,
        *,
        batch_share: float = 1.0,
    ) -> None:
        """`prepare` is called first of all when the reader is warmed up. Batches hold at most `batch_share`
        of the device's built-in ceilings."""
        batch = batch_pixels(networks.device, batch_share)
        self.info = info
        self.lanes: Mapping[str, Lane] = {
            DETECTION: DetectionLane(networks, batch),
            RECOGNITION: RecognitionLane(networks, batch),
        }
        self.side = networks.side
        self.device_class = device_class(networks.device)
        self.precision: Precision = networks.precision
        self._prepare = prepare

    def warm_up(self) -> None:
        """One page and one line, alone, and where batches are large a full one of each: what torch chooses
        and allocates on first use is then there. A full batch that does not fit is none of its business."""
        if self._prepare is not None:
            self._prepare()
        page = place_page(np.full((1000, 700, 3), 255, np.uint8), self.side)
        (line,) = _line_items(page, np.array([[[0.0, 0.0], [320.0, 0.0], [320.0, 48.0], [0.0, 48.0]]]))
        search = PageSearch(page, PageView(page.height, page.width))
        for item in (_page_item(search), line):
            self._run(item, 1)
            if self.side.captures_graphs:
                with contextlib.suppress(DeviceOutOfMemory):
                    self._run(item, self.lanes[item.lane].max_items(item.canvas))

    def _run(self, item: Item, num_items: int) -> None:
        lane, payloads = self.lanes[item.lane], [item.payload] * num_items
        lane.post(lane.device(lane.pre(item.canvas, payloads)), payloads)

    def read(self, pixels: Pixels) -> Steps[PageText]:
        """Reads one page; `pixels` is RGB, and borrowed."""
        page = place_page(pixels, self.side)
        quarters, quads = yield from _find_lines(page)
        if not len(quads):
            return compose_page([])
        if quarters == 0:
            quarters, quads, readings = yield from _read_upright(page, quads)
        else:
            quads, readings = yield from _read_standing(page, quads)
        lines = [
            Line(text=reading.text, confidence=reading.confidence, polygon=polygon)
            for polygon, reading in zip(
                polygons_within(quads, page.height, page.width), readings, strict=True
            )
            if reading.text and reading.confidence >= LEAST_CONFIDENCE
        ]
        return compose_page(lines, rotation_degrees=90 * quarters)


def _find_lines(page: PageImage) -> Steps[tuple[int, Quads]]:
    """The quarter turns that the page needs as far as the shape of its lines tells (0, 1 or 3), and its
    lines, their corners in the order of text that stands upright after these turns."""
    quads = yield from _search(page, quarters=0)
    if not are_sideways(quads):
        return 0, quads
    quarters = yield from _which_side(page, quads)
    # Lines on their side are found less surely than the same lines seen upright.
    return quarters, (yield from _search(page, quarters))


def _search(page: PageImage, quarters: int) -> Steps[Quads]:
    search = PageSearch(page, PageView(page.height, page.width, quarters))
    (found,) = yield [_page_item(search)]
    if 0 < found.core_px < _SMALLEST_CORE_PX:
        canvas = dense_page_canvas(search.view.height, search.view.width)
        (found,) = yield [Item(DETECTION, canvas, search)]
    regions: Regions = found
    return regions.quads


def _which_side(page: PageImage, quads: Quads) -> Steps[int]:
    """1 or 3: the quarters by which a page that lies on its side must be turned."""
    once, thrice = turned(quads, 1), turned(quads, 3)
    chosen = probes(once)
    readings = yield _line_items(page, np.concatenate([once[chosen], thrice[chosen]]))
    half = len(chosen)
    return 3 if certainty(readings[half:]) > certainty(readings[:half]) else 1


def _read_upright(page: PageImage, quads: Quads) -> Steps[tuple[int, Quads, list[Reading]]]:
    """Reads a page whose lines run level. One that is hard to read may stand on its head: a few lines
    tell. Returns 0 or 2 quarter turns, the quads and what they say."""
    placed, readings = yield from _read_standing(page, quads)
    if not are_doubtful(readings):
        return 0, placed, readings
    upside_down = turned(quads, 2)
    chosen = probes(quads)
    again = yield _line_items(page, upside_down[chosen])
    if not is_clearly_better(again, [readings[index] for index in chosen]):
        return 0, placed, readings
    placed, readings = yield from _read_standing(page, upside_down)
    return 2, placed, readings


def _read_standing(page: PageImage, quads: Quads) -> Steps[tuple[Quads, list[Reading]]]:
    """Reads lines of a page that is the right way up; a line that still stands on end is read each way
    and the surest reading kept. One quad and one reading for each quad, in order."""
    ways = [(index, way) for index, turns in enumerate(possible_turns(quads)) for way in turns]
    all_turned = [turned(quads, way) for way in range(4)]
    candidates = np.stack([all_turned[way][index] for index, way in ways])
    outputs: Sequence[Reading] = yield _line_items(page, candidates)
    best: dict[int, int] = {}
    for number, (index, _) in enumerate(ways):
        if index not in best or outputs[number].confidence > outputs[best[index]].confidence:
            best[index] = number
    kept = list(best.values())
    return candidates[kept], [outputs[number] for number in kept]


def _page_item(search: PageSearch) -> Item:
    return Item(DETECTION, page_canvas(search.view.height, search.view.width), search)


def _line_items(page: PageImage, quads: Quads) -> list[Item]:
    sizes = zip(quads, heights(quads).tolist(), widths(quads).tolist(), strict=True)
    return [Item(RECOGNITION, line_canvas(high, wide), LinePlace(page, quad)) for quad, high, wide in sizes]


def load_reader(folder: Path, settings: Settings) -> PPOCRReader:
    """The reader with the weights of a model folder, on the device and in the precision that the
    settings ask for. Raises ModelFolderError, OSError for a missing file, ValueError for an absent device."""
    device = choose_device(settings.device)
    if device.type == "cpu":
        use_threads(settings.device_threads)
    manifest = read_manifest(folder)
    info = ModelInfo(name=manifest.name, revision=manifest.revision)
    precision = choose_precision(settings.precision, device_class(device))
    networks = load_networks(folder, device, precision)
    if device.type == "cpu":
        networks = in_portions(networks)
    packages = _compiled(settings, key_of(device, precision, manifest.digest), device)
    if not (networks.side.captures_graphs and settings.warmup_seconds > 0):
        return PPOCRReader(with_packages(networks, packages), info, batch_share=settings.batch_share)
    graphs = on_graphs(networks, batch_pixels(device, settings.batch_share), packages)
    capture = functools.partial(graphs.capture, settings.warmup_seconds)
    return PPOCRReader(
        with_packages(graphs.networks, packages), info, capture, batch_share=settings.batch_share
    )


def _compiled(settings: Settings, key: PackageKey, device: torch.device) -> Packages:
    if not settings.compiled_dir:
        return {}
    return load_packages(Path(settings.compiled_dir), key, device)
