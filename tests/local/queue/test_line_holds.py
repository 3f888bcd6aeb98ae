"""Whatever instances and workers do, in any order that they may, the line keeps its promises: hypothesis
drives it beside a plain account of who has what."""

from __future__ import annotations

from collections import Counter, defaultdict

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from quire_endpoint.local.invocation import Ending, Invocation
from quire_endpoint.local.queue.copies import Delivery
from quire_endpoint.local.queue.line import Line
from quire_endpoint.local.queue.moves import Verdict
from quire_endpoint.local.switches import Fate, Switches
from quire_endpoint.s3_location import S3Location

AGAIN_SECONDS, TIMEOUT_SECONDS = 5.0, 7.0
WHICH = st.integers(0, 30)
SOMEWHERE = S3Location("bucket", "in")
MOST_DELIVERIES = {Fate.LOST: 1, Fate.REDELIVERED: 1, Fate.DUPLICATED: 2}


class LineAmongInstances(RuleBasedStateMachine):
    """After each rule the line steps."""

    @initialize(fate=st.sampled_from(Fate), is_freed=st.booleans(), most=st.integers(1, 4))
    def build(self, fate: Fate, is_freed: bool, most: int) -> None:
        self.switches = Switches(
            in_flight_fate=fate,
            redelivery_seconds=AGAIN_SECONDS,
            is_slot_freed_on_time_out=is_freed,
            max_deliveries=most,
        )
        self.line, self.fate, self.now = Line(self.switches), fate, 0.0
        self.added: list[str] = []
        self.ended: Counter[str] = Counter()
        self.told: defaultdict[str, list[Ending]] = defaultdict(list)
        self.capacity: dict[str, int] = {}
        self.leaving: set[str] = set()
        self.num_instances = 0
        self.fetching: list[Delivery] = []
        self.running: list[Delivery] = []
        self.broken: list[Delivery] = []
        self.settled: list[Delivery] = []
        self.held: list[Delivery] = []
        self.first_deliveries: list[int] = []
        self.is_dropped = False

    @property
    def at_work(self) -> list[Delivery]:
        return [*self.fetching, *self.running, *self.broken]

    @property
    def in_flight(self) -> list[Delivery]:
        return [*self.at_work, *self.settled]

    @rule(ttl=st.integers(1, 30))
    def add(self, ttl: int) -> None:
        name = str(len(self.added))
        self.added.append(name)
        self.line.add(Invocation("reader", name, self.now, SOMEWHERE, None, input=SOMEWHERE, ttl_seconds=ttl))
        self.step()

    @rule(capacity=st.integers(1, 3))
    def join(self, capacity: int) -> None:
        name = f"i-{self.num_instances}"
        self.num_instances += 1
        self.capacity[name] = capacity
        self.line.join(name, capacity)
        self.step()

    @precondition(lambda self: self.capacity)
    @rule(which=WHICH, is_drained=st.booleans())
    def leave(self, which: int, is_drained: bool) -> None:
        name = list(self.capacity)[which % len(self.capacity)]
        self.leaving.add(name)
        self.line.leave(name, self.now, is_drained=is_drained)
        self.step()

    @precondition(lambda self: self.capacity)
    @rule(which=WHICH)
    def die(self, which: int) -> None:
        name = list(self.capacity)[which % len(self.capacity)]
        del self.capacity[name]
        self.line.gone(name, self.now)
        gone = [one for one in [*self.at_work, *self.held] if one.instance_id == name]
        self.broken = [one for one in self.broken if one not in gone]
        self.held = [one for one in self.held if one not in gone]
        self.fetching = [one for one in self.fetching if one not in gone]
        self.running = [one for one in self.running if one not in gone]
        self.step(gone)
        for one in gone:
            assert self.line.settle(one) is Verdict.GONE
            if one not in self.settled:
                assert not self.line.started(one, self.now)
                self.line.finish(one, Ending.COMPLETED)

    @precondition(lambda self: self.fetching)
    @rule(which=WHICH)
    def start(self, which: int) -> None:
        one = self.fetching.pop(which % len(self.fetching))
        assert self.line.started(one, self.now + TIMEOUT_SECONDS)
        self.running.append(one)
        self.step()

    @precondition(lambda self: self.at_work)
    @rule(which=WHICH)
    def settle(self, which: int) -> None:
        one = self.at_work[which % len(self.at_work)]
        next(those for those in (self.fetching, self.running, self.broken) if one in those).remove(one)
        assert self.line.settle(one) is Verdict.YOURS
        self.settled.append(one)
        self.step()

    @precondition(lambda self: self.settled)
    @rule(which=WHICH, ending=st.sampled_from((Ending.COMPLETED, Ending.MODEL_ERROR, Ending.TIMED_OUT)))
    def finish(self, which: int, ending: Ending) -> None:
        one = self.settled.pop(which % len(self.settled))
        self.told[one.invocation.inference_id].append(ending)
        self.line.finish(one, ending)
        self.step()

    @precondition(lambda self: self.running)
    @rule(which=WHICH)
    def break_off(self, which: int) -> None:
        one = self.running.pop(which % len(self.running))
        self.line.broke(one)
        self.broken.append(one)
        self.step()

    @precondition(lambda self: self.held)
    @rule(which=WHICH)
    def answer_late(self, which: int) -> None:
        assert self.line.settle(self.held.pop(which % len(self.held))) is Verdict.GONE
        self.step()

    @rule(seconds=st.floats(0.1, 12))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.step()

    @precondition(lambda self: len(self.added) > 8)
    @rule()
    def drop(self) -> None:
        self.is_dropped = True
        self.line.drop()
        self.step()

    def step(self, gone: list[Delivery] | None = None) -> None:
        moves = self.line.step(self.now)
        for one in moves.cancelled:
            if one not in (gone or ()):
                self.running.remove(one)
                self.settled.append(one)
                assert self.line.settle(one) is Verdict.OVERDUE
        for one in moves.overdue:
            self.running.remove(one)
            self.settled.append(one)
            self.held.append(one)
        assert not moves.overdue or not self.switches.is_slot_freed_on_time_out
        assert set(gone or ()) <= set(moves.cancelled)
        for one in moves.deliveries:
            assert one.instance_id in self.capacity and one.instance_id not in self.leaving
            self.fetching.append(one)
            if one.number == 1:
                self.first_deliveries.append(int(one.invocation.inference_id))
        self.ended.update(one.invocation.inference_id for one in moves.ended)
        for ended in moves.ended:
            told = self.told[ended.invocation.inference_id]
            best = Ending.COMPLETED if Ending.COMPLETED in told else (told or [ended.ending])[0]
            assert ended.ending is best
            is_used_up = ended.number == self.switches.max_deliveries
            assert ended.ending is not Ending.LOST or self.fate is not Fate.REDELIVERED or is_used_up
            assert ended.number <= self.switches.max_deliveries
        next_seconds = self.line.next_seconds()
        assert next_seconds is None or next_seconds > self.now

    @invariant()
    def nothing_ends_twice_or_while_it_is_delivered(self) -> None:
        assert all(times == 1 for times in self.ended.values())
        assert not {one.invocation.inference_id for one in self.in_flight} & set(self.ended)

    @invariant()
    def no_instance_has_more_than_it_takes(self) -> None:
        load = Counter(one.instance_id for one in [*self.at_work, *self.held])
        assert all(load[name] <= capacity for name, capacity in self.capacity.items())

    @invariant()
    def nothing_waits_while_there_is_room(self) -> None:
        load = Counter(one.instance_id for one in [*self.at_work, *self.held])
        room = [
            name
            for name, capacity in self.capacity.items()
            if name not in self.leaving and load[name] < capacity
        ]
        if room:
            assert self.line._ready.first() is None

    @invariant()
    def first_deliveries_are_in_order(self) -> None:
        assert self.first_deliveries == sorted(self.first_deliveries)

    @invariant()
    def none_is_delivered_more_often_at_once_than_its_fate_says(self) -> None:
        at_once = Counter(one.invocation.inference_id for one in self.in_flight)
        assert all(times <= MOST_DELIVERIES[self.fate] for times in at_once.values())

    @invariant()
    def the_backlog_is_what_has_not_ended(self) -> None:
        backlog = self.line.backlog()
        assert backlog.in_flight == len(self.in_flight)
        waiting_or_twice = len(self.added) - len(self.ended) - backlog.in_flight
        assert backlog.waiting >= waiting_or_twice
        if self.fate is not Fate.DUPLICATED:
            assert backlog.waiting == waiting_or_twice

    def teardown(self) -> None:
        if not hasattr(self, "line"):
            return
        self.line.drop()
        while self.settled:
            self.finish(0, Ending.COMPLETED)
        while self.capacity:
            self.die(0)
        self.step()
        assert set(self.ended) == set(self.added)
        assert not self.line._copies and self.line.next_seconds() is None


LineAmongInstances.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestLineHolds = LineAmongInstances.TestCase
