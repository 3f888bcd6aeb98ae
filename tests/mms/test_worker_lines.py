"""How a worker's log lines reach the server: JSON, save for the two by which it knows its worker."""

from __future__ import annotations

import json
import logging

import pytest

from quire.process.mms_worker import WorkerLines, Worthwhile

OF_MMS, OF_THE_HANDLER = "/site-packages/mms/model_service_worker.py", "/opt/ml/model/code/inference.py"


def record(path: str, message: str, level: int = logging.INFO) -> logging.LogRecord:
    return logging.LogRecord("root", level, path, 1, message, None, None)


@pytest.mark.parametrize("message", ["MMS worker started.", "[PID] 17"])
def test_what_the_server_waits_for_is_plain_at_any_level(message: str) -> None:
    said = record(OF_MMS, message)
    assert Worthwhile(logging.ERROR).filter(said)
    assert WorkerLines("mms worker").format(said) == message


def test_a_handler_that_says_the_same_is_a_line_like_any_other() -> None:
    said = WorkerLines("mms worker").format(record(OF_THE_HANDLER, "MMS worker started."))
    assert json.loads(said)["event"] == "MMS worker started."


@pytest.mark.parametrize(
    ("path", "level", "is_logged"),
    [
        (OF_MMS, logging.INFO, False),
        (OF_MMS, logging.WARNING, True),
        (OF_THE_HANDLER, logging.INFO, True),
        (OF_THE_HANDLER, logging.DEBUG, False),
    ],
)
def test_the_servers_chatter_is_left_out(path: str, level: int, is_logged: bool) -> None:
    assert Worthwhile(logging.INFO).filter(record(path, "Frontend disconnected.", level)) == is_logged
