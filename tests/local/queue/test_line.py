"""The line's promises, one by one: order, capacity, time, and the fate of what an instance leaves behind."""

from __future__ import annotations

from typing import Any

import pytest

from quire_endpoint.local.invocation import Ending, Invocation
from quire_endpoint.local.queue.copies import SLACK, Agenda, Copy, Delivery, Standing, Ticket
from quire_endpoint.local.queue.line import Line
from quire_endpoint.local.queue.moves import Moves, Verdict
from quire_endpoint.local.queue.pool import MAX_SETTLED
from quire_endpoint.local.switches import Fate, Switches
from quire_endpoint.s3_location import S3Location

AGAIN_SECONDS = 30.0


def invocation(name: str, *, received: float = 0.0, ttl: int = 3600) -> Invocation:
    somewhere = S3Location("bucket", name)
    return Invocation("reader", name, received, somewhere, None, input=somewhere, ttl_seconds=ttl)


def line(fate: Fate = Fate.LOST, *names: str, **switches: Any) -> Line:
    made = Line(Switches(in_flight_fate=fate, redelivery_seconds=AGAIN_SECONDS, **switches))
    for name in names:
        made.add(invocation(name))
    return made


def names(deliveries: list[Delivery]) -> list[str]:
    return [one.invocation.inference_id for one in deliveries]


def endings(moves: Moves) -> dict[str, Ending]:
    return {one.invocation.inference_id: one.ending for one in moves.ended}


def test_first_in_first_out_as_far_as_there_is_room() -> None:
    made = line(Fate.LOST, "a", "b", "c")
    assert not made.step(0).deliveries
    made.join("one", 2)
    first = made.step(0).deliveries
    assert names(first) == ["a", "b"]
    made.finish(first[0], Ending.COMPLETED)
    assert names(made.step(0).deliveries) == ["c"]


def test_the_least_loaded_instance_is_given_the_next() -> None:
    made = line(Fate.LOST, "a", "b", "c", "d", "e")
    made.join("one", 4)
    made.join("two", 4)
    first = made.step(0).deliveries
    assert sorted(one.instance_id for one in first) == ["one", "one", "one", "two", "two"]
    for one in first:
        if one.instance_id == "one":
            made.finish(one, Ending.COMPLETED)
    made.add(invocation("f"))
    assert [one.instance_id for one in made.step(0).deliveries] == ["one"]


def test_what_waits_longer_than_its_ttl_expires_and_what_is_delivered_does_not() -> None:
    made = line()
    made.join("one", 1)
    made.add(invocation("runs", ttl=60))
    made.add(invocation("waits", ttl=60))
    assert names(made.step(0).deliveries) == ["runs"]
    assert made.next_seconds() == 60
    assert endings(made.step(60)) == {"waits": Ending.EXPIRED}
    assert made.backlog().in_flight == 1 and made.backlog().waiting == 0


def test_a_call_that_lasts_too_long_is_told_and_keeps_its_slot_until_the_container_is_done() -> None:
    made = line(Fate.LOST, "a", "b")
    made.join("one", 1)
    (late,) = made.step(0).deliveries
    made.started(late, 10.0)
    moves = made.step(10)
    assert moves.overdue == [late] and not moves.cancelled and not moves.deliveries
    made.finish(late, Ending.TIMED_OUT)
    moves = made.step(11)
    assert endings(moves) == {"a": Ending.TIMED_OUT} and not moves.deliveries
    assert not made.in_flight("one") and made.backlog().in_flight == 0
    assert made.settle(late) is Verdict.GONE
    assert names(made.step(12).deliveries) == ["b"]


def test_what_is_overdue_dies_with_its_instance_and_ends_once() -> None:
    made = line(Fate.REDELIVERED, "a")
    made.join("one", 1)
    (late,) = made.step(0).deliveries
    made.started(late, 10.0)
    made.step(10)
    made.leave("one", 11)
    made.gone("one", 11)
    moves = made.step(11)
    assert moves.cancelled == [late] and not moves.requeued and not moves.ended
    assert made.settle(late) is Verdict.GONE
    made.finish(late, Ending.TIMED_OUT)
    assert endings(made.step(12)) == {"a": Ending.TIMED_OUT}


def test_time_does_not_run_out_while_a_broken_connection_awaits_word_of_its_instance() -> None:
    made = line(Fate.LOST, "a")
    made.join("one", 1)
    (delivery,) = made.step(0).deliveries
    made.started(delivery, 10.0)
    made.broke(delivery)
    assert made.is_open(delivery)
    moves = made.step(300)
    assert not moves.overdue and not moves.cancelled
    assert made.settle(delivery) is Verdict.YOURS


