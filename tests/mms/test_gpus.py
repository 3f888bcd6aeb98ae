"""Which GPU a worker of multi-model-server sees."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from quire.frontend.mms_handlers import load_on_mms
from quire.frontend.mms_place import MmsOrders, MmsPlace
from quire.words.settings import Settings
from tests.fakes.running_engine import stub_folder


@pytest.fixture(autouse=True)
def environ_left_as_it_was() -> Iterator[None]:
    before = os.environ.get("CUDA_VISIBLE_DEVICES")
    yield
    os.environ.pop("CUDA_VISIBLE_DEVICES", None)
    if before is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = before


def orders(base: Path, gpus: tuple[str, ...], workers: int = 0) -> MmsOrders:
    """As a worker reads them."""
    given = {
        "SAGEMAKER_BASE_DIR": str(stub_folder(base)),
        "SAGEMAKER_MODEL_SERVER_WORKERS": str(workers),
    }
    settings = Settings.from_environ(given)
    place = MmsPlace(base)
    place.give(MmsOrders(settings=settings, engine_address=base / "engine.sock", gpus=gpus))
    return place.orders()


@pytest.mark.parametrize(("gpu_id", "seen"), [(0, "3"), (1, "GPU-5")])
def test_a_worker_sees_its_own_gpu_alone(tmp_path: Path, gpu_id: int, seen: str) -> None:
    load_on_mms(orders(tmp_path, ("3", "GPU-5")), tmp_path, gpu_id)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == seen


@pytest.mark.parametrize(
    ("workers", "gpu_ids", "seen"),
    [
        (1, (1,), ["3,GPU-5,0"]),
        (2, (1, 2), ["GPU-5", "3,0"]),
        (3, (1, 2, 0), ["GPU-5", "0", "3"]),
        (4, (1, 2, 0, 1), ["GPU-5", "0", "3", "GPU-5"]),
    ],
)
def test_fewer_workers_than_gpus_see_all_of_them_together(
    tmp_path: Path, workers: int, gpu_ids: tuple[int, ...], seen: list[str]
) -> None:
    """multi-model-server counts its workers from 1, round all GPUs."""
    given = orders(tmp_path, ("3", "GPU-5", "0"), workers)
    found = []
    for gpu_id in gpu_ids:
        load_on_mms(given, tmp_path, gpu_id)
        found.append(os.environ["CUDA_VISIBLE_DEVICES"])
    assert found == seen


def test_on_the_cpu_nothing_is_hidden(tmp_path: Path) -> None:
    os.environ["CUDA_VISIBLE_DEVICES"] = "as it was"
    load_on_mms(orders(tmp_path, ()), tmp_path, None)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "as it was"
