"""/ping answers while the stub's container is busy, and while its device worker loads or hangs."""

from __future__ import annotations

import time

from bench.ping import MOST_SECONDS, Pings, busy, hangable, hanging, loading, table
from bench.served import Served, served
from bench.stub_container import stub_base
from quire.process.run_samples import free_port


def assert_answered(pings: Pings) -> None:
    assert set(pings.statuses) == {200}
    assert max(pings.seconds) < MOST_SECONDS


def test_ping_answers_while_documents_are_read_and_a_device_worker_loads() -> None:
    with (
        stub_base(batch_seconds=0.05, load_seconds=0.5) as base,
        served(SAGEMAKER_BASE_DIR=str(base)) as container,
    ):
        container.await_healthy()
        assert_answered(busy(container, num_posts=20))
        assert_answered(loading(container, num_loads=2))


def test_ping_answers_while_the_only_device_worker_hangs_and_is_replaced() -> None:
    with hangable() as container:
        pings = hanging(container)
        deaths = container.log.read_bytes().count(b"device worker died")
    assert deaths >= 2
    assert_answered(pings)


def test_a_port_where_nobody_answers_is_no_prompt_ping() -> None:
    with (
        stub_base() as base,
        served(SAGEMAKER_BASE_DIR=str(base)) as container,
        Pings(Served(free_port(), container.process, container.log)) as pings,
    ):
        container.await_healthy()
        while len(pings.statuses) < 3:
            time.sleep(0.01)
    assert set(pings.statuses) == {None}
    assert not pings.is_prompt
    assert "NO" in table({"nobody": pings})
