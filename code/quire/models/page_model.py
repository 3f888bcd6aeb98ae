"""A user's own page model behind the port: one lane, whose stages are the methods of the user's class."""

from __future__ import annotations

import hashlib
import inspect
import logging
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from quire.engine.device_worker import LoadedModel
from quire.engine.port import Canvas, DeviceLost, DeviceOutOfMemory, Item, Lane, Pixels
from quire.models.device_side.side import DeviceSide
from quire.models.devices import choose_device, device_class, side_of, use_threads
from quire.models.host_outputs import landed, on_the_way
from quire.models.model_choice import PageModelChoice
from quire.models.page_model_code import PageModelBroken, imported, users_own
from quire.models.page_model_methods import PageModelMethods
from quire.models.page_results import page_text_of
from quire.words.json_lines import log_line
from quire.words.reading import ModelInfo, PageText
from quire.words.settings import Settings

log = logging.getLogger("quire.device")

LANE = "page"

_A4_INCHES = (11.69, 8.27)
_REVISION_DIGITS = 12


class PageModelLane:
    """Payload: the page's pixels. Output: whatever the user's `post` gives for the page."""

    def __init__(self, methods: PageModelMethods, side: DeviceSide, batch_share: float) -> None:
        self._methods = methods
        self._side = side
        self._batch_share = batch_share

    def max_items(self, canvas: Canvas) -> int:
        return self._methods.max_items(canvas, self._batch_share)

    def pre(self, canvas: Canvas, payloads: Sequence[Pixels]) -> Any:
        with self._stage("pre", len(payloads)):
            return len(payloads), self._methods.instance.pre(self._methods.lay_out(payloads, canvas))

    def device(self, prepared: Any) -> Any:
        num_pages, batch = prepared
        with self._stage("device", num_pages):
            return on_the_way(self._methods.instance.device(batch), self._side)

    def post(self, output: Any, payloads: Sequence[Pixels]) -> list[Any]:
        with self._stage("post", len(payloads)):
            return self._methods.post(landed(output), payloads)

    @contextmanager
    def _stage(self, name: str, num_pages: int) -> Iterator[None]:
        """Faults of the device are translated; what else goes wrong with a page alone is logged where its
        author finds it. In a larger batch it will be met again."""
        try:
            with self._side.guard(), torch.inference_mode():
                yield
        except (DeviceLost, DeviceOutOfMemory):
            raise
        except Exception as error:
            if num_pages == 1:
                log_line(log, logging.ERROR, "the page model failed on a page", stage=name, exc_info=error)
            raise


class UsersPageModel:
    """A PageModel of one lane."""

    def __init__(
        self, methods: PageModelMethods, info: ModelInfo, side: DeviceSide, batch_share: float
    ) -> None:
        self.info = info
        self.lanes: Mapping[str, Lane] = {LANE: PageModelLane(methods, side, batch_share)}
        self._methods = methods

    def read(self, pixels: Pixels) -> Generator[Sequence[Item], Sequence[Any], PageText]:
        height, width = pixels.shape[:2]
        (result,) = yield [Item(LANE, self._methods.canvas(height, width), pixels)]
        return page_text_of(result)

    def warm_up(self) -> None:
        """A blank page alone on every canvas that is listed, else on the one that A4 has at 100 dpi."""
        listed = [(canvas.height, canvas.width) for canvas in self._methods.canvases]
        for height, width in listed or [_a4(100)]:
            self._read_blank(height, width)

    def pages_wanted(self, dpi: int) -> int:
        """Enough for one batch of A4 pages on the device and one behind it."""
        canvas = self._methods.canvas(*_a4(dpi))
        return 2 * self.lanes[LANE].max_items(canvas)

    def _read_blank(self, height: int, width: int) -> None:
        reading = self.read(np.full((height, width, 3), 255, np.uint8))
        (item,) = next(reading)
        lane, payloads = self.lanes[LANE], [item.payload]
        outputs = lane.post(lane.device(lane.pre(item.canvas, payloads)), payloads)
        if len(outputs) != 1:
            raise PageModelBroken(f"post gave {len(outputs)} results for one page")
        page_text_of(outputs[0])


def _a4(dpi: int) -> tuple[int, int]:
    height, width = _A4_INCHES
    return int(height * dpi), int(width * dpi)


def load_page_model(choice: PageModelChoice, settings: Settings) -> LoadedModel:
    """The model, warm. Raises PageModelBroken that says what is wrong with the user's code, ValueError for an
    absent device, DeviceLost."""
    device = choose_device(settings.device)
    if device.type == "cpu":
        use_threads(settings.device_threads)
    side, code = side_of(device), Path(choice.code_folder)
    made = imported(choice.entry, code)
    instance = users_own(f"making {choice.entry}", code, lambda: _made(made, choice, settings))
    methods = PageModelMethods.of(instance)
    info = ModelInfo(name=methods.name, revision=_revision(instance))
    users_own(f"{methods.name}.load", code, lambda: _load(methods, choice, side))
    model = UsersPageModel(methods, info, side, settings.batch_share)
    users_own(f"reading a blank page with {methods.name}", code, model.warm_up)
    return LoadedModel(model, device_class(device), "own", model.pages_wanted(settings.dpi))


def _made(made: Callable[..., Any], choice: PageModelChoice, settings: Settings) -> Any:
    """A class's instance, or what a function gives."""
    if inspect.isclass(made):
        return made(**choice.options)
    try:
        inspect.signature(made).bind(choice.folder, settings)
    except TypeError:
        return made(choice.folder)
    return made(choice.folder, settings)


def _load(methods: PageModelMethods, choice: PageModelChoice, side: DeviceSide) -> None:
    with side.guard():
        methods.instance.load(choice.folder, side.device)


def _revision(instance: Any) -> str:
    """The class's own, else the beginning of its source file's sha256."""
    own = getattr(instance, "revision", None)
    if own is not None:
        return str(own)
    source = inspect.getsourcefile(type(instance))
    content = Path(source).read_bytes() if source else b""
    return hashlib.sha256(content).hexdigest()[:_REVISION_DIGITS]
