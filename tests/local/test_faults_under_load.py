"""Whatever fails under load, does every document end as a value, and does the client know of each loss?"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from quire_endpoint.client import ClientSettings, Lost, Outcome, Succeeded
from quire_endpoint.local.faults import Fault, FaultKind
from quire_endpoint.local.invocation import Ending
from quire_endpoint.local.journal import Step
from quire_endpoint.local.switches import Fate, Switches
from tests.fakes.endpoint_under_load import (
    EndpointUnderLoad,
    await_that,
    check_books,
    documents,
    ending,
    hasty,
)

SPEED = 20.0
SLACK_SECONDS = 60.0
"""3 s on the wall: what a busy machine takes to accept a call and to store an answer."""

COUNT, STRUCK = 60, 8
EACH = 40
"""Documents of each of the endpoints that are all under load at once."""


@dataclass(frozen=True)
class Case:
    """`times` is how often it strikes, None where it stays. `is_told`: the client hears of SNS rather than
    poll S3. `is_inline`: bodies travel in the call."""

    kind: FaultKind
    times: int | None = STRUCK
    share: float = 1.0
    count: int = EACH
    is_told: bool = False
    is_inline: bool = True
    seconds: float = 10.0

    @property
    def name(self) -> str:
        return f"{self.kind}{'-told' if self.is_told else ''}"

    @property
    def endpoint_name(self) -> str | None:
        """Which the fault strikes; None where it is the caller who meets it."""
        return None if self.kind is FaultKind.NO_LIST_BUCKET else self.name


CASES = [
    Case(FaultKind.SLOW_DOWNLOAD, is_inline=False),
    Case(FaultKind.SLOW_UPLOAD),
    Case(FaultKind.FAILING_DOWNLOAD, is_inline=False),
    Case(FaultKind.DENIED_DOWNLOAD, is_inline=False, is_told=True),
    Case(FaultKind.FAILING_UPLOAD),
    Case(FaultKind.DENIED_UPLOAD, times=None, count=6),
    Case(FaultKind.DENIED_UPLOAD, times=None, is_told=True),
    Case(FaultKind.THROTTLING),
    Case(FaultKind.UNAVAILABLE),
    Case(FaultKind.NO_CAPACITY, times=2),
    Case(FaultKind.FAILING_NOTIFICATION, is_told=True),
    Case(FaultKind.NO_LIST_BUCKET, times=None),
]


@dataclass
class Storm:
    """All cases at once, each on an endpoint of its own."""

    local: EndpointUnderLoad
    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)

    def run(self) -> None:
        with ThreadPoolExecutor(len(CASES)) as pool:
            for case, outcomes in zip(CASES, pool.map(self._run, CASES), strict=True):
                self.outcomes[case.name] = outcomes

    def _run(self, case: Case) -> list[Outcome]:
        topics = self.local.deploy(case.name, is_telling=case.is_told)
        self.local.faults.add(Fault(case.kind, case.endpoint_name, case.share, case.times, case.seconds))
        settings = ClientSettings(
            slack_seconds=SLACK_SECONDS, num_threads=4, first_backlog=case.count, is_inline=case.is_inline
        )
        with self.local.user(case.name, settings, topics) as client:
            if case.kind is FaultKind.NO_CAPACITY:
                self.local.scale(case.name, 3)
            return list(client.submit_many(documents(case.count), hasty(seconds=0.01)))


@pytest.fixture(scope="module")
def storm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storm]:
    with EndpointUnderLoad(tmp_path_factory.mktemp("local"), SPEED) as local:
        stormed = Storm(local)
        stormed.run()
        yield stormed


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_document_ends_as_a_value(storm: Storm, case: Case) -> None:
    outcomes = storm.outcomes[case.name]
    check_books(storm.local, case.name, case.count, outcomes)
    left = [fault.kind for fault in storm.local.faults.all() if fault.endpoint_name == case.endpoint_name]
    assert left == ([case.kind] if case.times is None else []), "it struck as often as was asked"
    is_silent = case.kind is FaultKind.DENIED_UPLOAD
    assert {type(one) for one in outcomes} == {Lost if is_silent else Succeeded}, Counter(map(type, outcomes))


def test_who_may_not_list_was_told_no_more_all_the_while(storm: Storm) -> None:
    s3 = storm.local.call("s3")
    s3.create_bucket(Bucket="no-list")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.get_object(Bucket="no-list", Key="absent")


def test_what_nobody_tells_of_is_lost_at_the_deadline_of_the_third_call(storm: Storm) -> None:
    for outcome in storm.outcomes[FaultKind.DENIED_UPLOAD]:
        assert isinstance(outcome, Lost)
        assert outcome.calls == 3
        assert outcome.message.startswith("nothing was written or told within TTL, timeout and slack")
    endings = [ending(timeline) for timeline in storm.local.timelines(FaultKind.DENIED_UPLOAD)]
    assert Counter(endings) == {Ending.UPLOAD_FAILED: 18}


def _instances(local: EndpointUnderLoad) -> list[str]:
    return [view.instance_id for view in local.host.instances("killed")]


@pytest.mark.parametrize("fate", Fate)
def test_instances_that_are_killed_under_load(tmp_path: Path, fate: Fate) -> None:
    switches = Switches(in_flight_fate=fate, redelivery_seconds=20, max_deliveries=20)
    with EndpointUnderLoad(tmp_path, SPEED, switches) as local:
        local.deploy("killed", num_instances=3)
        killed: list[str | None] = []

        def kill() -> None:
            for _ in range(3):
                await_that(lambda: local.host.backlog("killed").in_flight >= 3, "some run")
                killed.append(local.host.kill_instance("killed", None))
                await_that(lambda: killed[-1] not in _instances(local), "its processes have ended")

        killer = threading.Thread(target=kill)
        settings = ClientSettings(slack_seconds=SLACK_SECONDS, num_threads=4, first_backlog=COUNT)
        with local.user("killed", settings) as client:
            killer.start()
            outcomes = list(client.submit_many(documents(COUNT), hasty(seconds=0.2)))
        killer.join()
        assert None not in killed
        check_books(local, "killed", COUNT, outcomes)
        assert {type(one) for one in outcomes} == {Succeeded}, Counter(map(type, outcomes))
        timelines = local.timelines("killed")
        again = [line for line in timelines if any(entry.step is Step.REQUEUED for entry in line)]
        lost = [line for line in timelines if ending(line) is Ending.LOST]
        assert bool(again) is (fate is not Fate.LOST)
        assert bool(lost) is (fate is Fate.LOST)
