"""What becomes of jobs that run and jobs that wait when their endpoint is updated, scaled in or deleted?"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from quire_endpoint.client import AsyncEndpointClient, CannotSubmit, ClientSettings, Job, Request, Succeeded
from quire_endpoint.local.admin import Admin
from quire_endpoint.local.invocation import Ending
from quire_endpoint.local.journal import Step
from quire_endpoint.local.switches import Switches
from tests.fakes.endpoint_under_load import (
    EndpointUnderLoad,
    await_that,
    check_books,
    documents,
    ending,
)

NAME = "busy"
SPEED = 40.0
PATIENT = Request(ttl_seconds=3600, timeout_seconds=600, options={"seconds": 0.5})
HASTY = Request(ttl_seconds=120, timeout_seconds=60, options={"seconds": 0.5})
"""For what is lost: the client waits so long before it submits it again."""

SETTINGS = ClientSettings(slack_seconds=60, num_threads=4)
MOST = 400
MOST_WAITING = 12

Start = Callable[..., EndpointUnderLoad]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as started:

        def one(speed: float = SPEED, switches: Switches | None = None) -> EndpointUnderLoad:
            return started.enter_context(EndpointUnderLoad(tmp_path, speed, switches))

        yield one


class Stream:
    """New work that keeps coming until its block ends, as long as little waits: so it does on a slow machine
    too, and nothing waits for long on a quick one. `jobs` are what came."""

    def __init__(self, local: EndpointUnderLoad, client: AsyncEndpointClient, request: Request) -> None:
        self.jobs: list[Job] = []
        self._local = local
        self._request = request
        self._client = client
        self._ended = threading.Event()
        self._pool = ThreadPoolExecutor(1)

    def __enter__(self) -> Stream:
        self._running = self._pool.submit(self._run)
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._running.result()
        self._pool.shutdown()

    def _run(self) -> None:
        unsent = iter(documents(MOST))
        while not self._ended.wait(0.02):
            if self._local.host.backlog(NAME).waiting <= MOST_WAITING:
                self.jobs.append(self._client.submit(next(unsent), self._request))


def update(
    local: EndpointUnderLoad, client: AsyncEndpointClient, request: Request, **environment: str
) -> list[Job]:
    """To other instances, under a load for which two are too few; what was submitted meanwhile."""
    topics = local.deploy(NAME, num_instances=2, concurrency=2, environment=environment)
    local.configure("next", NAME, topics, 2, 2)
    old = {view.instance_id for view in local.host.instances(NAME)}
    with Stream(local, client, request) as stream:
        await_that(lambda: local.host.backlog(NAME).waiting > 4, "some wait")
        local.call("sagemaker").update_endpoint(EndpointName=NAME, EndpointConfigName="next")
        await_that(lambda: local.host.state(NAME).status == "InService", "it is updated")
    assert not old & {view.instance_id for view in local.host.instances(NAME)}
    assert local.call("sagemaker").describe_endpoint(EndpointName=NAME)["EndpointConfigName"] == "next"
    return stream.jobs


def endings(local: EndpointUnderLoad) -> dict[str, Ending | None]:
    """By inference id."""
    return {timeline[0].inference_id: ending(timeline) for timeline in local.timelines(NAME)}


def test_update_loses_none_of_what_is_in_flight_or_comes_meanwhile(start: Start) -> None:
    local = start()
    with local.user(NAME, SETTINGS) as client:
        jobs = update(local, client, PATIENT)
        outcomes = list(client.as_completed(jobs))
    check_books(local, NAME, len(jobs), outcomes)
    assert all(isinstance(one, Succeeded) and one.calls == 1 for one in outcomes)
    timelines = local.timelines(NAME)
    assert all(sum(entry.step is Step.ASSIGNED for entry in line) == 1 for line in timelines)
    assert len({entry.instance_id for line in timelines for entry in line if entry.instance_id}) == 4
    assert _overlap(local), "the old instances finished their work after the traffic had moved"


def _overlap(local: EndpointUnderLoad) -> bool:
    """Whether an instance of the first two answered when one of the others had been given work."""
    entries = [entry for line in local.timelines(NAME) for entry in line]
    assigned: dict[str | None, float] = {}
    for entry in sorted(entries, key=lambda one: one.seconds):
        if entry.step is Step.ASSIGNED:
            assigned.setdefault(entry.instance_id, entry.seconds)
    first, second, third, _ = sorted(assigned, key=lambda name: assigned[name])
    responded = (one for one in entries if one.step is Step.RESPONDED and one.instance_id in (first, second))
    return any(one.seconds > assigned[third] for one in responded)


def test_update_that_does_not_drain_loses_what_is_in_flight_and_says_so(start: Start) -> None:
    local = start(switches=Switches(is_update_draining=False))
    with local.user(NAME, SETTINGS) as client:
        jobs = update(local, client, HASTY)
        outcomes = list(client.as_completed(jobs))
    check_books(local, NAME, len(jobs), outcomes)
    assert all(isinstance(one, Succeeded) for one in outcomes), "what was lost was submitted again"
    lost = [name for name, ended in endings(local).items() if ended is Ending.LOST]
    assert lost
    assert sum(one.calls for one in outcomes) == len(endings(local)) > len(jobs)
    assert Admin(local.url).get("/why", inference_id=lost[0])["name"] == "lost-scale-in"


def test_container_that_finishes_its_work_on_sigterm_loses_none_either(start: Start) -> None:
    local = start(switches=Switches(is_update_draining=False))
    with local.user(NAME, SETTINGS) as client:
        jobs = update(local, client, PATIENT, STUB_TERM="drain")
        outcomes = list(client.as_completed(jobs))
    check_books(local, NAME, len(jobs), outcomes)
    assert all(isinstance(one, Succeeded) and one.calls == 1 for one in outcomes)


def test_scale_in_to_zero_keeps_what_waits_and_loses_what_runs(start: Start) -> None:
    local = start()
    local.deploy(NAME, concurrency=2)
    with local.user(NAME, SETTINGS) as client:
        jobs = [client.submit(document, HASTY) for document in documents(6)]
        await_that(lambda: local.host.backlog(NAME).in_flight == 2, "two run")
        local.scale(NAME, 0)
        local.await_settled(NAME, 0)
        await_that(lambda: local.host.backlog(NAME).in_flight == 0, "nothing runs")
        lost = [name for name, ended in endings(local).items() if ended is Ending.LOST]
        assert lost
        assert local.host.backlog(NAME).waiting == list(endings(local).values()).count(None) > 0
        local.scale(NAME, 1)
        outcomes = list(client.as_completed(jobs))
    check_books(local, NAME, len(jobs), outcomes)
    assert all(isinstance(one, Succeeded) for one in outcomes)
    assert sum(one.calls for one in outcomes) == len(endings(local)) > len(jobs)


def test_deleted_endpoint_drops_what_waits_and_the_client_says_so(start: Start) -> None:
    local = start(speed=2 * SPEED)
    local.deploy(NAME, concurrency=2)
    with local.user(NAME, SETTINGS) as client:
        jobs = [client.submit(document, HASTY) for document in documents(6)]
        local.call("sagemaker").delete_endpoint(EndpointName=NAME)
        with pytest.raises(CannotSubmit, match=f"Endpoint {NAME} of account 123456789012 not found"):
            list(client.as_completed(jobs))
        known = sum(ended is Ending.COMPLETED for ended in endings(local).values())
        assert client.num_unfinished() >= len(jobs) - known
    assert set(endings(local).values()) <= {Ending.DROPPED, Ending.COMPLETED}
