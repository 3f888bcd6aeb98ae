"""What must a page model's class have, and what does it say of its canvases and batches? Free of torch."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from quire.engine.port import Canvas, Pixels
from quire.models.page_model_code import PageModelBroken

DEFAULT_MAX_ITEMS = 16

_ARGUMENTS = {"load": "model_dir, device", "pre": "pages", "device": "batch", "post": "outputs"}
"""Method → its arguments. `post` may take `pages` as well."""

Batch = npt.NDArray[np.uint8] | list[Pixels]
"""Pages on their canvas: uint8 RGB [n, height, width, 3]; or each as it was drawn."""


@dataclass(frozen=True)
class PageModelMethods:
    """A user's page model, looked over: what it has is callable as it will be called."""

    instance: Any
    post_takes_pages: bool

    @classmethod
    def of(cls, instance: Any) -> PageModelMethods:
        """Raises PageModelBroken that names the method at fault."""
        for name, arguments in _ARGUMENTS.items():
            _check(instance, name, arguments)
        _check_canvases(instance)
        for name in ("max_items", "max_batch_pixels"):
            _check_limit(instance, name)
        return cls(instance, _takes(instance.post, 2))

    @property
    def name(self) -> str:
        return str(getattr(self.instance, "name", type(self.instance).__name__))

    @property
    def canvases(self) -> tuple[Canvas, ...]:
        """The short list that the class has; empty where it has a method `canvas` instead."""
        return tuple(_canvas(pair) for pair in getattr(self.instance, "canvases", ()))

    def canvas(self, height: int, width: int) -> Canvas:
        """Where a page of so many pixels is laid: what the method says, else of the listed ones that whose
        shape is nearest the page's. Raises what the method raises, and ValueError for what is no size."""
        method = getattr(self.instance, "canvas", None)
        if method is not None:
            return _canvas(method(height, width))
        return min(self.canvases, key=lambda canvas: _unlikeness(canvas, height, width))

    def lay_out(self, pages: Sequence[Pixels], canvas: Canvas) -> Batch:
        """Each page scaled onto the canvas, however that changes its shape; the pages themselves where the
        class has `scale = False`."""
        if not getattr(self.instance, "scale", True):
            return list(pages)
        return np.stack([_scaled(page, canvas) for page in pages])

    def max_items(self, canvas: Canvas, share: float) -> int:
        """The largest batch, by number and by pixels, times QUIRE_BATCH_SHARE; one at least."""
        most = float(getattr(self.instance, "max_items", DEFAULT_MAX_ITEMS))
        pixels = getattr(self.instance, "max_batch_pixels", None)
        if pixels is not None:
            most = min(most, pixels / canvas.pixels)
        return max(1, int(most * share))

    def post(self, outputs: Any, pages: Sequence[Pixels]) -> list[Any]:
        given = (outputs, list(pages)) if self.post_takes_pages else (outputs,)
        results = self.instance.post(*given)
        if isinstance(results, str | bytes | dict):
            raise TypeError(f"post gave a {type(results).__name__}, not a list with a result for each page")
        return list(results)


def _takes(method: Callable[..., Any], num_arguments: int) -> bool:
    try:
        inspect.signature(method).bind(*range(num_arguments))
    except TypeError:
        return False
    return True


def _check(instance: Any, name: str, arguments: str) -> None:
    method = getattr(instance, name, None)
    if not callable(method):
        raise PageModelBroken(f"{type(instance).__name__} has no method {name}(self, {arguments})")
    if not _takes(method, len(arguments.split(","))) and not (name == "post" and _takes(method, 2)):
        signature = inspect.signature(method)
        raise PageModelBroken(
            f"{type(instance).__name__}.{name}{signature} must be callable as {name}({arguments})"
        )


def _check_canvases(instance: Any) -> None:
    kind = type(instance).__name__
    if hasattr(instance, "canvas"):
        _check(instance, "canvas", "height, width")
        return
    listed = getattr(instance, "canvases", None)
    if not listed:
        raise PageModelBroken(
            f"{kind} has neither canvases = [(height, width), ...] nor canvas(height, width)"
        )
    try:
        for pair in listed:
            _canvas(pair)
    except (TypeError, ValueError) as error:
        raise PageModelBroken(f"{kind}.canvases: {error}") from error


def _check_limit(instance: Any, name: str) -> None:
    limit = getattr(instance, name, None)
    if limit is not None and (not isinstance(limit, int) or limit < 1):
        raise PageModelBroken(f"{type(instance).__name__}.{name} is {limit!r}, not a whole number above 0")


def _canvas(pair: Any) -> Canvas:
    height, width = (int(side) for side in pair)
    if height < 1 or width < 1:
        raise ValueError(f"a canvas of {height} x {width} pixels")
    return Canvas(height, width)


def _unlikeness(canvas: Canvas, height: int, width: int) -> float:
    return abs(math.log(canvas.height / canvas.width) - math.log(height / width))


def _scaled(page: Pixels, canvas: Canvas) -> Pixels:
    shrinks = page.shape[0] > canvas.height or page.shape[1] > canvas.width
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    scaled = cv2.resize(page, (canvas.width, canvas.height), interpolation=way)
    return scaled.astype(np.uint8, copy=False)
