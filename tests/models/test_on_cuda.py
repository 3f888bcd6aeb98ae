"""What only a CUDA device can show: its side of every twin, graphs for real, memory that really runs out."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from bench.in_process import read_pages
from quire.engine.batch_pipeline import InlinePipeline
from quire.engine.lane_scheduler import LaneScheduler
from quire.engine.messages import BatchRun, LimitBatch, PageRead, ReadPage
from quire.engine.port import Canvas, Pixels, Running
from quire.engine.threaded_pipeline import ThreadedPipeline
from quire.models.device_side.cpu import CpuSide
from quire.models.device_side.side import DeviceSide
from quire.models.devices import side_of
from quire.models.graphs import Rung
from quire.models.ppocr.lanes import CUDA_BATCH, BatchPixels
from quire.models.ppocr.networks import Networks, load_networks
from quire.models.ppocr.page_images import DevicePage, HostPage
from quire.models.ppocr.reader import PPOCRReader, load_reader
from quire.models.ppocr.speed_ups import on_graphs
from quire.models.precision import Precision
from quire.rendering.opening import RenderLimits, open_document
from quire.words.reading import ModelInfo, PageText
from quire.words.settings import Settings

DEVICE = torch.device("cuda")

if not torch.cuda.is_available():
    pytest.skip("no CUDA device: what only CUDA runs is not judged here", allow_module_level=True)

LINES = ("Harbour Street 12, Bristol", "Total: 1,234.50 EUR", "Please quote 2041-17 in any letter.")
SMALL_BATCH = BatchPixels(detection=4 * 224 * 224, recognition=8 * 48 * 304)


@pytest.fixture(scope="module")
def side() -> DeviceSide:
    return side_of(DEVICE)


@pytest.fixture(scope="module")
def cuda_networks(default_model: Path) -> Networks:
    return load_networks(default_model, DEVICE, Precision.FP32)


def drawn_page(number: int, width: int = 700) -> Pixels:
    image = Image.new("RGB", (width, 60 + 56 * len(LINES)), "white")
    draw = ImageDraw.Draw(image)
    for row, text in enumerate((f"Page {number}", *LINES)):
        draw.text((40, 30 + 50 * row), text, "black", ImageFont.load_default(28))
    return np.asarray(image)


def noise(num_items: int, canvas: Canvas) -> Tensor:
    shape = (num_items, 3, canvas.height, canvas.width)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(num_items))


def drawn_lines(num_items: int, width: int = 304) -> Tensor:
    lines = []
    for number in range(num_items):
        image = Image.new("RGB", (width, 48), "white")
        ImageDraw.Draw(image).text((8, 6), f"Invoice {2041 + number}", "black", ImageFont.load_default(30))
        lines.append(np.asarray(image))
    return torch.from_numpy(np.stack(lines)).permute(0, 3, 1, 2)


def texts(reader: PPOCRReader, pages: list[Pixels]) -> list[str]:
    return [page.text for page in read_pages(reader, pages)]


def reader_of(networks: Networks) -> PPOCRReader:
    return PPOCRReader(networks, ModelInfo(name="test", revision="0"))


# --- the device's side ---


def test_an_upload_is_whole_though_its_source_changes_and_kernels_run(side: DeviceSide) -> None:
    """Two threads, as in a device worker: one uploads and frees pages, the other keeps the device busy."""
    stop = threading.Event()

    def compute() -> None:
        square = torch.ones((2048, 2048), device=DEVICE)
        while not stop.is_set():
            square = (square @ square).clamp_(0, 1)
            side.finish()

    thread = threading.Thread(target=compute)
    thread.start()
    try:
        source = np.empty((1500, 1000, 3), np.uint8)
        for number in range(200):
            source[:] = number
            page = side.upload(source)
            source[:] = 255
            assert bool((page == number).all())
            del page
    finally:
        stop.set()
        thread.join()


def test_fetched_results_are_those_of_their_moment(side: DeviceSide) -> None:
    there = torch.arange(1_000_000, device=DEVICE)
    fetched = side.fetch([there, there[:3] * 2])
    there.zero_()
    assert isinstance(fetched, Running)
    first, second = fetched.arrays()
    assert (first == np.arange(1_000_000)).all()
    assert second.tolist() == [0, 2, 4]


@pytest.mark.parametrize("canvas", [Canvas(48, 304), Canvas(224, 320), Canvas(48, 64)], ids=str)
def test_a_page_is_cut_as_on_the_host(side: DeviceSide, canvas: Canvas) -> None:
    page = drawn_page(1)
    quads = np.array(
        [
            [[30.0, 40.0], [400.0, 70.0], [395.0, 121.0], [25.0, 91.0]],
            [[0.0, 0.0], [700.0, 0.0], [700.0, 228.0], [0.0, 228.0]],
            [[600.0, 10.0], [600.0, 200.0], [500.0, 200.0], [500.0, 10.0]],
        ]
    )
    there = DevicePage(page, side).cut(quads, canvas).cpu().int()
    assert (there - DevicePage(page, CpuSide()).cut(quads, canvas).int()).abs().max() <= 1
    assert (there - HostPage(page).cut(quads, canvas).int()).abs().float().mean() < 0.6


# --- the networks ---


def test_pages_are_searched_as_on_the_cpu(networks: Networks, cuda_networks: Networks) -> None:
    canvas = Canvas(224, 320)
    page = torch.from_numpy(HostPage(drawn_page(1)).cut(whole(drawn_page(1)), canvas).numpy())
    pages = torch.cat([page, noise(2, canvas)])
    found = cuda_networks.detect(pages.to(DEVICE)).cpu()
    assert (found - networks.detect(pages)).abs().max() < 1e-3


def whole(page: Pixels) -> Any:
    height, width, _ = page.shape
    return np.array([[[0.0, 0.0], [width, 0.0], [width, height], [0.0, height]]])


def test_lines_are_read_as_on_the_cpu(networks: Networks, cuda_networks: Networks) -> None:
    lines = drawn_lines(9)
    expected, found = networks.recognize(lines), cuda_networks.recognize(lines.to(DEVICE))
    assert (expected.classes != 0).any()
    assert torch.equal(found.classes.cpu(), expected.classes)
    assert torch.allclose(found.confidences.cpu(), expected.confidences, atol=1e-3)
    assert torch.allclose(found.space_odds.cpu(), expected.space_odds, atol=1e-3)


@pytest.mark.parametrize("precision", [Precision.FP16, Precision.BF16])
def test_sixteen_bits_stay_near_to_fp32(
    networks: Networks, default_model: Path, precision: Precision
) -> None:
    rounded = load_networks(default_model, DEVICE, precision)
    lines = drawn_lines(9)
    expected, found = networks.recognize(lines), rounded.recognize(lines.to(DEVICE))
    assert (found.confidences.cpu() - expected.confidences).abs().mean() < 0.01
    pages = noise(1, Canvas(224, 320))
    assert (rounded.detect(pages.to(DEVICE)).cpu() - networks.detect(pages)).abs().mean() < 0.01


# --- graphs ---


def test_a_replay_gives_what_running_gives(cuda_networks: Networks) -> None:
    line, page = Canvas(48, 304), Canvas(224, 224)
    graphs = on_graphs(cuda_networks, SMALL_BATCH, {})
    with torch.inference_mode():
        for size in (8, 4, 1):
            graphs.recognition.capture(Rung(line, size))
        for size in (4, 2):
            graphs.detection.capture(Rung(page, size))
    for num_items in (1, 4, 8, 1):
        lines = drawn_lines(num_items).to(DEVICE)
        expected, found = cuda_networks.recognize(lines), graphs.networks.recognize(lines)
        assert torch.equal(found.classes, expected.classes)
        assert torch.allclose(found.confidences, expected.confidences, atol=1e-5)
    for num_items in (2, 4, 2, 3):
        pages = noise(num_items, page).to(DEVICE)
        expected_map, found_map = cuda_networks.detect(pages), graphs.networks.detect(pages)
        assert torch.allclose(found_map, expected_map, atol=1e-4)


@pytest.mark.parametrize("precision", [Precision.FP32, Precision.FP16])
def test_all_that_is_planned_can_be_captured_in_its_time(default_model: Path, precision: Precision) -> None:
    networks = load_networks(default_model, DEVICE, precision)
    graphs = on_graphs(networks, CUDA_BATCH, {})
    began = time.monotonic()
    captures = graphs.capture(20.0)
    print(captures, networks.side.memory())
    assert captures.num_captured > 0
    assert (captures.num_failed, captures.first_failure) == (0, None)
    assert time.monotonic() - began < 25
    pages = [drawn_page(number) for number in range(5)]
    assert texts(reader_of(graphs.networks), pages) == texts(reader_of(networks), pages)


def test_what_waits_for_the_device_is_refused_before_a_capture_begins(side: DeviceSide) -> None:
    there = torch.ones(3, device=DEVICE)
    with pytest.raises(RuntimeError, match="synchroniz"):
        side.capture(lambda: print(there.nonzero()))
    result = torch.zeros(3, device=DEVICE)
    replay = side.capture(lambda: print(result.add_(there).shape))
    before = float(result[0])
    replay()
    assert float(result[0]) == before + 1


# --- whole pages ---


def sample_pages(samples: Path) -> dict[str, Pixels]:
    limits = RenderLimits(dpi=150, max_page_pixels=12_000_000, max_source_pixels=300_000_000)
    media_types = {".pdf": "application/pdf", ".png": "image/png", ".jpg": "image/jpeg"}
    pages = {}
    for name in ("invoice.jpg", "report.png", "statement.pdf"):
        opened = open_document(samples / name, media_types[Path(name).suffix], None, limits)
        size = opened.measure(0, None)
        pages[name] = np.empty((size.height_px, size.width_px, 3), np.uint8)
        opened.render(0, size, pages[name])
        opened.close()
    return pages


def test_samples_say_the_same_as_on_the_cpu(
    networks: Networks, cuda_networks: Networks, samples: Path
) -> None:
    pages = list(sample_pages(samples).values())
    assert texts(reader_of(cuda_networks), pages) == texts(reader_of(networks), pages)


def read_message(key: int, pixels: Pixels) -> ReadPage:
    height, width, _ = pixels.shape
    return ReadPage(
        page=key,
        offset=0,
        width_px=width,
        height_px=height,
        document=key,
        deadline=math.inf,
        num_coming=0,
    )


def messages_of(
    reader: PPOCRReader, pages: list[Pixels], pipeline: InlinePipeline | ThreadedPipeline
) -> list[Any]:
    """What a device worker would say while it reads these pages."""
    messages: list[Any] = []
    lanes = LaneScheduler(reader, messages.append, pipeline)
    for key, pixels in enumerate(pages):
        lanes.add(read_message(key, pixels), pixels, time.monotonic())
    while not lanes.is_idle:
        lanes.step(time.monotonic())
        for report in pipeline.take():
            lanes.report(report, time.monotonic())
        time.sleep(0.0005)
    return messages


def read_texts(messages: list[Any]) -> list[str]:
    read: dict[int, PageText] = {each.page: each.text for each in messages if isinstance(each, PageRead)}
    return [read[key].text for key in sorted(read)]


def test_threads_of_stages_read_what_one_thread_does(cuda_networks: Networks) -> None:
    pages = [drawn_page(number, width=700 + 3 * number) for number in range(60)]
    reader = reader_of(on_graphs(cuda_networks, SMALL_BATCH, {}).networks)
    pipeline = ThreadedPipeline(reader.lanes)
    try:
        messages = messages_of(reader, pages, pipeline)
    finally:
        pipeline.close()
    assert read_texts(messages) == texts(reader_of(cuda_networks), pages)


@pytest.fixture
def little_memory(side: DeviceSide) -> Iterator[None]:
    """A gibibyte more than what is in use."""
    torch.cuda.empty_cache()
    in_use = torch.cuda.memory_reserved()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, (in_use + 2**30) / total))
    yield
    torch.cuda.set_per_process_memory_fraction(1.0)
    torch.cuda.empty_cache()


def test_memory_that_runs_out_halves_the_batch_and_loses_no_page(
    cuda_networks: Networks, little_memory: None
) -> None:
    pages = [np.repeat(np.repeat(drawn_page(number), 2, 0), 2, 1) for number in range(40)]
    reader = reader_of(cuda_networks)
    messages = messages_of(reader, pages, InlinePipeline(reader.lanes))
    limits = [each for each in messages if isinstance(each, LimitBatch)]
    assert limits and limits[0].lane == "detection"
    ceiling = limits[-1].max_items
    after = messages[messages.index(limits[-1]) :]
    sizes = [each.num_items for each in after if isinstance(each, BatchRun) and each.lane == limits[-1].lane]
    assert sizes and max(sizes) <= ceiling
    assert read_texts(messages) == [texts(reader_of(cuda_networks), [page])[0] for page in pages]


READ = """
import os, sys
from pathlib import Path
import numpy as np
from bench.in_process import read_pages
from quire.models.ppocr.reader import load_reader
from quire.words.settings import Settings

