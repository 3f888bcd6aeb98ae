"""How a folded convolution or a matrix product is run: by oneDNN's fused kernels, or by plain torch.

Both kinds give the same numbers up to rounding. The fused ones do bias, activation and residual in the
same pass over memory, on weights packed once: what torch.compile would emit, without compiling.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from quire.models.ppocr.fold import FoldedConvolution


class Activation(enum.Enum):
    """The values are oneDNN's names in torch.ops.mkldnn; `gelu` is the exact one, by erf."""

    NONE = "none"
    RELU = "relu"
    GELU = "gelu"
    SWISH = "swish"


class Convolution(Protocol):
    """Maps [n, c, h, w] in channels-last layout to the same layout."""

    def __call__(self, x: Tensor) -> Tensor:
        """activation(W·x + b)"""

    def added_to(self, x: Tensor, residual: Tensor) -> Tensor:
        """activation(residual + W·x + b), with no activation or ReLU. May overwrite `residual`."""


class Linear(Protocol):
    """Maps [rows, in] to [rows, out]."""

    def __call__(self, x: Tensor) -> Tensor:
        """activation(W·x + b)"""


class Kernels(Protocol):
    """Puts float32 weights where they run, in the format they run in."""

    device: torch.device
    dtype: torch.dtype
    is_straight: bool
    """Whether the same calls must be made whatever the values: what CUDA graphs and compilers need."""

    def convolution(self, folded: FoldedConvolution, activation: Activation) -> Convolution: ...

    def linear(self, weight: Tensor, bias: Tensor, activation: Activation) -> Linear: ...

    def channel_means(self, x: Tensor) -> Tensor:
        """[n, c, h, w] to [n, c]."""


