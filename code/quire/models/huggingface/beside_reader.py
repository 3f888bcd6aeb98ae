"""What do models that stand on the default reader share with it? Its device, and its part of their name."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import torch

from quire.engine.port import PageModel
from quire.models.device_side.side import DeviceSide
from quire.models.devices import device_class
from quire.models.huggingface.folder import HuggingFaceChoice
from quire.models.huggingface.folder_files import revision_of, weight_files
from quire.models.precision import Precision, choose_precision
from quire.words.reading import ModelInfo


class PlacedReader(PageModel, Protocol):
    """A page model on a device, such as the default reader."""

    @property
    def side(self) -> DeviceSide: ...


def precision_beside(setting: str, device: torch.device) -> Precision:
    """What `auto` means for a model on top: float32 on a CPU, where it is small beside the reader and its
    labels are then the same in any company; on CUDA what suits the device."""
    if setting == "auto" and device.type == "cpu":
        return Precision.FP32
    return choose_precision(setting, device_class(device))


def info_beside(choice: HuggingFaceChoice, reader: PlacedReader) -> ModelInfo:
    """The folder's name; its revision, then the reader's."""
    folder = Path(choice.folder)
    own = revision_of(folder, weight_files(folder))
    return ModelInfo(name=choice.name, revision=f"{own}+{reader.info.revision}")
