"""The supervisor's decisions, without a process and without a clock."""

from __future__ import annotations

import signal

import pytest

from quire.process.supervision import (
    MAX_DEATHS,
    Child,
    Died,
    End,
    Phase,
    Send,
    Start,
    StopRequested,
    Supervision,
    TimePassed,
    cause,
)

ENGINE, FRONT_END = Child.ENGINE, Child.FRONT_END
TERM, KILL = signal.SIGTERM, signal.SIGKILL


def serving(drain_seconds: float = 20.0, heal_seconds: float = 90.0) -> Supervision:
    supervision = Supervision(drain_seconds, heal_seconds)
    assert supervision.begin(0.0) == [Start(ENGINE), Start(FRONT_END)]
    return supervision


def test_while_nothing_happens_there_is_nothing_to_wake_for() -> None:
    assert serving().wake_at() is None


@pytest.mark.parametrize("child", Child)
@pytest.mark.parametrize("exit_code", [0, 1, -9])
def test_a_child_that_dies_is_started_again_at_once(child: Child, exit_code: int) -> None:
    assert serving().step(5.0, Died(child, exit_code)) == [Start(child)]


def test_one_that_dies_again_is_started_later_and_later() -> None:
    supervision, now, delays = serving(), 100.0, []
    supervision.step(now, Died(ENGINE, 1))
    for _ in range(MAX_DEATHS - 1):
        assert supervision.step(now, Died(ENGINE, 1)) == []
        wake_at = supervision.wake_at()
        assert wake_at is not None
        delays.append(wake_at - now)
        assert supervision.step(wake_at - 0.001, TimePassed()) == []
        assert supervision.step(wake_at, TimePassed()) == [Start(ENGINE)]
        assert supervision.wake_at() is None
        now = wake_at
    assert delays == sorted(delays) and delays[0] > 0


def died_often(supervision: Supervision, child: Child, times: int, apart: float) -> list[object]:
    actions: list[object] = []
    for number in range(times):
        actions = list(supervision.step(number * apart, Died(child, 1)))
        supervision.step(number * apart + apart / 2, TimePassed())
    return actions


@pytest.mark.parametrize(("child", "other"), [(ENGINE, FRONT_END), (FRONT_END, ENGINE)])
def test_one_that_dies_too_often_ends_the_container_with_1(child: Child, other: Child) -> None:
    supervision = serving()
    assert died_often(supervision, child, MAX_DEATHS + 1, apart=10.0) == [Send(other, TERM)]
    (end,) = supervision.step(60.0, Died(other, 0))
    assert isinstance(end, End)
    assert end.exit_code == 1
    assert f"the {child.value} died {MAX_DEATHS + 1} times" in end.reason


def test_deaths_long_ago_are_forgiven() -> None:
    supervision = serving(heal_seconds=90.0)
    died_often(supervision, ENGINE, 20, apart=30.0)
    assert supervision.phase is Phase.SERVING


@pytest.mark.parametrize(
    ("child", "exit_code", "other"), [(ENGINE, 70, FRONT_END), (FRONT_END, 3, ENGINE), (FRONT_END, 4, ENGINE)]
)
def test_one_that_cannot_start_is_not_tried_again(child: Child, exit_code: int, other: Child) -> None:
    supervision = serving()
    assert supervision.step(1.0, Died(child, exit_code)) == [Send(other, TERM)]
    assert supervision.step(2.0, TimePassed()) == []
    assert supervision.step(4.0, TimePassed()) == [Send(other, KILL)]
    (end,) = supervision.step(4.1, Died(other, -9))
    assert isinstance(end, End)
    assert (end.exit_code, "gave up" in end.reason) == (1, True)


def test_both_gone_leaves_nobody_to_wait_for() -> None:
    supervision = serving()
    supervision.step(0.0, Died(FRONT_END, 1))
    supervision.step(0.1, Died(FRONT_END, 1))
    (end,) = supervision.step(0.2, Died(ENGINE, 70))
    assert end == End(1, "the engine gave up (exit code 70): see its log lines")


def test_told_to_stop_the_engine_drains_before_the_front_end_goes() -> None:
    supervision = serving()
    assert supervision.step(100.0, StopRequested()) == [Send(ENGINE, TERM)]
    assert supervision.step(110.0, StopRequested()) == []
    assert supervision.step(115.0, Died(ENGINE, 0)) == [Send(FRONT_END, TERM)]
    assert supervision.step(115.1, StopRequested()) == []
    assert supervision.step(116.0, Died(FRONT_END, 0)) == [End(0, "")]
    assert supervision.wake_at() is None


def test_an_engine_that_does_not_drain_is_killed() -> None:
    supervision = serving(drain_seconds=5.0)
    supervision.step(100.0, StopRequested())
    assert supervision.wake_at() == 107.0
    actions = supervision.step(107.0, TimePassed())
    assert actions == [Send(ENGINE, KILL), Send(ENGINE, TERM), Send(FRONT_END, TERM)]
    assert supervision.step(107.1, Died(ENGINE, -9)) == []
    assert supervision.step(107.2, Died(FRONT_END, 0)) == [End(0, "")]


@pytest.mark.parametrize("drain_seconds", [0.0, 5.0, 20.0, 24.0])
def test_whatever_happens_it_ends_within_25_seconds_with_0(drain_seconds: float) -> None:
    supervision, now = serving(drain_seconds), 0.0
    actions = supervision.step(now, StopRequested())
    killed = set()
    while not any(isinstance(action, End) for action in actions):
        wake_at = supervision.wake_at()
        assert wake_at is not None and wake_at > now, "it would wait for ever"
        now = wake_at
        actions = supervision.step(now, TimePassed())
        killed |= {action.child for action in actions if isinstance(action, Send) and action.signal == KILL}
    assert actions == [End(0, "")]
    assert now < 25.0
    assert killed == set(Child)


def test_a_stop_while_the_engine_is_away_does_not_bring_it_back() -> None:
    supervision = serving()
    supervision.step(0.0, Died(ENGINE, 1))
    supervision.step(0.1, Died(ENGINE, 1))
    assert supervision.step(0.2, StopRequested()) == [Send(FRONT_END, TERM)]
    assert supervision.step(60.0, Died(FRONT_END, 0)) == [End(0, "")]


def test_a_front_end_that_dies_while_the_engine_drains_ends_the_draining() -> None:
    supervision = serving()
    supervision.step(0.0, StopRequested())
    assert supervision.step(1.0, Died(FRONT_END, -9)) == [Send(ENGINE, TERM)]
    assert supervision.step(4.0, TimePassed()) == [Send(ENGINE, KILL)]
    assert supervision.step(4.1, Died(ENGINE, -9)) == [End(0, "")]


def test_causes_are_words() -> None:
    assert (cause(3), cause(-9), cause(-60)) == ("with exit code 3", "by SIGKILL", "by signal 60")
