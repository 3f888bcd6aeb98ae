"""Handlers of the kinds that users write for sagemaker-inference, unmodified, and requests to try them with:
one set for every comparison between the toolkit and Quire."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

JSON, CSV, NPY = "application/json", "text/csv", "application/x-npy"
ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"


@dataclass(frozen=True)
class UsersRequest:
    """`headers` beside Content-Type and Accept, which are None where the request has none."""

    name: str
    body: bytes
    content_type: str | None = None
    accept: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def all_headers(self) -> dict[str, str]:
        types = {"Content-Type": self.content_type, "Accept": self.accept}
        return {**self.headers, **{name: value for name, value in types.items() if value is not None}}


@dataclass(frozen=True)
class UsersHandler:
    """A program, the model folder's other files, and what it is asked."""

    program: str
    requests: tuple[UsersRequest, ...]
    files: Mapping[str, Callable[[], bytes]] = field(default_factory=dict)

    def write(self, base: Path) -> Path:
        """The base dir, with the handler and its files in base/model."""
        code = base / "model" / "code"
        code.mkdir(parents=True, exist_ok=True)
        (code / "inference.py").write_text(self.program, encoding="utf-8")
        for name, content in self.files.items():
            (base / "model" / name).write_bytes(content())
        return base


def npy(array: object) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(array))
    return buffer.getvalue()


def png() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 4), (250, 120, 0)).save(buffer, "PNG")
    return buffer.getvalue()


def torch_weights() -> bytes:
    import torch

    layer = torch.nn.Linear(3, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.arange(6.0).reshape(2, 3) / 4)
        layer.bias.copy_(torch.tensor([0.5, -1.0]))
    buffer = io.BytesIO()
    torch.save(layer.state_dict(), buffer)
    return buffer.getvalue()


JSON_PREDICTION = """
import json
import os

import numpy as np


def model_fn(model_dir):
    with open(os.path.join(model_dir, "weights.json")) as f:
        return np.array(json.load(f))


def predict_fn(data, model):
    return np.atleast_2d(data) @ model
"""

IMAGE_BYTES = """
import io
import json

import numpy as np
from PIL import Image


def model_fn(model_dir):
    return {"classes": ["dark", "bright"]}


def input_fn(request_body, content_type="application/x-image"):
    if content_type in ("application/x-image", "image/png", "image/jpeg"):
        return np.asarray(Image.open(io.BytesIO(request_body)).convert("RGB"))
    raise ValueError("Unsupported content type: " + content_type)


def predict_fn(image, model):
    mean = image.mean(axis=(0, 1))
    return {"label": model["classes"][int(mean.mean() > 100)], "mean": [float(x) for x in mean]}


def output_fn(prediction, accept):
    return json.dumps(prediction), "application/json"
"""

TRANSFORM = """
import csv
import io
import json


def model_fn(model_dir):
    return 2.0


def transform_fn(model, data, content_type, accept):
    if content_type == "text/csv":
        rows = [[float(cell) for cell in row] for row in csv.reader(io.StringIO(data))]
    else:
        rows = json.loads(data)["instances"]
    scaled = [[model * cell for cell in row] for row in rows]
    if accept == "text/csv":
        return "\\n".join(",".join(str(cell) for cell in row) for row in scaled), "text/csv"
    return json.dumps({"predictions": scaled})
"""

WITH_CONTEXT = """
import json
import logging

logger = logging.getLogger(__name__)

started = []


def pre_model_fn(model_dir, context):
    started.append("pre_model_fn")


def model_fn(model_dir, context):
    started.append("model_fn")
    return {"gpu": context.system_properties.get("gpu_id"), "dir": model_dir}


def model_warmup_fn(model_dir, model, context):
    started.append("model_warmup_fn")


def input_fn(data, content_type, context):
    attributes = context.get_request_header(0, "X-Amzn-SageMaker-Custom-Attributes") or ""
    properties = context.request_processor[0].get_request_properties()
    return {"data": json.loads(data), "tenant": attributes, "accept": properties.get("Accept")}


def predict_fn(data, model, context):
    logger.info("predicting")
    return {**data, "started": started, "same_dir": context.system_properties["model_dir"] == model["dir"]}


def output_fn(prediction, accept, context):
    context.set_response_content_type(0, "application/json")
    return json.dumps(prediction, sort_keys=True)
"""

