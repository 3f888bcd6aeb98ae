"""What a user's class must have, and what it says of canvases and batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quire.engine.port import Canvas
from quire.models.page_model_code import PageModelBroken
from quire.models.page_model_methods import DEFAULT_MAX_ITEMS, PageModelMethods


class Whole:
    """Has all that is needed and nothing more."""

    canvases: Any = ((100, 50), (50, 100), (70, 70))

    def load(self, model_dir: Any, device: Any) -> None: ...

    def pre(self, pages: Any) -> Any:
        return pages

    def device(self, batch: Any) -> Any:
        return batch

    def post(self, outputs: Any) -> Any:
        return [float(page.mean()) for page in outputs]


def page(height: int, width: int, value: int = 200) -> Any:
    return np.full((height, width, 3), value, np.uint8)


@pytest.mark.parametrize("name", ["load", "pre", "device", "post"])
def test_a_missing_method_is_named(name: str) -> None:
    methods = {key: value for key, value in vars(Whole).items() if key != name}
    lacking = type("Lacking", (), methods)()
    with pytest.raises(PageModelBroken, match=rf"Lacking has no method {name}\(self"):
        PageModelMethods.of(lacking)


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("load", lambda self, model_dir: None),
        ("pre", lambda self: None),
        ("device", lambda self, batch, more: None),
        ("post", lambda self, outputs, pages, more: None),
        ("post", lambda self: None),
        ("canvas", lambda self, size: size),
    ],
)
def test_a_wrong_signature_is_named(name: str, method: Any) -> None:
    with pytest.raises(PageModelBroken, match=rf"Wrong\.{name}\(.*must be callable as {name}\("):
        PageModelMethods.of(type("Wrong", (Whole,), {name: method})())


@pytest.mark.parametrize("canvases", [(), [(0, 10)], [(10,)], [10], ["ab"], None])
def test_canvases_that_are_none_are_named(canvases: Any) -> None:
    with pytest.raises(PageModelBroken, match="canvases"):
        PageModelMethods.of(type("Wrong", (Whole,), {"canvases": canvases})())


@pytest.mark.parametrize("name", ["max_items", "max_batch_pixels"])
@pytest.mark.parametrize("limit", [0, -1, 1.5, "8"])
def test_a_limit_that_is_none_is_named(name: str, limit: Any) -> None:
    with pytest.raises(PageModelBroken, match=f"{name} is"):
        PageModelMethods.of(type("Wrong", (Whole,), {name: limit})())


@pytest.mark.parametrize(
    ("size", "canvas"),
    [((2000, 1000), (100, 50)), ((10, 25), (50, 100)), ((500, 500), (70, 70)), ((1200, 1000), (70, 70))],
)
def test_a_page_goes_to_the_canvas_of_its_shape(size: tuple[int, int], canvas: tuple[int, int]) -> None:
    assert PageModelMethods.of(Whole()).canvas(*size) == Canvas(*canvas)


def test_a_canvas_of_its_own_choice_goes_before_the_list() -> None:
    class Choosing(Whole):
        def canvas(self, height: int, width: int) -> Any:
            return np.array([height // 2, width // 2])

    assert PageModelMethods.of(Choosing()).canvas(80, 60) == Canvas(40, 30)


def test_a_canvas_without_pixels_is_an_error_of_the_page() -> None:
    methods = PageModelMethods.of(type("Empty", (Whole,), {"canvas": lambda self, height, width: (0, 5)})())
    with pytest.raises(ValueError, match="0 x 5"):
        methods.canvas(10, 10)


def test_pages_are_scaled_onto_the_canvas() -> None:
    methods = PageModelMethods.of(Whole())
    laid = methods.lay_out([page(200, 100), page(10, 4, 90)], Canvas(100, 50))
    assert isinstance(laid, np.ndarray)
    assert (laid.shape, laid.dtype) == ((2, 100, 50, 3), np.dtype(np.uint8))
    assert [int(each.mean()) for each in laid] == [200, 90]


def test_shrinking_takes_the_mean_so_that_thin_lines_do_not_vanish() -> None:
    striped = page(400, 200, 255)
    striped[::4] = 0
    laid = PageModelMethods.of(Whole()).lay_out([striped], Canvas(100, 50))
    assert abs(float(np.mean(laid)) - 255 * 3 / 4) < 1


def test_a_class_that_scales_itself_gets_the_pages() -> None:
    pages = [page(200, 100), page(10, 4)]
    laid = PageModelMethods.of(type("Own", (Whole,), {"scale": False})()).lay_out(pages, Canvas(100, 50))
    assert [each.shape for each in laid] == [(200, 100, 3), (10, 4, 3)]


@pytest.mark.parametrize(
    ("limits", "share", "most"),
    [
        ({}, 1.0, DEFAULT_MAX_ITEMS),
        ({"max_items": 5}, 1.0, 5),
        ({"max_items": 5}, 2.0, 10),
        ({"max_items": 5}, 0.05, 1),
        ({"max_items": 50, "max_batch_pixels": 20_000}, 1.0, 4),
        ({"max_batch_pixels": 10}, 1.0, 1),
    ],
)
def test_batches_are_bounded_by_number_pixels_and_share(limits: Any, share: float, most: int) -> None:
    methods = PageModelMethods.of(type("Limited", (Whole,), limits)())
    assert methods.max_items(Canvas(100, 50), share) == most


def test_post_may_look_at_the_pages() -> None:
    def post(self: Any, outputs: Any, pages: Any) -> Any:
        return (each.shape for each in pages)

    methods = PageModelMethods.of(type("Looking", (Whole,), {"post": post})())
    assert methods.post([None], [page(7, 5)]) == [(7, 5, 3)]
    assert PageModelMethods.of(Whole()).post([page(7, 5)], [page(7, 5)]) == [200.0]


@pytest.mark.parametrize("results", ["text", b"text", {"a": 1}])
def test_one_result_for_a_whole_batch_is_an_error(results: Any) -> None:
    methods = PageModelMethods.of(type("One", (Whole,), {"post": lambda self, outputs: results})())
    with pytest.raises(TypeError, match="not a list"):
        methods.post([None], [page(1, 1)])


def test_its_name_is_its_own_or_its_classs() -> None:
    assert PageModelMethods.of(Whole()).name == "Whole"
    assert PageModelMethods.of(type("Named", (Whole,), {"name": "forms"})()).name == "forms"
