"""The two networks of a PP-OCRv6 folder, ready to run on one device in one precision."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from transformers import PPOCRV6SmallDetForObjectDetection, PPOCRV6SmallRecForTextRecognition
from transformers.utils import logging as transformers_logging

from quire.models.device_side.side import DeviceSide
from quire.models.devices import side_of
from quire.models.forward import Forward
from quire.models.model_folder import DETECTION_FOLDER, RECOGNITION_FOLDER
from quire.models.ppocr.detection_network import DetectionNetwork
from quire.models.ppocr.kernels import Kernels, choose_kernels
from quire.models.ppocr.published_configs import DETECTION_STRIDE_PX, LINE_HEIGHT_PX, RECOGNITION_STRIDE_PX
from quire.models.ppocr.recognition_network import RecognitionNetwork
from quire.models.precision import Precision

DTYPES = {Precision.FP32: torch.float32, Precision.BF16: torch.bfloat16, Precision.FP16: torch.float16}


@dataclass(frozen=True)
class Recognized:
    """For each line and time step the likeliest class, int64, and its probability, float32: [n, w / 8].
    Where the class is the blank, nothing is read, and the probability is not computed but given as 1.
    `space_odds`, float32, is the probability of the space, the last class, over that of the likeliest."""

    classes: Tensor
    confidences: Tensor
    space_odds: Tensor


@dataclass(frozen=True)
class Networks:
    """`characters` has one string for each class; class 0 is the CTC blank and stands for nothing."""

    side: DeviceSide
    precision: Precision
    characters: tuple[str, ...]
    detection: Forward
    recognition: Forward

    @property
    def device(self) -> torch.device:
        return self.side.device

    @torch.inference_mode()
    def detect(self, pages: Tensor) -> Tensor:
        """Probability of text for each pixel, float32 [n, h, w], of uint8 RGB pages [n, 3, h, w] on the
        device. Sides are multiples of 32 pixels."""
        _check(pages, DETECTION_STRIDE_PX, DETECTION_STRIDE_PX)
        (probabilities,) = self.detection(pages)
        return probabilities

    @torch.inference_mode()
    def recognize(self, lines: Tensor) -> Recognized:
        """uint8 RGB lines [n, 3, 48, w] on the device; w is a multiple of 8 pixels."""
        _check(lines, LINE_HEIGHT_PX, RECOGNITION_STRIDE_PX)
        if lines.shape[2] != LINE_HEIGHT_PX:
            raise ValueError(f"a line is {LINE_HEIGHT_PX} pixels high, not {lines.shape[2]}")
        return Recognized(*self.recognition(lines))


def _check(images: Tensor, height_multiple_px: int, width_multiple_px: int) -> None:
    if images.dtype != torch.uint8 or images.dim() != 4 or images.shape[1] != 3:
        raise ValueError(f"expected uint8 [n, 3, h, w], not {images.dtype} {list(images.shape)}")
    height, width = images.shape[2:]
    if not images.numel() or height % height_multiple_px or width % width_multiple_px:
        raise ValueError(f"a canvas of {height}x{width} pixels is not one that the network can take")


def load_networks(
    folder: Path, device: torch.device, precision: Precision, kernels: Kernels | None = None
) -> Networks:
    """Loads both networks of a model folder; see `model_folder`. `kernels` None means those that are
    quickest there. Raises OSError where a file is missing."""
    without_progress_bar: Callable[[], None] = transformers_logging.disable_progress_bar
    without_progress_bar()
    kernels = kernels or choose_kernels(device, DTYPES[precision])
    detection = PPOCRV6SmallDetForObjectDetection.from_pretrained(
        folder / DETECTION_FOLDER, local_files_only=True, dtype=torch.float32
    )
    recognition = PPOCRV6SmallRecForTextRecognition.from_pretrained(
        folder / RECOGNITION_FOLDER, local_files_only=True, dtype=torch.float32
    )
    with torch.no_grad():
        return Networks(
            side=side_of(device),
            precision=precision,
            characters=_read_characters(folder / RECOGNITION_FOLDER),
            detection=DetectionNetwork(kernels, detection),
            recognition=RecognitionNetwork(kernels, recognition),
        )


def _read_characters(folder: Path) -> tuple[str, ...]:
    described = json.loads((folder / "preprocessor_config.json").read_text(encoding="utf-8"))
    return tuple(described["character_list"])
