"""The `python` that multi-model-server starts: its worker program, made to die with the server and to log as
we do. Each worker is forked from it, so what all need is imported once, here."""

from __future__ import annotations

import importlib
import logging
import os
import runpy
import signal
import sys
from pathlib import Path
from types import FrameType

from quire.frontend.mms_place import MmsPlace
from quire.words.json_lines import JsonLines

SERVICE = "quire.frontend.mms_service"

_WATCH_SECONDS = 1.0


class WorkerLines(JsonLines):
    """JSON lines, save for the two by which the server knows its worker."""

    def format(self, record: logging.LogRecord) -> str:
        return record.getMessage() if is_for_the_server(record) else super().format(record)


def is_for_the_server(record: logging.LogRecord) -> bool:
    said = record.getMessage()
    return _is_of_mms(record) and (said == "MMS worker started." or said.startswith("[PID]"))


class Worthwhile(logging.Filter):
    """What is `least` or worse; of multi-model-server's own lines, warnings."""

    def __init__(self, least: int) -> None:
        super().__init__()
        self._least = least

    def filter(self, record: logging.LogRecord) -> bool:
        if is_for_the_server(record):
            return True
        least = max(self._least, logging.WARNING) if _is_of_mms(record) else self._least
        return record.levelno >= least


def _is_of_mms(record: logging.LogRecord) -> bool:
    return Path(record.pathname).parent.name == "mms"


def log_to_server(level: str) -> None:
    """Every logger, on the stdout that the server reads."""
    least = logging.getLevelNamesMapping()[level.upper()]
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(WorkerLines("mms worker"))
    handler.addFilter(Worthwhile(least))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(min(least, logging.INFO))
    logging.captureWarnings(True)


def end_with(server: int) -> None:
    """The kernel's own signal will not do: it comes when the thread ends that started this process, and the
    server's threads come and go. Timers are not inherited by the workers that are forked from here."""

    def look(number: int, frame: FrameType | None) -> None:
        if os.getppid() != server:
            os._exit(1)

    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, _WATCH_SECONDS, _WATCH_SECONDS)


def main() -> None:
    """Runs the program that the arguments name, as Python would."""
    place = MmsPlace.from_environ(os.environ)
    place.say_nursery()
    end_with(os.getppid())
    log_to_server(place.orders().settings.log_level)
    importlib.import_module(SERVICE)
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
