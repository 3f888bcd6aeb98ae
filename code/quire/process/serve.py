"""The container's start: settings in, printed, checked; then the supervisor for as long as it lasts."""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

import msgspec

from quire.handlers.handler_signs import HandlerSigns
from quire.handlers.program import Program, find_program
from quire.process.child_programs import (
    ChildProgram,
    engine_program,
    front_end_program,
    handler_programs,
    listen,
    listen_for_handlers,
)
from quire.process.children import ENGINE, FRONT_END, Child, Role
from quire.process.handler_plan import plan_handlers
from quire.process.mms_program import mms_child
from quire.process.preflight import Unfit, preflight
from quire.process.run_directory import RunDirectory, run_directory
from quire.process.supervision import DRAINS, Supervision
from quire.process.supervisor import Supervisor, block_signals
from quire.words.errors import SettingsError
from quire.words.json_lines import configure_logging, log_line
from quire.words.settings import Settings

log = logging.getLogger("quire.supervisor")

EXIT_SETTINGS = 2
EXIT_UNFIT = 3

_NO_WORKERS = (
    "SAGEMAKER_MODEL_SERVER_WORKERS has no effect on the built-in handler; see "
    "QUIRE_MAX_CONCURRENT_INVOCATIONS"
)


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """The exit code. `arguments` is empty, or the word that SageMaker passes: serve."""
    block_signals()  # first of all: PID 1 loses a SIGTERM that comes before
    try:
        if list(arguments) not in ([], ["serve"]):
            raise SettingsError(f"unknown argument {arguments[0]!r}: only serve is known")
        settings = Settings.from_environ(environ)
        program = find_program(settings)
        configure_logging("supervisor", settings.log_level)
        print_settings(settings)
        if program.is_built_in and settings.handler_workers:
            log_line(log, logging.WARNING, _NO_WORKERS)
        return _serve(settings, program, environ)
    except SettingsError as error:
        sys.stderr.write(f"quire: {error}\n")
        return EXIT_SETTINGS
    except Unfit as error:
        sys.stderr.write(f"quire: {error}\n")
        return EXIT_UNFIT


def print_settings(settings: Settings) -> None:
    """One line with every value and the variable it came from; one for each warning."""
    values = msgspec.structs.asdict(settings)
    sources, warnings = values.pop("sources"), values.pop("warnings")
    told = {name: {"value": value, "from": sources[name]} for name, value in values.items()}
    log_line(log, logging.INFO, "settings", settings=told)
    for warning in warnings:
        log_line(log, logging.WARNING, warning)


def _serve(settings: Settings, program: Program, environ: Mapping[str, str]) -> int:
    with ExitStack() as stack:
        listener = stack.enter_context(_listener(settings))
        directory = stack.enter_context(run_directory(settings.scratch))
        preflight(settings, environ)
        programs: dict[Child, ChildProgram] = {}
        if program.needs_engine:
            programs[ENGINE] = engine_program(environ, directory)
        if settings.model_server == "mms":
            listener.close()  # the server makes its own
            programs[FRONT_END] = mms_child(environ, directory)
        else:
            programs |= stack.enter_context(_handlers(settings, program, environ, directory))
            programs[FRONT_END] = front_end_program(environ, directory, listener)
        drains = (Role.FRONT_END, Role.ENGINE) if _answers_in_front(settings, program) else DRAINS
        supervision = Supervision(settings.drain_seconds, settings.heal_seconds, programs, drains)
        return Supervisor(supervision, programs, HandlerSigns(directory.path)).run()


def _listener(settings: Settings) -> socket.socket:
    try:
        return listen(settings.bind_host, settings.port)
    except OSError as error:
        asked = f"QUIRE_BIND_HOST={settings.bind_host!r}, SAGEMAKER_BIND_TO_PORT={settings.port}"
        raise SettingsError(f"{asked}: {error.strerror}") from error


@contextmanager
def _handlers(
    settings: Settings, program: Program, environ: Mapping[str, str], directory: RunDirectory
) -> Iterator[dict[Child, ChildProgram]]:
    """None for the built-in handler, which runs in the front end."""
    if not program.runs_in_workers:
        yield {}
        return
    with listen_for_handlers(directory.handler_address) as listener:
        yield handler_programs(environ, directory, plan_handlers(program, settings, environ), listener)


def _answers_in_front(settings: Settings, program: Program) -> bool:
    """Whether a user's calls are in the hands of the front end, whose workers multi-model-server's are."""
    return settings.model_server == "mms" and not program.is_built_in


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
