"""Bodies and errors that nobody meant, for a user's handler in a real container: no worker dies of them. And
what one is told of its GPU."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.running_container import Container, handler_folder, run_serve, serving

WITHOUT_INPUT_FN = """
import os

class Unspeakable(Exception):
    def __str__(self):
        raise ValueError("it has no words")

def model_fn(model_dir):
    return os.getpid()

def predict_fn(data, model):
    if data.dtype.kind == "U":
        raise Unspeakable if data.item() == "unspeakable" else ValueError(f"no label {data.item()}")
    return model
"""


def npy_of_shape(shape: str) -> bytes:
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({shape},)}}".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    with serving(handler_folder(tmp_path_factory.mktemp("ml"), WITHOUT_INPUT_FN)) as started:
        started.await_warm()
        yield started


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (npy_of_shape("10000000000000"), "application/x-npy", 400, "bad_request"),
        (npy_of_shape("100000000000000000000000"), "application/x-npy", 400, "bad_request"),
        (rb'"\ud800"', "application/json", 500, "handler_failed"),
        (b'"unspeakable"', "application/json", 500, "handler_failed"),
    ],
    ids=["memory", "overflow", "surrogate", "unspeakable"],
)
def test_no_worker_dies_of_it(
    container: Container, body: bytes, content_type: str, status: int, code: str
) -> None:
    before = container.send(b"1").json
    answer = container.send(body, content_type=content_type)
    assert (answer.status, answer.error["code"]) == (status, code)
    assert container.send(b"1").json == before


SEES_GPU = """
import os
def model_fn(model_dir, context): return context.system_properties["gpu_id"]
def predict_fn(data, model): return {"gpu_id": model, "sees": os.environ["CUDA_VISIBLE_DEVICES"]}
"""


@pytest.mark.parametrize(
    ("device", "gpus", "gpu_id", "sees"),
    [("auto", "3", 0, "3"), ("auto", "", None, ""), ("cpu", "3", None, "3")],
)
def test_a_handler_with_its_own_model_is_told_of_its_gpu(
    tmp_path: Path, device: str, gpus: str, gpu_id: int | None, sees: str
) -> None:
    handler_folder(tmp_path, SEES_GPU)
    with serving(tmp_path, QUIRE_DEVICE=device, CUDA_VISIBLE_DEVICES=gpus) as started:
        started.await_warm()
        assert started.send(b"1").json == {"gpu_id": gpu_id, "sees": sees}


@pytest.mark.parametrize("server", ["gunicorn", "mms"])
def test_workers_that_the_built_in_handler_does_not_have_are_warned_of(tmp_path: Path, server: str) -> None:
    """The address, which is no machine's, ends it at once."""
    environ = {"SAGEMAKER_MODEL_SERVER_WORKERS": "3", "QUIRE_MODEL_SERVER": server}
    ended = run_serve(tmp_path, **environ, QUIRE_BIND_HOST="203.0.113.7")
    warnings = [json.loads(line) for line in ended.stdout.splitlines() if '"level":"warning"' in line]
    assert any("SAGEMAKER_MODEL_SERVER_WORKERS has no effect" in line["event"] for line in warnings)
