"""The knee, what bounds it, and a whole quick tuning of the stub over HTTP."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from PIL import Image

from bench.batch_log import BatchLine
from bench.closed_loop import Answered, DocumentFailed, Load, keep_in_flight
from bench.knee import Bound, Layout, Point, Shares, bound, cpu_layouts, gains, knee
from bench.long_documents import INVOICE, marked_png
from bench.served import served
from bench.stub_container import stub_base
from bench.tune import Tuning, documents, largest_batches, main, try_shares
from bench.tune_findings import SHARES, Findings, ShareTried, least_share, recommend
from bench.tune_words import advice
from quire.models.stub import Marker

IDLE = Shares(device=0.1, device_host=0.1, model_cores=0.1, rendering=0.1, front_end=0.1, host=0.1)


def point(in_flight: int, pages_a_second: float, shares: Shares = IDLE) -> Point:
    return Point(in_flight, pages_a_second, 1.0, 2.0, 3 * 2**30, None, shares)


def test_the_knee_is_the_fewest_in_flight_within_five_percent_of_the_best() -> None:
    points = [point(1, 50), point(2, 80), point(4, 95), point(8, 100), point(16, 99)]
    assert knee(points).in_flight == 4
    assert knee([point(1, 50), point(2, 94.9), point(4, 100)]).in_flight == 4
    assert knee([point(1, 10)]).in_flight == 1


def test_the_sweep_goes_on_while_it_gains() -> None:
    assert gains([])
    assert gains([point(1, 10), point(2, 10)])
    assert gains([point(1, 10), point(2, 15), point(4, 20)])
    assert gains([point(1, 10), point(2, 20), point(4, 20)]), "one point without gain may be noise"
    assert not gains([point(1, 10), point(2, 20), point(4, 20), point(8, 20.5)])
    assert not gains([point(1, 10), point(2, 9), point(4, 8)])


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Bound.NOTHING),
        ({"device": 0.95, "rendering": 0.9}, Bound.DEVICE),
        ({"device": 1.0, "model_cores": 0.8, "host": 0.99}, Bound.CPU_MODEL),
        ({"device": 0.5, "model_cores": 0.2, "host": 0.99, "rendering": 0.9}, Bound.HOST),
        ({"rendering": 0.9}, Bound.RENDERING),
        ({"front_end": 0.9}, Bound.FRONT_END),
        ({"device_host": 0.99}, Bound.DEVICE_HOST),
    ],
)
def test_what_is_full_is_the_bound(changes: dict[str, float], expected: Bound) -> None:
    assert bound(dataclasses.replace(IDLE, **changes)) is expected


def test_layouts_share_all_cores_out() -> None:
    assert cpu_layouts(1) == [(1, 1)]
    assert cpu_layouts(2) == [(1, 2), (2, 1)]
    assert cpu_layouts(6) == [(1, 6), (2, 3), (4, 1)]


def test_a_document_counts_as_far_as_it_ran_within_the_time() -> None:
    load = Load((Answered(10, 0.0, 5.0), Answered(10, 5.0, 15.0), Answered(0, 0.0, 1.0)), 0.0, 10.0)
    assert load.pages_a_second == pytest.approx(1.5)
    assert load.num_refused == 1
    assert load.longest_seconds == 15.0
    assert load.latency_seconds(50) == 5.0


def tried(share: float, pages_a_second: float, in_flight: int = 2) -> ShareTried:
    return ShareTried(share, point(in_flight, pages_a_second), {"recognition": round(8 * share)})


def test_the_smallest_share_within_five_percent_of_the_best_is_taken() -> None:
    slow, near, best, same = tried(0.25, 9.4), tried(0.5, 9.6), tried(1.0, 10.0), tried(2.0, 9.9)
    assert least_share([slow, near, best, same]) is near
    assert least_share([same, best]) is best
    assert least_share([tried(1.0, 9.0), same]) is same


def test_recommended_is_what_the_chosen_share_took() -> None:
    full = dataclasses.replace(IDLE, rendering=0.95)
    half = ShareTried(0.5, dataclasses.replace(point(2, 20, full), host_bytes=2**30, gpu_bytes=2**31), {})
    layouts = (Layout(1, 2, 4, 5.0), Layout(2, 1, 4, 6.0))
    chosen = recommend(Findings(layouts, (point(1, 10), point(2, 20)), (half, tried(1.0, 20))))
    assert (chosen.host_bytes, chosen.gpu_bytes, chosen.bound) == (2**30, 2**31, Bound.RENDERING)
    assert chosen.variables == {
        "QUIRE_MAX_CONCURRENT_INVOCATIONS": "2",
        "QUIRE_DEVICE_WORKERS": "2",
        "QUIRE_DEVICE_THREADS": "1",
        "QUIRE_BATCH_SHARE": "0.5",
    }


def test_what_was_not_tried_is_not_recommended() -> None:
    one_core = (Layout(1, 1, 4, 5.0),)
    chosen = recommend(Findings(one_core, (point(1, 10),), ()))
    assert chosen.variables == {"QUIRE_MAX_CONCURRENT_INVOCATIONS": "1"}
    assert "QUIRE_BATCH_SHARE" not in advice(Findings((), (point(1, 10),), ()))


def test_advice_names_the_settings_the_memory_and_the_bound() -> None:
    layouts = (Layout(1, 2, 4, 5.0), Layout(2, 1, 4, 6.0))
    words = advice(Findings(layouts, (point(1, 10), point(2, 20)), (tried(0.5, 20), tried(1.0, 20.5))))
    assert "MaxConcurrentInvocationsPerInstance of the endpoint configuration to 2" in words
    assert "QUIRE_MAX_CONCURRENT_INVOCATIONS of the container to 2" in words
    assert "QUIRE_DEVICE_WORKERS to 2 and QUIRE_DEVICE_THREADS to 1" in words
    assert "QUIRE_BATCH_SHARE to 0.5" in words
    assert "20.00 pages/s, within 5 % of the best (20.50 with 1)" in words
    assert "3.00 GiB" in words
    assert Bound.NOTHING.value in words
    assert "higher --most" in words
    assert words.endswith(
        "    QUIRE_MAX_CONCURRENT_INVOCATIONS=2 QUIRE_DEVICE_WORKERS=2 QUIRE_DEVICE_THREADS=1 "
        "QUIRE_BATCH_SHARE=0.5"
    )


def test_advice_at_the_end_of_all_gain_asks_for_no_more() -> None:
    assert "higher --most" not in advice(Findings((), (point(1, 10), point(2, 10), point(4, 10)), ()))


def test_documents_are_found_below_directories(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("deep/a.PDF", "b.jpg", "notes.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in documents([tmp_path])] == ["b.jpg", "a.PDF"]
    with pytest.raises(FileNotFoundError):
        documents([tmp_path / "notes.txt"])


def test_the_largest_batch_of_each_lane_is_found() -> None:
    seen = [
        BatchLine("recognition", 3, 1.0),
        BatchLine("detection", 1, 1.0),
        BatchLine("recognition", 2, 1.0),
    ]
    assert largest_batches(seen) == {"detection": 1, "recognition": 3}
    assert largest_batches([]) == {}


def test_a_failing_container_ends_the_tuning(tmp_path: Path) -> None:
    poison = tmp_path / "poison.png"
    poison.write_bytes(marked_png(Marker.POISON))
    with stub_base() as base, served(SAGEMAKER_BASE_DIR=str(base)) as container:
        container.await_healthy()
        with pytest.raises(DocumentFailed, match="page_failed_on_device"):
            keep_in_flight(container, [poison], 2, 0.1)


def test_a_refused_document_does_not(tmp_path: Path) -> None:
    nonsense = tmp_path / "nonsense.pdf"
    nonsense.write_bytes(b"nonsense")
    with stub_base() as base, served(SAGEMAKER_BASE_DIR=str(base)) as container:
        container.await_healthy()
        load = keep_in_flight(container, [nonsense, INVOICE], 2, 0.1)
    assert 0 < load.num_refused < len(load.answered)
    assert load.pages_a_second > 0


def test_a_quick_tuning_of_the_stub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with stub_base(batch_seconds=0.1, max_items=4) as base:
        monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(base))
        monkeypatch.setenv("QUIRE_DEVICE", "cpu")
        monkeypatch.setenv("QUIRE_DEVICE_WORKERS", "1")
        assert main(["--quick", "--documents", str(INVOICE), "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "QUIRE_MAX_CONCURRENT_INVOCATIONS=4 QUIRE_BATCH_SHARE=" in said
    assert said[said.index("1 documents, over and over") :] in (tmp_path / "tune.md").read_text()
    figures = json.loads((tmp_path / "tune.json").read_text())["figures"]
    assert tuple(each["share"] for each in figures["shares"]) == SHARES
    assert figures["recommended"]["share"] in SHARES
    assert figures["recommended"]["host_bytes"] > 0


def test_each_share_bounds_the_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages that are soon drawn wait in front of the device: a batch is as large as it may be."""
    pages = [Image.new("RGB", (40, 40), "white") for _ in range(12)]
    pages[0].save(document := tmp_path / "pages.tiff", save_all=True, append_images=pages[1:])
    with stub_base(batch_seconds=0.1, max_items=4) as base:
        monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(base))
        device = {"QUIRE_DEVICE": "cpu", "QUIRE_DEVICE_WORKERS": "1"}
        found = try_shares(Tuning((document,), 1.0, 2), (), 2, **device)
    largest = {tried.share: tried.largest_batches["stub"] for tried in found}
    assert (largest[0.25], largest[0.5], largest[1.0]) == (1, 2, 4)
    assert 4 < largest[2.0] <= 8


def test_no_documents_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--documents", str(tmp_path)]) == 1
    assert "no documents in" in capsys.readouterr().err
