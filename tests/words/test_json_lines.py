"""Log lines as they are written."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from quire.words.json_lines import configure_logging, log_line

log = logging.getLogger("quire.test")


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Takes the lines; the process's own logging is put back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    written = io.StringIO()
    configure_logging("a test", "info", written)
    yield written
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(False)


def test_a_line_is_one_json_object(stream: io.StringIO) -> None:
    log_line(log, logging.INFO, "it\nhappened", pages=3, path=Path("/x"), left_out=None)
    assert stream.getvalue().count("\n") == 1
    line = json.loads(stream.getvalue())
    assert (line["event"], line["level"], line["process"], line["pages"]) == (
        "it\nhappened",
        "info",
        "a test",
        3,
    )
    assert "/x" in line["path"]
    assert "left_out" not in line
    assert datetime.fromisoformat(line["time"]).tzinfo is not None


def test_percent_signs_are_no_format(stream: io.StringIO) -> None:
    log_line(log, logging.INFO, "100 %s")
    assert json.loads(stream.getvalue())["event"] == "100 %s"


def test_a_traceback_is_a_field(stream: io.StringIO) -> None:
    try:
        raise KeyError("k")
    except KeyError as error:
        log_line(log, logging.ERROR, "failed", exc_info=error)
    assert "KeyError: 'k'" in json.loads(stream.getvalue())["traceback"]


def test_less_severe_lines_are_left_out(stream: io.StringIO) -> None:
    log_line(log, logging.DEBUG, "unseen")
    assert stream.getvalue() == ""


def test_other_libraries_are_written_alike(stream: io.StringIO) -> None:
    logging.getLogger("botocore").warning("of %s", "theirs")
    assert json.loads(stream.getvalue())["event"] == "of theirs"


def test_warnings_become_lines(stream: io.StringIO) -> None:
    logging.captureWarnings(False)  # pytest has put its own in place since the fixture was made
    configure_logging("a test", "info", stream)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.warn("mind the gap", stacklevel=1)
    assert "mind the gap" in json.loads(stream.getvalue())["event"]


def test_a_lone_surrogate_costs_no_line(stream: io.StringIO) -> None:
    log_line(log, logging.INFO, "it happened", label="\ud800", path=Path("/x"))
    line = json.loads(stream.getvalue())
    assert (line["event"], line["label"]) == ("it happened", "\ud800")