class PlainKernels:
    """Any device, any format."""

    is_straight = True

    def __init__(self, device: torch.device, dtype: torch.dtype) -> None:
        self.device = device
        self.dtype = dtype

    def convolution(self, folded: FoldedConvolution, activation: Activation) -> Convolution:
        weight = folded.weight.to(self.device, self.dtype, memory_format=torch.channels_last)
        return _PlainConvolution(folded, weight, folded.bias.to(self.device, self.dtype), activation)

    def linear(self, weight: Tensor, bias: Tensor, activation: Activation) -> Linear:
        return _PlainLinear(weight.to(self.device, self.dtype), bias.to(self.device, self.dtype), activation)

    def channel_means(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


def _activate(x: Tensor, activation: Activation) -> Tensor:
    if activation is Activation.RELU:
        return F.relu_(x)
    if activation is Activation.GELU:
        return F.gelu(x)
    return F.silu(x) if activation is Activation.SWISH else x


class _PlainConvolution:
    def __init__(
        self, folded: FoldedConvolution, weight: Tensor, bias: Tensor, activation: Activation
    ) -> None:
        self._weight = weight
        self._bias = bias
        self._stride = folded.stride
        self._padding = folded.padding
        self._groups = folded.groups
        self._activation = activation

    def __call__(self, x: Tensor) -> Tensor:
        y = F.conv2d(x, self._weight, self._bias, self._stride, self._padding, 1, self._groups)
        return _activate(y, self._activation)

    def added_to(self, x: Tensor, residual: Tensor) -> Tensor:
        y = F.conv2d(x, self._weight, self._bias, self._stride, self._padding, 1, self._groups)
        return _activate(y.add_(residual), self._activation)


class _PlainLinear:
    def __init__(self, weight: Tensor, bias: Tensor, activation: Activation) -> None:
        self._weight = weight
        self._bias = bias
        self._activation = activation

    def __call__(self, x: Tensor) -> Tensor:
        return _activate(F.linear(x, self._weight, self._bias), self._activation)


class OneDnnKernels:
    """The CPU with oneDNN, float32 or bfloat16. The operators are those that Inductor calls."""

    is_straight = False

    def __init__(self, dtype: torch.dtype) -> None:
        self.device = torch.device("cpu")
        self.dtype = dtype

    def convolution(self, folded: FoldedConvolution, activation: Activation) -> Convolution:
        if folded.is_pointwise:
            return _OneDnnPointwise(folded, self.dtype, activation)
        return _OneDnnConvolution(folded, self.dtype, activation)

    def linear(self, weight: Tensor, bias: Tensor, activation: Activation) -> Linear:
        return _OneDnnLinear(weight.to(self.dtype), bias.to(self.dtype), activation)

    def channel_means(self, x: Tensor) -> Tensor:
        # torch's mean of bfloat16 first writes a float32 copy; its sum does not, and adds in float32 too.
        return x.sum((2, 3)).mul_(1 / (x.shape[2] * x.shape[3]))


class _OneDnnConvolution:
    def __init__(self, folded: FoldedConvolution, dtype: torch.dtype, activation: Activation) -> None:
        weight = folded.weight.to(dtype, memory_format=torch.channels_last)
        channels = weight.shape[1] * folded.groups
        self._geometry = (list(folded.padding), list(folded.stride), [1, 1], folded.groups)
        self._weight = torch.ops.mkldnn._reorder_convolution_weight(
            weight, *self._geometry, [1, channels, *_TYPICAL_SIZE_PX]
        )
        self._bias = folded.bias.to(dtype)
        self._activation = _onednn_activation(activation)
        self._last_activation = None if activation is Activation.NONE else activation.value

    def __call__(self, x: Tensor) -> Tensor:
        y: Tensor = torch.ops.mkldnn._convolution_pointwise(
            x, self._weight, self._bias, *self._geometry, *self._activation
        )
        return y

    def added_to(self, x: Tensor, residual: Tensor) -> Tensor:
        y: Tensor = torch.ops.mkldnn._convolution_pointwise_.binary(
            residual,
            x,
            self._weight,
            self._bias,
            *self._geometry,
            "add",
            1.0,
            self._last_activation,
            [],
            None,
        )
        return y


class _OneDnnPointwise:
    """A 1x1 convolution as a matrix product over pixels, whose packed weights suit every canvas alike."""

    def __init__(self, folded: FoldedConvolution, dtype: torch.dtype, activation: Activation) -> None:
        self._linear = _OneDnnLinear(folded.weight.flatten(1).to(dtype), folded.bias.to(dtype), activation)

    def __call__(self, x: Tensor) -> Tensor:
        return self._linear(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    def added_to(self, x: Tensor, residual: Tensor) -> Tensor:
        return self._linear.added_to(x.permute(0, 2, 3, 1), residual.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class _OneDnnLinear:
    def __init__(self, weight: Tensor, bias: Tensor, activation: Activation) -> None:
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous())
        self._bias = bias
        self._activation = _onednn_activation(activation)

    def __call__(self, x: Tensor) -> Tensor:
        y: Tensor = torch.ops.mkldnn._linear_pointwise(x, self._weight, self._bias, *self._activation)
        return y

    def added_to(self, x: Tensor, residual: Tensor) -> Tensor:
        y: Tensor = torch.ops.mkldnn._linear_pointwise.binary(x, residual, self._weight, self._bias, "add")
        return y


def _onednn_activation(activation: Activation) -> tuple[str, list[float], str]:
    return activation.value, [], "none" if activation is Activation.GELU else ""


_ONEDNN_OPERATORS = (
    "_convolution_pointwise",
    "_convolution_pointwise_",
    "_linear_pointwise",
    "_reorder_convolution_weight",
    "_reorder_linear_weight",
)

_TYPICAL_SIZE_PX = (48, 96)
"""oneDNN packs weights for an input's size; told none it assumes a tiny one, and is five times slower."""


def choose_kernels(device: torch.device, dtype: torch.dtype) -> Kernels:
    """oneDNN's where the device, the format and this build of torch have them."""
    if device.type != "cpu" or dtype not in (torch.float32, torch.bfloat16):
        return PlainKernels(device, dtype)
    has_onednn: Callable[[], bool] = torch.backends.mkldnn.is_available
    if not has_onednn():
        return PlainKernels(device, dtype)
    if not all(hasattr(torch.ops.mkldnn, name) for name in _ONEDNN_OPERATORS):
        return PlainKernels(device, dtype)
    # oneDNN has kernels of bfloat16 for AVX-512 and for AVX-NE-CONVERT; torch emulates it on any CPU.
    if dtype is torch.bfloat16 and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return PlainKernels(device, dtype)
    return OneDnnKernels(dtype)
