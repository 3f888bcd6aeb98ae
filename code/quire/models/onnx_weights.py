"""What an exported ONNX file holds: its weighted layers in execution order, whatever they are named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class WeightedLayer:
    """`operator` is Conv, ConvTranspose, MatMul or LayerNorm. A convolution that the export left with
    its BatchNormalization has `norm`: scale, shift, mean and variance."""

    operator: str
    weight: FloatArray
    bias: FloatArray | None
    norm: tuple[FloatArray, FloatArray, FloatArray, FloatArray] | None = None


@dataclass(frozen=True)
class OnnxFile:
    """Layers in execution order, and the metadata that the exporter left."""

    layers: tuple[WeightedLayer, ...]
    metadata: dict[str, str]

    def of(self, *operators: str) -> list[WeightedLayer]:
        return [layer for layer in self.layers if layer.operator in operators]


def read_onnx(content: bytes) -> OnnxFile:
    model = onnx.load_from_string(content)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    return OnnxFile(tuple(_Graph(model.graph).layers()), metadata)


class _Graph:
    """Finds the constants beside each operator; Identity nodes are looked through."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self._nodes = list(graph.node)
        self._constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        self._consumers: dict[str, list[onnx.NodeProto]] = {}
        for node in self._nodes:
            for name in node.input:
                self._consumers.setdefault(name, []).append(node)
            if node.op_type == "Identity" and node.input[0] in self._constants:
                self._constants[node.output[0]] = self._constants[node.input[0]]

    def layers(self) -> Iterator[WeightedLayer]:
        for node in self._nodes:
            weight = self._constant(node)
            if weight is None:
                continue
            if node.op_type in ("Conv", "ConvTranspose"):
                yield WeightedLayer(node.op_type, weight, self._bias(node), self._norm(node))
            elif node.op_type == "MatMul":
                yield WeightedLayer("MatMul", weight, self._bias(node))
            elif node.op_type == "Mul" and weight.ndim == 1 and weight.size > 1:
                yield WeightedLayer("LayerNorm", weight, self._bias(node))

    def _constant(self, node: onnx.NodeProto) -> FloatArray | None:
        found = [self._constants[name] for name in node.input if name in self._constants]
        return np.asarray(found[0], np.float32) if found else None

    def _next(self, node: onnx.NodeProto, operator: str) -> onnx.NodeProto | None:
        """The node of that operator which alone consumes the output, Identity nodes apart."""
        consumers = self._consumers.get(node.output[0], [])
        if len(consumers) != 1:
            return None
        if consumers[0].op_type == "Identity":
            return self._next(consumers[0], operator)
        return consumers[0] if consumers[0].op_type == operator else None

    def _bias(self, node: onnx.NodeProto) -> FloatArray | None:
        addition = self._next(node, "Add")
        bias = self._constant(addition) if addition is not None else None
        return bias.reshape(-1) if bias is not None else None

    def _norm(self, node: onnx.NodeProto) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray] | None:
        norm = self._next(node, "BatchNormalization")
        if norm is None:
            return None
        scale, shift, mean, variance = (np.asarray(self._constants[name]) for name in norm.input[1:5])
        return scale, shift, mean, variance
