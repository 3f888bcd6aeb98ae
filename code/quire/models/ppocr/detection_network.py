"""The detection network: pages to the probability, pixel by pixel, that there is text."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quire.models.ppocr.backbone import Backbone, SqueezeExcitation
from quire.models.ppocr.fold import fold, norm_as_affine
from quire.models.ppocr.kernels import Activation, Kernels

_NECK_SLOPE = 0.2
"""The neck's hard sigmoid is clamp(0.2·x + 0.5); the backbone's has 1/6."""


class _Insert:
    """One level of the backbone brought to the neck's width, its channels weighed."""

    def __init__(self, kernels: Kernels, layer: Any) -> None:
        self._convolution = kernels.convolution(fold(layer.in_conv), Activation.NONE)
        self._excitation = _excitation(kernels, layer.squeeze_excitation_block)

    def __call__(self, x: Tensor) -> Tensor:
        x = self._convolution(x)
        return x.mul_(self._excitation(x).add_(1.0))


class _Smooth:
    """One level after fusion: a wide depthwise convolution, narrowed to a quarter of the channels."""

    def __init__(self, kernels: Kernels, layer: Any) -> None:
        self._depthwise = kernels.convolution(fold(layer.depthwise_convolution), Activation.NONE)
        self._pointwise = kernels.convolution(fold(layer.pointwise_convolution), Activation.NONE)
        self._excitation = _excitation(kernels, layer.squeeze_excitation_module)

    def __call__(self, x: Tensor) -> Tensor:
        x = self._pointwise(self._depthwise(x))
        return x.mul_(self._excitation(x).add_(1.0))


def _excitation(kernels: Kernels, module: Any) -> SqueezeExcitation:
    return SqueezeExcitation(kernels, module.conv1, module.conv2, _NECK_SLOPE)


class _Neck:
    """Four feature maps to one at the finest level's size."""

    def __init__(self, kernels: Kernels, neck: Any) -> None:
        self._inserts = [_Insert(kernels, layer) for layer in neck.insert_conv]
        self._smooths = [_Smooth(kernels, layer) for layer in neck.input_conv]

    def __call__(self, feature_maps: list[Tensor]) -> Tensor:
        levels = [insert(x) for insert, x in zip(self._inserts, feature_maps, strict=True)]
        for fine in range(len(levels) - 2, -1, -1):
            levels[fine].add_(_doubled(levels[fine + 1]))
        smoothed = [smooth(x) for smooth, x in zip(self._smooths, levels, strict=True)]
        joined = smoothed[-1]
        for finer in smoothed[-2::-1]:
            joined = torch.cat((_doubled(joined), finer), dim=1)
        return joined


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="nearest")


class _Head:
    """Features at a quarter of the page's size to probabilities at its full size.

    Both transposed convolutions have kernel 2 and stride 2, so no two of their windows overlap: each is a
    matrix product for every pixel, and only the result is laid out as an image.
    """

    def __init__(self, kernels: Kernels, head: Any) -> None:
        down, up, final = head.conv_down, head.conv_up, head.conv_final
        self._down = kernels.convolution(fold(down.convolution, down.norm), Activation.RELU)
        self._up = kernels.linear(*_up_weights(up.convolution, up.norm), Activation.RELU)
        self._final = kernels.linear(*_final_weights(final), Activation.NONE)

    def __call__(self, x: Tensor) -> Tensor:
        x = self._down(x).permute(0, 2, 3, 1)
        count, height, width, channels = x.shape
        tiles = self._final(self._up(x.reshape(-1, channels))).view(count, height, width, 4, 4)
        logits = tiles.permute(0, 1, 3, 2, 4).reshape(count, 4 * height, 4 * width)
        return torch.sigmoid_(logits.float())


def _up_weights(up: nn.ConvTranspose2d, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """[4·c, c] and [4·c]: from a pixel's channels to those of its four quarters, row by row."""
    scale, shift = norm_as_affine(norm)
    weight = up.weight.detach().double() * scale[None, :, None, None]
    bias = shift if up.bias is None else up.bias.detach().double() * scale + shift
    return weight.permute(2, 3, 1, 0).flatten(0, 2).float(), bias.repeat(4).float()


def _final_weights(final: nn.ConvTranspose2d) -> tuple[Tensor, Tensor]:
    """[16, 4·c] and [16]: from the channels of four quarters to the 4x4 pixels of their tile, row by row."""
    channels = final.in_channels
    weight = torch.zeros((2, 2, 2, 2, 4, channels))
    for quarter in range(4):
        top, left = divmod(quarter, 2)
        # pixel (2·top + y, 2·left + x) of the tile sees its own quarter alone
        weight[top, :, left, :, quarter] = final.weight.detach()[:, 0].permute(1, 2, 0)
    bias = final.bias.detach() if final.bias is not None else torch.zeros(1)
    return weight.view(16, 4 * channels), bias.repeat(16)


class DetectionNetwork:
    """A Forward: to float32 probabilities [n, h, w]; h and w are multiples of 32."""

    def __init__(self, kernels: Kernels, model: Any) -> None:
        self._backbone = Backbone(kernels, model.model.backbone.encoder)
        self._neck = _Neck(kernels, model.model.neck)
        self._head = _Head(kernels, model.head)

    def __call__(self, pages: Tensor) -> tuple[Tensor]:
        return (self._head(self._neck(self._backbone(pages))),)
