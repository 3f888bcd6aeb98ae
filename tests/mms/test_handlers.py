"""Users' handlers under plain sagemaker-inference and multi-model-server, and under Quire on both front ends:
the same bodies and the same status, the faults apart that docs/handlers.md lists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.fakes.handlers_that_users_write import HANDLERS, UsersRequest
from tests.fakes.plain_toolkit import PlainToolkit, plain_toolkit
from tests.fakes.running_front_end import Answer, http_request
from tests.mms.conftest import await_warm, serving_under, short_folder

CASES = [(kind, server) for kind in HANDLERS for server in ("gunicorn", "mms")]

FIRST_OF_A_LIST = "image/png, text/csv, application/json"


@pytest.fixture(scope="module")
def toolkit() -> Iterator[PlainToolkit]:
    """One Java process for all kinds of handlers, each a model of its own."""
    with short_folder() as folder, plain_toolkit(folder, HANDLERS) as started:
        yield started


@dataclass(frozen=True)
class ServedHandler:
    """A user's handler in a container of ours."""

    kind: str
    server: str
    port: int

    def ask(self, asked: UsersRequest) -> Answer:
        return http_request(self.port, "POST", "/invocations", asked.body, asked.all_headers)


@pytest.fixture(scope="module", params=CASES, ids="-".join)
def handler(request: pytest.FixtureRequest) -> Iterator[ServedHandler]:
    kind, server = request.param
    with short_folder() as folder, serving_under(server, HANDLERS[kind].write(folder)) as container:
        await_warm(container)
        yield ServedHandler(kind, server, container.port)


def test_a_users_handler_answers_as_under_the_toolkit(handler: ServedHandler, toolkit: PlainToolkit) -> None:
    for asked in HANDLERS[handler.kind].requests:
        ours, theirs = handler.ask(asked), toolkit.ask(handler.kind, asked)
        assert ours.status == theirs.status, (asked.name, ours.body, theirs.body)
        if theirs.status == 200:
            assert ours.body == theirs.body, asked.name
            if asked.accept != FIRST_OF_A_LIST:
                assert media_type(ours) == media_type(theirs), asked.name
        else:
            assert_the_same_fault(ours, theirs)


def assert_the_same_fault(ours: Answer, theirs: Answer) -> None:
    """Theirs is the message and the traceback; ours is the message, in JSON."""
    assert b"Traceback" in theirs.body
    assert b"Traceback" not in ours.body
    message = theirs.body.decode().splitlines()[0]
    assert without_addresses(message) in without_addresses(ours.error["message"])


def without_addresses(message: str) -> str:
    return re.sub(r"0x[0-9a-f]+", "0x", message)


def media_type(answer: Answer) -> str | None:
    return {name.lower(): value for name, value in answer.headers.items()}.get("content-type")
