"""In which order, how many at once, and how long may requests wait and run?"""

from __future__ import annotations

from quire_endpoint.conformance.deployment import Deployed
from quire_endpoint.conformance.plans import BARE, SERIAL, WIDE
from quire_endpoint.conformance.row import Claim, Proof, Subject, expect, same
from quire_endpoint.conformance.stage import Stage, Ticket

_FAQ = "Developer Guide, async-inference-troubleshooting"
_MODEL = "botocore, sagemaker-runtime 2017-05-13"
RUN_SECONDS = 30.0


def most_at_once(stage: Stage, deployed: Deployed, tickets: list[Ticket]) -> int:
    """Of these requests in the container, by its own account."""
    ids = {ticket.inference_id for ticket in tickets}
    spans = [one for one in stage.seen(deployed) if one["inference_id"] in ids]
    moments = sorted([(one["began"], 1) for one in spans] + [(one["ended"], -1) for one in spans])
    running = most = 0
    for _, change in moments:
        running += change
        most = max(most, running)
    return most


def _several(stage: Stage, deployed: Deployed, count: int) -> list[Ticket]:
    """Ended."""
    tickets = [stage.invoke(deployed, {"seconds": RUN_SECONDS, "text": "done"}) for _ in range(count)]
    for ticket in tickets:
        stage.succeeded(ticket, RUN_SECONDS * (count + 2))
    return tickets


@Claim(
    Subject.QUEUE,
    "MaxConcurrentInvocationsPerInstance 1 gives the container one request at a time.",
    Proof.DOCUMENTED,
    _FAQ,
    (SERIAL,),
)
def one_at_a_time(stage: Stage) -> None:
    deployed = stage.endpoint(SERIAL)
    same(most_at_once(stage, deployed, _several(stage, deployed, 4)), 1)


@Claim(
    Subject.QUEUE,
    "MaxConcurrentInvocationsPerInstance 3 gives the container three at once, and no more.",
    Proof.DOCUMENTED,
    _FAQ,
    (WIDE,),
)
def three_at_a_time(stage: Stage) -> None:
    deployed = stage.endpoint(WIDE)
    same(most_at_once(stage, deployed, _several(stage, deployed, 7)), 3)


@Claim(
    Subject.QUEUE,
    "Without the setting, SageMaker chooses; the local endpoint chooses 1.",
    Proof.ASSUMED,
    "switch concurrency-when-unset",
    (BARE,),
)
def concurrency_unset(stage: Stage) -> None:
    deployed = stage.endpoint(BARE)
    most = most_at_once(stage, deployed, _several(stage, deployed, 3))
    same(most, 1)


@Claim(Subject.QUEUE, "First in is first out.", Proof.ASSUMED, "no order is documented", (SERIAL,))
def in_order(stage: Stage) -> None:
    deployed = stage.endpoint(SERIAL)
    tickets = [stage.invoke(deployed, {"seconds": 1, "text": "done"}) for _ in range(6)]
    stage.succeeded(tickets[-1])
    ids = [ticket.inference_id for ticket in tickets]
    same([one["inference_id"] for one in stage.seen(deployed) if one["inference_id"] in ids], ids)


@Claim(
    Subject.QUEUE,
    "What waits longer than RequestTTLSeconds is never given to the container.",
    Proof.DOCUMENTED,
    _MODEL,
    (SERIAL,),
    minutes=3,
)
def expired(stage: Stage) -> None:
    deployed = stage.endpoint(SERIAL)
    stage.invoke(deployed, {"seconds": 120, "text": "done"})
    late = stage.invoke(deployed, RequestTTLSeconds=60)
    after = stage.invoke(deployed)
    stage.succeeded(after)
    same(stage.deliveries(deployed, late), 0)
    found = stage.found(late)
    expect(found is None or not found.is_output, "an output object")


@Claim(
    Subject.QUEUE,
    "RequestTTLSeconds is of the waiting alone: a request may run longer.",
    Proof.DOCUMENTED,
    _MODEL,
    (SERIAL,),
    minutes=5,
)
def ttl_is_of_waiting(stage: Stage) -> None:
    ticket = stage.invoke(stage.endpoint(SERIAL), {"seconds": 300, "text": "done"}, RequestTTLSeconds=180)
    stage.succeeded(ticket)


@Claim(
    Subject.QUEUE,
    "What runs longer than InvocationTimeoutSeconds is given up: no output object.",
    Proof.DOCUMENTED,
    _MODEL,
    (SERIAL,),
    minutes=3,
)
def timed_out(stage: Stage) -> None:
    deployed = stage.endpoint(SERIAL)
    ticket = stage.invoke(deployed, {"seconds": 120, "text": "done"}, InvocationTimeoutSeconds=60)
    stage.target.wait(150)
    stage.succeeded(stage.invoke(deployed))
    found = stage.found(ticket)
    expect(found is None or not found.is_output, "an output object")


@Claim(
    Subject.QUEUE,
    "A request that was given up keeps its place for as long as the container works on it.",
    Proof.ASSUMED,
    "not documented; switch is-slot-freed-on-time-out",
    (SERIAL,),
    minutes=6,
)
def timed_out_keeps_its_place(stage: Stage) -> None:
    deployed = stage.endpoint(SERIAL)
    stage.invoke(deployed, {"seconds": 240, "text": "done"}, InvocationTimeoutSeconds=60)
    following = stage.invoke(deployed, {"text": "done"})
    stage.target.wait(150)
    same(stage.found(following), None)
    stage.succeeded(following)


ROWS = (
    one_at_a_time,
    three_at_a_time,
    concurrency_unset,
    in_order,
    expired,
    ttl_is_of_waiting,
    timed_out,
    timed_out_keeps_its_place,
)
