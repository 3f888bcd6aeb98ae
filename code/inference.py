"""The built-in handler: the four functions through which the front end reaches the model.

`model_fn` returns the engine's client: "the model" of the contract is the thing that batches.
"""

from __future__ import annotations

from quire.engine.client import EngineClient
from quire.formats.writing import write_reading
from quire.handlers.context import ModelContext, RequestContext
from quire.handlers.document_requests import read_document_request
from quire.handlers.spooling import SpooledBody
from quire.words.reading import DocumentReading
from quire.words.request import DocumentRequest


def model_fn(model_dir: str, context: ModelContext) -> EngineClient:
    """The engine finds the model in `model_dir` by itself: it reads the same settings."""
    return EngineClient(context.engine_address, context.scratch)


def input_fn(body: SpooledBody, content_type: str | None, context: RequestContext) -> DocumentRequest:
    return read_document_request(body, content_type, context)


def predict_fn(request: DocumentRequest, model: EngineClient, context: RequestContext) -> DocumentReading:
    return model.read(request, deadline=context.deadline, caller=context.caller)


def output_fn(reading: DocumentReading, accept: str | None, context: RequestContext) -> tuple[bytes, str]:
    written = write_reading(reading, accept)
    return written.body, written.content_type
