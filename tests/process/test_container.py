"""The whole container with its own model: `./serve`, real documents, real HTTP, real kills."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bench.ping import Pings
from bench.served import Served, served
from tests.fakes.processes import command_line, descendants

DATA = Path(__file__).parents[1] / "data"
MODEL = Path(__file__).parents[2] / "model" / "default"
INVOICE = (DATA / "invoice.jpg").read_bytes()
CONTRACT = (DATA / "contract.pdf").read_bytes()
RENDERER, DEVICE, ENGINE = (
    "quire.engine.render_worker",
    "quire.models.device_program",
    "quire.process.engine_program",
)


@pytest.fixture(scope="module")
def base_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As the platform lays it out: the model unpacked below it."""
    base = tmp_path_factory.mktemp("ml")
    shutil.copytree(MODEL, base / "model")
    return base


@pytest.fixture(scope="module")
def container(base_dir: Path) -> Iterator[Served]:
    """In fp32, where a page's text is the same alone and in any batch."""
    with served(SAGEMAKER_BASE_DIR=str(base_dir), QUIRE_PRECISION="fp32") as started:
        started.await_healthy()
        yield started


def kill_one(container: Served, module: str) -> int:
    """SIGKILL to the first process of the container that runs `module`."""
    for pid in descendants(container.process.pid):
        if module.encode() in command_line(pid):
            os.kill(pid, signal.SIGKILL)
            return pid
    raise AssertionError(f"no process runs {module}")


def text_of(body: bytes) -> str:
    reading = json.loads(body)
    return "\n".join(page["text"] for page in reading["pages"])


def test_a_document_is_read(container: Served) -> None:
    status, body = container.post(INVOICE, "image/jpeg", "ref=the-invoice")
    reading = json.loads(body)
    assert status == 200
    assert reading["schema"] == "quire.document/1"
    assert reading["status"] == "complete"
    assert reading["reference"] == "the-invoice"
    assert "invoice" in text_of(body).lower()


def test_the_same_document_gives_the_same_text_alone_and_among_others(container: Served) -> None:
    alone = text_of(container.post(INVOICE, "image/jpeg")[1])
    with ThreadPoolExecutor(6) as pool:
        crowd: list[Future[tuple[int, bytes]]] = [
            pool.submit(container.post, body, kind, "pages=1-3")
            for body, kind in [(INVOICE, "image/jpeg"), (CONTRACT, "application/pdf")] * 3
        ]
        texts = [text_of(future.result()[1]) for future in crowd]
    assert texts[0] == texts[2] == texts[4] == alone


def test_a_hundred_posts_at_once_are_all_answered_and_ping_never_waits(container: Served) -> None:
    with Pings(container) as pings, ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(lambda _: container.post(INVOICE, "image/jpeg"), range(100)))
    assert [status for status, _ in answers] == [200] * 100
    assert set(pings.statuses) == {200}
    assert max(pings.seconds) < 2.0


def test_every_odd_document_is_read_or_refused_with_a_reason(container: Served, documents: Path) -> None:
    files = sorted([*(documents / "pdfs").iterdir(), *(documents / "scans").iterdir()])
    kinds = {".pdf": "application/pdf", ".png": "image/png", ".jpg": "image/jpeg"}

    def post(path: Path) -> tuple[str, int, str]:
        status, body = container.post(path.read_bytes(), kinds.get(path.suffix, "application/octet-stream"))
        return path.name, status, "" if status == 200 else json.loads(body)["error"]["code"]

    with Pings(container) as pings, ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(post, files))
    refused = [(name, code) for name, status, code in answers if status != 200]
    assert all(status == 200 or 400 <= status < 500 for _, status, _ in answers), refused
    assert len(refused) < len(files) / 5, refused
    assert set(pings.statuses) == {200}
    assert max(pings.seconds) < 2.0
    assert container.process.poll() is None


@pytest.mark.parametrize("module", [RENDERER, DEVICE, ENGINE])
def test_a_killed_process_heals_under_a_request(container: Served, module: str) -> None:
    expected = text_of(container.post(CONTRACT, "application/pdf", "pages=1-6")[1])
    with Pings(container) as pings, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(container.post, CONTRACT, "application/pdf", "pages=1-6")
        time.sleep(0.7)
        assert not answer.done()
        kill_one(container, module)
        status, body = answer.result()
    assert set(pings.statuses) == {200}
    assert status == 200
    assert text_of(body) == expected


def test_ping_turns_503_when_healing_takes_too_long_and_200_again_when_it_is_done() -> None:
    with served(QUIRE_HEAL_SECONDS="1", QUIRE_DEVICE_WORKERS="1") as container:
        container.await_healthy()
        with Pings(container) as pings:
            kill_one(container, DEVICE)
            await_status(container, 503)
            await_status(container, 200)
    assert pings.statuses[0] == 200


def await_status(container: Served, status: int, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while container.ping() != status:
        assert time.monotonic() < deadline, f"/ping never answered {status}"
        time.sleep(0.02)


def test_sigterm_ends_cleanly_and_says_503_until_then() -> None:
    with served(QUIRE_DRAIN_SECONDS="1") as container:
        container.await_healthy()
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(container.post, CONTRACT, "application/pdf")
            time.sleep(1.0)
            container.process.send_signal(signal.SIGTERM)
            await_status(container, 503)
            status, body = answer.result()
        assert status == 503
        error: dict[str, Any] = json.loads(body)["error"]
        assert (error["code"], error["retryable"]) == ("shutting_down", True)
        assert container.process.wait(25) == 0


def test_nothing_is_written_to_the_model_folder(container: Served, base_dir: Path) -> None:
    """The tests above have read documents with this copy, and killed whoever had it open."""
    assert container.post(INVOICE, "image/jpeg")[0] == 200
    assert contents(base_dir / "model") == contents(MODEL)


def contents(folder: Path) -> dict[Path, str]:
    """Every file's digest, by path."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
