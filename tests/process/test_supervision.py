"""The supervisor's decisions, without a process and without a clock."""

from __future__ import annotations

import signal

import pytest

from quire.process.children import (
    ENGINE,
    FRONT_END,
    Action,
    Child,
    Died,
    End,
    Role,
    Send,
    Start,
    StopRequested,
    TimePassed,
    cause,
)
from quire.process.supervision import (
    MAX_DEATHS,
    MAX_HANDLER_DEATHS,
    MAX_UNLOADED_DEATHS,
    Phase,
    Supervision,
)

FIRST, SECOND = Child(Role.HANDLER_WORKER, 0), Child(Role.HANDLER_WORKER, 1)
TERM, KILL = signal.SIGTERM, signal.SIGKILL


def serving(drain_seconds: float = 20.0, heal_seconds: float = 90.0) -> Supervision:
    supervision = Supervision(drain_seconds, heal_seconds, (ENGINE, FRONT_END))
    assert supervision.begin(0.0) == [Start(ENGINE), Start(FRONT_END)]
    return supervision


def test_while_nothing_happens_there_is_nothing_to_wake_for() -> None:
    assert serving().wake_at() is None


@pytest.mark.parametrize("child", (ENGINE, FRONT_END))
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
    assert f"the {child.name} died {MAX_DEATHS + 1} times" in end.reason


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
    assert killed == {ENGINE, FRONT_END}


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


def serving_handlers(*others: Child) -> Supervision:
    """Two handler workers, the front end and `others`."""
    supervision = Supervision(20.0, 90.0, (*others, FIRST, SECOND, FRONT_END))
    supervision.begin(0.0)
    return supervision


def test_each_handler_worker_is_started_again_by_itself() -> None:
    supervision = serving_handlers()
    assert supervision.step(1.0, Died(SECOND, -9)) == [Start(SECOND)]
    assert supervision.step(1.1, Died(SECOND, -9)) == []
    assert supervision.step(1.2, Died(FIRST, -9)) == [Start(FIRST)]


def test_a_handler_that_cannot_be_loaded_ends_the_container() -> None:
    supervision = serving_handlers()
    assert supervision.step(1.0, Died(FIRST, 4)) == [Send(SECOND, TERM), Send(FRONT_END, TERM)]
    assert supervision.step(1.1, Died(SECOND, 4)) == []
    (end,) = supervision.step(1.2, Died(FRONT_END, 0))
    assert end == End(1, "the handler worker gave up (exit code 4): see its log lines")


def test_a_handler_that_had_loaded_once_may_fail_to_load_for_a_while() -> None:
    supervision = serving_handlers()
    assert supervision.step(1.0, Died(FIRST, -9, had_loaded=True)) == [Start(FIRST)]
    assert supervision.step(1.1, Died(FIRST, 4)) == []
    assert supervision.step(5.0, TimePassed()) == [Start(FIRST)]


def lives_until_the_end(supervision: Supervision, **life: bool) -> int:
    for number in range(1, 30):
        actions = supervision.step(number * 5.0, Died(FIRST, -9, **life))
        if Send(FRONT_END, TERM) in actions:
            return number
        supervision.step(number * 5.0 + 4.5, TimePassed())
    return 30


def test_workers_that_die_before_they_answer_anything_end_the_container() -> None:
    assert lives_until_the_end(serving_handlers(), had_loaded=True) == MAX_HANDLER_DEATHS + 1
    assert lives_until_the_end(serving_handlers(), others_loaded=True) == MAX_HANDLER_DEATHS + 1


def test_workers_of_whom_none_ever_loads_end_the_container_however_slowly_they_die() -> None:
    supervision, apart = serving_handlers(), 600.0
    for number in range(1, MAX_UNLOADED_DEATHS):
        supervision.step(number * apart, Died(FIRST, 1))
        supervision.step(number * apart + 5.0, TimePassed())
    actions = supervision.step(MAX_UNLOADED_DEATHS * apart, Died(FIRST, -9))
    assert actions == [Send(SECOND, TERM), Send(FRONT_END, TERM)]
    supervision.step(1900.0, Died(SECOND, 0))
    (end,) = supervision.step(1901.0, Died(FRONT_END, 0))
    assert end == End(1, "the handler worker died 3 times before any handler had loaded; last by SIGKILL")


