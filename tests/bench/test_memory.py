"""Memory is counted once, documents are read in full, and large bodies end as they should."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pypdfium2
import pytest

from bench.container_processes import (
    DEVICE_WORKERS,
    ENGINE,
    FRONT_END,
    RENDER_WORKERS,
    SUPERVISOR,
    GpuUse,
    Watch,
    gpu_use,
    own_memory_bytes,
)
from bench.long_documents import scanned_pdf, text_pdf, write_padded_pdf, write_zeros
from bench.memory import Growth, Peak, body_table, growth_table, large_bodies, peak_of
from bench.stub_container import STUB

SHARED_BYTES = 40_000_000
_TOUCH = """
import mmap, sys
shared = mmap.mmap(int(sys.argv[1]), 0)
for place in range(0, len(shared), 4096):
    shared[place]
print("ready", flush=True)
sys.stdin.read()
"""


def test_shared_memory_is_counted_once() -> None:
    fd = os.memfd_create("shared")
    os.write(fd, bytes(SHARED_BYTES))
    both = [
        subprocess.Popen(
            [sys.executable, "-c", _TOUCH, str(fd)],
            pass_fds=[fd],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    try:
        assert [each.stdout.readline() for each in both if each.stdout] == [b"ready\n"] * 2
        total = sum(own_memory_bytes(each.pid) for each in both)
    finally:
        for each in both:
            each.communicate()
        os.close(fd)
    assert SHARED_BYTES < total < 2 * SHARED_BYTES


def test_a_process_that_is_gone_takes_nothing() -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert own_memory_bytes(gone.pid) == 0


def test_processor_time_is_seen() -> None:
    """Of one that never rests: about a core."""
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        with Watch(busy.pid) as watch:
            start = time.perf_counter()
            time.sleep(0.5)
            end = time.perf_counter()
    finally:
        busy.kill()
        busy.wait()
    assert 0 < watch.busy_cores(start, end)[SUPERVISOR] < 1.5
    assert watch.peak_bytes > 1_000_000


def test_gpu_use_adds_the_gpus_up() -> None:
    report = "100, 50\n200, 100\n300, 0\n100, 50\n"
    assert gpu_use(report, 2) == GpuUse(400 * 2**20, 0.5)
    assert gpu_use("", 1) == GpuUse()
    assert gpu_use("[N/A], [N/A]\n", 1) == GpuUse()


@pytest.mark.parametrize("make", [scanned_pdf, text_pdf])
def test_long_documents_have_as_many_pages_as_asked(make: Callable[[int], bytes]) -> None:
    document = pypdfium2.PdfDocument(make(93))
    assert len(document) == 93
    document.close()


def test_a_padded_pdf_is_a_document(tmp_path: Path) -> None:
    path = tmp_path / "padded.pdf"
    write_padded_pdf(path, 3_000_000)
    assert path.stat().st_size == 3_000_000
    document = pypdfium2.PdfDocument(path)
    assert "clause 30" in document[0].get_textpage().get_text_bounded()
    document.close()


def test_zeros_take_no_disk(tmp_path: Path) -> None:
    write_zeros(tmp_path / "zeros", 10**9)
    assert (tmp_path / "zeros").stat().st_size == 10**9
    assert (tmp_path / "zeros").stat().st_blocks * 512 < 10**6


def test_a_document_is_read_while_all_processes_are_watched() -> None:
    peak = peak_of(STUB, 6)
    assert peak.num_pages == 6
    assert set(peak.bytes_by_role) == {SUPERVISOR, FRONT_END, ENGINE, RENDER_WORKERS, DEVICE_WORKERS}
    assert peak.num_bytes == sum(peak.bytes_by_role.values()) > 50_000_000


def test_large_bodies_end_with_a_typed_answer() -> None:
    bodies = large_bodies(20_000_000)
    assert [(body.status, body.code) for body in bodies] == [
        (415, "unsupported_media_type"),
        (200, "complete"),
    ]
    assert all(0 <= body.front_end_bytes < 100_000_000 for body in bodies)
    assert body_table(bodies).count("yes") == 2


def test_growth_beyond_the_mark_is_said() -> None:
    growth = Growth(Peak(50, 100, {"engine": 100}), Peak(1000, 130, {"engine": 130}))
    assert growth.ratio == pytest.approx(1.3)
    assert "NO" in growth_table({"stub": growth}, 50, 1000)
