"""The peers run over the same model: here the stub, and here the Flask container, which needs nothing but
what the container itself needs. A peer that is not installed is said to be absent."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.batch_log import batches
from bench.documents import write_tiny_documents
from bench.loads import container_posts, form_post, post_all
from bench.peers.servers import Batching, PeerAbsent, PeerServer, flask_container, litserve_container
from bench.stub_container import stub_base
from tests.fakes.processes import descendants, is_alive


@pytest.fixture
def environ(repository: Path) -> Iterator[dict[str, str]]:
    with stub_base(batch_seconds=0.01, max_items=4) as base:
        path = os.pathsep.join((str(repository), str(repository / "code")))
        yield {"SAGEMAKER_BASE_DIR": str(base), "QUIRE_DEVICE": "cpu", "PYTHONPATH": path}


@pytest.fixture
def flask(tmp_path: Path, environ: dict[str, str]) -> Iterator[PeerServer]:
    with flask_container(tmp_path, 2, environ) as server:
        yield server


def test_one_document_at_a_time(flask: PeerServer, tmp_path: Path) -> None:
    posts = container_posts(write_tiny_documents(tmp_path, 6))
    post_all(flask.port, posts, in_flight=3)
    assert [batch.num_documents for batch in batches(flask.log)] == [1] * 6


def test_frozen_server_takes_no_time_and_wakes_again(flask: PeerServer, tmp_path: Path) -> None:
    posts = container_posts(write_tiny_documents(tmp_path, 1))
    flask.freeze()
    assert {state(pid) for pid in (flask.process.pid, *descendants(flask.process.pid))} == {"T"}
    with flask.awake():
        post_all(flask.port, posts, in_flight=1)
    assert state(flask.process.pid) == "T"


def test_nothing_of_a_frozen_server_is_left(tmp_path: Path, environ: dict[str, str]) -> None:
    with flask_container(tmp_path, 2, environ) as server:
        everybody = [server.process.pid, *descendants(server.process.pid)]
        server.freeze()
    assert len(everybody) == 3
    assert not [pid for pid in everybody if is_alive(pid)]


def test_peer_that_does_not_start_is_absent(tmp_path: Path, environ: dict[str, str]) -> None:
    broken = {**environ, "QUIRE_NO_SUCH_SETTING": "1"}
    with pytest.raises(PeerAbsent, match="QUIRE_NO_SUCH_SETTING"), flask_container(tmp_path, 1, broken):
        """It never gets here."""


def test_litserve_batches_requests(tmp_path: Path, environ: dict[str, str]) -> None:
    pytest.importorskip("litserve", reason="requirements-bench.lock is not installed")
    posts = [form_post(document) for document in write_tiny_documents(tmp_path, 8)]
    with litserve_container(tmp_path, 1, "cpu", Batching(4, 0.3), environ) as server:
        post_all(server.port, posts, in_flight=4)
        seen = batches(server.log)
    assert sum(batch.num_documents for batch in seen) == 8
    assert max(batch.num_documents for batch in seen) > 1


def state(pid: int) -> str:
    """T is stopped. Signals take a moment."""
    deadline = time.monotonic() + 10
    while True:
        found = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        if found == "T" or time.monotonic() > deadline:
            return found
        time.sleep(0.01)
