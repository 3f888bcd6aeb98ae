"""README's error table is the list of answerable errors, row by row."""

from __future__ import annotations

from pathlib import Path

import pytest

from quire.words.errors import ANSWERABLE_ERRORS, CallerError, QuireError
from tests.readme import table_rows


def test_table_holds_every_error_once(repository: Path) -> None:
    codes = [row[1].strip("`") for row in table_rows(repository, "errors")]
    assert sorted(codes) == sorted(error.code for error in ANSWERABLE_ERRORS)


@pytest.mark.parametrize("error", ANSWERABLE_ERRORS, ids=lambda error: error.code)
def test_row_says_what_the_error_says(repository: Path, error: type[QuireError]) -> None:
    (row,) = (row for row in table_rows(repository, "errors") if row[1] == f"`{error.code}`")
    status, _, retryable, sentence = row
    assert int(status) == error.status
    assert retryable == ("yes" if error.retryable else "no")
    assert sentence == " ".join((error.__doc__ or "").split())
    assert sentence


@pytest.mark.parametrize("error", ANSWERABLE_ERRORS, ids=lambda error: error.code)
def test_status_says_whose_fault_it_is(error: type[QuireError]) -> None:
    assert (400 <= error.status < 500) == issubclass(error, CallerError)
    assert not (error.retryable and error.status < 500)
