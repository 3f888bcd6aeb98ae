"""The handler worker as a program: the user's code is loaded, then called until it is told to stop."""

from __future__ import annotations

import argparse
import faulthandler
import logging
import os
import socket
import sys
from pathlib import Path

from quire.engine.parent_death import die_with_parent
from quire.handlers.context import ModelContext
from quire.handlers.handler_signs import HandlerSigns
from quire.handlers.handler_worker import HandlerWorker
from quire.handlers.program import find_program
from quire.handlers.user_handler import UserHandler
from quire.process.gpus import cuda_devices
from quire.process.run_directory import RunDirectory
from quire.words.errors import SettingsError
from quire.words.json_lines import configure_logging, log_line
from quire.words.settings import Settings

log = logging.getLogger("quire.handler")

EXIT_CANNOT_LOAD = 4
"""Starting again cannot help: the supervisor ends the container."""

_STDERR = 2


def load(settings: Settings, directory: RunDirectory) -> UserHandler:
    """Raises SettingsError. A handler that has not loaded within QUIRE_STARTUP_SECONDS ends the process, its
    stacks written to stderr."""
    faulthandler.dump_traceback_later(settings.startup_seconds, exit=True, file=_STDERR)
    program = find_program(settings)
    has_gpu = not program.needs_engine and cuda_devices(settings.device, os.environ)
    gpu_id = 0 if has_gpu else None  # where there are several, the plan shows each worker its own alone
    context = ModelContext(settings, directory.engine_address, directory.handler_scratch, gpu_id)
    handler = UserHandler.load(program, context)
    faulthandler.cancel_dump_traceback_later()
    return handler


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--run-directory", type=Path, required=True)
    parser.add_argument("--listener-fd", type=int, required=True)
    parser.add_argument("--calls-at-once", type=int, required=True)
    parser.add_argument("--parent-pid", type=int, required=True)
    given = parser.parse_args()
    die_with_parent(given.parent_pid)
    os.set_inheritable(given.listener_fd, False)
    listener = socket.socket(fileno=given.listener_fd)
    settings = Settings.from_environ(os.environ)
    configure_logging("handler worker", settings.log_level)
    try:
        handler = load(settings, RunDirectory(given.run_directory))
    except SettingsError as error:
        log_line(log, logging.ERROR, "the handler cannot be loaded", reason=str(error))
        sys.exit(EXIT_CANNOT_LOAD)
    log_line(log, logging.INFO, "handler loaded", calls_at_once=given.calls_at_once)
    HandlerWorker(handler, listener, settings, HandlerSigns(given.run_directory), given.calls_at_once).run()


if __name__ == "__main__":
    main()
