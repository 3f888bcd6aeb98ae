"""How do a model's outputs come to the host, whatever they are made of?"""

from __future__ import annotations

import copy
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from quire.engine.port import Running
from quire.models.device_side.side import DeviceSide, Fetch


@dataclass(frozen=True)
class _Landing:
    """Outputs whose tensors are on their way: a `Running`."""

    outputs: Any
    fetch: Fetch

    def wait(self) -> None:
        if isinstance(self.fetch, Running):
            self.fetch.wait()


def on_the_way(outputs: Any, side: DeviceSide) -> Any:
    """What `landed` makes the outputs of, on the host. Begins to copy every tensor in lists, tuples and
    mappings; others are left where they are. On the CPU there is nowhere to go."""
    if side.device.type == "cpu":
        return outputs
    return _Landing(outputs, side.fetch(list(_tensors(outputs))))


def landed(outputs: Any) -> Any:
    """The outputs with their tensors on the host; to be called once they have been waited for."""
    if not isinstance(outputs, _Landing):
        return outputs
    return _with(outputs.outputs, iter(outputs.fetch.tensors))


def _tensors(outputs: Any) -> Iterator[Tensor]:
    if isinstance(outputs, Tensor):
        yield outputs
    elif isinstance(outputs, MutableMapping):
        for value in outputs.values():
            yield from _tensors(value)
    elif isinstance(outputs, list | tuple):
        for value in outputs:
            yield from _tensors(value)


def _with(outputs: Any, tensors: Iterator[Tensor]) -> Any:
    """The same with other tensors, in the order in which `_tensors` finds them."""
    if isinstance(outputs, Tensor):
        return next(tensors)
    if isinstance(outputs, MutableMapping):
        # A mapping of another kind, such as a transformers ModelOutput, stays what it is.
        replaced = copy.copy(outputs)
        for name in list(outputs):
            replaced[name] = _with(outputs[name], tensors)
        return replaced
    if isinstance(outputs, list | tuple):
        values = [_with(value, tensors) for value in outputs]
        return type(outputs)(*values) if hasattr(outputs, "_fields") else type(outputs)(values)
    return outputs
