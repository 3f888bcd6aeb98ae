"""The recognition network: lines of text to the likeliest class at each time step, and how likely it is."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quire.models.ppocr.backbone import Backbone
from quire.models.ppocr.fold import fold
from quire.models.ppocr.kernels import Activation, Kernels, Linear

_STEPS_AT_ONCE = 64
"""Time steps whose logits are made at once by kernels of the CPU: few enough to stay in its cache."""

_CLASSES_IN_GROUP = 128
"""The classes are filled up to a multiple of this with ones that are never the likeliest."""


class _Mixer:
    """One transformer block over the time steps: [n, t, c] to [n, t, c]."""

    def __init__(self, kernels: Kernels, block: Any) -> None:
        attention = block.self_attn
        self._heads = int(attention.num_heads)
        self._attention_norm = _LayerNorm(kernels, block.layer_norm1)
        self._projections = _linear(kernels, attention.qkv)
        self._joined = _linear(kernels, attention.projection)
        self._mlp_norm = _LayerNorm(kernels, block.layer_norm2)
        self._widen = _linear(kernels, block.mlp.fc1, Activation.SWISH)
        self._narrow = _linear(kernels, block.mlp.fc2)

    def __call__(self, x: Tensor) -> Tensor:
        x = x + self._joined(self._attend(self._attention_norm(x)))
        return x.add_(self._narrow(self._widen(self._mlp_norm(x))))

    def _attend(self, x: Tensor) -> Tensor:
        count, steps, channels = x.shape
        parts = self._projections(x).view(count, steps, 3, self._heads, channels // self._heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = F.scaled_dot_product_attention(query, key, value)
        return mixed.transpose(1, 2).reshape(count, steps, channels)


class _LayerNorm:
    def __init__(self, kernels: Kernels, norm: nn.LayerNorm) -> None:
        self._weight = norm.weight.detach().to(kernels.device, kernels.dtype)
        self._bias = norm.bias.detach().to(kernels.device, kernels.dtype)
        self._epsilon = norm.eps

    def __call__(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, self._weight.shape, self._weight, self._bias, self._epsilon)


def _linear(kernels: Kernels, linear: nn.Linear, activation: Activation = Activation.NONE) -> Linear:
    return kernels.linear(linear.weight.detach(), linear.bias.detach(), activation)


class _Encoder:
    """SVTR: features [n, c, 1, t] to time steps [n, t, c] that have seen their neighbours and each other."""

    def __init__(self, kernels: Kernels, encoder: Any) -> None:
        skip, reduce, local = (fold(layer.convolution, layer.normalization) for layer in encoder.conv_block)
        self._entry = kernels.linear(
            torch.cat((skip.weight, reduce.weight)).flatten(1),
            torch.cat((skip.bias, reduce.bias)),
            Activation.SWISH,
        )
        self._local = kernels.convolution(local, Activation.SWISH)
        self._mixers = [_Mixer(kernels, block) for block in encoder.svtr_block]
        self._norm = _LayerNorm(kernels, encoder.norm)

    def __call__(self, features: Tensor) -> Tensor:
        steps = features.squeeze(2).transpose(1, 2)
        skipped, reduced = self._entry(steps).chunk(2, dim=2)
        reduced = reduced.contiguous()
        image = reduced.transpose(1, 2).unsqueeze(2)
        mixed = reduced + self._local(image).squeeze(2).transpose(1, 2)
        for mixer in self._mixers:
            mixed = mixer(mixed)
        return self._norm(mixed) + skipped


class Steps(NamedTuple):
    """What is said of each time step; see `networks.Recognized`."""

    classes: Tensor
    confidences: Tensor
    space_odds: Tensor


class _Classifier:
    """The likeliest of the classes and, unless that is the blank, its probability; the logits stay here."""

    def __init__(self, kernels: Kernels, head: nn.Linear) -> None:
        extra = -head.out_features % _CLASSES_IN_GROUP
        self._logits = kernels.linear(
            F.pad(head.weight.detach(), (0, 0, 0, extra)),
            F.pad(head.bias.detach(), (0, extra), value=-torch.inf),
            Activation.NONE,
        )
        self._space = head.out_features - 1
        self._is_straight = kernels.is_straight

    def __call__(self, steps: Tensor) -> Steps:
        rows = steps.reshape(-1, steps.shape[2])
        if self._is_straight:
            return Steps(*(part.view(steps.shape[:2]) for part in self._classify(rows)))
        starts = range(0, len(rows), _STEPS_AT_ONCE)
        found = [self._classify(rows[start : start + _STEPS_AT_ONCE]) for start in starts]
        return Steps(*(torch.cat(parts).view(steps.shape[:2]) for parts in zip(*found, strict=True)))

    def _classify(self, rows: Tensor) -> Steps:
        logits = self._logits(rows)
        classes = _likeliest(logits)
        highest = logits.gather(1, classes[:, None]).squeeze(1)
        space_odds = (logits[:, self._space].float() - highest.float()).exp()
        return Steps(classes, self._confidences(logits, classes), space_odds)

    def _confidences(self, logits: Tensor, classes: Tensor) -> Tensor:
        confidences = torch.ones(classes.shape, dtype=torch.float32, device=classes.device)
        if self._is_straight:
            # On CUDA, waiting for the number of written steps would cost more than the blank ones do.
            return torch.where(classes == 0, confidences, _probability(logits, classes))
        written = classes.nonzero().squeeze(1)
        confidences[written] = _probability(logits[written], classes[written])
        return confidences


def _likeliest(logits: Tensor) -> Tensor:
    """Arg-max of each row by way of groups: torch finds the maxima of groups far faster than an arg-max."""
    groups = logits.view(logits.shape[0], -1, _CLASSES_IN_GROUP)
    group = groups.amax(2).argmax(1)
    members = groups.gather(1, group[:, None, None].expand(-1, 1, groups.shape[2])).squeeze(1)
    return group * _CLASSES_IN_GROUP + members.argmax(1)


def _probability(logits: Tensor, classes: Tensor) -> Tensor:
    return torch.softmax(logits, 1).gather(1, classes[:, None]).squeeze(1).float()


class RecognitionNetwork:
    """A Forward: from [n, 3, 48, w] to steps [n, w / 8]."""

    def __init__(self, kernels: Kernels, model: Any) -> None:
        self._backbone = Backbone(kernels, model.model.backbone.encoder)
        self._encoder = _Encoder(kernels, model.head.encoder)
        self._classifier = _Classifier(kernels, model.head.head)

    def __call__(self, lines: Tensor) -> Steps:
        features = F.avg_pool2d(self._backbone(lines)[-1], (3, 2))
        return self._classifier(self._encoder(features))
