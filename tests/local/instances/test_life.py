"""What one instance does with whatever happens to it, at any time."""

from __future__ import annotations

import pytest

from quire_endpoint.local.instances.life import Act, Life, Phase, Spans

SPANS = Spans(
    provision_seconds=60,
    startup_seconds=480,
    stop_seconds=30,
    refused_seconds=60,
    pings_failed_to_replace=3,
)


def born() -> Life:
    return Life("i-1", now=100, not_before=100, spans=SPANS)


def starting() -> Life:
    life = born()
    assert life.tick(160) == [Act.CLAIM]
    assert life.claimed(160) == [Act.PREPARE]
    assert life.model_ready(170) == []
    assert life.launched(8080, 42, 175) == [Act.PING]
    return life


def in_service() -> Life:
    life = starting()
    assert life.pinged(None, 180) == [Act.TELL_IN_SERVICE]
    return life


def test_it_comes_into_service_by_way_of_every_phase() -> None:
    life = born()
    assert life.tick(159.9) == []
    life.tick(160)
    assert life.tick(161) == [], "a machine is asked for once"
    life.claimed(162)
    assert life.view().phase == "downloading"
    life.model_ready(170)
    assert life.view().phase == "starting"
    assert life.deadline is None
    life.launched(8080, 42, 175)
    assert life.deadline == 175 + 480, "the window begins with the container"
    assert life.pinged("status 503", 178) == []
    life.pinged(None, 180)
    assert (life.phase, life.since, life.deadline) == (Phase.IN_SERVICE, 180, None)
    assert (life.view().phase, life.view().port, life.view().pid) == ("in service", 8080, 42)


def test_a_machine_that_is_refused_is_asked_for_again() -> None:
    life = born()
    life.tick(160)
    assert life.refused(161) == []
    assert life.tick(220) == []
    assert life.tick(221) == [Act.CLAIM]


def test_a_missed_startup_window_kills_it() -> None:
    life = starting()
    assert life.tick(175 + 480) == [Act.KILL]
    assert life.has_missed_startup
    assert life.ended("ended by SIGKILL", 656) == [], "who gives work never knew it"
    assert life.phase is Phase.GONE


def test_only_failures_in_a_row_make_it_unhealthy() -> None:
    life = in_service()
    for failure in ("slow", "slow", None, "slow", "slow"):
        assert life.pinged(failure, 190) == []
    assert life.pinged("slow", 195) == [Act.TELL_LEAVING, Act.KILL]
    assert life.phase is Phase.UNHEALTHY
    assert not life.is_counted
    assert life.pinged("refused, since it was killed", 200) == []
    assert life.ended("ended by SIGKILL", 201) == [Act.TELL_GONE]
    assert life.cause == "unhealthy (ping: slow), ended by SIGKILL"


def test_it_is_told_to_stop_and_killed_when_its_time_is_over() -> None:
    life = in_service()
    assert life.stop(200) == [Act.TELL_LEAVING, Act.TERMINATE]
    assert life.stop(201) == []
    assert life.tick(229.9) == []
    assert life.tick(230) == [Act.KILL]
    assert life.ended("ended by SIGKILL", 231) == [Act.TELL_GONE]


@pytest.mark.parametrize("give_up", [Life.stop, Life.kill])
def test_one_that_has_no_machine_yet_is_gone_at_once(give_up: object) -> None:
    life = born()
    assert callable(give_up)
    assert give_up(life, 110) == []
    assert life.phase is Phase.GONE
    assert life.claimed(111) == [], "an answer that comes too late"
    assert life.tick(500) == []


@pytest.mark.parametrize(
    ("give_up", "acts"), [(Life.stop, [Act.TERMINATE]), (Life.kill, [Act.KILL])], ids=["stop", "kill"]
)
def test_one_that_is_given_up_while_it_is_launched_ends_when_it_runs(
    give_up: object, acts: list[Act]
) -> None:
    life = born()
    life.tick(160)
    life.claimed(160)
    assert callable(give_up)
    assert give_up(life, 165) == [Act.CANCEL]
    assert life.model_ready(166) == []
    assert life.launched(8080, 42, 167) == acts
    assert life.is_told
    assert life.ended("ended by SIGTERM", 168) == []


def test_a_machine_that_dies_warns_nobody() -> None:
    life = in_service()
    assert life.kill(200) == [Act.KILL]
    assert not life.is_counted
    assert life.ended("ended by SIGKILL", 200) == [Act.TELL_GONE]


def test_one_that_drains_is_warned_of_once_and_still_asked() -> None:
    life = in_service()
    assert life.drain() == [Act.TELL_LEAVING]
    assert life.drain() == []
    assert not life.is_counted
    assert life.stop(300) == [Act.TERMINATE]
    other = in_service()
    other.drain()
    assert [other.pinged("slow", now) for now in (190, 195, 200)] == [[], [], [Act.KILL]]
