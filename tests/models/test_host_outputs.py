"""Outputs of any make come to the host as what they were."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers.modeling_outputs import SequenceClassifierOutput

from quire.engine.port import Running
from quire.models.device_side.cpu import CpuSide
from quire.models.device_side.side import Array, Run
from quire.models.host_outputs import landed, on_the_way


class Pair(NamedTuple):
    first: Tensor
    second: str


class FetchThatMustBeWaitedFor:
    """Its tensors are wrong until then."""

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        self._there = tuple(tensors)
        self.tensors = tuple(torch.full_like(tensor, -1) for tensor in tensors)

    def wait(self) -> None:
        for here, there in zip(self.tensors, self._there, strict=True):
            here.copy_(there)

    def arrays(self) -> tuple[Array, ...]:
        raise NotImplementedError("tensors are asked for: numpy has no bfloat16")


class SideThatWorksAhead:
    """As CUDA does, on the CPU."""

    captures_graphs = True

    def __init__(self) -> None:
        self.device = torch.device("meta")

    def upload(self, values: Array) -> Tensor:
        return torch.from_numpy(values)

    def fetch(self, tensors: Sequence[Tensor]) -> FetchThatMustBeWaitedFor:
        return FetchThatMustBeWaitedFor(tensors)

    def capture(self, run: Run) -> Run:
        return run

    def finish(self) -> None:
        """All is done."""

    def guard(self) -> AbstractContextManager[None]:
        return nullcontext()

    def memory(self) -> None:
        return None


def there_and_back(outputs: Any) -> Any:
    running = on_the_way(outputs, SideThatWorksAhead())
    assert isinstance(running, Running)
    running.wait()
    return landed(running)


def numbers(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.bfloat16)


def test_tensors_in_lists_tuples_and_mappings_come_back_in_their_places() -> None:
    given = {
        "a": numbers(1, 2),
        "b": [numbers(3), (numbers(4), None)],
        "c": "text",
        "d": Pair(numbers(5), "x"),
    }
    found = there_and_back(given)
    assert found["a"].tolist() == [1, 2]
    assert found["b"][0].tolist() == [3]
    assert (found["b"][1][0].tolist(), found["b"][1][1], found["c"]) == ([4], None, "text")
    assert isinstance(found["d"], Pair)
    assert (found["d"].first.tolist(), found["d"].second) == ([5], "x")


def test_the_models_own_mapping_is_left_as_it_was() -> None:
    given = {"a": numbers(1)}
    assert there_and_back(given) is not given
    assert given["a"].tolist() == [1]


@pytest.mark.parametrize("kind", [OrderedDict, SequenceClassifierOutput])
def test_mappings_stay_what_they_are(kind: Any) -> None:
    found = there_and_back(kind(logits=numbers(7)))
    assert type(found) is kind
    assert found["logits"].tolist() == [7]


def test_a_model_output_keeps_its_attributes() -> None:
    assert there_and_back(SequenceClassifierOutput(logits=numbers(7))).logits.tolist() == [7]


def test_a_bare_tensor_and_none_at_all() -> None:
    assert there_and_back(numbers(1)).tolist() == [1]
    assert there_and_back("text") == "text"


def test_on_the_cpu_outputs_stay_as_they_are() -> None:
    given = {"a": np.zeros(3), "b": numbers(1)}
    assert on_the_way(given, CpuSide()) is given
    assert landed(given) is given
