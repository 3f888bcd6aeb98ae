"""Convolutions with their batch norms folded away: y = activation(W·x + b), nothing left to normalise."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class FoldedConvolution:
    """float32 weights of one convolution; `padding` is zeros on every side."""

    weight: Tensor
    bias: Tensor
    stride: tuple[int, int]
    padding: tuple[int, int]
    groups: int

    @property
    def is_pointwise(self) -> bool:
        """Whether it is a matrix product over the channels of each pixel."""
        return self.weight.shape[2:] == (1, 1) and self.stride == (1, 1) and self.groups == 1


def fold(convolution: nn.Conv2d, norm: nn.BatchNorm2d | None = None) -> FoldedConvolution:
    """The convolution and the norm behind it as one; computed in float64."""
    weight = convolution.weight.detach().double()
    bias = torch.zeros(weight.shape[0], dtype=torch.float64)
    if convolution.bias is not None:
        bias = convolution.bias.detach().double()
    if norm is not None:
        scale, shift = norm_as_affine(norm)
        weight, bias = weight * scale[:, None, None, None], bias * scale + shift
    return FoldedConvolution(
        weight=weight.float(),
        bias=bias.float(),
        stride=_pair(convolution.stride),
        padding=_pair(convolution.padding),
        groups=convolution.groups,
    )


def norm_as_affine(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """The norm as scale·x + shift for each channel, in float64."""
    if norm.running_mean is None or norm.running_var is None:
        raise ValueError("a batch norm without statistics cannot be folded")
    scale = norm.weight.detach().double() / torch.sqrt(norm.running_var.double() + norm.eps)
    return scale, norm.bias.detach().double() - norm.running_mean.double() * scale


def _pair(value: str | int | tuple[int, ...]) -> tuple[int, int]:
    if isinstance(value, tuple) and len(value) == 2:
        return value
    raise ValueError(f"{value!r} is not a pair of pixels")