@pytest.mark.parametrize("sign", [Died(SECOND, -9, had_loaded=True), Died(FIRST, 1, others_loaded=True)])
def test_where_one_has_loaded_slow_deaths_are_forgiven(sign: Died) -> None:
    supervision = serving_handlers()
    supervision.step(1.0, sign)
    for number in range(1, 20):
        supervision.step(number * 600.0, Died(FIRST, 1))
        supervision.step(number * 600.0 + 5.0, TimePassed())
    assert supervision.phase is Phase.SERVING


def test_a_worker_that_answers_between_its_deaths_is_always_started_again() -> None:
    assert lives_until_the_end(serving_handlers(), had_loaded=True, had_answered=True) == 30


def test_told_to_stop_the_handler_workers_end_before_the_engine_that_they_use() -> None:
    supervision = serving_handlers(ENGINE)
    assert supervision.step(100.0, StopRequested()) == [Send(FIRST, TERM), Send(SECOND, TERM)]
    assert supervision.step(101.0, Died(SECOND, 0)) == []
    assert supervision.step(102.0, Died(FIRST, 0)) == [Send(ENGINE, TERM)]
    assert supervision.step(103.0, Died(ENGINE, 0)) == [Send(FRONT_END, TERM)]
    assert supervision.step(104.0, Died(FRONT_END, 0)) == [End(0, "")]


def test_handler_workers_that_do_not_drain_are_killed_and_the_engine_still_told() -> None:
    supervision = serving_handlers(ENGINE)
    supervision.step(100.0, StopRequested())
    supervision.step(101.0, Died(SECOND, 0))
    wake_at = supervision.wake_at()
    assert wake_at == 122.0
    actions = supervision.step(wake_at, TimePassed())
    assert actions == [Send(FIRST, KILL), Send(ENGINE, TERM), Send(FIRST, TERM), Send(FRONT_END, TERM)]
    assert supervision.step(122.1, Died(FIRST, -9)) == []


def test_without_an_engine_the_front_end_goes_when_the_workers_have_gone() -> None:
    supervision = serving_handlers()
    assert supervision.step(100.0, StopRequested()) == [Send(FIRST, TERM), Send(SECOND, TERM)]
    assert supervision.step(100.1, Died(FIRST, 0)) == []
    assert supervision.step(100.2, Died(SECOND, 0)) == [Send(FRONT_END, TERM)]


def test_calls_in_hand_at_the_front_end_end_before_the_engine_goes() -> None:
    supervision = Supervision(20.0, 90.0, (ENGINE, FRONT_END), (Role.FRONT_END, Role.ENGINE))
    supervision.begin(0.0)
    assert supervision.step(100.0, StopRequested()) == [Send(FRONT_END, TERM)]
    assert supervision.step(110.0, Died(FRONT_END, 0)) == [Send(ENGINE, TERM)]
    assert supervision.step(111.0, Died(ENGINE, 0)) == [End(0, "")]


def test_an_engine_that_dies_while_handlers_drain_is_not_waited_for() -> None:
    supervision = serving_handlers(ENGINE)
    supervision.step(100.0, StopRequested())
    assert supervision.step(101.0, Died(ENGINE, -9)) == []
    supervision.step(102.0, Died(FIRST, 0))
    assert supervision.step(103.0, Died(SECOND, 0)) == [Send(FRONT_END, TERM)]


def test_whatever_handlers_do_it_ends_within_25_seconds() -> None:
    supervision, now = serving_handlers(ENGINE), 0.0
    actions: list[Action] = supervision.step(now, StopRequested())
    while not any(isinstance(action, End) for action in actions):
        wake_at = supervision.wake_at()
        assert wake_at is not None and wake_at > now, "it would wait for ever"
        now = wake_at
        actions = supervision.step(now, TimePassed())
    assert actions == [End(0, "")]
    assert now < 25.0


def test_causes_are_words() -> None:
    assert (cause(3), cause(-9), cause(-60)) == ("with exit code 3", "by SIGKILL", "by signal 60")