def test_where_it_is_so_switched_a_call_that_lasts_too_long_is_cancelled_and_its_slot_is_free() -> None:
    made = line(Fate.LOST, "a", "b", is_slot_freed_on_time_out=True)
    made.join("one", 1)
    (late,) = made.step(0).deliveries
    assert made.started(late, 10.0)
    assert not made.step(9.9).cancelled
    moves = made.step(10)
    assert moves.cancelled == [late] and names(moves.deliveries) == ["b"]
    assert not made.is_open(late)
    assert made.settle(late) is Verdict.OVERDUE
    made.finish(late, Ending.TIMED_OUT, "late")
    moves = made.step(11)
    assert endings(moves) == {"a": Ending.TIMED_OUT} and moves.ended[0].detail == "late"


def test_the_next_is_sent_while_an_answer_is_stored_but_not_without_end() -> None:
    made = line(Fate.LOST, *map(str, range(MAX_SETTLED + 5)))
    made.join("one", 1)
    settled = []
    while deliveries := made.step(0).deliveries:
        settled += deliveries
        made.settle(deliveries[0])
        assert not made.in_flight("one")
    assert len(settled) == MAX_SETTLED
    made.finish(settled[0], Ending.COMPLETED)
    assert len(made.step(0).deliveries) == 1


def test_an_answer_in_time_is_not_cancelled_while_it_is_stored() -> None:
    made = line(Fate.LOST, "a")
    made.join("one", 1)
    (delivery,) = made.step(0).deliveries
    made.started(delivery, 10.0)
    assert made.settle(delivery) is Verdict.YOURS
    assert not made.step(100).cancelled
    made.gone("one", 100)
    assert not made.step(100).ended
    made.finish(delivery, Ending.COMPLETED)
    assert endings(made.step(100)) == {"a": Ending.COMPLETED}


def test_an_instance_that_leaves_finishes_what_it_has_and_gets_no_more() -> None:
    made = line(Fate.LOST, "a", "b")
    made.join("one", 1)
    (delivery,) = made.step(0).deliveries
    made.leave("one", 0)
    assert made.is_leaving("one")
    made.finish(delivery, Ending.COMPLETED)
    moves = made.step(0)
    assert endings(moves) == {"a": Ending.COMPLETED} and not moves.deliveries
    assert not made.in_flight("one")


def test_lost_what_a_dead_instance_worked_on_ends_there() -> None:
    made = line(Fate.LOST, "a")
    made.join("one", 1)
    (delivery,) = made.step(0).deliveries
    made.gone("one", 1)
    moves = made.step(1)
    assert moves.cancelled == [delivery] and endings(moves) == {"a": Ending.LOST}
    assert made.settle(delivery) is Verdict.GONE
    assert not made.started(delivery, 9)


def test_redelivered_it_is_at_the_front_again_after_a_while() -> None:
    made = line(Fate.REDELIVERED, "a", "b")
    made.join("one", 1)
    made.step(0)
    made.gone("one", 1)
    moves = made.step(1)
    assert [(one.number, one.ready_seconds) for one in moves.requeued] == [(1, 31.0)] and not moves.ended
    assert made.backlog().waiting == 2 and made.backlog().oldest_received_seconds == 0.0
    made.add(invocation("c"))
    assert made.next_seconds() == 31.0
    made.step(31)
    made.join("two", 2)
    again = made.step(31).deliveries
    assert names(again) == ["a", "b"] and [one.number for one in again] == [2, 1]


def test_fate_that_was_chosen_for_an_instance_is_that_instances_alone() -> None:
    made = line(Fate.LOST, "a", "b")
    made.join("one", 1)
    made.join("two", 1)
    made.step(0)
    made.choose_fate("one", Fate.REDELIVERED)
    for name in ("one", "two"):
        made.gone(name, 1)
    moves = made.step(1)
    assert [one.invocation.inference_id for one in moves.requeued] == ["a"]
    assert endings(moves) == {"b": Ending.LOST}


def test_redelivered_it_may_expire_before_its_turn() -> None:
    made = line(Fate.REDELIVERED)
    made.add(invocation("a", ttl=20))
    made.join("one", 1)
    made.step(0)
    made.gone("one", 1)
    made.step(1)
    assert endings(made.step(20)) == {"a": Ending.EXPIRED}


