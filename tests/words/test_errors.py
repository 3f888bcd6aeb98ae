"""The error tree: what each class answers, and how it crosses a border as a value."""

from __future__ import annotations

import inspect

import msgspec
import pytest

from quire.words import errors
from quire.words.errors import (
    ANSWERABLE_ERRORS,
    ERRORS_BY_CODE,
    CallerError,
    Fault,
    InternalError,
    QuireError,
    ServerError,
)

EVERY_ERROR = [
    value
    for _, value in inspect.getmembers(errors, inspect.isclass)
    if issubclass(value, QuireError) and value.__module__ == errors.__name__
]


def test_codes_are_unique() -> None:
    assert len(ERRORS_BY_CODE) == len(ANSWERABLE_ERRORS)


def test_every_leaf_may_answer() -> None:
    leaves = {error for error in EVERY_ERROR if not error.__subclasses__()}
    assert leaves <= set(ANSWERABLE_ERRORS)


@pytest.mark.parametrize("error", ANSWERABLE_ERRORS, ids=lambda error: error.code)
def test_error_is_the_callers_or_ours(error: type[QuireError]) -> None:
    assert issubclass(error, CallerError) != issubclass(error, ServerError)
    assert (error.status < 500) == issubclass(error, CallerError)


@pytest.mark.parametrize("error", ANSWERABLE_ERRORS, ids=lambda error: error.code)
def test_tree_in_the_docstring_tells_the_truth(error: type[QuireError]) -> None:
    (line,) = (line for line in (errors.__doc__ or "").splitlines() if f" {error.__name__} " in line)
    words = line.split()
    assert [str(error.status), error.code] == words[words.index(error.__name__) + 1 :][:2]
    assert ("retryable" in words) == error.retryable


@pytest.mark.parametrize("error", ANSWERABLE_ERRORS, ids=lambda error: error.code)
def test_fault_becomes_its_error_again(error: type[QuireError]) -> None:
    fault = Fault.of(error("the sentence"))
    again = msgspec.json.decode(msgspec.json.encode(fault), type=Fault).error()
    assert type(again) is error
    assert str(again) == "the sentence"
    assert fault.retryable == error.retryable
    assert fault.is_callers == issubclass(error, CallerError)


def test_unknown_code_is_our_own_fault() -> None:
    fault = Fault(code="from_the_future", message="m", retryable=True)
    assert type(fault.error()) is InternalError
    assert not fault.is_callers


def test_a_fault_can_be_written_whatever_its_error_says() -> None:
    """A caller's JSON may bring a lone surrogate, and a handler may repeat it."""
    fault = Fault.of(InternalError("no label \ud800, für"))
    assert (
        msgspec.msgpack.decode(msgspec.msgpack.encode(fault), type=Fault).message == "no label \\ud800, für"
    )
