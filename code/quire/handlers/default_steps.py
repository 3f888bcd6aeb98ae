"""What stands in for the functions that a handler leaves out: ours where the model is ours, the toolkit's
where the handler brought its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

from quire.engine.client import EngineClient
from quire.formats.writing import write_reading
from quire.handlers.document_requests import read_document_request
from quire.handlers.invocation import Invocation
from quire.handlers.reading_model import ReadingModel
from quire.handlers.toolkit_codecs import decode, encode
from quire.words.reading import DocumentReading


class DefaultSteps(Protocol):
    """The contract's steps, each of which a user's function may replace."""

    def model(self, invocation: Invocation) -> Any: ...

    def input(self, invocation: Invocation) -> Any: ...

    def predict(self, data: Any, model: Any) -> Any: ...

    def output(self, prediction: Any, invocation: Invocation) -> Any: ...


@dataclass(frozen=True)
class DocumentSteps:
    """The model is ours. `checks_accept` where a reading is what will be written: then an Accept that cannot
    be met is refused before the document is read."""

    client: EngineClient
    checks_accept: bool

    def model(self, invocation: Invocation) -> ReadingModel:
        return ReadingModel(self.client, invocation.request)

    def input(self, invocation: Invocation) -> Any:
        accept = invocation.accept if self.checks_accept else None
        asking = replace(invocation.request, accept=accept)
        asked = read_document_request(invocation.body, invocation.content_type, asking)
        invocation.moved(invocation.request.with_options(asked.options))
        return asked

    def predict(self, data: Any, model: ReadingModel) -> DocumentReading:
        return model.read(data)

    def output(self, prediction: Any, invocation: Invocation) -> tuple[str | bytes, str]:
        if isinstance(prediction, DocumentReading):
            written = write_reading(prediction, invocation.accept)
            return written.body, written.content_type
        return encode(prediction, invocation.accept, invocation.request.settings.default_accept)


@dataclass(frozen=True)
class ToolkitSteps:
    """The model is the handler's."""

    loaded: Any

    def model(self, invocation: Invocation) -> Any:
        return self.loaded

    def input(self, invocation: Invocation) -> Any:
        return decode(invocation.payload(), invocation.content_type)

    def predict(self, data: Any, model: Any) -> Any:
        raise NotImplementedError("a handler with a model_fn has a predict_fn or a transform_fn")

    def output(self, prediction: Any, invocation: Invocation) -> tuple[str | bytes, str]:
        return encode(prediction, invocation.accept, invocation.request.settings.default_accept)
