"""The `context` that a user's functions may take: multi-model-server's, for the one request at hand, and a
little more that is ours. A fresh one for every invocation."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from quire.handlers.context import ModelContext, RequestContext
from quire.words.json_lines import log_line

log = logging.getLogger("quire.handler")

MODEL_NAME = "model"


class RequestHeaders(dict[str, str]):
    """The request's headers. They are found whatever the capitals: HTTP knows none."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__(headers)
        self._lower = {name.lower(): value for name, value in headers.items()}

    def __getitem__(self, name: str) -> str:
        return self._lower[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._lower

    def get(self, name: str, default: Any = None) -> Any:
        return self._lower.get(name.lower(), default)


class RequestProcessor:
    """One request's headers, and what its answer shall say beside its body."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = RequestHeaders(headers)
        self._response_headers: dict[str, str] = {}
        self._status, self._phrase = 200, ""

    def get_request_property(self, key: str) -> str | None:
        found: str | None = self._headers.get(key)
        return found

    def get_request_properties(self) -> RequestHeaders:
        return self._headers

    def report_status(self, code: int, reason_phrase: str | None = None) -> None:
        self._status, self._phrase = code, reason_phrase or ""

    def get_response_status_code(self) -> int:
        return self._status

    def get_response_status_phrase(self) -> str:
        return self._phrase

    def add_response_property(self, key: str, value: str) -> None:
        self._response_headers[key.lower()] = value

    def get_response_headers(self) -> dict[str, str]:
        return self._response_headers

    def get_response_header(self, key: str) -> str | None:
        return self._response_headers.get(key.lower())


class HandlerMetrics:
    """multi-model-server's metrics, as lines of the log."""

    def add_metric(
        self, name: str, value: object, idx: object = None, unit: str | None = None, dimensions: object = None
    ) -> None:
        log_line(log, logging.INFO, "metric", name=name, value=value, unit=unit)

    def add_counter(self, name: str, value: int, idx: object = None, dimensions: object = None) -> None:
        self.add_metric(name, value, idx, "count")

    def add_time(
        self, name: str, value: float, idx: object = None, unit: str = "ms", dimensions: object = None
    ) -> None:
        self.add_metric(name, value, idx, unit)

    def add_size(
        self, name: str, value: float, idx: object = None, unit: str = "MB", dimensions: object = None
    ) -> None:
        self.add_metric(name, value, idx, unit)

    def add_percent(self, name: str, value: float, idx: object = None, dimensions: object = None) -> None:
        self.add_metric(name, value, idx, "percent")

    def add_error(self, name: str, value: object, dimensions: object = None) -> None:
        self.add_metric(name, value)


class HandlerContext:
    """`deadline` is of time.monotonic(); `inference_id`, `reference` and `custom_attributes` are the
    request's. While the model is loaded there is no request, and so no header."""

    def __init__(
        self, model: ModelContext, request: RequestContext | None, headers: Mapping[str, str]
    ) -> None:
        settings = model.settings
        self.system_properties: dict[str, Any] = {
            "model_dir": str(settings.model_dir),
            "gpu_id": model.gpu_id,
            "batch_size": 1,
            "server_name": "Quire",
            "server_version": "",
        }
        self.model_name, self.manifest = MODEL_NAME, None
        self.metrics = HandlerMetrics()
        self.request_processor = [RequestProcessor(headers)]
        self.inference_id = request.inference_id if request else None
        self.reference = request.reference if request else None
        self.custom_attributes = request.custom_attributes if request else ""
        self.deadline = request.deadline if request else time.monotonic() + settings.startup_seconds
        self.request_ids = {0: self.inference_id}

    @property
    def seconds_left(self) -> float:
        return max(0.0, self.deadline - time.monotonic())

    def get_request_id(self, idx: int = 0) -> str | None:
        return self.request_ids.get(idx)

    def get_request_header(self, idx: int, key: str) -> str | None:
        return self.request_processor[idx].get_request_property(key)

    def get_all_request_header(self, idx: int) -> RequestHeaders:
        return self.request_processor[idx].get_request_properties()

    def set_response_content_type(self, idx: int, value: str) -> None:
        self.set_response_header(idx, "content-type", value)

    def get_response_content_type(self, idx: int) -> str | None:
        return self.request_processor[idx].get_response_header("content-type")

    def set_response_header(self, idx: int, key: str, value: str) -> None:
        """Kept, and sent for Content-Type alone: SageMaker drops a container's own headers."""
        self.request_processor[idx].add_response_property(key, value)

    def get_response_headers(self, idx: int) -> dict[str, str]:
        return self.request_processor[idx].get_response_headers()

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = 0) -> None:
        self.request_processor[idx].report_status(code, phrase)

    def set_all_response_status(self, code: int = 200, phrase: str = "") -> None:
        self.set_response_status(code, phrase)

    def get_response_status(self, idx: int) -> tuple[int, str]:
        processor = self.request_processor[idx]
        return processor.get_response_status_code(), processor.get_response_status_phrase()


def request_headers(content_type: str | None, request: RequestContext) -> dict[str, str]:
    """All headers that arrived; where the front end handed none on, those that it has read."""
    known = {
        "Content-Type": content_type,
        "Accept": request.accept,
        "X-Amzn-SageMaker-Custom-Attributes": request.custom_attributes or None,
        "X-Amzn-SageMaker-Inference-Id": request.inference_id,
    }
    given = {name.lower() for name in request.headers}
    missing = {
        name: value for name, value in known.items() if value is not None and name.lower() not in given
    }
    return {**request.headers, **missing}
