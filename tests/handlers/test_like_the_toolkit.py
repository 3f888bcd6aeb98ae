"""Users' handlers through the real sagemaker-inference and through ours: the same bodies, the same status."""

from __future__ import annotations

import re
import struct
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from quire.words.errors import QuireError
from tests.fakes.handlers_that_users_write import HANDLERS, UsersHandler, UsersRequest
from tests.handlers.conftest import LoadedHandler

HANDLER_SERVICE = import_module("sagemaker_inference.default_handler_service")
SERVICE = import_module("mms.service")


@dataclass(frozen=True)
class Outcome:
    """What the caller gets. `message` is None where it succeeded, `content_type` where it did not."""

    status: int
    body: bytes | None
    content_type: str | None
    message: str | None


class NoWorkerStarts(Exception):
    """The toolkit's initialisation failed; multi-model-server tries again, for ever."""


class ToolkitInThisProcess:
    """sagemaker-inference's own handler service behind multi-model-server's own Service, without its JVM and
    its socket: requests go in as its worker process decodes them. Raises NoWorkerStarts."""

    def __init__(self, base: Path) -> None:
        self._model_dir = str(base / "model")
        sys.path.insert(0, str(base / "model" / "code"))
        self._toolkit = HANDLER_SERVICE.DefaultHandlerService()
        self._service = SERVICE.Service("model", self._model_dir, None, self._answer, None, 1)
        self._answers: list[Any] = []
        try:
            self._toolkit.initialize(self._service.context)
        except Exception as error:
            raise NoWorkerStarts from error

    def _answer(self, data: Any, context: Any) -> list[Any]:
        self._answers = self._toolkit.handle(data, context)
        return self._answers

    def ask(self, asked: UsersRequest) -> Outcome:
        headers = [
            {"name": bytearray(name.encode()), "value": bytearray(value.encode())}
            for name, value in asked.all_headers.items()
        ]
        body = {"name": "body", "contentType": asked.content_type or "", "value": bytearray(asked.body)}
        response = self._service.predict([{"requestId": b"id-1", "headers": headers, "parameters": [body]}])
        (code,) = struct.unpack_from("!i", response)
        status, _ = self._service.context.get_response_status(0)
        (answer,) = self._answers
        if code != 200 or status != 200 or (isinstance(answer, str) and "Traceback (most recent" in answer):
            return Outcome(status if code == 200 else code, None, None, str(answer))
        encoded = answer.encode() if isinstance(answer, str) else bytes(answer)
        return Outcome(status, encoded, self._service.context.get_response_content_type(0), None)


def toolkits_of(users: UsersHandler, asked: UsersRequest, base: Path) -> Outcome:
    """The toolkit's outcome, of a handler that was just loaded. Raises NoWorkerStarts."""
    users.write(base)
    try:
        return ToolkitInThisProcess(base).ask(asked)
    finally:
        sys.modules.pop("inference", None)


def ours_of(users: UsersHandler, asked: UsersRequest, base: Path) -> Outcome:
    """Ours, of a handler that was just loaded. Raises SettingsError where it ends at start."""
    users.write(base)
    handler = LoadedHandler(base, base / "no-engine.sock", {})
    try:
        answer = handler.ask(asked)
    except QuireError as error:
        return Outcome(error.status, None, None, str(error))
    return Outcome(answer.status, answer.body, answer.content_type, None)


def _without_addresses(message: str) -> str:
    return re.sub(r"0x[0-9a-f]+", "0x", message)


CASES = [
    pytest.param(users, asked, id=f"{kind}-{asked.name}".replace(" ", "_"))
    for kind, users in HANDLERS.items()
    for asked in users.requests
]


@pytest.mark.usefixtures("process_left_as_it_was")
@pytest.mark.parametrize(("users", "asked"), CASES)
def test_a_users_handler_answers_as_under_the_toolkit(
    users: UsersHandler, asked: UsersRequest, tmp_path: Path
) -> None:
    toolkits, ours = toolkits_of(users, asked, tmp_path), ours_of(users, asked, tmp_path)
    assert (ours.status, ours.body) == (toolkits.status, toolkits.body)
    if ours.message is not None:
        assert "Traceback" in str(toolkits.message)
        assert "Traceback" not in ours.message
        assert _without_addresses(str(toolkits.message).splitlines()[0]) in _without_addresses(ours.message)
    elif asked.accept != "image/png, text/csv, application/json":
        assert ours.content_type == toolkits.content_type