TOOLKIT_ERRORS = """
import json

from sagemaker_inference import content_types, decoder, encoder, errors


class QuotaExceeded(errors.BaseInferenceToolkitError):
    def __init__(self, limit):
        super().__init__(429, "the limit is %d" % limit, "Too Many Requests")


def model_fn(model_dir):
    return None


def input_fn(data, content_type):
    if content_type != content_types.JSON:
        raise errors.GenericInferenceToolkitError(415, "send JSON")
    return decoder.decode(data, content_type)


def predict_fn(data, model):
    if data.size > 3:
        raise QuotaExceeded(3)
    if data.sum() < 0:
        raise errors.GenericInferenceToolkitError(422, "negative\\nsum", "Unprocessable")
    if data.sum() == 0:
        raise errors.GenericInferenceToolkitError(503, "come back later")
    if data.sum() > 100:
        raise RuntimeError("a secret\\nin two lines")
    return data * 2


def output_fn(prediction, accept):
    return encoder.encode(prediction, accept)
"""

TORCH_MODEL = """
import os

import torch


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 2)

    def forward(self, x):
        return self.layer(x)


def model_fn(model_dir, context):
    gpu_id = context.system_properties.get("gpu_id")
    cuda = torch.cuda.is_available() and gpu_id is not None
    device = torch.device("cuda:" + str(gpu_id) if cuda else "cpu")
    net = Net()
    net.layer.load_state_dict(torch.load(os.path.join(model_dir, "model.pt"), weights_only=True))
    net.eval()
    return net.to(device), device


def predict_fn(data, model):
    net, device = model
    with torch.no_grad():
        return net(torch.tensor(data, dtype=torch.float32, device=device)).cpu().numpy()
"""

HANDLERS: dict[str, UsersHandler] = {
    "json_prediction": UsersHandler(
        JSON_PREDICTION,
        (
            UsersRequest("json", b"[[1, 2], [3, 4]]", JSON),
            UsersRequest("json for anything", b"[1, 2]", JSON, "*/*"),
            UsersRequest("csv to csv", b"1,2\n3,4\n", CSV, CSV),
            UsersRequest("npy to npy", npy([[1.5, 2.5]]), NPY, NPY),
            UsersRequest("first of a list", b"[1, 2]", JSON, "image/png, text/csv, application/json"),
            UsersRequest("wrong shape", b"[1, 2, 3]", JSON),
        ),
        {"weights.json": lambda: json.dumps([[1, 0.5, -1], [2, 0, 1]]).encode()},
    ),
    "image_bytes": UsersHandler(
        IMAGE_BYTES,
        (
            UsersRequest("png", png(), "image/png"),
            UsersRequest("png for json", png(), "application/x-image", JSON),
            UsersRequest("no image", b"not an image", "image/png"),
            UsersRequest("a type it does not know", b"x", "text/plain"),
        ),
    ),
    "transform": UsersHandler(
        TRANSFORM,
        (
            UsersRequest("json", b'{"instances": [[1, 2], [3.5, 4]]}', JSON),
            UsersRequest("csv to csv", b"1,2\n3,4", CSV, CSV),
            UsersRequest("csv", b"1,2", CSV),
            UsersRequest("not json", b"{", JSON),
        ),
    ),
    "with_context": UsersHandler(
        WITH_CONTEXT,
        (
            UsersRequest("attributes", b'{"a": 1}', JSON, JSON, {ATTRIBUTES: "tenant=7"}),
            UsersRequest("other attributes", b'{"a": 1}', JSON, JSON, {ATTRIBUTES: "tenant=8"}),
            UsersRequest("no attributes", b"[]", JSON),
        ),
    ),
    "toolkit_errors": UsersHandler(
        TOOLKIT_ERRORS,
        (
            UsersRequest("fine", b"[1, 2]", JSON, JSON),
            UsersRequest("its own 429", b"[1, 2, 3, 4]", JSON),
            UsersRequest("its own 415", b"1", CSV),
            UsersRequest("its own 422", b"[-1]", JSON),
            UsersRequest("its own 503", b"[0]", JSON),
            UsersRequest("any exception", b"[101]", JSON),
        ),
    ),
    "torch_model": UsersHandler(
        TORCH_MODEL,
        (
            UsersRequest("json", b"[[1, 2, 3], [4, 5, 6]]", JSON),
            UsersRequest("csv to npy", b"1,2,3\n4,5,6\n", CSV, NPY),
        ),
        {"model.pt": torch_weights},
    ),
}
"""By the kind of handler."""
