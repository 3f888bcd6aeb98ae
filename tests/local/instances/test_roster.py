"""The number of instances comes right, whatever happens to them, and a deployment fails only before it has
succeeded."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from quire_endpoint.local.instances.attendant import Ended, Event, Launched, ModelReady, Pinged
from quire_endpoint.local.instances.handling import handle
from quire_endpoint.local.instances.life import Act, Life, Phase, Spans
from quire_endpoint.local.instances.roster import Order, Roster

SPANS = Spans(
    provision_seconds=0, startup_seconds=480, stop_seconds=30, refused_seconds=60, pings_failed_to_replace=3
)


def roster() -> Roster:
    numbers = itertools.count(1)
    return Roster(SPANS, lambda: f"i-{next(numbers)}")


@dataclass
class World:
    """Does what a roster orders, in simulated time. `told` is what a listener would hear of each."""

    roster: Roster = field(default_factory=roster)
    now: float = 1000.0
    is_refusing: bool = False
    does_start: bool | None = True
    """None for one that goes on starting."""
    told: dict[str, list[Act]] = field(default_factory=dict)
    num_launched: int = 0

    def step(self) -> None:
        """Until nothing is left to do at this time."""
        while orders := self.roster.step(self.now):
            for order in orders:
                self.obey(order)

    def obey(self, order: Order) -> None:
        life = order.life
        match order.act:
            case Act.CLAIM:
                self.did(life, (life.refused if self.is_refusing else life.claimed)(self.now))
            case Act.PREPARE:
                self.num_launched += 1
                self.happens(life, ModelReady())
                self.happens(life, Launched(8000, 7))
                if self.does_start is not None:
                    self.happens(life, Pinged(None) if self.does_start else Ended("ended with exit status 1"))
            case Act.TERMINATE | Act.KILL | Act.CANCEL:
                self.happens(life, Ended("ended"))
            case Act.PING:
                pass
            case told:
                self.told.setdefault(life.instance_id, []).append(told)

    def happens(self, life: Life, event: Event) -> None:
        for order in handle(self.roster, life, event, "AllTraffic", self.now):
            self.obey(order)

    def did(self, life: Life, acts: list[Act]) -> None:
        for act in acts:
            self.obey(Order(life, act))

    def want(self, count: int) -> None:
        self.roster.want(count)
        self.step()

    def in_service(self) -> list[Life]:
        return [life for life in self.roster.lives.values() if life.phase is Phase.IN_SERVICE]

    def pass_time(self, seconds: float) -> None:
        """Waking when the roster wants to."""
        end = self.now + seconds
        while (wake_at := self.roster.wake_at) is not None and wake_at <= end:
            self.now = max(self.now, wake_at)
            self.step()
        self.now = end
        self.step()


def test_nothing_is_deployed_before_a_number_is_asked_for() -> None:
    world = World()
    world.step()
    assert not world.roster.is_deployed
    world.want(2)
    assert world.roster.current == 2
    assert world.roster.is_deployed


def test_a_first_failure_ends_the_deployment() -> None:
    world = World(does_start=False)
    world.want(1)
    assert world.roster.failure_reason is not None
    world.pass_time(3600)
    assert world.num_launched == 1


def test_a_later_failure_fails_nothing_and_is_tried_again_ever_more_slowly() -> None:
    world = World()
    world.want(1)
    world.does_start = False
    world.want(2)
    launched = world.num_launched
    world.pass_time(3600)
    assert world.roster.failure_reason is None
    # At once, and after 5, 10, 20, … 300 s: 6 times in the first 155 s, then every five minutes.
    assert 12 <= world.num_launched - launched <= 20
    world.does_start = True
    world.pass_time(300)
    assert world.roster.current == 2


def test_one_that_does_not_come_is_a_setback_until_all_are_there_or_others_are_asked_for() -> None:
    world = World()
    world.roster.want(1)
    world.step()
    world.does_start = False
    world.want(2)
    assert world.roster.setback is not None and world.roster.failure_reason is None
    world.does_start = None
    world.roster.want(3)
    assert world.roster.setback is None
    world.roster.fail("no machine")
    assert world.roster.setback == "no machine"
    world.does_start = True
    world.want(1)
    assert world.roster.setback is None and world.roster.current == 1
    world.want(2)
    world.roster.fail("no machine")
    world.pass_time(500)
    assert world.roster.setback is None and world.roster.current == 2


def test_one_that_dies_after_long_service_is_replaced_at_once() -> None:
    world = World()
    world.want(1)
    for _ in range(5):
        world.now += 61
        world.happens(world.in_service()[0], Ended("ended with exit status 9"))
        world.step()
        assert world.roster.current == 1


def test_one_that_is_killed_by_order_counts_as_no_failure() -> None:
    world = World()
    world.want(1)
    for _ in range(5):
        world.did(world.in_service()[0], world.in_service()[0].kill(world.now))
        world.step()
        assert world.roster.current == 1


def test_one_that_is_killed_by_order_while_it_starts_fails_no_deployment() -> None:
    world = World(does_start=None)
    world.want(1)
    (life,) = world.roster.lives.values()
    world.does_start = True
    world.did(life, life.kill(world.now))
    world.step()
    assert world.roster.failure_reason is None
    assert world.roster.current == 1


def test_those_not_in_service_go_first() -> None:
    world = World()
    world.is_refusing = True
    world.roster.is_deployed = True
    world.want(1)
    world.is_refusing = False
    world.want(2)
    assert [life.phase for life in world.roster.lives.values()] == [Phase.PROVISIONING, Phase.IN_SERVICE]
    world.want(1)
    assert [life.instance_id for life in world.roster.lives.values()] == ["i-2"]


def test_of_those_in_service_the_youngest_go_first() -> None:
    world = World()
    world.want(2)
    world.is_refusing = True
    world.want(4)
    assert len(world.roster.lives) == 4
    world.want(2)
    assert [life.instance_id for life in world.roster.lives.values()] == ["i-1", "i-2"]
    world.want(1)
    assert [life.instance_id for life in world.roster.lives.values()] == ["i-1"]


HAPPENINGS = st.one_of(
    st.tuples(st.just("want"), st.integers(0, 4)),
    st.tuples(st.sampled_from(["die", "unhealthy", "kill"]), st.integers(0, 3)),
    st.tuples(st.just("wait"), st.integers(0, 400)),
    st.tuples(st.sampled_from(["refuse", "break"]), st.integers(0, 1)),
)


def apply(world: World, what: str, number: int) -> None:
    lives = world.in_service()
    match what:
        case "want":
            world.roster.want(number)
        case "wait":
            world.pass_time(number)
        case "refuse":
            world.is_refusing = bool(number)
        case "break":
            world.does_start = not number
        case "die" if number < len(lives):
            world.happens(lives[number], Ended("ended with exit status 1"))
        case "unhealthy" if number < len(lives):
            for _ in range(3):
                world.happens(lives[number], Pinged("status 503"))
        case "kill" if number < len(lives):
            world.did(lives[number], lives[number].kill(world.now))
    world.step()


@settings(max_examples=150, deadline=None)
@given(st.lists(HAPPENINGS, max_size=30))
def test_the_number_comes_right_and_everyone_is_told_in_order(happenings: list[tuple[str, int]]) -> None:
    world = World()
    world.want(1)
    for what, number in happenings:
        apply(world, what, number)
        assert world.roster.current <= world.roster.desired
    world.is_refusing, world.does_start = False, True
    world.pass_time(400)
    assert world.roster.failure_reason is None
    assert world.roster.current == world.roster.desired
    world.roster.retire(False, world.now)
    orders = {
        (Act.TELL_IN_SERVICE,),
        (Act.TELL_IN_SERVICE, Act.TELL_GONE),
        (Act.TELL_IN_SERVICE, Act.TELL_LEAVING, Act.TELL_GONE),
    }
    assert {tuple(told) for told in world.told.values()} <= orders


@given(st.integers(1, 4), st.booleans())
def test_retired_it_keeps_nobody(count: int, is_draining: bool) -> None:
    world = World()
    world.want(count)
    for order in world.roster.retire(is_draining, world.now):
        world.obey(order)
    world.step()
    for name in world.roster.draining:
        life = world.roster.lives[name]
        world.did(life, life.stop(world.now))
    world.step()
    assert not world.roster.lives