@pytest.mark.parametrize(
    "outcomes", [(Ending.COMPLETED, Ending.MODEL_ERROR), (Ending.MODEL_ERROR, Ending.COMPLETED)]
)
def test_duplicated_both_deliveries_run_to_their_end_and_it_ends_with_the_last(
    outcomes: tuple[Ending, Ending],
) -> None:
    made = line(Fate.DUPLICATED, "a")
    made.join("one", 1)
    made.step(0)
    made.gone("one", 1)
    made.join("two", 4)
    (second,) = made.step(1).deliveries
    (third,) = made.step(1 + AGAIN_SECONDS).deliveries
    assert (second.number, third.number) == (2, 3)
    made.finish(second, outcomes[0])
    assert not made.step(40).ended
    made.finish(third, outcomes[1])
    assert endings(made.step(40)) == {"a": Ending.COMPLETED}


def test_duplicated_a_second_delivery_goes_out_beside_one_that_is_being_stopped() -> None:
    made = line(Fate.DUPLICATED, "a")
    made.join("one", 1)
    made.join("two", 1)
    (first,) = made.step(0).deliveries
    made.started(first, 900)
    made.leave(first.instance_id, 0)
    (second,) = made.step(AGAIN_SECONDS).deliveries
    assert second.instance_id != first.instance_id and made.backlog().in_flight == 2
    assert made.settle(first) is Verdict.YOURS
    made.finish(first, Ending.COMPLETED)
    made.finish(second, Ending.COMPLETED)
    assert len(made.step(31).ended) == 1


def test_duplicated_it_is_delivered_twice_and_not_four_times_when_the_second_instance_dies_too() -> None:
    made = line(Fate.DUPLICATED, "a", max_deliveries=20)
    for number in range(4):
        made.join(f"i-{number}", 4)
        made.step(100.0 * number)
        made.gone(f"i-{number}", 100.0 * number + 1)
    made.join("last", 9)
    made.step(1000)
    assert made.backlog().size == made.backlog().in_flight == 2


@pytest.mark.parametrize("fate", [Fate.REDELIVERED, Fate.DUPLICATED])
def test_delivered_as_often_as_may_be_it_is_lost_with_the_last_instance(fate: Fate) -> None:
    made = line(fate, "a", max_deliveries=3)
    numbers = []
    for turn in range(4):
        made.join(f"i-{turn}", 1)
        numbers += [one.number for one in made.step(100.0 * turn).deliveries]
        made.gone(f"i-{turn}", 100.0 * turn)
        moves = made.step(100.0 * turn)
        if moves.ended:
            break
    assert numbers == [1, 2, 3]
    assert endings(moves) == {"a": Ending.LOST} and "not delivered more often" in moves.ended[0].detail


def test_duplicated_what_was_told_of_one_counts_before_what_nobody_carried_to_an_end() -> None:
    made = line(Fate.DUPLICATED)
    made.add(invocation("a", ttl=60))
    made.join("one", 1)
    (first,) = made.step(0).deliveries
    made.started(first, 900)
    made.leave("one", 50)
    made.step(50)
    assert not made.step(60).ended
    assert made.settle(first) is Verdict.YOURS
    made.finish(first, Ending.MODEL_ERROR)
    assert endings(made.step(100)) == {"a": Ending.MODEL_ERROR}


def test_duplicated_nothing_is_delivered_twice_of_an_instance_that_is_drained() -> None:
    made = line(Fate.DUPLICATED, "a")
    made.join("one", 1)
    made.step(0)
    made.leave("one", 0, is_drained=True)
    made.join("two", 1)
    assert not made.step(AGAIN_SECONDS).deliveries


@pytest.mark.parametrize("fate", Fate)
def test_dropped_what_waits_ends_at_once_and_what_runs_with_its_instance(fate: Fate) -> None:
    made = line(fate, "runs", "waits")
    made.join("one", 1)
    made.step(0)
    made.drop()
    assert endings(made.step(0)) == {"waits": Ending.DROPPED}
    made.add(invocation("too late"))
    assert endings(made.step(0)) == {"too late": Ending.DROPPED}
    made.leave("one", 0)
    made.gone("one", 1)
    assert endings(made.step(1)) == {"runs": Ending.DROPPED}
    assert made.next_seconds() is None


def test_an_instance_that_never_served_may_be_told_to_go() -> None:
    made = line(Fate.LOST, "a")
    made.leave("one", 0)
    made.gone("one", 0)
    assert made.is_leaving("one")
    assert made.step(0) == Moves()


def test_an_agenda_forgets_what_is_over() -> None:
    agenda = Agenda(Standing.WAITING)
    for place in range(10 * SLACK):
        copy = Copy(Ticket(invocation("a"), place), Standing.WAITING)
        agenda.put(place, copy)
        copy.standing = Standing.CLOSED
    assert len(agenda._heap) <= 2 * SLACK
    assert agenda.first() is None
