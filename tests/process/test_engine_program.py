"""The engine with real workers: documents go through, and killed processes are healed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from quire.engine.channel import Channel, PeerGone
from quire.engine.hang_up import CallerGone
from quire.engine.messages import FromEngine, Submit, ToEngine
from quire.engine.watch import EngineWatch
from quire.models.stub import Marker
from quire.words.errors import DeadlineExceeded, PageFailedOnDevice, PageRenderTimeout, ShuttingDown
from quire.words.request import DocumentRequest, ReadOptions
from tests.fakes.processes import is_alive
from tests.fakes.running_engine import (
    CODE,
    PATIENCE_SECONDS,
    RunningEngine,
    await_health,
    running_engine,
    start_engine,
    stub_folder,
)

DEVICE, RENDERER = "quire.models.device_program", "quire.engine.render_worker"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., RunningEngine]]:
    """Starts engines over the stub; `settings` are QUIRE_ variables."""
    with ExitStack() as stack:

        def start(settings: dict[str, str] | None = None, **options: Any) -> RunningEngine:
            environ = {"SAGEMAKER_BASE_DIR": str(stub_folder(tmp_path / "ml", **options)), **(settings or {})}
            return stack.enter_context(running_engine(tmp_path / "run", environ))

        yield start


def draw(path: Path, marker: tuple[int, int, int] | None = None, size: int = 40) -> Path:
    pixels = np.full((size, size, 3), 200, dtype=np.uint8)
    if marker:
        pixels[0, 0] = marker
    Image.fromarray(pixels).save(path)
    return path


def draw_pages(path: Path, markers: list[tuple[int, int, int] | None]) -> Path:
    pages = []
    for marker in markers:
        pixels = np.full((30, 30, 3), 100, dtype=np.uint8)
        pixels[0, 0] = marker or (100, 100, 100)
        pages.append(Image.fromarray(pixels))
    pages[0].save(path, save_all=True, append_images=pages[1:])
    return path


def test_a_page_goes_through_all_processes(start: Callable[..., RunningEngine], tmp_path: Path) -> None:
    reading = start().read(draw(tmp_path / "page.png"))
    assert reading.status == "complete"
    assert [page.text for page in reading.pages] == [f"40 x 40: {40 * 40 * 600}"]
    assert reading.model.name == "stub"
    assert reading.timings_ms["total"] > 0


def test_pages_of_documents_in_flight_share_batches(
    start: Callable[..., RunningEngine], tmp_path: Path
) -> None:
    engine = start(batch_seconds=0.2)
    page = draw(tmp_path / "page.png")
    with ThreadPoolExecutor(8) as pool:
        readings = list(pool.map(lambda _: engine.read(page), range(8)))
    assert {reading.pages[0].text for reading in readings} == {f"40 x 40: {40 * 40 * 600}"}
    batches = [line for line in log_lines(engine) if line["event"] == "batch"]
    assert any(len(line["inference_ids"]) > 1 for line in batches)


def log_lines(engine: RunningEngine) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (engine.scratch / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("module", [DEVICE, RENDERER])
def test_a_killed_worker_costs_time_and_nothing_else(
    start: Callable[..., RunningEngine], tmp_path: Path, module: str
) -> None:
    engine = start(page_seconds=0.05, max_items=2)
    document = draw_pages(tmp_path / "pages.tif", [None] * 40)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(engine.read, document)
        time.sleep(0.5)
        engine.kill_worker(module)
        reading = answer.result()
    assert reading.status == "complete"
    assert len({page.text for page in reading.pages}) == 1
    assert [page.page for page in reading.pages] == list(range(1, 41))
    deaths = [line["exit_status"] for line in log_lines(engine) if line["event"].endswith("died")]
    assert deaths == [-signal.SIGKILL]


def test_a_killed_engine_is_replaced_under_its_client(
    start: Callable[..., RunningEngine], tmp_path: Path
) -> None:
    engine = start(page_seconds=0.1, max_items=1)
    document = draw_pages(tmp_path / "pages.tif", [None] * 10)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(engine.read, document)
        time.sleep(0.5)
        workers = engine.worker_pids("quire.")
        engine.process.kill()
        engine.process.wait()
        assert_gone(workers)
        environ = {"SAGEMAKER_BASE_DIR": str(tmp_path / "ml")}
        successor = start_engine(tmp_path / "run", environ)
        try:
            assert answer.result().status == "complete"
        finally:
            successor.process.kill()
            successor.process.wait()


def assert_gone(pids: list[int]) -> None:
    """Processes whose parent died are dead within a moment."""
    assert pids
    deadline = time.monotonic() + 10
    while any(is_alive(pid) for pid in pids):
        assert time.monotonic() < deadline, f"{pids} outlive their parent"
        time.sleep(0.02)


@pytest.mark.parametrize("marker", [Marker.POISON, Marker.KILL, Marker.FATAL])
def test_one_bad_page_costs_one_page(
    start: Callable[..., RunningEngine], tmp_path: Path, marker: tuple[int, int, int]
) -> None:
    engine = start(max_items=4)
    reading = engine.read(draw_pages(tmp_path / "pages.tif", [None, None, marker, None, None]))
    assert reading.status == "partial"
    errors = [page.error.code if page.error else None for page in reading.pages]
    assert errors == [None, None, "page_failed_on_device", None, None]


def test_a_document_whose_only_page_fails_is_an_error(
    start: Callable[..., RunningEngine], tmp_path: Path
) -> None:
    with pytest.raises(PageFailedOnDevice):
        start().read(draw(tmp_path / "page.png", Marker.POISON))


def test_a_page_that_hangs_the_device_ends_in_its_error(
    start: Callable[..., RunningEngine], tmp_path: Path
) -> None:
    engine = start({"QUIRE_DEVICE_STALL_SECONDS": "1"})
    reading = engine.read(draw_pages(tmp_path / "pages.tif", [None, Marker.HANG]))
    assert [page.error.code if page.error else None for page in reading.pages] == [
        None,
        "page_failed_on_device",
    ]


def test_a_page_that_takes_too_long_to_draw_is_an_error_and_its_renderer_is_replaced(
    start: Callable[..., RunningEngine], tmp_path: Path
) -> None:
    engine = start({"QUIRE_RENDER_PAGE_SECONDS": "1", "QUIRE_RENDER_WORKERS": "1"})
    page = draw(tmp_path / "page.png")
    assert engine.read(page).status == "complete"
    os.kill(engine.worker_pids(RENDERER)[0], signal.SIGSTOP)
    with pytest.raises(PageRenderTimeout):
        engine.read(page)
    assert engine.read(page).status == "complete"


def test_a_passed_deadline_is_answered(start: Callable[..., RunningEngine], tmp_path: Path) -> None:
    engine = start(page_seconds=30)
    with pytest.raises(DeadlineExceeded):
        engine.read(draw(tmp_path / "page.png"), seconds=0.5)


def test_a_caller_that_hangs_up_frees_the_device(start: Callable[..., RunningEngine], tmp_path: Path) -> None:
    engine = start(page_seconds=0.2, max_items=1)
    document = draw_pages(tmp_path / "pages.tif", [None] * 200)
    request = DocumentRequest(
        path=document, media_type="image/tiff", num_bytes=1, sha256="", options=ReadOptions()
    )
    ours, callers = socket.socketpair()
    threading.Timer(0.5, callers.close).start()
    with ours, pytest.raises(CallerGone):
        engine.client.read(request, deadline=time.monotonic() + 60, caller=ours)
    assert engine.read(draw(tmp_path / "page.png"), seconds=10).status == "complete"
    assert "caller gone" in [line["event"] for line in log_lines(engine)]


def test_a_client_that_reads_nothing_holds_nobody_up(
    start: Callable[..., RunningEngine], tmp_path: Path
) -> None:
    engine = start({"QUIRE_RENDER_WORKERS": "1"})
    document = draw_pages(tmp_path / "pages.tif", [None] * 600)
    deaf: Channel[ToEngine, FromEngine] = Channel.connect(engine.address, FromEngine)
    request = DocumentRequest(
        path=document, media_type="image/tiff", num_bytes=1, sha256="", options=ReadOptions()
    )
    results = tmp_path / "results.jsonl"
    deaf.send(Submit(request=request, pages_path=str(results), deadline_seconds=PATIENCE_SECONDS))
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not results.exists() or len(results.read_bytes().splitlines()) < 600:
        assert time.monotonic() < deadline, "the engine stopped"
        time.sleep(0.05)
    assert engine.read(draw(tmp_path / "page.png")).status == "complete"
    deaf.close()


def test_a_renderer_that_hangs_does_not_stop_the_engine(
    start: Callable[..., RunningEngine], tmp_path: Path
) -> None:
    engine = start({"QUIRE_RENDER_WORKERS": "2", "QUIRE_RENDER_PAGE_SECONDS": "5"})
    page = draw(tmp_path / "page.png")
    engine.read(page)
    os.kill(engine.worker_pids(RENDERER)[0], signal.SIGSTOP)
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(engine.read, page) for _ in range(400)]
        failures = [answer.exception() for answer in answers if answer.exception(PATIENCE_SECONDS)]
    # None at all where the renderer was stopped before it was up, and so was never given a page.
    assert [type(failure) for failure in failures] in ([], [PageRenderTimeout])


def test_a_client_that_talks_nonsense_is_hung_up_on(
    start: Callable[..., RunningEngine], tmp_path: Path
) -> None:
    engine = start()
    vandal: Channel[Any, Any] = Channel.connect(engine.address, FromEngine)
    vandal.send({"type": "Nonsense"})
    with pytest.raises(PeerGone):
        vandal.receive()
    vandal.close()
    assert engine.read(draw(tmp_path / "page.png")).status == "complete"


def test_a_file_name_that_is_no_text_is_read(start: Callable[..., RunningEngine], tmp_path: Path) -> None:
    page = draw(tmp_path / "page.png").rename(tmp_path / os.fsdecode(b"p\xff.png"))
    assert start().read(page).status == "complete"


def test_a_frozen_engine_is_seen(start: Callable[..., RunningEngine]) -> None:
    engine = start()
    watch = EngineWatch(engine.address, heal_seconds=0.2, heartbeat_seconds=0.2)
    watch.start()
    try:
        await_true(lambda: watch.health().is_healthy)
        engine.process.send_signal(signal.SIGSTOP)
        await_true(lambda: not watch.health().is_healthy)
        engine.process.send_signal(signal.SIGCONT)
        await_true(lambda: watch.health().is_healthy)
    finally:
        watch.stop()


def await_true(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_client_whose_engine_will_not_come_back_is_told(
    start: Callable[..., RunningEngine], tmp_path: Path
) -> None:
    engine = start(page_seconds=30)
    client = engine.client
    request = DocumentRequest(
        path=draw(tmp_path / "page.png"),
        media_type="image/png",
        num_bytes=1,
        sha256="",
        options=ReadOptions(),
    )
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(client.read, request, deadline=time.monotonic() + 600)
        time.sleep(0.5)
        client.close()
        engine.process.kill()
        with pytest.raises(ShuttingDown):
            answer.result(PATIENCE_SECONDS)


def test_sigterm_ends_what_can_end_and_refuses_the_rest(
    start: Callable[..., RunningEngine], tmp_path: Path
) -> None:
    engine = start({"QUIRE_DRAIN_SECONDS": "6"}, page_seconds=0.3, max_items=1)
    short = draw_pages(tmp_path / "short.tif", [None] * 2)
    long = draw_pages(tmp_path / "long.tif", [None] * 100)
    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(engine.read, document) for document in (short, long)]
        time.sleep(0.3)
        engine.process.send_signal(signal.SIGTERM)
        assert answers[0].result().status == "complete"
        with pytest.raises(ShuttingDown):
            answers[1].result()
    assert engine.process.wait(10) == 0


def test_a_model_folder_of_an_unknown_kind_ends_the_engine_for_good(tmp_path: Path) -> None:
    (tmp_path / "ml" / "model").mkdir(parents=True)
    (tmp_path / "ml" / "model" / "weights.bin").write_bytes(b"?")
    environ = {**os.environ, "PYTHONPATH": str(CODE), "SAGEMAKER_BASE_DIR": str(tmp_path / "ml")}
    options = ("--address", str(tmp_path / "s"), "--scratch", str(tmp_path), "--parent-pid", str(os.getpid()))
    ended = subprocess.run(
        [sys.executable, "-m", "quire.process.engine_program", *options], env=environ, capture_output=True
    )
    assert ended.returncode == 70
    assert "none of quire.json, manifest.json" in json.loads(ended.stdout.splitlines()[-1])["reason"]


def test_cuda_that_is_not_there_ends_the_engine_for_good(tmp_path: Path) -> None:
    environ = {"SAGEMAKER_BASE_DIR": str(tmp_path), "QUIRE_DEVICE": "cuda", "CUDA_VISIBLE_DEVICES": ""}
    engine = start_engine(tmp_path / "run", environ)
    assert engine.process.wait(60) == 70
    assert "QUIRE_DEVICE=cuda" in (tmp_path / "run" / "log.jsonl").read_text()


def test_a_model_that_breaks_after_the_engine_has_started_ends_it_for_good(
    start: Callable[..., RunningEngine], tmp_path: Path
) -> None:
    engine = start()
    (tmp_path / "ml" / "model" / "quire.json").write_text("{}")
    engine.kill_worker(DEVICE)
    assert engine.process.wait(30) == 70


def test_readiness_is_lost_and_found_when_the_device_worker_dies(
    start: Callable[..., RunningEngine],
) -> None:
    engine = start({"QUIRE_DEVICE_WORKERS": "1"}, load_seconds=0.5)
    engine.kill_worker(DEVICE)
    await_health(engine, lambda health: not health.is_ready)
    await_health(engine, lambda health: health.is_ready)
