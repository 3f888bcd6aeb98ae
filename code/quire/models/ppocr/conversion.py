"""The published ONNX layers as state dicts of the transformers classes: which layer goes where.

Both files list their layers in execution order, so layers and names pair one to one. The export folded
most norms away (W·x + b); the torch classes have a norm there, which is made to add b and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from quire.models.onnx_weights import FloatArray, OnnxFile, WeightedLayer
from quire.models.ppocr.published_configs import DETECTION_CONFIG, RECOGNITION_CONFIG

_BATCH_NORM_EPSILON = 1e-5

State = dict[str, FloatArray]


class ConversionError(Exception):
    """The ONNX file is not the network that it should be."""


@dataclass(frozen=True)
class _Slot:
    """Where a layer's weights go. `norm` is the name of the norm behind a convolution, if it has one."""

    name: str
    norm: str | None = None


def detection_state(source: OnnxFile) -> State:
    """State of PPOCRV6SmallDetForObjectDetection."""
    slots = [*_backbone_slots(DETECTION_CONFIG["backbone_config"]), *_neck_slots(), *_detection_head_slots()]
    state = _fill(slots, source.of("Conv", "ConvTranspose"))
    # The transposed convolution has a bias beside its norm; the export has one bias, which the norm took.
    state["head.conv_up.convolution.bias"] = np.zeros_like(state["head.conv_up.norm.bias"])
    return state


def recognition_state(source: OnnxFile) -> State:
    """State of PPOCRV6SmallRecForTextRecognition."""
    config = RECOGNITION_CONFIG
    blocks = [f"head.encoder.svtr_block.{index}" for index in range(config["depth"])]
    svtr = [_normed(f"head.encoder.conv_block.{index}", "normalization") for index in range(3)]
    matmuls = [
        _Slot(f"{block}.{part}")
        for block in blocks
        for part in ("self_attn.qkv", "self_attn.projection", "mlp.fc1", "mlp.fc2")
    ]
    norms = [_Slot(f"{block}.layer_norm{index}") for block in blocks for index in (1, 2)]
    return {
        **_fill([*_backbone_slots(config["backbone_config"]), *svtr], source.of("Conv")),
        **_fill([*matmuls, _Slot("head.head")], source.of("MatMul")),
        **_fill([*norms, _Slot("head.encoder.norm")], source.of("LayerNorm")),
    }


def recognition_characters(source: OnnxFile) -> list[str]:
    """One string for each class; class 0 is the CTC blank and stands for nothing."""
    # Split by line feed alone: some of the characters are line separators to str.splitlines.
    characters = ["", *source.metadata["character"].split("\n"), " "]
    if len(characters) != RECOGNITION_CONFIG["head_out_channels"]:
        raise ConversionError(f"the ONNX file names {len(characters)} classes, which its head does not have")
    return characters


def _normed(name: str, norm: str) -> _Slot:
    return _Slot(f"{name}.convolution", f"{name}.{norm}")


def _backbone_slots(config: dict[str, Any]) -> Iterator[_Slot]:
    encoder = "model.backbone.encoder"
    for stem in ("stem1", "stem2a", "stem2b", "stem3", "stem4"):
        yield _normed(f"{encoder}.convolution.{stem}", "normalization")
    for stage, blocks in enumerate(config["block_configs"]):
        for index, (_, in_channels, out_channels, stride, squeezes) in enumerate(blocks):
            block = f"{encoder}.blocks.{stage}.blocks.{index}"
            reparametrised = in_channels == out_channels and stride == 1
            token = f"{block}.token_conv"
            yield _Slot(token) if reparametrised else _normed(token, "normalization")
            if squeezes:
                yield _Slot(f"{block}.token_squeeze_excitation.convolutions.0")
                yield _Slot(f"{block}.token_squeeze_excitation.convolutions.2")
            yield _normed(f"{block}.channel_conv1", "normalization")
            yield _normed(f"{block}.channel_conv2", "normalization")


def _neck_slots() -> Iterator[_Slot]:
    """From the coarsest level to the finest, as the export runs them; torch numbers them the other way."""
    levels = list(reversed(range(len(DETECTION_CONFIG["layer_list_out_channels"]))))
    for level in levels:
        insert = f"model.neck.insert_conv.{level}"
        yield _Slot(f"{insert}.in_conv")
        yield _Slot(f"{insert}.squeeze_excitation_block.conv1")
        yield _Slot(f"{insert}.squeeze_excitation_block.conv2")
    for level in levels:
        smooth = f"model.neck.input_conv.{level}"
        yield _Slot(f"{smooth}.depthwise_convolution")
        yield _Slot(f"{smooth}.pointwise_convolution")
        yield _Slot(f"{smooth}.squeeze_excitation_module.conv1")
        yield _Slot(f"{smooth}.squeeze_excitation_module.conv2")


def _detection_head_slots() -> Iterator[_Slot]:
    yield _normed("head.conv_down", "norm")
    yield _normed("head.conv_up", "norm")
    yield _Slot("head.conv_final")


def _fill(slots: list[_Slot], layers: list[WeightedLayer]) -> State:
    if len(slots) != len(layers):
        raise ConversionError(f"the ONNX file has {len(layers)} layers where {len(slots)} are expected")
    state: State = {}
    for slot, layer in zip(slots, layers, strict=True):
        weight = layer.weight.T if layer.operator == "MatMul" else layer.weight
        state[f"{slot.name}.weight"] = np.ascontiguousarray(weight)
        if slot.norm is not None:
            state.update(_norm_state(slot.norm, layer))
        elif layer.bias is not None:
            state[f"{slot.name}.bias"] = layer.bias
    return state


def _norm_state(name: str, layer: WeightedLayer) -> State:
    if layer.norm is not None:
        weight, bias, mean, variance = layer.norm
    elif layer.bias is not None:
        ones = np.ones_like(layer.bias)
        weight, bias = ones * np.float32(np.sqrt(1 + _BATCH_NORM_EPSILON)), layer.bias
        mean, variance = np.zeros_like(layer.bias), ones
    else:
        raise ConversionError(f"{name}: the ONNX file has neither a bias nor a norm there")
    return {
        f"{name}.weight": weight,
        f"{name}.bias": bias,
        f"{name}.running_mean": mean,
        f"{name}.running_var": variance,
    }
