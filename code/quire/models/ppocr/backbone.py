"""PP-LCNetV4's large-stem backbone as straight calls of fused kernels, from the transformers modules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from quire.models.ppocr.fold import FoldedConvolution, fold
from quire.models.ppocr.kernels import Activation, Convolution, Kernels, Linear

_PIXEL_CENTRE = 127.5
"""A pixel is normalised to (x/255 - 0.5)/0.5 = (x - 127.5)/127.5. x - 127.5 is exact in 16 bits and puts
the zeros of the padding where the published network has them; the division is the first weight's."""

_STEM_MARGIN_PX = 4
"""Rows and columns added below and to the right, from which the stem makes its own asymmetric padding."""


class SqueezeExcitation:
    """Channel weights from the mean over the canvas: hard_sigmoid(W2·relu(W1·mean(x))), [n, c, 1, 1]."""

    def __init__(self, kernels: Kernels, squeeze: nn.Conv2d, excite: nn.Conv2d, slope: float) -> None:
        self._means = kernels.channel_means
        self._squeeze = _pointwise_linear(kernels, squeeze, 1.0, 0.0, Activation.RELU)
        # The hard sigmoid is clamp(slope·x + 0.5, 0, 1); slope and offset go into the weights.
        self._excite = _pointwise_linear(kernels, excite, slope, 0.5, Activation.NONE)

    def __call__(self, x: Tensor) -> Tensor:
        return self._excite(self._squeeze(self._means(x))).clamp_(0.0, 1.0)[:, :, None, None]


def _pointwise_linear(
    kernels: Kernels, convolution: nn.Conv2d, scale: float, shift: float, activation: Activation
) -> Linear:
    folded = fold(convolution)
    return kernels.linear(folded.weight.flatten(1) * scale, folded.bias * scale + shift, activation)


class Stem:
    """uint8 RGB pixels to features at a quarter of the size."""

    def __init__(self, kernels: Kernels, stem: Any) -> None:
        self._kernels = kernels
        self._first = _convolution(kernels, stem.stem1, Activation.RELU, pixels=True)
        self._left = _convolution(kernels, stem.stem2a, Activation.RELU)
        self._right = _convolution(kernels, stem.stem2b, Activation.RELU)
        # The published network joins two branches and convolves; a convolution of each, added, is the same
        # and needs no joined copy.
        of_pooled, of_right = _split_inputs(fold(stem.stem3.convolution, stem.stem3.normalization))
        self._join_pooled = kernels.convolution(of_pooled, Activation.NONE)
        self._join_right = kernels.convolution(of_right, Activation.RELU)
        self._widen = _convolution(kernels, stem.stem4, Activation.RELU)

    def __call__(self, pixels: Tensor) -> Tensor:
        height, width = pixels.shape[2] // 2, pixels.shape[3] // 2
        first = _clear_beyond(self._first(self._centred(pixels)), height, width)
        right = self._right(_clear_beyond(self._left(first), height, width))
        rows = torch.maximum(first[:, :, :height], first[:, :, 1 : height + 1])
        pooled = torch.maximum(rows[:, :, :, :width], rows[:, :, :, 1 : width + 1])
        return self._widen(self._join_right.added_to(right, self._join_pooled(pooled)))

    def _centred(self, pixels: Tensor) -> Tensor:
        count, channels, height, width = pixels.shape
        canvas = torch.empty(
            (count, channels, height + _STEM_MARGIN_PX, width + _STEM_MARGIN_PX),
            dtype=self._kernels.dtype,
            device=self._kernels.device,
            memory_format=torch.channels_last,
        )
        _clear_beyond(canvas, height, width)
        inner = canvas[:, :, :height, :width]
        inner.copy_(pixels.contiguous(memory_format=torch.channels_last)).sub_(_PIXEL_CENTRE)
        return canvas


def _clear_beyond(x: Tensor, height: int, width: int) -> Tensor:
    x[:, :, height:].zero_()
    x[:, :, :height, width:].zero_()
    return x


def _split_inputs(folded: FoldedConvolution) -> tuple[FoldedConvolution, FoldedConvolution]:
    """Two convolutions, of the first and of the second half of the channels, that add up to the given one."""
    first, second = folded.weight.chunk(2, dim=1)
    return replace(folded, weight=first, bias=torch.zeros_like(folded.bias)), replace(folded, weight=second)


class Block:
    """A depthwise convolution that mixes neighbours, then two pointwise ones that mix channels."""

    def __init__(self, kernels: Kernels, block: Any) -> None:
        token = block.token_conv
        self._token = (
            kernels.convolution(fold(token), Activation.NONE)
            if isinstance(token, nn.Conv2d)
            else _convolution(kernels, token, Activation.NONE)
        )
        self._excitation = _backbone_excitation(kernels, block.token_squeeze_excitation)
        self._expand = _convolution(kernels, block.channel_conv1, Activation.GELU)
        self._contract = _convolution(kernels, block.channel_conv2, Activation.NONE)
        self._has_residual = bool(block.has_residual)

    def __call__(self, x: Tensor) -> Tensor:
        x = self._token(x)
        if self._excitation is not None:
            x.mul_(self._excitation(x))
        expanded = self._expand(x)
        return self._contract.added_to(expanded, x) if self._has_residual else self._contract(expanded)


def _backbone_excitation(kernels: Kernels, module: Any) -> SqueezeExcitation | None:
    if isinstance(module, nn.Identity):
        return None
    return SqueezeExcitation(kernels, module.convolutions[0], module.convolutions[2], slope=1 / 6)


def _convolution(kernels: Kernels, layer: Any, activation: Activation, pixels: bool = False) -> Convolution:
    folded = fold(layer.convolution, layer.normalization)
    return kernels.convolution(_for_pixels(folded) if pixels else folded, activation)


def _for_pixels(folded: FoldedConvolution) -> FoldedConvolution:
    """Takes RGB where the weights expect BGR, and x - 127.5 where they expect (x - 127.5)/127.5."""
    return replace(folded, weight=folded.weight.flip(1) / _PIXEL_CENTRE)


class Backbone:
    """uint8 RGB [n, 3, h, w] to the feature maps of its four stages, finest first."""

    def __init__(self, kernels: Kernels, encoder: Any) -> None:
        self._stem = Stem(kernels, encoder.convolution)
        self._stages = [[Block(kernels, block) for block in stage.blocks] for stage in encoder.blocks]

    def __call__(self, pixels: Tensor) -> list[Tensor]:
        x = self._stem(pixels)
        feature_maps = []
        for stage in self._stages:
            for block in stage:
                x = block(x)
            feature_maps.append(x)
        return feature_maps
