"""When the model server is given up: what its own /ping never says."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from quire.engine.watch import Health
from quire.frontend.mms_place import MmsPlace
from quire.process.mms_health import MmsHealth
from quire.words.settings import Settings

SETTINGS = Settings.from_environ({"QUIRE_HEAL_SECONDS": "30", "QUIRE_STARTUP_SECONDS": "100"})


class EngineThatIs:
    """Says what it was told to."""

    def __init__(self, *, is_healthy: bool, is_draining: bool = False) -> None:
        self.said = Health(is_healthy, is_healthy, is_draining, "the engine is gone")

    def health(self) -> Health:
        return self.said

    def subscribe(self, callback: Callable[[Health], None]) -> None:
        raise AssertionError("nobody subscribes")


@pytest.fixture
def place(tmp_path: Path) -> MmsPlace:
    """With one worker that has loaded: this process."""
    place = MmsPlace(tmp_path)
    place.scratch_of(os.getpid()).mkdir()
    place.say_loaded()
    place.say_nursery()
    return place


def ended_pid() -> int:
    process = subprocess.Popen(("true",))
    process.wait()
    return process.pid


def test_all_is_well(place: MmsPlace) -> None:
    health = MmsHealth(place, EngineThatIs(is_healthy=True), SETTINGS)
    assert health.trouble(time.monotonic() + 1000) is None


def test_an_engine_that_is_dead_for_good_is_final(place: MmsPlace) -> None:
    trouble = MmsHealth(place, EngineThatIs(is_healthy=False), SETTINGS).trouble(time.monotonic())
    assert trouble is not None
    assert trouble.is_final
    assert trouble.reason == "the engine is gone, for longer than QUIRE_HEAL_SECONDS=30"


def test_an_engine_that_drains_is_no_trouble(place: MmsPlace) -> None:
    draining = EngineThatIs(is_healthy=False, is_draining=True)
    assert MmsHealth(place, draining, SETTINGS).trouble(time.monotonic()) is None


def test_a_handler_that_cannot_load_is_final(tmp_path: Path) -> None:
    place = MmsPlace(tmp_path)
    place.refuse("it has no predict_fn")
    trouble = MmsHealth(place, None, SETTINGS).trouble(time.monotonic())
    assert trouble is not None
    assert (trouble.is_final, trouble.reason) == (True, "it has no predict_fn")


def test_one_that_has_loaded_before_may_load_again(place: MmsPlace) -> None:
    place.refuse("the store is away")
    assert MmsHealth(place, None, SETTINGS).trouble(time.monotonic()) is None
    assert place.take_refusal() is None


def test_a_dead_nursery_is_started_again(place: MmsPlace) -> None:
    (place.directory / "nursery.pid").write_text(str(ended_pid()))
    trouble = MmsHealth(place, None, SETTINGS).trouble(time.monotonic())
    assert trouble is not None
    assert not trouble.is_final


def test_workers_may_be_away_for_as_long_as_healing_may_take(place: MmsPlace) -> None:
    health, now = MmsHealth(place, None, SETTINGS), time.monotonic()
    assert health.trouble(now) is None
    place.scratch_of(os.getpid()).rename(place.scratch_of(ended_pid()))
    assert health.trouble(now + 29) is None
    trouble = health.trouble(now + 31)
    assert trouble is not None
    assert "QUIRE_HEAL_SECONDS=30" in trouble.reason


def test_the_first_worker_may_take_as_long_as_loading_may(tmp_path: Path) -> None:
    health, now = MmsHealth(MmsPlace(tmp_path), None, SETTINGS), time.monotonic()
    assert health.trouble(now + 99) is None
    trouble = health.trouble(now + 101)
    assert trouble is not None
    assert "QUIRE_STARTUP_SECONDS=100" in trouble.reason