reader = load_reader(Path(sys.argv[1]), Settings.from_environ(os.environ))
reader.warm_up()
for page in read_pages(reader, [np.load(sys.argv[2])] * 8):
    print(page.text)
"""


def test_two_workers_share_the_device(
    cuda_networks: Networks, default_model: Path, repository: Path, tmp_path: Path
) -> None:
    page = drawn_page(7)
    np.save(tmp_path / "page.npy", page)
    environ = {
        **os.environ,
        "PYTHONPATH": f"{repository / 'code'}:{repository}",
        "QUIRE_DEVICE": DEVICE.type,
        "QUIRE_PRECISION": "fp32",
        "QUIRE_WARMUP_SECONDS": "5",
    }
    command = (sys.executable, "-c", READ, str(default_model), str(tmp_path / "page.npy"))
    workers = [subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [worker.communicate(timeout=300)[0] for worker in workers]
    assert said == [f"{texts(reader_of(cuda_networks), [page])[0]}\n" * 8] * 2


def test_the_loaded_reader_warms_up_within_its_time_and_reads(
    cuda_networks: Networks, default_model: Path
) -> None:
    environ = {"QUIRE_PRECISION": "fp32", "QUIRE_DEVICE": DEVICE.type, "QUIRE_WARMUP_SECONDS": "5"}
    reader = load_reader(default_model, Settings.from_environ(environ))
    reader.warm_up()
    pages = [drawn_page(number) for number in range(6)]
    assert texts(reader, pages) == texts(reader_of(cuda_networks), pages)
