"""Whether the client understands what the container writes: the one place where tests hold both."""

from __future__ import annotations

import pytest

from quire.frontend.error_bodies import error_json
from quire.handlers.context import InvocationNotes
from quire.words.errors import ANSWERABLE_ERRORS, QuireError
from quire_endpoint.client.answers import model_error


@pytest.mark.parametrize("error", ANSWERABLE_ERRORS, ids=lambda error: error.code)
def test_error_bodies_are_parsed(error: type[QuireError]) -> None:
    found = model_error(error_json(error("in words"), InvocationNotes()))
    assert (found.code, found.message, found.is_retryable) == (error.code, "in words", error.retryable)
