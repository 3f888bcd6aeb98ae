"""The signs of handler workers, and the health that the front end makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from quire.engine.watch import Health
from quire.handlers.handler_signs import HandlerSigns, Life
from quire.handlers.handler_watch import HandlerWatch, JointHealth
from tests.fakes.engine_that_obeys_the_reference import DRAINING, HEALING, READY, STARTING, WatchThatIsTold
from tests.fakes.running_front_end import eventually


@contextmanager
def watching(signs: HandlerSigns, heal_seconds: float = 60.0) -> Iterator[HandlerWatch]:
    watch = HandlerWatch(signs, heal_seconds)
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()


def test_signs_tell_how_far_a_life_came(tmp_path: Path) -> None:
    signs = HandlerSigns(tmp_path)
    assert signs.bury(7) == Life(had_loaded=False, had_answered=False)
    signs.say_loaded(7)
    signs.say_loaded(8)
    signs.say_answered(8)
    assert signs.num_loaded == 2
    assert signs.bury(7) == Life(had_loaded=True, had_answered=False)
    assert signs.bury(8) == Life(had_loaded=True, had_answered=True)
    assert signs.num_loaded == 0


def test_healthy_once_one_has_loaded_and_forgiven_while_it_is_replaced(tmp_path: Path) -> None:
    signs = HandlerSigns(tmp_path)
    with watching(signs) as watch:
        eventually(lambda: watch.health().reason == "no handler is loaded")
        assert not watch.health().is_healthy
        signs.say_loaded(7)
        eventually(lambda: watch.health().is_ready)
        assert watch.health().is_healthy
        signs.bury(7)
        eventually(lambda: not watch.health().is_ready)
        assert watch.health().is_healthy


def test_forgiven_for_so_long_only(tmp_path: Path) -> None:
    signs = HandlerSigns(tmp_path)
    signs.say_loaded(7)
    with watching(signs, heal_seconds=0.2) as watch:
        eventually(lambda: watch.health().is_healthy)
        signs.bury(7)
        eventually(lambda: not watch.health().is_healthy)
        signs.say_loaded(9)
        eventually(lambda: watch.health().is_healthy)


def test_each_change_is_told(tmp_path: Path) -> None:
    signs, told = HandlerSigns(tmp_path), list[Health]()
    watch = HandlerWatch(signs, 60.0)
    watch.subscribe(told.append)
    watch.start()
    signs.say_loaded(7)
    eventually(lambda: told and told[-1].is_ready)
    signs.say_stopping()
    eventually(lambda: told[-1].is_draining)
    watch.stop()
    assert not told[-1].is_healthy


def test_together_they_are_as_well_as_the_worst() -> None:
    engine, handlers = WatchThatIsTold(STARTING), WatchThatIsTold(READY)
    both, told = JointHealth(engine, handlers), list[Health]()
    both.subscribe(told.append)
    assert (both.health().is_healthy, both.health().is_ready) == (False, False)
    engine.tell(READY)
    assert (told[-1].is_healthy, told[-1].is_ready, told[-1].reason) == (True, True, "")
    handlers.tell(HEALING)
    assert (told[-1].is_healthy, told[-1].is_ready, told[-1].reason) == (True, False, "healing")
    engine.tell(DRAINING)
    assert (told[-1].is_draining, told[-1].is_healthy) == (True, False)


def test_signs_that_cannot_be_read_for_a_while_do_not_end_the_watch(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    signs, unreadable = HandlerSigns(tmp_path / "run"), tmp_path / "unreadable"
    (tmp_path / "real").mkdir()
    signs.directory.symlink_to("real")
    unreadable.symlink_to("x" * 300)
    signs.say_loaded(7)
    with watching(signs) as watch:
        eventually(lambda: watch.health().is_ready)
        unreadable.rename(signs.directory)
        eventually(lambda: "cannot be read" in caplog.text)
        assert watch.health().is_ready
        (tmp_path / "again").symlink_to("real")
        (tmp_path / "again").rename(signs.directory)
        signs.say_stopping()
        eventually(lambda: watch.health().is_draining)
    assert caplog.text.count("cannot be read") == 1
