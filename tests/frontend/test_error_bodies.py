"""The body of an error answer."""

from __future__ import annotations

import json

from quire.frontend.error_bodies import error_json
from quire.handlers.context import InvocationNotes
from quire.words.errors import HandlerFailed


def test_a_message_that_utf8_cannot_write_is_escaped() -> None:
    body = error_json(HandlerFailed("no label \ud800, für"), InvocationNotes("id-1", "ref-1"))
    assert json.loads(body)["error"]["message"] == "no label \\ud800, für"
